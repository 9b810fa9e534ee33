//! A compiled path: the steps from a root down to one value.
//!
//! Names and indices only, so a walk finds one value or nothing, and allocates nothing.

use super::path::{Path, Root, Segment};
use super::{Bindings, CompileError, Fault, Roots, VariableIdx};
use crate::value::{Heap, Value, View};

/// A path ready to be walked.
#[derive(Clone, Debug)]
pub struct Walk {
    /// The path as written.
    pub text: Box<str>,
    /// Where it starts.
    pub origin: Origin,
    steps: Box<[Step]>,
}

/// Where a compiled path starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `$`
    Input,
    /// `$$`
    Context,
    /// `$name`
    Variable(VariableIdx),
}

/// One step down.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// To the element at the index, from the end when negative.
    Index(i32),
    /// To the member of that name, a constant string.
    Name(Value),
}

/// Why a path named nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The variable that it starts at is not assigned.
    Variable,
    /// Nothing stood at the step of this index.
    Step(usize),
}

impl Walk {
    /// Compiles `path`.
    ///
    /// # Errors
    /// [`CompileError`] when the path is not definite, or the constants are full.
    pub fn compile(path: &Path, bindings: &mut Bindings) -> Result<Self, CompileError> {
        let origin = Origin::compile(path, bindings)?;
        let steps = path.segments.iter().map(|segment| {
            Ok(match segment {
                Segment::Index(index) => Step::Index(*index),
                Segment::Name(name) => Step::Name(bindings.constants.string(name)?),
            })
        });
        let steps = steps.collect::<Result<_, CompileError>>()?;
        Ok(Self { text: path.text.as_str().into(), origin, steps })
    }

    /// Whether the path reads the context object.
    pub fn reads_context(&self) -> bool {
        self.origin == Origin::Context
    }

    /// The steps, from the root down.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Finds the value.
    ///
    /// # Errors
    /// [`Missing`] says at which step nothing was found.
    #[inline]
    pub fn find(&self, heap: &Heap, roots: Roots<'_>) -> Result<Value, Missing> {
        let mut value = self.origin.find(roots).ok_or(Missing::Variable)?;
        for (step, kind) in self.steps.iter().enumerate() {
            let found = match *kind {
                Step::Name(name) => heap.field(value, name),
                Step::Index(index) => element(heap, value, index),
            };
            match found {
                Some(found) => value = found,
                None => return Err(Missing::Step(step)),
            }
        }
        Ok(value)
    }

    /// The cause of a failed `InputPath` or `OutputPath`, in Jayway's words (recorded on AWS).
    #[cold]
    pub fn invalid_path(&self, heap: &Heap, missing: Missing) -> Fault {
        let Missing::Step(failed) = missing else { return unassigned(&self.text) };
        let what = if failed + 1 == self.steps.len() {
            "No results for path: "
        } else {
            "Missing property in path "
        };
        let mut trail = String::from("$");
        for step in self.steps.iter().take(failed + 1) {
            match step {
                Step::Index(index) => trail.extend(["[", &index.to_string(), "]"]),
                Step::Name(name) => trail.extend(["['", heap.key_text(*name), "']"]),
            }
        }
        Fault::new(format!("Invalid path '{}' : {what}{trail}", self.text))
    }

    /// The cause of a template field or of Fail's paths that name nothing (recorded on AWS).
    #[cold]
    pub fn not_found(&self, heap: &Heap, roots: Roots<'_>, field: &str) -> Fault {
        not_found(&self.text, self.origin, heap, roots, field)
    }
}

impl Origin {
    /// Compiles where `path` starts.
    pub(in crate::expr) fn compile(
        path: &Path,
        bindings: &mut Bindings,
    ) -> Result<Self, CompileError> {
        Ok(match path.root {
            Root::Input => Self::Input,
            Root::Context => Self::Context,
            Root::Variable => Self::Variable(bindings.variable(&path.variable)?),
        })
    }

    /// The value there; nothing when a variable is not assigned.
    #[inline]
    pub(in crate::expr) fn find(self, roots: Roots<'_>) -> Option<Value> {
        match self {
            Self::Input => Some(roots.input),
            Self::Context => Some(roots.context),
            Self::Variable(variable) => roots.variables.get(variable.index()).copied().flatten(),
        }
    }

    /// JSON text of the value there, for error messages.
    #[cold]
    pub(in crate::expr) fn text(self, heap: &Heap, roots: Roots<'_>) -> String {
        let value = self.find(roots).unwrap_or(roots.input);
        String::from_utf8_lossy(&heap.to_json(value)).into_owned()
    }
}

#[cold]
pub(in crate::expr) fn not_found(
    text: &str,
    origin: Origin,
    heap: &Heap,
    roots: Roots<'_>,
    field: &str,
) -> Fault {
    Fault::new(format!(
        "The JSONPath '{text}' specified for the field '{field}' could not be found in the input '{}'",
        origin.text(heap, roots)
    ))
}

/// No recording shows AWS's words for a variable that no state has assigned yet.
#[cold]
pub(in crate::expr) fn unassigned(text: &str) -> Fault {
    Fault::new(format!("Invalid path '{text}' : The variable is not assigned"))
}

/// The element at `index`, from the end when negative.
fn element(heap: &Heap, array: Value, index: i32) -> Option<Value> {
    if !matches!(heap.view(array), View::Array) {
        return None;
    }
    let index = usize::try_from(index)
        .ok()
        .or_else(|| heap.len(array).checked_sub(index.unsigned_abs() as usize))?;
    heap.element(array, index)
}
