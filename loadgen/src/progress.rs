//! The live line on stderr: where the run is, once a second.

use std::io::{IsTerminal, Write};

use crate::args;
use crate::gauges::Gauges;
use crate::plan::Plan;

/// Draws the live line, or does nothing.
#[derive(Debug)]
pub(crate) struct LiveLine {
    shown: bool,
    in_place: bool,
    drawn: bool,
    last_sent: u64,
    last_ns: u64,
}

impl LiveLine {
    /// Decides once whether and how to draw.
    pub(crate) fn new(when: args::Progress) -> Self {
        let in_place = std::io::stderr().is_terminal();
        Self {
            shown: match when {
                args::Progress::Auto => in_place,
                args::Progress::Always => true,
                args::Progress::Never => false,
            },
            in_place,
            drawn: false,
            last_sent: 0,
            last_ns: 0,
        }
    }

    /// Draws the line if a second has passed since the last one.
    pub(crate) fn tick(&mut self, gauges: &Gauges, plan: &Plan, elapsed_ns: u64) {
        let since_ns = elapsed_ns.saturating_sub(self.last_ns);
        if !self.shown || since_ns < SECOND_NS {
            return;
        }
        let sent = gauges.sent.get();
        let rate = (sent - self.last_sent) as f64 * SECOND_NS as f64 / since_ns as f64;
        self.last_sent = sent;
        self.last_ns = elapsed_ns;
        let line = render(gauges, plan, elapsed_ns, rate);
        let mut stderr = std::io::stderr().lock();
        // A live line that cannot be drawn is no reason to stop the run.
        let _ = if self.in_place {
            write!(stderr, "\r{line}\x1b[K")
        } else {
            writeln!(stderr, "{line}")
        };
        let _ = stderr.flush();
        self.drawn = true;
    }

    /// Leaves the cursor on a fresh line.
    pub(crate) fn finish(&mut self) {
        if self.drawn && self.in_place {
            let _ = writeln!(std::io::stderr().lock());
        }
    }
}

fn render(gauges: &Gauges, plan: &Plan, elapsed_ns: u64, rate: f64) -> String {
    let sent = gauges.sent.get();
    format!(
        "{:>4} s  sent {sent} of {} ({rate:.0}/s)  open {}  p50 {:.1} ms  p99 {:.1} ms  duplicated {}  wrong {}",
        elapsed_ns / SECOND_NS,
        plan.count,
        sent.saturating_sub(gauges.settled.get()),
        gauges.recent_p50_us.get() as f64 / 1e3,
        gauges.recent_p99_us.get() as f64 / 1e3,
        gauges.duplicated.get(),
        gauges.wrong.get(),
    )
}

const SECOND_NS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_what_is_open() {
        let gauges = Gauges::default();
        gauges.sent.set(500);
        gauges.settled.set(480);
        gauges.recent_p99_us.set(12_345);
        let plan = Plan {
            rate: "100".parse().unwrap(),
            count: 1_000,
            stop_after_ns: None,
            warmup_ns: 0,
            keys: 0,
            poison_below: 0,
            start_ns: 0,
        };
        let line = render(&gauges, &plan, 5 * SECOND_NS, 99.7);
        assert_eq!(
            line,
            "   5 s  sent 500 of 1000 (100/s)  open 20  p50 0.0 ms  p99 12.3 ms  duplicated 0  wrong 0"
        );
    }
}
