//! The loop: fetch an instruction, hand it to its function, follow what it says.
//!
//! Each function does one instruction. None blocks; those that have to wait return an effect or
//! leave the frame to its children. Work that waits is in `work`, children in `fork`, errors in
//! `recover`.

use super::context::{self, StateContext};
use super::dataflow::{self, Failure};
use super::execution::{Execution, Turn};
use super::frame::{COMPACT_BYTES_MIN, FrameId, Waiting};
use super::schedule::Ready;
use super::{Effect, Raised, Step, Wake};
use crate::base::limits::{ASSIGN_BYTES_MAX, PAYLOAD_BYTES_MAX, VARIABLES_BYTES_MAX};
use crate::expr::{Evaluation, Fault, Roots};
use crate::program::{
    AssignIdx, FailIdx, FailText, ForkIdx, LookupIdx, MapIdx, Op, Pc, Program, RuleIdx, StateIdx,
    TaskIdx, TemplateIdx, ValueIdx, WaitIdx, WalkIdx, for_each_op,
};
use crate::value::{Value, View};

/// One run of one execution.
pub(super) struct Machine<'a, 't> {
    pub(super) execution: &'a mut Execution,
    pub(super) turn: &'a mut Turn<'t>,
    /// Fuel at the beginning of the run.
    fuel: u32,
}

/// Where an instruction leads.
pub(super) enum Flow {
    Next,
    Goto(Pc),
    /// The state is left for the one at this place.
    Leave(Pc),
    Suspend(Effect),
    /// The frame has children now and waits for them.
    Forked,
    Finish,
}

/// Why the running frame stopped.
enum Stop {
    Suspended(Effect),
    Forked,
    Finished,
    Raised(Raised),
    OutOfFuel,
}

