//! The shard without its thread: executions, timers and the ready queue, one turn at a time.
//!
//! No I/O, no clock, no async: time, events and answers come in, settled executions and calls go
//! out through the traits of this module's parent. So the same code runs under a test with
//! virtual time. A turn is bounded by what was handed in and by the fuel of each execution.

use std::collections::VecDeque;

use super::limits::Limits;
use super::slab::{Running, Slab, Ticket};
use super::timers::{TimerKey, Timers};
use super::waits::{Wait, Waits};
use super::{CallRequest, CallResult, Calls, Rejected, Settle, Settled, Start, StartBatch, Status};
use crate::base::clock::Now;
use crate::base::entropy::Entropy;
use crate::base::ids::{MachineIdx, WakeToken};
use crate::base::limits::PAYLOAD_BYTES_MAX;
use crate::base::tally::RunTally;
use crate::base::trace::Trace;
use crate::expr::jsonata::Scratch;
use crate::program::Loaded;
use crate::value::{ParseError, Parser};
use crate::vm::{Effect, End, FrameId, Level, Raised, Recording, Step, Turn, Wake};

/// What a shard has been handed and has not taken yet.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Events, oldest batch first.
    pub batches: VecDeque<StartBatch>,
    /// Batches whose events have all been taken, emptied, for their memory; a few at most.
    pub spent: Vec<StartBatch>,
    /// Answers of calls.
    pub answers: VecDeque<(WakeToken, CallResult)>,
    /// Take no events in this turn: what they would settle into has no room.
    pub hold_starts: bool,
    /// Events of the oldest batch that have been taken.
    taken: usize,
}

impl Inputs {
    /// Whether nothing is left to take.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.answers.is_empty()
    }

    /// Puts the oldest batch among the spent ones, unless nobody takes those.
    fn retire(&mut self) {
        if let Some(mut batch) = self.batches.pop_front()
            && self.spent.len() < SPENT_BATCHES_MAX
        {
            batch.clear();
            self.spent.push(batch);
        }
    }
}

/// What a turn leaves to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turned {
    /// There is work that does not have to wait for anything: take the next turn at once.
    pub busy: bool,
    /// As many executions are open as may be.
    pub full: bool,
    /// When the next timer wants to be looked at, in monotonic milliseconds.
    pub next_timer_ms: Option<u64>,
    /// Executions started and not settled.
    pub open: usize,
    /// Events taken in this turn.
    pub started: usize,
    /// Timers fired in this turn.
    pub timers_fired: usize,
}

/// A shard's state.
pub struct ShardCore {
    machines: Vec<Loaded>,
    limits: Limits,
    /// By machine; one that is missing records nothing.
    recordings: Vec<Recording>,
    parser: Parser,
    /// Items of one evaluation; its memory serves all of them.
    scratch: Scratch,
    entropy: Entropy,
    slab: Slab,
    ready: VecDeque<u32>,
    /// Calls that were made, with the time from which on their executions are folded up: those of
    /// the last `fold_after_ms`, answered or not.
    unanswered: VecDeque<(u64, WakeToken)>,
    waits: Waits,
    timers: Timers<Alarm>,
    /// What a run asks for, and what it withdraws.
    effects: Vec<(FrameId, Effect)>,
    cancelled: Vec<WakeToken>,
    output: Vec<u8>,
    runs: RunTally,
    /// The next event has been counted as one that has to wait.
    next_waits: bool,
}

/// What a timer means when it fires.
#[derive(Clone, Copy, Debug)]
enum Alarm {
    /// The execution's own time is over.
    Deadline(u32),
    /// A wait is over, or a call has timed out.
    Wake(WakeToken),
}

impl ShardCore {
    /// A shard that runs `machines`, indexed by [`MachineIdx`].
    /// `seed` fixes its random numbers.
    pub fn new(machines: Vec<Loaded>, limits: Limits, now: Now, seed: u64) -> Self {
        Self {
            machines,
            limits,
            recordings: Vec::new(),
            parser: Parser::default(),
            scratch: Scratch::default(),
            entropy: Entropy::seeded(seed),
            slab: Slab::default(),
            ready: VecDeque::new(),
            unanswered: VecDeque::new(),
            waits: Waits::default(),
            timers: Timers::new(now.mono_ms()),
            effects: Vec::new(),
            cancelled: Vec::new(),
            output: Vec::new(),
            runs: RunTally::default(),
            next_waits: false,
        }
    }

