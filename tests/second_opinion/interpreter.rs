//! A machine, run the obvious way: one recursive function for each thing that can contain states.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use crate::dataflow::{Place, Scope, merged};
use crate::retries::{Failure, Retriers, catcher};
use crate::rules;
use crate::timestamps;
use crate::world::{Answer, Local, Thread, World, race};

/// The largest payload, in bytes of JSON.
const PAYLOAD_LIMIT: usize = 262_144;

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    Succeeded(Value),
    Failed(Failure),
    TimedOut,
}

/// One execution.
pub(crate) struct Interpreter<'a> {
    pub(crate) world: &'a World,
    /// `$$` but for its `State` and `Map`.
    pub(crate) context: Value,
    /// Wall clock at the start, in milliseconds.
    pub(crate) started_ms: i64,
}

/// How a state was left.
struct Left<'a> {
    output: Value,
    next: Option<&'a str>,
    assigned: Map<String, Value>,
}

/// What surrounds the states of one `States` object.
#[derive(Clone)]
struct Surroundings {
    scope: Rc<Scope>,
    /// `$$.Map`, inside an iteration.
    item: Option<Value>,
}

/// What is known when a state is at work.
struct Visit<'a, 'b> {
    name: &'a str,
    state: &'a Value,
    raw: &'b Value,
    place: &'b Place<'b>,
    around: &'b Surroundings,
    thread: &'b Thread,
    /// A branch or an iteration is why the state failed.
    child_failed: Cell<bool>,
}

impl<'a> Interpreter<'a> {
    /// Runs `machine` to its end, which comes after `limit_ms` at the latest.
    pub(crate) fn run(&self, machine: &'a Value, input: Value, limit_ms: u64) -> End {
        self.run_with(machine, input, limit_ms, Map::new()).0
    }

    /// As [`Self::run`], from and to the machine's variables.
    pub(crate) fn run_with(
        &self,
        machine: &'a Value,
        input: Value,
        limit_ms: u64,
        variables: Map<String, Value>,
    ) -> (End, Map<String, Value>) {
        let thread = Thread { last: Cell::new(0), muted: false };
        self.world.aside(&thread, "ExecutionStarted", json!({"input": &input}));
        let around = Surroundings { scope: Rc::default(), item: None };
        around.scope.variables.replace(variables);
        let scope = Rc::clone(&around.scope);
        let seconds = machine["TimeoutSeconds"].as_u64().unwrap_or(u64::MAX / 1000);
        let work = self.states(machine, input, around, &thread);
        let end = self.world.run(work, limit_ms.min(seconds * 1000));
        let end = match end {
            Some(Ok(output)) => {
                self.world.emit(&thread, "ExecutionSucceeded", json!({"output": &output}));
                End::Succeeded(output)
            }
            Some(Err(failure)) => {
                self.world.emit(&thread, "ExecutionFailed", error_details(&failure));
                End::Failed(failure)
            }
            None => End::TimedOut,
        };
        (end, scope.variables.take())
    }

