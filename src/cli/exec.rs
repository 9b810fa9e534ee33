//! `expressway exec FILE`: one execution, here and now, on a real shard with the real clock.
//!
//! Waits wait and HTTP tasks call, unless mocks answer. It ends well whenever the execution ran to
//! an end, however that end was: a workflow that fails is a result.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crossbeam::channel::{Sender, bounded};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::document::Document;
use super::{Failure, INTERNAL, USAGE, compile_file, trace};
use crate::base::clock::Now;
use crate::base::ids::{ExecutionSuffix, MachineIdx, Origin, ShardId, WakeToken};
use crate::base::limits::PAYLOAD_BYTES_MAX;
use crate::base::name::name_is_valid;
use crate::base::tally;
use crate::base::tally::RunTally;
use crate::outcome::{Bill, Invoice, US_EAST_1};
use crate::registry::Definition;
use crate::shard::runtime::{Handle, Options};
use crate::shard::{
    CallRequest, Calls, Completions, Limits, Rejected, Settle, Settled, Start, StartBatch, Status,
};
use crate::task::http::{self, Allow};
use crate::task::{MockTasks, Script, Tasks};
use crate::trial::events;
use crate::vm::Event;

/// Arguments of `exec`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  expressway exec config/state-machines/pass-choice.asl.json \\\n    --input config/state-machines/pass-choice.input.json\n\nExit codes: 0 the execution ended, FAILED too (see status, or --json); 2 a file cannot be read\nor is no JSON; 3 the definition is refused."
)]
pub struct Args {
    /// The definition, ASL as JSON.
    pub file: PathBuf,
    /// The execution's input, one JSON document; - reads stdin.
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Results of tasks: {STATE: {INVOCATION: ANSWER}}, or AWS's MockConfigFile.json.
    #[arg(long, value_name = "FILE")]
    pub mocks: Option<PathBuf>,
    /// Test case of a MockConfigFile.json, where it has several for the state machine.
    #[arg(long, value_name = "NAME", requires = "mocks")]
    pub mock_case: Option<String>,
    /// Name of the execution; without one it gets a new id.
    #[arg(long)]
    pub name: Option<String>,
    /// Host that HTTP tasks may call, as host, host:port or *.domain; may be repeated.
    #[arg(long, value_name = "HOST", conflicts_with = "mocks")]
    pub allow: Vec<String>,
    /// Show each state's input and output, step by step; with --json, the history.
    #[arg(long)]
    pub trace: bool,
    /// Run Maps of Mode DISTRIBUTED, which AWS refuses in Express machines.
    #[arg(long)]
    pub distributed: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Runs the execution and prints how it ended.
///
/// # Errors
/// [`Failure`] when a file cannot be read, the definition or the input is refused.
pub fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let compile =
        if args.mocks.is_some() { Definition::compile } else { Definition::compile_served };
    let image = compile_file(&args.file, args.distributed, compile, err)?;
    let definition_bytes = image.program.definition_bytes;
    let machine_name = image.program.world.machine_name.clone();
    let script = args.mocks.as_deref().map(|path| script(path, &machine_name, args)).transpose()?;
    let allow =
        Allow::new(&args.allow).map_err(|error| Failure::new(USAGE, format!("--allow {error}")))?;
    let input = Document::read(&args.input)?;
    let batch = batch(args, &input)?;

    let (ended, end) = bounded(1);
    let options = Options {
        shard: ShardId(0),
        machines: vec![image],
        // One execution, of which nobody reads from a page.
        runs: RunTally::default(),
        recordings: Vec::new(),
        limits: Limits { history: args.trace, ..Limits::default() },
        inbox_batches: 1,
        core: None,
    };
    let shard = Handle::spawn(options, move |completions| {
        (Sink { ended }, Edge::new(script, allow, completions))
    })?;
    let died = || Failure::new(INTERNAL, "the shard thread ended");
    shard.starts().send(batch).map_err(|_| died())?;
    shard.bell().ring();
    let end = end.recv().map_err(|_| died())?;
    shard.finish();

    let end = end.map_err(|(class, cause)| match class {
        "not-json" => input.not_json(&cause),
        _ => input.refused(cause),
    })?;
    let bill = Bill::new(end.duration_ns, definition_bytes, end.metered_data_bytes);
    if args.json {
        return end.write_json(bill, out);
    }
    if args.trace {
        trace::write(&end.history, out)?;
    }
    end.write_text(bill, out)
}

