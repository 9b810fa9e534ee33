//! Operators with two sides, and what reads the context item directly.

use std::cmp::Ordering;

use super::super::ast::Operator;
use super::super::code::CodeId;
use super::super::item::{Flags, Item, Kind};
use super::super::limits;
use super::super::number::Number;
use super::super::{Code, Dialect, Thrown};
use super::fields::Operand;
use super::{Evaluator, View, out_of_memory};

impl<'e> Evaluator<'e> {
    /// `+ - * / %`
    #[inline(never)]
    pub(super) fn arithmetic(
        &mut self,
        operator: Operator,
        (one, other): (CodeId, CodeId),
        id: CodeId,
        input: Item,
    ) -> Result<Item, Thrown> {
        let one = self.number_operand(one, input)?;
        let other = self.number_operand(other, input)?;
        if let (Operand::Number(one), Operand::Number(other)) = (one, other)
            && one.is_finite()
            && other.is_finite()
        {
            return Ok(one.compute(operator, other, self.dialect).item());
        }
        self.no_arithmetic(operator, one.item(), other.item())
            .map_err(|error| error.at(self.span(id)).at_token(operator.sign()))
    }

    /// Undefined when a side is, else an error.
    #[cold]
    fn no_arithmetic(
        &mut self,
        operator: Operator,
        one: Item,
        other: Item,
    ) -> Result<Item, Thrown> {
        let mut sides = [Number::Int(0); 2];
        for ((item, code), side) in
            [(one, Code::T2001), (other, Code::T2002)].into_iter().zip(&mut sides)
        {
            match self.number(item)? {
                Some(number) => *side = number,
                None if item.is_undefined() => {}
                None => return Err(Thrown::new(code).with("value", self.quoted(item))),
            }
        }
        if one.is_undefined() || other.is_undefined() {
            return Ok(Item::UNDEFINED);
        }
        Ok(sides[0].compute(operator, sides[1], self.dialect).item())
    }

    #[inline(never)]
    pub(super) fn compare(
        &mut self,
        operator: Operator,
        (one, other): (CodeId, CodeId),
        id: CodeId,
        input: Item,
    ) -> Result<Item, Thrown> {
        let one = self.number_operand(one, input)?;
        let other = self.number_operand(other, input)?;
        if let (Operand::Number(one), Operand::Number(other)) = (one, other) {
            return Ok(ordered(operator, one.compare(other)));
        }
        let (one, other) = (one.item(), other.item());
        let order = match (self.view(one), self.view(other)) {
            (View::Text(one), View::Text(other)) => Some(utf16_order(one, other)),
            _ => {
                return self
                    .no_comparison(one, other, operator)
                    .map_err(|error| error.at(self.span(id)).at_token(operator.sign()));
            }
        };
        Ok(ordered(operator, order))
    }

    #[cold]
    fn no_comparison(&self, one: Item, other: Item, operator: Operator) -> Result<Item, Thrown> {
        let comparable =
            |item| matches!(self.view(item), View::Number(_) | View::Text(_) | View::Undefined);
        if !comparable(one) || !comparable(other) {
            let culprit = if comparable(one) { other } else { one };
            return Err(Thrown::new(Code::T2010)
                .with("value", self.quoted(culprit))
                .at_token(operator.sign()));
        }
        if one.is_undefined() || other.is_undefined() {
            return Ok(Item::UNDEFINED);
        }
        Err(Thrown::new(Code::T2009)
            .with("value", self.quoted(one))
            .with("value2", self.quoted(other))
            .at_token(operator.sign()))
    }

    /// `=`, or `!=` when that is not `wanted`.
    #[inline(never)]
    pub(super) fn equality(
        &mut self,
        wanted: bool,
        one: CodeId,
        other: CodeId,
        input: Item,
    ) -> Result<Item, Thrown> {
        let (one, other) = (self.evaluate(one, input)?, self.evaluate(other, input)?);
        if one.is_undefined() || other.is_undefined() {
            return Ok(Item::bool(false));
        }
        Ok(Item::bool(self.equal(one, other)? == wanted))
    }

