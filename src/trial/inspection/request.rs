//! What `TestState` is asked, and what it refuses before anything runs.
//!
//! Messages as recorded on AWS.

use serde::Deserialize;
use serde_json::Value;

use super::Answer;
use super::isolate::State;

/// A request; members as the API names them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// A state, or a machine together with `state_name`.
    #[serde(skip)]
    pub definition: String,
    /// The state's input as JSON text; `None`: `{}`.
    #[serde(skip)]
    pub input: Option<String>,
    /// The state of the machine to test.
    pub state_name: Option<String>,
    /// The role to run with.
    pub role_arn: Option<String>,
    /// How much to tell.
    pub inspection_level: Level,
    /// Whether to tell what is secret.
    pub reveal_secrets: bool,
    /// What the task gives.
    pub mock: Option<Mock>,
    /// The context object.
    pub context: Option<Value>,
    /// Variables that earlier states assigned.
    pub variables: Option<Value>,
    /// What has happened to the state before.
    pub state_configuration: StateConfiguration,
}

/// How much an answer tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// With the data after each step.
    Debug,
    /// Only the end.
    #[default]
    Info,
    /// With the data after each step and HTTP exchanges.
    Trace,
}

/// What a mocked task gives.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mock {
    /// Its result as JSON text.
    pub result: Option<String>,
    /// Its failure.
    pub error_output: Option<ErrorOutput>,
}

/// A mocked failure.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ErrorOutput {
    /// Error name.
    pub error: Option<String>,
    /// Cause.
    pub cause: Option<String>,
}

/// What has happened to the state before.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StateConfiguration {
    /// Attempts that the retrier has made.
    pub retrier_retry_count: u64,
    /// Iterations of a Map that failed.
    pub map_iteration_failure_count: Option<u64>,
}

impl Request {
    /// Reads the members of a request other than the definition and the input.
    ///
    /// # Errors
    /// The member that is none of the API's.
    pub fn from_options(options: &Value) -> Result<Self, serde_json::Error> {
        if options.is_null() {
            return Ok(Self::default());
        }
        Self::deserialize(options)
    }

    /// Whether the answer holds the data after each step.
    pub(super) fn inspects(&self) -> bool {
        self.inspection_level != Level::Info
    }

    /// What is wrong whatever the state is.
    pub(super) fn check_alone(&self) -> Result<(), Answer> {
        let Some(mock) = &self.mock else {
            return match self.state_configuration.map_iteration_failure_count {
                Some(_) => Err(Answer::invalid(
                    "TestState does not support MapIterationFailureCount when a mock is not specified.",
                )),
                None => Ok(()),
            };
        };
        if self.reveal_secrets {
            return Err(Answer::invalid(
                "TestState does not support RevealSecrets when a mock is specified.",
            ));
        }
        if mock.result.is_some() == mock.error_output.is_some() {
            return Err(Answer::invalid(
                "A test mock should have only one of the following fields: [result, errorOutput].",
            ));
        }
        Ok(())
    }

    /// What is wrong with this state; its definition is sound.
    pub(super) fn check_with(&self, state: &State) -> Result<(), Answer> {
        self.check_context(state)?;
        let kind = state.kind();
        let Some(mock) = &self.mock else {
            return match kind {
                "Map" | "Parallel" => Err(Answer::refused("InvalidDefinition", NEEDS_MOCK)),
                // AWS: that it refuses these is documented, the text is not recorded.
                "Task" if state.is_activity() || state.waits_for_service() => {
                    Err(Answer::refused("InvalidDefinition", NEEDS_MOCK_TOO))
                }
                "Task" if self.role_arn.is_none() => {
                    Err(Answer::invalid("RoleArn must be specified when testing a Task state"))
                }
                _ => Ok(()),
            };
        };
        if !matches!(kind, "Task" | "Map" | "Parallel") {
            let message = format!("State type '{kind}' is not supported when a mock is specified");
            return Err(Answer::invalid(message));
        }
        let Some(result) = &mock.result else { return Ok(()) };
        let Ok(result) = serde_json::from_str::<Value>(result) else {
            return Err(Answer::invalid("Mocked result must be valid JSON"));
        };
        check_result(state, &result)?;
        let failures = self.state_configuration.map_iteration_failure_count;
        match (failures, result.as_array()) {
            (Some(failures), Some(items)) if failures > items.len() as u64 => Err(Answer::invalid(
                "Map iteration failure count must be less than or equal to the number of Map \
                 iterations",
            )),
            _ => Ok(()),
        }
    }

    fn check_context(&self, state: &State) -> Result<(), Answer> {
        let invalid =
            |text: String| Err(Answer::invalid(format!("Invalid Context object provided: {text}")));
        let Some(Value::Object(context)) = &self.context else { return Ok(()) };
        for (field, value) in context {
            let known = match field.as_str() {
                "Map" => {
                    let text = "'Map' field is not supported when mocking a Context object";
                    return invalid(text.to_owned());
                }
                "Task" if !state.waits_for_service() => {
                    return invalid(
                        "Context object contains 'Task' when state is not a Task state with a \
                         '.sync' or '.waitForTaskToken' service integration pattern"
                            .to_owned(),
                    );
                }
                "Task" => &["Token"][..],
                "Execution" => EXECUTION_FIELDS,
                "State" => &["EnteredTime", "Name", "RetryCount"],
                "StateMachine" => &["Id", "Name"],
                _ => return invalid(format!("Field '{field}' is not allowed")),
            };
            let inner = value.as_object().into_iter().flat_map(|inner| inner.keys());
            if let Some(field) = inner.into_iter().find(|field| !known.contains(&field.as_str())) {
                return invalid(format!("Field '{field}' is not allowed"));
            }
        }
        Ok(())
    }
}

/// Whether a mocked result has the form that a state of its type gives.
fn check_result(state: &State, result: &Value) -> Result<(), Answer> {
    match state.kind() {
        "Map" if state.field("ResultWriter").is_some() && !result.is_object() => {
            Err(Answer::invalid("Mocked result must be a JSON object."))
        }
        "Map" if state.field("ResultWriter").is_some() => Ok(()),
        "Map" | "Parallel" if !result.is_array() => {
            Err(Answer::invalid("Mocked result must be an array."))
        }
        "Parallel" => {
            let branches = state.field("Branches").and_then(Value::as_array).map_or(0, Vec::len);
            if result.as_array().is_some_and(|items| items.len() == branches) {
                return Ok(());
            }
            Err(Answer::invalid(
                "Mocked result must contain the same number of items as number of Parallel \
                 branches.",
            ))
        }
        _ => Ok(()),
    }
}

const NEEDS_MOCK: &str = "TestState API does not support Map or Parallel states. Supported state \
                          types include: [Task, Wait, Pass, Succeed, Fail, Choice]";
const NEEDS_MOCK_TOO: &str = "TestState API does not support Activity tasks, .sync or \
                              .waitForTaskToken service integration patterns";
const EXECUTION_FIELDS: &[&str] =
    &["Id", "Input", "Name", "RedriveCount", "RedriveTime", "RoleArn", "StartTime"];
