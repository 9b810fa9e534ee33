//! The counters of a Kafka source as the families that `/metrics` shows.

use std::sync::Arc;

use crate::ingest::Counters;
use crate::metrics::{FlowCounts, PartitionOffsets, SinkCounts, SourceCounts};

/// Reads one source's counters. A pipeline with several topics is shown under their names joined,
/// since its source counts them together.
pub(super) fn flow(
    topics: &[String],
    sinks: &[String],
    counters: Arc<Counters>,
) -> impl Fn() -> FlowCounts + Send + Sync + use<> {
    let source = topics.join(",");
    let sink = sinks.join(",");
    move || FlowCounts {
        sources: vec![(
            source.clone(),
            SourceCounts {
                records: counters.consumed.get(),
                bytes: counters.consumed_bytes.get(),
                skipped: counters.skipped.get(),
                dead_lettered: counters.dead_lettered.by_class(),
            },
        )],
        sinks: vec![(
            sink.clone(),
            SinkCounts {
                produced: counters.produced.get(),
                deliveries: [counters.delivered.get(), counters.delivery_failed.get()],
            },
        )],
        partitions: counters
            .lags()
            .into_iter()
            .map(|lag| PartitionOffsets {
                topic: lag.topic,
                partition: lag.partition,
                committed: known(lag.committed),
                end: known(lag.watermark).zip(known(lag.records)).map(|(at, left)| at + left),
                position: None,
            })
            .collect(),
        held_back_ns: counters.back_pressure_ns.get(),
        commits: [
            counters.commits.get().saturating_sub(counters.commits_failed.get()),
            counters.commits_failed.get(),
        ],
        rebalances: counters.rebalances.get(),
        history: [
            counters.history_events.get(),
            counters.history_cut.get(),
            counters.history_left_out.get(),
            counters.history_refused.get(),
        ],
    }
}

/// Sources say -1 for what they have not heard yet.
fn known(offset: i64) -> Option<i64> {
    (offset >= 0).then_some(offset)
}
