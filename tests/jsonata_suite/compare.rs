//! What a case asks for, against what came of it.

use serde_json::{Map, Value};

use crate::case::Case;
use crate::engine::Outcome;

/// What is wrong with the outcome of a case; `None` when nothing is.
pub(crate) fn fault(case: &Case, outcome: &Outcome) -> Option<String> {
    if let Some(code) = &case.code {
        return code_fault(case, code, outcome);
    }
    if let Some(expected) = &case.error {
        return error_fault(expected, outcome);
    }
    if case.undefined_result {
        let fits = matches!(outcome, Outcome::Undefined);
        return (!fits).then(|| format!("expected undefined, got {outcome}"));
    }
    let Some(expected) = &case.result else {
        return Some("the case asks for nothing".to_owned());
    };
    let Outcome::Value(text) = outcome else {
        return Some(format!("expected {expected}, got {outcome}"));
    };
    let got: Value = match serde_json::from_str(text) {
        Ok(got) => got,
        Err(error) => return Some(format!("no JSON: {error}: {text}")),
    };
    let same =
        if case.unordered { same(&sorted(expected), &sorted(&got)) } else { same(expected, &got) };
    (!same).then(|| format!("expected {expected:.400}, got {text:.400}"))
}

fn code_fault(case: &Case, code: &str, outcome: &Outcome) -> Option<String> {
    let Some(got) = outcome.code() else {
        return Some(format!("expected {code}, got {outcome}"));
    };
    // The suite's own timer, which ends what does not end, says U1001 for both bounds.
    let out_of_time = case.timelimit.is_some() && code == "U1001" && got == "U1002";
    if got != code && !out_of_time {
        return Some(format!("expected {code}, got {outcome}"));
    }
    let token = outcome.thrown().and_then(|thrown| thrown.token());
    match &case.token {
        Some(expected) if token != Some(expected) => {
            Some(format!("expected token {expected}, got {token:?}"))
        }
        _ => None,
    }
}

/// An error must have all members of `expected`; of those that only describe what the text quotes,
/// it is the text that counts.
fn error_fault(expected: &Map<String, Value>, outcome: &Outcome) -> Option<String> {
    let Some(thrown) = outcome.thrown() else {
        return Some(format!("expected {expected:?}, got {outcome}"));
    };
    let message = thrown.message();
    let wrong = expected.iter().find(|(name, value)| match name.as_str() {
        "code" => **value != thrown.code().as_str(),
        "token" => value.as_str() != thrown.token(),
        "message" => **value != *message,
        _ => value.as_str().is_some_and(|part| !message.contains(part)),
    });
    wrong.map(|(name, value)| format!("expected {name} {value}, got {thrown}"))
}

/// Whether two are the same JSON: numbers by value, objects whatever their order.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}

/// The value with every array in an order of its own.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(elements) => {
            let mut elements: Vec<Value> = elements.iter().map(sorted).collect();
            elements.sort_by_cached_key(Value::to_string);
            Value::Array(elements)
        }
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.iter().map(|(key, member)| (key.clone(), sorted(member))).collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(members.into_iter().collect())
        }
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        other => other.clone(),
    }
}

#[test]
fn numbers_are_compared_by_value_and_objects_by_members() {
    let parsed = |text| serde_json::from_str::<Value>(text).unwrap();
    assert!(same(&parsed(r#"{"a":1,"b":[2.0]}"#), &parsed(r#"{"b":[2],"a":1.0}"#)));
    assert!(!same(&parsed("[1,2]"), &parsed("[2,1]")));
    assert!(same(&sorted(&parsed("[[2,1],1.0]")), &sorted(&parsed("[1,[1,2]]"))));
    assert!(!same(&parsed(r#"{"a":null}"#), &parsed(r#"{"b":null}"#)));
}
