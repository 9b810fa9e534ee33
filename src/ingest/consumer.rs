//! The consumer of a source: group membership as events, messages from one forwarded queue.
//!
//! Rebalances are not handled inside librdkafka's callback: the callback writes them down, and the
//! I/O thread performs them between turns with everything it owns at hand. The broker waits until
//! partitions are really given up, heartbeats go on meanwhile.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::{Metadata, MetadataBroker};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tracing::{debug, warn};

use crate::shard::outbox::Bell;

use super::client_stats::{INTERVAL_MS, PartitionName, Reading, parse_consumer};
use super::counters::{ClientRole, Counters};
use super::error::{Error, MissingTopic};
use super::librdkafka::{Inbox, code_name};
use super::options::{GroupProtocol, Options};
use super::settings::reason_without_value;
use super::topic_id::TopicIds;

/// What happened to the group membership.
pub(super) enum GroupEvent {
    /// Partitions are to be taken on.
    Assigned(TopicPartitionList),
    /// Partitions are to be given up.
    Revoked(TopicPartitionList),
    /// A commit was answered.
    Committed(KafkaResult<()>),
}

/// One consumer client.
pub(super) struct Consumer {
    /// Before `base`: messages and queue go before the client.
    pub(super) inbox: Inbox<Membership>,
    /// Where the source sums; before `base` too.
    pub(super) topic_ids: Option<TopicIds<Membership>>,
    base: Arc<BaseConsumer<Membership>>,
    group: String,
    protocol: GroupProtocol,
}

