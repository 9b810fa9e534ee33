//! Histories in the form of the case files, and their comparison.
//!
//! An event is one flat object: `id`, `prev`, `type`, and its details with JSON texts decoded. Where
//! branches or iterations run at the same time their interleaving is open, so such histories are
//! compared as sets: by type, details and, where it does not depend on the interleaving, the type
//! of the event that led there.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::case::EventsOrder;
use super::pattern::{self, Comparison};
use super::run::Agreement;
use crate::vm::{Detail, Event};

/// An event as a case file writes it.
pub fn to_value(event: &Event) -> Value {
    let mut flat = Map::new();
    flat.insert("id".to_owned(), event.id.into());
    flat.insert("prev".to_owned(), event.previous.into());
    flat.insert("type".to_owned(), event.kind.into());
    for (name, detail) in &event.details {
        if !is_left_out(name) {
            flat.insert((*name).to_owned(), detail_value(detail));
        }
    }
    Value::Object(flat)
}

/// An event as JSON text with its time, every number in it written as the engine wrote it.
pub fn to_json(event: &Event) -> String {
    let time = jiff::Timestamp::from_millisecond(event.wall_ms).unwrap_or_default();
    let Event { id, previous, kind, details, .. } = event;
    let mut text =
        format!("{{\"id\":{id},\"prev\":{previous},\"timestamp\":\"{time}\",\"type\":\"{kind}\"");
    for (name, detail) in details {
        let _ = write!(text, ",\"{name}\":{}", detail_json(detail));
    }
    text.push('}');
    text
}

/// Compares a recorded history with the one found, both in the form of [`to_value`].
pub(super) fn compare(
    expected: &[Value],
    found: &[Value],
    order: EventsOrder,
    comparison: Comparison<'_>,
) -> Agreement {
    let expected: Vec<_> = expected.iter().map(without_time).collect();
    let difference = match order {
        EventsOrder::Total => in_order(&expected, found, comparison),
        EventsOrder::Partial => as_sets(&expected, found, comparison),
    };
    difference.map_or(Agreement::Same, Agreement::Differ)
}

/// Compares what the states assigned, whatever happened between them.
pub(super) fn assigned_variables(
    expected: &[Value],
    found: &[Value],
    comparison: Comparison<'_>,
) -> Option<String> {
    let mut found: Vec<_> = found.iter().filter_map(assignment).collect();
    for (state, wanted) in expected.iter().filter_map(assignment) {
        let place = format!("assignedVariables of '{state}'");
        let same_state = |candidate: &&(&str, &Value)| candidate.0 == state;
        let matching = found.iter().position(|(name, variables)| {
            *name == state && comparison.difference(&place, wanted, variables).is_none()
        });
        let Some(at) = matching else {
            let nearest = found.iter().find(same_state).map(|(_, variables)| *variables);
            return comparison.optional(&place, Some(wanted), nearest);
        };
        found.swap_remove(at);
    }
    let (state, variables) = found.first()?;
    comparison.optional(&format!("assignedVariables of '{state}'"), None, Some(variables))
}

fn assignment(event: &Value) -> Option<(&str, &Value)> {
    Some((event["name"].as_str()?, event.get("assignedVariables")?))
}

fn in_order(expected: &[Value], found: &[Value], comparison: Comparison<'_>) -> Option<String> {
    let place = |index: usize| format!("event {}", index + 1);
    let pairs = expected.iter().zip(found).enumerate();
    let first = pairs.map(|(index, (expected, found))| {
        // The type first: another event says more than its other details.
        let (wanted, kind) = (&expected["type"], &found["type"]);
        comparison
            .difference(&format!("{}.type", place(index)), wanted, kind)
            .or_else(|| comparison.difference(&place(index), expected, found))
    });
    first.into_iter().flatten().next().or_else(|| {
        let index = expected.len().min(found.len());
        comparison.optional(&place(index), expected.get(index), found.get(index))
    })
}

