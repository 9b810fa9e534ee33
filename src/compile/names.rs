//! The names that a machine assigns: known before any expression is compiled, since a variable
//! wins over a built-in function of its name, wherever it is assigned.

use crate::asl::model::{Assign, Catcher, Graph, QueryLanguage, State, StateKind};
use crate::expr::Bindings;
use crate::value::TooLarge;

/// Gives a number to every variable that a state of the graph, or of one inside, assigns.
pub(super) fn bind(graph: &Graph, bindings: &mut Bindings) -> Result<(), TooLarge> {
    for state in &graph.states {
        let mut names = Names { state, bindings };
        match &state.kind {
            StateKind::Pass(pass) => names.bind(pass.assign.as_ref())?,
            StateKind::Choice(choice) => {
                names.bind(choice.assign.as_ref())?;
                choice.choices.iter().try_for_each(|rule| names.bind(rule.assign.as_ref()))?;
            }
            StateKind::Wait(wait) => names.bind(wait.assign.as_ref())?,
            StateKind::Task(task) => names.bind_all(task.assign.as_ref(), &task.catch)?,
            StateKind::Parallel(parallel) => {
                names.bind_all(parallel.assign.as_ref(), &parallel.catch)?;
                parallel.branches.iter().try_for_each(|branch| bind(branch, bindings))?;
            }
            StateKind::Map(map) => {
                names.bind_all(map.assign.as_ref(), &map.catch)?;
                bind(&map.processor, bindings)?;
            }
            StateKind::Succeed(_) | StateKind::Fail(_) => {}
        }
    }
    Ok(())
}

struct Names<'a> {
    state: &'a State,
    bindings: &'a mut Bindings,
}

impl Names<'_> {
    fn bind_all(&mut self, own: Option<&Assign>, catchers: &[Catcher]) -> Result<(), TooLarge> {
        self.bind(own)?;
        catchers.iter().try_for_each(|catcher| self.bind(catcher.assign.as_ref()))
    }

    fn bind(&mut self, assign: Option<&Assign>) -> Result<(), TooLarge> {
        for member in assign.into_iter().flat_map(Assign::members) {
            let key = &member.key;
            let name = match self.state.language {
                QueryLanguage::JsonPath => key.strip_suffix(".$").unwrap_or(key),
                QueryLanguage::Jsonata => key,
            };
            self.bindings.variable(name)?;
        }
        Ok(())
    }
}
