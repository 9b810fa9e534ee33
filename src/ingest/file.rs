//! Events from a file of JSON lines, without Kafka: one line, one execution.
//!
//! Two threads: a reader that feeds the shards and may block on its input (a pipe, a terminal),
//! and the caller's, which writes what comes back. Results are written in the order of the lines;
//! the credits that bound what is in flight bound what waits for its turn, too.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::base::ids::{MachineIdx, Origin, PipelineIdx};
use crate::base::limits::PAYLOAD_BYTES_MAX;
use crate::shard::outbox::{LaneReceiver, Outcome, OutcomeBatch};
use crate::shard::{Start, Status};

use super::dead_letter::DeadLetterClass;
use super::error::Error;
use super::identity::{FILE_TOPIC, IdentityPrefix, push_default_name};
use super::port::{Router, ShardPort, origin_slot};

/// What a file source needs to know.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// Index of the pipeline.
    pub pipeline: PipelineIdx,
    /// Configured name; part of the execution identity.
    pub pipeline_name: String,
    /// Machine that runs the events.
    pub machine: MachineIdx,
    /// Its ARN; part of the execution identity.
    pub machine_arn: String,
    /// The file's name as the user wrote it, `-` for stdin; part of the execution identity.
    pub file_name: Vec<u8>,
    /// Number of this source among all sources of the process; names its lane.
    pub lane: u8,
    /// Events that one shard may hold.
    pub inflight_per_shard: u32,
}

/// Where a file source writes.
pub struct FileOutputs<'a> {
    /// Result values, one per line, in the order of the input lines.
    pub results: &'a mut dyn Write,
    /// Billing records, one per line, in the order in which executions end.
    pub billing: Option<&'a mut dyn Write>,
    /// Log events of the histories, one per line, those of an execution side by side.
    pub history: Option<&'a mut dyn Write>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// Executions that succeeded.
    pub succeeded: u64,
    /// Executions that failed or timed out.
    pub failed: u64,
    /// Lines that could not be run; they have no result line.
    pub rejected: u64,
    /// Empty lines.
    pub skipped: u64,
    /// Log events that found no room in the history of their execution.
    pub events_left_out: u64,
}

/// Runs every line of `input` and returns when all have ended, or `stop` is set and what runs has
/// ended. `on_rejected` hears line number (from 0), class and cause of each line that cannot run.
///
/// # Errors
/// When reading or writing fails, or a shard is gone.
pub fn run_file(
    options: &FileOptions,
    ports: Vec<ShardPort>,
    lane: &LaneReceiver,
    input: Box<dyn Read + Send>,
    outputs: FileOutputs<'_>,
    stop: &Arc<AtomicBool>,
    on_rejected: &mut dyn FnMut(u64, &str, &str),
) -> Result<FileReport, Error> {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            router: Router::new(ports, options.inflight_per_shard),
            refused: Vec::new(),
            in_flight: 0,
            skipped: Vec::new(),
            reader: Reader::Reading,
        }),
        room: Condvar::new(),
    });
    let reader = Arc::clone(&shared);
    let (reader_options, reader_stop) = (options.clone(), Arc::clone(stop));
    // Not joined: it may be blocked in a read that never returns when we are told to stop.
    std::thread::Builder::new()
        .name(format!("read-{}", options.lane))
        .spawn(move || {
            let end = feed(&reader_options, &reader, input, &reader_stop);
            reader.lock().reader = Reader::Ended(end);
        })
        .map_err(Error::Thread)?;
    let mut writer =
        Writer { outputs, report: FileReport::default(), next_line: 0, waiting: BTreeMap::new() };
    loop {
        let batch = lane.next_within(POLL).unwrap_or_default();
        let mut state = shared.lock();
        for (line, class, cause) in std::mem::take(&mut state.refused) {
            on_rejected(line, class.as_str(), &cause);
            writer.reject(line)?;
        }
        for line in std::mem::take(&mut state.skipped) {
            writer.report.skipped += 1;
            writer.pass(line)?;
        }
        let is_over = batch.is_none()
            && state.in_flight == 0
            && (matches!(state.reader, Reader::Ended(_)) || stop.load(Ordering::SeqCst));
        if is_over {
            let end = std::mem::replace(&mut state.reader, Reader::Reading);
            // A reader that is still blocked must not keep the shards' inboxes open.
            state.router = Router::new(Vec::new(), 1);
            drop(state);
            writer.flush()?;
            if let Reader::Ended(Err(error)) = end {
                return Err(error);
            }
            return Ok(writer.report);
        }
        if let Some(batch) = batch {
            let count = batch.outcomes.len();
            state.router.give_back(batch.shard, count);
            state.in_flight -= count as u64;
            drop(state);
            shared.room.notify_one();
            writer.write(&batch, on_rejected)?;
            lane.recycle(batch);
        }
    }
}

