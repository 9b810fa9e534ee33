//! The process log: tracing to stderr, as text for people or JSON for collectors.
//!
//! A line that would come over and over is held back: of each place in the code only so many lines
//! are written in ten seconds, and then how many were not. Lines are written by a thread of their
//! own ([`writer`]), so that nobody who logs waits for whoever reads.

mod writer;

use std::collections::HashMap;
use std::fmt::Debug;
use std::io::{IsTerminal, Write as _};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber, warn};
use tracing_subscriber::layer::{Context, Filter, Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, registry};

use self::writer::Writer;
use crate::base::tally::SharedCounts;
use crate::config::{Log, LogFormat};

/// Starts logging; the second call of a process does nothing.
///
/// # Errors
/// When the filter cannot be read, or the system refuses a thread.
pub fn start(log: &Log) -> Result<(), String> {
    let filter = EnvFilter::try_new(&log.level)
        .map_err(|error| format!("log.level \"{}\": {error}", log.level))?;
    let is_terminal = std::io::stderr().is_terminal();
    let text = match log.format {
        LogFormat::Auto => is_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let no_thread = |error| format!("cannot start a thread: {error}");
    let dropped = SharedCounts::default();
    let writer = Writer::start(std::io::stderr(), dropped.clone()).map_err(no_thread)?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer.clone())
        .with_ansi(is_terminal && std::env::var_os("NO_COLOR").is_none());
    let limit = RateLimit::new(log.burst, WINDOW);
    let counts = Arc::clone(&limit.0);
    // A subscriber that is already there belongs to whoever embeds us.
    let started = if text {
        registry().with(filter).with(lines.with_filter(limit)).try_init()
    } else {
        let lines = lines.json().flatten_event(true);
        registry().with(filter).with(lines.with_filter(limit)).try_init()
    };
    if started.is_ok() && PROCESS.set(Process { counts, writer, dropped }).is_ok() {
        // Ends with the process: it only waits.
        let thread = std::thread::Builder::new().name("log".to_owned());
        let mut told = 0;
        let tell = move || loop {
            std::thread::sleep(WINDOW);
            let Some(process) = PROCESS.get() else { continue };
            process.tell_held_back();
            process.tell_dropped(&mut told);
        };
        thread.spawn(tell).map_err(no_thread)?;
    }
    Ok(())
}

/// Lines that were dropped so far because nobody read stderr fast enough: one count.
pub fn dropped() -> SharedCounts<1> {
    PROCESS.get().map(|process| process.dropped.clone()).unwrap_or_default()
}

/// Writes text for people to stderr, in its turn among the lines of the log; as a line of it, it is
/// dropped and counted where it finds no room.
pub fn say(text: &str) {
    match PROCESS.get() {
        _ if text.is_empty() => {}
        Some(process) => process.writer.push(text.as_bytes()),
        None => write_directly(text),
    }
}

/// Says what is still to be said of lines held back, then writes `last_words` to stderr behind
/// everything that was logged. To be called once, at the end of the process: what nobody reads within
/// two seconds is lost.
pub fn end(last_words: &str) {
    let Some(process) = PROCESS.get() else { return write_directly(last_words) };
    process.tell_held_back();
    process.writer.finish(last_words.as_bytes(), END_LIMIT);
}

/// Writes to stderr before there is a log. Nothing is left to tell when stderr itself is gone.
fn write_directly(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// The process's own log.
struct Process {
    counts: Arc<Counts>,
    writer: Writer,
    dropped: SharedCounts<1>,
}

impl Process {
    /// Says how many lines were held back since this was said last.
    fn tell_held_back(&self) {
        for HeldBack { place, line, level, count } in self.counts.take_held_back() {
            warn!(target: TARGET, place, line, %level, count, "more lines like this were held back");
        }
    }

    /// Says how many lines were dropped beyond those `told` before.
    fn tell_dropped(&self, told: &mut u64) {
        let [total] = self.dropped.get();
        let count = total - *told;
        if count > 0 {
            warn!(target: TARGET, count, total, "log lines were dropped: stderr is not read fast enough");
            // A line that found no room itself is said again, and so is one beside which others found
            // none: rather a line counted twice than one that nobody is told of.
            if self.dropped.get() == [total] {
                *told = total;
            }
        }
    }
}

static PROCESS: OnceLock<Process> = OnceLock::new();

/// Lets so many lines of each place in the code through in each window of time. Who asks for debug
/// or trace lines wants all of them.
struct RateLimit(Arc<Counts>);

struct Counts {
    burst: u32,
    window: Duration,
    places: Mutex<HashMap<Identifier, Place>>,
}

/// A place in the code that writes lines.
struct Place {
    name: &'static str,
    level: Level,
    since: Instant,
    written: u32,
    held_back: u64,
    /// Message of the first line held back since this was told of.
    line: String,
}

/// Lines of one place that were not written.
struct HeldBack {
    place: &'static str,
    line: String,
    level: Level,
    count: u64,
}

/// Takes the message of a line, cut to [`LINE_CHARS_MAX`].
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let text = format!("{value:?}");
            self.0 = text.chars().take(LINE_CHARS_MAX).collect();
        }
    }
}

