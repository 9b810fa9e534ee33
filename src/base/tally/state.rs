//! What a shard counts by state: visits, retries, catches.

use super::cells::Cells;
use crate::base::ids::MachineIdx;

/// Makes the cells of one shard for machines with so many states each.
pub fn states(counts: &[usize]) -> (StateTally, StateReader) {
    let mut bases = Vec::with_capacity(counts.len());
    let mut next = 0;
    for count in counts {
        bases.push(next);
        next += count * STATE_CELLS;
    }
    let cells = Cells::new(next);
    let reader = StateReader { cells: cells.clone(), bases: bases.clone().into() };
    (StateTally { cells, bases: bases.into(), base: 0 }, reader)
}

/// The cells of one shard's states; its thread is their only writer.
#[derive(Debug)]
pub struct StateTally {
    cells: Cells,
    bases: Box<[usize]>,
    /// Where the machine begins whose execution runs.
    base: usize,
}

impl Default for StateTally {
    /// Counts nothing.
    fn default() -> Self {
        states(&[]).0
    }
}

impl StateTally {
    /// An execution of this machine is about to run.
    pub fn select(&mut self, machine: MachineIdx) {
        // A machine without cells counts into none.
        self.base = self.bases.get(usize::from(machine.0)).copied().unwrap_or(usize::MAX / 2);
    }

    /// A state was entered.
    pub fn entered(&mut self, state: usize) {
        self.cells.add(self.base + state * STATE_CELLS, 1);
    }

    /// A Retry rule begins a state again.
    pub fn retried(&mut self, state: usize) {
        self.cells.add(self.base + state * STATE_CELLS + 1, 1);
    }

    /// A Catch rule took a state's error.
    pub fn caught(&mut self, state: usize) {
        self.cells.add(self.base + state * STATE_CELLS + 2, 1);
    }
}

/// Reads the cells of one shard's states from any thread.
#[derive(Clone, Debug)]
pub struct StateReader {
    cells: Cells,
    bases: Box<[usize]>,
}

/// What was counted of one state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    /// Times entered.
    pub entered: u64,
    /// Retries begun.
    pub retried: u64,
    /// Errors handled by a Catch rule.
    pub caught: u64,
}

impl StateCounts {
    /// Adds what another shard counted.
    pub fn add(&mut self, other: Self) {
        self.entered += other.entered;
        self.retried += other.retried;
        self.caught += other.caught;
    }
}

impl StateReader {
    /// Reads the counts of one state; of an unknown machine they are zero.
    pub fn state(&self, machine: MachineIdx, state: usize) -> StateCounts {
        let Some(base) = self.bases.get(usize::from(machine.0)) else {
            return StateCounts::default();
        };
        let [entered, retried, caught] = self.cells.array(base + state * STATE_CELLS);
        StateCounts { entered, retried, caught }
    }
}

const STATE_CELLS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_to_the_state_of_the_machine_that_runs() {
        let (mut tally, reader) = states(&[2, 3]);
        tally.select(MachineIdx(1));
        tally.entered(0);
        tally.entered(2);
        tally.retried(2);
        tally.select(MachineIdx(0));
        tally.caught(1);
        tally.select(MachineIdx(7));
        tally.entered(0);
        let counts = |machine, state| reader.state(MachineIdx(machine), state);
        let expected = StateCounts { entered: 1, retried: 1, caught: 0 };
        assert_eq!((counts(1, 0).entered, counts(1, 2)), (1, expected));
        assert_eq!(counts(0, 1), StateCounts { caught: 1, ..StateCounts::default() });
        assert_eq!(counts(0, 0), StateCounts::default());
        assert_eq!(counts(7, 0), StateCounts::default());
    }

    #[test]
    fn without_cells_nothing_is_counted() {
        let mut tally = StateTally::default();
        tally.select(MachineIdx(0));
        tally.entered(5);
    }
}
