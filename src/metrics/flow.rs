//! What a source, such as a Kafka consumer with its producer, tells of its records at scrape time.
//!
//! Sources keep their own counters; `app` plugs in a [`Flow`] for each that reads them. Partition
//! gauges come with it, and so go when a partition is revoked: the facade's exporter cannot forget a
//! series.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue as names;
use super::catalogue::Family;
use super::text::{Page, Samples, by};
use crate::base::ids::MachineIdx;
use crate::base::tally::{Histogram, REJECTED};

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
    /// Whether it stands still now.
    pub held_back: bool,
    /// The state machine that the records start.
    pub machine: MachineIdx,
    /// Records that had to wait, since as many executions were open as may be.
    pub throttled: u64,
    /// Errors of the clients, by librdkafka's name of the code.
    pub errors: BTreeMap<String, u64>,
    /// Records and bytes in the queues of the clients, by [`CLIENTS`].
    pub queues: [(u64, u64); 2],
    /// By number of the broker.
    pub round_trips: Vec<(i32, RoundTrip)>,
    /// Offset commits, by [`COMMITS`].
    pub commits: [u64; 2],
    /// Rebalance callbacks, by [`REBALANCES`].
    pub rebalances: [u64; 3],
    /// Nanoseconds for which they held the source up.
    pub rebalance_duration: Histogram,
    /// Nanoseconds of commits.
    pub commit_duration: Histogram,
    /// Nanoseconds from the records' timestamps to the last acknowledgement.
    pub event_latency: Histogram,
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
    /// Nanoseconds from a record's timestamp to its hand-over.
    pub age: Histogram,
    /// Records per read.
    pub batches: Histogram,
    /// Records written to the dead letters, by [`REJECTED`].
    pub dead_lettered: [u64; REJECTED.len()],
}

/// What was written to one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkCounts {
    /// Records in the producer's queue or on their way, of which no report has come yet.
    pub in_flight: u64,
    /// Records that came to their end, by [`DELIVERIES`]; those sent again have not.
    pub deliveries: [u64; 2],
    /// Records put into the producer's queue again.
    pub retried: u64,
    /// Records refused for their size, with a smaller one in their place.
    pub replaced: u64,
    /// Bytes delivered.
    pub bytes: u64,
    /// Nanoseconds from the queue to the acknowledgement.
    pub duration: Histogram,
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

/// Time from a request to its answer, in microseconds, as the client told it last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoundTrip {
    /// Mean.
    pub average_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
}

/// Label values of [`FlowCounts::queues`].
pub const CLIENTS: [&str; 2] = ["consumer", "producer"];

/// Errors that have a series from the start; the others come with their first one.
const ERRORS_AT_START: [&str; 3] = ["_ALL_BROKERS_DOWN", "_RESOLVE", "_TRANSPORT"];

/// Label values of the reasons for which records are refused, each with the classes of [`REJECTED`]
/// that it stands for.
const REFUSED: [(&str, &[&str]); 3] = [
    ("malformed", &["not-json", "too-deep", "invalid-name"]),
    ("too_large", &["too-large"]),
    ("unknown_machine", &["other"]),
];

/// Label values of [`FlowCounts::commits`].
pub const COMMITS: [&str; 2] = ["ok", "error"];

/// Label values of [`FlowCounts::rebalances`].
pub const REBALANCES: [&str; 3] = ["assigned", "revoked", "lost"];

/// Label values of [`SinkCounts::deliveries`].
pub const DELIVERIES: [&str; 2] = ["delivered", "failed"];

/// Label values of [`FlowCounts::history`]: written; of these, cut down to fit their topic; without
/// room in the history of their execution; too large for the topic even so.
pub const HISTORY: [&str; 4] = ["written", "cut", "left_out", "refused"];

type Write = fn(&mut Samples<'_>, &str, &SourceCounts);
type Read = fn(&PartitionOffsets) -> Option<i64>;

/// `machines` are the labels of the state machines.
pub(super) fn render(counts: &[FlowCounts], machines: &[String], page: &mut Page<'_>) {
    sources(counts, page);
    partitions(counts, page);
    sinks(counts, page);
    clients(counts, page);
    latencies(counts, machines, page);
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
        for (event, name) in REBALANCES.iter().enumerate() {
            samples.count(&[name], counts.iter().map(|one| one.rebalances[event]).sum());
        }
    });
    page.family(&names::SOURCE_HELD_BACK, |samples| {
        for (source, counts) in counts.iter().enumerate() {
            samples.seconds(&[&source.to_string()], counts.held_back_ns);
        }
    });
}

/// Histograms over all sources.
fn latencies(counts: &[FlowCounts], machines: &[String], page: &mut Page<'_>) {
    let mut by_machine: BTreeMap<&str, Histogram> = BTreeMap::new();
    for one in counts {
        let label = machines.get(usize::from(one.machine.0)).map_or("other", String::as_str);
        by_machine.entry(label).or_default().add(&one.event_latency);
    }
    page.family(&names::EVENT_LATENCY, |samples| {
        for (machine, latency) in &by_machine {
            samples.histogram(&[machine], latency);
        }
    });
    let sum = |of: fn(&FlowCounts) -> &Histogram| {
        let mut sum = Histogram::default();
        for one in counts {
            sum.add(of(one));
        }
        sum
    };
    let rebalances = sum(|one| &one.rebalance_duration);
    page.family(&names::SOURCE_REBALANCE_DURATION, |samples| samples.histogram(&[], &rebalances));
    let commits = sum(|one| &one.commit_duration);
    page.family(&names::SOURCE_COMMIT_DURATION, |samples| samples.histogram(&[], &commits));
}

