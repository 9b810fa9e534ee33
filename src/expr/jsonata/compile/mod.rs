//! From a tree to code: names become slots, constants are folded, chains of names become one node.
//!
//! The language binds names at run time: `($x := $x + 1)` reads an outer `$x` as long as the block
//! has none. So a name is resolved to the places that may hold it; where the block has certainly
//! bound it before, to one.

mod depth;
mod fold;
mod paths;
mod project;
mod scope;

use super::ast::{Ast, Kind, Node, NodeId, Operator, Pairs as AstPairs};
use super::code::{
    Block, Call, Callee, Code, CodeId, Lambda, Pairs, Part, Predicate, Program, Scope, Source,
};
use super::item::Item;
use super::number::Number;
use super::{CompileFailure, Dialect, Reads, functions, regex};
use crate::expr::Bindings;
use crate::value::{Key, Value};
use scope::Scopes;

/// What was compiled so far.
pub(super) struct Compiler<'a> {
    ast: &'a Ast,
    dialect: Dialect,
    bindings: &'a mut Bindings,
    program: Draft,
    scopes: Scopes,
    reads: Reads,
    /// Levels of nodes around, from the body of the function that is being compiled.
    level: u16,
    /// Functions compiled so far, to see whether one holds others.
    lambdas_begun: usize,
}

/// A program under construction.
#[derive(Default)]
struct Draft {
    codes: Vec<Code>,
    spans: Vec<super::Span>,
    lambdas: Vec<Lambda>,
    regexes: Vec<::regex::Regex>,
}

/// What becomes of a node's value.
#[derive(Clone, Copy)]
struct Position {
    /// It is the function's.
    tail: bool,
    /// It is the expression's, or goes into it as it is.
    result: bool,
    /// Not itself, but the members of an object that it is, or of those in an array.
    members: bool,
}

/// It is used and gone.
const INNER: Position = Position { tail: false, result: false, members: false };

type Compiled = Result<CodeId, CompileFailure>;

/// Compiles a parsed expression.
///
/// # Errors
/// [`CompileFailure`] for a regular expression that is not supported, or when constants or
/// variables do not fit.
pub(super) fn compile(
    ast: &Ast,
    dialect: Dialect,
    bindings: &mut Bindings,
) -> Result<(Program, Reads), CompileFailure> {
    let mut compiler = Compiler {
        ast,
        dialect,
        bindings,
        program: Draft::default(),
        scopes: Scopes::default(),
        reads: Reads::default(),
        level: 0,
        lambdas_begun: 0,
    };
    compiler.scopes.enter_frame();
    let names = scope::bound_names(ast, &[ast.root]);
    compiler.scopes.open(&names)?;
    let root = compiler.node(ast.root, Position { result: true, ..INNER })?;
    compiler.scopes.close();
    let slots = compiler.scopes.leave_frame();
    let Draft { codes, spans, lambdas, regexes } = compiler.program;
    let program = Program {
        codes: codes.into(),
        spans: spans.into(),
        root: root.0,
        slots,
        labels: compiler.scopes.label_count(),
        lambdas: lambdas.into(),
        regexes: regexes.into(),
    };
    Ok((program, compiler.reads))
}

impl<'a> Compiler<'a> {
    fn emit(&mut self, code: Code, node: &Node) -> CodeId {
        self.program.codes.push(code);
        self.program.spans.push(node.span);
        CodeId(self.program.codes.len() as u32 - 1)
    }

    /// Compiles a node with what stands behind it.
    fn node(&mut self, id: NodeId, at: Position) -> Compiled {
        if self.is_too_deep(1) {
            return Ok(self.emit(Code::TooDeep, &self.ast[id]));
        }
        // Not counted back: a function's body that fails to compile leaves its own count.
        let level = self.level;
        self.level += 1;
        let code = stacker::maybe_grow(STACK_RED_ZONE, STACK_SEGMENT, || self.decorated(id, at));
        self.level = level;
        code
    }

