//! `$formatNumber`: XPath's `format-number`, whose pictures look like `#,##0.00;(#)`.
//!
//! Integers that a double does not hold exactly are not known here: the digits written are those
//! of the double.

use crate::expr::jsonata::{Code, Thrown, cast};

/// Formats `value` by `picture`, which is one sub-picture, or two of which the second is for
/// negative numbers.
pub(in crate::expr::jsonata) fn format_number(
    value: f64,
    picture: &str,
    symbols: &Symbols,
) -> Result<String, Thrown> {
    let mut parts = picture.split(symbols.pattern_separator);
    let positive = SubPicture::parse(parts.next().unwrap_or_default(), symbols);
    let negative = parts.next().map(|part| SubPicture::parse(part, symbols));
    if parts.next().is_some() {
        return Err(Thrown::new(Code::D3080));
    }
    let (positive, negative) = (positive?, negative.transpose()?);
    if value.is_nan() {
        return Ok(symbols.nan.clone());
    }
    Ok(match negative {
        Some(negative) if value < 0.0 => negative.format(value, symbols),
        None if value < 0.0 => symbols.minus_sign.clone() + &positive.format(value, symbols),
        _ => positive.format(value, symbols),
    })
}

/// What stands for what, in pictures and in numbers; `$formatNumber`'s options change it.
#[derive(Clone, Debug)]
pub(in crate::expr::jsonata) struct Symbols {
    decimal_separator: char,
    grouping_separator: char,
    exponent_separator: char,
    infinity: String,
    minus_sign: String,
    nan: String,
    percent: String,
    per_mille: String,
    zero_digit: char,
    digit: char,
    pattern_separator: char,
}

impl Default for Symbols {
    fn default() -> Self {
        Self {
            decimal_separator: '.',
            grouping_separator: ',',
            exponent_separator: 'e',
            infinity: "Infinity".into(),
            minus_sign: "-".into(),
            nan: "NaN".into(),
            percent: "%".into(),
            per_mille: "\u{2030}".into(),
            zero_digit: '0',
            digit: '#',
            pattern_separator: ';',
        }
    }
}

impl Symbols {
    /// Sets the option `name`. Names that there are not are ignored, as is an empty text; of what
    /// must be one character, the first counts.
    pub(in crate::expr::jsonata) fn set(&mut self, name: &str, value: &str) {
        let Some(first) = value.chars().next() else { return };
        match name {
            "decimal-separator" => self.decimal_separator = first,
            "grouping-separator" => self.grouping_separator = first,
            "exponent-separator" => self.exponent_separator = first,
            "infinity" => self.infinity = value.into(),
            "minus-sign" => self.minus_sign = value.into(),
            "NaN" => self.nan = value.into(),
            "percent" => self.percent = value.into(),
            "per-mille" => self.per_mille = value.into(),
            "zero-digit" => self.zero_digit = first,
            "digit" => self.digit = first,
            "pattern-separator" => self.pattern_separator = first,
            _ => {}
        }
    }

    /// Whether `char` is one of the ten digits that must be written.
    fn is_decimal(&self, char: char) -> bool {
        u32::from(char).checked_sub(u32::from(self.zero_digit)).is_some_and(|digit| digit < 10)
    }

    /// Whether a digit may come where `char` stands.
    fn is_place(&self, char: char) -> bool {
        char == self.digit || self.is_decimal(char)
    }

    fn is_active(&self, char: char) -> bool {
        self.is_place(char)
            || char == self.decimal_separator
            || char == self.grouping_separator
            || char == self.exponent_separator
            || char == self.pattern_separator
    }

    /// ASCII digits in the family of the zero digit.
    fn digits<'a>(&'a self, digits: &'a str) -> impl Iterator<Item = char> + 'a {
        digits.bytes().map(|digit| {
            let code = u32::from(self.zero_digit) + u32::from(digit - b'0');
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
        })
    }

