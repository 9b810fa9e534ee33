//! What is wrong with a configuration, with its place, for people and for scripts.

use std::fmt::Write as _;
use std::ops::Range;
use std::rc::Rc;

use serde::Serialize;

use super::files::NamedDefinition;

/// Stable code of a problem; a code is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Code {
    /// The file is not TOML, or cannot be read.
    #[serde(rename = "CFG0001")]
    Unreadable,
    /// No such key.
    #[serde(rename = "CFG0002")]
    UnknownKey,
    /// The value has the wrong type.
    #[serde(rename = "CFG0003")]
    WrongType,
    /// The value is out of range or malformed.
    #[serde(rename = "CFG0004")]
    BadValue,
    /// A key that must be there is not.
    #[serde(rename = "CFG0005")]
    Missing,
    /// Understood, but not built yet.
    #[serde(rename = "CFG0006")]
    NotYet,
    /// A librdkafka property that would break a promise of the service.
    #[serde(rename = "CFG0007")]
    Reserved,
    /// Two settings contradict each other.
    #[serde(rename = "CFG0008")]
    Conflict,
    /// This build lacks the feature that the setting needs.
    #[serde(rename = "CFG0009")]
    NotBuilt,
}

impl Code {
    /// The code as printed, `CFG0002`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "CFG0001",
            Self::UnknownKey => "CFG0002",
            Self::WrongType => "CFG0003",
            Self::BadValue => "CFG0004",
            Self::Missing => "CFG0005",
            Self::NotYet => "CFG0006",
            Self::Reserved => "CFG0007",
            Self::Conflict => "CFG0008",
            Self::NotBuilt => "CFG0009",
        }
    }

    /// Every code, in order.
    pub const ALL: [Self; 9] = [
        Self::Unreadable,
        Self::UnknownKey,
        Self::WrongType,
        Self::BadValue,
        Self::Missing,
        Self::NotYet,
        Self::Reserved,
        Self::Conflict,
        Self::NotBuilt,
    ];

    /// Returns what the problem is, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Unreadable => "the configuration cannot be read",
            Self::UnknownKey => "there is no such key",
            Self::WrongType => "a value has the wrong type",
            Self::BadValue => "a value is out of range or malformed",
            Self::Missing => "a key without a default is missing",
            Self::NotYet => "a value is planned, but not supported yet",
            Self::Reserved => "a client property is set by the service itself",
            Self::Conflict => "settings contradict each other",
            Self::NotBuilt => "this program was built without what a setting needs",
        }
    }

    /// What the code stands for and how to mend it, for `expressway explain`.
    pub fn explain(self) -> &'static str {
        match self {
            Self::Unreadable => {
                "The configuration is not valid TOML, or the system does not let it be read. After a\n\
                 mistake in its TOML nothing else of it is checked."
            }
            Self::UnknownKey => {
                "No such key exists. `expressway config schema` lists all of them; `expressway config\n\
                 init` prints a file with every key, its default and its meaning."
            }
            Self::WrongType => {
                "The value has another type than the key wants, such as text for a number. `expressway\n\
                 config init` shows how each is written."
            }
            Self::BadValue => {
                "The value is out of range or not written as the key wants it, or it names a file that\n\
                 is not there. A relative path starts at the folder of the configuration file."
            }
            Self::Missing => {
                "The key has no default, since no value would be right for everyone. `expressway\n\
                 config init` prints a file in which all such keys are set."
            }
            Self::NotYet => {
                "The value is known and planned, but this version does not support it. It is refused\n\
                 rather than ignored, so that a run never does less than was asked."
            }
            Self::Reserved => {
                "The librdkafka property is set by the service itself; another value would lose events,\n\
                 double them, or stop the client from starting."
            }
            Self::Conflict => {
                "Each setting is valid alone, but together they cannot be carried out. The message names\n\
                 the other one; change either."
            }
            Self::NotBuilt => {
                "The setting needs a part that this program was built without, which keeps the usual\n\
                 build small. Build it with the feature that the message names, or leave the key out."
            }
        }
    }
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Bytes of the file.
    File(Range<usize>),
    /// An environment variable.
    Environment(Rc<str>),
    /// Neither: a default, or the file as a whole.
    Nowhere,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Stable code.
    pub code: Code,
    /// Where.
    pub place: Place,
    /// Path of the key, such as `pipeline[0].topics`; empty for the file as a whole.
    pub key: String,
    /// What is wrong; lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// All problems of one configuration, with the text they point into.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.render())]
