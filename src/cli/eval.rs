//! `expressway eval EXPR`: one expression over one document, without a definition around it.
//!
//! It knows no states: of `$states` there is what files were given for.

mod complaint;

use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::SystemTime;

use serde_json::json;

use self::complaint::{Complaint, Typed};
use super::document::Document;
use super::exec::pretty;
use super::{BAD_CONFIGURATION, CHECK_FAILED, Failure, INTERNAL, OK, USAGE, write_json};
use crate::asl::source::Span;
use crate::asl::{Severity, finding};
use crate::base::entropy::Entropy;
use crate::expr::apply::Apply;
use crate::expr::intrinsic::Call;
use crate::expr::jsonata::{self, CompileFailure, Expression, Scope, Scratch, Setting};
use crate::expr::lookup::Lookup;
use crate::expr::path::Path as JsonPath;
use crate::expr::{Bindings, Evaluation, Roots, SyntaxError};
use crate::value::{ArenaId, Constants, Heap, Parser, Value};

/// Arguments of `eval`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// The expression, with or without {% %} around it.
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub expression: String,
    /// The document, JSON: $states.input, or $ where there is a context item; - reads stdin.
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// The context object, JSON: $states.context, or $$ with --jsonpath.
    #[arg(long, value_name = "FILE")]
    pub context: Option<PathBuf>,
    /// What a task gave, JSON: $states.result.
    #[arg(long, value_name = "FILE", conflicts_with = "jsonpath")]
    pub result: Option<PathBuf>,
    /// What a catcher sees, JSON: $states.errorOutput.
    #[arg(long, value_name = "FILE", conflicts_with = "jsonpath")]
    pub error_output: Option<PathBuf>,
    /// Workflow variables, one JSON object: {"limit": 10} makes $limit.
    #[arg(long, value_name = "FILE")]
    pub variables: Option<PathBuf>,
    /// Read the expression as AWS does, or as the whole language.
    #[arg(long, value_enum, default_value_t = Dialect::Aws)]
    pub dialect: Dialect,
    /// The expression is a JSONPath or an intrinsic call, as behind a key that ends in .$.
    #[arg(long, conflicts_with = "dialect")]
    pub jsonpath: bool,
    /// Print one JSON document: value, undefined or error.
    #[arg(long)]
    pub json: bool,
}

/// By which rules JSONata is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Dialect {
    /// As Step Functions runs it: $states and variables, no context item
    Aws,
    /// As the reference implementation has it: the document is $
    Full,
}

/// Evaluates the expression and prints its value; answers with the exit code.
///
/// # Errors
/// [`Failure`] when a file cannot be read, or when there is no value and no JSON is asked for.
pub fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8, Failure> {
    let typed = Typed::new(&args.expression);
    let outcome = match outcome(args, typed, err) {
        Err(failure) if args.json && !failure.broken_pipe => {
            let text = failure.text.trim_end();
            let message = text.strip_prefix("error: ").unwrap_or(text);
            Outcome::Wrong(failure.code, vec![Complaint::plain(&message)])
        }
        outcome => outcome?,
    };
    match outcome {
        Outcome::Value(value) if args.json => {
            writeln!(out, "{{\"value\":{value}}}")?;
            Ok(OK)
        }
        Outcome::Value(value) => {
            writeln!(out, "{}", pretty(&value))?;
            Ok(OK)
        }
        Outcome::Undefined if args.json => {
            write_json(out, &json!({"undefined": true}))?;
            Ok(CHECK_FAILED)
        }
        Outcome::Undefined => {
            Err(Failure::rendered(CHECK_FAILED, "the result is undefined\n".to_owned()))
        }
        Outcome::Wrong(code, complaints) if args.json => {
            let errors: Vec<_> = complaints.iter().map(|complaint| complaint.json(typed)).collect();
            write_json(out, &json!({"error": errors.first(), "errors": errors}))?;
            Ok(code)
        }
        Outcome::Wrong(code, complaints) => {
            let texts = complaints.iter().map(|complaint| complaint.render(typed, "error"));
            Err(Failure::rendered(code, texts.collect()))
        }
    }
}

