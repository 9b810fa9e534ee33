//! Values that move between arenas stay what they are, however they were put together.

use std::rc::Rc;

use proptest::prelude::*;

use super::super::{ArenaId, Constants, ConstantsBuilder, Heap, Parser, Value, View, write_string};

/// A JSON tree, and where each part of it is put.
#[derive(Clone, Debug)]
pub(in crate::value) enum Tree {
    /// A number's text.
    Number(&'static str),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
    /// A subtree in a place of its own.
    In(Place, Box<Tree>),
    /// The same value twice.
    Twice(Box<Tree>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::value) enum Place {
    Constants,
    Above,
    Below,
    /// The execution's first document.
    First,
    /// A document of the arena above or below, among this many bytes that nobody needs.
    DocumentAbove(usize),
    DocumentBelow(usize),
    /// One document of the arena below that holds all subtrees of this place.
    Common,
}

fn write(tree: &Tree, out: &mut Vec<u8>) {
    match tree {
        Tree::Number(text) => out.extend_from_slice(text.as_bytes()),
        Tree::Text(text) => write_string(text, out),
        Tree::Array(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                out.extend_from_slice(if index > 0 { b"," } else { b"" });
                write(element, out);
            }
            out.push(b']');
        }
        Tree::Object(members) => {
            out.push(b'{');
            for (index, (key, member)) in members.iter().enumerate() {
                out.extend_from_slice(if index > 0 { b"," } else { b"" });
                write_string(key, out);
                out.push(b':');
                write(member, out);
            }
            out.push(b'}');
        }
        Tree::In(_, tree) => write(tree, out),
        Tree::Twice(tree) => {
            out.push(b'[');
            write(tree, out);
            out.push(b',');
            write(tree, out);
            out.push(b']');
        }
    }
}

fn text(tree: &Tree) -> Vec<u8> {
    let mut out = Vec::new();
    write(tree, &mut out);
    out
}

/// Texts of the subtrees in `place`, outermost first.
fn texts_in(tree: &Tree, place: Place, out: &mut Vec<Vec<u8>>) {
    match tree {
        Tree::In(at, tree) if *at == place => out.push(text(tree)),
        Tree::In(_, tree) | Tree::Twice(tree) => texts_in(tree, place, out),
        Tree::Array(elements) => elements.iter().for_each(|element| texts_in(element, place, out)),
        Tree::Object(members) => members.iter().for_each(|(_, tree)| texts_in(tree, place, out)),
        Tree::Number(_) | Tree::Text(_) => {}
    }
}

/// An array of the subtrees in `place`, as one document.
fn gathered(tree: &Tree, place: Place) -> Vec<u8> {
    let mut texts = Vec::new();
    texts_in(tree, place, &mut texts);
    let mut document = vec![b'['];
    document.extend_from_slice(&texts.join(&b','));
    document.push(b']');
    document
}

/// A heap with two frames, and the tree built over all of it.
pub(in crate::value) struct Scene {
    pub(in crate::value) heap: Heap,
    pub(in crate::value) parser: Parser,
    above: ArenaId,
    below: ArenaId,
    constants: std::vec::IntoIter<Value>,
    /// Subtrees of the first document and of the common one that have not been used yet.
    first: std::vec::IntoIter<Value>,
    common: std::vec::IntoIter<Value>,
}

impl Scene {
    /// Several trees in one heap.
    pub(in crate::value) fn of_all(trees: &[Tree]) -> (Self, Vec<Value>) {
        let (scene, value) = Self::of(&Tree::Array(trees.to_vec()));
        let values = scene.heap.elements(value).collect();
        (scene, values)
    }

