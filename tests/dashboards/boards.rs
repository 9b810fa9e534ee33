//! The six dashboards: what stands where, and what it tells.
//!
//! The first row answers "is it fine?", then come rate, errors and duration, then utilisation and
//! saturation, then details, folded up.

use crate::board::{ANCHOR, Board, Row, lines, quantiles, stat};

pub(crate) fn all() -> Vec<Board> {
    vec![overview(), state_machine(), kafka(), shards(), tasks(), loadgen()]
}

fn row(title: &'static str, panels: Vec<crate::board::Panel>) -> Row {
    Row { title, collapsed: false, panels }
}

fn folded(title: &'static str, panels: Vec<crate::board::Panel>) -> Row {
    Row { title, collapsed: true, panels }
}

fn overview() -> Board {
    Board {
        uid: "express-overview",
        title: "Express / Overview",
        about: "All instances: is it fine, how much flows, what fails, how long it takes, what it costs.",
        anchor: ANCHOR,
        variable: None,
        rows: vec![
            row(
                "Is it fine?",
                vec![
                    stat("Instances ready", "short", "sum(min by (cluster, job, instance) (expressway_ready{@}))",
                        "Instances whose readiness checks all pass. Fewer than you run: look at /readyz?verbose of those that are missing."),
                    stat("Executions", "ops", "sum(rate(expressway_executions_finished_total{@}[~]))",
                        "Executions that ended per second. Zero with a lag means that nothing moves."),
                    stat("Failed", "percentunit", "sum(rate(expressway_executions_finished_total{@,status=~\"failed|timed_out\"}[~])) / sum(rate(expressway_executions_finished_total{@}[~]))",
                        "Share of executions that failed or timed out. Which and why: the row Errors.").levels(0.005, 0.05),
                    stat("Latency p99", "s", "histogram_quantile(0.99, sum by (le) (rate(expressway_event_latency_seconds_bucket{@}[~])))",
                        "From a record's timestamp to the acknowledgement of its result: what a user of the topic sees.").levels(1.0, 10.0),
                    stat("Lag", "short", "sum(expressway_source_lag_records{@})",
                        "Records between the committed offset and the end. Growing: the dashboard Kafka says where.").levels(100_000.0, 1_000_000.0),
                    stat("AWS price per hour", "currencyUSD", "sum(state_machine:expressway_cost_per_hour:rate5m{@})",
                        "What AWS would charge for this load at the first tier: an upper bound, since later tiers are cheaper. In the currency of the price file. The month so far: expressway bill --period."),
                ],
            ),
            row(
                "Rate",
                vec![
                    lines("Executions by status", "ops", 12, &[("sum by (status) (rate(expressway_executions_finished_total{@}[~]))", "{{status}}")],
                        "Ends of executions. Aborted ones were dropped by a stop and run again.").stacked(),
                    lines("Records read", "ops", 12, &[("sum by (topic) (rate(expressway_source_records_total{@}[~]))", "{{topic}}")],
                        "Records taken from source topics, skipped and refused ones included."),
                ],
            ),
            row(
                "Errors",
                vec![
                    lines("Failures by error", "ops", 12, &[("sum by (state_machine, error) (rate(expressway_execution_failures_total{@}[~]))", "{{state_machine}} {{error}}")],
                        "Failed and timed-out executions by error name. Names beyond the first 20 of a machine are `other`."),
                    lines("Refused and dead-lettered", "ops", 12, &[
                        ("sum by (reason) (rate(expressway_executions_rejected_total{@}[~]))", "refused {{reason}}"),
                        ("sum by (topic) (rate(expressway_dead_letter_records_total{@}[~]))", "dead letters of {{topic}}"),
                    ], "Records that could not become executions. Their dead letters say why in the header dlq.cause."),
                ],
            ),
            row(
                "Duration",
                vec![
                    lines("Event latency", "s", 12, &[("sum by (le) (rate(expressway_event_latency_seconds_bucket{@}[~]))", "{{le}}")],
                        "Distribution of record timestamp to acknowledged result. Two bands mean two kinds of event.").heat(),
                    quantiles("Event latency", 12, "expressway_event_latency_seconds", "@",
                        "Quantiles of the same. Beyond the execution's own duration it is waiting: the lag, a full shard, the broker."),
                    quantiles("Execution duration", 12, "expressway_execution_duration_seconds", "@",
                        "Start to end of one execution, waits and calls included."),
                    quantiles("Age of records at hand-over", 12, "expressway_source_record_age_seconds", "@",
                        "Record timestamp to shard. High: we are behind, or producers write old timestamps."),
                ],
            ),
            row(
                "Utilisation and saturation",
                vec![
                    lines("Open executions", "short", 8, &[("sum by (state_machine) (expressway_executions_open{@})", "{{state_machine}}"), ("sum(expressway_executions_open_limit{@})", "limit")],
                        "Started and not finished. At the limit, reading stops."),
                    lines("Shard utilisation", "percentunit", 8, &[("avg by (cluster, instance) (rate(expressway_shard_busy_seconds_total{@}[~]))", "{{instance}}")],
                        "Share of time that shards work. Above 0.9: more shards or instances."),
                    lines("CPU", "percentunit", 8, &[("sum by (cluster, instance) (rate(process_cpu_seconds_total{@}[~]))", "{{instance}}")],
                        "Cores in use by the process, all its threads."),
                ],
            ),
            row(
                "Money",
                vec![
                    lines("AWS price per hour", "currencyUSD", 12, &[("sum by (state_machine) (state_machine:expressway_cost_per_hour:rate5m{@})", "{{state_machine}}"), ("max(expressway:budget_per_day:limit) / 24", "budget")],
                        "What each state machine would cost at AWS in an hour at this rate, at the first tier."),
                    lines("GB-seconds", "short", 12, &[("sum by (state_machine) (rate(expressway_execution_billed_mb_milliseconds_total{@}[~])) / 1024000", "{{state_machine}}")],
                        "Billed memory times billed duration, per second."),
                ],
            ),
            folded(
                "Process",
                vec![
                    lines("Memory", "bytes", 8, &[("sum by (cluster, instance) (process_resident_memory_bytes{@})", "resident {{instance}}"), ("sum by (cluster, instance) (process_virtual_memory_bytes{@})", "virtual {{instance}}")],
                        "Resident memory is what counts."),
                    lines("Files and threads", "short", 8, &[("sum by (cluster, instance) (process_open_fds{@})", "files {{instance}}"), ("sum by (cluster, instance) (process_max_fds{@})", "limit {{instance}}"), ("sum by (cluster, instance) (process_threads{@})", "threads {{instance}}")],
                        "Open file descriptors beside their limit, and threads."),
                    lines("Uptime", "s", 8, &[("time() - min by (cluster, instance) (process_start_time_seconds{@})", "{{instance}}"), ("time() - min by (cluster, instance) (expressway_config_last_reload_success_timestamp_seconds{@})", "configuration of {{instance}}")],
                        "Falls to zero at each restart, which is when the configuration is read."),
                    lines("Admin port", "ops", 8, &[("sum by (route, method, code) (rate(expressway_http_requests_total{@}[~]))", "{{method}} {{route}} {{code}}")],
                        "Requests to /metrics and the health endpoints."),
                    lines("Cost of a scrape", "s", 8, &[
                        ("histogram_quantile(0.99, sum by (le) (rate(expressway_metrics_render_duration_seconds_bucket{@}[~])))", "render p99"),
                        ("histogram_quantile(0.99, sum by (le) (rate(expressway_http_request_duration_seconds_bucket{@}[~])))", "request p99"),
                    ], "Time to write the page of metrics, and to answer any request of the admin port."),
                    lines("Series folded into others", "short", 8, &[("max by (family) (expressway_metrics_series_dropped_total{@})", "{{family}}")],
                        "The guard against too many label values. Families of executions: raise metrics.state_machines_max. Of states: they have room for 2,000 series, metrics.per_state says which there are."),
                    lines("Definitions", "short", 8, &[("sum by (cluster, instance) (expressway_state_machines_loaded{@})", "{{instance}}"), ("sum by (state_machine, revision, query_language, source) (expressway_state_machine_info{@})", "{{state_machine}} {{revision}} {{query_language}} {{source}}"), ("sum by (version, commit, rustc, features) (expressway_build_info{@})", "expressway {{version}} {{commit}} {{features}} rustc {{rustc}}")],
                        "Loaded state machines, their revisions, and the builds that run them. Two revisions of one machine: a rollout is under way."),
                    lines("Log lines lost", "ops", 8, &[("sum by (cluster, instance) (rate(expressway_log_events_dropped_total{@}[~]))", "{{instance}}")],
                        "Lines of the process log that nobody read fast enough from stderr. Above zero: the collector of logs is slow or stuck."),
                    lines("Spans", "ops", 8, &[("sum by (result) (rate(expressway_trace_spans_total{@}[~]))", "{{result}}")],
                        "Spans for the OpenTelemetry collector. Dropped: it is away or too slow; rejected: it says why in the process log."),
                    lines("Checks", "short", 8, &[("min by (cluster, check, instance) (expressway_ready{@})", "{{check}} {{instance}}")],
                        "Readiness by check: 1 or 0."),
                    lines("Executions kept", "ops", 8, &[("sum by (state_machine, reason) (rate(expressway_traces_sampled_total{@}[~]))", "{{state_machine}} {{reason}}")],
                        "Executions kept in memory to be looked at: /api/v1/executions of the admin port. At most ten a second for each reason, shard and state machine."),
                ],
            ),
        ],
    }
}

