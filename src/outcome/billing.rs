//! The billing record: one CloudEvents 1.0 event per execution.
//!
//! It is always encoded as one JSON object, with the data at its end: in binary mode the value is
//! that piece of it, and the headers are other pieces.
//!
//! `source` + `id` identify it; `id` is the execution ARN, so the record of an execution that ran
//! twice after a crash has the same identity and downstream can drop the second. Integers and
//! exact decimal strings only.

use crate::shard::Settled;
use crate::shard::outbox::{BILLING_EVENT_TYPE, Span, push_json_string};

use super::arn::{StateMachineArn, push_execution_arn};
use super::instant::push_instant_ms;
use super::meter::Bill;

/// The parts of a machine's records that never change, encoded once.
#[derive(Debug)]
pub(super) struct BillingText {
    express_prefix: String,
    after_id: Vec<u8>,
    after_status: Vec<u8>,
}

impl BillingText {
    pub(super) fn new(
        arn: &StateMachineArn,
        version: Option<&str>,
        revision: &str,
        tags: &[(String, String)],
    ) -> Self {
        let after_id = format!(
            "\",\"source\":\"{source}\",\"type\":\"{BILLING_EVENT_TYPE}\",\
             \"subject\":\"{account}\",\"time\":\"",
            source = arn.event_source(),
            account = arn.account(),
        )
        .into_bytes();
        let mut after_status = Vec::new();
        after_status.extend_from_slice(b"\",\"state_machine_arn\":");
        push_json_string(&mut after_status, arn.as_str());
        after_status.extend_from_slice(b",\"machine\":");
        push_json_string(&mut after_status, arn.name());
        after_status.extend_from_slice(b",\"version\":");
        match version {
            Some(version) => push_json_string(&mut after_status, version),
            None => after_status.extend_from_slice(b"null"),
        }
        after_status.extend_from_slice(b",\"revision\":");
        push_json_string(&mut after_status, revision);
        after_status.extend_from_slice(b",\"tags\":{");
        for (index, (key, value)) in tags.iter().enumerate() {
            if index > 0 {
                after_status.push(b',');
            }
            push_json_string(&mut after_status, key);
            after_status.push(b':');
            push_json_string(&mut after_status, value);
        }
        after_status.push(b'}');
        Self { express_prefix: arn.express_prefix(), after_id, after_status }
    }

    /// Appends the record; `place` is [`place_text`] of the event's pipeline and topic.
    pub(super) fn push(
        &self,
        out: &mut Vec<u8>,
        place: &[u8],
        settled: &Settled<'_>,
        bill: Bill,
    ) -> BillingSpans {
        let mut digits = itoa::Buffer::new();
        let start = out.len();
        out.extend_from_slice(b"{\"specversion\":\"1.0\",\"id\":\"");
        let arn_start = out.len();
        push_execution_arn(out, &self.express_prefix, settled.name, settled.suffix);
        let execution_arn = Span::since(out, arn_start);
        out.extend_from_slice(&self.after_id);
        let stopped_start = out.len();
        push_instant_ms(out, settled.stopped_ms);
        let stopped_at = Span::since(out, stopped_start);
        out.extend_from_slice(b"\",\"datacontenttype\":\"application/json\",\"data\":");
        let data_start = out.len();
        out.extend_from_slice(b"{\"requests\":1,\"billed_duration_ms\":");
        out.extend_from_slice(digits.format(bill.duration_ms).as_bytes());
        out.extend_from_slice(b",\"billed_memory_mb\":");
        out.extend_from_slice(digits.format(bill.memory_mb).as_bytes());
        out.extend_from_slice(b",\"mb_milliseconds\":");
        out.extend_from_slice(digits.format(bill.mb_milliseconds()).as_bytes());
        out.extend_from_slice(b",\"gb_seconds\":\"");
        bill.push_gb_seconds(out);
        out.extend_from_slice(b"\",\"status\":\"");
        out.extend_from_slice(settled.status.as_str().as_bytes());
        out.extend_from_slice(&self.after_status);
        out.extend_from_slice(place);
        out.extend_from_slice(digits.format(settled.origin.partition).as_bytes());
        out.extend_from_slice(b",\"offset\":");
        out.extend_from_slice(digits.format(settled.origin.offset).as_bytes());
        out.extend_from_slice(b",\"started_at\":\"");
        let started_start = out.len();
        push_instant_ms(out, settled.started_ms);
        let started_at = Span::since(out, started_start);
        out.extend_from_slice(b"\",\"transitions\":");
        out.extend_from_slice(digits.format(settled.transitions).as_bytes());
        out.push(b'}');
        let data = Span::since(out, data_start);
        out.push(b'}');
        BillingSpans {
            record: Span::since(out, start),
            data,
            execution_arn,
            started_at,
            stopped_at,
        }
    }
}

