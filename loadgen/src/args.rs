//! The command line: flags and what each of them may be. What they mean together, and together
//! with a scenario file, is [`crate::scenario`]'s affair.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{Parser, ValueEnum};

use crate::keys::Distribution;
use crate::quantity::{Rate, Span};
use crate::scenario::ArrivalsName;

/// Sends events by the clock and checks what comes back: lost, duplicated, wrong, late.
#[derive(Debug, Parser)]
#[command(name = "expressway-loadgen", version, long_version = LONG_VERSION.as_str(), after_help = AFTER)]
pub(crate) struct Args {
    /// Scenario to carry out (TOML); flags win over what it says
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,

    /// Say what would be sent, stage by stage, and stop there
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print a JSON schema and stop there
    #[arg(long, value_name = "OF")]
    pub(crate) schema: Option<SchemaOf>,

    /// Brokers to start from, as HOST:PORT[,HOST:PORT...]
    #[arg(long, value_name = "LIST", help_heading = KAFKA)]
    pub(crate) brokers: Option<String>,

    /// Topic the events are sent to
    #[arg(long, help_heading = KAFKA)]
    pub(crate) topic: Option<String>,

    /// Topic where results appear; repeat for several
    #[arg(long, value_name = "TOPIC", help_heading = KAFKA)]
    pub(crate) result_topic: Vec<String>,

    /// Topic where results of failed executions appear, if not among the result topics
    #[arg(long, value_name = "TOPIC", help_heading = KAFKA)]
    pub(crate) failure_topic: Option<String>,

    /// Topic where billing records appear; without it bills are not checked
    #[arg(long, value_name = "TOPIC", help_heading = KAFKA)]
    pub(crate) billing_topic: Option<String>,

    /// Topic where rejected events appear
    #[arg(long, value_name = "TOPIC", help_heading = KAFKA)]
    pub(crate) dead_letter_topic: Option<String>,

    /// Consumer group of the application under test: watch its lag and its committed offsets
    #[arg(long, help_heading = KAFKA)]
    pub(crate) group: Option<String>,

    /// Create the topics first, with so many partitions (needs a real broker)
    #[arg(long, value_name = "PARTITIONS", help_heading = KAFKA,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) create_topics: Option<u32>,

    /// How long to try to reach the brokers at start [default: 10s]
    #[arg(long, value_name = "TIME", help_heading = KAFKA)]
    pub(crate) connect_timeout: Option<Span>,

    /// librdkafka setting for all clients; repeat for several
    #[arg(short = 'X', value_name = "KEY=VALUE", help_heading = KAFKA, value_parser = read_override)]
    pub(crate) overrides: Vec<(String, String)>,

    /// Write the events as JSON lines on stdout instead, by the clock; the report goes to stderr.
    /// Leaves no files and is compared with none: no --output, no --compare
    #[arg(long, help_heading = LINES, conflicts_with_all = IDLE_WITHOUT_KAFKA, conflicts_with_all = IDLE_FOR_SENDING)]
    pub(crate) ndjson: bool,

