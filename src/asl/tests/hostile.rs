//! Definitions cut off, mutated and filled with anything: refused with a place, never a panic.

use proptest::prelude::*;

use super::{accepts, diagnostics, one, pass, rule};
use crate::asl::diagnostic::{github, json, render, short};
use crate::asl::source::Source;
use crate::asl::{Diagnostic, MachineType, decode, parse, parse_as};

/// Parses whatever it is given and renders all that is wrong with it.
fn survives(text: &str) {
    let parsed = parse_as(text, "m.json", MachineType::Express);
    let source = Source { file: "m.json", text };
    for diagnostic in &parsed.diagnostics {
        let (start, end) = (diagnostic.span.start as usize, diagnostic.span.end as usize);
        assert!(start <= end && end <= text.len(), "{diagnostic:?}");
        assert!(text.is_char_boundary(start), "{diagnostic:?} in {text}");
        assert!(render(diagnostic, source).contains(diagnostic.code.as_str()));
        assert!(!short(diagnostic, source).is_empty() && !github(diagnostic, source).is_empty());
        assert!(json(diagnostic, source).is_object());
    }
    let refused = parsed.diagnostics.iter().any(Diagnostic::is_error);
    assert_eq!(parsed.machine.is_none(), refused, "a machine, or an error that says why not");
}

const EVERYTHING: &str = r#"{
  "Comment": "ünïcode \u00e9\ud83d\ude00\n",
  "StartAt": "Pass", "Version": "1.0", "TimeoutSeconds": 60,
  "States": {
    "Pass": {"Type": "Pass", "InputPath": "$.a['b c'][0]", "Parameters": {"x.$": "$.y",
      "z.$": "States.Format('{} \\'{}\\'', $.a, States.MathAdd(-1.5, 2))", "l": [{"m.$": "$$"}]},
      "ResultPath": "$.r", "OutputPath": null, "Next": "Choice"},
    "Choice": {"Type": "Choice", "Choices": [
      {"And": [{"Variable": "$.a", "StringMatches": "a*\\\\*"},
               {"Not": {"Variable": "$.b", "TimestampLessThan": "2026-01-01T00:00:00Z"}}], "Next": "Wait"},
      {"Variable": "$.c", "NumericEqualsPath": "$.d", "Next": "Task"}], "Default": "Fail"},
    "Wait": {"Type": "Wait", "Timestamp": "2026-01-01T00:00:00Z", "Next": "Task"},
    "Task": {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "TimeoutSeconds": 5,
      "Parameters": {"Method": "GET"}, "ResultSelector": {"b.$": "$.ResponseBody"},
      "HeartbeatSecondsPath": "$h", "Credentials": {"RoleArn.$": "$.role"}, "Next": "Fork",
      "Retry": [{"ErrorEquals": ["States.Timeout", "E"], "IntervalSeconds": 2, "MaxAttempts": 0,
        "BackoffRate": 1.5, "MaxDelaySeconds": 9, "JitterStrategy": "FULL"}],
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "Fail"}]},
    "Fork": {"Type": "Parallel", "Branches": [
      {"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemsPath": "$$.Execution.Input",
        "MaxConcurrencyPath": "$n", "ItemSelector": {"v.$": "$$.Map.Item.Value"}, "End": true,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "One", "States":
          {"One": {"Type": "Pass", "Assign": {"größe.$": "$.v"}, "End": true}}}}}},
      {"StartAt": "Two", "States": {"Two": {"Type": "Succeed"}}}], "Assign": {"r.$": "$[0]"},
      "Next": "Done"},
    "Done": {"Type": "Succeed"},
    "Fail": {"Type": "Fail", "ErrorPath": "$.e", "CausePath": "States.Format('{}', $.c)"}
  }
}"#;

