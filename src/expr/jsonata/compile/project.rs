//! Which code is a projection (see [`super::super::projection`]) or an aggregate over one: found out
//! from code that is compiled already, which stays as the way for everything else.

use super::super::aggregate::Aggregate;
use super::super::ast::Node;
use super::super::code::{
    Aggregated, Callee, Code, CodeId, Pairs, Part, Projected, Source, StepKind,
};
use super::super::functions;
use super::super::number::Number;
use super::super::projection::{Arithmetic, Gives, Member, Projection, Term, TextPart};
use super::Compiler;
use crate::value::{Key, Value, escaped_len};

impl Compiler<'_> {
    /// The code `code`, which runs for each of many items and reads them as `source`, with its
    /// projection, if it is one.
    pub(super) fn projected(&mut self, code: CodeId, source: Source, node: &Node) -> CodeId {
        let mut deriving = Deriving { compiler: self, source, steps: 1 };
        let Some(gives) = deriving.gives(code) else { return code };
        let projection = Projection { gives, steps: deriving.steps };
        let projected = Projected { projection, source, otherwise: code };
        self.emit(Code::Projected(Box::new(projected)), node)
    }

    /// The call `call` with the shorter way that it has, if it is an aggregate over the members of
    /// an array's elements.
    pub(super) fn aggregated(&mut self, call: CodeId, node: &Node) -> CodeId {
        match self.aggregate(call) {
            Some(aggregated) => self.emit(Code::Aggregated(Box::new(aggregated)), node),
            None => call,
        }
    }

    fn aggregate(&self, otherwise: CodeId) -> Option<Aggregated> {
        let code = |id: CodeId| &self.program.codes[id.0 as usize];
        let Code::Call(call) = code(otherwise) else { return None };
        let Callee::Native(native) = call.callee else { return None };
        let aggregate = Aggregate::named(functions::table()[usize::from(native)].name)?;
        let ([argument], None) = (&*call.arguments, call.context) else { return None };
        let (origin, keys, term, steps) = match code(*argument) {
            Code::Names { origin, keys } => {
                let (last, keys) = keys.split_last()?;
                (*origin, keys, Term::Field(last.clone()), 1)
            }
            Code::Path(path) if path.is_bare() => {
                let [names, step] = &*path.steps else { return None };
                let StepKind::Names { origin, keys } = &names.kind else { return None };
                let StepKind::Code(step) = step.kind else { return None };
                let Code::Projected(projected) = code(step) else { return None };
                let Gives::Number(arithmetic) = &projected.projection.gives else { return None };
                let term = Term::Computed(Box::new(arithmetic.clone()));
                (*origin, &**keys, term, projected.projection.steps + 1)
            }
            _ => return None,
        };
        let is_pure = matches!(
            code(origin),
            Code::States(Part::Context | Part::ErrorOutput | Part::Input | Part::Result)
                | Code::Local(_)
                | Code::Variable(..)
                | Code::Input
        );
        is_pure.then(|| Aggregated { aggregate, origin, keys: keys.into(), term, steps, otherwise })
    }
}

struct Deriving<'a, 'c> {
    compiler: &'a Compiler<'c>,
    source: Source,
    steps: usize,
}

impl<'a> Deriving<'a, '_> {
    fn code(&self, id: CodeId) -> &'a Code {
        &self.compiler.program.codes[id.0 as usize]
    }

    fn gives(&mut self, id: CodeId) -> Option<Gives> {
        match self.code(id) {
            Code::Arithmetic(..) => self.arithmetic(id, 0).map(Gives::Number),
            Code::Compare(operator, one, other) => {
                let (operator, one, other) = (*operator, *one, *other);
                Some(Gives::Truth(operator, self.term(one, 0)?, self.term(other, 0)?))
            }
            Code::Object(pairs) if pairs.is_result => {
                let Pairs { entries, constant_keys, .. } = &**pairs;
                let members = constant_keys.as_ref()?.iter().zip(entries);
                let members = members.map(|(key, (_, id))| Some((key.value()?, self.member(*id)?)));
                let members: Box<[_]> = members.collect::<Option<_>>()?;
                (!members.is_empty()).then_some(Gives::Object(members))
            }
            _ => None,
        }
    }

    fn member(&mut self, id: CodeId) -> Option<Member> {
        self.steps += 1;
        match self.code(id) {
            Code::Constant(item) => item.value().map(Member::Constant),
            Code::Arithmetic(..) => self.arithmetic(id, 0).map(Member::Number),
            Code::Concat { parts, plain: true } => {
                let parts = parts.iter().map(|part| self.part(*part));
                parts.collect::<Option<_>>().map(Member::Text)
            }
            code => self.field(code).map(Member::Field),
        }
    }

    fn part(&mut self, id: CodeId) -> Option<TextPart> {
        self.steps += 1;
        match self.code(id) {
            Code::Constant(item) => {
                let text = self.constant_text(item.value()?)?;
                Some(TextPart::Constant(text.into(), escaped_len(text) - 2))
            }
            code => self.field(code).map(TextPart::Field),
        }
    }

    fn arithmetic(&mut self, id: CodeId, level: usize) -> Option<Arithmetic> {
        let Code::Arithmetic(operator, one, other) = *self.code(id) else { return None };
        let (one, other) = (self.term(one, level)?, self.term(other, level)?);
        Some(Arithmetic { operator, one, other })
    }

    fn term(&mut self, id: CodeId, level: usize) -> Option<Term> {
        match self.code(id) {
            Code::Constant(item) => match item.own_number()? {
                Number::Float(float) if !float.is_finite() => None,
                number => Some(Term::Constant(number)),
            },
            Code::Arithmetic(..) if level < LEVELS_MAX => {
                self.steps += 1;
                let arithmetic = self.arithmetic(id, level + 1)?;
                Some(Term::Computed(Box::new(arithmetic)))
            }
            code => self.field(code).map(Term::Field),
        }
    }

    /// The key of a member of the source.
    fn field(&self, code: &Code) -> Option<Key> {
        match (code, self.source) {
            (Code::Name(key), Source::Context) => Some(key.clone()),
            (Code::Field(place, key), Source::Parameter) if *place == Source::PARAMETER => {
                Some(key.clone())
            }
            _ => None,
        }
    }

    fn constant_text(&self, value: Value) -> Option<&str> {
        self.compiler.bindings.constants.text(value)
    }
}

/// Arithmetic that nests deeper is no projection.
const LEVELS_MAX: usize = 16;
