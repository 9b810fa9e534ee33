//! The environment variables that OpenTelemetry defines for every program, as defaults of
//! `[traces.otlp]`.
//!
//! Clusters set them for all that runs in them. Whatever the file or a variable of our own says goes
//! first. <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::problem::{Code, Place, Problem};
use super::tree::{Entry, Node, Value};

/// Fills in what is not said otherwise.
pub(super) fn apply(tree: &mut Node, variables: &[(String, String)], problems: &mut Vec<Problem>) {
    // OpenTelemetry: an empty value is none.
    let find = |name: &'static str| {
        let found = variables.iter().find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| (name, value.as_str()))
    };
    let first = |names: [&'static str; 2]| names.into_iter().find_map(find);
    let written = tree.get("traces").and_then(|traces| traces.get("otlp"));
    let endpoint = written.and_then(|otlp| otlp.get("endpoint")).cloned();
    if endpoint.is_none() {
        let Some((name, endpoint)) = standard_endpoint(&find) else { return };
        if let Some((name, protocol)) = first(PROTOCOL).filter(|(_, value)| *value != SPOKEN) {
            problems.push(Problem {
                code: Code::Conflict,
                place: place(name),
                key: "traces.otlp.endpoint".to_owned(),
                message: format!("{name} is {protocol:?}, but only {SPOKEN} is spoken"),
                help: Some(PROTOCOL_HELP.to_owned()),
            });
            return;
        }
        set(tree, "endpoint", name, Value::Text(endpoint));
    } else if endpoint
        .as_ref()
        .and_then(Node::text)
        .is_some_and(|text| text.is_empty() || text == "off")
    {
        return;
    }
    if let Some((name, text)) = find("OTEL_SERVICE_NAME") {
        set(tree, "service_name", name, Value::Text(text.to_owned()));
    }
    if let Some((name, text)) = first(TIMEOUT) {
        set(tree, "timeout", name, Value::Text(format!("{}ms", text.trim())));
    }
    for (key, names) in [("headers", HEADERS), ("resource", RESOURCE)] {
        let Some((name, text)) = first(names) else { continue };
        match pairs(text, name) {
            Ok(table) => set(tree, key, name, Value::Table(table)),
            Err(found) => problems.push(Problem {
                code: Code::BadValue,
                place: place(name),
                key: format!("traces.otlp.{key}"),
                message: format!("{name}: expected name=value, separated by commas; found {found}"),
                help: None,
            }),
        }
    }
}

/// The endpoint that the environment names, and the variable that does, unless it wants no spans.
fn standard_endpoint<'a>(
    find: &impl Fn(&'static str) -> Option<(&'static str, &'a str)>,
) -> Option<(&'static str, String)> {
    let disabled =
        find("OTEL_SDK_DISABLED").is_some_and(|(_, text)| text.eq_ignore_ascii_case("true"));
    let others = find("OTEL_TRACES_EXPORTER").is_some_and(|(_, text)| text != "otlp");
    if disabled || others {
        return None;
    }
    let whole = find("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    whole.map(|(name, text)| (name, text.to_owned())).or_else(|| {
        let (name, base) = find("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        Some((name, format!("{}/v1/traces", base.trim_end_matches('/'))))
    })
}

/// `a=1,b=2`, values percent-encoded; otherwise what was found instead.
fn pairs(text: &str, name: &'static str) -> Result<BTreeMap<String, Entry>, String> {
    let mut table = BTreeMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        // A value may be a secret: it is not repeated.
        let (key, value) = pair.split_once('=').ok_or("a part without `=`")?;
        let value = percent_decode_str(value.trim()).decode_utf8();
        let value = value.map_err(|_| format!("a value of {key:?} that is no UTF-8"))?;
        let node = Node::new(place(name), Value::Text(value.into_owned()));
        table.insert(key.trim().to_owned(), Entry { key: place(name), node });
    }
    Ok(table)
}

