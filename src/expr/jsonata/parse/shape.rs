//! What an operator makes of its operands: paths of steps, predicates, groups, bindings.

use super::super::ast::{Kind, NodeId, Pairs, SortTerm, Span, Stage};
use super::super::error::{Code, Thrown};
use super::draft::{Drafts, SlotId};

impl Drafts {
    /// `left.right`
    pub(super) fn map(&mut self, left: NodeId, right: NodeId) -> Result<NodeId, Thrown> {
        let path = self.path_from(left)?;
        if let Kind::Parent(label) = self.node(left).kind {
            self.extra_mut(path).seeking.push(SlotId(label.0));
        }
        if self.path(right).is_some() {
            for step in self.dissolve(right) {
                self.push_step(path, step)?;
            }
        } else {
            self.predicates_to_stages(right);
            self.push_step(path, right)?;
        }
        self.check_steps(path);
        self.resolve_ancestry(path);
        Ok(path)
    }

    /// Whether a predicate may follow, asked before the predicate is read.
    pub(super) fn check_filter(&mut self, left: NodeId, span: Span) {
        if self.node(self.last_step(left)).group.is_some() {
            self.spoil(Thrown::new(Code::S0209).at(span));
        }
    }

    /// `left[predicate]`
    pub(super) fn filter(&mut self, left: NodeId, predicate: NodeId) -> Result<(), Thrown> {
        let step = self.last_step(left);
        self.resolve_predicate(step, predicate);
        if step == left {
            self.node_mut(left).predicates.push(predicate);
        } else {
            self.extra_mut(step).stages.push(Stage::Filter(predicate));
        }
        self.deepen(left, predicate)
    }

    /// Whether a group may follow, asked before the group is read.
    pub(super) fn check_group(&mut self, left: NodeId, span: Span) {
        if self.node(left).group.is_some() {
            self.spoil(Thrown::new(Code::S0210).at(span));
        }
    }

    /// `left{key: value, …}`
    pub(super) fn group(&mut self, left: NodeId, pairs: Pairs) -> Result<(), Thrown> {
        for &(key, value) in &pairs {
            self.deepen(left, key)?;
            self.deepen(left, value)?;
        }
        self.node_mut(left).group = Some(pairs);
        Ok(())
    }

    /// `left^(terms)`
    pub(super) fn sort(
        &mut self,
        left: NodeId,
        terms: Vec<SortTerm>,
        span: Span,
    ) -> Result<NodeId, Thrown> {
        let path = self.path_from(left)?;
        let step = self.add(Kind::Sort(terms), span)?;
        self.push_step(path, step)?;
        self.resolve_ancestry(path);
        Ok(path)
    }

    /// `left@$name`
    pub(super) fn focus(&mut self, left: NodeId, name: Box<str>, span: Span) {
        let step = self.last_step(left);
        let node = self.node(step);
        let filtered = self.extra(step).is_some_and(|extra| !extra.stages.is_empty());
        if filtered || !node.predicates.is_empty() {
            self.spoil(Thrown::new(Code::S0215).at(span));
        } else if matches!(node.kind, Kind::Sort(_)) {
            self.spoil(Thrown::new(Code::S0216).at(span));
        }
        let extra = self.extra_mut(step);
        extra.focus = Some(name);
        extra.tuple = true;
    }

    /// `left#$name`
    pub(super) fn index(&mut self, left: NodeId, name: Box<str>) -> Result<NodeId, Thrown> {
        let step = self.last_step(left);
        let path = self.path_from(left)?;
        if path != left {
            self.predicates_to_stages(step);
        }
        let extra = self.extra_mut(step);
        if extra.stages.is_empty() {
            extra.index = Some(name);
        } else {
            extra.stages.push(Stage::Index(name));
        }
        extra.tuple = true;
        Ok(path)
    }

