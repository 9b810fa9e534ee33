//! A state in a machine of its own: every way out of it leads to a state that says which it was.
//!
//! A context object and variables that are given become variables of a state before it, and the
//! paths into the context then lead to that variable.

use serde_json::{Map, Value, json};

use super::Answer;
use super::definition;
use super::request::Request;
use crate::asl::source::Source;
use crate::asl::{MachineType, parse_as};
use crate::compile::compile;
use crate::program::{Loaded, World};
use crate::shard::Status;
use crate::task::Script;
use crate::trial::clock::Ended;
use crate::trial::execution::{self, Ran};

/// The state to test, with what stands around it.
#[derive(Clone, Debug)]
pub(in crate::trial) struct State {
    fields: Map<String, Value>,
    /// It is a state of a Map's processor, so its context has an item.
    in_map: bool,
    /// It waits for a task's token, so its context has one.
    gets_token: bool,
    /// The variables that it begins with.
    variables: Map<String, Value>,
    context: Option<Value>,
    role_arn: String,
    input: String,
}

/// The end of a run of the state alone.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// It gave an output.
    Left(Exit),
    /// It failed.
    Failed {
        /// Error name.
        error: Option<String>,
        /// Cause.
        cause: Option<String>,
    },
}

/// The way out of the state, with what it passed on.
#[derive(Clone, Debug)]
pub(super) struct Exit {
    pub(super) next: Option<String>,
    pub(super) catch_index: Option<u64>,
    pub(super) output: Value,
    pub(super) variables: Option<Value>,
}

impl State {
    /// Finds the state that a request names; its definition is sound.
    pub(super) fn find(request: &Request) -> Result<Self, Answer> {
        let definition::Found { fields, in_map } = definition::find(request)?;
        let resource = fields.get("Resource").and_then(Value::as_str).unwrap_or_default();
        Ok(Self {
            gets_token: resource.ends_with(".waitForTaskToken"),
            fields,
            in_map,
            variables: request
                .variables
                .as_ref()
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
            context: request.context.clone(),
            role_arn: request.role_arn.clone().unwrap_or_default(),
            input: request.input.clone().unwrap_or_else(|| "{}".to_owned()),
        })
    }

    /// `Type`.
    pub(super) fn kind(&self) -> &str {
        self.fields.get("Type").and_then(Value::as_str).unwrap_or_default()
    }

    /// A field of the state.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// A path or template that refers to the context, as it was written.
    pub(super) fn path(&self, name: &str) -> Option<&str> {
        self.field(name).and_then(Value::as_str)
    }

    /// Text of the input.
    pub(super) fn input(&self) -> &str {
        &self.input
    }

    /// Whether the state's fields are expressions.
    pub(super) fn is_jsonata(&self) -> bool {
        self.field("QueryLanguage").is_some_and(|language| language == "JSONata")
    }

    /// Whether the task's service answers later, by a token or by polling.
    pub(super) fn waits_for_service(&self) -> bool {
        let resource = self.path("Resource").unwrap_or_default();
        resource.contains(".sync") || resource.ends_with(".waitForTaskToken")
    }

    /// Whether the task is an activity.
    pub(super) fn is_activity(&self) -> bool {
        self.path("Resource").is_some_and(|resource| resource.contains(":activity:"))
    }

    /// The state without some of its fields.
    pub(super) fn without(&self, fields: &[&str]) -> Self {
        let mut state = self.clone();
        state.fields.retain(|field, _| !fields.contains(&field.as_str()));
        state
    }

    /// The state with another value of a field.
    pub(super) fn with(&self, field: &str, value: Value) -> Self {
        let mut state = self.clone();
        state.fields.insert(field.to_owned(), value);
        state
    }

    /// What a path of the state reads; `None` when there is nothing.
    pub(super) fn read(&self, path: &str, tasks: &Script) -> Result<Option<Value>, Answer> {
        let pass = if path.starts_with("$.") || path.starts_with("$[") || path == "$" {
            self.as_pass(&["InputPath"]).with("OutputPath", path.into())
        } else {
            self.as_pass(&[]).with("InputPath", path.into())
        };
        match pass.run(tasks)?.0 {
            End::Left(exit) => Ok(Some(exit.output)),
            End::Failed { .. } => Ok(None),
        }
    }

