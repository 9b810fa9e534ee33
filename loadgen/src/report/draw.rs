//! From what the threads hand over to the report.

use std::num::NonZero;

use hdrhistogram::Histogram;

use super::{
    Billing, Cpu, Events, FORMAT, GroupPart, Outcomes, Percentiles, Punctuality, Report,
    ScenarioPart, StagePart, Statuses, Verdict, WrongBy, judge,
};
use crate::bill_body::SUMS_TYPE;
use crate::checker::OutcomeCounts;
use crate::consumer::Read;
use crate::group::GroupCounts;
use crate::payload::date_time;
use crate::plan::Plan;
use crate::producer::Sent;
use crate::scenario::Scenario;
use crate::stamp::ProducerId;

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
    /// What the group under test had committed, if it was watched.
    pub(crate) group: Option<GroupCounts>,
}

/// Draws up the report and judges it by the scenario's thresholds.
pub(crate) fn draw(
    scenario: &Scenario,
    plan: &Plan,
    producer: &ProducerId,
    sent: &Sent,
    read: &Read,
    circumstances: Circumstances,
) -> Report {
    let has_bills = scenario.kafka.billing_topic.is_some();
    let outcomes = outcomes(sent, read, has_bills);
    let billing = has_bills.then(|| billing(read, &outcomes.wrong_by));
    let records = sent.records + read.records;
    let latency_us = read.checker.latency_us();
    let mut report = Report {
        format: FORMAT.to_owned(),
        verdict: Verdict::Pass,
        violations: Vec::new(),
        notes: circumstances.notes,
        producer: producer.as_str().to_owned(),
        scenario: scenario_part(scenario, plan),
        events: events(plan, sent),
        generator: punctuality(scenario, sent),
        outcomes,
        billing,
        group: group(scenario, circumstances.group),
        latency_ms: Percentiles::of(&latency_us),
        latency_curve: curve(&latency_us),
        latency_to_record_timestamp_ms: Percentiles::of(read.checker.written_us()),
        latency_to_acknowledgement_ms: Percentiles::of(&sent.acknowledged_us),
        stages: stages(plan, sent, read),
        comparison: None,
        drain_seconds: circumstances.drain_seconds,
        cpu: circumstances.cpu_seconds.map(|seconds| Cpu {
            seconds,
            records,
            us_per_record: seconds * 1e6 / (records.max(1)) as f64,
            us_per_event: seconds * 1e6 / (sent.records.max(1)) as f64,
        }),
    };
    explain(&mut report);
    report.notes.extend(hint_at_bills(scenario, &report));
    judge::judge(&mut report, scenario, sent.gave_up.as_deref(), circumstances.interrupted);
    report
}

impl Percentiles {
    /// Returns the percentiles of a histogram of microseconds.
    pub(crate) fn of(histogram_us: &Histogram<u64>) -> Self {
        let at = |quantile| histogram_us.value_at_quantile(quantile) as f64 / 1e3;
        if histogram_us.is_empty() {
            return Self::default();
        }
        Self {
            count: histogram_us.len(),
            mean: histogram_us.mean() / 1e3,
            min: histogram_us.min() as f64 / 1e3,
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: histogram_us.max() as f64 / 1e3,
        }
    }
}

/// Returns pairs of percentile and milliseconds, eight to every halving of the distance to 100,
/// as far as there are measurements beyond.
fn curve(histogram_us: &Histogram<u64>) -> Vec<(f64, f64)> {
    if histogram_us.is_empty() {
        return Vec::new();
    }
    let count = histogram_us.len() as f64;
    let at =
        |quantile: f64| (quantile * 100.0, histogram_us.value_at_quantile(quantile) as f64 / 1e3);
    let mut points: Vec<(f64, f64)> = (0..CURVE_POINTS_MAX)
        .map(|step| 1.0 - 0.5_f64.powf(f64::from(step) / 8.0))
        .take_while(|quantile| (1.0 - quantile) * count >= 1.0)
        .map(at)
        .collect();
    points.push(at(1.0));
    points
}

