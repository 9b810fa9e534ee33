//! JSONata expressions in a definition: which strings are one, and where their parts stand.
//!
//! The text between `{%` and `%}` is the engine's business; this knows only the string around it.

use super::json::Node;
use super::source::{Span, Spanned, inside_string};
use crate::expr::jsonata;

/// Returns the text of an expression, blanks included, if a string of a JSONata state is one.
///
/// AWS: it begins exactly with `{%` and ends exactly with `%}`, else the string means itself.
pub(crate) fn text(string: &str) -> Option<&str> {
    string.strip_prefix(OPENING)?.strip_suffix(CLOSING)
}

/// Tells whether a string that is no expression has one inside, with something before or behind.
pub(crate) fn is_surrounded(string: &str) -> bool {
    string.split_once(OPENING).is_some_and(|(_, rest)| rest.contains(CLOSING))
}

/// Tells whether a string that is no expression begins like one that does not end.
pub(crate) fn is_open(string: &str) -> bool {
    string.trim_start().starts_with(OPENING)
}

/// Returns the expression that a value of a JSONata state is, if it is one.
pub(crate) fn of(node: &Node) -> Option<Spanned<&str>> {
    let value = text(node.as_str()?)?;
    Some(Spanned { value, span: node.span })
}

/// Finds a part of an expression in the definition's text; `string` is the place of the whole
/// string, quotes included. An empty part is as wide as the character that follows it.
pub(crate) fn place(source: &str, string: Span, part: jsonata::Span) -> Span {
    let at = |offset: u32| inside_string(source, string, OPENING.len() + offset as usize);
    let first = at(part.start);
    let last = if part.end > part.start { at(part.end - 1) } else { first };
    Span { start: first.start, end: last.end }
}

pub(crate) const OPENING: &str = "{%";
const CLOSING: &str = "%}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_has_its_delimiters_exactly_at_the_ends() {
        assert_eq!(text("{% $a %}"), Some(" $a "));
        assert_eq!(text("{%%}"), Some(""));
        for literal in ["", "{%}", "{%", "%}", " {% 1 %}", "{% 1 %} ", "{ % 1 % }", "$.a"] {
            assert_eq!(text(literal), None, "{literal}");
        }
    }

    #[test]
    fn parts_are_found_behind_escapes() {
        let source = r#"  "{% \"é\" & $name %}""#;
        let string = Span::new(2, source.len());
        let inner = text(r#"{% "é" & $name %}"#).expect("an expression");
        let shown = |part: &str| {
            let start = inner.find(part).expect("there") as u32;
            let part = jsonata::Span { start, end: start + part.len() as u32 };
            let span = place(source, string, part);
            &source[span.start as usize..span.end as usize]
        };
        assert_eq!(shown("$name"), "$name");
        assert_eq!(shown("\"é\""), r#"\"é\""#);
        assert_eq!(shown(""), " ");
    }

    #[test]
    fn the_end_of_an_expression_is_its_closing_delimiter() {
        let source = r#""{% 1 + %}""#;
        let end = text("{% 1 + %}").expect("an expression").len() as u32;
        let part = jsonata::Span { start: end, end };
        let span = place(source, Span::new(0, source.len()), part);
        assert_eq!(&source[span.start as usize..span.end as usize], "%");
    }
}
