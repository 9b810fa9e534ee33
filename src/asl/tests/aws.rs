//! What AWS would say: its codes, its texts, its order, and how much of it is returned.

use super::{diagnostics, one, pass};
use crate::asl::{Code, Severity, check};

#[test]
fn aws_sees_its_own_codes_in_its_own_order() {
    let definition = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Next": "Q"}, "C": {"Type": "Succeed"}, "D": {"End": true}}}"#;
    let lines = |definition: &str| -> Vec<String> {
        let found = check::aws_diagnostics(&diagnostics(definition));
        let line = |d: &check::AwsDiagnostic| {
            format!("{}: {} at {}", d.code, d.message, d.location.as_deref().unwrap_or("null"))
        };
        found.iter().map(line).collect()
    };
    assert_eq!(
        lines(definition),
        [
            "SCHEMA_VALIDATION_FAILED: The field 'Type' is required at /States/D",
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: Q at /States/A/Next",
            "MISSING_TRANSITION_TARGET: State \"C\" is not reachable. at /States/C",
            "MISSING_TRANSITION_TARGET: State \"D\" is not reachable. at /States/D",
        ]
    );
    // Without a terminal state AWS does not speak of unreachable ones; we do.
    let endless = definition.replace("Succeed", "Parallel");
    assert_eq!(
        lines(&endless)[3..],
        [
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: Q at /States/A/Next",
            "MISSING_END_STATE: Workflow has no terminal state at null",
        ]
    );
    assert_eq!(diagnostics(&endless).iter().filter(|d| d.code == Code::Unreachable).count(), 2);
    let message = check::creation_message(&check::aws_diagnostics(&diagnostics(&endless))[3..]);
    assert_eq!(
        message,
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: Q at \
         /States/A/Next, MISSING_END_STATE: Workflow has no terminal state at null'"
    );
}

#[test]
fn validation_returns_as_much_as_was_asked_for() {
    let states = r#"{"Type": "Pass", "x": 1, "y": 1, "Parameters": {"a": "$.b"}, "End": true}"#;
    let codes = |severity, results_max| {
        let options = check::ValidationOptions { severity, results_max, ..<_>::default() };
        let found = check::validate(&one(states), options);
        let codes: Vec<_> = found.diagnostics.iter().map(|found| found.code).collect();
        (found.is_ok, codes.join(" "), found.is_truncated)
    };
    let schema = "SCHEMA_VALIDATION_FAILED";
    assert_eq!(codes(Severity::Error, 0), (false, format!("{schema} {schema}"), false));
    assert_eq!(codes(Severity::Error, 1), (false, schema.to_owned(), true));
    let all = format!("{schema} {schema} NO_DOLLAR");
    assert_eq!(codes(Severity::Warning, 1_000), (false, all, false));
    let warned = pass(r#""Result": "$.b""#);
    let options = check::ValidationOptions { severity: Severity::Warning, ..<_>::default() };
    let found = check::validate(&warned, options);
    assert!(found.is_ok && found.diagnostics[0].code == "PASS_RESULT_IS_STATIC", "{found:?}");
    let map = r#"{"Type": "Map", "ItemReader": {}, "End": true, "ItemProcessor":
        {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}}"#;
    assert_eq!(check::validate(&one(map), options).unsupported.len(), 1);
}

#[test]
fn messages_and_their_order_are_those_recorded_on_aws() {
    let only = |state: &str, states: &str| {
        format!(r#"{{"StartAt": "First", "States": {{"First": {state}{states}}}}}"#)
    };
    let last = r#", "Last": {"Type": "Succeed"}"#;
    let no_end = "Workflow has no terminal state";
    let types = "The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, \
                 Fail, Choice, Parallel, Map]";
    let next_or_end = "This object should have only one of the following fields: [Next, End]";
    for (definition, expected) in [
        (only(r#"{"End": true}"#, ""), &["The field 'Type' is required", no_end][..]),
        (only(r#"{"Type": "X", "End": true}"#, ""), &[types]),
        (only(r#"{"Type": "Pass"}"#, ""), &[next_or_end, no_end]),
        (
            r#"{"StartAt": "First", "States": {}}"#.to_owned(),
            &["Value cannot be empty", "Missing 'Next' target: First", no_end],
        ),
        (
            only(r#"{"Type": "Pass", "End": true}"#, "").replacen("First", "X", 1),
            &["Missing 'Next' target: X", "State \"First\" is not reachable."],
        ),
        (
            only(r#"{"Type": "Pass", "End": true}"#, "").replacen("StartAt", "Comment", 1),
            &["These fields are required: [StartAt]"],
        ),
        (only(r#"{"Type": "Pass", "Next": "Q"}"#, ""), &["Missing 'Next' target: Q", no_end]),
        (only(r#"{"Type": "Succeed", "Next": "Last"}"#, last), &["Field 'Next' is not supported"]),
    ] {
        let found = check::aws_diagnostics(&diagnostics(&definition));
        let messages: Vec<_> = found.iter().map(|found| found.message.as_str()).collect();
        assert_eq!(messages, expected, "{definition}");
    }
}
