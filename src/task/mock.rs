//! Scripted task results: for the case runner, `exec`, `bench` and tests.
//!
//! The format is that of the case files and of AWS's `MockConfigFile.json`: per state an object whose
//! keys are invocation numbers (`"0"`, `"1-2"`, `"*"`), each with one of `Return`, `Throw`, `Hang`,
//! `Echo`, and maybe `request`, what the state is expected to send. Invocations are counted over the
//! life of a [`MockTasks`]; for counting per execution make one for each.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{Completions, failed};
use crate::base::ids::WakeToken;
use crate::shard::{CallRequest, CallResult, Calls};

/// The answers for each state of a machine; `*` stands for a state that is not named.
#[derive(Clone, Debug, Default)]
pub struct Script {
    states: HashMap<String, Vec<Entry>>,
}

/// What a mocked call does.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Succeeds with this raw result.
    Return(Vec<u8>),
    /// Fails; an absent name counts as `States.TaskFailed`.
    Throw {
        /// Error name.
        error: Option<String>,
        /// Cause.
        cause: Option<String>,
    },
    /// Never answers.
    Hang,
    /// Returns its own request.
    Echo,
}

/// Why a script cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// The script or a part of it is not an object.
    #[error("{0}: expected an object")]
    NotAnObject(String),
    /// An invocation is not `"n"`, `"a-b"` or `"*"`.
    #[error("{state}: {key:?} is no invocation: expected \"0\", \"1-2\" or \"*\"")]
    BadInvocation {
        /// Name of the state.
        state: String,
        /// The key.
        key: String,
    },
    /// Two entries answer the same invocation.
    #[error("{state}: invocation {invocation} has two answers")]
    Overlap {
        /// Name of the state.
        state: String,
        /// Number of the invocation.
        invocation: u32,
    },
    /// Not exactly one of the four answers.
    #[error("{state}/{key}: expected exactly one of Return, Throw, Hang, Echo")]
    BadAnswer {
        /// Name of the state.
        state: String,
        /// The key.
        key: String,
    },
    /// `MockConfigFile.json`: a name that is not there.
    #[error("no {kind} named {name:?}")]
    NoSuchName {
        /// What was looked for.
        kind: &'static str,
        /// Its name.
        name: String,
    },
}

#[derive(Clone, Debug)]
struct Entry {
    first: u32,
    /// Inclusive; `u32::MAX` for `"*"`.
    last: u32,
    answer: Answer,
    request: Option<Value>,
}

impl Entry {
    /// `"*"`: every invocation that no other entry answers.
    fn is_rest(&self) -> bool {
        self.last == u32::MAX
    }
}

impl Script {
    /// The names of the states that it has answers for; `*` stands for any.
    pub fn states(&self) -> impl Iterator<Item = &str> {
        self.states.keys().map(String::as_str)
    }

    /// Reads `{STATE: {INVOCATION: ANSWER}}`, the form of the case files.
    pub fn from_json(mocks: &Value) -> Result<Self, ScriptError> {
        let mut states = HashMap::new();
        for (state, entries) in object(mocks, "mocks")? {
            states.insert(state.clone(), read_state(state, entries)?);
        }
        Ok(Self { states })
    }

    /// Reads a test case of AWS's `MockConfigFile.json`; a missing `case` takes the only one.
    pub fn from_mock_config(
        config: &Value,
        machine: &str,
        case: Option<&str>,
    ) -> Result<Self, ScriptError> {
        let missing = |kind, name: &str| ScriptError::NoSuchName { kind, name: name.to_owned() };
        let cases = object(&config["StateMachines"], "StateMachines")?
            .get(machine)
            .ok_or_else(|| missing("state machine", machine))?;
        let cases = object(&cases["TestCases"], "TestCases")?;
        let case = match case {
            Some(name) => cases.get(name),
            None if cases.len() == 1 => cases.values().next(),
            None => None,
        }
        .ok_or_else(|| missing("test case", case.unwrap_or("(none given)")))?;
        let mut states = HashMap::new();
        for (state, name) in object(case, "test case")? {
            let name = name.as_str().unwrap_or_default();
            // AWS's own prose says MockedResponse, its example MockedResponses.
            let responses = ["MockedResponses", "MockedResponse"]
                .iter()
                .find_map(|key| config[key].get(name))
                .ok_or_else(|| missing("mocked response", name))?;
            states.insert(state.clone(), read_state(state, responses)?);
        }
        Ok(Self { states })
    }

    /// Whether a `MockConfigFile.json` rather than the form of the case files was given.
    pub fn is_mock_config(value: &Value) -> bool {
        value["StateMachines"].is_object()
    }

