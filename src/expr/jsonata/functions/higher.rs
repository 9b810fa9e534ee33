//! Functions that call functions.

use super::super::eval::{Arguments, Evaluator};
use super::super::item::{Flags, Item};
use super::super::{Code, Thrown};
use super::Outcome;

/// Puts the elements of an array where they can be read one by one while functions run.
fn settled(evaluator: &mut Evaluator<'_>, array: Item) -> Result<std::ops::Range<usize>, Thrown> {
    let base = evaluator.scratch.stack.len();
    evaluator.spread(array)?;
    Ok(base..evaluator.scratch.stack.len())
}

/// `$map(array, function)`
pub(super) fn map(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (array, function) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    if array.is_undefined() {
        return Ok(array);
    }
    let callback = evaluator.callback(function);
    let items = settled(evaluator, array)?;
    let (base, end) = (items.start, items.end);
    for index in items {
        let item = evaluator.scratch.stack[index];
        let number = || Item::int((index - base) as i64);
        let mapped = evaluator.call_back(&callback, item, number, array)?;
        if !mapped.is_undefined() {
            evaluator.scratch.stack.push(mapped);
        }
    }
    collected(evaluator, base, end)
}

/// The results on the stack behind the items from `base` to `end`, as a sequence.
fn collected(evaluator: &mut Evaluator<'_>, base: usize, end: usize) -> Outcome {
    let results = evaluator.finish_array(end, Flags::SEQUENCE)?;
    evaluator.scratch.stack.truncate(base);
    Ok(results)
}

/// `$filter(array, function)`
pub(super) fn filter(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (array, function) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    if array.is_undefined() {
        return Ok(array);
    }
    let callback = evaluator.callback(function);
    let items = settled(evaluator, array)?;
    let (base, end) = (items.start, items.end);
    for index in items {
        let item = evaluator.scratch.stack[index];
        let number = || Item::int((index - base) as i64);
        let passes = evaluator.call_back(&callback, item, number, array)?;
        if evaluator.is_true(passes)? {
            evaluator.scratch.stack.push(item);
        }
    }
    collected(evaluator, base, end)
}

/// `$single(array, function)`
pub(super) fn single(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (array, function) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    if array.is_undefined() {
        return Ok(array);
    }
    let callback = evaluator.callback(function);
    let items = settled(evaluator, array)?;
    let base = items.start;
    let mut found = None;
    for index in items {
        let item = evaluator.scratch.stack[index];
        let number = || Item::int((index - base) as i64);
        if !function.is_undefined() {
            let passes = evaluator.call_back(&callback, item, number, array)?;
            if !evaluator.is_true(passes)? {
                continue;
            }
        }
        if found.replace(item).is_some() {
            return Err(Thrown::new(Code::D3138));
        }
    }
    evaluator.scratch.stack.truncate(base);
    found.ok_or_else(|| Thrown::new(Code::D3139))
}

/// `$reduce(array, function, start)`
pub(super) fn reduce(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (array, function) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    if array.is_undefined() {
        return Ok(array);
    }
    let arity = evaluator.arity(function);
    if arity < 2 {
        return Err(Thrown::new(Code::D3050));
    }
    let mut total = arguments.get(evaluator, 2);
    let mut items = settled(evaluator, array)?;
    let base = items.start;
    if total.is_undefined()
        && let Some(first) = items.next()
    {
        total = evaluator.scratch.stack[first];
    }
    for index in items {
        let item = evaluator.scratch.stack[index];
        let number = Item::int((index - base) as i64);
        let given = [total, item, number, array];
        total = evaluator.invoke(function, &given[..arity.min(4)])?;
    }
    evaluator.scratch.stack.truncate(base);
    Ok(total)
}

/// `$each(object, function)`
pub(super) fn each(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (object, function) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    let callback = evaluator.callback(function);
    let base = evaluator.scratch.stack.len();
    evaluator.spread_entries(object)?;
    let end = evaluator.scratch.stack.len();
    for entry in (base..end).step_by(2) {
        let (key, member) = (evaluator.scratch.stack[entry], evaluator.scratch.stack[entry + 1]);
        let result = evaluator.call_back(&callback, member, || key, object)?;
        if !result.is_undefined() {
            evaluator.scratch.stack.push(result);
        }
    }
    collected(evaluator, base, end)
}

/// `$sift(object, function)`
pub(super) fn sift(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (object, function) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    let callback = evaluator.callback(function);
    let base = evaluator.scratch.stack.len();
    evaluator.spread_entries(object)?;
    let end = evaluator.scratch.stack.len();
    for entry in (base..end).step_by(2) {
        let (key, member) = (evaluator.scratch.stack[entry], evaluator.scratch.stack[entry + 1]);
        let passes = evaluator.call_back(&callback, member, || key, object)?;
        if evaluator.is_true(passes)? {
            evaluator.scratch.stack.extend([key, member]);
        }
    }
    if evaluator.scratch.stack.len() == end {
        evaluator.scratch.stack.truncate(base);
        return Ok(Item::UNDEFINED);
    }
    let sifted = evaluator.finish_object(end)?;
    evaluator.scratch.stack.truncate(base);
    Ok(sifted)
}
