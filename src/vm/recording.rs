//! What an execution records of its history: which events, with or without data, and how much.
//!
//! The levels are those of AWS's `loggingConfiguration`. Events below the level cost their number
//! and nothing else; an execution that records nothing has no history at all.

use super::history::{Detail, Details, Event};
use crate::base::clock::Now;
use crate::base::ids::ExecutionSuffix;

/// Which events are logged; each level holds all that the ones before it hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// None.
    #[default]
    Off,
    /// An execution that failed, timed out or was aborted.
    Fatal,
    /// Also what failed, timed out or was aborted in it.
    Error,
    /// All.
    All,
}

impl Level {
    /// Whether an event of this type is logged.
    /// AWS: developer guide, "cloudwatch-log-level"; `EvaluationFailed` does not stand there and is
    /// taken as an error.
    pub fn logs(self, kind: &str) -> bool {
        match self {
            Self::Off => false,
            Self::Fatal => FATAL.contains(&kind),
            Self::Error => FATAL.contains(&kind) || ERROR.contains(&kind),
            Self::All => true,
        }
    }
}

const FATAL: &[&str] = &["ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"];

const ERROR: &[&str] = &[
    "EvaluationFailed",
    "FailStateEntered",
    "LambdaFunctionFailed",
    "LambdaFunctionScheduleFailed",
    "LambdaFunctionStartFailed",
    "LambdaFunctionTimedOut",
    "MapIterationAborted",
    "MapIterationFailed",
    "MapRunAborted",
    "MapRunFailed",
    "MapStateAborted",
    "MapStateFailed",
    "ParallelStateAborted",
    "ParallelStateFailed",
    "TaskFailed",
    "TaskStartFailed",
    "TaskStateAborted",
    "TaskSubmitFailed",
    "TaskTimedOut",
    "WaitStateAborted",
];

/// What an execution records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// Which events.
    pub level: Level,
    /// Whether they carry input, output, parameters and variables.
    pub data: bool,
}

impl Recording {
    /// Nothing, which costs nothing.
    pub const OFF: Self = Self { level: Level::Off, data: false };
    /// Everything.
    pub const ALL: Self = Self { level: Level::All, data: true };
}

/// Which executions record everything, whatever the level: a share of all, the same ones whenever
/// they run again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sampling {
    /// Of 2^32.
    share: u64,
}

impl Sampling {
    /// No execution.
    pub const NONE: Self = Self { share: 0 };

    /// This many of a million.
    pub fn per_million(count: u32) -> Self {
        Self { share: (u64::from(count.min(1_000_000)) << 32) / 1_000_000 }
    }

    /// Whether this execution is one of them. Suffixes are hashes, so any part of them will do.
    #[inline]
    pub fn takes(self, suffix: ExecutionSuffix) -> bool {
        let [.., a, b, c, d] = suffix.0;
        u64::from(u32::from_be_bytes([a, b, c, d])) < self.share
    }
}

/// The events of an execution so far.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) recording: Recording,
    pub(super) events: Vec<Event>,
    /// Bytes that the events hold, about.
    bytes: usize,
    /// Events that found no room.
    pub(super) left_out: u32,
}

impl History {
    pub(super) fn new(recording: Recording) -> Self {
        Self { recording, events: Vec::new(), bytes: 0, left_out: 0 }
    }

    /// Whether an event of this type is to be recorded, and whether there is room for it below
    /// `bytes_max`; one without room is counted.
    pub(super) fn takes(&mut self, kind: &str, bytes_max: usize) -> bool {
        let wanted = self.recording.level.logs(kind);
        let has_room = self.bytes < bytes_max;
        self.left_out += u32::from(wanted && !has_room);
        wanted && has_room
    }

    /// Puts events that are later than the end at the end: the clocks of both are rounded apart, and
    /// who runs into a time limit may have done something before the timer was looked at.
    pub(super) fn cut_off(&mut self, end: Now) {
        let later = |event: &&mut Event| event.wall_ms > end.wall_ms || event.mono_ns > end.mono_ns;
        for event in self.events.iter_mut().rev().take_while(later) {
            event.wall_ms = event.wall_ms.min(end.wall_ms);
            event.mono_ns = event.mono_ns.min(end.mono_ns);
        }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.bytes += size_of::<Event>() + event.details.iter().map(detail_bytes).sum::<usize>();
        self.events.push(event);
    }

    /// A detail that only whoever asked for data gets.
    pub(super) fn data(
        &self,
        name: &'static str,
        detail: impl FnOnce() -> Detail,
    ) -> Option<(&'static str, Detail)> {
        self.recording.data.then(|| (name, detail()))
    }

    /// Details that begin with data, for those who asked for it.
    pub(super) fn data_first(
        &self,
        name: &'static str,
        detail: impl FnOnce() -> Detail,
        others: impl IntoIterator<Item = (&'static str, Detail)>,
    ) -> Details {
        self.data(name, detail).into_iter().chain(others).collect()
    }
}

fn detail_bytes((_, detail): &(&'static str, Detail)) -> usize {
    let text = match detail {
        Detail::Count(_) => 0,
        Detail::Json(text) | Detail::Text(text) => text.len(),
        Detail::Variables(variables) => {
            variables.iter().map(|(name, json)| name.len() + json.len() + 32).sum()
        }
    };
    size_of::<(&'static str, Detail)>() + text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_holds_the_ones_before_it() {
        let all = ["PassStateEntered", "TaskFailed", "FailStateEntered", "ExecutionFailed"];
        let logged =
            |level: Level| all.iter().filter(|kind| level.logs(kind)).copied().collect::<Vec<_>>();
        assert_eq!(logged(Level::Off), [] as [&str; 0]);
        assert_eq!(logged(Level::Fatal), ["ExecutionFailed"]);
        assert_eq!(logged(Level::Error), ["TaskFailed", "FailStateEntered", "ExecutionFailed"]);
        assert_eq!(logged(Level::All), all);
        assert!(!Level::Error.logs("ExecutionSucceeded"));
    }

    #[test]
    fn a_share_of_all_suffixes_is_taken() {
        let suffix = |last: u32| {
            let mut bytes = [0xff; 16];
            bytes[12..].copy_from_slice(&last.to_be_bytes());
            ExecutionSuffix(bytes)
        };
        assert!(!Sampling::NONE.takes(suffix(0)));
        assert!(Sampling::per_million(1).takes(suffix(4_293)));
        assert!(!Sampling::per_million(1).takes(suffix(4_294)));
        assert!(Sampling::per_million(1_000_000).takes(suffix(u32::MAX)));
        assert!(Sampling::per_million(u32::MAX).takes(suffix(u32::MAX)));
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let mut history = History::new(Recording { level: Level::Error, data: false });
        assert!(history.takes("TaskFailed", 1));
        let details = vec![("cause", Detail::Text("no".into()))];
        history.push(Event {
            id: 1,
            previous: 0,
            wall_ms: 0,
            mono_ns: 0,
            kind: "TaskFailed",
            details,
        });
        assert!(!history.takes("TaskFailed", 1));
        assert!(!history.takes("PassStateEntered", 1), "nobody asked for it");
        assert_eq!((history.left_out, history.events.len()), (1, 1));
    }
}
