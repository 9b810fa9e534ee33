//! From what is written to what can be carried out: defaults, checks, and the files it names.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::file::{ArrivalsName, ExpectTable, File, Kafka, PayloadTable, SizeValue};
use super::limits::Limits;
use super::problem::Problem;
use super::stages::stages;
use super::{Connection, Scenario, Verify};
use crate::fields::{Field, Scalar};
use crate::keys::{Distribution, Keys};
use crate::payload::Size;
use crate::plan::{Plan, Poison};
use crate::quantity::Span;
use crate::schedule::{Arrivals, Course, Schedule, Shape, Stage};
use crate::template::{self, Template};

/// Returns the scenario, or everything that is wrong with it.
pub(super) fn resolve(file: File, needs_kafka: bool) -> Result<Scenario, Vec<Problem>> {
    let mut problems = Vec::new();
    let kafka = connection(&file.kafka, needs_kafka, &mut problems);
    let share = poison_share(&file, &mut problems);
    if share > 0.0 && kafka.dead_letter_topic.is_none() && needs_kafka {
        problems.push(Problem::PoisonWithoutDeadLetters);
    }
    let keys = keys(&file, &mut problems);
    let (payload, size) = payload(&file.payload, &mut problems);
    let expect = expect(&file.expect, &mut problems);
    let fields = fields(&file.payload, &payload, expect.as_deref(), &mut problems);
    let (limits, late_share_max) = limits(&file, &mut problems);
    let before = problems.len();
    let (schedule, stage_limits) = schedule(&file, &mut problems);
    let warmup = file.warmup.unwrap_or_default();
    // What is wrong with the schedule itself would only be said again in other words.
    if let Some(schedule) = schedule.as_ref().filter(|_| problems.len() == before) {
        if schedule.planned() == 0 {
            problems.push(Problem::Silent);
        } else if schedule.expected_until(warmup.ns()) + 1e-6 >= schedule.planned() as f64 {
            problems.push(Problem::WarmupTooLong);
        }
    }
    let (Some(schedule), true) = (schedule, problems.is_empty()) else {
        return Err(told_once(problems));
    };
    let is_timed = !file.stages.is_empty() || file.duration.is_some();
    let plan = Plan {
        stop_after_ns: is_timed.then(|| schedule.written_ns()),
        schedule: Arc::new(schedule),
        warmup_ns: warmup.ns(),
        keys,
        poison: Poison::new(share, file.poison.kinds.as_deref().unwrap_or_default()),
        seed: file.seed.unwrap_or(0),
        start_ns: 0,
    };
    Ok(Scenario {
        name: file.name.clone().unwrap_or_else(|| "load".to_owned()),
        description: file.description.clone(),
        kafka,
        plan,
        payload,
        fields,
        size,
        expect,
        verify: Verify {
            keys: file.verify.keys.unwrap_or(true),
            dead_letter_headers: file.verify.dead_letter_headers.unwrap_or(true),
        },
        drain_timeout: file.drain_timeout.unwrap_or(Span::from_secs(30)),
        settle: file.settle.unwrap_or(Span::from_millis(250)),
        outstanding_max: file.generator.outstanding_max,
        late_share_max,
        limits,
        stage_limits,
        written: file,
    })
}

/// Drops what was found a second time, as a file that is named twice.
fn told_once(problems: Vec<Problem>) -> Vec<Problem> {
    let mut told: Vec<Problem> = Vec::with_capacity(problems.len());
    for problem in problems {
        if !told.contains(&problem) {
            told.push(problem);
        }
    }
    told
}

fn connection(kafka: &Kafka, needed: bool, problems: &mut Vec<Problem>) -> Connection {
    let mut required = |value: &Option<String>, what, flag, key| {
        if value.is_none() && needed {
            problems.push(Problem::Missing { what, flag, key });
        }
        value.clone().unwrap_or_default()
    };
    let brokers = required(&kafka.brokers, "the address of Kafka", "--brokers", "kafka.brokers");
    let topic = required(&kafka.topic, "the topic to send to", "--topic", "kafka.topic");
    let first_result = kafka.result_topics.first().cloned();
    required(&first_result, "a result topic", "--result-topic", "kafka.result_topics");
    let connection = Connection {
        brokers,
        topic,
        result_topics: kafka.result_topics.clone(),
        failure_topic: kafka.failure_topic.clone(),
        billing_topic: kafka.billing_topic.clone(),
        dead_letter_topic: kafka.dead_letter_topic.clone(),
        group: kafka.group.clone(),
        create_topics: kafka.create_topics,
        connect_timeout: kafka.connect_timeout.unwrap_or(Span::from_secs(10)),
        properties: kafka
            .properties
            .iter()
            .map(|(key, value)| (key.clone(), text(value)))
            .collect(),
    };
    if let Some(topic) = connection.topic_twice() {
        problems.push(Problem::TopicTwice(topic));
    }
    connection
}

