//! The dialect of Step Functions: its functions, its numbers, and what it has not.

use super::{Code, Dialect, Failure, evaluate, thrown};

#[track_caller]
fn gives(text: &str, json: &str) {
    assert_eq!(evaluate(text, Dialect::Aws, DOCUMENT).as_deref(), Ok(json), "{text}");
}

#[track_caller]
fn undefined(text: &str) {
    assert_eq!(evaluate(text, Dialect::Aws, DOCUMENT), Err(Failure::Undefined), "{text}");
}

#[track_caller]
fn throws(text: &str, code: Code) {
    assert_eq!(thrown(text, Dialect::Aws, DOCUMENT).code(), code, "{text}");
}

#[test]
fn there_is_no_context_but_the_states() {
    undefined("$");
    undefined("$$");
    undefined("a");
    gives("$states.input.a", "[1,2,3]");
    gives("$states.input.o[k=2].k", "2");
    gives("$states.input.a.($*2)", "[2,4,6]");
    gives("$keys($states)", "\"input\"");
    undefined("$states.result");
    undefined("$states.other");
    throws("$pad()", Code::T0410);
    gives("($s:=$states.input;$s.a[0])", "1");
    gives("$states", r#"{"input":{"a":[1,2,3],"o":[{"k":1},{"k":2}],"t":"x"}}"#);
}

#[test]
fn partition_makes_pieces() {
    gives("$partition([1..5],2)", "[[1,2],[3,4],[5]]");
    gives("$partition([1..5],2.9)", "[[1,2],[3,4],[5]]");
    gives("$partition([1,2],9)", "[[1,2]]");
    gives("$partition([1,2])", "[[1,2]]");
    undefined("$partition([],2)");
    undefined("$partition(missing,2)");
    undefined("$partition([1],0)");
    throws("$partition([1],-1)", Code::D3137);
    throws("$partition([1],\"a\")", Code::T0410);
}

#[test]
fn range_counts_by_steps() {
    gives("$range(1,9,2)", "[1,3,5,7,9]");
    gives("$range(1,8,2)", "[1,3,5,7]");
    gives("$range(3,1,-1)", "[3,2,1]");
    gives("$range(1,1,5)", "1");
    gives("$range(1.9,3.9,1)", "[1,2,3]");
    undefined("$range(1,3,0)");
    undefined("$range(1,3,-1)");
    undefined("$range(1,missing,1)");
    undefined("$range(1,9)");
    throws("$range(1)", Code::T0410);
    throws("$range(1,9000000,1)", Code::Memory);
}

#[test]
fn range_reaches_from_the_least_integer_to_the_greatest() {
    gives("$range(-9e18,9e18,9e18)", "[-9000000000000000000,0,9000000000000000000]");
    gives("$range(9e18,-9e18,-9e18)", "[9000000000000000000,0,-9000000000000000000]");
    let whole = "-9223372036854775808,9223372036854775807";
    throws(&format!("$range({whole},1)"), Code::Memory);
    gives(
        &format!("$range({whole},9223372036854775807)"),
        "[-9223372036854775808,-1,9223372036854775806]",
    );
    gives("$range(9223372036854775806,9223372036854775807,5)", "9223372036854775806");
    gives("$range(9223372036854775807,-9223372036854775808,-9e99)", "[9223372036854775807,-1]");
}

#[test]
fn hashes_are_hexadecimal() {
    gives("$hash(\"a\",\"MD5\")", "\"0cc175b9c0f1b6a831c399e269772661\"");
    gives("$hash(\"a\",\"SHA-1\")", "\"86f7e437faa5a7fce15d1ddcb9eaeaea377667b8\"");
    undefined("$hash(missing,\"MD5\")");
    throws("$hash(\"a\",\"md4\")", Code::D3137);
    throws("$hash(1,\"MD5\")", Code::T0410);
}

#[test]
fn text_is_parsed() {
    gives(r#"$parse('{"a":[1,null]}')"#, r#"{"a":[1,null]}"#);
    gives("$parse(\"1\")+1", "2");
    gives(r#"$parse('{"a":{"b":2}}').a.b"#, "2");
    undefined("$parse(missing)");
    throws("$parse(\"{\")", Code::D3137);
    throws("$parse(1)", Code::T0410);
}

#[test]
fn random_numbers_may_be_seeded() {
    gives("$random(1)=$random(1)", "true");
    gives("$random(1)=$random(2)", "false");
    gives("$random()<1 and $random()>=0", "true");
    gives("$length($uuid())", "36");
    gives("$uuid()=$uuid()", "false");
    gives(
        "$contains($uuid(),/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)",
        "true",
    );
}

#[test]
fn numbers_that_are_none_become_text() {
    gives("1/0", "\"Infinity\"");
    gives("-1/0", "\"-Infinity\"");
    gives("4/2", "2");
    gives("1.5+1.5", "3");
    gives("$sum([0.5,0.5])", "1");
}

#[test]
fn what_aws_has_not_is_no_function() {
    throws("$eval(\"1\")", Code::T1006);
    throws("$missing(1)", Code::T1006);
}

#[test]
fn values_have_a_size() {
    gives("$count([1..873782])", "873782");
    throws("[1..873783]", Code::Memory);
    throws("$pad(\"\",8388608)", Code::Memory);
}

const DOCUMENT: &str = r#"{"a":[1,2,3],"o":[{"k":1},{"k":2}],"t":"x"}"#;
