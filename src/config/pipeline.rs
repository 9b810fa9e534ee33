//! The settings of a pipeline: `[[pipeline]]`, declared as those in [`super::settings`] are.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

impl Pipeline {
    /// A pipeline that only reads a file: no topic is ever opened.
    pub fn for_file(definition: PathBuf, name: &str, role: &str) -> Self {
        Self {
            name: name.to_owned(),
            topics: vec!["file".to_owned()],
            group: String::new(),
            start_offset: start_offset(),
            definition,
            state_machine: name.to_owned(),
            version: String::new(),
            machine_type: machine_type(),
            distributed_map: false,
            role: role.to_owned(),
            result_topic: String::new(),
            failure_topic: String::new(),
            billing_topic: String::new(),
            billing_per: BillingPer::Execution,
            billing_mode: BillingMode::Structured,
            history_topic: String::new(),
            dead_letter_topic: String::new(),
            guarantee: guarantee(),
            ordering: ordering(),
            format: format(),
            logging: Logging::default(),
            tags: BTreeMap::new(),
        }
    }
}

/// From source topics to a state machine to sink topics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// Unique name; part of every execution's identity, so renaming it changes their ids.
    #[schemars(extend("format" = "name"))]
    pub name: String,
    /// Topics whose records become executions.
    #[schemars(length(min = 1), extend("items" = {"type": "string", "format": "topic"}))]
    pub topics: Vec<String>,
    /// Consumer group; `expressway-NAME` when it is not given.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub group: String,
    /// Where a partition without a committed offset begins.
    #[serde(default = "start_offset")]
    pub start_offset: StartOffset,
    /// ASL definition; a relative path starts at the folder of the configuration file.
    #[schemars(extend("minLength" = 1))]
    pub definition: PathBuf,
    /// Name of the state machine in ARNs; the pipeline's name when it is not given.
    #[serde(default)]
    #[schemars(extend("format" = "name"))]
    pub state_machine: String,
    /// Version of the state machine, for billing records, at most 80 characters; none when it is
    /// not given.
    #[serde(default)]
    pub version: String,
    /// Type of the state machine.
    #[serde(default = "machine_type", rename = "type")]
    pub machine_type: MachineType,
    /// Run Maps of `Mode: DISTRIBUTED`, which AWS refuses in Express machines.
    #[serde(default)]
    pub distributed_map: bool,
    /// Role in the context object; `aws.role` when it is not given.
    #[serde(default)]
    #[schemars(extend("format" = "role"))]
    pub role: String,
    /// Topic for the results.
    #[schemars(extend("format" = "topic"))]
    pub result_topic: String,
    /// Topic for results of executions that failed or timed out; `result_topic` when not given.
    #[serde(default)]
    #[schemars(extend("format" = "topic"))]
    pub failure_topic: String,
    /// Topic for the billing records, one per execution.
    #[schemars(extend("format" = "topic"))]
    pub billing_topic: String,
    /// What a billing record is for: an execution, or all that ended in a minute.
    #[serde(default = "billing_per")]
    pub billing_per: BillingPer,
    /// How billing records lie there.
    #[serde(default = "billing_mode")]
    pub billing_mode: BillingMode,
    /// Topic for the history, a record per event; needed where `logging` has a level.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(extend("format" = "topic"))]
    pub history_topic: String,
    /// Topic for records that cannot start an execution.
    #[schemars(extend("format" = "topic"))]
    pub dead_letter_topic: String,
    /// How often an event may run.
    #[serde(default = "guarantee")]
    pub guarantee: Guarantee,
    /// In which order the results of one key appear.
    #[serde(default = "ordering")]
    pub ordering: Ordering,
    /// Shape of a result record.
    #[serde(default = "format")]
    pub format: Format,
    /// Execution logging, as in AWS's LoggingConfiguration.
    #[serde(default)]
    pub logging: Logging,
    /// Tags of the state machine, carried into billing records. At most 50.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// Where a partition without a committed offset begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StartOffset {
    /// With the oldest record.
    Earliest,
    /// With the first record that arrives after the start.
    Latest,
}

impl StartOffset {
    /// The value of librdkafka's `auto.offset.reset`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
        }
    }
}

/// Type of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum MachineType {
    /// In memory, at most five minutes, billed by time and memory.
    Express,
}

/// How often an event may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Guarantee {
    /// Once, and again after a crash; repeated outputs carry equal ids.
    AtLeastOnce,
}

/// In which order the results of one key appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ordering {
    /// As the executions end.
    None,
}

/// Shape of a result record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// The value is the output document; everything else is in headers.
    Output,
}

/// What a billing record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BillingPer {
    /// One execution.
    Execution,
    /// The executions of a range of offsets, summed by minute and status; offsets are committed as
    /// their sums are written, so up to a minute of events runs again after a crash.
    Minute,
}

/// How billing records lie on their topic: the modes of CloudEvents' Kafka binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BillingMode {
    /// The value is the whole event, in JSON.
    Structured,
    /// The value is the event's data; its attributes are headers `ce_…`.
    Binary,
}

/// Execution logging, as in AWS's LoggingConfiguration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// Which history events are logged.
    pub level: LogLevel,
    /// Whether they carry input, output, parameters and variables.
    pub include_execution_data: bool,
    /// Where they go.
    pub destination: LogDestination,
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            level: LogLevel::Off,
            include_execution_data: false,
            destination: LogDestination::Topic,
        }
    }
}

/// Which history events are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// All.
    All,
    /// What failed, timed out or was aborted, in the execution and as a whole.
    Error,
    /// Executions that failed, timed out or were aborted.
    Fatal,
    /// None.
    Off,
}

/// Where the history goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogDestination {
    /// To `history_topic`, a record per event.
    Topic,
    /// To stdout, a line per event. A reader that does not read holds up the pipeline.
    Stdout,
}

fn start_offset() -> StartOffset {
    StartOffset::Earliest
}

fn machine_type() -> MachineType {
    MachineType::Express
}

fn guarantee() -> Guarantee {
    Guarantee::AtLeastOnce
}

fn ordering() -> Ordering {
    Ordering::None
}

fn billing_per() -> BillingPer {
    BillingPer::Execution
}

fn billing_mode() -> BillingMode {
    BillingMode::Structured
}

fn format() -> Format {
    Format::Output
}