    /// Counts what runs into `runs`, made for the same machines; without it nothing is counted.
    pub fn count_runs(&mut self, runs: RunTally) {
        self.runs = runs;
    }

    /// The same shard with what the executions of each machine record, by `MachineIdx`.
    #[must_use]
    pub fn with_recordings(mut self, recordings: Vec<Recording>) -> Self {
        self.recordings = recordings;
        self
    }

    /// Executions started and not settled.
    pub fn open(&self) -> usize {
        self.slab.open()
    }

    /// Executions that wait only for their next turn.
    pub fn ready_count(&self) -> usize {
        self.ready.len()
    }

    /// Timers set.
    pub fn timer_count(&self) -> usize {
        self.timers.len()
    }

    /// Bytes of memory that open executions hold for their values.
    pub fn held_bytes(&self) -> usize {
        self.slab.held_bytes()
    }

    /// Takes one turn: timers, answers, executions that ran out of fuel, then new events.
    pub fn turn(
        &mut self,
        now: Now,
        inputs: &mut Inputs,
        settle: &mut dyn Settle,
        calls: &mut dyn Calls,
    ) -> Turned {
        let mut edges = Edges { now, settle, calls };
        // Answers first: one that came in time must not lose to a timer that is looked at late.
        while let Some((token, result)) = inputs.answers.pop_front() {
            self.answer(token, &result, &mut edges);
        }
        let timers_fired = self.fire_timers(&mut edges);
        let mut started = 0;
        for _ in 0..self.ready.len() {
            if let Some(index) = self.ready.pop_front() {
                self.run_again(index, &mut edges);
            }
        }
        self.fold_unanswered(now);
        if !inputs.hold_starts {
            started = self.take_starts(inputs, &mut edges);
        }
        let full = self.open() >= self.limits.open_max;
        let room = !inputs.hold_starts && !full;
        Turned {
            full,
            busy: !self.ready.is_empty() || (room && !inputs.batches.is_empty()),
            next_timer_ms: self.timers.next_look_ms(),
            open: self.open(),
            started,
            timers_fired,
        }
    }

    /// Drops every open execution unsettled and returns how many there were; their events stay
    /// uncommitted, and whoever owns them next runs them again.
    pub fn abandon(&mut self, calls: &mut dyn Calls) -> usize {
        let mut abandoned = 0;
        for index in 0..self.slab.len() as u32 {
            let Some((tokens, deadline)) = self.slab.drop_unsettled(index) else { continue };
            self.withdraw(tokens, deadline, calls);
            abandoned += 1;
        }
        self.ready.clear();
        abandoned
    }

    /// Gives up everything that an execution waits for.
    fn withdraw(
        &mut self,
        tokens: impl IntoIterator<Item = WakeToken>,
        deadline: Option<TimerKey>,
        calls: &mut dyn Calls,
    ) {
        for token in tokens {
            self.cancel(token, calls);
        }
        if let Some(deadline) = deadline {
            self.timers.cancel(deadline);
        }
    }

    fn cancel(&mut self, token: WakeToken, calls: &mut dyn Calls) {
        let Some(wait) = self.waits.take(token) else { return };
        if let Some(timer) = wait.timer {
            self.timers.cancel(timer);
        }
        if wait.call {
            calls.cancel(token);
        }
    }

    fn fire_timers(&mut self, edges: &mut Edges<'_>) -> usize {
        let mut fired = Vec::new();
        let runs = &mut self.runs;
        self.timers.advance(edges.now.mono_ms(), |alarm, due_ms| {
            runs.timer_fired(edges.now.mono_ns.saturating_sub(due_ms.saturating_mul(1_000_000)));
            fired.push(alarm);
        });
        let count = fired.len();
        for alarm in fired {
            match alarm {
                Alarm::Deadline(index) => self.time_out(index, edges),
                Alarm::Wake(token) => self.wake_by_timer(token, edges),
            }
        }
        count
    }

