//! The dashboards, rules, alerts, the runbook and the page of metric families: written by this test,
//! held to be what is committed.
//!
//! They are generated from `boards.rs`, `rules.rs` and the catalogue of metrics; `make dashboards` writes
//! them, and the first test fails when what is committed is something else. The others hold the rules of
//! Grafana's dashboard linter, let promtool parse every query and try every alert, and hold every name
//! against the catalogue. `tests/kafka_dashboards.rs` runs every query under load.

// What is no `#[test]` function here is test code all the same.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "shared with the test under load, which uses more of it")]
mod board;
#[allow(clippy::too_many_lines, reason = "a board is one table, read from top to bottom")]
mod boards;
mod catalogue;
mod compose;
mod families;
mod files;
mod pictures;
mod promtool;
#[allow(clippy::too_many_lines, reason = "alerts are one table")]
mod rules;
mod structure;

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn what_is_committed_is_what_is_generated() {
    let write = std::env::var_os("EXPRESSWAY_WRITE_DASHBOARDS").is_some();
    let mut stale = Vec::new();
    for (path, text) in files::all() {
        let file = root().join(&path);
        if write {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
        } else if fs::read_to_string(&file).ok().as_deref() != Some(&text) {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "run `make dashboards` and commit: {stale:?}");
}

#[test]
fn nothing_else_lies_beside_the_generated_files() {
    let known: Vec<PathBuf> = files::all().into_iter().map(|(path, _)| path).collect();
    for folder in ["dashboards/grafana", "dashboards/prometheus"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = Path::new(folder).join(entry.unwrap().file_name());
            assert!(known.contains(&path), "{} is not generated", path.display());
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
