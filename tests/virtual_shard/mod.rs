//! A shard under virtual time: its clock moves only when nothing else is left to do.

#![allow(dead_code, reason = "each test binary uses the part it needs")]

use expressway::base::clock::Now;
use expressway::base::ids::{ExecutionSuffix, MachineIdx, Origin, PipelineIdx};
use expressway::program::Loaded;
use expressway::shard::{
    Calls, Completions, Inputs, Limits, Rejected, Settle, Settled, ShardCore, Start, StartBatch,
    Status, Turned,
};

/// Wall clock at monotonic zero: 2026-01-01T00:00:00Z.
pub(crate) const EPOCH_WALL_MS: i64 = 1_767_225_600_000;

/// A shard with all that surrounds it.
pub(crate) struct VirtualShard<C> {
    pub(crate) core: ShardCore,
    pub(crate) inputs: Inputs,
    pub(crate) sink: Sink,
    pub(crate) calls: C,
    completions: Completions,
    now_ns: u64,
}

/// What has come out of the shard.
#[derive(Default)]
pub(crate) struct Sink {
    /// Executions that began.
    pub(crate) started: usize,
    /// Executions that ended, oldest first.
    pub(crate) ended: Vec<Ended>,
    /// Classes and causes of refused events, with their offsets.
    pub(crate) rejected: Vec<(i64, &'static str, String)>,
}

/// An execution that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The event it began with.
    pub(crate) offset: i64,
    pub(crate) status: Status,
    /// JSON text; empty unless it succeeded.
    pub(crate) output: String,
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) duration_ns: u64,
    pub(crate) transitions: u32,
}

impl Settle for Sink {
    fn started(&mut self, _: MachineIdx) {
        self.started += 1;
    }

    fn settled(&mut self, settled: &Settled<'_>) {
        self.ended.push(Ended {
            offset: settled.origin.offset,
            status: settled.status,
            output: String::from_utf8(settled.output.to_vec()).expect("output is text"),
            error: settled.error.map(str::to_owned),
            cause: settled.cause.map(str::to_owned),
            duration_ns: settled.duration_ns,
            transitions: settled.transitions,
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
    pub(crate) fn new(machine: Loaded, limits: Limits, calls: C, completions: Completions) -> Self {
        Self {
            core: ShardCore::new(vec![machine], limits, at(0), 0),
            inputs: Inputs::default(),
            sink: Sink::default(),
            calls,
            completions,
            now_ns: 0,
        }
    }

    /// Hands over one event, which is told apart by `offset`.
    pub(crate) fn start(&mut self, offset: i64, name: &str, input: &[u8]) {
        self.inputs.batches.push_back(batch([(offset, name, input)]));
    }

    /// Takes one turn at the present time.
    pub(crate) fn turn(&mut self) -> Turned {
        self.completions.drain_into(&mut self.inputs.answers);
        self.core.turn(at(self.now_ns), &mut self.inputs, &mut self.sink, &mut self.calls)
    }

    /// Takes turns until nothing is left that need not wait.
    pub(crate) fn settle_down(&mut self) -> Turned {
        loop {
            let turned = self.turn();
            if !turned.busy && self.completions.is_empty() {
                return turned;
            }
        }
    }

    /// Lets time pass, without a turn.
    pub(crate) fn advance_ns(&mut self, nanoseconds: u64) {
        self.now_ns += nanoseconds;
    }

    /// Takes turns, and moves the clock to the next timer whenever there is nothing else to do,
    /// until no execution is open or nothing can wake those that are.
    pub(crate) fn run(&mut self) -> Turned {
        loop {
            let turned = self.settle_down();
            match turned.next_timer_ms {
                Some(next_ms) if turned.open > 0 => {
                    // A wheel may ask to be looked at before anything is due; time never stands.
                    self.now_ns = (next_ms * 1_000_000).max(self.now_ns + 1);
                }
                _ => return turned,
            }
        }
    }

    /// Virtual time since the shard was made.
    pub(crate) fn now_ns(&self) -> u64 {
        self.now_ns
    }
}

/// Packs events as a source does.
pub(crate) fn batch<'a>(events: impl IntoIterator<Item = (i64, &'a str, &'a [u8])>) -> StartBatch {
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
            name: from..middle,
            input: middle..to,
        });
    }
    batch
}

fn at(mono_ns: u64) -> Now {
    Now { mono_ns, wall_ms: EPOCH_WALL_MS + (mono_ns / 1_000_000) as i64 }
}