impl Consumer {
    /// Creates the client; it has not joined the group yet.
    pub(super) fn new(
        options: &Options,
        bell: &Arc<Bell>,
        counters: &Arc<Counters>,
    ) -> Result<Self, Error> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &options.bootstrap_servers)
            .set("group.id", &options.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", options.auto_offset_reset.as_str())
            .set("fetch.wait.max.ms", "50")
            // The default is a whole second after the local queue was full once.
            .set("fetch.queue.backoff.ms", "5")
            .set("queued.min.messages", "100000")
            .set("queued.max.messages.kbytes", "131072")
            .set("fetch.message.max.bytes", "4194304")
            .set("statistics.interval.ms", INTERVAL_MS)
            // Tells the broker's request versions, a few lines per connection; see `Membership`.
            .set("debug", "feature")
            .set_log_level(RDKafkaLogLevel::Debug);
        match options.group_protocol {
            GroupProtocol::Consumer => config.set("group.protocol", "consumer"),
            GroupProtocol::Classic => config
                .set("group.protocol", "classic")
                .set("partition.assignment.strategy", "cooperative-sticky"),
        };
        for (key, value) in options.client_settings.iter().chain(&options.consumer_settings) {
            config.set(key, value);
        }
        let base: BaseConsumer<Membership> = config
            .create_with_context(Membership {
                counters: Arc::clone(counters),
                pipeline: options.pipeline_name.clone(),
                ..Default::default()
            })
            .map_err(|error| Error::Settings(reason_without_value(error)))?;
        let base = Arc::new(base);
        let inbox = Inbox::new(Arc::clone(&base), READ_MESSAGES_MAX, bell)
            .ok_or_else(|| Error::Settings("the consumer has no queue".into()))?;
        let topic_ids = match &options.billing_sums {
            Some(_) => Some(
                TopicIds::new(&base, bell)
                    .ok_or_else(|| Error::Settings("the consumer has no queue".into()))?,
            ),
            None => None,
        };
        Ok(Self {
            inbox,
            topic_ids,
            base,
            group: options.group.clone(),
            protocol: options.group_protocol,
        })
    }

    /// Makes sure that a broker answers and that every topic is there; returns the cluster's id.
    pub(super) fn check_cluster(&mut self, options: &Options) -> Result<String, Error> {
        let (cluster_id, brokers) = self.look_around(options)?;
        if let Some(topic_ids) = &mut self.topic_ids {
            topic_ids.set_brokers(brokers);
        }
        self.base.context().is_up.store(true, Ordering::SeqCst);
        Ok(cluster_id)
    }

    /// The cluster's id, and those of its brokers.
    fn look_around(&self, options: &Options) -> Result<(String, Vec<i32>), Error> {
        let mut brokers = Vec::new();
        let deadline = Instant::now() + options.connect_timeout;
        let unreachable = |reason: String| Error::Unreachable {
            servers: options.bootstrap_servers.clone(),
            waited: options.connect_timeout,
            reason: self.connection_failure().unwrap_or(reason),
        };
        let outputs = [
            ("result", options.result_topic.as_str()),
            ("failure", &options.failure_topic),
            ("billing", &options.billing_topic),
            ("dead-letter", &options.dead_letter_topic),
        ];
        let topics = options.topics.iter().map(|topic| ("source", topic.as_str()));
        let history = options.history.topic().map(|topic| ("history", topic));
        let mut missing: Vec<MissingTopic> = Vec::new();
        for (role, topic) in topics.chain(outputs).chain(history) {
            // Failures, for one, often go where results go.
            if missing.iter().any(|known| known.name == topic) {
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.base.fetch_metadata(Some(topic), left) {
                Ok(metadata) if has_topic(&metadata, topic) => {
                    brokers = metadata.brokers().iter().map(MetadataBroker::id).collect();
                }
                Ok(_)
                | Err(KafkaError::MetadataFetch(
                    RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
                )) => missing.push(MissingTopic { role, name: topic.to_owned() }),
                // What is known to be missing stays so; to wait again would help nobody.
                Err(_) if !missing.is_empty() => break,
                Err(error) => return Err(unreachable(error.to_string())),
            }
        }
        if !missing.is_empty() {
            let servers = options.bootstrap_servers.clone();
            return Err(Error::NoSuchTopics { missing, servers });
        }
        if options.group_protocol == GroupProtocol::Consumer && self.broker_is_too_old() {
            return Err(Error::GroupProtocolTooOld);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let cluster_id = self
            .base
            .client()
            .fetch_cluster_id(left.max(Duration::from_millis(100)))
            .ok_or_else(|| unreachable("the cluster did not tell its id".into()))?;
        Ok((cluster_id, brokers))
    }

    /// Whether the broker has told its request versions and the one of the `consumer` group
    /// protocol is not among them. librdkafka itself would look for a coordinator for ever.
    fn broker_is_too_old(&self) -> bool {
        // Metadata came after the versions, so the log lines about them are all there.
        while self.inbox.has_event() {
            self.base.poll(Duration::ZERO);
            if self.base.context().groups.load(Ordering::SeqCst) == GROUPS_KNOWN {
                return false;
            }
        }
        self.base.context().groups.load(Ordering::SeqCst) == GROUPS_MISSING
    }

    /// What the last attempt to connect failed with: it says more than that a request timed out.
    fn connection_failure(&self) -> Option<String> {
        while self.inbox.has_event() {
            self.base.poll(Duration::ZERO);
        }
        self.base.context().failure.lock().ok()?.take()
    }

    /// Whether no broker answers. The client says when it has lost the last one, not when it has
    /// found one again, so one that has lost all is asked, which may take a moment.
    pub(super) fn is_alone(&self, topic: &str) -> bool {
        let is_alone = &self.base.context().is_alone;
        if is_alone.load(Ordering::SeqCst)
            && self.base.fetch_metadata(Some(topic), LOOK_FOR_BROKERS).is_ok()
        {
            is_alone.store(false, Ordering::SeqCst);
        }
        is_alone.load(Ordering::SeqCst)
    }

    /// Joins the group.
    pub(super) fn subscribe(&self, topics: &[String]) -> Result<(), Error> {
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        Ok(self.base.subscribe(&topics)?)
    }

    /// Serves what the client has to say, without waiting, and returns what it means for us.
    pub(super) fn poll(&self) -> Result<Vec<GroupEvent>, Error> {
        for _ in 0..EVENTS_PER_POLL_MAX {
            match self.base.poll(Duration::ZERO) {
                None => {}
                // Partitions are forwarded before they are assigned, so nothing can be here; a
                // record that slipped through would look like a gap and be lost.
                Some(Ok(_)) => return Err(self.fatal("a record came on the main queue".into())),
                Some(Err(error)) => {
                    if let Some((code, reason)) = self.base.client().fatal_error() {
                        return Err(self.fatal_code(code, &reason));
                    }
                    warn!(pipeline = self.base.context().pipeline, group = self.group, %error, "consumer");
                }
            }
            if !self.inbox.has_event() {
                break;
            }
        }
        Ok(self.base.context().take())
    }

    /// Keeps events for the next poll.
    pub(super) fn put_back(&self, events: Vec<GroupEvent>) {
        for event in events {
            self.base.context().push(event);
        }
    }

    /// Whether nothing waits to be polled.
    pub(super) fn is_quiet(&self) -> bool {
        self.inbox.is_empty()
            && !self.inbox.has_event()
            && self.topic_ids.as_ref().is_none_or(TopicIds::is_quiet)
    }

    /// Where a partition begins of which no record has been taken yet: `None` until the client has
    /// told. To be asked between turns: what was fetched and not taken is in the inbox.
    pub(super) fn begins_at(&self, topic: &str, partition: i32) -> Option<i64> {
        let readings = self.base.context().readings.lock().ok()?;
        readings.get(&(topic.to_owned(), partition))?.begin(self.inbox.is_empty())
    }

    /// Takes partitions on; their messages come in the inbox.
    pub(super) fn assign(&self, partitions: &TopicPartitionList) -> Result<(), Error> {
        if let Ok(mut readings) = self.base.context().readings.lock() {
            // What was told of an earlier assignment.
            readings
                .retain(|(topic, number), _| partitions.find_partition(topic, *number).is_none());
        }
        for element in partitions.elements() {
            if !self.inbox.forward(element.topic(), element.partition()) {
                return Err(self.fatal(format!(
                    "cannot forward {} partition {}",
                    element.topic(),
                    element.partition()
                )));
            }
        }
        match self.base.rebalance_protocol() {
            RebalanceProtocol::Cooperative => self.base.incremental_assign(partitions)?,
            _ => self.base.assign(partitions)?,
        }
        Ok(())
    }

    /// Gives partitions up.
    pub(super) fn unassign(&self, partitions: &TopicPartitionList) -> Result<(), Error> {
        Ok(give_up(&self.base, partitions)?)
    }

    /// Whether the group has already given our partitions to somebody else.
    pub(super) fn assignment_is_lost(&self) -> bool {
        self.base.assignment_lost()
    }

    /// Sends a commit; the answer comes as [`GroupEvent::Committed`].
    pub(super) fn commit(&self, offsets: &[(&str, i32, i64)]) -> Result<(), Error> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for &(topic, partition, offset) in offsets {
            list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        }
        self.inbox.commit(&list).map_err(|code| Error::Client(KafkaError::ConsumerCommit(code)))
    }

    fn fatal(&self, reason: String) -> Error {
        Error::Consumer { group: self.group.clone(), reason }
    }

    fn fatal_code(&self, code: RDKafkaErrorCode, reason: &str) -> Error {
        let too_old = matches!(
            code,
            RDKafkaErrorCode::UnsupportedFeature | RDKafkaErrorCode::UnsupportedVersion
        );
        if too_old && self.protocol == GroupProtocol::Consumer {
            return Error::GroupProtocolTooOld;
        }
        self.fatal(format!("{reason} ({code})"))
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // From here on the callback gives partitions up by itself, or closing would wait for ever.
        self.base.context().closing.store(true, Ordering::SeqCst);
        // What was noted and not performed any more has to be answered too.
        for event in self.base.context().take() {
            let answered = match event {
                GroupEvent::Assigned(partitions) => self.assign(&partitions),
                GroupEvent::Revoked(partitions) => self.unassign(&partitions),
                GroupEvent::Committed(_) => Ok(()),
            };
            if let Err(error) = answered {
                let pipeline = &self.base.context().pipeline;
                warn!(pipeline, %error, "answering a rebalance while closing");
            }
        }
    }
}

