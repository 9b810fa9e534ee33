//! The same problems as AWS would report them: its codes, its order, its locations.

use crate::asl::diagnostic::{Code, Diagnostic};

/// A diagnostic as `ValidateStateMachineDefinition` returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsDiagnostic {
    /// AWS's code.
    pub code: &'static str,
    /// AWS's text where we know it.
    pub message: String,
    /// Where; some problems have no place.
    pub location: Option<String>,
}

/// Returns the errors of a definition that AWS reports too, in AWS's order.
///
/// What only we do not support is left out: a definition with such a problem is compared in vain.
pub fn aws_diagnostics(diagnostics: &[Diagnostic]) -> Vec<AwsDiagnostic> {
    let mut known: Vec<_> =
        diagnostics.iter().filter_map(|d| d.code.aws().map(|code| (d, code))).collect();
    // AWS: recordings show the schema's faults first, then targets, unreachable states and the
    // missing end. Within each the order of the text is a guess.
    known.sort_by_key(|(diagnostic, _)| match diagnostic.code {
        Code::UnknownTarget => 1,
        Code::Unreachable => 2,
        Code::NoTerminalState => 3,
        _ => 0,
    });
    let reported = known.into_iter().map(|(diagnostic, code)| AwsDiagnostic {
        code,
        message: diagnostic.message.clone(),
        location: match diagnostic.code {
            Code::NoTerminalState | Code::NotAnObject | Code::TooLarge => None,
            _ => Some(diagnostic.path.clone()),
        },
    });
    reported.collect()
}

/// Joins diagnostics as `CreateStateMachine` does in its error message.
pub fn creation_message(diagnostics: &[AwsDiagnostic]) -> String {
    let parts: Vec<_> = diagnostics
        .iter()
        .map(|AwsDiagnostic { code, message, location }| {
            let location = location.as_deref().unwrap_or("null");
            format!("{code}: {message} at {location}")
        })
        .collect();
    format!("Invalid State Machine Definition: '{}'", parts.join(", "))
}
