//! From a task's effective input to an HTTP request, or to the reason why there is none.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RANGE, USER_AGENT};
use http::{HeaderMap, Method, Uri};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Options;
use crate::shard::{CallRequest, CallResult};
use crate::task::failed;

/// A request that may be sent.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The parameters; borrowed where they go out as they came in.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters<'a> {
    api_endpoint: Option<Value>,
    method: Option<Value>,
    headers: Option<Value>,
    #[serde(rename = "QueryParameters")]
    query: Option<Value>,
    #[serde(borrow)]
    request_body: Option<&'a RawValue>,
    authentication: Option<Value>,
    invocation_config: Option<Value>,
    transform: Option<Value>,
}

impl Prepared {
    pub(super) fn new(request: &CallRequest, options: &Options) -> Result<Self, CallResult> {
        let refuse = |reason: &str| {
            let input: String = String::from_utf8_lossy(&request.input)
                .chars()
                .take(CAUSE_INPUT_CHARS_MAX)
                .collect();
            failed(
                "States.Runtime",
                format!("The Parameters '{input}' could not be used to start the Task: [{reason}]"),
            )
        };
        let parameters: Parameters<'_> = serde_json::from_slice(&request.input)
            .map_err(|_| refuse("The Parameters must be a JSON object"))?;
        parameters.not_yet().map_or(Ok(()), |field| Err(refuse(&unsupported(field))))?;
        let method = parameters.method().map_err(|reason| refuse(&reason))?;
        let uri = parameters.uri().map_err(|reason| refuse(&reason))?;
        let mut headers = default_headers(&options.region);
        let traceparent =
            request.traceparent.and_then(|parent| HeaderValue::from_bytes(&parent.to_text()).ok());
        if let Some(value) = &traceparent {
            headers.insert(TRACEPARENT, value.clone());
        }
        parameters.add_headers(&mut headers).map_err(|reason| refuse(&reason))?;
        // The list belongs to its trace: it does not go along with another that the definition names.
        if let Some(state) = &request.tracestate
            && headers.get(TRACEPARENT) == traceparent.as_ref()
            && !headers.contains_key(TRACESTATE)
            && let Ok(value) = HeaderValue::from_str(state)
        {
            headers.insert(TRACESTATE, value);
        }
        let body = parameters.body(&mut headers).map_err(|reason| refuse(&reason))?;
        permit(&uri, options)?;
        Ok(Self { method, uri, headers, body })
    }
}

/// The list is asked last: a wrong request is wrong whoever it goes to.
fn permit(uri: &Uri, options: &Options) -> Result<(), CallResult> {
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().unwrap_or(match uri.scheme_str() {
        Some("http") => 80,
        _ => 443,
    });
    if options.allow.permits(host, port) {
        return Ok(());
    }
    Err(failed(
        "States.Permissions",
        format!(
            "The host '{host}:{port}' is not allowed: it is not listed in {}.",
            options.allow_name
        ),
    ))
}