fn scenario_part(scenario: &Scenario, plan: &Plan) -> ScenarioPart {
    ScenarioPart {
        name: scenario.name.clone(),
        description: scenario.description.clone(),
        seed: plan.seed,
        started_at: date_time(plan.start_ns / 1_000_000),
        warmup_seconds: plan.warmup_ns as f64 / 1e9,
        load_hash: scenario.load_hash(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        cpus: std::thread::available_parallelism().map_or(1, NonZero::get),
    }
}

fn events(plan: &Plan, sent: &Sent) -> Events {
    let schedule = &plan.schedule;
    // By chance more may have come than was expected; what is left is at least one.
    let planned =
        if sent.complete { sent.records } else { schedule.planned().max(sent.records + 1) };
    let end_ns = end_of_sending(plan, sent);
    let seconds = schedule.seconds_of(sent.complete, sent.elapsed_ns);
    Events {
        planned,
        sent: sent.records,
        undelivered: sent.undelivered.len(),
        unacknowledged: sent.unacknowledged.len(),
        unsent: planned - sent.records,
        stray_reports: sent.stray_reports,
        requested_per_second: schedule.expected_until(end_ns) / (end_ns as f64 / 1e9),
        achieved_per_second: sent.records as f64 / seconds,
        seconds,
    }
}

/// Returns where the schedule ended: at its end, or where sending was stopped or given up.
fn end_of_sending(plan: &Plan, sent: &Sent) -> u64 {
    let planned_ns = plan.schedule.planned_ns();
    let end_ns = if sent.complete { planned_ns } else { planned_ns.min(sent.stopped_ns) };
    // Nobody divides by nothing.
    end_ns.max(1)
}

fn punctuality(scenario: &Scenario, sent: &Sent) -> Punctuality {
    let counted = sent.punctuality;
    let late_share = counted.ticks_late as f64 / counted.ticks.max(1) as f64;
    Punctuality {
        ticks: counted.ticks,
        ticks_late: counted.ticks_late,
        late_share,
        late_share_max: scenario.late_share_max,
        late: late_share > scenario.late_share_max,
        ticks_held_back: counted.ticks_held_back,
        held_back: counted.ticks_held_back > 0,
        ticks_queue_full: counted.ticks_queue_full,
        lag_ms: Percentiles::of(&sent.lag_us),
    }
}

/// Returns the numbers of acknowledged events without an outcome.
fn lost<'a>(sent: &'a Sent, read: &'a Read) -> impl Iterator<Item = u64> + 'a {
    let missing = read.checker.seen().missing(sent.records);
    missing.filter(|sequence| sent.is_acknowledged(*sequence))
}

fn outcomes(sent: &Sent, read: &Read, has_bills: bool) -> Outcomes {
    let counts: &OutcomeCounts = read.checker.counts();
    let mut lost = lost(sent, read);
    let lost_first: Vec<u64> = lost.by_ref().take(LOST_SHOWN_MAX).collect();
    let lost = lost_first.len() as u64 + lost.count() as u64;
    // Bills of others look like this; only a topic of our own makes it a fault.
    let is_ours = has_bills && counts.foreign == 0;
    let bill_unmatched = if is_ours { read.checker.bill_counts().unmatched } else { 0 };
    // An outcome of an event that was never sent can only be an invention.
    let invented = read.checker.seen().len() - read.checker.seen().count_below(sent.records);
    let wrong_by = WrongBy {
        kind: counts.wrong.kind,
        key: counts.wrong.key,
        value: counts.wrong.value,
        headers: counts.wrong.headers,
        sequence: counts.wrong.sequence + invented,
        bill: counts.wrong.bill,
        bill_unmatched,
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
        wrong: wrong_by.outcomes(),
        wrong_by,
        reordered: counts.reordered,
        foreign: counts.foreign,
        offsets_skipped: read.offsets_skipped,
    }
}

fn billing(read: &Read, wrong_by: &WrongBy) -> Billing {
    let counts = read.checker.bill_counts();
    let mut billing = Billing {
        records: counts.records,
        matched: counts.matched,
        missing: counts.missing,
        duplicated: counts.duplicated,
        unmatched: counts.unmatched,
        overflowed: counts.overflowed,
        sums: read.checker.bill_sums(),
        faults: 0,
    };
    billing.faults = billing.count_faults(wrong_by);
    billing
}

fn group(scenario: &Scenario, counts: Option<GroupCounts>) -> Option<GroupPart> {
    let GroupCounts { samples, regressions, lag_max, lag_last, committed } = counts?;
    let name = scenario.kafka.group.clone()?;
    Some(GroupPart { name, samples, regressions, lag_max, lag_last, committed })
}

fn stages(plan: &Plan, sent: &Sent, read: &Read) -> Vec<StagePart> {
    let lost = lost_by_stage(sent, read);
    let schedule = &plan.schedule;
    // With a count, chance may take longer than the schedule is meant to.
    let end_ns = if sent.complete {
        schedule.planned_ns().max(sent.elapsed_ns)
    } else {
        end_of_sending(plan, sent)
    };
    let ledgers = read.checker.stages().iter().zip(&sent.records_by_stage).zip(lost);
    let parts = schedule.stages().iter().zip(ledgers).map(|(stage, ((ledger, sent), lost))| {
        let end_ns = end_ns.clamp(stage.start_ns, stage.start_ns + stage.duration_ns);
        let seconds = (end_ns - stage.start_ns) as f64 / 1e9;
        let expected = schedule.expected_until(end_ns) - schedule.expected_until(stage.start_ns);
        StagePart {
            name: stage.name.clone(),
            start_seconds: stage.start_ns as f64 / 1e9,
            seconds,
            requested_per_second: if seconds > 0.0 { expected / seconds } else { 0.0 },
            sent: *sent,
            settled: ledger.counts.settled,
            results: ledger.counts.results,
            dead_letters: ledger.counts.dead_letters,
            failed: ledger.counts.failed,
            lost,
            duplicated: ledger.counts.duplicated,
            reordered: ledger.counts.reordered,
            wrong: ledger.counts.wrong,
            latency_ms: Percentiles::of(&ledger.latency_us),
        }
    });
    parts.collect()
}

/// Events are numbered in the order of their due times, so each stage has a range of numbers.
fn lost_by_stage(sent: &Sent, read: &Read) -> Vec<u64> {
    let mut ends = Vec::with_capacity(sent.records_by_stage.len());
    let mut end = 0;
    for records in &sent.records_by_stage {
        end += records;
        ends.push(end);
    }
    let mut counts = vec![0; ends.len()];
    for sequence in lost(sent, read) {
        let stage = ends.partition_point(|end| *end <= sequence);
        if let Some(count) = counts.get_mut(stage) {
            *count += 1;
        }
    }
    counts
}

/// Says aloud what would otherwise make the figures misleading.
fn explain(report: &mut Report) {
    let generator = &report.generator;
    let mut notes = Vec::new();
    if generator.late {
        notes.push(format!(
            "the generator was late in {:.1} % of its ticks: these figures measure the generator",
            generator.late_share * 100.0
        ));
    }
    if generator.held_back {
        notes.push(format!(
            "events were held back in {} of {} ticks by --outstanding-max: the loop was not open",
            generator.ticks_held_back, generator.ticks
        ));
    }
    if generator.ticks_queue_full > 0 {
        notes.push(format!(
            "the client's queue was full in {} ticks: Kafka did not take the rate",
            generator.ticks_queue_full
        ));
    }
    if report.outcomes.offsets_skipped > 0 {
        notes.push(format!(
            "{} offsets were skipped: transaction markers, compaction, or retention overtook the checker",
            report.outcomes.offsets_skipped
        ));
    }
    if report.events.unsent > 0 {
        notes.push(format!(
            "{} of {} planned events were not sent",
            report.events.unsent, report.events.planned
        ));
    }
    if report.events.stray_reports > 0 {
        notes.push(format!(
            "{} delivery reports were of no event in flight: the client told them twice, the first counts",
            report.events.stray_reports
        ));
    }
    if let Some(group) = &report.group
        && !group.committed
    {
        notes.push(format!(
            "group {} has committed nothing on the topic: its lag counts from the start of the run",
            group.name
        ));
    }
    if let Some(billing) = &report.billing
        && billing.overflowed > 0
    {
        notes.push(format!(
            "{} ids found no room in the ledger of bills: missing and unmatched bills are upper bounds",
            billing.overflowed
        ));
    }
    report.notes.extend(notes);
}

/// Says why bills may be missing as a whole, and which setting to change.
pub(crate) fn hint_at_bills(scenario: &Scenario, report: &Report) -> Option<String> {
    let (billing, topic) = (report.billing.as_ref()?, scenario.kafka.billing_topic.as_ref()?);
    if billing.sums > 0 {
        return Some(format!(
            "{} of {} bills on {topic} were seen to be sums over many executions (type {SUMS_TYPE}*), which match no result: set billing_per = \"execution\" in the pipeline, or leave --billing-topic (kafka.billing_topic) out",
            billing.sums, billing.records
        ));
    }
    (billing.records == 0 && billing.missing > 0).then(|| {
        format!(
            "no bill at all came on {topic}: see whether it is the pipeline's billing_topic, and billing_per is \"execution\" there; sums of a \"minute\" come late and match no result"
        )
    })
}

/// Enough for as many measurements as a histogram can count.
const CURVE_POINTS_MAX: u32 = 512;
const LOST_SHOWN_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::latency_histogram;

    #[test]
    fn the_curve_rises_to_the_maximum_and_goes_as_far_as_measurements_do() {
        let mut histogram = latency_histogram();
        for value in 1..=10_000 {
            histogram.record(value).unwrap();
        }
        let curve = curve(&histogram);
        assert!(curve.is_sorted());
        assert!(curve[0].0 < 1e-9);
        let (percentile, ms) = curve[curve.len() - 2];
        assert!((99.98..100.0).contains(&percentile) && ms <= 10.008, "{percentile} {ms}");
        assert!(curve.last().unwrap().0 > 100.0 - 1e-9);
        assert!(curve.len() < 130);
        assert!(super::curve(&latency_histogram()).is_empty());
    }

    #[test]
    fn percentiles_of_nothing_are_zero() {
        let nothing = Percentiles::of(&latency_histogram());
        assert_eq!((nothing.count, nothing.max), (0, 0.0));
    }
}