fn sources(counts: &[FlowCounts], page: &mut Page<'_>) {
    // Two pipelines may read one topic in different groups; the label is the topic.
    let mut topics: BTreeMap<&str, SourceCounts> = BTreeMap::new();
    for (topic, counts) in counts.iter().flat_map(|one| &one.sources) {
        let sum = topics.entry(topic).or_default();
        sum.records += counts.records;
        sum.bytes += counts.bytes;
        sum.skipped += counts.skipped;
        sum.age.add(&counts.age);
        sum.batches.add(&counts.batches);
        for (sum, count) in sum.dead_lettered.iter_mut().zip(counts.dead_lettered) {
            *sum += count;
        }
    }
    let families: [(&Family, Write); 7] = [
        (&names::SOURCE_RECORDS, |samples, topic, counts| {
            samples.count(&[topic], counts.records);
        }),
        (&names::SOURCE_BYTES, |samples, topic, counts| {
            samples.count(&[topic], counts.bytes);
        }),
        (&names::SOURCE_AGE, |samples, topic, counts| {
            samples.histogram(&[topic], &counts.age);
        }),
        (&names::SOURCE_BATCH, |samples, topic, counts| {
            samples.histogram(&[topic], &counts.batches);
        }),
        (&names::SOURCE_SKIPPED, |samples, topic, counts| {
            samples.count(&[topic, "tombstone"], counts.skipped);
        }),
        (&names::SOURCE_REJECTED, |samples, topic, counts| {
            for (reason, classes) in REFUSED {
                let refused = REJECTED.iter().zip(counts.dead_lettered);
                let refused = refused.filter(|(class, _)| classes.contains(class));
                samples.count(&[topic, reason], refused.map(|(_, count)| count).sum());
            }
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
    let mut assigned: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for one in counts {
        for offsets in &one.partitions {
            let (count, paused) = assigned.entry(&offsets.topic).or_default();
            *count += 1;
            *paused += u64::from(one.held_back);
            let shown = owned.entry((&offsets.topic, offsets.partition)).or_insert(offsets);
            if offsets.lag() > shown.lag() {
                *shown = offsets;
            }
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
        for (topic, (count, _)) in &assigned {
            samples.count(&[topic], *count);
        }
    });
    page.family(&names::SOURCE_PAUSED, |samples| {
        for (topic, (_, paused)) in &assigned {
            samples.count(&[topic], *paused);
        }
    });
}

/// What the Kafka clients tell of themselves.
fn clients(counts: &[FlowCounts], page: &mut Page<'_>) {
    page.family(&names::SOURCE_ERRORS, |samples| {
        let seen = counts.iter().flat_map(|one| one.errors.keys().map(String::as_str));
        let codes: BTreeSet<&str> = seen.chain(ERRORS_AT_START).collect();
        for code in codes {
            let count = counts.iter().filter_map(|one| one.errors.get(code)).sum();
            samples.count(&[code], count);
        }
    });
    // Of several sources that talk to a broker, the one that waits longest tells of it.
    let mut brokers: BTreeMap<i32, RoundTrip> = BTreeMap::new();
    for (broker, round_trip) in counts.iter().flat_map(|one| &one.round_trips) {
        let slowest = brokers.entry(*broker).or_default();
        slowest.average_us = slowest.average_us.max(round_trip.average_us);
        slowest.p99_us = slowest.p99_us.max(round_trip.p99_us);
    }
    page.family(&names::KAFKA_RTT, |samples| {
        for (broker, round_trip) in &brokers {
            let broker = broker.to_string();
            samples.seconds(&[&broker, "avg"], round_trip.average_us.saturating_mul(1_000));
            samples.seconds(&[&broker, "p99"], round_trip.p99_us.saturating_mul(1_000));
        }
    });
    page.family(&names::KAFKA_QUEUE_RECORDS, |samples| {
        for (index, client) in CLIENTS.iter().enumerate() {
            samples.count(&[client], counts.iter().map(|one| one.queues[index].0).sum());
        }
    });
    page.family(&names::KAFKA_QUEUE_BYTES, |samples| {
        for (index, client) in CLIENTS.iter().enumerate() {
            samples.count(&[client], counts.iter().map(|one| one.queues[index].1).sum());
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
        sum.in_flight += counts.in_flight;
        sum.bytes += counts.bytes;
        sum.retried += counts.retried;
        sum.replaced += counts.replaced;
        sum.duration.add(&counts.duration);
        for (sum, count) in sum.deliveries.iter_mut().zip(counts.deliveries) {
            *sum += count;
        }
    }
    page.family(&names::SINK_RECORDS, |samples| {
        for (topic, counts) in &topics {
            by(samples, topic, &DELIVERIES, &counts.deliveries);
        }
    });
    page.family(&names::SINK_BYTES, |samples| {
        for (topic, counts) in &topics {
            samples.count(&[topic], counts.bytes);
        }
    });
    page.family(&names::SINK_RETRIES, |samples| {
        for (topic, counts) in &topics {
            samples.count(&[topic], counts.retried);
        }
    });
    page.family(&names::SINK_REPLACED, |samples| {
        for (topic, counts) in &topics {
            samples.count(&[topic], counts.replaced);
        }
    });
    page.family(&names::SINK_DURATION, |samples| {
        for (topic, counts) in &topics {
            samples.histogram(&[topic], &counts.duration);
        }
    });
    page.family(&names::SINK_IN_FLIGHT, |samples| {
        for (topic, counts) in &topics {
            samples.count(&[topic], counts.in_flight);
        }
    });
}
