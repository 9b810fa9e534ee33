//! Spans: which executions tell them, what they say, and where they go.

#[cfg(feature = "otlp")]
#[path = "spans/told.rs"]
mod exporter;
#[cfg(not(feature = "otlp"))]
#[path = "spans/untold.rs"]
mod exporter;

use std::time::Duration;

pub(super) use self::exporter::{Exporter, Recorder};

use crate::config::Settings;
use crate::shard::Spans;
use crate::vm::Sampling;

/// Which executions tell their spans: those whose event says so, and of those whose event is part of
/// no trace the ones that are kept in memory for the same reason.
pub(super) fn sampled(settings: &Settings) -> Spans {
    if settings.traces.otlp.is_on() {
        Spans::Sampled(Sampling::per_million(settings.traces.per_million))
    } else {
        Spans::None
    }
}

/// How long a stop waits for the collector.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(2);
