//! All benches in one binary: how does the engine stand against the same job done by hand?
//!
//! `cargo bench` measures; `cargo bench -- --quick`, and any run without `--bench` (as under
//! `cargo test --benches`), goes through everything with tiny counts. A word that is no flag
//! selects the workloads whose names contain it. With `--kafka` it holds the Kafka path against a
//! bare relay instead (`make bench-kafka`).

mod engine;
mod measure;
mod relay;
mod yardstick;

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use engine::Engine;
use measure::{Effort, Entry, Workload, compare};
use yardstick::{TapeFloor, TypedPassChoice, ValuePassChoice};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let effort = if has("--quick") || !has("--bench") { Effort::QUICK } else { Effort::FULL };
    let words: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();

    let mut stdout = io::stdout().lock();
    if has("--kafka") {
        return relay::run(&arguments, &mut stdout);
    }
    let mut compared = 0;
    for (workload, mut entries) in [pass_choice()?, passthrough()?] {
        if words.is_empty() || words.iter().any(|word| workload.name.contains(word.as_str())) {
            compare(&workload, &mut entries, effort, &mut stdout)?;
            compared += 1;
        }
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

fn workload(name: &'static str, baseline: &'static str) -> Result<Workload> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/state-machines");
    let read = |kind: &str| {
        let path = folder.join(format!("{name}.{kind}.json"));
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    Ok(Workload {
        name,
        // A Kafka record ends where the document ends; the file ends with a newline.
        event: read("input")?.trim_ascii().to_vec(),
        expected: serde_json::from_slice(&read("expect")?)?,
        baseline,
    })
}
