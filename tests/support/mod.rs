//! What the process tests share: a real broker, the service as a process, Kafka clients, and
//! waiting for a condition with a deadline.
//!
//! Everything listens on loopback, on free ports. Everything that is started belongs to a value
//! whose drop ends it by its own process id, also when the test fails.

#![allow(dead_code, reason = "each test binary uses the part it needs")]

pub(crate) mod broker;
pub(crate) mod process;
pub(crate) mod topics;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Asks `probe` until it answers, and returns the answer.
///
/// # Panics
/// Panics with `what` when there is no answer after `limit`.
pub(crate) fn within<T>(limit: Duration, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not after {limit:?}: {what}");
        thread::sleep(PROBE_PAUSE);
    }
}

/// Returns `N` different loopback ports that nobody listens on at this moment.
///
/// Somebody else may take one before it is used; whoever starts on it has to cope.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free loopback port"));
    listeners.map(|listener| listener.local_addr().expect("a bound address").port())
}

/// Returns a command whose process dies with the thread that starts it, where the system can do
/// that: a test runner that is killed leaves no broker behind.
pub(crate) fn tied_to_this_thread(program: &Path) -> Command {
    if !Path::new(SETPRIV).exists() {
        return Command::new(program);
    }
    let mut command = Command::new(SETPRIV);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// util-linux; it replaces itself by the program, so the process id stays.
const SETPRIV: &str = "/usr/bin/setpriv";

/// Short beside what is waited for (starts of processes), long beside the cost of a probe.
const PROBE_PAUSE: Duration = Duration::from_millis(10);
