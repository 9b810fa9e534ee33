//! Spans of executions that the engine ran, and the exporter against a collector on loopback.

use std::cell::RefCell;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response as HttpResponse};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use tokio::sync::oneshot;

use super::message::{PartialSuccess, Response, Span, SpanKind, StatusCode as SpanStatus, Value};
use super::*;
use crate::asl::source::Source;
use crate::asl::{MachineType, parse_as};
use crate::base::ids::{ExecutionSuffix, MachineIdx, Origin, WakeToken};
use crate::base::tally::SharedCounts;
use crate::base::trace::{NO_TRACE, Trace, TraceParent};
use crate::compile::compile;
use crate::program::{Loaded, World};
use crate::shard::{CallRequest, CallResult, Calls, Completions, Limits, Settled, Spans, Status};
use crate::trial::clock::{Ended, VirtualShard};
use crate::vm::Sampling;

const SUFFIX: ExecutionSuffix = ExecutionSuffix([7; 16]);

fn cards() -> Cards {
    let machine = MachineCard {
        arn: "arn:aws:states:r:1:stateMachine:m".to_owned(),
        execution_arn_prefix: "arn:aws:states:r:1:express:m:".to_owned(),
        name: "m".to_owned(),
        version: Some("3".to_owned()),
        revision: "rev".to_owned(),
    };
    let topics = vec!["in".to_owned()];
    let pipeline = PipelineCard { name: "p".to_owned(), group: "g".to_owned(), topics };
    Cards { machines: vec![machine], pipelines: vec![pipeline] }
}

fn settled<'a>(ended: &'a Ended, trace: &'a Trace) -> Settled<'a> {
    Settled {
        origin: Origin { offset: 5, partition: 2, ..Origin::default() },
        machine: MachineIdx(0),
        suffix: SUFFIX,
        name: "e",
        status: ended.status,
        output: ended.output.as_bytes(),
        error: ended.error.as_deref(),
        cause: ended.cause.as_deref(),
        started_ms: 1_000,
        stopped_ms: 1_000 + (ended.duration_ns / 1_000_000) as i64,
        duration_ns: ended.duration_ns,
        metered_data_bytes: 0,
        input_bytes: 2,
        held_bytes: 0,
        transitions: ended.transitions,
        history: &ended.history,
        events_left_out: ended.events_left_out,
        trace,
    }
}

/// Fails what is sent `"no"`; everything else comes back. Remembers what calls went out under.
struct Answers {
    completions: Completions,
    sent: Rc<RefCell<Vec<TraceParent>>>,
}

impl Calls for Answers {
    fn call(&mut self, token: WakeToken, request: CallRequest) {
        self.sent.borrow_mut().extend(request.traceparent);
        let result = if request.input == b"\"no\"" {
            CallResult::Failed { error: "Refused".into(), cause: Some("said no".into()) }
        } else {
            CallResult::Returned(request.input)
        };
        self.completions.push(token, result);
    }

    fn cancel(&mut self, _: WakeToken) {}
}

/// Runs a definition; returns its spans, and what its calls went out under.
fn run(definition: &str, input: &str) -> (Vec<Span>, Vec<TraceParent>) {
    let parsed = parse_as(definition, "test", MachineType::Express);
    let machine = parsed.machine.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
    let world = World::express("us-east-1", "111111111111", "m", "role");
    let image = compile(&machine, Source { file: "test", text: definition }, world);
    let loaded = Loaded::from(image.expect("compiles"));
    let completions = Completions::default();
    let sent = Rc::default();
    let calls = Answers { completions: completions.clone(), sent: Rc::clone(&sent) };
    let spans = Spans::Sampled(Sampling::per_million(1_000_000));
    let limits = Limits { spans, ..Limits::default() };
    let mut shard = VirtualShard::new(loaded, limits, calls, completions);
    shard.start(0, "e", input.as_bytes());
    shard.run();
    let ended = shard.sink.ended.pop().expect("it ends");
    let trace = Trace { recorded: true, ..Trace::default() };
    let cards = cards();
    let spans = story::spans(&cards.machines[0], &cards.pipelines[0], &settled(&ended, &trace));
    (spans, sent.take())
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::String(text) => Some(text.clone()),
        Value::Int(int) => Some(int.to_string()),
    }
}

