//! What expressions compute with: JSON values of the heap as they are, and what is no JSON.
//!
//! An item is one 16-byte word, `Copy`. A value of the heap is an item without conversion; what an
//! evaluation makes itself lies in its [`Scratch`](super::Scratch) and is addressed by offset.

use super::number::Number;
use crate::value::{Value, View};

/// An item of an evaluation.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Item(Value);

const _: () = assert!(size_of::<Item>() == 16);

/// What an item is; where its parts lie, not what they are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A JSON value of the heap.
    Value(Value),
    /// Nothing.
    Undefined,
    /// A number that was computed; not finite ones included.
    Float(f64),
    /// Text in the scratch.
    Text(Extent),
    /// An array in the scratch.
    Array(Extent),
    /// The integers from `first` on.
    Range { first: i64, len: u32 },
    /// An object in the scratch; `len` counts entries of two slots each.
    Object(Extent),
    /// A built-in function, by its number.
    Native(u16),
    /// A function that was made: index into the scratch's closures.
    Closure(u32),
    /// A regular expression: index into the program's.
    Regex(u32),
    /// A variable that nothing is bound to yet.
    Unbound,
    /// A call that is still to be made; the callee's frame is gone already.
    TailCall,
}

/// Where something lies in the scratch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) offset: u32,
    pub(super) len: u32,
}

impl Extent {
    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.offset as usize..self.offset as usize + self.len as usize
    }
}

/// How an array behaves in a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags(u8);

