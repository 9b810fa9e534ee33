//! The thread of a shard: turns while there is work, sleep when there is none.
//!
//! `loop { turn; flush; if idle: say so, look at the inbox once more, await whatever comes first }`
//! on a tokio `LocalRuntime`, so that the futures of outstanding calls run on the same thread
//! between turns and need no lock. A producer notifies once per batch, and only a shard that
//! sleeps. This is the one place of the shard that reads clocks.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crossbeam::channel::{Receiver, Sender, bounded};
use tokio::sync::Notify;

use super::core::{Inputs, ShardCore, Turned};
use super::limits::Limits;
use super::{Calls, Completions, Settle, StartBatch};
use crate::base::clock::Now;
use crate::base::ids::ShardId;
use crate::base::tally::{Levels, RunTally, STOPPED, Turn};
use crate::program::{Image, Loaded};
use crate::vm::Recording;

/// A seed that differs from one shard to the next and from one start to the next.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::thread::current().id())
}

/// What a shard thread is made of.
#[derive(Debug)]
pub struct Options {
    /// Number of the shard.
    pub shard: ShardId,
    /// All state machines, by `MachineIdx`.
    pub machines: Vec<Image>,
    /// Counts of what runs, made for `machines`.
    pub runs: RunTally,
    /// What their executions record, by `MachineIdx`; one that is missing records nothing.
    pub recordings: Vec<Recording>,
    /// Bounds of the shard.
    pub limits: Limits,
    /// Batches that may wait in the inbox.
    pub inbox_batches: usize,
    /// The core that the thread is bound to.
    pub core: Option<usize>,
}

/// A running shard thread.
#[derive(Debug)]
pub struct Handle {
    starts: Sender<StartBatch>,
    spares: Receiver<StartBatch>,
    bell: Arc<Bell>,
    thread: JoinHandle<Report>,
}

/// How a shard thread ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Executions that were open and were dropped unsettled.
    pub abandoned: usize,
}

/// Wakes a shard that sleeps, and tells it to end.
#[derive(Debug, Default)]
pub struct Bell {
    parked: AtomicBool,
    notify: Notify,
    ending: AtomicU8,
}

impl Bell {
    /// Wakes the shard if it sleeps; costs one atomic read when it does not.
    pub fn ring(&self) {
        if self.parked.load(Ordering::SeqCst) && self.parked.swap(false, Ordering::SeqCst) {
            self.notify.notify_one();
        }
    }
}

impl Handle {
    /// Starts the thread. `edges` runs on it and makes what the shard settles into and calls
    /// through; answers of calls go into the [`Completions`] it is given.
    ///
    /// # Errors
    /// When the system refuses a thread or its event queue.
    pub fn spawn<S, C>(
        options: Options,
        edges: impl FnOnce(Completions) -> (S, C) + Send + 'static,
    ) -> io::Result<Self>
    where
        S: Settle,
        C: Calls,
    {
        let (starts, inbox) = bounded(options.inbox_batches.max(1));
        let (spent, spares) = bounded(SPARES_MAX);
        let bell = Arc::new(Bell::default());
        let shard_bell = Arc::clone(&bell);
        let (ready, is_ready) = bounded(1);
        let thread = std::thread::Builder::new().name(format!("shard-{}", options.shard.0)).spawn(
            move || {
                bind(options.core);
                let built = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build_local(tokio::runtime::LocalOptions::default());
                let runtime = match built {
                    Ok(runtime) => runtime,
                    Err(error) => {
                        let _ = ready.send(Err(error));
                        return Report::default();
                    }
                };
                let _ = ready.send(Ok(()));
                runtime.block_on(async move {
                    let completions = Completions::default();
                    let (settle, calls) = edges(completions.clone());
                    let inbox = Inbox { starts: inbox, spent };
                    Shard::new(options, inbox, shard_bell, completions, settle, calls).run().await
                })
            },
        )?;
        // A thread that ends without a word has panicked; its join says so.
        is_ready.recv().unwrap_or(Ok(()))?;
        Ok(Self { starts, spares, bell, thread })
    }

