//! The report: what happened, as figures with stable names, and whether that is good enough.
//!
//! This file is the layout that scripts read; [`draw`] fills it in, [`judge`] holds it against the
//! thresholds, [`table`] shows it to people.

mod draw;
mod judge;
pub(crate) mod table;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::comparison::Comparison;

pub(crate) use self::draw::{Circumstances, draw, hint_at_bills};
pub(crate) use self::judge::{BILL_FAULTS, NOT_SENT, share_of_rate, too_many_unsent};

/// Everything a run has to say; `--json` prints exactly this, and so does `summary.json`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "expressway-loadgen summary")]
pub(crate) struct Report {
    /// Version of this layout, `expressway-loadgen/1`; fields are added, never renamed.
    pub(crate) format: String,
    /// `pass`, `fail`, `invalid` or `interrupted`.
    pub(crate) verdict: Verdict,
    /// What crossed a threshold, one sentence each.
    pub(crate) violations: Vec<String>,
    /// What a reader of the figures ought to know.
    pub(crate) notes: Vec<String>,
    /// The run's id, as at the beginning of the header `loadgen-stamp`.
    pub(crate) producer: String,
    /// What was carried out.
    pub(crate) scenario: ScenarioPart,
    /// What was sent.
    pub(crate) events: Events,
    /// How well the generator kept its schedule.
    pub(crate) generator: Punctuality,
    /// What came back.
    pub(crate) outcomes: Outcomes,
    /// How results and bills match; absent without a billing topic.
    pub(crate) billing: Option<Billing>,
    /// The group of the application under test; absent when it was not watched.
    pub(crate) group: Option<GroupPart>,
    /// From due time to consumption of the result.
    pub(crate) latency_ms: Percentiles,
    /// The same as a curve: pairs of percentile and milliseconds, ascending.
    pub(crate) latency_curve: Vec<(f64, f64)>,
    /// From due time to the timestamp of the result record, which has whole milliseconds.
    pub(crate) latency_to_record_timestamp_ms: Percentiles,
    /// From due time to the broker's acknowledgement of the event.
    pub(crate) latency_to_acknowledgement_ms: Percentiles,
    /// The figures by stage.
    pub(crate) stages: Vec<StagePart>,
    /// This run against an earlier one; absent without `--compare`.
    pub(crate) comparison: Option<Comparison>,
    /// Time from the last event to the last outcome, or to giving up.
    pub(crate) drain_seconds: f64,
    /// Processor time of this process; absent where the system does not tell.
    pub(crate) cpu: Option<Cpu>,
}

/// The verdict on a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// No threshold was crossed.
    Pass,
    /// At least one was.
    Fail,
    /// The generator fell behind: the figures measure it, not the system beside it.
    Invalid,
    /// A signal ended the run early.
    Interrupted,
}

/// What was carried out.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ScenarioPart {
    /// Its name.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) description: Option<String>,
    /// What everything random followed from.
    pub(crate) seed: u64,
    /// When the first event could be due, RFC 3339.
    pub(crate) started_at: String,
    /// Events due earlier than this are left out of latency.
    pub(crate) warmup_seconds: f64,
    /// Equal for runs that asked for the same load: brokers and topics left out, 16 digits.
    pub(crate) load_hash: String,
    /// Version of the generator.
    pub(crate) version: String,
    /// Processors that this process may use.
    pub(crate) cpus: usize,
}

/// The sending side.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Events {
    /// Events of the plan; with Poisson arrivals those that came of it.
    pub(crate) planned: u64,
    /// Events the client accepted.
    pub(crate) sent: u64,
    /// Of them, given up by the client: refused, or not acknowledged in time.
    pub(crate) undelivered: u64,
    /// Of them, neither acknowledged nor given up when the run ended.
    #[serde(default)]
    pub(crate) unacknowledged: u64,
    /// Events of the plan that were not sent.
    pub(crate) unsent: u64,
    /// Delivery reports of the client for no event that was in flight: told twice, of which the
    /// first counts.
    #[serde(default)]
    pub(crate) stray_reports: u64,
    /// Rate asked for, on average over the schedule as far as it was carried out.
    pub(crate) requested_per_second: f64,
    /// Rate reached: events sent in `seconds`.
    pub(crate) achieved_per_second: f64,
    /// Length of the schedule, or until the last event if that was later or ended the run; the
    /// interval after the last event included.
    pub(crate) seconds: f64,
}

