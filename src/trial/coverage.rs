//! Which states and branches of the tested definitions the cases reached.
//!
//! A branch is a way out of a state that data or errors choose: the targets of a Choice, and those
//! of catchers. Rules that lead to the same state are one branch, since a history does not say
//! which of them matched.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use serde::Serialize;

use super::case::{Case, Kind};
use crate::asl::model::{Catcher, Graph, State, StateKind};
use crate::asl::parse_as;
use crate::vm::{Detail, Event};

/// Coverage of all definitions, in the order in which cases named them.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    definitions: Vec<Definition>,
    /// Text of a definition to its index.
    known: HashMap<String, usize>,
}

/// One definition; states and branches in source order, with their places by name.
#[derive(Clone, Debug, Default)]
struct Definition {
    name: String,
    cases: usize,
    states: Vec<(String, bool)>,
    branches: Vec<(Branch, Ways)>,
    state_places: HashMap<String, usize>,
    branch_places: HashMap<Branch, usize>,
}

/// A way from a state to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Branch {
    state: String,
    caught: bool,
    target: String,
}

/// The rules or catchers that make a branch, and whether one was taken.
#[derive(Clone, Debug, Default)]
struct Ways {
    fields: Vec<String>,
    taken: bool,
}

impl Coverage {
    /// Adds what a run of a case reached.
    pub fn add(&mut self, case: &Case, history: &[Event]) {
        if case.kind != Kind::Execution || history.is_empty() {
            return;
        }
        let Some(index) = self.index_of(case) else { return };
        let definition = &mut self.definitions[index];
        definition.cases += 1;
        let events: HashMap<_, _> = history.iter().map(|event| (event.id, event)).collect();
        for event in history {
            let Some(name) = state_name(event, "Entered") else { continue };
            definition.enter(name);
            let Some(exited) = events.get(&event.previous) else { continue };
            let Some(from) = state_name(exited, "Exited") else { continue };
            let caught = events.get(&exited.previous).is_some_and(|cause| is_failure(cause.kind));
            let branch = Branch { state: from.to_owned(), caught, target: name.to_owned() };
            definition.take(&branch);
        }
    }

    fn index_of(&mut self, case: &Case) -> Option<usize> {
        if let Some(index) = self.known.get(&case.definition) {
            return Some(*index);
        }
        let machine = parse_as(&case.definition, &case.name, case.machine_type).machine?;
        let name = case.definition_name.clone();
        let mut definition = Definition { name, ..Definition::default() };
        definition.add_graph(&machine.graph);
        let index = self.definitions.len();
        self.definitions.push(definition);
        self.known.insert(case.definition.clone(), index);
        Some(index)
    }

    /// A line for each definition and what was not reached below it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let width = self.definitions.iter().map(|one| one.name.chars().count()).max();
        let width = width.unwrap_or(0).max(10);
        let _ = writeln!(
            text,
            "\n{:<width$} {:>6} {:>12} {:>12}",
            "coverage", "cases", "states", "branches"
        );
        let mut total = (Share::default(), Share::default());
        for definition in &self.definitions {
            let (states, branches) = definition.shares();
            total = (total.0.plus(states), total.1.plus(branches));
            let (name, cases) = (&definition.name, definition.cases);
            let _ = writeln!(
                text,
                "{name:<width$} {cases:>6} {:>12} {:>12}",
                states.text(),
                branches.text()
            );
            for line in definition.missed() {
                let _ = writeln!(text, "  {line}");
            }
        }
        if self.definitions.len() > 1 {
            let cases: usize = self.definitions.iter().map(|one| one.cases).sum();
            let _ = writeln!(
                text,
                "{:<width$} {cases:>6} {:>12} {:>12}",
                "total",
                total.0.text(),
                total.1.text()
            );
        }
        text
    }

    /// The same as a document.
    pub fn json(&self) -> serde_json::Value {
        let definitions = self.definitions.iter().map(|definition| {
            let (states, branches) = definition.shares();
            let (name, cases) = (&definition.name, definition.cases);
            serde_json::json!({"definition": name, "cases": cases, "states": states,
                "branches": branches, "missed": definition.missed()})
        });
        definitions.collect()
    }
}

impl Definition {
    fn add_graph(&mut self, graph: &Graph) {
        for state in &graph.states {
            let name = &state.name.value;
            self.state_places.insert(name.clone(), self.states.len());
            self.states.push((name.clone(), false));
            self.add_branches(state);
        }
    }

    fn add_branches(&mut self, state: &State) {
        match &state.kind {
            StateKind::Choice(choice) => {
                for (index, rule) in choice.choices.iter().enumerate() {
                    self.branch(state, false, &rule.next.name.value, format!("Choices[{index}]"));
                }
                if let Some(default) = &choice.default {
                    self.branch(state, false, &default.name.value, "Default".to_owned());
                }
            }
            StateKind::Task(task) => self.catchers(state, &task.catch),
            StateKind::Parallel(parallel) => {
                self.catchers(state, &parallel.catch);
                for branch in &parallel.branches {
                    self.add_graph(branch);
                }
            }
            StateKind::Map(map) => {
                self.catchers(state, &map.catch);
                self.add_graph(&map.processor);
            }
            StateKind::Pass(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_) => {}
        }
    }

