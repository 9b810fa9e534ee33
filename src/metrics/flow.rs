//! What a source, such as a Kafka consumer with its producer, tells of its records at scrape time.
//!
//! Sources keep their own counters; `app` plugs in a [`Flow`] for each that reads them. Partition
//! gauges come with it, and so go when a partition is revoked: the facade's exporter cannot forget a
//! series.

use std::collections::BTreeMap;

use super::catalogue as names;
use super::catalogue::Family;
use super::text::{Page, Samples, by};
use crate::base::tally::REJECTED;

/// Reads the counters of one source; called on the thread that scrapes, must not block.
pub trait Flow: Send + Sync {
    /// All counts so far, and the partitions owned now.
    fn counts(&self) -> FlowCounts;
}

impl<F: Fn() -> FlowCounts + Send + Sync> Flow for F {
    fn counts(&self) -> FlowCounts {
        self()
    }
}

/// What one source counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowCounts {
    /// By source topic.
    pub sources: Vec<(String, SourceCounts)>,
    /// By sink topic.
    pub sinks: Vec<(String, SinkCounts)>,
    /// Partitions owned now.
    pub partitions: Vec<PartitionOffsets>,
    /// Time for which reading stood still for want of room.
    pub held_back_ns: u64,
    /// Offset commits, by [`COMMITS`].
    pub commits: [u64; 2],
    /// Rebalance callbacks.
    pub rebalances: u64,
    /// Log events of histories, by [`HISTORY`].
    pub history: [u64; 4],
}

/// What was read from one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceCounts {
    /// Records read.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records with a null value.
    pub skipped: u64,
    /// Records written to the dead letters, by [`REJECTED`].
    pub dead_lettered: [u64; REJECTED.len()],
}

/// What was written to one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkCounts {
    /// Records put into the producer's queue.
    pub produced: u64,
    /// What became of them, by [`DELIVERIES`].
    pub deliveries: [u64; 2],
}

/// The offsets of one partition; `None` is not known yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionOffsets {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Next offset to commit.
    pub committed: Option<i64>,
    /// End of the partition as the broker told it last.
    pub end: Option<i64>,
    /// Next offset to read.
    pub position: Option<i64>,
}

/// Label values of [`FlowCounts::commits`].
pub const COMMITS: [&str; 2] = ["ok", "error"];

/// Label values of [`SinkCounts::deliveries`].
pub const DELIVERIES: [&str; 2] = ["delivered", "failed"];

/// Label values of [`FlowCounts::history`]: written; of these, cut down to fit their topic; without
/// room in the history of their execution; too large for the topic even so.
pub const HISTORY: [&str; 4] = ["written", "cut", "left_out", "refused"];

type Write = fn(&mut Samples<'_>, &str, &SourceCounts);
type Read = fn(&PartitionOffsets) -> Option<i64>;

pub(super) fn render<'a>(flows: impl Iterator<Item = &'a dyn Flow>, page: &mut Page<'_>) {
    let counts: Vec<_> = flows.map(Flow::counts).collect();
    sources(&counts, page);
    partitions(&counts, page);
    sinks(&counts, page);
    let commits = [0, 1].map(|result| counts.iter().map(|one| one.commits[result]).sum());
    page.family(&names::SOURCE_COMMITS, |samples| {
        for (result, count) in COMMITS.iter().zip::<[u64; 2]>(commits) {
            samples.count(&[result], count);
        }
    });
    page.family(&names::HISTORY_EVENTS, |samples| {
        for (index, result) in HISTORY.iter().enumerate() {
            samples.count(&[result], counts.iter().map(|one| one.history[index]).sum());
        }
    });
    page.family(&names::SOURCE_REBALANCES, |samples| {
        samples.count(&[], counts.iter().map(|one| one.rebalances).sum());
    });
    page.family(&names::SOURCE_HELD_BACK, |samples| {
        for (source, counts) in counts.iter().enumerate() {
            samples.seconds(&[&source.to_string()], counts.held_back_ns);
        }
    });
}

