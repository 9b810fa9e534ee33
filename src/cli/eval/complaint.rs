//! What is wrong with an expression, shown in the text that was typed.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::asl::diagnostic::excerpt;
use crate::asl::expression::{self, OPENING};
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

    /// A part of the expression's text.
    pub(super) fn part(&self, span: Span) -> &'a str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
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

    pub(super) fn help(mut self, help: String) -> Self {
        self.help = Some(help);
        self
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

/// A place of the engine's as one of the command line's.
pub(super) fn span(span: jsonata::Span) -> Span {
    Span { start: span.start, end: span.end }
}
