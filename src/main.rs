//! The `expressway` binary: parses arguments and hands over to `expressway::cli`.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use expressway::cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// AWS Step Functions Express workflows on your own machines.
#[derive(Debug, Parser)]
#[command(name = "expressway", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure the engine alone, without Kafka.
    Bench(cli::bench::Args),
    /// Print the bytecode of a definition with source places.
    Disasm(cli::disasm::Args),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    let result = match &arguments.command {
        Command::Bench(args) => cli::bench::run(args, &mut out),
        Command::Disasm(args) => cli::disasm::run(args, &mut out),
    };
    match result {
        Ok(()) => ExitCode::from(cli::OK),
        Err(failure) => {
            // Nothing is left to tell when stderr itself is gone.
            let _ = std::io::stderr().lock().write_all(failure.text.as_bytes());
            ExitCode::from(failure.code)
        }
    }
}
