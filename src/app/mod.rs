//! The service put together: registry, shards, sources, admin port; started and stopped in order.
//!
//! Edges know nothing of each other and nothing of the configuration; here settings become each
//! edge's own options, and counters of one become gauges of another.

mod flows;
mod health;
mod history;
pub mod logging;
mod machines;
mod metered;
mod prices;
mod programs;
mod service;
mod spans;
mod traces;

pub use machines::Machines;
pub use metered::Metered;
pub use programs::shape;
pub use service::{Error, LANE_BATCHES, Report, Service, Shards};
