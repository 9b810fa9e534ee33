//! `/metrics` of the generator itself, for Prometheus: `--metrics-listen ADDR`.
//!
//! One thread, one connection at a time, a deadline for each: whoever scrapes slowly waits for
//! nobody but the next scraper. Figures come from the gauges; names and units are those of the
//! service's metrics.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Clock;
use crate::gauges::{Buckets, Gauges};
use crate::plan::Plan;

/// The listener cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("--metrics-listen {address}: {reason}")]
pub(crate) struct ListenError {
    address: SocketAddr,
    reason: io::Error,
}

/// The thread that answers scrapes; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Exposition {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What is shown.
#[derive(Debug)]
pub(crate) struct Shown {
    /// Value of the label `scenario`.
    pub(crate) scenario: String,
    /// What is meant to happen.
    pub(crate) plan: Plan,
    /// The time.
    pub(crate) clock: Clock,
    /// What happens.
    pub(crate) gauges: Arc<Gauges>,
}

impl Exposition {
    /// Opens the listener and starts answering.
    pub(crate) fn start(address: SocketAddr, shown: Shown) -> Result<Self, ListenError> {
        let failed = |reason| ListenError { address, reason };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("loadgen-metrics".to_owned())
            .spawn(move || serve(&listener, &shown, &stopped))
            .map_err(failed)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Exposition {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has nothing to hand over.
            let _ = thread.join();
        }
    }
}

fn serve(listener: &TcpListener, shown: &Shown, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        match listener.accept() {
            // A scraper that went away needs no answer.
            Ok((stream, _)) => drop(answer(stream, shown)),
            Err(_) => std::thread::sleep(ACCEPT_PAUSE),
        }
    }
}

