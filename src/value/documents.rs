//! The documents of a heap: whose each one is, and which wait for their next text.
//!
//! A document ends with the arena that owns it; the first one, the execution's input, belongs to
//! nobody and ends with the execution. Freed documents are used again for their memory.

use super::arena::{Arena, ArenaId};
use super::tape::{Document, ParseError, Parser, Row};
use super::{Space, Tag, Value};

/// All documents of a heap.
#[derive(Debug, Default)]
pub(in crate::value) struct Documents {
    entries: Vec<Entry>,
    /// Entries that have been in use since the last reset; those behind are kept for their memory.
    live: usize,
    /// Entries below `live` that are free again.
    freed: Vec<u32>,
    /// Memory of all entries but the first, which is asked for its own.
    held_bytes: usize,
}

#[derive(Debug, Default)]
struct Entry {
    document: Document,
    /// During a move: bytes of its text that the moved values need. Otherwise 0.
    reached_bytes: usize,
    owner: Option<ArenaId>,
}

impl Documents {
    /// Frees every document and keeps the memory of a few.
    #[inline]
    pub(in crate::value) fn reset(&mut self) {
        self.live = 0;
        self.freed.clear();
        if self.entries.len() > KEPT_COUNT_MAX {
            self.forget_surplus();
        }
    }

    #[cold]
    fn forget_surplus(&mut self) {
        let surplus = self.entries.drain(KEPT_COUNT_MAX..);
        self.held_bytes -= surplus.map(|entry| entry.held_bytes()).sum::<usize>();
    }

    /// Bytes of memory held.
    pub(in crate::value) fn held_bytes(&self) -> usize {
        self.held_bytes + self.entries.first().map_or(0, Entry::held_bytes)
    }

    #[inline]
    pub(in crate::value) fn get(&self, value: Value) -> &Document {
        &self.entries[value.space().index()].document
    }

    /// The object `value` as a row, if it lies in a document and is one.
    #[inline]
    pub(in crate::value) fn row(&self, value: Value) -> Option<Row<'_>> {
        if value.tag() == Tag::Node { self.get(value).row(value) } else { None }
    }

    /// Parses `text` into a document of `arena`; the first one since the reset is nobody's.
    #[inline]
    pub(in crate::value) fn parse(
        &mut self,
        id: ArenaId,
        arena: &mut Arena,
        text: &[u8],
        parser: &mut Parser,
    ) -> Result<Value, ParseError> {
        if self.live > 0 {
            return self.parse_owned(id, arena, text, parser);
        }
        if self.entries.is_empty() {
            self.entries.push(Entry::default());
        }
        let first = &mut self.entries[0];
        first.document.parse(text, parser)?;
        first.owner = None;
        self.live = 1;
        Ok(first.document.root(Space::of(0)).unwrap_or(Value::NULL))
    }

    #[inline(never)]
    fn parse_owned(
        &mut self,
        id: ArenaId,
        arena: &mut Arena,
        text: &[u8],
        parser: &mut Parser,
    ) -> Result<Value, ParseError> {
        let index = self.freed.last().map_or(self.live, |&index| index as usize);
        if index >= Space::COUNT_MAX {
            return Err(ParseError::TooLarge);
        }
        if index == self.entries.len() {
            let entry = Entry::default();
            self.held_bytes += entry.held_bytes();
            self.entries.push(entry);
        }
        let entry = &mut self.entries[index];
        let before_bytes = entry.held_bytes();
        let parsed = entry.document.parse(text, parser);
        self.held_bytes = self.held_bytes + entry.held_bytes() - before_bytes;
        parsed?;
        let root = entry.document.root(Space::of(index)).unwrap_or(Value::NULL);
        if self.freed.pop().is_none() {
            self.live += 1;
        }
        self.give(index as u32, id, arena);
        Ok(root)
    }

    fn give(&mut self, index: u32, id: ArenaId, arena: &mut Arena) {
        let entry = &mut self.entries[index as usize];
        entry.owner = Some(id);
        arena.documents.push(index);
        arena.document_bytes += entry.document.used_bytes();
    }

    /// Frees the documents of `arena`.
    pub(in crate::value) fn free_all(&mut self, arena: &mut Arena) {
        arena.document_bytes = 0;
        for index in arena.documents.drain(..) {
            let entry = &mut self.entries[index as usize];
            entry.owner = None;
            entry.document.clear();
            let held_bytes = entry.held_bytes();
            if held_bytes > KEPT_BYTES_MAX {
                entry.document = Document::new();
                self.held_bytes = self.held_bytes + entry.held_bytes() - held_bytes;
            }
            self.freed.push(index);
        }
    }

    /// Whether `node` lies in a document of the arena `id`.
    #[inline]
    pub(in crate::value) fn belongs(&self, node: Value, id: ArenaId) -> bool {
        self.entries[node.space().index()].owner == Some(id)
    }

    /// Notes that a moved value needs `node`.
    #[inline]
    pub(in crate::value) fn reach(&mut self, node: Value) {
        self.entries[node.space().index()].reached_bytes += node.json_len();
    }

    /// Whether `node` lies in a document that is needed and not handed over.
    #[inline]
    pub(in crate::value) fn is_left_behind(&self, node: Value) -> bool {
        self.entries[node.space().index()].reached_bytes > 0
    }

    /// Hands the documents that are mostly needed from one arena to the other; answers whether
    /// others are needed too. What a small part is needed of is cheaper copied than kept.
    pub(in crate::value) fn hand_over(
        &mut self,
        from: &mut Arena,
        into_id: ArenaId,
        into: &mut Arena,
    ) -> bool {
        let mut leaves_some = false;
        let mut place = 0;
        while let Some(&index) = from.documents.get(place) {
            let entry = &mut self.entries[index as usize];
            let len = entry.document.len();
            if entry.reached_bytes >= len / 2 && len >= SHARED_BYTES_MIN {
                entry.reached_bytes = 0;
                from.document_bytes -= entry.document.used_bytes();
                from.documents.swap_remove(place);
                self.give(index, into_id, into);
            } else {
                leaves_some |= entry.reached_bytes > 0;
                place += 1;
            }
        }
        leaves_some
    }

    /// Ends a move: nothing of the arena's own documents is needed any more.
    pub(in crate::value) fn forget_reached(&mut self, arena: &Arena) {
        for &index in &arena.documents {
            self.entries[index as usize].reached_bytes = 0;
        }
    }
}

impl Entry {
    fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.document.held_bytes()
    }
}

/// A freed document that holds more than this gives its memory back.
const KEPT_BYTES_MAX: usize = 65_536;
/// Documents kept from one execution to the next.
const KEPT_COUNT_MAX: usize = 64;
/// A shorter document is copied, never handed over: the copy takes less than its tape.
const SHARED_BYTES_MIN: usize = 256;
