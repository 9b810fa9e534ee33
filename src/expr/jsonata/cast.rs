//! Numbers and their text: reading, writing, rounding.
//!
//! All of this works on plain numbers and strings; which items may be cast at all is the
//! evaluator's business.

use super::{Code, Thrown};

/// `$number(text)`: a number as JSON spells it (leading zeros allowed), or `0x`, `0o`, `0b` and
/// digits.
pub(super) fn number(text: &str) -> Result<f64, Thrown> {
    let value = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => radix_number(&text[2..], 16),
        [b'0', b'o' | b'O', ..] => radix_number(&text[2..], 8),
        [b'0', b'b' | b'B', ..] => radix_number(&text[2..], 2),
        _ if is_decimal(text.as_bytes()) => text.parse().ok(),
        _ => None,
    };
    value
        .filter(|value: &f64| value.is_finite())
        .ok_or_else(|| Thrown::new(Code::D3030).with("value", quoted(text)))
}

/// A finite number as a string, with 15 significant digits; measured on AWS, too.
pub(super) fn text(value: f64) -> String {
    js_text(to_15_digits(value))
}

/// The number with the digits that `$string` keeps of it; integers keep all.
fn to_15_digits(value: f64) -> f64 {
    if value.fract() == 0.0 || !value.is_finite() {
        return value;
    }
    // Enough digits to see whether a tie is exact: halves go away from zero, where Rust rounds
    // them to even.
    let long = format!("{value:.40e}");
    let Some((mantissa, exponent)) = long.split_once('e') else { return value };
    let (kept, dropped) = mantissa.split_at(mantissa.len() - 26);
    let digits: String = kept.chars().filter(char::is_ascii_digit).collect();
    let up = u64::from(dropped.as_bytes()[0] >= b'5');
    let (Ok(digits), Ok(exponent)) = (digits.parse::<u64>(), exponent.parse::<i32>()) else {
        return value;
    };
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}e{}", digits + up, exponent - 14).parse().unwrap_or(value)
}

/// A number as JavaScript spells it, `Infinity` and `NaN` included.
pub(super) fn js_text(value: f64) -> String {
    ryu_js::Buffer::new().format(value).to_owned()
}

/// `$round(value, precision)`: halves go to the even neighbour. The decimal point moves in the
/// shortest decimal form of the number, since a multiplication would round on its own.
pub(super) fn round(value: f64, precision: i32) -> f64 {
    let shifted = shift(value, i64::from(precision));
    if !shifted.is_finite() {
        return value;
    }
    // Adding zero turns -0, which JSON does not write, into 0.
    shift(shifted.round_ties_even(), -i64::from(precision)) + 0.0
}

/// [`round`] for integers that a double may not hold; `None` when the result is none that fits.
pub(super) fn round_integer(value: i64, precision: i32) -> Option<i64> {
    if precision >= 0 {
        return Some(value);
    }
    let Some(unit) = 10_i128.checked_pow(precision.unsigned_abs()) else { return Some(0) };
    let value = i128::from(value);
    let floor = value.div_euclid(unit);
    let below = value.rem_euclid(unit);
    // Twice of it may be more than fits.
    let above = unit - below;
    let up = below > above || (below == above && floor % 2 != 0);
    i64::try_from((floor + i128::from(up)) * unit).ok()
}

/// `$power(base, exponent)`.
pub(super) fn power(base: f64, exponent: f64) -> Result<f64, Thrown> {
    let power = base.powf(exponent);
    // Where JavaScript says NaN, IEEE's pow says 1.
    if !power.is_finite() || !exponent.is_finite() {
        let error = Thrown::new(Code::D3061).with("value", js_text(base));
        return Err(error.with("exp", js_text(exponent)));
    }
    Ok(power)
}

/// A string as errors quote it.
pub(super) fn quoted(text: &str) -> String {
    // Writing a string into a string does not fail.
    serde_json::to_string(text).unwrap_or_default()
}

/// `value · 10^places`, rounded once.
fn shift(value: f64, places: i64) -> f64 {
    if places == 0 || !value.is_finite() {
        return value;
    }
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return value };
    let exponent = exponent.parse::<i64>().unwrap_or_default() + places;
    format!("{mantissa}e{exponent}").parse().unwrap_or(value)
}

/// `-? digits (. digits)? ([eE] [+-]? digits)?`
fn is_decimal(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let Some(rest) = behind_digits(text) else { return false };
    let rest = match rest.strip_prefix(b".") {
        Some(fraction) => behind_digits(fraction),
        None => Some(rest),
    };
    match rest {
        Some([b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..]) => {
            behind_digits(exponent) == Some(b"")
        }
        rest => rest == Some(b""),
    }
}

/// What follows the digits that `text` starts with; `None` without a digit.
fn behind_digits(text: &[u8]) -> Option<&[u8]> {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.get(len..).filter(|_| len > 0)
}

