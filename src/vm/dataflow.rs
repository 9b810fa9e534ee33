//! `ResultPath`: a result put into the state's input, the spine copied and the rest shared.

use crate::expr::walk::Step;
use crate::value::{ArenaId, Heap, TooLarge, Value, View};

/// Why a result cannot be put where the path says.
pub(super) enum Failure {
    /// A step needs a container that the input does not have there.
    NoMatch,
    /// The arena is full.
    TooLarge,
}

impl From<TooLarge> for Failure {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}

/// Copies `base` with `result` at `steps`; objects that are missing on the way are made. A loop
/// down and one up: a path may have more steps than a stack has room for.
pub(super) fn put(
    heap: &mut Heap,
    arena: ArenaId,
    base: Value,
    steps: &[Step],
    result: Value,
) -> Result<Value, Failure> {
    let mut containers = Vec::with_capacity(steps.len());
    let mut at = Some(base);
    for step in steps {
        containers.push(at);
        at = match (*step, at, at.map(|at| heap.view(at))) {
            (Step::Name(name), Some(object), Some(View::Object)) => heap.field(object, name),
            (Step::Name(_), None, _) => None,
            (Step::Index(index), Some(array), Some(View::Array)) => {
                let index = usize::try_from(index).map_err(|_| Failure::NoMatch)?;
                Some(heap.element(array, index).ok_or(Failure::NoMatch)?)
            }
            _ => return Err(Failure::NoMatch),
        };
    }
    let mut value = result;
    for (step, container) in steps.iter().zip(containers).rev() {
        value = match (*step, container) {
            (Step::Name(name), Some(object)) => heap.with_member(arena, object, name, value)?,
            (Step::Name(name), None) => heap.object(arena, &[(name, value)])?,
            (Step::Index(index), Some(array)) => {
                heap.with_element(arena, array, index.unsigned_abs() as usize, value)?
            }
            (Step::Index(_), None) => return Err(Failure::NoMatch),
        };
    }
    Ok(value)
}