    fn places(&self, text: &str) -> usize {
        text.chars().filter(|&char| self.is_place(char)).count()
    }

    fn decimals(&self, text: &str) -> usize {
        text.chars().filter(|&char| self.is_decimal(char)).count()
    }
}

/// A sub-picture taken apart: `prefix integer . fraction e exponent suffix`.
struct Split<'p> {
    whole: &'p str,
    prefix: &'p str,
    active: &'p str,
    integer: &'p str,
    fraction: &'p str,
    exponent: Option<&'p str>,
    suffix: &'p str,
}

impl<'p> Split<'p> {
    fn new(whole: &'p str, symbols: &Symbols) -> Self {
        let is_edge = |char| symbols.is_active(char) && char != symbols.exponent_separator;
        let start = whole.find(is_edge).unwrap_or_default();
        let (prefix, rest) = whole.split_at(start);
        let suffix = rest.rsplit_once(is_edge).map_or("", |(_, suffix)| suffix);
        let active = rest.strip_suffix(suffix).unwrap_or(rest);
        let (mantissa, exponent) = match active.split_once(symbols.exponent_separator) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            // Right behind the last digit, it announces an exponent that is missing.
            None if suffix.starts_with(symbols.exponent_separator) => (active, Some("")),
            None => (active, None),
        };
        let (integer, fraction) =
            mantissa.split_once(symbols.decimal_separator).unwrap_or((mantissa, ""));
        Self { whole, prefix, active, integer, fraction, exponent, suffix }
    }

    /// What is wrong with it, by F&O 4.7.3; of several, the reference reports the last rule's.
    fn fault(&self, symbols: &Symbols) -> Option<Code> {
        let group = symbols.grouping_separator;
        let count = |mark: &str| if mark.is_empty() { 0 } else { self.whole.matches(mark).count() };
        let [percents, per_milles] = [count(&symbols.percent), count(&symbols.per_mille)];
        let is_scaled = percents + per_milles > 0;
        let point = self.whole.split_once(symbols.decimal_separator);
        let optional_behind_decimal = (self.integer.split_once(symbols.digit))
            .is_some_and(|(before, _)| symbols.decimals(before) > 0);
        let decimal_behind_optional = (self.fraction.rsplit_once(symbols.digit))
            .is_some_and(|(_, behind)| symbols.decimals(behind) > 0);
        let mantissa_places = symbols.places(self.integer) + symbols.places(self.fraction);
        let group_at_point = point
            .is_some_and(|(before, behind)| before.ends_with(group) || behind.starts_with(group));
        let rules = [
            (self.exponent.is_some_and(|it| !is_all_decimal(it, symbols)), Code::D3093),
            (is_scaled && self.exponent.is_some_and(|it| !it.is_empty()), Code::D3092),
            (decimal_behind_optional, Code::D3091),
            (optional_behind_decimal, Code::D3090),
            (self.whole.contains(&String::from_iter([group, group])), Code::D3089),
            (point.is_none() && self.integer.ends_with(group), Code::D3088),
            (group_at_point, Code::D3087),
            (!self.active.chars().all(|char| symbols.is_active(char)), Code::D3086),
            (mantissa_places == 0, Code::D3085),
            (percents > 0 && per_milles > 0, Code::D3084),
            (per_milles > 1, Code::D3083),
            (percents > 1, Code::D3082),
            (self.whole.matches(symbols.decimal_separator).count() > 1, Code::D3081),
        ];
        rules.into_iter().find_map(|(broken, code)| broken.then_some(code))
    }
}

/// What a sub-picture asks for.
struct SubPicture<'p> {
    prefix: &'p str,
    suffix: &'p str,
    /// By what the number is multiplied: 100 for percents.
    factor: f64,
    /// Whether a fraction is written at all.
    has_point: bool,
    integer_digits_min: usize,
    fraction_digits_min: usize,
    fraction_digits_max: usize,
    /// Digits before the point when there is an exponent.
    scale: usize,
    /// Of the exponent; 0 without one.
    exponent_digits_min: usize,
    integer_groups: Groups,
    /// Digits left of each separator, ascending.
    fraction_groups: Vec<usize>,
}

