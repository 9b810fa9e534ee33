//! The settings themselves: every key that a configuration file may hold, with its default.
//!
//! The doc comments are the descriptions in `config/expressway.schema.json`, and the shape check of
//! [`super::shape`] is driven by that schema; so a key is declared here and nowhere else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pipeline::Pipeline;
use super::values::{Listen, Property, ShardCount, period};
use crate::vm;

/// Configuration of the expressway service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long a stop (SIGTERM, SIGINT) waits for open executions before it drops them
    /// uncommitted; the next owner of their partitions runs them again.
    #[serde(with = "period")]
    #[schemars(with = "period::Text")]
    pub drain_timeout: Duration,
    /// The brokers and the clients' own settings.
    pub kafka: Kafka,
    /// The threads that run executions.
    pub shards: Shards,
    /// Bounds on what may be open at a time.
    pub limits: Limits,
    /// The account that ARNs and billing records speak of.
    pub aws: Aws,
    /// The admin port: `/metrics`, `/livez`, `/readyz`.
    pub http: Http,
    /// What is logged, and how.
    pub log: Log,
    /// Calls that Task states make.
    pub task: Task,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// Executions kept in memory for the admin port.
    pub traces: Traces,
    /// From source topics to a state machine to sink topics; one table each.
    #[serde(rename = "pipeline")]
    pub pipelines: Vec<Pipeline>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            drain_timeout: Duration::from_secs(25),
            kafka: Kafka::default(),
            shards: Shards::default(),
            limits: Limits::default(),
            aws: Aws::default(),
            http: Http::default(),
            log: Log::default(),
            task: Task::default(),
            metrics: Metrics::default(),
            traces: Traces::default(),
            pipelines: Vec::new(),
        }
    }
}

/// The brokers and the clients' own settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Kafka {
    /// Where to find the cluster: `host:port`, one or more.
    #[schemars(length(min = 1), extend("items" = {"type": "string", "format": "broker"}))]
    pub brokers: Vec<String>,
    /// Group membership protocol: `consumer` is KIP-848 (brokers from 4.0), `classic` the older one.
    pub group_protocol: GroupProtocol,
    /// Name under which the clients appear in the brokers' logs and quotas.
    #[schemars(length(min = 1))]
    pub client_id: String,
    /// How long to look for the brokers and topics at start before giving up (exit code 4).
    #[serde(with = "period")]
    #[schemars(with = "period::Text")]
    pub connect_timeout: Duration,
    /// librdkafka properties for all clients, such as `security.protocol`.
    pub client: BTreeMap<String, Property>,
    /// librdkafka properties for the consumers.
    pub consumer: BTreeMap<String, Property>,
    /// librdkafka properties for the producers.
    pub producer: BTreeMap<String, Property>,
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            brokers: vec!["127.0.0.1:9092".to_owned()],
            group_protocol: GroupProtocol::Consumer,
            client_id: "expressway".to_owned(),
            connect_timeout: Duration::from_secs(15),
            client: BTreeMap::new(),
            consumer: BTreeMap::new(),
            producer: BTreeMap::new(),
        }
    }
}

/// How instances of one consumer group share the partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupProtocol {
    /// KIP-848, brokers from 4.0.
    Consumer,
    /// The protocol before KIP-848, with cooperative-sticky assignment.
    Classic,
}

impl GroupProtocol {
    /// The value of librdkafka's `group.protocol`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Classic => "classic",
        }
    }
}

/// The threads that run executions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Shards {
    /// Shard threads; `"auto"` is the usable cores less the I/O threads, at least one.
    pub count: ShardCount,
    /// Threads that read and write Kafka, each with its own consumer and producer per pipeline.
    #[schemars(range(min = 1, max = 64))]
    pub io_threads: u16,
    /// Events that may wait in front of one shard; when it is full, reading stops.
    #[schemars(range(min = 16, max = 1_048_576))]
    pub inbox_records: u32,
    /// Whether shard threads are bound to cores; `auto` does so when there are cores enough and no
    /// CPU quota is set.
    pub pin: Pin,
}

