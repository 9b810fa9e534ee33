//! One execution: its program, its values, where it stands.

use std::rc::Rc;

use super::machine::Machine;
use super::{Step, Wake};
use crate::base::clock::Now;
use crate::base::entropy::Entropy;
use crate::base::ids::ExecutionSuffix;
use crate::program::{Loaded, Pc, Program, StateIdx, World};
use crate::value::{ArenaId, Heap, ParseError, Parser, Value};

/// A running execution. Reused for one event after the other, so that its memory is warm.
#[derive(Debug)]
pub struct Execution {
    pub(super) program: Rc<Program>,
    pub(super) heap: Heap,
    pub(super) frame: Frame,
    pub(super) identity: Identity,
    pub(super) input: Value,
    /// Number of the last event, counted as AWS would number the history whether or not one is
    /// kept: causes quote it.
    pub(super) event: u32,
    pub(super) transitions: u32,
}

/// What outlives a suspension.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) pc: Pc,
    pub(super) state: StateIdx,
    pub(super) arena: ArenaId,
    /// State input.
    pub(super) raw: Value,
    /// Working value.
    pub(super) cur: Value,
    /// Result of the last task.
    pub(super) res: Value,
    /// `$$`, or `null` in a state that does not read it.
    pub(super) context: Value,
    /// Event number at which the state was entered.
    pub(super) entered_event: u32,
    /// Wall clock at which the state was entered, ms since the Unix epoch.
    pub(super) entered_ms: i64,
    /// Attempts already made of this visit.
    pub(super) retry_count: u32,
    /// Bytes of values at which the next state begins with a compaction.
    pub(super) compact_at_bytes: usize,
}

/// Who an execution is.
#[derive(Debug, Default)]
pub(super) struct Identity {
    pub(super) name: String,
    pub(super) suffix: Option<ExecutionSuffix>,
    pub(super) started_ms: i64,
}

/// What a run may use.
pub struct Turn<'a> {
    /// The time of this turn.
    pub now: Now,
    /// The shard's parser.
    pub parser: &'a mut Parser,
    /// The shard's random numbers.
    pub entropy: &'a mut Entropy,
    /// Instructions left; counted down.
    pub fuel: u32,
}

impl Execution {
    /// An execution that has not begun.
    pub fn new(loaded: &Loaded) -> Self {
        Self {
            program: Rc::clone(&loaded.program),
            heap: Heap::new(Rc::clone(&loaded.constants)),
            frame: Frame::new(),
            identity: Identity::default(),
            input: Value::NULL,
            event: 0,
            transitions: 0,
        }
    }

    /// Begins a new execution here, whatever was before.
    ///
    /// # Errors
    /// [`ParseError`] when `input` is no JSON document; nothing has begun then.
    pub fn begin(
        &mut self,
        loaded: &Loaded,
        name: &str,
        suffix: Option<ExecutionSuffix>,
        input: &[u8],
        now: Now,
        parser: &mut Parser,
    ) -> Result<(), ParseError> {
        if !Rc::ptr_eq(&self.program, &loaded.program) {
            self.program = Rc::clone(&loaded.program);
        }
        self.heap.reset(&loaded.constants);
        self.input = self.heap.parse(input, parser)?;
        self.identity.name.clear();
        self.identity.name.push_str(name);
        self.identity.suffix = suffix;
        self.identity.started_ms = now.wall_ms;
        self.frame = Frame::new();
        self.frame.cur = self.input;
        // ExecutionStarted
        self.event = 1;
        self.transitions = 0;
        Ok(())
    }

    /// Runs until the execution ends, waits, or the turn's fuel is used up.
    pub fn run(&mut self, turn: &mut Turn<'_>) -> Step {
        Machine::new(self, turn).run()
    }

    /// Goes on with the answer to the effect that the execution waits for.
    pub fn resume(&mut self, wake: Wake<'_>, turn: &mut Turn<'_>) -> Step {
        let mut machine = Machine::new(self, turn);
        match machine.answer(wake) {
            Ok(()) => machine.run(),
            Err(raised) => Step::Failed(raised),
        }
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

    /// States entered so far, retries included.
    pub fn transitions(&self) -> u32 {
        self.transitions
    }

    /// Attempts already made of the running state's visit.
    pub fn retry_count(&self) -> u32 {
        self.frame.retry_count
    }

    /// Name of the state that runs or waits.
    pub fn state_name(&self) -> &str {
        self.program.states.get(self.frame.state.index()).map_or("", |state| &state.name)
    }

    /// Bytes of the input as compact JSON.
    pub fn input_bytes(&self) -> usize {
        self.input.json_len()
    }

    /// Bytes of memory that the execution's values hold.
    pub fn held_bytes(&self) -> usize {
        self.heap.held_bytes()
    }

    /// Appends a value of this execution as compact JSON.
    pub fn write(&self, value: Value, out: &mut Vec<u8>) {
        self.heap.write(value, out);
    }
}

impl Frame {
    fn new() -> Self {
        Self {
            pc: Pc(0),
            state: StateIdx(0),
            arena: ArenaId::ROOT,
            raw: Value::NULL,
            cur: Value::NULL,
            res: Value::NULL,
            context: Value::NULL,
            entered_event: 0,
            entered_ms: 0,
            retry_count: 0,
            compact_at_bytes: COMPACT_BYTES_MIN,
        }
    }
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

/// Below this many bytes of values a compaction is not worth its cost.
pub(super) const COMPACT_BYTES_MIN: usize = 65_536;
