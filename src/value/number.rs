//! Numbers as text: integers exact, doubles shortest round-trip in JavaScript's spelling.
//!
//! AWS prints numbers that were computed as JavaScript does (`1e+21` from 10^21 on); numbers that
//! are only passed on keep the text they came in with and never come here.

use std::cmp::Ordering;

use super::View;

/// Bytes of `value` in decimal.
pub fn int_len(value: i64) -> u32 {
    let magnitude = value.unsigned_abs();
    let digits = if magnitude < 10 {
        1
    } else if magnitude < 100 {
        2
    } else {
        magnitude.ilog10() + 1
    };
    digits + u32::from(value < 0)
}

/// Bytes of `value` as [`write_float`] writes it.
pub fn float_len(value: f64) -> u32 {
    match ShortDecimal::of(value) {
        Some(short) => short.len(),
        None => ryu_js::Buffer::new().format_finite(value).len() as u32,
    }
}

/// Appends `value` in decimal.
pub fn write_int(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a finite `value` in its shortest form that reads back the same.
pub fn write_float(value: f64, out: &mut Vec<u8>) {
    match ShortDecimal::of(value) {
        Some(short) => short.write(out),
        None => out.extend_from_slice(ryu_js::Buffer::new().format_finite(value).as_bytes()),
    }
}

/// A double that is a decimal of few digits, as amounts and shares are: found by a few
/// multiplications, where the general algorithm takes five times as long.
///
/// `digits / 10^decimals` is exactly rounded, since both are exact doubles; if it gives the double
/// back, this decimal stands for it. Decimals of up to 15 digits stand for different doubles, so
/// no shorter one does.
struct ShortDecimal {
    /// Without trailing zeros behind the point.
    digits: u64,
    decimals: u32,
    negative: bool,
}

impl ShortDecimal {
    #[inline]
    fn of(value: f64) -> Option<Self> {
        let magnitude = value.abs();
        // Below, JavaScript writes an exponent; from 10^11 on, four decimals may be too many digits.
        if !(1e-4..1e11).contains(&magnitude) {
            return None;
        }
        for (decimals, scale) in [(0, 1.0), (1, 10.0), (2, 100.0), (3, 1e3), (4, 1e4)] {
            let digits = (magnitude * scale + 0.5) as u64;
            if (digits as f64 / scale).total_cmp(&magnitude).is_eq() {
                return Some(Self { digits, decimals, negative: value < 0.0 });
            }
        }
        None
    }

    fn len(&self) -> u32 {
        let digits = self.digits.checked_ilog10().map_or(1, |log| log + 1);
        // At least one digit in front of the point.
        let digits = digits.max(self.decimals + 1);
        digits + u32::from(self.decimals > 0) + u32::from(self.negative)
    }

    fn write(&self, out: &mut Vec<u8>) {
        if self.negative {
            out.push(b'-');
        }
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(self.digits).as_bytes();
        let decimals = self.decimals as usize;
        if decimals == 0 {
            out.extend_from_slice(digits);
            return;
        }
        let whole = digits.len().saturating_sub(decimals);
        let zeros = decimals.saturating_sub(digits.len());
        out.extend_from_slice(if whole == 0 { b"0" } else { &digits[..whole] });
        out.push(b'.');
        out.extend_from_slice(&b"0000"[..zeros]);
        out.extend_from_slice(&digits[whole..]);
    }
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
    fn short_decimals_are_written_as_any_other_number() {
        let mut checked = 0;
        let mut check = |value: f64| {
            let mut out = Vec::new();
            write_float(value, &mut out);
            let text = ryu_js::Buffer::new().format_finite(value).to_owned();
            assert_eq!(String::from_utf8_lossy(&out), text);
            assert_eq!(float_len(value) as usize, text.len(), "{text}");
            checked += u32::from(ShortDecimal::of(value).is_some());
        };
        for digits in (0..200_000_u32).chain((0..1_000).map(|step| step * 4_294_967 + 13)) {
            for scale in [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 3.0] {
                check(f64::from(digits) / scale);
                check(-f64::from(digits) / scale);
            }
        }
        for value in
            [0.1 + 0.2, 1e11, 99_999_999_999.999_9, 1e-4, 0.000_123, 681.760_000_000_000_1, 5e-324]
        {
            check(value);
        }
        assert!(checked > 1_000_000);
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
