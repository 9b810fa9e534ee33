//! How deep an expression is evaluated, counted as AWS counts it.
//!
//! Measured there: each node that is being evaluated is a level, whatever it is made of (100 terms
//! of a sum, 99 brackets around a number); a function's body goes on from the level of its call.
//! Levels within one body are known here: what lies too deep becomes code that fails when it is
//! reached. Levels of calls within calls are added up at run time, once for each call.

use super::super::ast::{Ast, Kind, NodeId, Operator};
use super::super::limits;
use super::{Compiler, Dialect};

impl Compiler<'_> {
    /// Whether what stands this many levels below the present node can never be evaluated.
    pub(super) fn is_too_deep(&self, below: u16) -> bool {
        self.dialect == Dialect::Aws && self.level + below > limits::DEPTH_MAX
    }
}

/// Levels that evaluating a function's body certainly takes: branches may not be taken.
pub(super) fn certain_levels(ast: &Ast, body: NodeId) -> u16 {
    levels(ast, body, true)
}

/// `tail`: a call here leaves the function before its arguments are evaluated.
fn levels(ast: &Ast, id: NodeId, tail: bool) -> u16 {
    let below = |id| levels(ast, id, false);
    match &ast[id].kind {
        Kind::Condition { test, .. } => 1 + below(*test),
        Kind::Binary(Operator::And | Operator::Or, one, _)
        | Kind::Coalesce(one, _)
        | Kind::Elvis(one, _) => 1 + below(*one),
        Kind::Path(path) => 1 + path.steps.first().map_or(0, |step| below(step.node)),
        Kind::Block(body) => {
            let last = body.len().saturating_sub(1);
            let each = body.iter().enumerate();
            1 + each.map(|(at, part)| levels(ast, *part, tail && at == last)).max().unwrap_or(0)
        }
        Kind::Lambda { .. } | Kind::Transform { .. } => 1,
        kind => {
            let mut most = 0;
            kind.each_child(&mut |child| most = below(child).max(most));
            if tail && matches!(kind, Kind::Call { .. }) { most.max(1) } else { 1 + most }
        }
    }
}
