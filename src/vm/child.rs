//! The life of a child: begun, joined when it ends, and given up when one beside it fails.

use super::Raised;
use super::execution::Execution;
use super::fork::Work;
use super::frame::{Frame, FrameId, Waiting};
use super::history::{self, Detail};
use super::items::Assignment;
use super::machine::Machine;
use crate::base::tally::Iterated;
use crate::program::{Program, StateIdx};
use crate::value::ArenaId;

impl Machine<'_, '_> {
    pub(super) fn spawn(
        &mut self,
        program: &Program,
        parent: FrameId,
        index: u32,
        arena: ArenaId,
        assignment: &Assignment,
    ) {
        let execution = &mut *self.execution;
        execution.children += 1;
        execution.child_input_bytes += assignment.input.json_len() as u64;
        let id = execution.vacant.pop().unwrap_or_else(|| {
            execution.frames.push(Frame::new());
            FrameId(execution.frames.len() as u32 - 1)
        });
        let join = &mut execution.joins[index as usize];
        let number = join.begun;
        join.begun += 1;
        join.next += assignment.taken;
        join.results.push(None);
        join.running.push(id);
        let (work, cause_event) = (join.work, join.cause_event);
        let more = join.next < join.total && join.running.len() < join.concurrency_max as usize;
        if more && !join.queued {
            join.queued = true;
            execution.ready.push_front(parent);
        }
        let last_event = match work {
            Work::Iterations { tolerated: None, .. } => {
                let state = execution.frames[parent.index()].state;
                self.iteration_event("MapIterationStarted", cause_event, state, number)
            }
            _ => cause_event,
        };
        let Execution { frame, frames, domains, .. } = &mut *self.execution;
        std::mem::swap(frame, &mut frames[id.index()]);
        frame.renew();
        let parent_frame = &frames[parent.index()];
        frame.id = id;
        frame.parent = parent;
        frame.index = number;
        frame.arena = arena;
        frame.items = assignment.taken;
        frame.cur = assignment.input;
        frame.item = assignment.item;
        frame.last_event = last_event;
        frame.domain = parent_frame.domain;
        match work {
            Work::Branches(fork) => {
                frame.pc = program.forks[fork.index()].branches[number as usize];
                frame.variables.extend_from_slice(&parent_frame.variables);
            }
            Work::Iterations { map, tolerated: None, .. } => {
                frame.pc = program.maps[map.index()].entry;
                frame.variables.extend_from_slice(&parent_frame.variables);
            }
            // A child of a distributed Map is an execution of its own: it has a count of events
            // of its own, and does not see the variables outside.
            Work::Iterations { map, tolerated: Some(_), .. } => {
                frame.pc = program.maps[map.index()].entry;
                frame.variables.resize(program.variables.len(), None);
                frame.domain = domains.len().max(1) as u32;
                domains.resize(frame.domain as usize + 1, 1);
                self.enter_domain(self.execution.frame.domain);
            }
        }
    }

    /// The running frame has ended with its result: it goes up to the parent.
    pub(super) fn join(&mut self, program: &Program) -> Option<Raised> {
        let (parent, index, number) = self.parent();
        let Execution { heap, frame, frames, joins, .. } = &mut *self.execution;
        let into = frames[parent.index()].arena;
        let Ok(result) = heap.move_up(frame.cur, frame.arena, into) else {
            return Some(self.oversize(program));
        };
        let join = &mut joins[index as usize];
        join.results[number as usize] = Some(result);
        let last_event = frame.last_event;
        join.cause_event = last_event;
        join.last_event = last_event;
        let inline = matches!(join.work, Work::Iterations { tolerated: None, .. });
        let iterates = matches!(join.work, Work::Iterations { .. });
        let (state, items) = (frames[parent.index()].state, frame.items);
        if iterates {
            self.turn.runs.iterated(state.index(), Iterated::Succeeded, items);
        }
        self.enter_domain(self.execution.frames[parent.index()].domain);
        if inline {
            let id = self.iteration_event("MapIterationSucceeded", last_event, state, number);
            self.execution.joins[index as usize].last_event = id;
        }
        self.retire(parent, index);
        None
    }

    /// The join that the running frame belongs to: parent, number of the join, number of the child.
    fn parent(&self) -> (FrameId, u32, u32) {
        let frame = &self.execution.frame;
        let index = match self.execution.frames[frame.parent.index()].waiting {
            Waiting::Children(index) => index,
            _ => 0,
        };
        (frame.parent, index, frame.index)
    }

    /// Takes the running frame, which is done, out of its join, and lets the parent see to what
    /// comes next.
    fn retire(&mut self, parent: FrameId, index: u32) {
        let id = self.execution.frame.id;
        self.execution.heap.close_arena(self.execution.frame.arena);
        // The last count that was begun can be begun anew.
        let domain = self.execution.frame.domain;
        if domain != self.execution.domain && domain as usize + 1 == self.execution.domains.len() {
            self.execution.domains.pop();
        }
        self.park();
        let Execution { joins, vacant, ready, .. } = &mut *self.execution;
        let join = &mut joins[index as usize];
        if let Some(place) = join.running.iter().position(|running| *running == id) {
            join.running.swap_remove(place);
        }
        vacant.push(id);
        if !join.queued {
            join.queued = true;
            ready.push_front(parent);
        }
    }

