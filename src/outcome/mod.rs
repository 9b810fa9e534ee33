//! What an execution leaves behind, as bytes: result, billing record, dead letter.
//!
//! Sits behind the shard: [`Collector`] is the shard's [`crate::shard::Settle`], encodes on the
//! shard's thread and hands one [`OutcomeBatch`] per turn to the thread that owns the producer.
//! It knows record formats and prices. It does *not* know Kafka: who writes the bytes where is
//! `ingest`'s business.

mod arn;
mod batch;
mod billing;
mod collector;
mod dead_letter;
mod instant;
mod lane;
mod meter;
mod price;
mod result;

pub use arn::{ArnError, StateMachineArn, name_is_valid, push_execution_arn};
pub use batch::{Outcome, OutcomeBatch, RejectedOutcome, SettledOutcome, Span};
pub use billing::{BILLING_CONTENT_TYPE, BILLING_EVENT_TYPE};
pub use collector::{Cards, Collector, MachineCard, PipelineCard};
pub use dead_letter::{DeadLetterClass, DeadLetterHeaders};
pub use instant::{INSTANT_BYTES, format_instant_ms, push_instant_ms};
pub use lane::{Bell, LaneReceiver, LaneSender, lane};
pub use meter::{Bill, DURATION_STEP_MS, MEMORY_BASE_BYTES, MEMORY_STEP_MB};
pub use price::{Dollars, Invoice, PriceList, Tier, US_EAST_1};
pub use result::{
    ERROR_HEADER, EXECUTION_ARN_HEADER, STARTED_AT_HEADER, STATE_MACHINE_ARN_HEADER, STATUS_HEADER,
    STOPPED_AT_HEADER, push_failure,
};
