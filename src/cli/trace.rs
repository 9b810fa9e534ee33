//! A history as people read it: each visit of a state on a line, its input and its output.
//!
//! States of branches and iterations stand below the state that started them, further in.

use std::collections::HashMap;
use std::io::{self, Write};

use crate::vm::{Detail, Event};

/// Writes the visits in the order in which they began, and a blank line.
pub(super) fn write(history: &[Event], out: &mut dyn Write) -> io::Result<()> {
    let visits = visits(history);
    let begin_ms = history.first().map_or(0, |event| event.wall_ms);
    let label = |visit: &Visit<'_>| format!("{}{}", "  ".repeat(visit.depth), visit.name);
    let name_width = visits.iter().map(|visit| label(visit).chars().count()).max().unwrap_or(0);
    let kind_width = visits.iter().map(|visit| visit.kind.len()).max().unwrap_or(0);
    for visit in &visits {
        let (seconds, name, kind) =
            (seconds(visit.entered_ms - begin_ms), label(visit), visit.kind);
        let input = visit.input;
        write!(out, "{seconds} s  {name:<name_width$}  {kind:<kind_width$}  {input}")?;
        match visit.left {
            Some((output, _)) => write!(out, " -> {output}")?,
            None => write!(out, " -> not left")?,
        }
        for (error, cause) in &visit.failures {
            write!(out, "\n{:>1$}{error}: {cause}", "", 11 + 2 * visit.depth)?;
        }
        match visit.left {
            Some((_, left_ms)) if left_ms > visit.entered_ms => {
                writeln!(out, "  ({} s)", self::seconds(left_ms - visit.entered_ms))?;
            }
            _ => writeln!(out)?,
        }
    }
    writeln!(out)
}

/// A state, from being entered to being left.
struct Visit<'a> {
    name: &'a str,
    kind: &'a str,
    /// The visit of the Map or Parallel state that this is a part of.
    inside: Option<usize>,
    depth: usize,
    /// The event that led to the entry.
    previous: u32,
    entered_ms: i64,
    input: &'a str,
    /// Output, and when.
    left: Option<(&'a str, i64)>,
    /// Errors and causes of what failed meanwhile.
    failures: Vec<(&'a str, &'a str)>,
}

fn visits(history: &[Event]) -> Vec<Visit<'_>> {
    let mut visits: Vec<Visit<'_>> = Vec::new();
    // Where each event happened follows from the event that led to it.
    let mut places: HashMap<u32, Place> = HashMap::new();
    for event in history {
        let mut place = places.get(&event.previous).copied().unwrap_or_default();
        if let Some(kind) = event.kind.strip_suffix("StateEntered") {
            let visit = Visit::new(event, kind, place.inside, &visits);
            place.visit = Some(visits.len());
            visits.push(visit);
        } else if event.kind.ends_with("StateExited") {
            place.visit = left(&visits, place.visit, detail(event, "name"));
            if let Some(visit) = place.visit.and_then(|visit| visits.get_mut(visit)) {
                visit.left = Some((detail(event, "output"), event.wall_ms));
                place.inside = visit.inside;
            }
        } else if matches!(event.kind, "MapStateStarted" | "ParallelStateStarted") {
            // One that is tried again begins where its last try failed, inside it already.
            let tried_again = place.visit.is_some_and(|visit| visits[visit].is_simple());
            place.inside = if tried_again { place.inside } else { place.visit };
        }
        if event.kind == "EvaluationFailed" {
            place.visit = failing(&visits, place.visit, event);
            place.inside = place.visit.and_then(|visit| visits[visit].inside);
        }
        if is_failure(event.kind)
            && let Some(failed) = place.visit.and_then(|visit| visits.get_mut(visit))
        {
            failed.failures.push((detail(event, "error"), detail(event, "cause")));
        }
        places.insert(event.id, place);
    }
    visits
}

/// Where an event happened.
#[derive(Clone, Copy, Default)]
struct Place {
    /// During this visit.
    visit: Option<usize>,
    /// In a branch or iteration of this one.
    inside: Option<usize>,
}

impl<'a> Visit<'a> {
    fn new(event: &'a Event, kind: &'a str, inside: Option<usize>, before: &[Self]) -> Self {
        Self {
            name: detail(event, "name"),
            kind,
            inside,
            depth: inside.map_or(0, |outer| before[outer].depth + 1),
            previous: event.previous,
            entered_ms: event.wall_ms,
            input: detail(event, "input"),
            left: None,
            failures: Vec::new(),
        }
    }
}

impl Visit<'_> {
    /// Whether no branches or iterations belong to the state.
    fn is_simple(&self) -> bool {
        !matches!(self.kind, "Map" | "Parallel")
    }
}

/// The visit in which an expression failed: the event stands behind the visit's own, or, when that
/// was all that had happened, behind what led to the entry.
fn failing(visits: &[Visit<'_>], last: Option<usize>, event: &Event) -> Option<usize> {
    let name = detail(event, "state");
    left(visits, last, name).or_else(|| {
        let entered = |visit: &Visit<'_>| visit.previous == event.previous && visit.name == name;
        visits.iter().rposition(|visit| entered(visit) && visit.left.is_none())
    })
}

/// The visit of a state that is left, from the visit that came last: itself, or one around it.
fn left(visits: &[Visit<'_>], last: Option<usize>, name: &str) -> Option<usize> {
    std::iter::successors(last, |visit| visits[*visit].inside)
        .find(|visit| visits[*visit].name == name && visits[*visit].left.is_none())
}

/// What a task or an expression came to, as opposed to what follows from it.
fn is_failure(kind: &str) -> bool {
    matches!(
        kind,
        "EvaluationFailed"
            | "LambdaFunctionFailed"
            | "LambdaFunctionTimedOut"
            | "TaskFailed"
            | "TaskTimedOut"
    )
}

fn detail<'a>(event: &'a Event, name: &str) -> &'a str {
    let found = event.details.iter().find(|(key, _)| *key == name);
    match found {
        Some((_, Detail::Json(text) | Detail::Text(text))) => text,
        _ => "",
    }
}

fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: u32, previous: u32, wall_ms: i64, kind: &'static str, texts: &[&str]) -> Event {
        let names: &[&str] = match kind {
            _ if kind.ends_with("Entered") => &["name", "input"],
            _ if kind.ends_with("Exited") => &["name", "output"],
            _ => &["error", "cause", "state"],
        };
        let details =
            names.iter().zip(texts).map(|(name, text)| (*name, Detail::Text((*text).into())));
        Event { id, previous, wall_ms, mono_ns: 0, kind, details: details.collect() }
    }

    #[test]
    fn a_visit_is_a_line_with_what_failed_below_it() {
        let history = [
            event(1, 0, 1_000, "ExecutionStarted", &[]),
            event(2, 0, 1_000, "MapStateEntered", &["Each", "[1]"]),
            event(3, 2, 1_000, "MapStateStarted", &[]),
            event(4, 3, 1_000, "MapIterationStarted", &[]),
            event(5, 4, 1_500, "TaskStateEntered", &["Pay", "1"]),
            event(6, 5, 1_500, "TaskScheduled", &[]),
            event(7, 6, 1_600, "TaskFailed", &["Declined", "no money"]),
            event(8, 7, 2_750, "TaskStateExited", &["Pay", "true"]),
            event(9, 8, 2_750, "MapStateSucceeded", &[]),
            event(10, 9, 2_750, "MapStateExited", &["Each", "[true]"]),
            event(11, 10, 2_750, "FailStateEntered", &["Give up", "[true]"]),
        ];
        shows(
            &history,
            "\
0.000 s  Each     Map   [1] -> [true]  (1.750 s)
0.500 s    Pay    Task  1 -> true
             Declined: no money  (1.250 s)
1.750 s  Give up  Fail  [true] -> not left

",
        );
    }

    #[test]
    fn what_fails_while_its_state_is_entered_hangs_below_that_state() {
        let error = "States.QueryEvaluationError";
        let history = [
            event(1, 0, 1_000, "ExecutionStarted", &[]),
            event(2, 0, 1_000, "PassStateEntered", &["First", "1"]),
            event(3, 2, 1_000, "PassStateExited", &["First", "1"]),
            event(4, 3, 1_000, "TaskStateEntered", &["Pay", "1"]),
            // Recorded: behind what led to the entry; the second one behind the first.
            event(5, 3, 1_000, "EvaluationFailed", &[error, "one", "Pay"]),
            event(6, 5, 2_000, "EvaluationFailed", &[error, "two", "Pay"]),
            event(7, 6, 2_000, "TaskStateExited", &["Pay", "2"]),
            event(8, 7, 2_000, "MapStateEntered", &["Each", "2"]),
            event(9, 7, 2_000, "EvaluationFailed", &[error, "three", "Each"]),
        ];
        shows(
            &history,
            "\
0.000 s  First  Pass  1 -> 1
0.000 s  Pay    Task  1 -> 2
           States.QueryEvaluationError: one
           States.QueryEvaluationError: two  (1.000 s)
1.000 s  Each   Map   2 -> not left
           States.QueryEvaluationError: three

",
        );
    }

    #[test]
    fn a_first_state_and_a_state_of_an_iteration_have_their_failures() {
        let history = [
            event(1, 0, 1_000, "ExecutionStarted", &[]),
            event(2, 0, 1_000, "MapStateEntered", &["Each", "[1]"]),
            event(3, 0, 1_000, "EvaluationFailed", &["E", "Items", "Each"]),
            event(4, 3, 1_000, "MapStateStarted", &[]),
            event(5, 4, 1_000, "MapIterationStarted", &[]),
            event(6, 4, 1_000, "MapIterationStarted", &[]),
            event(7, 5, 1_000, "TaskStateEntered", &["Pay", "1"]),
            event(8, 6, 1_000, "TaskStateEntered", &["Pay", "2"]),
            event(9, 5, 1_000, "EvaluationFailed", &["E", "first", "Pay"]),
            event(10, 6, 1_000, "EvaluationFailed", &["E", "second", "Pay"]),
            event(11, 9, 1_000, "TaskStateExited", &["Pay", "3"]),
            event(12, 10, 1_000, "TaskStateExited", &["Pay", "4"]),
            event(13, 12, 1_000, "MapStateSucceeded", &[]),
            event(14, 13, 1_000, "EvaluationFailed", &["E", "Output", "Each"]),
            event(15, 14, 1_000, "MapStateExited", &["Each", "5"]),
        ];
        shows(
            &history,
            "\
0.000 s  Each   Map   [1] -> 5
           E: Items
           E: Output
0.000 s    Pay  Task  1 -> 3
             E: first
0.000 s    Pay  Task  2 -> 4
             E: second

",
        );
    }

    fn shows(history: &[Event], expected: &str) {
        let mut out = Vec::new();
        write(history, &mut out).expect("memory can be written");
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }
}
