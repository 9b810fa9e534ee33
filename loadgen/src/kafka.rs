//! Getting to Kafka: client settings, topics, and where each partition ends before the first send.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, DeliveryResult, Producer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use crate::batching::Batching;
use crate::gauges::Gauges;
use crate::librdkafka;
use crate::quantity::Span;
use crate::scenario::{Connection, is_secret};

/// Why a run could not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// librdkafka refused a setting, most likely one given with `-X`.
    #[error("librdkafka refused its settings: {}; check the -X flags and kafka.properties", said_of_settings(.0))]
    Settings(KafkaError),
    /// No broker answered in time.
    #[error(
        "no answer from Kafka at {brokers} within {waited}: {reason}; is it running, and is the address right?"
    )]
    Unreachable {
        /// The addresses tried.
        brokers: String,
        /// How long.
        waited: Span,
        /// What the client said last.
        reason: String,
    },
    /// A topic is not there.
    #[error("topic {0:?} does not exist; create it, or add --create-topics PARTITIONS")]
    UnknownTopic(String),
    /// A topic could not be created.
    #[error("topic {topic:?} could not be created: {reason}")]
    NotCreated {
        /// The topic.
        topic: String,
        /// What the broker said.
        reason: String,
    },
}

/// Returns what the client says of its settings, without the values of secrets, and with the way
/// out where the build is what lacks.
fn said_of_settings(error: &KafkaError) -> String {
    let KafkaError::ClientConfig(_, reason, key, value) = error else {
        return error.to_string();
    };
    let mut said = error.to_string();
    if is_secret(key) && !value.is_empty() {
        // The reason quotes it too.
        said = format!("{key}: {}", reason.replace(value.as_str(), "***"));
    }
    let needs_tls = ["ssl.", "sasl."].iter().any(|part| key.starts_with(part))
        || (key == "security.protocol" && !value.eq_ignore_ascii_case("plaintext"));
    if needs_tls && !cfg!(feature = "tls") {
        said.push_str("; ");
        said.push_str(NO_TLS);
    }
    said
}

/// Passes a client's complaints on to the report.
#[derive(Debug)]
pub(crate) struct Link {
    gauges: Arc<Gauges>,
}

impl ClientContext for Link {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.gauges.note(note_of(&error, reason));
    }
}

impl ConsumerContext for Link {}

impl ProducerContext for Link {
    type DeliveryOpaque = usize;

