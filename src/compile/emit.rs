//! Graphs and states as instructions.

use std::collections::VecDeque;

use crate::asl::model::{
    Assign, Fail, FailText, Graph, Machine, Pass, PathField, QueryLanguage, State, StateKind,
    Succeed, Target, Transition, Wait, WaitUntil,
};
use crate::asl::source::{Source, Span, Spanned};
use crate::expr::apply::Apply;
use crate::expr::intrinsic::Call;
use crate::expr::lookup::Lookup;
use crate::expr::path::Path;
use crate::expr::rule::Rule;
use crate::expr::template::Template;
use crate::expr::timestamp::{self, Instant};
use crate::expr::walk::Walk;
use crate::expr::{Bindings, SyntaxError};
use crate::program::{
    self, AssignIdx, FailIdx, ForkIdx, Image, Keys, LookupIdx, MapIdx, Op, Pc, Place, Program,
    Sees, StateIdx, TemplateIdx, ValueIdx, WaitIdx, WalkIdx, World,
};
use crate::value::Value;

use super::ahead::context_ahead;
use super::form::Around;
use super::{Error, names, payload};

/// What has been emitted so far.
pub(super) struct Emitter<'a> {
    source: Source<'a>,
    pub(super) bindings: Bindings,
    pub(super) ops: Vec<Op>,
    /// Where each instruction comes from: byte offsets.
    offsets: Vec<u32>,
    states: Vec<program::State>,
    walks: Vec<Walk>,
    lookups: Vec<Lookup>,
    templates: Vec<Template>,
    assigns: Vec<program::Assign>,
    pub(super) rules: Vec<Rule>,
    values: Vec<Value>,
    fails: Vec<program::Fail>,
    pub(super) tasks: Vec<program::Task>,
    waits: Vec<program::Wait>,
    pub(super) forks: Vec<program::Fork>,
    pub(super) maps: Vec<program::Map>,
    pub(super) expressions: Vec<program::Expression>,
    pub(super) forms: Vec<program::Form>,
    pub(super) lettings: Vec<program::Letting>,
    pub(super) conditions: Vec<program::Condition>,
    /// Where each state begins, by its index.
    entries: Vec<Pc>,
    /// Graphs still to be emitted, and who runs them.
    pub(super) inner: VecDeque<(&'a Graph, Runner)>,
    /// Whether the state that is being emitted reads the context object.
    pub(super) reads_context: bool,
    /// Its language.
    pub(super) language: QueryLanguage,
}

/// Who runs a graph inside another one, and has to be told where it begins.
pub(super) enum Runner {
    Branch(ForkIdx, usize),
    Processor(MapIdx),
}

/// A state's type and what takes its errors.
pub(super) struct Emitted {
    pub(super) kind: program::StateKind,
    pub(super) retriers: Box<[program::Retrier]>,
    pub(super) catchers: Box<[program::Catcher]>,
}

impl From<program::StateKind> for Emitted {
    fn from(kind: program::StateKind) -> Self {
        Self { kind, retriers: Box::default(), catchers: Box::default() }
    }
}

/// Indices of a graph's states in the program, by their indices in the graph.
pub(super) type Slots = [u32];

