//! Starting and stopping: machines, then shards, then sources, then the admin port; and back.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tracing::{error, info, warn};

use super::build::BUILD;
use super::flows;
use super::health::health;
use super::history;
use super::logging;
use super::machines::Machines;
use super::metered::Metered;
use super::prices;
use super::programs;
use super::spans;
use super::traces::Keeping;
use crate::base::ids::{PipelineIdx, ShardId};
use crate::base::tally::{self, RunReader, ShardReader, SharedCounts, TaskReader};
use crate::config::{self, METRICS_UPKEEP, Pipeline, Settings};
use crate::http::{Admin, Condition, Server};
use crate::ingest::{self, GroupProtocol, MissingTopic, OffsetReset, ShardPort};
use crate::metrics::{self, Metrics, Rare, Upkeep};
use crate::outcome::{Cards, Collector, PipelineCard, SumsText};
use crate::registry;
use crate::shard::outbox::{BillingMode, LaneReceiver, LaneSender, lane};
use crate::shard::{Limits, runtime};
use crate::task::Tasks;
use crate::vm::{self, Sampling};

/// Why the service cannot start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A definition is refused.
    #[error(transparent)]
    Definition(#[from] registry::Error),
    /// Two pipelines call different definitions by one name.
    #[error(
        "pipelines `{first}` and `{second}` both run a state machine named `{name}`, from different definitions; give one of them another `state_machine`"
    )]
    TwoMachinesOneName {
        /// The name.
        name: String,
        /// The pipeline that came first.
        first: String,
        /// The other.
        second: String,
    },
    /// A setting that only shows when it is used.
    #[error("{0}")]
    Settings(String),
    /// A source cannot start or had to stop.
    #[error("pipeline `{pipeline}`: {source}")]
    Source {
        /// Its pipeline.
        pipeline: String,
        /// Why.
        source: Box<ingest::Error>,
    },
    /// Several pipelines have topics that are not on the cluster.
    #[error("{}", no_such_topics(pipelines, servers))]
    NoSuchTopics {
        /// The pipelines, each with its missing topics.
        pipelines: Vec<(String, Vec<MissingTopic>)>,
        /// The configured servers.
        servers: String,
    },
    /// A shard thread has ended by itself, which is a fault of ours; its log says more.
    #[error("a shard thread has ended unasked; what it held runs again after a restart")]
    ShardGone,
    /// The admin port cannot be opened.
    #[error(
        "cannot listen on {address} for the admin port: {source}; set http.listen to a free address or to \"off\""
    )]
    Admin {
        /// The configured address.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// The shard threads with the ways to them.
#[derive(Debug)]
pub struct Shards {
    handles: Vec<runtime::Handle>,
    readers: Vec<ShardReader>,
    task_readers: Vec<TaskReader>,
    run_readers: Vec<RunReader>,
    keeping: Option<Keeping>,
    exporter: Option<spans::Exporter>,
    span_counts: SharedCounts<3>,
}

impl Shards {
    /// Starts the shard threads; `lanes` are those of all sources, by their number.
    ///
    /// # Errors
    /// [`Error`] when a thread cannot be started.
    pub fn start(
        settings: &Settings,
        machines: &Machines,
        lanes: &[LaneSender],
    ) -> Result<Self, Error> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let count = settings.shards.threads(cores);
        let pipelines: Vec<_> = settings.pipelines.iter().map(pipeline_card).collect();
        let cards = Arc::new(Cards::new(&machines.cards, &pipelines));
        let keeping = Keeping::new(&settings.traces, &machines.cards);
        let sampling = keeping.as_ref().map_or(Sampling::NONE, Keeping::sampling);
        let span_counts = SharedCounts::default();
        let exporter =
            spans::Exporter::of(settings, &machines.cards, &pipelines, span_counts.clone())?;
        let mut shards = Self {
            handles: vec![],
            readers: vec![],
            task_readers: vec![],
            run_readers: vec![],
            keeping,
            exporter,
            span_counts,
        };
        for shard in 0..count {
            let shard_id = ShardId(shard as u16);
            let (tally, reader) = tally::shard(machines.images.len());
            let (task_tally, task_reader) = tally::tasks(machines.images.len());
            shards.readers.push(reader);
            shards.task_readers.push(task_reader);
            let per_state = programs::per_state(settings.metrics.per_state);
            let (runs, run_reader) = tally::runs(&machines.shapes(), per_state);
            shards.run_readers.push(run_reader);
            let tasks = settings
                .http_tasks(count)
                .map_err(|error| Error::Settings(format!("task.http.allow: {error}")))?;
            let options = runtime::Options {
                shard: shard_id,
                machines: machines.images.clone(),
                runs,
                recordings: machines.cards.iter().map(|card| card.logging).collect(),
                limits: Limits {
                    history: settings.traces.record_all && shards.keeping.is_some(),
                    sampling,
                    ..shard_limits(settings, count)
                },
                inbox_batches: inbox_batches(settings),
                core: settings.shards.pinned_core(shard, count, cores),
            };
            let cards = Arc::clone(&cards);
            let lanes = lanes.to_vec();
            let definition_bytes = machines.definition_bytes();
            let told = shards.exporter.as_ref().map(spans::Exporter::recorder);
            let tracer = shards.keeping.as_ref().map(|keeping| keeping.tracer(&machines.cards));
            shards.handles.push(runtime::Handle::spawn(options, move |completions| {
                let collector = Collector::new(shard_id, cards, lanes);
                let settle = Metered::new(collector, tally, definition_bytes)
                    .with_tracer(tracer)
                    .with_spans(told);
                (settle, Tasks::new(tasks, completions, task_tally))
            })?);
        }
        Ok(shards)
    }

    /// A source's ways to all shards.
    pub fn ports(&self) -> Vec<ShardPort> {
        self.handles
            .iter()
            .map(|handle| {
                let bell = handle.bell();
                ShardPort {
                    starts: handle.starts(),
                    spares: handle.spares(),
                    wake: Box::new(move || bell.ring()),
                }
            })
            .collect()
    }

    /// Number of shards.
    pub fn len(&self) -> usize {
        self.handles.len()
    }

    /// Whether there is none, which never holds once started.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// Ends all threads; what is still open is dropped. Returns how many executions that were. Spans
    /// that wait are sent first, as far as that goes in two seconds.
    pub fn abandon(self) -> usize {
        let abandoned = self.handles.into_iter().map(|handle| handle.abandon().abandoned).sum();
        if let Some(exporter) = self.exporter {
            exporter.stop(spans::STOP_LIMIT);
        }
        abandoned
    }
}

