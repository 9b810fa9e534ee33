//! The admin port: `/metrics`, `/livez`, `/readyz`, `/api/v1/executions`.
//!
//! It runs on a small runtime and thread of its own, so that a busy shard cannot starve a scrape and a
//! slow scraper cannot hold a shard. What it shows is handed in ([`Scrape`], [`Health`],
//! [`Executions`]); it knows no
//! other part of the service. It is not on the path of an event.

mod executions;
mod health;
mod server;

pub use self::executions::{ExecutionQuery, Executions};
pub use self::health::{Check, Condition, Health};
pub use self::server::{Admin, Observe, Scrape, Server};
