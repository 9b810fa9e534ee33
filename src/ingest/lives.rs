//! Which topic of a name the sums are about: a topic that is deleted and created again begins at
//! offset 0 again, and its ranges must not pass for those of the former one.
//!
//! The cluster is asked for a topic's id whenever a partition is taken on, before its first record
//! is read, and when a partition was rewound under us. The answer takes a round trip, for which the
//! source waits, but not for long: where nobody tells an id, the cluster's own takes its place. Sources
//! that write a record for each execution ask nothing.

use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;
use tracing::{debug, warn};

use super::error::Error;
use super::io_thread::IoThread;
use super::topic_id::TopicId;

/// The question for topic ids.
#[derive(Debug, Default)]
pub(super) struct Lives {
    /// One is under way.
    is_asked: bool,
    /// Something waits for an id; by then it gets the cluster's.
    give_up_at: Option<Instant>,
    /// The last answer left something open: not before this.
    ask_after: Option<Instant>,
}

impl IoThread {
    /// Asks for the ids of what has just been assigned, and waits until each has one or a stand-in.
    pub(super) fn learn_topic_ids(&mut self) -> Result<(), Error> {
        (self.lives.ask_after, self.lives.give_up_at) = (None, None);
        self.follow_topic_ids();
        while self.books.partitions.wants_topic_ids() {
            self.finish_turn()?;
            self.follow_topic_ids();
        }
        Ok(())
    }

    /// Takes an answer that has come, asks what is to be asked, gives up what has waited for too
    /// long. Never waits.
    pub(super) fn follow_topic_ids(&mut self) {
        let Some(ids) = &self.consumer.topic_ids else { return };
        if self.lives.is_asked
            && let Some(answer) = ids.answer()
        {
            self.note_answer(answer);
        }
        // The clock is read only where something is open.
        if !self.books.partitions.wants_topic_ids() {
            return;
        }
        let now = Instant::now();
        if *self.lives.give_up_at.get_or_insert(now + ANSWERS_WITHIN) <= now {
            self.stand_in();
        } else if !self.lives.is_asked && self.lives.ask_after.is_none_or(|after| after <= now) {
            self.ask();
            self.lives.ask_after = Some(now + ASK_AGAIN);
        }
    }

    fn ask(&mut self) {
        let topics = self.books.partitions.ask_topic_ids();
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        if let Some(ids) = &self.consumer.topic_ids {
            self.lives.is_asked = !topics.is_empty() && ids.ask(&topics, ANSWER_TIMEOUT_MS);
        }
    }

    fn note_answer(&mut self, answer: Result<Vec<TopicId>, RDKafkaErrorCode>) {
        self.lives.is_asked = false;
        if !self.books.partitions.topic_ids_are_asked() {
            // Something was assigned or rewound after the question: the answer may be older.
            self.lives.ask_after = None;
            return;
        }
        match answer {
            Ok(topics) => topics.into_iter().for_each(|told| self.note_topic_id(told)),
            // What has no such request has no ids.
            Err(RDKafkaErrorCode::UnsupportedFeature | RDKafkaErrorCode::UnsupportedVersion) => {
                self.note_cluster_id();
            }
            Err(code) => debug!(pipeline = self.options.pipeline_name, %code, "no topic ids"),
        }
        self.books.partitions.topic_ids_answered();
        if !self.books.partitions.wants_topic_ids() {
            (self.lives.ask_after, self.lives.give_up_at) = (None, None);
        } else if let Some(ids) = &mut self.consumer.topic_ids {
            // It does not answer, or has not heard of the topic yet.
            ids.ask_another();
        }
    }

    fn note_topic_id(&mut self, TopicId { topic, id }: TopicId) {
        let pipeline = &self.options.pipeline_name;
        match id {
            Ok(id) => {
                let id = id.as_ref().unwrap_or(&self.cluster_id);
                debug!(pipeline, topic, id, "topic id");
                self.books.partitions.note_topic_id(&topic, id);
            }
            Err(code) => debug!(pipeline, topic, %code, "no topic id"),
        }
    }

    fn stand_in(&mut self) {
        let topics = self.books.partitions.topics_without_id();
        warn!(
            pipeline = self.options.pipeline_name,
            topics = topics.join(", "),
            "no broker tells the topic's id; sums have the cluster's in its place, so a topic that is \
             deleted and created again will pass for the former one"
        );
        self.note_cluster_id();
        self.books.partitions.topic_ids_answered();
        (self.lives.ask_after, self.lives.give_up_at) = (None, None);
    }

    fn note_cluster_id(&mut self) {
        for topic in self.books.partitions.topics_without_id() {
            self.books.partitions.note_topic_id(&topic, &self.cluster_id);
        }
    }
}

/// How long a source waits for ids; they come with the next round trip to a broker.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);
/// Of one broker; there is time to ask another one.
const ANSWER_TIMEOUT_MS: i32 = 1_000;
const ASK_AGAIN: Duration = Duration::from_millis(100);
