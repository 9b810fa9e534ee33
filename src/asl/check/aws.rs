//! The same problems as AWS would report them: its codes, its order, its locations.

use crate::asl::diagnostic::{Code, Diagnostic, Severity};
use crate::asl::parse::{Rules, parse_as};

/// A diagnostic as `ValidateStateMachineDefinition` returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsDiagnostic {
    /// Whether the machine could be created nevertheless.
    pub severity: Severity,
    /// AWS's code.
    pub code: &'static str,
    /// AWS's text where we know it.
    pub message: String,
    /// Where; some problems have no place.
    pub location: Option<String>,
}

/// What to validate by, and how much to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidationOptions {
    /// The rules of the machine's type.
    pub rules: Rules,
    /// The least severity to return: errors only, or warnings too.
    pub severity: Severity,
    /// How many diagnostics to return; 0 means [`VALIDATION_RESULTS_MAX`].
    pub results_max: usize,
}

impl Default for ValidationOptions {
    fn default() -> Self {
        Self { rules: Rules::default(), severity: Severity::Error, results_max: 0 }
    }
}

/// The answer of `ValidateStateMachineDefinition`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validation {
    /// `OK` or `FAIL`; warnings alone are no failure.
    pub is_ok: bool,
    /// The problems in AWS's order.
    pub diagnostics: Vec<AwsDiagnostic>,
    /// There are more than were asked for.
    pub is_truncated: bool,
    /// What AWS accepts and we do not support yet, in our own words.
    ///
    /// Where there is any, the rest of the answer is not what AWS would say.
    pub unsupported: Vec<Diagnostic>,
}

/// AWS: `ValidateStateMachineDefinition`, default and maximum of `maxResults`.
pub const VALIDATION_RESULTS_MAX: usize = 100;

/// Validates a definition as `ValidateStateMachineDefinition` does.
pub fn validate(definition: &str, options: ValidationOptions) -> Validation {
    let found = parse_as(definition, "", options.rules).diagnostics;
    let mut diagnostics = ordered(&found);
    let is_ok = diagnostics.iter().all(|found| found.severity != Severity::Error);
    if options.severity == Severity::Error {
        diagnostics.retain(|found| found.severity == Severity::Error);
    }
    let limit = match options.results_max {
        0 => VALIDATION_RESULTS_MAX,
        limit => limit.min(VALIDATION_RESULTS_MAX),
    };
    let is_truncated = diagnostics.len() > limit;
    diagnostics.truncate(limit);
    let unsupported = found.into_iter().filter(|found| found.code.is_unsupported()).collect();
    Validation { is_ok, diagnostics, is_truncated, unsupported }
}

/// Returns the errors of a definition that AWS reports too, in AWS's order.
///
/// What only we do not support is left out: a definition with such a problem is compared in vain.
pub fn aws_diagnostics(diagnostics: &[Diagnostic]) -> Vec<AwsDiagnostic> {
    let mut errors = ordered(diagnostics);
    errors.retain(|found| found.severity == Severity::Error);
    errors
}

/// Joins diagnostics as `CreateStateMachine` does in its error message.
pub fn creation_message(diagnostics: &[AwsDiagnostic]) -> String {
    let parts: Vec<_> = diagnostics
        .iter()
        .map(|AwsDiagnostic { code, message, location, .. }| {
            let location = location.as_deref().unwrap_or("null");
            format!("{code}: {message} at {location}")
        })
        .collect();
    format!("Invalid State Machine Definition: '{}'", parts.join(", "))
}

fn ordered(diagnostics: &[Diagnostic]) -> Vec<AwsDiagnostic> {
    // AWS: without a terminal state it does not look for unreachable ones (measured).
    let endless = diagnostics.iter().any(|found| found.code == Code::NoTerminalState);
    let mut known: Vec<_> = diagnostics
        .iter()
        .filter(|found| !(endless && found.code == Code::Unreachable))
        .filter_map(|found| found.code.aws().map(|code| (found, code)))
        .collect();
    // AWS: recordings show the schema's faults first, then targets, unreachable states and the
    // missing end. Within each the order of the text is a guess, and so is the place of warnings.
    known.sort_by_key(|(found, _)| match found.code {
        Code::UnknownTarget => 1,
        Code::Unreachable => 2,
        Code::NoTerminalState => 3,
        _ if !found.is_error() => 4,
        _ => 0,
    });
    let reported = known.into_iter().map(|(found, code)| AwsDiagnostic {
        severity: found.code.severity(),
        code,
        message: found.message.clone(),
        location: match found.code {
            Code::NoTerminalState | Code::NotAnObject | Code::TooLarge => None,
            _ => Some(found.location.as_deref().unwrap_or(&found.path).to_owned()),
        },
    });
    reported.collect()
}
