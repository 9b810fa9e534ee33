//! `expressway test PATH...`: workflow tests, run on a virtual clock.
//!
//! Everything is read before anything runs: a test run with a misspelt file is no test run.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ArgGroup;

use super::{CHECK_FAILED, Failure, OK, USAGE, read_input};
use crate::asl::MachineType;
use crate::registry::Definition;
use crate::trial::mock_config::{Machine, MockConfig, read_expectations};
use crate::trial::{Case, Coverage, Error, Report, find, junit, run as run_case};

/// Arguments of `test`.
#[derive(Debug, Default, clap::Args)]
#[command(group = ArgGroup::new("what").args(["paths", "mock_config"]).required(true).multiple(true))]
#[command(
    after_help = "Examples:\n  expressway test tests/cases\n  expressway test tests/cases/pay --filter declined --junit target/junit.xml --coverage\n  expressway test --mock-config MockConfigFile.json --definition pay.asl.json --input order.json\n\nExit codes: 0 no case failed, 1 one did, 2 usage, or a case file is wrong: nothing is run then.\nWhat a case file holds: docs/testing.md."
)]
pub struct Args {
    /// Case files, or folders with case files; a folder's *.asl.json are left out.
    pub paths: Vec<PathBuf>,
    /// Run only cases whose AREA/NAME contains this.
    #[arg(long, value_name = "SUBSTRING")]
    pub filter: Option<String>,
    /// Print the names of the cases, as AREA/NAME, and run none.
    #[arg(long)]
    pub list: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
    /// Write the results as JUnit XML, too.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Report which states and branches of the definitions the cases reached.
    #[arg(long)]
    pub coverage: bool,
    /// Run the test cases of AWS's MockConfigFile.json.
    #[arg(long, value_name = "FILE", requires = "definition")]
    pub mock_config: Option<PathBuf>,
    /// Definition of a state machine in the mock configuration; its NAME there is that of the file
    /// unless it is given; may be repeated.
    #[arg(long, value_name = "[NAME=]FILE", requires = "mock_config")]
    pub definition: Vec<String>,
    /// Input of the mock configuration's test cases, one JSON document; - reads stdin; {} without.
    #[arg(long, value_name = "FILE", requires = "mock_config")]
    pub input: Option<PathBuf>,
    /// Run only this test case of the mock configuration.
    #[arg(long, value_name = "NAME", requires = "mock_config")]
    pub case: Option<String>,
    /// What the mock configuration's test cases shall come to: {TEST CASE: {"status": ...}}.
    #[arg(long, value_name = "FILE", requires = "mock_config")]
    pub expect: Option<PathBuf>,
    /// What the mock configuration's state machines are created as.
    #[arg(long, value_name = "TYPE", value_enum, default_value_t, requires = "mock_config")]
    pub machine_type: Type,
}

/// What a state machine is created as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Type {
    /// What expressway runs
    #[default]
    Express,
    /// What only tests run: no limit of 300 s, distributed Map
    Standard,
}

/// Runs the cases and prints what came of them; exit code 1 if any failed.
///
/// # Errors
/// [`Failure`] when a path holds no case or a case file is wrong; nothing is run then.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<u8, Failure> {
    let cases = cases(args)?;
    if args.list {
        for case in &cases {
            writeln!(out, "{}", label(case))?;
        }
        return Ok(OK);
    }
    let (report, coverage) = run_all(&cases);
    let coverage = args.coverage.then_some(&coverage);
    if let Some(path) = &args.junit {
        std::fs::write(path, junit(&report)).map_err(|error| {
            Failure::new(USAGE, format!("cannot write {}: {error}", path.display()))
        })?;
    }
    if args.json {
        writeln!(out, "{}", report.json(coverage))?;
    } else {
        out.write_all(report.text().as_bytes())?;
        if let Some(coverage) = coverage {
            out.write_all(coverage.text().as_bytes())?;
        }
    }
    Ok(if report.total().failed > 0 { CHECK_FAILED } else { OK })
}

fn cases(args: &Args) -> Result<Vec<Case>, Failure> {
    let mut cases = find(&args.paths).map_err(|errors| refused(&errors))?;
    if let Some(path) = &args.mock_config {
        cases.extend(mocked(args, path)?);
    }
    if let Some(filter) = &args.filter {
        cases.retain(|case| label(case).contains(filter));
        if cases.is_empty() {
            let text = format!("no case's AREA/NAME contains {filter:?}; see them with --list");
            return Err(Failure::new(USAGE, text));
        }
    }
    Ok(cases)
}

