//! Executions kept in memory for people: some of all, those that failed, those that were slow.
//!
//! A [`Tracer`] on each shard decides; what it takes goes into [`Traces`], which the admin port
//! reads. Memory is bounded: each state machine has a ring for each reason, so that a flood of
//! failures pushes out neither the slow ones nor another machine's. What is taken is bounded by the
//! second, so that a flood costs nothing either; all that qualifies is counted.

mod slow;
mod store;

pub use self::store::{Filter, Traces};

use super::collector::MachineCard;
use super::history::LogEvents;
use crate::base::ids::MachineIdx;
use crate::shard::{Settled, Status};
use crate::vm::{Recording, Sampling};

use self::slow::Durations;
use self::store::Kept;

/// Why an execution is kept; one that has several reasons is kept for the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It failed or timed out.
    Error = 0,
    /// It took longer than most, or than a limit.
    Slow = 1,
    /// It was taken by chance.
    Rate = 2,
}

impl Reason {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::Error, Self::Slow, Self::Rate];

    /// As the admin port spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Slow => "slow",
            Self::Rate => "rate",
        }
    }
}

/// From when on an execution counts as slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlowFrom {
    /// Never.
    Never,
    /// Above the 99th percentile of its state machine on its shard, as of the last thousands.
    P99,
    /// From this many nanoseconds on.
    Ns(u64),
}

/// What is kept.
#[derive(Clone, Copy, Debug)]
pub struct TraceOptions {
    /// Those taken by chance; they have to record their history.
    pub sampling: Sampling,
    /// Whether those that fail are kept.
    pub errors: bool,
    /// Which ones are slow.
    pub slow: SlowFrom,
    /// Bytes that all of them may hold, all state machines together.
    pub bytes_max: usize,
}

/// Decides on one shard what is kept.
#[derive(Debug)]
pub struct Tracer {
    options: TraceOptions,
    traces: Traces,
    machines: Vec<Machine>,
}

#[derive(Debug)]
struct Machine {
    log_events: LogEvents,
    durations: Durations,
    /// By reason: the second, and how many were taken in it.
    taken: [(i64, u32); 3],
}

impl Tracer {
    /// The tracer of one shard; `machines` are those of `traces`, in order.
    pub fn new(options: TraceOptions, traces: Traces, machines: &[MachineCard]) -> Self {
        let machine = |card: &MachineCard| Machine {
            log_events: LogEvents::new(&card.arn, Recording::ALL),
            durations: Durations::default(),
            taken: [(0, 0); 3],
        };
        Self { options, traces, machines: machines.iter().map(machine).collect() }
    }

    /// An execution ended: keeps it if there is a reason to.
    pub fn settled(&mut self, settled: &Settled<'_>) {
        let Some(machine) = self.machines.get_mut(usize::from(settled.machine.0)) else { return };
        let is_slow = match self.options.slow {
            SlowFrom::Never => false,
            SlowFrom::Ns(ns) => settled.duration_ns >= ns,
            SlowFrom::P99 => machine.durations.is_above_p99(settled.duration_ns),
        };
        let reason = if self.options.errors && settled.status != Status::Succeeded {
            Reason::Error
        } else if is_slow {
            Reason::Slow
        } else if self.options.sampling.takes(settled.suffix) {
            Reason::Rate
        } else {
            return;
        };
        self.keep(settled, reason);
    }

    #[cold]
    fn keep(&mut self, settled: &Settled<'_>, reason: Reason) {
        let MachineIdx(index) = settled.machine;
        let machine = &mut self.machines[usize::from(index)];
        let (second, count) = &mut machine.taken[reason as usize];
        let now = settled.stopped_ms.div_euclid(1_000);
        if *second != now {
            (*second, *count) = (now, 0);
        }
        *count += 1;
        let kept = (*count <= TAKEN_PER_SECOND_MAX).then(|| {
            let bytes_max = self.traces.ring_bytes() / RING_SHARE_MAX;
            Kept::new(&machine.log_events, settled, reason, bytes_max)
        });
        self.traces.add(settled.machine, reason, kept);
    }
}

/// Taken per second, shard, state machine and reason; the rest is only counted.
const TAKEN_PER_SECOND_MAX: u32 = 10;
/// An execution takes at most this part of its ring; of a larger one, the events that are left out
/// are counted.
const RING_SHARE_MAX: usize = 4;

#[cfg(test)]
mod tests;
