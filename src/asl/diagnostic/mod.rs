//! What is wrong with a definition: a stable code, a place, and what to write instead.
//!
//! Where AWS has a text for a problem, the message is that text, so that people find it on the
//! web and recorded validations compare; the label and the help are ours.

mod code;
mod render;

use std::cmp::Reverse;

pub use code::Code;
pub use render::{excerpt, github, json, render, short};

use super::source::Span;

/// One problem of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which problem.
    pub code: Code,
    /// What was found, in AWS's words where it has some.
    pub message: String,
    /// Where, as exactly as possible.
    pub span: Span,
    /// Where in the language, as AWS writes locations: `/States/Pay/Next`, `/` for the machine.
    pub path: String,
    /// Where as AWS writes it, if that is not `path`: a place in the text, for text that is no JSON.
    pub location: Option<Box<str>>,
    /// A few words beside the caret.
    pub label: Option<Box<str>>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Makes a diagnostic without label and help.
    pub fn new(code: Code, path: &str, span: Span, message: impl Into<String>) -> Self {
        let (message, path) = (message.into(), path.to_owned());
        Self { code, message, span, path, location: None, label: None, help: None }
    }

    /// Puts a few words beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into().into_boxed_str());
        self
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Tells whether it forbids running the definition.
    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The definition cannot run.
    Error,
    /// The definition can run, but hardly as meant.
    Warning,
}

impl Severity {
    /// Returns the word in messages: `error`, `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Returns the long text of a code, written in any case; `None` for what is no code.
pub fn explain(number: &str) -> Option<&'static str> {
    Code::from_number(number).map(Code::explain)
}

/// Finds the name that was probably meant.
pub fn did_you_mean<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let folded = written.to_lowercase();
    known
        .into_iter()
        .filter_map(|name| Some((likeness(&folded, &name.to_lowercase())?, name)))
        // The smallest in descending order: of equal likeness, the first known name wins.
        .min_by(|a, b| b.0.total_cmp(&a.0))
        .map(|(_, name)| name)
}

/// How alike two names are, if one may have been meant by the other.
fn likeness(written: &str, known: &str) -> Option<f64> {
    let likeness = strsim::jaro_winkler(written, known);
    // Of short names, a letter that is missing, too many or another one makes them look unlike.
    let slip = || {
        let length = written.len().max(known.len());
        (3..=5).contains(&length) && written.len() > 1 && strsim::osa_distance(written, known) == 1
    };
    (likeness >= 0.85 || slip()).then_some(likeness)
}

/// Puts diagnostics in the order of the text.
pub(super) fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|diagnostic| {
        (diagnostic.span.start, Reverse(diagnostic.span.end), diagnostic.code.as_str())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_close_or_absent() {
        let known = ["Parameters", "ResultPath", "InputPath"];
        assert_eq!(did_you_mean("Paramters", known), Some("Parameters"));
        assert_eq!(did_you_mean("resultpath", known), Some("ResultPath"));
        assert_eq!(did_you_mean("Zebra", known), None);
        let short = ["sort", "sum", "abs"];
        assert_eq!(did_you_mean("sm", short), Some("sum"));
        assert_eq!(did_you_mean("sun", short), Some("sum"));
        assert_eq!(did_you_mean("s", short), None);
        assert_eq!(did_you_mean("x", ["y"]), None);
    }
}