    /// Reports are served as they come out of the client's queue, see [`Outbox`].
    fn delivery(&self, _: &DeliveryResult<'_>, _: usize) {}
}

/// Returns one line for the report about a client's complaint.
pub(crate) fn note_of(error: &KafkaError, reason: &str) -> String {
    match error.rdkafka_error_code() {
        Some(code) => format!("Kafka client: {code}: {reason}"),
        None => format!("Kafka client: {error}: {reason}"),
    }
}

/// A client that asks.
pub(crate) type Reader = BaseConsumer<Link>;

/// The reading client with its records.
pub(crate) type Inbox = librdkafka::Inbox<Link>;

/// The sending client with its topic.
pub(crate) type Outbox = librdkafka::Outbox<Link>;

/// Returns the settings of the sending client.
fn producer_config(connection: &Connection, batching: Batching) -> ClientConfig {
    let mut config = base_config(connection);
    config
        .set("acks", "all")
        .set("enable.idempotence", "true")
        // What clients do that are not told otherwise; compressing is a seventh of the whole cost.
        .set("compression.type", "none")
        .set("batch.size", "1000000")
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.messages", QUEUE_RECORDS_MAX.to_string())
        .set("queue.buffering.max.kbytes", "131072")
        .set("message.timeout.ms", "30000");
    batching.of_sending(&mut config);
    with_overrides(config, connection)
}

/// Returns how many records the sending client may hold at a time.
pub(crate) fn queue_records_max(connection: &Connection) -> usize {
    let given =
        connection.properties.iter().rfind(|(key, _)| key == "queue.buffering.max.messages");
    // Zero means no limit; nobody keeps ten million records in flight.
    given
        .and_then(|(_, value)| value.parse().ok())
        .map_or(QUEUE_RECORDS_MAX, |records| if records == 0 { 10_000_000 } else { records })
        .min(10_000_000)
}

/// Creates the sending client, which begins to get ready by itself.
pub(crate) fn outbox(
    connection: &Connection,
    batching: Batching,
    gauges: &Arc<Gauges>,
) -> Result<Outbox, Error> {
    let context = Link { gauges: Arc::clone(gauges) };
    let config = producer_config(connection, batching);
    let producer =
        BaseProducer::from_config_and_context(&config, context).map_err(Error::Settings)?;
    Outbox::new(producer, &connection.topic)
        .ok_or_else(|| Error::UnknownTopic(connection.topic.clone()))
}

/// Makes the sending client learn its topic, so that the first event does not pay for it.
pub(crate) fn learn_topic(outbox: &Outbox, connection: &Connection) -> Result<(), Error> {
    let client = outbox.producer().client();
    client
        .fetch_metadata(Some(&connection.topic), connection.connect_timeout.duration())
        .map(drop)
        .map_err(|error| unreachable(connection, &error))
}

/// Creates the reading client. It never joins a group: librdkafka only asks for a name.
pub(crate) fn inbox(
    connection: &Connection,
    batching: Batching,
    gauges: &Arc<Gauges>,
) -> Result<Inbox, Error> {
    let mut config = base_config(connection);
    config
        .set("group.id", "expressway-loadgen-unused")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // Whoever is overtaken by retention goes on at the oldest record; the gap is counted.
        .set("auto.offset.reset", "earliest")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.min.messages", "100000")
        .set("queued.max.messages.kbytes", "65536");
    batching.of_reading(&mut config);
    let reader: Reader = with_overrides(config, connection)
        .create_with_context(Link { gauges: Arc::clone(gauges) })
        .map_err(Error::Settings)?;
    Ok(Inbox::new(reader, BATCH_MAX))
}

/// Creates a client that can ask what a group has committed. It never joins the group.
pub(crate) fn group_reader(
    connection: &Connection,
    group: &str,
    gauges: &Arc<Gauges>,
) -> Result<Reader, Error> {
    let mut config = base_config(connection);
    config.set("group.id", group).set("enable.auto.commit", "false");
    with_overrides(config, connection)
        .create_with_context(Link { gauges: Arc::clone(gauges) })
        .map_err(Error::Settings)
}

fn base_config(connection: &Connection) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &connection.brokers)
        .set("client.id", "expressway-loadgen")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000");
    config
}

fn with_overrides(mut config: ClientConfig, connection: &Connection) -> ClientConfig {
    for (key, value) in &connection.properties {
        config.set(key, value);
    }
    config
}

/// Points the reader at the present end of every partition of `topics`; returns these offsets
/// by topic and partition.
pub(crate) fn assign_at_end(
    inbox: &Inbox,
    topics: &[&str],
    connection: &Connection,
) -> Result<Vec<Vec<i64>>, Error> {
    let reader = inbox.consumer();
    let deadline = Instant::now() + connection.connect_timeout.duration();
    let mut assignment = TopicPartitionList::new();
    let mut ends = Vec::with_capacity(topics.len());
    for topic in topics {
        let mut topic_ends = Vec::new();
        for partition in 0..partition_count(reader, topic, connection, deadline)? {
            let end = end_offset(reader, topic, partition, connection, deadline)?;
            if !inbox.forward(topic, partition) {
                return Err(Error::UnknownTopic((*topic).to_owned()));
            }
            assignment
                .add_partition_offset(topic, partition, Offset::Offset(end))
                .map_err(Error::Settings)?;
            topic_ends.push(end);
        }
        ends.push(topic_ends);
    }
    reader.assign(&assignment).map_err(Error::Settings)?;
    Ok(ends)
}

/// Returns the end of a partition. The leader of a topic just created may not know of it yet, and
/// says so at once; hence again, until the deadline.
pub(crate) fn end_offset(
    reader: &Reader,
    topic: &str,
    partition: i32,
    connection: &Connection,
    deadline: Instant,
) -> Result<i64, Error> {
    loop {
        match reader.fetch_watermarks(topic, partition, time_left(deadline)) {
            Ok((_, end)) => return Ok(end),
            Err(error) if Instant::now() >= deadline => {
                return Err(unreachable(connection, &error));
            }
            Err(_) => std::thread::sleep(METADATA_PAUSE),
        }
    }
}

