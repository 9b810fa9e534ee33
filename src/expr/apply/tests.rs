//! Each function by what AWS recorded and by the edges beside it.

use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::base::entropy::Entropy;
use crate::expr::Roots;
use crate::value::{ArenaId, Parser};

/// What a call gives, as JSON, or the cause of its failure.
fn evaluate(call: &str, input: &str) -> Result<String, String> {
    let mut bindings = Bindings::default();
    let apply = Apply::compile(&Call::parse(call).unwrap(), &mut bindings).unwrap();
    let mut heap = Heap::new(Rc::new(bindings.constants.finish()));
    let mut parser = Parser::default();
    let input = heap.parse(ArenaId::ROOT, input.as_bytes(), &mut parser).unwrap();
    let value = apply
        .evaluate(&mut Evaluation {
            heap: &mut heap,
            arena: ArenaId::ROOT,
            roots: Roots { input, context: Value::NULL, variables: &[] },
            parser: &mut parser,
            entropy: &mut Entropy::seeded(1),
        })
        .map_err(|fault| fault.to_string())?;
    let json = heap.to_json(value);
    assert_eq!(json.len(), value.json_len(), "{call}");
    Ok(String::from_utf8(json).unwrap())
}

#[track_caller]
fn gives(cases: &[(&str, &str)]) {
    for (call, expected) in cases {
        assert_eq!(evaluate(call, INPUT).as_deref(), Ok(*expected), "{call}");
    }
}

#[track_caller]
fn rejects(function: &str, calls: &[&str]) {
    for call in calls {
        let expected = format!(
            "There was an error while evaluating the intrinsic function: {call}. Invalid arguments in {function}"
        );
        assert_eq!(evaluate(call, INPUT), Err(expected), "{call}");
    }
}

const INPUT: &str = r#"{"a":[1,2,3,4,5],"e":[],"o":{"Arg1":1,"Arg2":[]},"p":{"Arg2":2,"z":null},
    "s":"a\"b","n":null,"f":1.10,"t":"x","l":[{"k":1},{"k":2}]}"#;

