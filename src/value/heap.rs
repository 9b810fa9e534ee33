//! Where the values of one execution live: documents, arenas, and the program's constants.
//!
//! Everything is addressed by offset and freed as a whole. An arena belongs to one frame; values
//! may point into their own arena, into those of enclosing frames, into documents and constants.
//! What leaves its frame is moved (see [`super::moving`]).

use std::rc::Rc;

use super::arena::{Arena, ArenaId};
use super::documents::Documents;
use super::tape::{Document, ParseError, Parser};
use super::{Constants, Space, Tag, TooLarge, Value, escaped_len};

/// All values of one execution.
#[derive(Debug)]
pub struct Heap {
    constants: Rc<Constants>,
    pub(in crate::value) arenas: Vec<Arena>,
    /// Arenas that have been in use since the last reset; those behind are kept for their memory.
    arenas_live: usize,
    /// Arenas below `arenas_live` that are closed.
    arenas_closed: Vec<ArenaId>,
    /// Memory of all arenas and the spare one.
    pub(in crate::value) arena_bytes: usize,
    pub(in crate::value) documents: Documents,
    /// Where a compaction copies to.
    pub(in crate::value) spare: Arena,
    scratch: String,
    /// Slots of an object that is being made.
    building: Vec<Value>,
    /// Bytes beyond which nothing grows any more.
    pub(in crate::value) held_bytes_max: usize,
    /// Most bytes held since the last reset, as of when memory was last given back.
    peak_bytes: usize,
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
            arenas_live: 1,
            arenas_closed: Vec::new(),
            arena_bytes: 2 * size_of::<Arena>(),
            documents: Documents::default(),
            spare: Arena::default(),
            scratch: String::new(),
            building: Vec::new(),
            held_bytes_max: usize::MAX,
            peak_bytes: 0,
        }
    }

    /// Forgets all values and keeps the memory for the next execution.
    pub fn reset(&mut self, constants: &Rc<Constants>) {
        if !Rc::ptr_eq(&self.constants, constants) {
            self.constants = Rc::clone(constants);
        }
        self.arena_mut(ArenaId::ROOT).clear();
        self.arenas_live = 1;
        self.arenas_closed.clear();
        if self.arenas.len() > KEPT_COUNT_MAX {
            let surplus = self.arenas.drain(KEPT_COUNT_MAX..);
            self.arena_bytes -= surplus.map(|arena| arena.held_bytes()).sum::<usize>();
        }
        self.documents.reset();
        self.peak_bytes = 0;
    }

    /// The constants of the program that the heap serves.
    pub fn constants(&self) -> &Rc<Constants> {
        &self.constants
    }

    /// Opens an arena for a new frame.
    ///
    /// # Errors
    /// [`TooLarge`] when there are more frames at once than can be addressed.
    pub fn open_arena(&mut self) -> Result<ArenaId, TooLarge> {
        if let Some(arena) = self.arenas_closed.pop() {
            return Ok(arena);
        }
        let index = self.arenas_live;
        if index >= Space::COUNT_MAX {
            return Err(TooLarge);
        }
        if let Some(arena) = self.arenas.get_mut(index) {
            // The execution before may have ended while this arena was open.
            arena.clear();
        } else {
            self.arenas.push(Arena::default());
            self.arena_bytes += size_of::<Arena>();
        }
        self.arenas_live += 1;
        Ok(ArenaId(index as u32))
    }

    /// Drops the values of a frame that has ended, and the documents it owns. What must outlive it
    /// has been moved before, by [`Heap::move_up`].
    pub fn close_arena(&mut self, arena: ArenaId) {
        debug_assert!(arena != ArenaId::ROOT, "the root arena ends with its execution");
        // The last ones only: with thousands of frames, looking at all would take quadratic time.
        let mut closed = self.arenas_closed.iter().rev().take(64);
        debug_assert!(closed.all(|closed| *closed != arena), "the arena is closed already");
        self.note_peak();
        let closed = &mut self.arenas[arena.index()];
        self.documents.free_all(closed);
        closed.clear();
        let held_bytes = closed.held_bytes();
        if held_bytes > KEPT_BYTES_MAX {
            *closed = Arena::default();
            self.arena_bytes = self.arena_bytes + closed.held_bytes() - held_bytes;
        }
        self.arenas_closed.push(arena);
    }

    /// Bytes of memory held by all arenas and documents.
    pub fn held_bytes(&self) -> usize {
        self.arena_bytes + self.documents.held_bytes()
    }

    /// Most bytes of memory held at a time since the last [`Heap::reset`].
    pub fn held_bytes_peak(&self) -> usize {
        self.peak_bytes.max(self.held_bytes())
    }

    /// To be called before memory is given back; it is held until then.
    pub(in crate::value) fn note_peak(&mut self) {
        self.peak_bytes = self.held_bytes_peak();
    }

    /// Bytes in use by a frame: its arena and the documents it owns. The first document, which an
    /// execution keeps to its end, counts for no frame.
    #[inline]
    pub fn used_bytes(&self, arena: ArenaId) -> usize {
        self.arenas[arena.index()].used_bytes()
    }

    /// Parses `text` into a document of its own, which ends with `arena`; the first one after a
    /// [`Heap::reset`] ends with the execution.
    ///
    /// # Errors
    /// [`ParseError`] when it is not JSON or nested too deep.
    pub fn parse(
        &mut self,
        arena: ArenaId,
        text: &[u8],
        parser: &mut Parser,
    ) -> Result<Value, ParseError> {
        if self.held_bytes() > self.held_bytes_max {
            return Err(ParseError::TooLarge);
        }
        self.documents.parse(arena, &mut self.arenas[arena.index()], text, parser)
    }

    /// Copies `text` into the arena.
    ///
    /// # Errors
    /// [`TooLarge`] when the arena is full.
    pub fn string(&mut self, arena: ArenaId, text: &str) -> Result<Value, TooLarge> {
        self.reserve_text(arena, text.len())?;
        let texts = &mut self.arena_mut(arena).text;
        let offset = u32::try_from(texts.len()).map_err(|_| TooLarge)?;
        let json_len = u32::try_from(escaped_len(text)).map_err(|_| TooLarge)?;
        texts.push_str(text);
        Ok(Value::placed(Tag::Str, arena.space(), json_len, offset, text.len() as u32))
    }

    /// Opens a container of `extent` slots (an object takes two an entry), all `null`; its
    /// children may be made while it is open.
    ///
    /// # Errors
    /// [`TooLarge`] when the arena is full.
    pub fn open(&mut self, arena: ArenaId, extent: usize) -> Result<Open, TooLarge> {
        let slots = &self.arenas[arena.index()].slots;
        let offset = u32::try_from(slots.len()).map_err(|_| TooLarge)?;
        let end = slots.len().checked_add(extent).ok_or(TooLarge)?;
        u32::try_from(end).map_err(|_| TooLarge)?;
        self.reserve_slots(arena, extent)?;
        self.arena_mut(arena).slots.resize(end, Value::NULL);
        Ok(Open { arena, offset, extent: extent as u32 })
    }

    /// Makes an array of these elements.
    ///
    /// # Errors
    /// [`TooLarge`] when the arena is full or its text would pass 4 GiB.
    pub fn array(&mut self, arena: ArenaId, elements: &[Value]) -> Result<Value, TooLarge> {
        let open = self.open(arena, elements.len())?;
        for (slot, element) in elements.iter().enumerate() {
            self.set(open, slot, *element);
        }
        self.close_array(open)
    }

    /// Makes an object of these entries; keys must be distinct strings.
    ///
    /// # Errors
    /// As for [`Self::array`].
    pub fn object(
        &mut self,
        arena: ArenaId,
        entries: &[(Value, Value)],
    ) -> Result<Value, TooLarge> {
        let open = self.open(arena, 2 * entries.len())?;
        for (entry, (key, member)) in entries.iter().enumerate() {
            self.set(open, 2 * entry, *key);
            self.set(open, 2 * entry + 1, *member);
        }
        self.close_object(open)
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
        if let Err(error) = self.reserve_slots(arena, slots.len()) {
            failed.get_or_insert(error.into());
            slots.clear();
        }
        let offset = self.arena_mut(arena).slots.len();
        self.arena_mut(arena).slots.extend_from_slice(&slots);
        self.building = slots;
        if let Some(error) = failed {
            return Err(error);
        }
        let json_len = u32::try_from(json_len.max(2)).map_err(|_| TooLarge)?;
        let offset = u32::try_from(offset).map_err(|_| TooLarge)?;
        Ok(Value::placed(Tag::Object, arena.space(), json_len, offset, count))
    }

    /// Makes an array of these elements, which are known one after the other.
    ///
    /// # Errors
    /// As for [`Self::array`].
    #[inline]
    pub fn array_from(
        &mut self,
        arena: ArenaId,
        elements: impl ExactSizeIterator<Item = Value>,
    ) -> Result<Value, TooLarge> {
        let (open, inner) = self.filled(arena, elements)?;
        Self::close(Tag::Array, open, open.extent, inner)
    }

    /// Makes an object of its keys and members by turns; keys must be distinct strings.
    ///
    /// # Errors
    /// As for [`Self::array`].
    #[inline]
    pub fn object_from(
        &mut self,
        arena: ArenaId,
        slots: impl ExactSizeIterator<Item = Value>,
    ) -> Result<Value, TooLarge> {
        let (open, inner) = self.filled(arena, slots)?;
        Self::close(Tag::Object, open, open.extent / 2, inner)
    }

    /// A container of these slots, and the bytes of all of them as JSON, with what stands behind
    /// each.
    #[expect(clippy::manual_inspect, reason = "what inspect passes on is copied one by one")]
    #[inline]
    fn filled(
        &mut self,
        arena: ArenaId,
        slots: impl ExactSizeIterator<Item = Value>,
    ) -> Result<(Open, u64), TooLarge> {
        let extent = slots.len();
        self.reserve_slots(arena, extent)?;
        let own = &mut self.arena_mut(arena).slots;
        let offset = u32::try_from(own.len()).map_err(|_| TooLarge)?;
        let mut inner = 0;
        own.extend(slots.map(|slot| {
            inner += u64::from(slot.json_bytes()) + 1;
            slot
        }));
        let extent = u32::try_from(extent).map_err(|_| TooLarge)?;
        Ok((Open { arena, offset, extent }, inner))
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
        Ok(Value::placed(tag, open.arena.space(), json_len, open.offset, extent))
    }

    fn opened(&self, open: Open) -> &[Value] {
        let offset = open.offset as usize;
        &self.arenas[open.arena.index()].slots[offset..offset + open.extent as usize]
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

    /// The array `array` with its elements side by side, so that [`Heap::element`] finds each at
    /// once; in a parsed document it has to go past all those before.
    ///
    /// # Errors
    /// [`TooLarge`] when the arena is full.
    pub fn indexed(&mut self, arena: ArenaId, array: Value) -> Result<Value, TooLarge> {
        if array.tag() != Tag::Node {
            return Ok(array);
        }
        let open = self.open(arena, self.len(array))?;
        self.copy_children(array, open);
        self.close_array(open)
    }

    /// Copies the slots of `container` to the beginning of `open`, which has room for them.
    fn copy_children(&mut self, container: Value, open: Open) {
        let to = open.offset as usize;
        if container.tag() == Tag::Node {
            let slots = &mut self.arenas[open.arena.index()].slots[to..];
            let document = self.documents.get(container);
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
        let count = container.slot_count();
        if container.space() == open.arena.space() {
            self.arena_mut(open.arena).slots.copy_within(from..from + count, to);
        } else if container.space() == Space::CONSTANTS {
            let slots = &mut self.arenas[open.arena.index()].slots;
            slots[to..to + count].copy_from_slice(&self.constants.slots[from..from + count]);
        } else if let Ok([other, own]) =
            self.arenas.get_disjoint_mut([container.space().index(), open.arena.index()])
        {
            own.slots[to..to + count].copy_from_slice(&other.slots[from..from + count]);
        }
    }

    fn arena_mut(&mut self, arena: ArenaId) -> &mut Arena {
        &mut self.arenas[arena.index()]
    }

    /// Makes room and keeps the account: [`Heap::held_bytes`] is asked often.
    #[inline]
    fn reserve_slots(&mut self, arena: ArenaId, count: usize) -> Result<(), TooLarge> {
        let slots = &self.arenas[arena.index()].slots;
        if slots.capacity() - slots.len() < count {
            self.grow(arena, |arena| arena.slots.reserve(count))?;
        }
        Ok(())
    }

    /// Makes room for text, as [`Self::reserve_slots`].
    #[inline]
    fn reserve_text(&mut self, arena: ArenaId, bytes: usize) -> Result<(), TooLarge> {
        let text = &self.arenas[arena.index()].text;
        if text.capacity() - text.len() < bytes {
            self.grow(arena, |arena| arena.text.reserve(bytes))?;
        }
        Ok(())
    }

    /// Bounds what the heap may hold, in bytes; who would pass it is told [`TooLarge`].
    pub fn limit(&mut self, held_bytes_max: usize) {
        self.held_bytes_max = held_bytes_max;
    }

    #[cold]
    fn grow(&mut self, arena: ArenaId, grow: impl FnOnce(&mut Arena)) -> Result<(), TooLarge> {
        if self.held_bytes() > self.held_bytes_max {
            return Err(TooLarge);
        }
        self.arena_bytes += self.arenas[arena.index()].grow(grow);
        Ok(())
    }

    pub(in crate::value) fn node(&self, value: Value) -> simd_json::Node<'_> {
        self.document(value).node(value)
    }

    pub(in crate::value) fn document(&self, value: Value) -> &Document {
        self.documents.get(value)
    }

    /// Slots of the space that `value` lies in.
    #[inline]
    pub(in crate::value) fn slots(&self, value: Value) -> &[Value] {
        let count = value.slot_count();
        let all = match value.space() {
            Space::CONSTANTS => &self.constants.slots,
            space => &self.arenas[space.index()].slots,
        };
        &all[value.offset()..value.offset() + count]
    }

    /// Text of a [`Tag::Str`] or [`Tag::Spelled`] value.
    #[inline]
    pub(in crate::value) fn str_text(&self, value: Value) -> &str {
        let all = match value.space() {
            Space::CONSTANTS => &self.constants.text,
            space => &self.arenas[space.index()].text,
        };
        &all[value.offset()..value.offset() + value.extent()]
    }

    /// Bytes of a [`Tag::Str`] value.
    #[inline]
    pub(in crate::value) fn str_bytes(&self, value: Value) -> &[u8] {
        let all = match value.space() {
            Space::CONSTANTS => self.constants.text.as_bytes(),
            space => self.arenas[space.index()].text.as_bytes(),
        };
        &all[value.offset()..value.offset() + value.extent()]
    }

    /// A constant string that needs no escape, as JSON: with its quotes.
    #[inline]
    pub(in crate::value) fn constant_json(&self, value: Value) -> &[u8] {
        &self.constants.text.as_bytes()[value.offset() - 1..=value.offset() + value.extent()]
    }

    /// A constant key that needs no escape, as JSON: with its quotes and the colon, and, unless it
    /// is the `first` one, the comma in front.
    #[inline]
    pub(in crate::value) fn constant_key_json(&self, key: Value, first: bool) -> &[u8] {
        let start = key.offset() - 2 + usize::from(first);
        &self.constants.text.as_bytes()[start..key.offset() + key.extent() + 2]
    }

    /// Lends a text buffer that keeps its memory; give it back with [`Heap::return_scratch`].
    pub fn take_scratch(&mut self) -> String {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch
    }

    /// Takes the buffer of [`Heap::take_scratch`] back.
    pub fn return_scratch(&mut self, scratch: String) {
        if scratch.capacity() <= KEPT_BYTES_MAX {
            self.scratch = scratch;
        }
    }
}

/// A closed arena that holds more than this gives its memory back.
pub(in crate::value) const KEPT_BYTES_MAX: usize = 65_536;
/// Arenas kept from one execution to the next: a Map's usual width (40), and nested frames.
const KEPT_COUNT_MAX: usize = 64;
