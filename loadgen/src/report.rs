//! The report: what happened, as figures with stable names, and whether that is good enough.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::args::Args;
use crate::checker::OutcomeCounts;
use crate::consumer::Read;
use crate::plan::Plan;
use crate::producer::Sent;
use crate::stamp::ProducerId;

/// Everything a run has to say; `--json` prints exactly this.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Version of this layout; fields are added, never renamed.
    pub(crate) format: &'static str,
    /// `pass`, `fail` or `interrupted`.
    pub(crate) verdict: Verdict,
    /// What crossed a threshold, one sentence each.
    pub(crate) violations: Vec<String>,
    /// What a reader of the figures ought to know.
    pub(crate) notes: Vec<String>,
    /// The run's id, as in the header `loadgen-producer`.
    pub(crate) producer: String,
    /// What was sent.
    pub(crate) events: Events,
    /// How well the generator kept its schedule.
    pub(crate) generator: Punctuality,
    /// What came back.
    pub(crate) outcomes: Outcomes,
    /// How results and bills match; absent without a billing topic.
    pub(crate) billing: Option<Billing>,
    /// From due time to consumption of the result.
    pub(crate) latency_ms: Percentiles,
    /// From due time to the timestamp of the result record, which has whole milliseconds.
    pub(crate) latency_to_record_timestamp_ms: Percentiles,
    /// From due time to the broker's acknowledgement of the event.
    pub(crate) latency_to_acknowledgement_ms: Percentiles,
    /// Time from the last event to the last outcome, or to giving up.
    pub(crate) drain_seconds: f64,
    /// Processor time of this process; absent where the system does not tell.
    pub(crate) cpu: Option<Cpu>,
}

/// The verdict on a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// No threshold was crossed.
    Pass,
    /// At least one was.
    Fail,
    /// A signal ended the run early.
    Interrupted,
}

/// The sending side.
#[derive(Debug, Serialize)]
pub(crate) struct Events {
    /// Events of the plan.
    pub(crate) planned: u64,
    /// Events the client accepted.
    pub(crate) sent: u64,
    /// Of them, not acknowledged by the brokers.
    pub(crate) undelivered: u64,
    /// Events of the plan that were not sent.
    pub(crate) unsent: u64,
    /// Rate asked for.
    pub(crate) requested_per_second: f64,
    /// Rate reached, over the time it took to send.
    pub(crate) achieved_per_second: f64,
    /// That time.
    pub(crate) seconds: f64,
}

/// The generator's own lateness, and why.
#[derive(Debug, Serialize)]
pub(crate) struct Punctuality {
    /// Ticks of a millisecond.
    pub(crate) ticks: u64,
    /// Served more than a tick late.
    pub(crate) ticks_late: u64,
    /// Their share.
    pub(crate) late_share: f64,
    /// Whether that is more than one in a hundred: then the run measured the generator.
    pub(crate) late: bool,
    /// Ticks in which `--outstanding-max` held events back.
    pub(crate) ticks_held_back: u64,
    /// Whether there were any: then the loop was not open all the time.
    pub(crate) held_back: bool,
    /// Ticks in which the client's queue was full.
    pub(crate) ticks_queue_full: u64,
    /// How far bursts were behind their due time, those that had to wait left out.
    pub(crate) lag_ms: Percentiles,
}

/// The receiving side.
#[derive(Debug, Serialize)]
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
    /// Delivered events without an outcome.
    pub(crate) lost: u64,
    /// The first ten of them.
    pub(crate) lost_first: Vec<u64>,
    /// Outcomes beyond the first of an event.
    pub(crate) duplicated: u64,
    /// Outcomes and bills that are not what they should be.
    pub(crate) wrong: u64,
    /// The same by reason.
    pub(crate) wrong_by: WrongBy,
    /// Results after a younger one of the same key.
    pub(crate) reordered: u64,
    /// Records of others.
    pub(crate) foreign: u64,
    /// Offsets never delivered to the checker.
    pub(crate) offsets_skipped: u64,
}

/// Results by header `status`.
#[derive(Debug, Serialize)]
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
#[derive(Debug, Serialize)]
pub(crate) struct WrongBy {
    /// A result for a malformed event, or a dead letter for a sound one.
    pub(crate) kind: u64,
    /// Not the event's key.
    pub(crate) key: u64,
    /// Not the expected value.
    pub(crate) value: u64,
    /// A header is missing.
    pub(crate) headers: u64,
    /// A sequence number that was never planned.
    pub(crate) sequence: u64,
    /// A bill that contradicts itself.
    pub(crate) bill: u64,
    /// A bill without a result.
    pub(crate) bill_unmatched: u64,
}

