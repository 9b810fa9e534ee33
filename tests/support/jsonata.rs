//! One expression over one document, through the engine's public door: what the tests of JSONata
//! share. Documents and results are JSON text, so that other engines can be held beside it.

#![allow(dead_code, reason = "each test binary uses the part it needs")]

use std::rc::Rc;

use expressway::base::entropy::Entropy;
use expressway::expr::Bindings;
use expressway::expr::jsonata::{
    CompileFailure, Dialect, Expression, Failure, Scope, Scratch, Setting, Thrown,
};
use expressway::value::{ArenaId, Constants, Heap, Parser, Value};

/// What came of an expression.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// JSON text.
    Value(String),
    Undefined,
    /// A function, which JSON cannot hold.
    Function,
    Thrown(Thrown),
    /// Its constants or variables do not fit.
    TooLarge,
}

impl Outcome {
    /// The error's code, such as `T2001`.
    pub(crate) fn code(&self) -> Option<&'static str> {
        self.thrown().map(|thrown| thrown.code().as_str())
    }

    pub(crate) fn thrown(&self) -> Option<&Thrown> {
        match self {
            Self::Thrown(thrown) => Some(thrown),
            _ => None,
        }
    }

    pub(crate) fn is_error(&self) -> bool {
        matches!(self, Self::Function | Self::Thrown(_) | Self::TooLarge)
    }
}

impl std::fmt::Display for Outcome {
    /// Cut short where it is long.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            Self::Value(text) => text.clone(),
            Self::Undefined => "undefined".to_owned(),
            Self::Function => "a function".to_owned(),
            Self::Thrown(thrown) => thrown.to_string(),
            Self::TooLarge => "too large".to_owned(),
        };
        write!(f, "{text:.200}")
    }
}

/// Variables by name, without `$`, as JSON text.
pub(crate) type Variables<'a> = &'a [(String, String)];

/// Memory that is used again from one evaluation to the next, as a shard does.
pub(crate) struct Bench {
    heap: Heap,
    parser: Parser,
    entropy: Entropy,
    scratch: Scratch,
}

impl Default for Bench {
    fn default() -> Self {
        Self {
            heap: Heap::new(Rc::new(Constants::default())),
            parser: Parser::default(),
            entropy: Entropy::seeded(1),
            scratch: Scratch::default(),
        }
    }
}

impl Bench {
    /// Compiles `text` and evaluates it over `document` (`None`: undefined), which is `$` in the
    /// full dialect and `$states.input` in AWS's.
    ///
    /// # Panics
    /// Panics when the document or a variable is no JSON.
    pub(crate) fn run(
        &mut self,
        text: &str,
        dialect: Dialect,
        document: Option<&str>,
        variables: Variables<'_>,
    ) -> Outcome {
        let mut bindings = Bindings::default();
        for (name, _) in variables {
            bindings.variable(name).expect("few variables");
        }
        let expression = match Expression::compile(text, dialect, &mut bindings) {
            Ok(expression) => expression,
            Err(CompileFailure::Thrown(thrown)) => return Outcome::Thrown(thrown),
            Err(CompileFailure::TooLarge(_)) => return Outcome::TooLarge,
        };
        let slots = bindings.variable_names().len();
        self.heap.reset(&Rc::new(bindings.constants.finish()));
        let input = document.map(|text| self.parse(text));
        let mut bound: Vec<_> = variables.iter().map(|(_, text)| Some(self.parse(text))).collect();
        bound.resize(slots, None);
        let outcome = expression.evaluate(&mut Setting {
            heap: &mut self.heap,
            arena: ArenaId::ROOT,
            scope: Scope { input, variables: &bound, ..Scope::default() },
            parser: &mut self.parser,
            entropy: &mut self.entropy,
            scratch: &mut self.scratch,
            wall_ms: NOW_MS,
        });
        match outcome {
            Ok(value) => {
                let text = self.heap.to_json(value);
                Outcome::Value(String::from_utf8(text).expect("JSON is UTF-8"))
            }
            Err(Failure::Undefined) => Outcome::Undefined,
            Err(Failure::Unsupported) => Outcome::Function,
            Err(Failure::Thrown(thrown)) => Outcome::Thrown(thrown),
        }
    }

    fn parse(&mut self, text: &str) -> Value {
        self.heap
            .parse(ArenaId::ROOT, text.as_bytes(), &mut self.parser)
            .unwrap_or_else(|error| panic!("{error}: {text:.200}"))
    }
}

/// A fixed time, in November 2023.
const NOW_MS: i64 = 1_700_000_000_000;
