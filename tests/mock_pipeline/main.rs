//! The Kafka source against librdkafka's mock cluster, with a shard that runs nothing.

// The helpers of this test are not `#[test]` functions, but test code all the same.
#![allow(clippy::unwrap_used, clippy::too_many_lines)]

mod cluster;
mod deliveries;
mod history;
mod shard;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use expressway::base::ids::{MachineIdx, PipelineIdx};
use expressway::cli::relay::{self, RelayArgs};
use expressway::ingest::{ClientRole, Error, Handle, OffsetReset, Options, Pipeline, Report};
use rdkafka::types::RDKafkaApiKey;
use serde_json::Value;

use cluster::{Cluster, Record};
use shard::{MACHINE_ARN, Shards};

const PARTITIONS: i32 = 4;
const TOPICS: &[(&str, i32)] =
    &[("in", PARTITIONS), ("out", 2), ("bills", 2), ("dead", 1), ("history", 2)];

fn options(cluster: &Cluster) -> Options {
    let mut options = Options::new(PipelineIdx(0), MachineIdx(0));
    options.pipeline_name = "p".into();
    options.machine_arn = MACHINE_ARN.into();
    options.bootstrap_servers = cluster.servers();
    options.group = "g".into();
    options.topics = vec!["in".into()];
    options.result_topic = "out".into();
    options.failure_topic = "out".into();
    options.billing_topic = "bills".into();
    options.dead_letter_topic = "dead".into();
    options.auto_offset_reset = OffsetReset::Earliest;
    options.consumer_settings = vec![("fetch.wait.max.ms".into(), "5".into())];
    options.producer_settings = vec![("linger.ms".into(), "1".into())];
    options
}

/// Has the producer refuse records of more than 10 kB.
fn take_small_records_only(options: &mut Options) {
    options.producer_settings.push(("message.max.bytes".into(), "10000".into()));
    options.producer_settings.push(("batch.size".into(), "10000".into()));
}

struct Running {
    handle: Handle,
    shards: Shards,
}

impl Running {
    fn start(options: Options) -> Self {
        let mut shards = Shards::start(2);
        let (ports, lane) = shards.take();
        let handle = Pipeline::connect(options, ports, lane).and_then(Pipeline::start).unwrap();
        Self { handle, shards }
    }

    fn finished(&self) -> u64 {
        self.handle.counters().finished.get()
    }

    fn stop(self) -> Report {
        self.handle.stop();
        let report = self.handle.join();
        self.shards.join();
        report
    }
}

/// Waits for a condition; fails the test when it does not come.
fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn produce(cluster: &Cluster, count: usize) {
    for index in 0..count {
        let value = format!("{{\"n\":{index}}}");
        let key = format!("k{index}");
        let partition = index as i32 % PARTITIONS;
        cluster.produce("in", partition, Some(key.as_bytes()), Some(value.as_bytes()), &[]);
    }
    cluster.flush();
}

fn ends(count: usize) -> BTreeMap<i32, i64> {
    (0..PARTITIONS).map(|partition| (partition, (count as i64) / i64::from(PARTITIONS))).collect()
}

fn arns(records: &[Record]) -> HashMap<String, u32> {
    let mut arns = HashMap::new();
    for record in records {
        *arns.entry(record.header("execution-arn").unwrap().to_owned()).or_default() += 1;
    }
    arns
}

