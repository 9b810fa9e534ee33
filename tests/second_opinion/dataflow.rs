//! What flows through one state: paths, payload templates, variables, the result's place.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::calls::{Argument, Call};
use crate::intrinsics::{self, Fault};
use crate::paths::{Path, Root, Step};
use crate::retries::Failure;
use crate::unsure;

/// The variables of one `States` object, inside those of the states around it.
#[derive(Default)]
pub(crate) struct Scope {
    pub(crate) variables: RefCell<Map<String, Value>>,
    pub(crate) outer: Option<Rc<Scope>>,
}

impl Scope {
    fn get(&self, name: &str) -> Option<Value> {
        let own = self.variables.borrow().get(name).cloned();
        own.or_else(|| self.outer.as_ref()?.get(name))
    }
}

/// Where something is evaluated.
pub(crate) struct Place<'a> {
    pub(crate) state: &'a str,
    pub(crate) entered: u64,
    pub(crate) context: &'a Value,
    pub(crate) scope: &'a Scope,
}

impl Place<'_> {
    /// A failure of the kind that nothing catches.
    pub(crate) fn runtime(&self, what: &str) -> Failure {
        let Self { state, entered, .. } = self;
        let prefix = "An error occurred while executing the state";
        let cause = format!("{prefix} '{state}' (entered at the event id #{entered}). {what}");
        Failure::new("States.Runtime", cause)
    }

    /// What a path names, `input` being its `$`; or why it names nothing.
    pub(crate) fn look_up(&self, path: &str, input: &Value) -> Result<Value, String> {
        let path = Path::parse(path).unwrap_or_else(|fault| panic!("not a path: {fault}"));
        self.follow(&path, input)
    }

    fn follow(&self, path: &Path, input: &Value) -> Result<Value, String> {
        match &path.root {
            Root::Input => path.evaluate(input),
            Root::Context => path.evaluate(self.context),
            Root::Variable(name) => {
                let value = self.scope.get(name).ok_or(format!("no variable {name}"))?;
                path.evaluate(&value)
            }
        }
    }

    /// `InputPath` and `OutputPath`.
    pub(crate) fn select(&self, path: &Value, input: &Value) -> Result<Value, Failure> {
        let Some(text) = path.as_str() else { return Ok(Value::Object(Map::new())) };
        self.look_up(text, input)
            .map_err(|reason| self.runtime(&format!("Invalid path '{text}' : {reason}")))
    }

    /// A payload template with `input` as its `$`.
    pub(crate) fn template(&self, template: &Value, input: &Value) -> Result<Value, Failure> {
        match template {
            Value::Array(items) => items.iter().map(|item| self.template(item, input)).collect(),
            Value::Object(members) => {
                let mut built = Map::new();
                for (key, value) in members {
                    match key.strip_suffix(".$") {
                        Some(name) => {
                            let text = value.as_str().expect("what ends in .$ is text");
                            built.insert(name.to_owned(), self.expression(key, text, input)?);
                        }
                        None => {
                            built.insert(key.clone(), self.template(value, input)?);
                        }
                    }
                }
                Ok(Value::Object(built))
            }
            other => Ok(other.clone()),
        }
    }

    /// A path or an intrinsic call, in the field `field`.
    pub(crate) fn expression(
        &self,
        field: &str,
        text: &str,
        input: &Value,
    ) -> Result<Value, Failure> {
        if text.starts_with('$') {
            return self.look_up(text, input).map_err(|_| {
                let path = format!("The JSONPath '{text}' specified for the field '{field}'");
                self.runtime(&format!("{path} could not be found in the input '{input}'"))
            });
        }
        let call = Call::parse(text).unwrap_or_else(|fault| panic!("not a call: {fault}"));
        let lookup = |argument: &Argument| match argument {
            Argument::Path(path, _) => self.follow(path, input).ok(),
            _ => None,
        };
        intrinsics::evaluate(&call, &lookup).map_err(|fault| match fault {
            Fault::NotFound(path) => self.runtime(&format!(
                "The function '{text}' had the following error: The JsonPath argument for the \
                 field '{path}' could not be found in the input '{input}'"
            )),
            Fault::Reason(reason) => self.runtime(&format!(
                "There was an error while evaluating the intrinsic function: {text}. {reason}"
            )),
        })
    }

    /// The values of an `Assign`, which are not visible before the state is left.
    pub(crate) fn assigned(
        &self,
        assign: Option<&Value>,
        input: &Value,
    ) -> Result<Map<String, Value>, Failure> {
        match assign {
            Some(assign) => match self.template(assign, input)? {
                Value::Object(values) => {
                    if Value::Object(values.clone()).to_string().len() > 262_144 {
                        unsure::guess("what becomes of variables that are too large");
                    }
                    Ok(values)
                }
                _ => Ok(Map::new()),
            },
            None => Ok(Map::new()),
        }
    }
}

/// `ResultPath`: puts a result into the raw input.
pub(crate) fn merged(path: Option<&Value>, raw: &Value, result: Value) -> Result<Value, Failure> {
    match path {
        None => Ok(result),
        Some(Value::String(text)) => {
            let path = Path::parse(text).unwrap_or_else(|fault| panic!("not a path: {fault}"));
            let mut merged = raw.clone();
            put(&mut merged, &path.steps, result).ok_or_else(|| {
                let cause = format!("Unable to apply ReferencePath {text} to input {raw}");
                Failure { terminal: false, ..Failure::new("States.ResultPathMatchFailure", cause) }
            })?;
            Ok(merged)
        }
        Some(_) => Ok(raw.clone()),
    }
}

/// `None` when there is no such place.
fn put(node: &mut Value, steps: &[Step], value: Value) -> Option<()> {
    let Some((step, rest)) = steps.split_first() else {
        *node = value;
        return Some(());
    };
    match (step, node) {
        (Step::Names(names), Value::Object(members)) => {
            let empty = || Value::Object(Map::new());
            put(members.entry(names[0].clone()).or_insert_with(empty), rest, value)
        }
        (Step::Indices(indices), Value::Array(items)) => {
            put(items.get_mut(usize::try_from(indices[0]).ok()?)?, rest, value)
        }
        _ => None,
    }
}
