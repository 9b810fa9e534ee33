//! What executions are billed, held against what AWS was recorded to bill: 100 ms and 64 MB for a
//! run that does nothing, whether it fails or not; 300 ms with one task; 7,600 ms with three
//! retries, whose waits are billed (LocalStack's `test_express_sync` snapshot, recorded on AWS
//! 2024-06). Time is virtual, so the delays of the mocked tasks are what the test says.

use expressway::asl::parse;
use expressway::asl::source::Source;
use expressway::base::ids::WakeToken;
use expressway::compile::compile;
use expressway::outcome::Bill;
use expressway::program::{Loaded, World};
use expressway::shard::{CallRequest, CallResult, Calls, Completions, Limits, Status};
use expressway::trial::clock::{Ended, VirtualShard};

/// Keeps what a shard asks for; the test answers.
#[derive(Default)]
struct Asked(Vec<WakeToken>);

impl Calls for Asked {
    fn call(&mut self, token: WakeToken, _: CallRequest) {
        self.0.push(token);
    }

    fn cancel(&mut self, _: WakeToken) {}
}

/// How the task of a run answers.
#[derive(Clone, Copy)]
enum Answer {
    Returns,
    Fails,
}

/// Runs a machine with these states, begun at `A`. Each call is answered after so many µs.
fn run(states: &str, answers: &[(u64, Answer)]) -> (Ended, Bill) {
    let text = format!(r#"{{"StartAt":"A","States":{{{states}}}}}"#);
    let machine = parse(&text, "test").unwrap_or_else(|refused| panic!("{refused:?}"));
    let world = World::express("us-east-1", "111111111111", "m", "role");
    let image = compile(&machine, Source { file: "test", text: &text }, world).expect("compiles");
    let definition_bytes = image.program.definition_bytes;
    let loaded = Loaded::from(image);
    let completions = Completions::default();
    let mut shard = VirtualShard::new(loaded, Limits::default(), Asked::default(), completions);
    shard.start(0, "e", b"{}");
    shard.settle_down();
    for (call, (delay_us, answer)) in answers.iter().enumerate() {
        while shard.calls.0.len() == call {
            shard.step();
        }
        shard.advance_ns(delay_us * 1_000);
        let result = match answer {
            Answer::Returns => CallResult::Returned(b"{}".to_vec()),
            Answer::Fails => CallResult::Failed { error: "Oops".into(), cause: None },
        };
        shard.inputs.answers.push_back((shard.calls.0[call], result));
        shard.settle_down();
    }
    shard.run();
    let ended = shard.sink.ended.pop().expect("it ended");
    let bill = Bill::new(ended.duration_ns, definition_bytes, ended.metered_data_bytes);
    (ended, bill)
}

const TASK: &str =
    r#""A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}"#;
/// The recorded one: 1 s, 2 s and 4 s between four attempts.
const RETRIED: &str = r#""A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
    "Retry": [{"ErrorEquals": ["Oops"], "IntervalSeconds": 1, "BackoffRate": 2.0, "MaxAttempts": 3}]}"#;

fn billed(bill: Bill) -> (u64, u64) {
    (bill.duration_ms, bill.memory_mb)
}

#[test]
fn a_run_that_does_nothing_is_billed_one_step() {
    let (ended, bill) = run(r#""A": {"Type": "Pass", "End": true}"#, &[]);
    assert_eq!((ended.status, ended.transitions, billed(bill)), (Status::Succeeded, 1, (100, 64)));
}

#[test]
fn a_run_that_fails_is_billed_like_one_that_does_not() {
    let (ended, bill) = run(r#""A": {"Type": "Fail", "Error": "E", "Cause": "c"}"#, &[]);
    assert_eq!((ended.status, billed(bill)), (Status::Failed, (100, 64)));
}

#[test]
fn a_task_of_201_to_300_ms_is_billed_300() {
    for (delay_us, expected_ms) in
        [(200_000, 200), (200_001, 300), (201_000, 300), (300_000, 300), (300_001, 400)]
    {
        let (ended, bill) = run(TASK, &[(delay_us, Answer::Returns)]);
        assert_eq!(ended.status, Status::Succeeded);
        assert_eq!(billed(bill), (expected_ms, 64), "{delay_us} µs");
    }
}

#[test]
fn three_retries_that_take_7501_to_7600_ms_are_billed_7600() {
    // The waits are 7,000 ms; the four attempts take the rest.
    for (last_us, expected_ms) in [(200_000, 7_500), (201_000, 7_600), (300_000, 7_600)] {
        let failed = (100_000, Answer::Fails);
        let (ended, bill) = run(RETRIED, &[failed, failed, failed, (last_us, Answer::Returns)]);
        assert_eq!(ended.status, Status::Succeeded);
        assert_eq!(billed(bill), (expected_ms, 64), "{last_us} µs");
        assert_eq!(ended.transitions, 4, "each retry is a transition more");
    }
}

#[test]
fn a_run_that_is_timed_out_is_billed_up_to_its_limit() {
    let (ended, bill) = run(r#""A": {"Type": "Wait", "Seconds": 400, "End": true}"#, &[]);
    assert_eq!((ended.status, billed(bill)), (Status::TimedOut, (300_000, 64)));
}
