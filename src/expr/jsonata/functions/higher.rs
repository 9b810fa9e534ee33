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

/// Calls the second argument with each element of the first, and hands both the element and what
/// came of it to `take`; without a function, which only `$single` may lack, that is true. Returns
/// where on the stack the elements lie, `None` when there is no array.
fn each_element(
    evaluator: &mut Evaluator<'_>,
    arguments: Arguments,
    mut take: impl FnMut(&mut Evaluator<'_>, Item, Item) -> Result<(), Thrown>,
) -> Result<Option<std::ops::Range<usize>>, Thrown> {
    let (array, function) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    if array.is_undefined() {
        return Ok(None);
    }
    let callback = (!function.is_undefined()).then(|| evaluator.callback(function));
    let elements = settled(evaluator, array)?;
    for index in elements.clone() {
        let element = evaluator.scratch.stack[index];
        let number = || Item::int((index - elements.start) as i64);
        let answer = match &callback {
            Some(callback) => evaluator.call_back(callback, element, number, array)?,
            None => Item::bool(true),
        };
        take(evaluator, element, answer)?;
    }
    Ok(Some(elements))
}

/// The results on the stack behind the elements, as a sequence; undefined without elements.
fn collected(evaluator: &mut Evaluator<'_>, elements: Option<std::ops::Range<usize>>) -> Outcome {
    let Some(elements) = elements else { return Ok(Item::UNDEFINED) };
    let results = evaluator.finish_array(elements.end, Flags::SEQUENCE)?;
    evaluator.scratch.stack.truncate(elements.start);
    Ok(results)
}

/// `$map(array, function)`
pub(super) fn map(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (array, function) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    if array.is_undefined() {
        return Ok(array);
    }
    let callback = evaluator.callback(function);
    let elements = settled(evaluator, array)?;
    let mut index = elements.start;
    loop {
        index += evaluator.project_call_backs(&callback, index..elements.end)?;
        if index == elements.end {
            break;
        }
        let element = evaluator.scratch.stack[index];
        let number = || Item::int((index - elements.start) as i64);
        let mapped = evaluator.call_in_full(&callback, element, number, array)?;
        if !mapped.is_undefined() {
            evaluator.scratch.stack.push(mapped);
        }
        index += 1;
    }
    if arguments.is_result()
        && let Some(array) = evaluator.finish_result_array(elements.end)?
    {
        evaluator.scratch.stack.truncate(elements.start);
        return Ok(array);
    }
    collected(evaluator, Some(elements))
}

/// `$filter(array, function)`
pub(super) fn filter(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let elements = each_element(evaluator, arguments, |evaluator, element, passes| {
        if evaluator.is_true(passes)? {
            evaluator.scratch.stack.push(element);
        }
        Ok(())
    })?;
    collected(evaluator, elements)
}

/// `$single(array, function)`
pub(super) fn single(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let mut found = None;
    let elements = each_element(evaluator, arguments, |evaluator, element, passes| {
        if evaluator.is_true(passes)? && found.replace(element).is_some() {
            return Err(Thrown::new(Code::D3138));
        }
        Ok(())
    })?;
    let Some(elements) = elements else { return Ok(Item::UNDEFINED) };
    evaluator.scratch.stack.truncate(elements.start);
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
    collected(evaluator, Some(base..end))
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
