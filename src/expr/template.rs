//! A compiled payload template: a constant skeleton with holes.
//!
//! Keys ending in `.$` became holes when the definition was compiled; what has no hole inside is
//! one constant. Nesting is bounded by the definition's own, which its parser bounds.

use super::apply::Apply;
use super::lookup::Lookup;
use super::query::Query;
use super::walk::Walk;
use super::{Evaluation, Fault, Roots};
use crate::value::{Heap, Value};

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
    /// A path to one value; the text is the field as written, with its `.$`.
    Path(Walk, Box<str>),
    /// A path to several values; the text as above.
    Query(Query, Box<str>),
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
            Self::Query(query, _) => query.reads_context(),
        }
    }

    /// A template that is a path; `field` is the field as written, with its `.$`.
    pub fn path(lookup: Lookup, field: &str) -> Self {
        match lookup {
            Lookup::Query(query) => Self::Query(query, field.into()),
            Lookup::Walk(walk) => Self::Path(walk, field.into()),
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
    fn leaf(&self, heap: &Heap, roots: Roots<'_>) -> Result<Value, Fault> {
        match self {
            Self::Path(walk, field) => {
                walk.find(heap, roots).map_err(|_| walk.not_found(heap, roots, field))
            }
            Self::Constant(value) => Ok(*value),
            _ => Ok(Value::NULL),
        }
    }

    /// Fills the holes.
    ///
    /// # Errors
    /// [`Fault`] with AWS's text for the first hole that cannot be filled.
    pub fn fill(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, Fault> {
        let (arena, roots) = (evaluation.arena, evaluation.roots);
        match self {
            Self::Constant(value) => Ok(*value),
            Self::Path(..) => self.leaf(evaluation.heap, roots),
            Self::Query(query, field) => query
                .find(evaluation)
                .map_err(|missing| query.not_found(evaluation.heap, roots, missing, field)),
            Self::Call(call) => call.evaluate(evaluation),
            Self::Flat(fields) => evaluation.heap.object_of(
                arena,
                fields.iter().map(|field| {
                    move |heap: &Heap| Ok((field.key, field.template.leaf(heap, roots)?))
                }),
            ),
            Self::Object(fields) => {
                let open = evaluation.heap.open(arena, 2 * fields.len())?;
                for (entry, field) in fields.iter().enumerate() {
                    let value = field.template.fill(evaluation)?;
                    evaluation.heap.set(open, 2 * entry, field.key);
                    evaluation.heap.set(open, 2 * entry + 1, value);
                }
                Ok(evaluation.heap.close_object(open)?)
            }
            Self::Array(elements) => {
                let open = evaluation.heap.open(arena, elements.len())?;
                for (slot, element) in elements.iter().enumerate() {
                    let value = element.fill(evaluation)?;
                    evaluation.heap.set(open, slot, value);
                }
                Ok(evaluation.heap.close_array(open)?)
            }
        }
    }
}
