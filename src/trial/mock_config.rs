//! AWS's `MockConfigFile.json`, the test file of Step Functions Local, as cases.
//!
//! It names test cases for each state machine and what each mocked state returns in them, but not
//! what shall come out. So a test case passes when it runs to an end on mocked results alone, and
//! the report says how it ended; expectations can be given beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::case::{Case, Expected, Kind, check_expectation};
use super::find::Error;
use crate::asl::MachineType;
use crate::asl::diagnostic::did_you_mean;
use crate::task::Script;

/// A mock configuration, read.
#[derive(Clone, Debug)]
pub struct MockConfig {
    path: PathBuf,
    document: Value,
}

/// A state machine to run the test cases of.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its name in the configuration.
    pub name: String,
    /// The file that the definition was read from, for messages.
    pub definition_file: PathBuf,
    /// Text of the definition.
    pub definition: String,
    /// The world to run in.
    pub machine_type: MachineType,
}

impl MockConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Error`] with the place when it is not such a file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let document = read_json(path)?;
        let config = Self { path: path.to_owned(), document };
        if Script::is_mock_config(&config.document) {
            return Ok(config);
        }
        Err(config.bad("no object \"StateMachines\": this is no MockConfigFile.json".to_owned()))
    }

    /// Names of the state machines that it has test cases for.
    pub fn machines(&self) -> Vec<&str> {
        self.members("StateMachines").map(|(name, _)| name.as_str()).collect()
    }

    /// The test cases of a machine as cases, in the order of the file; `only` names one of them.
    ///
    /// # Errors
    /// [`Error`] for a name that is not there, or a response that is none.
    pub fn cases(
        &self,
        machine: &Machine,
        only: Option<&str>,
        input: Option<&str>,
        expectations: &BTreeMap<String, Expected>,
    ) -> Result<Vec<Case>, Error> {
        let found = self.members("StateMachines").find(|(name, _)| **name == machine.name);
        let Some((_, found)) = found else {
            return Err(self.unknown("state machine", &machine.name, self.machines()));
        };
        let Some(test_cases) = found["TestCases"].as_object() else {
            let text = format!("StateMachines.{}.TestCases: missing", machine.name);
            return Err(self.bad(text));
        };
        if let Some(name) = only.filter(|name| !test_cases.contains_key(*name)) {
            return Err(self.unknown("test case", name, test_cases.keys().map(String::as_str)));
        }
        let chosen = test_cases.keys().filter(|name| only.is_none_or(|only| only == **name));
        chosen.map(|name| self.case(machine, name, input, expectations)).collect()
    }

    fn case(
        &self,
        machine: &Machine,
        name: &str,
        input: Option<&str>,
        expectations: &BTreeMap<String, Expected>,
    ) -> Result<Case, Error> {
        let script = Script::from_mock_config(&self.document, &machine.name, Some(name));
        Ok(Case {
            name: name.to_owned(),
            area: machine.name.clone(),
            kind: Kind::Execution,
            definition: machine.definition.clone(),
            definition_name: machine.definition_file.display().to_string(),
            machine_type: machine.machine_type,
            is_synchronous: false,
            input: input.map(str::to_owned),
            mocks: script.map_err(|error| self.bad(format!("test case {name:?}: {error}")))?,
            options: Value::Null,
            expected: expectations.get(name).cloned().unwrap_or_default(),
            ignores_redrive_count: false,
        })
    }

    fn members(&self, field: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.document[field].as_object().into_iter().flat_map(Map::iter)
    }

    fn unknown<'a>(
        &self,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Error {
        let known: Vec<_> = known.into_iter().collect();
        let hint = did_you_mean(name, known.iter().copied()).map_or_else(
            || format!("it has {}", known.join(", ")),
            |name| format!("did you mean {name:?}?"),
        );
        self.bad(format!("no {what} {name:?}; {hint}"))
    }

    fn bad(&self, message: String) -> Error {
        Error::BadCase { path: self.path.clone(), message }
    }
}

/// Reads what test cases shall come to: names to what a case file has as `expect`.
///
/// # Errors
/// [`Error`] with the place.
pub fn read_expectations(path: &Path) -> Result<BTreeMap<String, Expected>, Error> {
    let text = read_text(path)?;
    let expectations: BTreeMap<String, Expected> =
        serde_json::from_str(&text).map_err(|error| Error::json(path, &error))?;
    for (name, expected) in &expectations {
        check_expectation(Kind::Execution, expected).map_err(|message| Error::BadCase {
            path: path.to_owned(),
            message: format!("{name}: {message}"),
        })?;
    }
    Ok(expectations)
}

fn read_json(path: &Path) -> Result<Value, Error> {
    serde_json::from_str(&read_text(path)?).map_err(|error| Error::json(path, &error))
}

fn read_text(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{Verdict, run};

    const CONFIG: &str = r#"{
        "StateMachines": {"Pay": {"TestCases": {
            "Happy": {"Charge": "Charged"},
            "Declined": {"Charge": "Refused"},
            "Short": {"Charge": "Once"}}}},
        "MockedResponses": {
            "Charged": {"0": {"Return": {"ok": true}}},
            "Refused": {"0-2": {"Throw": {"Error": "Declined", "Cause": "no money"}}},
            "Once": {"1": {"Return": 1}}}}"#;
    const DEFINITION: &str = r#"{"StartAt": "Charge", "States": {"Charge":
        {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}}}"#;

    fn config(text: &str) -> Result<MockConfig, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("MockConfigFile.json");
        std::fs::write(&path, text).expect("written");
        MockConfig::read(&path)
    }

    fn machine(name: &str) -> Machine {
        Machine {
            name: name.to_owned(),
            definition_file: "pay.asl.json".into(),
            definition: DEFINITION.to_owned(),
            machine_type: MachineType::Express,
        }
    }

    #[test]
    fn each_test_case_is_a_run_that_needs_no_expectation() {
        let config = config(CONFIG).expect("a configuration");
        assert_eq!(config.machines(), ["Pay"]);
        let cases = config.cases(&machine("Pay"), None, Some("{}"), &BTreeMap::new());
        let cases = cases.expect("cases");
        let names: Vec<_> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["Happy", "Declined", "Short"]);
        for (case, said) in
            cases.iter().zip(["SUCCEEDED {\"ok\":true}", "FAILED Declined: no money"])
        {
            let outcome = run(case);
            assert_eq!(outcome.verdict, Verdict::Passed, "{}", case.name);
            assert_eq!(outcome.ended.as_deref(), Some(said));
        }
    }

    #[test]
    fn an_expectation_decides() {
        let config = config(CONFIG).expect("a configuration");
        let expected = Expected { status: Some("FAILED".to_owned()), ..Expected::default() };
        let expectations = BTreeMap::from([("Happy".to_owned(), expected)]);
        let cases = config.cases(&machine("Pay"), Some("Happy"), None, &expectations);
        let outcome = run(&cases.expect("cases")[0]);
        assert!(matches!(outcome.verdict, Verdict::Failed(text) if text.starts_with("status: ")));
    }

    #[test]
    fn unknown_names_are_refused_with_those_that_there_are() {
        let config = config(CONFIG).expect("a configuration");
        let said = |machine: &Machine, only| {
            let error = config.cases(machine, only, None, &BTreeMap::new()).expect_err("refused");
            error.to_string()
        };
        let unknown = said(&machine("Ship"), None);
        assert!(unknown.ends_with("no state machine \"Ship\"; it has Pay"), "{unknown}");
        let unknown = said(&machine("Pay"), Some("Hapy"));
        assert!(unknown.ends_with("no test case \"Hapy\"; did you mean \"Happy\"?"), "{unknown}");
        let error = super::tests::config("{}").expect_err("refused").to_string();
        assert!(error.contains("no object \"StateMachines\""), "{error}");
    }
}
