//! What running counts: instructions, failed expressions, what becomes of each state, late timers.
//!
//! All cells are laid out when the definitions are loaded, so that counting is an addition at a known
//! place. By state there is what happens to it in any of its instructions; how it is left is counted
//! by the instruction that leaves it, which tells the outcome and the branch of a Choice in one
//! addition.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::LATENCY_BOUNDS_NS;
use super::cells::{Cells, Histogram, add_each};
use super::errors::{ERROR_CELLS, Names};
use crate::base::ids::MachineIdx;

/// How much is counted by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PerState {
    /// Nothing.
    Off,
    /// Visits, outcomes, branches, retries, catches, items.
    #[default]
    Counters,
    /// The same, and how long states that wait take.
    Full,
}

/// What a machine needs cells for.
#[derive(Clone, Debug, Default)]
pub struct MachineShape {
    /// Instructions of its program.
    pub ops: usize,
    /// Its states.
    pub states: Vec<StateShape>,
}

/// What a state needs cells for.
#[derive(Clone, Copy, Debug, Default)]
pub struct StateShape {
    /// Whether it has Retry or Catch rules.
    pub takes_errors: bool,
    /// Whether it may take longer than a turn: Task, Map, Parallel, Wait.
    pub waits: bool,
}

/// The language of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpressionKind {
    /// A path, a template or a rule.
    JsonPath,
    /// An expression between `{%` and `%}`.
    Jsonata,
    /// A call of an intrinsic function.
    Intrinsic,
}

/// Label values of [`ExpressionKind`], in its order.
pub const EXPRESSION_KINDS: [&str; 3] = ["jsonpath", "jsonata", "intrinsic"];

/// How an iteration of a Map ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Iterated {
    /// With a result.
    Succeeded,
    /// With an error, tolerated or not.
    Failed,
    /// Given up, since another one failed or the state itself was given up.
    Aborted,
}

/// Label values of [`Iterated`], in its order.
pub const ITERATED: [&str; 3] = ["succeeded", "failed", "aborted"];

/// Makes the cells of one shard for these machines.
pub fn runs(machines: &[MachineShape], per_state: PerState) -> (RunTally, RunReader) {
    let mut next = OWN_AT;
    let mut take = |count: usize| {
        let at = next;
        next += count;
        at
    };
    let places: Vec<Place> =
        machines.iter().map(|one| Place::of(one, per_state, &mut take)).collect();
    let cells = Cells::new(next);
    let places: Arc<[Place]> = places.into();
    let names = Names::new(machines.len());
    let reader =
        RunReader { cells: cells.clone(), places: Arc::clone(&places), names: names.clone() };
    (RunTally { cells, places, names, at: Selected::none(usize::MAX) }, reader)
}

/// Where the cells of a machine are.
#[derive(Debug, Default)]
struct Place {
    own: usize,
    /// By state.
    entered: usize,
    /// By instruction.
    left: usize,
    /// By state, [`RARE_CELLS`] each.
    rare: usize,
    ops: usize,
    states: usize,
    /// By state: errors retried, then errors caught.
    errors: Box<[usize]>,
    /// By state.
    durations: Box<[usize]>,
    /// Whether any state has a place in them.
    times_states: bool,
}

impl Place {
    fn of(
        machine: &MachineShape,
        per_state: PerState,
        take: &mut impl FnMut(usize) -> usize,
    ) -> Self {
        let own = take(OWN_CELLS);
        let count = machine.states.len();
        if per_state == PerState::Off {
            let nowhere = || vec![NOWHERE; count].into();
            return Self {
                own,
                entered: NOWHERE,
                left: NOWHERE,
                rare: NOWHERE,
                errors: nowhere(),
                durations: nowhere(),
                ..Self::default()
            };
        }
        let full = per_state == PerState::Full;
        Self {
            own,
            entered: take(count),
            left: take(machine.ops),
            rare: take(count * RARE_CELLS),
            ops: machine.ops,
            states: count,
            errors: (machine.states.iter())
                .map(|state| if state.takes_errors { take(2 * ERROR_CELLS) } else { NOWHERE })
                .collect(),
            durations: (machine.states.iter())
                .map(|state| if full && state.waits { take(LATENCY_CELLS) } else { NOWHERE })
                .collect(),
            times_states: full && machine.states.iter().any(|state| state.waits),
        }
    }
}

