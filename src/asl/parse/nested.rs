//! States that hold graphs of their own: Parallel and inline Map.

use super::Parser;
use super::expressions::PathRole;
use super::fields::Object;
use super::jsonata::Stage;
use super::numbers::COUNT_MAX;
use super::tables::PROCESSOR_FIELDS;
use crate::asl::diagnostic::Code;
use crate::asl::model::{Graph, Map, Parallel};

impl Parser<'_> {
    /// Reads a Parallel state.
    pub(super) fn parallel(&mut self, state: &Object<'_>) -> Option<Parallel> {
        if !state.has("Branches") {
            self.missing(state, "Branches");
        }
        Some(Parallel {
            input_path: self.path_field(state, "InputPath", PathRole::Select),
            parameters: self.template(state, "Parameters"),
            arguments: self.computed(state, "Arguments", Stage::Entered),
            branches: self.branches(state),
            result_selector: self.template(state, "ResultSelector"),
            result_path: self.path_field(state, "ResultPath", PathRole::Write),
            output_path: self.path_field(state, "OutputPath", PathRole::Select),
            output: self.computed(state, "Output", Stage::Done),
            assign: self.assign(state, Stage::Done),
            retry: self.retriers(state),
            catch: self.catchers(state),
            transition: self.transition(state)?,
        })
    }

    /// Reads `Branches`; a branch that cannot be read is left out, with a diagnostic.
    fn branches(&mut self, state: &Object<'_>) -> Vec<Graph> {
        self.not_empty(state, "Branches");
        let mut branches = Vec::new();
        for (_, branch) in self.objects(state, "Branches") {
            self.only_fields(&branch, GRAPH_FIELDS);
            self.comment(&branch);
            branches.extend(self.graph(&branch, false));
        }
        branches
    }

    /// Reads a Map state.
    pub(super) fn map(&mut self, state: &Object<'_>) -> Option<Map> {
        let processor = self.exactly_one(state, PROCESSOR_FIELDS, Code::MapProcessor);
        let processor = processor.and_then(|member| self.object(state, &member.key));
        let (processor, distributed) = match &processor {
            Some(processor) => self.processor(processor),
            None => (None, false),
        };
        let distributed = self.distributed(state, distributed);
        let selector = self.at_most_one(state, &["ItemSelector", "Parameters"]);
        let concurrency = ["MaxConcurrency", "MaxConcurrencyPath"];
        Some(Map {
            input_path: self.path_field(state, "InputPath", PathRole::Select),
            items_path: self.path(state, "ItemsPath", PathRole::Read),
            items: self.items(state),
            item_selector: selector.and_then(|member| self.template(state, &member.key)),
            distributed,
            concurrency_max: self.amount(state, concurrency, 0..=COUNT_MAX, PathRole::ReadData),
            result_selector: self.template(state, "ResultSelector"),
            result_path: self.path_field(state, "ResultPath", PathRole::Write),
            output_path: self.path_field(state, "OutputPath", PathRole::Select),
            output: self.computed(state, "Output", Stage::Done),
            assign: self.assign(state, Stage::Done),
            retry: self.retriers(state),
            catch: self.catchers(state),
            transition: self.transition(state)?,
            processor: processor?,
        })
    }

    /// Reads a processor; also tells whether it is distributed.
    fn processor(&mut self, processor: &Object<'_>) -> (Option<Graph>, bool) {
        self.only_fields(processor, PROCESSOR_GRAPH_FIELDS);
        self.comment(processor);
        let distributed = self.processor_config(processor);
        (self.graph(processor, distributed), distributed)
    }
}

const GRAPH_FIELDS: &[&str] = &["StartAt", "States", "Comment"];
const PROCESSOR_GRAPH_FIELDS: &[&str] = &["StartAt", "States", "Comment", "ProcessorConfig"];
