//! A process of `expressway run`, seen through its log, its admin port and its exit code.

use std::fs::{self, File};
use std::io::{self, PipeReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::config::{directory, write};
use crate::support::{process::tell, tied_to_this_thread, within};

/// Dropping it kills the process; a failing test shows its log.
pub(crate) struct Instance {
    child: Child,
    log: PathBuf,
    /// Where the admin port is; the log says it where this does not.
    admin: Option<String>,
    _directory: TempDir,
}

/// How a process ended that was not told to.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// What stands on stderr for people: every line that is not of the log.
    pub(crate) message: String,
    /// Lines of the log above INFO.
    pub(crate) complaints: Vec<String>,
}

impl Instance {
    /// Starts the service with a configuration.
    pub(crate) fn start(config: &str) -> Self {
        let directory = directory();
        let file = write(&directory, "expressway.toml", config);
        Self::start_with(directory, &["--config".as_ref(), &file])
    }

    /// Starts `expressway run` with arguments; its log goes into `directory`.
    pub(crate) fn start_with(directory: TempDir, arguments: &[&Path]) -> Self {
        let log = directory.path().join("log");
        let child = run(arguments).stderr(File::create(&log).unwrap()).spawn().unwrap();
        Self { child, log, admin: None, _directory: directory }
    }

    /// Starts the service with a stderr that is not read; `admin` is what the configuration says.
    pub(crate) fn start_unread(config: &str, admin: String) -> (Self, PipeReader) {
        let directory = directory();
        let file = write(&directory, "expressway.toml", config);
        let log = write(&directory, "log", "");
        let (reader, writer) = io::pipe().unwrap();
        let child = run(&["--config".as_ref(), &file]).stderr(writer).spawn().unwrap();
        (Self { child, log, admin: Some(admin), _directory: directory }, reader)
    }

    /// Starts the service with a configuration that it cannot run with, and waits for its end.
    pub(crate) fn refused(config: &str) -> Ended {
        Self::start(config).ended()
    }

    /// Waits for the end of a process that nobody tells to end.
    pub(crate) fn ended(mut self) -> Ended {
        let code = self.wait_exit(EXIT_LIMIT).code();
        let text = self.stderr();
        let (lines, message): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| parse(line).is_some());
        let complaints = lines.into_iter().filter(|line| !line.contains(r#""level":"INFO""#));
        let complaints = complaints.map(str::to_owned).collect();
        assert!(text.ends_with('\n'), "a prompt would stand behind the message: {text:?}");
        Ended { code, message: message.join("\n"), complaints }
    }

    /// Waits until `/readyz` says yes.
    pub(crate) fn wait_ready(&mut self) {
        within(READY_LIMIT, "the service is ready", || {
            let status = self.child.try_wait().unwrap();
            assert_eq!(status, None, "ended before it was ready");
            self.status("/readyz").is_ok_and(|status| status == 200).then_some(())
        });
    }

    /// The status of one GET to the admin port.
    pub(crate) fn status(&self, path: &str) -> io::Result<u16> {
        let answer = self.get(path)?;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.ok_or_else(|| io::Error::other(answer))
    }

    /// One GET to the admin port; the whole response.
    pub(crate) fn get(&self, path: &str) -> io::Result<String> {
        let logged = || {
            let listening = self.logged("admin port is open").into_iter().next()?;
            listening["address"].as_str().map(str::to_owned)
        };
        let address = self.admin.clone().or_else(logged);
        let address = address.ok_or_else(|| io::Error::other("no admin port yet"))?;
        let mut stream = TcpStream::connect(&address)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// The sum over the series of a metric family whose labels hold `label`, such as
    /// `status="failed"`.
    pub(crate) fn metric(&self, family: &str, label: &str) -> f64 {
        let page = self.get("/metrics").unwrap();
        let series = page.lines().filter_map(|line| line.strip_prefix(family));
        series
            .filter(|rest| rest.starts_with(['{', ' ']) && rest.contains(label))
            .map(|rest| rest.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }

    /// The lines of the log with this message.
    pub(crate) fn logged(&self, message: &str) -> Vec<Value> {
        let lines = self.stderr();
        lines.lines().filter_map(parse).filter(|line| line["message"] == message).collect()
    }

    /// Sends a signal, by its name without SIG.
    pub(crate) fn signal(&self, name: &str) {
        // The shell's own `kill`: a minimal system has no other.
        let script = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &script]).status().unwrap();
        assert!(status.success(), "gone before SIG{name}");
    }

    /// Waits for the end of the process.
    pub(crate) fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        within(limit, "the service has ended", || self.child.try_wait().unwrap())
    }

    fn stderr(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            tell(&fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}

/// `expressway run`, which dies with the test.
fn run(arguments: &[&Path]) -> Command {
    let mut command = tied_to_this_thread(Path::new(env!("CARGO_BIN_EXE_expressway")));
    command.arg("run").args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// A line of the log; the last one may be half written.
fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().filter(Value::is_object)
}

const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// A second on a quiet machine.
const READY_LIMIT: Duration = Duration::from_secs(20);
const EXIT_LIMIT: Duration = Duration::from_secs(20);
