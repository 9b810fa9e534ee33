//! A real Prometheus on a free port, with the rules that are shipped.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::support::{free_ports, tied_to_this_thread, within};

/// An endpoint to scrape.
pub(crate) struct Scraped {
    pub(crate) job: &'static str,
    pub(crate) port: u16,
    /// A name instead of the address, which is another one every time.
    pub(crate) instance: Option<String>,
}

/// Dropping it kills it.
pub(crate) struct Prometheus {
    child: Child,
    port: u16,
}

impl Prometheus {
    /// Scrapes `targets` once a second; keeps its data in `directory`.
    pub(crate) fn start(directory: &Path, targets: &[Scraped]) -> Self {
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/prometheus");
        let mut config = format!(
            "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\nrule_files:\n  \
             - {}/expressway.rules.yml\nscrape_configs:\n",
            rules.display()
        );
        let mut last_job = "";
        for Scraped { job, port, instance } in targets {
            if *job != last_job {
                let _ = write!(config, "  - job_name: {job}\n    static_configs:\n");
                last_job = job;
            }
            let _ = writeln!(config, "      - targets: [\"127.0.0.1:{port}\"]");
            if let Some(instance) = instance {
                let _ = writeln!(config, "        labels: {{instance: {instance}}}");
            }
        }
        let file = directory.join("prometheus.yml");
        fs::write(&file, config).expect("a configuration file");
        let [port] = free_ports();
        let log = File::create(directory.join("prometheus.log")).expect("a log file");
        let child = tied_to_this_thread(&tool("prometheus"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("tsdb").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Prometheus starts");
        let prometheus = Self { child, port };
        within(START_LIMIT, "Prometheus is ready", || {
            prometheus.ask("/-/ready", "").filter(|answer| answer.contains("Ready"))
        });
        prometheus
    }

    /// The series of a query over the last seconds.
    pub(crate) fn range(&self, query: &str) -> Result<Vec<Value>, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        self.between(query, now - RANGE_SECONDS, now, 1)
    }

    /// The series of a query from one Unix second to another, a point every `step` seconds.
    pub(crate) fn between(
        &self,
        query: &str,
        from: u64,
        to: u64,
        step: u64,
    ) -> Result<Vec<Value>, String> {
        let form = format!("query={}&start={from}&end={to}&step={step}", encoded(query));
        self.data("/api/v1/query_range", &form).map(|mut data| list(data["result"].take()))
    }

    /// The values of a label among the series that match.
    pub(crate) fn label_values(&self, selector: &str, label: &str) -> Vec<Value> {
        let path = format!("/api/v1/label/{label}/values?match%5B%5D={}", encoded(selector));
        match self.data(&path, "") {
            Ok(values) => list(values),
            Err(why) => panic!("{selector}: {why}"),
        }
    }

    /// All rules with their health.
    pub(crate) fn rules(&self) -> Vec<Value> {
        let data = self.data("/api/v1/rules", "").expect("rules");
        let groups = data["groups"].as_array().cloned().unwrap_or_default();
        groups.into_iter().flat_map(|mut group| list(group["rules"].take())).collect()
    }

    fn data(&self, path: &str, form: &str) -> Result<Value, String> {
        let body = self.ask(path, form).ok_or("no answer")?;
        let mut answer: Value =
            serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
        if answer["status"] == "success" { Ok(answer["data"].take()) } else { Err(body) }
    }

    /// The body of an answer; with a form it is a POST. HTTP/1.0 has no chunks.
    fn ask(&self, path: &str, form: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(ANSWER_LIMIT)).ok()?;
        let method = if form.is_empty() { "GET" } else { "POST" };
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: x\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `prometheus` or `promtool`, fetched when it is missing.
pub(crate) fn tool(name: &str) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/prometheus");
    let output = Command::new(script).args(["path", name]).output().expect(".ci/prometheus runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a path").trim_end().into()
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list,
        _ => Vec::new(),
    }
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = if byte.is_ascii_alphanumeric() {
            write!(out, "{}", char::from(byte))
        } else {
            write!(out, "%{byte:02X}")
        };
        out
    })
}

const RANGE_SECONDS: u64 = 30;
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const START_LIMIT: Duration = Duration::from_mins(1);
