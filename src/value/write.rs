//! Values as compact JSON text. A loop with its own stack: a definition that nests its input in a
//! loop of states can make a value deeper than any native stack.

use super::text::write_escaped;
use super::{Heap, Space, Tag, Value, number};

impl Heap {
    /// Appends `value` as compact JSON, exactly [`Value::json_len`] bytes.
    pub fn write(&self, value: Value, out: &mut Vec<u8>) {
        out.reserve(value.json_len());
        if !value.is_built() {
            return self.write_single(value, out);
        }
        let mut level = self.open_level(value, out);
        let mut enclosing = Enclosing::default();
        loop {
            match level.next(self, out) {
                Some(slot) if slot.is_built() => {
                    enclosing.push(std::mem::replace(&mut level, self.open_level(slot, out)));
                }
                Some(slot) => self.write_leaf(slot, out),
                None => {
                    out.push(if level.is_object { b'}' } else { b']' });
                    match enclosing.pop() {
                        Some(outer) => level = outer,
                        None => return,
                    }
                }
            }
        }
    }

    /// `value` as compact JSON text.
    pub fn to_json(&self, value: Value) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(value, &mut out);
        out
    }

    /// The same as a `String`. All text in a heap is UTF-8; what were not would be replaced.
    pub fn to_json_text(&self, value: Value) -> String {
        let json = self.to_json(value);
        String::from_utf8(json)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// Appends a number, `true`, `false` or `null` as JSON; a string or container not at all.
    pub fn write_scalar(&self, value: Value, out: &mut String) {
        match value.tag() {
            Tag::Null => out.push_str("null"),
            Tag::False => out.push_str("false"),
            Tag::True => out.push_str("true"),
            Tag::Int => out.push_str(itoa::Buffer::new().format(value.payload() as i64)),
            Tag::Float => {
                out.push_str(ryu_js::Buffer::new().format_finite(f64::from_bits(value.payload())));
            }
            // A number's text is ASCII.
            Tag::Node => {
                let raw = self.document(value).raw(value);
                out.push_str(std::str::from_utf8(raw).unwrap_or_default());
            }
            Tag::Spelled => out.push_str(self.str_text(value)),
            Tag::Str | Tag::Array | Tag::Object => {}
        }
    }

    /// Opens a container that was made.
    #[inline]
    fn open_level(&self, value: Value, out: &mut Vec<u8>) -> Level<'_> {
        let is_object = value.tag() == Tag::Object;
        out.push(if is_object { b'{' } else { b'[' });
        Level { slots: self.slots(value), first: true, is_object }
    }

    #[inline(never)]
    fn write_single(&self, value: Value, out: &mut Vec<u8>) {
        self.write_leaf(value, out);
    }

    /// Writes a scalar or an untouched part of the input whole; no container that was made.
    #[expect(clippy::inline_always, reason = "the loop of `write` is nothing else")]
    #[inline(always)]
    fn write_leaf(&self, value: Value, out: &mut Vec<u8>) {
        match value.tag() {
            Tag::Null => out.extend_from_slice(b"null"),
            Tag::False => out.extend_from_slice(b"false"),
            Tag::True => out.extend_from_slice(b"true"),
            Tag::Int => number::write_int(value.payload() as i64, out),
            Tag::Float => number::write_float(f64::from_bits(value.payload()), out),
            Tag::Str => self.write_str(value, out),
            Tag::Node => out.extend_from_slice(self.document(value).raw(value)),
            Tag::Spelled => out.extend_from_slice(self.str_text(value).as_bytes()),
            Tag::Array | Tag::Object => {}
        }
    }

    #[inline]
    fn write_str(&self, value: Value, out: &mut Vec<u8>) {
        let plain = value.json_len() == value.extent() + 2;
        if plain && value.space() == Space::CONSTANTS {
            out.extend_from_slice(self.constant_json(value));
            return;
        }
        out.push(b'"');
        if plain {
            out.extend_from_slice(self.str_bytes(value));
        } else {
            write_escaped(self.str_text(value), out);
        }
        out.push(b'"');
    }

    /// Writes a key and its colon, and in front a comma, unless it is the `first` one.
    #[inline]
    fn write_key(&self, key: Value, first: bool, out: &mut Vec<u8>) {
        if key.tag() == Tag::Str
            && key.space() == Space::CONSTANTS
            && key.json_len() == key.extent() + 2
        {
            out.extend_from_slice(self.constant_key_json(key, first));
            return;
        }
        if !first {
            out.push(b',');
        }
        self.write_single(key, out);
        out.push(b':');
    }
}

/// The containers around the one that is being written: few are built so deep that their stack
/// has to be allocated.
#[derive(Default)]
struct Enclosing<'a> {
    near: [Option<Level<'a>>; NEAR_LEVELS],
    near_len: usize,
    far: Vec<Level<'a>>,
}

impl<'a> Enclosing<'a> {
    fn push(&mut self, level: Level<'a>) {
        if let Some(place) = self.near.get_mut(self.near_len) {
            *place = Some(level);
            self.near_len += 1;
        } else {
            self.far.push(level);
        }
    }

