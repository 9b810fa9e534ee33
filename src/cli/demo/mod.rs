//! `expressway demo`: the whole thing on an embedded broker, with a bounded load and a bill.
//!
//! Starts broker, echo server and service in this process and one load generator process per
//! pipeline, shows what happens while it happens, and judges: nothing lost, nothing doubled.

mod load;
mod summary;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::{CHECK_FAILED, Failure, INTERNAL, OK, run};
use crate::app::{Service, logging};
use crate::base::ids::MachineIdx;
use crate::base::tally::ShardReader;
use crate::config::{self, Pipeline, Property, Settings, ShardCount};
use crate::ingest::EmbeddedBroker;
use crate::task::echo::EchoServer;
use load::{Load, Plan};
use summary::Counts;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  expressway demo
  expressway demo --seconds 5 --rate 50000 --json

Ctrl-C ends it early, its load generators too.
Exit codes: 0 nothing was lost or duplicated, 1 something was (or it was ended by SIGTERM),
70 a part could not start, 130 after Ctrl-C.")]
pub struct Args {
    /// How long events are sent, in seconds.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub seconds: u64,
    /// Events per second for the first state machine.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub rate: u64,
    /// Print the summary as one JSON document on stdout.
    #[arg(long)]
    pub json: bool,
    /// Where the load generator is; by default beside this program.
    #[arg(long, value_name = "FILE")]
    pub loadgen: Option<PathBuf>,
}

/// Runs the demo; returns the exit code.
///
/// # Errors
/// [`Failure`] when a part cannot start.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<u8, Failure> {
    let code = Arc::new(AtomicU8::new(OK));
    let stop = run::stop_on_signal(&code)?;
    let folder = Folder::create()?;
    let broker = EmbeddedBroker::start(TOPICS)
        .map_err(|error| Failure::new(INTERNAL, format!("embedded broker: {error}")))?;
    let echo = EchoServer::start()?;
    let settings =
        settings(&broker.bootstrap_servers(), &folder.path, &echo.address().to_string())?;
    logging::start(&settings.log).map_err(|error| Failure::new(INTERNAL, error))?;
    let service = Service::start(&settings).map_err(run::failure)?;
    tell(&format!(
        "embedded broker on {}, service on {} shard(s), echo server on {}, metrics on http://{}/metrics\n",
        broker.bootstrap_servers(),
        service.readers().len(),
        echo.address(),
        service.admin_address().map_or_else(String::new, |address| address.to_string()),
    ));
    let plans = plans(args, &folder.path, &echo.address().to_string())?;
    let cpu_before = summary::cpu_seconds();
    let loads = plans
        .iter()
        .map(|plan| Load::start(args.loadgen.as_deref(), &broker.bootstrap_servers(), plan))
        .collect::<Result<Vec<_>, _>>()?;
    let ended = watch(&service, loads, args.seconds, &stop);
    let cpu_seconds = summary::cpu_seconds() - cpu_before;
    let counts = Counts::read(service.readers(), settings.pipelines.len());
    let report = service.stop();
    let Some(reports) = ended? else {
        tell("stopped before its end: the load generators and the service were ended\n");
        return Ok(code.load(Ordering::SeqCst).max(CHECK_FAILED));
    };
    let stopped = report.error.map(|error| error.to_string());
    let summary = summary::Summary { counts, reports, cpu_seconds, stopped };
    summary.write(args.json, out)?;
    Ok(if summary.is_clean() { OK } else { CHECK_FAILED })
}

/// Shows one line a second until all load generators have ended; nothing when told to stop, and
/// then the load generators are ended with us: their broker is gone.
fn watch(
    service: &Service,
    loads: Vec<Load>,
    seconds: u64,
    stop: &AtomicBool,
) -> Result<Option<BTreeMap<&'static str, serde_json::Value>>, Failure> {
    let started = Instant::now();
    let deadline = started + Duration::from_secs(seconds) + LOAD_GRACE;
    let mut shown = started;
    let mut last = 0;
    let mut running = loads;
    let mut reports = BTreeMap::new();
    while !running.is_empty() {
        std::thread::sleep(WATCH_EVERY);
        if stop.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let mut rest = Vec::new();
        for mut load in running {
            match load.poll()? {
                Some(report) => {
                    reports.insert(load.name(), report);
                }
                None if Instant::now() > deadline || service.has_failed() => {
                    load.kill();
                    return Err(Failure::new(
                        INTERNAL,
                        format!("load generator `{}` did not end in time", load.name()),
                    ));
                }
                None => rest.push(load),
            }
        }
        running = rest;
        if shown.elapsed() >= Duration::from_secs(1) {
            let finished = live_line(service.readers(), started, last, shown.elapsed());
            last = finished;
            shown = Instant::now();
        }
    }
    if std::io::stderr().is_terminal() {
        tell("\n");
    }
    Ok(Some(reports))
}

