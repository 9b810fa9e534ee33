//! Transitions: each leads to a state, each state can be reached, and one of them ends.
//!
//! One graph at a time: transitions stay inside of branches and processors.
//! Works on the definition's JSON, not on the model, so that it also sees through states that
//! are faulty or not supported.

use std::collections::HashMap;

use crate::asl::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::asl::json::{Kind, Member, Node};
use crate::asl::place::Place;
use crate::asl::source::Span;

/// Where each state stands; of equal names the last, which is an error anyway.
type Index<'n> = HashMap<&'n str, usize>;

/// A transition as written.
struct Edge<'n> {
    target: &'n str,
    span: Span,
    /// The state that has it; `None` for `StartAt`.
    from: Option<&'n str>,
    field: &'static str,
    /// Which element of `Choices` or `Catch`.
    index: Option<usize>,
}

/// Checks the transitions of the graph at a place.
pub(in crate::asl) fn graph(root: &Node, place: &Place<'_>) -> Vec<Diagnostic> {
    let Some(Node { kind: Kind::Object(states), .. }) = root.get("States") else {
        return Vec::new();
    };
    let index: Index<'_> =
        states.iter().enumerate().map(|(index, state)| (state.key.as_str(), index)).collect();
    let start = root.get("StartAt").and_then(|node| edge(node, None, "StartAt", None));
    let edges: Vec<Vec<Edge<'_>>> = states.iter().map(edges_of).collect();
    let all = start.iter().chain(edges.iter().flatten());
    let missing = all.filter(|edge| !index.contains_key(edge.target));
    let mut diagnostics: Vec<_> = missing
        .enumerate()
        .map(|(count, edge)| {
            let candidates = if count < SUGGESTIONS_MAX { states.len() } else { 0 };
            missing_target(edge, place, &states[..candidates])
        })
        .collect();
    let reached = reach(&index, start.as_ref(), &edges);
    let unreached = states.iter().zip(reached).filter(|(_, reached)| !reached);
    diagnostics.extend(unreached.map(|(state, _)| unreachable(state, place)));
    if !states.iter().any(|state| is_terminal(&state.value)) {
        let span = root.member("States").map_or(root.span, |member| member.key_span);
        let message = "Workflow has no terminal state";
        diagnostics.push(
            Diagnostic::new(Code::NoTerminalState, &place.to_string(), span, message)
                .help("give a state \"End\": true, or add a Succeed or Fail state"),
        );
    }
    diagnostics
}

fn missing_target(edge: &Edge<'_>, place: &Place<'_>, candidates: &[Member]) -> Diagnostic {
    let message = format!("Missing 'Next' target: {}", edge.target);
    let path = edge.path(place);
    let diagnostic =
        Diagnostic::new(Code::UnknownTarget, &path, edge.span, message).label("names no state");
    match did_you_mean(edge.target, candidates.iter().map(|state| state.key.as_str())) {
        Some(meant) => diagnostic.help(format!("did you mean \"{meant}\"?")),
        None => diagnostic,
    }
}

impl Edge<'_> {
    /// Where it stands, in the graph at a place.
    fn path(&self, place: &Place<'_>) -> String {
        let Some(from) = self.from else {
            return place.field(self.field).to_string();
        };
        let state = place.state(from);
        match self.index {
            None => state.field(self.field).to_string(),
            Some(index) => state.item(self.field, index).field("Next").to_string(),
        }
    }
}

fn unreachable(state: &Member, place: &Place<'_>) -> Diagnostic {
    let message = format!("State \"{}\" is not reachable.", state.key);
    let path = place.state(&state.key).to_string();
    Diagnostic::new(Code::Unreachable, &path, state.key_span, message)
        .label("no transition leads here")
}

/// Collects every transition of a state, of whatever type it is.
fn edges_of(state: &Member) -> Vec<Edge<'_>> {
    let from = Some(state.key.as_str());
    let mut edges = Vec::new();
    for field in ["Next", "Default"] {
        let target = state.value.get(field);
        edges.extend(target.and_then(|node| edge(node, from, field, None)));
    }
    for field in ["Choices", "Catch"] {
        let rules = state.value.get(field).map_or(&[][..], Node::items);
        for (index, rule) in rules.iter().enumerate() {
            let target = rule.get("Next");
            edges.extend(target.and_then(|node| edge(node, from, field, Some(index))));
        }
    }
    edges
}

fn edge<'n>(
    node: &'n Node,
    from: Option<&'n str>,
    field: &'static str,
    index: Option<usize>,
) -> Option<Edge<'n>> {
    node.as_str().map(|target| Edge { target, span: node.span, from, field, index })
}

fn reach(index: &Index<'_>, start: Option<&Edge<'_>>, edges: &[Vec<Edge<'_>>]) -> Vec<bool> {
    let find = |edge: &Edge<'_>| index.get(edge.target).copied();
    let mut reached = vec![false; edges.len()];
    let mut open: Vec<usize> = start.and_then(find).into_iter().collect();
    while let Some(index) = open.pop() {
        if !std::mem::replace(&mut reached[index], true) {
            open.extend(edges[index].iter().filter_map(find));
        }
    }
    reached
}

/// AWS: a state without `Type` ends nothing, whatever its `End` says (recorded).
fn is_terminal(state: &Node) -> bool {
    match state.get("Type").and_then(Node::as_str) {
        Some("Succeed" | "Fail") => true,
        Some(_) => state.get("End").is_some_and(|end| end.kind == Kind::Bool(true)),
        None => false,
    }
}

/// Looking for the name that was meant compares it with every state.
const SUGGESTIONS_MAX: usize = 20;
