//! The engine and the reference on the same generated machines.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use expressway::asl::source::Source;
use expressway::asl::{MachineType, parse_as};
use expressway::compile::compile;
use expressway::program::{Loaded, World as Account};
use expressway::shard::{Completions, Limits};
use expressway::task::{MockTasks, Script};
use expressway::vm;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::histories;
use crate::interpreter::{End, Interpreter};
use crate::machines::{Trial, trial};
use crate::probes::{STARTED_MS, context};
use crate::unsure;
use crate::world::World;
use expressway::trial::clock::VirtualShard;
use expressway::trial::pattern;

/// What came of one trial.
enum Verdict {
    /// They agree on this, and on so many events.
    Agreed(String, usize),
    /// The parser says by name that it does not have it.
    Unsupported(String),
    Differ(String),
    /// The reference had to guess.
    Unsure(&'static str),
}

/// Executions compared; `PROPTEST_CASES` has the last word.
const CASES: u32 = 4000;

/// The same machines in every run; `SECOND_OPINION_SEED` makes others.
#[test]
fn the_engine_and_the_reference_agree() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let config = Config {
        cases: number("PROPTEST_CASES").unwrap_or(CASES),
        failure_persistence: None,
        max_shrink_iters: 4000,
        ..Config::default()
    };
    let seed = number("SECOND_OPINION_SEED").unwrap_or(0);
    let seed: Vec<u8> = seed.to_le_bytes().into_iter().cycle().take(32).collect();
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let sizes = Cell::new((0, 0));
    let counts: RefCell<BTreeMap<String, usize>> = RefCell::default();
    let outcome = runner.run(&vec(any::<u16>(), 0..1500), |tape| {
        let trial = trial(&tape);
        let mut length = 0;
        let what = match judge(&trial) {
            Verdict::Agreed(what, events) => {
                length = events;
                what
            }
            Verdict::Unsupported(what) => what,
            Verdict::Unsure(what) => format!("not compared: {what}"),
            Verdict::Differ(difference) => return Err(TestCaseError::fail(difference)),
        };
        let (events, longest) = sizes.get();
        sizes.set((events + length, longest.max(length)));
        *counts.borrow_mut().entry(what).or_default() += 1;
        Ok(())
    });
    let (events, longest) = sizes.get();
    let total: usize = counts.borrow().values().sum();
    let mut report =
        format!("{total} executions, {} events each, {longest} at most\n", events / total.max(1));
    for (what, count) in counts.borrow().iter() {
        let _ = writeln!(report, "  {count:>6} {what}");
    }
    let _ = std::io::stderr().lock().write_all(report.as_bytes());
    if let Err(TestError::Fail(reason, tape)) = outcome {
        let trial = trial(&tape);
        let case = json!({
            "name": "found_by_the_second_opinion", "kind": "execution", "area": "?",
            "query_language": "JSONPath", "definition": trial.definition, "input": trial.input,
            "mocks": trial.mocks,
        });
        panic!("{reason}\n{case:#}");
    }
}

fn judge(trial: &Trial) -> Verdict {
    let (engine, history) = match engine(trial) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let world = World::new(&trial.mocks);
    unsure::taken();
    let context = context(&trial.input);
    let interpreter = Interpreter { world: &world, context, started_ms: STARTED_MS };
    let limit_ms = if trial.express { 300_000 } else { u64::MAX / 2 };
    let reference = match interpreter.run(&trial.definition, trial.input.clone(), limit_ms) {
        End::Succeeded(output) => json!({"status": "SUCCEEDED", "output": output}),
        End::Failed(failure) => {
            json!({"status": "FAILED", "error": failure.error, "cause": failure.cause})
        }
        End::TimedOut => json!({"status": "TIMED_OUT", "error": "States.Timeout"}),
    };
    let (mut a, b) =
        (comparable(&engine, trial.concurrent), comparable(&reference, trial.concurrent));
    // A reason that no recording shows is the engine's to word.
    if let (Some(found), Some(known)) = (a["cause"].as_str(), b["cause"].as_str())
        && let Some(known) = known.strip_suffix('…')
        && found.starts_with(known)
    {
        a["cause"] = b["cause"].clone();
    }
    let difference = pattern::Comparison::default()
        .difference("$", &b, &a)
        // How far an execution had come when its time was up is not compared.
        .or_else(|| {
            (reference["status"] != "TIMED_OUT").then_some(())?;
            histories::difference(&history, &world.events.borrow(), trial.concurrent)
        });
    match (difference, unsure::taken()) {
        (None, _) => {}
        (Some(_), Some(what)) => return Verdict::Unsure(what),
        (Some(difference), None) => {
            return Verdict::Differ(format!(
                "{difference}\n engine: {engine}\n reference: {reference}"
            ));
        }
    }
    let what = match reference["status"].as_str() {
        Some("FAILED") => match reference["error"].as_str() {
            Some(error) if error.starts_with("States.") => format!("FAILED {error}"),
            _ => "FAILED by name".to_owned(),
        },
        status => status.unwrap_or_default().to_owned(),
    };
    Verdict::Agreed(what, history.len())
}