/// The same in JSONata.
const EVERY_EXPRESSION: &str = r#"{
  "StartAt": "Pass", "QueryLanguage": "JSONata",
  "States": {
    "Pass": {"Type": "Pass", "Output": {"x": "{% $states.input.a[b > 1].'é\u00e9' %}", "y": ["{% $v ?? \"ü\" %}"]},
      "Assign": {"größe": "{% $map([1..3], function($i) { $i * 2 }) %}"}, "Next": "Choice"},
    "Choice": {"Type": "Choice", "Choices": [{"Condition": "{% $größe[0] = 1 %}", "Output": "", "Next": "Wait"}],
      "Default": "Fail"},
    "Wait": {"Type": "Wait", "Timestamp": "{% $now() %}", "Next": "Task"},
    "Task": {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Arguments": {"Method": "GET"},
      "TimeoutSeconds": "{% 5 %}", "Credentials": {"RoleArn": "{% $role %}"}, "Next": "Map",
      "Output": "{% $states.result.ResponseBody ~> |$|{'a': 1}| %}",
      "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Fail"}]},
    "Map": {"Type": "Map", "Items": "{% $states.input.items %}", "MaxConcurrency": "{% 2 %}", "End": true,
      "ItemSelector": {"v": "{% $states.context.Map.Item.Value %}"},
      "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Succeed", "Output": "{% 1 %}"}}}},
    "Fail": {"Type": "Fail", "Error": "{% $match('a', /a/i).match %}", "Cause": "text"}
  }
}"#;

#[test]
fn every_truncation_is_refused_without_panic() {
    accepts(EVERYTHING);
    assert!(parse(EVERY_EXPRESSION, "m").is_ok(), "{:?}", diagnostics(EVERY_EXPRESSION));
    for text in [EVERYTHING, EVERY_EXPRESSION] {
        for (end, _) in text.char_indices() {
            survives(&text[..end]);
            assert!(parse(&text[..end], "m").is_err());
        }
    }
}

