//! The service that the workflows call: answers any request with the same object.
//!
//! It knows nothing of workflows. How quickly and how reliably it answers is set from outside, so
//! that what a dashboard shows of calls is more than a straight line.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Clone)]
pub(crate) struct Manners {
    /// Milliseconds that an answer takes.
    pub(crate) takes_ms: Range<u64>,
    /// One answer in so many is a 503, 0 for none.
    pub(crate) one_failure_in: u64,
}

/// Starts it on a free port of loopback, which is returned; it ends with the test's process.
pub(crate) fn start(manners: Manners) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    let port = listener.local_addr().expect("a bound address").port();
    let accept = move || {
        for stream in listener.incoming().flatten() {
            let manners = manners.clone();
            named("connection", move || {
                answer(&stream, &manners);
            });
        }
    };
    named("called-service", accept);
    port
}

/// A thread that nobody waits for.
fn named(name: &str, work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(work).expect("a thread");
}

/// Answers requests until the connection is closed.
fn answer(stream: &TcpStream, manners: &Manners) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.is_empty() {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        let drawn = draw();
        let span = manners.takes_ms.end - manners.takes_ms.start;
        if span > 0 {
            std::thread::sleep(Duration::from_millis(manners.takes_ms.start + drawn % span));
        }
        let fails =
            manners.one_failure_in > 0 && (drawn >> 20).is_multiple_of(manners.one_failure_in);
        let status = if fails { "503 Service Unavailable" } else { "200 OK" };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}",
            BODY.len()
        );
        writer.write_all(answer.as_bytes()).ok()?;
    }
}

/// The next number of a fixed sequence that looks like chance (splitmix64).
fn draw() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(0);
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut z = STATE.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What the example definitions look for in answers.
const BODY: &str = r#"{"reservation":"r-1","score":12,"reasons":[],"chargeId":"ch-1","at":"now"}"#;
