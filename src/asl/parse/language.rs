//! `QueryLanguage`: which language a state has, and which fields belong to one language alone.

use super::Parser;
use super::fields::Object;
use crate::asl::diagnostic::{Code, Diagnostic};
use crate::asl::json::{Member, Node};
use crate::asl::model::QueryLanguage;
use crate::asl::operator::Operator;

impl Parser<'_> {
    /// Reads the language of a machine or a state.
    pub(super) fn language(
        &mut self,
        object: &Object<'_>,
        inherited: QueryLanguage,
    ) -> QueryLanguage {
        let Some(written) = object.get("QueryLanguage") else { return inherited };
        self.one_of(object, "QueryLanguage", &["JSONPath", "JSONata"]);
        // AWS: whatever is not exactly JSONPath is taken for JSONata, beside being reported.
        match written.as_str() {
            Some("JSONPath") => QueryLanguage::JsonPath,
            _ => QueryLanguage::Jsonata,
        }
    }

    /// Reports a state that goes back to JSONPath in a machine of JSONata; tells whether it does.
    pub(super) fn goes_back(&mut self, state: &Object<'_>) -> bool {
        let back = self.machine_language == QueryLanguage::Jsonata
            && state.language == QueryLanguage::JsonPath;
        if back {
            let message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole \
                           state machine";
            let span = state.get("QueryLanguage").map_or(state.head, |node| node.span);
            self.report(
                Diagnostic::new(Code::OtherLanguage, &state.path(), span, message)
                    .help("only a machine of JSONPath may mix the languages"),
            );
        }
        back
    }

    /// Reports the fields of an object that only the other language has.
    pub(super) fn other_language_fields(&mut self, object: &Object<'_>, allowed: &[&str]) {
        for member in object.node.members() {
            if allowed.contains(&member.key.as_str()) && object.lacks(&member.key) {
                self.other_language(object, member);
            }
        }
    }

    /// Reports a field that only the other language has.
    pub(super) fn other_language(&mut self, object: &Object<'_>, member: &Member) {
        let (own, other) = match object.language {
            QueryLanguage::JsonPath => ("JSONPath", "JSONata"),
            QueryLanguage::Jsonata => ("JSONata", "JSONPath"),
        };
        let field = member.key.as_str();
        let message = format!(
            "The QueryLanguage is set to '{own}', but field '{field}' is only supported for the \
             '{other}' QueryLanguage"
        );
        // AWS: the place is that of the state, not of the field.
        let mut diagnostic =
            Diagnostic::new(Code::OtherLanguage, &object.path(), member.key_span, message);
        diagnostic.help = counterpart(object, field).map(|own| format!("write \"{own}\" instead"));
        self.report(diagnostic);
    }
}

/// The language that alone has a field; `None` when both have it, or neither.
pub(super) fn owner(field: &str) -> Option<QueryLanguage> {
    let of = |fields: &[&str]| fields.contains(&field);
    if of(JSONATA_FIELDS) {
        Some(QueryLanguage::Jsonata)
    } else if of(JSONPATH_FIELDS) {
        Some(QueryLanguage::JsonPath)
    } else {
        None
    }
}

/// What the object's own language has there in place of a field: it must take what is suggested.
fn counterpart<'f>(object: &Object<'_>, field: &'f str) -> Option<&'f str> {
    // Rules and catchers have no type.
    let state = object.get("Type").and_then(Node::as_str).unwrap_or_default();
    match (field, state) {
        ("Parameters", "Pass") | ("Result" | "ResultSelector" | "ResultPath" | "OutputPath", _) => {
            Some("Output")
        }
        ("Parameters", "Map") => Some("ItemSelector"),
        ("Parameters", _) => Some("Arguments"),
        ("Arguments", _) | ("Output", "Pass") => Some("Parameters"),
        ("Output", "Task" | "Parallel" | "Map") => Some("ResultSelector"),
        ("Output", "") if object.node.get("ErrorEquals").is_some() => Some("ResultPath"),
        ("ItemsPath", _) => Some("Items"),
        ("Items", _) => Some("ItemsPath"),
        ("And" | "Or" | "Not" | "Variable", _) => Some("Condition"),
        ("Condition", _) => Some("Variable"),
        ("InputPath", _) => None,
        // `StringEqualsPath`: a rule of JSONata does not take `StringEquals` either.
        _ if Operator::from_name(field).is_some() => Some("Condition"),
        // The numbers and texts that JSONata computes in the field itself.
        _ => field.strip_suffix("Path"),
    }
}

const JSONATA_FIELDS: &[&str] = &["Arguments", "Condition", "Items", "Output"];

const JSONPATH_FIELDS: &[&str] = &[
    "And",
    "CausePath",
    "ErrorPath",
    "HeartbeatSecondsPath",
    "InputPath",
    "ItemsPath",
    "MaxConcurrencyPath",
    "MaxInputBytesPerBatchPath",
    "MaxItemsPerBatchPath",
    "Not",
    "Or",
    "OutputPath",
    "Parameters",
    "Result",
    "ResultPath",
    "ResultSelector",
    "SecondsPath",
    "TimeoutSecondsPath",
    "TimestampPath",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath",
    "Variable",
];
