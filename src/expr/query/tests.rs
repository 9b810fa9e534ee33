//! Searches over small documents: what Jayway documents, what its source does, what AWS recorded.

use std::rc::Rc;

use proptest::prelude::*;

use crate::base::entropy::Entropy;
use crate::expr::lookup::Lookup;
use crate::expr::path::Path;
use crate::expr::{Bindings, Evaluation, Roots};
use crate::value::{ArenaId, Heap, Parser, Value};

/// What a path finds in a document, or the cause of its failure as an `InputPath`.
fn find(path: &str, document: &str) -> Result<String, String> {
    let mut bindings = Bindings::default();
    let lookup = Lookup::compile(&Path::parse(path).unwrap(), &mut bindings).unwrap();
    let mut heap = Heap::new(Rc::new(bindings.constants.finish()));
    let mut parser = Parser::default();
    let input = heap.parse(ArenaId::ROOT, document.as_bytes(), &mut parser).unwrap();
    let roots = Roots { input, context: Value::NULL, variables: &[] };
    let mut evaluation = Evaluation {
        heap: &mut heap,
        arena: ArenaId::ROOT,
        roots,
        parser: &mut parser,
        entropy: &mut Entropy::seeded(1),
    };
    match lookup.find(&mut evaluation) {
        Ok(value) => {
            let json = heap.to_json(value);
            assert_eq!(json.len(), value.json_len());
            Ok(String::from_utf8(json).unwrap())
        }
        Err(missing) => Err(lookup.invalid_path(&heap, roots, missing).to_string()),
    }
}

#[track_caller]
fn finds(document: &str, cases: &[(&str, &str)]) {
    for (path, expected) in cases {
        assert_eq!(find(path, document).as_deref(), Ok(*expected), "{path}");
    }
}

const NUMBERS: &str = "[0,1,2,3,4,5]";

#[test]
fn slices_and_unions_count_as_jayway_does() {
    finds(
        NUMBERS,
        &[
            ("$[*]", "[0,1,2,3,4,5]"),
            ("$[0,-1,9,0]", "[0,5,0]"),
            ("$[2:]", "[2,3,4,5]"),
            ("$[-2:]", "[4,5]"),
            ("$[-9:]", "[0,1,2,3,4,5]"),
            ("$[9:]", "[]"),
            ("$[:2]", "[0,1]"),
            ("$[:-4]", "[0,1]"),
            ("$[:-9]", "[]"),
            ("$[1:3]", "[1,2]"),
            ("$[1:99]", "[1,2,3,4,5]"),
            ("$[-3:-1]", "[3,4]"),
            // Negative bounds of a two-sided slice are not taken from the end first.
            ("$[1:-1]", "[]"),
            ("$[-2:2]", "[4,5,0,1]"),
            ("$[-2147483648:2147483647]", "[0,1,2,3,4,5,0,1,2,3,4,5]"),
        ],
    );
}