    /// What a value of a JSONata state gives; `None` when it fails.
    fn value(&self, value: Value, tasks: &Script) -> Result<Option<Value>, Answer> {
        match self.as_pass(&[]).with("Output", value).run(tasks)?.0 {
            End::Left(exit) => Ok(Some(exit.output)),
            End::Failed { .. } => Ok(None),
        }
    }

    /// A number that a field has, or that a path in its sibling reads.
    pub(super) fn number(&self, field: &str, tasks: &Script) -> Result<Option<Value>, Answer> {
        let number = match (self.field(field), self.path(&format!("{field}Path"))) {
            (Some(value), _) if self.is_jsonata() => self.value(value.clone(), tasks)?,
            (Some(literal), _) => Some(literal.clone()),
            (None, Some(path)) => self.read(path, tasks)?,
            (None, None) => None,
        };
        Ok(number.filter(Value::is_number))
    }

    /// A Pass state with some of the state's fields.
    pub(super) fn as_pass(&self, fields: &[&str]) -> Self {
        let mut state = self.clone();
        state
            .fields
            .retain(|field, _| field == "QueryLanguage" || fields.contains(&field.as_str()));
        state.fields.insert("Type".to_owned(), "Pass".into());
        state.fields.insert("End".to_owned(), true.into());
        state
    }

    /// A Map that gives what its iterations would begin with.
    pub(super) fn as_items(&self, fields: &[&str]) -> Self {
        let mut state = self.clone();
        state.fields.retain(|field, _| {
            ["Type", "QueryLanguage", "InputPath", "ItemsPath", "Items"].contains(&field.as_str())
                || fields.contains(&field.as_str())
        });
        let processor = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Item", "States": {"Item": {"Type": "Pass", "End": true}}});
        state.with("ItemProcessor", processor).with("End", true.into())
    }

    /// The state as one that a mock can answer: a Task in place of a Map, a Parallel or a call that
    /// is answered later.
    pub(super) fn as_mocked(&self) -> Self {
        if self.kind() == "Task" && !self.waits_for_service() {
            return self.clone();
        }
        let mut kept = MOCKED_FIELDS.to_vec();
        if self.kind() != "Map" {
            kept.extend(["Parameters", "Arguments", "TimeoutSeconds", "Credentials"]);
        }
        let mut state = self.clone();
        state.fields.retain(|field, _| kept.contains(&field.as_str()));
        state.fields.insert("Type".to_owned(), "Task".into());
        state.fields.insert("Resource".to_owned(), "arn:aws:states:::lambda:invoke".into());
        state
    }

    /// Runs the state.
    pub(super) fn run(&self, tasks: &Script) -> Result<(End, Option<Value>), Answer> {
        let loaded = self.load()?;
        let ran = execution::execute(loaded, &self.input, tasks.clone());
        let Ran { ended, tasks } = ran.map_err(Answer::invalid)?;
        let sent = tasks.recorded().last();
        let sent = sent.and_then(|call| serde_json::from_slice(&call.request).ok());
        Ok((self.end(ended), sent))
    }

    fn end(&self, ended: Ended) -> End {
        if ended.status != Status::Succeeded {
            let cause = ended.cause.map(|cause| self.own_words(&cause));
            return End::Failed { error: ended.error, cause };
        }
        let output: Value = serde_json::from_str(&ended.output).unwrap_or_default();
        if self.kind() == "Succeed" {
            let (next, catch_index, variables) = (None, None, None);
            return End::Left(Exit { next, catch_index, output, variables });
        }
        let next = output["nextState"].as_str().map(str::to_owned);
        let variables = output.get("variables").cloned();
        let catch_index = output["catchIndex"].as_u64();
        End::Left(Exit { next, catch_index, output: output["output"].clone(), variables })
    }

    /// A cause without what tells of the execution around it, which `TestState` does not have.
    ///
    /// AWS: the two recorded causes of `States.Runtime` lack the prefix that all of those of
    /// executions have. That the others lack it too is concluded from that.
    fn own_words(&self, cause: &str) -> String {
        let start =
            format!("An error occurred while executing the state '{STATE_NAME}' (entered at");
        let own = cause.strip_prefix(&start).and_then(|rest| rest.split_once("). "));
        let context = if self.is_jsonata() { "$states.context" } else { "$$" };
        let own = own.map_or(cause, |(_, own)| own).replace(&format!("${CONTEXT}"), context);
        own.replace(&format!("${TOKEN}"), &format!("{context}.Task.Token"))
    }

