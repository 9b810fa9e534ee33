//! Expressions that hang, abort or exhaust other engines: each ends here in an error or in the
//! right answer, soon and in little memory, in both dialects.
//!
//! The probes are `workloads/jsonata-hostile.json` below `EXPRESSWAY_SHARED` (default
//! `../shared`), which is not part of the repository: with `CI=true` a missing file fails,
//! otherwise the test says so and passes. The thread that evaluates has 2 MiB of stack, as test
//! threads have; its CPU time and its memory are counted, not the machine's.

#[path = "jsonata_hostile/answers.rs"]
mod answers;
#[path = "support/jsonata.rs"]
mod engine;
#[path = "jsonata_hostile/generate.rs"]
mod generate;
#[path = "jsonata_hostile/memory.rs"]
mod memory;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use engine::{Bench, Outcome};
use expressway::expr::jsonata::{Dialect, check};
use generate::generate;
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: memory::Watched = memory::Watched;

/// CPU time that a probe may take, its compilation included.
const CPU_MS_MAX: u64 = 100;
/// How much longer the unoptimised build of the `dev` profile may take; it was up to 1,500 ms on a
/// busy machine.
const UNOPTIMISED_FACTOR: u64 = 20;
/// Growth of the heap while a probe runs; a vector that grows is counted twice while it is moved.
const HEAP_BYTES_MAX: usize = 128 << 20;

/// The file of the probes.
#[derive(Debug, Deserialize)]
struct File {
    probes: Vec<Probe>,
}

/// An expression and what it is evaluated over; long ones are written as Python.
#[derive(Debug, Deserialize)]
struct Probe {
    name: String,
    expr: Option<String>,
    generate: Option<String>,
    input: Option<Value>,
    input_generate: Option<String>,
}

#[test]
fn hostile_expressions_end_soon_and_in_little_memory() {
    let Some(path) = file() else { return };
    let text = fs::read_to_string(&path).expect("a file that can be read");
    let file: File = serde_json::from_str(&text).expect("probes");
    let mut report = String::new();
    let mut faults = String::new();
    for probe in &file.probes {
        for dialect in [Dialect::Full, Dialect::Aws] {
            let run = Run::of(probe, dialect);
            let _ = writeln!(report, "{run}");
            if let Some(fault) = run.fault() {
                let _ = writeln!(faults, "{}, {dialect:?}: {fault}", probe.name);
            }
        }
    }
    let _ = std::io::stderr().lock().write_all(report.as_bytes());
    assert!(faults.is_empty(), "{faults}");
    assert!(!file.probes.is_empty(), "no probe was run");
}

/// What a probe came to.
struct Run<'a> {
    name: &'a str,
    dialect: Dialect,
    text: String,
    /// AWS refuses it when the machine is created, so that it is never evaluated there.
    refused: bool,
    outcome: Outcome,
    cpu_ms: u64,
    heap_bytes: usize,
}

impl<'a> Run<'a> {
    fn of(probe: &'a Probe, dialect: Dialect) -> Self {
        let text = match (&probe.expr, &probe.generate) {
            (Some(text), _) => text.clone(),
            (None, Some(python)) => generated(python),
            (None, None) => panic!("{} is no expression", probe.name),
        };
        let generated = probe.input_generate.as_deref().map(generated);
        let document = generated.or_else(|| probe.input.as_ref().map(Value::to_string));
        let mut bench = Bench::default();
        let before = cpu_ms();
        let (heap_bytes, (refused, outcome)) = memory::growth(|| {
            let refused = dialect == Dialect::Aws && check(&text).is_err();
            (refused, bench.run(&text, dialect, document.as_deref(), &[]))
        });
        let cpu_ms = cpu_ms() - before;
        Self { name: &probe.name, dialect, text, refused, outcome, cpu_ms, heap_bytes }
    }

    fn fault(&self) -> Option<String> {
        let Self { cpu_ms, heap_bytes, outcome, .. } = self;
        if *cpu_ms > CPU_MS_MAX * if cfg!(debug_assertions) { UNOPTIMISED_FACTOR } else { 1 } {
            return Some(format!("took {cpu_ms} ms"));
        }
        if *heap_bytes > HEAP_BYTES_MAX {
            return Some(format!("took {heap_bytes} bytes"));
        }
        if self.refused || answers::is_right(self.name, &self.text, self.dialect, outcome) {
            return None;
        }
        Some(format!("the answer is wrong: {outcome}"))
    }
}

impl std::fmt::Display for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, dialect, cpu_ms, heap_bytes, outcome, .. } = self;
        let dialect = format!("{dialect:?}");
        let outcome = outcome.to_string();
        let kib = heap_bytes >> 10;
        write!(f, "{name:<24} {dialect:<4} {cpu_ms:>6} ms {kib:>8} KiB  {outcome:.70}")?;
        if self.refused { f.write_str(" (refused by AWS)") } else { Ok(()) }
    }
}

fn generated(python: &str) -> String {
    generate(python).unwrap_or_else(|fault| panic!("{fault}: {python}"))
}

/// CPU time of this thread.
fn cpu_ms() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000 + time.tv_nsec as u64 / 1_000_000
}

/// The file of the probes; `None` when it is missing, which CI does not allow.
fn file() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = env::var_os("EXPRESSWAY_SHARED");
    let path = shared
        .map_or_else(|| root.join("../shared"), PathBuf::from)
        .join("workloads/jsonata-hostile.json");
    if path.is_file() {
        return Some(path);
    }
    let message = format!("skipped: no hostile expressions at {}\n", path.display());
    assert!(env::var("CI").as_deref() != Ok("true"), "{message}");
    let _ = std::io::stderr().lock().write_all(message.as_bytes());
    None
}
