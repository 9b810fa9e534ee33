//! States and the ways out of them, as metrics and listings name them: read off the instructions, so
//! that nothing that runs has to carry names.

use std::borrow::Cow;

use super::{Op, Pc, Program, StateIdx};

/// An instruction that leaves a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The instruction.
    pub pc: Pc,
    /// The state.
    pub state: StateIdx,
    /// What leaving there means.
    pub outcome: Outcome,
    /// Of a Choice: what was taken.
    pub branch: Option<Branch>,
}

/// What leaving a state means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Another state follows.
    Next,
    /// The execution, the branch or the iteration ends with it.
    End,
    /// A Catch rule took its error; another state follows.
    Caught,
}

/// The way out of a Choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// The rule of this index.
    Rule(usize),
    /// `Default`.
    Default,
}

impl Program {
    /// All instructions that leave a state, in their order.
    pub fn exits(&self) -> Vec<Exit> {
        let mut exits = Vec::new();
        let mut state = StateIdx(0);
        // Where each rule of the present Choice leads: behind all rules, in their order.
        let mut rules: Vec<Pc> = Vec::new();
        for (&op, number) in self.ops.iter().zip(0..) {
            let pc = Pc(number);
            let ends = match op {
                Op::Enter(entered) => {
                    state = entered;
                    rules.clear();
                    continue;
                }
                Op::Branch(_, target) | Op::Test(_, target) => {
                    rules.push(target);
                    continue;
                }
                Op::Jump(_) => false,
                Op::Halt() => true,
                _ => continue,
            };
            // Handlers stand behind the regular way out.
            let catchers = &self.states[state.index()].catchers;
            let outcome = if catchers.iter().any(|catcher| catcher.handler.0 <= pc.0) {
                Outcome::Caught
            } else if ends {
                Outcome::End
            } else {
                Outcome::Next
            };
            let taken = rules.iter().filter(|target| target.0 <= pc.0).count();
            let branch = match (rules.is_empty(), taken) {
                (true, _) => None,
                (false, 0) => Some(Branch::Default),
                (false, taken) => Some(Branch::Rule(taken - 1)),
            };
            exits.push(Exit { pc, state, outcome, branch });
        }
        exits
    }

    /// The name of each state behind those of the states around it: `Enrich/0/Fraud score` is in the
    /// first branch of a Parallel state, `Each item/Price` in the iterations of a Map. In a name itself
    /// `/` is written `~1` and `~` is written `~0`, as in a JSON pointer, so that no two paths are equal.
    pub fn state_paths(&self) -> Vec<String> {
        let mut paths = vec![String::new(); self.states.len()];
        let mut graphs: Vec<(Pc, String)> = Vec::new();
        let mut around = String::new();
        let mut state = StateIdx(0);
        // A graph inside a state is emitted behind the graph of that state, in one piece.
        for (&op, number) in self.ops.iter().zip(0..) {
            match op {
                Op::Enter(entered) => {
                    state = entered;
                    if let Some((_, name)) = graphs.iter().find(|(start, _)| *start == Pc(number)) {
                        around.clone_from(name);
                    }
                    let name = escaped(&self.states[state.index()].name);
                    paths[state.index()] = format!("{around}{name}");
                }
                Op::Fork(fork) => {
                    let branches = self.forks[fork.index()].branches.iter().enumerate();
                    let name = &paths[state.index()];
                    graphs.extend(branches.map(|(branch, &pc)| (pc, format!("{name}/{branch}/"))));
                }
                Op::Map(map) => {
                    let name = format!("{}/", paths[state.index()]);
                    graphs.push((self.maps[map.index()].entry, name));
                }
                _ => {}
            }
        }
        paths
    }
}

fn escaped(name: &str) -> Cow<'_, str> {
    if !name.contains(['~', '/']) {
        return name.into();
    }
    name.replace('~', "~0").replace('/', "~1").into()
}
