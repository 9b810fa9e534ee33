//! What happens rarely: counted through the `metrics` facade, with handles that are made once.
//!
//! The recorder is our own and never the global one: a test can have two, and no library can add
//! families that the catalogue does not know.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{Counter, Histogram, with_local_recorder};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use super::catalogue::{
    COMPILE_DURATION, FAMILIES, Family, HTTP_DURATION, HTTP_REQUESTS, Keeper, Kind,
    RENDER_DURATION, SERIES_DROPPED,
};

/// The rarely updated families.
pub struct Rare {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    compile_duration: Histogram,
    render_duration: Histogram,
    /// By route, method and code; both lists are short and closed.
    requests: Mutex<Vec<Requests>>,
}

struct Requests {
    route: &'static str,
    method: String,
    code: u16,
    count: Counter,
    duration: Histogram,
}

impl std::fmt::Debug for Rare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rare").finish_non_exhaustive()
    }
}

impl Rare {
    pub(super) fn new() -> Self {
        let recorder = builder().build_recorder();
        with_local_recorder(&recorder, describe);
        let made = |family: &Family| with_local_recorder(&recorder, || histogram(family, &[]));
        let rare = Self {
            compile_duration: made(&COMPILE_DURATION),
            render_duration: made(&RENDER_DURATION),
            requests: Mutex::default(),
            handle: recorder.handle(),
            recorder,
        };
        // The zero series, so that a first failure is an increase.
        rare.series_dropped(super::catalogue::EXECUTIONS_STARTED.name, 0);
        for route in ["/metrics", "/livez", "/readyz"] {
            rare.request_series(route, "GET", 200, |_| {});
        }
        rare
    }

    /// A definition was parsed, checked and compiled.
    pub fn compiled(&self, duration: Duration) {
        self.compile_duration.record(duration.as_secs_f64());
    }

    /// The admin port answered a request; `route` is the template.
    pub fn requested(&self, route: &'static str, method: &str, code: u16, duration: Duration) {
        // Any token may come as a method; a label value must not.
        let method = match method {
            "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" => method,
            _ => "other",
        };
        self.request_series(route, method, code, |series| {
            series.count.increment(1);
            series.duration.record(duration.as_secs_f64());
        });
    }

    /// The cap on label values folded `count` series of a family into others.
    pub fn series_dropped(&self, family: &'static str, count: u64) {
        with_local_recorder(&self.recorder, || counter(&SERIES_DROPPED, &[family]))
            .increment(count);
    }

    pub(super) fn rendered(&self, duration: Duration) {
        self.render_duration.record(duration.as_secs_f64());
    }

    /// Sorts recorded samples into buckets; until then each is held by itself. Call every 5 s.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    pub(super) fn render(&self, out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail.
        let _ = self.handle.render_to_write(out);
    }

    fn request_series(
        &self,
        route: &'static str,
        method: &str,
        code: u16,
        update: impl FnOnce(&Requests),
    ) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let found = requests
            .iter()
            .find(|one| one.route == route && one.method == method && one.code == code);
        if let Some(series) = found {
            return update(series);
        }
        let series = with_local_recorder(&self.recorder, || Requests {
            route,
            method: method.to_owned(),
            code,
            count: counter(&HTTP_REQUESTS, &[route, method, &code.to_string()]),
            duration: histogram(&HTTP_DURATION, &[route, method]),
        });
        update(&series);
        requests.push(series);
    }
}

fn builder() -> PrometheusBuilder {
    let mut builder = PrometheusBuilder::new().with_recommended_naming(true);
    for family in FAMILIES {
        let bounds: Vec<f64> =
            family.kind.bounds().iter().filter_map(|bound| bound.parse().ok()).collect();
        if bounds.is_empty() {
            continue;
        }
        let matcher = Matcher::Full(family.name.to_owned());
        builder = builder
            .set_buckets_for_metric(matcher, &bounds)
            .expect("only an empty list of bounds is refused, and these are constants");
    }
    builder
}

fn describe() {
    for family in FAMILIES.iter().filter(|family| family.keeper == Keeper::Facade) {
        match family.kind {
            Kind::Counter => metrics::describe_counter!(family.name, family.help),
            Kind::Gauge => metrics::describe_gauge!(family.name, family.help),
            Kind::Latency | Kind::Size | Kind::Memory | Kind::Batch => {
                metrics::describe_histogram!(family.name, family.help);
            }
        }
    }
}

fn counter(family: &Family, values: &[&str]) -> Counter {
    metrics::counter!(family.name, labels(family, values))
}

fn histogram(family: &Family, values: &[&str]) -> Histogram {
    metrics::histogram!(family.name, labels(family, values))
}

fn labels(family: &Family, values: &[&str]) -> Vec<metrics::Label> {
    debug_assert_eq!(values.len(), family.labels.len(), "labels of {}", family.name);
    family
        .labels
        .iter()
        .zip(values)
        .map(|(name, value)| metrics::Label::new(*name, (*value).to_owned()))
        .collect()
}
