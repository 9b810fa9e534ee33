//! `/api/v1/executions`: the executions that are kept in memory, as a list and one by one.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::server::Shared;

/// The executions kept in memory; called on the admin thread, must not block for long.
pub trait Executions: Send + Sync {
    /// Those that match, as a JSON document.
    fn list(&self, query: &ExecutionQuery) -> String;
    /// The one with this ARN, as a JSON document; `None` when it is not kept.
    fn find(&self, arn: &str) -> Option<String>;
}

/// Which executions to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecutionQuery {
    /// Name of the state machine.
    pub state_machine: Option<String>,
    /// `error`, `slow` or `rate`.
    pub reason: Option<String>,
    /// `SUCCEEDED`, `FAILED` or `TIMED_OUT`.
    pub status: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

impl ExecutionQuery {
    /// Reads the part of an address after `?`.
    ///
    /// # Errors
    /// What is wrong with it, and what to write instead.
    fn parse(query: &str) -> Result<Self, String> {
        let mut parsed = Self::default();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = decoded(value);
            let one_of = |known: &[&str]| {
                let expected = || format!("`{key}` is one of {}", known.join(", "));
                known.contains(&value.as_str()).then(|| value.clone()).ok_or_else(expected)
            };
            match key {
                "state_machine" => parsed.state_machine = Some(value),
                "reason" => parsed.reason = Some(one_of(&["error", "slow", "rate"])?),
                "status" => {
                    parsed.status = Some(one_of(&["SUCCEEDED", "FAILED", "TIMED_OUT"])?);
                }
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                    let wrong = || format!("`limit` is a number from 1 to {LIMIT_MAX}");
                    parsed.limit = Some(limit.ok_or_else(wrong)?);
                }
                _ => {
                    return Err(format!(
                        "unknown parameter `{}`; known are state_machine, reason, status, limit",
                        key.chars().take(80).collect::<String>()
                    ));
                }
            }
        }
        Ok(parsed)
    }
}

pub(super) async fn list(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let Some(executions) = &shared.admin.executions else { return keeps_none() };
    match ExecutionQuery::parse(uri.query().unwrap_or_default()) {
        Ok(query) => document(StatusCode::OK, executions.list(&query)),
        Err(error) => document(StatusCode::BAD_REQUEST, json!({"error": error}).to_string()),
    }
}

pub(super) async fn find(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let Some(executions) = &shared.admin.executions else { return keeps_none() };
    let arn = decoded(uri.path().strip_prefix(ONE_PREFIX).unwrap_or_default());
    if let Some(execution) = executions.find(&arn) {
        return document(StatusCode::OK, execution);
    }
    let error = "no such execution is kept; /api/v1/executions lists those that are";
    document(StatusCode::NOT_FOUND, json!({"error": error}).to_string())
}

fn keeps_none() -> Response {
    let error = "no executions are kept: see [traces] in the configuration";
    document(StatusCode::NOT_FOUND, json!({"error": error}).to_string())
}

fn document(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Resolves `%XX`; what is none stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let code = hex.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        if let (b'%', Some(code)) = (byte, code) {
            bytes.push(code);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where the list is.
pub(super) const LIST_ROUTE: &str = "/api/v1/executions";
/// Where each one is.
pub(super) const ONE_ROUTE: &str = "/api/v1/executions/{arn}";
/// What stands before the ARN.
pub(super) const ONE_PREFIX: &str = "/api/v1/executions/";
const LIMIT_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_and_mistakes_are_told() {
        let query = "state_machine=caf%C3%A9&reason=slow&status=FAILED&limit=7";
        assert_eq!(
            ExecutionQuery::parse(query),
            Ok(ExecutionQuery {
                state_machine: Some("café".into()),
                reason: Some("slow".into()),
                status: Some("FAILED".into()),
                limit: Some(7),
            })
        );
        assert_eq!(ExecutionQuery::parse(""), Ok(ExecutionQuery::default()));
        for (query, part) in [
            ("reason=fast", "`reason` is one of error, slow, rate"),
            ("status=failed", "`status` is one of"),
            ("limit=0", "from 1 to 10000"),
            ("limit", "from 1 to 10000"),
            ("state=a", "unknown parameter `state`; known are"),
        ] {
            let error = ExecutionQuery::parse(query).unwrap_err();
            assert!(error.contains(part), "{query}: {error}");
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        assert_eq!(decoded("a%3Ab%2"), "a:b%2");
        assert_eq!(decoded("%%zz%é"), "%%zz%é");
    }
}