    /// `in`
    #[inline(never)]
    pub(super) fn includes(
        &mut self,
        one: CodeId,
        other: CodeId,
        input: Item,
    ) -> Result<bool, Thrown> {
        let (one, other) = (self.evaluate(one, input)?, self.evaluate(other, input)?);
        if one.is_undefined() || other.is_undefined() {
            return Ok(false);
        }
        // Only what is no container can be the same as another.
        if matches!(self.view(one), View::Array | View::Object) {
            return Ok(false);
        }
        if !self.is_array(other) {
            return self.equal(one, other);
        }
        let base = self.scratch.stack.len();
        self.spread(other)?;
        let mut found = false;
        for index in base..self.scratch.stack.len() {
            let element = self.scratch.stack[index];
            if self.equal(one, element)? {
                found = true;
                break;
            }
        }
        self.scratch.stack.truncate(base);
        Ok(found)
    }

    /// `[a..b]`
    pub(super) fn range(&mut self, one: Item, other: Item) -> Result<Item, Thrown> {
        let mut ends = [None; 2];
        for ((item, code), end) in
            [(one, Code::T2003), (other, Code::T2004)].into_iter().zip(&mut ends)
        {
            *end = self.number(item)?.and_then(Number::integer);
            if end.is_none() && !item.is_undefined() {
                return Err(Thrown::new(code).with("value", self.quoted(item)).at_token(".."));
            }
        }
        let [Some(first), Some(last)] = ends else { return Ok(Item::UNDEFINED) };
        if first > last {
            return Ok(Item::UNDEFINED);
        }
        let len = last.abs_diff(first).saturating_add(1);
        if len > RANGE_MAX {
            return Err(Thrown::new(Code::D2014).with("value", len.to_string()).at_token(".."));
        }
        if self.dialect == Dialect::Aws && len * 8 > limits::VALUE_BYTES_MAX as u64 {
            return Err(out_of_memory());
        }
        Ok(Item::range(first, len as u32, Flags::SEQUENCE))
    }

    /// `a & b & c`: each part as `$string` gives it, undefined as nothing; `plain` says that no
    /// part makes a text itself, so that each can be appended at once.
    #[inline(never)]
    pub(super) fn concat(
        &mut self,
        parts: &'e [CodeId],
        plain: bool,
        input: Item,
    ) -> Result<Item, Thrown> {
        self.step_fuel(parts.len())?;
        if plain {
            let begin = self.scratch.text.len();
            for part in parts {
                self.append_part(*part, input)?;
            }
            return self.finish_text(begin);
        }
        let base = self.scratch.stack.len();
        for part in parts {
            let item = self.evaluate(*part, input)?;
            self.scratch.stack.push(item);
        }
        let begin = self.scratch.text.len();
        for index in base..base + parts.len() {
            let item = self.scratch.stack[index];
            self.append_text(item)?;
        }
        self.scratch.stack.truncate(base);
        self.finish_text(begin)
    }

    pub(super) fn negate(&mut self, operand: Item) -> Result<Item, Thrown> {
        if operand.is_undefined() {
            return Ok(operand);
        }
        match self.number(operand)? {
            Some(number) => Ok(number.negate().item()),
            None => Err(Thrown::new(Code::D1002).with("value", self.quoted(operand))),
        }
    }

    /// `*`: the members of an object or the elements of an array, arrays flattened.
    pub(super) fn wildcard(&mut self, input: Item) -> Result<Item, Thrown> {
        let input = self.context(input);
        let base = self.scratch.stack.len();
        if self.is_array(input) {
            self.spread(input)?;
        } else {
            self.spread_entries(input)?;
            let scratch = &mut *self.scratch;
            let count = (scratch.stack.len() - base) / 2;
            for entry in 0..count {
                scratch.stack[base + entry] = scratch.stack[base + 2 * entry + 1];
            }
            scratch.stack.truncate(base + count);
        }
        let end = self.scratch.stack.len();
        let mut flags = Flags::SEQUENCE;
        for index in base..end {
            let item = self.scratch.stack[index];
            if self.is_array(item) {
                // With an array among them, they are an array like any other.
                flags = Flags::NONE;
            }
            self.flatten(item)?;
        }
        let found = self.scratch.array_from(end, flags);
        self.scratch.stack.truncate(base);
        Ok(found)
    }

