//! Parallel and Map: children begun, waited for, and their results gathered.
//!
//! A parent is frozen while its children run: nothing writes to its arena but the results that
//! come up. A Map makes a child only when there is room for one, and runs it at once as far as it
//! gets, so that as few values as possible are alive at a time.

use super::Raised;
use super::execution::Execution;
use super::frame::{Frame, FrameId, Waiting};
use super::history::Detail;
use super::items::Tolerated;
use super::machine::{Flow, Machine, Outcome};
use crate::base::limits::PAYLOAD_BYTES_MAX;
use crate::expr::Fault;
use crate::program::{ForkIdx, MapIdx, Program, StateKind};
use crate::value::Value;

/// What a parent waits for.
#[derive(Debug, Default)]
pub(super) struct Join {
    /// Whether the place is in use.
    pub(super) live: bool,
    pub(super) work: Work,
    /// Items or branches.
    pub(super) total: u32,
    /// The first item or branch that no child has taken.
    pub(super) next: u32,
    /// Children that run or wait.
    pub(super) running: Vec<FrameId>,
    /// Children that may do so at once.
    pub(super) concurrency_max: u32,
    /// Children begun.
    pub(super) begun: u32,
    /// Results by child; nothing for one that is open, or failed and was tolerated.
    pub(super) results: Vec<Option<Value>>,
    /// Items that failed and were tolerated.
    pub(super) failed: u32,
    /// What the next child's first event names as its cause.
    pub(super) cause_event: u32,
    /// What the parent's next event names as its cause.
    pub(super) last_event: u32,
    /// Whether the parent stands in the queue, to begin another child.
    pub(super) queued: bool,
}

/// What the children of a join run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    Branches(ForkIdx),
    Iterations { map: MapIdx, items: Value, tolerated: Option<Tolerated> },
}

impl Join {
    /// Whether somebody waits.
    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    /// Makes the place free for another join.
    pub(super) fn vacate(&mut self) {
        self.live = false;
    }
}

impl Default for Work {
    fn default() -> Self {
        Self::Branches(ForkIdx(0))
    }
}

impl Machine<'_, '_> {
    pub(super) fn begin_branches(&mut self, program: &Program, fork: ForkIdx) -> Outcome {
        self.check_input(program)?;
        let total = program.forks[fork.index()].branches.len() as u32;
        self.event("ParallelStateStarted", |_, _| Vec::new());
        Ok(self.begin_join(Work::Branches(fork), total, total))
    }

    pub(super) fn begin_iterations(&mut self, program: &Program, index: MapIdx) -> Outcome {
        self.check_input(program)?;
        let map = &program.maps[index.index()];
        let items = self.items(program, map)?;
        let concurrency_max = self.concurrency(program, map)?;
        let total = self.execution.heap.len(items) as u32;
        self.event("MapStateStarted", |_, _| vec![("length", Detail::Count(u64::from(total)))]);
        let tolerated = self.tolerated(program, map)?;
        if let Some(distributed) = &map.distributed {
            self.event("MapRunStarted", |machine, program| {
                let world = &program.world;
                let (region, account, name) = (&world.region, &world.account, &world.machine_name);
                let (label, execution) = (&distributed.label, &machine.execution.identity.name);
                let arn =
                    format!("arn:aws:states:{region}:{account}:mapRun:{name}/{label}:{execution}");
                vec![("mapRunArn", Detail::Text(arn.into()))]
            });
        }
        Ok(self.begin_join(
            Work::Iterations { map: index, items, tolerated },
            total,
            concurrency_max,
        ))
    }

    /// The limit on what a state hands to its work.
    fn check_input(&self, program: &Program) -> Result<(), Raised> {
        if self.execution.frame.cur.json_len() > PAYLOAD_BYTES_MAX {
            return Err(self.oversize(program));
        }
        Ok(())
    }

    /// Lets the running frame wait until all of its children are joined.
    fn begin_join(&mut self, work: Work, total: u32, concurrency_max: u32) -> Flow {
        let execution = &mut *self.execution;
        let vacant = execution.joins.iter().position(|join| !join.live);
        let index = vacant.unwrap_or(execution.joins.len());
        if vacant.is_none() {
            execution.joins.push(Join::default());
        }
        let join = &mut execution.joins[index];
        join.running.clear();
        join.results.clear();
        *join = Join {
            live: true,
            work,
            total,
            next: 0,
            running: std::mem::take(&mut join.running),
            concurrency_max,
            begun: 0,
            results: std::mem::take(&mut join.results),
            failed: 0,
            cause_event: execution.frame.last_event,
            last_event: execution.frame.last_event,
            queued: true,
        };
        execution.frame.waiting = Waiting::Children(index as u32);
        Flow::Forked
    }

