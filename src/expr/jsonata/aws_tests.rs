//! What is known of AWS's evaluation, one line for each case: values, errors with their texts,
//! bounds. Measured there (recordings, and third parties' reports of `TestState`) unless a test's
//! name says that it is our reading.

use std::rc::Rc;

use super::*;
use crate::value::Constants;

/// What AWS would print: JSON, `undefined`, or the error.
fn evaluated(text: &str, input: &str) -> String {
    let mut bindings = Bindings::default();
    let expression = match Expression::compile(text, Dialect::Aws, &mut bindings) {
        Ok(expression) => expression,
        Err(error) => return format!("refused: {error:?}"),
    };
    let constants = std::mem::take(&mut bindings.constants);
    let mut heap = Heap::new(Rc::new(Constants::default()));
    heap.reset(&Rc::new(constants.finish()));
    let mut parser = Parser::default();
    let input = heap.parse(ArenaId::ROOT, input.as_bytes(), &mut parser).unwrap();
    let outcome = expression.evaluate(&mut Setting {
        heap: &mut heap,
        arena: ArenaId::ROOT,
        scope: Scope { input: Some(input), ..Scope::default() },
        parser: &mut parser,
        entropy: &mut Entropy::seeded(1),
        scratch: &mut Scratch::default(),
        wall_ms: 0,
    });
    match outcome {
        Ok(value) => String::from_utf8(heap.to_json(value)).unwrap(),
        Err(Failure::Undefined) => "undefined".to_owned(),
        Err(Failure::Unsupported) => "unsupported".to_owned(),
        Err(Failure::Thrown(thrown)) => thrown.to_string(),
    }
}

#[track_caller]
fn gives(text: &str, expected: &str) {
    assert_eq!(evaluated(text, "{}"), expected, "{text:.80}");
}

#[test]
fn partition_takes_nothing_for_undefined_and_refuses_what_is_no_array() {
    gives("$partition([1,2,3,4,5], 2)", "[[1,2],[3,4],[5]]");
    gives("$partition([1,2,3,4,5], 2.9)", "[[1,2],[3,4],[5]]");
    gives("$partition([1,2,3])", "[[1,2,3]]");
    gives("$partition([], 2)", "undefined");
    gives("$partition([1,2,3], 0)", "undefined");
    gives("$partition([1,2,3,4], -0.5)", "undefined");
    gives("$partition($states.input.none, 2)", "undefined");
    gives("$partition([1,2,3], -1)", "D3137: Second argument must be zero or greater");
    let no_array = "T0412: Argument 1 of function \"partition\" must be an array of undefined";
    gives("$partition(null, 2)", no_array);
    gives("$partition('a', 2)", no_array);
    gives("$partition([1], 'a')", &mismatch(2, "partition"));
    gives("$partition([1], 1, 2)", &mismatch(3, "partition"));
}

#[test]
fn range_is_truncated_and_leads_somewhere_or_nowhere() {
    gives("$range(0, 10, 2)", "[0,2,4,6,8,10]");
    gives("$range(10, 0, -2)", "[10,8,6,4,2,0]");
    gives("$range(1.7, 5, 1)", "[1,2,3,4,5]");
    gives("$range(-1.7, 2, 1)", "[-1,0,1,2]");
    gives("$range(-2.9, 0, 1)", "[-2,-1,0]");
    gives("$range(5, 1, -1.5)", "[5,4,3,2,1]");
    gives("$range(3, 3, 1)", "3");
    gives("$range(5, 1, 1)", "undefined");
    gives("$range(1, 5, 0)", "undefined");
    gives("$range(1, 5)", "undefined");
    gives("$range(1)", &mismatch(2, "range"));
    gives("$range(1, 5, 1, 'x')", &mismatch(4, "range"));
    gives("$count($range(1, 360145, 1))", "360145");
    gives("$range(1, 360146, 1)", MEMORY);
    gives("$range(1, 1000000000, 1)", MEMORY);
}

#[test]
fn hash_knows_five_algorithms_by_their_exact_names() {
    gives("$hash('input', 'SHA-1')", "\"140f86aae51ab9e1cda9b4254fe98a74eb54c1a1\"");
    gives("$hash('ñ', 'MD5')", "\"94e9342ecbb1458b6043ecd3bfcbc192\"");
    gives("$hash('a')", "undefined");
    gives("$hash(42, 'MD5')", &mismatch(1, "hash"));
    gives("$hash('a', 5)", &mismatch(2, "hash"));
    gives("$hash('a', 'MD5', 'x')", &mismatch(3, "hash"));
    gives(
        "$hash('a', 'md5')",
        "D3137: Hash algorithm 'md5' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5",
    );
}

#[test]
fn random_and_uuid_check_their_arguments() {
    gives("$random(42)", "0.7275636800328681");
    gives("$random(0)", "0.730967787376657");
    gives("$random(0.9)", "0.730967787376657");
    gives("$random(7)", "0.7306990420600421");
    gives("$random(1, 2)", &mismatch(2, "random"));
    gives("$random('a')", &mismatch(1, "random"));
    gives("$uuid('seed')", &mismatch(1, "uuid"));
}

