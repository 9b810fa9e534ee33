//! The server: a listener, a few routes, a thread.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::executions::{self, Executions, LIST_ROUTE, ONE_PREFIX, ONE_ROUTE};
use super::{Check, Health};

/// Writes the metrics of the service in Prometheus text format.
pub trait Scrape: Send + Sync {
    /// Appends all families to `out`; called on the admin thread.
    fn scrape(&self, out: &mut Vec<u8>);
}

impl<F: Fn(&mut Vec<u8>) + Send + Sync> Scrape for F {
    fn scrape(&self, out: &mut Vec<u8>) {
        self(out);
    }
}

/// Told of every request: route (the template, or `other`), method, status code, duration.
pub type Observe = dyn Fn(&'static str, &Method, u16, Duration) + Send + Sync;

/// What the admin port shows.
#[derive(Clone)]
pub struct Admin {
    /// For `/metrics`.
    pub scrape: Arc<dyn Scrape>,
    /// For `/livez` and `/readyz`.
    pub health: Health,
    /// For `/api/v1/executions`; without it nothing is found there.
    pub executions: Option<Arc<dyn Executions>>,
    /// Told of every request.
    pub observe: Arc<Observe>,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("health", &self.health).finish_non_exhaustive()
    }
}

/// A running admin port; dropping it stops it at once.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<Duration>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on `address` (port 0: a free one) and serves from a thread of its own.
    pub fn start(address: SocketAddr, admin: Admin) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("admin".to_owned())
            .spawn(move || runtime.block_on(serve(listener, admin, stopped)))?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, lets open requests end within `deadline`, and closes the rest.
    pub fn stop(mut self, deadline: Duration) {
        self.stop_within(deadline);
    }

    fn stop_within(&mut self, deadline: Duration) {
        if let Some(stop) = self.stop.take() {
            // The thread has ended already when nobody receives it.
            let _ = stop.send(deadline);
        }
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its own thread.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop_within(Duration::ZERO);
    }
}

pub(super) struct Shared {
    pub(super) admin: Admin,
    /// Size of the last scrape, so that the next one grows its buffer once.
    scrape_bytes: AtomicUsize,
}

async fn serve(
    listener: std::net::TcpListener,
    admin: Admin,
    stopped: oneshot::Receiver<Duration>,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "admin port is closed: its socket cannot be used");
            return;
        }
    };
    let shared = Arc::new(Shared { admin, scrape_bytes: AtomicUsize::new(0) });
    let (close, closed) = oneshot::channel::<()>();
    let server = axum::serve(listener, routes(shared)).with_graceful_shutdown(async move {
        let _ = closed.await;
    });
    let mut server = std::pin::pin!(server.into_future());
    tokio::select! {
        // axum's server only ends when it is told to.
        _ = &mut server => {}
        deadline = stopped => {
            drop(close);
            let _ = tokio::time::timeout(deadline.unwrap_or_default(), server).await;
        }
    }
}

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route(LIST_ROUTE, get(executions::list))
        .route(ONE_ROUTE, get(executions::find))
        .fallback(nothing_here)
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), observe))
        .with_state(shared)
}

async fn observe(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let path = request.uri().path();
    // Unknown paths share a label: a scanner must not make series.
    let one = path.starts_with(ONE_PREFIX).then_some(ONE_ROUTE);
    let route = ROUTES.iter().find(|route| **route == path).copied().or(one).unwrap_or("other");
    let method = request.method().clone();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    (shared.admin.observe)(route, &method, status, started.elapsed());
    response
}

async fn index() -> &'static str {
    INDEX
}

async fn nothing_here() -> Response {
    (StatusCode::NOT_FOUND, INDEX).into_response()
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let last = shared.scrape_bytes.load(Ordering::Relaxed);
    let mut text = Vec::with_capacity(last + last / 8);
    shared.admin.scrape.scrape(&mut text);
    shared.scrape_bytes.store(text.len(), Ordering::Relaxed);
    ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response()
}

async fn livez(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    report(&uri, &[shared.admin.health.live()])
}

async fn readyz(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let health = &shared.admin.health;
    report(&uri, &[health.live(), health.ready()])
}

