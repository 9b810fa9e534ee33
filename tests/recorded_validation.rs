//! What AWS answered to definitions, against what we find in them.
//!
//! Cases that need something we do not support yet are listed by name and reason, never passed
//! over in silence; any other difference fails the test.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use expressway::asl::check::{AwsDiagnostic, aws_diagnostics, creation_message};
use expressway::asl::source::Source;
use expressway::asl::{Diagnostic, MachineType, Parsed, parse_as};
use expressway::compile::compile;
use expressway::program::World;
use serde_json::Value;

#[test]
fn recorded_validations_agree() {
    let mut report = Report::default();
    for case in cases() {
        let compare = match case["kind"].as_str() {
            Some("validate") => agrees_with_validation,
            Some("create_error") => agrees_with_refusal,
            _ => continue,
        };
        let diagnostics = diagnose(&case);
        let unsupported: Vec<_> = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.code.is_unsupported())
            .map(|diagnostic| diagnostic.message.as_str())
            .collect();
        let found = aws_diagnostics(&diagnostics);
        if !unsupported.is_empty() {
            report.unsupported.push(format!("{}: {}", name(&case), unsupported.join(", ")));
        } else if compare(&case["expect"], &found) {
            report.passed += 1;
        } else {
            report.failed.push(format!("{}: {found:#?}", name(&case)));
        }
    }
    report.finish("validation");
}

/// AWS ran these, so we may refuse in them only what we do not support yet; what we do not refuse
/// compiles.
#[test]
fn recorded_executions_have_definitions_without_faults() {
    let mut report = Report::default();
    for case in cases() {
        if !matches!(case["kind"].as_str(), Some("execution" | "variable_references")) {
            continue;
        }
        let parsed = parse_case(&case);
        let errors: Vec<_> = parsed.diagnostics.into_iter().filter(Diagnostic::is_error).collect();
        if let Some(machine) = parsed.machine {
            let text = definition(&case);
            let world = World::standard("us-east-1", "111111111111", "machine", "role");
            match compile(&machine, Source { file: name(&case), text: &text }, world) {
                Ok(_) => report.passed += 1,
                Err(error) => report.failed.push(format!("{}: {error}", name(&case))),
            }
        } else if let Some(fault) = errors.iter().find(|error| !error.code.is_unsupported()) {
            report.failed.push(format!("{}: {fault:?}", name(&case)));
        } else {
            report.unsupported_count += 1;
        }
    }
    report.finish("definitions");
}

#[derive(Default)]
struct Report {
    passed: usize,
    unsupported: Vec<String>,
    /// Where there are too many to name.
    unsupported_count: usize,
    failed: Vec<String>,
}

impl Report {
    /// Prints the counts and fails the test if any case failed.
    fn finish(self, what: &str) {
        let unsupported = self.unsupported.len() + self.unsupported_count;
        let mut text = format!(
            "recorded {what}: {} passed, {unsupported} unsupported, {} failed\n",
            self.passed,
            self.failed.len(),
        );
        for line in &self.unsupported {
            let _ = writeln!(text, "  unsupported: {line}");
        }
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
        assert!(self.failed.is_empty(), "{}", self.failed.join("\n"));
    }
}

fn name(case: &Value) -> &str {
    case["name"].as_str().unwrap_or_default()
}

fn diagnose(case: &Value) -> Vec<Diagnostic> {
    parse_case(case).diagnostics
}

fn parse_case(case: &Value) -> Parsed {
    let options_type = &case["options"]["type"];
    let express = [options_type, &case["machine_type"]].iter().any(|kind| *kind == "EXPRESS");
    let machine_type = if express { MachineType::Express } else { MachineType::Standard };
    parse_as(&definition(case), name(case), machine_type)
}

fn definition(case: &Value) -> String {
    let text = match &case["definition"] {
        Value::String(text) => text.clone(),
        definition => definition.to_string(),
    };
    // The recording's real ARN was replaced by a name that is none.
    text.replace("\"activity_arn\"", "\"arn:aws:states:us-east-1:1:activity:a\"")
}

fn agrees_with_validation(expect: &Value, found: &[AwsDiagnostic]) -> bool {
    let response = &expect["response"];
    let expected = response["diagnostics"].as_array().map_or(&[][..], Vec::as_slice);
    let result = if found.is_empty() { "OK" } else { "FAIL" };
    response["result"] == result
        && expected.len() == found.len()
        && expected.iter().zip(found).all(|(expected, found)| {
            let location = found.location.as_deref().map_or(Value::Null, Value::from);
            matches(&expected["code"], &Value::from(found.code))
                && matches(&expected["message"], &Value::from(found.message.as_str()))
                && matches(&expected["location"], &location)
                && matches(&expected["severity"], &Value::from("ERROR"))
        })
}

fn agrees_with_refusal(expect: &Value, found: &[AwsDiagnostic]) -> bool {
    let response = &expect["error_response"];
    response["code"] == "InvalidDefinition"
        && !found.is_empty()
        && matches(&response["message"], &Value::from(creation_message(found)))
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
