//! Java values as text: `String.valueOf`, and Jackson's JSON.

use super::number::{Number, double, number};
use crate::value::{Elements, Entries, Heap, Value, View, write_string};

/// How containers and strings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::expr) enum Style {
    /// `String.valueOf`: strings bare, `{Arg1=1, Arg2=[]}` (recorded on AWS).
    Plain,
    /// `ObjectMapper.writeValueAsString`
    Json,
}

/// Appends `value` in a style. A loop with its own stack: a value may be nested deeper than the
/// native one allows.
pub(in crate::expr) fn print(heap: &Heap, value: Value, style: Style, out: &mut String) {
    let mut open: Vec<Level<'_>> = Vec::new();
    let mut next = Some(value);
    loop {
        if let Some(value) = next.take() {
            match heap.view(value) {
                View::Str(text) => string(text, style, out),
                View::Array => {
                    out.push('[');
                    open.push(Level { items: Items::Array(heap.elements(value)), first: true });
                }
                View::Object => {
                    out.push('{');
                    open.push(Level { items: Items::Object(heap.entries(value)), first: true });
                }
                _ => scalar(heap, value, out),
            }
        }
        let Some(level) = open.last_mut() else { return };
        let (key, item, close) = match &mut level.items {
            Items::Array(elements) => (None, elements.next(), ']'),
            Items::Object(entries) => {
                let entry = entries.next();
                (entry.map(|(key, _)| key), entry.map(|(_, member)| member), '}')
            }
        };
        if item.is_none() {
            out.push(close);
            open.pop();
            continue;
        }
        if !std::mem::replace(&mut level.first, false) {
            out.push_str(if style == Style::Json { "," } else { ", " });
        }
        if let Some(key) = key {
            string(heap.key_text(key), style, out);
            out.push(if style == Style::Json { ':' } else { '=' });
        }
        next = item;
    }
}

/// A container that is being printed.
struct Level<'a> {
    items: Items<'a>,
    first: bool,
}

enum Items<'a> {
    Array(Elements<'a>),
    Object(Entries<'a>),
}

fn string(text: &str, style: Style, out: &mut String) {
    if style == Style::Plain {
        out.push_str(text);
        return;
    }
    let mut json = Vec::with_capacity(text.len() + 2);
    write_string(text, &mut json);
    out.push_str(&String::from_utf8_lossy(&json));
}

fn scalar(heap: &Heap, value: Value, out: &mut String) {
    match number(heap, value) {
        Some(Number::Double(float)) => double(float, out),
        Some(Number::Big(digits)) => out.push_str(&digits),
        Some(Number::Whole(int)) => out.push_str(itoa::Buffer::new().format(int)),
        None => heap.write_scalar(value, out),
    }
}

/// `value.getClass().getName()`
pub(in crate::expr) fn class_name(heap: &Heap, value: Value) -> &'static str {
    match heap.view(value) {
        View::Null => "null",
        View::Bool(_) => "java.lang.Boolean",
        View::Str(_) => "java.lang.String",
        View::Array => "java.util.ArrayList",
        View::Object => "java.util.LinkedHashMap",
        View::Int(int) if i32::try_from(int).is_ok() => "java.lang.Integer",
        View::Int(_) => "java.lang.Long",
        View::Float(_) => match number(heap, value) {
            Some(Number::Big(_)) => "java.math.BigInteger",
            _ => "java.lang.Double",
        },
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::value::{ArenaId, Constants, Parser};

    fn printed(text: &str, style: Style) -> String {
        let mut heap = Heap::new(Rc::new(Constants::default()));
        let value = heap.parse(ArenaId::ROOT, text.as_bytes(), &mut Parser::default()).unwrap();
        let mut out = String::new();
        print(&heap, value, style, &mut out);
        out
    }

    #[test]
    fn values_are_printed_in_both_styles() {
        let text = r#"{"s":"a\"b","n":null,"i":-0,"f":1.10,"b":1e3,"l":[true,["x"],{}],"g":98765432109876543210}"#;
        assert_eq!(
            printed(text, Style::Plain),
            r#"{s=a"b, n=null, i=0, f=1.1, b=1000.0, l=[true, [x], {}], g=98765432109876543210}"#
        );
        assert_eq!(
            printed(text, Style::Json),
            r#"{"s":"a\"b","n":null,"i":0,"f":1.1,"b":1000.0,"l":[true,["x"],{}],"g":98765432109876543210}"#
        );
    }

    #[test]
    fn a_deep_value_is_printed_without_recursion() {
        let mut heap = Heap::new(Rc::new(Constants::default()));
        let mut value = Value::int(1);
        for _ in 0..100_000 {
            let open = heap.open(ArenaId::ROOT, 1).unwrap();
            heap.set(open, 0, value);
            value = heap.close_array(open).unwrap();
        }
        let mut text = String::new();
        print(&heap, value, Style::Plain, &mut text);
        assert_eq!(text.len(), 200_001);
    }
}
