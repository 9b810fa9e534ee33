//! An open-loop load generator for expressway pipelines that checks everything that comes back.
//!
//! An honest client: it shares no code with the engine and knows its outputs only as records on
//! topics. One thread sends by the clock ([`producer`]), one reads and keeps the ledger
//! ([`consumer`], [`checker`]), the main thread watches the time and draws up the [`report`].
//!
//! ```text
//! plan → pacing → payload → producer ──▶ topic … service … topics ──▶ consumer → checker → report
//! ```

// In tests a panic with a place is the report.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod args;
mod bill_body;
mod bills;
mod checker;
mod clock;
mod consumer;
mod expect;
mod fingerprint;
mod gauges;
mod kafka;
mod metrics;
mod pacing;
mod payload;
mod plan;
mod producer;
mod progress;
mod report;
mod run;
mod sequences;
mod stamp;
mod table;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, UsageError};
use crate::report::{Report, Verdict};
use crate::run::{Interrupts, Run};
use crate::table::Table;

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
    let interrupts = Interrupts::catch()?;
    let run = Run::prepare(args)?;
    let report = run.execute(&interrupts)?;
    print(&report, args.json)?;
    Ok(match (interrupts.signal(), report.verdict) {
        (Some(signal), _) => 128 + signal,
        (None, Verdict::Fail) => EXIT_THRESHOLD,
        (None, Verdict::Pass | Verdict::Interrupted) => 0,
    })
}

/// A reader of stdout that has gone away is no fault of the run.
fn print(report: &Report, as_json: bool) -> anyhow::Result<()> {
    let text = if as_json {
        serde_json::to_string_pretty(report)? + "\n"
    } else {
        Table(report).to_string()
    };
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
    let usage = error.is::<UsageError>() || error.is::<run::FileError>();
    if usage { EXIT_USAGE } else { EXIT_INTERNAL }
}

const EXIT_USAGE: u8 = 2;
const EXIT_UNREACHABLE: u8 = 4;
const EXIT_INTERNAL: u8 = 70;
const EXIT_THRESHOLD: u8 = 99;
