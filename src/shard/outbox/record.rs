//! Names of the headers of results and bills, and the value of an execution that failed.

use std::io::Write as _;

/// Type of the billing record; a change that readers could notice gets a new version.
pub const BILLING_EVENT_TYPE: &str = "express.execution.billed.v1";

/// Type of the record of a range: the executions of some offsets of one partition, summed.
pub const BILLING_SUMS_EVENT_TYPE: &str = "express.executions.billed.v1";

/// How a billing record lies on its topic: the two modes of CloudEvents' Kafka binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BillingMode {
    /// Attributes and data in one JSON object, the value.
    #[default]
    Structured,
    /// Attributes in headers, data in the value.
    Binary,
}

impl BillingMode {
    /// Value of the `content-type` header.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Structured => "application/cloudevents+json",
            Self::Binary => "application/json",
        }
    }
}

/// Version of CloudEvents.
pub const CLOUDEVENTS_VERSION: &str = "1.0";
/// `specversion` in binary mode.
pub const CE_SPECVERSION_HEADER: &str = "ce_specversion";
/// `id` in binary mode.
pub const CE_ID_HEADER: &str = "ce_id";
/// `source` in binary mode.
pub const CE_SOURCE_HEADER: &str = "ce_source";
/// `type` in binary mode.
pub const CE_TYPE_HEADER: &str = "ce_type";
/// `subject` in binary mode.
pub const CE_SUBJECT_HEADER: &str = "ce_subject";
/// `time` in binary mode.
pub const CE_TIME_HEADER: &str = "ce_time";
/// Execution ARN.
pub const EXECUTION_ARN_HEADER: &str = "execution-arn";
/// State machine ARN.
pub const STATE_MACHINE_ARN_HEADER: &str = "state-machine-arn";
/// `SUCCEEDED`, `FAILED` or `TIMED_OUT`.
pub const STATUS_HEADER: &str = "status";
/// Start, RFC 3339 with milliseconds.
pub const STARTED_AT_HEADER: &str = "started-at";
/// End, RFC 3339 with milliseconds.
pub const STOPPED_AT_HEADER: &str = "stopped-at";
/// Error name, only when the execution did not succeed and the error has a name.
pub const ERROR_HEADER: &str = "error";

/// Appends `{"error":…,"cause":…}`; a field that AWS would leave out is left out here too.
pub fn push_failure(out: &mut Vec<u8>, error: Option<&str>, cause: Option<&str>) {
    out.push(b'{');
    if let Some(error) = error {
        out.extend_from_slice(b"\"error\":");
        push_json_string(out, error);
    }
    if let Some(cause) = cause {
        if error.is_some() {
            out.push(b',');
        }
        out.extend_from_slice(b"\"cause\":");
        push_json_string(out, cause);
    }
    out.push(b'}');
}

/// Appends a JSON string with its quotes.
pub fn push_json_string(out: &mut Vec<u8>, text: &str) {
    if serde_json::to_writer(&mut *out, text).is_err() {
        // A `Vec` takes every byte and a `str` is always writable; an empty string keeps the
        // record well-formed all the same.
        let _ = out.write_all(b"\"\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(error: Option<&str>, cause: Option<&str>) -> String {
        let mut out = Vec::new();
        push_failure(&mut out, error, cause);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn failure_value_has_the_fields_that_are_there() {
        assert_eq!(failure(Some("E"), Some("c\"\n")), r#"{"error":"E","cause":"c\"\n"}"#);
        assert_eq!(failure(Some("E"), None), r#"{"error":"E"}"#);
        assert_eq!(failure(None, Some("c")), r#"{"cause":"c"}"#);
        assert_eq!(failure(None, None), "{}");
    }
}
