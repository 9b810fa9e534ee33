//! All benches in one binary: how does the engine stand against the same job done by hand?
//!
//! `cargo bench` measures; `cargo bench -- --quick`, and any run without `--bench` (as under
//! `cargo test --benches`), goes through everything with tiny counts. A word that is no flag
//! selects the workloads whose names contain it; `metrics` is the engine with all that it counts beside
//! the engine that counts nothing. With `--kafka` it holds the Kafka path against a
//! bare relay instead (`make bench-kafka`), with `--herd` a million executions wait. Built with the
//! feature `count-allocations` it counts allocations and measures nothing else.

mod allocations;
mod engine;
mod herd;
mod jsonata;
mod measure;
mod relay;
mod states;
mod yardstick;

use std::env;
use std::io::{self, Write as _};

use anyhow::{Result, ensure};
use clap::Parser as _;
use expressway::vm::{Level, Recording};

use engine::{Engine, read};
use herd::Herd;
use measure::{Contestant as _, Effort, Entry, Workload, compare};
use states::PerState;
use yardstick::{TapeFloor, TypedPassChoice, ValuePassChoice};

#[cfg(not(feature = "count-allocations"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(feature = "count-allocations")]
#[global_allocator]
static ALLOCATOR: expressway::cli::allocations::Counting = expressway::cli::allocations::Counting;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let mut stdout = io::stdout().lock();
    if has("--kafka") {
        return relay::run(&arguments, &mut stdout);
    }
    if has("--herd") {
        let flags = std::iter::once("suite").chain(arguments.iter().map(String::as_str));
        return Herd::parse_from(flags).run(&mut stdout);
    }
    if cfg!(feature = "count-allocations") {
        return allocations::run(&ENGINE_WORKLOADS, &mut stdout);
    }
    let quick = has("--quick") || !has("--bench");
    let effort = if quick { Effort::QUICK } else { Effort::FULL };
    let words: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let selected =
        |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let mut compared = 0;
    let plain = [
        pass_choice()?,
        passthrough()?,
        map_inline()?,
        task_fanout()?,
        per_state()?,
        histories()?,
        metrics("pass-choice", "metrics")?,
        metrics("map-inline", "metrics-map")?,
    ];
    for (workload, mut entries) in plain.into_iter().chain(jsonata::workloads()?) {
        if selected(workload.name) {
            compare(&workload, &mut entries, effort, &mut stdout)?;
            compared += 1;
        }
    }
    if selected("wait-herd") {
        let herd = if quick { Herd::tiny() } else { Herd::small() };
        herd.run(&mut stdout)?;
        compared += 1;
    }
    stdout.flush()?;
    ensure!(compared > 0, "no workload is named like {words:?}");
    Ok(())
}

fn pass_choice() -> Result<(Workload, Vec<Entry>)> {
    let entries = vec![
        Entry::job(Engine::new("pass-choice")?),
        Entry::job(ValuePassChoice::new()),
        Entry::job(TypedPassChoice::new()),
        Entry::bound(TapeFloor::new()),
    ];
    Ok((workload("pass-choice", "value")?, entries))
}

fn passthrough() -> Result<(Workload, Vec<Entry>)> {
    Ok((
        workload("passthrough", "floor")?,
        vec![Entry::job(Engine::new("passthrough")?), Entry::job(TapeFloor::new())],
    ))
}

fn map_inline() -> Result<(Workload, Vec<Entry>)> {
    let entries = vec![Entry::job(Engine::new("map-inline")?), Entry::bound(TapeFloor::new())];
    Ok((workload("map-inline", "floor")?, entries))
}

fn task_fanout() -> Result<(Workload, Vec<Entry>)> {
    let entries = vec![Entry::job(Engine::new("task-fanout")?), Entry::bound(TapeFloor::new())];
    Ok((workload("task-fanout", "floor")?, entries))
}

/// A figure here is the cost of one state: of all in `pass-choice`, and of those in the iterations
/// of `map-inline`, which bear all of the Map's cost.
fn per_state() -> Result<(Workload, Vec<Entry>)> {
    let mut table = workload("pass-choice", "pass-choice")?;
    table.name = "state";
    let map_expected = serde_json::from_slice(&read("map-inline", "expect")?)?;
    let entries = vec![
        Entry::job(PerState::new("pass-choice", 0)?),
        Entry::other(PerState::new("map-inline", 1)?, map_expected),
    ];
    Ok((table, entries))
}

/// What the levels of a history cost, its encoding included; against none.
fn histories() -> Result<(Workload, Vec<Entry>)> {
    let mut table = workload("pass-choice", "off")?;
    table.name = "history";
    let entry = |name, level, data| {
        Ok(Entry::job(Engine::logging(name, "pass-choice", Recording { level, data })?))
    };
    let entries: Result<Vec<_>> = [
        ("off", Level::Off, false),
        ("fatal", Level::Fatal, false),
        ("error", Level::Error, false),
        ("all", Level::All, false),
        ("all-data", Level::All, true),
    ]
    .into_iter()
    .map(|(name, level, data)| entry(name, level, data))
    .collect();
    Ok((table, entries?))
}

/// All metrics counted beside none: the ratio is what they cost.
fn metrics(name: &'static str, table: &'static str) -> Result<(Workload, Vec<Entry>)> {
    let counted = Engine::new(name)?.counted(name)?;
    ensure_counts(counted, name)?;
    let entries = vec![
        Entry::job(Engine::new(name)?.named("none")),
        Entry::job(Engine::new(name)?.named("all").counted(name)?),
    ];
    let mut workload = workload(name, "none")?;
    workload.name = table;
    Ok((workload, entries))
}

/// Holds the counts against what ran: a cost of nothing would be easy to reach.
fn ensure_counts(mut engine: Engine, name: &str) -> Result<()> {
    engine.run(read(name, "input")?.trim_ascii(), &mut Vec::new())?;
    let [executions, entered, left] = engine.counts().unwrap_or_default();
    let states = executions * u64::from(engine.transitions());
    ensure!(executions == engine.runs_per_call(), "{name}: {executions} executions were counted");
    ensure!(entered == states && left == states, "{name}: {entered} in, {left} out of {states}");
    Ok(())
}

fn workload(name: &'static str, baseline: &'static str) -> Result<Workload> {
    Ok(Workload {
        name,
        // A Kafka record ends where the document ends; the file ends with a newline.
        event: read(name, "input")?.trim_ascii().to_vec(),
        expected: serde_json::from_slice(&read(name, "expect")?)?,
        baseline,
    })
}

/// What the engine runs to its end without a real clock.
const ENGINE_WORKLOADS: [&str; 5] =
    ["pass-choice", "passthrough", "map-inline", "task-fanout", "jsonata-enrich"];
