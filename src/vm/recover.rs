//! Retry and Catch: what becomes of an error.
//!
//! An error is offered to the retriers and then to the catchers of the state that it happened in;
//! what neither takes ends the frame, and with it the state that waits for the frame.

use super::frame::{FrameId, Waiting};
use super::history;
use super::machine::Machine;
use super::raise::Lapse;
use super::{Effect, Raised};
use crate::program::{ErrorEquals, Pc, Program, Retrier, StateKind};
use crate::value::TooLarge;

/// What a state's tables make of an error.
enum Remedy {
    /// The state is tried again after this time.
    Retry(u64),
    /// A handler goes on.
    Handler(Pc),
    None,
}

impl Machine<'_, '_> {
    /// Follows an error of the running frame outwards until somebody takes it; returns it when
    /// nobody does.
    pub(super) fn recover(&mut self, program: &Program, raised: Raised) -> Option<Raised> {
        let mut raised = raised;
        if let Some(kind) = raised.take_expression() {
            self.turn.runs.expression_failed(kind);
        }
        // It may have been raised in a turn of its own, so that it is told only now.
        let mut from_children = match raised.take_lapse() {
            Some(lapse) => self.lapsed(program, &raised, &lapse),
            None => false,
        };
        loop {
            match self.remedy(program, &raised) {
                Remedy::Retry(delay_ms) => {
                    let state = self.execution.frame.state.index();
                    match self.retry(program, delay_ms) {
                        Ok(()) => {
                            self.turn.runs.retried(state, raised.error());
                            return None;
                        }
                        Err(error) => raised = error,
                    }
                }
                Remedy::Handler(handler) => {
                    if std::mem::take(&mut from_children) {
                        self.children_failed_event(program);
                    }
                    match self.handle(program, &raised, handler) {
                        Ok(()) => return None,
                        Err(TooLarge) => raised = self.oversize(program),
                    }
                }
                Remedy::None => {}
            }
            self.count_failure();
            if from_children {
                self.children_failed_event(program);
            }
            if self.execution.frame.id == FrameId::ROOT {
                return Some(raised);
            }
            match self.child_failed(program, raised) {
                None => return None,
                Some(error) => raised = error,
            }
            from_children = true;
        }
    }

    /// The frame's state ends with an error that nobody in it takes.
    fn count_failure(&mut self) {
        self.turn.runs.failed(self.execution.frame.state.index());
        if self.turn.runs.times_states() {
            self.count_stay();
        }
    }

    /// Tells of a failed evaluation; whether a Map or Parallel fails with it as if its children had.
    #[cold]
    fn lapsed(&mut self, program: &Program, raised: &Raised, lapse: &Lapse) -> bool {
        self.evaluation_failed_event(program, raised, lapse);
        let field = lapse.field.as_deref().unwrap_or_default();
        let is_behind_work = field.starts_with("Output") || field.starts_with("Assign");
        let works = matches!(self.state(program).kind, StateKind::Map | StateKind::Parallel);
        works && !is_behind_work && !self.execution.frame.caught
    }

    fn remedy(&mut self, program: &Program, raised: &Raised) -> Remedy {
        let state = self.state(program);
        if raised.is_terminal() || self.execution.frame.caught {
            return Remedy::None;
        }
        let retrier = state.retriers.iter().position(|retrier| takes(&retrier.errors, raised));
        if let Some(index) = retrier {
            let attempts = &mut self.execution.frame.attempts;
            attempts.resize(state.retriers.len(), 0);
            if attempts[index] < state.retriers[index].attempts_max {
                attempts[index] += 1;
                let (retrier, attempt) = (&state.retriers[index], attempts[index]);
                let delay_ms = self.delay_ms(retrier, attempt);
                return Remedy::Retry(delay_ms);
            }
        }
        let catcher = state.catchers.iter().find(|catcher| takes(&catcher.errors, raised));
        catcher.map_or(Remedy::None, |catcher| Remedy::Handler(catcher.handler))
    }

    /// Delay before a retry, the first being 1 (developer guide, "concepts-error-handling").
    fn delay_ms(&mut self, retrier: &Retrier, attempt: u32) -> u64 {
        let exponent = i32::try_from(attempt - 1).unwrap_or(i32::MAX);
        let delay = retrier.interval_ms as f64 * retrier.backoff_rate.powi(exponent);
        // A cast saturates, also at infinity.
        let delay_ms = (delay as u64).min(retrier.delay_ms_max.unwrap_or(DELAY_MS_MAX));
        if retrier.full_jitter { self.turn.entropy.below(delay_ms + 1) } else { delay_ms }
    }

