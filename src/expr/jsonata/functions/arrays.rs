//! Functions of arrays.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::super::eval::{Arguments, Evaluator, View, utf16_order};
use super::super::item::{Flags, Item};
use super::super::{Code, Thrown};
use super::Outcome;

/// `$count(array)`
#[expect(clippy::unnecessary_wraps, reason = "the functions of the table have one signature")]
pub(super) fn count(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    Ok(Item::int(evaluator.len(arguments.get(evaluator, 0)) as i64))
}

/// `$append(one, other)`
pub(super) fn append(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (one, other) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    if one.is_undefined() {
        return Ok(other);
    }
    if other.is_undefined() {
        return Ok(one);
    }
    let base = evaluator.scratch.stack.len();
    evaluator.spread(one)?;
    evaluator.spread(other)?;
    evaluator.finish_array(base, Flags::NONE)
}

/// `$reverse(array)`
pub(super) fn reverse(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    reordered(evaluator, arguments, |_, items| {
        items.reverse();
        Ok(())
    })
}

/// `$shuffle(array)`
pub(super) fn shuffle(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    reordered(evaluator, arguments, |evaluator, items| {
        for last in (1..items.len()).rev() {
            items.swap(last, evaluator.entropy.below(last as u64 + 1) as usize);
        }
        Ok(())
    })
}

fn reordered(
    evaluator: &mut Evaluator<'_>,
    arguments: Arguments,
    reorder: impl FnOnce(&mut Evaluator<'_>, &mut [Item]) -> Result<(), Thrown>,
) -> Outcome {
    let array = arguments.get(evaluator, 0);
    if array.is_undefined() || evaluator.len(array) <= 1 {
        return Ok(array);
    }
    let base = evaluator.scratch.stack.len();
    evaluator.spread(array)?;
    evaluator.step_fuel((evaluator.scratch.stack.len() - base) / 4)?;
    let mut items = evaluator.scratch.stack.split_off(base);
    reorder(evaluator, &mut items)?;
    evaluator.scratch.stack.append(&mut items);
    evaluator.finish_array(base, Flags::NONE)
}

/// `$sort(array, function)`: the function says whether its first argument belongs behind its
/// second
pub(super) fn sort(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (array, function) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    let len = evaluator.len(array);
    if array.is_undefined() || len <= 1 {
        return Ok(array);
    }
    let base = evaluator.scratch.stack.len();
    evaluator.spread(array)?;
    if function.is_undefined() && !is_uniform(evaluator, base) {
        return Err(Thrown::new(Code::D3070));
    }
    let order = (0..len as u32).collect();
    let sorted = evaluator.merge_sort(order, &mut |evaluator, one, other| {
        let one = evaluator.scratch.stack[base + one as usize];
        let other = evaluator.scratch.stack[base + other as usize];
        if function.is_undefined() {
            return Ok(belongs_behind(evaluator, one, other));
        }
        let swaps = evaluator.invoke(function, &[one, other])?;
        Ok(is_something(evaluator, swaps))
    })?;
    let end = evaluator.scratch.stack.len();
    for row in sorted {
        let item = evaluator.scratch.stack[base + row as usize];
        evaluator.scratch.stack.push(item);
    }
    evaluator.scratch.stack.drain(base..end);
    evaluator.finish_array(base, Flags::NONE)
}

/// A truth as JavaScript has it: the reference asks no `$boolean` here.
fn is_something(evaluator: &Evaluator<'_>, item: Item) -> bool {
    match evaluator.view(item) {
        View::Undefined | View::Null => false,
        View::Bool(bool) => bool,
        View::Number(number) => !number.is_zero() && !number.as_f64().is_nan(),
        View::Text(text) => !text.is_empty(),
        View::Array | View::Object | View::Function => true,
    }
}

/// Whether all elements are numbers, or all are texts.
fn is_uniform(evaluator: &Evaluator<'_>, base: usize) -> bool {
    let items = &evaluator.scratch.stack[base..];
    items.iter().all(|item| matches!(evaluator.view(*item), View::Number(_)))
        || items.iter().all(|item| matches!(evaluator.view(*item), View::Text(_)))
}

fn belongs_behind(evaluator: &Evaluator<'_>, one: Item, other: Item) -> bool {
    match (evaluator.view(one), evaluator.view(other)) {
        (View::Number(one), View::Number(other)) => {
            one.compare(other).is_some_and(std::cmp::Ordering::is_gt)
        }
        (View::Text(one), View::Text(other)) => utf16_order(one, other).is_gt(),
        _ => false,
    }
}

/// `$distinct(array)`
pub(super) fn distinct(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let array = arguments.get(evaluator, 0);
    if !evaluator.is_array(array) || evaluator.len(array) <= 1 {
        return Ok(array);
    }
    let base = evaluator.scratch.stack.len();
    evaluator.spread(array)?;
    let items = evaluator.scratch.settle(base);
    // Places on the stack of what has the same digest; only those are compared.
    let mut alike: HashMap<u64, Vec<u32>> = HashMap::with_capacity(items.len as usize);
    for index in items.range() {
        let item = evaluator.scratch.slots[index];
        let places = alike.entry(digest(evaluator, item)).or_default();
        let mut known = false;
        for place in places.iter() {
            known = known || evaluator.equal(item, evaluator.scratch.stack[*place as usize])?;
        }
        if !known {
            places.push(evaluator.scratch.stack.len() as u32);
            evaluator.scratch.stack.push(item);
        }
    }
    let flags = if array.flags().has(Flags::SEQUENCE) { Flags::SEQUENCE } else { Flags::NONE };
    evaluator.finish_array(base, flags)
}

/// A number that equal items have in common.
fn digest(evaluator: &Evaluator<'_>, item: Item) -> u64 {
    let mut hasher = DefaultHasher::new();
    match evaluator.view(item) {
        View::Text(text) => text.hash(&mut hasher),
        // Zero has two doubles.
        View::Number(number) => (number.as_f64() + 0.0).to_bits().hash(&mut hasher),
        View::Bool(bool) => bool.hash(&mut hasher),
        View::Array => (1_u8, evaluator.len(item)).hash(&mut hasher),
        View::Object => (2_u8, evaluator.len(item)).hash(&mut hasher),
        View::Null | View::Function | View::Undefined => {}
    }
    hasher.finish()
}

/// `$zip(array, …)`
pub(super) fn zip(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let columns = 0..arguments.len();
    let lengths = columns.clone().map(|column| evaluator.len(arguments.get(evaluator, column)));
    let shortest = lengths.min().unwrap_or(0);
    let base = evaluator.scratch.stack.len();
    for row in 0..shortest {
        evaluator.step_fuel(1 + arguments.len())?;
        let begin = evaluator.scratch.stack.len();
        for column in columns.clone() {
            let item = evaluator.element(arguments.get(evaluator, column), row);
            evaluator.scratch.stack.push(item);
        }
        let tuple = evaluator.finish_array(begin, Flags::NONE)?;
        evaluator.scratch.stack.push(tuple);
    }
    evaluator.finish_array(base, Flags::NONE)
}
