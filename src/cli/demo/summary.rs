//! What a demo came to: events, results, percentiles, and the bill.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Value, json};

use super::machine;
use crate::base::tally::ShardReader;
use crate::cli::{Failure, write_json};
use crate::outcome::{DURATION_STEP_MS, Invoice, MEMORY_STEP_MB, US_EAST_1};

/// What the shards have counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) ended: u64,
    pub(super) open: u64,
    mb_milliseconds: u64,
    busy_ns: u64,
}

impl Counts {
    pub(super) fn read(readers: &[ShardReader], machines: usize) -> Self {
        let mut counts = Self::default();
        for reader in readers {
            counts.busy_ns += reader.shard().busy_ns;
            for index in 0..machines {
                let machine = reader.machine(machine(index));
                counts.ended += machine.ended.iter().sum::<u64>();
                counts.open += machine.open();
                counts.mb_milliseconds += machine.billed_mb_ms;
            }
        }
        counts
    }

    fn invoice(&self) -> Invoice {
        let unit = u128::from(MEMORY_STEP_MB * DURATION_STEP_MS);
        Invoice { requests: self.ended, units: u128::from(self.mb_milliseconds) / unit }
    }

    /// What AWS would have charged, with so many places.
    pub(super) fn dollars(&self, places: u32) -> String {
        self.invoice().total(&US_EAST_1).to_text(places)
    }
}

/// Everything that is told at the end.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) counts: Counts,
    /// Reports of the load generators by pipeline.
    pub(super) reports: BTreeMap<&'static str, Value>,
    /// CPU time of this process: broker, service and echo server.
    pub(super) cpu_seconds: f64,
    /// Why the service had to stop, if it had to.
    pub(super) stopped: Option<String>,
}

impl Summary {
    /// Whether nothing was lost, duplicated or wrong.
    pub(super) fn is_clean(&self) -> bool {
        self.stopped.is_none() && self.reports.values().all(|report| report["verdict"] == "pass")
    }

    pub(super) fn write(&self, as_json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        if as_json {
            return self.write_json(out);
        }
        writeln!(
            out,
            "\n{:<10} {:>9} {:>9} {:>6} {:>11} {:>7} {:>9} {:>9} {:>9}",
            "pipeline",
            "events",
            "results",
            "lost",
            "duplicated",
            "wrong",
            "p50 ms",
            "p99 ms",
            "p99.9 ms"
        )?;
        for (name, report) in &self.reports {
            let outcomes = &report["outcomes"];
            let number = |value: &Value| value.as_u64().unwrap_or_default();
            let bills = |field: &str| number(&report["billing"][field]);
            let latency = |field: &str| report["latency_ms"][field].as_f64().unwrap_or_default();
            writeln!(
                out,
                "{name:<10} {:>9} {:>9} {:>6} {:>11} {:>7} {:>9.1} {:>9.1} {:>9.1}",
                number(&report["events"]["sent"]),
                number(&outcomes["results"]) + number(&outcomes["failures"]),
                number(&outcomes["lost"]) + bills("missing"),
                number(&outcomes["duplicated"]) + bills("duplicated"),
                number(&outcomes["wrong"])
                    + number(&outcomes["wrong_by"]["bill"])
                    + number(&outcomes["wrong_by"]["bill_unmatched"]),
                latency("p50"),
                latency("p99"),
                latency("p999"),
            )?;
        }
        let ended = self.counts.ended;
        writeln!(out, "\nexecutions                 {ended:>12}")?;
        writeln!(
            out,
            "per CPU-second, all of it  {:>12.0}   broker, service and echo server",
            ended as f64 / self.cpu_seconds
        )?;
        let busy_seconds = self.counts.busy_ns as f64 / 1e9;
        writeln!(
            out,
            "per CPU-second, the shard  {:>12.0}   running workflows and encoding what comes out",
            ended as f64 / busy_seconds
        )?;
        self.write_bill(out)?;
        for (name, report) in &self.reports {
            for note in report["notes"]
                .as_array()
                .into_iter()
                .flatten()
                .chain(report["violations"].as_array().into_iter().flatten())
            {
                writeln!(out, "note on {name}: {}", note.as_str().unwrap_or_default())?;
            }
        }
        if let Some(stopped) = &self.stopped {
            writeln!(out, "the service had to stop: {stopped}")?;
        }
        let verdict = if self.is_clean() {
            "nothing lost, nothing duplicated"
        } else {
            "NOT CLEAN: see above"
        };
        writeln!(out, "\n{verdict}")?;
        Ok(())
    }

    fn write_bill(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let invoice = self.counts.invoice();
        writeln!(out, "\nthe bill, as AWS would have charged it (us-east-1)")?;
        writeln!(
            out,
            "  {:>14} requests                ${:>10}",
            invoice.requests,
            invoice.request_cost(&US_EAST_1).to_text(6)
        )?;
        for (tier, (units, cost)) in US_EAST_1.tiers.iter().zip(invoice.tier_costs(&US_EAST_1)) {
            let gb_seconds = Invoice { requests: 0, units }.gb_seconds();
            let price = tier.per_gb_hour.to_string();
            writeln!(out, "  {gb_seconds:>14} GB-s at ${price:0<8}/GB-h ${:>10}", cost.to_text(6))?;
        }
        writeln!(
            out,
            "  {:>14} total                   ${:>10}",
            "",
            invoice.total(&US_EAST_1).to_text(6)
        )?;
        Ok(())
    }

    fn write_json(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let invoice = self.counts.invoice();
        let document = json!({
            "clean": self.is_clean(),
            "stopped": self.stopped,
            "executions": self.counts.ended,
            "cpu_seconds": self.cpu_seconds,
            "shard_busy_seconds": self.counts.busy_ns as f64 / 1e9,
            "bill": {
                "requests": invoice.requests,
                "gb_seconds": invoice.gb_seconds(),
                "dollars": invoice.total(&US_EAST_1).to_text(6),
            },
            "pipelines": self.reports,
        });
        write_json(out, &document)
    }
}

/// CPU time of this process.
pub(super) fn cpu_seconds() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}
