//! Compares a result with what it ought to be: as bytes first, as JSON only if they differ.
//!
//! A service that writes the expected document in the expected member order costs one `memcmp`
//! per result. One that writes it differently, but always in the same way, is parsed once: the
//! accepted bytes are remembered when the expectation is a constant.

use serde_json::{Number, Value};

use crate::payload::Payload;
use crate::stamp::Stamp;
use crate::template::Template;

/// The expected result of every well-formed record.
#[derive(Debug)]
pub(crate) struct Expectation {
    template: Template,
    also_accepted: Option<Vec<u8>>,
    rendered: Vec<u8>,
}

impl Expectation {
    /// Reads the expected document, which may have the payload's holes and `fields`.
    pub(crate) fn parse(text: &str, fields: &[&str]) -> Self {
        let template = Template::parse(&minify(text), fields);
        Self { template, also_accepted: None, rendered: Vec::new() }
    }

    /// Returns the parser's complaint if the expected document is not JSON with its holes filled.
    pub(crate) fn check(&self, payload: &Payload) -> Result<(), serde_json::Error> {
        let mut rendered = Vec::new();
        payload.render_template(&self.template, Stamp { sequence: 0, due_ns: 0 }, &mut rendered);
        serde_json::from_slice::<Value>(&rendered).map(drop)
    }

    /// Appends the expected result of the event with this stamp to `out`.
    pub(crate) fn render(&self, payload: &Payload, stamp: Stamp, out: &mut Vec<u8>) {
        payload.render_template(&self.template, stamp, out);
    }

    /// Returns whether `value` is the expected result of the event with this stamp.
    pub(crate) fn is_met(&mut self, payload: &Payload, stamp: Stamp, value: &[u8]) -> bool {
        if let Some(expected) = self.template.constant() {
            if value == expected || self.also_accepted.as_deref() == Some(value) {
                return true;
            }
            let equal = is_same_document(value, expected);
            if equal {
                self.also_accepted = Some(value.to_vec());
            }
            return equal;
        }
        self.rendered.clear();
        payload.render_template(&self.template, stamp, &mut self.rendered);
        value == self.rendered || is_same_document(value, &self.rendered)
    }
}

/// Returns whether both are JSON and mean the same: member order and the spelling of numbers
/// do not count.
fn is_same_document(left: &[u8], right: &[u8]) -> bool {
    match (serde_json::from_slice(left), serde_json::from_slice(right)) {
        (Ok(left), Ok(right)) => is_same(&left, &right),
        _ => false,
    }
}

/// Recursion is bounded by the parser's limit of 128 levels.
fn is_same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => is_same_number(left, right),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| is_same(l, r))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, l)| right.get(name).is_some_and(|r| is_same(l, r)))
        }
        _ => left == right,
    }
}

/// Integers compare exactly; only when one side is written as a fraction do both become binary64.
fn is_same_number(left: &Number, right: &Number) -> bool {
    left == right
        || ((left.is_f64() || right.is_f64())
            && left
                .as_f64()
                .zip(right.as_f64())
                .is_some_and(|(l, r)| l.total_cmp(&r).is_eq() || (l == 0.0 && r == 0.0)))
}

/// Drops white space between JSON tokens. Holes outside strings make a template no JSON yet, so
/// this works on characters.
pub(crate) fn minify(text: &str) -> String {
    let mut in_string = false;
    let mut escaped = false;
    text.chars()
        .filter(|c| {
            if in_string {
                match c {
                    _ if escaped => escaped = false,
                    '\\' => escaped = true,
                    '"' => in_string = false,
                    _ => {}
                }
                return true;
            }
            in_string = *c == '"';
            !matches!(c, ' ' | '\t' | '\n' | '\r')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Distribution, Keys};
    use crate::payload::Size;
    use crate::plan::Plan;
    use crate::stamp::ProducerId;

    fn payload() -> Payload {
        let mut plan = Plan::for_tests(1_000.0, 1_000);
        plan.keys = Keys::new(Distribution::RoundRobin, 10, 1.0, 0);
        let template = Template::parse(r#"{"pad":"{{padding}}"}"#, &[]);
        let size = Size { min: 100, max: 100 };
        Payload::new(template, &[], size, plan, ProducerId::from_number(7))
    }

    fn at(sequence: u64) -> Stamp {
        Stamp { sequence, due_ns: sequence * 1_000_000 }
    }

    fn meets(expected: &str, value: &str) -> bool {
        Expectation::parse(expected, &[]).is_met(&payload(), at(42), value.as_bytes())
    }

    #[test]
    fn order_spacing_and_spelling_of_numbers_do_not_count() {
        assert!(meets(r#"{ "a": 1, "b": "x  y\" z" }"#, r#"{"a":1,"b":"x  y\" z"}"#));
        assert!(meets(r#"{"a":1,"b":[1.5e1]}"#, r#"{"b": [15], "a": 1.0}"#));
        assert!(meets("-0.0", "0"));
    }

    #[test]
    fn any_difference_in_meaning_does() {
        assert!(!meets(r#"{"a":1}"#, r#"{"a":2}"#));
        assert!(!meets(r#"{"a":1}"#, r#"{"a":1,"b":null}"#));
        assert!(!meets(r#"{"a":1,"b":null}"#, r#"{"a":1}"#));
        assert!(!meets("[1,2]", "[2,1]"));
        assert!(!meets("1", r#""1""#));
        assert!(!meets("9007199254740993", "9007199254740992"));
        assert!(!meets("{}", "{"));
    }

    #[test]
    fn holes_are_filled_as_in_the_payload() {
        let expected = r#"{"n": {{sequence}}, "k": "{{key}}"}"#;
        assert!(meets(expected, r#"{"n":42,"k":"key-0000000002"}"#));
        assert!(meets(expected, r#"{"k":"key-0000000002","n":42}"#));
        assert!(!meets(expected, r#"{"n":43,"k":"key-0000000002"}"#));

        let payload = payload();
        let mut sent = Vec::new();
        payload.render(at(42), &mut sent);
        let mut echo = Expectation::parse(r#"{"pad": "{{padding}}"}"#, &[]);
        assert!(echo.is_met(&payload, at(42), &sent));
        assert!(!echo.is_met(&payload, at(43), &sent));
    }

    #[test]
    fn an_expectation_that_no_result_can_meet_is_noticed() {
        let check = |text| Expectation::parse(text, &[]).check(&payload());
        assert!(check(r#"{"n":{{sequence}}}"#).is_ok());
        assert!(check(r#"{"n":{{number}}}"#).is_err());
        assert!(check("").is_err());
    }

    #[test]
    fn another_spelling_of_a_constant_is_parsed_once_and_remembered() {
        let mut expectation = Expectation::parse(r#"{"a":1,"b":2}"#, &[]);
        let reordered = br#"{"b":2,"a":1}"#;
        assert!(expectation.is_met(&payload(), at(1), reordered));
        assert_eq!(expectation.also_accepted.as_deref(), Some(&reordered[..]));
        assert!(!expectation.is_met(&payload(), at(2), br#"{"b":3,"a":1}"#));
        assert_eq!(expectation.also_accepted.as_deref(), Some(&reordered[..]));
    }
}
