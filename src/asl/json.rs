//! A JSON reader that remembers where everything stood.
//!
//! Only for definitions, which are read once: events have a faster reader that keeps no places.
//! Objects keep their order and the places of their keys, numbers keep their text.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::place::Cut;
use super::source::{Position, Source, Span};
use crate::expr::apply::jackson::{self, Complaint};

/// Deepest nesting of containers in a definition; the reader recurses, so it must end somewhere.
pub const DEPTH_MAX: u32 = 256;

/// A JSON value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Where it stands, quotes and brackets included.
    pub span: Span,
}

/// The six kinds of JSON values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as its text.
    Number(String),
    /// A string, escapes resolved.
    String(String),
    /// An array.
    Array(Vec<Node>),
    /// An object, in source order; of duplicate keys all are kept.
    Object(Vec<Member>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key, escapes resolved.
    pub key: String,
    /// Where the key stands, quotes included.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Node {
    /// Returns the members of an object, or nothing.
    pub fn members(&self) -> &[Member] {
        match &self.kind {
            Kind::Object(members) => members,
            _ => &[],
        }
    }

    /// Returns the items of an array, or nothing.
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::Array(items) => items,
            _ => &[],
        }
    }

    /// Returns the member with a key; of duplicates the last, as JSON readers do.
    pub fn member(&self, key: &str) -> Option<&Member> {
        self.members().iter().rev().find(|member| member.key == key)
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.member(key).map(|member| &member.value)
    }

    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the JSON pointer (RFC 6901) of the innermost value that holds a byte offset.
    ///
    /// For messages: hostile keys are cut.
    pub fn pointer_at(&self, offset: u32) -> String {
        let holds = |span: Span| span.start <= offset && offset < span.end;
        let mut pointer = String::new();
        let mut node = self;
        'descend: loop {
            for member in node.members() {
                if holds(Span { start: member.key_span.start, end: member.value.span.end }) {
                    pointer.push('/');
                    let key = Cut(&member.key).to_string();
                    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                    node = &member.value;
                    continue 'descend;
                }
            }
            for (index, item) in node.items().iter().enumerate() {
                if holds(item.span) {
                    let _ = write!(pointer, "/{index}");
                    node = item;
                    continue 'descend;
                }
            }
            return pointer;
        }
    }
}

/// Why a text is not JSON, or not JSON that we read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// What was found and what was expected, in AWS's words where they are known.
    pub message: String,
    /// What could have stood there, where the message does not say it.
    pub expected: Option<String>,
    /// Where.
    pub span: Span,
    /// The text may be JSON, but is nested deeper than [`DEPTH_MAX`].
    pub too_deep: bool,
}

/// A key that its object has already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The key.
    pub key: String,
    /// Where it stands again.
    pub span: Span,
    /// Where it stood first.
    pub first: Span,
}

impl SyntaxError {
    /// The words of AWS's reader for the same fault, and its place; `None` when it would find none.
    pub fn in_words_of_aws(&self, text: &str) -> Option<Complaint> {
        jackson::read(text).err().filter(|_| !self.too_deep)
    }
}

/// Reads a text as one JSON value and reports the keys that it repeats.
pub fn read(text: &str) -> Result<(Node, Vec<Duplicate>), SyntaxError> {
    let bytes = text.as_bytes();
    let mut reader = Reader { text, bytes, at: 0, open: Vec::new(), duplicates: Vec::new() };
    reader.skip_blanks();
    let node = reader.value(0)?;
    reader.skip_blanks();
    if reader.at < reader.bytes.len() {
        return Err(reader.unexpected("the end of the definition"));
    }
    Ok((node, reader.duplicates))
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Where the containers around begin.
    open: Vec<usize>,
    duplicates: Vec<Duplicate>,
}

