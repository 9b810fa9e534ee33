//! librdkafka's mock cluster as a broker inside this process: the real protocol over loopback.
//!
//! For the demo, which shall need nothing installed. It keeps 5 MiB per partition and forgets
//! everything at its end: no place for data that matters.

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer as _};

use super::error::Error;
use super::librdkafka::set_mock_heartbeat;

/// A running embedded broker; it lives as long as this value, on this thread.
pub struct EmbeddedBroker {
    client: BaseProducer,
}

impl EmbeddedBroker {
    /// Starts a broker with these topics and partition counts, on a free loopback port.
    ///
    /// # Errors
    /// When the client or a topic cannot be made.
    pub fn start(topics: &[(&str, i32)]) -> Result<Self, Error> {
        let client: BaseProducer =
            ClientConfig::new().set("test.mock.num.brokers", "1").create()?;
        let broker = Self { client };
        {
            let cluster = broker.client.client().mock_cluster();
            let cluster = cluster.ok_or_else(|| Error::Settings("no mock cluster".to_owned()))?;
            for (topic, partitions) in topics {
                cluster.create_topic(topic, *partitions, 1)?;
            }
        }
        set_mock_heartbeat(broker.client.client(), HEARTBEAT_MS);
        Ok(broker)
    }

    /// Where it listens.
    pub fn bootstrap_servers(&self) -> String {
        self.client
            .client()
            .mock_cluster()
            .map(|cluster| cluster.bootstrap_servers())
            .unwrap_or_default()
    }
}

const HEARTBEAT_MS: i32 = 200;
