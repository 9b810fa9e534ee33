//! The counters of a Kafka source as the families that `/metrics` shows.

use std::sync::Arc;

use crate::base::ids::MachineIdx;
use crate::ingest::{ClientRole, Counter, Counters, Sink};
use crate::metrics::{FlowCounts, PartitionOffsets, RoundTrip, SinkCounts, SourceCounts};

/// Reads one source's counters. A pipeline with several topics is shown under their names joined,
/// since its source counts them together; `sinks` are the topics of results, failures, billing
/// records, dead letters and histories, the last one empty where none is written.
pub(super) fn flow(
    topics: &[String],
    sinks: [String; 5],
    machine: MachineIdx,
    counters: Arc<Counters>,
) -> impl Fn() -> FlowCounts + Send + Sync + use<> {
    let source = topics.join(",");
    move || FlowCounts {
        sources: vec![(source.clone(), source_counts(&counters))],
        sinks: (sinks.iter().cloned().zip(counters.sinks.iter().map(sink_counts)))
            .filter(|(topic, _)| !topic.is_empty())
            .collect(),
        partitions: partitions(&counters),
        held_back_ns: counters.back_pressure_ns.get(),
        held_back: counters.standing_still.get() > 0,
        machine,
        throttled: counters.throttled.get(),
        errors: counters.errors(),
        queues: queues(&counters),
        round_trips: round_trips(&counters),
        commits: [
            counters.commits.get().saturating_sub(counters.commits_failed.get()),
            counters.commits_failed.get(),
        ],
        rebalances: counters.rebalances.each_ref().map(Counter::get),
        rebalance_duration: counters.rebalance_duration.get(),
        commit_duration: counters.commit_duration.get(),
        event_latency: counters.event_latency.get(),
        history: [
            counters.history_events.get(),
            counters.history_cut.get(),
            counters.history_left_out.get(),
            counters.history_refused.get(),
        ],
    }
}

fn source_counts(counters: &Counters) -> SourceCounts {
    SourceCounts {
        records: counters.consumed.get(),
        bytes: counters.consumed_bytes.get(),
        skipped: counters.skipped.get(),
        age: counters.record_age.get(),
        batches: counters.batches.get(),
        dead_lettered: counters.dead_lettered.by_class(),
    }
}

fn sink_counts(sink: &Sink) -> SinkCounts {
    // Before what was produced, so that a report in between is not one too many.
    let reported = sink.delivered.get() + sink.undelivered.get();
    SinkCounts {
        in_flight: sink.produced.get().saturating_sub(reported),
        deliveries: [sink.delivered.get(), sink.failed.get()],
        retried: sink.retried.get(),
        replaced: sink.replaced.get(),
        bytes: sink.bytes.get(),
        duration: sink.duration.get(),
    }
}

/// Records and bytes in the queues of consumer and producer. How many records the consumer has fetched
/// is asked of its queue, since each partition would tell of all.
fn queues(counters: &Counters) -> [(u64, u64); 2] {
    let [consumer, producer] =
        [ClientRole::Consumer, ClientRole::Producer].map(|role| counters.client(role));
    [
        (counters.fetched.get(), consumer.queued_bytes),
        (producer.queued_records, producer.queued_bytes),
    ]
}

/// By broker, the producer's where it has asked anything: a consumer's fetches wait for records.
fn round_trips(counters: &Counters) -> Vec<(i32, RoundTrip)> {
    let mut all = counters.client(ClientRole::Consumer).round_trips;
    for (broker, round_trip) in counters.client(ClientRole::Producer).round_trips {
        if round_trip.count > 0 {
            all.insert(broker, round_trip);
        }
    }
    let asked = all.into_iter().filter(|(_, round_trip)| round_trip.count > 0);
    asked
        .map(|(broker, one)| (broker, RoundTrip { average_us: one.average_us, p99_us: one.p99_us }))
        .collect()
}

fn partitions(counters: &Counters) -> Vec<PartitionOffsets> {
    let lags = counters.lags().into_iter();
    lags.map(|lag| PartitionOffsets {
        topic: lag.topic,
        partition: lag.partition,
        committed: known(lag.committed),
        end: known(lag.watermark).zip(known(lag.records)).map(|(at, left)| at + left),
        position: known(lag.position),
    })
    .collect()
}

/// Sources say -1 for what they have not heard yet.
fn known(offset: i64) -> Option<i64> {
    (offset >= 0).then_some(offset)
}
