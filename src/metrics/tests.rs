//! The whole page, read back by a strict parser of the text format.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::base::ids::MachineIdx;
use crate::base::tally::{
    self, Attempted, Ended, ExpressionKind, Finish, Iterated, MachineShape, PerState, Resource,
    RunTally, ShardTally, SharedCounts, StateShape, TaskTally, Turn,
};
use crate::program::{Branch, Exit, Outcome, Pc, StateIdx};

/// One family as read back: its type and its samples by name and labels.
#[derive(Debug, Default)]
struct Read {
    kind: String,
    samples: BTreeMap<(String, String), f64>,
}

/// Parses the text format; panics at whatever it does not allow.
fn parse(text: &str) -> BTreeMap<String, Read> {
    let mut families: BTreeMap<String, Read> = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut current = String::new();
    assert!(text.ends_with('\n'));
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(!help.is_empty() && helped.insert(name.to_owned()), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(helped.contains(name), "TYPE without HELP: {line}");
            let read = Read { kind: kind.to_owned(), ..Read::default() };
            assert!(families.insert(name.to_owned(), read).is_none(), "{line} twice");
            name.clone_into(&mut current);
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let family = families.get_mut(&current).unwrap();
            let base = match family.kind.as_str() {
                "histogram" => ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|suffix| name.strip_suffix(suffix))
                    .unwrap_or(name),
                _ => name,
            };
            assert_eq!(base, current, "sample outside its family");
            let key = (name.to_owned(), labels.trim_end_matches('}').to_owned());
            let value = value.parse().unwrap();
            assert!(family.samples.insert(key, value).is_none(), "{line} twice");
        }
    }
    families
}

struct Rig {
    metrics: Metrics,
    rare: Arc<Rare>,
    flow: Arc<Mutex<FlowCounts>>,
    shards: Vec<ShardTally>,
    tasks: TaskTally,
    runs: RunTally,
}

fn rig(machines: &[&str], state_machines_max: usize) -> Rig {
    rig_with(machines, state_machines_max, |_| {})
}

fn rig_with(machines: &[&str], state_machines_max: usize, set: impl FnOnce(&mut Options)) -> Rig {
    let (shards, shard_readers) = (0..2).map(|_| tally::shard(machines.len())).unzip();
    let (tasks, task_reader) = tally::tasks(machines.len());
    let shapes = vec![shape(); machines.len()];
    let (runs, run_reader) = tally::runs(&shapes, PerState::Full);
    let rare = rare();
    let topics =
        |names: &[&str]| -> Vec<String> { names.iter().map(ToString::to_string).collect() };
    let flow = Arc::new(Mutex::new(FlowCounts {
        sources: topics(&["in", "in"])
            .into_iter()
            .map(|name| (name, SourceCounts::default()))
            .collect(),
        sinks: topics(&["out", "bill"])
            .into_iter()
            .map(|name| (name, SinkCounts::default()))
            .collect(),
        ..FlowCounts::default()
    }));
    let shown = Arc::clone(&flow);
    let mut options = Options {
        machines: machines.iter().map(|name| machine(name)).collect(),
        shards: shard_readers,
        tasks: vec![task_reader],
        runs: vec![run_reader],
        programs: vec![program(); machines.len()],
        per_state: PerState::Full,
        sampled: Some(Arc::new(|| vec![[3, 2, 1]; 2])),
        flows: vec![Arc::new(move || shown.lock().unwrap().clone())],
        inbox_batches: 16,
        open_executions_max: 1_000,
        tasks_in_flight_max: 64,
        state_machines_max,
        build: Build { commit: "abc", rustc: "1.95.0", features: "" },
        configured_at: 1_700_000_000,
        log_dropped: SharedCounts::default(),
        spans: SharedCounts::default(),
        prices: Some(Prices {
            region: "us-east-1".to_owned(),
            currency: "USD".to_owned(),
            per_request: "0.000001".to_owned(),
            per_transition: "0.000025".to_owned(),
            tiers: vec![(0, "0.06".to_owned()), (1_000, "0.03".to_owned())],
        }),
    };
    set(&mut options);
    let metrics =
        Metrics::new(options, Arc::clone(&rare), || vec![("kafka", true), ("shards", false)]);
    Rig { metrics, rare, flow, shards, tasks, runs }
}

fn machine(name: &str) -> MachineLabel {
    MachineLabel {
        name: name.to_owned(),
        revision: "1".to_owned(),
        query_language: "JSONata",
        source: "a.asl.json".to_owned(),
    }
}

