//! The embedded broker in a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Topic that events are sent to.
pub(crate) const EVENTS: &str = "events";
/// Topic of the results.
pub(crate) const RESULTS: &str = "results";
/// Topic of the billing records.
pub(crate) const BILLING: &str = "billing";
/// Topic that nothing is expected on.
pub(crate) const DEAD_LETTERS: &str = "dead-letters";
/// The mock keeps 5 MiB per partition: many of them carry what is outstanding.
pub(crate) const PARTITIONS: i32 = 16;

/// A running broker; ends with this value.
#[derive(Debug)]
pub(crate) struct Broker {
    child: Child,
    address: String,
}

impl Broker {
    /// Starts one with all topics.
    pub(crate) fn start() -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_expressway"));
        command.arg("broker");
        for topic in [EVENTS, RESULTS, BILLING, DEAD_LETTERS] {
            command.arg("--topic").arg(format!("{topic}:{PARTITIONS}"));
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the broker")?;
        let mut address = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut address)?;
        }
        ensure!(!address.trim().is_empty(), "the broker told no address");
        Ok(Self { child, address: address.trim().to_owned() })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