fn state_machine() -> Board {
    Board {
        uid: "express-state-machine",
        title: "Express / State machine",
        about: "One state machine: its ends, its errors, its durations, its sizes, its price.",
        anchor: ANCHOR,
        variable: Some(("state_machine", "expressway_executions_started_total")),
        rows: vec![
            row(
                "Is it fine?",
                vec![
                    stat("Started", "ops", "sum(rate(expressway_executions_started_total{@m}[~]))", "Executions that began per second."),
                    stat("Failed", "percentunit", "sum(rate(expressway_executions_finished_total{@m,status=~\"failed|timed_out\"}[~])) / sum(rate(expressway_executions_finished_total{@m}[~]))",
                        "Share that failed or timed out.").levels(0.005, 0.05),
                    stat("Duration p99", "s", "histogram_quantile(0.99, sum by (le) (rate(expressway_execution_duration_seconds_bucket{@m}[~])))", "Start to end."),
                    stat("Event latency p99", "s", "histogram_quantile(0.99, sum by (le) (rate(expressway_event_latency_seconds_bucket{@m}[~])))", "Record timestamp to acknowledged result."),
                    stat("Open", "short", "sum(expressway_executions_open{@m})", "Started and not finished."),
                    stat("States per execution", "short", "sum(rate(expressway_state_transitions_total{@m}[~])) / sum(rate(expressway_executions_finished_total{@m}[~]))",
                        "States entered per execution, retries included. A rise without a new definition means retries."),
                ],
            ),
            row(
                "Rate",
                vec![
                    lines("Ends by status", "ops", 12, &[("sum by (status) (rate(expressway_executions_finished_total{@m}[~]))", "{{status}}")], "Ends of executions.").stacked(),
                    lines("State transitions", "ops", 12, &[("sum by (state_machine) (rate(expressway_state_transitions_total{@m}[~]))", "{{state_machine}}")], "States entered per second."),
                ],
            ),
            row(
                "Errors",
                vec![
                    lines("Failures by error", "ops", 12, &[("sum by (error) (rate(expressway_execution_failures_total{@m}[~]))", "{{error}}")],
                        "By error name; `none` is a Fail state without one, `other` what came after the first 20 names."),
                    lines("Refused by reason", "ops", 12, &[("sum by (reason) (rate(expressway_executions_rejected_total{@m}[~]))", "{{reason}}")],
                        "Events that a shard refused before they became executions."),
                    lines("Failed expressions", "ops", 12, &[("sum by (state_machine, kind) (rate(expressway_vm_expression_errors_total{@m}[~]))", "{{state_machine}} {{kind}}")],
                        "Paths that name nothing, JSONata that throws, intrinsic functions that refuse their arguments; whether the error is caught or not."),
                    lines("Waits for a limit", "ops", 12, &[("sum by (state_machine, reason) (rate(expressway_executions_throttled_total{@m}[~]))", "{{state_machine}} {{reason}}")],
                        "open_limit: events that found limits.open_executions reached. task_limit: calls that found task.http.calls_per_shard reached."),
                ],
            ),
            row(
                "Duration",
                vec![
                    quantiles("Execution duration", 12, "expressway_execution_duration_seconds", "@m", "Start to end of one execution."),
                    quantiles("Event latency", 12, "expressway_event_latency_seconds", "@m", "Record timestamp to acknowledged result."),
                ],
            ),
            row(
                "Money",
                vec![
                    lines("AWS price per hour", "currencyUSD", 8, &[("sum by (state_machine) (state_machine:expressway_cost_per_hour:rate5m{@m})", "{{state_machine}}"), ("sum by (state_machine) (state_machine:expressway_standard_cost_per_hour:rate5m{@m})", "{{state_machine}} as Standard")],
                        "At the first tier, beside what a Standard workflow would cost by its transitions."),
                    lines("Billed duration per execution", "s", 8, &[("sum by (state_machine) (rate(expressway_execution_billed_duration_seconds_total{@m}[~])) / sum by (state_machine) (rate(expressway_executions_finished_total{@m}[~]))", "{{state_machine}}")],
                        "Rounded up to 100 ms each. Far above the mean duration: most of the price is rounding."),
                    lines("Billed memory per execution", "decbytes", 8, &[("sum by (state_machine) (rate(expressway_execution_billed_memory_bytes_total{@m}[~])) / sum by (state_machine) (rate(expressway_executions_finished_total{@m}[~]))", "{{state_machine}}"), ("sum by (state_machine) (rate(expressway_execution_memory_estimate_bytes_sum{@m}[~])) / sum by (state_machine) (rate(expressway_execution_memory_estimate_bytes_count{@m}[~]))", "{{state_machine}} before rounding")],
                        "Rounded up to 64 MB, and by AWS's formula before that."),
                ],
            ),
            row(
                "States",
                vec![
                    lines("Entered", "ops", 12, &[("sum by (state_machine, state) (rate(expressway_states_entered_total{@m}[~]))", "{{state_machine}} {{state}}")],
                        "How often each state is entered; behind a Choice it is the share of the branch."),
                    lines("Entered by type", "ops", 12, &[("sum by (type) (rate(expressway_states_entered_total{@m}[~]))", "{{type}}")],
                        "The same by the type of state."),
                    lines("Retries", "ops", 12, &[("sum by (state_machine, state, error) (rate(expressway_state_retries_total{@m}[~]))", "{{state_machine}} {{state}} {{error}}")],
                        "States that have a Retry rule, how often it begins them again, and for which error."),
                    lines("Caught errors", "ops", 12, &[("sum by (state_machine, state, error) (rate(expressway_state_catches_total{@m}[~]))", "{{state_machine}} {{state}} {{error}}")],
                        "States that have a Catch rule, how often it takes an error, and which."),
                    lines("Left by outcome", "ops", 12, &[("sum by (state_machine, state, outcome) (rate(expressway_states_exited_total{@m}[~]))", "{{state_machine}} {{state}} {{outcome}}")],
                        "Failed: with an error that no rule of the state took. Entered and not left: inside now, or given up with the states around it."),
                    lines("Branches of Choices", "ops", 12, &[("sum by (state_machine, state, branch) (rate(expressway_choice_branches_total{@m}[~]))", "{{state_machine}} {{state}} {{branch}}")],
                        "Rules by their index. A branch that is never taken is dead, or its rule is wrong; `none` fails the execution."),
                    lines("Time in states p99", "s", 12, &[("histogram_quantile(0.99, sum by (le, state_machine, state) (rate(expressway_state_duration_seconds_bucket{@m}[~])))", "{{state_machine}} {{state}}")],
                        "Entry to exit of Task, Map, Parallel and Wait states, retries included. Needs metrics.per_state = \"full\"."),
                    lines("Items of Maps", "ops", 12, &[("sum by (state_machine, state, status) (rate(expressway_map_items_total{@m}[~]))", "{{state_machine}} {{state}} {{status}}")],
                        "Items whose iteration ended. Aborted: another one failed first."),
                ],
            ),
            folded(
                "Sizes",
                vec![
                    lines("Input", "bytes", 12, &[("histogram_quantile(0.99, sum by (le) (rate(expressway_execution_input_bytes_bucket{@m}[~])))", "p99"), ("sum(rate(expressway_execution_input_bytes_sum{@m}[~])) / sum(rate(expressway_execution_input_bytes_count{@m}[~]))", "mean")],
                        "Size of input documents; the limit is 256 KiB."),
                    lines("Output", "bytes", 12, &[("histogram_quantile(0.99, sum by (le) (rate(expressway_execution_output_bytes_bucket{@m}[~])))", "p99"), ("sum(rate(expressway_execution_output_bytes_sum{@m}[~])) / sum(rate(expressway_execution_output_bytes_count{@m}[~]))", "mean")],
                        "Size of output documents of executions that succeeded."),
                    lines("Memory held", "bytes", 12, &[("histogram_quantile(0.99, sum by (le) (rate(expressway_execution_arena_bytes_bucket{@m}[~])))", "p99"), ("sum(rate(expressway_execution_arena_bytes_sum{@m}[~])) / sum(rate(expressway_execution_arena_bytes_count{@m}[~]))", "mean")],
                        "Most memory that an execution held for its values at a time. Memory of ended executions is used again, so small ones may show that of larger ones before them."),
                    lines("Instructions per execution", "short", 12, &[("sum by (state_machine) (rate(expressway_vm_instructions_total{@m}[~])) / sum by (state_machine) (rate(expressway_executions_finished_total{@m}[~]))", "{{state_machine}}")],
                        "Bytecode instructions; a rise without a new definition means retries, loops or larger Maps."),
                ],
            ),
        ],
    }
}