/// A running service.
#[derive(Debug)]
pub struct Service {
    shards: Shards,
    sources: Vec<(String, ingest::Handle)>,
    admin: Option<Server>,
    /// Kept for its thread, which empties histograms that nobody scrapes.
    _upkeep: Upkeep,
    consuming: Condition,
}

/// How a service ended.
#[derive(Debug, Default)]
pub struct Report {
    /// Input records finished.
    pub finished: u64,
    /// Executions that did not end within the drain timeout; uncommitted, so they run again.
    pub dropped: u64,
    /// The first source that had to stop, and why.
    pub error: Option<Error>,
}

impl Service {
    /// Starts everything; returns once the sources are connected and about to consume.
    ///
    /// # Errors
    /// [`Error`] for the first part that cannot start; what had started is stopped again.
    pub fn start(settings: &Settings) -> Result<Self, Error> {
        let machines = Machines::load(settings)?;
        machines.warnings().log();
        let lane_count = settings.pipelines.len() * usize::from(settings.shards.io_threads);
        if lane_count > usize::from(u8::MAX) {
            return Err(Error::Settings(format!(
                "{lane_count} sources (pipelines times shards.io_threads) are more than the {} of one process",
                u8::MAX
            )));
        }
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..lane_count).map(|_| lane(LANE_BATCHES)).unzip();
        let rare = metrics::rare();
        machines.compile_times.iter().for_each(|took| rare.compiled(*took));
        let upkeep = Upkeep::start(Arc::clone(&rare), METRICS_UPKEEP)?;
        let shards = Shards::start(settings, &machines, &senders)?;
        drop(senders);
        let sources = match start_sources(settings, &machines, &shards, receivers) {
            Ok(sources) => sources,
            Err(error) => {
                shards.abandon();
                return Err(error);
            }
        };
        let consuming = Condition::failing("sources are starting");
        let mut service = Self { shards, sources, admin: None, _upkeep: upkeep, consuming };
        if let Err(error) = service.open_admin(settings, &machines, rare) {
            service.stop();
            return Err(error);
        }
        service.consuming.hold();
        info!(
            shards = service.shards.len(),
            sources = service.sources.len(),
            machines = machines.images.len(),
            "service is up"
        );
        Ok(service)
    }

    fn open_admin(
        &mut self,
        settings: &Settings,
        machines: &Machines,
        rare: Arc<Rare>,
    ) -> Result<(), Error> {
        let Some(address) = settings.http.listen.address() else { return Ok(()) };
        let options = self.metrics_options(settings, machines)?;
        let health = health(self.shards.readers.clone(), self.counters(), &self.consuming);
        let checks = health.clone();
        let metrics = Metrics::new(options, Arc::clone(&rare), move || {
            let checks = checks.ready().iter();
            checks.map(|check| (check.name(), check.ask().is_ok())).collect()
        });
        let admin = Admin {
            scrape: Arc::new(move |out: &mut Vec<u8>| metrics.scrape(out)),
            health,
            executions: self.shards.keeping.clone().map(|keeping| Arc::new(keeping) as _),
            observe: Arc::new(move |route, method, code, duration| {
                rare.requested(route, method.as_str(), code, duration);
            }),
        };
        let server =
            Server::start(address, admin).map_err(|source| Error::Admin { address, source })?;
        info!(address = %server.address(), "admin port is open");
        self.admin = Some(server);
        Ok(())
    }

    /// What `/metrics` shows.
    fn metrics_options(
        &self,
        settings: &Settings,
        machines: &Machines,
    ) -> Result<metrics::Options, Error> {
        let per_pipeline = usize::from(settings.shards.io_threads);
        let flow = |(index, (_, handle)): (usize, &(String, ingest::Handle))| {
            let pipeline = &settings.pipelines[index / per_pipeline];
            let sinks = [
                pipeline.result_topic.clone(),
                pipeline.failure_topic.clone(),
                pipeline.billing_topic.clone(),
                pipeline.dead_letter_topic.clone(),
                history::sink(pipeline).topic().unwrap_or_default().to_owned(),
            ];
            let machine = machines.by_pipeline[index / per_pipeline];
            let flow = flows::flow(&pipeline.topics, sinks, machine, handle.counters());
            Arc::new(flow) as Arc<dyn metrics::Flow>
        };
        Ok(metrics::Options {
            machines: machines.labels.clone(),
            shards: self.shards.readers.clone(),
            tasks: self.shards.task_readers.clone(),
            runs: self.shards.run_readers.clone(),
            programs: machines
                .images
                .iter()
                .map(|image| programs::labels(&image.program))
                .collect(),
            per_state: programs::per_state(settings.metrics.per_state),
            sampled: self
                .shards
                .keeping
                .clone()
                .map(|keeping| Arc::new(move || keeping.sampled()) as Arc<metrics::Sampled>),
            flows: self.sources.iter().enumerate().map(flow).collect(),
            inbox_batches: inbox_batches(settings) as u64,
            open_executions_max: u64::from(settings.limits.open_executions),
            tasks_in_flight_max: u64::from(settings.task.http.calls_per_shard)
                * self.shards.len() as u64,
            state_machines_max: settings.metrics.state_machines_max as usize,
            prices: prices::shown(settings)?,
            build: BUILD,
            // Settings are read once, right before the start.
            configured_at: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs(),
            log_dropped: logging::dropped(),
            spans: self.shards.span_counts.clone(),
        })
    }

    /// Whether a source or a shard has ended, which none does unasked unless it had to.
    pub fn has_failed(&self) -> bool {
        self.sources.iter().any(|(_, handle)| handle.is_finished())
            || self.shards.handles.iter().any(runtime::Handle::is_finished)
    }

    /// Where the admin port listens.
    pub fn admin_address(&self) -> Option<std::net::SocketAddr> {
        self.admin.as_ref().map(Server::address)
    }

    /// Counters of all sources, with the name of their pipeline.
    pub fn counters(&self) -> Vec<(String, Arc<ingest::Counters>)> {
        self.sources.iter().map(|(name, handle)| (name.clone(), handle.counters())).collect()
    }

    /// Hot counters of all shards.
    pub fn readers(&self) -> &[ShardReader] {
        &self.shards.readers
    }

    /// Stops intake, lets open executions end within the drain timeout, flushes, commits, leaves
    /// the groups and ends all threads.
    pub fn stop(self) -> Report {
        self.consuming.fail("the service is stopping");
        let shard_is_gone = self.shards.handles.iter().any(runtime::Handle::is_finished);
        for (_, source) in &self.sources {
            source.stop();
        }
        let mut report = Report::default();
        for (pipeline, source) in self.sources {
            let ended = source.join();
            report.finished += ended.finished;
            report.dropped += ended.dropped;
            if let Some(source) = ended.error {
                error!(pipeline, error = %source, "source stopped");
                let source = Box::new(source);
                report.error.get_or_insert(Error::Source { pipeline, source });
            }
        }
        if shard_is_gone {
            report.error.get_or_insert(Error::ShardGone);
        }
        self.shards.abandon();
        if let Some(admin) = self.admin {
            admin.stop(ADMIN_STOP);
        }
        info!(finished = report.finished, dropped = report.dropped, "service has stopped");
        report
    }
}

