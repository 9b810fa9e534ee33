//! The spans of executions, as a collector receives them: read with the messages that OpenTelemetry
//! generates from its own definition.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use expressway::task::echo::EchoServer;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Attribute;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{Span, Status, status::StatusCode as SpanStatus};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::cluster::{Cluster, Record};
use crate::config::{Config, FAILURES, INPUT, RESULTS, TOPICS, directory, write};
use crate::instance::Instance;
use crate::support::within;

/// Calls in vain, then, without a second try, calls somebody else.
const DEFINITION: &str = r#"{"StartAt": "Ask", "States": {
    "Ask": {"Type": "Task", "Resource": "arn:aws:states:::http:invoke",
        "Parameters": {"ApiEndpoint.$": "$.busy", "Method": "GET"},
        "Catch": [{"ErrorEquals": ["States.Http.StatusCode.503"], "Next": "Call", "ResultPath": "$.e"}],
        "End": true},
    "Call": {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": true,
        "Parameters": {"ApiEndpoint.$": "$.endpoint", "Method": "GET"},
        "ResultSelector": {"headers.$": "$.ResponseBody.headers"}}}}"#;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const STATE: &str = "vendor=1,other=x";

/// A collector on loopback; the first request finds it busy.
struct Collector {
    received: Arc<Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    fn start() -> Self {
        let received: Arc<Mutex<Vec<_>>> = Arc::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&received);
        let take = move |headers: HeaderMap, body: Bytes| {
            let mut received = shared.lock().unwrap();
            received.push((headers, ExportTraceServiceRequest::decode(body).unwrap()));
            let busy = received.len() == 1;
            let status = if busy { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
            std::future::ready((status, [("retry-after", "0")]))
        };
        let routes = Router::new().route("/v1/traces", post(take));
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
        Self { received, address, stop: Some(stop), thread: Some(thread.unwrap()) }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic there was reported by its own thread.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

fn attributes(span: &Span) -> BTreeMap<&str, Value> {
    let value = |value: &Attribute| match value {
        Attribute::StringValue(text) => json!(text),
        Attribute::IntValue(int) => json!(int),
        other => panic!("{other:?}"),
    };
    let pairs = span.attributes.iter();
    pairs
        .map(|pair| {
            (pair.key.as_str(), value(pair.value.as_ref().unwrap().value.as_ref().unwrap()))
        })
        .collect()
}

/// Sends one event each of a trace that is recorded, of one that is not, of none, and one that
/// fails; runs the service over them until it ends in order.
fn run(cluster: &Cluster, echo: &EchoServer, collector: &Collector, per_million: u32) {
    let directory = directory();
    let definition = write(&directory, "ask.asl.json", DEFINITION);
    // Nothing is sent before the end, unless it has to be.
    let tables = format!(
        r#"
version = "7"
[traces]
per_million = {per_million}
[traces.otlp]
endpoint = "http://{}"
service_name = "orders-service"
delay = "10m"
headers = {{ "x-api-key" = "s3cret" }}
resource = {{ "deployment.environment.name" = "test" }}
[task.http]
allow = ["{}"]
"#,
        collector.address,
        echo.address()
    );
    let servers = cluster.servers();
    let mut config = Config::new(&servers, &definition);
    config.pipeline = &tables;
    let (busy, endpoint) =
        [("?status=503"), ""].map(|query| format!("http://{}/{query}", echo.address())).into();
    let event = json!({"busy": busy, "endpoint": endpoint}).to_string();
    let parent = |flags: &str| format!("00-{TRACE}-{PARENT}-{flags}").into_bytes();
    let (recorded, passed) = (parent("01"), parent("00"));
    for (key, value, headers) in [
        (
            "recorded",
            event.as_str(),
            &[("traceparent", recorded.as_slice()), ("tracestate", STATE.as_bytes())][..],
        ),
        ("passed", &event, &[("traceparent", &passed), ("tracestate", STATE.as_bytes())]),
        ("none", &event, &[("tracestate", STATE.as_bytes())]),
        ("fails", "{}", &[("traceparent", &recorded)]),
    ] {
        cluster.produce(INPUT, 1, Some(key.as_bytes()), Some(value.as_bytes()), headers);
    }
    cluster.flush();
    let mut service = Instance::start(&config.text());
    service.wait_ready();
    within(LIMIT, "all have ended", || {
        let finished = service.metric("expressway_executions_finished_total", "");
        (finished as usize == 4).then_some(())
    });
    service.signal("TERM");
    assert_eq!(service.wait_exit(LIMIT).code(), Some(0));
    assert_eq!(service.logged("spans were not delivered"), [] as [Value; 0]);
}

/// What the last call of each execution went out with, by the key of its event; and its ARN.
fn sent(cluster: &Cluster) -> BTreeMap<String, (Value, Value, String)> {
    let of = |record: &Record| {
        let result: Value = serde_json::from_str(record.text()).unwrap();
        let header = |name: &str| result["headers"][name].clone();
        let arn = record.header("execution-arn").unwrap().to_owned();
        let key = String::from_utf8(record.key.clone().unwrap()).unwrap();
        (key, (header("traceparent"), header("tracestate"), arn))
    };
    cluster.read(RESULTS, 2, 3).iter().map(of).collect()
}

#[test]
fn a_trace_goes_through_the_execution_and_its_calls() {
    let (echo, collector) = (EchoServer::start().unwrap(), Collector::start());
    let cluster = Cluster::new(TOPICS);
    run(&cluster, &echo, &collector, 1_000_000);

    let received = collector.received.lock().unwrap();
    assert_eq!(received.len(), 2, "one batch at the end, sent again since it was busy");
    assert_eq!(received[0].1, received[1].1);
    let (headers, request) = &received[1];
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(headers["x-api-key"], "s3cret");
    let [resource] = &request.resource_spans[..] else { panic!("{request:?}") };
    let of_resource = Span {
        attributes: resource.resource.as_ref().unwrap().attributes.clone(),
        ..Span::default()
    };
    let of_resource = attributes(&of_resource);
    assert_eq!(of_resource["service.name"], "orders-service");
    assert_eq!(of_resource["deployment.environment.name"], "test");
    let [scope] = &resource.scope_spans[..] else { panic!("{resource:?}") };
    assert_eq!(scope.scope.as_ref().unwrap().name, "expressway");

    let sent = sent(&cluster);
    let in_trace = |trace: &str| -> Vec<&Span> {
        scope.spans.iter().filter(|span| hex(&span.trace_id) == trace).collect()
    };
    // Of that trace there are two executions: one of seven spans, and one that fails early.
    let (traced, failed): (Vec<_>, Vec<_>) =
        in_trace(TRACE).into_iter().partition(|span| span.trace_state == STATE);
    let arn = &sent["recorded"].2;
    assert_tree(&traced, PARENT, arn, &sent["recorded"].0);
    assert_eq!(sent["recorded"].1, STATE);
    assert_failed(&failed, &cluster.read(FAILURES, 1, 1)[0]);

    // A trace that begins here has the end of the execution's ARN as its id.
    let arn = &sent["none"].2;
    let trace = arn.rsplit(':').next().unwrap().replace('-', "");
    assert_tree(&in_trace(&trace), "", arn, &sent["none"].0);
    assert_eq!(sent["none"].1, Value::Null, "without its parent it means nothing");

    // Who does not record has no spans here, and is passed on as he is.
    assert_eq!(sent["passed"].0, format!("00-{TRACE}-{PARENT}-00"));
    assert_eq!(sent["passed"].1, STATE);
    assert_eq!(scope.spans.len(), traced.len() + failed.len() + in_trace(&trace).len());
}

/// The execution, its two states, and the call of each; the last one is what `call` says.
fn assert_tree(spans: &[&Span], parent: &str, arn: &str, call: &Value) {
    let named = |name: &str| -> &Span {
        let mut found = spans.iter().filter(|span| span.name == name);
        let span = found.next().unwrap_or_else(|| panic!("no {name}: {spans:?}"));
        assert!(found.next().is_none(), "{name} twice");
        span
    };
    assert_eq!(spans.len(), 5);
    let whole = named("process in");
    assert_eq!((hex(&whole.parent_span_id).as_str(), whole.kind()), (parent, SpanKind::Consumer));
    assert_eq!(whole.status, None);
    let of_whole = attributes(whole);
    for (key, value) in [
        ("messaging.system", json!("kafka")),
        ("messaging.operation.name", json!("process")),
        ("messaging.operation.type", json!("process")),
        ("messaging.destination.name", json!(INPUT)),
        ("messaging.destination.partition.id", json!("1")),
        ("messaging.consumer.group.name", json!("g")),
        ("expressway.pipeline", json!("orders")),
        ("expressway.state_machine.name", json!("orders")),
        ("expressway.state_machine.version", json!("7")),
        ("expressway.execution.arn", json!(arn)),
        ("expressway.execution.status", json!("SUCCEEDED")),
        ("expressway.transitions", json!(2)),
    ] {
        assert_eq!(of_whole[key], value, "{key}");
    }
    assert!(of_whole["messaging.kafka.offset"].is_i64());

    let (ask, tried) = (named("Ask"), named("http:invoke Ask"));
    let (call_state, called) = (named("Call"), named("http:invoke Call"));
    for (child, parent, kind) in [
        (ask, whole, SpanKind::Internal),
        (tried, ask, SpanKind::Client),
        (call_state, whole, SpanKind::Internal),
        (called, call_state, SpanKind::Client),
    ] {
        assert_eq!(child.parent_span_id, parent.span_id, "{}", child.name);
        assert_eq!(child.kind(), kind, "{}", child.name);
        assert!(child.start_time_unix_nano >= parent.start_time_unix_nano, "{}", child.name);
        assert!(child.end_time_unix_nano >= child.start_time_unix_nano, "{}", child.name);
        assert!(child.end_time_unix_nano <= parent.end_time_unix_nano, "{}", child.name);
    }
    assert_eq!(attributes(tried)["error.type"], "States.Http.StatusCode.503");
    assert_eq!(tried.status.as_ref().map(Status::code), Some(SpanStatus::Error));
    assert_eq!((&ask.status, &called.status), (&None, &None));
    assert!(called.start_time_unix_nano >= tried.end_time_unix_nano);
    // What was called knows the call's span as its parent.
    let expected = format!("00-{}-{}-01", hex(&called.trace_id), hex(&called.span_id));
    assert_eq!(*call, expected);
}

fn assert_failed(spans: &[&Span], failure: &Record) {
    let whole = spans.iter().find(|span| span.name == "process in").unwrap();
    assert_eq!(hex(&whole.parent_span_id), PARENT);
    let status = whole.status.as_ref().unwrap();
    assert_eq!(status.code(), SpanStatus::Error);
    assert!(status.message.contains("$.busy"), "{}", status.message);
    let attributes = attributes(whole);
    assert_eq!(attributes["error.type"], failure.header("error").unwrap());
    assert_eq!(attributes["expressway.execution.arn"], failure.header("execution-arn").unwrap());
    assert_eq!(attributes["expressway.execution.status"], "FAILED");
    let state = spans.iter().find(|span| span.name == "Ask").unwrap();
    assert_eq!((&state.parent_span_id, spans.len()), (&whole.span_id, 2));
    assert_eq!(state.status.as_ref().map(Status::code), Some(SpanStatus::Error));
}

#[test]
fn the_rate_is_for_those_without_a_trace() {
    let (echo, collector) = (EchoServer::start().unwrap(), Collector::start());
    let cluster = Cluster::new(TOPICS);
    run(&cluster, &echo, &collector, 0);
    let received = collector.received.lock().unwrap();
    let spans = &received[1].1.resource_spans[0].scope_spans[0].spans;
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE), "{spans:?}");
    assert_eq!(spans.len(), 5 + 2);
    assert_eq!(sent(&cluster)["none"].0, Value::Null);
}

