//! JSONata states: which language a state has, what each field takes, what an expression may read.

mod names;

use super::{accepts, diagnostics, one, pass, rejects, rejects_also, summary};
use crate::asl::check::{aws_diagnostics, described_variables, variable_references};
use crate::asl::diagnostic::render;
use crate::asl::model::{Amount, Condition, FailText, QueryLanguage, Rule, StateKind, WaitUntil};
use crate::asl::source::{Source, Span};
use crate::asl::{Code, Diagnostic, MachineType, parse, parse_as};

/// A machine of JSONata.
fn machine(start: &str, states: &str) -> String {
    format!(r#"{{"StartAt": "{start}", "QueryLanguage": "JSONata", "States": {{{states}}}}}"#)
}

/// A machine of JSONata with a state `A` and a Succeed state `B` that it may lead to.
fn state(state: &str) -> String {
    let other = if state.contains("\"B\"") { r#", "B": {"Type": "Succeed"}"# } else { "" };
    machine("A", &format!(r#""A": {state}{other}"#))
}

/// A Pass state with the output of an expression.
fn output(expression: &str) -> String {
    let text = serde_json::json!(format!("{{% {expression} %}}"));
    state(&format!(r#"{{"Type": "Pass", "Output": {{"v": {text}}}, "End": true}}"#))
}

fn task(field: &str) -> String {
    state(&format!(r#"{{"Type": "Task", "Resource": "arn:r", {field}, "End": true}}"#))
}

fn choice(rule: &str) -> String {
    state(&format!(r#"{{"Type": "Choice", "Choices": [{rule}], "Default": "B"}}"#))
}

fn map(fields: &str) -> String {
    state(&format!(
        r#"{{"Type": "Map", {fields} "ItemProcessor": {{"StartAt": "I", "States":
            {{"I": {{"Type": "Pass", "End": true}}}}}}, "End": true}}"#
    ))
}

/// What AWS would report, as `CODE: message at location`.
fn aws(definition: &str) -> Vec<String> {
    let found = aws_diagnostics(&diagnostics(definition));
    let line = |d: &crate::asl::check::AwsDiagnostic| {
        format!("{}: {} at {}", d.code, d.message, d.location.as_deref().unwrap_or("null"))
    };
    found.iter().map(line).collect()
}

fn state_a(definition: &str) -> StateKind {
    let machine = parse(definition, "m").unwrap_or_else(|found| panic!("{found:#?}"));
    machine.graph.state("A").expect("A").kind.clone()
}

const NOT_JSONPATH: &str = "is only supported for the 'JSONPath' QueryLanguage";

#[test]
fn a_state_has_the_machine_s_language_unless_it_has_its_own() {
    let language = |definition: &str| {
        let machine = parse(definition, "m").unwrap_or_else(|found| panic!("{found:#?}"));
        machine.graph.state("A").expect("A").language
    };
    assert_eq!(language(&pass(r#""Result": 1"#)), QueryLanguage::JsonPath);
    assert_eq!(language(&pass(r#""QueryLanguage": "JSONata""#)), QueryLanguage::Jsonata);
    assert_eq!(language(&output("1")), QueryLanguage::Jsonata);
    let own = state(r#"{"Type": "Pass", "QueryLanguage": "JSONata", "End": true}"#);
    assert_eq!(language(&own), QueryLanguage::Jsonata);
}

#[test]
fn a_jsonata_machine_is_not_left_for_jsonpath() {
    let message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state \
                   machine";
    let back = state(r#"{"Type": "Pass", "QueryLanguage": "JSONPath", "End": true}"#);
    rejects(&back, "ASL0113", message, "\"JSONPath\"");
    assert_eq!(aws(&back), [format!("SCHEMA_VALIDATION_FAILED: {message} at /States/A")]);
    // Its fields are not said to be of the other language, but are looked at otherwise.
    let output = r#"{"Type": "Pass", "QueryLanguage": "JSONPath", "Output": 1, "End": true}"#;
    rejects(&state(output), "ASL0113", message, "\"JSONPath\"");
    let limit = map(r#""QueryLanguage": "JSONPath", "MaxConcurrency": -1,"#);
    assert_eq!(aws(&limit).len(), 2, "{:?}", aws(&limit));
    rejects_also(&limit, "ASL0111", "Minimum value is 0", "-1");
}

#[test]
fn a_field_of_the_other_language_is_replaced_by_one_that_the_state_takes() {
    let help = |definition: &str| {
        let found = diagnostics(definition);
        let [one] = &found[..] else { panic!("{found:#?}") };
        assert_eq!(one.code, Code::OtherLanguage);
        one.help.clone().unwrap_or_default()
    };
    let catcher =
        |field: &str| format!(r#""Catch": [{{"ErrorEquals": ["E"], {field}, "Next": "B"}}]"#);
    let parallel = |field: &str| {
        state(&format!(
            r#"{{"Type": "Parallel", {field}, "Branches": [{{"StartAt": "I", "States":
                {{"I": {{"Type": "Pass", "End": true}}}}}}], "End": true}}"#
        ))
    };
    let pass = |field: &str| state(&format!(r#"{{"Type": "Pass", {field}, "End": true}}"#));
    for (definition, meant) in [
        (pass(r#""Parameters": {}"#), "Output"),
        (pass(r#""Result": {}"#), "Output"),
        (map(r#""Parameters": {},"#), "ItemSelector"),
        (map(r#""ItemsPath": "$.a","#), "Items"),
        (map(r#""ResultSelector": {},"#), "Output"),
        (task(r#""Parameters": {}"#), "Arguments"),
        (parallel(r#""Parameters": {}"#), "Arguments"),
        (task(r#""TimeoutSecondsPath": "$.a""#), "TimeoutSeconds"),
        (task(&catcher(r#""ResultPath": "$.a""#)), "Output"),
        (choice(r#"{"StringEqualsPath": "$.b", "Next": "B"}"#), "Condition"),
    ] {
        assert_eq!(help(&definition), format!("write \"{meant}\" instead"), "{definition}");
    }
    for (definition, meant) in [
        (pass(r#""Output": {}"#), "Parameters"),
        (map(r#""Items": [],"#), "ItemsPath"),
        (map(r#""Output": {},"#), "ResultSelector"),
        (task(r#""Arguments": {}"#), "Parameters"),
        (task(r#""Output": {}"#), "ResultSelector"),
        (parallel(r#""Arguments": {}"#), "Parameters"),
        (task(&catcher(r#""Output": {}"#)), "ResultPath"),
    ] {
        let definition = definition.replace("\"JSONata\"", "\"JSONPath\"");
        assert_eq!(help(&definition), format!("write \"{meant}\" instead"), "{definition}");
    }
    assert_eq!(help(&state(r#"{"Type": "Succeed", "InputPath": "$.a"}"#)), "");
    assert_eq!(help(&one(r#"{"Type": "Succeed", "Output": 1}"#)), "");
}

#[test]
fn states_inside_have_the_machine_s_language_not_that_of_the_state_around() {
    let around = |inner: &str| {
        one(&format!(
            r#"{{"Type": "Map", "QueryLanguage": "JSONata", "Items": [1], "ItemProcessor":
                {{"StartAt": "I", "States": {{"I": {inner}}}}}, "End": true}}"#
        ))
    };
    accepts(&around(r#"{"Type": "Pass", "Parameters": {"a.$": "$.b"}, "End": true}"#));
    accepts(&around(r#"{"Type": "Pass", "QueryLanguage": "JSONPath", "End": true}"#));
    let jsonata = r#"{"Type": "Pass", "QueryLanguage": "JSONata", "Output": 1, "End": true}"#;
    accepts(&around(jsonata));
    let output = around(r#"{"Type": "Pass", "Output": 1, "End": true}"#);
    assert_eq!(
        aws(&output),
        [
            "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field 'Output' is \
          only supported for the 'JSONata' QueryLanguage at /States/A/ItemProcessor/States/I"
        ]
    );
    let branch = state(
        r#"{"Type": "Parallel", "Branches": [{"StartAt": "I", "States": {"I":
            {"Type": "Pass", "Output": 1, "End": true}}}], "End": true}"#,
    );
    accepts(&branch);
}

#[test]
fn graphs_have_no_language_of_their_own() {
    let message = "Field 'QueryLanguage' is not supported";
    for (fields, place) in [
        (r#""Type": "Map", "ItemProcessor": {GRAPH}"#, "/States/A/ItemProcessor"),
        (r#""Type": "Map", "Iterator": {GRAPH}"#, "/States/A/Iterator"),
        (r#""Type": "Parallel", "Branches": [{GRAPH}]"#, "/States/A/Branches[0]"),
    ] {
        let graph = r#""QueryLanguage": "JSONata", "StartAt": "I",
            "States": {"I": {"Type": "Pass", "End": true}}"#;
        let fields = fields.replace("GRAPH", graph);
        let definition = one(&format!(r#"{{{fields}, "End": true}}"#));
        assert_eq!(aws(&definition), [format!("SCHEMA_VALIDATION_FAILED: {message} at {place}")]);
    }
}

#[test]
fn what_is_no_language_is_taken_for_jsonata() {
    let spelled = |language: &str, field: &str| pass(&format!("{language}, {field}"));
    let wrong = r#""QueryLanguage": "jsonpath""#;
    let message = "Value should be one of the following: [JSONPath, JSONata]";
    rejects(&spelled(wrong, r#""Output": 1"#), "ASL0105", message, "\"jsonpath\"");
    rejects_also(&spelled(wrong, r#""InputPath": "$""#), "ASL0113", NOT_JSONPATH, "\"InputPath\"");
    rejects(&spelled(r#""QueryLanguage": 5"#, r#""Output": 1"#), "ASL0102", "type String", "5");
}

#[test]
fn fields_of_jsonpath_are_refused_at_their_state() {
    let three = state(
        r#"{"Type": "Pass", "InputPath": "x", "OutputPath": "$.b", "ResultPath": 1, "End": true}"#,
    );
    let said = |field: &str| {
        format!(
            "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONata', but field '{field}' \
             {NOT_JSONPATH} at /States/A"
        )
    };
    assert_eq!(aws(&three), ["InputPath", "OutputPath", "ResultPath"].map(said));
    for field in ["Parameters", "ResultSelector", "TimeoutSecondsPath", "HeartbeatSecondsPath"] {
        let definition = task(&format!(r#""{field}": "$.a""#));
        rejects(&definition, "ASL0113", NOT_JSONPATH, &format!("\"{field}\""));
    }
    for field in ["ItemsPath", "MaxConcurrencyPath", "Parameters", "ResultSelector"] {
        rejects(&map(&format!(r#""{field}": "$.a","#)), "ASL0113", NOT_JSONPATH, &quoted(field));
    }
    for field in ["ErrorPath", "CausePath"] {
        let fail = state(&format!(r#"{{"Type": "Fail", "{field}": "$.a"}}"#));
        rejects(&fail, "ASL0113", NOT_JSONPATH, &quoted(field));
    }
    for field in ["SecondsPath", "TimestampPath"] {
        let wait = state(&format!(r#"{{"Type": "Wait", "{field}": "$.a", "End": true}}"#));
        rejects(&wait, "ASL0113", NOT_JSONPATH, &quoted(field));
    }
    let result = state(r#"{"Type": "Pass", "Result": 1, "End": true}"#);
    rejects(&result, "ASL0113", NOT_JSONPATH, "\"Result\"");
    assert_eq!(diagnostics(&result)[0].help.as_deref(), Some("write \"Output\" instead"));
    let catch = r#""Catch": [{"ErrorEquals": ["E"], "ResultPath": "$.a", "Next": "B"}]"#;
    rejects(&task(catch), "ASL0113", NOT_JSONPATH, "\"ResultPath\"");
    let unknown = state(r#"{"Type": "Fail", "Output": 1}"#);
    rejects(&unknown, "ASL0103", "Field 'Output' is not supported", "\"Output\"");
}

fn quoted(field: &str) -> String {
    format!("\"{field}\"")
}

#[test]
fn templates_take_any_value_and_stay_as_they_are() {
    for value in ["null", "1", "[]", r#""text""#, r#"{"a.$": ["{% 1 %}", {"b": "{% 2 %}"}]}"#] {
        accepts(&state(&format!(r#"{{"Type": "Succeed", "Output": {value}}}"#)));
        accepts(&task(&format!(r#""Arguments": {value}, "Output": {value}"#)));
        accepts(&map(&format!(r#""ItemSelector": {value}, "Output": {value},"#)));
    }
    let StateKind::Pass(pass) = state_a(&output("$a")) else { panic!("no Pass") };
    let node = pass.output.expect("output");
    assert_eq!(node.get("v").and_then(|v| v.as_str()), Some("{% $a %}"));
    assert!(pass.parameters.is_none());
}

#[test]
fn items_are_an_array_or_an_expression() {
    accepts(&map(""));
    accepts(&map(r#""Items": [1, "{% 2 %}"],"#));
    accepts(&map(r#""Items": "{% $states.input.items %}","#));
    rejects(&map(r#""Items": {},"#), "ASL0102", "Expected value of type Array", "{}");
    let text = map(r#""Items": "$.items","#);
    rejects(&text, "ASL0102", "Expected value of type Array", "\"$.items\"");
    let help = "an expression stands in {% and %}, and nothing beside it";
    assert_eq!(diagnostics(&text)[0].help.as_deref(), Some(help));
}

#[test]
fn numbers_are_written_or_computed() {
    accepts(&task(r#""TimeoutSeconds": "{% 9 %}", "HeartbeatSeconds": "{% 3 %}""#));
    accepts(&task(r#""TimeoutSeconds": 9, "HeartbeatSeconds": 3"#));
    accepts(&map(r#""MaxConcurrency": "{% 2 %}","#));
    let StateKind::Task(found) = state_a(&task(r#""TimeoutSeconds": "{% 9 %}""#)) else {
        panic!("no Task")
    };
    assert!(matches!(found.timeout, Some(Amount::Expression(text)) if text.value == " 9 "));
    for text in ["\"9\"", "\"{% 9 %} \"", "\" {% 9 %}\"", "\"{%}\""] {
        let definition = task(&format!(r#""TimeoutSeconds": {text}"#));
        rejects(&definition, "ASL0102", "Expected value of type Integer", text);
        assert!(diagnostics(&definition)[0].help.is_some(), "{text}");
    }
    rejects(&task(r#""TimeoutSeconds": 0"#), "ASL0111", "Minimum value is 1", "0");
    let jsonpath = super::task(r#""TimeoutSeconds": "{% 9 %}""#);
    rejects(&jsonpath, "ASL0102", "Expected value of type Integer", "\"{% 9 %}\"");
    let distributed = machine(
        "A",
        r#""A": {"Type": "Map", "End": true, "ToleratedFailureCount": "{% 1 %}",
            "ToleratedFailurePercentage": "{% 1 %}",
            "ItemBatcher": {"MaxItemsPerBatch": "{% 1 %}", "BatchInput": {"a": "{% $b %}"}},
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType":
                "EXPRESS"}, "StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}}}"#,
    );
    let parsed = parse_as(&distributed, "m", MachineType::Standard);
    assert!(parsed.machine.is_some(), "{:?}", parsed.diagnostics);
}

#[test]
fn a_wait_is_written_or_computed() {
    let wait = |field: &str| state(&format!(r#"{{"Type": "Wait", {field}, "End": true}}"#));
    let until = |field: &str| match state_a(&wait(field)) {
        StateKind::Wait(wait) => wait.until,
        other => panic!("{other:?}"),
    };
    assert!(matches!(until(r#""Seconds": 1"#), WaitUntil::Seconds(_)));
    assert!(matches!(until(r#""Seconds": "{% 1 %}""#), WaitUntil::SecondsExpression(_)));
    let timestamp = r#""Timestamp": "2026-03-14T01:59:00Z""#;
    assert!(matches!(until(timestamp), WaitUntil::Timestamp(_)));
    let computed = until(r#""Timestamp": "{% $t %}""#);
    assert!(matches!(computed, WaitUntil::TimestampExpression(text) if text.value == " $t "));
    let bad = wait(r#""Timestamp": "soon""#);
    rejects(&bad, "ASL0303", "String does not match RFC3339 timestamp", "\"soon\"");
    rejects(&wait(r#""Seconds": 1, "Timestamp": "{% 1 %}""#), "ASL0304", "", "\"Timestamp\"");
    rejects(&wait(r#""Comment": "x""#), "ASL0304", "", "\"A\"");
}

#[test]
fn a_failure_is_written_or_computed() {
    let fail = r#"{"Type": "Fail", "Error": "E", "Cause": "{% 'C' %}"}"#;
    let StateKind::Fail(fail) = state_a(&state(fail)) else { panic!("no Fail") };
    assert!(matches!(fail.error, Some(FailText::Literal(text)) if text.value == "E"));
    assert!(matches!(fail.cause, Some(FailText::Expression(text)) if text.value == " 'C' "));
    let path = state(r#"{"Type": "Fail", "Error": "$.error"}"#);
    rejects(&path, "ASL0809", "passed as a text", "\"$.error\"");
}

#[test]
fn rules_have_a_condition() {
    let condition = |definition: &str| match state_a(definition) {
        StateKind::Choice(choice) => match choice.choices[0].rule.clone() {
            Rule::Condition(condition) => condition,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let literal = condition(&choice(r#"{"Condition": true, "Next": "B"}"#));
    assert!(matches!(literal, Condition::Literal(found) if found.value));
    let computed = condition(&choice(r#"{"Condition": "{% $a %}", "Next": "B"}"#));
    assert!(matches!(computed, Condition::Expression(text) if text.value == " $a "));
    accepts(&choice(
        r#"{"Condition": true, "Next": "B", "Output": "", "Assign": {"a": 1}, "Comment": "c"}"#,
    ));
    accepts(&state(
        r#"{"Type": "Choice", "Choices": [{"Condition": true, "Next": "B"}], "Default": "B",
            "Output": "{% 1 %}", "Assign": {"a": "{% 1 %}"}}"#,
    ));
    let text = choice(r#"{"Condition": "true", "Next": "B"}"#);
    rejects(&text, "ASL0102", "Expected value of type Boolean", "\"true\"");
    rejects(&choice(r#"{"Condition": 1, "Next": "B"}"#), "ASL0102", "type Boolean", "1");
    let none = "must have only one of the following fields, [And, Or, Not, Variable, Condition]";
    rejects(&choice(r#"{"Next": "B"}"#), "ASL0301", none, "{");
    rejects(&choice(r#"{"Condition": true}"#), "ASL0101", "are required: [Next]", "{");
    let typo = choice(r#"{"Condition": true, "next": "B", "Next": "B"}"#);
    rejects(&typo, "ASL0103", "Field 'next' is not supported", "\"next\"");
    for rule in [r#""And": [{"Condition": true}]"#, r#""Not": {"Condition": true}"#] {
        let definition = choice(&format!(r#"{{{rule}, "Next": "B"}}"#));
        let key = rule.split(':').next().expect("a key");
        rejects(&definition, "ASL0113", NOT_JSONPATH, key);
        assert!(aws(&definition)[0].ends_with(" at /States/A/Choices[0]"));
    }
    let test = choice(r#"{"Variable": "$.a", "IsNull": true, "Next": "B"}"#);
    assert_eq!(aws(&test).len(), 2, "{:?}", aws(&test));
}

#[test]
fn credentials_name_a_role_or_compute_it() {
    accepts(&task(r#""Credentials": {"RoleArn": "arn:aws:iam::1:role/r"}"#));
    accepts(&task(r#""Credentials": {"RoleArn": "{% $states.input.role %}"}"#));
    let message = "The field 'RoleArn' is required but was missing";
    for fields in ["{}", r#"{"RoleArn.$": "$.role"}"#] {
        let definition = task(&format!(r#""Credentials": {fields}"#));
        rejects_also(&definition, "ASL0101", message, "\"Credentials\"");
    }
}

#[test]
fn variables_are_assigned_by_their_names_alone() {
    let assign =
        |fields: &str| state(&format!(r#"{{"Type": "Pass", "Assign": {fields}, "End": true}}"#));
    accepts(&assign(r#"{"a": "{% 1 %}", "b": [1, {"c": "{% 2 %}"}]}"#));
    rejects(&assign(r#"{"a.$": "x"}"#), "ASL0205", "Invalid variable name 'a.$'", "\"a.$\"");
    rejects(&assign(r#"{"states": 1}"#), "ASL0206", "reserved variable", "\"states\"");
    rejects(&assign(r#""{% {} %}""#), "ASL0102", "type Object", "\"{% {} %}\"");
    let inner = machine(
        "A",
        r#""A": {"Type": "Pass", "Assign": {"x": 1}, "Next": "P"},
        "P": {"Type": "Parallel", "Branches": [{"StartAt": "I", "States": {"I":
            {"Type": "Pass", "Assign": {"x": "{% $x + 1 %}"}, "End": true}}}], "End": true}"#,
    );
    rejects(&inner, "ASL0207", "the variable 'x' belongs to an enclosing scope", "\"x\"");
}

#[test]
fn texts_that_look_computed_are_warned_of() {
    let nothing = "nothing may stand before {% or behind %}";
    let missing = "%} is missing at the end";
    let braces = "write a JSONata expression in {% and %}";
    for (text, help) in [
        (" {% $a %}", nothing),
        ("{% $a %} ", nothing),
        ("{% $a %} {% x", nothing),
        ("Hello {% $a %}", nothing),
        ("{% $states.input.orderId", missing),
        (" {% $a", missing),
        ("{% $a }", missing),
        ("{%}", missing),
        ("{%", missing),
        ("$.a", braces),
        ("$$.Execution.Id", braces),
        ("States.UUID()", braces),
    ] {
        let definition = state(&format!(r#"{{"Type": "Succeed", "Output": [{{"v": "{text}"}}]}}"#));
        rejects(&definition, "ASL0809", "passed as a text", &quoted(text));
        let found = &diagnostics(&definition)[0];
        assert_eq!((&*found.path, found.help.as_deref()), ("/States/A/Output[0]/v", Some(help)));
        assert!(parse(&definition, "m").is_ok());
    }
    for text in ["text", "%}", "%} {%", "{ % 1 % }", "$", "5 %"] {
        accepts(&state(&format!(r#"{{"Type": "Succeed", "Output": "{text}"}}"#)));
    }
    let jsonpath = pass(r#""Parameters": {"v": ["{% $a %}"]}"#);
    rejects(&jsonpath, "ASL0809", "the state's language is JSONPath", "\"{% $a %}\"");
}

#[test]
fn express_machines_refuse_in_jsonata_what_they_refuse_in_jsonpath() {
    let sync = task(r#""Comment": "x""#).replace("arn:r", "arn:aws:states:::x:y.sync");
    rejects(&sync, "ASL0401", "'.sync'", "\"arn:aws:states:::x:y.sync\"");
}

#[test]
fn an_expression_that_cannot_be_read_is_shown_at_its_token() {
    let definition = "{\"StartAt\": \"E\", \"QueryLanguage\": \"JSONata\", \"States\": {\"E\": \
                      {\"Type\": \"Pass\",\n  \"Output\": {\"v\": \"{% \\\"é\\\" & phone[1,2) \
                      %}\"}, \"End\": true}}}";
    assert_eq!(
        aws(definition),
        ["INVALID_JSONATA_EXPRESSION: Expected \"]\", got \",\" at /States/E/Output/v"]
    );
    let found: Vec<Diagnostic> = diagnostics(definition);
    assert_eq!(
        render(&found[0], Source { file: "m.asl.json", text: definition }),
        "error[ASL0208]: Expected \"]\", got \",\"\n --> m.asl.json:2:38\n  |\n2 |   \"Output\": {\"v\": \
         \"{% \\\"é\\\" & phone[1,2) %}\"}, \"End\": true}}}\n  |                                      ^ \
         S0202\n  = at: /States/E/Output/v\n"
    );
    for (expression, message) in [
        ("1 +", "Unexpected end of expression"),
        ("", "Unexpected end of expression"),
        ("$x :=", "Unexpected end of expression"),
        ("\"open", "String literal must be terminated by a matching quote"),
        ("{\"a\":}", "The symbol \"}\" cannot be used as a unary operator"),
        ("$match(\"a\", /abc", "No terminating / in regular expression"),
    ] {
        let expected = format!("INVALID_JSONATA_EXPRESSION: {message} at /States/A/Output/v");
        assert_eq!(aws(&output(expression)), [expected], "{expression}");
    }
}

#[test]
fn a_regular_expression_that_only_we_refuse_is_no_fault_in_the_eyes_of_aws() {
    let refused = Diagnostic::new(Code::UnsupportedRegex, "/States/A", Span::default(), "(?=a)");
    assert!(refused.is_error() && refused.code.is_unsupported());
    assert!(aws_diagnostics(&[refused]).is_empty());
}
