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
mod bill_body;
mod bills;
mod checker;
mod clock;
mod comparison;
mod consumer;
mod expect;
mod fields;
mod fingerprint;
mod gauges;
mod kafka;
mod keys;
mod pacing;
mod payload;
mod plan;
mod producer;
mod progress;
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

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, SchemaOf};
use crate::comparison::{BaselineError, read_baseline};
use crate::report::table::Table;
use crate::report::{Report, Verdict};
use crate::run::{Ended, Interrupts, Run};
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
    let baseline = args.compare.as_deref().map(read_baseline).transpose()?;
    let interrupts = Interrupts::catch()?;
    let run = Run::prepare(&scenario, args.output.as_ref())?;
    let mut ended = run.execute(&interrupts, args.progress)?;
    if let Some(baseline) = &baseline {
        ended.report.compare(baseline, args.tolerance);
    }
    let report = &ended.report;
    let text = if args.json {
        serde_json::to_string_pretty(report)? + "\n"
    } else {
        Table(report).to_string()
    };
    print(&text)?;
    if let Some(folder) = &args.output {
        keep(folder, &scenario, &mut ended, baseline.as_ref())?;
    }
    Ok(exit_code(&ended.report, &interrupts))
}

/// Writes the files of the run.
fn keep(
    folder: &Path,
    scenario: &Scenario,
    ended: &mut Ended,
    baseline: Option<&Report>,
) -> Result<(), artefacts::WriteError> {
    if let Some(recorder) = ended.recorder.take() {
        recorder.finish()?;
    }
    artefacts::write_ending(folder, scenario, ended, baseline)
}

fn exit_code(report: &Report, interrupts: &Interrupts) -> u8 {
    match (interrupts.signal(), report.verdict) {
        (Some(signal), _) => 128 + signal,
        (None, Verdict::Fail | Verdict::Invalid) => EXIT_THRESHOLD,
        (None, Verdict::Pass | Verdict::Interrupted) => EXIT_FINE,
    }
}

/// A reader of stdout that has gone away is no fault of the run.
fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

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
        None if error.is::<artefacts::WriteError>() || error.is::<BaselineError>() => EXIT_USAGE,
        None => EXIT_INTERNAL,
    }
}

const EXIT_FINE: u8 = 0;
const EXIT_USAGE: u8 = 2;
const EXIT_SCENARIO: u8 = 3;
const EXIT_UNREACHABLE: u8 = 4;
const EXIT_INTERNAL: u8 = 70;
const EXIT_THRESHOLD: u8 = 99;
