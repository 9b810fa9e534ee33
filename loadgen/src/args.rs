//! The command line: flags, their defaults and what they must fulfil together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::plan::{Plan, Rate, poison_threshold};

/// Sends events at a fixed rate and checks what comes back: lost, duplicated, wrong, late.
#[derive(Debug, Parser)]
#[command(name = "expressway-loadgen", version, before_help = EXAMPLES, after_help = AFTER)]
pub(crate) struct Args {
    /// Brokers to start from, as HOST:PORT[,HOST:PORT...]
    #[arg(long, value_name = "LIST")]
    pub(crate) brokers: String,

    /// Topic the events are sent to
    #[arg(long)]
    pub(crate) topic: String,

    /// Topic where results appear; repeat for several
    #[arg(long, value_name = "TOPIC", required = true)]
    pub(crate) result_topic: Vec<String>,

    /// Topic where results of failed executions appear, if not among the result topics
    #[arg(long, value_name = "TOPIC")]
    pub(crate) failure_topic: Option<String>,

    /// Topic where billing records appear; without it bills are not checked
    #[arg(long, value_name = "TOPIC")]
    pub(crate) billing_topic: Option<String>,

    /// Topic where rejected events appear
    #[arg(long, value_name = "TOPIC")]
    pub(crate) dead_letter_topic: Option<String>,

    /// Events per second, as in 500, 0.5, 20k
    #[arg(long, default_value = "1000")]
    pub(crate) rate: Rate,

    /// Stop after so many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// Stop after so long, as in 500ms, 30s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = read_duration)]
    pub(crate) duration: Option<Duration>,

    /// Events due this early are verified but left out of latency
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = read_duration)]
    pub(crate) warmup: Duration,

    /// How long to wait for outstanding outcomes after the last event
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = read_duration)]
    pub(crate) drain_timeout: Duration,

    /// How long to go on reading once all outcomes are in, to catch late duplicates
    #[arg(long, value_name = "TIME", default_value = "250ms", value_parser = read_duration)]
    pub(crate) settle: Duration,

    /// How long to try to reach the brokers at start
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = read_duration)]
    pub(crate) connect_timeout: Duration,

    /// Event to send, used as it is but for its holes
    #[arg(long, value_name = "FILE")]
    pub(crate) payload: Option<PathBuf>,

    /// Pad events to this many bytes [default: 256, with --payload 0]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(0..=900_000))]
    pub(crate) payload_size: Option<u32>,

    /// Number of different keys; 0 sends events without a key
    #[arg(long, value_name = "N", default_value = "1024", value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    pub(crate) keys: u32,

    /// Share of events that are malformed and must be dead-lettered, 0 to 1
    #[arg(long, value_name = "P", default_value = "0", value_parser = read_share)]
    pub(crate) poison_share: f64,

    /// JSON that every result must equal; may have the payload's holes
    #[arg(long, value_name = "FILE")]
    pub(crate) expect: Option<PathBuf>,

    /// Send no more while so many events have no outcome; held-back time is reported
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) outstanding_max: Option<u64>,

    /// Create the topics first, with so many partitions (needs a real broker)
    #[arg(long, value_name = "PARTITIONS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) create_topics: Option<u32>,

    /// Fail when the 99th percentile of latency is above this
    #[arg(long, value_name = "MS", value_parser = read_positive)]
    pub(crate) max_p99_ms: Option<f64>,

    /// Fail when more outcomes and bills than this are missing
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) max_lost: u64,

    /// Fail when more outcomes and bills than this are repeated
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) max_duplicated: u64,

    /// Fail when more outcomes and bills than this are wrong
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) max_wrong: u64,

    /// Fail when more executions than this did not succeed
    #[arg(long, value_name = "N")]
    pub(crate) max_failed: Option<u64>,

    /// Show the run as Prometheus text on this address, as in 127.0.0.1:9641
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) metrics: Option<SocketAddr>,

    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Live line on stderr, once a second
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) progress: Progress,

    /// librdkafka setting for all clients; repeat for several
    #[arg(short = 'X', value_name = "KEY=VALUE", value_parser = read_override)]
    pub(crate) overrides: Vec<(String, String)>,
}

/// When to show the live line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// On a terminal, redrawn in place
    Auto,
    /// Always, as lines of their own when stderr is no terminal
    Always,
    /// Never
    Never,
}

/// Flags that are fine one by one but not together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum UsageError {
    /// Neither `--count` nor `--duration`.
    #[error("how long? add --duration 30s or --count 100000")]
    Endless,
    /// The run would end before its first event is measured.
    #[error("--warmup leaves nothing to measure; make the run longer than the warm-up")]
    WarmupTooLong,
    /// Rejected events would appear where nobody looks.
    #[error("--poison-share needs --dead-letter-topic, where the malformed events must appear")]
    PoisonWithoutDeadLetters,
    /// One topic cannot tell two kinds of record apart.
    #[error("topic {0:?} is given for two kinds of record; use one topic for each")]
    TopicTwice(String),
}

