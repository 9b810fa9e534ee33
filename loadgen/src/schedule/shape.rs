//! The course of the rate within one stage, known by its integral.
//!
//! A shape answers one question: how many events are expected in the first t seconds? That is
//! enough to place every event, and it is exact where a sampled rate would drift.

use std::f64::consts::TAU;

/// How the rate runs over a stage; all rates in events per second, all times in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// One rate throughout.
    Constant {
        /// The rate.
        rate: f64,
    },
    /// A straight line.
    Ramp {
        /// Rate at the start.
        from: f64,
        /// Rate at the end.
        to: f64,
        /// Length of the stage.
        seconds: f64,
    },
    /// A base rate, and a peak at the end of every period.
    Burst {
        /// Rate between bursts.
        base: f64,
        /// Rate within bursts.
        peak: f64,
        /// Length of a period.
        every: f64,
        /// Length of the burst that ends it.
        length: f64,
    },
    /// A wave around a mean, rising first.
    Sine {
        /// The mean.
        mean: f64,
        /// The distance of the extremes from it, at most the mean itself.
        amplitude: f64,
        /// Length of a wave.
        period: f64,
    },
}

impl Shape {
    /// Returns the number of events expected in the first `t` seconds.
    pub(crate) fn expected(&self, t: f64) -> f64 {
        match *self {
            Self::Constant { rate } => rate * t,
            Self::Ramp { from, to, seconds } => from * t + (to - from) / seconds * t * t / 2.0,
            Self::Burst { base, peak, every, length } => {
                let calm = every - length;
                let periods = (t / every).floor();
                let within = t - periods * every;
                let in_burst = (within - calm).max(0.0);
                periods * (base * calm + peak * length)
                    + base * (within - in_burst)
                    + peak * in_burst
            }
            Self::Sine { mean, amplitude, period } => {
                mean * t + amplitude * period / TAU * (1.0 - (TAU * t / period).cos())
            }
        }
    }

    /// Returns the highest rate.
    pub(crate) fn peak(&self) -> f64 {
        match *self {
            Self::Constant { rate } => rate,
            Self::Ramp { from, to, .. } => from.max(to),
            Self::Burst { base, peak, .. } => base.max(peak),
            Self::Sine { mean, amplitude, .. } => mean + amplitude,
        }
    }

    /// Returns the rate at `t` seconds, of which [`Self::expected`] is the integral.
    #[cfg(test)]
    pub(crate) fn rate(&self, t: f64) -> f64 {
        match *self {
            Self::Constant { rate } => rate,
            Self::Ramp { from, to, seconds } => from + (to - from) * t / seconds,
            Self::Burst { base, peak, every, length } => {
                if t.rem_euclid(every) < every - length {
                    base
                } else {
                    peak
                }
            }
            Self::Sine { mean, amplitude, period } => mean + amplitude * (TAU * t / period).sin(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_shape_expects_what_its_curve_encloses() {
        let near = |shape: Shape, t: f64, expected: f64| {
            let found = shape.expected(t);
            assert!((found - expected).abs() < 1e-6, "{shape:?} at {t}: {found}");
        };
        near(Shape::Constant { rate: 20.0 }, 3.0, 60.0);
        near(Shape::Ramp { from: 0.0, to: 10.0, seconds: 10.0 }, 10.0, 50.0);
        near(Shape::Ramp { from: 10.0, to: 0.0, seconds: 10.0 }, 5.0, 37.5);
        let burst = Shape::Burst { base: 10.0, peak: 100.0, every: 5.0, length: 1.0 };
        near(burst, 4.0, 40.0);
        near(burst, 4.5, 90.0);
        near(burst, 11.0, 2.0 * 140.0 + 10.0);
        let sine = Shape::Sine { mean: 10.0, amplitude: 10.0, period: 8.0 };
        near(sine, 8.0, 80.0);
        near(sine, 4.0, 40.0 + 20.0 * 4.0 / std::f64::consts::PI);
    }

    fn shapes() -> impl Strategy<Value = Shape> {
        let rate = 0.0..1e5_f64;
        prop_oneof![
            rate.clone().prop_map(|rate| Shape::Constant { rate }),
            (rate.clone(), rate.clone()).prop_map(|(from, to)| Shape::Ramp {
                from,
                to,
                seconds: 100.0
            }),
            (rate.clone(), rate.clone(), 0.1..50.0_f64, 0.0..1.0_f64).prop_map(
                |(base, peak, every, share)| Shape::Burst {
                    base,
                    peak,
                    every,
                    length: every * share
                }
            ),
            (rate, 0.0..1.0_f64, 0.1..50.0_f64).prop_map(|(mean, share, period)| Shape::Sine {
                mean,
                amplitude: mean * share,
                period
            }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_expected_never_falls_and_grows_by_the_rate(
            shape in shapes(), t in 0.0..99.0_f64, step in 1e-6..1.0_f64,
        ) {
            let (before, after) = (shape.expected(t), shape.expected(t + step));
            prop_assert!(after - before >= -1e-6, "{} then {}", before, after);
            prop_assert!(shape.rate(t) <= shape.peak() * (1.0 + 1e-9));
            // The mean of the rate over many small pieces is the slope of the integral.
            let pieces = 2_000;
            let sum: f64 = (0..pieces)
                .map(|piece| shape.rate(t + (f64::from(piece) + 0.5) * step / f64::from(pieces)))
                .sum();
            let area = sum * step / f64::from(pieces);
            prop_assert!(
                (after - before - area).abs() <= 1e-3 * area.max(1.0) + 300.0 * step,
                "{} against {}", after - before, area
            );
        }
    }
}
