//! Arrays, objects and texts that an expression makes.

use super::super::code::{CodeId, Pairs};
use super::super::item::{Extent, Flags, Item, Kind};
use super::super::{Code, Dialect, Thrown, limits};
use super::{BYTES_PER_STEP, Evaluator, ITEMS_PER_STEP, out_of_memory};

impl<'e> Evaluator<'e> {
    /// `[…]`
    pub(super) fn array(
        &mut self,
        elements: &'e [(CodeId, bool)],
        cons: bool,
        input: Item,
    ) -> Result<Item, Thrown> {
        let flags = if cons { Flags::CONS } else { Flags::NONE };
        let base = self.scratch.stack.len();
        for (element, whole) in elements {
            let item = self.evaluate(*element, input)?;
            if item.is_undefined() {
                continue;
            }
            // A range alone stays one: ten million integers are two numbers.
            if elements.len() == 1 && !whole && matches!(item.kind(), Kind::Range { .. }) {
                return Ok(item.with_flags(flags));
            }
            if *whole { self.scratch.stack.push(item) } else { self.spread(item)? }
        }
        self.finish_array(base, flags)
    }

    /// Makes an array of the stack from `base` on.
    ///
    /// # Errors
    /// Memory, when AWS would not hold it.
    #[inline]
    pub(in super::super) fn finish_array(
        &mut self,
        base: usize,
        flags: Flags,
    ) -> Result<Item, Thrown> {
        let count = self.scratch.stack.len() - base;
        self.step_fuel(count / ITEMS_PER_STEP)?;
        self.check_value(count * 8)?;
        Ok(self.scratch.array_from(base, flags))
    }

    /// Makes an object of keys and members by turns on the stack from `base` on; keys differ.
    ///
    /// # Errors
    /// Memory, when AWS would not hold it.
    #[inline]
    pub(in super::super) fn finish_object(&mut self, base: usize) -> Result<Item, Thrown> {
        let count = self.scratch.stack.len() - base;
        self.step_fuel(count / ITEMS_PER_STEP)?;
        self.check_value(count * 8)?;
        Ok(self.scratch.object_from(base))
    }

    /// Makes a text of what was written to the scratch's text from `begin` on.
    ///
    /// # Errors
    /// Memory, when AWS would not hold it.
    #[inline]
    pub(in super::super) fn finish_text(&mut self, begin: usize) -> Result<Item, Thrown> {
        let bytes = self.scratch.text.len() - begin;
        self.step_fuel(bytes / BYTES_PER_STEP)?;
        self.check_value(bytes)?;
        Ok(self.scratch.text_from(begin))
    }

    /// Makes an item of `text`.
    ///
    /// # Errors
    /// Memory, when AWS would not hold it.
    pub(in super::super) fn make_text(&mut self, text: &str) -> Result<Item, Thrown> {
        let begin = self.scratch.text.len();
        self.scratch.text.push_str(text);
        self.finish_text(begin)
    }

    /// Makes a text by a function that reads other texts while it writes.
    ///
    /// # Errors
    /// What `write` fails with; Memory, when AWS would not hold it.
    pub(in super::super) fn write_text(
        &mut self,
        write: impl FnOnce(&Self, &mut String) -> Result<(), Thrown>,
    ) -> Result<Item, Thrown> {
        let mut buffer = std::mem::take(&mut self.scratch.buffer);
        buffer.clear();
        let written = write(self, &mut buffer).and_then(|()| self.make_text(&buffer));
        self.scratch.buffer = buffer;
        written
    }

    /// One value, and all of them together, stay within their bounds.
    #[inline]
    pub(in super::super) fn check_value(&self, bytes: usize) -> Result<(), Thrown> {
        if self.dialect == Dialect::Aws && bytes > limits::VALUE_BYTES_MAX {
            return Err(out_of_memory());
        }
        self.check_room(0)
    }

    /// Appends what `$string` makes of an item to the scratch's text.
    #[inline]
    pub(super) fn append_text(&mut self, item: Item) -> Result<(), Thrown> {
        match item.kind() {
            Kind::Undefined => Ok(()),
            Kind::Text(at) => {
                self.check_room(at.len as usize)?;
                self.scratch.text.extend_from_within(at.range());
                Ok(())
            }
            Kind::Value(value) => {
                if let crate::value::View::Str(text) = self.heap.view(value) {
                    self.scratch.text.push_str(text);
                    return Ok(());
                }
                self.append_json(item, false)
            }
            _ => self.append_json(item, false),
        }
    }

    /// `{…}` over the context item.
    pub(super) fn object(&mut self, pairs: &'e Pairs, input: Item) -> Result<Item, Thrown> {
        match &pairs.constant_keys {
            Some(keys) if !self.is_array(input) => {
                let base = self.scratch.stack.len();
                self.step_fuel(keys.len())?;
                for (key, (_, value)) in keys.iter().zip(&pairs.entries) {
                    let value = self.operand(*value, input)?;
                    if !value.is_undefined() {
                        self.scratch.stack.extend_from_slice(&[*key, value]);
                    }
                }
                if pairs.is_result { self.finish_result(base) } else { self.finish_object(base) }
            }
            _ => self.group(pairs, input),
        }
    }

