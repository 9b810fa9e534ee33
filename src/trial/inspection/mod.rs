//! `TestState`: one state alone, with its data after each step.
//!
//! The state is put into a machine of its own (`isolate`) and that machine runs on the real shard.
//! What the data is after a step is what the state would give if it ended with that step, so each
//! step is one more run of the state without its later fields (`stages`): the machine that serves
//! events knows nothing of inspection and pays nothing for it. `request` holds what AWS refuses,
//! `response` what it answers.

mod definition;
mod isolate;
mod request;
mod response;
mod stages;

use serde_json::{Value, json};

pub use request::{ErrorOutput, Level, Mock, Request, StateConfiguration};

use super::case::Case;
use super::pattern::Comparison;
use super::run::Verdict;
use super::world;
use crate::task::Script;

/// What `TestState` answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The state ran.
    Tested(Value),
    /// The request is refused.
    Refused {
        /// Name of the error.
        code: &'static str,
        /// Its text.
        message: String,
    },
    /// The state needs what this version does not have.
    Unsupported(String),
}

impl Answer {
    fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::refused("ValidationException", message)
    }
}

/// Tests a state; `tasks` answers for the services that an unmocked Task calls.
pub fn test_state(request: &Request, tasks: &Script) -> Answer {
    match answer(request, tasks) {
        Ok(response) => Answer::Tested(response),
        Err(answer) => answer,
    }
}

fn answer(request: &Request, tasks: &Script) -> Result<Value, Answer> {
    request.check_alone()?;
    let state = isolate::State::find(request)?;
    request.check_with(&state)?;
    response::respond(request, &state, tasks)
}

/// Runs a case of kind `test_state`.
pub(super) fn run(case: &Case) -> Verdict {
    let request = match Request::from_options(&case.options) {
        Ok(request) => request,
        Err(fault) => return Verdict::Failed(format!("options: {fault}")),
    };
    let sent = case.input.clone().filter(|input| input != "null");
    let request =
        Request { definition: world::stand_ins(&case.definition), input: sent, ..request };
    let comparison = Comparison::default();
    let (response, refusal) = match test_state(&request, &case.mocks) {
        Answer::Unsupported(reason) => return Verdict::Unsupported(reason),
        Answer::Tested(_) if expects_model(case) => {
            let reason = "a mocked result is not checked against the model of the service yet";
            return Verdict::Unsupported(reason.to_owned());
        }
        Answer::Tested(response) => (Some(response), None),
        Answer::Refused { code, message } => {
            (None, Some(json!({"code": code, "message": message})))
        }
    };
    let expected = &case.expected;
    comparison
        .optional("error_response", expected.error_response.as_ref(), refusal.as_ref())
        .or_else(|| comparison.optional("response", expected.response.as_ref(), response.as_ref()))
        .into()
}

/// Whether AWS found a fault in the mock by the model of the service that it stands for.
fn expects_model(case: &Case) -> bool {
    let refusal = case.expected.error_response.as_ref();
    let message = refusal.and_then(|refusal| refusal["message"].as_str()).unwrap_or_default();
    message.starts_with("Mock result schema validation error")
}

#[cfg(test)]
mod tests;
