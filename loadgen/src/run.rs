//! One run from connecting to the report: starts the threads, watches the time, ends them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::args::Args;
use crate::checker::{Assignment, Checker};
use crate::clock::Clock;
use crate::consumer::{self, Read, Streams};
use crate::expect::Expectation;
use crate::gauges::Gauges;
use crate::kafka::{self, Reader};
use crate::metrics::Endpoint;
use crate::payload::{DEFAULT_TEMPLATE, Payload, Template};
use crate::plan::{Plan, Rate};
use crate::producer::{self, Generator, Sent};
use crate::progress::LiveLine;
use crate::report::{Circumstances, Report};
use crate::stamp::ProducerId;

/// A file named on the command line that is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// It cannot be read, or is not UTF-8.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// Results are compared as JSON, so the expectation has to be JSON once its holes are filled.
    #[error("--expect {path} is not JSON: {reason}")]
    ExpectationNotJson {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: serde_json::Error,
    },
}

/// The signals that end a run early.
#[derive(Debug)]
pub(crate) struct Interrupts {
    signal: Arc<AtomicUsize>,
}

impl Interrupts {
    /// Catches SIGINT and SIGTERM; the second one ends the process at once.
    pub(crate) fn catch() -> std::io::Result<Self> {
        let signal = Arc::new(AtomicUsize::new(0));
        let armed = Arc::new(AtomicBool::new(false));
        for number in [SIGINT, SIGTERM] {
            // Order matters: the shutdown must see the flag as the signals before left it.
            signal_hook::flag::register_conditional_shutdown(
                number,
                128 + number,
                Arc::clone(&armed),
            )?;
            signal_hook::flag::register(number, Arc::clone(&armed))?;
            signal_hook::flag::register_usize(number, Arc::clone(&signal), number as usize)?;
        }
        Ok(Self { signal })
    }

    /// Returns the signal that came, if one did.
    pub(crate) fn signal(&self) -> Option<u8> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            number => Some(number as u8),
        }
    }
}

/// A run that stands ready: connected, assigned, nothing sent.
pub(crate) struct Run<'a> {
    args: &'a Args,
    plan: Plan,
    producer_id: ProducerId,
    clock: Clock,
    gauges: Arc<Gauges>,
    generator: Generator,
    reader: Reader,
    streams: Streams,
    checker: Checker,
    endpoint: Option<Endpoint>,
}

impl<'a> Run<'a> {
    /// Reads the files, reaches Kafka and takes the end offsets of everything to be read.
    pub(crate) fn prepare(args: &'a Args) -> anyhow::Result<Self> {
        let mut plan = args.plan()?;
        let template = match &args.payload {
            Some(path) => Template::parse(read_file(path)?.trim_end()),
            None => Template::parse(DEFAULT_TEMPLATE),
        };
        let producer_id = ProducerId::random();
        let expectation = expectation(args, &template, plan, producer_id)?;
        let clock = Clock::start();
        let gauges = Arc::new(Gauges::default());
        let endpoint = endpoint(args, plan.rate, &gauges)?;
        let mut streams = Streams::new(args);
        let reader = kafka::reader(args, &gauges)?;
        connect(args, &reader, &mut streams)?;
        let producer = producer::connect(args, clock, &gauges)?;
        // From here on everything is local, so the start can be fixed; the lead covers it.
        plan.start_ns = clock.now_ns() + START_LEAD.as_nanos() as u64;
        let payload = Payload::new(template, args.payload_size_bytes(), plan, producer_id);
        let generator = Generator::new(args, producer, payload.clone(), producer_id, plan);
        let checker = Checker::new(Assignment {
            plan,
            producer: producer_id,
            payload,
            expectation,
            result_topics: args.result_topic.len(),
            checks_bills: args.billing_topic.is_some(),
            gauges: Arc::clone(&gauges),
        });
        Ok(Self {
            args,
            plan,
            producer_id,
            clock,
            gauges,
            generator,
            reader,
            streams,
            checker,
            endpoint,
        })
    }

    /// Sends, drains, and reports.
    pub(crate) fn execute(self, interrupts: &Interrupts) -> anyhow::Result<Report> {
        let Self {
            args,
            plan,
            producer_id,
            clock,
            gauges,
            generator,
            reader,
            streams,
            checker,
            endpoint,
        } = self;
        let reading = {
            let gauges = Arc::clone(&gauges);
            spawn("loadgen-read", move || {
                consumer::read(&reader, streams, checker, clock, &gauges)
            })?
        };
        let sending = spawn("loadgen-send", move || generator.run())?;
        let mut watch = Watch {
            args,
            plan,
            clock,
            gauges: &gauges,
            interrupts,
            live_line: LiveLine::new(args.progress),
        };
        watch.until_sent(&sending, &reading);
        let sent = join(sending)?;
        let drain_start = Instant::now();
        let drained_after = watch.until_drained(&sent, &reading, drain_start);
        watch.live_line.finish();
        drop(endpoint);
        gauges.stop_consuming.store(true, Ordering::Relaxed);
        let read: Read = join(reading)?;
        let circumstances = Circumstances {
            interrupted: interrupts.signal().is_some(),
            notes: gauges.notes(),
            drain_seconds: drained_after.as_secs_f64(),
            cpu_seconds: cpu_seconds(),
        };
        Ok(Report::new(args, &plan, &producer_id, &sent, &read, circumstances))
    }
}

