//! The configuration: TOML and the environment in, checked [`Settings`] or all [`Problems`] out.
//!
//! The path of a file: [`tree`] reads it with the place of every value, [`environment`] lays the
//! variables over it, [`shape`] holds it against the schema that is made from [`settings`], [`files`]
//! looks for what it names, serde makes the settings, [`conflicts`] and [`properties`] check them
//! against each other. Nothing here starts anything; each edge gets its own options from `app`.

mod coming;
mod conflicts;
mod edges;
mod environment;
mod files;
mod hidden;
mod pipeline;
mod problem;
mod properties;
mod settings;
mod shape;
mod telemetry;
mod tree;
mod values;
mod written;

#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::Value as Json;

pub use self::conflicts::NO_OTLP;
pub use self::edges::METRICS_UPKEEP;
pub use self::environment::{PREFIX, process as process_environment};
pub use self::files::NamedDefinition;
pub use self::pipeline::{
    BillingMode, BillingPer, Format, Guarantee, LogDestination, LogLevel, Logging, MachineType,
    Ordering, Pipeline, StartOffset,
};
pub use self::problem::{Code, Located, Place, Problem, Problems};
pub use self::properties::{AskClient, PropertyRefused};
pub use self::settings::{
    Aws, GroupProtocol, Http, Kafka, Limits, Log, LogFormat, Metrics, Otlp, PerState, Pin,
    Settings, Shards, Task, TaskHttp, Traces,
};
pub use self::values::{Listen, Property, SHARDS_MAX, ShardCount, period};

/// A configuration file with every key, its default and its meaning.
pub const ANNOTATED: &str = include_str!("../../config/expressway.toml");

/// Reads a file and the variables of `environment`, and checks that the files which they name are
/// there, and with `ask` that the Kafka client takes its properties.
///
/// Relative paths in the file and in the environment start at the folder of the file.
pub fn load(
    path: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
    ask: AskClient,
) -> Result<Settings, Problems> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| Problems {
        file: name.clone(),
        text: String::new(),
        list: vec![Problem {
            code: Code::Unreadable,
            place: Place::Nowhere,
            key: String::new(),
            message: format!("cannot read the configuration: {error}"),
            help: Some("`expressway config init` prints one to start from".to_owned()),
        }],
        definitions: Vec::new(),
        hidden: Vec::new(),
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    read(&name, text, folder, environment, Files::MustExist, ask)
}

