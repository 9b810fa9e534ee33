//! One billing record: a CloudEvent of type `express.execution.billed.v1`, structured or binary.
//!
//! A record that contradicts itself is refused, with the reason: an invoice that leaves something
//! out must say so. Numbers are read as integers; a float where one belongs is an error.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::agreement::MachineArn;
use crate::outcome::{
    BILLING_EVENT_TYPE, BILLING_SUMS_EVENT_TYPE, Bill, DURATION_STEP_MS, MEMORY_STEP_MB, gb_seconds,
};

/// How a billed execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndStatus {
    /// It reached a terminal state.
    Succeeded,
    /// It failed.
    Failed,
    /// It ran into a time limit.
    TimedOut,
}

impl EndStatus {
    /// As records say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
        }
    }

    fn read(text: &str) -> Result<Self, RecordError> {
        let all = [Self::Succeeded, Self::Failed, Self::TimedOut];
        all.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
            RecordError::Contradiction(format!(
                "status {text:?} is none of SUCCEEDED, FAILED, TIMED_OUT"
            ))
        })
    }
}

/// What one record says was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage<'a> {
    /// 128 bits of SHA-256 over `source` and `id`, which together identify a CloudEvent.
    pub identity: u128,
    /// End of the execution, ms since the Unix epoch: when it is billed.
    pub stopped_ms: i64,
    /// ARN of the state machine.
    pub machine_arn: Cow<'a, str>,
    /// Version of the state machine; empty for none.
    pub version: Cow<'a, str>,
    /// Tags as JSON text.
    pub tags: &'a str,
    /// How it ended.
    pub status: EndStatus,
    /// Billed duration and memory.
    pub bill: Bill,
    /// State transitions, retries included: what a Standard workflow is billed by.
    pub transitions: u32,
}

/// What the record of a range says was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeUsage<'a> {
    /// ARN of the state machine.
    pub machine_arn: Cow<'a, str>,
    /// Version of the state machine; empty for none.
    pub version: Cow<'a, str>,
    /// Tags as JSON text.
    pub tags: &'a str,
    /// Pipeline, topic and partition whose offsets it is about.
    pub partition: (Cow<'a, str>, Cow<'a, str>, i32),
    /// Which topic of this name, in which cluster; empty in records of before there were any.
    pub topic_id: Cow<'a, str>,
    /// First offset.
    pub from: i64,
    /// The offset after the last.
    pub to: i64,
    /// By minute and status.
    pub sums: Vec<MinuteUsage>,
}

/// Executions of one minute that ended in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinuteUsage {
    /// Start of the minute, ms since the Unix epoch.
    pub minute_ms: i64,
    /// How they ended.
    pub status: EndStatus,
    /// How many.
    pub requests: u64,
    /// Billed durations, in steps of 100 ms.
    pub steps: u64,
    /// Billed units of 100 ms × 64 MB.
    pub units: u64,
    /// State transitions.
    pub transitions: u64,
}

/// What bytes turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading<'a> {
    /// A billing record.
    Usage(Usage<'a>),
    /// A billing record of a range: sums instead of a record for each execution.
    Range(RangeUsage<'a>),
    /// A CloudEvent of another type, for somebody else.
    Foreign,
}

/// Why a billing record is refused.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Not a CloudEvent in JSON.
    #[error("not a CloudEvent in JSON: {}", without_line(.0))]
    Event(serde_json::Error),
    /// Data in another form.
    #[error("data is not that of a billing record: {} of data", without_line(.0))]
    Data(serde_json::Error),
    /// An attribute that has to be there.
    #[error("attribute {0:?} is missing or empty")]
    Missing(&'static str),
    /// A version of the record that this program does not know.
    #[error("type {0:?} is newer than this program; it reads {BILLING_EVENT_TYPE:?}")]
    Newer(String),
    /// Fields that do not fit together.
    #[error("{0}")]
    Contradiction(String),
}

/// Context attributes of a CloudEvent.
#[derive(Clone, Debug, Default)]
pub struct Attributes<'a> {
    /// `specversion`.
    pub specversion: Cow<'a, str>,
    /// `type`.
    pub kind: Cow<'a, str>,
    /// `source`.
    pub source: Cow<'a, str>,
    /// `id`.
    pub id: Cow<'a, str>,
    /// `subject`; empty for none.
    pub subject: Cow<'a, str>,
    /// `time`.
    pub time: Cow<'a, str>,
}

