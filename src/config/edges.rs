//! From settings to the options of an edge; edges know nothing of the configuration.

use std::time::Duration;

use super::{Kafka, Pin, Property, Settings, ShardCount, Shards};
use crate::otlp::{self, BadEndpoint, Endpoint};
use crate::task::http::{Allow, BadPattern, Options};

impl Shards {
    /// Shard threads on a machine with so many usable cores.
    pub fn threads(&self, usable_cores: usize) -> usize {
        match self.count {
            ShardCount::Auto => usable_cores.saturating_sub(usize::from(self.io_threads)).max(1),
            ShardCount::Exactly(count) => usize::from(count),
        }
    }

    /// The core that shard `shard` of `count` is bound to, if any. `auto` binds only where a core
    /// is left for the I/O threads and no CPU quota cuts into the shards' turns.
    pub fn pinned_core(&self, shard: usize, count: usize, usable_cores: usize) -> Option<usize> {
        let pins = match self.pin {
            Pin::On => true,
            Pin::Off => false,
            Pin::Auto => {
                count + usize::from(self.io_threads) <= usable_cores
                    && usable_cores > 2
                    && !has_cpu_quota()
            }
        };
        pins.then_some(shard % usable_cores.max(1))
    }
}

impl Settings {
    /// Options of the HTTP tasks of one shard out of `shards`. Patterns of a file were checked when it
    /// was read, so an error means that settings were put together by hand.
    pub fn http_tasks(&self, shards: usize) -> Result<Options, BadPattern> {
        let http = &self.task.http;
        Ok(Options {
            allow: Allow::new(&http.allow)?,
            allow_name: "task.http.allow",
            calls_max: http.calls_per_shard as usize,
            waiting_max: (self.limits.open_executions as usize).div_ceil(shards.max(1)),
            idle_connections_per_host: http.idle_connections_per_host as usize,
            timeout: http.timeout,
            region: self.aws.region.clone(),
        })
    }

    /// Where spans go; nothing when none are asked for. The address was checked when the file was read.
    pub fn otlp(&self) -> Option<Result<otlp::Options, BadEndpoint>> {
        let otlp = &self.traces.otlp;
        otlp.is_on().then(|| {
            let headers = otlp.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let mut resource = otlp.resource.clone();
            resource.insert("service.name".to_owned(), otlp.service_name.clone());
            let version = env!("CARGO_PKG_VERSION").to_owned();
            resource.entry("service.version".to_owned()).or_insert(version);
            Ok(otlp::Options {
                endpoint: otlp.endpoint.parse::<Endpoint>()?.with_headers(headers)?,
                resource: resource.into_iter().collect(),
                timeout: otlp.timeout,
                delay: otlp.delay,
                queue_bytes: otlp.queue_bytes as usize,
            })
        })
    }

    /// ARN of a state machine.
    pub fn machine_arn(&self, name: &str) -> String {
        format!("arn:aws:states:{}:{}:stateMachine:{name}", self.aws.region, self.aws.account)
    }
}

impl Kafka {
    /// The brokers as librdkafka's `bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        self.brokers.join(",")
    }

    /// Properties for all clients, then for the consumers, then for the producers.
    pub fn properties(&self) -> [Vec<(String, String)>; 3] {
        [&self.client, &self.consumer, &self.producer].map(|properties| {
            let pair = |(key, Property(value)): (&String, &Property)| (key.clone(), value.clone());
            properties.iter().map(pair).collect()
        })
    }
}

/// Whether the control group of this process has a CPU quota.
fn has_cpu_quota() -> bool {
    std::fs::read_to_string("/sys/fs/cgroup/cpu.max").is_ok_and(|text| !text.starts_with("max"))
}

/// How often the metrics exporter sorts its samples.
pub const METRICS_UPKEEP: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_leaves_cores_to_the_io_threads_but_never_none_to_the_shards() {
        let auto = Shards { io_threads: 2, ..Shards::default() };
        assert_eq!([1, 2, 3, 8].map(|cores| auto.threads(cores)), [1, 1, 1, 6]);
        let fixed = Shards { count: ShardCount::Exactly(5), ..Shards::default() };
        assert_eq!(fixed.threads(2), 5);
    }

    #[test]
    fn http_options_follow_the_settings() {
        let mut settings = Settings::default();
        settings.task.http.allow = vec!["*.example.com:443".to_owned()];
        settings.limits.open_executions = 5;
        let options = settings.http_tasks(2).unwrap();
        assert!(options.allow.permits("a.example.com", 443));
        assert_eq!((options.waiting_max, options.region.as_str()), (3, "us-east-1"));
        settings.task.http.allow = vec!["http://x".to_owned()];
        assert!(settings.http_tasks(1).is_err());
    }

    #[test]
    fn spans_carry_the_name_of_the_service_and_what_else_is_said() {
        let mut settings = Settings::default();
        assert!(settings.otlp().is_none());
        let otlp = &mut settings.traces.otlp;
        otlp.endpoint = "http://localhost:4318".to_owned();
        otlp.resource.insert("service.version".to_owned(), "7".to_owned());
        otlp.resource.insert("service.name".to_owned(), "other".to_owned());
        let options = settings.otlp().unwrap().unwrap();
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let expected = [("service.name", "expressway"), ("service.version", "7")].map(own);
        assert_eq!(options.resource, expected);
    }

    #[test]
    fn properties_keep_their_section() {
        let mut kafka = Kafka::default();
        kafka.producer.insert("linger.ms".to_owned(), Property("2".to_owned()));
        kafka.brokers.push("b:1".to_owned());
        let [client, consumer, producer] = kafka.properties();
        assert_eq!((client.len(), consumer.len()), (0, 0));
        assert_eq!(producer, [("linger.ms".to_owned(), "2".to_owned())]);
        assert_eq!(kafka.bootstrap_servers(), "127.0.0.1:9092,b:1");
    }
}
