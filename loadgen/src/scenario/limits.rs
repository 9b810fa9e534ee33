//! Thresholds: what a run, or one of its stages, must keep to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits on latencies and counts; what is left out is not judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Highest median of latency in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_ms: Option<f64>,
    /// Highest 90th percentile in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p90_ms: Option<f64>,
    /// Highest 99th percentile in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99_ms: Option<f64>,
    /// Highest 99.9th percentile in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p999_ms: Option<f64>,
    /// Highest latency of all in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_ms: Option<f64>,
    /// Most acknowledged events that may have no outcome. Default 0 for the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lost: Option<u64>,
    /// Most outcomes that may be repeated. Default 0 for the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duplicated: Option<u64>,
    /// Most outcomes that may be wrong. Default 0 for the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wrong: Option<u64>,
    /// Most bills that may be missing, repeated, without a result or malformed, together, of the
    /// whole run. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bill_faults: Option<u64>,
    /// Most results that may come after a younger one of their key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reordered: Option<u64>,
    /// Most executions that may fail or time out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<u64>,
    /// Most committed offsets that may go backwards, of the whole run. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) regressed: Option<u64>,
    /// Most events of the plan that may stay unsent, of the whole run. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unsent: Option<u64>,
    /// Smallest share of the rate asked for that must be reached, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate_share: Option<f64>,
}

impl Limits {
    /// Returns whether nothing is limited.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the limits on latency with their names and quantiles; the maximum is the last.
    pub(crate) fn latencies(&self) -> [(&'static str, f64, Option<f64>); 5] {
        [
            ("p50", 0.5, self.p50_ms),
            ("p90", 0.9, self.p90_ms),
            ("p99", 0.99, self.p99_ms),
            ("p99.9", 0.999, self.p999_ms),
            ("max", 1.0, self.max_ms),
        ]
    }

    /// Returns the names of those given that no stage can have: a bill is of no stage, as are a
    /// committed offset and an event that was not sent.
    pub(crate) fn of_the_whole_run(&self) -> impl Iterator<Item = &'static str> {
        let given = [
            ("bill_faults", self.bill_faults),
            ("regressed", self.regressed),
            ("unsent", self.unsent),
        ];
        given.into_iter().filter_map(|(name, limit)| limit.map(|_| name))
    }

    /// Returns what makes limits impossible to keep, one sentence each.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let latencies = self.latencies().into_iter();
        let mut complaints: Vec<String> = latencies
            .filter(|(_, _, limit)| limit.is_some_and(|limit| !(limit > 0.0 && limit.is_finite())))
            .map(|(name, ..)| format!("{name} must be above zero milliseconds"))
            .collect();
        if self.rate_share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            complaints.push("rate_share lies between 0 and 1".to_owned());
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_nothing_can_keep_are_noticed() {
        assert!(Limits::default().complaints().is_empty());
        assert!(Limits::default().is_empty());
        let limits = Limits { p99_ms: Some(-1.0), rate_share: Some(1.5), ..Limits::default() };
        let complaints = limits.complaints();
        assert!(complaints[0].starts_with("p99") && complaints[1].starts_with("rate_share"));
        assert!(!limits.is_empty());
    }

    #[test]
    fn what_no_stage_can_have_is_named() {
        let limits =
            Limits { bill_faults: Some(0), unsent: Some(1), lost: Some(2), ..Limits::default() };
        assert_eq!(limits.of_the_whole_run().collect::<Vec<_>>(), ["bill_faults", "unsent"]);
    }
}
