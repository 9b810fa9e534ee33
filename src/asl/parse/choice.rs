//! Choice states: rules as a typed tree.

use super::Parser;
use super::expressions::PathRole;
use super::fields::{Object, unknown_field};
use crate::asl::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::asl::json::{Kind, Member, Node};
use crate::asl::model::{Choice, ChoiceRule, Operand, Rule, Test};
use crate::asl::operator::{Family, Operator, java_set_order};
use crate::asl::source::{Span, Spanned, inside_string};
use crate::expr::rule::Pattern;

impl Parser<'_> {
    pub(super) fn choice(&mut self, state: &Object<'_>) -> Choice {
        let input_path = self.path_field(state, "InputPath", PathRole::Select);
        let output_path = self.path_field(state, "OutputPath", PathRole::Select);
        if !state.has("Choices") {
            self.missing(state, "Choices");
        }
        let mut choices = Vec::new();
        for rule in self.rules(state, "Choices") {
            choices.extend(self.choice_rule(&rule));
        }
        let default = self.string(state, "Default");
        // A target that names no state is reported by the graph check.
        let default = default.and_then(|name| self.target(Some(name)));
        Choice { input_path, output_path, choices, default, assign: None }
    }

    fn choice_rule(&mut self, object: &Object<'_>) -> Option<ChoiceRule> {
        let rule = self.rule(object, true);
        self.require(object, &["Next"]);
        let next = self.string(object, "Next");
        let comment = self.comment(object);
        Some(ChoiceRule {
            span: object.node.span,
            comment,
            rule: rule?,
            assign: None,
            next: self.target(next)?,
        })
    }

    /// Reads a non-empty array of rules.
    fn rules<'n>(&mut self, object: &Object<'n>, field: &str) -> Vec<Object<'n>> {
        let Some(list) = object.node.get(field) else {
            return Vec::new();
        };
        let Kind::Array(items) = &list.kind else {
            self.wrong_type(object, field, list, "Array");
            return Vec::new();
        };
        let path = object.field(field);
        if items.is_empty() {
            self.empty(&path, list.span);
        }
        let located = items.iter().enumerate();
        located
            .filter_map(|(index, item)| self.rule_object(item, format!("{path}[{index}]")))
            .collect()
    }

    fn rule_object<'n>(&mut self, node: &'n Node, path: String) -> Option<Object<'n>> {
        let start = node.span.start as usize;
        if matches!(node.kind, Kind::Object(_)) {
            return Some(Object::new(node, path, Span::new(start, start + 1)));
        }
        let message = "Expected value of type Object";
        self.report(Diagnostic::new(Code::WrongType, &path, node.span, message));
        None
    }

    fn rule(&mut self, object: &Object<'_>, top: bool) -> Option<Rule> {
        let kinds: Vec<&Member> =
            object.node.members().iter().filter(|m| is_kind(&m.key)).collect();
        let before = self.diagnostics.len();
        self.rule_fields(object, &kinds, top);
        let jsonata = self.diagnostics[before..].iter().any(|d| d.code == Code::OtherLanguage);
        let [kind] = kinds[..] else {
            if !jsonata {
                self.operator_count(object, &kinds);
            }
            return None;
        };
        match kind.key.as_str() {
            combination @ ("And" | "Or") => {
                let mut parts = Vec::new();
                for part in self.rules(object, combination) {
                    parts.extend(self.rule(&part, false));
                }
                Some(if combination == "And" { Rule::And(parts) } else { Rule::Or(parts) })
            }
            "Not" => {
                let part = self.rule_object(&kind.value, object.field("Not"))?;
                self.rule(&part, false).map(|part| Rule::Not(Box::new(part)))
            }
            _ => self.test(object, kind).map(Rule::Test),
        }
    }

    /// Reports fields that a rule cannot have.
    fn rule_fields(&mut self, object: &Object<'_>, kinds: &[&Member], top: bool) {
        let combines = kinds.iter().any(|kind| Operator::from_name(&kind.key).is_none());
        for member in object.node.members() {
            match member.key.as_str() {
                "Comment" => {}
                "Next" if top => {}
                "Next" => self.report(
                    unknown_field_as(Code::NestedNext, object, member)
                        .help("only the rules directly in \"Choices\" have a \"Next\""),
                ),
                "Variable" if !combines => {}
                "Assign" if top => self.unsupported(object, member),
                "Condition" | "Output" => self.jsonata_field(object, member),
                key if is_kind(key) => {}
                key => {
                    let operators = Operator::ALL.iter().map(|operator| operator.name());
                    let known = ["Variable", "And", "Or", "Not", "Next", "Comment"];
                    let meant = did_you_mean(key, operators.chain(known));
                    self.report(unknown_field(object.path(), member, meant));
                }
            }
        }
    }

    fn jsonata_field(&mut self, object: &Object<'_>, member: &Member) {
        let message = format!(
            "The QueryLanguage is set to 'JSONPath', but field '{}' is only supported for the \
             'JSONata' QueryLanguage",
            member.key
        );
        let path = object.field(&member.key);
        self.report(Diagnostic::new(Code::OtherLanguage, &path, member.key_span, message));
    }

    fn operator_count(&mut self, object: &Object<'_>, kinds: &[&Member]) {
        let names = java_set_order(&Operator::ALL.map(Operator::name));
        let diagnostic = if let [first, second, ..] = kinds {
            let message = format!("There should only be one of the following fields: [{names}]");
            Diagnostic::new(Code::NoOperator, object.path(), second.key_span, message)
                .label(format!("there is '{}' already", first.key))
                .help("combine several tests with \"And\"")
        } else {
            let message = if object.has("Variable") {
                format!("This object should have only one of the following fields: [{names}]")
            } else {
                "The object must have only one of the following fields, [And, Or, Not, Variable, \
                 Condition]"
                    .to_owned()
            };
            Diagnostic::new(Code::NoOperator, object.path(), object.head, message)
                .label("this rule tests nothing")
        };
        self.report(diagnostic);
    }

    fn test(&mut self, object: &Object<'_>, kind: &Member) -> Option<Test> {
        let operator = Operator::from_name(&kind.key)?;
        if !object.has("Variable") {
            self.missing(object, "Variable");
        }
        let variable = self.path(object, "Variable", PathRole::Operand);
        let operand = self.operand(object, kind, operator);
        Some(Test {
            span: object.node.span,
            variable: variable?,
            operator: Spanned { value: operator, span: kind.key_span },
            operand: operand?,
        })
    }

    fn operand(
        &mut self,
        object: &Object<'_>,
        kind: &Member,
        operator: Operator,
    ) -> Option<Operand> {
        if operator.is_path() {
            return self.path(object, &kind.key, PathRole::Operand).map(Operand::Path);
        }
        let expected = match (operator.family(), &kind.value.kind) {
            (Family::String, Kind::String(text)) if operator == Operator::StringMatches => {
                self.pattern(object, kind, text)?;
                return Some(Operand::Literal(kind.value.clone()));
            }
            (Family::String, Kind::String(_))
            | (Family::Numeric, Kind::Number(_))
            | (Family::Boolean | Family::Type, Kind::Bool(_)) => {
                return Some(Operand::Literal(kind.value.clone()));
            }
            (Family::Timestamp, _) => {
                self.timestamp(object, &kind.key)?;
                return Some(Operand::Literal(kind.value.clone()));
            }
            (Family::String, _) => "String",
            (Family::Numeric, _) => "Number",
            (Family::Boolean | Family::Type, _) => "Boolean",
        };
        self.wrong_type(object, &kind.key, &kind.value, expected);
        None
    }

    /// Checks a pattern of `StringMatches`.
    fn pattern(&mut self, object: &Object<'_>, kind: &Member, text: &str) -> Option<()> {
        let Err(offset) = Pattern::parse(text) else { return Some(()) };
        let span = inside_string(self.text, kind.value.span, offset);
        let message = "the backslash in the pattern escapes nothing";
        self.report(
            Diagnostic::new(Code::BadPattern, &object.field(&kind.key), span, message)
                .help("write \\\\* for a star and \\\\\\\\ for a backslash"),
        );
        None
    }
}

/// Tells whether a field decides what kind of rule it is.
fn is_kind(key: &str) -> bool {
    matches!(key, "And" | "Or" | "Not") || Operator::from_name(key).is_some()
}

fn unknown_field_as(code: Code, object: &Object<'_>, member: &Member) -> Diagnostic {
    Diagnostic { code, ..unknown_field(object.path(), member, None) }
}
