//! A stderr that nobody reads: the service goes on, counts what it could not say, and ends in time.

use std::time::Duration;

use crate::cluster::Cluster;
use crate::config::{Config, INPUT, RESULTS, TOPICS, shipped};
use crate::instance::Instance;
use crate::support::{free_ports, within};

/// Kafka's client says more than a pipe takes within moments, and what it says is said on threads
/// that events depend on.
const TALKATIVE: &str = r#"
[log]
level = "debug"
[kafka.client]
debug = "all"
"#;

#[test]
fn a_full_pipe_stops_neither_events_nor_the_end() {
    let cluster = Cluster::new(TOPICS);
    let (servers, definition) = (cluster.servers(), shipped("passthrough.asl.json"));
    let [port] = free_ports();
    let listen = format!("127.0.0.1:{port}");
    let mut config = Config::new(&servers, &definition);
    (config.pipeline, config.listen) = (TALKATIVE, &listen);
    // Held open to the end, and never read.
    let (mut service, _stderr) = Instance::start_unread(&config.text(), listen.clone());
    let is_ready = || service.status("/readyz").is_ok_and(|status| status == 200);
    within(LIMIT, "it is ready", || is_ready().then_some(()));
    let lost = || service.metric("expressway_log_events_dropped_total", "") as u64;
    within(LIMIT, "lines are lost", || (lost() > 0).then_some(()));

    let before = lost();
    for number in 0..EVENTS {
        cluster.produce(INPUT, number % 4, Some(b"k"), Some(br#"{"id": 1}"#), &[]);
    }
    cluster.flush();
    assert_eq!(cluster.read(RESULTS, 2, EVENTS as usize).len(), EVENTS as usize);
    within(LIMIT, "more lines are lost", || (lost() > before).then_some(()));
    service.signal("TERM");
    assert_eq!(service.wait_exit(LIMIT).code(), Some(0));
}

const EVENTS: i32 = 200;
/// Nine seconds on a busy machine: all that talk is work.
const LIMIT: Duration = Duration::from_mins(1);
