//! What an execution leaves behind, as bytes: result, history, billing record, bill.
//!
//! Sits behind the shard: [`Collector`] is the shard's [`crate::shard::Settle`], encodes on the
//! shard's thread and hands one batch per turn to the source's lane. It knows record formats and
//! prices. It does *not* know Kafka: who writes the bytes where is `ingest`'s business.

mod arn;
mod billing;
mod collector;
mod history;
mod instant;
mod meter;
mod price;
mod price_table;
mod sums;
mod traces;

pub use crate::shard::outbox::{BILLING_EVENT_TYPE, BILLING_SUMS_EVENT_TYPE};
pub use arn::{ArnError, StateMachineArn, push_execution_arn};
pub use collector::{Cards, Collector, MachineCard, PipelineCard};
pub use history::LogEvents;
pub use instant::{INSTANT_BYTES, format_instant_ms, push_instant_ms};
pub use meter::{Bill, DURATION_STEP_MS, MEMORY_BASE_BYTES, MEMORY_STEP_MB, memory_bytes};
pub use price::{Invoice, Money, Price, PriceList, Tier, UNITS_PER_GB_HOUR, US_EAST_1, gb_seconds};
pub use price_table::{PriceError, PriceTable};
pub use sums::SumsText;
pub use traces::{Filter, Reason, SlowFrom, TraceOptions, Tracer, Traces};
