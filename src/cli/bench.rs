//! `expressway bench`: the engine alone, bytes in to bytes out, no Kafka.
//!
//! Events are cycled through the turns of real shards; reading the event, running it and writing
//! its output are all counted. CPU time decides, since wall time measures the machine's
//! neighbours too.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    CHECK_FAILED, Failure, INTERNAL, USAGE, allocations, compile_file, read_input, write_json,
};
use crate::base::clock::Now;
use crate::base::ids::{ExecutionSuffix, MachineIdx, Origin, WakeToken};
use crate::outcome::{Bill, Invoice, LogEvents, StateMachineArn, US_EAST_1};
use crate::program::{Image, Loaded};
use crate::registry::Definition;
use crate::shard::outbox::Span;
use crate::shard::{
    CallRequest, Calls, Inputs, Limits, Rejected, Settle, Settled, ShardCore, Start, StartBatch,
};
use crate::vm::{Level, Recording};

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  expressway bench config/state-machines/pass-choice.asl.json \\\n    --input config/state-machines/pass-choice.input.json --seconds 3 --json\n\nTasks are neither called nor mocked: a workflow that calls one never ends here.\nExit codes: 0 it was measured, 1 the first output differs or no execution ended, 2 usage or a file\ncannot be read, 3 the definition is refused."
)]
pub struct Args {
    /// The definition, ASL as JSON.
    pub file: PathBuf,
    /// Events: NDJSON, or one JSON document; - reads stdin; cycled.
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// How long to measure.
    #[arg(long, default_value_t = 3)]
    pub seconds: u64,
    /// Shard threads.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub shards: u16,
    /// Compare the first output with this JSON document.
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
    /// Record the history at this level (ALL, ERROR, FATAL or OFF) and write its log events.
    #[arg(long, value_name = "LEVEL", default_value = "OFF", value_parser = level)]
    pub history: Level,
    /// With --history: log events carry input and output.
    #[arg(long)]
    pub include_execution_data: bool,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Measures and prints.
///
/// # Errors
/// [`Failure`] when a file cannot be read, the definition is refused or the output differs.
pub fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let image = compile_file(&args.file, false, Definition::compile, err)?;
    let events = split_events(&read_input(&args.input)?)?;
    if let Some(expected) = &args.check {
        check(&image, &events, &read_input(expected)?)?;
    }
    let span = Duration::from_secs(args.seconds.max(1));
    let started = Instant::now();
    let cpu_before = cpu_time();
    let allocations_before = allocations::count();
    let recording = Recording { level: args.history, data: args.include_execution_data };
    let lanes = measure(&image, recording, &events, span, args.shards)?;
    let cpu_seconds = cpu_time().saturating_sub(cpu_before).as_secs_f64();
    let wall_seconds = started.elapsed().as_secs_f64();
    let allocations = allocations::count().zip(allocations_before).map(|(now, then)| now - then);
    let total = lanes.into_iter().fold(Counted::default(), |mut sum, lane| {
        sum.executions += lane.executions;
        sum.failed += lane.failed;
        sum.transitions += lane.transitions;
        sum.bytes_in += lane.bytes_in;
        sum.bytes_out += lane.bytes_out;
        sum.log_events += lane.log_events;
        sum.history_bytes += lane.history_bytes;
        sum.invoice.requests += lane.invoice.requests;
        sum.invoice.units += lane.invoice.units;
        sum
    });
    if total.executions + total.failed == 0 {
        return Err(Failure::new(
            CHECK_FAILED,
            "no execution ended: a bench has no services, so a workflow that calls a task never ends, and one that waits may not end in time",
        ));
    }
    let measured = Measured { total, cpu_seconds, wall_seconds, allocations };
    report(args, &image, &measured, out)
}

/// What a shard has done.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    executions: u64,
    failed: u64,
    transitions: u64,
    bytes_in: u64,
    bytes_out: u64,
    log_events: u64,
    history_bytes: u64,
    /// What AWS would charge.
    invoice: Invoice,
}

/// A whole measurement.
#[derive(Debug)]
struct Measured {
    total: Counted,
    cpu_seconds: f64,
    wall_seconds: f64,
    allocations: Option<u64>,
}