#[test]
fn every_record_has_a_result_and_a_bill_and_is_committed() {
    let cluster = Cluster::new(TOPICS);
    produce(&cluster, 4_000);
    let running = Running::start(options(&cluster));
    wait_for("all records", || running.finished() == 4_000);
    let counters = running.handle.counters();
    let report = running.stop();
    assert!(report.error.is_none(), "{:?}", report.error);
    assert_eq!((report.dropped, report.finished), (0, 4_000));
    assert_eq!(counters.produced.get(), 8_000);
    assert_eq!(counters.delivered.get(), 8_000);

    let results = cluster.read("out", 2, 4_000);
    let bills = cluster.read("bills", 2, 4_000);
    assert_eq!((results.len(), bills.len()), (4_000, 4_000));
    let result_arns = arns(&results);
    assert_eq!(result_arns.len(), 4_000);
    for bill in &bills {
        let record: Value = serde_json::from_slice(bill.value.as_deref().unwrap()).unwrap();
        let id = record["id"].as_str().unwrap();
        assert!(result_arns.contains_key(id));
        assert_eq!(bill.key.as_deref(), Some(id.as_bytes()));
        assert_eq!(bill.header("content-type"), Some("application/cloudevents+json"));
        assert_eq!(record["data"]["billed_duration_ms"], 200);
        assert_eq!(record["data"]["tags"]["team"], "t");
    }
    let values: HashSet<&str> = results.iter().map(Record::text).collect();
    assert_eq!(values.len(), 4_000);
    assert_eq!(cluster.committed("g", "in", PARTITIONS), ends(4_000));
}

#[test]
fn a_result_keeps_key_and_headers_and_a_failure_is_a_result() {
    let cluster = Cluster::new(TOPICS);
    let headers: &[(&str, &[u8])] = &[("trace", b"abc"), ("execution-name", b"run-1")];
    cluster.produce("in", 0, Some(b"key"), Some(b"{\"a\": 1}"), headers);
    cluster.produce("in", 0, None, Some(b"{\"fail\":true}"), &[]);
    cluster.flush();
    let running = Running::start(options(&cluster));
    wait_for("both", || running.finished() == 2);
    assert!(running.stop().error.is_none());

    let results = cluster.read("out", 2, 2);
    let good = results.iter().find(|record| record.key.is_some()).unwrap();
    let bad = results.iter().find(|record| record.key.is_none()).unwrap();
    assert_eq!(good.text(), "{\"a\": 1}");
    let names: Vec<&str> = good.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "trace",
            "execution-name",
            "execution-arn",
            "state-machine-arn",
            "status",
            "started-at",
            "stopped-at"
        ]
    );
    assert_eq!(good.header("trace"), Some("abc"));
    let arn = good.header("execution-arn").unwrap();
    assert!(arn.starts_with("arn:aws:states:eu-west-1:111111111111:express:echo:run-1:"), "{arn}");
    assert_eq!(good.header("state-machine-arn"), Some(MACHINE_ARN));
    assert_eq!(good.header("status"), Some("SUCCEEDED"));
    assert_eq!(good.header("started-at"), Some("2026-01-01T00:00:00.000Z"));
    assert_eq!(good.header("stopped-at"), Some("2026-01-01T00:00:00.120Z"));
    assert_eq!(bad.text(), r#"{"error":"Order.Refused","cause":"no stock"}"#);
    assert_eq!(bad.header("status"), Some("FAILED"));
    assert_eq!(bad.header("error"), Some("Order.Refused"));
    assert!(bad.header("execution-arn").unwrap().contains(":in-0-1:"));
    assert_eq!(cluster.read("bills", 2, 2).len(), 2);
}

