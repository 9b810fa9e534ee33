//! A compiled intrinsic call and what the functions do.
//!
//! AWS reports every run-time fault of a call as `States.Runtime` and quotes the whole outer call
//! as written (recorded by tiny-asl-machine, see the cases of area `intrinsic-functions`).

use super::intrinsic::{Argument, Call, Function, unescape};
use super::walk::Walk;
use super::{Bindings, CompileError, Evaluation, Fault};
use crate::base::limits::PAYLOAD_BYTES_MAX;
use crate::value::{Elements, Entries, Heap, TooLarge, Value, View};

/// A call ready to be evaluated.
#[derive(Clone, Debug)]
pub struct Apply {
    /// The call as written.
    pub text: Box<str>,
    function: Function,
    operands: Box<[Operand]>,
}

/// An argument ready to be evaluated.
#[derive(Clone, Debug)]
enum Operand {
    Call(Apply),
    Constant(Value),
    Path(Walk),
    /// A literal template of `States.Format`, its escapes still in it.
    Template(Box<str>),
}

/// Why a call failed, before the outermost call's text is known.
enum Failure {
    Arguments(Function, &'static str),
    Missing(Box<str>),
    Template(&'static str),
    TooLarge(TooLarge),
}

impl From<TooLarge> for Failure {
    fn from(error: TooLarge) -> Self {
        Self::TooLarge(error)
    }
}

impl Apply {
    /// Compiles `call`.
    ///
    /// # Errors
    /// [`CompileError`] when the constants are full.
    pub fn compile(call: &Call, bindings: &mut Bindings) -> Result<Self, CompileError> {
        let operands = call.arguments.iter().enumerate().map(|(index, argument)| {
            Ok(match argument {
                Argument::Bool(bool) => Operand::Constant(Value::bool(*bool)),
                Argument::Call(inner) => Operand::Call(Self::compile(inner, bindings)?),
                Argument::Null => Operand::Constant(Value::NULL),
                Argument::Number(text) => Operand::Constant(number(text)),
                Argument::Path(path) => Operand::Path(Walk::compile(path, bindings)?),
                Argument::Text(text) if call.function == Function::Format && index == 0 => {
                    Operand::Template(text.as_str().into())
                }
                Argument::Text(text) => {
                    Operand::Constant(bindings.constants.string(&unescape(text))?)
                }
            })
        });
        Ok(Self {
            text: call.text.as_str().into(),
            function: call.function,
            operands: operands.collect::<Result<_, CompileError>>()?,
        })
    }

    /// Whether the call reads the context object.
    pub fn reads_context(&self) -> bool {
        self.operands.iter().any(|operand| match operand {
            Operand::Call(call) => call.reads_context(),
            Operand::Path(walk) => walk.reads_context(),
            Operand::Constant(_) | Operand::Template(_) => false,
        })
    }

    /// Evaluates the call.
    ///
    /// # Errors
    /// [`Fault`] with AWS's text.
    pub fn evaluate(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, Fault> {
        self.value(evaluation).map_err(|failure| self.fault(&failure))
    }

    #[cold]
    fn fault(&self, failure: &Failure) -> Fault {
        let reason = match failure {
            Failure::Missing(text) => {
                return Fault::new(format!(
                    "The function '{}' had the following error: {text}",
                    self.text
                ));
            }
            Failure::TooLarge(error) => return Fault::from(*error),
            Failure::Arguments(function, detail) => {
                format!("Invalid arguments in {}{detail}", function.name())
            }
            Failure::Template(detail) => format!("Invalid template in States.Format: {detail}"),
        };
        Fault::new(format!(
            "There was an error while evaluating the intrinsic function: {}. {reason}",
            self.text
        ))
    }

    fn value(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, Failure> {
        match self.function {
            Function::Format => self.format(evaluation),
            Function::MathAdd => self.math_add(evaluation),
            // The parser lets no other function through.
            other => Err(Failure::Arguments(other, "")),
        }
    }

    fn operand(&self, index: usize, evaluation: &mut Evaluation<'_>) -> Result<Value, Failure> {
        match &self.operands[index] {
            Operand::Constant(value) => Ok(*value),
            Operand::Call(call) => call.value(evaluation),
            Operand::Template(text) => Ok(evaluation.heap.string(evaluation.arena, &unescape(text))?),
            Operand::Path(walk) => walk.find(evaluation.heap, evaluation.roots).map_err(|_| {
                Failure::Missing(
                    format!(
                        "The JsonPath argument for the field '{}' could not be found in the input '{}'",
                        walk.text,
                        walk.origin.text(evaluation.heap, evaluation.roots)
                    )
                    .into(),
                )
            }),
        }
    }

    /// `States.Format(template, value…)`: each `{}` of the template takes the next value.
    fn format(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, Failure> {
        let mut text = evaluation.heap.take_scratch();
        let formatted = self.format_into(&mut text, evaluation);
        let formatted =
            formatted.and_then(|()| Ok(evaluation.heap.string(evaluation.arena, &text)?));
        evaluation.heap.return_scratch(text);
        formatted
    }

    fn format_into(
        &self,
        text: &mut String,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<(), Failure> {
        let invalid = |detail| Failure::Arguments(Function::Format, detail);
        let dynamic;
        let template = match self.operands.first() {
            None => return Err(invalid("")),
            Some(Operand::Template(text)) => &**text,
            Some(_) => {
                let value = self.operand(0, evaluation)?;
                let View::Str(text) = evaluation.heap.view(value) else { return Err(invalid("")) };
                dynamic = text.to_owned();
                &dynamic
            }
        };
        let mut next = 1;
        let mut rest = template;
        while let Some(at) = rest.find(['\\', '{', '}']) {
            text.push_str(&rest[..at]);
            let mut after = rest[at..].chars();
            match (after.next(), after.next()) {
                (Some('\\'), Some(escaped @ ('\'' | '{' | '}' | '\\'))) => text.push(escaped),
                (Some('\\'), other) => {
                    text.push('\\');
                    text.extend(other);
                }
                (Some('{'), Some('}')) => {
                    if next >= self.operands.len() {
                        return Err(invalid(COUNT));
                    }
                    let value = self.operand(next, evaluation)?;
                    if text.len() + value.json_len() > TEXT_BYTES_MAX {
                        return Err(Failure::TooLarge(TooLarge));
                    }
                    print(evaluation.heap, value, text);
                    next += 1;
                }
                (Some('{'), _) => return Err(Failure::Template("matching '}' not found for '{'.")),
                _ => return Err(Failure::Template("matching '{' not found for '}'.")),
            }
            rest = after.as_str();
        }
        text.push_str(rest);
        if next < self.operands.len() {
            return Err(invalid(COUNT));
        }
        Ok(())
    }

    /// `States.MathAdd(a, b)`: operands rounded half up, both and the sum within 32 bits.
    fn math_add(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, Failure> {
        let invalid = || Failure::Arguments(Function::MathAdd, "");
        if self.operands.len() != 2 {
            return Err(invalid());
        }
        let mut sum = 0_i32;
        for index in 0..2 {
            let value = self.operand(index, evaluation)?;
            let operand = rounded(evaluation.heap.view(value)).ok_or_else(invalid)?;
            sum = sum.checked_add(operand).ok_or_else(invalid)?;
        }
        Ok(Value::int(i64::from(sum)))
    }
}

const COUNT: &str = ": number of arguments do not match the occurrences of {}.";

/// Longest text that a call may make, in bytes: several payloads, since a later state may still
/// take it apart, and few enough that a definition cannot exhaust memory.
const TEXT_BYTES_MAX: usize = 8 * PAYLOAD_BYTES_MAX;

/// A number rounded half up (towards positive infinity), as Java's `Math.round` does.
fn rounded(view: View<'_>) -> Option<i32> {
    match view {
        View::Int(int) => i32::try_from(int).ok(),
        View::Float(float) => {
            let rounded = (float + 0.5).floor();
            // Exact: both bounds are doubles.
            (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&rounded).then_some(rounded as i32)
        }
        _ => None,
    }
}

fn number(text: &str) -> Value {
    if let Ok(int) = text.parse::<i64>() {
        return Value::int(int);
    }
    // `1e309` is accepted on AWS and yields some number; ours is the largest double.
    Value::float(text.parse::<f64>().unwrap_or(0.0).clamp(f64::MIN, f64::MAX))
}

/// Prints an argument of `States.Format`: strings bare, scalars as JSON, containers as a Java map
/// or list prints (`{Arg1=1, Arg2=[]}`, recorded on AWS). A loop with its own stack: a value may
/// be nested deeper than the native one allows.
fn print(heap: &Heap, value: Value, out: &mut String) {
    let mut open: Vec<Printed<'_>> = Vec::new();
    let mut next = Some(value);
    loop {
        if let Some(value) = next.take() {
            match heap.view(value) {
                View::Str(text) => out.push_str(text),
                View::Array => {
                    out.push('[');
                    open.push(Printed { items: Items::Array(heap.elements(value)), first: true });
                }
                View::Object => {
                    out.push('{');
                    open.push(Printed { items: Items::Object(heap.entries(value)), first: true });
                }
                _ => heap.write_scalar(value, out),
            }
        }
        let Some(level) = open.last_mut() else { return };
        let (key, item, close) = match &mut level.items {
            Items::Array(elements) => (None, elements.next(), ']'),
            Items::Object(entries) => {
                let entry = entries.next();
                (entry.map(|(key, _)| key), entry.map(|(_, member)| member), '}')
            }
        };
        if item.is_none() {
            out.push(close);
            open.pop();
            continue;
        }
        if !std::mem::replace(&mut level.first, false) {
            out.push_str(", ");
        }
        if let Some(key) = key {
            out.push_str(heap.key_text(key));
            out.push('=');
        }
        next = item;
    }
}

/// A container that is being printed.
struct Printed<'a> {
    items: Items<'a>,
    first: bool,
}

enum Items<'a> {
    Array(Elements<'a>),
    Object(Entries<'a>),
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::base::entropy::Entropy;
    use crate::expr::Roots;
    use crate::value::{ArenaId, ConstantsBuilder, Parser};

    fn evaluate(call: &str, input: &str) -> Result<String, String> {
        let mut bindings = Bindings::default();
        let apply = Apply::compile(&Call::parse(call).unwrap(), &mut bindings).unwrap();
        let mut heap = Heap::new(Rc::new(bindings.constants.finish()));
        let mut parser = Parser::default();
        let input = heap.parse(ArenaId::ROOT, input.as_bytes(), &mut parser).unwrap();
        let value = apply
            .evaluate(&mut Evaluation {
                heap: &mut heap,
                arena: ArenaId::ROOT,
                roots: Roots { input, context: Value::NULL, variables: &[] },
                parser: &mut parser,
                entropy: &mut Entropy::seeded(1),
            })
            .map_err(|fault| fault.to_string())?;
        Ok(String::from_utf8(heap.to_json(value)).unwrap())
    }

    #[test]
    fn format_prints_every_kind_of_value() {
        let input =
            r#"{"s":"a\"b","n":null,"i":7,"f":1.10,"o":{"Arg1":1,"Arg2":[]},"l":["x",[true]]}"#;
        for (call, text) in [
            ("States.Format('{} {} {}', $.s, $.n, $.i)", r#""a\"b null 7""#),
            ("States.Format('{}|{}', $.f, $.o)", r#""1.10|{Arg1=1, Arg2=[]}""#),
            ("States.Format('{}', $.l)", r#""[x, [true]]""#),
            (r"States.Format('\{\}\'\\ {}', 'it\'s')", r#""{}'\\ it's""#),
            ("States.Format('plain')", r#""plain""#),
            ("States.Format('{}', States.MathAdd(1, 2))", r#""3""#),
        ] {
            assert_eq!(evaluate(call, input).as_deref(), Ok(text), "{call}");
        }
    }

    #[test]
    fn a_deep_value_is_printed_without_recursion() {
        let mut heap = Heap::new(Rc::new(ConstantsBuilder::default().finish()));
        let mut value = Value::int(1);
        for _ in 0..100_000 {
            let open = heap.open(ArenaId::ROOT, 1).unwrap();
            heap.set(open, 0, value);
            value = heap.close_array(open).unwrap();
        }
        let mut text = String::new();
        print(&heap, value, &mut text);
        assert_eq!(text.len(), 200_001);
    }

    #[test]
    fn math_add_rounds_half_up_and_stays_in_32_bits() {
        for (call, sum) in [
            ("States.MathAdd(1, 2)", "3"),
            ("States.MathAdd(-0.5, 0.5)", "1"),
            ("States.MathAdd(1.49, 1.5)", "3"),
            ("States.MathAdd(-1.5, 0)", "-1"),
            ("States.MathAdd(-2147483647, -1)", "-2147483648"),
        ] {
            assert_eq!(evaluate(call, "{}").as_deref(), Ok(sum), "{call}");
        }
        for call in [
            "States.MathAdd(2147483647, 1)",
            "States.MathAdd(2147483648, 0)",
            "States.MathAdd('1', 2)",
            "States.MathAdd(1)",
            "States.MathAdd(true, 1)",
        ] {
            let cause = evaluate(call, "{}").unwrap_err();
            assert_eq!(
                cause,
                format!(
                    "There was an error while evaluating the intrinsic function: {call}. Invalid arguments in States.MathAdd"
                )
            );
        }
    }

    #[test]
    fn faults_quote_the_outer_call() {
        assert_eq!(
            evaluate("States.Format('Hello {', $.a)", r#"{"a":1}"#).unwrap_err(),
            "There was an error while evaluating the intrinsic function: States.Format('Hello {', $.a). Invalid template in States.Format: matching '}' not found for '{'."
        );
        assert_eq!(
            evaluate("States.Format('{}', States.MathAdd($.x, 1))", "{}").unwrap_err(),
            "The function 'States.Format('{}', States.MathAdd($.x, 1))' had the following error: The JsonPath argument for the field '$.x' could not be found in the input '{}'"
        );
        assert!(
            evaluate("States.Format('{}{}', 1)", "{}")
                .unwrap_err()
                .ends_with("the occurrences of {}.")
        );
        assert!(
            evaluate("States.Format('{}', 1, 2)", "{}")
                .unwrap_err()
                .ends_with("the occurrences of {}.")
        );
        assert!(
            evaluate("States.Format()", "{}")
                .unwrap_err()
                .ends_with("Invalid arguments in States.Format")
        );
    }
}