    /// `-operand`; a negative number is a literal. `least` says that the operand has the digits of
    /// the least integer, which no positive one has: until here they are a double.
    pub(super) fn negate(
        &mut self,
        operand: NodeId,
        span: Span,
        least: bool,
    ) -> Result<NodeId, Thrown> {
        let negative = match self.node(operand).kind {
            Kind::Int(value) => value.checked_neg().map(Kind::Int),
            Kind::Float(value) if least && value > 0.0 => Some(Kind::Int(i64::MIN)),
            Kind::Float(value) => Some(Kind::Float(-value)),
            _ => None,
        };
        match negative {
            Some(number) => {
                self.node_mut(operand).kind = number;
                Ok(operand)
            }
            None => self.add(Kind::Negate(operand), span),
        }
    }

    /// `(a; b; c)`
    pub(super) fn block(&mut self, parts: Vec<NodeId>, span: Span) -> Result<NodeId, Thrown> {
        let constructs = parts.iter().any(|&part| {
            let first = self.path(part).and_then(|path| path.steps.first());
            self.node(first.map_or(part, |step| step.node)).cons_array
        });
        let block = self.add(Kind::Block(parts), span)?;
        self.node_mut(block).cons_array = constructs;
        Ok(block)
    }

    /// `left ~> right`
    pub(super) fn apply(
        &mut self,
        left: NodeId,
        right: NodeId,
        span: Span,
    ) -> Result<NodeId, Thrown> {
        let keep = self.node(left).keep_array || self.node(right).keep_array;
        let apply = self.add(Kind::Apply(left, right), span)?;
        self.node_mut(apply).keep_array = keep;
        Ok(apply)
    }

    /// `name[]`
    pub(super) fn keep_named(&mut self, path: NodeId) {
        let step = self.last_step(path);
        self.node_mut(step).keep_array = true;
        self.node_mut(path).keep_array = true;
        if let Some(path) = self.path_mut(path) {
            path.keep_singleton = true;
        }
    }

    /// `left@$name[]`
    pub(super) fn keep_focused(&mut self, left: NodeId) {
        let step = self.last_step(left);
        self.node_mut(step).keep_array = true;
        self.node_mut(left).keep_array = true;
        // Should the path grow, it has to look at this step again.
        let last = self.path(left).map_or(0, |path| path.steps.len()).saturating_sub(1);
        let checked = &mut self.extra_mut(left).checked;
        *checked = last.min(*checked);
    }

    fn path_from(&mut self, node: NodeId) -> Result<NodeId, Thrown> {
        if self.path(node).is_some() { Ok(node) } else { self.wrap(node) }
    }

    fn predicates_to_stages(&mut self, node: NodeId) {
        let predicates = std::mem::take(&mut self.node_mut(node).predicates);
        if !predicates.is_empty() {
            self.extra_mut(node).stages = predicates.into_iter().map(Stage::Filter).collect();
        }
    }

    /// Strings among the steps are names, other literals are none; `[]` at a step holds for the
    /// path; arrays that are constructed at its ends are not flattened.
    fn check_steps(&mut self, path: NodeId) {
        let Some(steps) = self.path(path).map(|path| &path.steps) else { return };
        let checked = self.extra(path).map_or(0, |extra| extra.checked);
        let fresh: Vec<NodeId> =
            steps.get(checked..).unwrap_or_default().iter().map(|step| step.node).collect();
        let ends = [steps.first(), steps.last()].map(|step| step.map(|step| step.node));
        let mut keep = false;
        for &step in &fresh {
            self.check_step(step);
            keep |= self.node(step).keep_array;
        }
        if let Some(path) = self.path_mut(path) {
            path.keep_singleton |= keep;
        }
        for end in ends.into_iter().flatten() {
            let node = self.node_mut(end);
            node.cons_array |= matches!(node.kind, Kind::Array(_));
        }
        self.extra_mut(path).checked = checked + fresh.len();
    }

    fn check_step(&mut self, step: NodeId) {
        let node = self.node_mut(step);
        let span = node.span;
        let literal: Box<str> = match &mut node.kind {
            Kind::Text(text) => {
                node.kind = Kind::Name(std::mem::take(text));
                return;
            }
            Kind::Int(value) => itoa::Buffer::new().format(*value).into(),
            Kind::Float(value) => ryu_js::Buffer::new().format(*value).into(),
            Kind::Bool(value) => value.to_string().into(),
            Kind::Null => "null".into(),
            _ => return,
        };
        self.spoil(Thrown::new(Code::S0213).at(span).with("value", literal));
    }
}
