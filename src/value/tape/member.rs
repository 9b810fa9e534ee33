//! Members of a document's objects by their keys.
//!
//! Events of one kind have their keys at the same places, one after the other: a key that is
//! looked up again is most often found by one comparison.

use std::sync::atomic::{AtomicU32, Ordering};

use simd_json::{Node, StaticNode};

use super::super::{Space, Value, View, escaped_len};
use super::{Document, is_flat, of_node, size};

impl Document {
    /// What stands under `key` in `value`; notes in `hint` where.
    #[inline]
    pub(in crate::value) fn look_up(
        &self,
        value: Value,
        key: &[u8],
        hint: Option<&Hint>,
    ) -> LookUp {
        let index = value.offset();
        let (count, len) = match self.tape.get(index) {
            Some(&Node::Object { count, len }) => (count, len),
            Some(Node::Array { .. }) => return LookUp::Array,
            _ => return LookUp::Nothing { passed: 0 },
        };
        let nodes = self.tape.get(index + 1..=index + count).unwrap_or_default();
        let mut rest = nodes;
        while let [Node::String(name), node, behind @ ..] = rest {
            let at = nodes.len() - rest.len();
            rest = behind.get(size(node) - 1..).unwrap_or_default();
            if same_bytes(name.as_bytes(), key) {
                if let Some(hint) = hint.filter(|_| is_flat(count, len)) {
                    hint.set(at / 2);
                }
                let (at, next) = (index + 2 + at, rest.first());
                let field = Field { document: self, object: value, name, at, node, next };
                return LookUp::Member { value: field.value(), passed: len };
            }
        }
        LookUp::Nothing { passed: len }
    }

    /// The member under a short `key`, if that stands where `hint` says that it stood in another
    /// object.
    #[expect(clippy::inline_always, reason = "what is not asked of the field is not computed")]
    #[inline(always)]
    pub(in crate::value) fn look_again(
        &self,
        value: Value,
        key: &[u8],
        hint: &Hint,
    ) -> Option<Field<'_>> {
        let index = value.offset();
        let &Node::Object { count, len } = self.tape.get(index)? else { return None };
        let place = hint.get();
        if !is_flat(count, len) || place >= len {
            return None;
        }
        let at = index + 1 + 2 * place;
        let [Node::String(name), node] = self.tape.get(at..at + 2)? else { return None };
        if !same_short_bytes(name.as_bytes(), key) {
            return None;
        }
        let next = if place + 1 < len { self.tape.get(at + 2) } else { None };
        Some(Field { document: self, object: value, name, at: at + 1, node, next })
    }
}

/// What looking for a key came to.
#[derive(Clone, Copy, Debug)]
pub enum LookUp {
    /// There is such a member.
    Member {
        /// The member.
        value: Value,
        /// Keys that were, or might have been, looked at; for who pays for looking.
        passed: usize,
    },
    /// There is none, or what is looked into has none at all.
    Nothing {
        /// Keys that were looked at.
        passed: usize,
    },
    /// What is looked into is an array.
    Array,
}

impl LookUp {
    /// The member, if there is one.
    #[inline]
    pub fn member(self) -> Option<Value> {
        match self {
            Self::Member { value, .. } => Some(value),
            Self::Nothing { .. } | Self::Array => None,
        }
    }
}

/// A member in a document, before it is made a value: who wants only its number or its text needs
/// no more.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    pub(super) document: &'a Document,
    pub(super) object: Value,
    pub(super) name: &'a str,
    pub(super) at: usize,
    pub(super) node: &'a Node<'static>,
    pub(super) next: Option<&'a Node<'static>>,
}

impl<'a> Field<'a> {
    /// The member as a value.
    #[inline]
    pub fn value(self) -> Value {
        let span = self.document.member_span(self.object, self.name, self.next);
        of_node(self.node, self.at, span, self.object.space())
    }

    /// The member, if it is a number or a text.
    #[inline]
    pub fn scalar(self) -> Option<View<'a>> {
        scalar(self.node)
    }

    /// Length of `text`, which is the member, as a JSON string, without the quotes.
    #[inline]
    pub fn escaped_len(self, text: &str) -> usize {
        match self.document.escaped {
            None => text.len(),
            Some(_) => escaped_len(text) - 2,
        }
    }
}

