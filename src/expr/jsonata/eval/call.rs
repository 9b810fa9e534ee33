//! Functions: calling them, making them, and what they are applied to.
//!
//! Arguments lie on the stack. A call that is the last thing its function does leaves its
//! arguments there and gives its frame up first, so that loops written as recursion run in one
//! frame. What a call made and its result does not need is dropped when it returns.

use super::super::code::{Call, Callee, Code as Op, CodeId, Lambda};
use super::super::functions;
use super::super::item::{Extent, Item, Kind};
use super::super::scratch::Closure;
use super::super::{Code, Dialect, Thrown};
use super::{BYTES_PER_STEP, Evaluator, ITEMS_PER_STEP};

/// The arguments of a built-in function: what its signature made of them.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Arguments {
    base: usize,
    count: usize,
    is_result: bool,
}

impl Arguments {
    /// The argument at `index`; undefined when there is none.
    #[inline]
    pub(in super::super) fn get(self, evaluator: &Evaluator<'_>, index: usize) -> Item {
        if index < self.count {
            evaluator.scratch.stack[self.base + index]
        } else {
            Item::UNDEFINED
        }
    }

    /// Whether what the function makes goes into the expression's result.
    pub(in super::super) fn is_result(self) -> bool {
        self.is_result
    }

    /// How many there are.
    pub(in super::super) fn len(self) -> usize {
        self.count
    }
}

impl<'e> Evaluator<'e> {
    /// Makes a call; a sequence that it returns stays one, whatever its length.
    pub(super) fn call(&mut self, call: &'e Call, id: CodeId, input: Item) -> Result<Item, Thrown> {
        let base = self.scratch.stack.len();
        let callee = match call.callee {
            Callee::Native(native) => Item::native(native),
            Callee::Code(code) => {
                let callee = self.evaluate(code, input)?;
                if call.forgotten_dollar && callee.is_undefined() {
                    let error = Thrown::new(Code::T1005).at(self.span(id));
                    return Err(error.at_token(&call.name));
                }
                callee
            }
        };
        if let Some(context) = call.context {
            let context = self.evaluate(context, input)?;
            self.scratch.stack.push(context);
        }
        self.step_fuel(call.arguments.len())?;
        for argument in &call.arguments {
            let argument = self.operand(*argument, input)?;
            self.scratch.stack.push(argument);
        }
        if call.tail && matches!(callee.kind(), Kind::Closure(_)) {
            self.tail = (callee, self.scratch.stack.len() - base);
            return Ok(Item::TAIL_CALL);
        }
        let ground = self.ground;
        self.ground += u32::from(call.level);
        let applied = match callee.kind() {
            Kind::Native(native) => {
                let mark = self.scratch.mark();
                self.apply_native(native, base, input, call.is_result).map(|result| {
                    self.scratch.stack.truncate(base);
                    self.release_call(result, mark)
                })
            }
            _ => self.apply(callee, base, input),
        };
        self.ground = ground;
        match applied {
            Ok(result) => Ok(result),
            Err(error) => Err(error.at(self.span(id)).at_token(&call.name)),
        }
    }

    /// `lhs ~> rhs` where the right side is no call.
    pub(super) fn chain(
        &mut self,
        one: CodeId,
        other: CodeId,
        level: u16,
        id: CodeId,
        input: Item,
    ) -> Result<Item, Thrown> {
        let item = self.evaluate(one, input)?;
        let function = self.evaluate(other, input)?;
        if !function.is_function() {
            let error = Thrown::new(Code::T2006).with("value", self.quoted(function));
            return Err(error.at(self.span(id)).at_token("~>"));
        }
        if item.is_function() {
            return Ok(self.scratch.closure(Closure::Composed { first: item, second: function }));
        }
        let ground = self.ground;
        self.ground += u32::from(level);
        let result = self.invoke(function, &[item])?;
        self.ground = ground;
        Ok(self.normalised(result))
    }

    pub(super) fn lambda(&mut self, lambda: u32, input: Item) -> Item {
        let labels = self.kept_labels();
        self.scratch.closure(Closure::Lambda { lambda, frame: self.frame, input, labels })
    }

