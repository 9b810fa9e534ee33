//! The history as log events: one JSON object an event, as AWS writes them to CloudWatch Logs.
//!
//! Every value beside the details is a text, numbers included; keys outside of the details are in
//! snake case, those inside in camel case. Data longer than AWS logs is cut and says so. An event
//! that was recorded for somebody else's sake (a sampled trace) is left out here.

use crate::shard::Settled;
use crate::shard::outbox::{Span, push_json_string};
use crate::vm::{Detail, Event, Level, Recording};

use super::arn::{StateMachineArn, push_execution_arn};

/// Writes the log events of one state machine.
#[derive(Clone, Debug)]
pub struct LogEvents {
    express_prefix: String,
    recording: Recording,
}

impl LogEvents {
    /// Log events of the machine `arn`, as far as `recording` asks for them.
    pub fn new(arn: &StateMachineArn, recording: Recording) -> Self {
        Self { express_prefix: arn.express_prefix(), recording }
    }

    /// Appends the log events of an execution to `out`, and where each stands to `events`.
    #[inline]
    pub fn push(&self, out: &mut Vec<u8>, events: &mut Vec<Span>, settled: &Settled<'_>) {
        if self.recording.level != Level::Off {
            self.push_all(out, events, settled);
        }
    }

    /// Appends the ARN of an execution.
    pub(super) fn push_arn(&self, out: &mut Vec<u8>, settled: &Settled<'_>) {
        push_execution_arn(out, &self.express_prefix, settled.name, settled.suffix);
    }

    #[cold]
    fn push_all(&self, out: &mut Vec<u8>, events: &mut Vec<Span>, settled: &Settled<'_>) {
        let mut arn = Vec::with_capacity(self.express_prefix.len() + ARN_BYTES);
        self.push_arn(&mut arn, settled);
        for event in settled.history.iter().filter(|event| self.recording.level.logs(event.kind)) {
            let start = out.len();
            push_event(out, event, self.recording.data, &arn);
            events.push(Span::since(out, start));
        }
    }
}

fn push_event(out: &mut Vec<u8>, event: &Event, with_data: bool, arn: &[u8]) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(b"{\"id\":\"");
    out.extend_from_slice(digits.format(event.id).as_bytes());
    out.extend_from_slice(b"\",\"type\":\"");
    out.extend_from_slice(event.kind.as_bytes());
    out.extend_from_slice(b"\",\"details\":{");
    let mut is_first = true;
    for (name, detail) in &event.details {
        if with_data || !is_data(name) {
            push_detail(out, name, detail, &mut is_first);
        }
    }
    out.extend_from_slice(b"},\"previous_event_id\":\"");
    out.extend_from_slice(digits.format(event.previous).as_bytes());
    out.extend_from_slice(b"\",\"event_timestamp\":\"");
    out.extend_from_slice(digits.format(event.wall_ms).as_bytes());
    out.extend_from_slice(b"\",\"execution_arn\":\"");
    // Made of names that need no escapes.
    out.extend_from_slice(arn);
    out.extend_from_slice(b"\",\"redrive_count\":\"0\"}");
}

/// What `includeExecutionData` decides about.
fn is_data(name: &str) -> bool {
    matches!(name, "input" | "output" | "parameters" | "assignedVariables")
}

fn push_detail(out: &mut Vec<u8>, name: &str, detail: &Detail, is_first: &mut bool) {
    push_name(out, name, is_first);
    match detail {
        Detail::Count(count) => {
            out.extend_from_slice(itoa::Buffer::new().format(*count).as_bytes());
        }
        Detail::Text(text) => {
            let chars_max = match name {
                "error" => ERROR_CHARS_MAX,
                "cause" => CAUSE_CHARS_MAX,
                _ => usize::MAX,
            };
            push_json_string(out, cut_to_chars(text, chars_max));
        }
        // The only object among the details; all other JSON is logged as text.
        Detail::Json(json) if name == "taskCredentials" => out.extend_from_slice(json.as_bytes()),
        Detail::Json(json) => {
            let truncated = push_data(out, json, DATA_BYTES_MAX) < json.len();
            match name {
                "input" => push_truncated(out, "inputDetails", truncated),
                "output" => push_truncated(out, "outputDetails", truncated),
                _ => {}
            }
        }
        Detail::Variables(variables) => {
            out.push(b'{');
            let (mut is_first, mut truncated, mut left) = (true, false, DATA_BYTES_MAX);
            for (variable, json) in variables {
                push_name(out, variable, &mut is_first);
                let start = out.len();
                truncated |= push_data(out, json, left) < json.len();
                left = left.saturating_sub(out.len() - start);
            }
            out.push(b'}');
            push_truncated(out, "assignedVariablesDetails", truncated);
        }
    }
}

