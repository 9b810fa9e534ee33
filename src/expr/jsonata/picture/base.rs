//! `$formatBase`: numbers in another radix.

use crate::expr::jsonata::{Code, Thrown, cast};

/// The number, rounded to an integer, in `radix`. From 2^53 on, digits that a double does not
/// know are written as zeros, as the reference does.
pub(in crate::expr::jsonata) fn format_base(value: f64, radix: f64) -> Result<String, Thrown> {
    let value = cast::round(value, 0);
    let radix = checked_radix(radix)?;
    if radix == 10 || !value.is_finite() {
        return Ok(cast::js_text(value));
    }
    let base = f64::from(radix);
    let mut rest = value.abs();
    let mut reversed = Vec::new();
    while rest >= EXACT_BELOW {
        rest /= base;
        reversed.push('0');
    }
    loop {
        let digit = rest % base;
        reversed.extend(char::from_digit(digit as u32, radix));
        rest = (rest - digit) / base;
        if rest <= 0.0 {
            break;
        }
    }
    Ok(from_reversed(reversed, value < 0.0))
}

/// [`format_base`] for integers that a double may not hold.
pub(in crate::expr::jsonata) fn format_base_integer(
    value: i64,
    radix: f64,
) -> Result<String, Thrown> {
    let radix = checked_radix(radix)?;
    let mut rest = value.unsigned_abs();
    let mut reversed = Vec::new();
    loop {
        reversed.extend(char::from_digit((rest % u64::from(radix)) as u32, radix));
        rest /= u64::from(radix);
        if rest == 0 {
            break;
        }
    }
    Ok(from_reversed(reversed, value < 0))
}

fn checked_radix(radix: f64) -> Result<u32, Thrown> {
    let radix = cast::round(radix, 0);
    if (2.0..=36.0).contains(&radix) {
        return Ok(radix as u32);
    }
    Err(Thrown::new(Code::D3100).with("value", cast::js_text(radix)))
}

fn from_reversed(mut digits: Vec<char>, negative: bool) -> String {
    digits.extend(negative.then_some('-'));
    digits.into_iter().rev().collect()
}

const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn formats(value: f64, radix: f64, text: &str) {
        assert_eq!(format_base(value, radix).unwrap(), text);
    }

    #[test]
    fn integers_are_written_in_the_radix() {
        formats(100.0, 2.0, "1100100");
        formats(-255.0, 16.0, "-ff");
        formats(35.5, 36.0, "10");
        formats(99.4, 2.5, "1100011");
        formats(-0.0, 7.0, "0");
        formats(1e21, 10.0, "1e+21");
        formats(1e21, 16.0, "3635c9adc5dea00000");
        assert_eq!(format_base_integer(i64::MAX, 36.0).unwrap(), "1y2p0ij32e8e7");
        assert_eq!(format_base_integer(i64::MIN, 16.0).unwrap(), "-8000000000000000");
        assert_eq!(format_base_integer(0, 2.0).unwrap(), "0");
    }

    #[test]
    fn a_radix_is_between_2_and_36() {
        let message = format_base(1.0, 37.0).unwrap_err().message();
        assert!(message.ends_with("It was given 37"), "{message}");
        assert_eq!(format_base(1.0, 1.4).unwrap_err().code(), Code::D3100);
        assert_eq!(format_base(1.0, f64::NAN).unwrap_err().code(), Code::D3100);
    }

    proptest! {
        #[test]
        fn any_double_has_a_bounded_text(bits: u64, radix in 2_u32..=36) {
            let text = format_base(f64::from_bits(bits), f64::from(radix)).unwrap();
            prop_assert!(text.len() <= 1026);
        }

        #[test]
        fn integers_and_doubles_agree(value in -(1_i64 << 53)..1 << 53, radix in 2_u32..=36) {
            let radix = f64::from(radix);
            prop_assert_eq!(format_base_integer(value, radix), format_base(value as f64, radix));
        }
    }
}
