//! What can be wrong with a scenario, each with the way out.

use std::fmt::{self, Display, Formatter, Write as _};
use std::path::PathBuf;

use super::is_secret;

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

    /// What the parser said about a scenario file, with a proposal for a misspelt key; without the
    /// values of secrets that stand in the line it shows.
    pub(crate) fn written_wrongly(error: &toml::de::Error, text: &str) -> Self {
        let lines = error.to_string();
        let lines = lines.trim_end().lines().map(|line| match line.split_once(" | ") {
            Some((number, shown)) => format!("{number} | {}", masked(shown)),
            None => line.to_owned(),
        });
        let mut said = lines.collect::<Vec<_>>().join("\n");
        if let Some(proposal) = proposal(error.message()) {
            said.push_str("\nhelp: did you mean `");
            said.push_str(&proposal);
            said.push_str("`?");
        } else if let Some((missing, found)) = misspelt(error, text) {
            // Writing to memory cannot fail.
            let _ = write!(said, "\nhelp: there is a `{found}`; did you mean `{missing}`?");
        }
        Self::WrittenWrongly(said)
    }
}

/// Returns a line of a scenario file without the values of secret settings, as long as it was.
fn masked(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut key = "";
    let mut rest = line;
    while let Some(start) = rest.find(['"', '\'']) {
        let (before, quoted) = rest.split_at(start);
        let quote = quoted.chars().next().unwrap_or_default();
        let length = quoted[1..].find(quote).map_or(quoted.len(), |end| end + 2);
        let (text, after) = quoted.split_at(length);
        masked.push_str(before);
        let bare = before.rsplit(['{', ',']).next().unwrap_or_default();
        if bare.contains('=') {
            // A value; its key stands before it, bare or as the text before.
            let bare = bare.trim_end_matches(['=', ' ']).trim();
            let key = if bare.is_empty() { key } else { bare };
            if is_secret(key) {
                masked.push_str(&"*".repeat(text.chars().count()));
            } else {
                masked.push_str(text);
            }
        } else {
            masked.push_str(text);
        }
        key = text;
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// Returns the missing key, and one nobody knows that stands where it should and looks like it.
fn misspelt(error: &toml::de::Error, text: &str) -> Option<(String, String)> {
    let missing = error.message().strip_prefix("missing field `")?.strip_suffix('`')?;
    let table = text.get(error.span()?.start..)?;
    // From the head of the table to that of the next.
    let lines = table.lines().enumerate();
    let lines = lines.take_while(|(nth, line)| *nth == 0 || !line.trim_start().starts_with('['));
    lines
        .flat_map(|(_, line)| line.split([',', '{', '}']))
        .filter_map(|part| {
            part.split_once('=').map(|(key, _)| key.trim().trim_matches(['"', '\'']))
        })
        .map(|found| (strsim::jaro_winkler(missing, found), found))
        .filter(|(likeness, found)| *likeness > 0.8 && *found != missing)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, found)| (missing.to_owned(), found.to_owned()))
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
    fn a_shown_line_has_no_secrets() {
        let line = r#"properties = { "sasl.password" = "hush", "linger.ms" = "5" } }"#;
        let shown = masked(line);
        assert_eq!(shown, r#"properties = { "sasl.password" = ******, "linger.ms" = "5" } }"#);
        assert_eq!(shown.len(), line.len());
        assert_eq!(masked("ssl.key.password = 'ab"), "ssl.key.password = ***");
        assert_eq!(masked("name = 'ab'"), "name = 'ab'");
    }

    #[test]
    fn a_misspelt_key_is_told_beside_the_missing_one() {
        let text = "[[stage]]\nshape = 'ramp'\nfrom = 0\ntoo = 5\nduration = '1s'\n[keys]\n";
        let error = toml::from_str::<crate::scenario::File>(text).unwrap_err();
        let said = Problem::written_wrongly(&error, text).to_string();
        assert!(said.contains("missing field `to`"), "{said}");
        assert!(said.contains("there is a `too`; did you mean `to`?"), "{said}");
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
