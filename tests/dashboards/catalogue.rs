//! Names: what boards, rules and alerts ask for is exported, and what is exported is shown.

use std::collections::BTreeSet;

use expressway::metrics::{FAMILIES, Kind};

use crate::structure::selectors;
use crate::{boards, rules};

/// Families of `expressway-loadgen --metrics-listen`, which is a program of its own.
const LOADGEN: &[(&str, &[&str])] = &[
    ("expressway_loadgen_records_sent_total", &["result"]),
    ("expressway_loadgen_target_rate", &[]),
    ("expressway_loadgen_schedule_delay_seconds_bucket", &[]),
    ("expressway_loadgen_latency_seconds_bucket", &["from"]),
    ("expressway_loadgen_results_total", &["status"]),
];

/// Labels that Prometheus or its configuration adds.
const GIVEN: &[&str] = &["cluster", "job", "instance", "le"];

#[test]
fn every_name_and_label_is_in_the_catalogue() {
    let recorded: BTreeSet<_> = rules::recorded().iter().map(|rule| rule.name).collect();
    for query in queries() {
        for selector in selectors(&query) {
            if recorded.contains(selector.name) {
                continue;
            }
            let labels =
                labels_of(selector.name).unwrap_or_else(|| panic!("no {}: {query}", selector.name));
            // Outside of values, of which one may have a comma, a matcher begins after a comma.
            for text in selector.matchers.split('"').step_by(2).filter(|text| !text.is_empty()) {
                let label = text.trim_start_matches(',').split(['=', '!']).next().unwrap();
                let known = labels.contains(&label) || GIVEN.contains(&label);
                assert!(known, "{} has no label {label}: {query}", selector.name);
            }
        }
    }
}

#[test]
fn every_family_is_on_some_board_or_in_some_rule() {
    let used: BTreeSet<String> = queries()
        .iter()
        .flat_map(|query| {
            selectors(query).into_iter().map(|one| base(one.name).to_owned()).collect::<Vec<_>>()
        })
        .collect();
    let unused: Vec<_> = FAMILIES
        .iter()
        .map(|family| family.name)
        .filter(|name| !used.contains(*name) && !NOT_SHOWN.contains(name))
        .collect();
    assert_eq!(unused, Vec::<&str>::new());
}

/// With the reason.
const NOT_SHOWN: &[&str] = &[
    // Where tiers begin; money here is at the first tier, `expressway bill` counts with all.
    "expressway_duration_price_tier_start",
    // Happens once, at start.
    "expressway_definition_compile_duration_seconds",
];

fn queries() -> Vec<String> {
    let boards = boards::all();
    let panels = boards.iter().flat_map(crate::board::Board::panels);
    let mut queries: Vec<String> =
        panels.flat_map(|panel| panel.targets.iter().map(|(query, _)| query.clone())).collect();
    queries.extend(rules::recorded().into_iter().map(|rule| rule.expr));
    queries.extend(rules::alerts().into_iter().map(|alert| alert.expr));
    queries
}

fn labels_of(name: &str) -> Option<Vec<&'static str>> {
    if let Some((_, labels)) = LOADGEN.iter().find(|(known, _)| *known == name) {
        return Some(labels.to_vec());
    }
    let family = FAMILIES.iter().find(|family| family.name == base(name))?;
    let is_histogram = !matches!(family.kind, Kind::Counter | Kind::Gauge);
    (is_histogram == (base(name) != name)).then(|| family.labels.to_vec())
}

/// The family of a series of a histogram.
fn base(name: &str) -> &str {
    let stripped =
        ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
    match stripped {
        Some(base) if FAMILIES.iter().any(|family| family.name == base) => base,
        _ => name,
    }
}