/// The cells of one shard; its thread is their only writer.
#[derive(Debug)]
pub struct RunTally {
    cells: Cells,
    places: Arc<[Place]>,
    names: Names,
    at: Selected,
}

/// The machine whose execution runs.
#[derive(Clone, Copy, Debug)]
struct Selected {
    machine: usize,
    own: usize,
    entered: usize,
    left: usize,
    times_states: bool,
}

impl Selected {
    /// A machine without cells counts into none.
    fn none(machine: usize) -> Self {
        Self { machine, own: NOWHERE, entered: NOWHERE, left: NOWHERE, times_states: false }
    }
}

impl Default for RunTally {
    /// Counts nothing.
    fn default() -> Self {
        runs(&[], PerState::Off).0
    }
}

impl RunTally {
    /// An execution of this machine is about to run.
    pub fn select(&mut self, machine: MachineIdx) {
        let machine = usize::from(machine.0);
        self.at = match self.places.get(machine) {
            Some(place) => Selected {
                machine,
                own: place.own,
                entered: place.entered,
                left: place.left,
                times_states: place.times_states,
            },
            None => Selected::none(machine),
        };
    }

    /// It ran so many instructions.
    #[inline]
    pub fn ran(&mut self, instructions: u32) {
        self.cells.add(self.at.own, instructions.into());
    }

    /// An expression failed.
    pub fn expression_failed(&mut self, kind: ExpressionKind) {
        self.cells.add(self.at.own + 1 + kind as usize, 1);
    }

    /// A state was entered.
    #[inline]
    pub fn entered(&mut self, state: usize) {
        self.cells.add(self.at.entered + state, 1);
    }

    /// A state was left by this instruction.
    #[inline]
    pub fn left(&mut self, op: usize) {
        self.cells.add(self.at.left + op, 1);
    }

    /// A state failed, and none of its rules took the error.
    pub fn failed(&mut self, state: usize) {
        self.rare(state, FAILED);
    }

    /// No rule of a Choice matched, and it has no default.
    pub fn unmatched(&mut self, state: usize) {
        self.rare(state, UNMATCHED);
    }

    /// An iteration over so many items ended.
    pub fn iterated(&mut self, state: usize, how: Iterated, items: u32) {
        if let Some(place) = self.places.get(self.at.machine) {
            self.cells.add(place.rare + state * RARE_CELLS + ITEMS + how as usize, items.into());
        }
    }

    /// A Retry rule begins a state again.
    pub fn retried(&mut self, state: usize, error: Option<&str>) {
        self.error(state, 0, error);
    }

    /// A Catch rule took a state's error.
    pub fn caught(&mut self, state: usize, error: Option<&str>) {
        self.error(state, ERROR_CELLS, error);
    }

    /// Whether anybody asks how long a state of the machine that runs takes.
    #[inline]
    pub fn times_states(&self) -> bool {
        self.at.times_states
    }

    /// A state was left or failed after so long; only those that wait are counted.
    pub fn stayed(&mut self, state: usize, ns: u64) {
        let place = self.places.get(self.at.machine);
        if let Some(&at) = place.and_then(|place| place.durations.get(state))
            && at != NOWHERE
        {
            self.cells.observe(at, &LATENCY_BOUNDS_NS, ns);
        }
    }

    /// A timer fired so long after it was due.
    pub fn timer_fired(&mut self, late_ns: u64) {
        self.cells.observe(TIMERS, &LATENCY_BOUNDS_NS, late_ns);
    }

    fn rare(&mut self, state: usize, cell: usize) {
        if let Some(place) = self.places.get(self.at.machine) {
            self.cells.add(place.rare + state * RARE_CELLS + cell, 1);
        }
    }

    fn error(&mut self, state: usize, offset: usize, error: Option<&str>) {
        let place = self.places.get(self.at.machine);
        if let Some(&at) = place.and_then(|place| place.errors.get(state))
            && at != NOWHERE
        {
            let cell = self.names.cell(self.at.machine, error.unwrap_or(super::NO_ERROR));
            self.cells.add(at + offset + cell, 1);
        }
    }
}

