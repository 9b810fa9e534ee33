//! The measuring frame: contestants take turns on one workload, and CPU time decides.
//!
//! Rounds are interleaved (A B C A B C …), so that a busy moment of the machine hits all alike,
//! and ratios are taken within a round. Absolute figures belong to one machine; ratios travel.

use std::hint::black_box;
use std::io::{self, Write};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Something that turns the bytes of an event into the bytes of a result.
pub(crate) trait Contestant {
    /// Returns the name it has in the table.
    fn name(&self) -> &'static str;

    /// Returns how many events one call of [`Contestant::run`] goes through.
    fn runs_per_call(&self) -> u64 {
        1
    }

    /// Appends the result of the event to `out`; with several runs a call, that of the last.
    fn run(&mut self, event: &[u8], out: &mut Vec<u8>) -> Result<()>;
}

/// One event and what must come out of it.
pub(crate) struct Workload {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// The event that every run gets.
    pub(crate) event: Vec<u8>,
    /// What the job makes of the event, compared as JSON.
    pub(crate) expected: Value,
    /// The contestant that the ratios are taken against.
    pub(crate) baseline: &'static str,
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    rounds: usize,
    round_cpu_ns: u64,
}

impl Effort {
    /// Enough for a figure: sixty rounds of about 10 ms each. Short ones, so that some of them see
    /// nothing else on the machine.
    pub(crate) const FULL: Self = Self { rounds: 60, round_cpu_ns: 10_000_000 };
    /// Enough to see that it still runs.
    pub(crate) const QUICK: Self = Self { rounds: 2, round_cpu_ns: 0 };
}

/// What the rounds of one contestant came to.
#[derive(Debug)]
pub(crate) struct Figure {
    name: &'static str,
    run_ns: Vec<f64>,
    /// Of the last output: contestants that write the same text agree.
    hash: u64,
}

/// A contestant at its work, and what it must write.
pub(crate) struct Entry {
    contestant: Box<dyn Contestant>,
    writes: Writes,
}

/// What a contestant must write.
enum Writes {
    /// The workload's expected output.
    Expected,
    /// The event.
    Event,
    /// This.
    Own(Value),
}

impl Entry {
    /// Enters a contestant that must produce the workload's expected output.
    pub(crate) fn job(contestant: impl Contestant + 'static) -> Self {
        Self { contestant: Box::new(contestant), writes: Writes::Expected }
    }

    /// Enters a contestant that only marks a bound: it must write the event back.
    pub(crate) fn bound(contestant: impl Contestant + 'static) -> Self {
        Self { contestant: Box::new(contestant), writes: Writes::Event }
    }

    /// Enters a contestant that has an event of its own and must make `expected` of it.
    pub(crate) fn other(contestant: impl Contestant + 'static, expected: Value) -> Self {
        Self { contestant: Box::new(contestant), writes: Writes::Own(expected) }
    }
}

/// Checks every output, then measures all entries in turns and prints their table.
pub(crate) fn compare(
    workload: &Workload,
    entries: &mut [Entry],
    effort: Effort,
    table: &mut impl Write,
) -> Result<()> {
    for entry in &mut *entries {
        check_output(workload, entry)?;
    }
    let mut lanes = Vec::with_capacity(entries.len());
    for entry in entries {
        lanes.push(Lane::start(entry.contestant.as_mut(), &workload.event, effort)?);
    }
    for _ in 0..effort.rounds {
        for lane in &mut lanes {
            lane.round(&workload.event)?;
        }
    }
    let figures: Vec<Figure> = lanes.into_iter().map(Lane::finish).collect();
    print_table(workload, &figures, table).context("cannot write the table")
}

