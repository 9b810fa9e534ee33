//! Paths, payload templates and intrinsic calls: proven to parse, kept as text.

use std::collections::HashMap;

use super::Parser;
use super::fields::Object;
use super::jsonata::Stage;
use crate::asl::diagnostic::{Code, Diagnostic};
use crate::asl::json::{Kind, Member, Node};
use crate::asl::model::{PathField, QueryLanguage, Template};
use crate::asl::place::Place;
use crate::asl::source::{Spanned, inside_string};
use crate::expr::SyntaxError;
use crate::expr::intrinsic::{Call, Function};
use crate::expr::path::{Path, Root};

/// What a path is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathRole {
    /// Reads any number of values: `InputPath`, `OutputPath`.
    Select,
    /// Left or right side of a choice rule; AWS words its faults differently there.
    Operand,
    /// A reference path that reads one value: `SecondsPath`, `ErrorPath`, `ItemsPath`.
    Read,
    /// A reference path that reads one value of the state's data or of a variable: the numbers of
    /// Map. AWS: they refuse the context object, unlike `ItemsPath` (measured).
    ReadData,
    /// A reference path that is written to: `ResultPath`.
    Write,
}

impl Parser<'_> {
    /// Reads `InputPath`, `ResultPath` or `OutputPath`.
    pub(super) fn path_field(
        &mut self,
        object: &Object<'_>,
        field: &str,
        role: PathRole,
    ) -> PathField {
        match object.get(field) {
            None => PathField::Absent,
            Some(Node { kind: Kind::Null, span }) => PathField::Null(*span),
            Some(_) => self.path(object, field, role).map_or(PathField::Absent, PathField::Path),
        }
    }

    /// Reads a path.
    pub(super) fn path(
        &mut self,
        object: &Object<'_>,
        field: &str,
        role: PathRole,
    ) -> Option<Spanned<String>> {
        let path = self.string(object, field)?;
        let Some(fault) = path_fault(&path.value, role) else { return Some(path) };
        let span = inside_string(self.text, path.span, fault.offset);
        let mut diagnostic = Diagnostic::new(fault.code, &object.field(field), span, fault.message);
        diagnostic.label = fault.label.map(String::into_boxed_str);
        self.report(diagnostic);
        None
    }

    /// Reads a template of either language that is filled in before the state's work.
    pub(super) fn template(&mut self, object: &Object<'_>, field: &str) -> Option<Template> {
        let template = object.get(field)?;
        let place = object.place.field(field);
        match object.language {
            QueryLanguage::JsonPath => self.template_node(template, &place),
            QueryLanguage::Jsonata => self.expressions(template, &place, Stage::Entered),
        }
        Some(template.clone())
    }

    pub(super) fn template_node(&mut self, node: &Node, place: &Place<'_>) {
        self.warn_other_expression(node, place);
        for (index, item) in node.items().iter().enumerate() {
            self.template_node(item, &place.index(index));
        }
        let mut results = HashMap::new();
        for member in node.members() {
            let result = member.key.strip_suffix(".$").unwrap_or(&member.key);
            // Equal keys are reported as such already.
            if results.insert(result, &member.key).is_some_and(|earlier| *earlier != member.key) {
                self.duplicate_result(member, result, place);
            }
            if member.key.ends_with(".$") {
                self.template_field(member, place);
            } else {
                self.warn_without_suffix(member, place);
                self.template_node(&member.value, &place.field(&member.key));
            }
        }
    }

    fn duplicate_result(&mut self, member: &Member, result: &str, place: &Place<'_>) {
        let message = format!("the field '{result}' is given twice");
        let path = place.to_string();
        self.report(
            Diagnostic::new(Code::DuplicateTemplateKey, &path, member.key_span, message)
                .help(format!("keep one of \"{result}\" and \"{result}.$\"")),
        );
    }

    /// Checks a `.$` field: a path or an intrinsic call.
    fn template_field(&mut self, member: &Member, place: &Place<'_>) {
        let key = &member.key;
        let message = format!(
            "The value for the field '{key}' must be a valid JSONPath or a valid intrinsic \
             function call"
        );
        let Some(text) = member.value.as_str() else {
            let plain = key.trim_end_matches(".$");
            self.report(
                Diagnostic::new(
                    Code::BadTemplateField,
                    &place.to_string(),
                    member.value.span,
                    message,
                )
                .label("this is not a string")
                .help(format!("write \"{plain}\" to pass the value as it is")),
            );
            return;
        };
        let Some(refused) = expression_refusal(text) else {
            return;
        };
        let span = inside_string(self.text, member.value.span, refused.offset);
        self.report(
            Diagnostic::new(Code::BadTemplateField, &place.to_string(), span, message)
                .label(refused.message),
        );
    }

    /// Reads a text that is a reference path or a call that gives a string: `ErrorPath`,
    /// `CausePath`.
    pub(super) fn path_or_call(
        &mut self,
        object: &Object<'_>,
        field: &str,
    ) -> Option<Spanned<String>> {
        let text = self.string(object, field)?;
        if text.value.starts_with('$') {
            return self.path(object, field, PathRole::Read);
        }
        let (label, offset) = match Call::parse(&text.value) {
            Ok(call) if gives_string(call.function) => return Some(text),
            Ok(call) => (format!("{} does not give a string", call.function.name()), 0),
            Err(refused) => (refused.message, refused.offset),
        };
        let message = format!(
            "The value for the field '{field}' must be a valid JSONPath or a valid intrinsic \
             function call"
        );
        let span = inside_string(self.text, text.span, offset);
        let path = object.field(field);
        self.report(Diagnostic::new(Code::BadTemplateField, &path, span, message).label(label));
        None
    }

    fn warn_without_suffix(&mut self, member: &Member, place: &Place<'_>) {
        if member.value.as_str().is_some_and(looks_computed) {
            let key = &member.key;
            let message = format!("'{key}' is passed as this text, not as the value it names");
            let path = place.to_string();
            self.report(
                Diagnostic::new(Code::TemplateWithoutSuffix, &path, member.value.span, message)
                    .help(format!("write \"{key}.$\" to have it evaluated")),
            );
        }
    }

    /// Warns of what looks computed in `Result`, which is passed on as it stands.
    pub(super) fn warn_static_result(&mut self, result: &Node, place: &Place<'_>) {
        for (index, item) in result.items().iter().enumerate() {
            self.warn_static_result(item, &place.index(index));
        }
        for member in result.members() {
            self.warn_static_result(&member.value, &place.field(&member.key));
        }
        if result.as_str().is_some_and(looks_computed) {
            let message = "the Result of a Pass state is not evaluated; this stays a text";
            let path = place.to_string();
            self.report(
                Diagnostic::new(Code::StaticResult, &path, result.span, message)
                    .help("use \"Parameters\" with a key that ends in \".$\""),
            );
        }
    }

    /// Warns of a path in a field that takes it as a text; by JSONPath a sibling evaluates it.
    pub(super) fn warn_literal_path(&mut self, object: &Object<'_>, field: &str) {
        let Some(value) = object.get(field) else { return };
        if object.language == QueryLanguage::Jsonata {
            self.warn_literal_expression(value, &object.place.field(field));
        } else if value.as_str().is_some_and(|text| text.starts_with('$') && looks_computed(text)) {
            let message = format!("'{field}' takes this as a text, not as a path");
            self.report(
                Diagnostic::new(Code::LiteralPath, &object.field(field), value.span, message)
                    .help(format!("write \"{field}Path\" to have it evaluated")),
            );
        }
    }
}