/// Reads a record in structured mode: attributes and data in one JSON object.
///
/// # Errors
/// [`RecordError`] when it is no CloudEvent, or a billing record that is not sound.
pub fn read_structured(bytes: &[u8]) -> Result<Reading<'_>, RecordError> {
    let event: Event<'_> = serde_json::from_slice(bytes).map_err(RecordError::Event)?;
    let attributes = Attributes {
        specversion: event.specversion,
        kind: event.kind,
        source: event.source,
        id: event.id,
        subject: event.subject,
        time: event.time,
    };
    let data = event.data.map(|data| data.get().as_bytes());
    read_binary(&attributes, data.unwrap_or_default())
}

/// Reads a record in binary mode: attributes from headers, data from the value.
///
/// # Errors
/// [`RecordError`] when it is a billing record that is not sound.
pub fn read_binary<'a>(
    attributes: &Attributes<'a>,
    data: &'a [u8],
) -> Result<Reading<'a>, RecordError> {
    let required = [
        ("specversion", &attributes.specversion),
        ("type", &attributes.kind),
        ("source", &attributes.source),
        ("id", &attributes.id),
    ];
    if let Some((name, _)) = required.into_iter().find(|(_, value)| value.is_empty()) {
        return Err(RecordError::Missing(name));
    }
    if attributes.kind == BILLING_SUMS_EVENT_TYPE {
        check_version(&attributes.specversion)?;
        let data: RangeData<'a> = serde_json::from_slice(data).map_err(RecordError::Data)?;
        if let Some(arn) = MachineArn::read(&data.state_machine_arn) {
            arn.check(attributes, data.machine.as_deref())?;
        }
        return data.usage().map(Reading::Range);
    }
    if attributes.kind != BILLING_EVENT_TYPE {
        let is_newer = |without| attributes.kind.starts_with(without);
        if TYPES_WITHOUT_VERSION.into_iter().any(is_newer) {
            return Err(RecordError::Newer(attributes.kind.clone().into_owned()));
        }
        return Ok(Reading::Foreign);
    }
    check_version(&attributes.specversion)?;
    let data: Data<'a> = serde_json::from_slice(data).map_err(RecordError::Data)?;
    let stopped_ms = instant(&attributes.time)?;
    if let Some(arn) = MachineArn::read(&data.state_machine_arn) {
        arn.check(attributes, data.machine.as_deref())?;
    }
    Ok(Reading::Usage(Usage {
        identity: identity(&attributes.source, &attributes.id),
        stopped_ms,
        bill: data.bill()?,
        status: EndStatus::read(&data.status)?,
        transitions: data.transitions,
        tags: data.tags.map_or("{}", RawValue::get),
        version: data.version.unwrap_or_default(),
        machine_arn: data.state_machine_arn,
    }))
}

fn check_version(specversion: &str) -> Result<(), RecordError> {
    if specversion == CLOUDEVENTS_VERSION {
        return Ok(());
    }
    Err(RecordError::Contradiction(format!(
        "specversion is {specversion:?}, but billing records are CloudEvents {CLOUDEVENTS_VERSION:?}"
    )))
}

fn instant(text: &str) -> Result<i64, RecordError> {
    text.parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_millisecond)
        .map_err(|_| RecordError::Contradiction(format!("time {text:?} is not RFC 3339")))
}

/// 128 bits are enough: among 10⁸ ids the chance that any two are taken for one is below 2⁻⁷⁵.
fn identity(source: &str, id: &str) -> u128 {
    let mut hash = Sha256::new();
    hash.update((source.len() as u64).to_be_bytes());
    hash.update(source.as_bytes());
    hash.update(id.as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hash.finalize()[..16]);
    u128::from_be_bytes(first)
}

/// An error of serde without its line, which is the first: whoever shows it says where that lies.
pub(super) fn without_line(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

#[derive(Deserialize)]
#[serde(expecting = "a JSON object")]
struct Event<'a> {
    #[serde(borrow, default)]
    specversion: Cow<'a, str>,
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    source: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    subject: Cow<'a, str>,
    #[serde(borrow, default)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(expecting = "a JSON object")]
struct Data<'a> {
    requests: u64,
    billed_duration_ms: u64,
    billed_memory_mb: u64,
    mb_milliseconds: Option<u64>,
    #[serde(borrow)]
    gb_seconds: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    state_machine_arn: Cow<'a, str>,
    #[serde(borrow)]
    machine: Option<Cow<'a, str>>,
    #[serde(borrow)]
    version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tags: Option<&'a RawValue>,
    transitions: u32,
}