/// Sets a key of `[traces.otlp]` that is not written.
fn set(tree: &mut Node, key: &str, name: &'static str, value: Value) {
    let mut table = tree;
    for part in ["traces", "otlp"] {
        let Some(entries) = table.table_mut() else { return };
        let entry = entries.entry(part.to_owned()).or_insert_with(|| Entry {
            key: place(name),
            node: Node::new(place(name), Value::Table(BTreeMap::new())),
        });
        table = &mut entry.node;
    }
    if let Some(entries) = table.table_mut() {
        let node = Node::new(place(name), value);
        entries.entry(key.to_owned()).or_insert(Entry { key: place(name), node });
    }
}

fn place(name: &'static str) -> Place {
    Place::Environment(name.into())
}

const SPOKEN: &str = "http/protobuf";
const PROTOCOL_HELP: &str = "set it to http/protobuf, with the collector's port for that (4318 by default), or set traces.otlp.endpoint";
/// What is said of traces goes before what is said of all signals.
const PROTOCOL: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const TIMEOUT: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
const RESOURCE: [&str; 2] = ["OTEL_RESOURCE_ATTRIBUTES"; 2];

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::tree;
    use super::*;

    /// What `[traces.otlp]` is after the environment, or what is wrong with that.
    fn otlp(text: &str, environment: &[(&str, &str)]) -> Result<Json, Vec<String>> {
        let mut problems = Vec::new();
        let mut tree = tree::parse(text, &mut problems);
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: Vec<_> = environment.iter().map(own).collect();
        apply(&mut tree, &variables, &mut problems);
        if !problems.is_empty() {
            return Err(problems.into_iter().map(|problem| problem.message).collect());
        }
        Ok(tree.to_json()["traces"]["otlp"].clone())
    }

    const BASE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/");

    #[test]
    fn the_environment_fills_in_what_the_file_leaves_open() {
        let environment = [
            BASE,
            ("OTEL_SERVICE_NAME", "orders"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b, x-team = t=1 ,"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod"),
        ];
        let headers = json!({"x-key": "a b", "x-team": "t=1"});
        let resource = json!({"deployment.environment.name": "prod"});
        let expected = json!({"endpoint": "http://c:4318/v1/traces", "service_name": "orders",
            "timeout": "2500ms", "headers": headers, "resource": resource});
        assert_eq!(otlp("", &environment), Ok(expected));
        let file = "[traces.otlp]\nendpoint = \"http://own\"\nservice_name = \"mine\"";
        let expected = json!({"endpoint": "http://own", "service_name": "mine",
            "timeout": "2500ms", "headers": headers, "resource": resource});
        assert_eq!(otlp(file, &environment), Ok(expected));
    }

    #[test]
    fn the_endpoint_of_traces_is_taken_as_it_is() {
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/own");
        let found = otlp("", &[BASE, traces, ("OTEL_TRACES_EXPORTER", "otlp")]).unwrap();
        assert_eq!(found["endpoint"], "http://t/own");
    }

    #[test]
    fn who_wants_no_spans_gets_none() {
        for off in [
            ("OTEL_SDK_DISABLED", "True"),
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
        ] {
            let base = if off.0.ends_with("ENDPOINT") { off } else { BASE };
            assert_eq!(otlp("", &[base, off]), Ok(Json::Null), "{off:?}");
        }
        let file = "[traces.otlp]\nendpoint = \"off\"";
        let found = otlp(file, &[BASE, ("OTEL_EXPORTER_OTLP_TIMEOUT", "1")]);
        assert_eq!(found, Ok(json!({"endpoint": "off"})));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        let said = otlp("", &[BASE, grpc]).unwrap_err();
        assert_eq!(
            said,
            ["OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\", but only http/protobuf is spoken"]
        );
        let file = "[traces.otlp]\nendpoint = \"http://own\"";
        assert!(otlp(file, &[grpc]).is_ok(), "whoever wrote it knows what is there");
        let said = otlp("", &[BASE, ("OTEL_EXPORTER_OTLP_HEADERS", "a=1,s3cret")]).unwrap_err();
        assert!(said[0].contains("expected name=value") && !said[0].contains("s3cret"), "{said:?}");
    }
}
