//! The assigned partitions of a source, each with its ledger.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

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
    /// Where the source sums: which topic of this name it is about. `None` until the cluster has
    /// said so in this assignment; nothing is started before.
    pub(super) topic_id: Option<Arc<str>>,
    /// Whether the full window was already warned of in this assignment.
    pub(super) warned: bool,
}

impl Partition {
    /// Whether its records have to wait until the topic's id is known.
    pub(super) fn awaits_topic_id(&self) -> bool {
        self.sums.is_some() && self.topic_id.is_none()
    }

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
    topic_ids: Question,
}

/// How far the question for topic ids is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Question {
    /// Nothing is to be asked.
    #[default]
    None,
    /// Something is to be asked; an answer to what was asked before says nothing of it.
    Open,
    /// All that is to be asked has been asked.
    Asked,
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
                topic_id: None,
                warned: false,
            });
            (list.len() - 1) as u32
        });
        let partition = &mut self.list[index as usize];
        partition.ledger = Some(ledger);
        partition.committed = None;
        partition.sums = options.billing_sums.is_some().then(Sums::default);
        partition.topic_id = None;
        if partition.awaits_topic_id() {
            self.topic_ids = Question::Open;
        }
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
            // A topic that was deleted and created again begins anew under the same name.
            partition.topic_id = None;
            if partition.awaits_topic_id() {
                self.topic_ids = Question::Open;
            }
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

    /// Topics whose id is not known.
    pub(super) fn topics_without_id(&self) -> Vec<String> {
        let waiting = self.assigned().filter(|partition| partition.awaits_topic_id());
        let topics: BTreeSet<_> = waiting.map(|partition| &partition.topic_name).collect();
        topics.into_iter().cloned().collect()
    }

    /// Whether a topic's id is to be asked for, or its answer to be waited for.
    pub(super) fn wants_topic_ids(&self) -> bool {
        self.topic_ids != Question::None
    }

    /// Whether nothing that waits for an id began to after the question.
    pub(super) fn topic_ids_are_asked(&self) -> bool {
        self.topic_ids == Question::Asked
    }

    /// The topics to ask for now.
    pub(super) fn ask_topic_ids(&mut self) -> Vec<String> {
        let topics = self.topics_without_id();
        self.topic_ids = if topics.is_empty() { Question::None } else { Question::Asked };
        topics
    }

    /// The answer has been noted; what it left open is to be asked again.
    pub(super) fn topic_ids_answered(&mut self) {
        let is_known = !self.assigned().any(Partition::awaits_topic_id);
        self.topic_ids = if is_known { Question::None } else { Question::Open };
    }

    /// Notes the id of a topic for those of its partitions that wait for it.
    pub(super) fn note_topic_id(&mut self, topic: &str, id: &str) {
        let id: Arc<str> = id.into();
        for partition in self.assigned_mut() {
            if partition.topic_name == topic && partition.awaits_topic_id() {
                partition.topic_id = Some(Arc::clone(&id));
            }
        }
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
    use crate::base::ids::{MachineIdx, PipelineIdx};
    use crate::shard::outbox::{BilledRange, EncodeSums, SumsRecord};

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

    #[derive(Debug)]
    struct Nothing;

    impl EncodeSums for Nothing {
        fn encode(&self, _: &BilledRange<'_>) -> SumsRecord {
            SumsRecord::default()
        }
    }

    fn options(sums: bool) -> Options {
        let mut options = Options::new(PipelineIdx(0), MachineIdx(0));
        options.topics = vec!["a".to_owned(), "b".to_owned()];
        options.billing_sums = sums.then(|| Arc::new(Nothing) as Arc<dyn EncodeSums>);
        options
    }

    fn known(partitions: &Partitions) -> Vec<Option<&str>> {
        partitions.list.iter().map(|partition| partition.topic_id.as_deref()).collect()
    }

    #[test]
    fn a_source_that_writes_records_waits_for_no_id() {
        let mut partitions = Partitions::default();
        partitions.assign(&options(false), "c", "a", 0);
        assert!(!partitions.wants_topic_ids() && !partitions.list[0].awaits_topic_id());
    }

    #[test]
    fn every_assignment_and_every_rewinding_asks_for_the_id() {
        let options = options(true);
        let mut partitions = Partitions::default();
        for (topic, number) in [("a", 0), ("a", 1), ("b", 0)] {
            partitions.assign(&options, "c", topic, number);
        }
        assert_eq!(partitions.ask_topic_ids(), ["a", "b"]);
        partitions.note_topic_id("a", "1");
        partitions.topic_ids_answered();
        assert_eq!(known(&partitions), [Some("1"), Some("1"), None]);
        assert_eq!(partitions.ask_topic_ids(), ["b"], "what was left open");
        partitions.note_topic_id("b", "2");
        partitions.topic_ids_answered();
        assert!(!partitions.wants_topic_ids());

        partitions.restart(1);
        assert_eq!(partitions.ask_topic_ids(), ["a"]);
        partitions.note_topic_id("a", "3");
        partitions.topic_ids_answered();
        assert_eq!(known(&partitions), [Some("1"), Some("3"), Some("2")]);

        partitions.revoke(&options, "a", 0);
        partitions.assign(&options, "c", "a", 0);
        assert!(partitions.list[0].awaits_topic_id(), "it may be another one by now");
    }

    #[test]
    fn an_answer_older_than_what_waits_for_it_says_nothing() {
        let options = options(true);
        let mut partitions = Partitions::default();
        partitions.assign(&options, "c", "a", 0);
        partitions.ask_topic_ids();
        assert!(partitions.topic_ids_are_asked());
        partitions.assign(&options, "c", "a", 1);
        assert!(!partitions.topic_ids_are_asked() && partitions.wants_topic_ids());
        assert_eq!(partitions.ask_topic_ids(), ["a"]);
        assert!(partitions.topic_ids_are_asked());
        // Revoked before the answer: nothing is left to be asked.
        partitions.revoke(&options, "a", 0);
        partitions.revoke(&options, "a", 1);
        partitions.topic_ids_answered();
        assert!(!partitions.wants_topic_ids());
    }
}
