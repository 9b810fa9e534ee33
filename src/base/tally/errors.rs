//! Names of errors as label values: those of the language, some of the workflow's own, the rest.
//!
//! A workflow may make error names out of its input, so their number has no bound; that of the
//! series has. A shard learns the first few of its own; readers see names only when they are whole.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::cells::Cells;

/// Error names that the language defines.
pub const STATES_ERRORS: [&str; 15] = [
    "States.BranchFailed",
    "States.DataLimitExceeded",
    "States.ExceedToleratedFailureThreshold",
    "States.HeartbeatTimeout",
    "States.IntrinsicFailure",
    "States.ItemReaderFailed",
    "States.NoChoiceMatched",
    "States.ParameterPathFailure",
    "States.Permissions",
    "States.QueryEvaluationError",
    "States.ResultPathMatchFailure",
    "States.ResultWriterFailed",
    "States.Runtime",
    "States.TaskFailed",
    "States.Timeout",
];

/// Names of a workflow's own that get a series; further ones are counted as [`OTHER_ERROR`].
pub const ERRORS_LEARNED_MAX: usize = 20;

/// Label value of all further names.
pub const OTHER_ERROR: &str = "other";

/// Label value of an error without a name, which a Fail state may leave out.
pub const NO_ERROR: &str = "none";

/// Longest name that is learned, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// Cells of one machine: the language's names, the learned ones, the rest.
pub(super) const ERROR_CELLS: usize = STATES_ERRORS.len() + ERRORS_LEARNED_MAX + 1;

/// The learned names of all machines of one shard.
#[derive(Clone, Debug)]
pub(super) struct Names(Arc<[[OnceLock<Box<str>>; ERRORS_LEARNED_MAX]]>);

impl Names {
    pub(super) fn new(machines: usize) -> Self {
        Self((0..machines).map(|_| std::array::from_fn(|_| OnceLock::new())).collect())
    }

    /// The cell of an error, learning its name if there is room; called by the shard only.
    pub(super) fn cell(&self, machine: usize, error: &str) -> usize {
        if let Ok(known) = STATES_ERRORS.binary_search(&error) {
            return known;
        }
        let other = ERROR_CELLS - 1;
        let Some(learned) = self.0.get(machine) else { return other };
        // One that is called like the rest is counted with it: two series cannot have the same labels.
        if error.len() > NAME_BYTES_MAX || error == OTHER_ERROR {
            return other;
        }
        let found = learned.iter().position(|name| &**name.get_or_init(|| error.into()) == error);
        found.map_or(other, |index| STATES_ERRORS.len() + index)
    }

    /// The counts of one machine by name, whose cells begin at `base`; names without any are left out.
    pub(super) fn counted(
        &self,
        machine: usize,
        cells: &Cells,
        base: usize,
    ) -> BTreeMap<String, u64> {
        let counted = (0..ERROR_CELLS).map(|cell| (cell, cells.get(base + cell)));
        let counted = counted.filter(|(_, count)| *count > 0);
        let named = counted.filter_map(|(cell, count)| Some((self.name(machine, cell)?, count)));
        named.map(|(name, count)| (name.to_owned(), count)).collect()
    }

    /// The name of a cell; `None` when nothing was learned for it yet.
    pub(super) fn name(&self, machine: usize, cell: usize) -> Option<&str> {
        if cell < STATES_ERRORS.len() {
            return Some(STATES_ERRORS[cell]);
        }
        if cell == ERROR_CELLS - 1 {
            return Some(OTHER_ERROR);
        }
        let name = self.0.get(machine)?.get(cell - STATES_ERRORS.len())?.get()?;
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_language_are_sorted_for_the_search() {
        assert!(STATES_ERRORS.is_sorted());
    }

    #[test]
    fn names_are_learned_up_to_a_bound_and_the_rest_share_a_cell() {
        let names = Names::new(2);
        let timeout = names.cell(0, "States.Timeout");
        assert_eq!(names.name(0, timeout), Some("States.Timeout"));
        let own = names.cell(0, "Order.Rejected");
        assert_eq!(names.cell(0, "Order.Rejected"), own);
        assert_eq!(names.name(0, own), Some("Order.Rejected"));
        assert_eq!(names.name(1, own), None, "machines learn apart");
        for number in 1..ERRORS_LEARNED_MAX {
            assert_ne!(names.name(0, names.cell(0, &format!("E{number}"))), Some(OTHER_ERROR));
        }
        for late in ["E-late", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert_eq!(names.name(0, names.cell(0, late)), Some(OTHER_ERROR));
        }
        assert_eq!(names.name(9, names.cell(9, "no such machine")), Some(OTHER_ERROR));
    }

    #[test]
    fn an_error_called_like_the_rest_is_counted_with_it() {
        let names = Names::new(1);
        assert_eq!(names.cell(0, OTHER_ERROR), ERROR_CELLS - 1);
        let own = names.cell(0, "Order.Rejected");
        assert_eq!(own, STATES_ERRORS.len(), "nothing was learned before");
    }
}
