//! Starting and stopping a Kafka source.

use std::collections::VecDeque;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::shard::outbox::{Bell, LaneReceiver};

use super::books::Books;
use super::consumer::Consumer;
use super::counters::Counters;
use super::error::Error;
use super::io_thread::IoThread;
use super::lives::Lives;
use super::options::Options;
use super::port::{Router, ShardPort};
use super::producer::Producer;

/// A Kafka source that is connected and yet to run.
pub struct Pipeline {
    options: Options,
    ports: Vec<ShardPort>,
    lane: LaneReceiver,
    counters: Arc<Counters>,
    cluster_id: String,
    consumer: Consumer,
    producer: Producer,
}

impl Debug for Pipeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // The options hold settings of the client, and so passwords.
        let Options { pipeline_name, lane, .. } = &self.options;
        f.debug_struct("Pipeline")
            .field("pipeline_name", pipeline_name)
            .field("lane", lane)
            .finish_non_exhaustive()
    }
}

impl Pipeline {
    /// Connects, and checks brokers and topics. It joins no group and reads nothing yet.
    ///
    /// `ports` are all shards, in the order of their numbers; `lane` is the one that stands at
    /// `options.lane` in every shard's collector.
    ///
    /// # Errors
    /// What can be known before the first record: no broker, one that is too old for the group
    /// protocol, no such topic, bad settings.
    pub fn connect(
        options: Options,
        ports: Vec<ShardPort>,
        lane: LaneReceiver,
    ) -> Result<Self, Error> {
        let bell = lane.bell();
        let counters = Arc::new(Counters::default());
        let mut consumer = Consumer::new(&options, &bell, &counters)?;
        let cluster_id = consumer.check_cluster(&options)?;
        let producer = Producer::new(&options, &bell, false, &counters)?;
        Ok(Self { options, ports, lane, counters, cluster_id, consumer, producer })
    }

    /// Starts the I/O thread, which joins the group.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(self) -> Result<Handle, Error> {
        let Self { options, ports, lane, counters, cluster_id, consumer, producer } = self;
        let bell = lane.bell();
        let stop = Arc::new(AtomicBool::new(false));
        let now = Instant::now();
        let name = format!("io-{}", options.lane);
        let thread = IoThread {
            router: Router::new(ports, options.inflight_per_shard),
            options,
            cluster_id,
            consumer,
            producer,
            solo: None,
            lane,
            bell: Arc::clone(&bell),
            books: Books::new(Arc::clone(&counters)),
            publishing: None,
            stop: Arc::clone(&stop),
            blocked_since: None,
            front_waits: false,
            last_commit: now,
            last_lags: now,
            commits_open: VecDeque::new(),
            lives: Lives::default(),
        };
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || thread.run())
            .map_err(Error::Thread)?;
        Ok(Handle { thread, stop, bell, counters })
    }
}

/// A running Kafka source.
#[derive(Debug)]
pub struct Handle {
    thread: JoinHandle<Report>,
    stop: Arc<AtomicBool>,
    bell: Arc<Bell>,
    counters: Arc<Counters>,
}

impl Handle {
    /// Begins the end: no more intake, running executions may end within the drain timeout, then
    /// flush, commit, leave the group. Shards must go on running until [`Handle::join`] returns.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.bell.ring();
    }

    /// Whether the source has ended, on request or by an error.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// What it counts.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Waits for the end.
    pub fn join(self) -> Report {
        self.thread.join().unwrap_or_else(|_| Report {
            dropped: self.counters.in_flight.get(),
            finished: self.counters.finished.get(),
            error: Some(Error::Client(rdkafka::error::KafkaError::Canceled)),
        })
    }
}

/// How a source ended.
#[derive(Debug)]
pub struct Report {
    /// Executions that did not end in time; uncommitted, so they run again.
    pub dropped: u64,
    /// Input records finished.
    pub finished: u64,
    /// Why it ended, if nobody asked.
    pub error: Option<Error>,
}
