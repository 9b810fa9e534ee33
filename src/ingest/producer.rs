//! The producer of a source: its output topics, delivery reports by number.

use std::sync::Arc;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, DeliveryResult, Producer as _, ProducerContext};
use tracing::{debug, warn};

use crate::shard::outbox::Bell;

use super::client_stats::{ClientStats, INTERVAL_MS};
use super::counters::{ClientRole, Counters};
use super::error::Error;
use super::librdkafka::{Delivery, Headers, Report, Reports, Topic, code_name};
use super::options::Options;
use super::settings::reason_without_value;

/// What a produced record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Result = 0,
    Failure = 1,
    Billing = 2,
    DeadLetter = 3,
    History = 4,
}

impl Target {
    pub(super) fn from_bits(bits: usize) -> Self {
        match bits & 7 {
            0 => Self::Result,
            1 => Self::Failure,
            2 => Self::Billing,
            3 => Self::DeadLetter,
            _ => Self::History,
        }
    }

    pub(super) fn role(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Failure => "failure",
            Self::Billing => "billing",
            Self::DeadLetter => "dead-letter",
            Self::History => "history",
        }
    }
}

/// Why a record did not get into the producer's queue. The headers come back.
pub(super) enum Refused {
    /// The queue is full: poll reports and come again.
    QueueFull(Option<Headers>),
    /// The record is larger than `message.max.bytes`.
    TooLarge(Option<Headers>),
    /// Anything else; sending again will not help.
    Other(RDKafkaErrorCode, Option<Headers>),
}

/// One producer client and its topics.
pub(super) struct Producer {
    topics: [Topic<Events>; 5],
    reports: Reports<Events>,
    base: Arc<BaseProducer<Events>>,
    counters: Arc<Counters>,
    pipeline: String,
}

impl Producer {
    /// The source's main producer; `solo` makes one whose batches hold one record each.
    pub(super) fn new(
        options: &Options,
        bell: &Arc<Bell>,
        solo: bool,
        counters: &Arc<Counters>,
    ) -> Result<Self, Error> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &options.bootstrap_servers)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("batch.size", "1000000")
            .set("batch.num.messages", "50000")
            .set("message.max.bytes", MESSAGE_BYTES_MAX)
            .set("queue.buffering.max.messages", "1000000")
            .set("queue.buffering.max.kbytes", "262144")
            .set("message.timeout.ms", "120000")
            .set("statistics.interval.ms", INTERVAL_MS)
            // The same partition for the same key as Java's clients.
            .set("partitioner", "murmur2_random");
        for (key, value) in options.client_settings.iter().chain(&options.producer_settings) {
            config.set(key, value);
        }
        if solo {
            config
                .set("batch.num.messages", "1")
                .set("queue.buffering.max.kbytes", "16384")
                // What it holds is hardly ever anything.
                .set("statistics.interval.ms", "0");
        }
        let base: BaseProducer<Events> = config
            .create_with_context(Events)
            .map_err(|error| Error::Settings(reason_without_value(error)))?;
        let base = Arc::new(base);
        let topic = |name: &str| {
            Topic::new(&base, name)
                .ok_or_else(|| Error::Settings(format!("`{name}` is not a topic name")))
        };
        Ok(Self {
            topics: [
                topic(&options.result_topic)?,
                topic(&options.failure_topic)?,
                topic(&options.billing_topic)?,
                topic(&options.dead_letter_topic)?,
                // Without one, nothing is sent there.
                topic(options.history.topic().unwrap_or(&options.result_topic))?,
            ],
            reports: Reports::new(&base, bell)
                .ok_or_else(|| Error::Settings("the producer has no event queue".into()))?,
            base,
            counters: Arc::clone(counters),
            pipeline: options.pipeline_name.clone(),
        })
    }

    /// Puts a record into the queue; never waits.
    pub(super) fn send(
        &self,
        target: Target,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Option<Headers>,
        tag: usize,
    ) -> Result<(), Refused> {
        self.topics[target as usize].produce(key, value, headers, tag).map_err(|(code, headers)| {
            match code {
                RDKafkaErrorCode::QueueFull => Refused::QueueFull(headers),
                RDKafkaErrorCode::MessageSizeTooLarge => Refused::TooLarge(headers),
                code => Refused::Other(code, headers),
            }
        })
    }

    /// Handles what reports are there, up to a bound; says whether there were any.
    pub(super) fn poll(&self, mut each: impl FnMut(Delivery<'_>)) -> Result<bool, Error> {
        let mut any = false;
        let mut fatal = false;
        for _ in 0..EVENTS_PER_POLL_MAX {
            let more = self.reports.poll(|report| match report {
                Report::Delivery(delivery) => each(delivery),
                Report::Error(code, reason) => {
                    fatal |= code == RDKafkaErrorCode::Fatal;
                    self.counters.error(code_name(code));
                    warn!(pipeline = self.pipeline, %code, reason, "producer");
                }
                Report::Statistics(json) => {
                    if let Some(stats) = ClientStats::parse(json) {
                        self.counters.set_client(ClientRole::Producer, stats);
                    }
                }
                Report::Log(level, line) => {
                    if level <= SYSLOG_WARNING {
                        warn!(target: "librdkafka", pipeline = self.pipeline, "{line}");
                    } else {
                        debug!(target: "librdkafka", "{line}");
                    }
                }
            });
            if !more {
                break;
            }
            any = true;
        }
        if fatal && let Some((code, reason)) = self.base.client().fatal_error() {
            return Err(Error::Producer(format!("{reason} ({code})")));
        }
        Ok(any)
    }

    /// Whether no report is waiting.
    pub(super) fn is_quiet(&self) -> bool {
        self.reports.is_empty()
    }

    /// Records sent and not yet reported, reports waiting included.
    pub(super) fn in_flight(&self) -> usize {
        usize::try_from(self.base.in_flight_count()).unwrap_or(0)
    }

    /// Stops lingering.
    pub(super) fn hurry(&self) {
        self.reports.hurry();
    }
}

/// The crate's own polling is used only when a producer is dropped; nobody listens then.
pub(super) struct Events;

impl ClientContext for Events {
    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "producer");
    }
}

impl ProducerContext for Events {
    type DeliveryOpaque = usize;

    fn delivery(&self, _: &DeliveryResult<'_>, _: usize) {}
}

/// Our side lets through what no broker takes, so that the broker's own limit decides.
const MESSAGE_BYTES_MAX: &str = "8388608";
const EVENTS_PER_POLL_MAX: usize = 64;
const SYSLOG_WARNING: i32 = 4;
