//! Any text as an intrinsic call: a first line that is put where a definition may call, and a
//! document after it.

use serde_json::json;

use super::path::{machine, split};
use super::running;

pub(crate) fn check(bytes: &[u8]) {
    let Some((call, document)) = split(bytes) else { return };
    let states = [
        json!({"Type": "Pass", "Parameters": {"v.$": call}, "End": true}),
        json!({"Type": "Fail", "ErrorPath": call, "CausePath": call}),
    ];
    for state in states {
        running::run(&machine(&state), document);
    }
}
