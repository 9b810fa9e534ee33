//! Variables: their names, their scopes, and who refers to them.

use super::{accepts, diagnostics, one, pass, rejects, rejects_also, rule};
use crate::asl::check::{aws_diagnostics, described_variables, variable_references};
use crate::asl::{MachineType, parse, parse_as};

/// A Pass state that assigns.
fn assign(object: &str) -> String {
    pass(&format!(r#""Assign": {object}"#))
}

#[test]
fn names_are_identifiers() {
    accepts(&assign(r#"{"a": 1, "b_1.$": "$.c", "größe": {"x.$": "$$.State.Name"}, "数": null}"#));
    accepts(&assign("{}"));
    let long = "v".repeat(80);
    accepts(&assign(&format!(r#"{{"{long}": 1}}"#)));
    let bad = |name: &str, message: &str| {
        let at = format!("\"{name}\"");
        rejects(&assign(&format!("{{{at}: 1}}")), "ASL0205", message, &at);
    };
    for name in ["", "1a", "_a", "a-b", "a b", "x.y", "x[2]", "$a"] {
        let message = format!(
            "Invalid variable name '{name}': the variable name contains invalid characters."
        );
        bad(name, &message);
    }
    bad(&format!("{long}v"), "has 81 characters and exceeds the 80-character limit");
    let computed = assign(r#"{"x.y.$": "$.a"}"#);
    rejects(&computed, "ASL0205", "Invalid variable name 'x.y'", "\"x.y.$\"");
    let reserved = assign(r#"{"states": 1}"#);
    rejects(&reserved, "ASL0206", "Cannot assign to reserved variable '$states'.", "\"states\"");
    let found = aws_diagnostics(&diagnostics(&reserved));
    assert_eq!(found[0].code, "RESERVED_VARIABLE_NAME");
    assert_eq!(found[0].location.as_deref(), Some("/States/A/Assign"));
}

#[test]
fn assign_is_a_template_of_variables() {
    rejects(&assign("[]"), "ASL0102", "Expected value of type Object", "[]");
    rejects(&assign(r#"{"a.$": 1}"#), "ASL0201", "The value for the field 'a.$'", "1");
    let twice = assign(r#"{"a": 1, "a.$": "$.b"}"#);
    rejects(&twice, "ASL0204", "the field 'a' is given twice", "\"a.$\"");
    for kind in ["Succeed", "Fail"] {
        let state = one(&format!(r#"{{"Type": "{kind}", "Assign": {{}}}}"#));
        rejects(&state, "ASL0103", "Field 'Assign' is not supported", "\"Assign\"");
    }
    accepts(&rule(r#"{"Variable": "$v", "IsNull": true, "Assign": {"a": 1}, "Next": "B"}"#));
    let nested = r#"{"Not": {"Variable": "$v", "IsNull": true, "Assign": {}}, "Next": "B"}"#;
    rejects(&rule(nested), "ASL0103", "Field 'Assign' is not", "\"Assign\"");
}

/// A machine whose Parallel or Map assigns `a` beside a branch that assigns something.
fn scopes(outer: &str, assign: &str) -> String {
    let inner = format!(
        r#"{{"StartAt": "B", "States": {{"B": {{"Type": "Pass", "Assign": {{"{assign}": 1}},
            "End": true}}}}}}"#
    );
    let state = outer.replace("INNER", &inner);
    format!(r#"{{"StartAt": "A", "States": {{"A": {state}}}}}"#)
}

#[test]
fn inner_scopes_do_not_assign_outer_variables() {
    let message = "the variable 'a' belongs to an enclosing scope";
    let parallel = r#"{"Type": "Parallel", "Branches": [INNER], "Assign": {"a": 1}, "End": true}"#;
    let map = r#"{"Type": "Map", "ItemProcessor": INNER, "Assign": {"a.$": "$"}, "End": true}"#;
    for outer in [parallel, map] {
        accepts(&scopes(outer, "b"));
        rejects(&scopes(outer, "a"), "ASL0207", message, "\"a\"");
    }
    let catch = r#"{"Type": "Parallel", "Branches": [INNER], "End": true,
        "Catch": [{"ErrorEquals": ["E"], "Assign": {"a": 1}, "Next": "A"}]}"#;
    // A catcher assigns when the branches are over.
    accepts(&scopes(catch, "a"));
    let help = diagnostics(&scopes(parallel, "a"))[0].help.clone().expect("help");
    assert!(help.contains("line 2 assigns it"), "{help}");
    let other = r#"{"Type": "Task", "Resource": "arn:r", "Catch": [{"ErrorEquals": ["E"],
        "Assign": {"a": 1}, "Next": "P"}], "Next": "P"},
        "P": {"Type": "Parallel", "Branches": [INNER], "End": true}"#;
    rejects(&scopes(other, "a"), "ASL0207", message, "\"a\"");
    // Two scopes up.
    let deep = r#"{"Type": "Parallel", "Assign": {"a": 1}, "End": true, "Branches": [{"StartAt": "C",
        "States": {"C": {"Type": "Map", "Iterator": INNER, "End": true}}}]}"#;
    rejects(&scopes(deep, "a"), "ASL0207", message, "\"a\"");
    // Siblings do not see each other.
    let siblings = r#"{"Type": "Parallel", "End": true, "Branches": [INNER, {"StartAt": "C",
        "States": {"C": {"Type": "Pass", "Assign": {"a": 1}, "End": true}}}]}"#;
    accepts(&scopes(siblings, "a"));
}

#[test]
fn a_distributed_map_has_variables_of_its_own() {
    let map = r#"{"Type": "Map", "ItemProcessor": INNER, "Assign": {"a.$": "$"}, "End": true}"#;
    let config =
        r#"{"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt""#;
    let definition = scopes(map, "a").replace(r#"{"StartAt": "B""#, &format!(r#"{config}: "B""#));
    let parsed = parse_as(&definition, "m", MachineType::Standard);
    assert!(parsed.machine.is_some(), "{:?}", parsed.diagnostics);
    rejects_also(&definition, "ASL0404", "'DISTRIBUTED' is not supported", "\"DISTRIBUTED\"");
}

#[test]
fn what_reads_from_s3_is_described_though_it_cannot_run() {
    let definition = r#"{"StartAt": "A", "States": {"A": {"Type": "Map", "End": true,
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig":
            {"InputType": "JSON", "MaxItemsPath": "$max"}, "Parameters": {"Bucket.$": "$bucket"}},
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters":
            {"Bucket.$": "States.Format('{}', $out)", "Prefix": "$no"}},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "B", "States": {"B": {"Type": "Succeed", "InputPath": "$in"}}}}}}"#;
    assert!(parse_as(definition, "m", MachineType::Standard).machine.is_none());
    let found = described_variables(definition, MachineType::Standard).expect("valid");
    let names = |state: &str| found[state].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!((names("A"), names("B")), (vec!["bucket", "max", "out"], vec!["in"]));
    assert!(described_variables(definition, MachineType::Express).is_err());
}

