//! Which states still have the context object before them: an execution that sleeps in any other
//! no longer needs its input.

use crate::program::{Fork, Map, Op, Pc, State};

/// By state, whether it or one that may follow it reads the context object.
pub(super) fn context_ahead(
    ops: &[Op],
    states: &[State],
    forks: &[Fork],
    maps: &[Map],
) -> Box<[bool]> {
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); ops.len()];
    let mut open = Vec::new();
    for (at, &op) in ops.iter().enumerate() {
        let mut leads_to = |target: Pc| {
            if let Some(before) = before.get_mut(target.0 as usize) {
                before.push(at);
            }
        };
        match op {
            Op::Jump(target) | Op::Branch(_, target) | Op::Test(_, target) => leads_to(target),
            Op::Fork(fork) => forks[fork.index()].branches.iter().for_each(|&pc| leads_to(pc)),
            Op::Map(map) => leads_to(maps[map.index()].entry),
            Op::Enter(state) => {
                let state = &states[state.index()];
                // An error may come from anywhere in the state.
                state.catchers.iter().for_each(|catcher| leads_to(catcher.handler));
                if state.reads_context {
                    open.push(at);
                }
            }
            _ => {}
        }
        if !matches!(op, Op::Jump(_) | Op::Halt() | Op::Fail(_) | Op::Unmatched()) {
            leads_to(Pc(at as u32 + 1));
        }
    }
    let mut ahead = vec![false; ops.len()];
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut ahead[at], true) {
            open.extend(&before[at]);
        }
    }
    let mut by_state = vec![false; states.len()];
    for (op, ahead) in ops.iter().zip(ahead) {
        if let Op::Enter(state) = op {
            by_state[state.index()] = ahead;
        }
    }
    by_state.into()
}
