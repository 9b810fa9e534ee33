//! What AWS answered to definitions, against what we find in them.
//!
//! Definitions with JSONata need something we do not support yet; they are counted apart, and may
//! be refused for nothing else. Any other difference fails the test.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use expressway::asl::check::{
    AwsDiagnostic, ValidationOptions, aws_diagnostics, creation_message, described_variables,
    validate,
};
use expressway::asl::{MachineType, Parsed, Severity, parse_as};
use serde_json::{Map, Value, json};

#[test]
fn recorded_validations_agree() {
    let mut report = Report::default();
    for case in cases() {
        let kind = case["kind"].as_str().unwrap_or_default();
        let refused_state = &case["expect"]["error_response"]["code"] == "InvalidDefinition";
        let agrees = match kind {
            "validate" => agrees_with_validation,
            "create_error" => agrees_with_refusal,
            // TestState names the state that it is given.
            "test_state" if refused_state && !needs_another_api(&case) => agrees_with_refusal,
            _ => continue,
        };
        let unsupported = unsupported(&parse_case(&case));
        if !unsupported.is_empty() {
            report.unsupported(&case, &unsupported);
        } else if agrees(&case) {
            report.passed += 1;
        } else {
            report.failed.push(format!("{}: {:#?}", name(&case), parse_case(&case).diagnostics));
        }
    }
    report.finish("validation");
}

/// AWS took these, so we refuse in them only what we do not support yet.
#[test]
fn recorded_executions_have_definitions_without_faults() {
    let mut report = Report::default();
    for case in cases() {
        let kind = case["kind"].as_str().unwrap_or_default();
        let refused = case["expect"]["error_response"]["code"] == "InvalidDefinition";
        let taken = ["execution", "start_error", "variable_references", "test_state"];
        if !taken.contains(&kind) || refused {
            continue;
        }
        let parsed = parse_case(&case);
        let unsupported = unsupported(&parsed);
        if parsed.machine.is_some() {
            report.passed += 1;
        } else if !unsupported.is_empty() && only_unsupported(&parsed) {
            report.unsupported(&case, &unsupported);
        } else {
            report.failed.push(format!("{}: {:#?}", name(&case), parsed.diagnostics));
        }
    }
    report.finish("definitions");
}

#[test]
fn recorded_variable_references_agree() {
    let mut report = Report::default();
    for case in cases() {
        if case["kind"] != "variable_references" {
            continue;
        }
        let found = described_variables(&definition(&case), machine_type(&case));
        let found = found.map(|found| json!(found)).ok();
        if found.as_ref().map(sets) == Some(sets(&case["expect"]["variableReferences"])) {
            report.passed += 1;
        } else {
            report.failed.push(format!("{}: {found:?}", name(&case)));
        }
    }
    report.finish("variable references");
}

/// Each state's list as a set.
fn sets(references: &Value) -> Vec<(&str, BTreeSet<&str>)> {
    let states = references.as_object().into_iter().flatten();
    let mut sets: Vec<_> = states
        .map(|(state, list)| {
            let names = list.as_array().into_iter().flatten().filter_map(Value::as_str);
            (state.as_str(), names.collect())
        })
        .collect();
    sets.sort();
    sets
}

#[derive(Default)]
struct Report {
    passed: usize,
    /// With JSONata, which is the only thing to be refused in them.
    jsonata: usize,
    /// Of other cases each with the reason.
    unsupported: Vec<String>,
    failed: Vec<String>,
}

impl Report {
    fn unsupported(&mut self, case: &Value, reasons: &[String]) {
        if case["query_language"] == "JSONPath" {
            self.unsupported.push(format!("{}: {}", name(case), reasons.join(", ")));
        } else {
            self.jsonata += 1;
        }
    }

    /// Prints the counts and fails the test if any case failed.
    fn finish(self, what: &str) {
        let Self { passed, jsonata, unsupported, failed } = self;
        let mut text = format!(
            "recorded {what}: {passed} passed, {jsonata} with JSONata, {} unsupported, {} failed\n",
            unsupported.len(),
            failed.len(),
        );
        for line in &unsupported {
            let _ = writeln!(text, "  unsupported: {line}");
        }
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
        assert!(failed.is_empty(), "{}", failed.join("\n"));
        // Only what reads from S3 or writes to it.
        let known = ["ItemReader", "ResultWriter"];
        let unknown = |line: &&String| !known.iter().any(|reason| line.contains(reason));
        assert_eq!(unsupported.iter().find(unknown), None);
    }
}

fn name(case: &Value) -> &str {
    case["name"].as_str().unwrap_or_default()
}