    fn of(tree: &Tree) -> (Self, Value) {
        let mut builder = ConstantsBuilder::default();
        let constants = constants(tree, &mut builder);
        let mut heap = Heap::new(Rc::new(builder.finish()));
        let mut parser = Parser::default();
        let first = heap.parse(ArenaId::ROOT, &gathered(tree, Place::First), &mut parser).unwrap();
        let above = heap.open_arena().unwrap();
        let below = heap.open_arena().unwrap();
        let common = heap.parse(below, &gathered(tree, Place::Common), &mut parser).unwrap();
        let first: Vec<Value> = heap.elements(first).collect();
        let common: Vec<Value> = heap.elements(common).collect();
        let mut scene = Self {
            heap,
            parser,
            above,
            below,
            constants: constants.into_iter(),
            first: first.into_iter(),
            common: common.into_iter(),
        };
        let value = scene.build(tree, below);
        (scene, value)
    }

    fn build(&mut self, tree: &Tree, arena: ArenaId) -> Value {
        match tree {
            Tree::Number(text) => match text.parse() {
                Ok(int) if !text.starts_with("-0") => Value::int(int),
                _ => self.heap.parse(arena, text.as_bytes(), &mut self.parser).unwrap(),
            },
            Tree::Text(text) => self.heap.string(arena, text).unwrap(),
            Tree::Array(elements) => {
                let open = self.heap.open(arena, elements.len()).unwrap();
                for (slot, element) in elements.iter().enumerate() {
                    let element = self.build(element, arena);
                    self.heap.set(open, slot, element);
                }
                self.heap.close_array(open).unwrap()
            }
            Tree::Object(members) => {
                let open = self.heap.open(arena, 2 * members.len()).unwrap();
                for (entry, (key, member)) in members.iter().enumerate() {
                    let key = self.heap.string(arena, key).unwrap();
                    let member = self.build(member, arena);
                    self.heap.set(open, 2 * entry, key);
                    self.heap.set(open, 2 * entry + 1, member);
                }
                self.heap.close_object(open).unwrap()
            }
            Tree::Twice(tree) => {
                let value = self.build(tree, arena);
                let open = self.heap.open(arena, 2).unwrap();
                self.heap.set(open, 0, value);
                self.heap.set(open, 1, value);
                self.heap.close_array(open).unwrap()
            }
            Tree::In(place, tree) => self.build_in(*place, tree, arena),
        }
    }

    fn build_in(&mut self, place: Place, tree: &Tree, arena: ArenaId) -> Value {
        match place {
            Place::Constants => self.constants.next().unwrap(),
            Place::First => self.first.next().unwrap(),
            Place::Common if arena == self.below => self.common.next().unwrap(),
            // What is above never points below.
            Place::Common => {
                self.common.next();
                self.build_document(tree, arena, 0)
            }
            Place::Above => self.build(tree, self.above),
            Place::Below => self.build(tree, arena),
            Place::DocumentAbove(surplus) => self.build_document(tree, self.above, surplus),
            Place::DocumentBelow(surplus) => self.build_document(tree, arena, surplus),
        }
    }

    fn build_document(&mut self, tree: &Tree, arena: ArenaId, surplus: usize) -> Value {
        let json = text(&Tree::Array(vec![tree.clone(), Tree::Text("x".repeat(surplus))]));
        // What a document holds is built by nobody.
        for (place, values) in [
            (Place::Constants, &mut self.constants),
            (Place::First, &mut self.first),
            (Place::Common, &mut self.common),
        ] {
            let mut inside = Vec::new();
            texts_in(tree, place, &mut inside);
            for _ in inside {
                values.next();
            }
        }
        let document = self.heap.parse(arena, &json, &mut self.parser).unwrap();
        self.heap.element(document, 0).unwrap()
    }

    /// Closes the arena below and has its memory used again by others.
    fn close_and_poison(&mut self) {
        self.heap.close_arena(self.below);
        self.poison();
    }

    fn poison(&mut self) {
        let arena = self.heap.open_arena().unwrap();
        let _ = self.heap.open(arena, 200).unwrap();
        self.heap.string(arena, &"poison".repeat(100)).unwrap();
        for _ in 0..8 {
            let json = format!("[{}]", vec!["\"poison\""; 100].join(","));
            self.heap.parse(arena, json.as_bytes(), &mut self.parser).unwrap();
        }
        self.below = arena;
    }

