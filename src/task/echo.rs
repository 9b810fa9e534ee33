//! A small HTTP server on loopback that answers with what it was sent: for the demo and for tests.
//!
//! Every path and method is answered with `{"method","path","query","headers","body"}`. The query may
//! ask for more: `delay_ms=N` answers later (at most a minute), `status=N` with another status,
//! `bytes=N` with a text of that length (at most 4 MiB).

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A running server; dropping it ends it and its connections.
#[derive(Debug)]
pub struct EchoServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EchoServer {
    /// Listens on a free loopback port, on a thread of its own.
    pub fn start() -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("echo".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(listener) else {
                    return;
                };
                let server = axum::serve(listener, Router::new().fallback(echo));
                // Ends with the runtime, open connections included: nobody waits for an echo.
                tokio::select! {
                    _ = server.into_future() => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its own thread.
            let _ = thread.join();
        }
    }
}

async fn echo(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let query = uri.query().unwrap_or_default();
    let asked = |name: &str| -> Option<u64> {
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    };
    if let Some(delay_ms) = asked("delay_ms") {
        tokio::time::sleep(Duration::from_millis(delay_ms.min(DELAY_MS_MAX))).await;
    }
    let status = asked("status")
        .and_then(|code| StatusCode::from_u16(code.try_into().ok()?).ok())
        .unwrap_or(StatusCode::OK);
    if let Some(bytes) = asked("bytes") {
        let length = usize::try_from(bytes).map_or(BYTES_MAX, |bytes| bytes.min(BYTES_MAX));
        return (status, "x".repeat(length)).into_response();
    }
    let sent: Map<String, Value> = headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value.into())
        })
        .collect();
    let body = serde_json::from_slice::<Value>(&body)
        .unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned().into());
    let answer = json!({
        "method": method.as_str(),
        "path": uri.path(),
        "query": query,
        "headers": sent,
        "body": body,
    });
    let json = [(header::CONTENT_TYPE, "application/json")];
    (status, json, answer.to_string()).into_response()
}

const DELAY_MS_MAX: u64 = 60_000;
const BYTES_MAX: usize = 4 << 20;