/// 200 or 503; the reasons as lines of text, or every check as JSON when `?verbose` asks for it.
fn report(uri: &Uri, checks: &[&[Check]]) -> Response {
    let asked: Vec<_> =
        checks.iter().copied().flatten().map(|check| (check.name(), check.ask())).collect();
    let ok = asked.iter().all(|(_, answer)| answer.is_ok());
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let verbose =
        uri.query().is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    if verbose {
        let checks: Vec<_> = asked
            .iter()
            .map(|(name, answer)| match answer {
                Ok(()) => json!({"name": name, "ok": true}),
                Err(reason) => json!({"name": name, "ok": false, "reason": reason}),
            })
            .collect();
        let body = json!({"ok": ok, "checks": checks}).to_string();
        return (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    }
    let reasons: Vec<_> = asked
        .iter()
        .filter_map(|(name, answer)| Some((name, answer.as_ref().err()?)))
        .map(|(name, reason)| format!("{name}: {reason}\n"))
        .collect();
    let body = if ok { "ok\n".to_owned() } else { reasons.concat() };
    (status, body).into_response()
}

const ROUTES: [&str; 5] = ["/", "/metrics", "/livez", "/readyz", LIST_ROUTE];

const INDEX: &str = "expressway

/metrics                  Prometheus text
/livez?verbose            is a restart needed? 200 or 503, with reasons
/readyz?verbose           is work done? 200 or 503, with reasons
/api/v1/executions        executions kept in memory: some of all, failed ones, slow ones
/api/v1/executions/ARN    one of them, event by event
";

const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::sync::Mutex;

    use super::super::{Condition, ExecutionQuery};
    use super::*;

    fn admin(health: Health) -> Admin {
        Admin {
            scrape: Arc::new(|out: &mut Vec<u8>| out.extend_from_slice(b"up 1\n")),
            health,
            executions: None,
            observe: Arc::new(|_, _, _, _| {}),
        }
    }

    fn start(admin: Admin) -> Server {
        Server::start("127.0.0.1:0".parse().unwrap(), admin).unwrap()
    }

    fn connect(server: &Server) -> TcpStream {
        let stream = TcpStream::connect(server.address()).unwrap();
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).unwrap();
        stream
    }

    /// Status and body of a GET.
    fn fetch(server: &Server, path: &str) -> (u16, String) {
        let mut stream = connect(server);
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    #[test]
    fn metrics_are_what_the_scrape_writes() {
        let server = start(admin(Health::default()));
        assert_ne!(server.address().port(), 0);
        assert_eq!(fetch(&server, "/metrics"), (200, "up 1\n".to_owned()));
        assert_eq!(fetch(&server, "/").0, 200);
        assert_eq!(fetch(&server, "/nothing").0, 404);
    }

    #[test]
    fn readiness_tells_its_reasons_and_liveness_is_part_of_it() {
        let kafka = Condition::failing("no broker has answered");
        let shards = Condition::failing("not started");
        let health = Health::new(vec![shards.check("shards")], vec![kafka.check("kafka")]);
        let server = start(admin(health));
        shards.hold();
        assert_eq!(fetch(&server, "/livez"), (200, "ok\n".to_owned()));
        let reasons = "kafka: no broker has answered\n".to_owned();
        assert_eq!(fetch(&server, "/readyz"), (503, reasons));
        kafka.hold();
        assert_eq!(fetch(&server, "/readyz").0, 200);
        shards.fail("shard 0 has not turned for 10 s");
        assert_eq!(fetch(&server, "/livez").0, 503);
        let (status, body) = fetch(&server, "/readyz?verbose");
        assert_eq!(status, 503);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            body,
            json!({"ok": false, "checks": [
                {"name": "shards", "ok": false, "reason": "shard 0 has not turned for 10 s"},
                {"name": "kafka", "ok": true},
            ]})
        );
    }

    struct Kept;

    impl Executions for Kept {
        fn list(&self, query: &ExecutionQuery) -> String {
            json!({"state_machine": query.state_machine}).to_string()
        }

        fn find(&self, arn: &str) -> Option<String> {
            (arn == "arn:aws:x:1").then(|| "{}".to_owned())
        }
    }

    #[test]
    fn kept_executions_are_listed_and_found() {
        let without = start(admin(Health::default()));
        assert_eq!(fetch(&without, "/api/v1/executions").0, 404);
        assert_eq!(fetch(&without, "/api/v1/executions/arn:aws:x:1").0, 404);
        let admin = Admin { executions: Some(Arc::new(Kept)), ..admin(Health::default()) };
        let server = start(admin);
        let listed = (200, r#"{"state_machine":"a"}"#.to_owned());
        assert_eq!(fetch(&server, "/api/v1/executions?state_machine=a"), listed);
        assert_eq!(fetch(&server, "/api/v1/executions?limit=x").0, 400);
        assert_eq!(fetch(&server, "/api/v1/executions/arn:aws:x:1"), (200, "{}".to_owned()));
        assert_eq!(fetch(&server, "/api/v1/executions/arn%3Aaws:x:1").0, 200);
        assert_eq!(fetch(&server, "/api/v1/executions/arn:other").0, 404);
    }

    #[test]
    fn requests_are_observed_by_route() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let observer = Arc::clone(&seen);
        let server = start(Admin {
            observe: Arc::new(move |route, method: &Method, status, _| {
                let seen = (route, method.to_string(), status);
                observer.lock().unwrap().push(seen);
            }),
            ..admin(Health::default())
        });
        fetch(&server, "/livez?x");
        fetch(&server, "/secret");
        server.stop(Duration::from_secs(5));
        let get = || "GET".to_owned();
        assert_eq!(*seen.lock().unwrap(), [("/livez", get(), 200), ("other", get(), 404)]);
    }

    #[test]
    fn a_taken_port_is_an_error_and_a_stop_frees_it() {
        let server = start(admin(Health::default()));
        let address = server.address();
        assert!(Server::start(address, admin(Health::default())).is_err());
        // An idle connection must not hold up the stop beyond its deadline.
        let _idle = connect(&server);
        let started = Instant::now();
        server.stop(Duration::from_millis(100));
        assert!(started.elapsed() < Duration::from_secs(10));
        assert!(TcpStream::connect(address).is_err());
    }
}
