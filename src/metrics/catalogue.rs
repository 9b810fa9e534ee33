//! Every metric family: name, type, help. Nothing is exported that does not stand here.

use crate::base::tally::{BATCH_BOUNDS, LATENCY_BOUNDS_NS, MEMORY_BOUNDS_BYTES, SIZE_BOUNDS_BYTES};

/// What all names begin with, except those of the process.
pub const PREFIX: &str = "expressway_";

/// Type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in seconds, over the latency buckets.
    Latency,
    /// Sizes in bytes, over the size buckets.
    Size,
    /// Memory in bytes, over the steps in which AWS bills it.
    Memory,
    /// Numbers of records, over the batch buckets.
    Batch,
}

impl Kind {
    /// Its name in Prometheus.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Latency | Self::Size | Self::Memory | Self::Batch => "histogram",
        }
    }

    /// Bounds of its buckets as they are printed; none for what has no buckets.
    pub(super) fn bounds(self) -> &'static [&'static str] {
        match self {
            Self::Counter | Self::Gauge => &[],
            Self::Latency => &LATENCY_SECONDS,
            Self::Size => &SIZE_BYTES,
            Self::Memory => &MEMORY_BYTES,
            Self::Batch => &BATCH_RECORDS,
        }
    }
}

/// Who keeps a family's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// Cells that one thread owns, or values known at scrape time; written by our own writer.
    Cells,
    /// The `metrics` facade: at most a few thousand updates a second.
    Facade,
}

/// One metric family.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Full name.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// Who keeps its values.
    pub keeper: Keeper,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// One sentence.
    pub help: &'static str,
    /// Without which it has no samples, or counts nothing; empty for what is always there.
    pub needs: &'static str,
}

/// Declares the families: one constant each, and the list of all.
macro_rules! families {
    ($($id:ident $name:literal $kind:ident $keeper:ident [$($label:literal),*] $help:literal
        $(needs $needs:literal)?;)*) => {
        $(
            pub(super) const $id: Family = Family {
                name: $name,
                kind: Kind::$kind,
                keeper: Keeper::$keeper,
                labels: &[$($label),*],
                help: $help,
                needs: concat!($($needs)?),
            };
        )*

        /// Every family, in the order of the page.
        pub const FAMILIES: &[Family] = &[$($id),*];
    };
}

