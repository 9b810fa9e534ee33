//! What every layer may speak of: ids, limits, time, random numbers and the hot counter cells.
//!
//! The lowest layer. It knows nothing of JSON, ASL, Kafka or threads.

pub mod clock;
pub mod entropy;
pub mod ids;
pub mod limits;
pub mod name;
pub mod tally;
pub mod trace;