#[test]
fn format_prints_every_kind_of_value() {
    gives(&[
        ("States.Format('{} {} {}', $.s, $.n, 7)", r#""a\"b null 7""#),
        ("States.Format('{}|{}|{}', $.f, 1e3, $.o)", r#""1.1|1000.0|{Arg1=1, Arg2=[]}""#),
        ("States.Format('{}', $.l[*].k)", r#""[1, 2]""#),
        (r"States.Format('\{\}\'\\ {}', 'it\'s')", r#""{}'\\ it's""#),
        ("States.Format('plain')", r#""plain""#),
        ("States.Format($.t)", r#""x""#),
        ("States.Format('{}', States.MathAdd(1, 2))", r#""3""#),
        ("States.Format('{}{}{}{}{}{}{}{}{}', 1,2,3,4,5,6,7,8,9)", r#""123456789""#),
    ]);
    rejects("States.Format", &["States.Format()", "States.Format(1)", "States.Format($.n, 1)"]);
    for (call, reason) in [
        (
            "States.Format('Hello {', $.a)",
            "Invalid template in States.Format: matching '}' not found for '{'.",
        ),
        (
            "States.Format('Hello }', $.a)",
            "Invalid template in States.Format: matching '{' not found for '}'.",
        ),
        (
            "States.Format('{}{}', 1)",
            "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.",
        ),
        (
            "States.Format('{}', 1, 2)",
            "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.",
        ),
    ] {
        assert_eq!(
            evaluate(call, INPUT).unwrap_err(),
            format!("There was an error while evaluating the intrinsic function: {call}. {reason}")
        );
    }
}

#[test]
fn the_first_path_that_finds_nothing_is_blamed_with_the_whole_call() {
    for call in [
        "States.Format('{', $.x)",
        "States.StringToJson(1, $.x)",
        "States.Format('{}', States.MathAdd($.x, 1))",
    ] {
        assert_eq!(
            evaluate(call, "{}").unwrap_err(),
            format!(
                "The function '{call}' had the following error: The JsonPath argument for the field '$.x' could not be found in the input '{{}}'"
            )
        );
    }
}

#[test]
fn a_nested_call_that_fails_is_blamed_in_the_outer_ones_text() {
    rejects(
        "States.ArrayLength",
        &["States.ArrayLength(States.JsonToString($.a))", "States.Array(States.ArrayLength(1))"],
    );
}

#[test]
fn arrays_are_made_and_taken_apart() {
    gives(&[
        ("States.Array()", "[]"),
        ("States.Array(false, '', 0, null, $.o)", r#"[false,"",0,null,{"Arg1":1,"Arg2":[]}]"#),
        ("States.ArrayPartition($.a, 2)", "[[1,2],[3,4],[5]]"),
        ("States.ArrayPartition($.a, 2.6)", "[[1,2],[3,4],[5]]"),
        ("States.ArrayPartition($.a, 9999999999)", "[[1,2,3,4,5]]"),
        ("States.ArrayPartition($.e, 1)", "[]"),
        ("States.ArrayGetItem($.a, 1.2)", "2"),
        ("States.ArrayGetItem($.a, -0.9)", "1"),
        ("States.ArrayGetItem($.e, 999)", "null"),
        ("States.ArrayLength($.a)", "5"),
        ("States.ArrayLength($.e)", "0"),
        ("States.ArrayUnique($.e)", "[]"),
        ("States.ArrayUnique(States.Array(1,1,2,2,3))", "[1,2,3]"),
    ]);
    rejects(
        "States.ArrayPartition",
        &[
            "States.ArrayPartition($.a, 0.6)",
            "States.ArrayPartition($.a, 0)",
            "States.ArrayPartition($.a, -1)",
            "States.ArrayPartition($.a, '2')",
            "States.ArrayPartition($.a, null)",
            "States.ArrayPartition($.o, 2)",
            "States.ArrayPartition($.a)",
        ],
    );
    rejects(
        "States.ArrayGetItem",
        &[
            "States.ArrayGetItem($.a, 5)",
            "States.ArrayGetItem($.a, -1)",
            "States.ArrayGetItem($.a, '1')",
            "States.ArrayGetItem($.e, '1')",
            "States.ArrayGetItem($.o, 1)",
        ],
    );
    rejects("States.ArrayUnique", &["States.ArrayUnique('x')", "States.ArrayUnique()"]);
    rejects("States.ArrayLength", &["States.ArrayLength($.o)", "States.ArrayLength($.a, 1)"]);
}

#[test]
fn ranges_are_cut_off_and_bounded() {
    gives(&[
        ("States.ArrayRange(0, 10, 3)", "[0,3,6,9]"),
        ("States.ArrayRange(1, 9, 2)", "[1,3,5,7,9]"),
        ("States.ArrayRange(1.6, 1.4, 1)", "[1]"),
        ("States.ArrayRange(5.4, -0.6, -2.4)", "[5,3,1]"),
        ("States.ArrayRange(1.4, 5.6, 2.2)", "[1,3,5]"),
        ("States.ArrayRange(5, 1, 1)", "[]"),
        ("States.ArrayRange(1, 5, -1)", "[]"),
        ("States.ArrayRange(1, 2, -7)", "[]"),
        ("States.ArrayRange(3, 3, 1)", "[3]"),
        ("States.ArrayRange(3, 3, -1)", "[3]"),
        ("States.ArrayLength(States.ArrayRange(1, 1000, 1))", "1000"),
        ("States.ArrayLength(States.ArrayRange(1000, 1, -1))", "1000"),
        (
            "States.ArrayRange(-9223372036854775808, 9223372036854775807, 9223372036854775807)",
            "[-9223372036854775808,-1,9223372036854775806]",
        ),
    ]);
    rejects(
        "States.ArrayRange",
        &[
            "States.ArrayRange(1, 5, 0)",
            "States.ArrayRange(1, 5, 0.49)",
            "States.ArrayRange(1, 1001, 1)",
            "States.ArrayRange(1001, 1, -1)",
            "States.ArrayRange(1, 5)",
            "States.ArrayRange('1', 5, 1)",
        ],
    );
}

#[test]
fn arrays_contain_what_prints_the_same() {
    gives(&[
        ("States.ArrayContains($.a, 3)", "true"),
        ("States.ArrayContains($.a, 9)", "false"),
        ("States.ArrayContains(States.Array('true'), true)", "true"),
        ("States.ArrayContains(States.Array(null), null)", "true"),
        ("States.ArrayContains($.e, null)", "false"),
        ("States.ArrayContains(States.Array($.o), $.o)", "true"),
        (
            r#"States.ArrayContains(States.Array($.o), States.StringToJson('\{"Arg2":[],"Arg1":1\}'))"#,
            "false",
        ),
    ]);
    rejects(
        "States.ArrayContains",
        &[
            "States.ArrayContains($.a)",
            "States.ArrayContains($.a, 1, 2)",
            "States.ArrayContains('a', 'a')",
        ],
    );
}

#[test]
fn text_is_encoded_and_hashed() {
    gives(&[
        ("States.Base64Encode('Data to encode')", r#""RGF0YSB0byBlbmNvZGU=""#),
        ("States.Base64Encode('')", r#""""#),
        ("States.Base64Encode('é')", r#""w6k=""#),
        ("States.Base64Decode('')", r#""""#),
        ("States.Base64Decode('YWJjAGRlZg==')", r#""abc\u0000def""#),
        ("States.Base64Decode('ab==cd')", r#""i""#),
        ("States.Hash('hello', 'MD5')", r#""5d41402abc4b2a76b9719d911017c592""#),
        ("States.Hash('input data', 'SHA-1')", r#""aaff4a450a104cd177d28d18d74485e8cae074b7""#),
        (
            "States.Hash('input data', 'SHA-256')",
            r#""b4a697a057313163aee33cd8d40c66e9f0f177e00cac2de32475ffff6169c3e3""#,
        ),
        (
            "States.Hash('', 'SHA-384')",
            r#""38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b""#,
        ),
    ]);
    assert_eq!(
        evaluate("States.Hash(123, 'MD5')", "{}"),
        evaluate("States.Hash('123', 'MD5')", "{}")
    );
    assert_eq!(
        evaluate("States.Hash($.o, 'MD5')", INPUT),
        evaluate(r"States.Hash('\{Arg1=1, Arg2=[]\}', 'MD5')", "{}")
    );
    rejects(
        "States.Hash",
        &[
            "States.Hash('hello', 123)",
            "States.Hash('hello', 'sha-256')",
            "States.Hash('hello', 'SHA256')",
            "States.Hash('hello', 'MD-5')",
            "States.Hash('hello', '')",
            "States.Hash('hello')",
        ],
    );
    rejects(
        "States.Base64Decode",
        &["States.Base64Decode(1)", "States.Base64Decode($.o)", "States.Base64Decode()"],
    );
    rejects("States.Base64Encode", &["States.Base64Encode(1)", "States.Base64Encode($.n)"]);
    for function in ["States.Base64Encode($)", "States.Base64Decode($)", "States.Hash($, 'MD5')"] {
        for (chars, fits) in
            [("A".repeat(10_000), true), ("A".repeat(10_001), false), ("é".repeat(10_000), true)]
        {
            assert_eq!(evaluate(function, &format!("\"{chars}\"")).is_ok(), fits, "{function}");
        }
    }
}

#[test]
fn a_value_that_repeats_itself_is_not_written_out() {
    // A hundred references to one text, a hundred times over: gigabytes once written out.
    let input = format!("\"{}\"", "x".repeat(500_000));
    let repeated = |inner: &str| format!("States.Array({})", [inner; 100].join(","));
    let large = repeated("$");
    for call in [
        format!("States.ArrayContains({large}, 1)"),
        format!("States.ArrayUnique({large})"),
        format!("States.Hash({large}, 'MD5')"),
        format!("States.JsonToString({large})"),
        format!("States.Format('{{}}', {large})"),
    ] {
        let fault = evaluate(&call, &input).unwrap_err();
        assert_eq!(fault, "An intrinsic function may not make a text of more than 2097152 bytes");
    }
    let fault = evaluate(&repeated(&large), &input).unwrap_err();
    assert_eq!(fault, "The values grow beyond what an execution may hold.");
}

#[test]
fn objects_are_merged_one_level_deep() {
    gives(&[
        ("States.JsonMerge($.o, $.p, false)", r#"{"Arg1":1,"Arg2":2,"z":null}"#),
        ("States.JsonMerge($.o, $.p, 'false')", r#"{"Arg1":1,"Arg2":2,"z":null}"#),
    ]);
    rejects(
        "States.JsonMerge",
        &[
            "States.JsonMerge($.o, $.p, true)",
            "States.JsonMerge($.o, $.p)",
            "States.JsonMerge($.o, $.a, false)",
            "States.JsonMerge('a', $.o, false)",
            "States.JsonMerge($.o, $.p, null)",
        ],
    );
}

#[test]
fn json_becomes_text_and_text_becomes_json() {
    gives(&[
        ("States.JsonToString($.o)", r#""{\"Arg1\":1,\"Arg2\":[]}""#),
        ("States.JsonToString($.s)", r#""\"a\\\"b\"""#),
        ("States.JsonToString(null)", r#""null""#),
        ("States.JsonToString($.f)", r#""1.1""#),
        ("States.StringToJson('')", "null"),
        (r"States.StringToJson(' ')", "null"),
        ("States.StringToJson('-0')", "0"),
        ("States.StringToJson('[1, 2, \"x\"]')", r#"[1,2,"x"]"#),
        ("States.StringToJson('1 2')", "1"),
        (r"States.StringToJson('\{\} x')", "{}"),
    ]);
    rejects(
        "States.StringToJson",
        &["States.StringToJson(1)", "States.StringToJson($.o)", "States.StringToJson()"],
    );
    assert_eq!(
        evaluate("States.JsonToString($.o, $.p)", INPUT).unwrap_err(),
        "There was an error while evaluating the intrinsic function: States.JsonToString($.o, $.p). Invalid arguments in States.JsonToString: only a single argument is allowed."
    );
    assert_eq!(
        evaluate("States.StringToJson('undefined')", INPUT).unwrap_err(),
        "There was an error while evaluating the intrinsic function: States.StringToJson('undefined'). Cannot convert String to Json in States.StringToJson, caused by: Unrecognized token 'undefined': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 10]"
    );
}

#[test]
fn math_add_rounds_half_up_and_stays_in_32_bits() {
    gives(&[
        ("States.MathAdd(1, 2)", "3"),
        ("States.MathAdd(-0.5, 0.5)", "1"),
        ("States.MathAdd(1.49, 1.5)", "3"),
        ("States.MathAdd(-1.5, 0)", "-1"),
        ("States.MathAdd(1.6, 2.7)", "5"),
        ("States.MathAdd(0.1, 0.2)", "0"),
        ("States.MathAdd(-2147483647, -1)", "-2147483648"),
        ("States.MathAdd(1e309, 0)", "2147483647"),
    ]);
    rejects(
        "States.MathAdd",
        &[
            "States.MathAdd(2147483647, 1)",
            "States.MathAdd(2147483648, 0)",
            "States.MathAdd(2147483647.5, 0)",
            "States.MathAdd('1', 2)",
            "States.MathAdd(1)",
            "States.MathAdd(true, 1)",
            "States.MathAdd(1, null)",
        ],
    );
}

#[test]
fn random_numbers_follow_their_seed_and_bounds() {
    gives(&[
        ("States.MathRandom(1, 100, 42)", "63"),
        ("States.MathRandom(1, 1000, 2)", "806"),
        ("States.MathRandom(1.9, 100.9, 42.9)", "63"),
        ("States.MathRandom(5, 6)", "5"),
    ]);
    let unseeded = evaluate("States.MathRandom(-2147483648, 2147483647)", "{}").unwrap();
    assert!(unseeded.parse::<i32>().is_ok());
    rejects(
        "States.MathRandom",
        &[
            "States.MathRandom(1.4, 1.6)",
            "States.MathRandom(1, 1)",
            "States.MathRandom(10, 5)",
            "States.MathRandom(1, 10, 'x')",
            "States.MathRandom(1, 10, null)",
            "States.MathRandom(1, 10, 5, 99)",
            "States.MathRandom(1)",
            "States.MathRandom('1', 10)",
            "States.MathRandom(0, 2147483648)",
        ],
    );
}

#[test]
fn text_is_split_at_every_delimiter() {
    gives(&[
        ("States.StringSplit('1,2,3', ',')", r#"["1","2","3"]"#),
        (
            "States.StringSplit('This.is+a,test=string', '.+,=')",
            r#"["This","is","a","test","string"]"#,
        ),
        ("States.StringSplit(', , ,', ',')", r#"[" "," "]"#),
        ("States.StringSplit(',,,,', ',')", "[]"),
        ("States.StringSplit('', ',')", "[]"),
        ("States.StringSplit('a b', '')", r#"["a b"]"#),
    ]);
    rejects(
        "States.StringSplit",
        &[
            "States.StringSplit(1, ',')",
            "States.StringSplit('a', $.n)",
            "States.StringSplit('a', $.e)",
            "States.StringSplit('a')",
        ],
    );
}

#[test]
fn uuids_are_of_version_4_and_differ() {
    let pair = evaluate("States.Array(States.UUID(), States.UUID())", "{}").unwrap();
    let uuids: Vec<String> = serde_json::from_str(&pair).unwrap();
    assert_ne!(uuids[0], uuids[1]);
    for uuid in uuids {
        let parts: Vec<&str> = uuid.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('4'), "{uuid}");
        assert!(parts[3].starts_with(['8', '9', 'a', 'b']), "{uuid}");
    }
    rejects("States.UUID", &["States.UUID(1)"]);
}

/// Arguments of every kind.
fn argument() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("$".to_owned()),
        "\\$\\.[aeoslntfx]",
        Just("$.l[*].k".to_owned()),
        "-?[0-9]{1,20}",
        "-?[0-9]{1,3}\\.[0-9]{1,3}(e-?[0-9]{1,3})?",
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        "'[a-c{},:0-9=\"\\[\\]é -]{0,8}'".prop_map(|text| text),
        Just("'SHA-1'".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let name = proptest::sample::select(Function::ALL);
        (name, proptest::collection::vec(inner, 0..4)).prop_map(|(function, arguments)| {
            format!("{}({})", function.name(), arguments.join(", "))
        })
    })
}

proptest! {
    #[test]
    fn no_call_panics(
        function in proptest::sample::select(Function::ALL),
        arguments in proptest::collection::vec(argument(), 0..4),
    ) {
        let call = format!("{}({})", function.name(), arguments.join(","));
        let outcome = evaluate(&call, INPUT);
        if let Ok(json) = outcome {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
        }
    }
}
