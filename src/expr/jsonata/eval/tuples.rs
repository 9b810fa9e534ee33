//! Paths that carry tuples: `@`, `#` and `%` let a step look at more than its input.
//!
//! A tuple is an array of the scratch: the item, then labels and what they hold by turns. What the
//! running tuple holds stands in `labels`, where the code reads it.

use super::super::Thrown;
use super::super::code::{Pairs, Path, Stage, Step, StepKind};
use super::super::item::{Flags, Item, Kind};
use super::Evaluator;
use super::construct::Groups;
use super::path::sequence_flags;

impl<'e> Evaluator<'e> {
    /// Goes on with a path at the step from which on it carries tuples; its input lies on the
    /// stack from `base` on.
    pub(super) fn tuple_path(
        &mut self,
        path: &'e Path,
        first: usize,
        base: usize,
        whole: bool,
    ) -> Result<Item, Thrown> {
        let mut are_tuples = false;
        for step in &path.steps[first..] {
            match &step.kind {
                StepKind::Sort(terms) if are_tuples => self.sort_tuples(terms, base)?,
                StepKind::Sort(terms) => {
                    self.sort_sequence(terms, base)?;
                    self.make_tuples(base, step.index);
                }
                _ => {
                    if !are_tuples {
                        self.make_tuples(base, None);
                    }
                    self.tuple_step(step, base)?;
                }
            }
            are_tuples = true;
            self.tuple_stages(step, base)?;
        }
        self.tuple_result(path, base, whole)
    }

    fn tuple_result(&mut self, path: &'e Path, base: usize, whole: bool) -> Result<Item, Thrown> {
        if path.group.is_some() || path.gives_tuples {
            let tuples = self.finish_array(base, sequence_flags(true))?;
            return match &path.group {
                Some(pairs) => self.group_tuples(pairs, tuples),
                None => Ok(tuples),
            };
        }
        for index in base..self.scratch.stack.len() {
            self.scratch.stack[index] = self.tuple_item(self.scratch.stack[index]);
        }
        let keep = if path.keep_singleton { Flags::KEEP } else { Flags::NONE };
        if whole {
            return self.finish_array(base, Flags::SEQUENCE.and(keep));
        }
        self.finish_sequence(base, Flags::SEQUENCE.and(keep))
    }

    /// Makes tuples of the items on the stack from `base` on, numbered under `index`.
    fn make_tuples(&mut self, base: usize, index: Option<u32>) {
        for at in base..self.scratch.stack.len() {
            let item = self.scratch.stack[at];
            let row = self.scratch.stack.len();
            self.scratch.stack.push(item);
            if let Some(label) = index {
                let number = Item::int((at - base) as i64);
                self.scratch.stack.extend([Item::int(i64::from(label)), number]);
            }
            self.scratch.stack[at] = self.scratch.array_from(row, Flags::NONE);
        }
    }

    /// Replaces the tuples from `base` on by those that the step makes of them.
    fn tuple_step(&mut self, step: &'e Step, base: usize) -> Result<(), Thrown> {
        let end = self.scratch.stack.len();
        for at in base..end {
            let tuple = self.scratch.stack[at];
            let context = self.bind_tuple(tuple);
            let found = match &step.kind {
                StepKind::Name(key) => self.name(context, key)?,
                StepKind::Code(code) => self.evaluate(*code, context)?,
                StepKind::Names { .. } | StepKind::Sort(_) => Item::UNDEFINED,
            };
            if found.is_undefined() {
                continue;
            }
            let is_stream = found.flags().has(Flags::TUPLES);
            let items = self.scratch.stack.len();
            self.spread(found)?;
            let found = self.scratch.settle(items);
            for (number, index) in found.range().enumerate() {
                let item = self.scratch.slots[index];
                let row = self.extend_tuple(step, tuple, item, number, is_stream)?;
                self.scratch.stack.push(row);
            }
        }
        self.scratch.stack.drain(base..end);
        Ok(())
    }

    /// The tuple that a result of a step makes of its input's.
    fn extend_tuple(
        &mut self,
        step: &Step,
        tuple: Item,
        found: Item,
        number: usize,
        is_stream: bool,
    ) -> Result<Item, Thrown> {
        self.step_fuel(1)?;
        let base = self.scratch.stack.len();
        self.spread(tuple)?;
        if is_stream {
            let Kind::Array(at) = found.kind() else { return Ok(tuple) };
            self.scratch.stack[base] = self.scratch.slots[at.offset as usize];
            for index in at.range().skip(1).step_by(2) {
                let (label, item) = (self.scratch.slots[index], self.scratch.slots[index + 1]);
                self.put_label(base, label, item);
            }
            return self.finish_array(base, Flags::NONE);
        }
        let input = self.scratch.stack[base];
        match step.focus {
            Some(label) => self.put_label(base, Item::int(i64::from(label)), found),
            None => self.scratch.stack[base] = found,
        }
        if let Some(label) = step.index {
            self.put_label(base, Item::int(i64::from(label)), Item::int(number as i64));
        }
        if let Some(label) = step.ancestor {
            self.put_label(base, Item::int(i64::from(label)), input);
        }
        self.finish_array(base, Flags::NONE)
    }

