//! The writer of Prometheus text format 0.0.4 for what our cells hold.

use std::io::Write as _;

use super::catalogue::{Family, Kind};
use crate::base::tally::Histogram;

/// Appends families to a page. Writing to a `Vec` cannot fail, so results are dropped here.
pub(super) struct Page<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Page<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Writes a family's head and lets `fill` add its samples.
    pub(super) fn family(&mut self, family: &Family, fill: impl FnOnce(&mut Samples<'_>)) {
        let _ = write!(
            self.out,
            "# HELP {0} {1}\n# TYPE {0} {2}\n",
            family.name,
            family.help,
            family.kind.as_str()
        );
        fill(&mut Samples { out: self.out, family });
        self.out.push(b'\n');
    }
}

/// Appends the samples of one family.
pub(super) struct Samples<'a> {
    out: &'a mut Vec<u8>,
    family: &'a Family,
}

impl Samples<'_> {
    /// A whole number; `labels` are the values in the order of the family's labels.
    pub(super) fn count(&mut self, labels: &[&str], value: u64) {
        self.head("", labels, None);
        let mut buffer = itoa::Buffer::new();
        self.out.extend_from_slice(buffer.format(value).as_bytes());
        self.out.push(b'\n');
    }

    /// A signed whole number, for offsets.
    pub(super) fn signed(&mut self, labels: &[&str], value: i64) {
        self.head("", labels, None);
        let _ = writeln!(self.out, "{value}");
    }

    /// A decimal that is text already, so that it does not go through binary floating point.
    pub(super) fn decimal(&mut self, labels: &[&str], value: &str) {
        self.head("", labels, None);
        self.out.extend_from_slice(value.as_bytes());
        self.out.push(b'\n');
    }

    /// Nanoseconds as seconds.
    pub(super) fn seconds(&mut self, labels: &[&str], ns: u64) {
        self.head("", labels, None);
        write_seconds(self.out, ns);
        self.out.push(b'\n');
    }

    pub(super) fn histogram(&mut self, labels: &[&str], histogram: &Histogram) {
        let mut cumulative = 0;
        for (index, bound) in self.family.kind.bounds().iter().chain(&["+Inf"]).enumerate() {
            cumulative += histogram.buckets.get(index).copied().unwrap_or(0);
            self.head("_bucket", labels, Some(bound));
            let _ = writeln!(self.out, "{cumulative}");
        }
        self.head("_sum", labels, None);
        if self.family.kind == Kind::Latency {
            write_seconds(self.out, histogram.sum);
        } else {
            let _ = write!(self.out, "{}", histogram.sum);
        }
        self.out.push(b'\n');
        self.head("_count", labels, None);
        let _ = writeln!(self.out, "{cumulative}");
    }

    fn head(&mut self, suffix: &str, labels: &[&str], bound: Option<&str>) {
        debug_assert_eq!(labels.len(), self.family.labels.len(), "labels of {}", self.family.name);
        self.out.extend_from_slice(self.family.name.as_bytes());
        self.out.extend_from_slice(suffix.as_bytes());
        let named = self.family.labels.iter().zip(labels);
        let all = named.map(|(name, value)| (*name, *value));
        let mut first = true;
        for (name, value) in all.chain(bound.map(|bound| ("le", bound))) {
            self.out.push(if first { b'{' } else { b',' });
            first = false;
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"=\"");
            escape(self.out, value);
            self.out.push(b'"');
        }
        if !first {
            self.out.push(b'}');
        }
        self.out.push(b' ');
    }
}

/// One sample per value of a closed label, zeros too, so that a first failure is an increase.
pub(super) fn by(samples: &mut Samples<'_>, name: &str, values: &[&str], counts: &[u64]) {
    for (value, count) in values.iter().zip(counts) {
        samples.count(&[name, value], *count);
    }
}

/// Exact, without a detour over binary floating point.
fn write_seconds(out: &mut Vec<u8>, ns: u64) {
    let (whole, rest) = (ns / 1_000_000_000, ns % 1_000_000_000);
    let _ = write!(out, "{whole}");
    if rest > 0 {
        let digits = format!(".{rest:09}");
        out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
    }
}

fn escape(out: &mut Vec<u8>, value: &str) {
    for byte in value.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\n' => out.extend_from_slice(b"\\n"),
            byte => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::{EXECUTION_DURATION, EXECUTIONS_STARTED, SHARD_BUSY};
    use super::*;

    fn page(fill: impl FnOnce(&mut Page<'_>)) -> String {
        let mut out = Vec::new();
        fill(&mut Page::new(&mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn label_values_are_escaped() {
        let text = page(|page| {
            page.family(&EXECUTIONS_STARTED, |samples| {
                samples.count(&["a\"\\\nä"], 7);
            });
        });
        assert!(text.ends_with("{state_machine=\"a\\\"\\\\\\nä\"} 7\n\n"), "{text}");
    }

    #[test]
    fn seconds_are_exact() {
        let text = page(|page| {
            page.family(&SHARD_BUSY, |samples| {
                samples.seconds(&["0"], 1_000_000_001);
                samples.seconds(&["1"], 2_500_000_000);
                samples.seconds(&["2"], u64::MAX);
            });
        });
        assert!(text.contains("{shard=\"0\"} 1.000000001\n"), "{text}");
        assert!(text.contains("{shard=\"1\"} 2.5\n"), "{text}");
        assert!(text.contains("{shard=\"2\"} 18446744073.709551615\n"), "{text}");
    }

    #[test]
    fn histograms_are_cumulative_even_when_empty() {
        let text = page(|page| {
            page.family(&EXECUTION_DURATION, |samples| {
                samples.histogram(&["m"], &Histogram::default());
            });
        });
        assert_eq!(text.matches("_bucket").count(), 21);
        assert!(text.contains("le=\"+Inf\"} 0\n"), "{text}");
        assert!(text.contains("_sum{state_machine=\"m\"} 0\n"), "{text}");
    }
}