impl Connection {
    /// Failures may share a topic with results, as they do in the service by default; nothing
    /// else may share one.
    fn topic_twice(&self) -> Option<String> {
        let mut taken: Vec<&str> = vec![&self.topic];
        let alone = self.result_topics.iter();
        for topic in alone.chain(&self.billing_topic).chain(&self.dead_letter_topic) {
            if taken.contains(&topic.as_str()) {
                return Some(topic.clone());
            }
            taken.push(topic);
        }
        let failures = self.failure_topic.as_ref()?;
        let is_taken = taken.contains(&failures.as_str()) && !self.result_topics.contains(failures);
        is_taken.then(|| failures.clone())
    }
}

fn text(value: &Scalar) -> String {
    match value {
        Scalar::Boolean(value) => value.to_string(),
        Scalar::Integer(value) => value.to_string(),
        Scalar::Decimal(value) => value.to_string(),
        Scalar::Text(value) => value.clone(),
    }
}

fn poison_share(file: &File, problems: &mut Vec<Problem>) -> f64 {
    let share = file.poison.share.unwrap_or(0.0);
    if !(0.0..=1.0).contains(&share) {
        problems.push(Problem::bad("poison.share", "a share lies between 0 and 1"));
    }
    match &file.poison.kinds {
        Some(kinds) if kinds.is_empty() => {
            problems.push(Problem::bad("poison.kinds", "name at least one, or leave it out"));
        }
        Some(kinds) if kinds.len() > 4 => {
            problems.push(Problem::bad("poison.kinds", "name each kind once"));
        }
        _ => {}
    }
    share
}

fn keys(file: &File, problems: &mut Vec<Problem>) -> Keys {
    let count = file.keys.count.unwrap_or(1_024);
    if count > 10_000_000 {
        problems.push(Problem::bad("keys.count", "at most 10000000 keys are kept apart"));
    }
    let exponent = file.keys.exponent.unwrap_or(1.0);
    if !(exponent > 0.0 && exponent <= 10.0) {
        problems.push(Problem::bad("keys.exponent", "lies above 0 and is at most 10"));
    }
    let distribution = file.keys.distribution.unwrap_or_default();
    if file.keys.exponent.is_some() && distribution != Distribution::Zipf {
        problems.push(Problem::bad("keys.exponent", "only the distribution `zipf` has one"));
    }
    match (file.keys.distribution, file.keys.count) {
        (Some(Distribution::None), Some(1..)) => {
            let reason = "the distribution `none` sends no keys; leave one of the two out";
            problems.push(Problem::bad("keys.count", reason));
        }
        (Some(given), Some(0)) if given != Distribution::None => {
            let reason = "no keys are spread over none; leave the distribution out";
            problems.push(Problem::bad("keys.distribution", reason));
        }
        _ => {}
    }
    Keys::new(distribution, count, exponent, file.seed.unwrap_or(0))
}

/// Returns the template and the size of events.
fn payload(table: &PayloadTable, problems: &mut Vec<Problem>) -> (String, Size) {
    let (template, default_size) = match (&table.file, &table.template) {
        (Some(_), Some(_)) => {
            problems.push(Problem::bad("payload", "give a file or a template, not both"));
            (String::new(), 0)
        }
        // A line end at the end of a file is the editor's, not the event's.
        (Some(path), None) => (read(path, problems).trim_end().to_owned(), 0),
        (None, Some(template)) => (template.trim_end().to_owned(), 0),
        (None, None) if table.fields.is_empty() => (template::DEFAULT.to_owned(), 256),
        (None, None) => (object_of(table), 256),
    };
    let size = match table.size.unwrap_or(SizeValue::Bytes(default_size)) {
        SizeValue::Bytes(bytes) => Size { min: bytes, max: bytes },
        SizeValue::Range { min, max } => Size { min, max },
    };
    if size.min > size.max {
        problems.push(Problem::bad("payload.size", "min is above max"));
    }
    if size.max > SIZE_MAX {
        problems.push(Problem::bad("payload.size", format!("at most {SIZE_MAX} bytes")));
    }
    (template, size)
}

/// An event that has nothing but the fields of the scenario, its number and padding.
fn object_of(table: &PayloadTable) -> String {
    let mut template = r#"{"sequence":{{sequence}}"#.to_owned();
    for (name, field) in &table.fields {
        let quote = if field.is_text() { "\"" } else { "" };
        let member = serde_json::Value::from(name.as_str());
        // Writing to memory cannot fail.
        let _ = write!(template, ",{member}:{quote}{{{{{name}}}}}{quote}");
    }
    template + r#","padding":"{{padding}}"}"#
}

