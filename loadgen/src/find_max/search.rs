//! The search for the highest sustained rate, without a clock or a broker.
//!
//! Up by doubling until a rate fails, or down by halving until one holds; then the geometric mean
//! of the two bounds until they are close. A rate that failed is tried once more before it counts:
//! one hiccup of a shared machine should not cost half of the result.

/// What a trial at some rate came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trial {
    /// The system kept up.
    Held,
    /// It did not.
    Failed,
}

/// Where the search stands.
#[derive(Debug)]
pub(super) struct Search {
    precision: f64,
    rate_max: f64,
    /// Highest rate that held.
    held: Option<f64>,
    /// Lowest rate that failed twice.
    failed: Option<f64>,
    /// Rate to try now.
    next: f64,
    /// Whether it has failed once already.
    doubted: bool,
    trials: u32,
    done: bool,
}

impl Search {
    /// Begins at `start`; ends when the bounds are closer than the share `precision`.
    pub(super) fn new(start: f64, rate_max: f64, precision: f64) -> Self {
        Self {
            precision,
            rate_max,
            held: None,
            failed: None,
            next: start.min(rate_max),
            doubted: false,
            trials: 0,
            done: false,
        }
    }

    /// Returns the rate to try next, if the search is not over.
    pub(super) fn next(&self) -> Option<f64> {
        (!self.done && self.trials < TRIALS_MAX).then_some(self.next)
    }

    /// Takes note of what the rate of [`Self::next`] came to.
    pub(super) fn record(&mut self, trial: Trial) {
        self.trials += 1;
        match trial {
            Trial::Held => self.held = Some(self.next),
            Trial::Failed if !self.doubted => {
                self.doubted = true;
                return;
            }
            Trial::Failed => self.failed = Some(self.next),
        }
        self.doubted = false;
        match (self.held, self.failed) {
            (Some(held), Some(failed)) => {
                self.done = failed / held <= 1.0 + self.precision;
                self.next = rounded((held * failed).sqrt());
                // Rounding may leave nothing in between.
                self.done |= self.next <= held || self.next >= failed;
            }
            (Some(held), None) => {
                self.done = held >= self.rate_max;
                self.next = (held * 2.0).min(self.rate_max);
            }
            (None, Some(failed)) => {
                self.next = rounded(failed / 2.0);
                self.done = self.next < RATE_MIN || self.next >= failed;
            }
            (None, None) => {}
        }
    }

    /// Returns the highest rate that held.
    pub(super) fn held(&self) -> Option<f64> {
        self.held
    }

    /// Returns the lowest rate that failed.
    pub(super) fn failed(&self) -> Option<f64> {
        self.failed
    }
}

/// Three digits are as many as anyone believes.
fn rounded(rate: f64) -> f64 {
    let unit = 10_f64.powf(rate.log10().floor() - 2.0);
    (rate / unit).round() * unit
}

const RATE_MIN: f64 = 1.0;
/// From one event a second to a hundred million and back to five per cent takes fewer.
const TRIALS_MAX: u32 = 80;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Searches a system that holds exactly the rates up to `capacity`.
    fn found(start: f64, capacity: f64, precision: f64) -> (Search, u32) {
        let mut search = Search::new(start, 1e8, precision);
        let mut trials = 0;
        while let Some(rate) = search.next() {
            search.record(if rate <= capacity { Trial::Held } else { Trial::Failed });
            trials += 1;
        }
        (search, trials)
    }

    #[test]
    fn the_search_goes_up_and_down_and_closes_in() {
        let (search, _) = found(1_000.0, 37_000.0, 0.05);
        let (held, failed) = (search.held().unwrap(), search.failed().unwrap());
        assert!(held <= 37_000.0 && failed > 37_000.0 && failed / held <= 1.051, "{search:?}");
        let (search, _) = found(1_000.0, 37.0, 0.05);
        assert!((35.0..=37.0).contains(&search.held().unwrap()), "{search:?}");
    }

    #[test]
    fn a_system_that_holds_nothing_is_given_up() {
        let (search, trials) = found(1_000.0, 0.0, 0.05);
        assert_eq!(search.held(), None);
        assert!(trials <= 22, "{trials}");
    }

    #[test]
    fn the_highest_rate_of_all_ends_the_search() {
        let mut search = Search::new(600.0, 1_000.0, 0.05);
        assert_eq!(search.next(), Some(600.0));
        search.record(Trial::Held);
        assert_eq!(search.next(), Some(1_000.0));
        search.record(Trial::Held);
        assert_eq!((search.next(), search.failed()), (None, None));
    }

    #[test]
    fn one_failure_is_a_doubt_and_two_are_a_verdict() {
        let mut search = Search::new(100.0, 1e6, 0.05);
        search.record(Trial::Failed);
        assert_eq!(search.next(), Some(100.0));
        search.record(Trial::Held);
        assert_eq!((search.held(), search.next()), (Some(100.0), Some(200.0)));
        search.record(Trial::Failed);
        search.record(Trial::Failed);
        assert_eq!(search.failed(), Some(200.0));
    }

    proptest! {
        #[test]
        fn any_capacity_is_found_within_the_precision(
            start in 1.0..1e6_f64, capacity in 2.0..1e7_f64, precision in 0.02..0.5_f64,
        ) {
            let (search, trials) = found(start, capacity, precision);
            let (held, failed) = (search.held().unwrap(), search.failed().unwrap());
            prop_assert!(held <= capacity && capacity < failed);
            // Three digits cannot tell rates closer than one per cent apart.
            prop_assert!(failed / held <= 1.0 + precision.max(0.02) + 1e-9, "{:?}", search);
            prop_assert!(trials < TRIALS_MAX);
        }
    }
}
