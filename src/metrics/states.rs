//! Families by state: at most so many series in all, the first machines first.

use super::catalogue as names;
use super::catalogue::Family;
use super::text::Page;
use super::{Options, StateLabel};
use crate::base::ids::MachineIdx;
use crate::base::tally::StateCounts;

/// Series by state in all; states beyond them have none.
const STATE_SERIES_MAX: usize = 2_000;

type Has = fn(&StateLabel) -> bool;
type Of = fn(&StateCounts) -> u64;

/// A state that is shown.
struct Shown {
    machine: usize,
    state: usize,
}

/// Which states are shown.
pub(super) struct States {
    shown: Vec<Shown>,
    /// States without series.
    dropped: u64,
}

impl States {
    pub(super) fn new(options: &Options) -> Self {
        let mut series = 0;
        let mut states = Self { shown: Vec::new(), dropped: 0 };
        for (machine, labels) in options.state_labels.iter().enumerate() {
            for (state, label) in labels.iter().enumerate() {
                let of_state = 1 + usize::from(label.retries) + usize::from(label.catches);
                // A machine without a label of its own has none for its states either.
                let has_label = machine < options.state_machines_max;
                if has_label && series + of_state <= STATE_SERIES_MAX {
                    series += of_state;
                    states.shown.push(Shown { machine, state });
                } else {
                    states.dropped += 1;
                }
            }
        }
        states
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// `machines` are the labels of the state machines.
    pub(super) fn render(&self, options: &Options, machines: &[String], page: &mut Page<'_>) {
        let counts: Vec<StateCounts> = self
            .shown
            .iter()
            .map(|shown| {
                let mut sum = StateCounts::default();
                for reader in &options.states {
                    sum.add(reader.state(MachineIdx(shown.machine as u16), shown.state));
                }
                sum
            })
            .collect();
        let families: [(&Family, Has, Of); 3] = [
            (&names::STATES_ENTERED, |_| true, |counts| counts.entered),
            (&names::STATE_RETRIES, |label| label.retries, |counts| counts.retried),
            (&names::STATE_CATCHES, |label| label.catches, |counts| counts.caught),
        ];
        for (family, has, of) in families {
            page.family(family, |samples| {
                for (shown, counts) in self.shown.iter().zip(&counts) {
                    let label = &options.state_labels[shown.machine][shown.state];
                    if has(label) {
                        let values = [&machines[shown.machine], &label.name, label.kind];
                        samples.count(&values[..family.labels.len()], of(counts));
                    }
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_by_state_have_a_bound() {
        let label = |rules| StateLabel {
            name: "s".to_owned(),
            kind: "Task",
            retries: rules,
            catches: rules,
        };
        let options = |labels| Options {
            state_labels: vec![labels],
            state_machines_max: 1,
            ..Options::default()
        };
        let plain = States::new(&options(vec![label(false); 3_000]));
        assert_eq!((plain.shown.len(), plain.dropped()), (STATE_SERIES_MAX, 1_000));
        // Three series each.
        let ruled = States::new(&options(vec![label(true); 1_000]));
        assert_eq!((ruled.shown.len(), ruled.dropped()), (666, 334));
    }
}
