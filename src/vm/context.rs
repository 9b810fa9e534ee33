//! The context object (`$$`), built when a state that reads it begins.
//!
//! Source: developer guide, "input-output-contextobject"; order and presence of the fields as
//! recorded on AWS.

use super::execution::Identity;
use crate::program::{Keys, Program, State, StateKind};
use crate::value::{ArenaId, Heap, TooLarge, Value};

/// What the context object says about the running state.
pub(super) struct StateContext<'a> {
    pub(super) state: &'a State,
    pub(super) entered_ms: i64,
    pub(super) retry_count: u32,
    /// `Map.Item`: index and value.
    pub(super) item: Option<(u32, Value)>,
}

/// Builds `$$`.
pub(super) fn build(
    heap: &mut Heap,
    arena: ArenaId,
    program: &Program,
    identity: &Identity,
    input: Value,
    current: &StateContext<'_>,
) -> Result<Value, TooLarge> {
    let keys = &program.keys;
    let world = &program.world;
    let id = heap.string(arena, &identity.arn(world))?;
    let name = heap.string(arena, &identity.name)?;
    // Recorded: `TestState` without a role.
    let role_arn = match &*world.role_arn {
        "" => Value::NULL,
        arn => heap.string(arena, arn)?,
    };
    let start_time = heap.string(arena, &timestamp(identity.started_ms))?;
    let execution = [
        (keys.id, id),
        (keys.input, input),
        (keys.start_time, start_time),
        (keys.name, name),
        (keys.role_arn, role_arn),
        (keys.redrive_count, Value::int(0)),
    ];
    let execution = heap.object(arena, &execution[..5 + usize::from(world.redrive_count)])?;
    let machine_id = heap.string(arena, &world.machine_arn)?;
    let machine_name = heap.string(arena, &world.machine_name)?;
    let machine = heap.object(arena, &[(keys.id, machine_id), (keys.name, machine_name)])?;
    let state_name = heap.string(arena, &current.state.name)?;
    let entered_time = heap.string(arena, &timestamp(current.entered_ms))?;
    let mut state = vec![(keys.name, state_name), (keys.entered_time, entered_time)];
    // Recorded for Task; a Pass has none. The guide names it for every state: given to those that
    // can be tried again.
    if matches!(current.state.kind, StateKind::Task | StateKind::Map | StateKind::Parallel) {
        state.push((keys.retry_count, Value::int(i64::from(current.retry_count))));
    }
    let state = heap.object(arena, &state)?;
    let context = heap.object(
        arena,
        &[(keys.execution, execution), (keys.state_machine, machine), (keys.state, state)],
    )?;
    match current.item {
        Some(item) => with_item(heap, arena, keys, context, item),
        None => Ok(context),
    }
}

/// The context object `context` while an item of a Map is processed.
pub(super) fn with_item(
    heap: &mut Heap,
    arena: ArenaId,
    keys: &Keys,
    context: Value,
    (index, value): (u32, Value),
) -> Result<Value, TooLarge> {
    let index = Value::int(i64::from(index));
    // Items come from the state's data only: there is no ItemReader.
    let item = [(keys.index, index), (keys.value, value), (keys.source, keys.state_data)];
    let item = heap.object(arena, &item)?;
    let map = heap.object(arena, &[(keys.item, item)])?;
    heap.with_member(arena, context, keys.map, map)
}

/// RFC 3339 in UTC with milliseconds; a zero fraction is dropped.
fn timestamp(wall_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(wall_ms).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_drop_a_zero_fraction() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(1_732_000_000_123), "2024-11-19T07:06:40.123Z");
        assert_eq!(timestamp(1_732_000_000_120), "2024-11-19T07:06:40.12Z");
    }
}
