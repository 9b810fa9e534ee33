//! HTTP calls against a real server on loopback.

use std::future::Future;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Instant;

use serde_json::{Value, json};

use super::*;
use crate::base::ids::MachineIdx;
use crate::base::tally::{self, TaskReader};
use crate::task::echo::EchoServer;

/// Every wait in these tests ends here at the latest.
const DEADLINE: Duration = Duration::from_secs(20);

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    runtime.block_on(async { tokio::time::timeout(DEADLINE, test).await.unwrap() })
}

fn tasks(options: Options) -> (HttpTasks, Completions) {
    let (tasks, completions, _) = counted(options);
    (tasks, completions)
}

fn counted(options: Options) -> (HttpTasks, Completions, TaskReader) {
    let (tally, reader) = tally::tasks(1);
    let completions = Completions::default();
    let options = Options { allow: Allow::new(["127.0.0.1"]).unwrap(), ..options };
    let tasks = HttpTasks::new(options, completions.clone(), tally);
    (tasks, completions, reader)
}

fn token(index: u32) -> WakeToken {
    WakeToken { index, generation: 1 }
}

fn get(address: SocketAddr, path: &str) -> Value {
    json!({"ApiEndpoint": format!("http://{address}{path}"), "Method": "GET"})
}

fn request(input: &Value) -> CallRequest {
    CallRequest {
        machine: MachineIdx(0),
        state: "Call".into(),
        resource: "arn:aws:states:::http:invoke".into(),
        input: input.to_string().into_bytes(),
        timeout_ms: None,
        attempt: 0,
        traceparent: None,
        tracestate: None,
    }
}

async fn next(completions: &Completions) -> (WakeToken, CallResult) {
    loop {
        if let Some(finished) = completions.pop() {
            return finished;
        }
        completions.arrived().await;
    }
}

async fn one(options: Options, input: Value) -> CallResult {
    let (tasks, completions) = tasks(options);
    tasks.call(token(0), request(&input));
    let (_, result) = next(&completions).await;
    assert_eq!(tasks.running(), 0);
    result
}

fn failure(result: CallResult) -> (String, String) {
    match result {
        CallResult::Failed { error, cause } => (error.into(), cause.unwrap_or_default().into()),
        CallResult::Returned(bytes) => panic!("{}", String::from_utf8_lossy(&bytes)),
    }
}

/// Answers one connection with these bytes and closes it.
fn canned(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::Builder::new()
        .name("canned".to_owned())
        .spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(answer);
        })
        .unwrap();
    address
}

#[test]
fn a_response_comes_in_the_envelope_of_aws() {
    let server = EchoServer::start().unwrap();
    let result = run(one(
        Options::default(),
        json!({
            "ApiEndpoint": format!("http://{}/orders", server.address()),
            "Method": "POST",
            "Headers": {"X-Order": "7"},
            "QueryParameters": {"q": "a b"},
            "RequestBody": {"id": 7},
        }),
    ));
    let CallResult::Returned(bytes) = result else {
        panic!("{result:?}");
    };
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(value["StatusCode"], 200);
    assert_eq!(value["StatusText"], "OK");
    assert_eq!(value["Headers"]["content-type"], json!(["application/json"]));
    let body = &value["ResponseBody"];
    assert_eq!(body["method"], "POST");
    assert_eq!(body["path"], "/orders");
    assert_eq!(body["query"], "q=a%20b");
    assert_eq!(body["body"], json!({"id": 7}));
    assert_eq!(body["headers"]["x-order"], "7");
    assert_eq!(body["headers"]["host"], server.address().to_string());
    let keys: Vec<_> = value.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["Headers", "ResponseBody", "StatusCode", "StatusText"]);
}

#[test]
fn the_body_of_the_service_keeps_its_bytes() {
    let address = canned(
        b"HTTP/1.1 200 Fine\r\ncontent-length: 22\r\nx-a: 1\r\nx-a: 2\r\n\r\n {\"b\":1.50, \"a\":1e400}",
    );
    let result = run(one(Options::default(), get(address, "/")));
    let CallResult::Returned(bytes) = result else {
        panic!("{result:?}");
    };
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("\"ResponseBody\":{\"b\":1.50, \"a\":1e400},"), "{text}");
    assert!(text.contains("\"x-a\":[\"1\",\"2\"]"), "{text}");
}

#[test]
fn a_status_that_is_no_success_is_an_error_with_the_body_as_cause() {
    let server = EchoServer::start().unwrap();
    for status in [301, 404, 500] {
        let input = get(server.address(), &format!("/?status={status}&bytes=3"));
        let (error, cause) = failure(run(one(Options::default(), input)));
        assert_eq!(error, format!("States.Http.StatusCode.{status}"));
        assert_eq!(cause, "xxx");
    }
}

#[test]
fn a_slow_server_is_a_socket_error() {
    let server = EchoServer::start().unwrap();
    let options = Options { timeout: Duration::from_millis(50), ..Options::default() };
    let started = Instant::now();
    let input = get(server.address(), "/?delay_ms=60000");
    let (error, cause) = failure(run(one(options, input)));
    assert_eq!(error, "States.Http.Socket");
    assert_eq!(cause, "No response within 50 ms.");
    assert!(started.elapsed() < DEADLINE);
}

#[test]
fn a_refused_connection_is_a_socket_error_that_says_so() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let (error, cause) = failure(run(one(Options::default(), get(address, "/"))));
    assert_eq!(error, "States.Http.Socket");
    assert!(cause.contains("Connection refused"), "{cause}");
}

