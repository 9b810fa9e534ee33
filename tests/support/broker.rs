//! A real Apache Kafka for the length of a test: one KRaft node on free loopback ports.
//!
//! The recipe is `.ci/kafka`, the same one as `make kafka`'s, which also fetches the jars when
//! they are missing. Ready means that metadata names a leader for every partition asked for.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::{free_ports, tied_to_this_thread, topics, within};

/// A running broker. Dropping it kills it; its log is kept when the test fails.
pub(crate) struct Broker {
    child: Child,
    bootstrap: String,
    directory: TempDir,
}

impl Broker {
    /// Starts a broker and waits until it serves.
    ///
    /// # Panics
    /// Panics with what the broker said when it does not come up, and when there are no jars and
    /// they cannot be fetched.
    pub(crate) fn start() -> Self {
        for _ in 1..START_ATTEMPTS {
            // Between choosing the ports and listening on them somebody may have taken one.
            if let Ok(broker) = Self::try_start() {
                return broker;
            }
        }
        Self::try_start().unwrap_or_else(|log| panic!("no broker: {log}"))
    }

    fn try_start() -> Result<Self, String> {
        let directory = TempDir::with_prefix_in("broker-", env!("CARGO_TARGET_TMPDIR"))
            .expect("a temporary folder below target/");
        let [broker_port, controller_port] = free_ports();
        prepare(directory.path(), broker_port, controller_port);
        let log = File::create(log_path(directory.path())).expect("a log file");
        let child = tied_to_this_thread(&script())
            .arg("serve")
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log file"))
            .stderr(log)
            .spawn()
            .expect(".ci/kafka starts");
        let bootstrap = format!("127.0.0.1:{broker_port}");
        let mut broker = Self { child, bootstrap, directory };
        broker.wait_until_it_serves()?;
        Ok(broker)
    }

    fn wait_until_it_serves(&mut self) -> Result<(), String> {
        let client = topics::client(&self.bootstrap);
        within(START_LIMIT, "the broker serves metadata", || {
            if self.child.try_wait().expect("own child").is_some() {
                let log = fs::read_to_string(log_path(self.directory.path())).unwrap_or_default();
                return Some(Err(tail(&log, LOG_LINES_SHOWN)));
            }
            let metadata = client.fetch_metadata(None, Duration::from_secs(1)).ok()?;
            (!metadata.brokers().is_empty()).then_some(Ok(()))
        })
    }

    /// Where clients connect to.
    pub(crate) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Creates topics, given as name and number of partitions, and waits for all their leaders.
    pub(crate) fn create_topics(&self, wanted: &[(&str, i32)]) {
        topics::create(&self.bootstrap, wanted);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // The data goes with it, so there is nothing to shut down in order.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR"))
                .join(format!("broker-{}.log", self.child.id()));
            if fs::copy(log_path(self.directory.path()), &kept).is_ok() {
                super::process::tell(&format!("the broker's log: {}", kept.display()));
            }
        }
    }
}

/// Writes the broker's configuration and formats its storage, fetching the jars if need be.
fn prepare(directory: &Path, broker_port: u16, controller_port: u16) {
    let output = Command::new(script())
        .arg("prepare")
        .arg(directory)
        .args([broker_port.to_string(), controller_port.to_string()])
        .stdin(Stdio::null())
        .output()
        .expect(".ci/kafka runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), ".ci/kafka prepare: {}", tail(&said, LOG_LINES_SHOWN));
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/kafka")
}

fn log_path(directory: &Path) -> PathBuf {
    directory.join("log")
}

/// The last `count` lines of a text.
pub(super) fn tail(text: &str, count: usize) -> String {
    let lines = text.lines().collect::<Vec<_>>();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Three seconds on a quiet machine; the rest is for a busy one.
const START_LIMIT: Duration = Duration::from_secs(90);
const START_ATTEMPTS: usize = 3;
const LOG_LINES_SHOWN: usize = 30;