/// Where the pieces stand that headers repeat.
pub(super) struct BillingSpans {
    pub(super) record: Span,
    pub(super) data: Span,
    pub(super) execution_arn: Span,
    pub(super) started_at: Span,
    pub(super) stopped_at: Span,
}

/// `,"pipeline":…,"topic":…,"partition":` of one source topic of a pipeline.
pub(super) fn place_text(pipeline: &str, topic: &str) -> Vec<u8> {
    let mut out = b",\"pipeline\":".to_vec();
    push_json_string(&mut out, pipeline);
    out.extend_from_slice(b",\"topic\":");
    push_json_string(&mut out, topic);
    out.extend_from_slice(b",\"partition\":");
    out
}

#[cfg(test)]
mod tests {
    use crate::base::ids::{ExecutionSuffix, MachineIdx, Origin, PipelineIdx};
    use crate::base::trace::NO_TRACE;
    use crate::shard::Status;

    use super::*;

    #[test]
    fn record_is_exactly_this() {
        let arn = StateMachineArn::new("eu-west-1", "111111111111", "order").unwrap();
        let text = BillingText::new(&arn, Some("3"), "rev", &[("team".into(), "a\"b".into())]);
        let settled = Settled {
            origin: Origin {
                pipeline: PipelineIdx(0),
                topic: 0,
                partition: 7,
                offset: 42,
                slot: 0,
                epoch: 0,
            },
            machine: MachineIdx(0),
            suffix: ExecutionSuffix([0xab; 16]),
            name: "orders-7-42",
            status: Status::Succeeded,
            output: b"{}",
            error: None,
            cause: None,
            started_ms: 1_767_225_600_000,
            stopped_ms: 1_767_225_600_100,
            duration_ns: 100_000_000,
            input_bytes: 2,
            metered_data_bytes: 2,
            held_bytes: 0,
            transitions: 4,
            history: &[],
            events_left_out: 0,
            trace: &NO_TRACE,
        };
        let mut out = b"before".to_vec();
        let spans = text.push(
            &mut out,
            &place_text("orders", "in"),
            &settled,
            Bill::new(settled.duration_ns, 10, settled.metered_data_bytes),
        );
        let piece = |span: Span| {
            std::str::from_utf8(&out[span.start as usize..(span.start + span.len) as usize])
                .unwrap()
        };
        assert_eq!(
            piece(spans.record),
            concat!(
                r#"{"specversion":"1.0","id":"arn:aws:states:eu-west-1:111111111111:express:order:orders-7-42:"#,
                r#"abababab-abab-abab-abab-abababababab","source":"//states/eu-west-1/111111111111","#,
                r#""type":"express.execution.billed.v1","subject":"111111111111","time":"2026-01-01T00:00:00.100Z","#,
                r#""datacontenttype":"application/json","data":{"requests":1,"billed_duration_ms":100,"#,
                r#""billed_memory_mb":64,"mb_milliseconds":6400,"gb_seconds":"0.00625","status":"SUCCEEDED","#,
                r#""state_machine_arn":"arn:aws:states:eu-west-1:111111111111:stateMachine:order","machine":"order","#,
                r#""version":"3","revision":"rev","tags":{"team":"a\"b"},"pipeline":"orders","topic":"in","partition":7,"offset":42,"#,
                r#""started_at":"2026-01-01T00:00:00.000Z","transitions":4}}"#
            )
        );
        let parsed: serde_json::Value = serde_json::from_str(piece(spans.record)).unwrap();
        let data: serde_json::Value = serde_json::from_str(piece(spans.data)).unwrap();
        assert_eq!(parsed["data"], data);
        assert_eq!(parsed["id"], piece(spans.execution_arn));
        assert_eq!(parsed["time"], piece(spans.stopped_at));
        assert_eq!(parsed["data"]["started_at"], piece(spans.started_at));
    }
}
