//! `EXPRESSWAY__SECTION__KEY=value`: every key can be overridden by the environment.
//!
//! Names are matched without regard to case, with `_` for any character that a variable name cannot
//! hold. A pipeline is addressed by its index or its name (`EXPRESSWAY__PIPELINE__ORDERS__GROUP`); an
//! index one past the last appends a pipeline. Lists are separated by commas or written as TOML.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value as Json;

use super::problem::{Code, Place, Problem, did_you_mean};
use super::shape::resolve;
use super::tree::{self, Entry, Node, Value};

/// What the names of all overriding variables begin with.
pub const PREFIX: &str = "EXPRESSWAY__";

/// Puts the values of the environment into the tree.
pub(super) fn apply(
    root: &Json,
    tree: &mut Node,
    variables: impl IntoIterator<Item = (String, String)>,
    problems: &mut Vec<Problem>,
) {
    let mut variables: Vec<_> = variables
        .into_iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_lowercase(), name, value)))
        .collect();
    // By name, so that pipelines that are addressed by index are appended in order.
    variables.sort_by(|a, b| index_order(&a.0).cmp(&index_order(&b.0)));
    for (path, name, value) in variables {
        let place = Place::Environment(name.into());
        let segments: Vec<_> = path.split("__").collect();
        if let Err(reason) = set(root, root, tree, &segments, &value, &place) {
            problems.push(Problem {
                code: Code::UnknownKey,
                place,
                key: path.replace("__", "."),
                message: reason.message,
                help: reason.help,
            });
        }
    }
}

struct NoSuchKey {
    message: String,
    help: Option<String>,
}

impl NoSuchKey {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }
}

fn set(
    root: &Json,
    schema: &Json,
    node: &mut Node,
    segments: &[&str],
    text: &str,
    place: &Place,
) -> Result<(), NoSuchKey> {
    let schema = resolve(root, schema);
    let Some((segment, rest)) = segments.split_first() else {
        *node = read(root, schema, text, place);
        return Ok(());
    };
    if schema["items"].is_object() {
        let item = list_item(node, segment, place)?;
        return set(root, &schema["items"], item, rest, text, place);
    }
    if let Some(properties) = schema["properties"].as_object() {
        let Some((key, schema)) = properties.iter().find(|(key, _)| same(key, segment)) else {
            return Err(NoSuchKey {
                message: format!("no key `{segment}`"),
                help: did_you_mean(segment, properties.keys().map(String::as_str))
                    .map(|near| format!("did you mean {}?", near.to_uppercase())),
            });
        };
        if let Some(below) = rest.first()
            && !has_keys(resolve(root, schema))
        {
            return Err(NoSuchKey::new(format!("nothing below `{segment}`: `{below}`")));
        }
        return set(root, schema, child(node, key, place)?, rest, text, place);
    }
    if schema["additionalProperties"].is_object() {
        let key = free_key(node, segments);
        let node = child(node, &key, place)?;
        return set(root, &schema["additionalProperties"], node, &[], text, place);
    }
    Err(NoSuchKey::new(format!("nothing below `{segment}`")))
}

fn has_keys(schema: &Json) -> bool {
    ["items", "properties", "additionalProperties"].iter().any(|word| schema[word].is_object())
}

/// The element that an index or a name addresses; one past the last is appended.
fn list_item<'a>(
    node: &'a mut Node,
    segment: &str,
    place: &Place,
) -> Result<&'a mut Node, NoSuchKey> {
    if !matches!(node.value, Value::List(_)) {
        *node = Node::new(place.clone(), Value::List(Vec::new()));
    }
    let Value::List(list) = &mut node.value else {
        return Err(NoSuchKey::new("not a list"));
    };
    let named =
        |item: &Node| item.get("name").and_then(Node::text).is_some_and(|name| same(name, segment));
    let count = list.len();
    let index = match segment.parse::<usize>() {
        Ok(index) => index,
        Err(_) => list
            .iter()
            .position(named)
            .ok_or_else(|| NoSuchKey::new(format!("no pipeline is named `{segment}`")))?,
    };
    if index == count {
        list.push(Node::new(place.clone(), Value::Table(BTreeMap::new())));
    }
    list.get_mut(index)
        .ok_or_else(|| NoSuchKey::new(format!("index {index}, but there are only {count}")))
}

fn child<'a>(node: &'a mut Node, key: &str, place: &Place) -> Result<&'a mut Node, NoSuchKey> {
    if node.table().is_none() {
        node.value = Value::Table(BTreeMap::new());
    }
    let table = node.table_mut().ok_or_else(|| NoSuchKey::new("not a table"))?;
    let entry = table.entry(key.to_owned()).or_insert_with(|| Entry {
        key: place.clone(),
        node: Node::new(place.clone(), Value::Table(BTreeMap::new())),
    });
    Ok(&mut entry.node)
}

/// A key of a free-form table: the one that is there, else dots for underscores, as librdkafka's
/// property names have.
fn free_key(node: &Node, segments: &[&str]) -> String {
    let written = segments.join("__");
    node.table()
        .and_then(|table| table.keys().find(|key| same(key, &written)))
        .cloned()
        .unwrap_or_else(|| written.replace('_', "."))
}

/// Reads a value as its schema wants it; what does not fit is left as text for the shape check.
fn read(root: &Json, schema: &Json, text: &str, place: &Place) -> Node {
    let as_text = || Node::new(place.clone(), Value::Text(text.to_owned()));
    let wants = |name: &str| match &schema["type"] {
        Json::String(only) => only == name,
        Json::Array(names) => names.iter().any(|one| one == name),
        _ => false,
    };
    if wants("array") && !text.trim_start().starts_with('[') {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let items =
            items.map(|item| read(root, resolve(root, &schema["items"]), item, place)).collect();
        return Node::new(place.clone(), Value::List(items));
    }
    if wants("string") || schema["oneOf"].is_array() || schema["const"].is_string() {
        return as_text();
    }
    tree::parse_value(text, place).unwrap_or_else(as_text)
}

/// Whether a key is meant by the segment of a variable name.
fn same(key: &str, segment: &str) -> bool {
    let fold = |c: char| {
        if c.is_alphanumeric() { c.to_lowercase().next().unwrap_or(c) } else { '_' }
    };
    key.chars().map(fold).eq(segment.chars().map(fold))
}

/// Sorts `pipeline__10__…` after `pipeline__9__…`.
fn index_order(path: &str) -> Vec<(u64, &str)> {
    path.split("__").map(|segment| (segment.parse().unwrap_or(u64::MAX), segment)).collect()
}

/// The environment of this process; a variable that is not UTF-8 is none of ours.
pub fn process() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

impl From<String> for Place {
    fn from(variable: String) -> Self {
        Self::Environment(Rc::from(variable))
    }
}
