//! Fields of the payload that are drawn per event: numbers, words, choices.
//!
//! What a field writes is the inside of a JSON value: whether it stands between quotes is the
//! template's affair, and text is escaped so that it may.

use std::io::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::random::Draws;

/// How one field is drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Field {
    /// An integer from `min` to `max`, both included.
    Integer {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// A number from `min` up to `max` with a fixed number of decimals.
    Decimal {
        /// Smallest value.
        min: f64,
        /// Upper bound.
        max: f64,
        /// Digits after the point, 0 to 9.
        #[serde(default = "two")]
        decimals: u8,
    },
    /// Lower-case letters.
    Text {
        /// Fewest letters.
        min: u32,
        /// Most letters.
        max: u32,
    },
    /// One of several values, equally likely unless weighted.
    Choice {
        /// The values: texts, numbers, true or false.
        values: Vec<Scalar>,
        /// How much more likely each is than a weight of one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        weights: Vec<f64>,
    },
    /// `true` with a probability.
    Boolean {
        /// Share of `true`, 0 to 1.
        #[serde(default = "half")]
        share: f64,
    },
    /// A random UUID of version 4.
    // Not a unit, so that unknown keys are refused.
    Uuid {},
}

/// A value that a choice may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text, a number, true or false")]
pub(crate) enum Scalar {
    /// `true` or `false`.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// Any other number.
    Decimal(f64),
    /// A text.
    Text(String),
}

impl Field {
    /// Returns what makes the field impossible to draw, if anything does.
    pub(crate) fn complaint(&self) -> Option<String> {
        match self {
            Self::Integer { min, max } if min > max => {
                Some(format!("min {min} is above max {max}"))
            }
            Self::Decimal { min, max, .. }
                if !(min.is_finite() && max.is_finite() && min <= max) =>
            {
                Some(format!("min {min} and max {max} are not a range"))
            }
            Self::Decimal { decimals, .. } if *decimals > 9 => {
                Some("decimals is 9 at most".to_owned())
            }
            Self::Text { min, max } if min > max => Some(format!("min {min} is above max {max}")),
            Self::Text { max, .. } if *max > TEXT_MAX => Some(format!("max is {TEXT_MAX} at most")),
            Self::Choice { values, .. } if values.is_empty() => {
                Some("values is empty; give at least one".to_owned())
            }
            Self::Choice { values, weights }
                if !weights.is_empty() && weights.len() != values.len() =>
            {
                Some(format!("{} values but {} weights", values.len(), weights.len()))
            }
            Self::Choice { weights, .. }
                if weights.iter().any(|weight| !weight.is_finite() || *weight < 0.0)
                    || (!weights.is_empty() && weights.iter().sum::<f64>() <= 0.0) =>
            {
                Some("weights are zero or more, and not all zero".to_owned())
            }
            Self::Boolean { share } if !(0.0..=1.0).contains(share) => {
                Some("share lies between 0 and 1".to_owned())
            }
            _ => None,
        }
    }

    /// Returns whether the value belongs between quotes.
    pub(crate) fn is_text(&self) -> bool {
        match self {
            Self::Text { .. } | Self::Uuid {} => true,
            Self::Choice { values, .. } => {
                values.iter().any(|value| matches!(value, Scalar::Text(_)))
            }
            Self::Integer { .. } | Self::Decimal { .. } | Self::Boolean { .. } => false,
        }
    }

    /// Appends a value, without quotes.
    pub(crate) fn write(&self, draws: &mut Draws, out: &mut Vec<u8>) {
        // Writing to memory cannot fail.
        let _ = match self {
            Self::Integer { min, max } => write!(out, "{}", draws.between(*min, *max)),
            Self::Decimal { min, max, decimals } => {
                let value = min + draws.unit() * (max - min);
                write!(out, "{value:.*}", usize::from(*decimals))
            }
            Self::Text { min, max } => {
                let letters = draws.between(i64::from(*min), i64::from(*max)) as usize;
                write_letters(draws, letters, out);
                Ok(())
            }
            Self::Choice { values, weights } => match choose(values, weights, draws) {
                Some(value) => value.write(out),
                None => Ok(()),
            },
            Self::Boolean { share } => write!(out, "{}", draws.unit() < *share),
            Self::Uuid {} => write_uuid(draws, out),
        };
    }
}

impl Scalar {
    fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        match self {
            Self::Boolean(value) => write!(out, "{value}"),
            Self::Integer(value) => write!(out, "{value}"),
            Self::Decimal(value) => write!(out, "{value}"),
            Self::Text(text) => {
                let start = out.len();
                serde_json::to_writer(&mut *out, text)?;
                // The quotes around it are the template's.
                out.remove(start);
                out.pop();
                Ok(())
            }
        }
    }
}

fn choose<'a>(values: &'a [Scalar], weights: &[f64], draws: &mut Draws) -> Option<&'a Scalar> {
    if weights.is_empty() {
        return values.get(draws.below(values.len().max(1) as u64) as usize);
    }
    let mut left = draws.unit() * weights.iter().sum::<f64>();
    let chosen = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    values.get(chosen.unwrap_or(values.len() - 1))
}

