//! A compiled path: the steps from a root down to one value.
//!
//! Names and indices only, so a walk finds one value or nothing, and allocates nothing.

use super::path::{Path, Root, Segment};
use super::{Bindings, CompileError, Fault, Roots, VariableIdx, java};
use crate::value::{Heap, Value, View};

/// Most bytes of a value that a cause quotes; a state's input has no more.
const QUOTED_BYTES_MAX: usize = crate::base::limits::PAYLOAD_BYTES_MAX;

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
    /// A search grew beyond its bounds.
    Exhausted,
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
                _ => return Err(CompileError::Indefinite),
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

    /// The cause of a failed `InputPath` or `OutputPath`, in Jayway's words (the first two
    /// recorded on AWS).
    #[cold]
    pub fn invalid_path(&self, heap: &Heap, roots: Roots<'_>, missing: Missing) -> Fault {
        let Missing::Step(failed) = missing else { return unassigned(&self.text) };
        if self.origin.is_null_input(heap, roots) {
            return Fault::path(NULL_INPUT);
        }
        let (done, rest) = self.steps.split_at(failed.min(self.steps.len()));
        let found = Self { text: "".into(), origin: self.origin, steps: done.into() };
        let found = found.find(heap, roots).unwrap_or(Value::NULL);
        let (trail, all) = (fragments(heap, done), fragments(heap, &self.steps));
        let reason = match (rest.first(), heap.view(found)) {
            (Some(Step::Name(_)), View::Object) if rest.len() > 1 => {
                format!("Missing property in path ${trail}{}", fragments(heap, &rest[..1]))
            }
            (Some(Step::Name(_)), View::Object)
            | (Some(Step::Index(_)), View::Array)
            | (None, _) => {
                format!("No results for path: ${all}")
            }
            (Some(Step::Name(_)), _) => format!(
                "Expected to find an object with property {} in path ${trail} but found '{}'. \
                 This is not a json object according to the JsonProvider: \
                 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
                fragments(heap, &rest[..1]),
                java::class_name(heap, found),
            ),
            (Some(Step::Index(_)), View::Null) => format!("The path ${trail} is null"),
            (Some(Step::Index(_)), _) => {
                let mut context = String::new();
                if found.json_len() <= QUOTED_BYTES_MAX {
                    java::print(heap, found, java::Style::Plain, &mut context);
                }
                format!(
                    "Filter: {} can only be applied to arrays. Current context is: {context}",
                    fragments(heap, rest)
                )
            }
        };
        Fault::path(format!("Invalid path '{}' : {reason}", self.text))
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

    /// Whether the path starts at an input that is JSON `null`.
    #[cold]
    pub(in crate::expr) fn is_null_input(self, heap: &Heap, roots: Roots<'_>) -> bool {
        self == Self::Input && matches!(heap.view(roots.input), View::Null)
    }

    /// JSON text of the value there, for error messages.
    #[cold]
    pub(in crate::expr) fn text(self, heap: &Heap, roots: Roots<'_>) -> String {
        let value = self.find(roots).unwrap_or(roots.input);
        if value.json_len() > QUOTED_BYTES_MAX {
            return format!("{} bytes", value.json_len());
        }
        heap.to_json_text(value)
    }
}

/// AWS's words for a path into a null payload (quoted by its users; no recording here has it).
pub(in crate::expr) const NULL_INPUT: &str =
    "Unable to apply Path transformation to null or empty input.";

#[cold]
pub(in crate::expr) fn not_found(
    text: &str,
    origin: Origin,
    heap: &Heap,
    roots: Roots<'_>,
    field: &str,
) -> Fault {
    if origin.is_null_input(heap, roots) {
        return Fault::path(NULL_INPUT);
    }
    Fault::path(format!(
        "The JSONPath '{text}' specified for the field '{field}' could not be found in the input '{}'",
        origin.text(heap, roots)
    ))
}

/// No recording shows AWS's words for a variable that no state has assigned yet.
#[cold]
pub(in crate::expr) fn unassigned(text: &str) -> Fault {
    Fault::path(format!("Invalid path '{text}' : The variable is not assigned"))
}

/// Steps as Jayway spells them: `['a'][0]`.
#[cold]
fn fragments(heap: &Heap, steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Index(index) => text.extend(["[", &index.to_string(), "]"]),
            Step::Name(name) => text.extend(["['", heap.key_text(*name), "']"]),
        }
    }
    text
}

/// The element at `index`, from the end when negative.
pub(in crate::expr) fn element(heap: &Heap, array: Value, index: i32) -> Option<Value> {
    if !matches!(heap.view(array), View::Array) {
        return None;
    }
    let index = usize::try_from(index)
        .ok()
        .or_else(|| heap.len(array).checked_sub(index.unsigned_abs() as usize))?;
    heap.element(array, index)
}