    /// The inbox.
    pub fn starts(&self) -> Sender<StartBatch> {
        self.starts.clone()
    }

    /// Used batches, emptied, whose memory can be filled again.
    pub fn spares(&self) -> Receiver<StartBatch> {
        self.spares.clone()
    }

    /// What wakes the shard; ring it after sending to the inbox.
    pub fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.bell)
    }

    /// Whether the thread has ended, which it never does unasked.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Lets what is open and in the inbox end, then ends the thread and waits for it.
    pub fn finish(self) -> Report {
        self.end(FINISH)
    }

    /// Drops what is open, ends the thread and waits for it.
    pub fn abandon(self) -> Report {
        self.end(ABANDON)
    }

    fn end(self, how: u8) -> Report {
        self.bell.ending.store(how, Ordering::SeqCst);
        self.bell.ring();
        self.thread.join().unwrap_or_default()
    }
}

/// The shard's ends of the channels of batches.
struct Inbox {
    starts: Receiver<StartBatch>,
    spent: Sender<StartBatch>,
}

/// A shard on its thread.
struct Shard<S, C> {
    core: ShardCore,
    inputs: Inputs,
    inbox: Inbox,
    bell: Arc<Bell>,
    completions: Completions,
    settle: S,
    calls: C,
    clock: Clock,
    turns: u64,
    levels_at: Instant,
    levels: Levels,
    /// Why nothing could come in after the last turn, by [`STOPPED`], and when that was.
    stopped: [bool; STOPPED.len()],
    stopped_at_ns: u64,
}

impl<S: Settle, C: Calls> Shard<S, C> {
    fn new(
        options: Options,
        inbox: Inbox,
        bell: Arc<Bell>,
        completions: Completions,
        settle: S,
        calls: C,
    ) -> Self {
        let clock = Clock { origin: Instant::now() };
        let machines = options.machines.into_iter().map(Loaded::from).collect();
        let mut core = ShardCore::new(machines, options.limits, clock.now(), seed())
            .with_recordings(options.recordings);
        core.count_runs(options.runs);
        Self {
            core,
            inputs: Inputs::default(),
            inbox,
            bell,
            completions,
            settle,
            calls,
            levels_at: clock.origin,
            clock,
            turns: 0,
            levels: Levels::default(),
            stopped: [false; STOPPED.len()],
            stopped_at_ns: 0,
        }
    }

    async fn run(mut self) -> Report {
        loop {
            let turned = self.turn();
            match self.bell.ending.load(Ordering::SeqCst) {
                ABANDON => {
                    let abandoned = self.core.abandon(&mut self.calls);
                    return Report { abandoned };
                }
                FINISH if self.is_empty(&turned) => return Report::default(),
                _ => {}
            }
            self.turns += 1;
            if !turned.busy {
                let from_ns = self.clock.now().mono_ns;
                self.sleep(&turned).await;
                self.settle.parked(self.clock.now().mono_ns - from_ns);
            } else if turned.open > 0 || self.turns.is_multiple_of(TURNS_PER_YIELD) {
                // Futures of calls make progress only here.
                tokio::task::yield_now().await;
            }
        }
    }

    fn turn(&mut self) -> Turned {
        self.inputs.hold_starts = !self.settle.ready();
        if !self.inputs.hold_starts {
            while self.inputs.batches.len() < BATCHES_AHEAD_MAX
                && let Ok(batch) = self.inbox.starts.try_recv()
            {
                self.inputs.batches.push_back(batch);
            }
        }
        self.completions.drain_into(&mut self.inputs.answers);
        let mut measured =
            Turn { task_results: self.inputs.answers.len() as u64, ..Turn::default() };
        let now = self.clock.now();
        let turned = self.core.turn(now, &mut self.inputs, &mut self.settle, &mut self.calls);
        self.settle.flush(now);
        for batch in self.inputs.spent.drain(..) {
            // Enough spares lie ready: the rest is freed.
            let _ = self.inbox.spent.try_send(batch);
        }
        let after_ns = self.clock.now().mono_ns;
        measured.busy_ns = after_ns - now.mono_ns;
        // What was in the way after the last turn was so until this one was over.
        let since_ns = after_ns - self.stopped_at_ns;
        measured.stopped_ns = self.stopped.map(|stopped| if stopped { since_ns } else { 0 });
        self.stopped = [self.inbox.starts.is_full(), self.inputs.hold_starts, turned.full];
        self.stopped_at_ns = after_ns;
        measured.starts = turned.started as u64;
        measured.timers = turned.timers_fired as u64;
        let levels = self.levels();
        self.settle.measured(&measured, levels);
        turned
    }

