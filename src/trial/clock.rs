//! A shard under virtual time: its clock moves only when nothing else is left to do.
//!
//! The shard is the one that the service runs; only the clock and what surrounds it differ. A wait
//! of a year takes no longer than any other.

use crate::base::clock::Now;
use crate::base::ids::{ExecutionSuffix, MachineIdx, Origin, PipelineIdx};
use crate::program::Loaded;
use crate::shard::{
    Calls, Completions, Inputs, Limits, Rejected, Settle, Settled, ShardCore, Start, StartBatch,
    Status, Turned,
};
use crate::vm::{Event, Recording};

/// Wall clock at monotonic zero: 2026-01-01T00:00:00Z.
pub const EPOCH_WALL_MS: i64 = 1_767_225_600_000;

/// A shard with all that surrounds it.
pub struct VirtualShard<C> {
    /// The shard itself.
    pub core: ShardCore,
    /// What it has not taken yet.
    pub inputs: Inputs,
    /// What has come out of it.
    pub sink: Sink,
    /// What answers its calls.
    pub calls: C,
    completions: Completions,
    now_ns: u64,
}

/// What has come out of the shard.
#[derive(Debug, Default)]
pub struct Sink {
    /// Executions that began.
    pub started: usize,
    /// Executions that ended, oldest first.
    pub ended: Vec<Ended>,
    /// Classes and causes of refused events, with their offsets.
    pub rejected: Vec<(i64, &'static str, String)>,
}

/// An execution that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The event it began with.
    pub offset: i64,
    /// How it ended.
    pub status: Status,
    /// JSON text; empty unless it succeeded.
    pub output: String,
    /// Error name.
    pub error: Option<String>,
    /// Cause text.
    pub cause: Option<String>,
    /// Wall clock at its end, ms since the Unix epoch.
    pub stopped_ms: i64,
    /// Virtual time that it took.
    pub duration_ns: u64,
    /// States entered, retries included.
    pub transitions: u32,
    /// Bytes that the bill counts beside the definition.
    pub metered_data_bytes: u64,
    /// What happened; empty where the shard keeps no history.
    pub history: Vec<Event>,
    /// Events that found no room in it.
    pub events_left_out: u32,
}

impl Settle for Sink {
    fn started(&mut self, _: MachineIdx) {
        self.started += 1;
    }

    fn settled(&mut self, settled: &Settled<'_>) {
        self.ended.push(Ended {
            offset: settled.origin.offset,
            status: settled.status,
            output: String::from_utf8_lossy(settled.output).into_owned(),
            error: settled.error.map(str::to_owned),
            cause: settled.cause.map(str::to_owned),
            stopped_ms: settled.stopped_ms,
            duration_ns: settled.duration_ns,
            transitions: settled.transitions,
            metered_data_bytes: settled.metered_data_bytes,
            history: settled.history.to_vec(),
            events_left_out: settled.events_left_out,
        });
    }

    fn rejected(&mut self, rejected: &Rejected<'_>) {
        let cause = rejected.cause.to_owned();
        self.rejected.push((rejected.origin.offset, rejected.class, cause));
    }

    fn flush(&mut self, _: Now) {}
}

impl<C: Calls> VirtualShard<C> {
    /// A shard for one machine; `completions` is where `calls` puts its answers.
    pub fn new(machine: Loaded, limits: Limits, calls: C, completions: Completions) -> Self {
        Self {
            core: ShardCore::new(vec![machine], limits, at(0), 0),
            inputs: Inputs::default(),
            sink: Sink::default(),
            calls,
            completions,
            now_ns: 0,
        }
    }

    /// The same shard, whose executions record this much of their history.
    #[must_use]
    pub fn recording(mut self, recording: Recording) -> Self {
        self.core = self.core.with_recordings(vec![recording]);
        self
    }

    /// Hands over one event, which is told apart by `offset`.
    pub fn start(&mut self, offset: i64, name: &str, input: &[u8]) {
        self.inputs.batches.push_back(batch([(offset, name, input)]));
    }

    /// Takes one turn at the present time.
    pub fn turn(&mut self) -> Turned {
        self.completions.drain_into(&mut self.inputs.answers);
        self.core.turn(at(self.now_ns), &mut self.inputs, &mut self.sink, &mut self.calls)
    }

    /// Takes turns until nothing is left that need not wait.
    pub fn settle_down(&mut self) -> Turned {
        loop {
            let turned = self.turn();
            if !turned.busy && self.completions.is_empty() {
                return turned;
            }
        }
    }

    /// Lets time pass, without a turn.
    pub fn advance_ns(&mut self, nanoseconds: u64) {
        self.now_ns += nanoseconds;
    }

    /// Takes turns, and moves the clock to the next timer whenever there is nothing else to do,
    /// until no execution is open or nothing can wake those that are.
    pub fn run(&mut self) -> Turned {
        self.run_at_most(usize::MAX)
    }

    /// The same, but ends after `turns_max` turns even if something could go on: whoever runs a
    /// definition that may loop for ever wants his program back. A turn that leaves more to do at
    /// once, its fuel used up, counts for a hundred.
    pub fn run_at_most(&mut self, turns_max: usize) -> Turned {
        let mut left = turns_max;
        loop {
            let turned = self.turn();
            left = left.saturating_sub(if turned.busy { 100 } else { 1 });
            if left == 0 {
                return turned;
            }
            if !self.pass_time(turned) {
                return turned;
            }
        }
    }

    /// Takes one turn, and if nothing is left to do then, moves the clock and takes another.
    pub fn step(&mut self) -> Turned {
        let turned = self.turn();
        self.pass_time(turned);
        self.turn()
    }

    /// Moves the clock to the next timer if nothing else is left to do; false when that cannot
    /// help either.
    fn pass_time(&mut self, turned: Turned) -> bool {
        if turned.busy || !self.completions.is_empty() {
            return true;
        }
        let next_ms = turned.next_timer_ms.filter(|_| turned.open > 0);
        if let Some(next_ms) = next_ms {
            // A wheel may ask to be looked at before anything is due; time never stands.
            let now_ns = next_ms.saturating_mul(1_000_000).max(self.now_ns.saturating_add(1));
            return now_ns > std::mem::replace(&mut self.now_ns, now_ns);
        }
        false
    }

    /// Virtual time since the shard was made.
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }
}

/// Packs events as a source does.
pub fn batch<'a>(events: impl IntoIterator<Item = (i64, &'a str, &'a [u8])>) -> StartBatch {
    let mut batch = StartBatch::default();
    for (offset, name, input) in events {
        let from = batch.bytes.len() as u32;
        batch.bytes.extend_from_slice(name.as_bytes());
        let middle = batch.bytes.len() as u32;
        batch.bytes.extend_from_slice(input);
        let to = batch.bytes.len() as u32;
        batch.starts.push(Start {
            origin: Origin {
                pipeline: PipelineIdx(0),
                topic: 0,
                partition: 0,
                offset,
                slot: 0,
                epoch: 0,
            },
            machine: MachineIdx(0),
            suffix: ExecutionSuffix([7; 16]),
            traceparent: None,
            tracestate: 0..0,
            name: from..middle,
            input: middle..to,
        });
    }
    batch
}

fn at(mono_ns: u64) -> Now {
    Now { mono_ns, wall_ms: EPOCH_WALL_MS + (mono_ns / 1_000_000) as i64 }
}
