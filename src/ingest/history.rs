//! Where the history goes: a topic, or lines of text that somebody else writes.
//!
//! Log events are outputs like results: an offset is committed when those of its execution are
//! acknowledged or written. One that the topic refuses for its size is written without its data;
//! one that is refused even so is counted and given up, since a log must not hold up its pipeline.

use std::io;
use std::sync::Arc;

use serde_json::{Map, Value, json};

/// Takes whole lines. Called on an I/O thread; one that blocks holds up its source, and so intake.
pub trait Lines: Send + Sync + std::fmt::Debug {
    /// Writes `text`, some lines with their ends, all or nothing.
    ///
    /// # Errors
    /// When they cannot be written; the source then stops, with their offsets uncommitted.
    fn write(&self, text: &[u8]) -> io::Result<()>;
}

/// Where the log events of a pipeline go.
#[derive(Clone, Debug, Default)]
pub enum HistorySink {
    /// Nowhere: none is made.
    #[default]
    Nowhere,
    /// To a topic, a record each, under the execution's ARN.
    Topic(String),
    /// A line each.
    Lines(Arc<dyn Lines>),
}

impl HistorySink {
    /// Name of its topic, if it is one.
    pub fn topic(&self) -> Option<&str> {
        match self {
            Self::Topic(topic) => Some(topic),
            Self::Nowhere | Self::Lines(_) => None,
        }
    }
}

/// Header of the last event of an execution whose history found no room: how many are not there.
pub const EVENTS_LEFT_OUT_HEADER: &str = "events-left-out";

/// A log event without what makes it large, and marked as truncated; `None` if it is none.
pub(super) fn without_data(event: &[u8]) -> Option<Vec<u8>> {
    let mut event: Value = serde_json::from_slice(event).ok()?;
    let details = event.get_mut("details")?.as_object_mut()?;
    for (data, flag) in [
        ("input", Some("inputDetails")),
        ("output", Some("outputDetails")),
        ("assignedVariables", Some("assignedVariablesDetails")),
        ("parameters", None),
    ] {
        let Some(value) = details.get_mut(data) else { continue };
        *value = if value.is_object() { Value::Object(Map::new()) } else { json!("") };
        if let Some(flag) = flag {
            details.insert(flag.to_owned(), json!({"truncated": true}));
        }
    }
    if let Some(Value::String(cause)) = details.get_mut("cause")
        && let Some((end, _)) = cause.char_indices().nth(CAUSE_CHARS_KEPT)
    {
        cause.truncate(end);
    }
    serde_json::to_vec(&event).ok()
}

const CAUSE_CHARS_KEPT: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(details: &Value) -> Value {
        let event = json!({"id": "2", "type": "T", "details": details, "redrive_count": "0"});
        let cut = without_data(event.to_string().as_bytes()).unwrap();
        let mut cut: Value = serde_json::from_slice(&cut).unwrap();
        assert_eq!(
            (&cut["id"], &cut["type"], &cut["redrive_count"]),
            (&json!("2"), &json!("T"), &json!("0"))
        );
        cut["details"].take()
    }

    #[test]
    fn what_is_large_goes_and_names_stay() {
        let long = "é".repeat(2_000);
        assert_eq!(
            cut(&json!({"name": "A", "output": long, "outputDetails": {"truncated": false},
                "assignedVariables": {"x": long}, "assignedVariablesDetails": {"truncated": false}})),
            json!({"name": "A", "output": "", "outputDetails": {"truncated": true},
                "assignedVariables": {}, "assignedVariablesDetails": {"truncated": true}})
        );
        assert_eq!(
            cut(&json!({"resource": "invoke", "parameters": long})),
            json!({"resource": "invoke", "parameters": ""})
        );
        let failed = cut(&json!({"error": "E", "cause": long}));
        assert_eq!(failed["cause"].as_str().unwrap().chars().count(), 1_024);
    }

    #[test]
    fn what_is_no_log_event_is_not_cut() {
        for text in ["", "[]", "{\"details\":1}", "\u{1}"] {
            assert_eq!(without_data(text.as_bytes()), None, "{text}");
        }
    }
}
