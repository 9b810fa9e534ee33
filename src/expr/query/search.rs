//! Walking the steps of a query over a document.

use super::Step;
use crate::expr::path::Slice;
use crate::value::{ArenaId, Heap, TooLarge, Value, View};

/// What a search found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'a> {
    /// A value of the document.
    Value(Value),
    /// The members of these names of an object, to be made an object of their own.
    Members(&'a [Value], Value),
}

impl Found<'_> {
    /// The value found, or the object whose members were.
    pub(super) fn value(self) -> Value {
        match self {
            Self::Value(value) | Self::Members(_, value) => value,
        }
    }
}

/// Why a search ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// A definite step found nothing.
    Nothing,
    /// More values than a search may look at.
    Exhausted,
}

/// A search over one document.
pub(super) struct Search<'a> {
    pub(super) heap: &'a Heap,
    /// What the query starts at; `$` inside a filter.
    pub(super) document: Value,
    visits_left: u32,
    /// Whether a missing member ends the search wherever it is missing, as it does when a filter
    /// asks whether a path exists.
    strict: bool,
}

impl<'a> Search<'a> {
    pub(super) fn new(heap: &'a Heap, document: Value, visits: u32) -> Self {
        Self { heap, document, visits_left: visits, strict: false }
    }

    /// Appends what `steps` lead to from `start`.
    pub(super) fn collect<'s>(
        &mut self,
        steps: &'s [Step],
        start: Value,
        found: &mut Vec<Found<'s>>,
    ) -> Result<(), Stop> {
        self.visit(steps, start, true, found)
    }

    /// [`Self::collect`], where every missing member ends the search.
    pub(super) fn collect_strictly<'s>(
        &mut self,
        steps: &'s [Step],
        start: Value,
        found: &mut Vec<Found<'s>>,
    ) -> Result<(), Stop> {
        let before = std::mem::replace(&mut self.strict, true);
        let outcome = self.visit(steps, start, true, found);
        self.strict = before;
        outcome
    }

    /// Pays for looking at `count` values.
    pub(super) fn pay(&mut self, count: usize) -> Result<(), Stop> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.visits_left = self.visits_left.checked_sub(count).ok_or(Stop::Exhausted)?;
        Ok(())
    }

    /// `definite` says whether all steps before these name one value each. Recurses only where a
    /// step branches.
    fn visit<'s>(
        &mut self,
        mut steps: &'s [Step],
        mut value: Value,
        definite: bool,
        found: &mut Vec<Found<'s>>,
    ) -> Result<(), Stop> {
        loop {
            self.pay(1)?;
            let Some((step, rest)) = steps.split_first() else {
                found.push(Found::Value(value));
                return Ok(());
            };
            let next = match step {
                Step::Name(name) => {
                    if !self.is_object(value) {
                        return nothing(definite);
                    }
                    self.pay(self.heap.len(value) / LOOKS_PER_VISIT)?;
                    match self.heap.field(value, *name) {
                        Some(member) => member,
                        // The last member of a path may always be missing: no result is found.
                        None => return nothing(self.strict || (definite && !rest.is_empty())),
                    }
                }
                Step::Index(index) => {
                    if !self.is_array(value) {
                        return nothing(definite);
                    }
                    self.pay(self.heap.len(value) / LOOKS_PER_VISIT)?;
                    match self.element(value, *index) {
                        Some(element) => element,
                        None => return Ok(()),
                    }
                }
                _ => return self.branch(step, rest, value, definite, found),
            };
            (steps, value) = (rest, next);
        }
    }

    fn branch<'s>(
        &mut self,
        step: &'s Step,
        rest: &'s [Step],
        value: Value,
        definite: bool,
        found: &mut Vec<Found<'s>>,
    ) -> Result<(), Stop> {
        match step {
            Step::Names(names) => self.names(names, rest, value, definite, found),
            Step::Indices(indices) => {
                if !self.is_array(value) {
                    return nothing(definite);
                }
                for index in indices {
                    if let Some(element) = self.element(value, *index) {
                        self.visit(rest, element, false, found)?;
                    }
                }
                Ok(())
            }
            Step::Slice(slice) => {
                if !self.is_array(value) {
                    return nothing(definite);
                }
                self.slice(*slice, rest, value, found)
            }
            Step::Wildcard => self.wildcard(rest, value, found),
            Step::Filter(condition) => {
                let heap = self.heap;
                match heap.view(value) {
                    View::Object => {
                        if condition.admits(self, value)? {
                            self.visit(rest, value, false, found)?;
                        }
                        Ok(())
                    }
                    View::Array => {
                        for element in heap.elements(value) {
                            if condition.admits(self, element)? {
                                self.visit(rest, element, false, found)?;
                            }
                        }
                        Ok(())
                    }
                    _ => nothing(definite),
                }
            }
            Step::Descend => self.descend(rest, value, found),
            Step::Name(_) | Step::Index(_) => Ok(()),
        }
    }

    fn names<'s>(
        &mut self,
        names: &'s [Value],
        rest: &'s [Step],
        value: Value,
        definite: bool,
        found: &mut Vec<Found<'s>>,
    ) -> Result<(), Stop> {
        if !self.is_object(value) {
            return nothing(definite);
        }
        let heap = self.heap;
        self.pay(names.len())?;
        if self.strict && names.iter().any(|name| heap.field(value, *name).is_none()) {
            return Err(Stop::Nothing);
        }
        if rest.is_empty() {
            found.push(Found::Members(names, value));
            return Ok(());
        }
        for member in names.iter().filter_map(|name| heap.field(value, *name)) {
            self.visit(rest, member, false, found)?;
        }
        Ok(())
    }

    fn slice<'s>(
        &mut self,
        slice: Slice,
        rest: &'s [Step],
        value: Value,
        found: &mut Vec<Found<'s>>,
    ) -> Result<(), Stop> {
        let elements: Vec<Value> = self.heap.elements(value).collect();
        self.pay(elements.len())?;
        let len = elements.len() as i64;
        let from_end = |bound: i32| i64::from(bound) + if bound < 0 { len } else { 0 };
        let (from, to) = match slice {
            Slice::From(from) => (from_end(from).max(0), len),
            Slice::To(to) => (0, from_end(to).min(len)),
            // Jayway takes negative numbers here as they are, and each index by itself from the
            // end: `[1:-1]` names nothing, `[-2:2]` the last two and then the first two.
            Slice::Between(from, to) => (i64::from(from).max(-len), i64::from(to).min(len)),
        };
        for index in from..to {
            let index = if index < 0 { index + len } else { index };
            if let Some(element) = usize::try_from(index).ok().and_then(|at| elements.get(at)) {
                self.visit(rest, *element, false, found)?;
            }
        }
        Ok(())
    }

    fn wildcard<'s>(
        &mut self,
        rest: &'s [Step],
        value: Value,
        found: &mut Vec<Found<'s>>,
    ) -> Result<(), Stop> {
        let heap = self.heap;
        for element in heap.elements(value) {
            self.visit(rest, element, false, found)?;
        }
        for (_, member) in heap.entries(value) {
            self.visit(rest, member, false, found)?;
        }
        Ok(())
    }

    /// Takes the steps from `value` and from every container below it, parents first.
    fn descend<'s>(
        &mut self,
        rest: &'s [Step],
        value: Value,
        found: &mut Vec<Found<'s>>,
    ) -> Result<(), Stop> {
        let heap = self.heap;
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            self.pay(1)?;
            let is_object = match heap.view(value) {
                View::Object => true,
                View::Array => false,
                _ => continue,
            };
            if self.begins(rest.first(), value, is_object)? {
                self.visit(rest, value, false, found)?;
            }
            let from = open.len();
            if is_object {
                open.extend(heap.entries(value).map(|(_, member)| member));
            } else {
                open.extend(heap.elements(value));
            }
            open[from..].reverse();
        }
        Ok(())
    }

    /// Whether the step behind `..` applies to a container.
    fn begins(&mut self, step: Option<&Step>, value: Value, is_object: bool) -> Result<bool, Stop> {
        let has = |name: &Value| self.heap.field(value, *name).is_some();
        Ok(match step {
            Some(Step::Name(name)) => has(name),
            Some(Step::Names(names)) => is_object && names.iter().all(has),
            Some(Step::Index(_) | Step::Indices(_) | Step::Slice(_)) => !is_object,
            Some(Step::Filter(condition)) => condition.admits(self, value)?,
            Some(Step::Wildcard) => true,
            Some(Step::Descend) | None => false,
        })
    }

    fn is_object(&self, value: Value) -> bool {
        matches!(self.heap.view(value), View::Object)
    }

    fn is_array(&self, value: Value) -> bool {
        matches!(self.heap.view(value), View::Array)
    }

    fn element(&self, array: Value, index: i32) -> Option<Value> {
        crate::expr::walk::element(self.heap, array, index)
    }
}

/// The end of a branch, or of the search when the path is definite up to here.
fn nothing(definite: bool) -> Result<(), Stop> {
    if definite { Err(Stop::Nothing) } else { Ok(()) }
}

/// An object of those of the `names` that `object` has.
pub(super) fn members(
    heap: &mut Heap,
    arena: ArenaId,
    names: &[Value],
    object: Value,
) -> Result<Value, TooLarge> {
    let mut entries: Vec<(Value, Value)> = Vec::with_capacity(names.len());
    for name in names {
        if let Some(member) = heap.field(object, *name)
            && !entries.iter().any(|(known, _)| heap.key_text(*known) == heap.key_text(*name))
        {
            entries.push((*name, member));
        }
    }
    heap.object(arena, &entries)
}

/// Members or elements passed over that cost as much as one looked at.
const LOOKS_PER_VISIT: usize = 8;
