//! The functions over text.

use super::{Failure, Outcome, TEXT_BYTES_MAX, array, exactly, string, too_long};
use crate::base::entropy::Entropy;
use crate::expr::intrinsic::Function;
use crate::expr::{Evaluation, java};
use crate::value::{Value, View};

const COUNT: &str = ": number of arguments do not match the occurrences of {}.";

/// `States.Format` with a template that is no literal.
pub(super) fn format_by_value(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::Format;
    let Some((template, values)) = arguments.split_first() else {
        return Err(Failure::Arguments(function, ""));
    };
    let template = string(function, evaluation.heap, *template)?.to_owned();
    format(&template, values, evaluation)
}

/// `States.Format(template, value…)`: each `{}` of the template takes the next value.
pub(super) fn format(template: &str, values: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let mut text = evaluation.heap.take_scratch();
    let formatted = format_into(&mut text, template, values, evaluation);
    let formatted = formatted.and_then(|()| Ok(evaluation.heap.string(evaluation.arena, &text)?));
    evaluation.heap.return_scratch(text);
    formatted
}

fn format_into(
    text: &mut String,
    template: &str,
    values: &[Value],
    evaluation: &Evaluation<'_>,
) -> Result<(), Failure> {
    let invalid = |detail| Failure::Arguments(Function::Format, detail);
    let mut values = values.iter();
    let mut rest = template;
    while let Some(at) = rest.find(['\\', '{', '}']) {
        text.push_str(&rest[..at]);
        let mut after = rest[at..].chars();
        match (after.next(), after.next()) {
            (Some('\\'), Some(escaped @ ('\'' | '{' | '}' | '\\'))) => text.push(escaped),
            (Some('\\'), other) => {
                text.push('\\');
                text.extend(other);
            }
            (Some('{'), Some('}')) => {
                let value = *values.next().ok_or_else(|| invalid(COUNT))?;
                if text.len() + value.json_len() > TEXT_BYTES_MAX {
                    return Err(too_long());
                }
                match evaluation.heap.view(value) {
                    View::Str(argument) => text.push_str(argument),
                    View::Int(int) => text.push_str(itoa::Buffer::new().format(int)),
                    _ => java::print(evaluation.heap, value, java::Style::Plain, text),
                }
            }
            (Some('{'), _) => return Err(Failure::Template("matching '}' not found for '{'.")),
            _ => return Err(Failure::Template("matching '{' not found for '}'.")),
        }
        rest = after.as_str();
    }
    text.push_str(rest);
    if values.next().is_some() {
        return Err(invalid(COUNT));
    }
    Ok(())
}

/// `States.StringSplit(text, delimiters)`: every character of the second argument delimits, and
/// empty pieces are dropped (recorded).
pub(super) fn split(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::StringSplit;
    let [text, delimiters] = exactly(function, arguments)?;
    let text = string(function, evaluation.heap, text)?;
    let delimiters = string(function, evaluation.heap, delimiters)?;
    let delimiters: std::collections::HashSet<char> = delimiters.chars().collect();
    let pieces = text.split(|c| delimiters.contains(&c)).filter(|piece| !piece.is_empty());
    let pieces: Vec<String> = pieces.map(str::to_owned).collect();
    let mut values = Vec::with_capacity(pieces.len());
    for piece in pieces {
        values.push(evaluation.heap.string(evaluation.arena, &piece)?);
    }
    Ok(array::build(&values, evaluation)?)
}

/// `States.UUID()`: version 4.
pub(super) fn uuid(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let [] = exactly(Function::Uuid, arguments)?;
    let text = uuid_text(evaluation.entropy);
    Ok(evaluation.heap.string(evaluation.arena, &text)?)
}

/// A UUID of version 4.
pub(in crate::expr) fn uuid_text(entropy: &mut Entropy) -> String {
    let (high, low) = (entropy.u64(), entropy.u64());
    // RFC 9562: the version in four bits, the variant in two.
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