    fn states<'b>(
        &'b self,
        machine: &'a Value,
        input: Value,
        around: Surroundings,
        thread: &'b Thread,
    ) -> Local<'b, Result<Value, Failure>> {
        Box::pin(async move {
            let mut name = text(&machine["StartAt"]);
            let mut value = input;
            loop {
                let state = &machine["States"][name];
                let left = self.state(name, state, value, &around, thread).await?;
                value = left.output;
                around.scope.variables.borrow_mut().extend(left.assigned);
                match left.next {
                    Some(next) => name = next,
                    None => return Ok(value),
                }
            }
        })
    }

    async fn state(
        &self,
        name: &'a str,
        state: &'a Value,
        raw: Value,
        around: &Surroundings,
        thread: &Thread,
    ) -> Result<Left<'a>, Failure> {
        let kind = text(&state["Type"]);
        let details = json!({"name": name, "input": &raw});
        let entered = self.world.emit(thread, format!("{kind}StateEntered"), details);
        let entered_ms = self.now_ms();
        let mut retriers = Retriers::of(state);
        let left = loop {
            let retries = matches!(kind, "Task" | "Map" | "Parallel").then(|| retriers.count());
            let context = self.context(name, entered_ms, retries, around.item.as_ref());
            let scope = &*around.scope;
            let place = Place { state: name, entered, context: &context, scope };
            let child_failed = Cell::new(false);
            let visit =
                Visit { name, state, raw: &raw, place: &place, around, thread, child_failed };
            let failure = match self.work(&visit).await {
                Ok(left) => break left,
                Err(failure) => failure,
            };
            if let Some(delay_ms) = retriers.next_delay_ms(&failure) {
                self.world.sleep_ms(delay_ms).await;
                continue;
            }
            if visit.child_failed.get() {
                self.world.emit(thread, format!("{kind}StateFailed"), json!({}));
            }
            let catcher = catcher(state, &failure).ok_or_else(|| failure.clone())?;
            let error = failure.output();
            break Left {
                assigned: place.assigned(catcher.get("Assign"), &error)?,
                output: merged(catcher.get("ResultPath"), &raw, error)?,
                next: Some(text(&catcher["Next"])),
            };
        };
        if left.output.to_string().len() > PAYLOAD_LIMIT {
            return Err(Failure { terminal: true, ..oversized(name) });
        }
        let mut details = json!({"name": name, "output": &left.output});
        if !left.assigned.is_empty() {
            details["assignedVariables"] = left.assigned.clone().into();
        }
        self.world.emit(thread, format!("{kind}StateExited"), details);
        Ok(left)
    }

    async fn work(&self, visit: &Visit<'a, '_>) -> Result<Left<'a>, Failure> {
        let Visit { state, raw, place, .. } = *visit;
        let mut input = match state.get("InputPath") {
            Some(path) => place.select(path, raw)?,
            None => raw.clone(),
        };
        let kind = text(&state["Type"]);
        // A Map's Parameters are the old name of its ItemSelector.
        if let Some(template) = state.get("Parameters").filter(|_| kind != "Map") {
            input = place.template(template, &input)?;
        }
        match kind {
            "Pass" => {
                let result = state.get("Result").cloned().unwrap_or(input);
                visit.finish(result)
            }
            "Task" => visit.finish(self.task(visit, input).await?),
            "Parallel" => visit.finish(self.parallel(visit, &input).await?),
            "Map" => visit.finish(self.map(visit, &input).await?),
            "Wait" => {
                self.world.sleep_ms(self.delay_ms(visit, &input)?).await;
                visit.finish_with(state.get("Assign"), input, next(state))
            }
            "Choice" => visit.choose(input),
            "Succeed" => visit.finish_with(None, input, None),
            "Fail" => Err(visit.failure(&input)?),
            other => panic!("no state type {other}"),
        }
    }

    async fn task(&self, visit: &Visit<'a, '_>, request: Value) -> Result<Value, Failure> {
        let Visit { name, state, thread, place, .. } = *visit;
        let resource = text(&state["Resource"]);
        let function = resource.starts_with("arn:aws:lambda:");
        let prefix = if function { "LambdaFunction" } else { "Task" };
        let timeout_ms = match state.get("TimeoutSecondsPath") {
            Some(path) => place.select(path, visit.raw)?.as_u64(),
            None => state["TimeoutSeconds"].as_u64(),
        }
        .map(|seconds| seconds * 1000);
        let key = if function { "input" } else { "parameters" };
        self.world.emit(thread, format!("{prefix}Scheduled"), json!({key: &request}));
        self.world.emit(thread, format!("{prefix}Started"), json!({}));
        let answer: Local<'_, Option<Answer>> = Box::pin(async {
            let answer = self.world.call(name, &request).await;
            if matches!(answer, Answer::Hang) {
                self.world.forever().await;
            }
            Some(answer)
        });
        let timeout: Local<'_, Option<Answer>> = Box::pin(async {
            match timeout_ms {
                Some(timeout_ms) => self.world.sleep_ms(timeout_ms).await,
                None => self.world.forever().await,
            }
            None
        });
        let (event, failure) = match race(answer, timeout).await {
            Some(Answer::Return(result)) if result.to_string().len() <= PAYLOAD_LIMIT => {
                self.world.emit(thread, format!("{prefix}Succeeded"), json!({"output": &result}));
                return Ok(result);
            }
            Some(Answer::Return(_)) => {
                let service = resource
                    .strip_prefix("arn:aws:states:::")
                    .and_then(|rest| rest.split(':').next());
                ("Failed", oversized(service.unwrap_or(resource)))
            }
            Some(Answer::Throw { error, cause }) => {
                ("Failed", Failure { error, cause, terminal: false })
            }
            _ => {
                let error = Some("States.Timeout".to_owned());
                ("TimedOut", Failure { error, cause: None, terminal: false })
            }
        };
        self.world.emit(thread, format!("{prefix}{event}"), error_details(&failure));
        Err(failure)
    }

    async fn parallel(&self, visit: &Visit<'a, '_>, input: &Value) -> Result<Value, Failure> {
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

    async fn map(&self, visit: &Visit<'a, '_>, input: &Value) -> Result<Value, Failure> {
        let Visit { name, state, place, around, thread, .. } = *visit;
        let items = match state.get("ItemsPath") {
            Some(path) => place.select(path, input)?,
            None => input.clone(),
        };
        let Value::Array(items) = items else {
            return Err(place.runtime("The items are not an array."));
        };
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
        let mut waiting = children.into_iter().enumerate();
        let mut running: Vec<_> = waiting.by_ref().take(limit).collect();
        std::future::poll_fn(move |context| {
            use std::task::Poll;
            let mut at = 0;
            while at < running.len() {
                let (index, child) = &mut running[at];
                match child.as_mut().poll(context) {
                    Poll::Pending => at += 1,
                    Poll::Ready(Ok(value)) => {
                        succeeded(*index);
                        results[*index] = value;
                        drop(running.remove(at));
                        running.extend(waiting.next());
                    }
                    Poll::Ready(Err(failure)) => {
                        failed(*index);
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

    fn delay_ms(&self, visit: &Visit<'a, '_>, input: &Value) -> Result<u64, Failure> {
        let Visit { state, place, .. } = *visit;
        if let Some(seconds) = state["Seconds"].as_u64() {
            return Ok(seconds * 1000);
        }
        if let Some(path) = state["SecondsPath"].as_str() {
            let the = |what: &str| place.runtime(&format!("The SecondsPath parameter {what}"));
            let found = place.look_up(path, input);
            let found =
                found.map_err(|_| the(&format!("does not reference an input value: {path}")))?;
            let Some(seconds) = found.as_i64() else {
                let found = shown(&found);
                return Err(the(&format!("cannot be parsed as a long value: {path} == {found}")));
            };
            return u64::try_from(seconds)
                .map(|seconds| seconds * 1000)
                .map_err(|_| the(&format!("references a negative value: {path} == {seconds}")));
        }
        let (stamp, path) = match state["TimestampPath"].as_str() {
            Some(path) => {
                let found = place.look_up(path, input).map_err(|_| {
                    let the = "The TimestampPath parameter does not reference an input value";
                    place.runtime(&format!("{the}: {path}"))
                })?;
                (shown(&found), path)
            }
            None => (text(&state["Timestamp"]).to_owned(), ""),
        };
        let instant = timestamps::parse(&stamp).ok_or_else(|| {
            place.runtime(&format!(
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset \
                 date-time format string: {path} == {stamp}"
            ))
        })?;
        let due_ms = (instant / 1_000_000_000 * 1000) as i64;
        let delay_ms = u64::try_from(due_ms - self.now_ms()).unwrap_or(0);
        if delay_ms / 1000 > i32::MAX as u64 {
            return Err(place.runtime("Wait state delay is too long."));
        }
        Ok(delay_ms)
    }

    fn now_ms(&self) -> i64 {
        self.started_ms + self.world.now_ms() as i64
    }

    fn context(
        &self,
        state: &str,
        entered_ms: i64,
        retries: Option<u64>,
        item: Option<&Value>,
    ) -> Value {
        let mut context = self.context.clone();
        context["State"] = json!({"Name": state, "EnteredTime": format!("{entered_ms} ms")});
        if let Some(retries) = retries {
            context["State"]["RetryCount"] = retries.into();
        }
        if let Some(item) = item {
            context["Map"] = item.clone();
        }
        context
    }
}

impl<'a> Visit<'a, '_> {
    /// The way of Pass, Task, Parallel and Map: Assign, ResultSelector, ResultPath, OutputPath.
    fn finish(&self, result: Value) -> Result<Left<'a>, Failure> {
        let Self { state, raw, place, .. } = *self;
        let assigned = place.assigned(state.get("Assign"), &result)?;
        let selected = match state.get("ResultSelector") {
            Some(template) => place.template(template, &result)?,
            None => result,
        };
        let output = merged(state.get("ResultPath"), raw, selected)?;
        let left = self.finish_with(None, output, next(state))?;
        Ok(Left { assigned, ..left })
    }

    /// The way of the other states: Assign, OutputPath.
    fn finish_with(
        &self,
        assign: Option<&Value>,
        value: Value,
        next: Option<&'a str>,
    ) -> Result<Left<'a>, Failure> {
        let assigned = self.place.assigned(assign, &value)?;
        let output = match self.state.get("OutputPath") {
            Some(path) => self.place.select(path, &value)?,
            None => value,
        };
        Ok(Left { output, next, assigned })
    }

    fn choose(&self, input: Value) -> Result<Left<'a>, Failure> {
        let Self { state, place, .. } = *self;
        let lookup = |path: &str| place.look_up(path, &input).ok();
        for rule in state["Choices"].as_array().expect("Choices is an array") {
            let held = rules::holds(rule, &lookup).map_err(|path| {
                let what = "The choice state's condition path references an invalid value.";
                place.runtime(&format!("Invalid path '{path}': {what}"))
            })?;
            if held {
                return self.finish_with(rule.get("Assign"), input, rule["Next"].as_str());
            }
        }
        let Some(default) = state["Default"].as_str() else {
            let what = "Failed to transition out of the state. The state does not point to a next \
                        state.";
            return Err(place.runtime(what));
        };
        self.finish_with(state.get("Assign"), input, Some(default))
    }

    fn failure(&self, input: &Value) -> Result<Failure, Failure> {
        let text_of = |field: &str| -> Result<Option<String>, Failure> {
            let with_path = format!("{field}Path");
            let value = match self.state[&with_path].as_str() {
                Some(text) => Some(self.place.expression(&with_path, text, input)?),
                None => self.state.get(field).cloned(),
            };
            Ok(value.and_then(|value| value.as_str().map(str::to_owned)))
        };
        Ok(Failure { error: text_of("Error")?, cause: text_of("Cause")?, terminal: false })
    }

    fn max_concurrency(&self, input: &Value) -> Result<usize, Failure> {
        let limit = match self.state["MaxConcurrencyPath"].as_str() {
            Some(path) => {
                let value = self.place.select(&path.into(), input)?;
                let limit = self.integer("MaxConcurrencyPath", path, &value)?;
                if limit < 0 {
                    return Err(self.place.runtime("MaxConcurrency cannot be negative."));
                }
                limit
            }
            None => self.state["MaxConcurrency"].as_i64().unwrap_or(0),
        };
        // 0 is unbounded, and 40 is the most that the service runs at once.
        Ok(usize::try_from(limit).ok().filter(|limit| (1..40).contains(limit)).unwrap_or(40))
    }

    fn integer(&self, field: &str, path: &str, value: &Value) -> Result<i64, Failure> {
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        number.ok_or_else(|| self.not_a("integer", field, path, value))
    }

    fn not_a(&self, kind: &str, field: &str, path: &str, value: &Value) -> Failure {
        let shown = shown(value);
        self.place.runtime(&format!(
            "The {field} field refers to value \"{shown}\" which is not a valid {kind}: {path}"
        ))
    }

    fn check_tolerance(&self, input: &Value) -> Result<(), Failure> {
        let Self { state, place, .. } = *self;
        if let Some(path) = state["ToleratedFailureCountPath"].as_str() {
            let value = place.select(&path.into(), input)?;
            if self.integer("ToleratedFailureCountPath", path, &value)? < 0 {
                return Err(place.runtime("ToleratedFailureCount cannot be negative."));
            }
        }
        if let Some(path) = state["ToleratedFailurePercentagePath"].as_str() {
            let value = place.select(&path.into(), input)?;
            let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
            let number = number.ok_or_else(|| {
                self.not_a("float", "ToleratedFailurePercentagePath", path, &value)
            })?;
            if !(0.0..=100.0).contains(&number) {
                let what = "ToleratedFailurePercentage must be between 0 and 100.";
                return Err(place.runtime(what));
            }
        }
        Ok(())
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

fn oversized(name: &str) -> Failure {
    let cause = format!(
        "The state/task '{name}' returned a result with a size exceeding the maximum number of \
         bytes service limit."
    );
    Failure { terminal: false, ..Failure::new("States.DataLimitExceeded", cause) }
}

fn error_details(failure: &Failure) -> Value {
    let mut details = Map::new();
    for (key, value) in [("error", &failure.error), ("cause", &failure.cause)] {
        details.extend(value.clone().map(|value| (key.to_owned(), value.into())));
    }
    details.into()
}

/// A string as it is, anything else as JSON.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn next(state: &Value) -> Option<&str> {
    state["Next"].as_str()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
