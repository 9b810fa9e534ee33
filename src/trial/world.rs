//! The two worlds in which definitions are tried, and the step from text to program.
//!
//! EXPRESS is the service's world. The other one is that of recorded Standard executions: their
//! ARNs, no limit of 300 s, distributed Map.

use super::{Case, Verdict};
use crate::asl::source::Source;
use crate::asl::{Diagnostic, MachineType, Parsed, parse_as};
use crate::compile::compile;
use crate::program::{Loaded, World};

/// Name of the execution.
pub(super) const EXECUTION_NAME: &str = "execution";

/// Checks and compiles the definition of a case.
///
/// # Errors
/// The verdict on a case that needs this definition to run.
pub(super) fn load(case: &Case) -> Result<Loaded, Verdict> {
    let (text, name) = (stand_ins(&case.definition), &case.name);
    let parsed = parse_as(&text, name, case.machine_type);
    let Some(machine) = &parsed.machine else { return Err(refusal(&parsed)) };
    let world = match case.machine_type {
        MachineType::Express => World::express,
        MachineType::Standard => World::standard,
    };
    let world = world(REGION, ACCOUNT, MACHINE_NAME, ROLE);
    let world = World { redrive_count: !case.is_synchronous, ..world };
    match compile(machine, Source { file: name, text: &text }, world) {
        Ok(image) => Ok(Loaded::from(image)),
        Err(error) => Err(Verdict::Failed(format!("definition: {error}"))),
    }
}

/// Why a definition that should run cannot: ours to support, or its own fault.
pub(super) fn refusal(parsed: &Parsed) -> Verdict {
    let mut errors = parsed.diagnostics.iter().filter(|one| one.is_error());
    match errors.clone().find(|error| !error.code.is_unsupported()) {
        Some(fault) => Verdict::Failed(format!("definition: {} at {}", reason(fault), fault.path)),
        None => Verdict::Unsupported(errors.next().map(reason).unwrap_or_default()),
    }
}

/// What is unsupported in a definition, if anything is.
pub(super) fn unsupported(diagnostics: &[Diagnostic]) -> Option<Verdict> {
    let unsupported = diagnostics.iter().find(|one| one.code.is_unsupported())?;
    Some(Verdict::Unsupported(reason(unsupported)))
}

/// Puts a resource where recordings have only the name of one: what an activity's ARN was
/// replaced by is none.
pub(super) fn stand_ins(text: &str) -> String {
    text.replace(
        "\"activity_arn\"",
        "\"arn:aws:states:us-east-1:111111111111:activity:activity_arn\"",
    )
}

/// Code and message, without what is particular to one definition.
fn reason(diagnostic: &Diagnostic) -> String {
    format!("{} {}", diagnostic.code.as_str(), diagnostic.message)
}

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "111111111111";
const MACHINE_NAME: &str = "machine";
const ROLE: &str = "arn:aws:iam::111111111111:role/r";
