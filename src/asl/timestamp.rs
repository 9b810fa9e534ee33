//! RFC 3339 timestamps as ASL wants them written.

/// Tells whether a text is an RFC 3339 timestamp with upper case `T` and `Z` and a real date.
pub(super) fn is_rfc3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some((date_time, rest)) = bytes.split_at_checked(19) else {
        return false;
    };
    let shape = b"0000-00-00T00:00:00";
    let matches = date_time.iter().zip(shape).all(|(&byte, &pattern)| match pattern {
        b'0' => byte.is_ascii_digit(),
        other => byte == other,
    });
    matches && is_date(date_time) && is_time(&date_time[11..19]) && is_offset(skip_fraction(rest))
}

fn is_date(text: &[u8]) -> bool {
    let year = number(&text[..4]);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match number(&text[5..7]) {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&number(&text[8..10]))
}

fn is_time(text: &[u8]) -> bool {
    number(&text[..2]) < 24 && number(&text[3..5]) < 60 && number(&text[6..8]) < 60
}

/// Steps over `.` and at least one digit; leaves a lone `.` for the offset to trip over.
fn skip_fraction(text: &[u8]) -> &[u8] {
    let Some(fraction) = text.strip_prefix(b".") else {
        return text;
    };
    let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 { text } else { &fraction[digits..] }
}

fn is_offset(text: &[u8]) -> bool {
    match text {
        b"Z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit())
                && number(&[*h1, *h2]) < 24
                && number(&[*m1, *m2]) < 60
        }
        _ => false,
    }
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::is_rfc3339;

    #[test]
    fn real_instants_are_timestamps() {
        for text in [
            "2016-03-14T01:59:00Z",
            "2016-03-14T01:59:00.123456789Z",
            "2016-03-14T01:59:00+01:00",
            "2016-02-29T23:59:59.5-11:30",
            "2000-02-29T00:00:00Z",
        ] {
            assert!(is_rfc3339(text), "{text}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "2016-03-14",
            "2016-03-14t01:59:00Z",
            "2016-03-14T01:59:00z",
            "2016-03-14 01:59:00Z",
            "2016-03-14T01:59:00",
            "2016-13-05T21:29:29Z",
            "2016-12-05T25:29:29Z",
            "2016-12-05T21:60:29Z",
            "2016-00-05T21:29:29Z",
            "2016-12-32T21:29:29Z",
            "2015-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2016-03-14T01:59:00.Z",
            "2016-03-14T01:59:00+0100",
            "2016-03-14T01:59:00+24:00",
            "2016-03-14T01:59:00ZZ",
            "2016-03-14T01:59é00Z",
        ] {
            assert!(!is_rfc3339(text), "{text}");
        }
    }
}
