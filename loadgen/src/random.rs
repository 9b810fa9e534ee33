//! Random numbers that follow from a seed and a sequence number alone.
//!
//! Nothing is drawn one after the other from a shared state: whoever knows seed and sequence knows
//! the numbers. That is how the checker knows the key, the fields and the kind of an event that it
//! never saw being sent.

/// Keeps what different questions draw about the same event unrelated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Topic {
    /// Whether the event is malformed, and how.
    Poison = 0,
    /// When it is due after the one before.
    Gap = 1,
    /// Its key.
    Key = 2,
    /// Its size.
    Size = 3,
    /// Its padding.
    Padding = 4,
    /// The first of the template's own fields; the others follow.
    Field = 16,
}

/// The source of one answer about one event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws(u64);

impl Draws {
    /// Draws for question `topic` about event `sequence` of the run with this `seed`.
    pub(crate) fn new(seed: u64, topic: u64, sequence: u64) -> Self {
        // Seed and topic are mixed before the sequence joins them, so that neighbouring seeds do
        // not give the same numbers one event later.
        Self(mix(mix(seed ^ topic.rotate_left(40)) ^ sequence))
    }

    /// Returns the next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        let drawn = self.0;
        self.0 = mix(self.0);
        drawn
    }

    /// Returns a number from zero up to and without one.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns an integer below `end`, which is not zero.
    ///
    /// The bias of one in 2⁶⁴/end is far below what any run can show.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    /// Returns an integer from `min` to `max`, both included.
    pub(crate) fn between(&mut self, min: i64, max: i64) -> i64 {
        let width = max.wrapping_sub(min) as u64;
        match width.checked_add(1) {
            Some(end) => min.wrapping_add(self.below(end) as i64),
            None => self.bits() as i64,
        }
    }
}

/// SplitMix64's finaliser: neighbouring inputs give unrelated numbers.
pub(crate) fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Returns the bound below which a number of 64 bits lies with probability `share`.
pub(crate) fn threshold(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * u64::MAX as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_from_seed_topic_and_sequence() {
        let draw = |seed, topic, sequence| Draws::new(seed, topic, sequence).bits();
        assert_eq!(draw(1, 2, 3), draw(1, 2, 3));
        let different = [draw(1, 2, 3), draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4), draw(2, 2, 2)];
        for (nth, number) in different.iter().enumerate() {
            assert!(!different[..nth].contains(number));
        }
    }

    #[test]
    fn units_and_bounded_integers_fill_their_range() {
        let mut sum = 0.0;
        let mut counts = [0_u32; 7];
        for sequence in 0..70_000 {
            let mut draws = Draws::new(7, Topic::Field as u64, sequence);
            let unit = draws.unit();
            assert!((0.0..1.0).contains(&unit));
            sum += unit;
            counts[(draws.between(-3, 3) + 3) as usize] += 1;
        }
        assert!((sum / 70_000.0 - 0.5).abs() < 0.01, "{sum}");
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }

    #[test]
    fn the_widest_range_of_integers_is_drawn_from_too() {
        let mut draws = Draws::new(1, 1, 1);
        let drawn: Vec<i64> = (0..100).map(|_| draws.between(i64::MIN, i64::MAX)).collect();
        assert!(drawn.iter().any(|number| *number < 0) && drawn.iter().any(|number| *number > 0));
        assert_eq!(draws.between(5, 5), 5);
    }
}