/// Results against bills.
#[derive(Debug, Serialize)]
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
}

/// Percentiles in milliseconds; all zero when nothing was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Percentiles {
    /// Measurements.
    pub(crate) count: u64,
    /// Mean.
    pub(crate) mean: f64,
    /// Median.
    pub(crate) p50: f64,
    /// 90th percentile.
    pub(crate) p90: f64,
    /// 99th percentile.
    pub(crate) p99: f64,
    /// 99.9th percentile.
    pub(crate) p999: f64,
    /// Largest.
    pub(crate) max: f64,
}

/// What the run cost this process.
#[derive(Debug, Serialize)]
pub(crate) struct Cpu {
    /// User and system time.
    pub(crate) seconds: f64,
    /// Per record sent or read.
    pub(crate) us_per_record: f64,
}

impl Percentiles {
    fn of(histogram_us: &Histogram<u64>) -> Self {
        let at = |quantile| histogram_us.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            count: histogram_us.len(),
            mean: histogram_us.mean() / 1e3,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram_us.max() as f64 / 1e3,
        }
    }
}

/// What the main thread adds to what the others hand over.
#[derive(Debug)]
pub(crate) struct Circumstances {
    /// Whether a signal ended the run.
    pub(crate) interrupted: bool,
    /// What the clients complained about.
    pub(crate) notes: Vec<String>,
    /// Time from the last event to the end.
    pub(crate) drain_seconds: f64,
    /// Processor time used, if known.
    pub(crate) cpu_seconds: Option<f64>,
}

impl Report {
    /// Draws up the report and judges it by the thresholds in `args`.
    pub(crate) fn new(
        args: &Args,
        plan: &Plan,
        producer: &ProducerId,
        sent: &Sent,
        read: &Read,
        circumstances: Circumstances,
    ) -> Self {
        let billing = args.billing_topic.is_some().then(|| billing(read));
        let records = sent.records + read.records;
        let mut report = Self {
            format: FORMAT,
            verdict: Verdict::Pass,
            violations: Vec::new(),
            notes: circumstances.notes,
            producer: producer.as_str().to_owned(),
            events: events(plan, sent),
            generator: punctuality(sent),
            outcomes: outcomes(sent, read, billing.as_ref()),
            billing,
            latency_ms: Percentiles::of(read.checker.latency_us()),
            latency_to_record_timestamp_ms: Percentiles::of(read.checker.written_us()),
            latency_to_acknowledgement_ms: Percentiles::of(&sent.acknowledged_us),
            drain_seconds: circumstances.drain_seconds,
            cpu: circumstances.cpu_seconds.map(|seconds| Cpu {
                seconds,
                us_per_record: seconds * 1e6 / (records.max(1)) as f64,
            }),
        };
        report.explain(plan);
        report.violations = report.judge(args);
        report.violations.extend(sent.gave_up.clone());
        report.verdict = match (circumstances.interrupted, report.violations.is_empty()) {
            (true, _) => Verdict::Interrupted,
            (false, true) => Verdict::Pass,
            (false, false) => Verdict::Fail,
        };
        report
    }

    /// Says aloud what would otherwise make the figures misleading.
    fn explain(&mut self, plan: &Plan) {
        let generator = &self.generator;
        if generator.late {
            self.notes.push(format!(
                "the generator was late in {:.1} % of its ticks: these figures measure the generator",
                generator.late_share * 100.0
            ));
        }
        if generator.held_back {
            self.notes.push(format!(
                "events were held back in {} of {} ticks by --outstanding-max: the loop was not open",
                generator.ticks_held_back, generator.ticks
            ));
        }
        if generator.ticks_queue_full > 0 {
            self.notes.push(format!(
                "the client's queue was full in {} ticks: Kafka did not take the rate",
                generator.ticks_queue_full
            ));
        }
        if self.outcomes.offsets_skipped > 0 {
            self.notes.push(format!(
                "{} offsets were skipped: transaction markers, compaction, or retention overtook the checker",
                self.outcomes.offsets_skipped
            ));
        }
        if self.events.unsent > 0 {
            self.notes.push(format!(
                "{} of {} planned events were not sent",
                self.events.unsent, plan.count
            ));
        }
        if let Some(billing) = &self.billing
            && billing.overflowed > 0
        {
            self.notes.push(format!(
                "{} ids found no room in the ledger of bills: missing and unmatched bills are upper bounds",
                billing.overflowed
            ));
        }
    }

