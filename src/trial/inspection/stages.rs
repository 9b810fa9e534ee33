//! The data after each step of a state: `inspectionData`.
//!
//! Which steps AWS shows depends on the type of the state, as recorded; in JSONata they are few. A
//! step that fails ends the list.

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
pub(super) struct Fault {
    /// Error name.
    pub(super) error: Option<String>,
    /// Cause.
    pub(super) cause: Option<String>,
}

impl<'a> Stages<'a> {
    pub(super) fn new(state: &'a State, tasks: &'a Script) -> Self {
        Self { state, tasks, data: Map::new() }
    }

    /// The steps that AWS shows, and why a Map gets no items.
    pub(super) fn collect(
        mut self,
        request: &Request,
        sent: Option<Value>,
    ) -> Result<(Map<String, Value>, Option<Fault>), Answer> {
        self.put("input", serde_json::from_str(self.state.input()).ok());
        let mut fault = None;
        match self.state.kind() {
            "Map" => fault = self.map(request)?,
            "Task" if self.state.is_jsonata() => {
                let _ = self.put("afterArguments", sent) && self.result()?;
            }
            _ if self.state.is_jsonata() => {}
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
            _ => {}
        }
        Ok((self.data, fault))
    }

    fn map(&mut self, request: &Request) -> Result<Option<Fault>, Answer> {
        let jsonata = self.state.is_jsonata();
        if !jsonata && !self.after_input_path()? {
            return Ok(None);
        }
        let fault = if jsonata { self.items()? } else { self.after_items_path()? };
        if fault.is_some() {
            return Ok(fault);
        }
        for (field, step) in
            [("ItemSelector", "afterItemSelector"), ("ItemBatcher", "afterItemBatcher")]
        {
            if let Some(fault) = self.after_items(field, step)? {
                return Ok(Some(fault));
            }
        }
        let number = |field| self.state.number(field, self.tasks);
        let concurrency = number("MaxConcurrency")?.unwrap_or_else(|| 0.into());
        let (count, share) =
            (number("ToleratedFailureCount")?, number("ToleratedFailurePercentage")?);
        self.put("maxConcurrency", Some(concurrency));
        self.put("toleratedFailureCount", count);
        self.put("toleratedFailurePercentage", share);
        if !jsonata && request.mock.as_ref().is_some_and(|mock| mock.result.is_some()) {
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

    fn after_items_path(&mut self) -> Result<Option<Fault>, Answer> {
        // An `ItemReader` gives the items then; AWS shows none of them where it is recorded.
        if self.state.field("ItemReader").is_some() {
            return Ok(None);
        }
        let path = self.state.path("ItemsPath").unwrap_or("$");
        let items = self.state.read(path, self.tasks)?;
        if items.as_ref().is_some_and(Value::is_array) {
            self.put("afterItemsPath", items);
            return Ok(None);
        }
        // AWS: a path into the context is quoted without its first `$`.
        let shown = path.strip_prefix('$').filter(|path| path.starts_with('$')).unwrap_or(path);
        let cause = format!("Reference path \"{shown}\" must point to array.");
        Ok(Some(Fault { error: Some("States.Runtime".to_owned()), cause: Some(cause) }))
    }

    /// Why a JSONata Map gets no items; AWS shows none of them (recorded).
    fn items(&self) -> Result<Option<Fault>, Answer> {
        if self.state.field("ItemReader").is_some() {
            return Ok(None);
        }
        match self.state.as_items(&[]).run(self.tasks)?.0 {
            End::Left(_) => Ok(None),
            End::Failed { error, cause } => Ok(Some(Fault { error, cause })),
        }
    }

    /// What the iterations begin with, if this field has a part in it: an array (API reference).
    fn after_items(&mut self, field: &str, step: &str) -> Result<Option<Fault>, Answer> {
        if self.state.field(field).is_none() || self.state.field("ItemReader").is_some() {
            return Ok(None);
        }
        let fields = if field == "ItemBatcher" { &["ItemSelector", field][..] } else { &[field] };
        match self.state.as_items(fields).run(self.tasks)?.0 {
            End::Left(exit) => {
                self.put(step, Some(exit.output));
                Ok(None)
            }
            End::Failed { error, cause } => Ok(Some(Fault { error, cause })),
        }
    }

    fn result(&mut self) -> Result<bool, Answer> {
        let fields =
            ["ResultSelector", "ResultPath", "OutputPath", "Output", "Assign", "Catch", "Retry"];
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
