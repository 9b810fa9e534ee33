//! Where the values of one execution live: documents, arenas, and the program's constants.
//!
//! Everything is addressed by offset and freed as a whole. An arena belongs to one frame; values
//! may point into their own arena, into those of enclosing frames, into documents and constants.

use std::rc::Rc;

use super::tape::{Document, ParseError, Parser};
use super::{Constants, Space, Tag, TooLarge, Value, escaped_len};

/// Number of an arena in its heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArenaId(u16);

impl ArenaId {
    /// The arena of an execution's outermost frame; every heap has it.
    pub const ROOT: Self = Self(0);
}

/// A frame's own values: grows, and is dropped or compacted as a whole.
#[derive(Debug, Default)]
pub struct Arena {
    pub(in crate::value) slots: Vec<Value>,
    pub(in crate::value) text: String,
}

impl Arena {
    /// Bytes in use.
    pub fn used_bytes(&self) -> usize {
        self.slots.len() * size_of::<Value>() + self.text.len()
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.text.clear();
    }
}

/// All values of one execution.
#[derive(Debug)]
pub struct Heap {
    constants: Rc<Constants>,
    arenas: Vec<Arena>,
    documents: Vec<Document>,
    /// Documents in use; the others are kept for their memory.
    documents_live: usize,
    scratch: String,
    /// Slots of an object that is being made.
    building: Vec<Value>,
}

/// Slots of a container under construction, see [`Heap::open`].
#[derive(Clone, Copy, Debug)]
pub struct Open {
    arena: ArenaId,
    offset: u32,
    extent: u32,
}

impl Heap {
    /// An empty heap over a program's constants.
    pub fn new(constants: Rc<Constants>) -> Self {
        Self {
            constants,
            arenas: vec![Arena::default()],
            documents: Vec::new(),
            documents_live: 0,
            scratch: String::new(),
            building: Vec::new(),
        }
    }

    /// Forgets all values and keeps the memory for the next execution.
    pub fn reset(&mut self, constants: &Rc<Constants>) {
        if !Rc::ptr_eq(&self.constants, constants) {
            self.constants = Rc::clone(constants);
        }
        self.arenas.truncate(1);
        for arena in &mut self.arenas {
            arena.clear();
        }
        self.documents_live = 0;
    }

    /// Bytes of memory in use by arenas and held by documents.
    pub fn held_bytes(&self) -> usize {
        let arenas: usize = self.arenas.iter().map(Arena::used_bytes).sum();
        let documents: usize = self.documents.iter().map(Document::held_bytes).sum();
        arenas + documents
    }

    /// Bytes in use beside the first document, which an execution keeps to its end.
    #[inline]
    pub fn used_bytes(&self) -> usize {
        let arenas: usize = self.arenas.iter().map(Arena::used_bytes).sum();
        let documents = &self.documents[self.documents_live.min(1)..self.documents_live];
        arenas + documents.iter().map(Document::held_bytes).sum::<usize>()
    }

    /// Keeps `live` and the first document and drops every other value: what is live is written
    /// down and read again, at most one payload's worth of text.
    ///
    /// # Errors
    /// [`ParseError::TooDeep`] when `live` is nested deeper than a document may be; nothing has
    /// changed then.
    pub fn compact(&mut self, live: Value, parser: &mut Parser) -> Result<Value, ParseError> {
        let first = Space::of(0);
        let mut kept = live;
        self.documents_live = if live.tag() == Tag::Node && live.space() == first {
            1
        } else {
            kept = self.parse(&self.to_json(live), parser)?;
            let last = self.documents_live - 1;
            self.documents.swap(1, last);
            if kept.tag() == Tag::Node {
                kept = kept.moved_to(Space::of(1));
            }
            2
        };
        for arena in &mut self.arenas {
            arena.clear();
        }
        Ok(kept)
    }

    /// Parses `text` into a document of its own and returns its value.
    ///
    /// # Errors
    /// [`ParseError`] when it is not JSON or nested too deep.
    pub fn parse(&mut self, text: &[u8], parser: &mut Parser) -> Result<Value, ParseError> {
        let index = self.documents_live;
        if index == self.documents.len() {
            self.documents.push(Document::new());
        }
        let document = &mut self.documents[index];
        document.parse(text, parser)?;
        self.documents_live += 1;
        Ok(document.root(Space::of(index)).unwrap_or(Value::NULL))
    }