#[test]
fn what_cannot_run_is_a_dead_letter_and_costs_nothing() {
    let cluster = Cluster::new(TOPICS);
    let large = vec![b'1'; 262_145];
    cluster.produce("in", 1, Some(b"k0"), None, &[]);
    cluster.produce("in", 1, Some(b"k1"), Some(&large), &[("h", b"v")]);
    cluster.produce("in", 1, Some(b"k2"), Some(b"1"), &[("execution-name", b"a b")]);
    cluster.produce("in", 1, Some(b"k3"), Some(b"\xff{"), &[("h", b"v")]);
    cluster.produce("in", 1, Some(b"k4"), Some(b"1"), &[("execution-name", b"\xff")]);
    cluster.produce("in", 1, Some(b"k5"), Some(b"{}"), &[]);
    cluster.flush();
    let running = Running::start(options(&cluster));
    wait_for("all", || running.finished() == 6);
    let counters = running.handle.counters();
    assert!(running.stop().error.is_none());
    assert_eq!(counters.skipped.get(), 1);
    assert_eq!(counters.dead_lettered.get(), 4);

    let dead = cluster.read("dead", 1, 4);
    assert_eq!(dead.len(), 4);
    let by_key =
        |key: &[u8]| dead.iter().find(|record| record.key.as_deref() == Some(key)).unwrap();
    for (key, offset, class) in [
        (b"k1", "1", "too-large"),
        (b"k2", "2", "invalid-name"),
        (b"k3", "3", "not-json"),
        (b"k4", "4", "invalid-name"),
    ] {
        let record = by_key(key);
        let own: Vec<&str> = record
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| name.starts_with("dlq."))
            .collect();
        assert_eq!(
            own,
            [
                "dlq.topic",
                "dlq.partition",
                "dlq.offset",
                "dlq.timestamp",
                "dlq.class",
                "dlq.cause",
                "dlq.pipeline"
            ]
        );
        assert_eq!(record.header("dlq.topic"), Some("in"));
        assert_eq!(record.header("dlq.partition"), Some("1"));
        assert_eq!(record.header("dlq.offset"), Some(offset));
        assert_eq!(record.header("dlq.timestamp"), Some("1767225600000"));
        assert_eq!(record.header("dlq.class"), Some(class));
        assert_eq!(record.header("dlq.pipeline"), Some("p"));
        assert!(!record.header("dlq.cause").unwrap().is_empty());
    }
    assert_eq!(by_key(b"k1").value.as_deref(), Some(large.as_slice()));
    assert_eq!(by_key(b"k1").header("h"), Some("v"));
    assert_eq!(by_key(b"k3").value.as_deref(), Some(&b"\xff{"[..]));
    assert_eq!(by_key(b"k3").header("h"), Some("v"));
    assert_eq!(cluster.read("bills", 2, 1).len(), 1);
    assert_eq!(cluster.read("out", 2, 1).len(), 1);
    assert_eq!(cluster.committed("g", "in", PARTITIONS), BTreeMap::from([(1, 6)]));
}

#[test]
fn nothing_is_committed_past_what_is_open_and_the_next_owner_repeats_it_under_the_same_id() {
    let cluster = Cluster::new(TOPICS);
    for offset in 0..100 {
        let value = format!("{{\"n\":{offset},\"hold\":{}}}", offset == 40);
        cluster.produce("in", 0, None, Some(value.as_bytes()), &[]);
    }
    cluster.flush();
    let mut first = options(&cluster);
    first.drain_timeout = Duration::from_millis(50);
    let running = Running::start(first);
    running.shards.control.hold.store(true, Ordering::SeqCst);
    wait_for("all but one", || running.finished() == 99);
    wait_for("a commit", || running.handle.counters().commits.get() > 0);
    let control = std::sync::Arc::clone(&running.shards.control);
    running.handle.stop();
    let report = running.handle.join();
    assert!(report.error.is_none());
    assert_eq!(report.dropped, 1);
    assert_eq!(cluster.committed("g", "in", PARTITIONS), BTreeMap::from([(0, 40)]));
    control.hold.store(false, Ordering::SeqCst);
    running.shards.join();

    let running = Running::start(options(&cluster));
    wait_for("the rest", || running.finished() == 60);
    assert!(running.stop().error.is_none());
    assert_eq!(cluster.committed("g", "in", PARTITIONS), BTreeMap::from([(0, 100)]));
    let arns = arns(&cluster.read("out", 2, 159));
    assert_eq!(arns.len(), 100);
    let doubled = arns.values().filter(|&&count| count == 2).count();
    assert_eq!(doubled, 59, "exactly what was finished above the open record");
}

#[test]
fn a_commit_comes_after_the_delivery_of_its_outputs() {
    let cluster = Cluster::new(TOPICS);
    produce(&cluster, 40);
    cluster.start_tracking();
    let running = Running::start(options(&cluster));
    wait_for("all", || running.finished() == 40);
    assert!(running.stop().error.is_none());
    let kinds = cluster.requests();
    let produce = RDKafkaApiKey::Produce as i16;
    let commit = RDKafkaApiKey::OffsetCommit as i16;
    let first_commit = kinds.iter().position(|&kind| kind == commit).unwrap();
    let first_produce = kinds.iter().position(|&kind| kind == produce).unwrap();
    let last_commit = kinds.iter().rposition(|&kind| kind == commit).unwrap();
    let last_produce = kinds.iter().rposition(|&kind| kind == produce).unwrap();
    assert!(first_produce < first_commit, "{kinds:?}");
    assert!(last_produce < last_commit, "{kinds:?}");
}

