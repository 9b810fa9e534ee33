//! A parsed document: canonical text, simd-json's tape over it, and where each node's text lies.
//!
//! The tape is walked as it is; nothing is converted. simd-json keeps no offsets of containers,
//! but keys and strings lie inside the text, so a node's raw span follows from its neighbours:
//! from the end of its key to the start of the next key. That holds because every document is
//! canonical (see [`super::canonical`]) and free of duplicate keys before it becomes a tape.
//!
//! The one piece of `unsafe` here gives the tape's borrowed strings the lifetime of the document
//! that owns their text; it saves a copy of every node (measured at 60 to 100 ns on a 500 B event).
#![allow(unsafe_code)]

mod member;
mod row;

use simd_json::{Buffers, ErrorType, INPUT_PADDING, Node, StaticNode, Tape};

use super::canonical::{is_plain, write_canonical};
use super::{Space, Tag, Value, number};

pub(in crate::value) use member::same_bytes;
pub use member::{Field, Key, LookUp};
pub use row::{Members, Row, Rows};

/// What a parse needs and every document can share: one a shard.
#[derive(Default)]
pub struct Parser {
    buffers: Buffers,
    repeated_key: bool,
}

impl Parser {
    /// Whether an object of the text parsed last had a key twice.
    pub fn found_repeated_key(&self) -> bool {
        self.repeated_key
    }
}

/// Why a text is no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Syntax, UTF-8, a lone surrogate, a number beyond binary64.
    #[error("not valid JSON: {0}")]
    NotJson(&'static str),
    /// Nested deeper than [`crate::base::limits::DOCUMENT_DEPTH_MAX`].
    #[error("nested deeper than {} levels", crate::base::limits::DOCUMENT_DEPTH_MAX)]
    TooDeep,
    /// 4 GiB of text, or more documents at once than can be addressed.
    #[error("larger than can be held")]
    TooLarge,
}

/// A parsed document and its text; reused for one text after the other.
pub struct Document {
    /// Canonical text, then padding; the parser unescapes strings in place.
    buffer: Vec<u8>,
    len: usize,
    /// The canonical text again, untouched; only when it has escapes.
    escaped: Option<Vec<u8>>,
    spare: Vec<u8>,
    /// Strings borrow from `buffer`, whatever the lifetime says: see [`Document::parse`].
    tape: Vec<Node<'static>>,
}