/// Reads a text; touches no file and takes all properties of the Kafka client on trust. `name` is what
/// messages call it.
pub fn parse(
    name: &str,
    text: &str,
    folder: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Settings, Problems> {
    read(name, text.to_owned(), folder, environment, Files::MayLack, |_, _| Ok(()))
}

/// JSON schema of the configuration, as committed in `config/expressway.schema.json`.
pub fn schema() -> Json {
    let mut schema = schemars::schema_for!(Settings).to_value();
    // An empty text stands for "taken from another key"; an editor must not offer it as a value.
    let pipeline = schema.pointer_mut("/$defs/Pipeline/properties");
    for key in pipeline
        .and_then(Json::as_object_mut)
        .into_iter()
        .flat_map(serde_json::Map::values_mut)
        .filter_map(Json::as_object_mut)
    {
        if key.get("default").is_some_and(|default| default == "") {
            key.remove("default");
        }
    }
    schema
}

/// The settings in force as TOML, secrets left out.
pub fn show(settings: &Settings) -> String {
    // Settings hold nothing that TOML cannot write: text keys, no nulls, integers below 2^63.
    toml::to_string(&masked(settings)).unwrap_or_default()
}

/// As [`show`], as JSON.
pub fn show_json(settings: &Settings) -> Json {
    serde_json::to_value(masked(settings)).unwrap_or_default()
}

#[derive(Clone, Copy)]
enum Files {
    MustExist,
    MayLack,
}

fn read(
    name: &str,
    text: String,
    folder: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
    files: Files,
    ask: AskClient,
) -> Result<Settings, Problems> {
    let mut list = Vec::new();
    let mut definitions = Vec::new();
    let mut tree = tree::parse(&text, &mut list);
    // After a syntax error the tree has holes, and what is said about them would be noise.
    let (settings, mut hidden) = if list.is_empty() {
        let schema = schema();
        properties::flatten(&mut tree);
        let mut hidden = hidden::secrets(&tree);
        let environment: Vec<_> = environment.into_iter().collect();
        environment::apply(&schema, &mut tree, environment.iter().cloned(), &mut list);
        // Variables that are set for everyone ask nothing of a build that cannot do it.
        if cfg!(feature = "otlp") {
            telemetry::apply(&mut tree, &environment, &mut list);
        }
        shape::check(&schema, &tree, &mut list);
        fill(&mut tree);
        properties::check(&tree, protocol(&tree), ask, &mut list);
        hidden.extend(hidden::behind_unknown_keys(&text, &list));
        let settings = settle(&tree, folder, &mut list);
        if matches!(files, Files::MustExist) {
            definitions = files::check(&tree, folder, &mut list);
        }
        (settings, hidden)
    } else {
        (None, hidden::values_of_lines(&text))
    };
    match settings {
        Some(settings) if list.is_empty() => Ok(settings),
        _ => {
            list.sort_by_key(|problem| match &problem.place {
                Place::File(span) => (0, span.start),
                Place::Nowhere => (1, 0),
                Place::Environment(_) => (2, 0),
            });
            hidden.sort_by_key(|span| span.start);
            Err(Problems { file: name.to_owned(), text, list, definitions, hidden })
        }
    }
}

/// Settings whose default is another setting.
fn fill(tree: &mut tree::Node) {
    let text = |node: Option<&tree::Node>| node.and_then(tree::Node::text).map(str::to_owned);
    let account = text(tree.get("aws").and_then(|aws| aws.get("account")))
        .unwrap_or_else(|| Aws::default().account);
    let aws_role = || format!("arn:aws:iam::{account}:role/expressway");
    let role = text(tree.get("aws").and_then(|aws| aws.get("role"))).unwrap_or_else(aws_role);
    let Some(root) = tree.table_mut() else { return };
    if let Some(aws) = root.get_mut("aws") {
        aws.node.default_text("role", aws_role);
    }
    let Some(pipelines) = root.get_mut("pipeline") else {
        return;
    };
    let tree::Value::List(pipelines) = &mut pipelines.node.value else {
        return;
    };
    for pipeline in pipelines {
        let name = text(pipeline.get("name")).unwrap_or_default();
        let result_topic = text(pipeline.get("result_topic")).unwrap_or_default();
        pipeline.default_text("group", || format!("expressway-{name}"));
        pipeline.default_text("state_machine", || name.clone());
        pipeline.default_text("role", || role.clone());
        pipeline.default_text("failure_topic", || result_topic);
    }
}

fn protocol(tree: &tree::Node) -> GroupProtocol {
    let written =
        tree.get("kafka").and_then(|kafka| kafka.get("group_protocol")).and_then(tree::Node::text);
    match written {
        Some("classic") => GroupProtocol::Classic,
        _ => GroupProtocol::Consumer,
    }
}

/// Makes the settings of a tree that fits the schema and checks them against each other.
fn settle(tree: &tree::Node, folder: &Path, list: &mut Vec<Problem>) -> Option<Settings> {
    let mut settings: Settings = match serde_json::from_value(tree.to_json()) {
        Ok(settings) => settings,
        Err(error) => {
            // The shape check has said it better; should it ever miss something, this speaks.
            if list.is_empty() {
                list.push(Problem {
                    code: Code::BadValue,
                    place: Place::Nowhere,
                    key: String::new(),
                    message: error.to_string(),
                    help: None,
                });
            }
            return None;
        }
    };
    conflicts::check(&settings, tree, list);
    if !settings.aws.prices.as_os_str().is_empty() {
        settings.aws.prices = files::resolve(folder, &settings.aws.prices);
    }
    for pipeline in &mut settings.pipelines {
        pipeline.definition = files::resolve(folder, &pipeline.definition);
    }
    Some(settings)
}

fn masked(settings: &Settings) -> Settings {
    let mut masked = settings.clone();
    let kafka = &mut masked.kafka;
    for properties in [&mut kafka.client, &mut kafka.consumer, &mut kafka.producer] {
        for (key, value) in properties.iter_mut() {
            if hidden::is_secret(key) {
                "***".clone_into(&mut value.0);
            }
        }
    }
    for value in masked.traces.otlp.headers.values_mut() {
        "***".clone_into(value);
    }
    masked
}
