//! Comparison of what a case expects with what came: JSON with three patterns.
//!
//! `{"$any": hint}` matches every value, `{"$match": "a <any> b"}` a string, `{"$json": VALUE}` a
//! string that holds JSON text. Numbers compare by value, objects without regard to order.

use serde_json::{Map, Number, Value};

/// What is compared, and how it is called in differences.
#[derive(Clone, Copy, Debug, Default)]
pub struct Comparison<'a> {
    /// A member of objects that is not compared, wherever it stands.
    pub ignored_key: Option<&'a str>,
}

/// Tells whether a request is the one that a mock expects.
pub fn matches(expected: &Value, found: &Value) -> bool {
    Comparison::default().difference("", expected, found).is_none()
}

impl Comparison<'_> {
    /// The first place, below `place`, where `found` is not what `expected` says.
    pub fn difference(&self, place: &str, expected: &Value, found: &Value) -> Option<String> {
        match (expected, found) {
            (Value::Object(wanted), _) if pattern_of(wanted).is_some() => {
                self.pattern(place, wanted, found)
            }
            (Value::Object(wanted), Value::Object(found)) => self.objects(place, wanted, found),
            (Value::Array(wanted), Value::Array(items)) => {
                let both = wanted.iter().zip(items).enumerate();
                let first = both.map(|(index, (wanted, item))| {
                    self.difference(&format!("{place}[{index}]"), wanted, item)
                });
                first.into_iter().flatten().next().or_else(|| {
                    (wanted.len() != items.len()).then(|| {
                        format!("{place}: expected {} items, found {}", wanted.len(), items.len())
                    })
                })
            }
            (Value::Number(wanted), Value::Number(number)) if same_number(wanted, number) => None,
            (Value::String(wanted), Value::String(text)) if wanted != text => {
                let (wanted, text) = around_first_difference(wanted, text);
                Some(format!("{place}: expected {wanted}, found {text}"))
            }
            _ if expected == found => None,
            _ => Some(format!("{place}: expected {}, found {}", cut(expected), cut(found))),
        }
    }

    /// The same for a value that may be absent on either side.
    pub fn optional(
        &self,
        place: &str,
        expected: Option<&Value>,
        found: Option<&Value>,
    ) -> Option<String> {
        match (expected, found) {
            (None, None) => None,
            (Some(expected), Some(found)) => self.difference(place, expected, found),
            (Some(expected), None) => {
                Some(format!("{place}: expected {}, found none", cut(expected)))
            }
            (None, Some(found)) => Some(format!("{place}: expected none, found {}", cut(found))),
        }
    }

    fn objects(
        &self,
        place: &str,
        expected: &Map<String, Value>,
        found: &Map<String, Value>,
    ) -> Option<String> {
        let compared = |key: &&String| Some(key.as_str()) != self.ignored_key;
        for key in expected.keys().filter(compared) {
            let place = member(place, key);
            let Some(found) = found.get(key) else {
                return Some(format!("{place}: expected {}, found none", cut(&expected[key])));
            };
            if let Some(difference) = self.difference(&place, &expected[key], found) {
                return Some(difference);
            }
        }
        let extra = found.keys().filter(compared).find(|key| !expected.contains_key(*key))?;
        Some(format!("{}: expected none, found {}", member(place, extra), cut(&found[extra])))
    }

    fn pattern(&self, place: &str, wanted: &Map<String, Value>, found: &Value) -> Option<String> {
        let (name, operand) = pattern_of(wanted)?;
        if name == ANY {
            return None;
        }
        let Some(text) = found.as_str() else {
            return Some(format!("{place}: expected a string, found {}", cut(found)));
        };
        if name == JSON {
            return match serde_json::from_str(text) {
                Ok(inner) => self.difference(&format!("{place} as JSON"), operand, &inner),
                Err(_) => Some(format!("{place}: expected JSON text, found {}", cut(found))),
            };
        }
        match operand.as_str() {
            Some(pattern) if glob(pattern, text) => None,
            Some(_) => Some(format!("{place}: expected {}, found {}", cut(operand), cut(found))),
            None => Some(format!("{place}: the operand of $match is not a string")),
        }
    }
}

/// Whether a value holds a pattern somewhere, so that it may match more than itself.
pub fn has_pattern(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            pattern_of(members).is_some() || members.values().any(has_pattern)
        }
        Value::Array(items) => items.iter().any(has_pattern),
        _ => false,
    }
}

/// An object with exactly the one key of a pattern.
fn pattern_of(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (key, operand) = object.iter().next()?;
    (object.len() == 1 && [ANY, MATCH, JSON].contains(&key.as_str())).then_some((key, operand))
}

/// Whether `text` is `pattern`, each `<any>` in which stands for any run of characters.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((first, others)) = pattern.split_once(WILDCARD) else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<_> = others.split(WILDCARD).collect();
    let last = parts.pop().unwrap_or_default();
    // The leftmost place for each part leaves the most room for those that follow.
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Exact where both are whole numbers, as binary64 otherwise.
fn same_number(a: &Number, b: &Number) -> bool {
    if (a.is_f64() || b.is_f64()) && a != b {
        return a.as_f64() == b.as_f64();
    }
    a == b
}