#[test]
fn a_megabyte_of_faults_gives_a_thousand_diagnostics_and_a_count() {
    let states = |state: fn(usize) -> String, count: usize| {
        let states: Vec<_> = (0..count).map(|n| format!("\"s{n}\":{}", state(n))).collect();
        format!(r#"{{"StartAt": "s0", "States": {{{}}}}}"#, states.join(","))
    };
    let keys = |count: usize| {
        let keys: Vec<_> = (0..count).map(|n| format!("\"k{n}\":1,")).collect();
        keys.concat()
    };
    for definition in [
        states(|n| format!(r#"{{"Type":"Pass","Next":"t{n}"}}"#), 20_000),
        states(|n| format!(r#"{{"Type":"Wait","Next":"s{}","x":1}}"#, n + 1), 15_000),
        states(|_| r#"{"x":1,"x":2}"#.to_owned(), 30_000),
        pass(&format!(r#""Parameters": {{{0}{0}"x":"$.y"}}"#, keys(40_000))),
        pass(&format!(r#"{0}"Result": 1"#, keys(80_000))),
    ] {
        let parsed = parse_as(&definition, "m.json", MachineType::Express);
        assert!(parsed.machine.is_none());
        assert_eq!(parsed.diagnostics.len(), 1_000);
        assert!(parsed.omitted_count > 9_000, "{}", parsed.omitted_count);
    }
    let warnings =
        format!(r#""Parameters": {{"a": [{}{{"b.$": 1}}]}}"#, "{\"a\":\"$.b\"},".repeat(2_000));
    let parsed = parse_as(&pass(&warnings), "m.json", MachineType::Express);
    assert!(parsed.diagnostics.iter().any(Diagnostic::is_error), "warnings leave room for errors");
    assert_eq!((parsed.diagnostics.len(), parsed.omitted_count), (501, 1_500));
}

/// States around a state, as deep as asked for.
fn nested(depth: usize, innermost: &str) -> String {
    let mut graph = innermost.to_owned();
    for level in 0..depth {
        let field = if level % 2 == 0 {
            format!(r#""Type":"Parallel","Branches":[{graph}]"#)
        } else {
            format!(r#""Type":"Map","Iterator":{graph}"#)
        };
        graph =
            format!(r#"{{"StartAt":"n{level}","States":{{"n{level}":{{{field},"End":true}}}}}}"#);
    }
    graph
}

#[test]
fn graphs_are_nested_as_deep_as_json_and_no_deeper() {
    let innermost = r#"{"StartAt":"x","States":{"x":{"Type":"Wait","Seconds":-1,"End":true}}}"#;
    // A branch takes four levels of JSON, a processor three.
    let deep = nested(70, innermost);
    let parsed = parse_as(&deep, "m", MachineType::Express);
    assert_eq!(parsed.diagnostics.len(), 1, "{:?}", parsed.diagnostics);
    assert!(parsed.diagnostics[0].path.ends_with("/States/x/Seconds"));
    assert!(parse(&nested(70, &innermost.replace("-1", "1")), "m").is_ok());
    let deeper = parse_as(&nested(5_000, innermost), "m", MachineType::Express);
    assert_eq!(deeper.diagnostics.len(), 1);
    assert_eq!(deeper.diagnostics[0].code.as_str(), "ASL0005");
}

#[test]
fn large_machines_are_read_in_one_pass() {
    let chain: Vec<_> = (0..10_000)
        .map(|n| format!(r#""s{n}":{{"Type":"Pass","Assign":{{"v":1}},"Next":"s{}"}}"#, n + 1))
        .collect();
    let chain = format!(
        r#"{{"StartAt":"s0","States":{{{},"s10000":{{"Type":"Succeed"}}}}}}"#,
        chain.join(",")
    );
    assert!(parse(&chain, "m").is_ok_and(|machine| machine.graph.states.len() == 10_001));
    // Each assignment is looked for in every scope around, each fault has a path of 60 states.
    let parsed = parse_as(&nested(60, &chain), "m", MachineType::Express);
    assert!(parsed.machine.is_some(), "{:?}", parsed.diagnostics.first());
    let faulty = nested(60, &chain.replace("\"v\"", "\"v.v\""));
    let parsed = parse_as(&faulty, "m", MachineType::Express);
    assert_eq!((parsed.diagnostics.len(), parsed.omitted_count), (1_000, 9_000));

    let rules = r#"{"Variable":"$.v","IsNull":true,"Next":"B"},"#.repeat(20_000);
    let choice = one(&format!(
        r#"{{"Type":"Choice","Choices":[{}],"Default":"B"}}"#,
        rules.trim_end_matches(',')
    ));
    assert!(parse(&choice, "m").is_ok());
    let branches: Vec<_> = (0..10_000)
        .map(|n| format!(r#"{{"StartAt":"b{n}","States":{{"b{n}":{{"Type":"Succeed"}}}}}}"#))
        .collect();
    let parallel =
        one(&format!(r#"{{"Type":"Parallel","Branches":[{}],"End":true}}"#, branches.join(",")));
    assert!(parse(&parallel, "m").is_ok());
    let same = r#"{"StartAt":"b","States":{"b":{"Type":"Succeed"}}},"#.repeat(15_000);
    let parallel =
        format!(r#"{{"Type":"Parallel","Branches":[{}],"End":true}}"#, same.trim_end_matches(','));
    let parsed = parse_as(&one(&parallel), "m", MachineType::Express);
    assert_eq!((parsed.diagnostics.len(), parsed.omitted_count), (1_000, 13_999));
}

#[test]
fn a_name_of_half_a_megabyte_is_not_repeated_in_every_place() {
    let name = "n".repeat(500_000);
    let faults = r#""x":1,"#.repeat(2_000).replace("\"x\"", "\"y\"");
    let inner =
        format!(r#"{{"StartAt":"x","States":{{"x":{{"Type":"Pass",{faults}"End":true}}}}}}"#);
    let definition = format!(
        r#"{{"StartAt":"{name}","States":{{"{name}":{{"Type":"Map","Iterator":{inner},"End":true}}}}}}"#
    );
    let parsed = parse_as(&definition, "m", MachineType::Express);
    let said: usize = parsed.diagnostics.iter().map(|found| found.path.len()).sum();
    assert!(said < 1_000_000, "{said}");
}

#[test]
fn an_expression_of_many_faults_has_few_of_them_reported() {
    let fields: Vec<_> = (0..40_000).map(|n| format!("$states.a{n} ?? 1")).collect();
    let output =
        format!(r#""QueryLanguage": "JSONata", "Output": "{{% [{}] %}}""#, fields.join(","));
    let found = diagnostics(&pass(&output)).len();
    assert!((1..30).contains(&found), "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn mutated_definitions_never_panic(
        edits in prop::collection::vec((any::<usize>(), any::<u8>(), 0..4_usize), 1..6),
        jsonata in any::<bool>(),
    ) {
        let text = if jsonata { EVERY_EXPRESSION } else { EVERYTHING };
        let mut bytes = text.as_bytes().to_vec();
        for (at, byte, kind) in edits {
            let at = at % bytes.len();
            // Half of the edits put a byte that JSON gives a meaning.
            let byte = if byte < 128 { b"{}[],:\"\\$.*'0-en \n%()"[byte as usize % 21] } else { byte };
            match kind {
                0 => { bytes.remove(at); }
                1 => bytes.insert(at, byte),
                2 => bytes[at] = byte,
                _ => bytes.rotate_left(at),
            }
        }
        match decode(&bytes) {
            Ok(text) => survives(text),
            Err(refused) => {
                let text = String::from_utf8_lossy(&bytes);
                let shown = render(&refused, Source { file: "m", text: &text });
                prop_assert!(shown.contains("ASL0006"));
            }
        }
    }

    #[test]
    fn any_strings_in_the_places_of_expressions_never_panic(text in "\\PC{0,12}", dollar in any::<bool>()) {
        let text = if dollar { format!("${text}") } else { text };
        let text = serde_json::to_string(&text).expect("a string");
        for definition in [
            pass(&format!(r#""InputPath": {text}, "ResultPath": {text}"#)),
            pass(&format!(r#""Parameters": {{"a.$": {text}, "b": {text}, {text}: {text}}}"#)),
            rule(&format!(r#"{{"Variable": {text}, "StringMatches": {text}, "Next": {text}}}"#)),
            one(&format!(r#"{{"Type": "Fail", "ErrorPath": {text}, {text}: 1}}"#)),
            one(&format!(r#"{{"Type": {text}, "Resource": {text}, "Timestamp": {text}, "End": true}}"#)),
            pass(&format!(r#""Assign": {{{text}: {text}, "a.$": {text}}}"#)),
            one(&format!(
                r#"{{"Type": "Map", "ItemsPath": {text}, "Label": {text}, "MaxConcurrencyPath": {text},
                    "Iterator": {{"ProcessorConfig": {{"Mode": {text}}}, "StartAt": {text}, "States": {{}}}},
                    "Retry": [{{"ErrorEquals": [{text}], "JitterStrategy": {text}}}], "Next": {text}}}"#
            )),
        ] {
            survives(&definition);
        }
    }

    #[test]
    fn any_expressions_never_panic(text in "[$a-c.{}\\[\\]()%'\"|~>?:=é 1,]{0,16}", open in any::<bool>()) {
        let text = if open { text } else { format!("{{% {text} %}}") };
        let text = serde_json::to_string(&text).expect("a string");
        for state in [
            format!(r#"{{"Type": "Pass", "Output": [{text}], "Assign": {{{text}: {text}}}, "End": true}}"#),
            format!(r#"{{"Type": "Choice", "Choices": [{{"Condition": {text}, {text}: 1, "Next": "A"}}]}}"#),
            format!(r#"{{"Type": "Wait", "Seconds": {text}, "End": true}}"#),
            format!(r#"{{"Type": "Fail", "Error": {text}, "Cause": {text}}}"#),
            format!(r#"{{"Type": "Map", "Items": {text}, "MaxConcurrency": {text}, "End": true}}"#),
        ] {
            survives(&one(&state).replacen('{', r#"{"QueryLanguage": "JSONata","#, 1));
        }
    }
}
