//! AWS's limits and ours, each with its source.

/// Largest payload of an execution, a state or a task, in bytes of UTF-8 JSON.
/// AWS: Step Functions service quotas, "Maximum input or output size".
pub const PAYLOAD_BYTES_MAX: usize = 262_144;

/// Life of an Express execution, in milliseconds, whatever `TimeoutSeconds` says.
/// AWS: Step Functions service quotas, "Maximum execution time" of Express workflows.
pub const EXPRESS_DURATION_MS_MAX: u64 = 300_000;

/// Largest definition, in bytes. AWS: `CreateStateMachine`, 1 MB.
pub const DEFINITION_BYTES_MAX: usize = 1_048_576;

/// Longest state name and longest execution name, in Unicode characters.
pub const NAME_CHARS_MAX: usize = 80;

/// Deepest JSON document accepted, in nested containers (simd-json's own bound).
pub const DOCUMENT_DEPTH_MAX: usize = 1_024;

/// Values of all variables that one `Assign` sets, in bytes of JSON.
/// AWS: developer guide, "workflow-variables": 256 KiB combined.
pub const ASSIGN_BYTES_MAX: usize = 262_144;

/// Values of all variables of an execution, in bytes of JSON.
/// AWS: developer guide, "workflow-variables": 10 MiB.
pub const VARIABLES_BYTES_MAX: usize = 10 * 1_048_576;