/// Where separators go in the integer part, by the number of digits to the right.
enum Groups {
    /// After each so many digits, however long the number is.
    Every(usize),
    /// At these places only, descending.
    At(Vec<usize>),
}

impl<'p> SubPicture<'p> {
    fn parse(whole: &'p str, symbols: &Symbols) -> Result<Self, Thrown> {
        let split = Split::new(whole, symbols);
        if let Some(code) = split.fault(symbols) {
            return Err(Thrown::new(code));
        }
        let scale = symbols.decimals(split.integer);
        let mut integer_digits_min = scale;
        let mut fraction_digits_min = symbols.decimals(split.fraction);
        let mut fraction_digits_max = symbols.places(split.fraction);
        let has_exponent = split.exponent.is_some();
        let mut has_point = whole.contains(symbols.decimal_separator);
        if integer_digits_min == 0 && fraction_digits_max == 0 {
            if has_exponent {
                // Without a digit before the point, there is one behind it.
                (fraction_digits_min, fraction_digits_max) = (1, 1);
                has_point = true;
            } else {
                integer_digits_min = 1;
            }
        }
        if has_exponent && integer_digits_min == 0 && split.integer.contains(symbols.digit) {
            integer_digits_min = 1;
        }
        if integer_digits_min == 0 && fraction_digits_min == 0 {
            fraction_digits_min = 1;
        }
        let contains = |mark: &str| !mark.is_empty() && whole.contains(mark);
        let factor = match () {
            () if contains(&symbols.percent) => 100.0,
            () if contains(&symbols.per_mille) => 1000.0,
            () => 1.0,
        };
        Ok(Self {
            prefix: split.prefix,
            suffix: split.suffix,
            factor,
            has_point,
            integer_digits_min,
            fraction_digits_min,
            fraction_digits_max,
            scale,
            exponent_digits_min: split.exponent.map_or(0, |it| it.chars().count()),
            integer_groups: Groups::of(separator_places(split.integer, symbols)),
            fraction_groups: fraction_separator_places(split.fraction, symbols),
        })
    }

    /// The number without its sign.
    fn format(&self, value: f64, symbols: &Symbols) -> String {
        let value = value.abs() * self.factor;
        let mut out = String::from(self.prefix);
        if value.is_finite() {
            let (mantissa, exponent) = self.mantissa(value);
            self.write_mantissa(mantissa, symbols, &mut out);
            if self.exponent_digits_min > 0 {
                out.push(symbols.exponent_separator);
                out.push_str(if exponent < 0 { &symbols.minus_sign } else { "" });
                let digits = exponent.unsigned_abs().to_string();
                pad(&mut out, self.exponent_digits_min, digits.len(), symbols);
                out.extend(symbols.digits(&digits));
            }
        } else {
            out.push_str(&symbols.infinity);
        }
        out.push_str(self.suffix);
        out
    }

    /// `value` as mantissa and exponent, if there is to be an exponent.
    fn mantissa(&self, value: f64) -> (f64, i64) {
        if self.exponent_digits_min == 0 || value == 0.0 {
            return (value, 0);
        }
        let scientific = format!("{value:e}");
        let Some((digits, exponent)) = scientific.split_once('e') else { return (value, 0) };
        let exponent = exponent.parse::<i64>().unwrap_or_default();
        // Longer mantissas than a double can be get leading zeros.
        let scale = self.scale.min(MANTISSA_DIGITS_MAX) as i64;
        // The reference divides until the mantissa is no larger than 10^scale, which a power of
        // ten then is.
        let places = if digits == "1" && exponent >= scale { scale } else { scale - 1 };
        let mantissa = format!("{digits}e{places}").parse().unwrap_or(value);
        (mantissa, exponent - places)
    }

