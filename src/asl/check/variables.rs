//! Which variables each state refers to: what `DescribeStateMachine` returns.

use std::collections::{BTreeMap, BTreeSet};

use super::walk::each_state;
use crate::asl::diagnostic::Diagnostic;
use crate::asl::expression;
use crate::asl::json::Node;
use crate::asl::model::{
    Amount, Catcher, Choice, Condition, Distributed, FailText, Machine, Map, Operand, PathField,
    QueryLanguage, Rule, StateKind, Template, WaitUntil,
};
use crate::asl::parse::{Rules, parse_to_describe};
use crate::asl::place::Place;
use crate::asl::source::Spanned;
use crate::expr::intrinsic::{Argument, Call};
use crate::expr::jsonata;
use crate::expr::path::{Path, Root};

/// Variables by the name of the state that refers to them.
pub type VariableReferences = BTreeMap<String, BTreeSet<String>>;

/// Returns the variables that the states of a definition refer to, as `DescribeStateMachine` does.
///
/// # Errors
///
/// The problems of a definition that AWS does not accept. What is not supported yet does not matter
/// here.
pub fn described_variables(
    definition: &str,
    rules: impl Into<Rules>,
) -> Result<VariableReferences, Vec<Diagnostic>> {
    parse_to_describe(definition, rules).map(|machine| variable_references(&machine))
}

/// Returns the variables that each state refers to, by the state's name, without the `$`.
///
/// States that refer to none are left out.
pub fn variable_references(machine: &Machine) -> VariableReferences {
    let mut references = BTreeMap::new();
    each_state(&machine.graph, &Place::MACHINE, &mut |state, _| {
        let mut names = Names { found: BTreeSet::new(), language: state.language };
        names.state(&state.kind);
        if !names.found.is_empty() {
            references.insert(state.name.value.clone(), names.found);
        }
    });
    references
}

/// The variables that a state refers to.
struct Names {
    found: BTreeSet<String>,
    language: QueryLanguage,
}

impl Names {
    fn state(&mut self, kind: &StateKind) {
        match kind {
            StateKind::Pass(pass) => {
                self.field(&pass.input_path);
                self.field(&pass.output_path);
                self.templates(&[&pass.parameters, &pass.output, &pass.assign]);
            }
            StateKind::Choice(choice) => self.choice(choice),
            StateKind::Wait(wait) => {
                self.field(&wait.input_path);
                self.field(&wait.output_path);
                self.templates(&[&wait.output, &wait.assign]);
                match &wait.until {
                    WaitUntil::SecondsPath(path) | WaitUntil::TimestampPath(path) => {
                        self.path(path);
                    }
                    WaitUntil::SecondsExpression(text) | WaitUntil::TimestampExpression(text) => {
                        self.jsonata(&text.value);
                    }
                    WaitUntil::Seconds(_) | WaitUntil::Timestamp(_) => {}
                }
            }
            StateKind::Succeed(succeed) => {
                self.field(&succeed.input_path);
                self.field(&succeed.output_path);
                self.templates(&[&succeed.output]);
            }
            StateKind::Fail(fail) => {
                for text in [&fail.error, &fail.cause].into_iter().flatten() {
                    match text {
                        FailText::Path(text) | FailText::Intrinsic(text) => self.path(text),
                        FailText::Expression(text) => self.jsonata(&text.value),
                        FailText::Literal(_) => {}
                    }
                }
            }
            StateKind::Task(task) => {
                self.field(&task.input_path);
                self.field(&task.output_path);
                self.templates(&[
                    &task.parameters,
                    &task.arguments,
                    &task.result_selector,
                    &task.credentials,
                    &task.output,
                    &task.assign,
                ]);
                self.amount(task.timeout.as_ref());
                self.amount(task.heartbeat.as_ref());
                self.catchers(&task.catch);
            }
            StateKind::Parallel(parallel) => {
                self.field(&parallel.input_path);
                self.field(&parallel.output_path);
                self.templates(&[
                    &parallel.parameters,
                    &parallel.arguments,
                    &parallel.result_selector,
                    &parallel.output,
                    &parallel.assign,
                ]);
                self.catchers(&parallel.catch);
            }
            StateKind::Map(map) => self.map(map),
        }
    }

    fn choice(&mut self, choice: &Choice) {
        self.field(&choice.input_path);
        self.field(&choice.output_path);
        self.templates(&[&choice.output, &choice.assign]);
        for rule in &choice.choices {
            self.rule(&rule.rule);
            self.templates(&[&rule.output, &rule.assign]);
        }
    }

