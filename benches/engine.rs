//! The engine as a contestant: events in batches through a shard's turns, as the service runs it.
//!
//! Tasks are answered from the workload's mocks by the number of the attempt, at once; waits and
//! delays are over as soon as there is nothing else to do, since the clock is moved to the next
//! timer.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use expressway::app::{Metered, shape};
use expressway::base::clock::Now;
use expressway::base::ids::{ExecutionSuffix, MachineIdx, Origin, WakeToken};
use expressway::base::tally::{self, Levels, PerState, RunReader, ShardReader, Turn};
use expressway::outcome::{LogEvents, StateMachineArn};
use expressway::program::{Loaded, World};
use expressway::registry::Definition;
use expressway::shard::outbox::Span;
use expressway::shard::{
    CallRequest, CallResult, Calls, Inputs, Limits, Rejected, Settle, Settled, ShardCore, Start,
    StartBatch, Turned,
};
use expressway::vm::Recording;
use serde_json::Value;

use crate::measure::Contestant;

/// A shard that runs one state machine.
pub(crate) struct Engine {
    name: &'static str,
    core: ShardCore,
    settling: Settling,
    inputs: Inputs,
    now: Now,
    services: Mocks,
}

/// What the shard settles into.
enum Settling {
    Plain(Sink),
    /// Counted as the service counts it, with what reads the counts.
    Counted(Box<Metered<Sink>>, ShardReader, RunReader),
}

/// The log events of a batch's histories, which nobody takes away.
struct History {
    log_events: LogEvents,
    bytes: Vec<u8>,
    events: Vec<Span>,
}

impl Engine {
    /// Compiles the definition `name` of `config/state-machines`.
    pub(crate) fn new(name: &str) -> Result<Self> {
        Self::logging("engine", name, Recording::OFF)
    }

    /// The same as a contestant of this name that records histories and encodes them.
    pub(crate) fn logging(
        contestant: &'static str,
        name: &str,
        recording: Recording,
    ) -> Result<Self> {
        let now = Now { mono_ns: 1, wall_ms: 1_000 };
        let core = ShardCore::new(vec![load(name)?], Limits::default(), now, 0);
        let arn = StateMachineArn::new("us-east-1", "111111111111", name)?;
        Ok(Self {
            name: contestant,
            core: core.with_recordings(vec![recording]),
            settling: Settling::Plain(Sink::new(&arn, recording)),
            inputs: Inputs::default(),
            now,
            services: Mocks::read(name)?,
        })
    }

    /// The same under another name in the table.
    pub(crate) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The same engine with every metric counted that a shard counts, those by state included.
    pub(crate) fn counted(mut self, name: &str) -> Result<Self> {
        let program = load(name)?.program;
        let (runs, run_reader) = tally::runs(&[shape(&program)], PerState::Full);
        let (tally, shard_reader) = tally::shard(1);
        self.core.count_runs(runs);
        let arn = StateMachineArn::new("us-east-1", "111111111111", name)?;
        let sink = Sink::new(&arn, Recording::OFF);
        let metered = Metered::new(sink, tally, vec![program.definition_bytes]);
        self.settling = Settling::Counted(Box::new(metered), shard_reader, run_reader);
        Ok(self)
    }

    /// Returns executions, states entered and states left as they were counted.
    pub(crate) fn counts(&self) -> Option<[u64; 3]> {
        let Settling::Counted(_, shard, runs) = &self.settling else { return None };
        let machine = MachineIdx(0);
        let entered = (0..PLACES_MAX).map(|state| runs.state(machine, state).entered).sum();
        let left = (0..PLACES_MAX).map(|op| runs.left(machine, op)).sum();
        Some([shard.machine(machine).ended.iter().sum(), entered, left])
    }

    /// Returns how many states an execution of the last batch entered.
    pub(crate) fn transitions(&self) -> u32 {
        match &self.settling {
            Settling::Plain(sink) => sink.transitions,
            Settling::Counted(metered, ..) => metered.inner().transitions,
        }
    }
}

impl Contestant for Engine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn runs_per_call(&self) -> u64 {
        BATCH as u64
    }

    fn run(&mut self, event: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut batch = self.inputs.spent.pop().unwrap_or_default();
        for _ in 0..BATCH {
            add_start(&mut batch, 0, event);
        }
        self.inputs.batches.push_back(batch);
        self.sink().begin(out);
        loop {
            self.inputs.answers.append(&mut self.services.answers);
            let turned = self.turn();
            if turned.busy || !self.services.answers.is_empty() {
                continue;
            }
            match turned.next_timer_ms {
                Some(due_ms) if turned.open > 0 => self.now.mono_ns = due_ms * 1_000_000,
                _ => break,
            }
        }
        let sink = self.sink();
        std::mem::swap(&mut sink.out, out);
        ensure!(sink.settled == BATCH, "an execution did not succeed");
        Ok(())
    }
}

impl Engine {
    fn sink(&mut self) -> &mut Sink {
        match &mut self.settling {
            Settling::Plain(sink) => sink,
            Settling::Counted(metered, ..) => metered.inner_mut(),
        }
    }

