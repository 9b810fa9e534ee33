//! What shows through of the language that the service is written in.

use serde_json::{Number, Value};

use crate::intrinsics::same;
use crate::unsure;

/// `java.util.Random`.
pub(crate) struct Random {
    seed: i64,
}

impl Random {
    pub(crate) fn new(seed: i64) -> Self {
        Self { seed: (seed ^ 0x5_DEEC_E66D) & ((1 << 48) - 1) }
    }

    fn next(&mut self) -> i32 {
        self.seed = self.seed.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & ((1 << 48) - 1);
        (self.seed >> 17) as i32
    }

    /// A number from 0 to `bound`, exclusive.
    pub(crate) fn next_int(&mut self, bound: i32) -> i32 {
        let mut bits = self.next();
        if bound & (bound - 1) == 0 {
            return ((i64::from(bound) * i64::from(bits)) >> 31) as i32;
        }
        loop {
            let number = bits % bound;
            if bits.wrapping_sub(number).wrapping_add(bound - 1) >= 0 {
                return number;
            }
            bits = self.next();
        }
    }
}

/// The items without repetitions, as a `java.util.HashSet` iterates over them.
pub(crate) fn hash_set(items: &[Value]) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        if !kept.iter().any(|other| same(item, other)) {
            kept.push(item.clone());
        }
    }
    let mut buckets = 16_usize;
    while kept.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    kept.sort_by_key(|item| {
        let hash = hash_code(item) as u32;
        (hash ^ hash >> 16) as usize % buckets
    });
    kept
}

fn hash_code(value: &Value) -> i32 {
    match value {
        Value::Null => 0,
        Value::Bool(true) => 1231,
        Value::Bool(false) => 1237,
        Value::Number(number) => {
            let float = number.as_f64().unwrap_or_default();
            if let Some(whole) = number.as_i64() {
                i32::try_from(whole).unwrap_or((whole ^ (whole as u64 >> 32) as i64) as i32)
            } else {
                if float.fract() == 0.0 {
                    unsure::guess("the hash of a whole number with a fraction");
                }
                let bits = float.to_bits();
                (bits ^ bits >> 32) as i32
            }
        }
        Value::String(text) => {
            text.encode_utf16().fold(0, |hash: i32, unit| combined(hash, i32::from(unit)))
        }
        Value::Array(items) => items.iter().fold(1, |hash, item| combined(hash, hash_code(item))),
        Value::Object(members) => members.iter().fold(0, |hash: i32, (key, value)| {
            hash.wrapping_add(hash_code(&Value::from(key.as_str())) ^ hash_code(value))
        }),
    }
}

fn combined(hash: i32, next: i32) -> i32 {
    hash.wrapping_mul(31).wrapping_add(next)
}

/// `toString` of the value: maps as `{k=v}`, strings bare.
pub(crate) fn to_string(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(to_string).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<_> =
                members.iter().map(|(key, value)| format!("{key}={}", to_string(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Number(number) => {
            exotic(number);
            number.to_string()
        }
        value => value.to_string(),
    }
}

/// Numbers that Java and JavaScript would write each in its own way.
pub(crate) fn exotic(number: &Number) {
    let size = number.as_f64().unwrap_or_default().abs();
    if number.is_f64() && size != 0.0 && !(1e-3..1e7).contains(&size) {
        unsure::guess("the text of a very large or very small number");
    }
}

#[test]
fn recorded_random_numbers() {
    for (from, to, seed, expected) in [
        (1, 100, 42, 63),
        (1, 1000, 1, 106),
        (1, 1000, 2, 806),
        (1, 10, -10, 1),
        (2_147_483_640, 2_147_483_647, 1, 2_147_483_644),
    ] {
        assert_eq!(from + Random::new(seed).next_int(to - from), expected);
    }
}