    /// Begins the state's body again with the state's input, after a time.
    fn retry(&mut self, program: &Program, delay_ms: u64) -> Result<(), Raised> {
        let state = self.state(program);
        // AWS counts each retry as a transition more (pricing of Standard workflows).
        self.execution.transitions = self.execution.transitions.saturating_add(1);
        let frame = &mut self.execution.frame;
        frame.retry_count += 1;
        frame.staged.clear();
        frame.pc = state.body;
        frame.cur = frame.raw;
        let (arena, limit) = (frame.arena, frame.compact_at_bytes);
        if self.execution.heap.used_bytes(arena) >= limit {
            self.compact(program)?;
            self.execution.frame.raw = self.execution.frame.cur;
        }
        if state.reads_context {
            self.build_context(program)?;
        }
        if delay_ms > 0 {
            self.execution.frame.waiting = Waiting::Time;
            let id = self.execution.frame.id;
            self.turn.effects.push((id, Effect::Sleep { millis: delay_ms }));
            self.set_aside();
        }
        Ok(())
    }

    /// Goes on at a handler with the error output as its input.
    fn handle(&mut self, program: &Program, raised: &Raised, handler: Pc) -> Result<(), TooLarge> {
        let keys = &program.keys;
        let super::Execution { heap, frame, .. } = &mut *self.execution;
        // AWS: what the error does not have is an empty text (recorded for the cause of a timeout).
        let error = heap.string(frame.arena, raised.error().unwrap_or_default())?;
        let cause = heap.string(frame.arena, raised.cause().unwrap_or_default())?;
        let entries = [(keys.error, error), (keys.cause, cause)];
        frame.cur = heap.object_of::<TooLarge>(
            frame.arena,
            entries.into_iter().map(|entry| move |_: &crate::value::Heap| Ok(entry)),
        )?;
        frame.staged.clear();
        frame.pc = handler;
        frame.caught = true;
        self.turn.runs.caught(frame.state.index(), raised.error());
        Ok(())
    }

    /// `MapStateFailed` or `ParallelStateFailed`, which only a state that is not tried again has.
    fn children_failed_event(&mut self, program: &Program) {
        let kind = match self.state(program).kind {
            StateKind::Map => "MapStateFailed",
            _ => "ParallelStateFailed",
        };
        self.event(kind, |_, _| history::Details::new());
    }
}

/// Whether a retrier or catcher takes an error. AWS: `States.TaskFailed` stands for every error
/// but a timeout; a missing heartbeat is a timeout, too.
fn takes(errors: &ErrorEquals, raised: &Raised) -> bool {
    errors.0.iter().any(|name| match &**name {
        "States.ALL" => true,
        "States.TaskFailed" => raised.error() != Some("States.Timeout"),
        "States.Timeout" => {
            matches!(raised.error(), Some("States.Timeout" | "States.HeartbeatTimeout"))
        }
        name => raised.error() == Some(name),
    })
}

/// AWS: `MaxDelaySeconds` is below 31,622,401.
const DELAY_MS_MAX: u64 = 31_622_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn takes_error(names: &[&str], error: Option<&str>) -> bool {
        let names = names.iter().map(|name| (*name).into()).collect();
        takes(&ErrorEquals(names), &Raised::new(error, None))
    }

    #[test]
    fn wildcards_reach_as_far_as_recorded() {
        for (names, error, expected) in [
            (&["A"][..], Some("A"), true),
            (&["A"], Some("a"), false),
            (&["B", "A"], Some("A"), true),
            (&["States.ALL"], None, true),
            (&["States.TaskFailed"], Some("S3.NoSuchBucketException"), true),
            (&["States.TaskFailed"], Some("States.Timeout"), false),
            (&["States.TaskFailed"], Some("States.HeartbeatTimeout"), true),
            (&["States.Timeout"], Some("States.HeartbeatTimeout"), true),
            (&["States.HeartbeatTimeout"], Some("States.Timeout"), false),
        ] {
            assert_eq!(takes_error(names, error), expected, "{names:?} {error:?}");
        }
    }
}
