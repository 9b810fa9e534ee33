//! Holding result lines against the events that were sent.
//!
//! The nth line belongs to the nth sound event. A line that is not what it should be may be that
//! of an event a little further on (those between are missing), or one that was there already (a
//! repetition); only when neither fits is it wrong.

use std::collections::VecDeque;
use std::fmt::{self, Display, Formatter};
use std::io::{self, BufRead};

use serde::Serialize;

use crate::expect::Expectation;
use crate::payload::Payload;
use crate::report::Verdict;
use crate::scenario::Scenario;
use crate::schedule::Dues;
use crate::stamp::{ProducerId, Stamp};

/// What the lines came to.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Checked {
    /// Version of this layout.
    pub(crate) format: &'static str,
    /// `pass` or `fail`.
    pub(crate) verdict: Option<Verdict>,
    /// What crossed a threshold, one sentence each.
    pub(crate) violations: Vec<String>,
    /// Sound events of the scenario.
    pub(crate) expected: u64,
    /// Lines read.
    pub(crate) lines: u64,
    /// Events without a line.
    pub(crate) lost: u64,
    /// Lines beyond an event's first.
    pub(crate) duplicated: u64,
    /// Lines that are not what they should be.
    pub(crate) wrong: u64,
    /// The first wrong line, from 1, and what it should have been.
    pub(crate) wrong_first: Option<(u64, String)>,
}

/// Reads result lines and checks them against the scenario.
pub(crate) fn check(scenario: &Scenario, lines: &mut dyn BufRead) -> io::Result<Checked> {
    let mut ledger = Ledger::new(scenario);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        ledger.line(&line);
        line.clear();
    }
    Ok(ledger.judge(scenario))
}

struct Ledger {
    events: Sound,
    /// Events whose line has not come yet, the next one first.
    ahead: VecDeque<Stamp>,
    /// Events whose line came last.
    behind: VecDeque<Stamp>,
    expectation: Option<Expectation>,
    payload: Payload,
    checked: Checked,
}

/// The sound events of a scenario in order.
struct Sound {
    dues: Dues,
    plan: crate::plan::Plan,
    sequence: u64,
}

impl Iterator for Sound {
    type Item = Stamp;

    fn next(&mut self) -> Option<Stamp> {
        loop {
            let due_ns = self.dues.next()?;
            let sequence = self.sequence;
            self.sequence += 1;
            if self.plan.poison(sequence).is_none() {
                return Some(Stamp { sequence, due_ns });
            }
        }
    }
}

impl Ledger {
    fn new(scenario: &Scenario) -> Self {
        let plan = scenario.plan.clone();
        let producer = ProducerId::from_number(plan.seed);
        Self {
            events: Sound { dues: plan.schedule.dues(), plan: plan.clone(), sequence: 0 },
            ahead: VecDeque::new(),
            behind: VecDeque::new(),
            expectation: scenario.expectation(),
            payload: scenario.payload(plan, producer),
            checked: Checked { format: "expressway-loadgen/ndjson-check/1", ..Checked::default() },
        }
    }

    fn line(&mut self, line: &[u8]) {
        self.checked.lines += 1;
        while self.ahead.len() < WINDOW
            && let Some(stamp) = self.events.next()
        {
            self.checked.expected += 1;
            self.ahead.push_back(stamp);
        }
        let Some(expectation) = &mut self.expectation else {
            // Nothing says what a line should be; it can only be counted.
            self.checked.duplicated += u64::from(self.ahead.pop_front().is_none());
            return;
        };
        let mut fits = |stamp: &Stamp| expectation.is_met(&self.payload, *stamp, line);
        if let Some(place) = self.ahead.iter().position(&mut fits) {
            self.checked.lost += place as u64;
            self.behind.extend(self.ahead.drain(..=place));
            let surplus = self.behind.len().saturating_sub(WINDOW);
            self.behind.drain(..surplus);
        } else if self.behind.iter().any(fits) || self.ahead.is_empty() {
            self.checked.duplicated += 1;
        } else {
            self.wrong();
        }
    }

