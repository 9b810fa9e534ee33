//! `$formatInteger` and `$parseInteger`: XPath's `format-integer`, whose pictures are `#,##0`,
//! `w`, `I`, `a`, each with `;o` for ordinals.
//!
//! Components of dates are written and read by the same pictures. Integers are strings of digits
//! here, so that large ones are as exact as their source.

mod decimal;
mod numerals;
mod words;

use super::super::cast::{js_text, quoted};
use super::super::{Code, Thrown};
use decimal::DecimalPattern;

/// Formats the integer at or below `value`.
pub(in crate::expr::jsonata) fn format_integer(
    value: f64,
    picture: &str,
) -> Result<String, Thrown> {
    IntegerPicture::parse(picture)?.format(&Integer::floor(value)?)
}

/// [`format_integer`] for integers that a double may not hold.
pub(in crate::expr::jsonata) fn format_integer_exact(
    value: i64,
    picture: &str,
) -> Result<String, Thrown> {
    IntegerPicture::parse(picture)?.format(&Integer::from(value))
}

/// Reads an integer that was formatted by `picture`; `None` when it was not.
pub(in crate::expr::jsonata) fn parse_integer(
    text: &str,
    picture: &str,
) -> Result<Option<f64>, Thrown> {
    let picture = IntegerPicture::parse(picture)?;
    picture.check()?;
    Ok(picture.read(text))
}

/// An integer, in decimal.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Integer {
    is_negative: bool,
    /// Without leading zeros; zero is `0`.
    digits: String,
}

impl Integer {
    fn floor(value: f64) -> Result<Self, Thrown> {
        if !value.is_finite() {
            return Err(Thrown::new(Code::D1001).with("value", js_text(value)));
        }
        let value = value.floor();
        // The shortest digits that tell the double apart, then zeros.
        Ok(Self { is_negative: value < 0.0, digits: value.abs().to_string() })
    }

    fn out_of_range(&self) -> Thrown {
        let sign = if self.is_negative { "-" } else { "" };
        Thrown::new(Code::D1001).with("value", format!("{sign}{}", self.digits))
    }
}

impl From<i64> for Integer {
    fn from(value: i64) -> Self {
        Self { is_negative: value < 0, digits: value.unsigned_abs().to_string() }
    }
}

/// How an integer is written.
#[derive(Clone, Debug)]
pub(super) struct IntegerPicture {
    form: Form,
    case: Case,
    is_ordinal: bool,
}

#[derive(Clone, Debug)]
enum Form {
    /// `a`, `b`, …, `z`, `aa`
    Letters,
    Roman,
    Words,
    Decimal(DecimalPattern),
    /// Any other sequence, by its first member; XPath leaves it to us, and the reference does
    /// none.
    Sequence(Box<str>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Lower,
    Title,
}

impl Case {
    /// Converts a text in title case.
    pub(super) fn apply(self, text: String) -> String {
        match self {
            Self::Upper => text.to_uppercase(),
            Self::Lower => text.to_lowercase(),
            Self::Title => text,
        }
    }
}

impl IntegerPicture {
    pub(super) fn parse(picture: &str) -> Result<Self, Thrown> {
        let (primary, modifier) = picture.rsplit_once(';').unwrap_or((picture, ""));
        let (form, case) = match primary {
            "A" => (Form::Letters, Case::Upper),
            "a" => (Form::Letters, Case::Lower),
            "I" => (Form::Roman, Case::Upper),
            "i" => (Form::Roman, Case::Lower),
            "W" => (Form::Words, Case::Upper),
            "Ww" => (Form::Words, Case::Title),
            "w" => (Form::Words, Case::Lower),
            primary => match DecimalPattern::parse(primary)? {
                Some(pattern) => (Form::Decimal(pattern), Case::Lower),
                None => (Form::Sequence(primary.into()), Case::Lower),
            },
        };
        Ok(Self { form, case, is_ordinal: modifier.starts_with('o') })
    }

    /// The pattern, if it is one of decimal digits.
    pub(super) fn decimal(&self) -> Option<&DecimalPattern> {
        match &self.form {
            Form::Decimal(pattern) => Some(pattern),
            _ => None,
        }
    }

    /// The separator of digits, if there is one in regular intervals.
    pub(super) fn separator(&self) -> Option<char> {
        self.decimal().and_then(DecimalPattern::separator)
    }

    pub(super) fn decimal_mut(&mut self) -> Option<&mut DecimalPattern> {
        match &mut self.form {
            Form::Decimal(pattern) => Some(pattern),
            _ => None,
        }
    }

    /// Whether it can be used at all.
    pub(super) fn check(&self) -> Result<(), Thrown> {
        match &self.form {
            Form::Sequence(first) => Err(Thrown::new(Code::D3130).with("value", quoted(first))),
            _ => Ok(()),
        }
    }

    pub(super) fn format(&self, value: &Integer) -> Result<String, Thrown> {
        self.check()?;
        let digits = &value.digits;
        let text = match &self.form {
            Form::Letters => self.case.apply(numerals::letters(digits)),
            Form::Roman => {
                self.case.apply(numerals::roman(digits).ok_or_else(|| value.out_of_range())?)
            }
            Form::Words => self.case.apply(words::write(digits, self.is_ordinal)),
            Form::Decimal(pattern) => pattern.format(digits, self.is_ordinal),
            Form::Sequence(_) => String::new(),
        };
        Ok(if value.is_negative { format!("-{text}") } else { text })
    }

    /// A regular expression for what [`Self::read`] reads, case aside.
    pub(super) fn expression(&self) -> String {
        match &self.form {
            Form::Letters => "[a-z]+".into(),
            Form::Roman => "[mdclxvi]+".into(),
            Form::Words => words::expression(),
            Form::Decimal(pattern) => pattern.expression(self.is_ordinal),
            Form::Sequence(_) => String::new(),
        }
    }

    /// The integer that `text` stands for; as lenient as the reference.
    pub(super) fn read(&self, text: &str) -> Option<f64> {
        let value = match &self.form {
            Form::Letters => numerals::read_letters(text, self.case == Case::Upper),
            Form::Roman if self.case == Case::Upper => numerals::read_roman(text)?,
            Form::Roman => numerals::read_roman(&text.to_uppercase())?,
            Form::Words => words::read(&text.to_lowercase())?,
            Form::Decimal(pattern) => pattern.read(text, self.is_ordinal)?,
            Form::Sequence(_) => return None,
        };
        value.is_finite().then_some(value)
    }
}

#[cfg(test)]
mod tests;
