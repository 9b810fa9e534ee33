//! `expressway eval EXPR`: one expression over one document, without a definition around it.
//!
//! It knows no states: `$states.input` is the document, and nothing else of `$states` is there.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::exec::pretty;
use super::{
    BAD_CONFIGURATION, CHECK_FAILED, Failure, INTERNAL, OK, USAGE, read_input, write_json,
};
use crate::asl::diagnostic::excerpt;
use crate::asl::source::{Position, Source, Span};
use crate::base::entropy::Entropy;
use crate::expr::apply::Apply;
use crate::expr::intrinsic::Call;
use crate::expr::jsonata::{self, CompileFailure, Expression, Refusal, Scope, Scratch, Setting};
use crate::expr::lookup::Lookup;
use crate::expr::path::Path as JsonPath;
use crate::expr::{Bindings, Evaluation, Roots, SyntaxError};
use crate::value::{ArenaId, Constants, Heap, Parser, Value};

/// Arguments of `eval`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, after_help = EXIT_CODES)]
pub struct Args {
    /// The expression, with or without {% %} around it.
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub expression: String,
    /// The document, JSON: $states.input, or $ where there is a context item; - reads stdin.
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
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
    let text = args.expression.trim();
    let text = text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}")).unwrap_or(text);
    let given = Given::read(args)?;
    let outcome =
        if args.jsonpath { given.json_path(text) } else { given.jsonata(text, args, err) };
    match outcome? {
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
            let errors: Vec<_> = complaints.iter().map(|complaint| complaint.json(text)).collect();
            write_json(out, &json!({"error": errors.first(), "errors": errors}))?;
            Ok(code)
        }
        Outcome::Wrong(code, complaints) => {
            let texts = complaints.iter().map(|complaint| complaint.render(text, "error"));
            Err(Failure::rendered(code, texts.collect()))
        }
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

/// Something about the expression, and where.
struct Complaint {
    code: Option<&'static str>,
    message: String,
    span: Option<Span>,
}

impl Complaint {
    fn of_thrown(thrown: &jsonata::Thrown) -> Self {
        let code = match thrown.code() {
            jsonata::Code::Memory => None,
            code => Some(code.as_str()),
        };
        Self { code, message: thrown.message(), span: thrown.span().map(span) }
    }

    fn plain(message: &dyn std::fmt::Display) -> Self {
        Self { code: None, message: message.to_string(), span: None }
    }

    /// The message, and the line with a caret under the place.
    fn render(&self, text: &str, severity: &str) -> String {
        let code = self.code.map(|code| format!("{code}: ")).unwrap_or_default();
        let head = format!("{severity}: {code}{}\n", self.message);
        let Some(span) = self.span else { return head };
        let source = Source { file: "", text };
        let Position { line, column } = source.position(span.start);
        let (shown, caret) = excerpt(span, source);
        let number = line.to_string();
        let blank = " ".repeat(number.len());
        format!(
            "{head}{blank}--> {line}:{column}\n{blank} |\n{number} | {shown}\n{blank} | {caret}\n"
        )
    }

    fn json(&self, text: &str) -> Json {
        let place = self.span.map(|span| Source { file: "", text }.position(span.start));
        json!({
            "code": self.code,
            "message": self.message,
            "line": place.map(|place| place.line),
            "column": place.map(|place| place.column),
        })
    }
}

/// What the expression is evaluated over.
struct Given {
    heap: Heap,
    parser: Parser,
    entropy: Entropy,
    bindings: Bindings,
    input: Option<Vec<u8>>,
    /// JSON texts, by the number of the variable.
    variables: Vec<String>,
    wall_ms: i64,
}

