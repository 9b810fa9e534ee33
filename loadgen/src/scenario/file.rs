//! The scenario file: what it may say, in the words it says it in.
//!
//! Flags are laid over a scenario file as if they had been written in it ([`super::overlay`]);
//! what the keys mean together is [`super::resolve`]'s affair. Everything has a default or is
//! optional here, so that a file may leave to flags what differs from machine to machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits::Limits;
use crate::fields::{Field, Scalar};
use crate::keys::Distribution;
use crate::plan::PoisonKind;
use crate::quantity::{Rate, Span};

/// A load to send and what must come back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "expressway-loadgen scenario")]
pub(crate) struct File {
    /// What reports call the scenario; by default the name of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// What it is for, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// What everything random follows from: keys, fields, poison, arrivals. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    /// How arrivals are spread over the rate. Default `uniform`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) arrivals: Option<ArrivalsName>,
    /// The rate of a run without stages. Default 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<Rate>,
    /// Stop after so many events, whatever the stages say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub(crate) count: Option<u64>,
    /// Stop after so long, whatever the stages say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration: Option<Span>,
    /// Events due this early are verified but left out of latency. Default 0s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warmup: Option<Span>,
    /// How long to wait for outstanding outcomes after the last event. Default 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) drain_timeout: Option<Span>,
    /// How long to go on reading once all outcomes are in. Default 250ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) settle: Option<Span>,
    /// Where the events go and what comes back.
    pub(crate) kafka: Kafka,
    /// Parts of the run, one after the other.
    #[serde(rename = "stage", skip_serializing_if = "Vec::is_empty")]
    pub(crate) stages: Vec<Stage>,
    /// Which keys events have.
    pub(crate) keys: KeysTable,
    /// What events are.
    pub(crate) payload: PayloadTable,
    /// Events that are malformed on purpose.
    pub(crate) poison: PoisonTable,
    /// What every result must equal.
    pub(crate) expect: ExpectTable,
    /// What is checked of a record beside its number and value.
    pub(crate) verify: VerifyTable,
    /// What the generator may do to itself.
    pub(crate) generator: GeneratorTable,
    /// What the whole run must keep to.
    pub(crate) thresholds: Limits,
}

impl File {
    /// Returns the paths of all files that the scenario names.
    pub(super) fn named_files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let recordings = self.stages.iter_mut().filter_map(|stage| match stage {
            Stage::Replay { file, .. } => Some(file),
            _ => None,
        });
        self.payload.file.iter_mut().chain(self.expect.file.iter_mut()).chain(recordings)
    }
}

impl Stage {
    /// Returns how long the stage takes, unless a recording says so.
    pub(super) fn duration(&self) -> Option<Span> {
        match self {
            Self::Constant { common, .. }
            | Self::Ramp { common, .. }
            | Self::Step { common, .. }
            | Self::Burst { common, .. }
            | Self::Sine { common, .. } => Some(common.duration),
            Self::Replay { duration, .. } => *duration,
        }
    }
}

/// Where the events go and what comes back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Kafka {
    /// Brokers to start from, `HOST:PORT[,HOST:PORT...]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) brokers: Option<String>,
    /// Topic the events are sent to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) topic: Option<String>,
    /// Topics where results appear.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) result_topics: Vec<String>,
    /// Topic where results of failed executions appear, if not among the result topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure_topic: Option<String>,
    /// Topic where billing records appear; without it bills are not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) billing_topic: Option<String>,
    /// Topic where rejected events appear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dead_letter_topic: Option<String>,
    /// Consumer group of the application under test; with it, its committed offsets are watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// Create the topics first, with so many partitions (needs a real broker).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) create_topics: Option<u32>,
    /// How long to try to reach the brokers at start. Default 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connect_timeout: Option<Span>,
    /// librdkafka settings for all clients.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) properties: BTreeMap<String, Scalar>,
}

/// How arrivals are spread over the rate.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ArrivalsName {
    /// At even distances.
    #[default]
    Uniform,
    /// Independent of each other, as those of many users are.
    Poisson,
}