/// A byte range of a document's text.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl Document {
    /// An empty document.
    pub fn new() -> Self {
        Self { buffer: Vec::new(), len: 0, escaped: None, spare: Vec::new(), tape: Vec::new() }
    }

    /// Parses `text`, replacing what was here.
    ///
    /// # Errors
    /// [`ParseError`]; the document is empty then.
    pub fn parse(&mut self, text: &[u8], parser: &mut Parser) -> Result<(), ParseError> {
        self.clear();
        let text = text.trim_ascii();
        if text.len() > LEN_MAX {
            return Err(ParseError::TooLarge);
        }
        let plain = is_plain(text);
        if plain {
            self.buffer.reserve(text.len() + INPUT_PADDING);
            self.buffer.extend_from_slice(text);
        } else {
            write_canonical(text, &mut self.buffer);
        }
        self.fill(parser, plain)?;
        parser.repeated_key = self.has_duplicate_keys();
        if parser.repeated_key {
            let mut distinct = std::mem::take(&mut self.spare);
            distinct.clear();
            self.write_distinct(&mut distinct);
            self.tape.clear();
            self.spare = std::mem::replace(&mut self.buffer, distinct);
            self.fill(parser, false)?;
        }
        Ok(())
    }

    /// Builds the tape over `buffer`, which holds canonical text; `plain` has no escapes.
    fn fill(&mut self, parser: &mut Parser, plain: bool) -> Result<(), ParseError> {
        self.len = self.buffer.len();
        self.escaped = (!plain && self.buffer.contains(&b'\\')).then(|| self.buffer.clone());
        self.buffer.resize(self.len + INPUT_PADDING, 0);
        let mut tape = Tape(std::mem::take(&mut self.tape)).reset();
        let parsed =
            simd_json::fill_tape_padded(&mut self.buffer, self.len, &mut parser.buffers, &mut tape);
        if let Err(error) = parsed {
            self.tape = tape.reset().0;
            self.len = 0;
            return Err(classify(error.error()));
        }
        // SAFETY: the nodes' strings point into the heap block of `self.buffer`. That block is
        // not written, grown or freed while `self.tape` has nodes: `clear` and `parse`, the only
        // functions that touch `buffer`, empty the tape first, moving a `Document` moves the
        // `Vec` header and not its block, and both fields are private to this module. Nodes and
        // strings are handed out only for as long as `&self` is borrowed.
        self.tape = unsafe { std::mem::transmute::<Vec<Node<'_>>, Vec<Node<'static>>>(tape.0) };
        Ok(())
    }

    /// Empties the document and keeps its memory.
    pub fn clear(&mut self) {
        self.tape.clear();
        self.buffer.clear();
        self.len = 0;
        self.escaped = None;
    }

    /// Bytes of its text.
    pub(in crate::value) fn len(&self) -> usize {
        self.len
    }

    /// Bytes in use.
    pub(in crate::value) fn used_bytes(&self) -> usize {
        self.buffer.len()
            + self.escaped.as_ref().map_or(0, Vec::len)
            + self.tape.len() * size_of::<Node<'static>>()
    }

    /// Bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        self.buffer.capacity()
            + self.spare.capacity()
            + self.escaped.as_ref().map_or(0, Vec::capacity)
            + self.tape.capacity() * size_of::<Node<'static>>()
    }

    /// The document's value, or `None` when it is empty.
    pub(in crate::value) fn root(&self, space: Space) -> Option<Value> {
        (!self.tape.is_empty()).then(|| self.value(0, Span { start: 0, end: self.len }, space))
    }

    pub(in crate::value) fn node(&self, value: Value) -> Node<'_> {
        self.tape[value.offset()]
    }

    /// The text of `value` as it came in.
    pub(in crate::value) fn raw(&self, value: Value) -> &[u8] {
        let start = value.extent();
        &self.text()[start..start + value.json_len()]
    }

    /// Elements of the array or object `value`, as (key, value); an array's keys are `null`.
    pub(in crate::value) fn walk(&self, value: Value) -> Walk<'_> {
        let (at, end) = self.children(value);
        Walk {
            document: self,
            container: value,
            is_object: matches!(self.tape[value.offset()], Node::Object { .. }),
            at,
            end,
            text_at: value.extent() + 1,
        }
    }

    fn text(&self) -> &[u8] {
        self.escaped.as_deref().unwrap_or(&self.buffer[..self.len])
    }

    /// Tape indices of the first node inside a container and the first behind it.
    fn children(&self, value: Value) -> (usize, usize) {
        let index = value.offset();
        (index + 1, index + size(&self.tape[index]))
    }

    fn string(&self, index: usize) -> &str {
        match self.tape[index] {
            Node::String(text) => text,
            _ => "",
        }
    }

    /// Where a string of the tape begins in the text, behind its quote.
    #[inline]
    fn text_start(&self, text: &str) -> usize {
        text.as_ptr() as usize - self.buffer.as_ptr() as usize
    }

    /// Where a string of the tape ends in the text, behind its closing quote.
    #[inline]
    fn end_of(&self, text: &str) -> usize {
        let start = self.text_start(text);
        match &self.escaped {
            None => start + text.len() + 1,
            Some(escaped) => end_of_string(escaped, start),
        }
    }

    /// Where the text of a member lies: behind its key, and in front of the key behind it.
    #[inline]
    fn member_span(&self, object: Value, key: &str, next: Option<&Node<'_>>) -> Span {
        let end = match next {
            Some(Node::String(next)) => self.text_start(next) - 2,
            _ => object.extent() + object.json_len() - 1,
        };
        Span { start: self.end_of(key) + 1, end }
    }

    fn value(&self, index: usize, span: Span, space: Space) -> Value {
        of_node(&self.tape[index], index, span, space)
    }

    fn has_duplicate_keys(&self) -> bool {
        let mut at = 0;
        // Objects of an array most often have the keys of the one before.
        let mut before: &[[Node<'static>; 2]] = &[];
        while let Some(node) = self.tape.get(at) {
            at += 1;
            let Node::Object { len, count } = *node else { continue };
            let (first, end) = (at, at + count);
            let repeats = if is_flat(count, len) {
                at = end;
                let (entries, _) = self.tape[first..end].as_chunks::<2>();
                let alike = has_keys_of(entries, before);
                before = entries;
                !alike && self.flat_object_repeats_a_key(first, entries)
            } else if len > MASKED_KEYS_MAX {
                self.large_object_repeats_a_key(first, end)
            } else {
                self.object_repeats_a_key(first, end)
            };
            if repeats {
                return true;
            }
        }
        false
    }

    /// A 64-bit mask of seen key hashes; only a key that meets a set bit is compared with those
    /// before it.
    #[inline]
    fn flat_object_repeats_a_key(&self, first: usize, entries: &[[Node<'static>; 2]]) -> bool {
        if entries.len() > MASKED_KEYS_MAX {
            return self.large_object_repeats_a_key(first, first + 2 * entries.len());
        }
        let mut seen = 0_u64;
        entries.iter().zip(0..).any(|([name, _], entry)| {
            let Node::String(name) = name else { return false };
            let bit = 1 << key_hash(name.as_bytes());
            let known = seen & bit != 0 && self.stands_before(first, first + 2 * entry);
            seen |= bit;
            known
        })
    }

    /// As [`Self::flat_object_repeats_a_key`], where containers stand between the keys.
    fn object_repeats_a_key(&self, first: usize, end: usize) -> bool {
        let mut seen = 0_u64;
        let mut at = first;
        while at < end {
            let bit = 1 << key_hash(self.string(at).as_bytes());
            if seen & bit != 0 && self.stands_before(first, at) {
                return true;
            }
            seen |= bit;
            at += 1 + size(&self.tape[at + 1]);
        }
        false
    }

    /// Whether the key at `last` is also one of those from `first` on.
    fn stands_before(&self, first: usize, last: usize) -> bool {
        let key = self.string(last);
        let mut at = first;
        while at < last {
            if self.string(at) == key {
                return true;
            }
            at += 1 + size(&self.tape[at + 1]);
        }
        false
    }

    #[cold]
    fn large_object_repeats_a_key(&self, first: usize, end: usize) -> bool {
        let mut seen = std::collections::HashSet::new();
        let mut at = first;
        while at < end {
            if !seen.insert(self.string(at)) {
                return true;
            }
            at += 1 + size(&self.tape[at + 1]);
        }
        false
    }

    /// Writes the document with each key once: the first one's place, the last one's value.
    #[cold]
    fn write_distinct(&self, out: &mut Vec<u8>) {
        if let Some(root) = self.root(Space::CONSTANTS) {
            self.write_distinct_value(root, out);
        }
    }

    /// Recursion is bounded by the parser's depth limit.
    fn write_distinct_value(&self, value: Value, out: &mut Vec<u8>) {
        match (
            value.tag(),
            value.tag() == Tag::Node && matches!(self.node(value), Node::Object { .. }),
        ) {
            (Tag::Node, true) => {
                let mut members: Vec<(Value, Value)> = Vec::new();
                let mut places = std::collections::HashMap::new();
                for (key, member) in self.walk(value) {
                    let place = *places.entry(self.raw(key)).or_insert(members.len());
                    match members.get_mut(place) {
                        Some(known) => known.1 = member,
                        None => members.push((key, member)),
                    }
                }
                write_list(out, *b"{}", &members, |&(key, member), out| {
                    out.extend_from_slice(self.raw(key));
                    out.push(b':');
                    self.write_distinct_value(member, out);
                });
            }
            (Tag::Node, false) if matches!(self.node(value), Node::Array { .. }) => {
                let elements: Vec<Value> = self.walk(value).map(|(_, element)| element).collect();
                write_list(out, *b"[]", &elements, |&element, out| {
                    self.write_distinct_value(element, out);
                });
            }
            (Tag::Node, false) => out.extend_from_slice(self.raw(value)),
            (Tag::Int, _) => number::write_int(value.payload().cast_signed(), out),
            (Tag::True, _) => out.extend_from_slice(b"true"),
            (Tag::False, _) => out.extend_from_slice(b"false"),
            _ => out.extend_from_slice(b"null"),
        }
    }
}

impl Default for Document {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({})", String::from_utf8_lossy(self.text()))
    }
}

/// Iterates over a container's children and keeps track of where their text lies.
pub(in crate::value) struct Walk<'a> {
    document: &'a Document,
    container: Value,
    is_object: bool,
    at: usize,
    end: usize,
    text_at: usize,
}

impl Iterator for Walk<'_> {
    type Item = (Value, Value);

    fn next(&mut self) -> Option<(Value, Value)> {
        if !self.is_object {
            return self.next_element().map(|element| (Value::NULL, element));
        }
        let document = self.document;
        let space = self.container.space();
        let key = self.at;
        if key >= self.end {
            return None;
        }
        let name = document.string(key);
        let next = key + 1 + size(&document.tape[key + 1]);
        let key_span = Span { start: document.text_start(name) - 1, end: document.end_of(name) };
        self.at = next;
        let behind = document.tape[..self.end].get(next);
        let member = document.member_span(self.container, name, behind);
        let member = document.value(key + 1, member, space);
        Some((document.value(key, key_span, space), member))
    }
}

