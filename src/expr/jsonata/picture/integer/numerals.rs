//! Integers as Roman numerals, and as letters in the way of spreadsheet columns.

/// The number in letters, in title case; zero has none.
pub(super) fn letters(digits: &str) -> String {
    let mut reversed = Vec::new();
    if let Ok(mut rest) = digits.parse::<u64>() {
        while rest > 0 {
            reversed.push(char::from(b'A' + ((rest - 1) % 26) as u8));
            rest = (rest - 1) / 26;
        }
    } else {
        // Longer numbers come from doubles. At most 220 letters: each step divides by 26.
        let mut rest: f64 = digits.parse().unwrap_or_default();
        while rest > 0.0 && rest.is_finite() {
            reversed.push(char::from(b'A' + ((rest - 1.0) % 26.0) as u8));
            rest = ((rest - 1.0) / 26.0).floor();
        }
    }
    reversed.into_iter().rev().collect()
}

/// What letters stand for, as the reference reckons: by their distance to the first one, even
/// that of characters which are none.
pub(super) fn read_letters(text: &str, is_upper: bool) -> f64 {
    let first = f64::from(if is_upper { b'A' } else { b'a' });
    text.encode_utf16().fold(0.0, |sum, unit| sum * 26.0 + (f64::from(unit) - first + 1.0))
}

/// The number in Roman numerals, in title case; `None` if it would take too many of them.
pub(super) fn roman(digits: &str) -> Option<String> {
    let mut rest: u64 = digits.parse().ok().filter(|value| *value <= ROMAN_MAX)?;
    let mut text = String::new();
    for (value, numeral) in NUMERALS {
        while rest >= value {
            text.push_str(numeral);
            rest -= value;
        }
    }
    Some(text)
}

/// What Roman numerals stand for, in whatever order; `None` with other letters.
pub(super) fn read_roman(text: &str) -> Option<f64> {
    let mut max = 1;
    let mut sum = 0_i64;
    for char in text.chars().rev() {
        let mut single = NUMERALS.into_iter().filter(|(_, numeral)| numeral.len() == 1);
        let value = single.find(|(_, numeral)| numeral.starts_with(char))?.0 as i64;
        max = max.max(value);
        // No text is long enough to overflow.
        sum = sum.saturating_add(if value < max { -value } else { value });
    }
    Some(sum as f64)
}

const NUMERALS: [(u64, &str); 13] = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
];

/// A thousand letters; the reference stops where its stack does.
const ROMAN_MAX: u64 = 1_000_000;
