//! Paths: steps over sequences, filters, and chains of names in one go.
//!
//! A sequence on its way is a stretch of the stack; only a path's result becomes an array.

use super::super::code::{Code as Op, CodeId, Path, Predicate, Projected, Stage, Step, StepKind};
use super::super::item::{Flags, Item};
use super::super::number::Number;
use super::super::{Dialect, Thrown};
use super::{Evaluator, View};
use crate::value::Key;

/// What a step, or a whole path, came to.
#[derive(Clone, Copy)]
pub(super) enum Sequence {
    /// The stack from the step's base on.
    OnStack,
    /// An array as it is, not a sequence of results.
    Whole(Item),
}

impl Evaluator<'_> {
    /// Pushes a result of a step: arrays one level flattened, unless they were constructed.
    #[inline]
    pub(super) fn push_flat(&mut self, item: Item) -> Result<(), Thrown> {
        if item.is_single() {
            self.scratch.stack.push(item);
            return Ok(());
        }
        self.push_elements(item)
    }

    #[inline(never)]
    fn push_elements(&mut self, item: Item) -> Result<(), Thrown> {
        if item.flags().has(Flags::CONS) {
            self.scratch.stack.push(item);
            return self.check_room(0);
        }
        self.spread(item)
    }

    /// A last step with one result that is an array gives that array itself.
    #[inline]
    pub(super) fn step_result(&self, last: bool, count: usize, single: Item) -> Sequence {
        let whole =
            last && count == 1 && self.is_array(single) && !single.flags().has(Flags::SEQUENCE);
        if whole { Sequence::Whole(single) } else { Sequence::OnStack }
    }

    /// The sequence on the stack from `base` on as an item: nothing, its one element, or an array.
    #[inline]
    pub(super) fn finish_sequence(&mut self, base: usize, flags: Flags) -> Result<Item, Thrown> {
        match self.scratch.stack.len() - base {
            0 => Ok(Item::UNDEFINED),
            1 if !flags.has(Flags::KEEP) => Ok(self.scratch.stack.pop().unwrap_or(Item::UNDEFINED)),
            _ => self.finish_array(base, flags),
        }
    }
}

impl<'e> Evaluator<'e> {
    /// Evaluates a path; with `whole`, a sequence that it comes to stays one, whatever its length.
    pub(super) fn path(
        &mut self,
        path: &'e Path,
        input: Item,
        whole: bool,
    ) -> Result<Item, Thrown> {
        let base = self.scratch.stack.len();
        let mut steps = path.steps.iter().enumerate();
        let mut sequence = Sequence::OnStack;
        match &path.steps[0].kind {
            StepKind::Names { origin, keys } => {
                steps.next();
                self.names_step(*origin, keys, base, input)?;
                if self.scratch.stack.len() == base {
                    steps = [].iter().enumerate();
                }
            }
            _ if path.absolute => self.scratch.stack.push(input),
            _ => self.spread(input)?,
        }
        for (index, step) in steps {
            if step.tuple {
                self.unpack(base, sequence)?;
                return self.tuple_path(path, index, base, whole);
            }
            let last = index + 1 == path.steps.len();
            sequence = if index == 0 && step.cons {
                let made = self.constructed_step(step, base, input)?;
                self.constructed_input(made, last)
            } else {
                self.unpack(base, sequence)?;
                self.step(step, base, last)?
            };
            if self.is_empty(base, sequence) {
                break;
            }
        }
        let result = self.path_result(path, base, sequence, whole)?;
        match &path.group {
            Some(pairs) => self.group(pairs, result),
            None if whole => Ok(result),
            None => Ok(self.normalised(result)),
        }
    }

    /// The names that a path begins with: what they lead to comes to lie on the stack.
    fn names_step(
        &mut self,
        origin: CodeId,
        keys: &'e [Key],
        base: usize,
        input: Item,
    ) -> Result<(), Thrown> {
        let mut item = self.evaluate(origin, input)?;
        for (index, key) in keys.iter().enumerate() {
            if self.is_array(item) {
                self.spread(item)?;
                for key in &keys[index..] {
                    self.name_step(base, key, false)?;
                }
                return Ok(());
            }
            item = self.name(item, key)?;
        }
        if item.is_undefined() { Ok(()) } else { self.push_flat(item) }
    }

    /// The array constructor that a path begins with sees the whole context at once.
    fn constructed_step(
        &mut self,
        step: &'e Step,
        base: usize,
        input: Item,
    ) -> Result<Sequence, Thrown> {
        self.scratch.stack.truncate(base);
        let StepKind::Code(code) = step.kind else { return Ok(Sequence::OnStack) };
        let mut item = self.evaluate(code, input)?;
        for stage in &step.stages {
            if let Stage::Filter(predicate) = stage {
                item = self.filter(*predicate, item)?;
            }
        }
        Ok(if item.is_undefined() { Sequence::OnStack } else { Sequence::Whole(item) })
    }