impl Parameters<'_> {
    fn not_yet(&self) -> Option<&'static str> {
        [
            ("Authentication", &self.authentication),
            ("InvocationConfig", &self.invocation_config),
            ("Transform", &self.transform),
        ]
        .into_iter()
        .find_map(|(name, value)| value.is_some().then_some(name))
    }

    fn method(&self) -> Result<Method, String> {
        let name = text("Method", self.method.as_ref())?;
        match METHODS.iter().find(|method| method.as_str() == name) {
            Some(method) => Ok(method.clone()),
            None => Err(invalid("Method")),
        }
    }

    fn uri(&self) -> Result<Uri, String> {
        let endpoint = text("ApiEndpoint", self.api_endpoint.as_ref())?;
        let mut address =
            endpoint.split_once('#').map_or(endpoint, |(address, _fragment)| address).to_owned();
        if let Some(parameters) = &self.query {
            let query = query(parameters).ok_or_else(|| invalid("QueryParameters"))?;
            if !query.is_empty() {
                address.push(if address.contains('?') { '&' } else { '?' });
                address.push_str(&query);
            }
        }
        let uri: Uri = address.parse().map_err(|_| invalid("ApiEndpoint"))?;
        let schemed = matches!(uri.scheme_str(), Some("http" | "https"));
        let credentials = uri.authority().is_none_or(|authority| authority.as_str().contains('@'));
        if !schemed || credentials || uri.host().is_none_or(str::is_empty) {
            return Err(invalid("ApiEndpoint"));
        }
        Ok(uri)
    }

    fn add_headers(&self, headers: &mut HeaderMap) -> Result<(), String> {
        let given = match &self.headers {
            None => return Ok(()),
            Some(Value::Object(given)) => given,
            Some(_) => return Err(invalid("Headers")),
        };
        for (name, value) in given {
            if is_forbidden(name) {
                return Err(format!("The header '{name}' is not allowed"));
            }
            let name: HeaderName = name.parse().map_err(|_| invalid("Headers"))?;
            // What the definition says replaces our default, not adds to it.
            headers.remove(&name);
            let values = match value {
                Value::Array(values) => values.as_slice(),
                one => std::slice::from_ref(one),
            };
            for value in values {
                let value = scalar(value).ok_or_else(|| invalid("Headers"))?;
                let value = HeaderValue::from_str(&value).map_err(|_| invalid("Headers"))?;
                headers.append(&name, value);
            }
        }
        Ok(())
    }

    /// A text goes out as it is, anything else as the JSON it came in as.
    fn body(&self, headers: &mut HeaderMap) -> Result<Bytes, String> {
        let Some(body) = self.request_body else {
            headers.remove(CONTENT_TYPE);
            return Ok(Bytes::new());
        };
        let raw = body.get();
        if raw.starts_with('"') {
            let text: String = serde_json::from_str(raw).map_err(|_| invalid("RequestBody"))?;
            Ok(text.into())
        } else {
            Ok(Bytes::copy_from_slice(raw.as_bytes()))
        }
    }
}

fn default_headers(region: &str) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    let agent = format!("Amazon|StepFunctions|HttpInvoke|{region}");
    if let Ok(agent) = HeaderValue::from_str(&agent) {
        headers.insert(USER_AGENT, agent);
    }
    headers.insert(RANGE, HeaderValue::from_static("bytes=0-262144"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    headers
}

fn text<'a>(field: &str, value: Option<&'a Value>) -> Result<&'a str, String> {
    match value {
        None => Err(format!("The field '{field}' is required but was missing")),
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(_) => Err(invalid(field)),
    }
}

fn invalid(field: &str) -> String {
    format!("The value of the field '{field}' has an invalid format")
}

fn unsupported(field: &str) -> String {
    format!("The field '{field}' is not supported yet")
}

/// `name=value&…`, percent-encoded; a text is taken as it is written. `None`: cannot be a query.
fn query(parameters: &Value) -> Option<String> {
    let object = match parameters {
        Value::String(query) => return Some(query.trim_start_matches('?').to_owned()),
        Value::Object(object) => object,
        _ => return None,
    };
    let mut query = String::new();
    for (name, value) in object {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            if !query.is_empty() {
                query.push('&');
            }
            percent_encode(name, &mut query);
            query.push('=');
            percent_encode(&scalar(value)?, &mut query);
        }
    }
    Some(query)
}

fn scalar(value: &Value) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Everything but RFC 3986's unreserved characters; a space is `%20`, as AWS writes it.
fn percent_encode(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

fn is_forbidden(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    FORBIDDEN.contains(&name.as_str())
        || ["x-forwarded-", "x-amz-", "x-amzn-"].iter().any(|prefix| name.starts_with(prefix))
}

const METHODS: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::PATCH,
    Method::OPTIONS,
    Method::HEAD,
];

