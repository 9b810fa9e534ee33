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
    assert!(cause.starts_with("The JSONPath '$$.Execution.None' specified for"), "{cause}");
    assert!(!cause.contains("testState"), "{cause}");
}

#[test]
fn a_token_is_there_to_be_sent() {
    let state = task(&json!({"Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"MessageBody": {"token.$": "$$.Task.Token"}}}));
    let mock = json!({"mock": {"result": "1"}, "inspectionLevel": "DEBUG"});
    let response = tested(&state, "{}", &mock);
    assert_eq!(response["status"], "SUCCEEDED");
    assert!(response["inspectionData"]["afterParameters"]["MessageBody"]["token"].is_string());
    assert_eq!(response["inspectionData"].get("variables"), None);
    let empty = json!({"mock": {"result": "1"}, "context": {}});
    let response = tested(&state, "{}", &empty);
    let cause = response["cause"].as_str().expect("a cause");
    assert!(cause.starts_with("The JSONPath '$$.Task.Token' specified for"), "{cause}");
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
fn the_items_of_a_map_are_shown_and_its_numbers_may_be_paths() {
    let processor = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}});
    let state = json!({"Type": "Map", "InputPath": "$.in", "ItemsPath": "$.items", "End": true,
        "ItemSelector": {"n.$": "$$.Map.Item.Value", "x.$": "$.x"}, "ItemProcessor": processor,
        "ItemBatcher": {"MaxItemsPerBatch": 2}, "MaxConcurrencyPath": "$.x",
        "ToleratedFailureCountPath": "$.x", "ToleratedFailurePercentage": 99});
    let input = r#"{"in": {"items": [7, 8, 9], "x": 1}}"#;
    let options = json!({"mock": {"result": "[1, 2, 3]"}, "inspectionLevel": "DEBUG",
        "stateConfiguration": {"mapIterationFailureCount": 1}});
    let data = &tested(&state, input, &options)["inspectionData"];
    let items: Vec<_> = [7, 8, 9].map(|n| json!({"n": n, "x": 1})).into();
    assert_eq!(data["afterItemSelector"], json!(items));
    assert_eq!(data["afterItemBatcher"], json!([{"Items": items[..2]}, {"Items": items[2..]}]));
    assert_eq!((&data["maxConcurrency"], &data["toleratedFailureCount"]), (&json!(1), &json!(1)));
    assert_eq!(data["toleratedFailurePercentage"], 99);

    let options = json!({"mock": {"result": "[1, 2, 3]"},
        "stateConfiguration": {"mapIterationFailureCount": 2}});
    let response = tested(&state, input, &options);
    assert_eq!(response["error"], "States.ExceedToleratedFailureThreshold");
    let response = tested(&state, r#"{"in": {"items": [7]}}"#, &options);
    let cause = response["cause"].as_str().expect("a cause");
    assert!(cause.starts_with("The JSONPath '$.x' specified for the field 'x.$'"), "{cause}");
}

#[test]
fn a_reader_and_a_writer_are_only_read() {
    let state = json!({"Type": "Map", "End": true, "ResultPath": "$.written",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}},
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b"}},
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {}}});
    let options = json!({"mock": {"result": "{\"MapRunArn\": \"a\"}"}, "inspectionLevel": "TRACE",
        "stateConfiguration": {"mapItemReaderData": "[1, 2]"}});
    assert_eq!(
        tested(&state, r#"{"b": 1}"#, &options),
        json!({"status": "SUCCEEDED", "output": {"b": 1, "written": {"MapRunArn": "a"}},
            "inspectionData": {"input": {"b": 1}, "afterInputPath": {"b": 1}, "maxConcurrency": 0,
                "afterResultSelector": {"MapRunArn": "a"},
                "afterResultPath": {"b": 1, "written": {"MapRunArn": "a"}}}})
    );
    assert!(refused(&state, &json!({})).starts_with("InvalidDefinition: TestState API does not"));
    let machine = json!({"StartAt": "M", "States": {"M": state}});
    assert_eq!(tested(&machine, "[1]", &json!({"stateName": "P"}))["output"], json!([1]));
}

#[test]
fn the_context_is_that_of_a_state_without_a_machine() {
    let inner = json!({"Type": "Pass", "Parameters": {"c.$": "$$"}, "End": true});
    let machine = json!({"StartAt": "Named", "States": {
        "Named": {"Type": "Map", "Next": "Other", "ItemProcessor": {"StartAt": "Inner",
            "States": {"Inner": inner}}},
        "Other": inner}});
    let context = |options: &Value| tested(&machine, "[5]", options)["output"]["c"].clone();
    let found = context(&json!({"stateName": "Other"}));
    assert_eq!(found["State"]["Name"], "StateName");
    assert_eq!(found["Execution"]["RoleArn"], Value::Null);
    assert_eq!(found["Execution"].get("RedriveCount"), None);
    assert_eq!(found.get("Map"), None);
    let found = context(&json!({"stateName": "Inner", "roleArn": "arn:r"}));
    assert_eq!(found["Execution"]["RoleArn"], "arn:r");
    let item = &found["Map"]["Item"];
    assert_eq!((&item["Index"], &item["Value"]), (&json!(0), &json!([5])));
    assert_eq!(found["Execution"]["Input"], json!([5]));
}

