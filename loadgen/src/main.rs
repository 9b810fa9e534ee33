//! An open-loop load generator for expressway pipelines that checks everything that comes back.
//!
//! An honest client: it shares no code with the engine and knows its outputs only as records on
//! topics. One thread sends by the clock ([`producer`]), one reads and keeps the ledger
//! ([`consumer`], [`checker`]), the main thread watches the time and draws up the [`report`].
//!
//! ```text
//! scenario → plan → pacing → payload → producer ──▶ topic … service … topics ──▶ consumer → checker → report
//! ```

// In tests a panic with a place is the report.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod args;
mod artefacts;
mod batching;
mod bill_body;
mod bills;
mod checker;
mod clock;
mod comparison;
mod consumer;
mod expect;
mod exposition;
mod fields;
mod find_max;
mod fingerprint;
mod gauges;
mod group;
mod in_flight;
mod kafka;
mod keys;
mod librdkafka;
mod ndjson;
mod pacing;
mod payload;
mod plan;
mod producer;
mod progress;
mod punctual;
mod quantity;
mod random;
mod report;
mod run;
mod scenario;
mod schedule;
mod sequences;
mod stamp;
mod template;
mod timeline;

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, SchemaOf};
use crate::comparison::{BaselineError, read_baseline};
use crate::report::Verdict;
use crate::report::table::Table;
use crate::run::{Interrupts, Run};
use crate::scenario::{Problems, Scenario};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // clap itself ends with 2 on flags it cannot read, and with 0 after --help.
    let args = Args::parse();
    match execute(&args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(std::io::stderr().lock(), "error: {error:#}");
            ExitCode::from(exit_code_of(&error))
        }
    }
}

fn execute(args: &Args) -> anyhow::Result<u8> {
    if let Some(of) = args.schema {
        let schema = match of {
            SchemaOf::Scenario => scenario::schema(),
            SchemaOf::Summary => report::schema(),
        };
        print(&format!("{schema:#}\n"))?;
        return Ok(EXIT_FINE);
    }
    let scenario = Scenario::from_args(args)?;
    if args.dry_run {
        print(&scenario.outline().to_string())?;
        return Ok(EXIT_FINE);
    }
    if args.ndjson {
        return send_lines(args, &scenario);
    }
    if let Some(path) = &args.check_ndjson {
        return check_lines(args, &scenario, path);
    }
    if args.find_max {
        return find_max(args, &scenario);
    }
    let baseline = args.compare.as_deref().map(read_baseline).transpose()?;
    let interrupts = Interrupts::catch()?;
    let run = Run::prepare(&scenario, args.output.as_ref())?;
    let mut ended = run.execute(&interrupts, args)?;
    if let Some(baseline) = &baseline {
        ended.report.compare(baseline, args.tolerance);
    }
    let report = &ended.report;
    let text = if args.json {
        serde_json::to_string_pretty(report)? + "\n"
    } else {
        Table(report).to_string()
    };
    // A stdout that cannot be written to must not cost the files.
    let printed = print(&text);
    if let Some(folder) = &args.output {
        artefacts::keep(folder, &scenario, &mut ended, baseline.as_ref())?;
    }
    printed?;
    Ok(exit_code(ended.report.verdict, &interrupts))
}

/// Searches for the highest sustained rate.
fn find_max(args: &Args, scenario: &Scenario) -> anyhow::Result<u8> {
    let interrupts = Interrupts::catch()?;
    if let Some(folder) = &args.output {
        artefacts::create(folder)?;
    }
    let found = find_max::find(args, scenario, &interrupts)?;
    let json = serde_json::to_string_pretty(&found)? + "\n";
    if let Some(folder) = &args.output {
        artefacts::write(folder, "find-max.json", json.as_bytes())?;
    }
    print(&if args.json { json } else { found.to_string() })?;
    Ok(exit_code(found.verdict, &interrupts))
}

/// Writes events to stdout, and the report to stderr.
fn send_lines(args: &Args, scenario: &Scenario) -> anyhow::Result<u8> {
    let interrupts = Interrupts::catch()?;
    // Batches are made up before they are written: a lock for each would only cost time.
    let sent = ndjson::send(scenario, &interrupts, &mut std::io::stdout().lock())?;
    let text = if args.json { serde_json::to_string(&sent)? + "\n" } else { sent.to_string() };
    // Whoever closed stderr wants no report, and there is nowhere to say so.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
    Ok(exit_code(sent.verdict, &interrupts))
}

/// Checks result lines of a file or of stdin.
fn check_lines(args: &Args, scenario: &Scenario, path: &Path) -> anyhow::Result<u8> {
    let checked = if path == Path::new("-") {
        ndjson::check(scenario, &mut std::io::stdin().lock())
    } else {
        File::open(path).and_then(|file| ndjson::check(scenario, &mut BufReader::new(file)))
    };
    let checked = checked
        .map_err(|reason| LinesError { path: path.to_owned(), reason: reason.to_string() })?;
    let text =
        if args.json { serde_json::to_string(&checked)? + "\n" } else { checked.to_string() };
    print(&text)?;
    let passed = checked.verdict == Some(Verdict::Pass);
    Ok(if passed { EXIT_FINE } else { EXIT_THRESHOLD })
}

/// Result lines that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}: {reason}")]
struct LinesError {
    path: PathBuf,
    reason: String,
}

fn exit_code(verdict: Verdict, interrupts: &Interrupts) -> u8 {
    match (interrupts.signal(), verdict) {
        (Some(signal), _) => 128 + signal,
        (None, Verdict::Fail | Verdict::Invalid) => EXIT_THRESHOLD,
        (None, Verdict::Pass | Verdict::Interrupted) => EXIT_FINE,
    }
}

/// A reader of stdout that has gone away is no fault of the run.
fn print(text: &str) -> Result<(), OutputError> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(OutputError(error)),
        _ => Ok(()),
    }
}

/// What was asked for cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout: {0}")]
struct OutputError(std::io::Error);

fn exit_code_of(error: &anyhow::Error) -> u8 {
    if let Some(error) = error.downcast_ref::<kafka::Error>() {
        return match error {
            kafka::Error::Unreachable { .. } => EXIT_UNREACHABLE,
            kafka::Error::Settings(_)
            | kafka::Error::UnknownTopic(_)
            | kafka::Error::NotCreated { .. } => EXIT_USAGE,
        };
    }
    match error.downcast_ref::<Problems>() {
        Some(Problems { file: Some(_), .. }) => EXIT_SCENARIO,
        Some(Problems { file: None, .. }) => EXIT_USAGE,
        None if error.is::<artefacts::WriteError>() => EXIT_USAGE,
        None if error.is::<OutputError>() || error.is::<ndjson::SendError>() => EXIT_USAGE,
        None if error.is::<exposition::ListenError>() => EXIT_USAGE,
        None if error.is::<BaselineError>() || error.is::<LinesError>() => EXIT_USAGE,
        None => EXIT_INTERNAL,
    }
}

const EXIT_FINE: u8 = 0;
const EXIT_USAGE: u8 = 2;
const EXIT_SCENARIO: u8 = 3;
const EXIT_UNREACHABLE: u8 = 4;
const EXIT_INTERNAL: u8 = 70;
const EXIT_THRESHOLD: u8 = 99;