    fn rule(&mut self, rule: &Rule) {
        match rule {
            Rule::And(parts) | Rule::Or(parts) => parts.iter().for_each(|part| self.rule(part)),
            Rule::Not(part) => self.rule(part),
            Rule::Condition(Condition::Expression(text)) => self.jsonata(&text.value),
            Rule::Condition(Condition::Literal(_)) => {}
            Rule::Test(test) => {
                self.path(&test.variable);
                if let Operand::Path(path) = &test.operand {
                    self.path(path);
                }
            }
        }
    }

    fn map(&mut self, map: &Map) {
        self.field(&map.input_path);
        self.field(&map.output_path);
        self.templates(&[
            &map.items,
            &map.item_selector,
            &map.result_selector,
            &map.output,
            &map.assign,
        ]);
        if let Some(path) = &map.items_path {
            self.path(path);
        }
        self.amount(map.concurrency_max.as_ref());
        if let Some(distributed) = &map.distributed {
            self.distributed(distributed);
        }
        self.catchers(&map.catch);
    }

    fn distributed(&mut self, distributed: &Distributed) {
        self.amount(distributed.tolerated_count.as_ref());
        self.amount(distributed.tolerated_percentage.as_ref());
        if let Some(batcher) = &distributed.batcher {
            self.amount(batcher.items_max.as_ref());
            self.amount(batcher.bytes_max.as_ref());
            self.templates(&[&batcher.input]);
        }
        self.storage(distributed.reader.as_ref());
        self.storage(distributed.writer.as_ref());
    }

    /// `ItemReader` or `ResultWriter`: objects of templates, of paths in `...Path` and of words.
    fn storage(&mut self, node: Option<&Node>) {
        if self.language == QueryLanguage::Jsonata {
            if let Some(node) = node {
                self.template(node);
            }
            return;
        }
        for member in node.into_iter().flat_map(Node::members) {
            match member.value.as_str() {
                Some(path) if member.key.ends_with("Path") => self.expression(path),
                Some(text) if member.key.ends_with(".$") => self.expression(text),
                _ => self.storage(Some(&member.value)),
            }
        }
    }

    fn catchers(&mut self, catchers: &[Catcher]) {
        for catcher in catchers {
            self.templates(&[&catcher.output, &catcher.assign]);
        }
    }

    fn amount<T>(&mut self, amount: Option<&Amount<T>>) {
        match amount {
            Some(Amount::Path(path)) => self.path(path),
            Some(Amount::Expression(text)) => self.jsonata(&text.value),
            Some(Amount::Literal(_)) | None => {}
        }
    }

    fn field(&mut self, field: &PathField) {
        if let PathField::Path(path) = field {
            self.path(path);
        }
    }

    fn path(&mut self, path: &Spanned<String>) {
        self.expression(&path.value);
    }

    fn templates(&mut self, templates: &[&Option<Template>]) {
        for template in templates.iter().filter_map(|template| template.as_ref()) {
            self.template(template);
        }
    }

    fn template(&mut self, node: &Node) {
        node.items().iter().for_each(|item| self.template(item));
        if self.language == QueryLanguage::Jsonata {
            node.members().iter().for_each(|member| self.template(&member.value));
            if let Some(text) = expression::of(node) {
                self.jsonata(text.value);
            }
            return;
        }
        for member in node.members() {
            match member.value.as_str() {
                Some(text) if member.key.ends_with(".$") => self.expression(text),
                _ => self.template(&member.value),
            }
        }
    }

    /// Notes the variables of a JSONata expression.
    fn jsonata(&mut self, text: &str) {
        let references = jsonata::check(text).unwrap_or_default();
        let names = references.variables.into_iter().map(|(name, _)| name.into_string());
        self.found.extend(names.filter(|name| name != "states"));
    }

    /// Notes the variables of a path or of a call's arguments.
    fn expression(&mut self, text: &str) {
        if text.starts_with('$') {
            if let Ok(path) = Path::parse(text) {
                self.start(&path);
            }
        } else if let Ok(call) = Call::parse(text) {
            self.call(&call);
        }
    }

    fn call(&mut self, call: &Call) {
        for argument in &call.arguments {
            match argument {
                Argument::Path(path) => self.start(path),
                Argument::Call(call) => self.call(call),
                _ => {}
            }
        }
    }

    /// Notes the variable that a path starts at.
    fn start(&mut self, path: &Path) {
        if path.root == Root::Variable {
            self.found.insert(path.variable.clone());
        }
    }
}
