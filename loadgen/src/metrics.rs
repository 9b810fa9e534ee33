//! `--metrics ADDRESS`: the figures of a run as Prometheus text, for the dashboard of a load test.
//!
//! One thread answers one request at a time; whoever asks more often than it answers waits.

use std::fmt::Write as _;
use std::io::{self, Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::gauges::{BOUNDS_SECONDS, Buckets, Gauges};

/// A listening endpoint; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Endpoint {
    gauges: Arc<Gauges>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Listens on `address`; `rate` is what the run was asked for, in events per second.
    pub(crate) fn start(address: SocketAddr, rate: f64, gauges: &Arc<Gauges>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shown = Arc::clone(gauges);
        let thread =
            std::thread::Builder::new().name("loadgen-metrics".to_owned()).spawn(move || {
                for stream in listener.incoming() {
                    if shown.stop_serving.load(Ordering::Relaxed) {
                        return;
                    }
                    // A scraper that goes away is its own concern.
                    let _ = stream.and_then(|stream| answer(stream, &page(&shown, rate)));
                }
            })?;
        Ok(Self { gauges: Arc::clone(gauges), address, thread: Some(thread) })
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.gauges.stop_serving.store(true, Ordering::Relaxed);
        // It waits for a connection and looks at the flag then.
        let woken = TcpStream::connect_timeout(&self.address, ANSWER_LIMIT);
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// Answers whatever is asked with the page: there is only one.
fn answer(mut stream: TcpStream, page: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.set_write_timeout(Some(ANSWER_LIMIT))?;
    let mut request = Vec::new();
    let mut piece = [0; 1_024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < REQUEST_BYTES_MAX {
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&piece[..count]),
        }
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        page.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(page.as_bytes())
}

fn page(gauges: &Gauges, rate: f64) -> String {
    let mut out = String::new();
    family(&mut out, "target_rate", "gauge", "Events a second that --rate asks for.");
    let _ = writeln!(out, "{PREFIX}target_rate {rate}");
    family(&mut out, "records_sent_total", "counter", "Events sent, by what became of them.");
    for (result, cell) in [
        ("accepted", &gauges.sent),
        ("acknowledged", &gauges.acknowledged),
        ("undelivered", &gauges.undelivered),
    ] {
        let _ = writeln!(out, "{PREFIX}records_sent_total{{result=\"{result}\"}} {}", cell.get());
    }
    family(&mut out, "results_total", "counter", "Checked outcomes.");
    for (status, cell) in
        [("ok", &gauges.settled), ("duplicate", &gauges.duplicated), ("wrong", &gauges.wrong)]
    {
        let _ = writeln!(out, "{PREFIX}results_total{{status=\"{status}\"}} {}", cell.get());
    }
    family(
        &mut out,
        "latency_seconds",
        "histogram",
        "Intended time of sending to outcome seen, free of coordinated omission.",
    );
    buckets(&mut out, "latency_seconds", "from=\"intended\"", &gauges.latency);
    family(
        &mut out,
        "schedule_delay_seconds",
        "histogram",
        "How late events were sent: if this grows, the generator is the bottleneck.",
    );
    buckets(&mut out, "schedule_delay_seconds", "", &gauges.schedule_delay);
    out
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}");
}

fn buckets(out: &mut String, name: &str, label: &str, buckets: &Buckets) {
    let comma = if label.is_empty() { "" } else { "," };
    let mut cumulative = 0;
    for (bound, count) in BOUNDS_SECONDS.iter().chain(&["+Inf"]).zip(buckets.counts()) {
        cumulative += count;
        let _ = writeln!(out, "{PREFIX}{name}_bucket{{{label}{comma}le=\"{bound}\"}} {cumulative}");
    }
    let labels = if label.is_empty() { String::new() } else { format!("{{{label}}}") };
    let _ = writeln!(out, "{PREFIX}{name}_sum{labels} {}", buckets.sum_us() as f64 / 1e6);
    let _ = writeln!(out, "{PREFIX}{name}_count{labels} {cumulative}");
}

const PREFIX: &str = "expressway_loadgen_";
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const REQUEST_BYTES_MAX: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_shows_the_run_and_the_endpoint_ends() {
        let gauges = Arc::new(Gauges::default());
        gauges.settled.set(7);
        gauges.latency.observe_us(300);
        gauges.latency.observe_us(2_000_000);
        let any = "127.0.0.1:0".parse().unwrap();
        let endpoint = Endpoint::start(any, 2.5, &gauges).unwrap();
        let mut stream = TcpStream::connect(endpoint.address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        for line in [
            "expressway_loadgen_target_rate 2.5",
            "expressway_loadgen_results_total{status=\"ok\"} 7",
            "expressway_loadgen_latency_seconds_bucket{from=\"intended\",le=\"0.00025\"} 0",
            "expressway_loadgen_latency_seconds_bucket{from=\"intended\",le=\"0.0005\"} 1",
            "expressway_loadgen_latency_seconds_bucket{from=\"intended\",le=\"+Inf\"} 2",
            "expressway_loadgen_latency_seconds_sum{from=\"intended\"} 2.0003",
            "expressway_loadgen_schedule_delay_seconds_count 0",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line}: {text}");
        }
        drop(endpoint);
    }
}
