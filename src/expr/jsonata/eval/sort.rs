//! Sorting: `^(…)` and `$sort`, by a merge that asks as few questions as it can and survives
//! comparisons that contradict each other.

use super::super::code::SortTerm;
use super::super::item::Item;
use super::super::{Code, Thrown};
use super::operators::utf16_order;
use super::{Evaluator, View};

impl<'e> Evaluator<'e> {
    /// Sorts the stack from `base` on by the terms of `^(…)`.
    pub(super) fn sort_sequence(
        &mut self,
        terms: &'e [SortTerm],
        base: usize,
    ) -> Result<(), Thrown> {
        self.sort_terms(terms, base, false)
    }

    /// Sorts the tuples on the stack from `base` on.
    pub(super) fn sort_tuples(&mut self, terms: &'e [SortTerm], base: usize) -> Result<(), Thrown> {
        self.sort_terms(terms, base, true)
    }

    /// Each term is evaluated once an item, then rows of keys are compared.
    fn sort_terms(
        &mut self,
        terms: &'e [SortTerm],
        base: usize,
        tuples: bool,
    ) -> Result<(), Thrown> {
        let end = self.scratch.stack.len();
        if end - base < 2 {
            return Ok(());
        }
        for index in base..end {
            let item = self.scratch.stack[index];
            for term in terms {
                let context = if tuples { self.bind_tuple(item) } else { item };
                let key = self.evaluate(term.code, context)?;
                self.scratch.stack.push(key);
            }
        }
        self.check_room(0)?;
        let order: Vec<u32> = (0..(end - base) as u32).collect();
        let keys = |row: u32| end + row as usize * terms.len();
        let sorted = self.merge_sort(order, &mut |this, one, other| {
            this.rows_swap(terms, keys(one), keys(other))
        })?;
        let sorted: Vec<Item> =
            sorted.iter().map(|row| self.scratch.stack[base + *row as usize]).collect();
        self.scratch.stack.truncate(end);
        self.scratch.stack[base..].copy_from_slice(&sorted);
        Ok(())
    }

    /// Whether the row of keys at `one` belongs behind that at `other`.
    fn rows_swap(&mut self, terms: &[SortTerm], one: usize, other: usize) -> Result<bool, Thrown> {
        for (column, term) in terms.iter().enumerate() {
            let (a, b) = (self.scratch.stack[one + column], self.scratch.stack[other + column]);
            let order = match (self.view(a), self.view(b)) {
                (View::Undefined, View::Undefined) => continue,
                // What is undefined comes last, whichever way is sorted.
                (View::Undefined, _) => return Ok(true),
                (_, View::Undefined) => return Ok(false),
                (View::Number(one), View::Number(other)) => one.compare(other),
                (View::Text(one), View::Text(other)) => Some(utf16_order(one, other)),
                (View::Number(_) | View::Text(_), View::Number(_) | View::Text(_)) => {
                    return Err(Thrown::new(Code::T2007)
                        .with("value", self.quoted(a))
                        .with("value2", self.quoted(b))
                        .at(self.span(term.code)));
                }
                _ => {
                    return Err(Thrown::new(Code::T2008)
                        .with("value", self.quoted(a))
                        .at(self.span(term.code)));
                }
            };
            let order = order.unwrap_or(std::cmp::Ordering::Equal);
            let order = if term.descending { order.reverse() } else { order };
            if order.is_ne() {
                return Ok(order.is_gt());
            }
        }
        Ok(false)
    }

    /// Sorts numbers of items stably; `swaps` says whether the first belongs behind the second.
    ///
    /// # Errors
    /// What `swaps` fails with, or U1002.
    pub(in super::super) fn merge_sort(
        &mut self,
        items: Vec<u32>,
        swaps: &mut dyn FnMut(&mut Self, u32, u32) -> Result<bool, Thrown>,
    ) -> Result<Vec<u32>, Thrown> {
        // From the top down, as the reference does: inconsistent comparisons give its order.
        if items.len() < 2 {
            return Ok(items);
        }
        let mut left = items;
        let right = left.split_off(left.len() / 2);
        let left = self.merge_sort(left, swaps)?;
        let right = self.merge_sort(right, swaps)?;
        self.step_fuel(left.len() + right.len())?;
        let mut merged = Vec::with_capacity(left.len() + right.len());
        let (mut left, mut right) = (left.as_slice(), right.as_slice());
        while let ([one, left_rest @ ..], [other, right_rest @ ..]) = (left, right) {
            if swaps(self, *one, *other)? {
                merged.push(*other);
                right = right_rest;
            } else {
                merged.push(*one);
                left = left_rest;
            }
        }
        merged.extend_from_slice(left);
        merged.extend_from_slice(right);
        Ok(merged)
    }
}
