//! The Amazon States Language: from a definition's text to a checked model.
//!
//! `json` reads the text and keeps every place, `parse` makes the typed `model` and `check` looks
//! at the machine as a whole. All problems are found at once, as `diagnostic`s. This layer knows
//! nothing of bytecode: expressions are proven to parse and stay text.

pub mod check;
pub mod diagnostic;
pub(crate) mod expression;
pub(crate) mod finding;
pub mod json;
pub mod model;
pub mod operator;
mod parse;
mod place;
pub mod source;

pub use diagnostic::{Code, Diagnostic, Severity};
pub use model::Machine;
pub use parse::{MachineType, Parsed, Rules, decode, parse, parse_as};

#[cfg(test)]
mod tests;
