//! Every query of every dashboard against a real Prometheus, which scrapes the service and the load
//! generator while events flow through a real Apache Kafka.
//!
//! A panel that shows nothing here would show nothing to an operator: a name that is wrong, a label
//! that no series has, a division that matches nothing.
//!
//! With `EXPRESSWAY_PICTURES` set to a folder the same is done with a longer and livelier load, and the
//! answers are kept there for `make pictures` to draw.

#[path = "dashboards/board.rs"]
mod board;
#[path = "dashboards/boards.rs"]
#[allow(clippy::too_many_lines, reason = "a board is one table, read from top to bottom")]
mod boards;
#[path = "kafka_dashboards/called.rs"]
mod called;
#[path = "kafka_dashboards/play.rs"]
mod play;
#[path = "kafka_dashboards/prometheus.rs"]
mod prometheus;
#[path = "kafka_dashboards/recording.rs"]
mod recording;
#[path = "kafka_dashboards/scene.rs"]
mod scene;
mod support;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use board::{Board, Panel};
use prometheus::Prometheus;
use scene::Scene;
use support::within;

#[test]
fn every_panel_shows_the_running_service() {
    let pictures = std::env::var_os("EXPRESSWAY_PICTURES").map(PathBuf::from);
    let play = if pictures.is_some() { play::for_pictures() } else { play::for_the_test() };
    let mut scene = Scene::set(&play);
    assert_boards_are_filled(&scene);
    if let Some(folder) = pictures {
        recording::keep(&mut scene, &folder);
    }
}

fn assert_boards_are_filled(scene: &Scene) {
    let prometheus = &scene.prometheus;
    let mut empty = Vec::new();
    let mut queries = 0;
    for board in boards::all() {
        for panel in board.panels() {
            for (query, _) in &panel.targets {
                queries += 1;
                if let Err(why) = shows(prometheus, panel, query) {
                    empty.push(format!("{} / {}: {why}: {query}", board.title, panel.title));
                }
            }
        }
        assert_variables(prometheus, &board);
        assert_annotations(prometheus, &board);
    }
    assert!(empty.is_empty(), "of {queries} queries without a value:\n{}", empty.join("\n"));
    assert!(queries > 100, "only {queries}");
    assert_rules_hold(prometheus);
    scene.assert_pages_pass_promtool();
}

/// Runs a query until it has a value: rates need two scrapes.
fn shows(prometheus: &Prometheus, panel: &Panel, query: &str) -> Result<(), String> {
    let query = substitute(query);
    let mut tries = 0;
    loop {
        let series = prometheus.range(&query)?;
        let has_value = series.iter().any(|one| {
            let values = one["values"].as_array().into_iter().flatten();
            values.filter_map(|value| value[1].as_str()).any(|value| value != "NaN")
        });
        match (series.is_empty(), has_value) {
            (false, true) => return Ok(()),
            // Zeros are written from the start, so a rare event has a series all the same.
            (false, false) if panel.rare => return Ok(()),
            _ if tries < TRIES => tries += 1,
            (true, _) => return Err("no series".to_owned()),
            (false, false) => return Err("only NaN".to_owned()),
        }
        std::thread::sleep(SCRAPE);
    }
}

/// The choices of each variable are the labels of what is scraped.
fn assert_variables(prometheus: &Prometheus, board: &Board) {
    for variable in board.json()["templating"]["list"].as_array().expect("a list") {
        let name = variable["name"].as_str().expect("a name");
        // Only one cluster is scraped here, and it has no name.
        if name == "datasource" || name == "cluster" {
            continue;
        }
        let query = variable["query"]["query"].as_str().expect("a query");
        let inner = query.strip_prefix("label_values(").and_then(|rest| rest.rsplit_once(", "));
        let (selector, label) = inner.unwrap_or_else(|| panic!("not label_values: {query}"));
        let label = label.trim_end_matches(')');
        let values = prometheus.label_values(&substitute(selector), label);
        assert!(!values.is_empty(), "{}: nothing to choose for {name}: {query}", board.title);
    }
}

/// Nothing need have happened, but the queries must run.
fn assert_annotations(prometheus: &Prometheus, board: &Board) {
    for mark in board.json()["annotations"]["list"].as_array().expect("a list") {
        let query = substitute(mark["target"]["expr"].as_str().expect("a query"));
        prometheus.range(&query).unwrap_or_else(|why| panic!("{}: {why}: {query}", board.title));
    }
}

/// All rules are evaluated without an error, and money has a value.
fn assert_rules_hold(prometheus: &Prometheus) {
    within(Duration::from_secs(30), "all rules are evaluated", || {
        let rules = prometheus.rules();
        let bad: Vec<&Value> = rules.iter().filter(|rule| rule["health"] == "err").collect();
        assert!(bad.is_empty(), "{bad:?}");
        (!rules.is_empty() && rules.iter().all(|rule| rule["health"] == "ok")).then_some(())
    });
    // The same by hand, from list prices: a join that matched only a part would be far off.
    let last = |query: &str| -> f64 {
        let series = prometheus.range(query).expect("a query").pop().expect("a series");
        let last = series["values"].as_array().and_then(|values| values.last()?[1].as_str());
        last.expect("a value").parse().expect("a number")
    };
    // The recorded price is as old as the last evaluation, while rates still grow after the start.
    within(Duration::from_mins(1), "the recorded price is the one by hand", || {
        let cost = last("sum(state_machine:expressway_cost_per_hour:rate5m)");
        let gb = last("sum(rate(expressway_execution_billed_mb_milliseconds_total[5m])) / 1024000");
        let ends = last("sum(rate(expressway_executions_finished_total{status!=\"aborted\"}[5m]))");
        let by_hand = gb * 0.06 + ends * 3_600.0 * 0.000_001;
        (cost > 0.0 && (cost / by_hand - 1.0).abs() < 0.1).then_some(())
    });
}

fn substitute(query: &str) -> String {
    let mut query = query.replace("$__rate_interval", "10s");
    for name in ["cluster", "job", "instance", "state_machine", "topic", "resource"] {
        query =
            query.replace(&format!("\"${name}\""), "\".*\"").replace(&format!("(${name})"), "(.*)");
    }
    assert!(!query.contains('$'), "{query}");
    query
}

const SCRAPE: Duration = Duration::from_secs(1);
const TRIES: u32 = 15;
