//! Fields of an object: which there may be, and values of the types that ASL knows.

use super::Parser;
use super::language::owner;
use crate::asl::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::asl::json::{Kind, Member, Node};
use crate::asl::model::QueryLanguage;
use crate::asl::operator::java_set_order;
use crate::asl::place::Place;
use crate::asl::source::{Span, Spanned};

/// An object of the definition with its location.
pub(super) struct Object<'n> {
    pub(super) node: &'n Node,
    pub(super) place: Place<'n>,
    /// Where to point when something is missing.
    pub(super) head: Span,
    /// The language of the state that it is, or belongs to.
    pub(super) language: QueryLanguage,
}

impl<'n> Object<'n> {
    pub(super) fn new(
        node: &'n Node,
        place: Place<'n>,
        head: Span,
        language: QueryLanguage,
    ) -> Self {
        Self { node, place, head, language }
    }

    /// An object without a name, which points at its opening bracket.
    pub(super) fn unnamed(node: &'n Node, place: Place<'n>, language: QueryLanguage) -> Self {
        let start = node.span.start as usize;
        Self::new(node, place, Span::new(start, start + 1), language)
    }

    /// The location of the object itself.
    pub(super) fn path(&self) -> String {
        self.place.to_string()
    }

    /// The location of one of its fields.
    pub(super) fn field(&self, field: &str) -> String {
        self.place.field(field).to_string()
    }

    /// Tells whether a field belongs to the other language: it is reported once, and is not there
    /// for whoever asks.
    pub(super) fn lacks(&self, field: &str) -> bool {
        owner(field).is_some_and(|language| language != self.language)
    }

    pub(super) fn member(&self, field: &str) -> Option<&'n Member> {
        self.node.member(field).filter(|_| !self.lacks(field))
    }

    pub(super) fn get(&self, field: &str) -> Option<&'n Node> {
        self.member(field).map(|member| &member.value)
    }

    /// Those of a few fields that are there.
    fn members_of(&self, fields: &[&str]) -> impl Iterator<Item = &'n Member> {
        let members = self.node.members().iter();
        members.filter(|m| fields.contains(&m.key.as_str()) && !self.lacks(&m.key))
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.member(field).is_some()
    }
}

