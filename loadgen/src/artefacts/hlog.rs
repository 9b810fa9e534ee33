//! HdrHistogram interval logs: a compressed V2 histogram a second, in microseconds.
//!
//! The crate's writer borrows what it writes to, so each interval is appended by a writer of its
//! own, without a head.

use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogWriterBuilder, IntervalLogWriterError, Tag,
};
use hdrhistogram::serialization::{V2DeflateSerializeError, V2DeflateSerializer};

use crate::checker::Recent;
use crate::timeline::Row;

/// A log that is being written.
pub(super) struct IntervalLog<W: Write> {
    out: W,
    serializer: V2DeflateSerializer,
}

impl<W: Write> std::fmt::Debug for IntervalLog<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IntervalLog").finish_non_exhaustive()
    }
}

impl<W: Write> IntervalLog<W> {
    /// Writes the head of the log; times in it count from `start_ns`, since the epoch.
    pub(super) fn begin(mut out: W, start_ns: u64) -> io::Result<Self> {
        let mut serializer = V2DeflateSerializer::new();
        let start = UNIX_EPOCH + Duration::from_nanos(start_ns);
        IntervalLogWriterBuilder::new()
            .add_comment("[Latency from due time in microseconds; expressway-loadgen]")
            .add_comment("[Events of the warm-up have the tag warmup]")
            .with_start_time(start)
            .with_base_time(start)
            .begin_log_with(&mut out, &mut serializer)?;
        Ok(Self { out, serializer })
    }

    /// Appends an interval; one in which nothing was consumed leaves no line.
    pub(super) fn interval(&mut self, row: &Row, recent: &Recent) -> io::Result<()> {
        self.histogram(row, &recent.warmup_us, Tag::new("warmup"))?;
        self.histogram(row, &recent.measured_us, None)
    }

    /// Writes out what is still held.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn histogram(
        &mut self,
        row: &Row,
        histogram_us: &Histogram<u64>,
        tag: Option<Tag<'_>>,
    ) -> io::Result<()> {
        if histogram_us.is_empty() {
            return Ok(());
        }
        IntervalLogWriterBuilder::new()
            .begin_log_with(&mut self.out, &mut self.serializer)?
            .write_histogram(
                histogram_us,
                Duration::from_secs_f64(row.start_seconds),
                Duration::from_secs_f64(row.seconds),
                tag,
            )
            .map_err(into_io)
    }
}

fn into_io(error: IntervalLogWriterError<V2DeflateSerializeError>) -> io::Error {
    match error {
        IntervalLogWriterError::IoError(error) => error,
        IntervalLogWriterError::SerializeError(error) => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::checker::latency_histogram;

    #[test]
    fn the_crate_reads_back_what_was_recorded() {
        let mut whole = latency_histogram();
        let mut out = Vec::new();
        let mut log = IntervalLog::begin(&mut out, 1_700_000_000_000_000_000).unwrap();
        for second in 0..5_u32 {
            let mut recent =
                Recent { measured_us: latency_histogram(), warmup_us: latency_histogram() };
            for value in 1..=100 {
                let value = value * 37 * u64::from(second + 1);
                if second == 0 {
                    recent.warmup_us.record(value).unwrap();
                } else {
                    recent.measured_us.record(value).unwrap();
                    whole.record(value).unwrap();
                }
            }
            let row = Row { start_seconds: f64::from(second), seconds: 1.0, ..Row::default() };
            log.interval(&row, &recent).unwrap();
        }
        log.finish().unwrap();

        let mut merged = latency_histogram();
        let mut starts = Vec::new();
        let mut start_times = Vec::new();
        let mut deserializer = Deserializer::new();
        for entry in IntervalLogIterator::new(&out) {
            match entry.unwrap() {
                LogEntry::StartTime(time) | LogEntry::BaseTime(time) => start_times.push(time),
                LogEntry::Interval(interval) => {
                    if interval.tag().is_some_and(|tag| tag.as_str() == "warmup") {
                        continue;
                    }
                    starts.push(interval.start_timestamp().as_secs());
                    let bytes = base64::engine::general_purpose::STANDARD
                        .decode(interval.encoded_histogram())
                        .unwrap();
                    let histogram: Histogram<u64> =
                        deserializer.deserialize(&mut bytes.as_slice()).unwrap();
                    merged.add(&histogram).unwrap();
                }
            }
        }
        assert_eq!(starts, [1, 2, 3, 4]);
        assert_eq!(start_times, [Duration::from_secs(1_700_000_000); 2]);
        assert_eq!(merged, whole);
    }
}
