//! What librdkafka tells of its clients every few seconds, of which metrics show a little.
//!
//! The statistics are one JSON document per client; what is not read here is skipped.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

/// What a client told last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientStats {
    /// Records in the producer's queue.
    pub queued_records: u64,
    /// Bytes of them, or of the records that the consumer has fetched and nobody has taken yet.
    pub queued_bytes: u64,
    /// By number of the broker.
    pub round_trips: BTreeMap<i32, RoundTrip>,
}

/// Where a client reads a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// Offset that the group has committed, if it has one.
    pub(super) committed: Option<i64>,
    /// Next offset to fetch.
    pub(super) next: i64,
    /// Records of it fetched since the client exists.
    pub(super) fetched: u64,
}

impl Reading {
    /// Where an assignment began of which no record has been taken yet; `all_taken` says that nothing
    /// fetched waits to be taken. Of what waits nobody can tell which partition it is of.
    pub(super) fn begin(self, all_taken: bool) -> Option<i64> {
        // The client may stand behind what is committed with nothing between: the end of a transaction.
        if all_taken || self.fetched == 0 { Some(self.next) } else { self.committed }
    }
}

/// Topic and number of a partition.
pub(super) type PartitionName = (String, i32);

/// Time from a request to its answer, in microseconds, over the last seconds in which there were any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RoundTrip {
    /// Mean.
    #[serde(rename = "avg")]
    pub average_us: u64,
    /// 99th percentile.
    #[serde(rename = "p99")]
    pub p99_us: u64,
    /// Requests answered.
    #[serde(rename = "cnt")]
    pub count: u64,
}

/// Reads what a consumer tells: of itself, and of the partitions that it fetches from.
pub(super) fn parse_consumer(
    json: &[u8],
) -> Option<(ClientStats, HashMap<PartitionName, Reading>)> {
    let document: Document = serde_json::from_slice(json).ok()?;
    let readings = document.readings();
    Some((ClientStats::of(document), readings))
}

