//! Files of JSON that a command is given, and what is wrong with them, by line and column.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{Failure, USAGE, read_input};
use crate::value::{ArenaId, Heap, ParseError, Parser, Value};

/// A text that should be JSON.
pub(super) struct Document {
    /// What messages call it.
    name: String,
    text: Vec<u8>,
}

impl Document {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let name = if path == Path::new("-") { "stdin".into() } else { path.to_string_lossy() };
        Ok(Self { name: name.into_owned(), text: read_input(path)? })
    }

    /// The members of the object that it is, by name.
    pub(super) fn members(&self) -> Result<Vec<(String, Self)>, Failure> {
        let read = serde_json::from_slice::<BTreeMap<String, Box<RawValue>>>(self.text());
        let members = read.map_err(|error| {
            if error.is_data() { self.refused("no JSON object") } else { self.misspelt(&error) }
        })?;
        let member = |(key, value): (String, Box<RawValue>)| {
            let name = format!("{}: variable {key}", self.name);
            (key, Self { name, text: value.get().into() })
        };
        Ok(members.into_iter().map(member).collect())
    }

    /// What it holds, as a value of serde's.
    pub(super) fn json(&self) -> Result<serde_json::Value, Failure> {
        serde_json::from_slice(self.text()).map_err(|error| self.misspelt(&error))
    }

    pub(super) fn parse(&self, heap: &mut Heap, parser: &mut Parser) -> Result<Value, Failure> {
        heap.parse(ArenaId::ROOT, self.text(), parser).map_err(|error| match error {
            ParseError::NotJson(_) => self.not_json(&error),
            _ => self.refused(error),
        })
    }

    /// The failure of a text that our parser found to be no JSON, with what it said.
    pub(super) fn not_json(&self, said: &dyn std::fmt::Display) -> Failure {
        // Our parser is made for events, which are valid or not; serde's knows where they are not.
        match serde_json::from_slice::<IgnoredAny>(self.text()) {
            Err(found) => self.misspelt(&found),
            Ok(_) => self.refused(said),
        }
    }

    /// Without blanks at its end, so that an unexpected end is where the text ends.
    pub(super) fn text(&self) -> &[u8] {
        self.text.trim_ascii_end()
    }

    fn misspelt(&self, error: &serde_json::Error) -> Failure {
        let (line, bytes) = (error.line(), error.column());
        let found = self.text().split(|&byte| byte == b'\n').nth(line.saturating_sub(1));
        let before = found.and_then(|found| found.get(..bytes)).unwrap_or_default();
        let column = String::from_utf8_lossy(before).chars().count().max(1);
        let said = error.to_string();
        let words = match said.rsplit_once(" at line ") {
            _ if error.is_eof() => "unexpected end",
            Some((words, _)) => words,
            None => &said,
        };
        Failure::new(USAGE, format!("{}:{line}:{column}: not valid JSON: {words}", self.name))
    }

    pub(super) fn refused(&self, why: impl std::fmt::Display) -> Failure {
        Failure::new(USAGE, format!("{}: {why}", self.name))
    }
}
