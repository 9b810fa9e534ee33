//! Which topic of a name the sums are about: a topic that is deleted and created again begins at
//! offset 0 again, and its ranges must not pass for those of the former one.
//!
//! The cluster is asked for a topic's id whenever a partition is taken on, before its first record
//! is read, and when a partition was rewound under us. The answer takes a round trip; what it is
//! about waits for it, and everything else does not, except that a rebalance holds intake up for a
//! moment. Where the cluster knows no ids its own id takes their place. Sources that write a record
//! for each execution ask nothing.

use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;
use tracing::{debug, warn};

use super::error::Error;
use super::io_thread::IoThread;
use super::options::GroupProtocol;
use super::topic_id::TopicId;

/// The question for topic ids.
#[derive(Debug, Default)]
pub(super) struct Lives {
    /// One is under way.
    is_asked: bool,
    /// The last answer left something open: not before this.
    ask_after: Option<Instant>,
}

impl IoThread {
    /// Asks for the ids of what has just been assigned and waits for them, but not for ever: what
    /// is missing then is waited for by the records of its partitions.
    pub(super) fn learn_topic_ids(&mut self) -> Result<(), Error> {
        self.lives.ask_after = None;
        let deadline = Instant::now() + ANSWER_WAIT;
        self.follow_topic_ids();
        while self.books.partitions.wants_topic_ids() && Instant::now() < deadline {
            self.finish_turn()?;
            self.follow_topic_ids();
        }
        Ok(())
    }

    /// Takes an answer that has come, and asks what is to be asked. Never waits.
    pub(super) fn follow_topic_ids(&mut self) {
        let Some(ids) = &self.consumer.topic_ids else { return };
        if self.lives.is_asked {
            let Some(answer) = ids.answer() else { return };
            self.note_answer(answer);
        }
        // The clock is read only where something is to be asked.
        if !self.books.partitions.wants_topic_ids()
            || self.lives.ask_after.is_some_and(|after| after > Instant::now())
        {
            return;
        }
        let topics = self.books.partitions.ask_topic_ids();
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        if let Some(ids) = &self.consumer.topic_ids {
            self.lives.is_asked = !topics.is_empty() && ids.ask(&topics, ANSWER_TIMEOUT_MS);
        }
        self.lives.ask_after = Some(Instant::now() + ASK_AGAIN);
    }

    /// Before the last commit for partitions that are given up: a commit goes to the topic that has
    /// the name by now, and in one created anew it would skip the first records. Waits for the
    /// answer, but not for ever; without one the topic is taken for the same.
    pub(super) fn spare_later_topics(&mut self, places: &[(String, i32)]) -> Result<(), Error> {
        let mut topics: Vec<&str> = places.iter().map(|(topic, _)| topic.as_str()).collect();
        topics.sort_unstable();
        topics.dedup();
        if topics.is_empty() {
            return Ok(());
        }
        let deadline = Instant::now() + ANSWER_WAIT;
        let mut is_own = false;
        while Instant::now() < deadline {
            let Some(ids) = &self.consumer.topic_ids else { return Ok(()) };
            if !self.lives.is_asked {
                is_own = true;
                self.lives.is_asked = ids.ask(&topics, ANSWER_TIMEOUT_MS);
            }
            let Some(answer) = ids.answer() else {
                self.finish_turn()?;
                continue;
            };
            if !is_own {
                // To what was asked before.
                self.note_answer(answer);
                continue;
            }
            self.lives.is_asked = false;
            match answer {
                Ok(topics) => {
                    self.note_later_topics(topics);
                    return Ok(());
                }
                Err(_) => self.ask_another(),
            }
        }
        Ok(())
    }

    /// The client reads another topic from here on. A group of KIP-848 hands that one out anew, to
    /// be read from its beginning: until then nothing of the name is taken. A classic one does not,
    /// and what is fetched of the former one cannot be told from what comes after it; there offsets
    /// that begin again are the sign.
    pub(super) fn on_topic_changed(&mut self, topic: &str, id: &str) {
        if self.options.group_protocol == GroupProtocol::Consumer
            && self.books.partitions.end_of_topic(topic, Some(id))
        {
            warn!(topic, id, "the topic was deleted and created again");
        }
    }

    fn ask_another(&mut self) {
        if let Some(ids) = &mut self.consumer.topic_ids {
            ids.ask_another();
        }
    }

    fn note_later_topics(&mut self, topics: Vec<TopicId>) {
        for TopicId { topic, id } in topics {
            let id = match &id {
                Ok(id) => Some(id.as_deref().unwrap_or(&self.cluster_id)),
                Err(
                    RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopicId,
                ) => None,
                Err(_) => continue,
            };
            if self.books.partitions.end_of_topic(&topic, id) {
                warn!(topic, "the topic was deleted; its offsets are not committed");
            }
        }
    }

    fn note_answer(&mut self, answer: Result<Vec<TopicId>, RDKafkaErrorCode>) {
        self.lives.is_asked = false;
        if answer.is_err() {
            self.ask_another();
        }
        let partitions = &mut self.books.partitions;
        if !partitions.topic_ids_are_asked() {
            // Something was assigned or rewound after the question: the answer may be older.
            self.lives.ask_after = None;
            return;
        }
        match answer {
            Ok(topics) => {
                for TopicId { topic, id } in topics {
                    match id {
                        Ok(id) => {
                            let id = id.as_ref().unwrap_or(&self.cluster_id);
                            debug!(topic, id, "topic id");
                            partitions.note_topic_id(&topic, id);
                        }
                        Err(code) => warn!(topic, %code, "no topic id yet; its records wait"),
                    }
                }
            }
            // What has no such request has no ids.
            Err(RDKafkaErrorCode::UnsupportedFeature | RDKafkaErrorCode::UnsupportedVersion) => {
                for topic in partitions.topics_without_id() {
                    partitions.note_topic_id(&topic, &self.cluster_id);
                }
            }
            Err(code) => warn!(%code, "no topic ids yet; records wait"),
        }
        partitions.topic_ids_answered();
    }
}

/// How long a rebalance waits for ids at a time; they come with the next round trip to a broker.
const ANSWER_WAIT: Duration = Duration::from_secs(2);
const ANSWER_TIMEOUT_MS: i32 = 2_000;
const ASK_AGAIN: Duration = Duration::from_millis(500);
