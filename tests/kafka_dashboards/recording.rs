//! What Prometheus answers to every query of every board, as files that `make pictures` draws.
//!
//! A file has the answers and nothing of the board itself: the drawing reads the board that is
//! committed. How a series is drawn is not known here.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::boards;
use crate::play::{JOINS_AFTER, PLAYS, SHOWN};
use crate::scene::Scene;
use crate::substitute;
use crate::support::process::tell;

/// Plays to the end, then writes one file per board and the load generator's page into `folder`.
pub(crate) fn keep(scene: &mut Scene, folder: &Path) {
    fs::create_dir_all(folder).expect("a folder for the recordings");
    tell(&format!("recording: {} s of load", PLAYS.as_secs()));
    std::thread::sleep((scene.began + JOINS_AFTER).saturating_duration_since(Instant::now()));
    scene.join();
    let status = scene.wait_for_the_end(PLAYS.saturating_sub(JOINS_AFTER) + DRAIN_LIMIT);
    // The load ends before the generator does, which waits for outcomes.
    let ended = scene.began + PLAYS;
    let since = Instant::now().saturating_duration_since(ended).as_secs();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let to = (now - since) / STEP_SECONDS * STEP_SECONDS;
    write_boards(scene, folder, to - SHOWN.as_secs(), to);
    let page = folder.join("report.html");
    fs::copy(scene.report(), &page).expect("the page of the load generator");
    // What was recorded is there all the same, and can be drawn to look into it.
    assert!(
        status.success(),
        "the load generator's verdict: {status}; its page: {}",
        page.display()
    );
}

fn write_boards(scene: &Scene, folder: &Path, from: u64, to: u64) {
    let ask = |query: &Value| {
        let query = query.as_str().expect("a query");
        let answer = scene.prometheus.between(&substitute(query), from, to, STEP_SECONDS);
        (query.to_owned(), Value::Array(answer.unwrap_or_else(|why| panic!("{why}: {query}"))))
    };
    for board in boards::all() {
        let model = board.json();
        let targets = panels(&model).filter_map(|panel| panel["targets"].as_array()).flatten();
        let marks = model["annotations"]["list"].as_array().expect("a list").iter();
        let queries =
            targets.map(|one| &one["expr"]).chain(marks.map(|one| &one["target"]["expr"]));
        // By query and not by panel: a board may be laid out anew without another recording.
        let answers: Map<String, Value> = queries.map(ask).collect();
        let recording = json!({"from": from, "to": to, "step": STEP_SECONDS, "answers": answers});
        let file = folder.join(format!("{}.json", board.uid));
        fs::write(file, recording.to_string()).expect("a recording");
    }
}

/// Panels with those inside folded rows.
fn panels(model: &Value) -> impl Iterator<Item = &Value> {
    let all = model["panels"].as_array().expect("a list").iter();
    all.flat_map(|panel| {
        std::iter::once(panel).chain(panel["panels"].as_array().into_iter().flatten())
    })
}

/// Between two points: a panel is some 600 pixels wide.
const STEP_SECONDS: u64 = 2;
/// Until the load generator has its last outcome.
const DRAIN_LIMIT: Duration = Duration::from_mins(2);
