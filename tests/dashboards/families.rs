//! The page of all metric families, `docs/metric-families.md`, from the catalogue in the code.

use std::fmt::Write as _;

use expressway::metrics::{FAMILIES, Family, Kind};

/// Path below the repository.
pub(crate) const PATH: &str = "docs/metric-families.md";

/// One row per family, in the order of the catalogue.
pub(crate) fn page(generated: &str) -> String {
    let mut out = format!("<!-- {generated} -->\n{HEAD}");
    for family in FAMILIES {
        let Family { name, kind, labels, help, needs, .. } = family;
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            out,
            "| `{name}` | {} | {} | {} | {} | {needs} |",
            kind.as_str(),
            unit(family),
            labels.join(", "),
            help.replace('|', "\\|"),
        );
    }
    out
}

/// The unit of a family's values, which its name ends in.
fn unit(family: &Family) -> &'static str {
    let name = family.name.trim_end_matches("_total");
    if name.contains("_price_per_") || name.ends_with("_duration_price") {
        return "`currency`";
    }
    UNITS.iter().find(|(ending, _)| name.ends_with(ending)).map_or("", |(_, unit)| unit)
}

/// By the end of the name; the first that fits. What has none is a number of what the help says.
const UNITS: &[(&str, &str)] = &[
    ("_timestamp_seconds", "Unix time, s"),
    ("_start_time_seconds", "Unix time, s"),
    ("_seconds", "s"),
    ("_mb_milliseconds", "MB × ms"),
    ("_tier_start", "GB-hours"),
    ("_bytes", "bytes"),
    ("_records", "records"),
    ("_offset", "offset"),
];

const HEAD: &str = "
# Metric families

All that `/metrics` has; [metrics.md](metrics.md) says which to look at for which question.

A histogram has the series `_bucket` (with the label `le`), `_sum` and `_count`. Without what a family
*needs* it stands on the page without samples, or, for `otlp`, stays 0. A family without a unit counts what its
text says, or is 1 or 0.

| family | type | unit | labels | what it tells | needs |
| --- | --- | --- | --- | --- | --- |
";

#[test]
fn histograms_and_sizes_have_a_unit() {
    for family in FAMILIES {
        let counts = matches!(family.kind, Kind::Counter | Kind::Gauge);
        assert!(counts || !unit(family).is_empty(), "{}", family.name);
    }
}

#[test]
fn every_family_has_a_row() {
    let page = page("");
    for family in FAMILIES {
        assert!(page.contains(&format!("\n| `{}` | ", family.name)), "{}", family.name);
    }
}
