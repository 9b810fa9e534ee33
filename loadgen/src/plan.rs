//! What the run intends: which record is due when, under which key, malformed or not.
//!
//! Pure and `Copy`: producer and checker hold the same plan, so the checker knows what every
//! sequence number ought to have been without remembering any of them.

use std::str::FromStr;

/// Records per second, kept in thousandths so that due times are exact integer arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    per_second_milli: u64,
}

/// Why a rate was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum RateError {
    /// Not a number, with or without the suffix `k` or `M`.
    #[error("{0:?} is not a rate; write records per second, as in 500, 0.5, 20k or 1.5M")]
    NotANumber(String),
    /// Outside what due times in nanoseconds can express.
    #[error("a rate lies between 0.001 and 100M records per second, not {0:?}")]
    OutOfRange(String),
}

impl Rate {
    /// Returns the rate as records per second.
    pub(crate) fn per_second(self) -> f64 {
        self.per_second_milli as f64 / 1e3
    }

    /// Returns how long after the start record `sequence` is due.
    pub(crate) fn due_offset_ns(self, sequence: u64) -> u64 {
        let offset = u128::from(sequence) * NS_PER_MILLIRECORD / u128::from(self.per_second_milli);
        u64::try_from(offset).unwrap_or(u64::MAX)
    }

    /// Returns how many records are due at or before `elapsed_ns`; the first one is due at zero.
    pub(crate) fn due_count(self, elapsed_ns: u64) -> u64 {
        // Record i is due when floor(i·10¹²/r) ≤ e, that is i < (e+1)·r/10¹²: the exact inverse
        // of `due_offset_ns`, so that no record is ever sent before its stamp.
        let bound = (u128::from(elapsed_ns) + 1) * u128::from(self.per_second_milli);
        u64::try_from(bound.div_ceil(NS_PER_MILLIRECORD)).unwrap_or(u64::MAX)
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (digits, factor) = match text.strip_suffix(['k', 'K']) {
            Some(digits) => (digits, 1e3),
            None => match text.strip_suffix(['m', 'M']) {
                Some(digits) => (digits, 1e6),
                None => (text, 1.0),
            },
        };
        let per_second: f64 = digits
            .parse()
            .map_err(|_| RateError::NotANumber(text.to_owned()))?;
        if !(0.001..=1e8).contains(&(per_second * factor)) {
            return Err(RateError::OutOfRange(text.to_owned()));
        }
        Ok(Self {
            per_second_milli: (per_second * factor * 1e3).round() as u64,
        })
    }
}

/// The whole run as a function of the sequence number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Target rate.
    pub(crate) rate: Rate,
    /// Sequence numbers run from zero to here, exclusive.
    pub(crate) count: u64,
    /// Stop sending this long after the start, whatever is left.
    pub(crate) stop_after_ns: Option<u64>,
    /// Records due before this offset are verified but not measured.
    pub(crate) warmup_ns: u64,
    /// Key cardinality; zero sends records without a key.
    pub(crate) keys: u32,
    /// A record is malformed on purpose when its mixed sequence lies below this.
    pub(crate) poison_below: u64,
    /// When record zero is due, in wall-clock nanoseconds.
    pub(crate) start_ns: u64,
}

impl Plan {
    /// Returns the moment record `sequence` is due.
    pub(crate) fn due_ns(&self, sequence: u64) -> u64 {
        self.start_ns
            .saturating_add(self.rate.due_offset_ns(sequence))
    }

    /// Returns whether a record due at `due_ns` belongs to the warm-up.
    pub(crate) fn in_warmup(&self, due_ns: u64) -> bool {
        due_ns < self.start_ns.saturating_add(self.warmup_ns)
    }

    /// Returns the key of record `sequence`; keys take turns, so all are equally busy.
    pub(crate) fn key(&self, sequence: u64) -> Option<Key> {
        let number = sequence.checked_rem(u64::from(self.keys))?;
        Some(Key::new(number as u32))
    }

    /// Returns whether record `sequence` is malformed on purpose.
    pub(crate) fn is_poison(&self, sequence: u64) -> bool {
        mix(sequence) < self.poison_below
    }
}

/// A record key, `key-` and the key's number in ten digits, written once without allocating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The key's number, below the key cardinality.
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
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Returns the share of sequence numbers below which [`Plan::is_poison`] holds.
pub(crate) fn poison_threshold(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * u64::MAX as f64) as u64
}

/// SplitMix64's finaliser: neighbouring sequences give unrelated numbers.
pub(crate) fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

const NS_PER_MILLIRECORD: u128 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn rates_are_read_with_suffixes_and_refused_with_a_reason() {
        assert_eq!(rate("20k"), rate("20000"));
        assert_eq!(rate("1.5M"), rate("1500000"));
        assert!((rate("0.5").per_second() - 0.5).abs() < f64::EPSILON);
        assert!(matches!(
            "fast".parse::<Rate>(),
            Err(RateError::NotANumber(_))
        ));
        for text in ["0", "-3", "inf", "NaN", "101M"] {
            assert!(matches!(
                text.parse::<Rate>(),
                Err(RateError::OutOfRange(_))
            ));
        }
    }

    #[test]
    fn no_record_is_due_before_its_own_stamp_and_none_is_forgotten() {
        for text in ["0.5", "1", "3", "999.999", "7777", "50k", "1.5M"] {
            let rate = rate(text);
            for sequence in (0..2_000).chain(1_000_000_000..1_000_000_100) {
                let due = rate.due_offset_ns(sequence);
                assert!(rate.due_count(due) > sequence, "{text} {sequence}");
                if due > 0 {
                    assert!(rate.due_count(due - 1) <= sequence, "{text} {sequence}");
                }
            }
        }
    }

    #[test]
    fn keys_take_turns_and_none_means_none() {
        let mut plan = plan_for_tests();
        plan.keys = 3;
        assert_eq!(plan.key(7).unwrap().as_bytes(), b"key-0000000001");
        plan.keys = 0;
        assert_eq!(plan.key(7), None);
    }

    #[test]
    fn poison_share_is_met_and_zero_means_none() {
        let mut plan = plan_for_tests();
        assert!((0..10_000).all(|sequence| !plan.is_poison(sequence)));
        plan.poison_below = poison_threshold(0.1);
        let poison = (0..100_000).filter(|s| plan.is_poison(*s)).count();
        assert!((9_500..10_500).contains(&poison), "{poison}");
        plan.poison_below = poison_threshold(1.0);
        assert!((0..10_000).all(|sequence| plan.is_poison(sequence)));
    }

    fn plan_for_tests() -> Plan {
        Plan {
            rate: rate("1000"),
            count: 100,
            stop_after_ns: None,
            warmup_ns: 0,
            keys: 4,
            poison_below: 0,
            start_ns: 0,
        }
    }
}