    /// What the next step is given of a constructed array: where a predicate left one element of
    /// it, the reference finds nothing to iterate over.
    fn constructed_input(&self, made: Sequence, last: bool) -> Sequence {
        match made {
            Sequence::Whole(item)
                if !last && !self.is_array(item) && self.dialect == Dialect::Full =>
            {
                Sequence::OnStack
            }
            made => made,
        }
    }

    /// Puts what a step came to on the stack from `base` on, as the next one's input.
    fn unpack(&mut self, base: usize, sequence: Sequence) -> Result<(), Thrown> {
        if let Sequence::Whole(item) = sequence {
            self.scratch.stack.truncate(base);
            self.spread(item)?;
        }
        Ok(())
    }

    fn is_empty(&self, base: usize, sequence: Sequence) -> bool {
        match sequence {
            Sequence::OnStack => self.scratch.stack.len() == base,
            Sequence::Whole(item) => self.len(item) == 0,
        }
    }

    /// What the steps came to as one item; a sequence stays one, whatever its length.
    fn path_result(
        &mut self,
        path: &Path,
        base: usize,
        sequence: Sequence,
        whole: bool,
    ) -> Result<Item, Thrown> {
        let keep = if path.keep_singleton { Flags::KEEP } else { Flags::NONE };
        match sequence {
            Sequence::OnStack if path.group.is_none() && !whole => {
                self.finish_sequence(base, Flags::SEQUENCE.and(keep))
            }
            Sequence::OnStack => self.finish_array(base, Flags::SEQUENCE.and(keep)),
            Sequence::Whole(item) => {
                self.scratch.stack.truncate(base);
                let flags = item.flags();
                if !path.keep_singleton {
                    return Ok(item);
                }
                if flags.has(Flags::CONS) && !flags.has(Flags::SEQUENCE) {
                    self.scratch.stack.push(item);
                    return self.finish_array(base, Flags::SEQUENCE.and(Flags::KEEP));
                }
                Ok(item.with_flags(flags.and(Flags::KEEP)))
            }
        }
    }

    /// Replaces the stack from `base` on by what a step makes of it.
    fn step(&mut self, step: &'e Step, base: usize, last: bool) -> Result<Sequence, Thrown> {
        match &step.kind {
            StepKind::Name(key) if step.stages.is_empty() => self.name_step(base, key, last),
            StepKind::Sort(terms) => {
                self.sort_sequence(terms, base)?;
                for stage in &step.stages {
                    if let Stage::Filter(predicate) = stage {
                        self.filter_stack(*predicate, base, false)?;
                    }
                }
                Ok(Sequence::OnStack)
            }
            _ => self.mapped_step(step, base, last),
        }
    }

    fn mapped_step(&mut self, step: &'e Step, base: usize, last: bool) -> Result<Sequence, Thrown> {
        if let StepKind::Code(code) = step.kind
            && let Op::Projected(projected) = &self.program.codes[code.0 as usize]
            && step.stages.is_empty()
        {
            return self.projected_step(projected, base, last);
        }
        let end = self.scratch.stack.len();
        let (mut count, mut single) = (0_usize, Item::UNDEFINED);
        for index in base..end {
            let context = self.scratch.stack[index];
            let item = match &step.kind {
                StepKind::Name(key) => self.name(context, key)?,
                StepKind::Code(code) => self.evaluate(*code, context)?,
                StepKind::Names { .. } | StepKind::Sort(_) => Item::UNDEFINED,
            };
            if let [Stage::Filter(predicate @ Predicate::Test(_))] = *step.stages
                && !item.flags().has(Flags::TUPLES)
            {
                // What passes is a sequence, and flat already.
                let begin = self.scratch.stack.len();
                self.spread(item)?;
                self.filter_stack(predicate, begin, false)?;
                (count, single) = (count + 1, Item::UNDEFINED);
                continue;
            }
            let item = self.staged(step, item)?;
            if !item.is_undefined() {
                (count, single) = (count + 1, item);
                self.push_flat(item)?;
            }
        }
        self.scratch.stack.drain(base..end);
        Ok(self.step_result(last, count, single))
    }

    fn projected_step(
        &mut self,
        projected: &'e Projected,
        base: usize,
        last: bool,
    ) -> Result<Sequence, Thrown> {
        let end = self.scratch.stack.len();
        let (mut index, mut count, mut single) = (base, 0_usize, Item::UNDEFINED);
        loop {
            let run = self.project_run(&projected.projection, index..end);
            if run > 0 {
                single = self.scratch.stack.last().copied().unwrap_or(Item::UNDEFINED);
            }
            (index, count) = (index + run, count + run);
            if index == end {
                break;
            }
            let context = self.scratch.stack[index];
            let item = self.evaluate(projected.otherwise, context)?;
            if !item.is_undefined() {
                (count, single) = (count + 1, item);
                self.push_flat(item)?;
            }
            index += 1;
        }
        self.scratch.stack.drain(base..end);
        Ok(self.step_result(last, count, single))
    }

