//! Runs projections (see [`super::super::projection`]) over items, and the code that they stand for
//! over what is not for them.
//!
//! `None` says that, and leaves stack, arena and variables as they were: whoever gets it evaluates
//! the code, as if nothing had been tried. Errors are no business of this module.

use super::super::Dialect;
use super::super::code::{Aggregated, Projected, Source};
use super::super::item::Item;
use super::super::number::Number;
use super::super::projection::{Gives, Member, Projection, Term, make_object};
use super::super::{Thrown, limits};
use super::operators::ordered;
use super::{BYTES_PER_STEP, Evaluator};
use crate::value::{LookUp, Value};

impl<'e> Evaluator<'e> {
    /// A projection over its source.
    #[inline(never)]
    pub(super) fn projected(
        &mut self,
        projected: &'e Projected,
        input: Item,
    ) -> Result<Item, Thrown> {
        let source = match projected.source {
            Source::Context => input,
            Source::Parameter => self.variable(Source::PARAMETER),
        };
        match self.project(&projected.projection, source) {
            Some(item) => Ok(item),
            None => self.evaluate(projected.otherwise, input),
        }
    }

    /// Does what a projection does to each item in `range` of the stack, one after the other, and
    /// pushes what comes of it, until an item is not for projections; returns how many were.
    pub(super) fn project_run(
        &mut self,
        projection: &Projection,
        range: std::ops::Range<usize>,
    ) -> usize {
        if let Gives::Object(members) = &projection.gives {
            return self.project_objects(members, projection.steps, range);
        }
        let begin = range.start;
        for index in range.clone() {
            let item = self.scratch.stack[index];
            let Some(item) = self.project(projection, item) else { return index - begin };
            self.scratch.stack.push(item);
        }
        range.len()
    }

    /// What a projection makes of an object of a document; `None` where the code that it stands for
    /// has to be evaluated.
    #[inline]
    pub(super) fn project(&mut self, projection: &Projection, object: Item) -> Option<Item> {
        let object = object.value()?;
        let Projection { gives, steps } = projection;
        if let Gives::Object(members) = gives {
            return self.project_object(members, *steps, object);
        }
        let members = self.heap.row(object)?.members();
        self.fuel = self.fuel.checked_sub(*steps)?;
        match gives {
            Gives::Number(arithmetic) => Some(arithmetic.compute(members, self.dialect)?.item()),
            Gives::Truth(operator, one, other) => {
                let one = one.number(members, self.dialect)?;
                Some(ordered(*operator, one.compare(other.number(members, self.dialect)?)))
            }
            Gives::Object(_) => None,
        }
    }

    /// `$sum(array.member)` and its like.
    #[inline(never)]
    pub(super) fn aggregated(
        &mut self,
        aggregated: &'e Aggregated,
        input: Item,
    ) -> Result<Item, Thrown> {
        let origin = self.evaluate(aggregated.origin, input)?;
        match self.aggregate(aggregated, origin) {
            Some(total) => Ok(total.item()),
            None => self.evaluate(aggregated.otherwise, input),
        }
    }

    /// What an aggregate comes to whose array lies in a document and gives a number for each of its
    /// elements.
    fn aggregate(&mut self, aggregated: &Aggregated, origin: Item) -> Option<Number> {
        let mut array = origin.value()?;
        for key in &aggregated.keys {
            let LookUp::Member { value, passed } = self.heap.look_up(array, key) else {
                return None;
            };
            self.pay_for_keys(passed).ok()?;
            array = value;
        }
        let count = self.heap.rows(array)?.len();
        // The call itself would make a sequence of so many numbers, and spread it again.
        self.check_value(8 * count).and_then(|()| self.check_room(16 * count)).ok()?;
        self.fuel = self.fuel.checked_sub(count.checked_mul(aggregated.steps)?)?;
        let (dialect, aggregate) = (self.dialect, aggregated.aggregate);
        let (rows, mut total) = (self.heap.rows(array)?, aggregate.start());
        match &aggregated.term {
            Term::Computed(arithmetic) => {
                for members in rows {
                    let number = arithmetic.compute(members?, dialect)?;
                    if !number.is_finite() {
                        return None;
                    }
                    total = Some(aggregate.next(total, number, dialect));
                }
            }
            term => {
                for members in rows {
                    let number = term.number(members?, dialect)?;
                    total = Some(aggregate.next(total, number, dialect));
                }
            }
        }
        // An infinite sum is a result, but no average is made of it.
        let total = total.filter(|total| count > 0 && total.is_finite())?;
        Some(aggregate.finish(total, count, dialect))
    }

    /// Makes an object of one.
    fn project_object(
        &mut self,
        members: &[(Value, Member)],
        steps: usize,
        object: Value,
    ) -> Option<Item> {
        self.scratch.stack.push(object.into());
        let at = self.scratch.stack.len() - 1;
        let made = self.project_objects(members, steps, at..at + 1);
        self.scratch.stack.swap_remove(at);
        if made == 1 { self.scratch.stack.pop() } else { None }
    }

    /// Makes objects of as many of the items in `range` of the stack, one after the other, as can
    /// be made so; pushes them, and returns how many. `steps` is what one costs.
    #[inline(never)]
    fn project_objects(
        &mut self,
        members: &[(Value, Member)],
        steps: usize,
        range: std::ops::Range<usize>,
    ) -> usize {
        let used = self.scratch.measure() + self.heap_bytes;
        let Some(mut room) = self.memory_max.checked_sub(used) else { return 0 };
        let (mut made, slots_bytes_max) = (0, 16 * members.len());
        let Self { heap, scratch, arena, dialect, .. } = self;
        if *dialect == Dialect::Aws && slots_bytes_max > limits::VALUE_BYTES_MAX {
            return 0;
        }
        let mut making = heap.making(*arena);
        for index in range {
            let Some(fuel) = self.fuel.checked_sub(steps) else { break };
            let Some(text_max) = room.checked_sub(8 + slots_bytes_max) else { break };
            let (slots_from, text_from) = (making.slot_count(), making.text_bytes());
            let row = scratch.stack[index].value().and_then(|item| making.row(item));
            let object =
                row.and_then(|row| make_object(members, row, *dialect, text_max, &mut making));
            let Some(object) = object else { break };
            scratch.stack.push(object.into());
            let text_bytes = making.text_bytes() - text_from;
            let bytes = 8 * (making.slot_count() - slots_from) + text_bytes;
            room = room.saturating_sub(8 + bytes);
            self.heap_bytes += bytes;
            // Without fuel, the next step fails.
            self.fuel = fuel.saturating_sub(text_bytes / BYTES_PER_STEP);
            made += 1;
        }
        made
    }
}
