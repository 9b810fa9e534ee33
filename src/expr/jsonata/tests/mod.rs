//! The engine from text to JSON, by subject, one line a case. What the reference implementation
//! (jsonata 2.2.2) says of these expressions was recorded from it.

mod aws;
mod closures;
mod errors;
mod functions;
mod limits;
mod numbers;
mod paths;
mod projections;
mod sequences;
mod transform;
mod tuples;

use std::rc::Rc;

use super::{Code, CompileFailure, Dialect, Expression, Failure, Scope, Scratch, Setting, Thrown};
use crate::base::entropy::Entropy;
use crate::expr::Bindings;
use crate::value::{ArenaId, Heap, Parser};

/// What an expression comes to over a document, as JSON.
fn evaluate(text: &str, dialect: Dialect, document: &str) -> Result<String, Failure> {
    let mut bindings = Bindings::default();
    let expression = match Expression::compile(text, dialect, &mut bindings) {
        Ok(expression) => expression,
        Err(CompileFailure::Thrown(thrown)) => return Err(thrown.into()),
        Err(CompileFailure::TooLarge(error)) => panic!("{error}"),
    };
    let variables = vec![None; bindings.variable_names().len()];
    let mut heap = Heap::new(Rc::new(bindings.constants.finish()));
    let mut parser = Parser::default();
    let input = heap.parse(ArenaId::ROOT, document.as_bytes(), &mut parser).unwrap();
    let value = expression.evaluate(&mut Setting {
        heap: &mut heap,
        arena: ArenaId::ROOT,
        scope: Scope { input: Some(input), variables: &variables, ..Scope::default() },
        parser: &mut parser,
        entropy: &mut Entropy::seeded(1),
        scratch: &mut Scratch::default(),
        wall_ms: 1_700_000_000_000,
    })?;
    let json = heap.to_json(value);
    assert_eq!(json.len(), value.json_len(), "{text}");
    Ok(String::from_utf8(json).unwrap())
}

#[track_caller]
fn gives(text: &str, document: &str, json: &str) {
    assert_eq!(evaluate(text, Dialect::Full, document).as_deref(), Ok(json), "{text}");
}

#[track_caller]
fn undefined(text: &str, document: &str) {
    assert_eq!(evaluate(text, Dialect::Full, document), Err(Failure::Undefined), "{text}");
}

#[track_caller]
fn throws(text: &str, document: &str, code: Code) {
    assert_eq!(thrown(text, Dialect::Full, document).code(), code, "{text}");
}

#[track_caller]
fn thrown(text: &str, dialect: Dialect, document: &str) -> Thrown {
    match evaluate(text, dialect, document) {
        Err(Failure::Thrown(thrown)) => thrown,
        other => panic!("{text:.200}: {other:?}"),
    }
}