/// The test cases of a mock configuration.
fn mocked(args: &Args, path: &Path) -> Result<Vec<Case>, Failure> {
    let one = |error: Error| refused(&[error]);
    let config = MockConfig::read(path).map_err(one)?;
    let input = args.input.as_deref().map(input).transpose()?;
    let expectations = args.expect.as_deref().map(read_expectations).transpose().map_err(one)?;
    let expectations = expectations.unwrap_or_default();
    let mut cases = Vec::new();
    for definition in &args.definition {
        let machine = machine(definition, args, &config)?;
        let only = args.case.as_deref();
        let found = config.cases(&machine, only, input.as_deref(), &expectations);
        cases.extend(found.map_err(one)?);
    }
    if let Some(name) = unused(&expectations, &cases, args) {
        return Err(Failure::new(USAGE, format!("--expect: no test case is named {name:?}")));
    }
    Ok(cases)
}

/// An expectation for nothing, unless only one case was asked for.
fn unused<'a, T>(
    expectations: &'a BTreeMap<String, T>,
    cases: &[Case],
    args: &Args,
) -> Option<&'a str> {
    let known = |name: &str| cases.iter().any(|case| case.name == name);
    let mut unused = expectations.keys().filter(|name| args.case.is_none() && !known(name));
    unused.next().map(String::as_str)
}

/// Reads `[NAME=]FILE`; a file alone belongs to the machine of its name, or to the only one.
fn machine(argument: &str, args: &Args, config: &MockConfig) -> Result<Machine, Failure> {
    let (name, file) = match argument.split_once('=') {
        Some((name, file)) => (Some(name.to_owned()), file),
        None => (None, argument),
    };
    let definition = Definition::read(Path::new(file))
        .map_err(|error| Failure::rendered(USAGE, error.render()))?;
    let only = match config.machines()[..] {
        [only] if args.definition.len() == 1 => Some(only.to_owned()),
        _ => None,
    };
    Ok(Machine {
        name: name.or(only).unwrap_or_else(|| definition.machine_name()),
        definition_file: definition.path,
        definition: definition.text,
        machine_type: match args.machine_type {
            Type::Express => MachineType::Express,
            Type::Standard => MachineType::Standard,
        },
    })
}

fn input(path: &Path) -> Result<String, Failure> {
    String::from_utf8(read_input(path)?).map_err(|error| {
        Failure::new(USAGE, format!("the input {} is not UTF-8: {error}", path.display()))
    })
}

fn refused(errors: &[Error]) -> Failure {
    let lines = errors.iter().map(|error| format!("error: {error}\n"));
    Failure::rendered(USAGE, lines.collect())
}

fn run_all(cases: &[Case]) -> (Report, Coverage) {
    let mut report = Report::default();
    let mut coverage = Coverage::default();
    let mut progress = Progress::new(cases.len());
    for case in cases {
        let began = Instant::now();
        let outcome = run_case(case);
        report.add(case, &outcome, began.elapsed());
        coverage.add(case, &outcome.history);
        progress.step(&report);
    }
    progress.clear();
    (report, coverage)
}

fn label(case: &Case) -> String {
    format!("{}/{}", case.area, case.name)
}

/// A line on the terminal for whoever waits longer than two seconds.
struct Progress {
    count: usize,
    began: Instant,
    shown: Option<Instant>,
    is_terminal: bool,
}

impl Progress {
    fn new(count: usize) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { count, began: Instant::now(), shown: None, is_terminal }
    }

    fn step(&mut self, report: &Report) {
        let due = self.shown.map_or(PATIENCE, |_| INTERVAL);
        if !self.is_terminal || self.shown.unwrap_or(self.began).elapsed() < due {
            return;
        }
        self.shown = Some(Instant::now());
        let (done, failed) = (report.cases.len(), report.total().failed);
        // Progress that cannot be shown is no reason to stop.
        let _ = write!(std::io::stderr(), "\r{done} of {} cases, {failed} failed ", self.count);
    }

    fn clear(&self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r{:60}\r", "");
        }
    }
}

