//! Reading a path, character by character.

use super::{Path, Root, Segment, Slice};
use crate::expr::SyntaxError;

/// Steps of a path that may lead to several values: bounds how deep an evaluation recurses.
const BRANCHES_MAX: usize = 32;

/// Steps of a path: no document is deeper.
const STEPS_MAX: usize = crate::base::limits::DOCUMENT_DEPTH_MAX;

/// Names in one step.
const NAMES_MAX: usize = 256;

/// What ends a name after a dot; a name with one of these needs brackets and quotes.
const NAME_ENDS: &[char] =
    &['.', '[', ']', '(', ')', '\'', '"', ',', '{', '}', ' ', '\t', '\r', '\n'];

/// What ends a name inside a filter as well.
const OPERATORS: &[char] = &['<', '>', '=', '~', '!', '&', '|'];

/// A place in a text.
pub(super) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    /// Filters, parentheses and lists that are open here.
    pub(super) depth: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at, depth: 0 }
    }

    /// A path with its root.
    pub(super) fn path(&mut self) -> Result<Path, SyntaxError> {
        let start = self.at;
        if !self.eat("$") {
            return Err(SyntaxError::new("path does not start with '$'", start));
        }
        let mut root = if self.eat("$") { Root::Context } else { Root::Input };
        let variable = self.variable();
        if !variable.is_empty() {
            if root == Root::Context {
                return Err(self.unexpected("'.' or '['"));
            }
            self.at += variable.len();
            root = Root::Variable;
        }
        let (segments, several_at) = self.segments()?;
        let text = self.text[start..self.at].to_owned();
        Ok(Path { text, root, variable, segments, several_at })
    }

    /// The variable's name that stands here; empty when there is none.
    fn variable(&self) -> String {
        let mut chars = self.rest().chars();
        match chars.next() {
            Some(first) if first.is_alphabetic() || first == '_' => {
                let rest = chars.take_while(|c| c.is_alphanumeric() || *c == '_');
                std::iter::once(first).chain(rest).collect()
            }
            _ => String::new(),
        }
    }

    /// What follows a root, and where the first step stands that may lead to several values.
    pub(super) fn segments(&mut self) -> Result<(Vec<Segment>, Option<usize>), SyntaxError> {
        let mut segments = Vec::new();
        let mut several_at = None;
        let mut branches = 0;
        loop {
            let mut start = self.at;
            if self.eat("..") {
                several_at = several_at.or(Some(start));
                segments.push(Segment::Descend);
                segments.push(self.dotted()?);
            } else if self.eat(".") {
                segments.push(self.dotted()?);
            } else if self.eat("[") {
                segments.push(self.bracketed()?);
            } else {
                return Ok((segments, several_at));
            }
            if segments.len() > STEPS_MAX {
                let message = format!("more than {STEPS_MAX} steps");
                return Err(SyntaxError::new(message, start));
            }
            start += 1;
            if !matches!(segments.last(), Some(Segment::Name(_) | Segment::Index(_))) {
                several_at = several_at.or(Some(start));
                branches += 1;
                if branches > BRANCHES_MAX {
                    let message = format!("more than {BRANCHES_MAX} steps to several values");
                    return Err(SyntaxError::new(message, start));
                }
            }
        }
    }

    fn dotted(&mut self) -> Result<Segment, SyntaxError> {
        let start = self.at;
        if self.eat("*") {
            return Ok(Segment::Wildcard);
        }
        if self.eat("[") {
            return self.bracketed();
        }
        let inside_filter = self.depth > 0;
        let ends = |c: char| NAME_ENDS.contains(&c) || (inside_filter && OPERATORS.contains(&c));
        let len = self.rest().find(ends).unwrap_or(self.rest().len());
        if len == 0 {
            return Err(self.unexpected("a name"));
        }
        self.at += len;
        if self.rest().starts_with('(') {
            return Err(SyntaxError::new("functions are not allowed in a path", start));
        }
        Ok(Segment::Name(self.text[start..self.at].to_owned()))
    }

    /// What stands between `[` and `]`.
    fn bracketed(&mut self) -> Result<Segment, SyntaxError> {
        self.blanks();
        let segment = match self.rest().as_bytes().first() {
            Some(b'\'' | b'"') => self.names()?,
            Some(b'?') => {
                self.at += 1;
                Segment::Filter(self.filter()?)
            }
            Some(b'*') => {
                self.at += 1;
                Segment::Wildcard
            }
            _ => self.numbers()?,
        };
        self.blanks();
        if self.eat("]") { Ok(segment) } else { Err(self.unexpected("']'")) }
    }

    fn names(&mut self) -> Result<Segment, SyntaxError> {
        let mut names = Vec::new();
        loop {
            match self.rest().as_bytes().first() {
                Some(b'\'' | b'"') => names.push(self.quoted()?),
                _ => return Err(self.unexpected("a name in quotes")),
            }
            self.blanks();
            if !self.eat(",") {
                break;
            }
            if names.len() == NAMES_MAX {
                let message = format!("more than {NAMES_MAX} names in one step");
                return Err(SyntaxError::new(message, self.at));
            }
            self.blanks();
        }
        Ok(match <[String; 1]>::try_from(names) {
            Ok([name]) => Segment::Name(name),
            Err(names) => Segment::Names(names),
        })
    }

    /// A text in the quotes that it begins with, its escapes resolved as Jayway does.
    pub(super) fn quoted(&mut self) -> Result<String, SyntaxError> {
        let start = self.at + 1;
        let Some(quote) = self.rest().chars().next() else {
            return Err(self.unexpected("a name in quotes"));
        };
        let mut text = String::new();
        let mut chars = self.text[start..].char_indices();
        while let Some((offset, c)) = chars.next() {
            if c == quote {
                self.at = start + offset + 1;
                return Ok(text);
            }
            if c != '\\' {
                text.push(c);
                continue;
            }
            match chars.next() {
                Some((_, 'u')) => {
                    let hex = self.text.get(start + offset + 2..start + offset + 6);
                    let code = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
                    let Some(decoded) = code.and_then(char::from_u32) else {
                        return Err(SyntaxError::new("no such character", start + offset));
                    };
                    text.push(decoded);
                    chars.nth(3);
                }
                Some((_, escaped)) => text.push(match escaped {
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                }),
                None => break,
            }
        }
        Err(SyntaxError::new(format!("missing {quote} at the end of the name"), start))
    }

    /// An index, several, or a slice.
    fn numbers(&mut self) -> Result<Segment, SyntaxError> {
        if self.eat(":") {
            self.blanks();
            return Ok(Segment::Slice(Slice::To(self.number()?)));
        }
        let first = self.number()?;
        self.blanks();
        if self.eat(":") {
            return self.slice_from(first);
        }
        let mut indices = vec![first];
        while self.eat(",") {
            self.blanks();
            indices.push(self.number()?);
            self.blanks();
        }
        Ok(if let [only] = *indices { Segment::Index(only) } else { Segment::Indices(indices) })
    }

    fn slice_from(&mut self, from: i32) -> Result<Segment, SyntaxError> {
        self.blanks();
        if self.rest().starts_with(']') {
            return Ok(Segment::Slice(Slice::From(from)));
        }
        let to = self.number()?;
        // Jayway reads two numbers of a slice and passes over what follows: it knows no step.
        if self.eat(":") {
            let len = self.rest().find(|c: char| !matches!(c, '0'..='9' | '-' | ':'));
            self.at += len.unwrap_or(self.rest().len());
        }
        Ok(Segment::Slice(Slice::Between(from, to)))
    }

    fn number(&mut self) -> Result<i32, SyntaxError> {
        let len = self.rest().find(|c: char| c != '-' && !c.is_ascii_digit());
        let digits = &self.rest()[..len.unwrap_or(self.rest().len())];
        let Ok(number) = digits.parse() else {
            return Err(self.unexpected("a name in quotes, an index, '*' or '?'"));
        };
        self.at += digits.len();
        Ok(number)
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn eat(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    pub(super) fn blanks(&mut self) {
        self.at +=
            self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    pub(super) fn unexpected(&self, wanted: &str) -> SyntaxError {
        let found = self.rest().chars().next();
        let found = found.map_or_else(|| "the end".to_owned(), |c| format!("'{c}'"));
        SyntaxError::new(format!("expected {wanted}, found {found}"), self.at)
    }
}
