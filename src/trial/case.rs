//! A case file: a definition, an input, mocked results, and what is expected.
//!
//! The format is documented in `docs/testing.md`. Reading checks all that can be known without
//! running, so that a misspelt field is an error with its place and not a test that tests nothing.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::find::Error;
use crate::asl::MachineType;
use crate::task::Script;

/// A case, ready to be run.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name; the file's when it has none of its own.
    pub name: String,
    /// What it is about; the folder's name when it has none of its own.
    pub area: String,
    /// What to do.
    pub kind: Kind,
    /// Text of the definition.
    pub definition: String,
    /// What the definition is called in reports: its file, or the case that holds it.
    pub definition_name: String,
    /// The world to run in.
    pub machine_type: MachineType,
    /// The recording was made with `StartSyncExecution`, whose context has no `RedriveCount`.
    pub is_synchronous: bool,
    /// Text of the input; `None` when none is sent.
    pub input: Option<String>,
    /// Answers for the tasks.
    pub mocks: Script,
    /// Further fields of the request.
    pub options: Value,
    /// What is expected.
    pub expected: Expected,
    /// Whether a context object without `RedriveCount` is expected.
    pub ignores_redrive_count: bool,
}

/// What to do with a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `CreateStateMachine` refuses the definition.
    CreateError,
    /// Run the definition.
    Execution,
    /// `StartExecution` refuses the input.
    StartError,
    /// `TestState`: one state alone.
    TestState,
    /// `ValidateStateMachineDefinition`.
    Validate,
    /// The variables that each state refers to.
    VariableReferences,
}

/// What a case expects; which fields count depends on the kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// How the execution ends.
    #[serde(default)]
    pub status: Option<String>,
    /// Its output.
    #[serde(default, deserialize_with = "present")]
    pub output: Option<Value>,
    /// Error name; absent: none.
    #[serde(default)]
    pub error: Option<Value>,
    /// Cause; absent: none.
    #[serde(default)]
    pub cause: Option<Value>,
    /// History of the execution.
    #[serde(default)]
    pub events: Option<Vec<Value>>,
    /// Whether the history's order is determined.
    #[serde(default)]
    pub events_order: EventsOrder,
    /// Answer of `ValidateStateMachineDefinition` or `TestState`.
    #[serde(default)]
    pub response: Option<Value>,
    /// `code` and `message` of a refusal.
    #[serde(default)]
    pub error_response: Option<Value>,
    /// State name to the variables it refers to.
    #[serde(default, rename = "variableReferences")]
    pub variable_references: Option<Value>,
}

/// Whether the order of a history is determined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventsOrder {
    /// Branches or iterations may interleave otherwise.
    Partial,
    /// The list is as it is.
    #[default]
    Total,
}

/// The file as written. Values that the engine reads stay text, so that their numbers do.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    #[expect(dead_code, reason = "says where a recording comes from")]
    source: Option<String>,
    #[expect(dead_code, reason = "says when a recording was made")]
    aws_validated: Option<String>,
    #[expect(dead_code, reason = "for whoever reads the file")]
    comment: Option<Value>,
    kind: Option<Kind>,
    area: Option<String>,
    #[expect(dead_code, reason = "the definition says it too")]
    query_language: Option<String>,
    definition: Option<Box<RawValue>>,
    definition_file: Option<String>,
    machine_type: Option<WrittenType>,
    start_api: Option<StartApi>,
    #[serde(default, deserialize_with = "present")]
    input: Option<Box<RawValue>>,
    input_text: Option<String>,
    mocks: Option<Value>,
    #[serde(default)]
    options: Value,
    expect: Expected,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum WrittenType {
    Express,
    Standard,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum StartApi {
    StartExecution,
    StartSyncExecution,
}

impl Case {
    /// Reads a case file.
    ///
    /// # Errors
    /// [`Error`] with the file and the place.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let bad = |message: String| Error::BadCase { path: path.to_owned(), message };
        let written: Written =
            serde_json::from_str(text).map_err(|error| Error::json(path, &error))?;
        let kind = written.kind.unwrap_or(Kind::Execution);
        let definition = definition(&written, path)?;
        check_expectation(kind, &written.expect).map_err(bad)?;
        let input = match (kind, &written.input_text, &written.input) {
            (Kind::StartError, None, _) => return Err(bad("input_text: missing".to_owned())),
            (Kind::StartError, text, _) => text.clone(),
            (_, Some(_), _) => {
                return Err(bad("input_text: only cases of kind start_error have it".to_owned()));
            }
            (_, None, input) => input.as_ref().map(|input| input.get().to_owned()),
        };
        let mocks = written.mocks.as_ref().map(Script::from_json).transpose();
        let options_type = written.options["type"] == "EXPRESS";
        let express = options_type || written.machine_type == Some(WrittenType::Express);
        let is_synchronous = written.start_api == Some(StartApi::StartSyncExecution);
        let name = written.name.unwrap_or_else(|| stem(path));
        let area = written.area.unwrap_or_else(|| folder(path));
        let definition_name = match &written.definition_file {
            Some(file) => beside(path, file).display().to_string(),
            None => format!("{area}/{name}"),
        };
        Ok(Self {
            name,
            area,
            kind,
            definition,
            definition_name,
            machine_type: if express { MachineType::Express } else { MachineType::Standard },
            is_synchronous,
            input,
            mocks: mocks.map_err(|error| bad(format!("mocks: {error}")))?.unwrap_or_default(),
            options: written.options,
            ignores_redrive_count: written.tags.iter().any(|tag| tag == "no-redrive-count"),
            expected: written.expect,
        })
    }
}

