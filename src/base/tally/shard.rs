//! What a shard counts: executions by state machine, and its own turns.

use std::collections::BTreeMap;

use super::cells::{Cells, Histogram, add_each};
use super::errors::{ERROR_CELLS, Names};
use super::run::add_named;
use super::{LATENCY_BOUNDS_NS, MEMORY_BOUNDS_BYTES, SIZE_BOUNDS_BYTES, rejected_index};
use crate::base::ids::MachineIdx;

/// Makes the cells of one shard for `machines` state machines.
pub fn shard(machines: usize) -> (ShardTally, ShardReader) {
    let cells = Cells::new(SHARD_CELLS + machines * MACHINE_CELLS);
    let errors = Names::new(machines);
    let reader = ShardReader { cells: cells.clone(), errors: errors.clone() };
    (ShardTally { cells, errors, machines }, reader)
}

/// How an execution ended, as metrics tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A terminal state was reached.
    Succeeded,
    /// A Fail state or an error that nobody caught.
    Failed,
    /// A time limit was reached.
    TimedOut,
    /// Dropped uncommitted by a stop; it runs again elsewhere.
    Aborted,
}

/// Label values of [`Ended`], in its order.
pub const ENDED: [&str; 4] = ["succeeded", "failed", "timed_out", "aborted"];

/// One execution that ended.
#[derive(Clone, Copy, Debug)]
pub struct Finish {
    /// How.
    pub ended: Ended,
    /// Duration on the monotonic clock.
    pub duration_ns: u64,
    /// Duration rounded up as billed; 0 when it is not billed.
    pub billed_ms: u64,
    /// Memory rounded up as billed, in MB.
    pub billed_mb: u64,
    /// Memory by AWS's formula, before rounding.
    pub memory_bytes: u64,
    /// Size of the input document.
    pub input_bytes: u64,
    /// Size of the output document; 0 when there is none.
    pub output_bytes: u64,
    /// Most memory that it held at a time.
    pub held_bytes: u64,
    /// States entered, retries included.
    pub transitions: u64,
}

/// One turn of a shard's loop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn {
    /// How long it took.
    pub busy_ns: u64,
    /// Events started in it.
    pub starts: u64,
    /// Task results taken in it.
    pub task_results: u64,
    /// Timers fired in it.
    pub timers: u64,
    /// Nanoseconds for which events could not come in before it, by [`STOPPED`].
    pub stopped_ns: [u64; STOPPED.len()],
}

/// Why a shard takes no more events: its inbox is full, what it settles into is, or as many
/// executions are open as its memory is meant for.
pub const STOPPED: [&str; 3] = ["inbox", "sink", "memory"];

/// How full a shard is after a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Events in the inbox.
    pub inbox: u64,
    /// Executions ready to run.
    pub ready: u64,
    /// Task results not yet taken.
    pub completions: u64,
    /// Armed timers.
    pub timers: u64,
    /// Bytes held for open executions.
    pub arena_bytes: u64,
}

/// The cells of one shard; its thread is their only writer.
#[derive(Debug)]
pub struct ShardTally {
    cells: Cells,
    errors: Names,
    machines: usize,
}

impl ShardTally {
    /// An execution began.
    pub fn started(&mut self, machine: MachineIdx) {
        let base = self.base(machine);
        self.cells.add(base + STARTED, 1);
    }

    /// An execution ended.
    pub fn finished(&mut self, machine: MachineIdx, finish: &Finish) {
        let base = self.base(machine);
        let Some(mut cells) = self.cells.block::<MACHINE_CELLS>(base) else { return };
        cells.add(ENDED_AT + finish.ended as usize, 1);
        cells.add(TRANSITIONS, finish.transitions);
        cells.add(BILLED_MS, finish.billed_ms);
        cells.add(BILLED_MB, finish.billed_mb);
        cells.add(BILLED_MB_MS, finish.billed_ms.saturating_mul(finish.billed_mb));
        cells.observe(DURATION, &LATENCY_BOUNDS_NS, finish.duration_ns);
        cells.observe(MEMORY, &MEMORY_BOUNDS_BYTES, finish.memory_bytes);
        cells.observe(INPUT, &SIZE_BOUNDS_BYTES, finish.input_bytes);
        cells.observe(HELD, &SIZE_BOUNDS_BYTES, finish.held_bytes);
        if finish.ended == Ended::Succeeded {
            cells.observe(OUTPUT, &SIZE_BOUNDS_BYTES, finish.output_bytes);
        }
    }

