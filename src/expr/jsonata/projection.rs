//! What is made of the members of one object alone: arithmetic, a comparison, a new object.
//!
//! The bodies of functions that `$map` and its like call, the steps and predicates of paths are
//! most often nothing else. Over an object of a document they need no variables, no frames and no
//! items in between: its members are read where they lie, and what is made is written where it
//! goes. Whatever is not as expected (another kind of item, no number where one is needed) is left
//! to the code that the projection was derived from, errors included.

use super::Dialect;
use super::ast::Operator;
use super::limits;
use super::number::Number;
use crate::value::{Field, Key, Making, Members, Row, TooLarge, Unfinished, Value, View};

/// A projection, and what running it costs.
#[derive(Clone, Debug)]
pub(super) struct Projection {
    pub(super) gives: Gives,
    /// In steps.
    pub(super) steps: usize,
}

/// What a projection gives.
#[derive(Clone, Debug)]
pub(super) enum Gives {
    Number(Arithmetic),
    /// Whether two numbers compare like this.
    Truth(Operator, Term, Term),
    /// An object that goes into the expression's result.
    Object(Box<[(Value, Member)]>),
}

/// `one operator other`
#[derive(Clone, Debug)]
pub(super) struct Arithmetic {
    pub(super) operator: Operator,
    pub(super) one: Term,
    pub(super) other: Term,
}

/// A number to compute with.
#[derive(Clone, Debug)]
pub(super) enum Term {
    Constant(Number),
    Field(Key),
    Computed(Box<Arithmetic>),
}

/// A member of an object that is made.
#[derive(Clone, Debug)]
pub(super) enum Member {
    Constant(Value),
    Field(Key),
    Number(Arithmetic),
    /// `a & b & c`
    Text(Box<[TextPart]>),
}

/// A part of a text that is made.
#[derive(Clone, Debug)]
pub(super) enum TextPart {
    /// With its length as JSON, without quotes.
    Constant(Box<str>, usize),
    Field(Key),
}

impl Arithmetic {
    /// The number that comes of these members; `None` where there are no finite ones.
    #[expect(clippy::inline_always, reason = "runs for each of many items")]
    #[inline(always)]
    pub(super) fn compute(&self, members: Members<'_>, dialect: Dialect) -> Option<Number> {
        let one = self.one.number(members, dialect)?;
        let other = self.other.number(members, dialect)?;
        Some(one.compute(self.operator, other, dialect))
    }
}

impl Term {
    #[expect(
        clippy::inline_always,
        reason = "most are fields, which are read in a few instructions"
    )]
    #[inline(always)]
    pub(super) fn number(&self, members: Members<'_>, dialect: Dialect) -> Option<Number> {
        match self {
            Self::Field(key) => match members.scalar(key)? {
                View::Int(int) => Some(Number::Int(int)),
                View::Float(float) => Some(Number::Float(float)),
                _ => None,
            },
            Self::Constant(number) => Some(*number),
            Self::Computed(arithmetic) => computed(arithmetic, members, dialect),
        }
    }
}

/// Apart, so that it may call itself.
#[inline(never)]
fn computed(arithmetic: &Arithmetic, members: Members<'_>, dialect: Dialect) -> Option<Number> {
    arithmetic.compute(members, dialect).filter(|number| number.is_finite())
}

/// Makes an object of `members`, which are made of `row`. `text_max` bounds its text in bytes.
///
/// `None` where something is not as expected; then the arena is as it was.
#[inline]
pub(super) fn make_object(
    members: &[(Value, Member)],
    row: Row<'_>,
    dialect: Dialect,
    text_max: usize,
    making: &mut Making<'_>,
) -> Option<Value> {
    let mut object = making.begin();
    let made = add_members(members, row, dialect, text_max, making, &mut object);
    let made = made.and_then(|()| making.finish(&object).ok());
    if made.is_none() {
        making.give_up(&object);
    }
    made
}

#[inline]
fn add_members(
    members: &[(Value, Member)],
    row: Row<'_>,
    dialect: Dialect,
    text_max: usize,
    making: &mut Making<'_>,
    object: &mut Unfinished,
) -> Option<()> {
    let text_end = making.text_bytes().saturating_add(text_max);
    for (key, member) in members {
        let value = match member {
            Member::Field(key) => match row.field(key) {
                Some(field) => field.value(),
                // What is undefined is no member.
                None => continue,
            },
            Member::Number(arithmetic) => {
                value_of(arithmetic.compute(row.members(), dialect)?, dialect)?
            }
            Member::Text(parts) => text(parts, row, text_end, making)?,
            Member::Constant(value) => *value,
        };
        making.member(object, *key, value).ok()?;
    }
    Some(())
}

/// A number as the value that results hold: a double without a fraction as the integer that it is
/// printed as.
#[inline]
fn value_of(number: Number, dialect: Dialect) -> Option<Value> {
    match number {
        Number::Int(int) => Some(Value::int(int)),
        Number::Float(float) => Number::exported(float, dialect),
    }
}

#[inline]
fn text(
    parts: &[TextPart],
    row: Row<'_>,
    text_end: usize,
    making: &mut Making<'_>,
) -> Option<Value> {
    let begin = making.text_bytes();
    let bytes_max = text_end.checked_sub(begin)?.min(limits::VALUE_BYTES_MAX);
    let mut escaped_len = 0;
    for part in parts {
        let added = match part {
            TextPart::Constant(text, escaped_len) => making.append(text).map(|()| *escaped_len),
            TextPart::Field(key) => match row.field(key) {
                Some(field) => append(field, making)?,
                // What is undefined is no text.
                None => continue,
            },
        };
        escaped_len += added.ok()?;
        if escaped_len > bytes_max {
            return None;
        }
    }
    making.text(begin, escaped_len).ok()
}

/// Appends a member to a text; returns its length as JSON.
#[inline]
fn append(field: Field<'_>, making: &mut Making<'_>) -> Option<Result<usize, TooLarge>> {
    match field.scalar()? {
        View::Str(text) => Some(making.append(text).map(|()| field.escaped_len(text))),
        View::Int(int) => {
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(int);
            Some(making.append(digits).map(|()| digits.len()))
        }
        _ => None,
    }
}
