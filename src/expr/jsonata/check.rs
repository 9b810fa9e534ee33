//! What AWS looks at in an expression when a machine is created: does it parse, does it read a
//! context item that is not there, and which variables does it need.
//!
//! An expression has no context item of its own, so a bare name, `$` or `$$` at its top level reads
//! nothing. The top level reaches wherever the reference implementation evaluates with the
//! expression's own input: through operators, arguments, constructors, the bodies of functions and
//! the first step of a path, but not into later steps, predicates, sort terms, groups and
//! transforms. A step that binds its focus (`@$x`) hands its own input on, hence also the lack of
//! one.

use std::collections::{HashMap, HashSet};

use super::ast::{Ast, Kind, NodeId, Pairs, Path, Span, Stage};
use super::parse::parse;
use super::{Dialect, References, Refusal, Thrown, Unsupported, functions, regex};

/// Checks an expression as AWS does when a machine is created, and says what it refers to.
///
/// # Errors
/// [`Refusal`] for the first thing that does not parse, or for all that is not supported.
pub fn check(text: &str) -> Result<References, Refusal> {
    let ast = parse(text).map_err(Refusal::Syntax)?;
    patterns(&ast).map_err(Refusal::Syntax)?;
    let mut walk = Walk::new(&ast);
    walk.node(ast.root, true);
    walk.finish().map_err(Refusal::Unsupported)
}

/// Whether all regular expressions can be matched in linear time.
fn patterns(ast: &Ast) -> Result<(), Thrown> {
    for node in &ast.nodes {
        if let Kind::Regex { pattern, flags } = &node.kind {
            regex::compile(pattern, flags).map_err(|error| error.at(node.span))?;
        }
    }
    Ok(())
}

/// Goes through a tree in the order of evaluation. The parser bounds how deep.
struct Walk<'a> {
    ast: &'a Ast,
    /// How many of the open frames have bound a name.
    bound: HashMap<&'a str, u32>,
    frames: Vec<Frame<'a>>,
    /// Frames of the functions that are being walked through.
    functions: Vec<usize>,
    /// Names of a path's tuples that go on in the path around it, where a `%` looks into them.
    carried: Vec<&'a str>,
    found: References,
    refused: Vec<Unsupported>,
}

/// Names that live as long as a block, a call or a path.
#[derive(Default)]
struct Frame<'a> {
    names: Vec<&'a str>,
    /// Variables of functions that are made here: what is bound later is bound when they run.
    awaited: Vec<(&'a str, Span)>,
}

impl<'a> Walk<'a> {
    fn new(ast: &'a Ast) -> Self {
        Self {
            ast,
            bound: HashMap::new(),
            frames: vec![Frame::default()],
            functions: Vec::new(),
            carried: Vec::new(),
            found: References {
                newer_operators: ast.newer_operators.clone(),
                ..References::default()
            },
            refused: Vec::new(),
        }
    }

    fn finish(mut self) -> Result<References, Vec<Unsupported>> {
        self.leave();
        if !self.refused.is_empty() {
            return Err(self.refused);
        }
        self.found.variables.sort_by_key(|(_, span)| span.start);
        Ok(self.found)
    }

    /// `top`: the context item here is the expression's own, which is absent.
    fn node(&mut self, id: NodeId, top: bool) {
        stacker::maybe_grow(STACK_RED_ZONE, STACK_SEGMENT, || self.node_inside(id, top));
    }

    fn node_inside(&mut self, id: NodeId, top: bool) {
        let ast = self.ast;
        let node = &ast[id];
        match &node.kind {
            // Its group sees the variables that its steps bind.
            Kind::Path(path) => return self.path(path, node.group.as_ref(), top),
            Kind::Name(name) if top => self.refuse(name, node.span),
            Kind::Variable(name) => self.variable(name, node.span, top),
            Kind::Bind { name, value } => {
                self.node(*value, top);
                self.bind(name);
            }
            Kind::Block(parts) => {
                self.frames.push(Frame::default());
                self.nodes(parts, top);
                self.leave();
            }
            // A function keeps the context item of where it was made.
            Kind::Lambda { parameters, body, .. } => self.function(parameters, &[*body], top),
            Kind::Transform { pattern, update, delete } => {
                let parts: Vec<_> = [*pattern, *update].into_iter().chain(*delete).collect();
                self.function(&[], &parts, false);
            }
            kind => {
                let mut children = Vec::new();
                kind.each_child(&mut |child| children.push(child));
                self.nodes(&children, top);
            }
        }
        self.nodes(&node.predicates, false);
        self.group(node.group.as_ref(), false);
    }

