//! The functions that AWS adds (developer guide, "transforming-data"), as measured there: what they
//! take for undefined, which errors they throw and in which words. Numbers that are no integers are
//! truncated; limits of the intrinsic functions do not apply.

use std::iter;

use super::super::eval::{Arguments, Evaluator, out_of_memory};
use super::super::item::{Flags, Item};
use super::super::number::Number;
use super::super::{Code, Dialect, Thrown, limits};
use super::Outcome;
use crate::expr::apply::{digest, uuid_text};
use crate::expr::java::Random;

/// `$partition(array, size)`: arrays of so many elements; without a size, one of all. Undefined for
/// an empty array and a size of zero.
pub(super) fn partition(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let array = arguments.get(evaluator, 0);
    if array.is_undefined() {
        return Ok(array);
    }
    if !evaluator.is_array(array) {
        return Err(Thrown::new(Code::T0412).with("index", "1").with("type", "undefined"));
    }
    let size = evaluator.number(arguments.get(evaluator, 1))?.map(Number::truncate);
    let size = match size.map(usize::try_from) {
        _ if evaluator.len(array) == 0 => return Ok(Item::UNDEFINED),
        None => usize::MAX,
        Some(Ok(0)) => return Ok(Item::UNDEFINED),
        Some(Ok(size)) => size,
        Some(Err(_)) => {
            return Err(
                Thrown::new(Code::D3137).with("message", "Second argument must be zero or greater")
            );
        }
    };
    let base = evaluator.scratch.stack.len();
    evaluator.spread(array)?;
    let items = evaluator.scratch.settle(base);
    let mut from = items.range().start;
    while from < items.range().end {
        let to = from.saturating_add(size).min(items.range().end);
        let begin = evaluator.scratch.stack.len();
        let scratch = &mut *evaluator.scratch;
        scratch.stack.extend_from_slice(&scratch.slots[from..to]);
        let part = evaluator.finish_array(begin, Flags::NONE)?;
        evaluator.scratch.stack.push(part);
        from = to;
    }
    evaluator.finish_array(base, Flags::NONE)
}

/// `$range(start, end, step)`: the end included, if it is hit; undefined without a step and when it
/// leads nowhere.
pub(super) fn range(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let mut ends = [0; 3];
    for (index, end) in ends.iter_mut().enumerate() {
        let Some(number) = evaluator.number(arguments.get(evaluator, index))? else {
            return Ok(Item::UNDEFINED);
        };
        *end = number.truncate();
    }
    let [start, end, step] = ends;
    if step == 0 || (end > start) != (step > 0) && end != start {
        return Ok(Item::UNDEFINED);
    }
    // One less than the elements, which 64 bits may not count.
    let steps = end.abs_diff(start) / step.unsigned_abs();
    if steps >= limits::RANGE_ELEMENTS_MAX as u64 {
        return Err(out_of_memory());
    }
    let base = evaluator.scratch.stack.len();
    // The elements lie within the bounds; only a step beyond the last one may overflow.
    let numbers = iter::successors(Some(start), |number| number.checked_add(step));
    evaluator.scratch.stack.extend(numbers.take(steps as usize + 1).map(Item::int));
    evaluator.finish_array(base, Flags::SEQUENCE)
}

/// `$hash(text, algorithm)`
pub(super) fn hash(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let Some(data) = evaluator.text(arguments.get(evaluator, 0)) else {
        return Ok(Item::UNDEFINED);
    };
    let Some(algorithm) = evaluator.text(arguments.get(evaluator, 1)) else {
        return Ok(Item::UNDEFINED);
    };
    match digest(data.as_bytes(), algorithm) {
        Some(hex) => evaluator.make_text(&hex),
        None => Err(Thrown::new(Code::D3137).with(
            "message",
            format!(
                "Hash algorithm '{algorithm}' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5"
            ),
        )),
    }
}

/// `$random(seed)`: with a seed, what `java.util.Random` gives.
pub(super) fn random(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let seed = evaluator.number(arguments.get(evaluator, 0))?;
    if seed.is_some() && evaluator.dialect == Dialect::Full {
        return Err(Thrown::new(Code::T0410).with("index", "1"));
    }
    Ok(Item::float(match seed {
        Some(seed) => Random::new(seed.truncate()).unit(),
        None => evaluator.entropy.unit(),
    }))
}

/// `$uuid()`: version 4
pub(super) fn uuid(evaluator: &mut Evaluator<'_>, _: Arguments) -> Outcome {
    let text = uuid_text(evaluator.entropy);
    evaluator.make_text(&text)
}

/// `$parse(text)`: the value that JSON text stands for; text that repeats a key is none.
pub(super) fn parse(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let item = arguments.get(evaluator, 0);
    let Some(text) = evaluator.text(item) else { return Ok(Item::UNDEFINED) };
    let text = text.to_owned();
    evaluator.check_room(text.len())?;
    evaluator.heap_bytes += text.len();
    match evaluator.heap.parse(evaluator.arena, text.as_bytes(), evaluator.parser) {
        Ok(value) if !evaluator.parser.found_repeated_key() => Ok(value.into()),
        Err(crate::value::ParseError::TooLarge) => Err(out_of_memory()),
        _ => Err(Thrown::new(Code::D3137).with("message", "Invalid JSON")),
    }
}
