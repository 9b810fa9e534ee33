//! A state machine as its author wrote it: typed, checked, with every place remembered.
//!
//! Paths, templates, intrinsic calls and JSONata expressions stay text and JSON here, proven to
//! parse; turning them into programs is the compiler's work. Holding a [`Machine`] means that its definition has no
//! error and uses nothing that is not supported.

use super::json::Node;
use super::operator::Operator;
use super::source::{Span, Spanned};

/// A state machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// Name of the file that the definition came from, for messages and listings.
    pub file: String,
    /// `Comment`.
    pub comment: Option<String>,
    /// `StartAt` and `States` of the machine itself.
    pub graph: Graph,
    /// `TimeoutSeconds` of the whole execution.
    pub timeout_seconds: Option<Spanned<u64>>,
    /// Length of the definition in bytes, as AWS counts it into the billed memory.
    pub definition_bytes: usize,
}

/// States and the one to begin with: a machine, a branch of Parallel or the processor of Map.
///
/// Transitions stay inside. Variables assigned inside are seen by graphs further in, not outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// `StartAt`.
    pub start_at: Target,
    /// The states, in source order.
    pub states: Vec<State>,
}

impl Graph {
    /// Finds a state by its name, not looking into branches and processors.
    pub fn state(&self, name: &str) -> Option<&State> {
        self.states.iter().find(|state| state.name.value == name)
    }
}

/// A state that another one, or the machine, names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name, where it is referred to.
    pub name: Spanned<String>,
    /// Its index in the [`Graph::states`] that it belongs to.
    pub index: usize,
}

/// A state.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Its name, where it is defined.
    pub name: Spanned<String>,
    /// The object that defines it.
    pub span: Span,
    /// `Comment`.
    pub comment: Option<String>,
    /// The language of its fields: its own `QueryLanguage`, else the machine's.
    pub language: QueryLanguage,
    /// `Type` with what belongs to it.
    pub kind: StateKind,
}

/// `QueryLanguage`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryLanguage {
    /// Paths, payload templates and intrinsic calls.
    #[default]
    JsonPath,
    /// Expressions, `{% ... %}`.
    Jsonata,
}

/// The kinds of states; what belongs to the language that a state does not have is absent.
#[derive(Clone, Debug, PartialEq)]
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
    /// `Parallel`.
    Parallel(Parallel),
    /// `Map`, inline or distributed.
    Map(Box<Map>),
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

/// JSON that is computed: by JSONPath a payload template, whose keys ending in `.$` hold paths and
/// intrinsic calls; by JSONata any value, whose strings that are [`expression`](super::expression)s
/// are evaluated at any depth, while all others, and all keys, mean themselves.
pub type Template = Node;

/// `Assign`: an object template whose keys are names of variables, by JSONPath without `.$`.
pub type Assign = Template;

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
    /// `Output`, of JSONata.
    pub output: Option<Template>,
    /// `Assign`.
    pub assign: Option<Assign>,
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
    /// `Output`, of JSONata.
    pub output: Option<Template>,
    /// `Choices`, never empty.
    pub choices: Vec<ChoiceRule>,
    /// `Default`.
    pub default: Option<Target>,
    /// `Assign` of the state: takes effect when no rule matches.
    pub assign: Option<Assign>,
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
    /// `Output` of the rule, of JSONata.
    pub output: Option<Template>,
    /// `Assign` of the rule.
    pub assign: Option<Assign>,
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
    /// `Condition`, of JSONata: the whole of a rule.
    Condition(Condition),
}

/// `Condition` of a choice rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `true` or `false`.
    Literal(Spanned<bool>),
    /// An expression that gives a boolean.
    Expression(ExpressionText),
}

/// A JSONata expression: the text between `{%` and `%}`, with the place of the whole string, quotes
/// included; [`expression::place`](super::expression::place) finds its parts there.
pub type ExpressionText = Spanned<String>;

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
    /// `Output`, of JSONata.
    pub output: Option<Template>,
    /// How long, or until when.
    pub until: WaitUntil,
    /// `Assign`.
    pub assign: Option<Assign>,
    /// `Next` or `End`.
    pub transition: Transition,
}

/// The ways to say how long a Wait state waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitUntil {
    /// `Seconds`.
    Seconds(Spanned<u64>),
    /// `SecondsPath`.
    SecondsPath(Spanned<String>),
    /// `Seconds`, computed.
    SecondsExpression(ExpressionText),
    /// `Timestamp`, RFC 3339.
    Timestamp(Spanned<String>),
    /// `TimestampPath`.
    TimestampPath(Spanned<String>),
    /// `Timestamp`, computed.
    TimestampExpression(ExpressionText),
}

/// A Succeed state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succeed {
    /// `InputPath`.
    pub input_path: PathField,
    /// `OutputPath`.
    pub output_path: PathField,
    /// `Output`, of JSONata.
    pub output: Option<Template>,
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
    /// An expression that gives a string.
    Expression(ExpressionText),
}

/// A Task state.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// `Resource`.
    pub resource: Spanned<String>,
    /// `InputPath`.
    pub input_path: PathField,
    /// `Parameters`.
    pub parameters: Option<Template>,
    /// `Arguments`, of JSONata.
    pub arguments: Option<Template>,
    /// `ResultSelector`.
    pub result_selector: Option<Template>,
    /// `ResultPath`.
    pub result_path: PathField,
    /// `OutputPath`.
    pub output_path: PathField,
    /// `Output`, of JSONata.
    pub output: Option<Template>,
    /// `TimeoutSeconds` (at least 1) or `TimeoutSecondsPath`.
    pub timeout: Option<Amount<u64>>,
    /// `HeartbeatSeconds` (at least 1) or `HeartbeatSecondsPath`.
    pub heartbeat: Option<Amount<u64>>,
    /// `Credentials`: a template with `RoleArn`, which JSONata may compute.
    pub credentials: Option<Template>,
    /// `Assign`.
    pub assign: Option<Assign>,
    /// `Retry`.
    pub retry: Vec<Retrier>,
    /// `Catch`.
    pub catch: Vec<Catcher>,
    /// `Next` or `End`.
    pub transition: Transition,
}