    fn decorated(&mut self, id: NodeId, at: Position) -> Compiled {
        let ast = self.ast;
        let node = &ast[id];
        let plain = node.predicates.is_empty() && node.group.is_none() && !node.keep_array;
        let mut code = self.bare(node, if plain { at } else { INNER })?;
        if plain {
            return Ok(code);
        }
        if !node.predicates.is_empty() {
            self.scopes.iterate(1);
            let predicates = node.predicates.iter().map(|predicate| self.predicate(*predicate));
            let predicates = predicates.collect::<Result<Box<[_]>, _>>()?;
            self.scopes.iterate(-1);
            code = self.emit(Code::Filtered(code, predicates), node);
        }
        let is_path = matches!(node.kind, Kind::Path(_));
        if let Some(group) = node.group.as_ref().filter(|_| !is_path) {
            let pairs = self.pairs(group, node, INNER)?;
            code = self.emit(Code::Grouped(code, Box::new(pairs)), node);
        }
        if node.keep_array {
            code = self.emit(Code::KeepArray(code), node);
        }
        Ok(code)
    }

    /// A node by itself.
    fn bare(&mut self, node: &'a Node, at: Position) -> Compiled {
        Ok(match &node.kind {
            Kind::Null => self.emit(Code::Constant(Item::NULL), node),
            Kind::Bool(bool) => self.emit(Code::Constant(Item::bool(*bool)), node),
            Kind::Int(int) => {
                let number = Number::Int(*int);
                let number = if self.dialect == Dialect::Aws { number } else { number.whole() };
                self.emit(Code::Constant(fold::constant(number)), node)
            }
            Kind::Float(float) => self.emit(Code::Constant(Value::float(*float).into()), node),
            Kind::Text(text) => {
                let text = self.text(text)?;
                self.emit(Code::Constant(text), node)
            }
            Kind::Regex { pattern, flags } => self.regex(pattern, flags, node)?,
            Kind::Name(name) => {
                let key = self.key(name)?;
                self.emit(Code::Name(key), node)
            }
            Kind::Variable(name) => self.variable(name, node)?,
            Kind::Wildcard => self.emit(Code::Wildcard, node),
            Kind::Descendants => self.emit(Code::Descendants, node),
            Kind::Parent(label) => {
                let label = self.scopes.ancestor(*label);
                self.emit(Code::Label(label), node)
            }
            Kind::Path(path) => self.path(path, node)?,
            Kind::Binary(operator, one, other) => self.binary(*operator, *one, *other, node)?,
            Kind::Negate(operand) => {
                let operand = self.node(*operand, INNER)?;
                self.emit(Code::Negate(operand), node)
            }
            Kind::Array(elements) => self.array(elements, node, at)?,
            Kind::Object(pairs) => self.object(pairs, node, at)?,
            Kind::Block(body) => self.block(body, node, at)?,
            Kind::Condition { test, then, otherwise } => {
                let test = self.node(*test, INNER)?;
                let then = self.node(*then, at)?;
                let otherwise = otherwise.map(|node| self.node(node, at)).transpose()?;
                self.emit(Code::Condition { test, then, otherwise }, node)
            }
            Kind::Coalesce(one, other) => {
                let (one, other) = (self.node(*one, INNER)?, self.node(*other, at)?);
                self.emit(Code::Coalesce(one, other), node)
            }
            Kind::Elvis(one, other) => {
                let (one, other) = (self.node(*one, INNER)?, self.node(*other, at)?);
                self.emit(Code::Elvis(one, other), node)
            }
            Kind::Bind { name, value } => {
                let value = self.node(*value, INNER)?;
                let place = self.scopes.bind(name);
                self.emit(Code::Bind(place, value), node)
            }
            Kind::Apply(one, other) => self.apply(*one, *other, node)?,
            Kind::Call { callee, arguments } => self.call(*callee, arguments, None, node, at)?,
            Kind::Partial { callee, arguments } => self.partial(*callee, arguments, node)?,
            Kind::Lambda { .. } => self.lambda(node, false)?,
            Kind::Transform { pattern, update, delete } => {
                self.lambdas_begun += 1;
                let level = std::mem::take(&mut self.level);
                self.scopes.iterate(1);
                let (pattern, update) = (self.node(*pattern, INNER)?, self.node(*update, INNER)?);
                let delete = delete.map(|node| self.node(node, INNER)).transpose()?;
                self.scopes.iterate(-1);
                self.level = level;
                self.emit(Code::Transform { pattern, update, delete }, node)
            }
            // A sort is a step of a path and compiled there.
            Kind::Sort(_) => self.emit(Code::Constant(Item::UNDEFINED), node),
        })
    }