fn live_line(readers: &[ShardReader], started: Instant, last: u64, span: Duration) -> u64 {
    let counts = Counts::read(readers, MACHINES);
    let per_second = (counts.ended - last) as f64 / span.as_secs_f64();
    let (start, end) = if std::io::stderr().is_terminal() { ("\r\x1b[2K", "") } else { ("", "\n") };
    tell(&format!(
        "{start}{:>4.0} s  {:>9} executions  {per_second:>7.0}/s  {:>6} open  billed so far ${}{end}",
        started.elapsed().as_secs_f64(),
        counts.ended,
        counts.open,
        counts.dollars(6),
    ));
    counts.ended
}

/// The configuration that a user would write for this, as settings.
fn settings(servers: &str, folder: &Path, echo: &str) -> Result<Settings, Failure> {
    let mut settings = Settings::default();
    settings.kafka.brokers = vec![servers.to_owned()];
    // An empty fetch of the mock sleeps its whole wait.
    settings.kafka.consumer.insert("fetch.wait.max.ms".to_owned(), Property("5".to_owned()));
    settings.shards.count = ShardCount::Exactly(1);
    settings.http.listen = config::Listen::loopback(0);
    "warn".clone_into(&mut settings.log.level);
    settings.task.http.allow = vec![echo.to_owned()];
    for (name, definition) in [("orders", PASS_CHOICE), ("calls", WAIT_CALL)] {
        let path = folder.join(format!("{name}.asl.json"));
        std::fs::write(&path, definition)?;
        settings.pipelines.push(Pipeline {
            topics: vec![name.to_owned()],
            group: format!("expressway-{name}"),
            result_topic: format!("{name}.results"),
            failure_topic: format!("{name}.results"),
            billing_topic: format!("{name}.billing"),
            dead_letter_topic: format!("{name}.dead-letters"),
            ..Pipeline::for_file(path, name, &settings.aws.role)
        });
    }
    Ok(settings)
}

fn plans(args: &Args, folder: &Path, echo: &str) -> Result<Vec<Plan>, Failure> {
    let payload = folder.join("orders.input.json");
    std::fs::write(&payload, ORDER.trim_ascii())?;
    let expect = folder.join("orders.expect.json");
    std::fs::write(&expect, ORDER_RESULT)?;
    let call = folder.join("calls.input.json");
    let event = format!(
        r#"{{"order":{{"number":{{{{sequence}}}}}},"pauseSeconds":1,"endpoint":"http://{echo}/orders"}}"#
    );
    std::fs::write(&call, event)?;
    Ok(vec![
        Plan {
            name: "orders",
            payload,
            expect: Some(expect),
            rate: args.rate,
            seconds: args.seconds,
            outstanding_max: 8_000,
        },
        Plan {
            name: "calls",
            payload: call,
            expect: None,
            rate: CALLS_PER_SECOND,
            seconds: args.seconds,
            outstanding_max: 4_000,
        },
    ])
}

/// A folder for the files of one run, removed at its end.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn create() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("expressway-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is a few small files in the system's folder for such things.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Writes to stderr; a closed stderr is nobody's loss.
fn tell(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn machine(index: usize) -> MachineIdx {
    MachineIdx(index as u16)
}

const MACHINES: usize = 2;
const TOPICS: &[(&str, i32)] = &[
    ("orders", 4),
    ("orders.results", 4),
    ("orders.billing", 4),
    ("orders.dead-letters", 1),
    ("calls", 2),
    ("calls.results", 2),
    ("calls.billing", 2),
    ("calls.dead-letters", 1),
];
const PASS_CHOICE: &str = include_str!("../../../config/state-machines/pass-choice.asl.json");
const WAIT_CALL: &str = include_str!("../../../config/state-machines/wait-call.asl.json");
const ORDER: &str = include_str!("../../../config/state-machines/pass-choice.input.json");
const ORDER_RESULT: &str = include_str!("../../../config/state-machines/pass-choice.expect.json");
const CALLS_PER_SECOND: u64 = 200;
const WATCH_EVERY: Duration = Duration::from_millis(50);
const LOAD_GRACE: Duration = Duration::from_mins(1);