    /// Check result lines of such events, read from FILE or with - from stdin
    #[arg(long, value_name = "FILE", help_heading = LINES, conflicts_with = "ndjson",
          conflicts_with_all = IDLE_WITHOUT_KAFKA, conflicts_with_all = IDLE_FOR_CHECKING)]
    pub(crate) check_ndjson: Option<PathBuf>,

    /// Events per second, as in 500, 0.5, 20k; instead of a scenario's stages [default: 1000]
    #[arg(long, help_heading = LOAD, value_parser = read_rate)]
    pub(crate) rate: Option<Rate>,

    /// Stop after so many events
    #[arg(long, value_name = "N", help_heading = LOAD, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// Stop after so long, as in 500ms, 30s, 10m, 2h
    #[arg(long, value_name = "TIME", help_heading = LOAD)]
    pub(crate) duration: Option<Span>,

    /// How arrivals are spread over the rate [default: uniform]
    #[arg(long, value_name = "HOW", help_heading = LOAD)]
    pub(crate) arrivals: Option<ArrivalsName>,

    /// What everything random follows from [default: 0]
    #[arg(long, value_name = "N", help_heading = LOAD)]
    pub(crate) seed: Option<u64>,

    /// Events due this early are verified but left out of latency [default: 0s]
    #[arg(long, value_name = "TIME", help_heading = LOAD)]
    pub(crate) warmup: Option<Span>,

    /// How long to wait for outstanding outcomes after the last event [default: 30s]
    #[arg(long, value_name = "TIME", help_heading = LOAD)]
    pub(crate) drain_timeout: Option<Span>,

    /// How long to go on reading once all outcomes are in, to catch late duplicates [default: 250ms]
    #[arg(long, value_name = "TIME", help_heading = LOAD)]
    pub(crate) settle: Option<Span>,

    /// Send no more while so many events have no outcome; held-back time is reported
    #[arg(long, value_name = "N", help_heading = LOAD, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) outstanding_max: Option<u64>,

    /// Search for the highest rate with p99 below --max-p99-ms, the lag not growing and nothing
    /// lost: trials of --duration (10s) with --warmup (2s), from --rate on
    #[arg(long, help_heading = SEARCH, conflicts_with_all = ["ndjson", "check_ndjson", "compare", "count"])]
    pub(crate) find_max: bool,

    /// With --find-max: try no higher rate
    #[arg(long, value_name = "RATE", default_value = "10M", requires = "find_max",
          help_heading = SEARCH, value_parser = read_rate)]
    pub(crate) rate_max: Rate,

    /// With --find-max: end when the rate is known within this share
    #[arg(long, value_name = "P", default_value = "0.05", requires = "find_max",
          help_heading = SEARCH, value_parser = read_precision)]
    pub(crate) precision: f64,

    /// Event to send, used as it is but for its holes
    #[arg(long, value_name = "FILE", help_heading = EVENTS)]
    pub(crate) payload: Option<PathBuf>,

    /// Pad events to this many bytes [default: 256, with --payload 0]
    #[arg(long, value_name = "BYTES", help_heading = EVENTS,
          value_parser = clap::value_parser!(u32).range(0..=900_000))]
    pub(crate) payload_size: Option<u32>,

    /// Number of different keys; 0 sends events without a key [default: 1024]
    #[arg(long, value_name = "N", help_heading = EVENTS,
          value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    pub(crate) keys: Option<u32>,

    /// How events are spread over the keys [default: round-robin]
    #[arg(long, value_name = "HOW", help_heading = EVENTS)]
    pub(crate) key_distribution: Option<Distribution>,

    /// Steepness of --key-distribution zipf, above 0 and at most 10 [default: 1]
    #[arg(long, value_name = "S", help_heading = EVENTS)]
    pub(crate) zipf_exponent: Option<f64>,

    /// Share of events that are malformed and must be dead-lettered, 0 to 1 [default: 0]
    #[arg(long, value_name = "P", help_heading = EVENTS, value_parser = read_share)]
    pub(crate) poison_share: Option<f64>,

    /// JSON that every result must equal; may have the payload's holes
    #[arg(long, value_name = "FILE", help_heading = EVENTS)]
    pub(crate) expect: Option<PathBuf>,

    /// Fail when the 99th percentile of latency is above this
    #[arg(long, value_name = "MS", help_heading = THRESHOLDS, value_parser = read_positive)]
    pub(crate) max_p99_ms: Option<f64>,

    /// Fail when more acknowledged events than this have no outcome [default: 0]
    #[arg(long, value_name = "N", help_heading = THRESHOLDS)]
    pub(crate) max_lost: Option<u64>,

    /// Fail when more outcomes than this are repeated [default: 0]
    #[arg(long, value_name = "N", help_heading = THRESHOLDS)]
    pub(crate) max_duplicated: Option<u64>,

    /// Fail when more outcomes than this are wrong [default: 0]
    #[arg(long, value_name = "N", help_heading = THRESHOLDS)]
    pub(crate) max_wrong: Option<u64>,

    /// Fail when more bills than this are missing, repeated, without a result or malformed
    /// [default: 0]
    #[arg(long, value_name = "N", help_heading = THRESHOLDS)]
    pub(crate) max_bill_faults: Option<u64>,

    /// Fail when more results than this came after a younger one of their key
    #[arg(long, value_name = "N", help_heading = THRESHOLDS)]
    pub(crate) max_reordered: Option<u64>,

    /// Fail when more executions than this did not succeed
    #[arg(long, value_name = "N", help_heading = THRESHOLDS)]
    pub(crate) max_failed: Option<u64>,

    /// Fail when more events of the plan than this stayed unsent [default: 0]
    #[arg(long, value_name = "N", help_heading = THRESHOLDS)]
    pub(crate) max_unsent: Option<u64>,

    /// Declare the run invalid when the generator was late in more than this share of its
    /// ticks [default: 0.01]
    #[arg(long, value_name = "P", help_heading = THRESHOLDS, value_parser = read_share)]
    pub(crate) max_late: Option<f64>,

    /// Print the report as JSON
    #[arg(long, help_heading = REPORTS)]
    pub(crate) json: bool,

    /// Write report.html, summary.json, timeline.csv, latency.hgrm and .hlog into this folder
    #[arg(long, value_name = "DIR", help_heading = REPORTS)]
    pub(crate) output: Option<PathBuf>,

    /// Hold the run against the summary.json of an earlier one; fail where it became worse
    #[arg(long, value_name = "FILE", help_heading = REPORTS)]
    pub(crate) compare: Option<PathBuf>,

    /// With --compare: differences up to this share are no news
    #[arg(long, value_name = "P", default_value = "0.1", requires = "compare",
          help_heading = REPORTS, value_parser = read_share)]
    pub(crate) tolerance: f64,

    /// Show the run's own figures to Prometheus on this address, as in 127.0.0.1:9641
    #[arg(long, value_name = "ADDRESS", help_heading = REPORTS)]
    pub(crate) metrics_listen: Option<SocketAddr>,

    /// Live view on stderr: a panel on a terminal, else one line a second
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = REPORTS)]
    pub(crate) progress: Progress,
}

