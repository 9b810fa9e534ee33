//! A picture of a date and time, taken apart: literal text and fields such as `[MNn,3-3]`.

use super::super::integer::{Case, IntegerPicture};
use super::{Code, Thrown, quoted};

/// A picture of a date and time.
#[derive(Clone, Debug)]
pub(in crate::expr::jsonata) struct Picture {
    pub(super) parts: Vec<Part>,
}

#[derive(Clone, Debug)]
pub(super) enum Part {
    Literal(String),
    Field(Field),
}

/// `[…]`
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) component: Component,
    pub(super) style: Style,
    /// Names are cut to so many characters.
    pub(super) width_max: Option<usize>,
    /// Of years, so many digits are written.
    pub(super) year_digits: Option<u32>,
    /// `t`: no offset is written as `Z`.
    pub(super) is_zulu: bool,
}

/// How a field is written.
#[derive(Clone, Debug)]
pub(super) enum Style {
    /// As its name.
    Name(Case),
    Integer(IntegerPicture),
    /// As what has neither of the two.
    Plain,
}

/// What of a date and time a field is; the letters are XPath's, `X` and `x` the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Component {
    Year,
    Month,
    Day,
    DayOfYear,
    Weekday,
    WeekOfYear,
    WeekOfMonth,
    WeekYear,
    WeekMonth,
    Hour,
    /// Of 12.
    HalfHour,
    HalfOfDay,
    Minute,
    Second,
    Fraction,
    /// `+01:00`
    Offset,
    /// `GMT+01:00`
    OffsetGmt,
    Calendar,
    Era,
}

impl Component {
    fn of(letter: char) -> Option<Self> {
        COMPONENTS.iter().find_map(|&(known, it, _)| (known == letter).then_some(it))
    }

    /// The letter, and the presentation when none is given.
    fn row(self) -> (char, &'static str) {
        let row = COMPONENTS.iter().find(|(_, it, _)| *it == self);
        row.map_or((' ', ""), |&(letter, _, presentation)| (letter, presentation))
    }

    fn is_integer(self) -> bool {
        !self.is_offset() && !matches!(self, Self::HalfOfDay | Self::Calendar | Self::Era)
    }

    pub(super) fn is_offset(self) -> bool {
        matches!(self, Self::Offset | Self::OffsetGmt)
    }

    /// The error of a name for what has none.
    pub(super) fn nameless(self) -> Thrown {
        Thrown::new(Code::D3133).with("value", quoted(&self.row().0.to_string()))
    }
}

impl Picture {
    /// Takes a picture apart.
    pub(in crate::expr::jsonata) fn parse(picture: &str) -> Result<Self, Thrown> {
        let mut parts = Vec::new();
        let mut rest = picture;
        while let Some((literal, behind)) = rest.split_once('[') {
            push_literal(literal, &mut parts);
            rest = if let Some(behind) = behind.strip_prefix('[') {
                parts.push(Part::Literal("[".into()));
                behind
            } else {
                let (marker, behind) =
                    behind.split_once(']').ok_or_else(|| Thrown::new(Code::D3135))?;
                let field = Field::parse(marker)?;
                if field.component.is_integer() && matches!(field.style, Style::Integer(_)) {
                    limit_digits_read(&mut parts);
                }
                parts.push(Part::Field(field));
                behind
            };
        }
        push_literal(rest, &mut parts);
        Ok(Self { parts })
    }
}

impl Field {
    /// Of what stands between the brackets, where white space is ignored.
    fn parse(marker: &str) -> Result<Self, Thrown> {
        let marker: String = marker.chars().filter(|char| !char.is_whitespace()).collect();
        let mut behind = marker.chars();
        let letter = behind.next().map(String::from).unwrap_or_default();
        let component = letter.parse().ok().and_then(Component::of);
        let component =
            component.ok_or_else(|| Thrown::new(Code::D3132).with("value", quoted(&letter)))?;
        let (presentation, width) =
            behind.as_str().rsplit_once(',').unwrap_or((behind.as_str(), ""));
        let (min, max) = width.split_once('-').unwrap_or((width, ""));
        let (first, second) = match presentation.char_indices().next_back() {
            None => (component.row().1, None),
            Some((at, last @ ('a' | 't' | 'c' | 'o'))) if at > 0 => {
                (&presentation[..at], Some(last))
            }
            Some(_) => (presentation, None),
        };
        let mut field = Self {
            component,
            style: Style::Plain,
            width_max: width_of(max),
            year_digits: None,
            is_zulu: second == Some('t'),
        };
        if component.is_offset() {
            field.style = Style::Integer(IntegerPicture::parse(first)?);
        } else if let Some(case) = name_case(first) {
            field.style = Style::Name(case);
        } else if component.is_integer() {
            let ordinal = if second == Some('o') { ";o" } else { "" };
            let mut integer = IntegerPicture::parse(&format!("{first}{ordinal}"))?;
            field.apply_widths(&mut integer, width_of(min))?;
            field.style = Style::Integer(integer);
        }
        Ok(field)
    }

