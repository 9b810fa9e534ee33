//! Settings that are planned and known by name, so that they are refused with the reason instead of
//! as a typing error.

/// What to do instead of using this key; `None` when nothing is known of it.
pub(super) fn key(path: &str) -> Option<&'static str> {
    let path = without_indices(path);
    KEYS.iter().find(|(key, _)| *key == path).map(|(_, help)| *help)
}

/// What to do instead of using this value.
pub(super) fn value(path: &str, value: &str) -> Option<&'static str> {
    let path = without_indices(path);
    VALUES
        .iter()
        .find(|(key, values, _)| *key == path && values.contains(&value))
        .map(|(_, _, help)| *help)
}

/// `pipeline[3].format` → `pipeline.format`.
fn without_indices(path: &str) -> String {
    path.split('[')
        .enumerate()
        .map(|(part, text)| match text.split_once(']') {
            Some((_index, rest)) if part > 0 => rest,
            _ => text,
        })
        .collect()
}

const KEYS: &[(&str, &str)] =
    &[("pipeline.limits", "limits apply to the whole instance for now: see [limits]")];

const VALUES: &[(&str, &[&str], &str)] = &[
    (
        "pipeline.guarantee",
        &["exactly-once"],
        "use \"at-least-once\"; repeated outputs carry equal ids, so a reader can drop them",
    ),
    (
        "pipeline.ordering",
        &["key", "partition"],
        "use \"none\": results appear as their executions end",
    ),
    (
        "pipeline.format",
        &["envelope"],
        "use \"output\"; what the envelope holds is in the record's headers",
    ),
    ("pipeline.type", &["STANDARD"], "use \"EXPRESS\": Standard workflows are not run"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_do_not_hide_a_planned_setting() {
        assert!(key("pipeline[12].limits").is_some());
        assert!(value("pipeline[0].guarantee", "exactly-once").is_some());
        assert!(value("pipeline[0].guarantee", "at-most-once").is_none());
        assert_eq!(without_indices("a[0].b[1][2].c"), "a.b.c");
    }
}