    fn text(&mut self, text: &str) -> Result<Item, CompileFailure> {
        Ok(self.bindings.constants.string(text)?.into())
    }

    fn key(&mut self, name: &str) -> Result<Key, CompileFailure> {
        Ok(Key::new(self.bindings.constants.string(name)?, name))
    }

    fn regex(&mut self, pattern: &str, flags: &str, node: &Node) -> Compiled {
        let regex = regex::compile(pattern, flags).map_err(|error| error.at(node.span))?;
        self.program.regexes.push(regex);
        Ok(self.emit(Code::Regex(self.program.regexes.len() as u32 - 1), node))
    }

    fn variable(&mut self, name: &str, node: &Node) -> Compiled {
        match name {
            "" => return Ok(self.emit(Code::Context, node)),
            "$" => return Ok(self.emit(Code::Root, node)),
            _ => {}
        }
        let found = self.scopes.resolve(name);
        if let Some(code) = found.certain {
            if found.candidates.is_empty() {
                return Ok(self.emit(code, node));
            }
            let otherwise = self.emit(code, node);
            return Ok(self.emit(Code::Candidates(found.candidates, otherwise), node));
        }
        let outer = self.outer(name)?;
        if found.candidates.is_empty() {
            return Ok(self.emit(outer, node));
        }
        let otherwise = self.emit(outer, node);
        Ok(self.emit(Code::Candidates(found.candidates, otherwise), node))
    }

    /// A name that the expression does not define.
    fn outer(&mut self, name: &str) -> Result<Code, CompileFailure> {
        if self.dialect == Dialect::Aws && name == "states" {
            return Ok(self.states(Part::All));
        }
        let native = functions::find(name, self.dialect);
        match (self.bindings.known(name), native) {
            (None, Some(native)) => Ok(Code::Constant(Item::native(native))),
            _ => Ok(Code::Variable(self.bindings.variable(name)?, native)),
        }
    }

    /// `$states` or a part of it.
    fn states(&mut self, part: Part) -> Code {
        let all = part == Part::All;
        self.reads.input |= all || part == Part::Input;
        self.reads.result |= all || part == Part::Result;
        self.reads.error_output |= all || part == Part::ErrorOutput;
        self.reads.context |= all || part == Part::Context;
        Code::States(part)
    }

    fn binary(
        &mut self,
        operator: Operator,
        one: NodeId,
        other: NodeId,
        node: &'a Node,
    ) -> Compiled {
        if operator == Operator::Concat {
            return self.concat(one, other, node);
        }
        let (one, other) = (self.node(one, INNER)?, self.node(other, INNER)?);
        let code = match operator {
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Remainder => return Ok(self.arithmetic(operator, one, other, node)),
            Operator::Equal => Code::Equal(true, one, other),
            Operator::NotEqual => Code::Equal(false, one, other),
            Operator::And => Code::And(one, other),
            Operator::Or => Code::Or(one, other),
            Operator::In => Code::In(one, other),
            Operator::Range => Code::Range(one, other),
            _ => Code::Compare(operator, one, other),
        };
        Ok(self.emit(code, node))
    }

    /// `a & b & c` in one piece.
    fn concat(&mut self, one: NodeId, other: NodeId, node: &'a Node) -> Compiled {
        let ast = self.ast;
        let mut parts = vec![other];
        let mut left = one;
        while let Kind::Binary(Operator::Concat, one, other) = &ast[left].kind
            && ast[left].predicates.is_empty()
            && ast[left].group.is_none()
        {
            parts.push(*other);
            left = *one;
        }
        parts.push(left);
        parts.reverse();
        let (level, last) = (self.level, parts.len() - 1);
        let mut codes = Vec::with_capacity(parts.len());
        for (index, part) in parts.into_iter().enumerate() {
            let stringified = self.stringified(part);
            // The operators nest to the left.
            self.level = level + (last - index.max(1)) as u16 + u16::from(stringified.is_some());
            codes.push(self.node(stringified.unwrap_or(part), INNER)?);
        }
        self.level = level;
        let plain = codes.iter().all(|part| self.makes_no_text(*part));
        Ok(self.emit(Code::Concat { parts: codes.into(), plain }, node))
    }

