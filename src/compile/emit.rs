//! States as instructions.

use crate::asl::model::{
    Amount, Choice, Fail, FailText, Machine, Pass, PathField, State, StateKind, Succeed, Target,
    Task, Transition, Wait, WaitUntil,
};
use crate::asl::source::{Source, Span, Spanned};
use crate::expr::apply::Apply;
use crate::expr::intrinsic::Call;
use crate::expr::path::Path;
use crate::expr::rule::Rule;
use crate::expr::template::Template;
use crate::expr::timestamp::{self, Instant};
use crate::expr::walk::Walk;
use crate::expr::{Bindings, SyntaxError};
use crate::program::{
    self, ContextKeys, FailIdx, Image, Op, Pc, Place, Program, RuleIdx, StateIdx, TaskIdx,
    TemplateIdx, ValueIdx, WaitIdx, WalkIdx, World,
};
use crate::value::Value;

use super::{Error, payload, rules};

/// What has been emitted so far.
pub(super) struct Emitter<'a> {
    source: Source<'a>,
    pub(super) bindings: Bindings,
    ops: Vec<Op>,
    places: Vec<Place>,
    states: Vec<program::State>,
    walks: Vec<Walk>,
    templates: Vec<Template>,
    rules: Vec<Rule>,
    values: Vec<Value>,
    fails: Vec<program::Fail>,
    tasks: Vec<program::Task>,
    waits: Vec<program::Wait>,
    /// Where each state begins, by its index.
    entries: Vec<Pc>,
    /// Whether the state that is being emitted reads the context object.
    reads_context: bool,
}

