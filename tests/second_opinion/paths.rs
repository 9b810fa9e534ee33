//! JSONPath after Jayway's rules, by walking the document.
//!
//! A definite path (names and single indices) gives one value or fails; any other path gives a
//! list, and an empty list where nothing is found.

use serde_json::Value;

use crate::filters::Filter;
use crate::scan::Scan;
use crate::unsure;

/// What a path starts from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Root {
    /// `$`
    Input,
    /// `$$`
    Context,
    /// `$name`
    Variable(String),
}

/// One segment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// `.a`, `['a']`, `['a','b']`
    Names(Vec<String>),
    /// `[0]`, `[0,-1]`
    Indices(Vec<i64>),
    /// `[1:3]`
    Slice(Option<i64>, Option<i64>),
    /// `.*`, `[*]`
    Wild,
    /// `..`, applied to the step after it
    Descend,
    /// `[?(…)]`
    Filter(Filter),
}

/// A parsed path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path {
    pub(crate) root: Root,
    pub(crate) steps: Vec<Step>,
}

impl Path {
    /// Reads a path that is all of `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut scan = Scan::new(text);
        let path = Self::read(&mut scan)?;
        if scan.at_end() { Ok(path) } else { Err(format!("left over in {text}: {}", scan.rest())) }
    }

    /// Reads a path and leaves what follows it.
    pub(crate) fn read(scan: &mut Scan<'_>) -> Result<Self, String> {
        scan.expect("$")?;
        let root = if scan.eat("$") {
            Root::Context
        } else {
            match scan.name() {
                "" => Root::Input,
                name => Root::Variable(name.to_owned()),
            }
        };
        Ok(Self { root, steps: read_steps(scan)? })
    }

    /// The value at this path, or the reason why there is none.
    pub(crate) fn evaluate(&self, document: &Value) -> Result<Value, String> {
        evaluate(&self.steps, document, document)
    }
}

pub(crate) fn read_steps(scan: &mut Scan<'_>) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    loop {
        if scan.eat("..") {
            steps.push(Step::Descend);
            match scan.peek() {
                Some('[') => {}
                Some('*') => {
                    scan.expect("*")?;
                    steps.push(Step::Wild);
                }
                _ => steps.push(Step::Names(vec![dotted(scan)?])),
            }
        } else if scan.eat(".*") {
            steps.push(Step::Wild);
        } else if scan.eat(".") {
            steps.push(Step::Names(vec![dotted(scan)?]));
        } else if scan.eat("[") {
            steps.push(bracketed(scan)?);
        } else {
            return Ok(steps);
        }
    }
}

fn dotted(scan: &mut Scan<'_>) -> Result<String, String> {
    match scan.dotted_name() {
        "" => Err(format!("a name is missing before {}", scan.rest())),
        name => Ok(name.to_owned()),
    }
}

fn bracketed(scan: &mut Scan<'_>) -> Result<Step, String> {
    scan.blanks();
    let step = match scan.peek() {
        Some('\'' | '"') => {
            let mut names = vec![scan.quoted()?];
            while scan.eat_spaced(",") {
                names.push(scan.quoted()?);
            }
            Step::Names(names)
        }
        Some('*') => {
            scan.expect("*")?;
            Step::Wild
        }
        Some('?') => {
            scan.expect("?")?;
            scan.blanks();
            scan.expect("(")?;
            let filter = Filter::read(scan)?;
            scan.blanks();
            scan.expect(")")?;
            Step::Filter(filter)
        }
        _ => numbers(scan)?,
    };
    scan.blanks();
    scan.expect("]")?;
    Ok(step)
}

fn numbers(scan: &mut Scan<'_>) -> Result<Step, String> {
    let first = scan.integer();
    if scan.eat_spaced(":") {
        return Ok(Step::Slice(first, scan.integer()));
    }
    let mut indices = vec![first.ok_or_else(|| format!("an index is missing at {}", scan.rest()))?];
    while scan.eat_spaced(",") {
        indices.push(scan.integer().ok_or("an index is missing")?);
    }
    Ok(Step::Indices(indices))
}

fn is_definite(steps: &[Step]) -> bool {
    steps.iter().enumerate().all(|(at, step)| match step {
        Step::Names(names) => names.len() == 1 || at + 1 == steps.len(),
        Step::Indices(indices) => indices.len() == 1,
        _ => false,
    })
}

/// What `steps` find from `document`; `whole` is what `$` means inside filters.
pub(crate) fn evaluate(steps: &[Step], document: &Value, whole: &Value) -> Result<Value, String> {
    let mut found = Vec::new();
    let walk = Walk { whole };
    let walked = walk.from(steps, document, "$", true, &mut found);
    if !is_definite(steps) {
        // A list stays a list: what Jayway would throw on the way to it is "nothing found".
        return Ok(Value::Array(if walked.is_ok() { found } else { Vec::new() }));
    }
    if walked.is_err()
        && steps.iter().any(|step| matches!(step, Step::Names(names) if names.len() > 1))
    {
        unsure::guess("how a path to several names says that it found nothing");
    }
    walked?;
    found.pop().ok_or_else(|| {
        let path = steps.iter().fold("$".to_owned(), |text, step| text + &shown(step));
        format!("No results for path: {path}")
    })
}

