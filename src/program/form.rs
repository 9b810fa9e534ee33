//! Fields of JSONata states: values with expressions in them.
//!
//! What holds no expression inside is one constant. An expression stands in a table of its own,
//! with the field that it fills: AWS names that field in every failure.

use super::{ExpressionIdx, Program};
use crate::expr::VariableIdx;
use crate::expr::jsonata;
use crate::expr::template::Template;
use crate::expr::walk::Walk;
use crate::value::Value;

/// An expression where it stands.
#[derive(Clone, Debug)]
pub struct Expression {
    /// What is evaluated.
    pub code: jsonata::Expression,
    /// The field that it fills, as AWS's causes name it: `Output/a/b[0]`, `Choices[1]/Condition`.
    pub field: Box<str>,
}

/// A field of a JSONata state, ready to be filled.
#[derive(Clone, Debug)]
pub struct Form {
    /// The value with its holes.
    pub shape: Shape,
    /// Whether an expression in it reads the context object.
    pub reads_context: bool,
}

/// A value with holes.
#[derive(Clone, Debug)]
pub enum Shape {
    /// An array with holes somewhere inside.
    Array(Box<[Shape]>),
    /// No holes inside.
    Constant(Value),
    /// A hole.
    Expression(ExpressionIdx),
    /// An object with holes somewhere inside: keys, which are constant strings, and members.
    Object(Box<[(Value, Shape)]>),
}

/// What `$states` has beside the state's input and the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sees {
    /// Nothing.
    Input,
    /// `$states.result`, which is the working value.
    Result,
    /// `$states.errorOutput`, which is the working value.
    Error,
}

/// Variables and what they become, in a JSONata state.
#[derive(Clone, Debug)]
pub struct Letting(pub Box<[(VariableIdx, Shape)]>);

/// `Condition` of a choice rule.
#[derive(Clone, Copy, Debug)]
pub enum Condition {
    /// Written down.
    Literal(bool),
    /// Computed.
    Expression(ExpressionIdx),
}

/// What fills a field that both languages have.
#[derive(Clone, Debug)]
pub enum Payload {
    /// A payload template, of JSONPath.
    Template(Template),
    /// A form, of JSONata.
    Form(Form),
}

/// The items of a Map.
#[derive(Clone, Debug)]
pub enum Items {
    /// `Items`, of JSONata; absent: the state's input.
    Form(Option<Form>),
    /// `ItemsPath`; absent: the effective input itself.
    Path(Option<Walk>),
}

impl Payload {
    /// Whether it reads the context object.
    pub fn reads_context(&self) -> bool {
        match self {
            Self::Template(template) => template.reads_context(),
            Self::Form(form) => form.reads_context,
        }
    }
}

impl Shape {
    /// Whether an expression in it reads the context object.
    pub fn reads_context(&self, expressions: &[Expression]) -> bool {
        match self {
            Self::Array(elements) => elements.iter().any(|one| one.reads_context(expressions)),
            Self::Constant(_) => false,
            Self::Expression(index) => expressions[index.index()].code.reads.context,
            Self::Object(entries) => entries.iter().any(|(_, one)| one.reads_context(expressions)),
        }
    }
}

impl Program {
    /// An expression of the program.
    #[inline]
    pub fn expression(&self, index: ExpressionIdx) -> &Expression {
        &self.expressions[index.index()]
    }
}
