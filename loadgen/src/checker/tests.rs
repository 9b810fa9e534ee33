//! What the checker says of every kind of outcome.

use super::*;
use crate::payload::Size;
use crate::plan::Poison;
use crate::stamp::ProducerId;
use crate::template::Template;

/// A run of 100 events at 1000/s over 4 keys, as seen by the checker.
struct Bench {
    checker: Checker,
    plan: Plan,
    producer: ProducerId,
}

/// An outcome before it has been given the borrowed form the checker takes.
#[derive(Clone)]
struct Given {
    source: Source,
    sequence: u64,
    key: Vec<u8>,
    value: Vec<u8>,
    status: &'static str,
    execution_arn: Option<String>,
    dead_lettered: bool,
    producer: ProducerId,
}

const MS: u64 = 1_000_000;

impl Bench {
    fn new(poison_share: f64, expected: Option<&str>) -> Self {
        let plan = Plan {
            warmup_ns: 10 * MS,
            poison: Poison::new(poison_share, &[]),
            start_ns: 1_000 * MS,
            ..Plan::for_tests(1_000.0, 100)
        };
        Self::with_plan(plan, expected)
    }

    fn with_plan(plan: Plan, expected: Option<&str>) -> Self {
        let producer = ProducerId::from_number(1);
        let template = Template::parse(r#"{"n":{{sequence}}}"#, &[]);
        let payload = Payload::new(template, &[], Size { min: 0, max: 0 }, plan.clone(), producer);
        let checker = Checker::new(Assignment {
            plan: plan.clone(),
            producer,
            payload,
            expectation: expected.map(|text| Expectation::parse(text, &[])),
            result_topics: 1,
            checks_bills: true,
            verify: Verify { keys: true, dead_letter_headers: true },
        });
        Self { checker, plan, producer }
    }

    fn right(&self, sequence: u64) -> Given {
        let key = self.plan.key(sequence).unwrap();
        Given {
            source: Source::Result(0),
            sequence,
            key: key.as_bytes().to_vec(),
            value: format!(r#"{{"n":{sequence}}}"#).into_bytes(),
            status: "SUCCEEDED",
            execution_arn: Some(format!("arn:{sequence}")),
            dead_lettered: false,
            producer: self.producer,
        }
    }

    /// Events are due every millisecond.
    fn due_ns(&self, sequence: u64) -> u64 {
        self.plan.start_ns.saturating_add(sequence.saturating_mul(MS))
    }

    fn take(&mut self, given: &Given) {
        let due_ns = self.due_ns(given.sequence);
        self.take_at(given, due_ns + 5 * MS);
    }

    fn take_at(&mut self, given: &Given, now_ns: u64) {
        let due_ns = self.due_ns(given.sequence);
        let stamp = Stamp { sequence: given.sequence, due_ns };
        let headers = OutcomeHeaders {
            stamp: Some(&stamp.write(&given.producer)),
            status: Some(given.status.as_bytes()),
            execution_arn: given.execution_arn.as_deref().map(str::as_bytes),
            dead_lettered: given.dead_lettered,
        };
        let outcome = Outcome {
            source: given.source,
            key: Some(&given.key),
            value: Some(&given.value),
            headers,
            timestamp_ms: Some((due_ns / MS) as i64 + 3),
        };
        self.checker.outcome(&outcome, now_ns);
    }

    fn bill(&mut self, sequence: u64) {
        let arn = format!("arn:{sequence}");
        let body = format!(
            r#"{{"specversion":"1.0","id":"{arn}","data":{{"billed_duration_ms":100,
            "billed_memory_mb":64,"gb_seconds":"0.00625","status":"SUCCEEDED"}}}}"#
        );
        self.checker.bill(Some(arn.as_bytes()), Some(body.as_bytes()), []);
    }

    fn wrong(&self) -> WrongCounts {
        self.checker.counts().wrong
    }
}

