//! The functions over arrays.
//!
//! Numbers are cut off at the point, contrary to the developer guide's "rounds" (recorded).

use super::{Failure, Outcome, bounded, exactly, printed, truncated};
use crate::expr::intrinsic::Function;
use crate::expr::{Evaluation, java};
use crate::value::{Heap, TooLarge, Value, View};

/// AWS: developer guide, "States.ArrayRange": at most 1,000 elements.
const RANGE_MAX: i128 = 1_000;

/// `States.Array(value…)`
pub(super) fn of(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    Ok(build(arguments, evaluation)?)
}

/// `States.ArrayContains(array, value)`: compares what the two print as, not the values.
pub(super) fn contains(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::ArrayContains;
    let [array, wanted] = exactly(function, arguments)?;
    let heap = &*evaluation.heap;
    is_array(function, heap, array)?;
    bounded(array)?;
    let wanted = printed(heap, wanted)?;
    for element in heap.elements(array) {
        if printed(heap, element)? == wanted {
            return Ok(Value::bool(true));
        }
    }
    Ok(Value::bool(false))
}

/// `States.ArrayGetItem(array, index)`; an empty array has null at any index (recorded).
pub(super) fn get_item(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::ArrayGetItem;
    let [array, index] = exactly(function, arguments)?;
    let heap = &*evaluation.heap;
    is_array(function, heap, array)?;
    let index = truncated(function, heap, index)?;
    if heap.len(array) == 0 {
        return Ok(Value::NULL);
    }
    let element = usize::try_from(index).ok().and_then(|index| heap.element(array, index));
    element.ok_or(Failure::Arguments(function, ""))
}

/// `States.ArrayLength(array)`
pub(super) fn length(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::ArrayLength;
    let [array] = exactly(function, arguments)?;
    is_array(function, evaluation.heap, array)?;
    Ok(Value::int(evaluation.heap.len(array) as i64))
}

/// `States.ArrayPartition(array, size)`
pub(super) fn partition(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::ArrayPartition;
    let [array, size] = exactly(function, arguments)?;
    is_array(function, evaluation.heap, array)?;
    let size = truncated(function, evaluation.heap, size)?;
    let Some(size) = usize::try_from(size).ok().filter(|size| *size > 0) else {
        return Err(Failure::Arguments(function, ""));
    };
    let elements: Vec<Value> = evaluation.heap.elements(array).collect();
    let mut chunks = Vec::with_capacity(elements.len().div_ceil(size));
    for chunk in elements.chunks(size) {
        chunks.push(build(chunk, evaluation)?);
    }
    Ok(build(&chunks, evaluation)?)
}

/// `States.ArrayRange(start, end, step)`: the end belongs to it when a step meets it.
pub(super) fn range(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::ArrayRange;
    let [start, end, step] = exactly::<3>(function, arguments)?;
    let whole = |value| truncated(function, evaluation.heap, value).map(i128::from);
    let (start, end, step) = (whole(start)?, whole(end)?, whole(step)?);
    if step == 0 {
        return Err(Failure::Arguments(function, ""));
    }
    // Exact in 128 bits; a range against its step is empty.
    let count = ((end - start) / step + 1).max(0);
    let count = if (end - start).signum() * step.signum() < 0 { 0 } else { count };
    if count > RANGE_MAX {
        return Err(Failure::Arguments(function, ""));
    }
    // Between two numbers of 64 bits, so each is one.
    let numbers: Vec<Value> =
        (0..count).map(|index| Value::int((start + index * step) as i64)).collect();
    Ok(build(&numbers, evaluation)?)
}

/// `States.ArrayUnique(array)`: in the order of a Java hash set (recorded).
pub(super) fn unique(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::ArrayUnique;
    let [array] = exactly(function, arguments)?;
    is_array(function, evaluation.heap, array)?;
    bounded(array)?;
    let elements = java::set_order(evaluation.heap, array);
    Ok(build(&elements, evaluation)?)
}

pub(super) fn build(
    elements: &[Value],
    evaluation: &mut Evaluation<'_>,
) -> Result<Value, TooLarge> {
    evaluation.heap.array(evaluation.arena, elements)
}

fn is_array(function: Function, heap: &Heap, value: Value) -> Result<(), Failure> {
    match heap.view(value) {
        View::Array => Ok(()),
        _ => Err(Failure::Arguments(function, "")),
    }
}
