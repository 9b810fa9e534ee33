//! What a source needs to write sums instead of bills, and who encodes them.

use crate::shard::Status;

/// What one execution is billed, in whole units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Billed {
    /// End of the execution, ms since the Unix epoch.
    pub stopped_ms: i64,
    /// Billed duration in steps of 100 ms.
    pub steps: u32,
    /// Billed memory in chunks of 64 MB.
    pub chunks: u32,
    /// State transitions, retries included.
    pub transitions: u32,
}

/// Executions of one minute that ended in one way; exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinuteSum {
    /// Start of the minute in which they ended, ms since the Unix epoch.
    pub minute_ms: i64,
    /// How they ended.
    pub status: Status,
    /// How many.
    pub requests: u64,
    /// Steps of 100 ms.
    pub steps: u64,
    /// Units of 100 ms × 64 MB.
    pub units: u64,
    /// State transitions.
    pub transitions: u64,
}

impl Default for MinuteSum {
    fn default() -> Self {
        Self {
            minute_ms: 0,
            status: Status::Succeeded,
            requests: 0,
            steps: 0,
            units: 0,
            transitions: 0,
        }
    }
}

/// All executions that the offsets `from..to` of a partition have started.
#[derive(Clone, Copy, Debug)]
pub struct BilledRange<'a> {
    /// Source topic.
    pub topic: &'a str,
    /// Which topic of this name, in which cluster: the cluster's id for it; of a cluster that has
    /// none, the id of the cluster. Empty when that is unknown too.
    pub topic_id: &'a str,
    /// Partition.
    pub partition: i32,
    /// First offset.
    pub from: i64,
    /// The offset after the last.
    pub to: i64,
    /// When the range was closed, ms since the Unix epoch.
    pub closed_ms: i64,
    /// By minute and status.
    pub sums: &'a [MinuteSum],
}

/// A range as a CloudEvent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SumsRecord {
    /// `id`.
    pub id: String,
    /// `type`.
    pub kind: &'static str,
    /// `time`.
    pub time: String,
    /// Value of the record, by the mode of the pipeline.
    pub value: Vec<u8>,
}

/// Encodes ranges for one pipeline; plugged in from above, since formats are not the source's.
pub trait EncodeSums: std::fmt::Debug + Send + Sync {
    /// Encodes one.
    fn encode(&self, range: &BilledRange<'_>) -> SumsRecord;
}