impl Flags {
    pub(super) const NONE: Self = Self(0);
    /// It collects results: one of them stands for itself.
    pub(super) const SEQUENCE: Self = Self(1);
    /// A sequence that stays an array even with one element.
    pub(super) const KEEP: Self = Self(2);
    /// Made by an array constructor that is a step: not flattened into the path's result.
    pub(super) const CONS: Self = Self(4);
    /// Stands around an input that is itself an array.
    pub(super) const OUTER: Self = Self(8);
    /// Elements are tuples of a path.
    pub(super) const TUPLES: Self = Self(16);

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl Item {
    pub(super) const UNDEFINED: Self = Self(Value::foreign(UNDEFINED, 0, 0, 0));
    pub(super) const UNBOUND: Self = Self(Value::foreign(UNBOUND, 0, 0, 0));
    pub(super) const TAIL_CALL: Self = Self(Value::foreign(TAIL_CALL, 0, 0, 0));
    pub(super) const NULL: Self = Self(Value::NULL);

    #[inline]
    pub(super) const fn bool(value: bool) -> Self {
        Self(Value::bool(value))
    }

    #[inline]
    pub(super) fn int(value: i64) -> Self {
        Self(Value::int(value))
    }

    /// Any number; its length as text is not computed before it is needed.
    #[inline]
    pub(super) const fn float(value: f64) -> Self {
        Self(Value::foreign(FLOAT, 0, 0, value.to_bits()))
    }

    pub(super) const fn text(at: Extent) -> Self {
        Self(Value::foreign(TEXT, 0, at.len, at.offset as u64))
    }

    pub(super) const fn array(at: Extent, flags: Flags) -> Self {
        Self(Value::foreign(ARRAY, flags.0 as u32, at.len, at.offset as u64))
    }

    pub(super) const fn range(first: i64, len: u32, flags: Flags) -> Self {
        Self(Value::foreign(RANGE, flags.0 as u32, len, first.cast_unsigned()))
    }

    pub(super) const fn object(at: Extent) -> Self {
        Self(Value::foreign(OBJECT, 0, at.len, at.offset as u64))
    }

    pub(super) const fn native(number: u16) -> Self {
        Self(Value::foreign(NATIVE, 0, number as u32, 0))
    }

    pub(super) const fn closure(index: u32) -> Self {
        Self(Value::foreign(CLOSURE, 0, index, 0))
    }

    pub(super) const fn regex(index: u32) -> Self {
        Self(Value::foreign(REGEX, 0, index, 0))
    }

    #[inline]
    pub(super) fn kind(self) -> Kind {
        let Some(kind) = self.0.foreign_kind() else { return Kind::Value(self.0) };
        let (_, extent, payload) = self.0.foreign_parts();
        let at = Extent { offset: payload as u32, len: extent };
        match kind {
            FLOAT => Kind::Float(f64::from_bits(payload)),
            TEXT => Kind::Text(at),
            ARRAY => Kind::Array(at),
            RANGE => Kind::Range { first: payload.cast_signed(), len: extent },
            OBJECT => Kind::Object(at),
            NATIVE => Kind::Native(extent as u16),
            CLOSURE => Kind::Closure(extent),
            REGEX => Kind::Regex(extent),
            UNBOUND => Kind::Unbound,
            TAIL_CALL => Kind::TailCall,
            _ => Kind::Undefined,
        }
    }

    #[inline]
    pub(super) fn is_undefined(self) -> bool {
        self.0.foreign_kind() == Some(UNDEFINED)
    }

    #[inline]
    pub(super) fn is_unbound(self) -> bool {
        self.0.foreign_kind() == Some(UNBOUND)
    }

    #[inline]
    pub(super) fn is_tail_call(self) -> bool {
        self.0.foreign_kind() == Some(TAIL_CALL)
    }

    /// Built-in, made here, or a regular expression.
    pub(super) fn is_function(self) -> bool {
        matches!(self.0.foreign_kind(), Some(NATIVE | CLOSURE | REGEX))
    }

    /// The value of the heap that this is.
    #[inline]
    pub(super) fn value(self) -> Option<Value> {
        self.0.foreign_kind().is_none().then_some(self.0)
    }

    /// The value of the heap that this is known to be.
    #[inline]
    pub(super) fn value_or_null(self) -> Value {
        debug_assert!(self.value().is_some(), "{self:?} is no value of the heap");
        self.value().unwrap_or(Value::NULL)
    }

    /// The number that this is without looking anywhere else.
    #[inline]
    pub(super) fn own_number(self) -> Option<Number> {
        match self.0.foreign_kind() {
            Some(FLOAT) => Some(Number::Float(f64::from_bits(self.0.foreign_parts().2))),
            Some(_) => None,
            None => match self.0.as_number() {
                Some(View::Int(int)) => Some(Number::Int(int)),
                Some(View::Float(float)) => Some(Number::Float(float)),
                _ => None,
            },
        }
    }

    /// Whether this is certainly no array, seen without looking anywhere else.
    #[inline]
    pub(super) fn is_single(self) -> bool {
        match self.0.foreign_kind() {
            Some(kind) => kind != ARRAY && kind != RANGE,
            None => self.0.is_scalar(),
        }
    }

    /// Flags of an array of the scratch; an array of the heap has none.
    #[inline]
    pub(super) fn flags(self) -> Flags {
        match self.0.foreign_kind() {
            Some(ARRAY | RANGE) => Flags(self.0.foreign_parts().0 as u8),
            _ => Flags::NONE,
        }
    }

    /// The same array with other flags; anything else as it is.
    pub(super) fn with_flags(self, flags: Flags) -> Self {
        match self.kind() {
            Kind::Array(at) => Self::array(at, flags),
            Kind::Range { first, len } => Self::range(first, len, flags),
            _ => self,
        }
    }

    /// Whether it lies, or may lie in part, in the scratch.
    #[inline]
    pub(super) fn is_scratch(self) -> bool {
        matches!(self.0.foreign_kind(), Some(TEXT | ARRAY | OBJECT | CLOSURE))
    }
}

impl From<Value> for Item {
    #[inline]
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl From<Option<Value>> for Item {
    #[inline]
    fn from(value: Option<Value>) -> Self {
        value.map_or(Self::UNDEFINED, Self)
    }
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.kind().fmt(f)
    }
}

const UNDEFINED: u8 = 0;
const FLOAT: u8 = 1;
const TEXT: u8 = 2;
const ARRAY: u8 = 3;
const RANGE: u8 = 4;
const OBJECT: u8 = 5;
const NATIVE: u8 = 6;
const CLOSURE: u8 = 7;
const REGEX: u8 = 8;
const UNBOUND: u8 = 9;
const TAIL_CALL: u8 = 10;
