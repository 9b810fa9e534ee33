//! Why a source cannot start or had to stop.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// A topic that is not on the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingTopic {
    /// What it is for.
    pub role: &'static str,
    /// Its name.
    pub name: String,
}

impl Display for MissingTopic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} topic `{}`", self.role, self.name)
    }
}

/// What the operator reads. Every message names the value at fault and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No broker answered in time.
    #[error(
        "no Kafka broker at `{servers}` answered within {waited:?} ({reason}); check `kafka.brokers` and that the broker is up"
    )]
    Unreachable {
        /// The configured servers.
        servers: String,
        /// How long we tried.
        waited: Duration,
        /// What librdkafka last said.
        reason: String,
    },
    /// Topics of the configuration are not on the cluster.
    #[error("{}", no_such_topics(missing, servers))]
    NoSuchTopics {
        /// All of them, each once.
        missing: Vec<MissingTopic>,
        /// The configured servers.
        servers: String,
    },
    /// A client setting is not accepted.
    #[error("Kafka client settings are not accepted: {0}")]
    Settings(String),
    /// The broker does not know KIP-848 groups.
    #[error(
        "the broker does not support the `consumer` group protocol (Kafka 4.0 or newer); set `group_protocol = \"classic\"`"
    )]
    GroupProtocolTooOld,
    /// The consumer cannot go on.
    #[error("the Kafka consumer of group `{group}` cannot go on: {reason}")]
    Consumer {
        /// Group name.
        group: String,
        /// What librdkafka said.
        reason: String,
    },
    /// The committed offset is gone and the configuration forbids a guess.
    #[error(
        "no valid offset for `{topic}` partition {partition}: {reason}; set the pipeline's `start_offset` to `earliest` or `latest` to go on elsewhere"
    )]
    OffsetReset {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// What librdkafka said.
        reason: String,
    },
    /// A record could not be written after all attempts; its offset stays uncommitted.
    #[error(
        "a record for {role} topic `{topic}` could not be delivered after {attempts} attempts: {code}"
    )]
    Delivery {
        /// What the topic is for.
        role: &'static str,
        /// Its name.
        topic: String,
        /// Attempts made.
        attempts: u32,
        /// The last error.
        code: RDKafkaErrorCode,
    },
    /// The producer cannot go on.
    #[error("the Kafka producer cannot go on: {0}")]
    Producer(String),
    /// The history cannot be written where it goes.
    #[error("cannot write the history: {0}; its events stay uncommitted")]
    History(#[source] std::io::Error),
    /// A shard ended while the source still feeds it.
    #[error("shard {0} is gone")]
    ShardGone(usize),
    /// A thread could not be started.
    #[error("cannot start the I/O thread: {0}")]
    Thread(#[source] std::io::Error),
    /// Any other client error.
    #[error("Kafka client: {0}")]
    Client(#[from] KafkaError),
    /// Reading or writing a file failed.
    #[error("{what}: {source}")]
    File {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

fn no_such_topics(missing: &[MissingTopic], servers: &str) -> String {
    let names: Vec<_> = missing.iter().map(MissingTopic::to_string).collect();
    let (do_not, them) = match names.len() {
        1 => ("does not", "it"),
        _ => ("do not", "them"),
    };
    format!(
        "{} {do_not} exist on `{servers}`; create {them}, or correct the pipeline's configuration",
        names.join(", ")
    )
}
