//! `Assign`: names of variables, and the scopes they live in.

use std::collections::{BTreeSet, HashMap};

use super::Parser;
use super::fields::Object;
use super::jsonata::Stage;
use super::tables::PROCESSOR_FIELDS;
use crate::asl::diagnostic::{Code, Diagnostic};
use crate::asl::json::{Kind, Member, Node};
use crate::asl::model::{Assign, QueryLanguage};
use crate::asl::source::Span;
use crate::base::limits::NAME_CHARS_MAX;

/// The graph that is being read, and what its states may refer to.
pub(super) struct Scope {
    /// Index of each state in source order.
    pub(super) states: HashMap<String, usize>,
    /// Index of the state that is being read.
    pub(super) current: usize,
    /// Names that the graph's own states assign, and where: at most two places, in different
    /// catchers, of which any state is inside of one at most.
    variables: HashMap<String, Vec<Assigned>>,
    /// The processor of a distributed Map: its executions see no variable from outside.
    isolated: bool,
}

/// Where a variable is assigned.
struct Assigned {
    span: Span,
    /// The state whose catcher assigns it. AWS: the branches and iterations of that state, which
    /// are over by then, may assign a variable of the same name (measured).
    caught_in: Option<usize>,
}

impl Scope {
    pub(super) fn new(states: &[Member], isolated: bool) -> Self {
        let mut variables: HashMap<String, Vec<Assigned>> = HashMap::new();
        for (index, state) in states.iter().enumerate() {
            for (holder, caught) in holders(&state.value) {
                let caught_in = caught.then_some(index);
                for member in holder.get("Assign").map_or(&[][..], Node::members) {
                    let places = variables.entry(variable(&member.key).to_owned()).or_default();
                    if places.len() < 2 && places.iter().all(|one| one.caught_in != caught_in) {
                        places.push(Assigned { span: member.key_span, caught_in });
                    }
                }
            }
        }
        let names = states.iter().enumerate();
        let states = names.map(|(index, state)| (state.key.clone(), index)).collect();
        Self { states, current: 0, variables, isolated }
    }

    /// Where a variable is assigned that a state inside of the present one must not assign.
    fn assigned(&self, name: &str) -> Option<Span> {
        let mut places = self.variables.get(name)?.iter();
        places.find(|one| one.caught_in != Some(self.current)).map(|one| one.span)
    }
}

impl Parser<'_> {
    /// Reads `Assign` of a state, a choice rule or a catcher.
    pub(super) fn assign(&mut self, object: &Object<'_>, stage: Stage) -> Option<Assign> {
        let value = object.get("Assign")?;
        let Kind::Object(members) = &value.kind else {
            self.wrong_type(object, "Assign", value, "Object");
            return None;
        };
        let place = object.place.field("Assign");
        match object.language {
            QueryLanguage::JsonPath => self.template_node(value, &place),
            QueryLanguage::Jsonata => self.expressions(value, &place, stage),
        }
        for member in members {
            let name = match object.language {
                QueryLanguage::JsonPath => variable(&member.key),
                QueryLanguage::Jsonata => &member.key,
            };
            if let Some(fault) = self.variable_fault(name) {
                let Fault { code, message, help } = fault;
                let path = object.field("Assign");
                self.report(Diagnostic::new(code, &path, member.key_span, message).help(help));
            }
        }
        Some(value.clone())
    }

    /// Finds out why a variable cannot be assigned here.
    fn variable_fault(&self, name: &str) -> Option<Fault> {
        if name == "states" {
            return Some(Fault {
                code: Code::ReservedVariable,
                message: "Cannot assign to reserved variable '$states'.".to_owned(),
                help: "choose another name".to_owned(),
            });
        }
        let length = name.chars().count();
        if !is_identifier(name) || length > NAME_CHARS_MAX {
            let (reason, help) = if length > NAME_CHARS_MAX {
                let reason = format!(
                    "the variable name has {length} characters and exceeds the \
                     {NAME_CHARS_MAX}-character limit."
                );
                (reason, "choose a shorter name".to_owned())
            } else {
                let reason = "the variable name contains invalid characters.".to_owned();
                (reason, identifier_help(name))
            };
            return Some(Fault {
                code: Code::BadVariableName,
                message: format!("Invalid variable name '{name}': {reason}"),
                help,
            });
        }
        let line = self.line(self.outer_variable(name)?);
        Some(Fault {
            code: Code::OuterVariable,
            message: format!("the variable '{name}' belongs to an enclosing scope"),
            help: format!(
                "line {line} assigns it; choose another name, and hand the value out as output"
            ),
        })
    }

    /// Finds a variable in the scopes around the present one.
    fn outer_variable(&self, name: &str) -> Option<Span> {
        let mut scope = self.scopes.last()?;
        for outer in self.scopes.iter().rev().skip(1) {
            if scope.isolated {
                return None;
            }
            if let Some(span) = outer.assigned(name) {
                return Some(span);
            }
            scope = outer;
        }
        None
    }
}

/// Collects the variables that the states of a graph assign, and those of the graphs inside. The
/// reader of JSON bounds how deep.
pub(super) fn collect(graph: &Node, names: &mut BTreeSet<String>) {
    for state in graph.get("States").map_or(&[][..], Node::members) {
        for (holder, _) in holders(&state.value) {
            let members = holder.get("Assign").map_or(&[][..], Node::members);
            names.extend(members.iter().map(|member| variable(&member.key).to_owned()));
        }
        let processors = PROCESSOR_FIELDS.iter().filter_map(|field| state.value.get(field));
        for inside in items(&state.value, "Branches").iter().chain(processors) {
            collect(inside, names);
        }
    }
}

/// The parts of a state that may have `Assign`, and whether they catch an error.
fn holders(state: &Node) -> impl Iterator<Item = (&Node, bool)> {
    let rules = items(state, "Choices").iter().chain([state]).map(|rule| (rule, false));
    rules.chain(items(state, "Catch").iter().map(|catcher| (catcher, true)))
}

fn items<'n>(state: &'n Node, list: &str) -> &'n [Node] {
    state.get(list).map_or(&[][..], Node::items)
}

/// Why a variable cannot be assigned.
struct Fault {
    code: Code,
    message: String,
    help: String,
}

/// The variable that a key of `Assign` names by JSONPath; by JSONata the key is the name, and one
/// that ends in `.$` is none.
fn variable(key: &str) -> &str {
    key.strip_suffix(".$").unwrap_or(key)
}

/// AWS: `workflow-variables` points at Unicode's identifiers (UAX #31).
fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(unicode_ident::is_xid_start)
        && chars.all(unicode_ident::is_xid_continue)
}

fn identifier_help(name: &str) -> String {
    if name.contains(['.', '[']) {
        "a variable is assigned as a whole: assign an object instead".to_owned()
    } else {
        "a name is a letter, then letters, digits and '_'".to_owned()
    }
}
