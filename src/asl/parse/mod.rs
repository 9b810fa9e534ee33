//! From a definition's text to the model, collecting every problem on the way.

mod assign;
mod choice;
mod distributed;
mod expressions;
mod fields;
mod jsonata;
mod language;
mod nested;
mod numbers;
mod retry;
mod states;
mod tables;

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::check;
use super::diagnostic::{self, Code, Diagnostic};
use super::json::{self, Node};
use super::model::{Graph, Machine, QueryLanguage, Target};
use super::place::Place;
use super::source::{Position, Source, Span, Spanned};
use crate::base::limits::{DEFINITION_BYTES_MAX, EXPRESS_DURATION_MS_MAX};
use crate::expr::apply::jackson;
use assign::Scope;
use fields::Object;
use numbers::SECONDS_MAX;

/// What the machine is created as; Express refuses some resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MachineType {
    /// What the service runs.
    #[default]
    Express,
    /// Only the world of recorded cases.
    Standard,
}

/// By which rules a definition is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What the machine is created as.
    pub machine_type: MachineType,
    /// Accepts Maps of `Mode: DISTRIBUTED` in an Express machine too, which AWS refuses.
    pub distributed: bool,
}

impl From<MachineType> for Rules {
    fn from(machine_type: MachineType) -> Self {
        Self { machine_type, distributed: false }
    }
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

/// Reads a definition and returns warnings in any case; `file` is only a name.
pub fn parse_as(source: &str, file: &str, rules: impl Into<Rules>) -> Parsed {
    let (machine, parsed) = read(source, file, rules.into());
    let refused = parsed.diagnostics.iter().any(Diagnostic::is_error);
    Parsed { machine: machine.filter(|_| !refused), ..parsed }
}

/// Reads a definition that is only looked at, never run: fields that are not supported yet are no
/// obstacle.
pub(super) fn parse_to_describe(
    source: &str,
    rules: impl Into<Rules>,
) -> Result<Machine, Vec<Diagnostic>> {
    let (machine, parsed) = read(source, "", rules.into());
    let mut errors = parsed.diagnostics.iter().filter(|found| found.is_error());
    let described = errors.all(|found| found.code == Code::UnsupportedField);
    machine.filter(|_| described).ok_or(parsed.diagnostics)
}

/// Reads what can be read, with all that is wrong.
fn read(source: &str, file: &str, rules: Rules) -> (Option<Machine>, Parsed) {
    let mut parser = Parser {
        text: source,
        rules,
        machine_language: QueryLanguage::JsonPath,
        names: HashMap::new(),
        labels: HashSet::new(),
        assigned: BTreeSet::new(),
        scopes: Vec::new(),
        graph_count: 0,
        lines: OnceCell::new(),
        diagnostics: Vec::new(),
        omitted_count: 0,
    };
    let machine = parser.definition(file);
    parser.explain_crossings();
    let Parser { mut diagnostics, omitted_count, .. } = parser;
    diagnostic::sort(&mut diagnostics);
    (machine, Parsed { machine: None, diagnostics, omitted_count })
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
    rules: Rules,
    /// The machine's language.
    machine_language: QueryLanguage,
    /// Every state's name, where it stood first and in which graph.
    names: HashMap<String, (Span, usize)>,
    /// `Label` of every Map.
    labels: HashSet<String>,
    /// Variables that any state of the machine assigns, at any depth.
    assigned: BTreeSet<String>,
    /// The graph that is being read, and those around it; the innermost last.
    scopes: Vec<Scope>,
    /// Graphs begun so far.
    graph_count: usize,
    /// Where each line begins, once somebody asked.
    lines: OnceCell<Vec<u32>>,
    diagnostics: Vec<Diagnostic>,
    omitted_count: usize,
}

impl Parser<'_> {
    fn definition(&mut self, file: &str) -> Option<Machine> {
        let root = self.read()?;
        let machine = Object::unnamed(&root, Place::MACHINE, QueryLanguage::JsonPath);
        self.only_fields(&machine, MACHINE_FIELDS);
        let comment = self.comment(&machine);
        self.one_of(&machine, "Version", &["1.0"]);
        self.machine_language = self.language(&machine, QueryLanguage::JsonPath);
        // AWS: 0 is accepted here, but nobody recorded what it does; so it is refused.
        let timeout_seconds = self.integer(&machine, "TimeoutSeconds", 1..=SECONDS_MAX);
        self.warn_over_express_limit(timeout_seconds.as_ref());
        assign::collect(&root, &mut self.assigned);
        let graph = self.graph(&machine, false)?;
        let definition_bytes = self.text.len();
        let file = file.to_owned();
        Some(Machine { file, comment, graph, timeout_seconds, definition_bytes })
    }

