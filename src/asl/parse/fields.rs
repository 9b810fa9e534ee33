//! Fields of an object: which there may be, and values of the types that ASL knows.

use super::Parser;
use crate::asl::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::asl::json::{Kind, Member, Node};
use crate::asl::operator::java_set_order;
use crate::asl::source::{Span, Spanned};

/// An object of the definition with its location.
pub(super) struct Object<'n> {
    pub(super) node: &'n Node,
    /// As AWS writes locations; empty for the machine.
    path: String,
    /// Where to point when something is missing.
    pub(super) head: Span,
}

impl<'n> Object<'n> {
    pub(super) fn new(node: &'n Node, path: String, head: Span) -> Self {
        Self { node, path, head }
    }

    /// The location of the object itself.
    pub(super) fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }

    /// The location of one of its fields.
    pub(super) fn field(&self, field: &str) -> String {
        format!("{}/{field}", self.path)
    }

    pub(super) fn member(&self, field: &str) -> Option<&'n Member> {
        self.node.member(field)
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.member(field).is_some()
    }
}

impl Parser<'_> {
    /// Reports every field that is not in one of the lists.
    pub(super) fn only_fields(
        &mut self,
        object: &Object<'_>,
        allowed: &[&str],
        unsupported: &[&str],
        jsonata: &[&str],
    ) {
        for member in object.node.members() {
            let key = member.key.as_str();
            if allowed.contains(&key) {
                continue;
            }
            let diagnostic = if unsupported.contains(&key) {
                unsupported_field(&object.field(key), member.key_span, key)
            } else if jsonata.contains(&key) {
                let message = format!(
                    "The QueryLanguage is set to 'JSONPath', but field '{key}' is only supported \
                     for the 'JSONata' QueryLanguage"
                );
                Diagnostic::new(Code::OtherLanguage, &object.field(key), member.key_span, message)
            } else {
                let known = allowed.iter().chain(unsupported).copied();
                unknown_field(object.path(), member, did_you_mean(key, known))
            };
            self.report(diagnostic);
        }
    }

    /// Reports which of the fields are missing, in one diagnostic; tells whether any is.
    pub(super) fn require(&mut self, object: &Object<'_>, fields: &[&str]) -> bool {
        let missing: Vec<_> = fields.iter().copied().filter(|field| !object.has(field)).collect();
        if !missing.is_empty() {
            let message = format!("These fields are required: [{}]", missing.join(", "));
            self.report(Diagnostic::new(Code::MissingField, object.path(), object.head, message));
        }
        !missing.is_empty()
    }

    /// Reports one missing field in AWS's other wording.
    pub(super) fn missing(&mut self, object: &Object<'_>, field: &str) {
        let message = format!("The field '{field}' is required");
        self.report(
            Diagnostic::new(Code::MissingField, object.path(), object.head, message)
                .label(format!("has no {field}")),
        );
    }

    /// Finds the one field of a set that an object must have exactly one of.
    pub(super) fn exactly_one<'n>(
        &mut self,
        object: &Object<'n>,
        fields: &[&'static str],
        code: Code,
    ) -> Option<&'n Member> {
        let found: Vec<_> =
            object.node.members().iter().filter(|m| fields.contains(&m.key.as_str())).collect();
        match found[..] {
            [one] => Some(one),
            [] => {
                let message = only_one_of(fields);
                self.report(Diagnostic::new(code, object.path(), object.head, message));
                None
            }
            [first, second, ..] => {
                self.exclusive(object.path(), fields, code, first, second);
                None
            }
        }
    }

    /// Finds the one field of a set that an object may have at most one of.
    pub(super) fn at_most_one<'n>(
        &mut self,
        object: &Object<'n>,
        fields: &[&'static str],
    ) -> Option<&'n Member> {
        let mut found = object.node.members().iter().filter(|m| fields.contains(&m.key.as_str()));
        let first = found.next()?;
        if let Some(second) = found.next() {
            self.exclusive(object.path(), fields, Code::Exclusive, first, second);
        }
        Some(first)
    }

    fn exclusive(
        &mut self,
        path: &str,
        fields: &[&'static str],
        code: Code,
        first: &Member,
        second: &Member,
    ) {
        let names = java_set_order(fields);
        let message = format!("There should only be one of the following fields: [{names}]");
        self.report(
            Diagnostic::new(code, path, second.key_span, message)
                .label(format!("there is '{}' already", first.key))
                .help("keep one of them"),
        );
    }

    pub(super) fn comment(&mut self, object: &Object<'_>) -> Option<String> {
        self.string(object, "Comment").map(|comment| comment.value)
    }

    /// Reads a string field; absent and wrong are both `None`, the latter with a diagnostic.
    pub(super) fn string(&mut self, object: &Object<'_>, field: &str) -> Option<Spanned<String>> {
        let value = object.node.get(field)?;
        let Some(text) = value.as_str() else {
            self.wrong_type(object, field, value, "String");
            return None;
        };
        Some(Spanned { value: text.to_owned(), span: value.span })
    }

    /// Reads a whole number of seconds.
    pub(super) fn integer(
        &mut self,
        object: &Object<'_>,
        field: &str,
        min: u64,
    ) -> Option<Spanned<u64>> {
        let value = object.node.get(field)?;
        let digits = match &value.kind {
            Kind::Number(text) => text.strip_prefix('-').unwrap_or(text),
            _ => "",
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.wrong_type(object, field, value, "Integer");
            return None;
        }
        let negative = matches!(&value.kind, Kind::Number(text) if text.starts_with('-'));
        // More digits than fit are too many seconds just the same.
        let magnitude = digits.parse::<u64>().unwrap_or(u64::MAX);
        let message = match magnitude {
            0 if min == 0 => None,
            _ if negative || magnitude < min => Some(format!("Minimum value is {min}")),
            _ if magnitude > SECONDS_MAX => Some(format!("Maximum value is {SECONDS_MAX}")),
            _ => None,
        };
        if let Some(message) = message {
            let path = object.field(field);
            self.report(Diagnostic::new(Code::OutOfRange, &path, value.span, message));
            return None;
        }
        Some(Spanned { value: magnitude, span: value.span })
    }

    /// Reads a field that takes one of a few words.
    pub(super) fn one_of(
        &mut self,
        object: &Object<'_>,
        field: &str,
        words: &[&'static str],
    ) -> Option<Spanned<&'static str>> {
        let written = self.string(object, field)?;
        if let Some(word) = words.iter().find(|&&word| word == written.value) {
            return Some(Spanned { value: word, span: written.span });
        }
        let list = words.join(", ");
        let message = format!("The field '{field}' should have one of these values: [{list}]");
        let mut diagnostic =
            Diagnostic::new(Code::UnknownValue, &object.field(field), written.span, message);
        if let Some(word) = did_you_mean(&written.value, words.iter().copied()) {
            diagnostic = diagnostic.help(format!("did you mean \"{word}\"?"));
        }
        self.report(diagnostic);
        None
    }

    pub(super) fn wrong_type(
        &mut self,
        object: &Object<'_>,
        field: &str,
        value: &Node,
        expected: &str,
    ) {
        let message = format!("Expected value of type {expected}");
        self.report(
            Diagnostic::new(Code::WrongType, &object.field(field), value.span, message)
                .label(format!("this is {}", kind_name(value))),
        );
    }

    pub(super) fn empty(&mut self, path: &str, span: Span) {
        self.report(Diagnostic::new(Code::EmptyValue, path, span, "Value cannot be empty"));
    }
}