#[test]
fn a_collector_that_says_nothing_holds_up_neither_events_nor_the_end() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let cluster = Cluster::new(TOPICS);
    let definition = crate::config::shipped("passthrough.asl.json");
    let servers = cluster.servers();
    let tables = format!(
        "[traces]\nper_million = 1000000\n[traces.otlp]\nendpoint = \"http://{}\"\ndelay = \"0s\"\nqueue_bytes = 65536",
        silent.local_addr().unwrap()
    );
    let mut config = Config::new(&servers, &definition);
    config.pipeline = &tables;
    for _ in 0..EVENTS {
        cluster.produce(INPUT, 0, None, Some(b"{}"), &[]);
    }
    cluster.flush();
    let mut service = Instance::start(&config.text());
    service.wait_ready();
    within(LIMIT, "all have ended, and the queue has no room", || {
        let finished = service.metric("expressway_executions_finished_total", "") as usize;
        let dropped = service.metric("expressway_trace_spans_total", "dropped") as usize;
        (finished == EVENTS && dropped > 0).then_some(())
    });
    let exported = service.metric("expressway_trace_spans_total", "exported") as usize;
    assert_eq!((exported, cluster.read(RESULTS, 2, EVENTS).len()), (0, EVENTS));
    service.signal("TERM");
    let began = Instant::now();
    assert_eq!(service.wait_exit(LIMIT).code(), Some(0));
    assert!(began.elapsed() < LIMIT);
    assert!(!service.logged("spans were not delivered").is_empty());
}

const EVENTS: usize = 500;
const LIMIT: Duration = Duration::from_secs(20);
