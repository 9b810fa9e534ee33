//! `expressway demo`: the whole thing on an embedded broker.

use std::io::Write;

use super::Failure;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long events are sent, in seconds.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
}

/// Runs the demo.
pub fn run(_args: &Args, _out: &mut dyn Write) -> Result<u8, Failure> {
    Ok(0)
}
