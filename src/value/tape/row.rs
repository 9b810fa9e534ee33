//! An object of a document, looked at once for all that is read of it.
//!
//! Expressions that run for each element of an array read a few members of the same object one
//! after the other. What does not change between these reads is found out here once.

use simd_json::Node;

use super::super::{Value, View};
use super::member::{Field, Key, same_bytes, same_short_bytes, scalar};
use super::{Document, is_flat, size};

/// The members of a small object of a document without containers in it but empty ones: they stand
/// side by side.
#[derive(Clone, Copy)]
pub struct Members<'a>(&'a [[Node<'static>; 2]]);

impl<'a> Members<'a> {
    /// The member under `key`, if it is a number or a text.
    #[expect(clippy::inline_always, reason = "what is not asked of the member is not computed")]
    #[inline(always)]
    pub fn scalar(self, key: &Key) -> Option<View<'a>> {
        let (_, [_, node]) = self.find(key)?;
        scalar(node)
    }

    #[expect(clippy::inline_always, reason = "most keys are found by one comparison")]
    #[inline(always)]
    fn find(self, key: &Key) -> Option<(usize, &'a [Node<'static>; 2])> {
        let (text, hint) = key.parts();
        let place = hint.get();
        match self.0.get(place) {
            Some(entry @ [Node::String(name), _]) if same_short_bytes(name.as_bytes(), text) => {
                Some((place, entry))
            }
            _ => self.search(key),
        }
    }

    #[inline(never)]
    fn search(self, key: &Key) -> Option<(usize, &'a [Node<'static>; 2])> {
        let (text, hint) = key.parts();
        let mut entries = self.0.iter().enumerate();
        let found = entries.find(|(_, entry)| {
            matches!(entry[0], Node::String(name) if same_bytes(name.as_bytes(), text))
        });
        found.inspect(|(place, _)| hint.set(*place))
    }
}

/// An object with its members, and where both lie.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    document: &'a Document,
    object: Value,
    members: Members<'a>,
}

impl<'a> Row<'a> {
    /// All of its members.
    #[inline]
    pub fn members(&self) -> Members<'a> {
        self.members
    }

    /// The member under `key`, if there is one.
    #[expect(clippy::inline_always, reason = "what is not asked of the field is not computed")]
    #[inline(always)]
    pub fn field(&self, key: &Key) -> Option<Field<'a>> {
        let (place, [name, node]) = self.members.find(key)?;
        let Node::String(name) = name else { return None };
        let next = self.members.0.get(place + 1).map(|[name, _]| name);
        let at = self.object.offset() + 2 + 2 * place;
        Some(Field { document: self.document, object: self.object, name, at, node, next })
    }
}

impl Document {
    /// The object `value` as a row, if it is one.
    #[inline]
    pub(in crate::value) fn row(&self, value: Value) -> Option<Row<'_>> {
        let members = self.members(value.offset())?;
        Some(Row { document: self, object: value, members })
    }

    /// The members of each element of the array `value`, `None` for one that is no small object.
    #[inline]
    pub(in crate::value) fn rows(&self, value: Value) -> Option<Rows<'_>> {
        let index = value.offset();
        let &Node::Array { count, len } = self.tape.get(index)? else { return None };
        Some(Rows { document: self, at: index + 1, end: index + 1 + count, len })
    }

    #[inline]
    fn members(&self, index: usize) -> Option<Members<'_>> {
        let &Node::Object { count, len } = self.tape.get(index)? else { return None };
        if !is_flat(count, len) || len > KEYS_MAX {
            return None;
        }
        let (entries, _) = self.tape.get(index + 1..index + 1 + count)?.as_chunks::<2>();
        Some(Members(entries))
    }
}

/// Iterator of [`Document::rows`].
pub struct Rows<'a> {
    document: &'a Document,
    at: usize,
    end: usize,
    len: usize,
}

impl<'a> Iterator for Rows<'a> {
    type Item = Option<Members<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let at = self.at;
        self.at += size(self.document.tape.get(at)?);
        self.len -= 1;
        Some(self.document.members(at))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl ExactSizeIterator for Rows<'_> {}

/// Objects with more keys are no rows: looking for one among many has to be paid for.
const KEYS_MAX: usize = 16;
