//! The crate `jsonata-core` as its documentation has it used: parsed once, evaluated by the tree
//! walker, which is the one of its two evaluators that sees variables.

use std::rc::Rc;

use anyhow::{Context as _, Result};
use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator};
use jsonata_core::parser;
use jsonata_core::value::JValue;

use super::failed;

/// Parses an expression.
pub(super) fn parse(text: &str) -> Result<AstNode> {
    parser::parse(text).map_err(|error| failed(text, &error))
}

/// Parses a document to the crate's own value.
///
/// With its feature `simd`, which would bring simd-json in a second version, this takes at most a
/// fifth less (by its own measurements).
pub(super) fn document(bytes: &[u8]) -> Result<JValue> {
    Ok(JValue::from_json_str(std::str::from_utf8(bytes)?)?)
}

/// `$states` with the document as its input.
pub(super) fn states(document: JValue) -> JValue {
    JValue::Object(Rc::new([("input".to_owned(), document)].into_iter().collect()))
}

/// An evaluator that knows these variables; they can be given only when it is made.
pub(super) fn evaluator<const N: usize>(variables: [(&str, &JValue); N]) -> Evaluator {
    let mut context = Context::new();
    for (name, value) in variables {
        context.bind(name.to_owned(), value.clone());
    }
    Evaluator::with_context(context)
}

/// Evaluates an expression without a context item.
pub(super) fn evaluate(evaluator: &mut Evaluator, expression: &AstNode) -> Result<JValue> {
    let value = evaluator.evaluate(expression, &JValue::Undefined);
    value.map_err(|error| anyhow::anyhow!("{error}")).context("jsonata-core")
}