    /// Sets a label of the tuple that lies on the stack from `base` on.
    fn put_label(&mut self, base: usize, label: Item, item: Item) {
        let wanted = label_of(label);
        let mut at = base + 1;
        while at + 1 < self.scratch.stack.len() {
            if label_of(self.scratch.stack[at]) == wanted {
                self.scratch.stack[at + 1] = item;
                return;
            }
            at += 2;
        }
        self.scratch.stack.extend([label, item]);
    }

    fn tuple_stages(&mut self, step: &'e Step, base: usize) -> Result<(), Thrown> {
        for stage in &step.stages {
            match stage {
                Stage::Filter(predicate) => self.filter_stack(*predicate, base, true)?,
                Stage::Index(label) => {
                    for at in base..self.scratch.stack.len() {
                        let tuple = self.scratch.stack[at];
                        let row = self.scratch.stack.len();
                        self.spread(tuple)?;
                        let number = Item::int((at - base) as i64);
                        self.put_label(row, Item::int(i64::from(*label)), number);
                        self.scratch.stack[at] = self.scratch.array_from(row, Flags::NONE);
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes `tuple` the running one and returns its item.
    pub(super) fn bind_tuple(&mut self, tuple: Item) -> Item {
        let Kind::Array(at) = tuple.kind() else { return tuple };
        for index in at.range().skip(1).step_by(2) {
            if let Some(label) = label_of(self.scratch.slots[index])
                && let Some(place) = self.scratch.labels.get_mut(label as usize)
            {
                *place = self.scratch.slots[index + 1];
            }
        }
        self.tuple_item(tuple)
    }

    fn tuple_item(&self, tuple: Item) -> Item {
        match tuple.kind() {
            Kind::Array(at) if at.len > 0 => self.scratch.slots[at.offset as usize],
            _ => tuple,
        }
    }

    /// Groups tuples by their keys; a group's tuples are merged into one that holds arrays.
    pub(super) fn group_tuples(&mut self, pairs: &'e Pairs, tuples: Item) -> Result<Item, Thrown> {
        let base = self.scratch.stack.len();
        self.spread(tuples)?;
        let rows = self.scratch.settle(base);
        let mut groups = Groups::default();
        for index in rows.range() {
            let tuple = self.scratch.slots[index];
            for (pair, (key, _)) in pairs.entries.iter().enumerate() {
                let context = self.bind_tuple(tuple);
                let key = self.evaluate(*key, context)?;
                if !key.is_undefined()
                    && let Some(number) = self.find_group(&mut groups, pairs, pair, key)?
                {
                    groups.of.push(number);
                    self.scratch.stack.push(tuple);
                }
            }
        }
        let members = self.scratch.settle(base);
        let (starts, order) = groups.distributed();
        for (group, bounds) in groups.known.iter().zip(starts.windows(2)) {
            let numbers = &order[bounds[0] as usize..bounds[1] as usize];
            let tuple = self.merged_tuple(members.offset, numbers)?;
            let context = self.bind_tuple(tuple);
            let value = self.evaluate(pairs.entries[group.pair].1, context)?;
            if !value.is_undefined() {
                self.scratch.stack.extend([group.key, value]);
            }
        }
        self.finish_object(base)
    }

    /// One tuple of several: what they hold under the same label becomes an array.
    fn merged_tuple(&mut self, offset: u32, numbers: &[u32]) -> Result<Item, Thrown> {
        let row = |this: &Self, number: u32| this.scratch.slots[(offset + number) as usize];
        let Some((first, others)) = numbers.split_first() else { return Ok(Item::UNDEFINED) };
        let merged = row(self, *first);
        if others.is_empty() {
            return Ok(merged);
        }
        let base = self.scratch.stack.len();
        let labels = self.len(merged);
        for column in 0..labels {
            let own = self.element(merged, column);
            if column % 2 == 1 {
                self.scratch.stack.push(own);
                continue;
            }
            let label =
                if column == 0 { Item::UNDEFINED } else { self.element(merged, column - 1) };
            let collected = self.scratch.stack.len();
            self.spread(own)?;
            for other in others {
                self.step_fuel(1)?;
                let tuple = row(self, *other);
                let item = self.labelled(tuple, label);
                if !item.is_undefined() {
                    self.spread(item)?;
                }
            }
            let column = self.finish_array(collected, Flags::NONE)?;
            self.scratch.stack.push(column);
        }
        self.finish_array(base, Flags::NONE)
    }

    /// What a tuple holds under a label; its item for an undefined one.
    fn labelled(&self, tuple: Item, label: Item) -> Item {
        let Kind::Array(at) = tuple.kind() else { return Item::UNDEFINED };
        let Some(wanted) = label_of(label) else { return self.tuple_item(tuple) };
        let slots = &self.scratch.slots[at.range()];
        let (pairs, _) = slots.get(1..).unwrap_or_default().as_chunks::<2>();
        let found = pairs.iter().find(|[label, _]| label_of(*label) == Some(wanted));
        found.map_or(Item::UNDEFINED, |[_, item]| *item)
    }
}

/// The number of a label in a tuple.
fn label_of(item: Item) -> Option<u32> {
    item.value().and_then(crate::value::Value::as_small_int)
}
