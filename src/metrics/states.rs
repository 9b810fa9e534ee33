//! Families by state: at most so many series in all, the first machines first.
//!
//! How a state is left is counted by instruction; here the instructions that leave a state alike are
//! summed. A series by error name comes with its first error, as long as there is room for it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::admission::{Admission, Admissions};
use super::catalogue as names;
use super::catalogue::Family;
use super::text::{Page, Samples};
use super::{Options, ProgramLabels, StateLabel};
use crate::base::ids::MachineIdx;
use crate::base::tally::{ITERATED, LATENCY_BOUNDS_NS, OTHER_ERROR, PerState, StateCounts};
use crate::program::{Branch, Outcome};

/// Series by state in all; what does not fit has none.
const STATE_SERIES_MAX: usize = 2_000;
/// Samples of a histogram of durations: a bucket for each bound and the rest, the sum, the count.
const HISTOGRAM_SERIES: usize = LATENCY_BOUNDS_NS.buckets() + 2;

/// Label values of the ways in which a state is left.
const OUTCOMES: [&str; 4] = ["next", "end", "caught", "failed"];
const FAILED: usize = 3;

/// Errors that have a series from the start where a state has a rule that takes errors.
const ERRORS_AT_START: [&str; 3] = ["States.TaskFailed", "States.Timeout", OTHER_ERROR];

