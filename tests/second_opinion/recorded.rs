//! The reference held against what AWS recorded: an oracle that is wrong is worth nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::interpreter::{End, Interpreter};
use crate::world::World;
use expressway::trial::pattern::{self, Comparison};

/// Midnight, 2026-01-01.
const STARTED_MS: i64 = 1_767_225_600_000;

#[test]
fn the_reference_answers_as_aws_did() {
    let Some(cases) = cases() else { return };
    let mut areas: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut events = [0, 0];
    let mut unlike = Vec::new();
    for case in &cases {
        let text = |field: &str| case[field].as_str().unwrap_or_default();
        let outcome = catch_unwind(AssertUnwindSafe(|| run(case)))
            .unwrap_or_else(|_| Err("panicked".to_owned()));
        let counts = areas.entry(text("area").to_owned()).or_default();
        match outcome {
            Ok(same_events) => {
                counts[0] += 1;
                if let Some(same) = same_events {
                    events[usize::from(!same)] += 1;
                    if !same {
                        unlike.push(text("name").to_owned());
                    }
                }
            }
            Err(difference) => {
                counts[1] += 1;
                wrong.push(format!("{}: {difference}", text("name")));
            }
        }
    }
    let right = cases.len() - wrong.len();
    let mut report = format!("the reference: {right} of {} recorded cases\n", cases.len());
    for (area, [right, wrong]) in areas {
        let _ = writeln!(report, "  {area:<26}{right:>6}{wrong:>6}");
    }
    let _ = writeln!(report, "  histories alike {}, not alike {}", events[0], unlike.join(", "));
    for one in &wrong {
        let _ = writeln!(report, "  {one}");
    }
    let _ = std::io::stderr().lock().write_all(report.as_bytes());
    assert!(right * 100 >= cases.len() * 95, "{report}");
}

/// Whether the histories agree too, where there is one.
fn run(case: &Value) -> Result<Option<bool>, String> {
    let world = World::new(&case["mocks"]);
    let express = case["machine_type"] == "EXPRESS";
    let interpreter =
        Interpreter { world: &world, context: context(case, express), started_ms: STARTED_MS };
    let limit_ms = if express { 300_000 } else { u64::MAX / 2 };
    let end = interpreter.run(&case["definition"], case["input"].clone(), limit_ms);
    let expect = &case["expect"];
    let mut found = match &end {
        End::Succeeded(output) => json!({"status": "SUCCEEDED", "output": output}),
        End::Failed(failure) => {
            let mut found = json!({"status": "FAILED"});
            for (key, value) in [("error", &failure.error), ("cause", &failure.cause)] {
                if let Some(value) = value {
                    found[key] = value.as_str().into();
                }
            }
            found
        }
        End::TimedOut => json!({"status": "TIMED_OUT"}),
    };
    if let (Some(cause), Some(wanted)) = (found.get("cause"), expect["cause"].as_str()) {
        found["cause"] = own_words_left_out(cause.as_str().unwrap_or_default(), wanted).into();
    }
    let mut compared = expect.clone();
    for key in ["events", "events_order"] {
        compared.as_object_mut().expect("expect is an object").remove(key);
    }
    let tags = case["tags"].as_array().map_or(&[][..], Vec::as_slice);
    let synchronous = case["start_api"] == "StartSyncExecution";
    let ignored =
        (synchronous || tags.iter().any(|tag| tag == "no-redrive-count")).then_some("RedriveCount");
    if let Some(difference) =
        (Comparison { ignored_key: ignored }).difference("$", &compared, &found)
    {
        return Err(difference);
    }
    for made in world.made.borrow().iter() {
        if let Some(expected) = &made.expected
            && let Some(difference) =
                (Comparison { ignored_key: ignored }).difference("$", expected, &made.request)
        {
            return Err(format!("request of {}: {difference}", made.state));
        }
    }
    Ok(expect.get("events").map(|events| same_history(events, &world)))
}

/// Where AWS quotes its JSON parser, what it quotes is not ours to say.
fn own_words_left_out(cause: &str, wanted: &str) -> String {
    let quoted = cause.ends_with("caused by: ") && wanted.starts_with(cause);
    if quoted { wanted.to_owned() } else { cause.to_owned() }
}

fn same_history(expected: &Value, world: &World) -> bool {
    let events = world.events.borrow();
    let expected = expected.as_array().map_or(&[][..], Vec::as_slice);
    expected.len() == events.len()
        && expected.iter().zip(events.iter()).all(|(expected, found)| {
            let same = |key: &str| match (expected.get(key), found.details.get(key)) {
                (Some(expected), Some(found)) => pattern::matches(expected, found),
                (expected, found) => expected.is_none() && found.is_none(),
            };
            expected["id"] == found.id
                && expected["prev"] == found.previous
                && expected["type"] == found.kind
                && ["name", "input", "output", "error", "index", "length"]
                    .iter()
                    .all(|key| same(key))
        })
}

fn context(case: &Value, express: bool) -> Value {
    let name = case["name"].as_str().unwrap_or_default();
    let kind = if express { "express:machine:execution" } else { "execution:machine" };
    let account = "arn:aws:states:us-east-1:111111111111";
    json!({
        "Execution": {
            "Id": format!("{account}:{kind}:{name}"),
            "Input": case["input"],
            "Name": name,
            "RoleArn": "arn:aws:iam::111111111111:role/r",
            "StartTime": "2026-01-01T00:00:00Z",
            "RedriveCount": 0,
        },
        "StateMachine": {"Id": format!("{account}:stateMachine:machine"), "Name": "machine"},
    })
}

/// The recorded executions in JSONPath; `None` when the folder is missing, which CI does not allow.
fn cases() -> Option<Vec<Value>> {
    let shared = std::env::var_os("EXPRESSWAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = shared.join("conformance/cases");
    let Ok(areas) = fs::read_dir(&folder) else {
        let message = format!("skipped: no conformance cases at {}\n", folder.display());
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        let _ = std::io::stderr().lock().write_all(message.as_bytes());
        return None;
    };
    let mut cases = Vec::new();
    for area in areas {
        let area = area.expect("a folder that can be read").path();
        for file in fs::read_dir(&area).expect("an area is a folder") {
            let path = file.expect("a file that can be read").path();
            let text = fs::read_to_string(&path).expect("a case is text");
            let case: Value = serde_json::from_str(&text).expect("a case is JSON");
            if case["kind"] == "execution" && case["query_language"] == "JSONPath" {
                cases.push((path, case));
            }
        }
    }
    cases.sort_by(|(a, _), (b, _)| a.cmp(b));
    Some(cases.into_iter().map(|(_, case)| case).collect())
}
