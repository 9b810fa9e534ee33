//! The evaluator: runs the code of an expression over a heap that it reads, and adds its result to.
//!
//! It calls itself along the code's nesting, which the parser bounds, and along calls of
//! functions, which `depth` bounds; the native stack is extended when little of it is left. Every
//! step costs fuel, everything that is made counts as memory.

mod call;
mod callback;
mod construct;
mod export;
mod fields;
mod matches;
mod operators;
mod path;
mod project;
mod read;
mod sort;
mod transform;
mod tuples;
mod validate;

use super::ast::Span;
use super::code::{Block, Code as Op, CodeId, Part, Place, Program, Scope as Slots};
use super::item::{Flags, Item};
use super::scratch::{Frame, Scratch};
use super::{Code, Dialect, Scope, Thrown, limits};
use crate::base::entropy::Entropy;
use crate::value::{ArenaId, Heap, Parser};

pub(super) use call::Arguments;
pub(super) use export::Exported;
pub(super) use operators::utf16_order;
pub(super) use read::View;

/// One evaluation.
pub(super) struct Evaluator<'e> {
    pub(super) program: &'e Program,
    pub(super) dialect: Dialect,
    pub(super) heap: &'e mut Heap,
    pub(super) arena: ArenaId,
    pub(super) scope: Scope<'e>,
    pub(super) scratch: &'e mut Scratch,
    pub(super) parser: &'e mut Parser,
    pub(super) entropy: &'e mut Entropy,
    pub(super) wall_ms: i64,
    /// Keys of `$states`, as constants.
    pub(super) keys: [Item; 4],
    /// Steps that may still be taken.
    fuel: usize,
    /// What the items made may measure, in AWS's bytes.
    memory_max: usize,
    /// Levels of the calls around the running body, as AWS counts them.
    ground: u32,
    ground_max: u32,
    /// Bytes, as AWS counts them, of what was made in the heap.
    pub(super) heap_bytes: usize,
    /// Calls and containers entered and not left.
    depth: u32,
    /// Levels entered and not left of what may nest.
    nested: u32,
    /// The running frame, and its first variable.
    frame: u32,
    base: usize,
    /// `$$`
    root: Item,
    /// Callee and number of arguments of a call that is still to be made.
    tail: (Item, usize),
}

/// What an evaluation is made of, see [`Evaluator::new`].
pub(super) struct Parts<'e> {
    pub(super) program: &'e Program,
    pub(super) dialect: Dialect,
    pub(super) keys: [Item; 4],
}

impl<'e> Evaluator<'e> {
    pub(super) fn new(parts: &Parts<'e>, setting: &'e mut super::Setting<'_>) -> Self {
        setting.scratch.reset();
        let (memory_max, ground_max) = match parts.dialect {
            Dialect::Aws => (2 * limits::VALUE_BYTES_MAX, u32::from(limits::DEPTH_MAX)),
            Dialect::Full => (FULL_MEMORY_MAX, u32::MAX),
        };
        Self {
            program: parts.program,
            dialect: parts.dialect,
            heap: setting.heap,
            arena: setting.arena,
            scope: setting.scope,
            scratch: setting.scratch,
            parser: setting.parser,
            entropy: setting.entropy,
            wall_ms: setting.wall_ms,
            keys: parts.keys,
            fuel: FUEL,
            memory_max,
            ground: 0,
            ground_max,
            heap_bytes: 0,
            depth: 0,
            nested: 0,
            frame: 0,
            base: 0,
            root: Item::UNDEFINED,
            tail: (Item::UNDEFINED, 0),
        }
    }

    /// Leaves the number of steps with the scratch, for whoever shares out the time.
    #[inline]
    pub(super) fn count_steps(&mut self) {
        self.scratch.steps += FUEL - self.fuel;
    }

    /// Evaluates the whole expression.
    pub(super) fn run(&mut self) -> Result<Item, Thrown> {
        let (slots, labels) = (self.program.slots as usize, self.program.labels as usize);
        if slots + labels > 0 {
            self.scratch.variables.resize(slots, Item::UNBOUND);
            self.scratch.labels.resize(labels, Item::UNDEFINED);
        }
        self.scratch.frames.push(Frame { parent: 0, base: 0 });
        self.root = match self.dialect {
            Dialect::Aws => Item::UNDEFINED,
            Dialect::Full => self.scope.input.into(),
        };
        // An array as input is one input, not several.
        let mut input = self.root;
        if !input.is_undefined() && self.is_array(input) {
            self.scratch.stack.push(input);
            input = self.scratch.array_from(0, Flags::SEQUENCE.and(Flags::OUTER));
        }
        self.evaluate(CodeId(self.program.root), input)
    }

