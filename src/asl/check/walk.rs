//! Every state of a machine, those of branches and processors included.

use crate::asl::model::{Graph, State, StateKind};
use crate::asl::place::Place;

/// Calls a function with each state of a graph at a place, in source order, outer states first.
pub(super) fn each_state<'m>(
    graph: &'m Graph,
    place: &Place<'_>,
    visit: &mut impl FnMut(&'m State, &Place<'_>),
) {
    for state in &graph.states {
        let here = place.state(&state.name.value);
        visit(state, &here);
        match &state.kind {
            StateKind::Parallel(parallel) => {
                for (index, branch) in parallel.branches.iter().enumerate() {
                    each_state(branch, &here.item("Branches", index), visit);
                }
            }
            StateKind::Map(map) => {
                each_state(&map.processor, &here.field("ItemProcessor"), visit);
            }
            _ => {}
        }
    }
}