    /// One turn; with what the service measures of it, if it is counted.
    fn turn(&mut self) -> Turned {
        let Self { core, inputs, services, now, .. } = self;
        match &mut self.settling {
            Settling::Plain(sink) => core.turn(*now, inputs, sink, services),
            Settling::Counted(metered, ..) => {
                let began = Instant::now();
                let turned = core.turn(*now, inputs, &mut **metered, services);
                let turn = Turn {
                    busy_ns: began.elapsed().as_nanos() as u64,
                    starts: turned.started as u64,
                    timers: turned.timers_fired as u64,
                    ..Turn::default()
                };
                let levels = Levels {
                    ready: core.ready_count() as u64,
                    timers: core.timer_count() as u64,
                    ..Levels::default()
                };
                metered.measured(&turn, levels);
                turned
            }
        }
    }
}

/// Returns the path of a file of a workload.
pub(crate) fn path_of(name: &str, kind: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/state-machines");
    folder.join(format!("{name}.{kind}.json"))
}

/// Reads a file of a workload.
pub(crate) fn read(name: &str, kind: &str) -> Result<Vec<u8>> {
    let path = path_of(name, kind);
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// Compiles the definition of a workload.
pub(crate) fn load(name: &str) -> Result<Loaded> {
    let definition = Definition::read(&path_of(name, "asl"))?;
    let world = World::express("us-east-1", "111111111111", name, "");
    let compiled = definition.compile(world, false).map_err(|error| anyhow!(error.render()))?;
    Ok(Loaded::from(compiled.image))
}

/// Adds an execution to a batch, told apart by `offset`.
pub(crate) fn add_start(batch: &mut StartBatch, offset: i64, event: &[u8]) {
    let at = batch.bytes.len() as u32;
    let input = at + NAME.len() as u32;
    batch.bytes.extend_from_slice(NAME);
    batch.bytes.extend_from_slice(event);
    batch.starts.push(Start {
        origin: Origin { offset, ..Origin::default() },
        machine: MachineIdx(0),
        suffix: ExecutionSuffix([0; 16]),
        traceparent: None,
        tracestate: 0..0,
        name: at..input,
        input: input..batch.bytes.len() as u32,
    });
}

/// Keeps the last output of a batch.
struct Sink {
    out: Vec<u8>,
    history: History,
    settled: usize,
    transitions: u32,
}

impl Sink {
    fn new(arn: &StateMachineArn, recording: Recording) -> Self {
        let log_events = LogEvents::new(arn, recording);
        let history = History { log_events, bytes: Vec::new(), events: Vec::new() };
        Self { out: Vec::new(), history, settled: 0, transitions: 0 }
    }

    /// Begins a batch, in the memory of `out`.
    fn begin(&mut self, out: &mut Vec<u8>) {
        std::mem::swap(&mut self.out, out);
        self.history.bytes.clear();
        self.history.events.clear();
        self.settled = 0;
    }
}

impl Settle for Sink {
    fn settled(&mut self, settled: &Settled<'_>) {
        self.out.clear();
        self.out.extend_from_slice(settled.output);
        let History { log_events, bytes, events } = &mut self.history;
        log_events.push(bytes, events, settled);
        self.settled += usize::from(settled.error.is_none());
        self.transitions = settled.transitions;
    }

    fn rejected(&mut self, _: &Rejected<'_>) {}

    fn flush(&mut self, _: Now) {}
}

/// Answers by state and attempt, and those that have not been taken yet.
#[derive(Default)]
pub(crate) struct Mocks {
    scripted: HashMap<String, Vec<CallResult>>,
    answers: VecDeque<(WakeToken, CallResult)>,
}

impl Mocks {
    /// Reads the mocks of a workload; one without calls nobody.
    fn read(name: &str) -> Result<Self> {
        if !path_of(name, "mocks").exists() {
            return Ok(Self::default());
        }
        let states: HashMap<String, Value> = serde_json::from_slice(&read(name, "mocks")?)?;
        let scripted = states.into_iter().map(|(state, entries)| {
            let attempts = (0..).map_while(|attempt: usize| entries.get(attempt.to_string()));
            let all = attempts.chain(entries.get("*")).map(answer).collect();
            (state, all)
        });
        Ok(Self { scripted: scripted.collect(), answers: VecDeque::new() })
    }
}

fn answer(entry: &Value) -> CallResult {
    let text = |key: &str| entry["Throw"][key].as_str().unwrap_or_default().into();
    match entry.get("Return") {
        Some(result) => CallResult::Returned(result.to_string().into_bytes()),
        None => CallResult::Failed { error: text("Error"), cause: Some(text("Cause")) },
    }
}

impl Calls for Mocks {
    fn call(&mut self, token: WakeToken, request: CallRequest) {
        let answers = self.scripted.get(&*request.state).map_or(&[][..], Vec::as_slice);
        if let Some(answer) = answers.get(request.attempt as usize).or(answers.last()) {
            self.answers.push_back((token, answer.clone()));
        }
    }

    fn cancel(&mut self, _: WakeToken) {}
}

const BATCH: usize = 64;
/// More states and instructions than any workload here has.
const PLACES_MAX: usize = 1_000;
const NAME: &[u8] = b"orders-0-1048576";
