//! What concerns the machine as a whole, or the place where it runs.

mod aws;
mod graph;
mod resources;

pub use aws::{AwsDiagnostic, aws_diagnostics, creation_message};
pub(super) use graph::graph;
pub(super) use resources::express;
pub use resources::service_refusals;