fn report(
    args: &Args,
    image: &Image,
    measured: &Measured,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Measured { total, cpu_seconds, wall_seconds, allocations } = measured;
    let per_execution = |count: &u64| *count as f64 / total.executions.max(1) as f64;
    let allocations = allocations.as_ref().map(per_execution);
    let per_cpu_second = total.executions as f64 / cpu_seconds;
    if args.json {
        let mut document = json!({
                "executions": total.executions,
                "failed": total.failed,
                "cpu_seconds": cpu_seconds,
                "wall_seconds": wall_seconds,
                "executions_per_cpu_second": per_cpu_second,
                "bytes_in": total.bytes_in,
                "bytes_out": total.bytes_out,
                "shards": args.shards,
        });
        if args.history != Level::Off {
            document["log_events"] = json!(total.log_events);
            document["history_bytes"] = json!(total.history_bytes);
        }
        if let Some(allocations) = allocations {
            document["allocations_per_execution"] = json!(allocations);
        }
        return write_json(out, &document);
    }
    let ns_per_transition = cpu_seconds * 1e9 / total.transitions.max(1) as f64;
    writeln!(out, "state machine              {}", image.program.world.machine_name)?;
    writeln!(out, "executions                 {:>14}", total.executions)?;
    writeln!(out, "  failed                   {:>14}", total.failed)?;
    writeln!(out, "per CPU-second             {per_cpu_second:>14.0}")?;
    writeln!(
        out,
        "per second, {:>3} shard(s)   {:>14.0}",
        args.shards,
        total.executions as f64 / wall_seconds
    )?;
    writeln!(
        out,
        "CPU per execution          {:>11.3} µs",
        cpu_seconds * 1e6 / total.executions.max(1) as f64
    )?;
    writeln!(out, "CPU per transition         {ns_per_transition:>11.0} ns")?;
    if let Some(allocations) = allocations {
        writeln!(out, "allocations per execution  {allocations:>14.3}")?;
    }
    writeln!(
        out,
        "AWS price of this volume   ${:>13}   {} GB-s, us-east-1",
        total.invoice.total(&US_EAST_1).to_text(6),
        total.invoice.gb_seconds(),
    )?;
    writeln!(out, "bytes in / out             {:>14} / {}", total.bytes_in, total.bytes_out)?;
    if args.history != Level::Off {
        let Counted { log_events, history_bytes, .. } = total;
        writeln!(out, "log events                 {log_events:>14}   {history_bytes} bytes")?;
    }
    Ok(())
}

fn level(text: &str) -> Result<Level, String> {
    match text {
        "ALL" => Ok(Level::All),
        "ERROR" => Ok(Level::Error),
        "FATAL" => Ok(Level::Fatal),
        "OFF" => Ok(Level::Off),
        _ => Err("expected ALL, ERROR, FATAL or OFF".to_owned()),
    }
}

/// NDJSON lines, or the one document that the file is.
fn split_events(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let lines: Vec<&[u8]> = bytes
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .collect();
    let is_json = |text: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
    if !lines.is_empty() && lines.iter().all(|line| is_json(line)) {
        return Ok(lines.into_iter().map(<[u8]>::to_vec).collect());
    }
    if is_json(bytes) {
        return Ok(vec![bytes.trim_ascii().to_vec()]);
    }
    Err(Failure::new(USAGE, "the events are neither NDJSON nor one JSON document"))
}

fn measure(
    image: &Image,
    recording: Recording,
    events: &[Vec<u8>],
    span: Duration,
    shards: u16,
) -> Result<Vec<Counted>, Failure> {
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..shards)
            .map(|shard| {
                std::thread::Builder::new()
                    .name(format!("shard-{shard}"))
                    .spawn_scoped(scope, move || Lane::new(image, recording).run(events, span))
            })
            .collect();
        lanes
            .into_iter()
            .map(|lane| lane?.join().map_err(|_| Failure::new(INTERNAL, "a shard thread panicked")))
            .collect()
    })
}

fn check(image: &Image, events: &[Vec<u8>], expected: &[u8]) -> Result<(), Failure> {
    let mut lane = Lane::new(image, Recording::OFF);
    lane.turn_through(&events[..1], 1);
    let got: Option<serde_json::Value> = serde_json::from_slice(&lane.sink.last).ok();
    let expected: Option<serde_json::Value> = serde_json::from_slice(expected).ok();
    if got.is_some() && got == expected {
        return Ok(());
    }
    Err(Failure::new(
        CHECK_FAILED,
        format!(
            "the first output is not the expected one: {}",
            String::from_utf8_lossy(&lane.sink.last)
        ),
    ))
}

