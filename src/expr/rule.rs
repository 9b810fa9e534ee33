//! A compiled choice rule: tests in evaluation order with a jump for either answer.
//!
//! `And`, `Or` and `Not` are gone when a rule is compiled: a test knows where to go on when it
//! holds and when it does not, so evaluation short-circuits from left to right without a stack.
//! Rule: ASL specification, "Choice State"; type mismatches are false, never errors (recorded).

use std::cmp::Ordering;

use super::timestamp;
use super::walk::Walk;
use super::{Fault, Roots};
use crate::value::{Heap, Value, View, number};

/// A rule ready to be evaluated.
#[derive(Clone, Debug)]
pub struct Rule {
    tests: Box<[Test]>,
}

/// One data test.
#[derive(Clone, Debug)]
pub struct Test {
    /// The left operand.
    pub variable: Walk,
    /// What is asked of it.
    pub predicate: Predicate,
    /// Where to go on when the answer is yes.
    pub then: Goto,
    /// Where to go on when the answer is no.
    pub otherwise: Goto,
}

/// Where a rule's evaluation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goto {
    /// The rule matches.
    Match,
    /// The rule does not match.
    Miss,
    /// The test at this index, always a later one.
    Test(u32),
}

/// What a test asks.
#[derive(Clone, Debug)]
pub enum Predicate {
    /// `BooleanEquals`, `NumericLessThan`, …: both operands of the family, in that relation.
    Compare(Family, Relation, Right),
    /// `IsNull`, `IsString`, …; false inverts.
    Is(Kind, bool),
    /// `IsPresent`; false inverts.
    IsPresent(bool),
    /// `StringMatches`
    Matches(Pattern),
}

/// Which values a comparison applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `true` and `false`
    Boolean,
    /// Numbers by value.
    Numeric,
    /// Strings by UTF-16 code units, as Java compares them.
    String,
    /// RFC 3339 strings as instants.
    Timestamp,
}

/// A relation between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `Equals`
    Equals,
    /// `GreaterThan`
    GreaterThan,
    /// `GreaterThanEquals`
    GreaterThanEquals,
    /// `LessThan`
    LessThan,
    /// `LessThanEquals`
    LessThanEquals,
}

/// The right operand.
#[derive(Clone, Debug)]
pub enum Right {
    /// A literal.
    Constant(Value),
    /// A path (`…Path` operators).
    Path(Walk),
}

/// What a type test asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `IsBoolean`
    Boolean,
    /// `IsNull`
    Null,
    /// `IsNumeric`
    Numeric,
    /// `IsString`
    String,
    /// `IsTimestamp`
    Timestamp,
}

impl Rule {
    /// A rule of these tests; evaluation starts at the first.
    ///
    /// # Panics
    /// When a jump does not lead forward; that is what bounds evaluation.
    pub fn new(tests: Vec<Test>) -> Self {
        assert!(!tests.is_empty(), "a rule has at least one test");
        for (index, test) in tests.iter().enumerate() {
            for goto in [test.then, test.otherwise] {
                if let Goto::Test(next) = goto {
                    assert!(next as usize > index, "jumps lead forward");
                    assert!((next as usize) < tests.len(), "jumps lead to a test");
                }
            }
        }
        Self { tests: tests.into() }
    }

    /// The tests in evaluation order.
    pub fn tests(&self) -> &[Test] {
        &self.tests
    }

    /// Whether any operand reads the context object.
    pub fn reads_context(&self) -> bool {
        self.tests.iter().any(|test| {
            test.variable.reads_context()
                || matches!(&test.predicate, Predicate::Compare(_, _, Right::Path(walk)) if walk.reads_context())
        })
    }

