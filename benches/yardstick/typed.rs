//! `pass-choice` by an expert who knows the schema: derived structs that borrow, raw text for
//! whatever passes through, one reused string.

use std::borrow::Cow;
use std::fmt::Write as _;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::REJECTED;
use crate::measure::Contestant;

/// The job over derived structs.
#[derive(Debug, Default)]
pub(crate) struct TypedPassChoice {
    label: String,
}

impl TypedPassChoice {
    /// Returns the yardstick with an empty label buffer.
    pub(crate) fn new() -> Self {
        Self::default()
    }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    order: Order<'a>,
    #[serde(borrow)]
    customer: &'a RawValue,
    #[serde(borrow)]
    device: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    region: Cow<'a, str>,
    #[serde(borrow)]
    priority: Cow<'a, str>,
    total: i64,
    item_count: i64,
}

/// The part of the customer that the rules read; the rest stays text.
#[derive(Deserialize)]
struct Customer<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    tier: Cow<'a, str>,
    blocked: bool,
}

#[derive(Deserialize)]
struct Device {
    battery: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted<'a> {
    order_id: &'a str,
    region: &'a str,
    priority: &'a str,
    total: i64,
    items: i64,
    customer: &'a RawValue,
    device: &'a RawValue,
    source: &'static str,
    enriched: Enriched<'a>,
}

#[derive(Serialize)]
struct Enriched<'a> {
    label: &'a str,
    score: i64,
}

impl Contestant for TypedPassChoice {
    fn name(&self) -> &'static str {
        "typed"
    }

    fn run(&mut self, event: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let event: Event = serde_json::from_slice(event)?;
        let customer: Customer = serde_json::from_str(event.customer.get())?;
        let order = &event.order;
        if !is_wanted(order, &customer) {
            out.extend_from_slice(REJECTED);
            return Ok(());
        }
        let score = order.total.saturating_add(order.item_count);
        let device: Device = serde_json::from_str(event.device.get())?;
        if score <= 200 || device.battery <= 20 {
            out.extend_from_slice(REJECTED);
            return Ok(());
        }
        self.label.clear();
        write!(self.label, "order {} for {} in {}", order.id, customer.name, order.region)?;
        let accepted = Accepted {
            order_id: &order.id,
            region: &order.region,
            priority: &order.priority,
            total: order.total,
            items: order.item_count,
            customer: event.customer,
            device: event.device,
            source: "express-bench",
            enriched: Enriched { label: &self.label, score },
        };
        serde_json::to_writer(out, &accepted)?;
        Ok(())
    }
}

/// The rules of `Classify`, in their order: true leads to `Enrich`, false to `Rejected`.
fn is_wanted(order: &Order, customer: &Customer) -> bool {
    if order.priority == "critical" || order.total > 100_000 {
        return false;
    }
    if order.region.starts_with("us-") && order.item_count >= 50 && customer.blocked {
        return false;
    }
    customer.tier == "platinum" || (customer.tier == "gold" && order.total >= 100)
}
