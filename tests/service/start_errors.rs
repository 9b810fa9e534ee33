//! A start that cannot succeed: one message, and the exit code of its kind.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cluster::Cluster;
use crate::config::{Config, INPUT, TOPICS, directory, shipped, write};
use crate::instance::{Ended, Instance};

const USAGE: i32 = 2;
const BAD_CONFIGURATION: i32 = 3;
const KAFKA_UNREACHABLE: i32 = 4;

/// Asserts the exit code, that there is one message and nothing else to read, and its parts.
fn assert_one_message(ended: &Ended, code: i32, parts: &[&str]) {
    let Ended { message, complaints, .. } = ended;
    assert_eq!(ended.code, Some(code), "{message}");
    let count = message.matches("error:").count() + message.matches("error[").count();
    assert_eq!(count, 1, "{message}");
    assert!(complaints.is_empty(), "{complaints:#?} beside {message}");
    for part in parts {
        assert!(message.contains(part), "no {part:?} in {message}");
    }
}

/// Starts with the shipped definition and no broker: for what is found before one is asked.
fn refused_offline(change: impl FnOnce(&mut String)) -> Ended {
    let mut text = Config::new(NOBODY, &shipped("pass-choice.asl.json")).text();
    change(&mut text);
    Instance::refused(&text)
}

#[test]
fn a_broker_that_is_not_there() {
    let began = Instant::now();
    let ended = refused_offline(|_| {});
    // `connect_timeout` is 2 s; the rest is for a busy machine.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let parts = ["pipeline `orders`", NOBODY, "2s", "Connection refused", "kafka.brokers"];
    assert_one_message(&ended, KAFKA_UNREACHABLE, &parts);
}

#[test]
fn a_topic_that_is_not_there() {
    let cluster = Cluster::new(TOPICS);
    let (servers, definition) = (cluster.servers(), shipped("pass-choice.asl.json"));
    let mut config = Config::new(&servers, &definition);
    config.source_topic = "not-there";
    let ended = Instance::refused(&config.text());
    let parts = ["pipeline `orders`", "source topic `not-there` does not exist", &servers];
    assert_one_message(&ended, BAD_CONFIGURATION, &parts);

    let text = Config::new(&servers, &definition).text().replace("\"bills\"", "\"no-bills\"");
    let parts = ["billing topic `no-bills` does not exist"];
    assert_one_message(&Instance::refused(&text), BAD_CONFIGURATION, &parts);
}

#[test]
fn topics_that_are_not_there_are_told_at_once() {
    let cluster = Cluster::new(TOPICS);
    let (servers, definition) = (cluster.servers(), shipped("pass-choice.asl.json"));
    let text = Config::new(&servers, &definition).text();
    let lacking = text.replace("\"bills\"", "\"no-bills\"").replace("\"dead\"", "\"no-dead\"");
    let parts = ["pipeline `orders`: billing topic `no-bills`, dead-letter topic `no-dead` do not"];
    assert_one_message(&Instance::refused(&lacking), BAD_CONFIGURATION, &parts);

    // Of several pipelines, with several sources each; the second lacks nothing.
    let pipeline = &text[text.find("[[pipeline]]").unwrap()..];
    let named = |name: &str| {
        pipeline
            .replace("\"orders\"", &format!("\"{name}\""))
            .replace("group = \"g\"", &format!("group = \"{name}\""))
    };
    let (second, third) = (named("b"), named("c").replace("\"in\"", "\"no-in\""));
    let text =
        format!("{lacking}{second}{third}").replace("count = 2", "count = 2\nio_threads = 2");
    let parts = [
        "pipeline `orders`: billing topic `no-bills`, dead-letter topic `no-dead`; \
         pipeline `c`: source topic `no-in`",
        &servers,
        "create them",
    ];
    let ended = Instance::refused(&text);
    assert_one_message(&ended, BAD_CONFIGURATION, &parts);
    assert_eq!(ended.message.matches("no-bills").count(), 1, "{}", ended.message);
}

