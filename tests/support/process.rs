//! The service as its users run it: a process with a configuration file, signals and an exit code.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use super::broker::tail;
use super::{tied_to_this_thread, within};

/// A running `expressway run`. Dropping it kills it; a failing test shows the end of its log.
pub(crate) struct Service {
    name: String,
    child: Child,
    admin_port: u16,
    log: PathBuf,
}

impl Service {
    /// Writes `config` to `directory/NAME.toml` and starts the service with it. `admin_port` is
    /// the one that the configuration names.
    pub(crate) fn start(directory: &Path, name: &str, config: &str, admin_port: u16) -> Self {
        let file = directory.join(format!("{name}.toml"));
        fs::write(&file, config).expect("a configuration file");
        let log = directory.join(format!("{name}.log"));
        let stderr = File::options().create(true).append(true).open(&log).expect("a log file");
        let child = tied_to_this_thread(Path::new(env!("CARGO_BIN_EXE_expressway")))
            .args(["run", "--config"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .expect("the service starts");
        Self { name: name.to_owned(), child, admin_port, log }
    }

    /// Waits until `/readyz` says yes.
    ///
    /// # Panics
    /// Panics with the service's log when it ends instead.
    pub(crate) fn wait_ready(&mut self, limit: Duration) {
        within(limit, &format!("{} is ready", self.name), || {
            if let Some(status) = self.child.try_wait().expect("own child") {
                panic!("{} ended with {status} before it was ready", self.name);
            }
            let answer = self.get("/readyz").ok()?;
            answer.starts_with("HTTP/1.1 200").then_some(())
        });
    }

    /// Returns the sum over all series of one metric family, 0 when there is none.
    pub(crate) fn metric(&self, family: &str) -> f64 {
        let text = self.get("/metrics").expect("the admin port answers");
        text.lines()
            .filter_map(|line| line.strip_prefix(family))
            .filter(|rest| rest.starts_with(['{', ' ']))
            .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// The port of `/metrics`.
    pub(crate) fn admin_port(&self) -> u16 {
        self.admin_port
    }

    /// Asks the service to stop (SIGTERM) and returns at once.
    pub(crate) fn terminate(&self) {
        // The shell's own `kill`: a minimal system has no other.
        let status = Command::new("sh")
            .args(["-c", "kill -TERM \"$1\"", "sh", &self.child.id().to_string()])
            .status()
            .expect("a shell");
        assert!(status.success(), "{} was gone before SIGTERM", self.name);
    }

    /// Ends the service without warning (SIGKILL) and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("own child");
        self.child.wait().expect("own child");
    }

    /// Waits for the end of the process.
    pub(crate) fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        within(limit, &format!("{} has ended", self.name), || {
            self.child.try_wait().expect("own child")
        })
    }

    /// Sends one GET to the admin port and returns the whole response.
    fn get(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.admin_port))?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            tell(&format!("the end of {}'s log:\n{}", self.name, tail(&log, LOG_LINES_SHOWN)));
        }
    }
}

/// Says something to whoever watches the tests, on a locked stderr.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const LOG_LINES_SHOWN: usize = 40;
