//! The shard: executions in a slab, timers, a bounded inbox, one turn at a time.
//!
//! What goes in and out of a shard is declared here as plain data and two traits ([`Settle`] and
//! [`Calls`]) that the layers above plug in. The shard knows nothing of Kafka, files or HTTP.

mod completions;
pub mod core;
mod limits;
pub mod outbox;
pub mod runtime;
mod slab;
pub mod timers;
mod waits;

pub use self::completions::Completions;
pub use self::core::{Inputs, ShardCore, Turned};
pub use self::limits::{Limits, Spans};

use crate::base::clock::Now;
use crate::base::ids::{ExecutionSuffix, MachineIdx, Origin, WakeToken};
use crate::base::tally::{Levels, Turn};
use crate::base::trace::{Trace, TraceParent};
use crate::vm::Event;

/// One event that shall become an execution; ranges point into the batch's bytes.
#[derive(Clone, Debug)]
pub struct Start {
    /// Where it came from; handed back untouched in [`Settled`].
    pub origin: Origin,
    /// The machine to run.
    pub machine: MachineIdx,
    /// Identity hash of the execution.
    pub suffix: ExecutionSuffix,
    /// The event's place in a distributed trace; goes out with the execution's calls.
    pub traceparent: Option<TraceParent>,
    /// The `tracestate` that goes along with it (UTF-8, as [`tracestate`] leaves it; empty for
    /// none), in the batch's bytes.
    ///
    /// [`tracestate`]: crate::base::trace::tracestate
    pub tracestate: std::ops::Range<u32>,
    /// Execution name (UTF-8, validated by the source), in the batch's bytes.
    pub name: std::ops::Range<u32>,
    /// Execution input (unvalidated JSON), in the batch's bytes.
    pub input: std::ops::Range<u32>,
}

/// Events for one shard, handed over in one go.
#[derive(Clone, Debug, Default)]
pub struct StartBatch {
    /// Names and inputs of all starts, back to back.
    pub bytes: Vec<u8>,
    /// The events, in the order in which they shall start.
    pub starts: Vec<Start>,
}

impl StartBatch {
    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.starts.clear();
    }
}

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A terminal state was reached.
    Succeeded,
    /// A Fail state or an error that nobody caught.
    Failed,
    /// `TimeoutSeconds` of the machine, or the Express limit of 300 s.
    TimedOut,
}

impl Status {
    /// AWS's spelling: `SUCCEEDED`, `FAILED`, `TIMED_OUT`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
        }
    }
}

/// An execution that ran to its end; borrowed for the length of [`Settle::settled`].
#[derive(Clone, Copy, Debug)]
pub struct Settled<'a> {
    /// As given in [`Start`].
    pub origin: Origin,
    /// As given in [`Start`].
    pub machine: MachineIdx,
    /// As given in [`Start`].
    pub suffix: ExecutionSuffix,
    /// Execution name.
    pub name: &'a str,
    /// How it ended.
    pub status: Status,
    /// Output document as JSON text; empty unless `status` is [`Status::Succeeded`].
    pub output: &'a [u8],
    /// Error name, when AWS gives one.
    pub error: Option<&'a str>,
    /// Cause text, when AWS gives one.
    pub cause: Option<&'a str>,
    /// Wall clock at the start, ms since the Unix epoch.
    pub started_ms: i64,
    /// Wall clock at the end, ms since the Unix epoch: `started_ms` plus the monotonic duration.
    pub stopped_ms: i64,
    /// Duration on the monotonic clock, in nanoseconds.
    pub duration_ns: u64,
    /// Size of the input document, in bytes.
    pub input_bytes: u64,
    /// Bytes that AWS's memory formula counts beside 50 MB and the definition: the input bytes of
    /// every iteration and branch started, or with none the execution's input once.
    pub metered_data_bytes: u64,
    /// Most bytes of memory that its values held at a time.
    pub held_bytes: u64,
    /// States entered, retries included.
    pub transitions: u32,
    /// The events that it recorded, in order; see [`ShardCore::with_recordings`] and
    /// [`Limits::history`].
    pub history: &'a [Event],
    /// Events that were to be recorded and found no room.
    pub events_left_out: u32,
    /// Where it stands in a distributed trace, and whether its spans are to be told: the history
    /// has all events then.
    pub trace: &'a Trace,
}