fn as_sets(expected: &[Value], found: &[Value], comparison: Comparison<'_>) -> Option<String> {
    let mut found = unordered(found);
    let mut expected = unordered(expected);
    // One that matches only itself must not lose its partner to one that matches many.
    expected.sort_by_key(pattern::has_pattern);
    for event in &expected {
        let place = match event["name"].as_str() {
            Some(name) => format!("an event {} of '{name}'", text(&event["type"])),
            None => format!("an event {}", text(&event["type"])),
        };
        let partner = found
            .iter()
            .position(|candidate| comparison.difference(&place, event, candidate).is_none());
        let Some(at) = partner else {
            let alike = |candidate: &&Value| {
                candidate["type"] == event["type"] && candidate.get("name") == event.get("name")
            };
            return comparison.optional(&place, Some(event), found.iter().find(alike));
        };
        found.swap_remove(at);
    }
    comparison.optional("one more event", None, found.first())
}

/// Events without what depends on the interleaving, and with the type of the one before.
fn unordered(events: &[Value]) -> Vec<Value> {
    let kinds: HashMap<_, _> =
        events.iter().map(|event| (event["id"].as_u64(), text(&event["type"]))).collect();
    let one = |event: &Value| {
        let mut event = event.clone();
        let before = match kinds.get(&event["prev"].as_u64()).copied() {
            // AWS: the exit of a distributed Map names the one or the other, from run to run.
            Some("MapRunStarted" | "MapRunSucceeded") => "MapRun",
            before => before.unwrap_or("none"),
        };
        let led_by_any = LED_BY_WHOEVER_CAME.contains(&text(&event["type"]));
        if let Value::Object(members) = &mut event {
            members.shift_remove("id");
            members.shift_remove("prev");
            if !led_by_any {
                members.insert("after".to_owned(), before.into());
            }
        }
        event
    };
    events.iter().map(one).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn without_time(event: &Value) -> Value {
    let mut event = event.clone();
    if let Value::Object(members) = &mut event {
        members.shift_remove("timestamp");
    }
    event
}

/// What recordings do not have: the role, flags that say whether something was cut.
fn is_left_out(name: &str) -> bool {
    name == "roleArn" || name.ends_with("Details")
}

fn detail_value(detail: &Detail) -> Value {
    match detail {
        Detail::Count(count) => (*count).into(),
        Detail::Text(text) => text.as_ref().into(),
        Detail::Json(json) => decoded(json),
        Detail::Variables(variables) => {
            let decoded = variables.iter().map(|(name, json)| (name.to_string(), decoded(json)));
            Value::Object(decoded.collect())
        }
    }
}

/// A text that is JSON as its value; the engine writes no other.
fn decoded(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| json.into())
}