    fn has_before(&self) -> bool {
        self.context.is_some() || !self.variables.is_empty() || self.gets_token()
    }

    /// Whether the state waits for a token that is not given.
    fn gets_token(&self) -> bool {
        self.context.is_none() && self.gets_token
    }

    fn load(&self) -> Result<Loaded, Answer> {
        let text = self.machine().to_string();
        let parsed = parse_as(&text, STATE_NAME, MachineType::Standard);
        let Some(machine) = &parsed.machine else { return Err(definition::refusal(&parsed)) };
        // The context of a tested state is that of a synchronous Express execution.
        let world = World::express("us-east-1", "111111111111", "machine", &self.role_arn);
        let world = World { redrive_count: false, ..world };
        compile(machine, Source { file: STATE_NAME, text: &text }, world)
            .map(Loaded::from)
            .map_err(|error| Answer::refused("InvalidDefinition", error.to_string()))
    }

    fn machine(&self) -> Value {
        let mut states = Map::new();
        let mut start_at = STATE_NAME;
        if self.has_before() {
            start_at = BEFORE;
            states.insert(BEFORE.to_owned(), self.before());
        }
        let mut fields = self.fields.clone();
        let (context, token) = if self.is_jsonata() {
            ("$states.context", "$states.context.Task.Token")
        } else {
            ("$$", "$$.Task.Token")
        };
        if self.context.is_some() {
            fields = self.with_variable(fields, context, CONTEXT);
        } else if self.gets_token() {
            fields = self.with_variable(fields, token, TOKEN);
        }
        let mut exits = Map::new();
        self.lead_out(&mut fields, &mut exits);
        states.insert(STATE_NAME.to_owned(), Value::Object(fields));
        states.extend(exits);
        let machine = json!({"StartAt": start_at, "States": states});
        if self.in_map { over_one_item(&machine) } else { machine }
    }

    /// Turns paths into the context, or to its token, to paths into the variable that holds it.
    fn with_variable(
        &self,
        members: Map<String, Value>,
        path: &str,
        variable: &str,
    ) -> Map<String, Value> {
        let members = members.into_iter().map(|(field, value)| {
            let value = self.turned(&field, value, path, variable);
            (field, value)
        });
        members.collect()
    }

    fn turned(&self, field: &str, value: Value, path: &str, variable: &str) -> Value {
        match value {
            Value::String(text) if self.is_jsonata() => {
                if !text.starts_with("{%") {
                    return text.into();
                }
                let text = text.replace(path, &format!("${variable}"));
                // A context that is given has no `Map`: AWS refuses it.
                let text = text.replace(&format!("${CONTEXT}.Map."), "$states.context.Map.");
                if variable == CONTEXT { with_context(&text).into() } else { text.into() }
            }
            Value::String(text) if holds_path(field) => {
                let text = text.replace(path, &format!("${variable}"));
                text.replace(&format!("${CONTEXT}.Map."), "$$.Map.").into()
            }
            Value::Array(items) => {
                items.into_iter().map(|item| self.turned("", item, path, variable)).collect()
            }
            Value::Object(members) => Value::Object(self.with_variable(members, path, variable)),
            other => other,
        }
    }

    /// Assigns what the state begins with and passes the input on.
    fn before(&self) -> Value {
        let mut given = self.variables.clone();
        if let Some(context) = &self.context {
            given.insert(CONTEXT.to_owned(), context.clone());
        } else if self.gets_token() {
            given.insert(TOKEN.to_owned(), TOKEN.into());
        }
        let assign: Map<_, _> = given
            .keys()
            .map(|name| (format!("{name}.$"), Value::from(format!("$['{name}']"))))
            .collect();
        // A result is taken as it is, a template would be looked into.
        json!({"Type": "Pass", "Result": given, "ResultPath": null, "Assign": assign,
            "Next": STATE_NAME})
    }