#[test]
fn a_broker_too_old_for_the_group_protocol() {
    let cluster = Cluster::new(TOPICS);
    cluster.forget_new_groups();
    let (servers, definition) = (cluster.servers(), shipped("pass-choice.asl.json"));
    let ended = Instance::refused(&Config::new(&servers, &definition).text());
    let parts = ["pipeline `orders`", r#"set `group_protocol = "classic"`"#];
    assert_one_message(&ended, BAD_CONFIGURATION, &parts);
}

#[test]
fn an_unknown_key() {
    let ended = refused_offline(|text| *text = text.replace("connect_timeout", "conect_timeout"));
    let parts = ["expressway.toml:4:1:", "unknown key `conect_timeout`", "`connect_timeout`?"];
    assert_one_message(&ended, BAD_CONFIGURATION, &parts);
}

#[test]
fn a_client_property_that_is_misspelt() {
    let ended = refused_offline(|text| *text = text.replace("fetch.wait.max", "fetch.wiat.max"));
    let parts = ["expressway.toml:7:1:", "`fetch.wiat.max.ms`", "`fetch.wait.max.ms`?"];
    assert_one_message(&ended, BAD_CONFIGURATION, &parts);
    assert!(!ended.message.contains("= 5"), "{}", ended.message);
}

#[test]
fn an_ordering_that_is_not_there_yet() {
    let ended = refused_offline(|text| text.push_str("ordering = \"key\"\n"));
    let parts = ["ordering = \"key\"", "^^^^^", "not supported yet", "use \"none\""];
    assert_one_message(&ended, BAD_CONFIGURATION, &parts);
}

#[cfg(not(feature = "otlp"))]
#[test]
fn spans_of_a_build_that_cannot_tell_any() {
    let table = "[traces.otlp]\nendpoint = \"http://localhost:4318\"\n";
    let ended = refused_offline(|text| text.push_str(table));
    let parts = ["traces.otlp.endpoint", "without OpenTelemetry", "^^^^^", "--features otlp"];
    assert_one_message(&ended, BAD_CONFIGURATION, &parts);
}

#[test]
fn a_collector_at_no_address() {
    let ended =
        refused_offline(|text| text.push_str("[traces.otlp]\nendpoint = \"localhost:4318\"\n"));
    let parts = ["traces.otlp.endpoint", "expected http://HOST:PORT", "\"off\""];
    assert_one_message(&ended, BAD_CONFIGURATION, &parts);
}

#[test]
fn no_pipeline() {
    let ended = refused_offline(|text| text.truncate(text.find("[[pipeline]]").unwrap()));
    assert_one_message(&ended, BAD_CONFIGURATION, &["no pipeline is configured", "[[pipeline]]"]);
}

#[test]
fn a_definition_that_is_refused() {
    let directory = directory();
    let text = "{\"StartAt\": \"Each\", \"QueryLanguage\": \"JSONata\", \"States\": {\"Each\": {\n  \"Type\": \"Pass\", \"Output\": \"{% phone %}\", \"End\": true}}}";
    let definition = write(&directory, "each.asl.json", text);
    let ended = Instance::refused(&Config::new(NOBODY, &definition).text());
    let parts = ["Reference to 'phone' at the top level", "each.asl.json:2:33", "^^^^^"];
    assert_one_message(&ended, BAD_CONFIGURATION, &parts);

    let missing = directory.path().join("missing.asl.json");
    let ended = Instance::refused(&Config::new(NOBODY, &missing).text());
    assert_one_message(&ended, BAD_CONFIGURATION, &["no file at", "missing.asl.json"]);
}

#[test]
fn a_warning_of_a_definition_is_a_line_of_the_log() {
    let directory = directory();
    let text = "{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Pass\",\n  \"Parameters\": {\"id\": \"$.id\"}, \"End\": true}}}";
    let definition = write(&directory, "doubtful.asl.json", text);
    let ended = Instance::refused(&Config::new(NOBODY, &definition).text());
    assert_eq!(ended.code, Some(KAFKA_UNREACHABLE), "it forbids nothing: {}", ended.message);
    let lines = ended.complaints.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let warned: Vec<_> =
        lines.filter(|line| line["message"] == "definition has a warning").collect();
    let [line] = &warned[..] else { panic!("{warned:#?}") };
    let place = (&line["level"], &line["line"], &line["column"], &line["code"]);
    assert_eq!(place, (&"WARN".into(), &2.into(), &24.into(), &"ASL0801".into()));
    assert!(line["file"].as_str().unwrap().ends_with("doubtful.asl.json"), "{line}");
    assert_eq!(line["at"], "/States/A/Parameters");
    assert_eq!(line["help"], "write \"id.$\" to have it evaluated");
}

#[test]
fn two_definitions_under_one_name() {
    let ended = refused_offline(|text| {
        let second = text[text.find("[[pipeline]]").unwrap()..]
            .replace("group = \"g\"\n", "")
            .replace("\"orders\"", "\"returns\"\nstate_machine = \"orders\"")
            .replace("pass-choice.asl.json", "passthrough.asl.json");
        text.push_str(&second);
    });
    let parts = ["\"orders\"", "another definition", "passthrough.asl.json"];
    assert_one_message(&ended, BAD_CONFIGURATION, &parts);
}

#[test]
fn an_admin_port_that_is_taken() {
    let cluster = Cluster::new(TOPICS);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (servers, definition) = (cluster.servers(), shipped("pass-choice.asl.json"));
    let mut config = Config::new(&servers, &definition);
    config.listen = &address;
    cluster.produce(INPUT, 0, None, Some(b"{}"), &[]);
    cluster.flush();
    let ended = Instance::refused(&config.text());
    assert_one_message(&ended, BAD_CONFIGURATION, &[&address, "http.listen", "\"off\""]);
}

#[test]
fn an_input_file_that_is_missing() {
    let definition = shipped("passthrough.asl.json");
    let arguments = ["--definition".as_ref(), &*definition, "--input".as_ref()];
    let arguments = [&arguments[..], &[Path::new("missing.ndjson")]].concat();
    let ended = Instance::start_with(directory(), &arguments).ended();
    assert_one_message(&ended, USAGE, &["cannot read missing.ndjson", "No such file"]);
}

/// The port of nobody: an ordinary user cannot listen there.
const NOBODY: &str = "127.0.0.1:1";