fn answer(mut stream: TcpStream, shown: &Shown) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut head = [0; 4_096];
    let mut length = 0;
    while length < head.len() && !head[..length].windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut head[length..])? {
            0 => break,
            read => length += read,
        }
    }
    let is_metrics = head.starts_with(b"GET /metrics ") || head.starts_with(b"GET /metrics?");
    let (status, body) = if is_metrics {
        ("200 OK", render(shown))
    } else {
        ("404 Not Found", "only GET /metrics is here\n".to_owned())
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn render(shown: &Shown) -> String {
    let Shown { scenario, plan, clock, gauges } = shown;
    let mut page = Page { text: String::new(), scenario: escaped(scenario) };
    let offset_ns = plan.offset_ns(clock.now_ns());
    let schedule = &plan.schedule;
    let from_ns = offset_ns.saturating_sub(1_000_000_000);
    let target = schedule.expected_until(offset_ns) - schedule.expected_until(from_ns);
    page.family("records_sent_total", "counter", "Events by what became of sending them.");
    page.sample("records_sent_total", "result=\"ok\"", gauges.acknowledged.get() as f64);
    page.sample("records_sent_total", "result=\"failed\"", gauges.undelivered.get() as f64);
    page.family("target_rate", "gauge", "Events a second that the scenario asks for.");
    page.sample("target_rate", "", target);
    page.family("open_events", "gauge", "Events sent that have no outcome yet.");
    let open = gauges.sent.get().saturating_sub(gauges.settled.get());
    page.sample("open_events", "", open as f64);
    if let Some(lag) = gauges.group_lag.get().checked_sub(1) {
        page.family("group_lag_records", "gauge", "Records that the group under test is behind.");
        page.sample("group_lag_records", "", lag as f64);
    }
    page.family("results_total", "counter", "Outcomes by what the checker made of them.");
    let others = [
        ("failed", gauges.failed.get()),
        ("timed_out", gauges.timed_out.get()),
        ("unstated", gauges.unstated.get()),
        ("dead_letter", gauges.dead_letters.get()),
    ];
    let ok = others.iter().fold(gauges.settled.get(), |ok, (_, count)| ok.saturating_sub(*count));
    let further = [("duplicate", gauges.duplicated.get()), ("wrong", gauges.wrong.get())];
    for (status, count) in [("ok", ok)].into_iter().chain(others).chain(further) {
        page.sample("results_total", &format!("status=\"{status}\""), count as f64);
    }
    page.family("ticks_total", "counter", "Ticks of the generator by whether it kept them.");
    let late = gauges.ticks_late.get();
    let on_time = gauges.ticks.get().saturating_sub(late);
    page.sample("ticks_total", "kept=\"on_time\"", on_time as f64);
    page.sample("ticks_total", "kept=\"late\"", late as f64);
    let about = "Due time to sending: if this grows, the generator is the bottleneck.";
    page.histogram("schedule_delay_seconds", "", about, &gauges.schedule_delay);
    let about = "Due time to the result consumed, the warm-up left out; up to date to the second.";
    page.histogram("latency_seconds", "from=\"intended\"", about, &gauges.latency);
    page.text
}

struct Page {
    text: String,
    scenario: String,
}

// Writing to memory cannot fail.
impl Page {
    fn family(&mut self, name: &str, kind: &str, about: &str) {
        let _ = writeln!(self.text, "# HELP {PREFIX}{name} {about}\n# TYPE {PREFIX}{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let comma = if labels.is_empty() { "" } else { "," };
        let scenario = &self.scenario;
        let _ =
            writeln!(self.text, "{PREFIX}{name}{{scenario=\"{scenario}\"{comma}{labels}}} {value}");
    }

    fn histogram(&mut self, name: &str, labels: &str, about: &str, buckets: &Buckets) {
        self.family(name, "histogram", about);
        let with = if labels.is_empty() { String::new() } else { format!("{labels},") };
        let mut total = 0;
        for (bound_us, count) in buckets.counts() {
            total += count;
            let bound = bound_us as f64 / 1e6;
            self.sample(&format!("{name}_bucket"), &format!("{with}le=\"{bound}\""), total as f64);
        }
        total += buckets.beyond();
        self.sample(&format!("{name}_bucket"), &format!("{with}le=\"+Inf\""), total as f64);
        self.sample(&format!("{name}_sum"), labels, buckets.sum_us() as f64 / 1e6);
        self.sample(&format!("{name}_count"), labels, total as f64);
    }
}

/// Returns a label's value as the text format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

const PREFIX: &str = "expressway_loadgen_";
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn shown() -> Shown {
        let gauges = Gauges::default();
        gauges.sent.set(100);
        gauges.acknowledged.set(90);
        gauges.settled.set(80);
        gauges.failed.set(5);
        gauges.timed_out.set(2);
        gauges.unstated.set(1);
        gauges.dead_letters.set(3);
        gauges.duplicated.set(4);
        gauges.wrong.set(6);
        gauges.latency.record(1_500, 2);
        gauges.latency.record(90_000_000, 1);
        Shown {
            scenario: "a \"b\"".to_owned(),
            plan: Plan::for_tests(100.0, 1_000),
            clock: Clock::start(),
            gauges: Arc::new(gauges),
        }
    }

    #[test]
    fn figures_have_the_form_that_prometheus_reads() {
        let text = render(&shown());
        for line in [
            "# TYPE expressway_loadgen_records_sent_total counter",
            "expressway_loadgen_records_sent_total{scenario=\"a \\\"b\\\"\",result=\"ok\"} 90",
            "expressway_loadgen_results_total{scenario=\"a \\\"b\\\"\",status=\"ok\"} 69",
            "expressway_loadgen_results_total{scenario=\"a \\\"b\\\"\",status=\"failed\"} 5",
            "expressway_loadgen_results_total{scenario=\"a \\\"b\\\"\",status=\"timed_out\"} 2",
            "expressway_loadgen_results_total{scenario=\"a \\\"b\\\"\",status=\"unstated\"} 1",
            "expressway_loadgen_results_total{scenario=\"a \\\"b\\\"\",status=\"dead_letter\"} 3",
            "expressway_loadgen_results_total{scenario=\"a \\\"b\\\"\",status=\"duplicate\"} 4",
            "expressway_loadgen_results_total{scenario=\"a \\\"b\\\"\",status=\"wrong\"} 6",
            "expressway_loadgen_open_events{scenario=\"a \\\"b\\\"\"} 20",
            "expressway_loadgen_latency_seconds_bucket{scenario=\"a \\\"b\\\"\",from=\"intended\",le=\"0.001\"} 0",
            "expressway_loadgen_latency_seconds_bucket{scenario=\"a \\\"b\\\"\",from=\"intended\",le=\"0.0025\"} 2",
            "expressway_loadgen_latency_seconds_bucket{scenario=\"a \\\"b\\\"\",from=\"intended\",le=\"+Inf\"} 3",
            "expressway_loadgen_latency_seconds_count{scenario=\"a \\\"b\\\"\",from=\"intended\"} 3",
            "expressway_loadgen_latency_seconds_sum{scenario=\"a \\\"b\\\"\",from=\"intended\"} 90.003",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        // Every family is told of once, before its samples.
        let types = text.lines().filter(|line| line.starts_with("# TYPE"));
        let names: Vec<&str> = types.map(|line| line.split(' ').nth(2).unwrap()).collect();
        assert!(names.iter().enumerate().all(|(nth, name)| !names[..nth].contains(name)));
    }

    #[test]
    fn scrapes_are_answered_until_the_end() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let exposition = Exposition::start(free, shown()).unwrap();
        let ask = |path: &str| {
            let mut stream = TcpStream::connect(free).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        };
        let text = ask("/metrics");
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains("expressway_loadgen_target_rate{"), "{text}");
        assert!(ask("/").starts_with("HTTP/1.1 404"));
        drop(exposition);
        assert!(TcpStream::connect(free).is_err());
    }
}