    /// Starts another execution, which uses the memory of this one, and ends it too.
    pub(in crate::value) fn restart(&mut self) {
        let constants = Rc::new(Constants::default());
        self.heap.reset(&constants);
        self.poison();
        self.heap.reset(&constants);
    }

    /// A value as it is written and as it is seen.
    pub(in crate::value) fn portrait(&self, value: Value) -> (String, String) {
        (self.written(value), self.seen(value))
    }

    fn written(&self, value: Value) -> String {
        let json = self.heap.to_json(value);
        assert_eq!(json.len(), value.json_len());
        String::from_utf8(json).unwrap()
    }

    /// What readers see, which may differ from how it is spelled.
    fn seen(&self, value: Value) -> String {
        match self.heap.view(value) {
            View::Array => {
                let elements: Vec<_> =
                    self.heap.elements(value).map(|element| self.seen(element)).collect();
                format!("[{}]", elements.join(","))
            }
            View::Object => {
                let members: Vec<_> = self
                    .heap
                    .entries(value)
                    .map(|(key, member)| {
                        format!("{:?}:{}", self.heap.key_text(key), self.seen(member))
                    })
                    .collect();
                format!("{{{}}}", members.join(","))
            }
            scalar => format!("{scalar:?}"),
        }
    }
}

fn constants(tree: &Tree, builder: &mut ConstantsBuilder) -> Vec<Value> {
    match tree {
        Tree::In(Place::Constants, tree) => vec![constant(tree, builder)],
        Tree::In(_, tree) | Tree::Twice(tree) => constants(tree, builder),
        Tree::Array(elements) => {
            elements.iter().flat_map(|element| constants(element, builder)).collect()
        }
        Tree::Object(members) => {
            members.iter().flat_map(|(_, member)| constants(member, builder)).collect()
        }
        Tree::Number(_) | Tree::Text(_) => Vec::new(),
    }
}

fn constant(tree: &Tree, builder: &mut ConstantsBuilder) -> Value {
    match tree {
        Tree::Number(text) => match text.parse() {
            Ok(int) => Value::int(int),
            Err(_) => Value::float(text.parse().unwrap()),
        },
        Tree::Text(text) => builder.string(text).unwrap(),
        Tree::Array(elements) => {
            let elements: Vec<_> =
                elements.iter().map(|element| constant(element, builder)).collect();
            builder.array(&elements).unwrap()
        }
        Tree::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(key, member)| (builder.string(key).unwrap(), constant(member, builder)))
                .collect();
            builder.object(&members).unwrap()
        }
        Tree::In(_, tree) => constant(tree, builder),
        Tree::Twice(tree) => {
            let value = constant(tree, builder);
            builder.array(&[value, value]).unwrap()
        }
    }
}

pub(in crate::value) fn arbitrary_tree() -> impl Strategy<Value = Tree> {
    let number = proptest::sample::select(vec![
        "0",
        "5",
        "-7",
        "1.0",
        "0.1",
        "-0",
        "-0.0",
        "1E5",
        "1e21",
        "1e+21",
        "2.50",
        "9007199254740993",
        "9223372036854775807",
        "18446744073709551615",
        "123456789012345678901234567890",
        "5e-324",
    ]);
    let leaf =
        prop_oneof![number.prop_map(Tree::Number), "[a-c\"\\\\é\n]{0,12}".prop_map(Tree::Text),];
    leaf.prop_recursive(6, 48, 5, |inner| {
        let surplus = prop_oneof![Just(0), Just(40), Just(2_000)];
        let place = prop_oneof![
            Just(Place::Above),
            Just(Place::Below),
            Just(Place::First),
            Just(Place::Common),
            surplus.clone().prop_map(Place::DocumentAbove),
            surplus.prop_map(Place::DocumentBelow),
        ];
        let members = proptest::collection::btree_map("[a-d\"]{0,3}", inner.clone(), 0..5);
        prop_oneof![
            3 => proptest::collection::vec(inner.clone(), 0..5).prop_map(Tree::Array),
            3 => members.prop_map(|members| Tree::Object(members.into_iter().collect())),
            4 => (place, inner.clone()).prop_map(|(place, tree)| Tree::In(place, Box::new(tree))),
            1 => inner.clone().prop_map(|tree| Tree::Twice(Box::new(tree))),
            1 => inner.prop_map(|tree| Tree::In(Place::Constants, Box::new(canonical(tree)))),
        ]
    })
}

