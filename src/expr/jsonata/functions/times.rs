//! Functions of times. The time of an evaluation is one moment, given from outside.

use super::super::eval::{Arguments, Evaluator};
use super::super::item::Item;
use super::super::picture::datetime;
use super::Outcome;

/// `$now(picture, timezone)`
pub(super) fn now(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (picture, zone) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    format(evaluator, evaluator.wall_ms as f64, picture, zone)
}

/// `$millis()`
#[expect(clippy::unnecessary_wraps, reason = "the functions of the table have one signature")]
pub(super) fn millis(evaluator: &mut Evaluator<'_>, _: Arguments) -> Outcome {
    Ok(Item::int(evaluator.wall_ms))
}

/// `$fromMillis(number, picture, timezone)`
pub(super) fn from_millis(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let Some(millis) = evaluator.number(arguments.get(evaluator, 0))? else {
        return Ok(Item::UNDEFINED);
    };
    let (picture, zone) = (arguments.get(evaluator, 1), arguments.get(evaluator, 2));
    format(evaluator, millis.as_f64(), picture, zone)
}

fn format(evaluator: &mut Evaluator<'_>, millis: f64, picture: Item, zone: Item) -> Outcome {
    let text = datetime::from_millis(millis, evaluator.text(picture), evaluator.text(zone))?;
    evaluator.make_text(&text)
}

/// `$toMillis(text, picture)`
pub(super) fn to_millis(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let Some(text) = evaluator.text(arguments.get(evaluator, 0)) else {
        return Ok(Item::UNDEFINED);
    };
    let picture = evaluator.text(arguments.get(evaluator, 1));
    let millis = datetime::to_millis(text, picture, evaluator.wall_ms)?;
    Ok(millis.map_or(Item::UNDEFINED, Item::int))
}
