//! The functions over JSON text and objects.

use std::collections::HashMap;

use super::jackson::{self, Read};
use super::{Failure, Outcome, bounded, exactly, printed, string};
use crate::expr::intrinsic::Function;
use crate::expr::{Evaluation, java};
use crate::value::{ParseError, Value, View};

/// `States.JsonMerge(a, b, false)`: shallow, the second object wins; the third argument may be
/// the text `'false'` too (recorded).
pub(super) fn merge(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::JsonMerge;
    let [a, b, deep] = exactly(function, arguments)?;
    let heap = &mut *evaluation.heap;
    let are_objects = [a, b].iter().all(|value| matches!(heap.view(*value), View::Object));
    if !are_objects || printed(heap, deep)? != "false" {
        return Err(Failure::Arguments(function, ""));
    }
    let mut entries: Vec<(Value, Value)> = heap.entries(a).collect();
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(entries.len());
    for (place, (key, _)) in entries.iter().enumerate() {
        places.insert(heap.key_text(*key), place);
    }
    for (key, member) in heap.entries(b) {
        match places.get(heap.key_text(key)) {
            Some(place) => entries[*place].1 = member,
            None => entries.push((key, member)),
        }
    }
    Ok(heap.object(evaluation.arena, &entries)?)
}

/// `States.JsonToString(value)`
pub(super) fn to_string(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let [value] = arguments else {
        let detail = ": only a single argument is allowed.";
        return Err(Failure::Arguments(Function::JsonToString, detail));
    };
    bounded(*value)?;
    let mut text = evaluation.heap.take_scratch();
    java::print(evaluation.heap, *value, java::Style::Json, &mut text);
    let made = evaluation.heap.string(evaluation.arena, &text);
    evaluation.heap.return_scratch(text);
    Ok(made?)
}

/// `States.StringToJson(text)`: blank text is null (recorded), and what follows the first value is
/// not looked at, as Jackson does by default.
pub(super) fn from_string(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::StringToJson;
    let [text] = exactly(function, arguments)?;
    // Parsing writes to the heap that holds the text.
    let mut copy = evaluation.heap.take_scratch();
    copy.push_str(string(function, evaluation.heap, text)?);
    let parsed = parse(&copy, evaluation);
    evaluation.heap.return_scratch(copy);
    parsed
}

fn parse(text: &str, evaluation: &mut Evaluation<'_>) -> Outcome {
    // `-0` is the integer 0 in Java.
    if text.trim_matches(jackson::is_blank) == "-0" {
        return Ok(Value::int(0));
    }
    let first = match evaluation.heap.parse(evaluation.arena, text.as_bytes(), evaluation.parser) {
        Ok(value) => return Ok(value),
        Err(ParseError::TooDeep) => return Err(no_json(&ParseError::TooDeep)),
        Err(error) => error,
    };
    // The cold path: Jackson's reader decides what is wrong, if anything.
    match jackson::read(text) {
        Ok(Read::Nothing) => Ok(Value::NULL),
        Ok(Read::Value(end)) => evaluation
            .heap
            .parse(evaluation.arena, &text.as_bytes()[..end], evaluation.parser)
            .map_err(|_| no_json(&first)),
        Err(complaint) => Err(Failure::NoJson(complaint.to_string().into())),
    }
}

#[cold]
fn no_json(error: &ParseError) -> Failure {
    Failure::NoJson(error.to_string().into())
}
