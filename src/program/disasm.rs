//! A program as a listing: one line an instruction, with where it comes from.

use std::fmt::{self, Write};

use super::form::{Condition, Items, Payload, Sees, Shape};
use super::tables::{
    Amount, AssignIdx, Catcher, ConditionIdx, ExpressionIdx, FailIdx, FailText, ForkIdx, FormIdx,
    LettingIdx, LookupIdx, MapIdx, Retrier, RuleIdx, StateIdx, TaskIdx, TemplateIdx, ValueIdx,
    Wait, WaitIdx, WalkIdx,
};
use super::{Image, Op, Pc, for_each_op};
use crate::expr::rule::{Goto, Predicate, Relation, Right};
use crate::expr::template::Template;
use crate::expr::walk::Walk;
use crate::value::{Heap, Value};

impl Image {
    /// The listing; `file` stands before every place.
    pub fn disassemble(&self, file: &str) -> String {
        let heap = Heap::new(std::rc::Rc::new(self.constants.clone()));
        let listing = Listing { image: self, heap };
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = listing.write(file, &mut out);
        out
    }
}

struct Listing<'a> {
    image: &'a Image,
    heap: Heap,
}

macro_rules! operands {
    ($($(#[$doc:meta])* $variant:ident $handler:ident $mnemonic:literal ($($operand:ident: $type:ty),*),)*) => {
        /// The operands of an instruction, as a listing shows them.
        fn operands(op: Op, listing: &Listing<'_>) -> String {
            match op {
                $(Op::$variant($($operand),*) => {
                    let parts: &[String] = &[$(Show::show($operand, listing)),*];
                    parts.join(", ")
                })*
            }
        }
    };
}

for_each_op!(operands);

impl Listing<'_> {
    fn write(&self, file: &str, out: &mut String) -> fmt::Result {
        let program = &self.image.program;
        writeln!(
            out,
            "; {}: {} states, {} instructions of {} bytes, {} bytes of definition",
            program.world.machine_name,
            program.states.len(),
            program.ops.len(),
            size_of::<Op>(),
            program.definition_bytes,
        )?;
        if let Some(timeout_ms) = program.timeout_ms {
            writeln!(out, "; times out after {timeout_ms} ms")?;
        }
        for (pc, (op, place)) in program.ops.iter().zip(&program.places).enumerate() {
            if matches!(op, Op::Enter(_)) {
                out.push('\n');
            }
            let place = format!("{file}:{}:{}", place.line, place.column);
            let text = format!("{pc:04}  {:<9} {}", op.mnemonic(), operands(*op, self));
            writeln!(out, "{:<72} ; {place}", text.trim_end())?;
            match op {
                Op::Branch(rule, _) => self.write_rule(*rule, out)?,
                Op::Enter(state) => self.write_remedies(*state, out)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// What takes the errors of a state: tables, not instructions.
    fn write_remedies(&self, state: StateIdx, out: &mut String) -> fmt::Result {
        let state = &self.image.program.states[state.index()];
        for Retrier {
            errors,
            interval_ms,
            attempts_max,
            backoff_rate,
            delay_ms_max,
            full_jitter,
        } in &state.retriers
        {
            let limit = delay_ms_max.map_or(String::new(), |ms| format!(", at most {ms} ms"));
            let jitter = if *full_jitter { ", full jitter" } else { "" };
            writeln!(
                out,
                "        retry {}: {attempts_max} times after {interval_ms} ms × {backoff_rate}{limit}{jitter}",
                errors.0.join(" "),
            )?;
        }
        for Catcher { errors, handler } in &state.catchers {
            writeln!(out, "        catch {}: {}", errors.0.join(" "), handler.show(self))?;
        }
        Ok(())
    }

    fn write_rule(&self, rule: RuleIdx, out: &mut String) -> fmt::Result {
        for (index, test) in self.image.program.rules[rule.index()].tests().iter().enumerate() {
            let goto = |goto| match goto {
                Goto::Match => "match".to_owned(),
                Goto::Miss => "miss".to_owned(),
                Goto::Test(next) => format!("test {next}"),
            };
            writeln!(
                out,
                "        test {index}: {} {} ? {} : {}",
                test.variable.text,
                self.predicate(&test.predicate),
                goto(test.then),
                goto(test.otherwise),
            )?;
        }
        Ok(())
    }

    fn predicate(&self, predicate: &Predicate) -> String {
        match predicate {
            Predicate::Compare(family, relation, right) => {
                let sign = match relation {
                    Relation::Equals => "=",
                    Relation::GreaterThan => ">",
                    Relation::GreaterThanEquals => ">=",
                    Relation::LessThan => "<",
                    Relation::LessThanEquals => "<=",
                };
                let right = match right {
                    Right::Constant(value) => self.json(*value),
                    Right::Path(walk) => walk.text.to_string(),
                };
                format!("{sign} {right} ({family:?})")
            }
            Predicate::Is(kind, wanted) => {
                format!("{} {kind:?}", if *wanted { "is" } else { "is not" })
            }
            Predicate::IsPresent(wanted) => {
                format!("is {}", if *wanted { "present" } else { "absent" })
            }
            Predicate::Matches(pattern) => format!("matches {pattern}"),
        }
    }

    fn json(&self, value: Value) -> String {
        shortened(&self.heap.to_json_text(value))
    }

    fn template(&self, template: &Template) -> String {
        let list = |items: Vec<String>| items.join(",");
        match template {
            Template::Constant(value) => self.json(*value),
            Template::Path(walk, _) => walk.text.to_string(),
            Template::Query(query, _) => query.text.to_string(),
            Template::Call(call) => call.text.to_string(),
            Template::Array(elements) => {
                format!(
                    "[{}]",
                    list(elements.iter().map(|element| self.template(element)).collect())
                )
            }
            Template::Object(fields) | Template::Flat(fields) => {
                let field = |field: &crate::expr::template::Field| {
                    format!("{}:{}", self.heap.key_text(field.key), self.template(&field.template))
                };
                format!("{{{}}}", list(fields.iter().map(field).collect()))
            }
        }
    }
}

impl Listing<'_> {
    fn expression(&self, index: ExpressionIdx) -> String {
        format!("{{% {} %}}", self.image.program.expression(index).code.text)
    }

    fn shape(&self, shape: &Shape) -> String {
        match shape {
            Shape::Constant(value) => self.json(*value),
            Shape::Expression(index) => self.expression(*index),
            Shape::Array(elements) => {
                let elements: Vec<_> = elements.iter().map(|one| self.shape(one)).collect();
                format!("[{}]", elements.join(","))
            }
            Shape::Object(entries) => {
                let entry = |(key, one): &(Value, Shape)| {
                    format!("{}:{}", self.heap.key_text(*key), self.shape(one))
                };
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(","))
            }
        }
    }

    fn payload(&self, payload: &Payload) -> String {
        match payload {
            Payload::Template(template) => self.template(template),
            Payload::Form(form) => self.shape(&form.shape),
        }
    }

    fn amount<T: fmt::Display>(&self, amount: &Amount<T>) -> String {
        match amount {
            Amount::Expression(index) => self.expression(*index),
            Amount::Literal(number) => number.to_string(),
            Amount::Path(walk) => walk.text.to_string(),
        }
    }
}

/// An operand in a listing.
trait Show {
    fn show(self, listing: &Listing<'_>) -> String;
}

impl Show for Pc {
    fn show(self, _: &Listing<'_>) -> String {
        format!("→{:04}", self.0)
    }
}

impl Show for StateIdx {
    fn show(self, listing: &Listing<'_>) -> String {
        let state = &listing.image.program.states[self.index()];
        format!("{:?} ({})", state.name, state.kind.as_str())
    }
}

impl Show for WalkIdx {
    fn show(self, listing: &Listing<'_>) -> String {
        listing.image.program.walks[self.index()].text.to_string()
    }
}

impl Show for TemplateIdx {
    fn show(self, listing: &Listing<'_>) -> String {
        shortened(&listing.template(&listing.image.program.templates[self.index()]))
    }
}

impl Show for ValueIdx {
    fn show(self, listing: &Listing<'_>) -> String {
        listing.json(listing.image.program.values[self.index()])
    }
}

impl Show for RuleIdx {
    fn show(self, _: &Listing<'_>) -> String {
        format!("rule {}", self.0)
    }
}

impl Show for LookupIdx {
    fn show(self, listing: &Listing<'_>) -> String {
        listing.image.program.lookups[self.index()].text().to_owned()
    }
}

impl Show for AssignIdx {
    fn show(self, listing: &Listing<'_>) -> String {
        let program = &listing.image.program;
        let assigned = program.assigns[self.index()].0.iter().map(|(variable, template)| {
            format!("{}={}", program.variables[variable.index()], listing.template(template))
        });
        shortened(&assigned.collect::<Vec<_>>().join(", "))
    }
}

impl Show for Sees {
    fn show(self, _: &Listing<'_>) -> String {
        match self {
            Self::Input => "input",
            Self::Result => "result",
            Self::Error => "error",
        }
        .to_owned()
    }
}

impl Show for FormIdx {
    fn show(self, listing: &Listing<'_>) -> String {
        shortened(&listing.shape(&listing.image.program.forms[self.index()].shape))
    }
}

impl Show for LettingIdx {
    fn show(self, listing: &Listing<'_>) -> String {
        let program = &listing.image.program;
        let lettings = program.lettings[self.index()].0.iter().map(|(variable, shape)| {
            format!("{}={}", program.variables[variable.index()], listing.shape(shape))
        });
        shortened(&lettings.collect::<Vec<_>>().join(", "))
    }
}

impl Show for ConditionIdx {
    fn show(self, listing: &Listing<'_>) -> String {
        match listing.image.program.conditions[self.index()] {
            Condition::Literal(wanted) => wanted.to_string(),
            Condition::Expression(index) => shortened(&listing.expression(index)),
        }
    }
}

impl Show for TaskIdx {
    fn show(self, listing: &Listing<'_>) -> String {
        let task = &listing.image.program.tasks[self.index()];
        let limits = [("within", &task.timeout), ("heartbeat", &task.heartbeat)];
        let limits = limits.into_iter().filter_map(|(word, limit)| {
            Some(format!(" {word} {} s", listing.amount(limit.as_ref()?)))
        });
        format!("{}{}", task.resource, limits.collect::<String>())
    }
}

impl Show for ForkIdx {
    fn show(self, listing: &Listing<'_>) -> String {
        let branches = &listing.image.program.forks[self.index()].branches;
        let branches: Vec<_> = branches.iter().map(|pc| pc.show(listing)).collect();
        shortened(&branches.join(" "))
    }
}

impl Show for MapIdx {
    fn show(self, listing: &Listing<'_>) -> String {
        let map = &listing.image.program.maps[self.index()];
        let items = match &map.items {
            Items::Path(None) | Items::Form(None) => "$".to_owned(),
            Items::Path(Some(walk)) => walk.text.to_string(),
            Items::Form(Some(form)) => listing.shape(&form.shape),
        };
        let selector = map.selector.as_ref();
        let parts = [
            Some(items),
            selector.map(|selector| format!("as {}", listing.payload(selector))),
            map.concurrency_max.as_ref().map(|most| format!("at most {}", listing.amount(most))),
            map.distributed.is_some().then(|| "distributed".to_owned()),
        ];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        format!("{} {}", map.entry.show(listing), shortened(&text))
    }
}

impl Show for WaitIdx {
    fn show(self, listing: &Listing<'_>) -> String {
        match &listing.image.program.waits[self.index()] {
            Wait::Millis(millis) => format!("{millis} ms"),
            Wait::Seconds(index) => format!("{} s", listing.expression(*index)),
            Wait::SecondsPath(walk) => format!("{} s", walk.text),
            Wait::Until(instant) => format!("until {} s since 1970", instant.seconds),
            Wait::UntilExpression(index) => format!("until {}", listing.expression(*index)),
            Wait::UntilPath(walk) => format!("until {}", walk.text),
        }
    }
}

impl Show for FailIdx {
    fn show(self, listing: &Listing<'_>) -> String {
        let text = |text: &Option<FailText>| match text {
            None => "-".to_owned(),
            Some(FailText::Literal(text)) => format!("{text:?}"),
            Some(FailText::Path(Walk { text, .. })) => text.to_string(),
            Some(FailText::Call(call)) => call.text.to_string(),
            Some(FailText::Expression(index)) => listing.expression(*index),
        };
        let fail = &listing.image.program.fails[self.index()];
        format!("{}, {}", text(&fail.error), text(&fail.cause))
    }
}

/// At most 80 characters, so that a listing keeps its columns.
fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    if text.chars().count() <= CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARS_MAX - 1).chain(['…']).collect()
}
