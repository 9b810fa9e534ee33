//! `expressway bill`: billing records in, an invoice out.

mod options;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgGroup;
use jiff::Timestamp;

use super::{BAD_CONFIGURATION, CHECK_FAILED, Failure, INTERNAL, OK, USAGE};
use crate::billing::print::{Report, SETTLED_AFTER_MS, Whose, write_lago, write_openmeter};
use crate::billing::{
    Budget, Closed, Grain, Ledger, LedgerError, NoPrices, Period, Row, Statement, statements,
};
use crate::config::Settings;
use crate::outcome::{PriceError, PriceTable};
use source::Intake;

/// Arguments of `bill`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  expressway bill --topic orders.billing --brokers 127.0.0.1:9092 --period last-month
  expressway bill bills.ndjson --tag team --json
  expressway bill --config expressway.toml --period 2026-11 --format focus > costs.csv
  expressway bill --config expressway.toml --period yesterday --format openmeter |
    while read -r body; do
      curl -sf $URL/api/v1/events -H 'content-type: application/cloudevents-batch+json' -d \"$body\"
    done

Each execution is billed once, however often its record is there. Let it read more than the period:
the first record of an execution that ran again may lie before it. More: docs/billing.md.

Exit codes: 0 fine, 1 records were left out because they are not sound, or nobody read the events to
their end, 2 usage, 3 bad configuration or no prices for a region, 4 Kafka unreachable, 70 internal.")]
#[command(group = ArgGroup::new("from").args(["files", "topics", "config"]).required(true).multiple(true))]
pub struct Args {
    /// Files of billing records, one CloudEvent in JSON a line; `-` for stdin.
    pub files: Vec<PathBuf>,
    /// Read this topic, from its beginning to the end that it has now; repeatable.
    #[arg(long = "topic", value_name = "TOPIC")]
    pub topics: Vec<String>,
    /// Where to find the cluster, `host:port,…`.
    #[arg(long, requires = "topics")]
    pub brokers: Option<String>,
    /// Configuration of the service: brokers, client settings and price file; without --topic the
    /// billing topics of all its pipelines.
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    pub config: Option<PathBuf>,
    /// Further librdkafka setting of the client, such as `security.protocol=SASL_SSL`; repeatable.
    /// Only with topics, as --timeout.
    #[arg(long = "client", value_name = "KEY=VALUE", value_parser = setting)]
    pub client: Vec<(String, String)>,
    /// How long to wait for brokers that say nothing; by default 15 seconds.
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// What to bill, in UTC: `2026`, `2026-11`, `2026-11-29`, `this-month`, `last-month`, `today`,
    /// `yesterday`, or `FROM/TO` without TO itself, both days or instants (`2026-11-29T06:00:00Z`).
    /// All there is by default.
    #[arg(long)]
    pub period: Option<String>,
    /// Give each value of this tag lines of its own; repeatable. All tags there are by default, and
    /// always in focus and events.
    #[arg(long = "tag", value_name = "KEY")]
    pub tags: Vec<String>,
    /// One line per state machine, whatever its tags.
    #[arg(long, conflicts_with = "tags")]
    pub no_tags: bool,
    /// Size of the pieces of time; by default months, days for focus, minutes for events.
    #[arg(long, value_enum)]
    pub every: Option<Grain>,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Price file, as config/prices.toml; by default the prices that come along. Not for events.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Price all usage as if it were in this region. Not for events.
    #[arg(long, value_name = "REGION")]
    pub price_region: Option<String>,
    /// In events (openmeter, lago) only: the tag whose value is the customer (OpenMeter's subject, Lago's external
    /// subscription id); by default the account.
    #[arg(long, value_name = "KEY")]
    pub customer_tag: Option<String>,
    /// Memory for finding repetitions; more goes to a temporary file, 32 bytes a record.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub memory: u32,
    /// Folder of the temporary file; by default the system's.
    #[arg(long, value_name = "FOLDER")]
    pub temp_dir: Option<PathBuf>,
}