    /// Evaluates one node of code over the context item `input`.
    pub(super) fn evaluate(&mut self, id: CodeId, input: Item) -> Result<Item, Thrown> {
        self.step_fuel(1)?;
        let program = self.program;
        match &program.codes[id.0 as usize] {
            Op::Constant(item) => Ok(*item),
            Op::Local(place) => Ok(self.variable(*place)),
            Op::Field(place, key) => self.name(self.variable(*place), key),
            Op::Name(key) => self.name(input, key),
            Op::Names { origin, keys } => {
                let origin = match &program.codes[origin.0 as usize] {
                    Op::States(part) => self.states(*part),
                    Op::Local(place) => self.variable(*place),
                    _ => self.evaluate(*origin, input)?,
                };
                self.names(origin, keys)
            }
            Op::States(part) => Ok(self.states(*part)),
            Op::Variable(index, native) => Ok(self.outer_variable(*index, *native)),
            Op::Context => Ok(self.context(input)),
            Op::Input => Ok(input),
            Op::Label(label) => Ok(self.scratch.labels[*label as usize]),
            Op::Root => Ok(self.root),
            Op::Arithmetic(operator, one, other) => {
                self.nest(|this| this.arithmetic(*operator, (*one, *other), id, input))
            }
            Op::Compare(operator, one, other) => {
                self.nest(|this| this.compare(*operator, (*one, *other), id, input))
            }
            Op::Projected(projected) => self.projected(projected, input),
            Op::Aggregated(aggregated) => self.aggregated(aggregated, input),
            op => self.nest(|this| this.evaluate_nested(op, id, input)),
        }
    }

    /// Runs what may nest; the native stack is looked at every few levels.
    #[inline]
    fn nest<T>(&mut self, inside: impl FnOnce(&mut Self) -> T) -> T {
        self.nested += 1;
        let result = if self.nested.is_multiple_of(STACK_LEVELS) {
            stacker::maybe_grow(STACK_RED_ZONE, STACK_SEGMENT, || inside(self))
        } else {
            inside(self)
        };
        self.nested -= 1;
        result
    }

    /// The nodes that nest: kept apart, so that the native frames of the others stay small.
    #[inline(never)]
    fn evaluate_nested(&mut self, op: &'e Op, id: CodeId, input: Item) -> Result<Item, Thrown> {
        match op {
            Op::Path(path) => self.path(path, input, false),
            Op::Call(call) => {
                let result = self.call(call, id, input)?;
                // The reference makes a tail call outside the function, and keeps its sequence.
                Ok(if call.tail { result } else { self.normalised(result) })
            }
            Op::Object(pairs) => self.object(pairs, input),
            Op::Concat { parts, plain } => self.concat(parts, *plain, input),
            Op::Array { elements, cons } => self.array(elements, *cons, input),
            Op::Block(block) => self.block(block, input),
            Op::Equal(wanted, one, other) => self.equality(*wanted, *one, *other, input),
            Op::And(one, other) => {
                let both = self.test(*one, input, id)? && self.test(*other, input, id)?;
                Ok(Item::bool(both))
            }
            Op::Or(one, other) => {
                let either = self.test(*one, input, id)? || self.test(*other, input, id)?;
                Ok(Item::bool(either))
            }
            Op::In(one, other) => self.includes(*one, *other, input).map(Item::bool),
            Op::Condition { test, then, otherwise } => {
                let test = self.evaluate(*test, input)?;
                match (self.is_true(test)?, otherwise) {
                    (true, _) => self.evaluate(*then, input),
                    (false, Some(otherwise)) => self.evaluate(*otherwise, input),
                    (false, None) => Ok(Item::UNDEFINED),
                }
            }
            _ => self.evaluate_rare(op, id, input),
        }
    }

