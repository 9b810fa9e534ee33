//! Sends events at a fixed rate, and reads off the broker how many results there are.
//!
//! An open loop that does not read the results: consuming and checking them is the load
//! generator's job, and its CPU time would be missing here, where all parties share few cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::broker::{EVENTS, PARTITIONS, RESULTS};

/// A thread that sends; stops with this value.
pub(crate) struct Feeder {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    reader: BaseConsumer,
}

#[derive(Debug)]
struct Shared {
    per_second: AtomicU64,
    sent: AtomicU64,
    stop: AtomicBool,
}

/// How far things are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) at: Instant,
    pub(crate) sent: u64,
    pub(crate) results: u64,
}

impl Mark {
    pub(crate) fn outstanding(&self) -> u64 {
        self.sent.saturating_sub(self.results)
    }
}

/// The event that is sent; its order number changes, its length does not.
pub(crate) fn event() -> &'static [u8] {
    include_bytes!("../../config/state-machines/passthrough.input.json").trim_ascii()
}

impl Feeder {
    /// Starts sending.
    pub(crate) fn start(brokers: &str, per_second: u64) -> Result<Self> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers);
        let reader: BaseConsumer = config.clone().set("group.id", "bench-feeder").create()?;
        let producer: BaseProducer = config
            .set("acks", "all")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("batch.size", "1000000")
            .create()?;
        let shared = Arc::new(Shared {
            per_second: AtomicU64::new(per_second),
            sent: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("feeder".to_owned())
            .spawn(move || send(&producer, &own))
            .context("cannot start the feeder")?;
        Ok(Self { shared, thread: Some(thread), reader })
    }

    /// Goes on at another rate.
    pub(crate) fn set_rate(&self, per_second: u64) {
        self.shared.per_second.store(per_second, Ordering::SeqCst);
    }

    /// Reads what was sent, and the end of the result topic.
    pub(crate) fn mark(&self) -> Result<Mark> {
        let sent = self.shared.sent.load(Ordering::SeqCst);
        let at = Instant::now();
        let mut results = 0;
        for partition in 0..PARTITIONS {
            let (_, end) = self
                .reader
                .fetch_watermarks(RESULTS, partition, ANSWER_MAX)
                .map_err(|error| anyhow!("the end of {RESULTS} {partition}: {error}"))?;
            results += u64::try_from(end).unwrap_or(0);
        }
        Ok(Mark { at, sent, results })
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // A feeder that panicked has shown as a run that was not sustained.
            let _ = thread.join();
        }
    }
}

/// Sends what is due, millisecond by millisecond, until told to stop.
fn send(producer: &BaseProducer, shared: &Shared) {
    let mut value = event().to_vec();
    let digits = find(&value, ORDER).map(|at| at + ORDER.len());
    let (mut since, mut sent_since, mut rate, mut sent) = (Instant::now(), 0, 0, 0_u64);
    while !shared.stop.load(Ordering::SeqCst) {
        let wanted = shared.per_second.load(Ordering::SeqCst);
        if wanted != rate {
            (since, sent_since, rate) = (Instant::now(), 0, wanted);
        }
        let due = (since.elapsed().as_secs_f64() * rate as f64) as u64;
        while sent_since < due.min(sent_since + BURST_MAX) {
            if let Some(digits) = digits {
                write_number(&mut value[digits..digits + ORDER_DIGITS], sent);
            }
            let key = (sent % KEYS).to_be_bytes();
            if producer.send(BaseRecord::to(EVENTS).key(&key).payload(&value)).is_err() {
                break;
            }
            sent += 1;
            sent_since += 1;
            shared.sent.store(sent, Ordering::SeqCst);
            if sent.is_multiple_of(BURST_MAX) {
                break;
            }
        }
        producer.poll(Duration::ZERO);
        if sent_since >= due {
            std::thread::sleep(TICK);
        }
    }
    // What is left is of no interest to anybody.
    producer.purge(rdkafka::producer::PurgeConfig::default().queue().inflight());
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

fn write_number(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

const ORDER: &[u8] = b"ord-2026-11-22-";
const ORDER_DIGITS: usize = 9;
const KEYS: u64 = 1_024;
/// Records between two looks at the delivery reports.
const BURST_MAX: u64 = 512;
const TICK: Duration = Duration::from_millis(2);
const ANSWER_MAX: Duration = Duration::from_secs(5);