#[test]
fn references_are_found_wherever_they_stand() {
    let definition = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Pass", "InputPath": "$a.x", "OutputPath": "$b[0]", "ResultPath": "$.no",
            "Parameters": {"x.$": "$c", "y": [{"z.$": "States.Format($d, States.MathAdd($e.n, 1))"}],
                "plain": "$no"}, "Assign": {"no.$": "$f"}, "Next": "Choose"},
        "Choose": {"Type": "Choice", "Choices": [{"And": [{"Variable": "$a", "IsNull": true},
            {"Not": {"Variable": "$.no", "StringEqualsPath": "$b"}}], "Assign": {"no.$": "$c"}, "Next": "Map"}],
            "Assign": {"no.$": "$d"}, "Default": "Call"},
        "Call": {"Type": "Task", "Resource": "arn:r", "TimeoutSecondsPath": "$a", "HeartbeatSecondsPath": "$b",
            "Credentials": {"RoleArn.$": "$c"}, "ResultSelector": {"x.$": "$d"},
            "Catch": [{"ErrorEquals": ["E"], "Assign": {"no.$": "$e"}, "Next": "Map"}], "Next": "Map"},
        "Map": {"Type": "Map", "ItemsPath": "$a", "MaxConcurrencyPath": "$b", "ItemSelector": {"x.$": "$c"},
            "ItemProcessor": {"StartAt": "In", "States": {"In": {"Type": "Wait", "SecondsPath": "$w", "End": true}}},
            "Next": "None"},
        "None": {"Type": "Pass", "Parameters": {"x.$": "$.a", "y.$": "$$.b"}, "Next": "Fail"},
        "Fail": {"Type": "Fail", "ErrorPath": "$a", "CausePath": "States.Format('{}', $b)"}}}"#;
    let machine = parse(definition, "m").unwrap_or_else(|found| panic!("{found:#?}"));
    let found = variable_references(&machine);
    let lines: Vec<_> = found
        .iter()
        .map(|(state, names)| format!("{state}: {}", names.iter().cloned().collect::<String>()))
        .collect();
    assert_eq!(
        lines,
        ["A: abcdef", "Call: abcde", "Choose: abcd", "Fail: ab", "In: w", "Map: abc"]
    );
}
