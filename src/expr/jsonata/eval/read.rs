//! Looking at items: what they are, what they hold, whether they are equal or true.

use super::super::item::{Flags, Item, Kind};
use super::super::number::Number;
use super::super::signature::Types;
use super::super::{Code, Thrown};
use super::{Evaluator, ITEMS_PER_STEP};
use crate::value::View as ValueView;

/// What an item is, wherever it lies.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum View<'a> {
    Undefined,
    Null,
    Bool(bool),
    Number(Number),
    Text(&'a str),
    Array,
    Object,
    Function,
}

impl Evaluator<'_> {
    /// What `item` is.
    #[inline]
    pub(in super::super) fn view(&self, item: Item) -> View<'_> {
        match item.kind() {
            Kind::Value(value) => match self.heap.view(value) {
                ValueView::Null => View::Null,
                ValueView::Bool(bool) => View::Bool(bool),
                ValueView::Int(int) => View::Number(Number::Int(int)),
                ValueView::Float(float) => View::Number(Number::Float(float)),
                ValueView::Str(text) => View::Text(text),
                ValueView::Array => View::Array,
                ValueView::Object => View::Object,
            },
            Kind::Float(float) => View::Number(Number::Float(float)),
            Kind::Text(at) => View::Text(&self.scratch.text[at.range()]),
            Kind::Array(_) | Kind::Range { .. } => View::Array,
            Kind::Object(_) => View::Object,
            Kind::Native(_) | Kind::Closure(_) | Kind::Regex(_) => View::Function,
            Kind::Undefined | Kind::Unbound | Kind::TailCall => View::Undefined,
        }
    }

    /// The type of `item`, for signatures.
    #[inline]
    pub(in super::super) fn type_of(&self, item: Item) -> Types {
        if item.own_number().is_some() {
            return Types::NUMBER;
        }
        match self.view(item) {
            View::Undefined => Types::MISSING,
            View::Null => Types::NULL,
            View::Bool(_) => Types::BOOL,
            View::Number(_) => Types::NUMBER,
            View::Text(_) => Types::STRING,
            View::Array => Types::ARRAY,
            View::Object => Types::OBJECT,
            View::Function => Types::FUNCTION,
        }
    }

    /// Bytes of the text that `item` is.
    #[inline]
    pub(super) fn text_bytes(&self, item: Item) -> Option<&[u8]> {
        match item.kind() {
            Kind::Value(value) => self.heap.text_bytes(value),
            Kind::Text(at) => self.scratch.text.as_bytes().get(at.range()),
            _ => None,
        }
    }

    /// The number that `item` is, not finite ones included.
    #[inline]
    pub(super) fn plain_number(&self, item: Item) -> Option<Number> {
        item.own_number().or_else(|| match self.heap.number(item.value()?)? {
            ValueView::Int(int) => Some(Number::Int(int)),
            ValueView::Float(float) => Some(Number::Float(float)),
            _ => None,
        })
    }

    /// The text that `item` is.
    #[inline]
    pub(in super::super) fn text(&self, item: Item) -> Option<&str> {
        match self.view(item) {
            View::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number that `item` is.
    ///
    /// # Errors
    /// D1001 for infinity, which is a result but no operand.
    #[inline]
    pub(in super::super) fn number(&self, item: Item) -> Result<Option<Number>, Thrown> {
        match self.plain_number(item) {
            Some(Number::Float(float)) if !float.is_finite() => {
                if float.is_nan() {
                    Ok(None)
                } else {
                    Err(out_of_range())
                }
            }
            number => Ok(number),
        }
    }

    #[inline]
    pub(in super::super) fn is_array(&self, item: Item) -> bool {
        match item.kind() {
            Kind::Value(value) => matches!(self.heap.view(value), ValueView::Array),
            Kind::Array(_) | Kind::Range { .. } => true,
            _ => false,
        }
    }

    /// Elements of an array, entries of an object; 0 for anything else.
    #[inline]
    pub(in super::super) fn len(&self, item: Item) -> usize {
        match item.kind() {
            Kind::Value(value) => self.heap.len(value),
            Kind::Array(at) => at.len as usize,
            Kind::Object(at) => self.scratch.entries_at(at).len as usize,
            Kind::Range { len, .. } => len as usize,
            _ => 0,
        }
    }

    /// The element at `index` of an array; undefined outside.
    pub(in super::super) fn element(&self, array: Item, index: usize) -> Item {
        match array.kind() {
            Kind::Value(value) => self.heap.element(value, index).into(),
            Kind::Array(at) => {
                self.scratch.slots[at.range()].get(index).copied().unwrap_or(Item::UNDEFINED)
            }
            Kind::Range { first, len } if index < len as usize => Item::int(first + index as i64),
            _ => Item::UNDEFINED,
        }
    }

    /// Puts the elements of an array on the stack; what is no array as it is.
    ///
    /// # Errors
    /// Memory, when there are too many.
    #[inline]
    pub(in super::super) fn spread(&mut self, item: Item) -> Result<(), Thrown> {
        let before = self.scratch.stack.len();
        match item.kind() {
            Kind::Value(value) if matches!(self.heap.view(value), ValueView::Array) => {
                self.scratch.stack.extend(self.heap.elements(value).map(Item::from));
            }
            Kind::Array(at) => {
                let scratch = &mut *self.scratch;
                scratch.stack.extend_from_slice(&scratch.slots[at.range()]);
            }
            Kind::Range { first, len } => {
                self.check_room(len as usize * 8)?;
                self.scratch.stack.extend((first..first + i64::from(len)).map(Item::int));
            }
            _ => self.scratch.stack.push(item),
        }
        self.step_fuel((self.scratch.stack.len() - before) / ITEMS_PER_STEP)?;
        self.check_room(0)
    }

    /// Puts keys and members of an object on the stack, by turns; nothing for anything else.
    ///
    /// # Errors
    /// Memory, when there are too many.
    pub(in super::super) fn spread_entries(&mut self, object: Item) -> Result<(), Thrown> {
        let before = self.scratch.stack.len();
        match object.kind() {
            Kind::Value(value) => match self.heap.entry_slots(value) {
                Some(slots) => self.scratch.stack.extend(slots.iter().copied().map(Item::from)),
                None => {
                    for (key, member) in self.heap.entries(value) {
                        self.scratch.stack.extend_from_slice(&[key.into(), member.into()]);
                    }
                }
            },
            Kind::Object(at) => {
                let scratch = &mut *self.scratch;
                let at = scratch.entries_at(at);
                let range = at.offset as usize..at.offset as usize + 2 * at.len as usize;
                scratch.stack.extend_from_slice(&scratch.slots[range]);
            }
            _ => {}
        }
        self.step_fuel((self.scratch.stack.len() - before) / ITEMS_PER_STEP)?;
        self.check_room(0)
    }

    /// The member `key` (a text) of an object; undefined when there is none.
    #[inline]
    pub(in super::super) fn field(&self, object: Item, key: Item) -> Item {
        match (object.kind(), key.value()) {
            (Kind::Value(object), Some(key)) => self.heap.field(object, key).into(),
            (Kind::Value(object), None) => {
                self.heap.field_named(object, self.text(key).unwrap_or_default()).into()
            }
            (Kind::Object(_), _) => {
                self.find_entry(object, key).map_or(Item::UNDEFINED, |(_, member)| member)
            }
            _ => Item::UNDEFINED,
        }
    }

    /// Where a key stands in an object of the scratch, and its member.
    fn find_entry(&self, object: Item, key: Item) -> Option<(usize, Item)> {
        let Kind::Object(at) = object.kind() else { return None };
        let at = self.scratch.entries_at(at);
        let slots = self.scratch.items(at.offset, 2 * at.len as usize);
        let text = self.text_bytes(key)?;
        let (entries, _) = slots.as_chunks::<2>();
        let place = entries.iter().position(|[known, _]| self.text_bytes(*known) == Some(text))?;
        Some((place, entries[place][1]))
    }

    /// The member `key` of an object; of an array, those of all its elements as a sequence.
    ///
    /// # Errors
    /// Memory, or U1001 when arrays are nested too deep.
    pub(in super::super) fn lookup(&mut self, item: Item, key: Item) -> Result<Item, Thrown> {
        if !self.is_array(item) {
            return Ok(self.field(item, key));
        }
        let base = self.scratch.stack.len();
        self.spread(item)?;
        let end = self.scratch.stack.len();
        self.descend(|this| {
            for index in base..end {
                this.step_fuel(1)?;
                let found = this.lookup(this.scratch.stack[index], key)?;
                if !found.is_undefined() {
                    this.spread(found)?;
                }
            }
            Ok(())
        })?;
        let found = self.scratch.array_from(end, Flags::SEQUENCE);
        self.scratch.stack.truncate(base);
        Ok(found)
    }

    /// Whether `item` is true in a condition: `$boolean`, with undefined as false.
    ///
    /// # Errors
    /// D1001, or U1001 when arrays are nested too deep.
    #[inline]
    pub(in super::super) fn is_true(&mut self, item: Item) -> Result<bool, Thrown> {
        Ok(match self.view(item) {
            View::Bool(bool) => bool,
            View::Undefined | View::Null | View::Function => false,
            View::Text(text) => !text.is_empty(),
            View::Number(_) => self.number(item)?.is_some_and(|number| !number.is_zero()),
            View::Object => self.len(item) > 0,
            View::Array => return self.array_is_true(item),
        })
    }

    /// An array is true if one of its elements is.
    fn array_is_true(&mut self, array: Item) -> Result<bool, Thrown> {
        let base = self.scratch.stack.len();
        self.spread(array)?;
        let end = self.scratch.stack.len();
        let found = self.descend(|this| {
            for index in base..end {
                this.step_fuel(1)?;
                if this.is_true(this.scratch.stack[index])? {
                    return Ok(true);
                }
            }
            Ok(false)
        });
        self.scratch.stack.truncate(base);
        found
    }

    /// Whether two items are equal, deeply.
    ///
    /// # Errors
    /// U1001 when they are nested too deep.
    pub(in super::super) fn equal(&mut self, one: Item, other: Item) -> Result<bool, Thrown> {
        self.step_fuel(1)?;
        if let (Some(one), Some(other)) = (self.text_bytes(one), self.text_bytes(other)) {
            return Ok(one == other);
        }
        Ok(match (self.view(one), self.view(other)) {
            (View::Null, View::Null) | (View::Undefined, View::Undefined) => true,
            (View::Bool(one), View::Bool(other)) => one == other,
            (View::Number(one), View::Number(other)) => {
                one.compare(other) == Some(std::cmp::Ordering::Equal)
            }
            (View::Array, View::Array) => return self.equal_arrays(one, other),
            (View::Object, View::Object) => return self.equal_objects(one, other),
            (View::Function, View::Function) => same_function(one, other),
            _ => false,
        })
    }

    fn equal_arrays(&mut self, one: Item, other: Item) -> Result<bool, Thrown> {
        if self.len(one) != self.len(other) {
            return Ok(false);
        }
        let base = self.scratch.stack.len();
        self.spread(one)?;
        let middle = self.scratch.stack.len();
        self.spread(other)?;
        let equal = self.descend(|this| {
            for index in 0..middle - base {
                let (one, other) =
                    (this.scratch.stack[base + index], this.scratch.stack[middle + index]);
                if !this.equal(one, other)? {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        self.scratch.stack.truncate(base);
        equal
    }

    fn equal_objects(&mut self, one: Item, other: Item) -> Result<bool, Thrown> {
        if self.len(one) != self.len(other) {
            return Ok(false);
        }
        let base = self.scratch.stack.len();
        self.spread_entries(one)?;
        let middle = self.scratch.stack.len();
        self.spread_entries(other)?;
        let equal = self.descend(|this| this.equal_entries(base, middle, other));
        self.scratch.stack.truncate(base);
        equal
    }

    /// Whether the entries on the stack from `base` to `middle` are those of `other`, which lie
    /// behind them; most often in the same order.
    fn equal_entries(&mut self, base: usize, middle: usize, other: Item) -> Result<bool, Thrown> {
        for entry in 0..(middle - base) / 2 {
            let at = base + 2 * entry;
            let (key, member) = (self.scratch.stack[at], self.scratch.stack[at + 1]);
            let across = middle + 2 * entry;
            let same_place = self.text_bytes(key) == self.text_bytes(self.scratch.stack[across]);
            let counterpart = if same_place {
                self.scratch.stack[across + 1]
            } else {
                self.step_fuel((middle - base) / ITEMS_PER_STEP)?;
                self.field(other, key)
            };
            if counterpart.is_undefined() || !self.equal(member, counterpart)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The array that `item` is, or an array of it alone.
    pub(in super::super) fn as_array(&mut self, item: Item) -> Item {
        if self.is_array(item) {
            return item;
        }
        let base = self.scratch.stack.len();
        self.scratch.stack.push(item);
        self.scratch.array_from(base, Flags::NONE)
    }

    /// What a sequence stands for: nothing, its one element, or itself.
    #[inline]
    pub(in super::super) fn normalised(&self, item: Item) -> Item {
        let flags = item.flags();
        if !flags.has(Flags::SEQUENCE) || flags.has(Flags::TUPLES) {
            return item;
        }
        match self.len(item) {
            0 => Item::UNDEFINED,
            1 if !flags.has(Flags::KEEP) => self.element(item, 0),
            _ => item,
        }
    }
}

fn same_function(one: Item, other: Item) -> bool {
    match (one.kind(), other.kind()) {
        (Kind::Native(one), Kind::Native(other)) => one == other,
        (Kind::Closure(one), Kind::Closure(other)) | (Kind::Regex(one), Kind::Regex(other)) => {
            one == other
        }
        _ => false,
    }
}

#[cold]
pub(in super::super) fn out_of_range() -> Thrown {
    // As JSON, which has no word for it.
    Thrown::new(Code::D1001).with("value", "null")
}
