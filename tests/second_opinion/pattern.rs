//! Comparison of what a case expects with what came, as its README defines it.

use serde_json::{Map, Value};

/// The first place where `found` is not what `expected` says, or `None`. `ignored_key` names an
/// object member that is not compared.
pub(crate) fn difference(
    expected: &Value,
    found: &Value,
    ignored_key: Option<&str>,
) -> Option<String> {
    Comparison { ignored_key }.at("$", expected, found)
}

/// [`difference`] as a yes or no, for choosing among mocked answers.
pub(crate) fn matches(expected: &Value, found: &Value) -> bool {
    difference(expected, found, None).is_none()
}

struct Comparison<'a> {
    ignored_key: Option<&'a str>,
}

impl Comparison<'_> {
    fn at(&self, place: &str, expected: &Value, found: &Value) -> Option<String> {
        let differs = || Some(format!("{place}: expected {expected}, found {found}"));
        match (expected, found) {
            (Value::Object(expected), _) if expected.len() == 1 && is_pattern(expected) => {
                self.pattern(place, expected, found)
            }
            (Value::Object(a), Value::Object(b)) => self.objects(place, a, b),
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
                .iter()
                .zip(b)
                .enumerate()
                .find_map(|(index, (a, b))| self.at(&format!("{place}[{index}]"), a, b)),
            (Value::Number(a), Value::Number(b)) if a == b || a.as_f64() == b.as_f64() => None,
            (expected, found) if expected == found => None,
            _ => differs(),
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
            let place = format!("{place}.{key}");
            let Some(found) = found.get(key) else { return Some(format!("{place}: missing")) };
            if let Some(difference) = self.at(&place, &expected[key], found) {
                return Some(difference);
            }
        }
        let extra = found.keys().filter(compared).find(|key| !expected.contains_key(*key))?;
        Some(format!("{place}.{extra}: not expected"))
    }

    fn pattern(&self, place: &str, pattern: &Map<String, Value>, found: &Value) -> Option<String> {
        let text = found.as_str().unwrap_or_default();
        if pattern.contains_key("$any") {
            return None;
        }
        if !found.is_string() {
            return Some(format!("{place}: expected a string, found {found}"));
        }
        if let Some(expected) = pattern.get("$json") {
            return match serde_json::from_str(text) {
                Ok(inner) => self.at(&format!("{place} as JSON"), expected, &inner),
                Err(_) => Some(format!("{place}: expected JSON text, found {found}")),
            };
        }
        let wanted = pattern["$match"].as_str().expect("$match holds a string");
        (!glob(wanted, text)).then(|| format!("{place}: expected {wanted:?}, found {found}"))
    }
}

/// Whether `text` is `pattern`, each `<any>` in which stands for any run of characters.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split("<any>");
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn is_pattern(object: &Map<String, Value>) -> bool {
    ["$any", "$match", "$json"].iter().any(|key| object.contains_key(*key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_match_what_their_readme_says() {
        for (expected, found) in [
            (json!({"$any": "date"}), json!([1])),
            (json!({"$match": "a<any>c"}), json!("ac")),
            (json!({"$match": "a<any>b<any>"}), json!("axxb")),
            (json!({"$json": {"n": {"$any": "x"}}}), json!("{\"n\": 2}")),
            (json!([1, {"a": 1.0, "b": null}]), json!([1.0, {"b": null, "a": 1}])),
        ] {
            assert_eq!(difference(&expected, &found, None), None);
        }
    }

    #[test]
    fn the_first_difference_is_named_by_its_place() {
        for (expected, found, place) in [
            (json!({"$match": "a<any>c"}), json!("acd"), "$:"),
            (json!({"$match": "ab<any>b"}), json!("ab"), "$:"),
            (json!({"$match": "a"}), json!(1), "$:"),
            (json!({"$json": 1}), json!("x"), "$:"),
            (json!({"$json": [1]}), json!("[2]"), "$ as JSON[0]:"),
            (json!({"a": [true]}), json!({"a": [1]}), "$.a[0]:"),
            (json!({"a": 1}), json!({}), "$.a: missing"),
            (json!({}), json!({"a": 1}), "$.a: not expected"),
            (json!([1]), json!([1, 2]), "$:"),
        ] {
            let found = difference(&expected, &found, None).expect("a difference");
            assert!(found.starts_with(place), "{found}");
        }
        assert_eq!(difference(&json!({}), &json!({"R": 0}), Some("R")), None);
    }
}