fn kafka() -> Board {
    Board {
        uid: "express-kafka",
        title: "Express / Kafka",
        about: "Lag, offsets, the group, commits, and what is written.",
        anchor: ANCHOR,
        variable: Some(("topic", "expressway_source_partitions_assigned")),
        rows: vec![
            row(
                "Is it fine?",
                vec![
                    stat("Lag", "short", "sum(expressway_source_lag_records{@t})", "Records between the committed offset and the end.").levels(100_000.0, 1_000_000.0),
                    stat("Behind", "s", "sum(expressway_source_end_offset{@t} - expressway_source_position_offset{@t}) / sum(rate(expressway_source_records_total{@s}[~]))", "What is not read yet over the rate of reading: how long catching up takes at the present rate. Open executions are not part of it.").levels(60.0, 600.0),
                    stat("Read", "ops", "sum(rate(expressway_source_records_total{@s}[~]))", "Records read per second."),
                    stat("Partitions", "short", "sum(expressway_source_partitions_assigned{@t})", "Partitions owned by the instances chosen above. Fewer than the topic has: some instance is missing."),
                    stat("Deliveries failed", "ops", "sum(rate(expressway_sink_records_total{@,result=\"failed\"}[~]))", "Outputs given up after the broker had not taken them. Those sent again are under Errors.").levels(0.001, 1.0),
                    stat("Commits failed", "ops", "sum(rate(expressway_source_commits_total{@,result=\"error\"}[~]))", "Each is sent again. Going on: look at the broker and the group.").levels(0.001, 1.0),
                ],
            ),
            row(
                "Rate",
                vec![
                    lines("Records read", "ops", 8, &[("sum by (topic) (rate(expressway_source_records_total{@s}[~]))", "{{topic}}")], "By source topic."),
                    lines("Bytes read", "Bps", 8, &[("sum by (topic) (rate(expressway_source_bytes_total{@s}[~]))", "{{topic}}")], "Bytes of their keys and values."),
                    lines("Records per read", "short", 8, &[("histogram_quantile(0.5, sum by (le) (rate(expressway_source_batch_records_bucket{@s}[~])))", "p50"), ("histogram_quantile(0.99, sum by (le) (rate(expressway_source_batch_records_bucket{@s}[~])))", "p99")],
                        "Large under load is good: it is cheaper per record."),
                ],
            ),
            row(
                "Errors",
                vec![
                    lines("Skipped and dead-lettered", "ops", 12, &[("sum by (topic, reason) (rate(expressway_source_records_skipped_total{@s}[~]))", "{{topic}} skipped {{reason}}"), ("sum by (topic, reason) (rate(expressway_dead_letter_records_total{@s}[~]))", "{{topic}} dead letter {{reason}}")],
                        "A tombstone has a null value and is skipped on purpose. Dead letters keep their record and say why in headers."),
                    lines("Written by outcome", "ops", 12, &[("sum by (result) (rate(expressway_sink_records_total{@}[~]))", "{{result}}")], "Results, failures, bills and dead letters."),
                    lines("Refused by reason", "ops", 12, &[("sum by (topic, reason) (rate(expressway_source_records_rejected_total{@s}[~]))", "{{topic}} {{reason}}")],
                        "Records that could not start an execution. Malformed: no JSON, nested too deep, or a bad execution-name."),
                    lines("Client errors", "ops", 12, &[("sum by (code) (rate(expressway_source_errors_total{@}[~]))", "{{code}}")],
                        "By librdkafka's name of the code. _TRANSPORT and _ALL_BROKERS_DOWN: connections are lost."),
                    lines("Sent again", "ops", 12, &[("sum by (topic) (rate(expressway_sink_retries_total{@}[~]))", "{{topic}}")],
                        "Outputs put into the producer's queue again after the broker had refused them or let them time out."),
                    lines("Too large for their topic", "ops", 12, &[("sum by (topic) (rate(expressway_sink_replaced_total{@}[~]))", "{{topic}}")],
                        "Refused for their size, with a smaller record in their place: a failure record for a result, a dead letter without its value, a log event without its data."),
                    lines("Histories", "ops", 12, &[("sum by (result) (rate(expressway_history_events_total{@}[~]))", "{{result}}")], "Log events of histories: written, cut to fit their topic, without room, refused by it."),
                ],
            ),
            row(
                "Duration",
                vec![
                    quantiles("Delivery", 8, "expressway_sink_delivery_duration_seconds", "@", "Producer's queue to acknowledgement. linger.ms is part of it."),
                    quantiles("Commit round trip", 8, "expressway_source_commit_duration_seconds", "@", "Commits are sent at most every 250 ms and do not hold reading up."),
                    quantiles("Age of records", 8, "expressway_source_record_age_seconds", "@s", "Record timestamp to hand-over."),
                    lines("Round trip to brokers", "s", 12, &[("max by (broker, stat) (expressway_kafka_broker_rtt_seconds{@})", "{{broker}} {{stat}}")],
                        "Request to answer, by broker, as the client measured it last. Of a broker that only fetches go to, the wait for records is part of it."),
                ],
            ),
            row(
                "Lag and saturation",
                vec![
                    lines("Lag by partition", "short", 12, &[("sum by (topic, partition) (expressway_source_lag_records{@t})", "{{topic}} {{partition}}")],
                        "One partition alone far behind: its key is hot, or one of its executions takes long and holds the commit back."),
                    lines("Uncommitted by partition", "short", 12, &[("sum by (topic, partition) (expressway_source_uncommitted_records{@t})", "{{topic}} {{partition}}")],
                        "Read beyond the committed offset: what runs again after a crash. Bounded by limits.uncommitted_per_partition."),
                    lines("Time not reading", "percentunit", 12, &[("sum by (cluster, source, instance) (rate(expressway_source_backpressure_seconds_total{@}[~]))", "{{instance}} {{source}}")],
                        "Share of time for which a source stopped reading for want of room in shards, in its window or in the producer."),
                    lines("In flight to the broker", "short", 12, &[("sum by (topic) (expressway_sink_in_flight_records{@})", "{{topic}}")], "Enqueued and not acknowledged."),
                    lines("Partitions not read", "short", 8, &[("sum by (topic) (expressway_source_partitions_paused{@t})", "{{topic}}")],
                        "Owned partitions that are not read at the moment of the scrape for want of room."),
                    lines("Records in the clients", "short", 8, &[("sum by (client) (expressway_kafka_client_queue_records{@})", "{{client}}")],
                        "Fetched and not taken, and waiting to be sent."),
                    lines("Bytes in the clients", "bytes", 8, &[("sum by (client) (expressway_kafka_client_queue_bytes{@})", "{{client}}")],
                        "Of the same records; at most 128 MB fetched and 256 MB to be sent for each source."),
                ],
            ),
            folded(
                "Group and offsets",
                vec![
                    lines("Rebalances", "short", 8, &[("sum by (event) (increase(expressway_source_rebalances_total{@}[~]))", "{{event}}")], "Lost means that the group had already given the partitions away: what was open runs again elsewhere."),
                    quantiles("Rebalance callbacks", 8, "expressway_source_rebalance_duration_seconds", "@", "Time for which a callback held the source up.").rare(),
                    lines("Commits", "ops", 8, &[("sum by (result) (rate(expressway_source_commits_total{@}[~]))", "{{result}}")], "Offset commits by result."),
                    lines("Offsets", "short", 12, &[("sum by (topic, partition) (expressway_source_end_offset{@t})", "end {{topic}} {{partition}}"), ("sum by (topic, partition) (expressway_source_position_offset{@t})", "read {{topic}} {{partition}}"), ("sum by (topic, partition) (expressway_source_committed_offset{@t})", "committed {{topic}} {{partition}}")], "End, next to read, committed."),
                    lines("Bytes written", "Bps", 12, &[("sum by (topic) (rate(expressway_sink_bytes_total{@}[~]))", "{{topic}}")], "Bytes of the values delivered, by topic."),
                ],
            ),
        ],
    }
}

