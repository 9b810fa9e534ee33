//! How much memory does an execution hold that waits, and does it wake up in time?
//!
//! Executions are started at an even rate in real time, so that they also end at one; all of them
//! wait at once before the first one ends. Resident memory is the process's own, everything a shard
//! needs included; lateness is from the end of a wait to the moment its output is handed over.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use expressway::base::clock::Now;
use expressway::base::ids::WakeToken;
use expressway::shard::{
    CallRequest, Calls, Inputs, Limits, Rejected, Settle, Settled, ShardCore, Turned,
};
use serde_json::Value;

use crate::engine::{add_start, load, read};
use crate::measure::process_cpu_ns;

/// Flags of the bench.
#[derive(Debug, Parser)]
#[command(name = "suite --herd")]
pub(crate) struct Herd {
    /// Select this bench; given by whoever reads this.
    #[arg(long = "herd")]
    selected: bool,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
    /// Executions that wait at once; a million need some 1.7 GB.
    #[arg(long, default_value_t = 1_000_000)]
    count: usize,
    /// Seconds that each one waits.
    #[arg(long, default_value_t = 30)]
    wait_seconds: u64,
    /// Seconds over which they are started; less than the wait.
    #[arg(long, default_value_t = 20)]
    ramp_seconds: u64,
}

impl Herd {
    /// Returns a herd that is over within seconds.
    pub(crate) fn small() -> Self {
        Self { selected: true, bench: true, count: 50_000, wait_seconds: 3, ramp_seconds: 2 }
    }

    /// Returns a herd that only shows that it still runs.
    pub(crate) fn tiny() -> Self {
        Self { selected: true, bench: false, count: 500, wait_seconds: 1, ramp_seconds: 0 }
    }

    /// Runs the herd and prints what it came to.
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<()> {
        let mut event: Value = serde_json::from_slice(&read("wait-herd", "input")?)?;
        event["waitSeconds"] = self.wait_seconds.into();
        let event = serde_json::to_vec(&event)?;
        let mut shard = Shard::new(self, event)?;
        // What is made once for all executions is there before the first reading.
        shard.start_until(1);
        let before_bytes = resident_bytes()?;
        let before_ns = process_cpu_ns()?;
        let ramp = Duration::from_secs(self.ramp_seconds);
        while shard.started < self.count {
            let share = shard.begun.elapsed().as_secs_f64() / ramp.as_secs_f64().max(1e-3);
            let turned = shard.start_until(((share * self.count as f64) as usize).min(self.count));
            shard.rest(&turned);
        }
        let waiting = shard.core.open();
        let waiting_bytes = resident_bytes()?.saturating_sub(before_bytes);
        ensure!(waiting == self.count, "only {waiting} wait at once: the wait is too short");
        while shard.core.open() > 0 {
            let turned = shard.start_until(self.count);
            shard.rest(&turned);
        }
        let cpu_ns = process_cpu_ns()? - before_ns;
        self.print(&mut shard, waiting_bytes, cpu_ns, out).context("cannot write the report")
    }

    fn print(
        &self,
        shard: &mut Shard,
        waiting_bytes: usize,
        cpu_ns: u64,
        out: &mut impl Write,
    ) -> Result<()> {
        let Self { count, wait_seconds, ramp_seconds, .. } = self;
        let late = &mut shard.sink.late_ns;
        ensure!(late.len() == *count, "{} of {count} succeeded", late.len());
        late.sort_unstable();
        let late_ms = |share: f64| {
            let place = ((late.len() - 1) as f64 * share) as usize;
            late[place] as f64 / 1e6
        };
        writeln!(
            out,
            "wait-herd ({count} executions of {} B in, a wait of {wait_seconds} s, started over {ramp_seconds} s)",
            shard.event.len()
        )?;
        writeln!(out, "  resident growth  {:>9} B per execution", waiting_bytes / count)?;
        writeln!(
            out,
            "  lateness         {:>9.2} ms p50 {:>9.2} ms p99 {:>9.2} ms max",
            late_ms(0.5),
            late_ms(0.99),
            late_ms(1.0)
        )?;
        writeln!(out, "  CPU              {:>9} ns per execution", cpu_ns / *count as u64)?;
        Ok(())
    }
}

