//! Which time is billed, and in which pieces. All in UTC, as AWS bills.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// From an instant up to another, which is not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// First millisecond since the Unix epoch.
    pub from_ms: i64,
    /// The first one after it.
    pub to_ms: i64,
}

impl Period {
    /// Reads `2026`, `2026-11`, `2026-11-29`, `this-month`, `last-month`, `today`, `yesterday`,
    /// or `FROM/TO` with days or RFC 3339 instants, where TO is not included.
    ///
    /// # Errors
    /// A text that says what to write instead.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, String> {
        let today = now.to_zoned(TimeZone::UTC).date();
        let read = match text {
            "today" => day(today),
            "yesterday" => day(today.yesterday().unwrap_or(today)),
            "this-month" => Self::of_month(today),
            "last-month" => Self::of_month(today.first_of_month().yesterday().unwrap_or(today)),
            _ => match text.split_once('/') {
                Some((from, to)) => instant(from).zip(instant(to)).map(Self::from),
                None => calendar(text),
            },
        };
        match read {
            Some(period) if period.from_ms < period.to_ms => Ok(period),
            Some(_) => Err(format!("{text:?} ends before it begins")),
            None => Err(format!(
                "{text:?} is no period; write 2026, 2026-11, 2026-11-29, this-month, last-month, today, yesterday, or FROM/TO as in 2026-11-01/2026-11-15"
            )),
        }
    }

    /// Whether an instant belongs to it.
    pub fn contains(self, at_ms: i64) -> bool {
        (self.from_ms..self.to_ms).contains(&at_ms)
    }

    /// The part of it that lies within another one; it contains nothing where they do not meet.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self { from_ms: self.from_ms.max(other.from_ms), to_ms: self.to_ms.min(other.to_ms) }
    }

    fn of_month(date: Date) -> Option<Self> {
        between(date.first_of_month(), Span::new().months(1))
    }
}

impl From<(i64, i64)> for Period {
    fn from((from_ms, to_ms): (i64, i64)) -> Self {
        Self { from_ms, to_ms }
    }
}

/// The month that an instant belongs to.
pub fn month_of(at_ms: i64) -> Period {
    let date = Timestamp::from_millisecond(at_ms).map(|at| at.to_zoned(TimeZone::UTC).date());
    // Instants that records can hold all have a month.
    date.ok().and_then(Period::of_month).unwrap_or(Period { from_ms: at_ms, to_ms: at_ms + 1 })
}

/// Size of the pieces that usage is summed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Grain {
    /// Calendar month.
    Month,
    /// Day.
    Day,
    /// Hour.
    Hour,
    /// Minute.
    Minute,
}

impl Grain {
    /// The piece that an instant belongs to.
    pub fn piece_of(self, at_ms: i64) -> Period {
        let length_ms = match self {
            Self::Month => return month_of(at_ms),
            Self::Day => 86_400_000,
            Self::Hour => 3_600_000,
            Self::Minute => 60_000,
        };
        let from_ms = at_ms.div_euclid(length_ms) * length_ms;
        Period { from_ms, to_ms: from_ms + length_ms }
    }
}

fn calendar(text: &str) -> Option<Period> {
    let is_number = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|digit| digit.is_ascii_digit())
    };
    let parts: Vec<&str> = text.split('-').collect();
    let year = is_number(parts[0], 4).then(|| parts[0].parse::<i16>().ok()).flatten()?;
    let number = |index: usize| {
        parts.get(index).filter(|part| is_number(part, 2)).and_then(|part| part.parse::<i8>().ok())
    };
    match parts.len() {
        1 => between(Date::new(year, 1, 1).ok()?, Span::new().years(1)),
        2 => between(Date::new(year, number(1)?, 1).ok()?, Span::new().months(1)),
        3 => day(Date::new(year, number(1)?, number(2)?).ok()?),
        _ => None,
    }
}

fn day(date: Date) -> Option<Period> {
    between(date, Span::new().days(1))
}

fn between(first: Date, length: Span) -> Option<Period> {
    let end = first.checked_add(length).ok()?;
    Some(Period { from_ms: midnight(first)?, to_ms: midnight(end)? })
}

/// A day's beginning, or an instant in RFC 3339.
fn instant(text: &str) -> Option<i64> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    text.parse::<Date>().ok().filter(|_| text.len() == 10).and_then(midnight)
}

fn midnight(date: Date) -> Option<i64> {
    let midnight = DateTime::from(date).to_zoned(TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use crate::outcome::format_instant_ms;

    use super::*;

    const NOW: &str = "2026-03-01T00:30:00Z";

    fn parse(text: &str) -> Result<String, String> {
        let period = Period::parse(text, NOW.parse().unwrap())?;
        let show = |ms| String::from_utf8(format_instant_ms(ms)[..16].to_vec()).unwrap();
        Ok(format!("{} {}", show(period.from_ms), show(period.to_ms)))
    }

    #[test]
    fn periods_in_all_their_forms() {
        for (text, shown) in [
            ("2026", "2026-01-01T00:00 2027-01-01T00:00"),
            ("2024-02", "2024-02-01T00:00 2024-03-01T00:00"),
            ("2026-12-31", "2026-12-31T00:00 2027-01-01T00:00"),
            ("this-month", "2026-03-01T00:00 2026-04-01T00:00"),
            ("last-month", "2026-02-01T00:00 2026-03-01T00:00"),
            ("today", "2026-03-01T00:00 2026-03-02T00:00"),
            ("yesterday", "2026-02-28T00:00 2026-03-01T00:00"),
            ("2026-11-01/2026-11-15", "2026-11-01T00:00 2026-11-15T00:00"),
            ("2026-11-01T12:00:00+01:00/2026-11-02", "2026-11-01T11:00 2026-11-02T00:00"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(shown), "{text}");
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for text in ["", "26", "2026-13", "2026-1", "2026-02-30", "2026-01-01-01", "tomorrow", "/"]
        {
            assert!(parse(text).unwrap_err().contains("is no period"), "{text}");
        }
        assert!(parse("2026-02-02/2026-02-02").unwrap_err().contains("ends before"));
    }

    #[test]
    fn pieces_lie_side_by_side() {
        let at_ms = 1_767_225_600_000 + 90_061_001;
        for (grain, from_ms) in [
            (Grain::Minute, 90_060_000),
            (Grain::Hour, 90_000_000),
            (Grain::Day, 86_400_000),
            (Grain::Month, 0),
        ] {
            let piece = grain.piece_of(at_ms);
            assert_eq!(piece.from_ms, 1_767_225_600_000 + from_ms, "{grain:?}");
            assert!(piece.contains(at_ms) && !piece.contains(piece.to_ms));
            assert_eq!(grain.piece_of(piece.to_ms).from_ms, piece.to_ms);
        }
        assert_eq!(Grain::Minute.piece_of(-1).from_ms, -60_000);
    }
}