#[test]
fn a_clean_run_has_nothing_to_complain_about() {
    let mut bench = Bench::new(0.0, Some(r#"{"n": {{sequence}}}"#));
    for sequence in 0..100 {
        bench.take(&bench.right(sequence));
        bench.bill(sequence);
    }
    let counts = *bench.checker.counts();
    assert_eq!((counts.settled, counts.results), (100, 100));
    assert_eq!(counts.succeeded, 100);
    assert_eq!((counts.duplicated, counts.reordered, counts.foreign), (0, 0, 0));
    assert_eq!(counts.wrong, WrongCounts::default());
    assert_eq!(bench.checker.seen().missing(100).count(), 0);
    let bills = bench.checker.bill_counts();
    assert_eq!((bills.matched, bills.missing, bills.unmatched), (100, 0, 0));
}

#[test]
fn latency_counts_from_the_due_time_and_leaves_the_warmup_out() {
    let mut bench = Bench::new(0.0, None);
    for sequence in 0..20 {
        bench.take(&bench.right(sequence));
    }
    // Record i is due after i ms; the first ten belong to the warm-up.
    let latency = bench.checker.latency_us();
    assert_eq!(latency.len(), 10);
    assert!(latency.equivalent(latency.min(), 5_000));
    assert!(latency.equivalent(latency.max(), 5_000));
    assert!(latency.equivalent(bench.checker.written_us().max(), 3_000));
    let recent = bench.checker.recent();
    assert_eq!((recent.measured_us.len(), recent.warmup_us.len()), (10, 10));
    bench.checker.begin_interval();
    assert!(bench.checker.recent().measured_us.is_empty());
    assert!(bench.checker.recent().warmup_us.is_empty());
}

#[test]
fn a_second_outcome_is_a_duplicate_wherever_it_appears() {
    let mut bench = Bench::new(0.0, None);
    let mut given = bench.right(50);
    bench.take(&given);
    bench.take(&given);
    given.source = Source::Failure;
    bench.take(&given);
    let counts = bench.checker.counts();
    assert_eq!((counts.settled, counts.duplicated), (1, 2));
    assert_eq!(bench.checker.latency_us().len(), 1);
}

#[test]
fn failures_are_outcomes_and_counted_by_status() {
    let mut bench = Bench::new(0.0, None);
    for (sequence, status) in [(0, "FAILED"), (1, "TIMED_OUT"), (2, "PENDING")] {
        let mut given = bench.right(sequence);
        given.source = Source::Failure;
        given.status = status;
        bench.take(&given);
    }
    let counts = bench.checker.counts();
    assert_eq!((counts.failures, counts.results), (3, 0));
    assert_eq!((counts.failed, counts.timed_out, counts.unstated), (1, 1, 1));
}

#[test]
fn reordering_counts_within_a_key_only() {
    let mut bench = Bench::new(0.0, None);
    // Keys take turns: 0, 4, 8 share one; 1 has another.
    for sequence in [4, 1, 0, 8] {
        bench.take(&bench.right(sequence));
    }
    assert_eq!(bench.checker.counts().reordered, 1);
}

#[test]
fn records_of_others_are_set_aside_and_still_explain_their_bills() {
    let mut bench = Bench::new(0.0, None);
    let mut given = bench.right(7);
    given.producer = ProducerId::from_number(2);
    bench.take(&given);
    bench.bill(7);
    let counts = bench.checker.counts();
    assert_eq!((counts.foreign, counts.settled), (1, 0));
    assert_eq!(counts.wrong.total(), 0);
    assert_eq!(bench.checker.bill_counts().unmatched, 0);
}

#[test]
fn a_wrong_key_value_or_header_is_told_apart() {
    let mut bench = Bench::new(0.0, Some(r#"{"n":{{sequence}}}"#));
    let mut key = bench.right(1);
    key.key = b"other".to_vec();
    bench.take(&key);
    let mut value = bench.right(2);
    value.value = br#"{"n":3}"#.to_vec();
    bench.take(&value);
    let mut header = bench.right(3);
    header.execution_arn = None;
    bench.take(&header);
    let wrong = bench.wrong();
    assert_eq!((wrong.key, wrong.value, wrong.headers), (1, 1, 1));
    assert_eq!(wrong.total(), 3);
    assert_eq!(bench.checker.counts().settled, 3, "wrong is not lost");
}

#[test]
fn a_sequence_that_was_never_planned_is_wrong_and_takes_no_memory() {
    let mut bench = Bench::new(0.0, None);
    let mut given = bench.right(0);
    given.sequence = u64::MAX / 2;
    bench.take_at(&given, 2_000 * MS);
    assert_eq!(bench.wrong().sequence, 1);
    assert_eq!(bench.checker.counts().settled, 0);
}

#[test]
fn poison_must_be_dead_lettered_unchanged_and_nothing_else_may_be() {
    let mut bench = Bench::new(1.0, None);
    let mut poison = bench.right(1);
    poison.source = Source::DeadLetter;
    poison.dead_lettered = true;
    poison.value = br#"{"poison":1,"#.to_vec();
    bench.take(&poison);
    assert_eq!(bench.wrong().total(), 0);
    assert_eq!(bench.checker.counts().dead_letters, 1);

    let mut bare = poison.clone();
    bare.sequence = 5;
    bare.value = br#"{"poison":5,"#.to_vec();
    bare.dead_lettered = false;
    bench.take(&bare);
    assert_eq!(bench.wrong().headers, 1);

    bench.take(&bench.right(2));
    assert_eq!(bench.wrong().kind, 1, "poison that came back as a result");

    let mut sound = Bench::new(0.0, None);
    let mut dead = sound.right(1);
    dead.source = Source::DeadLetter;
    dead.dead_lettered = true;
    sound.take(&dead);
    assert_eq!(sound.wrong().kind, 1, "a sound event that was rejected");
    assert_eq!(sound.checker.bill_counts().missing, 0);
}

#[test]
fn bills_are_matched_by_id_and_looked_into() {
    let mut bench = Bench::new(0.0, None);
    bench.take(&bench.right(1));
    bench.take(&bench.right(2));
    bench.bill(1);
    bench.bill(1);
    bench.bill(3);
    bench.checker.bill(Some(b"arn:2"), Some(b"{}"), []);
    let bills = bench.checker.bill_counts();
    assert_eq!((bills.matched, bills.duplicated), (2, 1));
    assert_eq!((bills.missing, bills.unmatched), (0, 1));
    assert_eq!(bench.wrong().bill, 1);
}

#[test]
fn figures_are_kept_by_the_stage_of_the_due_time() {
    use crate::schedule::{Arrivals, Course, Schedule, Shape, Stage};
    let stage = |name: &str| Stage {
        name: name.to_owned(),
        start_ns: 0,
        duration_ns: 50 * MS,
        course: Course::Rate(Shape::Constant { rate: 1_000.0 }),
    };
    let stages = vec![stage("first"), stage("second")];
    let schedule = Schedule::new(stages, Arrivals::Uniform, 0, None);
    let plan = Plan {
        schedule: std::sync::Arc::new(schedule),
        start_ns: 1_000 * MS,
        ..Plan::for_tests(1_000.0, 100)
    };
    let mut bench = Bench::with_plan(plan, Some(r#"{"n":{{sequence}}}"#));
    for sequence in 0..100 {
        bench.take(&bench.right(sequence));
    }
    let mut wrong = bench.right(10);
    wrong.value = b"{}".to_vec();
    wrong.status = "FAILED";
    bench.take(&wrong);
    let mut failed = Bench::with_plan(bench.plan.clone(), None);
    let mut late = failed.right(60);
    late.status = "TIMED_OUT";
    failed.take(&late);
    failed.take(&failed.right(56));
    let [first, second] = bench.checker.stages() else {
        panic!("two stages");
    };
    assert_eq!((first.counts.settled, second.counts.settled), (50, 50));
    assert_eq!((first.counts.wrong, first.counts.duplicated), (1, 1));
    assert_eq!(second.counts.wrong + second.counts.duplicated, 0);
    assert_eq!((first.latency_us.len(), second.latency_us.len()), (50, 50));
    assert_eq!(bench.checker.latency_us().len(), 100);
    let second = failed.checker.stages()[1].counts;
    assert_eq!((second.failed, second.results, second.reordered), (1, 2, 1));
}

#[test]
fn a_stamp_from_the_future_is_no_stamp_of_ours() {
    let mut bench = Bench::new(0.0, None);
    let given = bench.right(50);
    bench.take_at(&given, bench.plan.start_ns);
    assert_eq!(bench.wrong().headers, 1);
}

#[test]
fn applications_that_change_keys_can_be_checked_too() {
    let mut bench = Bench::new(0.0, None);
    bench.checker.assignment.verify = Verify { keys: false, dead_letter_headers: true };
    let mut given = bench.right(1);
    given.key = b"other".to_vec();
    bench.take(&given);
    assert_eq!(bench.wrong(), WrongCounts::default());
}