/// When to show the live view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// A panel on a terminal, else one line a second
    Auto,
    /// One line a second, on a terminal too
    Always,
    /// Nothing
    Never,
}

/// What a JSON schema can be printed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// Scenario files
    Scenario,
    /// The report that --json prints
    Summary,
}

fn read_rate(text: &str) -> Result<Rate, String> {
    let rate: Rate = text.parse().map_err(|error: crate::quantity::RateError| error.to_string())?;
    if rate.per_second() > 0.0 {
        Ok(rate)
    } else {
        Err("a rate above zero; pauses are for scenario files".to_owned())
    }
}

fn read_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share lies between 0 and 1".to_owned()),
    }
}

fn read_precision(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.01..=1.0).contains(&share) => Ok(share),
        _ => Err("a share between 0.01 and 1".to_owned()),
    }
}

fn read_positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("a number above zero".to_owned()),
    }
}

fn read_override(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE, as in linger.ms=5".to_owned()),
    }
}

static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let commit = option_env!("EXPRESSWAY_COMMIT").unwrap_or("unknown");
    format!("{}\ncommit  {commit}", env!("CARGO_PKG_VERSION"))
});

const KAFKA: &str = "Kafka";
const LINES: &str = "Without Kafka";
const LOAD: &str = "Load";
const SEARCH: &str = "Search";
const EVENTS: &str = "Events";
const THRESHOLDS: &str = "Thresholds";
const REPORTS: &str = "Reports";

/// What only a run over Kafka can do, keep to or leave. Addresses and topics are not among it: a
/// scenario has them, whatever it is used for.
const IDLE_WITHOUT_KAFKA: [&str; 17] = [
    "output",
    "compare",
    "tolerance",
    "metrics_listen",
    "group",
    "create_topics",
    "connect_timeout",
    "overrides",
    "drain_timeout",
    "settle",
    "rate_max",
    "precision",
    "outstanding_max",
    "max_p99_ms",
    "max_bill_faults",
    "max_reordered",
    "max_failed",
];
/// What is judged by results, of which the sender of lines sees none.
const IDLE_FOR_SENDING: [&str; 3] = ["max_lost", "max_duplicated", "max_wrong"];
/// What is judged by the one who sends.
const IDLE_FOR_CHECKING: [&str; 2] = ["max_late", "max_unsent"];

