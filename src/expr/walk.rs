//! A compiled path: the steps from a root down to one value.
//!
//! Names and indices only, so a walk finds one value or nothing, and allocates nothing.

use super::path::{Path, Root, Segment};
use super::{Fault, Roots};
use crate::value::{ConstantsBuilder, Heap, TooLarge, Value, View};

/// A path ready to be walked.
#[derive(Clone, Debug)]
pub struct Walk {
    /// The path as written.
    pub text: Box<str>,
    /// Where it starts.
    pub root: Root,
    steps: Box<[Step]>,
}

/// One step down.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// To the element at the index, from the end when negative.
    Index(i32),
    /// To the member of that name, a constant string.
    Name(Value),
}

/// How far a walk came before it found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Index of the step that failed.
    pub step: usize,
}

impl Walk {
    /// Compiles `path`.
    ///
    /// # Errors
    /// [`TooLarge`] when the constants are full.
    pub fn compile(path: &Path, constants: &mut ConstantsBuilder) -> Result<Self, TooLarge> {
        let steps = path.segments.iter().map(|segment| {
            Ok(match segment {
                Segment::Index(index) => Step::Index(*index),
                Segment::Name(name) => Step::Name(constants.string(name)?),
            })
        });
        Ok(Self {
            text: path.text.as_str().into(),
            root: path.root,
            steps: steps.collect::<Result<_, _>>()?,
        })
    }

    /// Whether the path reads the context object.
    pub fn reads_context(&self) -> bool {
        self.root == Root::Context
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
    pub fn find(&self, heap: &Heap, roots: Roots) -> Result<Value, Missing> {
        let mut value = match self.root {
            Root::Input => roots.input,
            Root::Context => roots.context,
        };
        for (step, kind) in self.steps.iter().enumerate() {
            let found = match *kind {
                Step::Name(name) => heap.field(value, name),
                Step::Index(index) => element(heap, value, index),
            };
            match found {
                Some(found) => value = found,
                None => return Err(Missing { step }),
            }
        }
        Ok(value)
    }

    /// The cause of a failed `InputPath` or `OutputPath`, in Jayway's words (recorded on AWS).
    #[cold]
    pub fn invalid_path(&self, heap: &Heap, missing: Missing) -> Fault {
        let what = if missing.step + 1 == self.steps.len() {
            "No results for path: "
        } else {
            "Missing property in path "
        };
        let mut trail = String::from("$");
        for step in &self.steps[..=missing.step] {
            match step {
                Step::Index(index) => trail.extend(["[", &index.to_string(), "]"]),
                Step::Name(name) => trail.extend(["['", heap.key_text(*name), "']"]),
            }
        }
        Fault::new(format!("Invalid path '{}' : {what}{trail}", self.text))
    }

    /// The cause of a template field or of Fail's paths that name nothing (recorded on AWS).
    #[cold]
    pub fn not_found(&self, heap: &Heap, roots: Roots, field: &str) -> Fault {
        Fault::new(format!(
            "The JSONPath '{}' specified for the field '{field}' could not be found in the input '{}'",
            self.text,
            root_text(heap, self.root, roots)
        ))
    }
}

/// JSON text of what a path starts at, for error messages.
#[cold]
pub(in crate::expr) fn root_text(heap: &Heap, root: Root, roots: Roots) -> String {
    let value = match root {
        Root::Input => roots.input,
        Root::Context => roots.context,
    };
    String::from_utf8_lossy(&heap.to_json(value)).into_owned()
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
