//! `expressway test PATH...`: workflow tests, run on a virtual clock.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{CHECK_FAILED, Failure, OK, USAGE};
use crate::trial::{Case, Report, find, junit, run as run_case};

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  expressway test tests/cases\n  expressway test tests/cases/pay --filter declined --junit target/junit.xml"
)]
pub struct Args {
    /// Case files, or folders with case files; a folder's *.asl.json are left out.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Run only cases whose AREA/NAME contains this.
    #[arg(long, value_name = "SUBSTRING")]
    pub filter: Option<String>,
    /// Print the names of the cases, as AREA/NAME, and run none.
    #[arg(long)]
    pub list: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
    /// Write the results as JUnit XML, too.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// Runs the cases and prints what came of them; exit code 1 if any failed.
///
/// # Errors
/// [`Failure`] when a path holds no case or a case file is wrong; nothing is run then.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<u8, Failure> {
    let mut cases = find(&args.paths).map_err(|errors| {
        let lines = errors.iter().map(|error| format!("error: {error}\n"));
        Failure::rendered(USAGE, lines.collect())
    })?;
    if let Some(filter) = &args.filter {
        cases.retain(|case| label(case).contains(filter));
        if cases.is_empty() {
            let text = format!("no case's AREA/NAME contains {filter:?}; see them with --list");
            return Err(Failure::new(USAGE, text));
        }
    }
    if args.list {
        for case in &cases {
            writeln!(out, "{}", label(case))?;
        }
        return Ok(OK);
    }
    let report = run_all(&cases);
    if let Some(path) = &args.junit {
        std::fs::write(path, junit(&report)).map_err(|error| {
            Failure::new(USAGE, format!("cannot write {}: {error}", path.display()))
        })?;
    }
    if args.json {
        writeln!(out, "{}", report.json())?;
    } else {
        out.write_all(report.text().as_bytes())?;
    }
    Ok(if report.total().failed > 0 { CHECK_FAILED } else { OK })
}

fn run_all(cases: &[Case]) -> Report {
    let mut report = Report::default();
    let mut progress = Progress::new(cases.len());
    for case in cases {
        let began = Instant::now();
        let outcome = run_case(case);
        report.add(case, &outcome, began.elapsed());
        progress.step(&report);
    }
    progress.clear();
    report
}

fn label(case: &Case) -> String {
    format!("{}/{}", case.area, case.name)
}

/// A line on the terminal for whoever waits longer than two seconds.
struct Progress {
    count: usize,
    began: Instant,
    shown: Option<Instant>,
    is_terminal: bool,
}

impl Progress {
    fn new(count: usize) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { count, began: Instant::now(), shown: None, is_terminal }
    }

    fn step(&mut self, report: &Report) {
        let due = self.shown.map_or(PATIENCE, |_| INTERVAL);
        if !self.is_terminal || self.shown.unwrap_or(self.began).elapsed() < due {
            return;
        }
        self.shown = Some(Instant::now());
        let (done, failed) = (report.cases.len(), report.total().failed);
        // Progress that cannot be shown is no reason to stop.
        let _ = write!(std::io::stderr(), "\r{done} of {} cases, {failed} failed ", self.count);
    }

    fn clear(&self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r{:60}\r", "");
        }
    }
}

/// How long nobody wants to see progress.
const PATIENCE: Duration = Duration::from_secs(2);
const INTERVAL: Duration = Duration::from_millis(200);