fn shards() -> Board {
    Board {
        uid: "express-shards",
        title: "Express / Shards",
        about: "Utilisation, saturation and skew of the threads that run executions.",
        anchor: ANCHOR,
        variable: None,
        rows: vec![
            row(
                "Is it fine?",
                vec![
                    stat("Busiest shard", "percentunit", "max(rate(expressway_shard_busy_seconds_total{@}[~]))", "Share of time at work.").levels(0.8, 0.95),
                    stat("Skew", "short", "max(sum by (cluster, instance, shard) (rate(expressway_shard_events_total{@}[~]))) / avg(sum by (cluster, instance, shard) (rate(expressway_shard_events_total{@}[~])))", "Events of the busiest shard over the mean; 1 is even.").levels(1.5, 2.0),
                    stat("Loop p99", "s", "histogram_quantile(0.99, sum by (le) (rate(expressway_shard_loop_duration_seconds_bucket{@}[~])))", "One turn: nothing else on the shard moves meanwhile.").levels(0.05, 0.5),
                    stat("Inbox", "percentunit", "max(expressway_shard_queue_depth{@,queue=\"inbox\"} / on (cluster, job, instance, shard) expressway_shard_queue_capacity{@,queue=\"inbox\"})", "Fill of the fullest inbox. Full stops reading.").levels(0.5, 0.9),
                    stat("Timers", "short", "sum(expressway_shard_timers_pending{@})", "Armed Wait, retry and timeout timers."),
                    stat("Held", "bytes", "sum(expressway_shard_arena_bytes{@})", "Bytes held for open executions."),
                ],
            ),
            row(
                "Utilisation",
                vec![
                    lines("Busy", "percentunit", 12, &[("sum by (cluster, instance, shard) (rate(expressway_shard_busy_seconds_total{@}[~]))", "{{instance}} {{shard}}")], "Share of time at work, by shard."),
                    lines("Parked", "percentunit", 12, &[("sum by (cluster, instance, shard) (rate(expressway_shard_parked_seconds_total{@}[~]))", "{{instance}} {{shard}}")], "Share of time asleep for want of work."),
                ],
            ),
            row(
                "Saturation",
                vec![
                    lines("Queues", "short", 12, &[("sum by (cluster, instance, shard, queue) (expressway_shard_queue_depth{@})", "{{instance}} {{shard}} {{queue}}")], "Waiting batches, executions ready to run, and task results."),
                    lines("Time closed to events", "percentunit", 12, &[("sum by (cluster, instance, shard, reason) (rate(expressway_shard_backpressure_seconds_total{@}[~]))", "{{instance}} {{shard}} {{reason}}")],
                        "Inbox: it is full, the shard is the bottleneck. Sink: outcomes find no room, Kafka or the I/O thread is. Memory: limits.open_executions is reached."),
                    lines("Executions open", "short", 12, &[("sum by (cluster, instance) (expressway_executions_open{@})", "{{instance}}"), ("sum by (cluster, instance) (expressway_executions_open_limit{@})", "limit {{instance}}")], "Started and not finished, and the ceiling."),
                ],
            ),
            row(
                "Duration and skew",
                vec![
                    quantiles("Loop", 12, "expressway_shard_loop_duration_seconds", "@", "One turn of the event loop: the head-of-line blocking of a shard."),
                    lines("Events by kind", "ops", 12, &[("sum by (kind) (rate(expressway_shard_events_total{@}[~]))", "{{kind}}")], "Starts, task results and timers.").stacked(),
                    lines("Events by shard", "ops", 12, &[("sum by (cluster, instance, shard) (rate(expressway_shard_events_total{@}[~]))", "{{instance}} {{shard}}")], "Uneven lines: work is placed unevenly."),
                    lines("Memory held", "bytes", 12, &[("sum by (cluster, instance, shard) (expressway_shard_arena_bytes{@})", "{{instance}} {{shard}}")], "Bytes held for open executions, summed once a second."),
                ],
            ),
            folded(
                "Timers",
                vec![
                    lines("Timers pending", "short", 12, &[("sum by (cluster, instance, shard) (expressway_shard_timers_pending{@})", "{{instance}} {{shard}}")], "Armed Wait, retry and timeout timers."),
                    quantiles("Timer delay", 12, "expressway_shard_timer_delay_seconds", "@", "From when a timer was due to when it fired. More than some milliseconds: turns of the loop are long."),
                ],
            ),
        ],
    }
}