impl Default for Shards {
    fn default() -> Self {
        Self { count: ShardCount::Auto, io_threads: 1, inbox_records: 4_096, pin: Pin::Auto }
    }
}

/// Whether shard threads are bound to cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pin {
    /// When there are cores enough and no CPU quota is set.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Bounds on what may be open at a time, and on what one execution may hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Records of one partition that may be read beyond the committed offset: the size of the
    /// replay after a crash.
    #[schemars(range(min = 1, max = 4_194_304))]
    pub uncommitted_per_partition: u32,
    /// Executions that may be open in this instance, all shards together.
    #[schemars(range(min = 1, max = 16_777_216))]
    pub open_executions: u32,
    /// Iterations of one inline Map that run at once; AWS: 40.
    #[schemars(range(min = 1, max = 10_000))]
    pub map_concurrency: u32,
    /// Iterations of one distributed Map that run at once; AWS: 10,000.
    #[schemars(range(min = 1, max = 10_000))]
    pub distributed_concurrency: u32,
    /// Bytes of values that one execution may hold; beyond it, it begins no more branches and
    /// iterations and fails.
    #[schemars(range(min = 1_048_576, max = 4_294_967_296_i64))]
    pub execution_bytes: u64,
    /// Bytes of history that one execution may hold where it is logged; beyond it, its events are
    /// counted, and only its end is logged.
    #[schemars(range(min = 65_536, max = 268_435_456))]
    pub history_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let execution = vm::Limits::default();
        Self {
            uncommitted_per_partition: 65_536,
            open_executions: 1_048_576,
            map_concurrency: execution.map_concurrency_max,
            distributed_concurrency: execution.distributed_concurrency_max,
            execution_bytes: execution.held_bytes_max as u64,
            history_bytes: execution.history_bytes_max as u32,
        }
    }
}

/// The account that ARNs and billing records speak of; no call to AWS is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Aws {
    /// Region in ARNs, and of the prices on `/metrics`.
    #[schemars(extend("format" = "region"))]
    pub region: String,
    /// Twelve digits.
    #[schemars(extend("format" = "account"))]
    pub account: String,
    /// Role in the context object; `arn:aws:iam::ACCOUNT:role/expressway` when it is not given.
    #[schemars(extend("format" = "role"))]
    pub role: String,
    /// Price file for `expressway bill` and the prices on `/metrics`; a relative path starts at the
    /// folder of the configuration file. The prices that come along when it is not given.
    pub prices: PathBuf,
}

impl Default for Aws {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            role: "arn:aws:iam::000000000000:role/expressway".to_owned(),
            prices: PathBuf::new(),
        }
    }
}

/// The admin port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address and port, `"off"` for none; port 0 takes a free one and logs it.
    pub listen: Listen,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: Listen::loopback(9640) }
    }
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `auto` is text on a terminal and JSON elsewhere.
    pub format: LogFormat,
    /// A level, or a filter such as `info,expressway::ingest=debug`.
    #[schemars(extend("format" = "log-filter"))]
    pub level: String,
    /// Lines that each place in the code may write in ten seconds, at info and above; the rest is
    /// counted. 0 is no limit.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub burst: u32,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Auto, level: "info".to_owned(), burst: 10 }
    }
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One line for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Calls that Task states make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Task {
    /// `arn:aws:states:::http:invoke`.
    pub http: TaskHttp,
}

