//! Offsets of the partitions that this instance owns.
//!
//! Not in the facade: its exporter cannot forget a series, and a partition that was revoked must not
//! go on reporting a lag.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::catalogue::{
    SOURCE_ASSIGNED, SOURCE_COMMITTED, SOURCE_END, SOURCE_LAG, SOURCE_POSITION, SOURCE_UNCOMMITTED,
};
use super::text::Page;

/// The offsets of one partition; `None` is not known yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    /// Next offset to read.
    pub position: Option<i64>,
    /// Next offset to commit, as committed last.
    pub committed: Option<i64>,
    /// End of the partition.
    pub end: Option<i64>,
}

/// The partitions that are owned now. Updated about once a second and at each rebalance.
#[derive(Debug, Default)]
pub struct Partitions(Mutex<BTreeMap<(String, i32), Offsets>>);

impl Partitions {
    /// Sets the offsets of a partition; the first time adds it.
    pub fn set(&self, topic: &str, partition: i32, offsets: Offsets) {
        let mut owned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        owned.insert((topic.to_owned(), partition), offsets);
    }

    /// Forgets a partition that was revoked or lost.
    pub fn remove(&self, topic: &str, partition: i32) {
        let mut owned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        owned.remove(&(topic.to_owned(), partition));
    }

    pub(super) fn render(&self, page: &mut Page<'_>) {
        let owned = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lag = |offsets: &Offsets| Some((offsets.end? - offsets.committed?).max(0));
        let uncommitted = |offsets: &Offsets| Some((offsets.position? - offsets.committed?).max(0));
        for (family, value) in [
            (&SOURCE_LAG, &lag as &dyn Fn(&Offsets) -> Option<i64>),
            (&SOURCE_POSITION, &|offsets: &Offsets| offsets.position),
            (&SOURCE_COMMITTED, &|offsets: &Offsets| offsets.committed),
            (&SOURCE_END, &|offsets: &Offsets| offsets.end),
            (&SOURCE_UNCOMMITTED, &uncommitted),
        ] {
            page.family(family, |samples| {
                for ((topic, partition), offsets) in &owned {
                    if let Some(value) = value(offsets) {
                        samples.signed(&[topic, &partition.to_string()], value);
                    }
                }
            });
        }
        let mut assigned: BTreeMap<&str, u64> = BTreeMap::new();
        for (topic, _) in owned.keys() {
            *assigned.entry(topic).or_default() += 1;
        }
        page.family(&SOURCE_ASSIGNED, |samples| {
            for (topic, count) in assigned {
                samples.count(&[topic], count);
            }
        });
    }
}
