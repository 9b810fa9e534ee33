//! `arn:aws:states:::http:invoke`: an HTTP call per Task, on the shard's own runtime.
//!
//! AWS: <https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html>. Two differences on
//! purpose: plain `http` is allowed, and instead of a connection's policy there is a list of hosts.
//! Redirects are answers, not followed: the list would not hold otherwise.

mod allow;
mod connector;
mod exchange;
mod request;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

pub use self::allow::{Allow, BadPattern};
use self::exchange::Exchange;
use self::request::Prepared;
use super::{Completions, failed};
use crate::base::ids::WakeToken;
use crate::base::tally::{Attempted, Resource, TaskTally};
use crate::shard::{CallRequest, CallResult};

/// How HTTP tasks behave.
#[derive(Clone, Debug)]
pub struct Options {
    /// Hosts that may be called.
    pub allow: Allow,
    /// What the user calls that list, a key or a flag: a refusal names it.
    pub allow_name: &'static str,
    /// Calls under way at a time; more wait in order.
    pub calls_max: usize,
    /// Calls that may wait: as many as executions may be open.
    pub waiting_max: usize,
    /// Idle connections kept per host.
    pub idle_connections_per_host: usize,
    /// Longest call.
    pub timeout: Duration,
    /// Region in the `User-Agent`.
    pub region: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allow: Allow::default(),
            allow_name: "task.http.allow",
            calls_max: 1_024,
            waiting_max: 1_048_576,
            idle_connections_per_host: 64,
            timeout: TIMEOUT_MAX,
            region: "us-east-1".to_owned(),
        }
    }
}

/// AWS ends an HTTP task here whatever `TimeoutSeconds` says.
pub const TIMEOUT_MAX: Duration = Duration::from_mins(1);

/// Runs HTTP calls; belongs to one shard and needs its `LocalRuntime` around every call.
#[derive(Debug)]
pub struct HttpTasks {
    inner: Rc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: Options,
    exchange: Exchange,
    completions: Completions,
    calls: RefCell<Outstanding>,
}

/// Calls under way and calls that wait for a place, by token.
#[derive(Debug)]
struct Outstanding {
    by_token: HashMap<WakeToken, Place>,
    /// In the order in which they came.
    waiting: BTreeMap<u64, Waiting>,
    running: usize,
    next_ticket: u64,
    tally: TaskTally,
}

#[derive(Debug)]
struct Waiting {
    token: WakeToken,
    since: Instant,
    prepared: Prepared,
}

#[derive(Debug)]
enum Place {
    Waiting(u64),
    Running { since: Instant, abort: AbortHandle },
}

impl HttpTasks {
    /// Makes a client with its own connections.
    pub fn new(options: Options, completions: Completions, tally: TaskTally) -> Self {
        let exchange = Exchange::new(&options, tally.connections());
        Self {
            inner: Rc::new(Inner {
                options,
                exchange,
                completions,
                calls: RefCell::new(Outstanding {
                    by_token: HashMap::new(),
                    waiting: BTreeMap::new(),
                    running: 0,
                    next_ticket: 0,
                    tally,
                }),
            }),
        }
    }

    /// Starts a call, or puts it behind those that wait.
    pub fn call(&self, token: WakeToken, request: CallRequest) {
        let prepared = match Prepared::new(&request, &self.inner.options) {
            Ok(prepared) => prepared,
            Err(result) => return self.inner.completions.push(token, result),
        };
        let machine = request.machine;
        drop(request);
        let call = Waiting { token, since: Instant::now(), prepared };
        let mut calls = self.inner.calls.borrow_mut();
        calls.tally.scheduled(Resource::HttpInvoke);
        if calls.running < self.inner.options.calls_max {
            self.inner.start(&mut calls, call);
        } else if calls.waiting.len() < self.inner.options.waiting_max {
            let ticket = calls.next_ticket;
            calls.next_ticket += 1;
            calls.tally.throttled(machine);
            calls.waiting.insert(ticket, call);
            calls.by_token.insert(token, Place::Waiting(ticket));
        } else {
            let cause = format!(
                "{} HTTP calls wait already, as many as executions may be open.",
                calls.waiting.len()
            );
            self.inner.completions.push(token, failed("States.TaskFailed", cause));
        }
    }

    /// Aborts a call or takes it out of the queue; an unknown token is none of ours.
    pub fn cancel(&self, token: WakeToken) {
        let mut calls = self.inner.calls.borrow_mut();
        match calls.by_token.remove(&token) {
            Some(Place::Waiting(ticket)) => {
                calls.waiting.remove(&ticket);
            }
            Some(Place::Running { since, abort }) => {
                abort.abort();
                self.inner.give_on(&mut calls, since, Attempted::Cancelled);
            }
            None => {}
        }
    }

    /// Calls under way.
    pub fn running(&self) -> usize {
        self.inner.calls.borrow().running
    }

    /// Calls that wait for a place.
    pub fn waiting(&self) -> usize {
        self.inner.calls.borrow().waiting.len()
    }
}

impl Drop for HttpTasks {
    /// The owner of the spawned futures is gone: end them.
    fn drop(&mut self) {
        for place in self.inner.calls.borrow().by_token.values() {
            if let Place::Running { abort, .. } = place {
                abort.abort();
            }
        }
    }
}

impl Inner {
    fn start(self: &Rc<Self>, calls: &mut Outstanding, call: Waiting) {
        let inner = Rc::clone(self);
        let token = call.token;
        let task = tokio::task::spawn_local(async move {
            let (result, attempted) = inner.exchange.run(call.prepared).await;
            inner.finished(token, result, attempted);
        });
        calls.running += 1;
        let since = Instant::now();
        calls.tally.started(Resource::HttpInvoke, ns(since.duration_since(call.since)));
        let abort = task.abort_handle();
        calls.by_token.insert(token, Place::Running { since, abort });
    }

    fn finished(self: &Rc<Self>, token: WakeToken, result: CallResult, attempted: Attempted) {
        let mut calls = self.calls.borrow_mut();
        // Cancelled between the answer and here: its place was given on already.
        if let Some(Place::Running { since, .. }) = calls.by_token.remove(&token) {
            self.completions.push(token, result);
            self.give_on(&mut calls, since, attempted);
        }
    }

    /// A call has ended; the next one takes its place.
    fn give_on(self: &Rc<Self>, calls: &mut Outstanding, since: Instant, attempted: Attempted) {
        calls.running -= 1;
        calls.tally.finished(Resource::HttpInvoke, attempted, ns(since.elapsed()));
        if let Some((_, next)) = calls.waiting.pop_first() {
            self.start(calls, next);
        }
    }
}

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
