//! `TestState` as a library, beyond what recordings show.

use serde_json::{Value, json};

use super::{Answer, Request, test_state};
use crate::task::Script;

/// The answer for a state with these further members of the request.
fn answer(state: &Value, input: &str, options: &Value) -> Answer {
    let request = Request::from_options(options).expect("members of the API");
    let definition = state.to_string();
    let request = Request { definition, input: Some(input.to_owned()), ..request };
    test_state(&request, &Script::default())
}

fn tested(state: &Value, input: &str, options: &Value) -> Value {
    match answer(state, input, options) {
        Answer::Tested(response) => response,
        other => panic!("{other:?}"),
    }
}

fn refused(state: &Value, options: &Value) -> String {
    match answer(state, "{}", options) {
        Answer::Refused { code, message } => format!("{code}: {message}"),
        other => panic!("{other:?}"),
    }
}

fn task(more: &Value) -> Value {
    let mut task = json!({"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
        "Next": "Done"});
    for (field, value) in more.as_object().into_iter().flatten() {
        task[field] = value.clone();
    }
    task
}

fn thrown(error: &str, retries: u64) -> Value {
    json!({"mock": {"errorOutput": {"error": error, "cause": "c"}}, "inspectionLevel": "DEBUG",
        "stateConfiguration": {"retrierRetryCount": retries}})
}