/// A shard in real time.
struct Shard {
    core: ShardCore,
    inputs: Inputs,
    sink: Sink,
    event: Vec<u8>,
    started: usize,
    /// When the first execution of the herd was due to start.
    begun: Instant,
}

impl Shard {
    fn new(herd: &Herd, event: Vec<u8>) -> Result<Self> {
        let clock = Clock(Instant::now());
        let limits = Limits { open_max: herd.count.max(1), ..Limits::default() };
        // Written, so that it is resident before the first reading.
        let mut late_ns = vec![1; herd.count];
        late_ns.clear();
        Ok(Self {
            core: ShardCore::new(vec![load("wait-herd")?], limits, clock.now(), 0),
            inputs: Inputs::default(),
            sink: Sink { clock, wait_ns: herd.wait_seconds * 1_000_000_000, turn_ns: 0, late_ns },
            event,
            started: 0,
            begun: Instant::now(),
        })
    }

    /// Takes a turn in which executions are started until there have been `total`.
    fn start_until(&mut self, total: usize) -> Turned {
        let mut batch = self.inputs.spent.pop().unwrap_or_default();
        let upto = total.min(self.started + BATCH_MAX);
        while self.started < upto {
            add_start(&mut batch, self.started as i64, &self.event);
            self.started += 1;
        }
        self.inputs.batches.push_back(batch);
        let now = self.sink.clock.now();
        self.sink.turn_ns = now.mono_ns;
        self.core.turn(now, &mut self.inputs, &mut self.sink, &mut NoCalls)
    }

    /// Sleeps for at most a millisecond if nothing is left to do.
    fn rest(&self, turned: &Turned) {
        let now_ns = self.sink.clock.now().mono_ns;
        let due_ns = turned.next_timer_ms.map_or(u64::MAX, |due_ms| due_ms * 1_000_000);
        let span_ns = due_ns.saturating_sub(now_ns).min(1_000_000);
        if !turned.busy && span_ns > 0 {
            std::thread::sleep(Duration::from_nanos(span_ns));
        }
    }
}

/// Notes how late each execution ends.
struct Sink {
    clock: Clock,
    wait_ns: u64,
    turn_ns: u64,
    late_ns: Vec<u64>,
}

impl Settle for Sink {
    fn settled(&mut self, settled: &Settled<'_>) {
        if settled.error.is_none() {
            let into_turn_ns = self.clock.now().mono_ns - self.turn_ns;
            self.late_ns.push((settled.duration_ns + into_turn_ns).saturating_sub(self.wait_ns));
        }
    }

    fn rejected(&mut self, _: &Rejected<'_>) {}

    fn flush(&mut self, _: Now) {}
}

struct NoCalls;

impl Calls for NoCalls {
    fn call(&mut self, _: WakeToken, _: CallRequest) {}

    fn cancel(&mut self, _: WakeToken) {}
}

struct Clock(Instant);

impl Clock {
    fn now(&self) -> Now {
        let elapsed = self.0.elapsed();
        Now { mono_ns: elapsed.as_nanos() as u64, wall_ms: elapsed.as_millis() as i64 }
    }
}

/// Returns the resident memory of this process.
fn resident_bytes() -> Result<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").context("no /proc/self/statm")?;
    let pages = statm.split_ascii_whitespace().nth(1).context("no resident size")?;
    Ok(pages.parse::<usize>()? * PAGE_BYTES)
}

/// Linux on x86-64 and most of the rest.
const PAGE_BYTES: usize = 4_096;
/// Executions started in one turn.
const BATCH_MAX: usize = 256;