    /// An execution failed or timed out with this error name.
    pub fn failed(&mut self, machine: MachineIdx, error: &str) {
        let base = self.base(machine);
        let cell = self.errors.cell(usize::from(machine.0), error);
        self.cells.add(base + ERRORS + cell, 1);
    }

    /// An event had to wait, since as many executions were open as may be.
    pub fn throttled(&mut self, machine: MachineIdx) {
        let base = self.base(machine);
        self.cells.add(base + THROTTLED, 1);
    }

    /// An event was refused before it started; `class` is one of [`super::REJECTED`].
    pub fn rejected(&mut self, machine: MachineIdx, class: &str) {
        let base = self.base(machine);
        self.cells.add(base + REJECTED_AT + rejected_index(class), 1);
    }

    /// A turn is over.
    pub fn turn(&mut self, turn: &Turn) {
        self.cells.add(BUSY_NS, turn.busy_ns);
        self.cells.add(EVENTS, turn.starts);
        self.cells.add(EVENTS + 1, turn.task_results);
        self.cells.add(EVENTS + 2, turn.timers);
        self.cells.observe(TURNS, &LATENCY_BOUNDS_NS, turn.busy_ns);
        for (reason, stopped_ns) in turn.stopped_ns.into_iter().enumerate() {
            if stopped_ns > 0 {
                self.cells.add(STOPPED_NS + reason, stopped_ns);
            }
        }
    }

    /// The shard slept.
    pub fn parked(&mut self, parked_ns: u64) {
        self.cells.add(PARKED_NS, parked_ns);
    }

    /// Sets the gauges.
    pub fn levels(&mut self, levels: Levels) {
        self.cells.set(LEVELS, levels.inbox);
        self.cells.set(LEVELS + 1, levels.ready);
        self.cells.set(LEVELS + 2, levels.completions);
        self.cells.set(LEVELS + 3, levels.timers);
        self.cells.set(LEVELS + 4, levels.arena_bytes);
    }

    fn base(&self, machine: MachineIdx) -> usize {
        let machine = usize::from(machine.0);
        debug_assert!(machine < self.machines, "a machine without cells");
        SHARD_CELLS + machine * MACHINE_CELLS
    }
}

/// Reads the cells of one shard from any thread.
#[derive(Clone, Debug)]
pub struct ShardReader {
    cells: Cells,
    errors: Names,
}

/// What one shard, or several together, counted of one state machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineCounts {
    /// Executions that began.
    pub started: u64,
    /// Executions that ended, by [`ENDED`].
    pub ended: [u64; 4],
    /// Events refused, by [`super::REJECTED`].
    pub rejected: [u64; 5],
    /// Events that had to wait for another execution to end.
    pub throttled: u64,
    /// States entered.
    pub transitions: u64,
    /// Billed milliseconds.
    pub billed_ms: u64,
    /// Billed megabytes, summed per execution.
    pub billed_mb: u64,
    /// Billed milliseconds times billed megabytes.
    pub billed_mb_ms: u64,
    /// Durations in nanoseconds.
    pub duration: Histogram,
    /// Executions that failed or timed out by error name; names without any are left out.
    pub errors: BTreeMap<String, u64>,
    /// Memory by AWS's formula in bytes.
    pub memory: Histogram,
    /// Input sizes in bytes.
    pub input: Histogram,
    /// Output sizes in bytes.
    pub output: Histogram,
    /// Most memory held at a time by each execution, in bytes.
    pub held: Histogram,
}

impl MachineCounts {
    /// Executions that began and have not ended.
    pub fn open(&self) -> u64 {
        self.started.saturating_sub(self.ended.iter().sum())
    }

    /// Adds what another shard counted.
    pub fn add(&mut self, other: &Self) {
        self.started += other.started;
        add_each(&mut self.ended, &other.ended);
        add_each(&mut self.rejected, &other.rejected);
        self.throttled += other.throttled;
        self.transitions += other.transitions;
        self.billed_ms += other.billed_ms;
        self.billed_mb += other.billed_mb;
        self.billed_mb_ms += other.billed_mb_ms;
        self.duration.add(&other.duration);
        add_named(&mut self.errors, &other.errors);
        self.memory.add(&other.memory);
        self.input.add(&other.input);
        self.output.add(&other.output);
        self.held.add(&other.held);
    }
}

