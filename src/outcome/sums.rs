//! The billing record of a range: what the executions of some offsets of a partition came to, by
//! minute and status, instead of a record for each of them.
//!
//! Encoded a few times a minute, so by `serde_json`, unlike the record of one execution.

use serde_json::{Map, Value, json};

use crate::shard::outbox::{
    BILLING_SUMS_EVENT_TYPE, BilledRange, BillingMode, CLOUDEVENTS_VERSION, EncodeSums, MinuteSum,
    SumsRecord,
};

use super::collector::{MachineCard, PipelineCard};
use super::instant::format_instant_ms;
use super::meter::{DURATION_STEP_MS, MEMORY_STEP_MB};
use super::price::gb_seconds;

/// Encodes the ranges of one pipeline.
#[derive(Clone, Debug)]
pub struct SumsText {
    machine: MachineCard,
    pipeline: PipelineCard,
}

impl SumsText {
    /// What stands in every record of the pipeline.
    pub fn new(machine: MachineCard, pipeline: PipelineCard) -> Self {
        Self { machine, pipeline }
    }

    fn data(&self, range: &BilledRange<'_>) -> Value {
        let MachineCard { arn, version, revision, tags, .. } = &self.machine;
        let tags: Map<String, Value> =
            tags.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
        let requests: u64 = range.sums.iter().map(|sum| sum.requests).sum();
        let topic_id = (!range.topic_id.is_empty()).then_some(range.topic_id);
        json!({
            "requests": requests,
            "state_machine_arn": arn.as_str(),
            "machine": arn.name(),
            "version": version,
            "revision": revision,
            "tags": tags,
            "pipeline": self.pipeline.name,
            "topic": range.topic,
            "topic_id": topic_id,
            "partition": range.partition,
            "from_offset": range.from,
            "to_offset": range.to,
            "sums": range.sums.iter().map(sum).collect::<Vec<_>>(),
        })
    }
}

fn sum(sum: &MinuteSum) -> Value {
    json!({
        "minute": instant(sum.minute_ms),
        "status": sum.status.as_str(),
        "requests": sum.requests,
        "billed_duration_ms": sum.steps * DURATION_STEP_MS,
        "mb_milliseconds": sum.units * DURATION_STEP_MS * MEMORY_STEP_MB,
        "gb_seconds": gb_seconds(sum.units.into()),
        "transitions": sum.transitions,
    })
}

impl EncodeSums for SumsText {
    fn encode(&self, range: &BilledRange<'_>) -> SumsRecord {
        let arn = &self.machine.arn;
        let BilledRange { topic, topic_id, partition, from, to, .. } = range;
        let life = if topic_id.is_empty() { String::new() } else { format!("{topic_id}/") };
        let id = format!("{arn}/{}/{topic}/{life}{partition}/{from}-{to}", self.pipeline.name);
        let time = instant(range.closed_ms);
        let data = self.data(range);
        let value = match self.pipeline.billing_mode {
            BillingMode::Binary => data,
            BillingMode::Structured => json!({
                "specversion": CLOUDEVENTS_VERSION,
                "id": id,
                "source": arn.event_source(),
                "type": BILLING_SUMS_EVENT_TYPE,
                "subject": arn.account(),
                "time": time,
                "datacontenttype": "application/json",
                "data": data,
            }),
        };
        SumsRecord {
            id,
            kind: BILLING_SUMS_EVENT_TYPE,
            time,
            value: value.to_string().into_bytes(),
        }
    }
}

fn instant(at_ms: i64) -> String {
    String::from_utf8_lossy(&format_instant_ms(at_ms)).into_owned()
}

#[cfg(test)]
mod tests {
    use crate::outcome::StateMachineArn;
    use crate::shard::Status;

    use super::*;

    #[test]
    fn record_is_exactly_this() {
        let machine = MachineCard {
            arn: StateMachineArn::new("eu-west-1", "111111111111", "order").unwrap(),
            definition_bytes: 10,
            version: None,
            revision: "rev".to_owned(),
            tags: vec![("team".to_owned(), "a".to_owned())],
            logging: crate::vm::Recording::OFF,
        };
        let pipeline = |billing_mode| PipelineCard {
            name: "orders".to_owned(),
            topics: vec!["in".to_owned()],
            billing_mode,
        };
        let sums = [MinuteSum {
            minute_ms: 1_767_225_600_000,
            status: Status::Failed,
            requests: 2,
            steps: 5,
            units: 10,
            transitions: 8,
        }];
        let range = BilledRange {
            topic: "in",
            topic_id: "4FNkvHcvTDmDK5BLhg2dVw",
            partition: 3,
            from: 7,
            to: 9,
            closed_ms: 1_767_225_660_001,
            sums: &sums,
        };
        let text = SumsText::new(machine.clone(), pipeline(BillingMode::Structured));
        let whole = text.encode(&range);
        let data = concat!(
            r#"{"requests":2,"state_machine_arn":"arn:aws:states:eu-west-1:111111111111:stateMachine:order","#,
            r#""machine":"order","version":null,"revision":"rev","tags":{"team":"a"},"pipeline":"orders","topic":"in","#,
            r#""topic_id":"4FNkvHcvTDmDK5BLhg2dVw","partition":3,"from_offset":7,"to_offset":9,"sums":[{"minute":"2026-01-01T00:00:00.000Z","status":"FAILED","#,
            r#""requests":2,"billed_duration_ms":500,"mb_milliseconds":64000,"gb_seconds":"0.0625","transitions":8}]}"#
        );
        assert_eq!(
            String::from_utf8(whole.value).unwrap(),
            format!(
                r#"{{"specversion":"1.0","id":"arn:aws:states:eu-west-1:111111111111:stateMachine:order/orders/in/4FNkvHcvTDmDK5BLhg2dVw/3/7-9","source":"//states/eu-west-1/111111111111","type":"express.executions.billed.v1","subject":"111111111111","time":"2026-01-01T00:01:00.001Z","datacontenttype":"application/json","data":{data}}}"#
            )
        );
        let binary = SumsText::new(machine, pipeline(BillingMode::Binary)).encode(&range);
        assert_eq!(String::from_utf8(binary.value).unwrap(), data);
        assert_eq!((&binary.id, binary.time), (&whole.id, whole.time));
        let unknown = text.encode(&BilledRange { topic_id: "", ..range });
        assert!(unknown.id.ends_with(":order/orders/in/3/7-9"), "{}", unknown.id);
        let unknown = String::from_utf8(unknown.value).unwrap();
        assert!(unknown.contains(r#""topic":"in","topic_id":null,"partition":3,"#), "{unknown}");
    }
}
