//! Choice rules.

use serde_json::Value;

use crate::timestamps;

/// Finds the value of a path; `None` when there is none.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<Value>;

/// Whether a rule holds, or the text of the path that finds nothing.
pub(crate) fn holds(rule: &Value, lookup: Lookup<'_>) -> Result<bool, String> {
    if let Some(rules) = rule["And"].as_array() {
        for rule in rules {
            if !holds(rule, lookup)? {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    if let Some(rules) = rule["Or"].as_array() {
        for rule in rules {
            if holds(rule, lookup)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    if rule["Not"].is_object() {
        return holds(&rule["Not"], lookup).map(|held| !held);
    }
    data_test(rule, lookup)
}

fn data_test(rule: &Value, lookup: Lookup<'_>) -> Result<bool, String> {
    const BESIDE: [&str; 4] = ["Variable", "Next", "Comment", "Assign"];
    let mut members = rule.as_object().into_iter().flatten();
    let (operator, operand) =
        members.find(|(key, _)| !BESIDE.contains(&key.as_str())).expect("a rule has an operator");
    let variable = rule["Variable"].as_str().expect("a rule has a variable");
    let found = lookup(variable);
    if operator == "IsPresent" {
        return Ok(found.is_some() == (operand == true));
    }
    let left = found.ok_or_else(|| variable.to_owned())?;
    let is_type = match operator.as_str() {
        "IsNull" => Some(left.is_null()),
        "IsNumeric" => Some(left.is_number()),
        "IsString" => Some(left.is_string()),
        "IsBoolean" => Some(left.is_boolean()),
        "IsTimestamp" => Some(left.as_str().and_then(timestamps::parse).is_some()),
        _ => None,
    };
    if let Some(is_type) = is_type {
        return Ok(is_type == (operand == true));
    }
    let (name, right) = match operator.strip_suffix("Path") {
        Some(name) => {
            let path = operand.as_str().expect("a path is a string");
            (name, lookup(path).ok_or_else(|| path.to_owned())?)
        }
        None => (operator.as_str(), operand.clone()),
    };
    Ok(compare(name, &left, &right).unwrap_or(false))
}

/// `None` when the two sides are not of the operator's type.
fn compare(name: &str, left: &Value, right: &Value) -> Option<bool> {
    if name == "StringMatches" {
        let pattern: Vec<char> = right.as_str()?.chars().collect();
        let text: Vec<char> = left.as_str()?.chars().collect();
        return Some(matches(&pattern, &text));
    }
    if name == "BooleanEquals" {
        return Some(left.as_bool()? == right.as_bool()?);
    }
    let (order, test) = if let Some(test) = name.strip_prefix("String") {
        (left.as_str()?.encode_utf16().cmp(right.as_str()?.encode_utf16()), test)
    } else if let Some(test) = name.strip_prefix("Numeric") {
        (left.as_f64()?.partial_cmp(&right.as_f64()?)?, test)
    } else {
        let instant = |value: &Value| timestamps::parse(value.as_str()?);
        (instant(left)?.cmp(&instant(right)?), name.strip_prefix("Timestamp")?)
    };
    match test {
        "Equals" => Some(order.is_eq()),
        "LessThan" => Some(order.is_lt()),
        "LessThanEquals" => Some(order.is_le()),
        "GreaterThan" => Some(order.is_gt()),
        "GreaterThanEquals" => Some(order.is_ge()),
        _ => None,
    }
}

/// `*` is any run of characters, a backslash makes the next character plain.
fn matches(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|from| matches(rest, &text[from..])),
        ['\\', plain, rest @ ..] | [plain, rest @ ..] => {
            text.first() == Some(plain) && matches(rest, &text[1..])
        }
    }
}