    pub(super) fn transformer(&mut self, code: CodeId) -> Item {
        let labels = self.kept_labels();
        self.scratch.closure(Closure::Transform { code, frame: self.frame, labels })
    }

    /// What the running tuple holds, kept for a function that is made now.
    fn kept_labels(&mut self) -> Extent {
        let base = self.scratch.stack.len();
        let scratch = &mut *self.scratch;
        scratch.stack.extend_from_slice(&scratch.labels);
        scratch.settle(base)
    }

    pub(super) fn partial(
        &mut self,
        callee: CodeId,
        arguments: &'e [Option<CodeId>],
        name: &str,
        id: CodeId,
        input: Item,
    ) -> Result<Item, Thrown> {
        let base = self.scratch.stack.len();
        for argument in arguments {
            let item = match argument {
                Some(argument) => self.evaluate(*argument, input)?,
                None => Item::UNBOUND,
            };
            self.scratch.stack.push(item);
        }
        let arguments = self.scratch.settle(base);
        let callee = self.evaluate(callee, input)?;
        if !callee.is_function() {
            return Err(Thrown::new(Code::T1008).at(self.span(id)).at_token(name));
        }
        Ok(self.scratch.closure(Closure::Partial { callee, arguments }))
    }

    /// Calls a function with these arguments.
    ///
    /// # Errors
    /// What it throws.
    pub(in super::super) fn invoke(
        &mut self,
        function: Item,
        arguments: &[Item],
    ) -> Result<Item, Thrown> {
        let base = self.scratch.stack.len();
        self.scratch.stack.extend_from_slice(arguments);
        self.apply(function, base, self.no_context())
    }

    /// The context item of a function that another one calls. The reference hands null on, which
    /// is of the wrong type for most functions.
    pub(super) fn no_context(&self) -> Item {
        match self.dialect {
            Dialect::Aws => Item::UNDEFINED,
            Dialect::Full => Item::NULL,
        }
    }

    /// How many arguments a function takes.
    pub(in super::super) fn arity(&self, function: Item) -> usize {
        match function.kind() {
            Kind::Native(native) => functions::table()[usize::from(native)].arity,
            Kind::Closure(index) => match self.scratch.closures[index as usize] {
                Closure::Lambda { lambda, .. } => {
                    usize::from(self.program.lambdas[lambda as usize].parameters)
                }
                Closure::Partial { arguments, .. } => {
                    let known = &self.scratch.slots[arguments.range()];
                    known.iter().filter(|item| item.is_unbound()).count()
                }
                Closure::Composed { .. } | Closure::Transform { .. } => 1,
                Closure::Next { .. } => 0,
            },
            Kind::Regex(_) => 2,
            _ => 0,
        }
    }

    /// Calls a function with the arguments on the stack from `base` on, which are gone then.
    pub(super) fn apply(&mut self, callee: Item, base: usize, input: Item) -> Result<Item, Thrown> {
        let mark = self.scratch.mark();
        let mut callee = callee;
        loop {
            let result = match callee.kind() {
                // Natives that call each other pass by no code that looks at the native stack.
                Kind::Native(native) => {
                    self.descend(|this| this.apply_native(native, base, input, false))?
                }
                Kind::Closure(index) => match self.scratch.closures[index as usize] {
                    Closure::Lambda { lambda, frame, input: context, labels } => {
                        let code = &self.program.lambdas[lambda as usize];
                        let result = self.descend(|this| {
                            this.apply_lambda(code, (frame, labels), context, base, input)
                        })?;
                        if result.is_tail_call() {
                            callee = self.take_tail_call(base);
                            self.release_loop(code, base, mark);
                            continue;
                        }
                        result
                    }
                    Closure::Partial { callee: inner, arguments } => {
                        self.complete(arguments, base);
                        callee = inner;
                        continue;
                    }
                    Closure::Composed { first, second } => {
                        // It has one parameter, whatever its first function takes.
                        self.scratch.stack.resize(base + 1, Item::UNDEFINED);
                        // In the reference, the first call is an argument of the second.
                        self.ground += 1;
                        let between = self.descend(|this| this.apply(first, base, input))?;
                        self.ground -= 1;
                        self.scratch.stack.push(self.normalised(between));
                        callee = second;
                        continue;
                    }
                    Closure::Transform { code, frame, labels } => {
                        self.apply_transform(code, (frame, labels), base)?
                    }
                    Closure::Next { regex, text, from } => {
                        self.match_from(regex, text, from as usize, true)?
                    }
                },
                Kind::Regex(regex) => {
                    self.scratch.stack.resize(base + 2, Item::UNDEFINED);
                    let [text, from] = [0, 1].map(|index| self.scratch.stack[base + index]);
                    let from = self.match_start(text, from)?;
                    self.match_from(regex, text, from, false)?
                }
                _ => return Err(Thrown::new(Code::T1006)),
            };
            self.scratch.stack.truncate(base);
            return Ok(self.release_call(result, mark));
        }
    }

