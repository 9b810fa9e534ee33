//! Kinds `create_error`, `validate` and `variable_references`: what AWS says of a definition
//! without running it.

use serde_json::{Value, json};

use super::case::Case;
use super::pattern::Comparison;
use super::run::Verdict;
use super::world;
use crate::asl::check::{AwsDiagnostic, aws_diagnostics, creation_message};
use crate::asl::{Parsed, parse_as};

/// `CreateStateMachine` refuses the definition.
pub(super) fn create_error(case: &Case) -> Verdict {
    let parsed = parse(case);
    if let Some(unsupported) = world::unsupported(&parsed.diagnostics) {
        return unsupported;
    }
    let found = aws_diagnostics(&parsed.diagnostics);
    if found.is_empty() {
        return Verdict::Failed(
            "error_response: expected one, the definition is accepted".to_owned(),
        );
    }
    let answer = json!({"code": "InvalidDefinition", "message": creation_message(&found)});
    let comparison = Comparison::default();
    comparison
        .optional("error_response", case.expected.error_response.as_ref(), Some(&answer))
        .into()
}

/// `ValidateStateMachineDefinition`.
pub(super) fn validate(case: &Case) -> Verdict {
    let parsed = parse(case);
    if let Some(unsupported) = world::unsupported(&parsed.diagnostics) {
        return unsupported;
    }
    let answer = validation(&aws_diagnostics(&parsed.diagnostics));
    let comparison = Comparison::default();
    comparison.optional("response", case.expected.response.as_ref(), Some(&answer)).into()
}

/// The variables that each state refers to.
pub(super) fn variable_references(case: &Case) -> Verdict {
    let parsed = parse(case);
    if parsed.machine.is_none() {
        return world::refusal(&parsed);
    }
    Verdict::Unsupported("the variables that states refer to are not listed yet".to_owned())
}

fn parse(case: &Case) -> Parsed {
    parse_as(&world::stand_ins(&case.definition), &case.name, case.machine_type)
}

/// The API's answer.
fn validation(found: &[AwsDiagnostic]) -> Value {
    let diagnostics: Vec<_> = found
        .iter()
        .map(|AwsDiagnostic { code, message, location }| {
            let mut diagnostic = json!({"severity": "ERROR", "code": code, "message": message});
            if let Some(location) = location {
                diagnostic["location"] = Value::from(location.as_str());
            }
            diagnostic
        })
        .collect();
    let result = if found.is_empty() { "OK" } else { "FAIL" };
    json!({"result": result, "diagnostics": diagnostics, "truncated": false})
}
