//! The histories of one execution, told by two.

use expressway::trial::events;
use expressway::trial::pattern::Comparison;
use expressway::vm;
use serde_json::{Map, Value};

use crate::judgement::without_unknown_words;
use crate::probes::STARTED_MS;
use crate::world::Event;

/// What is compared of an event; the wording of causes is compared where they end up.
const COMPARED: [&str; 11] = [
    "at_ms",
    "id",
    "prev",
    "type",
    "name",
    "input",
    "output",
    "error",
    "index",
    "length",
    "assignedVariables",
];

/// The first difference. Where things happen at the same time, only what happened is compared, and
/// nothing if something was aborted, since how far it had come is nobody's to say.
pub(crate) fn difference(
    engine: &[vm::Event],
    reference: &[Event],
    concurrent: bool,
) -> Option<String> {
    let engine: Vec<_> = engine.iter().map(|event| compared(&told(event), concurrent)).collect();
    let reference: Vec<_> =
        reference.iter().map(|event| compared(&flat(event), concurrent)).collect();
    if !concurrent {
        let pairs = reference.iter().zip(&engine);
        let mut pairs = pairs;
        let differing = pairs.find_map(|(wanted, found)| differ(wanted, found));
        let lengths = || (reference.len() != engine.len()).then(|| "more events".to_owned());
        return differing.or_else(lengths);
    }
    let failed = |event: &Value| {
        event["type"].as_str().is_some_and(|kind| {
            ["Aborted", "ExecutionFailed", "MapStateFailed", "ParallelStateFailed"]
                .iter()
                .any(|end| kind.ends_with(end))
        })
    };
    if engine.iter().any(failed) || reference.iter().any(retried) {
        return None;
    }
    let mut left = engine;
    for wanted in &reference {
        match left.iter().position(|found| differ(wanted, found).is_none()) {
            Some(at) => drop(left.swap_remove(at)),
            None => return Some(format!("no such event: {wanted}, but {left:?}")),
        }
    }
    left.first().map(|event| format!("one event more: {event}"))
}

fn retried(event: &Value) -> bool {
    // A Parallel or Map that starts again has given up what was running.
    event["type"].as_str().is_some_and(|kind| kind.ends_with("IterationFailed"))
}

fn differ(wanted: &Value, found: &Value) -> Option<String> {
    Comparison::default()
        .difference("event", wanted, found)
        .map(|difference| format!("{difference}\n engine: {found}\n reference: {wanted}"))
}

fn told(event: &vm::Event) -> Value {
    let mut told = events::to_value(event);
    told["at_ms"] = (event.wall_ms - STARTED_MS).into();
    told
}

fn flat(event: &Event) -> Value {
    let mut flat = event.details.clone();
    flat.insert("at_ms".to_owned(), event.at_ms.into());
    flat.insert("id".to_owned(), event.id.into());
    flat.insert("prev".to_owned(), event.previous.into());
    flat.insert("type".to_owned(), event.kind.clone().into());
    flat.into()
}

fn compared(event: &Value, concurrent: bool) -> Value {
    let kind = event["type"].as_str().unwrap_or_default();
    // No recording shows what these follow from.
    let follows_anything = matches!(kind, "ParallelStateSucceeded" | "ParallelStateExited");
    let kept = |key: &str| match key {
        "id" => !concurrent,
        "prev" => !concurrent && !follows_anything,
        key => COMPARED.contains(&key),
    };
    let members = event.as_object().into_iter().flatten();
    let members = members.filter(|(key, _)| kept(key));
    Value::Object(
        members
            .map(|(key, value)| (key.clone(), without_unknown_words(value)))
            .collect::<Map<_, _>>(),
    )
}