#[test]
fn parse_is_strict() {
    gives("$parse('{\"b\":1,\"a\":[2]}')", "{\"b\":1,\"a\":[2]}");
    gives("$parse('9223372036854775807')", "9223372036854775807");
    gives("$parse('1.0') = 1", "true");
    gives("$exists($parse('null'))", "true");
    gives("$parse()", "undefined");
    gives("$parse(null)", &mismatch(1, "parse"));
    gives("$parse('{}', 'x')", &mismatch(2, "parse"));
    for bad in ["", "  ", "{\"a\":1}{}", "[1] [2]", "{\"a\":1,\"a\":2}", "1e400", "no"] {
        gives(&format!("$parse('{bad}')"), "D3137: Invalid JSON");
    }
}

#[test]
fn numbers_as_text_keep_15_digits_and_integers_all() {
    gives("$string(1/3)", "\"0.333333333333333\"");
    gives("$string(1e20)", "\"100000000000000000000\"");
    gives("$string(1.5e20)", "\"150000000000000000000\"");
    gives("$string(999999999999999868928)", "\"999999999999999900000\"");
    gives("$string(1e21)", "\"1e+21\"");
    gives("$string(-1e20)", "\"-100000000000000000000\"");
    gives("$string(1e-6)", "\"0.000001\"");
    gives("$string(1e-7)", "\"1e-7\"");
    gives("$string({'n': 1e20})", "\"{\\\"n\\\":100000000000000000000}\"");
    gives("$string($parse('9223372036854775807'))", "\"9223372036854775807\"");
    gives("$string($parse('9223372036854775808'))", "\"9223372036854776000\"");
    gives("$string(9223372036854775808)", "\"9223372036854776000\"");
}

#[test]
fn what_json_cannot_say_of_a_number_is_a_string() {
    gives("1/0", "\"Infinity\"");
    gives("-1/0", "\"-Infinity\"");
    gives("1e308 * 10", "\"Infinity\"");
    gives("0/0", "\"NaN\"");
    gives("[1/0]", "[\"Infinity\"]");
    gives("{'k': 1/0}", "{\"k\":\"Infinity\"}");
    gives("$parseInteger('abc', '0')", "\"NaN\"");
    gives("{'k': $parseInteger('abc', '0')}", "{\"k\":\"NaN\"}");
}

#[test]
fn integers_stay_exact_until_arithmetic_leaves_them() {
    gives("9007199254740993", "9007199254740993");
    gives("$parse('9007199254740993') - 1", "9007199254740992");
    gives("$number('9007199254740993')", "9007199254740993");
    gives("9007199254740992 + 1", "9007199254740993");
    gives("$parse('9223372036854775807')", "9223372036854775807");
    gives("$parse('9223372036854775807') + 1", "9223372036854776000");
    gives("9223372036854775808", "9223372036854776000");
    gives("-9223372036854775807", "-9223372036854775807");
    gives("-9223372036854775808", "-9223372036854775808");
    gives("[- 9223372036854775808]", "[-9223372036854775808]");
    gives("--9223372036854775808", "9223372036854776000");
    gives("-9223372036854775809", "-9223372036854776000");
    gives("-9223372036854775808e0", "-9223372036854776000");
    gives("-$parse('9007199254740993')", "-9007199254740993");
    gives("$sum([9007199254740992, 1])", "9007199254740993");
    gives("$sum([1, 2.5])", "3.5");
}

#[test]
fn errors_read_as_the_references() {
    gives("$sum(['a'])", "T0412: Argument 1 of function \"sum\" must be an array of \"numbers\"");
    gives("$sum([1], 2)", &mismatch(2, "sum"));
    gives("$abs('x')", &mismatch(1, "abs"));
    gives("$each('x', function($v){$v})", &mismatch(1, "each"));
    gives("$eval('1+1')", "T1006: Attempted to invoke a non-function");
    gives("$error('boom')", "D3137: boom");
    gives("$assert(false, 'boom')", "D3141: boom");
    gives("$sqrt(-1)", "D3060: The sqrt function cannot be applied to a negative number: -1");
    gives("1 + {}", "T2002: The right side of the \"+\" operator must evaluate to a number");
    gives(
        "$split('a','b',-1)",
        "D3020: Third argument of split function must evaluate to a positive number",
    );
    gives(
        "$single([1,2], function($x){true})",
        "D3138: The $single() function expected exactly 1 matching result.  Instead it matched more.",
    );
    gives(
        "$formatNumber(1, 'x')",
        "D3086: The sub-picture must not contain a passive character that is preceded by an active character and that is followed by another active character",
    );
    gives("$base64decode('!!!')", "internal error: the text is no Base64");
    gives("$base64decode('w6k=')", "\"é\"");
    gives(
        "(function($x)<n>{$x})('a')",
        "T0410: Argument 1 of function undefined does not match function signature",
    );
}

