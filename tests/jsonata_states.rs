//! JSONata states: what their expressions see, what they pass on, and how they fail.

use std::fmt::Write as _;
use std::path::Path;

use expressway::asl::source::Source;
use expressway::asl::{MachineType, parse_as};
use expressway::base::ids::WakeToken;
use expressway::compile::compile;
use expressway::program::{Loaded, World};
use expressway::shard::{CallRequest, CallResult, Calls, Completions, Limits, Status};
use expressway::trial::clock::{Ended, VirtualShard};

/// Keeps what a shard asks for; the test answers.
#[derive(Default)]
struct Asked {
    calls: Vec<(WakeToken, CallRequest)>,
}

impl Calls for Asked {
    fn call(&mut self, token: WakeToken, request: CallRequest) {
        self.calls.push((token, request));
    }

    fn cancel(&mut self, _: WakeToken) {}
}

type Shard = VirtualShard<Asked>;

/// A shard that runs a machine with these members and states, begun at `A`.
fn shard(members: &str, states: &str) -> Shard {
    loaded(&format!(r#"{{"StartAt": "A", {members} "States": {{{states}}}}}"#))
}

fn loaded(text: &str) -> Shard {
    let parsed = parse_as(text, "test", MachineType::Standard);
    let machine = parsed.machine.unwrap_or_else(|| panic!("{:?}\n{text}", parsed.diagnostics));
    let world = World::standard("us-east-1", "111111111111", "m", "role");
    let image = compile(&machine, Source { file: "test", text }, world).expect("compiles");
    let limits = Limits { history: true, ..Limits::default() };
    VirtualShard::new(Loaded::from(image), limits, Asked::default(), Completions::default())
}

fn jsonata(states: &str) -> Shard {
    shard(r#""QueryLanguage": "JSONata","#, states)
}

fn run(shard: &mut Shard, input: &str) -> Ended {
    shard.start(0, "e", input.as_bytes());
    shard.run();
    only(shard)
}

fn only(shard: &Shard) -> Ended {
    let [ended] = shard.sink.ended.as_slice() else { panic!("{:?}", shard.sink.ended) };
    ended.clone()
}

fn answer(shard: &mut Shard, call: usize, result: CallResult) {
    let token = shard.calls.calls[call].0;
    shard.inputs.answers.push_back((token, result));
    shard.settle_down();
}

fn returned(text: &str) -> CallResult {
    CallResult::Returned(text.as_bytes().to_vec())
}

fn inputs(shard: &Shard) -> Vec<String> {
    let inputs = shard.calls.calls.iter();
    inputs.map(|(_, request)| String::from_utf8_lossy(&request.input).into_owned()).collect()
}

/// Types of the events, each with its number and that of its predecessor.
fn events(ended: &Ended) -> String {
    let mut text = String::new();
    for event in &ended.history {
        let _ = write!(text, " {}<{} {}", event.id, event.previous, event.kind);
    }
    text.trim_start().to_owned()
}

const LAMBDA: &str = "arn:aws:states:::lambda:invoke";

#[test]
fn output_and_assign_see_the_variables_of_the_entry() {
    let mut shard = jsonata(
        r#""A": {"Type": "Pass", "Assign": {"x": 1, "y": 2}, "Next": "B"},
           "B": {"Type": "Pass", "Assign": {"x": "{% $y %}", "y": "{% $x %}"},
                "Output": ["{% $x %}", "{% $y %}"], "Next": "C"},
           "C": {"Type": "Pass", "Output": {"before": "{% $states.input %}", "x": "{% $x %}", "y": "{% $y %}"},
                "End": true}"#,
    );
    assert_eq!(run(&mut shard, "{}").output, r#"{"before":[1,2],"x":2,"y":1}"#);
}

#[test]
fn without_output_the_input_is_passed_on() {
    let mut shard = jsonata(
        r#""A": {"Type": "Pass", "Next": "B"},
           "B": {"Type": "Wait", "Seconds": 1, "Next": "C"},
           "C": {"Type": "Choice", "Choices": [{"Condition": true, "Next": "D"}], "Output": 1},
           "D": {"Type": "Succeed"}"#,
    );
    assert_eq!(run(&mut shard, r#"{"k":[1.50]}"#).output, r#"{"k":[1.50]}"#);
}

#[test]
fn constants_and_text_that_is_no_expression_stay_as_they_are() {
    let output = r#"{"a":[1,null," {% 1 %} ","$.x"],"b":{"c.$":"$.c"}}"#;
    let states = format!(r#""A": {{"Type": "Pass", "Output": {output}, "End": true}}"#);
    assert_eq!(run(&mut jsonata(&states), "{}").output, output);
}

#[test]
fn a_task_is_sent_its_arguments_and_its_output_sees_the_result() {
    let states = format!(
        r#""A": {{"Type": "Task", "Resource": "{LAMBDA}", "Arguments": {{"n": "{{% $states.input.n %}}"}},
            "Assign": {{"got": "{{% $states.result %}}"}},
            "Output": {{"in": "{{% $states.input.n %}}", "out": "{{% $states.result.m %}}"}}, "Next": "B"}},
           "B": {{"Type": "Task", "Resource": "{LAMBDA}", "Next": "C"}},
           "C": {{"Type": "Pass", "Output": ["{{% $states.input %}}", "{{% $got %}}"], "End": true}}"#
    );
    let mut shard = jsonata(&states);
    shard.start(0, "e", br#"{"n":7}"#);
    shard.settle_down();
    answer(&mut shard, 0, returned(r#"{"m":8}"#));
    answer(&mut shard, 1, returned("9"));
    assert_eq!(inputs(&shard), [r#"{"n":7}"#, r#"{"in":7,"out":8}"#]);
    assert_eq!(only(&shard).output, r#"[9,{"m":8}]"#);
}

#[test]
fn the_fields_of_a_matched_rule_take_the_place_of_the_states() {
    let states = r#""A": {"Type": "Choice", "Output": "state", "Assign": {"by": "state"}, "Default": "B",
            "Choices": [
                {"Condition": "{% $states.input.first %}", "Output": "first", "Next": "B"},
                {"Condition": "{% $states.input.second %}", "Assign": {"by": "second"}, "Next": "B"}]},
        "B": {"Type": "Pass", "Output": {"in": "{% $states.input %}"}, "Assign": {"seen": "{% $by %}"}, "Next": "C"},
        "C": {"Type": "Pass", "Output": ["{% $states.input.in %}", "{% $seen %}"], "End": true}"#;
    let second = r#"{"first":false,"second":true}"#;
    for (input, output) in [
        (second, format!(r#"[{second},"second"]"#)),
        (r#"{"first":false,"second":false}"#, r#"["state","state"]"#.to_owned()),
    ] {
        assert_eq!(run(&mut jsonata(states), input).output, output);
    }
    // A rule without `Assign` assigns nothing.
    let ended = run(&mut jsonata(states), r#"{"first":true}"#);
    let cause = ended.cause.expect("a cause");
    assert!(
        cause
            .ends_with("'$by' specified for the field 'Assign/seen' returned nothing (undefined)."),
        "{cause}"
    );
}

#[test]
fn a_failed_argument_is_tried_again_and_caught_by_its_own_state() {
    let states = format!(
        r#""A": {{"Type": "Task", "Resource": "{LAMBDA}", "Arguments": {{"n": "{{% $states.input.none %}}"}},
            "Retry": [{{"ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 1, "IntervalSeconds": 5}}],
            "Catch": [
                {{"ErrorEquals": ["Other"], "Next": "B"}},
                {{"ErrorEquals": ["States.TaskFailed"], "Assign": {{"why": "{{% $states.errorOutput.Error %}}"}},
                 "Output": {{"in": "{{% $states.input %}}"}}, "Next": "B"}}],
            "End": true}},
           "B": {{"Type": "Pass", "Output": ["{{% $why %}}", "{{% $states.input.in %}}"], "End": true}}"#
    );
    let ended = run(&mut jsonata(&states), "{}");
    assert_eq!(ended.output, r#"["States.QueryEvaluationError",{}]"#);
    assert_eq!(ended.duration_ns, 5_000_000_000);
    assert_eq!(
        events(&ended),
        "1<0 ExecutionStarted 2<0 TaskStateEntered 3<0 EvaluationFailed 4<3 EvaluationFailed \
         5<4 TaskStateExited 6<5 PassStateEntered 7<6 PassStateExited 8<7 ExecutionSucceeded"
    );
}

#[test]
fn what_a_catcher_evaluates_is_not_caught_again() {
    let states = format!(
        r#""A": {{"Type": "Task", "Resource": "{LAMBDA}", "Catch": [
            {{"ErrorEquals": ["States.ALL"], "Output": {{"x": "{{% $states.errorOutput.none %}}"}}, "Next": "B"}}],
            "End": true}}, "B": {{"Type": "Succeed"}}"#
    );
    let mut shard = jsonata(&states);
    shard.start(0, "e", b"{}");
    shard.settle_down();
    answer(&mut shard, 0, CallResult::Failed { error: "Oops".into(), cause: None });
    let ended = only(&shard);
    assert_eq!(ended.error.as_deref(), Some("States.QueryEvaluationError"));
    assert_eq!(
        ended.cause.as_deref(),
        Some(
            "An error occurred while executing the state 'A' (entered at the event id #2). The \
             JSONata expression '$states.errorOutput.none' specified for the field \
             'Catch[0]/Output/x' returned nothing (undefined)."
        )
    );
}

/// Fields with values that they cannot take, and what is said of them.
#[test]
fn values_that_a_field_cannot_take_are_refused_in_aws_s_words() {
    let map = |fields: &str| {
        format!(
            r#""Type": "Map", {fields} "End": true, "ItemProcessor": {{
            "ProcessorConfig": {{"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}},
            "StartAt": "I", "States": {{"I": {{"Type": "Pass", "End": true}}}}}}"#
        )
    };
    let task =
        |fields: &str| format!(r#""Type": "Task", "Resource": "{LAMBDA}", {fields} "End": true"#);
    let of = |text: &str, field: &str, rest: &str| {
        format!("The JSONata expression '{text}' specified for the field '{field}' {rest}")
    };
    for (state, said) in [
        (
            r#""Type": "Choice", "Default": "Z", "Choices": [
                {"Condition": false, "Next": "Z"}, {"Condition": "{% 1 %}", "Next": "Z"}]"#
                .to_owned(),
            of("1", "Choices[1]/Condition", "returned an unexpected result type. Expected 'boolean', but was 'number' for value: 1"),
        ),
        (
            r#""Type": "Wait", "Seconds": "{% 'x' %}", "End": true"#.to_owned(),
            of("'x'", "Seconds", "returned an unexpected result type. Expected 'number', but was 'string' for value: \"x\""),
        ),
        (
            r#""Type": "Wait", "Seconds": "{% 1.5 %}", "End": true"#.to_owned(),
            "The Seconds field cannot be parsed as an integer: 1.5".to_owned(),
        ),
        (
            r#""Type": "Wait", "Timestamp": "{% 'soon' %}", "End": true"#.to_owned(),
            "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: soon".to_owned(),
        ),
        (
            r#""Type": "Fail", "Error": "{% null %}""#.to_owned(),
            of("null", "Error", "returned an unexpected result type. Expected 'string', but was 'null' for value: null"),
        ),
        (task(r#""TimeoutSeconds": "{% -1 %}","#), "TimeoutSeconds must be between 0 and 99999999 but was: -1".to_owned()),
        (task(r#""HeartbeatSeconds": "{% 1.6 %}","#), "The HeartbeatSeconds field cannot be parsed as an integer: 1.6".to_owned()),
        (
            task(r#""Credentials": {"RoleArn": "{% $nobody %}"},"#),
            of("$nobody", "Credentials/RoleArn", "returned nothing (undefined)."),
        ),
        (map(""), r#"Map state input must be an array but was: {"n":1}"#.to_owned()),
        (
            map(r#""Items": "{% $states.input %}","#),
            of("$states.input", "Items", r#"returned an unexpected result type. Expected 'array', but was 'object' for value: {"n":1}"#),
        ),
        (map(r#""Items": [1], "MaxConcurrency": "{% -1 %}","#), "MaxConcurrency cannot be negative.".to_owned()),
        (
            map(r#""Items": [1], "ToleratedFailurePercentage": "{% 101 %}","#),
            "ToleratedFailurePercentage must be between 0 and 100.".to_owned(),
        ),
        (
            map(r#""Items": [1, 2], "ItemSelector": {"a": ["{% $states.input.n %}", "{% $none %}"]},"#),
            of("$none", "ItemSelector/a[1]", "returned nothing (undefined)."),
        ),
        (
            map(r#""Items": [1, 2], "ItemBatcher": {"MaxItemsPerBatch": "{% $states.input %}"},"#),
            of("$states.input", "ItemBatcher/MaxItemsPerBatch", r#"returned an unexpected result type. Expected 'number', but was 'object' for value: {"n":1}"#),
        ),
    ] {
        let behind = if state.contains("\"Z\"") { r#", "Z": {"Type": "Succeed"}"# } else { "" };
        let mut shard = jsonata(&format!(r#""A": {{{state}}}{behind}"#));
        let ended = run(&mut shard, r#"{"n":1}"#);
        let prefix = "An error occurred while executing the state 'A' (entered at the event id #2). ";
        assert_eq!(ended.error.as_deref(), Some("States.QueryEvaluationError"), "{state}");
        assert_eq!(ended.cause, Some(format!("{prefix}{said}")), "{state}");
    }
}

#[test]
fn a_map_that_fails_before_or_between_its_iterations_says_so() {
    let map = |fields: &str| {
        jsonata(&format!(
            r#""A": {{"Type": "Map", {fields} "End": true, "ItemProcessor": {{
            "StartAt": "I", "States": {{"I": {{"Type": "Pass", "End": true}}}}}}}}"#
        ))
    };
    let ended = run(&mut map(r#""Items": "{% $none %}","#), "{}");
    assert_eq!(
        events(&ended),
        "1<0 ExecutionStarted 2<0 MapStateEntered 3<0 EvaluationFailed 4<3 MapStateFailed \
         5<4 ExecutionFailed"
    );
    let ended = run(&mut map(r#""Items": [1], "Output": "{% $none %}","#), "{}");
    assert!(!events(&ended).contains("MapStateFailed"), "{}", events(&ended));
    let ended = run(&mut map(r#""Items": [1], "ItemSelector": "{% $none %}","#), "{}");
    assert_eq!(
        events(&ended),
        "1<0 ExecutionStarted 2<0 MapStateEntered 3<2 MapStateStarted 4<3 EvaluationFailed \
         5<4 MapStateFailed 6<5 ExecutionFailed"
    );
}

#[test]
fn items_are_shaped_with_the_state_s_data_and_their_own() {
    let states = r#""A": {"Type": "Map", "Items": "{% $states.input.items %}", "MaxConcurrency": "{% $states.input.most %}",
            "ItemSelector": {"i": "{% $states.context.Map.Item.Index %}", "v": "{% $states.context.Map.Item.Value %}",
                "most": "{% $states.input.most %}", "x": "{% $x %}"},
            "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true,
                "Output": ["{% $states.input.v %}", "{% $states.input.i %}", "{% $states.context.Map.Item.Index %}", "{% $x %}"]}}},
            "Output": {"got": "{% $states.result %}", "of": "{% $states.input.most %}"}, "End": true}"#;
    let states = states.replacen(
        "\"A\"",
        r#""A": {"Type": "Pass", "Assign": {"x": 5}, "Next": "B"}, "B""#,
        1,
    );
    let ended = run(&mut jsonata(&states), r#"{"items":["a","b"],"most":1}"#);
    assert_eq!(ended.output, r#"{"got":[["a",0,0,5],["b",1,1,5]],"of":1}"#);
}

#[test]
fn batches_are_made_as_expressions_say() {
    let states = r#""A": {"Type": "Map", "Items": "{% $states.input.items %}", "End": true,
            "ItemBatcher": {"MaxItemsPerBatch": "{% $states.input.most %}", "BatchInput": {"of": "{% $states.input.most %}"}},
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                "StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}}}"#;
    let ended = run(&mut jsonata(states), r#"{"items":[1,2,3],"most":2}"#);
    assert_eq!(
        ended.output,
        r#"[{"BatchInput":{"of":2},"Items":[1,2]},{"BatchInput":{"of":2},"Items":[3]}]"#
    );
}

#[test]
fn branches_get_the_arguments_of_a_parallel() {
    let states = r#""A": {"Type": "Parallel", "Arguments": "{% $states.input.a %}", "End": true,
            "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}],
            "Output": ["{% $states.result %}", "{% $states.input %}"]}"#;
    assert_eq!(run(&mut jsonata(states), r#"{"a":1}"#).output, r#"[[1],{"a":1}]"#);
}

#[test]
fn waits_and_timeouts_are_computed() {
    let states = r#""A": {"Type": "Wait", "Seconds": "{% $states.input.s %}", "Next": "B"},
        "B": {"Type": "Wait", "Timestamp": "{% $states.input.at %}", "Output": "{% $states.input.s %}", "End": true}"#;
    let ended = run(&mut jsonata(states), r#"{"s":3,"at":"2026-01-01T00:00:10Z"}"#);
    assert_eq!((ended.output.as_str(), ended.duration_ns), ("3", 10_000_000_000));
    let states = format!(
        r#""A": {{"Type": "Task", "Resource": "{LAMBDA}", "TimeoutSeconds": "{{% $states.input.s %}}", "End": true}}"#
    );
    let ended = run(&mut jsonata(&states), r#"{"s":4}"#);
    assert_eq!(
        (ended.error.as_deref(), ended.duration_ns),
        (Some("States.Timeout"), 4_000_000_000)
    );
}

#[test]
fn states_of_both_languages_share_data_and_variables() {
    let mut shard = shard(
        "",
        r#""A": {"Type": "Pass", "Assign": {"x.$": "$.p"}, "Parameters": {"p.$": "$.n"}, "Next": "B"},
           "B": {"Type": "Pass", "QueryLanguage": "JSONata", "Assign": {"y": "{% $x %}"},
                "Output": {"q": "{% $states.input.p %}"}, "Next": "C"},
           "C": {"Type": "Pass", "Parameters": {"r.$": "$.q", "y.$": "$y", "x.$": "$x"}, "End": true}"#,
    );
    assert_eq!(run(&mut shard, r#"{"n":7}"#).output, r#"{"r":7,"y":7,"x":7}"#);
}

#[test]
fn a_fail_state_says_what_it_computes() {
    let states = r#""A": {"Type": "Fail", "Error": "{% $states.input.e %}", "Cause": "{% $states.input.c %}"}"#;
    let ended = run(&mut jsonata(states), r#"{"e":"E","c":"because"}"#);
    assert_eq!(ended.status, Status::Failed);
    assert_eq!((ended.error.as_deref(), ended.cause.as_deref()), (Some("E"), Some("because")));
}

#[test]
fn what_is_too_large_is_refused_as_everywhere() {
    let pad = "x".repeat(150_000);
    let input = format!(r#"{{"p":"{pad}"}}"#);
    for fields in [
        r#""Output": ["{% $states.input %}", "{% $states.input %}"]"#,
        r#""Assign": {"a": "{% $states.input %}", "b": "{% $states.input %}"}"#,
    ] {
        let states = format!(r#""A": {{"Type": "Pass", {fields}, "End": true}}"#);
        let ended = run(&mut jsonata(&states), &input);
        assert_eq!(ended.error.as_deref(), Some("States.DataLimitExceeded"), "{fields}");
    }
}

#[test]
fn a_variable_wins_over_a_built_in_function_of_its_name() {
    // The reader stands before the writer.
    let states = r#""A": {"Type": "Pass", "Next": "C"},
        "B": {"Type": "Pass", "Output": "{% $sum + 1 %}", "End": true},
        "C": {"Type": "Pass", "Assign": {"sum": 4}, "Next": "B"}"#;
    assert_eq!(run(&mut jsonata(states), "{}").output, "5");
}

#[test]
fn what_an_expression_throws_is_told_with_its_code() {
    for (expression, said) in [
        (
            "1 + 'a'",
            "threw an error during evaluation. T2002: The right side of the \"+\" operator must evaluate to a number",
        ),
        (
            "$nothing()",
            "threw an error during evaluation. T1006: Attempted to invoke a non-function",
        ),
        ("function($a){$a}", "returned an unsupported result type."),
        (
            "[1..2000000]",
            "threw an error during evaluation: Expression evaluation memory limit exceeded: Check for excessive memory usage",
        ),
    ] {
        let states = format!(
            r#""A": {{"Type": "Pass", "Output": [0, "{{% {expression} %}}"], "End": true}}"#
        );
        let ended = run(&mut jsonata(&states), "{}");
        assert_eq!(
            ended.cause,
            Some(format!(
                "An error occurred while executing the state 'A' (entered at the event id #2). The \
                 JSONata expression '{expression}' specified for the field 'Output[1]' {said}"
            ))
        );
    }
}

#[test]
fn a_loop_of_long_evaluations_leaves_turns_to_others() {
    let states = r#""A": {"Type": "Pass", "Assign": {"n": 0}, "Next": "B"},
        "B": {"Type": "Pass", "Assign": {"n": "{% $n + 1 %}"}, "Output": "{% $sum($map([1..2000], function($v) { $v * 2 })) %}", "Next": "C"},
        "C": {"Type": "Choice", "Choices": [{"Condition": "{% $n < 40 %}", "Next": "B"}], "Default": "D"},
        "D": {"Type": "Succeed"}"#;
    let mut shard = jsonata(states);
    shard.start(0, "e", b"{}");
    let mut turns = 0;
    while shard.turn().busy {
        turns += 1;
    }
    assert_eq!(only(&shard).output, "4002000");
    assert!(turns > 1, "{turns} turns");
}

/// `pass-choice` is there in both languages, for whoever wants to compare what they cost.
#[test]
fn a_definition_in_both_languages_gives_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/state-machines");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("an example");
    let input = read("pass-choice.input.json");
    assert_eq!(read("pass-choice-jsonata.input.json"), input);
    for (priority, status) in [("normal", Status::Succeeded), ("critical", Status::Failed)] {
        let input = input.replace("normal", priority);
        let [path, jsonata] =
            ["pass-choice.asl.json", "pass-choice-jsonata.asl.json"].map(|name| {
                let ended = run(&mut loaded(&read(name)), &input);
                let output: serde_json::Value =
                    serde_json::from_str(&ended.output).unwrap_or_default();
                (ended.status, ended.error, ended.cause, output)
            });
        assert_eq!(jsonata, path);
        assert_eq!(jsonata.0, status);
    }
}
