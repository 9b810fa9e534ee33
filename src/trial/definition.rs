//! Kinds `create_error`, `validate` and `variable_references`: what AWS says of a definition
//! without running it.

use serde_json::{Value, json};

use super::case::Case;
use super::pattern::Comparison;
use super::run::Verdict;
use super::world;
use crate::asl::check::{self, Validation, ValidationOptions, aws_diagnostics, creation_message};
use crate::asl::{Parsed, Severity, parse_as};

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
    let text = world::stand_ins(&case.definition);
    let severity = match case.options["severity"].as_str() {
        Some("WARNING") => Severity::Warning,
        _ => Severity::Error,
    };
    let results_max = case.options["maxResults"].as_u64().unwrap_or_default() as usize;
    let options = ValidationOptions { rules: case.machine_type.into(), severity, results_max };
    let validation = check::validate(&text, options);
    if let Some(unsupported) = world::unsupported(&validation.unsupported) {
        return unsupported;
    }
    let answer = answer(&validation);
    let comparison = Comparison::default();
    comparison.optional("response", case.expected.response.as_ref(), Some(&answer)).into()
}

/// The API's answer.
fn answer(validation: &Validation) -> Value {
    let diagnostics: Vec<_> = validation
        .diagnostics
        .iter()
        .map(|found| {
            let severity = if found.severity == Severity::Error { "ERROR" } else { "WARNING" };
            let mut diagnostic =
                json!({"severity": severity, "code": found.code, "message": found.message});
            if let Some(location) = &found.location {
                diagnostic["location"] = Value::from(location.as_str());
            }
            diagnostic
        })
        .collect();
    let result = if validation.is_ok { "OK" } else { "FAIL" };
    json!({"result": result, "diagnostics": diagnostics, "truncated": validation.is_truncated})
}

/// The variables that each state refers to, each list as a set.
pub(super) fn variable_references(case: &Case) -> Verdict {
    let text = world::stand_ins(&case.definition);
    let Ok(found) = check::described_variables(&text, case.machine_type) else {
        return world::refusal(&parse(case));
    };
    let found = json!(found);
    let mut expected = case.expected.variable_references.clone().unwrap_or_default();
    for list in expected.as_object_mut().into_iter().flatten() {
        let names = list.1.as_array_mut().into_iter();
        names.for_each(|names| names.sort_by(|a, b| a.as_str().cmp(&b.as_str())));
    }
    let difference = Comparison::default().difference("variableReferences", &expected, &found);
    difference.into()
}

fn parse(case: &Case) -> Parsed {
    parse_as(&world::stand_ins(&case.definition), &case.name, case.machine_type)
}