/// Reads the cells of one shard from any thread.
#[derive(Clone, Debug)]
pub struct RunReader {
    cells: Cells,
    places: Arc<[Place]>,
    names: Names,
}

/// What was counted of one machine's program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgramCounts {
    /// Instructions.
    pub instructions: u64,
    /// Failed expressions, by [`EXPRESSION_KINDS`].
    pub expression_errors: [u64; EXPRESSION_KINDS.len()],
}

impl ProgramCounts {
    /// Adds what another shard counted.
    pub fn add(&mut self, other: Self) {
        self.instructions += other.instructions;
        add_each(&mut self.expression_errors, &other.expression_errors);
    }
}

/// What was counted of one state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    /// Times entered.
    pub entered: u64,
    /// Times failed with an error that none of its rules took.
    pub failed: u64,
    /// Times that no rule matched.
    pub unmatched: u64,
    /// Items of iterations that ended, by [`ITERATED`].
    pub items: [u64; ITERATED.len()],
    /// Retries begun, by error name; names without any are left out.
    pub retried: BTreeMap<String, u64>,
    /// Errors handled by a Catch rule, by name; names without any are left out.
    pub caught: BTreeMap<String, u64>,
    /// Nanoseconds from entry to exit, where they are counted.
    pub duration: Histogram,
}

impl StateCounts {
    /// Adds what another shard counted.
    pub fn add(&mut self, other: &Self) {
        self.entered += other.entered;
        self.failed += other.failed;
        self.unmatched += other.unmatched;
        add_each(&mut self.items, &other.items);
        add_named(&mut self.retried, &other.retried);
        add_named(&mut self.caught, &other.caught);
        self.duration.add(&other.duration);
    }
}

/// Adds name by name.
pub(super) fn add_named(to: &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>) {
    for (name, count) in from {
        *to.entry(name.clone()).or_default() += count;
    }
}

impl RunReader {
    /// Reads what was counted of one machine's program; of an unknown one it is zero.
    pub fn machine(&self, machine: MachineIdx) -> ProgramCounts {
        let Some(place) = self.place(machine) else { return ProgramCounts::default() };
        ProgramCounts {
            instructions: self.cells.get(place.own),
            expression_errors: self.cells.array(place.own + 1),
        }
    }

    /// Reads the counts of one state; of an unknown one they are zero.
    pub fn state(&self, machine: MachineIdx, state: usize) -> StateCounts {
        let index = usize::from(machine.0);
        let Some(place) = self.place(machine).filter(|place| state < place.states) else {
            return StateCounts::default();
        };
        let rare = place.rare + state * RARE_CELLS;
        let errors = place.errors[state];
        let duration = place.durations[state];
        StateCounts {
            entered: self.cells.get(place.entered + state),
            failed: self.cells.get(rare + FAILED),
            unmatched: self.cells.get(rare + UNMATCHED),
            items: self.cells.array(rare + ITEMS),
            retried: self.names.counted(index, &self.cells, errors),
            caught: self.names.counted(index, &self.cells, errors + ERROR_CELLS),
            duration: if duration == NOWHERE {
                Histogram::default()
            } else {
                self.cells.histogram(duration, &LATENCY_BOUNDS_NS)
            },
        }
    }

    /// Times that a state was left by this instruction.
    pub fn left(&self, machine: MachineIdx, op: usize) -> u64 {
        let place = self.place(machine).filter(|place| op < place.ops);
        place.map_or(0, |place| self.cells.get(place.left + op))
    }

    /// Nanoseconds from a timer's due time to its firing.
    pub fn timer_delay(&self) -> Histogram {
        self.cells.histogram(TIMERS, &LATENCY_BOUNDS_NS)
    }

    fn place(&self, machine: MachineIdx) -> Option<&Place> {
        self.places.get(usize::from(machine.0))
    }
}

/// The place of what is not counted: no cell is there, nor at any index added to it.
const NOWHERE: usize = usize::MAX / 2;

const TIMERS: usize = 0;
const LATENCY_CELLS: usize = LATENCY_BOUNDS_NS.cells();
/// Where the machines begin.
const OWN_AT: usize = LATENCY_CELLS;
/// Instructions, then failed expressions.
const OWN_CELLS: usize = 1 + EXPRESSION_KINDS.len();

