//! Timestamps in ISO 8601, which need no picture.

use super::calendar::{DAY_MS, Moment, days};
use super::{MILLIS_MAX, Offset};

/// `2018-04-27T14:38:07.300Z`; years beyond 9999 lose digits, as in the reference.
pub(super) fn write(moment: &Moment, offset: Offset) -> String {
    let Moment { month, day, .. } = moment;
    let sign = if moment.year < 0 { "-" } else { "" };
    let year = moment.year.abs() % 10_000;
    let [hour, minute, second] = [moment.hour(), moment.minute(), moment.second()];
    let millisecond = moment.millisecond();
    let zone = match offset {
        Offset { hours: 0, minutes: 0 } => "Z".to_owned(),
        Offset { hours, minutes } => {
            let sign = if offset.is_negative() { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", hours.abs(), minutes.abs())
        }
    };
    format!(
        "{sign}{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}{zone}"
    )
}

/// `YYYY[-MM[-DD]][Thh:mm:ss[.fff]][Z|±hh[:]mm]`, in UTC if nothing else is said.
///
/// Days up to 31 are taken in each month, as JavaScript does, and count on into the next one.
pub(super) fn read(text: &str) -> Option<i64> {
    let mut rest = text.as_bytes();
    let year = number(&mut rest, 4)?;
    let month = if is_next(&mut rest, b'-') { number(&mut rest, 2)? } else { 1 };
    let day = if is_next(&mut rest, b'-') { number(&mut rest, 2)? } else { 1 };
    let time = if is_next(&mut rest, b'T') { time_of_day(&mut rest)? } else { 0 };
    let offset = offset(&mut rest)?;
    if !rest.is_empty() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let millis = days(year, month, day) * DAY_MS + time - offset;
    (millis.abs() <= MILLIS_MAX).then_some(millis)
}

/// `hh:mm:ss[.fff]`; digits beyond the third are dropped. 24:00:00 ends the day.
fn time_of_day(rest: &mut &[u8]) -> Option<i64> {
    let hour = number(rest, 2)?;
    let minute = is_next(rest, b':').then(|| number(rest, 2))??;
    let second = is_next(rest, b':').then(|| number(rest, 2))??;
    let mut millis = 0;
    if is_next(rest, b'.') {
        let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, behind) = rest.split_at_checked(len).filter(|_| len > 0)?;
        *rest = behind;
        millis = milliseconds(digits);
    }
    let is_end_of_day = hour == 24 && minute + second + millis == 0;
    let is_time = (hour < 24 || is_end_of_day) && minute < 60 && second < 60;
    is_time.then_some(((hour * 60 + minute) * 60 + second) * 1000 + millis)
}

/// Milliseconds of a fraction's digits.
pub(super) fn milliseconds(digits: &[u8]) -> i64 {
    (0..3).fold(0, |sum, place| {
        let digit = digits.get(place).filter(|digit| digit.is_ascii_digit());
        sum * 10 + i64::from(digit.unwrap_or(&b'0') - b'0')
    })
}

/// Milliseconds east of UTC.
fn offset(rest: &mut &[u8]) -> Option<i64> {
    if rest.is_empty() || is_next(rest, b'Z') {
        return Some(0);
    }
    let sign = if is_next(rest, b'+') {
        1
    } else if is_next(rest, b'-') {
        -1
    } else {
        return None;
    };
    let hours = number(rest, 2)?;
    is_next(rest, b':');
    let minutes = number(rest, 2)?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

/// Takes exactly `len` digits.
fn number(rest: &mut &[u8], len: usize) -> Option<i64> {
    let (digits, behind) = rest.split_at_checked(len)?;
    *rest = behind;
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
    })
}

/// Takes `mark` if it is next.
fn is_next(rest: &mut &[u8], mark: u8) -> bool {
    match rest.split_first() {
        Some((&first, behind)) if first == mark => {
            *rest = behind;
            true
        }
        _ => false,
    }
}
