//! The command line: arguments in, exit codes out. Data goes to stdout, talk to stderr.

pub mod allocations;
pub mod bench;
pub mod bill;
pub mod broker;
pub mod config;
pub mod demo;
pub mod disasm;
mod document;
pub mod eval;
pub mod exec;
pub mod explain;
pub mod relay;
pub mod run;
mod same_file;
pub mod test;
mod trace;
pub mod validate;
pub mod version;

use std::io::Write;
use std::path::Path;

use crate::program::{Image, World};
use crate::registry::{Compiled, Definition};

/// Exit code: the command did what it was asked.
pub const OK: u8 = 0;
/// Exit code: a check failed.
pub const CHECK_FAILED: u8 = 1;
/// Exit code: the arguments are wrong, or a file they name cannot be read.
pub const USAGE: u8 = 2;
/// Exit code: the configuration or a definition is bad.
pub const BAD_CONFIGURATION: u8 = 3;
/// Exit code: Kafka cannot be reached at the start.
pub const KAFKA_UNREACHABLE: u8 = 4;
/// Exit code: a fault of ours, or of a system call that has to work.
pub const INTERNAL: u8 = 70;

/// A command that cannot go on: what to tell, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// Exit code.
    pub code: u8,
    /// Text for stderr, with its line break.
    pub text: String,
    /// Stdout was closed by whoever read it.
    pub broken_pipe: bool,
}

impl Failure {
    /// A failure with one line of text.
    pub fn new(code: u8, text: impl std::fmt::Display) -> Self {
        Self::rendered(code, format!("error: {text}\n"))
    }

    /// A failure whose text stands already.
    pub fn rendered(code: u8, text: String) -> Self {
        Self { code, text, broken_pipe: false }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let broken_pipe = error.kind() == std::io::ErrorKind::BrokenPipe;
        Self { broken_pipe, ..Self::new(INTERNAL, error) }
    }
}

/// Reads and compiles a definition as an Express machine named after its file; `compile` says
/// whether its tasks will be called or mocked. What is hardly meant in it is said on `err`.
fn compile_file(
    path: &Path,
    distributed: bool,
    compile: fn(&Definition, World, bool) -> Result<Compiled, crate::registry::Error>,
    err: &mut dyn Write,
) -> Result<Image, Failure> {
    let refused = |error: crate::registry::Error| {
        let code = match error {
            crate::registry::Error::Read { .. } => USAGE,
            _ => BAD_CONFIGURATION,
        };
        Failure::rendered(code, error.render())
    };
    let definition = Definition::read(path).map_err(refused)?;
    let name = definition.machine_name();
    let world = World::express(REGION, ACCOUNT, &name, ROLE);
    let Compiled { image, warnings } = compile(&definition, world, distributed).map_err(refused)?;
    // Who does not listen on stderr still wants what was asked for.
    let _ = err.write_all(definition.render(&warnings).as_bytes());
    Ok(image)
}

/// Reads a file, or stdin for `-`.
fn read_input(path: &Path) -> Result<Vec<u8>, Failure> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(path)
        .map_err(|error| Failure::new(USAGE, format!("cannot read {}: {error}", path.display())))
}

/// Writes a JSON document and a line break.
fn write_json(out: &mut dyn Write, document: &serde_json::Value) -> Result<(), Failure> {
    writeln!(out, "{document}")?;
    Ok(())
}

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "123456789012";
const ROLE: &str = "arn:aws:iam::123456789012:role/expressway";
