//! Operators and their operands, by precedence.
//!
//! Each symbol binds what stands before it with a strength of its own; an expression goes on for as
//! long as the next symbol binds stronger than the one that it stands behind (Pratt's method).

use super::super::ast::{Ast, Kind, NodeId, Operator, Pairs, SortTerm, Span};
use super::super::error::{Code, Thrown};
use super::draft::{DEPTH_MAX, Drafts, too_deep};
use super::symbol::{NEGATION, Symbol};
use super::token::{Lexer, Token, TokenKind, quote};

/// Reads one expression.
pub(super) struct Parser<'t> {
    lexer: Lexer<'t>,
    /// The token to be read next.
    pub(super) token: Token,
    pub(super) drafts: Drafts,
    /// Expressions that are being read within each other, and how many may be.
    nesting: u16,
    newer_operators: Vec<Span>,
}

/// A node, and how it was written: some operators look at the text of their side, not its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand {
    pub(super) node: NodeId,
    written: Written,
    /// It has a predicate behind.
    filtered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Focus,
    Name,
    Other,
    Variable,
}

impl Operand {
    fn new(node: NodeId, written: Written) -> Self {
        Self { node, written, filtered: false }
    }

    pub(super) fn other(node: NodeId) -> Self {
        Self::new(node, Written::Other)
    }

    pub(super) fn is_variable(self) -> bool {
        self.written == Written::Variable && !self.filtered
    }

    pub(super) fn is_name(self) -> bool {
        self.written == Written::Name && !self.filtered
    }
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Result<Self, Thrown> {
        let mut lexer = Lexer::new(text);
        let token = lexer.next(false)?;
        Ok(Self { lexer, token, drafts: Drafts::new(), nesting: 0, newer_operators: Vec::new() })
    }

    /// Reads the whole text.
    pub(super) fn parse(mut self) -> Result<Ast, Thrown> {
        let root = self.expression(0)?;
        if self.token.kind != TokenKind::End {
            return Err(self.token.thrown(Code::S0201));
        }
        self.drafts.finish(root.node, self.newer_operators)
    }

    /// Reads up to the first symbol that binds no stronger than `binding`.
    pub(super) fn expression(&mut self, binding: u8) -> Result<Operand, Thrown> {
        self.nesting += 1;
        if self.nesting > DEPTH_MAX {
            return Err(too_deep(self.token.span));
        }
        let token = self.advance(true)?;
        let mut left = self.prefix(token)?;
        while let TokenKind::Symbol(symbol) = self.token.kind {
            if symbol.binding() <= binding {
                break;
            }
            let span = self.advance(false)?.span;
            left = self.infix(symbol, span, left)?;
        }
        self.nesting -= 1;
        Ok(left)
    }