    /// An iteration of a Map has ended; a branch of a Parallel is none.
    fn count_iteration(&mut self, parent: FrameId, index: u32, items: u32, how: Iterated) {
        if matches!(self.execution.joins[index as usize].work, Work::Iterations { .. }) {
            let map = self.execution.frames[parent.index()].state;
            self.turn.runs.iterated(map.index(), how, items);
        }
    }

    /// An event about an iteration; `state` is the Map.
    fn iteration_event(
        &mut self,
        kind: &'static str,
        previous: u32,
        state: StateIdx,
        number: u32,
    ) -> u32 {
        self.side_event(kind, previous, |program| {
            vec![
                ("name", history::text(&program.states[state.index()].name)),
                ("index", Detail::Count(u64::from(number))),
            ]
        })
    }

    /// The running frame has failed and nobody in it took the error. Returns the parent's error,
    /// with the parent running, unless the failure is tolerated.
    pub(super) fn child_failed(&mut self, program: &Program, raised: Raised) -> Option<Raised> {
        let (parent, index, number) = self.parent();
        self.count_iteration(parent, index, self.execution.frame.items, Iterated::Failed);
        let join = &mut self.execution.joins[index as usize];
        let mut raised = raised;
        let distributed = match join.work {
            Work::Iterations { tolerated: Some(tolerated), .. } => {
                join.failed += self.execution.frame.items;
                if !tolerated.exceeded(join.failed, join.total) {
                    self.retire(parent, index);
                    return None;
                }
                raised = Raised::threshold();
                true
            }
            _ => false,
        };
        let inline = matches!(join.work, Work::Iterations { tolerated: None, .. });
        let (child, mut last_event) = (self.execution.frame.id, self.execution.frame.last_event);
        let frame = &self.execution.frames[parent.index()];
        let (state, domain) = (frame.state, frame.domain);
        self.enter_domain(domain);
        if distributed {
            last_event = self.execution.joins[index as usize].last_event;
        }
        if inline {
            self.iteration_event("MapIterationFailed", last_event, state, number);
        }
        self.give_up(program, parent, index, child);
        self.execution.frame.last_event = last_event;
        if distributed {
            self.event("MapRunFailed", |_, _| Vec::new());
        }
        Some(raised)
    }

    /// Drops all children of a join and lets the parent run. The child `failed` has told its end
    /// already.
    pub(super) fn give_up(
        &mut self,
        program: &Program,
        parent: FrameId,
        index: u32,
        failed: FrameId,
    ) {
        if self.execution.frame.id != FrameId::NONE {
            self.park();
        }
        self.drop_children(program, parent, index, failed);
        self.switch_to(parent);
        self.execution.frame.waiting = Waiting::Turn;
    }

    fn drop_children(&mut self, program: &Program, parent: FrameId, index: u32, failed: FrameId) {
        let join = &mut self.execution.joins[index as usize];
        join.live = false;
        let children = std::mem::take(&mut join.running);
        let inline = matches!(join.work, Work::Iterations { tolerated: None, .. });
        let detached = matches!(join.work, Work::Iterations { tolerated: Some(_), .. });
        let map = self.execution.frames[parent.index()].state;
        self.execution.ready.retain(|ready| *ready != parent);
        for child in children {
            if child != failed {
                let items = self.execution.frames[child.index()].items;
                self.count_iteration(parent, index, items, Iterated::Aborted);
            }
            self.drop_frame(program, child);
            if child != failed && !detached {
                let Frame { state, last_event, index, .. } = self.execution.frames[child.index()];
                let aborted = history::names(program.states[state.index()].kind).aborted;
                let mut previous = last_event;
                if !aborted.is_empty() {
                    previous = self.side_event(aborted, last_event, |_| Vec::new());
                }
                if inline {
                    self.iteration_event("MapIterationAborted", previous, map, index);
                }
            }
            let arena = self.execution.frames[child.index()].arena;
            self.execution.heap.close_arena(arena);
            self.execution.vacant.push(child);
        }
    }

    /// Withdraws what a parked frame waits for. Nesting is bounded by the definition's.
    fn drop_frame(&mut self, program: &Program, id: FrameId) {
        let frame = &mut self.execution.frames[id.index()];
        if let Some(token) = frame.token.take() {
            self.turn.cancelled.push(token);
            return;
        }
        match frame.waiting {
            Waiting::Children(join) => self.drop_children(program, id, join, FrameId::NONE),
            Waiting::Call { .. } | Waiting::Time => {
                // It may have asked in this very run.
                self.turn.effects.retain(|(frame, _)| *frame != id);
            }
            Waiting::Turn => self.execution.ready.retain(|ready| *ready != id),
        }
    }
}
