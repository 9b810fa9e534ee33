//! Integers in digits, such as `#,##0`: grouping, padding, families of digits.

use std::collections::BTreeSet;

use crate::expr::jsonata::{Code, Thrown};

/// A pattern of digits.
#[derive(Clone, Debug)]
pub(in crate::expr::jsonata::picture) struct DecimalPattern {
    /// Code point of the family's zero.
    zero: u32,
    /// Digits that are written at least.
    pub(in crate::expr::jsonata::picture) digits_min: usize,
    /// Digits written as `#`.
    pub(in crate::expr::jsonata::picture) digits_optional: usize,
    /// Exactly so many digits are read: what follows are digits, too.
    pub(in crate::expr::jsonata::picture) read_digits: Option<usize>,
    separators: Separators,
}

#[derive(Clone, Debug)]
enum Separators {
    /// One after each so many digits.
    Every(usize, char),
    /// Only where so many digits follow; from left to right.
    At(Vec<(usize, char)>),
}

impl DecimalPattern {
    /// `None` if there is no digit in it.
    pub(super) fn parse(picture: &str) -> Result<Option<Self>, Thrown> {
        let mut zero = None;
        let mut digits_min = 0;
        let mut digits_optional = 0;
        let mut separators = Vec::new();
        for char in picture.chars().rev() {
            if let Some(family) = family_of(char) {
                digits_min += 1;
                if *zero.get_or_insert(family) != family {
                    return Err(Thrown::new(Code::D3131));
                }
            } else if char == '#' {
                digits_optional += 1;
            } else {
                separators.push((digits_min + digits_optional, char));
            }
        }
        let separators = Separators::of(separators);
        Ok(zero.map(|zero| Self {
            zero,
            digits_min,
            digits_optional,
            read_digits: None,
            separators,
        }))
    }

    /// The separator, if there is one in regular intervals.
    pub(super) fn separator(&self) -> Option<char> {
        match self.separators {
            Separators::Every(_, separator) => Some(separator),
            Separators::At(_) => None,
        }
    }

    pub(super) fn format(&self, digits: &str, is_ordinal: bool) -> String {
        let len = digits.len().max(self.digits_min);
        let padded = std::iter::repeat_n(b'0', len - digits.len()).chain(digits.bytes());
        let mut places = match &self.separators {
            Separators::Every(..) => [].iter().peekable(),
            Separators::At(places) => places.iter().peekable(),
        };
        let mut text = String::with_capacity(len);
        for (written, digit) in padded.enumerate() {
            let to_come = len - written;
            if let Separators::Every(size, separator) = self.separators {
                let is_boundary = written > 0 && to_come.is_multiple_of(size);
                text.extend(is_boundary.then_some(separator));
            }
            while let Some(&(place, separator)) = places.next_if(|(place, _)| *place >= to_come) {
                text.extend((written > 0 && place == to_come).then_some(separator));
            }
            text.extend(char::from_u32(self.zero + u32::from(digit - b'0')));
        }
        // What stands behind the last digit.
        text.extend(places.map(|&(_, separator)| separator));
        if is_ordinal {
            text.push_str(self.suffix(digits));
        }
        text
    }

    pub(super) fn expression(&self, is_ordinal: bool) -> String {
        let [first, last] = [self.zero, self.zero + 9];
        let count = self.read_digits.map_or("+".into(), |count| format!("{{{count}}}"));
        let suffix = if is_ordinal { "(?:th|st|nd|rd)" } else { "" };
        format!(r"[\x{{{first:x}}}-\x{{{last:x}}}]{count}{suffix}")
    }

    /// The leading integer, as JavaScript's `parseInt` finds it, once separators are gone.
    pub(super) fn read(&self, text: &str, is_ordinal: bool) -> Option<f64> {
        let suffix_chars = if is_ordinal { 2 } else { 0 };
        let chars_max = text.chars().count().saturating_sub(suffix_chars);
        let separators = self.separators();
        let mut ascii = String::with_capacity(text.len());
        for char in text.chars().take(chars_max).filter(|char| !separators.contains(char)) {
            let digit = u32::from(char).checked_sub(self.zero).filter(|&digit| digit < 10);
            ascii.push(digit.and_then(|digit| char::from_digit(digit, 10)).unwrap_or(char));
        }
        let trimmed = ascii.trim_start();
        let unsigned = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
        let len = unsigned.bytes().take_while(u8::is_ascii_digit).count();
        let value: f64 = unsigned.get(..len)?.parse().ok()?;
        Some(if trimmed.starts_with('-') { -value } else { value })
    }

    fn separators(&self) -> BTreeSet<char> {
        match &self.separators {
            Separators::Every(_, separator) => BTreeSet::from([*separator]),
            Separators::At(places) => places.iter().map(|&(_, separator)| separator).collect(),
        }
    }

    /// Of an ordinal number; English knows only its own digits.
    fn suffix(&self, digits: &str) -> &'static str {
        match digits.as_bytes() {
            _ if self.zero != u32::from('0') => "th",
            [.., b'1', _] => "th",
            [.., b'1'] => "st",
            [.., b'2'] => "nd",
            [.., b'3'] => "rd",
            _ => "th",
        }
    }
}

impl Separators {
    /// Of places from right to left.
    fn of(mut places: Vec<(usize, char)>) -> Self {
        if let Some(&(size, separator)) = places.first().filter(|&&(place, _)| place > 0) {
            let is_regular = places.iter().zip(1..).all(|(it, n)| *it == (n * size, separator));
            if is_regular {
                return Self::Every(size, separator);
            }
        }
        places.reverse();
        Self::At(places)
    }
}

/// Code point of the zero of the family that a digit belongs to.
fn family_of(char: char) -> Option<u32> {
    let code = u32::from(char);
    ZEROS.into_iter().find(|zero| (*zero..zero + 10).contains(&code))
}

/// Families of decimal digits of the basic plane, by the code point of their zero.
const ZEROS: [u32; 37] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66,
    0xde6, 0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
    0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
];
