//! Where one result stands for itself, where it stays an array, and what constructors make.

use super::{gives, undefined};

#[test]
fn one_result_stands_for_itself() {
    gives("objs[n=1].k", DOCUMENT, r#""x""#);
    gives("[objs[n=1].k]", DOCUMENT, r#"["x"]"#);
    gives("$count(objs[n=1])", DOCUMENT, "1");
    gives("$map([1],$string)", DOCUMENT, r#""1""#);
    gives("$filter(arr,function($v){$v=1})", DOCUMENT, "1");
    gives(r#"$keys({"a":1})"#, DOCUMENT, r#""a""#);
    gives("$distinct([1,1])", DOCUMENT, "[1]");
    gives("objs.v[$>2]", DOCUMENT, "3");
    undefined("(objs.k)[n=1]", DOCUMENT);
    gives(r#"$match("a",/a/).match"#, DOCUMENT, r#""a""#);
}

#[test]
fn empty_brackets_keep_an_array() {
    gives("num[]", DOCUMENT, "[4.5]");
    gives("str[]", DOCUMENT, r#"["Hello"]"#);
    gives("objs[n=1].k[]", DOCUMENT, r#"["x"]"#);
    gives("objs[].n", DOCUMENT, "[1,2,3]");
    gives("objs[n=1][].k", DOCUMENT, r#"["x"]"#);
    gives("obj[].a", DOCUMENT, "[1]");
    gives("obj.a[]", DOCUMENT, "[1]");
    gives("arr[0][]", DOCUMENT, "[3]");
    gives("arr[][0]", DOCUMENT, "[3]");
    undefined("missing[]", DOCUMENT);
    gives("[1][]", DOCUMENT, "[1]");
    gives("$sum(arr)[]", DOCUMENT, "6");
    gives("$map([1],$string)[]", DOCUMENT, r#"["1"]"#);
    gives(r#"arr.{"a":$}[]"#, DOCUMENT, r#"[{"a":3},{"a":1},{"a":2}]"#);
    gives("one[]", DOCUMENT, "[5]");
    gives("nest[][0]", DOCUMENT, "[1,2]");
    gives("[[1][][0]][-1]", DOCUMENT, "[1]");
}

#[test]
fn behind_a_block_a_sequence_of_one_is_gone() {
    gives("(num)[]", DOCUMENT, "4.5");
    gives("(arr[0])[]", DOCUMENT, "3");
    gives("(objs[n=1].k)[]", DOCUMENT, r#""x""#);
    gives("(objs.k)[]", DOCUMENT, r#"["x","y","x"]"#);
    gives("(nest[0])[]", DOCUMENT, "[1,2]");
    gives("($map([1],function($x){[$x,2]}))[0]", DOCUMENT, "1");
    gives("$map([1],function($x){[$x,2]})[0]", DOCUMENT, "[1,2]");
    gives(r#"({"a":[[1,2]]}.a)[0]"#, DOCUMENT, "[1,2]");
    gives(r#"($map([1],function($x){[$x,2]})){"a":$}"#, DOCUMENT, r#"{"a":[1,2]}"#);
    gives("(1;arr)[0]", DOCUMENT, "3");
}

#[test]
fn what_a_tail_call_returns_stays_a_sequence() {
    gives(r#"$map([1,2],function($v){$keys({"a":1})})"#, DOCUMENT, r#"[["a"],["a"]]"#);
    gives(r#"$map([1,2],function($v){[$keys({"a":1})][0]})"#, DOCUMENT, r#"["a","a"]"#);
    gives("$map([1,2],function($v){$keys(1)})", DOCUMENT, "[[],[]]");
    gives("$map([1,2],function($v){$filter([5],function($w){true})})", DOCUMENT, "[[5],[5]]");
    gives(r#"(function($v){$keys({"a":1})})(1)"#, DOCUMENT, r#""a""#);
    gives(r#"[function($v){$keys({"a":1})}(1)]"#, DOCUMENT, r#"["a"]"#);
    gives(r#"$map([1,2],function($v){(1;$keys({"a":1}))})"#, DOCUMENT, r#"[["a"],["a"]]"#);
    gives(r#"$map([1,2],function($v){$v>1?$keys({"a":1}):$keys(1)})"#, DOCUMENT, r#"[[],["a"]]"#);
    gives(r#"$map([1,2],function($v){$keys({"a":1})[0]})"#, DOCUMENT, r#"["a","a"]"#);
}

#[test]
fn array_constructors_keep_what_is_written_as_an_array() {
    gives("[1,[2,3]]", DOCUMENT, "[1,[2,3]]");
    gives("[arr,arr]", DOCUMENT, "[3,1,2,3,1,2]");
    gives("[[arr]]", DOCUMENT, "[[3,1,2]]");
    gives("[arr,[arr]]", DOCUMENT, "[3,1,2,[3,1,2]]");
    gives("[missing,1]", DOCUMENT, "[1]");
    gives("[[missing]]", DOCUMENT, "[[]]");
    gives("[emp]", DOCUMENT, "[]");
    gives("[[],[]]", DOCUMENT, "[[],[]]");
    gives("[[1..3]]", DOCUMENT, "[[1,2,3]]");
    gives("[[1..3],[1..2]]", DOCUMENT, "[[1,2,3],[1,2]]");
    gives("[1..3,5]", DOCUMENT, "[1,2,3,5]");
    gives("[[3,4][$>3]]", DOCUMENT, "[4]");
    gives("[[3,4][0],[5]]", DOCUMENT, "[3,[5]]");
    gives("[[3,4][]]", DOCUMENT, "[[3,4]]");
    gives("[[1][0]]", DOCUMENT, "[1]");
    gives("[arr[0],arr[[0,1]]]", DOCUMENT, "[3,3,1]");
    gives("[$sum(arr)]", DOCUMENT, "[6]");
    gives("[null]", DOCUMENT, "[null]");
    gives("[[[]]]", DOCUMENT, "[[[]]]");
}

#[test]
fn ranges_are_sequences_of_integers() {
    gives("[1..3]", DOCUMENT, "[1,2,3]");
    gives("[3..1]", DOCUMENT, "[]");
    gives("[0..0]", DOCUMENT, "[0]");
    gives("[-2..0]", DOCUMENT, "[-2,-1,0]");
    gives("[1..missing]", DOCUMENT, "[]");
    gives("[missing..1]", DOCUMENT, "[]");
    gives("$sum([1..1000])", DOCUMENT, "500500");
    gives("$count([1..1000])", DOCUMENT, "1000");
    gives("[1..3].($*$)", DOCUMENT, "[1,4,9]");
    gives("[1..5][$%2=0]", DOCUMENT, "[2,4]");
    gives("[arr[1]..arr[0]]", DOCUMENT, "[1,2,3]");
    gives("$reverse([1..3])", DOCUMENT, "[3,2,1]");
    gives("[1..3]=[1,2,3]", DOCUMENT, "true");
    gives("2 in [1..3]", DOCUMENT, "true");
    gives("[[1..2],[3..4]].$sum($)", DOCUMENT, "[3,7]");
}

#[test]
fn object_constructors_drop_undefined_members() {
    gives("{}", DOCUMENT, "{}");
    gives(r#"{"a":missing,"b":1}"#, DOCUMENT, r#"{"b":1}"#);
    gives(r#"{"a":{"b":missing}}"#, DOCUMENT, r#"{"a":{}}"#);
    gives(r#"{"a"&"b":1}"#, DOCUMENT, r#"{"ab":1}"#);
    gives("{k:1}", DOCUMENT, "{}");
    gives(r#"{("a"):1}"#, DOCUMENT, r#"{"a":1}"#);
    gives(r#"{"a"[0]:1}"#, DOCUMENT, r#"{"a":1}"#);
    gives(r#"{"a"[1]:1}"#, DOCUMENT, "{}");
    gives(r#"{"a"[""]:1,"b"[true]:2}"#, DOCUMENT, r#"{"b":2}"#);
    gives("objs.{k:n}", DOCUMENT, r#"[{"x":1},{"y":2},{"x":3}]"#);
    undefined(r#"{"f":$sum}.a"#, DOCUMENT);
    gives(r#"{"a":[]}"#, DOCUMENT, r#"{"a":[]}"#);
    gives(r#"{"a":arr[$>9]}"#, DOCUMENT, "{}");
    gives(
        r#"$string({"a":1,"b":[1,{"c":null}]})"#,
        DOCUMENT,
        r#""{\"a\":1,\"b\":[1,{\"c\":null}]}""#,
    );
}

#[test]
fn conditions_and_defaults_know_what_is_true() {
    gives("missing?1:2", DOCUMENT, "2");
    undefined("missing?1", DOCUMENT);
    gives("[]?1:2", DOCUMENT, "2");
    gives("[0]?1:2", DOCUMENT, "2");
    gives("[[0],[1]]?1:2", DOCUMENT, "1");
    gives("{}?1:2", DOCUMENT, "2");
    gives("$sum?1:2", DOCUMENT, "2");
    gives(r#""0"?1:2"#, DOCUMENT, "1");
    gives("0?:5", DOCUMENT, "5");
    gives("missing?:5", DOCUMENT, "5");
    gives("nul?:5", DOCUMENT, "5");
    gives("missing??5", DOCUMENT, "5");
    gives("nul??5", DOCUMENT, "null");
    gives("emp??5", DOCUMENT, "[]");
    gives("0??5", DOCUMENT, "0");
    undefined("missing??missing", DOCUMENT);
    gives("(missing??arr)[0]", DOCUMENT, "3");
    gives(r#"num>4?"a":"b""#, DOCUMENT, r#""a""#);
    gives("true and 1", DOCUMENT, "true");
    gives("missing and true", DOCUMENT, "false");
    gives("missing or false", DOCUMENT, "false");
    gives(r#""a" and "b""#, DOCUMENT, "true");
    gives("[0] or [1]", DOCUMENT, "true");
    gives("nul and true", DOCUMENT, "false");
}

#[test]
fn equality_is_deep_and_undefined_equals_nothing() {
    gives("1=1.0", DOCUMENT, "true");
    gives(r#""1"=1"#, DOCUMENT, "false");
    gives("nul=null", DOCUMENT, "true");
    gives("missing=missing", DOCUMENT, "false");
    gives("missing!=missing", DOCUMENT, "false");
    gives("missing=null", DOCUMENT, "false");
    gives("[]=[]", DOCUMENT, "true");
    gives("[1]=1", DOCUMENT, "false");
    gives(r#"{"a":1,"b":2}={"b":2,"a":1}"#, DOCUMENT, "true");
    gives("[1,2]=[2,1]", DOCUMENT, "false");
    gives(r#"{"a":[1,{"b":2}]}={"a":[1,{"b":2}]}"#, DOCUMENT, "true");
    gives("$sum=$sum", DOCUMENT, "true");
    gives("function(){1}=function(){1}", DOCUMENT, "false");
    gives("objs[0].v=[1,2]", DOCUMENT, "true");
    gives("arr!=arr", DOCUMENT, "false");
    gives(
        r#"$distinct([1,1,"1",[1],[1],{"a":1},{"a":1},null,null])"#,
        DOCUMENT,
        r#"[1,"1",[1],{"a":1},null]"#,
    );
}

#[test]
fn in_looks_for_an_element() {
    gives("1 in arr", DOCUMENT, "true");
    gives("9 in arr", DOCUMENT, "false");
    gives("1 in 1", DOCUMENT, "true");
    gives("[1] in [[1]]", DOCUMENT, "false");
    gives("null in [null]", DOCUMENT, "true");
    gives("missing in arr", DOCUMENT, "false");
    gives("1 in missing", DOCUMENT, "false");
    gives(r#""e" in str"#, DOCUMENT, "false");
    gives("{} in [{}]", DOCUMENT, "false");
    gives(r#""x" in objs.k"#, DOCUMENT, "true");
}

const DOCUMENT: &str = r#"{"arr":[3,1,2], "one":[5], "nest":[[1,2],[3,[4]]], "obj":{"a":1,"b":{"c":[2]}},
    "objs":[{"k":"x","n":1,"v":[1,2]},{"k":"y","n":2,"v":[3]},{"k":"x","n":3}], "str":"Hello", "num":4.5, "nul":null, "emp":[]}"#;