/// A part of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "shape", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Stage {
    /// One rate; a rate of 0 is a pause.
    Constant {
        #[serde(flatten)]
        common: Common,
        /// Events per second.
        rate: Rate,
    },
    /// A straight line from one rate to another.
    Ramp {
        #[serde(flatten)]
        common: Common,
        /// Rate at the start.
        from: Rate,
        /// Rate at the end.
        to: Rate,
    },
    /// Equal steps from one rate to another, each a stage of its own in the report.
    Step {
        #[serde(flatten)]
        common: Common,
        /// Rate of the first step.
        from: Rate,
        /// Rate of the last step.
        to: Rate,
        /// Number of steps; they share the duration.
        #[schemars(range(min = 2, max = 100))]
        steps: u32,
    },
    /// A base rate, and a peak at the end of every period.
    Burst {
        #[serde(flatten)]
        common: Common,
        /// Rate between bursts.
        base: Rate,
        /// Rate within bursts.
        peak: Rate,
        /// Length of a period.
        every: Span,
        /// Length of the burst that ends it.
        length: Span,
    },
    /// A wave around a mean.
    Sine {
        #[serde(flatten)]
        common: Common,
        /// The mean rate.
        mean: Rate,
        /// The distance of the extremes from it.
        amplitude: Rate,
        /// Length of a wave.
        period: Span,
    },
    /// Arrivals as recorded in a file, one time a line.
    Replay {
        /// What reports call it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Stop after so long; by default with the last arrival.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration: Option<Span>,
        /// What this stage must keep to.
        #[serde(default, skip_serializing_if = "Limits::is_empty")]
        thresholds: Limits,
        /// The recording; a relative path starts at the folder of the scenario.
        file: PathBuf,
        /// What its times are in. Default `s`.
        #[serde(default)]
        unit: TimeUnit,
        /// Twice as fast is 2. Default 1.
        #[serde(default = "one")]
        speed: f64,
    },
}

/// What all stages but a replay have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Common {
    /// What reports call it; by default its shape and its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// How long it takes.
    pub(crate) duration: Span,
    /// What this stage must keep to.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub(crate) thresholds: Limits,
}

/// What the times of a recording are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TimeUnit {
    /// Seconds, with or without a fraction.
    #[default]
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

/// Which keys events have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct KeysTable {
    /// How events are spread over the keys. Default `round_robin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) distribution: Option<Distribution>,
    /// How many different keys there are. Default 1024; 0 sends events without a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 10_000_000))]
    pub(crate) count: Option<u32>,
    /// Steepness of `zipf`, above 0 and at most 10. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exponent: Option<f64>,
}

/// What events are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PayloadTable {
    /// File to send, used as it is but for its holes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// The same, written here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<String>,
    /// Pad events to this many bytes. Default 256, or 0 with a file or template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<SizeValue>,
    /// Values that are drawn for each event, by the name of their hole.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) fields: BTreeMap<String, Field>,
}

/// One size, or a range of which every size is equally likely.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected a number of bytes, or { min = N, max = N }"
)]
pub(crate) enum SizeValue {
    /// Always the same.
    Bytes(u32),
    /// Anything in between.
    Range {
        /// Fewest bytes.
        min: u32,
        /// Most bytes.
        max: u32,
    },
}

/// Events that are malformed on purpose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PoisonTable {
    /// Their share of all events, 0 to 1. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    pub(crate) share: Option<f64>,
    /// In which ways, in equal parts. Default `["truncated"]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kinds: Option<Vec<PoisonKind>>,
}

/// What every result must equal; it may have the payload's holes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ExpectTable {
    /// File with the JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// The same, written here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<String>,
}

/// What is checked of a record beside its number and value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct VerifyTable {
    /// Results have the key of their event; switch off for applications that change it. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keys: Option<bool>,
    /// Dead letters have a `dlq.*` header. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dead_letter_headers: Option<bool>,
}

/// What the generator may do to itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GeneratorTable {
    /// Late in more than this share of its ticks, and the run is invalid. Default 0.01.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    pub(crate) late_share_max: Option<f64>,
    /// Send no more while so many events have no outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub(crate) outstanding_max: Option<u64>,
}

fn one() -> f64 {
    1.0
}