/// What one shard counted of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardCounts {
    /// Time spent in turns.
    pub busy_ns: u64,
    /// Time spent asleep.
    pub parked_ns: u64,
    /// Events started, task results taken, timers fired: by [`EVENT_KINDS`].
    pub events: [u64; 3],
    /// How full it is.
    pub levels: Levels,
    /// Nanoseconds for which it took no more events, by [`STOPPED`].
    pub stopped_ns: [u64; STOPPED.len()],
    /// Lengths of turns in nanoseconds.
    pub turns: Histogram,
}

/// Label values of [`ShardCounts::events`].
pub const EVENT_KINDS: [&str; 3] = ["start", "task_result", "timer"];

impl ShardReader {
    /// Reads the counts of one machine; of an unknown one they are zero.
    pub fn machine(&self, machine: MachineIdx) -> MachineCounts {
        let base = SHARD_CELLS + usize::from(machine.0) * MACHINE_CELLS;
        let cells = &self.cells;
        // The ends before the starts: an execution that ends meanwhile must not count as ended only.
        let ended = cells.array(base + ENDED_AT);
        MachineCounts {
            ended,
            started: cells.get(base + STARTED),
            rejected: cells.array(base + REJECTED_AT),
            throttled: cells.get(base + THROTTLED),
            transitions: cells.get(base + TRANSITIONS),
            billed_ms: cells.get(base + BILLED_MS),
            billed_mb: cells.get(base + BILLED_MB),
            billed_mb_ms: cells.get(base + BILLED_MB_MS),
            duration: cells.histogram(base + DURATION, &LATENCY_BOUNDS_NS),
            errors: self.errors.counted(usize::from(machine.0), cells, base + ERRORS),
            memory: cells.histogram(base + MEMORY, &MEMORY_BOUNDS_BYTES),
            input: cells.histogram(base + INPUT, &SIZE_BOUNDS_BYTES),
            output: cells.histogram(base + OUTPUT, &SIZE_BOUNDS_BYTES),
            held: cells.histogram(base + HELD, &SIZE_BOUNDS_BYTES),
        }
    }

    /// Reads what the shard counted of itself.
    pub fn shard(&self) -> ShardCounts {
        let [inbox, ready, completions, timers, arena_bytes] = self.cells.array(LEVELS);
        ShardCounts {
            busy_ns: self.cells.get(BUSY_NS),
            parked_ns: self.cells.get(PARKED_NS),
            events: self.cells.array(EVENTS),
            stopped_ns: self.cells.array(STOPPED_NS),
            levels: Levels { inbox, ready, completions, timers, arena_bytes },
            turns: self.cells.histogram(TURNS, &LATENCY_BOUNDS_NS),
        }
    }
}

// Cells of a shard itself.
const BUSY_NS: usize = 0;
const PARKED_NS: usize = 1;
const EVENTS: usize = 2;
const LEVELS: usize = 5;
const STOPPED_NS: usize = 10;
const TURNS: usize = STOPPED_NS + STOPPED.len();
const SHARD_CELLS: usize = TURNS + LATENCY_CELLS;

// Cells of a machine. What every execution touches comes first.
const STARTED: usize = 0;
const ENDED_AT: usize = 1;
const TRANSITIONS: usize = 5;
const BILLED_MS: usize = 6;
const BILLED_MB: usize = 7;
const BILLED_MB_MS: usize = 8;
const REJECTED_AT: usize = 9;
const THROTTLED: usize = 14;
const DURATION: usize = 15;
const INPUT: usize = DURATION + LATENCY_CELLS;
const OUTPUT: usize = INPUT + SIZE_CELLS;
const MEMORY: usize = OUTPUT + SIZE_CELLS;
const HELD: usize = MEMORY + MEMORY_BOUNDS_BYTES.cells();
const ERRORS: usize = HELD + SIZE_CELLS;
const MACHINE_CELLS: usize = ERRORS + ERROR_CELLS;

const LATENCY_CELLS: usize = LATENCY_BOUNDS_NS.cells();
const SIZE_CELLS: usize = SIZE_BOUNDS_BYTES.cells();

#[cfg(test)]
mod tests {
    use super::*;

    const FINISH: Finish = Finish {
        ended: Ended::Succeeded,
        duration_ns: 100_000,
        billed_ms: 100,
        billed_mb: 64,
        memory_bytes: 50_001_024,
        input_bytes: 1_024,
        output_bytes: 1_025,
        held_bytes: 5_000,
        transitions: 5,
    };

