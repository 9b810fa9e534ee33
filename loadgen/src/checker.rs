//! The ledger: what came back, held against the plan. Pure; records and time come in as arguments.
//!
//! Every event must have exactly one outcome (a result or a dead letter) and every result
//! exactly one bill. What each record should have been follows from its sequence number.

use hdrhistogram::Histogram;

use crate::bill_body::{self, BillBody};
use crate::bills::{BillBounds, BillCounts, Bills, Owner};
use crate::expect::Expectation;
use crate::fingerprint::Fingerprint;
use crate::keys::Key;
use crate::payload::Payload;
use crate::plan::Plan;
use crate::scenario::Verify;
use crate::sequences::SequenceSet;
use crate::stamp::{OutcomeHeaders, ProducerId, Stamp};

/// Which stream a record came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A result topic, by its place among the `--result-topic` flags.
    Result(usize),
    /// The failure topic.
    Failure,
    /// The billing topic.
    Billing,
    /// The dead-letter topic.
    DeadLetter,
}

/// An outcome as consumed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome<'a> {
    /// The stream it came from.
    pub(crate) source: Source,
    /// Record key.
    pub(crate) key: Option<&'a [u8]>,
    /// Record value.
    pub(crate) value: Option<&'a [u8]>,
    /// The headers that matter.
    pub(crate) headers: OutcomeHeaders<'a>,
    /// The record's own timestamp in Kafka.
    pub(crate) timestamp_ms: Option<i64>,
}

/// Figures about outcomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutcomeCounts {
    /// Events of this run with at least one outcome.
    pub(crate) settled: u64,
    /// Result records on a result topic, first ones only.
    pub(crate) results: u64,
    /// Result records on the failure topic, first ones only.
    pub(crate) failures: u64,
    /// Dead letters, first ones only.
    pub(crate) dead_letters: u64,
    /// First results by header `status`: succeeded.
    pub(crate) succeeded: u64,
    /// First results by header `status`: failed.
    pub(crate) failed: u64,
    /// First results by header `status`: timed out.
    pub(crate) timed_out: u64,
    /// First results without a known `status`.
    pub(crate) unstated: u64,
    /// Further outcomes of an event that had one.
    pub(crate) duplicated: u64,
    /// Results that came after a younger event of the same key, within one result topic.
    pub(crate) reordered: u64,
    /// Records this run did not cause.
    pub(crate) foreign: u64,
    /// Records that are not what they should be.
    pub(crate) wrong: WrongCounts,
}

/// Wrong records by the first thing that was wrong with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WrongCounts {
    /// A result for a malformed event, or a dead letter for a sound one.
    pub(crate) kind: u64,
    /// The key is not the event's.
    pub(crate) key: u64,
    /// The value is not the expected one.
    pub(crate) value: u64,
    /// A header is missing: `execution-arn` while bills are checked, `dlq.*` on a dead letter.
    pub(crate) headers: u64,
    /// A sequence number the plan never had.
    pub(crate) sequence: u64,
    /// A bill whose body contradicts its key or itself, among those looked into.
    pub(crate) bill: u64,
}

impl WrongCounts {
    /// Returns how many records were wrong.
    pub(crate) fn total(&self) -> u64 {
        self.kind + self.key + self.value + self.headers + self.sequence + self.bill
    }
}

/// Figures about the outcomes of one stage's events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StageCounts {
    /// Events with at least one outcome.
    pub(crate) settled: u64,
    /// First results, on result topics and on the failure topic.
    pub(crate) results: u64,
    /// First dead letters.
    pub(crate) dead_letters: u64,
    /// First results with status failed or timed out.
    pub(crate) failed: u64,
    /// Further outcomes.
    pub(crate) duplicated: u64,
    /// Results that came after a younger event of the same key.
    pub(crate) reordered: u64,
    /// Records that are not what they should be.
    pub(crate) wrong: u64,
}

/// What is kept of one stage.
#[derive(Debug)]
pub(crate) struct StageLedger {
    /// Figures about its events.
    pub(crate) counts: StageCounts,
    /// Latency from due time to consumption in microseconds, the warm-up left out.
    pub(crate) latency_us: Histogram<u64>,
}

/// Latencies of the last interval, in microseconds.
#[derive(Debug)]
pub(crate) struct Recent {
    /// Of events that count.
    pub(crate) measured_us: Histogram<u64>,
    /// Of events of the warm-up.
    pub(crate) warmup_us: Histogram<u64>,
}

/// What the checker is told about the run.
#[derive(Debug)]
pub(crate) struct Assignment {
    /// The plan both sides follow.
    pub(crate) plan: Plan,
    /// The run's id.
    pub(crate) producer: ProducerId,
    /// What was sent, as a function of the sequence.
    pub(crate) payload: Payload,
    /// What must come back.
    pub(crate) expectation: Option<Expectation>,
    /// How many result topics there are.
    pub(crate) result_topics: usize,
    /// Whether a billing topic is read.
    pub(crate) checks_bills: bool,
    /// What else is checked.
    pub(crate) verify: Verify,
}

