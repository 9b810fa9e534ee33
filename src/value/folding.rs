//! Values of an execution that sleeps: nothing but their text, so that the heap can serve others.
//!
//! The text is one JSON document, `[[0,1,0],"first","second"]`: where each root stands, then the
//! distinct ones. A root that is kept twice (a state's input that is also the execution's) is
//! written once. What is shared further down is written again; it is at most a payload.

use super::{Heap, ParseError, Parser, Value, View, number};
use crate::base::limits::DOCUMENT_DEPTH_MAX;

/// The text of folded values, in memory of exactly its size.
#[derive(Clone, PartialEq, Eq)]
pub struct Folded(Box<[u8]>);

impl Folded {
    /// Bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        self.0.len()
    }
}

impl std::fmt::Debug for Folded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Folded({})", String::from_utf8_lossy(&self.0))
    }
}

impl Heap {
    /// Writes `roots` down, to be read by [`Heap::unfold`] into this heap or any other.
    /// Answers nothing when they are nested too deep to be read again.
    pub fn fold(&self, roots: &[Value]) -> Option<Folded> {
        let mut distinct: Vec<Value> = Vec::with_capacity(roots.len().min(DISTINCT_MAX));
        let mut repeats: Vec<usize> = Vec::with_capacity(roots.len());
        for root in roots {
            let known = distinct.iter().take(DISTINCT_MAX).position(|other| other.is_same(*root));
            repeats.push(known.unwrap_or(distinct.len()));
            if known.is_none() {
                distinct.push(*root);
            }
        }
        let places_len: usize =
            repeats.iter().map(|&place| number::int_len(place as i64) as usize + 1).sum();
        let values_len: usize = distinct.iter().map(|value| value.json_len() + 1).sum();
        // Brackets of both arrays; the places have a comma less than is counted, unless empty.
        let len = places_len.max(1) + 1 + values_len + 2;
        let mut text = Vec::with_capacity(len);
        text.extend_from_slice(b"[[");
        for (index, place) in repeats.into_iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            number::write_int(place as i64, &mut text);
        }
        text.push(b']');
        for value in distinct {
            text.push(b',');
            self.write(value, &mut text);
        }
        text.push(b']');
        debug_assert_eq!(text.len(), len, "the length of every value is exact");
        is_shallow(&text).then(|| Folded(text.into_boxed_slice()))
    }

    /// Reads folded values into `roots`, as many as were folded, after a [`Heap::reset`]. Their
    /// text takes the place of the execution's first document.
    ///
    /// # Errors
    /// [`ParseError`] for what [`Heap::fold`] did not write.
    pub fn unfold(
        &mut self,
        folded: &Folded,
        roots: &mut [Value],
        parser: &mut Parser,
    ) -> Result<(), ParseError> {
        let document = self.parse(super::ArenaId::ROOT, &folded.0, parser)?;
        let mut elements = self.elements(document);
        let places = elements.next().unwrap_or(Value::NULL);
        let distinct: Vec<Value> = elements.collect();
        for (root, place) in roots.iter_mut().zip(self.elements(places)) {
            *root = match self.view(place) {
                View::Int(place) => distinct.get(place as usize).copied().unwrap_or(Value::NULL),
                _ => Value::NULL,
            };
        }
        Ok(())
    }
}

/// Whether `text` may be parsed. Few texts have so many brackets that they have to be followed.
fn is_shallow(text: &[u8]) -> bool {
    let opening = text.iter().filter(|byte| matches!(byte, b'[' | b'{')).count();
    opening <= DOCUMENT_DEPTH_MAX || depth(text) <= DOCUMENT_DEPTH_MAX
}

/// The deepest nesting of a JSON text.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn skip_string<'a>(bytes: &mut impl Iterator<Item = &'a u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

/// A root is looked for among so many others before it is written once more.
const DISTINCT_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use proptest::prelude::*;

    use super::super::moving::tests::{Scene, arbitrary_tree};
    use super::super::{ArenaId, Constants};
    use super::*;

    proptest! {
        #[test]
        fn folded_values_come_back_as_they_were(
            trees in proptest::collection::vec(arbitrary_tree(), 0..4),
            spaced in any::<bool>(),
        ) {
            let (mut scene, values) = Scene::of_all(&trees);
            let mut roots = values.clone();
            roots.extend(&values);
            let before: Vec<_> = values.iter().map(|&value| scene.portrait(value)).collect();
            let folded = scene.heap.fold(&roots).unwrap();
            if spaced {
                // Another heap, with other constants.
                scene.heap = Heap::new(Rc::new(Constants::default()));
            } else {
                scene.restart();
            }
            let mut unfolded = vec![Value::NULL; roots.len()];
            scene.heap.unfold(&folded, &mut unfolded, &mut scene.parser).unwrap();
            for (index, value) in unfolded.iter().enumerate() {
                prop_assert_eq!(&scene.portrait(*value), &before[index % before.len()]);
            }
            prop_assert_eq!(scene.heap.fold(&unfolded).unwrap(), folded);
        }
    }

    #[test]
    fn equal_roots_are_written_once() {
        let mut heap = Heap::new(Rc::new(Constants::default()));
        let mut parser = Parser::default();
        let input = heap.parse(ArenaId::ROOT, br#"{"a":[1.0]}"#, &mut parser).unwrap();
        let text = heap.string(ArenaId::ROOT, "a\"b").unwrap();
        let folded = heap.fold(&[input, Value::NULL, input, text]).unwrap();
        assert_eq!(&*folded.0, br#"[[0,1,0,2],{"a":[1.0]},null,"a\"b"]"#);
        assert_eq!(&*heap.fold(&[]).unwrap().0, b"[[]]");
    }

    #[test]
    fn what_is_too_deep_to_be_read_again_is_not_folded() {
        let mut heap = Heap::new(Rc::new(Constants::default()));
        let mut parser = Parser::default();
        let mut value = Value::int(1);
        for depth in 1..=DOCUMENT_DEPTH_MAX {
            let open = heap.open(ArenaId::ROOT, 1).unwrap();
            heap.set(open, 0, value);
            value = heap.close_array(open).unwrap();
            let Some(folded) = heap.fold(&[value]) else {
                assert_eq!(depth, DOCUMENT_DEPTH_MAX, "the fold itself is one level");
                return;
            };
            let mut other = Heap::new(Rc::new(Constants::default()));
            other.unfold(&folded, &mut [Value::NULL], &mut parser).unwrap();
        }
        panic!("{DOCUMENT_DEPTH_MAX} levels and one more were folded");
    }

    #[test]
    fn brackets_in_strings_are_no_depth() {
        let mut heap = Heap::new(Rc::new(Constants::default()));
        let text = "[\"{\\".repeat(DOCUMENT_DEPTH_MAX);
        let value = heap.string(ArenaId::ROOT, &text).unwrap();
        let folded = heap.fold(&[value]).unwrap();
        let mut roots = [Value::NULL];
        let mut other = Heap::new(Rc::new(Constants::default()));
        other.unfold(&folded, &mut roots, &mut Parser::default()).unwrap();
        assert_eq!(other.key_text(roots[0]), text);
    }
}
