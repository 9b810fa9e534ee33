//! The Kafka path beside a bare relay: Kafka → engine → Kafka against Kafka → copy → Kafka.
//!
//! Service, relay, broker and feeder are processes of their own; only the CPU time of the first two
//! is counted, between two marks in a steady state, per result that reached the broker. They run in
//! turns (A B A B …), each on a fresh broker, and the engine's own cost is measured in between.
//! `make bench-kafka` runs it; flags follow `--kafka`.

mod broker;
mod feeder;
mod party;
mod report;

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use broker::Broker;
use feeder::Feeder;
use party::{Party, PartyKind, engine_micros};
use report::{Ceiling, Report, Round};

/// Flags of the bench.
#[derive(Debug, Parser)]
#[command(name = "suite --kafka")]
struct Args {
    /// Select this bench; given by whoever reads this.
    #[arg(long)]
    kafka: bool,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
    /// Events per second.
    #[arg(long, default_value_t = 50_000)]
    rate: u64,
    /// Rounds of relay and service each.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds between the marks of a round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Leave the search for the maximum rate out.
    #[arg(long)]
    fixed_rate_only: bool,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

/// Runs the bench and prints its report.
pub(crate) fn run(arguments: &[String], out: &mut impl Write) -> Result<()> {
    let args =
        Args::parse_from(std::iter::once("suite").chain(arguments.iter().map(String::as_str)));
    let span = Duration::from_secs(args.seconds.max(1));
    let mut rounds = Vec::with_capacity(args.rounds);
    for _ in 0..args.rounds.max(1) {
        rounds.push(Round {
            relay: fixed(PartyKind::Relay, args.rate, span)?,
            service: fixed(PartyKind::Service, args.rate, span)?,
            engine_micros: engine_micros()?,
        });
    }
    let ceilings = if args.fixed_rate_only {
        Vec::new()
    } else {
        let ceiling = |kind| climb(kind, args.rate);
        vec![ceiling(PartyKind::Relay)?, ceiling(PartyKind::Service)?]
    };
    let report = Report { rate: args.rate, event_bytes: feeder::event().len(), rounds, ceilings };
    report.write(args.json, out).context("cannot write the report")
}

/// What one party did between two marks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// CPU time of the party's process per event, in microseconds.
    pub(crate) cpu_micros: f64,
    /// Events whose result reached the broker, per second.
    pub(crate) per_second: f64,
    /// Events sent and without result, at the second mark.
    pub(crate) outstanding: u64,
    /// Whether the rate was sent and answered: what is outstanding did not grow.
    pub(crate) is_sustained: bool,
}

fn fixed(kind: PartyKind, rate: u64, span: Duration) -> Result<Measured> {
    let broker = Broker::start()?;
    let party = Party::start(kind, broker.address())?;
    let feeder = Feeder::start(broker.address(), rate)?;
    wait_for_results(&feeder, kind)?;
    std::thread::sleep(WARM_UP);
    measure(&party, &feeder, rate, span)
}

/// Marks, waits, marks again.
fn measure(party: &Party, feeder: &Feeder, rate: u64, span: Duration) -> Result<Measured> {
    let before = (feeder.mark()?, party.cpu_seconds()?);
    std::thread::sleep(span);
    let after = (feeder.mark()?, party.cpu_seconds()?);
    let results = (after.0.results - before.0.results) as f64;
    ensure!(results > 0.0, "no result came between the marks");
    let seconds = (after.0.at - before.0.at).as_secs_f64();
    let sent_per_second = (after.0.sent - before.0.sent) as f64 / seconds;
    let grown = after.0.outstanding().saturating_sub(before.0.outstanding()) as f64;
    Ok(Measured {
        cpu_micros: (after.1 - before.1) * 1e6 / results,
        per_second: results / seconds,
        outstanding: after.0.outstanding(),
        is_sustained: sent_per_second >= 0.98 * rate as f64
            && grown <= GROWTH_SHARE_MAX * rate as f64 * seconds,
    })
}

/// Raises the rate until it is not sustained any more.
fn climb(kind: PartyKind, from: u64) -> Result<Ceiling> {
    let broker = Broker::start()?;
    let party = Party::start(kind, broker.address())?;
    let feeder = Feeder::start(broker.address(), from)?;
    wait_for_results(&feeder, kind)?;
    let mut reached = None;
    let mut rate = from;
    for _ in 0..STEPS_MAX {
        feeder.set_rate(rate);
        std::thread::sleep(WARM_UP);
        let step = measure(&party, &feeder, rate, STEP)?;
        if !step.is_sustained {
            break;
        }
        reached = Some(step);
        rate += (rate / 5).next_multiple_of(1_000);
    }
    Ok(Ceiling { kind, reached, refused_rate: rate })
}

fn wait_for_results(feeder: &Feeder, kind: PartyKind) -> Result<()> {
    let deadline = std::time::Instant::now() + START_MAX;
    while feeder.mark()?.results == 0 {
        ensure!(std::time::Instant::now() < deadline, "the {} did not start", kind.name());
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Growth of what is outstanding that still counts as steady, as a share of what was sent.
const GROWTH_SHARE_MAX: f64 = 0.03;
const WARM_UP: Duration = Duration::from_millis(1_500);
const STEP: Duration = Duration::from_secs(3);
const STEPS_MAX: usize = 20;
const START_MAX: Duration = Duration::from_secs(20);