    fn state(&self, name: &str) -> Option<(&str, &[Entry])> {
        self.states
            .get_key_value(name)
            .or_else(|| self.states.get_key_value("*"))
            .map(|(name, entries)| (name.as_str(), entries.as_slice()))
    }
}

/// One call that was made, kept for comparison.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Name of the state.
    pub state: Box<str>,
    /// What it sent.
    pub request: Vec<u8>,
    /// What the script expected it to send.
    pub expected: Option<Value>,
}

/// Tells whether a request is the expected one; the case runner's own knows patterns.
pub type Matches = fn(expected: &Value, request: &Value) -> bool;

/// Answers calls from a script, at once and without a runtime.
#[derive(Debug)]
pub struct MockTasks {
    script: Script,
    completions: Completions,
    matches: Matches,
    used: HashMap<String, BTreeSet<u32>>,
    recorded: Option<Vec<Recorded>>,
    /// The first call that the script has no answer for.
    unanswered: Option<String>,
}

impl MockTasks {
    /// Makes an edge that answers from `script` into `completions`.
    pub fn new(script: Script, completions: Completions) -> Self {
        Self {
            script,
            completions,
            matches: equal,
            used: HashMap::new(),
            recorded: None,
            unanswered: None,
        }
    }

    /// Compares requests with `matches` instead of by value.
    #[must_use]
    pub fn matching(mut self, matches: Matches) -> Self {
        self.matches = matches;
        self
    }

    /// Keeps every request from here on; without this nothing grows.
    #[must_use]
    pub fn recording(mut self) -> Self {
        self.recorded = Some(Vec::new());
        self
    }

    /// The requests so far, in order.
    pub fn recorded(&self) -> &[Recorded] {
        self.recorded.as_deref().unwrap_or_default()
    }

    /// What the first call asked for that the script had no answer to.
    pub fn unanswered(&self) -> Option<&str> {
        self.unanswered.as_deref()
    }

    /// A request that the script expects by number and that was never made: state and number.
    pub fn unmade(&self) -> Option<(&str, u32)> {
        self.script.states.iter().find_map(|(state, entries)| {
            let used = self.used.get(state);
            let expected =
                entries.iter().filter(|entry| entry.request.is_some() && !entry.is_rest());
            let mut numbers = expected.flat_map(|entry| entry.first..=entry.last);
            let unmade = numbers.find(|number| used.is_none_or(|used| !used.contains(number)))?;
            Some((state.as_str(), unmade))
        })
    }

    fn answer(&mut self, request: CallRequest) -> Option<CallResult> {
        let Some((key, entries)) = self.script.state(&request.state) else {
            return Some(unscripted(&mut self.unanswered, &request.state, None));
        };
        // One answer for everything needs no bookkeeping: benches run millions of calls.
        let picked = match entries {
            [only] if only.is_rest() && only.request.is_none() => Some(only),
            _ => {
                let used = self.used.entry(key.to_owned()).or_default();
                let picked = pick(entries, used, &request.input, self.matches);
                picked.map(|(invocation, entry)| {
                    used.insert(invocation);
                    entry
                })
            }
        };
        if let Some(recorded) = &mut self.recorded {
            recorded.push(Recorded {
                state: request.state.clone(),
                request: request.input.clone(),
                expected: picked.and_then(|entry| entry.request.clone()),
            });
        }
        let Some(entry) = picked else {
            let count = self.used.get(key).map_or(0, BTreeSet::len);
            return Some(unscripted(&mut self.unanswered, &request.state, Some(count)));
        };
        match &entry.answer {
            Answer::Return(result) => Some(CallResult::Returned(result.clone())),
            Answer::Throw { error, cause } => Some(CallResult::Failed {
                error: error.as_deref().unwrap_or("States.TaskFailed").into(),
                cause: cause.as_deref().map(Into::into),
            }),
            Answer::Hang => None,
            Answer::Echo => Some(CallResult::Returned(request.input)),
        }
    }
}

impl Calls for MockTasks {
    fn call(&mut self, token: WakeToken, request: CallRequest) {
        if let Some(result) = self.answer(request) {
            self.completions.push(token, result);
        }
    }

    fn cancel(&mut self, _token: WakeToken) {
        // Answers are immediate and a hung call holds nothing, so there is nothing to abort.
    }
}

