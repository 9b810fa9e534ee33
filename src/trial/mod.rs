//! The case runner: workflow tests as data, run on the real shard under a virtual clock.
//!
//! `case` reads a case file, `run` does what its kind says and compares the answer with what is
//! expected by `pattern` and `events`, `report` counts. `expressway test` is a thin layer over this;
//! a test may call it as a library. Nothing here waits: the clock of `clock` jumps.

mod case;
pub mod clock;
mod coverage;
mod definition;
pub mod events;
mod execution;
mod find;
pub mod inspection;
mod junit;
pub mod mock_config;
pub mod pattern;
mod report;
mod run;
mod start;
mod world;

pub use case::{Case, Expected, Kind};
pub use coverage::Coverage;
pub use find::{Error, find};
pub use junit::junit;
pub use report::{Counts, Report, Reported};
pub use run::{Agreement, Outcome, Verdict, run};