    /// How full the shard is; bytes are summed at most once a second, over all that is open.
    fn levels(&mut self) -> Levels {
        if self.levels_at.elapsed() > LEVELS_EVERY {
            self.levels_at = Instant::now();
            self.levels.arena_bytes = self.core.held_bytes() as u64;
        }
        self.levels.inbox = self.inbox.starts.len() as u64;
        self.levels.ready = self.core.ready_count() as u64;
        self.levels.completions = self.completions.len() as u64;
        self.levels.timers = self.core.timer_count() as u64;
        self.levels
    }

    fn is_empty(&self, turned: &Turned) -> bool {
        turned.open == 0
            && self.inputs.is_empty()
            && self.inbox.starts.is_empty()
            && !self.settle.has_kept()
    }

    /// Sleeps until there is something to do. Says so first and looks once more: a batch sent
    /// before the flag was set is seen here, one sent after it rings the bell.
    async fn sleep(&mut self, turned: &Turned) {
        self.bell.parked.store(true, Ordering::SeqCst);
        let ending = self.bell.ending.load(Ordering::SeqCst) != RUNNING;
        let held = self.inputs.hold_starts || self.settle.has_kept();
        let takes_more = !held && self.inputs.batches.len() < BATCHES_AHEAD_MAX;
        if (takes_more && !self.inbox.starts.is_empty()) || !self.completions.is_empty() {
            self.bell.parked.store(false, Ordering::SeqCst);
            tokio::task::yield_now().await;
            return;
        }
        // A full lane rings when it has room again; the short sleep is for its last batches.
        let short = (held || ending).then_some(HELD_SLEEP);
        let until_timer = turned.next_timer_ms.map(|at_ms| {
            Duration::from_nanos((at_ms * 1_000_000).saturating_sub(self.clock.now().mono_ns))
        });
        let span = short.into_iter().chain(until_timer).min().unwrap_or(SLEEP_MAX);
        tokio::select! {
            () = self.bell.notify.notified() => {}
            () = self.completions.arrived() => {}
            () = tokio::time::sleep(span) => {}
        }
        self.bell.parked.store(false, Ordering::SeqCst);
    }
}

/// Binds the thread to a core; where the system refuses, it runs unbound, which costs only speed.
fn bind(core: Option<usize>) {
    if let Some(core) = core {
        let mut set = rustix::thread::CpuSet::new();
        set.set(core);
        if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
            tracing::warn!(core, %error, "cannot bind the shard to its core");
        }
    }
}

/// The shard's clocks.
struct Clock {
    origin: Instant,
}

impl Clock {
    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Now { mono_ns: self.origin.elapsed().as_nanos() as u64, wall_ms: wall.as_millis() as i64 }
    }
}

const RUNNING: u8 = 0;
const FINISH: u8 = 1;
const ABANDON: u8 = 2;
/// Batches taken from the inbox before their turn.
const BATCHES_AHEAD_MAX: usize = 2;
/// Used batches that lie ready to be filled again: few, so that they stay in the cache.
const SPARES_MAX: usize = 4;
const TURNS_PER_YIELD: u64 = 16;
const LEVELS_EVERY: Duration = Duration::from_secs(1);
const HELD_SLEEP: Duration = Duration::from_millis(1);
const SLEEP_MAX: Duration = Duration::from_secs(1);
