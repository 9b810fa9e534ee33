//! Parallel, Map, Retry and Catch: nested graphs, their places, and what stays outside of them.

use super::{accepts, diagnostics, one, rejects, rejects_also, several, task};
use crate::asl::model::{Amount, Jitter, PathField, StateKind};
use crate::asl::{MachineType, Rules, check, parse, parse_as};

/// A machine of one state `A` that ends; what is inside of it may have states `B`, `C` …
fn machine(state: &str) -> String {
    format!(r#"{{"StartAt": "A", "States": {{"A": {state}}}}}"#)
}

/// A Parallel state with one branch.
fn parallel(branch: &str) -> String {
    machine(&format!(r#"{{"Type": "Parallel", "Branches": [{branch}], "End": true}}"#))
}

const PROCESSOR: &str = r#""StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}"#;

/// A Map state with more fields.
fn map(fields: &str) -> String {
    machine(&format!(
        r#"{{"Type": "Map", "ItemProcessor": {{{PROCESSOR}}}, {fields} "End": true}}"#
    ))
}

/// A distributed Map with more fields.
fn distributed(fields: &str) -> String {
    let config = r#""ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}"#;
    machine(&format!(
        r#"{{"Type": "Map", "ItemProcessor": {{{config}, {PROCESSOR}}}, {fields} "End": true}}"#
    ))
}

/// What a Standard machine is told, as `code at "text": message`.
fn standard(definition: &str) -> Vec<String> {
    let parsed = parse_as(definition, "m", MachineType::Standard);
    let line = |d: &crate::asl::Diagnostic| {
        let text = &definition[d.span.start as usize..d.span.end as usize];
        format!("{} at {text}: {}", d.code.as_str(), d.message)
    };
    parsed.diagnostics.iter().map(line).collect()
}

fn paths(definition: &str) -> Vec<String> {
    diagnostics(definition).into_iter().map(|found| found.path).collect()
}

fn state_a(definition: &str) -> StateKind {
    let found = parse_as(definition, "m", MachineType::Standard);
    let machine = found.machine.unwrap_or_else(|| panic!("{:#?}", found.diagnostics));
    machine.graph.state("A").expect("A").kind.clone()
}

#[test]
fn branches_are_graphs_of_their_own() {
    let branch = r#"{"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "C"},
        "C": {"Type": "Succeed"}}, "Comment": "c"}"#;
    accepts(&parallel(branch));
    let StateKind::Parallel(found) = state_a(&parallel(branch)) else { panic!("no Parallel") };
    assert_eq!(found.branches[0].start_at.index, 0);
    assert_eq!(found.branches[0].states.len(), 2);

    rejects(&parallel(""), "ASL0104", "Value cannot be empty", "[]");
    assert_eq!(paths(&parallel("")), ["/States/A/Branches"]);
    let none = machine(r#"{"Type": "Parallel", "End": true}"#);
    rejects(&none, "ASL0101", "The field 'Branches' is required", "\"A\"");
    let object = machine(r#"{"Type": "Parallel", "Branches": {}, "End": true}"#);
    rejects(&object, "ASL0102", "Expected value of type Array", "{}");
    rejects(&parallel("7"), "ASL0102", "Expected value of type Object", "7");
    rejects(&parallel("{}"), "ASL0101", "These fields are required: [States, StartAt]", "{");
    assert_eq!(paths(&parallel("{}")), ["/States/A/Branches[0]"]);

    let language = r#"{"StartAt": "B", "QueryLanguage": "JSONPath",
        "States": {"B": {"Type": "Succeed"}}}"#;
    let message = "Field 'QueryLanguage' is not supported";
    rejects(&parallel(language), "ASL0103", message, "\"QueryLanguage\"");
    let timeout = r#"{"StartAt": "B", "TimeoutSeconds": 1, "States": {"B": {"Type": "Succeed"}}}"#;
    rejects(&parallel(timeout), "ASL0103", "'TimeoutSeconds' is not", "\"TimeoutSeconds\"");
}

#[test]
fn faults_inside_have_the_whole_path() {
    let inner = r#"{"StartAt": "C", "States": {"C": {"Type": "Pass", "InputPath": "x", "Next": "Q"},
        "D": {"Type": "Wait", "End": true}}}"#;
    let processor = format!(
        r#"{{"StartAt": "B", "States": {{"B": {{"Type": "Parallel", "Branches":
            [{{{PROCESSOR2}}}, {inner}], "End": true}}}}}}"#
    );
    let definition =
        machine(&format!(r#"{{"Type": "Map", "ItemProcessor": {processor}, "End": true}}"#));
    let inside = "/States/A/ItemProcessor/States/B/Branches[1]/States";
    assert_eq!(
        paths(&definition),
        [
            format!("{inside}/C/InputPath"),
            format!("{inside}/C/Next"),
            format!("{inside}/D"),
            format!("{inside}/D"),
        ]
    );
    let iterator = definition.replace("ItemProcessor", "Iterator");
    assert!(paths(&iterator)[0].starts_with("/States/A/Iterator/States/B/"));
}

const PROCESSOR2: &str = r#""StartAt": "E", "States": {"E": {"Type": "Succeed"}}"#;

#[test]
fn transitions_stay_in_their_graph() {
    let outward = r#"{"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "A"}}}"#;
    rejects_also(&parallel(outward), "ASL0107", "Missing 'Next' target: A", "\"A\"");
    rejects_also(&parallel(outward), "ASL0109", "no terminal state", "\"States\"");
    let help = diagnostics(&parallel(outward))[1].help.clone().expect("help");
    assert!(help.contains("in another \"States\" object"), "{help}");
    let inward = map("").replacen(r#""StartAt": "A""#, r#""StartAt": "B""#, 1);
    rejects_also(&inward, "ASL0107", "Missing 'Next' target: B", "\"B\"");
    rejects_also(&inward, "ASL0108", "State \"A\" is not reachable.", "\"A\"");
    let unreachable = r#"{"StartAt": "B", "States": {"B": {"Type": "Succeed"},
        "C": {"Type": "Succeed"}}}"#;
    rejects(&parallel(unreachable), "ASL0108", "State \"C\" is not reachable.", "\"C\"");
    let caught = one(r#"{"Type": "Task", "Resource": "arn:r", "End": true,
            "Catch": [{"ErrorEquals": ["E"], "Next": "B"}]}"#);
    accepts(&caught);
    let lost = caught.replace("\"Next\": \"B\"", "\"Next\": \"C\"");
    rejects_also(&lost, "ASL0107", "Missing 'Next' target: C", "\"C\"");
    assert_eq!(paths(&lost)[0], "/States/A/Catch[0]/Next");
}

