//! How a shard behaves over time, under a clock that the test moves.

use std::fmt::Write as _;

use expressway::asl::parse;
use expressway::asl::source::Source;
use expressway::base::ids::WakeToken;
use expressway::compile::compile;
use expressway::program::{Loaded, World};
use expressway::shard::{CallRequest, CallResult, Calls, Completions, Limits, Status};
use expressway::trial::clock::{Ended, VirtualShard, batch};
use expressway::vm::Recording;

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

/// A shard that runs an Express machine with these states; the first is `A`.
fn shard(head: &str, states: &str, limits: Limits) -> VirtualShard<Asked> {
    let text = format!(r#"{{{head} "StartAt": "A", "States": {{{states}}}}}"#);
    let machine = parse(&text, "test").unwrap_or_else(|refused| panic!("{refused:?}"));
    let world = World::express("us-east-1", "111111111111", "m", "role");
    let image = compile(&machine, Source { file: "test", text: &text }, world).expect("compiles");
    let completions = Completions::default();
    VirtualShard::new(Loaded::from(image), limits, Asked::default(), completions)
}

fn returned(text: &str) -> CallResult {
    CallResult::Returned(text.as_bytes().to_vec())
}

fn only(shard: &VirtualShard<Asked>) -> &Ended {
    let [ended] = shard.sink.ended.as_slice() else { panic!("{:?}", shard.sink.ended) };
    ended
}

const MILLISECOND_NS: u64 = 1_000_000;
const PASS: &str = r#""A": {"Type": "Pass", "End": true}"#;
const TASK: &str = r#""A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
    "TimeoutSeconds": 5, "End": true}"#;
const ENDLESS_WAIT: &str = r#""A": {"Type": "Wait", "Seconds": 100000, "End": true}"#;

