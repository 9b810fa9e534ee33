//! One request to the collector, and what its answer means.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use prost::Message as _;

use super::Endpoint;
use super::message::Response;

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Taken, but for so many spans.
    Taken { rejected: u64, message: String },
    /// Not now: try again, not before the time that the collector asks for.
    Later { after: Option<Duration>, why: String },
    /// Refused for good.
    Refused { why: String },
}

/// The client; lives on the exporter's runtime.
pub(super) struct Client {
    http: HyperClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: Endpoint,
}

impl Client {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let http = HyperClient::builder(TokioExecutor::new())
            .pool_max_idle_per_host(1)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self { http, endpoint }
    }

    /// Sends one `ExportTraceServiceRequest`; the caller has the deadline.
    pub(super) async fn send(&self, body: Bytes) -> Answer {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.uri().clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.extend(self.endpoint.headers().clone());
        // Whatever failed on the way may work the next time.
        let later = |why: String| Answer::Later { after: None, why };
        let response = match self.http.request(request).await {
            Ok(response) => response,
            Err(error) => return later(chain(&error)),
        };
        let (parts, body) = response.into_parts();
        let body = match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return later(error.to_string()),
        };
        judge(parts.status, &parts.headers, &body)
    }
}

/// OTLP: 429, 502, 503 and 504 may be tried again, everything else may not.
fn judge(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Answer {
    if status.is_success() {
        // An answer that is none is a success all the same: the spans were taken.
        let response = Response::decode(body.clone()).unwrap_or_default();
        let partial = response.partial_success.unwrap_or_default();
        let rejected = u64::try_from(partial.rejected_spans).unwrap_or(0);
        return Answer::Taken { rejected, message: partial.error_message };
    }
    let why = format!("the collector answered {status}");
    if matches!(status.as_u16(), 429 | 502 | 503 | 504) {
        let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        // A date is not understood, and waited for as if there were none. A number that does not fit
        // is like a date: not understood.
        let after = after.and_then(|text| text.trim().parse::<u32>().ok());
        let after = after.map(|seconds| Duration::from_secs(seconds.into()));
        return Answer::Later { after, why };
    }
    Answer::Refused { why }
}

/// The whole chain: "connection refused" stands at its end.
fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

const AGENT: &str = concat!("expressway/", env!("CARGO_PKG_VERSION"));
/// The answer has a count and a message.
const ANSWER_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::super::message::PartialSuccess;
    use super::*;

    #[test]
    fn answers_mean_what_the_protocol_says() {
        let answer = |status: u16, after: Option<&'static str>, body: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.extend(after.map(|text| (RETRY_AFTER, HeaderValue::from_static(text))));
            let status = StatusCode::from_u16(status).unwrap();
            judge(status, &headers, &Bytes::copy_from_slice(body))
        };
        let taken =
            |rejected, message: &str| Answer::Taken { rejected, message: message.to_owned() };
        assert_eq!(answer(200, None, b""), taken(0, ""));
        assert_eq!(answer(202, None, b"\xff no protobuf"), taken(0, ""));
        let partial = PartialSuccess { rejected_spans: 2, error_message: "old".to_owned() };
        let body = Response { partial_success: Some(partial) }.encode_to_vec();
        assert_eq!(answer(200, None, &body), taken(2, "old"));
        let after = |answer| match answer {
            Answer::Later { after, .. } => after.map(|after: Duration| after.as_secs()),
            other => panic!("{other:?}"),
        };
        assert_eq!(after(answer(429, Some("7"), b"")), Some(7));
        assert_eq!(after(answer(503, Some("Fri, 31 Dec 1999 23:59:59 GMT"), b"")), None);
        assert_eq!(after(answer(503, Some("18446744073709551615"), b"")), None);
        assert_eq!([502, 504].map(|status| after(answer(status, None, b""))), [None, None]);
        for status in [400, 401, 404, 413, 500, 501, 301] {
            assert!(matches!(answer(status, Some("1"), b""), Answer::Refused { .. }), "{status}");
        }
    }
}
