//! What the rounds came to, and whether the target holds.

use std::io::{self, Write};

use serde_json::json;

use super::Measured;
use super::party::PartyKind;

/// One turn of everybody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) relay: Measured,
    pub(crate) service: Measured,
    pub(crate) engine_micros: f64,
}

/// The highest rate that a party sustained, and the first that it did not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ceiling {
    pub(crate) kind: PartyKind,
    pub(crate) reached: Option<Measured>,
    pub(crate) refused_rate: u64,
}

/// The whole bench.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) rate: u64,
    pub(crate) event_bytes: usize,
    pub(crate) rounds: Vec<Round>,
    pub(crate) ceilings: Vec<Ceiling>,
}

impl Report {
    /// Writes a table for people or a document for machines.
    pub(crate) fn write(&self, as_json: bool, out: &mut impl Write) -> io::Result<()> {
        if as_json { self.write_json(out) } else { self.write_table(out) }
    }

    fn median(&self, figure: impl Fn(&Round) -> f64) -> f64 {
        let mut sorted: Vec<f64> = self.rounds.iter().map(figure).collect();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn relay_micros(&self) -> f64 {
        self.median(|round| round.relay.cpu_micros)
    }

    fn service_micros(&self) -> f64 {
        self.median(|round| round.service.cpu_micros)
    }

    fn engine_micros(&self) -> f64 {
        self.median(|round| round.engine_micros)
    }

    /// Relay, engine with its share, and half a microsecond.
    fn target_micros(&self) -> f64 {
        self.relay_micros() + ENGINE_FACTOR * self.engine_micros() + ALLOWANCE_MICROS
    }

    fn is_sustained(&self) -> bool {
        self.rounds.iter().all(|round| round.relay.is_sustained && round.service.is_sustained)
    }

    fn holds(&self) -> bool {
        self.service_micros() <= self.target_micros()
    }

    fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "Kafka -> engine -> Kafka: passthrough, {} B events, {}/s asked for, lz4, results + billing",
            self.event_bytes, self.rate
        )?;
        writeln!(
            out,
            "{:<8} {:>12} {:>12} {:>12} {:>11} {:>11} {:>12}",
            "round", "relay us", "service us", "engine us", "relay /s", "service /s", "outstanding"
        )?;
        for (number, round) in self.rounds.iter().enumerate() {
            writeln!(
                out,
                "{:<8} {:>12.2} {:>12.2} {:>12.2} {:>11.0} {:>11.0} {:>12}",
                number + 1,
                round.relay.cpu_micros,
                round.service.cpu_micros,
                round.engine_micros,
                round.relay.per_second,
                round.service.per_second,
                round.service.outstanding,
            )?;
        }
        let (relay, service, engine) =
            (self.relay_micros(), self.service_micros(), self.engine_micros());
        writeln!(out, "{:<8} {relay:>12.2} {service:>12.2} {engine:>12.2}", "median")?;
        writeln!(
            out,
            "target   service <= relay + {ENGINE_FACTOR} x engine + {ALLOWANCE_MICROS} = {:.2} us: {}",
            self.target_micros(),
            if self.holds() { "holds" } else { "MISSED" },
        )?;
        if !self.is_sustained() {
            writeln!(out, "NOTE     the rate was not sustained in every round; ask for less")?;
        }
        for ceiling in &self.ceilings {
            match ceiling.reached {
                Some(reached) => writeln!(
                    out,
                    "maximum  {:<8} one I/O thread: {:.0}/s at {:.2} us, {}/s not sustained",
                    ceiling.kind.name(),
                    reached.per_second,
                    reached.cpu_micros,
                    ceiling.refused_rate,
                )?,
                None => writeln!(
                    out,
                    "maximum  {:<8} one I/O thread: below {}/s",
                    ceiling.kind.name(),
                    ceiling.refused_rate,
                )?,
            }
        }
        Ok(())
    }

    fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let measured = |measured: &Measured| {
            json!({
                "cpu_micros_per_event": measured.cpu_micros,
                "events_per_second": measured.per_second,
                "outstanding": measured.outstanding,
                "sustained": measured.is_sustained,
            })
        };
        let rounds: Vec<_> = self
            .rounds
            .iter()
            .map(|round| {
                json!({
                    "relay": measured(&round.relay),
                    "service": measured(&round.service),
                    "engine_cpu_micros": round.engine_micros,
                })
            })
            .collect();
        let ceilings: Vec<_> = self
            .ceilings
            .iter()
            .map(|ceiling| {
                json!({
                    "party": ceiling.kind.name(),
                    "reached": ceiling.reached.as_ref().map(measured),
                    "refused_per_second": ceiling.refused_rate,
                })
            })
            .collect();
        let document = json!({
            "event_bytes": self.event_bytes,
            "requested_per_second": self.rate,
            "sustained": self.is_sustained(),
            "relay_cpu_micros": self.relay_micros(),
            "service_cpu_micros": self.service_micros(),
            "engine_cpu_micros": self.engine_micros(),
            "target_cpu_micros": self.target_micros(),
            "holds": self.holds(),
            "rounds": rounds,
            "maximum": ceilings,
        });
        writeln!(out, "{document}")
    }
}

const ENGINE_FACTOR: f64 = 1.3;
const ALLOWANCE_MICROS: f64 = 0.5;
