//! Distributed Map: which mode a processor has, and the fields that only this mode uses.

use super::expressions::PathRole;
use super::fields::{Object, unknown_field, unsupported_field};
use super::numbers::COUNT_MAX;
use super::{MachineType, Parser};
use crate::asl::diagnostic::{Code, Diagnostic};
use crate::asl::model::{Batcher, Distributed};
use crate::asl::source::Spanned;
use crate::base::limits::PAYLOAD_BYTES_MAX;

impl Parser<'_> {
    /// Reads `ProcessorConfig`; tells whether the mode is `DISTRIBUTED`.
    pub(super) fn processor_config(&mut self, processor: &Object<'_>) -> bool {
        let Some(config) = self.object(processor, "ProcessorConfig") else {
            return false;
        };
        self.only_fields(&config, &["Mode", "ExecutionType"]);
        let mode = self.one_of(&config, "Mode", &["INLINE", "DISTRIBUTED"]);
        let execution_type = self.one_of(&config, "ExecutionType", &["STANDARD", "EXPRESS"]);
        let Some(mode) = mode.filter(|mode| mode.value == "DISTRIBUTED") else {
            if let (Some(_), Some(member)) = (execution_type, config.member("ExecutionType")) {
                self.report(
                    unknown_field(&config, member, None)
                        .help("only \"Mode\": \"DISTRIBUTED\" has it"),
                );
            }
            return false;
        };
        self.require(&config, &["ExecutionType"]);
        if self.rules.machine_type == MachineType::Express && !self.rules.distributed {
            let message = "The field 'Mode' with value 'DISTRIBUTED' is not supported inside \
                           'EXPRESS' state machines";
            let path = config.field("Mode");
            self.report(Diagnostic::new(Code::ExpressDistributed, &path, mode.span, message).help(
                "write \"INLINE\", or leave ProcessorConfig out; or let the pipeline run it: \
                         distributed_map = true (here: --distributed)",
            ));
        }
        true
    }

    /// Reads what a distributed Map has beside an inline one.
    pub(super) fn distributed(
        &mut self,
        state: &Object<'_>,
        distributed: bool,
    ) -> Option<Distributed> {
        for field in ["ItemReader", "ResultWriter"] {
            if let Some(member) = state.member(field) {
                self.report(unsupported_field(&state.field(field), member.key_span, field));
            }
        }
        let count = ["ToleratedFailureCount", "ToleratedFailureCountPath"];
        let percentage = ["ToleratedFailurePercentage", "ToleratedFailurePercentagePath"];
        let read = Distributed {
            tolerated_count: self.amount(state, count, 0..=COUNT_MAX, PathRole::ReadData),
            tolerated_percentage: self.decimal_amount(
                state,
                percentage,
                0.0..=100.0,
                PathRole::ReadData,
            ),
            reader: state.get("ItemReader").cloned(),
            batcher: self.batcher(state),
            writer: state.get("ResultWriter").cloned(),
            label: self.label(state),
        };
        if distributed {
            return Some(read);
        }
        self.only_distributed(state);
        None
    }

    /// Reports the fields that an inline Map has no use for.
    fn only_distributed(&mut self, state: &Object<'_>) {
        if let Some(member) = state.member("ItemBatcher") {
            let help = "only a Map of \"Mode\": \"DISTRIBUTED\" makes batches";
            self.report(unknown_field(state, member, None).help(help));
        }
        for field in WITHOUT_EFFECT_INLINE {
            let Some(member) = state.member(field) else { continue };
            let message = format!("{field} has no effect on an inline Map");
            let path = state.field(field);
            self.report(Diagnostic::new(Code::IgnoredInline, &path, member.key_span, message));
        }
    }

    fn batcher(&mut self, state: &Object<'_>) -> Option<Batcher> {
        let batcher = self.object(state, "ItemBatcher")?;
        let items = ["MaxItemsPerBatch", "MaxItemsPerBatchPath"];
        let bytes = ["MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"];
        let limits = [items, bytes].concat();
        self.only_fields(&batcher, &[&limits[..], &["BatchInput"]].concat());
        if !limits.iter().any(|field| batcher.has(field)) {
            let message = "an ItemBatcher needs MaxItemsPerBatch or MaxInputBytesPerBatch";
            let path = batcher.path();
            self.report(Diagnostic::new(Code::EmptyBatcher, &path, batcher.head, message));
        }
        let bytes_max = PAYLOAD_BYTES_MAX as u64;
        Some(Batcher {
            items_max: self.amount(&batcher, items, 0..=COUNT_MAX, PathRole::ReadData),
            bytes_max: self.amount(&batcher, bytes, 0..=bytes_max, PathRole::ReadData),
            input: self.template(&batcher, "BatchInput"),
        })
    }

    fn label(&mut self, state: &Object<'_>) -> Option<Spanned<String>> {
        let label = self.string(state, "Label")?;
        let path = state.field("Label");
        let length = label.value.chars().count();
        if length > LABEL_CHARS_MAX {
            // AWS: only the end of its text is known.
            let message = format!(
                "The label has {length} characters and exceeds the {LABEL_CHARS_MAX}-character \
                 limit allowed by the service"
            );
            self.report(Diagnostic::new(Code::BadLabel, &path, label.span, message));
        } else if length == 0 {
            self.report(Diagnostic::new(Code::BadLabel, &path, label.span, "a label is not empty"));
        } else if let Some(bad) = label.value.chars().find(|&c| is_forbidden_in_labels(c)) {
            let message = format!("a label cannot have '{}'", bad.escape_debug());
            self.report(
                Diagnostic::new(Code::BadLabel, &path, label.span, message)
                    .help("it becomes part of an ARN: use letters, digits, '-' and '_'"),
            );
        } else if !self.labels.insert(label.value.clone()) {
            let message = format!("Duplicate Label name: {}", label.value);
            self.report(Diagnostic::new(Code::DuplicateLabel, &path, label.span, message));
        }
        Some(label)
    }
}

/// AWS: `state-map-distributed`, the characters that `Label` cannot have.
fn is_forbidden_in_labels(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "?*<>{}[]:;,\\|^~$#%&`\"".contains(c)
}

/// AWS: `state-map-distributed`.
const LABEL_CHARS_MAX: usize = 40;

const WITHOUT_EFFECT_INLINE: &[&str] = &[
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
    "Label",
];
