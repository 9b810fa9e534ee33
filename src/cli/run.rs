//! `expressway run`: the service on Kafka, or one run over a file of JSON lines.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use clap::ArgGroup;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::same_file::named_twice;
use super::{BAD_CONFIGURATION, CHECK_FAILED, Failure, INTERNAL, KAFKA_UNREACHABLE, OK, USAGE};
use crate::app::{self, LANE_BATCHES, Machines, Service, Shards, logging};
use crate::base::ids::{MachineIdx, PipelineIdx};
use crate::config::{self, BillingMode, BillingPer, LogLevel, Logging, Otlp, Pipeline, Settings};
use crate::ingest::{self, FileOptions, FileOutputs, run_file};
use crate::registry::Definition;
use crate::shard::outbox::lane;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  expressway run --config config/expressway.toml
  expressway run --definition config/state-machines/pass-choice.asl.json --input events.ndjson
  tail -f events.ndjson | expressway run --config my.toml --pipeline orders --input -

On SIGTERM or Ctrl-C: intake stops, executions may end within drain_timeout, the rest is dropped
uncommitted and runs again later; then everything is flushed and committed.
Exit codes: 0 ended well (after SIGTERM too), 1 lines of the file were rejected, 2 usage,
3 bad configuration or definition, 4 Kafka unreachable at the start, 70 internal, 130 after Ctrl-C.")]
#[command(group = ArgGroup::new("what").args(["config", "definition"]).required(true))]
pub struct Args {
    /// Configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Run the events of this file (NDJSON, `-` for stdin) instead of Kafka's.
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// With --input: run this definition; needs no configuration.
    #[arg(long, value_name = "FILE", requires = "input")]
    pub definition: Option<PathBuf>,
    /// With --input: the pipeline to run; by default the only one.
    #[arg(long, value_name = "NAME", requires = "input")]
    pub pipeline: Option<String>,
    /// With --input: write results here instead of stdout, a line each in the order of the events.
    #[arg(long, value_name = "FILE", requires = "input")]
    pub output: Option<PathBuf>,
    /// With --input: write billing records here, a line each.
    #[arg(long, value_name = "FILE", requires = "input")]
    pub billing: Option<PathBuf>,
    /// With --input: write the histories here, an event a line; all of them with their data, unless
    /// the pipeline's logging has a level.
    #[arg(long, value_name = "FILE", requires = "input")]
    pub history: Option<PathBuf>,
}

/// Runs until told to stop, or to the end of the file; returns the exit code.
///
/// # Errors
/// [`Failure`] when the start fails or a source has to stop.
pub fn run(args: &Args) -> Result<u8, Failure> {
    let mut settings = match &args.config {
        Some(file) => load(file)?,
        None => config::parse("environment", ANY, Path::new("."), config::process_environment())
            .map_err(|problems| Failure::rendered(BAD_CONFIGURATION, problems.render() + "\n"))?,
    };
    if args.input.is_some() {
        // Each line that cannot run is told, however many there are.
        settings.log.burst = 0;
    }
    logging::start(&settings.log).map_err(|error| Failure::new(BAD_CONFIGURATION, error))?;
    match &args.input {
        Some(input) => over_file(args, settings, input),
        None => service(&settings),
    }
}

pub(super) fn load(file: &Path) -> Result<Settings, Failure> {
    super::config::read(file, config::process_environment())
        .map_err(|problems| Failure::rendered(BAD_CONFIGURATION, problems.render() + "\n"))
}

fn service(settings: &Settings) -> Result<u8, Failure> {
    if settings.pipelines.is_empty() {
        return Err(Failure::new(
            BAD_CONFIGURATION,
            "no [[pipeline]] is configured: nothing to run",
        ));
    }
    // Before the start, which may take as long as the brokers take: a signal then is not lost.
    let signals = Signals::listen()?;
    let service = Service::start(settings).map_err(failure)?;
    let code = signals.wait(|| service.has_failed());
    let report = service.stop();
    match report.error {
        Some(error) => Err(failure(error)),
        None => Ok(code),
    }
}

/// The signals that end a run.
struct Signals {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (terminate, interrupt) = {
            let _context = runtime.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
        };
        Ok(Self { runtime, terminate, interrupt })
    }

    /// Waits for a signal, or until `is_over`; returns the exit code.
    fn wait(self, is_over: impl Fn() -> bool) -> u8 {
        let Self { runtime, mut terminate, mut interrupt } = self;
        runtime.block_on(async {
            let mut watch = tokio::time::interval(WATCH_EVERY);
            loop {
                tokio::select! {
                    _ = terminate.recv() => return OK,
                    _ = interrupt.recv() => return INTERRUPTED,
                    _ = watch.tick() => if is_over() { return OK },
                }
            }
        })
    }
}

