//! The compiler: from a checked model to a program.
//!
//! It emits states in source order with the start state's jump first where needed, so that
//! execution always begins at instruction 0. Fields that are absent emit nothing. It knows nothing
//! of execution; the model it is given has no errors left, so it has only limits to report.

mod ahead;
mod choice;
mod emit;
mod form;
mod names;
mod payload;
mod rules;
mod work;

use crate::asl::Machine;
use crate::asl::source::Source;
use crate::expr::CompileError;
use crate::expr::jsonata::CompileFailure;
use crate::program::{Image, World};
use crate::value::TooLarge;

/// Why a checked definition cannot be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More Choice rules than an instruction can name.
    #[error("more than {} choice rules in one state machine", u16::MAX)]
    TooManyRules,
    /// An expression that the check let through does not parse: a fault of ours.
    #[error("expression does not parse at its byte {offset}")]
    Expression {
        /// Byte offset into the expression.
        offset: usize,
    },
    /// The constants do not fit.
    #[error("constants: {0}")]
    TooLarge(#[from] TooLarge),
}

impl From<CompileError> for Error {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::Indefinite => Self::Expression { offset: 0 },
            CompileError::TooLarge(error) => Self::TooLarge(error),
        }
    }
}

impl From<CompileFailure> for Error {
    fn from(failure: CompileFailure) -> Self {
        match failure {
            CompileFailure::Thrown(thrown) => {
                Self::Expression { offset: thrown.span().map_or(0, |span| span.start as usize) }
            }
            CompileFailure::TooLarge(error) => Self::TooLarge(error),
        }
    }
}

/// Compiles `machine`, which was parsed from `source`.
///
/// # Errors
/// [`Error`] when a limit of the bytecode is passed.
pub fn compile(machine: &Machine, source: Source<'_>, world: World) -> Result<Image, Error> {
    emit::Emitter::new(source).machine(machine, world)
}