/// A task with rules, one without, a choice, a map.
fn shape() -> MachineShape {
    let state = |takes_errors, waits| StateShape { takes_errors, waits };
    let states =
        vec![state(true, true), state(false, true), state(false, false), state(false, true)];
    MachineShape { ops: 12, states }
}

fn program() -> ProgramLabels {
    let label = |name: &str, kind, rules, waits| StateLabel {
        name: name.to_owned(),
        kind,
        retries: rules,
        catches: rules,
        waits,
    };
    let exit =
        |pc, state, outcome, branch| Exit { pc: Pc(pc), state: StateIdx(state), outcome, branch };
    ProgramLabels {
        states: vec![
            label("Ask", "Task", true, true),
            label("Tell", "Task", false, true),
            label("Which", "Choice", false, false),
            label("Each", "Map", false, true),
        ],
        exits: vec![
            exit(2, 0, Outcome::Next, None),
            exit(3, 0, Outcome::Caught, None),
            exit(5, 1, Outcome::End, None),
            exit(7, 2, Outcome::Next, Some(Branch::Default)),
            exit(8, 2, Outcome::Next, Some(Branch::Rule(0))),
            exit(11, 3, Outcome::End, None),
        ],
    }
}

impl Rig {
    fn scrape(&self) -> BTreeMap<String, Read> {
        let mut out = Vec::new();
        self.metrics.scrape(&mut out);
        parse(&String::from_utf8(out).unwrap())
    }
}

fn value(families: &BTreeMap<String, Read>, name: &str, labels: &str) -> f64 {
    let family =
        families.values().find_map(|read| read.samples.get(&(name.to_owned(), labels.to_owned())));
    *family.unwrap_or_else(|| panic!("no {name}{{{labels}}}"))
}

const FINISH: Finish = Finish {
    ended: Ended::Failed,
    duration_ns: 1_500_000_000,
    billed_ms: 1_500,
    billed_mb: 64,
    memory_bytes: 50_000_010,
    input_bytes: 10,
    output_bytes: 0,
    held_bytes: 2_000,
    transitions: 4,
};

#[test]
fn page_holds_every_family_of_the_catalogue_and_no_other() {
    let families = rig(&["a"], 200).scrape();
    let shown: BTreeSet<_> = families.keys().map(String::as_str).collect();
    let known: BTreeSet<_> = FAMILIES.iter().map(|family| family.name).collect();
    assert_eq!(shown, known);
    for family in FAMILIES {
        assert_eq!(families[family.name].kind, family.kind.as_str(), "{}", family.name);
    }
}

#[test]
fn what_a_family_needs_is_what_it_has_no_samples_without() {
    let without = |set: fn(&mut Options)| {
        let rig = rig_with(&["a"], 200, set);
        trouble(&mut rig.flow.lock().unwrap());
        let families = rig.scrape();
        let empty = FAMILIES.iter().filter(|family| families[family.name].samples.is_empty());
        empty.map(|family| family.name).collect::<Vec<_>>()
    };
    let needing = |needs: &[&str]| {
        let needing = FAMILIES.iter().filter(|family| needs.contains(&family.needs));
        needing.map(|family| family.name).collect::<Vec<_>>()
    };
    let [prices, states, full, otlp] = [
        "prices of `aws.region`",
        "`metrics.per_state`, not `off`",
        "`metrics.per_state = \"full\"`",
        "feature `otlp`",
    ];
    assert_eq!(without(|_| {}), [""; 0]);
    assert_eq!(without(|options| options.prices = None), needing(&[prices]));
    assert_eq!(without(|options| options.per_state = PerState::Counters), needing(&[full]));
    assert_eq!(without(|options| options.per_state = PerState::Off), needing(&[states, full]));
    let others =
        FAMILIES.iter().filter(|family| !["", prices, states, full].contains(&family.needs));
    assert!(others.map(|family| family.needs).eq([otlp]), "something else is needed");
}

#[test]
fn labels_are_those_of_the_catalogue() {
    let rig = rig(&["a"], 200);
    rig.flow.lock().unwrap().partitions.push(PartitionOffsets::default());
    for (name, read) in rig.scrape() {
        let family = FAMILIES.iter().find(|family| family.name == name).unwrap();
        for (_, labels) in read.samples.keys() {
            let names: Vec<_> = labels
                .split(',')
                .filter_map(|label| Some(label.split_once('=')?.0))
                .filter(|label| *label != "le")
                .collect();
            assert_eq!(names, family.labels, "{name}");
        }
    }
}