/// The settings of a run over a file, with its pipeline alone. What they ask for and such a run does
/// not do is said in one line.
fn file_settings(args: &Args, mut settings: Settings) -> Result<Settings, Failure> {
    let mut pipeline = file_pipeline(args, &settings)?;
    let left_out = left_out(args, &pipeline, &settings);
    if !left_out.is_empty() {
        tracing::warn!(
            pipeline = pipeline.name,
            keys = left_out.join(", "),
            "a run over a file does not do what these keys ask for: docs/configuration.md"
        );
    }
    // A file has no headers and no offsets to commit: a line is a whole event for one execution.
    pipeline.billing_per = BillingPer::Execution;
    pipeline.billing_mode = BillingMode::Structured;
    // Nobody could ask for them: a run over a file has no admin port. Nor is it a message that is
    // processed, which is what spans tell of.
    settings.traces.memory_bytes = 0;
    settings.traces.otlp = Otlp::default();
    let logging = &mut pipeline.logging;
    if args.history.is_none() {
        logging.level = LogLevel::Off;
    } else if logging.level == LogLevel::Off {
        *logging =
            Logging { level: LogLevel::All, include_execution_data: true, ..Logging::default() };
    }
    settings.pipelines = vec![pipeline];
    Ok(settings)
}

/// Keys that change what a service writes and not what a run over a file does. Topics, the group and
/// the admin port are not among them: a file stands in for them.
fn left_out(args: &Args, pipeline: &Pipeline, settings: &Settings) -> Vec<&'static str> {
    let bills = args.billing.is_some();
    let keys = [
        (bills && pipeline.billing_per != BillingPer::Execution, "billing_per"),
        (bills && pipeline.billing_mode != BillingMode::Structured, "billing_mode"),
        (args.history.is_none() && pipeline.logging.level != LogLevel::Off, "logging.level"),
        (settings.traces.otlp.is_on(), "traces.otlp.endpoint"),
    ];
    keys.into_iter().filter_map(|(is_asked, key)| is_asked.then_some(key)).collect()
}

fn over_file(args: &Args, settings: Settings, input: &Path) -> Result<u8, Failure> {
    let settings = file_settings(args, settings)?;
    let pipeline = &settings.pipelines[0];
    keep_apart(args, pipeline, input)?;
    let machines = Machines::load(&settings).map_err(failure)?;
    logging::say(&machines.warnings().render());
    let (sender, receiver) = lane(LANE_BATCHES);
    let shards = Shards::start(&settings, &machines, &[sender]).map_err(failure)?;
    let options = FileOptions {
        pipeline: PipelineIdx(0),
        pipeline_name: pipeline.name.clone(),
        machine: MachineIdx(0),
        machine_arn: settings.machine_arn(&pipeline.state_machine),
        file_name: input.as_os_str().as_encoded_bytes().to_vec(),
        lane: 0,
        inflight_per_shard: INFLIGHT_PER_SHARD,
    };
    let reader: Box<dyn Read + Send> =
        if input == Path::new("-") { Box::new(std::io::stdin()) } else { Box::new(open(input)?) };
    let mut results: Box<dyn Write> = match &args.output {
        Some(file) => Box::new(BufWriter::new(create(file)?)),
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    let mut billing = args.billing.as_deref().map(create).transpose()?.map(BufWriter::new);
    let mut history = args.history.as_deref().map(create).transpose()?.map(BufWriter::new);
    let outputs = FileOutputs {
        results: &mut results,
        billing: billing.as_mut().map(|billing| billing as &mut dyn Write),
        history: history.as_mut().map(|history| history as &mut dyn Write),
    };
    let code = Arc::new(AtomicU8::new(OK));
    let stop = stop_on_signal(&code)?;
    let mut on_rejected = |line: u64, class: &str, cause: &str| {
        tracing::warn!(line = line + 1, class, cause, "line cannot run");
    };
    let ran =
        run_file(&options, shards.ports(), &receiver, reader, outputs, &stop, &mut on_rejected);
    let dropped = shards.abandon();
    let report = ran.map_err(|error| Failure::new(INTERNAL, error))?;
    results.flush()?;
    if let Some(billing) = &mut billing {
        billing.flush()?;
    }
    tracing::info!(
        succeeded = report.succeeded,
        failed = report.failed,
        rejected = report.rejected,
        skipped = report.skipped,
        dropped,
        events_left_out = report.events_left_out,
        "file has ended"
    );
    match code.load(Ordering::SeqCst) {
        OK if report.rejected > 0 => Ok(CHECK_FAILED),
        code => Ok(code),
    }
}

/// The pipeline that a file runs through: the one named, the only one, or one made of `--definition`.
fn file_pipeline(args: &Args, settings: &Settings) -> Result<Pipeline, Failure> {
    if let Some(definition) = &args.definition {
        let name = Definition { path: definition.clone(), text: String::new() }.machine_name();
        return Ok(Pipeline::for_file(definition.clone(), &name, &settings.aws.role));
    }
    let names: Vec<&str> = settings.pipelines.iter().map(|one| one.name.as_str()).collect();
    let found = match &args.pipeline {
        Some(name) => settings.pipelines.iter().find(|one| one.name == *name),
        None if names.len() == 1 => settings.pipelines.first(),
        None => None,
    };
    found.cloned().ok_or_else(|| {
        let known = names.join(", ");
        let what = match &args.pipeline {
            Some(name) => format!("no pipeline is named `{name}`; there are: {known}"),
            None => format!("name the pipeline with --pipeline, one of: {known}"),
        };
        Failure::new(USAGE, what)
    })
}

/// A flag that the first SIGTERM or Ctrl-C sets, with the exit code in `code`.
pub(super) fn stop_on_signal(code: &Arc<AtomicU8>) -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let (flag, code) = (Arc::clone(&stop), Arc::clone(code));
    let signals = Signals::listen()?;
    // Ends with the process: it only waits.
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        code.store(signals.wait(|| false), Ordering::SeqCst);
        flag.store(true, Ordering::SeqCst);
    })?;
    Ok(stop)
}

