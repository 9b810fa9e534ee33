//! Paths as code: a chain of names in one node, everything else step by step.

use super::super::ast::{Kind, Node, Path as AstPath, Stage as AstStage, Step as AstStep};
use super::super::code::{Code, CodeId, Part, Path, SortTerm, Source, Stage, Step, StepKind};
use super::{CompileFailure, Compiled, Compiler, Dialect, INNER};
use crate::value::Key;

impl<'a> Compiler<'a> {
    pub(super) fn path(&mut self, path: &'a AstPath, node: &'a Node) -> Compiled {
        // A step is a level, even where it is only a name.
        if self.is_too_deep(1) {
            return Ok(self.emit(Code::TooDeep, node));
        }
        let plain = path.steps.iter().enumerate();
        let plain = plain.take_while(|(index, step)| self.is_plain(step, *index == 0)).count();
        if plain == path.steps.len() && node.group.is_none() && !path.keep_singleton {
            return self.names(&path.steps, node);
        }
        let mut steps = Vec::with_capacity(path.steps.len());
        self.scopes.open_labels();
        let mut rest = path.steps.as_slice();
        if plain > 1 || (plain == 1 && self.starts_at_variable(path) && path.steps.len() > 1) {
            let (prefix, behind) = path.steps.split_at(plain);
            let (origin, keys) = self.chain_of_names(prefix, node)?;
            let kind = StepKind::Names { origin, keys };
            steps.push(Step { kind, ..Step::default() });
            rest = behind;
        }
        for step in rest {
            let step = self.step(step, steps.is_empty())?;
            steps.push(step);
        }
        let group = match &node.group {
            Some(group) => Some(self.pairs(group, node, INNER)?),
            None => None,
        };
        self.scopes.close();
        let path = Path {
            steps: steps.into(),
            absolute: self.starts_at_variable(path),
            keep_singleton: path.keep_singleton,
            gives_tuples: path.tuple,
            group,
        };
        Ok(self.emit(Code::Path(Box::new(path)), node))
    }

    /// Whether a step is nothing but a name, or a variable that the path begins with.
    fn is_plain(&self, step: &AstStep, first: bool) -> bool {
        let node = &self.ast[step.node];
        step.stages.is_empty()
            && step.focus.is_none()
            && step.index.is_none()
            && step.ancestor.is_none()
            && !step.tuple
            && !node.keep_array
            && node.predicates.is_empty()
            && node.group.is_none()
            && (matches!(node.kind, Kind::Name(_))
                || first && matches!(node.kind, Kind::Variable(_)))
    }

    fn starts_at_variable(&self, path: &AstPath) -> bool {
        path.steps.first().is_some_and(|step| matches!(self.ast[step.node].kind, Kind::Variable(_)))
    }

    /// A path of names only.
    fn names(&mut self, steps: &'a [AstStep], node: &'a Node) -> Compiled {
        if let [only] = steps
            && let Kind::Name(name) = &self.ast[only.node].kind
        {
            let key = self.key(name)?;
            return Ok(self.emit(Code::Name(key), node));
        }
        let (origin, keys) = self.chain_of_names(steps, node)?;
        let code = match (&self.program.codes[origin.0 as usize], &*keys) {
            (_, []) => return Ok(origin),
            (Code::Local(place), [key]) => Code::Field(*place, key.clone()),
            _ => Code::Names { origin, keys },
        };
        Ok(self.emit(code, node))
    }

    /// Where a chain of names starts, and the names.
    fn chain_of_names(
        &mut self,
        steps: &'a [AstStep],
        node: &'a Node,
    ) -> Result<(CodeId, Box<[Key]>), CompileFailure> {
        let ast = self.ast;
        let kind = |step: &AstStep| &ast[step.node].kind;
        let (origin, rest) = match steps {
            [first, rest @ ..] if matches!(kind(first), Kind::Variable(_)) => {
                self.origin(first, rest)?
            }
            _ => (self.emit(Code::Input, node), steps),
        };
        let mut keys = Vec::with_capacity(rest.len());
        for step in rest {
            if let Kind::Name(name) = kind(step) {
                keys.push(self.key(name)?);
            }
        }
        Ok((origin, keys.into()))
    }

    /// A variable that a path begins with; of `$states`, with the part that is read.
    fn origin(
        &mut self,
        first: &'a AstStep,
        rest: &'a [AstStep],
    ) -> Result<(CodeId, &'a [AstStep]), CompileFailure> {
        let ast = self.ast;
        let node = &ast[first.node];
        let Kind::Variable(name) = &node.kind else { return Ok((CodeId(0), rest)) };
        if self.dialect == Dialect::Aws
            && **name == *"states"
            && !self.scopes.knows("states")
            && let [part, behind @ ..] = rest
            && let Kind::Name(part) = &ast[part.node].kind
        {
            let part = match &**part {
                "input" => Some(Part::Input),
                "result" => Some(Part::Result),
                "errorOutput" => Some(Part::ErrorOutput),
                "context" => Some(Part::Context),
                _ => None,
            };
            if let Some(part) = part {
                let code = self.states(part);
                return Ok((self.emit(code, node), behind));
            }
        }
        Ok((self.variable(name, node)?, rest))
    }

    fn step(&mut self, step: &'a AstStep, first: bool) -> Result<Step, CompileFailure> {
        let ast = self.ast;
        let node = &ast[step.node];
        let bare = node.predicates.is_empty() && node.group.is_none() && !node.keep_array;
        self.scopes.iterate(1);
        let kind = match &node.kind {
            Kind::Name(name) if bare => StepKind::Name(self.key(name)?),
            Kind::Sort(terms) => {
                let terms = terms.iter().map(|term| {
                    let code = self.node(term.expression, INNER)?;
                    Ok(SortTerm { code, descending: term.descending })
                });
                StepKind::Sort(terms.collect::<Result<_, CompileFailure>>()?)
            }
            _ => {
                let code = self.node(step.node, INNER)?;
                StepKind::Code(self.projected(code, Source::Context, node))
            }
        };
        let ancestor = step.ancestor.map(|label| self.scopes.ancestor(label));
        let focus = step.focus.as_ref().map(|name| self.scopes.label(name));
        let index = step.index.as_ref().map(|name| self.scopes.label(name));
        let mut stages = Vec::with_capacity(step.stages.len());
        for stage in &step.stages {
            stages.push(match stage {
                AstStage::Filter(filter) => Stage::Filter(self.predicate(*filter)?),
                AstStage::Index(name) => Stage::Index(self.scopes.label(name)),
            });
        }
        self.scopes.iterate(-1);
        let cons = first && node.cons_array;
        Ok(Step { kind, stages: stages.into(), cons, tuple: step.tuple, focus, index, ancestor })
    }
}
