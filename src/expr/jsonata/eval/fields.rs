//! Names: members of objects, and of all objects of an array.
//!
//! Most of what expressions do. A name knows where it was found last; a number or a text that is
//! an operand is read where it lies.

use super::super::Thrown;
use super::super::code::{Code as Op, CodeId};
use super::super::item::{Flags, Item};
use super::super::number::Number;
use super::path::Sequence;
use super::{Evaluator, ITEMS_PER_STEP};
use crate::value::{Key, LookUp, View};

/// What an operator of numbers works on.
#[derive(Clone, Copy)]
pub(super) enum Operand {
    Number(Number),
    /// No number.
    Other(Item),
}

impl Operand {
    #[inline]
    pub(super) fn item(self) -> Item {
        match self {
            Self::Number(number) => number.item(),
            Self::Other(item) => item,
        }
    }
}

impl Evaluator<'_> {
    /// One name over an item, as a path of one step.
    #[inline]
    pub(super) fn name(&mut self, item: Item, key: &Key) -> Result<Item, Thrown> {
        match item.value().and_then(|object| self.heap.look_again(object, key)) {
            Some(field) => Ok(field.value().into()),
            None => self.names(item, std::slice::from_ref(key)),
        }
    }

    /// A chain of names from `origin` on.
    pub(super) fn names(&mut self, origin: Item, keys: &[Key]) -> Result<Item, Thrown> {
        let mut item = origin;
        for (index, key) in keys.iter().enumerate() {
            let Some(object) = item.value() else {
                if self.is_array(item) {
                    return self.names_over_array(item, &keys[index..]);
                }
                self.pay_for_keys(self.len(item))?;
                item = self.field(item, key.name().into());
                continue;
            };
            item = match self.heap.look_up(object, key) {
                LookUp::Member { value, passed } => {
                    self.pay_for_keys(passed)?;
                    value.into()
                }
                LookUp::Nothing { passed } => {
                    self.pay_for_keys(passed)?;
                    return Ok(Item::UNDEFINED);
                }
                LookUp::Array => return self.names_over_array(item, &keys[index..]),
            };
        }
        Ok(item)
    }

    /// Pays for looking for a key among many.
    #[inline]
    pub(super) fn pay_for_keys(&mut self, keys: usize) -> Result<(), Thrown> {
        if keys > ITEMS_PER_STEP { self.step_fuel(keys / ITEMS_PER_STEP) } else { Ok(()) }
    }

    /// The rest of a chain of names, once an array was met.
    #[inline(never)]
    fn names_over_array(&mut self, array: Item, keys: &[Key]) -> Result<Item, Thrown> {
        let base = self.scratch.stack.len();
        self.spread(array)?;
        for (index, key) in keys.iter().enumerate() {
            let last = index + 1 == keys.len();
            match self.name_step(base, key, last)? {
                Sequence::Whole(item) => {
                    self.scratch.stack.truncate(base);
                    return Ok(item);
                }
                Sequence::OnStack if self.scratch.stack.len() == base => {
                    return Ok(Item::UNDEFINED);
                }
                Sequence::OnStack => {}
            }
        }
        self.finish_sequence(base, Flags::SEQUENCE)
    }

    /// Replaces the stack from `base` on by what stands there under `key`.
    pub(super) fn name_step(
        &mut self,
        base: usize,
        key: &Key,
        last: bool,
    ) -> Result<Sequence, Thrown> {
        let end = self.scratch.stack.len();
        self.step_fuel(end - base)?;
        let (mut count, mut single) = (0_usize, Item::UNDEFINED);
        for index in base..end {
            let item = self.scratch.stack[index];
            let found = self.step_into(item, key)?;
            if !found.is_undefined() {
                (count, single) = (count + 1, found);
                self.push_flat(found)?;
            }
        }
        self.scratch.stack.drain(base..end);
        Ok(self.step_result(last, count, single))
    }

    #[inline]
    fn step_into(&mut self, item: Item, key: &Key) -> Result<Item, Thrown> {
        if let Some(object) = item.value() {
            if let Some(field) = self.heap.look_again(object, key) {
                return Ok(field.value().into());
            }
            if !self.is_array(item) {
                return self.names(item, std::slice::from_ref(key));
            }
        }
        let found = self.lookup(item, key.name().into())?;
        Ok(self.normalised(found))
    }

    /// The number or text that a piece of code is that reads one field, where it lies: fetched
    /// without a value being made.
    #[expect(clippy::inline_always, reason = "what is not asked of the field is not computed")]
    #[inline(always)]
    fn field_scalar(&self, id: CodeId, input: Item) -> Option<View<'_>> {
        let (item, key) = match &self.program.codes[id.0 as usize] {
            Op::Field(place, key) => (self.variable(*place), key),
            Op::Name(key) => (input, key),
            _ => return None,
        };
        self.heap.look_again(item.value()?, key)?.scalar()
    }

    /// The number that a piece of code is that need not be evaluated for it.
    #[expect(clippy::inline_always, reason = "saves a call for most operands")]
    #[inline(always)]
    fn number_at_hand(&self, id: CodeId, input: Item) -> Option<Number> {
        match &self.program.codes[id.0 as usize] {
            Op::Constant(item) => item.own_number(),
            Op::Local(place) => self.variable(*place).own_number(),
            _ => match self.field_scalar(id, input)? {
                View::Int(int) => Some(Number::Int(int)),
                View::Float(float) => Some(Number::Float(float)),
                _ => None,
            },
        }
    }

    /// What an operator of numbers works on.
    #[expect(clippy::inline_always, reason = "saves a call for most operands")]
    #[inline(always)]
    pub(super) fn number_operand(&mut self, id: CodeId, input: Item) -> Result<Operand, Thrown> {
        match self.number_at_hand(id, input) {
            Some(number) => Ok(Operand::Number(number)),
            None => self.evaluated_operand(id, input),
        }
    }

    #[inline(never)]
    fn evaluated_operand(&mut self, id: CodeId, input: Item) -> Result<Operand, Thrown> {
        let item = self.evaluate(id, input)?;
        Ok(self.plain_number(item).map_or(Operand::Other(item), Operand::Number))
    }

    /// Appends a part of `a & b`.
    #[inline]
    pub(super) fn append_part(&mut self, id: CodeId, input: Item) -> Result<(), Thrown> {
        if let Op::Constant(item) = &self.program.codes[id.0 as usize] {
            return self.append_text(*item);
        }
        self.check_room(0)?;
        // The text of the scratch is taken out: a field's text lies in the heap.
        let mut text = std::mem::take(&mut self.scratch.text);
        let appended = match self.field_scalar(id, input) {
            Some(View::Str(part)) => {
                text.push_str(part);
                true
            }
            Some(View::Int(int)) => {
                text.push_str(itoa::Buffer::new().format(int));
                true
            }
            _ => false,
        };
        self.scratch.text = text;
        if appended {
            return Ok(());
        }
        let item = self.evaluate(id, input)?;
        self.append_text(item)
    }

    /// What a piece of code comes to: most often a constant, a variable or a field, which is
    /// fetched without a call.
    #[expect(clippy::inline_always, reason = "saves a call for most members and arguments")]
    #[inline(always)]
    pub(super) fn operand(&mut self, id: CodeId, input: Item) -> Result<Item, Thrown> {
        let program = self.program;
        match &program.codes[id.0 as usize] {
            Op::Constant(item) => Ok(*item),
            Op::Local(place) => Ok(self.variable(*place)),
            Op::Field(place, key) => self.name(self.variable(*place), key),
            Op::Arithmetic(operator, one, other) => {
                self.arithmetic(*operator, (*one, *other), id, input)
            }
            Op::Concat { parts, plain: true } => self.concat(parts, true, input),
            _ => self.evaluate(id, input),
        }
    }
}
