//! Expressions as they are typed: what is printed, and how it ends.

use clap::{Args as _, FromArgMatches as _};
use serde_json::Value as Json;

use super::*;

const ORDER: &str = r#"{"id": 12345678901234567, "items": [{"qty": 2}, {"qty": 5.50}]}"#;

/// What `eval` prints, its exit code and what it complains of.
fn eval(expression: &str, flags: &[&str]) -> (String, u8, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let [input, variables] = ["input", "variables"].map(|name| folder.path().join(name));
    std::fs::write(&input, ORDER).expect("written");
    std::fs::write(&variables, r#"{"limit": 3}"#).expect("written");
    let mut line = vec!["eval", expression];
    line.extend(["--input", input.to_str().expect("text")]);
    line.extend(["--variables", variables.to_str().expect("text")]);
    line.extend(flags);
    eval_line(&line)
}

/// The same over a file of this text, given by this option and named `FILE` in what is said.
fn eval_over(expression: &str, option: &str, text: &str, flags: &[&str]) -> (String, u8, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, text).expect("written");
    let file = file.to_str().expect("text");
    let mut line = vec!["eval", expression, option, file];
    line.extend(flags);
    let (out, code, err) = eval_line(&line);
    (out.replace(file, "FILE"), code, err.replace(file, "FILE"))
}

fn eval_line(line: &[&str]) -> (String, u8, String) {
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
         1 | $limit & phone\n  |          ^^^^^\n\
         \x20 = help: write $states.input.phone for the input, $phone for a variable; \
         with --dialect full the document itself is $\n",
    );
    fails(
        "\n  1 + 'a'",
        &[],
        CHECK_FAILED,
        "error: T2002: The right side of the \"+\" operator must evaluate to a number\n --> 2:5\n  |\n\
         2 |   1 + 'a'\n  |     ^\n",
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
    let (out, code, err) = eval("$states.input.nothing", &["--json"]);
    assert_eq!((out.as_str(), code, err.as_str()), ("{\"undefined\":true}\n", CHECK_FAILED, ""));
    let (out, code, _) = eval("1 + 'a'", &["--json"]);
    let error: Json = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&error["error"]["code"], code), (&json!("T2002"), CHECK_FAILED));
    assert_eq!((&error["error"]["line"], &error["error"]["column"]), (&json!(1), &json!(3)));
}

#[test]
fn operators_that_aws_may_not_know_are_warned_of() {
    let (out, code, err) = eval("$states.input.nothing ?? 1", &[]);
    assert_eq!((out.as_str(), code), ("1\n", OK));
    let warning = "warning: '??' is newer than the JSONata that AWS documents\n";
    assert!(err.starts_with(warning), "{err}");
    let help = " = help: write it with $exists and a condition, a ? b : c\n";
    assert!(err.ends_with(help), "{err}");
    prints("nothing ?? 1", &["--dialect", "full"], "1");
}

#[test]
fn what_is_hardly_meant_is_said_as_validate_says_it() {
    let (out, code, err) = eval("$lenght($states.input.items)", &[]);
    assert_eq!((out.as_str(), code), ("", CHECK_FAILED));
    let warning = "warning: '$lenght' is neither a function nor a variable that is given\n --> 1:1\n  |\n\
                   1 | $lenght($states.input.items)\n  | ^^^^^^^\n  = help: did you mean $length?\n\
                   error: T1006: ";
    assert!(err.starts_with(warning), "{err}");
    for (expression, code, help) in [
        ("$limits", CHECK_FAILED, "did you mean $limit?"),
        ("$zebra", CHECK_FAILED, "give variables with --variables FILE"),
        ("$eval('1')", CHECK_FAILED, "AWS has no $eval: use $parse to read JSON"),
        ("$states.inptu.id", BAD_CONFIGURATION, "did you mean $states.input?"),
        ("$states.order", BAD_CONFIGURATION, "a field of the state's input is $states.input.order"),
    ] {
        let (_, ended, err) = eval(expression, &[]);
        assert!(err.contains(&format!("  = help: {help}\n")), "{err}");
        assert_eq!(ended, code, "{expression}");
        assert_eq!(err.matches("= help: ").count(), 1, "{err}");
    }
    prints("($limits := 2; $limits)", &[], "2");
}

