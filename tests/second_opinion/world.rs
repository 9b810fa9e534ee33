//! What an execution lives in: virtual time, the history, and tasks that answer from a script.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use serde_json::{Map, Value};

use crate::unsure;
use expressway::trial::pattern;

/// A future on the one thread there is.
pub(crate) type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Milliseconds, and the turn within one of them.
pub(crate) type Instant = (u64, u64);

/// One line of the history.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: u64,
    pub(crate) previous: u64,
    /// Milliseconds since the start.
    pub(crate) at_ms: u64,
    pub(crate) kind: String,
    pub(crate) details: Map<String, Value>,
}

/// A line of events that follow each other: the execution's, a branch's, an iteration's.
pub(crate) struct Thread {
    pub(crate) last: Cell<u64>,
    /// The child of a distributed Map, whose events are not its parent's.
    pub(crate) muted: bool,
}

/// What a task does when it is called.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Return(Value),
    Throw { error: Option<String>, cause: Option<String> },
    Hang,
}

/// A call that was made.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) state: String,
    pub(crate) request: Value,
    /// What the script says the request is, as a pattern.
    pub(crate) expected: Option<Value>,
}

#[derive(Default)]
pub(crate) struct World {
    now: Cell<Instant>,
    next: Cell<Option<Instant>>,
    pub(crate) events: RefCell<Vec<Event>>,
    pub(crate) made: RefCell<Vec<Made>>,
    script: RefCell<HashMap<String, Lines>>,
}

/// What is scripted for one state.
#[derive(Default)]
struct Lines {
    /// Each for one invocation, until it is used.
    once: Vec<Option<Value>>,
    always: Option<Value>,
}

impl World {
    pub(crate) fn new(mocks: &Value) -> Self {
        let world = Self::default();
        for (state, entries) in mocks.as_object().into_iter().flatten() {
            let mut lines = Lines::default();
            for (key, entry) in entries.as_object().into_iter().flatten() {
                if key == "*" {
                    lines.always = Some(entry.clone());
                    continue;
                }
                let (from, to) = key.split_once('-').unwrap_or((key, key));
                let number = |text: &str| text.parse::<usize>().expect("a number of an invocation");
                let (from, to) = (number(from), number(to));
                lines.once.resize(lines.once.len().max(to + 1), None);
                lines.once[from..=to].fill(Some(entry.clone()));
            }
            world.script.borrow_mut().insert(state.clone(), lines);
        }
        world
    }

    /// Calls a task: the first unused line with an equal request, else the next unused one.
    pub(crate) async fn call(&self, state: &str, request: &Value) -> Answer {
        let entry = self.entry(state, request);
        let expected = entry.get("request").cloned();
        let state = state.to_owned();
        self.made.borrow_mut().push(Made { state, request: request.clone(), expected });
        self.next_turn().await;
        if entry.get("Echo").is_some() {
            return Answer::Return(request.clone());
        }
        if let Some(result) = entry.get("Return") {
            return Answer::Return(result.clone());
        }
        let Some(thrown) = entry.get("Throw") else { return Answer::Hang };
        let text = |key: &str| thrown.get(key).and_then(Value::as_str).map(str::to_owned);
        Answer::Throw { error: text("Error"), cause: text("Cause") }
    }

    fn entry(&self, state: &str, request: &Value) -> Value {
        let mut script = self.script.borrow_mut();
        let lines = script.get_mut(state).unwrap_or_else(|| panic!("no script for {state}"));
        let fits = |line: &Option<Value>| {
            line.as_ref()
                .and_then(|line| line.get("request"))
                .is_some_and(|expected| pattern::matches(expected, request))
        };
        let found = lines.once.iter().position(fits);
        let chosen = found.or_else(|| lines.once.iter().position(Option::is_some));
        match chosen.and_then(|at| lines.once[at].take()) {
            Some(line) => line,
            None => lines.always.clone().unwrap_or_else(|| panic!("no line left for {state}")),
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now.get().0
    }

    pub(crate) async fn sleep_ms(&self, milliseconds: u64) {
        if milliseconds > 0 {
            self.until((self.now_ms().saturating_add(milliseconds), 0)).await;
        }
    }

    async fn next_turn(&self) {
        let (now, turn) = self.now.get();
        self.until((now, turn + 1)).await;
    }

    async fn until(&self, due: Instant) {
        poll_fn(|_| {
            if self.now.get() >= due {
                return Poll::Ready(());
            }
            self.next.set(Some(self.next.get().map_or(due, |next| next.min(due))));
            Poll::Pending
        })
        .await;
    }

    /// What `poll` gives, and when what it polled will go on.
    pub(crate) fn noting_what_is_due<T>(&self, poll: impl FnOnce() -> T) -> (T, Option<Instant>) {
        let before = self.next.take();
        let polled = poll();
        let due = self.next.get();
        self.next.set(before.into_iter().chain(due).min());
        (polled, due)
    }

    /// Never ready.
    pub(crate) async fn forever(&self) {
        std::future::pending::<()>().await;
    }

    /// Runs `work` to its end, moving time to whatever is due next. `None`: it would take longer
    /// than `limit_ms`, or for ever.
    pub(crate) fn run<T>(&self, mut work: Local<'_, T>, limit_ms: u64) -> Option<T> {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            self.next.set(None);
            if let Poll::Ready(value) = work.as_mut().poll(&mut context) {
                return Some(value);
            }
            match self.next.get() {
                Some(next) if next.0 < limit_ms => self.now.set(next),
                next => {
                    if next.is_some_and(|next| next.0 == limit_ms) {
                        unsure::guess("who wins when the time is up at this very moment");
                    }
                    return None;
                }
            }
        }
    }

    /// Adds an event that `thread` goes on from.
    pub(crate) fn emit(&self, thread: &Thread, kind: impl Into<String>, details: Value) -> u64 {
        let id = self.aside(thread, kind, details);
        thread.last.set(id);
        id
    }

    /// Adds an event that the next one does not follow from.
    pub(crate) fn aside(&self, thread: &Thread, kind: impl Into<String>, details: Value) -> u64 {
        if thread.muted {
            return thread.last.get();
        }
        let mut events = self.events.borrow_mut();
        let id = events.len() as u64 + 1;
        let Value::Object(details) = details else { panic!("details are an object") };
        let (previous, at_ms) = (thread.last.get(), self.now_ms());
        events.push(Event { id, previous, at_ms, kind: kind.into(), details });
        id
    }
}

/// Whichever of two futures is ready first; `a` when both are.
pub(crate) async fn race<T>(mut a: Local<'_, T>, mut b: Local<'_, T>) -> T {
    poll_fn(|context| match a.as_mut().poll(context) {
        Poll::Pending => b.as_mut().poll(context),
        ready @ Poll::Ready(_) => ready,
    })
    .await
}
