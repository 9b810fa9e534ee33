//! Reading values: one look that answers what a value is, whatever lies behind it.

use simd_json::{Node, StaticNode};

use super::tape::{Field, Key, LookUp, Walk, same_bytes};
use super::{Heap, Space, Tag, Value, number};

/// What a value is, for those who read it.
#[derive(Clone, Copy, Debug)]
pub enum View<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer that fits `i64`, exact.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A string, unescaped.
    Str(&'a str),
    /// An array; read it with [`Heap::elements`].
    Array,
    /// An object; read it with [`Heap::entries`] and [`Heap::field`].
    Object,
}

impl Heap {
    /// What `value` is.
    #[inline]
    pub fn view(&self, value: Value) -> View<'_> {
        match value.tag() {
            Tag::Null => View::Null,
            Tag::False => View::Bool(false),
            Tag::True => View::Bool(true),
            Tag::Int => View::Int(value.payload() as i64),
            Tag::Float => View::Float(f64::from_bits(value.payload())),
            Tag::Str => View::Str(self.str_text(value)),
            Tag::Array => View::Array,
            Tag::Object => View::Object,
            Tag::Node => self.view_node(value),
            Tag::Spelled => number::view(self.str_text(value)),
        }
    }

    fn view_node(&self, value: Value) -> View<'_> {
        match self.node(value) {
            Node::String(text) => View::Str(text),
            Node::Object { .. } => View::Object,
            Node::Array { .. } => View::Array,
            Node::Static(StaticNode::I64(int)) => View::Int(int),
            Node::Static(StaticNode::U64(int)) => {
                i64::try_from(int).map_or(View::Float(int as f64), View::Int)
            }
            Node::Static(StaticNode::F64(float)) => View::Float(float),
            Node::Static(StaticNode::Bool(bool)) => View::Bool(bool),
            Node::Static(StaticNode::Null) => View::Null,
        }
    }

    /// The member `key` (a string) of `object`; `None` when there is none or it is no object.
    #[inline]
    pub fn field(&self, object: Value, key: Value) -> Option<Value> {
        match object.tag() {
            Tag::Object => self.place(self.slots(object), key).map(|(_, member)| member),
            Tag::Node => self.document(object).look_up(object, self.key_bytes(key), None).member(),
            _ => None,
        }
    }

    /// What stands under `key` in `object`.
    #[inline]
    pub fn look_up(&self, object: Value, key: &Key) -> LookUp {
        let passed = object.extent();
        match object.tag() {
            Tag::Node => {
                let ((text, hint), document) = (key.parts(), self.document(object));
                match document.look_again(object, text, hint) {
                    Some(field) => LookUp::Member { value: field.value(), passed: 1 },
                    None => document.look_up(object, text, Some(hint)),
                }
            }
            Tag::Object => match key.place_among(self.slots(object)) {
                Some(value) => LookUp::Member { value, passed },
                None => self.look_up_slot(object, key),
            },
            Tag::Array => LookUp::Array,
            _ => LookUp::Nothing { passed: 0 },
        }
    }

    fn look_up_slot(&self, object: Value, key: &Key) -> LookUp {
        let passed = object.extent();
        match self.place(self.slots(object), key.name()) {
            Some((place, value)) => {
                key.parts().1.set(place);
                LookUp::Member { value, passed }
            }
            None => LookUp::Nothing { passed },
        }
    }

    /// The member under `key` of an object of a document without containers in it, if it stands
    /// where it stood in the last one.
    #[expect(clippy::inline_always, reason = "what is not asked of the field is not computed")]
    #[inline(always)]
    pub fn look_again(&self, object: Value, key: &Key) -> Option<Field<'_>> {
        if object.tag() != Tag::Node {
            return None;
        }
        let (text, hint) = key.parts();
        self.document(object).look_again(object, text, hint)
    }

    /// The member whose key is `name`; [`Self::field`] where the key is a value already.
    pub fn field_named(&self, object: Value, name: &str) -> Option<Value> {
        match object.tag() {
            Tag::Object => {
                let (entries, _) = self.slots(object).as_chunks::<2>();
                let entry = entries.iter().find(|[key, _]| self.key_text(*key) == name);
                entry.map(|[_, member]| *member)
            }
            Tag::Node => self.document(object).look_up(object, name.as_bytes(), None).member(),
            _ => None,
        }
    }

    /// Where `key` stands among the entries in `slots`, and its member.
    #[inline]
    pub(in crate::value) fn place(&self, slots: &[Value], key: Value) -> Option<(usize, Value)> {
        let (entries, _) = slots.as_chunks::<2>();
        let interned = key.space() == Space::CONSTANTS;
        for (place, [known, member]) in entries.iter().enumerate() {
            let same = if interned && known.space() == Space::CONSTANTS {
                known.payload() == key.payload()
            } else {
                known.json_bytes() == key.json_bytes() && self.same_text(*known, key)
            };
            if same {
                return Some((place, *member));
            }
        }
        None
    }

    /// The element at `index` of `array`; `None` outside, or when it is no array.
    pub fn element(&self, array: Value, index: usize) -> Option<Value> {
        match array.tag() {
            Tag::Array => self.slots(array).get(index).copied(),
            Tag::Node if matches!(self.node(array), Node::Array { .. }) => {
                self.document(array).walk(array).nth(index).map(|(_, element)| element)
            }
            _ => None,
        }
    }

    /// Number of elements or entries; 0 for what is no container.
    pub fn len(&self, container: Value) -> usize {
        match container.tag() {
            Tag::Array | Tag::Object => container.extent(),
            Tag::Node => match self.node(container) {
                Node::Array { len, .. } | Node::Object { len, .. } => len,
                _ => 0,
            },
            _ => 0,
        }
    }

    /// Elements of an array, in order; nothing for what is no array.
    pub fn elements(&self, array: Value) -> Elements<'_> {
        Elements(match array.tag() {
            Tag::Array => Children::Slots(self.slots(array)),
            Tag::Node if matches!(self.node(array), Node::Array { .. }) => {
                Children::Tape(self.document(array).walk(array))
            }
            _ => Children::Slots(&[]),
        })
    }

    /// Entries of an object as (key, value), in order; nothing for what is no object.
    pub fn entries(&self, object: Value) -> Entries<'_> {
        Entries(match object.tag() {
            Tag::Object => Children::Slots(self.slots(object)),
            Tag::Node if matches!(self.node(object), Node::Object { .. }) => {
                Children::Tape(self.document(object).walk(object))
            }
            _ => Children::Slots(&[]),
        })
    }

    /// Keys and members of `object` by turns, if they lie side by side: in an object that was made.
    #[inline]
    pub fn entry_slots(&self, object: Value) -> Option<&[Value]> {
        (object.tag() == Tag::Object).then(|| self.slots(object))
    }

    /// Whether two keys are the same text.
    pub(in crate::value) fn same_text(&self, one: Value, other: Value) -> bool {
        same_bytes(self.key_bytes(one), self.key_bytes(other))
    }

    /// [`Self::key_text`] where only its bytes are compared.
    #[inline]
    fn key_bytes(&self, key: Value) -> &[u8] {
        match key.tag() {
            Tag::Str => self.str_bytes(key),
            _ => self.key_text(key).as_bytes(),
        }
    }

    /// Bytes of the string that `value` is, for those who only compare.
    #[inline]
    pub fn text_bytes(&self, value: Value) -> Option<&[u8]> {
        match value.tag() {
            Tag::Str => Some(self.str_bytes(value)),
            Tag::Node => match self.node(value) {
                Node::String(text) => Some(text.as_bytes()),
                _ => None,
            },
            _ => None,
        }
    }

    /// The number that `value` is.
    #[inline]
    pub fn number(&self, value: Value) -> Option<View<'static>> {
        match value.tag() {
            Tag::Int => Some(View::Int(value.payload() as i64)),
            Tag::Float => Some(View::Float(f64::from_bits(value.payload()))),
            Tag::Node => match self.node(value) {
                Node::Static(StaticNode::I64(int)) => Some(View::Int(int)),
                Node::Static(StaticNode::U64(int)) => {
                    Some(i64::try_from(int).map_or(View::Float(int as f64), View::Int))
                }
                Node::Static(StaticNode::F64(float)) => Some(View::Float(float)),
                _ => None,
            },
            Tag::Spelled => Some(number::view(self.str_text(value))),
            _ => None,
        }
    }

    /// Text of a string value; empty for any other.
    pub fn key_text(&self, key: Value) -> &str {
        match self.view(key) {
            View::Str(text) => text,
            _ => "",
        }
    }
}

