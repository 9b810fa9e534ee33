//! The right answers: what the reference implementation makes of each probe, or would if it had
//! the time and the memory. An error is right wherever its bounds are in the way.

use expressway::expr::jsonata::Dialect;

use self::Answer::{Begins, Error, Itself, Undefined, Value};
use crate::engine::Outcome;

/// Whether `outcome` is among the answers to the probe `name`, whose text is `text`.
///
/// # Panics
/// Panics for a probe whose answer is not written down here.
pub(crate) fn is_right(name: &str, text: &str, dialect: Dialect, outcome: &Outcome) -> bool {
    let known = ANSWERS.iter().find(|(known, ..)| *known == name);
    let &(_, full, aws) = known.unwrap_or_else(|| panic!("no answer is known for {name}"));
    let answers = if dialect == Dialect::Aws && !aws.is_empty() { aws } else { full };
    answers.iter().any(|answer| match (answer, outcome) {
        (Error, outcome) => outcome.is_error(),
        (Undefined, Outcome::Undefined) => true,
        (Value(expected), Outcome::Value(got)) => got == expected,
        (Begins(expected), Outcome::Value(got)) => got.starts_with(expected),
        (Itself, Outcome::Value(got)) => got == text,
        _ => false,
    })
}

/// Something that may come out.
#[derive(Debug)]
enum Answer {
    Error,
    Undefined,
    /// JSON text.
    Value(&'static str),
    /// The beginning of JSON text.
    Begins(&'static str),
    /// The expression, which is JSON.
    Itself,
}

/// Name, answers, and those in AWS's dialect where they are others.
const ANSWERS: &[(&str, &[Answer], &[Answer])] = &[
    ("inf tail loop", &[Error], &[]),
    ("non-tail recursion 1e6", &[Error], &[]),
    ("10k nested parens", &[Value("1"), Error], &[]),
    ("100k nested parens", &[Value("1"), Error], &[]),
    ("100k nested arrays expr", &[Itself, Error], &[]),
    ("50k unary minus", &[Value("1"), Error], &[]),
    // `a` is a number, and a number has no field `a`.
    ("100k a.a.a path", &[Undefined, Error], &[]),
    ("100k 1+1+1", &[Value("100000"), Error], &[]),
    // The longest range that the reference allows.
    ("range 1..1e7 sum", &[Value("50000005000000"), Error], &[]),
    ("range 1..1e9", &[Error], &[]),
    ("nested map 1e8", &[Value("10000"), Error], &[]),
    ("pad 1e9", &[Error], &[]),
    // A backtracking engine takes 2^40 steps to find no match; no match is undefined.
    ("regex (a+)+$", &[Undefined], &[]),
    // D1004: the pattern matches the empty string.
    ("regex empty replace", &[Error], &[]),
    ("string doubling 2^40", &[Error], &[]),
    ("deep data 120 **", &[Undefined], &[Undefined, Error]),
    // S0302: the slash stands inside the parenthesis.
    ("bad regex", &[Error], &[]),
    // Whatever the order, no element is less than 1.
    ("sort bad cmp", &[Value("true")], &[]),
    // What is no finite number is no JSON: `null` where it is written, Java's word on AWS.
    ("$string(1e300*1e300)", &[Value("null"), Error], &[Value("\"Infinity\""), Error]),
    ("1/0", &[Value("null"), Error], &[Value("\"Infinity\""), Error]),
    ("mod by 0", &[Value("null"), Error], &[Value("\"NaN\""), Error]),
    // Positions count characters, not UTF-16 units.
    ("unicode idx", &[Value("\"a\"")], &[]),
    // The variable is not known yet where its own value is made.
    ("self-ref", &[Value("{}")], &[]),
    ("big array index", &[Undefined], &[]),
    // The reference prints "0NaN-NaN-…", which nobody wants.
    ("$fromMillis(1e300)", &[Error], &[]),
    // The reference prints "1e+21", as JavaScript's own formatting does from there on.
    ("$formatNumber bad", &[Value("\"1000000000000000000000\""), Value("\"1e+21\""), Error], &[]),
    // The digits that a double has; how many zeros or more digits follow is a matter of taste.
    ("$formatBase bad", &[Begins("\"fhgyjdfcg7"), Error], &[]),
    // D3061
    ("$power", &[Error], &[]),
    ("$eval", &[Value("2"), Error], &[Error]),
];