#[test]
fn zero_series_exist_before_anything_happened() {
    let families = rig(&["a"], 200).scrape();
    for (name, labels) in [
        ("expressway_executions_finished_total", "state_machine=\"a\",status=\"timed_out\""),
        ("expressway_executions_rejected_total", "state_machine=\"a\",reason=\"not-json\""),
        ("expressway_tasks_finished_total", "resource=\"http:invoke\",status=\"failed\""),
        ("expressway_source_records_skipped_total", "topic=\"in\",reason=\"tombstone\""),
        ("expressway_dead_letter_records_total", "topic=\"in\",reason=\"too-large\""),
        ("expressway_sink_records_total", "topic=\"bill\",result=\"failed\""),
        ("expressway_source_commits_total", "result=\"error\""),
        ("expressway_source_commit_duration_seconds_count", ""),
        ("expressway_execution_duration_seconds_count", "state_machine=\"a\""),
        ("expressway_executions_throttled_total", "state_machine=\"a\",reason=\"open_limit\""),
        ("expressway_states_exited_total", "state_machine=\"a\",state=\"Ask\",outcome=\"caught\""),
        (
            "expressway_state_retries_total",
            "state_machine=\"a\",state=\"Ask\",error=\"States.Timeout\"",
        ),
        ("expressway_choice_branches_total", "state_machine=\"a\",state=\"Which\",branch=\"none\""),
        ("expressway_map_items_total", "state_machine=\"a\",state=\"Each\",status=\"aborted\""),
        ("expressway_vm_expression_errors_total", "state_machine=\"a\",kind=\"intrinsic\""),
        ("expressway_source_errors_total", "code=\"_TRANSPORT\""),
        ("expressway_source_records_rejected_total", "topic=\"in\",reason=\"too_large\""),
        ("expressway_sink_retries_total", "topic=\"out\""),
        ("expressway_sink_replaced_total", "topic=\"out\""),
        ("expressway_shard_backpressure_seconds_total", "shard=\"0\",reason=\"sink\""),
        ("expressway_task_connections", "resource=\"http:invoke\",state=\"idle\""),
    ] {
        assert!(value(&families, name, labels).abs() < f64::EPSILON, "{name}");
    }
}

fn assert_value(families: &BTreeMap<String, Read>, name: &str, labels: &str, expected: f64) {
    let found = value(families, name, labels);
    assert!((found - expected).abs() < 1e-9, "{name}{{{labels}}} is {found}");
}

#[test]
fn counts_of_all_threads_are_summed() {
    let mut rig = rig(&["a"], 200);
    for shard in &mut rig.shards {
        shard.started(MachineIdx(0));
        shard.started(MachineIdx(0));
        shard.finished(MachineIdx(0), &FINISH);
    }
    rig.tasks.scheduled(Resource::HttpInvoke);
    rig.tasks.started(Resource::HttpInvoke, 1);
    rig.tasks.finished(Resource::HttpInvoke, Attempted::TimedOut, 1);
    {
        let mut flow = rig.flow.lock().unwrap();
        (flow.sources[0].1.records, flow.sources[1].1.records) = (5, 6);
        (flow.sinks[0].1.in_flight, flow.sinks[0].1.deliveries) = (1, [1, 1]);
        flow.held_back_ns = 250_000_000;
    }
    let families = rig.scrape();
    for (name, labels, expected) in [
        ("executions_started_total", "state_machine=\"a\"", 4.0),
        ("executions_open", "state_machine=\"a\"", 2.0),
        ("execution_duration_seconds_sum", "state_machine=\"a\"", 3.0),
        ("execution_billed_duration_seconds_total", "state_machine=\"a\"", 3.0),
        ("execution_billed_memory_bytes_total", "state_machine=\"a\"", 128e6),
        ("execution_billed_mb_milliseconds_total", "state_machine=\"a\"", 192_000.0),
        ("execution_input_bytes_sum", "state_machine=\"a\"", 20.0),
        ("execution_arena_bytes_sum", "state_machine=\"a\"", 4_000.0),
        ("tasks_in_flight", "resource=\"http:invoke\"", 0.0),
        ("source_records_total", "topic=\"in\"", 11.0),
        ("sink_records_total", "topic=\"out\",result=\"delivered\"", 1.0),
        ("sink_in_flight_records", "topic=\"out\"", 1.0),
        ("source_backpressure_seconds_total", "source=\"0\"", 0.25),
    ] {
        assert_value(&families, &format!("{PREFIX}{name}"), labels, expected);
    }
}

