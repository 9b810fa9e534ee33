//! Spans in a build without them: nobody can make any, and who asks for them is told so.

use std::time::Duration;

use crate::app::Error;
use crate::base::tally::SharedCounts;
use crate::config::Settings;
use crate::outcome::{MachineCard, PipelineCard};
use crate::shard::Settled;

/// There is none.
#[derive(Debug)]
pub(in crate::app) enum Exporter {}

/// There is none.
#[derive(Debug)]
pub(in crate::app) enum Recorder {}

impl Exporter {
    /// Refuses settings that ask for spans; those of a file were refused when it was read.
    pub(in crate::app) fn of(
        settings: &Settings,
        _: &[MachineCard],
        _: &[PipelineCard],
        _: SharedCounts<3>,
    ) -> Result<Option<Self>, Error> {
        if settings.traces.otlp.is_on() {
            return Err(Error::Settings(format!("traces.otlp: {}", crate::config::NO_OTLP)));
        }
        Ok(None)
    }

    pub(in crate::app) fn recorder(&self) -> Recorder {
        match *self {}
    }

    pub(in crate::app) fn stop(self, _: Duration) {
        match self {}
    }
}

impl Recorder {
    pub(in crate::app) fn settled(&self, _: &Settled<'_>) {
        match *self {}
    }
}
