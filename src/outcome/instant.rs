//! Points in time as people read them: RFC 3339, UTC, milliseconds.

/// Length of a formatted instant.
pub const INSTANT_BYTES: usize = 24;

/// Appends `2026-11-22T17:42:03.120Z`. Years outside 0–9999 are clamped, the format has no more
/// digits.
pub fn push_instant_ms(out: &mut Vec<u8>, epoch_ms: i64) {
    out.extend_from_slice(&format_instant_ms(epoch_ms));
}

/// Returns `2026-11-22T17:42:03.120Z`. Written by hand because two of these stand in every billing
/// record; checked against `jiff` in the tests.
pub fn format_instant_ms(epoch_ms: i64) -> [u8; INSTANT_BYTES] {
    let epoch_ms = epoch_ms.clamp(EPOCH_MS_MIN, EPOCH_MS_MAX);
    let days = epoch_ms.div_euclid(DAY_MS);
    let day_ms = epoch_ms.rem_euclid(DAY_MS) as u32;
    let (year, month, day) = civil_from_days(days);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    put_two(&mut text, 0, year / 100);
    put_two(&mut text, 2, year % 100);
    put_two(&mut text, 5, month);
    put_two(&mut text, 8, day);
    put_two(&mut text, 11, day_ms / 3_600_000);
    put_two(&mut text, 14, day_ms / 60_000 % 60);
    put_two(&mut text, 17, day_ms / 1_000 % 60);
    put_two(&mut text, 20, day_ms % 1_000 / 10);
    text[22] = b'0' + (day_ms % 10) as u8;
    text
}

fn put_two(text: &mut [u8; INSTANT_BYTES], at: usize, value: u32) {
    text[at] = b'0' + (value / 10) as u8;
    text[at + 1] = b'0' + (value % 10) as u8;
}

/// Gregorian year, month and day of a day number from 1970-01-01: the era arithmetic of Howard
/// Hinnant's "chrono-compatible low-level date algorithms".
fn civil_from_days(days: i64) -> (u32, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097) as u32;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = i64::from(year_of_era) + era * 400 + i64::from(month <= 2);
    (year as u32, month, day)
}

const DAY_MS: i64 = 86_400_000;
/// 0000-01-01T00:00:00.000Z.
const EPOCH_MS_MIN: i64 = -62_167_219_200_000;
/// 9999-12-31T23:59:59.999Z.
const EPOCH_MS_MAX: i64 = 253_402_300_799_999;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(epoch_ms: i64) -> String {
        String::from_utf8(format_instant_ms(epoch_ms).to_vec()).unwrap()
    }

    #[test]
    fn known_instants() {
        assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(text(1_767_225_600_100), "2026-01-01T00:00:00.100Z");
        assert_eq!(text(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(text(i64::MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(text(i64::MIN), "0000-01-01T00:00:00.000Z");
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(epoch_ms in EPOCH_MS_MIN..EPOCH_MS_MAX - DAY_MS * 366) {
            let expected = jiff::Timestamp::from_millisecond(epoch_ms).unwrap();
            prop_assert_eq!(text(epoch_ms), format!("{expected:.3}"));
        }
    }
}