impl Data<'_> {
    fn bill(&self) -> Result<Bill, RecordError> {
        let bill = Bill { duration_ms: self.billed_duration_ms, memory_mb: self.billed_memory_mb };
        let is_in_steps = bill.duration_ms.is_multiple_of(DURATION_STEP_MS)
            && (1..=DURATION_MS_MAX).contains(&bill.duration_ms)
            && bill.memory_mb.is_multiple_of(MEMORY_STEP_MB)
            && (1..=MEMORY_MB_MAX).contains(&bill.memory_mb);
        if !is_in_steps || self.requests != 1 {
            return Err(RecordError::Contradiction(format!(
                "{} request(s), {} ms, {} MB: a record is one request, in steps of 100 ms and 64 MB",
                self.requests, bill.duration_ms, bill.memory_mb
            )));
        }
        let product = u128::from(bill.duration_ms) * u128::from(bill.memory_mb);
        if let Some(given) = self.mb_milliseconds.filter(|given| u128::from(*given) != product) {
            return Err(RecordError::Contradiction(format!(
                "mb_milliseconds is {given}, but {} ms of {} MB are {product}",
                bill.duration_ms, bill.memory_mb
            )));
        }
        let mut exact = Vec::with_capacity(24);
        bill.push_gb_seconds(&mut exact);
        if exact != self.gb_seconds.as_bytes() {
            return Err(RecordError::Contradiction(format!(
                "gb_seconds is {:?}, but {} ms of {} MB are {}",
                self.gb_seconds,
                bill.duration_ms,
                bill.memory_mb,
                String::from_utf8_lossy(&exact)
            )));
        }
        Ok(bill)
    }
}

#[derive(Deserialize)]
#[serde(expecting = "a JSON object")]
struct RangeData<'a> {
    requests: u64,
    #[serde(borrow)]
    machine: Option<Cow<'a, str>>,
    #[serde(borrow)]
    state_machine_arn: Cow<'a, str>,
    #[serde(borrow)]
    version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tags: Option<&'a RawValue>,
    #[serde(borrow)]
    pipeline: Cow<'a, str>,
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(borrow)]
    topic_id: Option<Cow<'a, str>>,
    partition: i32,
    from_offset: i64,
    to_offset: i64,
    #[serde(borrow)]
    sums: Vec<MinuteData<'a>>,
}

#[derive(Deserialize)]
#[serde(expecting = "a JSON object")]
struct MinuteData<'a> {
    #[serde(borrow)]
    minute: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    requests: u64,
    billed_duration_ms: u64,
    mb_milliseconds: u64,
    #[serde(borrow)]
    gb_seconds: Cow<'a, str>,
    transitions: u64,
}

impl<'a> RangeData<'a> {
    fn usage(self) -> Result<RangeUsage<'a>, RecordError> {
        let sums = self.sums.iter().map(MinuteData::usage).collect::<Result<Vec<_>, _>>()?;
        let requests: u128 = sums.iter().map(|one| u128::from(one.requests)).sum();
        if requests != u128::from(self.requests) {
            return Err(RecordError::Contradiction(format!(
                "requests are {}, but those of its sums are {requests}",
                self.requests
            )));
        }
        let offsets = self.to_offset.checked_sub(self.from_offset).unwrap_or(0).max(0);
        if !(1..=offsets.unsigned_abs().min(RANGE_REQUESTS_MAX)).contains(&self.requests) {
            return Err(RecordError::Contradiction(format!(
                "{} requests do not fit the offsets {} up to {}",
                self.requests, self.from_offset, self.to_offset
            )));
        }
        Ok(RangeUsage {
            machine_arn: self.state_machine_arn,
            version: self.version.unwrap_or_default(),
            tags: self.tags.map_or("{}", RawValue::get),
            partition: (self.pipeline, self.topic, self.partition),
            topic_id: self.topic_id.unwrap_or_default(),
            from: self.from_offset,
            to: self.to_offset,
            sums,
        })
    }
}

