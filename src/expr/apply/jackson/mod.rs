//! What Jackson's reader says of text that is no JSON, and where the first value of a text ends.
//!
//! `States.StringToJson` quotes the complaint, line and column included (recorded on AWS), so this
//! follows the order in which `ReaderBasedJsonParser` (2.17) looks at characters. AWS says the same
//! of definitions and inputs that are no JSON. Only text that our own parsers have refused comes
//! here.

use std::fmt;

/// What a text begins with.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// Nothing but blanks.
    Nothing,
    /// A value, up to this byte.
    Value(usize),
}

/// Why a text is no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong; where it names another place, that begins with [`SOURCE`].
    pub message: String,
    /// Where, from 1.
    pub line: usize,
    /// Where in the line, from 1, in units of UTF-16.
    pub column: usize,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n at {}", self.message, place(self.line, self.column))
    }
}

/// How a place names the text it is in.
pub const SOURCE: &str =
    "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)";

/// White space between tokens.
pub fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Reads the first value of `text`.
///
/// # Errors
/// Jackson's complaint.
pub fn read(text: &str) -> Result<Read, Complaint> {
    let mut reader = Reader {
        units: text.encode_utf16().collect(),
        at: 0,
        row: 1,
        row_start: 0,
        open: Vec::new(),
    };
    if !reader.value()? {
        return Ok(Read::Nothing);
    }
    let end = char::decode_utf16(reader.units.iter().take(reader.at).copied())
        .map(|decoded| decoded.map_or(0, char::len_utf8))
        .sum();
    Ok(Read::Value(end))
}

const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// Longest token that a complaint quotes.
const TOKEN_CHARS_MAX: usize = 256;

struct Reader {
    units: Vec<u16>,
    /// The next unit.
    at: usize,
    row: usize,
    /// Where the row begins.
    row_start: usize,
    open: Vec<Level>,
}

/// A container that is open.
struct Level {
    is_object: bool,
    /// Where it begins.
    row: usize,
    column: usize,
    /// Whether it has a member or element already.
    begun: bool,
}

type Reading<T = ()> = Result<T, Complaint>;

impl Reader {
    /// Reads a whole value, however deep; false when there is none.
    fn value(&mut self) -> Reading<bool> {
        loop {
            let Some(mut unit) = self.skip_blanks()? else {
                return self.end_of_text();
            };
            if matches!(unit, b']' | b'}') && !self.open.is_empty() {
                self.close(unit)?;
            } else {
                if let Some(level) = self.open.last_mut()
                    && std::mem::replace(&mut level.begun, true)
                {
                    unit = self.comma(unit)?;
                }
                if self.open.last().is_some_and(|level| level.is_object) {
                    self.name(unit)?;
                    unit = self.colon()?;
                }
                self.token(unit)?;
            }
            if self.open.is_empty() {
                return Ok(true);
            }
        }
    }

    fn end_of_text(&self) -> Reading<bool> {
        let Some(level) = self.open.last() else { return Ok(false) };
        let kind = kind(level);
        Err(self.here(&format!(
            "Unexpected end-of-input: expected close marker for {kind} (start marker at {})",
            place(level.row, level.column)
        )))
    }

    fn close(&mut self, unit: u8) -> Reading {
        let Some(level) = self.open.pop() else { return Ok(()) };
        let expected = if level.is_object { '}' } else { ']' };
        if char::from(unit) == expected {
            return Ok(());
        }
        Err(self.before(&format!(
            "Unexpected close marker '{}': expected '{expected}' (for {} starting at {})",
            char::from(unit),
            kind(&level),
            place(level.row, level.column)
        )))
    }

    /// Begins a container or reads a scalar that begins with `unit`.
    fn token(&mut self, unit: u8) -> Reading {
        match unit {
            b'"' => self.string("string value", ": was expecting closing quote for a string value"),
            b'[' | b'{' => {
                let column = self.at - self.row_start;
                let is_object = unit == b'{';
                self.open.push(Level { is_object, row: self.row, column, begun: false });
                Ok(())
            }
            b'}' => Err(self.unexpected("expected a value")),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            b'-' | b'0'..=b'9' => self.number(unit),
            b'N' => self.non_standard("NaN"),
            b'I' => self.non_standard("Infinity"),
            b'+' => self.plus(),
            _ => self.odd(),
        }
    }

    fn odd(&mut self) -> Reading {
        let unit = self.units[self.at - 1];
        if starts_identifier(unit) {
            return Err(self.unrecognized(self.at - 1));
        }
        Err(self.unexpected(&format!("expected a valid value {VALUES}")))
    }

    fn plus(&mut self) -> Reading {
        if self.at >= self.units.len() {
            return Err(self.here("Unexpected end-of-input in a Number value"));
        }
        self.at += 1;
        Err(self.before(
            "Unexpected character ('+' (code 43)) in numeric value: JSON spec does not allow \
             numbers to have plus signs: enable \
             `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow",
        ))
    }