/// Appends `count` letters, sixteen to every draw.
pub(crate) fn write_letters(draws: &mut Draws, count: usize, out: &mut Vec<u8>) {
    let end = out.len() + count;
    while out.len() + 16 <= end {
        out.extend_from_slice(&sixteen_letters(draws.bits()));
    }
    if out.len() < end {
        let letters = sixteen_letters(draws.bits());
        out.extend_from_slice(&letters[..end - out.len()]);
    }
}

fn sixteen_letters(bits: u64) -> [u8; 16] {
    let mut letters = [0; 16];
    for (pair, byte) in letters.chunks_exact_mut(2).zip(bits.to_le_bytes()) {
        pair.copy_from_slice(&PAIRS[usize::from(byte)]);
    }
    letters
}

fn write_uuid(draws: &mut Draws, out: &mut Vec<u8>) -> std::io::Result<()> {
    let (high, low) = (draws.bits(), draws.bits());
    write!(
        out,
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

fn two() -> u8 {
    2
}

fn half() -> f64 {
    0.5
}

/// Sixteen letters, so that four bits map evenly and text compresses about two to one.
const ALPHABET: &[u8; 16] = b"etaoinshrdlucmfw";
/// Two letters for every byte: padding is most of what a generator writes.
static PAIRS: [[u8; 2]; 256] = pairs();

const fn pairs() -> [[u8; 2]; 256] {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < pairs.len() {
        pairs[byte] = [ALPHABET[byte & 0xf], ALPHABET[byte >> 4]];
        byte += 1;
    }
    pairs
}

const TEXT_MAX: u32 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(field: &Field, count: u64) -> Vec<String> {
        assert_eq!(field.complaint(), None);
        let one = |sequence| {
            let mut out = Vec::new();
            field.write(&mut Draws::new(1, 16, sequence), &mut out);
            String::from_utf8(out).unwrap()
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_its_ends() {
        let integers = drawn(&Field::Integer { min: -1, max: 1 }, 100);
        assert!(["-1", "0", "1"].iter().all(|value| integers.iter().any(|drawn| drawn == value)));
        assert!(integers.iter().all(|value| (-1..=1).contains(&value.parse::<i64>().unwrap())));
        for value in drawn(&Field::Decimal { min: 0.5, max: 2.0, decimals: 3 }, 100) {
            assert!((0.5..=2.0).contains(&value.parse::<f64>().unwrap()), "{value}");
            assert_eq!(value.split_once('.').unwrap().1.len(), 3);
        }
    }

    #[test]
    fn texts_have_the_length_that_was_asked_for() {
        let lengths: Vec<usize> =
            drawn(&Field::Text { min: 3, max: 40 }, 500).iter().map(String::len).collect();
        assert_eq!((lengths.iter().min(), lengths.iter().max()), (Some(&3), Some(&40)));
    }

    #[test]
    fn choices_follow_their_weights_and_are_escaped() {
        let values = vec![Scalar::Text("a\"b".to_owned()), Scalar::Text("c".to_owned())];
        let choice = Field::Choice { values: values.clone(), weights: vec![3.0, 1.0] };
        let common = drawn(&choice, 4_000).iter().filter(|value| *value == "a\\\"b").count();
        assert!((2_800..3_200).contains(&common), "{common}");
        let even = Field::Choice { values, weights: Vec::new() };
        let common = drawn(&even, 4_000).iter().filter(|value| *value == "c").count();
        assert!((1_800..2_200).contains(&common), "{common}");
        assert!(even.is_text());
        assert!(!Field::Choice { values: vec![Scalar::Integer(1)], weights: Vec::new() }.is_text());
    }

    #[test]
    fn uuids_are_of_version_four_and_differ() {
        let uuids = drawn(&Field::Uuid {}, 100);
        for uuid in &uuids {
            assert_eq!(uuid.len(), 36);
            let parts: Vec<&str> = uuid.split('-').collect();
            assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
            assert!(parts[2].starts_with('4'));
            assert!(parts[3].starts_with(['8', '9', 'a', 'b']));
        }
        assert_ne!(uuids[0], uuids[1]);
    }

    #[test]
    fn booleans_have_their_share() {
        let yes = drawn(&Field::Boolean { share: 0.9 }, 2_000);
        let yes = yes.iter().filter(|value| *value == "true").count();
        assert!((1_700..1_900).contains(&yes), "{yes}");
    }

    #[test]
    fn fields_that_cannot_be_drawn_are_told_why() {
        let complaint = |json: &str| {
            serde_json::from_str::<Field>(json).unwrap().complaint().unwrap_or_default()
        };
        assert!(complaint(r#"{"kind":"integer","min":2,"max":1}"#).contains("above"));
        assert!(complaint(r#"{"kind":"decimal","min":2,"max":1}"#).contains("range"));
        assert!(complaint(r#"{"kind":"text","min":2,"max":1}"#).contains("above"));
        assert!(complaint(r#"{"kind":"choice","values":[]}"#).contains("empty"));
        assert!(complaint(r#"{"kind":"choice","values":[1],"weights":[1,2]}"#).contains("weights"));
        assert!(complaint(r#"{"kind":"choice","values":[1],"weights":[0]}"#).contains("zero"));
        assert!(complaint(r#"{"kind":"boolean","share":2}"#).contains("between"));
    }
}