impl Args {
    /// Returns the plan of the run; its start is set when everything stands ready.
    pub(crate) fn plan(&self) -> Result<Plan, UsageError> {
        self.check_topics()?;
        if self.poison_share > 0.0 && self.dead_letter_topic.is_none() {
            return Err(UsageError::PoisonWithoutDeadLetters);
        }
        let stop_after_ns = self.duration.map(|duration| duration.as_nanos() as u64);
        // A duration bounds the count too: record i is due before the end of the last interval.
        let due_within =
            stop_after_ns.map(|stop| self.rate.due_count(stop.saturating_sub(1))).into_iter();
        let Some(count) = due_within.chain(self.count).min() else {
            return Err(UsageError::Endless);
        };
        let warmup_ns = self.warmup.as_nanos() as u64;
        if warmup_ns > 0 && self.rate.due_offset_ns(count - 1) < warmup_ns {
            return Err(UsageError::WarmupTooLong);
        }
        Ok(Plan {
            rate: self.rate,
            count,
            stop_after_ns,
            warmup_ns,
            keys: self.keys,
            poison_below: poison_threshold(self.poison_share),
            start_ns: 0,
        })
    }

    /// Returns the size events are padded to.
    pub(crate) fn payload_size_bytes(&self) -> usize {
        let default = if self.payload.is_some() { 0 } else { 256 };
        self.payload_size.map_or(default, |bytes| bytes as usize)
    }

    /// Failures may share a topic with results, as they do in the service by default; nothing
    /// else may share one.
    fn check_topics(&self) -> Result<(), UsageError> {
        let mut taken: Vec<&str> = vec![&self.topic];
        let alone = self.result_topic.iter();
        let alone = alone.chain(&self.billing_topic).chain(&self.dead_letter_topic);
        for topic in alone {
            if taken.contains(&topic.as_str()) {
                return Err(UsageError::TopicTwice(topic.clone()));
            }
            taken.push(topic);
        }
        if let Some(failures) = &self.failure_topic
            && taken.contains(&failures.as_str())
            && !self.result_topic.contains(failures)
        {
            return Err(UsageError::TopicTwice(failures.clone()));
        }
        Ok(())
    }
}

fn read_duration(text: &str) -> Result<Duration, String> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    let unit_seconds = match unit {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err(format!("unknown unit {unit:?}; use ms, s, m or h")),
    };
    let number: f64 =
        number.parse().map_err(|_| "write a time as in 500ms, 30s, 10m or 2h".to_owned())?;
    let seconds = number * unit_seconds;
    if seconds > DURATION_SECONDS_MAX {
        return Err("longer than 30 days".to_owned());
    }
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn read_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share lies between 0 and 1".to_owned()),
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

const DURATION_SECONDS_MAX: f64 = 30.0 * 86_400.0;

const EXAMPLES: &str = "\
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
";

const AFTER: &str = "\
Holes in --payload and --expect: {{sequence}} {{key}} {{producer}} {{due_ms}} {{padding}}

Exit codes: 0 fine, 2 usage, 4 Kafka unreachable at start, 70 internal,
  99 a threshold was crossed, 130 or 143 after SIGINT or SIGTERM (sends no more,
  drains and reports; a second signal ends at once)";

#[cfg(test)]
mod tests {
    use super::*;

    fn args(extra: &str) -> Args {
        let line = format!("loadgen --brokers b:1 --topic in --result-topic out {extra}");
        Args::try_parse_from(line.split_whitespace()).unwrap()
    }

    #[test]
    fn a_duration_and_a_count_bound_each_other() {
        assert_eq!(args("--duration 2s").plan().unwrap().count, 2_000);
        assert_eq!(args("--count 7").plan().unwrap().count, 7);
        assert_eq!(args("--duration 2s --count 7").plan().unwrap().count, 7);
        assert_eq!(args("--duration 1ms --count 7000").plan().unwrap().count, 1);
        assert_eq!(args("").plan().unwrap_err(), UsageError::Endless);
    }

    #[test]
    fn flags_that_contradict_each_other_are_refused_with_the_way_out() {
        let refused = |extra| args(extra).plan().unwrap_err();
        assert_eq!(refused("--count 9 --poison-share 0.1"), UsageError::PoisonWithoutDeadLetters);
        assert_eq!(refused("--count 9 --warmup 10s"), UsageError::WarmupTooLong);
        assert_eq!(refused("--count 9 --billing-topic out"), UsageError::TopicTwice("out".into()));
        assert_eq!(refused("--count 9 --failure-topic in"), UsageError::TopicTwice("in".into()));
        assert!(args("--count 9 --failure-topic out").plan().is_ok());
    }

    #[test]
    fn times_are_read_with_units() {
        assert_eq!(read_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(read_duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(read_duration("2"), Ok(Duration::from_secs(2)));
        for text in ["", "ms", "1d", "-1s", "1e99", "31x", "1.2.3s", "900h"] {
            assert!(read_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_definition_of_the_flags_is_sound() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }
}