#[test]
fn places_are_those_of_what_was_typed() {
    for (typed, column) in
        [("{% 1 + 'a' %}", 6), ("  1 + 'a'", 5), (" {%1 + 'a'%}", 6), ("1 + 'a' ", 3)]
    {
        let (out, _, _) = eval(typed, &["--json"]);
        let error: Json = serde_json::from_str(&out).expect("JSON");
        assert_eq!(error["error"]["column"], json!(column), "{typed}");
    }
    let (_, _, err) = eval("{% $limit + a %}", &[]);
    assert!(err.contains("1 | {% $limit + a %}\n  |             ^\n"), "{err}");
    let (_, _, err) = eval("  $.items[", &["--jsonpath"]);
    assert!(err.contains("1 |   $.items[\n  |           ^\n"), "{err}");
}

#[test]
fn nothing_is_an_empty_expression() {
    for nothing in ["", "  ", "{%%}", "{%  %}"] {
        fails(nothing, &[], BAD_CONFIGURATION, "error: the expression is empty\n");
        fails(nothing, &["--jsonpath"], BAD_CONFIGURATION, "error: the expression is empty\n");
    }
}

#[test]
fn parts_of_the_states_are_given_or_refused_by_name() {
    for (field, option) in [
        ("input", "--input"),
        ("context", "--context"),
        ("result", "--result"),
        ("errorOutput", "--error-output"),
    ] {
        let expression = format!("$states.{field}.a + $states.{field}.a");
        let (out, code, err) = eval_over(&expression, option, r#"{"a": 3}"#, &[]);
        assert_eq!((out.as_str(), code, err.as_str()), ("6\n", OK, ""));
        let (out, code, err) = eval_line(&["eval", &expression]);
        assert_eq!((out.as_str(), code), ("", BAD_CONFIGURATION));
        let message = format!("error: $states.{field} is not given\n --> 1:9\n");
        assert!(err.starts_with(&message), "{err}");
        assert!(err.ends_with(&format!(" = help: give it with {option} FILE\n")), "{err}");
        assert_eq!(err.matches("error: ").count(), 1, "{err}");
    }
    let (_, code, err) = eval("$states.inputs", &[]);
    assert_eq!(code, BAD_CONFIGURATION);
    assert!(err.starts_with("error: Field '$states.inputs' does not exist.\n"), "{err}");
    assert_eq!(eval_over("$states", "--result", "1", &[]).0, "{\n  \"result\": 1\n}\n");
    let (out, ..) = eval_over("$$.a", "--context", r#"{"a": 3}"#, &["--jsonpath"]);
    assert_eq!(out, "3\n");
    let (_, code, _) = eval_over("a", "--result", "1", &["--dialect", "full"]);
    assert_eq!(code, USAGE);
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_name_and_place() {
    for option in ["--input", "--variables"] {
        for (text, said) in [
            ("{\"a\":", "FILE:1:5: not valid JSON: unexpected end"),
            ("{\"a\":\n", "FILE:1:5: not valid JSON: unexpected end"),
            ("", "FILE:1:1: not valid JSON: unexpected end"),
            ("{\"a\": 1,\n \"é\": x}", "FILE:2:7: not valid JSON: expected value"),
            ("{} {}", "FILE:1:4: not valid JSON: trailing characters"),
        ] {
            let (out, code, err) = eval_over("1", option, text, &[]);
            assert_eq!((out.as_str(), code, err), ("", USAGE, format!("error: {said}\n")));
            let (out, code, err) = eval_over("1", option, text, &["--json"]);
            let error: Json = serde_json::from_str(&out).expect("JSON");
            assert_eq!((&error["error"]["message"], code, &*err), (&json!(said), USAGE, ""));
        }
    }
    let (_, code, err) = eval_over("1", "--variables", "[1]", &[]);
    assert_eq!((code, err.as_str()), (USAGE, "error: FILE: no JSON object\n"));
    let (_, code, err) = eval_over("1", "--input", "\"\\ud800\"", &[]);
    assert_eq!(code, USAGE);
    assert!(err.starts_with("error: FILE:") && err.contains("not valid JSON: "), "{err}");
    let (out, code, _) = eval_line(&["eval", "1", "--input", "/nowhere", "--json"]);
    assert_eq!(code, USAGE);
    assert!(out.starts_with("{\"error\":{\"code\":null,"), "{out}");
}

#[test]
fn bounds_and_inner_errors_say_what_they_are() {
    let (_, code, err) = eval("$base64decode('%%')", &[]);
    assert_eq!(code, CHECK_FAILED);
    assert!(err.starts_with("error: internal error: the text is no Base64\n"), "{err}");
    let (_, code, err) = eval(&"[".repeat(600), &[]);
    assert_eq!(code, BAD_CONFIGURATION);
    let message = "error: U1001: The expression is nested deeper than 500 levels\n";
    assert!(err.starts_with(message), "{err}");
}