/// AWS's words for none of several fields.
pub(super) fn only_one_of(fields: &[&'static str]) -> String {
    let names = java_set_order(fields);
    format!("This object should have only one of the following fields: [{names}]")
}

pub(super) fn unsupported_field(path: &str, span: Span, field: &str) -> Diagnostic {
    let message = format!("{field} is not supported yet");
    Diagnostic::new(Code::UnsupportedField, path, span, message)
}

pub(super) fn unknown_field(path: &str, member: &Member, meant: Option<&str>) -> Diagnostic {
    let message = format!("Field '{}' is not supported", member.key);
    let diagnostic = Diagnostic::new(Code::UnknownField, path, member.key_span, message);
    match meant {
        Some(meant) => diagnostic.help(format!("did you mean \"{meant}\"?")),
        None => diagnostic,
    }
}

fn kind_name(node: &Node) -> &'static str {
    match &node.kind {
        Kind::Null => "null",
        Kind::Bool(_) => "a boolean",
        Kind::Number(_) => "a number",
        Kind::String(_) => "a string",
        Kind::Array(_) => "an array",
        Kind::Object(_) => "an object",
    }
}

/// AWS: `state-wait` and `state-task`, the largest number of seconds in any field.
const SECONDS_MAX: u64 = 99_999_999;
