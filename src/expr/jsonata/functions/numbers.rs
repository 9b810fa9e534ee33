//! Functions of numbers.

use super::super::aggregate::Aggregate;
use super::super::eval::{Arguments, Evaluator, View};
use super::super::item::{Item, Kind};
use super::super::number::Number;
use super::super::picture::{base, integer, number as number_picture};
use super::super::{Code, Dialect, Thrown, cast};
use super::Outcome;

/// `$sum(array)`
pub(super) fn sum(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let array = arguments.get(evaluator, 0);
    if let Kind::Range { first, len } = array.kind() {
        // n(first + last) / 2, exact in 128 bits.
        let (first, len) = (i128::from(first), i128::from(len));
        let total = len * (2 * first + len - 1) / 2;
        let exact = i64::try_from(total).ok().filter(|_| evaluator.dialect == Dialect::Aws);
        return Ok(exact.map_or_else(|| whole(total as f64).item(), Item::int));
    }
    fold(evaluator, array, Aggregate::Sum)
}

/// `$average(array)`
pub(super) fn average(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let array = arguments.get(evaluator, 0);
    let len = evaluator.len(array);
    if array.is_undefined() || len == 0 {
        return Ok(Item::UNDEFINED);
    }
    let total = sum(evaluator, arguments)?;
    let dialect = evaluator.dialect;
    let total = evaluator.number(total)?;
    Ok(total.map_or(Item::UNDEFINED, |total| Aggregate::Average.finish(total, len, dialect).item()))
}

/// `$max(array)`
pub(super) fn max(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let array = arguments.get(evaluator, 0);
    fold(evaluator, array, Aggregate::Max)
}

/// `$min(array)`
pub(super) fn min(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let array = arguments.get(evaluator, 0);
    fold(evaluator, array, Aggregate::Min)
}

/// Folds the numbers of an array.
fn fold(evaluator: &mut Evaluator<'_>, array: Item, aggregate: Aggregate) -> Outcome {
    if array.is_undefined() {
        return Ok(array);
    }
    let dialect = evaluator.dialect;
    let base = evaluator.scratch.stack.len();
    evaluator.spread(array)?;
    evaluator.step_fuel((evaluator.scratch.stack.len() - base) / 4)?;
    let mut total = aggregate.start();
    for index in base..evaluator.scratch.stack.len() {
        if let Some(number) = evaluator.number(evaluator.scratch.stack[index])? {
            total = Some(aggregate.next(total, number, dialect));
        }
    }
    evaluator.scratch.stack.truncate(base);
    Ok(total.map_or(Item::UNDEFINED, Number::item))
}

/// The number that the first argument is.
fn first(evaluator: &Evaluator<'_>, arguments: Arguments) -> Result<Option<Number>, Thrown> {
    let number = evaluator.number(arguments.get(evaluator, 0))?;
    // Integers that no double holds are rounded where there are only doubles.
    Ok(if evaluator.dialect == Dialect::Aws { number } else { number.map(Number::whole) })
}

fn map_first(
    evaluator: &Evaluator<'_>,
    arguments: Arguments,
    map: impl FnOnce(Number) -> Number,
) -> Outcome {
    Ok(first(evaluator, arguments)?.map_or(Item::UNDEFINED, |number| map(number).item()))
}

/// `$abs(number)`
pub(super) fn abs(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    map_first(evaluator, arguments, |number| match number {
        Number::Int(int) => {
            int.checked_abs().map_or(Number::Float((int as f64).abs()), Number::Int)
        }
        Number::Float(float) => Number::Float(float.abs()),
    })
}

/// `$floor(number)`
pub(super) fn floor(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    map_first(evaluator, arguments, |number| match number {
        Number::Int(_) => number,
        Number::Float(float) => whole(float.floor()),
    })
}

/// `$ceil(number)`
pub(super) fn ceil(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    map_first(evaluator, arguments, |number| match number {
        Number::Int(_) => number,
        Number::Float(float) => whole(float.ceil()),
    })
}

fn whole(float: f64) -> Number {
    Number::Float(float).whole()
}

