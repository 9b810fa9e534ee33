//! Any text as a JSONPath: a first line that is put wherever a definition has a path, and a
//! document after it.

use serde_json::{Value, json};

use super::running;

pub(crate) fn check(bytes: &[u8]) {
    let Some((path, document)) = split(bytes) else { return };
    let fields = [
        json!({"Parameters": {"v.$": path}}),
        json!({"InputPath": path}),
        json!({"OutputPath": path}),
        json!({"Result": [1], "ResultPath": path}),
        json!({"Assign": {"v": {"a": [1]}}, "Parameters": {"v.$": path}}),
    ];
    for fields in fields {
        let mut state = json!({"Type": "Pass", "End": true});
        state.as_object_mut().into_iter().for_each(|state| {
            state.extend(fields.as_object().cloned().unwrap_or_default());
        });
        running::run(&machine(&state), document);
    }
    let next = json!({"Variable": path, "IsPresent": true, "Next": "S"});
    let choice = json!({"Type": "Choice", "Choices": [next], "Default": "S"});
    let machine = json!({
        "StartAt": "C",
        "States": {"C": choice, "S": {"Type": "Wait", "SecondsPath": path, "End": true}},
    });
    running::run(&machine.to_string(), document);
}

/// A first line and the rest of some bytes.
pub(super) fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let at = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((std::str::from_utf8(&bytes[..at]).ok()?, &bytes[at + 1..]))
}

/// The text of a machine of one state.
pub(super) fn machine(state: &Value) -> String {
    json!({"StartAt": "S", "States": {"S": state}}).to_string()
}
