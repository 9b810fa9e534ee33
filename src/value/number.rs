//! Numbers as text: integers exact, doubles shortest round-trip in JavaScript's spelling.
//!
//! AWS prints numbers that were computed as JavaScript does (`1e+21` from 10^21 on); numbers that
//! are only passed on keep the text they came in with and never come here.

use std::cmp::Ordering;

use super::View;

/// Bytes of `value` in decimal.
pub fn int_len(value: i64) -> u32 {
    let digits = value.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
    digits + u32::from(value < 0)
}

/// Bytes of `value` as [`write_float`] writes it.
pub fn float_len(value: f64) -> u32 {
    ryu_js::Buffer::new().format_finite(value).len() as u32
}

/// Appends `value` in decimal.
pub fn write_int(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a finite `value` in its shortest form that reads back the same.
pub fn write_float(value: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(ryu_js::Buffer::new().format_finite(value).as_bytes());
}

/// What the text of a JSON number stands for.
pub(in crate::value) fn view(text: &str) -> View<'static> {
    match text.parse() {
        Ok(int) => View::Int(int),
        // The text of a JSON number is one that `f64` reads too.
        Err(_) => View::Float(text.parse().unwrap_or_default()),
    }
}

/// Compares an integer with a double exactly, without rounding the integer to a double first.
pub fn compare_int_float(int: i64, float: f64) -> Option<Ordering> {
    // 2^63 is the first double beyond every i64; -2^63 is itself an i64.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        return None;
    }
    if float >= BEYOND {
        return Some(Ordering::Less);
    }
    if float < -BEYOND {
        return Some(Ordering::Greater);
    }
    let whole = float.trunc() as i64;
    // Equal whole parts: the fraction decides, and it has the double's sign.
    Some(
        int.cmp(&whole)
            .then_with(|| 0.0_f64.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_text() {
        for value in [0, 1, -1, 9, 10, 99, 100, -100, i64::MAX, i64::MIN] {
            assert_eq!(int_len(value) as usize, value.to_string().len(), "{value}");
        }
        for (value, text) in [
            (1.0, "1"),
            (0.1, "0.1"),
            (1e21, "1e+21"),
            (1e20, "100000000000000000000"),
            (-0.0, "0"),
        ] {
            let mut out = Vec::new();
            write_float(value, &mut out);
            assert_eq!(out, text.as_bytes());
            assert_eq!(float_len(value) as usize, text.len());
        }
    }

    #[test]
    fn integers_and_doubles_compare_exactly() {
        assert_eq!(compare_int_float(1, 1.0), Some(Ordering::Equal));
        assert_eq!(compare_int_float(0, -0.0), Some(Ordering::Equal));
        assert_eq!(compare_int_float(1, 1.5), Some(Ordering::Less));
        assert_eq!(compare_int_float(-1, -1.5), Some(Ordering::Greater));
        assert_eq!(compare_int_float(i64::MAX, 9.223_372_036_854_776e18), Some(Ordering::Less));
        assert_eq!(compare_int_float(i64::MIN, -9.223_372_036_854_776e18), Some(Ordering::Equal));
        assert_eq!(
            compare_int_float(9_007_199_254_740_993, 9_007_199_254_740_992.0),
            Some(Ordering::Greater)
        );
        assert_eq!(compare_int_float(5, f64::INFINITY), Some(Ordering::Less));
    }
}