/// Why a text is no path for its role.
struct PathFault {
    code: Code,
    message: String,
    label: Option<String>,
    offset: usize,
}

impl PathFault {
    fn not_a_reference(label: impl Into<String>, offset: usize) -> Self {
        let message = "Value is not a Reference Path".to_owned();
        Self { code: Code::BadReferencePath, message, label: Some(label.into()), offset }
    }
}

/// Finds out why a text is no path for a role; `None` when it is one.
fn path_fault(text: &str, role: PathRole) -> Option<PathFault> {
    match Path::parse(text) {
        Ok(path) => role_fault(&path, role),
        Err(error) => Some(syntax_fault(text, role, error)),
    }
}

/// Finds out why a path is none for its role.
fn role_fault(path: &Path, role: PathRole) -> Option<PathFault> {
    let root = match (role, path.root) {
        (PathRole::Write, Root::Input) | (PathRole::Select | PathRole::Operand, _) => None,
        (PathRole::Write, _) => Some("only the state's own data can be written to"),
        (PathRole::ReadData, Root::Context) => Some("the context object cannot be read here"),
        (PathRole::Read | PathRole::ReadData, _) => None,
    };
    if let Some(label) = root {
        return Some(PathFault::not_a_reference(label, 0));
    }
    if role == PathRole::Select {
        return None;
    }
    let several = Path::parse_single(&path.text).err()?;
    Some(PathFault::not_a_reference(several.message, several.offset))
}

fn syntax_fault(text: &str, role: PathRole, error: SyntaxError) -> PathFault {
    let SyntaxError { message, offset, .. } = error;
    match role {
        PathRole::Operand if !text.starts_with('$') => PathFault {
            code: Code::BadReferencePath,
            message: "Value is not a Reference Path: Reference path didn't start with '$'".into(),
            label: None,
            offset,
        },
        PathRole::Operand => PathFault::not_a_reference(message, offset),
        _ => PathFault {
            code: Code::BadPath,
            message: "Value must be a valid JSONPath.".into(),
            label: Some(message),
            offset,
        },
    }
}

/// Why a text is neither a path nor an intrinsic call; `None` when it is one.
fn expression_refusal(text: &str) -> Option<SyntaxError> {
    if text.starts_with('$') { Path::parse(text).err() } else { Call::parse(text).err() }
}

/// Tells whether a text would be evaluated, if it stood where expressions are.
pub(super) fn looks_computed(text: &str) -> bool {
    let computed = ["$.", "$$.", "$["].iter().any(|start| text.starts_with(start))
        || (text.starts_with("States.") && text.ends_with(')'));
    computed && expression_refusal(text).is_none()
}

/// AWS: `state-fail` lists the functions that `ErrorPath` and `CausePath` take.
fn gives_string(function: Function) -> bool {
    matches!(
        function,
        Function::Format
            | Function::JsonToString
            | Function::ArrayGetItem
            | Function::Base64Encode
            | Function::Base64Decode
            | Function::Hash
            | Function::Uuid
    )
}