/// Form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON document.
    Json,
    /// CSV, one line per state machine.
    Csv,
    /// CSV in the columns of FOCUS 1.2.
    Focus,
    /// Bodies of requests to OpenMeter, one a line.
    Openmeter,
    /// Bodies of requests to Lago, one a line.
    Lago,
}

impl Format {
    fn default_grain(self) -> Grain {
        match self {
            Self::Table | Self::Json | Self::Csv => Grain::Month,
            Self::Focus => Grain::Day,
            Self::Openmeter | Self::Lago => Grain::Minute,
        }
    }

    /// Whether events are written, which hold usage and no money, and are added up by others.
    fn is_events(self) -> bool {
        matches!(self, Self::Openmeter | Self::Lago)
    }
}

/// Bills; returns the exit code.
///
/// # Errors
/// [`Failure`] when something cannot be read, a region has no prices, or `out` cannot be written.
pub fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8, Failure> {
    let now = Timestamp::now();
    let format = if args.json { Format::Json } else { args.format };
    options::check(args, format)?;
    let grain = args.every.unwrap_or(format.default_grain());
    let period = args.period.as_deref().map(|text| Period::parse(text, now)).transpose();
    let period = period.map_err(|message| Failure::new(USAGE, format!("--period {message}")))?;
    if let Some(period) = period.filter(|_| format.is_events()) {
        check_whole(period, grain)?;
    }
    let settings = args.config.as_deref().map(super::run::load).transpose()?;
    // Before anything is read, which may take long.
    let table = if format.is_events() { None } else { Some(prices(args, settings.as_ref())?) };
    let folder = args.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
    let budget = Budget { memory_bytes: args.memory as usize * 1_048_576, folder };
    let mut intake = Intake::new(Ledger::new(period, grain, budget), err);
    for file in &args.files {
        intake.read_file(file)?;
    }
    let topics = topics(args, settings.as_ref())?;
    if !topics.names.is_empty() {
        intake.read_topics(&topics)?;
    }
    let (refused, foreign) = (intake.refused, intake.foreign);
    let Closed { rows, counts } = intake.close()?;
    if let Some(table) = table {
        let no_prices = |error: NoPrices| Failure::new(BAD_CONFIGURATION, error);
        let statements =
            statements(rows, &table, args.price_region.as_deref()).map_err(no_prices)?;
        let tag_keys = tag_keys(args, &statements);
        let currency = table.currency;
        let report =
            Report { period, grain, currency, statements, counts, refused, foreign, tag_keys };
        write(&report, format, out).map_err(unwritten)?;
    } else {
        write_events(&rows, format, args, now.as_millisecond(), out, err)?;
    }
    Ok(if refused > 0 { CHECK_FAILED } else { OK })
}

/// The tags asked for, or all that occur.
fn tag_keys(args: &Args, statements: &[Statement]) -> Vec<String> {
    if args.no_tags || !args.tags.is_empty() {
        return args.tags.clone();
    }
    let charges = statements.iter().flat_map(|statement| &statement.charges);
    let keys: BTreeSet<&String> = charges.flat_map(|charge| charge.key.tags.keys()).collect();
    keys.into_iter().cloned().collect()
}

fn write(report: &Report, format: Format, out: &mut dyn Write) -> std::io::Result<()> {
    match format {
        Format::Json => report.write_json(out)?,
        Format::Csv => report.write_csv(out)?,
        Format::Focus => report.write_focus(out)?,
        // Events do not come here.
        Format::Table | Format::Openmeter | Format::Lago => report.write_table(out)?,
    }
    out.flush()
}