fn outcome(args: &Args, typed: Typed<'_>, err: &mut dyn Write) -> Result<Outcome, Failure> {
    if typed.text.is_empty() {
        let complaint = Complaint::plain(&"the expression is empty");
        return Ok(Outcome::Wrong(BAD_CONFIGURATION, vec![complaint]));
    }
    let given = Given::read(args)?;
    if args.jsonpath {
        return given.json_path(typed.text);
    }
    match args.dialect {
        Dialect::Aws => given.aws(typed, err),
        Dialect::Full => given.jsonata(typed.text, jsonata::Dialect::Full),
    }
}

/// What came of the expression.
enum Outcome {
    /// JSON text.
    Value(String),
    Undefined,
    /// It is refused, or it failed: the exit code and why.
    Wrong(u8, Vec<Complaint>),
}

/// What the expression is evaluated over.
struct Given {
    heap: Heap,
    parser: Parser,
    entropy: Entropy,
    bindings: Bindings,
    states: States<Document>,
    /// By the number of the variable.
    variables: Vec<Document>,
    wall_ms: i64,
}

/// One of each part of `$states`, if it is given.
#[derive(Default)]
struct States<T> {
    input: Option<T>,
    context: Option<T>,
    result: Option<T>,
    error_output: Option<T>,
}

impl Given {
    fn read(args: &Args) -> Result<Self, Failure> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut bindings = Bindings::default();
        let mut variables = Vec::new();
        let read = |path: &Option<PathBuf>| path.as_deref().map(Document::read).transpose();
        let members = read(&args.variables)?.map(|document| document.members()).transpose()?;
        for (name, value) in members.into_iter().flatten() {
            let refused = |error| Failure::new(USAGE, format!("--variables: {error}"));
            bindings.variable(&name).map_err(refused)?;
            variables.push(value);
        }
        let of_states = [&args.context, &args.result, &args.error_output];
        if args.dialect == Dialect::Full && of_states.into_iter().any(Option::is_some) {
            let message = "--context, --result and --error-output are parts of $states, which --dialect full has not";
            return Err(Failure::new(USAGE, message));
        }
        Ok(Self {
            heap: Heap::new(Rc::new(Constants::default())),
            parser: Parser::default(),
            entropy: Entropy::seeded(since.as_nanos() as u64),
            bindings,
            states: States {
                input: read(&args.input)?,
                context: read(&args.context)?,
                result: read(&args.result)?,
                error_output: read(&args.error_output)?,
            },
            variables,
            wall_ms: since.as_millis() as i64,
        })
    }

    /// Takes the constants of what was compiled, parses what is given, and answers with it.
    fn values(&mut self) -> Result<(States<Value>, Vec<Option<Value>>), Failure> {
        let bindings = std::mem::take(&mut self.bindings);
        let slots = bindings.variable_names().len();
        self.heap.reset(&Rc::new(bindings.constants.finish()));
        let mut parse = |document: &Document| document.parse(&mut self.heap, &mut self.parser);
        let States { input, context, result, error_output } = &self.states;
        let mut part = |document: &Option<Document>| document.as_ref().map(&mut parse).transpose();
        let states = States {
            input: part(input)?,
            context: part(context)?,
            result: part(result)?,
            error_output: part(error_output)?,
        };
        let variables = self.variables.iter().map(|document| parse(document).map(Some));
        let mut variables = variables.collect::<Result<Vec<_>, _>>()?;
        variables.resize(slots, None);
        Ok((states, variables))
    }

    /// Checks the expression as one of a definition, and evaluates it.
    fn aws(self, typed: Typed<'_>, err: &mut dyn Write) -> Result<Outcome, Failure> {
        let given = |field: &str| match field {
            // `$states` alone is whatever there is of it.
            "" => true,
            "input" => self.states.input.is_some(),
            "context" => self.states.context.is_some(),
            "result" => self.states.result.is_some(),
            "errorOutput" => self.states.error_output.is_some(),
            _ => false,
        };
        let variables = self.bindings.variable_names().iter().map(ToString::to_string);
        let found = finding::find(typed.text, given, &variables.collect());
        let (refused, doubtful): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|one| one.code().severity() == Severity::Error);
        for one in doubtful {
            err.write_all(Complaint::of_finding(one).render(typed, "warning").as_bytes())?;
        }
        if refused.is_empty() {
            return self.jsonata(typed.text, jsonata::Dialect::Aws);
        }
        let refused = refused.into_iter().map(Complaint::of_finding);
        Ok(Outcome::Wrong(BAD_CONFIGURATION, refused.collect()))
    }

    fn jsonata(mut self, text: &str, dialect: jsonata::Dialect) -> Result<Outcome, Failure> {
        let expression = match Expression::compile(text, dialect, &mut self.bindings) {
            Ok(expression) => expression,
            Err(CompileFailure::Thrown(thrown)) => return Ok(broken(&thrown)),
            Err(CompileFailure::TooLarge(error)) => {
                return Ok(Outcome::Wrong(BAD_CONFIGURATION, vec![Complaint::plain(&error)]));
            }
        };
        let (States { input, context, result, error_output }, variables) = self.values()?;
        let outcome = expression.evaluate(&mut Setting {
            heap: &mut self.heap,
            arena: ArenaId::ROOT,
            scope: Scope { input, result, error_output, context, variables: &variables },
            parser: &mut self.parser,
            entropy: &mut self.entropy,
            scratch: &mut Scratch::default(),
            wall_ms: self.wall_ms,
        });
        match outcome {
            Ok(value) => self.text(value),
            Err(jsonata::Failure::Undefined) => Ok(Outcome::Undefined),
            Err(jsonata::Failure::Unsupported) => {
                let complaint = Complaint::plain(&"the result is a function, which is no JSON");
                Ok(Outcome::Wrong(CHECK_FAILED, vec![complaint]))
            }
            Err(jsonata::Failure::Thrown(thrown)) => {
                Ok(Outcome::Wrong(CHECK_FAILED, vec![Complaint::of_thrown(&thrown)]))
            }
        }
    }

    fn json_path(mut self, text: &str) -> Result<Outcome, Failure> {
        let wrong = |code, complaint| Ok(Outcome::Wrong(code, vec![complaint]));
        let program = match Program::compile(text, &mut self.bindings) {
            Ok(program) => program,
            Err(complaint) => return wrong(BAD_CONFIGURATION, complaint),
        };
        let (states, variables) = self.values()?;
        let roots = Roots {
            input: states.input.unwrap_or(Value::NULL),
            context: states.context.unwrap_or(Value::NULL),
            variables: &variables,
        };
        let mut evaluation = Evaluation {
            heap: &mut self.heap,
            arena: ArenaId::ROOT,
            roots,
            parser: &mut self.parser,
            entropy: &mut self.entropy,
        };
        let outcome = match program {
            Program::Call(call) => call.evaluate(&mut evaluation),
            Program::Path(lookup) => lookup
                .find(&mut evaluation)
                .map_err(|missing| lookup.invalid_path(evaluation.heap, roots, missing)),
        };
        match outcome {
            Ok(value) => self.text(value),
            Err(fault) => wrong(CHECK_FAILED, Complaint::plain(&fault)),
        }
    }

    fn text(&self, value: Value) -> Result<Outcome, Failure> {
        let text = String::from_utf8(self.heap.to_json(value));
        Ok(Outcome::Value(text.map_err(|error| Failure::new(INTERNAL, error))?))
    }
}

