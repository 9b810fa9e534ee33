//! What runs states inside a state: the branches of a Parallel, the iterations of a Map.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use serde_json::{Value, json};

use crate::dataflow::{Place, Scope};
use crate::interpreter::{Interpreter, Surroundings, Visit, within_limit};
use crate::retries::Failure;
use crate::unsure;
use crate::world::{Local, Thread};

impl<'a> Interpreter<'a> {
    pub(crate) async fn parallel(
        &self,
        visit: &Visit<'a, '_>,
        input: &Value,
    ) -> Result<Value, Failure> {
        let Visit { state, around, thread, .. } = *visit;
        let started = self.world.emit(thread, "ParallelStateStarted", json!({}));
        let branches = state["Branches"].as_array().expect("Branches is an array");
        let threads: Vec<_> = branches.iter().map(|_| thread.fork(started)).collect();
        let children = branches.iter().zip(&threads).map(|(branch, child)| {
            let around = around.inner(around.item.clone());
            self.states(branch, input.clone(), around, child)
        });
        let failed = |at: usize| {
            visit.child_failed.set(true);
            thread.last.set(threads[at].last.get());
        };
        let results = self.together(children.collect(), usize::MAX, &|_| {}, &failed).await?;
        thread.last.set(threads.iter().map(|child| child.last.get()).max().unwrap_or(started));
        self.world.aside(thread, "ParallelStateSucceeded", json!({}));
        Ok(results.into())
    }

    pub(crate) async fn map(&self, visit: &Visit<'a, '_>, input: &Value) -> Result<Value, Failure> {
        let Visit { name, state, place, around, thread, .. } = *visit;
        let items = visit.items(input)?;
        let limit = visit.max_concurrency(input)?;
        let processor = state.get("ItemProcessor").unwrap_or(&state["Iterator"]);
        let muted = thread.muted || processor["ProcessorConfig"]["Mode"] == "DISTRIBUTED";
        let started = self.world.emit(thread, "MapStateStarted", json!({"length": items.len()}));
        visit.check_tolerance(input)?;
        let selector = state.get("ItemSelector").or_else(|| state.get("Parameters"));
        if muted {
            self.world.emit(thread, "MapRunStarted", json!({}));
        }
        // The event that a new iteration follows: the start, then the end of the one before it.
        let freed = Cell::new(started);
        let begun = RefCell::new(BTreeSet::new());
        let threads: Vec<_> =
            items.iter().map(|_| Thread { muted, ..thread.fork(started) }).collect();
        let children = items.iter().enumerate().map(|(index, item)| -> Local<'_, _> {
            let item = json!({"Item": {"Index": index, "Value": item, "Source": "STATE_DATA"}});
            let child = &threads[index];
            let (freed, begun) = (&freed, &begun);
            Box::pin(async move {
                if !muted {
                    child.last.set(freed.get());
                }
                let mut context = place.context.clone();
                context["Map"] = item.clone();
                let place = Place { context: &context, ..*place };
                let value = match selector {
                    Some(template) => place.template(template, input)?,
                    None => item["Item"]["Value"].clone(),
                };
                within_limit(name, &value)?;
                begun.borrow_mut().insert(index);
                let details = json!({"name": name, "index": index});
                self.world.emit(child, "MapIterationStarted", details);
                let around = around.inner(Some(item));
                self.states(processor, value, around, child).await
            })
        });
        let last_ended = Cell::new(started);
        let ended = |index: usize, how: &str| {
            let details = json!({"name": name, "index": index});
            self.world.aside(&threads[index], format!("MapIteration{how}"), details)
        };
        let succeeded = |index: usize| {
            freed.set(threads[index].last.get());
            last_ended.set(ended(index, "Succeeded"));
        };
        let failed = |index: usize| {
            if !begun.borrow().contains(&index) {
                return;
            }
            visit.child_failed.set(true);
            ended(index, "Failed");
            if !muted {
                thread.last.set(threads[index].last.get());
            }
        };
        let results = self.together(children.collect(), limit, &succeeded, &failed).await?;
        if muted {
            self.world.emit(thread, "MapRunSucceeded", json!({}));
        } else {
            thread.last.set(last_ended.get());
        }
        self.world.aside(thread, "MapStateSucceeded", json!({}));
        Ok(results.into())
    }

    /// Runs `children`, so many of them at a time, until all have ended or one has failed.
    async fn together<'b>(
        &'b self,
        children: Vec<Local<'b, Result<Value, Failure>>>,
        limit: usize,
        succeeded: &dyn Fn(usize),
        failed: &dyn Fn(usize),
    ) -> Result<Vec<Value>, Failure> {
        let mut results = vec![Value::Null; children.len()];
        // With each child, when it will go on.
        let mut waiting = children.into_iter().enumerate().map(|(at, child)| (at, child, None));
        let mut running: Vec<_> = waiting.by_ref().take(limit).collect();
        poll_fn(move |context| {
            let mut at = 0;
            while at < running.len() {
                let (index, child, due) = &mut running[at];
                let (polled, next) = self.world.noting_what_is_due(|| child.as_mut().poll(context));
                *due = next;
                match polled {
                    Poll::Pending => at += 1,
                    Poll::Ready(Ok(value)) => {
                        succeeded(*index);
                        results[*index] = value;
                        drop(running.remove(at));
                        running.extend(waiting.next());
                    }
                    Poll::Ready(Err(failure)) => {
                        let now_ms = self.world.now_ms();
                        let (failed_at, index) = (at, *index);
                        let others = running.iter().enumerate().filter(|(at, _)| *at != failed_at);
                        if others
                            .into_iter()
                            .any(|(_, (_, _, due))| due.map(|due| due.0) == Some(now_ms))
                        {
                            unsure::guess("which of two things at one moment comes first");
                        }
                        failed(index);
                        return Poll::Ready(Err(failure));
                    }
                }
            }
            if running.is_empty() {
                return Poll::Ready(Ok(std::mem::take(&mut results)));
            }
            Poll::Pending
        })
        .await
    }
}

impl Thread {
    fn fork(&self, started: u64) -> Thread {
        Thread { last: Cell::new(started), muted: self.muted }
    }
}

impl Surroundings {
    fn inner(&self, item: Option<Value>) -> Self {
        let outer = Some(Rc::clone(&self.scope));
        Self { scope: Rc::new(Scope { outer, ..Scope::default() }), item }
    }
}
