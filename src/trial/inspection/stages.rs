//! The data after each step of a JSONPath state: `inspectionData`.
//!
//! Which steps AWS shows depends on the type of the state, as recorded. A step that fails ends the
//! list.

use serde_json::{Map, Value};

use super::Answer;
use super::isolate::{End, State};
use super::request::Request;
use crate::task::Script;

/// The steps of a state so far, or the failure that ended them.
pub(super) struct Stages<'a> {
    state: &'a State,
    tasks: &'a Script,
    data: Map<String, Value>,
}

/// A failure that only this inspection finds.
pub(super) struct NotAnArray {
    /// Cause.
    pub(super) cause: String,
}

impl<'a> Stages<'a> {
    pub(super) fn new(state: &'a State, tasks: &'a Script) -> Self {
        Self { state, tasks, data: Map::new() }
    }

    /// The steps that AWS shows, and why the items of a Map are none.
    pub(super) fn collect(
        mut self,
        request: &Request,
        sent: Option<Value>,
    ) -> Result<(Map<String, Value>, Option<NotAnArray>), Answer> {
        self.put("input", serde_json::from_str(self.state.input()).ok());
        let mut fault = None;
        match self.state.kind() {
            "Choice" | "Succeed" | "Wait" => {
                self.after_input_path()?;
            }
            "Pass" if self.state.field("Result").is_some() => {
                self.put("result", self.state.field("Result").cloned());
                let result = self.put("afterResultSelector", self.state.field("Result").cloned());
                let _ = result && self.after_result_path()?;
            }
            "Pass" => {
                let _ = self.after_input_path()?
                    && self.after_parameters()?
                    && self.repeat("afterParameters", "afterResultSelector")
                    && self.after_result_path()?;
            }
            "Task" => {
                let _ = self.after_input_path()?
                    && self.put("afterParameters", sent)
                    && self.result()?
                    && self.after_result_selector()?
                    && self.after_result_path()?;
            }
            "Parallel" => {
                let _ = self.after_result_selector()? && self.after_result_path()?;
            }
            "Map" => fault = self.map(request)?,
            _ => {}
        }
        Ok((self.data, fault))
    }

    fn map(&mut self, request: &Request) -> Result<Option<NotAnArray>, Answer> {
        if !self.after_input_path()? {
            return Ok(None);
        }
        if let Some(fault) = self.after_items_path()? {
            return Ok(Some(fault));
        }
        let number = |name: &str| self.state.field(name).and_then(Value::as_u64);
        let concurrency = number("MaxConcurrency").unwrap_or(0);
        let tolerated = number("ToleratedFailureCount");
        let percentage = self.state.field("ToleratedFailurePercentage").and_then(Value::as_f64);
        self.put("maxConcurrency", Some(concurrency.into()));
        self.put("toleratedFailureCount", tolerated.map(Into::into));
        self.put("toleratedFailurePercentage", percentage.map(Into::into));
        if request.mock.as_ref().is_some_and(|mock| mock.result.is_some()) {
            let _ = self.after_result_selector()? && self.after_result_path()?;
        }
        Ok(None)
    }

    /// Keeps the data of a step; whether there is any.
    fn put(&mut self, step: &str, data: Option<Value>) -> bool {
        let Some(data) = data else { return false };
        self.data.insert(step.to_owned(), data);
        true
    }

    fn repeat(&mut self, from: &str, to: &str) -> bool {
        let data = self.data.get(from).cloned();
        self.put(to, data)
    }

    fn run(&self, state: &State) -> Result<Option<Value>, Answer> {
        match state.run(self.tasks)?.0 {
            End::Left(exit) => Ok(Some(exit.output)),
            End::Failed { .. } => Ok(None),
        }
    }

    fn after_input_path(&mut self) -> Result<bool, Answer> {
        let data = self.run(&self.state.as_pass(&["InputPath"]))?;
        Ok(self.put("afterInputPath", data))
    }

    fn after_parameters(&mut self) -> Result<bool, Answer> {
        let data = self.run(&self.state.as_pass(&["InputPath", "Parameters"]))?;
        Ok(self.put("afterParameters", data))
    }

    fn after_items_path(&mut self) -> Result<Option<NotAnArray>, Answer> {
        let path = self.state.path("ItemsPath").unwrap_or("$");
        let items = if path.starts_with("$.") || path.starts_with("$[") || path == "$" {
            let base = self.state.as_pass(&["InputPath"]).with("OutputPath", path.into());
            self.run(&base)?
        } else {
            self.run(&self.state.as_pass(&[]).with("InputPath", path.into()))?
        };
        if items.as_ref().is_some_and(Value::is_array) {
            self.put("afterItemsPath", items);
            return Ok(None);
        }
        // AWS: a path into the context is quoted without its first `$`.
        let shown = path.strip_prefix('$').filter(|path| path.starts_with('$')).unwrap_or(path);
        let cause = format!("Reference path \"{shown}\" must point to array.");
        Ok(Some(NotAnArray { cause }))
    }

    fn result(&mut self) -> Result<bool, Answer> {
        let fields = ["ResultSelector", "ResultPath", "OutputPath", "Assign", "Catch", "Retry"];
        let data = self.run(&self.state.as_mocked().without(&fields))?;
        Ok(self.put("result", data))
    }

    fn after_result_selector(&mut self) -> Result<bool, Answer> {
        let fields = ["ResultPath", "OutputPath", "Assign", "Catch", "Retry"];
        let data = self.run(&self.state.as_mocked().without(&fields))?;
        Ok(self.put("afterResultSelector", data))
    }

    fn after_result_path(&mut self) -> Result<bool, Answer> {
        let fields = ["OutputPath", "Assign", "Catch", "Retry"];
        let state =
            if self.state.kind() == "Pass" { self.state.clone() } else { self.state.as_mocked() };
        let data = self.run(&state.without(&fields))?;
        Ok(self.put("afterResultPath", data))
    }
}
