//! Executions that are folded up while they sleep behave as those that are not, and hold less.

use expressway::asl::parse;
use expressway::asl::source::Source;
use expressway::base::ids::WakeToken;
use expressway::compile::compile;
use expressway::program::{Loaded, World};
use expressway::shard::{CallRequest, CallResult, Calls, Completions, Limits, Status};
use expressway::trial::clock::{Ended, VirtualShard};

/// Keeps what a shard asks for; the test answers.
#[derive(Default)]
struct Asked {
    calls: Vec<(WakeToken, CallRequest)>,
    cancelled: Vec<WakeToken>,
}

impl Calls for Asked {
    fn call(&mut self, token: WakeToken, request: CallRequest) {
        self.calls.push((token, request));
    }

    fn cancel(&mut self, token: WakeToken) {
        self.cancelled.push(token);
    }
}

/// A shard that runs an Express machine with these states, begun at `A`.
fn shard(states: &str, limits: Limits) -> VirtualShard<Asked> {
    let text = format!(r#"{{"StartAt": "A", "States": {{{states}}}}}"#);
    let machine = parse(&text, "test").unwrap_or_else(|refused| panic!("{refused:?}"));
    let world = World::express("us-east-1", "111111111111", "m", "role");
    let image = compile(&machine, Source { file: "test", text: &text }, world).expect("compiles");
    VirtualShard::new(Loaded::from(image), limits, Asked::default(), Completions::default())
}

/// Runs several executions side by side; calls are answered after two seconds, the first of every
/// execution with an error.
fn run(states: &str, input: &str, fold_after_ms: u64) -> (Vec<Ended>, Vec<String>) {
    let limits = Limits { fold_after_ms, history: true, ..Limits::default() };
    let mut shard = shard(states, limits);
    for offset in 0..3 {
        shard.start(offset, &format!("name-{offset}"), input.as_bytes());
    }
    let mut answered = 0;
    shard.settle_down();
    while shard.core.open() > 0 {
        if let Some((token, request)) = shard.calls.calls.get(answered).cloned() {
            let text = format!(r#"{{"answer": {answered}, "to": [1.50, "\u00e9"]}}"#);
            let result = match request.attempt {
                0 => CallResult::Failed { error: "Busy".into(), cause: None },
                _ => CallResult::Returned(text.into_bytes()),
            };
            answered += 1;
            shard.advance_ns(2_000_000_000);
            shard.settle_down();
            shard.inputs.answers.push_back((token, result));
            shard.settle_down();
        } else {
            shard.step();
        }
    }
    let requests = shard.calls.calls.iter().map(|(_, request)| format!("{request:?}")).collect();
    (shard.sink.ended, requests)
}

const INPUT: &str = r#"{"n":0,"s":2,"pad":"a \"quoted\" text","more":[1.0,1e5,{"k":null}]}"#;

/// Each sleeps with something else in its registers.
const SLEEPERS: [&str; 11] = [
    r#""A": {"Type": "Wait", "SecondsPath": "$.s", "OutputPath": "$.more", "End": true}"#,
    // The input is read after the wait.
    r#""A": {"Type": "Pass", "Parameters": {"v.$": "$.more"}, "Next": "B"},
        "B": {"Type": "Wait", "Seconds": 1, "Next": "C"},
        "C": {"Type": "Pass", "Parameters": {"all.$": "$$", "v.$": "$.v"}, "End": true}"#,
    // The context is read in the state that waits.
    r#""A": {"Type": "Wait", "Seconds": 1, "Assign": {"id.$": "$$.Execution.Id", "at.$": "$$.State.EnteredTime"}, "Next": "B"},
        "B": {"Type": "Wait", "Seconds": 3, "Next": "C"},
        "C": {"Type": "Pass", "Parameters": {"id.$": "$id", "at.$": "$at", "s.$": "$.s"}, "End": true}"#,
    // Some variables are set, some are not yet.
    r#""A": {"Type": "Pass", "Assign": {"one.$": "$.more", "two": null}, "Next": "B"},
        "B": {"Type": "Wait", "Seconds": 1, "Next": "C"},
        "C": {"Type": "Pass", "Assign": {"three.$": "$one"}, "Next": "D"},
        "D": {"Type": "Wait", "Seconds": 1, "Next": "E"},
        "E": {"Type": "Pass", "Parameters": {"three.$": "$three", "two.$": "$two", "in.$": "$"}, "End": true}"#,
    // A loop of waits.
    r#""A": {"Type": "Wait", "Seconds": 1, "Next": "B"},
        "B": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)", "pad.$": "$.pad"}, "Next": "C"},
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 9, "Next": "A"}], "Default": "D"},
        "D": {"Type": "Succeed"}"#,
    // A call that fails, a delay, and a call that is answered.
    r#""A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"sent.$": "$.pad", "retry.$": "$$.State.RetryCount"},
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 3}], "ResultPath": "$.result", "End": true}"#,
    // What fails after a sleep is caught.
    r#""A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 1,
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "B"}], "End": true},
        "B": {"Type": "Wait", "Seconds": 400, "End": true}"#,
    // An expression reads the state's input, and a later one the execution's.
    r#""A": {"Type": "Pass", "Parameters": {"v.$": "$.more", "s.$": "$.s"}, "Next": "B"},
        "B": {"Type": "Wait", "QueryLanguage": "JSONata", "Seconds": "{% $states.input.s %}",
            "Assign": {"at": "{% $states.context.State.EnteredTime %}"},
            "Output": {"v": "{% $states.input.v %}"}, "Next": "C"},
        "C": {"Type": "Wait", "Seconds": 1, "Next": "D"},
        "D": {"Type": "Pass", "QueryLanguage": "JSONata", "End": true,
            "Output": ["{% $states.context.Execution.Input %}", "{% $states.input %}", "{% $at %}"]}"#,
    // A call that fails, a delay, and a call whose result stands beside the input.
    r#""A": {"Type": "Task", "QueryLanguage": "JSONata", "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"sent": "{% $states.input.pad %}", "retry": "{% $states.context.State.RetryCount %}"},
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 3}],
            "Output": ["{% $states.input.more %}", "{% $states.result.answer %}"], "End": true}"#,
    // An error stands beside the input.
    r#""A": {"Type": "Task", "QueryLanguage": "JSONata", "Resource": "arn:aws:states:::lambda:invoke",
            "TimeoutSeconds": "{% $states.input.s %}",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B",
                "Output": ["{% $states.input.more %}", "{% $states.errorOutput.Error %}"]}], "End": true},
        "B": {"Type": "Wait", "Seconds": 4, "End": true}"#,
    // One that has had children.
    r#""A": {"Type": "Map", "ItemsPath": "$.more", "ResultPath": "$.mapped", "Next": "B", "ItemProcessor":
            {"StartAt": "I", "States": {"I": {"Type": "Wait", "Seconds": 2, "End": true}}}},
        "B": {"Type": "Wait", "Seconds": 2, "Next": "C"},
        "C": {"Type": "Map", "ItemsPath": "$.mapped", "End": true, "ItemProcessor":
            {"StartAt": "J", "States": {"J": {"Type": "Pass", "End": true}}}}"#,
];