/// Digits of a radix that is a power of two, rounded once, to even.
fn radix_number(digits: &str, radix: u32) -> Option<f64> {
    let mut value = 0_u128;
    let mut places = 0_i32;
    for digit in digits.chars() {
        let digit = u128::from(digit.to_digit(radix)?);
        if value >> 120 == 0 {
            value = value * u128::from(radix) + digit;
        } else {
            // Far below the last bit that a double keeps, only being there counts.
            value |= u128::from(digit != 0);
            places = places.saturating_add(radix.ilog2() as i32);
        }
    }
    (!digits.is_empty()).then(|| value as f64 * 2_f64.powi(places))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn reads(source: &str, value: f64) {
        assert_eq!(number(source), Ok(value), "{source}");
    }

    #[track_caller]
    fn refuses(source: &str) {
        assert_eq!(number(source).unwrap_err().code(), Code::D3030, "{source}");
    }

    #[test]
    fn numbers_are_read_as_json_spells_them() {
        reads("0", 0.0);
        reads("-12.5e-1", -1.25);
        reads("007", 7.0);
        reads("1E+2", 100.0);
        refuses("");
        refuses("-");
        refuses("+1");
        refuses(".5");
        refuses("1.");
        refuses("1e");
        refuses("1e5x");
        refuses(" 1");
        refuses("1e400");
        refuses("Infinity");
        refuses("NaN");
    }

    #[test]
    fn other_radices_are_read_by_their_prefix() {
        reads("0x1F", 31.0);
        reads("0O17", 15.0);
        reads("0b101", 5.0);
        reads("0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 144f64.exp2());
        refuses("0x");
        refuses("0xg");
        refuses("0b2");
        refuses("-0x1");
        refuses(&format!("0x1{}", "0".repeat(300)));
    }

    #[test]
    fn an_error_quotes_the_text() {
        let message = number("a\"b").unwrap_err().message();
        assert_eq!(message, r#"Unable to cast value to a number: "a\"b""#);
    }

    #[track_caller]
    fn prints(value: f64, expected: &str) {
        assert_eq!(text(value), expected);
    }

    #[test]
    fn numbers_are_printed_with_15_digits_and_integers_with_all() {
        prints(0.1 + 0.2, "0.3");
        prints(1e21, "1e+21");
        prints(1e20, "100000000000000000000");
        prints(1e-7, "1e-7");
        prints(-0.0, "0");
        prints(9_007_199_254_740_993.0, "9007199254740992");
        prints(99.999_999_999_999_99, "100");
    }

    #[test]
    fn exact_ties_of_the_15_digits_go_away_from_zero() {
        prints(100_000_000_000_000.5, "100000000000001");
        prints(12_345_678_901_234.25, "12345678901234.3");
        prints(-12_345_678_901_234.25, "-12345678901234.3");
    }

    #[track_caller]
    fn rounds(value: f64, precision: i32, to: f64) {
        assert_eq!(round(value, precision).to_bits(), to.to_bits(), "{value} {precision}");
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        rounds(0.5, 0, 0.0);
        rounds(1.5, 0, 2.0);
        rounds(-0.5, 0, 0.0);
        rounds(-1.5, 0, -2.0);
        rounds(1.005, 2, 1.0);
        rounds(1.015, 2, 1.02);
        rounds(12_345.0, -1, 12_340.0);
        rounds(1e300, 20, 1e300);
        rounds(1e300, i32::MAX, 1e300);
        rounds(1e300, i32::MIN, 0.0);
        rounds(f64::INFINITY, 1, f64::INFINITY);
    }

    #[test]
    fn integers_round_without_becoming_doubles() {
        assert_eq!(round_integer(9_007_199_254_740_993, 2), Some(9_007_199_254_740_993));
        assert_eq!(round_integer(125, -1), Some(120));
        assert_eq!(round_integer(-135, -1), Some(-140));
        assert_eq!(round_integer(i64::MAX, -30), Some(0));
        assert_eq!(round_integer(-1, -38), Some(0));
        assert_eq!(round_integer(i64::MIN, i32::MIN), Some(0));
        assert_eq!(round_integer(i64::MAX, -1), None);
        assert_eq!(round_integer(i64::MIN, -19), None);
    }

    #[test]
    fn powers_are_finite() {
        assert_eq!(power(2.0, 0.5), Ok(2_f64.sqrt()));
        let message = power(10.0, 1000.0).unwrap_err().message();
        assert!(message.ends_with("base=10, exponent=1000"), "{message}");
        assert_eq!(power(-8.0, 0.5).unwrap_err().code(), Code::D3061);
        assert_eq!(power(1.0, f64::INFINITY).unwrap_err().code(), Code::D3061);
    }

    proptest! {
        #[test]
        fn any_double_can_be_rounded_and_printed(bits: u64, precision: i32) {
            let value = f64::from_bits(bits);
            round(value, precision);
            round(value, precision % 400);
            to_15_digits(value);
            prop_assert!(text(value).len() < 32);
        }

        #[test]
        fn rounding_integers_agrees_with_rounding_doubles(value in -(1_i64 << 50)..1 << 50, precision in -45..3) {
            let rounded = round(value as f64, precision) as i64;
            prop_assert_eq!(round_integer(value, precision), Some(rounded));
        }

        #[test]
        fn any_integer_is_rounded_to_its_nearest_unit(value: i64, places in 0_u32..39) {
            let unit = 10_i128.pow(places);
            match round_integer(value, -(places as i32)).map(i128::from) {
                Some(rounded) => {
                    prop_assert_eq!(rounded % unit, 0);
                    prop_assert!((rounded - i128::from(value)).abs() <= unit / 2);
                }
                None => prop_assert!(i128::from(value).abs() + unit / 2 > i128::from(i64::MAX)),
            }
        }

        #[test]
        fn what_is_printed_reads_back_nearly(value: f64) {
            let read = number(&text(value)).unwrap_or(f64::INFINITY);
            prop_assert!((read - value).abs() <= value.abs() * 1e-14 + 1e-320, "{value} {read}");
        }

        #[test]
        fn any_text_is_a_number_or_refused(source in "[-+0-9a-fxobEe. ]{0,12}|.*") {
            let _ = number(&source);
        }
    }
}