    /// The rest of a token whose first character has been read.
    fn word(&mut self, word: &str) -> Reading {
        let start = self.at - 1;
        for unit in word.encode_utf16().skip(1) {
            if self.units.get(self.at) != Some(&unit) {
                return Err(self.unrecognized(start));
            }
            self.at += 1;
        }
        match self.units.get(self.at) {
            Some(&next) if continues_identifier(next) => Err(self.unrecognized(start)),
            _ => Ok(()),
        }
    }

    fn non_standard(&mut self, word: &str) -> Reading {
        self.word(word)?;
        Err(self.here(&format!(
            "Non-standard token '{word}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
        )))
    }

    /// Takes the token that began at `start` to its end and complains of it.
    fn unrecognized(&mut self, start: usize) -> Complaint {
        while self.units.get(self.at).is_some_and(|unit| continues_identifier(*unit))
            && self.at - start < TOKEN_CHARS_MAX
        {
            self.at += 1;
        }
        let mut token = String::from_utf16_lossy(&self.units[start..self.at]);
        if self.at - start >= TOKEN_CHARS_MAX {
            token.push_str("...");
        }
        self.here(&format!("Unrecognized token '{token}': was expecting {VALUES}"))
    }

    /// The rest of a string or name whose quote has been read.
    fn string(&mut self, what: &str, unended: &str) -> Reading {
        loop {
            let Some(&unit) = self.units.get(self.at) else {
                return Err(self.here(&format!("Unexpected end-of-input{unended}")));
            };
            self.at += 1;
            match u8::try_from(unit) {
                Ok(b'"') => return Ok(()),
                Ok(b'\\') => self.escape()?,
                Ok(control) if control < b' ' => {
                    return Err(self.before(&format!(
                        "Illegal unquoted character ({}): has to be escaped using backslash to be \
                         included in {what}",
                        described(unit)
                    )));
                }
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Reading {
        let unended = "Unexpected end-of-input in character escape sequence";
        let Some(&unit) = self.units.get(self.at) else { return Err(self.here(unended)) };
        self.at += 1;
        match u8::try_from(unit) {
            Ok(b'b' | b't' | b'n' | b'f' | b'r' | b'"' | b'/' | b'\\') => Ok(()),
            Ok(b'u') => {
                for _ in 0..4 {
                    let Some(&digit) = self.units.get(self.at) else {
                        return Err(self.here(unended));
                    };
                    self.at += 1;
                    if !u8::try_from(digit).is_ok_and(|digit| digit.is_ascii_hexdigit()) {
                        return Err(
                            self.unexpected("expected a hex-digit for character escape sequence")
                        );
                    }
                }
                Ok(())
            }
            _ => Err(self.before(&format!("Unrecognized character escape {}", described(unit)))),
        }
    }

    fn name(&mut self, unit: u8) -> Reading {
        if unit == b'"' {
            return self.string("name", " in field name");
        }
        Err(self.unexpected("was expecting double-quote to start field name"))
    }

    fn colon(&mut self) -> Reading<u8> {
        let unit = self.skip_to_next("Object")?;
        if unit != b':' {
            return Err(self.unexpected("was expecting a colon to separate field name and value"));
        }
        self.skip_to_next("Object")
    }

    fn comma(&mut self, unit: u8) -> Reading<u8> {
        let kind = self.open.last().map_or("root", kind);
        if unit != b',' {
            return Err(self.unexpected(&format!("was expecting comma to separate {kind} entries")));
        }
        self.skip_to_next(kind)
    }

    fn skip_to_next(&mut self, kind: &str) -> Reading<u8> {
        let found = self.skip_blanks()?;
        found.ok_or_else(|| {
            self.here(&format!("Unexpected end-of-input within/between {kind} entries"))
        })
    }

    /// Reads up to and with the next character that is no blank; what is no byte becomes 0.
    fn skip_blanks(&mut self) -> Reading<Option<u8>> {
        while let Some(&unit) = self.units.get(self.at) {
            self.at += 1;
            match u8::try_from(unit) {
                Ok(b'\n') => self.begin_row(),
                Ok(b'\r') => {
                    if self.units.get(self.at) == Some(&u16::from(b'\n')) {
                        self.at += 1;
                    }
                    self.begin_row();
                }
                Ok(b' ' | b'\t') => {}
                Ok(control) if control < b' ' => {
                    return Err(self.before(&format!(
                        "Illegal character ({}): only regular white space (\\r, \\n, \\t) is \
                         allowed between tokens",
                        described(unit)
                    )));
                }
                Ok(b'/') => {
                    return Err(self.unexpected(
                        "maybe a (non-standard) comment? (not recognized as one since Feature \
                         'ALLOW_COMMENTS' not enabled for parser)",
                    ));
                }
                Ok(byte) => return Ok(Some(byte)),
                Err(_) => return Ok(Some(0)),
            }
        }
        Ok(None)
    }

    fn begin_row(&mut self) {
        self.row += 1;
        self.row_start = self.at;
    }

    /// The rest of a number whose first character has been read.
    fn number(&mut self, first: u8) -> Reading {
        let digit = |reader: &Self| {
            let unit = reader.units.get(reader.at).copied();
            unit.is_some_and(|unit| (u16::from(b'0')..=u16::from(b'9')).contains(&unit))
        };
        let mut leading_zero = first == b'0';
        if first == b'-' {
            if self.at >= self.units.len() {
                return Err(self.here("Unexpected end-of-inputNo digit following sign"));
            }
            let has_digit = digit(self);
            leading_zero = self.units[self.at] == u16::from(b'0');
            self.at += 1;
            if !has_digit {
                return Err(self.unexpected_in_number(
                    "expected digit (0-9) to follow minus sign, for valid numeric value",
                ));
            }
        }
        if leading_zero && digit(self) {
            return Err(self.here("Invalid numeric value: Leading zeroes not allowed"));
        }
        while digit(self) {
            self.at += 1;
        }
        let mut mark = None;
        if self.units.get(self.at) == Some(&u16::from(b'.')) {
            self.at += 1;
            mark = Some(self.at);
            let start = self.at;
            while digit(self) {
                self.at += 1;
            }
            if self.at == start {
                let what = "Decimal point not followed by a digit";
                return Err(self.broken_number(what, leading_zero, mark));
            }
        }
        if self.units.get(self.at).is_some_and(|unit| unit | 0x20 == u16::from(b'e')) {
            self.at += 1;
            let mark = mark.or(Some(self.at));
            if self.units.get(self.at).is_some_and(|unit| [43, 45].contains(unit)) {
                self.at += 1;
            }
            if self.at >= self.units.len() {
                return Err(
                    self.here("Unexpected end-of-inputexpected a digit for number exponent")
                );
            }
            if !digit(self) {
                let what = "Exponent indicator not followed by a digit";
                return Err(self.broken_number(what, leading_zero, mark));
            }
            while digit(self) {
                self.at += 1;
            }
        }
        self.root_space()
    }

    /// A number that breaks off at the unit here. Jackson's fast path complains of the place
    /// behind the point or the `e`, its slow path (leading zero, end of text) of the very unit.
    fn broken_number(&mut self, what: &str, slow: bool, mark: Option<usize>) -> Complaint {
        let at_end = self.at >= self.units.len();
        let offender = self.units[if at_end { self.at - 1 } else { self.at }];
        self.at = match mark {
            Some(mark) if !slow && !at_end => mark,
            _ if at_end => self.at,
            _ => self.at + 1,
        };
        self.before(&format!(
            "Unexpected character ({}) in numeric value: {what}",
            described(offender)
        ))
    }

    /// A number that is the whole text's value needs a blank behind it.
    fn root_space(&mut self) -> Reading {
        let Some(&unit) = self.units.get(self.at) else { return Ok(()) };
        let is_blank = u8::try_from(unit).is_ok_and(|unit| is_blank(char::from(unit)));
        if !self.open.is_empty() || is_blank {
            return Ok(());
        }
        self.at += 1;
        Err(self.unexpected("Expected space separating root-level values"))
    }

    /// A complaint of the unit that was read last.
    fn unexpected(&self, wanted: &str) -> Complaint {
        let unit = self.units[self.at - 1];
        self.before(&format!("Unexpected character ({}): {wanted}", described(unit)))
    }

    fn unexpected_in_number(&self, wanted: &str) -> Complaint {
        let unit = self.units[self.at - 1];
        self.before(&format!(
            "Unexpected character ({}) in numeric value: {wanted}",
            described(unit)
        ))
    }

    /// A complaint with the place of the next unit.
    fn here(&self, message: &str) -> Complaint {
        let message = message.to_owned();
        Complaint { message, line: self.row, column: self.at - self.row_start + 1 }
    }

    /// A complaint with the place of the last unit.
    fn before(&self, message: &str) -> Complaint {
        let message = message.to_owned();
        Complaint { message, line: self.row, column: self.at - self.row_start }
    }
}

fn kind(level: &Level) -> &'static str {
    if level.is_object { "Object" } else { "Array" }
}

fn place(row: usize, column: usize) -> String {
    format!("{SOURCE}; line: {row}, column: {column}]")
}

fn described(unit: u16) -> String {
    match unit {
        0..=0x1f | 0x7f..=0x9f => format!("(CTRL-CHAR, code {unit})"),
        0x100.. => {
            format!("'{}' (code {unit} / 0x{unit:x})", String::from_utf16_lossy(&[unit]))
        }
        _ => format!("'{}' (code {unit})", String::from_utf16_lossy(&[unit])),
    }
}

fn starts_identifier(unit: u16) -> bool {
    char::from_u32(u32::from(unit)).is_some_and(|c| c.is_alphabetic() || matches!(c, '$' | '_'))
}

fn continues_identifier(unit: u16) -> bool {
    char::from_u32(u32::from(unit)).is_some_and(|c| c.is_alphanumeric() || matches!(c, '$' | '_'))
}

#[cfg(test)]
mod tests;
