//! The way back: what a shard's executions left behind, as bytes, on its way to the source.
//!
//! Who encodes (`outcome`) and who writes (`ingest`) do not know each other; what both must know
//! is here: the batch, the lane it travels on, and the names that records are made of.

mod batch;
mod lane;
mod record;
mod sums;

pub use batch::{
    Events, LANE_SLOT_BITS, Outcome, OutcomeBatch, RejectedOutcome, SettledOutcome, Span, lane_of,
};
pub use lane::{Bell, LaneReceiver, LaneSender, lane};
pub use record::{
    BILLING_EVENT_TYPE, BILLING_SUMS_EVENT_TYPE, BillingMode, CE_ID_HEADER, CE_SOURCE_HEADER,
    CE_SPECVERSION_HEADER, CE_SUBJECT_HEADER, CE_TIME_HEADER, CE_TYPE_HEADER, CLOUDEVENTS_VERSION,
    ERROR_HEADER, EXECUTION_ARN_HEADER, STARTED_AT_HEADER, STATE_MACHINE_ARN_HEADER, STATUS_HEADER,
    STOPPED_AT_HEADER, push_failure, push_json_string,
};
pub use sums::{Billed, BilledRange, EncodeSums, MinuteSum, SumsRecord};