/// What reader and writer share; each holds it for the length of a batch at most.
struct Shared {
    state: Mutex<State>,
    room: Condvar,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

struct State {
    router: Router,
    /// Lines that the reader could not start.
    refused: Vec<(u64, DeadLetterClass, String)>,
    in_flight: u64,
    /// Empty lines.
    skipped: Vec<u64>,
    reader: Reader,
}

enum Reader {
    Reading,
    Ended(Result<(), Error>),
}

/// Reads to the end and starts every line.
fn feed(
    options: &FileOptions,
    shared: &Shared,
    input: Box<dyn Read + Send>,
    stop: &AtomicBool,
) -> Result<(), Error> {
    let identity =
        IdentityPrefix::of_file(&options.pipeline_name, &options.machine_arn, &options.file_name);
    let mut reader = BufReader::with_capacity(READ_BYTES, input);
    let mut line = Vec::new();
    // Every line gets a number, every number an end: a result, a refusal, or nothing to run.
    let mut number = 0;
    while !stop.load(Ordering::SeqCst) {
        line.clear();
        let mut length = read_line(&mut reader, &mut line)
            .map_err(|source| Error::File { what: "cannot read the input".into(), source })?;
        if length == 0 {
            break;
        }
        if number == 0 && line.starts_with(BYTE_ORDER_MARK) {
            // Written by editors on Windows, part of no event.
            line.drain(..BYTE_ORDER_MARK.len());
            length -= BYTE_ORDER_MARK.len();
        }
        let mut state = shared.lock();
        if line.iter().all(u8::is_ascii_whitespace) {
            state.skipped.push(number);
        } else if line.len() > PAYLOAD_BYTES_MAX {
            let cause = format!("the line has {length} bytes, the limit is {PAYLOAD_BYTES_MAX}");
            state.refused.push((number, DeadLetterClass::TooLarge, cause));
        } else {
            while !state.router.has_room()? {
                if stop.load(Ordering::SeqCst) {
                    // What stands in the open batch was counted and will not run.
                    state.in_flight -= state.router.take_open().len() as u64;
                    return Ok(());
                }
                state = match shared.room.wait_timeout(state, POLL) {
                    Ok((state, _)) => state,
                    Err(poisoned) => poisoned.into_inner().0,
                };
            }
            push(options, &mut state.router, &identity, number, &line);
            state.in_flight += 1;
        }
        number += 1;
        // Nothing complete is left in the buffer: what comes next may take long.
        if memchr::memchr(b'\n', reader.buffer()).is_none() {
            hand_over(shared, state)?;
        }
    }
    hand_over(shared, shared.lock())
}

/// Hands the open batch over, waiting while the shard's inbox is full.
fn hand_over<'a>(
    shared: &'a Shared,
    mut state: std::sync::MutexGuard<'a, State>,
) -> Result<(), Error> {
    while !state.router.hand_over()? && !state.router.is_empty() {
        state = match shared.room.wait_timeout(state, POLL) {
            Ok((state, _)) => state,
            Err(poisoned) => poisoned.into_inner().0,
        };
    }
    Ok(())
}

fn push(
    options: &FileOptions,
    router: &mut Router,
    identity: &IdentityPrefix,
    number: u64,
    line: &[u8],
) {
    let offset = number as i64;
    router.push(|bytes| {
        let name_start = bytes.len() as u32;
        push_default_name(bytes, FILE_TOPIC, 0, offset);
        let input_start = bytes.len() as u32;
        bytes.extend_from_slice(line);
        Start {
            origin: Origin {
                pipeline: options.pipeline,
                topic: 0,
                partition: 0,
                offset,
                slot: origin_slot(options.lane, 0),
                epoch: 0,
            },
            machine: options.machine,
            suffix: identity.line_suffix(offset, line),
            traceparent: None,
            tracestate: 0..0,
            name: name_start..input_start,
            input: input_start..bytes.len() as u32,
        }
    });
}

