//! What `$sum` and its like fold numbers to, wherever the numbers come from.

use std::cmp::Ordering;

use super::Dialect;
use super::ast::Operator;
use super::number::Number;

/// What a function folds numbers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Average,
    Max,
    Min,
}

impl Aggregate {
    /// The aggregate that the built-in function `name` is.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "sum" => Some(Self::Sum),
            "average" => Some(Self::Average),
            "max" => Some(Self::Max),
            "min" => Some(Self::Min),
            _ => None,
        }
    }

    /// What it begins with; without that, with the first number.
    pub(super) fn start(self) -> Option<Number> {
        matches!(self, Self::Sum | Self::Average).then_some(Number::Int(0))
    }

    /// What one more number makes of what was `before`, if there was something.
    #[expect(clippy::inline_always, reason = "runs for each of many items")]
    #[inline(always)]
    pub(super) fn next(self, before: Option<Number>, number: Number, dialect: Dialect) -> Number {
        let Some(before) = before else { return number };
        let order = match self {
            Self::Sum | Self::Average => return before.compute(Operator::Add, number, dialect),
            Self::Max => Ordering::Greater,
            Self::Min => Ordering::Less,
        };
        if number.compare(before) == Some(order) { number } else { before }
    }

    /// The result, after `count` numbers.
    pub(super) fn finish(self, total: Number, count: usize, dialect: Dialect) -> Number {
        match self {
            Self::Average => total.compute(Operator::Divide, Number::Int(count as i64), dialect),
            Self::Sum | Self::Max | Self::Min => total,
        }
    }
}