#[test]
fn folding_changes_nothing_that_can_be_seen() {
    for states in SLEEPERS {
        let never = run(states, INPUT, u64::MAX);
        assert_eq!(never.0.len(), 3);
        for fold_after_ms in [0, 1_000, 1_500] {
            assert_eq!(run(states, INPUT, fold_after_ms), never, "{fold_after_ms} ms: {states}");
        }
    }
}

#[test]
fn a_sleeper_holds_its_text_once_and_little_else() {
    let pad = "x".repeat(20_000);
    let input = format!(r#"{{"pad":"{pad}","s":1}}"#);
    for (state, at_most) in [
        // The execution's input is the working value.
        (r#""Type": "Wait", "Seconds": 9, "Next": "B""#, input.len() + 100),
        // Of the input, only a part is left; somebody reads all of it later.
        (r#""Type": "Wait", "Seconds": 9, "InputPath": "$.s", "Next": "B""#, input.len() + 100),
    ] {
        let then = r#""B": {"Type": "Pass", "InputPath": "$$.Execution.Input", "End": true}"#;
        let mut shard = shard(&format!(r#""A": {{{state}}}, {then}"#), Limits::default());
        shard.start(0, "e", input.as_bytes());
        shard.settle_down();
        let held_bytes = shard.core.held_bytes();
        assert!((input.len()..at_most).contains(&held_bytes), "{held_bytes} bytes");
        shard.run();
        assert_eq!(shard.sink.ended[0].output, input);
        assert_eq!(shard.core.held_bytes(), 0);
    }
}

#[test]
fn an_input_that_nobody_reads_any_more_is_dropped() {
    let input = format!(r#"{{"pad":"{}","id":7}}"#, "x".repeat(20_000));
    for states in [
        r#""A": {"Type": "Pass", "Parameters": {"id.$": "$$.Execution.Input.id"}, "Next": "B"},
            "B": {"Type": "Wait", "Seconds": 9, "End": true}"#,
        r#""A": {"Type": "Pass", "QueryLanguage": "JSONata", "Next": "B",
                "Output": {"id": "{% $states.context.Execution.Input.id %}"}},
            "B": {"Type": "Wait", "QueryLanguage": "JSONata", "Seconds": "{% $states.input.id %}", "End": true}"#,
    ] {
        let mut shard = shard(states, Limits::default());
        shard.start(0, "e", input.as_bytes());
        shard.settle_down();
        assert!(shard.core.held_bytes() < 100, "{} bytes", shard.core.held_bytes());
        shard.run();
        let ended = &shard.sink.ended[0];
        assert_eq!(
            (ended.output.as_str(), ended.metered_data_bytes),
            (r#"{"id":7}"#, input.len() as u64)
        );
    }
}

#[test]
fn calls_are_folded_once_they_have_been_unanswered_for_a_while() {
    let states = r#""A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
        "ResultPath": "$.result", "End": true}"#;
    let mut shard = shard(states, Limits::default());
    let input = format!(r#"{{"pad":"{}"}}"#, "x".repeat(1_000));
    for offset in 0..10 {
        shard.start(offset, "e", input.as_bytes());
    }
    shard.settle_down();
    let awake_bytes = shard.core.held_bytes();
    shard.advance_ns(999_000_000);
    shard.settle_down();
    assert_eq!(shard.core.held_bytes(), awake_bytes);
    shard.advance_ns(1_000_000);
    shard.settle_down();
    assert!(shard.core.held_bytes() < 10 * (input.len() + 50), "{}", shard.core.held_bytes());
    let tokens: Vec<_> = shard.calls.calls.iter().map(|(token, _)| *token).collect();
    for token in tokens {
        shard.inputs.answers.push_back((token, CallResult::Returned(b"1".to_vec())));
    }
    shard.settle_down();
    let with_result = input.replace('}', r#","result":1}"#);
    assert_eq!(shard.sink.ended.len(), 10);
    assert!(shard.sink.ended.iter().all(|ended| ended.output == with_result));
}

#[test]
fn sleepers_time_out_and_are_abandoned_like_any_other() {
    let states = r#""A": {"Type": "Wait", "Seconds": 1000, "End": true}"#;
    let mut shard = shard(states, Limits::default());
    shard.start(0, "e", b"{}");
    shard.run();
    assert_eq!(shard.sink.ended[0].status, Status::TimedOut);
    assert_eq!((shard.core.held_bytes(), shard.core.timer_count()), (0, 0));
    shard.start(1, "e", b"{}");
    shard.settle_down();
    assert_eq!(shard.core.abandon(&mut shard.calls), 1);
    let left = (shard.core.open(), shard.core.held_bytes(), shard.core.timer_count());
    assert_eq!(left, (0, 0, 0));
}

#[test]
fn what_is_too_deep_to_be_read_again_stays_as_it_is() {
    let states = r#""A": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)", "v.$": "$.v"}, "Next": "B"},
        "B": {"Type": "Pass", "Parameters": {"n.$": "$.n", "v": {"v.$": "$.v"}}, "Next": "C"},
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 1100, "Next": "A"}], "Default": "D"},
        "D": {"Type": "Wait", "Seconds": 2, "OutputPath": "$.n", "End": true}"#;
    let mut shard = shard(states, Limits::default());
    shard.start(0, "e", br#"{"n":0,"v":0}"#);
    shard.run();
    assert_eq!(shard.sink.ended[0].output, "1100");
}
