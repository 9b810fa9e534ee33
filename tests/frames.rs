//! How branches and iterations share an execution: order, concurrency, giving up, and bounds.

use std::fmt::Write as _;

use expressway::asl::parse;
use expressway::asl::source::Source;
use expressway::base::ids::WakeToken;
use expressway::compile::compile;
use expressway::program::{Loaded, World};
use expressway::shard::{CallRequest, CallResult, Calls, Completions, Limits, Status};
use expressway::trial::clock::{Ended, VirtualShard};
use expressway::vm;

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

type Shard = VirtualShard<Asked>;

/// A shard that runs an Express machine with these states, begun at `A`.
fn shard(states: &str, limits: Limits) -> Shard {
    let text = format!(r#"{{"StartAt": "A", "States": {{{states}}}}}"#);
    let machine = parse(&text, "test").unwrap_or_else(|refused| panic!("{refused:?}"));
    let world = World::express("us-east-1", "111111111111", "m", "role");
    let image = compile(&machine, Source { file: "test", text: &text }, world).expect("compiles");
    VirtualShard::new(Loaded::from(image), limits, Asked::default(), Completions::default())
}

fn map(head: &str, states: &str) -> String {
    format!(
        r#""A": {{"Type": "Map", {head} "End": true,
            "ItemProcessor": {{"StartAt": "I", "States": {{{states}}}}}}}"#
    )
}

fn task(name: &str) -> String {
    format!(
        r#""{name}": {{"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}}"#
    )
}