    #[inline(never)]
    fn evaluate_rare(&mut self, op: &'e Op, id: CodeId, input: Item) -> Result<Item, Thrown> {
        match op {
            Op::Range(one, other) => {
                let (one, other) = (self.evaluate(*one, input)?, self.evaluate(*other, input)?);
                let range = self.range(one, other).map_err(|error| error.at(self.span(id)))?;
                Ok(self.normalised(range))
            }
            Op::Negate(operand) => {
                let operand = self.evaluate(*operand, input)?;
                self.negate(operand).map_err(|error| error.at(self.span(id)).at_token("-"))
            }
            Op::Coalesce(one, other) => match self.evaluate(*one, input)? {
                item if item.is_undefined() => self.evaluate(*other, input),
                item => Ok(item),
            },
            Op::Elvis(one, other) => {
                let item = self.evaluate(*one, input)?;
                if self.is_true(item)? { Ok(item) } else { self.evaluate(*other, input) }
            }
            Op::Bind(place, value) => {
                let value = self.evaluate(*value, input)?;
                self.bind(*place, value);
                Ok(value)
            }
            Op::Candidates(places, otherwise) => {
                let mut bound = places.iter().map(|place| self.variable(*place));
                match bound.find(|item| !item.is_unbound()) {
                    Some(item) => Ok(item),
                    None => self.evaluate(*otherwise, input),
                }
            }
            Op::Wildcard => self.wildcard(input).map(|found| self.normalised(found)),
            Op::Descendants => self.descendants(input).map(|found| self.normalised(found)),
            Op::Chain(one, other, level) => self.chain(*one, *other, *level, id, input),
            Op::Partial { callee, arguments, name } => {
                self.partial(*callee, arguments, name, id, input)
            }
            Op::Lambda(lambda) => Ok(self.lambda(*lambda, input)),
            Op::Transform { .. } => Ok(self.transformer(id)),
            Op::Regex(index) => Ok(Item::regex(*index)),
            Op::TooDeep => Err(Thrown::new(Code::U1001).at(self.span(id))),
            Op::Filtered(..) | Op::Grouped(..) | Op::KeepArray(_) => {
                let result = self.sequence_of(id, input)?;
                Ok(self.normalised(result))
            }
            _ => Ok(Item::UNDEFINED),
        }
    }

    /// `$`
    fn context(&self, input: Item) -> Item {
        if input.flags().has(Flags::OUTER) { self.element(input, 0) } else { input }
    }

    #[inline]
    fn states(&mut self, part: Part) -> Item {
        match part {
            Part::Input => self.scope.input.into(),
            Part::Result => self.scope.result.into(),
            Part::ErrorOutput => self.scope.error_output.into(),
            Part::Context => self.scope.context.into(),
            Part::All => self.all_states(),
        }
    }

    /// `$states`
    #[cold]
    fn all_states(&mut self) -> Item {
        let base = self.scratch.stack.len();
        let Scope { input, result, error_output, context, .. } = self.scope;
        for (key, part) in self.keys.into_iter().zip([input, result, error_output, context]) {
            if let Some(part) = part {
                self.scratch.stack.extend([key, part.into()]);
            }
        }
        self.scratch.object_from(base)
    }

    fn outer_variable(&self, index: crate::expr::VariableIdx, native: Option<u16>) -> Item {
        match (self.scope.variables.get(index.index()).copied().flatten(), native) {
            (Some(value), _) => value.into(),
            (None, Some(native)) => Item::native(native),
            (None, None) => Item::UNDEFINED,
        }
    }

    #[inline]
    pub(super) fn variable(&self, place: Place) -> Item {
        self.scratch.variables[self.frame_base(place.up) + usize::from(place.slot)]
    }

    #[inline]
    pub(super) fn bind(&mut self, place: Place, value: Item) {
        let index = self.frame_base(place.up) + usize::from(place.slot);
        self.scratch.variables[index] = value;
    }

    #[inline]
    fn frame_base(&self, up: u16) -> usize {
        if up == 0 {
            return self.base;
        }
        let mut frame = self.scratch.frames[self.frame as usize].parent;
        for _ in 1..up {
            frame = self.scratch.frames[frame as usize].parent;
        }
        self.scratch.frames[frame as usize].base as usize
    }

    fn block(&mut self, block: &'e Block, input: Item) -> Result<Item, Thrown> {
        match block.scope {
            Slots::Shared { first, count } => {
                let first = self.base + usize::from(first);
                self.scratch.variables[first..first + usize::from(count)].fill(Item::UNBOUND);
                self.sequence(&block.body, input)
            }
            Slots::Own { slots } => {
                let outer = (self.frame, self.base);
                self.enter_frame(self.frame, slots as usize);
                let result = self.sequence(&block.body, input);
                // The frame stays: a function made inside refers to it.
                (self.frame, self.base) = outer;
                result
            }
        }
    }

