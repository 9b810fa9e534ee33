//! JSONata expressions, in templates and in fields of their own: proven to parse, kept as text.

use super::Parser;
use super::expressions::looks_computed;
use super::fields::Object;
use crate::asl::diagnostic::{Code, Diagnostic};
use crate::asl::expression;
use crate::asl::finding::{self, Kind};
use crate::asl::json::{self, Node};
use crate::asl::model::{Condition, ExpressionText, QueryLanguage, Template};
use crate::asl::place::Place;
use crate::asl::source::Spanned;

/// How far a state has come where an expression is evaluated: what there is of `$states` beside
/// its input and its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing has been done, or nothing is done that has a result.
    Entered,
    /// The work of a Task, Parallel or Map state is done: there is a result.
    Done,
    /// An error was caught: there is its output.
    Caught,
}

impl Stage {
    fn has(self, field: &str) -> bool {
        match field {
            // Nothing behind `$states`: all that there is.
            "" | "input" | "context" => true,
            "result" => self == Self::Done,
            "errorOutput" => self == Self::Caught,
            _ => false,
        }
    }
}

impl Parser<'_> {
    /// Reads a field that only JSONata has and that takes any value: `Arguments`, `Output`.
    pub(super) fn computed(
        &mut self,
        object: &Object<'_>,
        field: &str,
        stage: Stage,
    ) -> Option<Template> {
        let template = object.get(field)?;
        self.expressions(template, &object.place.field(field), stage);
        Some(template.clone())
    }

    /// Reads `Items`: an array, or an expression that gives one.
    pub(super) fn items(&mut self, state: &Object<'_>) -> Option<Template> {
        let items = state.get("Items")?;
        if !matches!(items.kind, json::Kind::Array(_)) && expression::of(items).is_none() {
            self.wrong_type(state, "Items", items, "Array");
            self.suggest_expression(state, "Items");
            return None;
        }
        self.computed(state, "Items", Stage::Entered)
    }

    /// Reads `Condition`: a boolean, or an expression that gives one.
    pub(super) fn condition(&mut self, rule: &Object<'_>) -> Option<Condition> {
        let value = rule.get("Condition")?;
        if let json::Kind::Bool(literal) = value.kind {
            return Some(Condition::Literal(Spanned { value: literal, span: value.span }));
        }
        if let Some(text) = self.expression(rule, "Condition") {
            return Some(Condition::Expression(text));
        }
        self.wrong_type(rule, "Condition", value, "Boolean");
        self.suggest_expression(rule, "Condition");
        None
    }

    /// Reads a field that is one expression; `None` when it is none, by the language or by itself.
    pub(super) fn expression(
        &mut self,
        object: &Object<'_>,
        field: &str,
    ) -> Option<ExpressionText> {
        if object.language != QueryLanguage::Jsonata {
            return None;
        }
        let text = expression::of(object.get(field)?)?;
        self.check_expression(&text, &object.place.field(field), Stage::Entered);
        Some(Spanned { value: text.value.to_owned(), span: text.span })
    }

    /// Says how to write an expression where a text was refused that is none.
    pub(super) fn suggest_expression(&mut self, object: &Object<'_>, field: &str) {
        let text = object.get(field).filter(|value| value.as_str().is_some());
        let Some(text) = text.filter(|_| object.language == QueryLanguage::Jsonata) else { return };
        let refused = self.diagnostics.last_mut().filter(|found| found.span == text.span);
        if let Some(refused) = refused {
            refused.help = Some("an expression stands in {% and %}, and nothing beside it".into());
        }
    }

    /// Checks the expressions in a value, at any depth.
    pub(super) fn expressions(&mut self, node: &Node, place: &Place<'_>, stage: Stage) {
        for (index, item) in node.items().iter().enumerate() {
            self.expressions(item, &place.index(index), stage);
        }
        for member in node.members() {
            self.expressions(&member.value, &place.field(&member.key), stage);
        }
        match expression::of(node) {
            Some(text) => self.check_expression(&text, place, stage),
            None => self.warn_literal_expression(node, place),
        }
    }

    fn check_expression(&mut self, text: &Spanned<&str>, place: &Place<'_>, stage: Stage) {
        for found in finding::find(text.value, |field| stage.has(field), &self.assigned) {
            let at = |part| expression::place(self.text, text.span, part);
            let span = found.span.map_or(text.span, at);
            let mut report =
                Diagnostic::new(found.code(), &place.to_string(), span, found.message());
            if let Kind::Syntax(thrown) = &found.kind {
                report = report.label(thrown.code().as_str());
            }
            report.help = found.help;
            self.report(report);
        }
    }

    /// Warns of a text that would be computed if it were written a little differently.
    pub(super) fn warn_literal_expression(&mut self, node: &Node, place: &Place<'_>) {
        let Some(text) = node.as_str() else { return };
        let help = if expression::is_surrounded(text) {
            "nothing may stand before {% or behind %}"
        } else if expression::is_open(text) {
            "%} is missing at the end"
        } else if looks_computed(text) || text.starts_with("$states.") {
            "write a JSONata expression in {% and %}"
        } else {
            return;
        };
        let message = "this is passed as a text, not as the value that it names";
        let path = place.to_string();
        self.report(Diagnostic::new(Code::LiteralExpression, &path, node.span, message).help(help));
    }

    /// Warns of a JSONata expression in a template of a JSONPath state.
    pub(super) fn warn_other_expression(&mut self, node: &Node, place: &Place<'_>) {
        if expression::of(node).is_some() {
            let message = "this is passed as a text: the state's language is JSONPath";
            let path = place.to_string();
            self.report(
                Diagnostic::new(Code::LiteralExpression, &path, node.span, message)
                    .help("set \"QueryLanguage\": \"JSONata\" to have it evaluated"),
            );
        }
    }
}
