//! The floor under any JSON engine that reads and writes everything: simd-json's tape parse of
//! an event and the crate's own writer for the same event, all buffers reused.

use std::mem;

use anyhow::Result;
use simd_json::prelude::Writable;
use simd_json::{Buffers, INPUT_PADDING, Tape};

use crate::measure::Contestant;

/// Parses to a tape and writes the tape out again.
pub(crate) struct TapeFloor {
    input: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
}

impl TapeFloor {
    /// Returns the floor with empty buffers; they grow in the warm-up.
    pub(crate) fn new() -> Self {
        Self { input: Vec::new(), buffers: Buffers::default(), tape: Tape(Vec::new()) }
    }
}

impl Contestant for TapeFloor {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn run(&mut self, event: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.input.clear();
        self.input.extend_from_slice(event);
        self.input.resize(event.len() + INPUT_PADDING, 0);
        // Taken out for the run, since it borrows the input until it is reset.
        let mut tape = mem::replace(&mut self.tape, Tape(Vec::new()));
        simd_json::fill_tape_padded(&mut self.input, event.len(), &mut self.buffers, &mut tape)?;
        tape.as_value().write(out)?;
        self.tape = tape.reset();
        Ok(())
    }
}