/// Constants are written by us, so a number among them has our spelling.
fn canonical(tree: Tree) -> Tree {
    let inside = |tree: Box<Tree>| Box::new(canonical(*tree));
    match tree {
        Tree::Number(text) if text.parse::<i64>().is_ok_and(|int| int.to_string() == text) => tree,
        Tree::Number(_) => Tree::Number("0.1"),
        Tree::Text(_) => tree,
        Tree::Array(elements) => Tree::Array(elements.into_iter().map(canonical).collect()),
        Tree::Object(members) => {
            Tree::Object(members.into_iter().map(|(key, tree)| (key, canonical(tree))).collect())
        }
        Tree::In(_, tree) => canonical(*tree),
        Tree::Twice(tree) => Tree::Twice(inside(tree)),
    }
}

/// What a scene's account should say.
fn counted_bytes(heap: &Heap) -> usize {
    heap.arenas.iter().map(super::Arena::held_bytes).sum::<usize>() + heap.spare.held_bytes()
}

proptest! {
    #[test]
    fn what_has_moved_up_survives_its_arena(tree in arbitrary_tree()) {
        let expected = String::from_utf8(text(&tree)).unwrap();
        let (mut scene, value) = Scene::of(&tree);
        prop_assert_eq!(&scene.written(value), &expected);
        let seen = scene.seen(value);
        let moved = scene.heap.move_up(value, scene.below, scene.above).unwrap();
        prop_assert_eq!(&scene.written(value), &expected, "the source is as it was");
        scene.close_and_poison();
        prop_assert_eq!(&scene.written(moved), &expected);
        prop_assert_eq!(scene.seen(moved), seen);
        prop_assert_eq!(scene.heap.arena_bytes, counted_bytes(&scene.heap));
    }

    #[test]
    fn compaction_keeps_the_roots_and_nothing_else(one in arbitrary_tree(), garbage in arbitrary_tree()) {
        let tree = Tree::Array(vec![one, Tree::In(Place::Below, Box::new(garbage))]);
        let (mut scene, value) = Scene::of(&tree);
        let kept = scene.heap.element(value, 0).unwrap();
        let expected = scene.portrait(kept);
        let mut roots = [kept, Value::int(1), kept];
        scene.heap.compact(scene.below, &mut roots).unwrap();
        let arena = scene.below;
        scene.poison();
        prop_assert_eq!(&scene.portrait(roots[0]), &expected);
        let used_bytes = scene.heap.used_bytes(arena);
        scene.heap.compact(arena, &mut roots).unwrap();
        prop_assert!(scene.heap.used_bytes(arena) <= used_bytes, "nothing was left to drop");
        prop_assert_eq!(scene.portrait(roots[2]), expected);
        prop_assert_eq!(scene.written(roots[1]), "1");
        prop_assert_eq!(scene.heap.arena_bytes, counted_bytes(&scene.heap));
    }
}

fn heap() -> Heap {
    Heap::new(Rc::new(Constants::default()))
}

fn array(heap: &mut Heap, arena: ArenaId, elements: &[Value]) -> Value {
    let open = heap.open(arena, elements.len()).unwrap();
    for (slot, element) in elements.iter().enumerate() {
        heap.set(open, slot, *element);
    }
    heap.close_array(open).unwrap()
}

