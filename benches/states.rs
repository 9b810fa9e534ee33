//! What a state costs: one of an iteration beside one of a plain sequence.

use anyhow::{Result, ensure};

use crate::engine::{Engine, read};
use crate::measure::Contestant;

/// An engine on an event of its own, counted by states.
pub(crate) struct PerState {
    name: &'static str,
    engine: Engine,
    event: Vec<u8>,
    states: u64,
}

impl PerState {
    /// Takes the workload `name`; `uncounted` of its states are not what is asked about.
    pub(crate) fn new(name: &'static str, uncounted: u32) -> Result<Self> {
        let event = read(name, "input")?.trim_ascii().to_vec();
        let mut engine = Engine::new(name)?;
        engine.run(&event, &mut Vec::new())?;
        let states = engine.transitions().saturating_sub(uncounted);
        ensure!(states > 0, "{name} enters no state");
        Ok(Self { name, engine, event, states: u64::from(states) })
    }
}

impl Contestant for PerState {
    fn name(&self) -> &'static str {
        self.name
    }

    fn runs_per_call(&self) -> u64 {
        self.engine.runs_per_call() * self.states
    }

    fn run(&mut self, _: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.engine.run(&self.event, out)
    }
}
