//! Spans to an OpenTelemetry collector: OTLP over HTTP, in protobuf.
//!
//! A [`Recorder`] on each shard makes the spans of the executions whose spans are recorded (`story`) and
//! puts them, encoded, into one bounded queue; an [`Exporter`] on a thread of its own sends them in
//! batches. Telling never holds up what is told: what finds no room is dropped and counted. Nothing is
//! known here of Kafka and of the configuration.
//! <https://opentelemetry.io/docs/specs/otlp/>
//!
//! Without the feature `otlp` there are only the options, so that every build knows what a configuration
//! may say.

#[cfg(feature = "otlp")]
mod client;
mod endpoint;
#[cfg(feature = "otlp")]
mod exporter;
#[cfg(feature = "otlp")]
mod message;
#[cfg(feature = "otlp")]
mod recorder;
#[cfg(feature = "otlp")]
mod story;

#[cfg(feature = "otlp")]
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::endpoint::{BadEndpoint, Endpoint};
#[cfg(feature = "otlp")]
pub use self::exporter::Exporter;
#[cfg(feature = "otlp")]
pub use self::recorder::Recorder;

/// Where spans go, and what goes with them.
#[derive(Clone, Debug)]
pub struct Options {
    /// The collector.
    pub endpoint: Endpoint,
    /// Attributes of the resource, `service.name` among them.
    pub resource: Vec<(String, String)>,
    /// How long one attempt to send may take.
    pub timeout: Duration,
    /// How long a batch waits to be full.
    pub delay: Duration,
    /// Bytes of encoded spans that may wait.
    pub queue_bytes: usize,
}

/// What spans say of a state machine.
#[derive(Clone, Debug)]
pub struct MachineCard {
    /// Its ARN.
    pub arn: String,
    /// Everything of an execution's ARN before its name.
    pub execution_arn_prefix: String,
    /// Its name.
    pub name: String,
    /// Version, when it has one.
    pub version: Option<String>,
    /// Which text of the definition this is.
    pub revision: String,
}

/// What spans say of a pipeline.
#[derive(Clone, Debug)]
pub struct PipelineCard {
    /// Its name.
    pub name: String,
    /// Its consumer group.
    pub group: String,
    /// Source topics, in the order of `Origin::topic`.
    pub topics: Vec<String>,
}

/// Machines and pipelines by their index.
#[derive(Debug)]
pub struct Cards {
    /// By `MachineIdx`.
    pub machines: Vec<MachineCard>,
    /// By `PipelineIdx`.
    pub pipelines: Vec<PipelineCard>,
}
