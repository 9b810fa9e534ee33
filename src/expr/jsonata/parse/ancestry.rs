//! Which step's input a `%` means.
//!
//! A `%` goes one step up, the next one in a row two. Where its own path ends, it looks further in
//! the path around it: the node that holds it is asked on. Found steps carry the `%`'s label; two
//! `%` that mean one step share it.

use super::super::ast::{Kind, NodeId};
use super::super::error::{Code, Thrown};
use super::draft::{Drafts, SlotId};

impl Drafts {
    /// Lets the unresolved `%` of `value` look further from `result`.
    pub(super) fn inherit(&mut self, result: NodeId, value: NodeId) {
        let slots = self.take_seeking(value);
        if !slots.is_empty() {
            self.extra_mut(result).seeking.extend(slots);
        }
    }

    /// Unresolved `%` below the last step of `path` look for theirs among the steps before it.
    pub(super) fn resolve_ancestry(&mut self, path: NodeId) {
        let last = self.last_step(path);
        let before = self.path(path).map_or(0, |path| path.steps.len()).saturating_sub(1);
        for slot in self.take_seeking(last) {
            let mut index = before;
            while self.level(slot) > 0 {
                let Some(step) = self.step_before(path, &mut index) else {
                    self.extra_mut(path).seeking.push(slot);
                    break;
                };
                self.seek(step, slot);
            }
        }
    }

    /// Unresolved `%` of a predicate look for theirs from the step that it filters.
    pub(super) fn resolve_predicate(&mut self, step: NodeId, predicate: NodeId) {
        let slots = match self.extra(predicate) {
            Some(extra) if !extra.seeking.is_empty() => extra.seeking.clone(),
            // As the reference has it: `[%]`, with nothing behind, looks for nothing.
            _ => return,
        };
        for slot in slots {
            if self.level(slot) == 1 {
                self.seek(step, slot);
            } else {
                *self.level_mut(slot) -= 1;
            }
        }
        self.inherit(step, predicate);
    }

    /// The step before `index`. Neighbouring steps that bind their focus have one input.
    fn step_before(&mut self, path: NodeId, index: &mut usize) -> Option<NodeId> {
        let mut step = self.nth_step(path, index.checked_sub(1)?)?;
        *index -= 1;
        while let Some(before) = index.checked_sub(1) {
            let previous = self.nth_step(path, before)?;
            if !self.has_focus(step) || !self.has_focus(previous) || !self.may_walk() {
                break;
            }
            step = previous;
            *index = before;
        }
        Some(step)
    }

    /// Looks for the step of `slot` at `node`, from its end backwards.
    fn seek(&mut self, node: NodeId, slot: SlotId) {
        if !self.may_walk() {
            let span = self.node(node).span;
            self.give_up(slot, Thrown::new(Code::U1001).at(span));
            return;
        }
        match &self.node(node).kind {
            Kind::Name(_) | Kind::Wildcard => {
                *self.level_mut(slot) -= 1;
                if self.level(slot) == 0 {
                    self.found(node, slot);
                }
            }
            Kind::Parent(_) => *self.level_mut(slot) += 1,
            Kind::Block(parts) => {
                if let Some(&last) = parts.last() {
                    self.extra_mut(node).tuple = true;
                    self.seek(last, slot);
                }
            }
            Kind::Path(path) => {
                let mut index = path.steps.len();
                self.extra_mut(node).tuple = true;
                while let Some(before) = index.checked_sub(1) {
                    let Some(step) = self.nth_step(node, before) else { break };
                    self.seek(step, slot);
                    if self.level(slot) <= 0 {
                        break;
                    }
                    index = before;
                }
            }
            _ => {
                let span = self.node(node).span;
                self.give_up(slot, Thrown::new(Code::S0217).at(span));
            }
        }
    }

    fn found(&mut self, step: NodeId, slot: SlotId) {
        let extra = self.extra_mut(step);
        extra.tuple = true;
        if let Some(known) = extra.ancestor.replace(slot) {
            self.slots[slot.0 as usize].label = self.slots[known.0 as usize].label;
        }
    }

    fn give_up(&mut self, slot: SlotId, flaw: Thrown) {
        self.spoil(flaw);
        *self.level_mut(slot) = 0;
    }

    /// Unresolved `%` of a node, the node itself included.
    fn take_seeking(&mut self, node: NodeId) -> Vec<SlotId> {
        let mut slots = match self.extra(node) {
            Some(extra) if !extra.seeking.is_empty() => {
                std::mem::take(&mut self.extra_mut(node).seeking)
            }
            _ => Vec::new(),
        };
        if let Kind::Parent(label) = self.node(node).kind {
            slots.push(SlotId(label.0));
        }
        slots
    }

    fn nth_step(&self, path: NodeId, index: usize) -> Option<NodeId> {
        self.path(path)?.steps.get(index).map(|step| step.node)
    }

    fn has_focus(&self, step: NodeId) -> bool {
        self.extra(step).is_some_and(|extra| extra.focus.is_some())
    }

    fn level(&self, slot: SlotId) -> i32 {
        self.slots[slot.0 as usize].level
    }

    fn level_mut(&mut self, slot: SlotId) -> &mut i32 {
        &mut self.slots[slot.0 as usize].level
    }
}
