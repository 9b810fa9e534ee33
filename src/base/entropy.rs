//! Random numbers of a shard: one small generator, seeded from outside.
//!
//! The core draws no ambient randomness, so that the same seed and the same inputs give the same
//! run. Not for secrets.

/// A shard's random numbers.
#[derive(Debug)]
pub struct Entropy(fastrand::Rng);

impl Entropy {
    /// A generator that gives the same numbers for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Any number.
    pub fn u64(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// A number from 0 up to and without `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.0.u64(..bound) }
    }

    /// A number from 0 up to and without 1.
    pub fn unit(&mut self) -> f64 {
        self.0.f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_fixes_the_sequence() {
        let draw = |seed| {
            let mut entropy = Entropy::seeded(seed);
            [entropy.u64(), entropy.u64(), entropy.below(1_000_000)]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut entropy = Entropy::seeded(1);
        assert_eq!(entropy.below(0), 0);
        for bound in 1..200 {
            assert!(entropy.below(bound) < bound);
            assert!((0.0..1.0).contains(&entropy.unit()));
        }
    }
}
