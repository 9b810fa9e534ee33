//! Fields of JSONata states as forms: constants with holes for expressions.
//!
//! What has no expression inside becomes one constant, from the inside out. Each expression is
//! told the field that it fills.

use std::fmt::Write as _;

use crate::asl::expression;
use crate::asl::json::{Kind, Node};
use crate::asl::model::{Assign, Condition, ExpressionText, QueryLanguage, Template};
use crate::asl::source::Span;
use crate::expr::jsonata::{self, Dialect};
use crate::program::{
    self, ConditionIdx, ExpressionIdx, Form, FormIdx, LettingIdx, Op, Payload, Pc, Sees, Shape,
};
use crate::value::Value;

use super::Error;
use super::emit::Emitter;
use super::payload;

/// Where a field stands, and what its expressions see.
#[derive(Clone, Copy)]
pub(super) struct Around<'f> {
    /// What is in front of the field's name: empty, `Choices[1]/` or `Catch[0]/`.
    pub(super) prefix: &'f str,
    pub(super) sees: Sees,
}

impl Around<'_> {
    /// A field of the state itself.
    pub(super) fn state(sees: Sees) -> Self {
        Self { prefix: "", sees }
    }
}

impl Emitter<'_> {
    /// `Output`; without it the working value is passed on as it is.
    pub(super) fn output(
        &mut self,
        output: Option<&Template>,
        around: Around<'_>,
    ) -> Result<(), Error> {
        self.eval(output, "Output", around)
    }

    /// `Arguments`; without it the working value is handed over as it is.
    pub(super) fn arguments(&mut self, arguments: Option<&Template>) -> Result<(), Error> {
        self.eval(arguments, "Arguments", Around::state(Sees::Input))
    }

    fn eval(
        &mut self,
        field: Option<&Template>,
        name: &str,
        around: Around<'_>,
    ) -> Result<(), Error> {
        let Some(node) = field else { return Ok(()) };
        let form = self.form(node, &format!("{}{name}", around.prefix))?;
        self.emit(Op::Eval(around.sees, FormIdx(self.forms.len() as u32)), node.span);
        self.forms.push(form);
        Ok(())
    }

    /// `Assign` of a JSONata state.
    pub(super) fn letting(&mut self, assign: &Assign, around: Around<'_>) -> Result<(), Error> {
        let mut lettings = Vec::with_capacity(assign.members().len());
        for member in payload::distinct(assign.members()) {
            let variable = self.bindings.variable(&member.key)?;
            let mut field = format!("{}Assign/{}", around.prefix, member.key);
            lettings.push((variable, self.shape(&member.value, &mut field)?));
        }
        let mut shapes = lettings.iter().map(|(_, shape)| shape);
        self.reads_context |= shapes.any(|shape| shape.reads_context(&self.expressions));
        let index = LettingIdx(self.lettings.len() as u32);
        self.emit(Op::Let(around.sees, index), assign.span);
        self.lettings.push(program::Letting(lettings.into()));
        Ok(())
    }

    /// `Condition` of the rule `index`, as a jump whose target is still to be set.
    pub(super) fn condition(
        &mut self,
        condition: &Condition,
        index: usize,
        span: Span,
    ) -> Result<(), Error> {
        let compiled = match condition {
            Condition::Literal(holds) => program::Condition::Literal(holds.value),
            Condition::Expression(text) => {
                let field = format!("Choices[{index}]/Condition");
                program::Condition::Expression(self.expression(text, &field)?)
            }
        };
        let index = u16::try_from(self.conditions.len()).map_err(|_| Error::TooManyRules)?;
        self.emit(Op::Test(ConditionIdx(index), Pc(0)), span);
        self.conditions.push(compiled);
        Ok(())
    }

    /// A field of the state's language.
    pub(super) fn payload(&mut self, node: &Template, field: &str) -> Result<Payload, Error> {
        Ok(match self.language {
            QueryLanguage::JsonPath => Payload::Template(self.template(node)?),
            QueryLanguage::Jsonata => Payload::Form(self.form(node, field)?),
        })
    }

    pub(super) fn form(&mut self, node: &Node, field: &str) -> Result<Form, Error> {
        let shape = self.shape(node, &mut field.to_owned())?;
        let reads_context = shape.reads_context(&self.expressions);
        self.reads_context |= reads_context;
        Ok(Form { shape, reads_context })
    }

    /// `field` is the way to `node`, and is so again afterwards.
    fn shape(&mut self, node: &Node, field: &mut String) -> Result<Shape, Error> {
        let length = field.len();
        let shape = match &node.kind {
            Kind::Array(items) => {
                let mut shapes = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    // Writing to a string does not fail.
                    let _ = write!(field, "[{index}]");
                    shapes.push(self.shape(item, field)?);
                    field.truncate(length);
                }
                match shapes.iter().map(constant).collect::<Option<Vec<_>>>() {
                    Some(items) => Shape::Constant(self.bindings.constants.array(&items)?),
                    None => Shape::Array(shapes.into()),
                }
            }
            Kind::Object(members) => {
                let mut entries = Vec::with_capacity(members.len());
                for member in payload::distinct(members) {
                    let key = self.bindings.constants.string(&member.key)?;
                    field.push('/');
                    field.push_str(&member.key);
                    entries.push((key, self.shape(&member.value, field)?));
                    field.truncate(length);
                }
                let known = entries.iter().map(|(key, shape)| Some((*key, constant(shape)?)));
                match known.collect::<Option<Vec<_>>>() {
                    Some(known) => Shape::Constant(self.bindings.constants.object(&known)?),
                    None => Shape::Object(entries.into()),
                }
            }
            _ => match expression::of(node) {
                Some(text) => Shape::Expression(self.compile(text.value, field)?),
                None => Shape::Constant(payload::constant(node, &mut self.bindings)?),
            },
        };
        Ok(shape)
    }

    /// An expression that is a whole field.
    pub(super) fn expression(
        &mut self,
        text: &ExpressionText,
        field: &str,
    ) -> Result<ExpressionIdx, Error> {
        let index = self.compile(&text.value, field)?;
        self.reads_context |= self.expressions[index.index()].code.reads.context;
        Ok(index)
    }

    fn compile(&mut self, text: &str, field: &str) -> Result<ExpressionIdx, Error> {
        let code = jsonata::Expression::compile(text, Dialect::Aws, &mut self.bindings)?;
        let index = ExpressionIdx(self.expressions.len() as u32);
        self.expressions.push(program::Expression { code, field: field.into() });
        Ok(index)
    }
}

fn constant(shape: &Shape) -> Option<Value> {
    match shape {
        Shape::Constant(value) => Some(*value),
        _ => None,
    }
}
