//! The syntax tree of an expression, shaped for evaluation.
//!
//! The parser leaves nothing to be looked up again: operators are resolved, `a.b.c` is one path
//! of steps, predicates stand at the step that they filter, and every `%` knows the step whose
//! input it means. Nodes lie in one vector and name each other by number, so that neither walking
//! nor dropping a tree recurses deeper than the parser's own bound.

use super::signature::Signature;

/// Number of a node in its [`Ast`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NodeId(pub(super) u32);

/// A byte range of the expression's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Behind the last byte.
    pub end: u32,
}

/// A parsed expression.
#[derive(Clone, Debug)]
pub(super) struct Ast {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
    /// Uses of `??` and `?:`, which AWS's engine may not know: places of the operators.
    pub(super) newer_operators: Vec<Span>,
}

impl std::ops::Index<NodeId> for Ast {
    type Output = Node;

    fn index(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
}

/// One node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The token that made it: an operator, a name, the bracket of a call.
    pub(super) span: Span,
    /// `[…]` behind a node that is no path: applied to its whole result. The first step of a path
    /// may have them, too.
    pub(super) predicates: Vec<NodeId>,
    /// `{…}` behind a node: its result is grouped.
    pub(super) group: Option<Pairs>,
    /// `[]` behind it: a sequence of one stays an array.
    pub(super) keep_array: bool,
    /// An array constructor that is the first step of a path or was, while the path grew, its
    /// last one; or a block that holds such a node, or a path that begins with one. Its array is
    /// not flattened into the path's sequence.
    pub(super) cons_array: bool,
}

/// Key and value expressions of `{…}`.
pub(super) type Pairs = Vec<(NodeId, NodeId)>;

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number that is an exact integer.
    Int(i64),
    /// Any other number; finite.
    Float(f64),
    /// A string, unescaped.
    Text(Box<str>),
    /// `/pattern/flags`; flags are those of `i` and `m` that are set, and `g`.
    Regex { pattern: Box<str>, flags: Box<str> },
    /// `name`, always a step of a [`Kind::Path`].
    Name(Box<str>),
    /// `$name`; the empty name is `$`, the name `$` is `$$`.
    Variable(Box<str>),
    /// `*`
    Wildcard,
    /// `**`
    Descendants,
    /// `%`: the input of the step that carries this label as its [`Step::ancestor`].
    Parent(Label),
    /// `a.b.c`
    Path(Path),
    /// `lhs op rhs`, all operators that are not a kind of their own.
    Binary(Operator, NodeId, NodeId),
    /// `-x`
    Negate(NodeId),
    /// `[…]`; an element that is itself an array constructor is not flattened.
    Array(Vec<NodeId>),
    /// `{…}` as a value.
    Object(Pairs),
    /// `(a; b; c)`
    Block(Vec<NodeId>),
    /// `test ? then : otherwise`
    Condition { test: NodeId, then: NodeId, otherwise: Option<NodeId> },
    /// `lhs ?? rhs`: the left side if it exists.
    Coalesce(NodeId, NodeId),
    /// `lhs ?: rhs`: the left side if it is true.
    Elvis(NodeId, NodeId),
    /// `$name := value`
    Bind { name: Box<str>, value: NodeId },
    /// `lhs ~> rhs`
    Apply(NodeId, NodeId),
    /// `callee(arguments)`
    Call { callee: NodeId, arguments: Vec<NodeId> },
    /// `callee(a, ?, b)`; `None` is a `?`.
    Partial { callee: NodeId, arguments: Vec<Option<NodeId>> },
    /// `function($a, $b)<signature>{ body }`; names without `$`.
    Lambda { parameters: Vec<Box<str>>, signature: Option<Signature>, body: NodeId },
    /// `|pattern|update, delete|`
    Transform { pattern: NodeId, update: NodeId, delete: Option<NodeId> },
    /// `^(>a, <b)`, always a step of a path.
    Sort(Vec<SortTerm>),
}

impl Kind {
    /// Calls `visit` with the nodes directly below, in the order of the text; a callee comes first.
    /// Predicates and groups belong to the [`Node`], stages to the [`Step`]: they are not visited.
    pub(super) fn each_child(&self, visit: &mut dyn FnMut(NodeId)) {
        match self {
            Self::Path(path) => path.steps.iter().for_each(|step| visit(step.node)),
            Self::Binary(_, left, right)
            | Self::Coalesce(left, right)
            | Self::Elvis(left, right)
            | Self::Apply(left, right) => [*left, *right].into_iter().for_each(visit),
            Self::Negate(node)
            | Self::Bind { value: node, .. }
            | Self::Lambda { body: node, .. } => visit(*node),
            Self::Array(nodes) | Self::Block(nodes) => nodes.iter().copied().for_each(visit),
            Self::Object(pairs) => {
                pairs.iter().flat_map(|&(key, value)| [key, value]).for_each(visit);
            }
            Self::Condition { test, then, otherwise } => {
                [*test, *then].into_iter().chain(*otherwise).for_each(visit);
            }
            Self::Call { callee, arguments } => {
                std::iter::once(*callee).chain(arguments.iter().copied()).for_each(visit);
            }
            Self::Partial { callee, arguments } => {
                std::iter::once(*callee).chain(arguments.iter().copied().flatten()).for_each(visit);
            }
            Self::Transform { pattern, update, delete } => {
                [*pattern, *update].into_iter().chain(*delete).for_each(visit);
            }
            Self::Sort(terms) => terms.iter().for_each(|term| visit(term.expression)),
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::Text(_)
            | Self::Regex { .. }
            | Self::Name(_)
            | Self::Variable(_)
            | Self::Wildcard
            | Self::Descendants
            | Self::Parent(_) => {}
        }
    }
}

/// Operators with two sides and no control flow of their own, but for `and` and `or`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Concat,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
    In,
    Range,
}

impl Operator {
    /// How the operator is written.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Concat => "&",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::And => "and",
            Self::Or => "or",
            Self::In => "in",
            Self::Range => "..",
        }
    }
}

/// One term of `^(…)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct SortTerm {
    pub(super) expression: NodeId,
    pub(super) descending: bool,
}

/// Names the input of a step for the `%` that means it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Label(pub(super) u32);

/// `a.b.c`
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// At least one.
    pub(super) steps: Vec<Step>,
    /// A step has `[]`: the path's sequence of one stays an array.
    pub(super) keep_singleton: bool,
    /// The path's value is its stream of tuples, since a `%` outside looks into it.
    pub(super) tuple: bool,
}

/// A step of a path.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) node: NodeId,
    /// What is applied to the step's result, in order.
    pub(super) stages: Vec<Stage>,
    /// `@$name`: the result is bound, and the context stays what it was.
    pub(super) focus: Option<Box<str>>,
    /// `#$name` directly behind the step.
    pub(super) index: Option<Box<str>>,
    /// A later `%` means the input of this step.
    pub(super) ancestor: Option<Label>,
    /// From here on the path carries tuples.
    pub(super) tuple: bool,
}

/// What is applied to the result of a step.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// `[…]`
    Filter(NodeId),
    /// `#$name` behind a filter.
    Index(Box<str>),
}
