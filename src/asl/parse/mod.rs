//! From a definition's text to the model, collecting every problem on the way.

mod choice;
mod expressions;
mod fields;
mod states;

use std::collections::HashMap;

use super::check;
use super::diagnostic::{self, Code, Diagnostic};
use super::json::{self, Node};
use super::model::{Graph, Machine, Target};
use super::source::{Span, Spanned};
use crate::base::limits::{DEFINITION_BYTES_MAX, EXPRESS_DURATION_MS_MAX};
use fields::Object;

/// What the machine is created as; Express refuses some resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MachineType {
    /// What the service runs.
    #[default]
    Express,
    /// Only the world of recorded cases.
    Standard,
}

/// What came of a definition.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The machine, unless there was an error.
    pub machine: Option<Machine>,
    /// The problems in the order of the text, warnings too; not more than a thousand.
    pub diagnostics: Vec<Diagnostic>,
    /// Problems beyond that.
    pub omitted_count: usize,
}

/// Reads the definition of an Express machine; `file` is only a name.
///
/// # Errors
///
/// All errors at once, in the order of the text, and the warnings between them.
pub fn parse(source: &str, file: &str) -> Result<Machine, Vec<Diagnostic>> {
    let parsed = parse_as(source, file, MachineType::Express);
    parsed.machine.ok_or(parsed.diagnostics)
}

/// Reads a definition and returns warnings in any case.
pub fn parse_as(source: &str, file: &str, machine_type: MachineType) -> Parsed {
    let mut parser = Parser {
        text: source,
        machine_type,
        names: HashMap::new(),
        diagnostics: Vec::new(),
        omitted_count: 0,
    };
    let machine = parser.definition(file);
    let Parser { mut diagnostics, omitted_count, .. } = parser;
    diagnostic::sort(&mut diagnostics);
    let refused = diagnostics.iter().any(Diagnostic::is_error);
    Parsed { machine: machine.filter(|_| !refused), diagnostics, omitted_count }
}

/// Takes the bytes of a file as the text of a definition.
///
/// # Errors
///
/// The place of the first byte that is not UTF-8, to be shown in the text decoded with
/// replacement characters.
pub fn decode(bytes: &[u8]) -> Result<&str, Diagnostic> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let message =
            format!("the definition is not UTF-8: byte {:#04x} at offset {at}", bytes[at]);
        Diagnostic::new(Code::NotUtf8, "/", Span::new(at, at + 1), message)
            .help("save the file as UTF-8")
    })
}

/// State of one parse. Every method reports what it finds wrong and returns what it could read.
struct Parser<'a> {
    text: &'a str,
    machine_type: MachineType,
    /// Index of every state in source order.
    names: HashMap<String, usize>,
    diagnostics: Vec<Diagnostic>,
    omitted_count: usize,
}

