//! `expressway config check|show|schema|init`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::app::{self, Checked, Machines};
use crate::config::{self, Problems, PropertyRefused, Settings};
use crate::ingest::{self, SettingRefused};
use crate::registry;

/// Arguments of `config`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  expressway config init > expressway.toml
  expressway config check expressway.toml

Exit codes: 0 fine, 2 usage, 3 the configuration or a file that it names cannot be used.")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do with a configuration.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Report every problem of a configuration, the environment and the files they name at once
    Check {
        /// Configuration file
        file: PathBuf,
        /// One JSON document instead of text
        #[arg(long)]
        json: bool,
    },
    /// Print the settings in force: file, environment and defaults together, secrets left out
    Show {
        /// Configuration file
        file: PathBuf,
        /// JSON instead of TOML
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON schema of the configuration, for editors
    Schema,
    /// Print a configuration with every key, its default and its meaning
    Init,
}

/// Runs the command; exit code 0, or [`BAD_CONFIGURATION`].
///
/// # Errors
///
/// When `out` or `err` cannot be written to.
pub fn run(
    args: &Args,
    environment: Vec<(String, String)>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    match &args.command {
        Command::Check { file, json } => check(file, *json, environment, out, err),
        Command::Show { file, json } => show(file, *json, environment, out, err),
        Command::Schema => writeln!(out, "{:#}", config::schema()).map(|()| FINE),
        Command::Init => write!(out, "{}", config::ANNOTATED).map(|()| FINE),
    }
}

/// Reads a configuration for a command that needs one; what is wrong goes to `err`.
///
/// # Errors
///
/// When `err` cannot be written to.
pub fn load(
    file: &Path,
    environment: Vec<(String, String)>,
    err: &mut dyn Write,
) -> io::Result<Option<Settings>> {
    match read(file, environment) {
        Ok(settings) => Ok(Some(settings)),
        Err(problems) => report(Some(&problems), &Checked::default(), err).map(|()| None),
    }
}

/// Reads a configuration whose client properties are right in the eyes of the client.
pub(super) fn read(file: &Path, environment: Vec<(String, String)>) -> Result<Settings, Problems> {
    config::load(file, environment, |key, value| {
        ingest::check_setting(key, value).map_err(|refused| match refused {
            SettingRefused::Unknown { near } => PropertyRefused::Unknown(near),
            SettingRefused::Value(said) => PropertyRefused::Value(said),
        })
    })
}

/// Exit code when a configuration cannot be used.
pub const BAD_CONFIGURATION: u8 = 3;

fn check(
    file: &Path,
    json: bool,
    environment: Vec<(String, String)>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let loaded = read(file, environment);
    // What a start would refuse as well: the definitions that the pipelines run.
    let named = match &loaded {
        Err(problems) => problems.definitions.clone(),
        Ok(settings) => settings.definitions(),
    };
    let Checked { refused, warnings } = Machines::check(&named);
    let machines = match &loaded {
        Ok(settings) if refused.is_empty() => Some(Machines::load(settings)),
        _ => None,
    };
    let valid = matches!(machines, Some(Ok(_)));
    if json {
        let problems = loaded.as_ref().err().map(Problems::located).unwrap_or_default();
        let mut definitions: Vec<_> = refused.iter().map(registry::Error::render).collect();
        definitions.extend(machines.and_then(Result::err).map(|error| rendered(&error)));
        let document = json!({"valid": valid, "problems": problems, "definitions": definitions,
            "warnings": warnings.to_json()});
        writeln!(out, "{document:#}")?;
        return Ok(exit(valid));
    }
    match (&loaded, machines) {
        (Ok(_), Some(Err(error))) => {
            err.write_all(rendered(&error).as_bytes())?;
            err.write_all(warnings.render().as_bytes())?;
        }
        (Ok(settings), Some(Ok(_))) => {
            err.write_all(warnings.render().as_bytes())?;
            let pipelines = count(settings.pipelines.len(), "pipeline");
            let found = match warnings.count() {
                0 => "no problems".to_owned(),
                warnings => count(warnings, "warning"),
            };
            writeln!(err, "{}: {pipelines}, {found}", file.display())?;
        }
        (_, _) => report(loaded.as_ref().err(), &Checked { refused, warnings }, err)?,
    }
    Ok(exit(valid))
}

/// Why a definition cannot be run, with the places in it.
fn rendered(error: &app::Error) -> String {
    match error {
        app::Error::Definition(error) => error.render(),
        other => format!("error: {other}\n"),
    }
}

