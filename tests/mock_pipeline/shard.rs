//! A shard that runs nothing: what an event's value says becomes its outcome.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, bounded};
use expressway::base::clock::Now;
use expressway::base::ids::ShardId;
use expressway::base::trace::NO_TRACE;
use expressway::ingest::ShardPort;
use expressway::outcome::{Cards, Collector, MachineCard, PipelineCard, StateMachineArn};
use expressway::shard::outbox::{BillingMode, LaneReceiver, lane};
use expressway::shard::{Rejected, Settle, Settled, Start, StartBatch, Status};
use expressway::vm::{Detail, Event, Recording};
use serde_json::Value;

/// What the test sees of the shards.
#[derive(Default)]
pub(crate) struct Control {
    /// While set, events with `"hold": true` do not end.
    pub(crate) hold: AtomicBool,
    /// Execution names seen, with how often.
    pub(crate) seen: Mutex<HashMap<String, u32>>,
}

pub(crate) struct Shards {
    pub(crate) control: Arc<Control>,
    pub(crate) ports: Vec<ShardPort>,
    pub(crate) lane: LaneReceiver,
    threads: Vec<JoinHandle<()>>,
}

pub(crate) const MACHINE_ARN: &str = "arn:aws:states:eu-west-1:111111111111:stateMachine:echo";

impl Shards {
    pub(crate) fn start(count: u16) -> Self {
        let arn = StateMachineArn::new("eu-west-1", "111111111111", "echo").unwrap();
        let cards = Arc::new(Cards::new(
            &[MachineCard {
                arn,
                definition_bytes: 100,
                version: None,
                revision: String::new(),
                tags: vec![("team".into(), "t".into())],
                logging: Recording::ALL,
            }],
            &[PipelineCard {
                name: "p".into(),
                topics: vec!["in".into()],
                billing_mode: BillingMode::Structured,
            }],
        ));
        let control = Arc::new(Control::default());
        // A short lane, so that shards meet a full one.
        let (sender, receiver) = lane(4);
        let mut ports = Vec::new();
        let mut threads = Vec::new();
        for shard in 0..count {
            let (starts, inbox) = bounded(4);
            let collector =
                Collector::new(ShardId(shard), Arc::clone(&cards), vec![sender.clone()]);
            let control = Arc::clone(&control);
            let thread = Builder::new().name(format!("shard-{shard}"));
            threads.push(thread.spawn(move || run(&inbox, collector, &control)).unwrap());
            ports.push(ShardPort {
                starts,
                spares: crossbeam::channel::never(),
                wake: Box::new(|| {}),
            });
        }
        Self { control, ports, lane: receiver, threads }
    }

    /// Takes ports and lane for a source; the threads end when the source has ended.
    pub(crate) fn take(&mut self) -> (Vec<ShardPort>, LaneReceiver) {
        let (_, empty) = lane(1);
        (std::mem::take(&mut self.ports), std::mem::replace(&mut self.lane, empty))
    }

    pub(crate) fn join(self) {
        drop(self.ports);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

fn run(inbox: &Receiver<StartBatch>, mut collector: Collector, control: &Control) {
    let mut held: Vec<(StartBatch, usize)> = Vec::new();
    loop {
        // A real shard parks and is woken; a short wait is enough for a fake.
        if collector.ready() {
            match inbox.recv_timeout(Duration::from_millis(2)) {
                Ok(batch) => {
                    for index in 0..batch.starts.len() {
                        if !settle(&mut collector, &batch, index, control) {
                            held.push((batch.clone(), index));
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        } else {
            std::thread::yield_now();
        }
        held.retain(|(batch, index)| !settle(&mut collector, batch, *index, control));
        collector.flush(Now::default());
    }
}

/// False when the event is to be held.
fn settle(collector: &mut Collector, batch: &StartBatch, index: usize, control: &Control) -> bool {
    let start: &Start = &batch.starts[index];
    let name =
        std::str::from_utf8(&batch.bytes[start.name.start as usize..start.name.end as usize])
            .unwrap();
    let input = &batch.bytes[start.input.start as usize..start.input.end as usize];
    let Ok(value) = serde_json::from_slice::<Value>(input) else {
        collector.rejected(&Rejected {
            origin: start.origin,
            machine: start.machine,
            class: "not-json",
            cause: "expected a value at byte 0",
            input,
        });
        return true;
    };
    if value["hold"] == true && control.hold.load(Ordering::SeqCst) {
        return false;
    }
    *control.seen.lock().unwrap().entry(name.to_owned()).or_default() += 1;
    let failed = value["fail"] == true;
    let event = |id, kind, name, text: &str| Event {
        id,
        previous: id - 1,
        wall_ms: 1_767_225_600_000,
        mono_ns: 0,
        kind,
        details: vec![(name, Detail::Json(text.into()))],
    };
    let text = String::from_utf8_lossy(input);
    let history = [
        event(1, "ExecutionStarted", "input", &text),
        event(2, "ExecutionSucceeded", "output", "1"),
    ];
    collector.settled(&Settled {
        origin: start.origin,
        machine: start.machine,
        suffix: start.suffix,
        name,
        status: if failed { Status::Failed } else { Status::Succeeded },
        output: input,
        error: failed.then_some("Order.Refused"),
        cause: failed.then_some("no stock"),
        started_ms: 1_767_225_600_000,
        stopped_ms: 1_767_225_600_120,
        duration_ns: 120_000_000,
        input_bytes: input.len() as u64,
        metered_data_bytes: input.len() as u64,
        held_bytes: 0,
        transitions: 1,
        history: &history,
        events_left_out: u32::from(value["leave_out"] == true),
        trace: &NO_TRACE,
    });
    true
}