/// `$round(number, precision)`, half to even
pub(super) fn round(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let precision = evaluator.number(arguments.get(evaluator, 1))?;
    let precision = precision.map_or(0, |precision| {
        precision.truncate().clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
    });
    map_first(evaluator, arguments, |number| match number {
        Number::Int(int) => match cast::round_integer(int, precision) {
            Some(rounded) => Number::Int(rounded),
            None => whole(cast::round(int as f64, precision)),
        },
        Number::Float(float) => whole(cast::round(float, precision)),
    })
}

/// `$sqrt(number)`
pub(super) fn sqrt(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let Some(number) = first(evaluator, arguments)? else { return Ok(Item::UNDEFINED) };
    let float = number.as_f64();
    if float < 0.0 {
        let text = number.text();
        return Err(Thrown::new(Code::D3060).with("value", text));
    }
    Ok(whole(float.sqrt()).item())
}

/// `$power(base, exponent)`
pub(super) fn power(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let Some(base) = first(evaluator, arguments)? else { return Ok(Item::UNDEFINED) };
    let exponent = evaluator.number(arguments.get(evaluator, 1))?;
    let Some(exponent) = exponent else {
        let error = Thrown::new(Code::D3061).with("value", base.text());
        return Err(error.with("exp", "undefined"));
    };
    cast::power(base.as_f64(), exponent.as_f64()).map(|power| whole(power).item())
}

/// `$number(value)`
pub(super) fn number(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let item = arguments.get(evaluator, 0);
    match evaluator.view(item) {
        View::Number(_) => Ok(item),
        View::Bool(bool) => Ok(Item::int(i64::from(bool))),
        View::Text(text) => {
            if evaluator.dialect == Dialect::Aws
                && let Some(int) = exact_integer(text)
            {
                return Ok(Item::int(int));
            }
            cast::number(text).map(|float| whole(float).item())
        }
        _ => Ok(Item::UNDEFINED),
    }
}

/// A decimal integer that is held exactly, where a double would round it.
fn exact_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // `-0` is a double.
    if is_decimal { text.parse().ok().filter(|int| *int != 0) } else { None }
}

/// `$formatBase(number, radix)`
pub(super) fn format_base(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let Some(value) = first(evaluator, arguments)? else { return Ok(Item::UNDEFINED) };
    let radix = evaluator.number(arguments.get(evaluator, 1))?.map_or(10.0, Number::as_f64);
    let text = match value {
        Number::Int(int) => base::format_base_integer(int, radix)?,
        Number::Float(float) => base::format_base(float, radix)?,
    };
    evaluator.make_text(&text)
}

/// `$formatInteger(number, picture)`
pub(super) fn format_integer(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let Some(value) = first(evaluator, arguments)? else { return Ok(Item::UNDEFINED) };
    let picture = evaluator.text(arguments.get(evaluator, 1)).unwrap_or_default();
    let text = match value {
        Number::Int(int) => integer::format_integer_exact(int, picture)?,
        Number::Float(float) => integer::format_integer(float, picture)?,
    };
    evaluator.make_text(&text)
}

/// `$parseInteger(text, picture)`
pub(super) fn parse_integer(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let Some(text) = evaluator.text(arguments.get(evaluator, 0)) else {
        return Ok(Item::UNDEFINED);
    };
    let picture = evaluator.text(arguments.get(evaluator, 1)).unwrap_or_default();
    Ok(match integer::parse_integer(text, picture)? {
        Some(float) => whole(float).item(),
        None => Item::float(f64::NAN),
    })
}

/// `$formatNumber(number, picture, options)`
pub(super) fn format_number(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let Some(value) = first(evaluator, arguments)? else { return Ok(Item::UNDEFINED) };
    let options = arguments.get(evaluator, 2);
    let base = evaluator.scratch.stack.len();
    evaluator.spread_entries(options)?;
    let mut symbols = number_picture::Symbols::default();
    for entry in evaluator.scratch.stack[base..].as_chunks::<2>().0 {
        if let (Some(name), Some(symbol)) = (evaluator.text(entry[0]), evaluator.text(entry[1])) {
            symbols.set(name, symbol);
        }
    }
    evaluator.scratch.stack.truncate(base);
    let picture = evaluator.text(arguments.get(evaluator, 1)).unwrap_or_default();
    let text = number_picture::format_number(value.as_f64(), picture, &symbols)?;
    evaluator.make_text(&text)
}
