//! The files of a run: `--output DIR`.
//!
//! | file | what | read by |
//! |---|---|---|
//! | `summary.json` | the report | scripts, `--compare` |
//! | `report.html` | the report for people, one file without any other | browsers |
//! | `timeline.csv` | the run second by second | spreadsheets |
//! | `latency.hgrm` | percentile distribution | HdrHistogram's plotter |
//! | `latency.hlog` | a histogram a second, V2, compressed | HdrHistogram's log tools |
//! | `scenario.toml` | what was carried out, flags included | the next run |
//!
//! The timeline and the log are written while the run lasts, so that a run that ends badly leaves
//! what it had; the rest at its end.

mod hgrm;
mod hlog;
mod page;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use self::hlog::IntervalLog;
use crate::checker::Recent;
use crate::plan::Plan;
use crate::report::Report;
use crate::run::Ended;
use crate::scenario::Scenario;
use crate::timeline::Row;

/// A file of the run that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: {reason}")]
pub(crate) struct WriteError {
    path: PathBuf,
    reason: io::Error,
}

/// The files that grow with the run; owned by the reading thread.
#[derive(Debug)]
pub(crate) struct Recorder {
    folder: PathBuf,
    stage_names: Vec<String>,
    timeline: BufWriter<File>,
    log: IntervalLog<BufWriter<File>>,
    /// The first thing that went wrong; nothing is written after it.
    failure: Option<WriteError>,
}

impl Recorder {
    /// Creates the folder and the files that grow.
    pub(crate) fn create(folder: &Path, plan: &Plan) -> Result<Self, WriteError> {
        create(folder)?;
        let mut timeline = open(folder, TIMELINE)?;
        let begun = writeln!(timeline, "{CSV_HEADER}");
        begun.map_err(|reason| WriteError { path: folder.join(TIMELINE), reason })?;
        let log = IntervalLog::begin(open(folder, LOG)?, plan.start_ns)
            .map_err(|reason| WriteError { path: folder.join(LOG), reason })?;
        let stages = plan.schedule.stages().iter();
        Ok(Self {
            folder: folder.to_owned(),
            stage_names: stages.map(|stage| stage.name.clone()).collect(),
            timeline,
            log,
            failure: None,
        })
    }

    /// Adds an interval.
    pub(crate) fn interval(&mut self, row: &Row, recent: &Recent) {
        if self.failure.is_some() {
            return;
        }
        let name = self.stage_names.get(row.stage).map_or("", String::as_str);
        if let Err(reason) = write_row(&mut self.timeline, row, name) {
            self.failure = Some(WriteError { path: self.folder.join(TIMELINE), reason });
        }
        if let Err(reason) = self.log.interval(row, recent) {
            self.failure = Some(WriteError { path: self.folder.join(LOG), reason });
        }
    }

    /// Closes the files; an error of earlier on comes out here.
    pub(crate) fn finish(mut self) -> Result<(), WriteError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let folder = self.folder;
        self.timeline
            .flush()
            .map_err(|reason| WriteError { path: folder.join(TIMELINE), reason })?;
        self.log.finish().map_err(|reason| WriteError { path: folder.join(LOG), reason })
    }
}

/// Closes the files that grew with the run and writes the others.
pub(crate) fn keep(
    folder: &Path,
    scenario: &Scenario,
    ended: &mut Ended,
    baseline: Option<&Report>,
) -> Result<(), WriteError> {
    if let Some(recorder) = ended.recorder.take() {
        recorder.finish()?;
    }
    write_ending(folder, scenario, ended, baseline)
}

fn write_ending(
    folder: &Path,
    scenario: &Scenario,
    ended: &Ended,
    baseline: Option<&Report>,
) -> Result<(), WriteError> {
    let Ended { report, rows, latency_us, .. } = ended;
    let summary = serde_json::to_string_pretty(report).unwrap_or_default() + "\n";
    write(folder, "summary.json", summary.as_bytes())?;
    write(folder, "latency.hgrm", hgrm::render(latency_us).as_bytes())?;
    let written = toml::to_string(&scenario.shown()).unwrap_or_default();
    write(folder, "scenario.toml", written.as_bytes())?;
    let page = page::render(&page::Data { report, rows, baseline, scenario: &written });
    write(folder, "report.html", page.as_bytes())
}

/// Creates the folder of a run.
pub(crate) fn create(folder: &Path) -> Result<(), WriteError> {
    std::fs::create_dir_all(folder).map_err(|reason| WriteError { path: folder.to_owned(), reason })
}

fn open(folder: &Path, name: &str) -> Result<BufWriter<File>, WriteError> {
    let path = folder.join(name);
    match File::create(&path) {
        Ok(file) => Ok(BufWriter::new(file)),
        Err(reason) => Err(WriteError { path, reason }),
    }
}

/// Writes a file of the run.
pub(crate) fn write(folder: &Path, name: &str, content: &[u8]) -> Result<(), WriteError> {
    let path = folder.join(name);
    std::fs::write(&path, content).map_err(|reason| WriteError { path, reason })
}

fn write_row(out: &mut impl Write, row: &Row, stage: &str) -> io::Result<()> {
    write!(
        out,
        "{:.3},{:.3},{},{},{:.1},{},{},{},{},{},{},{},{},{}",
        row.start_seconds,
        row.seconds,
        quoted(stage),
        u8::from(row.warmup),
        row.target,
        row.sent,
        row.acknowledged,
        row.settled,
        row.open,
        row.lag.map(|lag| lag.to_string()).unwrap_or_default(),
        row.duplicated,
        row.wrong,
        row.ticks,
        row.ticks_late,
    )?;
    match row.latency {
        Some(latency) => writeln!(
            out,
            ",{:.3},{:.3},{:.3},{:.3},{:.3}",
            latency.p50, latency.p90, latency.p99, latency.p999, latency.max
        ),
        None => writeln!(out, ",,,,,"),
    }
}

/// Returns a field as RFC 4180 wants it.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

const TIMELINE: &str = "timeline.csv";
const LOG: &str = "latency.hlog";
const CSV_HEADER: &str = "start_seconds,seconds,stage,warmup,target,sent,acknowledged,settled,\
open,lag,duplicated,wrong,ticks,ticks_late,p50_ms,p90_ms,p99_ms,p999_ms,max_ms";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::RowLatency;

    #[test]
    fn rows_have_a_field_for_every_heading() {
        let columns = CSV_HEADER.split(',').count();
        let latency = Some(RowLatency { p50: 1.5, ..RowLatency::default() });
        for row in [Row::default(), Row { latency, ..Row::default() }] {
            let mut line = Vec::new();
            write_row(&mut line, &row, "ramp").unwrap();
            let line = String::from_utf8(line).unwrap();
            assert_eq!(line.trim_end_matches('\n').split(',').count(), columns, "{line}");
        }
    }

    #[test]
    fn names_with_commas_and_quotes_stay_one_field() {
        assert_eq!(quoted("up 1/3"), "up 1/3");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