#[test]
fn states_are_counted_under_their_names() {
    let mut rig = rig(&["a", "b"], 1);
    rig.runs.select(MachineIdx(0));
    rig.runs.entered(0);
    rig.runs.entered(1);
    rig.runs.retried(0, Some("Order.Late"));
    rig.runs.left(3);
    rig.runs.left(7);
    rig.runs.left(8);
    rig.runs.left(8);
    rig.runs.failed(1);
    rig.runs.unmatched(2);
    rig.runs.iterated(3, Iterated::Succeeded, 20);
    rig.runs.stayed(0, 60_000);
    let families = rig.scrape();
    let entered = "expressway_states_entered_total";
    for (name, labels, expected) in [
        ("states_entered_total", "state=\"Tell\",type=\"Task\"", 1.0),
        ("state_retries_total", "state=\"Ask\",error=\"Order.Late\"", 1.0),
        ("state_catches_total", "state=\"Ask\",error=\"States.TaskFailed\"", 0.0),
        ("states_exited_total", "state=\"Ask\",outcome=\"caught\"", 1.0),
        ("states_exited_total", "state=\"Ask\",outcome=\"next\"", 0.0),
        ("states_exited_total", "state=\"Tell\",outcome=\"failed\"", 1.0),
        ("states_exited_total", "state=\"Which\",outcome=\"next\"", 3.0),
        ("choice_branches_total", "state=\"Which\",branch=\"0\"", 2.0),
        ("choice_branches_total", "state=\"Which\",branch=\"default\"", 1.0),
        ("choice_branches_total", "state=\"Which\",branch=\"none\"", 1.0),
        ("map_items_total", "state=\"Each\",status=\"succeeded\"", 20.0),
        ("state_duration_seconds_sum", "state=\"Ask\"", 60e-6),
        ("state_duration_seconds_count", "state=\"Each\"", 0.0),
    ] {
        let labels = format!("state_machine=\"a\",{labels}");
        assert_value(&families, &format!("{PREFIX}{name}"), &labels, expected);
    }
    // A state has no series of what cannot happen to it, a machine without a label none at all.
    let retries = &families["expressway_state_retries_total"].samples;
    assert!(retries.keys().all(|(_, labels)| labels.contains("\"Ask\"")), "{retries:?}");
    let exits = &families["expressway_states_exited_total"].samples;
    let of_tell = exits.keys().filter(|(_, labels)| labels.contains("\"Tell\""));
    assert_eq!(of_tell.count(), 2, "end and failed");
    let dropped = format!("family=\"{entered}\"");
    assert_value(&families, "expressway_metrics_series_dropped_total", &dropped, 4.0);
}

/// A source with everything that can happen to it.
fn trouble(flow: &mut FlowCounts) {
    flow.throttled = 2;
    flow.held_back = true;
    flow.errors.insert("_ALL_BROKERS_DOWN".to_owned(), 1);
    flow.errors.insert("_FENCED".to_owned(), 3);
    flow.queues = [(5, 500), (7, 700)];
    flow.round_trips = vec![(1, RoundTrip { average_us: 250, p99_us: 1_900 })];
    flow.sources[0].1.dead_lettered = [1, 2, 4, 8, 16];
    (flow.sinks[0].1.retried, flow.sinks[0].1.replaced) = (9, 4);
    let partition = |number| PartitionOffsets {
        topic: "in".to_owned(),
        partition: number,
        committed: Some(40),
        end: Some(100),
        position: Some(90),
    };
    flow.partitions = vec![partition(0), partition(1)];
}

