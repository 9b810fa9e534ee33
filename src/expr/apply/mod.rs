//! A compiled intrinsic call and its evaluation; what the functions do is told by group.
//!
//! AWS reports every run-time fault of a call as `States.Runtime`, quotes the whole outer call as
//! written and blames the function that rejected its arguments (recorded by tiny-asl-machine, see
//! the cases of area `intrinsic-functions`). All arguments are evaluated before any is checked.

mod array;
mod encode;
pub mod jackson;
mod json;
mod math;
mod text;

pub(in crate::expr) use encode::digest;
pub(in crate::expr) use text::uuid_text;

use super::intrinsic::{Argument, Call, Function, unescape};
use super::lookup::Lookup;
use super::walk::Missing;
use super::{Bindings, CompileError, Evaluation, Fault, java};
use crate::base::limits::PAYLOAD_BYTES_MAX;
use crate::value::{Heap, TooLarge, Value, View};

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
    Path(Lookup),
    /// A literal template of `States.Format`, its escapes still in it.
    Template(Box<str>),
}

/// Why a call failed, before the outermost call's text is known.
enum Failure {
    /// The function does not take these; with what AWS says behind its name.
    Arguments(Function, &'static str),
    /// `States.StringToJson` met no JSON; with Jackson's complaint.
    NoJson(Box<str>),
    /// A path names nothing.
    Missing(Box<str>),
    /// A fault that has nothing to do with the call itself.
    Other(Fault),
    /// `States.Format` cannot read its template.
    Template(&'static str),
}

impl From<TooLarge> for Failure {
    fn from(error: TooLarge) -> Self {
        Self::Other(Fault::from(error))
    }
}

/// What a function gives.
type Outcome = Result<Value, Failure>;

/// Longest text that a call may make, in bytes: several payloads, since a later state may still
/// take it apart, and few enough that a definition cannot exhaust memory.
const TEXT_BYTES_MAX: usize = 8 * PAYLOAD_BYTES_MAX;

/// Arguments that are evaluated without an allocation.
const FEW: usize = 8;

impl Apply {
    /// Compiles `call`.
    ///
    /// # Errors
    /// [`CompileError`] when the constants are full.
    pub fn compile(call: &Call, bindings: &mut Bindings) -> Result<Self, CompileError> {
        let operands = call.arguments.iter().enumerate().map(|(index, argument)| {
            Ok(match argument {
                Argument::Bool(bool) => Operand::Constant(Value::bool(*bool)),
                Argument::Call(inner) => {
                    let value = Self::compile(inner, bindings)?;
                    let in_format = call.function == Function::Format && index > 0;
                    // What StringToJson made is formatted as JSON: a text keeps its quotes (noted
                    // of AWS by tiny-asl-machine).
                    Operand::Call(if in_format && inner.function == Function::StringToJson {
                        Self {
                            text: value.text.clone(),
                            function: Function::JsonToString,
                            operands: [Operand::Call(value)].into(),
                        }
                    } else {
                        value
                    })
                }
                Argument::Null => Operand::Constant(Value::NULL),
                Argument::Number(text) => Operand::Constant(Value::number(text)),
                Argument::Path(path) => Operand::Path(Lookup::compile(path, bindings)?),
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
            Operand::Path(lookup) => lookup.reads_context(),
            Operand::Constant(_) | Operand::Template(_) => false,
        })
    }

    /// Evaluates the call.
    ///
    /// # Errors
    /// [`Fault`] with AWS's text.
    pub fn evaluate(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, Fault> {
        self.value(evaluation).map_err(|failure| self.fault(failure))
    }

    #[cold]
    fn fault(&self, failure: Failure) -> Fault {
        let reason = match failure {
            Failure::Missing(text) => {
                return Fault::intrinsic(format!(
                    "The function '{}' had the following error: {text}",
                    self.text
                ));
            }
            Failure::Other(fault) => return fault,
            Failure::Arguments(function, detail) => {
                format!("Invalid arguments in {}{detail}", function.name())
            }
            Failure::NoJson(complaint) => format!(
                "Cannot convert String to Json in States.StringToJson, caused by: {complaint}"
            ),
            Failure::Template(detail) => format!("Invalid template in States.Format: {detail}"),
        };
        Fault::intrinsic(format!(
            "There was an error while evaluating the intrinsic function: {}. {reason}",
            self.text
        ))
    }

    fn value(&self, evaluation: &mut Evaluation<'_>) -> Outcome {
        let mut few = [Value::NULL; FEW];
        let mut many;
        let arguments = if let Some(few) = few.get_mut(..self.operands.len()) {
            few
        } else {
            many = vec![Value::NULL; self.operands.len()];
            &mut many[..]
        };
        for (argument, operand) in arguments.iter_mut().zip(&self.operands) {
            *argument = operand.value(evaluation)?;
        }
        self.dispatch(arguments, evaluation)
    }

    fn dispatch(&self, arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
        match self.function {
            Function::Array => array::of(arguments, evaluation),
            Function::ArrayContains => array::contains(arguments, evaluation),
            Function::ArrayGetItem => array::get_item(arguments, evaluation),
            Function::ArrayLength => array::length(arguments, evaluation),
            Function::ArrayPartition => array::partition(arguments, evaluation),
            Function::ArrayRange => array::range(arguments, evaluation),
            Function::ArrayUnique => array::unique(arguments, evaluation),
            Function::Base64Decode => encode::base64_decode(arguments, evaluation),
            Function::Base64Encode => encode::base64_encode(arguments, evaluation),
            Function::Format => match self.operands.first() {
                Some(Operand::Template(template)) => {
                    text::format(template, &arguments[1..], evaluation)
                }
                _ => text::format_by_value(arguments, evaluation),
            },
            Function::Hash => encode::hash(arguments, evaluation),
            Function::JsonMerge => json::merge(arguments, evaluation),
            Function::JsonToString => json::to_string(arguments, evaluation),
            Function::MathAdd => math::add(arguments, evaluation),
            Function::MathRandom => math::random(arguments, evaluation),
            Function::StringSplit => text::split(arguments, evaluation),
            Function::StringToJson => json::from_string(arguments, evaluation),
            Function::Uuid => text::uuid(arguments, evaluation),
        }
    }
}

impl Operand {
    #[inline]
    fn value(&self, evaluation: &mut Evaluation<'_>) -> Outcome {
        match self {
            Self::Constant(value) => Ok(*value),
            Self::Call(call) => call.value(evaluation),
            // The function reads the text itself.
            Self::Template(_) => Ok(Value::NULL),
            Self::Path(lookup) => {
                lookup.find(evaluation).map_err(|missing| not_found(lookup, missing, evaluation))
            }
        }
    }
}

#[cold]
fn not_found(lookup: &Lookup, missing: Missing, evaluation: &Evaluation<'_>) -> Failure {
    let (heap, roots) = (&*evaluation.heap, evaluation.roots);
    if missing == Missing::Exhausted {
        return Failure::Other(lookup.invalid_path(heap, roots, missing));
    }
    Failure::Missing(
        format!(
            "The JsonPath argument for the field '{}' could not be found in the input '{}'",
            lookup.text(),
            lookup.origin().text(heap, roots)
        )
        .into(),
    )
}

/// The arguments, if there are as many as the function takes.
fn exactly<const N: usize>(function: Function, arguments: &[Value]) -> Result<[Value; N], Failure> {
    <[Value; N]>::try_from(arguments).map_err(|_| Failure::Arguments(function, ""))
}

/// The text of a string argument.
fn string(function: Function, heap: &Heap, value: Value) -> Result<&str, Failure> {
    match heap.view(value) {
        View::Str(text) => Ok(text),
        _ => Err(Failure::Arguments(function, "")),
    }
}

/// An argument as a whole number, its fraction cut off.
fn truncated(function: Function, heap: &Heap, value: Value) -> Result<i64, Failure> {
    match heap.view(value) {
        View::Int(int) => Ok(int),
        // The cast cuts the fraction off and stops at the bounds.
        View::Float(float) => Ok(float as i64),
        _ => Err(Failure::Arguments(function, "")),
    }
}

/// Any argument as Java's `String.valueOf` prints it.
fn printed(heap: &Heap, value: Value) -> Result<String, Failure> {
    bounded(value)?;
    let mut text = String::new();
    java::print(heap, value, java::Style::Plain, &mut text);
    Ok(text)
}

/// Refuses a value that would take too much memory as text: a few calls that repeat their
/// arguments make a value of gigabytes, all of it shared.
fn bounded(value: Value) -> Result<(), Failure> {
    if value.json_len() > TEXT_BYTES_MAX { Err(too_long()) } else { Ok(()) }
}

#[cold]
fn too_long() -> Failure {
    Failure::Other(Fault::intrinsic(format!(
        "An intrinsic function may not make a text of more than {TEXT_BYTES_MAX} bytes"
    )))
}

#[cfg(test)]
mod tests;