    /// Puts the running frame, which waits for its children now, into the queue to begin them.
    pub(super) fn freeze(&mut self) {
        self.execution.ready.push_front(self.execution.frame.id);
        self.park();
    }

    /// Lets the parent go on with the results of its children. They may share what they hold, so
    /// that together they can be longer than any value may be.
    fn end_join(&mut self, program: &Program, parent: FrameId, index: u32) -> Result<(), Raised> {
        self.switch_to(parent);
        let Execution { heap, frame, joins, .. } = &mut *self.execution;
        let join = &mut joins[index as usize];
        join.live = false;
        frame.waiting = Waiting::Turn;
        frame.last_event = join.last_event;
        let kept = join.results.iter().flatten().count();
        let gathered = heap.open(frame.arena, kept).and_then(|open| {
            for (slot, result) in join.results.iter().flatten().enumerate() {
                heap.set(open, slot, *result);
            }
            heap.close_array(open)
        });
        let Ok(gathered) = gathered else { return Err(self.oversize(program)) };
        frame.cur = gathered;
        if let Work::Iterations { map, .. } = join.work
            && program.maps[map.index()].distributed.is_some()
        {
            self.event("MapRunSucceeded", |_, _| Vec::new());
        }
        let kind = match self.state(program).kind {
            StateKind::Map => "MapStateSucceeded",
            _ => "ParallelStateSucceeded",
        };
        let previous = self.execution.frame.last_event;
        self.side_event(kind, previous, |_| Vec::new());
        Ok(())
    }

    /// Begins the next child of a parked parent, or ends the join; false when neither can be now.
    pub(super) fn begin_child(
        &mut self,
        program: &Program,
        parent: FrameId,
        index: u32,
    ) -> Result<bool, Raised> {
        let join = &mut self.execution.joins[index as usize];
        join.queued = false;
        if join.next == join.total {
            let joined = join.running.is_empty();
            if joined {
                self.end_join(program, parent, index)?;
            }
            return Ok(joined);
        }
        if join.running.len() >= join.concurrency_max as usize {
            return Ok(false);
        }
        self.enter_domain(self.execution.frames[parent.index()].domain);
        let execution = &mut *self.execution;
        let open = execution.frames.len() - execution.vacant.len();
        let limits = self.turn.limits;
        let frame_bytes = size_of::<Frame>() + program.variables.len() * size_of::<Value>();
        let held_bytes = execution.heap.held_bytes() + open * frame_bytes;
        if open >= limits.frames_max || held_bytes >= limits.held_bytes_max {
            return Err(self.of_parent(program, parent, &Fault::new(format!(
                "The execution holds {open} open branches and iterations and {held_bytes} bytes of values, more than it may: {} and {}",
                limits.frames_max, limits.held_bytes_max
            ))));
        }
        // What a child is made of may have to be looked for among the parent's members.
        let cost = 1 + execution.heap.len(execution.frames[parent.index()].cur) / LOOKS_PER_FUEL;
        self.turn.spend(cost);
        let execution = &mut *self.execution;
        let arena = execution.heap.open_arena();
        let arena = arena.map_err(|error| self.of_parent(program, parent, &Fault::from(error)))?;
        match self.assignment(program, parent, index, arena) {
            Ok(assignment) => {
                self.spawn(program, parent, index, arena, &assignment);
                Ok(true)
            }
            Err(raised) => {
                self.execution.heap.close_arena(arena);
                Err(raised)
            }
        }
    }

    /// An error of a parked parent.
    #[cold]
    pub(super) fn of_parent(&self, program: &Program, parent: FrameId, fault: &Fault) -> Raised {
        let parent = &self.execution.frames[parent.index()];
        Raised::runtime(&program.states[parent.state.index()].name, parent.entered_event, fault)
    }
}

/// Members passed over that cost as much as an instruction.
const LOOKS_PER_FUEL: usize = 32;
