//! Which series by error name are shown, as names come: the first ones, and those for good.

use std::collections::BTreeSet;

/// Series that have been shown, and room for more.
#[derive(Debug)]
pub(super) struct Admissions<S> {
    room: usize,
    admitted: BTreeSet<S>,
    refused: BTreeSet<S>,
}

/// Whether a series has room.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Shown,
    /// It has none; `first` when it is told for the first time.
    Refused {
        first: bool,
    },
}

impl<S: Ord> Admissions<S> {
    /// For at most `room` series.
    pub(super) fn new(room: usize) -> Self {
        Self { room, admitted: BTreeSet::new(), refused: BTreeSet::new() }
    }

    /// A series that has been shown stays.
    pub(super) fn admit(&mut self, series: S) -> Admission {
        if self.admitted.contains(&series) {
            return Admission::Shown;
        }
        if self.room == 0 || self.refused.contains(&series) {
            return Admission::Refused { first: self.refused.insert(series) };
        }
        self.room -= 1;
        self.admitted.insert(series);
        Admission::Shown
    }
}
