//! Expressions: paths, intrinsic functions, payload templates, choice rules.
//!
//! Each has a syntax (parsed from the definition's text, with an offset for every error) and a
//! compiled form that is evaluated over the heap. Evaluation never suspends, reads no clock and
//! is bounded by the size of the definition and of its input. Nothing here knows of states.

pub mod apply;
mod bindings;
pub mod intrinsic;
mod java;
pub mod jsonata;
pub mod lookup;
pub mod path;
pub mod query;
pub mod rule;
pub mod template;
pub mod timestamp;
pub mod walk;

pub use bindings::{Bindings, VariableIdx};

use crate::base::entropy::Entropy;
use crate::base::tally::ExpressionKind;
use crate::value::{ArenaId, Heap, Parser, TooLarge, Value};

/// A piece of expression text that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong, for people.
    pub message: String,
    /// Byte offset into the expression's text.
    pub offset: usize,
}

impl SyntaxError {
    fn new(message: impl Into<String>, offset: usize) -> Self {
        Self { message: message.into(), offset }
    }
}

/// What an expression is evaluated over.
#[derive(Clone, Copy, Debug)]
pub struct Roots<'a> {
    /// `$`
    pub input: Value,
    /// `$$`; built by the caller before an expression that reads it, else `null`.
    pub context: Value,
    /// `$name`, by [`VariableIdx`]; `None`, or beyond the end, where nothing is assigned.
    pub variables: &'a [Option<Value>],
}

/// What an evaluation that makes values may use.
pub struct Evaluation<'a> {
    /// Where values live.
    pub heap: &'a mut Heap,
    /// Where new ones go.
    pub arena: ArenaId,
    /// What is read.
    pub roots: Roots<'a>,
    /// For text that turns out to be JSON.
    pub parser: &'a mut Parser,
    /// For `States.UUID` and unseeded random numbers.
    pub entropy: &'a mut Entropy,
}

/// Why an evaluation failed; always the workflow's `States.Runtime`.
///
/// The text is the cause without AWS's general prefix. Boxed: failing is the cold path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.text)]
pub struct Fault(Box<Told>);

/// What a fault tells.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    text: Box<str>,
    expression: Option<ExpressionKind>,
}

impl Fault {
    /// A fault for which no expression is to blame.
    #[cold]
    pub(crate) fn new(text: impl Into<Box<str>>) -> Self {
        Self(Box::new(Told { text: text.into(), expression: None }))
    }

    /// A path that names nothing, or not what is needed.
    #[cold]
    pub(crate) fn path(text: impl Into<Box<str>>) -> Self {
        Self(Box::new(Told { text: text.into(), expression: Some(ExpressionKind::JsonPath) }))
    }

    /// A call of an intrinsic function that fails.
    #[cold]
    pub(crate) fn intrinsic(text: impl Into<Box<str>>) -> Self {
        Self(Box::new(Told { text: text.into(), expression: Some(ExpressionKind::Intrinsic) }))
    }

    /// The language of the expression that is to blame, if one is.
    pub fn expression(&self) -> Option<ExpressionKind> {
        self.0.expression
    }
}

/// Why an expression that was read cannot be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A path that may name several values stands where one value is needed.
    #[error("the path may name several values, but one is needed")]
    Indefinite,
    /// The constants or the variables do not fit.
    #[error("constants: {0}")]
    TooLarge(#[from] TooLarge),
}

impl From<TooLarge> for Fault {
    fn from(error: TooLarge) -> Self {
        Self::new(error.to_string())
    }
}
