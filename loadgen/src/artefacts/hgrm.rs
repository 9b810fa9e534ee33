//! Percentile distributions as text, as HdrHistogram's Java implementation prints them.
//!
//! Values are milliseconds. The plotter at hdrhistogram.github.io and most tools read this form.

use std::fmt::Write as _;

use hdrhistogram::Histogram;

/// Returns the distribution of a histogram of microseconds.
pub(super) fn render(histogram_us: &Histogram<u64>) -> String {
    let mut text = String::from("       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
    // Writing to memory cannot fail.
    for point in histogram_us.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        let value = point.value_iterated_to() as f64 / 1e3;
        let quantile = point.quantile_iterated_to();
        let count = histogram_us.count_between(0, point.value_iterated_to());
        let _ = if quantile < 1.0 {
            writeln!(
                text,
                "{value:12.3} {quantile:2.12} {count:10} {:14.2}",
                1.0 / (1.0 - quantile)
            )
        } else {
            writeln!(text, "{value:12.3} {quantile:2.12} {count:10}")
        };
    }
    let _ = writeln!(
        text,
        "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]",
        histogram_us.mean() / 1e3,
        histogram_us.stdev() / 1e3
    );
    let _ = writeln!(
        text,
        "#[Max     = {:12.3}, Total count    = {:12}]",
        histogram_us.max() as f64 / 1e3,
        histogram_us.len()
    );
    let _ = writeln!(
        text,
        "#[Buckets = {:12}, SubBuckets     = {:12}]",
        histogram_us.buckets(),
        1_usize << (2.0 * 10_f64.powi(i32::from(histogram_us.sigfig()))).log2().ceil() as u32
    );
    text
}

const TICKS_PER_HALF_DISTANCE: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::latency_histogram;

    #[test]
    fn every_line_agrees_with_the_histogram_it_was_made_from() {
        let mut histogram = latency_histogram();
        for value in 1..=100_000_u64 {
            histogram.record(value * value % 90_001 + 1).unwrap();
        }
        let text = render(&histogram);
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("       Value     Percentile TotalCount 1/(1-Percentile)"));
        let mut last_quantile = -1.0;
        let mut points = 0;
        for line in lines.by_ref().skip(1).take_while(|line| !line.starts_with('#')) {
            let fields: Vec<f64> =
                line.split_whitespace().map(|field| field.parse().unwrap()).collect();
            let (value_us, quantile, count) = (fields[0] * 1e3, fields[1], fields[2] as u64);
            assert!(quantile > last_quantile, "{line}");
            last_quantile = quantile;
            points += 1;
            let expected = histogram.value_at_quantile(quantile);
            assert!(histogram.equivalent(value_us.round() as u64, expected), "{line}");
            assert_eq!(histogram.count_between(0, value_us.round() as u64), count, "{line}");
        }
        assert!(points > 30, "{points}");
        assert!((last_quantile - 1.0).abs() < 1e-12);
        assert!(text.contains("Total count    =       100000]"), "{text}");
    }

    #[test]
    fn an_empty_histogram_is_still_a_file_of_its_kind() {
        let text = render(&latency_histogram());
        assert!(text.contains("Total count    =            0]"), "{text}");
    }
}