impl MinuteData<'_> {
    fn usage(&self) -> Result<MinuteUsage, RecordError> {
        let (steps, units) = (
            self.billed_duration_ms / DURATION_STEP_MS,
            self.mb_milliseconds / (DURATION_STEP_MS * MEMORY_STEP_MB),
        );
        let is_exact = self.billed_duration_ms.is_multiple_of(DURATION_STEP_MS)
            && self.mb_milliseconds.is_multiple_of(DURATION_STEP_MS * MEMORY_STEP_MB)
            && self.gb_seconds == gb_seconds(units.into())
            && steps >= self.requests
            && units >= steps;
        if !is_exact {
            return Err(RecordError::Contradiction(format!(
                "{} requests, {} ms, {} MB ms and {:?} GB-seconds do not fit together",
                self.requests, self.billed_duration_ms, self.mb_milliseconds, self.gb_seconds
            )));
        }
        // No single execution is longer or larger than this.
        let (requests, steps_wide) = (u128::from(self.requests), u128::from(steps));
        if steps_wide > requests * u128::from(DURATION_MS_MAX / DURATION_STEP_MS)
            || u128::from(units) > steps_wide * u128::from(MEMORY_MB_MAX / MEMORY_STEP_MB)
        {
            return Err(RecordError::Contradiction(format!(
                "{} ms and {} MB ms are too much for {} requests",
                self.billed_duration_ms, self.mb_milliseconds, self.requests
            )));
        }
        Ok(MinuteUsage {
            minute_ms: instant(&self.minute)?,
            status: EndStatus::read(&self.status)?,
            requests: self.requests,
            steps,
            units,
            transitions: self.transitions,
        })
    }
}

/// The version of CloudEvents that billing records are in.
const CLOUDEVENTS_VERSION: &str = "1.0";
/// Types of billing records up to the number of their version.
const TYPES_WITHOUT_VERSION: [&str; 2] =
    ["express.execution.billed.v", "express.executions.billed.v"];
