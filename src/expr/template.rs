//! A compiled payload template: a constant skeleton with holes.
//!
//! Keys ending in `.$` became holes when the definition was compiled; what has no hole inside is
//! one constant. Nesting is bounded by the definition's own, which its parser bounds.

use super::apply::Apply;
use super::walk::Walk;
use super::{Fault, Roots};
use crate::value::{ArenaId, Heap, Value};

/// A template ready to be filled.
#[derive(Clone, Debug)]
pub enum Template {
    /// An array with holes somewhere inside.
    Array(Box<[Template]>),
    /// An intrinsic call.
    Call(Apply),
    /// No holes inside.
    Constant(Value),
    /// An object with holes somewhere inside.
    Object(Box<[Field]>),
    /// An object of nothing but paths and constants.
    Flat(Box<[Field]>),
    /// A path; the text is the field as written, with its `.$`.
    Path(Walk, Box<str>),
}

/// An entry of an object template.
#[derive(Clone, Debug)]
pub struct Field {
    /// The key without `.$`, a constant string.
    pub key: Value,
    /// Its value.
    pub template: Template,
}

impl Template {
    /// Whether anything in the template reads the context object.
    pub fn reads_context(&self) -> bool {
        match self {
            Self::Array(elements) => elements.iter().any(Self::reads_context),
            Self::Call(call) => call.reads_context(),
            Self::Constant(_) => false,
            Self::Object(fields) | Self::Flat(fields) => {
                fields.iter().any(|field| field.template.reads_context())
            }
            Self::Path(walk, _) => walk.reads_context(),
        }
    }

    /// An object template of these fields.
    pub fn object(fields: Vec<Field>) -> Self {
        let is_leaf =
            |field: &Field| matches!(field.template, Self::Constant(_) | Self::Path(_, _));
        if fields.iter().all(is_leaf) {
            Self::Flat(fields.into())
        } else {
            Self::Object(fields.into())
        }
    }

    /// The value of a template that makes none: a path or a constant.
    #[inline]
    fn leaf(&self, heap: &Heap, roots: Roots) -> Result<Value, Fault> {
        match self {
            Self::Path(walk, field) => {
                walk.find(heap, roots).map_err(|_| walk.not_found(heap, roots, field))
            }
            Self::Constant(value) => Ok(*value),
            Self::Array(_) | Self::Call(_) | Self::Object(_) | Self::Flat(_) => Ok(Value::NULL),
        }
    }

    /// Fills the holes.
    ///
    /// # Errors
    /// [`Fault`] with AWS's text for the first hole that cannot be filled.
    pub fn fill(&self, heap: &mut Heap, arena: ArenaId, roots: Roots) -> Result<Value, Fault> {
        match self {
            Self::Constant(value) => Ok(*value),
            Self::Path(walk, field) => {
                walk.find(heap, roots).map_err(|_| walk.not_found(heap, roots, field))
            }
            Self::Call(call) => call.evaluate(heap, arena, roots),
            Self::Flat(fields) => heap.object_of(
                arena,
                fields.iter().map(|field| {
                    move |heap: &Heap| Ok((field.key, field.template.leaf(heap, roots)?))
                }),
            ),
            Self::Object(fields) => {
                let open = heap.open(arena, 2 * fields.len())?;
                for (entry, field) in fields.iter().enumerate() {
                    let value = field.template.fill(heap, arena, roots)?;
                    heap.set(open, 2 * entry, field.key);
                    heap.set(open, 2 * entry + 1, value);
                }
                Ok(heap.close_object(open)?)
            }
            Self::Array(elements) => {
                let open = heap.open(arena, elements.len())?;
                for (slot, element) in elements.iter().enumerate() {
                    let value = element.fill(heap, arena, roots)?;
                    heap.set(open, slot, value);
                }
                Ok(heap.close_array(open)?)
            }
        }
    }
}
