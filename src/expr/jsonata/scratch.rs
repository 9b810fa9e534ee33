//! Where an evaluation keeps what is no value of the heap: bump storage, dropped as a whole.
//!
//! Finished containers lie in `slots` and `text`. What is still being collected lies on `stack`,
//! so that evaluating an element never moves the container around it. Variables lie in frames.

use super::code::CodeId;
use super::item::{Extent, Flags, Item, Kind};

/// Items that live as long as one evaluation; reused for one after the other.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Elements of arrays; keys and members of objects by turns.
    pub(super) slots: Vec<Item>,
    /// Text that was made.
    pub(super) text: String,
    /// Operands, arguments, elements of what is under construction.
    pub(super) stack: Vec<Item>,
    /// Variables of all frames.
    pub(super) variables: Vec<Item>,
    pub(super) frames: Vec<Frame>,
    /// What the running tuple holds, by label.
    pub(super) labels: Vec<Item>,
    pub(super) closures: Vec<Closure>,
    /// Lent to who makes a text of other texts.
    pub(super) buffer: String,
    /// How often code has run in a frame older than its caller, where it may have left something.
    pub(super) pins: usize,
    /// Steps that nobody has been told of.
    pub(super) steps: usize,
    /// Evaluations so far.
    resets: u32,
}

/// The variables of one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// The frame that the function was made in.
    pub(super) parent: u32,
    /// Its first variable.
    pub(super) base: u32,
}

/// A function that was made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Closure {
    /// `function(…){…}`, with the frame and the context item it was made in.
    /// Of the running tuple, what it held.
    Lambda { lambda: u32, frame: u32, input: Item, labels: Extent },
    /// Arguments that are known; [`Item::UNBOUND`] for those that are to come.
    Partial { callee: Item, arguments: Extent },
    /// `first ~> second`
    Composed { first: Item, second: Item },
    /// `|…|…|`, with the frame and the tuple that it was made in.
    Transform { code: CodeId, frame: u32, labels: Extent },
    /// The next match of a regular expression in a text, from this byte on.
    Next { regex: u32, text: Item, from: u32 },
}

/// A mark to go back to, see [`Scratch::release`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    slots: usize,
    text: usize,
    closures: usize,
    pins: usize,
}

impl Scratch {
    /// Forgets everything and keeps the memory, unless it was much.
    pub(super) fn reset(&mut self) {
        self.slots.clear();
        self.text.clear();
        self.stack.clear();
        self.variables.clear();
        self.frames.clear();
        self.labels.clear();
        self.closures.clear();
        self.resets = self.resets.wrapping_add(1);
        if self.resets.is_multiple_of(RESETS_PER_LOOK) {
            self.give_back();
        }
    }

    /// Gives memory back that is more than is usual.
    fn give_back(&mut self) {
        let most = self.slots.capacity().max(self.stack.capacity()).max(self.variables.capacity());
        let most = most.max(self.labels.capacity()).max(self.frames.capacity());
        let most_bytes = most.max(3 * self.closures.capacity()) * size_of::<Item>();
        if most_bytes.max(self.text.capacity()).max(self.buffer.capacity()) > KEPT_BYTES_MAX {
            *self = Self { steps: self.steps, resets: self.resets, ..Self::default() };
        }
    }

    /// Steps that evaluations have taken since this was last asked.
    #[inline]
    pub fn take_steps(&mut self) -> usize {
        std::mem::take(&mut self.steps)
    }

    /// Bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        let items = self.slots.capacity() + self.stack.capacity() + self.variables.capacity();
        (items + self.labels.capacity()) * size_of::<Item>()
            + self.text.capacity()
            + self.buffer.capacity()
            + self.frames.capacity() * size_of::<Frame>()
            + self.closures.capacity() * size_of::<Closure>()
    }

    /// What AWS would count: eight bytes an item, and the bytes of text. What is ours alone counts
    /// half its size, as items do.
    #[inline]
    pub(super) fn measure(&self) -> usize {
        let items = self.slots.len() + self.stack.len() + self.variables.len() + self.frames.len();
        items * 8 + self.closures.len() * size_of::<Closure>() / 2 + self.text.len()
    }

    /// Makes an array of what lies on the stack from `base` on.
    #[inline]
    pub(super) fn array_from(&mut self, base: usize, flags: Flags) -> Item {
        Item::array(self.settle(base), flags)
    }

    /// Makes an object of the keys and members by turns on the stack from `base` on.
    #[inline]
    pub(super) fn object_from(&mut self, base: usize) -> Item {
        let at = self.settle(base);
        Item::object(Extent { len: at.len / 2, ..at })
    }

    /// Moves the stack from `base` on to where it stays.
    #[inline]
    pub(super) fn settle(&mut self, base: usize) -> Extent {
        let at = Extent { offset: self.slots.len() as u32, len: (self.stack.len() - base) as u32 };
        self.slots.extend_from_slice(&self.stack[base..]);
        self.stack.truncate(base);
        at
    }

    /// Where the entries of an object lie: a copy under change says where to look.
    #[inline]
    pub(super) fn entries_at(&self, at: Extent) -> Extent {
        if at.len != BOXED {
            return at;
        }
        match self.slots.get(at.offset as usize).map(|item| item.kind()) {
            Some(Kind::Object(entries)) => entries,
            _ => Extent { len: 0, ..at },
        }
    }

    /// Elements of an array, or keys and members of an object (twice `len`).
    #[inline]
    pub(super) fn items(&self, offset: u32, count: usize) -> &[Item] {
        &self.slots[offset as usize..offset as usize + count]
    }

    /// Makes an item of the text from `begin` on.
    #[inline]
    pub(super) fn text_from(&self, begin: usize) -> Item {
        Item::text(Extent { offset: begin as u32, len: (self.text.len() - begin) as u32 })
    }

    pub(super) fn closure(&mut self, closure: Closure) -> Item {
        self.closures.push(closure);
        Item::closure(self.closures.len() as u32 - 1)
    }

    /// Where everything made from now on begins.
    #[inline]
    pub(super) fn mark(&self) -> Mark {
        Mark {
            slots: self.slots.len(),
            text: self.text.len(),
            closures: self.closures.len(),
            pins: self.pins,
        }
    }

    /// Whether nothing older than `mark` can refer to what was made since: no function was made,
    /// which could hold a frame, and no code ran in an older frame.
    #[inline]
    fn is_unreferred(&self, mark: Mark) -> bool {
        self.closures.len() == mark.closures && self.pins == mark.pins
    }

    /// Drops what was made since `mark`, unless something older may refer to it.
    #[inline]
    pub(super) fn release(&mut self, mark: Mark) {
        if self.is_unreferred(mark) {
            self.slots.truncate(mark.slots);
            self.text.truncate(mark.text);
        }
    }

    /// Drops what was made since `mark` but the text `kept`, which moves down.
    pub(super) fn release_but_text(&mut self, mark: Mark, kept: Extent) -> Item {
        let range = kept.range();
        if !self.is_unreferred(mark) || range.start < mark.text {
            return Item::text(kept);
        }
        self.slots.truncate(mark.slots);
        self.text.truncate(range.end);
        self.text.drain(mark.text..range.start);
        self.text_from(mark.text)
    }
}

/// A scratch with a part that holds more than this gives its memory back after a few evaluations.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// Evaluations between two looks at how much memory is held: so many may go by, and a shard that
/// rests may hold it, until what one large evaluation needed is given back.
const RESETS_PER_LOOK: u32 = 16;

/// Length of an object that is a copy under change: no real one is that long. At its offset stands
/// the object as it is now.
pub(super) const BOXED: u32 = u32::MAX;
