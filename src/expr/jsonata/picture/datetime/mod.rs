//! `$fromMillis` and `$toMillis`: XPath's `format-dateTime`, whose pictures look like
//! `[D1o] [MNn] [Y0001]`, and its reverse.
//!
//! Times are milliseconds since the Unix epoch; no clock and no table of time zones is known
//! here. What is constant can be prepared once: [`Picture`] for writing, [`Reader`] for reading.

mod calendar;
mod iso;
mod picture;
mod read;
mod write;

use super::super::cast::{js_text, quoted};
use super::super::{Code, Thrown};
use calendar::Moment;
pub(in crate::expr::jsonata) use picture::Picture;
pub(in crate::expr::jsonata) use read::Reader;

/// `$fromMillis(millis, picture, timezone)`; without a picture, as ISO 8601 has it.
pub(in crate::expr::jsonata) fn from_millis(
    millis: f64,
    picture: Option<&str>,
    timezone: Option<&str>,
) -> Result<String, Thrown> {
    if let Some(picture) = picture {
        return Picture::parse(picture)?.format(millis, timezone);
    }
    let offset = Offset::parse(timezone)?;
    Ok(iso::write(&local(millis, offset)?, offset))
}

/// `$toMillis(text, picture)` at the time `now_ms`, from which parts of the date are taken that
/// the picture does not have; `None` when the text does not look like the picture.
pub(in crate::expr::jsonata) fn to_millis(
    text: &str,
    picture: Option<&str>,
    now_ms: i64,
) -> Result<Option<i64>, Thrown> {
    match picture {
        Some(picture) => Reader::new(picture)?.read(text, now_ms),
        None => iso::read(text).map(Some).ok_or_else(|| no_timestamp(text)),
    }
}

/// Hours and minutes east of UTC; neither is of the other sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Offset {
    hours: i64,
    minutes: i64,
}

impl Offset {
    /// Of `+hhmm`, where leading zeros may be missing.
    fn parse(timezone: Option<&str>) -> Result<Self, Thrown> {
        let Some(timezone) = timezone else { return Ok(Self::default()) };
        let digits = timezone.trim().trim_start_matches(['+', '-']);
        let offset = timezone.trim().parse::<i64>().ok().filter(|_| digits.len() <= 4);
        let offset = offset.ok_or_else(|| {
            let message = format!(
                "The timezone must be an offset such as +0530.  Given {}",
                quoted(timezone)
            );
            Thrown::new(Code::D3137).with("message", message)
        })?;
        Ok(Self { hours: offset / 100, minutes: offset % 100 })
    }

    fn millis(self) -> i64 {
        (self.hours * 60 + self.minutes) * 60_000
    }

    fn is_negative(self) -> bool {
        self.hours < 0 || self.minutes < 0
    }
}

/// What clocks show at `millis` where the offset applies.
fn local(millis: f64, offset: Offset) -> Result<Moment, Thrown> {
    Some(millis.trunc())
        .filter(|millis| millis.abs() <= MILLIS_MAX as f64)
        .map(|millis| millis as i64 + offset.millis())
        .filter(|millis| millis.abs() <= MILLIS_MAX)
        .map(Moment::new)
        .ok_or_else(|| Thrown::new(Code::D1001).with("value", js_text(millis)))
}

fn no_timestamp(text: &str) -> Thrown {
    Thrown::new(Code::D3110).with("value", quoted(text))
}

/// As far as JavaScript's dates go: 100 million days.
const MILLIS_MAX: i64 = 8_640_000_000_000_000;

#[cfg(test)]
mod tests;
