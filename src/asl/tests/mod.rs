//! One line, one fault: which code, which words, and exactly which part of the text it points at.

mod aws;
mod flow;
mod hostile;
mod jsonata;
mod variables;

use super::model::{Amount, FailText, PathField, Rule, StateKind, Transition, WaitUntil};
use super::operator::{Comparison, Operator};
use super::{Code, Diagnostic, MachineType, check, decode, parse, parse_as};

/// A machine of one state `A` and a Succeed state `B` that `A` may lead to.
fn one(state: &str) -> String {
    let other = if state.contains("\"B\"") { r#", "B": {"Type": "Succeed"}"# } else { "" };
    format!(r#"{{"StartAt": "A", "States": {{"A": {state}{other}}}}}"#)
}

/// A machine with a Choice state of one rule.
fn rule(rule: &str) -> String {
    one(&format!(r#"{{"Type": "Choice", "Choices": [{rule}], "Default": "B"}}"#))
}

/// A Choice with one data test of `$.v`.
fn test(operator: &str) -> String {
    rule(&format!(r#"{{"Variable": "$.v", {operator}, "Next": "B"}}"#))
}

/// A Pass state with one more field.
fn pass(field: &str) -> String {
    one(&format!(r#"{{"Type": "Pass", {field}, "End": true}}"#))
}

/// A Task state with one more field.
fn task(field: &str) -> String {
    one(&format!(r#"{{"Type": "Task", "Resource": "arn:r", {field}, "End": true}}"#))
}

fn diagnostics(definition: &str) -> Vec<Diagnostic> {
    parse_as(definition, "m.json", MachineType::Express).diagnostics
}

/// Every diagnostic as `code at "text": message`.
fn summary(definition: &str) -> Vec<String> {
    let line = |d: &Diagnostic| {
        let text = &definition[d.span.start as usize..d.span.end as usize];
        format!("{} at {text}: {}", d.code.as_str(), d.message)
    };
    diagnostics(definition).iter().map(line).collect()
}

/// The definition has exactly this one problem, at exactly this part of its text.
fn rejects(definition: &str, code: &str, message: &str, at: &str) {
    let found = summary(definition);
    let expected = format!("{code} at {at}: ");
    assert!(found.len() == 1, "{definition}\n{found:#?}");
    assert!(found[0].starts_with(&expected), "{definition}\n{expected}\n{}", found[0]);
    assert!(found[0].contains(message), "{definition}\n{message}\n{}", found[0]);
}

/// The definition has this problem among others.
fn rejects_also(definition: &str, code: &str, message: &str, at: &str) {
    let found = summary(definition);
    let expected = format!("{code} at {at}: ");
    assert!(
        found.iter().any(|d| d.starts_with(&expected) && d.contains(message)),
        "{definition}\n{expected}{message}\n{found:#?}"
    );
}

/// The definition has one problem: a path that may name several places where one is needed.
fn several(definition: &str) {
    let found = diagnostics(definition);
    assert_eq!(found.len(), 1, "{definition}\n{found:#?}");
    assert_eq!((found[0].code, &*found[0].message), (Code::BadReferencePath, REFERENCE));
}

const REFERENCE: &str = "Value is not a Reference Path";

fn accepts(definition: &str) {
    assert_eq!(summary(definition), Vec::<String>::new(), "{definition}");
    assert!(parse(definition, "m.json").is_ok());
}

/// The state `A` of a definition without faults.
fn state_a(definition: &str) -> StateKind {
    let machine = parse(definition, "m.json").unwrap_or_else(|found| panic!("{found:#?}"));
    machine.graph.state("A").expect("A").kind.clone()
}

#[test]
fn text_that_is_no_object_is_refused() {
    rejects("", "ASL0002", "Definition must be a valid JSON object", "");
    rejects(" \n", "ASL0002", "Definition must be a valid JSON object", "");
    rejects("[1]", "ASL0002", "Definition must be a valid JSON object", "[");
    rejects("{\"a\": }", "ASL0001", "Unexpected character ('}' (code 125)): expected a value", "}");
    let token = "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or \
                 token 'null', 'true' or 'false')";
    rejects("not json", "ASL0001", token, "not");
    let open = "Unexpected end-of-input: expected close marker for Object (start marker at line: \
                1, column: 1)";
    rejects("{\"a\": 1", "ASL0001", open, "");
    rejects("{} x", "ASL0001", "unexpected 'x', expected the end of the definition", "x");
    let found = check::aws_diagnostics(&diagnostics("not json"));
    let place = "[Source: (String)\"not json\"; line: 1, column: 4]";
    assert_eq!(found[0].location.as_deref(), Some(place));
    let long = format!("{{\n{}", " ".repeat(600));
    let found = check::aws_diagnostics(&diagnostics(&long));
    let end = " \"[truncated 102 chars]; line: 2, column: 601]";
    assert!(found[0].location.as_ref().is_some_and(|place| place.ends_with(end)), "{found:?}");
    rejects(&"[".repeat(300), "ASL0005", "deeper than 256", "[");
    rejects(&format!("\"{}\"", "x".repeat(1_048_576)), "ASL0003", "1048578 bytes", "");
    let refused = decode(b"{\"a\": \"\xff\"}").expect_err("not UTF-8");
    assert_eq!((refused.code, refused.span.start), (Code::NotUtf8, 7));
    assert_eq!(decode(b"{}"), Ok("{}"));
}

#[test]
fn keys_are_written_once() {
    rejects(
        &pass(r#""Comment": "x", "Comment": "y""#),
        "ASL0004",
        "'Comment' appears",
        "\"Comment\"",
    );
    rejects(&pass(r#""Result": {"a": 1, "a": 2}"#), "ASL0004", "'a' appears twice", "\"a\"");
    let twice = r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}, "A": {"Type": "Fail"}}}"#;
    rejects_also(twice, "ASL0004", "the key 'A' appears twice", "\"A\"");
}

#[test]
fn machine_fields_are_checked() {
    rejects("{}", "ASL0101", "These fields are required: [States, StartAt]", "{");
    let no_start = r#"{"States": {"A": {"Type": "Pass", "End": true}}}"#;
    rejects(no_start, "ASL0101", "These fields are required: [StartAt]", "{");
    rejects(r#"{"StartAt": "A"}"#, "ASL0101", "These fields are required: [States]", "{");
    let with =
        |field: &str| one(r#"{"Type": "Succeed"}"#).replacen('{', &format!("{{{field}, "), 1);
    accepts(&with(r#""Comment": "c", "Version": "1.0", "TimeoutSeconds": 300"#));
    accepts(&with(r#""QueryLanguage": "JSONPath""#));
    rejects(&with(r#""Comment": 1"#), "ASL0102", "Expected value of type String", "1");
    rejects(&with(r#""Version": "2.0""#), "ASL0105", "following: [1.0]", "\"2.0\"");
    rejects(&with(r#""TimeoutSeconds": 0"#), "ASL0111", "Minimum value is 1", "0");
    rejects(&with(r#""TimeoutSeconds": "9""#), "ASL0102", "type Integer", "\"9\"");
    rejects(&with(r#""TimeoutSeconds": 301"#), "ASL0802", "ends after 300 seconds", "301");
    rejects(&with(r#""startAt": "A""#), "ASL0103", "Field 'startAt' is not", "\"startAt\"");
    accepts(&with(r#""QueryLanguage": "JSONata""#));
    rejects(&with(r#""QueryLanguage": "jq""#), "ASL0105", "[JSONPath, JSONata]", "\"jq\"");
    rejects(r#"{"StartAt": "A", "States": []}"#, "ASL0102", "type Object", "[]");
}

#[test]
fn states_are_objects_of_a_known_type_with_a_name() {
    rejects_also(&one("7"), "ASL0102", "Expected value of type Object", "7");
    rejects(&one(r#"{"Type": "Pas", "End": true}"#), "ASL0105", "should have one of", "\"Pas\"");
    rejects(&one(r#"{"Type": 1, "End": true, "Next": "B"}"#), "ASL0102", "type String", "1");
    rejects_also(&one(r#"{"End": true}"#), "ASL0101", "The field 'Type' is required", "\"A\"");
    let long = one(r#"{"Type": "Succeed"}"#).replace("\"A\"", &format!("\"{}\"", "é".repeat(81)));
    let at = format!("\"{}\"", "é".repeat(81));
    rejects(&long, "ASL0110", "81 characters and exceeds the 80-character limit", &at);
    accepts(&one(r#"{"Type": "Succeed"}"#).replace("\"A\"", &format!("\"{}\"", "é".repeat(80))));
    let nameless = one(r#"{"Type": "Succeed"}"#).replace("\"A\"", "\"\"");
    rejects(&nameless, "ASL0104", "Value cannot be empty", "\"\"");
}

#[test]
fn a_state_goes_on_in_exactly_one_way() {
    let both = one(r#"{"Type": "Pass", "Next": "B", "End": true}"#);
    rejects(
        &both,
        "ASL0106",
        "There should only be one of the following fields: [Next, End]",
        "\"End\"",
    );
    let neither = one(r#"{"Type": "Pass"}"#);
    rejects_also(&neither, "ASL0106", "only one of the following fields: [Next, End]", "\"A\"");
    rejects_also(&one(r#"{"Type": "Pass", "End": false}"#), "ASL0106", "[Next, End]", "\"A\"");
    accepts(&one(r#"{"Type": "Pass", "Next": "B", "End": false}"#));
    rejects_also(&one(r#"{"Type": "Pass", "End": "yes"}"#), "ASL0102", "type Boolean", "\"yes\"");
    rejects_also(&one(r#"{"Type": "Pass", "Next": 1}"#), "ASL0102", "type String", "1");
}

#[test]
fn transitions_lead_to_states() {
    let dangling = |next: &str| {
        format!(
            r#"{{"StartAt": "Pay", "States": {{"Pay": {{"Type": "Pass", "Next": "{next}"}},
                "Shipping": {{"Type": "Pass", "End": true}}}}}}"#
        )
    };
    rejects_also(&dangling("Shiping"), "ASL0107", "Missing 'Next' target: Shiping", "\"Shiping\"");
    rejects_also(&dangling("Shiping"), "ASL0108", "State \"Shipping\" is not", "\"Shipping\"");
    let help = |next: &str| diagnostics(&dangling(next))[0].help.clone();
    assert_eq!(help("Shiping").as_deref(), Some("did you mean \"Shipping\"?"));
    assert_eq!(help("Zebra"), None);
    rejects(&dangling("Pay"), "ASL0108", "State \"Shipping\" is not reachable.", "\"Shipping\"");
    let start = one(r#"{"Type": "Pass", "End": true}"#).replacen("\"A\"", "\"X\"", 1);
    rejects_also(&start, "ASL0107", "Missing 'Next' target: X", "\"X\"");
    let looping = one(r#"{"Type": "Pass", "Next": "A"}"#);
    rejects(&looping, "ASL0109", "Workflow has no terminal state", "\"States\"");
    rejects_also(r#"{"StartAt": "A", "States": {}}"#, "ASL0104", "Value cannot be empty", "{}");
    let choice = rule(r#"{"Variable": "$.v", "IsNull": true, "Next": "C"}"#);
    rejects(&choice, "ASL0107", "Missing 'Next' target: C", "\"C\"");
    assert_eq!(diagnostics(&choice)[0].path, "/States/A/Choices[0]/Next");
}

#[test]
fn fields_belong_to_their_state_type() {
    rejects(&pass(r#""Paramters": {}"#), "ASL0103", "Field 'Paramters' is not", "\"Paramters\"");
    rejects(&pass(r#""Resource": "x""#), "ASL0103", "Field 'Resource' is not", "\"Resource\"");
    let help = |definition: &str| diagnostics(definition)[0].help.clone().expect("help");
    assert_eq!(help(&pass(r#""Paramters": {}"#)), "did you mean \"Parameters\"?");
    assert_eq!(help(&pass(r#""Resource": "x""#)), "it is a field of Task");
    rejects(&one(r#"{"Type": "Succeed", "Next": "B"}"#), "ASL0103", "Field 'Next' is", "\"Next\"");
    rejects(&one(r#"{"Type": "Fail", "End": true}"#), "ASL0103", "Field 'End' is", "\"End\"");
    rejects(&task(r#""Result": 1"#), "ASL0103", "Field 'Result' is not", "\"Result\"");
    rejects(&pass(r#""Output": 1"#), "ASL0113", "but field 'Output' is only", "\"Output\"");
    rejects(&task(r#""Arguments": 1"#), "ASL0113", "but field 'Arguments' is", "\"Arguments\"");
}

#[test]
fn paths_are_checked_for_their_role() {
    accepts(&pass(r#""InputPath": "$$.Execution.Input", "OutputPath": "$['a b'][0]""#));
    accepts(&pass(r#""InputPath": null, "ResultPath": null, "OutputPath": null"#));
    rejects(&pass(r#""InputPath": 1"#), "ASL0102", "Expected value of type String", "1");
    rejects(&pass(r#""InputPath": "a""#), "ASL0202", "Value must be a valid JSONPath.", "a");
    rejects(&pass(r#""InputPath": """#), "ASL0202", "Value must be a valid JSONPath.", "\"");
    rejects(&pass(r#""OutputPath": "$.é b""#), "ASL0202", "must be a valid JSONPath.", " ");
    rejects(&pass(r#""ResultPath": "x""#), "ASL0202", "must be a valid JSONPath.", "x");
    rejects(&pass(r#""ResultPath": "$$.x""#), "ASL0203", "not a Reference Path", "$");
    rejects(&pass(r#""ResultPath": "$v.x""#), "ASL0203", "not a Reference Path", "$");
    for path in ["$.a[*]", "$..a", "$.a[0,1]", "$.a[?(@.b > 1)]", "$[1:]", "$['a','b']"] {
        accepts(&pass(&format!(r#""InputPath": "{path}", "OutputPath": "{path}""#)));
        accepts(&pass(&format!(r#""Parameters": {{"a.$": "{path}"}}"#)));
        several(&pass(&format!(r#""ResultPath": "{path}""#)));
        several(&test(&format!(r#""StringEqualsPath": "{path}""#)));
        several(&one(&format!(r#"{{"Type": "Wait", "TimestampPath": "{path}", "End": true}}"#)));
        several(&task(&format!(r#""TimeoutSecondsPath": "{path}""#)));
    }
    let wait =
        |path: &str| one(&format!(r#"{{"Type": "Wait", "SecondsPath": "{path}", "End": true}}"#));
    accepts(&wait("$.a.b"));
    accepts(&wait("$$.Execution.Input.a"));
    accepts(&wait("$seconds"));
    rejects(&wait("a"), "ASL0202", "Value must be a valid JSONPath.", "a");
    accepts(&pass(r#""InputPath": "$a.b", "OutputPath": "$b""#));
}

#[test]
fn templates_are_checked_at_every_depth() {
    accepts(&pass(r#""Parameters": {"a.$": "$.b", "c": [{"d.$": "$$.State.Name"}], "e": 1}"#));
    accepts(&pass(r#""Parameters": {"a.$": "States.Format('{} {}', $.b, States.MathAdd(1, 2))"}"#));
    let bad = "must be a valid JSONPath or a valid intrinsic function call";
    rejects(&pass(r#""Parameters": {"a.$": 1}"#), "ASL0201", &format!("'a.$' {bad}"), "1");
    rejects(&pass(r#""Parameters": {"a.$": "b"}"#), "ASL0201", bad, "b");
    rejects(&pass(r#""Parameters": {"x": [[{"a.$": "$."}]]}"#), "ASL0201", bad, "\"");
    rejects(&pass(r#""Parameters": {"a.$": "States.Formt('x')"}"#), "ASL0201", bad, "S");
    let escape = pass(r#""Parameters": {"a.$": "States.Format('\\d')"}"#);
    rejects(&escape, "ASL0201", bad, "\\\\");
    rejects(&task(r#""ResultSelector": {"a.$": "$.b c"}"#), "ASL0201", bad, " ");
    let twice = pass(r#""Parameters": {"a": 1, "a.$": "$.b"}"#);
    rejects(&twice, "ASL0204", "the field 'a' is given twice", "\"a.$\"");
    accepts(&pass(r#""Result": {"a.$": "anything"}"#));
    let plain = pass(r#""Parameters": {"a": "$.b"}"#);
    rejects(&plain, "ASL0801", "'a' is passed as this text", "\"$.b\"");
    assert!(parse(&plain, "m.json").is_ok(), "a warning forbids nothing");
    let result = pass(r#""Result": {"a": ["$.b"]}"#);
    rejects(&result, "ASL0806", "the Result of a Pass state is not evaluated", "\"$.b\"");
    assert_eq!(diagnostics(&result)[0].path, "/States/A/Result/a[0]");
    let error = one(r#"{"Type": "Fail", "Error": "$.error"}"#);
    rejects(&error, "ASL0807", "'Error' takes this as a text", "\"$.error\"");
    rejects(&test(r#""StringEquals": "$.w""#), "ASL0807", "'StringEquals' takes", "\"$.w\"");
    assert_eq!(
        diagnostics(&pass(r#""Parameters": {"x": {"a.$": 1}}"#))[0].path,
        "/States/A/Parameters/x"
    );
}

#[test]
fn choice_rules_have_one_condition() {
    let operators = "of the following fields: [StringEquals, IsBoolean, StringLessThan, ";
    let and = r#"{"Variable": "$.v", "IsNull": true, "IsString": true, "Next": "B"}"#;
    rejects(
        &rule(and),
        "ASL0301",
        &format!("There should only be one {operators}"),
        "\"IsString\"",
    );
    let none = r#"{"Variable": "$.v", "Next": "B"}"#;
    rejects(&rule(none), "ASL0301", &format!("should have only one {operators}"), "{");
    let nothing = "must have only one of the following fields, [And, Or, Not, Variable, Condition]";
    rejects(&rule(r#"{"Next": "B"}"#), "ASL0301", nothing, "{");
    rejects(&rule(r#"{"IsNull": true, "Next": "B"}"#), "ASL0301", nothing, "{");
    let two = r#"{"And": [], "Or": [], "Next": "B"}"#;
    rejects(&rule(two), "ASL0301", nothing, "\"Or\"");
    let no_next = r#"{"Variable": "$.v", "IsNull": true}"#;
    rejects(&rule(no_next), "ASL0101", "These fields are required: [Next]", "{");
    rejects(&rule(r#"{"And": [], "Next": "B"}"#), "ASL0104", "Value cannot be empty", "[]");
    rejects(&rule(r#"{"Or": {}, "Next": "B"}"#), "ASL0102", "Expected value of type Array", "{}");
    rejects(&rule(r#"{"Not": [], "Next": "B"}"#), "ASL0102", "Expected value of type Object", "[]");
    rejects(&rule("1"), "ASL0102", "Expected value of type Object", "1");
    let nested = r#"{"Not": {"Variable": "$.v", "IsNull": true, "Next": "B"}, "Next": "B"}"#;
    rejects(&rule(nested), "ASL0302", "Field 'Next' is not supported", "\"Next\"");
    let beside = r#"{"Not": {"Variable": "$.v", "IsNull": true}, "Variable": "$.v", "Next": "B"}"#;
    rejects(&rule(beside), "ASL0301", nothing, "\"Variable\"");
    let beside = r#"{"Not": {"Variable": "$.v", "IsNull": true}, "IsNull": true, "Next": "B"}"#;
    rejects(&rule(beside), "ASL0103", "Field 'IsNull' is not", "\"IsNull\"");
    let condition = r#"{"Condition": "{% true %}", "Next": "B"}"#;
    rejects(&rule(condition), "ASL0113", "field 'Condition' is only", "\"Condition\"");
    let typo = r#"{"Variable": "$.v", "StringEqual": "x", "Next": "B"}"#;
    rejects_also(&rule(typo), "ASL0103", "Field 'StringEqual' is not", "\"StringEqual\"");
    let state = r#"{"Type": "Choice", "Default": "B"}"#;
    rejects(&one(state), "ASL0101", "The field 'Choices' is required", "\"A\"");
    let state = r#"{"Type": "Choice", "Choices": [], "Default": "B"}"#;
    rejects(&one(state), "ASL0104", "Value cannot be empty", "[]");
}

#[test]
fn operands_have_the_type_of_their_operator() {
    let reference = "Value is not a Reference Path: Reference path didn't start with '$'";
    for operator in Operator::ALL {
        let name = operator.name();
        let (good, bad, message) = match name {
            _ if operator.is_path() => ("\"$.x\"", "\"x\"", reference),
            _ if name.starts_with("String") => ("\"x\"", "1", "type String"),
            _ if name.starts_with("Numeric") => ("1.5", "\"1\"", "type Number"),
            _ if name.starts_with("Timestamp") => {
                ("\"2026-01-02T03:04:05Z\"", "\"2026-01-02\"", "RFC3339 timestamp")
            }
            _ => ("false", "\"false\"", "type Boolean"),
        };
        accepts(&test(&format!("\"{name}\": {good}")));
        let found = diagnostics(&test(&format!("\"{name}\": {bad}")));
        assert_eq!(found.len(), 1, "{name}");
        assert!(found[0].message.contains(message), "{name}: {}", found[0].message);
        assert_eq!(found[0].path, format!("/States/A/Choices[0]/{name}"));
    }
    rejects(&test(r#""StringMatches": "a\\b""#), "ASL0305", "escapes nothing", "\\\\");
    accepts(&test(r#""StringMatches": "a*\\*\\\\""#));
    let variable = r#"{"Variable": "v", "IsNull": true, "Next": "B"}"#;
    rejects(&rule(variable), "ASL0203", reference, "v");
}

#[test]
fn wait_has_one_timing_field() {
    let wait = |fields: &str| one(&format!(r#"{{"Type": "Wait", {fields} "End": true}}"#));
    let fields = "of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]";
    rejects(&wait(""), "ASL0304", &format!("have only one {fields}"), "\"A\"");
    let two = wait(r#""Seconds": 1, "SecondsPath": "$.a","#);
    rejects(&two, "ASL0304", &format!("There should only be one {fields}"), "\"SecondsPath\"");
    rejects(&wait(r#""Seconds": -1,"#), "ASL0111", "Minimum value is 0", "-1");
    rejects(&wait(r#""Seconds": 1.5,"#), "ASL0102", "Expected value of type Integer", "1.5");
    rejects(&wait(r#""Seconds": 100000000,"#), "ASL0111", "Maximum value is 99999999", "100000000");
    rejects(&wait(r#""Seconds": 99999999999999999999,"#), "ASL0111", "Maximum", &"9".repeat(20));
    let bad = "String does not match RFC3339 timestamp";
    for text in ["2016-13-05T21:29:29Z", "2016-12-05 21:29:29Z", "2016-12-05T21:29:29"] {
        let at = format!("\"{text}\"");
        rejects(&wait(&format!("\"Timestamp\": {at},")), "ASL0303", bad, &at);
    }
    accepts(&wait(r#""Seconds": 0,"#));
    accepts(&wait(r#""Timestamp": "2016-12-05T21:29:29.5+01:00","#));
    accepts(&wait(r#""TimestampPath": "$.t","#));
}

#[test]
fn task_and_fail_fields_exclude_their_path_forms() {
    let resource = one(r#"{"Type": "Task", "End": true}"#);
    rejects(&resource, "ASL0101", "The field 'Resource' is required", "\"A\"");
    let both = task(r#""TimeoutSeconds": 1, "TimeoutSecondsPath": "$.t""#);
    rejects(&both, "ASL0112", "only be one of the following", "\"TimeoutSecondsPath\"");
    let both = task(r#""HeartbeatSeconds": 1, "HeartbeatSecondsPath": "$.t""#);
    rejects(&both, "ASL0112", "only be one of the following", "\"HeartbeatSecondsPath\"");
    rejects(&task(r#""TimeoutSeconds": 0"#), "ASL0111", "Minimum value is 1", "0");
    rejects(&task(r#""HeartbeatSeconds": 0"#), "ASL0111", "Minimum value is 1", "0");
    let late = task(r#""TimeoutSeconds": 5, "HeartbeatSeconds": 6"#);
    rejects(&late, "ASL0308", "must be smaller than TimeoutSeconds", "6");
    accepts(&task(r#""TimeoutSeconds": 5, "HeartbeatSeconds": 4"#));
    accepts(&task(r#""TimeoutSeconds": 5, "HeartbeatSecondsPath": "$.h""#));
    let resource = one(r#"{"Type": "Task", "Resource": "sendMail", "End": true}"#);
    rejects(&resource, "ASL0309", "Value is not a valid resource ARN", "\"sendMail\"");
    let role = "The field 'RoleArn' is required but was missing";
    rejects(&task(r#""Credentials": {}"#), "ASL0101", role, "\"Credentials\"");
    rejects(&task(r#""Credentials": 1"#), "ASL0102", "Expected value of type Object", "1");
    rejects(&task(r#""Credentials": {"RoleArn": 1}"#), "ASL0102", "value of type String", "1");
    accepts(&task(r#""Credentials": {"RoleArn": "arn:aws:iam::1:role/r"}"#));
    accepts(&task(r#""Credentials": {"RoleArn.$": "$.role"}"#));
    let fail = |fields: &str| one(&format!(r#"{{"Type": "Fail", {fields}}}"#));
    let both = fail(r#""Error": "E", "ErrorPath": "$.e""#);
    rejects(&both, "ASL0112", "only be one of the following", "\"ErrorPath\"");
    rejects(&fail(r#""Cause": 1"#), "ASL0102", "Expected value of type String", "1");
    accepts(&fail(r#""ErrorPath": "$$.State.Name", "CausePath": "States.Format('{}', $.c)""#));
    rejects(
        &fail(r#""CausePath": "cause""#),
        "ASL0201",
        "The value for the field 'CausePath'",
        "c",
    );
    let number = fail(r#""CausePath": "States.MathAdd(1, 2)""#);
    rejects(&number, "ASL0201", "The value for the field 'CausePath'", "S");
    accepts(&fail(r#""ErrorPath": "$error", "CausePath": "$.c""#));
}

#[test]
fn express_machines_refuse_what_lasts_longer() {
    let resource =
        |arn: &str| one(&format!(r#"{{"Type": "Task", "Resource": "{arn}", "End": true}}"#));
    for (arn, code, message) in [
        ("arn:aws:states:::batch:submitJob.sync", "ASL0401", "does not support '.sync' service"),
        ("arn:aws:states:::states:startExecution.sync:2", "ASL0401", "does not support '.sync'"),
        (
            "arn:aws:states:::sns:publish.waitForTaskToken",
            "ASL0402",
            "does not support '.waitForTaskToken' service integration ",
        ),
        ("arn:aws:states:us-east-1:1:activity:a", "ASL0403", "does not support Activity ARN"),
    ] {
        rejects(&resource(arn), code, message, &format!("\"{arn}\""));
        let branch = format!(
            r#"{{"Type": "Parallel", "End": true, "Branches": [{}]}}"#,
            resource(arn).replace("\"A\"", "\"B\"")
        );
        rejects(
            &format!(r#"{{"StartAt": "A", "States": {{"A": {branch}}}}}"#),
            code,
            message,
            &format!("\"{arn}\""),
        );
        let standard = parse_as(&resource(arn), "m", MachineType::Standard);
        assert!(standard.machine.is_some());
    }
    accepts(&resource("arn:aws:lambda:us-east-1:1:function:activity"));
}

#[test]
fn the_service_refuses_what_it_cannot_call() {
    let refusals = |parameters: &str, resource: &str| {
        let state = format!(
            r#"{{"Type": "Task", "Resource": "{resource}", "Parameters": {parameters}, "End": true}}"#
        );
        let machine = parse(&one(&state), "m").expect("valid");
        let found = check::service_refusals(&machine);
        found.iter().map(|d| format!("{} {}: {}", d.code.as_str(), d.path, d.message)).collect()
    };
    let none: Vec<String> = vec![];
    let http = "arn:aws:states:::http:invoke";
    let endpoint = r#"{"ApiEndpoint": "http://x", "Method": "GET"}"#;
    let found: Vec<String> = refusals(endpoint, http);
    assert_eq!(found, none);
    let found: Vec<String> = refusals(r#"{"Authentication": {}, "Transform.$": "$.t"}"#, http);
    assert_eq!(
        found,
        [
            "ASL0907 /States/A/Parameters/Authentication: Authentication of the HTTP task is not \
             supported yet",
            "ASL0907 /States/A/Parameters/Transform.$: Transform of the HTTP task is not \
             supported yet",
        ]
    );
    let found: Vec<String> = refusals("{}", "arn:aws:states:::lambda:invoke");
    assert_eq!(
        found,
        ["ASL0906 /States/A/Resource: arn:aws:states:::lambda:invoke is not supported yet"]
    );
    let nested = r#"{"StartAt": "A", "States": {"A": {"Type": "Map", "End": true, "Iterator":
        {"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "arn:r", "End": true}}}}}}"#;
    let machine = parse(nested, "m").expect("valid");
    let found = check::service_refusals(&machine);
    assert_eq!(found[0].path, "/States/A/ItemProcessor/States/B/Resource");
}

#[test]
fn the_model_holds_what_was_written() {
    let StateKind::Choice(choice) = state_a(&rule(
        r#"{"Or": [{"Not": {"Variable": "$.v", "NumericLessThanEqualsPath": "$.w"}}], "Next": "B"}"#,
    )) else {
        panic!("no Choice")
    };
    assert_eq!(choice.default.map(|target| target.index), Some(1));
    let Rule::Or(parts) = &choice.choices[0].rule else { panic!("no Or") };
    let [Rule::Not(part)] = &parts[..] else { panic!("no Not") };
    let Rule::Test(test) = &**part else { panic!("no test") };
    assert_eq!(test.operator.value.comparison(), Comparison::LessThanEquals);
    assert_eq!(test.variable.value, "$.v");

    let StateKind::Task(found) = state_a(&task(
        r#""TimeoutSecondsPath": "$.t", "ResultPath": null, "ResultSelector": {"a.$": "$.b"}"#,
    )) else {
        panic!("no Task")
    };
    assert!(matches!(found.timeout, Some(Amount::Path(path)) if path.value == "$.t"));
    assert!(matches!(found.result_path, PathField::Null(_)));
    assert!(matches!(found.transition, Transition::End(_)));
    assert!(found.result_selector.is_some() && found.parameters.is_none());

    let StateKind::Wait(wait) = state_a(&one(r#"{"Type": "Wait", "Seconds": 7, "End": true}"#))
    else {
        panic!("no Wait")
    };
    assert!(matches!(wait.until, WaitUntil::Seconds(seconds) if seconds.value == 7));

    let definition = one(r#"{"Type": "Fail", "Error": "E", "CausePath": "States.Format('x')"}"#);
    let StateKind::Fail(fail) = state_a(&definition) else { panic!("no Fail") };
    assert!(matches!(fail.error, Some(FailText::Literal(text)) if text.value == "E"));
    assert!(matches!(fail.cause, Some(FailText::Intrinsic(_))));
    let machine = parse(&definition, "m.json").expect("valid");
    assert_eq!(machine.definition_bytes, definition.len());
    assert_eq!((machine.graph.start_at.index, machine.file.as_str()), (0, "m.json"));
}

#[test]
fn all_problems_are_found_at_once_in_the_order_of_the_text() {
    let definition = r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "InputPath": "x", "Next": "Q"},
    "C": {"Type": "Map", "ItemReader": {}, "End": true},
    "D": {"Type": "Wait", "Seconds": -1, "Retry": [], "Next": "A"}
  }
}"#;
    let found: Vec<_> = diagnostics(definition).iter().map(|d| d.code.as_str()).collect();
    let expected =
        ["ASL0202", "ASL0107", "ASL0108", "ASL0306", "ASL0902", "ASL0108", "ASL0111", "ASL0103"];
    assert_eq!(found, expected);
}

/// These files are the proof: each code stands in one of their expectations.
#[test]
fn every_code_has_a_test() {
    let here = [
        include_str!("mod.rs"),
        include_str!("flow.rs"),
        include_str!("jsonata.rs"),
        include_str!("jsonata/names.rs"),
        include_str!("variables.rs"),
    ];
    let here = here.concat();
    for &code in Code::ALL.iter().filter(|code| !RETIRED.contains(code)) {
        let named = here.contains(&format!("Code::{code:?}"));
        assert!(named || here.contains(code.as_str()), "{} has no test", code.as_str());
    }
}

/// Codes of earlier versions, which are explained but not reported any more.
const RETIRED: [Code; 4] = [
    Code::UnsupportedState,
    Code::UnsupportedLanguage,
    Code::UnsupportedPath,
    Code::UnsupportedFunction,
];
