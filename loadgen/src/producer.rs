//! The sending thread: wakes every tick, sends what is due, and keeps the client served.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hdrhistogram::Histogram;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::checker::latency_histogram;
use crate::clock::Clock;
use crate::gauges::Gauges;
use crate::in_flight::{Held, InFlight};
use crate::kafka::{self, Outbox, note_of};
use crate::keys::Key;
use crate::librdkafka::{Record, Report};
use crate::pacing::{self, Due, Pacer, Punctuality};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::punctual;
use crate::quantity::Span;
use crate::scenario::Scenario;
use crate::sequences::SequenceSet;
use crate::stamp::{self, ProducerId, Stamp};

/// What the sending thread hands over when it ends.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Records the client accepted.
    pub(crate) records: u64,
    /// The same by stage of their due time.
    pub(crate) records_by_stage: Vec<u64>,
    /// Whether the schedule was sent to its end.
    pub(crate) complete: bool,
    /// Time from the start until the last record was sent.
    pub(crate) elapsed_ns: u64,
    /// Time from the start until nothing more was to be sent, whatever the reason.
    pub(crate) stopped_ns: u64,
    /// How well the schedule was kept.
    pub(crate) punctuality: Punctuality,
    /// How late bursts were, in microseconds.
    pub(crate) lag_us: Histogram<u64>,
    /// From due time to the broker's acknowledgement, in microseconds.
    pub(crate) acknowledged_us: Histogram<u64>,
    /// Records whose delivery failed.
    pub(crate) undelivered: SequenceSet,
    /// Records of which nothing was heard until the end.
    pub(crate) unacknowledged: SequenceSet,
    /// Delivery reports of no record in flight: told twice, of which the first counts.
    pub(crate) stray_reports: u64,
    /// Why sending ended before the plan did, if it did so by itself.
    pub(crate) gave_up: Option<String>,
}

impl Sent {
    /// Returns whether the brokers confirmed that they have the record.
    pub(crate) fn is_acknowledged(&self, sequence: u64) -> bool {
        !self.undelivered.contains(sequence) && !self.unacknowledged.contains(sequence)
    }
}

/// What became of the records that the client took.
#[derive(Debug)]
struct Deliveries {
    in_flight: InFlight,
    acknowledged: u64,
    acknowledged_us: Histogram<u64>,
    undelivered: SequenceSet,
}

impl Deliveries {
    /// Room for as many records as the client's queue may hold.
    fn new(records: usize) -> Self {
        Self {
            in_flight: InFlight::new(records),
            acknowledged: 0,
            acknowledged_us: latency_histogram(),
            undelivered: SequenceSet::default(),
        }
    }

    /// Enters a report served at `now_ns`.
    fn take(&mut self, report: Report, plan: &Plan, gauges: &Gauges, now_ns: u64) {
        match report {
            Report::Delivered(tag) => {
                let Some(Held { due_ns, .. }) = self.in_flight.take(tag) else {
                    return;
                };
                self.acknowledged += 1;
                if !plan.in_warmup(due_ns) {
                    let latency_us = now_ns.saturating_sub(due_ns) / 1_000;
                    self.acknowledged_us.saturating_record(latency_us);
                }
            }
            Report::Undelivered(tag, error) => {
                let Some(Held { sequence, .. }) = self.in_flight.take(tag) else {
                    return;
                };
                self.undelivered.insert(sequence);
                gauges
                    .note(format!("event not delivered: {}", KafkaError::MessageProduction(error)));
            }
            Report::Complaint(error, reason) => {
                gauges.note(note_of(&KafkaError::Global(error), &reason));
            }
        }
    }
}

