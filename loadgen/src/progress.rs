//! The live view on stderr: a panel redrawn in place on a terminal, else one line a second.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

use crate::args;
use crate::gauges::{Cell, Gauges};
use crate::plan::Plan;
use crate::scenario::Scenario;

/// Draws the live view, or does nothing.
#[derive(Debug)]
pub(crate) struct LiveView {
    form: Form,
    painted: bool,
    name: String,
    checks_bills: bool,
    /// Lines of the panel that stand on the screen.
    drawn: usize,
    last: Seen,
    /// Events settled per second, and the 99th percentile of each second.
    history: VecDeque<(f64, f64)>,
}

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Panel,
    Lines,
    Nothing,
}

/// What stood there when the view was drawn last.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    elapsed_ns: u64,
    sent: u64,
    settled: u64,
}

/// The figures of one moment.
struct Moment<'a> {
    gauges: &'a Gauges,
    plan: &'a Plan,
    elapsed_ns: u64,
    /// Events sent since the moment before.
    sent_since: u64,
    sent_per_second: f64,
    settled_per_second: f64,
}

impl LiveView {
    /// Decides once whether and how to draw.
    pub(crate) fn new(when: args::Progress, scenario: &Scenario) -> Self {
        let form = match when {
            args::Progress::Auto if std::io::stderr().is_terminal() => Form::Panel,
            args::Progress::Auto | args::Progress::Always => Form::Lines,
            args::Progress::Never => Form::Nothing,
        };
        Self {
            form,
            painted: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            name: scenario.name.clone(),
            checks_bills: scenario.kafka.billing_topic.is_some(),
            drawn: 0,
            last: Seen::default(),
            history: VecDeque::new(),
        }
    }

    /// Draws if a second has passed since the last time.
    pub(crate) fn tick(&mut self, gauges: &Gauges, plan: &Plan, elapsed_ns: u64) {
        let since_ns = elapsed_ns.saturating_sub(self.last.elapsed_ns);
        if self.form == Form::Nothing || since_ns < SECOND_NS {
            return;
        }
        let seen = Seen { elapsed_ns, sent: gauges.sent.get(), settled: gauges.settled.get() };
        let per_second = |count: u64| count as f64 * SECOND_NS as f64 / since_ns as f64;
        let moment = Moment {
            gauges,
            plan,
            elapsed_ns,
            sent_since: seen.sent - self.last.sent,
            sent_per_second: per_second(seen.sent - self.last.sent),
            settled_per_second: per_second(seen.settled - self.last.settled),
        };
        self.last = seen;
        let text = match self.form {
            Form::Panel => self.panel(&moment),
            Form::Lines | Form::Nothing => moment.line() + "\n",
        };
        let mut stderr = std::io::stderr().lock();
        // A live view that cannot be drawn is no reason to stop the run.
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }

    /// Ends the view. A panel stays on the screen, the cursor below it.
    pub(crate) fn finish(&mut self) {
        if self.drawn > 0 {
            let _ = writeln!(std::io::stderr().lock());
            self.drawn = 0;
        }
    }

    /// Returns the panel, and before it what moves the cursor to where the last one began.
    fn panel(&mut self, moment: &Moment<'_>) -> String {
        self.history.push_back((moment.settled_per_second, moment.p99_ms()));
        if self.history.len() > SPARKS {
            self.history.pop_front();
        }
        let mut text = String::new();
        if self.drawn > 0 {
            let _ = write!(text, "\x1b[{}A\r", self.drawn);
        }
        let lines = self.lines(moment);
        self.drawn = lines.len();
        for line in lines {
            text.push_str(&line);
            text.push_str("\x1b[K\n");
        }
        text
    }

