//! Compiled filters and how an element is held against one.
//!
//! Jayway's comparisons: a path that finds nothing is undefined and equals nothing, not even
//! itself; a string and a number are equal when either's text or value is; `<` and its kin compare
//! numbers with numbers and strings with strings, and are false otherwise. Where Jayway throws, as
//! for `in` with something that is no list, the element is not taken, whatever stands around.

use std::cmp::Ordering;

use super::search::{Found, Search, Stop};
use super::{Step, compile};
use crate::expr::path::{Anchor, Filter, Literal, Operand as Syntax, Relation, Relative};
use crate::expr::rule::{compare_numbers, compare_utf16};
use crate::expr::{Bindings, CompileError, java};
use crate::value::{ConstantsBuilder, Heap, TooLarge, Value, View};

/// A compiled filter.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    And(Box<[Condition]>),
    Compare(Operand, Relation, Operand),
    Exists(Target, bool),
    Not(Box<Condition>),
    Or(Box<[Condition]>),
}

/// One side of a comparison.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Literal(Value),
    Pattern(regex::Regex),
    Target(Target),
}

/// A path inside a filter.
#[derive(Clone, Debug)]
pub(super) struct Target {
    anchor: Anchor,
    steps: Box<[Step]>,
    /// Whether it names one value.
    definite: bool,
}

/// Why a condition has no answer.
enum Halt {
    /// The comparison does not apply: the element is not taken.
    Refused,
    Stop(Stop),
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// What an operand came to.
enum Node<'a> {
    /// What an indefinite path found.
    List(Vec<Value>),
    Pattern(&'a regex::Regex),
    Undefined,
    Value(Value),
}

impl Condition {
    pub(super) fn compile(filter: &Filter, bindings: &mut Bindings) -> Result<Self, CompileError> {
        let mut all = |parts: &[Filter]| {
            parts.iter().map(|part| Self::compile(part, bindings)).collect::<Result<Box<_>, _>>()
        };
        Ok(match filter {
            Filter::And(parts) => Self::And(all(parts)?),
            Filter::Or(parts) => Self::Or(all(parts)?),
            Filter::Not(inner) => Self::Not(Box::new(Self::compile(inner, bindings)?)),
            Filter::Exists(path, wanted) => Self::Exists(Target::compile(path, bindings)?, *wanted),
            Filter::Compare(left, relation, right) => Self::Compare(
                Operand::compile(left, bindings)?,
                *relation,
                Operand::compile(right, bindings)?,
            ),
        })
    }

    /// Whether `element` is taken.
    pub(super) fn admits(&self, search: &mut Search<'_>, element: Value) -> Result<bool, Stop> {
        match self.holds(search, element) {
            Ok(holds) => Ok(holds),
            Err(Halt::Refused) => Ok(false),
            Err(Halt::Stop(stop)) => Err(stop),
        }
    }