fn fields(
    table: &PayloadTable,
    payload: &str,
    expect: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Vec<(String, Field)> {
    let names: Vec<&str> = table.fields.keys().map(String::as_str).collect();
    for (name, field) in &table.fields {
        let place = format!("payload.fields.{name}");
        if template::is_built_in(name) {
            problems.push(Problem::bad(&place, "every payload has a hole of this name already"));
        } else if name.is_empty() || name.contains(['{', '}', '"', '\\']) {
            problems.push(Problem::bad(&place, "a name has no braces, quotes or backslashes"));
        }
        if let Some(reason) = field.complaint() {
            problems.push(Problem::bad(place, reason));
        }
    }
    let in_payload = Template::parse(payload, &names).unused_fields(names.len());
    let in_expect = Template::parse(expect.unwrap_or(""), &names).unused_fields(names.len());
    for unused in in_payload.iter().filter(|number| in_expect.contains(number)) {
        let name = names[*unused];
        let reason = format!("the payload has no {{{{{name}}}}}");
        problems.push(Problem::bad(format!("payload.fields.{name}"), reason));
    }
    if names.len() > FIELDS_MAX {
        problems.push(Problem::bad("payload.fields", format!("at most {FIELDS_MAX} fields")));
    }
    table.fields.iter().map(|(name, field)| (name.clone(), field.clone())).collect()
}

fn expect(table: &ExpectTable, problems: &mut Vec<Problem>) -> Option<String> {
    match (&table.file, &table.template) {
        (Some(_), Some(_)) => {
            problems.push(Problem::bad("expect", "give a file or a template, not both"));
            None
        }
        (Some(path), None) => Some(read(path, problems)),
        (None, template) => template.clone(),
    }
}

fn limits(file: &File, problems: &mut Vec<Problem>) -> (Limits, f64) {
    let mut limits = file.thresholds;
    let complaints = limits.complaints();
    problems.extend(complaints.into_iter().map(|reason| Problem::bad("thresholds", reason)));
    for count in [
        &mut limits.lost,
        &mut limits.duplicated,
        &mut limits.wrong,
        &mut limits.bill_faults,
        &mut limits.regressed,
        &mut limits.unsent,
    ] {
        count.get_or_insert(0);
    }
    let late_share_max = file.generator.late_share_max.unwrap_or(LATE_SHARE_MAX);
    if !(0.0..=1.0).contains(&late_share_max) {
        let reason = "a share lies between 0 and 1";
        problems.push(Problem::bad("generator.late_share_max", reason));
    }
    (limits, late_share_max)
}

/// Returns the schedule and the limits of its stages.
fn schedule(file: &File, problems: &mut Vec<Problem>) -> (Option<Schedule>, Vec<Limits>) {
    let seed = file.seed.unwrap_or(0);
    let arrivals = match file.arrivals.unwrap_or_default() {
        ArrivalsName::Uniform => Arrivals::Uniform,
        ArrivalsName::Poisson => Arrivals::Poisson,
    };
    if file.duration.is_some_and(|duration| duration.ns() == 0) {
        problems.push(Problem::bad("duration", "must be above zero"));
    }
    if !file.stages.is_empty() {
        if file.rate.is_some() {
            problems.push(Problem::bad("rate", "stages have their own rates; leave it out"));
        }
        let (mut stages, limits) = stages(&file.stages, problems);
        if let Some(duration) = file.duration {
            cut(&mut stages, duration.ns());
        }
        let schedule =
            (!stages.is_empty()).then(|| Schedule::new(stages, arrivals, seed, file.count));
        // A duration or a count may have cut some of them.
        let left = schedule.as_ref().map_or(0, |schedule| schedule.stages().len());
        return (schedule, limits.into_iter().take(left).collect());
    }
    let rate = file.rate.map_or(1_000.0, crate::quantity::Rate::per_second);
    if rate <= 0.0 {
        problems.push(Problem::Silent);
        return (None, Vec::new());
    }
    let schedule = match (file.duration, file.count) {
        (None, None) => {
            problems.push(Problem::Endless);
            None
        }
        (None, Some(count)) => Some(Schedule::counted(rate, arrivals, seed, count)),
        (Some(duration), count) => {
            let stage = Stage {
                name: "all".to_owned(),
                start_ns: 0,
                duration_ns: duration.ns(),
                course: Course::Rate(Shape::Constant { rate }),
            };
            Some(Schedule::new(vec![stage], arrivals, seed, count))
        }
    };
    (schedule, vec![Limits::default()])
}

/// Ends the run after `duration_ns`.
fn cut(stages: &mut Vec<Stage>, duration_ns: u64) {
    let mut left_ns = duration_ns;
    stages.retain_mut(|stage| {
        stage.duration_ns = stage.duration_ns.min(left_ns);
        left_ns -= stage.duration_ns;
        if let Course::Replay(offsets) = &mut stage.course {
            let kept = offsets.partition_point(|offset| *offset < stage.duration_ns);
            if kept < offsets.len() {
                *offsets = offsets[..kept].into();
            }
        }
        stage.duration_ns > 0
    });
}

/// Returns the text of a file; an unreadable one is a problem and reads as empty.
pub(super) fn read(path: &Path, problems: &mut Vec<Problem>) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|reason| {
        let reason = reason.to_string();
        problems.push(Problem::Unreadable { path: path.to_owned(), reason });
        String::new()
    })
}

/// Late in more than this share of its ticks, a generator measures itself.
const LATE_SHARE_MAX: f64 = 0.01;
/// Kafka's usual largest message is 1 MiB, headers and key included.
const SIZE_MAX: u32 = 900_000;
const FIELDS_MAX: usize = 1_000;
