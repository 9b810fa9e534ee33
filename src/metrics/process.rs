//! What the operating system says of this process.

use std::fs;

use super::catalogue::{
    PROCESS_CPU, PROCESS_FDS, PROCESS_FDS_MAX, PROCESS_RESIDENT, PROCESS_START, PROCESS_THREADS,
    PROCESS_VIRTUAL,
};
use super::text::Page;

/// Writes the `process_*` families; where there is no `/proc` they have no samples.
pub(super) fn render(page: &mut Page<'_>) {
    let stat = Stat::read();
    let cpu_ns = stat.as_ref().map(|stat| ticks_ns(stat.cpu_ticks));
    page.family(&PROCESS_CPU, |samples| {
        if let Some(ns) = cpu_ns {
            samples.seconds(&[], ns);
        }
    });
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let fds = fs::read_dir("/proc/self/fd").map(|fds| fds.count() as u64);
    for (family, value) in [
        (&PROCESS_RESIDENT, field(&status, "VmRSS:").map(|kb| kb * 1_024)),
        (&PROCESS_VIRTUAL, field(&status, "VmSize:").map(|kb| kb * 1_024)),
        (&PROCESS_FDS, fds.ok()),
        (&PROCESS_FDS_MAX, field(&limits, "Max open files")),
        (&PROCESS_THREADS, field(&status, "Threads:")),
    ] {
        page.family(family, |samples| {
            if let Some(value) = value {
                samples.count(&[], value);
            }
        });
    }
    let start_ns = stat.and_then(|stat| {
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let boot_ns = field(&boot, "btime")?.checked_mul(1_000_000_000)?;
        boot_ns.checked_add(ticks_ns(stat.start_ticks))
    });
    page.family(&PROCESS_START, |samples| {
        if let Some(ns) = start_ns {
            samples.seconds(&[], ns);
        }
    });
}

struct Stat {
    cpu_ticks: u64,
    start_ticks: u64,
}

impl Stat {
    fn read() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        // The second field is the command in parentheses, which may itself hold spaces.
        let fields: Vec<_> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self { cpu_ticks: number(UTIME)? + number(STIME)?, start_ticks: number(STARTTIME)? })
    }
}

/// The first number behind a name at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// Linux shows times to programs in hundredths of a second (USER_HZ) on every architecture we build.
fn ticks_ns(ticks: u64) -> u64 {
    ticks.saturating_mul(10_000_000)
}

// Fields of proc(5) stat, counted from the one behind the command.
const UTIME: usize = 11;
const STIME: usize = 12;
const STARTTIME: usize = 19;