/// What one of `count` shards may hold and do.
fn shard_limits(settings: &Settings, count: usize) -> Limits {
    let limits = &settings.limits;
    Limits {
        open_max: (limits.open_executions as usize).div_ceil(count),
        execution: vm::Limits {
            map_concurrency_max: limits.map_concurrency,
            distributed_concurrency_max: limits.distributed_concurrency,
            held_bytes_max: limits.execution_bytes as usize,
            history_bytes_max: limits.history_bytes as usize,
            ..vm::Limits::default()
        },
        spans: spans::sampled(settings),
        ..Limits::default()
    }
}

/// Connects all sources before any starts: none runs if another cannot.
fn start_sources(
    settings: &Settings,
    machines: &Machines,
    shards: &Shards,
    receivers: Vec<LaneReceiver>,
) -> Result<Vec<(String, ingest::Handle)>, Error> {
    let mut sources: Vec<(String, ingest::Handle)> = Vec::new();
    for (name, connected) in connect_sources(settings, machines, shards, receivers)? {
        match connected.start() {
            Ok(handle) => sources.push((name, handle)),
            Err(source) => {
                for (_, started) in sources {
                    started.stop();
                    started.join();
                }
                return Err(Error::Source { pipeline: name, source: Box::new(source) });
            }
        }
    }
    Ok(sources)
}