families! {
    EXECUTIONS_STARTED "expressway_executions_started_total" Counter Cells ["state_machine"]
        "Executions that began.";
    EXECUTIONS_FINISHED "expressway_executions_finished_total" Counter Cells ["state_machine", "status"]
        "Executions that ended, by final status; aborted ones were dropped by a stop and run again.";
    EXECUTIONS_OPEN "expressway_executions_open" Gauge Cells ["state_machine"]
        "Executions started and not finished.";
    EXECUTIONS_OPEN_LIMIT "expressway_executions_open_limit" Gauge Cells []
        "Configured ceiling of open executions.";
    EXECUTION_DURATION "expressway_execution_duration_seconds" Latency Cells ["state_machine"]
        "Start to end of one execution, all statuses.";
    EXECUTION_FAILURES "expressway_execution_failures_total" Counter Cells ["state_machine", "error"]
        "Executions that failed or timed out, by error name.";
    EXECUTIONS_THROTTLED "expressway_executions_throttled_total" Counter Cells ["state_machine", "reason"]
        "Times that an execution had to wait for a limit: of open executions, or of task attempts.";
    EXECUTIONS_REJECTED "expressway_executions_rejected_total" Counter Cells ["state_machine", "reason"]
        "Events that a shard refused before they became executions.";
    STATE_TRANSITIONS "expressway_state_transitions_total" Counter Cells ["state_machine"]
        "States entered, retries included.";
    BILLED_DURATION "expressway_execution_billed_duration_seconds_total" Counter Cells ["state_machine"]
        "Duration of each execution rounded up to 100 ms, as Express billing does.";
    BILLED_MEMORY "expressway_execution_billed_memory_bytes_total" Counter Cells ["state_machine"]
        "Memory rounded up to 64 MB chunks, summed per execution; 1 MB is 1,000,000 bytes.";
    BILLED_MB_MS "expressway_execution_billed_mb_milliseconds_total" Counter Cells ["state_machine"]
        "Billed milliseconds times billed MB; divided by 1,024,000 it is GB-seconds.";
    PRICE_REQUEST "expressway_price_per_request" Gauge Cells ["region", "currency"]
        "Price of one execution, from the price file."
        needs "prices of `aws.region`";
    DURATION_PRICE "expressway_duration_price" Gauge Cells ["region", "currency", "tier"]
        "Price of a GB-hour of duration in each tier of an account's month, from the price file."
        needs "prices of `aws.region`";
    DURATION_PRICE_TIER_START "expressway_duration_price_tier_start" Gauge Cells ["region", "currency", "tier"]
        "GB-hours of a month from which on a tier holds."
        needs "prices of `aws.region`";
    PRICE_TRANSITION "expressway_price_per_state_transition" Gauge Cells ["region", "currency"]
        "Price of one state transition if the workflows were Standard."
        needs "prices of `aws.region`";
    MEMORY_ESTIMATE "expressway_execution_memory_estimate_bytes" Memory Cells ["state_machine"]
        "Memory by AWS's published formula, before rounding.";
    ARENA_BYTES "expressway_execution_arena_bytes" Size Cells ["state_machine"]
        "Most memory that an execution held for its values at a time.";
    INPUT_BYTES "expressway_execution_input_bytes" Size Cells ["state_machine"]
        "Size of input documents.";
    OUTPUT_BYTES "expressway_execution_output_bytes" Size Cells ["state_machine"]
        "Size of output documents of executions that succeeded.";

    STATES_ENTERED "expressway_states_entered_total" Counter Cells ["state_machine", "state", "type"]
        "Times a state was entered, its retries apart."
        needs "`metrics.per_state`, not `off`";
    STATES_EXITED "expressway_states_exited_total" Counter Cells ["state_machine", "state", "outcome"]
        "Times a state was left: for the next one, as the last one, by a Catch rule, or with an error that none took."
        needs "`metrics.per_state`, not `off`";
    STATE_RETRIES "expressway_state_retries_total" Counter Cells ["state_machine", "state", "error"]
        "Retries that a Retry rule of the state began, by error name."
        needs "`metrics.per_state`, not `off`";
    STATE_CATCHES "expressway_state_catches_total" Counter Cells ["state_machine", "state", "error"]
        "Errors that a Catch rule of the state handled, by name."
        needs "`metrics.per_state`, not `off`";
    CHOICE_BRANCHES "expressway_choice_branches_total" Counter Cells ["state_machine", "state", "branch"]
        "What a Choice took: a rule by its index, its default, or none."
        needs "`metrics.per_state`, not `off`";
    STATE_DURATION "expressway_state_duration_seconds" Latency Cells ["state_machine", "state"]
        "Entry to exit of a Task, Map, Parallel or Wait state, retries included."
        needs "`metrics.per_state = \"full\"`";
    MAP_ITEMS "expressway_map_items_total" Counter Cells ["state_machine", "state", "status"]
        "Items of Map states whose iteration ended, by how it did."
        needs "`metrics.per_state`, not `off`";

    TASKS_SCHEDULED "expressway_tasks_scheduled_total" Counter Cells ["resource"]
        "Task attempts queued.";
    TASKS_STARTED "expressway_tasks_started_total" Counter Cells ["resource"]
        "Task attempts begun.";
    TASKS_FINISHED "expressway_tasks_finished_total" Counter Cells ["resource", "status"]
        "Task attempts ended; cancelled ones had no execution waiting for them any more.";
    TASK_SCHEDULE "expressway_task_schedule_duration_seconds" Latency Cells ["resource"]
        "Time from scheduled to started.";
    TASK_RUN "expressway_task_run_duration_seconds" Latency Cells ["resource"]
        "Time from started to ended.";
    TASKS_IN_FLIGHT "expressway_tasks_in_flight" Gauge Cells ["resource"]
        "Task attempts running now.";
    TASKS_IN_FLIGHT_LIMIT "expressway_tasks_in_flight_limit" Gauge Cells ["resource"]
        "Configured ceiling of running task attempts, all shards together.";
    TASK_CONNECTIONS "expressway_task_connections" Gauge Cells ["resource", "state"]
        "Open connections to the services called.";

    SOURCE_RECORDS "expressway_source_records_total" Counter Cells ["topic"]
        "Records read, with those that are skipped or refused.";
    SOURCE_BYTES "expressway_source_bytes_total" Counter Cells ["topic"]
        "Bytes of their keys and values.";
    SOURCE_AGE "expressway_source_record_age_seconds" Latency Cells ["topic"]
        "Record timestamp to its hand-over to a shard.";
    EVENT_LATENCY "expressway_event_latency_seconds" Latency Cells ["state_machine"]
        "Record timestamp to the last acknowledgement of its execution's records.";
    SOURCE_BATCH "expressway_source_batch_records" Batch Cells ["topic"]
        "Records per read that returned any.";
    SOURCE_SKIPPED "expressway_source_records_skipped_total" Counter Cells ["topic", "reason"]
        "Records that started no execution, on purpose: a tombstone has a null value.";
    SOURCE_REJECTED "expressway_source_records_rejected_total" Counter Cells ["topic", "reason"]
        "Records that could not start an execution: no JSON or a bad name, too large, no machine.";
    SOURCE_HELD_BACK "expressway_source_backpressure_seconds_total" Counter Cells ["source"]
        "Time for which a source stopped reading for want of room.";
    DEAD_LETTERS "expressway_dead_letter_records_total" Counter Cells ["topic", "reason"]
        "Records of a source topic that were written to its dead-letter topic.";
    SOURCE_LAG "expressway_source_lag_records" Gauge Cells ["topic", "partition"]
        "End offset minus next offset to commit.";
    SOURCE_POSITION "expressway_source_position_offset" Gauge Cells ["topic", "partition"]
        "Next offset to read.";
    SOURCE_COMMITTED "expressway_source_committed_offset" Gauge Cells ["topic", "partition"]
        "Offset that was committed last.";
    SOURCE_END "expressway_source_end_offset" Gauge Cells ["topic", "partition"]
        "End of the partition as the broker told it last.";
    SOURCE_UNCOMMITTED "expressway_source_uncommitted_records" Gauge Cells ["topic", "partition"]
        "Records read beyond the committed offset: the size of the replay after a crash.";
    SOURCE_ASSIGNED "expressway_source_partitions_assigned" Gauge Cells ["topic"]
        "Partitions that this instance owns.";
    SOURCE_PAUSED "expressway_source_partitions_paused" Gauge Cells ["topic"]
        "Owned partitions that are not read at the moment for want of room.";
    SOURCE_REBALANCES "expressway_source_rebalances_total" Counter Cells ["event"]
        "Rebalance callbacks; lost means that the group had given the partitions away already.";
    SOURCE_REBALANCE_DURATION "expressway_source_rebalance_duration_seconds" Latency Cells []
        "Time for which a rebalance callback held a source up: settling and committing, or taking on.";
    SOURCE_COMMITS "expressway_source_commits_total" Counter Cells ["result"]
        "Offset commits.";
    SOURCE_COMMIT_DURATION "expressway_source_commit_duration_seconds" Latency Cells []
        "Round trip of an offset commit.";
    SOURCE_ERRORS "expressway_source_errors_total" Counter Cells ["code"]
        "Errors of the Kafka clients, by librdkafka's name of the code.";
    KAFKA_RTT "expressway_kafka_broker_rtt_seconds" Gauge Cells ["broker", "stat"]
        "Time from a request to its answer, by number of the broker; the producer's if it asked anything.";
    KAFKA_QUEUE_RECORDS "expressway_kafka_client_queue_records" Gauge Cells ["client"]
        "Records fetched and not taken, or waiting to be sent.";
    KAFKA_QUEUE_BYTES "expressway_kafka_client_queue_bytes" Gauge Cells ["client"]
        "Bytes of these.";

    SINK_RECORDS "expressway_sink_records_total" Counter Cells ["topic", "result"]
        "Output records by how they ended: delivered, or given up; one that is sent again has not ended.";
    SINK_BYTES "expressway_sink_bytes_total" Counter Cells ["topic"]
        "Bytes of the values delivered.";
    SINK_DURATION "expressway_sink_delivery_duration_seconds" Latency Cells ["topic"]
        "Producer's queue to the broker's acknowledgement.";
    SINK_IN_FLIGHT "expressway_sink_in_flight_records" Gauge Cells ["topic"]
        "Output records enqueued and not acknowledged.";
    SINK_RETRIES "expressway_sink_retries_total" Counter Cells ["topic"]
        "Output records sent again after they were refused or not delivered.";
    SINK_REPLACED "expressway_sink_replaced_total" Counter Cells ["topic"]
        "Output records that their topic refused for their size, with a smaller one in their place.";

    HISTORY_EVENTS "expressway_history_events_total" Counter Cells ["result"]
        "Log events of histories: written, cut to fit their topic, without room, refused by it.";

    SHARD_BUSY "expressway_shard_busy_seconds_total" Counter Cells ["shard"]
        "Time spent doing work; its rate is the utilisation.";
    SHARD_PARKED "expressway_shard_parked_seconds_total" Counter Cells ["shard"]
        "Time spent waiting for work.";
    SHARD_EVENTS "expressway_shard_events_total" Counter Cells ["shard", "kind"]
        "Events handled: shows skew.";
    SHARD_QUEUE "expressway_shard_queue_depth" Gauge Cells ["shard", "queue"]
        "Items waiting.";
    SHARD_QUEUE_CAPACITY "expressway_shard_queue_capacity" Gauge Cells ["shard", "queue"]
        "Size of that queue.";
    SHARD_STOPPED "expressway_shard_backpressure_seconds_total" Counter Cells ["shard", "reason"]
        "Time for which events could not come in: full inbox, full sink, as many open as may be.";
    SHARD_LOOP "expressway_shard_loop_duration_seconds" Latency Cells ["shard"]
        "One turn of the event loop.";
    SHARD_TIMERS "expressway_shard_timers_pending" Gauge Cells ["shard"]
        "Armed Wait, retry and timeout timers.";
    TIMER_DELAY "expressway_shard_timer_delay_seconds" Latency Cells []
        "From when a Wait, retry or timeout timer was due to when it fired.";
    SHARD_ARENA "expressway_shard_arena_bytes" Gauge Cells ["shard"]
        "Bytes held for open executions.";
    VM_INSTRUCTIONS "expressway_vm_instructions_total" Counter Cells ["state_machine"]
        "Bytecode instructions executed.";
    VM_EXPRESSION_ERRORS "expressway_vm_expression_errors_total" Counter Cells ["state_machine", "kind"]
        "Expressions that failed, caught or not.";

    BUILD_INFO "expressway_build_info" Gauge Cells ["version", "commit", "rustc", "features"]
        "Identity of the build; always 1.";
    MACHINE_INFO "expressway_state_machine_info" Gauge Cells ["state_machine", "revision", "query_language", "source"]
        "Active definitions; always 1.";
    MACHINES_LOADED "expressway_state_machines_loaded" Gauge Cells []
        "Registered definitions.";
    COMPILE_DURATION "expressway_definition_compile_duration_seconds" Latency Facade []
        "Parse, check and compile of one definition.";
    CONFIG_LOADED "expressway_config_last_reload_success_timestamp_seconds" Gauge Cells []
        "When the configuration that runs was read, seconds since the Unix epoch: at the start.";
    READY "expressway_ready" Gauge Cells ["check"]
        "What the readiness endpoint reports, 1 or 0 per check.";
    HTTP_REQUESTS "expressway_http_requests_total" Counter Facade ["route", "method", "code"]
        "Requests to the admin port.";
    HTTP_DURATION "expressway_http_request_duration_seconds" Latency Facade ["route", "method"]
        "Duration of requests to the admin port.";
    TRACE_SPANS "expressway_trace_spans_total" Counter Cells ["result"]
        "Spans for the OpenTelemetry collector: taken by it, dropped on the way, rejected by it."
        needs "feature `otlp`";
    LOG_DROPPED "expressway_log_events_dropped_total" Counter Cells []
        "Lines of the process log that were dropped because nobody read stderr fast enough.";
    TRACES_SAMPLED "expressway_traces_sampled_total" Counter Cells ["state_machine", "reason"]
        "Executions kept in memory for people to look at.";
    SERIES_DROPPED "expressway_metrics_series_dropped_total" Counter Facade ["family"]
        "Series that the cap on label values folded into others.";
    RENDER_DURATION "expressway_metrics_render_duration_seconds" Latency Facade []
        "Cost of a scrape.";

    PROCESS_CPU "process_cpu_seconds_total" Counter Cells []
        "User and system CPU time.";
    PROCESS_RESIDENT "process_resident_memory_bytes" Gauge Cells []
        "Resident memory.";
    PROCESS_VIRTUAL "process_virtual_memory_bytes" Gauge Cells []
        "Virtual memory.";
    PROCESS_FDS "process_open_fds" Gauge Cells []
        "Open file descriptors.";
    PROCESS_FDS_MAX "process_max_fds" Gauge Cells []
        "Limit of open file descriptors.";
    PROCESS_THREADS "process_threads" Gauge Cells []
        "Threads.";
    PROCESS_START "process_start_time_seconds" Gauge Cells []
        "Start of the process, seconds since the Unix epoch.";
}