#[test]
fn a_second_member_joins_and_leaves_under_load_and_nothing_is_missing() {
    let cluster = Cluster::new(TOPICS);
    let first = Running::start(options(&cluster));
    let mut produced = 0;
    let mut more = |upto: usize| {
        while produced < upto {
            let value = format!("{{\"n\":{produced}}}");
            cluster.produce("in", produced as i32 % PARTITIONS, None, Some(value.as_bytes()), &[]);
            produced += 1;
        }
        cluster.flush();
    };
    more(2_000);
    wait_for("the first to start", || first.finished() > 0);
    let second = Running::start(options(&cluster));
    let mut upto = 2_000;
    wait_for("the second to take part", || {
        upto += 20;
        more(upto);
        second.finished() > 100
    });
    let report = second.stop();
    assert!(report.error.is_none(), "{:?}", report.error);
    assert_eq!(report.dropped, 0);
    upto = (upto + 2_000).next_multiple_of(PARTITIONS as usize);
    more(upto);
    let end = upto as i64 / i64::from(PARTITIONS);
    wait_for("everything to be committed", || {
        let lags = first.handle.counters().lags();
        lags.len() == PARTITIONS as usize && lags.iter().all(|lag| lag.watermark == end)
    });
    let report = first.stop();
    assert!(report.error.is_none(), "{:?}", report.error);
    assert_eq!(cluster.committed("g", "in", PARTITIONS), ends(upto));
    let results = cluster.read("out", 2, upto);
    let values: HashSet<&str> = results.iter().map(Record::text).collect();
    assert_eq!(values.len(), upto);
    assert_eq!(results.len(), upto, "a clean hand-over doubles nothing");
    assert_eq!(cluster.read("bills", 2, upto).len(), upto);
}

#[test]
fn an_outcome_that_comes_after_its_partition_went_away_is_dropped() {
    let cluster = Cluster::new(TOPICS);
    for partition in 0..PARTITIONS {
        let value = format!("{{\"n\":{partition},\"hold\":true}}");
        cluster.produce("in", partition, None, Some(value.as_bytes()), &[]);
    }
    cluster.flush();
    let mut hasty = options(&cluster);
    hasty.revoke_timeout = Duration::from_millis(20);
    let first = Running::start(hasty);
    first.shards.control.hold.store(true, Ordering::SeqCst);
    let counters = first.handle.counters();
    wait_for("all to be held", || counters.started.get() == 4 && counters.in_flight.get() == 4);
    let second = Running::start(options(&cluster));
    wait_for("the second's share", || second.finished() == 2);
    first.shards.control.hold.store(false, Ordering::SeqCst);
    wait_for("the first's rest", || first.finished() == 2 && counters.in_flight.get() == 0);
    assert_eq!(counters.dropped.get(), 2);
    assert!(first.stop().error.is_none());
    assert!(second.stop().error.is_none());
    let results = arns(&cluster.read("out", 2, 4));
    assert_eq!((results.len(), results.values().sum::<u32>()), (4, 4));
    assert_eq!(cluster.read("bills", 2, 4).len(), 4);
    assert_eq!(cluster.committed("g", "in", PARTITIONS), ends(4));
}

