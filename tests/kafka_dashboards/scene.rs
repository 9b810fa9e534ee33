//! A broker, a service with two pipelines, a service that it calls, the load generator, Prometheus.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::prometheus::{Prometheus, tool};
use crate::support::broker::Broker;
use crate::support::process::Service;
use crate::support::{free_ports, tied_to_this_thread, within};

pub(crate) struct Scene {
    // Dropped in this order.
    pub(crate) prometheus: Prometheus,
    generators: Vec<Generator>,
    service: Service,
    _directory: TempDir,
    _broker: Broker,
}

impl Scene {
    /// Starts everything; events flow when this returns.
    pub(crate) fn set() -> Self {
        let broker = Broker::start();
        let topics: Vec<String> = PIPELINES
            .iter()
            .flat_map(|name| {
                ["", "-results", "-billing", "-dlq"].map(|kind| format!("{name}{kind}"))
            })
            .collect();
        let topics: Vec<_> = topics.iter().map(|name| (name.as_str(), 2)).collect();
        broker.create_topics(&topics);
        let directory = TempDir::with_prefix_in("dashboards-", env!("CARGO_TARGET_TMPDIR"))
            .expect("a temporary folder below target/");
        let [admin_port] = free_ports();
        let config = config(&broker, directory.path(), answering(), admin_port);
        let mut service = Service::start(directory.path(), "service", &config, admin_port);
        service.wait_ready(Duration::from_secs(30));
        let generators: Vec<_> = PIPELINES
            .iter()
            .map(|name| Generator::start(&broker, directory.path(), name))
            .collect();
        let mut targets = vec![("expressway", admin_port)];
        targets.extend(generators.iter().map(|one| ("loadgen", one.port)).take(1));
        let prometheus = Prometheus::start(directory.path(), &targets);
        within(FLOW_LIMIT, "events flow through both pipelines", || {
            let calls = service.metric("expressway_tasks_finished_total");
            let ends = service.metric("expressway_executions_finished_total");
            (calls > 100.0 && ends > 2_000.0).then_some(())
        });
        Self { prometheus, generators, service, _directory: directory, _broker: broker }
    }

    /// What service and generator show is clean by promtool's lint, three names aside.
    pub(crate) fn assert_pages_pass_promtool(&self) {
        for port in [self.service.admin_port(), self.generators[0].port] {
            let page = get(port);
            let mut child = Command::new(tool("promtool"))
                .args(["check", "metrics"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("promtool");
            child.stdin.take().expect("a pipe").write_all(page.as_bytes()).expect("a reader");
            let output = child.wait_with_output().expect("an end");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let found = said.lines().filter(|line| !line.is_empty());
            let new: Vec<_> = found
                .filter(|line| !UNITS_OF_THE_BILL.iter().any(|name| line.starts_with(name)))
                .collect();
            // 3 is the lint's own; anything else is a page that cannot be read.
            assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
            assert!(new.is_empty(), "{new:?}");
        }
    }
}

/// A running load generator.
struct Generator {
    child: Child,
    port: u16,
}

impl Generator {
    fn start(broker: &Broker, directory: &Path, name: &str) -> Self {
        let program = loadgen();
        let [port] = free_ports();
        let log = File::create(directory.join(format!("loadgen-{name}.log"))).expect("a log file");
        let mut command = tied_to_this_thread(&program);
        command.args(["--brokers", broker.bootstrap(), "--topic", name]);
        for (flag, kind) in [
            ("--result-topic", "results"),
            ("--billing-topic", "billing"),
            ("--dead-letter-topic", "dlq"),
        ] {
            command.args([flag.to_owned(), format!("{name}-{kind}")]);
        }
        let child = command
            .args(["--payload", &definition("pass-choice.input.json")])
            .args(["--poison-share", "0.01", "--rate", "300", "--duration", "10m"])
            .args(["--metrics-listen".to_owned(), format!("127.0.0.1:{port}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the load generator starts");
        Self { child, port }
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// It is a package of its own; the build of the workspace puts it beside ours.
fn loadgen() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_expressway")).with_file_name("expressway-loadgen");
    assert!(path.exists(), "build it first: cargo build --workspace --bins");
    path
}

fn config(broker: &Broker, directory: &Path, called: u16, admin_port: u16) -> String {
    let calls = directory.join("calls.asl.json");
    let text = CALLS.replace("PORT", &called.to_string());
    fs::write(&calls, text).expect("a definition");
    let mut config = format!(
        "[kafka]\nbrokers = [\"{}\"]\n[shards]\ncount = 2\n[http]\nlisten = \"127.0.0.1:{admin_port}\"\n\
         [task.http]\nallow = [\"127.0.0.1:{called}\"]\n[metrics]\nper_state = \"full\"\n",
        broker.bootstrap()
    );
    for (name, definition) in
        PIPELINES.iter().zip([definition("pass-choice.asl.json"), calls.display().to_string()])
    {
        let _ = write!(
            config,
            "[[pipeline]]\nname = \"{name}\"\ntopics = [\"{name}\"]\ndefinition = '{definition}'\n\
             result_topic = \"{name}-results\"\nbilling_topic = \"{name}-billing\"\n\
             dead_letter_topic = \"{name}-dlq\"\n"
        );
    }
    config
}

fn definition(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/state-machines");
    folder.join(file).display().to_string()
}

/// A service that answers every call with an empty object; it ends with the test's process.
fn answering() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    let port = listener.local_addr().expect("a bound address").port();
    let accept = move || {
        for stream in listener.incoming().flatten() {
            named("connection", move || {
                answer(&stream);
            });
        }
    };
    named("called-service", accept);
    port
}

/// A thread that nobody waits for.
fn named(name: &str, work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(work).expect("a thread");
}

/// Answers requests until the connection is closed.
fn answer(stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.is_empty() {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        writer.write_all(answer.as_bytes()).ok()?;
    }
}

fn get(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("an endpoint");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
}

/// Their units are those in which AWS bills and prices, so that sums stay exact integers; the lint
/// would have base units.
const UNITS_OF_THE_BILL: [&str; 3] = [
    "expressway_execution_billed_mb_milliseconds_total",
    "expressway_price_per_gb_hour",
    "expressway_price_tier_start_gb_hours",
];

const PIPELINES: [&str; 2] = ["orders", "calls"];

const CALLS: &str = r#"{
  "StartAt": "Ask",
  "States": {
    "Ask": {
      "Type": "Task",
      "Resource": "arn:aws:states:::http:invoke",
      "Parameters": {"ApiEndpoint": "http://127.0.0.1:PORT/", "Method": "GET"},
      "TimeoutSeconds": 20,
      "Retry": [{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 1}],
      "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Give up"}],
      "ResultSelector": {"items": [1, 2, 3]},
      "Next": "Each"
    },
    "Each": {
      "Type": "Map",
      "ItemsPath": "$.items",
      "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Pass", "End": true}}},
      "Next": "Rest"
    },
    "Rest": {"Type": "Wait", "Seconds": 1, "End": true},
    "Give up": {"Type": "Fail", "Error": "Calls.Failed"}
  }
}"#;

const FLOW_LIMIT: Duration = Duration::from_secs(90);