    fn judge(&self, args: &Args) -> Vec<String> {
        let mut violations = Vec::new();
        let mut check = |what: &str, found: u64, max: u64| {
            if found > max {
                violations.push(format!("{what}: {found}, at most {max} allowed"));
            }
        };
        let billing = self.billing.as_ref();
        let missing = billing.map_or(0, |billing| billing.missing);
        let repeated = billing.map_or(0, |billing| billing.duplicated);
        check("lost", self.outcomes.lost + missing, args.max_lost);
        check(
            "duplicated",
            self.outcomes.duplicated + repeated,
            args.max_duplicated,
        );
        check("wrong", self.outcomes.wrong, args.max_wrong);
        check("undelivered events", self.events.undelivered, 0);
        if let Some(max_failed) = args.max_failed {
            let status = &self.outcomes.status;
            check("failed", status.failed + status.timed_out, max_failed);
        }
        if let Some(max_p99_ms) = args.max_p99_ms {
            let latency = &self.latency_ms;
            if latency.count == 0 {
                violations.push("p99: nothing was measured".to_owned());
            } else if latency.p99 > max_p99_ms {
                violations.push(format!(
                    "p99: {:.3} ms, at most {max_p99_ms} ms allowed",
                    latency.p99
                ));
            }
        }
        violations
    }
}

fn events(plan: &Plan, sent: &Sent) -> Events {
    // The last event stands for the interval that follows it, else n events would appear to
    // take n - 1 intervals.
    let seconds = sent.elapsed_ns as f64 / 1e9 + 1.0 / plan.rate.per_second();
    Events {
        planned: plan.count,
        sent: sent.records,
        undelivered: sent.undelivered.len(),
        unsent: plan.count - sent.records,
        requested_per_second: plan.rate.per_second(),
        achieved_per_second: sent.records as f64 / seconds,
        seconds,
    }
}

fn punctuality(sent: &Sent) -> Punctuality {
    let counted = sent.punctuality;
    let late_share = counted.ticks_late as f64 / counted.ticks.max(1) as f64;
    Punctuality {
        ticks: counted.ticks,
        ticks_late: counted.ticks_late,
        late_share,
        late: late_share > LATE_SHARE_MAX,
        ticks_held_back: counted.ticks_held_back,
        held_back: counted.ticks_held_back > 0,
        ticks_queue_full: counted.ticks_queue_full,
        lag_ms: Percentiles::of(&sent.lag_us),
    }
}

fn outcomes(sent: &Sent, read: &Read, billing: Option<&Billing>) -> Outcomes {
    let counts: &OutcomeCounts = read.checker.counts();
    let mut lost = read
        .checker
        .seen()
        .missing(sent.records)
        .filter(|sequence| !sent.undelivered.contains(*sequence));
    let lost_first: Vec<u64> = lost.by_ref().take(LOST_SHOWN_MAX).collect();
    let lost = lost_first.len() as u64 + lost.count() as u64;
    let bill_unmatched = match billing {
        // Bills of others look like this; only a topic of our own makes it a fault.
        Some(billing) if counts.foreign == 0 => billing.unmatched,
        _ => 0,
    };
    Outcomes {
        settled: counts.settled,
        results: counts.results,
        failures: counts.failures,
        dead_letters: counts.dead_letters,
        status: Statuses {
            succeeded: counts.succeeded,
            failed: counts.failed,
            timed_out: counts.timed_out,
            unstated: counts.unstated,
        },
        lost,
        lost_first,
        duplicated: counts.duplicated,
        wrong: counts.wrong.total() + bill_unmatched,
        wrong_by: WrongBy {
            kind: counts.wrong.kind,
            key: counts.wrong.key,
            value: counts.wrong.value,
            headers: counts.wrong.headers,
            sequence: counts.wrong.sequence,
            bill: counts.wrong.bill,
            bill_unmatched,
        },
        reordered: counts.reordered,
        foreign: counts.foreign,
        offsets_skipped: read.offsets_skipped,
    }
}

fn billing(read: &Read) -> Billing {
    let counts = read.checker.bill_counts();
    Billing {
        records: counts.records,
        matched: counts.matched,
        missing: counts.missing,
        duplicated: counts.duplicated,
        unmatched: counts.unmatched,
        overflowed: counts.overflowed,
    }
}

/// The layout of the JSON report.
pub(crate) const FORMAT: &str = "expressway-loadgen/1";

const LATE_SHARE_MAX: f64 = 0.01;
const LOST_SHOWN_MAX: usize = 10;
