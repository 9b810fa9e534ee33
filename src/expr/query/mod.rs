//! A compiled path that may name several values, and the search for them.
//!
//! The rules are Jayway's: a definite step that finds nothing ends the search, a step behind an
//! indefinite one is passed over; the answer is a list, empty when nothing matched. Where Jayway
//! would report a missing property before the first indefinite step, AWS answers the empty list
//! (recorded: `$.item.items[:1]` of `{}`), so this does too. `['a','b']` at the end of an otherwise
//! definite path makes one object of the members that are there.
//!
//! A search is bounded: recursion by the steps that branch, of which the syntax admits few, and
//! work by a budget of values looked at.

mod condition;
mod search;

use super::path::{Path, Segment, Slice};
use super::walk::{Missing, NULL_INPUT, Origin, not_found, unassigned};
use super::{Bindings, CompileError, Evaluation, Fault, Roots};
use crate::value::{Heap, TooLarge, Value};
use condition::Condition;
use search::{Found, Search, Stop};

/// Values that one search may look at: several times what a payload can hold.
const VISITS_MAX: u32 = 4_000_000;

/// Most bytes that the values found may have as JSON.
const RESULT_BYTES_MAX: usize = 8 * crate::base::limits::PAYLOAD_BYTES_MAX;

/// Memory that a regular expression of a filter may take.
const REGEX_BYTES_MAX: usize = 1 << 18;

/// A path ready to be searched.
#[derive(Clone, Debug)]
pub struct Query {
    /// The path as written.
    pub text: Box<str>,
    /// Where it starts.
    pub origin: Origin,
    steps: Box<[Step]>,
    /// Whether the answer is one object and not a list: names at the end of a definite path.
    merges: bool,
}

/// One step.
#[derive(Clone, Debug)]
enum Step {
    Descend,
    Filter(Box<Condition>),
    Index(i32),
    Indices(Box<[i32]>),
    Name(Value),
    Names(Box<[Value]>),
    Slice(Slice),
    Wildcard,
}

impl Query {
    /// Compiles `path`.
    ///
    /// # Errors
    /// [`CompileError`] when the constants are full.
    pub fn compile(path: &Path, bindings: &mut Bindings) -> Result<Self, CompileError> {
        let origin = Origin::compile(path, bindings)?;
        let steps = compile(&path.segments, bindings)?;
        let merges = match steps.split_last() {
            Some((Step::Names(_), before)) => {
                before.iter().all(|step| matches!(step, Step::Name(_) | Step::Index(_)))
            }
            _ => false,
        };
        Ok(Self { text: path.text.as_str().into(), origin, steps, merges })
    }

    /// Whether the path reads the context object.
    pub fn reads_context(&self) -> bool {
        self.origin == Origin::Context
    }

    /// Finds the values: an array of them, or the object that names at the end make.
    ///
    /// # Errors
    /// [`Missing`] when the variable that it starts at is not assigned, when there is nothing to
    /// make the object of, or when the search is too long.
    pub fn find(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, Missing> {
        let document = self.origin.find(evaluation.roots).ok_or(Missing::Variable)?;
        let mut search = Search::new(evaluation.heap, document, VISITS_MAX);
        let mut found = Vec::new();
        match search.collect(&self.steps, document, &mut found) {
            Ok(()) => {}
            Err(Stop::Nothing) => found.clear(),
            Err(Stop::Exhausted) => return Err(Missing::Exhausted),
        }
        if self.merges && found.is_empty() {
            return Err(Missing::Step(self.steps.len().saturating_sub(1)));
        }
        self.answer(evaluation, &found).map_err(|_: TooLarge| Missing::Exhausted)
    }

    fn answer(
        &self,
        evaluation: &mut Evaluation<'_>,
        found: &[Found<'_>],
    ) -> Result<Value, TooLarge> {
        let (heap, arena) = (&mut *evaluation.heap, evaluation.arena);
        if self.merges
            && let [Found::Members(names, object)] = found
        {
            return search::members(heap, arena, names, *object);
        }
        let bytes: usize = found.iter().map(|one| one.value().json_len()).sum();
        if bytes > RESULT_BYTES_MAX {
            return Err(TooLarge);
        }
        let open = heap.open(arena, found.len())?;
        for (slot, one) in found.iter().enumerate() {
            let value = match one {
                Found::Value(value) => *value,
                Found::Members(names, object) => search::members(heap, arena, names, *object)?,
            };
            heap.set(open, slot, value);
        }
        heap.close_array(open)
    }

    /// The cause of a failed `InputPath` or `OutputPath`.
    #[cold]
    pub fn invalid_path(&self, heap: &Heap, roots: Roots<'_>, missing: Missing) -> Fault {
        match missing {
            Missing::Step(_) if self.origin.is_null_input(heap, roots) => Fault::path(NULL_INPUT),
            Missing::Variable => unassigned(&self.text),
            Missing::Exhausted => exhausted(&self.text),
            Missing::Step(_) => Fault::path(format!(
                "Invalid path '{}' : No results for path: {}",
                self.text, self.text
            )),
        }
    }

    /// The cause of a template field that names nothing.
    #[cold]
    pub fn not_found(&self, heap: &Heap, roots: Roots<'_>, missing: Missing, field: &str) -> Fault {
        if missing == Missing::Exhausted {
            return exhausted(&self.text);
        }
        not_found(&self.text, self.origin, heap, roots, field)
    }
}

#[cold]
pub(in crate::expr) fn exhausted(text: &str) -> Fault {
    Fault::path(format!("Invalid path '{text}' : The path matches too many values"))
}

/// Compiles a regular expression of a filter; matching it takes time linear in the text.
pub(in crate::expr) fn regex(pattern: &str) -> Option<regex::Regex> {
    let mut builder = regex::RegexBuilder::new(pattern);
    builder.size_limit(REGEX_BYTES_MAX).nest_limit(64).build().ok()
}

fn compile(segments: &[Segment], bindings: &mut Bindings) -> Result<Box<[Step]>, CompileError> {
    let steps = segments.iter().map(|segment| {
        Ok(match segment {
            Segment::Descend => Step::Descend,
            Segment::Filter(filter) => {
                Step::Filter(Box::new(Condition::compile(filter, bindings)?))
            }
            Segment::Index(index) => Step::Index(*index),
            Segment::Indices(indices) => Step::Indices(indices.as_slice().into()),
            Segment::Name(name) => Step::Name(bindings.constants.string(name)?),
            Segment::Names(names) => {
                let names = names.iter().map(|name| bindings.constants.string(name));
                Step::Names(names.collect::<Result<_, _>>()?)
            }
            Segment::Slice(slice) => Step::Slice(*slice),
            Segment::Wildcard => Step::Wildcard,
        })
    });
    steps.collect()
}

#[cfg(test)]
mod tests;