    /// Whether the rule matches.
    ///
    /// # Errors
    /// [`Fault`] when an operand's path names nothing and the test is not `IsPresent`.
    #[inline]
    pub fn matches(&self, heap: &Heap, roots: Roots<'_>) -> Result<bool, Fault> {
        let mut index = 0;
        loop {
            let test = &self.tests[index];
            let goto = if test.holds(heap, roots)? { test.then } else { test.otherwise };
            match goto {
                Goto::Match => return Ok(true),
                Goto::Miss => return Ok(false),
                Goto::Test(next) => index = next as usize,
            }
        }
    }
}

impl Test {
    #[inline]
    fn holds(&self, heap: &Heap, roots: Roots<'_>) -> Result<bool, Fault> {
        let left = match (self.variable.find(heap, roots), &self.predicate) {
            (found, Predicate::IsPresent(wanted)) => return Ok(found.is_ok() == *wanted),
            (Ok(left), _) => heap.view(left),
            (Err(_), _) => return Err(invalid_reference(&self.variable)),
        };
        Ok(match &self.predicate {
            Predicate::Compare(family, relation, right) => {
                let right = match right {
                    Right::Constant(value) => *value,
                    Right::Path(walk) => {
                        walk.find(heap, roots).map_err(|_| invalid_reference(walk))?
                    }
                };
                compare(*family, left, heap.view(right)).is_some_and(|order| relation.admits(order))
            }
            Predicate::Is(kind, wanted) => kind.is(left) == *wanted,
            Predicate::Matches(pattern) => {
                matches!(left, View::Str(text) if pattern.matches(text))
            }
            Predicate::IsPresent(_) => false,
        })
    }
}

/// Recorded for a missing `Variable` and a missing right operand alike.
#[cold]
fn invalid_reference(walk: &Walk) -> Fault {
    Fault::path(format!(
        "Invalid path '{}': The choice state's condition path references an invalid value.",
        walk.text
    ))
}

impl Relation {
    fn admits(self, order: Ordering) -> bool {
        match self {
            Self::Equals => order.is_eq(),
            Self::GreaterThan => order.is_gt(),
            Self::GreaterThanEquals => order.is_ge(),
            Self::LessThan => order.is_lt(),
            Self::LessThanEquals => order.is_le(),
        }
    }
}

impl Kind {
    fn is(self, view: View<'_>) -> bool {
        match self {
            Self::Boolean => matches!(view, View::Bool(_)),
            Self::Null => matches!(view, View::Null),
            Self::Numeric => matches!(view, View::Int(_) | View::Float(_)),
            Self::String => matches!(view, View::Str(_)),
            Self::Timestamp => {
                matches!(view, View::Str(text) if timestamp::parse(text).is_some())
            }
        }
    }
}

/// Order of two operands of a family; `None` when either is not of it.
#[inline]
fn compare(family: Family, left: View<'_>, right: View<'_>) -> Option<Ordering> {
    match (family, left, right) {
        (Family::Boolean, View::Bool(left), View::Bool(right)) => Some(left.cmp(&right)),
        (Family::Numeric, left, right) => compare_numbers(left, right),
        (Family::String, View::Str(left), View::Str(right)) => Some(compare_utf16(left, right)),
        (Family::Timestamp, View::Str(left), View::Str(right)) => {
            Some(timestamp::parse(left)?.cmp(&timestamp::parse(right)?))
        }
        _ => None,
    }
}

pub(in crate::expr) fn compare_numbers(left: View<'_>, right: View<'_>) -> Option<Ordering> {
    match (left, right) {
        (View::Int(left), View::Int(right)) => Some(left.cmp(&right)),
        (View::Int(left), View::Float(right)) => number::compare_int_float(left, right),
        (View::Float(left), View::Int(right)) => {
            number::compare_int_float(right, left).map(Ordering::reverse)
        }
        (View::Float(left), View::Float(right)) => left.partial_cmp(&right),
        _ => None,
    }
}

