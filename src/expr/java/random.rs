//! `java.util.Random`, the generator behind a seeded `States.MathRandom`.

/// A linear congruential generator of 48 bits.
#[derive(Debug)]
pub(in crate::expr) struct Random(u64);

const MULTIPLIER: u64 = 0x5_deec_e66d;
const MASK: u64 = (1 << 48) - 1;

impl Random {
    /// `new Random(seed)`
    pub(in crate::expr) fn new(seed: i64) -> Self {
        Self((seed.cast_unsigned() ^ MULTIPLIER) & MASK)
    }

    fn next(&mut self, bits: u32) -> i32 {
        self.0 = self.0.wrapping_mul(MULTIPLIER).wrapping_add(0xb) & MASK;
        (self.0 >> (48 - bits)) as i32
    }

    /// `nextInt(bound)` for a positive bound.
    fn below(&mut self, bound: i32) -> i32 {
        if bound.cast_unsigned().is_power_of_two() {
            return ((i64::from(bound) * i64::from(self.next(31))) >> 31) as i32;
        }
        loop {
            let bits = self.next(31);
            let value = bits % bound;
            // Rejects the incomplete last run of values, where Java's addition overflows.
            if bits.wrapping_sub(value).wrapping_add(bound - 1) >= 0 {
                return value;
            }
        }
    }

    /// `nextDouble()`
    pub(in crate::expr) fn unit(&mut self) -> f64 {
        let high = i64::from(self.next(26)) << 27;
        (high + i64::from(self.next(27))) as f64 / (1_i64 << 53) as f64
    }

    /// A number from `start` up to and without `end`, which must be greater.
    pub(in crate::expr) fn within(&mut self, start: i32, end: i32) -> i32 {
        if let Some(width) = end.checked_sub(start) {
            return start + self.below(width);
        }
        // Wider than an int: half of all numbers or more lie within.
        loop {
            let value = self.next(32);
            if (start..end).contains(&value) {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_numbers_are_those_recorded_on_aws() {
        for (start, end, seed, expected) in [
            (1, 100, 42, 63),
            (1, 1_000, 1, 106),
            (1, 1_000, 2, 806),
            (1, 10, -10, 1),
            (2_147_483_640, i32::MAX, 1, 2_147_483_644),
        ] {
            assert_eq!(Random::new(seed).within(start, end), expected);
        }
    }

    #[test]
    fn a_seeded_unit_is_that_measured_on_aws() {
        assert!((Random::new(42).unit() - 0.727_563_680_032_868_1).abs() < 1e-16);
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        for seed in 0..500 {
            for (start, end) in
                [(0, 1), (-5, 3), (0, 1 << 20), (i32::MIN, i32::MAX), (-7, i32::MAX)]
            {
                let value = Random::new(seed).within(start, end);
                assert!((start..end).contains(&value), "{start} {end} {seed}: {value}");
            }
        }
    }
}