impl Given {
    fn read(args: &Args) -> Result<Self, Failure> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut bindings = Bindings::default();
        let mut variables = Vec::new();
        for (name, value) in
            args.variables.as_deref().map(object).transpose()?.into_iter().flatten()
        {
            let refused = |error| Failure::new(USAGE, format!("--variables: {error}"));
            bindings.variable(&name).map_err(refused)?;
            variables.push(value.to_string());
        }
        Ok(Self {
            heap: Heap::new(Rc::new(Constants::default())),
            parser: Parser::default(),
            entropy: Entropy::seeded(since.as_nanos() as u64),
            bindings,
            input: args.input.as_deref().map(read_input).transpose()?,
            variables,
            wall_ms: since.as_millis() as i64,
        })
    }

    /// Takes the constants of what was compiled, parses the document and the variables, and answers
    /// with them.
    fn values(&mut self) -> Result<(Option<Value>, Vec<Option<Value>>), Failure> {
        let bindings = std::mem::take(&mut self.bindings);
        let slots = bindings.variable_names().len();
        self.heap.reset(&Rc::new(bindings.constants.finish()));
        let mut parse = |text: &[u8], what: &str| {
            self.heap
                .parse(ArenaId::ROOT, text.trim_ascii(), &mut self.parser)
                .map_err(|error| Failure::new(USAGE, format!("the {what} is no JSON: {error}")))
        };
        let input = self.input.as_ref().map(|text| parse(text, "input")).transpose()?;
        let variables = self.variables.iter();
        let variables = variables.map(|text| parse(text.as_bytes(), "variable").map(Some));
        let mut variables = variables.collect::<Result<Vec<_>, _>>()?;
        variables.resize(slots, None);
        Ok((input, variables))
    }

    fn jsonata(mut self, text: &str, args: &Args, err: &mut dyn Write) -> Result<Outcome, Failure> {
        let dialect = match args.dialect {
            Dialect::Aws => jsonata::Dialect::Aws,
            Dialect::Full => jsonata::Dialect::Full,
        };
        if dialect == jsonata::Dialect::Aws {
            match jsonata::check(text) {
                Ok(references) => {
                    for operator in references.newer_operators {
                        let message = "AWS's engine may not know this operator".to_owned();
                        let warning = Complaint { code: None, message, span: Some(span(operator)) };
                        err.write_all(warning.render(text, "warning").as_bytes())?;
                    }
                }
                Err(refusal) => return Ok(refused(refusal)),
            }
        }
        let expression = match Expression::compile(text, dialect, &mut self.bindings) {
            Ok(expression) => expression,
            Err(CompileFailure::Thrown(thrown)) => return Ok(refused(Refusal::Syntax(thrown))),
            Err(CompileFailure::TooLarge(error)) => {
                return Ok(Outcome::Wrong(BAD_CONFIGURATION, vec![Complaint::plain(&error)]));
            }
        };
        let (input, variables) = self.values()?;
        let outcome = expression.evaluate(&mut Setting {
            heap: &mut self.heap,
            arena: ArenaId::ROOT,
            scope: Scope { input, variables: &variables, ..Scope::default() },
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
        let text = text.trim();
        let wrong = |code, complaint| Ok(Outcome::Wrong(code, vec![complaint]));
        let program = match Program::compile(text, &mut self.bindings) {
            Ok(program) => program,
            Err(complaint) => return wrong(BAD_CONFIGURATION, complaint),
        };
        let (input, variables) = self.values()?;
        let roots = Roots {
            input: input.unwrap_or(Value::NULL),
            context: Value::NULL,
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
            let span = Some(Span::new(offset, offset + 1));
            Complaint { code: None, message, span }
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

/// An expression that no machine may have.
fn refused(refusal: Refusal) -> Outcome {
    let complaints = match refusal {
        Refusal::Syntax(thrown) => vec![Complaint::of_thrown(&thrown)],
        Refusal::Unsupported(all) => {
            let complaint = |one: jsonata::Unsupported| Complaint {
                code: None,
                message: one.message,
                span: Some(span(one.span)),
            };
            all.into_iter().map(complaint).collect()
        }
    };
    Outcome::Wrong(BAD_CONFIGURATION, complaints)
}

fn span(span: jsonata::Span) -> Span {
    Span { start: span.start, end: span.end }
}

/// Reads a JSON object, whose members keep their text.
fn object(path: &Path) -> Result<BTreeMap<String, Box<RawValue>>, Failure> {
    serde_json::from_slice(&read_input(path)?)
        .map_err(|error| Failure::new(USAGE, format!("the variables {}: {error}", path.display())))
}

const EXAMPLES: &str = "Examples:
  expressway eval '$sum($states.input.items.qty)' --input order.json
  expressway eval --dialect full 'items[qty > 2].sku' --input order.json
  expressway eval --jsonpath '$.items[?(@.qty > 2)].sku' --input order.json
  echo '[3,1,2]' | expressway eval '$sort($states.input)' --input -
";

const EXIT_CODES: &str = "Exit codes: 0 there is a value, 1 the evaluation failed or its result is undefined, 2 a file cannot be read, 3 the expression is refused.";

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = r#"{"id": 12345678901234567, "items": [{"qty": 2}, {"qty": 5.50}]}"#;

    /// What `eval` prints, its exit code and what it complains of.
    fn eval(expression: &str, flags: &[&str]) -> (String, u8, String) {
        use clap::{Args as _, FromArgMatches as _};
        let folder = tempfile::tempdir().expect("a folder");
        let [input, variables] = ["input", "variables"].map(|name| folder.path().join(name));
        std::fs::write(&input, ORDER).expect("written");
        std::fs::write(&variables, r#"{"limit": 3}"#).expect("written");
        let mut line = vec!["eval", expression];
        line.extend(["--input", input.to_str().expect("text")]);
        line.extend(["--variables", variables.to_str().expect("text")]);
        line.extend(flags);
        let command = Args::augment_args(clap::Command::new("eval"));
        let matches = command.try_get_matches_from(line).expect("arguments");
        let args = Args::from_arg_matches(&matches).expect("arguments");
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&args, &mut out, &mut err);
        let mut err = String::from_utf8(err).expect("text");
        let code = code.unwrap_or_else(|failure| {
            err.push_str(&failure.text);
            failure.code
        });
        (String::from_utf8(out).expect("text"), code, err)
    }

    fn prints(expression: &str, flags: &[&str], expected: &str) {
        let (out, code, err) = eval(expression, flags);
        assert_eq!((out.trim_end(), code, err.as_str()), (expected, OK, ""), "{expression}");
    }

    fn fails(expression: &str, flags: &[&str], expected_code: u8, expected: &str) {
        let (out, code, err) = eval(expression, flags);
        assert_eq!((code, err.as_str()), (expected_code, expected), "{expression}");
        assert_eq!(out, "", "{expression}");
    }

    #[test]
    fn the_document_is_where_each_language_looks_for_it() {
        prints("$states.input.items[1].qty", &[], "5.50");
        prints("{% $sum($states.input.items.qty) + $limit %}", &[], "10.5");
        prints("items[0].qty", &["--dialect", "full"], "2");
        prints("$.items[?(@.qty > 2)].qty", &["--jsonpath"], "[\n  5.50\n]");
        prints("States.Format('{}-{}', $.id, $limit)", &["--jsonpath"], "\"12345678901234567-3\"");
    }

    #[test]
    fn a_caret_stands_under_what_is_wrong() {
        fails(
            "1 +",
            &[],
            BAD_CONFIGURATION,
            "error: S0207: Unexpected end of expression\n --> 1:4\n  |\n1 | 1 +\n  |    ^\n",
        );
        fails(
            "$limit & phone",
            &[],
            BAD_CONFIGURATION,
            "error: Reference to 'phone' at the top level is not supported.\n --> 1:10\n  |\n\
             1 | $limit & phone\n  |          ^^^^^\n",
        );
        fails(
            "\n  1 + 'a'",
            &[],
            CHECK_FAILED,
            "error: T2002: The right side of the \"+\" operator must evaluate to a number\n --> 1:3\n  |\n\
             1 | 1 + 'a'\n  |   ^\n",
        );
        let (_, code, err) = eval("$.items[", &["--jsonpath"]);
        assert_eq!(code, BAD_CONFIGURATION);
        assert!(err.contains("1 | $.items[\n  |         ^\n"), "{err}");
    }

    #[test]
    fn no_value_is_a_failed_check() {
        fails("$states.input.nothing", &[], CHECK_FAILED, "the result is undefined\n");
        let message = "error: the result is a function, which is no JSON\n";
        fails("function() { 1 }", &[], CHECK_FAILED, message);
        let (_, code, err) = eval("$.nothing", &["--jsonpath"]);
        assert_eq!(code, CHECK_FAILED);
        assert!(err.contains("$.nothing"), "{err}");
    }

    #[test]
    fn json_says_all_of_it_on_stdout() {
        prints("1 + 1", &["--json"], r#"{"value":2}"#);
        let (out, code, err) = eval("$nothing", &["--json"]);
        assert_eq!(
            (out.as_str(), code, err.as_str()),
            ("{\"undefined\":true}\n", CHECK_FAILED, "")
        );
        let (out, code, _) = eval("1 + 'a'", &["--json"]);
        let error: Json = serde_json::from_str(&out).expect("JSON");
        assert_eq!((&error["error"]["code"], code), (&json!("T2002"), CHECK_FAILED));
        assert_eq!((&error["error"]["line"], &error["error"]["column"]), (&json!(1), &json!(3)));
    }

    #[test]
    fn operators_that_aws_may_not_know_are_warned_of() {
        let (out, code, err) = eval("$nothing ?? 1", &[]);
        assert_eq!((out.as_str(), code), ("1\n", OK));
        assert!(err.starts_with("warning: "), "{err}");
        prints("nothing ?? 1", &["--dialect", "full"], "1");
    }
}
