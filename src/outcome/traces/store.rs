//! What is kept, in rings of bounded size, and how it is shown.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Reason;
use crate::base::ids::MachineIdx;
use crate::outcome::arn::StateMachineArn;
use crate::outcome::history::LogEvents;
use crate::outcome::instant::format_instant_ms;
use crate::shard::Settled;

/// The kept executions of all shards; cheap to clone. A lock is taken only for one that is kept or
/// counted, and by whoever reads.
#[derive(Clone, Debug)]
pub struct Traces(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    machines: Vec<Machine>,
    /// What each ring may hold.
    ring_bytes: usize,
}

#[derive(Debug)]
struct Machine {
    arn: StateMachineArn,
    /// By reason.
    rings: [Mutex<Ring>; 3],
}

#[derive(Debug, Default)]
struct Ring {
    kept: VecDeque<Kept>,
    bytes: usize,
    /// All that qualified, kept or not.
    seen: u64,
    /// All that were kept, whether they still are or not.
    taken: u64,
}

/// What a list of executions is to show.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Name of the state machine.
    pub state_machine: Option<String>,
    /// `error`, `slow` or `rate`.
    pub reason: Option<String>,
    /// `SUCCEEDED`, `FAILED` or `TIMED_OUT`.
    pub status: Option<String>,
    /// At most so many, the latest first.
    pub limit: Option<usize>,
}

impl Traces {
    /// Room for the executions of these machines, `bytes_max` together.
    pub fn new(machines: impl IntoIterator<Item = StateMachineArn>, bytes_max: usize) -> Self {
        let machines: Vec<_> = machines
            .into_iter()
            .map(|arn| Machine { arn, rings: std::array::from_fn(|_| Mutex::default()) })
            .collect();
        let ring_bytes = bytes_max / (machines.len() * Reason::ALL.len()).max(1);
        Self(Arc::new(Shared { machines, ring_bytes }))
    }

    /// Bytes that each ring may hold.
    pub(super) fn ring_bytes(&self) -> usize {
        self.0.ring_bytes
    }

    /// Counts an execution, and keeps it in place of the oldest ones.
    pub(super) fn add(&self, machine: MachineIdx, reason: Reason, kept: Option<Kept>) {
        let Some(machine) = self.0.machines.get(usize::from(machine.0)) else { return };
        let mut ring = lock(&machine.rings[reason as usize]);
        ring.seen += 1;
        let Some(kept) = kept else { return };
        let bytes = kept.bytes();
        if bytes > self.0.ring_bytes {
            return;
        }
        while ring.bytes + bytes > self.0.ring_bytes
            && let Some(oldest) = ring.kept.pop_front()
        {
            ring.bytes -= oldest.bytes();
        }
        ring.taken += 1;
        ring.bytes += bytes;
        ring.kept.push_back(kept);
    }

    /// Executions that were kept so far, by machine, each by [`Reason::ALL`].
    pub fn kept(&self) -> Vec<[u64; 3]> {
        let of_machine = |machine: &Machine| machine.rings.each_ref().map(|ring| lock(ring).taken);
        self.0.machines.iter().map(of_machine).collect()
    }

    /// The kept executions as one JSON document, the latest first, without their events; with how
    /// many qualified, whether they are still kept or not.
    pub fn list(&self, filter: &Filter) -> String {
        let mut executions: Vec<(i64, Value)> = Vec::new();
        let mut counts = Vec::new();
        for machine in &self.0.machines {
            let name = machine.arn.name();
            if filter.state_machine.as_deref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            let mut seen = json!({"stateMachine": name});
            for reason in Reason::ALL {
                let ring = lock(&machine.rings[reason as usize]);
                seen[reason.as_str()] = json!({"seen": ring.seen, "kept": ring.kept.len()});
                if filter.reason.as_deref().is_some_and(|wanted| wanted != reason.as_str()) {
                    continue;
                }
                let matching = ring.kept.iter().filter(|kept| {
                    filter.status.as_deref().is_none_or(|wanted| wanted == kept.status)
                });
                executions
                    .extend(matching.map(|kept| (kept.stopped_ms, kept.summary(&machine.arn))));
            }
            counts.push(seen);
        }
        executions.sort_by_key(|(stopped_ms, _)| std::cmp::Reverse(*stopped_ms));
        executions.truncate(filter.limit.unwrap_or(LISTED_MAX));
        let executions: Vec<_> = executions.into_iter().map(|(_, summary)| summary).collect();
        json!({"executions": executions, "stateMachines": counts}).to_string()
    }

