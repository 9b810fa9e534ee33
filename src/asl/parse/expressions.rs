//! Paths, payload templates and intrinsic calls: proven to parse, kept as text.

use std::collections::HashSet;

use super::Parser;
use super::fields::Object;
use crate::asl::diagnostic::{Code, Diagnostic, did_you_mean};
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
    /// Reads one value of the data or the context: Choice `Variable` and operands.
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
        let Some(refused) = refusal(&path.value, role) else {
            return Some(path);
        };
        let (code, wanted) = match role {
            _ if refused.unsupported => (Code::UnsupportedPath, ""),
            PathRole::Select => (Code::BadPath, "Value is not a valid JSONPath: "),
            _ => (Code::BadReferencePath, "Value is not a Reference Path: "),
        };
        let span = inside_string(self.text, path.span, refused.offset);
        let message = format!("{wanted}{}", refused.message);
        self.report(Diagnostic::new(code, &object.field(field), span, message));
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
        let mut results = HashSet::new();
        for member in node.members() {
            let result = member.key.strip_suffix(".$").unwrap_or(&member.key);
            // Equal keys are reported as such already.
            if !results.insert(result) && node.member(&member.key) == Some(member) {
                self.duplicate_result(member, result, path);
            }
            if member.key.ends_with(".$") {
                self.template_field(member, path);
            } else {
                self.warn_without_suffix(member, path);
                self.template_node(&member.value, &format!("{path}/{}", member.key));
            }
        }
    }

    fn duplicate_result(&mut self, member: &Member, result: &str, path: &str) {
        let message = format!("The field '{result}' is given twice");
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
            let diagnostic = Diagnostic::new(Code::BadTemplateField, path, span, message)
                .label(refused.message.clone());
            match meant_function(text, refused.offset) {
                Some(function) => diagnostic.help(format!("did you mean \"{function}\"?")),
                None => diagnostic,
            }
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

/// Why a text is not a path for a role; `None` when it is one.
fn refusal(text: &str, role: PathRole) -> Option<SyntaxError> {
    let wrong = |message: &str| {
        Some(SyntaxError { message: message.to_owned(), offset: 0, unsupported: false })
    };
    if !text.starts_with('$') {
        return wrong("Reference path didn't start with '$'");
    }
    if role == PathRole::Write && text.starts_with("$$") {
        return wrong("the context object ($$) cannot be written to");
    }
    match role {
        PathRole::Select | PathRole::Operand => Path::parse(text).err(),
        PathRole::Read | PathRole::Write => Path::parse_reference(text).err(),
    }
}

/// Why a text is neither a path nor an intrinsic call; `None` when it is one.
fn expression_refusal(text: &str) -> Option<SyntaxError> {
    if text.starts_with('$') { Path::parse(text).err() } else { Call::parse(text).err() }
}

/// The function that was probably meant where a call names none.
fn meant_function(text: &str, offset: usize) -> Option<&'static str> {
    let name = text.get(offset..)?.split('(').next()?.trim();
    if INTRINSICS.contains(&name) { None } else { did_you_mean(name, INTRINSICS) }
}

const INTRINSICS: [&str; 18] = [
    "States.Array",
    "States.ArrayContains",
    "States.ArrayGetItem",
    "States.ArrayLength",
    "States.ArrayPartition",
    "States.ArrayRange",
    "States.ArrayUnique",
    "States.Base64Decode",
    "States.Base64Encode",
    "States.Format",
    "States.Hash",
    "States.JsonMerge",
    "States.JsonToString",
    "States.MathAdd",
    "States.MathRandom",
    "States.StringSplit",
    "States.StringToJson",
    "States.UUID",
];
