//! The service as a process against librdkafka's mock cluster in this one: how a start fails, what
//! becomes of good and bad events, what a stop leaves, and calls over HTTP.
//!
//! Everything listens on free loopback ports, every wait has a condition and a deadline.

// What is no `#[test]` function here is test code all the same.
#![allow(clippy::unwrap_used)]

mod bill;
#[path = "../mock_pipeline/cluster.rs"]
#[allow(dead_code, reason = "shared with the tests of the source alone, which use more of it")]
mod cluster;
mod config;
mod events;
mod flow;
mod instance;
mod logs;
#[cfg(feature = "otlp")]
mod spans;
mod start_errors;
mod stop;
#[path = "../support/mod.rs"]
mod support;
mod tasks;
mod unread_log;