    /// Copies `text` into the arena.
    ///
    /// # Errors
    /// [`TooLarge`] when the arena is full.
    pub fn string(&mut self, arena: ArenaId, text: &str) -> Result<Value, TooLarge> {
        let texts = &mut self.arena_mut(arena).text;
        let offset = u32::try_from(texts.len()).map_err(|_| TooLarge)?;
        let json_len = u32::try_from(escaped_len(text)).map_err(|_| TooLarge)?;
        texts.push_str(text);
        let space = Space::of(usize::from(arena.0));
        Ok(Value::placed(Tag::Str, space, json_len, offset, text.len() as u32))
    }

    /// Opens a container of `extent` slots (an object takes two an entry), all `null`; its
    /// children may be made while it is open.
    ///
    /// # Errors
    /// [`TooLarge`] when the arena is full.
    pub fn open(&mut self, arena: ArenaId, extent: usize) -> Result<Open, TooLarge> {
        let slots = &mut self.arena_mut(arena).slots;
        let offset = u32::try_from(slots.len()).map_err(|_| TooLarge)?;
        let end = slots.len().checked_add(extent).ok_or(TooLarge)?;
        u32::try_from(end).map_err(|_| TooLarge)?;
        slots.resize(end, Value::NULL);
        Ok(Open { arena, offset, extent: extent as u32 })
    }

