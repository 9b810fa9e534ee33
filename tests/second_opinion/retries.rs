//! Retriers and catchers.

use serde_json::Value;

use crate::unsure;

/// Why a state failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
    /// It ends the execution, whatever is declared.
    pub(crate) terminal: bool,
}

impl Failure {
    pub(crate) fn new(error: &str, cause: impl Into<String>) -> Self {
        let cause = Some(cause.into());
        Self { error: Some(error.to_owned()), cause, terminal: error == "States.Runtime" }
    }

    /// The Error Output.
    pub(crate) fn output(&self) -> Value {
        if self.error.as_deref() == Some("States.ResultPathMatchFailure") {
            unsure::guess("the cause of a ResultPathMatchFailure");
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        serde_json::json!({"Error": text(&self.error), "Cause": text(&self.cause)})
    }

    /// Whether the `ErrorEquals` of a retrier or catcher names this failure.
    pub(crate) fn is_named_by(&self, handler: &Value) -> bool {
        let error = self.error.as_deref().unwrap_or_default();
        let names = handler["ErrorEquals"].as_array().into_iter().flatten();
        !self.terminal
            && names.filter_map(Value::as_str).any(|name| match name {
                "States.ALL" => true,
                "States.TaskFailed" => error != "States.Timeout",
                "States.Timeout" => error == name || error == "States.HeartbeatTimeout",
                name => error == name,
            })
    }
}

/// The retriers of one visit to a state, each with its own count.
pub(crate) struct Retriers<'a> {
    declared: &'a [Value],
    used: Vec<u64>,
}

impl<'a> Retriers<'a> {
    pub(crate) fn of(state: &'a Value) -> Self {
        let declared = state["Retry"].as_array().map_or(&[][..], Vec::as_slice);
        Self { declared, used: vec![0; declared.len()] }
    }

    /// How many attempts were repeated.
    pub(crate) fn count(&self) -> u64 {
        self.used.iter().sum()
    }

    /// The delay before the next attempt; `None` when there is none.
    pub(crate) fn next_delay_ms(&mut self, failure: &Failure) -> Option<u64> {
        let at = self.declared.iter().position(|retrier| failure.is_named_by(retrier))?;
        let retrier = &self.declared[at];
        let number = |field: &str, default: f64| retrier[field].as_f64().unwrap_or(default);
        if self.used[at] as f64 >= number("MaxAttempts", 3.0) {
            return None;
        }
        let factor = number("BackoffRate", 2.0).powf(self.used[at] as f64);
        let seconds = number("IntervalSeconds", 1.0) * factor;
        self.used[at] += 1;
        if retrier["JitterStrategy"] == "FULL" {
            unsure::guess("what chance makes of a delay");
        }
        Some((seconds.min(number("MaxDelaySeconds", f64::MAX)) * 1000.0).round() as u64)
    }
}

/// The first catcher for a failure.
pub(crate) fn catcher<'a>(state: &'a Value, failure: &Failure) -> Option<&'a Value> {
    state["Catch"].as_array()?.iter().find(|catcher| failure.is_named_by(catcher))
}
