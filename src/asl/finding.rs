//! What there is to say of a JSONata expression: why it is refused, and what in it is hardly meant.
//!
//! The parser of definitions gives each finding its place in the definition, the command line its
//! place in what was typed. Nothing here knows what is around an expression: which parts of
//! `$states` there are and which variables have a value is told by who asks.

use std::collections::BTreeSet;

use super::diagnostic::{Code, did_you_mean};
use super::place::Cut;
use crate::base::limits::NAME_CHARS_MAX;
use crate::expr::jsonata::{self, Refusal, Span, Thrown};

/// Something about an expression.
#[derive(Clone, Debug)]
pub(crate) struct Finding<'a> {
    /// What it is.
    pub(crate) kind: Kind<'a>,
    /// Where in the expression's text, if it is at one place.
    pub(crate) span: Option<Span>,
    /// What to write instead.
    pub(crate) help: Option<String>,
}

/// What was found.
#[derive(Clone, Debug)]
pub(crate) enum Kind<'a> {
    /// It does not parse.
    Syntax(Thrown),
    /// A read of the context item, which is not there, in AWS's words.
    ContextItem(String),
    /// A read of a part of `$states` that is not there, by its name.
    Missing(Box<str>),
    /// A name that nothing gives a value, without `$`.
    Unknown(Box<str>),
    /// A use of `??` or `?:`.
    NewerOperator(&'a str),
}

impl Finding<'_> {
    pub(crate) fn code(&self) -> Code {
        match &self.kind {
            Kind::Syntax(thrown) if thrown.code() == jsonata::Code::S0303 => Code::UnsupportedRegex,
            Kind::Syntax(_) => Code::BadExpression,
            Kind::ContextItem(_) => Code::UnsupportedExpression,
            Kind::Missing(_) => Code::MissingOfStates,
            Kind::Unknown(_) => Code::UnknownVariable,
            Kind::NewerOperator(_) => Code::NewerOperator,
        }
    }

    /// What was found, in AWS's words where it has some.
    pub(crate) fn message(&self) -> String {
        match &self.kind {
            // AWS: its message is the text without the code.
            Kind::Syntax(thrown) => thrown.message(),
            Kind::ContextItem(message) => message.clone(),
            Kind::Missing(field) => format!("Field '$states.{}' does not exist.", Cut(field)),
            Kind::Unknown(name) => {
                let name = Cut(name);
                format!("'${name}' is neither a function nor a variable that a state assigns")
            }
            Kind::NewerOperator(operator) => {
                format!("'{operator}' is newer than the JSONata that AWS documents")
            }
        }
    }
}

/// Finds all that there is to say of an expression, what is refused first.
///
/// `has` tells which parts of `$states` there are, by name; an empty one is `$states` alone.
/// `assigned` are the variables with a value, without `$`.
pub(crate) fn find<'a>(
    text: &'a str,
    has: impl Fn(&str) -> bool,
    assigned: &BTreeSet<String>,
) -> Vec<Finding<'a>> {
    let references = match jsonata::check(text) {
        Ok(references) => references,
        Err(Refusal::Syntax(thrown)) => {
            let span = thrown.span();
            return vec![Finding { kind: Kind::Syntax(thrown), span, help: None }];
        }
        Err(Refusal::Unsupported(refused)) => {
            let one = |one: jsonata::Unsupported| Finding {
                kind: Kind::ContextItem(one.message),
                span: Some(one.span),
                help: Some(instead_of_context_item(part(text, one.span))),
            };
            return refused.into_iter().map(one).collect();
        }
    };
    let absent = references.states.into_iter().filter(|(field, _)| !has(field));
    let mut found: Vec<_> = first_of_each(absent)
        .map(|(field, span)| Finding {
            span: Some(span),
            help: Some(instead_of_states(&field)),
            kind: Kind::Missing(field),
        })
        .collect();
    let unknown = |name: &str| name != "states" && !assigned.contains(name);
    let unknown = references.variables.into_iter().filter(|(name, _)| unknown(name));
    found.extend(first_of_each(unknown).map(|(name, span)| Finding {
        span: Some(span),
        help: meant(&name, assigned),
        kind: Kind::Unknown(name),
    }));
    // Once is enough: who changes one finds the others beside it.
    found.extend(references.newer_operators.first().map(|&span| Finding {
        kind: Kind::NewerOperator(part(text, span)),
        span: Some(span),
        help: Some("write it with $exists and a condition, a ? b : c".to_owned()),
    }));
    found
}