#[test]
fn every_step_of_a_task_is_shown() {
    let state = task(&json!({"InputPath": "$.in", "Parameters": {"n.$": "$.a"},
        "ResultSelector": {"id.$": "$.MessageId"}, "ResultPath": "$.sent", "OutputPath": "$.sent",
        "Assign": {"id.$": "$.MessageId"}}));
    let options = json!({"mock": {"result": "{\"MessageId\": \"m\"}"}, "inspectionLevel": "DEBUG"});
    assert_eq!(
        tested(&state, r#"{"in": {"a": 1}}"#, &options),
        json!({"status": "SUCCEEDED", "output": {"id": "m"}, "nextState": "Done", "inspectionData": {
            "input": {"in": {"a": 1}}, "afterInputPath": {"a": 1}, "afterParameters": {"n": 1},
            "result": {"MessageId": "m"}, "afterResultSelector": {"id": "m"},
            "afterResultPath": {"in": {"a": 1}, "sent": {"id": "m"}}, "variables": {"id": "m"}}})
    );
}

#[test]
fn a_failure_leads_to_a_retry_a_catcher_or_the_end() {
    let state = task(&json!({
        "Retry": [{"ErrorEquals": ["Other"]},
            {"ErrorEquals": ["Busy"], "IntervalSeconds": 3, "MaxAttempts": 4, "MaxDelaySeconds": 20}],
        "Catch": [{"ErrorEquals": ["Nobody"], "Next": "A"},
            {"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.why", "Next": "Mend"}]}));
    for (retries, backoff_seconds) in [(0, 3), (2, 12), (3, 20)] {
        let response = tested(&state, "{}", &thrown("Busy", retries));
        assert_eq!((&response["status"], &response["cause"]), (&json!("RETRIABLE"), &json!("c")));
        assert_eq!(
            response["inspectionData"]["errorDetails"],
            json!({"retryIndex": 1, "retryBackoffIntervalSeconds": backoff_seconds})
        );
    }
    let response = tested(&state, r#"{"a": 1}"#, &thrown("Busy", 4));
    assert_eq!(response["status"], "CAUGHT_ERROR");
    assert_eq!((&response["nextState"], &response["error"]), (&json!("Mend"), &json!("Busy")));
    assert_eq!(response["output"], json!({"a": 1, "why": {"Error": "Busy", "Cause": "c"}}));
    assert_eq!(response["inspectionData"]["errorDetails"], json!({"catchIndex": 1}));
    let response = tested(&task(&json!({})), "{}", &thrown("Busy", 0));
    assert_eq!(response["status"], "FAILED");
    assert_eq!(response.get("output"), None);
}

#[test]
fn a_context_and_variables_are_what_the_state_sees() {
    let state = task(&json!({"Parameters": {"name.$": "$$.Execution.Name", "v.$": "$v.x",
        "plain": "$$"}}));
    let options = json!({"mock": {"result": "1"}, "inspectionLevel": "TRACE",
        "context": {"Execution": {"Name": "e"}}, "variables": {"v": {"x": [2]}}});
    let response = tested(&state, "{}", &options);
    let data = &response["inspectionData"];
    assert_eq!(data["afterParameters"], json!({"name": "e", "v": [2], "plain": "$$"}));
    assert_eq!(data["variables"], json!({"v": {"x": [2]}}));
    // What goes wrong is told as if the context were no variable.
    let state = task(&json!({"Parameters": {"name.$": "$$.Execution.None"}}));
    let response = tested(&state, "{}", &options);
    let cause = response["cause"].as_str().expect("a cause");
    assert!(cause.contains("(entered at the event id #2)"), "{cause}");
    assert!(cause.contains("'$$.Execution.None'") && !cause.contains("testState"), "{cause}");
}

#[test]
fn a_map_tolerates_what_it_says() {
    let state = |tolerated: &Value| {
        let mut state = json!({"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "End": true,
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}});
        for (field, value) in tolerated.as_object().into_iter().flatten() {
            state[field] = value.clone();
        }
        state
    };
    let options = json!({"mock": {"result": "[1, 2, 3, 4]"}, "inspectionLevel": "DEBUG",
        "stateConfiguration": {"mapIterationFailureCount": 2}});
    let input = r#"{"items": [0, 0, 0, 0]}"#;
    for (tolerated, status) in [
        (json!({}), "SUCCEEDED"),
        (json!({"ToleratedFailureCount": 2}), "SUCCEEDED"),
        (json!({"ToleratedFailureCount": 1}), "FAILED"),
        (json!({"ToleratedFailurePercentage": 50}), "SUCCEEDED"),
        (json!({"ToleratedFailurePercentage": 49.5}), "FAILED"),
    ] {
        let response = tested(&state(&tolerated), input, &options);
        assert_eq!(response["status"], status, "{tolerated}");
        assert_eq!(response["inspectionData"]["maxConcurrency"], 2);
        assert_eq!(response["inspectionData"]["afterItemsPath"], json!([0, 0, 0, 0]));
    }
    let response = tested(&state(&json!({})), r#"{"items": 1}"#, &options);
    assert_eq!(response["cause"], "Reference path \"$.items\" must point to array.");
}

#[test]
fn what_cannot_be_tested_is_refused() {
    let mock = json!({"mock": {"result": "1"}});
    let pass = json!({"Type": "Pass", "End": true});
    for (state, options, said) in [
        (pass.clone(), mock, "ValidationException: State type 'Pass' is not supported"),
        (task(&json!({})), json!({}), "ValidationException: RoleArn must be specified"),
        (pass.clone(), json!({"mock": {}}), "ValidationException: A test mock should have only"),
        (pass, json!({"stateName": "X"}), "ValidationException: State 'X' not found"),
        (
            json!({"Type": "Pas", "End": true}),
            json!({}),
            "InvalidDefinition: Invalid State Machine",
        ),
        (
            task(&json!({})),
            json!({"mock": {"result": "1"}, "context": {"Foo": 1}}),
            "ValidationException: Invalid Context object provided: Field 'Foo' is not allowed",
        ),
    ] {
        let found = refused(&state, &options);
        assert!(found.starts_with(said), "{found}");
    }
    let request = Request { definition: "nonsense".to_owned(), ..Request::default() };
    let Answer::Refused { code, .. } = test_state(&request, &Script::default()) else {
        panic!("it is no definition");
    };
    assert_eq!(code, "InvalidDefinition");
}

#[test]
fn a_state_is_found_wherever_it_is() {
    let inner = json!({"StartAt": "Deep", "States": {"Deep": {"Type": "Succeed"}}});
    let machine = json!({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true,
        "Branches": [inner]}}});
    let response = tested(&machine, "[7]", &json!({"stateName": "Deep"}));
    assert_eq!(response, json!({"status": "SUCCEEDED", "output": [7]}));
}
