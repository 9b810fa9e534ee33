//! `|pattern|update, delete|`: a function that changes a copy of what it is given.
//!
//! Nothing is changed in place. The copy is made of scratch containers all through, so that what
//! the pattern finds is known by where it lies; then the changed objects are put in.

use super::super::code::CodeId;
use super::super::item::{Extent, Item, Kind};
use super::super::scratch::BOXED;
use super::super::{Code, Thrown};
use super::{Evaluator, ITEMS_PER_STEP, View};

impl Evaluator<'_> {
    pub(super) fn apply_transform(
        &mut self,
        code: CodeId,
        made_in: (u32, Extent),
        base: usize,
    ) -> Result<Item, Thrown> {
        let original = self.scratch.stack.get(base).copied().unwrap_or(Item::UNDEFINED);
        if original.is_undefined() {
            return Ok(original);
        }
        if self.scratch.stack.len() > base + 1
            || !matches!(self.view(original), View::Object | View::Array)
        {
            return Err(Thrown::new(Code::T0410).with("index", "1"));
        }
        let copy = self.copied(original)?;
        self.in_frame(made_in, |this| this.change(code, copy))?;
        // Objects that lost all their members, or got more than they had, were moved.
        self.resettled(copy)
    }

    /// A copy of scratch containers all through; objects can then be replaced where they lie.
    fn copied(&mut self, item: Item) -> Result<Item, Thrown> {
        self.step_fuel(1)?;
        let is_object = match self.view(item) {
            View::Object => true,
            View::Array => false,
            // As JSON has it: a function becomes an empty text.
            View::Function => return self.make_text(""),
            _ => return Ok(item),
        };
        let base = self.scratch.stack.len();
        if is_object {
            self.spread_entries(item)?;
        } else {
            self.spread(item)?;
        }
        let end = self.scratch.stack.len();
        self.descend(|this| {
            for index in base..end {
                let copy = this.copied(this.scratch.stack[index])?;
                this.scratch.stack[index] = copy;
            }
            Ok(())
        })?;
        if is_object {
            // The copy is known by a place that says where its entries lie now.
            let entries = self.scratch.settle(base);
            let moved = Extent { len: entries.len / 2, ..entries };
            self.scratch.slots.push(Item::object(moved));
            let at = Extent { offset: self.scratch.slots.len() as u32 - 1, len: BOXED };
            return Ok(Item::object(at));
        }
        self.finish_array(base, super::super::item::Flags::NONE)
    }

    fn change(&mut self, code: CodeId, copy: Item) -> Result<(), Thrown> {
        let Some((pattern, update, delete)) = self.transform_code(code) else { return Ok(()) };
        let matches = self.evaluate(pattern, copy)?;
        if matches.is_undefined() {
            return Ok(());
        }
        let base = self.scratch.stack.len();
        self.spread(matches)?;
        for index in base..self.scratch.stack.len() {
            let found = self.scratch.stack[index];
            let update_item = self.evaluate(update, found)?;
            if !update_item.is_undefined() {
                if !matches!(self.view(update_item), View::Object) {
                    return Err(Thrown::new(Code::T2011)
                        .with("value", self.quoted(update_item))
                        .at(self.span(update)));
                }
                self.merge_into(found, update_item)?;
            }
            if let Some(delete) = delete {
                let names = self.evaluate(delete, found)?;
                self.delete_from(found, names, delete)?;
            }
        }
        self.scratch.stack.truncate(base);
        Ok(())
    }

    /// Where the entries of a copied object lie now.
    fn moved(&self, object: Item) -> Option<(u32, Extent)> {
        let Kind::Object(Extent { offset, len: BOXED }) = object.kind() else { return None };
        match self.scratch.slots.get(offset as usize).map(|item| item.kind()) {
            Some(Kind::Object(entries)) => Some((offset, entries)),
            _ => None,
        }
    }

    fn merge_into(&mut self, object: Item, update: Item) -> Result<(), Thrown> {
        let Some((home, entries)) = self.moved(object) else { return Ok(()) };
        let base = self.scratch.stack.len();
        self.spread_entries(Item::object(entries))?;
        let end = self.scratch.stack.len();
        self.spread_entries(update)?;
        let new = self.scratch.stack.split_off(end);
        for entry in new.as_chunks::<2>().0 {
            let [key, member] = *entry;
            // Looking for the key passes those before it.
            self.step_fuel(1 + (self.scratch.stack.len() - base) / ITEMS_PER_STEP)?;
            let known = self.position_of(base..self.scratch.stack.len(), key);
            match known {
                Some(place) => self.scratch.stack[place + 1] = member,
                None => self.scratch.stack.extend([key, member]),
            }
        }
        let object = self.finish_object(base)?;
        self.scratch.slots[home as usize] = object;
        Ok(())
    }

    fn delete_from(&mut self, object: Item, names: Item, code: CodeId) -> Result<(), Thrown> {
        if names.is_undefined() {
            return Ok(());
        }
        let base = self.scratch.stack.len();
        self.spread(names)?;
        let texts = self.scratch.stack[base..].iter().all(|name| self.text(*name).is_some());
        let doomed = self.scratch.settle(base);
        if !texts {
            return Err(Thrown::new(Code::T2012)
                .with("value", self.quoted(names))
                .at(self.span(code)));
        }
        let Some((home, entries)) = self.moved(object) else { return Ok(()) };
        self.spread_entries(Item::object(entries))?;
        for index in doomed.range() {
            let name = self.scratch.slots[index];
            self.step_fuel(1 + (self.scratch.stack.len() - base) / ITEMS_PER_STEP)?;
            if let Some(place) = self.position_of(base..self.scratch.stack.len(), name) {
                self.scratch.stack.drain(place..place + 2);
            }
        }
        let object = self.finish_object(base)?;
        self.scratch.slots[home as usize] = object;
        Ok(())
    }

    /// Where the entry of `key` stands among those on the stack in `range`.
    pub(in super::super) fn position_of(
        &self,
        range: std::ops::Range<usize>,
        key: Item,
    ) -> Option<usize> {
        let text = self.text_bytes(key)?;
        let base = range.start;
        let (entries, _) = self.scratch.stack[range].as_chunks::<2>();
        let place = entries.iter().position(|[known, _]| self.text_bytes(*known) == Some(text))?;
        Some(base + 2 * place)
    }

    /// The copy with every object as it is now.
    fn resettled(&mut self, item: Item) -> Result<Item, Thrown> {
        self.step_fuel(1)?;
        let base = self.scratch.stack.len();
        let is_object = match item.kind() {
            Kind::Array(_) => {
                self.spread(item)?;
                false
            }
            Kind::Object(_) => {
                let entries = self.moved(item).map_or(item, |(_, entries)| Item::object(entries));
                self.spread_entries(entries)?;
                true
            }
            _ => return Ok(item),
        };
        let end = self.scratch.stack.len();
        self.descend(|this| {
            for index in base..end {
                let now = this.resettled(this.scratch.stack[index])?;
                this.scratch.stack[index] = now;
            }
            Ok(())
        })?;
        if is_object { self.finish_object(base) } else { self.finish_array(base, item.flags()) }
    }
}
