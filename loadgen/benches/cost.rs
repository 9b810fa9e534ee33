//! What sending, reading and checking costs, beside a loop that makes the same calls of librdkafka
//! with the same settings and does nothing else: no due times, no payload, no ledger.
//!
//! ```sh
//! cargo bench -p expressway-loadgen --bench cost -- --brokers 127.0.0.1:9092 --topic orders \
//!     --result-topic results --billing-topic billing --seconds 50
//! ```
//!
//! A pipeline that answers every event with a result and a bill must be running there. Without
//! `--rate` the generator first looks for the highest rate that the pipeline sustains, and what is
//! measured is just below it: that is the load at which a costly generator would spoil a result.
//! Generator and loop are processes of their own and take turns; what counts is the least of
//! several rounds and the ratio within them, since processors are rarely alone.

#[expect(dead_code, reason = "the generator uses what the loop does not need")]
#[path = "../src/batching.rs"]
mod batching;
#[expect(dead_code, reason = "the generator uses what the loop does not need")]
#[path = "../src/librdkafka.rs"]
mod librdkafka;
#[path = "../src/punctual.rs"]
mod punctual;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Parser;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::producer::{BaseProducer, DefaultProducerContext};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use batching::Batching;
use librdkafka::{Inbox, Outbox, Record};

/// Holds the generator against a bare loop.
#[derive(Debug, Parser)]
struct Args {
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
    /// Brokers to start from; nothing is measured without.
    #[arg(long)]
    brokers: Option<String>,
    /// Topic the events are sent to.
    #[arg(long, default_value = "orders")]
    topic: String,
    /// Topic where results appear.
    #[arg(long, default_value = "results")]
    result_topic: String,
    /// Topic where bills appear.
    #[arg(long, default_value = "billing")]
    billing_topic: String,
    /// Events per second; without, just below the highest rate that the pipeline sustains.
    #[arg(long)]
    rate: Option<u32>,
    /// Length of a run.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Runs of each.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Be the loop: run once and print one line of JSON.
    #[arg(long, hide = true)]
    bare: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut out = std::io::stdout().lock();
    let Some(brokers) = &args.brokers else {
        writeln!(out, "cost: nothing to measure without --brokers")?;
        return Ok(());
    };
    if args.bare {
        let rate = args.rate.context("the loop needs --rate")?;
        let (records, seconds) = Bare::connect(&args, brokers, rate)?.run(&args, rate)?;
        writeln!(out, "{}", serde_json::json!({ "records": records, "seconds": seconds }))?;
        return Ok(());
    }
    let rate = match args.rate {
        Some(rate) => rate,
        None => sustained_rate(&args, brokers)?,
    };
    writeln!(out, "processor time per record sent or read, at {rate} events a second")?;
    writeln!(
        out,
        "{:>7}{:>16}{:>12}{:>8}{:>9}{:>11}",
        "round", "generator us", "bare us", "ratio", "late", "p99 ms"
    )?;
    let mut least = (f64::INFINITY, f64::INFINITY);
    for round in 1..=args.rounds {
        let Run { us_per_record: generator, late, p99_ms } = generator(&args, brokers, rate)?;
        let bare = bare(&args, brokers, rate)?;
        least = (least.0.min(generator), least.1.min(bare));
        let ratio = generator / bare;
        writeln!(
            out,
            "{round:>7}{generator:>16.2}{bare:>12.2}{ratio:>8.2}{:>7.2} %{p99_ms:>11.1}",
            late * 100.0
        )?;
    }
    let (generator, bare) = least;
    writeln!(out, "{:>7}{generator:>16.2}{bare:>12.2}{:>8.2}", "least", generator / bare)?;
    Ok(())
}

/// What the generator says of a run.
struct Run {
    us_per_record: f64,
    /// Share of its ticks that were late.
    late: f64,
    /// From due time to result.
    p99_ms: f64,
}

