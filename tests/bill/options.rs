//! Options that do nothing are refused, and a stdout that takes no more is said.

use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{Bills, RECORD, bill, stderr, stdout};

#[test]
fn options_that_would_do_nothing_are_refused() {
    let bills = Bills::new();
    let file = bills.file("bills.ndjson", [RECORD]);
    for (arguments, named) in [
        (&["--format", "openmeter", "--tag", "team"][..], "--tag and --no-tags"),
        (&["--format", "lago", "--no-tags"], "--tag and --no-tags"),
        (&["--format", "focus", "--tag", "team"], "--tag and --no-tags"),
        (&["--format", "focus", "--no-tags"], "--tag and --no-tags"),
        (&["--format", "lago", "--price-region", "us-east-1"], "--prices and --price-region"),
        (&["--customer-tag", "team"], "--customer-tag"),
        (&["--customer-tag", "team", "--json"], "--customer-tag"),
        (&["--client", "a=b"], "--client"),
        (&["--timeout", "1"], "--timeout"),
        (&["--tag", "team", "--tag", "a", "--tag", "team"], "twice"),
    ] {
        let output = bill(&[&file], arguments);
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""), "{arguments:?}");
        assert!(stderr(&output).contains(named), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    }
}

/// Runs over stdin; whoever would read stdout has gone before the first record comes.
fn unread(arguments: &[&str]) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_expressway"))
        .args(["bill", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().expect("a pipe");
    writeln!(stdin, "{}", RECORD.line()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    (output.status.code(), stderr(&output).to_owned())
}

#[test]
fn events_that_nobody_reads_are_no_success() {
    for format in ["openmeter", "lago"] {
        let (code, text) = unread(&["--format", format]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("stdout was closed before all events were written"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    for format in ["table", "json", "csv", "focus"] {
        assert_eq!(unread(&["--format", format]), (Some(0), String::new()), "{format}");
    }
}

#[test]
fn a_full_disk_is_said_with_what_was_written() {
    let bills = Bills::new();
    let file = bills.file("bills.ndjson", [RECORD]);
    for format in ["table", "json", "csv", "focus", "openmeter", "lago"] {
        let full = File::options().write(true).open("/dev/full").expect("a full device");
        let output = Command::new(env!("CARGO_BIN_EXE_expressway"))
            .args(["bill", "--format", format])
            .arg(&file)
            .stdout(full)
            .output()
            .expect("the binary runs");
        assert_eq!(output.status.code(), Some(70));
        let text = stderr(&output);
        assert!(text.contains("cannot write the bill to stdout: No space left"), "{text}");
    }
}
