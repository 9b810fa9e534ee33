//! The values of one frame that lie in no document: slots and text, freed as a whole.
//!
//! Knows nothing of what the values mean, nor of the other arenas that they may point into.

use super::{Space, Value};

/// Number of an arena in its heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArenaId(pub(in crate::value) u32);

impl ArenaId {
    /// The arena of an execution's outermost frame; every heap has it.
    pub const ROOT: Self = Self(0);

    pub(in crate::value) fn index(self) -> usize {
        self.0 as usize
    }

    pub(in crate::value) fn space(self) -> Space {
        Space::of(self.index())
    }
}

/// A frame's own values: grows, and is dropped or compacted as a whole.
#[derive(Debug, Default)]
pub(in crate::value) struct Arena {
    pub(in crate::value) slots: Vec<Value>,
    pub(in crate::value) text: String,
    /// The documents that end with this arena.
    pub(in crate::value) documents: Vec<u32>,
    /// Bytes that they use.
    pub(in crate::value) document_bytes: usize,
}

impl Arena {
    /// Bytes in use, documents included.
    #[inline]
    pub(in crate::value) fn used_bytes(&self) -> usize {
        self.slots.len() * size_of::<Value>() + self.text.len() + self.document_bytes
    }

    /// Bytes of memory held for values that are in no document.
    pub(in crate::value) fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.slots.capacity() * size_of::<Value>() + self.text.capacity()
    }

    /// Grows by `grow`; returns by how many bytes of memory.
    #[cold]
    pub(in crate::value) fn grow(&mut self, grow: impl FnOnce(&mut Self)) -> usize {
        let before_bytes = self.held_bytes();
        grow(self);
        self.held_bytes() - before_bytes
    }

    pub(in crate::value) fn clear(&mut self) {
        self.slots.clear();
        self.text.clear();
        self.documents.clear();
        self.document_bytes = 0;
    }
}
