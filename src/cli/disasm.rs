//! `expressway disasm`: the bytecode of a definition, with source places.

use std::io::Write;
use std::path::PathBuf;

use super::{Failure, compile_file};
use crate::registry::Definition;

/// Arguments of `disasm`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  expressway disasm config/state-machines/pass-choice.asl.json\n\nExit codes: 0 fine, 2 the file cannot be read, 3 the definition is refused."
)]
pub struct Args {
    /// The definition, ASL as JSON.
    pub file: PathBuf,
}

/// Prints the listing.
///
/// # Errors
/// [`Failure`] when the definition cannot be read or compiled.
pub fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let image = compile_file(&args.file, true, Definition::compile, err)?;
    let file = args.file.file_name().unwrap_or_default().to_string_lossy();
    out.write_all(image.disassemble(&file).as_bytes())?;
    Ok(())
}
