//! The header that makes a record recognisable at the other end.
//!
//! `loadgen-stamp` is `PRODUCER-SEQUENCE-DUE`: 16 hexadecimal digits, random per run; 20 decimal
//! digits, the number of the event from zero; 20 decimal digits, its due time in nanoseconds since
//! the Unix epoch. Fixed widths keep records of one run the same size, and a single header costs
//! both sides of a run, and whatever stands between, a third of what three do. The service under
//! test has to carry it over to its result or dead letter; it need not understand it.

use std::ffi::CStr;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use crate::keys::write_decimal;

/// Name of the header.
pub(crate) const HEADER: &CStr = c"loadgen-stamp";

/// The id of one run, so that what earlier runs left on the topics is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProducerId([u8; 16]);

impl ProducerId {
    /// Draws an id from the operating system's entropy.
    pub(crate) fn random() -> Self {
        Self::from_number(RandomState::new().hash_one(std::process::id()))
    }

    /// Writes a number as an id.
    pub(crate) fn from_number(number: u64) -> Self {
        let mut digits = [0; 16];
        for (place, digit) in digits.iter_mut().enumerate() {
            let nibble = (number >> (60 - 4 * place)) & 0xf;
            *digit = b"0123456789abcdef"[nibble as usize];
        }
        Self(digits)
    }

    /// Returns the id as text.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// What the stamp of a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Number of the record within its run.
    pub(crate) sequence: u64,
    /// When it was due, in wall-clock nanoseconds.
    pub(crate) due_ns: u64,
}

impl Stamp {
    /// Writes the value of the header.
    pub(crate) fn write(self, producer: &ProducerId) -> [u8; LEN] {
        let mut value = [b'-'; LEN];
        value[PRODUCER].copy_from_slice(&producer.0);
        write_decimal(self.sequence, &mut value[SEQUENCE]);
        write_decimal(self.due_ns, &mut value[DUE_NS]);
        value
    }

    /// Reads the value of the header, if the run with this id wrote it and it is well formed.
    pub(crate) fn read(value: &[u8], producer: &ProducerId) -> Option<Self> {
        if value.len() != LEN
            || value[PRODUCER] != producer.0
            || value[SEQUENCE.start - 1] != b'-'
            || value[DUE_NS.start - 1] != b'-'
        {
            return None;
        }
        Some(Self {
            sequence: read_decimal(&value[SEQUENCE])?,
            due_ns: read_decimal(&value[DUE_NS])?,
        })
    }
}

/// The headers of an outcome that matter to the checker; a repeated header counts as its first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OutcomeHeaders<'a> {
    /// `loadgen-stamp`.
    pub(crate) stamp: Option<&'a [u8]>,
    /// `execution-arn`.
    pub(crate) execution_arn: Option<&'a [u8]>,
    /// `status`.
    pub(crate) status: Option<&'a [u8]>,
    /// Whether any `dlq.*` header is there.
    pub(crate) dead_lettered: bool,
}

impl<'a> OutcomeHeaders<'a> {
    /// Picks them out of the headers of a consumed record.
    pub(crate) fn pick(headers: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> Self {
        let mut picked = Self::default();
        for (name, value) in headers {
            let slot = match name {
                b"loadgen-stamp" => &mut picked.stamp,
                b"execution-arn" => &mut picked.execution_arn,
                b"status" => &mut picked.status,
                other => {
                    picked.dead_lettered |= other.starts_with(b"dlq.");
                    continue;
                }
            };
            *slot = slot.or(value);
        }
        picked
    }

    /// Returns the stamp if this run's `producer` wrote it and it is well formed.
    pub(crate) fn stamp(&self, producer: &ProducerId) -> Option<Stamp> {
        Stamp::read(self.stamp?, producer)
    }
}

fn read_decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

const PRODUCER: Range<usize> = 0..16;
const SEQUENCE: Range<usize> = 17..37;
const DUE_NS: Range<usize> = 38..58;
const LEN: usize = DUE_NS.end;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_survives_the_round_trip_through_the_header() {
        let producer = ProducerId::from_number(0xfeed_0001);
        let stamp = Stamp { sequence: 184_467, due_ns: 1_795_000_000_123_456_789 };
        let written = stamp.write(&producer);
        assert_eq!(
            std::str::from_utf8(&written).unwrap(),
            "00000000feed0001-00000000000000184467-01795000000123456789"
        );
        let picked = OutcomeHeaders::pick([(HEADER.to_bytes(), Some(&written[..]))]);
        assert_eq!(picked.stamp(&producer), Some(stamp));
        assert_eq!(producer.as_str(), "00000000feed0001");
    }

    #[test]
    fn records_of_other_runs_and_broken_stamps_are_not_ours() {
        let ours = ProducerId::from_number(1);
        let written = Stamp { sequence: 1, due_ns: 1 }.write(&ours);
        assert_eq!(Stamp::read(&written, &ProducerId::from_number(2)), None);
        assert_eq!(OutcomeHeaders::pick([]).stamp(&ours), None);
        assert_eq!(Stamp::read(b"", &ours), None);
        assert_eq!(Stamp::read(&written[1..], &ours), None);
        for (at, byte) in [(16, b'+'), (37, b'0'), (20, b'x'), (57, b' '), (38, b'9')] {
            let mut broken = written;
            broken[at] = byte;
            if at == 38 {
                // Above what 64 bits hold.
                broken[38..].fill(b'9');
            }
            assert_eq!(Stamp::read(&broken, &ours), None, "{at}");
        }
    }

    #[test]
    fn dead_letter_headers_are_noticed_and_the_first_of_a_repeated_header_counts() {
        let picked = OutcomeHeaders::pick([
            (&b"status"[..], Some(&b"SUCCEEDED"[..])),
            (b"status", Some(b"FAILED")),
            (b"dlq.cause", Some(b"not JSON")),
            (b"other", None),
        ]);
        assert!(picked.dead_lettered);
        assert_eq!(picked.status, Some(&b"SUCCEEDED"[..]));
    }
}
