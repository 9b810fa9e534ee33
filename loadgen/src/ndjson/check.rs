//! Holding result lines against the events that were sent.
//!
//! The nth line belongs to the nth sound event. A line that is not what it should be may be that
//! of an event further on (those between are missing), or one that was there already (a
//! repetition), or one that others have overtaken; only when it is none of these it is unknown.
//! Which of them it is, [`super::places`] finds out; this file counts and judges.

use std::collections::VecDeque;
use std::fmt::{self, Display, Formatter};
use std::io::{self, BufRead};

use serde::Serialize;

use super::places::{Placed, Places, Script};
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
    /// Whether that line is what it should be and comes after later ones.
    pub(crate) wrong_first_is_late: bool,
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
    expected: Expected,
    /// `None` when nothing says what a line should be: then lines can only be counted.
    places: Option<Places>,
    checked: Checked,
}

/// What the lines should be, in order.
struct Expected {
    events: Sound,
    /// Events that were named and may still be asked for.
    stamps: VecDeque<Stamp>,
    /// Place of the first of them.
    first: u64,
    expectation: Option<Expectation>,
    payload: Payload,
}

impl Script for Expected {
    fn extend(&mut self) -> bool {
        let next = self.events.next();
        self.stamps.extend(next);
        next.is_some()
    }

    fn fits(&mut self, place: u64, line: &[u8]) -> bool {
        let stamp = self.stamp(place);
        let expectation = self.expectation.as_mut().zip(stamp);
        expectation
            .is_some_and(|(expectation, stamp)| expectation.is_met(&self.payload, stamp, line))
    }

    fn write(&mut self, place: u64, out: &mut Vec<u8>) {
        out.clear();
        if let Some((expectation, stamp)) = self.expectation.as_ref().zip(self.stamp(place)) {
            expectation.render(&self.payload, stamp, out);
        }
    }

    fn forget(&mut self, place: u64) {
        while self.first < place && self.stamps.pop_front().is_some() {
            self.first += 1;
        }
    }
}

