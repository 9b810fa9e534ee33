//! The kept executions: what the shards take, by the configuration, and what the admin port shows.

use crate::config;
use crate::http::{ExecutionQuery, Executions};
use crate::outcome::{Filter, MachineCard, SlowFrom, TraceOptions, Tracer, Traces};
use crate::vm::Sampling;

/// The store of all shards with what goes into it; nothing where nothing is kept.
#[derive(Clone, Debug)]
pub(super) struct Keeping {
    options: TraceOptions,
    traces: Traces,
}

impl Keeping {
    pub(super) fn new(settings: &config::Traces, machines: &[MachineCard]) -> Option<Self> {
        if settings.memory_bytes == 0 {
            return None;
        }
        let options = TraceOptions {
            sampling: Sampling::per_million(settings.per_million),
            errors: settings.errors,
            slow: match (settings.slow, settings.slow_from.as_nanos() as u64) {
                (false, _) => SlowFrom::Never,
                (true, 0) => SlowFrom::P99,
                (true, ns) => SlowFrom::Ns(ns),
            },
            bytes_max: settings.memory_bytes as usize,
        };
        let arns = machines.iter().map(|card| card.arn.clone());
        Some(Self { options, traces: Traces::new(arns, options.bytes_max) })
    }

    /// Which executions have to record their history.
    pub(super) fn sampling(&self) -> Sampling {
        self.options.sampling
    }

    /// Executions kept so far, by machine, each by reason.
    pub(super) fn sampled(&self) -> Vec<[u64; 3]> {
        self.traces.kept()
    }

    /// What decides on one shard.
    pub(super) fn tracer(&self, machines: &[MachineCard]) -> Tracer {
        Tracer::new(self.options, self.traces.clone(), machines)
    }
}

impl Executions for Keeping {
    fn list(&self, query: &ExecutionQuery) -> String {
        let ExecutionQuery { state_machine, reason, status, limit } = query.clone();
        self.traces.list(&Filter { state_machine, reason, status, limit })
    }

    fn find(&self, arn: &str) -> Option<String> {
        self.traces.find(arn)
    }
}