    fn pop(&mut self) -> Option<Level<'a>> {
        if let Some(level) = self.far.pop() {
            return Some(level);
        }
        self.near_len = self.near_len.checked_sub(1)?;
        self.near[self.near_len].take()
    }
}

/// A container that is being written.
struct Level<'a> {
    slots: &'a [Value],
    first: bool,
    is_object: bool,
}

impl Level<'_> {
    /// The next element or member, after what stands before it.
    #[inline]
    fn next(&mut self, heap: &Heap, out: &mut Vec<u8>) -> Option<Value> {
        let first = std::mem::replace(&mut self.first, false);
        if self.is_object {
            let [key, member, behind @ ..] = self.slots else { return None };
            heap.write_key(*key, first, out);
            self.slots = behind;
            return Some(*member);
        }
        let element = self.slots.split_off_first()?;
        if !first {
            out.push(b',');
        }
        Some(*element)
    }
}

/// Levels of built containers above the innermost that are written without an allocation.
const NEAR_LEVELS: usize = 4;

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use proptest::prelude::*;

    use super::super::{ArenaId, Constants, Heap, ParseError, Parser, Value, View};

    fn heap() -> Heap {
        Heap::new(Rc::new(Constants::default()))
    }

    fn round_trip(text: &str) -> String {
        let mut heap = heap();
        let value = heap.parse(ArenaId::ROOT, text.as_bytes(), &mut Parser::default()).unwrap();
        let json = heap.to_json(value);
        assert_eq!(json.len(), value.json_len(), "{text}");
        String::from_utf8(json).unwrap()
    }

    /// The same value with every container copied into the arena.
    fn expanded(heap: &mut Heap, value: Value) -> Value {
        match heap.view(value) {
            View::Array => {
                let elements: Vec<Value> = heap.elements(value).collect();
                let open = heap.open(ArenaId::ROOT, elements.len()).unwrap();
                for (slot, element) in elements.into_iter().enumerate() {
                    let element = expanded(heap, element);
                    heap.set(open, slot, element);
                }
                heap.close_array(open).unwrap()
            }
            View::Object => {
                let entries: Vec<(Value, Value)> = heap.entries(value).collect();
                let open = heap.open(ArenaId::ROOT, 2 * entries.len()).unwrap();
                for (entry, (key, member)) in entries.into_iter().enumerate() {
                    let member = expanded(heap, member);
                    heap.set(open, 2 * entry, key);
                    heap.set(open, 2 * entry + 1, member);
                }
                heap.close_object(open).unwrap()
            }
            View::Str(text) => {
                let text = text.to_owned();
                heap.string(ArenaId::ROOT, &text).unwrap()
            }
            _ => value,
        }
    }

    #[test]
    fn text_that_is_canonical_comes_out_byte_by_byte() {
        for text in [
            "null",
            "true",
            "0",
            "-0",
            "1.0",
            "1E5",
            "123456789012345678901234567890",
            r#""""#,
            "[]",
            "{}",
            r#"{"":""}"#,
            r#"{"a":{"b":[1,[2,{}],"x",[]],"c":null},"d":""}"#,
            r#"["é","\"\\\n"]"#,
        ] {
            assert_eq!(round_trip(text), text);
        }
        assert_eq!(
            round_trip(" {\"a\" : [1 , 2.50] ,\n\"b\\/\":\"\\u0041\"} "),
            r#"{"a":[1,2.50],"b/":"A"}"#
        );
    }

    #[test]
    fn expanding_every_container_changes_nothing() {
        for text in [
            r#"{"a":{"b":[1,[2,{}],"x",[],[[]],3.5,true],"c":null},"d":""}"#,
            r#"[[[1,2],[3]],{"k":[{"x":1},{"y":[0]}]},"s",[-1e5,"t"],{"":{"":[""]}}]"#,
            r#"{"q\"uo\\te":{"n\newline":"é\t"},"z":["\"",1,"\\"]}"#,
        ] {
            let mut heap = heap();
            let value = heap.parse(ArenaId::ROOT, text.as_bytes(), &mut Parser::default()).unwrap();
            let copy = expanded(&mut heap, value);
            assert_eq!(String::from_utf8(heap.to_json(copy)).unwrap(), text);
            assert_eq!(copy.json_len(), text.len());
        }
    }

    #[test]
    fn the_last_of_duplicate_keys_wins_in_the_first_ones_place() {
        assert_eq!(
            round_trip(r#"{"a":1,"b":2,"a":{"c":3,"c":[4,{"d":5,"d":6}]}}"#),
            r#"{"a":{"c":[4,{"d":6}]},"b":2}"#
        );
        assert_eq!(
            round_trip(r#"[{"k":1,"k":null},{"\u006b":1,"k":true}]"#),
            r#"[{"k":null},{"k":true}]"#
        );
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let mut heap = heap();
        let mut parser = Parser::default();
        for text in [
            "",
            " ",
            "{",
            "{\"a\":1",
            "1 2",
            "tru",
            "\"\\x\"",
            "[1,]",
            "{\"a\" 1}",
            "1e400",
            "\"\\ud800\"",
            "{}{}",
            "\u{feff}{}",
        ] {
            assert!(
                matches!(
                    heap.parse(ArenaId::ROOT, text.as_bytes(), &mut parser),
                    Err(ParseError::NotJson(_))
                ),
                "{text}"
            );
        }
        assert!(matches!(
            heap.parse(ArenaId::ROOT, b"\"\xff\"", &mut parser),
            Err(ParseError::NotJson(_))
        ));
        let deep = "[".repeat(2_000) + &"]".repeat(2_000);
        assert_eq!(
            heap.parse(ArenaId::ROOT, deep.as_bytes(), &mut parser).unwrap_err(),
            ParseError::TooDeep
        );
        let value = heap.parse(ArenaId::ROOT, b"[1]", &mut parser).unwrap();
        assert_eq!(heap.to_json(value), b"[1]", "a refused text leaves nothing behind");
    }

    /// JSON text with blanks, escapes in several spellings and duplicate keys.
    fn arbitrary_text() -> impl Strategy<Value = String> {
        let string = prop_oneof![
            "[a-c]{0,3}",
            Just("\\u0041\\/".to_owned()),
            Just("\\n\\\"\\\\".to_owned()),
            Just("\\ud83d\\ude00é".to_owned()),
            "[ -!#-\\[\\]-~]{0,80}",
        ]
        .prop_map(|inner| format!("\"{inner}\""));
        let leaf = prop_oneof![
            string.clone(),
            any::<i64>().prop_map(|int| int.to_string()),
            any::<f64>()
                .prop_filter("JSON has no such number", |float| float.is_finite())
                .prop_map(|float| format!("{float:?}")),
            Just("null".to_owned()),
            Just(" true".to_owned()),
            Just("false ".to_owned()),
        ];
        let blank = prop_oneof![3 => Just(""), 1 => Just(" "), 1 => Just("\n\t")];
        leaf.prop_recursive(5, 64, 6, move |inner| {
            let entries = (string.clone(), blank.clone(), inner.clone())
                .prop_map(|(key, blank, member)| format!("{key}{blank}:{blank}{member}"));
            prop_oneof![
                (blank.clone(), proptest::collection::vec(inner, 0..6))
                    .prop_map(|(blank, items)| format!("[{blank}{}{blank}]", items.join(","))),
                (blank.clone(), proptest::collection::vec(entries, 0..6))
                    .prop_map(|(blank, items)| format!("{{{blank}{}}}", items.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn documents_read_as_serde_json_reads_them(text in arbitrary_text()) {
            let mut heap = heap();
            let value = heap.parse(ArenaId::ROOT, text.as_bytes(), &mut Parser::default()).unwrap();
            let json = heap.to_json(value);
            prop_assert_eq!(json.len(), value.json_len());
            let ours: serde_json::Value = serde_json::from_slice(&json).unwrap();
            let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&ours, &theirs);
            let copy = expanded(&mut heap, value);
            let copied: serde_json::Value = serde_json::from_slice(&heap.to_json(copy)).unwrap();
            prop_assert_eq!(&copied, &theirs);
            prop_assert_eq!(heap.to_json(copy).len(), copy.json_len());
        }
    }

    #[test]
    fn a_deep_value_is_written_without_recursion() {
        let mut heap = heap();
        let mut value = Value::int(1);
        for _ in 0..60_000 {
            let open = heap.open(ArenaId::ROOT, 1).unwrap();
            heap.set(open, 0, value);
            value = heap.close_array(open).unwrap();
        }
        assert_eq!(heap.to_json(value).len(), 120_001);
    }

    #[test]
    fn members_are_replaced_in_place_or_appended() {
        let mut heap = heap();
        let mut parser = Parser::default();
        let object = heap.parse(ArenaId::ROOT, br#"{"a":1,"b":[1,2]}"#, &mut parser).unwrap();
        let b = heap.string(ArenaId::ROOT, "b").unwrap();
        let c = heap.string(ArenaId::ROOT, "c").unwrap();
        let replaced = heap.with_member(ArenaId::ROOT, object, b, Value::NULL).unwrap();
        assert_eq!(heap.to_json(replaced), br#"{"a":1,"b":null}"#);
        let longer = heap.with_member(ArenaId::ROOT, replaced, c, object).unwrap();
        assert_eq!(heap.to_json(longer), br#"{"a":1,"b":null,"c":{"a":1,"b":[1,2]}}"#);
        let array = heap.field(object, b).unwrap();
        let array = heap.with_element(ArenaId::ROOT, array, 1, Value::bool(true)).unwrap();
        assert_eq!(heap.to_json(array), b"[1,true]");
        assert_eq!(longer.json_len(), heap.to_json(longer).len());
    }
}
