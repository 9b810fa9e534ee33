//! Definitions cut off, mutated and filled with anything: refused with a place, never a panic.

use proptest::prelude::*;

use super::{accepts, one, pass, rule};
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
      "Parameters": {"Method": "GET"}, "ResultSelector": {"b.$": "$.ResponseBody"}, "Next": "Done"},
    "Done": {"Type": "Succeed"},
    "Fail": {"Type": "Fail", "ErrorPath": "$.e", "CausePath": "States.Format('{}', $.c)"}
  }
}"#;

#[test]
fn every_truncation_is_refused_without_panic() {
    accepts(EVERYTHING);
    for (end, _) in EVERYTHING.char_indices() {
        survives(&EVERYTHING[..end]);
        assert!(parse(&EVERYTHING[..end], "m").is_err());
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn mutated_definitions_never_panic(
        edits in prop::collection::vec((0..EVERYTHING.len(), any::<u8>(), 0..4_usize), 1..6)
    ) {
        let mut bytes = EVERYTHING.as_bytes().to_vec();
        for (at, byte, kind) in edits {
            let at = at % bytes.len();
            // Half of the edits put a byte that JSON gives a meaning.
            let byte = if byte < 128 { b"{}[],:\"\\$.*'0-en \n"[byte as usize % 18] } else { byte };
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
        ] {
            survives(&definition);
        }
    }
}