pub(super) type Outcome = Result<Flow, Raised>;

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
        execution.heap.limit(turn.limits.held_bytes_max);
        let fuel = turn.fuel;
        Self { execution, turn, fuel }
    }

    /// Runs whatever is ready, until nothing is.
    pub(super) fn run(mut self) -> Step {
        let step = self.run_all();
        self.turn.runs.ran(self.fuel - self.turn.fuel - self.turn.spent_beside);
        step
    }

    fn run_all(&mut self) -> Step {
        let program = std::rc::Rc::clone(&self.execution.program);
        loop {
            let mut raised = None;
            if self.is_idle() {
                match self.take_ready(&program) {
                    Ready::Runs => {}
                    Ready::Raised(error) => raised = Some(error),
                    Ready::Nothing => return Step::Suspended,
                }
            }
            if raised.is_none() {
                match self.advance(&program) {
                    Stop::Finished if self.execution.frame.id == FrameId::ROOT => {
                        return Step::Finished(self.execution.frame.cur);
                    }
                    Stop::Finished => raised = self.join(&program),
                    Stop::Forked => self.freeze(),
                    Stop::Suspended(effect) => self.suspend(effect),
                    Stop::Raised(error) => raised = Some(error),
                    Stop::OutOfFuel => {
                        self.yield_turn();
                        return Step::OutOfFuel;
                    }
                }
            }
            if let Some(raised) = raised
                && let Some(raised) = self.recover(&program, raised)
            {
                return Step::Failed(raised);
            }
        }
    }

    /// Takes the answer to an effect into its frame and goes on.
    pub(super) fn resume(mut self, frame: FrameId, wake: Wake<'_>) -> Step {
        self.switch_to(frame);
        self.execution.frame.token = None;
        let waited = std::mem::replace(&mut self.execution.frame.waiting, Waiting::Turn);
        if let Err(raised) = self.answer(waited, wake) {
            let program = std::rc::Rc::clone(&self.execution.program);
            if let Some(raised) = self.recover(&program, raised) {
                return Step::Failed(raised);
            }
        }
        self.run()
    }

    /// Runs the frame until it stops.
    fn advance(&mut self, program: &Program) -> Stop {
        let mut pc = self.execution.frame.pc;
        loop {
            if self.turn.fuel == 0 {
                self.execution.frame.pc = pc;
                return Stop::OutOfFuel;
            }
            self.turn.fuel -= 1;
            match self.dispatch(program, program.ops[pc.0 as usize]) {
                Ok(Flow::Next) => pc.0 += 1,
                Ok(Flow::Goto(target)) => pc = target,
                Ok(Flow::Leave(target)) => {
                    self.count_exit(program, pc);
                    pc = target;
                }
                Ok(Flow::Suspend(effect)) => {
                    self.execution.frame.pc = Pc(pc.0 + 1);
                    return Stop::Suspended(effect);
                }
                Ok(Flow::Forked) => {
                    self.execution.frame.pc = Pc(pc.0 + 1);
                    return Stop::Forked;
                }
                Ok(Flow::Finish) => {
                    self.count_exit(program, pc);
                    return Stop::Finished;
                }
                Err(raised) => {
                    self.execution.frame.pc = pc;
                    return Stop::Raised(raised);
                }
            }
        }
    }

    /// A state was left by the instruction at `pc`.
    #[inline]
    fn count_exit(&mut self, program: &Program, pc: Pc) {
        self.turn.runs.left(pc.0 as usize);
        if self.turn.runs.times_states() && self.state(program).kind.waits() {
            self.count_stay();
        }
    }

    /// How long the frame was in its state.
    #[cold]
    pub(super) fn count_stay(&mut self) {
        let frame = &self.execution.frame;
        let stayed_ns = self.turn.now.mono_ns.saturating_sub(frame.entered_ns);
        self.turn.runs.stayed(frame.state.index(), stayed_ns);
    }

    fn suspend(&mut self, effect: Effect) {
        self.turn.effects.push((self.execution.frame.id, effect));
        self.set_aside();
    }

    #[inline]
    fn enter(&mut self, program: &Program, state: StateIdx) -> Outcome {
        let execution = &mut *self.execution;
        execution.transitions = execution.transitions.saturating_add(1);
        self.turn.runs.entered(state.index());
        let frame = &mut execution.frame;
        frame.state = state;
        frame.entered_ms = self.turn.now.wall_ms;
        frame.entered_ns = self.turn.now.mono_ns;
        frame.retry_count = 0;
        frame.caught = false;
        frame.attempts.clear();
        self.entered_event();
        let execution = &mut *self.execution;
        execution.frame.entered_event = execution.event;
        if execution.heap.used_bytes(execution.frame.arena) >= execution.frame.compact_at_bytes {
            self.compact(program)?;
        }
        self.execution.frame.raw = self.execution.frame.cur;
        if program.states[state.index()].reads_context {
            self.build_context(program)?;
        }
        Ok(Flow::Next)
    }

    #[cold]
    pub(super) fn build_context(&mut self, program: &Program) -> Result<(), Raised> {
        let Execution { heap, frame, identity, input, .. } = &mut *self.execution;
        let current = StateContext {
            state: &program.states[frame.state.index()],
            entered_ms: frame.entered_ms,
            retry_count: frame.retry_count,
            item: frame.item,
        };
        let built = context::build(heap, frame.arena, program, identity, *input, &current);
        match built {
            Ok(context) => frame.context = context,
            Err(error) => return Err(self.runtime(&Fault::from(error))),
        }
        Ok(())
    }

    fn select(&mut self, program: &Program, path: LookupIdx) -> Outcome {
        let lookup = &program.lookups[path.index()];
        let found = lookup.find(&mut self.evaluation());
        let found = found.map_err(|missing| {
            let heap = &self.execution.heap;
            self.runtime(&lookup.invalid_path(heap, self.roots(), missing))
        })?;
        Ok(self.continue_with(found))
    }

    fn trim(&mut self, program: &Program, path: LookupIdx) -> Outcome {
        self.select(program, path)
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

    /// Evaluates all right-hand sides with the values as on entry; none is visible yet.
    fn assign(&mut self, program: &Program, assign: AssignIdx) -> Outcome {
        let mut bytes = 0;
        for (variable, template) in &program.assigns[assign.index()].0 {
            let value = template.fill(&mut self.evaluation());
            let value = value.map_err(|fault| self.runtime(&fault))?;
            bytes += value.json_len();
            self.execution.frame.staged.push((*variable, value));
        }
        self.check_variables(program, bytes)?;
        Ok(Flow::Next)
    }

    /// The limits on what is assigned, `bytes` long, and on all variables together.
    pub(super) fn check_variables(&self, program: &Program, bytes: usize) -> Result<(), Raised> {
        let frame = &self.execution.frame;
        let replaced =
            |variable: &usize| frame.staged.iter().any(|(one, _)| one.index() == *variable);
        let kept = frame.variables.iter().enumerate().filter(|(variable, _)| !replaced(variable));
        let stored: usize = kept.filter_map(|(_, value)| value.map(Value::json_len)).sum();
        if bytes > ASSIGN_BYTES_MAX || bytes + stored > VARIABLES_BYTES_MAX {
            return Err(self.oversize(program));
        }
        Ok(())
    }

    fn merge(&mut self, program: &Program, path: WalkIdx) -> Outcome {
        let walk = &program.walks[path.index()];
        let Execution { heap, frame, .. } = &mut *self.execution;
        let put = dataflow::put(heap, frame.arena, frame.raw, walk.steps(), frame.cur);
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
        self.turn.runs.unmatched(self.execution.frame.state.index());
        Err(self.runtime(&Fault::new(
            "Failed to transition out of the state. The state does not point to a next state.",
        )))
    }

    fn call(&mut self, program: &Program, task: TaskIdx) -> Outcome {
        self.call_task(program, task)
    }

    fn sleep(&mut self, program: &Program, wait: WaitIdx) -> Outcome {
        self.wait(program, wait)
    }

    fn fork(&mut self, program: &Program, fork: ForkIdx) -> Outcome {
        self.begin_branches(program, fork)
    }

    fn map(&mut self, program: &Program, map: MapIdx) -> Outcome {
        self.begin_iterations(program, map)
    }

    #[inline]
    fn jump(&mut self, program: &Program, target: Pc) -> Outcome {
        self.leave(program)?;
        Ok(Flow::Leave(target))
    }

    fn halt(&mut self, program: &Program) -> Outcome {
        self.leave(program)?;
        Ok(Flow::Finish)
    }

    fn fail(&mut self, program: &Program, fail: FailIdx) -> Outcome {
        let fail = &program.fails[fail.index()];
        let error = self.fail_text(program, fail.error.as_ref(), "ErrorPath")?;
        let cause = self.fail_text(program, fail.cause.as_ref(), "CausePath")?;
        Err(Raised::new(error.as_deref(), cause.as_deref()))
    }

    fn fail_text(
        &mut self,
        program: &Program,
        text: Option<&FailText>,
        field: &str,
    ) -> Result<Option<String>, Raised> {
        let roots = self.roots();
        let value = match text {
            None => return Ok(None),
            Some(FailText::Literal(text)) => return Ok(Some(text.to_string())),
            Some(FailText::Path(walk)) => {
                let heap = &self.execution.heap;
                walk.find(heap, roots).map_err(|_| walk.not_found(heap, roots, field))
            }
            Some(FailText::Call(call)) => call.evaluate(&mut self.evaluation()),
            Some(FailText::Expression(index)) => return self.text_of(program, *index).map(Some),
        };
        let value = value.map_err(|fault| self.runtime(&fault))?;
        match self.execution.heap.view(value) {
            View::Str(text) => Ok(Some(text.to_owned())),
            _ => Err(self.runtime(&Fault::path(format!(
                "The {field} field must reference a string, but was: {}",
                self.printed(value)
            )))),
        }
    }

    /// StateExited, the limit on a state's output, and the variables that it assigned.
    #[inline]
    fn leave(&mut self, program: &Program) -> Result<(), Raised> {
        if self.execution.frame.cur.json_len() > PAYLOAD_BYTES_MAX {
            return Err(self.oversize(program));
        }
        self.exited_event();
        let frame = &mut self.execution.frame;
        for (variable, value) in frame.staged.drain(..) {
            frame.variables[variable.index()] = Some(value);
        }
        Ok(())
    }

    /// Bounds the memory of a loop of states: once the frame's values pass the threshold, only
    /// what the state can still reach is kept.
    #[cold]
    pub(super) fn compact(&mut self, program: &Program) -> Result<(), Raised> {
        let Execution { heap, frame, .. } = &mut *self.execution;
        let mut roots = vec![frame.cur];
        roots.extend(frame.variables.iter().flatten());
        if heap.compact(frame.arena, &mut roots).is_err() {
            return Err(self.oversize(program));
        }
        let mut kept = roots.into_iter();
        frame.cur = kept.next().unwrap_or(Value::NULL);
        for (variable, kept) in frame.variables.iter_mut().flatten().zip(kept) {
            *variable = kept;
        }
        (frame.raw, frame.context) = (Value::NULL, Value::NULL);
        frame.compact_at_bytes = COMPACT_BYTES_MIN.max(2 * heap.used_bytes(frame.arena));
        Ok(())
    }

    #[inline]
    pub(super) fn continue_with(&mut self, value: Value) -> Flow {
        self.execution.frame.cur = value;
        Flow::Next
    }

    #[inline]
    pub(super) fn roots(&self) -> Roots<'_> {
        let frame = &self.execution.frame;
        Roots { input: frame.cur, context: frame.context, variables: &frame.variables }
    }

    #[inline]
    pub(super) fn evaluation(&mut self) -> Evaluation<'_> {
        let Execution { heap, frame, .. } = &mut *self.execution;
        Evaluation {
            heap,
            arena: frame.arena,
            roots: Roots { input: frame.cur, context: frame.context, variables: &frame.variables },
            parser: self.turn.parser,
            entropy: self.turn.entropy,
        }
    }

    pub(super) fn state<'p>(&self, program: &'p Program) -> &'p crate::program::State {
        &program.states[self.execution.frame.state.index()]
    }

    #[cold]
    pub(super) fn runtime(&self, fault: &Fault) -> Raised {
        let frame = &self.execution.frame;
        let name = &self.execution.program.states[frame.state.index()].name;
        Raised::runtime(name, frame.entered_event, fault)
    }

    /// The state's output, or what it is about to hand to its work, is too large.
    #[cold]
    pub(super) fn oversize(&self, program: &Program) -> Raised {
        Raised::oversize(&self.state(program).name).terminal()
    }

    /// A value inside an error text: strings bare, anything else as JSON.
    pub(super) fn printed(&self, value: Value) -> String {
        match self.execution.heap.view(value) {
            View::Str(text) => text.to_owned(),
            _ => self.execution.heap.to_json_text(value),
        }
    }
}