enum Children<'a> {
    Slots(&'a [Value]),
    Tape(Walk<'a>),
}

/// Iterator of [`Heap::elements`].
pub struct Elements<'a>(Children<'a>);

impl Iterator for Elements<'_> {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        match &mut self.0 {
            Children::Slots(slots) => slots.split_off_first().copied(),
            Children::Tape(walk) => walk.next_element(),
        }
    }
}

/// Iterator of [`Heap::entries`].
pub struct Entries<'a>(Children<'a>);

impl Iterator for Entries<'_> {
    type Item = (Value, Value);

    fn next(&mut self) -> Option<(Value, Value)> {
        match &mut self.0 {
            Children::Slots(slots) => {
                let key = slots.split_off_first()?;
                slots.split_off_first().map(|member| (*key, *member))
            }
            Children::Tape(walk) => walk.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::value::{ArenaId, ConstantsBuilder, Parser};

    #[test]
    fn a_key_is_found_wherever_it_stands_in_the_next_object() {
        let mut constants = ConstantsBuilder::default();
        let long = "a key of more than sixteen bytes";
        let names = [
            "",
            "k",
            "ke",
            "key",
            "keys",
            "eightkey",
            "sixteen byte key",
            "seventeen bytekey",
            long,
        ];
        let keys = names.map(|name| Key::new(constants.string(name).unwrap(), name));
        let mut heap = Heap::new(Rc::new(constants.finish()));
        let mut parser = Parser::default();
        for (name, key) in names.iter().zip(&keys) {
            for text in [
                r#"{"a":0,"KEY":1}"#,
                r#"{"KEY":1,"a":0}"#,
                r#"{"a":"KEY","b":"KEY","KEY":1}"#,
                r#"{"KEY":1}"#,
                r#"{"a":{"KEY":2},"KEY":1}"#,
                r#"{"a":[0,"KEY",2],"KEY":1,"b":{}}"#,
                r#"{"b":0,"KEYx":2,"KEY":1}"#,
                r#"{"b":0,"KEY":1,"c":-0}"#,
            ] {
                let text = text.replace("KEY", name);
                let object = heap.parse(ArenaId::ROOT, text.as_bytes(), &mut parser).unwrap();
                for _ in 0..2 {
                    let found = heap.look_up(object, key).member().unwrap();
                    assert_eq!(heap.to_json(found), b"1", "{name} in {text}");
                    if let Some(field) = heap.look_again(object, key) {
                        assert_eq!(heap.to_json(field.value()), b"1", "{name} in {text}");
                        assert!(matches!(field.scalar(), Some(View::Int(1))), "{name} in {text}");
                    }
                }
            }
            for text in ["{}", r#"{"a":0}"#, r#"{"a":"KEY","b":"KEY"}"#, "1", r#""KEY""#] {
                let text = text.replace("KEY", name);
                let object = heap.parse(ArenaId::ROOT, text.as_bytes(), &mut parser).unwrap();
                assert!(heap.look_up(object, key).member().is_none(), "{name} in {text}");
                assert!(heap.look_again(object, key).is_none(), "{name} in {text}");
            }
        }
    }

    #[test]
    fn integers_of_a_document_are_read_without_it_and_written_as_they_came() {
        let mut heap = Heap::new(Rc::default());
        let mut parser = Parser::default();
        for (text, own) in [
            ("0", true),
            ("-0", false),
            ("-17", true),
            ("9223372036854775807", true),
            ("-9223372036854775808", true),
            ("9223372036854775808", false),
            ("1.0", false),
            ("1e2", false),
        ] {
            let document = format!(r#"{{"a":{text},"b":[{text},{text}]}}"#);
            let object = heap.parse(ArenaId::ROOT, document.as_bytes(), &mut parser).unwrap();
            let array = heap.field_named(object, "b").unwrap();
            let found =
                [heap.field_named(object, "a"), heap.element(array, 0), heap.element(array, 1)];
            for value in found.into_iter().flatten() {
                assert_eq!(value.as_number().is_some(), own, "{text}");
                assert_eq!(heap.to_json(value), text.as_bytes());
                assert_eq!(value.json_len(), text.len());
            }
        }
    }
}