#[test]
fn a_deep_value_moves_without_recursion() {
    let mut heap = heap();
    let below = heap.open_arena().unwrap();
    let mut value = Value::int(1);
    for _ in 0..60_000 {
        value = array(&mut heap, below, &[value]);
    }
    let moved = heap.move_up(value, below, ArenaId::ROOT).unwrap();
    heap.close_arena(below);
    let mut roots = [moved];
    heap.compact(ArenaId::ROOT, &mut roots).unwrap();
    assert_eq!(heap.to_json(roots[0]).len(), 120_001);
}

#[test]
fn compaction_keeps_shared_parts_shared() {
    let mut heap = heap();
    let mut value = heap.string(ArenaId::ROOT, "leaf").unwrap();
    for _ in 0..20 {
        value = array(&mut heap, ArenaId::ROOT, &[value, value]);
    }
    let before_bytes = heap.used_bytes(ArenaId::ROOT);
    let mut roots = [value; 3];
    heap.compact(ArenaId::ROOT, &mut roots).unwrap();
    assert!(heap.used_bytes(ArenaId::ROOT) <= before_bytes + 2 * "leaf".len());
    assert_eq!(roots[2].json_len(), value.json_len());
}

#[test]
fn a_document_changes_hands_when_most_of_it_is_needed() {
    let mut heap = heap();
    let mut parser = Parser::default();
    let long = "x".repeat(300);
    heap.parse(ArenaId::ROOT, b"1", &mut parser).unwrap();
    let below = heap.open_arena().unwrap();
    let json = format!(r#"{{"a":"{long}","b":"{long}","c":"{long}"}}"#);
    let document = heap.parse(below, json.as_bytes(), &mut parser).unwrap();
    let members: Vec<Value> = heap.entries(document).map(|(_, member)| member).collect();
    let two = array(&mut heap, below, &members[..2]);
    let before_bytes = heap.used_bytes(ArenaId::ROOT);
    let moved = heap.move_up(two, below, ArenaId::ROOT).unwrap();
    assert!(heap.used_bytes(ArenaId::ROOT) - before_bytes > json.len(), "it came along");
    heap.close_arena(below);
    // A third of it is not worth keeping it.
    let mut roots = [heap.element(moved, 0).unwrap()];
    heap.compact(ArenaId::ROOT, &mut roots).unwrap();
    assert_eq!(heap.used_bytes(ArenaId::ROOT), long.len());
    assert_eq!(heap.to_json(roots[0]), format!("\"{long}\"").into_bytes());
}

#[test]
fn emptied_memory_is_used_again_and_large_buffers_are_freed() {
    let mut heap = heap();
    let mut parser = Parser::default();
    let mut held_bytes = 0;
    for round in 0..50 {
        let below = heap.open_arena().unwrap();
        heap.parse(below, b"[1,2,3]", &mut parser).unwrap();
        heap.string(below, "text").unwrap();
        heap.close_arena(below);
        if round == 1 {
            held_bytes = heap.held_bytes();
        }
    }
    assert_eq!(heap.held_bytes(), held_bytes);
    let below = heap.open_arena().unwrap();
    let large = format!("\"{}\"", "x".repeat(200_000));
    heap.parse(below, large.as_bytes(), &mut parser).unwrap();
    heap.string(below, &large).unwrap();
    assert!(heap.held_bytes() > held_bytes + 390_000);
    heap.close_arena(below);
    assert!(heap.held_bytes() < held_bytes + 10_000);
}

#[test]
fn many_arenas_are_open_at_once_and_few_are_kept() {
    let mut heap = heap();
    let constants = Rc::new(Constants::default());
    for _ in 0..2 {
        let values: Vec<Value> = (0..70_000)
            .map(|number| {
                let arena = heap.open_arena().unwrap();
                heap.string(arena, &number.to_string()).unwrap()
            })
            .collect();
        assert_eq!(heap.to_json(values[69_999]), b"\"69999\"");
        assert_eq!(heap.to_json(values[4_463]), b"\"4463\"", "not that of 65,536 before");
        heap.reset(&constants);
        assert!(heap.held_bytes() < 65_536);
    }
}
