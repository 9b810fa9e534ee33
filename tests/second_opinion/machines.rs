//! Generated machines with their inputs and mocked tasks.
//!
//! A machine is made from front to back. Each new state is tried out at once on a sample of what
//! will reach it, so that most paths find something and most executions get far.

use std::cell::Cell;

use serde_json::{Map, Value, json};

use crate::documents::{object, scalar, value};
use crate::expressions::Sight;
use crate::tape::Tape;

/// What a property is tried on.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) definition: Value,
    pub(crate) input: Value,
    pub(crate) mocks: Value,
    /// Branches or iterations may run at the same time.
    pub(crate) concurrent: bool,
    /// Of the Express type, which may take five minutes.
    pub(crate) express: bool,
}

/// A trial made from a tape.
pub(crate) fn trial(numbers: &[u16]) -> Trial {
    let tape = Tape::new(numbers);
    let mut input = if tape.chance(10) { value(&tape, 2) } else { object(&tape, 3) };
    if tape.chance(2)
        && let Some(members) = input.as_object_mut()
    {
        let length = 60_000 + 65_000 * tape.below(4);
        members.insert("big".to_owned(), "é".repeat(length / 2).into());
    }
    let maker = Maker {
        tape: &tape,
        input: &input,
        states: Cell::new(0),
        scopes: Cell::new(0),
        mocks: Cell::default(),
        concurrent: Cell::new(false),
    };
    let around = Around { depth: 0, in_order: true };
    let mut definition = maker.sequence(&input, &Map::new(), &around);
    if tape.chance(6) {
        definition["TimeoutSeconds"] = (1 + tape.below(20)).into();
    }
    let express = tape.chance(30);
    let mocks = Value::Object(maker.mocks.take());
    Trial { definition, mocks, concurrent: maker.concurrent.get(), express, input }
}

pub(crate) struct Maker<'a> {
    pub(crate) tape: &'a Tape<'a>,
    pub(crate) input: &'a Value,
    pub(crate) states: Cell<usize>,
    pub(crate) scopes: Cell<usize>,
    pub(crate) mocks: Cell<Map<String, Value>>,
    pub(crate) concurrent: Cell<bool>,
}

/// Where a sequence of states stands.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) depth: usize,
    /// Tasks are called in an order that everybody must agree on.
    pub(crate) in_order: bool,
}

/// A sequence in the making.
pub(crate) struct Draft<'a> {
    pub(crate) around: &'a Around,
    pub(crate) scope: usize,
    pub(crate) sample: Value,
    pub(crate) variables: Map<String, Value>,
}

const RESOURCES: [&str; 4] = [
    "arn:aws:lambda:us-east-1:111111111111:function:f",
    "arn:aws:states:::lambda:invoke",
    "arn:aws:states:::sqs:sendMessage",
    "arn:aws:states:::aws-sdk:dynamodb:putItem",
];
const ERRORS: [&str; 4] = ["Oops", "Custom.Error", "Lambda.Unknown", "States.TaskFailed"];

