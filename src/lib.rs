//! expressway runs AWS Step Functions Express workflows on your own machines.
//!
//! Read `src/` along the path of an event: `ingest` → `shard` → `vm` → `outcome`.

pub mod base;
pub mod cli;
pub mod ingest;
pub mod outcome;
pub mod shard;
