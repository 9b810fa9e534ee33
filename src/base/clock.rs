//! Time as a number that is passed in. The core never reads a clock.

/// One reading of both clocks, taken once per turn at the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Now {
    /// Monotonic nanoseconds since an arbitrary start; all durations come from here.
    pub mono_ns: u64,
    /// Milliseconds since the Unix epoch; only for what people read (`started-at`, `$$`).
    pub wall_ms: i64,
}

impl Now {
    /// Monotonic time in whole milliseconds, the unit of the timer wheel.
    pub fn mono_ms(self) -> u64 {
        self.mono_ns / 1_000_000
    }
}