    /// A step's result after its filters.
    #[inline]
    fn staged(&mut self, step: &'e Step, item: Item) -> Result<Item, Thrown> {
        let mut item = item;
        for stage in &step.stages {
            if let Stage::Filter(predicate) = stage {
                item = self.filter(*predicate, item)?;
            }
        }
        Ok(item)
    }

    /// `item[predicate]`: the sequence of what passes.
    pub(super) fn filter(&mut self, predicate: Predicate, item: Item) -> Result<Item, Thrown> {
        if let Predicate::Index(index) = predicate {
            return self.at_index(item, index);
        }
        let base = self.scratch.stack.len();
        // What is undefined is asked like anything else, and a place where it passes.
        self.spread(item)?;
        let tuples = item.flags().has(Flags::TUPLES);
        self.filter_stack(predicate, base, tuples)?;
        self.finish_array(base, sequence_flags(tuples))
    }

    /// The element at `index`, from the end when negative, as a sequence; an array as it is.
    fn at_index(&mut self, item: Item, index: i64) -> Result<Item, Thrown> {
        let is_array = self.is_array(item);
        let len = if is_array { self.len(item) } else { 1 };
        let index = if index < 0 { index.saturating_add(len as i64) } else { index };
        let element = match usize::try_from(index) {
            Ok(index) if is_array => self.element(item, index),
            Ok(0) => item,
            _ => Item::UNDEFINED,
        };
        let tuples = item.flags().has(Flags::TUPLES);
        if self.is_array(element) && !tuples {
            return Ok(element);
        }
        let base = self.scratch.stack.len();
        if !element.is_undefined() {
            self.scratch.stack.push(element);
        }
        self.finish_array(base, sequence_flags(tuples))
    }

    /// Keeps what passes of the stack from `base` on; `tuples` says that tuples stand there.
    pub(super) fn filter_stack(
        &mut self,
        predicate: Predicate,
        base: usize,
        tuples: bool,
    ) -> Result<(), Thrown> {
        let end = self.scratch.stack.len();
        match predicate {
            Predicate::Index(index) => {
                let len = (end - base) as i64;
                let index = if index < 0 { index.saturating_add(len) } else { index };
                let found = usize::try_from(index).ok().filter(|index| *index < end - base);
                let found = found.map(|index| self.scratch.stack[base + index]);
                self.scratch.stack.truncate(base);
                match found {
                    Some(found) if tuples => self.scratch.stack.push(found),
                    Some(found) if !found.is_undefined() => self.spread(found)?,
                    _ => {}
                }
            }
            Predicate::Test(test) => {
                for index in base..end {
                    let item = self.scratch.stack[index];
                    let context = if tuples { self.bind_tuple(item) } else { item };
                    // `[[1, 1]]` asks for the same element twice.
                    for _ in 0..self.passes(test, context, index - base, end - base)? {
                        self.scratch.stack.push(item);
                    }
                }
                self.scratch.stack.drain(base..end);
            }
        }
        self.check_room(0)
    }

    /// How often a predicate keeps the element at `index` of `len`: a truth, a position, or a
    /// list of positions.
    pub(super) fn passes(
        &mut self,
        test: CodeId,
        context: Item,
        index: usize,
        len: usize,
    ) -> Result<usize, Thrown> {
        let result = self.evaluate(test, context)?;
        match self.view(result) {
            View::Bool(bool) => Ok(usize::from(bool)),
            View::Number(_) => {
                let number = self.number(result)?;
                Ok(usize::from(number.is_some_and(|number| is_position(number, index, len))))
            }
            View::Array => self.passes_array(result, index, len),
            _ => self.is_true(result).map(usize::from),
        }
    }

    fn passes_array(&mut self, array: Item, index: usize, len: usize) -> Result<usize, Thrown> {
        let base = self.scratch.stack.len();
        self.spread(array)?;
        let (mut times, mut all_numbers) = (0, true);
        self.step_fuel(self.scratch.stack.len() - base)?;
        for at in base..self.scratch.stack.len() {
            let Some(number) = self.number(self.scratch.stack[at])? else {
                all_numbers = false;
                break;
            };
            times += usize::from(is_position(number, index, len));
        }
        self.scratch.stack.truncate(base);
        if all_numbers { Ok(times) } else { self.is_true(array).map(usize::from) }
    }
}

pub(super) fn sequence_flags(tuples: bool) -> Flags {
    if tuples { Flags::SEQUENCE.and(Flags::TUPLES) } else { Flags::SEQUENCE }
}

/// Whether a number in a predicate names this position.
fn is_position(number: Number, index: usize, len: usize) -> bool {
    let position = number.floor();
    let position = if position < 0 { position.saturating_add(len as i64) } else { position };
    position == index as i64
}
