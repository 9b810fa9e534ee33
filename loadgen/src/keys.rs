//! Which key an event has: how many there are, and how unevenly they are used.
//!
//! The key is a function of the sequence number, so the checker knows every event's key without
//! remembering it. Zipf ranks are drawn by rejection-inversion (Hörmann and Derflinger, 1996):
//! no table, about 50 ns whatever the number of keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::random::{Draws, Topic};

/// How events are spread over the keys.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Distribution {
    /// Keys take turns, so all are equally busy at any time.
    #[default]
    RoundRobin,
    /// Every key is as likely as any other.
    Uniform,
    /// The nth key is chosen in proportion to 1/n^exponent: few keys are hot, most are cold.
    Zipf,
    /// One key for all events: one partition, and one order.
    Single,
    /// No key.
    None,
}

/// The keys of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Keys {
    distribution: Distribution,
    count: u32,
    zipf: Zipf,
    seed: u64,
}

impl Keys {
    /// `count` keys used as `distribution` says; `exponent` matters to Zipf alone.
    pub(crate) fn new(distribution: Distribution, count: u32, exponent: f64, seed: u64) -> Self {
        let (distribution, count) = match (distribution, count) {
            (_, 0) | (Distribution::None, _) => (Distribution::None, 0),
            (Distribution::Single, _) => (Distribution::Single, 1),
            other => other,
        };
        Self { distribution, count, zipf: Zipf::new(count.max(1), exponent), seed }
    }

    /// Returns how many different keys there are.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Returns the key of event `sequence`.
    pub(crate) fn key(&self, sequence: u64) -> Option<Key> {
        let draws = || Draws::new(self.seed, Topic::Key as u64, sequence);
        let number = match self.distribution {
            Distribution::None => return None,
            Distribution::Single => 0,
            Distribution::RoundRobin => (sequence % u64::from(self.count)) as u32,
            Distribution::Uniform => draws().below(u64::from(self.count)) as u32,
            Distribution::Zipf => self.zipf.rank(&mut draws()) - 1,
        };
        Some(Key::new(number))
    }
}

/// A record key, `key-` and the key's number in ten digits, written once without allocating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The key's number, below the number of keys.
    pub(crate) number: u32,
    text: [u8; 14],
}

impl Key {
    fn new(number: u32) -> Self {
        let mut text = *b"key-0000000000";
        write_decimal(u64::from(number), &mut text[4..]);
        Self { number, text }
    }

    /// Returns the key as it travels.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

/// Writes `value` right-aligned into `digits`, padded with zeros; leading digits that do not
/// fit are cut.
pub(crate) fn write_decimal(mut value: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        // Most of what is written has more room than digits, and dividing costs.
        *digit = b'0';
        if value > 0 {
            *digit += (value % 10) as u8;
            value /= 10;
        }
    }
}

/// Ranks from 1 to `count`, rank k in proportion to k^-exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Zipf {
    count: u32,
    exponent: f64,
    /// Integral of the hat function up to one and a half, less the mass of rank one.
    left: f64,
    /// The same up to half a rank beyond the last.
    right: f64,
    /// Ranks this close above their real number need no second look.
    accept: f64,
}

