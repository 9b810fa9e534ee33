//! The service put together: registry, shards, sources, admin port; started and stopped in order.
//!
//! Edges know nothing of each other and nothing of the configuration; here settings become each
//! edge's own options, and counters of one become gauges of another.

mod build;
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

pub use build::{BUILD, TARGET};
pub use machines::{Checked, Machines, Warnings};
pub use metered::Metered;
pub use programs::shape;
pub use service::{Error, LANE_BATCHES, Report, Service, Shards};
