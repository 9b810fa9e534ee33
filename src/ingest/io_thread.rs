//! The loop of a source: one consumer, one producer, one thread, no lock.
//!
//! A turn serves the group, then reports, then outcomes, then intake: whatever makes room comes
//! before what needs it. When nothing happens the thread naps once (so that a trickle of wake-ups
//! is served in one go) and then sleeps until the bell rings.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::TopicPartitionList;
use tracing::{info, warn};

use crate::shard::outbox::{Bell, LaneReceiver};

use super::books::Books;
use super::client_stats::PartitionName;
use super::consumer::{Consumer, GroupEvent};
use super::counters::PartitionLag;
use super::error::Error;
use super::ledger::Ledger;
use super::lives::Lives;
use super::options::Options;
use super::partitions::list;
use super::pipeline::Report;
use super::port::{Router, own_slot};
use super::producer::Producer;
use super::publish::Publishing;

/// Everything that one I/O thread owns.
pub(super) struct IoThread {
    pub(super) options: Options,
    pub(super) cluster_id: String,
    pub(super) consumer: Consumer,
    pub(super) producer: Producer,
    /// Sends records alone; made when the first record is refused for its size.
    pub(super) solo: Option<Producer>,
    pub(super) router: Router,
    pub(super) lane: LaneReceiver,
    pub(super) bell: Arc<Bell>,
    pub(super) books: Books,
    pub(super) publishing: Option<Publishing>,
    pub(super) stop: Arc<AtomicBool>,
    /// Intake stands still since then.
    pub(super) blocked_since: Option<Instant>,
    /// The record that is next has been counted as one that has to wait.
    pub(super) front_waits: bool,
    pub(super) last_commit: Instant,
    pub(super) last_lags: Instant,
    /// Commits sent and not answered, by when; answers come in their order.
    pub(super) commits_open: VecDeque<Instant>,
    pub(super) lives: Lives,
}

impl IoThread {
    /// Runs until stopped or until something cannot be mended; drains, commits and leaves.
    pub(super) fn run(mut self) -> Report {
        let error = self.serve().err();
        let deadline = Instant::now()
            + if error.is_none() { self.options.drain_timeout } else { Duration::ZERO };
        let drained = self.drain(deadline);
        let open = self.books.held.len() as u64;
        self.books.counters.in_flight.set(open);
        let dropped = open + self.books.counters.dropped.get();
        if dropped > 0 {
            let pipeline = &self.options.pipeline_name;
            warn!(
                pipeline,
                dropped, "executions dropped uncommitted; their next owner runs them again"
            );
        }
        Report {
            dropped,
            finished: self.books.counters.finished.get(),
            error: error.or(drained.err()),
        }
    }

    fn serve(&mut self) -> Result<(), Error> {
        self.consumer.subscribe(&self.options.topics)?;
        let mut idle_turns = 0;
        while !self.stop.load(Ordering::SeqCst) {
            let mut busy = self.turn()?;
            busy |= self.intake()?;
            self.commit_when_due()?;
            idle_turns = if busy { 0 } else { idle_turns + 1 };
            match idle_turns {
                0 => {}
                1 => std::thread::sleep(NAP),
                _ => self.sleep(),
            }
        }
        Ok(())
    }

    /// One turn without intake; says whether anything happened.
    fn turn(&mut self) -> Result<bool, Error> {
        let mut busy = false;
        for event in self.consumer.poll()? {
            busy = true;
            self.on_group_event(event)?;
        }
        self.follow_topic_ids();
        busy |= self.poll_reports()?;
        busy |= self.publish()?;
        let held = self.books.held.len() as u64;
        self.books.counters.in_flight.set(held);
        Ok(busy)
    }

