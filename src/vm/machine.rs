//! The loop: fetch an instruction, hand it to its function, follow what it says.
//!
//! Each function does one instruction. None blocks; the two that have to wait return an effect.

use super::context::{self, StateContext};
use super::dataflow::{self, Failure};
use super::execution::{COMPACT_BYTES_MIN, Execution, Turn};
use super::{Effect, Raised, Step, Wake};
use crate::base::limits::PAYLOAD_BYTES_MAX;
use crate::expr::timestamp::{self, Instant};
use crate::expr::walk::Walk;
use crate::expr::{Evaluation, Fault, Roots};
use crate::program::{
    FailIdx, FailText, Op, Pc, Program, RuleIdx, StateIdx, TaskIdx, TaskTimeout, TemplateIdx,
    ValueIdx, Wait, WaitIdx, WalkIdx, for_each_op,
};
use crate::value::{Value, View};

/// One run of one execution.
pub(super) struct Machine<'a, 't> {
    execution: &'a mut Execution,
    turn: &'a mut Turn<'t>,
}

/// Where an instruction leads.
enum Flow {
    Next,
    Goto(Pc),
    Suspend(Effect),
    Finish,
}

type Outcome = Result<Flow, Raised>;

macro_rules! dispatch {
    ($($(#[$doc:meta])* $variant:ident $handler:ident $mnemonic:literal ($($operand:ident: $type:ty),*),)*) => {
        impl Machine<'_, '_> {
            #[inline]
            fn dispatch(&mut self, program: &Program, op: Op) -> Outcome {
                match op {
                    $(Op::$variant($($operand),*) => self.$handler(program, $($operand),*),)*
                }
            }
        }
    };
}

for_each_op!(dispatch);

impl<'a, 't> Machine<'a, 't> {
    pub(super) fn new(execution: &'a mut Execution, turn: &'a mut Turn<'t>) -> Self {
        Self { execution, turn }
    }

    pub(super) fn run(mut self) -> Step {
        let program = std::rc::Rc::clone(&self.execution.program);
        let mut pc = self.execution.frame.pc;
        loop {
            if self.turn.fuel == 0 {
                self.execution.frame.pc = pc;
                return Step::OutOfFuel;
            }
            self.turn.fuel -= 1;
            match self.dispatch(&program, program.ops[pc.0 as usize]) {
                Ok(Flow::Next) => pc.0 += 1,
                Ok(Flow::Goto(target)) => pc = target,
                Ok(Flow::Suspend(effect)) => {
                    self.execution.frame.pc = Pc(pc.0 + 1);
                    return Step::Suspended(effect);
                }
                Ok(Flow::Finish) => return Step::Finished(self.execution.frame.cur),
                Err(raised) => return Step::Failed(raised),
            }
        }
    }

    /// Takes the answer to an effect into the frame.
    pub(super) fn answer(&mut self, wake: Wake<'_>) -> Result<(), Raised> {
        match wake {
            Wake::Slept => Ok(()),
            Wake::Returned(text) => self.returned(text),
            Wake::TaskFailed { error, cause } => {
                self.count_event();
                Err(Raised::new(Some(error), cause))
            }
            Wake::TaskTimedOut => {
                self.count_event();
                Err(Raised::timeout())
            }
        }
    }

    fn returned(&mut self, text: &[u8]) -> Result<(), Raised> {
        self.count_event();
        if text.len() > PAYLOAD_BYTES_MAX {
            return Err(Raised::oversize(self.called()));
        }
        let parsed = self.execution.heap.parse(text, self.turn.parser);
        let result = parsed.map_err(|error| {
            self.runtime(&Fault::new(format!("The task returned a result that is {error}")))
        })?;
        let frame = &mut self.execution.frame;
        (frame.cur, frame.res) = (result, result);
        Ok(())
    }

    #[inline]
    fn enter(&mut self, program: &Program, state: StateIdx) -> Outcome {
        self.count_event();
        if self.execution.heap.used_bytes() >= self.execution.frame.compact_at_bytes {
            self.compact(program, state)?;
        }
        let execution = &mut *self.execution;
        execution.transitions += 1;
        let frame = &mut execution.frame;
        frame.state = state;
        frame.raw = frame.cur;
        frame.entered_event = execution.event;
        frame.entered_ms = self.turn.now.wall_ms;
        frame.retry_count = 0;
        if program.states[state.index()].reads_context {
            self.build_context(program)?;
        }
        Ok(Flow::Next)
    }

    #[cold]
    fn build_context(&mut self, program: &Program) -> Result<(), Raised> {
        let Execution { heap, frame, identity, input, .. } = &mut *self.execution;
        let current = StateContext {
            state: &program.states[frame.state.index()],
            entered_ms: frame.entered_ms,
            retry_count: frame.retry_count,
        };
        let built = context::build(heap, frame.arena, program, identity, *input, &current);
        match built {
            Ok(context) => frame.context = context,
            Err(error) => return Err(self.runtime(&Fault::from(error))),
        }
        Ok(())
    }

    fn select(&mut self, program: &Program, path: WalkIdx) -> Outcome {
        self.descend(&program.walks[path.index()])
    }

    fn trim(&mut self, program: &Program, path: WalkIdx) -> Outcome {
        self.descend(&program.walks[path.index()])
    }

    fn descend(&mut self, walk: &Walk) -> Outcome {
        let (heap, roots) = (&self.execution.heap, self.roots());
        let found = walk.find(heap, roots);
        let found = found.map_err(|missing| {
            self.runtime(&walk.invalid_path(&self.execution.heap, roots, missing))
        })?;
        Ok(self.continue_with(found))
    }

    #[inline]
    fn build(&mut self, program: &Program, template: TemplateIdx) -> Outcome {
        let filled = program.templates[template.index()].fill(&mut self.evaluation());
        let filled = filled.map_err(|fault| self.runtime(&fault))?;
        Ok(self.continue_with(filled))
    }

    fn pick(&mut self, program: &Program, template: TemplateIdx) -> Outcome {
        self.build(program, template)
    }

    fn merge(&mut self, program: &Program, path: WalkIdx) -> Outcome {
        let walk = &program.walks[path.index()];
        let Execution { heap, frame, .. } = &mut *self.execution;
        let put = dataflow::put(heap, frame.arena, Some(frame.raw), walk.steps(), frame.cur);
        let merged = put.map_err(|failure| match failure {
            Failure::NoMatch => {
                let state = &program.states[self.execution.frame.state.index()];
                Raised::result_path(&state.name, self.execution.frame.entered_event, &walk.text)
            }
            Failure::TooLarge => self.oversize(program),
        })?;
        Ok(self.continue_with(merged))
    }

    #[expect(clippy::unnecessary_wraps, reason = "every instruction has the same signature")]
    fn constant(&mut self, program: &Program, value: ValueIdx) -> Outcome {
        Ok(self.continue_with(program.values[value.index()]))
    }

    #[expect(clippy::unnecessary_wraps, reason = "every instruction has the same signature")]
    fn keep_input(&mut self, _: &Program) -> Outcome {
        Ok(self.continue_with(self.execution.frame.raw))
    }

    #[inline]
    fn branch(&mut self, program: &Program, rule: RuleIdx, target: Pc) -> Outcome {
        let matched = program.rules[rule.index()].matches(&self.execution.heap, self.roots());
        let matched = matched.map_err(|fault| self.runtime(&fault))?;
        Ok(if matched { Flow::Goto(target) } else { Flow::Next })
    }

    /// AWS reports `States.Runtime`, not the specification's `States.NoChoiceMatched` (recorded).
    fn unmatched(&mut self, _: &Program) -> Outcome {
        Err(self.runtime(&Fault::new(
            "Failed to transition out of the state. The state does not point to a next state.",
        )))
    }

    fn call(&mut self, program: &Program, task: TaskIdx) -> Outcome {
        let input = self.execution.frame.cur;
        if input.json_len() > PAYLOAD_BYTES_MAX {
            return Err(self.oversize(program));
        }
        let timeout_ms = match &program.tasks[task.index()].timeout {
            None => None,
            Some(TaskTimeout::Millis(timeout_ms)) => Some(*timeout_ms),
            Some(TaskTimeout::SecondsPath(walk)) => Some(self.timeout_from(walk)?),
        };
        // TaskScheduled, TaskStarted
        self.execution.event = self.execution.event.saturating_add(2);
        Ok(Flow::Suspend(Effect::Call { task, input, timeout_ms }))
    }

    /// `TimeoutSecondsPath` is read from the state's input, not from its parameters.
    fn timeout_from(&mut self, walk: &Walk) -> Result<u64, Raised> {
        let roots = Roots { input: self.execution.frame.raw, ..self.roots() };
        let heap = &self.execution.heap;
        let value = walk.find(heap, roots).map_err(|missing| {
            self.runtime(&walk.invalid_path(&self.execution.heap, roots, missing))
        })?;
        match self.execution.heap.view(value) {
            View::Int(seconds @ 1..=99_999_999) => Ok(seconds as u64 * 1_000),
            _ => Err(self.runtime(&Fault::new(format!(
                "The TimeoutSecondsPath parameter does not reference a positive integer: {} == {}",
                walk.text,
                self.printed(value)
            )))),
        }
    }

    fn sleep(&mut self, program: &Program, wait: WaitIdx) -> Outcome {
        let millis = match &program.waits[wait.index()] {
            Wait::Millis(millis) => *millis,
            Wait::SecondsPath(walk) => self.seconds_from(walk)? * 1_000,
            Wait::Until(instant) => self.millis_until(*instant)?,
            Wait::UntilPath(walk) => {
                let instant = self.instant_from(walk)?;
                self.millis_until(instant)?
            }
        };
        if millis == 0 {
            return Ok(Flow::Next);
        }
        Ok(Flow::Suspend(Effect::Sleep { millis }))
    }

    fn seconds_from(&mut self, walk: &Walk) -> Result<u64, Raised> {
        let value = self.operand(walk, "SecondsPath")?;
        let complaint = match self.execution.heap.view(value) {
            View::Int(seconds @ 0..=WAIT_SECONDS_MAX) => return Ok(seconds as u64),
            View::Int(seconds) if seconds > 0 => {
                return Err(self.runtime(&Fault::new(TOO_LONG)));
            }
            View::Int(_) => "references a negative value",
            _ => "cannot be parsed as a long value",
        };
        Err(self.runtime(&Fault::new(format!(
            "The SecondsPath parameter {complaint}: {} == {}",
            walk.text,
            self.printed(value)
        ))))
    }

    fn instant_from(&mut self, walk: &Walk) -> Result<Instant, Raised> {
        let value = self.operand(walk, "TimestampPath")?;
        if let View::Str(text) = self.execution.heap.view(value)
            && let Some(instant) = timestamp::parse(text)
        {
            return Ok(instant);
        }
        Err(self.runtime(&Fault::new(format!(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: {} == {}",
            walk.text,
            self.printed(value)
        ))))
    }

    fn operand(&mut self, walk: &Walk, parameter: &str) -> Result<Value, Raised> {
        walk.find(&self.execution.heap, self.roots()).map_err(|_| {
            self.runtime(&Fault::new(format!(
                "The {parameter} parameter does not reference an input value: {}",
                walk.text
            )))
        })
    }

    /// Whole seconds only: AWS truncates the timestamp; a past one does not wait.
    fn millis_until(&mut self, instant: Instant) -> Result<u64, Raised> {
        let wait_ms = instant.seconds.saturating_mul(1_000).saturating_sub(self.turn.now.wall_ms);
        if wait_ms / 1_000 > WAIT_SECONDS_MAX {
            return Err(self.runtime(&Fault::new(TOO_LONG)));
        }
        Ok(wait_ms.max(0) as u64)
    }

    #[inline]
    fn jump(&mut self, program: &Program, target: Pc) -> Outcome {
        self.leave(program)?;
        Ok(Flow::Goto(target))
    }

    fn halt(&mut self, program: &Program) -> Outcome {
        self.leave(program)?;
        Ok(Flow::Finish)
    }

    fn fail(&mut self, program: &Program, fail: FailIdx) -> Outcome {
        let fail = &program.fails[fail.index()];
        let error = self.fail_text(fail.error.as_ref(), "ErrorPath")?;
        let cause = self.fail_text(fail.cause.as_ref(), "CausePath")?;
        Err(Raised::new(error.as_deref(), cause.as_deref()))
    }

    fn fail_text(
        &mut self,
        text: Option<&FailText>,
        field: &str,
    ) -> Result<Option<String>, Raised> {
        let evaluation = &mut self.evaluation();
        let value = match text {
            None => return Ok(None),
            Some(FailText::Literal(text)) => return Ok(Some(text.to_string())),
            Some(FailText::Path(walk)) => walk
                .find(evaluation.heap, evaluation.roots)
                .map_err(|_| walk.not_found(evaluation.heap, evaluation.roots, field)),
            Some(FailText::Call(call)) => call.evaluate(evaluation),
        };
        let value = value.map_err(|fault| self.runtime(&fault))?;
        match self.execution.heap.view(value) {
            View::Str(text) => Ok(Some(text.to_owned())),
            _ => Err(self.runtime(&Fault::new(format!(
                "The {field} field must reference a string, but was: {}",
                self.printed(value)
            )))),
        }
    }

    /// StateExited, and the limit on a state's output.
    #[inline]
    fn leave(&mut self, program: &Program) -> Result<(), Raised> {
        self.count_event();
        if self.execution.frame.cur.json_len() > PAYLOAD_BYTES_MAX {
            return Err(self.oversize(program));
        }
        Ok(())
    }

    /// Bounds the memory of a loop of states: once the values pass the threshold, only what the
    /// next state can still reach is kept.
    #[cold]
    fn compact(&mut self, program: &Program, state: StateIdx) -> Result<(), Raised> {
        let Execution { heap, frame, event, .. } = &mut *self.execution;
        frame.cur = heap.compact(frame.cur, self.turn.parser).map_err(|error| {
            let fault = Fault::new(format!("The state's input is {error}"));
            Raised::runtime(&program.states[state.index()].name, *event, &fault)
        })?;
        (frame.raw, frame.res, frame.context) = (Value::NULL, Value::NULL, Value::NULL);
        frame.compact_at_bytes = COMPACT_BYTES_MIN.max(2 * heap.used_bytes());
        Ok(())
    }

    #[inline]
    fn continue_with(&mut self, value: Value) -> Flow {
        self.execution.frame.cur = value;
        Flow::Next
    }

    #[inline]
    fn roots(&self) -> Roots<'static> {
        let frame = &self.execution.frame;
        Roots { input: frame.cur, context: frame.context, variables: &[] }
    }

    #[inline]
    fn evaluation(&mut self) -> Evaluation<'_> {
        let roots = self.roots();
        let Execution { heap, frame, .. } = &mut *self.execution;
        Evaluation {
            heap,
            arena: frame.arena,
            roots,
            parser: self.turn.parser,
            entropy: self.turn.entropy,
        }
    }

    fn count_event(&mut self) {
        self.execution.event = self.execution.event.saturating_add(1);
    }

    fn state<'p>(&self, program: &'p Program) -> &'p crate::program::State {
        &program.states[self.execution.frame.state.index()]
    }

    /// What the frame waits for, as AWS names it in a cause: the service of an optimised
    /// integration (`lambda`), else the resource as written.
    #[cold]
    fn called(&self) -> &str {
        let program = &self.execution.program;
        // A frame that waits stands behind its instruction.
        let at = self.execution.frame.pc.0.saturating_sub(1) as usize;
        let Some(Op::Call(task)) = program.ops.get(at) else { return self.execution.state_name() };
        let resource = &program.tasks[task.index()].resource;
        let service = resource.split_once(":states:::").and_then(|(_, rest)| rest.rsplit_once(':'));
        service.map_or(resource, |(service, _)| service)
    }

    #[cold]
    fn runtime(&self, fault: &Fault) -> Raised {
        Raised::runtime(self.execution.state_name(), self.execution.frame.entered_event, fault)
    }

    #[cold]
    fn oversize(&self, program: &Program) -> Raised {
        Raised::oversize(&self.state(program).name)
    }

    /// A value inside an error text: strings bare, anything else as JSON.
    fn printed(&self, value: Value) -> String {
        match self.execution.heap.view(value) {
            View::Str(text) => text.to_owned(),
            _ => String::from_utf8_lossy(&self.execution.heap.to_json(value)).into_owned(),
        }
    }
}

/// Longest wait, in seconds (recorded: 24,855 days pass, 24,856 do not).
const WAIT_SECONDS_MAX: i64 = i32::MAX as i64;
const TOO_LONG: &str = "Wait state delay is too long.";