#[test]
fn names_are_unique_across_the_machine() {
    let branch = |name: &str| {
        format!(r#"{{"StartAt": "{name}", "States": {{"{name}": {{"Type": "Succeed"}}}}}}"#)
    };
    accepts(&parallel(&[branch("B"), branch("C")].join(",")));
    let twice = parallel(&[branch("B"), branch("B")].join(","));
    rejects(&twice, "ASL0114", "Duplicate State name: B", "\"B\"");
    assert_eq!(paths(&twice), ["/States/A/Branches[1]/States/B"]);
    rejects(&parallel(&branch("A")), "ASL0114", "Duplicate State name: A", "\"A\"");
    let found = check::aws_diagnostics(&diagnostics(&twice));
    assert_eq!(found[0].code, "DUPLICATE_STATE_NAME");
}

#[test]
fn a_map_has_one_processor_and_one_selector() {
    accepts(&map(
        r#""ItemsPath": "$.items", "MaxConcurrency": 0, "ItemSelector": {"a.$": "$.b"},"#,
    ));
    accepts(&map(r#""ItemsPath": "$$.Execution.Input", "MaxConcurrencyPath": "$max","#));
    accepts(&map(r#""ItemsPath": "$items", "Parameters": {"a.$": "$$.Map.Item.Value"},"#));
    accepts(&map("").replace("ItemProcessor", "Iterator"));
    let fields = "of the following fields: [ItemProcessor, Iterator]";
    let none = machine(r#"{"Type": "Map", "End": true}"#);
    rejects(&none, "ASL0306", &format!("have only one {fields}"), "\"A\"");
    let both = map(&format!(r#""Iterator": {{{PROCESSOR}}},"#));
    rejects(&both, "ASL0306", &format!("should only be one {fields}"), "\"Iterator\"");
    let both = map(r#""ItemSelector": {}, "Parameters": {},"#);
    rejects(&both, "ASL0112", "[Parameters, ItemSelector]", "\"Parameters\"");
    let both = map(r#""MaxConcurrency": 1, "MaxConcurrencyPath": "$.n","#);
    rejects(&both, "ASL0112", "[MaxConcurrency, MaxConcurrencyPath]", "\"MaxConcurrencyPath\"");
    rejects(&map(r#""MaxConcurrency": -1,"#), "ASL0111", "Minimum value is 0", "-1");
    let context = map(r#""MaxConcurrencyPath": "$$.Execution.Input.n","#);
    rejects(&context, "ASL0203", "Value is not a Reference Path", "$");
    several(&map(r#""ItemsPath": "$.a[*]","#));
    several(&map(r#""MaxConcurrencyPath": "$..n","#));
    rejects(&map(r#""ItemsPath": "a","#), "ASL0202", "must be a valid JSONPath", "a");
    rejects(&map(r#""Items": [1],"#), "ASL0113", "but field 'Items' is only", "\"Items\"");
    rejects(&map(r#""TimeoutSeconds": 1,"#), "ASL0103", "'TimeoutSeconds'", "\"TimeoutSeconds\"");
    rejects(&map(r#""ItemSelecter": {},"#), "ASL0103", "'ItemSelecter'", "\"ItemSelecter\"");
}

#[test]
fn the_mode_of_a_processor_is_checked() {
    let config = |config: &str| {
        machine(&format!(
            r#"{{"Type": "Map", "End": true, "ItemProcessor":
                {{"ProcessorConfig": {config}, {PROCESSOR}}}}}"#
        ))
    };
    accepts(&config(r#"{"Mode": "INLINE"}"#));
    accepts(&config("{}"));
    rejects(&config("1"), "ASL0102", "Expected value of type Object", "1");
    rejects(&config(r#"{"Mode": "X"}"#), "ASL0105", "[INLINE, DISTRIBUTED]", "\"X\"");
    let inline = config(r#"{"Mode": "INLINE", "ExecutionType": "EXPRESS"}"#);
    rejects(&inline, "ASL0103", "Field 'ExecutionType' is not supported", "\"ExecutionType\"");
    assert_eq!(paths(&inline), ["/States/A/ItemProcessor/ProcessorConfig"]);

    let express = "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' \
                   state machines";
    rejects(&distributed(""), "ASL0404", express, "\"DISTRIBUTED\"");
    assert_eq!(paths(&distributed("")), ["/States/A/ItemProcessor/ProcessorConfig/Mode"]);
    assert_eq!(standard(&distributed("")), Vec::<String>::new());
    let rules = Rules { distributed: true, ..Rules::default() };
    assert!(parse_as(&distributed(""), "m", rules).machine.is_some());
    let untyped = config(r#"{"Mode": "DISTRIBUTED"}"#);
    assert_eq!(
        standard(&untyped),
        ["ASL0101 at \"ProcessorConfig\": These fields are required: [ExecutionType]"]
    );
    let wrong = config(r#"{"Mode": "DISTRIBUTED", "ExecutionType": "X"}"#);
    assert!(standard(&wrong)[0].contains("following: [STANDARD, EXPRESS]"));
}

#[test]
fn a_distributed_map_has_fields_of_its_own() {
    let all = r#""ToleratedFailureCount": 1, "ToleratedFailurePercentagePath": "$.p", "Label": "L-1",
        "ItemBatcher": {"MaxItemsPerBatch": 5, "MaxInputBytesPerBatchPath": "$n",
        "BatchInput": {"a.$": "$.b"}},"#;
    let StateKind::Map(found) = state_a(&distributed(all)) else { panic!("no Map") };
    let found = found.distributed.expect("distributed");
    assert!(matches!(found.tolerated_count, Some(Amount::Literal(count)) if count.value == 1));
    assert!(matches!(found.tolerated_percentage, Some(Amount::Path(path)) if path.value == "$.p"));
    assert_eq!(found.label.map(|label| label.value).as_deref(), Some("L-1"));
    let batcher = found.batcher.expect("a batcher");
    assert!(batcher.input.is_some() && batcher.items_max.is_some() && batcher.bytes_max.is_some());

    for (fields, expected) in [
        (r#""ToleratedFailurePercentage": 100.5,"#, "ASL0111 at 100.5: Maximum value is 100.0"),
        (r#""ToleratedFailurePercentage": -1,"#, "ASL0111 at -1: Minimum value is 0.0"),
        (
            r#""ToleratedFailurePercentage": "1","#,
            "ASL0102 at \"1\": Expected value of type Number",
        ),
        (r#""ToleratedFailureCount": -1,"#, "ASL0111 at -1: Minimum value is 0"),
        (r#""ToleratedFailureCount": 1.5,"#, "ASL0102 at 1.5: Expected value of type Integer"),
        (
            r#""ToleratedFailureCount": 1, "ToleratedFailureCountPath": "$.n","#,
            "ASL0112 at \"ToleratedFailureCountPath\": There should only be one",
        ),
        (
            r#""ItemBatcher": {"BatchInput": {}},"#,
            "ASL0310 at \"ItemBatcher\": an ItemBatcher needs",
        ),
        (r#""ItemBatcher": {"MaxItemsPerBatch": 1, "x": 1},"#, "ASL0103 at \"x\": Field 'x'"),
        (
            r#""ItemBatcher": {"MaxInputBytesPerBatch": 262145},"#,
            "ASL0111 at 262145: Maximum value is 262144",
        ),
        (r#""Label": "","#, "ASL0311 at \"\": a label is not empty"),
        (r#""Label": "a b","#, "ASL0311 at \"a b\": a label cannot have ' '"),
        (
            r#""Label": "12345678901234567890123456789012345678901","#,
            "ASL0311 at \"12345678901234567890123456789012345678901\": The label has 41 characters",
        ),
        (r#""ItemReader": {},"#, "ASL0902 at \"ItemReader\": ItemReader is not supported yet"),
        (r#""ResultWriter": {},"#, "ASL0902 at \"ResultWriter\": ResultWriter is not supported"),
    ] {
        let found = standard(&distributed(fields));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{fields}: {found:#?}");
    }
}

#[test]
fn labels_are_unique() {
    let map = |inner: &str, after: &str| {
        let config = r#""ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}"#;
        let states = format!(r#""States": {{"{inner}": {{"Type": "Succeed"}}}}"#);
        let processor = format!(r#"{{{config}, "StartAt": "{inner}", {states}}}"#);
        format!(r#"{{"Type": "Map", "ItemProcessor": {processor}, "Label": "L", {after}}}"#)
    };
    let definition = format!(
        r#"{{"StartAt": "A", "States": {{"A": {}, "C": {}}}}}"#,
        map("B", r#""Next": "C""#),
        map("D", r#""End": true"#)
    );
    assert_eq!(standard(&definition), ["ASL0312 at \"L\": Duplicate Label name: L"]);
}

#[test]
fn an_inline_map_is_warned_of_what_it_ignores() {
    let label = map(r#""Label": "L","#);
    rejects(&label, "ASL0805", "Label has no effect on an inline Map", "\"Label\"");
    assert!(parse(&label, "m").is_ok());
    let tolerated = map(r#""ToleratedFailureCount": 5,"#);
    rejects(&tolerated, "ASL0805", "has no effect", "\"ToleratedFailureCount\"");
    let batcher = map(r#""ItemBatcher": {"MaxItemsPerBatch": 5},"#);
    rejects(&batcher, "ASL0103", "Field 'ItemBatcher' is not", "\"ItemBatcher\"");
}

#[test]
fn retriers_have_bounds_and_defaults() {
    let retry = |retrier: &str| task(&format!(r#""Retry": [{retrier}]"#));
    let StateKind::Task(found) = state_a(&retry(r#"{"ErrorEquals": ["E", "F"]}"#)) else {
        panic!("no Task")
    };
    let default = &found.retry[0];
    assert_eq!((default.interval_seconds, default.attempts_max), (1, 3));
    assert_eq!((default.backoff_rate, default.delay_seconds_max), (2.0, None));
    assert_eq!(
        (default.jitter, &default.errors[..]),
        (Jitter::None, &["E".into(), "F".into()][..])
    );
    let full = r#"{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 0, "Comment": "c",
        "BackoffRate": 1, "MaxDelaySeconds": 31622400, "JitterStrategy": "FULL"}"#;
    let StateKind::Task(found) = state_a(&retry(full)) else { panic!("no Task") };
    let full = &found.retry[0];
    assert_eq!((full.interval_seconds, full.attempts_max, full.jitter), (2, 0, Jitter::Full));
    assert_eq!((full.backoff_rate, full.delay_seconds_max), (1.0, Some(31_622_400)));

    accepts(&task(r#""Retry": [], "Catch": []"#));
    rejects(&task(r#""Retry": {}"#), "ASL0102", "Expected value of type Array", "{}");
    rejects(&retry("1"), "ASL0102", "Expected value of type Object", "1");
    rejects(&retry("{}"), "ASL0101", "These fields are required: [ErrorEquals]", "{");
    assert_eq!(paths(&retry("{}")), ["/States/A/Retry[0]"]);
    let with = |field: &str| retry(&format!(r#"{{"ErrorEquals": ["E"], {field}}}"#));
    rejects(&with(r#""IntervalSeconds": 0"#), "ASL0111", "Minimum value is 1", "0");
    rejects(&with(r#""MaxAttempts": -1"#), "ASL0111", "Minimum value is 0", "-1");
    rejects(&with(r#""MaxAttempts": 1.0"#), "ASL0102", "type Integer", "1.0");
    rejects(&with(r#""BackoffRate": 0.9"#), "ASL0111", "Minimum value is 1.0", "0.9");
    rejects(&with(r#""MaxDelaySeconds": 0"#), "ASL0111", "Minimum value is 1", "0");
    rejects(&with(r#""MaxDelaySeconds": 31622401"#), "ASL0111", "Maximum", "31622401");
    rejects(&with(r#""JitterStrategy": "SOME""#), "ASL0105", "[NONE, FULL]", "\"SOME\"");
    rejects(&with(r#""Next": "A""#), "ASL0103", "Field 'Next' is not", "\"Next\"");
    let typo = with(r#""MaxAttempt": 1"#);
    rejects(&typo, "ASL0103", "'MaxAttempt'", "\"MaxAttempt\"");
    assert_eq!(diagnostics(&typo)[0].help.as_deref(), Some("did you mean \"MaxAttempts\"?"));
}

#[test]
fn catchers_lead_somewhere() {
    let catch = |catcher: &str| {
        one(&format!(
            r#"{{"Type": "Task", "Resource": "arn:r", "Next": "B", "Catch": [{catcher}]}}"#
        ))
    };
    let all = r#"{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Comment": "c",
        "Assign": {"error.$": "$.Error"}, "Next": "B"}"#;
    let StateKind::Task(found) = state_a(&catch(all)) else { panic!("no Task") };
    let found = &found.catch[0];
    assert!(found.assign.is_some() && matches!(found.result_path, PathField::Null(_)));
    assert_eq!(found.next.index, 1);
    rejects(&catch("{}"), "ASL0101", "These fields are required: [Next, ErrorEquals]", "{");
    let with = |field: &str| catch(&format!(r#"{{"ErrorEquals": ["E"], "Next": "B", {field}}}"#));
    rejects(&with(r#""ResultPath": "$$.x""#), "ASL0203", "not a Reference Path", "$");
    rejects(&with(r#""Output": {}"#), "ASL0113", "field 'Output' is only", "\"Output\"");
    rejects(&with(r#""MaxAttempts": 1"#), "ASL0103", "'MaxAttempts'", "\"MaxAttempts\"");
}

#[test]
fn error_names_are_checked() {
    let retry = |errors: &str| task(&format!(r#""Retry": [{{"ErrorEquals": {errors}}}]"#));
    rejects(&retry("[]"), "ASL0104", "Value cannot be empty", "[]");
    assert_eq!(paths(&retry("[]")), ["/States/A/Retry[0]/ErrorEquals"]);
    rejects(&retry("\"E\""), "ASL0102", "Expected value of type Array", "\"E\"");
    rejects(&retry("[1]"), "ASL0102", "Expected value of type String", "1");
    assert_eq!(paths(&retry("[1]")), ["/States/A/Retry[0]/ErrorEquals[0]"]);
    let all = "States.ALL must appear alone and at end of list";
    rejects(&retry(r#"["States.ALL", "E"]"#), "ASL0307", all, "\"States.ALL\"");
    let first = task(r#""Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["E"]}]"#);
    rejects(&first, "ASL0307", all, "\"States.ALL\"");
    let catch = r#"{"Type": "Pass", "End": true}"#;
    rejects(
        &one(catch).replace("\"End\"", "\"Catch\": [], \"End\""),
        "ASL0103",
        "'Catch'",
        "\"Catch\"",
    );

    let unknown = retry(r#"["States.Timeouts"]"#);
    rejects(&unknown, "ASL0803", "no error is called", "\"States.Timeouts\"");
    let help = diagnostics(&unknown)[0].help.clone();
    assert_eq!(help.as_deref(), Some("did you mean \"States.Timeout\"?"));
    rejects(&retry(r#"["States.Runtime"]"#), "ASL0804", "is never caught", "\"States.Runtime\"");
    accepts(&retry(r#"["States.Http.StatusCode.429", "Lambda.Unknown", "State.ALL"]"#));
}