    #[test]
    fn counts_go_to_their_machine_and_bucket() {
        let (mut tally, reader) = shard(3);
        tally.started(MachineIdx(1));
        tally.started(MachineIdx(1));
        tally.finished(MachineIdx(1), &FINISH);
        tally.throttled(MachineIdx(1));
        tally.rejected(MachineIdx(2), "too-deep");
        tally.rejected(MachineIdx(2), "no such class");
        let counts = reader.machine(MachineIdx(1));
        assert_eq!((counts.started, counts.open()), (2, 1));
        assert_eq!(counts.ended, [1, 0, 0, 0]);
        assert_eq!((counts.billed_ms, counts.billed_mb_ms), (100, 6_400));
        assert_eq!((counts.duration.buckets[1], counts.duration.sum), (1, 100_000));
        assert_eq!(counts.input.buckets[1], 1, "a bound belongs to its bucket");
        assert_eq!(counts.output.buckets[2], 1);
        assert_eq!((counts.held.buckets[3], counts.held.sum), (1, 5_000));
        assert_eq!(counts.throttled, 1);
        assert_eq!(reader.machine(MachineIdx(2)).rejected, [0, 0, 1, 0, 1]);
        assert_eq!(reader.machine(MachineIdx(0)), reader_zero());
        assert_eq!(reader.machine(MachineIdx(900)), reader_zero());
    }

    /// Counts of a machine for which nothing happened.
    fn reader_zero() -> MachineCounts {
        shard(1).1.machine(MachineIdx(0))
    }

    #[test]
    fn values_above_every_bound_fall_into_the_last_bucket() {
        let (mut tally, reader) = shard(1);
        let long = Finish { duration_ns: u64::MAX, ended: Ended::TimedOut, ..FINISH };
        tally.finished(MachineIdx(0), &long);
        let counts = reader.machine(MachineIdx(0));
        assert_eq!(counts.duration.buckets.last(), Some(&1));
        assert_eq!(counts.output.count(), 0, "only a success has an output");
    }

    #[test]
    fn shard_gauges_are_set_and_times_are_summed() {
        let (mut tally, reader) = shard(0);
        let turn =
            Turn { busy_ns: 60_000, starts: 2, task_results: 1, timers: 3, stopped_ns: [7, 0, 8] };
        tally.turn(&turn);
        tally.turn(&turn);
        tally.parked(5);
        let levels = Levels { inbox: 1, ready: 2, completions: 3, timers: 4, arena_bytes: 5 };
        tally.levels(levels);
        let counts = reader.shard();
        assert_eq!((counts.busy_ns, counts.parked_ns), (120_000, 5));
        assert_eq!(counts.events, [4, 2, 6]);
        assert_eq!(counts.levels, levels);
        assert_eq!(counts.stopped_ns, [14, 0, 16]);
        assert_eq!((counts.turns.buckets[1], counts.turns.count()), (2, 2));
    }

    #[test]
    fn sums_over_shards_are_exact() {
        let mut total = MachineCounts::default();
        for _ in 0..3 {
            let (mut tally, reader) = shard(1);
            tally.started(MachineIdx(0));
            tally.finished(MachineIdx(0), &FINISH);
            total.add(&reader.machine(MachineIdx(0)));
        }
        assert_eq!((total.started, total.open()), (3, 0));
        assert_eq!((total.duration.count(), total.duration.sum), (3, 300_000));
    }

    /// A reader on another thread sees only whole values, and none that goes backwards.
    #[test]
    fn another_thread_never_sees_a_torn_or_shrinking_count() {
        const EXECUTIONS: u64 = 200_000;
        const INPUT_BYTES: u64 = 0x1_0000_0001;
        let (mut tally, reader) = shard(1);
        let writer = std::thread::Builder::new()
            .name("tally-writer".to_owned())
            .spawn(move || {
                let finish = Finish { input_bytes: INPUT_BYTES, ..FINISH };
                for _ in 0..EXECUTIONS {
                    tally.started(MachineIdx(0));
                    tally.finished(MachineIdx(0), &finish);
                }
            })
            .unwrap();
        let mut last = MachineCounts::default();
        loop {
            let finished = writer.is_finished();
            let counts = reader.machine(MachineIdx(0));
            assert_eq!(counts.input.sum % INPUT_BYTES, 0, "torn sum");
            assert_eq!(counts.billed_mb_ms % 6_400, 0, "torn counter");
            assert!(counts.started >= last.started);
            assert!(counts.duration.count() >= last.duration.count());
            last = counts;
            if finished {
                break;
            }
        }
        writer.join().unwrap();
        assert_eq!(last.started, EXECUTIONS);
        assert_eq!(last.open(), 0);
        assert_eq!(last.input.sum, EXECUTIONS * INPUT_BYTES);
    }
}
