//! `expressway explain CODE`: the long text of a diagnostic.

use std::io::{self, Write};

use crate::asl::diagnostic::{Code, did_you_mean};
use crate::config;

/// Arguments of `explain`.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  expressway explain ASL0107\n  expressway explain\n\nExit codes: 0 fine, 2 there is no such code."
)]
pub struct Args {
    /// Code of a diagnostic, such as ASL0107 or CFG0006; without one, all codes are listed
    pub code: Option<String>,
}

/// Prints the explanation; exit code 0, or 2 when there is no such code.
///
/// # Errors
///
/// When `out` or `err` cannot be written to.
pub fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let Some(number) = &args.code else {
        for code in Code::ALL {
            writeln!(out, "{}  {}", code.as_str(), code.title())?;
        }
        for code in config::Code::ALL {
            writeln!(out, "{}  {}", code.as_str(), code.title())?;
        }
        return Ok(0);
    };
    let of_config =
        config::Code::ALL.iter().find(|code| code.as_str().eq_ignore_ascii_case(number));
    if let Some(code) = of_config {
        writeln!(out, "error[{}]: {}\n\n{}", code.as_str(), code.title(), code.explain())?;
        return Ok(0);
    }
    let Some(code) = Code::from_number(number) else {
        let known = Code::ALL.iter().map(|code| code.as_str());
        let known = known.chain(config::Code::ALL.iter().map(|code| code.as_str()));
        let meant = did_you_mean(number, known);
        let hint = meant.map(|code| format!(", did you mean {code}?")).unwrap_or_default();
        writeln!(err, "error: there is no code {number:?}{hint}")?;
        writeln!(err, "try: expressway explain    (lists all codes)")?;
        return Ok(2);
    };
    let severity = code.severity().as_str();
    writeln!(out, "{severity}[{}]: {}\n", code.as_str(), code.title())?;
    writeln!(out, "{}", code.explain())?;
    if let Some(aws) = code.aws() {
        writeln!(out, "\nAWS reports it as {aws}.")?;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exit code, stdout, stderr.
    fn explain(code: Option<&str>) -> (u8, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = Args { code: code.map(str::to_owned) };
        let exit = run(&args, &mut out, &mut err).expect("memory can be written");
        (exit, String::from_utf8_lossy(&out).into(), String::from_utf8_lossy(&err).into())
    }

    #[test]
    fn a_code_is_explained_in_any_case() {
        let (exit, out, err) = explain(Some("asl0107"));
        assert_eq!((exit, err.as_str()), (0, ""));
        assert!(out.starts_with("error[ASL0107]: a transition names no state\n\n"), "{out}");
        assert!(out.ends_with("\nAWS reports it as MISSING_TRANSITION_TARGET.\n"), "{out}");
    }

    #[test]
    fn codes_of_the_configuration_are_explained_too() {
        let (exit, out, err) = explain(Some("CFG0006"));
        assert_eq!((exit, err.as_str()), (0, ""));
        let title = "a value is planned, but not supported yet";
        assert!(out.starts_with(&format!("error[CFG0006]: {title}\n\nThe value ")), "{out}");
        assert!(explain(None).1.contains(&format!("\nCFG0006  {title}\n")));
    }

    #[test]
    fn every_code_has_a_title_and_says_more_than_that() {
        let all = Code::ALL.iter().map(|code| code.as_str());
        for code in all.chain(config::Code::ALL.iter().map(|code| code.as_str())) {
            let (_, out, _) = explain(Some(code));
            let mut lines = out.lines();
            let (title, blank) = (lines.next().unwrap_or_default(), lines.next());
            let title = title.split_once(&format!("[{code}]: ")).map_or("", |(_, title)| title);
            assert!(title.len() > 10 && !title.ends_with('.'), "{out}");
            assert_eq!(blank, Some(""), "{out}");
            assert!(lines.map(str::len).sum::<usize>() > title.len(), "{out}");
        }
    }

    #[test]
    fn an_unknown_code_is_a_usage_error_with_a_suggestion() {
        let (exit, out, err) = explain(Some("ASL107"));
        assert_eq!((exit, out.as_str()), (2, ""));
        assert!(err.contains("no code \"ASL107\", did you mean ASL0107?"), "{err}");
        assert!(explain(Some("CFG06")).2.contains("did you mean CFG0006?"));
        assert!(!explain(Some("nonsense")).2.contains("did you mean"));
    }

    #[test]
    fn without_a_code_all_are_listed() {
        let (exit, out, _) = explain(None);
        assert_eq!((exit, out.lines().count()), (0, Code::ALL.len() + config::Code::ALL.len()));
    }
}