    /// Makes an object of entries that are known one after the other and need no values of their
    /// own in this arena: written once, without being opened first.
    ///
    /// # Errors
    /// What `entries` fails with, or [`TooLarge`] when the arena is full.
    #[inline]
    pub fn object_of<E: From<TooLarge>>(
        &mut self,
        arena: ArenaId,
        entries: impl ExactSizeIterator<Item: FnOnce(&Self) -> Result<(Value, Value), E>>,
    ) -> Result<Value, E> {
        let mut slots = std::mem::take(&mut self.building);
        slots.clear();
        let count = entries.len() as u32;
        let mut json_len = 1_u64;
        let mut failed = None;
        for entry in entries {
            match entry(self) {
                Ok((key, member)) => {
                    json_len += u64::from(key.json_bytes()) + u64::from(member.json_bytes()) + 2;
                    slots.extend_from_slice(&[key, member]);
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let offset = self.arena_mut(arena).slots.len();
        self.arena_mut(arena).slots.extend_from_slice(&slots);
        self.building = slots;
        if let Some(error) = failed {
            return Err(error);
        }
        let json_len = u32::try_from(json_len.max(2)).map_err(|_| TooLarge)?;
        let offset = u32::try_from(offset).map_err(|_| TooLarge)?;
        let space = Space::of(usize::from(arena.0));
        Ok(Value::placed(Tag::Object, space, json_len, offset, count))
    }

    /// Sets a slot of an open container.
    #[inline]
    pub fn set(&mut self, open: Open, slot: usize, value: Value) {
        debug_assert!(slot < open.extent as usize, "slot lies outside the open container");
        self.arena_mut(open.arena).slots[open.offset as usize + slot] = value;
    }

    /// Makes an array of an open container.
    ///
    /// # Errors
    /// [`TooLarge`] when its text would pass 4 GiB.
    pub fn close_array(&self, open: Open) -> Result<Value, TooLarge> {
        let inner: u64 =
            self.opened(open).iter().map(|element| u64::from(element.json_bytes()) + 1).sum();
        Self::close(Tag::Array, open, open.extent, inner)
    }

    /// Makes an object of an open container; even slots are keys and must be distinct strings.
    ///
    /// # Errors
    /// [`TooLarge`] when its text would pass 4 GiB.
    pub fn close_object(&self, open: Open) -> Result<Value, TooLarge> {
        // A colon or a comma behind each slot, but none behind the last.
        let inner: u64 =
            self.opened(open).iter().map(|slot| u64::from(slot.json_bytes()) + 1).sum();
        Self::close(Tag::Object, open, open.extent / 2, inner)
    }

    fn close(tag: Tag, open: Open, extent: u32, inner: u64) -> Result<Value, TooLarge> {
        let json_len = u32::try_from(1 + inner.max(1)).map_err(|_| TooLarge)?;
        let space = Space::of(usize::from(open.arena.0));
        Ok(Value::placed(tag, space, json_len, open.offset, extent))
    }

    fn opened(&self, open: Open) -> &[Value] {
        let offset = open.offset as usize;
        &self.arenas[usize::from(open.arena.0)].slots[offset..offset + open.extent as usize]
    }

    /// Copies the object `object` with `key` set to `member`: replaced in place, else appended.
    ///
    /// # Errors
    /// [`TooLarge`] when the arena is full.
    pub fn with_member(
        &mut self,
        arena: ArenaId,
        object: Value,
        key: Value,
        member: Value,
    ) -> Result<Value, TooLarge> {
        let place = if object.tag() == Tag::Object {
            self.place(self.slots(object), key).map(|(place, _)| place)
        } else {
            self.entries(object).position(|(known, _)| self.same_text(known, key))
        };
        let len = self.len(object);
        let open = self.open(arena, 2 * (len + usize::from(place.is_none())))?;
        self.copy_children(object, open);
        let at = place.unwrap_or(len);
        self.set(open, 2 * at, key);
        self.set(open, 2 * at + 1, member);
        self.close_object(open)
    }

    /// Copies the array `array` with the element at `index` replaced; `index` must be inside.
    ///
    /// # Errors
    /// [`TooLarge`] when the arena is full.
    pub fn with_element(
        &mut self,
        arena: ArenaId,
        array: Value,
        index: usize,
        element: Value,
    ) -> Result<Value, TooLarge> {
        let open = self.open(arena, self.len(array))?;
        self.copy_children(array, open);
        self.set(open, index, element);
        self.close_array(open)
    }

    /// Copies the slots of `container` to the beginning of `open`, which has room for them.
    fn copy_children(&mut self, container: Value, open: Open) {
        let to = open.offset as usize;
        if container.tag() == Tag::Node {
            let document = &self.documents[container.space().index()];
            let slots = &mut self.arenas[usize::from(open.arena.0)].slots[to..];
            let is_object = matches!(document.node(container), simd_json::Node::Object { .. });
            let slots = slots.iter_mut();
            let children = document.walk(container);
            if is_object {
                let children = children.flat_map(|(key, member)| [key, member]);
                slots.zip(children).for_each(|(slot, child)| *slot = child);
            } else {
                slots.zip(children).for_each(|(slot, (_, element))| *slot = element);
            }
            return;
        }
        let from = container.offset();
        let count = container.extent() * if container.tag() == Tag::Object { 2 } else { 1 };
        if container.space() == Space::of(usize::from(open.arena.0)) {
            self.arena_mut(open.arena).slots.copy_within(from..from + count, to);
        } else if container.space() == Space::CONSTANTS {
            let slots = &mut self.arenas[usize::from(open.arena.0)].slots;
            slots[to..to + count].copy_from_slice(&self.constants.slots[from..from + count]);
        } else {
            for index in 0..count {
                let child = self.arenas[container.space().index()].slots[from + index];
                self.arena_mut(open.arena).slots[to + index] = child;
            }
        }
    }

    fn arena_mut(&mut self, arena: ArenaId) -> &mut Arena {
        &mut self.arenas[usize::from(arena.0)]
    }

    pub(in crate::value) fn node(&self, value: Value) -> simd_json::Node<'_> {
        self.document(value).node(value)
    }

    pub(in crate::value) fn document(&self, value: Value) -> &Document {
        &self.documents[value.space().index()]
    }

    /// Slots of the space that `value` lies in.
    #[inline]
    pub(in crate::value) fn slots(&self, value: Value) -> &[Value] {
        let count = value.extent() * if value.tag() == Tag::Object { 2 } else { 1 };
        let all = match value.space() {
            Space::CONSTANTS => &self.constants.slots,
            space => &self.arenas[space.index()].slots,
        };
        &all[value.offset()..value.offset() + count]
    }

    /// Text of a [`Tag::Str`] value.
    #[inline]
    pub(in crate::value) fn str_text(&self, value: Value) -> &str {
        let all = match value.space() {
            Space::CONSTANTS => &self.constants.text,
            space => &self.arenas[space.index()].text,
        };
        &all[value.offset()..value.offset() + value.extent()]
    }

    /// A constant string that needs no escape, as JSON: with its quotes, and as a key with the
    /// colon too.
    #[inline]
    pub(in crate::value) fn constant_json(&self, value: Value, is_key: bool) -> &str {
        let end = value.offset() + value.extent() + 1 + usize::from(is_key);
        &self.constants.text[value.offset() - 1..end]
    }

    /// Lends a text buffer that keeps its memory; give it back with [`Heap::return_scratch`].
    pub fn take_scratch(&mut self) -> String {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch
    }

    /// Takes the buffer of [`Heap::take_scratch`] back.
    pub fn return_scratch(&mut self, scratch: String) {
        self.scratch = scratch;
    }
}