#[test]
fn faults_around_the_tested_state_are_told_as_aws_tells_them() {
    let said = |state: &Value, options: &Value| {
        let message = refused(state, options);
        let text = message.strip_prefix("InvalidDefinition: Invalid State Machine Definition: ");
        text.unwrap_or(&message).to_owned()
    };
    let required = "'SCHEMA_VALIDATION_FAILED: This object should have only one of the following \
                    fields: [Next, End] at /States/StateName'";
    // A bare state leads where it wants to, and need not end.
    assert_eq!(said(&json!({"Type": "Pass"}), &json!({})), required);
    assert_eq!(
        said(&json!({}), &json!({})),
        "'SCHEMA_VALIDATION_FAILED: The field 'Type' is required at /States/StateName'"
    );
    let branch = json!({"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "C"}}});
    assert_eq!(
        said(&json!({"Type": "Parallel", "Branches": [branch], "Next": "N"}), &json!({})),
        "'MISSING_TRANSITION_TARGET: Missing 'Next' target: C at \
         /States/StateName/Branches[0]/States/B/Next, MISSING_END_STATE: Workflow has no terminal \
         state at null'"
    );
    assert_eq!(
        said(&json!({"Type": "Succeed"}), &json!({"stateName": "S"})),
        "'SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /, \
         SCHEMA_VALIDATION_FAILED: Field 'Type' is not supported at /'"
    );
    for resource in [
        "arn:aws:states:us-east-1:1:activity:a",
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    ] {
        let state = task(&json!({"Resource": resource}));
        let answer = refused(&state, &json!({"roleArn": "arn:r"}));
        assert!(answer.starts_with("InvalidDefinition: TestState API does not"), "{answer}");
    }
}

#[test]
fn what_cannot_be_tested_is_refused() {
    let mock = json!({"mock": {"result": "1"}});
    let pass = json!({"Type": "Pass", "End": true});
    for (state, options, said) in [
        (pass.clone(), mock, "ValidationException: State type 'Pass' is not supported"),
        (task(&json!({})), json!({}), "ValidationException: RoleArn must be specified"),
        (pass.clone(), json!({"mock": {}}), "ValidationException: A test mock should have only"),
        (
            json!({"StartAt": "P", "States": {"P": pass}}),
            json!({"stateName": "X"}),
            "ValidationException: State 'X' not found",
        ),
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

#[test]
fn a_jsonata_task_shows_what_it_is_sent_and_what_it_gets() {
    let state = task(
        &json!({"QueryLanguage": "JSONata", "Arguments": {"n": "{% $states.input.a %}"},
        "Assign": {"id": "{% $states.result.MessageId %}"}, "Output": "{% $states.result.MessageId %}"}),
    );
    let options = json!({"mock": {"result": "{\"MessageId\": \"m\"}"}, "inspectionLevel": "DEBUG"});
    assert_eq!(
        tested(&state, r#"{"a": 1}"#, &options),
        json!({"status": "SUCCEEDED", "output": "m", "nextState": "Done", "inspectionData": {
            "input": {"a": 1}, "afterArguments": {"n": 1}, "result": {"MessageId": "m"},
            "variables": {"id": "m"}}})
    );
}

#[test]
fn a_jsonata_map_shows_its_numbers_and_shaped_items() {
    let map = json!({"Type": "Map", "QueryLanguage": "JSONata", "Items": "{% $states.input.items %}",
        "ItemSelector": {"v": "{% $states.context.Map.Item.Value %}", "x": "{% $x %}"},
        "MaxConcurrency": "{% $x + 1 %}", "ItemProcessor": {"StartAt": "I", "States": {
            "I": {"Type": "Pass", "End": true}}}, "Output": "{% $count($states.result) %}", "End": true});
    let options =
        json!({"mock": {"result": "[1, 2]"}, "inspectionLevel": "DEBUG", "variables": {"x": 2}});
    let shown = tested(&map, r#"{"items": ["a", "b"]}"#, &options);
    assert_eq!((&shown["status"], &shown["output"]), (&json!("SUCCEEDED"), &json!(2)));
    let data = &shown["inspectionData"];
    assert_eq!(data["afterItemSelector"], json!([{"v": "a", "x": 2}, {"v": "b", "x": 2}]));
    assert_eq!((&data["maxConcurrency"], &data["variables"]), (&json!(3), &json!({"x": 2})));
    let failed = tested(&map, r#"{"items": "a"}"#, &options);
    assert_eq!(
        (&failed["status"], &failed["error"], &failed["cause"]),
        (
            &json!("FAILED"),
            &json!("States.QueryEvaluationError"),
            &json!(
                "The JSONata expression '$states.input.items' specified for the field 'Items' \
                    returned an unexpected result type. Expected 'array', but was 'string' for value: \"a\""
            )
        )
    );
}

#[test]
fn a_context_that_is_given_is_what_jsonata_sees() {
    let context = json!({"Execution": {"Name": "given"}});
    let output = |expression: &str| {
        let state =
            json!({"Type": "Pass", "QueryLanguage": "JSONata", "Output": expression, "End": true});
        tested(&state, r#"{"a": 1}"#, &json!({"context": context}))
    };
    assert_eq!(output("{% $states.context.Execution.Name %}")["output"], "given");
    assert_eq!(output("{% $states %}")["output"], json!({"input": {"a": 1}, "context": context}));
    assert_eq!(
        output("{% $states.context.State.Name %}")["cause"],
        "The JSONata expression '$states.context.State.Name' specified for the field 'Output' \
         returned nothing (undefined)."
    );
}
