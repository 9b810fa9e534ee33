//! What is made of the members of an object alone comes to the same whether the object is read where
//! it lies in its document or not: objects that hold another one are not read so.

use proptest::prelude::*;

use super::{Dialect, evaluate, gives};

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
fn objects_with_many_members_are_read_like_others() {
    let many: Vec<String> = (0..60).map(|key| format!("\"k{key}\":{key}")).collect();
    let document = format!("{{\"items\":[{{{}}},{{\"k59\":1,\"k0\":2}}]}}", many.join(","));
    gives("items.(k59 + k0)", &document, "[59,3]");
    gives("$sum(items.k59)", &document, "60");
}