/// One shard with its events.
struct Lane {
    core: ShardCore,
    inputs: Inputs,
    sink: Sink,
    started: Instant,
    next: usize,
}

impl Lane {
    fn new(image: &Image, recording: Recording) -> Self {
        let loaded = Loaded::from(image.clone());
        let world = &image.program.world;
        // A machine whose name cannot stand in an ARN is refused before it comes here.
        let arn = StateMachineArn::new(&world.region, &world.account, &world.machine_name).ok();
        let core = ShardCore::new(vec![loaded], Limits::default(), Now::default(), 0);
        Self {
            core: core.with_recordings(vec![recording]),
            inputs: Inputs::default(),
            sink: Sink {
                definition_bytes: image.program.definition_bytes,
                log_events: arn.map(|arn| LogEvents::new(&arn, recording)),
                ..Sink::default()
            },
            started: Instant::now(),
            next: 0,
        }
    }

    fn run(mut self, events: &[Vec<u8>], span: Duration) -> Counted {
        while self.started.elapsed() < span {
            self.turn_through(events, BATCH);
        }
        self.sink.counted
    }

    /// Feeds one batch and takes turns until no work is left that need not wait.
    fn turn_through(&mut self, events: &[Vec<u8>], count: usize) {
        let mut batch = StartBatch::default();
        for _ in 0..count {
            let event = &events[self.next % events.len()];
            self.next += 1;
            let at = batch.bytes.len() as u32;
            batch.bytes.extend_from_slice(NAME);
            batch.bytes.extend_from_slice(event);
            self.sink.counted.bytes_in += event.len() as u64;
            batch.starts.push(Start {
                origin: Origin { offset: self.next as i64, ..Origin::default() },
                machine: MachineIdx(0),
                suffix: ExecutionSuffix([0; 16]),
                traceparent: None,
                tracestate: 0..0,
                name: at..at + NAME.len() as u32,
                input: at + NAME.len() as u32..batch.bytes.len() as u32,
            });
        }
        self.inputs.batches.push_back(batch);
        let elapsed = self.started.elapsed();
        let now = Now { mono_ns: elapsed.as_nanos() as u64, wall_ms: elapsed.as_millis() as i64 };
        while self.core.turn(now, &mut self.inputs, &mut self.sink, &mut NoCalls).busy {}
    }
}

/// Counts what comes out.
#[derive(Default)]
struct Sink {
    counted: Counted,
    definition_bytes: u64,
    last: Vec<u8>,
    log_events: Option<LogEvents>,
    history: Vec<u8>,
    spans: Vec<Span>,
}

impl Settle for Sink {
    fn settled(&mut self, settled: &Settled<'_>) {
        self.counted.executions += 1;
        self.counted.failed += u64::from(settled.error.is_some());
        self.counted.transitions += u64::from(settled.transitions);
        self.counted.bytes_out += settled.output.len() as u64;
        let bill =
            Bill::new(settled.duration_ns, self.definition_bytes, settled.metered_data_bytes);
        self.counted.invoice.add(bill);
        if let Some(log_events) = &self.log_events {
            log_events.push(&mut self.history, &mut self.spans, settled);
            self.counted.log_events += self.spans.len() as u64;
            self.counted.history_bytes += self.history.len() as u64;
            self.history.clear();
            self.spans.clear();
        }
        self.last.clear();
        self.last.extend_from_slice(settled.output);
    }

    fn rejected(&mut self, _: &Rejected<'_>) {
        self.counted.failed += 1;
    }

    fn flush(&mut self, _: Now) {}
}

/// A bench has no services to call: a Task waits for ever.
struct NoCalls;

impl Calls for NoCalls {
    fn call(&mut self, _: WakeToken, _: CallRequest) {}

    fn cancel(&mut self, _: WakeToken) {}
}

/// CPU time of the whole process.
fn cpu_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), spent.tv_nsec as u32)
}

const BATCH: usize = 64;
const NAME: &[u8] = b"bench";
