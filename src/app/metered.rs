//! What a shard settles into: counted in the shard's cells, kept in memory if it is worth it, then
//! encoded for its source.

use super::spans::Recorder;
use crate::base::clock::Now;
use crate::base::ids::MachineIdx;
use crate::base::tally::{Ended, Finish, Levels, ShardTally, Turn};
use crate::outcome::{Bill, Collector, Tracer, memory_bytes};
use crate::shard::{Rejected, Settle, Settled, Status};

/// A collector with the shard's hot counters before it.
#[derive(Debug)]
pub struct Metered {
    collector: Collector,
    tally: ShardTally,
    tracer: Option<Tracer>,
    spans: Option<Recorder>,
    /// By machine.
    definition_bytes: Vec<u64>,
}

impl Metered {
    /// Puts `tally` before `collector`.
    pub fn new(collector: Collector, tally: ShardTally, definition_bytes: Vec<u64>) -> Self {
        Self { collector, tally, tracer: None, spans: None, definition_bytes }
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

impl Settle for Metered {
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
            input_bytes: settled.metered_data_bytes,
            output_bytes: settled.output.len() as u64,
            transitions: u64::from(settled.transitions),
        };
        self.tally.finished(settled.machine, &finish);
        if settled.status != Status::Succeeded {
            self.tally.failed(settled.machine, settled.error.unwrap_or(NO_NAME));
        }
        if let Some(tracer) = &mut self.tracer {
            tracer.settled(settled);
        }
        if let Some(spans) = &self.spans {
            spans.settled(settled);
        }
        self.collector.settled(settled);
    }

    fn rejected(&mut self, rejected: &Rejected<'_>) {
        self.tally.rejected(rejected.machine, rejected.class);
        self.collector.rejected(rejected);
    }

    fn flush(&mut self, now: Now) {
        self.collector.flush(now);
    }

    fn ready(&self) -> bool {
        self.collector.ready()
    }

    fn has_kept(&self) -> bool {
        self.collector.has_kept()
    }

    fn measured(&mut self, turn: &Turn, levels: Levels) {
        self.tally.turn(turn);
        self.tally.levels(levels);
    }

    fn parked(&mut self, parked_ns: u64) {
        self.tally.parked(parked_ns);
    }
}

/// Label value of failures without an error name, which a Fail state may leave out.
const NO_NAME: &str = "none";
