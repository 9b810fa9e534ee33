//! Both engines on one expression, and whether they agree.

use std::panic::{AssertUnwindSafe, catch_unwind};

use expressway::expr::jsonata::Dialect;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorOptions, error_code_prefix};
use jsonata_core::parser;
use jsonata_core::value::JValue;
use serde_json::Value;

use crate::engine::{Bench, Outcome};

/// What came of one expression.
#[derive(Debug)]
pub(crate) enum Verdict {
    Agreed(&'static str),
    /// Not compared, and why.
    Open(&'static str),
    Differs(String),
}

/// The usual and wanted verdict.
pub(crate) const AGREED_ON_A_VALUE: &str = "values";

/// Both fail, each with another code.
pub(crate) const OTHER_ERRORS: &str = "not compared: errors of another kind";

/// Both engines over one document.
pub(crate) struct Judge {
    document: String,
    value: JValue,
}

/// What their engine made of an expression.
enum Theirs {
    Value(JValue),
    /// The code, where it has one.
    Error(Option<String>),
    /// Out of time, or it panicked.
    Unknown(&'static str),
}

impl Judge {
    pub(crate) fn new(document: &Value) -> Self {
        let document = document.to_string();
        let value = JValue::from_json_str(&document).expect("generated JSON");
        Self { document, value }
    }

    pub(crate) fn verdict(&mut self, text: &str) -> Verdict {
        let theirs = self.theirs(text);
        let ours =
            catch_unwind(|| Bench::default().run(text, Dialect::Full, Some(&self.document), &[]));
        let Ok(ours) = ours else { return Verdict::Differs("ours panicked".to_owned()) };
        let differs =
            |theirs: &str| Verdict::Differs(format!("ours:   {ours}\ntheirs: {theirs:.200}"));
        match (&ours, theirs) {
            (_, Theirs::Unknown(why)) => Verdict::Open(why),
            (Outcome::Function, Theirs::Value(_)) => Verdict::Open("not compared: functions"),
            (Outcome::Undefined, Theirs::Value(JValue::Undefined)) => Verdict::Agreed("undefined"),
            (Outcome::Value(text), Theirs::Value(theirs)) if !theirs.is_undefined() => {
                let theirs = theirs.to_json_string().expect("a value that can be written");
                let parsed = |text| serde_json::from_str::<Value>(text).expect("JSON");
                if same(&parsed(text), &parsed(&theirs)) {
                    Verdict::Agreed(AGREED_ON_A_VALUE)
                } else {
                    differs(&theirs)
                }
            }
            (Outcome::Value(text), Theirs::Value(JValue::Undefined)) if text == "[]" => {
                Verdict::Open("not compared: they drop an empty array that a last step constructs")
            }
            (_, Theirs::Value(theirs)) if theirs.is_undefined() => differs("undefined"),
            (_, Theirs::Value(theirs)) => differs(&theirs.to_json_string().unwrap_or_default()),
            (ours, Theirs::Error(theirs)) if ours.is_error() => match (ours.code(), theirs) {
                (Some(ours), Some(theirs)) if ours != theirs => Verdict::Open(OTHER_ERRORS),
                _ => Verdict::Agreed("errors"),
            },
            (_, Theirs::Error(theirs)) => {
                differs(&format!("error {}", theirs.as_deref().unwrap_or("without a code")))
            }
        }
    }

    fn theirs(&self, text: &str) -> Theirs {
        let run = || {
            let tree = match parser::parse(text) {
                Ok(tree) => tree,
                Err(error) => return Theirs::Error(code(&error.to_string())),
            };
            let options =
                EvaluatorOptions { timeout_ms: Some(2_000), ..EvaluatorOptions::default() };
            let mut evaluator = Evaluator::with_options(Context::new(), options);
            match evaluator.evaluate(&tree, &self.value) {
                Ok(value) => Theirs::Value(value),
                Err(error) if error.code() == Some("D1012") => {
                    Theirs::Unknown("not compared: they run out of time")
                }
                Err(error) => Theirs::Error(error.code().map(str::to_owned)),
            }
        };
        catch_unwind(AssertUnwindSafe(run)).unwrap_or(Theirs::Unknown("not compared: they panic"))
    }
}

fn code(message: &str) -> Option<String> {
    error_code_prefix(message).map(str::to_owned)
}

/// Whether two are the same JSON: numbers by value, objects whatever their order.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}
