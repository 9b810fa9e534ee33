//! `pass-choice` by hand over `serde_json::Value`: the program most people would write.
//!
//! It parses into a tree, moves (never clones) what it keeps, and writes the tree out.

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::REJECTED;
use crate::measure::Contestant;

/// The job over `serde_json::Value`.
#[derive(Debug, Default)]
pub(crate) struct ValuePassChoice;

impl ValuePassChoice {
    /// Returns the yardstick; it keeps nothing between events.
    pub(crate) fn new() -> Self {
        Self
    }
}

impl Contestant for ValuePassChoice {
    fn name(&self) -> &'static str {
        "value"
    }

    fn run(&mut self, event: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut state = normalize(serde_json::from_slice(event)?)?;
        match enrich(&state)? {
            Some(enriched) => {
                state.insert("enriched".to_owned(), enriched);
                serde_json::to_writer(out, &state)?;
            }
            None => out.extend_from_slice(REJECTED),
        }
        Ok(())
    }
}

fn normalize(mut event: Value) -> Result<Map<String, Value>> {
    let mut order = take(&mut event, "order")?;
    let mut state = Map::with_capacity(9);
    state.insert("orderId".to_owned(), take(&mut order, "id")?);
    state.insert("region".to_owned(), take(&mut order, "region")?);
    state.insert("priority".to_owned(), take(&mut order, "priority")?);
    state.insert("total".to_owned(), take(&mut order, "total")?);
    state.insert("items".to_owned(), take(&mut order, "itemCount")?);
    state.insert("customer".to_owned(), take(&mut event, "customer")?);
    state.insert("device".to_owned(), take(&mut event, "device")?);
    state.insert("source".to_owned(), Value::from("express-bench"));
    Ok(state)
}

/// Runs `Classify`, `Enrich` and `Gate`; each field is looked up once, as a lookup hashes its key.
fn enrich(state: &Map<String, Value>) -> Result<Option<Value>> {
    let total = integer(state, "total")?;
    let items = integer(state, "items")?;
    let region = text(state, "region")?;
    let customer = &state["customer"];
    if text(state, "priority")? == "critical" || total > 100_000 {
        return Ok(None);
    }
    if region.starts_with("us-") && items >= 50 && customer["blocked"] == Value::Bool(true) {
        return Ok(None);
    }
    let tier = customer["tier"].as_str().context("customer.tier")?;
    if tier != "platinum" && (tier != "gold" || total < 100) {
        return Ok(None);
    }
    let score = total.saturating_add(items);
    let battery = state["device"]["battery"].as_i64().context("device.battery")?;
    if score <= 200 || battery <= 20 {
        return Ok(None);
    }
    let order_id = text(state, "orderId")?;
    let name = customer["name"].as_str().context("customer.name")?;
    let mut enriched = Map::with_capacity(2);
    let label = format!("order {order_id} for {name} in {region}");
    enriched.insert("label".to_owned(), Value::from(label));
    enriched.insert("score".to_owned(), Value::from(score));
    Ok(Some(Value::Object(enriched)))
}

fn take(from: &mut Value, key: &'static str) -> Result<Value> {
    from.get_mut(key).map(Value::take).context(key)
}

fn text<'a>(state: &'a Map<String, Value>, key: &'static str) -> Result<&'a str> {
    state.get(key).and_then(Value::as_str).context(key)
}

fn integer(state: &Map<String, Value>, key: &'static str) -> Result<i64> {
    state.get(key).and_then(Value::as_i64).context(key)
}
