//! Functions that are called once for each of many items.

use super::super::code::{Code as Op, CodeId, Lambda, Source};
use super::super::item::{Item, Kind};
use super::super::projection::Projection;
use super::super::scratch::Closure;
use super::super::{Code, Thrown};
use super::call::{CALL_STEPS, FEW_SLOTS};
use super::{DEPTH_MAX, Evaluator, Frame};

/// A function that will be called many times, looked at once.
#[derive(Clone, Copy)]
pub(in super::super) struct Callback<'e> {
    function: Item,
    arity: usize,
    plain: Option<Plain<'e>>,
    projection: Option<&'e Projection>,
}

/// A function whose frame is gone when it returns, and that takes what it is given.
#[derive(Clone, Copy)]
struct Plain<'e> {
    code: &'e Lambda,
    /// Its body; whoever runs it has tried the projection that it may be.
    body: CodeId,
    /// The frame it was made in.
    parent: u32,
    /// The context item it was made in.
    context: Item,
}

impl<'e> Evaluator<'e> {
    /// A function that is called with an item, its place and what both come from: as many of the
    /// three as it takes, at least one.
    pub(in super::super) fn callback(&self, function: Item) -> Callback<'e> {
        let arity = self.arity(function).clamp(1, 3);
        let plain = self.plain(function);
        let projection = plain.and_then(|plain| self.projection(&plain));
        Callback { function, arity, plain, projection }
    }

    /// What the function makes of its first argument alone, unless calling it is an error.
    fn projection(&self, plain: &Plain<'e>) -> Option<&'e Projection> {
        let Op::Projected(projected) = &self.program.codes[plain.code.body.0 as usize] else {
            return None;
        };
        debug_assert_eq!(projected.source, Source::Parameter, "a function's body is about it");
        let too_deep =
            self.ground + u32::from(plain.code.levels) > self.ground_max || self.depth >= DEPTH_MAX;
        (!too_deep).then_some(&projected.projection)
    }

    fn plain(&self, function: Item) -> Option<Plain<'e>> {
        let Kind::Closure(index) = function.kind() else { return None };
        let closure = self.scratch.closures[index as usize];
        let Closure::Lambda { lambda, frame: parent, input: context, .. } = closure else {
            return None;
        };
        let code = &self.program.lambdas[lambda as usize];
        let is_plain = code.signature.is_none()
            && !code.captured
            && code.slots <= FEW_SLOTS
            && self.program.labels == 0;
        let body = match &self.program.codes[code.body.0 as usize] {
            Op::Projected(projected) => projected.otherwise,
            _ => code.body,
        };
        is_plain.then_some(Plain { code, body, parent, context })
    }

    /// Calls a function with the items in `range` of the stack, as long as it is known what it makes
    /// of them without calling it, and pushes the results; returns how many they were.
    ///
    /// # Errors
    /// U1002.
    #[inline]
    pub(in super::super) fn project_call_backs(
        &mut self,
        callback: &Callback<'e>,
        range: std::ops::Range<usize>,
    ) -> Result<usize, Thrown> {
        let Some(projection) = callback.projection else { return Ok(0) };
        let called = self.project_run(projection, range);
        self.step_fuel(called * CALL_STEPS)?;
        Ok(called)
    }

    /// Calls a function with an item, its place, and what both come from.
    ///
    /// # Errors
    /// What it throws.
    #[inline]
    pub(in super::super) fn call_back(
        &mut self,
        callback: &Callback<'e>,
        item: Item,
        place: impl FnOnce() -> Item,
        whole: Item,
    ) -> Result<Item, Thrown> {
        if let Some(projection) = callback.projection
            && let Some(item) = self.project(projection, item)
        {
            self.step_fuel(CALL_STEPS)?;
            return Ok(item);
        }
        self.call_in_full(callback, item, place, whole)
    }

    /// As [`Self::call_back`], where it is known that calling cannot be avoided.
    ///
    /// # Errors
    /// What it throws.
    #[inline]
    pub(in super::super) fn call_in_full(
        &mut self,
        callback: &Callback<'e>,
        item: Item,
        place: impl FnOnce() -> Item,
        whole: Item,
    ) -> Result<Item, Thrown> {
        if let Some(plain) = &callback.plain {
            let first = self.scratch.variables.len();
            let variables = &mut self.scratch.variables;
            let parameters = usize::from(plain.code.parameters);
            if parameters > 0 {
                variables.push(item);
            }
            if parameters > 1 {
                variables.push(place());
            }
            if parameters > 2 {
                variables.push(whole);
            }
            for _ in 3..parameters {
                variables.push(Item::UNDEFINED);
            }
            for _ in parameters..plain.code.slots as usize {
                variables.push(Item::UNBOUND);
            }
            return self.run_plain(plain, first);
        }
        let base = self.scratch.stack.len();
        self.scratch.stack.push(item);
        if callback.arity > 1 {
            self.scratch.stack.push(place());
        }
        if callback.arity > 2 {
            self.scratch.stack.push(whole);
        }
        self.apply(callback.function, base, self.no_context())
    }

    /// Runs a function's body in a frame whose variables lie from `first` on.
    fn run_plain(&mut self, plain: &Plain<'e>, first: usize) -> Result<Item, Thrown> {
        let code = plain.code;
        self.step_fuel(CALL_STEPS + code.slots as usize / 8)?;
        let too_deep = self.ground + u32::from(code.levels) > self.ground_max;
        if too_deep || self.depth >= DEPTH_MAX {
            return Err(Thrown::new(Code::U1001));
        }
        let (mark, base) = (self.scratch.mark(), self.scratch.stack.len());
        let outer = (self.frame, self.base);
        let frame = self.scratch.frames.len();
        self.scratch.frames.push(Frame { parent: plain.parent, base: first as u32 });
        (self.frame, self.base) = (frame as u32, first);
        self.depth += 1;
        let result = self.evaluate(plain.body, plain.context);
        self.depth -= 1;
        (self.frame, self.base) = outer;
        if self.scratch.frames.len() == frame + 1 {
            self.scratch.frames.pop();
            self.scratch.variables.truncate(first);
        }
        let mut result = result?;
        if result.is_tail_call() {
            let callee = self.take_tail_call(base);
            self.release_loop(code, base, mark);
            result = self.apply(callee, base, self.no_context())?;
        }
        Ok(self.release_call(result, mark))
    }
}
