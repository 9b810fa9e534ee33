//! Trees and errors of expressions.

use std::fmt::Write as _;

use super::super::Dialect;
use super::super::ast::{Ast, Kind, NodeId, Operator, Pairs, Path, Stage};
use super::super::error::Code;
use super::parse;

fn tree(text: &str) -> String {
    render(&parse(text, Dialect::Full).unwrap())
}

fn refused(text: &str) -> (Code, String) {
    let thrown = parse(text, Dialect::Full).unwrap_err();
    (thrown.code(), thrown.message())
}

#[test]
fn names_are_paths_and_paths_are_flat() {
    assert_eq!(tree("foo"), "(path foo)");
    assert_eq!(tree("a.`b c`.'d'.*.**"), "(path a b c d * **)");
    assert_eq!(tree("$x.and.or.in"), "(path $x and or in)");
    assert_eq!(tree("(a.b).c"), "(path (block (path a b)) c)");
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
        Kind::Binary(operator, left, right) => tagged(sign(*operator), &[*left, *right]),
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

fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "+",
        Operator::Subtract => "-",
        Operator::Multiply => "*",
        Operator::Divide => "/",
        Operator::Remainder => "%",
        Operator::Concat => "&",
        Operator::Equal => "=",
        Operator::NotEqual => "!=",
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
        Operator::And => "and",
        Operator::Or => "or",
        Operator::In => "in",
        Operator::Range => "..",
    }
}
