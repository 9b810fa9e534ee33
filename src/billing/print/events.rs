//! Usage as events for metering services: for each state machine, set of tags, end status and piece
//! of time (a minute, unless asked otherwise) one event with exact sums.
//!
//! Its id follows from what it is about, not from when it was made, so sending a bill twice counts
//! once: OpenMeter drops a known `source` + `id`, Lago a known `transaction_id`. That is also why
//! only pieces of time are written that are over: what came late would be dropped as known.
//!
//! There is no money in them, so they are made of rows, before prices.

use std::io::{self, Write};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::ledger::Row;
use super::instant;
use crate::base::ids::ExecutionSuffix;
use crate::outcome::gb_seconds;

/// Whom usage is charged to.
#[derive(Clone, Debug, Default)]
pub struct Whose {
    /// The tag whose value names the customer; without it, or where it is not set, the account.
    pub tag: Option<String>,
}

/// Events in one line, which is one request: as many as Lago takes.
pub const EVENTS_PER_LINE: usize = 100;
/// A piece of time is settled when it has been over for so long: records may still be on their way.
pub const SETTLED_AFTER_MS: i64 = 5 * 60_000;
/// Type of the aggregated event.
const USAGE_EVENT_TYPE: &str = "express.usage.v1";

/// Writes bodies for `POST /api/v1/events` of OpenMeter, one a line; returns the number of events
/// that are left out because their time is not over at `now_ms`.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_openmeter(
    rows: &[Row],
    whose: &Whose,
    now_ms: i64,
    out: &mut dyn Write,
) -> io::Result<u64> {
    let (rows, open) = settled(rows, now_ms);
    let events: Vec<Value> = rows.into_iter().map(|row| openmeter(row, whose)).collect();
    for line in events.chunks(EVENTS_PER_LINE) {
        writeln!(out, "{}", Value::from(line.to_vec()))?;
    }
    Ok(open)
}

/// Writes bodies for `POST /api/v1/events/batch` of Lago, one a line; the same.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_lago(
    rows: &[Row],
    whose: &Whose,
    now_ms: i64,
    out: &mut dyn Write,
) -> io::Result<u64> {
    let (rows, open) = settled(rows, now_ms);
    let events: Vec<Value> = rows.into_iter().flat_map(|row| lago(row, whose)).collect();
    for line in events.chunks(EVENTS_PER_LINE) {
        writeln!(out, "{}", json!({"events": line}))?;
    }
    Ok(open)
}

/// Billed rows of pieces that are over, and how many are not.
fn settled(rows: &[Row], now_ms: i64) -> (Vec<&Row>, u64) {
    let billed = rows.iter().filter(|row| row.key.is_billed);
    let (over, open): (Vec<_>, Vec<_>) =
        billed.partition(|row| row.key.to_ms.saturating_add(SETTLED_AFTER_MS) <= now_ms);
    (over, open.len() as u64)
}

fn openmeter(row: &Row, whose: &Whose) -> Value {
    let (key, sums) = (&row.key, &row.sums);
    json!({
        "specversion": "1.0",
        "id": id(row),
        "source": source(row),
        "type": USAGE_EVENT_TYPE,
        "subject": subject(row, whose),
        "time": instant(key.from_ms),
        "datacontenttype": "application/json",
        "data": {
            "requests": sums.requests as u64,
            "billed_duration_ms": sums.billed_ms() as u64,
            "mb_milliseconds": sums.mb_milliseconds().to_string(),
            "gb_seconds": gb_seconds(sums.units),
            "transitions": sums.transitions as u64,
            "status": key.status.as_str(),
            "state_machine_arn": key.machine_arn,
            "machine": key.machine,
            "version": version(row),
            "tags": key.tags,
            "from": instant(key.from_ms),
            "to": instant(key.to_ms),
        },
    })
}

/// An event of Lago is for one billable metric, so there are two.
fn lago(row: &Row, whose: &Whose) -> [Value; 2] {
    let (key, sums, id) = (&row.key, &row.sums, id(row));
    let event = |code: &str, property: &str, value: String| {
        let mut properties = json!({
            "status": key.status.as_str(),
            "machine": key.machine,
            "state_machine_arn": key.machine_arn,
            "region": key.region,
        });
        properties[property] = value.into();
        json!({
            "transaction_id": format!("{id}/{property}"),
            "external_subscription_id": subject(row, whose),
            "code": code,
            "timestamp": key.from_ms.div_euclid(1_000),
            "properties": properties,
        })
    };
    [
        event("express_requests", "requests", sums.requests.to_string()),
        event("express_duration", "gb_seconds", gb_seconds(sums.units)),
    ]
}

fn subject<'a>(row: &'a Row, whose: &Whose) -> &'a str {
    let tag = whose.tag.as_ref().and_then(|tag| row.key.tags.get(tag));
    tag.filter(|value| !value.is_empty()).unwrap_or(&row.key.account)
}

fn source(row: &Row) -> String {
    format!("//states/{}/{}", row.key.region, row.key.account)
}

fn version(row: &Row) -> Option<&str> {
    Some(row.key.version.as_str()).filter(|version| !version.is_empty())
}

/// 128 bits of SHA-256 over all that tells one event from another, in UUID form.
fn id(row: &Row) -> String {
    let key = &row.key;
    let tags = serde_json::to_string(&key.tags).unwrap_or_default();
    let (from, to) = (key.from_ms.to_string(), key.to_ms.to_string());
    let mut hash = Sha256::new();
    for part in
        [USAGE_EVENT_TYPE, &key.machine_arn, &key.version, &tags, key.status.as_str(), &from, &to]
    {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hash.finalize()[..16]);
    ExecutionSuffix(first).to_string()
}
