//! Running one case: what each kind does, and what comes of it.

use super::case::{Case, Kind};
use super::{definition, execution, inspection, start};
use crate::vm::Event;

/// What a case came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Whether all that decides agrees.
    pub verdict: Verdict,
    /// Whether the history agrees, where one is expected and one was kept.
    pub events: Option<Agreement>,
    /// The history, where one was kept.
    pub history: Vec<Event>,
    /// How an execution of which nothing is expected ended.
    pub ended: Option<String>,
}

/// Whether a case passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that decides agrees.
    Passed,
    /// The first difference.
    Failed(String),
    /// What the case needs and this version does not have.
    Unsupported(String),
}

/// Whether two histories agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// They do.
    Same,
    /// The first difference.
    Differ(String),
}

/// Runs a case, which takes no time but its computation's.
pub fn run(case: &Case) -> Outcome {
    let verdict = match case.kind {
        Kind::Execution => return execution::run(case),
        Kind::CreateError => definition::create_error(case),
        Kind::Validate => definition::validate(case),
        Kind::VariableReferences => definition::variable_references(case),
        Kind::StartError => start::start_error(case),
        Kind::TestState => inspection::run(case),
    };
    Outcome::from(verdict)
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, events: None, history: Vec::new(), ended: None }
    }
}

impl From<Option<String>> for Verdict {
    /// The verdict on a comparison that found this first difference.
    fn from(difference: Option<String>) -> Self {
        difference.map_or(Self::Passed, Self::Failed)
    }
}
