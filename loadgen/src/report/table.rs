//! The report for people: the same figures as the JSON one, on one screen.

use std::fmt::{self, Display, Formatter};

use super::{Billing, Events, Outcomes, Percentiles, Punctuality, Report, StagePart, Verdict};

/// Shows a report as text.
#[derive(Debug)]
pub(crate) struct Table<'a>(pub(crate) &'a Report);

impl Display for Table<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        write_events(f, &report.events)?;
        write_punctuality(f, &report.generator)?;
        write_outcomes(f, &report.outcomes)?;
        if let Some(billing) = &report.billing {
            write_billing(f, billing, report.outcomes.wrong_by.bill)?;
        }
        if let Some(group) = &report.group {
            writeln!(
                f,
                "group       {}: lag at most {}, at the end {}, offsets gone backwards {}",
                group.name, group.lag_max, group.lag_last, group.regressions
            )?;
        }
        writeln!(f)?;
        writeln!(
            f,
            "{:<32} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "latency in ms, from due time", "p50", "p90", "p99", "p99.9", "max"
        )?;
        write_latency(f, "to the result, consumed", &report.latency_ms)?;
        write_latency(f, "to the result's timestamp", &report.latency_to_record_timestamp_ms)?;
        write_latency(f, "to the event's acknowledgement", &report.latency_to_acknowledgement_ms)?;
        if report.stages.len() > 1 {
            write_stages(f, &report.stages)?;
        }
        if let Some(comparison) = &report.comparison {
            write!(f, "{comparison}")?;
        }
        write_ending(f, report)
    }
}

fn write_events(f: &mut Formatter<'_>, events: &Events) -> fmt::Result {
    writeln!(
        f,
        "events      sent {} of {}, undelivered {}, unacknowledged {}",
        events.sent, events.planned, events.undelivered, events.unacknowledged
    )?;
    writeln!(
        f,
        "rate        requested {:.1}/s, achieved {:.1}/s over {:.2} s",
        events.requested_per_second, events.achieved_per_second, events.seconds
    )
}

fn write_punctuality(f: &mut Formatter<'_>, generator: &Punctuality) -> fmt::Result {
    writeln!(
        f,
        "generator   late in {:.2} % of {} ticks, held back in {}, worst lag {:.1} ms",
        generator.late_share * 100.0,
        generator.ticks,
        generator.ticks_held_back,
        generator.lag_ms.max
    )
}

fn write_outcomes(f: &mut Formatter<'_>, outcomes: &Outcomes) -> fmt::Result {
    let status = &outcomes.status;
    writeln!(
        f,
        "outcomes    on result topics {}, on the failure topic {}, dead letters {}",
        outcomes.results, outcomes.failures, outcomes.dead_letters
    )?;
    writeln!(
        f,
        "by status   succeeded {}, failed {}, timed out {}, unstated {}",
        status.succeeded, status.failed, status.timed_out, status.unstated
    )?;
    writeln!(
        f,
        "checked     lost {}, duplicated {}, wrong {}, reordered {}, of others {}",
        outcomes.lost, outcomes.duplicated, outcomes.wrong, outcomes.reordered, outcomes.foreign
    )?;
    let by = &outcomes.wrong_by;
    if outcomes.wrong > 0 {
        writeln!(
            f,
            "  wrong     kind {}, key {}, value {}, headers {}, sequence {}",
            by.kind, by.key, by.value, by.headers, by.sequence
        )?;
    }
    if !outcomes.lost_first.is_empty() {
        writeln!(f, "  lost      {:?} first", outcomes.lost_first)?;
    }
    Ok(())
}

fn write_billing(f: &mut Formatter<'_>, billing: &Billing, malformed: u64) -> fmt::Result {
    writeln!(
        f,
        "bills       matched {}, missing {}, duplicated {}, without result {}, malformed {malformed}; faults {}",
        billing.matched, billing.missing, billing.duplicated, billing.unmatched, billing.faults
    )
}

fn write_latency(f: &mut Formatter<'_>, name: &str, latency: &Percentiles) -> fmt::Result {
    write!(f, "  {name:<30}")?;
    if latency.count == 0 {
        return writeln!(f, "  nothing measured");
    }
    let shown = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max];
    for value in shown {
        write!(f, " {value:>9.2}")?;
    }
    writeln!(f)
}

fn write_stages(f: &mut Formatter<'_>, stages: &[StagePart]) -> fmt::Result {
    writeln!(f)?;
    writeln!(
        f,
        "{:<24} {:>10} {:>10} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}",
        "stage", "rate/s", "events", "lost", "dupl.", "wrong", "p50", "p99", "max"
    )?;
    for stage in stages {
        write!(
            f,
            "  {:<22} {:>10.1} {:>10} {:>8} {:>8} {:>8}",
            stage.name,
            stage.requested_per_second,
            stage.sent,
            stage.lost,
            stage.duplicated,
            stage.wrong
        )?;
        if stage.latency_ms.count == 0 {
            writeln!(f, "  nothing measured")?;
        } else {
            let latency = &stage.latency_ms;
            writeln!(f, " {:>9.2} {:>9.2} {:>9.2}", latency.p50, latency.p99, latency.max)?;
        }
    }
    Ok(())
}

fn write_ending(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    writeln!(f)?;
    if let Some(cpu) = &report.cpu {
        writeln!(
            f,
            "cpu         {:.2} s, {:.2} us for each of {} records sent or read, {:.2} us per event",
            cpu.seconds, cpu.us_per_record, cpu.records, cpu.us_per_event
        )?;
    }
    for note in &report.notes {
        writeln!(f, "note        {note}")?;
    }
    for violation in &report.violations {
        writeln!(f, "violation   {violation}")?;
    }
    let verdict = match report.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "FAIL",
        Verdict::Invalid => "INVALID",
        Verdict::Interrupted => "interrupted",
    };
    writeln!(f, "verdict     {verdict}")
}