/// The spans as a tree: children behind their parents, by their start; failures with their error.
fn tree(spans: &[Span]) -> String {
    fn push(spans: &[Span], parent: &[u8], depth: usize, out: &mut Vec<String>) {
        for span in spans.iter().filter(|span| span.parent_span_id == parent) {
            let index = attribute(span, "expressway.map.index").map(|index| format!("[{index}]"));
            let error = attribute(span, "error.type").map(|error| format!(" !{error}"));
            let failed =
                span.status.as_ref().is_some_and(|status| status.code == SpanStatus::Error as i32);
            assert_eq!(failed, error.is_some(), "{span:?}");
            out.push(format!(
                "{}{}{}{}",
                "  ".repeat(depth),
                span.name,
                index.unwrap_or_default(),
                error.unwrap_or_default()
            ));
            push(spans, &span.span_id, depth + 1, out);
        }
    }
    let mut out = Vec::new();
    push(spans, &[], 0, &mut out);
    assert_eq!(out.len(), spans.len(), "a span hangs in the air");
    out.join("\n")
}

#[test]
fn retries_are_calls_of_one_state_and_a_caught_error_is_no_failure_of_it() {
    let (spans, sent) = run(
        r#"{"StartAt": "Ask", "States": {
            "Ask": {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Parameters": "no",
                "Retry": [{"ErrorEquals": ["Refused"], "MaxAttempts": 1}],
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}], "End": true},
            "Tell": {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": true}}}"#,
        "{}",
    );
    let expected = "\
process in
  Ask
    http:invoke Ask !Refused
    http:invoke Ask !Refused
  Tell
    http:invoke Tell";
    assert_eq!(tree(&spans), expected);
    let calls: Vec<_> = spans.iter().filter(|span| span.kind == SpanKind::Client as i32).collect();
    let attempts: Vec<_> =
        calls.iter().map(|call| attribute(call, "expressway.task.attempt").unwrap()).collect();
    assert_eq!(attempts, ["0", "1", "0"]);
    assert_eq!(calls[0].status.as_ref().unwrap().message, "said no");
    // Whoever was called has the call's span as its parent, and the trace's id is in the ARN.
    let under: Vec<_> = sent.iter().map(|parent| parent.span_id().to_vec()).collect();
    assert_eq!(under, calls.iter().map(|call| call.span_id.clone()).collect::<Vec<_>>());
    assert!(sent.iter().all(|parent| parent.trace_id() == SUFFIX.0 && parent.is_sampled()));
    // A second passes before the retry: times are those of the shard.
    let apart = calls[1].start_time_unix_nano - calls[0].end_time_unix_nano;
    assert_eq!(apart, 1_000_000_000);
    let whole = &spans[0];
    assert_eq!(whole.start_time_unix_nano, 1_000_000_000);
    assert!(spans.iter().all(|span| span.end_time_unix_nano <= whole.end_time_unix_nano));
}

#[test]
fn branches_and_iterations_hang_below_their_state() {
    let (spans, _) = run(
        r#"{"StartAt": "Fan", "States": {
            "Fan": {"Type": "Parallel", "Next": "Each", "ResultPath": null, "Branches": [
                {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}}},
                {"StartAt": "C", "States": {"C": {"Type": "Wait", "Seconds": 1, "End": true}}}]},
            "Each": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 1, "Next": "End",
                "ItemProcessor": {"StartAt": "P", "States": {
                    "P": {"Type": "Pass", "Next": "Call"},
                    "Call": {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": true}}}},
            "End": {"Type": "Pass", "End": true}}}"#,
        r#"{"items": [1, 2]}"#,
    );
    let expected = "\
process in
  Fan
    A
    B
    C
  Each
    P[0]
    Call[0]
      http:invoke Call[0]
    P[1]
    Call[1]
      http:invoke Call[1]
  End";
    assert_eq!(tree(&spans), expected);
}

