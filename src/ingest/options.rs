//! What a Kafka source needs to know.

use std::sync::Arc;
use std::time::Duration;

use crate::base::ids::{MachineIdx, PipelineIdx};
use crate::shard::outbox::{BillingMode, EncodeSums};

use super::history::HistorySink;

/// One source: a pipeline's topics, read by one I/O thread.
#[derive(Clone, Debug)]
pub struct Options {
    /// Index of the pipeline.
    pub pipeline: PipelineIdx,
    /// Configured name; part of the execution identity.
    pub pipeline_name: String,
    /// Machine that runs the events.
    pub machine: MachineIdx,
    /// Its ARN; part of the execution identity, and a header of every result.
    pub machine_arn: String,
    /// Number of this source among all sources of the process; names its lane.
    pub lane: u8,
    /// Brokers to begin with.
    pub bootstrap_servers: String,
    /// Consumer group.
    pub group: String,
    /// How group membership is agreed on.
    pub group_protocol: GroupProtocol,
    /// Where to begin without a committed offset.
    pub auto_offset_reset: OffsetReset,
    /// Source topics, in the order of `Origin::topic`.
    pub topics: Vec<String>,
    /// Where results go.
    pub result_topic: String,
    /// Where results of failed executions go; usually the result topic.
    pub failure_topic: String,
    /// Where billing records go.
    pub billing_topic: String,
    /// How they lie there.
    pub billing_mode: BillingMode,
    /// In binary mode: the machine's source of events.
    pub billing_source: String,
    /// In binary mode: whom they are about.
    pub billing_subject: String,
    /// Write sums of ranges instead of a bill for each execution, encoded by this.
    pub billing_sums: Option<Arc<dyn EncodeSums>>,
    /// Where the history goes.
    pub history: HistorySink,
    /// Where dead letters go.
    pub dead_letter_topic: String,
    /// Offsets that may lie open per partition.
    pub uncommitted_per_partition: usize,
    /// Events that one shard may hold of this source.
    pub inflight_per_shard: u32,
    /// How long [`super::Handle::stop`] lets running executions end.
    pub drain_timeout: Duration,
    /// The same when a partition is taken away.
    pub revoke_timeout: Duration,
    /// How long to look for a broker at the start.
    pub connect_timeout: Duration,
    /// Further librdkafka settings of both clients (security and the like); they win.
    pub client_settings: Vec<(String, String)>,
    /// Further settings of the consumer; they win.
    pub consumer_settings: Vec<(String, String)>,
    /// Further settings of the producer; they win.
    pub producer_settings: Vec<(String, String)>,
}

impl Options {
    /// Defaults for everything that has one; names are empty.
    pub fn new(pipeline: PipelineIdx, machine: MachineIdx) -> Self {
        Self {
            pipeline,
            pipeline_name: String::new(),
            machine,
            machine_arn: String::new(),
            lane: 0,
            bootstrap_servers: String::new(),
            group: String::new(),
            group_protocol: GroupProtocol::Consumer,
            auto_offset_reset: OffsetReset::Earliest,
            topics: Vec::new(),
            result_topic: String::new(),
            failure_topic: String::new(),
            billing_topic: String::new(),
            billing_mode: BillingMode::Structured,
            billing_source: String::new(),
            billing_subject: String::new(),
            billing_sums: None,
            history: HistorySink::Nowhere,
            dead_letter_topic: String::new(),
            uncommitted_per_partition: 65_536,
            inflight_per_shard: 65_536,
            drain_timeout: Duration::from_secs(25),
            revoke_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(10),
            client_settings: Vec::new(),
            consumer_settings: Vec::new(),
            producer_settings: Vec::new(),
        }
    }
}

/// Group protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    /// KIP-848, Kafka 4.0 or newer.
    Consumer,
    /// The protocol of older brokers, with the cooperative-sticky assignor.
    Classic,
}

/// Where a partition without a valid committed offset is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    /// At its first record.
    Earliest,
    /// At its end.
    Latest,
    /// Not at all: stop with an error.
    Error,
}

impl OffsetReset {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
            Self::Error => "error",
        }
    }
}
