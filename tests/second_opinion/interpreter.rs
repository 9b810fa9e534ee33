//! A machine, run the obvious way: one recursive function for each thing that can contain states.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use crate::dataflow::{Place, Scope, merged};
use crate::retries::{Failure, Retriers, catcher};
use crate::timestamps;
use crate::unsure;
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
pub(crate) struct Left<'a> {
    pub(crate) output: Value,
    pub(crate) next: Option<&'a str>,
    pub(crate) assigned: Map<String, Value>,
}

/// What surrounds the states of one `States` object.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) scope: Rc<Scope>,
    /// `$$.Map`, inside an iteration.
    pub(crate) item: Option<Value>,
}

/// What is known when a state is at work.
pub(crate) struct Visit<'a, 'b> {
    pub(crate) name: &'a str,
    pub(crate) state: &'a Value,
    pub(crate) raw: &'b Value,
    pub(crate) place: &'b Place<'b>,
    pub(crate) around: &'b Surroundings,
    pub(crate) thread: &'b Thread,
    /// A branch or an iteration is why the state failed.
    pub(crate) child_failed: Cell<bool>,
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

    pub(crate) fn states<'b>(
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
            within_limit(place.state, &input)?;
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
            Some(path) => {
                let found = place.select(path, visit.raw)?;
                whole(&found);
                let seconds = found.as_u64().filter(|seconds| (1..100_000_000).contains(seconds));
                Some(seconds.ok_or_else(|| place.runtime("That is no time."))?)
            }
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
                if resource.contains(":aws-sdk:") {
                    unsure::guess("what an SDK integration is called when its result is too large");
                }
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
            whole(&found);
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

/// What `Parameters` and `ItemSelector` give has a limit too.
pub(crate) fn within_limit(name: &str, input: &Value) -> Result<(), Failure> {
    if input.to_string().len() <= PAYLOAD_LIMIT {
        return Ok(());
    }
    unsure::guess("whether too much input can be caught");
    Err(Failure { terminal: true, ..oversized(name) })
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

/// Says so where an integer is asked for and a number like `2.0` is there.
pub(crate) fn whole(value: &Value) {
    if value.is_f64() && value.as_f64().is_some_and(|number| number.fract() == 0.0) {
        unsure::guess("whether 2.0 is an integer");
    }
}

/// A string as it is, anything else as JSON.
pub(crate) fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.contains(".0") {
        unsure::guess("how 2.0 is written");
    }
    text
}

pub(crate) fn next(state: &Value) -> Option<&str> {
    state["Next"].as_str()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
