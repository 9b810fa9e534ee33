//! What a run comes to, what it asks of the outside, and how it is answered.

use super::Raised;
use crate::program::{StateIdx, TaskIdx};
use crate::value::Value;

/// How a run ended.
#[derive(Debug)]
pub enum Step {
    /// The execution succeeded with this output.
    Finished(Value),
    /// The execution failed.
    Failed(Raised),
    /// Every frame waits for the answer to an effect; the effects are in the turn.
    Suspended,
    /// The turn's fuel is used up; run again later, nothing is lost.
    OutOfFuel,
}

/// What a suspended frame waits for.
#[derive(Clone, Copy, Debug)]
pub enum Effect {
    /// A task's result.
    Call {
        /// The state that calls.
        state: StateIdx,
        /// The task.
        task: TaskIdx,
        /// Its effective input.
        input: Value,
        /// Milliseconds until it counts as timed out.
        timeout_ms: Option<u64>,
        /// Retries already made in this visit of the state.
        attempt: u32,
        /// Number of the event that tells of the start; 0 in a child of a distributed Map, which
        /// has a history of its own.
        event: u32,
    },
    /// A span of time, in milliseconds.
    Sleep {
        /// How long.
        millis: u64,
    },
}

/// The answer to an effect.
#[derive(Clone, Copy, Debug)]
pub enum Wake<'a> {
    /// The time of a [`Effect::Sleep`] is over.
    Slept,
    /// The task returned this JSON text.
    Returned(&'a [u8]),
    /// The task failed.
    TaskFailed {
        /// Error name.
        error: &'a str,
        /// Cause text, when there is one.
        cause: Option<&'a str>,
    },
    /// The task did not answer within its timeout.
    TaskTimedOut,
}
