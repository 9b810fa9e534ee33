//! One execution: its program, its values, its frames.

use std::rc::Rc;

use super::fork::Join;
use super::frame::{Frame, FrameId};
use super::history::{self, Event};
use super::machine::Machine;
use super::recording::{History, Level, Recording};
use super::{Effect, Raised, Step, Wake};
use crate::base::clock::Now;
use crate::base::entropy::Entropy;
use crate::base::ids::{ExecutionSuffix, WakeToken};
use crate::base::tally::RunTally;
use crate::base::trace::Trace;
use crate::expr::jsonata::Scratch;
use crate::program::{Loaded, Op, Program, StateIdx, World};
use crate::value::{ArenaId, Heap, ParseError, Parser, Value};

/// A running execution. Reused for one event after the other, so that its memory is warm.
#[derive(Debug)]
pub struct Execution {
    pub(super) program: Rc<Program>,
    pub(super) heap: Heap,
    /// The frame that runs; its place in `frames` is vacant meanwhile.
    pub(super) frame: Frame,
    /// All other frames by their number, and vacant places. Empty until something forks.
    pub(super) frames: Vec<Frame>,
    /// Numbers of vacant places.
    pub(super) vacant: Vec<FrameId>,
    /// Frames that can go on, the next one first: those that have a turn, and parents with room
    /// for another child.
    pub(super) ready: std::collections::VecDeque<FrameId>,
    /// What parents wait for.
    pub(super) joins: Vec<Join>,
    pub(super) identity: Identity,
    pub(super) input: Value,
    /// Bytes of the input, which may have been dropped.
    pub(super) input_bytes: u64,
    /// Number of the last event, counted as AWS would number the history whether or not one is
    /// kept: causes quote it.
    pub(super) event: u32,
    /// Which count `event` is: 0 the execution's own, else that of a child of a distributed Map.
    pub(super) domain: u32,
    /// The counts of the other domains.
    pub(super) domains: Vec<u32>,
    pub(super) transitions: u32,
    /// Bytes of the inputs of all branches and iterations begun.
    pub(super) child_input_bytes: u64,
    /// Branches and iterations begun.
    pub(super) children: u64,
    /// Most bytes of memory held before the last sleep.
    pub(super) held_bytes_before: usize,
    pub(super) history: Option<History>,
    pub(super) trace: Trace,
}

/// Who an execution is.
#[derive(Debug, Default)]
pub(super) struct Identity {
    pub(super) name: String,
    pub(super) suffix: Option<ExecutionSuffix>,
    pub(super) started_ms: i64,
}

/// Bounds of what one execution may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Iterations of an inline Map that run at once; AWS: 40.
    pub map_concurrency_max: u32,
    /// Iterations of a distributed Map that run at once; AWS: 10,000.
    pub distributed_concurrency_max: u32,
    /// Branches and iterations that are open at once, at any depth.
    pub frames_max: usize,
    /// Bytes of values at which an execution may begin no more work.
    pub held_bytes_max: usize,
    /// Bytes of recorded events at which an execution records only its end.
    pub history_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            map_concurrency_max: 40,
            distributed_concurrency_max: 1_000,
            frames_max: 65_536,
            held_bytes_max: 64 * 1_024 * 1_024,
            history_bytes_max: 4 * 1_024 * 1_024,
        }
    }
}

/// What a run may use.
pub struct Turn<'a> {
    /// The time of this turn.
    pub now: Now,
    /// The shard's parser.
    pub parser: &'a mut Parser,
    /// The shard's random numbers.
    pub entropy: &'a mut Entropy,
    /// The shard's place for the items of an evaluation.
    pub scratch: &'a mut Scratch,
    /// Instructions left; counted down.
    pub fuel: u32,
    /// Bounds of the execution.
    pub limits: Limits,
    /// Fuel that went into anything but instructions; 0 at first.
    pub spent_beside: u32,
    /// Counts of the machine that runs.
    pub runs: &'a mut RunTally,
    /// Effects of this run are added here, each with the frame that waits for it.
    pub effects: &'a mut Vec<(FrameId, Effect)>,
    /// What no longer has to wake anybody is added here: its call or timer is to be given up.
    pub cancelled: &'a mut Vec<WakeToken>,
}

impl Turn<'_> {
    /// Takes fuel for work that is no instruction: others wait, too.
    #[inline]
    pub(super) fn spend(&mut self, cost: usize) {
        let cost = u32::try_from(cost).unwrap_or(u32::MAX).min(self.fuel);
        self.fuel -= cost;
        self.spent_beside += cost;
    }
}