    /// Puts the elements of an array and of all arrays in it on the stack.
    fn flatten(&mut self, item: Item) -> Result<(), Thrown> {
        self.step_fuel(1)?;
        if !self.is_array(item) {
            self.scratch.stack.push(item);
            return Ok(());
        }
        let base = self.scratch.stack.len();
        self.spread(item)?;
        let end = self.scratch.stack.len();
        let nested = (base..end).any(|index| self.is_array(self.scratch.stack[index]));
        if nested {
            self.descend(|this| {
                for index in base..end {
                    let item = this.scratch.stack[index];
                    this.flatten(item)?;
                }
                Ok(())
            })?;
            self.scratch.stack.drain(base..end);
        }
        Ok(())
    }

    /// `**`: the item and everything in it.
    pub(super) fn descendants(&mut self, input: Item) -> Result<Item, Thrown> {
        if input.is_undefined() {
            return Ok(input);
        }
        let base = self.scratch.stack.len();
        self.collect_descendants(input)?;
        if self.scratch.stack.len() - base == 1 {
            return Ok(self.scratch.stack.pop().unwrap_or(Item::UNDEFINED));
        }
        Ok(self.scratch.array_from(base, Flags::SEQUENCE))
    }

    fn collect_descendants(&mut self, item: Item) -> Result<(), Thrown> {
        self.step_fuel(1)?;
        let is_array = self.is_array(item);
        if !is_array {
            self.scratch.stack.push(item);
        }
        // Children are looked up one by one: between them stand what they themselves hold.
        let children = {
            let base = self.scratch.stack.len();
            if is_array {
                self.spread(item)?;
            } else {
                self.spread_entries(item)?;
            }
            self.scratch.settle(base)
        };
        self.descend(|this| {
            let step = if is_array { 1 } else { 2 };
            for index in children.range().skip(step - 1).step_by(step) {
                let child = this.scratch.slots[index];
                this.collect_descendants(child)?;
            }
            Ok(())
        })?;
        self.check_room(0)
    }

    /// The kind of thing an item is read as in messages: its JSON text, cut.
    #[cold]
    pub(in super::super) fn quoted(&self, item: Item) -> String {
        if let Kind::Value(value) = item.kind()
            && value.json_len() <= QUOTED_BYTES_MAX
        {
            return self.heap.to_json_text(value);
        }
        match self.view(item) {
            View::Text(text) => {
                let end = text.floor_char_boundary(QUOTED_BYTES_MAX);
                let mut out = Vec::new();
                crate::value::write_string(&text[..end], &mut out);
                String::from_utf8_lossy(&out).into_owned()
            }
            View::Number(number) => number.text(),
            View::Array => "[...]".into(),
            View::Object => "{...}".into(),
            View::Bool(bool) => bool.to_string(),
            View::Null => "null".into(),
            View::Undefined => "undefined".into(),
            View::Function => "function".into(),
        }
    }
}

/// Whether an order is the one that the operator asks for.
#[inline]
pub(super) fn ordered(operator: Operator, order: Option<Ordering>) -> Item {
    Item::bool(match operator {
        Operator::Less => order.is_some_and(Ordering::is_lt),
        Operator::LessOrEqual => order.is_some_and(Ordering::is_le),
        Operator::Greater => order.is_some_and(Ordering::is_gt),
        _ => order.is_some_and(Ordering::is_ge),
    })
}

/// JavaScript and Java compare text by UTF-16 code units.
pub(in super::super) fn utf16_order(one: &str, other: &str) -> Ordering {
    // The order of bytes differs only where surrogates meet U+E000 and above.
    match one.bytes().zip(other.bytes()).find(|(one, other)| one != other) {
        Some((one_byte, other_byte)) if one_byte >= 0xee && other_byte >= 0xee => {
            one.encode_utf16().cmp(other.encode_utf16())
        }
        _ => one.cmp(other),
    }
}

/// The reference implementation's bound.
const RANGE_MAX: u64 = 10_000_000;
/// A longer value is only hinted at in messages.
const QUOTED_BYTES_MAX: usize = 1_024;
