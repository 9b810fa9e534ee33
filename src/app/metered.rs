//! What a shard settles into: counted in the shard's cells, kept in memory if it is worth it, then
//! encoded for its source, or whatever else takes it.

use super::spans::Recorder;
use crate::base::clock::Now;
use crate::base::ids::MachineIdx;
use crate::base::tally::{Ended, Finish, Levels, NO_ERROR, ShardTally, Turn};
use crate::outcome::{Bill, Tracer, memory_bytes};
use crate::shard::{Rejected, Settle, Settled, Status};

/// A [`Settle`] with the shard's hot counters before it.
#[derive(Debug)]
pub struct Metered<S> {
    next: S,
    tally: ShardTally,
    tracer: Option<Tracer>,
    spans: Option<Recorder>,
    /// By machine.
    definition_bytes: Vec<u64>,
}

impl<S> Metered<S> {
    /// Puts `tally` before `next`; the sizes of the definitions are by machine.
    pub fn new(next: S, tally: ShardTally, definition_bytes: Vec<u64>) -> Self {
        Self { next, tally, tracer: None, spans: None, definition_bytes }
    }

    /// What it settles into.
    pub fn inner(&self) -> &S {
        &self.next
    }

    /// What it settles into, to be changed.
    pub fn inner_mut(&mut self) -> &mut S {
        &mut self.next
    }

    /// The same, with executions kept in memory.
    #[must_use]
    pub fn with_tracer(mut self, tracer: Option<Tracer>) -> Self {
        self.tracer = tracer;
        self
    }

    /// The same, with spans told.
    #[must_use]
    pub(super) fn with_spans(mut self, spans: Option<Recorder>) -> Self {
        self.spans = spans;
        self
    }
}

impl<S: Settle> Settle for Metered<S> {
    fn started(&mut self, machine: MachineIdx) {
        self.tally.started(machine);
    }

    fn settled(&mut self, settled: &Settled<'_>) {
        let definition_bytes =
            self.definition_bytes.get(usize::from(settled.machine.0)).copied().unwrap_or(0);
        let bill = Bill::new(settled.duration_ns, definition_bytes, settled.metered_data_bytes);
        let finish = Finish {
            ended: match settled.status {
                Status::Succeeded => Ended::Succeeded,
                Status::Failed => Ended::Failed,
                Status::TimedOut => Ended::TimedOut,
            },
            duration_ns: settled.duration_ns,
            billed_ms: bill.duration_ms,
            billed_mb: bill.memory_mb,
            memory_bytes: memory_bytes(definition_bytes, settled.metered_data_bytes),
            input_bytes: settled.input_bytes,
            output_bytes: settled.output.len() as u64,
            held_bytes: settled.held_bytes,
            transitions: u64::from(settled.transitions),
        };
        self.tally.finished(settled.machine, &finish);
        if settled.status != Status::Succeeded {
            self.tally.failed(settled.machine, settled.error.unwrap_or(NO_ERROR));
        }
        if let Some(tracer) = &mut self.tracer {
            tracer.settled(settled);
        }
        if let Some(spans) = &self.spans {
            spans.settled(settled);
        }
        self.next.settled(settled);
    }

    fn rejected(&mut self, rejected: &Rejected<'_>) {
        self.tally.rejected(rejected.machine, rejected.class);
        self.next.rejected(rejected);
    }

    fn flush(&mut self, now: Now) {
        self.next.flush(now);
    }

    fn ready(&self) -> bool {
        self.next.ready()
    }

    fn has_kept(&self) -> bool {
        self.next.has_kept()
    }

    fn throttled(&mut self, machine: MachineIdx) {
        self.tally.throttled(machine);
    }

    fn measured(&mut self, turn: &Turn, levels: Levels) {
        self.tally.turn(turn);
        self.tally.levels(levels);
    }

    fn parked(&mut self, parked_ns: u64) {
        self.tally.parked(parked_ns);
    }
}