/// The sending side of a run.
pub(crate) struct Generator {
    outbox: Outbox,
    deliveries: Deliveries,
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
        scenario: &Scenario,
        outbox: Outbox,
        payload: Payload,
        producer_id: ProducerId,
        plan: Plan,
        clock: Clock,
        gauges: Arc<Gauges>,
    ) -> Self {
        Self {
            outbox,
            deliveries: Deliveries::new(kafka::queue_records_max(&scenario.kafka)),
            payload,
            producer_id,
            plan,
            clock,
            gauges,
            outstanding_max: scenario.outstanding_max.unwrap_or(u64::MAX),
            patience: scenario.drain_timeout.duration(),
            value: Vec::new(),
            gave_up: None,
        }
    }

    /// Sends the plan, waits for the brokers' acknowledgements and hands over.
    pub(crate) fn run(mut self) -> Sent {
        let mut pacer = Pacer::new(&self.plan);
        let mut books = Books::new(self.plan.schedule.stages().len());
        let mut patience = Patience::new(self.patience);
        punctual::ask();
        sleep(self.plan.start_ns.saturating_sub(self.clock.now_ns()));
        while !self.gauges.stop_sending.load(Ordering::Relaxed) && self.gave_up.is_none() {
            let lag_ns = pacer.wake(self.elapsed_ns());
            if let Some(lag_ns) = lag_ns {
                books.lag_us.saturating_record(lag_ns / 1_000);
                self.gauges.schedule_delay.record(lag_ns / 1_000, 1);
            }
            let before = pacer.sent_count();
            self.send_due(&mut pacer, &mut books);
            self.gauges.sent.set(pacer.sent_count());
            self.gauges.ticks.set(pacer.punctuality().ticks);
            self.gauges.ticks_late.set(pacer.punctuality().ticks_late);
            if pacer.sent_count() > before {
                books.last_sent_ns = self.elapsed_ns();
            }
            self.serve();
            if pacer.is_at_end() || pacer.is_past_stop() {
                break;
            }
            self.check_patience(&mut patience, pacer.next_due().is_some());
            sleep(pacer.sleep_ns(self.elapsed_ns()));
        }
        books.stopped_ns = self.elapsed_ns();
        self.flush();
        self.hand_over(&pacer, books)
    }

    /// Sends what is due, as far as the outstanding limit and the client's queue allow.
    fn send_due(&mut self, pacer: &mut Pacer, books: &mut Books) {
        let mut room = self.room(pacer.sent_count());
        let mut since_served = 0;
        let timestamp_ms = (self.clock.now_ns() / 1_000_000) as i64;
        while let Some(due) = pacer.next_due() {
            if room == 0 {
                pacer.held_back();
                return;
            }
            if !self.send_one(due, timestamp_ms) {
                pacer.queue_was_full();
                return;
            }
            books.count(self.plan.schedule.stage_at(due.offset_ns));
            pacer.sent();
            room -= 1;
            // A long burst must not keep acknowledgements waiting.
            since_served += 1;
            if since_served == SERVE_EVERY {
                since_served = 0;
                self.serve();
            }
        }
    }

    fn send_one(&mut self, due: Due, timestamp_ms: i64) -> bool {
        let Due { sequence, offset_ns } = due;
        let stamp = Stamp { sequence, due_ns: self.plan.start_ns.saturating_add(offset_ns) };
        self.payload.render(stamp, &mut self.value);
        let key = self.plan.key(sequence);
        let header = stamp.write(&self.producer_id);
        let held = Held { sequence, due_ns: stamp.due_ns };
        let sent = self.deliveries.in_flight.send(held, |tag| {
            self.outbox.send(&Record {
                key: key.as_ref().map(Key::as_bytes),
                value: &self.value,
                header: (stamp::HEADER, &header),
                timestamp_ms,
                tag,
            })
        });
        match sent {
            Ok(()) => true,
            Err(RDKafkaErrorCode::QueueFull) => false,
            Err(error) => {
                let error = KafkaError::MessageProduction(error);
                self.gave_up = Some(format!("event {sequence} was refused: {error}"));
                false
            }
        }
    }

    /// Takes the reports that have come; what brokers answer in the meantime waits for its turn.
    fn serve(&mut self) {
        let now_ns = self.clock.now_ns();
        let Self { outbox, deliveries, plan, gauges, .. } = self;
        for _ in 0..SERVE_BATCHES {
            if !outbox.serve(|report| deliveries.take(report, plan, gauges, now_ns)) {
                break;
            }
        }
        gauges.acknowledged.set(deliveries.acknowledged);
        gauges.undelivered.set(deliveries.undelivered.len());
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
                "held back without any outcome or acknowledgement for {}",
                Span::from(self.patience)
            ));
        }
    }

    fn elapsed_ns(&self) -> u64 {
        self.clock.now_ns().saturating_sub(self.plan.start_ns)
    }

    /// Waits until every record is acknowledged or given up by the client, which does the latter
    /// after `message.timeout.ms`; the patience bounds it in any case.
    fn flush(&mut self) {
        let deadline_ns = self.clock.now_ns() + self.patience.as_nanos() as u64;
        while self.outbox.in_flight() > 0 && self.clock.now_ns() < deadline_ns {
            self.serve();
            sleep(pacing::TICK_NS);
        }
    }

    fn hand_over(self, pacer: &Pacer, books: Books) -> Sent {
        let mut unacknowledged = SequenceSet::default();
        for held in self.deliveries.in_flight.held() {
            unacknowledged.insert(held.sequence);
        }
        if unacknowledged.len() > 0 {
            self.gauges.note(format!(
                "{} events were still unacknowledged {} after the last one",
                unacknowledged.len(),
                Span::from(self.patience)
            ));
        }
        Sent {
            records: pacer.sent_count(),
            records_by_stage: books.by_stage,
            complete: pacer.is_at_end(),
            elapsed_ns: books.last_sent_ns,
            stopped_ns: books.stopped_ns,
            punctuality: pacer.punctuality(),
            lag_us: books.lag_us,
            acknowledged_us: self.deliveries.acknowledged_us,
            undelivered: self.deliveries.undelivered,
            unacknowledged,
            stray_reports: self.deliveries.in_flight.strays(),
            gave_up: self.gave_up,
        }
    }
}