/// Holds the ledger of one run.
#[derive(Debug)]
pub(crate) struct Checker {
    assignment: Assignment,
    seen: SequenceSet,
    bills: Bills,
    counts: OutcomeCounts,
    bill_sums: u64,
    youngest_by_key: Vec<Vec<u64>>,
    stages: Vec<StageLedger>,
    recent: Recent,
    written_us: Histogram<u64>,
    rendered: Vec<u8>,
    /// Asked for with every outcome, and costly to work out.
    sequence_end: u64,
}

impl Checker {
    /// An empty ledger.
    pub(crate) fn new(assignment: Assignment) -> Self {
        let keys = assignment.plan.keys.count() as usize;
        let stages = assignment.plan.schedule.stages().iter();
        let ledger =
            |_| StageLedger { counts: StageCounts::default(), latency_us: latency_histogram() };
        Self {
            seen: SequenceSet::default(),
            bills: Bills::new(BillBounds::default()),
            counts: OutcomeCounts::default(),
            bill_sums: 0,
            youngest_by_key: vec![vec![0; keys]; assignment.result_topics],
            stages: stages.map(ledger).collect(),
            recent: Recent { measured_us: latency_histogram(), warmup_us: latency_histogram() },
            written_us: latency_histogram(),
            rendered: Vec::new(),
            sequence_end: assignment.plan.schedule.sequence_end(),
            assignment,
        }
    }

    /// Enters an outcome consumed at `now_ns`.
    pub(crate) fn outcome(&mut self, outcome: &Outcome<'_>, now_ns: u64) {
        let Some(stamp) = outcome.headers.stamp(&self.assignment.producer) else {
            self.expect_bill(outcome, Owner::Foreign);
            self.counts.foreign += 1;
            return;
        };
        let plan = &self.assignment.plan;
        if stamp.sequence >= self.sequence_end {
            self.expect_bill(outcome, Owner::Repeat);
            self.counts.wrong.sequence += 1;
            return;
        }
        let stage = plan.schedule.stage_at(plan.offset_ns(stamp.due_ns));
        if !self.verify(outcome, stamp, now_ns) {
            self.stages[stage].counts.wrong += 1;
        }
        let first = self.seen.insert(stamp.sequence);
        self.expect_bill(outcome, if first { Owner::First } else { Owner::Repeat });
        if !first {
            self.counts.duplicated += 1;
            self.stages[stage].counts.duplicated += 1;
            return;
        }
        self.counts.settled += 1;
        self.stages[stage].counts.settled += 1;
        self.count_first(outcome, stamp.sequence, stage);
        if outcome.source != Source::DeadLetter {
            self.measure(outcome, stamp, stage, now_ns);
        }
    }

    fn expect_bill(&mut self, outcome: &Outcome<'_>, owner: Owner) {
        if self.assignment.checks_bills
            && outcome.source != Source::DeadLetter
            && let Some(arn) = outcome.headers.execution_arn
        {
            self.bills.result(Fingerprint::of(arn), owner);
        }
    }