/// `place.key`, or with brackets where the key is no plain name.
fn member(place: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if plain { format!("{place}.{key}") } else { format!("{place}[{key:?}]") }
}

/// A value as JSON, cut where it is longer than a line or two.
fn cut(value: &Value) -> String {
    cut_text(&value.to_string())
}

/// A text, cut where it is longer than a line or two.
pub(super) fn cut_text(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Two texts from shortly before the place where they part.
fn around_first_difference(a: &str, b: &str) -> (String, String) {
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let skip = if same > SHOWN_CHARS_MAX / 2 { same - CONTEXT_CHARS } else { 0 };
    let show = |text: &str| {
        let tail: String = text.chars().skip(skip).collect();
        let shown = cut(&Value::from(tail));
        if skip > 0 { format!("…{shown}") } else { shown }
    };
    (show(a), show(b))
}

const ANY: &str = "$any";
const MATCH: &str = "$match";
const JSON: &str = "$json";
const WILDCARD: &str = "<any>";
/// Characters of a value that a difference shows.
const SHOWN_CHARS_MAX: usize = 160;
/// Characters that a difference of long texts shows before the place.
const CONTEXT_CHARS: usize = 20;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn difference(expected: &Value, found: &Value) -> Option<String> {
        Comparison::default().difference("output", expected, found)
    }

    #[test]
    fn patterns_match_what_they_say() {
        for (expected, found) in [
            (json!({"$any": "date"}), json!([1])),
            (json!({"$match": "a<any>c"}), json!("ac")),
            (json!({"$match": "a<any>b<any>"}), json!("axxb")),
            (json!({"$match": "<any>b<any>b"}), json!("bbb")),
            (json!({"$match": "plain"}), json!("plain")),
            (json!({"$json": {"n": {"$any": "x"}}}), json!("{\"n\": 2}")),
            (json!([1, {"a": 1.0, "b": null}]), json!([1.0, {"b": null, "a": 1}])),
            (json!(1e3), json!(1000)),
            (json!({"$any": 1, "b": 2}), json!({"b": 2, "$any": 1})),
        ] {
            assert_eq!(difference(&expected, &found), None, "{expected} {found}");
        }
    }

    #[test]
    fn the_first_difference_is_named_by_its_place() {
        for (expected, found, said) in [
            (
                json!({"$match": "a<any>c"}),
                json!("acd"),
                "output: expected \"a<any>c\", found \"acd\"",
            ),
            (json!({"$match": "ab<any>b"}), json!("ab"), "output: expected \"ab<any>b\""),
            (json!({"$match": "a"}), json!(1), "output: expected a string, found 1"),
            (json!({"$match": 1}), json!("1"), "output: the operand of $match is not a string"),
            (json!({"$json": 1}), json!("x"), "output: expected JSON text, found \"x\""),
            (json!({"$json": [1]}), json!("[2]"), "output as JSON[0]: expected 1, found 2"),
            (json!({"a": [true]}), json!({"a": [1]}), "output.a[0]: expected true, found 1"),
            (json!({"a": 1}), json!({}), "output.a: expected 1, found none"),
            (json!({}), json!({"a b": 1}), "output[\"a b\"]: expected none, found 1"),
            (json!([1]), json!([1, 2]), "output: expected 1 items, found 2"),
            (
                json!(9_223_372_036_854_775_807_i64),
                json!(9_223_372_036_854_775_806_i64),
                "output: ",
            ),
            (json!({"$any": 1, "b": 2}), json!({"b": 2}), "output[\"$any\"]: expected 1"),
        ] {
            let found = difference(&expected, &found).expect("a difference");
            assert!(found.starts_with(said), "{found}");
        }
    }

    #[test]
    fn long_texts_are_shown_where_they_part() {
        let same = "s".repeat(300);
        let found = difference(&json!(format!("{same}a")), &json!(format!("{same}b")));
        let tail = "s".repeat(20);
        let said = format!("output: expected …\"{tail}a\", found …\"{tail}b\"");
        assert_eq!(found, Some(said));
        assert!(cut(&json!("ä".repeat(900))).chars().count() <= SHOWN_CHARS_MAX + 1);
    }

    #[test]
    fn an_ignored_key_is_ignored_at_any_depth() {
        let ignoring = Comparison { ignored_key: Some("R") };
        let (expected, found) = (json!({"a": {}, "R": 1}), json!({"a": {"R": 0}}));
        assert_eq!(ignoring.difference("$", &expected, &found), None);
        assert!(matches(&json!({"a": {"$any": 1}}), &json!({"a": 2})));
        assert!(has_pattern(&json!([{"a": {"$any": 1}}])) && !has_pattern(&json!({"a": 1})));
    }
}
