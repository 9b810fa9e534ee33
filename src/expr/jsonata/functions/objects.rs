//! Functions of objects, and of any value.

use super::super::eval::{Arguments, Evaluator, View};
use super::super::item::{Flags, Item};
use super::super::{Code, Thrown};
use super::Outcome;

/// `$boolean(value)`
pub(super) fn boolean(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let item = arguments.get(evaluator, 0);
    if item.is_undefined() {
        return Ok(item);
    }
    evaluator.is_true(item).map(Item::bool)
}

/// `$not(value)`
pub(super) fn not(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let item = arguments.get(evaluator, 0);
    if item.is_undefined() {
        return Ok(item);
    }
    evaluator.is_true(item).map(|truth| Item::bool(!truth))
}

/// `$exists(value)`
#[expect(clippy::unnecessary_wraps, reason = "the functions of the table have one signature")]
pub(super) fn exists(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    Ok(Item::bool(!arguments.get(evaluator, 0).is_undefined()))
}

/// `$type(value)`
pub(super) fn type_name(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let name = match evaluator.view(arguments.get(evaluator, 0)) {
        View::Undefined => return Ok(Item::UNDEFINED),
        View::Null => "null",
        View::Bool(_) => "boolean",
        View::Number(_) => "number",
        View::Text(_) => "string",
        View::Array => "array",
        View::Object => "object",
        View::Function => "function",
    };
    evaluator.make_text(name)
}

/// `$error(message)`
pub(super) fn error(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let message = evaluator.text(arguments.get(evaluator, 0)).filter(|text| !text.is_empty());
    let message = message.unwrap_or("$error() function evaluated");
    Err(Thrown::new(Code::D3137).with("message", message))
}

/// `$assert(condition, message)`
pub(super) fn assert(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    if evaluator.is_true(arguments.get(evaluator, 0))? {
        return Ok(Item::UNDEFINED);
    }
    let message = evaluator.text(arguments.get(evaluator, 1)).filter(|text| !text.is_empty());
    let message = message.unwrap_or("$assert() statement failed");
    Err(Thrown::new(Code::D3141).with("message", message))
}

/// `$keys(value)`: of an array, those of all its objects
pub(super) fn keys(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let item = arguments.get(evaluator, 0);
    let base = evaluator.scratch.stack.len();
    collect_keys(evaluator, item)?;
    if evaluator.is_array(item) {
        keep_first(evaluator, base);
    }
    evaluator.finish_array(base, Flags::SEQUENCE)
}

fn collect_keys(evaluator: &mut Evaluator<'_>, item: Item) -> Result<(), Thrown> {
    evaluator.step_fuel(1)?;
    let base = evaluator.scratch.stack.len();
    if evaluator.is_array(item) {
        evaluator.spread(item)?;
        let items = evaluator.scratch.settle(base);
        return evaluator.descend(|evaluator| {
            for index in items.range() {
                collect_keys(evaluator, evaluator.scratch.slots[index])?;
            }
            Ok(())
        });
    }
    evaluator.spread_entries(item)?;
    let stack = &mut evaluator.scratch.stack;
    let count = (stack.len() - base) / 2;
    for entry in 0..count {
        stack[base + entry] = stack[base + 2 * entry];
    }
    stack.truncate(base + count);
    Ok(())
}

/// Keeps each text on the stack from `base` on once.
fn keep_first(evaluator: &mut Evaluator<'_>, base: usize) {
    let items = evaluator.scratch.settle(base);
    let mut seen = std::collections::HashSet::new();
    let mut kept = Vec::new();
    for index in items.range() {
        let item = evaluator.scratch.slots[index];
        if seen.insert(evaluator.text(item).unwrap_or_default()) {
            kept.push(item);
        }
    }
    drop(seen);
    evaluator.scratch.stack.append(&mut kept);
}

/// `$lookup(value, key)`
pub(super) fn lookup(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (item, key) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    evaluator.lookup(item, key)
}

/// `$spread(value)`: an object as a sequence of objects of one entry
pub(super) fn spread(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let item = arguments.get(evaluator, 0);
    if !matches!(evaluator.view(item), View::Array | View::Object) {
        return Ok(item);
    }
    let base = evaluator.scratch.stack.len();
    spread_into(evaluator, item)?;
    // Of an array that is not empty, it is an array like any other.
    let is_sequence = !evaluator.is_array(item) || evaluator.len(item) == 0;
    evaluator.finish_array(base, if is_sequence { Flags::SEQUENCE } else { Flags::NONE })
}

