//! Where events come from: Kafka topics, or a file of JSON lines.
//!
//! A Kafka source is one thread with one consumer and one producer. It reads records, hands them
//! to the shards in batches, writes what comes back, and commits an offset only when every output
//! of it and of all before it is acknowledged. Read it along the path of a record: [`Pipeline`] →
//! `io_thread` → `intake` → (shards) → `publish` → `books` → [`Ledger`] → commit.
//!
//! It writes what comes back as it is: formats are `outcome`'s, except for the dead letter, which is
//! the record itself again.

mod books;
mod client_stats;
mod consumer;
mod counters;
mod dead_letter;
mod embedded;
mod error;
mod file;
mod held;
mod history;
mod identity;
mod intake;
mod io_thread;
mod ledger;
mod librdkafka;
mod lives;
mod options;
mod partitions;
mod pipeline;
mod port;
mod producer;
mod publish;
mod queue;
mod relay;
mod settings;
mod sums;
mod topic;
mod topic_id;

pub use client_stats::{ClientStats, RoundTrip};
pub use counters::{
    Batches, ClientRole, Counter, Counters, Observed, PartitionLag, REBALANCES, Refusals, Sink,
};
pub use dead_letter::{DeadLetterClass, DeadLetterHeaders};
pub use embedded::EmbeddedBroker;
pub use error::{Error, MissingTopic};
pub use file::{FileOptions, FileOutputs, FileReport, run_file};
pub use history::{EVENTS_LEFT_OUT_HEADER, HistorySink, Lines};
pub use identity::{FILE_CLUSTER_ID, FILE_TOPIC, IdentityPrefix, push_default_name};
pub use ledger::{Finished, Ledger, Received};
pub use options::{GroupProtocol, OffsetReset, Options};
pub use pipeline::{Handle, Pipeline, Report};
pub use port::ShardPort;
pub use relay::{RelayReport, relay};
pub use settings::{SettingRefused, check_setting};
pub use topic::{TopicOptions, TopicRecord, read_topics};
