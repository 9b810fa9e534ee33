//! What a shard settles into: encodes each outcome on the shard's thread, hands over per turn.
//!
//! The encoding happens here and not on the I/O thread because shards are many and the I/O thread
//! is one.

use std::collections::VecDeque;
use std::sync::Arc;

use tracing::error;

use crate::base::clock::Now;
use crate::base::ids::{Origin, ShardId};
use crate::shard::outbox::{
    Billed, BillingMode, Events, LaneSender, Outcome, OutcomeBatch, RejectedOutcome,
    SettledOutcome, Span, lane_of, push_failure,
};
use crate::shard::{Rejected, Settle, Settled, Status};
use crate::vm::Recording;

use super::arn::StateMachineArn;
use super::billing::{BillingText, place_text};
use super::history::LogEvents;
use super::meter::{Bill, DURATION_STEP_MS, MEMORY_STEP_MB};

/// What the records say about a machine.
#[derive(Clone, Debug)]
pub struct MachineCard {
    /// The machine's ARN.
    pub arn: StateMachineArn,
    /// Size of the definition text; billed.
    pub definition_bytes: u64,
    /// Version, when the machine has one.
    pub version: Option<String>,
    /// Which text of the definition this is.
    pub revision: String,
    /// Tags, repeated in every billing record.
    pub tags: Vec<(String, String)>,
    /// Which events of the history are logged.
    pub logging: Recording,
}

/// What the records say about a pipeline.
#[derive(Clone, Debug)]
pub struct PipelineCard {
    /// Configured name.
    pub name: String,
    /// Source topics, in the order of `Origin::topic`.
    pub topics: Vec<String>,
    /// How its billing records lie on their topic.
    pub billing_mode: BillingMode,
}

/// All machines and pipelines, encoded once and shared by all shards.
#[derive(Debug)]
pub struct Cards {
    machines: Vec<MachineText>,
    pipelines: Vec<PipelineText>,
}

impl Cards {
    /// Encodes what never changes; both lists are in index order.
    pub fn new(machines: &[MachineCard], pipelines: &[PipelineCard]) -> Self {
        Self {
            machines: machines
                .iter()
                .map(|card| MachineText {
                    definition_bytes: card.definition_bytes,
                    log_events: LogEvents::new(&card.arn, card.logging),
                    billing: BillingText::new(
                        &card.arn,
                        card.version.as_deref(),
                        &card.revision,
                        &card.tags,
                    ),
                })
                .collect(),
            pipelines: pipelines
                .iter()
                .map(|card| PipelineText {
                    places: card.topics.iter().map(|topic| place_text(&card.name, topic)).collect(),
                    billing_mode: card.billing_mode,
                })
                .collect(),
        }
    }
}

#[derive(Debug)]
struct MachineText {
    definition_bytes: u64,
    log_events: LogEvents,
    billing: BillingText,
}

#[derive(Debug)]
struct PipelineText {
    /// By topic.
    places: Vec<Vec<u8>>,
    billing_mode: BillingMode,
}

/// A shard's [`Settle`]. Outcomes go to the lane that stands in the upper bits of `Origin::slot`.
///
/// It never blocks and never loses: when a lane is full, [`Settle::flush`] keeps the batch and
/// offers it again at the next flush, in order. [`Collector::ready`] says when so much is kept that
/// the shard should start nothing new until it changes. The source rings the shard's wake when a
/// lane that was full has room again, so a shard with nothing else to do may park meanwhile; it
/// must flush when it wakes.
#[derive(Debug)]
pub struct Collector {
    shard: ShardId,
    cards: Arc<Cards>,
    lanes: Vec<Lane>,
}

#[derive(Debug)]
struct Lane {
    sender: LaneSender,
    open: OutcomeBatch,
    sealed: VecDeque<OutcomeBatch>,
}

impl Collector {
    /// A collector for one shard. `lanes` are in the order of their numbers, the same on all
    /// shards, at most 256.
    pub fn new(shard: ShardId, cards: Arc<Cards>, lanes: Vec<LaneSender>) -> Self {
        Self {
            shard,
            cards,
            lanes: lanes
                .into_iter()
                .map(|sender| Lane { open: sender.spare(), sender, sealed: VecDeque::new() })
                .collect(),
        }
    }

    /// Whether the shard may start new executions: false while a lane holds back
    /// four batches of about a megabyte or more. What already runs may always settle.
    pub fn ready(&self) -> bool {
        self.lanes.iter().all(|lane| lane.sealed.len() < SEALED_BATCHES_MAX)
    }

    /// Whether a full lane made it keep outcomes that another flush has to offer again.
    pub fn has_kept(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.sealed.is_empty())
    }

    fn lane_mut(&mut self, origin: Origin) -> Option<&mut Lane> {
        let lane = self.lanes.get_mut(lane_of(origin));
        debug_assert!(lane.is_some(), "an origin names a lane that does not exist");
        lane
    }
}

