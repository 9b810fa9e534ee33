//! `expressway validate FILE...`: every problem of a definition at once.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{CHECK_FAILED, OK, USAGE};
use crate::asl::diagnostic::{self, Diagnostic};
use crate::asl::source::Source;
use crate::asl::{MachineType, Rules, check, decode, parse_as};

/// Arguments of `validate`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  expressway validate my-workflow.asl.json
  expressway validate --format github workflows/*.asl.json
  expressway validate --json workflows/*.asl.json

What is found goes to stdout, all of it at once; tasks that only mocks can answer (ASL0906) are told
once the rest of a definition is right. Exit codes: 0 all files can run, warnings or not; 1 one cannot run;
2 usage, or one cannot be read, whatever is found in the others.
More about a code: expressway explain ASL0107")]
pub struct Args {
    /// Definitions to check
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// How to print what is found
    #[arg(long, value_enum, default_value_t = Format::Full)]
    pub format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Accept tasks that only mocks can answer
    #[arg(long)]
    pub mocked: bool,
    /// Accept distributed Maps, which AWS refuses in Express machines
    #[arg(long)]
    pub distributed: bool,
}

/// How diagnostics are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The line with a caret, the place in the definition, and help
    #[default]
    Full,
    /// One line each: file:line:column: code: message
    Short,
    /// One JSON document
    Json,
    /// Annotations of GitHub Actions
    Github,
}

/// Checks the files and prints what is wrong; exit code [`OK`], [`CHECK_FAILED`] when a file cannot
/// be run, or [`USAGE`] when one cannot be read.
///
/// # Errors
///
/// When `out` or `err` cannot be written to.
pub fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let format = if args.json { Format::Json } else { args.format };
    let (mut valid, mut is_all_read) = (true, true);
    let mut documents = Vec::new();
    for path in &args.files {
        let Some(checked) = Checked::read(path, args, err)? else {
            is_all_read = false;
            continue;
        };
        valid &= checked.is_valid();
        match format {
            Format::Full => checked.print(out, diagnostic::render)?,
            Format::Short => checked.print(out, diagnostic::short)?,
            Format::Github => checked.print(out, diagnostic::github)?,
            Format::Json => documents.push(checked.document()),
        }
        if format == Format::Full {
            writeln!(err, "{}", checked.summary())?;
        }
    }
    if format == Format::Json {
        let valid = valid && is_all_read;
        writeln!(out, "{:#}", json!({"valid": valid, "files": documents}))?;
    }
    Ok(match (is_all_read, valid) {
        (false, _) => USAGE,
        (true, false) => CHECK_FAILED,
        (true, true) => OK,
    })
}

/// A file with all that was found in it.
struct Checked {
    file: String,
    text: String,
    diagnostics: Vec<Diagnostic>,
    omitted_count: usize,
}

impl Checked {
    /// Reads and checks a file; `None` when it cannot be read, which is said on `err`.
    fn read(path: &Path, args: &Args, err: &mut dyn Write) -> io::Result<Option<Self>> {
        let file = path.display().to_string();
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                writeln!(err, "error: cannot read {file}: {error}")?;
                return Ok(None);
            }
        };
        let text = match decode(&bytes) {
            Ok(text) => text.to_owned(),
            Err(refused) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                return Ok(Some(Self { file, text, diagnostics: vec![refused], omitted_count: 0 }));
            }
        };
        let rules = Rules { machine_type: MachineType::Express, distributed: args.distributed };
        let parsed = parse_as(&text, &file, rules);
        let mut diagnostics = parsed.diagnostics;
        if let Some(machine) = parsed.machine.filter(|_| !args.mocked) {
            diagnostics.extend(check::service_refusals(&machine));
            diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
        }
        Ok(Some(Self { file, text, diagnostics, omitted_count: parsed.omitted_count }))
    }

    fn is_valid(&self) -> bool {
        !self.diagnostics.iter().any(Diagnostic::is_error)
    }

    fn source(&self) -> Source<'_> {
        Source { file: &self.file, text: &self.text }
    }

    fn print(
        &self,
        out: &mut dyn Write,
        form: fn(&Diagnostic, Source<'_>) -> String,
    ) -> io::Result<()> {
        for diagnostic in &self.diagnostics {
            writeln!(out, "{}", form(diagnostic, self.source()))?;
        }
        Ok(())
    }

    fn document(&self) -> Value {
        let diagnostics: Vec<_> =
            self.diagnostics.iter().map(|found| diagnostic::json(found, self.source())).collect();
        json!({"file": self.file, "valid": self.is_valid(), "diagnostics": diagnostics,
            "omitted": self.omitted_count})
    }

    /// `m.json: 2 errors, 1 warning`, with the next command to try.
    fn summary(&self) -> String {
        let errors = self.diagnostics.iter().filter(|found| found.is_error()).count();
        let warnings = self.diagnostics.len() - errors;
        let count = |n: usize, what: &str| match n {
            0 => None,
            1 => Some(format!("1 {what}")),
            _ => Some(format!("{n} {what}s")),
        };
        let omitted =
            count(self.omitted_count, "more problem").map(|omitted| omitted + " not shown");
        let counts = [count(errors, "error"), count(warnings, "warning"), omitted];
        let counts: Vec<_> = counts.into_iter().flatten().collect();
        match self.diagnostics.first() {
            None => format!("{}: valid", self.file),
            Some(first) => format!(
                "{}: {}; more with: expressway explain {}",
                self.file,
                counts.join(", "),
                first.code.as_str()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULTY: &str = r#"{
  "StartAt": "Pay",
  "States": {
    "Pay": {"Type": "Pass", "Next": "Shiping"},
    "Shipping": {"Type": "Map", "End": true}
  }
}
"#;

    const ARGS: Args = Args {
        files: Vec::new(),
        format: Format::Full,
        json: false,
        mocked: false,
        distributed: false,
    };

    /// Exit code, stdout, stderr; the file's name is cut to `m.json`.
    fn validate(bytes: &[u8], format: Format, mocked: bool) -> (u8, String, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.json");
        std::fs::write(&path, bytes).expect("written");
        let (exit, out, err) = run_on(&Args { files: vec![path.clone()], format, mocked, ..ARGS });
        let cut = |text: String| text.replace(&path.display().to_string(), "m.json");
        (exit, cut(out), cut(err))
    }

    fn run_on(args: &Args) -> (u8, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = run(args, &mut out, &mut err).expect("memory can be written");
        (exit, String::from_utf8_lossy(&out).into(), String::from_utf8_lossy(&err).into())
    }

    #[test]
    fn the_full_form_shows_line_caret_place_and_help() {
        let (exit, out, err) = validate(FAULTY.as_bytes(), Format::Full, false);
        let first = r#"error[ASL0107]: Missing 'Next' target: Shiping
 --> m.json:4:37
  |
4 |     "Pay": {"Type": "Pass", "Next": "Shiping"},
  |                                     ^^^^^^^^^ names no state
  = at: /States/Pay/Next
  = help: did you mean "Shipping"?

"#;
        assert_eq!(&out[..first.len()], first);
        assert_eq!(exit, 1);
        assert_eq!(err, "m.json: 3 errors; more with: expressway explain ASL0107\n");
    }

    #[test]
    fn the_short_form_has_one_line_each() {
        let (exit, out, err) = validate(FAULTY.as_bytes(), Format::Short, false);
        let lines = "m.json:4:37: ASL0107: Missing 'Next' target: Shiping (names no state)\n\
                     m.json:5:5: ASL0108: State \"Shipping\" is not reachable. (no transition leads here)\n\
                     m.json:5:5: ASL0306: This object should have only one of the following \
                     fields: [ItemProcessor, Iterator]\n";
        assert_eq!((exit, out.as_str(), err.as_str()), (1, lines, ""));
    }

    #[test]
    fn the_json_form_is_one_document() {
        let (exit, out, _) = validate(FAULTY.as_bytes(), Format::Json, false);
        let document: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!((exit, &document["valid"]), (1, &Value::Bool(false)));
        assert_eq!(document["files"][0]["diagnostics"][2]["code"], "ASL0306");
        let (exit, out, _) =
            validate(br#"{"StartAt":"A","States":{"A":{"Type":"Fail"}}}"#, Format::Json, false);
        let document: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!((exit, &document["valid"]), (0, &Value::Bool(true)));
    }

    #[test]
    fn the_github_form_is_made_of_annotations() {
        let (_, out, _) = validate(FAULTY.as_bytes(), Format::Github, false);
        assert!(out.starts_with("::error file="), "{out}");
        assert_eq!(out.lines().filter(|line| line.starts_with("::error ")).count(), 3);
    }

    #[test]
    fn a_valid_file_says_so_and_a_warning_forbids_nothing() {
        let valid = br#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#;
        let said = (0, String::new(), "m.json: valid\n".to_owned());
        assert_eq!(validate(valid, Format::Full, false), said);
        let warned =
            br#"{"StartAt": "A", "TimeoutSeconds": 400, "States": {"A": {"Type": "Fail"}}}"#;
        let (exit, out, err) = validate(warned, Format::Full, false);
        assert!(out.starts_with("warning[ASL0802]") && err.contains("1 warning;"), "{out}{err}");
        assert_eq!(exit, 0);
    }

    #[test]
    fn tasks_that_nothing_serves_are_refused_unless_mocked() {
        let lambda = br#"{"StartAt": "A", "States": {"A":
            {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}}}"#;
        let (exit, out, _) = validate(lambda, Format::Short, false);
        assert_eq!((exit, out.contains("m.json:2:42: ASL0906: ")), (1, true), "{out}");
        assert_eq!(validate(lambda, Format::Short, true), (0, String::new(), String::new()));
    }

    #[test]
    fn distributed_maps_are_accepted_on_request() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.json");
        let map = r#"{"StartAt": "A", "States": {"A": {"Type": "Map", "End": true, "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "B", "States": {"B": {"Type": "Succeed"}}}}}}"#;
        std::fs::write(&path, map).expect("written");
        let args = Args { files: vec![path], format: Format::Short, ..ARGS };
        let (exit, out, _) = run_on(&args);
        assert_eq!((exit, out.contains(":2:41: ASL0404: ")), (1, true), "{out}");
        assert_eq!(run_on(&Args { distributed: true, ..args }).0, 0);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_the_rest_is_still_checked() {
        let folder = tempfile::tempdir().expect("a folder");
        let good = folder.path().join("good.json");
        std::fs::write(&good, r#"{"StartAt": "A", "States": {"A": {"Type": "Fail"}}}"#)
            .expect("ok");
        let absent = folder.path().join("absent.json");
        let files = vec![absent.clone(), good];
        let (exit, _, err) = run_on(&Args { files: files.clone(), ..ARGS });
        assert!(err.contains("cannot read") && err.contains("good.json: valid"), "{err}");
        assert_eq!(exit, 2);
        let (exit, out, _) = run_on(&Args { files, json: true, ..ARGS });
        let document: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!((exit, &document["valid"]), (2, &Value::Bool(false)));
        let faulty = folder.path().join("faulty.json");
        std::fs::write(&faulty, FAULTY).expect("written");
        for files in [vec![absent.clone(), faulty.clone()], vec![faulty, absent]] {
            let (exit, out, _) = run_on(&Args { files, ..ARGS });
            assert!(exit == 2 && out.contains("ASL0107"), "{exit} {out}");
        }
        let (exit, out, _) = validate(b"{\"a\": \xff}", Format::Short, false);
        assert!(out.starts_with("m.json:1:7: ASL0006: the definition is not UTF-8"), "{out}");
        assert_eq!(exit, 1);
    }
}
