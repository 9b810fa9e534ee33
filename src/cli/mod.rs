//! The command line.

pub mod relay;
