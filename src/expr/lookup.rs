//! A compiled path of any kind, for the fields that take any.

use super::path::Path;
use super::query::{Query, exhausted};
use super::walk::{Missing, Origin, Walk};
use super::{Bindings, CompileError, Evaluation, Fault, Roots};
use crate::value::{Heap, Value};

/// A path ready to be looked up.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// It may name several values.
    Query(Query),
    /// It names one value.
    Walk(Walk),
}

impl Lookup {
    /// Compiles `path`.
    ///
    /// # Errors
    /// [`CompileError`] when the constants are full.
    pub fn compile(path: &Path, bindings: &mut Bindings) -> Result<Self, CompileError> {
        Ok(if path.is_definite() {
            Self::Walk(Walk::compile(path, bindings)?)
        } else {
            Self::Query(Query::compile(path, bindings)?)
        })
    }

    /// The path as written.
    pub fn text(&self) -> &str {
        match self {
            Self::Query(query) => &query.text,
            Self::Walk(walk) => &walk.text,
        }
    }

    /// Where it starts.
    pub fn origin(&self) -> Origin {
        match self {
            Self::Query(query) => query.origin,
            Self::Walk(walk) => walk.origin,
        }
    }

    /// Whether the path reads the context object.
    pub fn reads_context(&self) -> bool {
        self.origin() == Origin::Context
    }

    /// Finds the value, or the array of all values.
    ///
    /// # Errors
    /// [`Missing`] when a path that names one value finds none, or when a search is too long.
    #[inline]
    pub fn find(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, Missing> {
        match self {
            Self::Query(query) => query.find(evaluation),
            Self::Walk(walk) => walk.find(evaluation.heap, evaluation.roots),
        }
    }

    /// The cause of a failed `InputPath` or `OutputPath`, in Jayway's words (recorded on AWS).
    #[cold]
    pub fn invalid_path(&self, heap: &Heap, roots: Roots<'_>, missing: Missing) -> Fault {
        match (self, missing) {
            (_, Missing::Exhausted) => exhausted(self.text()),
            (Self::Query(query), _) => query.invalid_path(heap, roots, missing),
            (Self::Walk(walk), _) => walk.invalid_path(heap, roots, missing),
        }
    }

    /// The cause of a template field that names nothing (recorded on AWS).
    #[cold]
    pub fn not_found(&self, heap: &Heap, roots: Roots<'_>, missing: Missing, field: &str) -> Fault {
        match self {
            Self::Query(query) => query.not_found(heap, roots, missing, field),
            Self::Walk(walk) => walk.not_found(heap, roots, field),
        }
    }
}