    fn apply_native(
        &mut self,
        native: u16,
        base: usize,
        input: Item,
        is_result: bool,
    ) -> Result<Item, Thrown> {
        let native = &functions::table()[usize::from(native)];
        self.validate(native.parameters, base, input)
            .and_then(|()| {
                let count = self.scratch.stack.len() - base;
                self.pay_for(base..base + count)?;
                (native.function)(self, Arguments { base, count, is_result })
            })
            .map_err(|error| error.at_token(native.name))
    }

    /// Pays for reading what lies on the stack in `range` once.
    fn pay_for(&mut self, range: std::ops::Range<usize>) -> Result<(), Thrown> {
        let size = |item: &Item| match self.text_bytes(*item) {
            Some(text) => text.len() / BYTES_PER_STEP,
            None => self.len(*item) / ITEMS_PER_STEP,
        };
        let steps = self.scratch.stack[range].iter().map(size).sum();
        self.step_fuel(steps)
    }

    fn apply_lambda(
        &mut self,
        code: &'e Lambda,
        (parent, kept): (u32, Extent),
        context: Item,
        base: usize,
        input: Item,
    ) -> Result<Item, Thrown> {
        if self.ground + u32::from(code.levels) > self.ground_max {
            return Err(Thrown::new(Code::U1001));
        }
        let labels = self.program.labels as usize;
        self.step_fuel(CALL_STEPS + (labels + code.slots as usize) / 8)?;
        if code.slots > FEW_SLOTS {
            self.check_room(8 * code.slots as usize)?;
        }
        if let Some(signature) = &code.signature {
            self.validate(&signature.parameters, base, input)?;
        }
        let outer = (self.frame, self.base);
        let (first, frame) = self.enter_call(code, parent, base);
        // What the running tuple holds is not the function's to change.
        if labels > 0 {
            let scratch = &mut *self.scratch;
            scratch.stack.extend_from_slice(&scratch.labels);
            scratch.labels.copy_from_slice(&scratch.slots[kept.range()]);
        }
        let result = self.evaluate(code.body, context);
        (self.frame, self.base) = outer;
        let scratch = &mut *self.scratch;
        if labels > 0 {
            scratch.labels.copy_from_slice(&scratch.stack[base..base + labels]);
        }
        if !code.captured && scratch.frames.len() == frame as usize + 1 {
            scratch.frames.pop();
            scratch.variables.truncate(first);
        }
        result
    }

    /// The callee of a tail call; its arguments come to lie at `base`.
    pub(super) fn take_tail_call(&mut self, base: usize) -> Item {
        let (callee, count) = self.tail;
        let end = self.scratch.stack.len();
        self.scratch.stack.copy_within(end - count..end, base);
        self.scratch.stack.truncate(base + count);
        callee
    }