    fn nodes(&mut self, nodes: &[NodeId], top: bool) {
        for &node in nodes {
            self.node(node, top);
        }
    }

    fn path(&mut self, path: &'a Path, group: Option<&'a Pairs>, mut top: bool) {
        let tuples = path.steps.iter().any(|step| step.tuple);
        if tuples {
            self.frames.push(Frame::default());
        }
        let states = self.states_field(path);
        if let Some((field, span)) = states {
            self.found.states.push((field.into(), span));
        }
        for (index, step) in path.steps.iter().enumerate() {
            if states.is_none() || index > 0 {
                self.node(step.node, top);
            }
            let carried = std::mem::take(&mut self.carried);
            if step.tuple {
                for name in carried {
                    self.bind(name);
                }
            }
            top &= step.focus.is_some();
            for name in [&step.focus, &step.index].into_iter().flatten() {
                self.bind(name);
            }
            for stage in &step.stages {
                match stage {
                    Stage::Filter(predicate) => self.node(*predicate, top),
                    Stage::Index(name) => self.bind(name),
                }
            }
        }
        self.group(group, top);
        if tuples {
            let names = self.leave();
            if path.tuple {
                self.carried.extend(names);
            }
        }
    }

    fn group(&mut self, group: Option<&'a Pairs>, top: bool) {
        for &(key, value) in group.into_iter().flatten() {
            self.node(key, top);
            self.node(value, top);
        }
    }

    fn function(&mut self, parameters: &'a [Box<str>], parts: &[NodeId], top: bool) {
        self.functions.push(self.frames.len());
        self.frames.push(Frame::default());
        for name in parameters {
            self.bind(name);
        }
        self.nodes(parts, top);
        self.leave();
        self.functions.pop();
    }

    fn variable(&mut self, name: &'a str, span: Span, top: bool) {
        match name {
            "" | "$" if top => self.refuse(&format!("${name}"), span),
            "" | "$" => {}
            _ if self.is_bound(name) || functions::find(name, Dialect::Aws).is_some() => {}
            "states" => self.found.states.push(("".into(), span)),
            _ => {
                // What surrounds the innermost function may still bind it.
                let around = self.functions.last().and_then(|frame| frame.checked_sub(1));
                match around.and_then(|frame| self.frames.get_mut(frame)) {
                    Some(frame) => frame.awaited.push((name, span)),
                    None => self.found.variables.push((name.into(), span)),
                }
            }
        }
    }

    /// The field that a path begins with, if it begins with `$states`.
    fn states_field(&self, path: &Path) -> Option<(&'a str, Span)> {
        let [first, second, ..] = &path.steps[..] else { return None };
        let (ast, states) = (self.ast, &self.ast[first.node]);
        let plain = states.predicates.is_empty()
            && states.group.is_none()
            && first.stages.is_empty()
            && first.focus.is_none();
        match (&states.kind, &ast[second.node].kind) {
            (Kind::Variable(variable), Kind::Name(field))
                if plain && &**variable == "states" && !self.is_bound(variable) =>
            {
                Some((field, ast[second.node].span))
            }
            _ => None,
        }
    }

    fn is_bound(&self, name: &str) -> bool {
        self.bound.get(name).is_some_and(|&count| count > 0)
    }

    fn bind(&mut self, name: &'a str) {
        if let Some(frame) = self.frames.last_mut() {
            frame.names.push(name);
            *self.bound.entry(name).or_default() += 1;
        }
    }