impl Parser<'_> {
    /// Reports every field that is not in the list, or belongs to the other language.
    pub(super) fn only_fields(&mut self, object: &Object<'_>, allowed: &[&str]) {
        self.known_fields(object, allowed);
        self.other_language_fields(object, allowed);
    }

    /// Reports every field that is not in the list.
    pub(super) fn known_fields(&mut self, object: &Object<'_>, allowed: &[&str]) {
        for member in object.node.members() {
            let key = member.key.as_str();
            if !allowed.contains(&key) {
                let known = allowed.iter().copied().filter(|field| !object.lacks(field));
                self.report(unknown_field(object, member, did_you_mean(key, known)));
            }
        }
    }

    /// Reports which of the fields are missing, in one diagnostic; tells whether any is.
    pub(super) fn require(&mut self, object: &Object<'_>, fields: &[&str]) -> bool {
        let missing: Vec<_> = fields.iter().copied().filter(|field| !object.has(field)).collect();
        if !missing.is_empty() {
            let message = format!("These fields are required: [{}]", java_set_order(&missing));
            self.report(Diagnostic::new(Code::MissingField, &object.path(), object.head, message));
        }
        !missing.is_empty()
    }

    /// Reports one missing field in AWS's other wording.
    pub(super) fn missing(&mut self, object: &Object<'_>, field: &str) {
        let message = format!("The field '{field}' is required");
        self.report(
            Diagnostic::new(Code::MissingField, &object.path(), object.head, message)
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
        let found: Vec<_> = object.members_of(fields).collect();
        match found[..] {
            [one] => Some(one),
            // A field of the other language is reported as such already.
            [] if fields.iter().any(|field| object.node.member(field).is_some()) => None,
            [] => {
                let message = only_one_of(fields);
                self.report(Diagnostic::new(code, &object.path(), object.head, message));
                None
            }
            [first, second, ..] => {
                self.exclusive(object, fields, code, first, second);
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
        let mut found = object.members_of(fields);
        let first = found.next()?;
        if let Some(second) = found.next() {
            self.exclusive(object, fields, Code::Exclusive, first, second);
        }
        Some(first)
    }

    fn exclusive(
        &mut self,
        object: &Object<'_>,
        fields: &[&'static str],
        code: Code,
        first: &Member,
        second: &Member,
    ) {
        let names = java_set_order(fields);
        let message = format!("There should only be one of the following fields: [{names}]");
        self.report(
            Diagnostic::new(code, &object.path(), second.key_span, message)
                .label(format!("there is '{}' already", first.key))
                .help("keep one of them"),
        );
    }

    pub(super) fn comment(&mut self, object: &Object<'_>) -> Option<String> {
        self.string(object, "Comment").map(|comment| comment.value)
    }

    /// Reads a string field; absent and wrong are both `None`, the latter with a diagnostic.
    pub(super) fn string(&mut self, object: &Object<'_>, field: &str) -> Option<Spanned<String>> {
        let value = object.get(field)?;
        let Some(text) = value.as_str() else {
            self.wrong_type(object, field, value, "String");
            return None;
        };
        Some(Spanned { value: text.to_owned(), span: value.span })
    }

    /// Reads an object field; absent and wrong are both `None`, the latter with a diagnostic.
    pub(super) fn object<'s>(
        &mut self,
        object: &'s Object<'_>,
        field: &'s str,
    ) -> Option<Object<'s>> {
        let member = object.member(field)?;
        if !matches!(member.value.kind, Kind::Object(_)) {
            self.wrong_type(object, field, &member.value, "Object");
            return None;
        }
        let place = object.place.field(field);
        Some(Object::new(&member.value, place, member.key_span, object.language))
    }

    /// Reads an array of objects with their indices.
    pub(super) fn objects<'s>(
        &mut self,
        object: &'s Object<'_>,
        field: &'s str,
    ) -> Vec<(usize, Object<'s>)> {
        let Some(list) = object.get(field) else {
            return Vec::new();
        };
        let Kind::Array(items) = &list.kind else {
            self.wrong_type(object, field, list, "Array");
            return Vec::new();
        };
        let mut objects = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let place = object.place.item(field, index);
            if matches!(item.kind, Kind::Object(_)) {
                objects.push((index, Object::unnamed(item, place, object.language)));
            } else {
                self.wrong_type_at(&place, item, "Object");
            }
        }
        objects
    }

    /// Reports an array field that must not be empty but is.
    pub(super) fn not_empty(&mut self, object: &Object<'_>, field: &str) {
        if let Some(Node { kind: Kind::Array(items), span }) = object.get(field)
            && items.is_empty()
        {
            self.empty(&object.field(field), *span);
        }
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
        // AWS: it words this differently for `Type` and for `Version`, both as recorded.
        let message = if field == "Type" {
            format!("The field 'Type' should have one of these values: [{list}]")
        } else {
            format!("Value should be one of the following: [{list}]")
        };
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
        self.wrong_type_at(&object.place.field(field), value, expected);
    }

    pub(super) fn wrong_type_at(&mut self, place: &Place<'_>, value: &Node, expected: &str) {
        let message = format!("Expected value of type {expected}");
        self.report(
            Diagnostic::new(Code::WrongType, &place.to_string(), value.span, message)
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

pub(super) fn unknown_field(
    object: &Object<'_>,
    member: &Member,
    meant: Option<&str>,
) -> Diagnostic {
    let message = format!("Field '{}' is not supported", member.key);
    let diagnostic = Diagnostic::new(Code::UnknownField, &object.path(), member.key_span, message);
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
