//! Any text as a JSONata expression: a first byte for the dialect (odd is AWS's), the expression up
//! to a zero byte, and a document behind it; without one, there is none.

use std::rc::Rc;

use expressway::base::entropy::Entropy;
use expressway::expr::Bindings;
use expressway::expr::jsonata::{
    self, CompileFailure, Dialect, Expression, Failure, Refusal, Scope, Scratch, Setting, Span,
    Thrown,
};
use expressway::value::{ArenaId, Constants, Heap, Parser};

pub(crate) fn check(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let dialect = if first % 2 == 1 { Dialect::Aws } else { Dialect::Full };
    let mut parts = rest.splitn(2, |byte| *byte == 0);
    let Some(Ok(text)) = parts.next().map(std::str::from_utf8) else { return };
    run(text, dialect, parts.next());
}

fn run(text: &str, dialect: Dialect, document: Option<&[u8]>) {
    let parses = check_as_a_definition(text);
    let mut bindings = Bindings::default();
    let expression = match Expression::compile(text, dialect, &mut bindings) {
        Ok(expression) => expression,
        Err(CompileFailure::Thrown(thrown)) => {
            assert_sound(text, &thrown);
            assert!(!parses || dialect == Dialect::Full, "checked, yet refused: {thrown}");
            return;
        }
        Err(CompileFailure::TooLarge(_)) => return,
    };
    let variables = vec![None; bindings.variable_names().len()];
    let constants: Rc<Constants> = Rc::new(bindings.constants.finish());
    let mut scratch = Scratch::default();
    // The second evaluation reuses the first one's memory, and must not see what was there.
    let [first, second] = [(); 2].map(|()| {
        let mut heap = Heap::new(Rc::clone(&constants));
        let mut parser = Parser::default();
        let input = document.and_then(|text| heap.parse(ArenaId::ROOT, text, &mut parser).ok());
        let outcome = expression.evaluate(&mut Setting {
            heap: &mut heap,
            arena: ArenaId::ROOT,
            scope: Scope { input, variables: &variables, ..Scope::default() },
            parser: &mut parser,
            entropy: &mut Entropy::seeded(1),
            scratch: &mut scratch,
            wall_ms: 1_700_000_000_000,
        });
        outcome.map(|value| {
            let text = heap.to_json(value);
            assert_eq!(text.len(), value.json_len());
            // serde_json goes no deeper than 128 levels, we do.
            let json = serde_json::from_slice::<serde_json::Value>(&text);
            assert!(json.is_ok() || is_deep(&text), "no JSON: {}", String::from_utf8_lossy(&text));
            text
        })
    });
    assert_eq!(first, second);
    if let Err(Failure::Thrown(thrown)) = first {
        assert_sound(text, &thrown);
    }
}

/// Whether the expression parses, by the check that a definition's expressions go through.
fn check_as_a_definition(text: &str) -> bool {
    match jsonata::check(text) {
        Ok(references) => {
            for (_, span) in references.variables.iter().chain(&references.states) {
                assert_inside(text, *span);
            }
            true
        }
        Err(Refusal::Syntax(thrown)) => {
            assert_sound(text, &thrown);
            false
        }
        Err(Refusal::Unsupported(all)) => {
            for one in &all {
                assert_inside(text, one.span);
            }
            true
        }
    }
}

/// An error has its place in the text, and no hole in its own.
fn assert_sound(text: &str, thrown: &Thrown) {
    if let Some(span) = thrown.span() {
        assert_inside(text, span);
    }
    let _ = thrown.to_string();
}

fn assert_inside(text: &str, span: Span) {
    let (start, end) = (span.start as usize, span.end as usize);
    assert!(text.get(start..end).is_some(), "{start}..{end} is no part of {text:?}");
}

fn is_deep(text: &[u8]) -> bool {
    text.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() > 100
}