#[test]
fn limits_clients_and_programs_are_shown() {
    let mut rig = rig(&["a", "b"], 200);
    rig.shards[0].throttled(MachineIdx(0));
    rig.tasks.throttled(MachineIdx(0));
    rig.tasks.connections().opened().set_active(true);
    let held = rig.tasks.connections().opened();
    held.set_active(true);
    rig.shards[1].turn(&Turn { stopped_ns: [0, 250_000_000, 0], ..Turn::default() });
    rig.runs.timer_fired(2_000_000);
    rig.runs.select(MachineIdx(0));
    rig.runs.ran(42);
    rig.runs.expression_failed(ExpressionKind::JsonPath);
    trouble(&mut rig.flow.lock().unwrap());
    let families = rig.scrape();
    let machine =
        "state_machine=\"a\",revision=\"1\",query_language=\"JSONata\",source=\"a.asl.json\"";
    let version = env!("CARGO_PKG_VERSION");
    let build = format!("version=\"{version}\",commit=\"abc\",rustc=\"1.95.0\",features=\"\"");
    for (name, labels, expected) in [
        ("executions_throttled_total", "state_machine=\"a\",reason=\"open_limit\"", 3.0),
        ("executions_throttled_total", "state_machine=\"a\",reason=\"task_limit\"", 1.0),
        ("executions_throttled_total", "state_machine=\"b\",reason=\"open_limit\"", 0.0),
        ("task_connections", "resource=\"http:invoke\",state=\"active\"", 1.0),
        ("task_connections", "resource=\"http:invoke\",state=\"idle\"", 0.0),
        ("shard_backpressure_seconds_total", "shard=\"1\",reason=\"sink\"", 0.25),
        ("shard_timer_delay_seconds_sum", "", 0.002),
        ("vm_instructions_total", "state_machine=\"a\"", 42.0),
        ("vm_expression_errors_total", "state_machine=\"a\",kind=\"jsonpath\"", 1.0),
        ("source_errors_total", "code=\"_FENCED\"", 3.0),
        ("source_errors_total", "code=\"_ALL_BROKERS_DOWN\"", 1.0),
        ("source_partitions_paused", "topic=\"in\"", 2.0),
        ("source_records_rejected_total", "topic=\"in\",reason=\"malformed\"", 13.0),
        ("source_records_rejected_total", "topic=\"in\",reason=\"too_large\"", 2.0),
        ("source_records_rejected_total", "topic=\"in\",reason=\"unknown_machine\"", 16.0),
        ("kafka_client_queue_records", "client=\"consumer\"", 5.0),
        ("kafka_client_queue_bytes", "client=\"producer\"", 700.0),
        ("kafka_broker_rtt_seconds", "broker=\"1\",stat=\"avg\"", 250e-6),
        ("kafka_broker_rtt_seconds", "broker=\"1\",stat=\"p99\"", 1.9e-3),
        ("sink_retries_total", "topic=\"out\"", 9.0),
        ("sink_replaced_total", "topic=\"out\"", 4.0),
        ("traces_sampled_total", "state_machine=\"b\",reason=\"slow\"", 2.0),
        ("config_last_reload_success_timestamp_seconds", "", 1.7e9),
        ("shard_queue_capacity", "shard=\"0\",queue=\"inbox\"", 16.0),
        ("state_machine_info", machine, 1.0),
        ("build_info", &build, 1.0),
    ] {
        assert_value(&families, &format!("{PREFIX}{name}"), labels, expected);
    }
    drop(held);
    rig.flow.lock().unwrap().held_back = false;
    let families = rig.scrape();
    for (name, labels) in [
        ("task_connections", "resource=\"http:invoke\",state=\"active\""),
        ("source_partitions_paused", "topic=\"in\""),
    ] {
        assert_value(&families, &format!("{PREFIX}{name}"), labels, 0.0);
    }
}

#[test]
fn failures_are_counted_by_name_and_the_names_are_bounded() {
    let mut rig = rig(&["a"], 200);
    for shard in &mut rig.shards {
        shard.failed(MachineIdx(0), "States.Timeout");
        shard.failed(MachineIdx(0), "Order.Rejected");
    }
    for number in 0..100 {
        rig.shards[0].failed(MachineIdx(0), &format!("E{number:03}"));
    }
    let families = rig.scrape();
    let name = "expressway_execution_failures_total";
    for (error, expected) in
        [("States.Timeout", 2.0), ("States.TaskFailed", 0.0), ("Order.Rejected", 2.0)]
    {
        let labels = format!("state_machine=\"a\",error=\"{error}\"");
        assert_value(&families, name, &labels, expected);
    }
    let series = &families[name].samples;
    assert!(series.len() <= 3 + tally::ERRORS_LEARNED_MAX + 1, "{}", series.len());
    let sum: f64 = series.values().sum();
    assert!((sum - 104.0).abs() < f64::EPSILON, "{sum}");
}

