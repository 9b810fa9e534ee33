//! A definition, from its text to the end of an execution.

use expressway::asl::source::Source;
use expressway::asl::{Diagnostic, MachineType, parse_as};
use expressway::compile::compile;
use expressway::program::{Loaded, World};
use expressway::shard::{Completions, Limits, Status};
use expressway::task::{MockTasks, Script};
use expressway::trial::clock::{Ended, VirtualShard};
use serde_json::{Value, json};

/// Turns of [`FUEL`] instructions; whatever still runs after them is left where it is.
const TURNS_MAX: usize = 50;
const FUEL: u32 = 1_000;

/// Runs the definition with tasks that return their own request. `None`: it was refused, its input
/// was, or it went on for too long.
pub(crate) fn run(definition: &str, input: &[u8]) -> Option<Ended> {
    let parsed = parse_as(definition, "fuzz", MachineType::Express);
    let Some(machine) = parsed.machine else {
        assert!(parsed.diagnostics.iter().any(Diagnostic::is_error), "refused without a reason");
        return None;
    };
    let world = World::express("us-east-1", "111111111111", "fuzz", "");
    let source = Source { file: "fuzz", text: definition };
    let image = compile(&machine, source, world).expect("what was checked compiles");
    let script = Script::from_json(&json!({"*": {"*": {"Echo": true}}})).expect("a script");
    let completions = Completions::default();
    let mocks = MockTasks::new(script, completions.clone());
    let limits = Limits { fuel: FUEL, ..Limits::default() };
    let mut shard = VirtualShard::new(Loaded::from(image), limits, mocks, completions);
    shard.start(0, "fuzz", input);
    let turned = shard.run_at_most(TURNS_MAX);
    let ended = shard.sink.ended.pop()?;
    assert_eq!(turned.open, 0, "an execution ended and is still open");
    if ended.status == Status::Succeeded {
        let output = serde_json::from_str::<Value>(&ended.output);
        assert!(output.is_ok(), "the output is no JSON: {}", ended.output);
    }
    Some(ended)
}
