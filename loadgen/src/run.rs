//! One run from connecting to the report: starts the threads, watches the time, ends them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{JoinHandle, park_timeout};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use hdrhistogram::Histogram;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::args::Args;
use crate::artefacts::Recorder;
use crate::batching::Batching;
use crate::checker::{Assignment, Checker};
use crate::clock::Clock;
use crate::consumer::{self, Desk, Read, Streams};
use crate::exposition::{Exposition, ListenError, Shown};
use crate::gauges::Gauges;
use crate::group::GroupWatch;
use crate::kafka::{self, Inbox};
use crate::plan::Plan;
use crate::producer::{Generator, Sent};
use crate::progress::LiveView;
use crate::report::{Circumstances, Report, draw};
use crate::scenario::{Connection, Scenario};
use crate::stamp::ProducerId;
use crate::timeline::Row;

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

/// What a run leaves.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The report.
    pub(crate) report: Report,
    /// The run second by second.
    pub(crate) rows: Vec<Row>,
    /// Latency from due time to consumption in microseconds.
    pub(crate) latency_us: Histogram<u64>,
    /// The files that grew with the run, to be closed.
    pub(crate) recorder: Option<Recorder>,
}

/// A run that stands ready: connected, assigned, nothing sent.
pub(crate) struct Run<'a> {
    scenario: &'a Scenario,
    plan: Plan,
    producer_id: ProducerId,
    clock: Clock,
    gauges: Arc<Gauges>,
    generator: Generator,
    inbox: Inbox,
    streams: Streams,
    checker: Checker,
    recorder: Option<Recorder>,
    group: Option<GroupWatch>,
}

impl<'a> Run<'a> {
    /// Reaches Kafka and takes the end offsets of everything to be read. With an output folder,
    /// the files that grow with the run are created there.
    pub(crate) fn prepare(
        scenario: &'a Scenario,
        output: Option<&PathBuf>,
    ) -> anyhow::Result<Self> {
        let mut plan = scenario.plan.clone();
        let producer_id = ProducerId::random();
        let clock = Clock::start();
        let gauges = Arc::new(Gauges::default());
        let connection = &scenario.kafka;
        let batching = Batching::for_rate(plan.schedule.peak_per_second());
        let outbox = kafka::outbox(connection, batching, &gauges)?;
        let ready_ns = clock.now_ns() + HANDSHAKE.as_nanos() as u64;
        let mut streams = Streams::new(connection);
        let inbox = kafka::inbox(connection, batching, &gauges)?;
        connect(connection, &inbox, &mut streams)?;
        let group = connection
            .group
            .as_ref()
            .map(|group| GroupWatch::create(connection, group, &gauges))
            .transpose()?;
        kafka::learn_topic(&outbox, connection)?;
        // From here on everything is local, so the start can be fixed; the lead covers it.
        plan.start_ns = ready_ns.max(clock.now_ns() + START_LEAD.as_nanos() as u64);
        let recorder =
            output.map(|folder| Recorder::create(Path::new(folder), &plan)).transpose()?;
        let payload = scenario.payload(plan.clone(), producer_id);
        let generator = Generator::new(
            scenario,
            outbox,
            payload.clone(),
            producer_id,
            plan.clone(),
            clock,
            Arc::clone(&gauges),
        );
        let checker = Checker::new(Assignment {
            plan: plan.clone(),
            producer: producer_id,
            payload,
            expectation: scenario.expectation(),
            result_topics: connection.result_topics.len(),
            checks_bills: connection.billing_topic.is_some(),
            verify: scenario.verify,
        });
        Ok(Self {
            scenario,
            plan,
            producer_id,
            clock,
            gauges,
            generator,
            inbox,
            streams,
            checker,
            recorder,
            group,
        })
    }

