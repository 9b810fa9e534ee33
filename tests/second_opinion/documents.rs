//! Documents that flow, and paths into them.

use serde_json::{Map, Value, json};

use crate::tape::Tape;

const KEYS: [&str; 9] = ["a", "b", "c", "list", "n", "s", "key-1", "Ä", "x.y z"];
const TEXTS: [&str; 12] = [
    "x",
    "hello world",
    "a,b,,c",
    "",
    "é🙂",
    "zeta",
    "2025-06-01T12:00:00Z",
    "2025-06-01T14:00:00+02:00",
    "it's",
    "a*c",
    "line\nbreak \"quoted\" back\\slash",
    "{}",
];

/// A scalar.
pub(crate) fn scalar(tape: &Tape<'_>) -> Value {
    match tape.below(6) {
        0 | 1 => number(tape),
        2 | 3 => Value::from(*tape.pick(&TEXTS)),
        4 => Value::from(tape.chance(50)),
        _ => Value::Null,
    }
}

pub(crate) fn text(tape: &Tape<'_>) -> &'static str {
    TEXTS[tape.below(TEXTS.len())]
}

pub(crate) fn number(tape: &Tape<'_>) -> Value {
    if tape.chance(4) {
        return tape
            .pick(&[
                json!(9_007_199_254_740_993_i64),
                json!(i64::MIN),
                json!(1e21),
                json!(-1.5e-7),
                json!(4_294_967_296_i64),
            ])
            .clone();
    }
    match tape.below(5) {
        0 => json!(0),
        1 => json!(tape.below(10)),
        2 => json!(-(tape.below(100) as i64)),
        3 => json!(tape.below(1000) as f64 / 4.0 + 0.125),
        _ => json!(tape.below(1_000_000)),
    }
}

/// Any value, so many levels deep at most.
pub(crate) fn value(tape: &Tape<'_>, depth: usize) -> Value {
    if depth == 0 {
        return scalar(tape);
    }
    match tape.below(8) {
        0 | 1 => scalar(tape),
        2..=5 => object(tape, depth),
        6 => (0..tape.below(5)).map(|_| scalar(tape)).collect(),
        _ => {
            let keys: Vec<&str> = (0..=tape.below(2)).map(|_| *tape.pick(&KEYS)).collect();
            let item = |_| keys.iter().map(|key| ((*key).to_owned(), scalar(tape))).collect();
            (0..tape.below(4)).map(|at| Value::Object(Map::from_iter::<Vec<_>>(item(at)))).collect()
        }
    }
}

/// An object with a few members.
pub(crate) fn object(tape: &Tape<'_>, depth: usize) -> Value {
    let members = 1 + tape.below(4);
    let member = |_| (key(tape), value(tape, depth - 1));
    Value::Object((0..members).map(member).collect())
}

pub(crate) fn key(tape: &Tape<'_>) -> String {
    (*tape.pick(&KEYS)).to_owned()
}

/// Every place in a document: the path to it from `root`, and what is there.
pub(crate) fn places(root: &str, document: &Value) -> Vec<(String, Value)> {
    let mut found = vec![(root.to_owned(), document.clone())];
    let mut at = 0;
    while at < found.len() && found.len() < 60 {
        let (path, value) = found[at].clone();
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    found.push((path.clone() + &segment(&key), value));
                }
            }
            Value::Array(items) => {
                for (index, value) in items.into_iter().enumerate().take(4) {
                    found.push((format!("{path}[{index}]"), value));
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// A name as a step of a path.
pub(crate) fn segment(key: &str) -> String {
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain && !key.is_empty() { format!(".{key}") } else { format!("['{key}']") }
}