const AFTER: &str = "\
Examples:
  # 20,000 events a second for half a minute, results and bills checked
  expressway-loadgen --brokers localhost:9092 --topic orders --result-topic results \\
      --billing-topic billing --dead-letter-topic dead-letters --rate 20k --duration 30s

  # Every result must equal a document; fail above 50 ms; machine report on stdout
  expressway-loadgen --brokers localhost:9092 --topic orders --result-topic results \\
      --payload order.json --expect result.json --count 100000 --max-p99-ms 50 --json

  # One event in a hundred is malformed and must be dead-lettered, once
  expressway-loadgen --brokers localhost:9092 --topic orders --result-topic results \\
      --dead-letter-topic dead-letters --poison-share 0.01 --rate 5k --duration 10s

  # Without Kafka: lines into any program that reads them, result lines checked
  expressway-loadgen --ndjson --rate 5k --duration 10s --payload order.json \\
      | expressway run --definition order.asl.json --input - --output results.ndjson
  expressway-loadgen --check-ndjson results.ndjson --rate 5k --duration 10s \\
      --payload order.json --expect result.json

  # The highest rate that keeps p99 below 50 ms, within 5 %
  expressway-loadgen --brokers localhost:9092 --topic orders --result-topic results \\
      --find-max --max-p99-ms 50 --rate 5k --duration 15s

  # Stages, keys, payload and thresholds from a file
  expressway-loadgen --scenario config/loadgen/stages.toml --brokers localhost:9092

Holes in payloads and expectations: {{sequence}} {{key}} {{producer}} {{due_ms}} {{due_time}}
  {{padding}}, and the fields of a scenario

Exit codes: 0 fine, 2 usage, 3 bad scenario file, 4 Kafka unreachable at start, 70 internal,
  99 a threshold was crossed or the run is invalid, 130 or 143 after SIGINT or SIGTERM (sends
  no more, drains and reports; a second signal ends at once)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_flags_is_sound() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }

    #[test]
    fn the_help_says_what_it_is_first_and_shows_examples_last() {
        use clap::CommandFactory as _;
        let help = Args::command().render_long_help().to_string();
        assert!(help.starts_with("Sends events by the clock"), "{help}");
        let at = |part: &str| help.find(part).unwrap_or_else(|| panic!("no {part}: {help}"));
        assert!(at("Usage:") < at("--ndjson") && at("--progress <WHEN>") < at("Examples:\n"));
        assert!(at("Examples:\n") < at("Exit codes:"));
    }

    #[test]
    fn the_long_version_tells_the_commit() {
        use clap::CommandFactory as _;
        let command = Args::command();
        assert_eq!(command.render_version().lines().count(), 1);
        let long = command.render_long_version();
        assert!(long.starts_with("expressway-loadgen ") && long.contains("\ncommit  "), "{long}");
    }

    #[test]
    fn flags_refuse_what_no_run_can_use() {
        let refused = |flags: &str| {
            let line = format!("loadgen {flags}");
            Args::try_parse_from(line.split_whitespace()).unwrap_err().to_string()
        };
        assert!(refused("--rate 0").contains("above zero"));
        assert!(refused("--rate fast").contains("20k"));
        assert!(refused("--poison-share 2").contains("between 0 and 1"));
        assert!(refused("--duration 1d").contains("unknown unit"));
        assert!(refused("-X linger").contains("KEY=VALUE"));
        for (mode, idle) in [
            ("--ndjson", "--max-p99-ms 5"),
            ("--ndjson", "--outstanding-max 5"),
            ("--ndjson", "--group g"),
            ("--ndjson", "--create-topics 3"),
            ("--ndjson", "--rate-max 5k"),
            ("--ndjson", "--precision 0.1"),
            ("--ndjson", "--tolerance 0.1"),
            ("--ndjson", "--metrics-listen 127.0.0.1:1"),
            ("--ndjson", "--max-lost 1"),
            ("--ndjson", "-X linger.ms=5"),
            ("--check-ndjson x", "--max-p99-ms 5"),
            ("--check-ndjson x", "--max-reordered 5"),
            ("--check-ndjson x", "--max-bill-faults 5"),
            ("--check-ndjson x", "--max-failed 5"),
            ("--check-ndjson x", "--ndjson"),
            ("--find-max", "--count 5"),
        ] {
            let flag = idle.split(' ').next().unwrap();
            let said = refused(&format!("{mode} {idle}"));
            assert!(said.contains("cannot be used with") && said.contains(flag), "{said}");
        }
        assert!(refused("--max-p99-ms=-1").contains("--max-p99-ms"));
    }
}