    /// Closes the innermost frame, and gives the names that it bound.
    fn leave(&mut self) -> Vec<&'a str> {
        let Some(frame) = self.frames.pop() else { return Vec::new() };
        for name in &frame.names {
            if let Some(count) = self.bound.get_mut(name) {
                *count = count.saturating_sub(1);
            }
        }
        if !frame.awaited.is_empty() {
            let names: HashSet<&str> = frame.names.iter().copied().collect();
            let open = frame.awaited.into_iter().filter(|(name, _)| !names.contains(name));
            match self.frames.last_mut() {
                Some(around) => around.awaited.extend(open),
                None => {
                    self.found.variables.extend(open.map(|(name, span)| (name.into(), span)));
                }
            }
        }
        frame.names
    }

    /// Keeps the first refusal of each name.
    fn refuse(&mut self, name: &str, span: Span) {
        // AWS: `$$` has words of its own.
        let place = if name == "$$" { "" } else { " at the top level" };
        let message = format!("Reference to '{name}'{place} is not supported.");
        let known = self.refused.iter().any(|refused| refused.message == message);
        if !known && self.refused.len() < REFUSED_MAX {
            self.refused.push(Unsupported { message, span });
        }
    }
}

/// Nobody reads more, and a hostile expression could have very many.
const REFUSED_MAX: usize = 20;
/// With less native stack left than this, a level gets a new segment.
const STACK_RED_ZONE: usize = 128 << 10;
const STACK_SEGMENT: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use super::super::Code;
    use super::*;

    fn refused(text: &str) -> Option<String> {
        match check(text) {
            Err(Refusal::Unsupported(refused)) => {
                for Unsupported { message, span } in &refused {
                    let at = &text[span.start as usize..span.end as usize];
                    assert!(message.contains(&format!("'{}'", at.trim_matches('`'))));
                }
                let messages: Vec<_> = refused.into_iter().map(|one| one.message).collect();
                Some(messages.join(" "))
            }
            Err(Refusal::Syntax(thrown)) => panic!("{text}: {thrown}"),
            Ok(_) => None,
        }
    }

    fn found(text: &str) -> (Vec<String>, Vec<String>) {
        let found = check(text).unwrap();
        let names = |list: Vec<(Box<str>, Span)>| list.into_iter().map(|(name, _)| name.into());
        (names(found.variables).collect(), names(found.states).collect())
    }

    fn variables(text: &str) -> Vec<String> {
        found(text).0
    }

    fn states(text: &str) -> Vec<String> {
        found(text).1
    }

    #[test]
    fn what_does_not_parse_is_told_without_its_code() {
        let Err(Refusal::Syntax(thrown)) = check("1 +") else { panic!("it does not parse") };
        assert_eq!(
            (thrown.code(), &*thrown.message()),
            (Code::S0207, "Unexpected end of expression")
        );
        let Err(Refusal::Syntax(thrown)) = check("a[1,2)") else { panic!("it does not parse") };
        assert_eq!(thrown.message(), r#"Expected "]", got ",""#);
    }

    #[test]
    fn the_context_item_is_refused_at_the_top_level() {
        assert_eq!(
            refused("phone").as_deref(),
            Some("Reference to 'phone' at the top level is not supported.")
        );
        for text in [
            "$", "$$", "$.a", "$$.a", "a.b", "`a b`", "1 + a", "$f(a)", "a(1)", "[a]", "{'k': a}",
            "{a: 1}", "(1; a)", "$x := a", "$x ? a", "-a", "a ~> $f", "a[0]", "a^(b)", "a{b: c}",
            "$x ?? a", "$f(?, a)", "[1..a]",
        ] {
            assert!(refused(text).is_some(), "{text}");
        }
    }

    #[test]
    fn a_function_keeps_the_context_item_of_the_top_level() {
        assert!(refused("$map($x, function($v){ foo })").is_some());
        assert!(refused("$x.$map($y, function($v){ foo })").is_none());
    }

    #[test]
    fn what_has_an_item_of_its_own_may_read_it() {
        for text in [
            "$states.input.items[price > 3].name",
            "$count($states.result[$ = 1])",
            "$x.(a + b)",
            "$x.{'k': a}",
            "$x^(price, >name)",
            "$x{kind: $sum(price)}",
            "$x.y{kind: $sum(price)}",
            "$x[a].b[c]",
            "$x ~> |a|{'b': c}, d|",
            "[1, 2][$ = 1]",
            "{'a': 1}.a",
            "'a'",
            "$x.$",
        ] {
            assert_eq!(refused(text), None, "{text}");
        }
    }

    #[test]
    fn a_step_that_binds_its_focus_leaves_the_context_item_as_it_was() {
        assert!(refused("$x@$i.name").is_some());
        assert!(refused("$x@$i#$n[name]").is_some());
        assert!(refused("$x@$i[name]").is_none());
        assert!(refused("$x@$i.($i.name)").is_none());
        assert!(refused("$x.y@$i.name").is_none());
    }

    #[test]
    fn each_name_is_refused_once() {
        assert_eq!(
            refused("$x[1].a + b + c * $$ + b").as_deref(),
            Some(
                "Reference to 'b' at the top level is not supported. \
                 Reference to 'c' at the top level is not supported. \
                 Reference to '$$' is not supported."
            )
        );
    }

    #[test]
    fn free_variables_are_found_and_built_in_functions_are_none() {
        assert_eq!(variables("$a + $sum($b.c[$ = $d])"), ["a", "b", "d"]);
        assert_eq!(variables("$partition($x, 2) ~> $uuid"), ["x"]);
        assert_eq!(variables("$eval('1')"), ["eval"]);
        assert_eq!(variables("$states.context.x"), [""; 0]);
    }

    #[test]
    fn names_are_bound_from_their_definition_to_the_end_of_their_block() {
        assert_eq!(variables("($x := $x + 1; $x)"), ["x"]);
        assert_eq!(variables("(($x := 1); $x)"), ["x"]);
        assert_eq!(variables("($x := 1; [$x, ($x)])"), [""; 0]);
        assert_eq!(variables("$f(function($a, $b){ $a + $b + $c }, $a)"), ["f", "c", "a"]);
        assert_eq!(variables("$x[($y := 1)] & $y"), ["x", "y"]);
        assert_eq!(variables("$x[$y := 1] & $y"), ["x"]);
    }

    #[test]
    fn functions_see_what_is_bound_around_them_later() {
        assert_eq!(
            variables("($f := function(){ $f() + $g() }; $g := function(){1}; $f())"),
            [""; 0]
        );
        assert_eq!(variables("(($f := function(){ $g }); $h := 1; $f)"), ["g", "f"]);
        assert_eq!(variables("function(){ ($x; $x := 1) }"), ["x"]);
    }

    #[test]
    fn steps_bind_variables_for_the_rest_of_their_path() {
        assert_eq!(variables("$x#$i.y@$f.($i + $f + $g){ $f: $i }"), ["x", "g"]);
        assert_eq!(variables("[$x#$i, $i]"), ["x", "i"]);
        assert_eq!(variables("$x[true]#$i[$i = 1]"), ["x"]);
        assert_eq!(variables("$x.(y@$f.z).w[%.%.k = $f]"), ["x"]);
    }

    #[test]
    fn fields_of_states_are_found() {
        assert_eq!(
            states("$states.input.a + $states.'result' & $states.unheard"),
            ["input", "result", "unheard"]
        );
        assert_eq!(states("[$states, $states[0].input, $states.*, ($states).input]"), [""; 4]);
        assert_eq!(states("($states := 1; $states.input)"), [""; 0]);
        assert_eq!(states("$states.input[a = $states.result]"), ["input", "result"]);
    }

    #[test]
    fn newer_operators_are_found() {
        assert_eq!(
            check("$a ?? ($b ?: 1)").unwrap().newer_operators,
            [Span { start: 3, end: 5 }, Span { start: 10, end: 12 }]
        );
    }
}
