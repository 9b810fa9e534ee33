//! A state machine as its author wrote it: typed, checked, with every place remembered.
//!
//! Paths, templates and intrinsic calls stay text and JSON here, proven to parse; turning them
//! into programs is the compiler's work. Holding a [`Machine`] means that its definition has no
//! error and uses nothing that is not supported.

use super::json::Node;
use super::operator::Operator;
use super::source::{Span, Spanned};

/// A state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Name of the file that the definition came from, for messages and listings.
    pub file: String,
    /// `Comment`.
    pub comment: Option<String>,
    /// `StartAt`.
    pub start_at: Target,
    /// `TimeoutSeconds` of the whole execution.
    pub timeout_seconds: Option<Spanned<u64>>,
    /// The states, in source order.
    pub states: Vec<State>,
    /// Length of the definition in bytes, as AWS counts it into the billed memory.
    pub definition_bytes: usize,
}

impl Machine {
    /// Finds a state by its name.
    pub fn state(&self, name: &str) -> Option<&State> {
        self.states.iter().find(|state| state.name.value == name)
    }
}

/// A state that another one, or the machine, names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name, where it is referred to.
    pub name: Spanned<String>,
    /// Its index in [`Machine::states`].
    pub index: usize,
}

/// A state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Its name, where it is defined.
    pub name: Spanned<String>,
    /// The object that defines it.
    pub span: Span,
    /// `Comment`.
    pub comment: Option<String>,
    /// `Type` with what belongs to it.
    pub kind: StateKind,
}

/// The kinds of states that are supported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateKind {
    /// `Pass`.
    Pass(Pass),
    /// `Choice`.
    Choice(Choice),
    /// `Wait`.
    Wait(Wait),
    /// `Succeed`.
    Succeed(Succeed),
    /// `Fail`.
    Fail(Fail),
    /// `Task`.
    Task(Task),
}

/// What comes after a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// `Next`.
    Next(Target),
    /// `"End": true`.
    End(Span),
}

/// `InputPath`, `ResultPath` or `OutputPath`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PathField {
    /// Not written: `$`.
    #[default]
    Absent,
    /// `null`: nothing is taken, or nothing is kept.
    Null(Span),
    /// A path.
    Path(Spanned<String>),
}

/// A payload template: JSON whose keys ending in `.$` hold paths and intrinsic calls.
pub type Template = Node;

/// A Pass state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// `InputPath`.
    pub input_path: PathField,
    /// `Parameters`.
    pub parameters: Option<Template>,
    /// `Result`: a literal, never a template.
    pub result: Option<Node>,
    /// `ResultPath`.
    pub result_path: PathField,
    /// `OutputPath`.
    pub output_path: PathField,
    /// `Next` or `End`.
    pub transition: Transition,
}

/// A Choice state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// `InputPath`.
    pub input_path: PathField,
    /// `OutputPath`.
    pub output_path: PathField,
    /// `Choices`, never empty.
    pub choices: Vec<ChoiceRule>,
    /// `Default`.
    pub default: Option<Target>,
}

/// A top-level rule of a Choice state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChoiceRule {
    /// The object that holds it.
    pub span: Span,
    /// `Comment`.
    pub comment: Option<String>,
    /// What must hold.
    pub rule: Rule,
    /// `Next`.
    pub next: Target,
}

/// A condition: a test, or other conditions combined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `And`: all of them, left to right; never empty.
    And(Vec<Self>),
    /// `Or`: one of them, left to right; never empty.
    Or(Vec<Self>),
    /// `Not`.
    Not(Box<Self>),
    /// A data test.
    Test(Test),
}

/// A data test: `Variable`, operator, operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// The object that holds it.
    pub span: Span,
    /// `Variable`, a path.
    pub variable: Spanned<String>,
    /// The operator and where its name stands.
    pub operator: Spanned<Operator>,
    /// What the variable is compared with.
    pub operand: Operand,
}

/// The right side of a data test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A literal of the type that the operator's family asks for.
    Literal(Node),
    /// A path, of the `…Path` operators.
    Path(Spanned<String>),
}

/// A Wait state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// `InputPath`.
    pub input_path: PathField,
    /// `OutputPath`.
    pub output_path: PathField,
    /// How long, or until when.
    pub until: WaitUntil,
    /// `Next` or `End`.
    pub transition: Transition,
}

/// The four ways to say how long a Wait state waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitUntil {
    /// `Seconds`.
    Seconds(Spanned<u64>),
    /// `SecondsPath`.
    SecondsPath(Spanned<String>),
    /// `Timestamp`, RFC 3339.
    Timestamp(Spanned<String>),
    /// `TimestampPath`.
    TimestampPath(Spanned<String>),
}

/// A Succeed state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succeed {
    /// `InputPath`.
    pub input_path: PathField,
    /// `OutputPath`.
    pub output_path: PathField,
}

/// A Fail state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fail {
    /// `Error` or `ErrorPath`.
    pub error: Option<FailText>,
    /// `Cause` or `CausePath`.
    pub cause: Option<FailText>,
}

/// Error name or cause of a Fail state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailText {
    /// The text itself.
    Literal(Spanned<String>),
    /// A reference path (it starts with `$`).
    Path(Spanned<String>),
    /// An intrinsic call that returns a string.
    Intrinsic(Spanned<String>),
}

/// A Task state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// `Resource`.
    pub resource: Spanned<String>,
    /// `InputPath`.
    pub input_path: PathField,
    /// `Parameters`.
    pub parameters: Option<Template>,
    /// `ResultSelector`.
    pub result_selector: Option<Template>,
    /// `ResultPath`.
    pub result_path: PathField,
    /// `OutputPath`.
    pub output_path: PathField,
    /// `TimeoutSeconds` or `TimeoutSecondsPath`.
    pub timeout: Option<Timeout>,
    /// `Next` or `End`.
    pub transition: Transition,
}

/// How long a task may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// `TimeoutSeconds`, at least 1.
    Seconds(Spanned<u64>),
    /// `TimeoutSecondsPath`, a reference path.
    Path(Spanned<String>),
}
