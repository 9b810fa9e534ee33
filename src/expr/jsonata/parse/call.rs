//! `(…)` behind an operand: a call, a partial application, or the definition of a function.

use super::super::ast::{Kind, NodeId, Span};
use super::super::error::{Code, Thrown};
use super::super::signature::Signature;
use super::expression::{Operand, Parser};
use super::symbol::Symbol;
use super::token::TokenKind;

impl Parser<'_> {
    /// `callee(arguments)`, behind its bracket
    pub(super) fn call(&mut self, span: Span, callee: Operand) -> Result<Operand, Thrown> {
        let arguments = self.arguments()?;
        self.expect(Symbol::CloseParen, true)?;
        if self.defines_function(callee) {
            self.drafts.dissolve(callee.node);
            return self.lambda(span, &arguments);
        }
        self.apply_to(callee.node, &arguments, span)
    }

    fn apply_to(
        &mut self,
        callee: NodeId,
        arguments: &[Option<Operand>],
        span: Span,
    ) -> Result<Operand, Thrown> {
        let given: Vec<Option<NodeId>> =
            arguments.iter().map(|argument| argument.map(|operand| operand.node)).collect();
        let kind = match given.iter().copied().collect() {
            Some(arguments) => Kind::Call { callee, arguments },
            None => Kind::Partial { callee, arguments: given },
        };
        self.drafts.add(kind, span).map(Operand::other)
    }

    /// Arguments up to their closing bracket; `None` is a `?`.
    fn arguments(&mut self) -> Result<Vec<Option<Operand>>, Thrown> {
        let mut arguments = Vec::new();
        while !self.at(Symbol::CloseParen) || !arguments.is_empty() {
            let left_open = self.accept(Symbol::Question)?;
            arguments.push(if left_open { None } else { Some(self.expression(0)?) });
            if !self.accept(Symbol::Comma)? {
                break;
            }
        }
        Ok(arguments)
    }

    fn defines_function(&self, callee: Operand) -> bool {
        let step = self.drafts.node(self.drafts.last_step(callee.node));
        callee.is_name()
            && matches!(&step.kind, Kind::Name(name) if matches!(&**name, "function" | "\u{3bb}"))
    }

    /// `function($a, $b)<signature>{ body }`, behind its parameters
    fn lambda(&mut self, span: Span, given: &[Option<Operand>]) -> Result<Operand, Thrown> {
        let parameters = self.parameters(span, given)?;
        let signature = if self.at(Symbol::Less) { Some(self.signature()?) } else { None };
        self.expect(Symbol::OpenBrace, false)?;
        let body = self.expression(0)?.node;
        self.expect(Symbol::CloseBrace, false)?;
        let lambda = Kind::Lambda { parameters, signature, body };
        self.drafts.add(lambda, span).map(Operand::other)
    }

    fn parameters(&self, span: Span, given: &[Option<Operand>]) -> Result<Vec<Box<str>>, Thrown> {
        let mut parameters = Vec::with_capacity(given.len());
        for (index, parameter) in given.iter().enumerate() {
            let Some(name) = parameter.and_then(|operand| self.variable(operand)) else {
                let at = parameter.map_or(span, |operand| self.drafts.node(operand.node).span);
                let number = (index + 1).to_string();
                return Err(Thrown::new(Code::S0208).at(at).with("value", number));
            };
            parameters.push(name);
        }
        Ok(parameters)
    }

    /// `<signature>`: its text is put together from tokens, so blanks and comments do not count.
    fn signature(&mut self) -> Result<Signature, Thrown> {
        let span = self.token.span;
        let mut text = String::new();
        let mut depth = 1_u32;
        while depth > 0 {
            self.advance(false)?;
            match self.token.kind {
                TokenKind::Symbol(Symbol::Greater) => depth -= 1,
                TokenKind::Symbol(Symbol::Less) => depth += 1,
                TokenKind::Symbol(Symbol::OpenBrace) | TokenKind::End => break,
                _ => {}
            }
            if depth > 0 {
                text.push_str(&self.token.value());
            }
        }
        self.expect(Symbol::Greater, false)?;
        Signature::parse(&text).map_err(|thrown| thrown.at(span))
    }
}