impl Settle for Collector {
    fn settled(&mut self, settled: &Settled<'_>) {
        let cards = Arc::clone(&self.cards);
        let origin = settled.origin;
        let machine = cards.machines.get(usize::from(settled.machine.0));
        let pipeline = cards.pipelines.get(usize::from(origin.pipeline.0)).and_then(|pipeline| {
            Some((pipeline.places.get(usize::from(origin.topic))?, pipeline.billing_mode))
        });
        let (Some(machine), Some((place, billing_mode)), Some(lane)) =
            (machine, pipeline, self.lane_mut(origin))
        else {
            error!(
                ?origin,
                "an execution ended that no source knows; its record stays uncommitted"
            );
            return;
        };
        let bytes = &mut lane.open.bytes;
        let start = bytes.len();
        let mut error = None;
        match settled.status {
            Status::Succeeded => bytes.extend_from_slice(settled.output),
            Status::Failed | Status::TimedOut => {
                push_failure(bytes, settled.error, settled.cause);
            }
        }
        let value = Span::since(bytes, start);
        if let (Status::Failed | Status::TimedOut, Some(name)) = (settled.status, settled.error) {
            let start = bytes.len();
            bytes.extend_from_slice(name.as_bytes());
            error = Some(Span::since(bytes, start));
        }
        let bill =
            Bill::new(settled.duration_ns, machine.definition_bytes, settled.metered_data_bytes);
        let billing = machine.billing.push(bytes, place, settled, bill);
        let first_event = lane.open.history.len();
        machine.log_events.push(bytes, &mut lane.open.history, settled);
        let history = Events {
            first: first_event as u32,
            count: (lane.open.history.len() - first_event) as u32,
            left_out: settled.events_left_out,
        };
        lane.push(Outcome::Settled(SettledOutcome {
            origin,
            machine: settled.machine,
            status: settled.status,
            value,
            billing: match billing_mode {
                BillingMode::Structured => billing.record,
                BillingMode::Binary => billing.data,
            },
            execution_arn: billing.execution_arn,
            started_at: billing.started_at,
            stopped_at: billing.stopped_at,
            error,
            history,
            billed: Billed {
                stopped_ms: settled.stopped_ms,
                steps: (bill.duration_ms / DURATION_STEP_MS) as u32,
                chunks: (bill.memory_mb / MEMORY_STEP_MB) as u32,
                transitions: settled.transitions,
            },
        }));
    }

    fn rejected(&mut self, rejected: &Rejected<'_>) {
        let Some(lane) = self.lane_mut(rejected.origin) else {
            error!(origin = ?rejected.origin, "an event was refused that no source knows");
            return;
        };
        let bytes = &mut lane.open.bytes;
        let start = bytes.len();
        bytes.extend_from_slice(rejected.cause.as_bytes());
        let cause = Span::since(bytes, start);
        let start = bytes.len();
        bytes.extend_from_slice(rejected.input);
        let input = Span::since(bytes, start);
        lane.push(Outcome::Rejected(RejectedOutcome {
            origin: rejected.origin,
            class: rejected.class,
            cause,
            input,
        }));
    }

    fn flush(&mut self, _now: Now) {
        for lane in &mut self.lanes {
            lane.flush(self.shard);
        }
    }
}

impl Lane {
    fn push(&mut self, outcome: Outcome) {
        self.open.outcomes.push(outcome);
        if self.open.bytes.len() >= BATCH_BYTES_MAX {
            self.seal();
        }
    }

    fn seal(&mut self) {
        let open = std::mem::replace(&mut self.open, self.sender.spare());
        self.sealed.push_back(open);
    }

    fn flush(&mut self, shard: ShardId) {
        if !self.open.outcomes.is_empty() {
            self.seal();
        }
        let mut sent = false;
        while let Some(mut batch) = self.sealed.pop_front() {
            batch.shard = Some(shard);
            if let Err(batch) = self.sender.offer(batch) {
                self.sealed.push_front(batch);
                break;
            }
            sent = true;
        }
        if sent {
            self.sender.ring();
        }
    }
}