impl Kind {
    /// The word in files and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateError => "create_error",
            Self::Execution => "execution",
            Self::StartError => "start_error",
            Self::TestState => "test_state",
            Self::Validate => "validate",
            Self::VariableReferences => "variable_references",
        }
    }
}

/// The definition's text: as written, as a string holds it, or from the file that is named.
fn definition(written: &Written, path: &Path) -> Result<String, Error> {
    let bad = |message: &str| Error::BadCase { path: path.to_owned(), message: message.to_owned() };
    match (&written.definition, &written.definition_file) {
        (Some(_), Some(_)) => Err(bad("definition_file: there is a definition already")),
        (Some(definition), None) => {
            let text = definition.get();
            // A string holds the text of a definition, which need not be JSON.
            Ok(serde_json::from_str(text).unwrap_or_else(|_| text.to_owned()))
        }
        (None, Some(file)) => {
            let file = beside(path, file);
            std::fs::read_to_string(&file).map_err(|source| Error::Read { path: file, source })
        }
        (None, None) => Err(bad("definition: missing")),
    }
}

/// A file that is named from the folder of another.
fn beside(path: &Path, file: &str) -> PathBuf {
    let mut named = path.parent().map(Path::to_owned).unwrap_or_default();
    for part in Path::new(file).components() {
        // As a reader would: one folder up, where there is one to leave.
        let can_leave = matches!(named.components().next_back(), Some(Component::Normal(_)));
        if part == Component::ParentDir && can_leave {
            named.pop();
        } else {
            named.push(part);
        }
    }
    named
}

/// What must be expected for a case of this kind to say anything.
pub(super) fn check_expectation(kind: Kind, expect: &Expected) -> Result<(), String> {
    let is = |present: bool, field: &str| {
        if present { Ok(()) } else { Err(format!("expect.{field}: missing")) }
    };
    match kind {
        Kind::Execution => match expect.status.as_deref() {
            Some("SUCCEEDED") => is(expect.output.is_some(), "output"),
            Some("FAILED" | "TIMED_OUT") => Ok(()),
            Some(other) => {
                Err(format!("expect.status: {other:?} is none of SUCCEEDED, FAILED, TIMED_OUT"))
            }
            None => is(false, "status"),
        },
        Kind::CreateError | Kind::StartError => {
            is(expect.error_response.is_some(), "error_response")
        }
        Kind::Validate => is(expect.response.is_some(), "response"),
        Kind::TestState => {
            let one = expect.response.is_some() != expect.error_response.is_some();
            is(one, "response, or expect.error_response (one of them)")
        }
        Kind::VariableReferences => is(expect.variable_references.is_some(), "variableReferences"),
    }
}

/// The file's name without `.json`.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The name of the folder that the file is in.
fn folder(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    if folder.is_empty() { "cases".to_owned() } else { folder.to_string_lossy().into_owned() }
}

