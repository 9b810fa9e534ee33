//! The two that are measured: the relay, and the service with one I/O thread and one shard.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use super::broker::{BILLING, DEAD_LETTERS, EVENTS, RESULTS};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartyKind {
    /// Consumes and produces the same records, no work.
    Relay,
    /// `expressway run`.
    Service,
}

impl PartyKind {
    /// Its name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Service => "service",
        }
    }
}

/// A running party; ends with this value.
#[derive(Debug)]
pub(crate) struct Party {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Party {
    /// Starts it on this broker.
    pub(crate) fn start(kind: PartyKind, brokers: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(PROGRAM);
        match kind {
            PartyKind::Relay => {
                command
                    .args(["relay", "--brokers", brokers, "--from", EVENTS, "--to", RESULTS])
                    .args(["--billing", BILLING, "--machine-arn", MACHINE_ARN])
                    .args(["--seconds", "3600", "--consumer", "fetch.wait.max.ms=5"])
                    .args(["--consumer", "auto.offset.reset=earliest"]);
            }
            PartyKind::Service => {
                let config = folder.path().join("expressway.toml");
                fs::write(&config, configuration(brokers))?;
                command.arg("run").arg("--config").arg(config);
            }
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start the {}", kind.name()))?;
        Ok(Self { child, _folder: folder })
    }

    /// User and system time of the process so far, all threads.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))
            .context("a party has ended by itself")?;
        // The command's name stands in parentheses and may hold spaces.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_whitespace().skip(11).take(2);
        // The kernel reports hundredths of a second whatever its own tick.
        Ok(ticks.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0)
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the engine's own CPU time per event, in microseconds, as `expressway bench` tells it.
pub(crate) fn engine_micros() -> Result<f64> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/state-machines");
    let output = Command::new(PROGRAM)
        .arg("bench")
        .arg(folder.join("passthrough.asl.json"))
        .arg("--input")
        .arg(folder.join("passthrough.input.json"))
        .args(["--seconds", "2", "--json"])
        .output()
        .context("cannot run the engine's bench")?;
    let told: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("the engine's bench told no figures")?;
    match told["executions_per_cpu_second"].as_f64() {
        Some(per_second) if per_second > 0.0 => Ok(1e6 / per_second),
        _ => bail!("the engine's bench told no rate: {told}"),
    }
}

fn configuration(brokers: &str) -> String {
    let definition =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("config/state-machines/passthrough.asl.json");
    format!(
        r#"
[kafka]
brokers = ["{brokers}"]
[kafka.consumer]
# An empty fetch of the mock sleeps its whole wait.
"fetch.wait.max.ms" = 5
[shards]
count = 1
io_threads = 1
[http]
listen = "127.0.0.1:0"
[log]
level = "warn"
[[pipeline]]
name = "{EVENTS}"
topics = ["{EVENTS}"]
state_machine = "passthrough"
definition = "{}"
result_topic = "{RESULTS}"
billing_topic = "{BILLING}"
dead_letter_topic = "{DEAD_LETTERS}"
"#,
        definition.display()
    )
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_expressway");
const MACHINE_ARN: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:passthrough";
