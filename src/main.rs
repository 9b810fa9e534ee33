//! The `expressway` binary: parses arguments and hands over to `expressway::cli`.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use expressway::app::logging;
use expressway::cli::{self, Failure};
use expressway::config;

#[cfg(feature = "count-allocations")]
#[global_allocator]
static ALLOCATOR: cli::allocations::Counting = cli::allocations::Counting;
#[cfg(not(feature = "count-allocations"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// AWS Step Functions Express workflows on your own machines: events in from Kafka, results and
/// bills out.
#[derive(Debug, Parser)]
#[command(
    name = "expressway",
    version,
    long_version = cli::version::long(),
    arg_required_else_help = true,
    after_help = "Start here:\n  expressway demo\n  expressway validate my-workflow.asl.json\n  expressway run --config config/expressway.toml"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service on Kafka, or over a file of JSON lines.
    Run(cli::run::Args),
    /// Show the whole thing on an embedded broker: about 20 seconds, nothing to set up.
    Demo(cli::demo::Args),
    /// Report every problem of definitions at once.
    Validate(cli::validate::Args),
    /// Explain the code of a diagnostic.
    Explain(cli::explain::Args),
    /// Run one execution here and now.
    Exec(cli::exec::Args),
    /// Try an expression, JSONata or JSONPath, on a document.
    Eval(cli::eval::Args),
    /// Run workflow tests: case files, on a virtual clock.
    Test(cli::test::Args),
    /// Make an invoice of billing records, from files or topics.
    Bill(cli::bill::Args),
    /// Measure the engine alone, without Kafka.
    Bench(cli::bench::Args),
    /// Print the bytecode of a definition with source places.
    Disasm(cli::disasm::Args),
    /// Check, show or make a configuration.
    Config(cli::config::Args),
    /// Print completions for a shell.
    #[command(
        after_help = "Example:\n  expressway completions bash > /etc/bash_completion.d/expressway"
    )]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Copy records from topic to topic with no work: the yardstick of the Kafka path.
    #[command(hide = true)]
    Relay(cli::relay::RelayArgs),
    /// Serve the embedded broker to other processes, for benches.
    #[command(hide = true)]
    Broker(cli::broker::Args),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (code, last_words) = match run(&arguments.command) {
        Ok(code) => (code, String::new()),
        // Whoever reads us has read enough: `expressway config schema | head` is no failure.
        Err(failure) if failure.broken_pipe => (cli::OK, String::new()),
        Err(failure) => (failure.code, failure.text),
    };
    logging::end(&last_words);
    ExitCode::from(code)
}

fn run(command: &Command) -> Result<u8, Failure> {
    let mut out = std::io::stdout();
    let mut err = std::io::stderr();
    match command {
        Command::Run(args) => return cli::run::run(args),
        Command::Demo(args) => return cli::demo::run(args, &mut out),
        Command::Validate(args) => return Ok(cli::validate::run(args, &mut out, &mut err)?),
        Command::Explain(args) => return Ok(cli::explain::run(args, &mut out, &mut err)?),
        Command::Config(args) => {
            let environment = config::process_environment();
            return Ok(cli::config::run(args, environment, &mut out, &mut err)?);
        }
        Command::Exec(args) => cli::exec::run(args, &mut out, &mut err)?,
        Command::Eval(args) => return cli::eval::run(args, &mut out, &mut err),
        Command::Test(args) => return cli::test::run(args, &mut out),
        Command::Bill(args) => return cli::bill::run(args, &mut out, &mut err),
        Command::Bench(args) => cli::bench::run(args, &mut out, &mut err)?,
        Command::Disasm(args) => cli::disasm::run(args, &mut out, &mut err)?,
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Arguments::command(), "expressway", &mut out);
        }
        Command::Broker(args) => cli::broker::run(args, &mut std::io::stdin().lock(), &mut out)?,
        Command::Relay(args) => {
            cli::relay::run(args, &mut out).map_err(|error| Failure::new(cli::INTERNAL, error))?;
        }
    }
    Ok(cli::OK)
}