impl Reader<'_> {
    fn value(&mut self, depth: u32) -> Result<Node, SyntaxError> {
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.container(Self::object, depth + 1)?,
            Some(b'[') => self.container(Self::array, depth + 1)?,
            Some(b'"') => Kind::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Kind::Number(self.number()?),
            Some(b'a'..=b'z' | b'A'..=b'Z') => self.word()?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node { kind, span: Span::new(start, self.at) })
    }

    fn container(
        &mut self,
        read: fn(&mut Self, u32) -> Result<Kind, SyntaxError>,
        depth: u32,
    ) -> Result<Kind, SyntaxError> {
        self.open.push(self.at);
        self.enter(depth)?;
        let kind = read(self, depth)?;
        self.open.pop();
        Ok(kind)
    }

    fn object(&mut self, depth: u32) -> Result<Kind, SyntaxError> {
        let mut members: Vec<Member> = Vec::new();
        let mut seen: HashMap<String, Span> = HashMap::new();
        self.skip_blanks();
        if self.take(b'}') {
            return Ok(Kind::Object(members));
        }
        loop {
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key = self.string()?;
            let key_span = Span::new(start, self.at);
            if let Some(&first) = seen.get(&key) {
                self.duplicates.push(Duplicate { key: key.clone(), span: key_span, first });
            } else {
                seen.insert(key.clone(), key_span);
            }
            self.skip_blanks();
            if !self.take(b':') {
                return Err(self.unexpected("':' after the key"));
            }
            self.skip_blanks();
            let value = self.value(depth)?;
            members.push(Member { key, key_span, value });
            if self.separator(b'}', "',' or '}' after the value")? {
                return Ok(Kind::Object(members));
            }
        }
    }

    fn array(&mut self, depth: u32) -> Result<Kind, SyntaxError> {
        let mut items = Vec::new();
        self.skip_blanks();
        if self.take(b']') {
            return Ok(Kind::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.separator(b']', "',' or ']' after the value")? {
                return Ok(Kind::Array(items));
            }
        }
    }

    /// Steps over an opening bracket, unless it opens too deep.
    fn enter(&mut self, depth: u32) -> Result<(), SyntaxError> {
        if depth > DEPTH_MAX {
            return Err(SyntaxError {
                message: format!("the definition is nested deeper than {DEPTH_MAX} levels"),
                expected: None,
                span: Span::new(self.at, self.at + 1),
                too_deep: true,
            });
        }
        self.at += 1;
        Ok(())
    }

    /// Takes `,` or the closing bracket; true when it was the latter.
    fn separator(&mut self, close: u8, expected: &str) -> Result<bool, SyntaxError> {
        self.skip_blanks();
        if self.take(close) {
            return Ok(true);
        }
        let comma = self.at;
        if !self.take(b',') {
            return Err(self.unexpected(expected));
        }
        self.skip_blanks();
        if self.peek() == Some(close) {
            return Err(error("a comma before the closing bracket is not JSON", comma, comma + 1));
        }
        Ok(false)
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        let open = self.at;
        self.at += 1;
        let mut value = String::new();
        loop {
            let from = self.at;
            while self.peek().is_some_and(|byte| byte != b'"' && byte != b'\\' && byte >= 0x20) {
                self.at += 1;
            }
            value.push_str(&self.text[from..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(value);
                }
                Some(b'\\') => value.push(self.escape()?),
                Some(b'\n' | b'\r') => {
                    return Err(error("the string is not closed on its line", open, self.at));
                }
                Some(_) => {
                    let message = "a control character in a string must be written as \\u00XX";
                    return Err(error(message, self.at, self.at + 1));
                }
                None => {
                    let message = "Unexpected end-of-input: was expecting closing quote for a \
                                   string value";
                    return Err(error(message, open, self.at));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, SyntaxError> {
        let start = self.at;
        self.at += 2;
        let plain = match self.bytes.get(start + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => {
                return Err(error("unknown escape in a string", start, self.char_end(start + 1)));
            }
        };
        Ok(plain)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, SyntaxError> {
        let high = self.hex(start)?;
        if !(0xD800..=0xDFFF).contains(&high) {
            return char::from_u32(high)
                .ok_or_else(|| error("\\u escape names no character", start, self.at));
        }
        let lone = "half of a surrogate pair in a string";
        if high > 0xDBFF || self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
            return Err(error(lone, start, self.at));
        }
        self.at += 2;
        let low = self.hex(start)?;
        if !(0xDC00..=0xDFFF).contains(&low) {
            return Err(error(lone, start, self.at));
        }
        char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            .ok_or_else(|| error(lone, start, self.at))
    }

    fn hex(&mut self, start: usize) -> Result<u32, SyntaxError> {
        let digits = self.bytes.get(self.at..self.at + 4).unwrap_or_default();
        let mut unit = 0;
        for &digit in digits {
            let Some(value) = char::from(digit).to_digit(16) else {
                return Err(error("\\u needs four hexadecimal digits", start, self.at));
            };
            unit = unit * 16 + value;
        }
        if digits.len() != 4 {
            return Err(error("\\u needs four hexadecimal digits", start, self.bytes.len()));
        }
        self.at += 4;
        Ok(unit)
    }

    fn number(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        self.take(b'-');
        let leading_zero = self.peek() == Some(b'0');
        let digits = self.digits();
        if digits == 0 {
            return Err(self.unexpected("a digit"));
        }
        if leading_zero && digits > 1 {
            return Err(error("a number must not start with 0", start, self.at));
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err(self.unexpected("a digit after the decimal point"));
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            if self.digits() == 0 {
                return Err(self.unexpected("a digit of the exponent"));
            }
        }
        Ok(self.text[start..self.at].to_owned())
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn word(&mut self) -> Result<Kind, SyntaxError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            self.at += 1;
        }
        match &self.text[start..self.at] {
            "null" => Ok(Kind::Null),
            "true" => Ok(Kind::Bool(true)),
            "false" => Ok(Kind::Bool(false)),
            word => {
                let shown: String = word.chars().take(80).collect();
                let message = format!(
                    "Unrecognized token '{shown}': was expecting (JSON String, Number, Array, \
                     Object or token 'null', 'true' or 'false')"
                );
                Err(error(&message, start, self.at))
            }
        }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// One past the character at an offset, so that spans never cut a character.
    fn char_end(&self, at: usize) -> usize {
        self.text.get(at..).and_then(|rest| rest.chars().next()).map_or(at, |c| at + c.len_utf8())
    }

    fn unexpected(&self, expected: &str) -> SyntaxError {
        let Some(found) = self.text.get(self.at..).and_then(|rest| rest.chars().next()) else {
            return self.end_of_input(expected);
        };
        let found = match found {
            '\u{feff}' => "a byte order mark".to_owned(),
            other => format!("'{}'", other.escape_debug()),
        };
        let message = format!("unexpected {found}, expected {expected}");
        error(&message, self.at, self.char_end(self.at))
    }

    /// AWS: its parser, Jackson, tells an end between entries from one before a closing bracket.
    fn end_of_input(&self, expected: &str) -> SyntaxError {
        let last = self.text.trim_end_matches([' ', '\t', '\n', '\r']).bytes().last();
        let between = matches!(last, Some(b',' | b':')) || expected.starts_with("':'");
        let message = match self.open.last() {
            None => "Unexpected end-of-input".to_owned(),
            Some(&start) => {
                let kind = if self.bytes[start] == b'{' { "Object" } else { "Array" };
                if between {
                    format!("Unexpected end-of-input within/between {kind} entries")
                } else {
                    let source = Source { file: "", text: self.text };
                    let Position { line, column } = source.position(start as u32);
                    format!(
                        "Unexpected end-of-input: expected close marker for {kind} (start marker \
                         at line: {line}, column: {column})"
                    )
                }
            }
        };
        let expected = Some(format!("expected {expected}"));
        SyntaxError { expected, ..error(&message, self.at, self.at) }
    }
}

fn error(message: &str, start: usize, end: usize) -> SyntaxError {
    let span = Span::new(start, end);
    SyntaxError { message: message.to_owned(), expected: None, span, too_deep: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(text: &str, message: &str, start: u32) {
        let error = read(text).expect_err(text);
        let said = format!("{}; {}", error.message, error.expected.unwrap_or_default());
        assert!(said.contains(message), "{text}: {said}");
        assert_eq!(error.span.start, start, "{text}: {}", error.message);
    }

    #[test]
    fn reads_every_kind_with_its_place() {
        let text = r#" {"a": [null, true, -1.50e+3], "b": "x\ty\u00e9\ud83d\ude00"} "#;
        let (node, duplicates) = read(text).expect("valid");
        assert!(duplicates.is_empty());
        assert_eq!(node.span, Span::new(1, text.len() - 1));
        let items = node.get("a").expect("a").items();
        assert_eq!(items[0].kind, Kind::Null);
        assert_eq!(items[1].kind, Kind::Bool(true));
        assert_eq!(items[2].kind, Kind::Number("-1.50e+3".into()));
        assert_eq!(items[2].span, Span::new(20, 28));
        assert_eq!(node.get("b").and_then(Node::as_str), Some("x\tyé😀"));
        assert_eq!(node.member("b").expect("b").key_span, Span::new(31, 34));
    }

    #[test]
    fn reports_every_repeated_key() {
        let (node, duplicates) = read(r#"{"a":1,"a":2,"b":{"c":1,"c":1}}"#).expect("valid");
        let keys: Vec<_> = duplicates.iter().map(|d| (d.key.as_str(), d.span.start)).collect();
        assert_eq!(keys, [("a", 7), ("c", 24)]);
        assert_eq!(node.get("a").expect("a").kind, Kind::Number("2".into()));
    }

    #[test]
    fn pointers_name_the_innermost_value() {
        let text = r#"{"a/b": [0, {"c": 1}]}"#;
        let (node, _) = read(text).expect("valid");
        let at = |what: &str| node.pointer_at(text.find(what).expect("there") as u32);
        assert_eq!(at("1}"), "/a~1b/1/c");
        assert_eq!(at("0,"), "/a~1b/0");
        assert_eq!(at("{\"a"), "");
    }

    #[test]
    fn syntax_errors_say_what_and_where() {
        refuses("", "Unexpected end-of-input", 0);
        let marker = "expected close marker for Object (start marker at line: 2, column: 1)";
        refuses("\n{", marker, 2);
        refuses("\n{\"a\": [1]", marker, 10);
        refuses("[1", "expected close marker for Array (start marker at line: 1, column: 1)", 2);
        refuses("{\"a\"", "Unexpected end-of-input within/between Object entries", 4);
        refuses("{\"a\": ", "Unexpected end-of-input within/between Object entries", 6);
        refuses("[1,", "Unexpected end-of-input within/between Array entries", 3);
        refuses("{a:1}", "unexpected 'a', expected a key in double quotes", 1);
        refuses("{\"a\" 1}", "expected ':'", 5);
        refuses("{\"a\":1 \"b\":2}", "expected ',' or '}'", 7);
        refuses("{\"a\":1,}", "comma before the closing bracket", 6);
        refuses("[1 2]", "expected ',' or ']'", 3);
        refuses("[1] 2", "expected the end of the definition", 4);
        refuses("not", "Unrecognized token 'not': was expecting (JSON String,", 0);
        refuses("\"a", "was expecting closing quote for a string value", 0);
        refuses("\"a\nb\"", "not closed on its line", 0);
        refuses("\"a\u{1}\"", "control character", 2);
        refuses("\"\\x\"", "unknown escape", 1);
        refuses("\"\\é\"", "unknown escape", 1);
        refuses("\"\\", "unknown escape", 1);
        refuses("\"\\u12\"", "four hexadecimal digits", 1);
        refuses("\"\\u1", "four hexadecimal digits", 1);
        refuses("\"\\ud800\"", "half of a surrogate pair", 1);
        refuses("\"\\ud800\\u0041\"", "half of a surrogate pair", 1);
        refuses("01", "must not start with 0", 0);
        refuses("-", "expected a digit", 1);
        refuses("1.", "digit after the decimal point", 2);
        refuses("1e", "digit of the exponent", 2);
        refuses("\u{feff}{}", "a byte order mark", 0);
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(DEPTH_MAX as usize)).is_ok());
        let error = read(&nested(DEPTH_MAX as usize + 1)).expect_err("too deep");
        assert!(error.too_deep);
        assert!(read(&"[".repeat(1_000_000)).expect_err("too deep").too_deep);
    }
}