fn push_name(out: &mut Vec<u8>, name: &str, is_first: &mut bool) {
    if !std::mem::replace(is_first, false) {
        out.push(b',');
    }
    push_json_string(out, name);
    out.push(b':');
}

fn push_truncated(out: &mut Vec<u8>, name: &str, truncated: bool) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":{\"truncated\":");
    out.extend_from_slice(if truncated { b"true" } else { b"false" });
    out.push(b'}');
}

/// Appends JSON as a text, cut where it would take more than `bytes_max` bytes with its escapes;
/// returns how much of it that was.
fn push_data(out: &mut Vec<u8>, json: &str, bytes_max: usize) -> usize {
    // JSON has no control characters: its longest escapes are two bytes for one.
    let mut end = json.len();
    if json.len() > bytes_max / 2 {
        let mut bytes = 0;
        end = json
            .char_indices()
            .find(|(_, character)| {
                bytes += character.len_utf8() + usize::from(matches!(character, '"' | '\\'));
                bytes > bytes_max
            })
            .map_or(json.len(), |(index, _)| index);
    }
    push_json_string(out, &json[..end]);
    end
}

fn cut_to_chars(text: &str, chars_max: usize) -> &str {
    if text.len() <= chars_max {
        return text;
    }
    text.char_indices().nth(chars_max).map_or(text, |(index, _)| &text[..index])
}

