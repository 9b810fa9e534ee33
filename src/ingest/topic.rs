//! Reads topics once, from their beginning to the end that they have now, for commands that look
//! at what a service has written. No group is joined, nothing is committed.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::metadata::MetadataTopic;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tracing::{debug, warn};

use super::error::{Error, MissingTopic};
use super::settings::reason_without_value;

/// What is read, and how it is reached.
#[derive(Clone, Debug)]
pub struct TopicOptions {
    /// Brokers to begin with.
    pub bootstrap_servers: String,
    /// Topics, read one after the other.
    pub topics: Vec<String>,
    /// Further librdkafka settings; they win.
    pub client_settings: Vec<(String, String)>,
    /// How long to wait when the brokers say nothing.
    pub timeout: Duration,
}

/// One record of a topic.
pub struct TopicRecord<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its value, if it has one.
    pub value: Option<&'a [u8]>,
    message: &'a BorrowedMessage<'a>,
}

impl TopicRecord<'_> {
    /// The last header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.message.headers()?;
        let found = headers.iter().filter(|header| header.key == name).last()?;
        std::str::from_utf8(found.value?).ok()
    }
}

/// Gives every record to `each`, those of a partition in their order, until it answers `false`.
///
/// # Errors
/// When the brokers cannot be reached, a topic is not there, or reading stalls.
pub fn read_topics(
    options: &TopicOptions,
    each: &mut dyn FnMut(&TopicRecord<'_>) -> bool,
) -> Result<(), Error> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &options.bootstrap_servers)
        // Named because a client that assigns itself partitions has to be; it never joins.
        .set("group.id", "expressway-reader")
        .set("client.id", "expressway")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "50")
        .set("fetch.queue.backoff.ms", "5")
        .set("fetch.message.max.bytes", "4194304");
    for (key, value) in &options.client_settings {
        config.set(key, value);
    }
    let consumer: BaseConsumer<Failures> = config
        .create_with_context(Failures::default())
        .map_err(|error| Error::Settings(reason_without_value(error)))?;
    for topic in &options.topics {
        let ends = ends(&consumer, options, topic)?;
        if !read_topic(&consumer, options, topic, ends, each)? {
            break;
        }
    }
    Ok(())
}

/// Assigns the partitions that hold something, with the offset after the last record of each.
fn ends(
    consumer: &BaseConsumer<Failures>,
    options: &TopicOptions,
    topic: &str,
) -> Result<BTreeMap<i32, i64>, Error> {
    let deadline = Instant::now() + options.timeout;
    let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let missing = || Error::NoSuchTopics {
        missing: vec![MissingTopic { role: "billing", name: topic.to_owned() }],
        servers: options.bootstrap_servers.clone(),
    };
    let unreachable = |error: &KafkaError| consumer.context().unreachable(options, error);
    let metadata = match consumer.fetch_metadata(Some(topic), left()) {
        Ok(metadata) => metadata,
        Err(KafkaError::MetadataFetch(
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
        )) => return Err(missing()),
        Err(error) => return Err(unreachable(&error)),
    };
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let partitions = found.filter(|found| found.error().is_none()).map(MetadataTopic::partitions);
    let mut list = TopicPartitionList::new();
    let mut ends = BTreeMap::new();
    for partition in partitions.filter(|some| !some.is_empty()).ok_or_else(missing)? {
        let watermarks = consumer.fetch_watermarks(topic, partition.id(), left());
        let (begin, end) = watermarks.map_err(|error| unreachable(&error))?;
        if begin < end {
            list.add_partition_offset(topic, partition.id(), Offset::Offset(begin))?;
            ends.insert(partition.id(), end);
        }
    }
    consumer.assign(&list)?;
    Ok(ends)
}

fn read_topic(
    consumer: &BaseConsumer<Failures>,
    options: &TopicOptions,
    topic: &str,
    mut ends: BTreeMap<i32, i64>,
    each: &mut dyn FnMut(&TopicRecord<'_>) -> bool,
) -> Result<bool, Error> {
    let mut heard = Instant::now();
    while !ends.is_empty() {
        let polled = consumer.poll(POLL);
        if polled.is_none() && heard.elapsed() > options.timeout {
            let silence = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
            return Err(consumer.context().unreachable(options, &silence));
        }
        match polled {
            None => {}
            Some(Ok(message)) => {
                heard = Instant::now();
                let (partition, offset) = (message.partition(), message.offset());
                let Some(end) = ends.get(&partition).copied() else { continue };
                let value = message.payload();
                let record = TopicRecord { topic, partition, offset, value, message: &message };
                if offset < end && !each(&record) {
                    return Ok(false);
                }
                if offset + 1 >= end {
                    ends.remove(&partition);
                }
            }
            // Control records of transactions take up the last offsets: then only this tells.
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                heard = Instant::now();
                ends.remove(&partition);
            }
            Some(Err(error)) => {
                if let Some((code, reason)) = consumer.client().fatal_error() {
                    let reason = format!("{reason} ({code})");
                    return Err(Error::Consumer { group: "expressway-reader".to_owned(), reason });
                }
                warn!(%error, topic, "reading");
            }
        }
    }
    Ok(true)
}

/// What librdkafka last said of a connection: more than that a request timed out.
#[derive(Default)]
struct Failures {
    last: Mutex<Option<String>>,
}

impl Failures {
    fn unreachable(&self, options: &TopicOptions, error: &KafkaError) -> Error {
        let last = self.last.lock().ok().and_then(|mut last| last.take());
        Error::Unreachable {
            servers: options.bootstrap_servers.clone(),
            waited: options.timeout,
            reason: last.unwrap_or_else(|| error.to_string()),
        }
    }
}

impl ClientContext for Failures {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, facility: &str, line: &str) {
        debug!(target: "librdkafka", facility, "{line}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "reader");
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown)
            && let Ok(mut last) = self.last.lock()
        {
            *last = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Failures {}

const POLL: Duration = Duration::from_millis(100);