/// What is wrong with a configuration and with the definitions that it names, and what is hardly
/// meant in those that can be run.
fn report(
    problems: Option<&Problems>,
    definitions: &Checked,
    err: &mut dyn Write,
) -> io::Result<()> {
    let Checked { refused, warnings } = definitions;
    let mut total = refused.iter().map(registry::Error::problem_count).sum();
    if let Some(problems) = problems {
        writeln!(err, "{problems}\n")?;
        total += problems.list.len();
    }
    for error in refused {
        err.write_all(error.render().as_bytes())?;
    }
    err.write_all(warnings.render().as_bytes())?;
    let total = count(total, "problem");
    match warnings.count() {
        0 => writeln!(err, "{total}")?,
        warnings => writeln!(err, "{total}, {}", count(warnings, "warning"))?,
    }
    if problems.is_some() {
        writeln!(err, "try: expressway config init    (every key with its default and meaning)")?;
    }
    Ok(())
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn show(
    file: &Path,
    json: bool,
    environment: Vec<(String, String)>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let Some(settings) = load(file, environment, err)? else {
        return Ok(BAD_CONFIGURATION);
    };
    if json {
        writeln!(out, "{:#}", config::show_json(&settings))?;
    } else {
        write!(out, "{}", config::show(&settings))?;
    }
    Ok(FINE)
}

fn exit(valid: bool) -> u8 {
    if valid { FINE } else { BAD_CONFIGURATION }
}

const FINE: u8 = 0;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Exit code, stdout, stderr.
    fn cli(arguments: &[&str], environment: &[(&str, &str)]) -> (u8, String, String) {
        use clap::{Args as _, FromArgMatches as _};
        let command = super::Args::augment_args(clap::Command::new("config"));
        let matches = command.try_get_matches_from([&["config"], arguments].concat()).unwrap();
        let args = super::Args::from_arg_matches(&matches).unwrap();
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = run(&args, environment, &mut out, &mut err).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (exit, text(out), text(err))
    }

    /// A folder with the annotated configuration and the definition that it names.
    fn folder() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("state-machines")).unwrap();
        let definition = folder.path().join("state-machines/pass-choice.asl.json");
        let pass = r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#;
        std::fs::write(definition, pass).unwrap();
        let file = folder.path().join("expressway.toml");
        let (_, text, _) = cli(&["init"], &[]);
        std::fs::write(&file, text).unwrap();
        let file = file.display().to_string();
        (folder, file)
    }

    #[test]
    fn what_init_prints_passes_check() {
        let (_folder, file) = folder();
        let (exit, out, err) = cli(&["check", &file], &[]);
        assert_eq!((exit, out.as_str()), (0, ""), "{err}");
        assert_eq!(err, format!("{file}: 1 pipeline, no problems\n"));
    }

    #[test]
    fn check_points_at_each_problem_and_exits_with_3() {
        let (_folder, file) = folder();
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text
            .replace("inbox_records = 4096", "inbox_record = 4096")
            .replace("account = \"000000000000\"", "account = \"12\"");
        std::fs::write(&file, text).unwrap();
        let (exit, out, err) = cli(&["check", &file], &[]);
        assert_eq!((exit, out.as_str()), (3, ""));
        assert!(err.contains("inbox_record = 4096\n   | ^^^^^^^^^^^^\n"), "{err}");
        assert!(err.contains("help: did you mean `inbox_records`?"), "{err}");
        assert!(err.contains("expected twelve digits"), "{err}");
        assert!(err.contains("\n2 problems\n"), "{err}");
        let (exit, out, err) = cli(&["check", &file, "--json"], &[]);
        assert_eq!((exit, err.as_str()), (3, ""));
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["valid"], false);
        assert_eq!(document["problems"][0]["code"], "CFG0002");
        assert_eq!(document["problems"][0]["key"], "shards.inbox_record");
        assert_eq!(document["problems"][0]["column"], 1);
    }

    #[test]
    fn check_refuses_a_definition_that_a_start_would_refuse() {
        let (folder, file) = folder();
        let definition = folder.path().join("state-machines/pass-choice.asl.json");
        std::fs::write(definition, r#"{"StartAt": "B", "States": {"A": {"Type": "Succeed"}}}"#)
            .unwrap();
        let (exit, _, err) = cli(&["check", &file], &[]);
        assert_eq!(exit, 3);
        assert!(err.contains("Missing 'Next' target: B"), "{err}");
        let (exit, out, _) = cli(&["check", &file, "--json"], &[]);
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((exit, &document["valid"]), (3, &Value::Bool(false)));
        assert!(document["definitions"][0].as_str().unwrap().contains("ASL0107"), "{out}");
    }

    #[test]
    fn check_tells_of_keys_files_and_definitions_at_once() {
        let (folder, file) = folder();
        let text = std::fs::read_to_string(&file).unwrap();
        // The second pipeline names a file that is not there, the third a definition with two faults.
        let pipeline = &text[text.find("[[pipeline]]").unwrap()..];
        let named = |name: &str, definition: &str| {
            pipeline
                .replace("name = \"orders\"", &format!("name = \"{name}\""))
                .replace("pass-choice.asl.json", definition)
        };
        let text = format!(
            "{}{}{}",
            text.replace("inbox_records = 4096", "inbox_record = 4096"),
            named("b", "absent.asl.json"),
            named("c", "faulty.asl.json"),
        );
        std::fs::write(&file, text).unwrap();
        let faulty = r#"{"StartAt": "B", "TimeoutSeconds": 400,
            "States": {"A": {"Type": "Fail"}}}"#;
        std::fs::write(folder.path().join("state-machines/faulty.asl.json"), faulty).unwrap();
        let (exit, out, err) = cli(&["check", &file], &[]);
        assert_eq!((exit, out.as_str()), (3, ""));
        for part in ["did you mean `inbox_records`?", "no file at ", "ASL0107", "ASL0802"] {
            assert!(err.contains(part), "no {part} in {err}");
        }
        let tail = "\n4 problems\ntry: expressway config init    \
                    (every key with its default and meaning)\n";
        assert!(err.ends_with(tail), "{err}");
        let (_, out, _) = cli(&["check", &file, "--json"], &[]);
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["problems"][1]["key"], "pipeline[1].definition");
        let refused = document["definitions"].as_array().unwrap();
        assert_eq!(refused.len(), 1, "{out}");
        assert!(refused[0].as_str().unwrap().contains("faulty.asl.json:1:"), "{out}");
    }

    #[test]
    fn check_looks_into_the_price_file() {
        let (folder, file) = folder();
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replace("[aws]\n", "[aws]\nprices = \"prices.toml\"\n");
        std::fs::write(&file, &text).unwrap();
        std::fs::write(folder.path().join("prices.toml"), "currency = \"dollars\"\n").unwrap();
        let (exit, _, err) = cli(&["check", &file], &[]);
        assert_eq!(exit, 3, "{err}");
        assert!(err.contains("error[CFG0004]: ") && err.contains("no ISO 4217 code"), "{err}");
        assert!(err.contains("\n1 problem\n"), "{err}");
    }

    #[test]
    fn check_asks_the_client_for_its_properties() {
        let (_folder, file) = folder();
        let text = std::fs::read_to_string(&file).unwrap();
        let properties = "[kafka.producer]\n\"linger.mss\" = 5\n\"compression.type\" = \"zip\"\n\
                          [kafka.client]\n\"sasl.pasword\" = \"s3cret\"\n";
        let own = text.replace("[kafka.consumer]\n", "").replace("[kafka.producer]\n", "");
        let own = own.replace("[kafka.client]\n", "");
        std::fs::write(&file, own + properties).unwrap();
        let (exit, out, err) = cli(&["check", &file], &[]);
        assert_eq!((exit, out.as_str()), (3, ""), "{err}");
        let line = std::fs::read_to_string(&file).unwrap().lines().count() - 3;
        let place = format!("{file}:{line}:1: error[CFG0002]: `linger.mss` is no property of");
        assert!(err.contains(&place), "{err}");
        let other_name = "that is the client's other name for `compression.type`";
        let proposals = ["did you mean `linger.ms`?", "did you mean `sasl.password`?"];
        for part in proposals.into_iter().chain(["\"zip\"", other_name]) {
            assert!(err.contains(part), "no {part} in {err}");
        }
        assert!(!err.contains("s3cret") && err.contains("\n3 problems\n"), "{err}");
        let (_, out, _) = cli(&["check", &file, "--json"], &[]);
        let document: Value = serde_json::from_str(&out).unwrap();
        let keys: Vec<_> = document["problems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|problem| (problem["code"].as_str().unwrap(), problem["key"].as_str().unwrap()))
            .collect();
        let expected = [
            ("CFG0002", "kafka.producer.linger.mss"),
            ("CFG0004", "kafka.producer.compression.type"),
            ("CFG0002", "kafka.client.sasl.pasword"),
        ];
        assert_eq!(keys, expected);
        assert!(!out.contains("s3cret"), "{out}");
    }

    /// Without TLS the client has less; what is missing is told apart from what is wrong.
    #[cfg(not(feature = "tls"))]
    #[test]
    fn what_the_client_was_built_without_has_a_code_of_its_own() {
        let (_folder, file) = folder();
        let text = std::fs::read_to_string(&file).unwrap().replace("[kafka.client]\n", "");
        for (line, code, help) in [
            ("security.protocol = \"SSL\"", "CFG0009", true),
            ("security.protocol = \"sasl_plaintext\"", "CFG0009", true),
            ("ssl.ca.location = \"ca.pem\"", "CFG0009", true),
            ("sasl.oauthbearer.config = \"a=b\"", "CFG0009", true),
            ("https.ca.location = \"ca.pem\"", "CFG0009", false),
            ("compression.type = \"zip\"", "CFG0004", false),
            ("security.protocol = \"tls\"", "CFG0004", false),
        ] {
            std::fs::write(&file, format!("{text}\n[kafka.client]\n{line}\n")).unwrap();
            let (exit, _, err) = cli(&["check", &file], &[]);
            assert_eq!(exit, 3, "{err}");
            assert!(err.contains(&format!("error[{code}]: ")), "{line}: {err}");
            assert_eq!(err.contains("--features tls"), help, "{line}: {err}");
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn check_tells_of_properties_that_this_build_cannot_follow() {
        let (_folder, file) = folder();
        let variable = [("EXPRESSWAY__KAFKA__CLIENT__SSL_CA_LOCATION", "ca.pem")];
        let (exit, _, err) = cli(&["check", &file], &variable);
        assert_eq!(exit, 3, "{err}");
        let place = "environment EXPRESSWAY__KAFKA__CLIENT__SSL_CA_LOCATION: error[CFG0009]: ";
        assert!(err.contains(place) && err.contains("--features tls"), "{err}");
    }

    /// Puts a definition with one warning in the place of the one that is named.
    fn doubtful_definition(folder: &tempfile::TempDir) -> PathBuf {
        let definition = folder.path().join("state-machines/pass-choice.asl.json");
        let warned =
            r#"{"StartAt": "A", "TimeoutSeconds": 400, "States": {"A": {"Type": "Fail"}}}"#;
        std::fs::write(&definition, warned).unwrap();
        definition
    }

    #[test]
    fn check_shows_the_warnings_of_definitions_and_forbids_nothing() {
        let (folder, file) = folder();
        doubtful_definition(&folder);
        let (exit, out, err) = cli(&["check", &file], &[]);
        assert_eq!((exit, out.as_str()), (0, ""));
        assert!(err.starts_with("warning[ASL0802]"), "{err}");
        assert!(err.ends_with(&format!("\n{file}: 1 pipeline, 1 warning\n")), "{err}");
    }

    #[test]
    fn check_shows_the_warnings_of_definitions_beside_errors_elsewhere() {
        let (folder, file) = folder();
        let named = doubtful_definition(&folder);
        let (_, out, _) = cli(&["check", &file, "--json"], &[]);
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&document["valid"], &document["problems"]), (&true.into(), &json!([])));
        assert_eq!(document["warnings"][0]["code"], "ASL0802");

        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("inbox_records = 4096", "inbox_record = 4096")).unwrap();
        let (exit, _, err) = cli(&["check", &file], &[]);
        assert_eq!(exit, 3);
        assert!(err.contains("did you mean `inbox_records`?"), "{err}");
        assert!(err.contains("\nwarning[ASL0802]"), "{err}");
        assert!(err.contains("\n1 problem, 1 warning\n"), "{err}");
        let (exit, out, _) = cli(&["check", &file, "--json"], &[]);
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((exit, &document["valid"]), (3, &Value::Bool(false)));
        assert_eq!(document["definitions"], json!([]));
        let warnings = document["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), 1, "{out}");
        let place = [&warnings[0]["file"], &warnings[0]["line"], &warnings[0]["severity"]];
        let named = named.display().to_string();
        assert_eq!(place, [&Value::from(named), &1.into(), &"warning".into()]);
    }

    #[test]
    fn show_prints_what_is_in_force() {
        let (_folder, file) = folder();
        let variable = [("EXPRESSWAY__SHARDS__COUNT", "3")];
        let (exit, out, err) = cli(&["show", &file], &variable);
        assert_eq!((exit, err.as_str()), (0, ""));
        assert!(out.contains("count = 3\n"), "{out}");
        assert!(out.contains("group = \"expressway-orders\"\n"), "{out}");
        let (_, out, _) = cli(&["show", &file, "--json"], &variable);
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["shards"]["count"], 3);
        let (exit, _, err) = cli(&["show", &file], &[("EXPRESSWAY__SHARD__COUNT", "3")]);
        assert_eq!(exit, 3);
        assert!(err.contains("did you mean SHARDS?"), "{err}");
    }

    #[test]
    fn schema_is_json_with_a_description_for_every_key() {
        let (exit, out, _) = cli(&["schema"], &[]);
        assert_eq!(exit, 0);
        let schema: Value = serde_json::from_str(&out).unwrap();
        for (name, table) in schema["$defs"].as_object().unwrap() {
            for (key, property) in table["properties"].as_object().into_iter().flatten() {
                assert!(property["description"].is_string(), "{name}.{key}");
            }
        }
    }
}
