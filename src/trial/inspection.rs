//! Kind `test_state`: one state alone, as AWS's `TestState` runs it.

use super::case::Case;
use super::run::Verdict;

/// Runs the case.
pub(super) fn test_state(_case: &Case) -> Verdict {
    Verdict::Unsupported("TestState is not built yet".to_owned())
}