fn script(path: &Path, machine: &str, args: &Args) -> Result<Script, Failure> {
    let document = Document::read(path)?;
    let mocks = document.json()?;
    let script = if Script::is_mock_config(&mocks) {
        Script::from_mock_config(&mocks, machine, args.mock_case.as_deref())
    } else {
        Script::from_json(&mocks)
    };
    script.map_err(|error| document.refused(error))
}

/// The one event.
fn batch(args: &Args, input: &Document) -> Result<StartBatch, Failure> {
    let input = input.text().trim_ascii();
    if input.len() > PAYLOAD_BYTES_MAX {
        let length = input.len();
        return Err(Failure::new(
            USAGE,
            format!(
                "the input {} has {length} bytes, more than the {PAYLOAD_BYTES_MAX} that an execution may take",
                args.input.display()
            ),
        ));
    }
    let suffix = suffix();
    let name = args.name.clone().unwrap_or_else(|| suffix.to_string());
    if !name_is_valid(&name) {
        return Err(Failure::new(
            USAGE,
            format!(
                "--name {name:?}: AWS takes 1 to 80 characters, no spaces, brackets or any of \" # % \\ ^ | ~ ` $ & , ; : / ? *"
            ),
        ));
    }
    let (from, to) = (name.len() as u32, (name.len() + input.len()) as u32);
    let start = Start {
        origin: Origin::default(),
        machine: MachineIdx(0),
        suffix,
        traceparent: None,
        tracestate: 0..0,
        name: 0..from,
        input: from..to,
    };
    Ok(StartBatch { bytes: [name.as_bytes(), input].concat(), starts: vec![start] })
}

/// Unlike a record's, which a replay repeats, this identity is new each time.
fn suffix() -> ExecutionSuffix {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(since.as_nanos().to_le_bytes());
    hash.update(std::process::id().to_le_bytes());
    let digest = hash.finalize();
    let mut suffix = [0; 16];
    suffix.copy_from_slice(&digest[..16]);
    ExecutionSuffix(suffix)
}

/// Where tasks lead.
enum Edge {
    Called(Tasks),
    Mocked(MockTasks),
}

impl Edge {
    fn new(script: Option<Script>, allow: Allow, completions: Completions) -> Self {
        if let Some(script) = script {
            return Self::Mocked(MockTasks::new(script, completions));
        }
        let (tally, _) = tally::tasks(0);
        let options = http::Options { allow, allow_name: "--allow", ..http::Options::default() };
        Self::Called(Tasks::new(options, completions, tally))
    }
}

impl Calls for Edge {
    fn call(&mut self, token: WakeToken, request: CallRequest) {
        match self {
            Self::Called(tasks) => tasks.call(token, request),
            Self::Mocked(tasks) => tasks.call(token, request),
        }
    }

    fn cancel(&mut self, token: WakeToken) {
        match self {
            Self::Called(tasks) => tasks.cancel(token),
            Self::Mocked(tasks) => tasks.cancel(token),
        }
    }
}

/// Hands the end over to the thread that waits for it.
struct Sink {
    /// Or why it was rejected: the class, and in words.
    ended: Sender<Result<End, (&'static str, String)>>,
}

impl Settle for Sink {
    fn settled(&mut self, settled: &Settled<'_>) {
        // There is one event and one place; a receiver that is gone no longer wants it.
        let _ = self.ended.try_send(Ok(End {
            status: settled.status,
            output: String::from_utf8_lossy(settled.output).into_owned(),
            error: settled.error.map(str::to_owned),
            cause: settled.cause.map(str::to_owned),
            duration_ns: settled.duration_ns,
            metered_data_bytes: settled.metered_data_bytes,
            history: settled.history.to_vec(),
        }));
    }

    fn rejected(&mut self, rejected: &Rejected<'_>) {
        let _ = self.ended.try_send(Err((rejected.class, rejected.cause.to_owned())));
    }

    fn flush(&mut self, _: Now) {}
}

/// How the execution ended.
struct End {
    status: Status,
    /// JSON text; empty unless it succeeded.
    output: String,
    error: Option<String>,
    cause: Option<String>,
    duration_ns: u64,
    metered_data_bytes: u64,
    /// Empty unless it was asked for.
    history: Vec<Event>,
}

/// `exec --json`.
#[derive(Serialize)]
struct Ended<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    billing: Billing,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<Box<RawValue>>,
}

