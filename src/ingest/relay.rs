//! The bare relay: consumes and produces the same records through the same client layer, and does
//! nothing else. What a pipeline costs above this is its own doing; the benches hold it against it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::shard::outbox::{BILLING_CONTENT_TYPE, Bell};

use super::consumer::{Consumer, GroupEvent};
use super::error::Error;
use super::librdkafka::Headers;
use super::options::Options;
use super::producer::{Producer, Refused, Target};

/// What a relay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayReport {
    /// Records read and written again.
    pub relayed: u64,
    /// Deliveries acknowledged, second records included.
    pub delivered: u64,
    /// Deliveries that failed.
    pub failed: u64,
}

/// Copies records from the source topics to the result topic, key and headers kept, until `until`
/// says so (it is asked once per turn, with the number of records so far); then flushes.
///
/// With `billing_bytes` a second record of that size goes to the billing topic for each, since a
/// pipeline writes two per event. Nothing is committed.
///
/// # Errors
/// As [`super::Pipeline::start`], and when a record is refused for good.
pub fn relay(
    options: &Options,
    billing_bytes: Option<usize>,
    mut until: impl FnMut(u64) -> bool,
) -> Result<RelayReport, Error> {
    let bell = Arc::new(Bell::default());
    let mut consumer = Consumer::new(options, &bell)?;
    consumer.check_cluster(options)?;
    let producer = Producer::new(options, &bell, false)?;
    consumer.subscribe(&options.topics)?;
    let billing = billing_bytes.map(|bytes| vec![b'b'; bytes]);
    let mut report = RelayReport::default();
    let mut idle_turns = 0;
    while !until(report.relayed) {
        let mut busy = poll(&producer, &mut report)?;
        for event in consumer.poll()? {
            match event {
                GroupEvent::Assigned(partitions) => consumer.assign(&partitions)?,
                GroupEvent::Revoked(partitions) => consumer.unassign(&partitions)?,
                GroupEvent::Committed(_) => {}
            }
        }
        busy |= copy(&mut consumer, &producer, billing.as_deref(), &mut report)?;
        idle_turns = if busy { 0 } else { idle_turns + 1 };
        match idle_turns {
            0 => {}
            1 => std::thread::sleep(NAP),
            _ => bell.sleep(SLEEP_MAX, || consumer.is_quiet() && producer.is_quiet()),
        }
    }
    let deadline = Instant::now() + FLUSH_WAIT;
    while producer.in_flight() > 0 && Instant::now() < deadline {
        producer.hurry();
        if !poll(&producer, &mut report)? {
            std::thread::sleep(NAP);
        }
    }
    Ok(report)
}

fn poll(producer: &Producer, report: &mut RelayReport) -> Result<bool, Error> {
    producer.poll(|delivery| {
        if delivery.error().is_none() {
            report.delivered += 1;
        } else {
            report.failed += 1;
        }
    })
}

/// Copies what is there.
fn copy(
    consumer: &mut Consumer,
    producer: &Producer,
    billing: Option<&[u8]>,
    report: &mut RelayReport,
) -> Result<bool, Error> {
    let mut busy = false;
    loop {
        let Some(message) = consumer.inbox.front() else {
            if consumer.inbox.read() == 0 {
                return Ok(busy);
            }
            continue;
        };
        busy = true;
        if message.error().is_some() {
            consumer.inbox.pop();
            continue;
        }
        let headers = message.take_headers();
        let (key, value) = (message.key(), message.payload());
        send(producer, Target::Result, key, value, headers, report)?;
        if let Some(billing) = billing {
            let mut headers = Headers::new(1);
            headers.add("content-type", BILLING_CONTENT_TYPE.as_bytes());
            let headers = Some(headers);
            send(producer, Target::Billing, key, Some(billing), headers, report)?;
        }
        consumer.inbox.pop();
        report.relayed += 1;
    }
}

/// Sends, serving reports while the queue is full.
fn send(
    producer: &Producer,
    target: Target,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    mut headers: Option<Headers>,
    report: &mut RelayReport,
) -> Result<(), Error> {
    loop {
        headers = match producer.send(target, key, value, headers, 0) {
            Ok(()) => return Ok(()),
            Err(Refused::QueueFull(headers)) => headers,
            Err(Refused::TooLarge(_)) => {
                return Err(Error::Producer("a record is too large".into()));
            }
            Err(Refused::Other(code, _)) => return Err(Error::Producer(code.to_string())),
        };
        if !poll(producer, report)? {
            std::thread::sleep(NAP);
        }
    }
}

const NAP: Duration = Duration::from_micros(200);
const SLEEP_MAX: Duration = Duration::from_millis(50);
const FLUSH_WAIT: Duration = Duration::from_secs(10);
