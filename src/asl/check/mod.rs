//! What concerns the machine as a whole, or the place where it runs.

mod aws;
mod graph;
mod resources;
mod variables;
mod walk;

pub use aws::{
    AwsDiagnostic, VALIDATION_RESULTS_MAX, Validation, ValidationOptions, aws_diagnostics,
    creation_message, validate,
};
pub(super) use graph::graph;
pub use resources::service_refusals;
pub(super) use resources::{express, is_activity};
pub use variables::{VariableReferences, described_variables, variable_references};