    fn sequence(&mut self, body: &'e [CodeId], input: Item) -> Result<Item, Thrown> {
        let mut result = Item::UNDEFINED;
        for code in body {
            result = self.evaluate(*code, input)?;
        }
        Ok(result)
    }

    /// Makes a frame with room for `slots` variables the running one; those that are on the stack
    /// of variables already are the caller's to push before.
    fn enter_frame(&mut self, parent: u32, slots: usize) {
        let base = self.scratch.variables.len();
        self.scratch.variables.resize(base + slots, Item::UNBOUND);
        self.frame = self.scratch.frames.len() as u32;
        self.scratch.frames.push(Frame { parent, base: base as u32 });
        self.base = base;
    }

    /// Evaluates a node for what stands behind it: a sequence stays one, whatever its length.
    fn sequence_of(&mut self, id: CodeId, input: Item) -> Result<Item, Thrown> {
        let program = self.program;
        match &program.codes[id.0 as usize] {
            Op::Path(path) => self.path(path, input, true),
            Op::Call(call) => self.call(call, id, input),
            Op::Filtered(node, predicates) => {
                let mut item = self.sequence_of(*node, input)?;
                for predicate in predicates {
                    item = self.filter(*predicate, item)?;
                }
                Ok(item)
            }
            Op::Grouped(node, pairs) => {
                let item = self.sequence_of(*node, input)?;
                self.group(pairs, item)
            }
            Op::KeepArray(node) => {
                let item = self.sequence_of(*node, input)?;
                let flags = item.flags();
                Ok(if flags.has(Flags::SEQUENCE) {
                    item.with_flags(flags.and(Flags::KEEP))
                } else {
                    item
                })
            }
            _ => self.evaluate(id, input),
        }
    }

    fn test(&mut self, code: CodeId, input: Item, whole: CodeId) -> Result<bool, Thrown> {
        let item = self.evaluate(code, input)?;
        self.is_true(item).map_err(|error| error.at(self.span(whole)))
    }

    pub(super) fn span(&self, id: CodeId) -> Span {
        self.program.spans[id.0 as usize]
    }

    /// Pays for `steps` steps.
    ///
    /// # Errors
    /// U1002 when there is no fuel left.
    #[inline]
    pub(super) fn step_fuel(&mut self, steps: usize) -> Result<(), Thrown> {
        match self.fuel.checked_sub(steps) {
            Some(rest) => {
                self.fuel = rest;
                Ok(())
            }
            None => Err(exhausted()),
        }
    }

    /// Whether `more` bytes, as AWS counts them, may still be made.
    ///
    /// # Errors
    /// Memory when not.
    #[inline]
    pub(super) fn check_room(&self, more: usize) -> Result<(), Thrown> {
        if (self.scratch.measure() + self.heap_bytes).saturating_add(more) > self.memory_max {
            return Err(out_of_memory());
        }
        Ok(())
    }

    /// Runs `inside` one level deeper.
    ///
    /// # Errors
    /// U1001 when that is too deep.
    pub(super) fn descend<T>(
        &mut self,
        inside: impl FnOnce(&mut Self) -> Result<T, Thrown>,
    ) -> Result<T, Thrown> {
        if self.depth >= DEPTH_MAX {
            return Err(Thrown::new(Code::U1001));
        }
        self.depth += 1;
        let result = self.nest(inside);
        self.depth -= 1;
        result
    }
}

#[cold]
fn exhausted() -> Thrown {
    Thrown::new(Code::U1002)
}

#[cold]
pub(super) fn out_of_memory() -> Thrown {
    Thrown::new(Code::Memory)
}

/// What a step is worth where text or items are passed over.
pub(super) const BYTES_PER_STEP: usize = 16;
pub(super) const ITEMS_PER_STEP: usize = 4;
/// Steps of one evaluation: well under a hundred milliseconds, where AWS measures time.
const FUEL: usize = 4_000_000;
/// As [`Scratch::measure`] counts.
const FULL_MEMORY_MAX: usize = 12 << 20;
/// Calls and containers nested in each other at run time.
const DEPTH_MAX: u32 = 1_000;
/// Levels between two looks at the native stack: one takes up to 2 KiB in an optimised build, which
/// is told from others by its lack of debug assertions, and ten times as much in others.
const STACK_LEVELS: u32 = if cfg!(debug_assertions) { 1 } else { 8 };
/// With less native stack left than this, a level gets a new segment.
const STACK_RED_ZONE: usize = 256 << 10;
const STACK_SEGMENT: usize = 2 << 20;
