//! One case: its definition compiled, run with its input and mocks, compared with what AWS gave.

use expressway::asl::source::Source;
use expressway::asl::{Diagnostic, MachineType, parse_as};
use expressway::compile::compile;
use expressway::program::{Loaded, World};
use expressway::shard::{Completions, Limits};
use expressway::task::mock::Recorded;
use expressway::task::{MockTasks, Script};
use serde_json::Value;

use crate::pattern;
use crate::virtual_shard::{Ended, VirtualShard};

/// What a case came to.
pub(crate) enum Verdict {
    /// All that was compared agrees.
    Passed,
    /// The first difference.
    Failed(String),
    /// What the definition needs and this version does not have.
    Unsupported(String),
}

/// Runs a case of kind `execution`.
pub(crate) fn run(case: &Value) -> Verdict {
    let machine = match compiled(case) {
        Ok(machine) => machine,
        Err(verdict) => return verdict,
    };
    match executed(case, machine) {
        Ok(()) => Verdict::Passed,
        Err(difference) => Verdict::Failed(difference),
    }
}

fn compiled(case: &Value) -> Result<Loaded, Verdict> {
    let name = case["name"].as_str().unwrap_or_default();
    let express = case["machine_type"] == "EXPRESS";
    let machine_type = if express { MachineType::Express } else { MachineType::Standard };
    let text = case["definition"].to_string();
    let parsed = parse_as(&text, name, machine_type);
    let Some(machine) = parsed.machine else {
        let mut errors = parsed.diagnostics.iter().filter(|one| one.is_error());
        return Err(match errors.clone().find(|error| !error.code.is_unsupported()) {
            Some(fault) => Verdict::Failed(format!("refused: {}", fault.message)),
            None => Verdict::Unsupported(errors.next().map(shape).unwrap_or_default()),
        });
    };
    let world = if express { World::express } else { World::standard };
    let world = world("us-east-1", "111111111111", "machine", "arn:aws:iam::111111111111:role/r");
    match compile(&machine, Source { file: name, text: &text }, world) {
        Ok(image) => Ok(Loaded::from(image)),
        Err(error) => Err(Verdict::Failed(format!("not compiled: {error}"))),
    }
}

/// What is unsupported, without what is particular to one definition.
fn shape(diagnostic: &Diagnostic) -> String {
    format!("{} {}", diagnostic.code.as_str(), diagnostic.message)
}

fn executed(case: &Value, machine: Loaded) -> Result<(), String> {
    let script = match case.get("mocks") {
        Some(mocks) => Script::from_json(mocks).map_err(|error| error.to_string())?,
        None => Script::default(),
    };
    let completions = Completions::default();
    let mocks = MockTasks::new(script, completions.clone()).matching(pattern::matches).recording();
    let mut shard = VirtualShard::new(machine, Limits::default(), mocks, completions);
    shard.start(0, "execution", case["input"].to_string().as_bytes());
    let left = shard.run();
    if let Some((_, class, cause)) = shard.sink.rejected.first() {
        return Err(format!("input rejected: {class}: {cause}"));
    }
    let [ended] = shard.sink.ended.as_slice() else {
        return Err(format!("{} ended, {} open", shard.sink.ended.len(), left.open));
    };
    compare(case, ended, shard.calls.recorded())
}

fn compare(case: &Value, ended: &Ended, calls: &[Recorded]) -> Result<(), String> {
    let expect = &case["expect"];
    let ignored_key = ignores_redrive_count(case).then_some("RedriveCount");
    if expect["status"] != ended.status.as_str() {
        return Err(format!("expected {expect}, found {ended:?}"));
    }
    for (field, found) in [("error", &ended.error), ("cause", &ended.cause)] {
        let difference = match (expect.get(field), found) {
            (None, None) => None,
            (Some(expected), Some(found)) => {
                pattern::difference(expected, &Value::from(found.as_str()), ignored_key)
            }
            (expected, found) => Some(format!("expected {expected:?}, found {found:?}")),
        };
        if let Some(difference) = difference {
            return Err(format!("{field}: {difference}"));
        }
    }
    let output = (!ended.output.is_empty())
        .then(|| serde_json::from_str::<Value>(&ended.output).expect("output is JSON"));
    let difference = match (expect.get("output"), &output) {
        (None, None) => None,
        (Some(expected), Some(found)) => pattern::difference(expected, found, ignored_key),
        (expected, found) => Some(format!("expected {expected:?}, found {found:?}")),
    };
    if let Some(difference) = difference {
        return Err(format!("output: {difference}"));
    }
    compare_requests(case, calls, ignored_key)
}

fn compare_requests(
    case: &Value,
    calls: &[Recorded],
    ignored_key: Option<&str>,
) -> Result<(), String> {
    for (index, call) in calls.iter().enumerate() {
        let Some(expected) = &call.expected else { continue };
        let sent: Value = serde_json::from_slice(&call.request).expect("a request is JSON");
        if let Some(difference) = pattern::difference(expected, &sent, ignored_key) {
            return Err(format!("request {index} of {}: {difference}", call.state));
        }
    }
    for (state, entries) in case["mocks"].as_object().into_iter().flatten() {
        let scripted = entries.as_object().map_or(0, |entries| {
            entries.keys().filter_map(|key| key.rsplit('-').next()?.parse::<usize>().ok()).count()
        });
        let made = calls.iter().filter(|call| *call.state == **state).count();
        if made < scripted {
            return Err(format!("{state}: {made} calls of {scripted}"));
        }
    }
    Ok(())
}

/// The key came to Standard executions after some recordings, and synchronous Express executions
/// do not have it; ours are asynchronous.
fn ignores_redrive_count(case: &Value) -> bool {
    let tags = case["tags"].as_array().map_or(&[][..], Vec::as_slice);
    case["start_api"] == "StartSyncExecution" || tags.iter().any(|tag| tag == "no-redrive-count")
}
