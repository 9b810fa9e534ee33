//! What a state in the making does to a sample, found out by running it.

use serde_json::{Map, Value, json};

use crate::interpreter::{End, Interpreter};
use crate::machines::{Draft, Maker};
use crate::world::World;

impl Maker<'_> {
    /// Moves the sample on through a state.
    pub(crate) fn step(&self, state: &Value, draft: &mut Draft<'_>) {
        let (output, variables) = self.run(state, draft);
        draft.sample = output;
        draft.variables = variables;
    }

    /// What a state gives, the sample where it fails.
    pub(crate) fn tried(&self, state: &Value, draft: &Draft<'_>) -> Value {
        self.run(state, draft).0
    }

    pub(crate) fn run(&self, state: &Value, draft: &Draft<'_>) -> (Value, Map<String, Value>) {
        let as_it_was = || (draft.sample.clone(), draft.variables.clone());
        let mut state = state.clone();
        let kind = state["Type"].as_str().unwrap_or_default().to_owned();
        let members = state.as_object_mut().expect("a state is an object");
        let left_out = ["Retry", "Catch", "Seconds", "TimeoutSecondsPath"];
        members.retain(|key, _| !left_out.contains(&key.as_str()));
        match kind.as_str() {
            "Choice" => {
                // Every way out is tried as the way through.
                members.insert("Default".into(), "end".into());
                for rule in members["Choices"].as_array_mut().into_iter().flatten() {
                    rule["Next"] = "end".into();
                }
            }
            "Wait" => {
                members.insert("Seconds".into(), 0.into());
                members.retain(|key, _| !key.contains("Path") || key.ends_with("utPath"));
                members.insert("Next".into(), "end".into());
                members.remove("Timestamp");
            }
            "Fail" => return as_it_was(),
            "Succeed" => {
                members.insert("Type".into(), "Pass".into());
                members.insert("Next".into(), "end".into());
            }
            _ => {
                members.insert("Next".into(), "end".into());
            }
        }
        let machine = json!({"StartAt": "p", "States": {"p": state, "end": {"Type": "Succeed"}}});
        let mut mocks = self.mocks.take();
        let known = Value::Object(mocks.clone());
        self.mocks.set(std::mem::take(&mut mocks));
        let world = World::new(&renamed(&known, &machine));
        let context = context(self.input);
        let interpreter = Interpreter { world: &world, context, started_ms: STARTED_MS };
        let variables = draft.variables.clone();
        let (end, variables) =
            interpreter.run_with(&machine, draft.sample.clone(), u64::MAX / 2, variables);
        match end {
            End::Succeeded(output) => (output, variables),
            _ => as_it_was(),
        }
    }
}

/// 2026-01-01T00:00:00Z, where virtual time begins.
pub(crate) const STARTED_MS: i64 = 1_767_225_600_000;

/// The context object, but for what nobody can compare.
pub(crate) fn context(input: &Value) -> Value {
    json!({
        "Execution": {"Input": input, "Name": "execution", "RedriveCount": 0},
        "StateMachine": {"Name": "machine"},
    })
}

/// In a trial run the state goes by the name `p`; a successful answer is best.
fn renamed(mocks: &Value, machine: &Value) -> Value {
    let mut mocks = mocks.as_object().cloned().unwrap_or_default();
    let good = |entries: &Value| {
        let entries = entries.as_object()?;
        let good =
            entries.values().find(|answer| answer["Throw"].is_null() && answer["Hang"].is_null());
        Some(json!({"*": good.cloned().unwrap_or(json!({"Throw": {"Error": "Oops"}}))}))
    };
    let names: Vec<String> = mocks.keys().cloned().collect();
    for name in names {
        let best = good(&mocks[&name]).unwrap_or_default();
        mocks.insert(name, best);
    }
    if machine["States"]["p"]["Type"] == "Task"
        && let Some((_, last)) = mocks.clone().iter().next_back()
    {
        mocks.insert("p".to_owned(), last.clone());
    }
    mocks.into()
}