/// An event that never became an execution: it is not JSON, too large or too deep.
#[derive(Clone, Copy, Debug)]
pub struct Rejected<'a> {
    /// As given in [`Start`].
    pub origin: Origin,
    /// As given in [`Start`].
    pub machine: MachineIdx,
    /// Stable class for the dead letter: `not-json`, `too-large`, `too-deep`.
    pub class: &'static str,
    /// What was wrong, for people.
    pub cause: &'a str,
    /// The event's value as it came in; the dead letter repeats it.
    pub input: &'a [u8],
}

/// Takes what a shard has finished. Called on the shard's thread; must not block.
pub trait Settle {
    /// An execution began; `settled` follows, unless the shard is told to abandon it.
    fn started(&mut self, _machine: MachineIdx) {}
    /// An execution ended; called exactly once for each one that started.
    fn settled(&mut self, settled: &Settled<'_>);
    /// An event was refused before it started; called instead of `settled`.
    fn rejected(&mut self, rejected: &Rejected<'_>);
    /// The turn is over: hand over what was collected, in one batch.
    fn flush(&mut self, now: Now);
    /// Whether more may be settled; while not, the shard starts no events.
    fn ready(&self) -> bool {
        true
    }
    /// Whether something is still to be handed over; a shard does not end before.
    fn has_kept(&self) -> bool {
        false
    }
    /// An event has to wait, since as many executions are open as may be; called once for each.
    fn throttled(&mut self, _machine: MachineIdx) {}
    /// What the turn took and how full the shard is after it.
    fn measured(&mut self, _turn: &Turn, _levels: Levels) {}
    /// The shard had nothing to do for so many nanoseconds and slept.
    fn parked(&mut self, _parked_ns: u64) {}
}

/// A task call that leaves the shard; bytes are the effective input as JSON text.
#[derive(Clone, Debug)]
pub struct CallRequest {
    /// The machine whose execution calls.
    pub machine: MachineIdx,
    /// Name of the Task state.
    pub state: Box<str>,
    /// The `Resource` ARN as written.
    pub resource: Box<str>,
    /// Effective input (after `InputPath` and `Parameters`) as JSON text.
    pub input: Vec<u8>,
    /// Milliseconds until the shard gives the call up with `States.Timeout`; `None` = no limit of
    /// its own. The shard keeps the deadline, the edge may use it to close the connection.
    pub timeout_ms: Option<u64>,
    /// Attempts already made of this visit of the state, 0 on the first.
    pub attempt: u32,
    /// Place of the call in a distributed trace.
    pub traceparent: Option<TraceParent>,
    /// As given in [`Start`].
    pub tracestate: Option<Box<str>>,
}

/// What a task call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallResult {
    /// Raw result as JSON text, before `ResultSelector`.
    Returned(Vec<u8>),
    /// The task failed with this error name and cause.
    Failed {
        /// Error name, e.g. `States.Http.StatusCode.404`.
        error: Box<str>,
        /// Cause text, if there is one.
        cause: Option<Box<str>>,
    },
}

/// Starts and cancels task calls. Called on the shard's thread; must not block.
pub trait Calls {
    /// Starts a call; its result comes back to the same shard with `token`.
    fn call(&mut self, token: WakeToken, request: CallRequest);
    /// The execution no longer waits: abort the call if it is still under way. The token is stale
    /// from here on, so a result that comes all the same is ignored.
    fn cancel(&mut self, token: WakeToken);
}
