//! How often does an execution ask the allocator for memory?
//!
//! Only in builds that count: `cargo bench --bench suite --features count-allocations`. The count is
//! that of a whole run, what the bench itself needs to hand over events and answers included.

use std::io::Write;

use anyhow::{Context, Result};
use expressway::cli::allocations::count;

use crate::engine::{Engine, read};
use crate::measure::Contestant;

/// Counts for every workload that the engine runs, and prints the table.
pub(crate) fn run(names: &[&'static str], out: &mut impl Write) -> Result<()> {
    writeln!(out, "allocations per execution, after warm-up")?;
    for name in names {
        let event = read(name, "input")?.trim_ascii().to_vec();
        let mut engine = Engine::new(name)?;
        let mut output = Vec::new();
        for _ in 0..WARM_UP {
            engine.run(&event, &mut output)?;
        }
        let before = count().context("this build does not count allocations")?;
        for _ in 0..MEASURED {
            engine.run(&event, &mut output)?;
        }
        let counted = count().unwrap_or(before) - before;
        let executions = MEASURED * engine.runs_per_call();
        writeln!(out, "  {name:<14} {:>9.3}", counted as f64 / executions as f64)?;
    }
    Ok(())
}

const WARM_UP: u64 = 20;
const MEASURED: u64 = 100;
