//! Wall-clock nanoseconds that never run backwards within one run.
//!
//! Due times travel to the service and back as wall-clock time, so that processes on several
//! machines can share a topic; latencies must not jump when the wall clock is stepped. Hence one
//! wall-clock reading at start, and the monotonic clock from there on.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A wall clock anchored once and advanced by the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall_at_anchor_ns: u64,
    anchor: Instant,
}

impl Clock {
    /// Anchors the clock at the present moment.
    pub(crate) fn start() -> Self {
        let wall_at_anchor_ns = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since_epoch| since_epoch.as_nanos() as u64);
        Self {
            wall_at_anchor_ns,
            anchor: Instant::now(),
        }
    }

    /// Returns nanoseconds since the Unix epoch.
    pub(crate) fn now_ns(&self) -> u64 {
        self.wall_at_anchor_ns + self.anchor.elapsed().as_nanos() as u64
    }
}
