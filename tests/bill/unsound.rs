//! What is not sound is left out aloud, and what is around it is billed.

use std::process::Command;

use serde_json::Value;

use super::{Bills, RECORD, Record, bill, document, stderr, stdout};

/// Bills a file of these bytes as JSON; the exit code, the records billed and refused, and stderr.
fn bill_bytes(bytes: &[u8]) -> (Option<i32>, u64, u64, String) {
    let bills = Bills::new();
    let file = bills.path("bills.ndjson");
    std::fs::write(&file, bytes).expect("a file");
    let output = bill(&[&file], &["--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let count = |name: &str| document["records"][name].as_u64().expect("a count");
    (output.status.code(), count("billed"), count("refused"), stderr(&output).to_owned())
}

#[test]
fn records_that_contradict_themselves_are_left_out() {
    let mut text = String::new();
    for (id, (right, wrong)) in [
        ("", ""),
        ("\"requests\":1,", "\"requests\":1,\"mb_milliseconds\":999999,"),
        ("\"machine\":\"orders\"", "\"machine\":\"other\""),
        ("//states/us-east-1", "//states/eu-west-1"),
        ("\"specversion\":\"1.0\"", "\"specversion\":\"0.3\""),
    ]
    .into_iter()
    .enumerate()
    {
        let line = Record { id: id as u64, ..RECORD }.line();
        assert!(line.contains(right));
        text += &line.replace(right, wrong);
        text += "\n";
    }
    let (code, billed, refused, complaints) = bill_bytes(text.as_bytes());
    assert_eq!((code, billed, refused), (Some(1), 1, 4), "{complaints}");
}

#[test]
fn what_the_service_writes_is_sound() {
    let bills = Bills::new();
    let file = bills.path("bills.ndjson");
    let definition = bills.path("orders.asl.json");
    std::fs::write(&definition, r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#)
        .expect("a definition");
    let input = bills.path("events.ndjson");
    std::fs::write(&input, "{}\n{\"a\":1}\n").expect("events");
    let ran = Command::new(env!("CARGO_BIN_EXE_expressway"))
        .args(["run".as_ref(), "--definition".as_ref(), definition.as_os_str()])
        .args(["--input".as_ref(), input.as_os_str()])
        .args(["--billing".as_ref(), file.as_os_str()])
        .output()
        .expect("the binary runs");
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    let document = document(&[&file], &[]);
    assert_eq!((&document["requests"], &document["records"]["refused"]), (&2.into(), &0.into()));
}

#[test]
fn a_line_that_is_too_long_is_left_out_and_reading_goes_on() {
    let line = |id| Record { id, ..RECORD }.line();
    let long = "x".repeat(3 << 20);
    let text = format!("{}\n{long}\n{}\n{long}", line(1), line(2));
    let (code, billed, refused, complaints) = bill_bytes(text.as_bytes());
    assert_eq!((code, billed, refused), (Some(1), 2, 2), "{complaints}");
    for number in [2, 4] {
        let complaint = format!("bills.ndjson:{number}: left out: longer than 1048576 bytes");
        assert!(complaints.contains(&complaint), "{complaints}");
    }
    // As long as may be, and one more.
    for (more, fits) in [(0, 1), (1, 0)] {
        let pad = " ".repeat((1 << 20) - line(1).len() + more);
        let (code, billed, ..) = bill_bytes(format!("{}{pad}\n", line(1)).as_bytes());
        assert_eq!((code, billed), (Some(1 - fits), fits as u64));
    }
}

#[test]
fn a_byte_order_mark_costs_no_record() {
    let text = format!("\u{feff}{}\n{}\n", RECORD.line(), Record { id: 1, ..RECORD }.line());
    let (code, billed, refused, complaints) = bill_bytes(text.as_bytes());
    assert_eq!((code, billed, refused), (Some(0), 2, 0), "{complaints}");
}

#[test]
fn ten_are_named_and_all_are_counted() {
    let (_, _, refused, complaints) = bill_bytes("?\n".repeat(10).as_bytes());
    assert_eq!((refused, complaints.lines().count()), (10, 10), "{complaints}");
    assert!(complaints.lines().all(|line| line.contains(": left out: ")), "{complaints}");
    assert_eq!(complaints.lines().next().map(|line| line.matches("line").count()), Some(0));

    let (_, _, refused, complaints) = bill_bytes("?\n".repeat(12).as_bytes());
    assert_eq!((refused, complaints.matches(": left out: ").count()), (12, 10));
    assert!(complaints.ends_with("bill: 12 records are left out in all\n"), "{complaints}");
}

#[test]
fn sums_beyond_64_bits_are_refused() {
    let bills = Bills::new();
    let line = |from: u64| {
        // Four thousand million executions of half a day each, in one minute.
        let (requests, ms) = (1_u64 << 32, 200_000_000_000_000_000_u64);
        let data = format!(
            r#"{{"requests":{requests},"state_machine_arn":"arn:aws:states:us-east-1:1:stateMachine:m","pipeline":"p","topic":"t","partition":0,"from_offset":{from},"to_offset":{},"sums":[{{"minute":"2026-10-05T00:00:00Z","status":"SUCCEEDED","requests":{requests},"billed_duration_ms":{ms},"mb_milliseconds":{},"gb_seconds":"12500000000000","transitions":1}}]}}"#,
            from + requests,
            ms * 64,
        );
        format!(
            r#"{{"specversion":"1.0","id":"{from}","source":"//states/us-east-1/1","type":"express.executions.billed.v1","subject":"1","time":"2026-10-05T00:01:00Z","data":{data}}}"#
        )
    };
    let file = bills.path("bills.ndjson");
    let write = |count: u64| {
        let lines: Vec<String> = (0..count).map(|index| line(index << 32)).collect();
        std::fs::write(&file, lines.join("\n")).expect("a file");
    };
    write(92);
    let sum = 92 * 200_000_000_000_000_000_u64;
    assert_eq!(document(&[&file], &[])["billed_duration_ms"], sum);
    write(93);
    let output = bill(&[&file], &["--json"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), ""));
    assert!(stderr(&output).contains("2^64 ms; they cannot be right"), "{}", stderr(&output));
}