/// Keeps `null` apart from what is absent.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Case, String> {
        Case::parse(Path::new("cases/pay/happy.json"), text).map_err(|error| error.to_string())
    }

    const EXPECT: &str = r#""expect": {"status": "SUCCEEDED", "output": null}"#;

    #[test]
    fn what_is_absent_has_a_default() {
        let case =
            parse(&format!("{{\"definition\": {{\"a\": 1.50}}, {EXPECT}}}")).expect("a case");
        assert_eq!((case.name.as_str(), case.area.as_str()), ("happy", "pay"));
        assert_eq!((case.kind, case.machine_type), (Kind::Execution, MachineType::Standard));
        assert_eq!((case.definition.as_str(), case.input), ("{\"a\": 1.50}", None));
        assert_eq!(case.expected.output, Some(Value::Null));
        assert_eq!(case.expected.events_order, EventsOrder::Total);
    }

    #[test]
    fn an_input_of_null_is_an_input_and_keeps_its_text() {
        let with = |input: &str| {
            let text = format!("{{\"definition\": \"no json\", \"input\": {input}, {EXPECT}}}");
            parse(&text).expect("a case")
        };
        assert_eq!(with("null").input.as_deref(), Some("null"));
        let exact = "12345678901234567890123.50";
        assert_eq!(with(exact).input.as_deref(), Some(exact));
        assert_eq!(with("1").definition, "no json");
    }

    #[test]
    fn the_world_follows_from_the_type() {
        for (fields, express, synchronous) in [
            ("\"machine_type\": \"EXPRESS\"", true, false),
            ("\"options\": {\"type\": \"EXPRESS\"}", true, false),
            ("\"machine_type\": \"STANDARD\"", false, false),
            (r#""machine_type": "EXPRESS", "start_api": "StartSyncExecution""#, true, true),
        ] {
            let case =
                parse(&format!("{{\"definition\": {{}}, {fields}, {EXPECT}}}")).expect("one");
            assert_eq!(case.machine_type == MachineType::Express, express, "{fields}");
            assert_eq!(case.is_synchronous, synchronous, "{fields}");
        }
    }

    #[test]
    fn a_file_is_named_from_the_folder_of_its_case() {
        for (case, file, found) in [
            ("a/b/c.json", "d.asl.json", "a/b/d.asl.json"),
            ("a/b/c.json", "../d.asl.json", "a/d.asl.json"),
            ("c.json", "../../d.asl.json", "../../d.asl.json"),
            ("../c.json", "../d.asl.json", "../../d.asl.json"),
            ("a/c.json", "/d.asl.json", "/d.asl.json"),
        ] {
            assert_eq!(beside(Path::new(case), file), Path::new(found), "{case} {file}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let file = "cases/pay/happy.json";
        for (text, said) in [
            ("{\n  \"mock\": 1}", format!("{file}:2:8: unknown field `mock`, expected one of ")),
            ("[]", format!("{file}:1:")),
            ("{\"definition\": {}}", format!("{file}:1:18: missing field `expect`")),
            ("{\"definition\": {}, \"expect\": {}}", format!("{file}: expect.status: missing")),
            ("{\"expect\": {\"status\": \"FAILED\"}}", format!("{file}: definition: missing")),
            (
                r#"{"definition": {}, "expect": {"status": "SUCCEEDED"}}"#,
                format!("{file}: expect.output: missing"),
            ),
            (
                r#"{"definition": {}, "expect": {"status": "DONE"}}"#,
                format!("{file}: expect.status: \"DONE\" is none of"),
            ),
            (
                r#"{"definition": {}, "expect": {"status": "FAILED"}, "mocks": {"A": {"x": 1}}}"#,
                format!("{file}: mocks: A: \"x\" is no invocation"),
            ),
            (
                r#"{"definition": {}, "kind": "runs", "expect": {}}"#,
                format!("{file}:1:33: unknown variant `runs`, expected one of"),
            ),
            (
                r#"{"definition": {}, "definition_file": "a", "expect": {"status": "FAILED"}}"#,
                format!("{file}: definition_file: there is a definition already"),
            ),
            (
                r#"{"definition": {}, "kind": "start_error", "expect": {"error_response": {}}}"#,
                format!("{file}: input_text: missing"),
            ),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.starts_with(&said), "{error}\n{said}");
        }
    }
}
