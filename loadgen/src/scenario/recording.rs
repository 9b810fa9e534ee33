//! Recordings of arrivals: one time a line, as other tools write them.
//!
//! The first column of a line counts, whatever separates it from the rest: a list of numbers, a
//! CSV file with a header, or what `kafka-console-consumer --property print.timestamp=true` prints
//! (`CreateTime:1716899990123 …`, always milliseconds). Only distances matter: the earliest time is
//! the start of the stage, and times need not be in order.

use std::sync::Arc;

use super::file::TimeUnit;

/// Returns the arrivals in nanoseconds from the first one, ascending, `speed` times as fast.
pub(super) fn parse(text: &str, unit: TimeUnit, speed: f64) -> Result<Arc<[u64]>, String> {
    let mut times = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match time_ns(line, unit) {
            Some(time) => times.push(time),
            // A header may stand where the first time would.
            None if times.is_empty() => {}
            None => return Err(format!("line {}: no time in {:?}", number + 1, cut(line))),
        }
        if times.len() > ARRIVALS_MAX {
            return Err(format!("more than {ARRIVALS_MAX} arrivals"));
        }
    }
    times.sort_unstable();
    let Some(first) = times.first().copied() else {
        return Err("no arrivals in it".to_owned());
    };
    let offsets: Vec<u64> =
        times.iter().map(|time| ((time - first) as f64 / speed).round() as u64).collect();
    if offsets.last().is_some_and(|last| *last > OFFSET_MAX_NS) {
        return Err("longer than 30 days".to_owned());
    }
    Ok(offsets.into())
}

fn time_ns(line: &str, unit: TimeUnit) -> Option<i128> {
    let first = line.split([',', ';', '\t', ' ']).next()?;
    let (number, unit) = match first.split_once("Time:") {
        Some((_, number)) => (number, TimeUnit::Ms),
        None => (first, unit),
    };
    let ns_per_unit: u64 = match unit {
        TimeUnit::S => 1_000_000_000,
        TimeUnit::Ms => 1_000_000,
        TimeUnit::Us => 1_000,
        TimeUnit::Ns => 1,
    };
    // Nanoseconds since the epoch do not fit a binary64: whole numbers stay whole.
    if let Ok(whole) = number.parse::<i64>() {
        return Some(i128::from(whole) * i128::from(ns_per_unit));
    }
    let (whole, fraction) = number.split_once('.')?;
    let is_negative = whole.starts_with('-');
    let whole: i64 = whole.parse().ok()?;
    let fraction: f64 = format!("0.{fraction}").parse().ok()?;
    let fraction_ns = (fraction * ns_per_unit as f64).round() as i128;
    let whole_ns = i128::from(whole) * i128::from(ns_per_unit);
    Some(if is_negative { whole_ns - fraction_ns } else { whole_ns + fraction_ns })
}

fn cut(line: &str) -> String {
    line.chars().take(80).collect()
}

const ARRIVALS_MAX: usize = 10_000_000;
const OFFSET_MAX_NS: u64 = 30 * 86_400 * 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(text: &str, unit: TimeUnit, speed: f64) -> Vec<u64> {
        parse(text, unit, speed).unwrap().to_vec()
    }

    #[test]
    fn the_first_column_counts_and_order_does_not() {
        let text = "time,key\n10.5,a\n# a comment\n\n10,b\n12.000000001,c\n";
        assert_eq!(offsets(text, TimeUnit::S, 1.0), [0, 500_000_000, 2_000_000_001]);
        assert_eq!(offsets("5\n6\n", TimeUnit::Us, 1.0), [0, 1_000]);
    }

    #[test]
    fn what_the_console_consumer_prints_is_read_as_it_is() {
        let text = "CreateTime:1716899990123\tPartition:0\t{}\nCreateTime:1716899990125\t{}\n";
        assert_eq!(offsets(text, TimeUnit::S, 1.0), [0, 2_000_000]);
    }

    #[test]
    fn times_since_the_epoch_keep_their_nanoseconds() {
        let text = "1716899990123456789\n1716899990123456790\n";
        assert_eq!(offsets(text, TimeUnit::Ns, 1.0), [0, 1]);
    }

    #[test]
    fn speed_shortens_the_distances() {
        assert_eq!(offsets("0\n1\n3\n", TimeUnit::S, 2.0), [0, 500_000_000, 1_500_000_000]);
    }

    #[test]
    fn a_recording_that_cannot_be_replayed_says_where() {
        assert!(parse("", TimeUnit::S, 1.0).unwrap_err().contains("no arrivals"));
        assert!(parse("1\nx\n", TimeUnit::S, 1.0).unwrap_err().contains("line 2"));
        assert!(parse("0\n9999999\n", TimeUnit::S, 1.0).unwrap_err().contains("30 days"));
    }
}