fn parse_case(case: &Value) -> Parsed {
    parse_as(&definition(case), name(case), machine_type(case))
}

fn machine_type(case: &Value) -> MachineType {
    let options_type = &case["options"]["type"];
    let express = [options_type, &case["machine_type"]].iter().any(|kind| *kind == "EXPRESS");
    if express { MachineType::Express } else { MachineType::Standard }
}

/// What is not supported yet, in our words.
fn unsupported(parsed: &Parsed) -> Vec<String> {
    let unsupported = parsed.diagnostics.iter().filter(|found| found.code.is_unsupported());
    unsupported.map(|found| found.message.clone()).collect()
}

fn only_unsupported(parsed: &Parsed) -> bool {
    let mut errors = parsed.diagnostics.iter().filter(|found| found.is_error());
    errors.all(|found| found.code.is_unsupported())
}

fn definition(case: &Value) -> String {
    let text = match &case["definition"] {
        Value::String(text) => text.clone(),
        state if case["kind"] == "test_state" && state.get("States").is_none() => {
            machine_of(state).to_string()
        }
        definition => definition.to_string(),
    };
    // The recording's real ARN was replaced by a name that is none.
    text.replace("\"activity_arn\"", "\"arn:aws:states:us-east-1:1:activity:a\"")
}

/// A machine of the one state that TestState was given, and of those it may lead to.
fn machine_of(state: &Value) -> Value {
    let lists = ["Choices", "Catch"].into_iter().filter_map(|list| state[list].as_array());
    let targets = lists.flatten().map(|rule| &rule["Next"]);
    let targets = targets.chain([&state["Next"], &state["Default"]]).filter_map(Value::as_str);
    let mut states: Map<_, _> =
        targets.map(|name| (name.to_owned(), json!({"Type": "Succeed"}))).collect();
    states.insert("StateName".to_owned(), state.clone());
    json!({"StartAt": "StateName", "States": states})
}

/// TestState refuses some states that are valid in a machine.
fn needs_another_api(case: &Value) -> bool {
    let message = case["expect"]["error_response"]["message"].as_str();
    message.is_some_and(|message| message.starts_with("TestState API"))
}

fn agrees_with_validation(case: &Value) -> bool {
    let options = ValidationOptions { rules: machine_type(case).into(), ..<_>::default() };
    let found = validate(&definition(case), options);
    let response = &case["expect"]["response"];
    let expected = response["diagnostics"].as_array().map_or(&[][..], Vec::as_slice);
    response["result"] == if found.is_ok { "OK" } else { "FAIL" }
        && matches(&response["truncated"], &Value::from(found.is_truncated))
        && expected.len() == found.diagnostics.len()
        && expected.iter().zip(&found.diagnostics).all(|(expected, found)| {
            let AwsDiagnostic { severity, code, message, location } = found;
            let severity = if *severity == Severity::Error { "ERROR" } else { "WARNING" };
            let location = location.as_deref().map_or(Value::Null, Value::from);
            matches(&expected["code"], &Value::from(*code))
                && matches(&expected["message"], &Value::from(message.as_str()))
                && matches(&expected["location"], &location)
                && matches(&expected["severity"], &Value::from(severity))
        })
}

fn agrees_with_refusal(case: &Value) -> bool {
    let found = aws_diagnostics(&parse_case(case).diagnostics);
    let response = &case["expect"]["error_response"];
    response["code"] == "InvalidDefinition"
        && !found.is_empty()
        && matches(&response["message"], &Value::from(creation_message(&found)))
}

/// Compares with the one pattern that these cases use.
fn matches(expected: &Value, found: &Value) -> bool {
    expected.get("$any").is_some() || expected == found
}

/// All recorded cases; none when the folder is missing, which CI does not allow.
fn cases() -> Vec<Value> {
    let shared = std::env::var_os("EXPRESSWAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = shared.join("conformance/cases");
    let mut cases = Vec::new();
    let Ok(areas) = std::fs::read_dir(&folder) else {
        let message = format!("skipped: no conformance cases at {}\n", folder.display());
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        let _ = std::io::stderr().lock().write_all(message.as_bytes());
        return cases;
    };
    for area in areas {
        let area = area.expect("a folder that can be read").path();
        for file in std::fs::read_dir(&area).expect("an area is a folder") {
            let path = file.expect("a file that can be read").path();
            let text = std::fs::read_to_string(&path).expect("a case is text");
            cases.push(serde_json::from_str(&text).expect("a case is JSON"));
        }
    }
    cases.sort_by(|a, b| name(a).cmp(name(b)));
    cases
}
