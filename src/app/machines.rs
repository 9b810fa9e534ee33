//! The state machines that a configuration names, compiled, with what is said of them elsewhere: on
//! bills, in logs and as metrics. Starting them is the [`service`](super::service)'s work.

use std::time::{Duration, Instant};

use tracing::warn;

use super::history;
use super::programs;
use super::service::Error;
use crate::asl::Diagnostic;
use crate::asl::source::Position;
use crate::base::ids::MachineIdx;
use crate::base::tally::MachineShape;
use crate::config::{NamedDefinition, Pipeline, Settings};
use crate::metrics::MachineLabel;
use crate::outcome::{MachineCard, StateMachineArn};
use crate::program::{Image, World};
use crate::registry::{self, Compiled, Definition};

/// The state machines of all pipelines, compiled.
#[derive(Debug, Default)]
pub struct Machines {
    pub(super) images: Vec<Image>,
    /// Machine of each pipeline.
    pub(super) by_pipeline: Vec<MachineIdx>,
    pub(super) cards: Vec<MachineCard>,
    pub(super) labels: Vec<MachineLabel>,
    /// How long each took to be parsed, checked and compiled.
    pub(super) compile_times: Vec<Duration>,
    warnings: Warnings,
}

/// What is hardly meant in definitions that can be run.
#[derive(Debug, Default)]
pub struct Warnings(Vec<(Definition, Vec<Diagnostic>)>);

/// Definitions looked into one by one.
#[derive(Debug, Default)]
pub struct Checked {
    /// Why some cannot be run, in their order.
    pub refused: Vec<registry::Error>,
    /// What is hardly meant in the others.
    pub warnings: Warnings,
}

impl Machines {
    /// Reads, checks and compiles the definitions of `settings`.
    ///
    /// # Errors
    /// [`Error`] for the first definition that cannot be run.
    pub fn load(settings: &Settings) -> Result<Self, Error> {
        let mut machines = Self::default();
        let mut names: Vec<&Pipeline> = Vec::new();
        for pipeline in &settings.pipelines {
            let known =
                names.iter().position(|known| known.state_machine == pipeline.state_machine);
            if let Some(known) = known {
                if names[known].definition != pipeline.definition {
                    return Err(Error::TwoMachinesOneName {
                        name: pipeline.state_machine.clone(),
                        first: names[known].name.clone(),
                        second: pipeline.name.clone(),
                    });
                }
                machines.by_pipeline.push(MachineIdx(known as u16));
                continue;
            }
            names.push(pipeline);
            machines.by_pipeline.push(MachineIdx(machines.images.len() as u16));
            machines.add(settings, pipeline)?;
        }
        Ok(machines)
    }

    fn add(&mut self, settings: &Settings, pipeline: &Pipeline) -> Result<(), Error> {
        let aws = &settings.aws;
        let name = &pipeline.state_machine;
        let role = &pipeline.role;
        let definition = Definition::read(&pipeline.definition)?;
        let world = World::express(&aws.region, &aws.account, name, role);
        let began = Instant::now();
        let Compiled { image, warnings } =
            definition.compile_served(world, pipeline.distributed_map)?;
        self.compile_times.push(began.elapsed());
        self.cards.push(MachineCard {
            arn: StateMachineArn::new(&aws.region, &aws.account, name).map_err(|error| {
                Error::Settings(format!("pipeline `{}`: {error}", pipeline.name))
            })?,
            definition_bytes: image.program.definition_bytes,
            version: Some(pipeline.version.clone()).filter(|version| !version.is_empty()),
            revision: definition.revision(),
            tags: pipeline.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            logging: history::recording(&pipeline.logging),
        });
        self.images.push(image);
        self.labels.push(MachineLabel {
            name: name.clone(),
            revision: definition.revision(),
            query_language: definition.query_language(),
            source: pipeline.definition.display().to_string(),
        });
        self.warnings.add(definition, warnings);
        Ok(())
    }

    /// Reads and checks definitions one by one, whatever else a configuration lacks.
    pub fn check(definitions: &[NamedDefinition]) -> Checked {
        let mut checked = Checked::default();
        for named in definitions {
            let found = Definition::read(&named.path).and_then(|definition| {
                // Checks ask nothing of the world; an execution would.
                let world = World::express("", "", &definition.machine_name(), "");
                let compiled = definition.compile_served(world, named.distributed_map)?;
                Ok((definition, compiled.warnings))
            });
            match found {
                Ok((definition, warnings)) => checked.warnings.add(definition, warnings),
                Err(refused) => checked.refused.push(refused),
            }
        }
        checked
    }

    /// What is hardly meant in the definitions.
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    pub(super) fn definition_bytes(&self) -> Vec<u64> {
        self.cards.iter().map(|card| card.definition_bytes).collect()
    }

    pub(super) fn shapes(&self) -> Vec<MachineShape> {
        self.images.iter().map(|image| programs::shape(&image.program)).collect()
    }
}

impl Warnings {
    fn add(&mut self, definition: Definition, found: Vec<Diagnostic>) {
        if !found.is_empty() {
            self.0.push((definition, found));
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.iter().map(|(_, found)| found.len()).sum()
    }

    /// As text for people: empty when there is none.
    pub fn render(&self) -> String {
        self.0.iter().map(|(definition, found)| definition.render(found)).collect()
    }

    /// For scripts, in the form of `validate --json`.
    pub fn to_json(&self) -> Vec<serde_json::Value> {
        self.0.iter().flat_map(|(definition, found)| definition.to_json(found)).collect()
    }

    /// Says the same in the log, a line for each warning.
    pub(super) fn log(&self) {
        for (definition, found) in &self.0 {
            let file = definition.path.display();
            for one in found {
                let Position { line, column } = definition.position(one);
                warn!(
                    %file,
                    line,
                    column,
                    code = one.code.as_str(),
                    at = one.path.as_str(),
                    warning = one.message.as_str(),
                    help = one.help.as_deref(),
                    "definition has a warning"
                );
            }
        }
    }
}