/// Which states are shown, and what more may be.
pub(super) struct States {
    shown: Vec<Shown>,
    /// Series without room at the start, by family.
    dropped: Vec<(&'static str, u64)>,
    full: bool,
    /// Series by error name.
    errors: Mutex<Admissions<Series>>,
}

/// A state that is shown.
struct Shown {
    machine: usize,
    state: usize,
    /// The instructions that leave it: which outcome each means, and which branch.
    exits: Vec<(usize, usize, Option<usize>)>,
    /// The branches of a Choice; without `none`, which it has, too.
    branches: Vec<String>,
}

/// What was counted of a state that is shown.
#[derive(Default)]
struct Counts {
    state: StateCounts,
    outcomes: [u64; OUTCOMES.len()],
    branches: Vec<u64>,
}

/// A family, the number of a state that is shown, an error name.
type Series = (&'static str, usize, String);

impl States {
    pub(super) fn new(options: &Options) -> Self {
        let full = options.per_state == PerState::Full;
        let mut room = STATE_SERIES_MAX;
        let mut shown = Vec::new();
        let mut dropped: BTreeMap<&'static str, u64> = BTreeMap::new();
        let programs = match options.per_state {
            PerState::Off => &[][..],
            PerState::Counters | PerState::Full => &options.programs,
        };
        for (machine, program) in programs.iter().enumerate() {
            for (state, label) in program.states.iter().enumerate() {
                let one = Shown::new(machine, state, program);
                let series = one.series(label, full);
                let count = series.iter().map(|(_, count)| count).sum::<usize>();
                // A machine without a label of its own has none for its states either.
                if machine < options.state_machines_max && count <= room {
                    room -= count;
                    shown.push(one);
                    continue;
                }
                for (family, count) in series.into_iter().filter(|(_, count)| *count > 0) {
                    *dropped.entry(family.name).or_default() += count as u64;
                }
            }
        }
        let errors = Mutex::new(Admissions::new(room));
        Self { shown, dropped: dropped.into_iter().collect(), full, errors }
    }

    /// Series that have no room from the start, by family.
    pub(super) fn dropped(&self) -> &[(&'static str, u64)] {
        &self.dropped
    }

    /// `machines` are the labels of the state machines. Returns the family of each series that was
    /// refused for the first time.
    pub(super) fn render(
        &self,
        options: &Options,
        machines: &[String],
        page: &mut Page<'_>,
    ) -> Vec<&'static str> {
        let mut drawing = Drawing {
            states: self,
            counts: self.shown.iter().map(|shown| shown.counts(options)).collect(),
            options,
            machines,
            refused: Vec::new(),
        };
        drawing.each(
            page,
            &names::STATES_ENTERED,
            |_, samples, [machine, state], label, counts| {
                samples.count(&[machine, state, label.kind], counts.state.entered);
            },
        );
        drawing.exits(page);
        let retried: fn(&StateCounts) -> &BTreeMap<String, u64> = |counts| &counts.retried;
        drawing.errors(page, &names::STATE_RETRIES, |label| label.retries, retried);
        drawing.errors(page, &names::STATE_CATCHES, |label| label.catches, |counts| &counts.caught);
        drawing.branches(page);
        drawing.each(page, &names::STATE_DURATION, |drawing, samples, values, label, counts| {
            if drawing.states.full && label.waits {
                samples.histogram(&values, &counts.state.duration);
            }
        });
        drawing.each(page, &names::MAP_ITEMS, |_, samples, [machine, state], label, counts| {
            if label.is_map() {
                for (status, count) in ITERATED.iter().zip(counts.state.items) {
                    samples.count(&[machine, state, status], count);
                }
            }
        });
        drawing.refused
    }
}

impl Shown {
    fn new(machine: usize, state: usize, program: &ProgramLabels) -> Self {
        let mut exits = Vec::new();
        let mut branches = Vec::new();
        for exit in program.exits.iter().filter(|exit| exit.state.index() == state) {
            let outcome = match exit.outcome {
                Outcome::Next => 0,
                Outcome::End => 1,
                Outcome::Caught => 2,
            };
            let branch = exit.branch.map(|branch| {
                branches.push(match branch {
                    Branch::Rule(index) => index.to_string(),
                    Branch::Default => "default".to_owned(),
                });
                branches.len() - 1
            });
            exits.push((exit.pc.0 as usize, outcome, branch));
        }
        Self { machine, state, exits, branches }
    }

    fn has(&self, outcome: usize) -> bool {
        outcome == FAILED || self.exits.iter().any(|(_, own, _)| *own == outcome)
    }

    /// Series that the state has from the start, by family.
    fn series(&self, label: &StateLabel, full: bool) -> Vec<(Family, usize)> {
        let errors = ERRORS_AT_START.len();
        let branches = if self.branches.is_empty() { 0 } else { self.branches.len() + 1 };
        vec![
            (names::STATES_ENTERED, 1),
            (names::STATES_EXITED, (0..OUTCOMES.len()).filter(|one| self.has(*one)).count()),
            (names::STATE_RETRIES, if label.retries { errors } else { 0 }),
            (names::STATE_CATCHES, if label.catches { errors } else { 0 }),
            (names::CHOICE_BRANCHES, branches),
            (names::STATE_DURATION, if full && label.waits { HISTOGRAM_SERIES } else { 0 }),
            (names::MAP_ITEMS, if label.is_map() { ITERATED.len() } else { 0 }),
        ]
    }

    fn counts(&self, options: &Options) -> Counts {
        let machine = MachineIdx(self.machine as u16);
        let mut counts = Counts { branches: vec![0; self.branches.len()], ..Counts::default() };
        for reader in &options.runs {
            counts.state.add(&reader.state(machine, self.state));
            for (op, outcome, branch) in &self.exits {
                let left = reader.left(machine, *op);
                counts.outcomes[*outcome] += left;
                if let Some(branch) = branch {
                    counts.branches[*branch] += left;
                }
            }
        }
        counts.outcomes[FAILED] = counts.state.failed;
        counts
    }
}

/// A page that is being written.
struct Drawing<'a> {
    states: &'a States,
    /// By state that is shown.
    counts: Vec<Counts>,
    options: &'a Options,
    machines: &'a [String],
    refused: Vec<&'static str>,
}

impl Drawing<'_> {
    /// Writes a family state by state; `write` gets machine and state as label values.
    fn each(
        &self,
        page: &mut Page<'_>,
        family: &Family,
        write: impl Fn(&Self, &mut Samples<'_>, [&str; 2], &StateLabel, &Counts),
    ) {
        page.family(family, |samples| {
            for (number, counts) in self.counts.iter().enumerate() {
                let (values, label) = self.named(number);
                write(self, samples, values, label, counts);
            }
        });
    }

    fn named(&self, number: usize) -> ([&str; 2], &StateLabel) {
        let Shown { machine, state, .. } = self.states.shown[number];
        let label = &self.options.programs[machine].states[state];
        ([&self.machines[machine], &label.name], label)
    }

    fn exits(&self, page: &mut Page<'_>) {
        page.family(&names::STATES_EXITED, |samples| {
            for (number, (shown, counts)) in self.states.shown.iter().zip(&self.counts).enumerate()
            {
                let ([machine, state], _) = self.named(number);
                for (outcome, name) in OUTCOMES.iter().enumerate() {
                    if shown.has(outcome) {
                        samples.count(&[machine, state, name], counts.outcomes[outcome]);
                    }
                }
            }
        });
    }

    fn branches(&self, page: &mut Page<'_>) {
        page.family(&names::CHOICE_BRANCHES, |samples| {
            for (number, (shown, counts)) in self.states.shown.iter().zip(&self.counts).enumerate()
            {
                let ([machine, state], _) = self.named(number);
                for (branch, count) in shown.branches.iter().zip(&counts.branches) {
                    samples.count(&[machine, state, branch], *count);
                }
                if !shown.branches.is_empty() {
                    samples.count(&[machine, state, "none"], counts.state.unmatched);
                }
            }
        });
    }

    /// Errors by name: those of the start, and others as they come. What has no room is summed with
    /// the rest.
    fn errors(
        &mut self,
        page: &mut Page<'_>,
        family: &Family,
        has: impl Fn(&StateLabel) -> bool,
        of: impl Fn(&StateCounts) -> &BTreeMap<String, u64>,
    ) {
        let mut errors = self.states.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let mut refused = Vec::new();
        page.family(family, |samples| {
            for (number, counts) in self.counts.iter().enumerate() {
                let ([machine, state], label) = self.named(number);
                if !has(label) {
                    continue;
                }
                let counts = of(&counts.state);
                let of_name = |name: &str| counts.get(name).copied().unwrap_or(0);
                let mut other = of_name(OTHER_ERROR);
                for name in ERRORS_AT_START.iter().filter(|name| **name != OTHER_ERROR) {
                    samples.count(&[machine, state, name], of_name(name));
                }
                for (name, count) in counts {
                    if ERRORS_AT_START.contains(&name.as_str()) {
                        continue;
                    }
                    match errors.admit((family.name, number, name.clone())) {
                        Admission::Shown => samples.count(&[machine, state, name], *count),
                        Admission::Refused { first } => {
                            other += count;
                            refused.extend(first.then_some(family.name));
                        }
                    }
                }
                samples.count(&[machine, state, OTHER_ERROR], other);
            }
        });
        drop(errors);
        self.refused.append(&mut refused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::tally::{MachineShape, StateShape, runs};

    fn label(rules: bool) -> StateLabel {
        StateLabel {
            name: "s".to_owned(),
            kind: "Task",
            retries: rules,
            catches: rules,
            waits: true,
        }
    }

    fn options(states: Vec<StateLabel>, per_state: PerState) -> Options {
        Options {
            programs: vec![ProgramLabels { states, exits: Vec::new() }],
            per_state,
            state_machines_max: 1,
            ..Options::default()
        }
    }

    #[test]
    fn series_by_state_have_a_bound() {
        // Entered, and failed.
        let plain = States::new(&options(vec![label(false); 3_000], PerState::Counters));
        assert_eq!(plain.shown.len(), STATE_SERIES_MAX / 2);
        let dropped = [(names::STATES_ENTERED.name, 2_000), (names::STATES_EXITED.name, 2_000)];
        assert_eq!(plain.dropped(), dropped);
        // Three errors of each rule more.
        let ruled = States::new(&options(vec![label(true); 300], PerState::Counters));
        assert_eq!(ruled.shown.len(), STATE_SERIES_MAX / 8);
        // And a histogram.
        let full = States::new(&options(vec![label(true); 300], PerState::Full));
        assert_eq!(full.shown.len(), STATE_SERIES_MAX / (8 + HISTOGRAM_SERIES));
        let none = States::new(&options(vec![label(true); 300], PerState::Off));
        assert_eq!((none.shown.len(), none.dropped().len()), (0, 0));
    }

    #[test]
    fn an_error_without_room_is_summed_with_the_rest_and_told_once() {
        let shape = StateShape { takes_errors: true, waits: true };
        let machine = MachineShape { ops: 0, states: vec![shape; 250] };
        let (mut tally, reader) = runs(&[machine], PerState::Counters);
        tally.select(MachineIdx(0));
        let mut options = options(vec![label(true); 250], PerState::Counters);
        options.runs = vec![reader];
        let states = States::new(&options);
        // All room is taken at the start.
        assert_eq!((states.shown.len(), states.dropped().len()), (250, 0));
        tally.retried(7, Some("A"));
        tally.retried(7, Some("B"));
        tally.caught(7, Some("States.Timeout"));
        let render = || {
            let mut out = Vec::new();
            let refused = states.render(&options, &["m".to_owned()], &mut Page::new(&mut out));
            (String::from_utf8(out).unwrap(), refused)
        };
        let (text, refused) = render();
        assert_eq!(refused, [names::STATE_RETRIES.name; 2]);
        assert!(!text.contains("error=\"A\""), "{text}");
        let other = "state_retries_total{state_machine=\"m\",state=\"s\",error=\"other\"} 2\n";
        assert!(text.contains(other), "{text}");
        let timeout =
            "state_catches_total{state_machine=\"m\",state=\"s\",error=\"States.Timeout\"} 1\n";
        assert!(text.contains(timeout), "{text}");
        assert_eq!(render().1, [""; 0]);
    }
}
