//! What is wrong with an expression, shown in the text that was typed.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::asl::diagnostic::excerpt;
use crate::asl::expression::{self, OPENING};
use crate::asl::finding::{Finding, Kind};
use crate::asl::source::{Position, Source, Span};
use crate::expr::jsonata;

/// An expression as it was typed.
#[derive(Clone, Copy)]
pub(super) struct Typed<'a> {
    whole: &'a str,
    /// The expression itself: without `{%`, `%}` and blanks at the ends.
    pub(super) text: &'a str,
    /// Where in the whole it begins.
    start: usize,
}

impl<'a> Typed<'a> {
    pub(super) fn new(whole: &'a str) -> Self {
        let trimmed = whole.trim();
        let mut start = blanks_before(whole);
        let inner = expression::text(trimmed).unwrap_or(trimmed);
        if inner.len() < trimmed.len() {
            start += OPENING.len();
        }
        Self { whole, text: inner.trim(), start: start + blanks_before(inner) }
    }
}

fn blanks_before(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// Something about the expression, and where in its text.
pub(super) struct Complaint {
    pub(super) code: Option<&'static str>,
    pub(super) message: String,
    pub(super) span: Option<Span>,
    pub(super) help: Option<String>,
}

impl Complaint {
    pub(super) fn plain(message: &dyn std::fmt::Display) -> Self {
        Self { code: None, message: message.to_string(), span: None, help: None }
    }

    pub(super) fn at(message: String, span: Span) -> Self {
        Self { code: None, message, span: Some(span), help: None }
    }

    /// The same as where a definition is read, in the words of a command line.
    pub(super) fn of_finding(found: Finding<'_>) -> Self {
        let mut complaint =
            Self { span: found.span.map(span), help: None, ..Self::plain(&found.message()) };
        complaint.help = match &found.kind {
            Kind::Syntax(thrown) => return Self::of_thrown(thrown),
            Kind::ContextItem(_) => found
                .help
                .map(|help| format!("{help}; with --dialect full the document itself is $")),
            Kind::Missing(field) => match option_for(field) {
                Some(option) => {
                    complaint.message = format!("$states.{field} is not given");
                    Some(format!("give it with {option} FILE"))
                }
                None => found.help,
            },
            Kind::Unknown(name) => {
                complaint.message =
                    format!("'${name}' is neither a function nor a variable that is given");
                found.help.or_else(|| Some("give variables with --variables FILE".to_owned()))
            }
            Kind::NewerOperator(_) => found.help,
        };
        complaint
    }

    pub(super) fn of_thrown(thrown: &jsonata::Thrown) -> Self {
        let code = match thrown.code() {
            // These are no codes of JSONata.
            jsonata::Code::Memory | jsonata::Code::Internal => None,
            code => Some(code.as_str()),
        };
        Self { code, message: thrown.message(), span: thrown.span().map(span), help: None }
    }

    /// The message, and the line with a caret under the place.
    pub(super) fn render(&self, typed: Typed<'_>, severity: &str) -> String {
        let code = self.code.map(|code| format!("{code}: ")).unwrap_or_default();
        let mut text = format!("{severity}: {code}{}\n", self.message);
        let mut blank = " ".to_owned();
        if let Some(span) = self.span_in(typed) {
            let source = Source { file: "", text: typed.whole };
            let Position { line, column } = source.position(span.start);
            let (shown, caret) = excerpt(span, source);
            let number = line.to_string();
            blank = " ".repeat(number.len());
            let _ = writeln!(text, "{blank}--> {line}:{column}\n{blank} |");
            let _ = writeln!(text, "{number} | {shown}\n{blank} | {caret}");
        }
        if let Some(help) = &self.help {
            let _ = writeln!(text, "{blank} = help: {help}");
        }
        text
    }

    pub(super) fn json(&self, typed: Typed<'_>) -> Json {
        let source = Source { file: "", text: typed.whole };
        let place = self.span_in(typed).map(|span| source.position(span.start));
        let mut json = json!({
            "code": self.code,
            "message": self.message,
            "line": place.map(|place| place.line),
            "column": place.map(|place| place.column),
        });
        if let Some(help) = &self.help {
            json["help"] = help.as_str().into();
        }
        json
    }

    fn span_in(&self, typed: Typed<'_>) -> Option<Span> {
        let Span { start, end } = self.span?;
        Some(Span::new(typed.start + start as usize, typed.start + end as usize))
    }
}

/// The option that gives a part of `$states`.
fn option_for(field: &str) -> Option<&'static str> {
    Some(match field {
        "input" => "--input",
        "context" => "--context",
        "result" => "--result",
        "errorOutput" => "--error-output",
        _ => return None,
    })
}

/// A place of the engine's as one of the command line's.
fn span(span: jsonata::Span) -> Span {
    Span { start: span.start, end: span.end }
}