    /// Groups the items of `input` by their keys, and evaluates each group's value.
    pub(super) fn group(&mut self, pairs: &'e Pairs, input: Item) -> Result<Item, Thrown> {
        if input.flags().has(Flags::TUPLES) {
            return self.group_tuples(pairs, input);
        }
        let base = self.scratch.stack.len();
        self.spread(input)?;
        if self.scratch.stack.len() == base {
            // An empty sequence still makes an object of constants.
            self.scratch.stack.push(Item::UNDEFINED);
        }
        let items = self.scratch.settle(base);
        self.grouped(pairs, items)
    }

    fn grouped(&mut self, pairs: &'e Pairs, items: Extent) -> Result<Item, Thrown> {
        let base = self.scratch.stack.len();
        let mut groups = Groups::default();
        for index in items.range() {
            let item = self.scratch.slots[index];
            for (pair, (key, _)) in pairs.entries.iter().enumerate() {
                let key = self.evaluate(*key, item)?;
                self.enter_group(&mut groups, pairs, pair, key, item)?;
            }
        }
        let members = self.scratch.settle(base);
        let (starts, order) = groups.distributed();
        let base = self.scratch.stack.len();
        for (group, bounds) in groups.known.iter().zip(starts.windows(2)) {
            let numbers = &order[bounds[0] as usize..bounds[1] as usize];
            let context = self.group_context(numbers, members)?;
            let value = self.evaluate(pairs.entries[group.pair].1, context)?;
            if !value.is_undefined() {
                self.scratch.stack.extend([group.key, value]);
            }
        }
        self.finish_object(base)
    }

    /// Puts an item into the group of its key.
    fn enter_group(
        &mut self,
        groups: &mut Groups,
        pairs: &Pairs,
        pair: usize,
        key: Item,
        item: Item,
    ) -> Result<(), Thrown> {
        if key.is_undefined() {
            return Ok(());
        }
        if let Some(number) = self.find_group(groups, pairs, pair, key)? {
            groups.of.push(number);
            self.scratch.stack.push(item);
        }
        Ok(())
    }

    /// The number of a key's group, made when it is new.
    pub(super) fn find_group(
        &mut self,
        groups: &mut Groups,
        pairs: &Pairs,
        pair: usize,
        key: Item,
    ) -> Result<Option<u32>, Thrown> {
        let Some(text) = self.text(key) else {
            return Err(Thrown::new(Code::T1003).with("value", self.quoted(key)).at(pairs.span));
        };
        if RESERVED_KEYS.contains(&text) {
            return Err(Thrown::new(Code::D1013).with("value", self.quoted(key)).at(pairs.span));
        }
        let known = if groups.known.len() <= LINEAR_GROUPS_MAX {
            groups.known.iter().position(|group| self.text(group.key) == Some(text))
        } else {
            groups
                .indexed(|item| self.text(item).unwrap_or_default())
                .get(text)
                .map(|at| *at as usize)
        };
        match known {
            Some(known) if groups.known[known].pair != pair => {
                Err(Thrown::new(Code::D1009).with("value", self.quoted(key)).at(pairs.span))
            }
            Some(known) => Ok(Some(known as u32)),
            None => {
                let number = groups.known.len() as u32;
                if !groups.index.is_empty() {
                    groups.index.insert(text.into(), number);
                }
                groups.known.push(Group { key, pair });
                self.step_fuel(1)?;
                Ok(Some(number))
            }
        }
    }

    /// What the value of a group is evaluated over: its item, or the array of its items.
    fn group_context(&mut self, numbers: &[u32], members: Extent) -> Result<Item, Thrown> {
        let member = |this: &Self, number: u32| {
            this.scratch.slots[members.offset as usize + number as usize]
        };
        if let [single] = numbers {
            return Ok(member(self, *single));
        }
        let base = self.scratch.stack.len();
        for number in numbers {
            let item = member(self, *number);
            self.spread(item)?;
        }
        self.finish_array(base, Flags::NONE)
    }
}

/// The groups of one `{…}`.
#[derive(Default)]
pub(super) struct Groups {
    pub(super) known: Vec<Group>,
    /// The group of each item, in the order of the items.
    pub(super) of: Vec<u32>,
    /// Numbers by key; only when there are many.
    index: std::collections::HashMap<Box<str>, u32>,
}

pub(super) struct Group {
    pub(super) key: Item,
    /// Which pair made it.
    pub(super) pair: usize,
}

impl Groups {
    /// Where each group's items begin in the second vector, which holds the items' numbers by
    /// group, each group's in their order.
    pub(super) fn distributed(&self) -> (Vec<u32>, Vec<u32>) {
        let mut starts = vec![0; self.known.len() + 1];
        for of in &self.of {
            starts[*of as usize + 1] += 1;
        }
        for group in 1..starts.len() {
            starts[group] += starts[group - 1];
        }
        let mut next = starts.clone();
        let mut order = vec![0; self.of.len()];
        for (of, number) in self.of.iter().zip(0..) {
            order[next[*of as usize] as usize] = number;
            next[*of as usize] += 1;
        }
        (starts, order)
    }

    fn indexed<'t>(
        &mut self,
        text: impl Fn(Item) -> &'t str,
    ) -> &std::collections::HashMap<Box<str>, u32> {
        if self.index.is_empty() {
            let numbered = self.known.iter().zip(0..);
            self.index = numbered.map(|(group, number)| (text(group.key).into(), number)).collect();
        }
        &self.index
    }
}

/// More groups are found by hash.
const LINEAR_GROUPS_MAX: usize = 16;
const RESERVED_KEYS: [&str; 2] = ["_jsonata_lambda", "_jsonata_function"];