/// AWS: developer guide, "cw-logs": escaped data above 248 KiB is truncated.
const DATA_BYTES_MAX: usize = 248 * 1_024;
/// AWS: API reference, `ExecutionFailedEventDetails`.
const ERROR_CHARS_MAX: usize = 256;
/// The same.
const CAUSE_CHARS_MAX: usize = 32_768;
/// Name and suffix of an execution.
const ARN_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::base::ids::{ExecutionSuffix, MachineIdx, Origin};
    use crate::base::trace::NO_TRACE;
    use crate::shard::Status;

    use super::*;

    fn event(id: u32, kind: &'static str, details: Vec<(&'static str, Detail)>) -> Event {
        Event { id, previous: id - 1, wall_ms: 1_719_792_000_123, mono_ns: 0, kind, details }
    }

    fn logged(level: Level, data: bool, history: &[Event]) -> Vec<String> {
        let arn = StateMachineArn::new("us-east-1", "111111111111", "m").unwrap();
        let settled = Settled {
            origin: Origin::default(),
            machine: MachineIdx(0),
            suffix: ExecutionSuffix([0xab; 16]),
            name: "in-0-1",
            status: Status::Succeeded,
            output: b"{}",
            error: None,
            cause: None,
            started_ms: 0,
            stopped_ms: 1,
            duration_ns: 1,
            input_bytes: 0,
            metered_data_bytes: 0,
            held_bytes: 0,
            transitions: 1,
            history,
            events_left_out: 0,
            trace: &NO_TRACE,
        };
        let (mut out, mut spans) = (b"before".to_vec(), Vec::new());
        LogEvents::new(&arn, Recording { level, data }).push(&mut out, &mut spans, &settled);
        let text = |span: &Span| {
            let start = span.start as usize;
            String::from_utf8(out[start..start + span.len as usize].to_vec()).unwrap()
        };
        spans.iter().map(text).collect()
    }

    fn details(data: bool, kind: &'static str, given: Vec<(&'static str, Detail)>) -> Value {
        let lines = logged(Level::All, data, &[event(2, kind, given)]);
        let event: Value = serde_json::from_str(&lines[0]).unwrap();
        event["details"].clone()
    }

    fn json_text(text: &str) -> Detail {
        Detail::Json(text.into())
    }

    fn plain(text: &str) -> Detail {
        Detail::Text(text.into())
    }

    #[test]
    fn an_event_is_exactly_this() {
        let started = event(
            1,
            "ExecutionStarted",
            vec![("input", json_text(r#"{"a":"x\n"}"#)), ("roleArn", plain("arn:r"))],
        );
        let entered = event(2, "MapStateStarted", vec![("length", Detail::Count(3))]);
        assert_eq!(
            logged(Level::All, true, &[started, entered]),
            [
                concat!(
                    r#"{"id":"1","type":"ExecutionStarted","details":{"input":"{\"a\":\"x\\n\"}","#,
                    r#""inputDetails":{"truncated":false},"roleArn":"arn:r"},"previous_event_id":"0","#,
                    r#""event_timestamp":"1719792000123","execution_arn":"arn:aws:states:us-east-1:"#,
                    r#"111111111111:express:m:in-0-1:abababab-abab-abab-abab-abababababab","#,
                    r#""redrive_count":"0"}"#
                ),
                concat!(
                    r#"{"id":"2","type":"MapStateStarted","details":{"length":3},"previous_event_id":"1","#,
                    r#""event_timestamp":"1719792000123","execution_arn":"arn:aws:states:us-east-1:"#,
                    r#"111111111111:express:m:in-0-1:abababab-abab-abab-abab-abababababab","#,
                    r#""redrive_count":"0"}"#
                ),
            ]
        );
    }

    #[test]
    fn without_data_names_and_errors_are_left() {
        let variables = vec![("v".into(), "{\"b\":\"\"}".into())];
        let exited = || {
            vec![
                ("name", plain("A")),
                ("output", json_text("1")),
                ("assignedVariables", Detail::Variables(variables.clone())),
            ]
        };
        assert_eq!(details(false, "PassStateExited", exited()), json!({"name": "A"}));
        assert_eq!(
            details(true, "PassStateExited", exited()),
            json!({"name": "A", "output": "1", "outputDetails": {"truncated": false},
                "assignedVariables": {"v": "{\"b\":\"\"}"},
                "assignedVariablesDetails": {"truncated": false}})
        );
        let scheduled = || {
            vec![
                ("resourceType", plain("http")),
                ("resource", plain("invoke")),
                ("region", plain("us-east-1")),
                ("parameters", json_text("{}")),
                ("timeoutInSeconds", Detail::Count(9)),
                ("taskCredentials", json_text(r#"{"roleArn":"r"}"#)),
            ]
        };
        let mut expected = json!({"resourceType": "http", "resource": "invoke",
            "region": "us-east-1", "timeoutInSeconds": 9, "taskCredentials": {"roleArn": "r"}});
        assert_eq!(details(false, "TaskScheduled", scheduled()), expected);
        expected["parameters"] = json!("{}");
        assert_eq!(details(true, "TaskScheduled", scheduled()), expected);
        let succeeded = vec![("output", json_text("{}"))];
        assert_eq!(details(false, "ExecutionSucceeded", succeeded), json!({}));
        let failed = vec![("error", plain("E")), ("cause", plain("c"))];
        assert_eq!(details(false, "ExecutionFailed", failed), json!({"error": "E", "cause": "c"}));
    }

    #[test]
    fn the_level_holds_for_what_was_recorded_for_others() {
        let history = || {
            [
                event(1, "ExecutionStarted", vec![]),
                event(2, "TaskFailed", vec![]),
                event(3, "ExecutionFailed", vec![]),
            ]
        };
        let count = |level| logged(level, true, &history()).len();
        assert_eq!([Level::Off, Level::Fatal, Level::Error, Level::All].map(count), [0, 1, 2, 3]);
    }

    #[test]
    fn data_above_248_kib_is_cut_between_characters_and_says_so() {
        for unit in ["\\\"", "é", "a"] {
            let long = format!("\"{}\"", unit.repeat(300 * 1_024 / unit.len()));
            let cut = details(true, "PassStateEntered", vec![("input", json_text(&long))]);
            assert_eq!(cut["inputDetails"], json!({"truncated": true}));
            let kept = cut["input"].as_str().unwrap();
            assert!(long.starts_with(kept));
            let escaped = serde_json::to_string(kept).unwrap().len() - 2;
            assert!(escaped <= DATA_BYTES_MAX && escaped > DATA_BYTES_MAX - 4, "{unit} {escaped}");
        }
        let fits = format!("\"{}\"", "a".repeat(DATA_BYTES_MAX - 4));
        let whole = details(true, "PassStateEntered", vec![("input", json_text(&fits))]);
        assert_eq!(whole["inputDetails"], json!({"truncated": false}));
        let variables = [("a", 200), ("b", 100)]
            .map(|(name, kib)| (name.into(), "1".repeat(kib * 1_024).into()));
        let variables = Detail::Variables(variables.to_vec());
        let cut = details(true, "PassStateExited", vec![("assignedVariables", variables)]);
        assert_eq!(cut["assignedVariablesDetails"], json!({"truncated": true}));
        assert_eq!(cut["assignedVariables"]["a"].as_str().unwrap().len(), 200 * 1_024);
        assert!(cut["assignedVariables"]["b"].as_str().unwrap().len() < 48 * 1_024);
    }

    #[test]
    fn error_and_cause_are_as_long_as_aws_has_them_at_most() {
        let long = "é".repeat(40_000);
        let failed = vec![("error", plain(&long)), ("cause", plain(&long))];
        let cut = details(true, "ExecutionFailed", failed);
        let chars = |key: &str| cut[key].as_str().unwrap().chars().count();
        assert_eq!((chars("error"), chars("cause")), (256, 32_768));
    }
}