impl Maker<'_> {
    fn name(&self) -> String {
        self.states.set(self.states.get() + 1);
        format!("S{}", self.states.get())
    }

    /// `{StartAt, States}` for data like `sample`.
    fn sequence(&self, sample: &Value, variables: &Map<String, Value>, around: &Around) -> Value {
        let length = 1 + self.tape.below(if around.depth == 0 { 6 } else { 3 });
        let names: Vec<String> = (0..length).map(|_| self.name()).collect();
        let scope = self.scopes.get();
        self.scopes.set(scope + 1);
        let (sample, variables) = (sample.clone(), variables.clone());
        let mut draft = Draft { around, scope, sample, variables };
        let mut states = Map::new();
        for (at, name) in names.iter().enumerate() {
            let mut state = self.state(name, &mut draft, at + 1 == length);
            let later = &names[at + 1..];
            if let Some(fallback) = self.targets(&mut state, later) {
                states.extend(fallback);
            }
            states.insert(name.clone(), state);
        }
        let mut first = names[0].clone();
        let last = &names[length - 1];
        if states[last].get("End").is_some() && self.tape.chance(8) {
            first = self.looped(&first, last, scope, &mut states);
        }
        json!({"StartAt": first, "States": states})
    }

    /// Sends an execution around three times; gives the state to start at.
    fn looped(
        &self,
        first: &str,
        last: &str,
        scope: usize,
        states: &mut Map<String, Value>,
    ) -> String {
        let [start, again, done] = [self.name(), self.name(), self.name()];
        let count = format!("turns{scope}");
        let last = &mut states[last];
        last["Next"] = again.as_str().into();
        if let Some(last) = last.as_object_mut() {
            last.remove("End");
        }
        let zero = json!({"Type": "Pass", "Assign": {&count: 0}, "Next": first});
        let one_more = format!("States.MathAdd(${count}, 1)");
        let choice = json!({
            "Type": "Choice",
            "Choices": [{
                "Variable": format!("${count}"),
                "NumericLessThan": 2,
                "Assign": {format!("{count}.$"): one_more},
                "Next": first,
            }],
            "Default": &done,
        });
        states.insert(again, choice);
        states.insert(done, json!({"Type": "Succeed"}));
        states.insert(start.clone(), zero);
        start
    }

    /// Fills in where a state leads; gives the states that this needs besides.
    fn targets(&self, state: &mut Value, later: &[String]) -> Option<Map<String, Value>> {
        let mut more = Map::new();
        let mut target = || {
            if later.is_empty() || self.tape.chance(30) {
                let name = self.name();
                more.insert(name.clone(), self.last_resort());
                name
            } else {
                self.tape.pick(later).clone()
            }
        };
        for list in ["Choices", "Catch"] {
            let members = state.get_mut(list).and_then(Value::as_array_mut);
            for one in members.into_iter().flatten() {
                one["Next"] = target().into();
            }
        }
        let kind = state["Type"].as_str().unwrap_or_default().to_owned();
        match kind.as_str() {
            "Succeed" | "Fail" => {}
            "Choice" => match later.first() {
                Some(next) => state["Default"] = next.as_str().into(),
                None if self.tape.chance(80) => state["Default"] = target().into(),
                None => {}
            },
            _ => match later.first() {
                Some(next) => state["Next"] = next.as_str().into(),
                None => state["End"] = true.into(),
            },
        }
        (!more.is_empty()).then_some(more)
    }

    fn last_resort(&self) -> Value {
        match self.tape.below(3) {
            0 => json!({"Type": "Pass", "End": true}),
            1 => json!({"Type": "Succeed"}),
            _ => {
                json!({"Type": "Fail", "Error": self.tape.pick(&ERRORS[..3]), "Cause": "on purpose"})
            }
        }
    }

    fn state(&self, name: &str, draft: &mut Draft<'_>, last: bool) -> Value {
        let deep = draft.around.depth >= 3 || self.states.get() > 30;
        let mut state = match self.tape.below(if deep { 7 } else { 10 }) {
            3 => self.wait(draft),
            4 => self.choice(draft),
            5 | 9 => self.task(name, draft),
            6 if last => self.last(draft),
            7 => self.parallel(draft),
            8 => self.map(draft),
            _ => self.pass(draft),
        };
        self.paths_around(&mut state, draft);
        self.step(&state, draft);
        state
    }

    fn sight<'b>(&'b self, draft: &'b Draft<'_>, sample: &'b Value) -> Sight<'b> {
        Sight {
            tape: self.tape,
            sample,
            variables: &draft.variables,
            input: self.input,
            context: &[],
        }
    }

    /// The members of `state` that are there so many times in a hundred.
    fn maybe(&self, percent: usize, state: &mut Value, key: &str, make: impl FnOnce() -> Value) {
        if self.tape.chance(percent) {
            state[key] = make();
        }
    }

    fn pass(&self, draft: &Draft<'_>) -> Value {
        let mut state = json!({"Type": "Pass"});
        let sight = self.sight(draft, &draft.sample);
        self.maybe(50, &mut state, "Parameters", || sight.template(2));
        self.maybe(20, &mut state, "Result", || value(self.tape, 2));
        let result = self.tried(&state, draft);
        self.assign(30, &mut state, draft, &result);
        self.result_path(&mut state, draft);
        state
    }

    fn wait(&self, draft: &Draft<'_>) -> Value {
        let mut state = json!({"Type": "Wait"});
        let sight = self.sight(draft, &draft.sample);
        let odd = self.tape.chance(10);
        let seconds = |value: &Value| value.as_u64().map_or(odd, |seconds| seconds < 100_000);
        let stamp = |value: &Value| value.as_str().is_some_and(|text| odd || text.contains("T1"));
        let kind = match self.tape.below(6) {
            3 if !sight.knows(seconds) => 0,
            5 if !sight.knows(stamp) => 4,
            kind => kind,
        };
        match kind {
            0..=2 if self.tape.chance(5) => state["Seconds"] = 200.into(),
            0..=2 => state["Seconds"] = self.tape.below(4).into(),
            3 => state["SecondsPath"] = sight.definite(seconds).into(),
            4 => {
                let stamps = ["2025-01-01T00:00:00Z", "2026-01-01T00:00:02.9Z"];
                state["Timestamp"] = (*self.tape.pick(&stamps)).into();
            }
            _ => state["TimestampPath"] = sight.definite(stamp).into(),
        }
        self.assign(20, &mut state, draft, &draft.sample);
        state
    }

    fn choice(&self, draft: &Draft<'_>) -> Value {
        let sight = self.sight(draft, &draft.sample);
        let mut state = json!({"Type": "Choice"});
        let rules = (0..=self.tape.below(3)).map(|_| {
            let mut rule = sight.rule(2);
            self.assign(20, &mut rule, draft, &draft.sample);
            rule
        });
        state["Choices"] = rules.collect();
        self.assign(20, &mut state, draft, &draft.sample);
        state
    }

    fn task(&self, name: &str, draft: &Draft<'_>) -> Value {
        let mut state = json!({"Type": "Task", "Resource": self.tape.pick(&RESOURCES)});
        let sight = Sight {
            context: &[("$$.State.RetryCount", json!(0))],
            ..self.sight(draft, &draft.sample)
        };
        self.maybe(40, &mut state, "Parameters", || sight.template(1));
        self.maybe(40, &mut state, "TimeoutSeconds", || (1 + self.tape.below(5)).into());
        if state.get("TimeoutSeconds").is_none()
            && self.tape.chance(10)
            && let Some(path) = sight.own(|value| value.as_u64().is_some_and(|seconds| seconds > 0))
        {
            state["TimeoutSecondsPath"] = path.into();
        }
        let mut entries = Map::new();
        if draft.around.in_order {
            for at in 0..self.tape.below(4) {
                entries.insert(at.to_string(), self.answer(&state, 60));
            }
        }
        entries.insert("*".to_owned(), self.answer(&state, 15));
        self.mock(name, entries);
        self.handlers(&mut state, draft);
        let result = self.tried(&state, draft);
        self.after(&mut state, draft, &result);
        state
    }

    fn mock(&self, name: &str, entries: Map<String, Value>) {
        let mut mocks = self.mocks.take();
        mocks.insert(name.to_owned(), entries.into());
        self.mocks.set(mocks);
    }

    fn answer(&self, state: &Value, failures: usize) -> Value {
        if self.tape.chance(failures) {
            let ends = state.get("TimeoutSeconds").or_else(|| state.get("TimeoutSecondsPath"));
            if ends.is_some() && self.tape.chance(40) {
                return json!({"Hang": true});
            }
            let mut thrown = json!({"Error": self.tape.pick(&ERRORS), "Cause": "scripted"});
            if let Some(thrown) = thrown.as_object_mut()
                && self.tape.chance(10)
            {
                thrown.remove("Cause");
            }
            return json!({"Throw": thrown});
        }
        if self.tape.chance(1) {
            return json!({"Return": "x".repeat(262_143)});
        }
        if self.tape.chance(30) {
            json!({"Echo": true})
        } else {
            json!({"Return": value(self.tape, 2)})
        }
    }

    fn parallel(&self, draft: &Draft<'_>) -> Value {
        let mut state = json!({"Type": "Parallel"});
        let sight = self.sight(draft, &draft.sample);
        self.maybe(30, &mut state, "Parameters", || sight.template(1));
        self.handlers(&mut state, draft);
        let probe = json!({"Type": "Pass", "Parameters": state["Parameters"]});
        let input = self.tried(&without_nulls(probe), draft);
        let branches = 1 + self.tape.below(3);
        if branches > 1 {
            self.concurrent.set(true);
        }
        let around = Around {
            depth: draft.around.depth + 1,
            in_order: draft.around.in_order && !state["Retry"].is_array(),
        };
        let branches: Value =
            (0..branches).map(|_| self.sequence(&input, &draft.variables, &around)).collect();
        state["Branches"] = branches;
        let result = self.tried(&state, draft);
        self.after(&mut state, draft, &result);
        state
    }

    fn map(&self, draft: &Draft<'_>) -> Value {
        let mut state = json!({"Type": "Map"});
        let sight = self.sight(draft, &draft.sample);
        if !draft.sample.is_array() || self.tape.chance(50) {
            state["ItemsPath"] = sight.definite(Value::is_array).into();
        }
        let limit = self.tape.below(4);
        self.maybe(70, &mut state, "MaxConcurrency", || limit.into());
        if limit > 0 && state.get("MaxConcurrency").is_none() && self.tape.chance(40) {
            let odd = self.tape.chance(5);
            // The context object is not open to this field.
            let path = sight.own(|value| odd || value.as_u64().is_some());
            state["MaxConcurrencyPath"] = path.unwrap_or_else(|| "$.nowhere".to_owned()).into();
        }
        let one = state["MaxConcurrency"] == 1;
        if !one {
            self.concurrent.set(true);
        }
        if self.tape.chance(40) {
            let context = [("$$.Map.Item.Value", json!({})), ("$$.Map.Item.Index", json!(0))];
            let sight = Sight { context: &context, ..self.sight(draft, &draft.sample) };
            let key = if self.tape.chance(20) { "Parameters" } else { "ItemSelector" };
            state[key] = sight.template(1);
        }
        self.handlers(&mut state, draft);
        let mut probe = state.clone();
        probe["ItemProcessor"] =
            json!({"StartAt": "p", "States": {"p": {"Type": "Pass", "End": true}}});
        let item = self.tried(&probe, draft)[0].clone();
        let around = Around {
            depth: draft.around.depth + 1,
            in_order: draft.around.in_order && one && !state["Retry"].is_array(),
        };
        let key = if self.tape.chance(15) { "Iterator" } else { "ItemProcessor" };
        state[key] = self.sequence(&item, &draft.variables, &around);
        let result = self.tried(&state, draft);
        self.after(&mut state, draft, &result);
        state
    }

    fn last(&self, draft: &Draft<'_>) -> Value {
        let sight = self.sight(draft, &draft.sample);
        match self.tape.below(3) {
            0 => json!({"Type": "Succeed"}),
            1 => json!({"Type": "Fail", "Error": self.tape.pick(&ERRORS[..3]), "Cause": "the end"}),
            _ => json!({
                "Type": "Fail",
                "ErrorPath": sight.definite(Value::is_string),
                "CausePath": "States.Format('{}', 1)",
            }),
        }
    }

    /// What may follow the result of a Task, Parallel or Map.
    fn after(&self, state: &mut Value, draft: &Draft<'_>, result: &Value) {
        self.assign(30, state, draft, result);
        let sight = self.sight(draft, result);
        self.maybe(25, state, "ResultSelector", || sight.template(1));
        self.result_path(state, draft);
    }

    fn result_path(&self, state: &mut Value, draft: &Draft<'_>) {
        self.maybe(40, state, "ResultPath", || self.place(draft));
    }

    fn place(&self, draft: &Draft<'_>) -> Value {
        let sight = self.sight(draft, &draft.sample);
        match self.tape.below(6) {
            0 => "$".into(),
            1 => Value::Null,
            2 => "$.result.deep.er".into(),
            3 => sight.own(|_| true).unwrap_or_else(|| "$.r".to_owned()).into(),
            _ => "$.r".into(),
        }
    }

    fn handlers(&self, state: &mut Value, draft: &Draft<'_>) {
        let names = || -> Value {
            match self.tape.below(4) {
                0 => json!(["States.TaskFailed"]),
                1 => json!(["States.Timeout", "Custom.Error"]),
                _ => json!([self.tape.pick(&ERRORS)]),
            }
        };
        let all = |list: &mut Vec<Value>| {
            if let Some(last) = list.last_mut()
                && self.tape.chance(40)
            {
                last["ErrorEquals"] = json!(["States.ALL"]);
            }
        };
        if self.tape.chance(35) {
            let mut list: Vec<Value> = (0..=self.tape.below(2))
                .map(|_| {
                    let mut retrier = json!({"ErrorEquals": names()});
                    self.maybe(70, &mut retrier, "MaxAttempts", || self.tape.below(3).into());
                    self.maybe(50, &mut retrier, "IntervalSeconds", || {
                        (1 + self.tape.below(5)).into()
                    });
                    if draft.around.depth == 0 && self.tape.chance(10) {
                        retrier["JitterStrategy"] = "FULL".into();
                    }
                    let rates = [json!(1.0), json!(1.5), json!(3)];
                    self.maybe(40, &mut retrier, "BackoffRate", || self.tape.pick(&rates).clone());
                    self.maybe(30, &mut retrier, "MaxDelaySeconds", || {
                        (6 + self.tape.below(5)).into()
                    });
                    retrier
                })
                .collect();
            all(&mut list);
            state["Retry"] = list.into();
        }
        if self.tape.chance(45) {
            let error = json!({"Error": "Oops", "Cause": "scripted"});
            let mut list: Vec<Value> = (0..=self.tape.below(2))
                .map(|_| {
                    let mut catcher = json!({"ErrorEquals": names()});
                    self.maybe(50, &mut catcher, "ResultPath", || self.place(draft));
                    self.assign(20, &mut catcher, draft, &error);
                    catcher
                })
                .collect();
            all(&mut list);
            state["Catch"] = list.into();
        }
    }

    /// An `Assign` that reads `value` as its `$`.
    fn assign(&self, percent: usize, holder: &mut Value, draft: &Draft<'_>, value: &Value) {
        if !self.tape.chance(percent) {
            return;
        }
        let sight = self.sight(draft, value);
        let mut members = Map::new();
        for _ in 0..=self.tape.below(2) {
            let name = format!("v{}_{}", draft.scope, self.tape.below(3));
            if self.tape.chance(60) {
                members.remove(&name);
                members.insert(format!("{name}.$"), sight.expression().into());
            } else {
                members.remove(&format!("{name}.$"));
                members.insert(name, scalar(self.tape));
            }
        }
        holder["Assign"] = members.into();
    }

    /// InputPath and OutputPath.
    fn paths_around(&self, state: &mut Value, draft: &Draft<'_>) {
        if state["Type"] == "Fail" {
            return;
        }
        let sight = self.sight(draft, &draft.sample);
        // What is inside was made for the input as it is.
        let plain = state["Type"] == "Pass" || state["Type"] == "Succeed";
        if plain && self.tape.chance(15) {
            state["InputPath"] = sight.path().into();
        }
        self.maybe(3, state, "InputPath", || Value::Null);
        if self.tape.chance(15) {
            let (output, _) = self.run(state, draft);
            let sight = self.sight(draft, &output);
            state["OutputPath"] = sight.path().into();
        }
        self.maybe(3, state, "OutputPath", || Value::Null);
    }
}

fn without_nulls(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    value
}
