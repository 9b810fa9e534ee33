//! Any bytes as an event: what is accepted reads as serde_json reads it, written, walked, and sent
//! through an execution.

use std::rc::Rc;

use expressway::value::{ArenaId, Constants, Heap, Parser, Value, View};

use super::running;

const PASSTHROUGH: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;

pub(crate) fn check(bytes: &[u8]) {
    let mut heap = Heap::new(Rc::new(Constants::default()));
    let mut parser = Parser::default();
    // The second parse reuses the first one's memory.
    for _ in 0..2 {
        let Ok(value) = heap.parse(ArenaId::ROOT, bytes, &mut parser) else { return };
        let text = heap.to_json(value);
        assert_eq!(text.len(), value.json_len());
        walk(&heap, value);
        if let Ok(expected) = serde_json::from_slice::<serde_json::Value>(bytes) {
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&text).ok(), Some(expected));
        }
    }
    if let Some(ended) = running::run(PASSTHROUGH, bytes)
        && let Ok(expected) = serde_json::from_slice::<serde_json::Value>(bytes)
    {
        let output = serde_json::from_str::<serde_json::Value>(&ended.output);
        assert_eq!(output.ok(), Some(expected));
    }
}

fn walk(heap: &Heap, value: Value) {
    match heap.view(value) {
        View::Array => {
            for element in heap.elements(value) {
                walk(heap, element);
            }
        }
        View::Object => {
            for (key, member) in heap.entries(value) {
                assert!(heap.field(value, key).is_some());
                walk(heap, member);
            }
        }
        _ => {}
    }
}