/// AWS's `billingDetails`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Billing {
    billed_duration_in_milliseconds: u64,
    #[serde(rename = "billedMemoryUsedInMB")]
    billed_memory_used_in_mb: u64,
}

impl End {
    fn write_json(&self, bill: Bill, out: &mut dyn Write) -> Result<(), Failure> {
        let internal = |error| Failure::new(INTERNAL, error);
        // Raw, so that numbers keep the text that the engine gave them.
        let output = match self.status {
            Status::Succeeded => Some(serde_json::from_str(&self.output).map_err(internal)?),
            _ => None,
        };
        let history = self.history.iter().map(events::to_json).map(RawValue::from_string);
        let document = Ended {
            status: self.status.as_str(),
            output,
            error: self.error.as_deref(),
            cause: self.cause.as_deref(),
            billing: Billing {
                billed_duration_in_milliseconds: bill.duration_ms,
                billed_memory_used_in_mb: bill.memory_mb,
            },
            history: history.collect::<Result<_, _>>().map_err(internal)?,
        };
        writeln!(out, "{}", serde_json::to_string(&document).map_err(internal)?)?;
        Ok(())
    }

    fn write_text(&self, bill: Bill, out: &mut dyn Write) -> Result<(), Failure> {
        let mut invoice = Invoice::default();
        invoice.add(bill);
        writeln!(out, "status    {}", self.status.as_str())?;
        if let Some(error) = &self.error {
            writeln!(out, "error     {error}")?;
        }
        if let Some(cause) = &self.cause {
            writeln!(out, "cause     {cause}")?;
        }
        writeln!(out, "duration  {} ms", self.duration_ns / 1_000_000)?;
        writeln!(
            out,
            "bill      1 request, {} ms at {} MB = {} GB-seconds, {} $",
            bill.duration_ms,
            bill.memory_mb,
            invoice.gb_seconds(),
            invoice.total(&US_EAST_1).to_text(10)
        )?;
        if self.status == Status::Succeeded {
            writeln!(out, "output    {}", pretty(&self.output))?;
        }
        Ok(())
    }
}

/// Compact JSON text with line breaks and indentation; everything else stays as it is written.
pub(super) fn pretty(compact: &str) -> String {
    let mut out = String::with_capacity(compact.len() * 2);
    let mut depth = 0;
    let mut chars = compact.chars().peekable();
    let mut in_string = false;
    while let Some(c) = chars.next() {
        out.push(c);
        match c {
            '\\' if in_string => out.extend(chars.next()),
            '"' => in_string = !in_string,
            _ if in_string => {}
            '{' | '[' if !closes(chars.peek()) => {
                depth += 1;
                new_line(&mut out, depth);
            }
            ',' => new_line(&mut out, depth),
            ':' => out.push(' '),
            _ => {}
        }
        if !in_string && closes(chars.peek()) && !matches!(c, '{' | '[') {
            depth = depth.saturating_sub(1);
            new_line(&mut out, depth);
        }
    }
    out
}