/// The first place of each name, of so many names as are worth reporting.
fn first_of_each(
    names: impl Iterator<Item = (Box<str>, Span)>,
) -> impl Iterator<Item = (Box<str>, Span)> {
    let mut seen: Vec<Box<str>> = Vec::new();
    let first = names.filter(move |(name, _)| {
        let is_new = !seen.contains(name);
        if is_new {
            seen.push(name.clone());
        }
        is_new
    });
    first.take(REPORTED_MAX)
}

/// What to write instead of a read of the context item.
fn instead_of_context_item(name: &str) -> String {
    if name.starts_with('$') {
        return "the state's input is $states.input, the context object $states.context".to_owned();
    }
    let name = Cut(name);
    format!("write $states.input.{name} for the input, ${name} for a variable")
}

/// What to write instead of a part of `$states` that is not there.
fn instead_of_states(field: &str) -> String {
    match field {
        "result" => "only Output and Assign of Task, Parallel and Map states see a result".into(),
        "errorOutput" => "only Output and Assign of a catcher see an error".into(),
        _ => match did_you_mean(field, STATES_FIELDS.iter().copied()) {
            Some(meant) => format!("did you mean $states.{meant}?"),
            None => format!("a field of the state's input is $states.input.{}", Cut(field)),
        },
    }
}

/// What was probably meant by a name that nothing gives a value.
fn meant(name: &str, assigned: &BTreeSet<String>) -> Option<String> {
    if name == "eval" {
        return Some("AWS has no $eval: use $parse to read JSON".into());
    }
    let short = |name: &&str| name.len() <= NAME_CHARS_MAX;
    let assigned = assigned.iter().map(String::as_str).filter(short);
    let built_in = jsonata::function_names().chain(["states"]).map(|name| -> &str { name });
    let known = assigned.take(VARIABLES_COMPARED_MAX).chain(built_in);
    let meant = did_you_mean(Some(name).filter(short)?, known)?;
    Some(format!("did you mean ${meant}?"))
}

/// A part of an expression's text.
fn part(text: &str, span: Span) -> &str {
    text.get(span.start as usize..span.end as usize).unwrap_or_default()
}

/// Places are looked for from the start of the string, so that a hostile one could take long.
const REPORTED_MAX: usize = 20;

/// To compare names takes time, and a hostile definition could have very many.
const VARIABLES_COMPARED_MAX: usize = 200;

const STATES_FIELDS: &[&str] = &["input", "result", "errorOutput", "context"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_aws_would_match_is_refused_as_ours() {
        let of = |code| Finding { kind: Kind::Syntax(Thrown::new(code)), span: None, help: None };
        assert_eq!(of(jsonata::Code::S0303).code(), Code::UnsupportedRegex);
        assert_eq!(of(jsonata::Code::S0302).code(), Code::BadExpression);
        assert_eq!(Code::UnsupportedRegex.aws(), None);
    }

    #[test]
    fn each_name_is_reported_once_and_not_too_many_are() {
        let names = (0..50).map(|number| format!("$a{number} & $a{number}")).collect::<Vec<_>>();
        let text = names.join(" & ");
        let found = find(&text, |_| true, &BTreeSet::from(["a1".to_owned()]));
        assert_eq!(found.len(), REPORTED_MAX);
        assert!(matches!(&found[1].kind, Kind::Unknown(name) if &**name == "a2"), "{found:?}");
    }
}
