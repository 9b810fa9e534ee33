//! What the binary says of itself: its help, its version, what it asks for.

use std::process::Command;

/// What it prints on stdout, given these arguments.
fn expressway(arguments: &[&str]) -> String {
    let ran = Command::new(env!("CARGO_BIN_EXE_expressway")).args(arguments).output();
    let ran = ran.expect("the binary runs");
    assert!(ran.status.success(), "{arguments:?}");
    String::from_utf8(ran.stdout).expect("text")
}

/// The commands that the help lists.
fn commands() -> Vec<String> {
    let help = expressway(&["--help"]);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = listed.take_while(|line| !line.is_empty()).filter(|line| {
        // Longer descriptions go on below.
        line.starts_with("  ") && !line.starts_with("   ")
    });
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_help_says_what_it_is_first_and_shows_examples_last() {
    let commands = commands();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands.iter().filter(|command| *command != "help") {
        for flag in ["-h", "--help"] {
            let help = expressway(&[command, flag]);
            let at = |part: &str| help.find(part);
            let usage = at("Usage: expressway ").unwrap_or_else(|| panic!("no usage: {help}"));
            assert!(!help.starts_with("Usage") && !help.starts_with("Example"), "{help}");
            let last = help.rfind("  -h, --help").unwrap_or_else(|| panic!("no options: {help}"));
            let examples = at("\nExample:\n").or_else(|| at("\nExamples:\n"));
            let examples = examples.unwrap_or_else(|| panic!("no examples: {help}"));
            assert!(usage < last && last < examples, "{help}");
        }
    }
}

#[test]
fn a_command_without_anything_to_work_on_names_all_that_would_do() {
    for (command, wanted) in [
        ("bill", "  <FILES|--topic <TOPIC>|--config <FILE>>\n"),
        ("test", "  <PATHS|--mock-config <FILE>>\n"),
        ("run", "  <--config <FILE>|--definition <FILE>>\n"),
    ] {
        let ran = Command::new(env!("CARGO_BIN_EXE_expressway")).arg(command).output();
        let ran = ran.expect("the binary runs");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.code() == Some(2) && said.contains(wanted), "{said}");
    }
}

#[test]
fn the_version_is_short_or_tells_the_build() {
    let name = concat!("expressway ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(expressway(&["-V"]), name);
    let long = expressway(&["--version"]);
    assert!(long.starts_with(name), "{long}");
    let told: Vec<_> = long
        .lines()
        .skip(1)
        .map(|line| line.split_once("  ").map(|(key, value)| (key, value.trim())))
        .map(|told| told.unwrap_or_else(|| panic!("no value: {long}")))
        .collect();
    let keys: Vec<_> = told.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["commit", "features", "target", "rustc"]);
    let otlp = if cfg!(feature = "otlp") { "otlp" } else { "none" };
    assert!(cfg!(feature = "tls") || told[1].1 == otlp, "{long}");
    assert!(told[2].1.contains(std::env::consts::ARCH), "{long}");
    assert!(told[3].1.starts_with(|first: char| first.is_ascii_digit()), "{long}");
}
