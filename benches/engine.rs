//! The engine as a contestant: events in batches through a shard's turns, as the service runs it.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use expressway::base::clock::Now;
use expressway::base::ids::{ExecutionSuffix, MachineIdx, Origin, WakeToken};
use expressway::program::{Loaded, World};
use expressway::registry::Definition;
use expressway::shard::{
    CallRequest, Calls, Inputs, Limits, Rejected, Settle, Settled, ShardCore, Start, StartBatch,
};

use crate::measure::Contestant;

/// A shard that runs one state machine.
pub(crate) struct Engine {
    core: ShardCore,
    inputs: Inputs,
    now: Now,
}

impl Engine {
    /// Compiles the definition `name` of `config/state-machines`.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/state-machines");
        let definition = Definition::read(&folder.join(format!("{name}.asl.json")))?;
        let world = World::express("us-east-1", "111111111111", name, "");
        let image = definition.compile(world).map_err(|error| anyhow!(error.render()))?;
        let now = Now { mono_ns: 1, wall_ms: 1_000 };
        let core = ShardCore::new(vec![Loaded::from(image)], Limits::default(), now, 0);
        Ok(Self { core, inputs: Inputs::default(), now })
    }
}

impl Contestant for Engine {
    fn name(&self) -> &'static str {
        "engine"
    }

    fn runs_per_call(&self) -> u64 {
        BATCH as u64
    }

    fn run(&mut self, event: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut batch = StartBatch::default();
        for _ in 0..BATCH {
            let at = batch.bytes.len() as u32;
            batch.bytes.extend_from_slice(b"execution");
            batch.bytes.extend_from_slice(event);
            batch.starts.push(Start {
                origin: Origin::default(),
                machine: MachineIdx(0),
                suffix: ExecutionSuffix([0; 16]),
                name: at..at + 9,
                input: at + 9..batch.bytes.len() as u32,
            });
        }
        self.inputs.batches.push_back(batch);
        let mut sink = Sink { out, settled: 0 };
        while self.core.turn(self.now, &mut self.inputs, &mut sink, &mut NoCalls).busy {}
        (sink.settled == BATCH).then_some(()).context("an execution did not succeed")
    }
}

/// Keeps the last output of a batch.
struct Sink<'a> {
    out: &'a mut Vec<u8>,
    settled: usize,
}

impl Settle for Sink<'_> {
    fn settled(&mut self, settled: &Settled<'_>) {
        self.out.clear();
        self.out.extend_from_slice(settled.output);
        self.settled += usize::from(settled.error.is_none());
    }

    fn rejected(&mut self, _: &Rejected<'_>) {}

    fn flush(&mut self, _: Now) {}
}

struct NoCalls;

impl Calls for NoCalls {
    fn call(&mut self, _: WakeToken, _: CallRequest) {}

    fn cancel(&mut self, _: WakeToken) {}
}

const BATCH: usize = 64;