    /// Enters a billing record. Its headers are only asked for when it is looked into.
    pub(crate) fn bill<'a>(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) {
        let nth = self.bills.counts().records;
        let key = key.unwrap_or_default();
        self.bills.bill(Fingerprint::of(key));
        // Looking into a body costs a parse; the first hundred and then one in a hundred show
        // whether the format holds, while matching itself covers every record.
        if nth < BILLS_LOOKED_INTO || nth.is_multiple_of(BILLS_LOOKED_INTO) {
            match bill_body::look(key, value.unwrap_or_default(), headers) {
                BillBody::Sound => {}
                BillBody::Sums => self.bill_sums += 1,
                BillBody::Malformed => self.counts.wrong.bill += 1,
            }
        }
    }

    /// Returns latencies since [`Self::begin_interval`].
    pub(crate) fn recent(&self) -> &Recent {
        &self.recent
    }

    /// Forgets the latencies of the interval that has ended.
    pub(crate) fn begin_interval(&mut self) {
        self.recent.measured_us.reset();
        self.recent.warmup_us.reset();
    }

    /// Returns the figures about outcomes.
    pub(crate) fn counts(&self) -> &OutcomeCounts {
        &self.counts
    }

    /// Returns the figures about bills.
    pub(crate) fn bill_counts(&self) -> BillCounts {
        self.bills.counts()
    }

    /// Returns how many of the bills looked into are sums over many executions.
    pub(crate) fn bill_sums(&self) -> u64 {
        self.bill_sums
    }

    /// Returns which events have an outcome.
    pub(crate) fn seen(&self) -> &SequenceSet {
        &self.seen
    }

    /// Returns what is kept of each stage.
    pub(crate) fn stages(&self) -> &[StageLedger] {
        &self.stages
    }

    /// Returns latency from due time to consumption over all stages, in microseconds.
    pub(crate) fn latency_us(&self) -> Histogram<u64> {
        let mut all = latency_histogram();
        for stage in &self.stages {
            all.add(&stage.latency_us).expect("histograms of the same bounds add up");
        }
        all
    }

    /// Returns latency from due time to the result's record timestamp, in microseconds of
    /// millisecond resolution.
    pub(crate) fn written_us(&self) -> &Histogram<u64> {
        &self.written_us
    }

    fn count_first(&mut self, outcome: &Outcome<'_>, sequence: u64, stage: usize) {
        match outcome.source {
            Source::DeadLetter => {
                self.counts.dead_letters += 1;
                self.stages[stage].counts.dead_letters += 1;
                return;
            }
            Source::Failure => self.counts.failures += 1,
            Source::Result(topic) => {
                self.counts.results += 1;
                if !self.is_in_order(topic, sequence) {
                    self.counts.reordered += 1;
                    self.stages[stage].counts.reordered += 1;
                }
            }
            // Bills come in through `bill`.
            Source::Billing => return,
        }
        let stage = &mut self.stages[stage].counts;
        stage.results += 1;
        match outcome.headers.status {
            Some(b"SUCCEEDED") => self.counts.succeeded += 1,
            Some(b"FAILED") => {
                self.counts.failed += 1;
                stage.failed += 1;
            }
            Some(b"TIMED_OUT") => {
                self.counts.timed_out += 1;
                stage.failed += 1;
            }
            _ => self.counts.unstated += 1,
        }
    }

    /// Returns whether the event is younger than all of its key that came before it, and takes
    /// note of it.
    fn is_in_order(&mut self, topic: usize, sequence: u64) -> bool {
        let Some(key) = self.assignment.plan.key(sequence) else {
            return true;
        };
        let lane = self.youngest_by_key.get_mut(topic);
        let Some(youngest) = lane.and_then(|lane| lane.get_mut(key.number as usize)) else {
            return true;
        };
        // Stored one up, so that zero means none yet.
        let in_order = sequence >= *youngest;
        *youngest = (*youngest).max(sequence + 1);
        in_order
    }

    fn measure(&mut self, outcome: &Outcome<'_>, stamp: Stamp, stage: usize, now_ns: u64) {
        let latency_us = now_ns.saturating_sub(stamp.due_ns) / 1_000;
        if self.assignment.plan.in_warmup(stamp.due_ns) {
            self.recent.warmup_us.saturating_record(latency_us);
            return;
        }
        self.stages[stage].latency_us.saturating_record(latency_us);
        self.recent.measured_us.saturating_record(latency_us);
        if let Some(written_ms) = outcome.timestamp_ms {
            let due_ms = (stamp.due_ns / 1_000_000) as i64;
            let written_us = (written_ms - due_ms).max(0) as u64 * 1_000;
            self.written_us.saturating_record(written_us);
        }
    }

    /// Counts the first thing that is wrong with an outcome of this run; returns whether nothing
    /// is.
    fn verify(&mut self, outcome: &Outcome<'_>, stamp: Stamp, now_ns: u64) -> bool {
        let plan = &self.assignment.plan;
        let is_dead_letter = outcome.source == Source::DeadLetter;
        let wrong = &mut self.counts.wrong;
        if is_dead_letter != plan.poison(stamp.sequence).is_some() {
            wrong.kind += 1;
        } else if self.assignment.verify.keys
            && outcome.key != plan.key(stamp.sequence).as_ref().map(Key::as_bytes)
        {
            wrong.key += 1;
        } else if !self.headers_are_right(outcome, stamp, now_ns) {
            self.counts.wrong.headers += 1;
        } else if !self.value_is_right(outcome, stamp) {
            self.counts.wrong.value += 1;
        } else {
            return true;
        }
        false
    }

    fn headers_are_right(&self, outcome: &Outcome<'_>, stamp: Stamp, now_ns: u64) -> bool {
        let Assignment { plan, verify, checks_bills, .. } = &self.assignment;
        let is_named = match outcome.source {
            Source::DeadLetter => outcome.headers.dead_lettered || !verify.dead_letter_headers,
            _ => outcome.headers.execution_arn.is_some() || !checks_bills,
        };
        // An outcome from before the start, or of an event yet to come, has another's stamp.
        is_named && (plan.start_ns..=now_ns).contains(&stamp.due_ns)
    }

    fn value_is_right(&mut self, outcome: &Outcome<'_>, stamp: Stamp) -> bool {
        let value = outcome.value.unwrap_or_default();
        let Assignment { payload, expectation, .. } = &mut self.assignment;
        if outcome.source == Source::DeadLetter {
            payload.render(stamp, &mut self.rendered);
            return value == self.rendered;
        }
        expectation.as_mut().is_none_or(|expectation| expectation.is_met(payload, stamp, value))
    }
}

/// A histogram of microseconds up to an hour at three digits, about 190 KB.
pub(crate) fn latency_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000, 3)
        .expect("an hour at three digits lies within the histogram's limits")
}

const BILLS_LOOKED_INTO: u64 = 100;

#[cfg(test)]
mod tests;
