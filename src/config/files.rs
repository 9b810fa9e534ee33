//! The files that a configuration names. They are looked for in its tree, not in its settings, which
//! come about only when all keys are right: a file that is missing is told beside a key that is wrong.

use std::path::{Path, PathBuf};

use super::problem::{Code, Problem};
use super::settings::Settings;
use super::tree::{Node, Value};
use crate::outcome::PriceTable;

/// A definition that a pipeline names and that is there; what is in it is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedDefinition {
    /// Where it is; a relative path starts at the working directory.
    pub path: PathBuf,
    /// Whether its pipeline runs Maps of `Mode: DISTRIBUTED`.
    pub distributed_map: bool,
}

impl Settings {
    /// The definitions of its pipelines, each once.
    pub fn definitions(&self) -> Vec<NamedDefinition> {
        let mut found = Vec::new();
        for pipeline in &self.pipelines {
            let distributed_map = pipeline.distributed_map;
            push_new(
                &mut found,
                NamedDefinition { path: pipeline.definition.clone(), distributed_map },
            );
        }
        found
    }
}

/// Looks for the files, reports those that are missing and price files that cannot be used, and
/// returns the definitions, each once.
pub(super) fn check(
    tree: &Node,
    folder: &Path,
    problems: &mut Vec<Problem>,
) -> Vec<NamedDefinition> {
    if let Some((written, path)) = named(tree.get("aws"), "prices", folder) {
        prices(written, &path, problems);
    }
    let mut found = Vec::new();
    let pipelines = tree.get("pipeline").map(Node::list).unwrap_or_default();
    for (index, pipeline) in pipelines.iter().enumerate() {
        let Some((written, path)) = named(Some(pipeline), "definition", folder) else { continue };
        if !path.is_file() {
            problems.push(no_file(written, format!("pipeline[{index}].definition"), &path));
            continue;
        }
        let distributed_map = pipeline
            .get("distributed_map")
            .is_some_and(|node| matches!(node.value, Value::Boolean(true)));
        push_new(&mut found, NamedDefinition { path, distributed_map });
    }
    found
}

fn push_new(found: &mut Vec<NamedDefinition>, definition: NamedDefinition) {
    if !found.contains(&definition) {
        found.push(definition);
    }
}

/// A path in a configuration, from the folder of its file; an absolute one stays as it is.
pub(super) fn resolve(folder: &Path, path: impl AsRef<Path>) -> PathBuf {
    folder.join(path)
}

/// The path under a key, with its place, if one is written there.
fn named<'a>(table: Option<&'a Node>, key: &str, folder: &Path) -> Option<(&'a Node, PathBuf)> {
    let written = table?.get(key)?;
    let text = written.text().filter(|text| !text.is_empty())?;
    Some((written, resolve(folder, text)))
}

fn prices(written: &Node, path: &Path, problems: &mut Vec<Problem>) {
    let key = "aws.prices".to_owned();
    if !path.is_file() {
        problems.push(no_file(written, key, path));
    } else if let Err(error) = PriceTable::load(path) {
        let message = error.to_string().trim_end().replace('\n', "\n  ");
        let place = written.place.clone();
        let help = Some("config/prices.toml shows the form of a price file".to_owned());
        problems.push(Problem { code: Code::BadValue, place, key, message, help });
    }
}

fn no_file(written: &Node, key: String, path: &Path) -> Problem {
    Problem {
        code: Code::BadValue,
        place: written.place.clone(),
        key,
        message: format!("no file at {}", path.display()),
        help: Some("a relative path starts at the folder of the configuration file".to_owned()),
    }
}
