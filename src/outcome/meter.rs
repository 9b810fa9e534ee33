//! What one execution is billed: AWS's published Express formula, in integers only.
//!
//! AWS: <https://aws.amazon.com/step-functions/pricing/>: duration rounded up to 100 ms, memory
//! rounded up to 64 MB; memory = 50 MB + definition + execution data of every step that carries a
//! copy. The worked example there counts 12,850 KB as 12.85 MB, so MB are decimal.

/// Durations are billed in steps of this.
pub const DURATION_STEP_MS: u64 = 100;
/// Memory is billed in steps of this.
pub const MEMORY_STEP_MB: u64 = 64;
/// What every execution holds before any definition or data.
pub const MEMORY_BASE_BYTES: u64 = 50_000_000;

/// What is billed for one execution, request fee aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Billed duration, a multiple of [`DURATION_STEP_MS`], at least one step.
    pub duration_ms: u64,
    /// Billed memory, a multiple of [`MEMORY_STEP_MB`].
    pub memory_mb: u64,
}

/// Memory by the formula, before it is rounded up.
pub fn memory_bytes(definition_bytes: u64, metered_data_bytes: u64) -> u64 {
    MEMORY_BASE_BYTES.saturating_add(definition_bytes).saturating_add(metered_data_bytes)
}

impl Bill {
    /// Applies the formula. The duration is rounded from nanoseconds, not from milliseconds
    /// already rounded: 100.1 ms is two steps.
    pub fn new(duration_ns: u64, definition_bytes: u64, metered_data_bytes: u64) -> Self {
        let steps = duration_ns.div_ceil(DURATION_STEP_MS * NS_PER_MS).max(1);
        let chunks = memory_bytes(definition_bytes, metered_data_bytes)
            .div_ceil(MEMORY_STEP_MB * BYTES_PER_MB);
        Self { duration_ms: steps * DURATION_STEP_MS, memory_mb: chunks * MEMORY_STEP_MB }
    }

    /// Number of 100 ms × 64 MB units; one is 1/160 GB-second, so sums of these stay exact.
    pub fn units(self) -> u64 {
        (self.duration_ms / DURATION_STEP_MS) * (self.memory_mb / MEMORY_STEP_MB)
    }

    /// Billed milliseconds times billed megabytes; ÷ 1,024,000 = GB-seconds.
    pub fn mb_milliseconds(self) -> u64 {
        self.duration_ms.saturating_mul(self.memory_mb)
    }

    /// Appends the GB-seconds as an exact decimal, `ms × MB / 1,024,000`: `0.00625`, `18.75`, `75`.
    pub fn push_gb_seconds(self, out: &mut Vec<u8>) {
        push_gb_seconds(out, u128::from(self.units()));
    }
}

/// Units of 100 ms × 64 MB in one GB-second.
pub(super) const UNITS_PER_GB_SECOND: u128 = 160;

/// Appends `units / 160` as an exact decimal without trailing zeros.
pub(super) fn push_gb_seconds(out: &mut Vec<u8>, units: u128) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(digits.format(units / UNITS_PER_GB_SECOND).as_bytes());
    // 1/160 = 0.00625: five places are always enough.
    let mut fraction = (units % UNITS_PER_GB_SECOND) as u32 * 625;
    if fraction == 0 {
        return;
    }
    let mut places = [b'0'; 6];
    places[0] = b'.';
    for place in (1..6).rev() {
        places[place] = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
    let end = places.iter().rposition(|&place| place != b'0').map_or(0, |last| last + 1);
    out.extend_from_slice(&places[..end]);
}

const NS_PER_MS: u64 = 1_000_000;
const BYTES_PER_MB: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gb_seconds(bill: Bill) -> String {
        let mut out = Vec::new();
        bill.push_gb_seconds(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn bills(duration_us: u64, memory_bytes: u64, ms: u64, mb: u64, text: &str) {
        let bill = Bill::new(duration_us * 1_000, memory_bytes - MEMORY_BASE_BYTES, 0);
        assert_eq!((bill.duration_ms, bill.memory_mb), (ms, mb));
        assert_eq!(gb_seconds(bill), text);
    }

    #[test]
    fn reference_vectors() {
        bills(400, 50_010_000, 100, 64, "0.00625");
        bills(100_000, 64_000_000, 100, 64, "0.00625");
        bills(100_100, 64_010_000, 200, 128, "0.025");
        bills(299_999_000, 62_850_000, 300_000, 64, "18.75");
        bills(300_000_000, 193_000_000, 300_000, 256, "75");
    }

    #[test]
    fn published_memory_example_bills_64_mb() {
        // 50 KB definition, 400 Map steps of 32 KB each: 62.85 MB.
        assert_eq!(Bill::new(1, 50_000, 400 * 32_000).memory_mb, 64);
    }

    #[test]
    fn nothing_is_below_one_step_and_one_nanosecond_more_is_the_next() {
        assert_eq!(Bill::new(0, 0, 0), Bill { duration_ms: 100, memory_mb: 64 });
        assert_eq!(Bill::new(100_000_000, 0, 0).duration_ms, 100);
        assert_eq!(Bill::new(100_000_001, 0, 0).duration_ms, 200);
        assert_eq!(Bill::new(0, 14_000_000, 0).memory_mb, 64);
        assert_eq!(Bill::new(0, 14_000_000, 1).memory_mb, 128);
    }

    proptest! {
        #[test]
        fn gb_seconds_times_1_024_000_is_ms_times_mb(
            duration_ns in 0u64..400_000_000_000, data in 0u64..2_000_000_000,
        ) {
            let bill = Bill::new(duration_ns, 0, data);
            let text = gb_seconds(bill);
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            let hundred_thousandths = whole.parse::<u64>().unwrap() * 100_000
                + format!("{fraction:0<5}").parse::<u64>().unwrap();
            prop_assert_eq!(hundred_thousandths * 1_024_000, bill.duration_ms * bill.memory_mb * 100_000);
        }
    }
}
