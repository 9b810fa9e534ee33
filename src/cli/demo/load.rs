//! A load generator process: started, watched, read.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::cli::{Failure, INTERNAL};

/// What one load generator sends.
#[derive(Debug)]
pub(super) struct Plan {
    /// Source topic, and the stem of the other topics.
    pub(super) name: &'static str,
    pub(super) payload: PathBuf,
    pub(super) expect: Option<PathBuf>,
    pub(super) rate: u64,
    pub(super) seconds: u64,
    /// Events without outcome at which sending pauses: the mock broker keeps 5 MiB a partition.
    pub(super) outstanding_max: u64,
}

/// A running load generator.
#[derive(Debug)]
pub(super) struct Load {
    name: &'static str,
    child: Child,
}

impl Load {
    pub(super) fn start(
        program: Option<&Path>,
        servers: &str,
        plan: &Plan,
    ) -> Result<Self, Failure> {
        let program = match program {
            Some(program) => program.to_owned(),
            None => std::env::current_exe()?.with_file_name("expressway-loadgen"),
        };
        let name = plan.name;
        let mut command = Command::new(&program);
        command
            .args(["--brokers", servers, "--topic", name])
            .args(["--result-topic", &format!("{name}.results")])
            .args(["--billing-topic", &format!("{name}.billing")])
            .args(["--dead-letter-topic", &format!("{name}.dead-letters")])
            .args(["--rate", &plan.rate.to_string()])
            .args(["--duration", &format!("{}s", plan.seconds)])
            .args(["--outstanding-max", &plan.outstanding_max.to_string()])
            // A machine that does not carry the rate is none either: what was sent is judged.
            .args(["--max-unsent", &(plan.rate.saturating_mul(plan.seconds)).to_string()])
            // Broker, service and generators share a machine here: a late generator is no fault.
            .args(["--drain-timeout", "30s", "--max-late", "1", "--progress", "never", "--json"])
            .arg("--payload")
            .arg(&plan.payload);
        if let Some(expect) = &plan.expect {
            command.arg("--expect").arg(expect);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| {
            Failure::new(
                INTERNAL,
                format!(
                    "cannot start the load generator {}: {error}; build it with `cargo build --workspace`, or name it with --loadgen",
                    program.display()
                ),
            )
        })?;
        Ok(Self { name, child })
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The report, once the process has ended. It is a few kilobytes, less than a pipe holds.
    pub(super) fn poll(&mut self) -> Result<Option<serde_json::Value>, Failure> {
        if self.child.try_wait()?.is_none() {
            return Ok(None);
        }
        let mut text = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut text)?;
        }
        serde_json::from_str(&text).map(Some).map_err(|error| {
            Failure::new(
                INTERNAL,
                format!("load generator `{}` gave no report: {error}", self.name),
            )
        })
    }

    /// Ends the process.
    pub(super) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.kill();
    }
}