/// Reads one line without its end, keeping at most one byte more than an event and a byte order mark
/// may have; returns its whole length with its end, 0 at the end of the input.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    let mut length = 0;
    loop {
        let buffer = match reader.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = memchr::memchr(b'\n', buffer);
        let used = end.map_or(buffer.len(), |end| end + 1);
        let text = &buffer[..end.unwrap_or(used)];
        let room = LINE_BYTES_KEPT.saturating_sub(line.len());
        line.extend_from_slice(&text[..text.len().min(room)]);
        reader.consume(used);
        length += used;
        if end.is_some() || used == 0 {
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Ok(length);
        }
    }
}

/// Writes results in the order of their lines.
struct Writer<'a> {
    outputs: FileOutputs<'a>,
    report: FileReport,
    next_line: u64,
    /// Results of lines that come before their turn; `None` for lines without a result.
    waiting: BTreeMap<u64, Option<Vec<u8>>>,
}

impl Writer<'_> {
    fn write(
        &mut self,
        batch: &OutcomeBatch,
        on_rejected: &mut dyn FnMut(u64, &str, &str),
    ) -> Result<(), Error> {
        for outcome in &batch.outcomes {
            let line = outcome.origin().offset as u64;
            match outcome {
                Outcome::Settled(settled) => {
                    match settled.status {
                        Status::Succeeded => self.report.succeeded += 1,
                        Status::Failed | Status::TimedOut => self.report.failed += 1,
                    }
                    if let Some(billing) = &mut self.outputs.billing {
                        write_line(*billing, batch.slice(settled.billing), "billing records")?;
                    }
                    if let Some(history) = &mut self.outputs.history {
                        for event in batch.log_events(settled.history) {
                            write_line(*history, batch.slice(*event), "the history")?;
                        }
                        self.report.events_left_out += u64::from(settled.history.left_out);
                    }
                    if line == self.next_line {
                        let value = batch.slice(settled.value);
                        write_line(self.outputs.results, value, "results")?;
                        self.next_line += 1;
                        self.catch_up()?;
                    } else {
                        let value = batch.slice(settled.value).to_vec();
                        self.waiting.insert(line, Some(value));
                    }
                }
                Outcome::Rejected(rejected) => {
                    on_rejected(line, rejected.class, batch.text(rejected.cause));
                    self.reject(line)?;
                }
            }
        }
        self.flush()
    }

    fn reject(&mut self, line: u64) -> Result<(), Error> {
        self.report.rejected += 1;
        self.pass(line)
    }

    /// A line without a result: those behind it need not wait for it.
    fn pass(&mut self, line: u64) -> Result<(), Error> {
        self.waiting.insert(line, None);
        self.catch_up()
    }

    fn catch_up(&mut self) -> Result<(), Error> {
        while let Some(value) = self.waiting.remove(&self.next_line) {
            if let Some(value) = value {
                write_line(self.outputs.results, &value, "results")?;
            }
            self.next_line += 1;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let results = self.outputs.results.flush();
        results.map_err(|source| cannot_write("results", source))?;
        if let Some(billing) = &mut self.outputs.billing {
            let billing = billing.flush();
            billing.map_err(|source| cannot_write("billing records", source))?;
        }
        if let Some(history) = &mut self.outputs.history {
            let history = history.flush();
            history.map_err(|source| cannot_write("the history", source))?;
        }
        Ok(())
    }
}

fn write_line(out: &mut dyn Write, line: &[u8], what: &str) -> Result<(), Error> {
    out.write_all(line)
        .and_then(|()| out.write_all(b"\n"))
        .map_err(|source| cannot_write(what, source))
}

fn cannot_write(what: &str, source: io::Error) -> Error {
    Error::File { what: format!("cannot write {what}"), source }
}

/// How often a waiting side looks again when nobody tells it.
const POLL: Duration = Duration::from_millis(20);
/// What a file may begin with to say that it is UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const LINE_BYTES_KEPT: usize = BYTE_ORDER_MARK.len() + PAYLOAD_BYTES_MAX + 1;
const READ_BYTES: usize = 256 * 1_024;
