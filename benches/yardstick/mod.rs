//! What the engine is held against: the same job done by hand.
//!
//! Each yardstick is the program a person would write instead of a state machine, with its own
//! strengths left in. They share one form, [`crate::measure::Contestant`], with the engine.

mod floor;
mod typed;
mod value;

pub(crate) use floor::TapeFloor;
pub(crate) use typed::TypedPassChoice;
pub(crate) use value::ValuePassChoice;

/// What a rejected order becomes, in the form the failure topic carries.
const REJECTED: &[u8] = br#"{"error":"Order.Rejected","cause":"order rejected by rules"}"#;