/// Connects the sources of all pipelines; topics that are missing are told for all of them at once.
fn connect_sources(
    settings: &Settings,
    machines: &Machines,
    shards: &Shards,
    receivers: Vec<LaneReceiver>,
) -> Result<Vec<(String, ingest::Pipeline)>, Error> {
    let mut sources = Vec::new();
    let mut lacking: Vec<(String, Vec<MissingTopic>)> = Vec::new();
    let lanes_total = receivers.len();
    for (lane, receiver) in receivers.into_iter().enumerate() {
        let index = lane / usize::from(settings.shards.io_threads);
        let pipeline = &settings.pipelines[index];
        let mut options = source_options(settings, pipeline, index, machines);
        options.lane = lane as u8;
        options.inflight_per_shard = (settings.limits.open_executions as usize)
            .div_ceil(shards.len() * lanes_total)
            .clamp(1, INFLIGHT_MAX) as u32;
        let name = pipeline.name.clone();
        if lacking.last().is_some_and(|(known, _)| *known == name) {
            // Another I/O thread's source of the same topics.
            continue;
        }
        match ingest::Pipeline::connect(options, shards.ports(), receiver) {
            Ok(connected) => sources.push((name, connected)),
            Err(ingest::Error::NoSuchTopics { missing, .. }) => lacking.push((name, missing)),
            // What is missing would not be found by trying again later; it is what is returned.
            Err(error) if !lacking.is_empty() => {
                warn!(pipeline = name, error = %error, "a source cannot start");
                break;
            }
            Err(source) => {
                return Err(Error::Source { pipeline: name, source: Box::new(source) });
            }
        }
    }
    let servers = settings.kafka.bootstrap_servers();
    if lacking.len() > 1 {
        return Err(Error::NoSuchTopics { pipelines: lacking, servers });
    }
    match lacking.pop() {
        None => Ok(sources),
        Some((pipeline, missing)) => {
            let source = Box::new(ingest::Error::NoSuchTopics { missing, servers });
            Err(Error::Source { pipeline, source })
        }
    }
}

