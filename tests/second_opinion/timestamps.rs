//! ISO-8601 offset date-times.

use crate::unsure;

/// Nanoseconds since 1970, or `None` for what is no timestamp.
pub(crate) fn parse(text: &str) -> Option<i128> {
    let (date, rest) = text.split_once('T')?;
    let fields: Vec<&str> = date.split('-').collect();
    let [year, month, day] = fields.as_slice() else { return None };
    let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (time, zone) = rest.split_at(zone_at);
    let (clock, fraction) = match time.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (time, None),
    };
    let fields: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = fields.as_slice() else { return None };
    let (hour, minute, second) = (digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?);
    let nanoseconds = match fraction {
        None => 0,
        Some(fraction) => {
            if fraction.len() > 9 {
                unsure::guess("how long the fraction of a second may be");
            }
            let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
            let nine = format!("{fraction:0<9}");
            nine.get(..9).filter(|_| digits && !fraction.is_empty())?.parse().ok()?
        }
    };
    let in_range = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !in_range {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(i128::from(seconds - offset(zone)?) * 1_000_000_000 + nanoseconds)
}

fn digits(text: &str, length: usize) -> Option<i64> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
    text.parse().ok()
}

fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (hours, minutes) = zone[1..].split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let seconds = (hours <= 18 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
    Some(if zone.starts_with('-') { -seconds } else { seconds })
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970, counted the long way.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let years: i64 = if year >= 1970 {
        (1970..year).map(|year| 365 + i64::from(is_leap(year))).sum()
    } else {
        -(year..1970).map(|year| 365 + i64::from(is_leap(year))).sum::<i64>()
    };
    years + (1..month).map(|month| days_in(year, month)).sum::<i64>() + day - 1
}

#[test]
fn instants() {
    assert_eq!(parse("1970-01-02T00:00:00.5Z"), Some(86_400_500_000_000));
    assert_eq!(parse("2012-10-09T19:00:55+02:00"), parse("2012-10-09T17:00:55Z"));
    for text in ["2025-01-01", "2016-13-05T21:29:29Z", "2024-11-05T10:20:30.0", "x"] {
        assert_eq!(parse(text), None);
    }
}
