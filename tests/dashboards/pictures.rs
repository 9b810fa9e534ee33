//! The pictures in `docs/pictures/` show the panels that the boards have, or the page says which not.
//!
//! Drawing takes a quarter of an hour and is done by hand, so that it will be forgotten is certain.
//! `make pictures` leaves behind which panels it drew. Knows titles, nothing of looks: a panel whose
//! query has changed is not noticed.

use std::collections::BTreeSet;
use std::fs;

use crate::{boards, root};

#[test]
fn the_pictures_show_every_panel_or_the_page_names_it() {
    let page = fs::read_to_string(root().join("docs/dashboards.md")).unwrap();
    let drawn = fs::read_to_string(root().join("docs/pictures/panels.tsv")).unwrap();
    let drawn: BTreeSet<(&str, &str)> =
        drawn.lines().map(|line| line.split_once('\t').unwrap()).collect();
    let boards = boards::all();
    let there: BTreeSet<(&str, &str)> = boards
        .iter()
        .flat_map(|board| board.panels().map(|panel| (board.uid, panel.title)))
        .collect();
    let untold: Vec<_> = there
        .symmetric_difference(&drawn)
        .filter(|(_, title)| !page.contains(&format!("`{title}`")))
        .collect();
    assert!(
        untold.is_empty(),
        "run `make pictures`, or name these in docs/dashboards.md, as `title`, among the panels \
         that the pictures do not show as they are: {untold:?}"
    );
}
