//! The logging of a pipeline as what its shards record and where its source writes it.

use std::io::{self, Write as _};
use std::sync::Arc;

use crate::config::{LogDestination, LogLevel, Logging, Pipeline};
use crate::ingest::{HistorySink, Lines};
use crate::vm::{Level, Recording};

/// What the executions of a machine with this logging record.
pub(super) fn recording(logging: &Logging) -> Recording {
    let level = match logging.level {
        LogLevel::All => Level::All,
        LogLevel::Error => Level::Error,
        LogLevel::Fatal => Level::Fatal,
        LogLevel::Off => Level::Off,
    };
    Recording { level, data: logging.include_execution_data }
}

/// Where the history of a pipeline goes.
pub(super) fn sink(pipeline: &Pipeline) -> HistorySink {
    match (pipeline.logging.level, pipeline.logging.destination) {
        (LogLevel::Off, _) => HistorySink::Nowhere,
        (_, LogDestination::Topic) => HistorySink::Topic(pipeline.history_topic.clone()),
        (_, LogDestination::Stdout) => HistorySink::Lines(Arc::new(Stdout)),
    }
}

/// The stdout of the process, which several sources share.
#[derive(Debug)]
struct Stdout;

impl Lines for Stdout {
    fn write(&self, text: &[u8]) -> io::Result<()> {
        // Locked for the whole text: lines of two sources never mix.
        let mut out = io::stdout().lock();
        out.write_all(text)?;
        out.flush()
    }
}
