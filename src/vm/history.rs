//! The history of an execution: what happened, numbered and linked as AWS numbers and links it.
//!
//! Numbers are counted whether a history is kept or not, since causes quote them; events are made
//! only when somebody asked for them (`recording`). Names and fields are those of `GetExecutionHistory`; order
//! and links as recorded on AWS.

use super::Raised;
use super::machine::Machine;
use super::raise::Lapse;
use crate::base::clock::Now;
use crate::program::{Program, StateKind};
use crate::value::{Heap, Value};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Number, from 1.
    pub id: u32,
    /// Number of the event that led to it; 0 for the first two.
    pub previous: u32,
    /// Wall clock, ms since the Unix epoch.
    pub wall_ms: i64,
    /// Monotonic clock of the shard, in nanoseconds: spans of time within one execution.
    pub mono_ns: u64,
    /// Type, e.g. `PassStateEntered`.
    pub kind: &'static str,
    /// Details by their names in AWS's API, in AWS's order.
    pub details: Vec<(&'static str, Detail)>,
}

/// One detail of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// A number: `length`, `index`, `timeoutInSeconds`.
    Count(u64),
    /// JSON text: `input`, `output`, `parameters`.
    Json(Box<str>),
    /// A text: `name`, `error`, `cause`, `resource`.
    Text(Box<str>),
    /// `assignedVariables`: names with their values as JSON text.
    Variables(Vec<(Box<str>, Box<str>)>),
}