    fn holds(&self, search: &mut Search<'_>, element: Value) -> Result<bool, Halt> {
        search.pay(1)?;
        match self {
            Self::And(parts) => {
                for part in parts {
                    if !part.holds(search, element)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(parts) => {
                for part in parts {
                    if part.holds(search, element)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(inner) => Ok(!inner.holds(search, element)?),
            Self::Exists(target, wanted) => Ok(target.exists(search, element)? == *wanted),
            Self::Compare(left, relation, right) => {
                let left = left.node(search, element)?;
                let right = right.node(search, element)?;
                compare(search, &left, *relation, &right)
            }
        }
    }
}

impl Operand {
    fn compile(operand: &Syntax, bindings: &mut Bindings) -> Result<Self, CompileError> {
        Ok(match operand {
            Syntax::Literal(value) => Self::Literal(literal(value, &mut bindings.constants)?),
            Syntax::Path(path) => Self::Target(Target::compile(path, bindings)?),
            // The syntax has proven that it compiles; one that does not would match nothing.
            Syntax::Pattern(pattern) => {
                super::regex(pattern).map_or(Self::Literal(Value::NULL), Self::Pattern)
            }
        })
    }

    fn node<'a>(&'a self, search: &mut Search<'_>, element: Value) -> Result<Node<'a>, Stop> {
        match self {
            Self::Literal(value) => Ok(Node::Value(*value)),
            Self::Pattern(pattern) => Ok(Node::Pattern(pattern)),
            Self::Target(target) => target.node(search, element),
        }
    }
}

impl Target {
    fn compile(path: &Relative, bindings: &mut Bindings) -> Result<Self, CompileError> {
        let steps = compile(&path.segments, bindings)?;
        let definite = steps.iter().all(|step| matches!(step, Step::Name(_) | Step::Index(_)));
        Ok(Self { anchor: path.anchor, steps, definite })
    }

    fn start(&self, search: &Search<'_>, element: Value) -> Value {
        match self.anchor {
            Anchor::Element => element,
            Anchor::Document => search.document,
        }
    }

    fn exists(&self, search: &mut Search<'_>, element: Value) -> Result<bool, Stop> {
        let mut found = Vec::new();
        let start = self.start(search, element);
        match search.collect_strictly(&self.steps, start, &mut found) {
            // The list of an indefinite path exists even when it is empty.
            Ok(()) => Ok(!self.definite || !found.is_empty()),
            Err(Stop::Nothing) => Ok(false),
            Err(Stop::Exhausted) => Err(Stop::Exhausted),
        }
    }

    fn node(&self, search: &mut Search<'_>, element: Value) -> Result<Node<'static>, Stop> {
        let mut found = Vec::new();
        let start = self.start(search, element);
        match search.collect(&self.steps, start, &mut found) {
            Ok(()) => {}
            Err(Stop::Nothing) => return Ok(Node::Undefined),
            Err(Stop::Exhausted) => return Err(Stop::Exhausted),
        }
        Ok(match (self.definite, found.first()) {
            (true, Some(Found::Value(value))) => Node::Value(*value),
            (true, _) => Node::Undefined,
            (false, _) => Node::List(found.into_iter().map(Found::value).collect()),
        })
    }
}

fn literal(literal: &Literal, constants: &mut ConstantsBuilder) -> Result<Value, TooLarge> {
    Ok(match literal {
        Literal::Null => Value::NULL,
        Literal::Bool(bool) => Value::bool(*bool),
        Literal::Number(text) => match text.parse::<i64>() {
            Ok(int) => Value::int(int),
            Err(_) => Value::float(text.parse().unwrap_or(0.0)),
        },
        Literal::Text(text) => constants.string(text)?,
        Literal::Array(items) => {
            let items = items.iter().map(|item| self::literal(item, constants));
            let items = items.collect::<Result<Vec<_>, _>>()?;
            constants.array(&items)?
        }
        Literal::Object(members) => {
            let entries = members.iter().map(|(name, value)| {
                Ok((constants.string(name)?, self::literal(value, constants)?))
            });
            let entries = entries.collect::<Result<Vec<_>, TooLarge>>()?;
            constants.object(&entries)?
        }
    })
}

fn compare(
    search: &mut Search<'_>,
    left: &Node<'_>,
    relation: Relation,
    right: &Node<'_>,
) -> Result<bool, Halt> {
    let heap = search.heap;
    Ok(match relation {
        Relation::Equals => equal(search, left, right)?,
        Relation::Differs => !equal(search, left, right)?,
        Relation::SameType => same_type(heap, left, right) && equal(search, left, right)?,
        Relation::DiffersOrOtherType => {
            !(same_type(heap, left, right) && equal(search, left, right)?)
        }
        Relation::Less => order(heap, left, right).is_some_and(Ordering::is_lt),
        Relation::LessOrEqual => order(heap, left, right).is_some_and(Ordering::is_le),
        Relation::Greater => order(heap, left, right).is_some_and(Ordering::is_gt),
        Relation::GreaterOrEqual => order(heap, left, right).is_some_and(Ordering::is_ge),
        Relation::Matches => matches(search, left, right)?,
        Relation::Size => has_size(heap, left, right),
        Relation::Empty => is_empty(heap, left, right)?,
        Relation::In => contained(search, left, right)?,
        Relation::NotIn => !contained(search, left, right)?,
        Relation::Contains => contains(search, left, right)?,
        Relation::All => subset(search, right, left)?,
        Relation::SubsetOf => subset(search, left, right)?,
        Relation::AnyOf => overlap(search, left, right)?.unwrap_or(false),
        Relation::NoneOf => overlap(search, left, right)?.is_some_and(|any| !any),
    })
}

fn equal(search: &mut Search<'_>, left: &Node<'_>, right: &Node<'_>) -> Result<bool, Stop> {
    match (left, right) {
        (Node::Value(left), Node::Value(right)) => equal_values(search, *left, *right),
        (Node::List(items), Node::Value(value)) | (Node::Value(value), Node::List(items)) => {
            let heap = search.heap;
            if !matches!(heap.view(*value), View::Array) || heap.len(*value) != items.len() {
                return Ok(false);
            }
            same_items(search, items, heap.elements(*value))
        }
        (Node::List(left), Node::List(right)) => {
            Ok(left.len() == right.len() && same_items(search, left, right.iter().copied())?)
        }
        _ => Ok(false),
    }
}

fn same_items(
    search: &mut Search<'_>,
    left: &[Value],
    right: impl Iterator<Item = Value>,
) -> Result<bool, Stop> {
    for (left, right) in left.iter().zip(right) {
        if !same_text(search, *left, right)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Java's equality, paid for by size.
fn same_text(search: &mut Search<'_>, left: Value, right: Value) -> Result<bool, Stop> {
    const BYTES_A_VISIT: usize = 16;
    search.pay(1 + (left.json_len() + right.json_len()) / BYTES_A_VISIT)?;
    Ok(java::identity(search.heap, left) == java::identity(search.heap, right))
}

fn equal_values(search: &mut Search<'_>, left: Value, right: Value) -> Result<bool, Stop> {
    let heap = search.heap;
    Ok(match (heap.view(left), heap.view(right)) {
        (View::Null, View::Null) => true,
        (View::Bool(left), View::Bool(right)) => left == right,
        (View::Str(left), View::Str(right)) => left == right,
        (left @ (View::Int(_) | View::Float(_)), right @ (View::Int(_) | View::Float(_))) => {
            compare_numbers(left, right) == Some(Ordering::Equal)
        }
        // A string on the left is compared with the number's text, on the right by its value.
        (View::Str(text), View::Int(_) | View::Float(_)) => printed(heap, right) == text,
        (number @ (View::Int(_) | View::Float(_)), View::Str(text)) => {
            let value = text.parse::<i64>().map(View::Int);
            let value = value.or_else(|_| text.parse::<f64>().map(View::Float));
            value.is_ok_and(|value| compare_numbers(number, value) == Some(Ordering::Equal))
        }
        (View::Array, View::Array) | (View::Object, View::Object) => {
            same_text(search, left, right)?
        }
        _ => false,
    })
}

fn same_type(heap: &Heap, left: &Node<'_>, right: &Node<'_>) -> bool {
    let kind = |node: &Node<'_>| match node {
        Node::List(_) => Some(4),
        Node::Pattern(_) | Node::Undefined => None,
        Node::Value(value) => Some(match heap.view(*value) {
            View::Null => 0,
            View::Bool(_) => 1,
            View::Int(_) | View::Float(_) => 2,
            View::Str(_) => 3,
            View::Array | View::Object => 4,
        }),
    };
    kind(left).is_some() && kind(left) == kind(right)
}

fn order(heap: &Heap, left: &Node<'_>, right: &Node<'_>) -> Option<Ordering> {
    let (Node::Value(left), Node::Value(right)) = (left, right) else { return None };
    match (heap.view(*left), heap.view(*right)) {
        (View::Str(left), View::Str(right)) => Some(compare_utf16(left, right)),
        (left, right) => compare_numbers(left, right),
    }
}

/// `=~`: one side a pattern, the other a text or a list with at least one text that matches. What
/// is neither text, number nor boolean is matched as the empty text.
fn matches(search: &mut Search<'_>, left: &Node<'_>, right: &Node<'_>) -> Result<bool, Halt> {
    let (pattern, other) = match (left, right) {
        (Node::Pattern(_), Node::Pattern(_)) => return Ok(false),
        (Node::Pattern(pattern), other) | (other, Node::Pattern(pattern)) => (*pattern, other),
        _ => return Ok(false),
    };
    let heap = search.heap;
    let texts: Vec<String> = match items(heap, other) {
        Some(items) => items.into_iter().map(|item| matched_text(heap, item)).collect(),
        None => vec![match other {
            Node::Value(value) => matched_text(heap, *value),
            _ => String::new(),
        }],
    };
    for text in texts {
        search.pay(1 + text.len() / 16)?;
        if pattern.is_match(&text) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn matched_text(heap: &Heap, value: Value) -> String {
    match heap.view(value) {
        View::Null | View::Array | View::Object => String::new(),
        _ => printed(heap, value),
    }
}

fn printed(heap: &Heap, value: Value) -> String {
    let mut text = String::new();
    java::print(heap, value, java::Style::Plain, &mut text);
    text
}

/// The elements of what is a list.
fn items(heap: &Heap, node: &Node<'_>) -> Option<Vec<Value>> {
    match node {
        Node::List(items) => Some(items.clone()),
        Node::Value(value) if matches!(heap.view(*value), View::Array) => {
            Some(heap.elements(*value).collect())
        }
        _ => None,
    }
}

/// As [`items`]; nothing for an object, and no answer at all for what is no container.
fn list(search: &mut Search<'_>, node: &Node<'_>) -> Result<Option<Vec<Value>>, Halt> {
    let items = items(search.heap, node);
    if let Some(items) = &items {
        search.pay(items.len())?;
        return Ok(Some(items.clone()));
    }
    match node {
        Node::Value(value) if matches!(search.heap.view(*value), View::Object) => Ok(None),
        _ => Err(Halt::Refused),
    }
}

fn has_size(heap: &Heap, left: &Node<'_>, right: &Node<'_>) -> bool {
    let Node::Value(right) = right else { return false };
    let wanted = match heap.view(*right) {
        View::Int(int) => int,
        View::Float(float) => float as i64,
        _ => return false,
    };
    let size = match left {
        Node::List(items) => items.len(),
        Node::Value(value) => match heap.view(*value) {
            View::Str(text) => text.encode_utf16().count(),
            View::Array => heap.len(*value),
            _ => return false,
        },
        _ => return false,
    };
    i64::try_from(size) == Ok(wanted)
}

fn is_empty(heap: &Heap, left: &Node<'_>, right: &Node<'_>) -> Result<bool, Halt> {
    let empty = match left {
        Node::List(items) => items.is_empty(),
        Node::Value(value) => match heap.view(*value) {
            View::Str(text) => text.is_empty(),
            View::Array | View::Object => heap.len(*value) == 0,
            _ => return Ok(false),
        },
        _ => return Ok(false),
    };
    match right {
        Node::Value(value) => match heap.view(*value) {
            View::Bool(wanted) => Ok(empty == wanted),
            _ => Err(Halt::Refused),
        },
        _ => Err(Halt::Refused),
    }
}

/// `in`
fn contained(search: &mut Search<'_>, left: &Node<'_>, right: &Node<'_>) -> Result<bool, Halt> {
    let Some(items) = list(search, right)? else { return Ok(false) };
    for item in items {
        if equal(search, left, &Node::Value(item))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `contains`
fn contains(search: &mut Search<'_>, left: &Node<'_>, right: &Node<'_>) -> Result<bool, Halt> {
    let heap = search.heap;
    if let (Node::Value(left), Node::Value(right)) = (left, right)
        && let (View::Str(left), View::Str(right)) = (heap.view(*left), heap.view(*right))
    {
        return Ok(left.contains(right));
    }
    match items(heap, left) {
        Some(_) => contained(search, right, left),
        None => Ok(false),
    }
}

/// `subsetof`
fn subset(search: &mut Search<'_>, left: &Node<'_>, right: &Node<'_>) -> Result<bool, Halt> {
    let Some(wanted) = list(search, right)? else { return Ok(false) };
    let Some(items) = list(search, left)? else { return Ok(false) };
    for item in items {
        if !has(search, &wanted, item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether two lists share an element; nothing when one is an object.
fn overlap(
    search: &mut Search<'_>,
    left: &Node<'_>,
    right: &Node<'_>,
) -> Result<Option<bool>, Halt> {
    let Some(others) = list(search, right)? else { return Ok(None) };
    let Some(items) = list(search, left)? else { return Ok(None) };
    for item in items {
        if has(search, &others, item)? {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}

fn has(search: &mut Search<'_>, list: &[Value], item: Value) -> Result<bool, Stop> {
    search.pay(list.len())?;
    for one in list {
        if equal_values(search, item, *one)? {
            return Ok(true);
        }
    }
    Ok(false)
}