    /// Between two rounds of a loop: what the last one made is needed only by the arguments.
    pub(super) fn release_loop(
        &mut self,
        code: &Lambda,
        base: usize,
        mark: super::super::scratch::Mark,
    ) {
        let needed = self.scratch.stack[base..].iter().any(|item| item.is_scratch());
        if !needed && !code.captured {
            self.scratch.release(mark);
        }
    }

    /// After a call: what it made is needed only by its result.
    #[inline]
    pub(super) fn release_call(&mut self, result: Item, mark: super::super::scratch::Mark) -> Item {
        match result.kind() {
            Kind::Text(at) => self.scratch.release_but_text(mark, at),
            _ if !result.is_scratch() => {
                self.scratch.release(mark);
                result
            }
            _ => result,
        }
    }

    /// Puts the known arguments of a partial application between those on the stack.
    fn complete(&mut self, known: Extent, base: usize) {
        let given = self.scratch.stack.split_off(base);
        let mut given = given.into_iter();
        for index in known.range() {
            let item = self.scratch.slots[index];
            let item =
                if item.is_unbound() { given.next().unwrap_or(Item::UNDEFINED) } else { item };
            self.scratch.stack.push(item);
        }
    }

    /// Makes a frame of the arguments on the stack from `base` on the running one; returns its
    /// first variable and its number.
    #[inline]
    fn enter_call(&mut self, code: &Lambda, parent: u32, base: usize) -> (usize, u32) {
        let scratch = &mut *self.scratch;
        let (first, parameters) = (scratch.variables.len(), usize::from(code.parameters));
        let given = (scratch.stack.len() - base).min(parameters);
        scratch.variables.extend_from_slice(&scratch.stack[base..base + given]);
        for _ in given..parameters {
            scratch.variables.push(Item::UNDEFINED);
        }
        for _ in parameters..code.slots as usize {
            scratch.variables.push(Item::UNBOUND);
        }
        scratch.stack.truncate(base);
        let frame = scratch.frames.len() as u32;
        scratch.frames.push(super::Frame { parent, base: first as u32 });
        (self.frame, self.base) = (frame, first);
        (first, frame)
    }

    /// Runs `inside` in another frame, with what the tuple held that it was made in.
    pub(super) fn in_frame<T>(
        &mut self,
        (frame, labels): (u32, Extent),
        inside: impl FnOnce(&mut Self) -> Result<T, Thrown>,
    ) -> Result<T, Thrown> {
        let outer = (self.frame, self.base);
        self.frame = frame;
        self.base = self.scratch.frames[frame as usize].base as usize;
        self.scratch.pins += 1;
        let held = self.kept_labels();
        let scratch = &mut *self.scratch;
        scratch.labels.copy_from_slice(&scratch.slots[labels.range()]);
        let result = self.descend(inside);
        let scratch = &mut *self.scratch;
        scratch.labels.copy_from_slice(&scratch.slots[held.range()]);
        (self.frame, self.base) = outer;
        result
    }

    /// Code of a transform.
    pub(super) fn transform_code(&self, code: CodeId) -> Option<(CodeId, CodeId, Option<CodeId>)> {
        match &self.program.codes[code.0 as usize] {
            Op::Transform { pattern, update, delete } => Some((*pattern, *update, *delete)),
            _ => None,
        }
    }

    /// A part of a text, by bytes, as an item.
    ///
    /// # Errors
    /// Memory.
    pub(in super::super) fn slice_text(
        &mut self,
        text: Item,
        range: std::ops::Range<usize>,
    ) -> Result<Item, Thrown> {
        if let Kind::Text(at) = text.kind() {
            let offset = at.offset + range.start as u32;
            return Ok(Item::text(Extent { offset, len: range.len() as u32 }));
        }
        let begin = self.scratch.text.len();
        if let Kind::Value(value) = text.kind() {
            let part = self.heap.key_text(value).get(range).unwrap_or_default();
            self.scratch.text.push_str(part);
        }
        self.finish_text(begin)
    }
}

/// What a call costs beside what its body does, in steps.
pub(super) const CALL_STEPS: usize = 4;
/// Variables of a frame that need not be counted one by one.
pub(super) const FEW_SLOTS: u32 = 64;