/// Bounds of the latency buckets as they are printed, in seconds.
pub(super) const LATENCY_SECONDS: [&str; LATENCY_BOUNDS_NS.upper().len()] = [
    "0.00005", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05",
    "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "300",
];

/// Bounds of the size buckets as they are printed, in bytes.
pub(super) const SIZE_BYTES: [&str; SIZE_BOUNDS_BYTES.upper().len()] =
    ["256", "1024", "4096", "16384", "65536", "262144", "1048576"];

/// Bounds of the memory buckets as they are printed, in bytes.
const MEMORY_BYTES: [&str; MEMORY_BOUNDS_BYTES.upper().len()] =
    ["64000000", "128000000", "192000000", "256000000", "512000000", "1024000000"];

/// Bounds of the batch buckets as they are printed, in records.
const BATCH_RECORDS: [&str; BATCH_BOUNDS.upper().len()] =
    ["1", "2", "5", "10", "20", "50", "100", "200", "500", "1000", "2000", "5000"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::base::tally::Bounds;

    #[test]
    fn names_follow_the_rules() {
        let mut seen = BTreeSet::new();
        for family in FAMILIES {
            assert!(seen.insert(family.name), "{} twice", family.name);
            let ours = family.name.starts_with(PREFIX) || family.name.starts_with("process_");
            assert!(ours, "{}", family.name);
            let counts = family.name.ends_with("_total");
            assert_eq!(counts, family.kind == Kind::Counter, "{}", family.name);
            match family.kind {
                Kind::Latency => assert!(family.name.ends_with("_seconds"), "{}", family.name),
                Kind::Batch => assert!(family.name.ends_with("_records"), "{}", family.name),
                Kind::Size | Kind::Memory => {
                    assert!(family.name.ends_with("_bytes"), "{}", family.name);
                }
                Kind::Counter | Kind::Gauge => {}
            }
            assert!(family.help.ends_with('.'), "{}", family.name);
        }
    }

    #[test]
    fn printed_bounds_are_those_that_are_counted() {
        for (text, ns) in LATENCY_SECONDS.iter().zip(LATENCY_BOUNDS_NS.upper()) {
            let printed_ns = text.parse::<f64>().unwrap() * 1e9;
            assert!((printed_ns - *ns as f64).abs() < 0.5, "{text}");
        }
        let printed = SIZE_BYTES.iter().chain(&MEMORY_BYTES).chain(&BATCH_RECORDS);
        let counted = [SIZE_BOUNDS_BYTES, MEMORY_BOUNDS_BYTES, BATCH_BOUNDS];
        let counted = counted.iter().flat_map(Bounds::upper);
        for (text, bound) in printed.zip(counted) {
            assert_eq!(text.parse::<u64>().unwrap(), *bound);
        }
    }
}
