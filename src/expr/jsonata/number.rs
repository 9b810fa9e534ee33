//! Numbers and what is done with them: integers exact as long as they can be.
//!
//! AWS's engine has Java's `long` beside `double` (measured: 2^63-1 stays exact, 2^63 prints as
//! 9223372036854776000); the reference implementation has doubles only, so in the full dialect an
//! integer beyond 2^53 becomes one.

use std::cmp::Ordering;

use super::ast::Operator;
use super::item::Item;
use super::{Dialect, cast};
use crate::value::Value;
use crate::value::number::compare_int_float;

/// A number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    #[inline]
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Float(float) => float,
        }
    }

    #[inline]
    pub(super) fn item(self) -> Item {
        match self {
            Self::Int(int) => Item::int(int),
            Self::Float(float) => Item::float(float),
        }
    }

    /// The integer that this is, if it is one that can be held exactly.
    pub(super) fn integer(self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(int),
            Self::Float(float) => {
                // A cast drops the fraction; comparing back is cheaper than asking for it.
                let int = float as i64;
                let same = (int as f64).total_cmp(&float).is_eq() || float == 0.0;
                (same && float.abs() < EXACT_MAX).then_some(int)
            }
        }
    }

    /// A double without a fraction as the integer that it is, where both print alike.
    pub(super) fn whole(self) -> Self {
        match self.integer() {
            Some(int) if fits_double(int) => Self::Int(int),
            _ => Self::Float(self.as_f64()),
        }
    }

    /// A finite double as the value that results hold: without a fraction, it reads back on AWS as
    /// the integer that it is printed as.
    pub(super) fn exported(float: f64, dialect: Dialect) -> Option<Value> {
        if !float.is_finite() {
            return None;
        }
        Some(match Self::Float(float).integer() {
            Some(int) if dialect == Dialect::Aws && int.unsigned_abs() < 1 << 53 => Value::int(int),
            _ => Value::float(float),
        })
    }

    /// As `$string` writes it.
    pub(super) fn text(self) -> String {
        match self {
            Self::Int(int) => int.to_string(),
            Self::Float(float) => cast::text(float),
        }
    }

    /// Rounded down to an integer; what is beyond one is the largest of its sign.
    #[inline]
    pub(super) fn floor(self) -> i64 {
        match self {
            Self::Int(int) => int,
            Self::Float(float) => float.floor() as i64,
        }
    }

    /// Rounded towards zero, as [`Self::floor`].
    pub(super) fn truncate(self) -> i64 {
        match self {
            Self::Int(int) => int,
            Self::Float(float) => float as i64,
        }
    }

    #[inline]
    pub(super) fn is_finite(self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Float(float) => float.is_finite(),
        }
    }

    #[inline]
    pub(super) fn is_zero(self) -> bool {
        match self {
            Self::Int(int) => int == 0,
            Self::Float(float) => float == 0.0,
        }
    }

    /// How the numbers compare; never, if one is no number.
    #[inline]
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(one), Self::Int(other)) => Some(one.cmp(&other)),
            (Self::Float(one), Self::Float(other)) => one.partial_cmp(&other),
            (Self::Int(one), Self::Float(other)) => compare_mixed(one, other),
            (Self::Float(one), Self::Int(other)) => {
                compare_mixed(other, one).map(Ordering::reverse)
            }
        }
    }

    /// `self operator other`, for the operators of arithmetic.
    #[inline]
    pub(super) fn compute(self, operator: Operator, other: Self, dialect: Dialect) -> Self {
        let holds = |int: i64| dialect == Dialect::Aws || fits_double(int);
        if let (Self::Int(one), Self::Int(two)) = (self, other)
            && holds(one)
            && holds(two)
        {
            let exact = match operator {
                Operator::Add => one.checked_add(two),
                Operator::Subtract => one.checked_sub(two),
                Operator::Multiply => one.checked_mul(two),
                Operator::Divide if two != 0 && one.checked_rem(two) == Some(0) => {
                    one.checked_div(two)
                }
                Operator::Remainder => one.checked_rem(two),
                _ => None,
            };
            if let Some(exact) = exact.filter(|exact| holds(*exact)) {
                return Self::Int(exact);
            }
        }
        let (one, two) = (self.as_f64(), other.as_f64());
        Self::Float(match operator {
            Operator::Add => one + two,
            Operator::Subtract => one - two,
            Operator::Multiply => one * two,
            Operator::Divide => one / two,
            _ => one % two,
        })
    }

    #[inline]
    pub(super) fn negate(self) -> Self {
        match self {
            // Zero has a sign only as a double.
            Self::Int(int) if int != 0 && int != i64::MIN => Self::Int(-int),
            number => Self::Float(-number.as_f64()),
        }
    }
}

#[inline]
fn compare_mixed(int: i64, float: f64) -> Option<Ordering> {
    if fits_double(int) { (int as f64).partial_cmp(&float) } else { compare_int_float(int, float) }
}

/// Whether every integer up to this one is a double, too.
fn fits_double(int: i64) -> bool {
    int.unsigned_abs() <= 1 << 53
}

/// From 2^63 on a double is no `i64`.
const EXACT_MAX: f64 = 9_223_372_036_854_775_808.0;
