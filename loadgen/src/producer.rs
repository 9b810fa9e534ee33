//! The sending thread: wakes every tick, sends what is due, and keeps the client served.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DeliveryResult, NoCustomPartitioner, Producer, ProducerContext,
};

use crate::args::Args;
use crate::checker::latency_histogram;
use crate::clock::Clock;
use crate::gauges::Gauges;
use crate::kafka::{self, note_of};
use crate::pacing::{Burst, Pacer, Punctuality};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::sequences::SequenceSet;
use crate::stamp::{ProducerId, Stamp};

/// What the sending thread hands over when it ends.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Records the client accepted.
    pub(crate) records: u64,
    /// Time from the start until the last record was sent.
    pub(crate) elapsed_ns: u64,
    /// How well the schedule was kept.
    pub(crate) punctuality: Punctuality,
    /// How late bursts were, in microseconds.
    pub(crate) lag_us: Histogram<u64>,
    /// From due time to the broker's acknowledgement, in microseconds.
    pub(crate) acknowledged_us: Histogram<u64>,
    /// Records whose delivery failed or is unknown.
    pub(crate) undelivered: SequenceSet,
    /// Why sending ended before the plan did, if it did so by itself.
    pub(crate) gave_up: Option<String>,
}

/// Receives delivery reports; on the sending thread only, so its lock is never contended.
#[derive(Debug)]
pub(crate) struct Deliveries {
    /// Set once the start of the run is fixed, before anything is sent.
    plan: OnceLock<Plan>,
    clock: Clock,
    gauges: Arc<Gauges>,
    state: Mutex<DeliveryState>,
}

#[derive(Debug)]
struct DeliveryState {
    acknowledged: u64,
    acknowledged_us: Histogram<u64>,
    undelivered: SequenceSet,
}

impl ClientContext for Deliveries {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.gauges.note(note_of(&error, reason));
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, sequence: usize) {
        let sequence = sequence as u64;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(_) => {
                state.acknowledged += 1;
                self.gauges.acknowledged.set(state.acknowledged);
                let Some(plan) = self.plan.get() else {
                    return;
                };
                let due_ns = plan.due_ns(sequence);
                if !plan.in_warmup(due_ns) {
                    let latency_us = self.clock.now_ns().saturating_sub(due_ns) / 1_000;
                    state.acknowledged_us.saturating_record(latency_us);
                }
            }
            Err((error, _)) => {
                state.undelivered.insert(sequence);
                self.gauges.undelivered.set(state.undelivered.len());
                self.gauges.note(format!("event not delivered: {error}"));
            }
        }
    }
}

/// Connects the sending client and makes it learn the topic, so that the first event does not
/// pay for it.
pub(crate) fn connect(
    args: &Args,
    clock: Clock,
    gauges: &Arc<Gauges>,
) -> Result<BaseProducer<Deliveries>, kafka::Error> {
    let context = Deliveries {
        plan: OnceLock::new(),
        clock,
        gauges: Arc::clone(gauges),
        state: Mutex::new(DeliveryState {
            acknowledged: 0,
            acknowledged_us: latency_histogram(),
            undelivered: SequenceSet::default(),
        }),
    };
    let producer: BaseProducer<Deliveries, NoCustomPartitioner> =
        BaseProducer::from_config_and_context(&kafka::producer_config(args), context)
            .map_err(kafka::Error::Settings)?;
    producer
        .client()
        .fetch_metadata(Some(&args.topic), args.connect_timeout)
        .map_err(|error| kafka::unreachable(args, &error))?;
    Ok(producer)
}

/// The sending side of a run.
pub(crate) struct Generator {
    producer: BaseProducer<Deliveries>,
    topic: String,
    payload: Payload,
    producer_id: ProducerId,
    plan: Plan,
    clock: Clock,
    gauges: Arc<Gauges>,
    outstanding_max: u64,
    /// Without any outcome or acknowledgement for this long, a held-back run is given up.
    patience: Duration,
    value: Vec<u8>,
    gave_up: Option<String>,
}

impl Generator {
    /// A generator that sends `plan` over a connected client.
    pub(crate) fn new(
        args: &Args,
        producer: BaseProducer<Deliveries>,
        payload: Payload,
        producer_id: ProducerId,
        plan: Plan,
    ) -> Self {
        let deliveries = producer.context();
        let (clock, gauges) = (deliveries.clock, Arc::clone(&deliveries.gauges));
        let plan = *deliveries.plan.get_or_init(|| plan);
        Self {
            producer,
            topic: args.topic.clone(),
            payload,
            producer_id,
            plan,
            clock,
            gauges,
            outstanding_max: args.outstanding_max.unwrap_or(u64::MAX),
            patience: args.drain_timeout,
            value: Vec::new(),
            gave_up: None,
        }
    }

    /// Sends the plan, waits for the brokers' acknowledgements and hands over.
    pub(crate) fn run(mut self) -> Sent {
        let mut pacer = Pacer::new(self.plan);
        let mut lag_us = latency_histogram();
        let mut patience = Patience::new(self.patience);
        let mut last_sent_ns = 0;
        sleep(self.plan.start_ns.saturating_sub(self.clock.now_ns()));
        while !self.gauges.stop_sending.load(Ordering::Relaxed) && self.gave_up.is_none() {
            let elapsed_ns = self.elapsed_ns();
            let burst = pacer.wake(elapsed_ns, self.room(pacer.sent_count()));
            let accepted = self.send(&burst);
            if let Some(lag_ns) = burst.lag_ns {
                lag_us.saturating_record(lag_ns / 1_000);
                self.gauges.schedule_delay.observe_us(lag_ns / 1_000);
            }
            pacer.sent(accepted);
            self.gauges.sent.set(pacer.sent_count());
            if accepted < burst.count {
                pacer.queue_was_full();
            }
            if accepted > 0 {
                last_sent_ns = self.elapsed_ns();
            }
            self.serve();
            if burst.last && (accepted == burst.count || self.is_past_stop()) {
                break;
            }
            self.check_patience(&mut patience, accepted < burst.owed);
            sleep(pacer.sleep_ns(self.elapsed_ns()));
        }
        self.flush();
        self.hand_over(&pacer, lag_us, last_sent_ns)
    }

