//! expressway runs AWS Step Functions Express workflows on your own machines.
//!
//! Read `src/` along the path of an event: `ingest` → `shard` → `vm` → `outcome`.

pub mod app;
pub mod asl;
pub mod base;
pub mod billing;
pub mod cli;
pub mod compile;
pub mod config;
pub mod expr;
pub mod http;
pub mod ingest;
pub mod metrics;
pub mod otlp;
pub mod outcome;
pub mod program;
pub mod registry;
pub mod shard;
pub mod task;
pub mod trial;
pub mod value;
pub mod vm;
