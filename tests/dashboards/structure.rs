//! The rules of Grafana's dashboard linter, and those of our own layout.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::boards;

#[test]
fn every_board_has_what_the_linter_asks_for() {
    let mut uids = BTreeSet::new();
    for board in boards::all() {
        let json = board.json();
        let uid = json["uid"].as_str().unwrap();
        assert!(uids.insert(uid.to_owned()), "{uid} twice");
        assert_eq!(json["editable"], false, "{uid}");
        assert_eq!(json["tags"], serde_json::json!(["express"]), "{uid}");
        assert_eq!(json["links"][0]["keepTime"], true, "{uid}");
        assert!(!json["description"].as_str().unwrap().is_empty(), "{uid}");
        let variables = json["templating"]["list"].as_array().unwrap();
        let names: Vec<_> = variables.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names[..4], ["datasource", "cluster", "job", "instance"], "{uid}");
        for variable in &variables[1..] {
            assert_eq!(variable["refresh"], 2, "{uid}: reload when the time range changes");
            assert_eq!(variable["allValue"], ".*", "{uid}");
            assert_eq!(variable["multi"], true, "{uid}");
        }
    }
    assert_eq!(uids.len(), 6);
}

#[test]
fn every_panel_says_what_it_tells_and_lies_alone() {
    for board in boards::all() {
        let json = board.json();
        let mut ids = BTreeSet::new();
        let mut taken: BTreeSet<(u64, u64)> = BTreeSet::new();
        let mut titles = BTreeSet::new();
        for panel in flat(&json) {
            let title = panel["title"].as_str().unwrap();
            let place = format!("{}: {title}", board.uid);
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{place}: id twice");
            let grid = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(grid("x") + grid("w") <= 24, "{place} is wider than the grid");
            for x in grid("x")..grid("x") + grid("w") {
                for y in grid("y")..grid("y") + grid("h") {
                    assert!(taken.insert((x, y)), "{place} lies on another panel");
                }
            }
            if panel["type"] == "row" {
                continue;
            }
            titles.insert(title.to_owned());
            assert!(panel["description"].as_str().unwrap().ends_with('.'), "{place}");
            assert!(
                !panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap().is_empty(),
                "{place}"
            );
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{place}");
            assert!(!panel["targets"].as_array().unwrap().is_empty(), "{place}");
        }
        assert!(titles.len() >= 8, "{} has {} titles", board.uid, titles.len());
    }
}

/// Whoever picks an instance sees that instance, and a counter is never drawn raw.
#[test]
fn every_query_matches_the_variables_and_counters_are_rates() {
    for board in boards::all() {
        for panel in board.panels() {
            for (query, _) in &panel.targets {
                let place = format!("{}: {}: {query}", board.uid, panel.title);
                for selector in selectors(query) {
                    if selector.name.ends_with(":limit") {
                        continue;
                    }
                    for variable in ["cluster", "job", "instance"] {
                        let matcher = format!("{variable}=~\"${variable}\"");
                        assert!(selector.matchers.contains(&matcher), "{place}");
                    }
                    let counts = ["_total", "_bucket", "_sum", "_count"];
                    let counts = counts.iter().any(|suffix| selector.name.ends_with(suffix));
                    // Set once at start, so a rate would never see it.
                    let set_once = selector.name == "expressway_metrics_series_dropped_total";
                    assert!(!counts || set_once || selector.has_range, "{place}");
                    if selector.has_range {
                        let fixed = selector.after.starts_with("[5m]");
                        assert!(
                            fixed || selector.after.starts_with("[$__rate_interval]"),
                            "{place}"
                        );
                    }
                }
            }
        }
    }
}

/// Panels with those inside folded rows.
fn flat(board: &Value) -> Vec<&Value> {
    let mut panels = Vec::new();
    for panel in board["panels"].as_array().unwrap() {
        panels.push(panel);
        panels.extend(panel["panels"].as_array().into_iter().flatten());
    }
    panels
}

/// A metric of a query with its matchers.
pub(crate) struct Selector<'a> {
    pub(crate) name: &'a str,
    pub(crate) matchers: &'a str,
    pub(crate) has_range: bool,
    after: &'a str,
}

/// The selectors of a query: names that begin like ours.
pub(crate) fn selectors(query: &str) -> Vec<Selector<'_>> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = query[at..].find(is_name).map(|start| at + start) {
        let end = query[start..].find(|c| !is_name(c)).map_or(query.len(), |end| start + end);
        let name = &query[start..end];
        at = end;
        if !["expressway_", "expressway:", "process_", "state_machine:", "job:expressway"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            continue;
        }
        let (mut matchers, mut after) = ("", &query[end..]);
        if let Some(rest) = after.strip_prefix('{') {
            let close = rest.find('}').unwrap();
            (matchers, after) = (&rest[..close], &rest[close + 1..]);
            at = query.len() - after.len();
        }
        found.push(Selector { name, matchers, has_range: after.starts_with('['), after });
    }
    found
}