    fn write_mantissa(&self, mantissa: f64, symbols: &Symbols, out: &mut String) {
        let decimals = self.fraction_digits_max.min(FRACTION_DIGITS_MAX);
        let rounded = cast::round(mantissa, decimals as i32);
        let fixed = format!("{rounded:.decimals$}");
        let (integer, fraction) = fixed.split_once('.').unwrap_or((&fixed, ""));
        self.write_integer(integer.trim_start_matches('0'), symbols, out);
        let fraction = fraction.trim_end_matches('0');
        let padded = fraction.len().max(self.fraction_digits_min);
        if !self.has_point || padded == 0 {
            return;
        }
        out.push(symbols.decimal_separator);
        let zeros = std::iter::repeat_n(symbols.zero_digit, padded - fraction.len());
        let mut groups = self.fraction_groups.iter().peekable();
        for (place, digit) in symbols.digits(fraction).chain(zeros).enumerate() {
            if groups.next_if(|&&group| group == place).is_some() {
                out.push(symbols.grouping_separator);
            }
            out.push(digit);
        }
    }

    fn write_integer(&self, digits: &str, symbols: &Symbols, out: &mut String) {
        let len = digits.len().max(self.integer_digits_min);
        let zeros = std::iter::repeat_n(symbols.zero_digit, len - digits.len());
        let mut groups = match &self.integer_groups {
            Groups::Every(_) => [].iter().peekable(),
            Groups::At(places) => places.iter().peekable(),
        };
        for (written, digit) in zeros.chain(symbols.digits(digits)).enumerate() {
            let to_come = len - written;
            // Places further left than the number is long.
            while groups.next_if(|&&place| place > to_come).is_some() {}
            let is_boundary = match self.integer_groups {
                Groups::Every(size) => to_come.is_multiple_of(size),
                Groups::At(_) => groups.next_if(|&&place| place == to_come).is_some(),
            };
            if is_boundary && written > 0 {
                out.push(symbols.grouping_separator);
            }
            out.push(digit);
        }
    }
}

impl Groups {
    /// Of the places of separators, descending and different.
    fn of(places: Vec<usize>) -> Self {
        match places.last() {
            Some(&size) if size > 0 && is_regular(&places, size) => Self::Every(size),
            _ => Self::At(places),
        }
    }
}

/// Whether the places are all multiples of `size` from the last one on.
fn is_regular(places: &[usize], size: usize) -> bool {
    places.iter().rev().zip(1..).all(|(&place, index)| place == index * size)
}

/// Digits right of each separator.
fn separator_places(integer: &str, symbols: &Symbols) -> Vec<usize> {
    let mut to_come = symbols.places(integer);
    let mut places = Vec::new();
    for char in integer.chars() {
        if char == symbols.grouping_separator {
            places.push(to_come);
        }
        to_come -= usize::from(symbols.is_place(char));
    }
    places
}

/// Digits left of each separator.
fn fraction_separator_places(fraction: &str, symbols: &Symbols) -> Vec<usize> {
    let mut passed = 0;
    let mut places = Vec::new();
    for char in fraction.chars() {
        if char == symbols.grouping_separator {
            places.push(passed);
        }
        passed += usize::from(symbols.is_place(char));
    }
    places
}

fn is_all_decimal(text: &str, symbols: &Symbols) -> bool {
    !text.is_empty() && text.chars().all(|char| symbols.is_decimal(char))
}

/// Writes zeros in front of `len` digits.
fn pad(out: &mut String, len_min: usize, len: usize, symbols: &Symbols) {
    out.extend(std::iter::repeat_n(symbols.zero_digit, len_min.saturating_sub(len)));
}

/// Digits that a double can have before the point, nearly.
const MANTISSA_DIGITS_MAX: usize = 300;

/// Digits that a double can have behind the point, and a few.
const FRACTION_DIGITS_MAX: usize = 1100;

#[cfg(test)]
mod tests;
