//! From the text of an expression to what can be evaluated.

use std::hint::black_box;

use anyhow::Result;
use expressway::expr::Bindings;
use expressway::expr::jsonata::{Dialect, Expression};

use super::{core, failed};
use crate::measure::Contestant;

/// A compiler on one expression; it writes the event, since there is nothing to write.
pub(crate) struct Compiling {
    name: &'static str,
    text: &'static str,
    compile: fn(&str) -> Result<()>,
}

impl Compiling {
    /// Our compiler.
    pub(crate) fn ours(name: &'static str, text: &'static str) -> Self {
        let compile = |text: &str| {
            let expression = Expression::compile(text, Dialect::Aws, &mut Bindings::default());
            black_box(expression.map_err(|error| failed(text, &format!("{error:?}")))?);
            Ok(())
        };
        Self { name, text, compile }
    }

    /// The crate's parser; its tree walker needs no more.
    pub(crate) fn core(name: &'static str, text: &'static str) -> Self {
        let compile = |text: &str| {
            black_box(core::parse(text)?);
            Ok(())
        };
        Self { name, text, compile }
    }
}

impl Contestant for Compiling {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, event: &[u8], out: &mut Vec<u8>) -> Result<()> {
        (self.compile)(black_box(self.text))?;
        out.extend_from_slice(event);
        Ok(())
    }
}