/// `arn:aws:states:::http:invoke`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TaskHttp {
    /// Hosts that workflows may call: `host`, `host:port`, `*.example.com`. Empty: none.
    #[schemars(extend("items" = {"type": "string", "format": "host-pattern"}))]
    pub allow: Vec<String>,
    /// Calls under way per shard; more wait in order.
    #[schemars(range(min = 1, max = 65_536))]
    pub calls_per_shard: u32,
    /// Idle connections kept per host and shard.
    #[schemars(range(min = 0, max = 65_536))]
    pub idle_connections_per_host: u32,
    /// How long one call may take; AWS ends it after 60 s, so more is not accepted.
    #[serde(with = "period")]
    #[schemars(with = "period::Text")]
    pub timeout: Duration,
}

impl Default for TaskHttp {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            calls_per_shard: 1_024,
            idle_connections_per_host: 64,
            timeout: Duration::from_mins(1),
        }
    }
}

/// What `/metrics` shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// State machines with a label of their own; the rest are summed as `other`.
    #[schemars(range(min = 1, max = 10_000))]
    pub state_machines_max: u32,
    /// What is counted by state.
    pub per_state: PerState,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { state_machines_max: 200, per_state: PerState::default() }
    }
}

/// What is counted by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PerState {
    /// Nothing.
    Off,
    /// How often each state is entered, left and how, tried again, and which branch is taken.
    #[default]
    Counters,
    /// The same, and how long states that wait take.
    Full,
}

/// Executions kept in memory for `/api/v1/executions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Traces {
    /// Executions of a million that are taken by chance, with all their events.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub per_million: u32,
    /// Whether those that fail are kept.
    pub errors: bool,
    /// Whether those that are slow are kept.
    pub slow: bool,
    /// From which duration on; `0s` is above the 99th percentile of the state machine.
    #[serde(with = "period")]
    #[schemars(with = "period::Text")]
    pub slow_from: Duration,
    /// Record the events of every execution, so that failed and slow ones have theirs, too.
    pub record_all: bool,
    /// Bytes that all kept executions may hold; 0 keeps none.
    #[schemars(range(min = 0, max = 4_294_967_296_i64))]
    pub memory_bytes: u64,
    /// Spans to an OpenTelemetry collector: of executions whose event has a sampled `traceparent`, and
    /// of `per_million` of those without one.
    pub otlp: Otlp,
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            per_million: 100,
            errors: true,
            slow: true,
            slow_from: Duration::ZERO,
            record_all: false,
            memory_bytes: 16 * 1_048_576,
            otlp: Otlp::default(),
        }
    }
}

/// Spans to an OpenTelemetry collector, by OTLP over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Otlp {
    /// The collector, such as `http://localhost:4318`; without a path, `/v1/traces` is added. `off` or
    /// nothing for no spans. Needs a build with the feature `otlp`.
    #[schemars(extend("format" = "otlp-endpoint"))]
    pub endpoint: String,
    /// `service.name` of all spans.
    #[schemars(length(min = 1))]
    pub service_name: String,
    /// How long one attempt to send may take.
    #[serde(with = "period")]
    #[schemars(with = "period::Text")]
    pub timeout: Duration,
    /// How long spans wait for others to be sent with them.
    #[serde(with = "period")]
    #[schemars(with = "period::Text")]
    pub delay: Duration,
    /// Bytes of encoded spans that may wait; beyond it they are dropped and counted.
    #[schemars(range(min = 65_536, max = 1_073_741_824))]
    pub queue_bytes: u32,
    /// Headers that go with every request, such as those that carry a key.
    pub headers: BTreeMap<String, String>,
    /// Further attributes of the resource, such as `deployment.environment.name`.
    pub resource: BTreeMap<String, String>,
}

impl Default for Otlp {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            service_name: "expressway".to_owned(),
            timeout: Duration::from_secs(10),
            delay: Duration::from_secs(1),
            queue_bytes: 8 * 1_048_576,
            headers: BTreeMap::new(),
            resource: BTreeMap::new(),
        }
    }
}

impl Otlp {
    /// Whether spans are asked for.
    pub fn is_on(&self) -> bool {
        !matches!(self.endpoint.as_str(), "" | "off")
    }
}
