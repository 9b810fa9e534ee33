//! Objects that are made of the rows of documents: what is read and what is written, side by side.

use super::arena::{Arena, ArenaId};
use super::documents::Documents;
use super::tape::{Row, Rows};
use super::{Heap, Space, Tag, TooLarge, Value};

/// The end of an arena, where objects are made one after the other, of values that need no slots of
/// their own.
pub struct Making<'a> {
    documents: &'a Documents,
    arena: &'a mut Arena,
    space: Space,
    held_bytes_max: usize,
    arena_bytes: &'a mut usize,
}

/// An object under construction, see [`Making::begin`].
pub struct Unfinished {
    /// Where the object and its texts begin.
    slots_from: usize,
    text_from: usize,
    /// Bytes of keys and members as JSON, with colons and commas.
    inner: u64,
}

impl Heap {
    /// The end of `arena`.
    #[inline]
    pub fn making(&mut self, id: ArenaId) -> Making<'_> {
        Making {
            documents: &self.documents,
            arena: &mut self.arenas[id.index()],
            space: id.space(),
            held_bytes_max: self.held_bytes_max,
            arena_bytes: &mut self.arena_bytes,
        }
    }

    /// The object `value` as a row, if it lies in a document and is one.
    #[inline]
    pub fn row(&self, value: Value) -> Option<Row<'_>> {
        self.documents.row(value)
    }

    /// The members of each element of the array `value`, if that lies in a document; `None` for an
    /// element that is no small object.
    #[inline]
    pub fn rows(&self, value: Value) -> Option<Rows<'_>> {
        if value.tag() == Tag::Node { self.document(value).rows(value) } else { None }
    }
}

impl<'a> Making<'a> {
    /// The object `value` as a row, if it lies in a document and is one.
    #[inline]
    pub fn row(&self, value: Value) -> Option<Row<'a>> {
        self.documents.row(value)
    }

    /// Slots in the arena.
    #[inline]
    pub fn slot_count(&self) -> usize {
        self.arena.slots.len()
    }

    /// Bytes of text in the arena.
    #[inline]
    pub fn text_bytes(&self) -> usize {
        self.arena.text.len()
    }

    /// Appends a part of the text that is being made.
    ///
    /// # Errors
    /// [`TooLarge`] when the heap is full.
    #[inline]
    pub fn append(&mut self, part: &str) -> Result<(), TooLarge> {
        let text = &self.arena.text;
        if text.capacity() - text.len() < part.len() {
            self.grow(|arena| arena.text.reserve(part.len()))?;
        }
        self.arena.text.push_str(part);
        Ok(())
    }

    /// The text from `begin` on, of [`Self::text_bytes`] before; `escaped_len` is its length as
    /// JSON without quotes.
    ///
    /// # Errors
    /// [`TooLarge`] when the arena is full.
    #[inline]
    pub fn text(&self, begin: usize, escaped_len: usize) -> Result<Value, TooLarge> {
        let offset = u32::try_from(begin).map_err(|_| TooLarge)?;
        let json_len = u32::try_from(escaped_len + 2).map_err(|_| TooLarge)?;
        let len = (self.arena.text.len() - begin) as u32;
        Ok(Value::placed(Tag::Str, self.space, json_len, offset, len))
    }

    /// Begins an object. [`Self::finish`] or [`Self::give_up`] ends it, before the next one begins.
    #[inline]
    pub fn begin(&self) -> Unfinished {
        let (slots_from, text_from) = (self.arena.slots.len(), self.arena.text.len());
        Unfinished { slots_from, text_from, inner: 0 }
    }

    /// Adds a member; keys must be distinct strings.
    ///
    /// # Errors
    /// [`TooLarge`] when the heap is full.
    #[inline]
    pub fn member(
        &mut self,
        object: &mut Unfinished,
        key: Value,
        member: Value,
    ) -> Result<(), TooLarge> {
        let slots = &self.arena.slots;
        if slots.capacity() - slots.len() < 2 {
            self.grow(|arena| arena.slots.reserve(2))?;
        }
        self.arena.slots.extend_from_slice(&[key, member]);
        object.inner += u64::from(key.json_bytes()) + u64::from(member.json_bytes()) + 2;
        Ok(())
    }

    /// The object.
    ///
    /// # Errors
    /// [`TooLarge`] when the arena is full.
    #[inline]
    pub fn finish(&self, object: &Unfinished) -> Result<Value, TooLarge> {
        let count = (self.arena.slots.len() - object.slots_from) / 2;
        let offset = u32::try_from(object.slots_from).map_err(|_| TooLarge)?;
        let json_len = u32::try_from(1 + object.inner.max(1)).map_err(|_| TooLarge)?;
        Ok(Value::placed(Tag::Object, self.space, json_len, offset, count as u32))
    }

    /// Leaves the arena as it was.
    pub fn give_up(&mut self, object: &Unfinished) {
        self.arena.slots.truncate(object.slots_from);
        self.arena.text.truncate(object.text_from);
    }

    #[cold]
    fn grow(&mut self, grow: impl FnOnce(&mut Arena)) -> Result<(), TooLarge> {
        if *self.arena_bytes + self.documents.held_bytes() > self.held_bytes_max {
            return Err(TooLarge);
        }
        *self.arena_bytes += self.arena.grow(grow);
        Ok(())
    }
}