fn tasks() -> Board {
    Board {
        uid: "express-tasks",
        title: "Express / Tasks",
        about: "Calls to other services, by resource.",
        anchor: ANCHOR,
        variable: Some(("resource", "expressway_tasks_scheduled_total")),
        rows: vec![
            row(
                "Is it fine?",
                vec![
                    stat("Attempts", "ops", "sum(rate(expressway_tasks_started_total{@r}[~]))", "Attempts begun per second."),
                    stat("Failed", "percentunit", "sum(rate(expressway_tasks_finished_total{@r,status=~\"failed|timed_out\"}[~])) / sum(rate(expressway_tasks_finished_total{@r}[~]))", "Share of attempts that failed or timed out.").levels(0.01, 0.05),
                    stat("Run p99", "s", "histogram_quantile(0.99, sum by (le) (rate(expressway_task_run_duration_seconds_bucket{@r}[~])))", "Started to ended."),
                    stat("Wait p99", "s", "histogram_quantile(0.99, sum by (le) (rate(expressway_task_schedule_duration_seconds_bucket{@r}[~])))", "Scheduled to started. Above nothing: the ceiling of calls is reached."),
                    stat("In flight", "short", "sum(expressway_tasks_in_flight{@r})", "Attempts running now."),
                    stat("Room", "percentunit", "1 - sum(expressway_tasks_in_flight{@r}) / sum(expressway_tasks_in_flight_limit{@r})", "Share of the ceiling that is free; task.http.calls_per_shard sets it."),
                ],
            ),
            row(
                "Rate and errors",
                vec![
                    lines("Attempts by status", "ops", 12, &[("sum by (status) (rate(expressway_tasks_finished_total{@r}[~]))", "{{status}}")], "A cancelled attempt had no execution waiting for it any more.").stacked(),
                    lines("Scheduled and started", "ops", 12, &[("sum by (resource) (rate(expressway_tasks_scheduled_total{@r}[~]))", "scheduled {{resource}}"), ("sum by (resource) (rate(expressway_tasks_started_total{@r}[~]))", "started {{resource}}")], "Apart from each other: attempts wait for their place."),
                ],
            ),
            row(
                "Duration",
                vec![
                    quantiles("Run", 12, "expressway_task_run_duration_seconds", "@r", "Started to ended: the other service and the network."),
                    quantiles("Wait", 12, "expressway_task_schedule_duration_seconds", "@r", "Scheduled to started: our own ceiling."),
                ],
            ),
            row(
                "Saturation",
                vec![
                    lines("In flight", "short", 12, &[("sum by (resource) (expressway_tasks_in_flight{@r})", "{{resource}}"), ("sum by (resource) (expressway_tasks_in_flight_limit{@r})", "limit {{resource}}")], "Attempts running, and their ceiling over all shards."),
                    lines("Connections", "short", 12, &[("sum by (resource, state) (expressway_task_connections{@r})", "{{resource}} {{state}}")], "Open connections. Many more active than usual: the other side answers slowly."),
                ],
            ),
        ],
    }
}

