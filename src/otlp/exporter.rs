//! The thread that sends spans: batches, attempts, and the end.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::warn;

use super::client::{Answer, Client};
use super::message::{InstrumentationScope, Request, Resource, ResourceSpans, Scope, text};
use super::recorder::{Recorder, Room, Told};
use super::{Cards, Options};
use crate::base::tally::{SharedCounts, SpanResult};

/// A running exporter.
#[derive(Debug)]
pub struct Exporter {
    recorder: Recorder,
    stop: watch::Sender<Option<Instant>>,
    thread: JoinHandle<()>,
}

impl Exporter {
    /// Starts the thread; what becomes of spans is counted in `counts`.
    ///
    /// # Errors
    /// When the system refuses a thread or its event queue.
    pub fn start(options: Options, cards: Cards, counts: SharedCounts<3>) -> io::Result<Self> {
        let (queue, told) = channel(QUEUE_EXECUTIONS_MAX);
        let (stop, stopped) = watch::channel(None);
        let room = Arc::new(Room::new(options.queue_bytes));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let recorder = Recorder {
            cards: Arc::new(cards),
            queue,
            room: Arc::clone(&room),
            counts: counts.clone(),
        };
        let thread = std::thread::Builder::new().name("otlp".to_owned()).spawn(move || {
            let sending = async {
                let frame = Frame::new(&options.resource);
                let client = Client::new(options.endpoint.clone());
                Sending { options, frame, client, told, room, counts, stopped }.run().await;
            };
            runtime.block_on(sending);
            // A name that is being looked up is nobody's any more.
            runtime.shutdown_background();
        })?;
        Ok(Self { recorder, stop, thread })
    }

    /// What tells the spans of one shard.
    pub fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// Sends what is left, for `limit` at most, then ends the thread. No recorder may be in use any
    /// more: what it told from now on would be lost.
    pub fn stop(self, limit: Duration) {
        let Self { recorder, stop, thread } = self;
        // Without recorders the queue has an end.
        drop(recorder);
        stop.send_replace(Some(Instant::now() + limit));
        // A panic there was reported by its own thread.
        let _ = thread.join();
    }
}

/// What is the same in every request.
struct Frame {
    resource: Resource,
    scope: Vec<u8>,
}

impl Frame {
    fn new(resource: &[(String, String)]) -> Self {
        let attributes = resource.iter().map(|(key, value)| text(key, &**value)).collect();
        let scope = InstrumentationScope {
            name: "expressway".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Self {
            resource: Resource { attributes },
            scope: Scope { scope: Some(scope) }.encode_to_vec(),
        }
    }

    fn request(&self, spans: &[u8]) -> Bytes {
        let resource = Some(self.resource.clone());
        let scope_spans = [&*self.scope, spans].concat();
        let resource_spans = ResourceSpans { resource, scope_spans }.encode_to_vec();
        Request { resource_spans }.encode_to_vec().into()
    }
}

/// The exporter on its thread.
struct Sending {
    options: Options,
    frame: Frame,
    client: Client,
    told: Receiver<Told>,
    room: Arc<Room>,
    counts: SharedCounts<3>,
    /// When to have ended, once that has been said.
    stopped: watch::Receiver<Option<Instant>>,
}

impl Sending {
    async fn run(mut self) {
        while let Some(first) = self.first().await {
            let batch = self.gather(first).await;
            let size = batch.bytes.len();
            self.export(batch).await;
            self.room.give_back(size);
        }
    }

    /// What begins the next batch; nothing at the end.
    async fn first(&mut self) -> Option<Told> {
        tokio::select! {
            biased;
            told = self.told.recv() => told,
            // Whoever still holds a recorder has nothing more to tell.
            _ = until_stopped(&mut self.stopped) => self.told.try_recv().ok(),
        }
    }

    /// A batch that is full, or as full as it gets within the delay.
    async fn gather(&mut self, first: Told) -> Told {
        let due = Instant::now() + self.options.delay;
        let mut batch = first;
        while batch.bytes.len() < BATCH_BYTES && batch.count < BATCH_SPANS {
            let next = tokio::select! {
                biased;
                next = self.told.recv() => next,
                // At the end nothing waits for more.
                _ = until_stopped(&mut self.stopped) => self.told.try_recv().ok(),
                () = sleep_until(due) => None,
            };
            let Some(next) = next else { break };
            batch.count += next.count;
            batch.bytes.extend_from_slice(&next.bytes);
        }
        batch
    }

    /// Sends a batch, again and again while that can help.
    async fn export(&mut self, batch: Told) {
        let body = self.frame.request(&batch.bytes);
        let give_up = Instant::now() + RETRY_FOR;
        let mut pause = PAUSE_MIN;
        let mut is_last = false;
        let why = loop {
            let (after, why) = match self.attempt(body.clone()).await {
                Answer::Taken { rejected, message } => {
                    return self.taken(batch.count, rejected, &message);
                }
                Answer::Refused { why } => break why,
                Answer::Later { after, why } => (after, why),
            };
            // Not all instances at once.
            let wait = after.unwrap_or_else(|| pause.mul_f64(0.5 + chance()));
            pause = (pause * 2).min(PAUSE_MAX);
            let again = Instant::now() + wait;
            if is_last || again > give_up {
                break why;
            }
            tokio::select! {
                () = sleep_until(again) => {}
                // At the end there is no time for pauses: one more attempt, at once.
                _ = until_stopped(&mut self.stopped) => is_last = true,
            }
        };
        self.counts.add(SpanResult::Dropped as usize, batch.count);
        warn!(spans = batch.count, why, "spans were not delivered");
    }

    /// One request, within its time and that of the end.
    async fn attempt(&mut self, body: Bytes) -> Answer {
        let due = Instant::now() + self.options.timeout;
        let late = |why: &str| Answer::Later { after: None, why: why.to_owned() };
        tokio::select! {
            biased;
            answer = timeout_at(due, self.client.send(body)) => {
                answer.unwrap_or_else(|_| late("no answer in time"))
            }
            () = until_ended(&mut self.stopped) => {
                Answer::Refused { why: "the service stops, and there was no answer in time".to_owned() }
            }
        }
    }

    fn taken(&self, count: u64, rejected: u64, message: &str) {
        let rejected = rejected.min(count);
        self.counts.add(SpanResult::Exported as usize, count - rejected);
        self.counts.add(SpanResult::Rejected as usize, rejected);
        if rejected > 0 {
            warn!(spans = rejected, message, "the collector rejected spans");
        }
    }
}

/// Waits until the end is wanted; returns when it has to have come.
async fn until_stopped(stopped: &mut watch::Receiver<Option<Instant>>) -> Instant {
    match stopped.wait_for(Option::is_some).await {
        Ok(deadline) => deadline.unwrap_or_else(Instant::now),
        // Nobody is there to say it any more.
        Err(_) => Instant::now(),
    }
}

/// Waits until the end has to have come.
async fn until_ended(stopped: &mut watch::Receiver<Option<Instant>>) {
    let deadline = until_stopped(stopped).await;
    sleep_until(deadline).await;
}

/// A number from 0 up to 1, another one each time and in each instance.
fn chance() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    (RandomState::new().hash_one(0) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Executions in the queue; what they may hold is bounded by their bytes.
const QUEUE_EXECUTIONS_MAX: usize = 8_192;
/// A batch is full at either.
const BATCH_SPANS: u64 = 2_048;
const BATCH_BYTES: usize = 1 << 20;
/// Pauses between attempts, doubled each time, up to half longer or shorter.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// From then on newer spans are worth more.
const RETRY_FOR: Duration = Duration::from_mins(1);