    /// Turns every way out of the state to an exit of its own.
    fn lead_out(&self, fields: &mut Map<String, Value>, exits: &mut Map<String, Value>) {
        let own = fields.get("Assign").cloned();
        for field in ["Next", "Default"] {
            if let Some(target) = fields.get(field).and_then(Value::as_str).map(str::to_owned) {
                let exit = self.exit(Some(&target), None, own.as_ref());
                fields.insert(field.to_owned(), add(exits, exit));
            }
        }
        if fields.get("End") == Some(&Value::Bool(true)) {
            fields.remove("End");
            fields.insert("Next".to_owned(), add(exits, self.exit(None, None, own.as_ref())));
        }
        for field in ["Choices", "Catch"] {
            let items = fields.get_mut(field).and_then(Value::as_array_mut);
            for (index, item) in items.into_iter().flatten().enumerate() {
                let Some(target) = item["Next"].as_str().map(str::to_owned) else { continue };
                let catch_index = (field == "Catch").then_some(index);
                let exit = self.exit(Some(&target), catch_index, item.get("Assign"));
                item["Next"] = add(exits, exit);
            }
        }
    }

    /// A state that tells the way that led to it and what was assigned on it.
    fn exit(
        &self,
        next: Option<&str>,
        catch_index: Option<usize>,
        assign: Option<&Value>,
    ) -> Value {
        let assigned = assign.and_then(Value::as_object).into_iter().flat_map(Map::keys);
        let assigned = assigned.map(|name| name.strip_suffix(".$").unwrap_or(name));
        let names = self.variables.keys().map(String::as_str).chain(assigned);
        let variables: Map<_, _> =
            names.map(|name| (format!("{name}.$"), Value::from(format!("${name}")))).collect();
        let mut told = json!({"nextState": next, "catchIndex": catch_index, "output.$": "$"});
        if !variables.is_empty() {
            told["variables"] = Value::Object(variables);
        }
        json!({"Type": "Pass", "Parameters": told, "End": true})
    }
}

/// Adds an exit and returns its name.
fn add(exits: &mut Map<String, Value>, exit: Value) -> Value {
    let name = format!("{EXIT} {}", exits.len());
    exits.insert(name.clone(), exit);
    name.into()
}

/// An expression in which all of `$states` has the context that is given.
fn with_context(text: &str) -> String {
    let mut parts = text.split("$states");
    let mut turned = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let goes_on = |next: char| next == '.' || next == '_' || next.is_alphanumeric();
        if part.starts_with(goes_on) {
            turned.push_str("$states");
        } else {
            turned.push_str("$merge([$states, {'context': $");
            turned.push_str(CONTEXT);
            turned.push_str("}])");
        }
        turned.push_str(part);
    }
    turned
}

/// Whether a field of this name holds a path or an intrinsic call.
fn holds_path(field: &str) -> bool {
    field.ends_with("Path") || field.ends_with(".$") || field == "Variable"
}

/// A machine that runs another one as the processor of a Map, for its whole input as the one item.
fn over_one_item(machine: &Value) -> Value {
    json!({"StartAt": BEFORE_MAP, "States": {
        BEFORE_MAP: {"Type": "Pass", "Parameters": {"items.$": "States.Array($)"}, "Next": MAP},
        MAP: {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": machine, "Next": AFTER_MAP},
        AFTER_MAP: {"Type": "Pass", "OutputPath": "$[0]", "End": true}}})
}

/// What a state is called in its context, whatever its name is, and a bare one in messages.
pub(super) const STATE_NAME: &str = "StateName";
const BEFORE: &str = "Before the state";
const EXIT: &str = "Exit";
const BEFORE_MAP: &str = "Before the Map";
const MAP: &str = "Map";
const AFTER_MAP: &str = "After the Map";
const CONTEXT: &str = "testStateContext";
const TOKEN: &str = "testStateToken";
/// Fields of a Map or Parallel that hold for a Task in its place.
const MOCKED_FIELDS: &[&str] = &[
    "Assign",
    "Catch",
    "Comment",
    "End",
    "InputPath",
    "Next",
    "Output",
    "OutputPath",
    "QueryLanguage",
    "ResultPath",
    "ResultSelector",
    "Retry",
];
