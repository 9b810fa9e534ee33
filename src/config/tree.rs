//! The configuration as a tree in which every value and key knows where it was written.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Code, Place, Problem};

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// No setting is a date; kept so that the shape check can say so.
    Date(String),
    List(Vec<Node>),
    Table(BTreeMap<String, Entry>),
}

/// A key with its place, and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Place,
    pub(super) node: Node,
}

impl Node {
    pub(super) fn new(place: Place, value: Value) -> Self {
        Self { place, value }
    }

    pub(super) fn table(&self) -> Option<&BTreeMap<String, Entry>> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(super) fn table_mut(&mut self) -> Option<&mut BTreeMap<String, Entry>> {
        match &mut self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.table()?.get(key).map(|entry| &entry.node)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> &[Self] {
        match &self.value {
            Value::List(list) => list,
            _ => &[],
        }
    }

    /// Adds a text under `key` unless the key is there.
    pub(super) fn default_text(&mut self, key: &str, text: impl FnOnce() -> String) {
        if let Some(table) = self.table_mut()
            && !table.contains_key(key)
        {
            table.insert(
                key.to_owned(),
                Entry { key: Place::Nowhere, node: Self::new(Place::Nowhere, Value::Text(text())) },
            );
        }
    }

    /// What kind of value it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "text",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a number",
            Value::Boolean(_) => "a boolean",
            Value::Date(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Text(text) | Value::Date(text) => text.as_str().into(),
            Value::Integer(integer) => (*integer).into(),
            Value::Float(float) => (*float).into(),
            Value::Boolean(boolean) => (*boolean).into(),
            Value::List(list) => list.iter().map(Self::to_json).collect(),
            Value::Table(table) => {
                table.iter().map(|(key, entry)| (key.clone(), entry.node.to_json())).collect()
            }
        }
    }
}

/// Reads TOML; what could be made out is returned beside the syntax errors.
pub(super) fn parse(text: &str, problems: &mut Vec<Problem>) -> Node {
    let (document, errors) = DeTable::parse_recoverable(text);
    problems.extend(errors.iter().map(|error| Problem {
        code: Code::Unreadable,
        place: error.span().map_or(Place::Nowhere, Place::File),
        key: String::new(),
        message: error.message().replace('\n', ", "),
        help: None,
    }));
    let span = document.span();
    from_table(span, document.into_inner())
}

/// Reads one TOML value, for the environment.
pub(super) fn parse_value(text: &str, place: &Place) -> Option<Node> {
    let mut node = from_value(DeValue::parse(text).ok()?);
    node.move_to(place);
    Some(node)
}

impl Node {
    fn move_to(&mut self, place: &Place) {
        self.place = place.clone();
        match &mut self.value {
            Value::List(list) => list.iter_mut().for_each(|node| node.move_to(place)),
            Value::Table(table) => table.values_mut().for_each(|entry| {
                entry.key = place.clone();
                entry.node.move_to(place);
            }),
            _ => {}
        }
    }
}

fn from_table(span: Range<usize>, table: DeTable<'_>) -> Node {
    let entries = table.into_iter().map(|(key, value)| {
        let entry = Entry { key: Place::File(key.span()), node: from_value(value) };
        (key.into_inner().into_owned(), entry)
    });
    Node::new(Place::File(span), Value::Table(entries.collect()))
}

fn from_value(value: Spanned<DeValue<'_>>) -> Node {
    let span = value.span();
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or_else(
                // Out of i64's range: the range checks see a number that no setting admits.
                |_| Value::Float(integer.as_str().parse().unwrap_or(f64::INFINITY)),
                Value::Integer,
            ),
        DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(boolean) => Value::Boolean(boolean),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(list) => Value::List(list.into_iter().map(from_value).collect()),
        DeValue::Table(table) => return from_table(span, table),
    };
    Node::new(Place::File(span), value)
}
