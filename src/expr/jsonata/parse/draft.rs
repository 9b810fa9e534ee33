//! The tree while it is being parsed: nodes, and what is known of them only until the end.
//!
//! The reference implementation parses first and shapes the tree afterwards. Here a node is shaped
//! as soon as its operator is read, which is the same order. What shaping finds wrong is a
//! [`Drafts::flaw`], reported only if the rest of the text parses, as it would be there.

use super::super::ast::{Ast, Kind, Label, Node, NodeId, Path, Span, Stage, Step};
use super::super::error::{Code, Thrown};

/// Nodes of the tree, and the `%` whose steps are still to be found.
#[derive(Debug)]
pub(super) struct Drafts {
    nodes: Vec<Draft>,
    pub(super) slots: Vec<Slot>,
    flaw: Option<Thrown>,
    /// How many steps may still be looked at for a `%`.
    walks_left: u32,
}

#[derive(Debug)]
struct Draft {
    node: Node,
    /// Levels of the tree below and with this node.
    depth: u16,
    extra: Option<Box<Extra>>,
}

/// What few nodes have: parts of the [`Step`] that a node becomes, and unresolved `%`.
#[derive(Debug, Default)]
pub(super) struct Extra {
    pub(super) stages: Vec<Stage>,
    pub(super) focus: Option<Box<str>>,
    pub(super) index: Option<Box<str>>,
    pub(super) ancestor: Option<SlotId>,
    pub(super) tuple: bool,
    /// `%` in this node that look for their step further up.
    pub(super) seeking: Vec<SlotId>,
    /// Of a path: this many of its steps have been checked.
    pub(super) checked: usize,
}

/// Number of a `%`, in the order of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotId(pub(super) u32);

/// A `%` that looks for its step.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) label: Label,
    /// How many steps up; 0 when it is found.
    pub(super) level: i32,
}

impl Drafts {
    pub(super) fn new() -> Self {
        Self { nodes: Vec::new(), slots: Vec::new(), flaw: None, walks_left: WALKS_MAX }
    }

