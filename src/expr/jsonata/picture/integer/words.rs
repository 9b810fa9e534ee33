//! Integers in English words.

use std::fmt::Write;

/// Writes the number in title case.
pub(super) fn write(digits: &str, is_ordinal: bool) -> String {
    let mut text = String::new();
    push(digits, false, is_ordinal, &mut text);
    text
}

/// Reads a number in lower case; `None` with a word that is no number.
///
/// Numbers below a hundred are added to what came before, the others multiply it, and from a
/// thousand on a new sum begins.
pub(super) fn read(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut last = 0.0;
    for word in split(text) {
        let value = value_of(word)?;
        if value >= 100.0 {
            last *= value;
        } else if last >= 1000.0 {
            total += last;
            last = value;
        } else {
            last += value;
        }
    }
    Some(total + last)
}

/// A regular expression for texts that may be numbers, in lower case.
pub(super) fn expression() -> String {
    let mut expression = String::from("(?:");
    for word in SMALL.iter().chain(&ORDINALS).chain(&MAGNITUDES) {
        // Writing to a string does not fail.
        let _ = write!(expression, "{}|", word.to_lowercase());
    }
    for decade in DECADES {
        let stem = decade.trim_end_matches('y').to_lowercase();
        let _ = write!(expression, "{stem}y|{stem}ieth|");
    }
    expression.push_str("hundred|th|and|[-, ])+");
    expression
}

/// Writes digits that do not start with zeros, unless they are one zero. Recursion goes no deeper
/// than a double is long, 12 digits a time.
fn push(digits: &str, is_continued: bool, is_ordinal: bool, out: &mut String) {
    let magnitude = (digits.len().saturating_sub(1) / 3).min(MAGNITUDES.len());
    if magnitude == 0 {
        return push_below_1000(digits.parse().unwrap_or_default(), is_continued, is_ordinal, out);
    }
    let (mantissa, rest) = digits.split_at(digits.len() - 3 * magnitude);
    out.push_str(if is_continued { ", " } else { "" });
    push(mantissa, false, false, out);
    out.push(' ');
    out.push_str(MAGNITUDES[magnitude - 1]);
    match rest.trim_start_matches('0') {
        "" => out.push_str(if is_ordinal { "th" } else { "" }),
        rest => push(rest, true, is_ordinal, out),
    }
}

fn push_below_1000(value: usize, is_continued: bool, is_ordinal: bool, out: &mut String) {
    let (hundreds, rest) = (value / 100, value % 100);
    if hundreds > 0 {
        out.push_str(if is_continued { ", " } else { "" });
        out.push_str(SMALL[hundreds % 10]);
        out.push_str(" Hundred");
        if rest == 0 {
            out.push_str(if is_ordinal { "th" } else { "" });
            return;
        }
    }
    out.push_str(if is_continued || hundreds > 0 { " and " } else { "" });
    let small = if is_ordinal { &ORDINALS } else { &SMALL };
    if let Some(word) = small.get(rest) {
        out.push_str(word);
        return;
    }
    let decade = DECADES[(rest / 10).saturating_sub(2)];
    match rest % 10 {
        0 if is_ordinal => {
            out.push_str(decade.trim_end_matches('y'));
            out.push_str("ieth");
        }
        0 => out.push_str(decade),
        unit => {
            out.push_str(decade);
            out.push('-');
            out.push_str(small[unit]);
        }
    }
}

/// Splits at `, `, ` and `, white space, hyphens and backslashes.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let is_end = |(at, char): &(usize, char)| {
            char.is_whitespace()
                || matches!(char, '-' | '\\')
                || (*char == ',' && text[at + 1..].starts_with(char::is_whitespace))
        };
        let Some((at, separator)) = text.char_indices().find(is_end) else {
            return rest.take();
        };
        let behind = &text[at + separator.len_utf8()..];
        rest = Some(match behind.strip_prefix("and") {
            Some(behind) if separator.is_whitespace() => behind
                .strip_prefix(char::is_whitespace)
                .unwrap_or(&text[at + separator.len_utf8()..]),
            // The blank behind the comma.
            _ if separator == ',' => behind.strip_prefix(char::is_whitespace).unwrap_or(behind),
            _ => behind,
        });
        Some(&text[..at])
    })
}

fn value_of(word: &str) -> Option<f64> {
    let is_word = |known: &str| known.eq_ignore_ascii_case(word);
    let small = SMALL.iter().position(|known| is_word(known));
    if let Some(value) = small.or_else(|| ORDINALS.iter().position(|known| is_word(known))) {
        return Some(value as f64);
    }
    let stem = word.strip_suffix("ieth").or_else(|| word.strip_suffix('y'));
    let decade = DECADES.iter().position(|decade| {
        stem.is_some_and(|stem| decade.trim_end_matches('y').eq_ignore_ascii_case(stem))
    });
    if let Some(decade) = decade {
        return Some((decade as f64 + 2.0) * 10.0);
    }
    let cardinal = word.strip_suffix("th").unwrap_or(word);
    if cardinal == "hundred" {
        return Some(100.0);
    }
    let magnitude = MAGNITUDES.iter().position(|known| known.eq_ignore_ascii_case(cardinal))?;
    Some(1000_f64.powi(magnitude as i32 + 1))
}

const SMALL: [&str; 20] = [
    "Zero",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
];

const ORDINALS: [&str; 20] = [
    "Zeroth",
    "First",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
    "Eleventh",
    "Twelfth",
    "Thirteenth",
    "Fourteenth",
    "Fifteenth",
    "Sixteenth",
    "Seventeenth",
    "Eighteenth",
    "Nineteenth",
];

const DECADES: [&str; 8] =
    ["Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"];

const MAGNITUDES: [&str; 4] = ["Thousand", "Million", "Billion", "Trillion"];