impl Execution {
    /// An execution that has not begun.
    pub fn new(loaded: &Loaded) -> Self {
        Self {
            program: Rc::clone(&loaded.program),
            heap: Heap::new(Rc::clone(&loaded.constants)),
            frame: Frame::new(),
            frames: Vec::new(),
            vacant: Vec::new(),
            ready: std::collections::VecDeque::new(),
            joins: Vec::new(),
            identity: Identity::default(),
            input: Value::NULL,
            input_bytes: 0,
            event: 0,
            domain: 0,
            domains: Vec::new(),
            transitions: 0,
            child_input_bytes: 0,
            children: 0,
            held_bytes_before: 0,
            history: None,
            trace: Trace::default(),
        }
    }

    /// Begins a new execution here, whatever was before; `recording` says what of its history is kept.
    ///
    /// # Errors
    /// [`ParseError`] when `input` is no JSON document; nothing has begun then.
    #[expect(clippy::too_many_arguments, reason = "what an execution is, each part from elsewhere")]
    pub fn begin(
        &mut self,
        loaded: &Loaded,
        name: &str,
        suffix: Option<ExecutionSuffix>,
        input: &[u8],
        now: Now,
        parser: &mut Parser,
        recording: Recording,
    ) -> Result<(), ParseError> {
        if !Rc::ptr_eq(&self.program, &loaded.program) {
            self.program = Rc::clone(&loaded.program);
        }
        self.heap.reset(&loaded.constants);
        self.input = self.heap.parse(ArenaId::ROOT, input, parser)?;
        self.input_bytes = self.input.json_len() as u64;
        self.identity.name.clear();
        self.identity.name.push_str(name);
        self.identity.suffix = suffix;
        self.identity.started_ms = now.wall_ms;
        self.frame.renew();
        self.frame.cur = self.input;
        self.frame.variables.resize(self.program.variables.len(), None);
        if !self.frames.is_empty() {
            self.forget_frames();
        }
        // ExecutionStarted
        self.event = 1;
        self.transitions = 0;
        self.child_input_bytes = 0;
        self.children = 0;
        self.held_bytes_before = 0;
        self.history = None;
        self.trace = Trace::default();
        if recording.level != Level::Off {
            self.begin_history(recording, now);
        }
        Ok(())
    }

    #[cold]
    fn begin_history(&mut self, recording: Recording, now: Now) {
        let mut history = History::new(recording);
        let kind = "ExecutionStarted";
        if recording.level.logs(kind) {
            let role = ("roleArn", history::text(&self.program.world.role_arn));
            let input = || history::json(&self.heap, self.input);
            let details = history.data_first("input", input, [role]);
            let Now { wall_ms, mono_ns } = now;
            history.push(Event { id: 1, previous: 0, wall_ms, mono_ns, kind, details });
        }
        self.history = Some(history);
    }

    /// The working value of the running frame as a detail, if data is recorded.
    pub(super) fn working_data(
        &self,
        name: &'static str,
    ) -> Option<(&'static str, history::Detail)> {
        let json = || history::json(&self.heap, self.frame.cur);
        self.history.as_ref().and_then(|history| history.data(name, json))
    }

    /// Makes all places of frames and joins vacant, and keeps as many as are usual.
    #[cold]
    pub(super) fn forget_frames(&mut self) {
        self.frames.truncate(FRAMES_KEPT_MAX);
        self.vacant.clear();
        self.vacant.extend((1..self.frames.len() as u32).map(FrameId));
        self.ready.clear();
        self.joins.truncate(FRAMES_KEPT_MAX);
        self.joins.iter_mut().for_each(Join::vacate);
        self.domains.clear();
        self.domain = 0;
    }

    /// Runs until the execution ends, waits, or the turn's fuel is used up.
    pub fn run(&mut self, turn: &mut Turn<'_>) -> Step {
        Machine::new(self, turn).run()
    }

    /// Goes on with the answer to the effect that `frame` waits for.
    pub fn resume(&mut self, frame: FrameId, wake: Wake<'_>, turn: &mut Turn<'_>) -> Step {
        Machine::new(self, turn).resume(frame, wake)
    }

    /// Says what will wake `frame`, so that it can be given up when the frame is.
    pub fn wait_under(&mut self, frame: FrameId, token: WakeToken) {
        let frame = if self.frame.id == frame {
            Some(&mut self.frame)
        } else {
            self.frames.get_mut(frame.index())
        };
        if let Some(frame) = frame {
            frame.token = Some(token);
        }
    }