fn branch(name: &str, state: &str) -> String {
    format!(r#"{{"StartAt": "{name}", "States": {{{state}}}}}"#)
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

fn answer(shard: &mut Shard, call: usize, text: &str) {
    let token = shard.calls.calls[call].0;
    shard.inputs.answers.push_back((token, CallResult::Returned(text.as_bytes().to_vec())));
    shard.settle_down();
}

fn fail(shard: &mut Shard, call: usize) {
    let token = shard.calls.calls[call].0;
    let failed = CallResult::Failed { error: "Oops".into(), cause: None };
    shard.inputs.answers.push_back((token, failed));
    shard.settle_down();
}

fn inputs(shard: &Shard) -> Vec<String> {
    let inputs = shard.calls.calls.iter();
    inputs.map(|(_, request)| String::from_utf8_lossy(&request.input).into_owned()).collect()
}

#[test]
fn as_many_iterations_run_at_once_as_may() {
    let mut shard = shard(&map(r#""MaxConcurrency": 2,"#, &task("I")), Limits::default());
    shard.start(0, "e", b"[0,1,2,3]");
    shard.settle_down();
    assert_eq!(inputs(&shard), ["0", "1"]);
    answer(&mut shard, 1, "\"b\"");
    assert_eq!(inputs(&shard), ["0", "1", "2"]);
    answer(&mut shard, 2, "\"c\"");
    answer(&mut shard, 3, "\"d\"");
    assert!(shard.sink.ended.is_empty());
    answer(&mut shard, 0, "\"a\"");
    assert_eq!(only(&shard).output, r#"["a","b","c","d"]"#);
}

#[test]
fn an_inline_map_runs_at_most_forty_at_once_and_the_limit_can_be_set() {
    let items = serde_json::to_string(&(0..100).collect::<Vec<_>>()).expect("JSON");
    for limit in [40, 7] {
        let mut limits = Limits::default();
        assert_eq!(limits.execution.map_concurrency_max, 40);
        limits.execution.map_concurrency_max = limit;
        let mut shard = shard(&map("", &task("I")), limits);
        shard.start(0, "e", items.as_bytes());
        shard.settle_down();
        assert_eq!(shard.calls.calls.len(), limit as usize);
    }
}

#[test]
fn one_failure_gives_up_the_others_with_their_calls_and_timers() {
    let wait = r#""W": {"Type": "Wait", "Seconds": 200, "End": true}"#;
    let inner = format!(
        r#""P": {{"Type": "Parallel", "End": true, "Branches": [{}, {}]}}"#,
        branch("W", wait),
        branch("D", &task("D"))
    );
    let states = format!(
        r#""A": {{"Type": "Parallel", "Branches": [{}, {}, {}], "End": true,
            "Catch": [{{"ErrorEquals": ["Oops"], "Next": "Caught"}}]}},
           "Caught": {{"Type": "Pass", "End": true}}"#,
        branch("B", &task("B")),
        branch("C", &task("C")),
        branch("P", &inner)
    );
    let mut shard = shard(&states, Limits::default());
    shard.start(0, "e", b"{}");
    shard.settle_down();
    let names: Vec<_> = shard.calls.calls.iter().map(|(_, request)| &*request.state).collect();
    assert_eq!(names, ["B", "C", "D"]);
    fail(&mut shard, 1);
    assert_eq!(only(&shard).output, r#"{"Error":"Oops","Cause":""}"#);
    let mut cancelled = shard.calls.cancelled.clone();
    cancelled.sort_by_key(|token| token.index);
    assert_eq!(cancelled, [shard.calls.calls[0].0, shard.calls.calls[2].0]);
    assert_eq!((shard.core.timer_count(), shard.core.open()), (0, 0));
    // What comes all the same finds nobody.
    answer(&mut shard, 0, "1");
    answer(&mut shard, 2, "1");
    assert_eq!(shard.sink.ended.len(), 1);
}

#[test]
fn the_end_of_time_gives_up_everything() {
    let states = format!(
        r#""A": {{"Type": "Parallel", "Branches": [{}, {}], "End": true}}"#,
        branch("B", &task("B")),
        branch("C", &task("C"))
    );
    let mut shard = shard(&states, Limits::default());
    let ended = run(&mut shard, "{}");
    assert_eq!((ended.status, ended.duration_ns), (Status::TimedOut, 300_000_000_000));
    assert_eq!(shard.calls.cancelled.len(), 2);
    assert_eq!((shard.core.timer_count(), shard.core.open()), (0, 0));
}

#[test]
fn a_branch_that_never_ends_does_not_starve_its_sibling() {
    let endless = r#""L": {"Type": "Pass", "Next": "M"}, "M": {"Type": "Choice", "Default": "L",
        "Choices": [{"Variable": "$.end", "IsPresent": true, "Next": "N"}]}, "N": {"Type": "Succeed"}"#;
    let states = format!(
        r#""A": {{"Type": "Parallel", "Branches": [{}, {}], "End": true}}"#,
        branch("L", endless),
        branch("F", r#""F": {"Type": "Fail", "Error": "Enough"}"#)
    );
    let mut shard = shard(&states, Limits::default());
    let ended = run(&mut shard, "{}");
    assert_eq!((ended.status, ended.error.as_deref()), (Status::Failed, Some("Enough")));
}

#[test]
fn a_huge_array_is_mapped_in_bounded_memory() {
    let mut items = String::from("[0");
    for item in 1..60_000 {
        let _ = write!(items, ",{item}");
    }
    items.push(']');
    assert!(items.len() > 250_000 && items.len() <= 262_144 + 100_000);
    let items = &items[..items[..262_000].rfind(',').expect("a comma")];
    let input = format!("{items}]");
    let states =
        r#""I": {"Type": "Pass", "Parameters": {"v.$": "$"}, "OutputPath": "$.v", "End": true}"#;
    let mut shard = shard(&map("", states), Limits::default());
    shard.start(0, "e", input.as_bytes());
    let mut most = 0;
    while shard.turn().busy {
        most = most.max(shard.core.held_bytes());
    }
    assert_eq!(only(&shard).output, input);
    assert!(most < 16 * 1_024 * 1_024, "{most} bytes held");
}

#[test]
fn thousands_of_nested_iterations_run_or_are_refused_with_a_clear_error() {
    // Three levels of 39 iterations each: 59,319 that wait at once, and 1,560 in between.
    let mut states = r#""W": {"Type": "Wait", "Seconds": 1, "End": true}"#.to_owned();
    for level in ["C", "B", "A"] {
        let start =
            if level == "C" { "W" } else { &((level.as_bytes()[0] + 1) as char).to_string() };
        let head = branch(start, &states);
        states = format!(
            r#""{level}": {{"Type": "Map", "ItemsPath": "$$.Execution.Input", "End": true,
                "ItemProcessor": {head}}}"#
        );
    }
    let items = serde_json::to_string(&(0..39).collect::<Vec<_>>()).expect("JSON");
    let mut limits = Limits::default();
    let mut all = shard(&states, limits);
    let ended = run(&mut all, &items);
    assert_eq!(ended.status, Status::Succeeded);
    limits.execution.frames_max = 1_000;
    let mut few = shard(&states, limits);
    let ended = run(&mut few, &items);
    assert_eq!(ended.error.as_deref(), Some("States.Runtime"));
    let cause = ended.cause.expect("a cause");
    assert!(cause.contains("open branches and iterations"), "{cause}");
    assert_eq!((few.core.timer_count(), few.core.open()), (0, 0));
}

#[test]
fn an_execution_holds_no_more_than_it_may() {
    let states = r#""I": {"Type": "Pass", "Parameters": {"v.$": "$$.Execution.Input"}, "Next": "W"},
        "W": {"Type": "Wait", "Seconds": 1, "End": true}"#;
    let execution = vm::Limits { held_bytes_max: 100_000, ..vm::Limits::default() };
    let limits = Limits { execution, ..Limits::default() };
    let selector = r#""ItemSelector": {"a.$": "States.Format('{}', $)"},"#;
    let mut shard = shard(&map(selector, states), limits);
    let items = serde_json::to_string(&vec!["x".repeat(1_000); 50]).expect("JSON");
    let ended = run(&mut shard, &items);
    assert_eq!(ended.error.as_deref(), Some("States.Runtime"));
    let cause = ended.cause.expect("a cause");
    assert!(cause.ends_with("The values grow beyond what an execution may hold."), "{cause}");
}

#[test]
fn branches_and_iterations_are_metered_by_their_inputs() {
    let mut shard = shard(&map("", r#""I": {"Type": "Pass", "End": true}"#), Limits::default());
    let ended = run(&mut shard, r#"["abc",1,{"a":2}]"#);
    assert_eq!(ended.metered_data_bytes, 5 + 1 + 7);
}

#[test]
fn a_retry_waits_longer_each_time_and_not_longer_than_it_may() {
    let states = r#""A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
        "Retry": [{"ErrorEquals": ["Oops"], "IntervalSeconds": 2, "BackoffRate": 3.0,
                   "MaxDelaySeconds": 10, "MaxAttempts": 3}]}"#;
    let mut shard = shard(states, Limits::default());
    shard.start(0, "e", b"{}");
    shard.settle_down();
    let mut delays = Vec::new();
    for call in 0..4 {
        assert_eq!(shard.calls.calls[call].1.attempt as usize, call);
        fail(&mut shard, call);
        let before = shard.now_ns();
        while shard.calls.calls.len() == call + 1 && shard.sink.ended.is_empty() {
            shard.step();
        }
        delays.push((shard.now_ns() - before) / 1_000_000_000);
    }
    assert_eq!(delays, [2, 6, 10, 0]);
    assert_eq!(only(&shard).error.as_deref(), Some("Oops"));
}

#[test]
fn jitter_draws_from_nothing_to_the_whole_delay() {
    let states = r#""A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
        "TimeoutSeconds": 1, "Retry": [{"ErrorEquals": ["Oops"], "IntervalSeconds": 100,
                   "BackoffRate": 1.0, "JitterStrategy": "FULL", "MaxAttempts": 1}]}"#;
    let mut delays = Vec::new();
    let mut shard = shard(states, Limits::default());
    for execution in 0..50 {
        shard.start(execution, "e", b"{}");
        shard.settle_down();
        fail(&mut shard, 2 * execution as usize);
        let before = shard.now_ns();
        while shard.calls.calls.len() < 2 * execution as usize + 2 {
            shard.step();
        }
        delays.push((shard.now_ns() - before) / 1_000_000_000);
        fail(&mut shard, 2 * execution as usize + 1);
    }
    assert!(delays.iter().all(|delay| *delay <= 100), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay < 30), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay > 70), "{delays:?}");
}

#[test]
fn ten_thousand_states_run_one_after_the_other_and_beside_each_other() {
    let mut chain = String::from(r#""A": {"Type": "Pass", "Next": "S1"}"#);
    for state in 1..10_000 {
        let _ = write!(chain, r#", "S{state}": {{"Type": "Pass", "Next": "S{}"}}"#, state + 1);
    }
    chain += r#", "S10000": {"Type": "Succeed"}"#;
    assert_eq!(run(&mut shard(&chain, Limits::default()), "{}").transitions, 10_001);

    let branches: Vec<_> = (0..8_000)
        .map(|number| {
            branch(
                &format!("B{number}"),
                &format!(r#""B{number}": {{"Type": "Wait", "Seconds": 1, "End": true}}"#),
            )
        })
        .collect();
    let wide = format!(
        r#""A": {{"Type": "Parallel", "End": true, "Branches": [{}]}}"#,
        branches.join(",")
    );
    let ended = run(&mut shard(&wide, Limits::default()), "{}");
    assert_eq!((ended.status, ended.transitions), (Status::Succeeded, 8_001));
}

#[test]
fn branches_nested_as_deep_as_a_definition_may_be_run() {
    let mut inner = branch("L", r#""L": {"Type": "Pass", "End": true}"#);
    for level in 0..50 {
        let state =
            format!(r#""P{level}": {{"Type": "Parallel", "End": true, "Branches": [{inner}]}}"#);
        inner = branch(&format!("P{level}"), &state);
    }
    let states = format!(r#""A": {{"Type": "Parallel", "End": true, "Branches": [{inner}]}}"#);
    let ended = run(&mut shard(&states, Limits::default()), "7");
    assert_eq!(ended.output, format!("{}7{}", "[".repeat(51), "]".repeat(51)));
}

#[test]
fn results_that_share_what_they_hold_are_still_as_long_as_they_are() {
    let selector = format!(r#""ItemSelector": {{"t": "{}"}},"#, "x".repeat(50_000));
    let mut shard =
        shard(&map(&selector, r#""I": {"Type": "Pass", "End": true}"#), Limits::default());
    let ended = run(&mut shard, &format!("[{}0]", "0,".repeat(99_999)));
    assert_eq!(ended.error.as_deref(), Some("States.DataLimitExceeded"));
}

#[test]
fn an_execution_of_many_branches_has_one_place_in_the_queue() {
    let endless = r#""I": {"Type": "Wait", "SecondsPath": "$", "Next": "L"},
        "L": {"Type": "Pass", "Next": "M"}, "M": {"Type": "Choice", "Default": "L",
        "Choices": [{"Variable": "$.end", "IsPresent": true, "Next": "N"}]}, "N": {"Type": "Succeed"}"#;
    let mut shard = shard(&map("", endless), Limits { fuel: 100, ..Limits::default() });
    shard.start(0, "e", b"[1,2,3,4,5]");
    shard.settle_down();
    for _ in 0..20 {
        shard.advance_ns(1_000_000_000);
        shard.turn();
        assert!(shard.core.ready_count() <= 1, "{} places", shard.core.ready_count());
    }
}

#[test]
fn a_path_may_not_have_more_steps_than_a_document_has_levels() {
    for (steps, fine) in [(1_024, true), (1_100, false)] {
        let text = format!(
            r#"{{"StartAt": "A", "States": {{"A": {{"Type": "Pass", "ResultPath": "${}", "End": true}}}}}}"#,
            ".a".repeat(steps)
        );
        assert_eq!(parse(&text, "test").is_ok(), fine, "{steps} steps");
    }
}

#[test]
fn one_template_cannot_exhaust_the_memory() {
    let mut fields = String::new();
    for field in 0..300 {
        let _ = write!(fields, r#""f{field}.$": "States.Format('{{}}{{}}', $.t, $.t)", "#);
    }
    let states =
        format!(r#""A": {{"Type": "Pass", "Parameters": {{{fields} "z": 1}}, "End": true}}"#);
    let execution = vm::Limits { held_bytes_max: 8_000_000, ..vm::Limits::default() };
    let mut shard = shard(&states, Limits { execution, ..Limits::default() });
    let ended = run(&mut shard, &format!(r#"{{"t": "{}"}}"#, "x".repeat(200_000)));
    assert_eq!(ended.error.as_deref(), Some("States.Runtime"));
    let cause = ended.cause.expect("a cause");
    assert!(cause.ends_with("The values grow beyond what an execution may hold."), "{cause}");
}
