//! Holds a tree against the schema and reports everything that does not fit, not just the first.
//!
//! Only the words of JSON Schema that our own schema uses are understood; a test makes sure that no
//! other one appears in it.

use serde_json::Value as Json;

use super::coming;
use super::problem::{Code, Problem, did_you_mean};
use super::tree::{Node, Value};
use super::written;

/// Reports where `node` differs from `schema`.
pub(super) fn check(root: &Json, node: &Node, problems: &mut Vec<Problem>) {
    let mut walk = Walk { root, problems };
    walk.node(root, node, "");
}

struct Walk<'a> {
    root: &'a Json,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Walk<'a> {
    fn node(&mut self, schema: &'a Json, node: &Node, path: &str) {
        let schema = resolve(self.root, schema);
        if let Some(choices) = choices(schema) {
            return self.choice(&choices, node, path);
        }
        if let Some(any) = schema["anyOf"].as_array() {
            return self.any(any, node, path);
        }
        if !types(schema).any(|name| fits(name, &node.value)) {
            let expected = describe(self.root, schema);
            return self.report(
                Code::WrongType,
                node,
                path,
                &format!("expected {expected}, found {}", node.kind()),
            );
        }
        match &node.value {
            Value::Table(_) => self.table(schema, node, path),
            Value::List(list) => {
                if schema["minItems"].as_u64().unwrap_or(0) > list.len() as u64 {
                    self.report(Code::BadValue, node, path, "must not be empty");
                }
                for (index, item) in list.iter().enumerate() {
                    self.node(&schema["items"], item, &format!("{path}[{index}]"));
                }
            }
            Value::Text(text) => self.text(schema, text, node, path),
            Value::Integer(integer) => self.range(schema, *integer as f64, node, path),
            Value::Float(float) => self.range(schema, *float, node, path),
            Value::Boolean(_) | Value::Date(_) => {}
        }
    }

    fn table(&mut self, schema: &'a Json, node: &Node, path: &str) {
        let properties = schema["properties"].as_object();
        let Some(table) = node.table() else { return };
        for (key, entry) in table {
            let path = join(path, key);
            if let Some(schema) = properties.and_then(|properties| properties.get(key)) {
                self.node(schema, &entry.node, &path);
            } else if schema["additionalProperties"].is_object() {
                self.node(&schema["additionalProperties"], &entry.node, &path);
            } else {
                self.unknown_key(properties, key, entry, &path);
            }
        }
        for key in schema["required"].as_array().into_iter().flatten() {
            let key = key.as_str().unwrap_or_default();
            if !table.contains_key(key) {
                self.report(Code::Missing, node, &join(path, key), &format!("missing key `{key}`"));
            }
        }
    }

    fn unknown_key(
        &mut self,
        properties: Option<&serde_json::Map<String, Json>>,
        key: &str,
        entry: &super::tree::Entry,
        path: &str,
    ) {
        let (code, message, help) = if let Some(help) = coming::key(path) {
            let message = format!("`{key}` is not supported yet");
            (Code::NotYet, message, help.to_owned())
        } else {
            let mut known: Vec<_> = properties
                .into_iter()
                .flat_map(|properties| properties.keys().map(String::as_str))
                .collect();
            known.sort_unstable();
            let help = match did_you_mean(key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys here: {}", known.join(", ")),
            };
            (Code::UnknownKey, format!("unknown key `{}`", cut(key)), help)
        };
        self.problems.push(Problem {
            code,
            place: entry.key.clone(),
            key: path.to_owned(),
            message,
            help: Some(help),
        });
    }

    fn choice(&mut self, choices: &[&str], node: &Node, path: &str) {
        let expected =
            choices.iter().map(|choice| format!("{choice:?}")).collect::<Vec<_>>().join(", ");
        let Some(text) = node.text() else {
            return self.report(
                Code::WrongType,
                node,
                path,
                &format!("expected one of {expected}, found {}", node.kind()),
            );
        };
        if choices.contains(&text) {
            return;
        }
        let (code, message, help) = match coming::value(path, text) {
            Some(help) => (
                Code::NotYet,
                format!("{:?} is not supported yet", cut(text)),
                Some(help.to_owned()),
            ),
            None => (
                Code::BadValue,
                format!("{:?} is not one of {expected}", cut(text)),
                did_you_mean(text, choices.iter().copied())
                    .map(|near| format!("did you mean {near:?}?")),
            ),
        };
        self.problems.push(Problem {
            code,
            place: node.place.clone(),
            key: path.to_owned(),
            message,
            help,
        });
    }

    fn any(&mut self, any: &'a [Json], node: &Node, path: &str) {
        let fits = any.iter().any(|schema| {
            let mut scratch = Vec::new();
            Walk { root: self.root, problems: &mut scratch }.node(schema, node, path);
            scratch.is_empty()
        });
        if !fits {
            let expected: Vec<_> = any.iter().map(|schema| describe(self.root, schema)).collect();
            self.report(Code::BadValue, node, path, &format!("expected {}", expected.join(" or ")));
        }
    }

    fn text(&mut self, schema: &Json, text: &str, node: &Node, path: &str) {
        if schema["minLength"].as_u64().unwrap_or(0) > 0 && text.is_empty() {
            self.report(Code::BadValue, node, path, "must not be empty");
        } else if let Some(format) = schema["format"].as_str()
            && let Err(message) = written::check(format, text)
        {
            self.report(Code::BadValue, node, path, &format!("{:?}: {message}", cut(text)));
        }
    }

    fn range(&mut self, schema: &Json, number: f64, node: &Node, path: &str) {
        let low = schema["minimum"].as_f64().unwrap_or(f64::NEG_INFINITY);
        let high = schema["maximum"].as_f64().unwrap_or(f64::INFINITY);
        if !(low..=high).contains(&number) {
            let message = format!("expected {}, found {number}", describe(self.root, schema));
            self.report(Code::BadValue, node, path, &message);
        }
    }

    fn report(&mut self, code: Code, node: &Node, path: &str, message: &str) {
        self.problems.push(Problem {
            code,
            place: node.place.clone(),
            key: path.to_owned(),
            message: format!("`{path}`: {message}"),
            help: None,
        });
    }
}