/// What a node is, if it is a number or a text.
#[expect(clippy::inline_always, reason = "what is not asked of it is not computed")]
#[inline(always)]
pub(super) fn scalar<'a>(node: &Node<'a>) -> Option<View<'a>> {
    match *node {
        Node::Static(StaticNode::U64(int)) => i64::try_from(int).ok().map(View::Int),
        Node::Static(StaticNode::I64(int)) => Some(View::Int(int)),
        Node::Static(StaticNode::F64(float)) => Some(View::Float(float)),
        Node::String(text) => Some(View::Str(text)),
        _ => None,
    }
}

/// A key that is looked up again and again, and where it stood last.
#[derive(Clone, Debug)]
pub struct Key {
    name: Value,
    text: Box<[u8]>,
    hint: Hint,
}

impl Key {
    /// The key `name`, which is the constant string `text`.
    pub fn new(name: Value, text: &str) -> Self {
        Self { name, text: text.as_bytes().into(), hint: Hint::default() }
    }

    /// The member under the key of an object that was made, if both keys are constants and it
    /// stands where it stood in another one.
    #[inline]
    pub(in crate::value) fn place_among(&self, slots: &[Value]) -> Option<Value> {
        let at = 2 * self.hint.get();
        let [known, member] = slots.get(at..at + 2)? else { return None };
        let interned = [*known, self.name].iter().all(|key| key.space() == Space::CONSTANTS);
        (interned && known.payload() == self.name.payload()).then_some(*member)
    }

    /// The key as a value.
    #[inline]
    pub fn name(&self) -> Value {
        self.name
    }

    #[inline]
    pub(in crate::value) fn parts(&self) -> (&[u8], &Hint) {
        (&self.text, &self.hint)
    }
}

/// At which place of an object a key was found: most often it stands there in the next one, too.
///
/// Shared by all shards, so it is written only a few times: objects that take turns in their order
/// would else pass its cache line to and fro.
#[derive(Debug, Default)]
pub(in crate::value) struct Hint(AtomicU32);

impl Hint {
    #[inline]
    pub(super) fn get(&self) -> usize {
        (self.0.load(Ordering::Relaxed) & Self::PLACE_MAX) as usize
    }

    /// Notes where a key was found.
    pub(in crate::value) fn set(&self, place: usize) {
        if place == self.get() {
            return;
        }
        let writes = self.0.load(Ordering::Relaxed) >> Self::PLACE_BITS;
        if writes < Self::WRITES_MAX && place <= Self::PLACE_MAX as usize {
            self.0.store((writes + 1) << Self::PLACE_BITS | place as u32, Ordering::Relaxed);
        }
    }

    const PLACE_BITS: u32 = 16;
    const PLACE_MAX: u32 = (1 << Self::PLACE_BITS) - 1;
    const WRITES_MAX: u32 = 8;
}

impl Clone for Hint {
    fn clone(&self) -> Self {
        Self(AtomicU32::new(self.0.load(Ordering::Relaxed)))
    }
}

/// Whether two keys are the same. Most are short, and a call to compare memory costs more than that.
#[inline]
pub(in crate::value) fn same_bytes(one: &[u8], other: &[u8]) -> bool {
    if one.len() > SHORT_KEY_BYTES_MAX { one == other } else { same_short_bytes(one, other) }
}

/// Whether two keys are the same; never, when they are long.
#[expect(clippy::inline_always, reason = "a few instructions")]
#[inline(always)]
pub(super) fn same_short_bytes(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        0 => true,
        1 => one[0] == other[0],
        2..4 => {
            one.first_chunk::<2>() == other.first_chunk::<2>()
                && one.last_chunk::<2>() == other.last_chunk::<2>()
        }
        4..8 => {
            one.first_chunk::<4>() == other.first_chunk::<4>()
                && one.last_chunk::<4>() == other.last_chunk::<4>()
        }
        8..=SHORT_KEY_BYTES_MAX => {
            one.first_chunk::<8>() == other.first_chunk::<8>()
                && one.last_chunk::<8>() == other.last_chunk::<8>()
        }
        _ => false,
    }
}

/// Longer keys are compared by a call.
const SHORT_KEY_BYTES_MAX: usize = 16;
