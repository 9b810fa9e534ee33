//! What of a configuration's text is never shown beside a problem: passwords, keys, and what may be
//! one.
//!
//! Works on places in the text, and knows nothing of what is wrong with it.

use std::ops::Range;

use super::problem::{Code, Place, Problem};
use super::tree::{Node, Value};

/// The places of secrets in a file: by the name of their key, wherever it stands, and all that goes
/// with requests to a collector, which is often a key. Asked before the environment replaces values,
/// since the line in the file is shown all the same.
pub(super) fn secrets(tree: &Node) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    collect(tree, &mut found);
    let headers = tree
        .get("traces")
        .and_then(|traces| traces.get("otlp"))
        .and_then(|otlp| otlp.get("headers"))
        .and_then(Node::table);
    for (_, entry) in headers.into_iter().flatten() {
        found.extend(in_file(&entry.node.place));
    }
    found
}

fn collect(node: &Node, found: &mut Vec<Range<usize>>) {
    match &node.value {
        Value::Table(table) => {
            for (key, entry) in table {
                match in_file(&entry.node.place) {
                    Some(span) if is_secret(key) => found.push(span),
                    _ => collect(&entry.node, found),
                }
            }
        }
        Value::List(list) => list.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// What the lines of unknown keys give to them, where such a name may be a secret's, misspelt, or that
/// of a table with secrets.
pub(super) fn behind_unknown_keys<'a>(
    text: &'a str,
    problems: &'a [Problem],
) -> impl Iterator<Item = Range<usize>> + 'a {
    let unknown = problems.iter().filter(|problem| problem.code == Code::UnknownKey);
    unknown.filter_map(|problem| {
        let key = in_file(&problem.place)?;
        let line = text.get(key.end..)?.lines().next()?;
        let from = behind_equals(line)?;
        let has_secrets = |table| problem.key.starts_with(table);
        let hides = ["kafka.", "traces."].iter().any(has_secrets) || line[from..].starts_with('{');
        hides.then(|| key.end + from..key.end + line.len())
    })
}

/// All values, in a text that is no TOML: whose a value is cannot be told there. A line without a key
/// may be one of a value of several lines.
pub(super) fn values_of_lines(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut hidden = Vec::new();
    for line in text.split_inclusive('\n') {
        let from = match line.trim_start().chars().next() {
            Some('[' | '#') if !line.contains('=') => None,
            _ => Some(behind_equals(line).unwrap_or(0)),
        };
        let end = line.trim_end().len();
        hidden.extend(from.filter(|from| *from < end).map(|from| start + from..start + end));
        start += line.len();
    }
    hidden
}

/// Where the value begins.
fn behind_equals(line: &str) -> Option<usize> {
    let behind = line.find('=')? + 1;
    let value = line[behind..].trim_start();
    Some(line.len() - value.len())
}

fn in_file(place: &Place) -> Option<Range<usize>> {
    match place {
        Place::File(span) => Some(span.clone()),
        Place::Environment(_) | Place::Nowhere => None,
    }
}

/// Whether the value of a key of this name must not be printed.
pub(super) fn is_secret(key: &str) -> bool {
    ["password", "passphrase", "secret", "pem"].iter().any(|word| key.contains(word))
        || key == "sasl.jaas.config"
}
