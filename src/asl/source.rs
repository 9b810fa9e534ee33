//! Places in a definition's text: byte spans, lines and columns.

/// A range of bytes in the definition's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Makes a span from byte offsets; a definition is at most 1 MB, so `u32` holds them.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }
}

/// Something with the place where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where; of a string the quotes are included.
    pub span: Span,
}

/// A line and a column for people: both start at 1, columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// Text of a definition with the name it goes by in messages.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// File name, or whatever else tells the reader where the text came from.
    pub file: &'a str,
    /// The text itself.
    pub text: &'a str,
}

impl<'a> Source<'a> {
    /// Returns line and column of a byte offset; an offset past the end means the end.
    pub fn position(&self, offset: u32) -> Position {
        let (line_start, line) = self.line_start(offset);
        let column = self.text[line_start..self.clamp(offset)].chars().count();
        Position { line, column: column as u32 + 1 }
    }

    /// Returns the positions of many byte offsets, in one pass over the text.
    pub fn positions(&self, offsets: &[u32]) -> Vec<Position> {
        let mut order: Vec<usize> = (0..offsets.len()).collect();
        order.sort_unstable_by_key(|&index| offsets[index]);
        let mut positions = vec![Position { line: 1, column: 1 }; offsets.len()];
        let mut at = Position { line: 1, column: 1 };
        let mut from = 0;
        for index in order {
            let to = self.clamp(offsets[index]);
            for c in self.text[from..to].chars() {
                at = match c {
                    '\n' => Position { line: at.line + 1, column: 1 },
                    _ => Position { column: at.column + 1, ..at },
                };
            }
            positions[index] = at;
            from = to;
        }
        positions
    }

    /// Returns the line that holds a byte offset, without its line break.
    pub fn line_at(&self, offset: u32) -> &'a str {
        let (start, _) = self.line_start(offset);
        let line = self.text[start..].split('\n').next().unwrap_or_default();
        line.strip_suffix('\r').unwrap_or(line)
    }

    fn line_start(&self, offset: u32) -> (usize, u32) {
        let before = &self.text[..self.clamp(offset)];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|&byte| byte == b'\n').count();
        (start, line as u32 + 1)
    }

    /// The nearest character boundary at or before the offset.
    fn clamp(&self, offset: u32) -> usize {
        let mut at = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// Maps an offset into the value of a string literal to its place in the source.
///
/// The two differ wherever the literal has escapes. The result is a span of one character.
pub fn inside_string(text: &str, literal: Span, offset: usize) -> Span {
    let start = literal.start as usize + 1;
    let end = (literal.end as usize).saturating_sub(1);
    let Some(raw) = text.get(start..end) else {
        return literal;
    };
    let mut decoded = 0;
    let mut at = 0;
    while at < raw.len() {
        let (raw_bytes, decoded_bytes) = escape_lengths(&raw[at..]);
        if decoded + decoded_bytes > offset {
            return Span::new(start + at, start + at + raw_bytes);
        }
        decoded += decoded_bytes;
        at += raw_bytes;
    }
    Span::new(end, end + 1)
}

/// Bytes that the next character takes in the source and in the value.
fn escape_lengths(raw: &str) -> (usize, usize) {
    let bytes = raw.as_bytes();
    if bytes.first() != Some(&b'\\') {
        let len = raw.chars().next().map_or(1, char::len_utf8);
        return (len, len);
    }
    if bytes.get(1) != Some(&b'u') {
        return (2.min(raw.len()), 1);
    }
    let unit = raw.get(2..6).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(0);
    match unit {
        0xD800..=0xDBFF => (12.min(raw.len()), 4),
        _ => (6.min(raw.len()), char::from_u32(unit).map_or(1, char::len_utf8)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str, offset: u32) -> (u32, u32) {
        let position = Source { file: "f", text }.position(offset);
        (position.line, position.column)
    }

    #[test]
    fn lines_and_columns_start_at_one_and_count_characters() {
        assert_eq!(position("ab\ncd", 0), (1, 1));
        assert_eq!(position("ab\ncd", 4), (2, 2));
        assert_eq!(position("äö\nü", 4), (1, 3));
        assert_eq!(position("ab", 99), (1, 3));
        assert_eq!(position("ä", 1), (1, 1));
    }

    #[test]
    fn many_positions_are_those_of_each() {
        let source = Source { file: "f", text: "ab\n\näö ü\n\"x" };
        let offsets = [9, 0, 3, 99, 5, 4, 4, 2, 12];
        let each: Vec<_> = offsets.iter().map(|&offset| source.position(offset)).collect();
        assert_eq!(source.positions(&offsets), each);
    }

    #[test]
    fn the_line_of_an_offset_has_no_line_break() {
        let source = Source { file: "f", text: "ab\r\ncd\n" };
        assert_eq!(source.line_at(1), "ab");
        assert_eq!(source.line_at(4), "cd");
        assert_eq!(source.line_at(7), "");
    }

    #[test]
    fn offsets_inside_strings_skip_over_escapes() {
        let text = r#"  "a\nbé\u00e9c" "#;
        let literal = Span::new(2, text.len() - 1);
        let at = |offset| {
            let span = inside_string(text, literal, offset);
            &text[span.start as usize..span.end as usize]
        };
        assert_eq!(at(0), "a");
        assert_eq!(at(1), "\\n");
        assert_eq!(at(2), "b");
        assert_eq!(at(3), "é");
        assert_eq!(at(5), "\\u00e9");
        assert_eq!(at(7), "c");
        assert_eq!(at(8), "\"");
    }
}
