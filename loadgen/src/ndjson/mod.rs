//! The same load without Kafka: events as JSON lines on stdout, results checked line by line.
//!
//! For programs that read lines: `expressway run --input -` and any other. There are no headers,
//! so a line is known by its place: the nth result belongs to the nth sound event. Latency is not
//! measured; punctuality is.

mod check;
mod places;
mod send;

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use crate::pacing::Punctuality;
use crate::report::Verdict;

pub(crate) use self::check::check;
pub(crate) use self::send::{SendError, send};

/// What sending lines came to; printed on stderr, since stdout has the events.
#[derive(Debug, Serialize)]
pub(crate) struct Sending {
    /// Version of this layout.
    pub(crate) format: &'static str,
    /// `pass`, `fail`, `invalid` or `interrupted`.
    pub(crate) verdict: Verdict,
    /// Why it failed, one sentence each.
    pub(crate) violations: Vec<String>,
    /// Lines of the plan.
    pub(crate) planned: u64,
    /// Lines written.
    pub(crate) sent: u64,
    /// Of them, malformed on purpose.
    pub(crate) malformed: u64,
    /// Bytes written, line ends included.
    pub(crate) bytes: u64,
    /// Length of the schedule, or until the last line if that was later or ended the run; the
    /// interval after the last line included.
    pub(crate) seconds: f64,
    /// Lines a second over that time.
    pub(crate) achieved_per_second: f64,
    /// Ticks of a millisecond.
    pub(crate) ticks: u64,
    /// Of them, served late by the generator's own doing.
    pub(crate) ticks_late: u64,
    /// Of them, spent waiting for the reader.
    pub(crate) ticks_blocked: u64,
    /// Whether the reader went away before the end.
    pub(crate) reader_gone: bool,
}

impl Sending {
    fn new(planned: u64, sent: u64, seconds: f64, punctuality: Punctuality) -> Self {
        Self {
            format: "expressway-loadgen/ndjson/1",
            verdict: Verdict::Pass,
            violations: Vec::new(),
            planned,
            sent,
            malformed: 0,
            bytes: 0,
            seconds,
            achieved_per_second: if seconds > 0.0 { sent as f64 / seconds } else { 0.0 },
            ticks: punctuality.ticks,
            ticks_late: punctuality.ticks_late,
            ticks_blocked: punctuality.ticks_held_back,
            reader_gone: false,
        }
    }

    /// Returns the share of ticks that were late.
    pub(crate) fn late_share(&self) -> f64 {
        self.ticks_late as f64 / self.ticks.max(1) as f64
    }
}

impl Display for Sending {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "lines       sent {} of {}, malformed {}, {} bytes",
            self.sent, self.planned, self.malformed, self.bytes
        )?;
        writeln!(f, "rate        {:.1}/s over {:.2} s", self.achieved_per_second, self.seconds)?;
        writeln!(
            f,
            "generator   late in {:.2} % of {} ticks, waited for the reader in {}",
            self.late_share() * 100.0,
            self.ticks,
            self.ticks_blocked
        )?;
        if self.reader_gone {
            writeln!(f, "note        the reader went away before the end")?;
        }
        for violation in &self.violations {
            writeln!(f, "violation   {violation}")?;
        }
        let verdict = match self.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "FAIL",
            Verdict::Invalid => "INVALID: the generator fell behind",
            Verdict::Interrupted => "interrupted",
        };
        writeln!(f, "verdict     {verdict}")
    }
}