    /// Sends a burst; returns how many of it the client accepted.
    fn send(&mut self, burst: &Burst) -> u64 {
        for nth in 0..burst.count {
            if !self.send_one(burst.first + nth) {
                return nth;
            }
            // A long burst must not keep acknowledgements waiting.
            if nth % SERVE_EVERY == SERVE_EVERY - 1 {
                self.producer.poll(Duration::ZERO);
            }
        }
        burst.count
    }

    fn send_one(&mut self, sequence: u64) -> bool {
        self.payload.render(sequence, &mut self.value);
        let key = self.plan.key(sequence);
        let stamp = Stamp { sequence, due_ns: self.plan.due_ns(sequence) };
        let mut record = BaseRecord::with_opaque_to(&self.topic, sequence as usize)
            .payload(self.value.as_slice())
            .headers(stamp.headers(&self.producer_id));
        if let Some(key) = &key {
            record = record.key(key.as_bytes());
        }
        match self.producer.send(record) {
            Ok(()) => true,
            Err((error, _)) => {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    self.gave_up = Some(format!("event {sequence} was refused: {error}"));
                }
                false
            }
        }
    }

    /// One call serves one batch of reports only.
    fn serve(&self) {
        for _ in 0..SERVE_BATCHES {
            self.producer.poll(Duration::ZERO);
        }
    }

    fn room(&self, sent: u64) -> u64 {
        let answered = self.gauges.settled.get() + self.gauges.undelivered.get();
        self.outstanding_max.saturating_sub(sent.saturating_sub(answered))
    }

    fn check_patience(&mut self, patience: &mut Patience, stuck: bool) {
        let answers = self.gauges.settled.get()
            + self.gauges.acknowledged.get()
            + self.gauges.undelivered.get();
        if patience.is_lost(answers, stuck, self.clock.now_ns()) {
            self.gave_up = Some(format!(
                "held back without any outcome or acknowledgement for {:?}",
                self.patience
            ));
        }
    }

    fn is_past_stop(&self) -> bool {
        let stop_after_ns = self.plan.stop_after_ns;
        stop_after_ns.is_some_and(|stop| self.elapsed_ns() >= stop)
    }

    fn elapsed_ns(&self) -> u64 {
        self.clock.now_ns().saturating_sub(self.plan.start_ns)
    }

    /// Waits until every record is acknowledged or given up by the client, which does the latter
    /// after `message.timeout.ms`; the patience bounds it in any case.
    fn flush(&self) {
        let deadline_ns = self.clock.now_ns() + self.patience.as_nanos() as u64;
        while self.producer.in_flight_count() > 0 && self.clock.now_ns() < deadline_ns {
            self.producer.poll(Duration::from_millis(1));
        }
    }

    fn hand_over(self, pacer: &Pacer, lag_us: Histogram<u64>, elapsed_ns: u64) -> Sent {
        if self.producer.in_flight_count() > 0 {
            self.gauges.note(format!(
                "{} events were still unacknowledged after {:?}",
                self.producer.in_flight_count(),
                self.patience
            ));
        }
        let deliveries = self.producer.context();
        let mut state = deliveries.state.lock().unwrap_or_else(PoisonError::into_inner);
        Sent {
            records: pacer.sent_count(),
            elapsed_ns,
            punctuality: pacer.punctuality(),
            lag_us,
            acknowledged_us: std::mem::replace(&mut state.acknowledged_us, latency_histogram()),
            undelivered: std::mem::take(&mut state.undelivered),
            gave_up: self.gave_up.clone(),
        }
    }
}

fn sleep(ns: u64) {
    if ns > 0 {
        std::thread::sleep(Duration::from_nanos(ns));
    }
}

/// Notices that a run which is held back is not answered any more either.
#[derive(Debug)]
struct Patience {
    limit_ns: u64,
    answers: u64,
    stuck_since_ns: Option<u64>,
}

impl Patience {
    fn new(limit: Duration) -> Self {
        Self { limit_ns: limit.as_nanos() as u64, answers: 0, stuck_since_ns: None }
    }

    /// Takes the sum of all answers so far, and whether due records could not be sent just now.
    fn is_lost(&mut self, answers: u64, stuck: bool, now_ns: u64) -> bool {
        if !stuck || answers != self.answers {
            self.answers = answers;
            self.stuck_since_ns = None;
        }
        let since_ns = *self.stuck_since_ns.get_or_insert(now_ns);
        now_ns.saturating_sub(since_ns) > self.limit_ns
    }
}

const SERVE_EVERY: u64 = 512;
const SERVE_BATCHES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_only_when_stuck_and_unanswered() {
        let mut patience = Patience::new(Duration::from_secs(1));
        let second = 1_000_000_000;
        assert!(!patience.is_lost(0, true, 0));
        assert!(!patience.is_lost(0, false, 5 * second), "sent something");
        assert!(!patience.is_lost(0, true, 5 * second));
        assert!(!patience.is_lost(1, true, 7 * second), "was answered");
        assert!(!patience.is_lost(1, true, 8 * second));
        assert!(patience.is_lost(1, true, 8 * second + 1));
    }
}
