//! An execution that sleeps, folded up: where it stands, and its values as text.
//!
//! A waiting execution needs neither arenas nor tapes. What it holds beside its text is this
//! struct; its heap and everything else serve others until it wakes up. With a million of them
//! every byte here is a megabyte.

use std::rc::Rc;

use super::Raised;
use super::context::{self, StateContext};
use super::execution::Execution;
use super::fork::Join;
use super::frame::{Frame, FrameId, Waiting};
use super::recording::History;
use crate::base::ids::{ExecutionSuffix, WakeToken};
use crate::base::trace::{NO_TRACE, Trace};
use crate::program::{Loaded, Pc, StateIdx};
use crate::value::{ArenaId, Folded, Parser, Value};

/// A folded execution; see [`Execution::fall_asleep`].
#[derive(Debug)]
pub struct Asleep {
    loaded: Loaded,
    /// The registers, the name, the input if it is kept, and the variables that are set.
    values: Folded,
    keeps_input: bool,
    stand: Stand,
    started_ms: i64,
    /// A payload is at most 256 KiB.
    input_bytes: u32,
    child_input_bytes: u64,
    /// Saturates: only whether there were any is asked later.
    children: u32,
    /// Most bytes held before it fell asleep; it may hold at most 4 GiB.
    held_bytes_peak: u32,
    event: u32,
    transitions: u32,
    /// Hardly ever there.
    aside: Option<Box<Aside>>,
}

const _: () = assert!(size_of::<Asleep>() <= 176);

/// What a [`Frame`] is beside its values.
#[derive(Debug)]
struct Stand {
    pc: Pc,
    state: StateIdx,
    entered_event: u32,
    last_event: u32,
    entered_ms: i64,
    entered_ns: u64,
    retry_count: u32,
    caught: bool,
    waiting: Waiting,
    token: Option<WakeToken>,
    attempts: Box<[u32]>,
    /// Which variables are set.
    variables: Box<[bool]>,
}

/// What few executions have.
#[derive(Debug, Default)]
struct Aside {
    history: Option<History>,
    trace: Trace,
}

impl Aside {
    fn of(history: Option<History>, trace: Trace) -> Option<Box<Self>> {
        let is_there = history.is_some() || trace != NO_TRACE;
        is_there.then(|| Box::new(Self { history, trace }))
    }
}

impl Asleep {
    /// What wakes the execution.
    pub fn token(&self) -> Option<WakeToken> {
        self.stand.token
    }

    /// Bytes of memory held for its values.
    pub fn held_bytes(&self) -> usize {
        self.values.held_bytes()
    }
}

impl Execution {
    /// Folds up an execution that waits, and leaves this one to begin another. Answers nothing,
    /// and changes nothing, while it has children or when its values are nested too deep.
    pub fn fall_asleep(&mut self) -> Option<Asleep> {
        if self.domain != 0 || !self.ready.is_empty() || self.joins.iter().any(Join::is_live) {
            return None;
        }
        let name = self.heap.string(ArenaId::ROOT, &self.identity.name).ok()?;
        // Once an execution has forked, its frames wait aside.
        let root =
            if self.frame.id == FrameId::ROOT { &self.frame } else { self.frames.first()? };
        let stand = Stand::of(root)?;
        // The answer to a call takes the place of what was sent.
        let called = matches!(root.waiting, Waiting::Call { .. });
        let mut roots = vec![root.raw, if called { root.raw } else { root.cur }, name];
        let keeps_input = self.program.context_ahead[root.state.index()];
        roots.extend(keeps_input.then_some(self.input));
        roots.extend(root.variables.iter().flatten());
        let values = self.heap.fold(&roots)?;
        // Whoever runs here next is not woken by it, nor may withdraw it.
        let aside = self.frames.iter_mut().take(1);
        aside.chain(std::iter::once(&mut self.frame)).for_each(|frame| frame.token = None);
        Some(Asleep {
            values,
            loaded: Loaded {
                program: Rc::clone(&self.program),
                constants: Rc::clone(self.heap.constants()),
            },
            keeps_input,
            stand,
            started_ms: self.identity.started_ms,
            input_bytes: u32::try_from(self.input_bytes).unwrap_or(u32::MAX),
            child_input_bytes: self.child_input_bytes,
            children: u32::try_from(self.children).unwrap_or(u32::MAX),
            held_bytes_peak: u32::try_from(self.held_bytes_peak()).unwrap_or(u32::MAX),
            event: self.event,
            transitions: self.transitions,
            aside: Aside::of(self.history.take(), std::mem::take(&mut self.trace)),
        })
    }