#[test]
fn what_a_failure_leaves_open_ends_as_failed() {
    let branches = r#""Branches": [
        {"StartAt": "Bad", "States": {"Bad": {"Type": "Task", "Parameters": "no",
            "Resource": "arn:aws:states:::http:invoke", "End": true}}},
        {"StartAt": "Slow", "States": {"Slow": {"Type": "Wait", "Seconds": 60, "End": true}}}]"#;
    let fan = |more: &str| {
        format!(
            r#"{{"StartAt": "Fan", "States": {{"Fan": {{"Type": "Parallel", "End": true, {branches}{more}}},
                "Sorry": {{"Type": "Pass", "End": true}}}}}}"#
        )
    };
    let catch = r#", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}]"#;
    let (spans, _) = run(&fan(catch), "{}");
    let expected = "\
process in
  Fan
    Bad !Refused
      http:invoke Bad !Refused
    Slow !aborted
  Sorry";
    assert_eq!(tree(&spans), expected);

    let retry = r#", "Retry": [{"ErrorEquals": ["Refused"], "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["Other"], "Next": "Sorry"}]"#;
    let (spans, _) = run(&fan(retry), "{}");
    let expected = "\
process in !Refused
  Fan !Refused
    Bad !Refused
      http:invoke Bad !Refused
    Slow !aborted
    Bad !Refused
      http:invoke Bad !Refused
    Slow !aborted";
    assert_eq!(tree(&spans), expected);
    assert_eq!(spans[0].status.as_ref().unwrap().message, "said no");
    assert_eq!(attribute(&spans[0], "expressway.execution.status").unwrap(), "FAILED");
}

#[test]
fn a_map_of_thousands_is_told_in_part() {
    let items: Vec<_> = (0..2_000).collect();
    let (spans, _) = run(
        r#"{"StartAt": "Each", "States": {
            "Each": {"Type": "Map", "Next": "End", "ResultPath": null,
                "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}},
            "End": {"Type": "Pass", "End": true}}}"#,
        &format!("{items:?}"),
    );
    assert_eq!(spans.len(), 1 + story::NODES_MAX);
    // The Map itself is told, 999 of 2,000 states in it, and not the one behind it.
    assert_eq!(attribute(&spans[0], "expressway.spans_left_out").unwrap(), "1002");
    let each = &spans[1];
    assert_eq!((each.name.as_str(), each.status.as_ref()), ("Each", None));
}