/// librdkafka's callbacks: writes down what the I/O thread shall do.
#[derive(Default)]
pub(super) struct Membership {
    events: Mutex<Vec<GroupEvent>>,
    closing: AtomicBool,
    /// Whether the cluster has been found. Before that, failures to connect are the one error that
    /// the start ends with, not a log line for each of many attempts.
    is_up: AtomicBool,
    /// The last broker is lost, and none has been found since.
    is_alone: AtomicBool,
    /// The last of them.
    failure: Mutex<Option<String>>,
    /// What the broker's list of request versions says about KIP-848 groups.
    groups: AtomicU8,
    counters: Arc<Counters>,
    pipeline: String,
    /// Where partitions are read, as the client told it last.
    readings: Mutex<HashMap<PartitionName, Reading>>,
}

impl Membership {
    /// The client has no call for a broker's request versions; its log names them all.
    fn note_api_versions(&self, line: &str) {
        if line.contains("Broker API support") {
            let _ = self.groups.compare_exchange(
                GROUPS_UNKNOWN,
                GROUPS_MISSING,
                Ordering::SeqCst,
                Ordering::SeqCst,
            );
        } else if let Some((_, versions)) = line.split_once("(68) Versions ")
            && let Some((_, newest)) = versions.split_once("..")
            // Version 0 was the preview of Kafka 3.7 to 3.9.
            && newest.trim().parse::<i16>().is_ok_and(|newest| newest >= 1)
        {
            self.groups.store(GROUPS_KNOWN, Ordering::SeqCst);
        }
    }

