//! JSONata, compiled: expressions of the second query language.
//!
//! An expression is parsed and compiled once, when its definition is: names become slots,
//! constants are folded, chains of names walk the parsed input as it is. Evaluation never
//! suspends, converts nothing of its input, and is bounded in steps, depth and memory. Items that
//! are no JSON (undefined, functions, sequences) live in a [`Scratch`] for as long as one
//! evaluation; only its result is copied out. Nothing here knows of states; AWS's dialect is a set
//! of checks, limits and functions over the same engine.

mod aggregate;
mod ast;
#[cfg(test)]
mod aws_tests;
mod cast;
mod check;
mod code;
mod compile;
mod direct;
mod error;
mod eval;
mod functions;
mod item;
mod limits;
mod number;
mod parse;
mod picture;
mod projection;
mod regex;
mod scratch;
mod signature;
mod url;

pub use ast::Span;
pub use check::check;
pub use error::{Code, Thrown};
pub use scratch::Scratch;

use self::code::Program;
use self::direct::{Direct, Found};
use self::eval::{Evaluator, Exported, Parts};
use self::item::Item;
use super::Bindings;
use crate::base::entropy::Entropy;
use crate::value::{ArenaId, Heap, Parser, TooLarge, Value};

/// By which rules an expression is read and evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// As Step Functions runs it: no context item, AWS's functions, numbers and limits.
    Aws,
    /// The language as its reference implementation has it.
    Full,
}

/// An expression ready to be evaluated.
#[derive(Clone, Debug)]
pub struct Expression {
    /// As it was written, without `{%` and `%}`, blanks at the ends removed.
    pub text: Box<str>,
    /// Which parts of `$states` it may read.
    pub reads: Reads,
    dialect: Dialect,
    program: Program,
    direct: Option<Direct>,
    /// Keys of `$states` itself.
    keys: [Item; 4],
}

/// Which parts of `$states` an expression reads; `$states` alone reads them all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the part of that name")]
pub struct Reads {
    pub input: bool,
    pub result: bool,
    pub error_output: bool,
    pub context: bool,
}

/// Returns the names of AWS's built-in functions, in their order, without `$`.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    functions::names(Dialect::Aws)
}

/// What an expression refers to, found without evaluating it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Variables that the expression neither defines nor has as built-in functions: names without
    /// `$`, and where.
    pub variables: Vec<(Box<str>, Span)>,
    /// Fields of `$states` by name (`input`, `result`, …, also unknown ones), and where.
    pub states: Vec<(Box<str>, Span)>,
    /// Uses of `??` and `?:`.
    pub newer_operators: Vec<Span>,
}

/// Why AWS refuses an expression that it can parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// AWS's text, such as `Reference to 'phone' at the top level is not supported.`
    pub message: String,
    /// What it is about.
    pub span: Span,
}

/// Why an expression is refused when a definition is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not parse: `INVALID_JSONATA_EXPRESSION`.
    Syntax(Thrown),
    /// It parses and is not supported: `UNSUPPORTED_JSONATA_EXPRESSION`. Each name once, in the
    /// order of evaluation; only the first few.
    Unsupported(Vec<Unsupported>),
}

/// What a path from `$` may start at; absent is undefined.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// `$states.input`; in the full dialect, `$`.
    pub input: Option<Value>,
    /// `$states.result`
    pub result: Option<Value>,
    /// `$states.errorOutput`
    pub error_output: Option<Value>,
    /// `$states.context`
    pub context: Option<Value>,
    /// Variables of the program, by [`super::VariableIdx`].
    pub variables: &'a [Option<Value>],
}

/// What an evaluation may use.
pub struct Setting<'a> {
    /// Where the values lie that are read, and the result goes.
    pub heap: &'a mut Heap,
    /// Where the result goes.
    pub arena: ArenaId,
    /// What is read.
    pub scope: Scope<'a>,
    /// For text that turns out to be JSON (`$parse`).
    pub parser: &'a mut Parser,
    /// For `$uuid`, `$random` and `$shuffle`.
    pub entropy: &'a mut Entropy,
    /// Items of one evaluation.
    pub scratch: &'a mut Scratch,
    /// `$now()` and `$millis()`: wall clock, ms since the Unix epoch.
    pub wall_ms: i64,
}

/// Why an evaluation gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// An error of the expression.
    Thrown(Thrown),
    /// The result is undefined.
    Undefined,
    /// The result is, or holds, a function.
    Unsupported,
}

impl From<Thrown> for Failure {
    fn from(error: Thrown) -> Self {
        Self::Thrown(error)
    }
}

/// Why an expression cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileFailure {
    /// It does not parse, or has a regular expression that is not supported.
    Thrown(Thrown),
    /// Constants or variables do not fit.
    TooLarge(TooLarge),
}

impl From<Thrown> for CompileFailure {
    fn from(error: Thrown) -> Self {
        Self::Thrown(error)
    }
}

impl From<TooLarge> for CompileFailure {
    fn from(error: TooLarge) -> Self {
        Self::TooLarge(error)
    }
}

impl Expression {
    /// Parses and compiles `text`, the part between `{%` and `%}`. Constants and variables that
    /// it does not define itself go to `bindings`; a name that `bindings` knows already is a
    /// variable even where a built-in function has it, too.
    ///
    /// # Errors
    /// [`CompileFailure`] when it does not parse, or the constants are full.
    pub fn compile(
        text: &str,
        dialect: Dialect,
        bindings: &mut Bindings,
    ) -> Result<Self, CompileFailure> {
        let ast = parse::parse(text)?;
        let (program, reads) = compile::compile(&ast, dialect, bindings)?;
        let mut keys = [Item::UNDEFINED; 4];
        for (key, name) in keys.iter_mut().zip(["input", "result", "errorOutput", "context"]) {
            *key = bindings.constants.string(name)?.into();
        }
        let direct = Direct::of(&program);
        Ok(Self { text: text.trim().into(), reads, dialect, program, direct, keys })
    }

    /// Evaluates the expression.
    ///
    /// # Errors
    /// [`Failure`] when there is no JSON value as its result.
    #[inline]
    pub fn evaluate(&self, setting: &mut Setting<'_>) -> Result<Value, Failure> {
        if let Some(direct) = &self.direct {
            match direct.find(setting.heap, &setting.scope) {
                Found::Value(value) => return Ok(value),
                Found::Nothing => return Err(Failure::Undefined),
                Found::Unknown => {}
            }
        }
        self.compute(setting)
    }

    fn compute(&self, setting: &mut Setting<'_>) -> Result<Value, Failure> {
        let parts = Parts { program: &self.program, dialect: self.dialect, keys: self.keys };
        let mut evaluator = Evaluator::new(&parts, setting);
        let outcome = outcome(&mut evaluator);
        evaluator.count_steps();
        outcome
    }
}

#[inline]
fn outcome(evaluator: &mut Evaluator<'_>) -> Result<Value, Failure> {
    let item = evaluator.run()?;
    if item.is_undefined() {
        return Err(Failure::Undefined);
    }
    match evaluator.export(item)? {
        Exported::Value(value) => Ok(value),
        Exported::Function => Err(Failure::Unsupported),
    }
}

#[cfg(test)]
mod tests;