// What happens rarely to a state.
const FAILED: usize = 0;
const UNMATCHED: usize = 1;
const ITEMS: usize = 2;
const RARE_CELLS: usize = ITEMS + ITERATED.len();

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes() -> [MachineShape; 2] {
        let plain = StateShape::default();
        let works = StateShape { takes_errors: true, waits: true };
        [
            MachineShape { ops: 4, states: vec![plain, plain] },
            MachineShape { ops: 9, states: vec![works, plain, works] },
        ]
    }

    #[test]
    fn counts_go_to_the_state_and_the_instruction_of_the_machine_that_runs() {
        let (mut tally, reader) = runs(&shapes(), PerState::Full);
        tally.select(MachineIdx(1));
        tally.entered(0);
        tally.entered(2);
        tally.left(8);
        tally.failed(2);
        tally.unmatched(1);
        tally.iterated(2, Iterated::Failed, 3);
        tally.retried(0, Some("States.Timeout"));
        tally.caught(2, None);
        tally.stayed(2, 60_000);
        tally.stayed(1, 60_000);
        tally.ran(7);
        tally.expression_failed(ExpressionKind::Intrinsic);
        tally.select(MachineIdx(0));
        tally.left(0);
        tally.retried(1, Some("States.Timeout"));
        tally.select(MachineIdx(7));
        tally.entered(0);
        tally.left(0);
        tally.failed(0);
        let state = |machine, state| reader.state(MachineIdx(machine), state);
        let expected = StateCounts {
            entered: 1,
            retried: BTreeMap::from([("States.Timeout".to_owned(), 1)]),
            duration: Histogram { buckets: vec![0; 21], sum: 0 },
            ..StateCounts::default()
        };
        assert_eq!(state(1, 0), expected);
        assert_eq!(state(1, 1), StateCounts { unmatched: 1, ..StateCounts::default() });
        let last = state(1, 2);
        assert_eq!((last.entered, last.failed, last.items), (1, 1, [0, 3, 0]));
        assert_eq!(last.caught, BTreeMap::from([("none".to_owned(), 1)]));
        assert_eq!((last.duration.count(), last.duration.sum), (1, 60_000));
        assert_eq!(state(0, 0), StateCounts::default());
        assert_eq!(state(7, 0), StateCounts::default());
        let left = |machine, op| reader.left(MachineIdx(machine), op);
        assert_eq!((left(1, 8), left(0, 0), left(1, 0), left(7, 0)), (1, 1, 0, 0));
        let program = ProgramCounts { instructions: 7, expression_errors: [0, 0, 1] };
        assert_eq!(reader.machine(MachineIdx(1)), program);
        assert_eq!(reader.machine(MachineIdx(0)), ProgramCounts::default());
    }

    #[test]
    fn what_is_not_asked_for_is_not_counted() {
        for per_state in [PerState::Off, PerState::Counters] {
            let (mut tally, reader) = runs(&shapes(), per_state);
            assert!(!tally.times_states());
            tally.select(MachineIdx(1));
            tally.entered(0);
            tally.left(8);
            tally.caught(0, Some("A"));
            tally.stayed(0, 1);
            tally.ran(2);
            let counted = u64::from(per_state == PerState::Counters);
            let state = reader.state(MachineIdx(1), 0);
            assert_eq!((state.entered, state.caught.len() as u64), (counted, counted));
            assert_eq!(reader.left(MachineIdx(1), 8), counted);
            assert_eq!(state.duration.count(), 0);
            assert_eq!(reader.machine(MachineIdx(1)).instructions, 2);
        }
    }

    #[test]
    fn without_cells_nothing_is_counted() {
        let mut tally = RunTally::default();
        tally.select(MachineIdx(0));
        tally.entered(5);
        tally.left(5);
        tally.failed(5);
        tally.ran(5);
        tally.timer_fired(5);
    }

    #[test]
    fn late_timers_are_counted_by_how_late() {
        let (mut tally, reader) = runs(&[], PerState::Off);
        tally.timer_fired(999_999);
        tally.timer_fired(1_000_001);
        let late = reader.timer_delay();
        assert_eq!((late.count(), late.sum), (2, 2_000_000));
        assert_eq!((late.buckets[4], late.buckets[5]), (1, 1));
    }
}
