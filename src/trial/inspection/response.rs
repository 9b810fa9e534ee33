//! What `TestState` answers: how the state ended, where it leads, and its data.
//!
//! Nothing is retried: the answer says that it would be, and when. The engine itself finds the
//! retrier and the catcher that match.

use serde_json::{Map, Value, json};

use super::Answer;
use super::isolate::{End, Exit, State};
use super::request::Request;
use super::stages::{Fault, Stages};
use crate::task::Script;

/// Runs the state and says how it ended.
pub(super) fn respond(request: &Request, state: &State, tasks: &Script) -> Result<Value, Answer> {
    let tasks = mocked(request, tasks)?;
    let mocked = request.mock.is_some();
    let runs = if mocked { state.as_mocked() } else { state.clone() };
    let failure = tolerance_breached(request, state, &tasks)?;
    let tasks = if let Some(failure) = &failure { failure.clone() } else { tasks };
    let (end, sent) = runs.without(&["Retry", "Catch"]).run(&tasks)?;
    // A Map needs its items looked at even if nobody wants to see them.
    let (mut data, fault) = if request.inspects() || state.kind() == "Map" {
        Stages::new(state, &tasks).collect(request, sent)?
    } else {
        (Map::new(), None)
    };
    let end = fault.map_or(end, |Fault { error, cause }| End::Failed { error, cause });
    let mut response = match end {
        End::Left(exit) => left("SUCCEEDED", exit, &mut data),
        End::Failed { error, cause } => {
            let mut response = recovered(request, &runs, &tasks, &mut data)?;
            if let Some(error) = error {
                response["error"] = error.into();
            }
            if let Some(cause) = cause {
                response["cause"] = cause.into();
            }
            response
        }
    };
    if request.inspects() {
        response["inspectionData"] = Value::Object(data);
    }
    Ok(response)
}

/// The answers of tasks: the request's mock, or those given.
fn mocked(request: &Request, tasks: &Script) -> Result<Script, Answer> {
    let Some(mock) = &request.mock else { return Ok(tasks.clone()) };
    let answer = match (&mock.result, &mock.error_output) {
        (Some(result), _) => {
            let result: Value = serde_json::from_str(result).unwrap_or_default();
            json!({"Return": result})
        }
        (None, Some(output)) => {
            let mut thrown =
                json!({"Error": output.error.as_deref().unwrap_or("States.TaskFailed")});
            if let Some(cause) = &output.cause {
                thrown["Cause"] = cause.as_str().into();
            }
            json!({"Throw": thrown})
        }
        (None, None) => return Ok(tasks.clone()),
    };
    script(&answer)
}

fn script(answer: &Value) -> Result<Script, Answer> {
    Script::from_json(&json!({"*": {"*": answer}}))
        .map_err(|error| Answer::invalid(error.to_string()))
}

/// The failure of a Map of which more iterations failed than it tolerates.
fn tolerance_breached(
    request: &Request,
    state: &State,
    tasks: &Script,
) -> Result<Option<Script>, Answer> {
    let result = request.mock.as_ref().and_then(|mock| mock.result.as_deref());
    let items = result.and_then(|result| serde_json::from_str::<Vec<Value>>(result).ok());
    let failures = request.state_configuration.map_iteration_failure_count;
    let (Some(failed), Some(items)) = (failures, items) else { return Ok(None) };
    let items = items.len().max(1) as f64;
    let number = |field| state.number(field, tasks).map(|number| number?.as_f64());
    let (count, percentage) =
        (number("ToleratedFailureCount")?, number("ToleratedFailurePercentage")?);
    let failed = failed as f64;
    let breached = count.is_some_and(|count| failed > count)
        || percentage.is_some_and(|percentage| failed * 100.0 > percentage * items);
    if !breached {
        return Ok(None);
    }
    let thrown = json!({"Throw": {"Error": "States.ExceedToleratedFailureThreshold",
        "Cause": "The specified tolerated failure threshold was exceeded"}});
    script(&thrown).map(Some)
}

fn left(status: &str, exit: Exit, data: &mut Map<String, Value>) -> Value {
    let mut response = json!({"status": status, "output": exit.output});
    if let Some(next) = exit.next {
        response["nextState"] = next.into();
    }
    if let Some(variables) = exit.variables {
        data.insert("variables".to_owned(), variables);
    }
    response
}

/// What becomes of a failure: a retry, a catcher, or the end.
fn recovered(
    request: &Request,
    state: &State,
    tasks: &Script,
    data: &mut Map<String, Value>,
) -> Result<Value, Answer> {
    if let Some((index, backoff_seconds)) = retried(request, state, tasks)? {
        let details = json!({"retryIndex": index, "retryBackoffIntervalSeconds": backoff_seconds});
        data.insert("errorDetails".to_owned(), details);
        return Ok(json!({"status": "RETRIABLE"}));
    }
    if state.field("Catch").is_some()
        && let (End::Left(exit), _) = state.without(&["Retry"]).run(tasks)?
        && let Some(index) = exit.catch_index
    {
        data.insert("errorDetails".to_owned(), json!({"catchIndex": index}));
        return Ok(left("CAUGHT_ERROR", exit, data));
    }
    Ok(json!({"status": "FAILED"}))
}

/// The retrier that would try again, and in how many seconds.
fn retried(request: &Request, state: &State, tasks: &Script) -> Result<Option<(u64, u64)>, Answer> {
    let Some(retriers) = state.field("Retry").and_then(Value::as_array) else { return Ok(None) };
    // As catchers, so that the engine says which of them matches.
    let catchers = retriers
        .iter()
        .map(|retrier| json!({"ErrorEquals": retrier["ErrorEquals"], "Next": "again"}))
        .collect();
    let state = state.without(&["Retry"]).with("Catch", catchers);
    let (End::Left(exit), _) = state.run(tasks)? else { return Ok(None) };
    let Some(index) = exit.catch_index else { return Ok(None) };
    let retrier = &retriers[index as usize];
    let attempts = request.state_configuration.retrier_retry_count;
    if attempts >= retrier["MaxAttempts"].as_u64().unwrap_or(3) {
        return Ok(None);
    }
    let interval_seconds = retrier["IntervalSeconds"].as_f64().unwrap_or(1.0);
    let rate = retrier["BackoffRate"].as_f64().unwrap_or(2.0);
    let delay_seconds = interval_seconds * rate.powf(attempts as f64);
    let limit_seconds = retrier["MaxDelaySeconds"].as_f64().unwrap_or(f64::INFINITY);
    Ok(Some((index, delay_seconds.min(limit_seconds) as u64)))
}
