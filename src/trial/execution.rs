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
    let loaded = match world::load(case) {
        Ok(loaded) => loaded,
        Err(verdict) => return verdict.into(),
    };
    if let Some(state) = unknown_state(&case.mocks, &loaded) {
        let difference = format!("mocks: the definition has no state '{state}'");
        return Verdict::Failed(difference).into();
    }
    let input = case.input.as_deref().unwrap_or("{}");
    match execute(loaded, input, case.mocks.clone()) {
        Ok(ran) => judge(case, ran),
        Err(difference) => Verdict::Failed(difference).into(),
    }
}

/// A mocked state that there is not: most likely a misspelt one, whose mocks would never be used.
fn unknown_state<'s>(script: &'s Script, loaded: &Loaded) -> Option<&'s str> {
    let known = |name: &str| loaded.program.states.iter().any(|state| *state.name == *name);
    script.states().filter(|name| *name != "*" && !known(name)).min()
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
            Err("the execution does not end: it goes round for ever".to_owned())
        }
        None => {
            Err("the execution waits for ever: a mock that hangs, without a timeout".to_owned())
        }
    }
}

fn judge(case: &Case, ran: Ran) -> Outcome {
    let ignored_key = case.ignores_redrive_count.then_some("RedriveCount");
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

/// Turns after which an execution counts as endless: about a million instructions, or ten thousand
/// waits. What it records until then must fit into memory.
const TURNS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::find::tests::case;

    const TASK: &str = r#"{"StartAt": "Pay", "States": {"Pay": {"Type": "Task", "End": true,
        "Resource": "arn:aws:states:::lambda:invoke"}}}"#;

    /// The difference of a case with this definition and these further fields.
    fn difference(definition: &str, more: &str) -> Option<String> {
        let text = format!("{{\"definition\": {definition}, {more}}}");
        match run(&case(&text)).verdict {
            Verdict::Passed => None,
            Verdict::Failed(difference) => Some(difference),
            Verdict::Unsupported(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn the_first_difference_is_told() {
        let expect = r#""expect": {"status": "SUCCEEDED", "output": 1}"#;
        for (more, said) in [
            (r#""mocks": {"Pay": {"0": {"Return": 1.0}}}"#, None),
            (r#""mocks": {"Pay": {"0": {"Return": 2}}}"#, Some("output: expected 1, found 2")),
            (
                r#""mocks": {"Pay": {"0": {"Throw": {"Error": "E", "Cause": "c"}}}}"#,
                Some("status: expected SUCCEEDED, found FAILED: E: c"),
            ),
            (r#""mocks": {}"#, Some("mocks: The mocks have no answer for the state 'Pay'.")),
            (
                r#""mocks": {"Pay": {"0": {"request": {"a": 1}, "Return": 1}}}"#,
                Some("request 0 of 'Pay'.a: expected 1, found none"),
            ),
            (r#""mocks": {"Pay": {"0": {"Return": 1}, "1": {"request": {}, "Return": 1}}}"#, None),
            (
                r#""mocks": {"Pay": {"0": {"Return": 1}, "1": {"request": 7, "Return": 1}}}"#,
                Some("request 1 of 'Pay': expected by the mocks, never made"),
            ),
            (
                r#""mocks": {"Pay": {"0": {"Hang": true}}}"#,
                Some("the execution waits for ever: a mock that hangs, without a timeout"),
            ),
        ] {
            let found = difference(TASK, &format!("{more}, {expect}"));
            assert_eq!(found.as_deref(), said, "{more}");
        }
    }

    #[test]
    fn an_error_or_a_cause_that_is_not_expected_is_a_difference() {
        let fail = r#"{"StartAt": "F", "States": {"F": {"Type": "Fail", "Cause": "c"}}}"#;
        let expect = |expect: &str| difference(fail, &format!("\"expect\": {expect}"));
        assert_eq!(expect(r#"{"status": "FAILED", "cause": "c"}"#), None);
        let found = expect(r#"{"status": "FAILED"}"#);
        assert_eq!(found.as_deref(), Some("cause: expected none, found \"c\""));
        let found = expect(r#"{"status": "FAILED", "error": "E", "cause": "c"}"#);
        assert_eq!(found.as_deref(), Some("error: expected \"E\", found none"));
    }

    #[test]
    fn an_execution_that_goes_round_for_ever_is_given_up() {
        let expect = r#""expect": {"status": "FAILED"}"#;
        for states in [
            r#""A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Choice",
                "Choices": [{"Variable": "$", "IsPresent": true, "Next": "A"}], "Default": "C"}"#,
            r#""A": {"Type": "Wait", "Seconds": 9, "Next": "B"}, "B": {"Type": "Choice",
                "Choices": [{"Variable": "$", "IsPresent": true, "Next": "A"}], "Default": "C"}"#,
        ] {
            let definition = format!(
                r#"{{"StartAt": "A", "States": {{{states}, "C": {{"Type": "Succeed"}}}}}}"#
            );
            let found = difference(&definition, expect);
            assert_eq!(
                found.as_deref(),
                Some("the execution does not end: it goes round for ever")
            );
        }
    }
}