/// What the sending thread counts as it goes.
struct Books {
    by_stage: Vec<u64>,
    lag_us: Histogram<u64>,
    last_sent_ns: u64,
    stopped_ns: u64,
}

impl Books {
    fn new(stages: usize) -> Self {
        Self {
            by_stage: vec![0; stages],
            lag_us: latency_histogram(),
            last_sent_ns: 0,
            stopped_ns: 0,
        }
    }

    fn count(&mut self, stage: usize) {
        self.by_stage[stage] += 1;
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

const SERVE_EVERY: u32 = 512;
/// A bound, so that serving cannot keep events that are due from being sent.
const SERVE_BATCHES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_entered_under_the_number_and_due_time_of_their_record() {
        let mut deliveries = Deliveries::new(2);
        let plan = Plan::for_tests(100.0, 1_000);
        let gauges = Gauges::default();
        let due_ns = plan.start_ns + 1_000_000_000;
        let mut tags = Vec::new();
        for sequence in [70_000, 70_001] {
            let held = Held { sequence, due_ns };
            let sent = deliveries.in_flight.send(held, |tag| {
                tags.push(tag);
                Ok(())
            });
            assert_eq!(sent, Ok(()));
        }
        let now_ns = due_ns + 5_000_000;
        deliveries.take(Report::Delivered(tags[0]), &plan, &gauges, now_ns);
        let failed = Report::Undelivered(tags[1], RDKafkaErrorCode::MessageTimedOut);
        deliveries.take(failed, &plan, &gauges, now_ns);
        assert_eq!((deliveries.acknowledged, deliveries.undelivered.len()), (1, 1));
        assert!(deliveries.undelivered.contains(70_001));
        assert!(deliveries.acknowledged_us.max().abs_diff(5_000) <= 5);
        // Told again, both stay what they were.
        deliveries.take(Report::Delivered(tags[1]), &plan, &gauges, now_ns);
        let failed = Report::Undelivered(tags[0], RDKafkaErrorCode::MessageTimedOut);
        deliveries.take(failed, &plan, &gauges, now_ns);
        assert_eq!((deliveries.acknowledged, deliveries.undelivered.len()), (1, 1));
        assert_eq!((deliveries.acknowledged_us.len(), deliveries.in_flight.strays()), (1, 2));
    }

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
