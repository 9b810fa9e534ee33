//! A compiled expression: a tree in one vector, names resolved, chains of names in one piece.

use super::aggregate::Aggregate;
use super::ast::{Operator, Span};
use super::item::Item;
use super::projection::{Projection, Term};
use super::signature::Signature;
use crate::expr::VariableIdx;
use crate::value::Key;

/// Number of a node of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CodeId(pub(super) u32);

/// What an expression does.
#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    pub(super) codes: Box<[Code]>,
    /// Where each came from.
    pub(super) spans: Box<[Span]>,
    pub(super) root: u32,
    /// Variables of the outermost frame.
    pub(super) slots: u32,
    /// Labels that tuples hold.
    pub(super) labels: u32,
    pub(super) lambdas: Box<[Lambda]>,
    pub(super) regexes: Box<[regex::Regex]>,
}

/// A node of code.
#[derive(Clone, Debug)]
pub(super) enum Code {
    /// A constant.
    Constant(Item),
    /// `$`: the context item.
    Context,
    /// What relative paths begin with: the context item with what stands around it.
    Input,
    /// What the running tuple of a path holds under this label.
    Label(u32),
    /// `$$`: what the whole expression is evaluated over.
    Root,
    /// `$states` and its parts.
    States(Part),
    /// A variable from outside; if it has no value, the built-in function of that name.
    Variable(VariableIdx, Option<u16>),
    /// A variable of the expression that is certainly bound.
    Local(Place),
    /// A variable that may be bound in any of these places, the innermost first.
    Candidates(Box<[Place]>, CodeId),
    /// A chain of names.
    Names {
        origin: CodeId,
        keys: Box<[Key]>,
    },
    /// One name, in the context item.
    Name(Key),
    /// One name, in a variable that is certainly bound.
    Field(Place, Key),
    Path(Box<Path>),
    /// `*`
    Wildcard,
    /// `**`
    Descendants,
    /// `+ - * / %`
    Arithmetic(Operator, CodeId, CodeId),
    /// `< <= > >=`
    Compare(Operator, CodeId, CodeId),
    /// `=`, and `!=` when the flag is not set.
    Equal(bool, CodeId, CodeId),
    And(CodeId, CodeId),
    Or(CodeId, CodeId),
    In(CodeId, CodeId),
    Range(CodeId, CodeId),
    /// `a & b & c`
    Concat {
        parts: Box<[CodeId]>,
        /// No part makes a text in the scratch, so that each can be appended while the whole is
        /// open at the scratch's end.
        plain: bool,
    },
    Negate(CodeId),
    /// `[…]`; the flag of an element says that it is not flattened.
    Array {
        elements: Box<[(CodeId, bool)]>,
        cons: bool,
    },
    /// `{…}` over the context item.
    Object(Box<Pairs>),
    Block(Box<Block>),
    Condition {
        test: CodeId,
        then: CodeId,
        otherwise: Option<CodeId>,
    },
    Coalesce(CodeId, CodeId),
    Elvis(CodeId, CodeId),
    Bind(Place, CodeId),
    /// `lhs ~> rhs`, the right side being no call; with its level.
    Chain(CodeId, CodeId, u16),
    Call(Box<Call>),
    Partial {
        callee: CodeId,
        arguments: Box<[Option<CodeId>]>,
        name: Box<str>,
    },
    /// A function; index into [`Program::lambdas`].
    Lambda(u32),
    Transform {
        pattern: CodeId,
        update: CodeId,
        delete: Option<CodeId>,
    },
    /// Index into [`Program::regexes`].
    Regex(u32),
    /// Predicates behind what is no path.
    Filtered(CodeId, Box<[Predicate]>),
    /// `{…}` behind what is no path.
    Grouped(CodeId, Box<Pairs>),
    /// `[]` behind what is no path.
    KeepArray(CodeId),
    /// What nests deeper than AWS evaluates.
    TooDeep,
    /// Code that most often need not be evaluated.
    Projected(Box<Projected>),
    /// A call that most often need not be made.
    Aggregated(Box<Aggregated>),
}

/// Code that runs for each of many items, with a shorter way for objects of a document.
#[derive(Clone, Debug)]
pub(super) struct Projected {
    pub(super) projection: Projection,
    pub(super) source: Source,
    /// The code itself, for any other item.
    pub(super) otherwise: CodeId,
}

