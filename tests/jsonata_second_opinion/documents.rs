//! Documents of one shape, most of whose parts are there and of the type that expressions expect.

use expressway::base::entropy::Entropy;
use serde_json::{Map, Value, json};

/// A document with some members missing, and one whose shape nobody knows.
pub(crate) fn document(entropy: &mut Entropy) -> Value {
    let items: Vec<Value> = (0..entropy.below(5)).map(|_| item(entropy)).collect();
    let list: Vec<Value> = (0..entropy.below(6)).map(|_| number(entropy)).collect();
    let words: Vec<Value> = (0..entropy.below(4)).map(|_| text(entropy)).collect();
    let members = [
        ("n", number(entropy)),
        ("s", text(entropy)),
        ("t", json!(entropy.below(2) == 0)),
        ("list", list.into()),
        ("words", words.into()),
        ("items", items.into()),
        ("who", json!({"name": text(entropy), "age": number(entropy), "tags": ["x", "y"]})),
        ("one", json!([item(entropy)])),
        ("z", Value::Null),
        ("any", value(entropy, 3)),
    ];
    kept(entropy, members)
}

fn item(entropy: &mut Entropy) -> Value {
    let tags: Vec<Value> = (0..entropy.below(3)).map(|_| text(entropy)).collect();
    let members = [
        ("id", json!(entropy.below(6))),
        ("name", text(entropy)),
        ("qty", number(entropy)),
        ("price", number(entropy)),
        ("tags", tags.into()),
        ("sub", json!({"x": number(entropy), "y": [number(entropy), number(entropy)]})),
    ];
    kept(entropy, members)
}

fn kept<const N: usize>(entropy: &mut Entropy, members: [(&str, Value); N]) -> Value {
    let kept = members.into_iter().filter(|_| entropy.below(20) > 0);
    Value::Object(kept.map(|(key, member)| (key.to_owned(), member)).collect())
}

/// Whole numbers and quarters, which every engine adds exactly.
fn number(entropy: &mut Entropy) -> Value {
    match entropy.below(4) {
        0 => json!((entropy.below(400) as f64 - 200.0) / 4.0),
        1 => json!(-(entropy.below(20) as i64)),
        _ => json!(entropy.below(20)),
    }
}

fn text(entropy: &mut Entropy) -> Value {
    const TEXTS: [&str; 12] = [
        "",
        "a",
        "b",
        "abc",
        "Hello World",
        " x  y ",
        "a,b,,c",
        "12",
        "é🙂z",
        "true",
        "-3.5",
        "ab",
    ];
    Value::from(TEXTS[entropy.below(TEXTS.len() as u64) as usize])
}

/// Anything.
fn value(entropy: &mut Entropy, depth: u64) -> Value {
    match entropy.below(if depth == 0 { 4 } else { 8 }) {
        0 => number(entropy),
        1 => text(entropy),
        2 => json!(entropy.below(2) == 0),
        3 => Value::Null,
        4 | 5 => (0..entropy.below(4)).map(|_| value(entropy, depth - 1)).collect(),
        _ => {
            let keys = ["a", "b", "n", "s", "list"];
            let mut members = Map::new();
            for _ in 0..entropy.below(4) {
                let key = keys[entropy.below(keys.len() as u64) as usize];
                members.insert(key.to_owned(), value(entropy, depth - 1));
            }
            Value::Object(members)
        }
    }
}
