//! The log's own writer: lines wait in a bounded queue for the thread that writes them.
//!
//! Whoever logs never waits for whoever reads the log. A full pipe at the other end would otherwise
//! stop the thread that has something to say, and that may be a shard. A line that finds no room is
//! dropped and counted. Nothing is known here of levels and formats: a line is bytes.
//!
//! `tracing-appender` does the same, but says on stderr that a flush was late, which is what blocks
//! when stderr is the pipe that nobody reads.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, bounded};
use tracing_subscriber::fmt::MakeWriter;

use crate::base::tally::SharedCounts;

/// The way into the queue; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: Sender<Message>,
    waiting_bytes: Arc<AtomicUsize>,
    dropped: SharedCounts<1>,
}

enum Message {
    Line(Box<[u8]>),
    /// Answered when everything before it has been written.
    Flush(Sender<()>),
}

impl Writer {
    /// Starts the thread, which ends with the process or with the last writer. Lines that are
    /// dropped are counted in `dropped`.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn start(
        out: impl Write + Send + 'static,
        dropped: SharedCounts<1>,
    ) -> io::Result<Self> {
        let (queue, lines) = bounded(LINES_MAX);
        let writer = Self { queue, waiting_bytes: Arc::default(), dropped };
        let (bytes, dropped) = (Arc::clone(&writer.waiting_bytes), writer.dropped.clone());
        std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || write_all(&lines, out, &bytes, &dropped))?;
        Ok(writer)
    }

    /// Puts a line into the queue, if there is room.
    pub(super) fn push(&self, line: &[u8]) {
        let before = self.waiting_bytes.fetch_add(line.len(), Ordering::Relaxed);
        let has_room = before + line.len() <= WAITING_BYTES_MAX;
        if !has_room || self.queue.try_send(Message::Line(line.into())).is_err() {
            self.waiting_bytes.fetch_sub(line.len(), Ordering::Relaxed);
            self.dropped.add(0, 1);
        }
    }

    /// Writes `text` behind everything that was logged so far, and waits for that, `limit` at most.
    /// Returns whether it came so far.
    pub(super) fn finish(&self, text: &[u8], limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let (written, is_written) = bounded(1);
        let send = |message| self.queue.send_deadline(message, deadline).is_ok();
        self.waiting_bytes.fetch_add(text.len(), Ordering::Relaxed);
        if !text.is_empty() && !send(Message::Line(text.into())) {
            self.waiting_bytes.fetch_sub(text.len(), Ordering::Relaxed);
            return false;
        }
        send(Message::Flush(written)) && is_written.recv_deadline(deadline).is_ok()
    }
}

fn write_all(
    lines: &Receiver<Message>,
    mut out: impl Write,
    waiting_bytes: &AtomicUsize,
    dropped: &SharedCounts<1>,
) {
    for message in lines {
        match message {
            Message::Line(line) => {
                if out.write_all(&line).is_err() {
                    dropped.add(0, 1);
                }
                waiting_bytes.fetch_sub(line.len(), Ordering::Relaxed);
            }
            Message::Flush(written) => {
                // Of a stderr that is gone nobody expects anything, nor of who no longer waits.
                let _ = out.flush();
                let _ = written.try_send(());
            }
        }
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Writer {
    /// Takes a whole line, which is what the formatter hands over.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lines that may wait.
const LINES_MAX: usize = 8_192;
/// What they may hold together.
const WAITING_BYTES_MAX: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A reader that takes nothing until it is let.
    struct Gate {
        open: Receiver<()>,
        sheet: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gate {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            // Stays open once the other end is gone.
            let _ = self.open.recv();
            self.sheet.lock().unwrap().extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (Writer, Sender<()>, Arc<Mutex<Vec<u8>>>, SharedCounts<1>) {
        let (opener, open) = bounded(0);
        let sheet = Arc::default();
        let dropped = SharedCounts::default();
        let gate = Gate { open, sheet: Arc::clone(&sheet) };
        (Writer::start(gate, dropped.clone()).unwrap(), opener, sheet, dropped)
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn lines_come_out_whole_and_in_order_when_it_ends() {
        let (writer, opener, sheet, dropped) = gated();
        drop(opener);
        let mut expected = String::new();
        for number in 0..100 {
            let (text, mut line) = (format!("{number}\n"), &writer);
            line.write_all(text.as_bytes()).unwrap();
            expected.push_str(&text);
        }
        assert!(writer.finish(b"end", LONG));
        let text = String::from_utf8(sheet.lock().unwrap().clone()).unwrap();
        assert_eq!(text, expected + "end");
        assert_eq!(dropped.get(), [0]);
    }

    #[test]
    fn what_nobody_reads_is_dropped_and_counted_and_does_not_hold_up_the_end() {
        let (writer, opener, sheet, dropped) = gated();
        writer.push(b"x");
        let began = Instant::now();
        while !writer.queue.is_empty() {
            assert!(began.elapsed() < LONG, "the thread takes the first line");
            std::thread::yield_now();
        }
        (0..LINES_MAX + 1_000).for_each(|_| writer.push(b"x"));
        assert_eq!(dropped.get(), [1_000]);
        assert!(!writer.finish(b"end", Duration::from_millis(50)));
        assert!(began.elapsed() < LONG);
        drop(opener);
        assert!(writer.finish(b"", LONG));
        assert_eq!(sheet.lock().unwrap().len(), 1 + LINES_MAX);
    }

    #[test]
    fn long_lines_are_bounded_by_their_bytes() {
        let (writer, opener, sheet, dropped) = gated();
        let line = vec![b'x'; WAITING_BYTES_MAX / 4];
        for _ in 0..6 {
            writer.push(&line);
        }
        assert_eq!(dropped.get(), [2]);
        drop(opener);
        assert!(writer.finish(b"", LONG));
        assert_eq!(sheet.lock().unwrap().len(), WAITING_BYTES_MAX);
        writer.push(&line);
        assert!(writer.finish(b"", LONG));
        assert_eq!((dropped.get(), writer.waiting_bytes.load(Ordering::Relaxed)), ([2], 0));
    }

    #[test]
    fn what_cannot_be_written_is_counted() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let dropped = SharedCounts::default();
        let writer = Writer::start(Gone, dropped.clone()).unwrap();
        writer.push(b"x");
        assert!(writer.finish(b"", LONG));
        assert_eq!(dropped.get()[0], 1);
    }
}
