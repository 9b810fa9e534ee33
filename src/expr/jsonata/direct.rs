//! Expressions that only look something up: `$states.input.order.id`, `$total`.
//!
//! They are the most frequent ones by far, make nothing, and need none of what an evaluation sets
//! up. Where an array is met on the way, the evaluator takes over.

use super::Scope;
use super::code::{Code, Part, Program};
use crate::expr::VariableIdx;
use crate::value::{Heap, Key, LookUp, Value};

/// A look-up.
#[derive(Clone, Debug)]
pub(super) struct Direct {
    origin: Origin,
    keys: Box<[Key]>,
}

#[derive(Clone, Copy, Debug)]
enum Origin {
    Constant(Value),
    States(Part),
    Variable(VariableIdx),
}

/// What a look-up came to.
pub(super) enum Found {
    Value(Value),
    Nothing,
    /// An array stands on the way.
    Unknown,
}

impl Direct {
    /// The look-up that a program is, if it is one.
    pub(super) fn of(program: &Program) -> Option<Self> {
        let code = |index: u32| &program.codes[index as usize];
        let origin = |code: &Code| match code {
            Code::Constant(item) => item.value().map(Origin::Constant),
            Code::States(Part::All) => None,
            Code::States(part) => Some(Origin::States(*part)),
            Code::Variable(index, None) => Some(Origin::Variable(*index)),
            _ => None,
        };
        match code(program.root) {
            Code::Names { origin: at, keys } => {
                Some(Self { origin: origin(code(at.0))?, keys: keys.clone() })
            }
            other => Some(Self { origin: origin(other)?, keys: Box::default() }),
        }
    }

    #[inline]
    pub(super) fn find(&self, heap: &Heap, scope: &Scope<'_>) -> Found {
        let origin = match self.origin {
            Origin::Constant(value) => Some(value),
            Origin::States(Part::Input) => scope.input,
            Origin::States(Part::Result) => scope.result,
            Origin::States(Part::ErrorOutput) => scope.error_output,
            Origin::States(Part::Context | Part::All) => scope.context,
            Origin::Variable(index) => scope.variables.get(index.index()).copied().flatten(),
        };
        let Some(mut value) = origin else { return Found::Nothing };
        for key in &self.keys {
            match heap.look_up(value, key) {
                LookUp::Member { value: member, .. } => value = member,
                LookUp::Nothing { .. } => return Found::Nothing,
                LookUp::Array => return Found::Unknown,
            }
        }
        Found::Value(value)
    }
}
