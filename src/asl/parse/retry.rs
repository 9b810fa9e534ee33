//! `Retry` and `Catch`.

use super::Parser;
use super::expressions::PathRole;
use super::fields::Object;
use super::jsonata::Stage;
use super::numbers::SECONDS_MAX;
use crate::asl::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::asl::json::Kind;
use crate::asl::model::{Catcher, Jitter, Retrier};
use crate::asl::place::Place;
use crate::asl::source::Span;
use crate::base::tally::STATES_ERRORS;

impl Parser<'_> {
    /// Reads `Retry`.
    pub(super) fn retriers(&mut self, state: &Object<'_>) -> Vec<Retrier> {
        let last = last_index(state, "Retry");
        let mut retriers = Vec::new();
        for (index, object) in self.objects(state, "Retry") {
            self.only_fields(&object, RETRIER_FIELDS);
            self.require(&object, &["ErrorEquals"]);
            let errors = self.error_names(&object, index == last);
            let interval = self.integer(&object, "IntervalSeconds", 1..=SECONDS_MAX);
            let attempts = self.integer(&object, "MaxAttempts", 0..=SECONDS_MAX);
            let backoff = self.decimal(&object, "BackoffRate", 1.0..=f64::MAX);
            let delay = self.integer(&object, "MaxDelaySeconds", 1..=DELAY_SECONDS_MAX);
            let jitter = self.one_of(&object, "JitterStrategy", &["NONE", "FULL"]);
            retriers.push(Retrier {
                span: object.node.span,
                comment: self.comment(&object),
                errors,
                interval_seconds: interval.map_or(1, |seconds| seconds.value),
                attempts_max: attempts.map_or(3, |attempts| attempts.value),
                backoff_rate: backoff.map_or(2.0, |rate| rate.value),
                delay_seconds_max: delay.map(|seconds| seconds.value),
                jitter: match jitter {
                    Some(strategy) if strategy.value == "FULL" => Jitter::Full,
                    _ => Jitter::None,
                },
            });
        }
        retriers
    }

    /// Reads `Catch`.
    pub(super) fn catchers(&mut self, state: &Object<'_>) -> Vec<Catcher> {
        let last = last_index(state, "Catch");
        let mut catchers = Vec::new();
        for (index, object) in self.objects(state, "Catch") {
            self.only_fields(&object, CATCHER_FIELDS);
            self.require(&object, &["Next", "ErrorEquals"]);
            let comment = self.comment(&object);
            let errors = self.error_names(&object, index == last);
            let result_path = self.path_field(&object, "ResultPath", PathRole::Write);
            let output = self.computed(&object, "Output", Stage::Caught);
            let assign = self.assign(&object, Stage::Caught);
            let next = self.string(&object, "Next");
            // A target that names no state is reported by the graph check.
            if let Some(next) = self.target(next) {
                let span = object.node.span;
                catchers.push(Catcher { span, comment, errors, result_path, output, assign, next });
            }
        }
        catchers
    }

    /// Reads `ErrorEquals`.
    fn error_names(&mut self, object: &Object<'_>, last: bool) -> Vec<String> {
        let Some(list) = object.get("ErrorEquals") else {
            return Vec::new();
        };
        let Kind::Array(items) = &list.kind else {
            self.wrong_type(object, "ErrorEquals", list, "Array");
            return Vec::new();
        };
        self.not_empty(object, "ErrorEquals");
        let mut names = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let place = object.place.item("ErrorEquals", index);
            let Some(name) = item.as_str() else {
                self.wrong_type_at(&place, item, "String");
                continue;
            };
            if name == ALL && (items.len() > 1 || !last) {
                let message = "States.ALL must appear alone and at end of list";
                let path = object.field("ErrorEquals");
                self.report(
                    Diagnostic::new(Code::MisplacedAll, &path, item.span, message)
                        .help("put it alone into the last element"),
                );
            }
            self.warn_of_name(name, item.span, &place);
            names.push(name.to_owned());
        }
        names
    }
    /// Warns of names that no error has: AWS accepts them, but the element never matches.
    fn warn_of_name(&mut self, name: &str, span: Span, place: &Place<'_>) {
        let (code, message) = if name == RUNTIME {
            (Code::NeverCaught, "States.Runtime ends the execution and is never caught".to_owned())
        } else if name.starts_with("States.")
            && !name.starts_with("States.Http.")
            && !predefined().any(|known| known == name)
        {
            (Code::UnknownErrorName, format!("no error is called '{name}'"))
        } else {
            return;
        };
        let mut diagnostic = Diagnostic::new(code, &place.to_string(), span, message);
        if code == Code::UnknownErrorName {
            let meant = did_you_mean(name, predefined());
            diagnostic.help = meant.map(|meant| format!("did you mean \"{meant}\"?"));
        }
        self.report(diagnostic);
    }
}

/// Index of the last element of an array field; nothing has it when there is none.
fn last_index(state: &Object<'_>, field: &str) -> usize {
    state.get(field).map_or(0, |list| list.items().len().saturating_sub(1))
}

const ALL: &str = "States.ALL";
const RUNTIME: &str = "States.Runtime";

/// The error names of the language, and the one that stands for all.
fn predefined() -> impl Iterator<Item = &'static str> {
    std::iter::once(ALL).chain(STATES_ERRORS)
}

const RETRIER_FIELDS: &[&str] = &[
    "ErrorEquals",
    "IntervalSeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxDelaySeconds",
    "JitterStrategy",
    "Comment",
];

const CATCHER_FIELDS: &[&str] =
    &["ErrorEquals", "Next", "ResultPath", "Output", "Assign", "Comment"];

/// AWS: `concepts-error-handling`, "greater than 0 and less than 31622401".
const DELAY_SECONDS_MAX: u64 = 31_622_400;
