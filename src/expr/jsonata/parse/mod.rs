//! From an expression's text to its tree.
//!
//! Tokens ([`token`]) go through a parser by precedence ([`expression`], [`call`]) that shapes each
//! node as soon as it is read ([`shape`]); `%` finds its step in [`ancestry`]. Grammar, quirks and
//! error codes are those of the reference implementation. Nothing here knows of evaluation, but for
//! the depth of trees, which is bounded for whoever walks them.

mod ancestry;
mod call;
mod draft;
mod expression;
mod shape;
mod symbol;
mod token;

use super::ast::Ast;
use super::error::Thrown;
use expression::Parser;

/// Parses an expression.
///
/// # Errors
/// The first error of syntax, or `U1001` where it nests too deep.
pub(super) fn parse(text: &str) -> Result<Ast, Thrown> {
    Parser::new(text)?.parse()
}

#[cfg(test)]
mod tests;
