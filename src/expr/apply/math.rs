//! The functions over numbers.

use super::{Failure, Outcome, exactly, truncated};
use crate::expr::Evaluation;
use crate::expr::intrinsic::Function;
use crate::expr::java::Random;
use crate::value::{Value, View};

/// `States.MathAdd(a, b)`: operands rounded half up, both and the sum within 32 bits.
pub(super) fn add(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::MathAdd;
    let invalid = || Failure::Arguments(function, "");
    let [a, b] = exactly(function, arguments)?;
    let rounded = |value| rounded(evaluation.heap.view(value)).ok_or_else(invalid);
    let sum = rounded(a)?.checked_add(rounded(b)?).ok_or_else(invalid)?;
    Ok(Value::int(i64::from(sum)))
}

/// A number rounded half up (towards positive infinity), as Java's `Math.round` does.
fn rounded(view: View<'_>) -> Option<i32> {
    match view {
        View::Int(int) => i32::try_from(int).ok(),
        // A literal beyond binary64, which AWS takes (recorded) and Java rounds to the bound.
        View::Float(f64::MAX) => Some(i32::MAX),
        View::Float(f64::MIN) => Some(i32::MIN),
        View::Float(float) => {
            // Not floor(float + 0.5): the sum itself would be rounded (0.49999999999999994).
            let floor = float.floor();
            let rounded = if float - floor >= 0.5 { floor + 1.0 } else { floor };
            // Exact: both bounds are doubles.
            (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&rounded).then_some(rounded as i32)
        }
        _ => None,
    }
}

/// `States.MathRandom(start, end[, seed])`: from `start` up to and without `end`.
pub(super) fn random(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::MathRandom;
    let invalid = || Failure::Arguments(function, "");
    let (start, end, seed) = match *arguments {
        [start, end] => (start, end, None),
        [start, end, seed] => (start, end, Some(seed)),
        _ => return Err(invalid()),
    };
    let bound = |value| {
        let whole = truncated(function, evaluation.heap, value)?;
        i32::try_from(whole).map_err(|_| invalid())
    };
    let (start, end) = (bound(start)?, bound(end)?);
    if start >= end {
        return Err(invalid());
    }
    let number = if let Some(seed) = seed {
        Random::new(truncated(function, evaluation.heap, seed)?).within(start, end).into()
    } else {
        let width = i64::from(end) - i64::from(start);
        i64::from(start) + evaluation.entropy.below(width.unsigned_abs()).cast_signed()
    };
    Ok(Value::int(number))
}
