//! Values that outlive their arena: a frame's result goes to the frame above, a long-lived frame
//! is compacted.
//!
//! Both copy as a copying collector does: the slots of a container are copied as they are, then a
//! scan over the copies follows what still points into the arena that is left. So depth costs no
//! stack. Documents are not copied while most of their text is needed: they change hands.

use simd_json::{Node, StaticNode};

use super::arena::{Arena, ArenaId};
use super::documents::Documents;
use super::heap::KEPT_BYTES_MAX;
use super::tape::Document;
use super::{Heap, Space, Tag, TooLarge, Value};

impl Heap {
    /// Makes `value` independent of the arena `from`, so that it outlives
    /// [`Heap::close_arena`]`(from)`. What lies in other arenas, their documents and the constants
    /// stays shared. `value` itself remains valid until `from` is closed, unless a document
    /// changed hands: then until `into` is closed or compacted.
    ///
    /// # Errors
    /// [`TooLarge`] when `into` is full; nothing has changed then.
    pub fn move_up(
        &mut self,
        value: Value,
        from: ArenaId,
        into: ArenaId,
    ) -> Result<Value, TooLarge> {
        let indices = [from.index(), into.index()];
        let Ok([source, target]) = self.arenas.get_disjoint_mut(indices) else { return Ok(value) };
        check_room(target, &[value])?;
        let before_bytes = target.held_bytes();
        let mut root = [value];
        let mut mover = Mover {
            from: source,
            from_id: from,
            into: target,
            into_id: into,
            documents: &mut self.documents,
            leaves_marks: false,
        };
        mover.run(&mut root);
        self.arena_bytes += target.held_bytes() - before_bytes;
        let [moved] = root;
        Ok(moved)
    }

    /// Keeps `roots` and drops everything else that lies in `arena` and its documents. Values
    /// elsewhere are kept as they are; no other arena may point into this one.
    ///
    /// # Errors
    /// [`TooLarge`] when the roots' text would pass 4 GiB; nothing has changed then.
    pub fn compact(&mut self, arena: ArenaId, roots: &mut [Value]) -> Result<(), TooLarge> {
        check_room(&self.spare, roots)?;
        let target = &mut self.arenas[arena.index()];
        let mut source = std::mem::replace(target, std::mem::take(&mut self.spare));
        let before_bytes = target.held_bytes() + source.held_bytes();
        let mut mover = Mover {
            from: &mut source,
            from_id: arena,
            into: target,
            into_id: arena,
            documents: &mut self.documents,
            leaves_marks: true,
        };
        mover.run(roots);
        // Both are held for a moment.
        let both_bytes = target.held_bytes() + source.held_bytes();
        self.arena_bytes = self.arena_bytes + both_bytes - before_bytes;
        self.note_peak();
        self.documents.free_all(&mut source);
        source.clear();
        if source.held_bytes() > KEPT_BYTES_MAX {
            source = Arena::default();
        }
        let after_bytes = self.arenas[arena.index()].held_bytes() + source.held_bytes();
        self.arena_bytes = self.arena_bytes + after_bytes - both_bytes;
        self.spare = source;
        Ok(())
    }
}

/// Whether `arena` has room for `roots` wherever they lie now: a copied slot stands for at least
/// one byte of text, and a copied text for itself.
fn check_room(arena: &Arena, roots: &[Value]) -> Result<(), TooLarge> {
    let text: usize = roots.iter().map(|root| root.json_len()).sum();
    let fullest = arena.slots.len().max(arena.text.len());
    u32::try_from(text + fullest).map(|_| ()).map_err(|_| TooLarge)
}

/// One move from one arena to another.
struct Mover<'a> {
    from: &'a mut Arena,
    from_id: ArenaId,
    into: &'a mut Arena,
    /// The same as `from_id` in a compaction: then copies bear the arena's number before they
    /// stand in it, and only what has not been scanned yet points to the old place.
    into_id: ArenaId,
    documents: &'a mut Documents,
    /// The source is given up: a container that has been copied says where to, so that what was
    /// shared stays shared.
    leaves_marks: bool,
}

