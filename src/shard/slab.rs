//! The open executions of a shard: each awake, or folded up while it sleeps.

use super::Status;
use super::timers::TimerKey;
use crate::base::clock::Now;
use crate::base::ids::{ExecutionSuffix, MachineIdx, Origin, WakeToken};
use crate::base::limits::EXPRESS_DURATION_MS_MAX;
use crate::program::Loaded;
use crate::value::Parser;
use crate::vm::{Asleep, Execution, Raised};

/// Open executions by their slot, and finished ones kept for their memory.
#[derive(Default)]
pub(super) struct Slab {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Bytes that sleeping executions hold for their values.
    asleep_bytes: usize,
    #[expect(clippy::vec_box, reason = "moved in and out of slots as the pointers they are")]
    spare: Vec<Box<Running>>,
}

/// What is in a slot. One whose execution runs at the moment is empty.
#[derive(Default)]
enum Slot {
    #[default]
    Empty,
    Awake(Box<Running>),
    Asleep(Box<Sleeping>),
}

const _: () = assert!(size_of::<Slot>() == 16);

/// An execution and what the shard knows of it.
pub(super) struct Running {
    pub(super) execution: Execution,
    pub(super) ticket: Ticket,
    /// Whether it stands in the queue for another turn.
    pub(super) queued: bool,
}

const _: () = assert!(size_of::<Sleeping>() <= 256, "one size class of the allocator");

struct Sleeping {
    asleep: Asleep,
    ticket: Ticket,
}

/// What the shard knows of an execution.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    pub(super) origin: Origin,
    pub(super) machine: MachineIdx,
    pub(super) suffix: ExecutionSuffix,
    pub(super) started: Now,
    pub(super) deadline: Option<TimerKey>,
}

impl Slab {
    /// Executions started and not settled.
    pub(super) fn open(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Slots that have ever been in use.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of memory that open executions hold for their values.
    pub(super) fn held_bytes(&self) -> usize {
        let awake = self.slots.iter().map(|slot| match slot {
            Slot::Awake(running) => running.execution.held_bytes(),
            Slot::Asleep(_) | Slot::Empty => 0,
        });
        self.asleep_bytes + awake.sum::<usize>()
    }

    /// An execution that has not begun, with the memory of one that has ended.
    pub(super) fn spare(&mut self, loaded: &Loaded) -> Box<Running> {
        self.spare.pop().unwrap_or_else(|| Box::new(Running::new(loaded)))
    }

    /// Keeps a finished execution for its memory, unless it has grown beyond the usual.
    pub(super) fn keep(&mut self, running: Box<Running>) {
        if self.spare.len() < SPARE_MAX && running.execution.held_bytes() < SPARE_BYTES_MAX {
            self.spare.push(running);
        }
    }

    /// A slot for an execution that has none yet.
    pub(super) fn occupy(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::Empty);
            self.slots.len() as u32 - 1
        })
    }

    /// Gives a slot free whose execution has been taken out of it.
    pub(super) fn vacate(&mut self, index: u32) {
        self.free.push(index);
    }

    /// Puts an execution into its slot.
    pub(super) fn put(&mut self, index: u32, running: Box<Running>) {
        self.slots[index as usize] = Slot::Awake(running);
    }

    /// Takes the execution out of its slot, unfolded if it slept; that it could not be is an error
    /// which it ends with.
    pub(super) fn take(
        &mut self,
        index: u32,
        machines: &[Loaded],
        parser: &mut Parser,
    ) -> Option<(Box<Running>, Result<(), Raised>)> {
        match std::mem::take(&mut self.slots[index as usize]) {
            Slot::Empty => None,
            Slot::Awake(running) => Some((running, Ok(()))),
            Slot::Asleep(sleeping) => {
                let Sleeping { asleep, ticket } = *sleeping;
                self.asleep_bytes -= asleep.held_bytes();
                let loaded = machines.get(usize::from(ticket.machine.0))?;
                let mut running = self.spare(loaded);
                running.ticket = ticket;
                running.queued = false;
                let suffix = loaded.program.world.express.then_some(ticket.suffix);
                let woken = running.execution.wake_up(asleep, suffix, parser);
                Some((running, woken))
            }
        }
    }

    /// Takes an execution that stands in the queue out of its slot; it may have timed out since.
    pub(super) fn take_queued(&mut self, index: u32) -> Option<Box<Running>> {
        let slot = &mut self.slots[index as usize];
        match std::mem::take(slot) {
            Slot::Awake(running) if running.queued => Some(running),
            other => {
                *slot = other;
                None
            }
        }
    }

    /// Folds up the execution in a slot, if it is one that can be.
    pub(super) fn fold(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        let Slot::Awake(running) = slot else { return };
        let Some(asleep) = running.execution.fall_asleep() else { return };
        self.asleep_bytes += asleep.held_bytes();
        let sleeping = Slot::Asleep(Box::new(Sleeping { asleep, ticket: running.ticket }));
        if let Slot::Awake(running) = std::mem::replace(slot, sleeping) {
            self.keep(running);
        }
    }

    /// Drops the execution in a slot; returns what would have woken it and its deadline.
    pub(super) fn drop_unsettled(
        &mut self,
        index: u32,
    ) -> Option<(Vec<WakeToken>, Option<TimerKey>)> {
        let dropped = match std::mem::take(&mut self.slots[index as usize]) {
            Slot::Empty => return None,
            Slot::Awake(running) => (running.execution.tokens().collect(), running.ticket.deadline),
            Slot::Asleep(sleeping) => {
                self.asleep_bytes -= sleeping.asleep.held_bytes();
                (sleeping.asleep.token().into_iter().collect(), sleeping.ticket.deadline)
            }
        };
        self.free.push(index);
        Some(dropped)
    }
}

impl Running {
    fn new(loaded: &Loaded) -> Self {
        Self {
            execution: Execution::new(loaded),
            ticket: Ticket {
                origin: Origin::default(),
                machine: MachineIdx(0),
                suffix: ExecutionSuffix([0; 16]),
                started: Now::default(),
                deadline: None,
            },
            queued: false,
        }
    }

    /// Milliseconds that the whole execution may take.
    pub(super) fn timeout_ms(&self) -> Option<u64> {
        let program = self.execution.program();
        let express = program.world.express.then_some(EXPRESS_DURATION_MS_MAX);
        match (program.timeout_ms, express) {
            (Some(own), Some(limit)) => Some(own.min(limit)),
            (own, limit) => own.or(limit),
        }
    }

    /// When it ends if it ends now: result, history and bill tell the same. Its wall clock goes by the
    /// monotonic one from its start on, since two readings in milliseconds can differ from the
    /// duration by one.
    pub(super) fn end(&self, status: Status, now: Now) -> Now {
        let started_ns = self.ticket.started.mono_ns;
        let mut duration_ns = now.mono_ns.saturating_sub(started_ns);
        if let (Status::TimedOut, Some(timeout_ms)) = (status, self.timeout_ms()) {
            // The limit is what AWS bills, however late the timer was looked at.
            duration_ns = timeout_ms * 1_000_000;
        }
        let wall_ms = self.execution.started_ms() + (duration_ns / 1_000_000) as i64;
        Now { mono_ns: started_ns + duration_ns, wall_ms }
    }
}

/// Finished executions kept for their memory: enough for those that end within one turn.
const SPARE_MAX: usize = 1_024;
const SPARE_BYTES_MAX: usize = 64 * 1_024;