impl Parser<'_> {
    fn definition(&mut self, file: &str) -> Option<Machine> {
        let root = self.read()?;
        let machine = Object::new(
            &root,
            String::new(),
            Span::new(root.span.start as usize, root.span.start as usize + 1),
        );
        self.only_fields(&machine, MACHINE_FIELDS, &[], &[]);
        let comment = self.comment(&machine);
        self.one_of(&machine, "Version", &["1.0"]);
        let jsonata = self.language(&machine, false);
        // AWS: 0 is accepted here, but nobody recorded what it does; so it is refused.
        let timeout_seconds = self.integer(&machine, "TimeoutSeconds", 1);
        self.warn_over_express_limit(timeout_seconds.as_ref());
        let start_at = self.string(&machine, "StartAt");
        let states = self.states_object(&machine);
        if !self.require(&machine, &["States", "StartAt"]) {
            for diagnostic in check::graph(&root) {
                self.report(diagnostic);
            }
        }
        for (index, member) in states.iter().flat_map(|node| node.members()).enumerate() {
            self.names.insert(member.key.clone(), index);
        }
        let states: Vec<_> =
            states?.members().iter().filter_map(|member| self.state(member, jsonata)).collect();
        let start_at = self.target(start_at)?;
        let definition_bytes = self.text.len();
        let file = file.to_owned();
        let graph = Graph { start_at, states };
        Some(Machine { file, comment, graph, timeout_seconds, definition_bytes })
    }

    /// Reads the text as a JSON object.
    fn read(&mut self) -> Option<Node> {
        let bytes = self.text.len();
        if bytes > DEFINITION_BYTES_MAX {
            let message = format!(
                "the definition has {bytes} bytes, more than the {DEFINITION_BYTES_MAX} allowed"
            );
            self.report(Diagnostic::new(Code::TooLarge, "/", Span::default(), message));
            return None;
        }
        if self.text.trim().is_empty() {
            self.not_an_object(Span::default(), "the definition is empty");
            return None;
        }
        let (root, duplicates) = match json::read(self.text) {
            Ok(read) => read,
            Err(error) => {
                let code = if error.too_deep { Code::TooDeep } else { Code::InvalidJson };
                self.report(Diagnostic::new(code, "/", error.span, error.message));
                return None;
            }
        };
        self.omitted_count += duplicates.len().saturating_sub(DIAGNOSTICS_MAX);
        for duplicate in duplicates.into_iter().take(DIAGNOSTICS_MAX) {
            let pointer = root.pointer_at(duplicate.span.start);
            let message = format!("the key '{}' appears twice in this object", duplicate.key);
            let first = self.line(duplicate.first);
            self.report(
                Diagnostic::new(Code::DuplicateKey, &pointer, duplicate.span, message)
                    .label(format!("first on line {first}"))
                    .help("rename or remove one of them"),
            );
        }
        if !matches!(root.kind, json::Kind::Object(_)) {
            let start = root.span.start as usize;
            self.not_an_object(Span::new(start, start + 1), "this is not an object");
            return None;
        }
        Some(root)
    }

    fn not_an_object(&mut self, span: Span, label: &str) {
        self.report(
            Diagnostic::new(Code::NotAnObject, "/", span, "Definition must be a valid JSON object")
                .label(label)
                .help("start with {\"StartAt\": \"Name\", \"States\": {...}}"),
        );
    }

    /// Reads `States`: an object with at least one state.
    fn states_object<'n>(&mut self, machine: &Object<'n>) -> Option<&'n Node> {
        let states = machine.node.get("States")?;
        if !matches!(states.kind, json::Kind::Object(_)) {
            self.wrong_type(machine, "States", states, "Object");
            return None;
        }
        if states.members().is_empty() {
            self.empty(&machine.field("States"), states.span);
        }
        Some(states)
    }

    /// Finds the state a transition leads to; what leads nowhere is reported by the graph check.
    fn target(&self, name: Option<Spanned<String>>) -> Option<Target> {
        let name = name?;
        let index = *self.names.get(&name.value)?;
        Some(Target { name, index })
    }

    fn warn_over_express_limit(&mut self, timeout: Option<&Spanned<u64>>) {
        let limit_seconds = EXPRESS_DURATION_MS_MAX / 1_000;
        let Some(timeout) = timeout else { return };
        if self.machine_type == MachineType::Express && timeout.value > limit_seconds {
            let message = format!("an Express execution ends after {limit_seconds} seconds anyway");
            self.report(Diagnostic::new(
                Code::TimeoutOverExpress,
                "/TimeoutSeconds",
                timeout.span,
                message,
            ));
        }
    }

    fn line(&self, span: Span) -> u32 {
        super::source::Source { file: "", text: self.text }.position(span.start).line
    }

    /// Keeps a diagnostic while there is room; warnings leave half of it to errors.
    fn report(&mut self, diagnostic: Diagnostic) {
        let room = if diagnostic.is_error() { DIAGNOSTICS_MAX } else { DIAGNOSTICS_MAX / 2 };
        if self.diagnostics.len() < room {
            self.diagnostics.push(diagnostic);
        } else {
            self.omitted_count += 1;
        }
    }
}

/// Nobody reads more, and a hostile definition of 1 MB could have hundreds of thousands.
const DIAGNOSTICS_MAX: usize = 1_000;

const MACHINE_FIELDS: &[&str] =
    &["StartAt", "States", "Comment", "Version", "TimeoutSeconds", "QueryLanguage"];