/// How long nobody wants to see progress.
const PATIENCE: Duration = Duration::from_secs(2);
const INTERVAL: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str = r#"{"definition_file": "pay.asl.json", "input": 7, "expect":
        {"status": "SUCCEEDED", "output": EXPECTED}}"#;
    const PAY: &str = r#"{"StartAt": "Charge", "States": {"Charge":
        {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}}}"#;
    const PASS: &str = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#;

    /// Exit code and stdout, or what goes to stderr; `@` in a flag is the folder of the files.
    fn test(files: &[(&str, String)], flags: &[&str]) -> Result<(u8, String), Failure> {
        use clap::{Args as _, FromArgMatches as _};
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        let at = folder.path().display().to_string();
        let line = flags.iter().map(|flag| flag.replace('@', &at));
        let command = Args::augment_args(clap::Command::new("test").no_binary_name(true));
        let matches = command.try_get_matches_from(line).expect("arguments");
        let args = Args::from_arg_matches(&matches).expect("arguments");
        let mut out = Vec::new();
        let code = run(&args, &mut out)?;
        Ok((code, String::from_utf8(out).expect("text")))
    }

    fn files() -> Vec<(&'static str, String)> {
        vec![
            ("good.json", CASE.replace("EXPECTED", "7.0")),
            ("bad.json", CASE.replace("EXPECTED", "8")),
            ("pay.asl.json", PASS.to_owned()),
        ]
    }

    #[test]
    fn a_failed_case_is_shown_and_ends_with_one() {
        let (code, out) = test(&files(), &["@"]).expect("it runs");
        assert_eq!(code, CHECK_FAILED);
        assert!(out.contains("/bad\n  output: expected 8, found 7\n"), "{out}");
        let (code, out) = test(&files(), &["@", "--filter", "/good", "--coverage"]).expect("runs");
        assert_eq!(code, OK);
        assert!(out.contains("pay.asl.json      1          1/1          0/0"), "{out}");
    }

    #[test]
    fn the_document_and_the_list_name_the_cases() {
        let (code, out) =
            test(&files(), &["@", "--json", "--junit", "@/out.xml"]).expect("it runs");
        let document: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!((code, &document["failed"]), (CHECK_FAILED, &1.into()));
        assert_eq!(document.get("coverage"), None);
        let (code, out) = test(&files(), &["@", "--list"]).expect("it lists");
        assert_eq!((code, out.lines().count()), (OK, 2), "{out}");
    }

    #[test]
    fn nothing_runs_when_a_file_or_the_filter_is_wrong() {
        let mut files = files();
        files.push(("worse.json", "{\"mock\": 1}".to_owned()));
        let failure = test(&files, &["@"]).expect_err("refused");
        assert!(failure.text.contains("worse.json:1:7: unknown field `mock`"), "{failure:?}");
        assert_eq!(failure.code, USAGE);
        let failure = test(&files[..3], &["@", "--filter", "x y"]).expect_err("refused");
        assert!(failure.text.contains("see them with --list"), "{failure:?}");
    }

    #[test]
    fn a_mock_configuration_runs_its_test_cases() {
        let config = r#"{"StateMachines": {"Pay": {"TestCases": {
                "Happy": {"Charge": "ok"}, "Forgotten": {}}}},
            "MockedResponses": {"ok": {"0": {"Return": [1]}}}}"#;
        let expect = r#"{"Happy": {"status": "SUCCEEDED", "output": [2]}}"#;
        let files = [
            ("MockConfigFile.json", config.to_owned()),
            ("pay.asl.json", PAY.to_owned()),
            ("expect.json", expect.to_owned()),
        ];
        let flags = ["--mock-config", "@/MockConfigFile.json", "--definition", "@/pay.asl.json"];
        let (code, out) = test(&files, &flags).expect("it runs");
        assert_eq!(code, CHECK_FAILED);
        assert!(out.contains("Pay/Happy\n  SUCCEEDED [1]\n"), "{out}");
        assert!(out.contains("FAILED Pay/Forgotten\n  mocks: The mocks have no answer"), "{out}");
        let only = [&flags[..], &["--case", "Happy"]].concat();
        assert_eq!(test(&files, &only).expect("it runs").0, OK);
        let expecting = [&only[..], &["--expect", "@/expect.json"]].concat();
        let (code, out) = test(&files, &expecting).expect("it runs");
        assert!(code == CHECK_FAILED && out.contains("output[0]: expected 2, found 1"), "{out}");
        let named = [&flags[..3], &["Ship=@/pay.asl.json"]].concat();
        let failure = test(&files, &named).expect_err("refused");
        assert!(failure.text.contains("no state machine \"Ship\"; it has Pay"), "{failure:?}");
    }
}