#[test]
fn a_full_window_stops_intake_until_its_head_ends() {
    let cluster = Cluster::new(TOPICS);
    for offset in 0..300 {
        let value = format!("{{\"n\":{offset},\"hold\":{}}}", offset == 0);
        cluster.produce("in", 0, None, Some(value.as_bytes()), &[]);
    }
    cluster.flush();
    let mut options = options(&cluster);
    options.uncommitted_per_partition = 64;
    let mut shards = Shards::start(1);
    shards.control.hold.store(true, Ordering::SeqCst);
    let (ports, lane) = shards.take();
    let handle = Pipeline::connect(options, ports, lane).and_then(Pipeline::start).unwrap();
    let counters = handle.counters();
    wait_for("the window to fill", || {
        counters.window_full.get() == 1 && counters.finished.get() == 63
    });
    assert_eq!(counters.consumed.get(), 64);
    wait_for("back-pressure to show", || {
        counters.back_pressure_ns.get() > 0 && counters.standing_still.get() == 1
    });
    assert_eq!(counters.throttled.get(), 0, "the window is no limit of open executions");
    shards.control.hold.store(false, Ordering::SeqCst);
    wait_for("the rest", || counters.finished.get() == 300);
    wait_for("intake to go on", || counters.standing_still.get() == 0);
    handle.stop();
    assert!(handle.join().error.is_none());
    shards.join();
    assert_eq!(cluster.committed("g", "in", PARTITIONS), BTreeMap::from([(0, 300)]));
}

#[test]
fn records_that_find_all_shards_full_are_counted_once_each() {
    let cluster = Cluster::new(TOPICS);
    for offset in 0..20 {
        let value = format!("{{\"n\":{offset},\"hold\":true}}");
        cluster.produce("in", 0, None, Some(value.as_bytes()), &[]);
    }
    cluster.flush();
    let mut options = options(&cluster);
    options.inflight_per_shard = 5;
    let mut shards = Shards::start(1);
    shards.control.hold.store(true, Ordering::SeqCst);
    let (ports, lane) = shards.take();
    let handle = Pipeline::connect(options, ports, lane).and_then(Pipeline::start).unwrap();
    let counters = handle.counters();
    wait_for("the sixth to wait", || counters.throttled.get() == 1);
    assert_eq!(counters.consumed.get(), 5);
    wait_for("intake to stand still", || counters.standing_still.get() == 1);
    wait_for("the rest to be seen in the client", || counters.fetched.get() == 15);
    shards.control.hold.store(false, Ordering::SeqCst);
    wait_for("the rest", || counters.finished.get() == 20);
    assert!((1..=15).contains(&counters.throttled.get()), "{}", counters.throttled.get());
    handle.stop();
    assert!(handle.join().error.is_none());
    shards.join();
}

#[test]
fn a_partition_without_records_has_offsets_from_its_assignment_on() {
    let cluster = Cluster::new(TOPICS);
    let told_often = |cluster: &Cluster| {
        let mut options = options(cluster);
        options.consumer_settings.push(("statistics.interval.ms".into(), "50".into()));
        options
    };
    let offsets = |handle: &Handle| -> Vec<_> {
        let lags = handle.counters().lags().into_iter();
        let mut offsets: Vec<_> = lags
            .map(|lag| (lag.partition, lag.watermark, lag.committed, lag.position, lag.records))
            .collect();
        offsets.sort_unstable();
        offsets
    };
    let standing = |ends: [i64; 4]| -> Vec<_> {
        (0..PARTITIONS).zip(ends).map(|(number, end)| (number, end, end, end, 0)).collect()
    };
    let running = Running::start(told_often(&cluster));
    wait_for("offsets of empty partitions", || offsets(&running.handle) == standing([0; 4]));
    for _ in 0..3 {
        cluster.produce("in", 2, None, Some(b"{}"), &[]);
    }
    cluster.flush();
    wait_for("the end of three records", || offsets(&running.handle) == standing([0, 0, 3, 0]));
    assert!(running.stop().error.is_none());

    // Committed in the meantime, and not read again.
    let running = Running::start(told_often(&cluster));
    wait_for("offsets of idle ones", || offsets(&running.handle) == standing([0, 0, 3, 0]));
    assert_eq!(running.handle.counters().consumed.get(), 0);
    let second = Running::start(told_often(&cluster));
    wait_for("half of them to go", || offsets(&running.handle).len() == 2);
    wait_for("half of them to come", || {
        let both = [offsets(&running.handle), offsets(&second.handle)].concat();
        let known: HashSet<_> = both.into_iter().collect();
        known == standing([0, 0, 3, 0]).into_iter().collect()
    });
    assert!(second.stop().error.is_none());
    assert!(running.stop().error.is_none());
}

