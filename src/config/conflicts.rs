//! Checks across settings that are valid one by one.

use std::collections::HashMap;
use std::time::Duration;

use super::pipeline::{LogDestination, LogLevel, Pipeline};
use super::problem::{Code, Place, Problem};
use super::settings::Settings;
use super::tree::Node;
use crate::otlp::BadEndpoint;

/// Reports contradictions.
pub(super) fn check(settings: &Settings, tree: &Node, problems: &mut Vec<Problem>) {
    let mut checker = Checker { tree, problems };
    checker.times(settings);
    checker.spans(settings, cfg!(feature = "otlp"));
    if settings.pipelines.is_empty() {
        checker.problems.push(Problem {
            code: Code::Missing,
            place: Place::Nowhere,
            key: "pipeline".to_owned(),
            message: "no pipeline is configured".to_owned(),
            help: Some(
                "add a [[pipeline]] table; `expressway config init` prints an example".to_owned(),
            ),
        });
    }
    checker.names(&settings.pipelines);
    checker.topics(&settings.pipelines);
    checker.machines(&settings.pipelines);
    checker.sizes(&settings.pipelines);
    checker.histories(&settings.pipelines);
}

struct Checker<'a> {
    tree: &'a Node,
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    fn times(&mut self, settings: &Settings) {
        let timeout = settings.task.http.timeout;
        if timeout.is_zero() || timeout > TASK_HTTP_TIMEOUT_MAX {
            self.bad_value(
                &["task", "http", "timeout"],
                "must be more than 0 and at most 60s, where AWS ends the call",
            );
        }
        if settings.kafka.connect_timeout.is_zero() {
            self.bad_value(&["kafka", "connect_timeout"], "must be more than 0");
        }
    }

    /// `built`: whether this build can tell spans.
    fn spans(&mut self, settings: &Settings, built: bool) {
        let otlp = &settings.traces.otlp;
        if otlp.timeout.is_zero() {
            self.bad_value(&["traces", "otlp", "timeout"], "must be more than 0");
        }
        let path = ["traces", "otlp", "endpoint"];
        match settings.otlp() {
            Some(Err(error @ BadEndpoint::Header(_))) => {
                self.bad_value(&["traces", "otlp", "headers"], &error.to_string());
            }
            Some(Ok(_)) if !built => self.problems.push(Problem {
                code: Code::NotBuilt,
                place: self.place(None, &path),
                key: path.join("."),
                message: format!("`{}`: {NO_OTLP}", path.join(".")),
                help: Some("build it with `--features otlp`, or leave the key out".to_owned()),
            }),
            // What is no address has been said by its format.
            Some(Ok(_) | Err(BadEndpoint::Address)) | None => {}
        }
    }

    fn names(&mut self, pipelines: &[Pipeline]) {
        let mut seen = HashMap::new();
        for (index, pipeline) in pipelines.iter().enumerate() {
            if let Some(first) = seen.insert(pipeline.name.as_str(), index) {
                self.pipeline(
                    index,
                    "name",
                    &format!("{:?} is also the name of pipeline[{first}]", pipeline.name),
                    "names make execution ids; give each pipeline its own",
                );
            }
        }
    }

    /// A topic that is written and read is a loop; one read twice in a group splits its events.
    fn topics(&mut self, pipelines: &[Pipeline]) {
        let mut readers: HashMap<&str, usize> = HashMap::new();
        let mut members: HashMap<(&str, &str), usize> = HashMap::new();
        for (index, pipeline) in pipelines.iter().enumerate() {
            for topic in &pipeline.topics {
                readers.entry(topic).or_insert(index);
                if let Some(first) = members.insert((&pipeline.group, topic), index) {
                    let message = if first == index {
                        format!("topic {topic:?} is listed twice")
                    } else {
                        format!(
                            "topic {topic:?} is also read by pipeline[{first}] in the group {:?}",
                            pipeline.group
                        )
                    };
                    self.pipeline(
                        index,
                        "topics",
                        &message,
                        "members of one group share the records; use another group for each pipeline",
                    );
                }
            }
        }
        for (index, pipeline) in pipelines.iter().enumerate() {
            for (key, topic) in sinks(pipeline) {
                if let Some(reader) = readers.get(topic) {
                    self.pipeline(
                        index,
                        key,
                        &format!("topic {topic:?} is also a source of pipeline[{reader}]: a loop"),
                        "write to a topic that no pipeline reads",
                    );
                }
            }
            if [&pipeline.result_topic, &pipeline.failure_topic].contains(&&pipeline.billing_topic)
            {
                self.pipeline(
                    index,
                    "billing_topic",
                    "billing records and results cannot share a topic",
                    "their keys and values differ; give each its own topic",
                );
            }
        }
    }

    /// Pipelines may share a state machine, but it is one state machine.
    fn machines(&mut self, pipelines: &[Pipeline]) {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for (index, pipeline) in pipelines.iter().enumerate() {
            let first = *seen.entry(&pipeline.state_machine).or_insert(index);
            let other = &pipelines[first];
            let difference = if other.definition != pipeline.definition {
                "definition"
            } else if other.distributed_map != pipeline.distributed_map {
                "distributed_map"
            } else if other.role != pipeline.role {
                "role"
            } else if other.version != pipeline.version {
                "version"
            } else if other.tags != pipeline.tags {
                "tags"
            } else if other.logging != pipeline.logging {
                "logging"
            } else {
                continue;
            };
            self.pipeline(
                index,
                difference,
                &format!(
                    "state machine {:?} has another {difference} in pipeline[{first}]",
                    pipeline.state_machine
                ),
                "use another state_machine name, or make them equal",
            );
        }
    }

    /// AWS: 50 tags, keys up to 128 characters, values up to 256.
    fn sizes(&mut self, pipelines: &[Pipeline]) {
        for (index, pipeline) in pipelines.iter().enumerate() {
            let long = |text: &str, limit| text.chars().count() > limit;
            let wrong = |(key, value): (&String, &String)| {
                key.is_empty() || long(key, 128) || long(value, 256)
            };
            if pipeline.tags.len() > 50 || pipeline.tags.iter().any(wrong) {
                self.pipeline(
                    index,
                    "tags",
                    "at most 50 tags, keys of 1 to 128 characters, values of up to 256",
                    "shorten the tags",
                );
            }
            if long(&pipeline.version, 80) {
                self.pipeline(index, "version", "at most 80 characters", "shorten the version");
            }
        }
    }

    /// What is logged needs a place to go to, which must hold nothing else.
    fn histories(&mut self, pipelines: &[Pipeline]) {
        for (index, pipeline) in pipelines.iter().enumerate() {
            let topic = &pipeline.history_topic;
            let logs = pipeline.logging.level != LogLevel::Off;
            let to_topic = pipeline.logging.destination == LogDestination::Topic;
            if logs && to_topic && topic.is_empty() {
                self.pipeline(
                    index,
                    "logging",
                    "the history is logged, but goes nowhere",
                    "name a `history_topic`, or set logging.destination = \"stdout\"",
                );
            }
            if !topic.is_empty() && !to_topic {
                self.pipeline(
                    index,
                    "history_topic",
                    "the history goes to stdout, so nothing is written to this topic",
                    "leave the key out, or set logging.destination = \"topic\"",
                );
            }
            let others = [
                ("result_topic", &pipeline.result_topic),
                ("failure_topic", &pipeline.failure_topic),
                ("billing_topic", &pipeline.billing_topic),
                ("dead_letter_topic", &pipeline.dead_letter_topic),
            ];
            let shared = others.iter().find(|(_, other)| !topic.is_empty() && **other == *topic);
            if let Some((key, _)) = shared {
                self.pipeline(
                    index,
                    "history_topic",
                    &format!("topic {topic:?} is also `{key}`"),
                    "log events are of another form; give them a topic of their own",
                );
            }
        }
    }

    fn pipeline(&mut self, index: usize, key: &str, message: &str, help: &str) {
        self.problems.push(Problem {
            code: Code::Conflict,
            place: self.place(Some(index), &[key]),
            key: format!("pipeline[{index}].{key}"),
            message: format!("`pipeline[{index}].{key}`: {message}"),
            help: Some(help.to_owned()),
        });
    }

    fn bad_value(&mut self, path: &[&str], message: &str) {
        self.problems.push(Problem {
            code: Code::BadValue,
            place: self.place(None, path),
            key: path.join("."),
            message: format!("`{}`: {message}", path.join(".")),
            help: None,
        });
    }

    /// Where the setting is written, or else the nearest table around it.
    fn place(&self, pipeline: Option<usize>, path: &[&str]) -> Place {
        let mut node = self.tree;
        if let Some(index) = pipeline
            && let Some(item) = self.tree.get("pipeline").and_then(|list| list.list().get(index))
        {
            node = item;
        }
        let mut place = node.place.clone();
        for key in path {
            let Some(next) = node.get(key) else { break };
            node = next;
            if node.place != Place::Nowhere {
                place = node.place.clone();
            }
        }
        place
    }
}

