//! JSONata expressions, in templates and in fields of their own: proven to parse, kept as text.

use super::Parser;
use super::expressions::looks_computed;
use super::fields::Object;
use crate::asl::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::asl::expression;
use crate::asl::json::{Kind, Node};
use crate::asl::model::{Condition, ExpressionText, QueryLanguage, Template};
use crate::asl::place::{Cut, Place};
use crate::asl::source::{Span, Spanned};
use crate::base::limits::NAME_CHARS_MAX;
use crate::expr::jsonata::{self, References, Refusal, Thrown};

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
        if !matches!(items.kind, Kind::Array(_)) && expression::of(items).is_none() {
            self.wrong_type(state, "Items", items, "Array");
            self.suggest_expression(state, "Items");
            return None;
        }
        self.computed(state, "Items", Stage::Entered)
    }

    /// Reads `Condition`: a boolean, or an expression that gives one.
    pub(super) fn condition(&mut self, rule: &Object<'_>) -> Option<Condition> {
        let value = rule.get("Condition")?;
        if let Kind::Bool(literal) = value.kind {
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
        match jsonata::check(text.value) {
            Ok(references) => self.check_references(text, &references, place, stage),
            Err(Refusal::Syntax(thrown)) => {
                let at = thrown.span();
                let at = at.map_or(text.span, |part| expression::place(self.text, text.span, part));
                self.report(no_expression(&thrown, at, place));
            }
            Err(Refusal::Unsupported(refused)) => {
                for one in refused {
                    let at = expression::place(self.text, text.span, one.span);
                    let name = part(text.value, one.span);
                    self.report(no_context_item(&one.message, name, at, place));
                }
            }
        }
    }

    /// Checks which parts of `$states` an expression reads, and warns of what AWS may not know.
    fn check_references(
        &mut self,
        text: &Spanned<&str>,
        references: &References,
        place: &Place<'_>,
        stage: Stage,
    ) {
        let mut reported: Vec<&str> = Vec::new();
        for (field, span) in &references.states {
            if !stage.has(field) && !reported.contains(&&**field) {
                reported.push(field);
                let at = expression::place(self.text, text.span, *span);
                self.report(missing_of_states(field, at, place));
            }
            if reported.len() == FIELDS_REPORTED_MAX {
                break;
            }
        }
        self.check_variables(text, references, place);
        // Once is enough: who changes one finds the others beside it.
        if let Some(&span) = references.newer_operators.first() {
            let operator = part(text.value, span);
            let at = expression::place(self.text, text.span, span);
            let message = expression::newer_operator(operator);
            self.report(
                Diagnostic::new(Code::NewerOperator, &place.to_string(), at, message)
                    .help(expression::NEWER_OPERATOR_HELP),
            );
        }
    }

    /// Warns of names that nothing gives a value: AWS accepts them, and they are undefined.
    fn check_variables(
        &mut self,
        text: &Spanned<&str>,
        references: &References,
        place: &Place<'_>,
    ) {
        let mut reported: Vec<&str> = Vec::new();
        for (name, span) in &references.variables {
            let name = &**name;
            if name == "states" || self.assigned.contains(name) || reported.contains(&name) {
                continue;
            }
            if reported.len() == FIELDS_REPORTED_MAX {
                break;
            }
            reported.push(name);
            let at = expression::place(self.text, text.span, *span);
            let shown = Cut(name);
            let message =
                format!("'${shown}' is neither a function nor a variable that a state assigns");
            let mut found = Diagnostic::new(Code::UnknownVariable, &place.to_string(), at, message);
            found.help = self.meant(name);
            self.report(found);
        }
    }

    /// Says what was probably meant by a name that nothing gives a value.
    fn meant(&self, name: &str) -> Option<String> {
        if name == "eval" {
            return Some("AWS has no $eval: use $parse to read JSON".into());
        }
        let short = |name: &&str| name.len() <= NAME_CHARS_MAX;
        let assigned = self.assigned.iter().map(String::as_str).filter(short);
        let built_in = jsonata::function_names().chain(["states"]).map(|name| -> &str { name });
        let known = assigned.take(VARIABLES_COMPARED_MAX).chain(built_in);
        let meant = did_you_mean(Some(name).filter(short)?, known)?;
        Some(format!("did you mean ${meant}?"))
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

/// A text that is no expression.
fn no_expression(thrown: &Thrown, span: Span, place: &Place<'_>) -> Diagnostic {
    let code = match thrown.code() {
        jsonata::Code::S0303 => Code::UnsupportedRegex,
        _ => Code::BadExpression,
    };
    // AWS: its message is the text without the code.
    let diagnostic = Diagnostic::new(code, &place.to_string(), span, thrown.message());
    diagnostic.label(thrown.code().as_str())
}

/// A read of the context item, which is not there.
fn no_context_item(message: &str, name: &str, span: Span, place: &Place<'_>) -> Diagnostic {
    let help = expression::context_item_help(name);
    Diagnostic::new(Code::UnsupportedExpression, &place.to_string(), span, message).help(help)
}

/// A read of a part of `$states` that is not there.
fn missing_of_states(field: &str, span: Span, place: &Place<'_>) -> Diagnostic {
    let shown = Cut(field);
    let message = expression::missing_of_states(field);
    let help = match field {
        "result" => "only Output and Assign of Task, Parallel and Map states see a result".into(),
        "errorOutput" => "only Output and Assign of a catcher see an error".into(),
        _ => match did_you_mean(field, STATES_FIELDS.iter().copied()) {
            Some(meant) => format!("did you mean $states.{meant}?"),
            None => format!("a field of the state's input is $states.input.{shown}"),
        },
    };
    Diagnostic::new(Code::MissingOfStates, &place.to_string(), span, message).help(help)
}

/// A part of an expression's text.
fn part(text: &str, span: jsonata::Span) -> &str {
    text.get(span.start as usize..span.end as usize).unwrap_or_default()
}

/// Places are looked for from the start of the string, so that a hostile one could take long.
const FIELDS_REPORTED_MAX: usize = 20;

/// To compare names takes time, and a hostile definition could have very many.
const VARIABLES_COMPARED_MAX: usize = 200;

const STATES_FIELDS: &[&str] = &["input", "result", "errorOutput", "context"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_aws_would_match_is_refused_as_ours() {
        let code = |code| no_expression(&Thrown::new(code), Span::default(), &Place::MACHINE).code;
        assert_eq!(code(jsonata::Code::S0303), Code::UnsupportedRegex);
        assert_eq!(code(jsonata::Code::S0302), Code::BadExpression);
        assert_eq!(Code::UnsupportedRegex.aws(), None);
    }
}
