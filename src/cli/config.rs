//! `expressway config check|show|schema|init`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::app::{self, Machines};
use crate::config::{self, Problems, Settings};

/// Arguments of `config`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do with a configuration.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Report every problem of a configuration and the environment at once
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
    match config::load(file, environment) {
        Ok(settings) => Ok(Some(settings)),
        Err(problems) => report(&problems, err).map(|()| None),
    }
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
    let loaded = config::load(file, environment);
    // What a start would refuse as well: the definitions that the pipelines run.
    let refused = loaded.as_ref().ok().and_then(|settings| Machines::load(settings).err());
    let valid = loaded.is_ok() && refused.is_none();
    if json {
        let problems = loaded.as_ref().err().map(Problems::located).unwrap_or_default();
        let definitions = refused.as_ref().map(|error| vec![rendered(error)]).unwrap_or_default();
        let document = json!({"valid": valid, "problems": problems, "definitions": definitions});
        writeln!(out, "{document:#}")?;
    } else {
        match (&loaded, &refused) {
            (Err(problems), _) => report(problems, err)?,
            (Ok(_), Some(error)) => err.write_all(rendered(error).as_bytes())?,
            (Ok(settings), None) => {
                let count = settings.pipelines.len();
                let plural = if count == 1 { "" } else { "s" };
                writeln!(err, "{}: {count} pipeline{plural}, no problems", file.display())?;
            }
        }
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

fn report(problems: &Problems, err: &mut dyn Write) -> io::Result<()> {
    let count = problems.list.len();
    let plural = if count == 1 { "" } else { "s" };
    writeln!(err, "{problems}\n\n{count} problem{plural}")?;
    writeln!(err, "try: expressway config init    (every key with its default and meaning)")
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