#[test]
fn a_connection_that_ends_early_is_a_socket_error() {
    let address = canned(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort");
    let (error, _) = failure(run(one(Options::default(), get(address, "/"))));
    assert_eq!(error, "States.Http.Socket");
}

#[test]
fn a_host_that_is_not_allowed_is_never_called() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let input = json!({
        "ApiEndpoint": format!("http://localhost:{}/", address.port()), "Method": "GET",
    });
    let (error, cause) = failure(run(one(Options::default(), input)));
    assert_eq!(error, "States.Permissions");
    assert!(cause.contains("task.http.allow"), "{cause}");
    assert!(listener.accept().is_err(), "a connection was made");
}

#[test]
fn a_body_over_the_payload_limit_is_refused() {
    let server = EchoServer::start().unwrap();
    for path in ["/?bytes=262145", "/?bytes=262144"] {
        let (error, _) = failure(run(one(Options::default(), get(server.address(), path))));
        assert_eq!(error, "States.DataLimitExceeded");
    }
    let endless = canned(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n80000000\r\nshort");
    let (error, _) = failure(run(one(Options::default(), get(endless, "/"))));
    assert_eq!(error, "States.Http.Socket");
}

#[test]
fn a_body_that_is_no_text_is_a_runtime_error() {
    for answer in [
        b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 1\r\n\r\nx".as_slice(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n\xff",
    ] {
        let (error, _) = failure(run(one(Options::default(), get(canned(answer), "/"))));
        assert_eq!(error, "States.Runtime");
    }
}

#[test]
fn calls_beyond_the_bound_wait_in_order() {
    let server = EchoServer::start().unwrap();
    let options = Options { calls_max: 1, waiting_max: 2, ..Options::default() };
    run(async {
        let (tasks, completions) = tasks(options);
        for index in 0..3 {
            tasks.call(token(index), request(&get(server.address(), "/")));
        }
        assert_eq!((tasks.running(), tasks.waiting()), (1, 2));
        tasks.call(token(9), request(&get(server.address(), "/")));
        let (refused, result) = next(&completions).await;
        assert_eq!((refused, failure(result).0.as_str()), (token(9), "States.TaskFailed"));
        for index in 0..3 {
            assert_eq!(next(&completions).await.0, token(index));
        }
        assert_eq!((tasks.running(), tasks.waiting()), (0, 0));
    });
}

#[test]
fn a_cancelled_call_never_answers_and_gives_its_place_on() {
    let server = EchoServer::start().unwrap();
    let options = Options { calls_max: 1, ..Options::default() };
    run(async {
        let (tasks, completions, counts) = counted(options);
        let slow = get(server.address(), "/?delay_ms=60000");
        tasks.call(token(0), request(&slow));
        tasks.call(token(1), request(&slow));
        tasks.call(token(2), request(&get(server.address(), "/")));
        tasks.cancel(token(1));
        tasks.cancel(token(77));
        assert_eq!((tasks.running(), tasks.waiting()), (1, 1));
        assert_eq!(counts.throttled(MachineIdx(0)), 2);
        tasks.cancel(token(0));
        assert_eq!((tasks.running(), tasks.waiting()), (1, 0));
        let (woken, result) = next(&completions).await;
        assert_eq!(woken, token(2));
        assert!(matches!(result, CallResult::Returned(_)), "{result:?}");
        assert!(completions.is_empty());
        assert_eq!(tasks.running(), 0);
        let counts = counts.resource(Resource::HttpInvoke);
        assert_eq!((counts.scheduled, counts.started), (3, 2));
        assert_eq!(counts.finished, [1, 0, 0, 1]);
    });
}

#[test]
fn host_names_are_resolved() {
    let server = EchoServer::start().unwrap();
    let completions = Completions::default();
    let options = Options { allow: Allow::new(["localhost"]).unwrap(), ..Options::default() };
    let result = run(async {
        let tasks = HttpTasks::new(options, completions.clone(), tally::tasks(1).0);
        let input = json!({
            "ApiEndpoint": format!("http://localhost:{}/", server.address().port()),
            "Method": "GET",
        });
        tasks.call(token(0), request(&input));
        next(&completions).await.1
    });
    assert!(matches!(result, CallResult::Returned(_)), "{result:?}");
}

#[test]
fn connections_are_active_while_their_call_is_under_way() {
    let server = EchoServer::start().unwrap();
    run(async {
        let (tasks, completions, counts) = counted(Options::default());
        let connections = || counts.resource(Resource::HttpInvoke).connections;
        assert_eq!(connections(), [0, 0]);
        let slow = request(&get(server.address(), "/?delay_ms=60000"));
        tasks.call(token(0), slow);
        while connections() != [0, 1] {
            tokio::task::yield_now().await;
        }
        tasks.call(token(1), request(&get(server.address(), "/")));
        next(&completions).await;
        assert_eq!(connections(), [1, 1]);
        // The idle one serves the next call, too.
        tasks.call(token(2), request(&get(server.address(), "/")));
        next(&completions).await;
        assert_eq!(connections(), [1, 1]);
        // Nobody can use a connection whose answer is still to come.
        tasks.cancel(token(0));
        while connections() != [1, 0] {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn many_calls_share_connections() {
    let server = EchoServer::start().unwrap();
    run(async {
        let (tasks, completions) = tasks(Options::default());
        for index in 0..200 {
            tasks.call(token(index), request(&get(server.address(), "/")));
        }
        let mut woken = std::collections::BTreeSet::new();
        while woken.len() < 200 {
            let (token, result) = next(&completions).await;
            assert!(matches!(result, CallResult::Returned(_)), "{result:?}");
            assert!(woken.insert(token.index), "{token:?} answered twice");
        }
    });
}
