//! What is kept, in how much room, and how it is shown.

use serde_json::{Value, json};

use super::*;
use crate::base::ids::{ExecutionSuffix, Origin};
use crate::base::trace::NO_TRACE;
use crate::outcome::StateMachineArn;
use crate::vm::{Detail, Event};

fn options() -> TraceOptions {
    TraceOptions {
        sampling: Sampling::NONE,
        errors: true,
        slow: SlowFrom::Never,
        bytes_max: 64 * 1_024,
    }
}

struct Scene {
    tracer: Tracer,
    traces: Traces,
    number: u32,
}

impl Scene {
    fn new(options: TraceOptions) -> Self {
        let arn = |name| StateMachineArn::new("eu-west-1", "111111111111", name).unwrap();
        let card = |name| MachineCard {
            arn: arn(name),
            definition_bytes: 1,
            version: None,
            revision: String::new(),
            tags: Vec::new(),
            logging: Recording::OFF,
        };
        let traces = Traces::new([arn("a"), arn("b")], options.bytes_max);
        let tracer = Tracer::new(options, traces.clone(), &[card("a"), card("b")]);
        Self { tracer, traces, number: 0 }
    }

    /// An execution of this machine in its own second, with this output.
    fn settle(&mut self, machine: u16, status: Status, duration_ns: u64, output: &str) {
        self.settle_at(machine, status, duration_ns, output, i64::from(self.number) * 1_000);
    }

    fn settle_at(&mut self, machine: u16, status: Status, duration_ns: u64, output: &str, ms: i64) {
        self.number += 1;
        let mut suffix = [0xff; 16];
        suffix[..4].copy_from_slice(&self.number.to_be_bytes());
        let details = vec![("output", Detail::Json(output.into()))];
        let kind = "ExecutionSucceeded";
        let history = [Event { id: 1, previous: 0, wall_ms: ms, mono_ns: 0, kind, details }];
        let failed = status != Status::Succeeded;
        self.tracer.settled(&Settled {
            origin: Origin::default(),
            machine: MachineIdx(machine),
            suffix: ExecutionSuffix(suffix),
            name: &format!("n{}", self.number),
            status,
            output: if failed { b"" } else { output.as_bytes() },
            error: failed.then_some("E"),
            cause: None,
            started_ms: ms,
            stopped_ms: ms,
            duration_ns,
            input_bytes: 0,
            metered_data_bytes: 0,
            held_bytes: 0,
            transitions: 2,
            history: &history,
            events_left_out: 0,
            trace: &NO_TRACE,
        });
    }

    fn list(&self, filter: &Filter) -> Value {
        serde_json::from_str(&self.traces.list(filter)).unwrap()
    }

    fn names(&self, filter: &Filter) -> Vec<String> {
        let list = self.list(filter);
        let arns = list["executions"].as_array().unwrap().iter();
        arns.map(|one| one["executionArn"].as_str().unwrap().split(':').nth(7).unwrap().to_owned())
            .collect()
    }
}

#[test]
fn failed_ones_are_kept_and_shown_the_latest_first() {
    let mut scene = Scene::new(options());
    scene.settle(0, Status::Failed, 1_500, "1.50");
    scene.settle(0, Status::Succeeded, 1, "1");
    scene.settle(1, Status::TimedOut, 1, "1");
    assert_eq!(scene.names(&Filter::default()), ["n3", "n1"]);
    let of = |filter: Filter| scene.names(&filter);
    assert_eq!(of(Filter { state_machine: Some("a".into()), ..Filter::default() }), ["n1"]);
    assert_eq!(of(Filter { status: Some("TIMED_OUT".into()), ..Filter::default() }), ["n3"]);
    assert_eq!(of(Filter { reason: Some("slow".into()), ..Filter::default() }), [""; 0]);
    assert_eq!(of(Filter { limit: Some(1), ..Filter::default() }), ["n3"]);
    let list = scene.list(&Filter::default());
    assert_eq!(
        list["stateMachines"][0],
        json!({"stateMachine": "a", "error": {"seen": 1, "kept": 1},
            "slow": {"seen": 0, "kept": 0}, "rate": {"seen": 0, "kept": 0}})
    );
    let arn = list["executions"][1]["executionArn"].as_str().unwrap();
    let whole = scene.traces.find(arn).unwrap();
    assert!(
        whole.contains(r#"\"output\":\"1.50\""#) || whole.contains(r#""output":"1.50""#),
        "{whole}"
    );
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole["error"], "E");
    assert_eq!(whole["durationMicroseconds"], 1);
    assert_eq!(whole["startDate"], "1970-01-01T00:00:00.000Z");
    assert_eq!(whole["events"][0]["type"], "ExecutionSucceeded");
    assert_eq!(whole["events"][0]["execution_arn"], arn);
    assert_eq!(scene.traces.find("arn:other"), None);
}