fn spread_into(evaluator: &mut Evaluator<'_>, item: Item) -> Result<(), Thrown> {
    evaluator.step_fuel(1)?;
    let base = evaluator.scratch.stack.len();
    if evaluator.is_array(item) {
        evaluator.spread(item)?;
        let items = evaluator.scratch.settle(base);
        return evaluator.descend(|evaluator| {
            for index in items.range() {
                spread_into(evaluator, evaluator.scratch.slots[index])?;
            }
            Ok(())
        });
    }
    if !matches!(evaluator.view(item), View::Object) {
        evaluator.scratch.stack.push(item);
        return Ok(());
    }
    evaluator.spread_entries(item)?;
    let entries = evaluator.scratch.settle(base);
    for entry in entries.range().step_by(2) {
        let begin = evaluator.scratch.stack.len();
        let pair = [evaluator.scratch.slots[entry], evaluator.scratch.slots[entry + 1]];
        evaluator.scratch.stack.extend(pair);
        let object = evaluator.finish_object(begin)?;
        evaluator.scratch.stack.push(object);
    }
    Ok(())
}

/// `$merge(objects)`: the last one's members win, in the first one's places
pub(super) fn merge(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let objects = arguments.get(evaluator, 0);
    if objects.is_undefined() {
        return Ok(objects);
    }
    let base = evaluator.scratch.stack.len();
    evaluator.spread(objects)?;
    let objects = evaluator.scratch.settle(base);
    let mut distinct = base;
    for index in objects.range() {
        evaluator.spread_entries(evaluator.scratch.slots[index])?;
        if distinct == base {
            distinct = evaluator.scratch.stack.len();
        }
    }
    evaluator.step_fuel((evaluator.scratch.stack.len() - base) / 2)?;
    if distinct < evaluator.scratch.stack.len() {
        merge_entries(evaluator, base, distinct);
    }
    if arguments.is_result() {
        return evaluator.finish_result(base);
    }
    evaluator.finish_object(base)
}

/// Makes the keys of the entries on the stack from `base` on distinct; those before `distinct` are.
fn merge_entries(evaluator: &mut Evaluator<'_>, base: usize, distinct: usize) {
    if evaluator.scratch.stack.len() - base > LINEAR_SLOTS_MAX {
        return merge_many_entries(evaluator, base);
    }
    let mut end = distinct;
    for at in (distinct..evaluator.scratch.stack.len()).step_by(2) {
        let (key, member) = (evaluator.scratch.stack[at], evaluator.scratch.stack[at + 1]);
        if let Some(known) = evaluator.position_of(base..end, key) {
            evaluator.scratch.stack[known + 1] = member;
        } else {
            evaluator.scratch.stack[end] = key;
            evaluator.scratch.stack[end + 1] = member;
            end += 2;
        }
    }
    evaluator.scratch.stack.truncate(end);
}

fn merge_many_entries(evaluator: &mut Evaluator<'_>, base: usize) {
    let entries = evaluator.scratch.stack.split_off(base);
    let mut places = std::collections::HashMap::with_capacity(entries.len() / 2);
    let mut merged: Vec<Item> = Vec::with_capacity(entries.len());
    for [key, member] in entries.as_chunks::<2>().0 {
        let text = evaluator.text(*key).unwrap_or_default();
        let place = *places.entry(text).or_insert(merged.len());
        match merged.get_mut(place + 1) {
            Some(known) => *known = *member,
            None => merged.extend([*key, *member]),
        }
    }
    drop(places);
    evaluator.scratch.stack.append(&mut merged);
}

/// `$clone(value)`: nothing is changed in place, so a value is its own copy
#[expect(clippy::unnecessary_wraps, reason = "the functions of the table have one signature")]
pub(super) fn clone(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let item = arguments.get(evaluator, 0);
    Ok(item.with_flags(Flags::NONE))
}

/// Slots of entries up to which keys are looked for one by one.
const LINEAR_SLOTS_MAX: usize = 64;