#[test]
fn every_way_to_nest_ends_at_level_100() {
    let recursion =
        |calls: u32| format!("($f := function($x){{ $x <= 0 ? 0 : 1 + $f($x-1) }}; $f({calls}))");
    let around =
        |open: &str, close: &str, count| format!("{}1{}", open.repeat(count), close.repeat(count));
    gives(&around("", "+1", 99), "100");
    gives(&around("(", ")", 99), "1");
    gives(&around("", "~>$string", 99), "\"1\"");
    gives(&format!("$count({})", around("[", "]", 97)), "1");
    gives(&recursion(31), "31");
    for deep in [
        around("", "+1", 100),
        around("(", ")", 100),
        around("[", "]", 100),
        around("", "~>$string", 100),
        around("", "&1", 100),
        recursion(32),
    ] {
        gives(&deep, STACK);
        assert!(check(&deep).is_ok(), "it is no error of syntax");
    }
}

/// The reference with its own bound set to 100 is the measure here; it agrees with what is known of
/// AWS.
#[test]
fn levels_are_counted_as_the_reference_counts_them() {
    #[track_caller]
    fn ends_behind(last: usize, text: impl Fn(usize) -> String) {
        assert_ne!(evaluated(&text(last), r#"{"a":1,"arr":[1,2,3]}"#), STACK, "{:.80}", text(last));
        assert_eq!(
            evaluated(&text(last + 1), r#"{"a":1,"arr":[1,2,3]}"#),
            STACK,
            "{:.80}",
            text(last + 1)
        );
    }
    let nested = |open: &'static str, middle: &'static str, close: &'static str| {
        move |count: usize| format!("{}{middle}{}", open.repeat(count), close.repeat(count))
    };
    let recursive = |body: &'static str| {
        move |count: usize| format!("($f:=function($x){{{body}}};$f({count}))")
    };
    ends_behind(98, nested("$string(1)&", "1", ""));
    ends_behind(99, nested("false?1:", "2", ""));
    ends_behind(49, nested("true?(", "2", "):1"));
    ends_behind(49, nested("-(", "1", ")"));
    ends_behind(98, nested("(", "$states.input.a", ")"));
    ends_behind(97, |count| format!("$states.input.arr[{}]", nested("(", "$>1", ")")(count)));
    ends_behind(98, |count| format!("$states.input.arr^({})", nested("(", "$", ")")(count)));
    ends_behind(18, recursive("($x=0?0:($f($x-1)+1))"));
    ends_behind(47, recursive("$x=0?0:$reduce([1,2],function($a,$b){$a+$f($x-1)})"));
    ends_behind(23, recursive("$x=0?0:1+($x-1~>$f)"));
    ends_behind(19, recursive("$x=0?true:$count([1][$f($x-1)])=1"));
    ends_behind(31, recursive("$x=0?0:{'a':$f($x-1)}"));
    ends_behind(19, recursive("$x=0?{}:({'a':$x}~>|$|{'b':$f($x-1)}|)"));
    ends_behind(31, recursive("$x=0?true:$sort([2,1],function($a,$b){$f($x-1)})[0]=2"));
    ends_behind(23, |count| {
        format!("($f:=function($x){{$x=0?0:1+$h($x-1)}};$h:=$f~>function($y){{$y}};$f({count}))")
    });
}

#[test]
fn loops_written_as_recursion_do_not_nest() {
    gives("($f := function($n){ $n = 0 ? 'end' : $f($n - 1) }; $f(1000))", "\"end\"");
    gives(
        "($f := function($n){ $f($n + 1) }; $f(1))",
        "Expression evaluation timeout: Check for infinite loop",
    );
    gives("false ? ($f := function(){ 1 + $f() }; $f()) : 1", "1");
    gives("($f := function(){ 1 + $f() }; $f())", STACK);
    gives("($f := function($x){ $map([$x], $f) }; $f(1))", STACK);
}

#[test]
fn memory_is_bounded_per_value() {
    let doubled = |times: u32| {
        format!(
            "($f := function($s, $n){{ $n = 0 ? $s : $f($s & $s, $n - 1) }}; $length($f('x', {times})))"
        )
    };
    gives("[1..873782] ~> $count()", "873782");
    gives("[1..873783] ~> $count()", MEMORY);
    gives("$sum([1..900000])", MEMORY);
    gives(&doubled(22), "4194304");
    gives(&doubled(23), MEMORY);
    gives("$sum($map([1..200000], function($v){$v * 2}))", "40000200000");
}

#[test]
fn null_is_a_value() {
    gives("$count(null)", "1");
    gives("$exists(null)", "true");
    gives("$type(null)", "\"null\"");
    gives("null", "null");
    assert_eq!(evaluated("$lookup($states.input, 'a')", r#"{"a":null}"#), "null");
}

fn mismatch(argument: u32, function: &str) -> String {
    format!(
        "T0410: Argument {argument} of function \"{function}\" does not match function signature"
    )
}

const STACK: &str = "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive";
const MEMORY: &str =
    "Expression evaluation memory limit exceeded: Check for excessive memory usage";