    /// Sends, drains, and reports.
    pub(crate) fn execute(self, interrupts: &Interrupts, args: &Args) -> anyhow::Result<Ended> {
        let Self { scenario, plan, producer_id, clock, gauges, generator, .. } = self;
        // Answers until this function returns.
        let _exposition = exposition(args, scenario, &plan, clock, &gauges)?;
        let cpu_before = cpu_seconds();
        let desk = Desk {
            inbox: self.inbox,
            streams: self.streams,
            checker: self.checker,
            plan: plan.clone(),
            clock,
            gauges: Arc::clone(&gauges),
            recorder: self.recorder,
        };
        let watching = self
            .group
            .map(|group| {
                let gauges = Arc::clone(&gauges);
                spawn("loadgen-group", move || group.run(&gauges))
            })
            .transpose()?;
        let reading = spawn("loadgen-read", move || consumer::read(desk))?;
        let sending = spawn("loadgen-send", move || generator.run())?;
        let mut watch = Watch {
            scenario,
            plan: &plan,
            clock,
            gauges: &gauges,
            interrupts,
            live_view: LiveView::new(args.progress, scenario),
        };
        watch.until_sent(&sending, &reading);
        let sent = join(sending)?;
        let drain_start = Instant::now();
        let drained_after = watch.until_drained(&sent, &reading, drain_start);
        watch.live_view.finish();
        gauges.stop_consuming.store(true, Ordering::Relaxed);
        let mut read: Read = join(reading)?;
        let circumstances = Circumstances {
            interrupted: interrupts.signal().is_some(),
            notes: gauges.notes(),
            drain_seconds: drained_after.as_secs_f64(),
            cpu_seconds: cpu_seconds().zip(cpu_before).map(|(after, before)| after - before),
            group: watching.map(join).transpose()?,
        };
        Ok(Ended {
            report: draw(scenario, &plan, &producer_id, &sent, &read, circumstances),
            rows: read.timeline.rows(),
            latency_us: read.checker.latency_us(),
            recorder: read.recorder.take(),
        })
    }
}

/// What the main thread does while the others work.
struct Watch<'a> {
    scenario: &'a Scenario,
    plan: &'a Plan,
    clock: Clock,
    gauges: &'a Gauges,
    interrupts: &'a Interrupts,
    live_view: LiveView,
}

impl Watch<'_> {
    /// Waits for the sending thread, which bounds its own time.
    fn until_sent(&mut self, sending: &JoinHandle<Sent>, reading: &JoinHandle<Read>) {
        while !sending.is_finished() {
            // Without a reader nothing can be checked any more; it never ends by itself.
            if self.interrupts.signal().is_some() || reading.is_finished() {
                self.gauges.stop_sending.store(true, Ordering::Relaxed);
            }
            self.pause(SENDING_PAUSE);
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
                if elapsed >= complete_after + self.scenario.settle.duration() {
                    return complete_after;
                }
            } else {
                complete_after = None;
                if elapsed >= self.scenario.drain_timeout.duration() {
                    return elapsed;
                }
            }
            if reading.is_finished() {
                return elapsed;
            }
            self.pause(DRAINING_PAUSE);
        }
    }

    /// An event that may or may not have arrived leaves only the timeout to wait for.
    fn is_complete(&self, sent: &Sent) -> bool {
        self.gauges.settled.get() >= sent.records && self.gauges.bills_open.get() == 0
    }

    fn pause(&mut self, at_most: Duration) {
        let elapsed_ns = self.plan.offset_ns(self.clock.now_ns());
        self.live_view.tick(self.gauges, self.plan, elapsed_ns);
        park_timeout(at_most);
    }
}

fn exposition(
    args: &Args,
    scenario: &Scenario,
    plan: &Plan,
    clock: Clock,
    gauges: &Arc<Gauges>,
) -> Result<Option<Exposition>, ListenError> {
    let Some(address) = args.metrics_listen else {
        return Ok(None);
    };
    let shown = Shown {
        scenario: scenario.name.clone(),
        plan: plan.clone(),
        clock,
        gauges: Arc::clone(gauges),
    };
    Exposition::start(address, shown).map(Some)
}

fn connect(
    connection: &Connection,
    inbox: &Inbox,
    streams: &mut Streams,
) -> Result<(), kafka::Error> {
    let topics = streams.topics();
    if let Some(partitions) = connection.create_topics {
        let mut all = topics.clone();
        all.push(&connection.topic);
        kafka::create_topics(connection, &all, partitions)?;
    }
    // Asked first, so that a wrong address and a missing topic are told apart early.
    let deadline = Instant::now() + connection.connect_timeout.duration();
    kafka::partition_count(inbox.consumer(), &connection.topic, connection, deadline)?;
    let ends = kafka::assign_at_end(inbox, &topics, connection)?;
    streams.start_at(ends);
    Ok(())
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    let watching = std::thread::current();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let result = work();
        watching.unpark();
        result
    })
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

/// Covers starting the threads.
const START_LEAD: Duration = Duration::from_millis(100);
/// librdkafka begins its handshake for idempotence up to half a second after the client was
/// created; events sent earlier would wait for it.
const HANDSHAKE: Duration = Duration::from_millis(650);
/// Waking up is what a run pays for most often besides its records; a thread that ends wakes the
/// main thread by itself.
const SENDING_PAUSE: Duration = Duration::from_millis(100);
const DRAINING_PAUSE: Duration = Duration::from_millis(10);
/// `USER_HZ`, a constant of the Linux interface on all architectures Rust knows.
const CLOCK_TICKS_PER_SECOND: f64 = 100.0;
