//! The suite's files: groups of cases, and the documents that they name.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

/// All that a folder holds.
#[derive(Debug)]
pub(crate) struct Suite {
    /// Cases by group.
    pub(crate) groups: BTreeMap<String, Vec<Case>>,
    /// Documents by name, as JSON text.
    datasets: BTreeMap<String, String>,
}

/// A case; what is only information is not read.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) expr: String,
    /// Present and `null` is not the same as absent.
    #[serde(default, deserialize_with = "present")]
    data: Option<Value>,
    dataset: Option<String>,
    bindings: Option<Map<String, Value>>,
    #[serde(default)]
    pub(crate) lone_surrogate: bool,
    /// Of arrays in the result, the order is not compared.
    #[serde(default)]
    pub(crate) unordered: bool,
    #[serde(default, rename = "undefinedResult")]
    pub(crate) undefined_result: bool,
    #[serde(default, deserialize_with = "present")]
    pub(crate) result: Option<Value>,
    pub(crate) code: Option<String>,
    pub(crate) token: Option<String>,
    /// What the error must have among others.
    pub(crate) error: Option<Map<String, Value>>,
    /// In ms; the reference ends with its own code for an expression without an end.
    pub(crate) timelimit: Option<u64>,
}

fn present<'de, D: serde::Deserializer<'de>>(field: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(field).map(Some)
}

/// A file of `groups/`.
#[derive(Debug, Deserialize)]
struct Group {
    group: String,
    cases: Vec<Case>,
}

impl Suite {
    /// Reads all groups and datasets below `folder`.
    ///
    /// # Panics
    /// Panics when a file cannot be read or is not what it should be.
    pub(crate) fn read(folder: &Path) -> Self {
        let groups = files(&folder.join("groups")).into_values().map(|text| {
            let group: Group = serde_json::from_str(&without_lone_surrogates(&text))
                .unwrap_or_else(|error| panic!("{error}: {text:.80}"));
            (group.group, group.cases)
        });
        Self { groups: groups.collect(), datasets: files(&folder.join("datasets")) }
    }
}

impl Case {
    /// The document as JSON text; `None` is undefined.
    pub(crate) fn document(&self, suite: &Suite) -> Result<Option<String>, String> {
        if let Some(data) = &self.data {
            return Ok(Some(data.to_string()));
        }
        let Some(name) = &self.dataset else { return Ok(None) };
        let text = suite.datasets.get(name).ok_or_else(|| format!("no dataset {name}"))?;
        Ok(Some(text.clone()))
    }

    /// Variables by name, as JSON text.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let bindings = self.bindings.iter().flatten();
        bindings.map(|(name, value)| (name.clone(), value.to_string())).collect()
    }
}

/// Texts of the JSON files of a folder, by the names without `.json`.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a folder that can be read").path());
    paths
        .filter(|path| path.extension() == Some(OsStr::new("json")))
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
            (name, text)
        })
        .collect()
}

/// Replaces unpaired surrogate escapes, which no Rust string can hold: the cases that have one are
/// marked and not run, but the others of their file are.
fn without_lone_surrogates(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                out.push('\u{FFFD}');
                rest = &rest[6..];
                continue;
            }
            (Some(_), _) => 6,
            (None, _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out + rest
}

/// The code unit of a `\uXXXX` that `text` begins with.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[test]
fn only_unpaired_surrogates_are_replaced() {
    let replaced = without_lone_surrogates(r#""a\ud83d\ude00b\ud800c\\ud800\u00e9\"\udc00""#);
    assert_eq!(replaced, "\"a\\ud83d\\ude00b\u{FFFD}c\\\\ud800\\u00e9\\\"\u{FFFD}\"");
}
