//! The reading thread: hands every outcome and bill to the checker, in the order they come.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::artefacts::Recorder;
use crate::bills::BillCounts;
use crate::checker::{Checker, Outcome, OutcomeCounts, Source};
use crate::clock::Clock;
use crate::gauges::Gauges;
use crate::kafka::Inbox;
use crate::librdkafka::Message;
use crate::plan::Plan;
use crate::scenario::Connection;
use crate::stamp::OutcomeHeaders;
use crate::timeline::Timeline;

/// The topics to read and what is on them.
#[derive(Debug)]
pub(crate) struct Streams(Vec<Stream>);

#[derive(Debug)]
struct Stream {
    topic: String,
    /// What the client marks its records with; known from its first record on.
    tag: Option<usize>,
    source: Source,
    next_offsets: Vec<i64>,
}

impl Streams {
    /// The streams the scenario names; a failure topic that is a result topic is read as such.
    pub(crate) fn new(connection: &Connection) -> Self {
        let results = connection.result_topics.iter().enumerate();
        let mut named: Vec<(&String, Source)> =
            results.map(|(nth, topic)| (topic, Source::Result(nth))).collect();
        if let Some(topic) = &connection.failure_topic
            && !connection.result_topics.contains(topic)
        {
            named.push((topic, Source::Failure));
        }
        named.extend(connection.billing_topic.iter().map(|topic| (topic, Source::Billing)));
        let dead_letters = connection.dead_letter_topic.iter();
        named.extend(dead_letters.map(|topic| (topic, Source::DeadLetter)));
        let streams = named.into_iter().map(|(topic, source)| Stream {
            topic: topic.clone(),
            tag: None,
            source,
            next_offsets: Vec::new(),
        });
        Self(streams.collect())
    }

    /// Returns the names of the topics.
    pub(crate) fn topics(&self) -> Vec<&str> {
        self.0.iter().map(|stream| stream.topic.as_str()).collect()
    }

    /// Says where reading begins, by topic and partition.
    pub(crate) fn start_at(&mut self, offsets: Vec<Vec<i64>>) {
        for (stream, next_offsets) in self.0.iter_mut().zip(offsets) {
            stream.next_offsets = next_offsets;
        }
    }

    /// Returns what is on the topic of `message`, and how many offsets were skipped just before it.
    fn locate(&mut self, message: &Message<'_>) -> Option<(Source, u64)> {
        let tag = message.topic_tag();
        let known = self.0.iter().position(|stream| stream.tag == Some(tag));
        let nth = known.or_else(|| self.learn(message))?;
        let stream = &mut self.0[nth];
        let next = stream.next_offsets.get_mut(usize::try_from(message.partition()).ok()?)?;
        let skipped = u64::try_from(message.offset() - *next).unwrap_or(0);
        *next = message.offset() + 1;
        Some((stream.source, skipped))
    }

    /// Comparing names for every record would cost more than all else that is done to find it.
    fn learn(&mut self, message: &Message<'_>) -> Option<usize> {
        let topic = message.topic();
        let nth = self.0.iter().position(|stream| stream.topic == topic)?;
        self.0[nth].tag = Some(message.topic_tag());
        Some(nth)
    }
}

/// What the reading thread hands over when it ends.
#[derive(Debug)]
pub(crate) struct Read {
    /// The ledger.
    pub(crate) checker: Checker,
    /// Offsets that were never delivered: transaction markers, compaction, or records that
    /// retention took before they were read.
    pub(crate) offsets_skipped: u64,
    /// Records read, of all kinds.
    pub(crate) records: u64,
    /// The run second by second.
    pub(crate) timeline: Timeline,
    /// The files that grew with it, if any were asked for.
    pub(crate) recorder: Option<Recorder>,
}

/// What the reading thread works with.
pub(crate) struct Desk {
    /// Where the records of all streams come in.
    pub(crate) inbox: Inbox,
    /// What it reads.
    pub(crate) streams: Streams,
    /// The ledger.
    pub(crate) checker: Checker,
    /// What was meant to happen.
    pub(crate) plan: Plan,
    /// The time.
    pub(crate) clock: Clock,
    /// What the other threads are told.
    pub(crate) gauges: Arc<Gauges>,
    /// Files that grow with the run.
    pub(crate) recorder: Option<Recorder>,
}