    fn lines(&self, moment: &Moment<'_>) -> Vec<String> {
        let Moment { gauges, plan, elapsed_ns, .. } = *moment;
        let stages = plan.schedule.stages();
        let stage = plan.schedule.stage_at(elapsed_ns);
        let number = |count: u64, bad: bool| self.paint(&count.to_string(), bad && count > 0);
        let late = moment.late_share();
        let mut lines = vec![
            format!(
                "{}  stage {}/{} {}  {}",
                self.name,
                stage + 1,
                stages.len(),
                stages[stage].name,
                moment.bar()
            ),
            format!(
                "rate/s      target {:>9.0}   sent {:>9.0}   settled {:>9.0}   open {}",
                moment.target_per_second(),
                moment.sent_per_second,
                moment.settled_per_second,
                moment.open()
            ),
            format!(
                "latency ms  p50 {:>8}   p99 {:>8}   p99.9 {:>8}   max {:>8}",
                moment.shown_ms(&gauges.recent_p50_us),
                moment.shown_ms(&gauges.recent_p99_us),
                moment.shown_ms(&gauges.recent_p999_us),
                moment.shown_ms(&gauges.recent_max_us),
            ),
            format!(
                "checked     duplicated {}   wrong {}   undelivered {}   generator late {}",
                number(gauges.duplicated.get(), true),
                number(gauges.wrong.get(), true),
                number(gauges.undelivered.get(), true),
                self.paint(&format!("{:.2} %", late * 100.0), late > 0.01),
            ),
        ];
        if moment.unacknowledged() > 0 {
            let unacknowledged = number(moment.unacknowledged(), true);
            let _ = write!(lines[1], "   unacknowledged {unacknowledged}");
        }
        if self.checks_bills {
            let _ = write!(lines[3], "   bills open {}", gauges.bills_open.get());
        }
        let (settled, p99): (Vec<f64>, Vec<f64>) = self.history.iter().copied().unzip();
        lines.push(format!("settled/s   {}  up to {:.0}", sparks(&settled), highest(&settled)));
        lines.push(format!("p99 ms      {}  up to {:.1}", sparks(&p99), highest(&p99)));
        lines
    }

    fn paint(&self, text: &str, alarming: bool) -> String {
        if alarming && self.painted { format!("\x1b[1;31m{text}\x1b[0m") } else { text.to_owned() }
    }
}

impl Moment<'_> {
    fn line(&self) -> String {
        let Self { gauges, plan, elapsed_ns, .. } = self;
        let sent = gauges.sent.get();
        let mut line = format!(
            "{:>4} s  sent {sent} of {} ({:.0}/s)  settled {:.0}/s  open {}  p50 {} ms  p99 {} ms  duplicated {}  wrong {}  late {:.2} %",
            elapsed_ns / SECOND_NS,
            plan.schedule.planned(),
            self.sent_per_second,
            self.settled_per_second,
            self.open(),
            self.shown_ms(&gauges.recent_p50_us),
            self.shown_ms(&gauges.recent_p99_us),
            gauges.duplicated.get(),
            gauges.wrong.get(),
            self.late_share() * 100.0,
        );
        let missed =
            [("undelivered", gauges.undelivered.get()), ("unacknowledged", self.unacknowledged())];
        for (what, count) in missed.into_iter().filter(|(_, count)| *count > 0) {
            let _ = write!(line, "  {what} {count}");
        }
        line
    }

    /// Returns how many events have waited for their acknowledgement for longer than since the
    /// view was drawn last, at least; those sent since then may be on their way.
    fn unacknowledged(&self) -> u64 {
        let gauges = self.gauges;
        let answered = gauges.acknowledged.get() + gauges.undelivered.get();
        gauges.sent.get().saturating_sub(answered + self.sent_since)
    }

    /// Returns a latency of the last second, or a dash when nothing was measured in it.
    fn shown_ms(&self, us: &Cell) -> String {
        if self.gauges.recent_max_us.get() == 0 {
            return "-".to_owned();
        }
        format!("{:.1}", ms(us.get()))
    }

    fn open(&self) -> u64 {
        self.gauges.sent.get().saturating_sub(self.gauges.settled.get())
    }

    fn p99_ms(&self) -> f64 {
        ms(self.gauges.recent_p99_us.get())
    }

    fn late_share(&self) -> f64 {
        self.gauges.ticks_late.get() as f64 / self.gauges.ticks.get().max(1) as f64
    }

    fn target_per_second(&self) -> f64 {
        let from_ns = self.elapsed_ns.saturating_sub(SECOND_NS);
        let schedule = &self.plan.schedule;
        schedule.expected_until(self.elapsed_ns) - schedule.expected_until(from_ns)
    }

    /// Returns how much of the time is over, and a bar as long.
    fn bar(&self) -> String {
        let planned_ns = self.plan.schedule.planned_ns().max(1);
        let share = (self.elapsed_ns as f64 / planned_ns as f64).min(1.0);
        let full = (share * BAR as f64).round() as usize;
        let drain = if self.elapsed_ns > planned_ns { "  draining" } else { "" };
        format!(
            "{} of {} [{}{}]{drain}",
            minutes(self.elapsed_ns),
            minutes(planned_ns),
            "#".repeat(full),
            ".".repeat(BAR - full)
        )
    }
}

fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}

fn minutes(ns: u64) -> String {
    let seconds = (ns + SECOND_NS / 2) / SECOND_NS;
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

fn highest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// Returns a bar for each value, as high as its share of the highest.
fn sparks(values: &[f64]) -> String {
    let highest = highest(values);
    let bar = |value: &f64| {
        let eighths = if highest > 0.0 { (value / highest * 8.0).round() as usize } else { 0 };
        [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][eighths.min(8)]
    };
    values.iter().map(bar).collect()
}

const SECOND_NS: u64 = 1_000_000_000;
const BAR: usize = 24;
const SPARKS: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    fn gauges() -> Gauges {
        let gauges = Gauges::default();
        gauges.sent.set(500);
        gauges.settled.set(480);
        gauges.acknowledged.set(490);
        gauges.recent_max_us.set(20_000);
        gauges.recent_p99_us.set(12_345);
        gauges.ticks.set(1_000);
        gauges.ticks_late.set(20);
        gauges.wrong.set(3);
        gauges
    }

    fn moment<'a>(gauges: &'a Gauges, plan: &'a Plan) -> Moment<'a> {
        let elapsed_ns = 5 * SECOND_NS;
        let sent_since = 100;
        Moment {
            gauges,
            plan,
            elapsed_ns,
            sent_since,
            sent_per_second: 99.7,
            settled_per_second: 98.0,
        }
    }

    fn view(painted: bool) -> LiveView {
        LiveView {
            form: Form::Panel,
            painted,
            name: "orders".to_owned(),
            checks_bills: true,
            drawn: 0,
            last: Seen::default(),
            history: VecDeque::new(),
        }
    }

    #[test]
    fn the_line_shows_what_is_open() {
        let (gauges, plan) = (gauges(), Plan::for_tests(100.0, 1_000));
        assert_eq!(
            moment(&gauges, &plan).line(),
            "   5 s  sent 500 of 1000 (100/s)  settled 98/s  open 20  p50 0.0 ms  p99 12.3 ms  duplicated 0  wrong 3  late 2.00 %"
        );
    }

    #[test]
    fn the_line_shows_what_kafka_did_not_confirm_and_no_latency_of_nothing() {
        let (gauges, plan) = (gauges(), Plan::for_tests(100.0, 1_000));
        gauges.undelivered.set(7);
        gauges.acknowledged.set(390);
        gauges.recent_max_us.set(0);
        let line = moment(&gauges, &plan).line();
        assert!(line.ends_with("late 2.00 %  undelivered 7  unacknowledged 3"), "{line}");
        assert!(line.contains("p50 - ms  p99 - ms"), "{line}");
        assert!(view(false).panel(&moment(&gauges, &plan)).contains("max        -"));
    }

    #[test]
    fn the_panel_fits_a_terminal_and_is_drawn_over_itself() {
        let (gauges, plan) = (gauges(), Plan::for_tests(100.0, 1_000));
        let moment = moment(&gauges, &plan);
        let mut view = view(false);
        let first = view.panel(&moment);
        assert!(!first.starts_with("\x1b["));
        let lines = first.matches('\n').count();
        for line in first.lines() {
            assert!(line.trim_end_matches("\x1b[K").chars().count() <= 100, "{line}");
        }
        assert!(first.contains("00:05 of 00:10 [############............]"), "{first}");
        assert!(first.contains("target       100"), "{first}");
        assert!(view.panel(&moment).starts_with(&format!("\x1b[{lines}A\r")));
    }

    #[test]
    fn what_is_alarming_is_painted_unless_colour_is_unwanted() {
        let (gauges, plan) = (gauges(), Plan::for_tests(100.0, 1_000));
        let moment = moment(&gauges, &plan);
        assert!(view(true).panel(&moment).contains("wrong \x1b[1;31m3\x1b[0m"));
        assert!(view(false).panel(&moment).contains("wrong 3 "));
    }

    #[test]
    fn sparks_are_as_high_as_their_values() {
        assert_eq!(sparks(&[0.0, 1.0, 2.0, 4.0, 8.0]), " ▁▂▄█");
        assert_eq!(sparks(&[0.0, 0.0]), "  ");
    }
}