    fn poll_reports(&mut self) -> Result<bool, Error> {
        self.books.now_ms = epoch_ms();
        self.books.counters.loops.add(1);
        let Self { producer, solo, books, options, .. } = self;
        let mut busy = producer.poll(|delivery| books.delivered(options, delivery))?;
        if let Some(solo) = solo {
            busy |= solo.poll(|delivery| books.delivered(options, delivery))?;
        }
        match books.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(busy),
        }
    }

    fn sleep(&mut self) {
        let blocked = self.blocked_since.is_some();
        let longest = if blocked {
            SLEEP_BLOCKED_MAX
        } else if self.books.finished_since_commit > 0 || self.books.held.len() > 0 {
            SLEEP_OPEN_MAX
        } else {
            SLEEP_IDLE_MAX
        };
        let Self { consumer, producer, solo, lane, stop, bell, .. } = self;
        bell.sleep(longest, || {
            !stop.load(Ordering::SeqCst)
                && !lane.has_next()
                && (blocked || consumer.is_quiet())
                && producer.is_quiet()
                && solo.as_ref().is_none_or(Producer::is_quiet)
        });
    }

    fn on_group_event(&mut self, event: GroupEvent) -> Result<(), Error> {
        match event {
            GroupEvent::Assigned(partitions) => {
                let began = Instant::now();
                self.books.counters.rebalances[0].add(1);
                for element in partitions.elements() {
                    self.books.partitions.assign(
                        &self.options,
                        &self.cluster_id,
                        element.topic(),
                        element.partition(),
                    );
                }
                let (pipeline, names) = (&self.options.pipeline_name, names(&partitions));
                info!(
                    pipeline,
                    partitions = list(&names),
                    count = names.len(),
                    "partitions assigned"
                );
                // Before the first record: an id that is asked for later may be a later one.
                let learned = self.learn_topic_ids();
                let assigned = self.consumer.assign(&partitions);
                self.books.counters.rebalance_duration.took(began.elapsed());
                learned.and(assigned)
            }
            GroupEvent::Revoked(partitions) => {
                let began = Instant::now();
                let lost = usize::from(self.consumer.assignment_is_lost());
                self.books.counters.rebalances[1 + lost].add(1);
                let (pipeline, names) = (&self.options.pipeline_name, names(&partitions));
                if lost == 1 {
                    warn!(
                        pipeline,
                        partitions = list(&names),
                        count = names.len(),
                        "partitions lost"
                    );
                } else {
                    info!(
                        pipeline,
                        partitions = list(&names),
                        count = names.len(),
                        "partitions revoked"
                    );
                }
                let revoked = self.revoke(&partitions, &names);
                self.books.counters.rebalance_duration.took(began.elapsed());
                revoked
            }
            GroupEvent::Committed(result) => {
                self.on_committed(&result);
                Ok(())
            }
        }
    }

    /// Lets what runs of these partitions end within the budget, commits, and gives them up.
    fn revoke(
        &mut self,
        partitions: &TopicPartitionList,
        places: &[PartitionName],
    ) -> Result<(), Error> {
        self.consumer.inbox.retain(|message| {
            !places
                .iter()
                .any(|(topic, number)| *number == message.partition() && *topic == message.topic())
        });
        let settled = self.settle_before_revoke(places);
        for (topic, number) in places {
            self.books.partitions.revoke(&self.options, topic, *number);
        }
        // Whatever went wrong before: a revoke that is not answered keeps the client from closing.
        let unassigned = self.consumer.unassign(partitions);
        settled.and(unassigned)
    }

    /// Brings what is open of these partitions to its end, within the budget, and commits.
    fn settle_before_revoke(&mut self, places: &[PartitionName]) -> Result<(), Error> {
        let deadline = Instant::now() + self.options.revoke_timeout;
        while !self.consumer.assignment_is_lost()
            && Instant::now() < deadline
            && places.iter().any(|place| self.is_open(place))
        {
            self.router.hand_over()?;
            self.finish_turn()?;
        }
        self.close_ranges(Close::All);
        let deadline = Instant::now() + REVOKE_BILL_WAIT;
        while !self.consumer.assignment_is_lost()
            && Instant::now() < deadline
            && self.options.billing_sums.is_some()
            && places.iter().any(|place| self.is_unbilled(place))
        {
            self.finish_turn()?;
        }
        if !self.consumer.assignment_is_lost() {
            self.commit_and_wait(COMMIT_WAIT)?;
        }
        Ok(())
    }

    /// Whether a record of its sums is under way.
    fn is_unbilled(&self, (topic, number): &PartitionName) -> bool {
        self.books
            .partitions
            .find(&self.options, topic, *number)
            .and_then(|index| self.books.partitions.get(index))
            .and_then(|partition| partition.sums.as_ref())
            .is_some_and(|sums| sums.unbilled() > 0)
    }

    fn is_open(&self, (topic, number): &PartitionName) -> bool {
        self.books
            .partitions
            .find(&self.options, topic, *number)
            .and_then(|index| self.books.partitions.get(index))
            .and_then(|partition| partition.ledger.as_ref())
            .is_some_and(|ledger| ledger.unfinished() > 0)
    }

    /// A turn that only brings things to their end: reports, outcomes, no lingering.
    pub(super) fn finish_turn(&mut self) -> Result<(), Error> {
        let busy = self.poll_reports()? | self.publish()?;
        if !busy {
            self.producer.hurry();
            if let Some(solo) = &self.solo {
                solo.hurry();
            }
            std::thread::sleep(NAP);
        }
        Ok(())
    }

    /// Ends intake for good, lets executions end until `deadline`, flushes and commits.
    fn drain(&mut self, deadline: Instant) -> Result<(), Error> {
        self.consumer.inbox.retain(|_| false);
        self.router.hand_over()?;
        while self.books.held.len() > 0 && Instant::now() < deadline {
            self.turn()?;
            // Part of a batch may have met a full inbox.
            self.router.hand_over()?;
            self.finish_turn()?;
            self.commit_when_due()?;
        }
        for start in self.router.take_open() {
            self.books.held.release(own_slot(start.origin.slot));
            self.books.counters.dropped.add(1);
        }
        self.close_ranges(Close::All);
        let deadline = Instant::now() + FLUSH_WAIT;
        while (self.in_flight() > 0 || !self.books.resends.is_empty()) && Instant::now() < deadline
        {
            self.finish_turn()?;
        }
        self.commit_and_wait(COMMIT_WAIT)
    }

    fn in_flight(&self) -> usize {
        self.producer.in_flight() + self.solo.as_ref().map_or(0, Producer::in_flight)
    }

    fn commit_when_due(&mut self) -> Result<(), Error> {
        self.close_ranges(Close::Due);
        let now = Instant::now();
        let finished = self.books.finished_since_commit;
        let is_due = now.duration_since(self.last_commit) >= COMMIT_INTERVAL;
        if (finished > 0 && is_due) || finished >= COMMIT_FINISHED_MAX {
            self.commit()?;
            self.last_commit = now;
        }
        if now.duration_since(self.last_lags) >= LAG_INTERVAL {
            self.last_lags = now;
            self.publish_lags();
            self.books.counters.fetched.set(self.consumer.inbox.len() as u64);
            let is_alone = self.consumer.is_alone(&self.options.result_topic);
            self.books.counters.brokers_down.set(is_alone.into());
        }
        Ok(())
    }

    /// Where the source sums: ends the ranges whose time it is and puts their records into the queue.
    fn close_ranges(&mut self, which: Close) {
        if self.options.billing_sums.is_none() {
            return;
        }
        let now_ms = epoch_ms();
        let Self { books, options, .. } = self;
        let most = options.uncommitted_per_partition as u64 / 2;
        let due: Vec<u32> = books
            .partitions
            .sums_mut()
            .filter_map(|(index, sums)| {
                let is_due =
                    which == Close::All || sums.is_due(now_ms) || sums.unbilled() >= most.max(1);
                is_due.then_some(index)
            })
            .collect();
        for index in due {
            books.close_range(options, index, now_ms);
        }
    }

    /// Sends every offset that may be committed and has moved.
    fn commit(&mut self) -> Result<(), Error> {
        self.books.finished_since_commit = 0;
        let mut offsets = Vec::new();
        for partition in self.books.partitions.assigned_mut() {
            if let Some(watermark) = partition.committable()
                && partition.committed.is_some_and(|sent| watermark > sent)
            {
                partition.committed = Some(watermark);
                offsets.push((partition.topic_name.as_str(), partition.number, watermark));
            }
        }
        if offsets.is_empty() {
            return Ok(());
        }
        self.consumer.commit(&offsets)?;
        self.commits_open.push_back(Instant::now());
        self.books.counters.commits.add(1);
        Ok(())
    }

    /// Commits and waits for the answer, but not for ever: what is not committed runs again.
    fn commit_and_wait(&mut self, wait: Duration) -> Result<(), Error> {
        self.commit()?;
        let deadline = Instant::now() + wait;
        while !self.commits_open.is_empty() && Instant::now() < deadline {
            let mut later = Vec::new();
            for event in self.consumer.poll()? {
                match event {
                    GroupEvent::Committed(result) => self.on_committed(&result),
                    event => later.push(event),
                }
            }
            self.consumer.put_back(later);
            std::thread::sleep(NAP);
        }
        if !self.commits_open.is_empty() {
            let pipeline = &self.options.pipeline_name;
            warn!(pipeline, "the broker did not answer the last commit; those records run again");
            self.commits_open.clear();
        }
        Ok(())
    }

    fn on_committed(&mut self, result: &rdkafka::error::KafkaResult<()>) {
        if let Some(sent) = self.commits_open.pop_front() {
            self.books.counters.commit_duration.took(sent.elapsed());
        }
        if let Err(error) = result {
            self.books.counters.commits_failed.add(1);
            let pipeline = &self.options.pipeline_name;
            warn!(pipeline, %error, "commit failed; sending it again");
            for partition in self.books.partitions.assigned_mut() {
                partition.committed = Some(-1);
            }
            self.books.finished_since_commit += 1;
        }
    }

    fn publish_lags(&self) {
        let lags = self
            .books
            .partitions
            .assigned()
            .map(|partition| {
                let (topic, number) = (&partition.topic_name, partition.number);
                let ledger = partition.ledger.as_ref();
                let watermark = ledger.and_then(Ledger::watermark);
                // Nothing has come since the assignment: all stands where it began.
                let begin =
                    if watermark.is_none() { self.consumer.begins_at(topic, number) } else { None };
                let watermark = watermark.or(begin);
                let end = self.consumer.inbox.high_watermark(topic, number);
                PartitionLag {
                    topic: topic.clone(),
                    partition: number,
                    watermark: watermark.unwrap_or(-1),
                    committed: partition.committed.or(begin).unwrap_or(-1),
                    position: ledger.and_then(Ledger::position).or(begin).unwrap_or(-1),
                    records: watermark
                        .zip(end)
                        .map_or(-1, |(watermark, end)| (end - watermark).max(0)),
                }
            })
            .collect();
        self.books.counters.set_lags(lags);
    }
}

