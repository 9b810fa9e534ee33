//! The service as processes against a real Apache Kafka: 200,000 events, eight partitions, two
//! instances in one group, one of which is stopped or killed half way and comes back.
//!
//! Whatever happens, every event has its result and its bill, and every one that fails its history. A stop in order doubles nothing; a
//! kill doubles only what was open, and a doubled result is the same one under the same id.

#[path = "kafka_pipeline/events.rs"]
mod events;
#[path = "kafka_pipeline/ledger.rs"]
mod ledger;
mod support;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use events::{EVENT_COUNT, Events, INPUT_PARTITIONS};
use ledger::Ledger;
use support::broker::Broker;
use support::process::{Service, tell};
use support::{free_ports, topics, within};

#[test]
fn an_instance_that_is_stopped_loses_and_doubles_nothing() {
    let mut scene = Scene::set();
    scene.ledger.collect_results(EVENT_COUNT / 4, STEP_LIMIT);
    scene.assert_both_work();

    scene.first.terminate();
    let status = scene.first.wait_exit(STOP_LIMIT);
    assert_eq!(status.code(), Some(0), "a stop in order is no failure");

    scene.restart_first();
    scene.play_to_the_end();
    scene.ledger.assert_complete();
    assert_eq!(scene.ledger.doubled_results(), [], "a stop in order commits what it finished");
    assert_eq!(scene.ledger.doubled_bill_count(), 0);
    assert_eq!(scene.ledger.doubled_log_event_count(), 0);
}

#[test]
fn an_instance_that_is_killed_loses_nothing_and_doubles_only_what_was_open() {
    let mut scene = Scene::set();
    scene.ledger.collect_results(EVENT_COUNT / 4, STEP_LIMIT);
    scene.assert_both_work();

    let group = topics::client_of_group(scene.broker.bootstrap(), GROUP);
    let committed = group.committed_offsets(INPUT, INPUT_PARTITIONS);
    scene.first.kill();

    scene.restart_first();
    scene.play_to_the_end();
    // Also asserts that doubles are equal in id and in value.
    scene.ledger.assert_complete();
    let mut doubled_by_partition = vec![0; committed.len()];
    for (partition, offset) in scene.ledger.doubled_results() {
        assert!(
            offset >= committed[partition],
            "{INPUT}-{partition}-{offset} was committed (below {}) and ran again",
            committed[partition]
        );
        doubled_by_partition[partition] += 1;
    }
    tell(&format!("ran again after the kill, by partition: {doubled_by_partition:?}"));
    let most = doubled_by_partition.iter().max();
    assert!(most <= Some(&UNCOMMITTED_MAX), "more than was open: {doubled_by_partition:?}");
}

/// A broker, two instances that work, and events under way.
struct Scene {
    // Dropped in this order: the services before their broker.
    first: Service,
    second: Service,
    events: Events,
    ledger: Ledger,
    directory: TempDir,
    broker: Broker,
    _turn: MutexGuard<'static, ()>,
}

impl Scene {
    /// Starts everything. The first half of the events is on its way when this returns.
    fn set() -> Self {
        // Two brokers and four services on two cores would only time each other out.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let broker = Broker::start();
        broker.create_topics(&[
            (INPUT, INPUT_PARTITIONS),
            (RESULTS, OUTPUT_PARTITIONS),
            (FAILURES, OUTPUT_PARTITIONS),
            (BILLING, OUTPUT_PARTITIONS),
            (HISTORY, OUTPUT_PARTITIONS),
            (DEAD_LETTERS, 1),
        ]);
        let directory = TempDir::with_prefix_in("pipeline-", env!("CARGO_TARGET_TMPDIR"))
            .expect("a temporary folder below target/");
        let mut first = start_instance("first", &broker, &directory);
        let mut second = start_instance("second", &broker, &directory);
        first.wait_ready(READY_LIMIT);
        second.wait_ready(READY_LIMIT);
        let ledger = Ledger::open(broker.bootstrap(), OUTPUT_PARTITIONS);
        let events = Events::start(broker.bootstrap(), INPUT);
        Self { first, second, events, ledger, directory, broker, _turn: turn }
    }

    fn assert_both_work(&self) {
        for instance in [&self.first, &self.second] {
            let records = instance.metric(RECORDS_METRIC);
            assert!(records > 0.0, "an instance has no partitions: the group is not shared");
        }
    }

    /// Brings the first instance back and lets the second half of the events come.
    fn restart_first(&mut self) {
        self.first = start_instance("first", &self.broker, &self.directory);
        self.first.wait_ready(READY_LIMIT);
        self.events.release_second_half();
    }

    /// Waits for all results, stops both instances and reads what is left on the topics.
    fn play_to_the_end(&mut self) {
        self.ledger.collect_results(EVENT_COUNT, STEP_LIMIT);
        self.events.assert_all_sent();
        self.assert_both_work();
        let client = topics::client_of_group(self.broker.bootstrap(), GROUP);
        let ends = client.end_offsets(INPUT, INPUT_PARTITIONS);
        within(STEP_LIMIT, "every offset is committed while the service runs", || {
            (client.committed_offsets(INPUT, INPUT_PARTITIONS) == ends).then_some(())
        });
        for instance in [&mut self.first, &mut self.second] {
            instance.terminate();
            assert_eq!(instance.wait_exit(STOP_LIMIT).code(), Some(0));
        }
        self.ledger.collect_to_the_end(STEP_LIMIT);
    }
}

fn start_instance(name: &str, broker: &Broker, directory: &TempDir) -> Service {
    let [admin_port] = free_ports();
    let definition = Path::new(env!("CARGO_MANIFEST_DIR")).join(DEFINITION);
    let config = format!(
        r#"
[kafka]
brokers = ["{brokers}"]

[shards]
count = 1

[limits]
uncommitted_per_partition = {UNCOMMITTED_MAX}

[http]
listen = "127.0.0.1:{admin_port}"

[[pipeline]]
name = "orders"
group = "{GROUP}"
topics = ["{INPUT}"]
definition = '{definition}'
state_machine = "pass-choice"
result_topic = "{RESULTS}"
failure_topic = "{FAILURES}"
billing_topic = "{BILLING}"
dead_letter_topic = "{DEAD_LETTERS}"
history_topic = "{HISTORY}"
logging.level = "ERROR"
"#,
        brokers = broker.bootstrap(),
        definition = definition.display(),
    );
    Service::start(directory.path(), name, &config, admin_port)
}

static TURN: Mutex<()> = Mutex::new(());

const DEFINITION: &str = "config/state-machines/pass-choice.asl.json";
const GROUP: &str = "orders";
const INPUT: &str = "orders";
const RESULTS: &str = "orders-results";
const FAILURES: &str = "orders-failures";
const BILLING: &str = "orders-billing";
const HISTORY: &str = "orders-history";
const DEAD_LETTERS: &str = "orders-dlq";
const OUTPUT_PARTITIONS: i32 = 4;
const RECORDS_METRIC: &str = "expressway_source_records_total";

/// Small enough that the bound on doubles says something, large enough not to hold the flow.
const UNCOMMITTED_MAX: usize = 8_192;

/// Seconds on a quiet machine; the rest is for a busy one.
const STEP_LIMIT: Duration = Duration::from_secs(90);
const READY_LIMIT: Duration = Duration::from_secs(30);
/// The service's own drain budget is 25 s.
const STOP_LIMIT: Duration = Duration::from_secs(35);
