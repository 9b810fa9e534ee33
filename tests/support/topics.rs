//! The tests' own Kafka clients: topics, leaders, offsets.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::Metadata;

use super::within;

/// A client that only asks: for metadata, watermarks, the committed offsets of nobody.
pub(crate) struct Client(BaseConsumer);

/// Connects lazily; never joins a group.
pub(crate) fn client(bootstrap: &str) -> Client {
    client_of_group(bootstrap, "nobody")
}

/// The same, to read the committed offsets of `group`.
pub(crate) fn client_of_group(bootstrap: &str, group: &str) -> Client {
    let consumer =
        config(bootstrap).set("group.id", group).create().expect("a valid configuration");
    Client(consumer)
}

impl Client {
    /// Returns what the cluster says of one topic, or of all.
    pub(crate) fn fetch_metadata(
        &self,
        topic: Option<&str>,
        limit: Duration,
    ) -> Result<Metadata, rdkafka::error::KafkaError> {
        self.0.fetch_metadata(topic, limit)
    }

    /// Returns for each partition of `topic` the offset after its last record.
    pub(crate) fn end_offsets(&self, topic: &str, partitions: i32) -> Vec<i64> {
        (0..partitions)
            .map(|partition| {
                let ends = self.0.fetch_watermarks(topic, partition, ANSWER_LIMIT);
                ends.expect("the broker knows its watermarks").1
            })
            .collect()
    }

    /// Returns for each partition of `topic` the offset that the group has committed, 0 for none.
    pub(crate) fn committed_offsets(&self, topic: &str, partitions: i32) -> Vec<i64> {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions - 1);
        let committed = self.0.committed_offsets(list, ANSWER_LIMIT).expect("committed offsets");
        let mut offsets = vec![0; partitions as usize];
        for element in committed.elements() {
            offsets[element.partition() as usize] = element.offset().to_raw().unwrap_or(0).max(0);
        }
        offsets
    }
}

/// Creates topics, given as name and number of partitions, and waits for all their leaders.
pub(crate) fn create(bootstrap: &str, wanted: &[(&str, i32)]) {
    let admin: AdminClient<DefaultClientContext> =
        config(bootstrap).create().expect("a valid configuration");
    let new_topics = wanted
        .iter()
        .map(|(name, partitions)| NewTopic::new(name, *partitions, TopicReplication::Fixed(1)))
        .collect::<Vec<_>>();
    let options = AdminOptions::new().operation_timeout(Some(CREATE_LIMIT));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime for one request");
    let created = runtime.block_on(admin.create_topics(&new_topics, &options));
    for outcome in created.expect("the broker answers") {
        outcome.unwrap_or_else(|(name, code)| panic!("topic {name}: {code}"));
    }
    let client = client(bootstrap);
    for (name, partitions) in wanted {
        within(CREATE_LIMIT, &format!("{name} has leaders"), || {
            let metadata = client.fetch_metadata(Some(name), ANSWER_LIMIT).ok()?;
            let topic = metadata.topics().first()?;
            let led = topic.partitions().iter().filter(|partition| partition.leader() >= 0).count();
            (led == *partitions as usize).then_some(())
        });
    }
}

/// Deletes a topic and returns when no broker knows it any more.
pub(crate) fn delete(bootstrap: &str, name: &str) {
    let admin: AdminClient<DefaultClientContext> =
        config(bootstrap).create().expect("a valid configuration");
    let options = AdminOptions::new().operation_timeout(Some(CREATE_LIMIT));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime for one request");
    let deleted = runtime.block_on(admin.delete_topics(&[name], &options));
    for outcome in deleted.expect("the broker answers") {
        outcome.unwrap_or_else(|(name, code)| panic!("topic {name}: {code}"));
    }
    let client = client(bootstrap);
    within(CREATE_LIMIT, &format!("{name} is gone"), || {
        // Asked for all topics, so that asking does not create it.
        let metadata = client.fetch_metadata(None, ANSWER_LIMIT).ok()?;
        metadata.topics().iter().all(|topic| topic.name() != name).then_some(())
    });
}

/// What every client of the tests starts from.
pub(crate) fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    // A broker that is just starting refuses connections; ask again soon.
    config.set("reconnect.backoff.ms", "20").set("reconnect.backoff.max.ms", "200");
    config
}

const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const CREATE_LIMIT: Duration = Duration::from_secs(30);