fn sources(counts: &[FlowCounts], page: &mut Page<'_>) {
    // Two pipelines may read one topic in different groups; the label is the topic.
    let mut topics: BTreeMap<&str, SourceCounts> = BTreeMap::new();
    for (topic, counts) in counts.iter().flat_map(|one| &one.sources) {
        let sum = topics.entry(topic).or_default();
        sum.records += counts.records;
        sum.bytes += counts.bytes;
        sum.skipped += counts.skipped;
        for (sum, count) in sum.dead_lettered.iter_mut().zip(counts.dead_lettered) {
            *sum += count;
        }
    }
    let families: [(&Family, Write); 4] = [
        (&names::SOURCE_RECORDS, |samples, topic, counts| {
            samples.count(&[topic], counts.records);
        }),
        (&names::SOURCE_BYTES, |samples, topic, counts| {
            samples.count(&[topic], counts.bytes);
        }),
        (&names::SOURCE_SKIPPED, |samples, topic, counts| {
            samples.count(&[topic, "tombstone"], counts.skipped);
        }),
        (&names::DEAD_LETTERS, |samples, topic, counts| {
            by(samples, topic, &REJECTED, &counts.dead_lettered);
        }),
    ];
    for (family, write) in families {
        page.family(family, |samples| {
            for (topic, counts) in &topics {
                write(samples, topic, counts);
            }
        });
    }
}

fn partitions(counts: &[FlowCounts], page: &mut Page<'_>) {
    // One topic in two groups has two sets of offsets; the label cannot tell them apart, so the one
    // that is further behind is shown, which is the one to look at.
    let mut owned: BTreeMap<(&str, i32), &PartitionOffsets> = BTreeMap::new();
    let mut assigned: BTreeMap<&str, u64> = BTreeMap::new();
    for offsets in counts.iter().flat_map(|one| &one.partitions) {
        *assigned.entry(&offsets.topic).or_default() += 1;
        let shown = owned.entry((&offsets.topic, offsets.partition)).or_insert(offsets);
        if offsets.lag() > shown.lag() {
            *shown = offsets;
        }
    }
    let families: [(&Family, Read); 5] = [
        (&names::SOURCE_LAG, PartitionOffsets::lag),
        (&names::SOURCE_POSITION, |offsets| offsets.position),
        (&names::SOURCE_COMMITTED, |offsets| offsets.committed),
        (&names::SOURCE_END, |offsets| offsets.end),
        (&names::SOURCE_UNCOMMITTED, PartitionOffsets::uncommitted),
    ];
    for (family, read) in families {
        page.family(family, |samples| {
            for ((topic, partition), offsets) in &owned {
                if let Some(value) = read(offsets) {
                    samples.signed(&[topic, &partition.to_string()], value);
                }
            }
        });
    }
    page.family(&names::SOURCE_ASSIGNED, |samples| {
        for (topic, count) in assigned {
            samples.count(&[topic], count);
        }
    });
}

impl PartitionOffsets {
    fn lag(&self) -> Option<i64> {
        Some(self.end?.saturating_sub(self.committed?).max(0))
    }

    fn uncommitted(&self) -> Option<i64> {
        Some(self.position?.saturating_sub(self.committed?).max(0))
    }
}

fn sinks(counts: &[FlowCounts], page: &mut Page<'_>) {
    let mut topics: BTreeMap<&str, SinkCounts> = BTreeMap::new();
    for (topic, counts) in counts.iter().flat_map(|one| &one.sinks) {
        let sum = topics.entry(topic).or_default();
        sum.produced += counts.produced;
        for (sum, count) in sum.deliveries.iter_mut().zip(counts.deliveries) {
            *sum += count;
        }
    }
    page.family(&names::SINK_RECORDS, |samples| {
        for (topic, counts) in &topics {
            by(samples, topic, &DELIVERIES, &counts.deliveries);
        }
    });
    page.family(&names::SINK_IN_FLIGHT, |samples| {
        for (topic, counts) in &topics {
            let acknowledged = counts.deliveries.iter().sum();
            samples.count(&[topic], counts.produced.saturating_sub(acknowledged));
        }
    });
}
