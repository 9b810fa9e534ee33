//! From text to tokens, one at a time: whether `/` divides or opens a regular expression, only the
//! parser knows.
//!
//! Blanks, names and numbers are those of the reference implementation: a name is whatever runs up
//! to a blank or to a symbol's character, so `naïve`, `a"b` and `7a` behave as they do there.

use super::super::ast::Span;
use super::super::error::{Code, Thrown};
use super::symbol::Symbol;
use crate::value::write_string;

/// A token and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    /// Behind the last one.
    End,
    /// `true`, `false`
    Bool(bool),
    /// A number that is no exact integer.
    Float(f64),
    /// An exact integer.
    Int(i64),
    /// A name, without its backquotes.
    Name(Box<str>),
    /// `null`
    Null,
    /// `/pattern/flags`
    Regex { pattern: Box<str>, flags: Box<str> },
    /// An operator, a bracket or a separator; also the words `and`, `or` and `in`.
    Symbol(Symbol),
    /// A string, unescaped.
    Text(Box<str>),
    /// A variable, without its `$`.
    Variable(Box<str>),
}

impl Token {
    /// An error about this token: its text is what messages call `{{token}}`.
    pub(super) fn thrown(&self, code: Code) -> Thrown {
        let value = self.value();
        Thrown::new(code).at(self.span).with("token", self.quoted()).at_token(&value)
    }

    /// The value as text: a string without its quotes, a variable without its `$`.
    pub(super) fn value(&self) -> Box<str> {
        match &self.kind {
            TokenKind::End => END.into(),
            TokenKind::Symbol(symbol) => symbol.as_str().into(),
            TokenKind::Name(text) | TokenKind::Text(text) | TokenKind::Variable(text) => {
                text.clone()
            }
            TokenKind::Regex { pattern, flags } => format!("/{pattern}/{flags}").into(),
            TokenKind::Bool(_) | TokenKind::Float(_) | TokenKind::Int(_) | TokenKind::Null => {
                self.quoted()
            }
        }
    }

    /// The value as JSON.
    fn quoted(&self) -> Box<str> {
        match &self.kind {
            TokenKind::Bool(value) => value.to_string().into(),
            TokenKind::Float(value) => ryu_js::Buffer::new().format(*value).into(),
            TokenKind::Int(value) => itoa::Buffer::new().format(*value).into(),
            TokenKind::Null => "null".into(),
            // A regular expression has no JSON form but an empty object.
            TokenKind::Regex { .. } => "{}".into(),
            _ => quote(&self.value()),
        }
    }
}

/// `text` as a JSON string, the way messages quote it.
pub(super) fn quote(text: &str) -> Box<str> {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_string(text, &mut out);
    String::from_utf8(out).unwrap_or_default().into()
}

