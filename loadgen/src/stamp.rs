//! The three headers that make a record recognisable at the other end.
//!
//! | header | value |
//! |---|---|
//! | `loadgen-producer` | 16 hexadecimal digits, random per run |
//! | `loadgen-sequence` | 20 decimal digits, from zero |
//! | `loadgen-due-ns` | 20 decimal digits, the due time in nanoseconds since the Unix epoch |
//!
//! Fixed widths keep records of one run the same size. The service under test has to carry the
//! headers of an event over to its result or dead letter; it need not understand them.

use std::hash::{BuildHasher, RandomState};

use rdkafka::message::{BorrowedHeaders, Header, Headers, OwnedHeaders};

use crate::keys::write_decimal;

/// Name of the header with the run's id.
pub(crate) const PRODUCER: &str = "loadgen-producer";
/// Name of the header with the record's number.
pub(crate) const SEQUENCE: &str = "loadgen-sequence";
/// Name of the header with the record's due time.
pub(crate) const DUE_NS: &str = "loadgen-due-ns";

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
    /// Writes the three headers.
    pub(crate) fn headers(self, producer: &ProducerId) -> OwnedHeaders {
        let mut sequence = [0; WIDTH];
        let mut due_ns = [0; WIDTH];
        write_decimal(self.sequence, &mut sequence);
        write_decimal(self.due_ns, &mut due_ns);
        OwnedHeaders::new_with_capacity(3)
            .insert(Header { key: PRODUCER, value: Some(&producer.0) })
            .insert(Header { key: SEQUENCE, value: Some(&sequence) })
            .insert(Header { key: DUE_NS, value: Some(&due_ns) })
    }
}

/// The headers of an outcome that matter to the checker; a repeated header counts as its first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OutcomeHeaders<'a> {
    /// `loadgen-producer`.
    pub(crate) producer: Option<&'a [u8]>,
    /// `loadgen-sequence`.
    pub(crate) sequence: Option<&'a [u8]>,
    /// `loadgen-due-ns`.
    pub(crate) due_ns: Option<&'a [u8]>,
    /// `execution-arn`.
    pub(crate) execution_arn: Option<&'a [u8]>,
    /// `status`.
    pub(crate) status: Option<&'a [u8]>,
    /// Whether any `dlq.*` header is there.
    pub(crate) dead_lettered: bool,
}

impl<'a> OutcomeHeaders<'a> {
    /// Picks the headers out of a consumed record.
    pub(crate) fn pick(headers: Option<&'a BorrowedHeaders>) -> Self {
        let mut picked = Self::default();
        let Some(headers) = headers else {
            return picked;
        };
        for header in headers.iter() {
            let slot = match header.key {
                PRODUCER => &mut picked.producer,
                SEQUENCE => &mut picked.sequence,
                DUE_NS => &mut picked.due_ns,
                "execution-arn" => &mut picked.execution_arn,
                "status" => &mut picked.status,
                other => {
                    picked.dead_lettered |= other.starts_with("dlq.");
                    continue;
                }
            };
            *slot = slot.or(header.value);
        }
        picked
    }

    /// Returns the stamp if this run's `producer` wrote it and it is well formed.
    pub(crate) fn stamp(&self, producer: &ProducerId) -> Option<Stamp> {
        if self.producer? != producer.0 {
            return None;
        }
        Some(Stamp { sequence: read_decimal(self.sequence?)?, due_ns: read_decimal(self.due_ns?)? })
    }
}

fn read_decimal(digits: &[u8]) -> Option<u64> {
    if digits.len() != WIDTH {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

const WIDTH: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_survives_the_round_trip_through_headers() {
        let producer = ProducerId::from_number(0xfeed_0001);
        let stamp = Stamp { sequence: 184_467, due_ns: 1_795_000_000_123_456_789 };
        let written = stamp.headers(&producer);
        let picked = OutcomeHeaders::pick(Some(written.as_borrowed()));
        assert_eq!(picked.stamp(&producer), Some(stamp));
        assert_eq!(picked.sequence, Some(&b"00000000000000184467"[..]));
        assert_eq!(producer.as_str(), "00000000feed0001");
    }

    #[test]
    fn records_of_other_runs_and_broken_stamps_are_not_ours() {
        let ours = ProducerId::from_number(1);
        let stamp = Stamp { sequence: 1, due_ns: 1 };
        let theirs = stamp.headers(&ProducerId::from_number(2));
        assert_eq!(OutcomeHeaders::pick(Some(theirs.as_borrowed())).stamp(&ours), None);
        assert_eq!(OutcomeHeaders::pick(None).stamp(&ours), None);
        for broken in ["", "1", "0000000000000000000x", "99999999999999999999"] {
            assert_eq!(read_decimal(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn dead_letter_headers_are_noticed_and_the_first_of_a_repeated_header_counts() {
        let headers = OwnedHeaders::new()
            .insert(Header { key: "status", value: Some("SUCCEEDED") })
            .insert(Header { key: "status", value: Some("FAILED") })
            .insert(Header { key: "dlq.cause", value: Some("not JSON") });
        let picked = OutcomeHeaders::pick(Some(headers.as_borrowed()));
        assert!(picked.dead_lettered);
        assert_eq!(picked.status, Some(&b"SUCCEEDED"[..]));
    }
}
