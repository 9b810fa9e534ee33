//! Which names stand for which variables, and where those lie.

use std::collections::{HashMap, HashSet};

use super::super::ast::{Ast, Kind, Label, NodeId, Stage};
use super::super::code::{Code, Place};
use super::CompileFailure;
use crate::value::TooLarge;

/// The scopes around what is being compiled, and the frames they lie in.
#[derive(Default)]
pub(super) struct Scopes {
    open: Vec<Scope>,
    frames: Vec<Frame>,
    labels: u32,
    ancestors: HashMap<Label, u32>,
}

struct Scope {
    /// Depth of its frame.
    frame: usize,
    /// Of two of the same name the later one hides the earlier.
    names: HashMap<Box<str>, Target>,
}

enum Target {
    /// A slot; certain once it has been bound.
    Slot { slot: u16, certain: bool },
    /// What the running tuple holds.
    Label(u32),
}

struct Frame {
    slots: u32,
    /// Paths, predicates and groups around, each of which may evaluate several times.
    iterated: i32,
}

/// Where a name may be bound.
#[derive(Default)]
pub(super) struct Found {
    /// Places that may not be bound yet, the innermost first.
    pub(super) candidates: Box<[Place]>,
    /// Where it is bound if none of those is.
    pub(super) certain: Option<Code>,
}

impl Scopes {
    pub(super) fn enter_frame(&mut self) {
        self.frames.push(Frame { slots: 0, iterated: 0 });
    }

    /// Ends a frame and says how many slots it has.
    pub(super) fn leave_frame(&mut self) -> u32 {
        self.frames.pop().map_or(0, |frame| frame.slots)
    }

    /// Opens a scope in the running frame for these names; returns its slots.
    pub(super) fn open(&mut self, names: &[&str]) -> Result<(u16, u16), CompileFailure> {
        let frame = self.frames.len() - 1;
        self.open.push(Scope { frame, names: HashMap::new() });
        self.add(names)
    }

    /// Opens a scope for parameters, which are bound at once; a later one hides an earlier one of
    /// the same name.
    pub(super) fn open_parameters(&mut self, names: &[Box<str>]) -> Result<(), CompileFailure> {
        self.open(&[])?;
        for name in names {
            let slot = self.slot()?;
            if let Some(scope) = self.open.last_mut() {
                scope.names.insert(name.clone(), Target::Slot { slot, certain: true });
            }
        }
        Ok(())
    }

    /// Adds names that may be bound to the innermost scope, unless it has them.
    pub(super) fn add(&mut self, names: &[&str]) -> Result<(u16, u16), CompileFailure> {
        let first = self.frames.last().map_or(0, |frame| frame.slots);
        let first = u16::try_from(first).map_err(|_| TooLarge)?;
        let mut count = 0;
        for name in names {
            if self.open.last().is_some_and(|scope| scope.names.contains_key(*name)) {
                continue;
            }
            let slot = self.slot()?;
            count += 1;
            if let Some(scope) = self.open.last_mut() {
                scope.names.insert((*name).into(), Target::Slot { slot, certain: false });
            }
        }
        Ok((first, count))
    }

    fn slot(&mut self) -> Result<u16, CompileFailure> {
        let Some(frame) = self.frames.last_mut() else { return Err(TooLarge.into()) };
        let slot = u16::try_from(frame.slots).map_err(|_| TooLarge)?;
        frame.slots += 1;
        Ok(slot)
    }

    /// Opens a scope for names that tuples hold.
    pub(super) fn open_labels(&mut self) {
        let frame = self.frames.len().saturating_sub(1);
        self.open.push(Scope { frame, names: HashMap::new() });
    }

    /// A new label, known by `name` in the innermost scope from here on.
    pub(super) fn label(&mut self, name: &str) -> u32 {
        let label = self.labels;
        self.labels += 1;
        if let Some(scope) = self.open.last_mut() {
            scope.names.insert(name.into(), Target::Label(label));
        }
        label
    }

    /// The label under which the input of a step is remembered.
    pub(super) fn ancestor(&mut self, label: Label) -> u32 {
        let labels = &mut self.labels;
        *self.ancestors.entry(label).or_insert_with(|| {
            *labels += 1;
            *labels - 1
        })
    }

    pub(super) fn label_count(&self) -> u32 {
        self.labels
    }

    pub(super) fn close(&mut self) {
        self.open.pop();
    }

    /// Enters (1) or leaves (-1) what may be evaluated several times.
    pub(super) fn iterate(&mut self, step: i32) {
        if let Some(frame) = self.frames.last_mut() {
            frame.iterated += step;
        }
    }