#[test]
fn prices_are_shown_by_tier() {
    let families = rig(&["a"], 200).scrape();
    let place = "region=\"us-east-1\",currency=\"USD\"";
    assert_value(&families, "expressway_price_per_request", place, 1e-6);
    assert_value(&families, "expressway_price_per_state_transition", place, 25e-6);
    for (tier, price, start) in [(1, 0.06, 0.0), (2, 0.03, 1_000.0)] {
        let labels = format!("{place},tier=\"{tier}\"");
        assert_value(&families, "expressway_duration_price", &labels, price);
        assert_value(&families, "expressway_duration_price_tier_start", &labels, start);
    }
}

#[test]
fn rare_events_and_offsets_are_shown_until_a_partition_goes() {
    let rig = rig(&["a"], 200);
    rig.rare.requested("/metrics", "BREW", 405, Duration::from_millis(1));
    rig.flow.lock().unwrap().commits = [7, 1];
    let offsets = PartitionOffsets {
        topic: "in".to_owned(),
        partition: 3,
        position: Some(90),
        committed: Some(40),
        end: Some(100),
    };
    rig.flow.lock().unwrap().partitions.push(offsets);
    let families = rig.scrape();
    let partition = "topic=\"in\",partition=\"3\"";
    let brewed = "route=\"/metrics\",method=\"other\",code=\"405\"";
    for (name, labels, expected) in [
        ("source_commits_total", "result=\"error\"", 1.0),
        ("source_lag_records", partition, 60.0),
        ("source_uncommitted_records", partition, 50.0),
        ("source_partitions_assigned", "topic=\"in\"", 1.0),
        ("ready", "check=\"shards\"", 0.0),
        ("http_requests_total", brewed, 1.0),
    ] {
        assert_value(&families, &format!("{PREFIX}{name}"), labels, expected);
    }
    rig.flow.lock().unwrap().partitions.clear();
    assert!(rig.scrape()["expressway_source_lag_records"].samples.is_empty());
}

#[test]
fn histogram_buckets_are_cumulative_and_end_at_the_count() {
    let mut rig = rig(&["a"], 200);
    for duration_ns in [1, 49_000, 60_000, 7_000_000, 400_000_000_000] {
        let finish = Finish { duration_ns, ..FINISH };
        rig.shards[0].finished(MachineIdx(0), &finish);
    }
    rig.rare.compiled(Duration::from_millis(2));
    let mut checked = 0;
    for (name, read) in rig.scrape() {
        if read.kind != "histogram" {
            continue;
        }
        let mut series: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for ((sample, labels), value) in &read.samples {
            if let Some((rest, bound)) = labels.rsplit_once("le=\"") {
                assert_eq!(sample, &format!("{name}_bucket"));
                let bound = match bound.trim_end_matches('"') {
                    "+Inf" => f64::INFINITY,
                    bound => bound.parse().unwrap(),
                };
                let buckets = series.entry(rest.trim_end_matches(',').to_owned());
                buckets.or_default().push((bound, *value));
            }
        }
        for (labels, mut buckets) in series {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.is_sorted_by_key(|bucket| bucket.1), "{name}{{{labels}}}");
            let (bound, last) = buckets[buckets.len() - 1];
            assert!(bound.is_infinite(), "{name} has no +Inf");
            let count = read.samples[&(format!("{name}_count"), labels.clone())];
            assert!((count - last).abs() < f64::EPSILON, "{name}{{{labels}}}");
            checked += 1;
        }
    }
    assert!(checked >= 10, "only {checked} histograms");
}

#[test]
fn machines_beyond_the_cap_are_summed_as_other() {
    let mut rig = rig(&["a", "b", "c"], 1);
    for machine in 0..3 {
        rig.shards[1].started(MachineIdx(machine));
    }
    let families = rig.scrape();
    let started = &families["expressway_executions_started_total"].samples;
    assert_eq!(started.len(), 2);
    let name = "expressway_executions_started_total";
    assert!((value(&families, name, "state_machine=\"other\"") - 2.0).abs() < f64::EPSILON);
    let dropped =
        value(&families, "expressway_metrics_series_dropped_total", &format!("family=\"{name}\""));
    assert!((dropped - 2.0).abs() < f64::EPSILON);
}

#[test]
fn upkeep_ends_when_it_is_dropped() {
    let upkeep = Upkeep::start(rare(), Duration::from_hours(1)).unwrap();
    drop(upkeep);
}

#[test]
fn process_families_have_values_on_linux() {
    let families = rig(&[], 1).scrape();
    assert!(value(&families, "process_resident_memory_bytes", "") > 0.0);
    assert!(value(&families, "process_start_time_seconds", "") > 1.6e9);
    assert!(value(&families, "process_open_fds", "") > 0.0);
}