/// The generator's own lateness, and why.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Punctuality {
    /// Ticks of a millisecond.
    pub(crate) ticks: u64,
    /// Served more than a tick late.
    pub(crate) ticks_late: u64,
    /// Their share.
    pub(crate) late_share: f64,
    /// The share above which a run is invalid.
    pub(crate) late_share_max: f64,
    /// Whether the share is above it.
    pub(crate) late: bool,
    /// Ticks in which the outstanding limit held events back.
    pub(crate) ticks_held_back: u64,
    /// Whether there were any: then the loop was not open all the time.
    pub(crate) held_back: bool,
    /// Ticks in which the client's queue was full.
    pub(crate) ticks_queue_full: u64,
    /// How far bursts were behind their due time, those that had to wait left out.
    pub(crate) lag_ms: Percentiles,
}

/// The receiving side.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Outcomes {
    /// Events with an outcome.
    pub(crate) settled: u64,
    /// On a result topic.
    pub(crate) results: u64,
    /// On the failure topic.
    pub(crate) failures: u64,
    /// On the dead-letter topic.
    pub(crate) dead_letters: u64,
    /// By header `status`.
    pub(crate) status: Statuses,
    /// Acknowledged events without an outcome.
    pub(crate) lost: u64,
    /// The first ten of them.
    pub(crate) lost_first: Vec<u64>,
    /// Outcomes beyond the first of an event.
    pub(crate) duplicated: u64,
    /// Outcomes that are not what they should be; bills are counted in `billing.faults`.
    pub(crate) wrong: u64,
    /// The same by reason, and bills by theirs.
    pub(crate) wrong_by: WrongBy,
    /// Results after a younger one of the same key.
    pub(crate) reordered: u64,
    /// Records of others.
    pub(crate) foreign: u64,
    /// Offsets never delivered to the checker.
    pub(crate) offsets_skipped: u64,
}

/// Results by header `status`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Statuses {
    /// `SUCCEEDED`.
    pub(crate) succeeded: u64,
    /// `FAILED`.
    pub(crate) failed: u64,
    /// `TIMED_OUT`.
    pub(crate) timed_out: u64,
    /// None of these.
    pub(crate) unstated: u64,
}

/// Wrong records by the first thing that was wrong with them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct WrongBy {
    /// A result for a malformed event, or a dead letter for a sound one.
    pub(crate) kind: u64,
    /// Not the event's key.
    pub(crate) key: u64,
    /// Not the expected value.
    pub(crate) value: u64,
    /// A header is missing, or the due time is not the event's.
    pub(crate) headers: u64,
    /// A sequence number that was never planned.
    pub(crate) sequence: u64,
    /// A bill that contradicts itself: no part of `wrong`, but of `billing.faults`.
    pub(crate) bill: u64,
    /// A bill without a result, unless records of others were about: no part of `wrong`, but of
    /// `billing.faults`.
    pub(crate) bill_unmatched: u64,
}

impl WrongBy {
    /// Returns how many outcomes were wrong; bills are not among them.
    pub(crate) fn outcomes(&self) -> u64 {
        self.kind + self.key + self.value + self.headers + self.sequence
    }
}

/// Results against bills.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Billing {
    /// Billing records read.
    pub(crate) records: u64,
    /// Ids with a result and a bill.
    pub(crate) matched: u64,
    /// Results without a bill.
    pub(crate) missing: u64,
    /// Bills beyond the first of an id.
    pub(crate) duplicated: u64,
    /// Bills without a result.
    pub(crate) unmatched: u64,
    /// Ids that found no room in the ledger.
    pub(crate) overflowed: u64,
    /// Of the bills looked into, those that are sums over many executions: they match no result.
    #[serde(default)]
    pub(crate) sums: u64,
    /// Bills that are missing, repeated, malformed (of those looked into) or, unless records of
    /// others were about, without a result.
    #[serde(default)]
    pub(crate) faults: u64,
}

