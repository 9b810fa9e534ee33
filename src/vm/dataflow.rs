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

/// Copies `base` with `result` at `steps`; objects that are missing on the way are made.
pub(super) fn put(
    heap: &mut Heap,
    arena: ArenaId,
    base: Option<Value>,
    steps: &[Step],
    result: Value,
) -> Result<Value, Failure> {
    let Some((step, rest)) = steps.split_first() else { return Ok(result) };
    match (*step, base, base.map(|base| heap.view(base))) {
        (Step::Name(name), Some(base), Some(View::Object)) => {
            let child = heap.field(base, name);
            let child = put(heap, arena, child, rest, result)?;
            Ok(heap.with_member(arena, base, name, child)?)
        }
        (Step::Name(name), None, _) => {
            let child = put(heap, arena, None, rest, result)?;
            let open = heap.open(arena, 2)?;
            heap.set(open, 0, name);
            heap.set(open, 1, child);
            Ok(heap.close_object(open)?)
        }
        (Step::Index(index), Some(base), Some(View::Array)) => {
            let index = usize::try_from(index).map_err(|_| Failure::NoMatch)?;
            let child = heap.element(base, index).ok_or(Failure::NoMatch)?;
            let child = put(heap, arena, Some(child), rest, result)?;
            Ok(heap.with_element(arena, base, index, child)?)
        }
        _ => Err(Failure::NoMatch),
    }
}
