//! Client properties: those that the service sets itself and nobody may override, and those that the
//! client does not take.

use super::hidden::is_secret;
use super::problem::{Code, Problem};
use super::settings::GroupProtocol;
use super::tree::{Entry, Node, Value};
use super::values::Property;

/// Why the Kafka client does not take a property. The client has words of its own for it; a
/// configuration must not know the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PropertyRefused {
    /// It knows none of this name; perhaps this one is meant.
    Unknown(Option<String>),
    /// It does not take the value, in its own words, which may repeat the value.
    Value(String),
}

/// Asks whether the client takes a property, by name and value: what it knows is not known here.
pub type AskClient = fn(&str, &str) -> Result<(), PropertyRefused>;

/// `fetch.wait.max.ms = 5` without quotes is nested tables to TOML; makes one key of them again.
pub(super) fn flatten(tree: &mut Node) {
    let Some(kafka) = tree
        .table_mut()
        .and_then(|root| root.get_mut("kafka"))
        .and_then(|entry| entry.node.table_mut())
    else {
        return;
    };
    for section in SECTIONS {
        if let Some(properties) = kafka.get_mut(section).and_then(|entry| entry.node.table_mut()) {
            for (key, entry) in std::mem::take(properties) {
                flatten_into(properties, key, entry);
            }
        }
    }
}

fn flatten_into(
    properties: &mut std::collections::BTreeMap<String, Entry>,
    key: String,
    entry: Entry,
) {
    match entry.node.value {
        Value::Table(nested) => {
            for (inner, entry) in nested {
                flatten_into(properties, format!("{key}.{inner}"), entry);
            }
        }
        _ => {
            properties.insert(key, entry);
        }
    }
}

/// Reports the properties that would break a promise of the service, and those that the client does
/// not take.
pub(super) fn check(
    tree: &Node,
    protocol: GroupProtocol,
    ask: AskClient,
    problems: &mut Vec<Problem>,
) {
    let Some(kafka) = tree.get("kafka") else { return };
    for section in SECTIONS {
        let properties = kafka.get(section).and_then(Node::table);
        for (key, entry) in properties.into_iter().flatten() {
            problems.extend(match reserved(section, key, protocol) {
                Some(why) => Some(Problem {
                    code: Code::Reserved,
                    place: entry.key.clone(),
                    key: format!("kafka.{section}.{key}"),
                    message: format!("`{key}` cannot be set under [kafka.{section}]"),
                    help: Some(why.to_owned()),
                }),
                None => refused(section, key, entry, ask),
            });
        }
    }
}

/// What the client says against a property.
fn refused(section: &str, key: &str, entry: &Entry, ask: AskClient) -> Option<Problem> {
    let name = format!("kafka.{section}.{key}");
    // What is no text, number or boolean has been reported; its name has not.
    let value = serde_json::from_value(entry.node.to_json()).ok().map(|Property(value)| value);
    let answer = ask(key, value.as_deref().unwrap_or_default());
    let (said, is_left_out) = match (answer, value) {
        (Err(PropertyRefused::Unknown(near)), _) => {
            return Some(Problem {
                code: Code::UnknownKey,
                place: entry.key.clone(),
                key: name,
                message: format!("`{key}` is no property of the Kafka client"),
                help: near.map(|near| format!("did you mean `{near}`?")),
            });
        }
        (Err(PropertyRefused::Value(said)), Some(value)) => {
            // librdkafka's words for what was left out when it was compiled.
            let is_left_out = said.contains("at build time");
            let hides = is_secret(key) && !value.is_empty();
            (if hides { said.replace(&value, "***") } else { said }, is_left_out)
        }
        (Ok(()), Some(value)) if is_protected(key, &value) && !cfg!(feature = "tls") => {
            ("SASL is not available in this build".to_owned(), true)
        }
        _ => return None,
    };
    // Some names stand for others, and the client speaks of those.
    let is_told = said.contains(key) || is_left_out;
    let needs_tls = is_left_out && !cfg!(feature = "tls") && !said.contains("libcurl");
    Some(Problem {
        code: if is_left_out { Code::NotBuilt } else { Code::BadValue },
        place: entry.node.place.clone(),
        key: name,
        message: format!("the Kafka client does not take it: {said}"),
        help: if needs_tls {
            Some(NO_TLS.to_owned())
        } else {
            (!is_told).then(|| format!("that is the client's other name for `{key}`"))
        },
    })
}

/// Whether a connection shall be encrypted or authenticated.
fn is_protected(key: &str, value: &str) -> bool {
    key == "security.protocol" && !value.eq_ignore_ascii_case("plaintext")
}

/// Why nobody but the service may set a property.
fn reserved(section: &str, key: &str, protocol: GroupProtocol) -> Option<&'static str> {
    let listed = |list: &[(&str, &'static str)]| {
        list.iter().find(|(name, _)| *name == key).map(|(_, why)| *why)
    };
    let consumes = section != "producer";
    let produces = section != "consumer";
    listed(ANY)
        .or_else(|| consumes.then(|| listed(CONSUMER)).flatten())
        .or_else(|| produces.then(|| listed(PRODUCER)).flatten())
        .or_else(|| {
            (consumes && protocol == GroupProtocol::Consumer)
                .then(|| listed(CONSUMER_PROTOCOL))
                .flatten()
        })
}

/// The tables of free-form client properties under `[kafka]`.
pub(super) const SECTIONS: [&str; 3] = ["client", "consumer", "producer"];

const NO_TLS: &str = "this build has no TLS and no SASL; build it with `--features tls`";

const ANY: &[(&str, &str)] = &[
    ("bootstrap.servers", "use kafka.brokers"),
    ("metadata.broker.list", "use kafka.brokers"),
    ("client.id", "use kafka.client_id"),
    ("statistics.interval.ms", "the lag gauges depend on it"),
];

const CONSUMER: &[(&str, &str)] = &[
    (
        "enable.auto.commit",
        "offsets are committed only when all outputs of a record are acknowledged",
    ),
    (
        "auto.commit.interval.ms",
        "offsets are committed only when all outputs of a record are acknowledged",
    ),
    (
        "enable.auto.offset.store",
        "offsets are committed only when all outputs of a record are acknowledged",
    ),
    ("group.id", "use pipeline.group"),
    ("group.protocol", "use kafka.group_protocol"),
    ("auto.offset.reset", "use pipeline.start_offset"),
    ("topic.blacklist", "name the topics in pipeline.topics"),
    ("enable.partition.eof", "the end of a partition is not an event"),
];

/// With `group.protocol=consumer` the client refuses to start when one of these is set.
const CONSUMER_PROTOCOL: &[(&str, &str)] = &[
    ("session.timeout.ms", CLASSIC_ONLY),
    ("heartbeat.interval.ms", CLASSIC_ONLY),
    ("partition.assignment.strategy", CLASSIC_ONLY),
    ("group.protocol.type", CLASSIC_ONLY),
];

const CLASSIC_ONLY: &str = "the broker decides this in the new group protocol; it needs kafka.group_protocol = \"classic\"";

const PRODUCER: &[(&str, &str)] = &[
    ("enable.idempotence", "outputs would double or change places on a retry"),
    ("acks", "an output must be safe before its offset is committed"),
    ("request.required.acks", "an output must be safe before its offset is committed"),
    ("transactional.id", "transactions are not supported yet"),
    ("delivery.report.only.error", "commits wait for every delivery report"),
];