    fn wake_by_timer(&mut self, token: WakeToken, edges: &mut Edges<'_>) {
        let Some(wait) = self.waits.take(token) else { return };
        if wait.call {
            edges.calls.cancel(token);
        }
        let wake = if wait.call { Wake::TaskTimedOut } else { Wake::Slept };
        self.resume(wait, wake, edges);
    }

    fn answer(&mut self, token: WakeToken, result: &CallResult, edges: &mut Edges<'_>) {
        if self.waits.get(token).is_none_or(|wait| !wait.call) {
            return;
        }
        let Some(wait) = self.waits.take(token) else { return };
        if let Some(timer) = wait.timer {
            self.timers.cancel(timer);
        }
        let wake = match result {
            CallResult::Returned(text) => Wake::Returned(text),
            CallResult::Failed { error, cause } => {
                Wake::TaskFailed { error, cause: cause.as_deref() }
            }
        };
        self.resume(wait, wake, edges);
    }

    fn resume(&mut self, wait: Wait, wake: Wake<'_>, edges: &mut Edges<'_>) {
        let taken = self.slab.take(wait.execution, &self.machines, &mut self.parser);
        let Some((mut running, woken)) = taken else { return };
        let machine = running.ticket.machine;
        let step = match woken {
            Ok(()) => {
                running.execution.resume(wait.frame, wake, &mut self.run_turn(edges.now, machine))
            }
            Err(raised) => Step::Failed(raised),
        };
        self.follow(running, Some(wait.execution), step, edges);
    }

    fn run_again(&mut self, index: u32, edges: &mut Edges<'_>) {
        let Some(mut running) = self.slab.take_queued(index) else { return };
        running.queued = false;
        let machine = running.ticket.machine;
        let step = running.execution.run(&mut self.run_turn(edges.now, machine));
        self.follow(running, Some(index), step, edges);
    }

    /// Folds up what waits for calls that have not been answered for a while.
    fn fold_unanswered(&mut self, now: Now) {
        while let Some(&(from_ms, token)) = self.unanswered.front()
            && from_ms <= now.mono_ms()
        {
            self.unanswered.pop_front();
            if let Some(wait) = self.waits.get(token) {
                self.slab.fold(wait.execution);
            }
        }
    }

