//! Commands of the `expressway` binary: arguments in, text and an exit code out.
//!
//! Data goes to `out`, talk to `err`; both are handed in, so every command can be tested.

pub mod config;
