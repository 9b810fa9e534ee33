//! A bill in the forms that people and other programs read.

mod events;
mod focus;
mod json;
mod sheet;
mod table;

use std::io::{self, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use events::{EVENTS_PER_LINE, SETTLED_AFTER_MS, Whose, write_lago, write_openmeter};

use super::invoice::Statement;
use super::ledger::Counts;
use super::period::{Grain, Period};

/// Everything that a bill says.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was asked for; `None` is all there is.
    pub period: Option<Period>,
    /// Size of the pieces of time.
    pub grain: Grain,
    /// ISO 4217 code.
    pub currency: String,
    /// One for each account, month and region.
    pub statements: Vec<Statement>,
    /// What became of the billing records.
    pub counts: Counts,
    /// Billing records that are not sound, and left out.
    pub refused: u64,
    /// Events of other types, passed over.
    pub foreign: u64,
    /// Tags whose values get lines of their own.
    pub tag_keys: Vec<String>,
}

impl Report {
    /// For people: one table per statement.
    ///
    /// # Errors
    /// When `out` cannot be written, as with all of these.
    pub fn write_table(&self, out: &mut dyn Write) -> io::Result<()> {
        table::write(self, out)
    }

    /// One JSON document.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", json::document(self))
    }

    /// CSV, one line per line of the invoice.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        sheet::write(self, out)
    }

    /// CSV in the columns of FOCUS 1.2.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write_focus(&self, out: &mut dyn Write) -> io::Result<()> {
        focus::write(self, out)
    }
}

/// Writes one line of CSV (RFC 4180); a field is quoted where it has to be. `None` is an empty field
/// without quotes; a text that is empty has them, so that readers who look can tell them apart.
fn write_csv_line<'a>(
    out: &mut dyn Write,
    fields: impl IntoIterator<Item = impl Into<Option<&'a str>>>,
) -> io::Result<()> {
    for (index, field) in fields.into_iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        let Some(field) = field.into() else { continue };
        if field.is_empty() || field.contains([',', '"', '\n', '\r']) {
            write!(out, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            out.write_all(field.as_bytes())?;
        }
    }
    out.write_all(b"\r\n")
}

/// `2026-11-01T00:00:00Z`, with milliseconds where there are some.
fn instant(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map(|at| at.to_string()).unwrap_or_default()
}

/// `2026-11`.
fn month(at_ms: i64) -> String {
    instant(at_ms).get(..7).unwrap_or_default().to_owned()
}

/// A piece of time: where it begins, as short as the grain allows (`2026-11`, `2026-11-29`,
/// `2026-11-29 13:05`); both ends where the billed period cuts it.
fn piece(piece: Period, grain: Grain) -> String {
    if grain.piece_of(piece.from_ms) != piece {
        return span(piece);
    }
    let Ok(at) = Timestamp::from_millisecond(piece.from_ms) else { return String::new() };
    let date = at.to_zoned(TimeZone::UTC).datetime();
    match grain {
        Grain::Month => month(piece.from_ms),
        Grain::Day => date.date().to_string(),
        Grain::Hour | Grain::Minute => {
            format!("{} {:02}:{:02}", date.date(), date.hour(), date.minute())
        }
    }
}

/// Any time, in the words of `--period`: `2026-11`, `2026-11-29`, `2026-11-29/2026-12-03`.
fn span(period: Period) -> String {
    let is_whole = |grain: &Grain| grain.piece_of(period.from_ms) == period;
    if let Some(grain) = [Grain::Month, Grain::Day].into_iter().find(is_whole) {
        return piece(period, grain);
    }
    let edge = |at_ms: i64| {
        let text = instant(at_ms);
        text.strip_suffix("T00:00:00Z").map(str::to_owned).unwrap_or(text)
    };
    format!("{}/{}", edge(period.from_ms), edge(period.to_ms))
}

/// `1234567` as `1,234,567`.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let mut out = Vec::new();
        let fields =
            [Some("a"), Some("b,c"), Some("say \"x\""), None, Some(""), Some("two\nlines")];
        write_csv_line(&mut out, fields).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "a,\"b,c\",\"say \"\"x\"\"\",,\"\",\"two\nlines\"\r\n");
    }

    #[test]
    fn numbers_are_grouped_and_times_short() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let at_ms = 1_767_225_600_000 + 65 * 60_000;
        assert_eq!(instant(at_ms), "2026-01-01T01:05:00Z");
        let pieces = [Grain::Month, Grain::Day, Grain::Minute]
            .map(|grain| piece(grain.piece_of(at_ms), grain));
        assert_eq!(pieces, ["2026-01", "2026-01-01", "2026-01-01 01:05"]);
        let (day, to_ms) = (Grain::Day.piece_of(at_ms), at_ms + 500);
        let cut = Period { to_ms, ..day };
        assert_eq!(piece(cut, Grain::Day), "2026-01-01/2026-01-01T01:05:00.5Z");
        let days = Period { to_ms: day.to_ms + 86_400_000, ..day };
        assert_eq!([day, days].map(span), ["2026-01-01", "2026-01-01/2026-01-03"]);
    }
}
