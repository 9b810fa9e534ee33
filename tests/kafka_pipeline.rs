//! The service as processes against a real Apache Kafka: nothing missing, whatever is killed.

mod support;

use support::broker::Broker;
use support::topics;

#[test]
fn broker_serves_topics_with_leaders() {
    let broker = Broker::start();
    broker.create_topics(&[("orders", 8), ("orders-results", 4)]);
    let client = topics::client_of_group(broker.bootstrap(), "orders");
    assert_eq!(client.end_offsets("orders", 8), [0; 8]);
    assert_eq!(client.committed_offsets("orders", 8), [0; 8]);
}
