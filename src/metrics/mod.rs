//! What `/metrics` shows: two tiers, one catalogue.
//!
//! Tier 1 is what happens per record, execution, task or turn: cells of [`crate::base::tally`] that
//! one thread owns, summed at scrape time and written by our own writer. Tier 2 ([`Rare`]) is
//! everything at most a few thousand times a second, through the `metrics` facade. A family lives in
//! exactly one of them. The page is written on the thread that asks for it.

mod catalogue;
mod facade;
mod flow;
mod hot;
mod process;
mod states;
mod text;
mod upkeep;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

pub use self::catalogue::{FAMILIES, Family, Keeper, Kind, PREFIX};
pub use self::facade::Rare;
pub use self::flow::{
    COMMITS, DELIVERIES, Flow, FlowCounts, HISTORY, PartitionOffsets, REBALANCES, SinkCounts,
    SourceCounts,
};
pub use self::upkeep::Upkeep;

use self::text::Page;
use crate::base::tally::{ShardReader, SharedCounts, StateReader, TaskReader};

/// What there is to show, fixed at start.
#[derive(Clone, Default)]
pub struct Options {
    /// Names of the state machines by `MachineIdx`, with the revision of each definition.
    pub machines: Vec<(String, String)>,
    /// One reader per shard, by shard.
    pub shards: Vec<ShardReader>,
    /// One reader per shard.
    pub tasks: Vec<TaskReader>,
    /// One reader per shard.
    pub states: Vec<StateReader>,
    /// States of each machine, in the order of their cells.
    pub state_labels: Vec<Vec<StateLabel>>,
    /// One per source, in the order of their `source` label.
    pub flows: Vec<Arc<dyn Flow>>,
    /// Events that fit into one shard's inbox.
    pub inbox_records: u64,
    /// Executions that may be open.
    pub open_executions_max: u64,
    /// Task attempts that may run at a time, all shards together.
    pub tasks_in_flight_max: u64,
    /// State machines with a label of their own; the rest are summed as `other`.
    pub state_machines_max: usize,
    /// Features that the program was built with.
    pub features: &'static str,
    /// Lines of the process log that were dropped.
    pub log_dropped: SharedCounts<1>,
    /// What became of spans, in the order of [`SPAN_RESULTS`].
    ///
    /// [`SPAN_RESULTS`]: crate::base::tally::SPAN_RESULTS
    pub spans: SharedCounts<3>,
    /// What usage would cost at AWS; `None` when nobody has said it for the region.
    pub prices: Option<Prices>,
}

/// A state as metrics name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateLabel {
    /// Its name, which is unique in its machine.
    pub name: String,
    /// Its type.
    pub kind: &'static str,
    /// Whether it has a Retry rule.
    pub retries: bool,
    /// Whether it has a Catch rule.
    pub catches: bool,
}

/// The prices of a region, as exact decimals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    /// Region.
    pub region: String,
    /// ISO 4217 code.
    pub currency: String,
    /// One execution.
    pub per_request: String,
    /// One state transition of a Standard workflow.
    pub per_transition: String,
    /// By tier: the GB-hours of a month at which it begins, and the price of one in it.
    pub tiers: Vec<(u64, String)>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("machines", &self.machines).finish_non_exhaustive()
    }
}

/// Asked for the state of each readiness check at every scrape.
pub type Ready = dyn Fn() -> Vec<(&'static str, bool)> + Send + Sync;

/// All metrics of the process.
pub struct Metrics {
    hot: hot::Hot,
    rare: Arc<Rare>,
    ready: Box<Ready>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Brings the readers together; `rare` is shared with those who count in it.
    pub fn new(
        options: Options,
        rare: Arc<Rare>,
        ready: impl Fn() -> Vec<(&'static str, bool)> + Send + Sync + 'static,
    ) -> Self {
        let hot = hot::Hot::new(options);
        let folded = hot.folded_machines();
        if folded > 0 {
            tracing::warn!(
                folded,
                "more state machines than metrics.state_machines_max: the rest are summed as `other`"
            );
            for family in FAMILIES {
                if family.keeper == Keeper::Cells && family.labels.contains(&"state_machine") {
                    rare.series_dropped(family.name, folded);
                }
            }
        }
        if let Some((family, dropped)) = hot.states_dropped() {
            rare.series_dropped(family, dropped);
        }
        Self { hot, rare, ready: Box::new(ready) }
    }

    /// Appends the page to `out`.
    pub fn scrape(&self, out: &mut Vec<u8>) {
        let started = Instant::now();
        self.rare.render(out);
        let mut page = Page::new(out);
        self.hot.render(&mut page);
        page.family(&catalogue::READY, |samples| {
            for (check, ready) in (self.ready)() {
                samples.count(&[check], u64::from(ready));
            }
        });
        process::render(&mut page);
        self.rare.rendered(started.elapsed());
    }
}

/// Makes the tier of rare events, to be shared with those who count them.
pub fn rare() -> Arc<Rare> {
    Arc::new(Rare::new())
}