/// Reads tokens off a text.
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// Reads the next token; behind an operand `/` divides.
    pub(super) fn next(&mut self, behind_operand: bool) -> Result<Token, Thrown> {
        self.skip_blanks()?;
        let start = self.at;
        let Some(byte) = self.byte(0) else { return Ok(self.token(start, TokenKind::End)) };
        if byte == b'/' && !behind_operand {
            self.at += 1;
            return self.regex(start);
        }
        if let Some((symbol, length)) = Symbol::read(self.bytes_from(start)) {
            self.at += length;
            return Ok(self.token(start, TokenKind::Symbol(symbol)));
        }
        match byte {
            b'!' | b'~' => {
                self.at += 1;
                let text = self.slice(start, self.at);
                Err(Thrown::new(Code::S0204).at(self.span(start)).at_token(text))
            }
            b'"' | b'\'' => {
                self.at += 1;
                let text = self.string(byte)?;
                Ok(self.token(start, TokenKind::Text(text)))
            }
            b'0'..=b'9' => self.number(start),
            b'`' => self.backquoted(start),
            _ => Ok(self.word(start)),
        }
    }

    /// The part of the text that a token stands in.
    pub(super) fn text_of(&self, span: Span) -> &'t str {
        self.slice(span.start as usize, span.end as usize)
    }

    fn skip_blanks(&mut self) -> Result<(), Thrown> {
        loop {
            while self.byte(0).is_some_and(is_blank) {
                self.at += 1;
            }
            if self.byte(0) != Some(b'/') || self.byte(1) != Some(b'*') {
                return Ok(());
            }
            let start = self.at;
            let body = start + 2;
            let Some(length) = self.text.get(body..).and_then(|rest| rest.find("*/")) else {
                self.at = self.text.len();
                return Err(Thrown::new(Code::S0106).at(self.span(start)));
            };
            self.at = body + length + 2;
        }
    }

    /// The rest of a regular expression: a `/` within brackets or behind `\` does not end it.
    fn regex(&mut self, start: usize) -> Result<Token, Thrown> {
        let body = self.at;
        let mut depth = 0_i64;
        let mut backslashes = 0_usize;
        while let Some(byte) = self.byte(0) {
            match byte {
                b'/' if depth == 0 && backslashes.is_multiple_of(2) => {
                    let pattern = self.slice(body, self.at);
                    self.at += 1;
                    if pattern.is_empty() {
                        return Err(Thrown::new(Code::S0301).at(self.span(start)));
                    }
                    let flags = self.flags();
                    let kind = TokenKind::Regex { pattern: pattern.into(), flags: flags.into() };
                    return Ok(self.token(start, kind));
                }
                // As the reference has it: whether the `\` is itself escaped is not asked here.
                b'(' | b'[' | b'{' if backslashes == 0 => depth += 1,
                b')' | b']' | b'}' if backslashes == 0 => depth -= 1,
                _ => {}
            }
            backslashes = if byte == b'\\' { backslashes + 1 } else { 0 };
            self.at += 1;
        }
        Err(Thrown::new(Code::S0302).at(self.span(start)))
    }

    fn flags(&mut self) -> &'static str {
        let start = self.at;
        while matches!(self.byte(0), Some(b'i' | b'm')) {
            self.at += 1;
        }
        let flags = self.slice(start, self.at);
        match (flags.contains('i'), flags.contains('m')) {
            (false, false) => "g",
            (true, false) => "ig",
            (false, true) => "mg",
            (true, true) => "img",
        }
    }

    /// The rest of a string, up to and with its closing quote.
    fn string(&mut self, quote: u8) -> Result<Box<str>, Thrown> {
        let mut text = String::new();
        let mut clean_from = self.at;
        while let Some(byte) = self.byte(0) {
            if byte == quote {
                text.push_str(self.slice(clean_from, self.at));
                self.at += 1;
                return Ok(text.into());
            }
            if byte == b'\\' {
                text.push_str(self.slice(clean_from, self.at));
                self.at += 1;
                text.push(self.escape()?);
                clean_from = self.at;
            } else {
                self.at += 1;
            }
        }
        Err(self.failed(Code::S0101))
    }

    /// What stands behind a `\`.
    fn escape(&mut self) -> Result<char, Thrown> {
        let Some(named) = self.text.get(self.at..).and_then(|rest| rest.chars().next()) else {
            return Err(self.failed(Code::S0103).at_token(""));
        };
        let start = self.at;
        self.at += named.len_utf8();
        Ok(match named {
            '"' | '\\' | '/' => named,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => self.unicode_escape()?,
            _ => {
                let span = self.span(start);
                return Err(Thrown::new(Code::S0103)
                    .at(span)
                    .at_token(named.encode_utf8(&mut [0; 4])));
            }
        })
    }

    /// The digits behind `\u`; two halves of a surrogate pair are one character, a half alone is
    /// none that a string could hold.
    fn unicode_escape(&mut self) -> Result<char, Thrown> {
        let first = self.hex_digits()?;
        let second = match first {
            0xD800..=0xDBFF if self.byte(0) == Some(b'\\') && self.byte(1) == Some(b'u') => {
                self.at += 2;
                Some(self.hex_digits()?)
            }
            _ => None,
        };
        let mut units = char::decode_utf16([Some(first), second].into_iter().flatten());
        match (units.next(), units.next()) {
            (Some(Ok(one)), None) => Ok(one),
            _ => Err(self.failed(Code::S0104)),
        }
    }

    fn hex_digits(&mut self) -> Result<u16, Thrown> {
        let digits = self.bytes_from(self.at);
        let digits = digits.get(..4).unwrap_or(digits);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(self.failed(Code::S0104));
        }
        if digits.len() < 4 {
            // The text ends in the middle of the escape: what is missing is the quote.
            self.at = self.text.len();
            return Err(self.failed(Code::S0101));
        }
        let digits = self.slice(self.at, self.at + 4);
        let unit = u16::from_str_radix(digits, 16).map_err(|_| self.failed(Code::S0104))?;
        self.at += 4;
        Ok(unit)
    }

    fn number(&mut self, start: usize) -> Result<Token, Thrown> {
        if self.byte(0) == Some(b'0') {
            self.at += 1;
        } else {
            self.skip_digits();
        }
        if self.byte(0) == Some(b'.') && self.byte(1).is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
            self.skip_digits();
        }
        if matches!(self.byte(0), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(1), Some(b'+' | b'-')));
            if self.byte(1 + sign).is_some_and(|byte| byte.is_ascii_digit()) {
                self.at += 1 + sign;
                self.skip_digits();
            }
        }
        let text = self.slice(start, self.at);
        if let Ok(int) = text.parse() {
            return Ok(self.token(start, TokenKind::Int(int)));
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(self.token(start, number(value))),
            _ => Err(Thrown::new(Code::S0102).at(self.span(start)).at_token(text)),
        }
    }

    fn skip_digits(&mut self) {
        while self.byte(0).is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// A name in backquotes, which has no escapes.
    fn backquoted(&mut self, start: usize) -> Result<Token, Thrown> {
        let body = start + 1;
        let Some(length) = self.text.get(body..).and_then(|rest| rest.find('`')) else {
            self.at = self.text.len();
            return Err(Thrown::new(Code::S0105).at(self.span(start)));
        };
        self.at = body + length + 1;
        Ok(self.token(start, TokenKind::Name(self.slice(body, body + length).into())))
    }

    /// A name, a variable or a word with a meaning.
    fn word(&mut self, start: usize) -> Token {
        while self.byte(0).is_some_and(|byte| !is_blank(byte) && !Symbol::begins_with(byte)) {
            self.at += 1;
        }
        let text = self.slice(start, self.at);
        let kind = match text {
            "and" => TokenKind::Symbol(Symbol::And),
            "or" => TokenKind::Symbol(Symbol::Or),
            "in" => TokenKind::Symbol(Symbol::In),
            "true" => TokenKind::Bool(true),
            "false" => TokenKind::Bool(false),
            "null" => TokenKind::Null,
            _ => match text.strip_prefix('$') {
                Some(name) => TokenKind::Variable(name.into()),
                None => TokenKind::Name(text.into()),
            },
        };
        self.token(start, kind)
    }

    fn token(&self, start: usize, kind: TokenKind) -> Token {
        Token { kind, span: self.span(start) }
    }

    fn span(&self, start: usize) -> Span {
        Span { start: start as u32, end: self.at as u32 }
    }

    /// An error at the place that is read now.
    fn failed(&self, code: Code) -> Thrown {
        Thrown::new(code).at(self.span(self.at))
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn bytes_from(&self, start: usize) -> &'t [u8] {
        self.text.as_bytes().get(start..).unwrap_or_default()
    }

    /// A part of the text; its ends are characters' ends, since they were found next to ASCII.
    fn slice(&self, start: usize, end: usize) -> &'t str {
        self.text.get(start..end).unwrap_or_default()
    }
}

/// A number as the exact integer that it is, if it is one.
fn number(value: f64) -> TokenKind {
    if value.fract() == 0.0 && value.abs() <= EXACT_MAX {
        TokenKind::Int(value as i64)
    } else {
        TokenKind::Float(value)
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b)
}

/// How messages call the end of an expression.
const END: &str = "(end)";

/// Up to here every integer has a binary64 of its own: 2^53.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
