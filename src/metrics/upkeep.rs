//! The timer that keeps the exporter's raw samples from piling up when nobody scrapes.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::Rare;

/// A thread that runs upkeep now and then; dropping it ends it at once.
#[derive(Debug)]
pub struct Upkeep {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Upkeep {
    /// Starts the thread.
    pub fn start(rare: Arc<Rare>, interval: Duration) -> io::Result<Self> {
        let (stop, stopped): (_, Receiver<()>) = bounded(0);
        let thread =
            std::thread::Builder::new().name("metrics-upkeep".to_owned()).spawn(move || {
                while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                    rare.upkeep();
                }
            })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its own thread.
            let _ = thread.join();
        }
    }
}