    /// Gives the present token and reads the next one; behind an operand `/` divides.
    pub(super) fn advance(&mut self, behind_operand: bool) -> Result<Token, Thrown> {
        let next = self.lexer.next(behind_operand)?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    /// Reads a symbol that has to stand here.
    pub(super) fn expect(&mut self, symbol: Symbol, ends_operand: bool) -> Result<Token, Thrown> {
        if self.at(symbol) {
            return self.advance(ends_operand);
        }
        let code = if self.token.kind == TokenKind::End { Code::S0203 } else { Code::S0202 };
        Err(self.token.thrown(code).with("value", quote(symbol.as_str())))
    }

    pub(super) fn at(&self, symbol: Symbol) -> bool {
        self.token.kind == TokenKind::Symbol(symbol)
    }

    /// Reads `symbol` if it stands here.
    pub(super) fn accept(&mut self, symbol: Symbol) -> Result<bool, Thrown> {
        let there = self.at(symbol);
        if there {
            self.advance(false)?;
        }
        Ok(there)
    }

    /// Reads `symbol` and the expression behind it, if it stands here.
    fn expression_behind(&mut self, symbol: Symbol) -> Result<Option<NodeId>, Thrown> {
        if !self.accept(symbol)? {
            return Ok(None);
        }
        self.expression(0).map(|operand| Some(operand.node))
    }

    /// What begins an expression.
    fn prefix(&mut self, token: Token) -> Result<Operand, Thrown> {
        let span = token.span;
        let kind = match token.kind {
            TokenKind::End => {
                // An operand is missing; but what else is wrong with the text comes first.
                self.drafts.spoil(token.thrown(Code::S0207));
                Kind::Null
            }
            TokenKind::Symbol(symbol) => return self.prefix_symbol(symbol, &token),
            TokenKind::Name(name) => return self.name(name, span),
            TokenKind::Variable(name) => {
                let node = self.drafts.leaf(Kind::Variable(name), span);
                return Ok(Operand::new(node, Written::Variable));
            }
            TokenKind::Bool(value) => Kind::Bool(value),
            TokenKind::Float(value) => Kind::Float(value),
            TokenKind::Int(value) => Kind::Int(value),
            TokenKind::Null => Kind::Null,
            TokenKind::Regex { pattern, flags } => Kind::Regex { pattern, flags },
            TokenKind::Text(text) => Kind::Text(text),
        };
        Ok(Operand::other(self.drafts.leaf(kind, span)))
    }

    fn prefix_symbol(&mut self, symbol: Symbol, token: &Token) -> Result<Operand, Thrown> {
        let span = token.span;
        let node = match symbol {
            Symbol::And | Symbol::In | Symbol::Or => {
                return self.name(symbol.as_str().into(), span);
            }
            Symbol::Minus => self.negation(span)?,
            Symbol::Star => self.drafts.leaf(Kind::Wildcard, span),
            Symbol::Stars => self.drafts.leaf(Kind::Descendants, span),
            Symbol::Percent => self.drafts.parent(span),
            Symbol::OpenParen => self.block(span)?,
            Symbol::OpenBracket => self.array(span)?,
            Symbol::OpenBrace => self.object(span)?,
            Symbol::Bar => self.transform(span)?,
            _ => return Err(token.thrown(Code::S0211)),
        };
        Ok(Operand::other(node))
    }

    /// What stands behind an operand. Its arms are calls: all that they hold here would lie on the
    /// stack once for each level.
    fn infix(&mut self, symbol: Symbol, span: Span, left: Operand) -> Result<Operand, Thrown> {
        match symbol {
            Symbol::Dot => self.step(left),
            Symbol::OpenBracket => self.filter(span, left),
            Symbol::OpenParen => self.call(span, left),
            Symbol::OpenBrace => self.group(span, left),
            Symbol::Question => self.condition(span, left),
            Symbol::Elvis | Symbol::Questions => self.default(symbol, span, left),
            Symbol::Caret => self.sort(span, left),
            Symbol::Assign => self.bind(span, left),
            Symbol::At => self.focus(span, left),
            Symbol::Hash => self.index(left),
            Symbol::Tilde => self.apply(span, left),
            _ => self.binary(symbol, span, left),
        }
    }

    /// `left.right`
    fn step(&mut self, left: Operand) -> Result<Operand, Thrown> {
        let right = self.expression(Symbol::Dot.binding())?;
        self.drafts.map(left.node, right.node).map(Operand::other)
    }

    /// `left{key: value, …}`
    fn group(&mut self, span: Span, left: Operand) -> Result<Operand, Thrown> {
        self.drafts.check_group(left.node, span);
        let pairs = self.pairs()?;
        self.drafts.group(left.node, pairs)?;
        Ok(Operand::other(left.node))
    }

    /// `test ? then : otherwise`
    fn condition(&mut self, span: Span, test: Operand) -> Result<Operand, Thrown> {
        let then = self.expression(0)?.node;
        let otherwise = self.expression_behind(Symbol::Colon)?;
        let kind = Kind::Condition { test: test.node, then, otherwise };
        self.drafts.add(kind, span).map(Operand::other)
    }

    /// `left ?: right` and `left ?? right`
    fn default(&mut self, symbol: Symbol, span: Span, left: Operand) -> Result<Operand, Thrown> {
        self.newer_operators.push(span);
        let right = self.expression(0)?.node;
        let kind = match symbol {
            Symbol::Elvis => Kind::Elvis(left.node, right),
            _ => Kind::Coalesce(left.node, right),
        };
        self.drafts.add(kind, span).map(Operand::other)
    }

    /// `left^(<a, >b, c)`
    fn sort(&mut self, span: Span, left: Operand) -> Result<Operand, Thrown> {
        self.expect(Symbol::OpenParen, false)?;
        let mut terms = Vec::new();
        loop {
            let descending = !self.accept(Symbol::Less)? && self.accept(Symbol::Greater)?;
            terms.push(SortTerm { expression: self.expression(0)?.node, descending });
            if !self.accept(Symbol::Comma)? {
                break;
            }
        }
        self.expect(Symbol::CloseParen, false)?;
        self.drafts.sort(left.node, terms, span).map(Operand::other)
    }

    /// `$name := value`
    fn bind(&mut self, span: Span, left: Operand) -> Result<Operand, Thrown> {
        let Some(name) = self.variable(left) else {
            let span = self.drafts.node(left.node).span;
            return Err(Thrown::new(Code::S0212).at(span));
        };
        let value = self.expression(Symbol::Assign.binding() - 1)?.node;
        self.drafts.add(Kind::Bind { name, value }, span).map(Operand::other)
    }

    /// `left@$name`
    fn focus(&mut self, span: Span, left: Operand) -> Result<Operand, Thrown> {
        let name = self.bound_variable(Symbol::At)?;
        self.drafts.focus(left.node, name, span);
        Ok(Operand::new(left.node, Written::Focus))
    }

    /// `left#$name`
    fn index(&mut self, left: Operand) -> Result<Operand, Thrown> {
        let name = self.bound_variable(Symbol::Hash)?;
        self.drafts.index(left.node, name).map(Operand::other)
    }

    /// `left ~> right`
    fn apply(&mut self, span: Span, left: Operand) -> Result<Operand, Thrown> {
        let right = self.expression(Symbol::Tilde.binding())?;
        self.drafts.apply(left.node, right.node, span).map(Operand::other)
    }

    fn binary(&mut self, symbol: Symbol, span: Span, left: Operand) -> Result<Operand, Thrown> {
        let Some(operator) = operator(symbol) else {
            let token = Token { kind: TokenKind::Symbol(symbol), span };
            return Err(token.thrown(Code::S0201));
        };
        let right = self.expression(symbol.binding())?;
        let kind = Kind::Binary(operator, left.node, right.node);
        self.drafts.add(kind, span).map(Operand::other)
    }

    fn name(&mut self, name: Box<str>, span: Span) -> Result<Operand, Thrown> {
        Ok(Operand::new(self.drafts.name(name, span)?, Written::Name))
    }

    /// `-operand`, behind its sign
    fn negation(&mut self, span: Span) -> Result<NodeId, Thrown> {
        let operand = self.expression(NEGATION)?.node;
        let least = self.lexer.text_of(self.drafts.node(operand).span) == LEAST_DIGITS;
        self.drafts.negate(operand, span, least)
    }

    /// `{key: value, …}` as a value, behind its brace
    fn object(&mut self, span: Span) -> Result<NodeId, Thrown> {
        let pairs = self.pairs()?;
        self.drafts.add(Kind::Object(pairs), span)
    }

    /// `(a; b; c)`, behind its bracket
    fn block(&mut self, span: Span) -> Result<NodeId, Thrown> {
        let mut parts = Vec::new();
        while !self.at(Symbol::CloseParen) {
            parts.push(self.expression(0)?.node);
            if !self.accept(Symbol::Semicolon)? {
                break;
            }
        }
        self.expect(Symbol::CloseParen, true)?;
        self.drafts.block(parts, span)
    }

    /// `[a, b..c]`, behind its bracket
    fn array(&mut self, span: Span) -> Result<NodeId, Thrown> {
        let mut items = Vec::new();
        while !self.at(Symbol::CloseBracket) || !items.is_empty() {
            let first = self.expression(0)?.node;
            let span = self.token.span;
            items.push(match self.expression_behind(Symbol::Range)? {
                Some(last) => self.drafts.add(Kind::Binary(Operator::Range, first, last), span)?,
                None => first,
            });
            if !self.accept(Symbol::Comma)? {
                break;
            }
        }
        self.expect(Symbol::CloseBracket, true)?;
        self.drafts.add(Kind::Array(items), span)
    }

    /// `{key: value, …}`, behind its brace
    fn pairs(&mut self) -> Result<Pairs, Thrown> {
        let mut pairs = Vec::new();
        while !self.at(Symbol::CloseBrace) || !pairs.is_empty() {
            let key = self.expression(0)?.node;
            self.expect(Symbol::Colon, false)?;
            pairs.push((key, self.expression(0)?.node));
            if !self.accept(Symbol::Comma)? {
                break;
            }
        }
        self.expect(Symbol::CloseBrace, true)?;
        Ok(pairs)
    }

    /// `|pattern|update, delete|`, behind its first bar
    fn transform(&mut self, span: Span) -> Result<NodeId, Thrown> {
        let pattern = self.expression(0)?.node;
        self.expect(Symbol::Bar, false)?;
        let update = self.expression(0)?.node;
        let delete = self.expression_behind(Symbol::Comma)?;
        self.expect(Symbol::Bar, false)?;
        self.drafts.add(Kind::Transform { pattern, update, delete }, span)
    }

    /// `[predicate]` or `[]`, behind its bracket
    fn filter(&mut self, span: Span, left: Operand) -> Result<Operand, Thrown> {
        if self.accept(Symbol::CloseBracket)? {
            match left.written {
                Written::Name => self.drafts.keep_named(left.node),
                Written::Focus => self.drafts.keep_focused(left.node),
                Written::Other | Written::Variable => {
                    self.drafts.node_mut(left.node).keep_array = true;
                }
            }
            return Ok(left);
        }
        self.drafts.check_filter(left.node, span);
        let predicate = self.expression(0)?;
        self.expect(Symbol::CloseBracket, true)?;
        self.drafts.filter(left.node, predicate.node)?;
        Ok(Operand { filtered: true, ..left })
    }

    /// The variable behind `@` or `#`.
    fn bound_variable(&mut self, symbol: Symbol) -> Result<Box<str>, Thrown> {
        let right = self.expression(symbol.binding())?;
        self.variable(right).ok_or_else(|| {
            let span = self.drafts.node(right.node).span;
            Token { kind: TokenKind::Symbol(symbol), span }.thrown(Code::S0214)
        })
    }

    /// The name of an operand that is a variable and nothing else.
    pub(super) fn variable(&self, operand: Operand) -> Option<Box<str>> {
        match &self.drafts.node(operand.node).kind {
            Kind::Variable(name) if operand.is_variable() => Some(name.clone()),
            _ => None,
        }
    }
}

fn operator(symbol: Symbol) -> Option<Operator> {
    Some(match symbol {
        Symbol::Ampersand => Operator::Concat,
        Symbol::And => Operator::And,
        Symbol::Equal => Operator::Equal,
        Symbol::Greater => Operator::Greater,
        Symbol::GreaterOrEqual => Operator::GreaterOrEqual,
        Symbol::In => Operator::In,
        Symbol::Less => Operator::Less,
        Symbol::LessOrEqual => Operator::LessOrEqual,
        Symbol::Minus => Operator::Subtract,
        Symbol::NotEqual => Operator::NotEqual,
        Symbol::Or => Operator::Or,
        Symbol::Percent => Operator::Remainder,
        Symbol::Plus => Operator::Add,
        Symbol::Slash => Operator::Divide,
        Symbol::Star => Operator::Multiply,
        _ => return None,
    })
}

/// 2^63, the digits of the least integer.
const LEAST_DIGITS: &str = "9223372036854775808";