impl Mover<'_> {
    fn run(&mut self, roots: &mut [Value]) {
        let begin = self.into.slots.len();
        self.apply(begin, roots, Self::copied);
        if self.from.documents.is_empty() {
            return;
        }
        if self.documents.hand_over(self.from, self.into_id, self.into) {
            self.apply(begin, roots, Self::expanded);
            self.documents.forget_reached(self.from);
        }
    }

    /// Applies `step` to the roots and to every slot from `begin` on, those that it adds included.
    #[inline]
    fn apply(
        &mut self,
        begin: usize,
        roots: &mut [Value],
        step: impl Fn(&mut Self, Value) -> Value,
    ) {
        for root in roots {
            *root = step(self, *root);
        }
        let mut at = begin;
        while let Some(&slot) = self.into.slots.get(at) {
            self.into.slots[at] = step(self, slot);
            at += 1;
        }
    }

    /// Copies a text, or the slots of a container as they are; notes which documents are needed.
    #[inline]
    fn copied(&mut self, value: Value) -> Value {
        if value.tag() == Tag::Node {
            if self.documents.belongs(value, self.from_id) {
                self.documents.reach(value);
            }
            return value;
        }
        if value.space() != self.from_id.space() {
            return value;
        }
        match value.tag() {
            Tag::Str | Tag::Spelled => {
                let text = &self.from.text[value.offset()..value.offset() + value.extent()];
                write_text(self.into, self.into_id, text, value.tag(), value.json_bytes())
            }
            Tag::Array | Tag::Object => self.copied_slots(value),
            _ => value,
        }
    }

    /// A container is known by its first slot: no two different ones share it.
    fn copied_slots(&mut self, value: Value) -> Value {
        let (from, count) = (value.offset(), value.slot_count());
        if count == 0 {
            return value.put_at(self.into_id.space(), 0);
        }
        let first = self.from.slots[from];
        if first.space() == Space::MOVED {
            return value.put_at(self.into_id.space(), first.offset() as u32);
        }
        let offset = self.into.slots.len() as u32;
        self.into.slots.extend_from_slice(&self.from.slots[from..from + count]);
        if self.leaves_marks {
            self.from.slots[from] = value.put_at(Space::MOVED, offset);
        }
        value.put_at(self.into_id.space(), offset)
    }

    /// Copies a node of a document that stays behind; its children stay nodes until they are met.
    fn expanded(&mut self, value: Value) -> Value {
        if value.tag() != Tag::Node || !self.documents.is_left_behind(value) {
            return value;
        }
        let document = self.documents.get(value);
        let (into, id) = (&mut *self.into, self.into_id);
        let offset = into.slots.len() as u32;
        let container = |tag, len: usize| {
            Value::placed(tag, id.space(), value.json_bytes(), offset, len as u32)
        };
        match document.node(value) {
            Node::String(text) => write_text(into, id, text, Tag::Str, value.json_bytes()),
            Node::Array { len, .. } => {
                into.slots.extend(document.walk(value).map(|(_, element)| element));
                container(Tag::Array, len)
            }
            Node::Object { len, .. } => {
                into.slots.extend(document.walk(value).flat_map(|(key, member)| [key, member]));
                container(Tag::Object, len)
            }
            Node::Static(number) => written_number(into, id, document, value, number),
        }
    }
}

/// The number of a node; one that we would spell otherwise keeps its text.
fn written_number(
    into: &mut Arena,
    id: ArenaId,
    document: &Document,
    node: Value,
    number: StaticNode,
) -> Value {
    // A number's text is ASCII.
    let text = std::str::from_utf8(document.raw(node)).unwrap_or_default();
    let same = |plain: Value, spelling: &str| (spelling == text).then_some(plain);
    let plain = match number {
        StaticNode::I64(int) => same(Value::int(int), itoa::Buffer::new().format(int)),
        StaticNode::U64(int) => {
            let int = i64::try_from(int).ok();
            int.and_then(|int| same(Value::int(int), itoa::Buffer::new().format(int)))
        }
        StaticNode::F64(float) => {
            same(Value::float(float), ryu_js::Buffer::new().format_finite(float))
        }
        StaticNode::Bool(_) | StaticNode::Null => Some(node),
    };
    plain.unwrap_or_else(|| write_text(into, id, text, Tag::Spelled, node.json_bytes()))
}

fn write_text(into: &mut Arena, id: ArenaId, text: &str, tag: Tag, json_len: u32) -> Value {
    let offset = into.text.len() as u32;
    into.text.push_str(text);
    Value::placed(tag, id.space(), json_len, offset, text.len() as u32)
}

#[cfg(test)]
pub(in crate::value) mod tests;