/// The partitions of a rebalance, in order.
fn names(partitions: &TopicPartitionList) -> Vec<PartitionName> {
    let elements = partitions.elements();
    let names = elements.iter().map(|element| (element.topic().to_owned(), element.partition()));
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

/// Which ranges of sums are to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    /// Those whose minute is over, or that hold back many offsets.
    Due,
    /// All.
    All,
}

pub(super) fn epoch_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as i64
}

/// How long a revoke waits for the acknowledgement of sums beyond its own budget.
const REVOKE_BILL_WAIT: Duration = Duration::from_secs(2);
/// Lets a trickle of wake-ups gather; costs that much latency at most, when little is going on.
const NAP: Duration = Duration::from_micros(200);
/// Longest sleep with nothing open; librdkafka wants to be polled, and no wake-up is beyond doubt.
const SLEEP_IDLE_MAX: Duration = Duration::from_millis(100);
/// Longest sleep while records are open or uncommitted.
const SLEEP_OPEN_MAX: Duration = Duration::from_millis(50);
/// Longest sleep while intake waits for a shard's inbox, which rings no bell.
const SLEEP_BLOCKED_MAX: Duration = Duration::from_millis(1);
const COMMIT_INTERVAL: Duration = Duration::from_millis(250);
const COMMIT_FINISHED_MAX: u64 = 65_536;
const LAG_INTERVAL: Duration = Duration::from_secs(1);
const COMMIT_WAIT: Duration = Duration::from_secs(5);
const FLUSH_WAIT: Duration = Duration::from_secs(5);
