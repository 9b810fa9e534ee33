//! Which frame runs: the running place, those set aside, and the queue of those that can go on.

use super::Raised;
use super::execution::Execution;
use super::frame::{Frame, FrameId, Waiting};
use super::machine::Machine;
use crate::program::Program;

/// What the queue had.
pub(super) enum Ready {
    /// A frame runs now.
    Runs,
    /// A parent could not begin its next child; the error is the parent's.
    Raised(Raised),
    /// Nothing is ready.
    Nothing,
}

impl Machine<'_, '_> {
    /// Whether nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        let frame = &self.execution.frame;
        frame.id == FrameId::NONE || frame.waiting != Waiting::Turn
    }

    /// Puts the running frame, which waits, aside. An execution that has not forked has only one
    /// frame, which can wait where it is.
    pub(super) fn set_aside(&mut self) {
        if !self.execution.frames.is_empty() {
            self.park();
        }
    }

    /// Puts the running frame where it belongs; nothing runs then.
    pub(super) fn park(&mut self) {
        let Execution { frame, frames, .. } = &mut *self.execution;
        if frames.is_empty() {
            frames.push(Frame::new());
        }
        let id = frame.id;
        std::mem::swap(frame, &mut frames[id.index()]);
        frame.id = FrameId::NONE;
    }

    /// Lets `id` run; whatever ran is parked.
    pub(super) fn switch_to(&mut self, id: FrameId) {
        if self.execution.frame.id == id {
            return;
        }
        if self.execution.frame.id != FrameId::NONE {
            self.park();
        }
        let Execution { frame, frames, .. } = &mut *self.execution;
        std::mem::swap(frame, &mut frames[id.index()]);
        self.enter_domain(self.execution.frame.domain);
    }

    /// Changes which count of events goes on.
    pub(super) fn enter_domain(&mut self, domain: u32) {
        let Execution { event, domain: current, domains, .. } = &mut *self.execution;
        if *current != domain {
            let places = (*current).max(domain) as usize + 1;
            if domains.len() < places {
                domains.resize(places, 0);
            }
            domains[*current as usize] = *event;
            *event = domains[domain as usize];
            *current = domain;
        }
    }

    /// Goes to the back of the queue with what is left to do.
    pub(super) fn yield_turn(&mut self) {
        if !self.execution.frames.is_empty() {
            self.execution.ready.push_back(self.execution.frame.id);
            self.park();
        }
    }

    /// Lets the next frame run that can.
    pub(super) fn take_ready(&mut self, program: &Program) -> Ready {
        while let Some(id) = self.execution.ready.pop_front() {
            let Waiting::Children(join) = self.execution.frames[id.index()].waiting else {
                self.switch_to(id);
                return Ready::Runs;
            };
            match self.begin_child(program, id, join) {
                Ok(true) => return Ready::Runs,
                Ok(false) => {}
                Err(raised) => {
                    self.give_up(program, id, join, FrameId::NONE);
                    return Ready::Raised(raised);
                }
            }
        }
        Ready::Nothing
    }
}
