//! What is made of the members of an object alone comes to the same whether the object is read where
//! it lies in its document or not: objects that hold another one are not read so.

use proptest::prelude::*;

use super::{Code, Dialect, evaluate, gives, thrown, throws};

const EXPRESSIONS: [&str; 24] = [
    "items.(a * b)",
    "items.(a + b * 2 - 1)",
    "items.(a / b)",
    "items.(a % b)",
    "$sum(items.a)",
    "$sum(items.(a * b))",
    "$average(items.a)",
    "$average(items.(a - b))",
    "$max(items.b)",
    "$min(items.(a - b))",
    "items[a > b].s",
    "items[a <= 2].b",
    "$filter(items, function($i) { $i.a >= $i.b }).s",
    "$filter(items, function($i) { $i.s > 'm' }).s",
    "$map(items, function($i) { $i.a - $i.b })",
    "$map(items, function($i) { $i.a < 3 })",
    "$map(items, function($i) { {'s': $i.s, 'p': $i.a * $i.b, 'c': 1, 't': 'x\"'} })",
    "$map(items, function($i) { {'t': $i.s & ' x' & $string($i.a) & $i.b, 'm': $i.missing} })",
    "$map(items, function($i, $n) { {'n': $n, 'a': $i.a} })",
    "$map(items, function($i) { {'d': $i.a / $i.b, 'e': $i.a * 0.1 * $i.b} })",
    "{'all': $map(items, function($i) { {'s': $i.s & '\\n\"'} }), 'n': $count(items)}",
    "items.{'s': s, 'p': a * b}",
    "$single(items, function($i) { $i.a = 7 }).b",
    "$reduce($map(items, function($i) { $i.a * 2 }), function($x, $y) { $x + $y })",
];

/// An item's members, in some order.
fn item() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        4 => (-9_i64..9).prop_map(|int| int.to_string()),
        1 => any::<i64>().prop_map(|int| int.to_string()),
        1 => (-9.0..9.0_f64).prop_map(|float| format!("{float:?}")),
        1 => prop_oneof![Just("-0"), Just("1.0"), Just("2e0"), Just("1e308"), Just("9223372036854775808")]
            .prop_map(str::to_owned),
    ];
    let text = prop_oneof![
        4 => "[a-z]{0,9}".prop_map(|text| format!("\"{text}\"")),
        1 => prop_oneof![Just(r#""q\"uo\te""#), Just(r#""é\u0001""#), Just(r#""\\""#)]
            .prop_map(str::to_owned),
    ];
    let other = prop_oneof![Just("null"), Just("true"), Just("[]"), Just("{}")];
    let any = prop_oneof![
        9 => number.clone(),
        1 => text.clone(),
        1 => other.prop_map(str::to_owned),
    ];
    let member = |name: &'static str, value: BoxedStrategy<String>| {
        proptest::option::weighted(0.95, value)
            .prop_map(move |value| value.map(|value| format!("\"{name}\":{value}")))
    };
    let members = (
        member("a", any.clone().boxed()),
        member("b", any.boxed()),
        member("s", prop_oneof![8 => text, 1 => number.clone()].boxed()),
        member("a key of more than sixteen bytes", number.boxed()),
    );
    (members, 0..4_usize).prop_map(|((a, b, s, long), turn)| {
        let mut members: Vec<String> = [a, b, s, long].into_iter().flatten().collect();
        let turn = turn.min(members.len());
        members.rotate_left(turn);
        members.join(",")
    })
}

/// A document whose items hold `more` in front of their members.
fn document(items: &[String], more: &str) -> String {
    let comma = |item: &String| if item.is_empty() { "" } else { "," };
    let items = items.iter().map(|item| match more {
        "" => format!("{{{item}}}"),
        more => format!("{{{more}{}{item}}}", comma(item)),
    });
    format!("{{\"items\":[{}]}}", items.collect::<Vec<_>>().join(","))
}

