//! A compiled path of any kind, for the fields that take any.

use super::path::Path;
use super::walk::{Missing, Walk};
use super::{Bindings, CompileError, Evaluation, Fault, Roots};
use crate::value::{Heap, Value};

/// A path ready to be looked up.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// It names one value.
    Walk(Walk),
}

impl Lookup {
    /// Compiles `path`.
    ///
    /// # Errors
    /// [`CompileError`] when the constants are full.
    pub fn compile(path: &Path, bindings: &mut Bindings) -> Result<Self, CompileError> {
        Ok(Self::Walk(Walk::compile(path, bindings)?))
    }

    /// The path as written.
    pub fn text(&self) -> &str {
        match self {
            Self::Walk(walk) => &walk.text,
        }
    }

    /// Whether the path reads the context object.
    pub fn reads_context(&self) -> bool {
        match self {
            Self::Walk(walk) => walk.reads_context(),
        }
    }

    /// Finds the value, or the array of all values.
    ///
    /// # Errors
    /// [`Missing`] when a definite path, or the definite beginning of one, names nothing.
    #[inline]
    pub fn find(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, Missing> {
        match self {
            Self::Walk(walk) => walk.find(evaluation.heap, evaluation.roots),
        }
    }

    /// The cause of a failed `InputPath` or `OutputPath`, in Jayway's words (recorded on AWS).
    #[cold]
    pub fn invalid_path(&self, heap: &Heap, missing: Missing) -> Fault {
        match self {
            Self::Walk(walk) => walk.invalid_path(heap, missing),
        }
    }

    /// The cause of a template field that names nothing (recorded on AWS).
    #[cold]
    pub fn not_found(&self, heap: &Heap, roots: Roots<'_>, field: &str) -> Fault {
        match self {
            Self::Walk(walk) => walk.not_found(heap, roots, field),
        }
    }
}