/// Runs the generator once.
fn generator(args: &Args, brokers: &str, rate: u32) -> Result<Run> {
    let duration = format!("{}s", args.seconds);
    let flags = ["--rate", &rate.to_string(), "--duration", &duration, "--warmup", "1s"];
    let report = report(args, brokers, &flags)?;
    let outcomes = &report["outcomes"];
    ensure!(
        outcomes["lost"] == 0 && outcomes["wrong"] == 0,
        "the pipeline does not answer rightly: {outcomes}"
    );
    Ok(Run {
        us_per_record: number(&report["cpu"]["us_per_record"])?,
        late: number(&report["generator"]["late_share"])?,
        p99_ms: number(&report["latency_ms"]["p99"])?,
    })
}

/// Looks for the highest rate that the pipeline sustains; returns what is below it by the
/// precision of the search, so that every round can be sustained.
fn sustained_rate(args: &Args, brokers: &str) -> Result<u32> {
    let flags = ["--find-max", "--max-p99-ms", "100", "--rate", "20000", "--duration", "10s"];
    let found = report(args, brokers, &flags)?;
    Ok((number(&found["max_rate"])? * (1.0 - number(&found["precision"])?)) as u32)
}

/// Runs the generator with these flags; returns its report.
fn report(args: &Args, brokers: &str, flags: &[&str]) -> Result<serde_json::Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_expressway-loadgen"))
        .args(["--brokers", brokers, "--topic", &args.topic])
        .args(["--result-topic", &args.result_topic, "--billing-topic", &args.billing_topic])
        .args(flags)
        .args(["--progress", "never", "--json"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run the generator")?;
    serde_json::from_slice(&output.stdout).context("the generator printed no report")
}

fn number(value: &serde_json::Value) -> Result<f64> {
    value.as_f64().ok_or_else(|| anyhow!("a figure is missing in the generator's report"))
}

/// Runs the loop in a process of its own; returns its microseconds per record.
fn bare(args: &Args, brokers: &str, rate: u32) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--bare", "--brokers", brokers, "--topic", &args.topic])
        .args(["--result-topic", &args.result_topic, "--billing-topic", &args.billing_topic])
        .args(["--rate", &rate.to_string(), "--seconds", &args.seconds.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run the loop")?;
    let told: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("the loop printed nothing")?;
    match (told["records"].as_f64(), told["seconds"].as_f64()) {
        (Some(records), Some(seconds)) if records > 0.0 => Ok(seconds * 1e6 / records),
        _ => Err(anyhow!("the loop told no figures: {told}")),
    }
}

/// The same calls of librdkafka, and nothing else.
struct Bare {
    inbox: Inbox<DefaultConsumerContext>,
    outbox: Outbox<DefaultProducerContext>,
    read: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Bare {
    fn connect(args: &Args, brokers: &str, rate: u32) -> Result<Self> {
        let batching = Batching::for_rate(f64::from(rate));
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", brokers)
            .set("group.id", "expressway-loadgen-unused")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("fetch.queue.backoff.ms", "5")
            .set("queued.min.messages", "100000");
        batching.of_reading(&mut config);
        let consumer: BaseConsumer = config.create()?;
        let inbox = Inbox::new(consumer, 256);
        let mut assignment = TopicPartitionList::new();
        for topic in [&args.result_topic, &args.billing_topic] {
            let metadata = inbox.consumer().fetch_metadata(Some(topic), ANSWER_MAX)?;
            let partitions = metadata.topics().first().map_or(0, |found| found.partitions().len());
            for partition in 0..partitions as i32 {
                let (_, end) = inbox.consumer().fetch_watermarks(topic, partition, ANSWER_MAX)?;
                ensure!(inbox.forward(topic, partition), "{topic} is no name of a topic");
                assignment.add_partition_offset(topic, partition, Offset::Offset(end))?;
            }
        }
        inbox.consumer().assign(&assignment)?;
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", brokers)
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("batch.size", "1000000")
            .set("partitioner", "murmur2_random")
            .set("queue.buffering.max.messages", "200000");
        batching.of_sending(&mut config);
        let producer: BaseProducer = config.create()?;
        let outbox = Outbox::new(producer, &args.topic).context("no name of a topic")?;
        // The handshake for idempotence, as the generator waits for it.
        std::thread::sleep(Duration::from_millis(750));
        Ok(Self { inbox, outbox, read: Arc::default(), stop: Arc::default() })
    }

    /// Returns how many records were sent and read, and the processor time that took.
    fn run(self, args: &Args, rate: u32) -> Result<(u64, f64)> {
        let Self { inbox, outbox, read, stop } = self;
        let count = u64::from(rate) * u64::from(args.seconds);
        let before = cpu_seconds()?;
        let (counted, stopped) = (Arc::clone(&read), Arc::clone(&stop));
        let result_topic = args.result_topic.clone();
        let reading = std::thread::Builder::new()
            .name("read".to_owned())
            .spawn(move || receive(inbox, &result_topic, &counted, &stopped))?;
        send(&outbox, count, f64::from(rate));
        let deadline = Instant::now() + DRAIN_MAX;
        while (read.load(Ordering::Relaxed) < 2 * count || outbox.in_flight() > 0)
            && Instant::now() < deadline
        {
            while outbox.serve(drop) {}
            std::thread::sleep(Duration::from_millis(10));
        }
        // As long as the generator goes on to read, in case something comes twice.
        std::thread::sleep(Duration::from_millis(250));
        stop.store(true, Ordering::Relaxed);
        reading.join().map_err(|_| anyhow!("the reading thread failed"))?;
        let records = count + read.load(Ordering::Relaxed);
        Ok((records, cpu_seconds()? - before))
    }
}

/// Reads until told to stop.
fn receive(
    mut inbox: Inbox<DefaultConsumerContext>,
    result_topic: &str,
    read: &AtomicU64,
    stop: &AtomicBool,
) {
    let mut results = None;
    while !stop.load(Ordering::Relaxed) {
        inbox.fill(Duration::from_millis(20));
        for message in inbox.drain() {
            if results.is_none() && message.topic() == result_topic {
                results = Some(message.topic_tag());
            }
            // Results are recognised by a header, bills by their key.
            if results == Some(message.topic_tag()) {
                std::hint::black_box(message.headers().count());
            }
            read.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends what is due, millisecond by millisecond.
fn send(outbox: &Outbox<DefaultProducerContext>, count: u64, rate: f64) {
    punctual::ask();
    let (keys, values) = (keys(), values());
    let stamp = [b'0'; 58];
    let start = Instant::now();
    let mut sent = 0;
    while sent < count {
        let elapsed = start.elapsed();
        let due = count.min((elapsed.as_secs_f64() * rate) as u64);
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        while sent < due {
            let record = Record {
                key: Some(keys[sent as usize % keys.len()].as_bytes()),
                value: &values[sent as usize % values.len()],
                header: (c"loadgen-stamp", &stamp),
                timestamp_ms: since_epoch.as_millis() as i64,
                tag: sent as usize,
            };
            if outbox.send(&record).is_err() {
                break;
            }
            sent += 1;
        }
        while outbox.serve(drop) {}
        let next = Duration::from_millis(elapsed.as_millis() as u64 + 1);
        std::thread::sleep(next.saturating_sub(start.elapsed()));
    }
}

fn keys() -> Vec<String> {
    (0..1_024).map(|key| format!("key-{key:010}")).collect()
}

/// As long as the generator's events, and as little for the service's compressor to find.
fn values() -> Vec<[u8; 256]> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut letter = || {
        // Xorshift: any letters will do.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b'a' + (state >> 60) as u8
    };
    let value = |_| {
        let mut value = [0; 256];
        value.fill_with(&mut letter);
        // A JSON text, should the pipeline read it.
        value[0] = b'"';
        value[255] = b'"';
        value
    };
    (0..64).map(value).collect()
}

/// User and system time of this process, all threads.
fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_ascii_whitespace().skip(11).take(2);
    Ok(ticks.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0)
}

const ANSWER_MAX: Duration = Duration::from_secs(10);
const DRAIN_MAX: Duration = Duration::from_secs(20);
