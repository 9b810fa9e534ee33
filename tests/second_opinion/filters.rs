//! The conditions in `[?(…)]`.

use std::cmp::Ordering;

use serde_json::Value;

use crate::paths::{Step, evaluate, read_steps};
use crate::scan::Scan;

/// A condition on a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    Or(Box<Filter>, Box<Filter>),
    And(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    /// A path alone: it finds something.
    Exists(Operand),
    Compare(Operand, &'static str, Operand),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    /// `@…`
    Node(Vec<Step>),
    /// `$…`
    Whole(Vec<Step>),
    Literal(Value),
}

const OPERATORS: [&str; 6] = ["==", "!=", "<=", ">=", "<", ">"];

impl Filter {
    pub(crate) fn read(scan: &mut Scan<'_>) -> Result<Self, String> {
        let mut left = Self::read_and(scan)?;
        while scan.eat_spaced("||") {
            left = Self::Or(Box::new(left), Box::new(Self::read_and(scan)?));
        }
        Ok(left)
    }

    fn read_and(scan: &mut Scan<'_>) -> Result<Self, String> {
        let mut left = Self::read_one(scan)?;
        while scan.eat_spaced("&&") {
            left = Self::And(Box::new(left), Box::new(Self::read_one(scan)?));
        }
        Ok(left)
    }

    fn read_one(scan: &mut Scan<'_>) -> Result<Self, String> {
        scan.blanks();
        if scan.eat("!") {
            return Ok(Self::Not(Box::new(Self::read_one(scan)?)));
        }
        if scan.eat("(") {
            let inner = Self::read(scan)?;
            scan.blanks();
            scan.expect(")")?;
            return Ok(inner);
        }
        let left = Operand::read(scan)?;
        scan.blanks();
        for operator in OPERATORS {
            if scan.eat(operator) {
                scan.blanks();
                return Ok(Self::Compare(left, operator, Operand::read(scan)?));
            }
        }
        Ok(Self::Exists(left))
    }

    pub(crate) fn accepts(&self, node: &Value, whole: &Value) -> bool {
        match self {
            Self::Or(a, b) => a.accepts(node, whole) || b.accepts(node, whole),
            Self::And(a, b) => a.accepts(node, whole) && b.accepts(node, whole),
            Self::Not(a) => !a.accepts(node, whole),
            Self::Exists(operand) => operand.value(node, whole).is_some(),
            Self::Compare(left, operator, right) => compare(
                left.value(node, whole).as_ref(),
                operator,
                right.value(node, whole).as_ref(),
            ),
        }
    }
}

impl Operand {
    fn read(scan: &mut Scan<'_>) -> Result<Self, String> {
        if scan.eat("@") {
            return Ok(Self::Node(read_steps(scan)?));
        }
        if scan.eat("$") {
            return Ok(Self::Whole(read_steps(scan)?));
        }
        if scan.peek().is_some_and(|c| "'\"".contains(c)) {
            return Ok(Self::Literal(Value::from(scan.quoted()?)));
        }
        for (word, value) in
            [("true", Value::from(true)), ("false", Value::from(false)), ("null", Value::Null)]
        {
            if scan.eat(word) {
                return Ok(Self::Literal(value));
            }
        }
        scan.number().map(Self::Literal).ok_or_else(|| format!("an operand at {}", scan.rest()))
    }

    fn value(&self, node: &Value, whole: &Value) -> Option<Value> {
        match self {
            Self::Node(steps) => evaluate(steps, node, whole).ok(),
            Self::Whole(steps) => evaluate(steps, whole, whole).ok(),
            Self::Literal(value) => Some(value.clone()),
        }
    }
}

fn compare(left: Option<&Value>, operator: &str, right: Option<&Value>) -> bool {
    let order = match (left, right) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => a.as_f64().partial_cmp(&b.as_f64()),
        (Some(Value::String(a)), Some(Value::String(b))) => Some(a.cmp(b)),
        _ => None,
    };
    let equal = order.map_or(left.is_some() && left == right, Ordering::is_eq);
    match operator {
        "==" => equal,
        "!=" => !equal,
        "<" => order.is_some_and(Ordering::is_lt),
        "<=" => order.is_some_and(Ordering::is_le),
        ">" => order.is_some_and(Ordering::is_gt),
        _ => order.is_some_and(Ordering::is_ge),
    }
}
