//! Trees and errors of expressions.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::super::ast::{Ast, Kind, NodeId, Pairs, Path, Stage};
use super::super::error::Code;
use super::draft::DEPTH_MAX;
use super::parse;

#[test]
fn names_are_paths_and_paths_are_flat() {
    assert_eq!(tree("foo"), "(path foo)");
    assert_eq!(tree("a.`b c`.'d'.*.**"), "(path a b c d * **)");
    assert_eq!(tree("$x.and.or.in"), "(path $x and or in)");
    assert_eq!(tree("(a.b).c"), "(path (block (path a b)) c)");
    assert_eq!(tree("naïve.日本"), "(path naïve 日本)");
}

#[test]
fn literals_are_read_exactly() {
    assert_eq!(tree("9007199254740993"), "9007199254740993");
    assert_eq!(tree("9223372036854775808"), "9223372036854776000");
    assert_eq!(tree("[1.0, 1e3, 1.5, 12E-1, 1e21]"), "[1 1000 1.5 1.2 1e+21]");
    assert_eq!(tree("[-1, --1, -1.5, - 0, -(1)]"), "[-1 1 -1.5 0 (- (block 1))]");
    assert_eq!(tree("[true, false, null]"), "[true false null]");
    assert_eq!(tree("1..2.3"), "S0201");
    assert_eq!(tree("[1..2]"), "[(.. 1 2)]");
    assert_eq!(
        tree(r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é""#),
        r#""a\"\\/\u{8}\u{c}\n\r\té😀é""#
    );
    assert_eq!(tree(r#"'say "hi"'"#), r#""say \"hi\"""#);
    assert_eq!(tree("$f(/a\\/[/]b/im)"), "(call $f /a\\/[/]b/img)");
}

#[test]
fn blanks_and_comments_stand_anywhere() {
    assert_eq!(tree(" /* one */ a /* . */\t.\r\n\u{b}b/**/"), "(path a b)");
}

#[test]
fn symbols_bind_as_strongly_as_in_the_reference() {
    assert_eq!(tree("1 + 2 * 3 - 4"), "(- (+ 1 (* 2 3)) 4)");
    assert_eq!(tree("a or b and c = d"), "(or (path a) (and (path b) (= (path c) (path d))))");
    assert_eq!(tree("a & b in c"), "(in (& (path a) (path b)) (path c))");
    assert_eq!(tree("-a.b"), "(- (path a b))");
    assert_eq!(tree("$x := $y := 1"), "(:= x (:= y 1))");
    assert_eq!(tree("a ? b : c ? d"), "(? (path a) (path b) (? (path c) (path d)))");
    assert_eq!(tree("1 ?? 2 + 3"), "(?? 1 (+ 2 3))");
    assert_eq!(tree("1 + 2 ?: 3"), "(? (+ 1 2) (+ 1 2) 3)");
    assert_eq!(tree("a ~> $f ~> $g(1)"), "(~> (~> (path a) $f) (call $g 1))");
    assert_eq!(tree("a % b / c"), "(/ (% (path a) (path b)) (path c))");
}

#[test]
fn predicates_are_stages_of_steps_and_hang_at_anything_else() {
    assert_eq!(tree("a.b[0][c]"), "(path a b[0][(path c)])");
    assert_eq!(tree("(a.b)[0]"), "(block (path a b))[0]");
    assert_eq!(tree("$x[0].a"), "(path $x[0] a)");
    assert_eq!(tree("a.$x[0]"), "(path a $x[0])");
    assert_eq!(tree("a^(b)[0]"), "(path a (sort <(path b))[0])");
}

#[test]
fn brackets_without_a_predicate_keep_arrays() {
    assert_eq!(tree("a[]"), "(path! a!)!");
    assert_eq!(tree("a[0][].b"), "(path! a![0] b)!");
    assert_eq!(tree("a.b[]"), "(path! a b!)");
    assert_eq!(tree("$x[]"), "$x!");
    assert_eq!(tree("a.$x[].b"), "(path! a $x! b)");
    assert_eq!(tree("a@$x[].b"), "(path! a!@x~ b)!");
    assert_eq!(tree("$f()[] ~> $g"), "(~> (call $f)! $g)!");
}

#[test]
fn constructed_arrays_at_the_ends_of_paths_are_kept() {
    assert_eq!(tree("[1, [2]]"), "[1 [2]]");
    assert_eq!(tree("[a].b"), "(path [(path a)]& b)");
    assert_eq!(tree("a.[b].c"), "(path a [(path b)]& c)");
    assert_eq!(tree("([a].b).c"), "(path (block (path [(path a)]& b))& c)");
}

#[test]
fn groups_and_sorts_belong_to_the_path() {
    assert_eq!(tree("a.b{c: d, 'e': 1}"), "(path a b){(path c) (path d) \"e\" 1}");
    assert_eq!(tree("{'a': 1}"), "{\"a\" 1}");
    assert_eq!(tree("a^(>b, <c, d).e"), "(path a (sort >(path b) <(path c) <(path d)) e)");
    assert_eq!(tree("$x^($)"), "(path $x (sort <$))");
}

#[test]
fn focus_and_index_make_tuples() {
    assert_eq!(tree("a@$x.b#$i[$i]"), "(path a@x~ b#i~[$i])");
    assert_eq!(tree("a.b[0]#$i"), "(path a b~[0][#i])");
    assert_eq!(tree("$x[0]#$i"), "(path $x~[0][#i])");
}

#[test]
fn parents_find_their_steps() {
    assert_eq!(tree("a.b.%.c"), "(path a b^0~ %0 c)");
    assert_eq!(tree("a.b.%.%.c"), "(path a^1~ b^0~ %0 %1 c)");
    assert_eq!(tree("a.b[%.c]"), "(path a b^0~[(path %0 c)])");
    assert_eq!(tree("a.(b.{'x': %.c})"), "(path a (block (path b^0~ {\"x\" (path %0 c)})))");
    assert_eq!(tree("a.(b.c).%.d"), "(path a (block (path~ b c^0~))~ %0 d)");
    assert_eq!(
        tree("a.b.{'x': %.c, 'y': %.d}"),
        "(path a b^1~ {\"x\" (path %1 c) \"y\" (path %1 d)})".replace('1', "0")
    );
    assert_eq!(tree("a.b^(%.c)"), "(path a b^0~ (sort <(path %0 c)))");
    assert_eq!(tree("a@$x.b@$y.%.c"), "(path a^0~@x b@y~ %0 c)".replace("^0~@x", "@x^0~"));
}

#[test]
fn functions_are_called_applied_in_part_and_defined() {
    assert_eq!(tree("$f(1, a)(2)"), "(call (call $f 1 (path a)) 2)");
    assert_eq!(tree("foo()"), "(call (path foo))");
    assert_eq!(tree("$f(?, 1, ?)"), "(partial $f ? 1 ?)");
    assert_eq!(tree("function($a, $b){ $a }"), "(lambda (a b) $a)");
    assert_eq!(tree("λ($a)<s - n? : a<n>>{ 1 }(2)"), "(call (lambda (a) <> 1) 2)");
    assert_eq!(tree("|a|{'b': 1}, 'c'|"), "(| (path a) {\"b\" 1} \"c\")");
}

#[test]
fn newer_operators_are_noted() {
    let ast = parse("a ?? b ?: c").unwrap();
    assert_eq!(ast.newer_operators.iter().map(|span| span.start).collect::<Vec<_>>(), [2, 7]);
}

#[test]
fn every_error_has_its_code_and_text() {
    for (text, code, message) in [
        ("'a", "S0101", "String literal must be terminated by a matching quote"),
        ("'\\u12", "S0101", "String literal must be terminated by a matching quote"),
        ("10e1000", "S0102", "Number out of range: \"10e1000\""),
        (r"'\y'", "S0103", r#"Unsupported escape sequence: \"y""#),
        (r"'\u12g4'", "S0104", r"The escape sequence \u must be followed by 4 hex digits"),
        (r"'\ud800'", "S0104", r"The escape sequence \u must be followed by 4 hex digits"),
        ("`a", "S0105", "Quoted property name must be terminated with a backquote (`)"),
        ("1 /* ", "S0106", "Comment has no closing tag"),
        ("a b", "S0201", "Syntax error: \"b\""),
        ("1 2", "S0201", "Syntax error: 2"),
        ("a[1,2)", "S0202", r#"Expected "]", got ",""#),
        ("[1", "S0203", r#"Expected "]" before end of expression"#),
        ("1 ! 2", "S0204", "Unknown operator: \"!\""),
        ("1 +", "S0207", "Unexpected end of expression"),
        ("", "S0207", "Unexpected end of expression"),
        (
            "function($a, x){1}",
            "S0208",
            "Parameter 2 of function definition must be a variable name (start with $)",
        ),
        ("$x{a: b}[0]", "S0209", "A predicate cannot follow a grouping expression in a step"),
        ("a{a: b}{c: d}", "S0210", "Each step can only have one grouping expression"),
        ("1 + )", "S0211", "The symbol \")\" cannot be used as a unary operator"),
        ("a := 1", "S0212", "The left side of := must be a variable name (start with $)"),
        ("$x[0] := 1", "S0212", "The left side of := must be a variable name (start with $)"),
        ("a.-1", "S0213", "The literal value -1 cannot be used as a step within a path expression"),
        ("a@b", "S0214", "The right side of \"@\" must be a variable name (start with $)"),
        ("a#1", "S0214", "The right side of \"#\" must be a variable name (start with $)"),
        ("a[0]@$x", "S0215", "A context variable binding must precede any predicates on a step"),
        (
            "a^(b)@$x",
            "S0216",
            "A context variable binding must precede the 'order-by' clause on a step",
        ),
        (
            "%.a",
            "S0217",
            "The object representing the 'parent' cannot be derived from this expression",
        ),
        (
            "$x.%",
            "S0217",
            "The object representing the 'parent' cannot be derived from this expression",
        ),
        ("$f(//)", "S0301", "Empty regular expressions are not allowed"),
        ("$f(/a)", "S0302", "No terminating / in regular expression"),
        (
            "function($a)<s<n>>{1}",
            "S0401",
            "Type parameters can only be applied to functions and arrays",
        ),
        (
            "function($a)<(sa<n>)>{1}",
            "S0402",
            "Choice groups containing parameterized types are not supported",
        ),
    ] {
        let thrown = parse(text).unwrap_err();
        assert_eq!((thrown.code().as_str(), &*thrown.message()), (code, message), "{text}");
        assert!(thrown.span().is_some(), "{text}");
    }
}

#[test]
fn errors_of_the_text_come_before_those_of_the_tree() {
    assert_eq!(tree("1.a ]"), "S0201");
    assert_eq!(tree("1.a + 2.b"), "S0213");
    assert_eq!(tree("[% +"), "S0203");
}

#[test]
fn a_slash_behind_an_operand_divides() {
    assert_eq!(tree("a/2/b"), "(/ (/ (path a) 2) (path b))");
    assert_eq!(tree("(a)/2"), "(/ (block (path a)) 2)");
    assert_eq!(tree("$x := /a/"), "(:= x /a/g)");
    // As the reference has it: behind a bracket that opens an operand, too.
    assert_eq!(tree("(/a/)"), "S0211");
}

#[test]
fn nesting_is_bounded() {
    let sum = |terms: usize| vec!["1"; terms].join("+");
    let brackets = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&sum(500)).is_ok());
    assert!(parse(&brackets(499)).is_ok());
    for text in [sum(501), brackets(500)] {
        let thrown = parse(&text).unwrap_err();
        assert_eq!(thrown.code(), Code::U1001);
        let levels = format!("The expression is nested deeper than {DEPTH_MAX} levels");
        assert_eq!((thrown.message(), thrown.to_string()), (levels.clone(), levels));
    }
}

#[test]
fn hostile_text_needs_neither_stack_nor_time() {
    let hostile = || {
        for text in [
            "(".repeat(100_000),
            "[".repeat(100_000),
            "-".repeat(50_000),
            "$f(".repeat(100_000),
            "function(){".repeat(100_000),
            "a[".repeat(100_000),
            "{a:".repeat(100_000),
            "a.(".repeat(100_000),
            "$x:=".repeat(100_000),
            "1?".repeat(100_000),
            "|a|".repeat(100_000),
            "a^(".repeat(100_000),
            format!("$f{}", "()".repeat(100_000)),
            vec!["1"; 100_000].join("+"),
            vec!["%"; 100_000].join("."),
            format!("{}{}", "a.".repeat(100_000), vec!["%"; 100_000].join(".")),
            "/*".repeat(100_000),
            format!("/{}", "\\".repeat(100_000)),
            "`a".repeat(100_001),
            "<".repeat(100_000),
            format!("function()<{}", "a<".repeat(100_000)),
        ] {
            assert!(parse(&text).is_err());
        }
        for text in [
            vec!["a"; 100_000].join("."),
            format!("a{}", "[0]".repeat(100_000)),
            format!("a{}", "[]".repeat(100_000)),
            format!("a{}", "#$i".repeat(100_000)),
            format!("[{}]", vec!["a.[b]"; 50_000].join(",")),
            format!("({})", vec!["$x := 1"; 50_000].join(";")),
            "/**/".repeat(100_000) + "1",
            format!("$f(/{}/)", "\\/".repeat(100_000)),
            format!("{}1{}", "[".repeat(499), "]".repeat(499)),
            format!("{}1{}", "$f(".repeat(498), ")".repeat(498)),
            format!("{}a{}", "a.(".repeat(240), ")".repeat(240)),
            format!("{}1{}", "{'a':".repeat(499), "}".repeat(499)),
            format!("{}1", "$x:=".repeat(499)),
            format!("{}$x", "-".repeat(499)),
            format!("{}1{}", "function($x){".repeat(499), "}".repeat(499)),
            format!("{}%{}", "a.[".repeat(240), "]".repeat(240)),
            format!("{}a.b{}.%", "(".repeat(490), ")".repeat(490)),
            format!("[{}]", vec!["a.b[%.c].%"; 50_000].join(",")),
        ] {
            let outcome = parse(&text);
            assert!(outcome.is_ok(), "{} {outcome:?}", &text[..20]);
        }
    };
    std::thread::Builder::new()
        .name("small".into())
        .stack_size(2 << 20)
        .spawn(hostile)
        .unwrap()
        .join()
        .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn parsing_never_panics_on_any_tokens(
        tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..24)
    ) {
        survives(&tokens.concat());
        survives(&tokens.join(" "));
    }

    #[test]
    fn parsing_never_panics_on_any_text(text in "\\PC{0,40}") {
        survives(&text);
    }
}

/// Spans of what parses, and of what does not, are parts of the text.
fn survives(text: &str) {
    let spans = match parse(text) {
        Ok(ast) => ast.nodes.iter().map(|node| node.span).collect(),
        Err(thrown) => Vec::from_iter(thrown.span()),
    };
    for span in spans {
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{text}: {span:?}");
    }
}

/// The tree of `text`, or the code of its error.
fn tree(text: &str) -> String {
    match parse(text) {
        Ok(ast) => render(&ast),
        Err(thrown) => thrown.code().as_str().into(),
    }
}

/// A tree as text. Behind a node: `!` keeps arrays, `&` constructs one.
fn render(ast: &Ast) -> String {
    let mut out = String::new();
    render_node(ast, ast.root, &mut out);
    out
}

fn render_node(ast: &Ast, id: NodeId, out: &mut String) {
    let node = &ast[id];
    render_kind(ast, &node.kind, out);
    for &predicate in &node.predicates {
        list(ast, "[", &[predicate], "]", out);
    }
    if let Some(pairs) = &node.group {
        render_pairs(ast, pairs, out);
    }
    if node.keep_array {
        out.push('!');
    }
    if node.cons_array {
        out.push('&');
    }
}

fn render_kind(ast: &Ast, kind: &Kind, out: &mut String) {
    let mut tagged = |tag: &str, nodes: &[NodeId]| list(ast, &format!("({tag} "), nodes, ")", out);
    match kind {
        Kind::Binary(operator, left, right) => tagged(operator.sign(), &[*left, *right]),
        Kind::Negate(operand) => tagged("-", &[*operand]),
        Kind::Array(items) => list(ast, "[", items, "]", out),
        Kind::Object(pairs) => render_pairs(ast, pairs, out),
        Kind::Block(parts) => tagged("block", parts),
        Kind::Condition { test, then, otherwise } => {
            let branches: Vec<_> = [*test, *then].into_iter().chain(*otherwise).collect();
            tagged("?", &branches);
        }
        Kind::Coalesce(left, right) => tagged("??", &[*left, *right]),
        Kind::Elvis(left, right) => tagged("?", &[*left, *left, *right]),
        Kind::Bind { name, value } => tagged(&format!(":= {name}"), &[*value]),
        Kind::Apply(left, right) => tagged("~>", &[*left, *right]),
        Kind::Call { .. } | Kind::Transform { .. } => {
            let mut children = Vec::new();
            kind.each_child(&mut |child| children.push(child));
            tagged(if matches!(kind, Kind::Call { .. }) { "call" } else { "|" }, &children);
        }
        Kind::Partial { callee, arguments } => {
            list(ast, "(partial ", &[*callee], "", out);
            for argument in arguments {
                match argument {
                    Some(argument) => list(ast, " ", &[*argument], "", out),
                    None => out.push_str(" ?"),
                }
            }
            out.push(')');
        }
        Kind::Lambda { parameters, signature, body } => {
            let signed = if signature.is_some() { " <>" } else { "" };
            tagged(&format!("lambda ({}){signed}", parameters.join(" ")), &[*body]);
        }
        Kind::Sort(terms) => {
            out.push_str("(sort");
            for term in terms {
                let sign = if term.descending { " >" } else { " <" };
                list(ast, sign, &[term.expression], "", out);
            }
            out.push(')');
        }
        Kind::Path(path) => render_path(ast, path, out),
        leaf => render_leaf(leaf, out),
    }
}

fn render_leaf(kind: &Kind, out: &mut String) {
    let written = match kind {
        Kind::Null => write!(out, "null"),
        Kind::Bool(value) => write!(out, "{value}"),
        Kind::Int(value) => write!(out, "{value}"),
        Kind::Float(value) => write!(out, "{}", ryu_js::Buffer::new().format(*value)),
        Kind::Text(text) => write!(out, "{text:?}"),
        Kind::Regex { pattern, flags } => write!(out, "/{pattern}/{flags}"),
        Kind::Name(name) => write!(out, "{name}"),
        Kind::Variable(name) => write!(out, "${name}"),
        Kind::Wildcard => write!(out, "*"),
        Kind::Descendants => write!(out, "**"),
        Kind::Parent(label) => write!(out, "%{}", label.0),
        other => panic!("{other:?} is no leaf"),
    };
    written.unwrap();
}

fn render_path(ast: &Ast, path: &Path, out: &mut String) {
    out.push_str("(path");
    if path.keep_singleton {
        out.push('!');
    }
    if path.tuple {
        out.push('~');
    }
    for step in &path.steps {
        list(ast, " ", &[step.node], "", out);
        for (mark, name) in [('@', &step.focus), ('#', &step.index)] {
            if let Some(name) = name {
                write!(out, "{mark}{name}").unwrap();
            }
        }
        if let Some(label) = step.ancestor {
            write!(out, "^{}", label.0).unwrap();
        }
        if step.tuple {
            out.push('~');
        }
        for stage in &step.stages {
            match stage {
                Stage::Filter(predicate) => list(ast, "[", &[*predicate], "]", out),
                Stage::Index(name) => write!(out, "[#{name}]").unwrap(),
            }
        }
    }
    out.push(')');
}

fn render_pairs(ast: &Ast, pairs: &Pairs, out: &mut String) {
    let nodes: Vec<_> = pairs.iter().flat_map(|&(key, value)| [key, value]).collect();
    list(ast, "{", &nodes, "}", out);
}

fn list(ast: &Ast, open: &str, nodes: &[NodeId], close: &str, out: &mut String) {
    out.push_str(open);
    for (position, &node) in nodes.iter().enumerate() {
        if position > 0 {
            out.push(' ');
        }
        render_node(ast, node, out);
    }
    out.push_str(close);
}

const TOKENS: &[&str] = &[
    "a",
    "b",
    "`c d`",
    "function",
    "λ",
    "and",
    "or",
    "in",
    "$",
    "$$",
    "$x",
    "1",
    "2.5",
    "1e400",
    "'s'",
    "\"t\\u00e9\"",
    "'\\ud83d",
    "'",
    "true",
    "null",
    "/re/i",
    "/",
    "*",
    "**",
    "%",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ".",
    "..",
    ",",
    ";",
    ":",
    "?",
    "?:",
    "??",
    "+",
    "-",
    "=",
    "<",
    ">",
    "!=",
    "!",
    "~>",
    "~",
    ":=",
    "&",
    "|",
    "^(",
    "@$i",
    "#$j",
    "[]",
    "/*",
    "*/",
    "<s-n?:a<n>>",
    "\\",
    "é",
    "function($a){",
    "$f(",
    "?,",
];