    fn push(&self, event: GroupEvent) {
        if let Ok(mut events) = self.events.lock() {
            events.push(event);
        }
    }

    fn take(&self) -> Vec<GroupEvent> {
        self.events.lock().map(|mut events| std::mem::take(&mut *events)).unwrap_or_default()
    }
}

impl ClientContext for Membership {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        if matches!(facility, "APIVERSION" | "FEATURE") {
            self.note_api_versions(line);
            return;
        }
        let is_known = facility == "FAIL" && !self.is_up.load(Ordering::SeqCst);
        match level {
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug | RDKafkaLogLevel::Notice => {
                debug!(target: "librdkafka", facility, "{line}");
            }
            _ if is_known => {
                debug!(target: "librdkafka", facility, "{line}");
            }
            _ => warn!(target: "librdkafka", pipeline = self.pipeline, facility, "{line}"),
        }
    }

    fn stats_raw(&self, json: &[u8]) {
        if let Some((stats, readings)) = parse_consumer(json) {
            self.counters.set_client(ClientRole::Consumer, stats);
            if let Ok(mut present) = self.readings.lock() {
                *present = readings;
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.counters
            .error(code_name(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)));
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.is_alone.store(true, Ordering::SeqCst);
        }
        if self.is_up.load(Ordering::SeqCst) {
            warn!(pipeline = self.pipeline, %error, reason, "consumer");
            return;
        }
        debug!(%error, reason, "consumer");
        // That all brokers are down is the sum of what was said of each.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown)
            && let Ok(mut failure) = self.failure.lock()
        {
            *failure = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Membership {
    fn rebalance(
        &self,
        base: &BaseConsumer<Self>,
        code: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        if self.closing.load(Ordering::SeqCst) {
            if let Err(error) = give_up(base, partitions) {
                warn!(pipeline = self.pipeline, %error, "giving partitions up while closing");
            }
            return;
        }
        let list = partitions.clone();
        self.push(match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => GroupEvent::Assigned(list),
            _ => GroupEvent::Revoked(list),
        });
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        self.push(GroupEvent::Committed(result));
    }
}

fn has_topic(metadata: &Metadata, name: &str) -> bool {
    metadata.topics().iter().any(|found| {
        found.name() == name && found.error().is_none() && !found.partitions().is_empty()
    })
}

fn give_up(
    base: &BaseConsumer<Membership>,
    partitions: &TopicPartitionList,
) -> Result<(), KafkaError> {
    match base.rebalance_protocol() {
        RebalanceProtocol::Cooperative => base.incremental_unassign(partitions),
        _ => base.unassign(),
    }
}

/// How long to look for a broker at a time, once all are lost and nothing else can be done.
const LOOK_FOR_BROKERS: Duration = Duration::from_millis(200);
/// Messages per read.
const READ_MESSAGES_MAX: usize = 1_024;
/// Events per turn; a connection brings a few hundred log lines at once.
const EVENTS_PER_POLL_MAX: usize = 1_000;

const GROUPS_UNKNOWN: u8 = 0;
const GROUPS_MISSING: u8 = 1;
const GROUPS_KNOWN: u8 = 2;