impl Zipf {
    fn new(count: u32, exponent: f64) -> Self {
        let mut zipf = Self { count, exponent, left: 0.0, right: 0.0, accept: 0.0 };
        zipf.left = zipf.integral(1.5) - 1.0;
        zipf.right = zipf.integral(f64::from(count) + 0.5);
        zipf.accept = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.mass(2.0));
        zipf
    }

    fn rank(&self, draws: &mut Draws) -> u32 {
        // Each round is accepted with a probability above one half: a hundred refusals in a row
        // are not to be expected in any run, and rank one is then as good an answer as another.
        for _ in 0..100 {
            let area = self.right + draws.unit() * (self.left - self.right);
            let real = self.inverse(area);
            let rank = real.round().clamp(1.0, f64::from(self.count));
            if rank - real <= self.accept || area >= self.integral(rank + 0.5) - self.mass(rank) {
                return rank as u32;
            }
        }
        1
    }

    fn mass(&self, rank: f64) -> f64 {
        rank.powf(-self.exponent)
    }

    /// The integral of x^-exponent from one on.
    fn integral(&self, x: f64) -> f64 {
        let log = x.ln();
        let turned = (1.0 - self.exponent) * log;
        // expm1(t)/t tends to one: near an exponent of one this is the logarithm itself.
        if turned.abs() < 1e-8 {
            log * (1.0 + turned / 2.0)
        } else {
            log * turned.exp_m1() / turned
        }
    }

    fn inverse(&self, area: f64) -> f64 {
        let turned = (area * (1.0 - self.exponent)).max(-1.0);
        if turned.abs() < 1e-8 {
            (area * (1.0 - turned / 2.0)).exp()
        } else {
            (area * turned.ln_1p() / turned).exp()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(keys: Keys, draws: u64) -> Vec<u64> {
        let mut counts = vec![0; keys.count() as usize];
        for sequence in 0..draws {
            counts[keys.key(sequence).unwrap().number as usize] += 1;
        }
        counts
    }

    #[test]
    fn keys_take_turns_and_none_means_none() {
        let keys = Keys::new(Distribution::RoundRobin, 3, 1.0, 0);
        assert_eq!(keys.key(7).unwrap().as_bytes(), b"key-0000000001");
        assert_eq!(counts(keys, 300), [100, 100, 100]);
        for none in [
            Keys::new(Distribution::RoundRobin, 0, 1.0, 0),
            Keys::new(Distribution::None, 9, 1.0, 0),
        ] {
            assert_eq!((none.key(7), none.count()), (None, 0));
        }
    }

    #[test]
    fn a_single_key_is_one_whatever_the_count() {
        let keys = Keys::new(Distribution::Single, 1_000, 1.0, 0);
        assert_eq!(counts(keys, 50), [50]);
    }

    #[test]
    fn uniform_keys_are_equally_likely_and_follow_the_seed() {
        let keys = Keys::new(Distribution::Uniform, 10, 1.0, 4);
        let counts = counts(keys, 100_000);
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        let numbers = |seed| {
            let keys = Keys::new(Distribution::Uniform, 10, 1.0, seed);
            (0..20).map(|sequence| keys.key(sequence).unwrap().number).collect::<Vec<_>>()
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
    }

    #[test]
    fn zipf_keys_have_the_masses_of_zipf() {
        for exponent in [0.5, 0.99, 1.0, 1.2, 2.5] {
            let keys = Keys::new(Distribution::Zipf, 1_000, exponent, 9);
            let counts = counts(keys, 200_000);
            let masses: Vec<f64> =
                (1..=1_000).map(|rank| f64::from(rank).powf(-exponent)).collect();
            let total: f64 = masses.iter().sum();
            for rank in [0, 1, 2, 9, 99] {
                let expected = 200_000.0 * masses[rank] / total;
                let distance = (counts[rank] as f64 - expected).abs();
                assert!(
                    distance < 6.0 * expected.sqrt() + 1.0,
                    "exponent {exponent}, rank {rank}: {} of {expected}",
                    counts[rank]
                );
            }
        }
    }

    proptest! {
        #[test]
        fn every_key_lies_within_the_count(
            count in 1..=10_000_000_u32, exponent in 0.01..10.0_f64,
            seed in any::<u64>(), sequence in any::<u64>(),
        ) {
            for distribution in
                [Distribution::RoundRobin, Distribution::Uniform, Distribution::Zipf]
            {
                let keys = Keys::new(distribution, count, exponent, seed);
                prop_assert!(keys.key(sequence).unwrap().number < count);
            }
        }
    }
}