fn closes(next: Option<&char>) -> bool {
    matches!(next, Some('}' | ']'))
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKFLOW: &str = r#"{"StartAt": "Pay", "States": {
        "Pay": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "Rest"},
        "Rest": {"Type": "Wait", "Seconds": 1, "End": true}}}"#;

    /// What `exec` prints, or its exit code and message; files are written as given.
    fn exec(definition: &str, files: &[(&str, &str)], flags: &[&str]) -> Result<String, Failure> {
        exec_with_talk(definition, files, flags).map(|(out, _)| out)
    }

    /// As `exec`, with what it says on stderr.
    fn exec_with_talk(
        definition: &str,
        files: &[(&str, &str)],
        flags: &[&str],
    ) -> Result<(String, String), Failure> {
        use clap::{Args as _, FromArgMatches as _};
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("pay.asl.json"), definition).expect("written");
        for (name, text) in files {
            std::fs::write(path(name), text).expect("written");
        }
        let mut line = vec!["exec".to_owned(), path("pay.asl.json")];
        for flag in flags {
            let is_file = files.iter().any(|(name, _)| name == flag);
            line.push(if is_file { path(flag) } else { (*flag).to_owned() });
        }
        let command = Args::augment_args(clap::Command::new("exec"));
        let matches = command.try_get_matches_from(line).expect("arguments");
        let args = Args::from_arg_matches(&matches).expect("arguments");
        let (mut out, mut err) = (Vec::new(), Vec::new());
        run(&args, &mut out, &mut err)?;
        let [out, err] = [out, err].map(|bytes| String::from_utf8(bytes).expect("text"));
        Ok((out, err.replace(&path(""), "")))
    }

    fn json(text: &str) -> serde_json::Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn a_wait_takes_its_time_and_is_billed() {
        let input = r#"{"a": 12345678901234567890123, "b": 1.50}"#;
        let files = [("in", input), ("mocks", r#"{"Pay": {"0": {"Echo": true}}}"#)];
        let flags = ["--input", "in", "--mocks", "mocks", "--json"];
        let out = exec(WORKFLOW, &files, &flags).expect("it runs");
        assert!(out.starts_with(r#"{"status":"SUCCEEDED","output":{"a":"#), "{out}");
        let billed = json(&out)["billing"]["billedDurationInMilliseconds"].as_u64();
        assert!(matches!(billed, Some(1_100..=5_000)), "{out}");
        assert_eq!(json(&out)["billing"]["billedMemoryUsedInMB"], 64);
    }

    #[test]
    fn a_failed_execution_is_a_result() {
        let config = r#"{"StateMachines": {"pay": {"TestCases": {"Sad": {"Pay": "no"}}}},
            "MockedResponses": {"no": {"0": {"Throw": {"Error": "E", "Cause": "c"}}}}}"#;
        let files = [("in", "{}"), ("mocks", config)];
        let flags = ["--input", "in", "--mocks", "mocks", "--mock-case", "Sad"];
        let out = exec(WORKFLOW, &files, &flags).expect("it runs");
        assert!(out.starts_with("status    FAILED\nerror     E\ncause     c\nduration  "), "{out}");
        assert!(!out.contains("output"), "{out}");
        let out = exec(WORKFLOW, &files, &[&flags[..], &["--json"]].concat()).expect("it runs");
        assert_eq!(
            json(&out),
            json(
                r#"{"status": "FAILED", "error": "E", "cause": "c", "billing":
                    {"billedDurationInMilliseconds": 100, "billedMemoryUsedInMB": 64}}"#
            )
        );
    }

    #[test]
    fn warnings_are_said_on_stderr_as_validate_shows_them() {
        let definition = "{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Pass\",\n  \
                          \"Parameters\": {\"id\": \"$.id\"}, \"End\": true}}}";
        let files = [("in", "{}")];
        let warning = r#"warning[ASL0801]: 'id' is passed as this text, not as the value it names
 --> pay.asl.json:2:24
  |
2 |   "Parameters": {"id": "$.id"}, "End": true}}}
  |                        ^^^^^^
  = at: /States/A/Parameters
  = help: write "id.$" to have it evaluated

