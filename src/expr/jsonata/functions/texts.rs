//! Functions of texts. Positions count Unicode characters, as in the reference implementation.

use super::super::eval::{Arguments, Evaluator};
use super::super::item::Item;
use super::super::number::Number;
use super::super::{Thrown, url};
use super::Outcome;

/// `$string(value, prettify)`
pub(super) fn string(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let item = arguments.get(evaluator, 0);
    let pretty = evaluator.is_true(arguments.get(evaluator, 1))?;
    evaluator.stringified(item, pretty)
}

/// The text that the first argument is, made into another one.
fn map_first(
    evaluator: &mut Evaluator<'_>,
    arguments: Arguments,
    map: impl FnOnce(&str, &mut String) -> Result<(), Thrown>,
) -> Outcome {
    let item = arguments.get(evaluator, 0);
    if item.is_undefined() {
        return Ok(item);
    }
    evaluator.write_text(|evaluator, out| map(evaluator.text(item).unwrap_or_default(), out))
}

/// `$lowercase(text)`
pub(super) fn lowercase(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    map_first(evaluator, arguments, |text, out| {
        out.push_str(&text.to_lowercase());
        Ok(())
    })
}

/// `$uppercase(text)`
pub(super) fn uppercase(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    map_first(evaluator, arguments, |text, out| {
        out.push_str(&text.to_uppercase());
        Ok(())
    })
}

/// `$trim(text)`: blanks become single spaces, none at the ends
pub(super) fn trim(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    map_first(evaluator, arguments, |text, out| {
        for word in text.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty()) {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(word);
        }
        Ok(())
    })
}

/// `$length(text)`
#[expect(clippy::unnecessary_wraps, reason = "the functions of the table have one signature")]
pub(super) fn length(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let text = evaluator.text(arguments.get(evaluator, 0));
    Ok(text.map_or(Item::UNDEFINED, |text| Item::int(text.chars().count() as i64)))
}

/// `$substring(text, start, length)`
pub(super) fn substring(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let item = arguments.get(evaluator, 0);
    let start = evaluator.number(arguments.get(evaluator, 1))?.map(Number::as_f64);
    let length = evaluator.number(arguments.get(evaluator, 2))?.map(Number::as_f64);
    let Some(text) = evaluator.text(item) else { return Ok(Item::UNDEFINED) };
    let range = match (start, length) {
        // Nothing plus a length is no number.
        (None, Some(_)) => 0..0,
        (start, length) => substring_range(text, start.unwrap_or(0.0), length),
    };
    evaluator.slice_text(item, range)
}

/// The bytes of `length` characters from `start` on, which counts from the end when negative; as
/// JavaScript's `slice` has it, with numbers truncated.
fn substring_range(text: &str, start: f64, length: Option<f64>) -> std::ops::Range<usize> {
    let count = text.chars().count();
    // So many characters are bytes.
    let ascii_len = if count == text.len() { count } else { 0 };
    let count = count as f64;
    let start = if count + start < 0.0 { 0.0 } else { start };
    let end = match length {
        Some(length) if length <= 0.0 => return 0..0,
        Some(length) if start >= 0.0 => start + length,
        Some(length) => count + start + length,
        None => count,
    };
    let position = |number: f64| {
        let whole = number.trunc();
        let from_start = if whole < 0.0 { (count + whole).max(0.0) } else { whole.min(count) };
        if from_start as usize <= ascii_len {
            return from_start as usize;
        }
        let mut places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        places.nth(from_start as usize).unwrap_or(text.len())
    };
    let (start, end) = (position(start), position(end));
    start..end.max(start)
}

/// `$substringBefore(text, chars)`
pub(super) fn substring_before(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    around(evaluator, arguments, |at, _| (0, at))
}

/// `$substringAfter(text, chars)`
pub(super) fn substring_after(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    around(evaluator, arguments, |at, chars| (at + chars, usize::MAX))
}

