//! What is logged at a level is a part of what is logged at `ALL`, numbers and links included; and a
//! history has an end even where its execution has none in sight.

use expressway::asl::source::Source;
use expressway::asl::{MachineType, parse_as};
use expressway::base::ids::WakeToken;
use expressway::compile::compile;
use expressway::program::{Loaded, World};
use expressway::shard::{CallRequest, CallResult, Calls, Completions, Limits};
use expressway::trial::clock::{Ended, VirtualShard};
use expressway::vm::{self, Event, Level, Recording};

/// Answers each call at once: what is sent `null` fails, everything else comes back.
struct Answers(Completions);

impl Calls for Answers {
    fn call(&mut self, token: WakeToken, request: CallRequest) {
        let result = if request.input == b"null" {
            CallResult::Failed { error: "Refused".into(), cause: Some("null".into()) }
        } else {
            CallResult::Returned(request.input)
        };
        self.0.push(token, result);
    }

    fn cancel(&mut self, _: WakeToken) {}
}

fn run(definition: &str, input: &str, recording: Recording, limits: Limits) -> Ended {
    let parsed = parse_as(definition, "test", MachineType::Express);
    let machine = parsed.machine.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
    let world = World::express("us-east-1", "111111111111", "m", "role");
    let image = compile(&machine, Source { file: "test", text: definition }, world);
    let loaded = Loaded::from(image.expect("compiles"));
    let completions = Completions::default();
    let mut shard = VirtualShard::new(loaded, limits, Answers(completions.clone()), completions)
        .recording(recording);
    shard.start(0, "e", input.as_bytes());
    shard.run();
    shard.sink.ended.pop().expect("it ends")
}

/// An event as the level leaves it: the details that data stand in may be gone.
fn without_data(event: &Event) -> Event {
    let mut event = event.clone();
    event
        .details
        .retain(|(name, _)| !["input", "output", "parameters", "assignedVariables"].contains(name));
    event
}

const MACHINES: &[(&str, &str)] = &[
    // Iterations that fail, and others that are given up.
    (
        r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "F"}],
            "ItemProcessor": {"StartAt": "P", "States": {
                "P": {"Type": "Pass", "Next": "T"},
                "T": {"Type": "Task", "End": true, "Resource": "arn:aws:states:::http:invoke",
                    "Retry": [{"ErrorEquals": ["Refused"], "MaxAttempts": 1}]}}}},
            "F": {"Type": "Fail", "Error": "E", "Cause": "c"}}}"#,
        "[1, null, 3]",
    ),
    // Branches, a variable, a wait that is long enough to be folded up.
    (
        r#"{"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Assign": {"v": [1, 2]}, "Next": "W"},
            "W": {"Type": "Wait", "Seconds": 60, "Next": "B"},
            "B": {"Type": "Parallel", "Next": "C", "Branches": [
                {"StartAt": "X", "States": {"X": {"Type": "Succeed"}}},
                {"StartAt": "Y", "States": {"Y": {"Type": "Wait", "Seconds": 1, "End": true}}}]},
            "C": {"Type": "Choice", "Choices": [
                {"Variable": "$[0]", "IsPresent": true, "Next": "D"}], "Default": "D"},
            "D": {"Type": "Task", "End": true, "Resource": "arn:aws:states:::http:invoke"}}}"#,
        "{}",
    ),
    // An evaluation that fails as the state is entered, and one that fails after its task.
    (
        r#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {
            "A": {"Type": "Pass", "Next": "B"},
            "B": {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Arguments": 1,
                "Output": "{% $number('x') %}", "Next": "C",
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C"}]},
            "C": {"Type": "Task", "Resource": "arn:aws:states:::http:invoke",
                "Arguments": "{% $number('x') %}", "End": true}}}"#,
        "{}",
    ),
    (
        r#"{"TimeoutSeconds": 5, "StartAt": "W", "States": {
            "W": {"Type": "Wait", "Seconds": 60, "End": true}}}"#,
        "{}",
    ),
];

#[test]
fn a_level_logs_a_part_of_all_with_the_same_numbers_and_links() {
    for (definition, input) in MACHINES {
        let all = run(definition, input, Recording::ALL, Limits::default());
        assert!(all.history.len() > 2, "{definition}");
        for level in [Level::All, Level::Error, Level::Fatal, Level::Off] {
            for data in [true, false] {
                let ended = run(definition, input, Recording { level, data }, Limits::default());
                let expected: Vec<_> = all
                    .history
                    .iter()
                    .filter(|event| level.logs(event.kind))
                    .map(|event| if data { event.clone() } else { without_data(event) })
                    .collect();
                assert_eq!(ended.history, expected, "{level:?} {data} {definition}");
                assert_eq!((ended.status, ended.cause), (all.status, all.cause.clone()));
                assert_eq!(ended.events_left_out, 0);
            }
        }
    }
}

#[test]
fn a_history_that_is_full_counts_the_rest_and_tells_the_end() {
    let definition = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true,
        "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}}"#;
    let items = format!("[{}0]", "0,".repeat(2_000));
    let all = run(definition, &items, Recording::ALL, Limits::default());
    let execution = vm::Limits { history_bytes_max: 65_536, ..vm::Limits::default() };
    let limits = Limits { execution, ..Limits::default() };
    let cut = run(definition, &items, Recording::ALL, limits);
    assert_eq!(cut.output, all.output);
    let total = cut.history.len() + cut.events_left_out as usize;
    assert_eq!(total, all.history.len());
    assert!(cut.history.len() > 100 && cut.history.len() < 1_000, "{}", cut.history.len());
    assert_eq!(cut.history.last(), all.history.last(), "the end keeps its number");
    assert_eq!(cut.history.last().map(|event| event.kind), Some("ExecutionSucceeded"));
}
