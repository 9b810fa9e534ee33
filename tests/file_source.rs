//! The file source with a shard that runs nothing.

// The helpers of this test are not `#[test]` functions, but test code all the same.
#![allow(clippy::unwrap_used)]
// Shared with the Kafka tests, which use more of it.
#![allow(dead_code)]

#[path = "mock_pipeline/shard.rs"]
mod shard;

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use expressway::base::ids::{MachineIdx, PipelineIdx};
use expressway::ingest::{Error, FileOptions, FileOutputs, FileReport, run_file};
use serde_json::Value;

use shard::{MACHINE_ARN, Shards};

struct Ran {
    report: Result<FileReport, Error>,
    results: String,
    bills: String,
    history: String,
    rejected: Vec<String>,
}

fn run(input: Box<dyn Read + Send>, stop: bool) -> Ran {
    run_named("events.ndjson", input, stop)
}

fn run_named(name: &str, input: Box<dyn Read + Send>, stop: bool) -> Ran {
    let mut shards = Shards::start(2);
    let (ports, lane) = shards.take();
    let options = FileOptions {
        pipeline: PipelineIdx(0),
        pipeline_name: "p".into(),
        machine: MachineIdx(0),
        machine_arn: MACHINE_ARN.into(),
        file_name: name.into(),
        lane: 0,
        inflight_per_shard: 100,
    };
    let (mut results, mut bills, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
    let mut history = Vec::new();
    let report = run_file(
        &options,
        ports,
        &lane,
        input,
        FileOutputs {
            results: &mut results,
            billing: Some(&mut bills),
            history: Some(&mut history),
        },
        &Arc::new(AtomicBool::new(stop)),
        &mut |line, class, cause| rejected.push(format!("{line} {class} {cause}")),
    );
    shards.join();
    Ran {
        report,
        results: String::from_utf8(results).unwrap(),
        bills: String::from_utf8(bills).unwrap(),
        history: String::from_utf8(history).unwrap(),
        rejected,
    }
}

fn run_text(text: impl Into<Vec<u8>>) -> Ran {
    run(Box::new(Cursor::new(text.into())), false)
}

/// The ids of all bills, sorted.
fn ids(ran: &Ran) -> Vec<String> {
    let bills = ran.bills.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut ids: Vec<_> = bills.map(|bill| bill["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[test]
fn results_come_in_the_order_of_the_lines() {
    let lines: Vec<String> = (0..5_000).map(|n| format!("{{\"n\":{n}}}")).collect();
    let ran = run_text(lines.join("\n"));
    assert_eq!(ran.report.as_ref().unwrap().succeeded, 5_000);
    let results: Vec<&str> = ran.results.lines().collect();
    assert_eq!(results, lines);
    let mut ids = ids(&ran);
    ids.dedup();
    assert_eq!(ids.len(), 5_000);
    assert!(ids[0].contains(":express:echo:file-0-"), "{}", ids[0]);
}

#[test]
fn only_the_same_line_of_the_same_file_is_the_same_execution() {
    let run =
        |name, text: &str| ids(&run_named(name, Box::new(Cursor::new(text.to_owned())), false));
    let first = run("monday.ndjson", "1\n2\n");
    assert_eq!(run("monday.ndjson", "1\n2"), first, "again");
    let longer = run("monday.ndjson", "1\n2\n3\n");
    assert!(first.iter().all(|id| longer.contains(id)), "what was added changes nothing before it");
    for (name, text) in [("tuesday.ndjson", "1\n2\n"), ("-", "1\n2\n"), ("monday.ndjson", "3\n4\n")]
    {
        let other = run(name, text);
        assert!(first.iter().all(|id| !other.contains(id)), "{name} {text:?}");
    }
}

#[test]
fn a_byte_order_mark_at_the_start_is_no_part_of_the_first_event() {
    let fits = format!("\"{}\"", "x".repeat(262_142));
    for first in ["1", &fits, "1\r"] {
        let plain = run_text(format!("{first}\n2\n"));
        let marked = run_text(format!("\u{feff}{first}\n2\n"));
        assert_eq!(marked.report.as_ref().unwrap().rejected, 0);
        assert_eq!((marked.results.as_str(), ids(&marked)), (plain.results.as_str(), ids(&plain)));
    }
    let inside = run_text("1\n\u{feff}2\n");
    assert_eq!(inside.report.unwrap().rejected, 1, "elsewhere it is no JSON");
    let large = run_text(format!("\u{feff}{fits} \n"));
    assert_eq!(large.rejected, ["0 too-large the line has 262146 bytes, the limit is 262144"]);
}

#[test]
fn the_events_of_an_execution_stand_together() {
    let ran = run_text("1\n2\n{\"leave_out\":true}\nnope\n3");
    assert_eq!(ran.report.unwrap().events_left_out, 1);
    let events: Vec<Value> =
        ran.history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 8);
    for pair in events.chunks(2) {
        assert_eq!([&pair[0]["id"], &pair[1]["id"]], ["1", "2"]);
        assert_eq!(pair[0]["execution_arn"], pair[1]["execution_arn"]);
    }
}

#[test]
fn what_cannot_run_has_no_result_line_and_no_bill() {
    let large = format!("\"{}\"", "x".repeat(262_143));
    let fits = format!("\"{}\"", "x".repeat(262_142));
    let text = format!("1\r\n\n  \n{large}\nnope\n{{\"fail\":true}}\n{fits}");
    let ran = run_text(text);
    assert_eq!(
        ran.report.unwrap(),
        FileReport { succeeded: 2, failed: 1, rejected: 2, skipped: 2, events_left_out: 0 }
    );
    let expected = format!("1\n{{\"error\":\"Order.Refused\",\"cause\":\"no stock\"}}\n{fits}\n");
    assert_eq!(ran.results, expected);
    assert_eq!(ran.bills.lines().count(), 3);
    let mut rejected = ran.rejected;
    rejected.sort();
    assert_eq!(
        rejected,
        [
            "3 too-large the line has 262146 bytes, the limit is 262144",
            "4 not-json expected a value at byte 0",
        ]
    );
}

#[test]
fn an_empty_input_ends_at_once() {
    let ran = run_text("");
    assert_eq!(ran.report.unwrap(), FileReport::default());
    assert_eq!(ran.results, "");
}

#[test]
fn a_broken_input_is_an_error_after_what_came_before_it_has_ended() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("unplugged"))
        }
    }
    let ran = run(Box::new(Cursor::new("1\n2\n").chain(Broken)), false);
    let error = ran.report.unwrap_err();
    assert_eq!(error.to_string(), "cannot read the input: unplugged");
    assert_eq!(ran.results, "1\n2\n");
}

#[test]
fn an_input_that_never_ends_can_be_stopped() {
    let ran = run(Box::new(io::repeat(b'\n')), true);
    assert_eq!(ran.report.unwrap().succeeded, 0);
}
