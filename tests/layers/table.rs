//! The table of layers as data: who may import whom, and what a layer may not know.

/// What a top-level module of `src/` may import of the others.
pub(crate) enum May {
    /// Only these.
    Import(&'static [&'static str]),
    /// The top: everything.
    ImportAll,
}

/// One row per top-level module, lowest layer first.
pub(crate) const LAYERS: &[(&str, May)] = &[
    ("base", May::Import(&[])),
    ("value", May::Import(&["base"])),
    ("expr", May::Import(&["base", "value"])),
    ("asl", May::Import(&["base", "value", "expr"])),
    ("program", May::Import(&["base", "value", "expr"])),
    ("compile", May::Import(&["base", "value", "expr", "asl", "program"])),
    ("vm", May::Import(&["base", "value", "expr", "program"])),
    ("shard", May::Import(&["base", "value", "expr", "program", "vm"])),
    ("ingest", May::Import(BELOW_THE_EDGES)),
    ("task", May::Import(BELOW_THE_EDGES)),
    ("outcome", May::Import(BELOW_THE_EDGES)),
    ("http", May::Import(BELOW_THE_EDGES)),
    ("metrics", May::Import(BELOW_THE_EDGES)),
    ("otlp", May::Import(BELOW_THE_EDGES)),
    ("app", May::ImportAll),
    ("billing", May::Import(&["base", "outcome"])),
    ("config", May::ImportAll),
    ("registry", May::ImportAll),
    ("trial", May::ImportAll),
    ("cli", May::ImportAll),
    ("lib", May::ImportAll),
    ("main", May::ImportAll),
];

/// The edges may import everything below them, and not one another.
const BELOW_THE_EDGES: &[&str] =
    &["base", "value", "expr", "asl", "program", "compile", "vm", "shard"];

/// Modules and files that do no I/O, read no clock and start no thread. Time comes in as a number.
pub(crate) const PURE: &[&str] = &[
    "src/base",
    "src/value",
    "src/expr",
    "src/asl",
    "src/program",
    "src/compile",
    "src/vm",
    "src/shard/core",
    "src/shard/core.rs",
];

/// Paths that the pure modules may not name, with the reason.
pub(crate) const IMPURE_PATHS: &[(&[&str], &str)] = &[
    (&["Instant", "now"], "reads a clock; time comes in as an argument"),
    (&["SystemTime", "now"], "reads a clock; time comes in as an argument"),
    (&["std", "env"], "reads the environment; that is the top's work"),
    (&["std", "fs"], "touches files; that is the top's work"),
    (&["std", "net"], "touches the network; that is an edge's work"),
    (&["std", "process"], "touches processes; that is the top's work"),
    (&["std", "thread"], "knows threads; the shard's runtime owns them"),
    (&["crossbeam"], "knows channels; the shard's inbox owns them"),
    (&["rdkafka"], "knows Kafka; that is an edge's work"),
    (&["tokio"], "knows the runtime; that is an edge's work"),
];

/// Modules above the pure ones that still know nothing of Kafka.
pub(crate) const WITHOUT_KAFKA: &[&str] = &["src/shard", "src/task", "src/http"];

/// From the clock to the invoice: no binary fraction, tests excepted.
pub(crate) const WITHOUT_FLOATS: &[&str] = &[
    "src/base/clock.rs",
    "src/outcome",
    "src/billing",
    "src/app/metered.rs",
    "src/app/prices.rs",
    "src/ingest/sums.rs",
    "src/shard/outbox",
    "src/cli/bill",
];

/// Files that may hold `unsafe`: the value's view of the tape, and librdkafka's calls that the
/// crate does not wrap (style §2.7). Each says in its own docs which property it keeps.
pub(crate) const UNSAFE_FILES: &[&str] = &[
    "src/cli/allocations.rs",
    "src/value/blocks.rs",
    "src/value/tape.rs",
    "src/ingest/librdkafka.rs",
    "src/ingest/queue.rs",
    "src/ingest/topic_id.rs",
    "loadgen/src/librdkafka.rs",
];

/// Lines of a file that nobody reads in one sitting any more. Review asks for a split at 600.
pub(crate) const FILE_LINES_MAX: usize = 1_000;