    /// Counts the line as the wrong one of the event whose turn it is.
    fn wrong(&mut self) {
        self.checked.wrong += 1;
        let Some(stamp) = self.ahead.pop_front() else {
            return;
        };
        if self.checked.wrong_first.is_none()
            && let Some(expectation) = &self.expectation
        {
            let expected = expectation.text(&self.payload, stamp);
            self.checked.wrong_first = Some((self.checked.lines, expected));
        }
    }

    fn judge(mut self, scenario: &Scenario) -> Checked {
        let unseen = self.events.by_ref().count() as u64;
        self.checked.expected += unseen;
        self.checked.lost += unseen + self.ahead.len() as u64;
        let mut checked = self.checked;
        let limits = &scenario.limits;
        for (what, found, max) in [
            ("lost", checked.lost, limits.lost),
            ("duplicated", checked.duplicated, limits.duplicated),
            ("wrong", checked.wrong, limits.wrong),
        ] {
            if let Some(max) = max
                && found > max
            {
                checked.violations.push(format!("{what}: {found}, at most {max} allowed"));
            }
        }
        let passed = checked.violations.is_empty();
        checked.verdict = Some(if passed { Verdict::Pass } else { Verdict::Fail });
        checked
    }
}

impl Display for Checked {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "lines       read {}, expected {}", self.lines, self.expected)?;
        writeln!(
            f,
            "checked     lost {}, duplicated {}, wrong {}",
            self.lost, self.duplicated, self.wrong
        )?;
        if let Some((line, expected)) = &self.wrong_first {
            writeln!(f, "  wrong     line {line} first, which should have been {expected}")?;
        }
        for violation in &self.violations {
            writeln!(f, "violation   {violation}")?;
        }
        let passed = self.verdict == Some(Verdict::Pass);
        writeln!(f, "verdict     {}", if passed { "pass" } else { "FAIL" })
    }
}

/// How far from its place a line is looked for.
const WINDOW: usize = 64;

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Args;

    fn scenario() -> Scenario {
        let mut args =
            Args::try_parse_from("loadgen --ndjson --count 200 --rate 1000".split(' ')).unwrap();
        args.poison_share = Some(0.1);
        let mut scenario = Scenario::from_args(&args).unwrap();
        scenario.expect = Some(r#"{"n": {{sequence}}}"#.to_owned());
        scenario
    }

    fn sound_lines(scenario: &Scenario) -> Vec<String> {
        (0..200)
            .filter(|sequence| scenario.plan.poison(*sequence).is_none())
            .map(|sequence| format!(r#"{{"n":{sequence}}}"#))
            .collect()
    }

    fn checked(lines: &[String]) -> Checked {
        let text = lines.join("\n");
        check(&scenario(), &mut text.as_bytes()).unwrap()
    }

    #[test]
    fn the_nth_line_belongs_to_the_nth_sound_event() {
        let lines = sound_lines(&scenario());
        let found = checked(&lines);
        assert_eq!((found.lost, found.duplicated, found.wrong), (0, 0, 0));
        assert_eq!(found.expected, lines.len() as u64);
        assert_eq!(found.verdict, Some(Verdict::Pass));
    }

    #[test]
    fn what_is_missing_repeated_or_wrong_is_told_apart() {
        let mut lines = sound_lines(&scenario());
        lines.drain(20..23);
        lines.insert(60, lines[58].clone());
        lines[100] = r#"{"n":"no"}"#.to_owned();
        lines.truncate(lines.len() - 5);
        let found = checked(&lines);
        assert_eq!((found.lost, found.duplicated, found.wrong), (8, 1, 1));
        let (line, expected) = found.wrong_first.unwrap();
        assert_eq!(line, 101);
        assert!(expected.starts_with(r#"{"n":1"#), "{expected}");
        assert_eq!(found.violations.len(), 3);
    }

    #[test]
    fn without_an_expectation_lines_are_counted() {
        let mut scenario = scenario();
        scenario.expect = None;
        let mut lines = sound_lines(&scenario);
        lines.push("one more".to_owned());
        let found = check(&scenario, &mut lines.join("\n").as_bytes()).unwrap();
        assert_eq!((found.lost, found.duplicated), (0, 1));
        let found = check(&scenario, &mut &b""[..]).unwrap();
        assert_eq!(found.lost, lines.len() as u64 - 1);
    }
}