pub struct Problems {
    /// Name of the file as given.
    pub file: String,
    /// Its text.
    pub text: String,
    /// In the order of the file; those of the environment come last.
    pub list: Vec<Problem>,
    /// The definitions that are there, for whoever looks into them all the same.
    pub definitions: Vec<NamedDefinition>,
    /// Bytes of the text that are not shown, such as passwords, by their start.
    pub hidden: Vec<Range<usize>>,
}

/// One problem with its place resolved, as `--json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Located<'a> {
    /// Stable code.
    pub code: Code,
    /// File, when the place is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<&'a str>,
    /// Line from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// Environment variable, when the place is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<&'a str>,
    /// Path of the key.
    pub key: &'a str,
    /// What is wrong.
    pub message: &'a str,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<&'a str>,
}

impl Problems {
    /// The problems with line and column.
    pub fn located(&self) -> Vec<Located<'_>> {
        let locate = |problem: &'_ Problem| {
            let position = match &problem.place {
                Place::File(span) => Some(position(&self.text, span.start)),
                Place::Environment(_) | Place::Nowhere => None,
            };
            (position.map(|at| at.0), position.map(|at| at.1))
        };
        self.list
            .iter()
            .map(|problem| {
                let (line, column) = locate(problem);
                Located {
                    code: problem.code,
                    file: (!matches!(problem.place, Place::Environment(_)))
                        .then_some(self.file.as_str()),
                    line,
                    column,
                    variable: match &problem.place {
                        Place::Environment(name) => Some(name),
                        Place::File(_) | Place::Nowhere => None,
                    },
                    key: &problem.key,
                    message: &problem.message,
                    help: problem.help.as_deref(),
                }
            })
            .collect()
    }

    /// All problems as text, each with its line and a caret.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for problem in &self.list {
            self.render_one(problem, &mut out);
        }
        out.truncate(out.trim_end().len());
        out
    }

    fn render_one(&self, problem: &Problem, out: &mut String) {
        let code = problem.code.as_str();
        // Writing to a String cannot fail.
        let _ = match &problem.place {
            Place::File(span) => {
                let (line, column) = position(&self.text, span.start);
                let (source, indent, carets) = self.excerpt(span);
                let gutter = line.to_string().len();
                writeln!(
                    out,
                    "{}:{line}:{column}: error[{code}]: {}\n{line} | {source}\n{:gutter$} | {:indent$}{}",
                    self.file,
                    problem.message,
                    "",
                    "",
                    "^".repeat(carets),
                )
            }
            Place::Environment(name) => {
                writeln!(out, "environment {name}: error[{code}]: {}", problem.message)
            }
            Place::Nowhere => writeln!(out, "{}: error[{code}]: {}", self.file, problem.message),
        };
        if let Some(help) = &problem.help {
            let _ = writeln!(out, "  help: {help}");
        }
    }
}

impl Problems {
    /// The line in which a span starts, how far in that is as the line is shown, and how much of the
    /// line it covers.
    fn excerpt(&self, span: &Range<usize>) -> (String, usize, usize) {
        let start = span.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = self.text.get(start..).unwrap_or_default();
        let line_end = start + rest.find('\n').unwrap_or(rest.len());
        let source = self.shown(line_start..line_end).chars().take(SOURCE_CHARS_MAX).collect();
        let chars = |piece: Range<usize>| self.shown(piece).chars().count();
        let indent = chars(line_start..start).min(SOURCE_CHARS_MAX);
        let carets = chars(start..span.end.clamp(start, line_end)).clamp(1, SOURCE_CHARS_MAX);
        (source, indent, carets)
    }

    /// A piece of a line as it may be shown.
    fn shown(&self, piece: Range<usize>) -> String {
        let text = |piece: Range<usize>| self.text.get(piece).unwrap_or_default();
        let mut out = String::new();
        let mut at = piece.start;
        for hidden in &self.hidden {
            let (from, to) = (hidden.start.max(at), hidden.end.min(piece.end));
            if from < to {
                out.push_str(text(at..from));
                out.push_str("***");
                at = to;
            }
        }
        out.push_str(text(at..piece.end));
        out.truncate(out.trim_end_matches('\r').len());
        out
    }
}

/// Line and column from 1; the column counts characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let offset = offset.min(text.len());
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// The nearest of the known words, if it is near enough to be a slip of the finger.
pub(super) fn did_you_mean<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

/// A source line is cut here; configuration lines are short, injected ones need not be.
const SOURCE_CHARS_MAX: usize = 160;