#[test]
fn by_chance_means_those_that_the_shard_records() {
    let all = Sampling::per_million(1_000_000);
    let mut scene = Scene::new(TraceOptions { sampling: all, errors: false, ..options() });
    scene.settle(0, Status::Succeeded, 1, r#"{"a":1.0}"#);
    let list = scene.list(&Filter { reason: Some("rate".into()), ..Filter::default() });
    let arn = list["executions"][0]["executionArn"].as_str().unwrap();
    let whole = scene.traces.find(arn).unwrap();
    assert!(whole.contains(r#""output":{"a":1.0},"events":[{"#), "{whole}");
}

#[test]
fn slow_ones_are_kept_from_a_limit_on() {
    let mut scene = Scene::new(TraceOptions { slow: SlowFrom::Ns(1_000), ..options() });
    scene.settle(0, Status::Succeeded, 999, "1");
    scene.settle(0, Status::Succeeded, 1_000, "1");
    assert_eq!(scene.names(&Filter::default()), ["n2"]);
    // Failed and slow: it failed.
    scene.settle(0, Status::Failed, 1_000, "1");
    let slow = Filter { reason: Some("slow".into()), ..Filter::default() };
    assert_eq!(scene.names(&slow), ["n2"]);
}

#[test]
fn memory_is_bounded_and_a_flood_of_failures_pushes_out_only_failures() {
    let mut scene = Scene::new(TraceOptions { slow: SlowFrom::Ns(1_000), ..options() });
    scene.settle(1, Status::Failed, 1, "1");
    scene.settle(0, Status::Succeeded, 1_000, "1");
    for _ in 0..500 {
        scene.settle(0, Status::Failed, 1, &format!("\"{}\"", "x".repeat(500)));
    }
    let list = scene.list(&Filter { limit: Some(1_000), ..Filter::default() });
    let errors = &list["stateMachines"][0]["error"];
    assert_eq!(errors["seen"], 500);
    let kept = errors["kept"].as_u64().unwrap();
    // A sixth of 64 KiB holds about ten of them.
    assert!((8..16).contains(&kept), "{kept}");
    // Those that were pushed out were kept, too.
    assert_eq!(scene.traces.kept(), [[500, 1, 0], [1, 0, 0]]);
    let names = scene.names(&Filter { limit: Some(1_000), ..Filter::default() });
    assert_eq!(names.len() as u64, kept + 2);
    assert!(names.contains(&"n1".to_owned()) && names.contains(&"n2".to_owned()));
    assert_eq!(names[0], "n502");
}

#[test]
fn what_is_larger_than_its_share_is_kept_without_its_events() {
    let mut scene = Scene::new(options());
    scene.settle(0, Status::Failed, 1, &format!("\"{}\"", "x".repeat(100_000)));
    let list = scene.list(&Filter::default());
    let arn = list["executions"][0]["executionArn"].as_str().unwrap();
    let whole: Value = serde_json::from_str(&scene.traces.find(arn).unwrap()).unwrap();
    assert_eq!((&whole["events"], &whole["eventsLeftOut"]), (&json!([]), &json!(1)));
}

#[test]
fn a_second_has_room_for_ten_of_a_kind() {
    let mut scene = Scene::new(options());
    (0..50).for_each(|_| scene.settle_at(0, Status::Failed, 1, "1", 5_000));
    (0..3).for_each(|_| scene.settle_at(0, Status::Failed, 1, "1", 6_000));
    let list = scene.list(&Filter { limit: Some(1_000), ..Filter::default() });
    assert_eq!(list["stateMachines"][0]["error"], json!({"seen": 53, "kept": 13}));
    assert_eq!(scene.traces.kept(), [[13, 0, 0], [0, 0, 0]]);
}
