//! Definitions that cannot run, through the real binary: what it says, where it says it, and the
//! exit code a script sees. `validate` finds problems (exit 1); `bench` and `exec` refuse to run (exit 3).

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A command that has ended.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// A folder with a definition `m.json` and an input `in.json`.
fn folder(definition: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("m.json"), definition).expect("written");
    fs::write(folder.path().join("in.json"), "{}").expect("written");
    folder
}

fn expressway(folder: &Path, arguments: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_expressway"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Definitions with one fault each, the one line that `validate --format short` prints, and what
/// `explain` is asked for.
const FAULTS: [(&str, &str); 13] = [
    ("{\"StartAt\": ", "m.json:1:13: ASL0001: "),
    ("", "m.json:1:1: ASL0002: Definition must be a valid JSON object"),
    ("[]", "m.json:1:1: ASL0002: Definition must be a valid JSON object"),
    (
        "{\"States\": {\n  \"A\": {\"Type\": \"Succeed\"}}}",
        "m.json:1:1: ASL0101: These fields are required: [StartAt]",
    ),
    (
        "{\"StartAt\": \"A\", \"States\": {\n  \"A\": {\"Type\": \"Pas\", \"End\": true}}}",
        "m.json:2:17: ASL0105: The field 'Type' should have one of these values: [",
    ),
    (
        "{\"StartAt\": \"A\", \"States\": {\n  \"A\": {\"Type\": \"Choice\", \"Default\": \"C\",\n    \"Choices\": [{\"Variable\": \"$\", \"IsNull\": true, \"Next\": \"B\"}]},\n  \"C\": {\"Type\": \"Fail\"}}}",
        "m.json:3:59: ASL0107: Missing 'Next' target: B",
    ),
    (
        "{\"StartAt\": \"A\", \"States\": {\n  \"A\": {\"Type\": \"Fail\"},\n  \"B\": {\"Type\": \"Fail\"}}}",
        "m.json:3:3: ASL0108: State \"B\" is not reachable.",
    ),
    (
        "{\"StartAt\": \"A\", \"States\": {\n  \"A\": {\"Type\": \"Map\", \"End\": true, \"ItemProcessor\": {\n    \"ProcessorConfig\": {\"Mode\": \"DISTRIBUTED\", \"ExecutionType\": \"EXPRESS\"},\n    \"StartAt\": \"B\", \"States\": {\"B\": {\"Type\": \"Pass\", \"End\": true}}}}}}",
        "m.json:3:33: ASL0404: The field 'Mode' with value 'DISTRIBUTED' is not supported inside",
    ),
    (
        "{\"StartAt\": \"A\", \"States\": {\n  \"A\": {\"Type\": \"Parallel\", \"End\": true, \"Branches\": [\n    {\"StartAt\": \"B\", \"States\": {\"B\": {\"Type\": \"Wait\", \"Seconds\": 1, \"End\": true}}},\n    {\"StartAt\": \"C\", \"States\": {\"C\": {\"Type\": \"Wait\", \"Seconds\": -1, \"End\": true}}}]}}}",
        "m.json:4:66: ASL0111: Minimum value is 0",
    ),
    (
        "{\"StartAt\": \"A\", \"States\": {\n  \"A\": {\"Type\": \"Task\", \"Resource\": \"arn:aws:states:::http:invoke\", \"End\": true,\n    \"Retry\": [{\"ErrorEquals\": [\"States.ALL\", \"Busy\"]}]}}}",
        "m.json:3:32: ASL0307: States.ALL must appear alone and at end of list",
    ),
    (
        "{\"StartAt\": \"A\", \"States\": {\n  \"A\": {\"Type\": \"Pass\", \"Assign\": {\"a.b\": 1}, \"End\": true}}}",
        "m.json:2:36: ASL0205: Invalid variable name 'a.b': the variable name contains invalid",
    ),
    (
        "{\"StartAt\": \"A\", \"QueryLanguage\": \"JSONata\", \"States\": {\n  \"A\": {\"Type\": \"Pass\", \"Output\": \"{% 1 + (2] %}\", \"End\": true}}}",
        "m.json:2:45: ASL0208: Expected \")\", got \"]\" (S0202)",
    ),
    (
        "{\"StartAt\": \"A\", \"States\": {\n  \"A\": {\"Type\": \"Task\", \"Resource\": \"arn:aws:states:::sqs:sendMessage\", \"End\": true}}}",
        "m.json:2:37: ASL0906: arn:aws:states:::sqs:sendMessage is not supported yet",
    ),
];

#[test]
fn validate_says_each_fault_once_with_its_place() {
    for (definition, expected) in FAULTS {
        let folder = folder(definition.as_bytes());
        let said = expressway(folder.path(), &["validate", "m.json", "--format", "short"]);
        assert_eq!((said.code, said.err.as_str()), (Some(1), ""), "{definition}");
        assert!(said.out.starts_with(expected), "{definition}: {}", said.out);
        assert_eq!(said.out.lines().count(), 1, "{definition}: {}", said.out);
    }
}

#[test]
fn validate_takes_json_as_the_other_commands_do() {
    let folder = folder(FAULTS[0].0.as_bytes());
    let said = expressway(folder.path(), &["validate", "m.json", "--json"]);
    let in_full = expressway(folder.path(), &["validate", "m.json", "--format", "json"]);
    assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
    assert_eq!(said.out, in_full.out);
    let document: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(document["valid"], false);
    let both = ["validate", "m.json", "--json", "--format", "short"];
    let said = expressway(folder.path(), &both);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(said.err.contains("--json") && said.err.contains("cannot be used"), "{}", said.err);
}

#[test]
fn exec_refuses_each_with_the_same_place_and_runs_nothing() {
    for (definition, expected) in FAULTS {
        let folder = folder(definition.as_bytes());
        let said = expressway(folder.path(), &["exec", "m.json", "--input", "in.json"]);
        assert_eq!((said.code, said.out.as_str()), (Some(3), ""), "{definition}");
        let place = expected.split(": ").next().expect("a place");
        assert!(said.err.contains(&format!("--> {place}")), "{definition}: {}", said.err);
        assert_eq!(said.err.matches("error[").count(), 1, "{definition}: {}", said.err);
    }
}

#[test]
fn bench_refuses_an_expression_that_cannot_be_read() {
    let jsonata = FAULTS.iter().find(|(_, said)| said.contains("ASL0208")).expect("there is one").0;
    let folder = folder(jsonata.as_bytes());
    let said = expressway(folder.path(), &["bench", "m.json", "--input", "in.json"]);
    assert_eq!((said.code, said.out.as_str()), (Some(3), ""));
    assert!(said.err.starts_with("error[ASL0208]: Expected \")\", got \"]\"\n"), "{}", said.err);
    assert!(said.err.contains(" --> m.json:2:45\n"), "{}", said.err);
}

#[test]
fn what_cannot_be_read_is_one_line_with_the_system_s_reason() {
    let folder = folder(b"{}");
    for (file, reason) in [("absent.json", "No such file"), (".", "Is a directory")] {
        for arguments in [
            &["validate", file][..],
            &["exec", file, "--input", "in.json"],
            &["bench", file, "--input", "in.json"],
            &["disasm", file],
        ] {
            let said = expressway(folder.path(), arguments);
            assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{arguments:?}");
            assert!(said.err.starts_with("error: cannot read "), "{arguments:?}: {}", said.err);
            assert!(said.err.contains(reason), "{arguments:?}: {}", said.err);
            assert_eq!(said.err.lines().count(), 1, "{arguments:?}: {}", said.err);
        }
    }
}

#[test]
fn bytes_that_are_no_text_have_a_place() {
    let folder = folder(b"{\n \"StartAt\": \"\xff\"}");
    let said = expressway(folder.path(), &["validate", "m.json", "--format", "short"]);
    assert_eq!(said.code, Some(1));
    assert!(said.out.starts_with("m.json:2:14: ASL0006: "), "{}", said.out);
    let said = expressway(folder.path(), &["exec", "m.json", "--input", "in.json"]);
    assert_eq!(said.code, Some(3));
    assert!(said.err.contains(" --> m.json:2:14\n"), "{}", said.err);
}

#[test]
fn a_definition_that_is_nested_too_deep_or_too_long_ends_with_a_message() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("{{\"Comment\": \"{}\"}}", "x".repeat(1_100_000));
    for definition in [deep, long] {
        let folder = folder(definition.as_bytes());
        let said = expressway(folder.path(), &["validate", "m.json", "--format", "short"]);
        assert_eq!((said.code, said.out.lines().count()), (Some(1), 1), "{}", said.out.len());
        assert!(said.out.starts_with("m.json:1:"), "{:.200}", said.out);
    }
}

#[test]
fn every_code_that_is_printed_can_be_explained() {
    for (definition, _) in FAULTS {
        let folder = folder(definition.as_bytes());
        let said = expressway(folder.path(), &["validate", "m.json", "--format", "short"]);
        let code = said.out.split(": ").nth(1).expect("a code").to_owned();
        let said = expressway(folder.path(), &["explain", &code]);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{code}");
        assert!(said.out.starts_with(&format!("error[{code}]: ")), "{}", said.out);
    }
}

#[test]
fn a_good_definition_is_told_from_a_bad_one() {
    let folder = folder(br#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#);
    let said = expressway(folder.path(), &["validate", "m.json"]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""));
    assert_eq!(said.err, "m.json: valid\n");
    let said = expressway(folder.path(), &["exec", "m.json", "--input", "in.json", "--json"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let document: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(
        (&document["status"], &document["output"]),
        (&"SUCCEEDED".into(), &serde_json::json!({}))
    );
}