    /// Whether a piece of code only looks something up, and makes no text in the scratch.
    fn makes_no_text(&self, code: CodeId) -> bool {
        match &self.program.codes[code.0 as usize] {
            Code::Names { origin, .. } => self.makes_no_text(*origin),
            Code::Constant(_)
            | Code::Local(_)
            | Code::Name(_)
            | Code::Field(..)
            | Code::States(_)
            | Code::Variable(..) => true,
            _ => false,
        }
    }

    /// The argument of a call of `$string`, which `&` applies anyway.
    fn stringified(&self, part: NodeId) -> Option<NodeId> {
        let node = &self.ast[part];
        let Kind::Call { callee, arguments } = &node.kind else { return None };
        let is_native = matches!(&self.ast[*callee].kind, Kind::Variable(name) if **name == *"string")
            && !self.scopes.knows("string")
            && self.bindings.known("string").is_none();
        let plain = node.predicates.is_empty() && node.group.is_none() && !node.keep_array;
        match arguments[..] {
            [argument] if is_native && plain => Some(argument),
            _ => None,
        }
    }

    fn block(&mut self, body: &[NodeId], node: &Node, at: Position) -> Compiled {
        let names = scope::bound_names(self.ast, body);
        // What stands behind a block is given no sequence of one, so there it stays.
        let plain = node.predicates.is_empty() && node.group.is_none() && !node.keep_array;
        if let ([only], true, true) = (body, names.is_empty(), plain) {
            return self.node(*only, at);
        }
        let own = !names.is_empty()
            && self.scopes.is_iterated()
            && scope::makes_functions(self.ast, body);
        if own {
            self.scopes.enter_frame();
        }
        let (first, count) = self.scopes.open(&names)?;
        let mut codes = Vec::with_capacity(body.len());
        for (index, statement) in body.iter().enumerate() {
            let last = index + 1 == body.len();
            codes.push(self.node(*statement, if last { at } else { INNER })?);
            if let Kind::Bind { name, .. } = &self.ast[*statement].kind {
                self.scopes.certain(name);
            }
        }
        self.scopes.close();
        let scope = if own {
            Scope::Own { slots: self.scopes.leave_frame() }
        } else {
            Scope::Shared { first, count }
        };
        Ok(self.emit(Code::Block(Box::new(Block { body: codes.into(), scope })), node))
    }

    /// A function; `result` says that what it returns goes into the expression's result.
    fn lambda(&mut self, node: &'a Node, result: bool) -> Compiled {
        let Kind::Lambda { parameters, signature, body } = &node.kind else {
            return Ok(self.emit(Code::Constant(Item::UNDEFINED), node));
        };
        self.lambdas_begun += 1;
        let before = self.lambdas_begun;
        let level = std::mem::take(&mut self.level);
        self.scopes.enter_frame();
        self.scopes.open_parameters(parameters)?;
        let names = scope::bound_names(self.ast, &[*body]);
        self.scopes.add(&names)?;
        let mut code = self.node(*body, Position { tail: true, result, members: false })?;
        if !parameters.is_empty() {
            code = self.projected(code, Source::Parameter, node);
        }
        self.scopes.close();
        self.level = level;
        let lambda = Lambda {
            parameters: parameters.len() as u16,
            slots: self.scopes.leave_frame(),
            body: code,
            signature: signature.clone(),
            captured: self.lambdas_begun != before,
            levels: depth::certain_levels(self.ast, *body),
        };
        self.program.lambdas.push(lambda);
        Ok(self.emit(Code::Lambda(self.program.lambdas.len() as u32 - 1), node))
    }

    /// `lhs ~> rhs`: a call gets the left side as its first argument.
    fn apply(&mut self, one: NodeId, other: NodeId, node: &'a Node) -> Compiled {
        let ast = self.ast;
        // What stands behind the call is passed over, as in the reference.
        if let Kind::Call { callee, arguments } = &ast[other].kind {
            let context = self.node(one, INNER)?;
            return self.call(*callee, arguments, Some(context), &ast[other], INNER);
        }
        let (one, other) = (self.node(one, INNER)?, self.node(other, INNER)?);
        Ok(self.emit(Code::Chain(one, other, self.level), node))
    }

