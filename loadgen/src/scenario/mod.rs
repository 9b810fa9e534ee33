//! Scenarios: a file and flags in, a run that can be carried out or all problems out.
//!
//! ```text
//! file (TOML) → overlay (flags) → resolve (checks, reads the files it names) → Scenario
//! ```

mod file;
mod limits;
mod outline;
mod overlay;
mod problem;
mod recording;
mod resolve;
mod stages;

use std::path::Path;
use std::sync::Arc;

use crate::args::Args;
use crate::expect::{Expectation, minify};
use crate::fields::{Field, Scalar};
use crate::fingerprint::Fingerprint;
use crate::keys::Keys;
use crate::payload::{Payload, Size};
use crate::plan::Plan;
use crate::quantity::{Rate, Span};
use crate::schedule::Schedule;
use crate::stamp::ProducerId;
use crate::template::Template;

pub(crate) use self::file::{ArrivalsName, File};
pub(crate) use self::limits::Limits;
pub(crate) use self::problem::{Problem, Problems};

/// Everything a run needs to know, checked.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// What reports call it.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) description: Option<String>,
    /// The file it would be written as.
    pub(crate) written: File,
    /// Where events go and what comes back.
    pub(crate) kafka: Connection,
    /// What is sent; its start is set when everything stands ready.
    pub(crate) plan: Plan,
    /// Text of events, with holes.
    pub(crate) payload: String,
    /// Its own fields, by name.
    pub(crate) fields: Vec<(String, Field)>,
    /// Its size.
    pub(crate) size: Size,
    /// What every result must equal, with holes.
    pub(crate) expect: Option<String>,
    /// What else is checked.
    pub(crate) verify: Verify,
    /// How long to wait for outstanding outcomes.
    pub(crate) drain_timeout: Span,
    /// How long to go on reading once all are in.
    pub(crate) settle: Span,
    /// Most events without an outcome.
    pub(crate) outstanding_max: Option<u64>,
    /// Share of late ticks above which the run is invalid.
    pub(crate) late_share_max: f64,
    /// What the whole run must keep to.
    pub(crate) limits: Limits,
    /// What each stage must keep to, in the order of the schedule.
    pub(crate) stage_limits: Vec<Limits>,
}

/// Where events go and what comes back.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// Brokers to start from.
    pub(crate) brokers: String,
    /// Topic the events are sent to.
    pub(crate) topic: String,
    /// Topics where results appear.
    pub(crate) result_topics: Vec<String>,
    /// Topic where results of failed executions appear.
    pub(crate) failure_topic: Option<String>,
    /// Topic where billing records appear.
    pub(crate) billing_topic: Option<String>,
    /// Topic where rejected events appear.
    pub(crate) dead_letter_topic: Option<String>,
    /// Consumer group of the application under test.
    pub(crate) group: Option<String>,
    /// Create the topics first, with so many partitions.
    pub(crate) create_topics: Option<u32>,
    /// How long to try to reach the brokers.
    pub(crate) connect_timeout: Span,
    /// librdkafka settings for all clients.
    pub(crate) properties: Vec<(String, String)>,
}

/// What is checked of a record beside its number and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verify {
    /// Results have the key of their event.
    pub(crate) keys: bool,
    /// Dead letters have a `dlq.*` header.
    pub(crate) dead_letter_headers: bool,
}

impl Scenario {
    /// Reads the scenario file, if one is given, lays the flags over it and checks the whole.
    pub(crate) fn from_args(args: &Args) -> Result<Self, Problems> {
        let mut file = match &args.scenario {
            Some(path) => read(path)?,
            None => File::default(),
        };
        overlay::apply(args, &mut file);
        if args.find_max {
            overlay::for_trials(&mut file);
        }
        let needs_kafka = !args.ndjson && args.check_ndjson.is_none();
        let unlimited = args.find_max && file.thresholds.p99_ms.is_none();
        let unlimited = unlimited.then_some(Problem::Missing {
            what: "the latency to keep",
            flag: "--max-p99-ms",
            key: "thresholds.p99_ms",
        });
        let resolved = resolve::resolve(file, needs_kafka).and_then(Self::check_expectation);
        let mut scenario = match (resolved, unlimited) {
            (Ok(scenario), None) => scenario,
            (resolved, unlimited) => {
                let list = resolved.err().into_iter().flatten().chain(unlimited).collect();
                return Err(Problems { file: args.scenario.clone(), list });
            }
        };
        if !needs_kafka {
            // A line is one event, however the template was laid out.
            scenario.payload = minify(&scenario.payload);
        }
        Ok(scenario)
    }