#[test]
fn a_wait_ends_at_its_millisecond_and_not_before() {
    let wait = r#""A": {"Type": "Wait", "SecondsPath": "$.s", "End": true}"#;
    let mut shard = shard("", wait, Limits::default());
    // Half a millisecond into the shard's time: the wait may not end half a one early.
    shard.advance_ns(MILLISECOND_NS / 2);
    shard.start(0, "e", br#"{"s": 3}"#);
    assert_eq!(shard.settle_down().open, 1);
    shard.advance_ns(3_000 * MILLISECOND_NS);
    assert_eq!(shard.settle_down().open, 1, "3,000.5 ms is in the wait's last millisecond");
    shard.advance_ns(MILLISECOND_NS / 2);
    let turned = shard.settle_down();
    assert_eq!((turned.open, turned.next_timer_ms), (0, None));
    assert_eq!(only(&shard).status, Status::Succeeded);
    assert_eq!(only(&shard).duration_ns, 3_000 * MILLISECOND_NS + MILLISECOND_NS / 2);
}

#[test]
fn waits_end_in_the_order_of_their_times() {
    let wait = r#""A": {"Type": "Wait", "SecondsPath": "$", "End": true}"#;
    let mut shard = shard("", wait, Limits::default());
    for (offset, seconds) in [(0, "7"), (1, "120"), (2, "1"), (3, "299"), (4, "0"), (5, "60")] {
        shard.start(offset, "e", seconds.as_bytes());
    }
    shard.run();
    let order: Vec<_> = shard.sink.ended.iter().map(|ended| ended.offset).collect();
    assert_eq!(order, [4, 2, 0, 5, 1, 3]);
    for ended in &shard.sink.ended {
        let seconds: u64 = ended.output.parse().expect("the input comes out");
        assert_eq!(ended.duration_ns, seconds * 1_000 * MILLISECOND_NS);
    }
}

#[test]
fn an_answer_after_the_timeout_is_ignored() {
    let mut shard = shard("", TASK, Limits::default());
    shard.start(0, "e", b"{}");
    shard.run();
    assert_eq!(only(&shard).error.as_deref(), Some("States.Timeout"));
    assert_eq!((only(&shard).status, &only(&shard).cause), (Status::Failed, &None));
    assert_eq!(only(&shard).duration_ns, 5_000 * MILLISECOND_NS);
    let (late, request) = shard.calls.calls[0].clone();
    assert_eq!((request.timeout_ms, &*request.state), (Some(5_000), "A"));
    assert_eq!(shard.calls.cancelled, [late]);

    // The slot is used again: the late answer must not reach whoever lives there now.
    shard.start(1, "e", b"{}");
    shard.settle_down();
    let (token, _) = shard.calls.calls[1].clone();
    assert_eq!((token.index, token == late), (late.index, false));
    shard.inputs.answers.push_back((late, returned("\"late\"")));
    shard.inputs.answers.push_back((WakeToken { index: 9_999, generation: 0 }, returned("0")));
    assert_eq!(shard.settle_down().open, 1);
    shard.inputs.answers.push_back((token, returned("\"right\"")));
    shard.inputs.answers.push_back((token, returned("\"twice\"")));
    assert_eq!(shard.settle_down().open, 0);
    assert_eq!(shard.sink.ended.len(), 2);
    assert_eq!(shard.sink.ended[1].output, "\"right\"");
}

#[test]
fn the_last_event_of_the_history_is_when_the_execution_ended() {
    let call =
        r#""A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}"#;
    for (answer, status) in [
        (Some(returned("1")), Status::Succeeded),
        (Some(returned("no JSON")), Status::Failed),
        (None, Status::TimedOut),
    ] {
        let shard = shard(r#""TimeoutSeconds": 2,"#, call, Limits::default());
        let mut shard = shard.recording(Recording::ALL);
        // Late in a millisecond; the end comes early in one, so that the clock shows one more.
        shard.advance_ns(MILLISECOND_NS * 9 / 10);
        shard.start(0, "e", b"{}");
        shard.settle_down();
        shard.advance_ns(1_500 * MILLISECOND_NS + MILLISECOND_NS / 5);
        if let Some(answer) = answer {
            let (token, _) = shard.calls.calls[0].clone();
            shard.inputs.answers.push_back((token, answer));
        }
        shard.run();
        let ended = only(&shard);
        assert_eq!(ended.status, status);
        let times: Vec<_> = ended.history.iter().map(|event| event.wall_ms).collect();
        assert!(times.is_sorted(), "{times:?}");
        let took_ms = if status == Status::TimedOut { 2_000 } else { 1_500 };
        assert_eq!(ended.duration_ns / MILLISECOND_NS, took_ms);
        assert_eq!(ended.stopped_ms, times[0] + took_ms as i64);
        assert_eq!(times.last(), Some(&ended.stopped_ms), "{status:?}");
    }
}

#[test]
fn what_was_done_after_a_limit_had_passed_counts_as_done_at_the_limit() {
    let states = r#""A": {"Type": "Wait", "Seconds": 1, "Next": "B"},
        "B": {"Type": "Wait", "Seconds": 9, "End": true}"#;
    let shard = shard(r#""TimeoutSeconds": 2,"#, states, Limits::default());
    let mut shard = shard.recording(Recording::ALL);
    shard.start(0, "e", b"{}");
    shard.settle_down();
    // Nobody looked at the clock meanwhile.
    shard.advance_ns(5_000 * MILLISECOND_NS);
    shard.run();
    let ended = only(&shard);
    assert_eq!(ended.status, Status::TimedOut);
    let times: Vec<_> = ended.history.iter().map(|event| event.wall_ms).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!((times.last(), ended.stopped_ms), (Some(&ended.stopped_ms), times[0] + 2_000));
    assert!(ended.history.iter().all(|event| event.mono_ns <= ended.duration_ns));
}

#[test]
fn an_express_execution_ends_after_five_minutes() {
    for states in [ENDLESS_WAIT, &TASK.replace("\"TimeoutSeconds\": 5,", "")] {
        let mut shard = shard("", states, Limits::default());
        shard.start(0, "e", b"{}");
        assert_eq!(shard.settle_down().next_timer_ms.map(|at_ms| at_ms <= 300_000), Some(true));
        // However late the shard looks.
        shard.advance_ns(300_750 * MILLISECOND_NS);
        assert_eq!(shard.settle_down().open, 0);
        let ended = only(&shard);
        assert_eq!(ended.status, Status::TimedOut);
        assert_eq!((ended.error.as_deref(), &ended.cause), (Some("States.Timeout"), &None));
        assert_eq!(ended.duration_ns, 300_000 * MILLISECOND_NS);
        assert_eq!(shard.calls.cancelled.len(), shard.calls.calls.len());
    }
}

#[test]
fn the_machine_s_own_timeout_comes_first() {
    let mut shard = shard(r#""TimeoutSeconds": 2,"#, ENDLESS_WAIT, Limits::default());
    shard.start(0, "e", b"{}");
    shard.run();
    assert_eq!(only(&shard).status, Status::TimedOut);
    assert_eq!(only(&shard).duration_ns, 2_000 * MILLISECOND_NS);
    assert_eq!(shard.now_ns(), 2_000 * MILLISECOND_NS);
}

/// Counts to `limit` in two states.
fn counter(limit: u32) -> String {
    format!(
        r#""A": {{"Type": "Pass", "Next": "B", "Parameters":
            {{"n.$": "States.MathAdd($.n, 1)", "text.$": "States.Format('{{}} {{}}', $.n, $.pad)",
            "pad.$": "$.pad"}}}},
        "B": {{"Type": "Choice", "Default": "C",
            "Choices": [{{"Variable": "$.n", "NumericLessThan": {limit}, "Next": "A"}}]}},
        "C": {{"Type": "Succeed", "OutputPath": "$.n"}}"#
    )
}

#[test]
fn a_loop_of_states_starves_nobody_and_keeps_its_memory() {
    const ROUNDS: u32 = 500_000;
    let mut shard = shard("", &counter(ROUNDS), Limits::default());
    let pad = "x".repeat(200);
    shard.start(0, "long", format!(r#"{{"n": 0, "pad": "{pad}"}}"#).as_bytes());
    let mut held_bytes_max = 0;
    let mut turns = 0_u32;
    loop {
        let turned = shard.turn();
        held_bytes_max = held_bytes_max.max(shard.core.held_bytes());
        turns += 1;
        if turns <= 100 {
            // Whoever comes in each turn has ended when it is over.
            let offset = i64::from(turns);
            shard.start(offset, "short", format!(r#"{{"n": {ROUNDS}, "pad": ""}}"#).as_bytes());
            shard.turn();
            assert_eq!(shard.sink.ended.last().map(|ended| ended.offset), Some(offset));
        }
        if !turned.busy {
            break;
        }
    }
    let long = shard.sink.ended.last().expect("it ended");
    assert_eq!((long.offset, long.output.as_str()), (0, "500000"));
    assert_eq!(long.transitions, 2 * ROUNDS + 1);
    assert!(turns > 100, "{turns} turns");
    // 100 MB of strings were made on the way.
    assert!(held_bytes_max < 1_048_576, "{held_bytes_max} bytes");
}

/// Compaction keeps the context object's copy of the input too.
#[test]
fn the_execution_s_input_outlives_a_long_loop() {
    let states = r#""A": {"Type": "Pass", "ResultPath": "$.made", "Next": "B", "Parameters":
            {"n.$": "States.MathAdd($.made.n, 1)", "text.$": "States.Format('{} {}', $.pad, $.pad)"}},
        "B": {"Type": "Choice", "Default": "C",
            "Choices": [{"Variable": "$.made.n", "NumericLessThan": 5000, "Next": "A"}]},
        "C": {"Type": "Pass", "End": true, "Parameters":
            {"input.$": "$$.Execution.Input", "n.$": "$.made.n", "kept.$": "$.kept"}}"#;
    let mut shard = shard("", states, Limits::default());
    let pad = "x".repeat(100);
    let input = format!(r#"{{"made":{{"n":0}},"pad":"{pad}","kept":[1.50,"é"]}}"#);
    shard.start(0, "e", input.as_bytes());
    shard.run();
    let output = format!(r#"{{"input":{input},"n":5000,"kept":[1.50,"é"]}}"#);
    assert_eq!(only(&shard).output, output);
}

#[test]
fn a_full_shard_takes_no_events_until_one_has_ended() {
    let limits = Limits { open_max: 3, ..Limits::default() };
    let mut shard = shard("", TASK, limits);
    let input: &[u8] = b"{}";
    shard.inputs.batches.push_back(batch((0..5).map(|offset| (offset, "e", input))));
    let turned = shard.turn();
    assert_eq!((turned.started, turned.open, turned.busy), (3, 3, false));
    assert_eq!(shard.turn().started, 0);
    let (token, _) = shard.calls.calls[1].clone();
    shard.inputs.answers.push_back((token, returned("1")));
    let turned = shard.turn();
    assert_eq!((turned.started, turned.open, shard.inputs.is_empty()), (1, 3, false));
    for token in shard.calls.calls.iter().map(|(token, _)| *token).collect::<Vec<_>>() {
        shard.inputs.answers.push_back((token, returned("2")));
    }
    shard.turn();
    assert_eq!((shard.sink.ended.len(), shard.sink.started), (4, 5));
}

#[test]
fn held_starts_wait_and_everything_else_goes_on() {
    let mut shard = shard("", TASK, Limits::default());
    shard.start(0, "e", b"{}");
    shard.turn();
    shard.start(1, "e", b"{}");
    shard.inputs.hold_starts = true;
    let (token, _) = shard.calls.calls[0].clone();
    shard.inputs.answers.push_back((token, returned("1")));
    let turned = shard.turn();
    assert_eq!((turned.started, turned.busy, shard.sink.ended.len()), (0, false, 1));
    shard.inputs.hold_starts = false;
    assert_eq!(shard.turn().started, 1);
}

#[test]
fn abandoned_executions_are_counted_and_never_settled() {
    let states = r#""A": {"Type": "Choice", "Default": "Rest",
            "Choices": [{"Variable": "$", "IsString": true, "Next": "Pay"}]},
        "Rest": {"Type": "Wait", "Seconds": 9, "End": true},
        "Pay": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}"#;
    let mut shard = shard("", states, Limits::default());
    for (offset, input) in [(0, "1"), (1, "\"a\""), (2, "\"b\"")] {
        shard.start(offset, "e", input.as_bytes());
    }
    assert_eq!(shard.turn().open, 3);
    assert_eq!(shard.core.abandon(&mut shard.calls), 3);
    assert_eq!((shard.core.open(), shard.core.timer_count()), (0, 0));
    let tokens: Vec<_> = shard.calls.calls.iter().map(|(token, _)| *token).collect();
    assert_eq!(shard.calls.cancelled, tokens);
    shard.inputs.answers.push_back((tokens[0], returned("1")));
    shard.run();
    assert!(shard.sink.ended.is_empty());
}

#[test]
fn what_is_no_event_is_rejected_by_class() {
    let mut shard = shard("", PASS, Limits::default());
    let large = format!("\"{}\"", "x".repeat(300 * 1_024));
    let deep = "[".repeat(2_000) + &"]".repeat(2_000);
    let inputs: [(&[u8], &str); 9] = [
        (b"", "not-json"),
        (b"{", "not-json"),
        (b"{} {}", "not-json"),
        (b"nul", "not-json"),
        (b"{\"a\": \"\xff\"}", "not-json"),
        (b"\"\\ud800\"", "not-json"),
        (b"\xff\xfe", "not-json"),
        (large.as_bytes(), "too-large"),
        (deep.as_bytes(), "too-deep"),
    ];
    for (offset, (input, _)) in inputs.iter().enumerate() {
        shard.start(offset as i64, "e", input);
    }
    shard.start(99, "e", br#"{"a": 1, "b": 2, "a": 3}"#);
    shard.run();
    let classes: Vec<_> = shard.sink.rejected.iter().map(|(_, class, _)| *class).collect();
    assert_eq!(classes, inputs.map(|(_, class)| class));
    assert!(shard.sink.rejected.iter().all(|(_, _, cause)| !cause.is_empty()));
    // Duplicate keys are JSON: the last value, at the first one's place.
    assert_eq!((only(&shard).offset, only(&shard).output.as_str()), (99, r#"{"a":3,"b":2}"#));
    assert_eq!(shard.sink.started, 1);
}

#[test]
fn the_largest_event_passes_and_one_byte_more_does_not() {
    let mut shard = shard("", PASS, Limits::default());
    let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    shard.start(0, "e", text(262_144).as_bytes());
    shard.start(1, "e", text(262_145).as_bytes());
    shard.run();
    assert_eq!((only(&shard).status, only(&shard).output.len()), (Status::Succeeded, 262_144));
    assert_eq!((shard.sink.rejected[0].0, shard.sink.rejected[0].1), (1, "too-large"));
}

#[test]
fn an_oversize_task_result_names_the_task_and_an_oversize_output_the_state() {
    let large = format!("\"{}\"", "x".repeat(262_144));
    for (resource, named) in [
        ("arn:aws:states:::lambda:invoke", "lambda"),
        ("arn:aws:states:::http:invoke", "http"),
        (
            "arn:aws:lambda:us-east-1:111111111111:function:f",
            "arn:aws:lambda:us-east-1:111111111111:function:f",
        ),
    ] {
        let mut shard =
            shard("", &TASK.replace("arn:aws:states:::lambda:invoke", resource), Limits::default());
        shard.start(0, "e", b"{}");
        shard.turn();
        let (token, _) = shard.calls.calls[0].clone();
        shard.inputs.answers.push_back((token, returned(&large)));
        shard.turn();
        assert_oversize(only(&shard), named);
    }
    let twice = r#""A": {"Type": "Pass", "End": true, "Parameters": {"a.$": "$", "b.$": "$"}}"#;
    let mut shard = shard("", twice, Limits::default());
    shard.start(0, "e", format!("\"{}\"", "x".repeat(200_000)).as_bytes());
    shard.run();
    assert_oversize(only(&shard), "A");
}

fn assert_oversize(ended: &Ended, named: &str) {
    assert_eq!(ended.status, Status::Failed);
    assert_eq!(ended.error.as_deref(), Some("States.DataLimitExceeded"));
    let cause = format!(
        "The state/task '{named}' returned a result with a size exceeding the maximum number of bytes service limit."
    );
    assert_eq!(ended.cause, Some(cause));
}

/// Good and bad events, waits, tasks that answer, hang, fail and answer twice: each event comes out
/// exactly once, settled or rejected.
#[test]
fn of_many_hostile_events_none_is_lost_or_doubled() {
    const EVENTS: i64 = 100_000;
    let states = r#""A": {"Type": "Choice", "Default": "Done", "Choices": [
            {"Variable": "$.do", "StringEquals": "wait", "Next": "Rest"},
            {"Variable": "$.do", "StringEquals": "call", "Next": "Pay"},
            {"Variable": "$.do", "StringEquals": "sleep", "Next": "Night"}]},
        "Rest": {"Type": "Wait", "SecondsPath": "$.s", "End": true},
        "Night": {"Type": "Wait", "Seconds": 99999, "End": true},
        "Pay": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "TimeoutSeconds": 3, "End": true},
        "Done": {"Type": "Succeed"}"#;
    let limits = Limits { open_max: 5_000, starts_per_turn: 97, ..Limits::default() };
    let mut shard = shard("", states, limits);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let mut sent = 0;
    let mut answered = 0;
    while sent < EVENTS || !shard.inputs.is_empty() || shard.core.open() > 0 {
        for _ in 0..next(300).min((EVENTS - sent) as u64) {
            let mut input = String::new();
            let _ = match next(8) {
                0 => write!(input, "not json {}", next(9)),
                1 => write!(input, "{{\"do\": \"wait\", \"s\": {}}}", next(400)),
                2 => write!(input, "{{\"do\": \"wait\", \"s\": \"x\"}}"),
                3 | 4 => write!(input, "{{\"do\": \"call\", \"x\": [{}]}}", next(99)),
                5 => write!(input, "{{\"do\": \"sleep\"}}"),
                6 => write!(input, "{}", "[".repeat(next(1_500) as usize)),
                _ => write!(input, "{{\"do\": null}}"),
            };
            shard.start(sent, "e", input.as_bytes());
            sent += 1;
        }
        for (token, _) in &shard.calls.calls[answered..] {
            let result = match next(6) {
                0 => continue,
                1 => CallResult::Failed { error: "E".into(), cause: None },
                2 => returned("not json"),
                _ => returned("{}"),
            };
            shard.inputs.answers.push_back((*token, result.clone()));
            if next(2) == 0 {
                shard.inputs.answers.push_back((*token, result));
            }
        }
        answered = shard.calls.calls.len();
        shard.turn();
        shard.advance_ns(next(700) * MILLISECOND_NS);
    }
    let mut offsets: Vec<_> = shard.sink.ended.iter().map(|ended| ended.offset).collect();
    offsets.extend(shard.sink.rejected.iter().map(|(offset, ..)| *offset));
    offsets.sort_unstable();
    assert_eq!(offsets.len() as i64, EVENTS);
    assert!(offsets.iter().copied().eq(0..EVENTS), "an event came out twice and another never");
    assert_eq!(shard.sink.started, shard.sink.ended.len());
    assert_eq!(shard.core.timer_count(), 0);
    let timed_out =
        shard.sink.ended.iter().filter(|ended| ended.status == Status::TimedOut).count();
    assert!(timed_out > 10_000 && shard.sink.rejected.len() > 10_000, "{timed_out}");
}