struct Walk<'a> {
    whole: &'a Value,
}

impl Walk<'_> {
    fn from(
        &self,
        steps: &[Step],
        node: &Value,
        place: &str,
        definite: bool,
        found: &mut Vec<Value>,
    ) -> Result<(), String> {
        let Some((step, rest)) = steps.split_first() else {
            found.push(node.clone());
            return Ok(());
        };
        match step {
            Step::Names(names) => self.names(names, rest, node, place, definite, found),
            Step::Descend => self.descend(rest, node, place, found),
            Step::Wild => {
                for (key, child) in children(node) {
                    self.from(rest, child, &format!("{place}{key}"), false, found)?;
                }
                Ok(())
            }
            Step::Filter(filter) => match node {
                Value::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        if filter.accepts(item, self.whole) {
                            self.from(rest, item, &format!("{place}[{index}]"), false, found)?;
                        }
                    }
                    Ok(())
                }
                Value::Object(_) if filter.accepts(node, self.whole) => {
                    self.from(rest, node, place, false, found)
                }
                _ => Ok(()),
            },
            Step::Indices(_) | Step::Slice(..) => {
                let Value::Array(items) = node else {
                    return if definite { Err(format!("{place} is not an array")) } else { Ok(()) };
                };
                let single = matches!(step, Step::Indices(indices) if indices.len() == 1);
                for index in chosen(step, items.len()) {
                    let place = format!("{place}[{index}]");
                    self.from(rest, &items[index], &place, definite && single, found)?;
                }
                Ok(())
            }
        }
    }

    fn names(
        &self,
        names: &[String],
        rest: &[Step],
        node: &Value,
        place: &str,
        definite: bool,
        found: &mut Vec<Value>,
    ) -> Result<(), String> {
        let Value::Object(members) = node else {
            let all: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
            let names = all.join(",");
            return if definite {
                Err(format!("Expected to find an object with property [{names}] in path {place}"))
            } else {
                Ok(())
            };
        };
        if names.len() > 1 && rest.is_empty() {
            let present =
                names.iter().filter_map(|name| Some((name.clone(), members.get(name)?.clone())));
            found.push(Value::Object(present.collect()));
            return Ok(());
        }
        for name in names {
            let place = format!("{place}['{name}']");
            match members.get(name) {
                Some(child) => {
                    self.from(rest, child, &place, definite && names.len() == 1, found)?;
                }
                None if rest.is_empty() || !definite => {}
                None => return Err(format!("Missing property in path {place}")),
            }
        }
        Ok(())
    }

    /// The step after `..` is tried on every node below and including this one, parents first.
    fn descend(
        &self,
        rest: &[Step],
        node: &Value,
        place: &str,
        found: &mut Vec<Value>,
    ) -> Result<(), String> {
        self.from(rest, node, place, false, found)?;
        for (key, child) in children(node) {
            self.descend(rest, child, &format!("{place}{key}"), found)?;
        }
        Ok(())
    }
}

fn children(node: &Value) -> Vec<(String, &Value)> {
    match node {
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, item)| (format!("[{at}]"), item)).collect()
        }
        Value::Object(members) => {
            members.iter().map(|(name, value)| (format!("['{name}']"), value)).collect()
        }
        _ => Vec::new(),
    }
}

/// The positions that an index or slice step means in an array of `length` items.
fn chosen(step: &Step, length: usize) -> Vec<usize> {
    let length = length as i64;
    let effective = |index: i64| if index < 0 { index + length } else { index };
    let wanted: Vec<i64> = match step {
        Step::Indices(indices) => indices.clone(),
        Step::Slice(Some(from), None) => (effective(*from).max(0)..length).collect(),
        Step::Slice(None, Some(to)) => (0..effective(*to).min(length)).collect(),
        // Between two bounds Jayway counts from the lower one as it was written.
        Step::Slice(Some(from), Some(to)) => (*from..(*to).min(length)).collect(),
        _ => (0..length).collect(),
    };
    let inside = wanted.into_iter().map(effective).filter(|index| (0..length).contains(index));
    inside.map(|index| index as usize).collect()
}

fn shown(step: &Step) -> String {
    match step {
        Step::Names(names) => {
            let all: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
            format!("[{}]", all.join(","))
        }
        Step::Indices(indices) => {
            let all: Vec<_> = indices.iter().map(i64::to_string).collect();
            format!("[{}]", all.join(","))
        }
        Step::Slice(from, to) => {
            let shown =
                |bound: &Option<i64>| bound.map_or(String::new(), |bound| bound.to_string());
            format!("[{}:{}]", shown(from), shown(to))
        }
        Step::Wild => "[*]".to_owned(),
        Step::Descend => "..".to_owned(),
        Step::Filter(_) => "[?]".to_owned(),
    }
}
