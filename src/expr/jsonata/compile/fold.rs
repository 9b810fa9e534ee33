//! What is known before anything is evaluated: numbers computed, arrays and objects of constants
//! made.

use super::super::ast::{Kind, Node, NodeId, Operator, Pairs as AstPairs};
use super::super::code::{Code, CodeId};
use super::super::item::Item;
use super::super::number::Number;
use super::{CompileFailure, Compiled, Compiler, Position};
use crate::value::{Value, View};

impl<'a> Compiler<'a> {
    /// The value that a piece of code certainly has.
    fn known(&self, code: CodeId) -> Option<Value> {
        match &self.program.codes[code.0 as usize] {
            Code::Constant(item) => item.value(),
            _ => None,
        }
    }

    /// The number that a piece of code certainly is.
    fn known_number(&self, code: CodeId) -> Option<Number> {
        match self.known(code)?.as_number()? {
            View::Int(int) => Some(Number::Int(int)),
            View::Float(float) => Some(Number::Float(float)),
            _ => None,
        }
    }

    pub(super) fn arithmetic(
        &mut self,
        operator: Operator,
        one: CodeId,
        other: CodeId,
        node: &Node,
    ) -> CodeId {
        if let (Some(left), Some(right)) = (self.known_number(one), self.known_number(other)) {
            let result = left.compute(operator, right, self.dialect);
            // Infinity is left to be met at run time, where it may be an error.
            if result.as_f64().is_finite() {
                return self.emit(Code::Constant(constant(result)), node);
            }
        }
        self.emit(Code::Arithmetic(operator, one, other), node)
    }

    /// `[…]`
    pub(super) fn array(&mut self, elements: &[NodeId], node: &'a Node, at: Position) -> Compiled {
        let ast = self.ast;
        let is_array = |id: &NodeId| matches!(ast[*id].kind, Kind::Array(_));
        let within = Position { tail: false, ..at };
        let codes = elements.iter().map(|id| Ok((self.node(*id, within)?, is_array(id))));
        let codes: Box<[(CodeId, bool)]> = codes.collect::<Result<_, CompileFailure>>()?;
        let values: Option<Vec<Value>> = codes
            .iter()
            .map(|(code, whole)| self.known(*code).filter(|value| *whole || value.is_scalar()))
            .collect();
        if let Some(values) = values.filter(|_| !node.cons_array) {
            let array = self.bindings.constants.array(&values)?;
            return Ok(self.emit(Code::Constant(array.into()), node));
        }
        Ok(self.emit(Code::Array { elements: codes, cons: node.cons_array }, node))
    }

    /// `{…}` as a value.
    pub(super) fn object(&mut self, pairs: &'a AstPairs, node: &'a Node, at: Position) -> Compiled {
        let pairs = self.pairs(pairs, node, at)?;
        if let Some(keys) = &pairs.constant_keys {
            let entries = keys.iter().zip(&pairs.entries);
            let entries: Option<Vec<(Value, Value)>> = entries
                .map(|(key, (_, value))| Some((key.value()?, self.known(*value)?)))
                .collect();
            if let Some(entries) = entries {
                let object = self.bindings.constants.object(&entries)?;
                return Ok(self.emit(Code::Constant(object.into()), node));
            }
        }
        Ok(self.emit(Code::Object(Box::new(pairs)), node))
    }

    /// The keys of `{…}`, if all are written down and differ.
    pub(super) fn constant_keys(
        &mut self,
        pairs: &AstPairs,
    ) -> Result<Option<Box<[Item]>>, CompileFailure> {
        let mut seen = std::collections::HashSet::new();
        for (key, _) in pairs {
            let key = &self.ast[*key];
            if !key.predicates.is_empty() || key.group.is_some() || key.keep_array {
                return Ok(None);
            }
            match &key.kind {
                Kind::Text(text) if !text.starts_with("_jsonata_") && seen.insert(&**text) => {}
                _ => return Ok(None),
            }
        }
        let keys = pairs.iter().map(|(key, _)| match &self.ast[*key].kind {
            Kind::Text(text) => self.text(text),
            _ => Ok(Item::UNDEFINED),
        });
        keys.collect::<Result<_, _>>().map(Some)
    }
}

/// A number as a constant, its length as text known.
pub(super) fn constant(number: Number) -> Item {
    match number {
        Number::Int(int) => Value::int(int).into(),
        Number::Float(float) => Value::float(float).into(),
    }
}
