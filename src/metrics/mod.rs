//! What `/metrics` shows: two tiers, one catalogue.
//!
//! Tier 1 is what happens per record, execution, task or turn: cells of [`crate::base::tally`] that
//! one thread owns, summed at scrape time and written by our own writer. Tier 2 ([`Rare`]) is
//! everything at most a few thousand times a second, through the `metrics` facade. A family lives in
//! exactly one of them. The page is written on the thread that asks for it.

mod admission;
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
    CLIENTS, COMMITS, DELIVERIES, Flow, FlowCounts, HISTORY, PartitionOffsets, REBALANCES,
    RoundTrip, SinkCounts, SourceCounts,
};
pub use self::upkeep::Upkeep;

use self::text::Page;
use crate::base::tally::{PerState, RunReader, ShardReader, SharedCounts, TaskReader};
use crate::program::Exit;

/// What there is to show, fixed at start.
#[derive(Clone, Default)]
pub struct Options {
    /// The state machines by `MachineIdx`.
    pub machines: Vec<MachineLabel>,
    /// One reader per shard, by shard.
    pub shards: Vec<ShardReader>,
    /// One reader per shard.
    pub tasks: Vec<TaskReader>,
    /// One reader per shard.
    pub runs: Vec<RunReader>,
    /// The program of each machine.
    pub programs: Vec<ProgramLabels>,
    /// How much is counted by state.
    pub per_state: PerState,
    /// Counts the executions kept in memory; `None` where none is kept.
    pub sampled: Option<Arc<Sampled>>,
    /// One per source, in the order of their `source` label.
    pub flows: Vec<Arc<dyn Flow>>,
    /// Batches that fit into one shard's inbox.
    pub inbox_batches: u64,
    /// Executions that may be open.
    pub open_executions_max: u64,
    /// Task attempts that may run at a time, all shards together.
    pub tasks_in_flight_max: u64,
    /// State machines with a label of their own; the rest are summed as `other`.
    pub state_machines_max: usize,
    /// What was built.
    pub build: Build,
    /// When the configuration was read, seconds since the Unix epoch.
    pub configured_at: u64,
    /// Lines of the process log that were dropped.
    pub log_dropped: SharedCounts<1>,
    /// What became of spans, in the order of [`SPAN_RESULTS`].
    ///
    /// [`SPAN_RESULTS`]: crate::base::tally::SPAN_RESULTS
    pub spans: SharedCounts<3>,
    /// What usage would cost at AWS; `None` when nobody has said it for the region.
    pub prices: Option<Prices>,
}

/// Executions kept in memory so far, by `MachineIdx`, each by [`SAMPLED`].
pub type Sampled = dyn Fn() -> Vec<[u64; SAMPLED.len()]> + Send + Sync;

/// Label values of why an execution is kept.
pub const SAMPLED: [&str; 3] = ["error", "slow", "rate"];

/// What the program was built from and with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Build {
    /// Revision of the source, `unknown` where the build was not told.
    pub commit: &'static str,
    /// Version of the compiler.
    pub rustc: &'static str,
    /// Features that were switched on.
    pub features: &'static str,
}

/// A state machine as metrics name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineLabel {
    /// Its name.
    pub name: String,
    /// Which text its definition is.
    pub revision: String,
    /// `JSONPath` or `JSONata`.
    pub query_language: &'static str,
    /// Where its definition was read.
    pub source: String,
}

/// A program as metrics name its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramLabels {
    /// Its states, in the order of their cells.
    pub states: Vec<StateLabel>,
    /// The instructions that leave a state.
    pub exits: Vec<Exit>,
}

/// A state as metrics name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateLabel {
    /// Its name behind those of the states around it ([`Program::state_paths`]), which is unique in its
    /// machine.
    ///
    /// [`Program::state_paths`]: crate::program::Program::state_paths
    pub name: String,
    /// Its type.
    pub kind: &'static str,
    /// Whether it has a Retry rule.
    pub retries: bool,
    /// Whether it has a Catch rule.
    pub catches: bool,
    /// Whether it may take longer than a turn: Task, Map, Parallel, Wait.
    pub waits: bool,
}

impl StateLabel {
    fn is_map(&self) -> bool {
        self.kind == "Map"
    }
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
                let has = |label| family.labels.contains(&label);
                // Those by state tell for themselves what has no room.
                if family.keeper == Keeper::Cells && has("state_machine") && !has("state") {
                    rare.series_dropped(family.name, folded);
                }
            }
        }
        let dropped = hot.states_dropped();
        if !dropped.is_empty() {
            tracing::warn!("more states than there is room for series: the last have none");
        }
        for (family, count) in dropped {
            rare.series_dropped(family, *count);
        }
        Self { hot, rare, ready: Box::new(ready) }
    }

    /// Appends the page to `out`.
    pub fn scrape(&self, out: &mut Vec<u8>) {
        let started = Instant::now();
        self.rare.render(out);
        let mut page = Page::new(out);
        for family in self.hot.render(&mut page) {
            self.rare.series_dropped(family, 1);
        }
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