impl Billing {
    /// Returns what is wrong with bills, `wrong_by` included; earlier summaries do not say it.
    pub(crate) fn count_faults(&self, wrong_by: &WrongBy) -> u64 {
        self.missing + self.duplicated + wrong_by.bill + wrong_by.bill_unmatched
    }
}

/// Committed offsets of the application under test.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct GroupPart {
    /// Its name.
    pub(crate) name: String,
    /// Times that its offsets were read.
    pub(crate) samples: u64,
    /// Times that a partition's committed offset was below the one before.
    pub(crate) regressions: u64,
    /// Most records behind the ends of the partitions.
    pub(crate) lag_max: u64,
    /// The same at the end of the run.
    pub(crate) lag_last: u64,
    /// Whether it had committed any offset on the topic by then; where it had not, its lag counts
    /// from the ends of the partitions before the first event.
    #[serde(default)]
    pub(crate) committed: bool,
}

/// One stage; events belong to the stage of their due time.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct StagePart {
    /// Its name.
    pub(crate) name: String,
    /// Where it begins, from the start of the run.
    pub(crate) start_seconds: f64,
    /// How long it took: a run that ended early ends the stage.
    pub(crate) seconds: f64,
    /// Rate asked for in that time, on average.
    pub(crate) requested_per_second: f64,
    /// Events sent.
    pub(crate) sent: u64,
    /// Events with an outcome.
    pub(crate) settled: u64,
    /// First results.
    pub(crate) results: u64,
    /// First dead letters.
    pub(crate) dead_letters: u64,
    /// Results with status failed or timed out.
    pub(crate) failed: u64,
    /// Acknowledged events without an outcome.
    pub(crate) lost: u64,
    /// Further outcomes.
    pub(crate) duplicated: u64,
    /// Results after a younger one of the same key.
    pub(crate) reordered: u64,
    /// Outcomes that are not what they should be.
    pub(crate) wrong: u64,
    /// From due time to consumption of the result, the warm-up left out.
    pub(crate) latency_ms: Percentiles,
}

/// Percentiles in milliseconds; all zero when nothing was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Percentiles {
    /// Measurements.
    pub(crate) count: u64,
    /// Mean.
    pub(crate) mean: f64,
    /// Smallest.
    pub(crate) min: f64,
    /// Median.
    pub(crate) p50: f64,
    /// 90th percentile.
    pub(crate) p90: f64,
    /// 95th percentile.
    pub(crate) p95: f64,
    /// 99th percentile.
    pub(crate) p99: f64,
    /// 99.9th percentile.
    pub(crate) p999: f64,
    /// 99.99th percentile.
    pub(crate) p9999: f64,
    /// Largest.
    pub(crate) max: f64,
}

/// What the run cost this process.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Cpu {
    /// User and system time of all threads, from before the first event to the end of the drain.
    pub(crate) seconds: f64,
    /// Kafka records sent or read in that time: events, results, bills, dead letters, and records
    /// of others.
    #[serde(default)]
    pub(crate) records: u64,
    /// Microseconds per record sent or read.
    pub(crate) us_per_record: f64,
    /// Microseconds per event sent: rendering, sending and checking all that came of it.
    pub(crate) us_per_event: f64,
}

impl Report {
    /// Holds the run against an earlier one; what became worse fails a run that passed.
    pub(crate) fn compare(&mut self, baseline: &Report, tolerance: f64) {
        let comparison = Comparison::new(self, baseline, tolerance);
        if matches!(self.verdict, Verdict::Pass | Verdict::Fail) {
            let worse = comparison.violations();
            if !worse.is_empty() {
                self.verdict = Verdict::Fail;
            }
            self.violations.extend(worse);
        }
        self.comparison = Some(comparison);
    }
}

/// Returns the JSON schema of the summary, as committed in `config/loadgen/`.
pub(crate) fn schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}

/// The layout of the JSON report.
pub(crate) const FORMAT: &str = "expressway-loadgen/1";