/// What may stand behind a key that ends in `.$`.
enum Program {
    Call(Apply),
    Path(Lookup),
}

impl Program {
    fn compile(text: &str, bindings: &mut Bindings) -> Result<Self, Complaint> {
        let syntax = |SyntaxError { message, offset }: SyntaxError| {
            Complaint::at(message, Span::new(offset, offset + 1))
        };
        let plain = |error| Complaint::plain(&error);
        if text.starts_with('$') {
            let path = JsonPath::parse(text).map_err(syntax)?;
            return Lookup::compile(&path, bindings).map(Self::Path).map_err(plain);
        }
        let call = Call::parse(text).map_err(syntax)?;
        Apply::compile(&call, bindings).map(Self::Call).map_err(plain)
    }
}

/// An expression that does not parse.
fn broken(thrown: &jsonata::Thrown) -> Outcome {
    Outcome::Wrong(BAD_CONFIGURATION, vec![Complaint::of_thrown(thrown)])
}

const AFTER: &str = "\
Examples:
  expressway eval '$sum($states.input.items.qty)' --input order.json
  expressway eval --dialect full 'items[qty > 2].sku' --input order.json
  expressway eval --jsonpath '$.items[?(@.qty > 2)].sku' --input order.json
  echo '[3,1,2]' | expressway eval '$sort($states.input)' --input -

Exit codes: 0 there is a value, 1 the evaluation failed or its result is undefined, 2 a file cannot
be read or is no JSON, 3 the expression is refused.";

#[cfg(test)]
mod tests;
