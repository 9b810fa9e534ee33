//! A broker, instances of the service, a service that they call, load generators, Prometheus.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::called;
use crate::play::{Machine, Play};
use crate::prometheus::{Prometheus, Scraped, tool};
use crate::support::broker::Broker;
use crate::support::process::Service;
use crate::support::{free_ports, tied_to_this_thread, within};

pub(crate) struct Scene {
    // Dropped in this order.
    pub(crate) prometheus: Prometheus,
    /// When the load began.
    pub(crate) began: Instant,
    generators: Vec<Generator>,
    services: Vec<Service>,
    /// Of an instance that has not joined yet.
    waiting: Option<(String, u16)>,
    directory: TempDir,
    _broker: Broker,
}

impl Scene {
    /// Starts everything but a second instance; events flow when this returns.
    pub(crate) fn set(play: &Play) -> Self {
        let broker = Broker::start();
        let topics: Vec<String> = play
            .machines
            .iter()
            .flat_map(|machine| {
                ["", "-results", "-billing", "-dlq", "-history"]
                    .map(|kind| format!("{}{kind}", machine.name))
            })
            .collect();
        let topics: Vec<_> = topics.iter().map(|name| (name.as_str(), play.partitions)).collect();
        broker.create_topics(&topics);
        let directory = TempDir::with_prefix_in("dashboards-", env!("CARGO_TARGET_TMPDIR"))
            .expect("a temporary folder below target/");
        let called = called::start(play.called.clone());
        write_definitions(play, directory.path(), called);
        let [admin_port, second_port] = free_ports();
        let config = |port| config(play, &broker, directory.path(), called, port);
        let mut service =
            Service::start(directory.path(), "service", &config(admin_port), admin_port);
        service.wait_ready(READY_LIMIT);
        let began = Instant::now();
        let generators: Vec<_> = play
            .machines
            .iter()
            .map(|machine| Generator::start(&broker, directory.path(), machine))
            .collect();
        let instance = |number: u32| play.names.map(|name| format!("{name}-{number}"));
        let mut targets =
            vec![Scraped { job: "expressway", port: admin_port, instance: instance(1) }];
        let waiting = play.names.map(|_| (config(second_port), second_port));
        if waiting.is_some() {
            targets.push(Scraped { job: "expressway", port: second_port, instance: instance(2) });
        }
        let generator = play.names.map(|_| "loadgen".to_owned());
        targets.push(Scraped { job: "loadgen", port: generators[0].port, instance: generator });
        let prometheus = Prometheus::start(directory.path(), &targets);
        within(FLOW_LIMIT, "events flow through all pipelines", || {
            let calls = service.metric("expressway_tasks_finished_total");
            let ends = service.metric("expressway_executions_finished_total");
            (calls > 100.0 && ends > 2_000.0).then_some(())
        });
        let services = vec![service];
        Self { prometheus, began, generators, services, waiting, directory, _broker: broker }
    }

    /// The second instance starts and takes over some of the partitions.
    pub(crate) fn join(&mut self) {
        let (config, port) = self.waiting.take().expect("an instance that waits");
        let mut service = Service::start(self.directory.path(), "service-2", &config, port);
        service.wait_ready(READY_LIMIT);
        self.services.push(service);
    }

    /// Waits until the first generator has sent and checked everything.
    pub(crate) fn wait_for_the_end(&mut self, limit: Duration) -> ExitStatus {
        let generator = &mut self.generators[0];
        within(limit, "the load generator ends", || generator.child.try_wait().expect("own child"))
    }

    /// The page that the first generator has left.
    pub(crate) fn report(&self) -> PathBuf {
        self.generators[0].output.join("report.html")
    }

    /// What service and generator show is clean by promtool's lint, one name aside.
    pub(crate) fn assert_pages_pass_promtool(&self) {
        for port in [self.services[0].admin_port(), self.generators[0].port] {
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
            let new: Vec<_> = found.filter(|line| !line.starts_with(UNITS_OF_THE_BILL)).collect();
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
    /// The folder of its report, which it leaves at its end.
    output: PathBuf,
}

impl Generator {
    fn start(broker: &Broker, directory: &Path, machine: &Machine) -> Self {
        let name = machine.name;
        let program = loadgen();
        let [port] = free_ports();
        let log = File::create(directory.join(format!("loadgen-{name}.log"))).expect("a log file");
        let scenario = directory.join(format!("{name}.toml"));
        fs::write(&scenario, &machine.scenario).expect("a scenario");
        let output = directory.join(format!("loadgen-{name}"));
        let mut command = tied_to_this_thread(&program);
        command.arg("--scenario").arg(&scenario).arg("--output").arg(&output);
        command.args(["--brokers", broker.bootstrap(), "--topic", name]);
        for (flag, kind) in [
            ("--result-topic", "results"),
            ("--billing-topic", "billing"),
            ("--dead-letter-topic", "dlq"),
        ] {
            command.args([flag.to_owned(), format!("{name}-{kind}")]);
        }
        let child = command
            .args(["--metrics-listen".to_owned(), format!("127.0.0.1:{port}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the load generator starts");
        Self { child, port, output }
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

/// The definitions, with the address of the service that they call.
fn write_definitions(play: &Play, directory: &Path, called: u16) {
    for machine in &play.machines {
        let text = machine.definition.replace("127.0.0.1:8080", &format!("127.0.0.1:{called}"));
        fs::write(definition(directory, machine), text).expect("a definition");
    }
}

/// The machine is called like its file.
fn definition(directory: &Path, machine: &Machine) -> PathBuf {
    directory.join(format!("{}.asl.json", machine.name))
}

fn config(play: &Play, broker: &Broker, directory: &Path, called: u16, admin_port: u16) -> String {
    let mut config = format!(
        "[kafka]\nbrokers = [\"{}\"]\n[shards]\ncount = 2\n[http]\nlisten = \"127.0.0.1:{admin_port}\"\n\
         [task.http]\nallow = [\"127.0.0.1:{called}\"]\n[metrics]\nper_state = \"full\"\n",
        broker.bootstrap()
    );
    for machine in &play.machines {
        let name = machine.name;
        let definition = definition(directory, machine);
        let _ = write!(
            config,
            "[[pipeline]]\nname = \"{name}\"\ntopics = [\"{name}\"]\ndefinition = '{}'\n\
             result_topic = \"{name}-results\"\nbilling_topic = \"{name}-billing\"\n\
             dead_letter_topic = \"{name}-dlq\"\n",
            definition.display()
        );
        if machine.logs {
            let _ = write!(
                config,
                "history_topic = \"{name}-history\"\n[pipeline.logging]\nlevel = \"ALL\"\n"
            );
        }
    }
    config
}

fn get(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("an endpoint");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
}

/// Its units are those in which AWS bills, so that sums stay exact integers; the lint would have base
/// units.
const UNITS_OF_THE_BILL: &str = "expressway_execution_billed_mb_milliseconds_total";

const READY_LIMIT: Duration = Duration::from_secs(30);
const FLOW_LIMIT: Duration = Duration::from_secs(90);
