//! Projections: see [`super::super::projection`].

use super::super::Dialect;
use super::super::code::{Aggregated, Projected, Source};
use super::super::item::Item;
use super::super::number::Number;
use super::super::projection::{Gives, Member, Projection, Term, object};
use super::super::{Thrown, limits};
use super::operators::ordered;
use super::{BYTES_PER_STEP, Evaluator};
use crate::value::Value;

impl<'e> Evaluator<'e> {
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

    /// What a projection makes of an object of a document; `None` where the code that it stands
    /// for has to be evaluated, which then also finds out what is wrong.
    #[inline]
    pub(super) fn project(&mut self, projection: &Projection, object: Item) -> Option<Item> {
        let object = object.value()?;
        self.fuel = self.fuel.checked_sub(projection.steps)?;
        match &projection.gives {
            Gives::Number(arithmetic) => {
                let members = self.heap.row(object)?.members();
                Some(arithmetic.compute(members, self.dialect)?.item())
            }
            Gives::Truth(operator, one, other) => {
                let members = self.heap.row(object)?.members();
                let one = one.number(members, self.dialect)?;
                Some(ordered(*operator, one.compare(other.number(members, self.dialect)?)))
            }
            Gives::Object(members) => self.project_object(members, object),
        }
    }

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
            array = self.heap.look_up(array, key).member()?;
        }
        let rows = self.heap.rows(array)?;
        let (count, aggregate) = (rows.len(), aggregated.aggregate);
        // The call itself would make a sequence of so many numbers.
        if self.dialect == Dialect::Aws && count > limits::VALUE_BYTES_MAX / 8 {
            return None;
        }
        self.fuel = self.fuel.checked_sub(count.checked_mul(aggregated.steps)?)?;
        let (dialect, mut total) = (self.dialect, aggregate.start());
        let add = |total: &mut Option<Number>, number| {
            *total = Some(match *total {
                Some(before) => aggregate.step(before, number, dialect),
                None => number,
            });
        };
        match &aggregated.term {
            Term::Computed(arithmetic) => {
                for members in rows {
                    let number = arithmetic.compute(members?, dialect)?;
                    if !number.is_finite() {
                        return None;
                    }
                    add(&mut total, number);
                }
            }
            term => {
                for members in rows {
                    add(&mut total, term.number(members?, dialect)?);
                }
            }
        }
        let total = total.filter(|_| count > 0)?;
        Some(aggregate.finish(total, count, dialect))
    }

    fn project_object(&mut self, members: &[(Value, Member)], object: Value) -> Option<Item> {
        self.scratch.stack.push(object.into());
        let at = self.scratch.stack.len() - 1;
        let made = self.project_objects(members, 0, at..at + 1);
        self.scratch.stack.swap_remove(at);
        if made == 1 { self.scratch.stack.pop() } else { None }
    }

    /// Makes objects of as many of the items in `range` of the stack, one after the other, as can
    /// be made so; pushes them, and returns how many. `steps` is what one costs.
    #[inline(never)]
    pub(super) fn project_objects(
        &mut self,
        members: &[(Value, Member)],
        steps: usize,
        range: std::ops::Range<usize>,
    ) -> usize {
        let used = self.scratch.measure() + self.heap_bytes;
        let Some(mut room) = self.memory_max.checked_sub(used) else { return 0 };
        let (mut made, slots_bytes) = (0, 16 * members.len());
        let Self { heap, scratch, arena, dialect, .. } = self;
        if *dialect == Dialect::Aws && slots_bytes > limits::VALUE_BYTES_MAX {
            return 0;
        }
        let mut making = heap.making(*arena);
        for index in range {
            let text_from = making.text_bytes();
            let Some(rest) = room.checked_sub(slots_bytes + 8) else { break };
            let row = scratch.stack[index].value().and_then(|object| making.row(object));
            let object = row.and_then(|row| object(members, row, *dialect, rest, &mut making));
            let Some(object) = object else { break };
            scratch.stack.push(object.into());
            let text_bytes = making.text_bytes() - text_from;
            room = rest.saturating_sub(text_bytes);
            self.heap_bytes += slots_bytes + text_bytes;
            let steps = steps + text_bytes / BYTES_PER_STEP;
            // Without fuel, the next step fails.
            self.fuel = self.fuel.saturating_sub(steps);
            made += 1;
        }
        made
    }
}
