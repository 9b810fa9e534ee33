//! Numbers of the language: their bounds, and the choice between a literal and a path.

use std::ops::RangeInclusive;

use super::Parser;
use super::expressions::PathRole;
use super::fields::Object;
use crate::asl::diagnostic::{Code, Diagnostic};
use crate::asl::json::{Kind, Node};
use crate::asl::model::Amount;
use crate::asl::source::Spanned;

/// AWS: `state-wait`, `state-task` and `concepts-error-handling`, the largest number of seconds
/// and of attempts.
pub(super) const SECONDS_MAX: u64 = 99_999_999;

/// AWS names no bound for the other numbers, but calls them integers.
pub(super) const COUNT_MAX: u64 = 2_147_483_647;

impl Parser<'_> {
    /// Reads a whole number.
    pub(super) fn integer(
        &mut self,
        object: &Object<'_>,
        field: &str,
        bounds: RangeInclusive<u64>,
    ) -> Option<Spanned<u64>> {
        let value = object.get(field)?;
        let digits = match &value.kind {
            Kind::Number(text) => text.strip_prefix('-').unwrap_or(text),
            _ => "",
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.wrong_type(object, field, value, "Integer");
            return None;
        }
        let negative = matches!(&value.kind, Kind::Number(text) if text.starts_with('-'));
        // More digits than fit are too many just the same.
        let magnitude = digits.parse::<u64>().unwrap_or(u64::MAX);
        let (min, max) = bounds.into_inner();
        let message = match magnitude {
            0 if min == 0 => None,
            _ if negative || magnitude < min => Some(format!("Minimum value is {min}")),
            _ if magnitude > max => Some(format!("Maximum value is {max}")),
            _ => None,
        };
        if let Some(message) = message {
            self.out_of_range(object, field, value, message);
            return None;
        }
        Some(Spanned { value: magnitude, span: value.span })
    }

    /// Reads a number that may have a fraction.
    pub(super) fn decimal(
        &mut self,
        object: &Object<'_>,
        field: &str,
        bounds: RangeInclusive<f64>,
    ) -> Option<Spanned<f64>> {
        let value = object.get(field)?;
        let number = match &value.kind {
            Kind::Number(text) => text.parse::<f64>().ok(),
            _ => None,
        };
        let Some(number) = number else {
            self.wrong_type(object, field, value, "Number");
            return None;
        };
        let (min, max) = bounds.into_inner();
        // AWS: it prints these bounds with a fraction.
        let message = if number < min {
            format!("Minimum value is {min:?}")
        } else if number > max {
            format!("Maximum value is {max:?}")
        } else {
            return Some(Spanned { value: number, span: value.span });
        };
        self.out_of_range(object, field, value, message);
        None
    }

    /// Reads a whole number that is written down or, in a JSONata state, computed.
    pub(super) fn whole(
        &mut self,
        object: &Object<'_>,
        field: &str,
        bounds: RangeInclusive<u64>,
    ) -> Option<Amount<u64>> {
        if let Some(text) = self.expression(object, field) {
            return Some(Amount::Expression(text));
        }
        let number = self.integer(object, field, bounds);
        self.suggest_expression(object, field);
        number.map(Amount::Literal)
    }

    /// Reads a whole number like [`Self::whole`], or the path to one: `X` or `XPath`.
    pub(super) fn amount(
        &mut self,
        object: &Object<'_>,
        pair: [&'static str; 2],
        bounds: RangeInclusive<u64>,
        role: PathRole,
    ) -> Option<Amount<u64>> {
        let member = self.at_most_one(object, &pair)?;
        if member.key == pair[0] {
            return self.whole(object, pair[0], bounds);
        }
        self.path(object, pair[1], role).map(Amount::Path)
    }

    /// Reads a number like [`Self::amount`] that may have a fraction.
    pub(super) fn decimal_amount(
        &mut self,
        object: &Object<'_>,
        pair: [&'static str; 2],
        bounds: RangeInclusive<f64>,
        role: PathRole,
    ) -> Option<Amount<f64>> {
        let member = self.at_most_one(object, &pair)?;
        if member.key == pair[0] {
            if let Some(text) = self.expression(object, pair[0]) {
                return Some(Amount::Expression(text));
            }
            let number = self.decimal(object, pair[0], bounds);
            self.suggest_expression(object, pair[0]);
            return number.map(Amount::Literal);
        }
        self.path(object, pair[1], role).map(Amount::Path)
    }

    fn out_of_range(&mut self, object: &Object<'_>, field: &str, value: &Node, message: String) {
        let path = object.field(field);
        self.report(Diagnostic::new(Code::OutOfRange, &path, value.span, message));
    }
}