    /// Everything that would wake a frame of this execution.
    pub fn tokens(&self) -> impl Iterator<Item = WakeToken> {
        std::iter::once(&self.frame).chain(&self.frames).filter_map(|frame| frame.token)
    }

    /// Records how and when the execution ended, if a history is kept; what it did last is not later
    /// than that.
    pub fn end_history(&mut self, end: End<'_>, at: Now) {
        let Some(history) = &mut self.history else { return };
        history.cut_off(at);
        let previous = if self.frame.id == FrameId::ROOT {
            self.frame.last_event
        } else {
            self.frames.first().map_or(0, |root| root.last_event)
        };
        let (kind, details) = match end {
            End::Succeeded(value) => {
                let output = || history::json(&self.heap, value);
                ("ExecutionSucceeded", history.data_first("output", output, []))
            }
            End::Failed(raised) => ("ExecutionFailed", history::failure(raised)),
            End::TimedOut(raised) => ("ExecutionTimedOut", history::failure(raised)),
        };
        // What ran last may have been a child of a distributed Map, which counts for itself.
        let own = if self.domain == 0 { Some(&mut self.event) } else { self.domains.first_mut() };
        let id = own.map_or(0, |event| {
            *event = event.saturating_add(1);
            *event
        });
        // Whatever found no room before: how it ended is told.
        if history.recording.level.logs(kind) {
            let Now { wall_ms, mono_ns } = at;
            history.push(Event { id, previous, wall_ms, mono_ns, kind, details });
        }
    }

    /// The events so far; empty when no history is kept.
    pub fn history(&self) -> &[Event] {
        self.history.as_ref().map_or(&[], |history| &history.events)
    }

    /// Events that found no room in the history.
    pub fn events_left_out(&self) -> u32 {
        self.history.as_ref().map_or(0, |history| history.left_out)
    }

    /// Says where in a distributed trace the execution stands; forgotten by the next one.
    pub fn trace_under(&mut self, trace: Trace) {
        self.trace = trace;
    }

    /// Where in a distributed trace the execution stands.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The program that runs.
    pub fn program(&self) -> &Rc<Program> {
        &self.program
    }

    /// Execution name.
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// Wall clock at the start, ms since the Unix epoch.
    pub fn started_ms(&self) -> i64 {
        self.identity.started_ms
    }

    /// States entered so far; a retry enters none.
    pub fn transitions(&self) -> u32 {
        self.transitions
    }

    /// The state that the running frame is in.
    pub fn state(&self) -> StateIdx {
        self.frame.state
    }

    /// The instruction that the running frame comes to next.
    pub fn next_op(&self) -> Option<Op> {
        self.program.ops.get(self.frame.pc.0 as usize).copied()
    }

    /// The working value of the running frame.
    pub fn working_value(&self) -> Value {
        self.frame.cur
    }

    /// Bytes that AWS's memory formula counts beside 50 MB and the definition: the inputs of all
    /// branches and iterations begun, or with none the execution's own.
    pub fn metered_data_bytes(&self) -> u64 {
        if self.children == 0 { self.input_bytes } else { self.child_input_bytes }
    }

    /// Bytes of the input document.
    pub fn input_bytes(&self) -> u64 {
        self.input_bytes
    }

    /// Bytes of memory that the execution's values hold.
    pub fn held_bytes(&self) -> usize {
        self.heap.held_bytes()
    }

    /// Most bytes of memory that the execution's values have held at a time.
    pub fn held_bytes_peak(&self) -> usize {
        self.heap.held_bytes_peak().max(self.held_bytes_before)
    }

    /// Appends a value of this execution as compact JSON.
    pub fn write(&self, value: Value, out: &mut Vec<u8>) {
        self.heap.write(value, out);
    }
}

/// How an execution ended, for its history.
#[derive(Clone, Copy, Debug)]
pub enum End<'a> {
    /// With this output.
    Succeeded(Value),
    /// With this error.
    Failed(&'a Raised),
    /// By its own limit of time.
    TimedOut(&'a Raised),
}

impl Identity {
    /// The execution's ARN.
    pub(super) fn arn(&self, world: &World) -> String {
        match self.suffix {
            Some(suffix) => format!("{}{}:{suffix}", world.execution_arn_prefix, self.name),
            None => format!("{}{}", world.execution_arn_prefix, self.name),
        }
    }
}

/// Places of frames and joins that an execution keeps for the next one.
const FRAMES_KEPT_MAX: usize = 64;