    /// What one run of an execution may use.
    fn run_turn(&mut self, now: Now, machine: MachineIdx) -> Turn<'_> {
        self.runs.select(machine);
        Turn {
            now,
            parser: &mut self.parser,
            entropy: &mut self.entropy,
            scratch: &mut self.scratch,
            fuel: self.limits.fuel,
            limits: self.limits.execution,
            spent_beside: 0,
            runs: &mut self.runs,
            effects: &mut self.effects,
            cancelled: &mut self.cancelled,
        }
    }

    fn take_starts(&mut self, inputs: &mut Inputs, edges: &mut Edges<'_>) -> usize {
        let mut budget = self.limits.starts_per_turn;
        while let Some(batch) = inputs.batches.front() {
            while let Some(start) = batch.starts.get(inputs.taken) {
                let is_full = self.open() >= self.limits.open_max;
                if is_full && !std::mem::replace(&mut self.next_waits, true) {
                    edges.settle.throttled(start.machine);
                }
                if budget == 0 || is_full {
                    return self.limits.starts_per_turn - budget;
                }
                self.next_waits = false;
                budget -= 1;
                inputs.taken += 1;
                self.start(start, &batch.bytes, edges);
            }
            inputs.taken = 0;
            inputs.retire();
        }
        self.limits.starts_per_turn - budget
    }

    fn start(&mut self, start: &Start, bytes: &[u8], edges: &mut Edges<'_>) {
        let input = slice(bytes, &start.input);
        let name = std::str::from_utf8(slice(bytes, &start.name)).unwrap_or_default();
        if input.len() > PAYLOAD_BYTES_MAX {
            let cause = format!(
                "the event has {} bytes, more than the {PAYLOAD_BYTES_MAX} that an execution may take",
                input.len()
            );
            return edges.reject(start, input, "too-large", &cause);
        }
        let Some(loaded) = self.machines.get(usize::from(start.machine.0)) else {
            return edges.reject(start, input, "no-machine", "the state machine is not registered");
        };
        let recorded = self.limits.spans.records(start);
        let recording = self.recording_of(start, recorded);
        let mut running = self.slab.spare(loaded);
        let suffix = loaded.program.world.express.then_some(start.suffix);
        let begun = running.execution.begin(
            loaded,
            name,
            suffix,
            input,
            edges.now,
            &mut self.parser,
            recording,
        );
        if let Err(error) = begun {
            self.slab.keep(running);
            let class = if error == ParseError::TooDeep { "too-deep" } else { "not-json" };
            return edges.reject(start, input, class, &error.to_string());
        }
        running.execution.trace_under(trace_of(start, bytes, recorded));
        running.ticket = Ticket {
            origin: start.origin,
            machine: start.machine,
            suffix: start.suffix,
            started: edges.now,
            deadline: None,
        };
        running.queued = false;
        edges.settle.started(start.machine);
        let step = running.execution.run(&mut self.run_turn(edges.now, start.machine));
        self.follow(running, None, step, edges);
    }

    /// What an execution records.
    fn recording_of(&self, start: &Start, spans: bool) -> Recording {
        if self.limits.history || self.limits.sampling.takes(start.suffix) {
            return Recording::ALL;
        }
        let asked = self.recordings.get(usize::from(start.machine.0)).copied().unwrap_or_default();
        // Spans are made of the events, not of their data.
        if spans { Recording { level: Level::All, ..asked } } else { asked }
    }

    /// Does what a step asks for; `slot` is where the execution lived, if it has lived anywhere.
    fn follow(
        &mut self,
        mut running: Box<Running>,
        slot: Option<u32>,
        step: Step,
        edges: &mut Edges<'_>,
    ) {
        while let Some(token) = self.cancelled.pop() {
            self.cancel(token, edges.calls);
        }
        match step {
            Step::Finished(value) => {
                self.output.clear();
                running.execution.write(value, &mut self.output);
                let end = running.end(Status::Succeeded, edges.now);
                running.execution.end_history(End::Succeeded(value), end);
                return self.settle(running, slot, Status::Succeeded, None, edges);
            }
            Step::Failed(raised) => {
                let end = running.end(Status::Failed, edges.now);
                running.execution.end_history(End::Failed(&raised), end);
                return self.settle(running, slot, Status::Failed, Some(&raised), edges);
            }
            Step::Suspended | Step::OutOfFuel => {}
        }
        let index = slot.unwrap_or_else(|| self.slab.occupy());
        let rest_ms = self.start_waits(&mut running, index, edges);
        let waits = matches!(step, Step::Suspended);
        if !waits {
            // One that stands in the queue already has its turn to come: not two.
            if !std::mem::replace(&mut running.queued, true) {
                self.ready.push_back(index);
            }
        }
        if running.ticket.deadline.is_none() {
            let started = running.ticket.started;
            running.ticket.deadline = running.timeout_ms().map(|timeout_ms| {
                self.timers.set(due_ms(started, timeout_ms), Alarm::Deadline(index))
            });
        }
        self.slab.put(index, running);
        if waits && rest_ms >= self.limits.fold_after_ms {
            self.slab.fold(index);
        }
    }

    /// Begins what the frames of a run have asked for; returns for how long it will surely wait.
    fn start_waits(&mut self, running: &mut Running, index: u32, edges: &mut Edges<'_>) -> u64 {
        let mut rest_ms = 0;
        let mut effects = std::mem::take(&mut self.effects);
        for (frame, effect) in effects.drain(..) {
            let call = matches!(effect, Effect::Call { .. });
            let token = self.waits.add(Wait { execution: index, frame, call, timer: None });
            running.execution.wait_under(frame, token);
            let within_ms = match effect {
                Effect::Sleep { millis } => Some(millis),
                Effect::Call { timeout_ms, .. } => timeout_ms,
            };
            if let Some(within_ms) = within_ms {
                let timer = self.timers.set(due_ms(edges.now, within_ms), Alarm::Wake(token));
                self.waits.set_timer(token, timer);
            }
            if let Effect::Sleep { millis } = effect {
                rest_ms = millis;
            }
            if let Effect::Call { state, task, input, timeout_ms, attempt, event } = effect {
                let execution = &running.execution;
                let mut text = Vec::with_capacity(input.json_len());
                execution.write(input, &mut text);
                let program = execution.program();
                let request = CallRequest {
                    machine: running.ticket.machine,
                    state: program.states[state.index()].name.clone(),
                    resource: program.tasks[task.index()].resource.clone(),
                    input: text,
                    timeout_ms,
                    attempt,
                    traceparent: execution.trace().of_call(running.ticket.suffix, event),
                    tracestate: execution.trace().state.clone(),
                };
                edges.calls.call(token, request);
                let fold_at_ms = edges.now.mono_ms().saturating_add(self.limits.fold_after_ms);
                self.unanswered.push_back((fold_at_ms, token));
            }
        }
        self.effects = effects;
        rest_ms
    }

    /// The machine's `TimeoutSeconds` or the Express limit has passed.
    fn time_out(&mut self, index: u32, edges: &mut Edges<'_>) {
        // That its values could not be read again does not matter any more.
        let taken = self.slab.take(index, &self.machines, &mut self.parser);
        let Some((mut running, _)) = taken else { return };
        running.ticket.deadline = None;
        let raised = Raised::new(Some("States.Timeout"), None);
        let end = running.end(Status::TimedOut, edges.now);
        running.execution.end_history(End::TimedOut(&raised), end);
        self.settle(running, Some(index), Status::TimedOut, Some(&raised), edges);
    }

    fn settle(
        &mut self,
        mut running: Box<Running>,
        slot: Option<u32>,
        status: Status,
        raised: Option<&Raised>,
        edges: &mut Edges<'_>,
    ) {
        if let Some(index) = slot {
            let deadline = running.ticket.deadline.take();
            self.withdraw(running.execution.tokens(), deadline, edges.calls);
            self.slab.vacate(index);
        }
        let ticket = running.ticket;
        let end = running.end(status, edges.now);
        edges.settle.settled(&Settled {
            origin: ticket.origin,
            machine: ticket.machine,
            suffix: ticket.suffix,
            name: running.execution.name(),
            status,
            output: if status == Status::Succeeded { &self.output } else { &[] },
            error: raised.and_then(Raised::error),
            cause: raised.and_then(Raised::cause),
            started_ms: running.execution.started_ms(),
            stopped_ms: end.wall_ms,
            duration_ns: end.mono_ns.saturating_sub(ticket.started.mono_ns),
            input_bytes: running.execution.input_bytes(),
            metered_data_bytes: running.execution.metered_data_bytes(),
            held_bytes: running.execution.held_bytes_peak() as u64,
            transitions: running.execution.transitions(),
            history: running.execution.history(),
            events_left_out: running.execution.events_left_out(),
            trace: running.execution.trace(),
        });
        self.slab.keep(running);
    }
}

