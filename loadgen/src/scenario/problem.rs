//! What can be wrong with a scenario, each with the way out.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

/// Everything wrong with a scenario and its flags, at once.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Problems {
    /// The scenario file, if there is one.
    pub(crate) file: Option<PathBuf>,
    /// What is wrong.
    pub(crate) list: Vec<Problem>,
}

impl Display for Problems {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        for (nth, problem) in self.list.iter().enumerate() {
            let start = if nth == 0 { "" } else { "\nerror: " };
            write!(f, "{start}{problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(crate) enum Problem {
    /// A file cannot be read, or is not UTF-8.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The scenario file is no TOML, or says what no scenario can say.
    #[error("{0}")]
    WrittenWrongly(String),
    /// A setting that has no default is nowhere.
    #[error("{what} is missing; give {flag}, or {key} in a scenario file")]
    Missing {
        /// What it is.
        what: &'static str,
        /// The flag.
        flag: &'static str,
        /// The key.
        key: &'static str,
    },
    /// Nothing says when the run ends.
    #[error(
        "how long? add --duration 30s or --count 100000, or stages in a scenario file (--scenario)"
    )]
    Endless,
    /// Nothing would be sent.
    #[error("nothing would be sent: the rate is 0 throughout")]
    Silent,
    /// The run would end before its first event is measured.
    #[error("the warm-up leaves nothing to measure; make the run longer than --warmup")]
    WarmupTooLong,
    /// Rejected events would appear where nobody looks.
    #[error("malformed events need --dead-letter-topic, where they must appear")]
    PoisonWithoutDeadLetters,
    /// One topic cannot tell two kinds of record apart.
    #[error("topic {0:?} is given for two kinds of record; use one topic for each")]
    TopicTwice(String),
    /// A value by itself is out of its range.
    #[error("{place}: {reason}")]
    BadValue {
        /// The key.
        place: String,
        /// Why.
        reason: String,
    },
    /// Results are compared as JSON, so the expectation has to be JSON with its holes filled.
    #[error("the expected result (--expect) is not JSON: {0}")]
    ExpectationNotJson(String),
}

impl Problem {
    /// A value that is out of its range.
    pub(crate) fn bad(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::BadValue { place: place.into(), reason: reason.into() }
    }

    /// What the parser said about a scenario file, with a proposal for a misspelt key.
    pub(crate) fn written_wrongly(error: &toml::de::Error) -> Self {
        let mut text = error.to_string().trim_end().to_owned();
        if let Some(proposal) = proposal(error.message()) {
            text.push_str("\nhelp: did you mean `");
            text.push_str(&proposal);
            text.push_str("`?");
        }
        Self::WrittenWrongly(text)
    }
}

/// Returns the known word nearest to the unknown one, both as the parser quotes them.
fn proposal(message: &str) -> Option<String> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    quoted
        .map(|known| (strsim::jaro_winkler(unknown, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_key_is_proposed() {
        let message = "unknown field `warmpu`, expected one of `name`, `seed`, `warmup`";
        assert_eq!(proposal(message).as_deref(), Some("warmup"));
        assert_eq!(proposal("unknown field `zzz`, expected one of `name`, `seed`"), None);
        assert_eq!(proposal("missing field `rate`"), None);
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let problems = Problems {
            file: Some("a.toml".into()),
            list: vec![Problem::Silent, Problem::TopicTwice("x".to_owned())],
        };
        let text = problems.to_string();
        assert!(text.starts_with("a.toml: nothing would be sent"), "{text}");
        assert!(text.contains("\nerror: topic \"x\" is given"), "{text}");
    }
}