impl ClientStats {
    /// Reads a document; nothing when it is none, which librdkafka does not write.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().map(Self::of)
    }

    fn of(document: Document) -> Self {
        let partitions = document.topics.values().flat_map(|topic| topic.partitions.values());
        // Messages of all partitions are forwarded to one queue, and each partition tells its size.
        let fetched_bytes = partitions.map(|partition| partition.fetchq_size).max().unwrap_or(0);
        let brokers = document.brokers.into_values();
        let known = brokers.filter(|broker| broker.nodeid >= 0 && broker.source != "logical");
        Self {
            queued_records: document.msg_cnt,
            queued_bytes: document.msg_size.max(fetched_bytes),
            round_trips: known.map(|broker| (broker.nodeid, broker.rtt)).collect(),
        }
    }

    /// Takes the place of what was told before. A broker that was asked nothing meanwhile keeps its
    /// last round trip; one that is gone from the cluster goes.
    pub(super) fn update(&mut self, new: Self) {
        let before = std::mem::replace(self, new);
        for (broker, round_trip) in &mut self.round_trips {
            if round_trip.count == 0
                && let Some(last) = before.round_trips.get(broker)
            {
                *round_trip = *last;
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Document {
    msg_cnt: u64,
    msg_size: u64,
    brokers: BTreeMap<String, Broker>,
    topics: BTreeMap<String, Topic>,
}

impl Document {
    fn readings(&self) -> HashMap<PartitionName, Reading> {
        let mut readings = HashMap::new();
        for (topic, partitions) in &self.topics {
            for (number, partition) in &partitions.partitions {
                if let (Ok(number), Some(reading)) = (number.parse(), partition.reading()) {
                    readings.insert((topic.clone(), number), reading);
                }
            }
        }
        readings
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Broker {
    nodeid: i32,
    source: String,
    rtt: RoundTrip,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Topic {
    partitions: BTreeMap<String, Partition>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Partition {
    fetchq_size: u64,
    fetch_state: String,
    next_offset: i64,
    committed_offset: i64,
    hi_offset: i64,
    rxmsgs: u64,
}

impl Partition {
    /// Before the first answer to a fetch, what stands here is of an earlier assignment, or nothing.
    fn reading(&self) -> Option<Reading> {
        let committed = Some(self.committed_offset).filter(|offset| *offset >= 0);
        let is_known = self.fetch_state == "active"
            && self.next_offset >= committed.unwrap_or(0)
            && self.hi_offset >= 0;
        is_known.then_some(Reading { committed, next: self.next_offset, fetched: self.rxmsgs })
    }
}

/// How often they are told, in milliseconds, unless the configuration says otherwise.
pub(super) const INTERVAL_MS: &str = "5000";

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"name":"c","msg_cnt":3,"msg_size":120,"brokers":{
        "b:9092/1":{"nodeid":1,"source":"learned","rtt":{"min":1,"avg":250,"p99":900,"cnt":4}},
        "b:9092/bootstrap":{"nodeid":-1,"source":"configured","rtt":{"avg":7,"p99":7,"cnt":1}},
        "GroupCoordinator":{"nodeid":1,"source":"logical","rtt":{"avg":8,"p99":8,"cnt":1}}},
        "topics":{"in":{"partitions":{"0":{"fetchq_cnt":2,"fetchq_size":70},"-1":{"fetchq_size":0}}}}}"#;

    #[test]
    fn brokers_are_those_of_the_cluster() {
        let stats = ClientStats::parse(DOCUMENT.as_bytes()).unwrap();
        assert_eq!((stats.queued_records, stats.queued_bytes), (3, 120));
        let round_trip = RoundTrip { average_us: 250, p99_us: 900, count: 4 };
        assert_eq!(stats.round_trips, BTreeMap::from([(1, round_trip)]));
        assert_eq!(ClientStats::parse(b"{"), None);
    }

    #[test]
    fn a_consumer_tells_what_it_has_fetched() {
        let document = DOCUMENT.replace("\"msg_cnt\":3,\"msg_size\":120,", "");
        let stats = ClientStats::parse(document.as_bytes()).unwrap();
        assert_eq!((stats.queued_records, stats.queued_bytes), (0, 70));
    }

    #[test]
    fn a_partition_is_read_somewhere_once_it_is_fetched_from() {
        let read = |fields: &str| {
            let text = format!(r#"{{"topics":{{"in":{{"partitions":{{"3":{{{fields}}}}}}}}}}}"#);
            let (_, readings) = parse_consumer(text.as_bytes()).unwrap();
            readings.get(&("in".to_owned(), 3)).copied()
        };
        let active = r#""fetch_state":"active","hi_offset":9"#;
        assert_eq!(
            read(&format!(r#"{active},"next_offset":7,"committed_offset":5,"rxmsgs":2"#)),
            Some(Reading { committed: Some(5), next: 7, fetched: 2 })
        );
        assert_eq!(
            read(&format!(r#"{active},"next_offset":9,"committed_offset":-1001"#)),
            Some(Reading { committed: None, next: 9, fetched: 0 })
        );
        for unknown in [
            r#""fetch_state":"offset-wait","hi_offset":9,"next_offset":0,"committed_offset":-1001"#,
            r#""fetch_state":"active","hi_offset":-1001,"next_offset":0,"committed_offset":-1001"#,
            // Not yet set to where it is to begin.
            r#""fetch_state":"active","hi_offset":9,"next_offset":0,"committed_offset":5"#,
        ] {
            assert_eq!(read(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn an_assignment_begins_where_the_client_stands_unless_something_may_wait() {
        let reading = Reading { committed: Some(5), next: 7, fetched: 2 };
        assert_eq!((reading.begin(true), reading.begin(false)), (Some(7), Some(5)));
        assert_eq!(Reading { committed: None, ..reading }.begin(false), None);
        let empty = Reading { committed: None, next: 0, fetched: 0 };
        assert_eq!((empty.begin(true), empty.begin(false)), (Some(0), Some(0)));
    }

    #[test]
    fn a_round_trip_stays_until_there_is_a_newer_one_or_the_broker_goes() {
        let with = |broker, count, average_us| ClientStats {
            round_trips: BTreeMap::from([(broker, RoundTrip { average_us, p99_us: 9, count })]),
            ..ClientStats::default()
        };
        let mut stats = ClientStats::default();
        stats.update(with(1, 4, 250));
        stats.update(with(1, 0, 0));
        assert_eq!(stats.round_trips[&1].average_us, 250);
        stats.update(with(1, 1, 30));
        assert_eq!(stats.round_trips[&1].average_us, 30);
        stats.update(with(2, 0, 0));
        assert_eq!(stats.round_trips.keys().collect::<Vec<_>>(), [&2]);
    }
}