fn no_such_topics(pipelines: &[(String, Vec<MissingTopic>)], servers: &str) -> String {
    let of_one = |(pipeline, missing): &(String, Vec<MissingTopic>)| {
        let names: Vec<_> = missing.iter().map(MissingTopic::to_string).collect();
        format!("pipeline `{pipeline}`: {}", names.join(", "))
    };
    let all: Vec<_> = pipelines.iter().map(of_one).collect();
    format!(
        "topics do not exist on `{servers}`; create them, or correct the configuration: {}",
        all.join("; ")
    )
}

fn source_options(
    settings: &Settings,
    pipeline: &Pipeline,
    index: usize,
    machines: &Machines,
) -> ingest::Options {
    let machine = machines.by_pipeline[index];
    let card = &machines.cards[usize::from(machine.0)];
    let arn = &card.arn;
    let [mut client_settings, consumer_settings, producer_settings] = settings.kafka.properties();
    client_settings.push(("client.id".to_owned(), settings.kafka.client_id.clone()));
    ingest::Options {
        pipeline_name: pipeline.name.clone(),
        machine_arn: arn.as_str().to_owned(),
        bootstrap_servers: settings.kafka.bootstrap_servers(),
        group: pipeline.group.clone(),
        group_protocol: match settings.kafka.group_protocol {
            config::GroupProtocol::Consumer => GroupProtocol::Consumer,
            config::GroupProtocol::Classic => GroupProtocol::Classic,
        },
        auto_offset_reset: match pipeline.start_offset {
            config::StartOffset::Earliest => OffsetReset::Earliest,
            config::StartOffset::Latest => OffsetReset::Latest,
        },
        topics: pipeline.topics.clone(),
        result_topic: pipeline.result_topic.clone(),
        failure_topic: pipeline.failure_topic.clone(),
        billing_topic: pipeline.billing_topic.clone(),
        billing_mode: billing_mode(pipeline),
        billing_source: arn.event_source(),
        billing_subject: arn.account().to_owned(),
        billing_sums: match pipeline.billing_per {
            config::BillingPer::Execution => None,
            config::BillingPer::Minute => {
                Some(Arc::new(SumsText::new(card.clone(), pipeline_card(pipeline))))
            }
        },
        history: history::sink(pipeline),
        dead_letter_topic: pipeline.dead_letter_topic.clone(),
        uncommitted_per_partition: settings.limits.uncommitted_per_partition as usize,
        drain_timeout: settings.drain_timeout,
        connect_timeout: settings.kafka.connect_timeout,
        client_settings,
        consumer_settings,
        producer_settings,
        ..ingest::Options::new(PipelineIdx(index as u16), machine)
    }
}

fn pipeline_card(pipeline: &Pipeline) -> PipelineCard {
    PipelineCard {
        name: pipeline.name.clone(),
        topics: pipeline.topics.clone(),
        billing_mode: billing_mode(pipeline),
    }
}

fn billing_mode(pipeline: &Pipeline) -> BillingMode {
    match pipeline.billing_mode {
        config::BillingMode::Structured => BillingMode::Structured,
        config::BillingMode::Binary => BillingMode::Binary,
    }
}

/// Batches that fit into a shard's inbox.
fn inbox_batches(settings: &Settings) -> usize {
    (settings.shards.inbox_records as usize).div_ceil(BATCH_STARTS)
}

/// Events in a batch of a source; see `ingest::port`.
const BATCH_STARTS: usize = 256;
/// Batches of outcomes that may wait for a source.
pub const LANE_BATCHES: usize = 64;
/// A source's slots are 24 bits wide.
const INFLIGHT_MAX: usize = 1 << 20;
const ADMIN_STOP: Duration = Duration::from_secs(2);
