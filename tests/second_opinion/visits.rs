//! A visit to a state: what it reads of its declaration, and how it is left.

use serde_json::Value;

use crate::dataflow::merged;
use crate::interpreter::{Left, Visit, next, shown, whole};
use crate::retries::Failure;
use crate::{rules, unsure};

impl<'a> Visit<'a, '_> {
    /// The way of Pass, Task, Parallel and Map: Assign, ResultSelector, ResultPath, OutputPath.
    pub(crate) fn finish(&self, result: Value) -> Result<Left<'a>, Failure> {
        let Self { state, raw, place, .. } = *self;
        let assigned = place.assigned(state.get("Assign"), &result)?;
        let selected = match state.get("ResultSelector") {
            Some(template) => place.template(template, &result)?,
            None => result,
        };
        let output = merged(state.get("ResultPath"), raw, selected)?;
        let left = self.finish_with(None, output, next(state))?;
        Ok(Left { assigned, ..left })
    }

    /// The way of the other states: Assign, OutputPath.
    pub(crate) fn finish_with(
        &self,
        assign: Option<&Value>,
        value: Value,
        next: Option<&'a str>,
    ) -> Result<Left<'a>, Failure> {
        let assigned = self.place.assigned(assign, &value)?;
        let output = match self.state.get("OutputPath") {
            Some(path) => self.place.select(path, &value)?,
            None => value,
        };
        Ok(Left { output, next, assigned })
    }

    pub(crate) fn choose(&self, input: Value) -> Result<Left<'a>, Failure> {
        let Self { state, place, .. } = *self;
        let lookup = |path: &str| place.look_up(path, &input).ok();
        for rule in state["Choices"].as_array().expect("Choices is an array") {
            let held = rules::holds(rule, &lookup).map_err(|path| {
                let what = "The choice state's condition path references an invalid value.";
                place.runtime(&format!("Invalid path '{path}': {what}"))
            })?;
            if held {
                return self.finish_with(rule.get("Assign"), input, rule["Next"].as_str());
            }
        }
        let Some(default) = state["Default"].as_str() else {
            let what = "Failed to transition out of the state. The state does not point to a next \
                        state.";
            return Err(place.runtime(what));
        };
        self.finish_with(state.get("Assign"), input, Some(default))
    }

    pub(crate) fn failure(&self, input: &Value) -> Result<Failure, Failure> {
        let text_of = |field: &str| -> Result<Option<String>, Failure> {
            let with_path = format!("{field}Path");
            let value = match self.state[&with_path].as_str() {
                Some(text) => {
                    let value = self.place.expression(&with_path, text, input)?;
                    if !value.is_string() {
                        return Err(self.place.runtime(&format!("{with_path} is no string.")));
                    }
                    Some(value)
                }
                None => self.state.get(field).cloned(),
            };
            Ok(value.and_then(|value| value.as_str().map(str::to_owned)))
        };
        Ok(Failure { error: text_of("Error")?, cause: text_of("Cause")?, terminal: false })
    }

    pub(crate) fn items(&self, input: &Value) -> Result<Vec<Value>, Failure> {
        let items = match self.state.get("ItemsPath") {
            Some(path) => self.place.select(path, input)?,
            None => input.clone(),
        };
        match items {
            Value::Array(items) => Ok(items),
            _ => Err(self.place.runtime("The items are not an array.")),
        }
    }

    pub(crate) fn max_concurrency(&self, input: &Value) -> Result<usize, Failure> {
        let limit = match self.state["MaxConcurrencyPath"].as_str() {
            Some(path) => {
                let value = self.place.select(&path.into(), input)?;
                let limit = self.integer("MaxConcurrencyPath", path, &value)?;
                if limit < 0 {
                    return Err(self.place.runtime("MaxConcurrency cannot be negative."));
                }
                limit
            }
            None => self.state["MaxConcurrency"].as_i64().unwrap_or(0),
        };
        // 0 is unbounded, and 40 is the most that the service runs at once.
        Ok(usize::try_from(limit).ok().filter(|limit| (1..40).contains(limit)).unwrap_or(40))
    }

    pub(crate) fn integer(&self, field: &str, path: &str, value: &Value) -> Result<i64, Failure> {
        if value.is_u64() && !value.is_i64() {
            unsure::guess("how large an integer may be");
        }
        whole(value);
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        number.ok_or_else(|| self.not_a("integer", field, path, value))
    }

    pub(crate) fn not_a(&self, kind: &str, field: &str, path: &str, value: &Value) -> Failure {
        let shown = shown(value);
        self.place.runtime(&format!(
            "The {field} field refers to value \"{shown}\" which is not a valid {kind}: {path}"
        ))
    }

    pub(crate) fn check_tolerance(&self, input: &Value) -> Result<(), Failure> {
        let Self { state, place, .. } = *self;
        if let Some(path) = state["ToleratedFailureCountPath"].as_str() {
            let value = place.select(&path.into(), input)?;
            if self.integer("ToleratedFailureCountPath", path, &value)? < 0 {
                return Err(place.runtime("ToleratedFailureCount cannot be negative."));
            }
        }
        if let Some(path) = state["ToleratedFailurePercentagePath"].as_str() {
            let value = place.select(&path.into(), input)?;
            let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
            let number = number.ok_or_else(|| {
                self.not_a("float", "ToleratedFailurePercentagePath", path, &value)
            })?;
            if !(0.0..=100.0).contains(&number) {
                let what = "ToleratedFailurePercentage must be between 0 and 100.";
                return Err(place.runtime(what));
            }
        }
        Ok(())
    }
}