/// The outside of one turn.
struct Edges<'a> {
    now: Now,
    settle: &'a mut dyn Settle,
    calls: &'a mut dyn Calls,
}

impl Edges<'_> {
    #[cold]
    fn reject(&mut self, start: &Start, input: &[u8], class: &'static str, cause: &str) {
        self.settle.rejected(&Rejected {
            origin: start.origin,
            machine: start.machine,
            input,
            class,
            cause,
        });
    }
}

/// Where an event stands in a distributed trace.
#[inline]
fn trace_of(start: &Start, bytes: &[u8], recorded: bool) -> Trace {
    let state = std::str::from_utf8(slice(bytes, &start.tracestate)).unwrap_or_default();
    let state = (!state.is_empty()).then(|| state.into());
    Trace { parent: start.traceparent, state, recorded }
}

/// A range of a batch; one that lies outside is empty, which no source may send.
fn slice<'a>(bytes: &'a [u8], range: &std::ops::Range<u32>) -> &'a [u8] {
    bytes.get(range.start as usize..range.end as usize).unwrap_or_default()
}

/// The first whole millisecond at which `millis` have passed: never early.
fn due_ms(from: Now, millis: u64) -> u64 {
    from.mono_ns.div_ceil(1_000_000).saturating_add(millis)
}

/// Spent batches kept until the caller takes them.
const SPENT_BATCHES_MAX: usize = 4;