    /// Pads as the width demands; of years, widths are also what is left of them.
    fn apply_widths(
        &mut self,
        integer: &mut IntegerPicture,
        width_min: Option<usize>,
    ) -> Result<(), Thrown> {
        let year_width = self.width_max.filter(|_| self.component == Component::Year);
        if let Some(decimal) = integer.decimal_mut() {
            decimal.digits_min = decimal.digits_min.max(checked_width(width_min)?.unwrap_or(0));
            if let Some(width) = checked_width(year_width)? {
                decimal.digits_min = width;
            } else if self.component == Component::Year {
                let digits = decimal.digits_min + decimal.digits_optional;
                self.year_digits = u32::try_from(digits).ok().filter(|digits| *digits >= 2);
            }
        }
        if let Some(width) = year_width {
            self.year_digits = u32::try_from(width).ok();
        }
        Ok(())
    }
}

/// When digits follow digits, the first ones are as many as their field demands.
fn limit_digits_read(parts: &mut [Part]) {
    let Some(Part::Field(Field { style: Style::Integer(integer), .. })) = parts.last_mut() else {
        return;
    };
    if let Some(decimal) = integer.decimal_mut() {
        decimal.read_digits = Some(decimal.digits_min).filter(|digits| *digits > 0);
    }
}

fn push_literal(literal: &str, parts: &mut Vec<Part>) {
    if !literal.is_empty() {
        parts.push(Part::Literal(literal.replace("]]", "]")));
    }
}

/// The case of names that a presentation asks for.
fn name_case(presentation: &str) -> Option<Case> {
    match presentation.as_bytes() {
        [b'n', ..] => Some(Case::Lower),
        [b'N', b'n', ..] => Some(Case::Title),
        [b'N', ..] => Some(Case::Upper),
        _ => None,
    }
}

/// The number that a width starts with; `*` and what is no number demand nothing.
fn width_of(text: &str) -> Option<usize> {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    let digits = text.get(..len).filter(|digits| !digits.is_empty())?;
    Some(digits.parse().unwrap_or(usize::MAX))
}

/// Bounds the zeros that are written for a few characters of picture.
fn checked_width(width: Option<usize>) -> Result<Option<usize>, Thrown> {
    match width {
        Some(width) if width > WIDTH_MAX => {
            Err(Thrown::new(Code::D1001).with("value", width.to_string()))
        }
        width => Ok(width),
    }
}

const COMPONENTS: [(char, Component, &str); 19] = [
    ('Y', Component::Year, "1"),
    ('M', Component::Month, "1"),
    ('D', Component::Day, "1"),
    ('d', Component::DayOfYear, "1"),
    ('F', Component::Weekday, "n"),
    ('W', Component::WeekOfYear, "1"),
    ('w', Component::WeekOfMonth, "1"),
    ('X', Component::WeekYear, "1"),
    ('x', Component::WeekMonth, "1"),
    ('H', Component::Hour, "1"),
    ('h', Component::HalfHour, "1"),
    ('P', Component::HalfOfDay, "n"),
    ('m', Component::Minute, "01"),
    ('s', Component::Second, "01"),
    ('f', Component::Fraction, "1"),
    ('Z', Component::Offset, "01:01"),
    ('z', Component::OffsetGmt, "01:01"),
    ('C', Component::Calendar, "n"),
    ('E', Component::Era, "n"),
];

/// Digits.
const WIDTH_MAX: usize = 64;