impl Walk<'_> {
    /// The next element of an array.
    #[inline]
    pub(in crate::value) fn next_element(&mut self) -> Option<Value> {
        let document = self.document;
        let tape = document.tape.get(..self.end)?;
        let node = tape.get(self.at)?;
        let index = self.at;
        self.at += size(node);
        let (start, rest) = (self.text_at, tape.get(self.at..).unwrap_or_default());
        let end = match (node, rest) {
            (_, []) => self.container.extent() + self.container.json_len() - 1,
            (Node::String(text), _) => document.end_of(text),
            // `,"text`
            (_, [Node::String(text), ..]) => document.text_start(text) - 2,
            // `,{"key`
            (_, [Node::Object { len: 1.., .. }, Node::String(key), ..]) => {
                document.text_start(key) - 3
            }
            _ => end_of_value(document.text(), start),
        };
        self.text_at = end + 1;
        Some(of_node(node, index, Span { start, end }, self.container.space()))
    }
}

/// The value of a node of the tape whose text lies in `span`.
#[inline]
fn of_node(node: &Node<'_>, index: usize, span: Span, space: Space) -> Value {
    let len = (span.end - span.start) as u32;
    match *node {
        Node::Static(StaticNode::Null) => Value::NULL,
        Node::Static(StaticNode::Bool(bool)) => Value::bool(bool),
        // An integer is written as it was read; only zero has another spelling, `-0`.
        Node::Static(StaticNode::U64(int))
            if i64::try_from(int).is_ok() && (int != 0 || len == 1) =>
        {
            Value::plain(Tag::Int, len, int)
        }
        Node::Static(StaticNode::I64(int)) if int != 0 => {
            Value::plain(Tag::Int, len, int.cast_unsigned())
        }
        _ => Value::placed(Tag::Node, space, len, index as u32, span.start as u32),
    }
}

