//! Diagnostics as text: in full with the line and a caret, short, JSON, and GitHub's annotations.

use std::fmt::Write as _;

use serde_json::{Value, json as json_value};

use super::Diagnostic;
use crate::asl::source::{Position, Source, Span};

/// Renders in full: message, place, the line with a caret, path and help.
pub fn render(diagnostic: &Diagnostic, source: Source<'_>) -> String {
    let Position { line, column } = source.position(diagnostic.span.start);
    let number = line.to_string();
    let blank = " ".repeat(number.len());
    let severity = diagnostic.code.severity().as_str();
    let mut text = format!(
        "{severity}[{}]: {}\n{blank}--> {}:{line}:{column}\n",
        diagnostic.code.as_str(),
        diagnostic.message,
        source.file,
    );
    if !source.text.is_empty() {
        let (shown, caret) = excerpt(diagnostic.span, source);
        let label = diagnostic.label.as_deref().unwrap_or_default();
        let _ = writeln!(text, "{blank} |\n{number} | {shown}");
        let _ = writeln!(text, "{}", format!("{blank} | {caret} {label}").trim_end());
    }
    let _ = writeln!(text, "{blank} = at: {}", diagnostic.path);
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(text, "{blank} = help: {help}");
    }
    text
}

/// Renders on one line: `file:line:column: code: message (label)`.
pub fn short(diagnostic: &Diagnostic, source: Source<'_>) -> String {
    let Position { line, column } = source.position(diagnostic.span.start);
    let code = diagnostic.code.as_str();
    format!("{}:{line}:{column}: {code}: {}", source.file, labelled(diagnostic))
}

/// The message, with what stands under the caret where there is one.
fn labelled(diagnostic: &Diagnostic) -> String {
    match &diagnostic.label {
        Some(label) => format!("{} ({label})", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

/// Renders as JSON for programs.
pub fn json(diagnostic: &Diagnostic, source: Source<'_>) -> Value {
    let start = source.position(diagnostic.span.start);
    let end = source.position(diagnostic.span.end);
    json_value!({
        "code": diagnostic.code.as_str(),
        "awsCode": diagnostic.code.aws(),
        "severity": diagnostic.code.severity().as_str(),
        "message": diagnostic.message,
        "file": source.file,
        "line": start.line,
        "column": start.column,
        "endLine": end.line,
        "endColumn": end.column,
        "path": diagnostic.path,
        "label": diagnostic.label,
        "help": diagnostic.help,
    })
}

/// Renders as a workflow command of GitHub Actions, which shows it beside the line.
pub fn github(diagnostic: &Diagnostic, source: Source<'_>) -> String {
    let Position { line, column } = source.position(diagnostic.span.start);
    let help = diagnostic.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    format!(
        "::{} file={},line={line},col={column},title={}::{}",
        diagnostic.code.severity().as_str(),
        escape(source.file, true),
        diagnostic.code.as_str(),
        escape(&format!("{}{help}", labelled(diagnostic)), false),
    )
}

/// Returns the line of a place, cut around it if it is long, and its underline.
pub fn excerpt(span: Span, source: Source<'_>) -> (String, String) {
    let start = source.position(span.start);
    let end = source.position(span.end);
    let line = source.line_at(span.start);
    let length = line.chars().count();
    let from = (start.column as usize - 1).min(length);
    let to = if end.line == start.line { end.column as usize - 1 } else { length };
    let first = from.saturating_sub(CONTEXT_CHARS).min(length.saturating_sub(LINE_CHARS_MAX));
    let last = (first + LINE_CHARS_MAX).min(length);
    let mut shown: String = line
        .chars()
        .skip(first)
        .take(last - first)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let mut lead = from - first;
    if first > 0 {
        shown.insert_str(0, ELLIPSIS);
        lead += ELLIPSIS.len();
    }
    if last < length {
        shown.push_str(ELLIPSIS);
    }
    let width = to.min(last).saturating_sub(from).max(1);
    (shown, format!("{}{}", " ".repeat(lead), "^".repeat(width)))
}

/// Escapes text as workflow commands ask for; properties have two more special characters.
fn escape(text: &str, property: bool) -> String {
    let escaped = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    if property { escaped.replace(':', "%3A").replace(',', "%2C") } else { escaped }
}

/// Longer lines, such as minified definitions, are cut around the place.
const LINE_CHARS_MAX: usize = 120;
const CONTEXT_CHARS: usize = 60;
const ELLIPSIS: &str = "...";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asl::diagnostic::Code;

    fn diagnostic(start: usize, end: usize) -> Diagnostic {
        Diagnostic::new(Code::UnknownTarget, "/States/A/Next", Span::new(start, end), "no state")
            .label("names no state")
            .help("did you mean \"B\"?")
    }

    const SOURCE: Source<'_> = Source { file: "m.asl.json", text: "{\n\t\"Next\": \"C\"\n}" };

    #[test]
    fn the_full_form_points_at_the_place() {
        assert_eq!(
            render(&diagnostic(11, 14), SOURCE),
            "error[ASL0107]: no state\n --> m.asl.json:2:10\n  |\n2 |  \"Next\": \"C\"\n  |          \
             ^^^ names no state\n  = at: /States/A/Next\n  = help: did you mean \"B\"?\n"
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("{}X{}", "a".repeat(5_000), "b".repeat(5_000));
        let full = render(&diagnostic(5_000, 9_000), Source { file: "f", text: &text });
        let lines: Vec<_> = full.lines().collect();
        assert!(full.lines().all(|line| line.len() < 160), "{full}");
        let caret = lines[4].find('^').expect("caret");
        assert_eq!(lines[3].as_bytes()[caret], b'X');
    }

    #[test]
    fn a_place_at_the_end_of_the_text_has_a_caret_too() {
        let full = render(&diagnostic(16, 16), SOURCE);
        assert!(full.contains("m.asl.json:3:2\n") && full.contains('^'), "{full}");
        let none = render(&diagnostic(0, 0), Source { file: "f", text: "" });
        assert!(none.contains("f:1:1\n") && !none.contains('^'), "{none}");
    }

    #[test]
    fn the_short_form_is_one_line() {
        assert_eq!(
            short(&diagnostic(11, 14), SOURCE),
            "m.asl.json:2:10: ASL0107: no state (names no state)"
        );
    }

    #[test]
    fn the_json_form_has_all_parts() {
        let value = json(&diagnostic(11, 14), SOURCE);
        assert_eq!(value["awsCode"], "MISSING_TRANSITION_TARGET");
        assert_eq!((value["line"].as_u64(), value["endColumn"].as_u64()), (Some(2), Some(13)));
    }

    #[test]
    fn the_github_form_escapes_what_is_special_there() {
        let source = Source { file: "a,b:c.json", ..SOURCE };
        assert_eq!(
            github(&diagnostic(11, 14), source),
            "::error file=a%2Cb%3Ac.json,line=2,col=10,title=ASL0107::no state (names no state)%0Ahelp: did you \
             mean \"B\"?"
        );
    }
}