    pub(super) fn is_iterated(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.iterated > 0)
    }

    /// From here on, `name` is bound in the innermost scope.
    pub(super) fn certain(&mut self, name: &str) {
        let target = self.open.last_mut().and_then(|scope| scope.names.get_mut(name));
        if let Some(Target::Slot { certain, .. }) = target {
            *certain = true;
        }
    }

    /// The place that `name` is bound in: the innermost scope of slots that has it.
    pub(super) fn bind(&self, name: &str) -> Place {
        for scope in self.open.iter().rev() {
            if let Some(Target::Slot { slot, .. }) = scope.names.get(name) {
                return Place { up: self.up(scope), slot: *slot };
            }
        }
        // Every name that is bound was found before its scope was opened.
        Place { up: 0, slot: 0 }
    }

    fn up(&self, scope: &Scope) -> u16 {
        (self.frames.len() - 1 - scope.frame) as u16
    }

    pub(super) fn resolve(&self, name: &str) -> Found {
        let mut candidates = Vec::new();
        for scope in self.open.iter().rev() {
            let Some(target) = scope.names.get(name) else { continue };
            match target {
                Target::Label(label) => {
                    let certain = Some(Code::Label(*label));
                    return Found { candidates: candidates.into(), certain };
                }
                Target::Slot { slot, certain } => {
                    let place = Place { up: self.up(scope), slot: *slot };
                    if *certain {
                        let certain = Some(Code::Local(place));
                        return Found { candidates: candidates.into(), certain };
                    }
                    candidates.push(place);
                }
            }
        }
        Found { candidates: candidates.into(), certain: None }
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.open.iter().any(|scope| scope.names.contains_key(name))
    }
}

/// Names that these nodes bind in the scope they stand in: not those of blocks and functions
/// inside.
pub(super) fn bound_names<'a>(ast: &'a Ast, nodes: &[NodeId]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    let mut known = HashSet::new();
    walk(ast, nodes, &mut |kind| match kind {
        Kind::Bind { name, .. } => {
            if known.insert(&**name) {
                names.push(name);
            }
            true
        }
        Kind::Block(_) | Kind::Lambda { .. } => false,
        _ => true,
    });
    names
}

/// Whether a function is made anywhere inside.
pub(super) fn makes_functions(ast: &Ast, nodes: &[NodeId]) -> bool {
    let mut found = false;
    walk(ast, nodes, &mut |kind| {
        found |=
            matches!(kind, Kind::Lambda { .. } | Kind::Partial { .. } | Kind::Transform { .. });
        !found
    });
    found
}

/// Shows every node to `visit`, which says whether to go inside. With a stack of its own.
fn walk<'a>(ast: &'a Ast, nodes: &[NodeId], visit: &mut dyn FnMut(&'a Kind) -> bool) {
    let mut open: Vec<NodeId> = nodes.iter().rev().copied().collect();
    while let Some(id) = open.pop() {
        let node = &ast[id];
        open.extend(&node.predicates);
        open.extend(node.group.iter().flatten().flat_map(|(key, value)| [*key, *value]));
        if !visit(&node.kind) {
            continue;
        }
        match &node.kind {
            Kind::Path(path) => {
                for step in &path.steps {
                    open.push(step.node);
                    open.extend(step.stages.iter().filter_map(|stage| match stage {
                        Stage::Filter(filter) => Some(*filter),
                        Stage::Index(_) => None,
                    }));
                }
            }
            Kind::Binary(_, one, other)
            | Kind::Coalesce(one, other)
            | Kind::Elvis(one, other)
            | Kind::Apply(one, other) => open.extend([*one, *other]),
            Kind::Negate(one) | Kind::Bind { value: one, .. } | Kind::Lambda { body: one, .. } => {
                open.push(*one);
            }
            Kind::Array(nodes) | Kind::Block(nodes) => open.extend(nodes),
            Kind::Object(pairs) => {
                open.extend(pairs.iter().flat_map(|(key, value)| [*key, *value]));
            }
            Kind::Condition { test, then, otherwise } => {
                open.extend([*test, *then]);
                open.extend(otherwise);
            }
            Kind::Call { callee, arguments } => {
                open.push(*callee);
                open.extend(arguments);
            }
            Kind::Partial { callee, arguments } => {
                open.push(*callee);
                open.extend(arguments.iter().flatten());
            }
            Kind::Transform { pattern, update, delete } => {
                open.extend([*pattern, *update]);
                open.extend(delete);
            }
            Kind::Sort(terms) => open.extend(terms.iter().map(|term| term.expression)),
            _ => {}
        }
    }
}
