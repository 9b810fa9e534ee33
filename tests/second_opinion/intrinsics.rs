//! The eighteen intrinsic functions.

use base64_lenient::{decode, encode};
use serde_json::{Map, Value};

use crate::calls::{Argument, Call, unescaped};
use crate::java;
use crate::{base64_lenient, digests, unsure};

/// Why a call has no value.
#[derive(Debug, PartialEq)]
pub(crate) enum Fault {
    /// A path argument found nothing: its text.
    NotFound(String),
    /// What follows the text of the call in the cause.
    Reason(String),
}

/// How paths in arguments are looked up.
pub(crate) type Lookup<'a> = &'a dyn Fn(&Argument) -> Option<Value>;

/// The value of a call.
pub(crate) fn evaluate(call: &Call, lookup: Lookup<'_>) -> Result<Value, Fault> {
    let mut values = Vec::new();
    for argument in &call.arguments {
        values.push(match argument {
            Argument::Text(text) => Value::from(unescaped(text)),
            Argument::Literal(value) => value.clone(),
            Argument::Call(inner) => evaluate(inner, lookup)?,
            Argument::Path(_, text) => lookup(argument).ok_or(Fault::NotFound(text.clone()))?,
        });
    }
    let name = call.function.as_str();
    if name == "Format" {
        let template = match call.arguments.first() {
            Some(Argument::Text(text)) => Some(text.as_str()),
            _ => values.first().and_then(Value::as_str),
        };
        return format(template, values.get(1..).unwrap_or_default());
    }
    if name == "JsonToString" && values.len() > 1 {
        let reason = "Invalid arguments in States.JsonToString: only a single argument is allowed.";
        return Err(Fault::Reason(reason.to_owned()));
    }
    if let ("StringToJson", [Value::String(text)]) = (name, values.as_slice()) {
        return string_to_json(text);
    }
    apply(name, &values).ok_or_else(|| Fault::Reason(format!("Invalid arguments in States.{name}")))
}

fn apply(name: &str, values: &[Value]) -> Option<Value> {
    Some(match (name, values) {
        ("Array", _) => Value::from(values.to_vec()),
        ("ArrayPartition", [Value::Array(items), size]) => {
            let size = usize::try_from(truncated(size)?).ok().filter(|size| *size > 0)?;
            items.chunks(size).map(<[Value]>::to_vec).collect()
        }
        ("ArrayContains", [Value::Array(items), wanted]) => {
            let equal = items.iter().any(|item| same(item, wanted));
            let alike = items.iter().any(|item| java::to_string(item) == java::to_string(wanted));
            if equal != alike {
                unsure::guess("whether ArrayContains compares values or texts");
            }
            equal.into()
        }
        ("ArrayRange", [from, to, step]) => {
            range(truncated(from)?, truncated(to)?, truncated(step)?)?
        }
        ("ArrayGetItem", [Value::Array(items), index]) => {
            let index = truncated(index)?;
            if items.is_empty() {
                return Some(Value::Null);
            }
            items.get(usize::try_from(index).ok()?)?.clone()
        }
        ("ArrayLength", [Value::Array(items)]) => items.len().into(),
        ("ArrayUnique", [Value::Array(items)]) => Value::from(java::hash_set(items)),
        ("Base64Encode", [Value::String(text)]) if short(text) => encode(text.as_bytes()).into(),
        ("Base64Decode", [Value::String(text)]) if short(text) => {
            String::from_utf8_lossy(&decode(text)).into_owned().into()
        }
        ("Hash", [data, Value::String(algorithm)]) => {
            if !data.is_string() {
                unsure::guess("the text of what is hashed and is no string");
            }
            let text = java::to_string(data);
            digests::hex(short(&text).then_some(text.as_bytes())?, algorithm)?.into()
        }
        ("JsonMerge", [Value::Object(first), Value::Object(second), deep]) => {
            if deep != &Value::Bool(false) && deep != "false" {
                return None;
            }
            let mut merged: Map<_, _> = first.clone();
            merged.extend(second.clone());
            merged.into()
        }
        ("JsonToString", [value]) => {
            // For what it says about numbers.
            java::to_string(value);
            value.to_string().into()
        }
        ("MathAdd", [a, b]) => {
            let sum = i64::from(rounded(a)?) + i64::from(rounded(b)?);
            i32::try_from(sum).ok()?.into()
        }
        ("MathRandom", [from, to, rest @ ..]) if rest.len() <= 1 => {
            let from = i32::try_from(truncated(from)?).ok()?;
            let to = i32::try_from(truncated(to)?).ok()?;
            let bound = to.checked_sub(from).filter(|bound| *bound > 0)?;
            let seed = rest.first().map_or(Some(0), truncated)?;
            (from + java::Random::new(seed).next_int(bound)).into()
        }
        ("StringSplit", [Value::String(text), Value::String(delimiters)]) => text
            .split(|c| delimiters.contains(c))
            .filter(|piece| !piece.is_empty())
            .map(Value::from)
            .collect(),
        ("UUID", []) => "00000000-0000-4000-8000-000000000000".into(),
        _ => return None,
    })
}

fn short(text: &str) -> bool {
    text.encode_utf16().count() <= 10_000
}

/// A number without its fraction; only numbers are numbers.
fn truncated(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().map(|number| number.trunc() as i64))
}

/// The nearest integer, halves up.
fn rounded(value: &Value) -> Option<i32> {
    let nearest = (value.as_f64()? + 0.5).floor();
    (nearest >= f64::from(i32::MIN) && nearest <= f64::from(i32::MAX)).then_some(nearest as i32)
}

fn range(from: i64, to: i64, step: i64) -> Option<Value> {
    if step == 0 {
        return None;
    }
    let mut items = Vec::new();
    let mut next = from;
    while if step > 0 { next <= to } else { next >= to } {
        items.push(Value::from(next));
        if items.len() > 1000 {
            return None;
        }
        next += step;
    }
    Some(items.into())
}

/// Deep equality in which `1` is `1.0`.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

fn format(template: Option<&str>, values: &[Value]) -> Result<Value, Fault> {
    let wrong = |reason: &str| Err(Fault::Reason(reason.to_owned()));
    let Some(template) = template else {
        return wrong("Invalid arguments in States.Format");
    };
    let mut text = String::new();
    let mut values = values.iter();
    let mut characters = template.chars();
    let mismatch = "Invalid arguments in States.Format: number of arguments do not match the \
                    occurrences of {}.";
    while let Some(c) = characters.next() {
        match c {
            '\\' => text.extend(characters.next()),
            '{' => {
                if characters.next() != Some('}') {
                    return wrong(
                        "Invalid template in States.Format: matching '}' not found for '{'.",
                    );
                }
                match values.next() {
                    Some(value) => text.push_str(&java::to_string(value)),
                    None => return wrong(mismatch),
                }
            }
            c => text.push(c),
        }
    }
    if values.next().is_some() { wrong(mismatch) } else { Ok(text.into()) }
}

fn string_to_json(text: &str) -> Result<Value, Fault> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    if text.trim() == "-0" {
        return Ok(0.into());
    }
    serde_json::from_str(text).map_err(|_| {
        // What follows is the words of AWS's own parser.
        Fault::Reason("Cannot convert String to Json in States.StringToJson, caused by: ".into())
    })
}