impl<'a> Emitter<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        Self {
            source,
            bindings: Bindings::default(),
            ops: Vec::new(),
            places: Vec::new(),
            states: Vec::new(),
            walks: Vec::new(),
            templates: Vec::new(),
            rules: Vec::new(),
            values: Vec::new(),
            fails: Vec::new(),
            tasks: Vec::new(),
            waits: Vec::new(),
            entries: Vec::new(),
            reads_context: false,
        }
    }

    pub(super) fn machine(mut self, machine: &Machine, world: World) -> Result<Image, Error> {
        let context_keys = ContextKeys::intern(&mut self.bindings.constants)?;
        // The start state comes first: execution begins at instruction 0.
        let start = machine.graph.start_at.index;
        let mut order: Vec<usize> = (0..machine.graph.states.len()).collect();
        order.swap(0, start);
        order[1..].sort_unstable();
        let slots =
            order.iter().enumerate().fold(vec![0; order.len()], |mut slots, (slot, &state)| {
                slots[state] = slot as u32;
                slots
            });
        for (slot, &index) in order.iter().enumerate() {
            self.state(&machine.graph.states[index], StateIdx(slot as u32), &slots)?;
        }
        self.resolve_targets();
        let program = Program {
            ops: self.ops.into(),
            places: self.places.into(),
            states: self.states.into(),
            walks: self.walks.into(),
            templates: self.templates.into(),
            rules: self.rules.into(),
            values: self.values.into(),
            fails: self.fails.into(),
            tasks: self.tasks.into(),
            waits: self.waits.into(),
            context_keys,
            timeout_ms: machine
                .timeout_seconds
                .as_ref()
                .map(|seconds| seconds.value.saturating_mul(1_000)),
            definition_bytes: machine.definition_bytes as u64,
            world,
        };
        Ok(Image { program, constants: self.bindings.constants.finish() })
    }

    /// Until all states are emitted, targets are state slots.
    fn resolve_targets(&mut self) {
        for op in &mut self.ops {
            if let Op::Jump(target) = op {
                *target = self.entries[target.0 as usize];
            }
        }
    }

    fn state(&mut self, state: &State, slot: StateIdx, slots: &[u32]) -> Result<(), Error> {
        self.entries.push(Pc(self.ops.len() as u32));
        self.emit(Op::Enter(slot), state.name.span);
        let body = Pc(self.ops.len() as u32);
        self.reads_context = false;
        let kind = match &state.kind {
            StateKind::Pass(pass) => self.pass(pass, slots)?,
            StateKind::Choice(choice) => self.choice(choice, state.name.span, slots)?,
            StateKind::Wait(wait) => self.wait(wait, slots)?,
            StateKind::Succeed(succeed) => self.succeed(succeed, state.name.span)?,
            StateKind::Fail(fail) => self.fail(fail, state.name.span)?,
            StateKind::Task(task) => self.task(task, slots)?,
            // The parser lets neither through yet.
            StateKind::Parallel(_) | StateKind::Map(_) => {
                return Err(Error::Expression { offset: 0 });
            }
        };
        let name = state.name.value.as_str().into();
        self.states.push(program::State { name, kind, body, reads_context: self.reads_context });
        Ok(())
    }

    fn pass(&mut self, pass: &Pass, slots: &[u32]) -> Result<program::StateKind, Error> {
        self.input_path(&pass.input_path)?;
        if let Some(parameters) = &pass.parameters {
            self.fill(parameters, Op::Build)?;
        }
        if let Some(result) = &pass.result {
            let value = payload::constant(result, &mut self.bindings)?;
            self.constant(value, result.span);
        }
        self.result_path(&pass.result_path)?;
        self.output_path(&pass.output_path)?;
        self.transition(&pass.transition, slots);
        Ok(program::StateKind::Pass)
    }

    /// Each rule branches to a stub of its own behind the rules; a stub leaves the state.
    fn choice(
        &mut self,
        choice: &Choice,
        span: Span,
        slots: &[u32],
    ) -> Result<program::StateKind, Error> {
        self.input_path(&choice.input_path)?;
        let mut branches = Vec::with_capacity(choice.choices.len());
        for rule in &choice.choices {
            let compiled = rules::compile(&rule.rule, &mut self.bindings)?;
            self.reads_context |= compiled.reads_context();
            let index = u16::try_from(self.rules.len()).map_err(|_| Error::TooManyRules)?;
            self.rules.push(compiled);
            branches.push((self.ops.len(), &rule.next));
            self.emit(Op::Branch(RuleIdx(index), Pc(0)), rule.span);
        }
        match &choice.default {
            Some(default) => self.leave_for(&choice.output_path, default, slots)?,
            None => self.emit(Op::Unmatched(), span),
        }
        for (at, next) in branches {
            let stub = Pc(self.ops.len() as u32);
            if let Op::Branch(_, target) = &mut self.ops[at] {
                *target = stub;
            }
            self.leave_for(&choice.output_path, next, slots)?;
        }
        Ok(program::StateKind::Choice)
    }

    fn leave_for(
        &mut self,
        output_path: &PathField,
        next: &Target,
        slots: &[u32],
    ) -> Result<(), Error> {
        self.output_path(output_path)?;
        self.emit(Op::Jump(Pc(slots[next.index])), next.name.span);
        Ok(())
    }

    fn wait(&mut self, wait: &Wait, slots: &[u32]) -> Result<program::StateKind, Error> {
        self.input_path(&wait.input_path)?;
        let (compiled, span) = match &wait.until {
            WaitUntil::Seconds(seconds) => {
                (program::Wait::Millis(seconds.value.saturating_mul(1_000)), seconds.span)
            }
            WaitUntil::SecondsPath(path) => {
                (program::Wait::SecondsPath(self.walk(path)?), path.span)
            }
            WaitUntil::Timestamp(text) => {
                // The parser has let only RFC 3339 through.
                let epoch = Instant { seconds: 0, nanoseconds: 0 };
                (program::Wait::Until(timestamp::parse(&text.value).unwrap_or(epoch)), text.span)
            }
            WaitUntil::TimestampPath(path) => {
                (program::Wait::UntilPath(self.walk(path)?), path.span)
            }
        };
        self.emit(Op::Sleep(WaitIdx(self.waits.len() as u32)), span);
        self.waits.push(compiled);
        self.output_path(&wait.output_path)?;
        self.transition(&wait.transition, slots);
        Ok(program::StateKind::Wait)
    }

    fn succeed(&mut self, succeed: &Succeed, span: Span) -> Result<program::StateKind, Error> {
        self.input_path(&succeed.input_path)?;
        self.output_path(&succeed.output_path)?;
        self.emit(Op::Halt(), span);
        Ok(program::StateKind::Succeed)
    }

    fn fail(&mut self, fail: &Fail, span: Span) -> Result<program::StateKind, Error> {
        let error = self.fail_text(fail.error.as_ref())?;
        let cause = self.fail_text(fail.cause.as_ref())?;
        self.emit(Op::Fail(FailIdx(self.fails.len() as u32)), span);
        self.fails.push(program::Fail { error, cause });
        Ok(program::StateKind::Fail)
    }

    fn fail_text(&mut self, text: Option<&FailText>) -> Result<Option<program::FailText>, Error> {
        Ok(match text {
            None => None,
            Some(FailText::Literal(text)) => {
                Some(program::FailText::Literal(text.value.as_str().into()))
            }
            Some(FailText::Path(path)) => Some(program::FailText::Path(self.walk(path)?)),
            Some(FailText::Intrinsic(text)) => {
                let call = Call::parse(&text.value).map_err(|error| proven(&error))?;
                let call = Apply::compile(&call, &mut self.bindings)?;
                self.reads_context |= call.reads_context();
                Some(program::FailText::Call(call))
            }
        })
    }

    fn task(&mut self, task: &Task, slots: &[u32]) -> Result<program::StateKind, Error> {
        self.input_path(&task.input_path)?;
        if let Some(parameters) = &task.parameters {
            self.fill(parameters, Op::Build)?;
        }
        let timeout = match &task.timeout {
            None => None,
            Some(Amount::Literal(seconds)) => {
                Some(program::TaskTimeout::Millis(seconds.value.saturating_mul(1_000)))
            }
            Some(Amount::Path(path)) => Some(program::TaskTimeout::SecondsPath(self.walk(path)?)),
        };
        self.emit(Op::Call(TaskIdx(self.tasks.len() as u32)), task.resource.span);
        self.tasks.push(program::Task { resource: task.resource.value.as_str().into(), timeout });
        if let Some(selector) = &task.result_selector {
            self.fill(selector, Op::Pick)?;
        }
        self.result_path(&task.result_path)?;
        self.output_path(&task.output_path)?;
        self.transition(&task.transition, slots);
        Ok(program::StateKind::Task)
    }

    fn input_path(&mut self, field: &PathField) -> Result<(), Error> {
        self.path_or_nothing(field, Op::Select)
    }

    fn output_path(&mut self, field: &PathField) -> Result<(), Error> {
        self.path_or_nothing(field, Op::Trim)
    }

    /// A path of `null` takes nothing: the value becomes `{}`.
    fn path_or_nothing(&mut self, field: &PathField, op: fn(WalkIdx) -> Op) -> Result<(), Error> {
        match field {
            PathField::Absent => {}
            PathField::Null(span) => {
                let nothing = self.bindings.constants.object(&[])?;
                self.constant(nothing, *span);
            }
            PathField::Path(path) if path.value == "$" => {}
            PathField::Path(path) => {
                let index = self.walk_index(path)?;
                self.emit(op(index), path.span);
            }
        }
        Ok(())
    }

    /// A path of `null` keeps the state's input; `$`, the default, keeps only the result.
    fn result_path(&mut self, field: &PathField) -> Result<(), Error> {
        match field {
            PathField::Absent => {}
            PathField::Null(span) => self.emit(Op::Move(), *span),
            PathField::Path(path) if path.value == "$" => {}
            PathField::Path(path) => {
                let index = self.walk_index(path)?;
                self.emit(Op::Merge(index), path.span);
            }
        }
        Ok(())
    }

    fn fill(
        &mut self,
        template: &crate::asl::model::Template,
        op: fn(TemplateIdx) -> Op,
    ) -> Result<(), Error> {
        let compiled = payload::template(template, &mut self.bindings)?;
        self.reads_context |= compiled.reads_context();
        self.emit(op(TemplateIdx(self.templates.len() as u32)), template.span);
        self.templates.push(compiled);
        Ok(())
    }

    fn constant(&mut self, value: Value, span: Span) {
        self.emit(Op::Const(ValueIdx(self.values.len() as u32)), span);
        self.values.push(value);
    }

    fn transition(&mut self, transition: &Transition, slots: &[u32]) {
        match transition {
            Transition::Next(target) => {
                self.emit(Op::Jump(Pc(slots[target.index])), target.name.span);
            }
            Transition::End(span) => self.emit(Op::Halt(), *span),
        }
    }

    fn walk_index(&mut self, path: &Spanned<String>) -> Result<WalkIdx, Error> {
        let walk = self.walk(path)?;
        self.walks.push(walk);
        Ok(WalkIdx(self.walks.len() as u32 - 1))
    }

    fn walk(&mut self, path: &Spanned<String>) -> Result<Walk, Error> {
        let walk = Walk::compile(
            &Path::parse(&path.value).map_err(|error| proven(&error))?,
            &mut self.bindings,
        )?;
        self.reads_context |= walk.reads_context();
        Ok(walk)
    }

    fn emit(&mut self, op: Op, span: Span) {
        let position = self.source.position(span.start);
        self.ops.push(op);
        self.places.push(Place { line: position.line, column: position.column });
    }
}

/// A checked model holds only expressions that parse; one that does not is a fault in the check.
pub(super) fn proven(error: &SyntaxError) -> Error {
    Error::Expression { offset: error.offset }
}
