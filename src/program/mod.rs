//! The compiled form of a state machine: flat bytecode and the tables its operands index.
//!
//! A program is immutable and versioned by its owner. An [`Image`] can be sent to any thread;
//! each shard loads its own copy, so that nothing a running execution reads is shared.

mod disasm;
mod form;
mod op;
mod outline;
mod tables;

use std::rc::Rc;

pub use form::{Condition, Expression, Form, Items, Letting, Payload, Sees, Shape};
pub use op::{Op, Pc, for_each_op};
pub use outline::{Branch, Exit, Outcome};
pub use tables::{
    Amount, Assign, AssignIdx, Batcher, Catcher, ConditionIdx, Distributed, ErrorEquals,
    ExpressionIdx, Fail, FailIdx, FailText, Fork, ForkIdx, FormIdx, Keys, LettingIdx, LookupIdx,
    Map, MapIdx, Retrier, RuleIdx, State, StateIdx, StateKind, Task, TaskIdx, TemplateIdx,
    ValueIdx, Wait, WaitIdx, WalkIdx, World,
};

use crate::expr::lookup::Lookup;
use crate::expr::rule::Rule;
use crate::expr::template::Template;
use crate::expr::walk::Walk;
use crate::value::{Constants, Value};

/// Code and tables of one state machine.
#[derive(Clone, Debug)]
pub struct Program {
    /// Instructions; execution starts at the first.
    pub ops: Box<[Op]>,
    /// Where each instruction comes from in the definition, by instruction.
    pub places: Box<[Place]>,
    /// States, those of a branch or processor behind the state that holds them.
    pub states: Box<[State]>,
    /// By state, whether it or one that may follow it reads the context object.
    pub context_ahead: Box<[bool]>,
    /// Reference paths: where results are put.
    pub walks: Box<[Walk]>,
    /// Paths of any kind: what is read.
    pub lookups: Box<[Lookup]>,
    /// Payload templates.
    pub templates: Box<[Template]>,
    /// Choice rules.
    pub rules: Box<[Rule]>,
    /// Constant values.
    pub values: Box<[Value]>,
    /// Fail states.
    pub fails: Box<[Fail]>,
    /// Task states.
    pub tasks: Box<[Task]>,
    /// Wait states.
    pub waits: Box<[Wait]>,
    /// `Assign` fields.
    pub assigns: Box<[Assign]>,
    /// Parallel states.
    pub forks: Box<[Fork]>,
    /// Map states.
    pub maps: Box<[Map]>,
    /// JSONata expressions.
    pub expressions: Box<[Expression]>,
    /// Fields of JSONata states: `Arguments` and `Output`.
    pub forms: Box<[Form]>,
    /// `Assign` fields of JSONata states.
    pub lettings: Box<[Letting]>,
    /// `Condition` fields.
    pub conditions: Box<[Condition]>,
    /// Names of the variables, by their index.
    pub variables: Box<[Box<str>]>,
    /// Keys of objects that the engine makes.
    pub keys: Keys,
    /// `TimeoutSeconds` of the machine, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Size of the definition in bytes, as AWS's memory formula counts it.
    pub definition_bytes: u64,
    /// Who the machine is and where it runs.
    pub world: World,
}

/// Line and column in a definition, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

/// A program with its constants, ready to be sent to a shard.
#[derive(Clone, Debug)]
pub struct Image {
    /// Code and tables.
    pub program: Program,
    /// What its values point into.
    pub constants: Constants,
}

/// A program as a shard holds it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Code and tables.
    pub program: Rc<Program>,
    /// What its values point into.
    pub constants: Rc<Constants>,
}

impl From<Image> for Loaded {
    fn from(image: Image) -> Self {
        Self { program: Rc::new(image.program), constants: Rc::new(image.constants) }
    }
}