fn check_output(workload: &Workload, entry: &mut Entry) -> Result<()> {
    let name = entry.contestant.name();
    let mut out = Vec::new();
    entry.contestant.run(&workload.event, &mut out).context(name)?;
    let got: Value = serde_json::from_slice(&out).context(name)?;
    let matches = match &entry.writes {
        Writes::Expected => got == workload.expected,
        Writes::Event => got == serde_json::from_slice::<Value>(&workload.event)?,
        Writes::Own(expected) => got == *expected,
    };
    ensure!(matches, "{}: {name} wrote {}", workload.name, String::from_utf8_lossy(&out));
    Ok(())
}

/// One contestant during the measurement.
struct Lane<'a> {
    contestant: &'a mut dyn Contestant,
    out: Vec<u8>,
    runs_per_round: u64,
    run_ns: Vec<f64>,
}

impl<'a> Lane<'a> {
    /// Warms up and settles how many runs make a round.
    fn start(contestant: &'a mut dyn Contestant, event: &[u8], effort: Effort) -> Result<Self> {
        let mut lane = Self { contestant, out: Vec::new(), runs_per_round: 3, run_ns: Vec::new() };
        if effort.round_cpu_ns > 0 {
            let mut spent_ns = lane.spend(event)?;
            while spent_ns < effort.round_cpu_ns / 4 {
                lane.runs_per_round *= 2;
                spent_ns = lane.spend(event)?;
            }
            lane.runs_per_round = lane.runs_per_round * effort.round_cpu_ns / spent_ns;
        }
        lane.runs_per_round = lane.runs_per_round.max(1);
        Ok(lane)
    }

    fn round(&mut self, event: &[u8]) -> Result<()> {
        let spent_ns = self.spend(event)?;
        self.run_ns.push(spent_ns as f64 / self.runs_per_round as f64);
        Ok(())
    }

    fn spend(&mut self, event: &[u8]) -> Result<u64> {
        let calls = self.runs_per_round.div_ceil(self.contestant.runs_per_call());
        let before_ns = process_cpu_ns()?;
        for _ in 0..calls {
            self.out.clear();
            self.contestant.run(black_box(event), &mut self.out)?;
            black_box(self.out.as_slice());
        }
        let spent_ns = process_cpu_ns()? - before_ns;
        self.runs_per_round = calls * self.contestant.runs_per_call();
        Ok(spent_ns)
    }

    fn finish(self) -> Figure {
        Figure { name: self.contestant.name(), run_ns: self.run_ns, hash: fnv1a(&self.out) }
    }
}

fn print_table(workload: &Workload, figures: &[Figure], table: &mut impl Write) -> io::Result<()> {
    let baseline = figures.iter().find(|figure| figure.name == workload.baseline);
    writeln!(table, "{} ({} B in)", workload.name, workload.event.len())?;
    writeln!(
        table,
        "  {:<12} {:>9} {:>9} {:>12} {:>9}  output",
        "contestant",
        "min ns",
        "median ns",
        "per CPU-s",
        format!("x {}", workload.baseline),
    )?;
    for figure in figures {
        let median_ns = median(&figure.run_ns);
        let min_ns = figure.run_ns.iter().copied().fold(f64::INFINITY, f64::min);
        let ratio = baseline.map_or(f64::NAN, |base| ratio_by_round(base, figure));
        writeln!(
            table,
            "  {:<12} {min_ns:>9.0} {median_ns:>9.0} {:>12.0} {ratio:>9.3}  {:016x}",
            figure.name,
            1e9 / median_ns,
            figure.hash,
        )?;
    }
    Ok(())
}

/// Returns how many times faster than the baseline, as the median of the rounds' own ratios.
fn ratio_by_round(baseline: &Figure, figure: &Figure) -> f64 {
    let ratios: Vec<f64> =
        baseline.run_ns.iter().zip(&figure.run_ns).map(|(base, own)| base / own).collect();
    median(&ratios)
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Returns the CPU time that this process has used, all threads together.
pub(crate) fn process_cpu_ns() -> Result<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "std has no process CPU clock")]
    // SAFETY: the call only writes the timespec, which lives on this frame until it returns.
    let code = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    ensure!(code == 0, "no process CPU clock: {}", io::Error::last_os_error());
    Ok(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}