impl RateLimit {
    /// `burst` lines in each `window`; 0 is no limit.
    fn new(burst: u32, window: Duration) -> Self {
        Self(Arc::new(Counts { burst, window, places: Mutex::default() }))
    }
}

impl Counts {
    fn lets_through(&self, event: &Event<'_>) -> bool {
        let place = event.metadata();
        if self.burst == 0 || *place.level() > Level::INFO || place.target() == TARGET {
            return true;
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let place = places.entry(place.callsite()).or_insert_with(|| Place {
            name: place.name(),
            level: *place.level(),
            since: now,
            written: 0,
            held_back: 0,
            line: String::new(),
        });
        if now.duration_since(place.since) >= self.window {
            (place.since, place.written) = (now, 0);
        }
        let lets_through = place.written < self.burst;
        place.written = place.written.saturating_add(1);
        if !lets_through {
            if place.held_back == 0 {
                let mut message = Message::default();
                event.record(&mut message);
                place.line = message.0;
            }
            place.held_back += 1;
        }
        lets_through
    }

    /// Takes what was held back since it was asked last.
    fn take_held_back(&self) -> Vec<HeldBack> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let take = |place: &mut Place| {
            let count = std::mem::take(&mut place.held_back);
            let (place, line, level) = (place.name, std::mem::take(&mut place.line), place.level);
            (count > 0).then_some(HeldBack { place, line, level, count })
        };
        places.values_mut().filter_map(take).collect()
    }
}

impl<S: Subscriber> Filter<S> for RateLimit {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.0.lets_through(event)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        None
    }
}

/// Target of our own lines, which are not held back.
const TARGET: &str = "expressway::log";
/// Of the message of a line held back, so much is told: some messages are texts of others.
const LINE_CHARS_MAX: usize = 200;
const WINDOW: Duration = Duration::from_secs(10);
/// How long the end of the process waits for whoever reads the log.
const END_LIMIT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::io;

    use tracing::info;

    use super::*;

    #[derive(Clone, Default)]
    struct Sheet(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sheet {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Lines that `logs` writes, as JSON, and what was held back.
    fn logged(
        burst: u32,
        window: Duration,
        logs: impl FnOnce(),
    ) -> (Vec<String>, Vec<(String, u64)>) {
        let sheet = Sheet::default();
        let writer = sheet.clone();
        let limit = RateLimit::new(burst, window);
        let counts = Arc::clone(&limit.0);
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(move || writer.clone())
            .json()
            .flatten_event(true);
        let subscriber = registry().with(lines.with_filter(limit));
        tracing::subscriber::with_default(subscriber, logs);
        let text = String::from_utf8(sheet.0.lock().unwrap().clone()).unwrap();
        let held_back = counts.take_held_back().into_iter().map(|one| (one.line, one.count));
        let held_back = held_back.collect();
        assert!(counts.take_held_back().is_empty(), "it is told once");
        (text.lines().map(str::to_owned).collect(), held_back)
    }

    const LONG: Duration = Duration::from_hours(1);

    #[test]
    fn a_line_is_one_json_object_with_its_fields() {
        let (lines, _) = logged(1, LONG, || warn!(topic = "t\"", attempts = 3, "not delivered"));
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "not delivered");
        assert_eq!((&line["topic"], &line["attempts"]), (&"t\"".into(), &3.into()));
        assert!(line["timestamp"].is_string() && line["target"].is_string());
    }

    #[test]
    fn lines_of_one_place_are_held_back_and_counted_others_are_not() {
        let (lines, held_back) = logged(10, LONG, || {
            for number in 0..50 {
                warn!(number, "over and over");
            }
            info!("once");
        });
        assert_eq!((lines.len(), held_back), (11, vec![("over and over".to_owned(), 40)]));
        assert!(lines[10].contains("once"));
    }

    #[test]
    fn what_is_held_back_is_named_by_its_message_in_short() {
        let long = "é".repeat(1_000);
        let (_, held_back) = logged(1, LONG, || (0..3).for_each(|_| warn!(number = 1, "{long}")));
        assert_eq!(held_back, [("é".repeat(200), 2)]);
    }

    #[test]
    fn a_new_window_lets_lines_through_again() {
        let (lines, held_back) =
            logged(1, Duration::ZERO, || (0..5).for_each(|number| warn!(number)));
        assert_eq!((lines.len(), held_back.len()), (5, 0));
    }

    #[test]
    fn no_limit_and_debug_lines_hold_nothing_back() {
        let (lines, _) = logged(0, LONG, || (0..50).for_each(|number| warn!(number)));
        assert_eq!(lines.len(), 50);
        let (lines, _) = logged(1, LONG, || (0..50).for_each(|number| tracing::debug!(number)));
        assert_eq!(lines.len(), 50);
    }
}