    /// One execution with its events, by its ARN; `None` when it is not kept.
    pub fn find(&self, arn: &str) -> Option<String> {
        self.0.machines.iter().find_map(|machine| {
            machine.rings.iter().find_map(|ring| {
                let ring = lock(ring);
                let kept = ring.kept.iter().rev().find(|kept| *kept.arn == *arn)?;
                Some(kept.whole(&machine.arn))
            })
        })
    }
}

fn lock(ring: &Mutex<Ring>) -> std::sync::MutexGuard<'_, Ring> {
    // A panic cannot leave a ring half changed but for its count of bytes.
    ring.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One execution.
#[derive(Debug)]
pub(super) struct Kept {
    reason: Reason,
    arn: Box<str>,
    status: &'static str,
    error: Option<Box<str>>,
    cause: Option<Box<str>>,
    output: Option<Box<str>>,
    started_ms: i64,
    stopped_ms: i64,
    duration_ns: u64,
    transitions: u32,
    /// The log events as JSON, in order; empty where no history was recorded.
    events: Vec<Box<str>>,
    /// Events that were recorded and are not here.
    events_left_out: u64,
}

impl Kept {
    pub(super) fn new(
        log_events: &LogEvents,
        settled: &Settled<'_>,
        reason: Reason,
        bytes_max: usize,
    ) -> Self {
        let (mut text, mut spans) = (Vec::new(), Vec::new());
        let mut events = Vec::new();
        let mut bytes = 0;
        for event in settled.history {
            let one = Settled { history: std::slice::from_ref(event), ..*settled };
            text.clear();
            spans.clear();
            log_events.push(&mut text, &mut spans, &one);
            bytes += text.len() + EVENT_BYTES;
            if bytes > bytes_max {
                break;
            }
            events.push(String::from_utf8_lossy(&text).into());
        }
        let left_out = settled.history.len() - events.len();
        let mut arn = Vec::new();
        log_events.push_arn(&mut arn, settled);
        let output = String::from_utf8_lossy(settled.output);
        let fits = !output.is_empty() && output.len() <= bytes_max;
        let cut = |text: &str| text.chars().take(CHARS_MAX).collect::<String>().into_boxed_str();
        Self {
            reason,
            arn: String::from_utf8_lossy(&arn).into(),
            status: settled.status.as_str(),
            error: settled.error.map(cut),
            cause: settled.cause.map(cut),
            output: fits.then(|| output.into()),
            started_ms: settled.started_ms,
            stopped_ms: settled.stopped_ms,
            duration_ns: settled.duration_ns,
            transitions: settled.transitions,
            events,
            events_left_out: left_out as u64 + u64::from(settled.events_left_out),
        }
    }

    fn bytes(&self) -> usize {
        let texts = [self.error.as_deref(), self.cause.as_deref(), self.output.as_deref()];
        size_of::<Self>()
            + self.arn.len()
            + texts.into_iter().flatten().map(str::len).sum::<usize>()
            + self.events.iter().map(|event| event.len() + EVENT_BYTES).sum::<usize>()
    }

    fn summary(&self, machine: &StateMachineArn) -> Value {
        let mut summary = json!({
            "executionArn": self.arn,
            "stateMachineArn": machine.as_str(),
            "reason": self.reason.as_str(),
            "status": self.status,
            "startDate": instant(self.started_ms),
            "stopDate": instant(self.stopped_ms),
            "durationMicroseconds": self.duration_ns / 1_000,
            "transitions": self.transitions,
            "events": self.events.len(),
        });
        for (key, text) in [("error", &self.error), ("cause", &self.cause)] {
            if let Some(text) = text {
                summary[key] = json!(text);
            }
        }
        summary
    }

    fn whole(&self, machine: &StateMachineArn) -> String {
        let mut summary = self.summary(machine);
        let raw = |text: &str| RawValue::from_string(text.to_owned()).ok();
        let events: Vec<_> = self.events.iter().filter_map(|event| raw(event)).collect();
        if let Some(summary) = summary.as_object_mut() {
            summary.shift_remove("events");
            summary.insert("eventsLeftOut".to_owned(), json!(self.events_left_out));
        }
        let mut text = summary.to_string();
        // Output and events as they were written: reading them again could change their numbers.
        text.pop();
        if let Some(output) = &self.output {
            text.push_str(",\"output\":");
            text.push_str(output);
        }
        text.push_str(",\"events\":");
        text.push_str(&serde_json::to_string(&events).unwrap_or_else(|_| "[]".to_owned()));
        text.push('}');
        text
    }
}

fn instant(epoch_ms: i64) -> String {
    String::from_utf8_lossy(&format_instant_ms(epoch_ms)).into_owned()
}

/// What an event costs beside its text.
const EVENT_BYTES: usize = 32;
/// Longest error and cause that are kept.
const CHARS_MAX: usize = 1_024;
/// Listed when nobody says how many.
const LISTED_MAX: usize = 100;