/// The part of a text that lies before or behind another; all of it when that is not there.
fn around(
    evaluator: &mut Evaluator<'_>,
    arguments: Arguments,
    part: impl FnOnce(usize, usize) -> (usize, usize),
) -> Outcome {
    let item = arguments.get(evaluator, 0);
    let Some(text) = evaluator.text(item) else { return Ok(Item::UNDEFINED) };
    // JavaScript looks for the text "undefined" then.
    let chars = evaluator.text(arguments.get(evaluator, 1)).unwrap_or("undefined");
    let Some(at) = text.find(chars) else { return Ok(item) };
    let (start, end) = part(at, chars.len());
    let end = end.min(text.len());
    evaluator.slice_text(item, start..end)
}

/// `$pad(text, width, char)`
pub(super) fn pad(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (item, fill) = (arguments.get(evaluator, 0), arguments.get(evaluator, 2));
    let width = evaluator.number(arguments.get(evaluator, 1))?.map_or(0, Number::truncate);
    let Some(text) = evaluator.text(item) else { return Ok(Item::UNDEFINED) };
    let missing = width.unsigned_abs().saturating_sub(text.chars().count() as u64);
    if missing == 0 {
        return Ok(item);
    }
    let missing = usize::try_from(missing).unwrap_or(usize::MAX);
    evaluator.check_value(missing)?;
    evaluator.check_room(missing)?;
    evaluator.write_text(|evaluator, out| {
        let text = evaluator.text(item).unwrap_or_default();
        let fill = evaluator.text(fill).filter(|fill| !fill.is_empty()).unwrap_or(" ");
        let padding = fill.chars().cycle().take(missing);
        if width > 0 {
            out.push_str(text);
            out.extend(padding);
        } else {
            out.extend(padding);
            out.push_str(text);
        }
        Ok(())
    })
}

/// `$join(texts, separator)`
pub(super) fn join(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (texts, separator) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    if texts.is_undefined() {
        return Ok(texts);
    }
    let base = evaluator.scratch.stack.len();
    evaluator.spread(texts)?;
    let joined = evaluator.write_text(|evaluator, out| {
        let separator = evaluator.text(separator).unwrap_or_default();
        for (index, text) in evaluator.scratch.stack[base..].iter().enumerate() {
            if index > 0 {
                out.push_str(separator);
            }
            out.push_str(evaluator.text(*text).unwrap_or_default());
            evaluator.check_room(out.len())?;
        }
        Ok(())
    });
    evaluator.scratch.stack.truncate(base);
    joined
}

/// `$base64encode(text)`
pub(super) fn base64_encode(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let dialect = evaluator.dialect;
    map_first(evaluator, arguments, |text, out| {
        out.push_str(&url::base64_encode(text, dialect));
        Ok(())
    })
}

/// `$base64decode(text)`
pub(super) fn base64_decode(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let dialect = evaluator.dialect;
    map_first(evaluator, arguments, |text, out| {
        out.push_str(&url::base64_decode(text, dialect)?);
        Ok(())
    })
}

/// `$encodeUrl(text)`
pub(super) fn encode_url(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    map_first(evaluator, arguments, |text, out| {
        out.push_str(&url::encode_url(text));
        Ok(())
    })
}

/// `$encodeUrlComponent(text)`
pub(super) fn encode_url_component(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    map_first(evaluator, arguments, |text, out| {
        out.push_str(&url::encode_url_component(text));
        Ok(())
    })
}

/// `$decodeUrl(text)`
pub(super) fn decode_url(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    map_first(evaluator, arguments, |text, out| {
        out.push_str(&url::decode_url(text)?);
        Ok(())
    })
}

/// `$decodeUrlComponent(text)`
pub(super) fn decode_url_component(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    map_first(evaluator, arguments, |text, out| {
        out.push_str(&url::decode_url_component(text)?);
        Ok(())
    })
}