    /// Reads `StartAt` and `States` of a machine, a branch or a processor.
    ///
    /// An isolated one does not see the variables around it.
    fn graph(&mut self, object: &Object<'_>, isolated: bool) -> Option<Graph> {
        let start_at = self.string(object, "StartAt");
        let states = self.states_object(object);
        if !self.require(object, &["States", "StartAt"]) {
            for diagnostic in check::graph(object.node, &object.place) {
                self.report(diagnostic);
            }
        }
        let members = states.map_or(&[][..], Node::members);
        self.scopes.push(Scope::new(members, isolated));
        self.graph_count += 1;
        let number = self.graph_count;
        let mut read = Vec::with_capacity(members.len());
        for (index, member) in members.iter().enumerate() {
            if let Some(scope) = self.scopes.last_mut() {
                scope.current = index;
            }
            read.extend(self.state(&object.place, member, number));
        }
        let start_at = self.target(start_at);
        self.scopes.pop();
        Some(Graph { start_at: start_at?, states: read })
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
                self.report(self.syntax_error(error));
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

    /// A text that is no JSON, in AWS's words where it has some.
    fn syntax_error(&self, error: json::SyntaxError) -> Diagnostic {
        let complaint = error.in_words_of_aws(self.text);
        let json::SyntaxError { message, expected, span, too_deep } = error;
        if too_deep {
            return Diagnostic::new(Code::TooDeep, "/", span, message);
        }
        // AWS: Jackson's description of a place; it cuts the text, and stands behind what it read.
        let mut chars = self.text.char_indices();
        let shown = chars.nth(SOURCE_CHARS_MAX).map_or(self.text, |(end, _)| &self.text[..end]);
        let cut = match chars.count() {
            0 => String::new(),
            rest => format!("[truncated {} chars]", rest + 1),
        };
        let (message, label, line, column) = if let Some(complaint) = complaint {
            // The place of a bracket that stays open, without the text around it.
            let theirs = complaint.message.replace(&format!("{}; ", jackson::SOURCE), "");
            let theirs = theirs.replace("])", ")");
            let label = expected.or_else(|| (message != theirs).then_some(message));
            (theirs, label, complaint.line, complaint.column)
        } else {
            let source = Source { file: "", text: self.text };
            let Position { line, column } = source.position(span.end);
            (message, expected, line as usize, column as usize)
        };
        let location =
            format!("[Source: (String)\"{shown}\"{cut}; line: {line}, column: {column}]");
        let found = Diagnostic::new(Code::InvalidJson, "/", span, message);
        let label = label.map(String::into_boxed_str);
        Diagnostic { label, location: Some(location.into_boxed_str()), ..found }
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
        let states = machine.get("States")?;
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
        let index = *self.scopes.last()?.states.get(&name.value)?;
        Some(Target { name, index })
    }

    fn warn_over_express_limit(&mut self, timeout: Option<&Spanned<u64>>) {
        let limit_seconds = EXPRESS_DURATION_MS_MAX / 1_000;
        let Some(timeout) = timeout else { return };
        if self.rules.machine_type == MachineType::Express && timeout.value > limit_seconds {
            let message = format!("an Express execution ends after {limit_seconds} seconds anyway");
            self.report(Diagnostic::new(
                Code::TimeoutOverExpress,
                "/TimeoutSeconds",
                timeout.span,
                message,
            ));
        }
    }

    /// Says of targets that no graph of their own has that they lie outside or inside of it.
    fn explain_crossings(&mut self) {
        for diagnostic in &mut self.diagnostics {
            let target = diagnostic.message.strip_prefix("Missing 'Next' target: ");
            if diagnostic.code == Code::UnknownTarget
                && target.is_some_and(|target| self.names.contains_key(target))
            {
                diagnostic.help = Some(
                    "the state of that name is in another \"States\" object; transitions do not \
                     lead into or out of branches and Maps"
                        .to_owned(),
                );
            }
        }
    }

    fn line(&self, span: Span) -> usize {
        let lines = self.lines.get_or_init(|| {
            let breaks = self.text.bytes().zip(1..).filter(|&(byte, _)| byte == b'\n');
            breaks.map(|(_, start)| start).collect()
        });
        lines.partition_point(|&start| start <= span.start) + 1
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

/// As much of the text as Jackson puts into its messages.
const SOURCE_CHARS_MAX: usize = 500;

/// Nobody reads more, and a hostile definition of 1 MB could have hundreds of thousands.
const DIAGNOSTICS_MAX: usize = 1_000;

const MACHINE_FIELDS: &[&str] =
    &["StartAt", "States", "Comment", "Version", "TimeoutSeconds", "QueryLanguage"];
