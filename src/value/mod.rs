//! The JSON value of the engine: 16 bytes, `Copy`, lazily backed by the parsed text.
//!
//! A [`Value`] is only meaningful together with the [`Heap`] it was made in: containers and
//! strings are offsets into that heap's arenas, its documents (parsed tapes) or the program's
//! constants. Offsets, not pointers, so that a heap can be compacted, folded up and dropped as a
//! whole. What was not touched is written as the raw bytes it came in as.
//!
//! This layer knows JSON and nothing else: no ASL, no paths, no errors of a workflow.

use std::num::NonZeroU128;

mod arena;
mod blocks;
mod canonical;
mod constants;
mod documents;
mod folding;
mod heap;
mod making;
mod moving;
pub mod number;
mod tape;
mod text;
mod view;
mod write;

pub use arena::ArenaId;
pub use constants::{Constants, ConstantsBuilder};
pub use folding::Folded;
pub use heap::{Heap, Open};
pub use making::{Making, Unfinished};
pub use tape::{Document, Field, Key, LookUp, Members, ParseError, Parser, Row, Rows};
pub use text::{escaped_len, write_string};
pub use view::{Elements, Entries, View};

/// A JSON value: a tag, its exact length as compact JSON text, and where it lies.
///
/// One 128-bit word: tag (8 bits), space (24), length as JSON (32), payload (64). A struct of
/// fields would be stored field by field and loaded as a whole soon after, which the processor
/// cannot forward; the word is stored and loaded in the same two halves.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Value(NonZeroU128);

const _: () = assert!(size_of::<Value>() == 16);
const _: () = assert!(size_of::<Option<Value>>() == 16);

/// Set in the tag of a word that is no JSON value.
const FOREIGN: u8 = 0x80;

/// What a value is and how its payload reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::value) enum Tag {
    Null = 1,
    False,
    True,
    /// Payload: the `i64`.
    Int,
    /// Payload: the bits of a finite `f64`.
    Float,
    /// Payload: byte offset and byte length in the space's bytes.
    Str,
    /// Payload: first slot and element count in the space's slots.
    Array,
    /// Payload: first slot and entry count; an entry is two slots, key and value.
    Object,
    /// A node of a document's tape. Payload: tape index, and the raw text's offset.
    Node,
    /// A number spelled otherwise than we would write it. Payload as of a string.
    Spelled,
}

/// Which part of the heap a payload points into: 0 the constants, else arena or document + 1.
/// A number of 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(in crate::value) struct Space(u32);

impl Space {
    pub(in crate::value) const CONSTANTS: Self = Self(0);

    /// No space: marks a container that has been moved, while others still are.
    pub(in crate::value) const MOVED: Self = Self(0x00ff_ffff);

    /// Arenas and documents that can be told apart.
    pub(in crate::value) const COUNT_MAX: usize = Self::MOVED.0 as usize - 1;

    /// The space of an arena or document; `index` is below [`Self::COUNT_MAX`].
    #[inline]
    pub(in crate::value) fn of(index: usize) -> Self {
        debug_assert!(index < Self::COUNT_MAX, "space numbers have 24 bits");
        Self(index as u32 + 1)
    }

    #[inline]
    pub(in crate::value) fn index(self) -> usize {
        self.0 as usize - 1
    }
}

impl Value {
    /// JSON `null`.
    pub const NULL: Self = Self::plain(Tag::Null, 4, 0);

    const fn plain(tag: Tag, json_len: u32, payload: u64) -> Self {
        Self::word(tag, Space::CONSTANTS, json_len, payload)
    }

    const fn word(tag: Tag, space: Space, json_len: u32, payload: u64) -> Self {
        let head = tag as u64 | (space.0 as u64) << 8 | (json_len as u64) << 32;
        let word = head as u128 | (payload as u128) << 64;
        // A tag is never 0, so neither is the word.
        match NonZeroU128::new(word) {
            Some(word) => Self(word),
            None => Self(NonZeroU128::MIN),
        }
    }

    pub(in crate::value) fn placed(
        tag: Tag,
        space: Space,
        json_len: u32,
        offset: u32,
        extent: u32,
    ) -> Self {
        Self::word(tag, space, json_len, u64::from(offset) << 32 | u64::from(extent))
    }

    /// A JSON boolean.
    pub const fn bool(value: bool) -> Self {
        if value { Self::plain(Tag::True, 4, 0) } else { Self::plain(Tag::False, 5, 0) }
    }

    /// An exact integer.
    pub fn int(value: i64) -> Self {
        Self::plain(Tag::Int, number::int_len(value), value as u64)
    }

    /// A binary64 number; `NaN` and the infinities, which JSON does not have, become `null`.
    pub fn float(value: f64) -> Self {
        if !value.is_finite() {
            return Self::NULL;
        }
        Self::plain(Tag::Float, number::float_len(value), value.to_bits())
    }

