//! Programs as metrics see them: which cells they need, and what their parts are called.

use crate::base::tally::{self, MachineShape, StateShape};
use crate::config;
use crate::metrics::{ProgramLabels, StateLabel};
use crate::program::{Program, State};

/// The cells that a program needs.
pub fn shape(program: &Program) -> MachineShape {
    let shape = |state: &State| StateShape {
        takes_errors: !state.retriers.is_empty() || !state.catchers.is_empty(),
        waits: state.kind.waits(),
    };
    MachineShape { ops: program.ops.len(), states: program.states.iter().map(shape).collect() }
}

/// The names of its parts.
pub(super) fn labels(program: &Program) -> ProgramLabels {
    let label = |(state, path): (&State, String)| StateLabel {
        name: path,
        kind: state.kind.as_str(),
        retries: !state.retriers.is_empty(),
        catches: !state.catchers.is_empty(),
        waits: state.kind.waits(),
    };
    ProgramLabels {
        states: program.states.iter().zip(program.state_paths()).map(label).collect(),
        exits: program.exits(),
    }
}

/// How much is counted by state.
pub(super) fn per_state(setting: config::PerState) -> tally::PerState {
    match setting {
        config::PerState::Off => tally::PerState::Off,
        config::PerState::Counters => tally::PerState::Counters,
        config::PerState::Full => tally::PerState::Full,
    }
}
