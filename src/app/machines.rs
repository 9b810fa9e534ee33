//! The state machines of a configuration: read, checked and compiled once, before anything starts.
//!
//! Pipelines that call one definition by one name share a machine.

use super::history;
use super::programs;
use super::service::Error;
use crate::base::ids::MachineIdx;
use crate::base::tally::MachineShape;
use crate::config::{Pipeline, Settings};
use crate::metrics::MachineLabel;
use crate::outcome::{MachineCard, StateMachineArn};
use crate::program::{Image, World};
use crate::registry::Definition;

/// The state machines of all pipelines, compiled.
#[derive(Debug, Default)]
pub struct Machines {
    /// By machine, as are `cards` and `labels`.
    pub(super) images: Vec<Image>,
    /// Machine of each pipeline.
    pub(super) by_pipeline: Vec<MachineIdx>,
    pub(super) cards: Vec<MachineCard>,
    pub(super) labels: Vec<MachineLabel>,
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
        let image = definition.compile_served(world, pipeline.distributed_map)?;
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
        Ok(())
    }

    /// By machine.
    pub(super) fn definition_bytes(&self) -> Vec<u64> {
        self.cards.iter().map(|card| card.definition_bytes).collect()
    }

    /// By machine.
    pub(super) fn shapes(&self) -> Vec<MachineShape> {
        self.images.iter().map(|image| programs::shape(&image.program)).collect()
    }
}