/// Where branches run at the same time the order of invocations is open, so an equal request goes
/// first. Otherwise it is the first unused invocation up to this one: none is taken before its time.
fn pick<'a>(
    entries: &'a [Entry],
    used: &BTreeSet<u32>,
    request: &[u8],
    matches: Matches,
) -> Option<(u32, &'a Entry)> {
    let free = |entry: &'a Entry| {
        (entry.first..=entry.last)
            .find(|invocation| !used.contains(invocation))
            .map(|invocation| (invocation, entry))
    };
    let expects = entries.iter().any(|entry| entry.request.is_some());
    if expects && let Ok(request) = serde_json::from_slice::<Value>(request) {
        let mut equal = entries.iter().filter(|entry| {
            entry.request.as_ref().is_some_and(|expected| matches(expected, &request))
        });
        if let Some(picked) = equal.find_map(free) {
            return Some(picked);
        }
    }
    let begun =
        |(invocation, entry): &(u32, &Entry)| entry.is_rest() || *invocation as usize <= used.len();
    let open = entries.iter().filter_map(free).filter(begun);
    open.min_by_key(|(invocation, entry)| (entry.is_rest(), *invocation))
}

/// Neither catchable nor retried: a case without an answer is wrong, not the workflow.
fn unscripted(
    unanswered: &mut Option<String>,
    state: &str,
    invocation: Option<usize>,
) -> CallResult {
    let cause = match invocation {
        Some(count) => format!("The mocks have no answer for invocation {count} of '{state}'."),
        None => format!("The mocks have no answer for the state '{state}'."),
    };
    unanswered.get_or_insert_with(|| cause.clone());
    failed("States.Runtime", cause)
}

fn read_state(state: &str, entries: &Value) -> Result<Vec<Entry>, ScriptError> {
    let mut read = Vec::new();
    for (key, entry) in object(entries, state)? {
        let (first, last) = invocations(key).ok_or_else(|| ScriptError::BadInvocation {
            state: state.to_owned(),
            key: key.clone(),
        })?;
        read.push(Entry {
            first,
            last,
            answer: answer(entry).ok_or_else(|| ScriptError::BadAnswer {
                state: state.to_owned(),
                key: key.clone(),
            })?,
            request: entry.get("request").cloned(),
        });
    }
    read.sort_by_key(|entry| (entry.is_rest(), entry.first));
    for pair in read.windows(2) {
        if !pair[1].is_rest() && pair[1].first <= pair[0].last {
            return Err(ScriptError::Overlap {
                state: state.to_owned(),
                invocation: pair[1].first,
            });
        }
    }
    Ok(read)
}

/// `"3"`, `"1-2"` inclusive, `"*"`.
fn invocations(key: &str) -> Option<(u32, u32)> {
    if key == "*" {
        return Some((0, u32::MAX));
    }
    let (first, last) = key.split_once('-').unwrap_or((key, key));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < u32::MAX).then_some((first, last))
}

fn answer(entry: &Value) -> Option<Answer> {
    let entry = entry.as_object()?;
    let given: Vec<_> = entry.keys().filter(|key| *key != "request").collect();
    let [name] = given[..] else { return None };
    let value = &entry[name];
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    match name.as_str() {
        "Return" => Some(Answer::Return(value.to_string().into_bytes())),
        "Throw" if value.is_object() => {
            Some(Answer::Throw { error: text("Error"), cause: text("Cause") })
        }
        "Hang" if value == true => Some(Answer::Hang),
        "Echo" if value == true => Some(Answer::Echo),
        _ => None,
    }
}

fn object<'a>(
    value: &'a Value,
    what: &str,
) -> Result<&'a serde_json::Map<String, Value>, ScriptError> {
    value.as_object().ok_or_else(|| ScriptError::NotAnObject(what.to_owned()))
}