/// AWS: headers that a definition cannot set; `content-length` is ours, the client computes it.
const FORBIDDEN: [&str; 33] = [
    "a-im",
    "accept-charset",
    "accept-datetime",
    "accept-encoding",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-md5",
    "date",
    "expect",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-authorization",
    "referer",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "warning",
];

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// A cause quotes the input; AWS cuts causes at 32,768 characters.
const CAUSE_INPUT_CHARS_MAX: usize = 16_384;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Allow;
    use super::*;
    use crate::base::ids::MachineIdx;
    use crate::base::trace::TraceParent;

    fn prepare(input: &Value) -> Result<Prepared, CallResult> {
        let options = Options {
            allow: Allow::new(["api.test", "localhost:81"]).unwrap(),
            ..Options::default()
        };
        let request = CallRequest {
            machine: MachineIdx(0),
            state: "S".into(),
            resource: "arn:aws:states:::http:invoke".into(),
            input: input.to_string().into_bytes(),
            timeout_ms: None,
            attempt: 0,
            traceparent: None,
            tracestate: None,
        };
        Prepared::new(&request, &options)
    }

    fn accepts(input: &Value) -> Prepared {
        prepare(input).unwrap_or_else(|refused| panic!("{refused:?}"))
    }

    fn refuses(input: &Value, name: &str, part: &str) {
        match prepare(input) {
            Err(CallResult::Failed { error, cause }) => {
                assert_eq!(&*error, name, "{input}");
                let cause = cause.unwrap_or_default();
                assert!(cause.contains(part), "{part} in {cause}");
            }
            other => panic!("{input}: {other:?}"),
        }
    }

    #[test]
    fn defaults_are_those_of_aws() {
        let prepared = accepts(&json!({
            "ApiEndpoint": "https://api.test/a?x=1#frag", "Method": "POST", "RequestBody": {"a": 1.50},
        }));
        assert_eq!(prepared.uri, "https://api.test/a?x=1");
        assert_eq!(prepared.headers["user-agent"], "Amazon|StepFunctions|HttpInvoke|us-east-1");
        assert_eq!(prepared.headers["range"], "bytes=0-262144");
        assert_eq!(prepared.headers["content-type"], "application/json; charset=UTF-8");
        assert_eq!(prepared.body, r#"{"a":1.5}"#);
    }

    #[test]
    fn bodies_keep_the_text_of_their_numbers_and_texts_go_out_bare() {
        let request = CallRequest {
            machine: MachineIdx(0),
            state: "S".into(),
            resource: "r".into(),
            input: br#"{"ApiEndpoint":"https://api.test","Method":"PUT","RequestBody":[1.50, 12345678901234567890123]}"#
                .to_vec(),
            timeout_ms: None,
            attempt: 0,
            traceparent: None,
            tracestate: None,
        };
        let options = Options { allow: Allow::new(["api.test"]).unwrap(), ..Options::default() };
        let prepared = Prepared::new(&request, &options).unwrap();
        assert_eq!(prepared.body, "[1.50, 12345678901234567890123]");
        let prepared = accepts(&json!({
            "ApiEndpoint": "https://api.test", "Method": "PUT", "RequestBody": "a\nb",
            "Headers": {"Content-Type": "text/plain", "X-Two": ["1", 2]},
        }));
        assert_eq!(prepared.body, "a\nb");
        assert_eq!(prepared.headers.get_all("content-type").iter().count(), 1);
        assert_eq!(prepared.headers.get_all("x-two").iter().count(), 2);
    }

    #[test]
    fn the_trace_goes_on_unless_the_definition_names_another() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let options = Options { allow: Allow::new(["api.test"]).unwrap(), ..Options::default() };
        let sent = |more: &str| {
            let input = format!(r#"{{"ApiEndpoint":"https://api.test","Method":"GET"{more}}}"#);
            let request = CallRequest {
                machine: MachineIdx(0),
                state: "S".into(),
                resource: "r".into(),
                input: input.into_bytes(),
                timeout_ms: None,
                attempt: 0,
                traceparent: TraceParent::parse(text.as_bytes()),
                tracestate: Some("a=1,b=2".into()),
            };
            let headers = Prepared::new(&request, &options).unwrap().headers;
            let values = |name| {
                let values = headers.get_all(name).iter();
                values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>().join("+")
            };
            [values("traceparent"), values("tracestate")]
        };
        assert_eq!(sent(""), [text, "a=1,b=2"]);
        assert_eq!(sent(r#","Headers":{"Traceparent":"own"}"#), ["own", ""]);
        let both = r#","Headers":{"Traceparent":"own","tracestate":"c=3"}"#;
        assert_eq!(sent(both), ["own", "c=3"]);
        assert_eq!(sent(r#","Headers":{"tracestate":"c=3"}"#), [text, "c=3"]);
        let without = accepts(&json!({"ApiEndpoint": "https://api.test", "Method": "GET"}));
        assert!(!without.headers.contains_key("traceparent"));
    }

    #[test]
    fn query_parameters_are_encoded() {
        let with = |query: Value| {
            accepts(&json!({
                "ApiEndpoint": "https://api.test/?z=0", "Method": "GET", "QueryParameters": query,
            }))
            .uri
            .to_string()
        };
        assert_eq!(
            with(json!({"a b": "ä&", "n": [1, true]})),
            "https://api.test/?z=0&a%20b=%C3%A4%26&n=1&n=true"
        );
        assert_eq!(with(json!("q=1")), "https://api.test/?z=0&q=1");
        assert_eq!(with(json!({})), "https://api.test/?z=0");
    }

    fn bad_fields() -> Vec<(&'static str, Value, &'static str)> {
        vec![
            ("ApiEndpoint", json!("ftp://api.test"), "'ApiEndpoint' has an invalid format"),
            ("ApiEndpoint", json!("api.test"), "'ApiEndpoint' has an invalid format"),
            ("ApiEndpoint", json!("https://u:p@api.test"), "'ApiEndpoint' has an invalid format"),
            ("ApiEndpoint", json!(1), "'ApiEndpoint' has an invalid format"),
            ("Method", json!("TRACE"), "'Method' has an invalid format"),
            ("Method", Value::Null, "'Method' is required but was missing"),
            ("Headers", json!([]), "'Headers' has an invalid format"),
            ("Headers", json!({"a": {}}), "'Headers' has an invalid format"),
            ("Headers", json!({"a": "x\ny"}), "'Headers' has an invalid format"),
            ("Headers", json!({"Authorization": "x"}), "'Authorization' is not allowed"),
            ("Headers", json!({"X-Amz-Date": "x"}), "'X-Amz-Date' is not allowed"),
            ("Headers", json!({"Warning": "x"}), "'Warning' is not allowed"),
            ("QueryParameters", json!({"a": {}}), "'QueryParameters' has an invalid format"),
            ("Authentication", json!({}), "'Authentication' is not supported yet"),
            ("InvocationConfig", json!({}), "'InvocationConfig' is not supported yet"),
            ("Transform", json!({}), "'Transform' is not supported yet"),
        ]
    }

    #[test]
    fn bad_parameters_are_runtime_errors_that_name_the_field() {
        let base = json!({"ApiEndpoint": "https://api.test", "Method": "GET"});
        for (key, value, part) in bad_fields() {
            let mut input = base.clone();
            input[key] = value;
            refuses(&input, "States.Runtime", part);
        }
        refuses(&json!("x"), "States.Runtime", "must be a JSON object");
    }

    #[test]
    fn hosts_that_are_not_listed_are_refused() {
        for endpoint in ["https://other.test", "http://localhost:82", "https://api.test.evil.test"]
        {
            let input = json!({"ApiEndpoint": endpoint, "Method": "GET"});
            refuses(&input, "States.Permissions", "is not listed in task.http.allow");
        }
        accepts(&json!({"ApiEndpoint": "http://localhost:81", "Method": "GET"}));
    }
}
