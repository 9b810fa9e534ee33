//! Numbers as Jackson reads them, and `Double.toString`.

use crate::value::{Heap, Value, View};

/// A number by its Java type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Number {
    /// `Integer` or `Long`.
    Whole(i64),
    /// `BigInteger`: its decimal digits, with a sign.
    Big(String),
    /// `Double`
    Double(f64),
}

/// The number that `value` is.
pub(super) fn number(heap: &Heap, value: Value) -> Option<Number> {
    match heap.view(value) {
        View::Int(int) => Some(Number::Whole(int)),
        View::Float(float) => {
            // An integer that is no `i64` reads as a double; its text still tells.
            if float.abs() >= BEYOND_I64 {
                let mut text = String::new();
                heap.write_scalar(value, &mut text);
                if !text.contains(['.', 'e', 'E']) {
                    return Some(Number::Big(text));
                }
            }
            Some(Number::Double(float))
        }
        _ => None,
    }
}

/// 2^63, the first double beyond every `i64`.
const BEYOND_I64: f64 = 9_223_372_036_854_775_808.0;

/// `Double.toString` of a finite number: at least one digit behind the point, an exponent below
/// 10^-3 and from 10^7 on.
pub(super) fn double(float: f64, out: &mut String) {
    // Rust's digits are the shortest that read back the same, as Java's are since version 19.
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let magnitude = float.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        let plain = format!("{float}");
        out.push_str(&plain);
        if !plain.contains('.') {
            out.push_str(".0");
        }
        return;
    }
    out.push_str(mantissa);
    if !mantissa.contains('.') {
        out.push_str(".0");
    }
    out.extend(["E", exponent]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_printed_as_java_prints_them() {
        for (float, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (1.1, "1.1"),
            (-2.5, "-2.5"),
            (0.001, "0.001"),
            (0.000_999, "9.99E-4"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (1.5e300, "1.5E300"),
            (f64::MAX, "1.7976931348623157E308"),
        ] {
            let mut out = String::new();
            double(float, &mut out);
            assert_eq!(out, text);
        }
    }
}