    /// Unfolds an execution here, whatever was before; it then waits as it did.
    ///
    /// # Errors
    /// [`Raised`] when its values cannot be read again; it can only end then.
    pub fn wake_up(
        &mut self,
        asleep: Asleep,
        suffix: Option<ExecutionSuffix>,
        parser: &mut Parser,
    ) -> Result<(), Raised> {
        if !self.frames.is_empty() {
            self.forget_frames();
        }
        self.heap.reset(&asleep.loaded.constants);
        self.program = asleep.loaded.program;
        asleep.stand.restore(&mut self.frame);
        self.identity.name.clear();
        self.identity.suffix = suffix;
        self.identity.started_ms = asleep.started_ms;
        self.input = Value::NULL;
        self.input_bytes = asleep.input_bytes.into();
        self.child_input_bytes = asleep.child_input_bytes;
        self.children = asleep.children.into();
        self.held_bytes_before = asleep.held_bytes_peak as usize;
        self.event = asleep.event;
        self.transitions = asleep.transitions;
        let aside = asleep.aside.map(|aside| *aside).unwrap_or_default();
        self.history = aside.history;
        self.trace = aside.trace;
        self.unfold(&asleep.values, asleep.keeps_input, parser)
    }

    fn unfold(
        &mut self,
        values: &Folded,
        keeps_input: bool,
        parser: &mut Parser,
    ) -> Result<(), Raised> {
        let Self { heap, frame, identity, input, program, .. } = self;
        let variables = frame.variables.iter().flatten().count();
        let mut roots = vec![Value::NULL; 3 + usize::from(keeps_input) + variables];
        heap.unfold(values, &mut roots, parser).map_err(|error| lost(&error))?;
        let mut roots = roots.into_iter();
        let mut next = || roots.next().unwrap_or(Value::NULL);
        (frame.raw, frame.cur) = (next(), next());
        identity.name.push_str(heap.key_text(next()));
        if keeps_input {
            *input = next();
        }
        frame.variables.iter_mut().flatten().for_each(|variable| *variable = next());
        let state = &program.states[frame.state.index()];
        if state.reads_context {
            let current = StateContext {
                state,
                entered_ms: frame.entered_ms,
                retry_count: frame.retry_count,
                item: None,
            };
            frame.context = context::build(heap, frame.arena, program, identity, *input, &current)
                .map_err(|error| lost(&error))?;
        }
        Ok(())
    }
}

impl Stand {
    /// Where a root frame stands that waits for a call or a time; nothing if it does not.
    fn of(frame: &Frame) -> Option<Self> {
        // Every field is named, so that a new one is not forgotten here.
        let &Frame {
            pc,
            state,
            entered_event,
            // Whatever is evaluated after a wait no longer enters the state.
            entry_cause: _,
            last_event,
            entered_ms,
            entered_ns,
            retry_count,
            caught,
            waiting,
            token,
            ref attempts,
            ref variables,
            ref staged,
            id: _,
            parent: _,
            index: _,
            domain: _,
            arena: _,
            raw: _,
            cur: _,
            context: _,
            item: _,
            compact_at_bytes: _,
            items: _,
        } = frame;
        let waits = matches!(waiting, Waiting::Call { .. } | Waiting::Time);
        (waits && staged.is_empty()).then(|| Self {
            pc,
            state,
            entered_event,
            last_event,
            entered_ms,
            entered_ns,
            retry_count,
            caught,
            waiting,
            token,
            attempts: attempts.as_slice().into(),
            variables: variables.iter().map(Option::is_some).collect(),
        })
    }

    /// Makes `frame` a root frame that stands here; its values are `null`.
    fn restore(self, frame: &mut Frame) {
        frame.renew();
        frame.pc = self.pc;
        frame.state = self.state;
        frame.entered_event = self.entered_event;
        frame.last_event = self.last_event;
        frame.entered_ms = self.entered_ms;
        frame.entered_ns = self.entered_ns;
        frame.retry_count = self.retry_count;
        frame.caught = self.caught;
        frame.waiting = self.waiting;
        frame.token = self.token;
        frame.attempts.extend_from_slice(&self.attempts);
        frame.variables.extend(self.variables.iter().map(|set| set.then_some(Value::NULL)));
    }
}

/// A fault of ours: only text that was written by a heap is read.
#[cold]
fn lost(error: &dyn std::error::Error) -> Raised {
    let cause = format!("The waiting execution could not be read again: {error}");
    Raised::new(Some("States.Runtime"), Some(&cause))
}
