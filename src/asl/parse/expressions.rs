//! Paths, payload templates and intrinsic calls: proven to parse, kept as text.

use std::collections::HashMap;

use super::Parser;
use super::fields::Object;
use crate::asl::diagnostic::{Code, Diagnostic};
use crate::asl::json::{Kind, Member, Node};
use crate::asl::model::{PathField, Template};
use crate::asl::source::{Spanned, inside_string};
use crate::expr::SyntaxError;
use crate::expr::intrinsic::Call;
use crate::expr::path::Path;

/// What a path is good for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PathRole {
    /// Reads any number of values: `InputPath`, `OutputPath`.
    Select,
    /// Left or right side of a choice rule; AWS words its faults differently there.
    Operand,
    /// A reference path that reads one value: `SecondsPath`, `ErrorPath`.
    Read,
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
        match object.node.get(field) {
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
        diagnostic.label = fault.label;
        self.report(diagnostic);
        None
    }

    /// Reads a payload template.
    pub(super) fn template(&mut self, object: &Object<'_>, field: &str) -> Option<Template> {
        let template = object.node.get(field)?;
        self.template_node(template, &object.field(field));
        Some(template.clone())
    }

    fn template_node(&mut self, node: &Node, path: &str) {
        for (index, item) in node.items().iter().enumerate() {
            self.template_node(item, &format!("{path}[{index}]"));
        }
        let mut results = HashMap::new();
        for member in node.members() {
            let result = member.key.strip_suffix(".$").unwrap_or(&member.key);
            // Equal keys are reported as such already.
            if results.insert(result, &member.key).is_some_and(|earlier| *earlier != member.key) {
                self.duplicate_result(member, result, path);
            }
            if member.key.ends_with(".$") {
                self.template_field(member, path);
            } else {
                self.warn_without_suffix(member, path);
                if matches!(member.value.kind, Kind::Object(_) | Kind::Array(_)) {
                    self.template_node(&member.value, &format!("{path}/{}", member.key));
                }
            }
        }
    }

    fn duplicate_result(&mut self, member: &Member, result: &str, path: &str) {
        let message = format!("the field '{result}' is given twice");
        self.report(
            Diagnostic::new(Code::DuplicateTemplateKey, path, member.key_span, message)
                .help(format!("keep one of \"{result}\" and \"{result}.$\"")),
        );
    }

    /// Checks a `.$` field: a path or an intrinsic call.
    fn template_field(&mut self, member: &Member, path: &str) {
        let key = &member.key;
        let message = format!(
            "The value for the field '{key}' must be a valid JSONPath or a valid intrinsic \
             function call"
        );
        let Some(text) = member.value.as_str() else {
            let plain = key.trim_end_matches(".$");
            self.report(
                Diagnostic::new(Code::BadTemplateField, path, member.value.span, message)
                    .label("this is not a string")
                    .help(format!("write \"{plain}\" to pass the value as it is")),
            );
            return;
        };
        let Some(refused) = expression_refusal(text) else {
            return;
        };
        let diagnostic = if refused.unsupported {
            self.unsupported_expression(&refused, member, path)
        } else {
            let span = inside_string(self.text, member.value.span, refused.offset);
            Diagnostic::new(Code::BadTemplateField, path, span, message).label(refused.message)
        };
        self.report(diagnostic);
    }

    fn unsupported_expression(
        &self,
        refused: &SyntaxError,
        member: &Member,
        path: &str,
    ) -> Diagnostic {
        let function = refused.message.starts_with("States.");
        let code = if function { Code::UnsupportedFunction } else { Code::UnsupportedPath };
        let span = inside_string(self.text, member.value.span, refused.offset);
        Diagnostic::new(code, &format!("{path}/{}", member.key), span, refused.message.clone())
    }

    /// Reads a text that is a reference path or an intrinsic call: `ErrorPath`, `CausePath`.
    pub(super) fn path_or_call(
        &mut self,
        object: &Object<'_>,
        field: &str,
    ) -> Option<Spanned<String>> {
        let member = object.member(field)?;
        let text = self.string(object, field)?;
        if text.value.starts_with('$') {
            return self.path(object, field, PathRole::Read);
        }
        let Some(refused) = expression_refusal(&text.value) else {
            return Some(text);
        };
        let diagnostic = if refused.unsupported {
            self.unsupported_expression(&refused, member, object.path())
        } else {
            let message = format!(
                "The value for the field '{field}' must be a valid JSONPath or a valid intrinsic \
                 function call"
            );
            let span = inside_string(self.text, text.span, refused.offset);
            Diagnostic::new(Code::BadTemplateField, &object.field(field), span, message)
                .label(refused.message)
        };
        self.report(diagnostic);
        None
    }

    fn warn_without_suffix(&mut self, member: &Member, path: &str) {
        let Some(text) = member.value.as_str() else {
            return;
        };
        let computed = ["$.", "$$.", "$["].iter().any(|start| text.starts_with(start))
            || (text.starts_with("States.") && text.ends_with(')'));
        if computed && expression_refusal(text).is_none() {
            let key = &member.key;
            let message = format!("'{key}' is passed as this text, not as the value it names");
            self.report(
                Diagnostic::new(Code::TemplateWithoutSuffix, path, member.value.span, message)
                    .help(format!("write \"{key}.$\" to have it evaluated")),
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

/// Finds out why a text is no path for a role; `None` when it is one.
fn path_fault(text: &str, role: PathRole) -> Option<PathFault> {
    let parsed = match role {
        PathRole::Write => Path::parse_reference(text),
        _ => Path::parse(text),
    };
    let SyntaxError { message, offset, unsupported } = parsed.err()?;
    let variable = text
        .strip_prefix('$')
        .unwrap_or_default()
        .starts_with(|c: char| c.is_alphabetic() || c == '_');
    let fault =
        |code, text: &str, label| Some(PathFault { code, message: text.to_owned(), label, offset });
    match role {
        PathRole::Operand if !text.starts_with('$') => fault(
            Code::BadReferencePath,
            "Value is not a Reference Path: Reference path didn't start with '$'",
            None,
        ),
        PathRole::Write if text.starts_with("$$") || variable => fault(
            Code::BadReferencePath,
            "Value is not a Reference Path",
            Some("only the state's own data can be written to".to_owned()),
        ),
        PathRole::Read | PathRole::Write if unsupported => fault(
            Code::BadReferencePath,
            "Value is not a Reference Path",
            Some("this may name several places, but one is needed".to_owned()),
        ),
        _ if unsupported => fault(Code::UnsupportedPath, &message, None),
        PathRole::Operand => {
            fault(Code::BadReferencePath, "Value is not a Reference Path", Some(message))
        }
        _ => fault(Code::BadPath, "Value must be a valid JSONPath.", Some(message)),
    }
}

/// Why a text is neither a path nor an intrinsic call; `None` when it is one.
fn expression_refusal(text: &str) -> Option<SyntaxError> {
    if text.starts_with('$') {
        return Path::parse(text).err();
    }
    match illegal_escape(text) {
        Some(offset) => Some(SyntaxError {
            message: "only \\' \\{ \\} and \\\\ are escapes in a call".to_owned(),
            offset,
            unsupported: false,
        }),
        None => Call::parse(text).err(),
    }
}

/// Finds a backslash in the quoted strings of a call that begins no escape.
///
/// AWS: `\"` in a call is refused when the machine is created (recorded); the functions
/// themselves would take the backslash as it is.
fn illegal_escape(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut chars = text.char_indices();
    while let Some((offset, c)) = chars.next() {
        if c == '\'' {
            quoted = !quoted;
        } else if c == '\\' && quoted {
            let escaped = chars.next().map(|(_, escaped)| escaped);
            if !matches!(escaped, Some('\'' | '{' | '}' | '\\')) {
                return Some(offset);
            }
        }
    }
    None
}
