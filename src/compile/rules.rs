//! Choice rules as tests with jumps.
//!
//! A rule tree is laid out from left to right; each part is told where to go on when it holds and
//! when it does not. `Not` swaps the two, `And` and `Or` chain their parts.

use crate::asl::json::Kind as Json;
use crate::asl::model::{Operand, Rule, Test};
use crate::asl::operator::{self, Comparison, TypeTest};
use crate::expr::Bindings;
use crate::expr::path::Path;
use crate::expr::rule::{self, Family, Goto, Kind, Pattern, Predicate, Relation, Right};
use crate::expr::walk::Walk;

use super::Error;
use super::emit::proven;
use super::payload;

/// Compiles a top-level rule.
pub(super) fn compile(rule: &Rule, bindings: &mut Bindings) -> Result<rule::Rule, Error> {
    let mut tests = Vec::with_capacity(count(rule));
    layout(rule, Goto::Match, Goto::Miss, &mut tests, bindings)?;
    Ok(rule::Rule::new(tests))
}

/// Appends the tests of `rule`.
fn layout(
    rule: &Rule,
    then: Goto,
    otherwise: Goto,
    tests: &mut Vec<rule::Test>,
    bindings: &mut Bindings,
) -> Result<(), Error> {
    match rule {
        Rule::Test(test) => tests.push(self::test(test, then, otherwise, bindings)?),
        Rule::Condition(_) => return Err(Error::Expression { offset: 0 }),
        Rule::Not(inner) => layout(inner, otherwise, then, tests, bindings)?,
        Rule::And(parts) => {
            for (index, part) in parts.iter().enumerate() {
                let next = next_part(tests, parts, index).unwrap_or(then);
                layout(part, next, otherwise, tests, bindings)?;
            }
        }
        Rule::Or(parts) => {
            for (index, part) in parts.iter().enumerate() {
                let next = next_part(tests, parts, index).unwrap_or(otherwise);
                layout(part, then, next, tests, bindings)?;
            }
        }
    }
    Ok(())
}

/// Where the part behind `parts[index]` will begin; nothing behind the last.
fn next_part(tests: &[rule::Test], parts: &[Rule], index: usize) -> Option<Goto> {
    (index + 1 < parts.len()).then(|| Goto::Test((tests.len() + count(&parts[index])) as u32))
}

/// Tests in a rule.
fn count(rule: &Rule) -> usize {
    match rule {
        Rule::And(parts) | Rule::Or(parts) => parts.iter().map(count).sum(),
        Rule::Not(inner) => count(inner),
        Rule::Test(_) | Rule::Condition(_) => 1,
    }
}

fn test(
    test: &Test,
    then: Goto,
    otherwise: Goto,
    bindings: &mut Bindings,
) -> Result<rule::Test, Error> {
    let variable = Walk::compile(
        &Path::parse(&test.variable.value).map_err(|error| proven(&error))?,
        bindings,
    )?;
    let operator = test.operator.value;
    let predicate = match operator.comparison() {
        Comparison::Is(TypeTest::Present) => Predicate::IsPresent(wanted(&test.operand)),
        Comparison::Is(kind) => Predicate::Is(self::kind(kind), wanted(&test.operand)),
        Comparison::Matches => Predicate::Matches(pattern(&test.operand)?),
        comparison => Predicate::Compare(
            family(operator.family()),
            relation(comparison),
            right(&test.operand, bindings)?,
        ),
    };
    Ok(rule::Test { variable, predicate, then, otherwise })
}

fn right(operand: &Operand, bindings: &mut Bindings) -> Result<Right, Error> {
    Ok(match operand {
        Operand::Literal(node) => Right::Constant(payload::constant(node, bindings)?),
        Operand::Path(path) => Right::Path(Walk::compile(
            &Path::parse(&path.value).map_err(|error| proven(&error))?,
            bindings,
        )?),
    })
}

fn pattern(operand: &Operand) -> Result<Pattern, Error> {
    let Operand::Literal(node) = operand else { return Err(Error::Expression { offset: 0 }) };
    Pattern::parse(node.as_str().unwrap_or_default()).map_err(|offset| Error::Expression { offset })
}

