//! Spans in a build that has them: what `otlp` needs to know, from the settings and the machines.

use crate::app::Error;
use crate::base::tally::SharedCounts;
use crate::config::Settings;
use crate::otlp::{self, Cards};
use crate::outcome::{MachineCard, PipelineCard};

pub(in crate::app) use crate::otlp::{Exporter, Recorder};

impl Exporter {
    /// Starts what the settings ask for; nothing when they do not.
    pub(in crate::app) fn of(
        settings: &Settings,
        machines: &[MachineCard],
        pipelines: &[PipelineCard],
        counts: SharedCounts<3>,
    ) -> Result<Option<Self>, Error> {
        let Some(options) = settings.otlp() else { return Ok(None) };
        let options = options.map_err(|error| Error::Settings(format!("traces.otlp: {error}")))?;
        let groups = settings.pipelines.iter().map(|pipeline| pipeline.group.clone());
        let pipelines = pipelines.iter().zip(groups).map(|(card, group)| otlp::PipelineCard {
            name: card.name.clone(),
            group,
            topics: card.topics.clone(),
        });
        let cards = Cards {
            machines: machines.iter().map(machine_card).collect(),
            pipelines: pipelines.collect(),
        };
        Ok(Some(Self::start(options, cards, counts)?))
    }
}

fn machine_card(card: &MachineCard) -> otlp::MachineCard {
    otlp::MachineCard {
        arn: card.arn.as_str().to_owned(),
        execution_arn_prefix: card.arn.express_prefix(),
        name: card.arn.name().to_owned(),
        version: card.version.clone(),
        revision: card.revision.clone(),
    }
}
