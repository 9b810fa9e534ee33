//! Rates and times as people write them: `20k`, `1.5M`, `500ms`, `10m`. The same words are read
//! from flags and from scenario files.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Events per second, from zero to 100 million.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub(crate) struct Rate(f64);

/// Why a rate was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum RateError {
    /// Not a number, with or without the suffix `k` or `M`.
    #[error("{0:?} is not a rate; write events per second, as in 500, 0.5, 20k or 1.5M")]
    NotANumber(String),
    /// Below zero, beyond what a run can send, or too small to tell from zero.
    #[error("a rate is 0, or lies between 0.001 and 100M events per second, not {0:?}")]
    OutOfRange(String),
}

impl Rate {
    /// A rate in events per second; `None` outside the limits.
    pub(crate) fn new(per_second: f64) -> Option<Self> {
        (per_second == 0.0 || (0.001..=1e8).contains(&per_second)).then_some(Self(per_second))
    }

    /// Returns the rate as events per second.
    pub(crate) fn per_second(self) -> f64 {
        self.0
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
        let per_second: f64 = digits.parse().map_err(|_| RateError::NotANumber(text.to_owned()))?;
        Self::new(per_second * factor).ok_or_else(|| RateError::OutOfRange(text.to_owned()))
    }
}

impl Display for Rate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match NumberOrText::deserialize(deserializer)? {
            NumberOrText::Number(number) => number.to_string().parse(),
            NumberOrText::Text(text) => text.parse(),
        }
        .map_err(de::Error::custom)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Events per second: a number, or a text such as \"20k\" or \"1.5M\".",
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1e8},
                {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?[kKmM]?$"},
            ],
        })
    }
}

/// A length of time of at most 30 days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(Duration);

impl Span {
    /// A time of whole milliseconds.
    pub(crate) const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// A time of whole seconds.
    pub(crate) const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Returns the time for the standard library.
    pub(crate) fn duration(self) -> Duration {
        self.0
    }

    /// Returns the time in nanoseconds.
    pub(crate) fn ns(self) -> u64 {
        self.0.as_nanos() as u64
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits_end);
        let unit_seconds = match unit {
            "ms" => 1e-3,
            "" | "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            _ => return Err(format!("unknown unit {unit:?}; use ms, s, m or h")),
        };
        let number: f64 =
            number.parse().map_err(|_| "write a time as in 500ms, 30s, 10m or 2h".to_owned())?;
        let seconds = number * unit_seconds;
        if seconds > SPAN_SECONDS_MAX {
            return Err("longer than 30 days".to_owned());
        }
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|error| error.to_string())
    }
}

impl Display for Span {
    /// The largest unit that leaves no fraction.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        match millis {
            0 => write!(f, "0s"),
            _ if millis.is_multiple_of(3_600_000) => write!(f, "{}h", millis / 3_600_000),
            _ if millis.is_multiple_of(60_000) => write!(f, "{}m", millis / 60_000),
            _ if millis.is_multiple_of(1_000) => write!(f, "{}s", millis / 1_000),
            _ => write!(f, "{millis}ms"),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match NumberOrText::deserialize(deserializer)? {
            NumberOrText::Number(number) => number.to_string().parse(),
            NumberOrText::Text(text) => text.parse(),
        }
        .map_err(de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A time such as \"500ms\", \"30s\", \"10m\" or \"2h\"; a number means seconds.",
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": SPAN_SECONDS_MAX},
                {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)?$"},
            ],
        })
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number or a text with a unit")]
enum NumberOrText {
    Number(f64),
    Text(String),
}

const SPAN_SECONDS_MAX: f64 = 30.0 * 86_400.0;

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
        assert_eq!(rate("0"), Rate::default());
        assert!(matches!("fast".parse::<Rate>(), Err(RateError::NotANumber(_))));
        for text in ["0.0001", "-3", "inf", "NaN", "101M"] {
            assert!(matches!(text.parse::<Rate>(), Err(RateError::OutOfRange(_))));
        }
    }

    #[test]
    fn times_are_read_with_units() {
        let read = |text: &str| text.parse::<Span>().map(Span::duration);
        assert_eq!(read("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(read("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(read("2"), Ok(Duration::from_secs(2)));
        for text in ["", "ms", "1d", "-1s", "1e99", "31x", "1.2.3s", "900h"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_written_so_that_they_can_be_read_again() {
        for text in ["0s", "1ms", "1500ms", "90s", "2m", "3h"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn files_may_use_numbers_and_texts() {
        let read = |json: &str| serde_json::from_str::<(Rate, Span)>(json);
        assert_eq!(read("[20000, 1.5]").unwrap(), (rate("20k"), Span::from_millis(1_500)));
        assert_eq!(read(r#"["20k", "1500ms"]"#).unwrap(), read("[20000, 1.5]").unwrap());
        let message = read(r#"["20q", 1]"#).unwrap_err().to_string();
        assert!(message.contains("20k or 1.5M"), "{message}");
        assert!(read("[true, 1]").unwrap_err().to_string().contains("expected a number"));
    }
}