#[test]
fn clients_tell_of_their_errors_and_round_trips() {
    let cluster = Cluster::new(TOPICS);
    produce(&cluster, 40);
    let running = Running::start(options(&cluster));
    wait_for("all", || running.finished() == 40);
    let counters = running.handle.counters();
    assert_eq!(counters.errors(), BTreeMap::new());
    for role in [ClientRole::Consumer, ClientRole::Producer] {
        wait_for("statistics", || {
            let brokers = counters.client(role).round_trips;
            brokers.values().any(|one| one.count > 0 && one.p99_us >= one.average_us)
        });
    }
    // The mock's brokers are numbered from 1.
    assert!(counters.client(ClientRole::Producer).round_trips.keys().all(|broker| *broker >= 1));
    assert!(running.stop().error.is_none());
}

#[test]
fn starting_says_what_is_wrong() {
    let cluster = Cluster::new(TOPICS);
    let start = |options: Options| {
        let mut shards = Shards::start(1);
        let (ports, lane) = shards.take();
        let error = Pipeline::connect(options, ports, lane).and_then(Pipeline::start).unwrap_err();
        shards.join();
        error
    };
    let mut away = options(&cluster);
    away.bootstrap_servers = "127.0.0.1:1".into();
    away.connect_timeout = Duration::from_millis(500);
    let error = start(away);
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");

    let mut missing = options(&cluster);
    missing.topics = vec!["not-there".into()];
    let error = start(missing);
    assert!(error.to_string().starts_with("source topic `not-there` does not exist"), "{error}");

    let mut missing = options(&cluster);
    missing.billing_topic = "no-bills".into();
    let error = start(missing);
    assert!(error.to_string().starts_with("billing topic `no-bills` does not exist"), "{error}");

    let mut missing = options(&cluster);
    missing.topics = vec!["in".into(), "no-in".into()];
    missing.result_topic = "no-out".into();
    missing.failure_topic = "no-out".into();
    missing.dead_letter_topic = "no-dead".into();
    let error = start(missing).to_string();
    let all =
        "source topic `no-in`, result topic `no-out`, dead-letter topic `no-dead` do not exist";
    assert!(error.starts_with(all) && error.contains("; create them, or"), "{error}");

    let mut bad = options(&cluster);
    bad.client_settings.push(("no.such.setting".into(), "1".into()));
    let error = start(bad);
    assert!(matches!(error, Error::Settings(_)), "{error}");
    assert!(error.to_string().contains("no.such.setting"), "{error}");
}

#[test]
fn a_broker_too_old_for_the_group_protocol_is_told_apart() {
    let cluster = Cluster::new(TOPICS);
    cluster.forget_new_groups();
    let mut shards = Shards::start(1);
    let (ports, lane) = shards.take();
    let error = Pipeline::connect(options(&cluster), ports, lane).unwrap_err();
    shards.join();
    assert!(matches!(error, Error::GroupProtocolTooOld), "{error}");
    assert!(error.to_string().contains("group_protocol = \"classic\""), "{error}");
}

#[test]
fn the_relay_copies_every_record_with_a_second_one() {
    let cluster = Cluster::new(TOPICS);
    produce(&cluster, 1_000);
    let args = RelayArgs {
        brokers: cluster.servers(),
        from: "in".into(),
        to: "out".into(),
        billing: Some("bills".into()),
        machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".into(),
        group: "r".into(),
        records: Some(1_000),
        seconds: 20,
        consumer_settings: vec!["auto.offset.reset=earliest".into()],
        producer_settings: Vec::new(),
    };
    let mut out = Vec::new();
    let report = relay::run(&args, &mut out).unwrap();
    assert_eq!((report.relayed, report.delivered, report.failed), (1_000, 2_000, 0));
    let line: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(line["records"], 1_000);
    let copies = cluster.read("out", 2, 1_000);
    let values: HashSet<&str> = copies.iter().map(Record::text).collect();
    assert_eq!(values.len(), 1_000);
    let second = cluster.read("bills", 2, 1_000);
    let ids: HashSet<String> = second
        .iter()
        .map(|record| serde_json::from_str::<Value>(record.text()).unwrap()["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 1_000);
}