    /// Adds a node without any below it.
    pub(super) fn leaf(&mut self, kind: Kind, span: Span) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        let node = Node {
            kind,
            span,
            predicates: Vec::new(),
            group: None,
            keep_array: false,
            cons_array: false,
        };
        self.nodes.push(Draft { node, depth: 1, extra: None });
        id
    }

    /// Adds a node above those that `kind` names; their `%` look further from it.
    pub(super) fn add(&mut self, kind: Kind, span: Span) -> Result<NodeId, Thrown> {
        let mut children = Vec::new();
        kind.each_child(&mut |child| children.push(child));
        let passes_on = passes_ancestry_on(&kind);
        let id = self.leaf(kind, span);
        for (position, &child) in children.iter().enumerate() {
            self.deepen(id, child)?;
            if passes_on.contains(&position) {
                self.inherit(id, child);
            }
        }
        Ok(id)
    }

    /// A field's name, which is a path of one step.
    pub(super) fn name(&mut self, name: Box<str>, span: Span) -> Result<NodeId, Thrown> {
        let name = self.leaf(Kind::Name(name), span);
        self.wrap(name)
    }

    /// A path with `step` as its only one.
    pub(super) fn wrap(&mut self, step: NodeId) -> Result<NodeId, Thrown> {
        let span = self.node(step).span;
        let path = Path { steps: vec![plain_step(step)], keep_singleton: false, tuple: false };
        let path = self.leaf(Kind::Path(path), span);
        self.deepen(path, step)?;
        Ok(path)
    }

    /// `%`
    pub(super) fn parent(&mut self, span: Span) -> NodeId {
        let label = Label(self.slots.len() as u32);
        self.slots.push(Slot { label, level: 1 });
        self.leaf(Kind::Parent(label), span)
    }

    /// Appends a step to a path.
    pub(super) fn push_step(&mut self, path: NodeId, step: NodeId) -> Result<(), Thrown> {
        if let Some(path) = self.path_mut(path) {
            path.steps.push(plain_step(step));
        }
        self.deepen(path, step)
    }

    /// Takes the steps out of a path that is part of no tree from now on.
    pub(super) fn dissolve(&mut self, path: NodeId) -> Vec<NodeId> {
        let steps = match self.path_mut(path) {
            Some(path) => std::mem::take(&mut path.steps),
            None => Vec::new(),
        };
        if path.0 as usize + 1 == self.nodes.len() {
            self.nodes.pop();
        } else {
            self.node_mut(path).kind = Kind::Null;
        }
        steps.into_iter().map(|step| step.node).collect()
    }

    /// Notes that `child` stands below `node`.
    pub(super) fn deepen(&mut self, node: NodeId, child: NodeId) -> Result<(), Thrown> {
        let depth = self.nodes[child.0 as usize].depth + 1;
        if depth > DEPTH_MAX {
            return Err(too_deep(self.node(child).span));
        }
        let own = &mut self.nodes[node.0 as usize].depth;
        *own = depth.max(*own);
        Ok(())
    }

    /// Notes the first thing that is wrong with a tree that parses.
    pub(super) fn spoil(&mut self, flaw: Thrown) {
        self.flaw.get_or_insert(flaw);
    }

    /// Counts one look at a step for a `%`; false when there have been too many.
    pub(super) fn may_walk(&mut self) -> bool {
        self.walks_left = self.walks_left.saturating_sub(1);
        self.walks_left > 0
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize].node
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize].node
    }

    pub(super) fn path(&self, id: NodeId) -> Option<&Path> {
        match &self.node(id).kind {
            Kind::Path(path) => Some(path),
            _ => None,
        }
    }

    pub(super) fn path_mut(&mut self, id: NodeId) -> Option<&mut Path> {
        match &mut self.node_mut(id).kind {
            Kind::Path(path) => Some(path),
            _ => None,
        }
    }

    /// The last step of a path; of anything else, the node itself.
    pub(super) fn last_step(&self, id: NodeId) -> NodeId {
        self.path(id).and_then(|path| path.steps.last()).map_or(id, |step| step.node)
    }

    pub(super) fn extra(&self, id: NodeId) -> Option<&Extra> {
        self.nodes[id.0 as usize].extra.as_deref()
    }

    pub(super) fn extra_mut(&mut self, id: NodeId) -> &mut Extra {
        self.nodes[id.0 as usize].extra.get_or_insert_default()
    }

    /// The tree below `root`, if nothing is wrong with it.
    pub(super) fn finish(mut self, root: NodeId, newer: Vec<Span>) -> Result<Ast, Thrown> {
        let unresolved = self.extra(root).is_some_and(|extra| !extra.seeking.is_empty());
        if unresolved || matches!(self.node(root).kind, Kind::Parent(_)) {
            let flaw = Thrown::new(Code::S0217).at(self.node(root).span);
            self.spoil(flaw);
        }
        if let Some(flaw) = self.flaw {
            return Err(flaw);
        }
        let slots = self.slots;
        let mut nodes = Vec::with_capacity(self.nodes.len());
        let mut extras = Vec::with_capacity(self.nodes.len());
        for draft in self.nodes {
            nodes.push(draft.node);
            extras.push(draft.extra);
        }
        for (id, node) in nodes.iter_mut().enumerate() {
            match &mut node.kind {
                Kind::Parent(label) => *label = slots[label.0 as usize].label,
                Kind::Path(path) => {
                    path.tuple = extras[id].as_ref().is_some_and(|extra| extra.tuple);
                    for step in &mut path.steps {
                        complete(step, extras[step.node.0 as usize].take(), &slots);
                    }
                }
                _ => {}
            }
        }
        Ok(Ast { nodes, root, newer_operators: newer })
    }
}

/// Which of the nodes below one hand their unresolved `%` up to it, by position.
///
/// As the reference has it: a callee, the sides of `~>` and the parts of a function or a transform
/// keep theirs, and such a `%` finds nothing.
fn passes_ancestry_on(kind: &Kind) -> std::ops::Range<usize> {
    match kind {
        Kind::Call { .. } | Kind::Partial { .. } => 1..usize::MAX,
        Kind::Apply(..) | Kind::Lambda { .. } | Kind::Transform { .. } => 0..0,
        _ => 0..usize::MAX,
    }
}

fn plain_step(node: NodeId) -> Step {
    Step { node, stages: Vec::new(), focus: None, index: None, ancestor: None, tuple: false }
}

fn complete(step: &mut Step, extra: Option<Box<Extra>>, slots: &[Slot]) {
    if let Some(extra) = extra {
        step.stages = extra.stages;
        step.focus = extra.focus;
        step.index = extra.index;
        step.ancestor = extra.ancestor.map(|slot| slots[slot.0 as usize].label);
        step.tuple = extra.tuple;
    }
}

/// A text that nests too deep: no recursion of its own, and long before any is evaluated.
#[cold]
pub(super) fn too_deep(span: Span) -> Thrown {
    Thrown::new(Code::U1001).saying(TOO_DEEP).at(span)
}

/// Levels that a tree may have. It bounds every recursion over trees, the parser's own included.
pub(super) const DEPTH_MAX: u16 = 500;
const TOO_DEEP: &str = "The expression is nested deeper than 500 levels";

/// Steps that all `%` together may look at: each walks back over its path, which is quadratic.
const WALKS_MAX: u32 = 1 << 20;