fn write_events(
    rows: &[Row],
    format: Format,
    args: &Args,
    now_ms: i64,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let whose = Whose { tag: args.customer_tag.clone() };
    let write = if format == Format::Lago { write_lago } else { write_openmeter };
    let open = write(rows, &whose, now_ms, out).and_then(|open| out.flush().map(|()| open));
    let open = open.map_err(|error| {
        let failure = unwritten(error);
        if !failure.broken_pipe {
            return failure;
        }
        // Unlike a table in a pager, what was not read here is missing in somebody's books.
        let what = "stdout was closed before all events were written; run again, what was sent counts once";
        Failure::new(CHECK_FAILED, what)
    })?;
    if open > 0 {
        writeln!(
            err,
            "bill: left out because their time was not over {} minutes ago, so run again later: {open} sums",
            SETTLED_AFTER_MS / 60_000
        )?;
    }
    Ok(())
}

/// Stdout takes no more; says what it was.
fn unwritten(error: std::io::Error) -> Failure {
    let text = format!("cannot write the bill to stdout: {error}");
    let Failure { code, broken_pipe, .. } = Failure::from(error);
    Failure { broken_pipe, ..Failure::new(code, text) }
}

/// A sum of half a minute would have the id of the whole one.
fn check_whole(period: Period, grain: Grain) -> Result<(), Failure> {
    let is_edge = |at_ms: i64| grain.piece_of(at_ms).from_ms == at_ms;
    if is_edge(period.from_ms) && is_edge(period.to_ms) {
        return Ok(());
    }
    Err(Failure::new(
        USAGE,
        "--period must begin and end where a piece of time (--every) does: parts of one would have the id of the whole",
    ))
}

fn prices(args: &Args, settings: Option<&Settings>) -> Result<PriceTable, Failure> {
    let configured = settings.map(|settings| settings.aws.prices.clone());
    let file = args.prices.clone().or(configured).unwrap_or_default();
    PriceTable::load(&file).map_err(|error| match error {
        PriceError::Read { .. } => Failure::new(USAGE, error),
        _ => Failure::new(BAD_CONFIGURATION, error),
    })
}

/// Which topics to read, and how to reach them.
#[derive(Debug, Default)]
struct Topics {
    names: Vec<String>,
    brokers: String,
    client: BTreeMap<String, String>,
    timeout: Duration,
    /// Which flags have said so, and not the configuration: messages name what to correct.
    flags: Flags,
}

/// See [`Topics::flags`].
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    topic: bool,
    brokers: bool,
    client: bool,
}

fn topics(args: &Args, settings: Option<&Settings>) -> Result<Topics, Failure> {
    let mut topics = Topics { names: args.topics.clone(), ..Topics::default() };
    topics.timeout = Duration::from_secs(args.timeout.unwrap_or(TIMEOUT_S).max(1));
    topics.flags = Flags {
        topic: !args.topics.is_empty(),
        brokers: args.brokers.is_some(),
        client: !args.client.is_empty(),
    };
    if let Some(settings) = settings {
        if topics.names.is_empty() {
            topics.names = settings.pipelines.iter().map(|one| one.billing_topic.clone()).collect();
        }
        let [client, consumer, _] = settings.kafka.properties();
        topics.client.extend(client.into_iter().chain(consumer));
        topics.brokers = settings.kafka.bootstrap_servers();
    }
    if let Some(brokers) = &args.brokers {
        topics.brokers.clone_from(brokers);
    }
    topics.client.extend(args.client.iter().cloned());
    topics.names.sort_unstable();
    topics.names.dedup();
    if !topics.names.is_empty() && topics.brokers.is_empty() {
        return Err(Failure::new(USAGE, "--topic needs --brokers HOST:PORT or --config FILE"));
    }
    Ok(topics)
}

fn setting(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| "write KEY=VALUE, as in security.protocol=SASL_SSL".to_owned())
}

fn ledger_failure(error: &LedgerError) -> Failure {
    // Sums that cannot be right come of records that cannot be.
    let code = if matches!(error, LedgerError::TooMuch) { CHECK_FAILED } else { INTERNAL };
    Failure::new(code, error)
}

/// How long brokers may say nothing.
const TIMEOUT_S: u64 = 15;