fn loadgen() -> Board {
    Board {
        uid: "express-loadgen",
        title: "Express / Load generator",
        about: "A run of expressway-loadgen with --metrics-listen: what was asked, sent, and came back.",
        anchor: "expressway_loadgen_target_rate",
        variable: None,
        rows: vec![
            row(
                "Is it fine?",
                vec![
                    stat("Asked", "ops", "sum(expressway_loadgen_target_rate{@})", "Events per second that the scenario asks for."),
                    stat("Sent", "ops", "sum(rate(expressway_loadgen_records_sent_total{@,result=\"ok\"}[~]))", "Events per second that the broker took."),
                    stat("Outcomes", "ops", "sum(rate(expressway_loadgen_results_total{@,status!~\"duplicate|wrong\"}[~]))", "Events per second whose outcome was seen for the first time."),
                    stat("Latency p99", "s", "histogram_quantile(0.99, sum by (le) (rate(expressway_loadgen_latency_seconds_bucket{@,from=\"intended\"}[~])))", "Intended time of sending to outcome seen.").levels(1.0, 10.0),
                    stat("Behind schedule", "s", "histogram_quantile(0.99, sum by (le) (rate(expressway_loadgen_schedule_delay_seconds_bucket{@}[~])))", "If this grows, the generator is the bottleneck.").levels(0.1, 1.0),
                    stat("Wrong or repeated", "short", "sum(increase(expressway_loadgen_results_total{@,status=~\"wrong|duplicate\"}[5m]))", "Outcomes that are not what they must be, in five minutes.").levels(1.0, 1.0),
                ],
            ),
            row(
                "Rate",
                vec![
                    lines("Asked, sent, seen", "ops", 12, &[("sum(expressway_loadgen_target_rate{@})", "asked"), ("sum by (result) (rate(expressway_loadgen_records_sent_total{@}[~]))", "{{result}}"), ("sum(rate(expressway_loadgen_results_total{@,status!~\"duplicate|wrong\"}[~]))", "outcomes")], "Apart from each other: where events wait."),
                    lines("Outcomes", "ops", 12, &[("sum by (status) (rate(expressway_loadgen_results_total{@}[~]))", "{{status}}")], "By what the checker made of them: ok, failed, timed out or unstated by their status, dead letters; further ones are wrong or duplicates."),
                ],
            ),
            row(
                "Duration",
                vec![
                    quantiles("Latency", 12, "expressway_loadgen_latency_seconds", "@,from=\"intended\"", "Intended time of sending to outcome seen; free of coordinated omission."),
                    quantiles("Behind schedule", 12, "expressway_loadgen_schedule_delay_seconds", "@", "Actual minus intended time of sending. If it grows, the generator is the bottleneck."),
                ],
            ),
        ],
    }
}
