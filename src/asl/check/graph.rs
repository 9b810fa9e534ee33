//! Transitions: each leads to a state, each state can be reached, and one of them ends.
//!
//! Works on the definition's JSON, not on the model, so that it also sees through states that
//! are faulty or not supported.

use crate::asl::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::asl::json::{Kind, Member, Node};
use crate::asl::source::Span;

/// A transition as written.
struct Edge<'n> {
    target: &'n str,
    span: Span,
    path: String,
}

/// Checks the transitions of a machine.
pub(in crate::asl) fn graph(root: &Node, diagnostics: &mut Vec<Diagnostic>) {
    let Some(Node { kind: Kind::Object(states), .. }) = root.get("States") else {
        return;
    };
    let start = root.get("StartAt").and_then(|node| edge(node, String::from("/StartAt")));
    let edges: Vec<Vec<Edge<'_>>> = states.iter().map(edges_of).collect();
    for edge in start.iter().chain(edges.iter().flatten()) {
        if index_of(states, edge.target).is_none() {
            diagnostics.push(missing_target(edge, states));
        }
    }
    let reached = reach(states, start.as_ref(), &edges);
    for (state, _) in states.iter().zip(reached).filter(|(_, reached)| !reached) {
        let message = format!("State \"{}\" is not reachable.", state.key);
        let path = format!("/States/{}", state.key);
        diagnostics.push(
            Diagnostic::new(Code::Unreachable, &path, state.key_span, message)
                .label("no transition leads here"),
        );
    }
    if !states.iter().any(|state| is_terminal(&state.value)) {
        let span = root.member("States").map_or(root.span, |member| member.key_span);
        diagnostics.push(
            Diagnostic::new(Code::NoTerminalState, "/", span, "Workflow has no terminal state")
                .help("give a state \"End\": true, or add a Succeed or Fail state"),
        );
    }
}

fn missing_target(edge: &Edge<'_>, states: &[Member]) -> Diagnostic {
    let message = format!("Missing 'Next' target: {}", edge.target);
    let diagnostic = Diagnostic::new(Code::UnknownTarget, &edge.path, edge.span, message)
        .label("names no state");
    match did_you_mean(edge.target, states.iter().map(|state| state.key.as_str())) {
        Some(meant) => diagnostic.help(format!("did you mean \"{meant}\"?")),
        None => diagnostic,
    }
}

/// Collects every transition of a state, of whatever type it is.
fn edges_of(state: &Member) -> Vec<Edge<'_>> {
    let path = format!("/States/{}", state.key);
    let mut edges = Vec::new();
    for field in ["Next", "Default"] {
        let target = state.value.get(field);
        edges.extend(target.and_then(|node| edge(node, format!("{path}/{field}"))));
    }
    for field in ["Choices", "Catch"] {
        let rules = state.value.get(field).map_or(&[][..], Node::items);
        for (index, rule) in rules.iter().enumerate() {
            let target = rule.get("Next");
            edges.extend(
                target.and_then(|node| edge(node, format!("{path}/{field}[{index}]/Next"))),
            );
        }
    }
    edges
}

fn edge(node: &Node, path: String) -> Option<Edge<'_>> {
    node.as_str().map(|target| Edge { target, span: node.span, path })
}

fn reach(states: &[Member], start: Option<&Edge<'_>>, edges: &[Vec<Edge<'_>>]) -> Vec<bool> {
    let mut reached = vec![false; states.len()];
    let mut open: Vec<usize> =
        start.and_then(|edge| index_of(states, edge.target)).into_iter().collect();
    while let Some(index) = open.pop() {
        if std::mem::replace(&mut reached[index], true) {
            continue;
        }
        open.extend(edges[index].iter().filter_map(|edge| index_of(states, edge.target)));
    }
    reached
}

fn index_of(states: &[Member], name: &str) -> Option<usize> {
    states.iter().position(|state| state.key == name)
}

/// AWS: a state without `Type` ends nothing, whatever its `End` says (recorded).
fn is_terminal(state: &Node) -> bool {
    match state.get("Type").and_then(Node::as_str) {
        Some("Succeed" | "Fail") => true,
        Some(_) => state.get("End").is_some_and(|end| end.kind == Kind::Bool(true)),
        None => false,
    }
}
