//! The assigned partitions of a source, each with its ledger.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::client_stats::PartitionName;
use super::identity::IdentityPrefix;
use super::ledger::Ledger;
use super::options::Options;
use super::sums::Sums;

/// One partition that is, or once was, ours.
pub(super) struct Partition {
    /// Index into the pipeline's topics.
    pub(super) topic: u16,
    pub(super) topic_name: String,
    pub(super) number: i32,
    pub(super) identity: IdentityPrefix,
    /// `None` while the partition is not assigned.
    pub(super) ledger: Option<Ledger>,
    /// The last offset sent in a commit, or where this assignment began; `None` before that.
    pub(super) committed: Option<i64>,
    /// What it owes in sums, where the source sums; of this assignment.
    pub(super) sums: Option<Sums>,
    /// Whether the full window was already warned of in this assignment.
    pub(super) warned: bool,
}

impl Partition {
    /// The next offset to commit: where everything is finished, and billed too.
    pub(super) fn committable(&self) -> Option<i64> {
        match &self.sums {
            Some(sums) => sums.billed_to(),
            None => self.ledger.as_ref().and_then(Ledger::watermark),
        }
    }
}

/// Table of partitions; an index stays valid for ever.
#[derive(Default)]
pub(super) struct Partitions {
    list: Vec<Partition>,
    by_place: HashMap<(u16, i32), u32>,
    /// By librdkafka's topic handle, until the next rebalance.
    by_tag: HashMap<(usize, i32), Option<u32>>,
    last_tag: Option<((usize, i32), Option<u32>)>,
    last_epoch: u32,
}

impl Partitions {
    /// Begins an assignment of a partition.
    pub(super) fn assign(
        &mut self,
        options: &Options,
        cluster_id: &str,
        topic_name: &str,
        number: i32,
    ) {
        self.forget_tags();
        let Some(topic) = options.topics.iter().position(|name| name == topic_name) else {
            return;
        };
        let topic = topic as u16;
        self.last_epoch += 1;
        let ledger = Ledger::new(self.last_epoch, options.uncommitted_per_partition);
        let list = &mut self.list;
        let index = *self.by_place.entry((topic, number)).or_insert_with(|| {
            list.push(Partition {
                topic,
                topic_name: topic_name.to_owned(),
                number,
                identity: IdentityPrefix::new(
                    cluster_id,
                    &options.pipeline_name,
                    &options.machine_arn,
                    topic_name,
                    number,
                ),
                ledger: None,
                committed: None,
                sums: None,
                warned: false,
            });
            (list.len() - 1) as u32
        });
        let partition = &mut self.list[index as usize];
        partition.ledger = Some(ledger);
        partition.committed = None;
        partition.sums = options.billing_sums.is_some().then(Sums::default);
        partition.warned = false;
    }

    /// Ends an assignment: what is still open of it will not be committed by us.
    pub(super) fn revoke(&mut self, options: &Options, topic_name: &str, number: i32) {
        self.forget_tags();
        if let Some(index) = self.find(options, topic_name, number) {
            self.list[index as usize].ledger = None;
            self.list[index as usize].sums = None;
        }
    }

    pub(super) fn find(&self, options: &Options, topic_name: &str, number: i32) -> Option<u32> {
        let topic = options.topics.iter().position(|name| name == topic_name)?;
        self.by_place.get(&(topic as u16, number)).copied()
    }

    /// The partition of a message; `name` is asked for only once per assignment.
    pub(super) fn by_tag(
        &mut self,
        options: &Options,
        tag: (usize, i32),
        name: impl FnOnce() -> String,
    ) -> Option<u32> {
        // Messages come in runs of one partition.
        if let Some((last, index)) = self.last_tag
            && last == tag
        {
            return index;
        }
        let index = if let Some(index) = self.by_tag.get(&tag) {
            *index
        } else {
            let index = self
                .find(options, &name(), tag.1)
                .filter(|&index| self.list[index as usize].ledger.is_some());
            self.by_tag.insert(tag, index);
            index
        };
        self.last_tag = Some((tag, index));
        index
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Partition> {
        self.list.get_mut(index as usize)
    }

    pub(super) fn get(&self, index: u32) -> Option<&Partition> {
        self.list.get(index as usize)
    }

    /// Begins a new epoch within an assignment: the partition was rewound under us.
    pub(super) fn restart(&mut self, index: u32) {
        self.last_epoch += 1;
        if let Some(partition) = self.list.get_mut(index as usize) {
            partition.committed = None;
            partition.sums = partition.sums.as_ref().map(|_| Sums::default());
            if let Some(ledger) = &mut partition.ledger {
                ledger.restart(self.last_epoch);
            }
        }
    }

    /// All assigned partitions.
    pub(super) fn assigned(&self) -> impl Iterator<Item = &Partition> {
        self.list.iter().filter(|partition| partition.ledger.is_some())
    }

    /// The sums of all assigned partitions, with their indices.
    pub(super) fn sums_mut(&mut self) -> impl Iterator<Item = (u32, &mut Sums)> {
        let indices = self.list.iter_mut().zip(0..);
        indices.filter_map(|(partition, index)| Some((index, partition.sums.as_mut()?)))
    }

    /// All assigned partitions, to be changed.
    pub(super) fn assigned_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.list.iter_mut().filter(|partition| partition.ledger.is_some())
    }

    fn forget_tags(&mut self) {
        self.by_tag.clear();
        self.last_tag = None;
    }
}

/// Partitions for a log line, in the order in which they are given: `orders 0 1 2, refunds 0`. Beyond
/// a bound it says how many more there are.
pub(super) fn list(names: &[PartitionName]) -> String {
    let mut text = String::new();
    let mut last = None;
    for (topic, number) in names.iter().take(LISTED_MAX) {
        // Writing to a text cannot fail.
        let _ = if last == Some(topic) {
            write!(text, " {number}")
        } else {
            write!(text, "{}{topic} {number}", if last.is_some() { ", " } else { "" })
        };
        last = Some(topic);
    }
    if names.len() > LISTED_MAX {
        let _ = write!(text, " and {} more", names.len() - LISTED_MAX);
    }
    text
}

/// Partitions that a log line names.
const LISTED_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn names(topic: &str, numbers: std::ops::Range<i32>) -> Vec<PartitionName> {
        numbers.map(|number| (topic.to_owned(), number)).collect()
    }

    #[test]
    fn partitions_are_listed_by_topic_up_to_a_bound() {
        assert_eq!(list(&[]), "");
        let two = [names("orders", 0..3), names("refunds", 7..8)].concat();
        assert_eq!(list(&two), "orders 0 1 2, refunds 7");
        assert!(!list(&names("orders", 0..64)).contains("more"));
        let many = list(&names("orders", 0..1_000));
        assert!(many.ends_with(" 62 63 and 936 more"), "{many}");
    }
}
