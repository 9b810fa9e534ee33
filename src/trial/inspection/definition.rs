//! Which state of a definition a request means, and whether the definition is sound.

use serde_json::{Map, Value, json};

use super::Answer;
use super::isolate::STATE_NAME;
use super::request::Request;
use crate::asl::check::{aws_diagnostics, creation_message};
use crate::asl::{Diagnostic, MachineType, Parsed, parse_as};

/// The state that a request means.
pub(super) struct Found {
    /// Its fields.
    pub(super) fields: Map<String, Value>,
    /// It is a state of a Map's processor.
    pub(super) in_map: bool,
}

/// Finds the state that a request means.
///
/// # Errors
/// What AWS answers to a definition that is not sound or has no such state.
pub(super) fn find(request: &Request) -> Result<Found, Answer> {
    let Ok(root) = serde_json::from_str::<Value>(&request.definition) else {
        return Err(refusal(&parse(&request.definition)));
    };
    match &request.state_name {
        None => bare(root),
        Some(name) => named(&root, name, &request.definition),
    }
}

/// A definition that is a state: checked as the only one of a machine, without its ways out.
fn bare(root: Value) -> Result<Found, Answer> {
    let machine = json!({"StartAt": STATE_NAME, "States": {STATE_NAME: &root}});
    let parsed = parse(&machine.to_string());
    let own = format!("/States/{STATE_NAME}");
    let nested = format!("{own}/");
    let ways_out =
        ["Next", "Default", "Choices[", "Catch["].map(|field| format!("{nested}{field}"));
    sound(&parsed, |fault| {
        let leads_nowhere = fault.message.starts_with("Missing 'Next' target")
            && ways_out.iter().any(|way| fault.path.starts_with(way));
        !leads_nowhere && (fault.path == own || fault.path.starts_with(&nested))
    })?;
    match root {
        Value::Object(fields) => Ok(Found { fields, in_map: false }),
        _ => Err(refusal(&parse("0"))),
    }
}

/// A state of a machine.
fn named(machine: &Value, name: &str, definition: &str) -> Result<Found, Answer> {
    // AWS: only a fault of the tested state is recorded. That the whole machine is checked is
    // concluded from its location, which is that in the machine.
    sound(&parse(definition), |_| true)?;
    let Some(mut found) = state_of(machine, name, false) else {
        // AWS: no recording shows its text for this.
        return Err(Answer::invalid(format!("State '{name}' not found in definition")));
    };
    if let Some(language) = machine.get("QueryLanguage") {
        found.fields.entry("QueryLanguage").or_insert_with(|| language.clone());
    }
    Ok(found)
}

/// The state of a name, looked for in branches and processors too.
fn state_of(graph: &Value, name: &str, in_map: bool) -> Option<Found> {
    let states = graph.get("States")?.as_object()?;
    if let Some(state) = states.get(name) {
        return Some(Found { fields: state.as_object()?.clone(), in_map });
    }
    states.values().find_map(|state| {
        let branches = state.get("Branches").and_then(Value::as_array).into_iter().flatten();
        let processors = ["ItemProcessor", "Iterator"].iter().filter_map(|key| state.get(key));
        branches
            .map(|branch| (branch, in_map))
            .chain(processors.map(|processor| (processor, true)))
            .find_map(|(inner, in_map)| state_of(inner, name, in_map))
    })
}

/// Refuses a definition for those of its faults that count.
///
/// What is not supported yet is none: a mock stands for most of it, and the rest is found where it
/// would run.
fn sound(parsed: &Parsed, counts: impl Fn(&Diagnostic) -> bool) -> Result<(), Answer> {
    let faults = parsed.diagnostics.iter().filter(|found| found.is_error());
    let faults: Vec<_> =
        faults.filter(|found| !found.code.is_unsupported() && counts(found)).cloned().collect();
    if faults.is_empty() { Ok(()) } else { Err(refused(&faults)) }
}

/// What `TestState` answers to a definition that cannot run.
pub(super) fn refusal(parsed: &Parsed) -> Answer {
    match parsed.diagnostics.iter().find(|one| one.code.is_unsupported()) {
        Some(unsupported) => {
            let (code, message) = (unsupported.code.as_str(), &unsupported.message);
            Answer::Unsupported(format!("{code} {message}"))
        }
        None => refused(&parsed.diagnostics),
    }
}

fn refused(diagnostics: &[Diagnostic]) -> Answer {
    let message = creation_message(&aws_diagnostics(diagnostics));
    Answer::refused("InvalidDefinition", message)
}

fn parse(text: &str) -> Parsed {
    parse_as(text, STATE_NAME, MachineType::Standard)
}
