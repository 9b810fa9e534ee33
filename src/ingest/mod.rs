//! ingest
pub mod ledger;
