//! Recording rules and alerts: conditions, texts of the runbook, and the cases that prove them.
//!
//! Thresholds stand here and nowhere else; the rule file repeats them in its head.

/// A series recorded for dashboards and alerts.
pub(crate) struct Recorded {
    pub(crate) name: &'static str,
    pub(crate) expr: String,
    pub(crate) about: &'static str,
}

pub(crate) struct Alert {
    pub(crate) name: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) expr: String,
    /// How long the condition must hold.
    pub(crate) wait: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) look: &'static str,
    pub(crate) fix: &'static str,
    pub(crate) fires: Case,
    pub(crate) quiet: Case,
}

/// Series in promtool's notation, one value a minute, and when to look.
pub(crate) struct Case {
    pub(crate) series: &'static [(&'static str, &'static str)],
    pub(crate) at: &'static str,
}

/// What an operator may want to change, with its unit.
pub(crate) const THRESHOLDS: &[(&str, &str)] = &[
    ("expressway:budget_per_day:limit", "100, in the currency of the price file"),
    ("expressway:memory_limit_bytes:limit", "8 GiB of resident memory per instance"),
    ("expressway:latency_p99_seconds:limit", "5 s from record to acknowledged result"),
    ("failure budget", "1 % of executions"),
    ("lag", "100,000 records and growing, or 60 s of reading for what is not read yet"),
    ("replay budget", "50,000 uncommitted records of one partition"),
];

const FAILURE_BUDGET: f64 = 0.01;

pub(crate) fn recorded() -> Vec<Recorded> {
    let per_instance = "on (cluster, job, instance) group_left (region, currency)";
    let ends = r#"sum without (status) (rate(expressway_executions_finished_total{status!="aborted"}[5m]))"#;
    let mut rules = vec![
        Recorded {
            name: "expressway:budget_per_day:limit",
            expr: "vector(100)".to_owned(),
            about: "What the load may cost at AWS in a day. Yours to change.",
        },
        Recorded {
            name: "expressway:memory_limit_bytes:limit",
            expr: "vector(8589934592)".to_owned(),
            about: "Resident memory that an instance may have. Yours to change.",
        },
        Recorded {
            name: "expressway:latency_p99_seconds:limit",
            expr: "vector(5)".to_owned(),
            about: "What 99 of 100 events may take, executions included. Yours to change: longer for workflows that wait.",
        },
        Recorded {
            name: "state_machine:expressway_cost_per_hour:rate5m",
            expr: format!(
                "rate(expressway_execution_billed_mb_milliseconds_total[5m]) / 1024000 * {per_instance} \
                 expressway_duration_price{{tier=\"1\"}} + {ends} * 3600 * {per_instance} \
                 expressway_price_per_request"
            )
            .replace(
                "expressway_duration_price{tier=\"1\"}",
                "sum without (tier) (expressway_duration_price{tier=\"1\"})",
            ),
            about: "Price of an hour at this rate: GB-hours at the first tier, plus requests.",
        },
        Recorded {
            name: "state_machine:expressway_standard_cost_per_hour:rate5m",
            expr: format!(
                "rate(expressway_state_transitions_total[5m]) * 3600 * {per_instance} \
                 expressway_price_per_state_transition"
            ),
            about: "Price of an hour at this rate if the workflows were Standard.",
        },
    ];
    for window in ["5m", "30m", "1h", "6h"] {
        rules.push(Recorded {
            name: match window {
                "5m" => "job:expressway_failure_ratio:rate5m",
                "30m" => "job:expressway_failure_ratio:rate30m",
                "1h" => "job:expressway_failure_ratio:rate1h",
                _ => "job:expressway_failure_ratio:rate6h",
            },
            expr: format!(
                "sum by (cluster, job) (rate(expressway_executions_finished_total{{status=~\"failed|timed_out\"}}[{window}])) \
                 / sum by (cluster, job) (rate(expressway_executions_finished_total[{window}]))"
            ),
            about: "Share of executions that failed or timed out.",
        });
    }
    rules
}

pub(crate) fn alerts() -> Vec<Alert> {
    let mut alerts = health();
    alerts.extend(failures());
    alerts.extend(kafka());
    alerts.extend(sink_and_tasks());
    alerts.extend(runtime());
    alerts.extend(money());
    alerts
}

fn burn(long: &str, short: &str, factor: f64) -> String {
    let limit = factor * FAILURE_BUDGET;
    format!(
        "job:expressway_failure_ratio:rate{long} > {limit:.4} and job:expressway_failure_ratio:rate{short} > {limit:.4}"
    )
}