/// Equal as JSON, numbers by value.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::ids::MachineIdx;

    fn mocks(script: &Value) -> (MockTasks, Completions) {
        let completions = Completions::default();
        let script = Script::from_json(script).unwrap();
        (MockTasks::new(script, completions.clone()).recording(), completions)
    }

    fn call(tasks: &mut MockTasks, completions: &Completions, input: &Value) -> Option<CallResult> {
        call_state(tasks, completions, "Pay", input)
    }

    fn call_state(
        tasks: &mut MockTasks,
        completions: &Completions,
        state: &str,
        input: &Value,
    ) -> Option<CallResult> {
        let token = WakeToken { index: 0, generation: 0 };
        tasks.call(
            token,
            CallRequest {
                machine: MachineIdx(0),
                state: state.into(),
                resource: "arn:aws:lambda:us-east-1:111111111111:function:f".into(),
                input: input.to_string().into_bytes(),
                timeout_ms: None,
                attempt: 0,
                traceparent: None,
                tracestate: None,
            },
        );
        completions.pop().map(|(_, result)| result)
    }

    fn returned(value: &Value) -> CallResult {
        CallResult::Returned(value.to_string().into_bytes())
    }

    #[test]
    fn invocations_are_answered_by_number_range_and_star() {
        let (mut tasks, completions) = mocks(&json!({"Pay": {
            "0": {"Return": "first"},
            "1-2": {"Throw": {"Error": "E", "Cause": "c"}},
            "*": {"Return": "rest"},
        }}));
        let mut next = || call(&mut tasks, &completions, &json!({}));
        assert_eq!(next(), Some(returned(&json!("first"))));
        let thrown = Some(failed("E", "c"));
        assert_eq!(next(), thrown);
        assert_eq!(next(), thrown);
        assert_eq!(next(), Some(returned(&json!("rest"))));
        assert_eq!(next(), Some(returned(&json!("rest"))));
    }

    #[test]
    fn a_hung_call_never_answers_and_an_echo_returns_its_request() {
        let (mut tasks, completions) =
            mocks(&json!({"Pay": {"0": {"Hang": true}, "1": {"Echo": true}}}));
        assert_eq!(call(&mut tasks, &completions, &json!({"a": 1})), None);
        let sent = json!({"a": [1, 2.5]});
        assert_eq!(call(&mut tasks, &completions, &sent), Some(returned(&sent)));
        assert_eq!(tasks.recorded().len(), 2);
    }

    #[test]
    fn an_equal_request_is_answered_before_the_next_number() {
        let (mut tasks, completions) = mocks(&json!({"Pay": {
            "0": {"request": {"n": 1}, "Return": "one"},
            "1": {"request": {"n": 2.0}, "Return": "two"},
            "2": {"Return": "other"},
        }}));
        assert_eq!(call(&mut tasks, &completions, &json!({"n": 2})), Some(returned(&json!("two"))));
        assert_eq!(call(&mut tasks, &completions, &json!({"n": 7})), Some(returned(&json!("one"))));
        assert_eq!(
            call(&mut tasks, &completions, &json!({"n": 1})),
            Some(returned(&json!("other")))
        );
        assert_eq!(tasks.recorded()[1].expected, Some(json!({"n": 1})));
    }

    #[test]
    fn a_call_without_an_answer_fails_by_name() {
        let (mut tasks, completions) = mocks(&json!({"Pay": {"0": {"Return": 1}}}));
        call(&mut tasks, &completions, &json!({}));
        let CallResult::Failed { error, cause } =
            call(&mut tasks, &completions, &json!({})).unwrap()
        else {
            panic!("expected a failure");
        };
        assert_eq!(&*error, "States.Runtime");
        assert_eq!(cause.unwrap().as_ref(), "The mocks have no answer for invocation 1 of 'Pay'.");
        let other = call_state(&mut tasks, &completions, "Ship", &json!({}));
        assert!(matches!(other, Some(CallResult::Failed { .. })));
    }

    #[test]
    fn absent_error_and_cause_stay_absent_where_they_may() {
        let (mut tasks, completions) = mocks(&json!({"*": {"*": {"Throw": {}}}}));
        let thrown = call(&mut tasks, &completions, &json!({}));
        assert_eq!(
            thrown,
            Some(CallResult::Failed { error: "States.TaskFailed".into(), cause: None })
        );
    }

    #[test]
    fn mistakes_in_a_script_are_named() {
        for (script, part) in [
            (json!([]), "mocks: expected an object"),
            (json!({"S": 1}), "S: expected an object"),
            (json!({"S": {"x": {"Return": 1}}}), "\"x\" is no invocation"),
            (json!({"S": {"2-1": {"Return": 1}}}), "\"2-1\" is no invocation"),
            (json!({"S": {"0": {}}}), "S/0: expected exactly one of"),
            (json!({"S": {"0": {"Return": 1, "Echo": true}}}), "exactly one of"),
            (json!({"S": {"0": {"Hang": false}}}), "exactly one of"),
            (
                json!({"S": {"0-3": {"Return": 1}, "2": {"Return": 1}}}),
                "invocation 2 has two answers",
            ),
        ] {
            let error = Script::from_json(&script).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn aws_mock_config_file_is_read_by_machine_and_case() {
        let config = json!({
            "StateMachines": {"m": {"TestCases": {"Happy": {"Pay": "ok"}}}},
            "MockedResponses": {"ok": {"0": {"Return": {"StatusCode": 200}}}},
        });
        assert!(Script::is_mock_config(&config));
        let completions = Completions::default();
        for case in [Some("Happy"), None] {
            let script = Script::from_mock_config(&config, "m", case).unwrap();
            let mut tasks = MockTasks::new(script, completions.clone());
            let result = call(&mut tasks, &completions, &json!({}));
            assert_eq!(result, Some(returned(&json!({"StatusCode": 200}))));
        }
        assert!(Script::from_mock_config(&config, "x", None).is_err());
        assert!(Script::from_mock_config(&config, "m", Some("Sad")).is_err());
    }
}
