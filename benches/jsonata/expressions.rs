//! One expression over a document that is parsed already. Only the last result of a call is
//! written, so that writing it is no part of the figure to speak of.

use std::rc::Rc;

use anyhow::{Result, anyhow};
use expressway::base::entropy::Entropy;
use expressway::expr::Bindings;
use expressway::expr::jsonata::{Dialect, Expression, Scope, Scratch, Setting};
use expressway::value::{ArenaId, Heap, Parser, Value};
use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::Evaluator;
use jsonata_core::value::JValue;

use super::{core, failed};
use crate::measure::Contestant;

/// Our engine.
pub(crate) struct Ours {
    expression: Expression,
    heap: Heap,
    document: Value,
    parser: Parser,
    entropy: Entropy,
    scratch: Scratch,
}

impl Ours {
    pub(crate) fn new(text: &str, document: &[u8]) -> Result<Self> {
        let mut bindings = Bindings::default();
        let expression = Expression::compile(text, Dialect::Aws, &mut bindings)
            .map_err(|error| failed(text, &format!("{error:?}")))?;
        let mut heap = Heap::new(Rc::new(bindings.constants.finish()));
        let mut parser = Parser::default();
        let document = heap.parse(ArenaId::ROOT, document, &mut parser)?;
        let (entropy, scratch) = (Entropy::seeded(0), Scratch::default());
        Ok(Self { expression, heap, document, parser, entropy, scratch })
    }
}

impl Contestant for Ours {
    fn name(&self) -> &'static str {
        "engine"
    }

    fn runs_per_call(&self) -> u64 {
        RUNS_PER_CALL
    }

    fn run(&mut self, _: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let Self { expression, heap, document, parser, entropy, scratch } = self;
        let scope = Scope { input: Some(*document), ..Scope::default() };
        in_batches(heap, out, |heap, arena| {
            let setting = &mut Setting {
                heap,
                arena,
                scope,
                parser: &mut *parser,
                entropy: &mut *entropy,
                scratch: &mut *scratch,
                wall_ms: 0,
            };
            expression.evaluate(setting).map_err(|failure| anyhow!("{failure:?}"))
        })
    }
}

/// Runs `work` so often, the results of a batch in an arena of their own, and writes the last one.
pub(super) fn in_batches(
    heap: &mut Heap,
    out: &mut Vec<u8>,
    mut work: impl FnMut(&mut Heap, ArenaId) -> Result<Value>,
) -> Result<()> {
    for batch in 0..RUNS_PER_CALL / RUNS_PER_ARENA {
        let arena = heap.open_arena()?;
        let mut last = Value::NULL;
        for _ in 0..RUNS_PER_ARENA {
            last = std::hint::black_box(work(heap, arena)?);
        }
        if batch == 0 {
            heap.write(last, out);
        }
        heap.close_arena(arena);
    }
    Ok(())
}

/// The crate, with `$states` bound.
pub(crate) struct Core {
    expression: AstNode,
    evaluator: Evaluator,
}

impl Core {
    pub(crate) fn new(text: &str, document: &[u8]) -> Result<Self> {
        let states = core::states(core::document(document)?);
        let evaluator = core::evaluator([("states", &states)]);
        Ok(Self { expression: core::parse(text)?, evaluator })
    }
}

impl Contestant for Core {
    fn name(&self) -> &'static str {
        "jsonata-core"
    }

    fn runs_per_call(&self) -> u64 {
        RUNS_PER_CALL
    }

    fn run(&mut self, _: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut last = JValue::Undefined;
        for _ in 0..RUNS_PER_CALL {
            last = core::evaluate(&mut self.evaluator, &self.expression)?;
        }
        serde_json::to_writer(out, &last)?;
        Ok(())
    }
}

/// So many that writing one result costs none of them a nanosecond or two.
pub(super) const RUNS_PER_CALL: u64 = 512;
/// So few that their results fit an arena whose memory is kept.
const RUNS_PER_ARENA: u64 = 32;