const OK: &str = r#"expressway_executions_finished_total{job="e",instance="a",state_machine="m",status="succeeded"}"#;
const FAILED: &str = r#"expressway_executions_finished_total{job="e",instance="a",state_machine="m",status="failed"}"#;
const TIMED_OUT: &str = r#"expressway_executions_finished_total{job="e",instance="a",state_machine="m",status="timed_out"}"#;
const LAG: &str = r#"expressway_source_lag_records{job="e",instance="a",topic="t",partition="0"}"#;
const END: &str = r#"expressway_source_end_offset{job="e",instance="a",topic="t",partition="0"}"#;
const POSITION: &str =
    r#"expressway_source_position_offset{job="e",instance="a",topic="t",partition="0"}"#;

/// Records of a topic that no instance has read yet. The lag is counted from what is committed, so open
/// executions are part of it.
const UNREAD: &str = "sum by (cluster, job, topic) (expressway_source_end_offset - expressway_source_position_offset)";
/// Behind the last record of a transaction lies its marker, which is never read.
const PARTITIONS: &str = "count by (cluster, job, topic) (expressway_source_end_offset)";
/// By the offsets, which are of one topic each; counters of a pipeline with several topics are of all.
const READ_RATE: &str =
    "sum by (cluster, job, topic) (deriv(expressway_source_position_offset[5m]))";

