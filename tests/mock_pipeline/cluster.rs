//! librdkafka's mock cluster with the few knobs that tests need, and plain clients for it.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::bindings as c;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

/// A cluster of one broker; lives on the test's thread.
pub(crate) struct Cluster {
    client: BaseProducer,
}

/// A record read back.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Record {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.iter().find(|(header, _)| header == name);
        value.map(|(_, value)| std::str::from_utf8(value).unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.value.as_deref().unwrap()).unwrap()
    }
}

impl Cluster {
    pub(crate) fn new(topics: &[(&str, i32)]) -> Self {
        let client: BaseProducer = ClientConfig::new()
            .set("test.mock.num.brokers", "1")
            .set("linger.ms", "0")
            .set("partitioner", "murmur2_random")
            .create()
            .unwrap();
        let cluster = Self { client };
        for (topic, partitions) in topics {
            cluster.mock().create_topic(topic, *partitions, 1).unwrap();
        }
        // SAFETY: the client is live and owns the cluster.
        unsafe {
            c::rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(cluster.raw(), 100);
        }
        cluster
    }

    pub(crate) fn mock(&self) -> MockCluster<'_, DefaultProducerContext> {
        self.client.client().mock_cluster().unwrap()
    }

    fn raw(&self) -> *mut c::rd_kafka_mock_cluster_t {
        // SAFETY: the client is live.
        unsafe { c::rd_kafka_handle_mock_cluster(self.client.client().native_ptr()) }
    }

    pub(crate) fn servers(&self) -> String {
        self.mock().bootstrap_servers()
    }

    pub(crate) fn fail_requests(&self, key: RDKafkaApiKey, error: RDKafkaRespErr, count: usize) {
        self.mock().request_errors(key, &vec![error; count]);
    }

    pub(crate) fn produce(
        &self,
        topic: &str,
        partition: i32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, &[u8])],
    ) {
        let mut record: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(topic).partition(partition).timestamp(1_767_225_600_000);
        record.key = key;
        record.payload = value;
        let mut list = OwnedHeaders::new();
        for (name, value) in headers {
            list = list.insert(Header { key: name, value: Some(*value) });
        }
        record.headers = Some(list);
        if let Err((error, _)) = self.client.send(record) {
            panic!("{error}");
        }
    }

    pub(crate) fn flush(&self) {
        self.client.flush(Duration::from_secs(10)).unwrap();
    }

    /// Reads a topic from its beginning until `count` records are there, and then until nothing
    /// more comes for a moment, so that surplus records show too.
    pub(crate) fn read(&self, topic: &str, partitions: i32, count: usize) -> Vec<Record> {
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        let consumer = self.consumer("reader");
        consumer.assign(&list).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut records: Vec<Record> = Vec::new();
        loop {
            let wait = if records.len() < count { 100 } else { 300 };
            match consumer.poll(Duration::from_millis(wait)) {
                Some(message) => {
                    let message = message.unwrap();
                    let headers = message.headers().map_or_else(Vec::new, |headers| {
                        headers
                            .iter()
                            .map(|header| {
                                (header.key.to_owned(), header.value.unwrap_or(b"").to_vec())
                            })
                            .collect()
                    });
                    records.push(Record {
                        key: message.key().map(<[u8]>::to_vec),
                        value: message.payload().map(<[u8]>::to_vec),
                        headers,
                    });
                }
                None if records.len() >= count => return records,
                None => assert!(
                    Instant::now() < deadline,
                    "{} of {count} records on {topic}",
                    records.len()
                ),
            }
        }
    }

    /// Committed offsets of a group by partition; partitions without one are left out.
    pub(crate) fn committed(
        &self,
        group: &str,
        topic: &str,
        partitions: i32,
    ) -> BTreeMap<i32, i64> {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions - 1);
        let found = self.consumer(group).committed_offsets(list, Duration::from_secs(10)).unwrap();
        found
            .elements()
            .iter()
            .filter_map(|element| match element.offset() {
                Offset::Offset(offset) => Some((element.partition(), offset)),
                _ => None,
            })
            .collect()
    }

    fn consumer(&self, group: &str) -> BaseConsumer {
        ClientConfig::new()
            .set("bootstrap.servers", self.servers())
            .set("group.id", group)
            .set("fetch.wait.max.ms", "5")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap()
    }

    /// Makes the broker one from before KIP-848.
    pub(crate) fn forget_new_groups(&self) {
        const CONSUMER_GROUP_HEARTBEAT: i16 = 68;
        self.limit(CONSUMER_GROUP_HEARTBEAT, -1, -1);
    }

    /// Makes the broker one from before KIP-516, whose topics have no ids.
    #[allow(dead_code, reason = "the service's tests use it, with which this file is shared")]
    pub(crate) fn forget_topic_ids(&self) {
        const METADATA: i16 = 3;
        self.forget_new_groups();
        self.limit(METADATA, 0, 9);
    }

    fn limit(&self, request: i16, oldest: i16, newest: i16) {
        // SAFETY: the cluster is live.
        let code = unsafe { c::rd_kafka_mock_set_apiversion(self.raw(), request, oldest, newest) };
        assert_eq!(code, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
    }

    pub(crate) fn start_tracking(&self) {
        // SAFETY: the cluster is live.
        unsafe { c::rd_kafka_mock_start_request_tracking(self.raw()) }
    }

    /// Kinds of the requests since the start of tracking, in order of arrival.
    pub(crate) fn requests(&self) -> Vec<i16> {
        let mut count = 0;
        // SAFETY: the cluster is live; the array is ours and destroyed below.
        unsafe {
            let requests = c::rd_kafka_mock_get_requests(self.raw(), &raw mut count);
            let kinds = (0..count)
                .map(|index| c::rd_kafka_mock_request_api_key(*requests.add(index)))
                .collect();
            c::rd_kafka_mock_request_destroy_array(requests, count);
            kinds
        }
    }
}