impl<'a> Emitter<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        Self {
            source,
            bindings: Bindings::default(),
            ops: Vec::new(),
            offsets: Vec::new(),
            states: Vec::new(),
            walks: Vec::new(),
            lookups: Vec::new(),
            templates: Vec::new(),
            assigns: Vec::new(),
            rules: Vec::new(),
            values: Vec::new(),
            fails: Vec::new(),
            tasks: Vec::new(),
            waits: Vec::new(),
            forks: Vec::new(),
            maps: Vec::new(),
            expressions: Vec::new(),
            forms: Vec::new(),
            lettings: Vec::new(),
            conditions: Vec::new(),
            entries: Vec::new(),
            inner: VecDeque::new(),
            reads_context: false,
            language: QueryLanguage::default(),
        }
    }

    pub(super) fn machine(mut self, machine: &'a Machine, world: World) -> Result<Image, Error> {
        let keys = Keys::intern(&mut self.bindings.constants)?;
        names::bind(&machine.graph, &mut self.bindings)?;
        self.graph(&machine.graph)?;
        while let Some((graph, runner)) = self.inner.pop_front() {
            let entry = self.graph(graph)?;
            match runner {
                Runner::Branch(fork, branch) => self.forks[fork.index()].branches[branch] = entry,
                Runner::Processor(map) => self.maps[map.index()].entry = entry,
            }
        }
        self.resolve_targets();
        let positions = self.source.positions(&self.offsets).into_iter();
        let places = positions.map(|at| Place { line: at.line, column: at.column });
        let context_ahead = context_ahead(&self.ops, &self.states, &self.forks, &self.maps);
        let program = Program {
            context_ahead,
            ops: self.ops.into(),
            places: places.collect(),
            states: self.states.into(),
            walks: self.walks.into(),
            lookups: self.lookups.into(),
            templates: self.templates.into(),
            assigns: self.assigns.into(),
            rules: self.rules.into(),
            values: self.values.into(),
            fails: self.fails.into(),
            tasks: self.tasks.into(),
            waits: self.waits.into(),
            forks: self.forks.into(),
            maps: self.maps.into(),
            expressions: self.expressions.into(),
            forms: self.forms.into(),
            lettings: self.lettings.into(),
            conditions: self.conditions.into(),
            variables: self.bindings.variable_names().into(),
            keys,
            timeout_ms: machine
                .timeout_seconds
                .as_ref()
                .map(|seconds| seconds.value.saturating_mul(1_000)),
            definition_bytes: machine.definition_bytes as u64,
            world,
        };
        Ok(Image { program, constants: self.bindings.constants.finish() })
    }

    /// Emits the states of a graph, the one it starts at first, and returns where that begins.
    fn graph(&mut self, graph: &'a Graph) -> Result<Pc, Error> {
        let start = Pc(self.ops.len() as u32);
        let base = self.states.len() as u32;
        let mut order: Vec<usize> = (0..graph.states.len()).collect();
        order.swap(0, graph.start_at.index);
        order[1..].sort_unstable();
        let mut slots = vec![0; order.len()];
        for (&state, slot) in order.iter().zip(base..) {
            slots[state] = slot;
        }
        for (&state, slot) in order.iter().zip(base..) {
            self.state(&graph.states[state], StateIdx(slot), &slots)?;
        }
        Ok(start)
    }

    /// Until all states are emitted, targets are states.
    fn resolve_targets(&mut self) {
        for op in &mut self.ops {
            if let Op::Jump(target) = op {
                *target = self.entries[target.0 as usize];
            }
        }
    }

    fn state(&mut self, state: &'a State, slot: StateIdx, slots: &Slots) -> Result<(), Error> {
        self.entries.push(Pc(self.ops.len() as u32));
        self.emit(Op::Enter(slot), state.name.span);
        let body = Pc(self.ops.len() as u32);
        self.reads_context = false;
        self.language = state.language;
        let Emitted { kind, retriers, catchers } = match &state.kind {
            StateKind::Pass(pass) => self.pass(pass, slots)?,
            StateKind::Choice(choice) => self.choice(choice, state.name.span, slots)?,
            StateKind::Wait(wait) => self.wait(wait, slots)?,
            StateKind::Succeed(succeed) => self.succeed(succeed, state.name.span)?,
            StateKind::Fail(fail) => self.fail(fail, state.name.span)?,
            StateKind::Task(task) => self.task(task, slots)?,
            StateKind::Parallel(parallel) => self.parallel(parallel, state.name.span, slots)?,
            StateKind::Map(map) => self.map(map, &state.name, slots)?,
        };
        let name = state.name.value.as_str().into();
        let reads_context = self.reads_context;
        self.states.push(program::State { name, kind, body, reads_context, retriers, catchers });
        Ok(())
    }

    fn pass(&mut self, pass: &Pass, slots: &Slots) -> Result<Emitted, Error> {
        self.input_path(&pass.input_path)?;
        self.fill(pass.parameters.as_ref(), Op::Build)?;
        if let Some(result) = &pass.result {
            let value = payload::constant(result, &mut self.bindings)?;
            self.constant(value, result.span);
        }
        let around = Around::state(Sees::Input);
        self.assign(pass.assign.as_ref(), around)?;
        self.result_path(&pass.result_path)?;
        self.output_path(&pass.output_path)?;
        self.output(pass.output.as_ref(), around)?;
        self.transition(&pass.transition, slots);
        Ok(program::StateKind::Pass.into())
    }

    fn wait(&mut self, wait: &Wait, slots: &Slots) -> Result<Emitted, Error> {
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
            WaitUntil::SecondsExpression(text) => {
                (program::Wait::Seconds(self.expression(text, "Seconds")?), text.span)
            }
            WaitUntil::TimestampExpression(text) => {
                (program::Wait::UntilExpression(self.expression(text, "Timestamp")?), text.span)
            }
        };
        self.emit(Op::Sleep(WaitIdx(self.waits.len() as u32)), span);
        self.waits.push(compiled);
        let around = Around::state(Sees::Input);
        self.assign(wait.assign.as_ref(), around)?;
        self.output_path(&wait.output_path)?;
        self.output(wait.output.as_ref(), around)?;
        self.transition(&wait.transition, slots);
        Ok(program::StateKind::Wait.into())
    }

    fn succeed(&mut self, succeed: &Succeed, span: Span) -> Result<Emitted, Error> {
        self.input_path(&succeed.input_path)?;
        self.output_path(&succeed.output_path)?;
        self.output(succeed.output.as_ref(), Around::state(Sees::Input))?;
        self.emit(Op::Halt(), span);
        Ok(program::StateKind::Succeed.into())
    }

    fn fail(&mut self, fail: &Fail, span: Span) -> Result<Emitted, Error> {
        let error = self.fail_text(fail.error.as_ref(), "Error")?;
        let cause = self.fail_text(fail.cause.as_ref(), "Cause")?;
        self.emit(Op::Fail(FailIdx(self.fails.len() as u32)), span);
        self.fails.push(program::Fail { error, cause });
        Ok(program::StateKind::Fail.into())
    }

    fn fail_text(
        &mut self,
        text: Option<&FailText>,
        field: &str,
    ) -> Result<Option<program::FailText>, Error> {
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
            Some(FailText::Expression(text)) => {
                Some(program::FailText::Expression(self.expression(text, field)?))
            }
        })
    }

    pub(super) fn input_path(&mut self, field: &PathField) -> Result<(), Error> {
        self.path_or_nothing(field, Op::Select)
    }

    pub(super) fn output_path(&mut self, field: &PathField) -> Result<(), Error> {
        self.path_or_nothing(field, Op::Trim)
    }

    /// A path of `null` takes nothing: the value becomes `{}`.
    fn path_or_nothing(&mut self, field: &PathField, op: fn(LookupIdx) -> Op) -> Result<(), Error> {
        match field {
            PathField::Absent => {}
            PathField::Null(span) => {
                let nothing = self.bindings.constants.object(&[])?;
                self.constant(nothing, *span);
            }
            PathField::Path(path) if path.value == "$" => {}
            PathField::Path(path) => {
                let parsed = Path::parse(&path.value).map_err(|error| proven(&error))?;
                let lookup = Lookup::compile(&parsed, &mut self.bindings)?;
                self.reads_context |= lookup.reads_context();
                self.emit(op(LookupIdx(self.lookups.len() as u32)), path.span);
                self.lookups.push(lookup);
            }
        }
        Ok(())
    }

    /// A path of `null` keeps the state's input; `$`, the default, keeps only the result.
    pub(super) fn result_path(&mut self, field: &PathField) -> Result<(), Error> {
        match field {
            PathField::Absent => {}
            PathField::Null(span) => self.emit(Op::Move(), *span),
            PathField::Path(path) if path.value == "$" => {}
            PathField::Path(path) => {
                let walk = self.walk(path)?;
                self.emit(Op::Merge(WalkIdx(self.walks.len() as u32)), path.span);
                self.walks.push(walk);
            }
        }
        Ok(())
    }

    pub(super) fn fill(
        &mut self,
        template: Option<&crate::asl::model::Template>,
        op: fn(TemplateIdx) -> Op,
    ) -> Result<(), Error> {
        let Some(template) = template else { return Ok(()) };
        let compiled = self.template(template)?;
        self.emit(op(TemplateIdx(self.templates.len() as u32)), template.span);
        self.templates.push(compiled);
        Ok(())
    }

    pub(super) fn template(
        &mut self,
        template: &crate::asl::model::Template,
    ) -> Result<Template, Error> {
        let compiled = payload::template(template, &mut self.bindings)?;
        self.reads_context |= compiled.reads_context();
        Ok(compiled)
    }

    pub(super) fn assign(
        &mut self,
        assign: Option<&Assign>,
        around: Around<'_>,
    ) -> Result<(), Error> {
        let Some(assign) = assign else { return Ok(()) };
        if self.language == QueryLanguage::Jsonata {
            return self.letting(assign, around);
        }
        let fields = payload::variables(assign, &mut self.bindings)?;
        self.reads_context |= fields.iter().any(|(_, template)| template.reads_context());
        self.emit(Op::Assign(AssignIdx(self.assigns.len() as u32)), assign.span);
        self.assigns.push(program::Assign(fields.into()));
        Ok(())
    }

    fn constant(&mut self, value: Value, span: Span) {
        self.emit(Op::Const(ValueIdx(self.values.len() as u32)), span);
        self.values.push(value);
    }

    pub(super) fn transition(&mut self, transition: &Transition, slots: &Slots) {
        match transition {
            Transition::Next(target) => self.jump(target, slots),
            Transition::End(span) => self.emit(Op::Halt(), *span),
        }
    }

    pub(super) fn jump(&mut self, target: &Target, slots: &Slots) {
        self.emit(Op::Jump(Pc(slots[target.index])), target.name.span);
    }

    pub(super) fn walk(&mut self, path: &Spanned<String>) -> Result<Walk, Error> {
        let parsed = Path::parse(&path.value).map_err(|error| proven(&error))?;
        let walk = Walk::compile(&parsed, &mut self.bindings)?;
        self.reads_context |= walk.reads_context();
        Ok(walk)
    }

    pub(super) fn emit(&mut self, op: Op, span: Span) {
        self.ops.push(op);
        self.offsets.push(span.start);
    }
}

/// A checked model holds only expressions that parse; one that does not is a fault in the check.
pub(super) fn proven(error: &SyntaxError) -> Error {
    Error::Expression { offset: error.offset }
}
