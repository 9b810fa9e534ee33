//! A source of choices: a tape of numbers that the property test makes and shrinks. Where the tape
//! has run out, and wherever it holds zero, the first and simplest choice is taken.

use std::cell::Cell;

pub(crate) struct Tape<'a> {
    numbers: &'a [u16],
    at: Cell<usize>,
}

impl<'a> Tape<'a> {
    pub(crate) fn new(numbers: &'a [u16]) -> Self {
        Self { numbers, at: Cell::new(0) }
    }

    /// A number below `bound`.
    pub(crate) fn below(&self, bound: usize) -> usize {
        let number = self.numbers.get(self.at.get()).copied().unwrap_or(0);
        self.at.set(self.at.get() + 1);
        (usize::from(number) * bound) >> 16
    }

    /// Yes, so many times in a hundred.
    pub(crate) fn chance(&self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    pub(crate) fn pick<'b, T>(&self, choices: &'b [T]) -> &'b T {
        &choices[self.below(choices.len())]
    }
}
