//! The bare relay: consumes and produces the same records through the same client layer, and does
//! nothing else. What a pipeline costs above this is its own doing; the benches hold it against it.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::shard::outbox::{
    Bell, BillingMode, EXECUTION_ARN_HEADER, STARTED_AT_HEADER, STATE_MACHINE_ARN_HEADER,
    STATUS_HEADER, STOPPED_AT_HEADER,
};

use super::consumer::{Consumer, GroupEvent};
use super::counters::Counters;
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
/// With `is_outfitted` it writes what a pipeline would write in number and size: a result's headers,
/// and a second record of a billing record's size, with its key, on the billing topic. Nothing is
/// committed.
///
/// # Errors
/// As [`super::Pipeline::connect`], and when a record is refused for good.
pub fn relay(
    options: &Options,
    is_outfitted: bool,
    mut until: impl FnMut(u64) -> bool,
) -> Result<RelayReport, Error> {
    let bell = Arc::new(Bell::default());
    let counters = Arc::new(Counters::default());
    let mut consumer = Consumer::new(options, &bell, &counters)?;
    consumer.check_cluster(options)?;
    let producer = Producer::new(options, &bell, false, &counters)?;
    consumer.subscribe(&options.topics)?;
    let mut outfit = is_outfitted.then(|| Outfit::new(options));
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
        busy |= copy(&mut consumer, &producer, outfit.as_mut(), &mut report)?;
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
    mut outfit: Option<&mut Outfit>,
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
        let mut headers = message.take_headers();
        let (key, value) = (message.key(), message.payload());
        if let Some(outfit) = &mut outfit {
            outfit.renew();
            headers = Some(outfit.result_headers(headers));
        }
        send(producer, Target::Result, key, value, headers, report)?;
        if let Some(outfit) = &outfit {
            let mut headers = Headers::new(1);
            headers.add("content-type", BillingMode::Structured.content_type().as_bytes());
            let (key, value) = (Some(outfit.execution_arn()), Some(outfit.record.as_slice()));
            send(producer, Target::Billing, key, value, Some(headers), report)?;
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

/// What a pipeline adds to an event, without its meaning: the same records and headers, as many
/// bytes, and as little for the compressor to find (the digits of the id change every time).
struct Outfit {
    machine_arn: String,
    /// As long as a billing record.
    record: Vec<u8>,
    arn: Range<usize>,
    suffix: Range<usize>,
    serial: u64,
}

impl Outfit {
    fn new(options: &Options) -> Self {
        let machine_arn = options.machine_arn.clone();
        let topic = options.topics.first().map_or("", String::as_str);
        let pipeline = &options.pipeline_name;
        let express = machine_arn.replacen(":stateMachine:", ":express:", 1);
        let machine = machine_arn.rsplit(':').next().unwrap_or_default();
        let mut record = b"{\"specversion\":\"1.0\",\"id\":\"".to_vec();
        let start = record.len();
        record.extend_from_slice(format!("{express}:{topic}-10-1000000:{SUFFIX}").as_bytes());
        let arn = start..record.len();
        record.extend_from_slice(
            format!(
                "\",\"source\":\"//states/us-east-1/000000000000\",\
                 \"type\":\"express.execution.billed.v1\",\"subject\":\"000000000000\",\
                 \"time\":\"{INSTANT}\",\"datacontenttype\":\"application/json\",\
                 \"data\":{{\"requests\":1,\"billed_duration_ms\":100,\"billed_memory_mb\":64,\
                 \"mb_milliseconds\":6400,\"gb_seconds\":\"0.00625\",\"status\":\"{STATUS}\",\
                 \"state_machine_arn\":\"{machine_arn}\",\"machine\":\"{machine}\",\
                 \"version\":null,\"revision\":\"{SUFFIX}\",\"tags\":{{}},\"pipeline\":\"{pipeline}\",\"topic\":\"{topic}\",\
                 \"partition\":10,\"offset\":1000000,\"started_at\":\"{INSTANT}\",\
                 \"transitions\":1}}}}"
            )
            .as_bytes(),
        );
        let suffix = arn.end - SUFFIX.len()..arn.end;
        Self { machine_arn, record, arn, suffix, serial: 0 }
    }

    /// Makes the id of the next event.
    fn renew(&mut self) {
        self.serial += 1;
        let mut digits = u128::from(self.serial).wrapping_mul(SPREAD);
        for byte in &mut self.record[self.suffix.clone()] {
            if *byte != b'-' {
                // The upper bits are the well-mixed ones.
                *byte = b"0123456789abcdef"[(digits >> 124) as usize];
                digits = digits.wrapping_shl(4) | (digits >> 124);
            }
        }
    }

    fn execution_arn(&self) -> &[u8] {
        &self.record[self.arn.clone()]
    }

    fn result_headers(&self, event_headers: Option<Headers>) -> Headers {
        let mut headers = event_headers.unwrap_or_else(|| Headers::new(5));
        headers.add(EXECUTION_ARN_HEADER, self.execution_arn());
        headers.add(STATE_MACHINE_ARN_HEADER, self.machine_arn.as_bytes());
        headers.add(STATUS_HEADER, STATUS.as_bytes());
        headers.add(STARTED_AT_HEADER, INSTANT.as_bytes());
        headers.add(STOPPED_AT_HEADER, INSTANT.as_bytes());
        headers
    }
}

const SUFFIX: &str = "00000000-0000-0000-0000-000000000000";
const INSTANT: &str = "2026-01-01T00:00:00.000Z";
const STATUS: &str = "SUCCEEDED";
/// Any large odd number with mixed digits.
const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
const NAP: Duration = Duration::from_micros(200);
const SLEEP_MAX: Duration = Duration::from_millis(50);
const FLUSH_WAIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use crate::base::ids::{MachineIdx, PipelineIdx};

    use super::*;

    #[test]
    fn ids_change_and_the_record_stays_json_shaped_and_as_long() {
        let mut options = Options::new(PipelineIdx(0), MachineIdx(0));
        options.machine_arn = "arn:aws:states:us-east-1:000000000000:stateMachine:m".into();
        options.topics = vec!["in".into()];
        let mut outfit = Outfit::new(&options);
        outfit.renew();
        let (first, len) = (outfit.execution_arn().to_vec(), outfit.record.len());
        outfit.renew();
        assert_ne!(outfit.execution_arn(), first);
        assert_eq!(outfit.record.len(), len);
        let text = String::from_utf8(first).unwrap();
        assert!(text.starts_with("arn:aws:states:us-east-1:000000000000:express:m:in-10-1000000:"));
    }
}