/// Far beyond the 300 s of an Express execution, and small enough that no sum overflows.
const DURATION_MS_MAX: u64 = 366 * 86_400_000;
/// More than a source lets lie uncommitted, so that no range can be larger.
const RANGE_REQUESTS_MAX: u64 = 1 << 32;
/// A petabyte.
const MEMORY_MB_MAX: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(data: &str) -> String {
        format!(
            r#"{{"specversion":"1.0","id":"arn:1","source":"//states/us-east-1/1","type":"{BILLING_EVENT_TYPE}","subject":"1","time":"2026-01-01T00:00:00.100Z","data":{data}}}"#
        )
    }

    fn data(ms: &str, mb: u64, gb_seconds: &str, status: &str) -> String {
        format!(
            r#"{{"requests":1,"billed_duration_ms":{ms},"billed_memory_mb":{mb},"gb_seconds":"{gb_seconds}","status":"{status}","state_machine_arn":"arn:aws:states:us-east-1:1:stateMachine:m","tags":{{"team":"a"}},"transitions":4}}"#
        )
    }

    fn refused(text: &str) -> String {
        read_structured(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_record_says_what_was_used() {
        let text = record(&data("100", 64, "0.00625", "TIMED_OUT"));
        let Reading::Usage(usage) = read_structured(text.as_bytes()).unwrap() else {
            panic!("foreign")
        };
        assert_eq!(usage.bill, Bill { duration_ms: 100, memory_mb: 64 });
        assert_eq!((usage.status, usage.transitions), (EndStatus::TimedOut, 4));
        assert_eq!((usage.stopped_ms, usage.tags), (1_767_225_600_100, r#"{"team":"a"}"#));
        assert_eq!(usage.machine_arn, "arn:aws:states:us-east-1:1:stateMachine:m");
        assert!(matches!(usage.machine_arn, Cow::Borrowed(_)), "no allocation");
    }

    #[test]
    fn the_same_in_binary_mode_is_the_same_usage() {
        let body = data("300", 128, "0.0375", "FAILED");
        let text = record(&body);
        let attributes = Attributes {
            specversion: "1.0".into(),
            kind: BILLING_EVENT_TYPE.into(),
            source: "//states/us-east-1/1".into(),
            id: "arn:1".into(),
            subject: "1".into(),
            time: "2026-01-01T00:00:00.100Z".into(),
        };
        assert_eq!(
            read_binary(&attributes, body.as_bytes()).unwrap(),
            read_structured(text.as_bytes()).unwrap()
        );
    }

    #[test]
    fn source_and_id_together_identify_it() {
        assert_ne!(identity("a", "bc"), identity("ab", "c"));
        assert_ne!(identity("a", "b"), identity("b", "b"));
        assert_eq!(identity("a", "b"), identity("a", "b"));
    }

    #[test]
    fn contradictions_are_refused_with_the_reason() {
        let refused_data =
            |ms, mb, gb_seconds, status| refused(&record(&data(ms, mb, gb_seconds, status)));
        assert!(refused_data("150", 64, "0.009375", "FAILED").contains("steps of 100 ms"));
        assert!(refused_data("0", 64, "0", "FAILED").contains("steps of 100 ms"));
        assert!(refused_data("100", 65, "0.00625", "FAILED").contains("65 MB"));
        assert!(refused_data("100", 64, "0.00626", "FAILED").contains("are 0.00625"));
        assert!(refused_data("100", 64, "0.00625", "ABORTED").contains("\"ABORTED\""));
        assert!(refused_data("100.0", 64, "0.00625", "FAILED").contains("floating point"));
        assert!(refused("{}").contains("specversion"));
        assert!(refused("[1]").contains("not a CloudEvent"));
        let text = record(&data("100", 64, "0.00625", "FAILED"));
        assert!(refused(&text.replace("2026-01-01T", "")).contains("not RFC 3339"));
        assert!(refused(&text.replace("billed.v1", "billed.v2")).contains("newer"));
    }

    #[test]
    fn messages_name_one_line_at_most_and_nothing_of_ours() {
        let why = refused("{\"id\":}");
        assert_eq!(why, "not a CloudEvent in JSON: expected value at column 7");
        assert!(refused("null").contains("expected a JSON object"));
        let why = refused(&record("{\"requests\":1}"));
        assert!(why.ends_with("missing field `billed_duration_ms` at column 14 of data"), "{why}");
    }

    #[test]
    fn sums_of_a_range_are_read_and_checked() {
        let text = format!(
            r#"{{"specversion":"1.0","id":"i","source":"s","type":"{BILLING_SUMS_EVENT_TYPE}","time":"2026-01-01T00:01:00Z","data":{{"requests":2,"state_machine_arn":"a","version":null,"tags":{{}},"pipeline":"p","topic":"t","partition":3,"from_offset":7,"to_offset":9,"sums":[{{"minute":"2026-01-01T00:00:00.000Z","status":"FAILED","requests":2,"billed_duration_ms":500,"mb_milliseconds":64000,"gb_seconds":"0.0625","transitions":8}}]}}}}"#
        );
        let elsewhere = text.replace(
            r#""state_machine_arn":"a""#,
            r#""state_machine_arn":"arn:aws:states:us-east-1:000000000000:stateMachine:m""#,
        );
        assert!(refused(&elsewhere).contains("source is \"s\""));
        let Reading::Range(range) = read_structured(text.as_bytes()).unwrap() else {
            panic!("no range")
        };
        assert_eq!((range.from, range.to), (7, 9));
        assert_eq!(range.partition, ("p".into(), "t".into(), 3));
        assert_eq!(range.topic_id, "", "a record of before");
        for (written, topic_id) in [("null", ""), ("\"4FNk\"", "4FNk")] {
            let text =
                text.replace("\"partition\"", &format!("\"topic_id\":{written},\"partition\""));
            let Reading::Range(range) = read_structured(text.as_bytes()).unwrap() else {
                panic!("no range")
            };
            assert_eq!(range.topic_id, topic_id);
        }
        let sum = MinuteUsage {
            minute_ms: 1_767_225_600_000,
            status: EndStatus::Failed,
            requests: 2,
            steps: 5,
            units: 10,
            transitions: 8,
        };
        assert_eq!(range.sums, [sum]);
        for (right, wrong) in [
            ("\"requests\":2,\"state", "\"requests\":3,\"state"),
            ("\"to_offset\":9", "\"to_offset\":8"),
            ("\"to_offset\":9", "\"to_offset\":7"),
            ("0.0625", "0.0626"),
            (":64000", ":64001"),
            (":500", ":550"),
            ("FAILED", "ABORTED"),
            ("v1\"", "v2\""),
            ("\"specversion\":\"1.0\"", "\"specversion\":\"1.1\""),
        ] {
            refused(&text.replace(right, wrong));
        }
        assert_eq!(
            refused(&text.replace("\"requests\":2,\"state", "\"requests\":3,\"state")),
            "requests are 3, but those of its sums are 2"
        );
        assert_eq!(
            refused(&text.replace("\"to_offset\":9", "\"to_offset\":8")),
            "2 requests do not fit the offsets 7 up to 8"
        );
        // Two executions of more than a year each.
        let absurd = text.replace(":500,", ":64000000000,").replace(":64000,", ":4096000000000,");
        let why = refused(&absurd.replace("0.0625", "4000000"));
        assert!(why.contains("are too much for 2 requests"), "{why}");
    }

    #[test]
    fn events_of_others_are_not_ours() {
        let text = r#"{"specversion":"1.0","id":"1","source":"s","type":"t","data":[1.5]}"#;
        assert_eq!(read_structured(text.as_bytes()).unwrap(), Reading::Foreign);
    }
}