/// Whether a type test asks for the type or for anything else.
fn wanted(operand: &Operand) -> bool {
    !matches!(operand, Operand::Literal(node) if node.kind == Json::Bool(false))
}

fn family(family: operator::Family) -> Family {
    match family {
        operator::Family::Boolean => Family::Boolean,
        operator::Family::Numeric => Family::Numeric,
        operator::Family::Timestamp => Family::Timestamp,
        operator::Family::String | operator::Family::Type => Family::String,
    }
}

fn relation(comparison: Comparison) -> Relation {
    match comparison {
        Comparison::GreaterThan => Relation::GreaterThan,
        Comparison::GreaterThanEquals => Relation::GreaterThanEquals,
        Comparison::LessThan => Relation::LessThan,
        Comparison::LessThanEquals => Relation::LessThanEquals,
        Comparison::Equals | Comparison::Is(_) | Comparison::Matches => Relation::Equals,
    }
}

fn kind(test: TypeTest) -> Kind {
    match test {
        TypeTest::Boolean => Kind::Boolean,
        TypeTest::Numeric => Kind::Numeric,
        TypeTest::String => Kind::String,
        TypeTest::Timestamp => Kind::Timestamp,
        TypeTest::Null | TypeTest::Present => Kind::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asl::json::Node;
    use crate::asl::operator::Operator;
    use crate::asl::source::{Span, Spanned};
    use crate::value::Value;

    fn leaf(name: &str) -> Rule {
        let at = Span::default();
        Rule::Test(Test {
            span: at,
            variable: Spanned { value: format!("$.{name}"), span: at },
            operator: Spanned { value: Operator::BooleanEquals, span: at },
            operand: Operand::Literal(Node { kind: Json::Bool(true), span: at }),
        })
    }

    /// Every rule over three booleans, compared with the tree evaluated as logic says.
    #[test]
    fn jumps_compute_what_the_tree_says() {
        use crate::expr::Roots;
        use crate::value::{ArenaId, Heap, Parser};
        use std::rc::Rc;

        let rules = [
            Rule::And(vec![leaf("a"), Rule::Or(vec![leaf("b"), leaf("c")])]),
            Rule::Or(vec![leaf("a"), Rule::And(vec![leaf("b"), leaf("c")])]),
            Rule::Not(Box::new(Rule::And(vec![
                leaf("a"),
                Rule::Not(Box::new(leaf("b"))),
                leaf("c"),
            ]))),
            Rule::And(vec![
                Rule::Or(vec![leaf("a"), leaf("b")]),
                Rule::Not(Box::new(Rule::Or(vec![leaf("b"), leaf("c")]))),
            ]),
            Rule::Or(vec![
                Rule::Not(Box::new(Rule::Not(Box::new(leaf("a"))))),
                Rule::And(vec![leaf("c")]),
            ]),
        ];
        for rule in &rules {
            for bits in 0..8_u8 {
                let [a, b, c] = [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
                let mut bindings = Bindings::default();
                let compiled = compile(rule, &mut bindings).unwrap();
                let mut heap = Heap::new(Rc::new(bindings.constants.finish()));
                let text = format!(r#"{{"a":{a},"b":{b},"c":{c}}}"#);
                let input =
                    heap.parse(ArenaId::ROOT, text.as_bytes(), &mut Parser::default()).unwrap();
                let matched = compiled
                    .matches(&heap, Roots { input, context: Value::NULL, variables: &[] })
                    .unwrap();
                assert_eq!(matched, logic(rule, [a, b, c]), "{rule:?} {text}");
            }
        }
    }

    fn logic(rule: &Rule, values: [bool; 3]) -> bool {
        match rule {
            Rule::And(parts) => parts.iter().all(|part| logic(part, values)),
            Rule::Or(parts) => parts.iter().any(|part| logic(part, values)),
            Rule::Not(inner) => !logic(inner, values),
            Rule::Condition(_) => false,
            Rule::Test(test) => values[usize::from(test.variable.value.as_bytes()[2] - b'a')],
        }
    }
}