/// Reads until told to stop.
pub(crate) fn read(desk: Desk) -> Read {
    let Desk { mut inbox, mut streams, checker, plan, clock, gauges, recorder } = desk;
    let timeline = Timeline::new();
    let mut read = Read { checker, offsets_skipped: 0, records: 0, timeline, recorder };
    let mut interval_end_ns = plan.start_ns + read.timeline.next_end_ns();
    while !gauges.stop_consuming.load(Ordering::Relaxed) {
        let any = inbox.fill(WAIT_MAX);
        // Records of a batch were handed over together: one reading of the clock is right for all.
        let now_ns = clock.now_ns();
        for message in inbox.drain() {
            match message.error() {
                None => read.take(&message, &mut streams, now_ns),
                Some(error) => gauges.note(format!("reading: {error}")),
            }
        }
        if any {
            publish(read.checker.counts(), read.checker.bill_counts(), &gauges);
        }
        // Records do not come this way; what the client itself has to say does.
        if let Some(Err(error)) = inbox.consumer().poll(Duration::ZERO) {
            gauges.note(format!("reading: {error}"));
        }
        if now_ns >= interval_end_ns {
            read.close_interval(now_ns, &plan, &gauges);
            interval_end_ns = plan.start_ns + read.timeline.next_end_ns();
        }
    }
    // What the last, shorter interval holds.
    read.close_interval(clock.now_ns(), &plan, &gauges);
    read
}

impl Read {
    fn close_interval(&mut self, now_ns: u64, plan: &Plan, gauges: &Gauges) {
        let recent = self.checker.recent();
        let row = self.timeline.close(plan.offset_ns(now_ns), plan, gauges, recent);
        if let Some(recorder) = &mut self.recorder {
            recorder.interval(&row, recent);
        }
        for value in recent.measured_us.iter_recorded() {
            gauges.latency.record(value.value_iterated_to(), value.count_at_value());
        }
        let us = |ms: f64| (ms * 1e3) as u64;
        let latency = row.latency.unwrap_or_default();
        gauges.recent_p50_us.set(us(latency.p50));
        gauges.recent_p99_us.set(us(latency.p99));
        gauges.recent_p999_us.set(us(latency.p999));
        gauges.recent_max_us.set(us(latency.max));
        self.checker.begin_interval();
    }

    fn take(&mut self, message: &Message<'_>, streams: &mut Streams, now_ns: u64) {
        let Some((source, skipped)) = streams.locate(message) else {
            return;
        };
        self.records += 1;
        self.offsets_skipped += skipped;
        if source == Source::Billing {
            self.checker.bill(message.key(), message.value(), message.headers());
            return;
        }
        let outcome = Outcome {
            source,
            key: message.key(),
            value: message.value(),
            headers: OutcomeHeaders::pick(message.headers()),
            timestamp_ms: message.timestamp_ms(),
        };
        self.checker.outcome(&outcome, now_ns);
    }
}

fn publish(counts: &OutcomeCounts, bills: BillCounts, gauges: &Gauges) {
    let unmatched = if counts.foreign == 0 { bills.unmatched } else { 0 };
    gauges.settled.set(counts.settled);
    gauges.failed.set(counts.failed);
    gauges.timed_out.set(counts.timed_out);
    gauges.unstated.set(counts.unstated);
    gauges.dead_letters.set(counts.dead_letters);
    gauges.duplicated.set(counts.duplicated + bills.duplicated);
    gauges.wrong.set(counts.wrong.total());
    gauges.bills_open.set(bills.missing + unmatched);
}

const WAIT_MAX: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gauges::Cell;

    #[test]
    fn every_status_is_shown() {
        let counts = OutcomeCounts {
            settled: 15,
            dead_letters: 5,
            succeeded: 4,
            failed: 3,
            timed_out: 2,
            unstated: 1,
            ..OutcomeCounts::default()
        };
        let gauges = Gauges::default();
        publish(&counts, BillCounts::default(), &gauges);
        let shown = [&gauges.failed, &gauges.timed_out, &gauges.unstated, &gauges.dead_letters];
        assert_eq!(shown.map(Cell::get), [3, 2, 1, 5]);
    }
}