fn health() -> Vec<Alert> {
    vec![
        Alert {
            name: "ExpressDown",
            severity: "critical",
            expr: r#"up{job="expressway"} == 0"#.to_owned(),
            wait: "2m",
            summary: "{{ $labels.instance }} cannot be scraped",
            description: "Prometheus has had no answer from its admin port for two minutes.",
            meaning: "The process is gone, hangs, or its admin port cannot be reached. Its partitions go to other instances of the group, if there are any.",
            look: "Is the process there? Its last log lines say why it ended; exit code 4 means that Kafka could not be reached at start.",
            fix: "Start it again. What was open runs again from the committed offsets; nothing is lost.",
            fires: Case { series: &[(r#"up{job="expressway",instance="a"}"#, "0x10")], at: "5m" },
            quiet: Case { series: &[(r#"up{job="expressway",instance="a"}"#, "1x10")], at: "5m" },
        },
        Alert {
            name: "ExpressNotReady",
            severity: "critical",
            expr: "expressway_ready == 0".to_owned(),
            wait: "5m",
            summary: "{{ $labels.instance }} is not ready: {{ $labels.check }}",
            description: "The readiness check {{ $labels.check }} has failed for five minutes.",
            meaning: "The instance runs but does no work, or is stopping and does not come to its end.",
            look: "curl HOST:9640/readyz?verbose gives the reason of each check.",
            fix: "A stop that hangs waits for open executions until drain_timeout. Else restart it.",
            fires: Case {
                series: &[(r#"expressway_ready{job="e",instance="a",check="sources"}"#, "0x10")],
                at: "8m",
            },
            quiet: Case {
                series: &[(
                    r#"expressway_ready{job="e",instance="a",check="sources"}"#,
                    "0 0 1x10",
                )],
                at: "8m",
            },
        },
        Alert {
            name: "ExpressRestarting",
            severity: "warning",
            expr: r#"changes(process_start_time_seconds{job="expressway"}[15m]) > 2"#.to_owned(),
            wait: "0m",
            summary: "{{ $labels.instance }} keeps restarting",
            description: "{{ $value }} restarts in 15 minutes.",
            meaning: "The process ends again and again; each time its open executions run anew.",
            look: "The last lines of its log before each end; the memory limit of its container.",
            fix: "Mend what the log names. A source that ends with an error names its topic.",
            fires: Case {
                series: &[(
                    r#"process_start_time_seconds{job="expressway",instance="a"}"#,
                    "1 1 2 2 3 3 4 4 5 5 6",
                )],
                at: "10m",
            },
            quiet: Case {
                series: &[(
                    r#"process_start_time_seconds{job="expressway",instance="a"}"#,
                    "1 1 1 1 1 2 2 2 2 2 2",
                )],
                at: "10m",
            },
        },
    ]
}

fn failures() -> Vec<Alert> {
    vec![
        Alert {
            name: "ExpressFailureBudgetBurnFast",
            severity: "critical",
            expr: burn("1h", "5m", 14.4),
            wait: "2m",
            summary: "{{ $value | humanizePercentage }} of executions fail",
            description: "At this rate the failure budget of a month is gone in two days.",
            meaning: "Over the last hour and the last five minutes, more than 14.4 times the budget of executions failed or timed out.",
            look: "Dashboard Express / Overview, row Errors: which state machine, which error.",
            fix: "States.TaskFailed or States.Http.*: the called service. Names of your own: the workflow's decision. States.Runtime and path errors: events changed their shape; try one with `expressway exec`.",
            fires: Case { series: &[(OK, "0+50x120"), (FAILED, "0+50x120")], at: "90m" },
            quiet: Case { series: &[(OK, "0+1000x120"), (FAILED, "0+5x120")], at: "90m" },
        },
        Alert {
            name: "ExpressFailureBudgetBurnSlow",
            severity: "warning",
            expr: burn("6h", "30m", 6.0),
            wait: "15m",
            summary: "{{ $value | humanizePercentage }} of executions fail",
            description: "At this rate the failure budget of a month is gone in five days.",
            meaning: "Over six hours and the last half hour, more than six times the budget of executions failed or timed out.",
            look: "As for ExpressFailureBudgetBurnFast.",
            fix: "As for ExpressFailureBudgetBurnFast.",
            fires: Case { series: &[(OK, "0+90x500"), (FAILED, "0+10x500")], at: "450m" },
            quiet: Case { series: &[(OK, "0+990x500"), (FAILED, "0+10x500")], at: "450m" },
        },
        Alert {
            name: "ExpressExecutionTimeouts",
            severity: "warning",
            expr: "sum by (cluster, job, state_machine) (rate(expressway_executions_finished_total{status=\"timed_out\"}[5m])) / sum by (cluster, job, state_machine) (rate(expressway_executions_finished_total[5m])) > 0.001".to_owned(),
            wait: "10m",
            summary: "Executions of {{ $labels.state_machine }} time out",
            description: "{{ $value | humanizePercentage }} of them reach TimeoutSeconds or the limit of five minutes.",
            meaning: "A timed-out execution is billed for its whole time and has no result.",
            look: "Dashboard Express / Tasks: does a call take long? Express / Shards: does the loop?",
            fix: "Give the Task state a TimeoutSeconds of its own and a Retry or Catch; raise the machine's TimeoutSeconds if it is too short.",
            fires: Case { series: &[(OK, "0+100x30"), (TIMED_OUT, "0+1x30")], at: "25m" },
            quiet: Case { series: &[(OK, "0+100x30"), (TIMED_OUT, "0x30")], at: "25m" },
        },
        Alert {
            name: "ExpressLatencyHigh",
            severity: "warning",
            expr: "histogram_quantile(0.99, sum by (cluster, job, state_machine, le) (rate(expressway_event_latency_seconds_bucket[5m]))) > scalar(expressway:latency_p99_seconds:limit)".to_owned(),
            wait: "10m",
            summary: "Events of {{ $labels.state_machine }} take long",
            description: "One in a hundred takes more than {{ $value | humanizeDuration }} from its timestamp to its acknowledged result.",
            meaning: "Users of the result topic wait. The time is spent before the shard (lag), in it, in a call, or at the broker.",
            look: "Dashboard Express / Overview, row Duration: compare age at hand-over, execution duration, and delivery (Express / Kafka).",
            fix: "Age high: more shards or instances. Execution high: the calls; or the workflow waits on purpose, then raise expressway:latency_p99_seconds:limit. Delivery high: the broker.",
            fires: Case {
                series: &[
                    (r#"expressway_event_latency_seconds_bucket{job="e",state_machine="m",le="5"}"#, "0+50x30"),
                    (r#"expressway_event_latency_seconds_bucket{job="e",state_machine="m",le="10"}"#, "0+100x30"),
                    (r#"expressway_event_latency_seconds_bucket{job="e",state_machine="m",le="+Inf"}"#, "0+100x30"),
                ],
                at: "25m",
            },
            quiet: Case {
                series: &[
                    (r#"expressway_event_latency_seconds_bucket{job="e",state_machine="m",le="5"}"#, "0+100x30"),
                    (r#"expressway_event_latency_seconds_bucket{job="e",state_machine="m",le="10"}"#, "0+100x30"),
                    (r#"expressway_event_latency_seconds_bucket{job="e",state_machine="m",le="+Inf"}"#, "0+100x30"),
                ],
                at: "25m",
            },
        },
    ]
}

fn kafka() -> Vec<Alert> {
    vec![
        Alert {
            name: "ExpressLagGrowing",
            severity: "warning",
            expr: "sum by (cluster, job, topic) (expressway_source_lag_records) > 100000 and sum by (cluster, job, topic) (deriv(expressway_source_lag_records[10m])) > 0".to_owned(),
            wait: "10m",
            summary: "The lag of {{ $labels.topic }} grows",
            description: "{{ $value | humanize }} records behind, and more each minute.",
            meaning: "More comes in than is finished.",
            look: "Dashboard Express / Kafka: one partition or all? Express / Shards: are shards busy? Time not reading: what holds it back?",
            fix: "All partitions and busy shards: more shards or instances (at most one instance per partition). One partition: its key is hot. Not busy: a slow service behind Task states; raise task.http.calls_per_shard.",
            fires: Case { series: &[(LAG, "200000+1000x40")], at: "30m" },
            quiet: Case { series: &[(LAG, "200000-1000x40")], at: "30m" },
        },
        Alert {
            name: "ExpressLagTimeHigh",
            severity: "critical",
            expr: format!("({UNREAD} > {PARTITIONS}) / {READ_RATE} > 60"),
            wait: "5m",
            summary: "{{ $labels.topic }} is {{ $value | humanizeDuration }} behind",
            description: "What is not read yet, divided by the rate of reading, is above a minute.",
            meaning: "At the present rate it takes that long to read what is there, if nothing new came in. Events that were read and whose executions are open do not count.",
            look: "As for ExpressLagGrowing.",
            fix: "As for ExpressLagGrowing.",
            fires: Case { series: &[(END, "10000+60x20"), (POSITION, "0+60x20")], at: "15m" },
            // Executions of 100 s, ten a second: 1,000 are open, nothing waits.
            quiet: Case { series: &[(LAG, "1000x20"), (END, "0+600x20"), (POSITION, "0+600x20")], at: "15m" },
        },
        Alert {
            name: "ExpressConsumerStalled",
            severity: "critical",
            expr: format!("{UNREAD} > {PARTITIONS} and {READ_RATE} == 0"),
            wait: "5m",
            summary: "Nothing is read from {{ $labels.topic }}",
            description: "{{ $value | humanize }} records wait and none has been read for minutes.",
            meaning: "Reading stands still although there is work.",
            look: "expressway_source_backpressure_seconds_total: rising means that there is no room (executions that never end, a broker that does not acknowledge). Else the log of the consumer.",
            fix: "Room: limits.uncommitted_per_partition and limits.open_executions, or the cause of the executions that stay open. A consumer that has left its group comes back by a restart.",
            fires: Case { series: &[(END, "500+10x20"), (POSITION, "100x20")], at: "15m" },
            quiet: Case { series: &[(LAG, "500x20"), (END, "501x20"), (POSITION, "500x20")], at: "15m" },
        },
        Alert {
            name: "ExpressRebalanceStorm",
            severity: "warning",
            expr: r#"sum by (cluster, job, instance) (increase(expressway_source_rebalances_total{event="assigned"}[10m])) / count by (cluster, job, instance) (expressway_source_backpressure_seconds_total) > 3"#.to_owned(),
            wait: "0m",
            summary: "The groups of {{ $labels.instance }} rebalance again and again",
            description: "{{ $value | humanize }} assignments of each of its sources in ten minutes.",
            meaning: "Instances come and go, or miss their heartbeats; each time work stops for a moment.",
            look: "Restarts of instances; group.instance.id and session timeouts in the logs; a CPU limit that starves the I/O thread.",
            fix: "Give the process CPU; deploy instances one after the other.",
            fires: Case {
                series: &[
                    (r#"expressway_source_rebalances_total{job="e",instance="a",event="assigned"}"#, "0+1x20"),
                    (r#"expressway_source_backpressure_seconds_total{job="e",instance="a",source="0"}"#, "0x20"),
                ],
                at: "15m",
            },
            // An instance with four pipelines starts.
            quiet: Case {
                series: &[
                    (r#"expressway_source_rebalances_total{job="e",instance="a",event="assigned"}"#, "0 0 4x20"),
                    (r#"expressway_source_backpressure_seconds_total{job="e",instance="a",source="0"}"#, "0x20"),
                    (r#"expressway_source_backpressure_seconds_total{job="e",instance="a",source="1"}"#, "0x20"),
                    (r#"expressway_source_backpressure_seconds_total{job="e",instance="a",source="2"}"#, "0x20"),
                    (r#"expressway_source_backpressure_seconds_total{job="e",instance="a",source="3"}"#, "0x20"),
                ],
                at: "8m",
            },
        },
        Alert {
            name: "ExpressCommitFailing",
            severity: "warning",
            expr: r#"sum by (cluster, job, instance) (rate(expressway_source_commits_total{result="error"}[5m])) > 0"#.to_owned(),
            wait: "5m",
            summary: "{{ $labels.instance }} cannot commit offsets",
            description: "Commits have failed for five minutes.",
            meaning: "Work goes on, but a crash would run all of it again since the last commit that succeeded.",
            look: "The log line `commit failed` names the broker's error.",
            fix: "Unknown member: the group gave the partitions away; the process takes too long between polls, so give it CPU. Authorization: the ACL of the group.",
            fires: Case { series: &[(r#"expressway_source_commits_total{job="e",instance="a",result="error"}"#, "0+1x20")], at: "15m" },
            quiet: Case { series: &[(r#"expressway_source_commits_total{job="e",instance="a",result="error"}"#, "3x20")], at: "15m" },
        },
        Alert {
            name: "ExpressUncommittedBacklog",
            severity: "warning",
            expr: "max by (cluster, job, topic, partition) (expressway_source_uncommitted_records) > 50000".to_owned(),
            wait: "10m",
            summary: "{{ $labels.topic }}/{{ $labels.partition }} holds many uncommitted records",
            description: "{{ $value | humanize }} records would run again after a crash.",
            meaning: "An old execution is still open and holds the commit back, or bills by the minute have not been acknowledged.",
            look: "Executions open, and the longest TimeoutSeconds and Wait of the workflow.",
            fix: "Shorter timeouts; or accept it and raise limits.uncommitted_per_partition.",
            fires: Case { series: &[(r#"expressway_source_uncommitted_records{job="e",instance="a",topic="t",partition="0"}"#, "60000x30")], at: "20m" },
            quiet: Case { series: &[(r#"expressway_source_uncommitted_records{job="e",instance="a",topic="t",partition="0"}"#, "60000 60000 100x30")], at: "20m" },
        },
    ]
}

fn sink_and_tasks() -> Vec<Alert> {
    vec![
        Alert {
            name: "ExpressDeadLetters",
            severity: "warning",
            expr: "sum by (cluster, job, topic, reason) (rate(expressway_dead_letter_records_total[5m])) > 0".to_owned(),
            wait: "5m",
            summary: "Records of {{ $labels.topic }} go to the dead letters: {{ $labels.reason }}",
            description: "{{ $value | humanize }} a second.",
            meaning: "They are not JSON, too large, too deep, or have an invalid name, and started no execution.",
            look: "The headers dlq.class and dlq.cause of the newest dead letters.",
            fix: "Mend the producer, then produce the records again.",
            fires: Case { series: &[(r#"expressway_dead_letter_records_total{job="e",instance="a",topic="t",reason="not-json"}"#, "0+1x20")], at: "15m" },
            quiet: Case { series: &[(r#"expressway_dead_letter_records_total{job="e",instance="a",topic="t",reason="not-json"}"#, "7x20")], at: "15m" },
        },
        Alert {
            name: "ExpressSinkFailing",
            severity: "critical",
            // Who gives up a record ends soon after: no rate of it lasts.
            expr: r#"sum by (cluster, job, topic) (increase(expressway_sink_records_total{result="failed"}[15m])) > 0"#.to_owned(),
            wait: "0m",
            summary: "Records do not reach {{ $labels.topic }}",
            description: "{{ $value | humanize }} were given up in fifteen minutes.",
            meaning: "Each was sent three times; then the source ends, so that nothing is lost. A log event of a history that its topic refuses for its size is lost alone.",
            look: "The log line `record not delivered` names the broker's error, the pipeline and the topic. expressway_sink_retries_total rises before.",
            fix: "Message too large: max.message.bytes of the topic. Timeouts: the broker. Authorization: the ACL of the topic.",
            fires: Case { series: &[(r#"expressway_sink_records_total{job="e",instance="a",topic="t",result="failed"}"#, "0+1x20")], at: "15m" },
            quiet: Case { series: &[(r#"expressway_sink_records_total{job="e",instance="a",topic="t",result="failed"}"#, "2x20")], at: "15m" },
        },
        Alert {
            name: "ExpressTaskErrors",
            severity: "warning",
            expr: "sum by (cluster, job, resource) (rate(expressway_tasks_finished_total{status=~\"failed|timed_out\"}[5m])) / sum by (cluster, job, resource) (rate(expressway_tasks_finished_total[5m])) > 0.05".to_owned(),
            wait: "10m",
            summary: "Calls of {{ $labels.resource }} fail",
            description: "{{ $value | humanizePercentage }} of attempts fail or time out.",
            meaning: "A service that workflows call is ill. Retries hide it from executions for a while and add load to it.",
            look: "Dashboard Express / Tasks; failures by error name on Express / State machine.",
            fix: "The service. Meanwhile a Catch keeps executions from failing, and BackoffRate keeps retries apart.",
            fires: Case {
                series: &[
                    (r#"expressway_tasks_finished_total{job="e",resource="http:invoke",status="succeeded"}"#, "0+80x30"),
                    (r#"expressway_tasks_finished_total{job="e",resource="http:invoke",status="failed"}"#, "0+20x30"),
                ],
                at: "25m",
            },
            quiet: Case {
                series: &[
                    (r#"expressway_tasks_finished_total{job="e",resource="http:invoke",status="succeeded"}"#, "0+99x30"),
                    (r#"expressway_tasks_finished_total{job="e",resource="http:invoke",status="failed"}"#, "0+1x30"),
                ],
                at: "25m",
            },
        },
        Alert {
            name: "ExpressTasksSaturated",
            severity: "warning",
            expr: "sum by (cluster, job, instance, resource) (expressway_tasks_in_flight) / sum by (cluster, job, instance, resource) (expressway_tasks_in_flight_limit) > 0.9".to_owned(),
            wait: "10m",
            summary: "Calls of {{ $labels.resource }} wait for their turn",
            description: "{{ $value | humanizePercentage }} of the ceiling is in use.",
            meaning: "Further attempts wait in order; executions take longer, and are billed for it.",
            look: "Dashboard Express / Tasks: run and wait time.",
            fix: "Raise task.http.calls_per_shard if the service bears it; else make it faster.",
            fires: Case {
                series: &[
                    (r#"expressway_tasks_in_flight{job="e",instance="a",resource="http:invoke"}"#, "95x30"),
                    (r#"expressway_tasks_in_flight_limit{job="e",instance="a",resource="http:invoke"}"#, "100x30"),
                ],
                at: "20m",
            },
            quiet: Case {
                series: &[
                    (r#"expressway_tasks_in_flight{job="e",instance="a",resource="http:invoke"}"#, "50x30"),
                    (r#"expressway_tasks_in_flight_limit{job="e",instance="a",resource="http:invoke"}"#, "100x30"),
                ],
                at: "20m",
            },
        },
    ]
}

/// The busiest shard against the mean of the others, where there is enough to be uneven.
fn skew() -> String {
    let events = "sum without (kind) (rate(expressway_shard_events_total[5m]))";
    let of = |what: &str| format!("{what} by (cluster, job, instance) ({events})");
    let (max, sum, count) = (of("max"), of("sum"), of("count"));
    format!("{max} > 2 * ({sum} - {max}) / ({count} - 1) and {sum} > 100")
}

fn runtime() -> Vec<Alert> {
    vec![
        Alert {
            name: "ExpressShardSaturated",
            severity: "warning",
            expr: "rate(expressway_shard_busy_seconds_total[5m]) > 0.9".to_owned(),
            wait: "15m",
            summary: "Shard {{ $labels.shard }} of {{ $labels.instance }} has no time left",
            description: "It works {{ $value | humanizePercentage }} of the time.",
            meaning: "More load will only become lag.",
            look: "Dashboard Express / Shards: all shards, or one?",
            fix: "All: more cores and shards.count, or more instances. One: ExpressShardSkew.",
            fires: Case { series: &[(r#"expressway_shard_busy_seconds_total{job="e",instance="a",shard="0"}"#, "0+58x40")], at: "30m" },
            quiet: Case { series: &[(r#"expressway_shard_busy_seconds_total{job="e",instance="a",shard="0"}"#, "0+30x40")], at: "30m" },
        },
        Alert {
            name: "ExpressShardSkew",
            severity: "info",
            expr: skew(),
            wait: "15m",
            summary: "Work of {{ $labels.instance }} is placed unevenly",
            description: "One shard handles {{ $value | humanize }} events a second, more than twice the mean of the others.",
            meaning: "That shard is the bottleneck while others sleep.",
            look: "Dashboard Express / Shards: events by shard.",
            fix: "Very different executions: nothing to do. Else tell us.",
            fires: Case {
                series: &[
                    (r#"expressway_shard_events_total{job="e",instance="a",shard="0",kind="start"}"#, "0+60000x40"),
                    (r#"expressway_shard_events_total{job="e",instance="a",shard="1",kind="start"}"#, "0+600x40"),
                ],
                at: "30m",
            },
            quiet: Case {
                series: &[
                    // Three events a minute say nothing.
                    (r#"expressway_shard_events_total{job="e",instance="a",shard="0",kind="start"}"#, "0+3x40"),
                    (r#"expressway_shard_events_total{job="e",instance="a",shard="1",kind="start"}"#, "0x40"),
                    (r#"expressway_shard_events_total{job="e",instance="b",shard="0",kind="start"}"#, "0+60000x40"),
                    (r#"expressway_shard_events_total{job="e",instance="b",shard="1",kind="start"}"#, "0+40000x40"),
                ],
                at: "30m",
            },
        },
        Alert {
            name: "ExpressBackpressure",
            severity: "warning",
            expr: "rate(expressway_source_backpressure_seconds_total[5m]) > 0.2".to_owned(),
            wait: "10m",
            summary: "{{ $labels.instance }} often stops reading",
            description: "It stands still {{ $value | humanizePercentage }} of the time for want of room.",
            meaning: "Shards, the window of uncommitted records or the producer's queue is full.",
            look: "Express / Shards: inbox. Express / Kafka: uncommitted, in flight to the broker.",
            fix: "Full inbox: more shards. Full window: ExpressUncommittedBacklog. In flight: the broker.",
            fires: Case { series: &[(r#"expressway_source_backpressure_seconds_total{job="e",instance="a",source="0"}"#, "0+30x30")], at: "20m" },
            quiet: Case { series: &[(r#"expressway_source_backpressure_seconds_total{job="e",instance="a",source="0"}"#, "0+3x30")], at: "20m" },
        },
        Alert {
            name: "ExpressOpenLimit",
            severity: "warning",
            expr: "sum by (cluster, job, instance) (expressway_executions_open) > 0.9 * sum by (cluster, job, instance) (expressway_executions_open_limit) or sum by (cluster, job, instance) (rate(expressway_executions_throttled_total{reason=\"open_limit\"}[5m])) > 0".to_owned(),
            wait: "5m",
            summary: "{{ $labels.instance }} is at its limit of open executions",
            description: "More than 90 % of limits.open_executions are open, or events have waited for five minutes because a pipeline has as many open as it may.",
            meaning: "At the limit reading stops until executions end. Each pipeline has an equal share of it.",
            look: "Express / State machine: which machine, and how long do its executions take?",
            fix: "Raise limits.open_executions if memory allows; else more instances.",
            fires: Case {
                series: &[
                    // One of two pipelines, at its share.
                    (r#"expressway_executions_open{job="e",instance="a",state_machine="m"}"#, "50x20"),
                    (r#"expressway_executions_throttled_total{job="e",instance="a",state_machine="m",reason="open_limit"}"#, "0+5x20"),
                    (r#"expressway_executions_open_limit{job="e",instance="a"}"#, "100x20"),
                ],
                at: "15m",
            },
            quiet: Case {
                series: &[
                    (r#"expressway_executions_open{job="e",instance="a",state_machine="m"}"#, "50x20"),
                    (r#"expressway_executions_throttled_total{job="e",instance="a",state_machine="m",reason="open_limit"}"#, "5x20"),
                    (r#"expressway_executions_open_limit{job="e",instance="a"}"#, "100x20"),
                ],
                at: "15m",
            },
        },
        Alert {
            name: "ExpressSeriesDropped",
            severity: "info",
            expr: "sum by (cluster, job, instance) (expressway_metrics_series_dropped_total) > 0".to_owned(),
            wait: "15m",
            summary: "{{ $labels.instance }} folds series into `other`",
            description: "{{ $value }} series have no label of their own.",
            meaning: "There are more state machines, states or error names than have room; dashboards show the rest together, until a restart.",
            look: "expressway_metrics_series_dropped_total by family: those of states (expressway_state…, expressway_choice_…, expressway_map_…) have room for 2,000 series.",
            fix: "State machines: raise metrics.state_machines_max, if Prometheus bears it. States: metrics.per_state = \"counters\" or \"off\", or fewer machines in one instance.",
            fires: Case { series: &[(r#"expressway_metrics_series_dropped_total{job="e",instance="a",family="f"}"#, "3x40")], at: "30m" },
            quiet: Case { series: &[(r#"expressway_metrics_series_dropped_total{job="e",instance="a",family="f"}"#, "0x40")], at: "30m" },
        },
        Alert {
            name: "ExpressMemoryHigh",
            severity: "warning",
            expr: r#"process_resident_memory_bytes{job="expressway"} > 0.85 * scalar(expressway:memory_limit_bytes:limit)"#.to_owned(),
            wait: "10m",
            summary: "{{ $labels.instance }} holds much memory",
            description: "{{ $value | humanize1024 }}B resident, above 85 % of expressway:memory_limit_bytes:limit.",
            meaning: "A container that reaches its limit is killed, and its open executions run again.",
            look: "expressway_shard_arena_bytes: is it open executions? limits.execution_bytes bounds one of them.",
            fix: "Lower limits.open_executions or limits.uncommitted_per_partition, or give it more memory and change the recorded limit.",
            fires: Case { series: &[(r#"process_resident_memory_bytes{job="expressway",instance="a"}"#, "8000000000x30")], at: "20m" },
            quiet: Case { series: &[(r#"process_resident_memory_bytes{job="expressway",instance="a"}"#, "80000000x30")], at: "20m" },
        },
    ]
}

const MB_MS: &str =
    r#"expressway_execution_billed_mb_milliseconds_total{job="e",instance="a",state_machine="m"}"#;
const GB_HOUR: &str =
    r#"expressway_duration_price{job="e",instance="a",region="r",currency="USD",tier="1"}"#;
const REQUEST: &str =
    r#"expressway_price_per_request{job="e",instance="a",region="r",currency="USD"}"#;

fn money() -> Vec<Alert> {
    vec![
        Alert {
            name: "ExpressBudgetPace",
            severity: "warning",
            expr: "avg_over_time(sum(state_machine:expressway_cost_per_hour:rate5m)[1h:1m]) * 24 > scalar(expressway:budget_per_day:limit)".to_owned(),
            wait: "15m",
            summary: "At this pace a day costs {{ $value | humanize }}",
            description: "The last hour, made a day, is above expressway:budget_per_day:limit.",
            meaning: "What AWS would charge for this load at the first tier is more than you planned. Nothing is charged to you here: it is what you save, or would pay after a move.",
            look: "Dashboard Express / Overview, row Money: which state machine. Billed duration and memory per execution on Express / State machine.",
            fix: "Shorter waits and calls, smaller inputs of Map iterations (memory is billed in 64 MB), or another budget.",
            // 1,000 executions a second of 100 ms and 64 MB: 3.60 an hour for requests, 0.38 for time.
            fires: Case { series: &[(OK, "0+120000x120"), (MB_MS, "0+768000000x120"), (GB_HOUR, "0.06x120"), (REQUEST, "0.000001x120")], at: "100m" },
            // 76 a day, which one instance does after the other.
            quiet: Case {
                series: &[
                    (OK, "0+50000x60 stale"),
                    (MB_MS, "0+320000000x60 stale"),
                    (GB_HOUR, "0.06x60 stale"),
                    (REQUEST, "0.000001x60 stale"),
                    (r#"expressway_executions_finished_total{job="e",instance="b",state_machine="m",status="succeeded"}"#, "_x60 0+50000x60"),
                    (r#"expressway_execution_billed_mb_milliseconds_total{job="e",instance="b",state_machine="m"}"#, "_x60 0+320000000x60"),
                    (r#"expressway_duration_price{job="e",instance="b",region="r",currency="USD",tier="1"}"#, "_x60 0.06x60"),
                    (r#"expressway_price_per_request{job="e",instance="b",region="r",currency="USD"}"#, "_x60 0.000001x60"),
                ],
                at: "100m",
            },
        },
        Alert {
            name: "ExpressBudgetSpent",
            severity: "critical",
            expr: "sum(sum_over_time(state_machine:expressway_cost_per_hour:rate5m[24h:5m])) / 12 > scalar(expressway:budget_per_day:limit)".to_owned(),
            wait: "0m",
            summary: "The last 24 hours would have cost {{ $value | humanize }}",
            description: "That is above expressway:budget_per_day:limit.",
            meaning: "The budget of a day is spent, at the first tier's price.",
            look: "expressway bill --period gives the exact sum with all tiers.",
            fix: "As for ExpressBudgetPace.",
            fires: Case { series: &[(OK, "0+300000x1500"), (MB_MS, "0+1920000000x1500"), (GB_HOUR, "0.06x1500"), (REQUEST, "0.000001x1500")], at: "1450m" },
            quiet: Case { series: &[(OK, "0+6000x1500"), (MB_MS, "0+38400000x1500"), (GB_HOUR, "0.06x1500"), (REQUEST, "0.000001x1500")], at: "1450m" },
        },
    ]
}
