//! Choice states: rules as a typed tree.

use super::Parser;
use super::expressions::PathRole;
use super::fields::{Object, unknown_field};
use super::jsonata::Stage;
use crate::asl::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::asl::json::{Kind, Member};
use crate::asl::model::{Choice, ChoiceRule, Operand, QueryLanguage, Rule, Test};
use crate::asl::operator::{Family, Operator, java_set_order};
use crate::asl::source::{Spanned, inside_string};
use crate::expr::rule::Pattern;

impl Parser<'_> {
    pub(super) fn choice(&mut self, state: &Object<'_>) -> Choice {
        let input_path = self.path_field(state, "InputPath", PathRole::Select);
        let output_path = self.path_field(state, "OutputPath", PathRole::Select);
        let output = self.computed(state, "Output", Stage::Entered);
        let assign = self.assign(state, Stage::Entered);
        if !state.has("Choices") {
            self.missing(state, "Choices");
        }
        self.not_empty(state, "Choices");
        let mut choices = Vec::new();
        for (_, rule) in self.objects(state, "Choices") {
            choices.extend(self.choice_rule(&rule));
        }
        let default = self.string(state, "Default");
        // A target that names no state is reported by the graph check.
        let default = self.target(default);
        Choice { input_path, output_path, output, choices, default, assign }
    }

    fn choice_rule(&mut self, object: &Object<'_>) -> Option<ChoiceRule> {
        let rule = match object.language {
            QueryLanguage::JsonPath => self.rule(object, true),
            QueryLanguage::Jsonata => self.condition_rule(object),
        };
        self.require(object, &["Next"]);
        let next = self.string(object, "Next");
        let comment = self.comment(object);
        let output = self.computed(object, "Output", Stage::Entered);
        let assign = self.assign(object, Stage::Entered);
        let next = self.target(next)?;
        Some(ChoiceRule { span: object.node.span, comment, rule: rule?, output, assign, next })
    }

    /// Reads a rule of JSONata.
    fn condition_rule(&mut self, object: &Object<'_>) -> Option<Rule> {
        let mut foreign = false;
        for member in object.node.members() {
            let key = member.key.as_str();
            if CONDITION_FIELDS.contains(&key) {
                continue;
            }
            if object.lacks(key) || Operator::from_name(key).is_some() {
                foreign = true;
                self.other_language(object, member);
            } else {
                let meant = did_you_mean(key, CONDITION_FIELDS.iter().copied());
                self.report(unknown_field(object, member, meant));
            }
        }
        if !foreign && !object.has("Condition") {
            self.selector_count(object, &[]);
        }
        self.condition(object).map(Rule::Condition)
    }

    fn rule(&mut self, object: &Object<'_>, top: bool) -> Option<Rule> {
        let members = object.node.members().iter();
        let selectors: Vec<&Member> =
            members.filter(|m| SELECTORS.contains(&m.key.as_str())).collect();
        self.rule_fields(object, &selectors, top);
        let [selector] = selectors[..] else {
            self.selector_count(object, &selectors);
            return None;
        };
        match selector.key.as_str() {
            combination @ ("And" | "Or") => {
                self.not_empty(object, combination);
                let mut parts = Vec::new();
                for (_, part) in self.objects(object, combination) {
                    parts.extend(self.rule(&part, false));
                }
                Some(if combination == "And" { Rule::And(parts) } else { Rule::Or(parts) })
            }
            "Not" => {
                let part = self.object(object, "Not")?;
                self.rule(&part, false).map(|part| Rule::Not(Box::new(part)))
            }
            "Variable" => self.test(object).map(Rule::Test),
            // `Condition`: reported as a field of the other language.
            _ => None,
        }
    }

    /// Reports fields that a rule cannot have.
    fn rule_fields(&mut self, object: &Object<'_>, selectors: &[&Member], top: bool) {
        let combines = matches!(selectors, [one] if one.key != "Variable");
        for member in object.node.members() {
            match member.key.as_str() {
                "Comment" | "Variable" | "And" | "Or" | "Not" => {}
                "Next" | "Assign" if top => {}
                "Next" => self.report(
                    Diagnostic { code: Code::NestedNext, ..unknown_field(object, member, None) }
                        .help("only the rules directly in \"Choices\" have a \"Next\""),
                ),
                "Condition" | "Output" => self.other_language(object, member),
                key if Operator::from_name(key).is_some() && !combines => {}
                key => {
                    let operators = Operator::ALL.iter().map(|operator| operator.name());
                    let known = SELECTORS.iter().copied().chain(["Next", "Assign", "Comment"]);
                    let meant =
                        did_you_mean(key, operators.chain(known)).filter(|&meant| meant != key);
                    self.report(unknown_field(object, member, meant));
                }
            }
        }
    }

    /// Reports a rule that is of no kind, or of several.
    fn selector_count(&mut self, object: &Object<'_>, selectors: &[&Member]) {
        let message = "The object must have only one of the following fields, [And, Or, Not, \
                       Variable, Condition]";
        self.report(match selectors {
            [first, second, ..] => {
                Diagnostic::new(Code::NoOperator, &object.path(), second.key_span, message)
                    .label(format!("there is '{}' already", first.key))
                    .help("combine several conditions with \"And\" or \"Or\"")
            }
            _ => Diagnostic::new(Code::NoOperator, &object.path(), object.head, message)
                .label("this rule tests nothing"),
        });
    }

    fn test(&mut self, object: &Object<'_>) -> Option<Test> {
        let variable = self.path(object, "Variable", PathRole::Operand);
        let kind = self.operator(object)?;
        let operator = Operator::from_name(&kind.key)?;
        let operand = self.operand(object, kind, operator);
        Some(Test {
            span: object.node.span,
            variable: variable?,
            operator: Spanned { value: operator, span: kind.key_span },
            operand: operand?,
        })
    }

    /// Finds the one operator of a data test.
    fn operator<'n>(&mut self, object: &Object<'n>) -> Option<&'n Member> {
        let mut found =
            object.node.members().iter().filter(|m| Operator::from_name(&m.key).is_some());
        let (first, second) = (found.next(), found.next());
        let names = || java_set_order(&Operator::ALL.map(Operator::name));
        match (first, second) {
            (Some(one), None) => return Some(one),
            (Some(first), Some(second)) => {
                let message =
                    format!("There should only be one of the following fields: [{}]", names());
                let path = object.path();
                self.report(
                    Diagnostic::new(Code::NoOperator, &path, second.key_span, message)
                        .label(format!("there is '{}' already", first.key))
                        .help("combine several tests with \"And\""),
                );
            }
            (None, _) => {
                let message = format!(
                    "This object should have only one of the following fields: [{}]",
                    names()
                );
                self.report(
                    Diagnostic::new(Code::NoOperator, &object.path(), object.head, message)
                        .label("this rule tests nothing"),
                );
            }
        }
        None
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
            (Family::String, Kind::String(_)) => {
                self.warn_literal_path(object, &kind.key);
                return Some(Operand::Literal(kind.value.clone()));
            }
            (Family::Numeric, Kind::Number(_))
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

/// The fields of a rule of JSONata.
const CONDITION_FIELDS: &[&str] = &["Condition", "Next", "Assign", "Output", "Comment"];

/// The fields that decide what kind of rule it is.
const SELECTORS: &[&str] = &["And", "Or", "Not", "Variable", "Condition"];
