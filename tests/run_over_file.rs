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
    let history = folder.path().join("history.ndjson");
    let ran = Command::new(env!("CARGO_BIN_EXE_expressway"))
        .arg("run")
        .args([&"--definition".into(), &root.join("pass-choice.asl.json")])
        .args([&"--input".into(), &events])
        .args([&"--billing".into(), &bills])
        .args([&"--history".into(), &history])
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

    let history = std::fs::read_to_string(&history).expect("the history");
    let events: Vec<serde_json::Value> =
        history.lines().map(|line| serde_json::from_str(line).expect("a log event")).collect();
    let ids: Vec<_> = events.iter().filter_map(|event| event["id"].as_str()).collect();
    let numbers: Vec<_> = (1..=events.len()).map(|number| number.to_string()).collect();
    assert_eq!(ids, numbers);
    assert_eq!(events[0]["type"], "ExecutionStarted");
    assert_eq!(events[0]["details"]["input"], event.trim());
    let last = events.last().expect("an end");
    assert_eq!(last["type"], "ExecutionSucceeded");
    assert_eq!(last["execution_arn"], bill["id"]);
    let output = last["details"]["output"].as_str().expect("a text");
    assert_eq!(serde_json::from_str::<serde_json::Value>(output).expect("JSON"), result);
}

#[test]
fn what_is_read_or_written_already_is_not_written_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let definition = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#;
    std::fs::write(at("pass.asl.json"), definition).expect("the definition");
    std::fs::write(at("events"), "{}\n").expect("the events");
    for (flags, said) in [
        (&["--output", "events"][..], "--output would overwrite --input"),
        (&["--billing", "events"], "--billing would overwrite --input"),
        (&["--history", "pass.asl.json"], "--history would overwrite the definition"),
        (&["--output", "new", "--billing", "new"], "--billing would overwrite --output"),
    ] {
        let ran = Command::new(env!("CARGO_BIN_EXE_expressway"))
            .args(["run", "--definition", "pass.asl.json", "--input", "events"])
            .args(flags)
            .current_dir(folder.path())
            .output()
            .expect("the binary runs");
        let err = String::from_utf8(ran.stderr).expect("text");
        assert_eq!(ran.status.code(), Some(2), "{err}");
        assert!(err.contains(said), "{err}");
    }
    assert_eq!(std::fs::read_to_string(at("events")).expect("the events"), "{}\n");
    assert_eq!(std::fs::read_to_string(at("pass.asl.json")).expect("it"), definition);
    assert!(!at("new").exists());
}

#[test]
fn warnings_of_the_definition_are_shown_as_validate_shows_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let definition = folder.path().join("doubtful.asl.json");
    let text = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Parameters": {"id": "$.id"}, "End": true}}}"#;
    std::fs::write(&definition, text).expect("the definition");
    let events = folder.path().join("events.ndjson");
    std::fs::write(&events, "{}\n").expect("the events");
    let expressway = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_expressway"));
        command.args(arguments).arg(&definition).output().expect("the binary runs")
    };
    let validated = expressway(&["validate"]);
    let shown = String::from_utf8(validated.stdout).expect("text");
    assert!(shown.starts_with("warning[ASL0801]"), "{shown}");
    let events = events.to_str().expect("text");
    let ran = expressway(&["run", "--input", events, "--definition"]);
    let talk = String::from_utf8(ran.stderr).expect("text");
    assert!(talk.starts_with(&shown), "{talk}");
    assert_eq!((ran.stdout.as_slice(), ran.status.code()), (&b"{\"id\":\"$.id\"}\n"[..], Some(0)));
}

/// A line of the log of a run over a file with these keys in its pipeline, which names keys that such
/// a run does not follow; none when there is no such line.
fn told(keys: &str, options: &[&str]) -> Option<serde_json::Value> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("a file");
        folder.path().join(name)
    };
    file("a.asl.json", r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#);
    let events = file("events.ndjson", "{}\n{}\n");
    let config = file(
        "expressway.toml",
        &format!(
            r#"
[[pipeline]]
name = "orders"
topics = ["orders"]
definition = "a.asl.json"
result_topic = "orders.results"
billing_topic = "orders.billing"
dead_letter_topic = "orders.dead-letters"
{keys}
"#
        ),
    );
    let ran = Command::new(env!("CARGO_BIN_EXE_expressway"))
        .arg("run")
        .args([&"--config".into(), &config, &"--input".into(), &events])
        .args(options)
        .current_dir(folder.path())
        .output()
        .expect("the binary runs");
    let log = String::from_utf8(ran.stderr).expect("UTF-8");
    assert!(ran.status.success(), "{log}");
    if options.contains(&"--billing") {
        let bills = std::fs::read_to_string(folder.path().join("bills")).expect("the bills");
        let types = bills.lines().filter(|line| line.contains("express.execution.billed.v1"));
        assert_eq!(types.count(), 2, "one for each execution: {bills}");
    }
    let mut lines = log.lines().map(|line| serde_json::from_str(line).expect("a log line"));
    lines.find(|line: &serde_json::Value| line["level"] == "WARN")
}

#[test]
fn what_a_run_over_a_file_leaves_out_is_said() {
    let sums = "billing_per = \"minute\"\nbilling_mode = \"binary\"";
    let line = told(sums, &["--billing", "bills"]).expect("a warning");
    assert_eq!(
        (&line["pipeline"], &line["keys"]),
        (&"orders".into(), &"billing_per, billing_mode".into())
    );
    assert_eq!(told(sums, &[]), None, "no bill is written");
    assert_eq!(told("", &["--billing", "bills"]), None);

    let logging = "[pipeline.logging]\nlevel = \"ERROR\"\ndestination = \"stdout\"";
    assert_eq!(told(logging, &[]).expect("a warning")["keys"], "logging.level");
    assert_eq!(told(logging, &["--history", "history"]), None);
}

/// Two files in, each with its bills; one bill over both, and over the first one twice.
#[test]
fn the_executions_of_two_files_are_all_billed() {
    let definition = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("config/state-machines/passthrough.asl.json");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let expressway = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_expressway"));
        command.current_dir(folder.path());
        command
    };
    let runs = [("a.ndjson", "a.bills"), ("b.ndjson", "b.bills"), ("a.ndjson", "a-again.bills")];
    for (events, bills) in runs {
        std::fs::write(folder.path().join(events), "{\"n\":1}\n{\"n\":2}\n").expect("the events");
        let ran = expressway()
            .args(["run", "--input", events, "--billing", bills, "--definition"])
            .arg(&definition)
            .output()
            .expect("the binary runs");
        assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    }
    let bill = |files: &[&str]| {
        let output = expressway().args(["bill", "--json"]).args(files).output();
        let output = output.expect("the binary runs");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        document["records"].clone()
    };
    let both = bill(&["a.bills", "b.bills"]);
    assert_eq!((&both["billed"], &both["repeated"]), (&4.into(), &0.into()));
    let again = bill(&["a.bills", "a-again.bills"]);
    assert_eq!((&again["billed"], &again["repeated"]), (&2.into(), &2.into()));
}
