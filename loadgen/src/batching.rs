//! How long records wait for company on their way to the brokers and back.
//!
//! Most of what a client costs is not records but requests and being woken for them: at 40,000
//! events a second over eight partitions, waiting ten milliseconds instead of two saves a quarter
//! of the processor time. Waiting is latency, though, and at low rates nobody needs the processor.
//! Hence the wait follows the rate that the plan asks for, which is known before the run and the
//! same for every run of the same load.

use rdkafka::ClientConfig;

/// Waits that suit a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batching {
    wait_ms: u32,
}

impl Batching {
    /// For a run whose rate goes up to `peak_per_second` events.
    pub(crate) fn for_rate(peak_per_second: f64) -> Self {
        let wait_ms = (peak_per_second / EVENTS_PER_MS).clamp(WAIT_MIN_MS, WAIT_MAX_MS);
        Self { wait_ms: wait_ms.round() as u32 }
    }

    /// Makes a sending client wait this long.
    pub(crate) fn of_sending(self, config: &mut ClientConfig) {
        config.set("linger.ms", self.wait_ms.to_string());
    }

    /// Makes brokers answer a reading client when as much has come as usually does in this time,
    /// or when it is over.
    pub(crate) fn of_reading(self, config: &mut ClientConfig) {
        let is_low = f64::from(self.wait_ms) <= WAIT_MIN_MS;
        let bytes_min = if is_low { 1 } else { self.wait_ms * BYTES_PER_MS };
        config
            .set("fetch.wait.max.ms", self.wait_ms.max(FETCH_WAIT_MIN_MS).to_string())
            .set("fetch.min.bytes", bytes_min.to_string());
    }
}

/// Two milliseconds up to 8,000 events a second, ten from 40,000 on.
const EVENTS_PER_MS: f64 = 4_000.0;
const WAIT_MIN_MS: f64 = 2.0;
const WAIT_MAX_MS: f64 = 10.0;
/// What brokers wait with nothing to answer; the answer to a fetch that finds a record comes at
/// once as long as one byte is enough.
const FETCH_WAIT_MIN_MS: u32 = 5;
/// Somewhat more than results and bills at 40,000 events a second have when compressed.
const BYTES_PER_MS: u32 = 25_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(peak_per_second: f64) -> [String; 3] {
        let mut config = ClientConfig::new();
        let batching = Batching::for_rate(peak_per_second);
        batching.of_sending(&mut config);
        batching.of_reading(&mut config);
        ["linger.ms", "fetch.wait.max.ms", "fetch.min.bytes"]
            .map(|key| config.get(key).unwrap().to_owned())
    }

    #[test]
    fn waits_grow_with_the_rate_between_two_and_ten_milliseconds() {
        assert_eq!(settings(0.0), ["2", "5", "1"]);
        assert_eq!(settings(8_000.0), ["2", "5", "1"]);
        assert_eq!(settings(20_000.0), ["5", "5", "125000"]);
        assert_eq!(settings(40_000.0), ["10", "10", "250000"]);
        assert_eq!(settings(f64::INFINITY), ["10", "10", "250000"]);
    }
}
