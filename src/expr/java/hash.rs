//! Equality and hash codes of Java values, and the order in which a hash set gives them.

use std::collections::HashSet;

use super::number::{Number, number};
use crate::value::{Heap, Value, View};

/// Below this nesting a value is taken by its text, so that recursion has a bound.
const DEPTH_MAX: usize = crate::base::limits::DOCUMENT_DEPTH_MAX;

/// Bytes that are equal for two values exactly when `equals` says so: types matter (`1` is not
/// `1.0`), the order of an object's members does not.
pub(in crate::expr) fn identity(heap: &Heap, value: Value) -> Vec<u8> {
    let mut out = Vec::new();
    identify(heap, value, DEPTH_MAX, &mut out);
    out
}

fn identify(heap: &Heap, value: Value, depth: usize, out: &mut Vec<u8>) {
    match heap.view(value) {
        _ if depth == 0 => heap.write(value, out),
        View::Null | View::Bool(_) | View::Str(_) => heap.write(value, out),
        View::Int(_) | View::Float(_) => match number(heap, value) {
            Some(Number::Double(float)) => {
                out.push(b'd');
                out.extend_from_slice(&float.to_bits().to_be_bytes());
            }
            _ => heap.write(value, out),
        },
        View::Array => {
            out.push(b'[');
            for element in heap.elements(value) {
                identify(heap, element, depth - 1, out);
                out.push(b',');
            }
            out.push(b']');
        }
        View::Object => {
            let mut entries: Vec<(&str, Value)> =
                heap.entries(value).map(|(key, member)| (heap.key_text(key), member)).collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push(b'{');
            for (key, member) in entries {
                crate::value::write_string(key, out);
                out.push(b':');
                identify(heap, member, depth - 1, out);
                out.push(b',');
            }
            out.push(b'}');
        }
    }
}

/// `Object.hashCode`
fn hash_code(heap: &Heap, value: Value, depth: usize) -> i32 {
    match heap.view(value) {
        _ if depth == 0 => text_hash(&heap.to_json_text(value)),
        View::Null => 0,
        View::Bool(true) => 1231,
        View::Bool(false) => 1237,
        View::Str(text) => text_hash(text),
        View::Int(_) | View::Float(_) => match number(heap, value) {
            Some(Number::Whole(int)) => {
                i32::try_from(int).unwrap_or_else(|_| fold(int.cast_unsigned()))
            }
            Some(Number::Double(float)) => fold(float.to_bits()),
            Some(Number::Big(digits)) => big_hash(&digits),
            None => 0,
        },
        View::Array => heap.elements(value).fold(1, |hash, element| {
            31_i32.wrapping_mul(hash).wrapping_add(hash_code(heap, element, depth - 1))
        }),
        View::Object => heap.entries(value).fold(0, |hash, (key, member)| {
            let entry = text_hash(heap.key_text(key)) ^ hash_code(heap, member, depth - 1);
            hash.wrapping_add(entry)
        }),
    }
}

/// `Long.hashCode`
fn fold(bits: u64) -> i32 {
    (bits ^ bits >> 32) as i32
}

/// `String.hashCode`
fn text_hash(text: &str) -> i32 {
    text.encode_utf16()
        .fold(0, |hash, unit| 31_i32.wrapping_mul(hash).wrapping_add(i32::from(unit)))
}

/// `BigInteger.hashCode`; Jackson reads no more digits than this.
fn big_hash(digits: &str) -> i32 {
    const DIGITS_MAX: usize = 1_000;
    if digits.len() > DIGITS_MAX {
        return text_hash(digits);
    }
    let (negative, digits) = digits.strip_prefix('-').map_or((false, digits), |rest| (true, rest));
    // Words of the magnitude, the lowest first.
    let mut words: Vec<u32> = Vec::new();
    for digit in digits.bytes().filter(u8::is_ascii_digit) {
        let mut carry = u64::from(digit - b'0');
        for word in &mut words {
            let product = u64::from(*word) * 10 + carry;
            (*word, carry) = (product as u32, product >> 32);
        }
        if carry > 0 {
            words.push(carry as u32);
        }
    }
    let hash = words
        .iter()
        .rev()
        .fold(0_i32, |hash, word| 31_i32.wrapping_mul(hash).wrapping_add(word.cast_signed()));
    if negative { hash.wrapping_neg() } else { hash }
}

/// The elements of `array` that differ, in the order of a `java.util.HashSet` to which they were
/// added one by one.
pub(in crate::expr) fn set_order(heap: &Heap, array: Value) -> Vec<Value> {
    let mut known = HashSet::new();
    let mut table = Table::new();
    for element in heap.elements(array) {
        if known.insert(identity(heap, element)) {
            table.add(hash_code(heap, element, DEPTH_MAX), element);
        }
    }
    table.buckets.into_iter().flatten().map(|(_, element)| element).collect()
}