/// Whether an object with so many nodes and keys has no containers in it but empty ones: then its
/// keys stand at even places.
#[inline]
fn is_flat(count: usize, len: usize) -> bool {
    count == 2 * len
}

/// Whether the keys of two objects are the same, one by one.
#[inline]
fn has_keys_of(one: &[[Node<'_>; 2]], other: &[[Node<'_>; 2]]) -> bool {
    let same = |(one, other): (&[Node<'_>; 2], &[Node<'_>; 2])| match (&one[0], &other[0]) {
        (Node::String(one), Node::String(other)) => same_bytes(one.as_bytes(), other.as_bytes()),
        _ => false,
    };
    one.len() == other.len() && one.iter().zip(other).all(same)
}

/// A number below 64 that tells most keys of an object apart: by length, first and last byte.
#[inline]
fn key_hash(key: &[u8]) -> u32 {
    let [Some(first), Some(last)] = [key.first(), key.last()] else { return 0 };
    let mixed = u32::from(*first) | u32::from(*last) << 8 | (key.len() as u32) << 16;
    mixed.wrapping_mul(0x9E37_79B1) >> 26
}

/// Nodes that a value takes on the tape, itself included.
fn size(node: &Node<'_>) -> usize {
    match node {
        Node::Object { count, .. } | Node::Array { count, .. } => count + 1,
        _ => 1,
    }
}

/// Index behind the quote that closes the string whose content starts at `at`.
fn end_of_string(text: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// Index behind the value that starts at `at`, in valid canonical text.
fn end_of_value(text: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                at = end_of_string(text, at + 1);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

fn write_list<T>(
    out: &mut Vec<u8>,
    [open, close]: [u8; 2],
    items: &[T],
    mut write: impl FnMut(&T, &mut Vec<u8>),
) {
    out.push(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(close);
}

fn classify(error: &ErrorType) -> ParseError {
    match error {
        ErrorType::DepthLimitExceeded => ParseError::TooDeep,
        ErrorType::InvalidUtf8 => ParseError::NotJson("invalid UTF-8"),
        ErrorType::Eof | ErrorType::NoStructure | ErrorType::UnterminatedString => {
            ParseError::NotJson("unexpected end")
        }
        ErrorType::InvalidNumber | ErrorType::InvalidExponent | ErrorType::Overflow => {
            ParseError::NotJson("invalid number")
        }
        ErrorType::InvalidEscape
        | ErrorType::InvalidUnicodeEscape
        | ErrorType::InvalidUnicodeCodepoint => ParseError::NotJson("invalid escape in a string"),
        ErrorType::TrailingData => ParseError::NotJson("text behind the end of the document"),
        _ => ParseError::NotJson("unexpected character"),
    }
}

/// Longest text: six bytes of canonical text for each byte still make a `u32`.
const LEN_MAX: usize = u32::MAX as usize / 6;
/// Objects with more keys than this are checked with a set: a 64-bit mask would be full.
const MASKED_KEYS_MAX: usize = 48;