/// What the main thread does while the others work.
struct Watch<'a> {
    args: &'a Args,
    plan: Plan,
    clock: Clock,
    gauges: &'a Gauges,
    interrupts: &'a Interrupts,
    live_line: LiveLine,
}

impl Watch<'_> {
    /// Waits for the sending thread, which bounds its own time.
    fn until_sent(&mut self, sending: &JoinHandle<Sent>, reading: &JoinHandle<Read>) {
        while !sending.is_finished() {
            // Without a reader nothing can be checked any more; it never ends by itself.
            if self.interrupts.signal().is_some() || reading.is_finished() {
                self.gauges.stop_sending.store(true, Ordering::Relaxed);
            }
            self.pause();
        }
    }

    /// Waits for all outcomes and bills and a little longer, or for the drain timeout; returns
    /// how long it took until the last one was in.
    fn until_drained(
        &mut self,
        sent: &Sent,
        reading: &JoinHandle<Read>,
        start: Instant,
    ) -> Duration {
        let mut complete_after = None;
        loop {
            let elapsed = start.elapsed();
            if self.is_complete(sent) {
                let complete_after = *complete_after.get_or_insert(elapsed);
                if elapsed >= complete_after + self.args.settle {
                    return complete_after;
                }
            } else {
                complete_after = None;
                if elapsed >= self.args.drain_timeout {
                    return elapsed;
                }
            }
            if reading.is_finished() {
                return elapsed;
            }
            self.pause();
        }
    }

    /// An event that may or may not have arrived leaves only the timeout to wait for.
    fn is_complete(&self, sent: &Sent) -> bool {
        self.gauges.settled.get() >= sent.records && self.gauges.bills_open.get() == 0
    }

    fn pause(&mut self) {
        let elapsed_ns = self.clock.now_ns().saturating_sub(self.plan.start_ns);
        self.live_line.tick(self.gauges, &self.plan, elapsed_ns);
        sleep(WATCH_PAUSE);
    }
}

fn endpoint(args: &Args, rate: Rate, gauges: &Arc<Gauges>) -> anyhow::Result<Option<Endpoint>> {
    let Some(address) = args.metrics else { return Ok(None) };
    let started = Endpoint::start(address, rate.per_second(), gauges);
    let context = || format!("cannot listen on {address}; give --metrics a free address");
    started.map(Some).with_context(context)
}

fn connect(args: &Args, reader: &Reader, streams: &mut Streams) -> Result<(), kafka::Error> {
    let topics = streams.topics();
    if let Some(partitions) = args.create_topics {
        let mut all = topics.clone();
        all.push(&args.topic);
        kafka::create_topics(args, &all, partitions)?;
    }
    // Asked first, so that a wrong address and a missing topic are told apart early.
    kafka::partition_count(reader, &args.topic, args, Instant::now() + args.connect_timeout)?;
    let ends = kafka::assign_at_end(reader, &topics, args)?;
    streams.start_at(ends);
    Ok(())
}

/// Reads the expectation and makes sure before the run that it can be met at all.
fn expectation(
    args: &Args,
    template: &Template,
    plan: Plan,
    producer_id: ProducerId,
) -> Result<Option<Expectation>, FileError> {
    let Some(path) = &args.expect else {
        return Ok(None);
    };
    let expectation = Expectation::parse(&read_file(path)?);
    let payload = Payload::new(template.clone(), args.payload_size_bytes(), plan, producer_id);
    match expectation.check(&payload) {
        Ok(()) => Ok(Some(expectation)),
        Err(reason) => Err(FileError::ExpectationNotJson { path: path.clone(), reason }),
    }
}

fn read_file(path: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(path)
        .map_err(|reason| FileError::Unreadable { path: path.to_owned(), reason })
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}

fn join<T>(handle: JoinHandle<T>) -> anyhow::Result<T> {
    let name = handle.thread().name().unwrap_or_default().to_owned();
    handle.join().map_err(|_| anyhow!("thread {name} failed; please report this"))
}

/// Returns user and system time of this process, where `/proc` tells.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold spaces; what follows it is fields 3 and on.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    Some((user + system) as f64 / CLOCK_TICKS_PER_SECOND)
}

/// Covers starting the threads and the client's handshake for idempotence, so that the first
/// events are not late.
const START_LEAD: Duration = Duration::from_millis(100);
const WATCH_PAUSE: Duration = Duration::from_millis(10);
/// `USER_HZ`, a constant of the Linux interface on all architectures Rust knows.
const CLOCK_TICKS_PER_SECOND: f64 = 100.0;
