//! The load without Kafka: events as lines, result lines checked.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{TestFile, finish};

fn loadgen(flags: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_expressway-loadgen"));
    command
        .args(flags.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(flags: &str) -> Output {
    finish(loadgen(flags).spawn().unwrap())
}

/// Two fields and padding, laid out over several lines.
const SCENARIO: &str = r#"
seed = 9
count = 400
rate = "4k"
[generator]
late_share_max = 1.0
[keys]
distribution = "uniform"
[payload]
size = 120
template = '''
{
  "n": {{sequence}},
  "key": "{{key}}", "color": "{{color}}",
  "text": "two  words",
  "padding": "{{padding}}"
}'''
[payload.fields]
color = { kind = "choice", values = ["red", "green"] }
[expect]
template = '{"color":"{{color}}","key":"{{key}}","n":{{sequence}},"text":"two  words","padding":"{{padding}}"}'
"#;

#[test]
fn events_are_lines_and_result_lines_are_checked() {
    let scenario = TestFile::new("lines.toml", SCENARIO);
    let file = scenario.0.display();
    let sent = run(&format!("--ndjson --json --scenario {file}"));
    let text = String::from_utf8(sent.stdout).unwrap();
    let report: Value = serde_json::from_slice(&sent.stderr).unwrap();
    assert_eq!(sent.status.code(), Some(0), "{report:#}");
    assert_eq!((&report["sent"], &report["planned"]), (&400.into(), &400.into()));
    assert_eq!(report["bytes"], text.len());
    assert!(report["seconds"].as_f64().unwrap() >= 0.1, "{report:#}");
    assert!(report["achieved_per_second"].as_f64().unwrap() <= 4_000.0, "{report:#}");
    assert_eq!(report["verdict"], "pass");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 400);
    for (number, line) in lines.iter().enumerate() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["n"], number);
        assert_eq!(event["text"], "two  words");
        assert_eq!(line.len(), 120);
    }

    // A program that gives back what it was given.
    let check = |text: &str| {
        let results = TestFile::new("results.ndjson", text);
        let flags = format!("--check-ndjson {} --json --scenario {file}", results.0.display());
        let output = run(&flags);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), found)
    };
    let (code, found) = check(&text);
    assert_eq!(code, 0, "{found:#}");
    assert_eq!((&found["lines"], &found["lost"]), (&400.into(), &0.into()));

    let without = lines.iter().enumerate().filter(|(number, _)| *number != 17);
    let without: Vec<&str> = without.map(|(_, line)| *line).collect();
    let (code, found) = check(&without.join("\n"));
    assert_eq!(code, 99, "{found:#}");
    assert_eq!((&found["lost"], &found["wrong"]), (&1.into(), &0.into()));

    let wrong = text.replacen("\"n\":30,", "\"n\":-1,", 1);
    let (code, found) = check(&wrong);
    assert_eq!(code, 99, "{found:#}");
    assert_eq!((&found["lost"], &found["wrong"]), (&0.into(), &1.into()));
    assert_eq!(found["wrong_first"][0], 31);
}

#[test]
fn malformed_lines_have_no_result() {
    let flags = "--rate 10k --count 300 --poison-share 0.2";
    let sent = run(&format!("--ndjson --max-late 1 {flags}"));
    let text = String::from_utf8(sent.stdout).unwrap();
    assert_eq!(text.lines().count(), 300);
    let is_json = |line: &&str| serde_json::from_str::<Value>(line).is_ok();
    let sound: Vec<&str> = text.lines().filter(is_json).collect();
    assert!((200..280).contains(&sound.len()), "{}", sound.len());
    let results = TestFile::new("sound.ndjson", &sound.join("\n"));
    let output = run(&format!("--check-ndjson {} {flags}", results.0.display()));
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{table}");
    assert!(table.contains("lost 0, duplicated 0, wrong 0"), "{table}");
}

#[test]
fn lines_come_by_the_clock_and_a_reader_may_go_away() {
    let mut child = loadgen("--ndjson --rate 200 --duration 10m").spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let start = std::time::Instant::now();
    for _ in 0..60 {
        stdout.read_line(&mut String::new()).unwrap();
    }
    // The sixty-first line is due after 300 ms.
    assert!(start.elapsed() >= std::time::Duration::from_millis(250), "{:?}", start.elapsed());
    drop(stdout);
    let output = finish(child);
    let report = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(99), "{report}");
    assert!(report.contains("the reader went away"), "{report}");
    assert!(report.contains("violation   not sent: "), "{report}");
}

#[test]
fn a_full_device_is_named_and_no_internal_error() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for flags in ["--ndjson --rate 1k --count 10", "--schema summary"] {
        let output = loadgen(flags).stdout(full()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("to stdout: "), "{stderr}");
    }
}
