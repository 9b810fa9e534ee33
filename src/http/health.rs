//! What `/livez` and `/readyz` report: named checks, each with the reason when it fails.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The checks of the service; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health {
    live: Arc<[Check]>,
    ready: Arc<[Check]>,
}

/// One named check.
pub struct Check {
    name: &'static str,
    probe: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
}

impl Check {
    /// A check that asks `probe` each time; it must not block.
    pub fn new(
        name: &'static str,
        probe: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self { name, probe: Box::new(probe) }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Asks it; the error says what is wrong.
    pub fn ask(&self) -> Result<(), String> {
        (self.probe)()
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.name).finish()
    }
}

impl Health {
    /// Live when all of `live` pass; ready when all of `ready` pass too.
    pub fn new(live: Vec<Check>, ready: Vec<Check>) -> Self {
        Self { live: live.into(), ready: ready.into() }
    }

    /// The checks of `/livez`: a failure means that a restart would help.
    pub fn live(&self) -> &[Check] {
        &self.live
    }

    /// The checks of `/readyz`.
    pub fn ready(&self) -> &[Check] {
        &self.ready
    }
}

/// A condition that one part of the service sets and a [`Check`] reports.
#[derive(Clone, Debug)]
pub struct Condition(Arc<Mutex<Result<(), String>>>);

impl Condition {
    /// Starts as failing, for this reason.
    pub fn failing(reason: impl Into<String>) -> Self {
        Self(Arc::new(Mutex::new(Err(reason.into()))))
    }

    /// It holds from here on.
    pub fn hold(&self) {
        self.set(Ok(()));
    }

    /// It fails from here on.
    pub fn fail(&self, reason: impl Into<String>) {
        self.set(Err(reason.into()));
    }

    /// A check that reports it.
    pub fn check(&self, name: &'static str) -> Check {
        let condition = self.clone();
        Check::new(name, move || {
            // A panic elsewhere cannot leave a half-written result behind.
            let state = condition.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.clone()
        })
    }

    fn set(&self, state: Result<(), String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}
