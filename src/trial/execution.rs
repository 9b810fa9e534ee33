//! Kind `execution`: the definition compiled, run with its input and mocks, and compared.

use serde_json::Value;

use super::case::Case;
use super::clock::{Ended, VirtualShard};
use super::events;
use super::pattern::{self, Comparison};
use super::run::{Outcome, Verdict};
use super::world::{self, EXECUTION_NAME};
use crate::program::Loaded;
use crate::shard::{Completions, Limits};
use crate::task::{MockTasks, Script};

/// An execution that ran to its end.
pub(super) struct Ran {
    /// How it ended.
    pub(super) ended: Ended,
    /// The tasks that answered, with what they were sent.
    pub(super) tasks: MockTasks,
}

/// Runs the case.
pub(super) fn run(case: &Case) -> Outcome {
    let loaded = match world::load(&case.definition, &case.name, case.machine_type) {
        Ok(loaded) => loaded,
        Err(verdict) => return verdict.into(),
    };
    let input = case.input.as_deref().unwrap_or("{}");
    match execute(loaded, input, case.mocks.clone()) {
        Ok(ran) => judge(case, ran),
        Err(difference) => Verdict::Failed(difference).into(),
    }
}

/// Runs a program to its end.
///
/// # Errors
/// Why it has none.
pub(super) fn execute(loaded: Loaded, input: &str, script: Script) -> Result<Ran, String> {
    let completions = Completions::default();
    let limits = Limits { history: true, ..Limits::default() };
    let tasks = MockTasks::new(script, completions.clone()).matching(pattern::matches).recording();
    let mut shard = VirtualShard::new(loaded, limits, tasks, completions);
    shard.start(0, EXECUTION_NAME, input.as_bytes());
    let left = shard.run_at_most(TURNS_MAX);
    if let Some((_, class, cause)) = shard.sink.rejected.first() {
        return Err(format!("input: refused as {class}: {cause}"));
    }
    match shard.sink.ended.pop() {
        Some(ended) => Ok(Ran { ended, tasks: shard.calls }),
        None if left.busy || left.next_timer_ms.is_some() => {
            Err(format!("the execution has not ended after {TURNS_MAX} turns of the shard"))
        }
        None => {
            Err("the execution waits for ever: a mock that hangs, without a timeout".to_owned())
        }
    }
}

fn judge(case: &Case, ran: Ran) -> Outcome {
    let ignored_key = (case.ignores_redrive_count || case.is_synchronous).then_some("RedriveCount");
    let comparison = Comparison { ignored_key };
    let Ran { ended, tasks } = ran;
    let history: Vec<_> = ended.history.iter().map(events::to_value).collect();
    let difference = unanswered(&tasks)
        .or_else(|| end(case, &ended, comparison))
        .or_else(|| requests(&tasks, comparison));
    let mut verdict = Verdict::from(difference);
    let mut agreement = None;
    // Without a history there is nothing to compare: an execution has at least one event.
    if let Some(expected) = case.expected.events.as_deref().filter(|_| !history.is_empty()) {
        if verdict == Verdict::Passed {
            verdict = events::assigned_variables(expected, &history, comparison).into();
        }
        let order = case.expected.events_order;
        agreement = Some(events::compare(expected, &history, order, comparison));
    }
    let told = expects_nothing(case).then(|| summary(&ended));
    Outcome { verdict, events: agreement, history: ended.history, ended: told }
}

/// A call without an answer explains whatever else went wrong.
fn unanswered(tasks: &MockTasks) -> Option<String> {
    tasks.unanswered().map(|cause| format!("mocks: {cause}"))
}

/// Status, error, cause and output.
fn end(case: &Case, ended: &Ended, comparison: Comparison<'_>) -> Option<String> {
    let expected = &case.expected;
    if expects_nothing(case) {
        return None;
    }
    let status = ended.status.as_str();
    if expected.status.as_deref() != Some(status) {
        let wanted = expected.status.as_deref().unwrap_or_default();
        return Some(format!("status: expected {wanted}, found {status}{}", why(ended)));
    }
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    let (error, cause) = (text(&ended.error), text(&ended.cause));
    let output = match serde_json::from_str::<Value>(&ended.output) {
        Ok(output) => Some(output),
        Err(_) if ended.output.is_empty() => None,
        Err(fault) => return Some(format!("output: not JSON: {fault}")),
    };
    comparison
        .optional("error", expected.error.as_ref(), error.as_ref())
        .or_else(|| comparison.optional("cause", expected.cause.as_ref(), cause.as_ref()))
        .or_else(|| comparison.optional("output", expected.output.as_ref(), output.as_ref()))
}

/// A test case of a mock configuration says what goes in, not what comes out.
fn expects_nothing(case: &Case) -> bool {
    case.expected.status.is_none()
}

fn summary(ended: &Ended) -> String {
    let status = ended.status.as_str();
    match (&ended.error, &ended.cause) {
        (Some(error), Some(cause)) => format!("{status} {error}: {cause}"),
        (Some(text), None) | (None, Some(text)) => format!("{status} {text}"),
        (None, None) => format!("{status} {}", ended.output),
    }
}

/// Error and cause, or output, for whoever wonders about a status.
fn why(ended: &Ended) -> String {
    match (&ended.error, &ended.cause) {
        (Some(error), Some(cause)) => format!(": {error}: {cause}"),
        (Some(text), None) | (None, Some(text)) => format!(": {text}"),
        (None, None) if ended.output.is_empty() => String::new(),
        (None, None) => format!(" with the output {}", pattern::cut_text(&ended.output)),
    }
}

/// What the tasks were sent, and what nobody sent.
fn requests(tasks: &MockTasks, comparison: Comparison<'_>) -> Option<String> {
    let sent = tasks.recorded().iter().enumerate().find_map(|(index, call)| {
        let expected = call.expected.as_ref()?;
        let place = format!("request {index} of '{}'", call.state);
        match serde_json::from_slice(&call.request) {
            Ok(request) => comparison.difference(&place, expected, &request),
            Err(fault) => Some(format!("{place}: not JSON: {fault}")),
        }
    });
    sent.or_else(|| {
        let (state, number) = tasks.unmade()?;
        Some(format!("request {number} of '{state}': expected by the mocks, never made"))
    })
}

/// Turns after which an execution counts as endless: with the fuel of each, a hundred million
/// instructions.
const TURNS_MAX: usize = 10_000;