impl Expected {
    fn stamp(&self, place: u64) -> Option<Stamp> {
        self.stamps.get(place.checked_sub(self.first)? as usize).copied()
    }
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
        let expectation = scenario.expectation();
        Self {
            places: expectation.is_some().then(Places::default),
            expected: Expected {
                events: Sound { dues: plan.schedule.dues(), plan: plan.clone(), sequence: 0 },
                stamps: VecDeque::new(),
                first: 0,
                expectation,
                payload: scenario.payload(plan, producer),
            },
            checked: Checked { format: "expressway-loadgen/ndjson-check/1", ..Checked::default() },
        }
    }

    fn line(&mut self, line: &[u8]) {
        self.checked.lines += 1;
        let Some(places) = &mut self.places else {
            let expected = self.expected.events.next().is_some();
            self.checked.expected += u64::from(expected);
            self.checked.duplicated += u64::from(!expected);
            return;
        };
        match places.place(line, &mut self.expected) {
            Placed::Right => {}
            Placed::Repeated => self.checked.duplicated += 1,
            Placed::Late(place) => self.wrong(place, true),
            Placed::Unknown(place) => self.wrong(place, false),
        }
    }

    /// Counts the line as wrong; the first one is shown with what was due.
    fn wrong(&mut self, place: u64, is_late: bool) {
        self.checked.wrong += 1;
        if self.checked.wrong_first.is_none() {
            let mut expected = Vec::new();
            self.expected.write(place, &mut expected);
            let expected = if expected.is_empty() {
                "the end".to_owned()
            } else {
                String::from_utf8_lossy(&expected).into_owned()
            };
            self.checked.wrong_first = Some((self.checked.lines, expected));
            self.checked.wrong_first_is_late = is_late;
        }
    }

    fn judge(mut self, scenario: &Scenario) -> Checked {
        let unnamed = self.expected.events.by_ref().count() as u64;
        if let Some(places) = &self.places {
            self.checked.expected = self.expected.first + self.expected.stamps.len() as u64;
            self.checked.lost = places.missing() + unnamed.saturating_sub(places.unknown_left());
        } else {
            self.checked.lost = unnamed;
        }
        self.checked.expected += unnamed;
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
            let what = if self.wrong_first_is_late {
                "comes after later ones:"
            } else {
                "should have been"
            };
            writeln!(f, "  wrong     line {line} first, which {what} {expected}")?;
        }
        for violation in &self.violations {
            writeln!(f, "violation   {violation}")?;
        }
        let passed = self.verdict == Some(Verdict::Pass);
        writeln!(f, "verdict     {}", if passed { "pass" } else { "FAIL" })
    }
}

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

    fn figures(lines: &[String]) -> (u64, u64, u64) {
        let found = checked(lines);
        (found.lost, found.duplicated, found.wrong)
    }

    #[test]
    fn an_unknown_line_is_wrong_once_and_the_next_ones_are_right() {
        let mut lines = sound_lines(&scenario());
        lines.insert(0, "garbage".to_owned());
        lines.insert(90, r#"{"n":"neither"}"#.to_owned());
        lines.push(r#"{"n":"beyond the end"}"#.to_owned());
        assert_eq!(figures(&lines), (0, 0, 3));
        // In the place of a line or beside it, it is one.
        lines[50] = "null".to_owned();
        assert_eq!(figures(&lines), (0, 0, 4));
        let all: Vec<String> = lines.iter().map(|_| "[]".to_owned()).collect();
        assert_eq!(figures(&all), (0, 0, all.len() as u64));
        assert_eq!(figures(&all[..9]), (lines.len() as u64 - 3 - 9, 0, 9));
    }

    #[test]
    fn repetitions_and_gaps_are_counted_however_long() {
        let lines = sound_lines(&scenario());
        let mut repeated = lines.clone();
        repeated.insert(150, lines[50].clone());
        assert_eq!(figures(&repeated), (0, 1, 0));
        repeated.push(lines[0].clone());
        assert_eq!(figures(&repeated), (0, 2, 0));
        let mut gap = lines;
        gap.drain(20..90);
        assert_eq!(figures(&gap), (70, 0, 0));
        gap.insert(20, "garbage".to_owned());
        assert_eq!(figures(&gap), (69, 0, 1), "it may have been one of them");
    }

    #[test]
    fn a_line_out_of_its_order_is_wrong_and_not_lost() {
        let mut lines = sound_lines(&scenario());
        let swapped = lines[10].clone();
        lines.swap(10, 11);
        assert_eq!(figures(&lines), (0, 0, 1));
        let found = check(&scenario(), &mut lines.join("\n").as_bytes()).unwrap().to_string();
        let shown = format!("line 12 first, which comes after later ones: {swapped}\n");
        assert!(found.contains(&shown), "{found}");
        let late = lines.remove(30);
        lines.insert(120, late);
        assert_eq!(figures(&lines), (0, 0, 2));
        let early = lines.pop().unwrap();
        lines.insert(3, early);
        assert_eq!(figures(&lines), (0, 0, 3));
    }

    #[test]
    fn a_changed_line_is_one_wrong_line_though_all_are_alike() {
        let mut scenario = scenario();
        scenario.expect = Some(r#"{"fixed": true}"#.to_owned());
        let mut lines = vec![r#"{"fixed":true}"#; sound_lines(&scenario).len()];
        lines[40] = r#"{"fixed":false}"#;
        let found = check(&scenario, &mut lines.join("\n").as_bytes()).unwrap();
        assert_eq!((found.lost, found.duplicated, found.wrong), (0, 0, 1));
        assert_eq!(found.wrong_first.as_ref().map(|(line, _)| *line), Some(41));
        lines.remove(90);
        let found = check(&scenario, &mut lines.join("\n").as_bytes()).unwrap();
        assert_eq!((found.lost, found.duplicated, found.wrong), (1, 0, 1));
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