/// Details under construction.
pub(super) type Details = Vec<(&'static str, Detail)>;

/// JSON text of a value, as a detail.
pub(super) fn json(heap: &Heap, value: Value) -> Detail {
    Detail::Json(heap.to_json_text(value).into())
}

/// A text, as a detail.
pub(super) fn text(text: &str) -> Detail {
    Detail::Text(text.into())
}

/// `error` and `cause`, those that there are.
pub(super) fn failure(raised: &Raised) -> Details {
    let parts = [("error", raised.error()), ("cause", raised.cause())];
    parts.into_iter().filter_map(|(key, part)| part.map(|part| (key, text(part)))).collect()
}

/// Names of the events of a state type.
pub(super) struct Names {
    pub(super) entered: &'static str,
    pub(super) exited: &'static str,
    /// Of a state that is given up because a sibling failed.
    pub(super) aborted: &'static str,
}

/// The names of the events of a state type. A Fail state is never left.
pub(super) fn names(kind: StateKind) -> Names {
    let (entered, exited, aborted) = match kind {
        StateKind::Choice => ("ChoiceStateEntered", "ChoiceStateExited", ""),
        StateKind::Fail => ("FailStateEntered", "", ""),
        StateKind::Map => ("MapStateEntered", "MapStateExited", "MapStateAborted"),
        StateKind::Parallel => {
            ("ParallelStateEntered", "ParallelStateExited", "ParallelStateAborted")
        }
        StateKind::Pass => ("PassStateEntered", "PassStateExited", ""),
        StateKind::Succeed => ("SucceedStateEntered", "SucceedStateExited", ""),
        StateKind::Task => ("TaskStateEntered", "TaskStateExited", "TaskStateAborted"),
        StateKind::Wait => ("WaitStateEntered", "WaitStateExited", "WaitStateAborted"),
    };
    Names { entered, exited, aborted }
}

impl Machine<'_, '_> {
    /// Counts an event of the running frame.
    #[inline]
    pub(super) fn count_event(&mut self) {
        self.execution.event = self.execution.event.saturating_add(1);
    }

    /// Whether events are recorded: children of a distributed Map have a history of their own,
    /// which nobody asks for.
    #[inline]
    pub(super) fn records(&self) -> bool {
        self.execution.history.is_some() && self.execution.domain == 0
    }

    /// Counts an event of the running frame and records it if it is asked for; the frame's next
    /// event will name it as its cause all the same.
    #[inline]
    pub(super) fn event(
        &mut self,
        kind: &'static str,
        details: impl FnOnce(&Self, &Program) -> Details,
    ) {
        self.count_event();
        if self.records() {
            self.record(kind, details);
        }
    }

    #[cold]
    fn record(&mut self, kind: &'static str, details: impl FnOnce(&Self, &Program) -> Details) {
        if self.takes(kind) {
            let program = std::rc::Rc::clone(&self.execution.program);
            let details = details(self, &program);
            self.push_event(kind, self.execution.frame.last_event, details);
        }
        self.execution.frame.last_event = self.execution.event;
    }

    /// Counts an event that stands beside the chain of causes and returns its number.
    pub(super) fn side_event(
        &mut self,
        kind: &'static str,
        previous: u32,
        details: impl FnOnce(&Program) -> Details,
    ) -> u32 {
        self.count_event();
        if self.records() && self.takes(kind) {
            let program = std::rc::Rc::clone(&self.execution.program);
            self.push_event(kind, previous, details(&program));
        }
        self.execution.event
    }

    /// Whether the history takes an event of this type.
    fn takes(&mut self, kind: &str) -> bool {
        let bytes_max = self.turn.limits.history_bytes_max;
        self.execution.history.as_mut().is_some_and(|history| history.takes(kind, bytes_max))
    }

    fn push_event(&mut self, kind: &'static str, previous: u32, details: Details) {
        let (id, Now { wall_ms, mono_ns }) = (self.execution.event, self.turn.now);
        if let Some(history) = &mut self.execution.history {
            history.push(Event { id, previous, wall_ms, mono_ns, kind, details });
        }
    }

    /// `EvaluationFailed`.
    ///
    /// AWS: what fails while a state is being entered names the event that led to the entry, not
    /// the entry itself; but for a Wait (recorded).
    #[cold]
    pub(super) fn evaluation_failed_event(
        &mut self,
        program: &Program,
        raised: &Raised,
        lapse: &Lapse,
    ) {
        let state = self.state(program);
        let frame = &self.execution.frame;
        let enters = frame.last_event == frame.entered_event && state.kind != StateKind::Wait;
        let previous = if enters { frame.entry_cause } else { frame.last_event };
        self.execution.frame.last_event = self.side_event("EvaluationFailed", previous, |_| {
            let mut details = failure(raised);
            details.extend(lapse.field.as_deref().map(|field| ("location", text(field))));
            details.push(("state", text(&state.name)));
            details
        });
    }

    /// `…StateEntered`.
    #[inline]
    pub(super) fn entered_event(&mut self) {
        self.count_event();
        if self.records() {
            self.record_entered();
        }
    }

    #[cold]
    fn record_entered(&mut self) {
        let program = std::rc::Rc::clone(&self.execution.program);
        let kind = names(self.state(&program).kind).entered;
        self.execution.frame.entry_cause = self.execution.frame.last_event;
        self.record(kind, |machine, program| {
            let mut details = vec![("name", text(&machine.state(program).name))];
            details.extend(machine.execution.working_data("input"));
            details
        });
    }

    /// `…StateExited`.
    #[inline]
    pub(super) fn exited_event(&mut self) {
        self.count_event();
        if self.records() {
            self.record_exited();
        }
    }

    #[cold]
    fn record_exited(&mut self) {
        let program = std::rc::Rc::clone(&self.execution.program);
        let kind = names(self.state(&program).kind).exited;
        self.record(kind, |machine, program| {
            let Machine { execution, .. } = machine;
            let frame = &execution.frame;
            let mut details = vec![("name", text(&machine.state(program).name))];
            let output = execution.working_data("output");
            let with_data = output.is_some();
            details.extend(output);
            if with_data && !frame.staged.is_empty() {
                let staged = frame.staged.iter().map(|(variable, value)| {
                    let name = program.variables[variable.index()].clone();
                    (name, execution.heap.to_json_text(*value).into())
                });
                details.push(("assignedVariables", Detail::Variables(staged.collect())));
            }
            details
        });
    }
}
