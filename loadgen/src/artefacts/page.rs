//! `report.html`: one file that needs no other, and nothing from the network.
//!
//! The page draws itself from the data it carries. What users named (scenario, stages) reaches it
//! as JSON and is written as text, never as markup.

use serde::Serialize;

use crate::report::Report;
use crate::timeline::Row;

/// What the page is drawn from.
#[derive(Serialize)]
pub(super) struct Data<'a> {
    pub(super) report: &'a Report,
    pub(super) rows: &'a [Row],
    pub(super) baseline: Option<&'a Report>,
    pub(super) scenario: &'a str,
}

/// Returns the page.
pub(super) fn render(data: &Data<'_>) -> String {
    let json = serde_json::to_string(data).unwrap_or_default();
    // The only thing that could end the element it stands in.
    PAGE.replacen(PLACE, &json.replace('<', "\\u003c"), 1)
}

const PAGE: &str = include_str!("report.html");
const PLACE: &str = "@DATA@";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_one_place_for_its_data_and_names_no_other_file() {
        assert_eq!(PAGE.matches(PLACE).count(), 1);
        for reference in ["src=", "href=", "@import", "url(", "fetch(", "https:"] {
            assert!(!PAGE.contains(reference), "{reference}");
        }
    }
}
