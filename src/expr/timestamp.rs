//! RFC 3339 timestamps as ASL reads them: capital `T`, capital `Z` or a numeric offset.
//!
//! Rule: ASL specification, "Timestamps".

/// An instant, comparable whatever offset it was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    /// Seconds since the Unix epoch.
    pub seconds: i64,
    /// Nanoseconds into the second; digits beyond the ninth are dropped.
    pub nanoseconds: u32,
}

/// Parses `text`; `None` when it is no RFC 3339 timestamp with a time zone.
pub fn parse(text: &str) -> Option<Instant> {
    let bytes = text.as_bytes();
    let punctuation = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if !punctuation.iter().all(|&(at, mark)| bytes.get(at) == Some(&mark)) {
        return None;
    }
    let [year, month, day] = [number(bytes, 0, 4)?, number(bytes, 5, 2)?, number(bytes, 8, 2)?];
    let [hour, minute, second] =
        [number(bytes, 11, 2)?, number(bytes, 14, 2)?, number(bytes, 17, 2)?];
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanoseconds, zone) = fraction(&bytes[19..])?;
    let local = days_since_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(Instant { seconds: local - offset_seconds(zone)?, nanoseconds })
}

/// The decimal number in `len` digits at `at`.
fn number(bytes: &[u8], at: usize, len: usize) -> Option<i64> {
    bytes.get(at..at + len)?.iter().try_fold(0, |number, &digit| {
        digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
    })
}

/// Nanoseconds of an optional fraction, and what follows it.
fn fraction(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let Some(digits) = bytes.strip_prefix(b".") else { return Some((0, bytes)) };
    let len = digits.iter().take_while(|digit| digit.is_ascii_digit()).count();
    if len == 0 {
        return None;
    }
    let nanoseconds = (0..9).fold(0, |sum, place| {
        sum * 10 + if place < len { u32::from(digits[place] - b'0') } else { 0 }
    });
    Some((nanoseconds, &digits[len..]))
}

/// Seconds east of UTC.
fn offset_seconds(zone: &[u8]) -> Option<i64> {
    let sign = match zone {
        b"Z" => return Some(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    if zone.len() != 6 || zone[3] != b':' {
        return None;
    }
    let [hours, minutes] = [number(zone, 1, 2)?, number(zone, 4, 2)?];
    let seconds = hours * 3_600 + minutes * 60;
    // Java's ZoneOffset reaches to 18 hours.
    (minutes <= 59 && seconds <= 18 * 3_600).then_some(sign * seconds)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar, counted in 400-year eras that begin
/// in March so that the leap day is the last of its year.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        parse(text).map(|instant| instant.seconds)
    }

    #[test]
    fn instants_are_exact() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2016-03-14T01:59:00Z"), Some(1_457_920_740));
        assert_eq!(seconds("2000-02-29T12:00:00+01:30"), Some(951_820_200));
        assert_eq!(seconds("1969-12-31T23:59:59.5-00:00"), Some(-1));
        assert_eq!(parse("2025-01-01T12:00:00Z"), parse("2025-01-01T12:00:00.000Z"));
        assert!(
            parse("2025-01-01T12:00:00.0000000019Z") == parse("2025-01-01T12:00:00.000000001Z")
        );
    }

    #[test]
    fn what_is_no_timestamp_is_none() {
        for text in [
            "",
            "2025-01-01",
            "2025-01-01T12:00:00",
            "2025-01-01 12:00:00Z",
            "2025-01-01t12:00:00Z",
            "2025-01-01T12:00:00z",
            "2025-13-01T12:00:00Z",
            "2025-02-29T12:00:00Z",
            "2025-01-01T24:00:00Z",
            "2025-01-01T12:00:00.Z",
            "2025-01-01T12:00:00+0100",
            "2025-01-01T12:00:00+19:00",
            "2025-01-01T12:00Z",
            "+025-01-01T12:00:00Z",
            "2016-12-05T21%3A29%3A29Z",
            "é025-01-01T12:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