fn engine(trial: &Trial) -> Result<(Value, Vec<vm::Event>), Verdict> {
    let text = trial.definition.to_string();
    let machine_type = if trial.express { MachineType::Express } else { MachineType::Standard };
    let parsed = parse_as(&text, "trial", machine_type);
    let Some(machine) = parsed.machine else {
        let mut errors = parsed.diagnostics.iter().filter(|one| one.is_error());
        return Err(match errors.clone().find(|error| !error.code.is_unsupported()) {
            Some(fault) => Verdict::Differ(format!("refused: {}", fault.message)),
            None => Verdict::Unsupported(
                errors
                    .next()
                    .map(|error| format!("unsupported: {}", error.message))
                    .unwrap_or_default(),
            ),
        });
    };
    let account = if trial.express { Account::express } else { Account::standard };
    let account =
        account("us-east-1", "111111111111", "machine", "arn:aws:iam::111111111111:role/r");
    let source = Source { file: "trial", text: &text };
    let loaded = compile(&machine, source, account)
        .map(Loaded::from)
        .map_err(|error| Verdict::Differ(format!("not compiled: {error}")))?;
    let script = Script::from_json(&trial.mocks)
        .map_err(|error| Verdict::Differ(format!("script: {error}")))?;
    let completions = Completions::default();
    let mocks = MockTasks::new(script, completions.clone());
    let limits = Limits { history: true, ..Limits::default() };
    let mut shard = VirtualShard::new(loaded, limits, mocks, completions);
    shard.start(0, "execution", trial.input.to_string().as_bytes());
    let left = shard.run();
    if let Some((_, class, cause)) = shard.sink.rejected.first() {
        return Err(Verdict::Differ(format!("input rejected: {class}: {cause}")));
    }
    let [ended] = shard.sink.ended.as_slice() else {
        let ended = shard.sink.ended.len();
        return Err(Verdict::Differ(format!("{ended} ended, {} open", left.open)));
    };
    let result = match ended.status.as_str() {
        "SUCCEEDED" => {
            let output: Value = serde_json::from_str(&ended.output)
                .map_err(|error| Verdict::Differ(format!("output: {error}: {}", ended.output)))?;
            json!({"status": "SUCCEEDED", "output": output})
        }
        "TIMED_OUT" => json!({"status": "TIMED_OUT", "error": ended.error}),
        status => json!({"status": status, "error": ended.error, "cause": ended.cause}),
    };
    Ok((result, ended.history.clone()))
}

/// A result without what nobody knows: wordings that no recording shows, and, where things happen
/// at the same time, the numbers of events.
fn comparable(result: &Value, concurrent: bool) -> Value {
    let mut result = result.clone();
    if result["error"] == "States.ResultPathMatchFailure" {
        result["cause"] = Value::Null;
    }
    if let Some(cause) = result["cause"].as_str() {
        result["cause"] = known_words(cause, concurrent).into();
    }
    if result["output"] != Value::Null {
        result["output"] = without_unknown_words(&result["output"]);
    }
    result
}

/// Causes get into outputs by way of catchers.
pub(crate) fn without_unknown_words(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(without_unknown_words).collect(),
        Value::Object(members) => {
            let unknown =
                members.get("Error").is_some_and(|error| error == "States.ResultPathMatchFailure");
            let member = |(key, value): (&String, &Value)| match key.as_str() {
                "Cause" if unknown => (key.clone(), Value::Null),
                _ => (key.clone(), without_unknown_words(value)),
            };
            Value::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    }
}

fn known_words(cause: &str, concurrent: bool) -> String {
    let mut cause = cause.to_owned();
    if concurrent && let Some((before, after)) = cause.split_once("event id #") {
        let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
        cause = format!("{before}event id #{after}");
    }
    // Variables that are not set, and items that are no array: only the error is known.
    if let Some((before, rest)) = cause.split_once("). ") {
        let known = [
            "Invalid path '",
            "The JSONPath '$.",
            "The function '",
            "There was an error while evaluating the intrinsic function",
            "The SecondsPath",
            "The TimestampPath",
            "Failed to transition",
            "The MaxConcurrencyPath",
        ];
        if !known.iter().any(|known| rest.starts_with(known)) {
            return format!("{before}). …");
        }
        if let Some((head, tail)) = rest.split_once("' : ") {
            let recorded = ["No results for path: ", "Missing property in path "];
            if !recorded.iter().any(|words| tail.starts_with(words)) {
                return format!("{before}). {head}' : …");
            }
        }
        for cut in ["could not be found in the input", "caused by: "] {
            if let Some((head, _)) = rest.split_once(cut) {
                return format!("{before}). {head}{cut}…");
            }
        }
    }
    cause
}