    fn call(
        &mut self,
        callee: NodeId,
        arguments: &[NodeId],
        context: Option<CodeId>,
        node: &Node,
        at: Position,
    ) -> Compiled {
        let name: Box<str> = self.called_name(callee).into();
        // A call at the end of a function leaves it before it evaluates anything.
        let outer = self.level;
        if at.tail {
            self.level = 0;
        }
        let level = self.level;
        let is_variable = matches!(self.ast[callee].kind, Kind::Variable(_));
        let code = self.node(callee, INNER)?;
        let callee = match &self.program.codes[code.0 as usize] {
            Code::Constant(item) => match item.kind() {
                super::item::Kind::Native(native) => Callee::Native(native),
                _ => Callee::Code(code),
            },
            _ => Callee::Code(code),
        };
        let forgotten_dollar = !is_variable
            && (functions::find(&name, self.dialect).is_some() || self.scopes.knows(&name));
        // What `$map` is given to call makes the elements of what it returns; of what `$merge` is
        // given, the members go into what it makes.
        let of_result = at.result && matches!(callee, Callee::Native(_));
        let (maps, merges) = (of_result && *name == *"map", of_result && *name == *"merge");
        let arguments = arguments.iter().map(|argument| match &self.ast[*argument] {
            function if maps && is_plain_lambda(function) => self.lambda(function, true),
            _ => self.node(*argument, Position { members: merges, ..INNER }),
        });
        let arguments = arguments.collect::<Result<_, _>>()?;
        self.level = outer;
        let (tail, is_result) = (at.tail, at.result);
        let call =
            Call { callee, arguments, context, tail, is_result, name, forgotten_dollar, level };
        let call = self.emit(Code::Call(Box::new(call)), node);
        Ok(self.aggregated(call, node))
    }

    /// What errors call the function: a variable's name, or the first of a path.
    fn called_name(&self, callee: NodeId) -> &'a str {
        let ast = self.ast;
        match &ast[callee].kind {
            Kind::Variable(name) => name,
            Kind::Path(path) => match path.steps.first().map(|step| &ast[step.node].kind) {
                Some(Kind::Name(name) | Kind::Variable(name)) => name,
                _ => "",
            },
            _ => "",
        }
    }

    fn partial(&mut self, callee: NodeId, arguments: &[Option<NodeId>], node: &Node) -> Compiled {
        self.lambdas_begun += 1;
        let name: Box<str> = self.called_name(callee).into();
        let callee = self.node(callee, INNER)?;
        let arguments = arguments
            .iter()
            .map(|argument| argument.map(|node| self.node(node, INNER)).transpose());
        let arguments = arguments.collect::<Result<_, _>>()?;
        Ok(self.emit(Code::Partial { callee, arguments, name }, node))
    }

    /// Keys and values of `{…}`.
    fn pairs(
        &mut self,
        pairs: &AstPairs,
        node: &Node,
        at: Position,
    ) -> Result<Pairs, CompileFailure> {
        let is_result = at.result;
        let within = Position { result: at.result || at.members, ..INNER };
        let constant_keys = self.constant_keys(pairs)?;
        self.scopes.iterate(1);
        let codes = pairs
            .iter()
            .map(|(key, value)| Ok((self.node(*key, INNER)?, self.node(*value, within)?)));
        let codes = codes.collect::<Result<_, CompileFailure>>()?;
        self.scopes.iterate(-1);
        Ok(Pairs { entries: codes, constant_keys, is_result, span: node.span })
    }

    /// `[…]`: a number that is written there is a position.
    fn predicate(&mut self, id: NodeId) -> Result<Predicate, CompileFailure> {
        match self.ast[id].kind {
            Kind::Int(index) => Ok(Predicate::Index(index)),
            Kind::Float(index) => Ok(Predicate::Index(index.floor() as i64)),
            _ => {
                let code = self.node(id, INNER)?;
                Ok(Predicate::Test(self.projected(code, Source::Context, &self.ast[id])))
            }
        }
    }
}

fn is_plain_lambda(node: &Node) -> bool {
    matches!(node.kind, Kind::Lambda { .. })
        && node.predicates.is_empty()
        && node.group.is_none()
        && !node.keep_array
}

/// With less native stack left than this, a level gets a new segment.
const STACK_RED_ZONE: usize = 128 << 10;
const STACK_SEGMENT: usize = 2 << 20;