#[test]
fn names_at_the_end_make_an_object() {
    let document = r#"{"a":1,"b":{"x":2},"c":{"x":3},"l":[{"a":1,"b":2,"c":3},{"a":4},5]}"#;
    finds(
        document,
        &[
            ("$['a','c']", r#"{"a":1,"c":{"x":3}}"#),
            ("$['a','zz','a']", r#"{"a":1}"#),
            ("$['b','zz','c'].x", "[2,3]"),
            ("$.l[*]['a','b']", r#"[{"a":1,"b":2},{"a":4}]"#),
            ("$..['a','b']", r#"[{"a":1,"b":{"x":2}},{"a":1,"b":2}]"#),
        ],
    );
    assert_eq!(
        find("$.zz['a','b']", document).unwrap_err(),
        "Invalid path '$.zz['a','b']' : No results for path: $.zz['a','b']"
    );
}

#[test]
fn an_indefinite_path_that_finds_nothing_gives_the_empty_list() {
    // Recorded on AWS for `{}`; the other documents follow the same rule.
    for document in ["{}", "[]", "7", "null", r#"{"item":null,"items":5}"#] {
        for path in [
            "$.items[*]",
            "$.items[1:].itemValue",
            "$.item.items[:1]",
            "$.item.items[1:5].itemValue",
            "$..x",
            "$.items[?(@.a)]",
            "$.items[0,1]",
            "$.items.*",
        ] {
            assert_eq!(find(path, document).as_deref(), Ok("[]"), "{path} {document}");
        }
    }
}

#[test]
fn members_that_are_missing_behind_an_indefinite_step_are_passed_over() {
    let document = r#"{"l":[{"x":{"y":1}},{"x":2},{},null,[1],{"x":{"y":null}}]}"#;
    finds(
        document,
        &[
            ("$.l[*].x.y", "[1,null]"),
            ("$.l[*][0]", "[1]"),
            ("$.l[*].x", r#"[{"y":1},2,{"y":null}]"#),
            ("$.*", r#"[[{"x":{"y":1}},{"x":2},{},null,[1],{"x":{"y":null}}]]"#),
            ("$.l[0,1,2].x.*", "[1]"),
        ],
    );
}

#[test]
fn descendants_come_parents_first() {
    let document = r#"{"a":{"n":1,"b":[{"n":2},{"n":{"n":3}},[4,[5]]]},"n":6}"#;
    finds(
        document,
        &[
            ("$..n", r#"[6,1,2,{"n":3},3]"#),
            ("$..[0]", r#"[{"n":2},4,5]"#),
            ("$..[-1:]", "[[4,[5]],[5],5]"),
            ("$.a..n", r#"[1,2,{"n":3},3]"#),
            ("$..b[*].n", r#"[2,{"n":3}]"#),
            ("$..b..n", r#"[2,{"n":3},3]"#),
            ("$.a.b[2]..*", "[4,[5],5]"),
            ("$..zz", "[]"),
        ],
    );
}

/// The store of Jayway's own documentation.
const STORE: &str = r#"{"store":{"book":[
    {"category":"reference","author":"Nigel Rees","title":"Sayings of the Century","price":8.95},
    {"category":"fiction","author":"Evelyn Waugh","title":"Sword of Honour","price":12.99},
    {"category":"fiction","author":"Herman Melville","title":"Moby Dick","isbn":"0-553-21311-3","price":8.99},
    {"category":"fiction","author":"J. R. R. Tolkien","title":"The Lord of the Rings","isbn":"0-395-19395-8","price":22.99}
    ],"bicycle":{"color":"red","price":19.95}},"expensive":10}"#;

#[test]
fn the_examples_of_jayway_hold() {
    finds(
        STORE,
        &[
            (
                "$.store.book[*].author",
                r#"["Nigel Rees","Evelyn Waugh","Herman Melville","J. R. R. Tolkien"]"#,
            ),
            ("$..author", r#"["Nigel Rees","Evelyn Waugh","Herman Melville","J. R. R. Tolkien"]"#),
            ("$.store..price", "[8.95,12.99,8.99,22.99,19.95]"),
            ("$..book[2].title", r#"["Moby Dick"]"#),
            ("$..book[-2].title", r#"["Moby Dick"]"#),
            ("$..book[0,1].price", "[8.95,12.99]"),
            ("$..book[:2].price", "[8.95,12.99]"),
            ("$..book[?(@.isbn)].price", "[8.99,22.99]"),
            ("$.store.book[?(@.price < 10)].price", "[8.95,8.99]"),
            ("$..book[?(@.price <= $['expensive'])].price", "[8.95,8.99]"),
            ("$..book[?(@.author =~ /.*REES/i)].price", "[8.95]"),
            ("$.store.book[?(@.price < 10 && @.category == 'fiction')].title", r#"["Moby Dick"]"#),
            ("$.store.book[?(@.category == 'reference' || @.price > 20)].price", "[8.95,22.99]"),
            ("$.store.book[?(!(@.isbn))].price", "[8.95,12.99]"),
            ("$.store.book[?(!@.isbn)].price", "[8.95,12.99]"),
            ("$.store.bicycle[?(@.price > 1)].color", r#"["red"]"#),
            ("$.store.book[?(@.category in ['reference', \"x\"])].price", "[8.95]"),
            ("$.store.book[?(@.category NIN ['reference'])].price", "[12.99,8.99,22.99]"),
            ("$.store.book[?(@.title contains 'of')].price", "[8.95,12.99,22.99]"),
            ("$..[?(@.color)].price", "[19.95]"),
        ],
    );
}

#[test]
fn comparisons_follow_jayway() {
    let document =
        r#"[{"v":1},{"v":"1"},{"v":1.0},{"v":null},{"v":true},{"v":[1,"a"]},{"v":{}},{"v":""},{}]"#;
    for (filter, expected) in [
        // A number equals a string of its value; a string equals only the number's own text.
        ("@.v == 1", r#"[{"v":1},{"v":"1"},{"v":1.0}]"#),
        ("@.v === 1", r#"[{"v":1},{"v":1.0}]"#),
        ("@.v == '1'", r#"[{"v":1},{"v":"1"},{"v":1.0}]"#),
        ("@.v == null", r#"[{"v":null}]"#),
        ("@.v == true", r#"[{"v":true}]"#),
        ("@.v == []", "[]"),
        ("@.v == [1, 'a']", r#"[{"v":[1,"a"]}]"#),
        ("@.v == {}", r#"[{"v":{}}]"#),
        (
            "@.v == @.v",
            r#"[{"v":1},{"v":"1"},{"v":1.0},{"v":null},{"v":true},{"v":[1,"a"]},{"v":{}},{"v":""}]"#,
        ),
        ("@.v != 1 && @.v != null", r#"[{"v":true},{"v":[1,"a"]},{"v":{}},{"v":""},{}]"#),
        ("@.v > 0", r#"[{"v":1},{"v":1.0}]"#),
        ("@.v > '0'", r#"[{"v":"1"}]"#),
        ("@.v size 2", r#"[{"v":[1,"a"]}]"#),
        ("@.v size 1", r#"[{"v":"1"}]"#),
        ("@.v empty true", r#"[{"v":{}},{"v":""}]"#),
        ("@.v empty false", r#"[{"v":"1"},{"v":[1,"a"]}]"#),
        ("@.v contains 'a'", r#"[{"v":[1,"a"]}]"#),
        ("@.v subsetof [1, 'a', 'b']", r#"[{"v":[1,"a"]}]"#),
        ("@.v anyof ['a']", r#"[{"v":[1,"a"]}]"#),
        ("@.v noneof ['b']", r#"[{"v":[1,"a"]}]"#),
        ("@.v all [1]", r#"[{"v":[1,"a"]}]"#),
        ("'x' in @.v", "[]"),
        ("1 in @.v", r#"[{"v":[1,"a"]}]"#),
        // What is no list makes the whole filter false, even behind `!` or in `nin`.
        ("!(1 in @.v)", r#"[{"v":{}}]"#),
        ("1 nin @.v", r#"[{"v":{}}]"#),
        ("@.v =~ /[0-9.]+/", r#"[{"v":1},{"v":"1"},{"v":1.0},{"v":[1,"a"]}]"#),
        ("@.v =~ /a/", r#"[{"v":[1,"a"]}]"#),
        (
            "@.v",
            r#"[{"v":1},{"v":"1"},{"v":1.0},{"v":null},{"v":true},{"v":[1,"a"]},{"v":{}},{"v":""}]"#,
        ),
        ("@.v[?(@ == 'a')]", r#"[{"v":[1,"a"]},{"v":{}}]"#),
        ("$[0].v == @.v", r#"[{"v":1},{"v":"1"},{"v":1.0}]"#),
        ("@.v in $[5].v", r#"[{"v":1},{"v":"1"},{"v":1.0}]"#),
    ] {
        let path = format!("$[?({filter})]");
        let found = find(&path, document);
        assert_eq!(found.as_deref(), Ok(expected), "{filter}");
    }
}

#[test]
fn definite_paths_that_fail_say_so_in_the_words_of_jayway() {
    let document = r#"{"a":{"b":"text","l":[1]},"n":null}"#;
    for (path, cause) in [
        ("$.x", "No results for path: $['x']"),
        ("$.a.x", "No results for path: $['a']['x']"),
        ("$.x.y.z", "Missing property in path $['x']"),
        ("$.a.l[1]", "No results for path: $['a']['l'][1]"),
        ("$.a.l[7].z", "No results for path: $['a']['l'][7]['z']"),
        (
            "$.a.b.c",
            "Expected to find an object with property ['c'] in path $['a']['b'] but found \
             'java.lang.String'. This is not a json object according to the JsonProvider: \
             'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
        ),
        ("$.n[0]", "The path $['n'] is null"),
        (
            "$.a[0].b",
            "Filter: [0]['b'] can only be applied to arrays. Current context is: {b=text, l=[1]}",
        ),
    ] {
        assert_eq!(find(path, document).unwrap_err(), format!("Invalid path '{path}' : {cause}"));
    }
}

#[test]
fn a_variable_that_is_not_assigned_is_missing() {
    for path in ["$v", "$v.a", "$v[*]"] {
        let cause = find(path, "{}").unwrap_err();
        assert_eq!(cause, format!("Invalid path '{path}' : The variable is not assigned"));
    }
}

#[test]
fn a_search_has_an_end() {
    let document = format!("[{}1]", "1,".repeat(20_000));
    let cause = find("$[?(@ in $)]", &document.replace('1', "2,3,4,5,6,7")).unwrap_err();
    assert!(cause.ends_with("The path matches too many values"), "{cause}");
    let nested = format!("{}{}", "[1,".repeat(500) + "1", "]".repeat(500));
    assert!(find("$..*..*..*..*..*", &nested).is_err());
    assert!(find("$..*", &nested).is_ok());
}

proptest! {
    #[test]
    fn no_query_panics(path in "\\$(\\.\\.|\\.)?(a|b|\\*)?(\\[(\\*|0|-1|0,1|1:|:-1|-2:2|'a','b'|\\?\\(@\\.a (==|<|in|size) ?(1|'x'|@|\\[1\\])\\))\\]|\\.\\.a|\\.b|\\.\\*){0,5}") {
        if Path::parse(&path).is_ok() {
            let _ = find(&path, r#"{"a":[{"a":[1,2],"b":{"a":"x"}},[[1]],null],"b":{"a":1}}"#);
        }
    }
}