    /// The number written in `text`, JSON's or nearly so; what is no number is 0, and what lies
    /// beyond binary64 the largest of its sign, as `1e309` is accepted on AWS.
    pub fn number(text: &str) -> Self {
        match text.parse() {
            Ok(int) => Self::int(int),
            Err(_) => Self::float(text.parse().unwrap_or(0.0_f64).clamp(f64::MIN, f64::MAX)),
        }
    }

    /// Exact length of the value as compact JSON text, in bytes.
    pub fn json_len(self) -> usize {
        self.json_bytes() as usize
    }

    /// A word that is no JSON value but lives beside values: the items of a layer above. `kind` is
    /// below 128, `mark` has 24 bits; what the parts mean is that layer's business. As a value it
    /// reads as `null`.
    #[inline]
    pub(crate) const fn foreign(kind: u8, mark: u32, extent: u32, payload: u64) -> Self {
        let head = (FOREIGN | kind) as u64 | (mark as u64) << 8 | (extent as u64) << 32;
        match NonZeroU128::new(head as u128 | (payload as u128) << 64) {
            Some(word) => Self(word),
            None => Self(NonZeroU128::MIN),
        }
    }

    /// The kind of a word of [`Self::foreign`]; `None` for a JSON value.
    #[inline]
    pub(crate) fn foreign_kind(self) -> Option<u8> {
        let tag = self.0.get() as u8;
        (tag >= FOREIGN).then_some(tag & !FOREIGN)
    }

    /// Mark, extent and payload of a word of [`Self::foreign`].
    #[inline]
    pub(crate) fn foreign_parts(self) -> (u32, u32, u64) {
        (self.space().0, self.json_bytes(), self.payload())
    }

    /// Whether this is JSON `null`.
    pub fn is_null(self) -> bool {
        self.tag() == Tag::Null
    }

    /// Whether this is no container; a part of a parsed document may be one.
    pub(crate) fn is_scalar(self) -> bool {
        !matches!(self.tag(), Tag::Array | Tag::Object | Tag::Node)
    }

    /// Whether this is an array or object that was made, not one of a document.
    #[inline]
    pub(in crate::value) fn is_built(self) -> bool {
        matches!(self.tag(), Tag::Array | Tag::Object)
    }

    /// The number that this is without looking anywhere else.
    pub(crate) fn as_number(self) -> Option<View<'static>> {
        match self.tag() {
            Tag::Int => Some(View::Int(self.payload() as i64)),
            Tag::Float => Some(View::Float(f64::from_bits(self.payload()))),
            _ => None,
        }
    }

    /// The integer that this is, if it is not negative and fits.
    pub(crate) fn as_small_int(self) -> Option<u32> {
        if self.tag() == Tag::Int { u32::try_from(self.payload()).ok() } else { None }
    }

    #[inline]
    pub(in crate::value) fn tag(self) -> Tag {
        match self.0.get() as u8 {
            2 => Tag::False,
            3 => Tag::True,
            4 => Tag::Int,
            5 => Tag::Float,
            6 => Tag::Str,
            7 => Tag::Array,
            8 => Tag::Object,
            9 => Tag::Node,
            10 => Tag::Spelled,
            _ => Tag::Null,
        }
    }

    #[inline]
    pub(in crate::value) fn space(self) -> Space {
        Space(self.0.get() as u32 >> 8)
    }

    /// A number's bits, or (offset, extent): see [`Tag`].
    #[inline]
    pub(in crate::value) fn payload(self) -> u64 {
        (self.0.get() >> 64) as u64
    }

    /// Length of the value as compact JSON, so that AWS's payload limits never need a serialiser.
    #[inline]
    pub(in crate::value) fn json_bytes(self) -> u32 {
        (self.0.get() >> 32) as u32
    }

    /// Whether both are the same value at the same place; equal values elsewhere are not found.
    pub(in crate::value) fn is_same(self, other: Self) -> bool {
        self.0 == other.0
    }

    /// The same string or container at another place.
    #[inline]
    pub(in crate::value) fn put_at(self, space: Space, offset: u32) -> Self {
        Self::placed(self.tag(), space, self.json_bytes(), offset, self.extent() as u32)
    }

    #[inline]
    pub(in crate::value) fn offset(self) -> usize {
        (self.payload() >> 32) as usize
    }

    pub(in crate::value) fn extent(self) -> usize {
        self.payload() as u32 as usize
    }

    /// Slots of an array or object of slots.
    #[inline]
    pub(in crate::value) fn slot_count(self) -> usize {
        self.extent() * if self.tag() == Tag::Object { 2 } else { 1 }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}({:?}, {:#x})", self.tag(), self.space(), self.payload())
    }
}

/// Returned where a value would be longer than 4 GiB as JSON text or the heap is out of room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The values grow beyond what an execution may hold.")]
pub struct TooLarge;
