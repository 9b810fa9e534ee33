//! `expressway run --definition … --input …`: the README's shortest way to a result and a bill.

use std::process::Command;

#[test]
fn a_definition_and_a_file_are_enough() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/state-machines");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let events = folder.path().join("events.ndjson");
    let event = std::fs::read_to_string(root.join("pass-choice.input.json")).expect("the event");
    std::fs::write(&events, format!("{}\n\nnot json\n", event.trim())).expect("the events");
    let bills = folder.path().join("bills.ndjson");
    let ran = Command::new(env!("CARGO_BIN_EXE_expressway"))
        .arg("run")
        .args([&"--definition".into(), &root.join("pass-choice.asl.json")])
        .args([&"--input".into(), &events])
        .args([&"--billing".into(), &bills])
        .output()
        .expect("the binary runs");
    assert_eq!(ran.status.code(), Some(1), "one line was rejected");
    let result: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("one result");
    let expected = std::fs::read(root.join("pass-choice.expect.json")).expect("the expectation");
    assert_eq!(result, serde_json::from_slice::<serde_json::Value>(&expected).expect("JSON"));
    let bill = std::fs::read(&bills).expect("the bills");
    let bill: serde_json::Value = serde_json::from_slice(&bill).expect("one bill");
    assert_eq!(bill["data"]["billed_duration_ms"], 100);
    assert_eq!(bill["data"]["gb_seconds"], "0.00625");
}