/// Refuses to write over what is read, or two outputs into one file.
fn keep_apart(args: &Args, pipeline: &Pipeline, input: &Path) -> Result<(), Failure> {
    let mut inputs = vec![("the definition", &*pipeline.definition)];
    if input != Path::new("-") {
        inputs.push(("--input", input));
    }
    inputs.extend(args.config.as_deref().map(|file| ("--config", file)));
    let outputs =
        [("--output", &args.output), ("--billing", &args.billing), ("--history", &args.history)];
    let outputs: Vec<_> =
        outputs.iter().filter_map(|(name, file)| Some((*name, file.as_deref()?))).collect();
    match named_twice(&inputs, &outputs) {
        None => Ok(()),
        Some((one, other)) => Err(Failure::new(
            USAGE,
            format!("{other} would overwrite {one}: both are the same file"),
        )),
    }
}

fn open(file: &Path) -> Result<File, Failure> {
    File::open(file)
        .map_err(|error| Failure::new(USAGE, format!("cannot read {}: {error}", file.display())))
}

fn create(file: &Path) -> Result<File, Failure> {
    File::create(file)
        .map_err(|error| Failure::new(USAGE, format!("cannot write {}: {error}", file.display())))
}

/// An error of the service as text and exit code.
pub(super) fn failure(error: app::Error) -> Failure {
    match &error {
        app::Error::Definition(definition) => {
            Failure::rendered(BAD_CONFIGURATION, definition.render())
        }
        app::Error::TwoMachinesOneName { .. }
        | app::Error::Settings(_)
        | app::Error::NoSuchTopics { .. }
        | app::Error::Admin { .. } => Failure::new(BAD_CONFIGURATION, error),
        app::Error::Source { source, .. } => Failure::new(source_code(source), error),
        app::Error::ShardGone | app::Error::Thread(_) => Failure::new(INTERNAL, error),
    }
}

pub(super) fn source_code(error: &ingest::Error) -> u8 {
    match error {
        ingest::Error::Unreachable { .. } => KAFKA_UNREACHABLE,
        ingest::Error::NoSuchTopics { .. }
        | ingest::Error::Settings(_)
        | ingest::Error::GroupProtocolTooOld => BAD_CONFIGURATION,
        _ => INTERNAL,
    }
}

/// A configuration that is complete: a run over a file replaces its pipeline by its own.
const ANY: &str = r#"
[[pipeline]]
name = "file"
topics = ["file"]
definition = "file.asl.json"
result_topic = "file.results"
billing_topic = "file.billing"
dead_letter_topic = "file.dead-letters"
"#;
const INTERRUPTED: u8 = 130;
const WATCH_EVERY: Duration = Duration::from_millis(100);
const INFLIGHT_PER_SHARD: u32 = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a command line that cannot be carried out.
    fn refused(flags: &[&str]) -> String {
        use clap::Args as _;
        let command = Args::augment_args(clap::Command::new("run"));
        let line = [&["run"], flags].concat();
        command.try_get_matches_from(line).expect_err("it is refused").to_string()
    }

    #[test]
    fn what_to_run_is_a_configuration_or_a_definition() {
        for flags in [&[][..], &["--input", "events.ndjson"]] {
            let said = refused(flags);
            assert!(said.contains("  <--config <FILE>|--definition <FILE>>\n"), "{said}");
        }
        let both = refused(&["--config", "c", "--definition", "d", "--input", "i"]);
        assert!(both.contains("--definition <FILE>") && both.contains("cannot be used"), "{both}");
        let without_events = refused(&["--definition", "d"]);
        assert!(without_events.contains("  --input <FILE>\n"), "{without_events}");
    }
}