proptest! {
    #[test]
    fn rows_and_other_objects_come_to_the_same(items in proptest::collection::vec(item(), 0..5)) {
        let (rows, others) = (document(&items, ""), document(&items, "\"z\":[[0]]"));
        for text in EXPRESSIONS {
            prop_assert_eq!(
                evaluate(text, Dialect::Full, &rows),
                evaluate(text, Dialect::Full, &others),
                "{} over {}", text, rows
            );
            let text = text.replace("items", "$states.input.items");
            prop_assert_eq!(
                evaluate(&text, Dialect::Aws, &rows),
                evaluate(&text, Dialect::Aws, &others),
                "{} over {}", text, rows
            );
        }
    }
}

#[test]
fn objects_of_different_shapes_may_take_turns() {
    let document = r#"{"items":[{"a":1,"b":2},{"b":3,"a":4},{"c":0,"a":5,"b":6},{"a":7}]}"#;
    gives("items.(a * b)", document, "[2,12,30]");
    gives("$sum(items.a)", document, "17");
    gives("$max(items.b)", document, "6");
    let copies = "$map(items, function($i) { {'b': $i.b, 'a': $i.a} })";
    gives(copies, document, r#"[{"b":2,"a":1},{"b":3,"a":4},{"b":6,"a":5},{"a":7}]"#);
}

#[test]
fn sums_beyond_all_numbers_fail_where_they_do_without_rows() {
    let document = |more| format!("{{\"items\":[{{\"a\":1e308{more}}},{{\"a\":1e308{more}}}]}}");
    for text in ["$sum(items.a)", "$average(items.a)", "$max(items.(a * 10))", "1 + $sum(items.a)"]
    {
        let (rows, others) = (document(""), document(",\"z\":[0]"));
        let full = [&rows, &others].map(|document| evaluate(text, Dialect::Full, document));
        assert_eq!(full[0], full[1], "{text}");
        let text = text.replace("items", "$states.input.items");
        let aws = [&rows, &others].map(|document| evaluate(&text, Dialect::Aws, document));
        assert_eq!(aws[0], aws[1], "{text}");
    }
}

#[test]
fn an_infinite_sum_is_a_result_but_no_average_is_made_of_it() {
    let document = r#"{"items":[{"a":1e308},{"a":1e308}]}"#;
    throws("$average(items.a)", document, Code::D1001);
    let text = "$average($states.input.items.a)";
    assert_eq!(thrown(text, Dialect::Aws, document).code(), Code::D1001);
    let sum = evaluate("$sum($states.input.items.a)", Dialect::Aws, document);
    assert_eq!(sum.as_deref(), Ok("\"Infinity\""));
}

#[test]
fn rows_and_other_elements_may_take_turns() {
    let document = r#"{"items":[{"a":1},{"a":[2]},{"a":3,"z":[0]},7,[{"a":4}],{"a":5},"x",{}]}"#;
    gives(
        "items.(a + 1)",
        r#"{"items":[{"a":1},{"a":2,"z":[0]},{"a":3},{},{"a":4}]}"#,
        "[2,3,4,5]",
    );
    gives("items[a < 4].a", r#"{"items":[{"a":1},{"a":2,"z":[0]},{"a":9},{},{"a":3}]}"#, "[1,2,3]");
    gives(
        "$map(items, function($i) { {'a': $i.a} })",
        document,
        r#"[{"a":1},{"a":[2]},{"a":3},{},{"a":4},{"a":5},{},{}]"#,
    );
    let turns: Vec<_> = (0..40)
        .map(|at| if at % 2 == 0 { r#"{"a":1,"b":2}"# } else { r#"{"b":1,"a":2}"# })
        .collect();
    gives("$sum(items.(a - b))", &format!("{{\"items\":[{}]}}", turns.join(",")), "0");
}

#[test]
fn what_map_makes_is_a_sequence_of_none_one_or_many() {
    let text = "{'r': $map(items, function($i) { {'a': $i.a} })}";
    gives(text, r#"{"items":[]}"#, "{}");
    gives(text, r#"{"items":[{"a":1}]}"#, r#"{"r":{"a":1}}"#);
    gives(text, r#"{"items":[{"a":1},{"a":2}]}"#, r#"{"r":[{"a":1},{"a":2}]}"#);
    let text = "$map(all, function($l) { $map($l.items, function($i) { {'a': $i.a} }) })";
    let document = r#"{"all":[{"items":[{"a":1},{"a":2}]},{"items":[{"a":3}]},{"items":[]}]}"#;
    // A call at the end of a function keeps its sequence.
    gives(text, document, r#"[[{"a":1},{"a":2}],[{"a":3}],[]]"#);
    let others = document.replace("{\"a\"", "{\"z\":[0],\"a\"");
    gives(text, &others, r#"[[{"a":1},{"a":2}],[{"a":3}],[]]"#);
}

#[test]
fn functions_are_projections_however_they_are_called() {
    let document = r#"{"items":[{"a":1,"b":2},{"a":3,"b":4}]}"#;
    gives("($f := function($i) { $i.a * $i.b }; $map(items, $f))", document, "[2,12]");
    gives("($f := function($i) { $i.a * $i.b }; $f(items[1]))", document, "12");
    gives("($f := function($i)<o:n> { $i.a * $i.b }; $map(items, $f))", document, "[2,12]");
    gives("($n := 2; $f := function($i) { $i.a * $n }; $map(items, $f))", document, "[2,6]");
    gives("items ~> $map(function($i) { $i.a + $i.b })", document, "[3,7]");
    gives("$map(items, function($i, $n, $all) { $i.a + $i.b })", document, "[3,7]");
    gives("$sort(items, function($l, $r) { $l.a < $r.a }).a", document, "[3,1]");
}

#[test]
fn looking_for_the_array_of_an_aggregate_is_paid_for() {
    let keys: Vec<_> = (0..25_000).map(|key| format!("\"k{key}\":0")).collect();
    let document = format!("{{{},\"items\":[{{\"a\":1}}]}}", keys.join(","));
    let text = "$count($map([1..400000], function($x) { $sum($states.input.items.a) }))";
    assert_eq!(thrown(text, Dialect::Aws, &document).code(), Code::U1002);
}

#[test]
fn members_that_are_not_there_take_no_memory() {
    let items = vec!["{}"; 22_000].join(",");
    let members: Vec<_> = (0..40).map(|key| format!("'m{key}': $i.m{key}")).collect();
    let text =
        format!("$count($map($states.input.items, function($i) {{ {{{}}} }}))", members.join(","));
    let counted = evaluate(&text, Dialect::Aws, &format!("{{\"items\":[{items}]}}"));
    assert_eq!(counted.as_deref(), Ok("22000"));
    let text = text.replace("$count(", "[").replace("}))", "})][21999]");
    let made = evaluate(&text, Dialect::Aws, &format!("{{\"items\":[{items}]}}"));
    assert_eq!(made.as_deref(), Ok("{}"), "{text:.60}");
}

#[test]
fn objects_with_many_members_are_read_like_others() {
    for count in [15, 16, 17, 18] {
        let many: Vec<String> = (1..=count).map(|key| format!("\"k{key}\":{key}")).collect();
        let document = format!("{{\"items\":[{{{}}}]}}", many.join(","));
        gives(&format!("items.(k{count} * 2)"), &document, &(2 * count).to_string());
    }
    let many: Vec<String> = (0..60).map(|key| format!("\"k{key}\":{key}")).collect();
    let document = format!("{{\"items\":[{{{}}},{{\"k59\":1,\"k0\":2}}]}}", many.join(","));
    gives("items.(k59 + k0)", &document, "[59,3]");
    gives("$sum(items.k59)", &document, "60");
}