    /// Returns the same scenario at another constant rate.
    pub(crate) fn at_rate(&self, per_second: f64) -> Result<Self, Problems> {
        let mut file = self.written.clone();
        file.rate = Rate::new(per_second);
        resolve::resolve(file, true).map_err(|list| Problems { file: None, list })
    }

    /// Makes sure before the run that the expectation can be met at all.
    fn check_expectation(self) -> Result<Self, Vec<Problem>> {
        if let Some(expectation) = self.expectation() {
            let payload = self.payload(self.plan.clone(), ProducerId::from_number(0));
            expectation
                .check(&payload)
                .map_err(|reason| vec![Problem::ExpectationNotJson(reason.to_string())])?;
        }
        Ok(self)
    }

    /// Returns what shows the scenario in a few lines.
    pub(crate) fn outline(&self) -> outline::Outline<'_> {
        outline::Outline(self)
    }

    /// Returns the schedule of the run.
    pub(crate) fn schedule(&self) -> &Arc<Schedule> {
        &self.plan.schedule
    }

    /// Returns the keys of the run.
    pub(crate) fn keys(&self) -> &Keys {
        &self.plan.keys
    }

    /// Returns the names of the payload's own fields.
    pub(crate) fn field_names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Returns what renders the events of a run that follows `plan`.
    pub(crate) fn payload(&self, plan: Plan, producer: ProducerId) -> Payload {
        let template = Template::parse(&self.payload, &self.field_names());
        let fields: Vec<Field> = self.fields.iter().map(|(_, field)| field.clone()).collect();
        Payload::new(template, &fields, self.size, plan, producer)
    }

    /// Returns what every result must equal, if anything.
    pub(crate) fn expectation(&self) -> Option<Expectation> {
        self.expect.as_ref().map(|text| Expectation::parse(text, &self.field_names()))
    }

    /// Returns the file that the scenario would be written as, wherever it is put: what files hold
    /// is in it, paths of recordings are absolute, secrets are left out.
    pub(crate) fn shown(&self) -> File {
        let mut file = self.written.clone();
        (file.payload.file, file.payload.template) = (None, Some(self.payload.clone()));
        (file.expect.file, file.expect.template) = (None, self.expect.clone());
        for path in file.named_files() {
            if let Ok(absolute) = std::path::absolute(&*path) {
                *path = absolute;
            }
        }
        // The size of the default template is not that of a template written down.
        let Size { min, max } = self.size;
        file.payload.size = Some(file::SizeValue::Range { min, max });
        for (key, value) in &mut file.kafka.properties {
            if is_secret(key) {
                *value = Scalar::Text("***".to_owned());
            }
        }
        file
    }

    /// Returns 16 digits that are equal for scenarios that send the same: what determines when
    /// events are due, which keys they have, what they hold and which are malformed, whether it was
    /// written down or is the default. Names, brokers, topics, and all that is judged do not count.
    pub(crate) fn load_hash(&self) -> String {
        let text = format!(
            "{:?}\n{:?}\n{:?}\n{}\n{:?}\n{:?}\n{:?}",
            self.schedule().load(),
            self.keys(),
            self.plan.poison,
            self.payload,
            self.fields,
            self.size,
            (self.plan.seed, self.outstanding_max),
        );
        format!("{:x}", Fingerprint::of(text.as_bytes()))
    }
}

/// Returns whether the value of this librdkafka setting is nobody's to read.
pub(crate) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "secret", ".pem", "oauthbearer.config", "jaas"]
        .iter()
        .any(|word| key.contains(word))
}

/// Returns the JSON schema of scenario files, as committed in `config/loadgen/`.
pub(crate) fn schema() -> serde_json::Value {
    schemars::schema_for!(File).to_value()
}

fn read(path: &Path) -> Result<File, Problems> {
    let problem = |problem| Problems { file: Some(path.to_owned()), list: vec![problem] };
    let text = std::fs::read_to_string(path).map_err(|reason| {
        // The path stands before every problem of the file already.
        problem(Problem::WrittenWrongly(format!("cannot read it: {reason}")))
    })?;
    let mut file: File =
        toml::from_str(&text).map_err(|error| problem(Problem::written_wrongly(&error, &text)))?;
    if file.name.is_none() {
        file.name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    }
    // What a file names lies where the file lies, wherever the command is run.
    let folder = path.parent().unwrap_or(Path::new(""));
    for named in file.named_files() {
        *named = folder.join(&*named);
    }
    Ok(file)
}

#[cfg(test)]
mod tests;