fn sinks(pipeline: &Pipeline) -> impl Iterator<Item = (&'static str, &str)> {
    let failure = (pipeline.failure_topic != pipeline.result_topic)
        .then_some(("failure_topic", pipeline.failure_topic.as_str()));
    let history = (!pipeline.history_topic.is_empty())
        .then_some(("history_topic", pipeline.history_topic.as_str()));
    [
        ("result_topic", pipeline.result_topic.as_str()),
        ("billing_topic", pipeline.billing_topic.as_str()),
        ("dead_letter_topic", pipeline.dead_letter_topic.as_str()),
    ]
    .into_iter()
    .chain(failure)
    .chain(history)
}

/// Why a build without the feature `otlp` refuses to tell spans.
pub const NO_OTLP: &str = "this program was built without OpenTelemetry";

/// AWS ends an HTTP task here whatever the state's own limit is.
const TASK_HTTP_TIMEOUT_MAX: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    /// What a build says, with the feature or without it.
    fn spans(text: &str, built: bool) -> Vec<(Code, String)> {
        let mut problems = Vec::new();
        let tree = tree::parse(text, &mut problems);
        let settings: Settings = serde_json::from_value(tree.to_json()).unwrap();
        Checker { tree: &tree, problems: &mut problems }.spans(&settings, built);
        problems
            .into_iter()
            .map(|problem| {
                assert!(matches!(problem.place, Place::File(_)), "{problem:?}");
                (problem.code, problem.message)
            })
            .collect()
    }

    #[test]
    fn a_build_without_spans_refuses_to_tell_any() {
        let on = "[traces.otlp]\nendpoint = \"http://localhost:4318\"";
        assert_eq!(spans(on, true), []);
        let message = "`traces.otlp.endpoint`: this program was built without OpenTelemetry";
        assert_eq!(spans(on, false), [(Code::NotBuilt, message.to_owned())]);
        for off in ["", "[traces.otlp]\nendpoint = \"off\"\ndelay = \"2s\""] {
            assert_eq!(spans(off, false), []);
        }
    }

    #[test]
    fn headers_that_http_does_not_allow_are_named_without_their_value() {
        let text = "[traces.otlp]\nendpoint = \"http://h\"\nheaders = {\"a b\" = \"s3cret\"}\ntimeout = \"0s\"";
        let found = spans(text, true);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[1].1.contains("header \"a b\"") && !found[1].1.contains("s3cret"),
            "{found:?}"
        );
    }
}