/// A batch is closed at this size; spans are 32 bits wide, and an outcome is at most a few hundred
/// kilobytes and what its history may hold, so they cannot overflow.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Batches kept back per lane from which on the shard should start nothing new.
const SEALED_BATCHES_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use crate::base::ids::{ExecutionSuffix, MachineIdx, PipelineIdx};
    use crate::base::trace::NO_TRACE;
    use crate::shard::outbox::{LANE_SLOT_BITS, LaneReceiver, lane};

    use super::*;

    fn collector(lanes: usize, batches_max: usize) -> (Collector, Vec<LaneReceiver>) {
        collector_in(BillingMode::Structured, lanes, batches_max)
    }

    fn collector_in(
        billing_mode: BillingMode,
        lanes: usize,
        batches_max: usize,
    ) -> (Collector, Vec<LaneReceiver>) {
        let arn = StateMachineArn::new("eu-west-1", "111111111111", "m").unwrap();
        let cards = Cards::new(
            &[MachineCard {
                arn,
                definition_bytes: 100,
                version: None,
                revision: String::new(),
                tags: Vec::new(),
                logging: Recording::ALL,
            }],
            &[PipelineCard { name: "p".into(), topics: vec!["in".into()], billing_mode }],
        );
        let (senders, receivers) = (0..lanes).map(|_| lane(batches_max)).unzip();
        (Collector::new(ShardId(3), Arc::new(cards), senders), receivers)
    }

    fn settled(lane: u32, offset: i64, status: Status) -> Settled<'static> {
        Settled {
            origin: Origin {
                pipeline: PipelineIdx(0),
                topic: 0,
                partition: 0,
                offset,
                slot: lane << LANE_SLOT_BITS | 5,
                epoch: 1,
            },
            machine: MachineIdx(0),
            suffix: ExecutionSuffix([1; 16]),
            name: "n",
            status,
            output: b"{\"a\":1}",
            error: Some("States.Timeout"),
            cause: None,
            started_ms: 0,
            stopped_ms: 1,
            duration_ns: 1,
            input_bytes: 0,
            metered_data_bytes: 0,
            held_bytes: 0,
            transitions: 1,
            history: &[],
            events_left_out: 0,
            trace: &NO_TRACE,
        }
    }

    #[test]
    fn outcomes_go_to_the_lane_of_their_source_in_order() {
        let (mut collector, receivers) = collector(2, 4);
        collector.settled(&settled(1, 10, Status::Succeeded));
        collector.settled(&settled(0, 11, Status::TimedOut));
        collector.settled(&settled(1, 12, Status::Succeeded));
        collector.flush(Now::default());
        let offsets = |batch: &OutcomeBatch| -> Vec<i64> {
            batch.outcomes.iter().map(|outcome| outcome.origin().offset).collect()
        };
        let first = receivers[0].try_next().unwrap();
        let second = receivers[1].try_next().unwrap();
        assert_eq!(offsets(&first), [11]);
        assert_eq!(offsets(&second), [10, 12]);
        assert_eq!(first.shard, Some(ShardId(3)));
        let Outcome::Settled(timed_out) = first.outcomes[0] else { panic!("settled") };
        assert_eq!(first.text(timed_out.value), r#"{"error":"States.Timeout"}"#);
        assert_eq!(timed_out.error.map(|span| first.text(span)), Some("States.Timeout"));
        let Outcome::Settled(succeeded) = second.outcomes[1] else { panic!("settled") };
        assert_eq!(second.text(succeeded.value), r#"{"a":1}"#);
        assert!(succeeded.error.is_none());
    }

    #[test]
    fn in_binary_mode_the_value_of_a_bill_is_the_data_of_the_event() {
        let data_of = |mode| {
            let (mut collector, receivers) = collector_in(mode, 1, 1);
            collector.settled(&settled(0, 10, Status::Succeeded));
            collector.flush(Now::default());
            let batch = receivers[0].try_next().unwrap();
            let Outcome::Settled(settled) = batch.outcomes[0] else { panic!("settled") };
            let value: serde_json::Value =
                serde_json::from_str(batch.text(settled.billing)).unwrap();
            (value, batch.text(settled.execution_arn).to_owned())
        };
        let (event, id) = data_of(BillingMode::Structured);
        assert_eq!(event["id"], id);
        assert_eq!(data_of(BillingMode::Binary), (event["data"].clone(), id));
    }

    #[test]
    fn a_full_lane_loses_nothing_and_keeps_the_order() {
        let (mut collector, receivers) = collector(1, 1);
        for offset in 0..10 {
            collector.settled(&settled(0, offset, Status::Succeeded));
            collector.flush(Now::default());
        }
        assert!(!collector.ready());
        assert!(collector.has_kept());
        let mut seen = Vec::new();
        while let Some(batch) = receivers[0].try_next() {
            seen.extend(batch.outcomes.iter().map(|outcome| outcome.origin().offset));
            receivers[0].recycle(batch);
            assert!(receivers[0].take_stalled() || seen.len() == 10);
            collector.flush(Now::default());
        }
        assert_eq!(seen, (0..10).collect::<Vec<i64>>());
        assert!(collector.ready());
        assert!(!collector.has_kept());
    }

    #[test]
    fn a_rejected_event_keeps_its_value() {
        let (mut collector, receivers) = collector(1, 1);
        collector.rejected(&Rejected {
            origin: settled(0, 1, Status::Failed).origin,
            machine: MachineIdx(0),
            class: "not-json",
            cause: "no value",
            input: b"\xff{",
        });
        collector.flush(Now::default());
        let batch = receivers[0].try_next().unwrap();
        let Outcome::Rejected(rejected) = batch.outcomes[0] else { panic!("rejected") };
        assert_eq!(rejected.class, "not-json");
        assert_eq!(batch.text(rejected.cause), "no value");
        assert_eq!(batch.slice(rejected.input), b"\xff{");
    }
}
