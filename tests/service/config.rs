//! The configuration that the tests run with.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Partitions of [`INPUT`].
pub(crate) const PARTITIONS: i32 = 4;
pub(crate) const INPUT: &str = "in";
pub(crate) const RESULTS: &str = "out";
pub(crate) const FAILURES: &str = "failures";
pub(crate) const BILLS: &str = "bills";
pub(crate) const DEAD_LETTERS: &str = "dead";
pub(crate) const GROUP: &str = "g";

/// The topics of [`Config`]'s pipeline.
pub(crate) const TOPICS: &[(&str, i32)] =
    &[(INPUT, PARTITIONS), (RESULTS, 2), (FAILURES, 1), (BILLS, 2), (DEAD_LETTERS, 1)];

/// A configuration with one pipeline; each part can be added to.
pub(crate) struct Config<'a> {
    pub(crate) servers: &'a str,
    pub(crate) definition: &'a Path,
    /// Lines before the first table.
    pub(crate) top: &'a str,
    /// Lines of the pipeline, and after them further tables.
    pub(crate) pipeline: &'a str,
    pub(crate) listen: &'a str,
    pub(crate) source_topic: &'a str,
}

impl<'a> Config<'a> {
    pub(crate) fn new(servers: &'a str, definition: &'a Path) -> Self {
        Self {
            servers,
            definition,
            top: "",
            pipeline: "",
            listen: "127.0.0.1:0",
            source_topic: INPUT,
        }
    }

    pub(crate) fn text(&self) -> String {
        format!(
            r#"{top}
[kafka]
brokers = ["{servers}"]
connect_timeout = "2s"

[kafka.consumer]
"fetch.wait.max.ms" = 5

[shards]
count = 2

[http]
listen = "{listen}"

[[pipeline]]
name = "orders"
topics = ["{source}"]
group = "{GROUP}"
definition = '{definition}'
result_topic = "{RESULTS}"
failure_topic = "{FAILURES}"
billing_topic = "{BILLS}"
dead_letter_topic = "{DEAD_LETTERS}"
{pipeline}
"#,
            top = self.top,
            servers = self.servers,
            listen = self.listen,
            source = self.source_topic,
            definition = self.definition.display(),
            pipeline = self.pipeline,
        )
    }
}

/// A folder of one test below `target/`.
pub(crate) fn directory() -> TempDir {
    TempDir::with_prefix_in("service-", env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Writes a file into the folder of a test.
pub(crate) fn write(directory: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// One of the definitions that users find in the repository.
pub(crate) fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/state-machines").join(name)
}