/// `$sum(array.member)` and its like, with a shorter way for an array of objects of a document.
#[derive(Clone, Debug)]
pub(super) struct Aggregated {
    pub(super) aggregate: Aggregate,
    /// Where the array is found: names from `origin` on.
    pub(super) origin: CodeId,
    pub(super) keys: Box<[Key]>,
    /// What each of its elements adds.
    pub(super) term: Term,
    /// Steps that an element costs.
    pub(super) steps: usize,
    /// The call itself, for any other array.
    pub(super) otherwise: CodeId,
}

/// What a projection is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The context item.
    Context,
    /// A function's first parameter.
    Parameter,
}

impl Source {
    /// Where the first parameter of a function lies.
    pub(super) const PARAMETER: Place = Place { up: 0, slot: 0 };
}

/// A part of `$states`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    All,
    Context,
    ErrorOutput,
    Input,
    Result,
}

/// A variable: frames up from the running one, and its slot there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) up: u16,
    pub(super) slot: u16,
}

/// Key and value expressions.
#[derive(Clone, Debug)]
pub(super) struct Pairs {
    pub(super) entries: Box<[(CodeId, CodeId)]>,
    /// All keys are constants and differ: these.
    pub(super) constant_keys: Option<Box<[Item]>>,
    /// What it makes goes into the expression's result, and is made where that goes.
    pub(super) is_result: bool,
    pub(super) span: Span,
}

/// `(a; b)`
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) body: Box<[CodeId]>,
    pub(super) scope: Scope,
}

/// Where the variables of a block live.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope {
    /// In the running frame: these slots, unbound to begin with.
    Shared { first: u16, count: u16 },
    /// In a frame of its own, since a function made inside may outlive this round of a path.
    Own { slots: u32 },
}

/// A path that is more than a chain of names.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) steps: Box<[Step]>,
    /// It starts at a variable: an array as context is not iterated over.
    pub(super) absolute: bool,
    pub(super) keep_singleton: bool,
    /// Its value is its stream of tuples.
    pub(super) gives_tuples: bool,
    pub(super) group: Option<Pairs>,
}

impl Path {
    /// Whether it is nothing but what its steps do with one item after the other.
    pub(super) fn is_bare(&self) -> bool {
        let bare = |step: &Step| step.stages.is_empty() && !step.cons && !step.tuple;
        self.group.is_none()
            && !self.keep_singleton
            && !self.gives_tuples
            && self.steps.iter().all(bare)
    }
}

/// A step of a path.
#[derive(Clone, Debug, Default)]
pub(super) struct Step {
    pub(super) kind: StepKind,
    pub(super) stages: Box<[Stage]>,
    pub(super) cons: bool,
    /// From here on the path carries tuples.
    pub(super) tuple: bool,
    /// Labels in the tuple: of `@`, of `#`, of the input.
    pub(super) focus: Option<u32>,
    pub(super) index: Option<u32>,
    pub(super) ancestor: Option<u32>,
}

/// What a step does with an item.
#[derive(Clone, Debug)]
pub(super) enum StepKind {
    Name(Key),
    /// Several names that the path begins with.
    Names {
        origin: CodeId,
        keys: Box<[Key]>,
    },
    Code(CodeId),
    Sort(Box<[SortTerm]>),
}

impl Default for StepKind {
    fn default() -> Self {
        Self::Sort(Box::default())
    }
}

/// A term of `^(…)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct SortTerm {
    pub(super) code: CodeId,
    pub(super) descending: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Stage {
    Filter(Predicate),
    /// Numbers the tuples under this label.
    Index(u32),
}

/// What stands between `[` and `]`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Predicate {
    /// A literal number, rounded down.
    Index(i64),
    Test(CodeId),
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) callee: Callee,
    pub(super) arguments: Box<[CodeId]>,
    /// The left side of `~>`, as the first argument.
    pub(super) context: Option<CodeId>,
    /// The last thing that its function does.
    pub(super) tail: bool,
    /// What it comes to goes, as it is, into the expression's result.
    pub(super) is_result: bool,
    /// What errors call the function.
    pub(super) name: Box<str>,
    /// `name(…)` where `$name` is a function: the `$` was forgotten.
    pub(super) forgotten_dollar: bool,
    /// Levels above it in its function's body, and its own.
    pub(super) level: u16,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Callee {
    Native(u16),
    Code(CodeId),
}

/// A function's code.
#[derive(Clone, Debug)]
pub(super) struct Lambda {
    pub(super) parameters: u16,
    /// Slots of its frame, parameters first.
    pub(super) slots: u32,
    pub(super) body: CodeId,
    pub(super) signature: Option<Signature>,
    /// A function made inside may outlive a call.
    pub(super) captured: bool,
    /// Levels that evaluating the body takes at least.
    pub(super) levels: u16,
}