/// Java's `String.compareTo`. It differs from the order of UTF-8 bytes only where a surrogate
/// pair meets a character from U+E000 on.
pub(in crate::expr) fn compare_utf16(left: &str, right: &str) -> Ordering {
    let same = left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count();
    match (left.as_bytes().get(same), right.as_bytes().get(same)) {
        (Some(l), Some(r)) if *l >= 0xee && *r >= 0xee => {
            left.encode_utf16().cmp(right.encode_utf16())
        }
        (left, right) => left.cmp(&right),
    }
}

/// A compiled `StringMatches` pattern: literal pieces with any text between them.
///
/// `\*` is a literal star and `\\` a literal backslash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pieces: Box<[Box<str>]>,
}

impl Pattern {
    /// Parses `text`.
    ///
    /// # Errors
    /// The byte offset of a backslash that escapes nothing.
    pub fn parse(text: &str) -> Result<Self, usize> {
        let mut pieces = Vec::new();
        let mut piece = String::new();
        let mut chars = text.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '*' => pieces.push(std::mem::take(&mut piece).into()),
                '\\' => match chars.next() {
                    Some((_, escaped @ ('*' | '\\'))) => piece.push(escaped),
                    _ => return Err(at),
                },
                _ => piece.push(c),
            }
        }
        pieces.push(piece.into());
        Ok(Self { pieces: pieces.into() })
    }

    /// Whether all of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        let [first, middle @ .., last] = &*self.pieces else {
            return self.pieces.first().is_some_and(|only| **only == *text);
        };
        let Some(rest) = text.strip_prefix(&**first) else { return false };
        let Some(mut rest) = rest.strip_suffix(&**last) else { return false };
        // The leftmost fit of each piece leaves the most room for the next: no backtracking.
        for piece in middle {
            match rest.find(&**piece) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        }
        true
    }
}

impl std::fmt::Display for Pattern {
    /// Writes the pieces, quoted, with `*` between them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, piece) in self.pieces.iter().enumerate() {
            if index > 0 {
                f.write_str(" * ")?;
            }
            write!(f, "{piece:?}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_whole() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("us-*", "us-east-1", true),
            ("us-*", "eu-us-", false),
            ("*.log", "x.log", true),
            ("*.log", "x.log.gz", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("*ab*ab*", "ab_ab", true),
            ("*ab*ab*", "aab", false),
            (r"\*", "*", true),
            (r"\*", "x", false),
            (r"a\\*", r"a\b", true),
            ("é*ü", "éäü", true),
        ] {
            assert_eq!(
                Pattern::parse(pattern).unwrap().matches(text),
                expected,
                "{pattern} {text}"
            );
        }
        assert_eq!(Pattern::parse(r"ab\"), Err(2));
        assert_eq!(Pattern::parse(r"a\b"), Err(1));
    }

    #[test]
    fn a_match_on_hostile_patterns_is_not_exponential() {
        let pattern = Pattern::parse(&("a*".repeat(2_000) + "c")).unwrap();
        assert!(!pattern.matches(&("a".repeat(200_000) + "b")));
        assert!(pattern.matches(&("a".repeat(200_000) + "c")));
    }

    #[test]
    fn strings_order_by_utf16_code_units() {
        let mut texts = ["\u{ffff}", "\u{1f600}", "a", "", "ab", "é", "\u{e000}", "b"];
        let mut expected = texts;
        expected.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
        texts.sort_by(|a, b| compare_utf16(a, b));
        assert_eq!(texts, expected);
    }

    #[test]
    fn numbers_compare_by_value() {
        assert_eq!(compare_numbers(View::Int(0), View::Float(0.0)), Some(Ordering::Equal));
        assert_eq!(compare_numbers(View::Float(-0.0), View::Int(0)), Some(Ordering::Equal));
        assert_eq!(compare_numbers(View::Float(1.5), View::Int(1)), Some(Ordering::Greater));
        assert_eq!(compare_numbers(View::Int(1), View::Null), None);
    }
}
