//! One request and its response.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::value::RawValue;

use super::connector::Counting;
use super::request::Prepared;
use super::{Options, TIMEOUT_MAX};
use crate::base::limits::PAYLOAD_BYTES_MAX;
use crate::base::tally::{Attempted, Connection, Connections};
use crate::shard::CallResult;
use crate::task::failed;

/// The client; its connections are driven by the runtime of the shard that calls it.
#[derive(Debug)]
pub(super) struct Exchange {
    client: Client<Counting<HttpsConnector<HttpConnector>>, Full<Bytes>>,
    timeout: Duration,
}

impl Exchange {
    pub(super) fn new(options: &Options, connections: Connections) -> Self {
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(options.idle_connections_per_host)
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_timer(TokioTimer::new())
            .build(Counting::new(connector, connections));
        Self { client, timeout: options.timeout.min(TIMEOUT_MAX) }
    }

    pub(super) async fn run(&self, prepared: Prepared) -> (CallResult, Attempted) {
        match tokio::time::timeout(self.timeout, self.attempt(prepared)).await {
            Ok(Ok(result)) => (result, Attempted::Succeeded),
            Ok(Err(result)) => (result, Attempted::Failed),
            Err(_elapsed) => {
                let cause = format!("No response within {} ms.", self.timeout.as_millis());
                (failed("States.Http.Socket", cause), Attempted::TimedOut)
            }
        }
    }

    async fn attempt(&self, prepared: Prepared) -> Result<CallResult, CallResult> {
        let mut request = Request::new(Full::new(prepared.body));
        *request.method_mut() = prepared.method;
        *request.uri_mut() = prepared.uri;
        *request.headers_mut() = prepared.headers;
        let response = self.client.request(request).await.map_err(|error| socket(&error))?;
        let (parts, body) = response.into_parts();
        let body = read(body).await?;
        // Read to its end, so that another call may have it; one that is not is closed.
        if let Some(connection) = parts.extensions.get::<Connection>() {
            connection.set_active(false);
        }
        if parts.status.is_success() {
            envelope(parts.status, &parts.headers, &body)
        } else {
            Err(refused(parts.status, &body))
        }
    }
}

/// Reads a body up to the payload limit.
async fn read(mut body: Incoming) -> Result<Bytes, CallResult> {
    if body.size_hint().lower() > PAYLOAD_BYTES_MAX as u64 {
        return Err(too_large());
    }
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| socket(&error))?;
        if let Some(data) = frame.data_ref() {
            if read.len() + data.len() > PAYLOAD_BYTES_MAX {
                return Err(too_large());
            }
            read.extend_from_slice(data);
        }
    }
    Ok(read.freeze())
}

/// `{"Headers":{name:[values]},"ResponseBody":…,"StatusCode":n,"StatusText":"…"}`.
fn envelope(
    status: StatusCode,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<CallResult, CallResult> {
    let undecodable = |what: &str| {
        failed("States.Runtime", format!("The response body cannot be decoded: {what}."))
    };
    if let Some(kind) = binary_type(headers) {
        return Err(undecodable(&format!("its content type is {kind}")));
    }
    let text = std::str::from_utf8(body).map_err(|_| undecodable("it is not UTF-8"))?;
    let mut out = Vec::with_capacity(body.len() + ENVELOPE_BYTES);
    out.extend_from_slice(b"{\"Headers\":{");
    for (index, name) in headers.keys().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_json(&mut out, name.as_str());
        out.extend_from_slice(b":[");
        for (index, value) in headers.get_all(name).iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_json(&mut out, &String::from_utf8_lossy(value.as_bytes()));
        }
        out.push(b']');
    }
    out.extend_from_slice(b"},\"ResponseBody\":");
    // Raw: the numbers and the key order of the service stay as they are.
    match serde_json::from_str::<&RawValue>(text) {
        Ok(json) => out.extend_from_slice(json.get().as_bytes()),
        Err(_) => write_json(&mut out, text),
    }
    out.extend_from_slice(b",\"StatusCode\":");
    out.extend_from_slice(status.as_str().as_bytes());
    out.extend_from_slice(b",\"StatusText\":");
    write_json(&mut out, status.canonical_reason().unwrap_or_default());
    out.push(b'}');
    if out.len() > PAYLOAD_BYTES_MAX {
        return Err(too_large());
    }
    Ok(CallResult::Returned(out))
}

/// Content types of which AWS makes no text.
fn binary_type(headers: &HeaderMap) -> Option<&str> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let lower = kind.trim_start().to_ascii_lowercase();
    ["application/octet-stream", "image/", "video/", "audio/"]
        .iter()
        .any(|prefix| lower.starts_with(prefix))
        .then_some(kind)
}

fn write_json(out: &mut Vec<u8>, text: &str) {
    // A text always has a JSON form, and a Vec always takes it.
    let _ = serde_json::to_writer(out, text);
}

fn refused(status: StatusCode, body: &Bytes) -> CallResult {
    let cause: String = String::from_utf8_lossy(body).chars().take(CAUSE_CHARS_MAX).collect();
    failed(&format!("States.Http.StatusCode.{}", status.as_str()), cause)
}

/// The whole chain: "connection refused" stands at its end.
fn socket(error: &dyn std::error::Error) -> CallResult {
    let mut cause = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        cause.push_str(": ");
        cause.push_str(&error.to_string());
        source = error.source();
    }
    failed("States.Http.Socket", cause)
}

fn too_large() -> CallResult {
    failed(
        "States.DataLimitExceeded",
        "The state/task 'http' returned a result with a size exceeding the maximum number of bytes \
         service limit.",
    )
}

/// Shorter than the idle limits of common servers, so that a reused connection is rarely a dead one.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);

/// Room for the envelope around a body with a usual set of headers.
const ENVELOPE_BYTES: usize = 512;

/// AWS: a cause has at most 32,768 characters.
const CAUSE_CHARS_MAX: usize = 32_768;