"#;
        let (out, err) = exec_with_talk(definition, &files, &["--input", "in"]).expect("it runs");
        assert_eq!(err, warning);
        assert!(out.starts_with("status    SUCCEEDED\n"), "{out}");
        let flags = ["--input", "in", "--json"];
        let (out, err) = exec_with_talk(definition, &files, &flags).expect("it runs");
        assert_eq!((err.as_str(), &json(&out)["output"]["id"]), (warning, &"$.id".into()));
    }

    #[test]
    fn a_trace_shows_the_steps_or_the_history() {
        let definition = r#"{"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}}}"#;
        let flags = ["--input", "in", "--trace"];
        let out = exec(definition, &[("in", "1.50")], &flags).expect("it runs");
        let steps = "0.000 s  A  Pass     1.50 -> 1.50\n0.000 s  B  Succeed  1.50 -> 1.50\n\n";
        assert!(out.starts_with(&format!("{steps}status    SUCCEEDED\n")), "{out}");
        let out = exec(definition, &[("in", "1.50")], &[&flags[..], &["--json"]].concat());
        let out = out.expect("it runs");
        let document = json(&out);
        let history = document["history"].as_array().expect("a list");
        let kinds: Vec<_> = history.iter().filter_map(|event| event["type"].as_str()).collect();
        assert_eq!((kinds.len(), kinds[1]), (6, "PassStateEntered"));
        assert!(out.contains(r#""name":"A","output":1.50}"#), "{out}");
    }

    #[test]
    fn the_context_names_the_execution() {
        let definition = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true,
            "Parameters": {"n.$": "$$.Execution.Name", "id.$": "$$.Execution.Id"}}}}"#;
        let flags = ["--input", "in", "--name", "mine", "--json"];
        let out = exec(definition, &[("in", "{}")], &flags).expect("it runs");
        let id = json(&out)["output"]["id"].as_str().expect("an id").to_owned();
        assert!(id.starts_with("arn:aws:states:us-east-1:123456789012:express:pay:mine:"), "{id}");
        assert_eq!(json(&out)["output"]["n"], "mine");
    }

    #[test]
    fn what_cannot_run_says_why() {
        let input = ("in", "{}");
        for (files, flags, code, part) in [
            (&[input][..], &["--input", "in"][..], 3, "lambda:invoke is not supported yet"),
            (&[("m", "{}")], &["--input", "absent", "--mocks", "m"], 2, "cannot read absent"),
            (
                &[input, ("m", "[]")],
                &["--input", "in", "--mocks", "m"],
                2,
                "m: mocks: expected an object",
            ),
            (
                &[input, ("m", "{")],
                &["--input", "in", "--mocks", "m"],
                2,
                "m:1:1: not valid JSON: unexpected end",
            ),
            (
                &[input, ("m", "{}")],
                &["--input", "in", "--mocks", "m", "--name", "a b"],
                2,
                "--name \"a b\"",
            ),
        ] {
            let failure = exec(WORKFLOW, files, flags).expect_err("it does not run");
            assert!(failure.text.contains(part), "{}", failure.text);
            assert_eq!(failure.code, code, "{}", failure.text);
        }
        let pass = r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#;
        let failure = exec(pass, &[input], &["--input", "in", "--allow", "http://x"]);
        assert!(failure.expect_err("no host").text.contains("http://x"));
    }

    #[test]
    fn a_host_that_is_not_allowed_is_told_with_the_flag_that_would_allow_it() {
        let definition = r#"{"StartAt": "Call", "States": {"Call": {"Type": "Task", "End": true,
            "Resource": "arn:aws:states:::http:invoke",
            "Parameters": {"ApiEndpoint": "http://localhost:1/", "Method": "GET"}}}}"#;
        for flags in [&["--input", "in"][..], &["--input", "in", "--allow", "localhost:2"]] {
            let out = exec(definition, &[("in", "{}")], flags).expect("it runs");
            let said = "error     States.Permissions\n\
                        cause     The host 'localhost:1' is not allowed: \
                        it is not listed in --allow.\n";
            assert!(out.contains(said), "{out}");
        }
    }

    #[test]
    fn an_input_that_is_refused_is_named_once_with_line_and_column() {
        let definition = r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#;
        for (input, said) in [
            ("{\"a\":", "in:1:5: not valid JSON: unexpected end"),
            ("\n {\"a\": 1,\n  x}", "in:3:3: not valid JSON: key must be a string"),
            ("", "in:1:1: not valid JSON: unexpected end"),
            ("{} {}", "in:1:4: not valid JSON: trailing characters"),
            (&"[".repeat(2_000), "in: nested deeper than 1024 levels"),
        ] {
            let flags = ["--input", "in"];
            let failure = exec(definition, &[("in", input)], &flags).expect_err("it is refused");
            let folder = failure.text.rfind("/in:").expect("the file's name") + 1;
            assert_eq!((&failure.text[folder..], failure.code), (&*format!("{said}\n"), USAGE));
            assert_eq!(failure.text.matches("error").count(), 1, "{}", failure.text);
        }
    }

    #[test]
    fn pretty_text_keeps_everything_but_blanks() {
        let compact = r#"{"a":[1.0,{"b":"x,{\"]"},[],{}],"c":{"d":null}}"#;
        let expected = "{\n  \"a\": [\n    1.0,\n    {\n      \"b\": \"x,{\\\"]\"\n    },\n    [],\n    {}\n  ],\n  \"c\": {\n    \"d\": null\n  }\n}";
        assert_eq!(pretty(compact), expected);
        assert_eq!(pretty("\"a\""), "\"a\"");
        assert_eq!(pretty("[]"), "[]");
    }
}