/// Returns the number of partitions, once all of them have a leader.
pub(crate) fn partition_count(
    reader: &Reader,
    topic: &str,
    connection: &Connection,
    deadline: Instant,
) -> Result<i32, Error> {
    loop {
        let metadata = reader
            .fetch_metadata(Some(topic), time_left(deadline))
            .map_err(|error| unreachable(connection, &error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions = found.map_or(&[][..], |found| found.partitions());
        if !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0) {
            return Ok(partitions.len() as i32);
        }
        let unknown = found.is_none_or(|found| found.partitions().is_empty());
        // A topic just created may take a moment to show up; one that was never created would
        // only be waited for in vain.
        if (unknown && connection.create_topics.is_none()) || Instant::now() >= deadline {
            return Err(Error::UnknownTopic(topic.to_owned()));
        }
        std::thread::sleep(METADATA_PAUSE);
    }
}

/// Creates `topics` with the broker's default replication; topics that exist are left alone.
pub(crate) fn create_topics(
    connection: &Connection,
    topics: &[&str],
    partitions: u32,
) -> Result<(), Error> {
    let admin: AdminClient<DefaultClientContext> =
        with_overrides(base_config(connection), connection).create().map_err(Error::Settings)?;
    let new_topics: Vec<NewTopic<'_>> = topics
        .iter()
        .map(|topic| NewTopic::new(topic, partitions as i32, TopicReplication::Fixed(-1)))
        .collect();
    let options = AdminOptions::new()
        .request_timeout(Some(connection.connect_timeout.duration()))
        .operation_timeout(Some(connection.connect_timeout.duration()));
    let deadline = Instant::now() + connection.connect_timeout.duration() + ADMIN_GRACE;
    let results = wait_for(admin.create_topics(&new_topics, &options), deadline)
        .unwrap_or(Err(KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut)))
        .map_err(|error| unreachable(connection, &error))?;
    for result in results {
        if let Err((topic, code)) = result
            && code != RDKafkaErrorCode::TopicAlreadyExists
        {
            let reason = code.to_string();
            return Err(Error::NotCreated { topic, reason });
        }
    }
    Ok(())
}

/// Returns the error for a broker that did not answer.
pub(crate) fn unreachable(connection: &Connection, error: &KafkaError) -> Error {
    Error::Unreachable {
        brokers: connection.brokers.clone(),
        waited: connection.connect_timeout,
        reason: error.to_string(),
    }
}

fn time_left(deadline: Instant) -> Duration {
    // Zero would mean "do not wait at all" and hide the real reason.
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

/// Drives one future on this thread; `None` when the deadline comes first.
fn wait_for<F: Future>(future: F, deadline: Instant) -> Option<F::Output> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        std::thread::park_timeout(left);
    }
}

/// A batch is checked in a tenth of a millisecond, which is how much the first record of it may
/// have waited when the last is done.
const BATCH_MAX: usize = 256;
const NO_TLS: &str = "this build has no TLS and no SASL; build it with `--features tls`";
const QUEUE_RECORDS_MAX: usize = 200_000;
const METADATA_PAUSE: Duration = Duration::from_millis(50);
const ADMIN_GRACE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_future_is_driven_to_its_end_or_to_the_deadline() {
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(wait_for(std::future::ready(7), soon), Some(7));
        assert_eq!(wait_for(std::future::pending::<()>(), soon), None);
        assert!(Instant::now() >= soon);
    }

    #[test]
    fn secrets_are_masked_and_a_build_without_tls_says_what_to_build() {
        let refused = |key: &str, value: &str| {
            let mut config = ClientConfig::new();
            config.set(key, value);
            let created: Result<BaseConsumer, KafkaError> = config.create();
            Error::Settings(created.err().unwrap()).to_string()
        };
        let said = refused("no.such.password", "hush-hush");
        assert!(said.contains("no.such.password") && !said.contains("hush-hush"), "{said}");
        assert!(said.contains("-X"), "{said}");
        assert!(refused("no.such.setting", "open").contains("open"));
        if !cfg!(feature = "tls") {
            let said = refused("ssl.key.password", "hush-hush");
            assert!(said.contains("--features tls") && !said.contains("hush-hush"), "{said}");
            assert!(refused("security.protocol", "ssl").contains("--features tls"));
        }
    }
}