/// `java.util.HashMap`'s table. What it makes of a bucket of more than eight once it has 64
/// buckets, a tree, is not followed: only the order inside such a bucket would differ.
struct Table {
    buckets: Vec<Vec<(u32, Value)>>,
    len: usize,
}

impl Table {
    const BUCKETS_MIN: usize = 16;
    const BUCKETS_OF_TREES: usize = 64;
    const CHAIN_MAX: usize = 8;

    fn new() -> Self {
        Self { buckets: vec![Vec::new(); Self::BUCKETS_MIN], len: 0 }
    }

    fn add(&mut self, hash: i32, value: Value) {
        let hash = hash.cast_unsigned();
        let spread = hash ^ hash >> 16;
        let mask = self.buckets.len() - 1;
        let bucket = &mut self.buckets[spread as usize & mask];
        bucket.push((spread, value));
        if bucket.len() > Self::CHAIN_MAX && self.buckets.len() < Self::BUCKETS_OF_TREES {
            self.grow();
        }
        self.len += 1;
        if self.len > self.buckets.len() / 4 * 3 {
            self.grow();
        }
    }

    /// Doubles the table; what shared a bucket keeps its order.
    fn grow(&mut self) {
        let count = 2 * self.buckets.len();
        let before = std::mem::replace(&mut self.buckets, vec![Vec::new(); count]);
        for (spread, value) in before.into_iter().flatten() {
            self.buckets[spread as usize & (count - 1)].push((spread, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::value::{ArenaId, Constants, Parser};

    fn parsed(text: &str) -> (Heap, Value) {
        let mut heap = Heap::new(Rc::new(Constants::default()));
        let value = heap.parse(ArenaId::ROOT, text.as_bytes(), &mut Parser::default()).unwrap();
        (heap, value)
    }

    fn hash(text: &str) -> i32 {
        let (heap, value) = parsed(text);
        hash_code(&heap, value, DEPTH_MAX)
    }

    #[test]
    fn hash_codes_are_those_of_java() {
        for (text, expected) in [
            ("null", 0),
            ("true", 1231),
            ("false", 1237),
            ("7", 7),
            ("-1", -1),
            ("4294967296", 1),
            ("-4294967296", -1),
            ("1.0", 1_072_693_248),
            ("\"\"", 0),
            ("\"HelloWorld\"", 439_329_280),
            ("[]", 1),
            ("[1,2]", 994),
            ("[2,1]", 1024),
            ("{}", 0),
            ("{\"a\":1}", 96),
            ("{\"a\":1,\"b\":2}", 96 + 96),
            // 2^64: magnitude words 1, 0, 0.
            ("18446744073709551616", 961),
            ("-18446744073709551616", -961),
        ] {
            assert_eq!(hash(text), expected, "{text}");
        }
    }

    fn ordered(text: &str) -> String {
        let (mut heap, array) = parsed(text);
        let elements = set_order(&heap, array);
        let open = heap.open(ArenaId::ROOT, elements.len()).unwrap();
        for (slot, element) in elements.into_iter().enumerate() {
            heap.set(open, slot, element);
        }
        let array = heap.close_array(open).unwrap();
        String::from_utf8(heap.to_json(array)).unwrap()
    }

    #[test]
    fn sets_give_their_elements_in_the_order_of_their_buckets() {
        for (text, expected) in [
            // Recorded on AWS.
            ("[true,false,true,false]", "[false,true]"),
            ("[[1,2],[1,2],[2,1]]", "[[2,1],[1,2]]"),
            ("[1,2,1,3,2,4]", "[1,2,3,4]"),
            ("[null,null,1,null]", "[null,1]"),
            (r#"[1,"1",1,"01"]"#, r#"[1,"1","01"]"#),
            // Equality has no regard to the order of members, but to types.
            (r#"[{"a":1,"b":2},{"b":2,"a":1}]"#, r#"[{"a":1,"b":2}]"#),
            ("[1,1.0]", "[1.0,1]"),
            // One bucket, first come first.
            ("[32,16,0,48]", "[32,16,0,48]"),
            // Twelve still fit sixteen buckets, thirteen make them 32.
            ("[16,15,14,13,12,11,10,9,8,7,6,5]", "[16,5,6,7,8,9,10,11,12,13,14,15]"),
            ("[16,15,14,13,12,11,10,9,8,7,6,5,4]", "[4,5,6,7,8,9,10,11,12,13,14,15,16]"),
            // A chain of nine makes the table grow.
            ("[0,16,32,48,64,80,96,112,128]", "[0,32,64,96,128,16,48,80,112]"),
        ] {
            assert_eq!(ordered(text), expected, "{text}");
        }
    }

    #[test]
    fn a_deep_value_is_hashed_without_deep_recursion() {
        let mut heap = Heap::new(Rc::new(Constants::default()));
        let mut value = Value::int(1);
        for _ in 0..60_000 {
            let open = heap.open(ArenaId::ROOT, 1).unwrap();
            heap.set(open, 0, value);
            value = heap.close_array(open).unwrap();
        }
        assert_eq!(set_order(&heap, value).len(), 1);
    }
}