/// Follows a `$ref` into `$defs`.
pub(super) fn resolve<'a>(root: &'a Json, schema: &'a Json) -> &'a Json {
    schema["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix('#'))
        .and_then(|pointer| root.pointer(pointer))
        .unwrap_or(schema)
}

/// The values of an enumeration: `const`, `enum`, or `oneOf` of these.
fn choices(schema: &Json) -> Option<Vec<&str>> {
    if let Some(only) = schema["const"].as_str() {
        return Some(vec![only]);
    }
    if let Some(list) = schema["enum"].as_array() {
        return list.iter().map(Json::as_str).collect();
    }
    let variants = schema["oneOf"].as_array()?;
    let nested: Option<Vec<_>> = variants.iter().map(choices).collect();
    nested.map(|lists| lists.into_iter().flatten().collect())
}

fn types(schema: &Json) -> impl Iterator<Item = &str> {
    let (one, many) = match &schema["type"] {
        Json::String(name) => (Some(name.as_str()), None),
        Json::Array(names) => (None, Some(names.iter().filter_map(Json::as_str))),
        _ => (None, None),
    };
    one.into_iter().chain(many.into_iter().flatten())
}

fn fits(name: &str, value: &Value) -> bool {
    matches!(
        (name, value),
        ("string", Value::Text(_))
            | ("integer", Value::Integer(_))
            | ("number", Value::Integer(_) | Value::Float(_))
            | ("boolean", Value::Boolean(_))
            | ("array", Value::List(_))
            | ("object", Value::Table(_))
    )
}

/// Says what a schema wants.
fn describe(root: &Json, schema: &Json) -> String {
    let schema = resolve(root, schema);
    if let Some(choices) = choices(schema) {
        return choices.iter().map(|choice| format!("{choice:?}")).collect::<Vec<_>>().join(" or ");
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let parts: Vec<_> = any.iter().map(|schema| describe(root, schema)).collect();
        return parts.join(" or ");
    }
    let names: Vec<_> = types(schema)
        .map(|name| match name {
            "string" => "text",
            "integer" => "an integer",
            "number" => "a number",
            "boolean" => "a boolean",
            "array" => "a list",
            _ => "a table",
        })
        .collect();
    let range = match (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
        (Some(low), Some(high)) => format!(" from {low} to {high}"),
        (Some(low), None) => format!(" from {low}"),
        _ => String::new(),
    };
    format!("{}{range}", names.join(" or "))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// At most 80 characters of a value that somebody wrote.
fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collects the keywords of a schema, not the names under `properties` and `$defs`.
    fn keywords(schema: &Json, found: &mut std::collections::BTreeSet<String>) {
        let Some(object) = schema.as_object() else {
            return;
        };
        for (word, value) in object {
            found.insert(word.clone());
            match word.as_str() {
                "properties" | "$defs" => value
                    .as_object()
                    .into_iter()
                    .flat_map(serde_json::Map::values)
                    .for_each(|schema| keywords(schema, found)),
                "anyOf" | "oneOf" => value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .for_each(|schema| keywords(schema, found)),
                "items" | "additionalProperties" => keywords(value, found),
                _ => {}
            }
        }
    }

    #[test]
    fn schema_uses_only_words_that_the_check_understands() {
        let mut found = std::collections::BTreeSet::new();
        keywords(&super::super::schema(), &mut found);
        let understood = [
            "$defs",
            "$ref",
            "additionalProperties",
            "anyOf",
            "const",
            "enum",
            "format",
            "items",
            "maximum",
            "minItems",
            "minLength",
            "minimum",
            "oneOf",
            "properties",
            "required",
            "type",
        ];
        let said_only = ["$schema", "default", "description", "title", "pattern"];
        for word in found {
            assert!(
                understood.contains(&word.as_str()) || said_only.contains(&word.as_str()),
                "{word}"
            );
        }
    }
}