fn detail_json(detail: &Detail) -> String {
    match detail {
        Detail::Count(count) => count.to_string(),
        Detail::Text(text) => quoted(text),
        Detail::Json(json) => json.to_string(),
        Detail::Variables(variables) => {
            let members: Vec<_> =
                variables.iter().map(|(name, json)| format!("{}:{json}", quoted(name))).collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Events whose predecessor is whichever branch or iteration came last.
const LED_BY_WHOEVER_CAME: &[&str] = &[
    "MapIterationAborted",
    "MapIterationFailed",
    "MapIterationStarted",
    "MapStateFailed",
    "ParallelStateExited",
    "ParallelStateFailed",
    "ParallelStateSucceeded",
    "TaskStateAborted",
    "WaitStateAborted",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(id: u32, previous: u32, kind: &'static str, name: &str, input: &str) -> Event {
        let details =
            vec![("name", Detail::Text(name.into())), ("input", Detail::Json(input.into()))];
        Event { id, previous, wall_ms: 1_732_000_000_120, mono_ns: 0, kind, details }
    }

    fn differ(expected: &Value, found: &Value, order: EventsOrder) -> Option<String> {
        let list = |events: &Value| events.as_array().expect("a list").clone();
        match compare(&list(expected), &list(found), order, Comparison::default()) {
            Agreement::Same => None,
            Agreement::Differ(difference) => Some(difference),
        }
    }

    #[test]
    fn details_are_flat_and_decoded() {
        let variables = vec![("x".into(), "{\"a\":1.50}".into()), ("y".into(), "\"s\"".into())];
        let mut exited = event(3, 2, "PassStateExited", "A\"", "[1.50,null]");
        exited.details.push(("assignedVariables", Detail::Variables(variables)));
        exited.details.push(("length", Detail::Count(7)));
        exited.details.push(("roleArn", Detail::Text("r".into())));
        exited.details.push(("inputDetails", Detail::Json("{\"truncated\":false}".into())));
        assert_eq!(
            to_value(&exited),
            json!({"id": 3, "prev": 2, "type": "PassStateExited", "name": "A\"",
                "input": [1.5, null], "assignedVariables": {"x": {"a": 1.5}, "y": "s"}, "length": 7})
        );
        assert_eq!(
            to_json(&exited),
            concat!(
                r#"{"id":3,"prev":2,"timestamp":"2024-11-19T07:06:40.12Z","type":"PassStateExited","#,
                r#""name":"A\"","input":[1.50,null],"assignedVariables":{"x":{"a":1.50},"y":"s"},"#,
                r#""length":7,"roleArn":"r","inputDetails":{"truncated":false}}"#
            )
        );
    }

    #[test]
    fn a_total_order_is_compared_as_it_is() {
        let one = json!({"id": 1, "prev": 0, "type": "PassStateEntered", "name": "A"});
        let two = json!({"id": 2, "prev": 1, "type": "PassStateExited", "name": "A"});
        let recorded = json!([one, two]);
        assert_eq!(differ(&recorded, &recorded, EventsOrder::Total), None);
        let swapped = differ(&recorded, &json!([two, one]), EventsOrder::Total);
        assert_eq!(
            swapped.as_deref(),
            Some("event 1.type: expected \"PassStateEntered\", found \"PassStateExited\"")
        );
        let less = differ(&recorded, &json!([one]), EventsOrder::Total).expect("a difference");
        assert!(less.starts_with("event 2: expected {") && less.ends_with("found none"), "{less}");
        let timed = json!([{"id": 1, "prev": 0, "type": "PassStateEntered", "name": "A",
            "timestamp": "2024-11-19T07:06:40Z"}]);
        assert_eq!(differ(&timed, &json!([one]), EventsOrder::Total), None);
    }

    #[test]
    fn a_partial_order_is_compared_as_a_set_with_predecessors() {
        let entered = |id: u32, prev: u32, name: &str| json!({"id": id, "prev": prev, "type": "PassStateEntered", "name": name});
        let started = json!({"id": 1, "prev": 0, "type": "ParallelStateStarted"});
        let recorded = json!([started, entered(2, 1, "A"), entered(3, 1, "B")]);
        let other_way = json!([started, entered(2, 1, "B"), entered(3, 1, "A")]);
        assert_eq!(differ(&recorded, &other_way, EventsOrder::Partial), None);
        let chained = json!([started, entered(2, 1, "B"), entered(3, 2, "A")]);
        assert_eq!(
            differ(&recorded, &chained, EventsOrder::Partial).as_deref(),
            Some(
                "an event PassStateEntered of 'A'.after: expected \"ParallelStateStarted\", \
                 found \"PassStateEntered\""
            )
        );
        let more = json!([started, entered(2, 1, "B"), entered(3, 1, "A"), entered(4, 1, "A")]);
        let said = differ(&recorded, &more, EventsOrder::Partial).expect("a difference");
        assert!(said.starts_with("one more event: expected none"), "{said}");
    }

    #[test]
    fn a_pattern_does_not_take_the_partner_of_an_exact_event() {
        let entered = |input: Value| json!({"id": 1, "prev": 0, "type": "E", "input": input});
        let recorded = json!([entered(json!({"$any": "x"})), entered(json!(1))]);
        let found = json!([entered(json!(1)), entered(json!(2))]);
        assert_eq!(differ(&recorded, &found, EventsOrder::Partial), None);
    }

    #[test]
    fn assignments_are_compared_state_by_state() {
        let exited = |name: &str, x: u32| json!({"name": name, "assignedVariables": {"x": x}});
        let compare = |expected: &[Value], found: &[Value]| {
            assigned_variables(expected, found, Comparison::default())
        };
        let recorded = [exited("A", 1), exited("B", 1), exited("A", 2), json!({"name": "A"})];
        let found = [exited("A", 2), exited("A", 1), exited("B", 1)];
        assert_eq!(compare(&recorded, &found), None);
        assert_eq!(
            compare(&recorded, &found[1..]).as_deref(),
            Some("assignedVariables of 'A': expected {\"x\":2}, found none")
        );
        assert_eq!(
            compare(&[exited("A", 1)], &[exited("A", 3)]).as_deref(),
            Some("assignedVariables of 'A'.x: expected 1, found 3")
        );
        assert_eq!(
            compare(&[], &[exited("A", 3)]).as_deref(),
            Some("assignedVariables of 'A': expected none, found {\"x\":3}")
        );
    }
}