/// A number that is written down, read from the state's data (`XPath`) or computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount<T> {
    /// The number itself.
    Literal(Spanned<T>),
    /// A reference path.
    Path(Spanned<String>),
    /// An expression that gives a number.
    Expression(ExpressionText),
}

/// An element of `Retry`.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrier {
    /// The object that defines it.
    pub span: Span,
    /// `Comment`.
    pub comment: Option<String>,
    /// `ErrorEquals`, never empty.
    pub errors: Vec<String>,
    /// `IntervalSeconds`, 1 when absent.
    pub interval_seconds: u64,
    /// `MaxAttempts`, 3 when absent; 0 never retries.
    pub attempts_max: u64,
    /// `BackoffRate`, 2.0 when absent; at least 1.0.
    pub backoff_rate: f64,
    /// `MaxDelaySeconds`.
    pub delay_seconds_max: Option<u64>,
    /// `JitterStrategy`.
    pub jitter: Jitter,
}

/// `JitterStrategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jitter {
    /// `FULL`: any delay from 0 to the computed one.
    Full,
    /// `NONE`: the computed delay.
    #[default]
    None,
}

/// An element of `Catch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catcher {
    /// The object that defines it.
    pub span: Span,
    /// `Comment`.
    pub comment: Option<String>,
    /// `ErrorEquals`, never empty.
    pub errors: Vec<String>,
    /// `ResultPath`.
    pub result_path: PathField,
    /// `Output`, of JSONata.
    pub output: Option<Template>,
    /// `Assign`.
    pub assign: Option<Assign>,
    /// `Next`.
    pub next: Target,
}

/// A Parallel state.
#[derive(Clone, Debug, PartialEq)]
pub struct Parallel {
    /// `InputPath`.
    pub input_path: PathField,
    /// `Parameters`.
    pub parameters: Option<Template>,
    /// `Arguments`, of JSONata.
    pub arguments: Option<Template>,
    /// `Branches`, never empty.
    pub branches: Vec<Graph>,
    /// `ResultSelector`.
    pub result_selector: Option<Template>,
    /// `ResultPath`.
    pub result_path: PathField,
    /// `OutputPath`.
    pub output_path: PathField,
    /// `Output`, of JSONata.
    pub output: Option<Template>,
    /// `Assign`.
    pub assign: Option<Assign>,
    /// `Retry`.
    pub retry: Vec<Retrier>,
    /// `Catch`.
    pub catch: Vec<Catcher>,
    /// `Next` or `End`.
    pub transition: Transition,
}

/// A Map state.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// `InputPath`.
    pub input_path: PathField,
    /// `ItemsPath`, a reference path; absent: `$`.
    pub items_path: Option<Spanned<String>>,
    /// `Items`, of JSONata: an array or an expression; absent: the state's input.
    pub items: Option<Template>,
    /// `ItemSelector`, or `Parameters` as it used to be called.
    pub item_selector: Option<Template>,
    /// `ItemProcessor`, or `Iterator` as it used to be called.
    pub processor: Graph,
    /// What is particular to `Mode: DISTRIBUTED`; `None` is `INLINE`.
    pub distributed: Option<Distributed>,
    /// `MaxConcurrency` (0: no limit of its own) or `MaxConcurrencyPath`.
    pub concurrency_max: Option<Amount<u64>>,
    /// `ResultSelector`.
    pub result_selector: Option<Template>,
    /// `ResultPath`.
    pub result_path: PathField,
    /// `OutputPath`.
    pub output_path: PathField,
    /// `Output`, of JSONata.
    pub output: Option<Template>,
    /// `Assign`.
    pub assign: Option<Assign>,
    /// `Retry`.
    pub retry: Vec<Retrier>,
    /// `Catch`.
    pub catch: Vec<Catcher>,
    /// `Next` or `End`.
    pub transition: Transition,
}

/// What a distributed Map has beside an inline one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distributed {
    /// `ToleratedFailureCount` or `ToleratedFailureCountPath`.
    pub tolerated_count: Option<Amount<u64>>,
    /// `ToleratedFailurePercentage` (0 to 100) or `ToleratedFailurePercentagePath`.
    pub tolerated_percentage: Option<Amount<f64>>,
    /// `ItemReader`: not supported yet, so only its variables are of use.
    pub reader: Option<Node>,
    /// `ItemBatcher`.
    pub batcher: Option<Batcher>,
    /// `ResultWriter`: not supported yet, like `reader`.
    pub writer: Option<Node>,
    /// `Label`.
    pub label: Option<Spanned<String>>,
}

/// `ItemBatcher`: at least one of the two limits is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Batcher {
    /// `MaxItemsPerBatch` or `MaxItemsPerBatchPath`.
    pub items_max: Option<Amount<u64>>,
    /// `MaxInputBytesPerBatch` or `MaxInputBytesPerBatchPath`.
    pub bytes_max: Option<Amount<u64>>,
    /// `BatchInput`.
    pub input: Option<Template>,
}
