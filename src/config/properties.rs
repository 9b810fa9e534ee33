//! Client properties that the service sets itself and nobody may override.

use super::problem::{Code, Problem};
use super::settings::GroupProtocol;
use super::tree::{Entry, Node, Value};

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

/// Reports the properties that would break a promise of the service.
pub(super) fn check(tree: &Node, protocol: GroupProtocol, problems: &mut Vec<Problem>) {
    let Some(kafka) = tree.get("kafka") else {
        return;
    };
    for section in SECTIONS {
        let properties = kafka.get(section).and_then(Node::table);
        for (key, entry) in properties.into_iter().flatten() {
            let Some(reason) = reason(section, key, protocol, &entry.node) else {
                continue;
            };
            problems.push(Problem {
                code: Code::Reserved,
                place: entry.key.clone(),
                key: format!("kafka.{section}.{key}"),
                message: format!("`{key}` cannot be set under [kafka.{section}]"),
                help: Some(reason.to_owned()),
            });
        }
    }
}

fn reason(section: &str, key: &str, protocol: GroupProtocol, node: &Node) -> Option<&'static str> {
    let listed = |list: &[(&str, &'static str)]| {
        list.iter().find(|(name, _)| *name == key).map(|(_, reason)| *reason)
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
        .or_else(|| {
            let encrypted = matches!(node.text(), Some(text) if !matches!(text.to_ascii_lowercase().as_str(), "plaintext"));
            (key == "security.protocol" && encrypted && !cfg!(feature = "tls")).then_some(NO_TLS)
        })
}

/// Property names whose value must not be printed.
pub(super) fn is_secret(key: &str) -> bool {
    key.contains("password")
        || key.contains("secret")
        || (key.starts_with("ssl.") && key.contains("pem"))
        || key == "sasl.jaas.config"
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