/// An execution that does not tell its spans, one that does in its own trace, and one in another's.
#[test]
fn the_span_of_an_execution_says_where_it_comes_from() {
    let ended = Ended {
        offset: 0,
        status: Status::Succeeded,
        output: String::new(),
        error: None,
        cause: None,
        stopped_ms: 0,
        duration_ns: 1_500,
        transitions: 4,
        metered_data_bytes: 0,
        history: Vec::new(),
        events_left_out: 2,
    };
    let cards = cards();
    let spans = |trace: &Trace| {
        story::spans(&cards.machines[0], &cards.pipelines[0], &settled(&ended, trace))
    };
    assert_eq!(spans(&NO_TRACE), []);
    let parent = TraceParent::parse(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03");
    let trace = Trace { parent, state: Some("v=1".into()), recorded: true };
    let [span] = &spans(&trace)[..] else { panic!("one span") };
    assert_eq!(span.trace_id, parent.unwrap().trace_id());
    assert_eq!(span.parent_span_id, parent.unwrap().span_id());
    assert_eq!((span.trace_state.as_str(), span.flags), ("v=1", 0x303));
    assert_eq!(span.end_time_unix_nano - span.start_time_unix_nano, 1_500);
    assert_eq!((span.kind, span.status.as_ref()), (SpanKind::Consumer as i32, None));
    for (key, value) in [
        ("messaging.system", "kafka"),
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", "in"),
        ("messaging.destination.partition.id", "2"),
        ("messaging.kafka.offset", "5"),
        ("messaging.consumer.group.name", "g"),
        ("aws.step_functions.state_machine.arn", "arn:aws:states:r:1:stateMachine:m"),
        ("expressway.state_machine.name", "m"),
        ("expressway.state_machine.version", "3"),
        ("expressway.state_machine.revision", "rev"),
        ("expressway.execution.arn", &format!("arn:aws:states:r:1:express:m:e:{SUFFIX}")),
        ("expressway.execution.status", "SUCCEEDED"),
        ("expressway.pipeline", "p"),
        ("expressway.transitions", "4"),
        ("expressway.events_left_out", "2"),
    ] {
        assert_eq!(attribute(span, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(attribute(span, "error.type"), None);
}

/// What a collector has received, and how it answers: each request by the next of these, then 200.
#[derive(Default)]
struct Script {
    answers: Vec<HttpResponse>,
    received: Vec<ExportTraceServiceRequest>,
}

/// A collector on loopback, which ends with the test.
struct Collector {
    script: Arc<Mutex<Script>>,
    address: std::net::SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    fn start(answers: Vec<HttpResponse>) -> Self {
        let script = Arc::new(Mutex::new(Script { answers, received: Vec::new() }));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&script);
        let take = move |body: Bytes| {
            let mut script = shared.lock().unwrap();
            script.received.push(ExportTraceServiceRequest::decode(body).unwrap());
            let next = (!script.answers.is_empty()).then(|| script.answers.remove(0));
            std::future::ready(next.unwrap_or_else(|| StatusCode::OK.into_response()))
        };
        let routes = Router::new().route("/v1/traces", axum::routing::post(take));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = move || {
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let server = axum::serve(listener, routes);
                tokio::select! {
                    _ = server.into_future() => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("collector".to_owned()).spawn(serve);
        Self { script, address, stop: Some(stop), thread: Some(thread.unwrap()) }
    }

    fn options(&self) -> Options {
        options(&format!("http://{}", self.address))
    }

    /// Numbers of spans by request.
    fn received(&self) -> Vec<usize> {
        let script = self.script.lock().unwrap();
        let spans = |request: &ExportTraceServiceRequest| {
            request.resource_spans[0].scope_spans[0].spans.len()
        };
        script.received.iter().map(spans).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic there was reported by its own thread.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn options(endpoint: &str) -> Options {
    Options {
        endpoint: endpoint.parse().unwrap(),
        resource: vec![("service.name".to_owned(), "s".to_owned())],
        timeout: Duration::from_secs(20),
        delay: Duration::from_mins(10),
        queue_bytes: 1 << 20,
    }
}

/// Tells this many executions without events, and one that tells no spans.
fn tell(recorder: &Recorder, executions: usize) {
    let ended = Ended {
        offset: 0,
        status: Status::Succeeded,
        output: String::new(),
        error: None,
        cause: None,
        stopped_ms: 0,
        duration_ns: 0,
        transitions: 0,
        metered_data_bytes: 0,
        history: Vec::new(),
        events_left_out: 0,
    };
    let trace = Trace { recorded: true, ..Trace::default() };
    let one = settled(&ended, &trace);
    (0..executions).for_each(|_| recorder.settled(&one));
    recorder.settled(&Settled { trace: &NO_TRACE, ..one });
}

/// Tells this many executions, stops, and returns what became of their spans.
fn export(options: Options, executions: usize, limit: Duration) -> [u64; 3] {
    let counts = SharedCounts::default();
    let exporter = Exporter::start(options, cards(), counts.clone()).unwrap();
    let recorder = exporter.recorder();
    tell(&recorder, executions);
    let began = Instant::now();
    exporter.stop(limit);
    assert!(began.elapsed() < limit + Duration::from_secs(10), "{:?}", began.elapsed());
    counts.get()
}

const LONG: Duration = Duration::from_secs(20);

fn retry_after(status: u16, seconds: &'static str) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap();
    (status, [("retry-after", seconds)]).into_response()
}

#[test]
fn what_waits_is_sent_at_the_end_and_again_where_the_collector_was_busy() {
    let collector = Collector::start(vec![retry_after(503, "0")]);
    assert_eq!(export(collector.options(), 3, LONG), [3, 0, 0]);
    assert_eq!(collector.received(), [3, 3]);
    let script = collector.script.lock().unwrap();
    let resource = &script.received[1].resource_spans[0];
    let attributes = &resource.resource.as_ref().unwrap().attributes;
    assert_eq!(attributes[0].key, "service.name");
    assert_eq!(resource.scope_spans[0].scope.as_ref().unwrap().name, "expressway");
}

#[test]
fn a_busy_collector_is_asked_again_after_the_time_that_it_wants() {
    let busy = vec![retry_after(429, "1"), StatusCode::BAD_GATEWAY.into_response()];
    let collector = Collector::start(busy);
    let counts = SharedCounts::default();
    let options = Options { delay: Duration::ZERO, ..collector.options() };
    let exporter = Exporter::start(options, cards(), counts.clone()).unwrap();
    let began = Instant::now();
    tell(&exporter.recorder(), 1);
    while counts.get() != [1, 0, 0] {
        assert!(began.elapsed() < LONG, "{:?}", counts.get());
        std::thread::sleep(Duration::from_millis(10));
    }
    // A second as it says, then at least half of the first pause of ours.
    assert!(began.elapsed() >= Duration::from_millis(1_250), "{:?}", began.elapsed());
    assert_eq!(collector.received(), [1, 1, 1]);
    exporter.stop(LONG);
}

#[test]
fn what_the_collector_refuses_is_not_sent_again() {
    let collector = Collector::start(vec![StatusCode::BAD_REQUEST.into_response()]);
    assert_eq!(export(collector.options(), 3, LONG), [0, 3, 0]);
    assert_eq!(collector.received(), [3]);
    let message = PartialSuccess { rejected_spans: 2, error_message: "too old".to_owned() };
    let body = Response { partial_success: Some(message) }.encode_to_vec();
    let collector = Collector::start(vec![body.into_response()]);
    assert_eq!(export(collector.options(), 3, LONG), [1, 0, 2]);
}

#[test]
fn what_is_told_too_fast_is_dropped_and_counted() {
    let collector = Collector::start(vec![]);
    let options = Options { queue_bytes: 2_000, ..collector.options() };
    let [exported, dropped, rejected] = export(options, 100, LONG);
    assert_eq!((exported + dropped, rejected), (100, 0));
    assert!(exported > 0 && dropped >= 90, "{exported} {dropped}");
}

#[test]
fn nobody_waits_longer_than_he_says_for_a_collector_that_says_nothing() {
    // Takes the connection and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    assert_eq!(export(options(&endpoint), 3, Duration::from_millis(100)), [0, 3, 0]);
    // Nobody is there at all.
    drop(silent);
    assert_eq!(export(options(&endpoint), 3, LONG), [0, 3, 0]);
}

#[test]
fn full_batches_go_without_waiting() {
    let collector = Collector::start(vec![]);
    let options = Options { queue_bytes: 64 << 20, ..collector.options() };
    assert_eq!(export(options, 5_000, LONG), [5_000, 0, 0]);
    let received = collector.received();
    assert!(received.len() >= 3 && received.iter().sum::<usize>() == 5_000, "{received:?}");
}