    fn catchers(&mut self, state: &State, catchers: &[Catcher]) {
        for (index, catcher) in catchers.iter().enumerate() {
            self.branch(state, true, &catcher.next.name.value, format!("Catch[{index}]"));
        }
    }

    fn branch(&mut self, state: &State, caught: bool, target: &str, field: String) {
        let state = state.name.value.clone();
        let branch = Branch { state, caught, target: target.to_owned() };
        let place = *self.branch_places.entry(branch).or_insert_with_key(|branch| {
            self.branches.push((branch.clone(), Ways::default()));
            self.branches.len() - 1
        });
        self.branches[place].1.fields.push(field);
    }

    fn enter(&mut self, name: &str) {
        if let Some(place) = self.state_places.get(name) {
            self.states[*place].1 = true;
        }
    }

    fn take(&mut self, branch: &Branch) {
        if let Some(place) = self.branch_places.get(branch) {
            self.branches[*place].1.taken = true;
        }
    }

    fn shares(&self) -> (Share, Share) {
        let count = |taken: usize, all: usize| Share { reached: taken, all };
        let entered = self.states.iter().filter(|(_, entered)| *entered).count();
        let taken = self.branches.iter().filter(|(_, ways)| ways.taken).count();
        (count(entered, self.states.len()), count(taken, self.branches.len()))
    }

    /// What no case reached, in words; the ways out of a state that was not entered go without
    /// saying.
    fn missed(&self) -> Vec<String> {
        let unentered = self.states.iter().filter(|(_, entered)| !entered);
        let unentered: Vec<_> = unentered.map(|(name, _)| name).collect();
        let states = unentered.iter().map(|name| format!("not entered: {name}"));
        let unentered: HashSet<_> = unentered.iter().collect();
        let branches = self
            .branches
            .iter()
            .filter(|(branch, ways)| !ways.taken && !unentered.contains(&&branch.state))
            .map(|(branch, ways)| {
                let fields = ways.fields.join(", ");
                format!("not taken: {} {fields} -> {}", branch.state, branch.target)
            });
        states.chain(branches).collect()
    }
}

/// How many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Share {
    reached: usize,
    all: usize,
}

impl Share {
    fn plus(self, other: Self) -> Self {
        Self { reached: self.reached + other.reached, all: self.all + other.all }
    }

    fn text(self) -> String {
        format!("{}/{}", self.reached, self.all)
    }
}

/// The state of a `…StateEntered` or `…StateExited` event.
fn state_name<'a>(event: &'a Event, what: &str) -> Option<&'a str> {
    if !event.kind.strip_suffix(what)?.ends_with("State") {
        return None;
    }
    event.details.iter().find_map(|(key, detail)| match detail {
        Detail::Text(name) if *key == "name" => Some(name.as_ref()),
        _ => None,
    })
}

/// Whether a state that is left after this event is left by a catcher.
fn is_failure(kind: &str) -> bool {
    kind.ends_with("Failed") || kind.ends_with("TimedOut") || kind.ends_with("Aborted")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::find::tests::case;
    use crate::trial::run;

    const DEFINITION: &str = r#"{"StartAt": "Check", "States": {
        "Check": {"Type": "Choice", "Default": "Big", "Choices": [
            {"Variable": "$", "NumericLessThan": 10, "Next": "Small"},
            {"Variable": "$", "NumericEquals": 12, "Next": "Small"},
            {"Variable": "$", "NumericLessThan": 100, "Next": "Middle"}]},
        "Small": {"Type": "Succeed"}, "Middle": {"Type": "Fail"}, "Big": {"Type": "Pass",
            "End": true}}}"#;

    fn covered(inputs: &[u32]) -> Coverage {
        let mut coverage = Coverage::default();
        for input in inputs {
            let case = case(&format!(
                "{{\"definition\": {DEFINITION}, \"input\": {input}, \
                 \"expect\": {{\"status\": \"FAILED\"}}}}"
            ));
            coverage.add(&case, &run(&case).history);
        }
        coverage
    }

    #[test]
    fn states_and_branches_are_counted_and_the_missed_are_named() {
        assert_eq!(
            covered(&[5, 12, 6]).text(),
            "
coverage    cases       states     branches
cases/case      3          2/4          1/3
  not entered: Middle
  not entered: Big
  not taken: Check Choices[2] -> Middle
  not taken: Check Default -> Big
"
        );
        let document = covered(&[5, 50, 500]).json();
        assert_eq!(document[0]["branches"], serde_json::json!({"reached": 3, "all": 3}));
        assert_eq!(document[0]["missed"], serde_json::json!([]));
    }
}
