//! Names, wildcards, predicates and positions in paths.

use super::{Code, gives, throws, undefined};

#[test]
fn names_map_over_arrays_and_flatten_one_level() {
    gives("objs.n", DOCUMENT, "[1,2,3]");
    gives("objs.v", DOCUMENT, "[1,2,3]");
    gives("nest.$", DOCUMENT, "[1,2,3,[4]]");
    gives("[nest.$]", DOCUMENT, "[1,2,3,[4]]");
    undefined("objs.missing", DOCUMENT);
    gives("obj.b.c", DOCUMENT, "[2]");
    undefined("nul.a", DOCUMENT);
    undefined("str.a", DOCUMENT);
    gives("$.objs.k", DOCUMENT, r#"["x","y","x"]"#);
    gives("$$.num", DOCUMENT, "4.5");
    gives("objs.$$.num", DOCUMENT, "[4.5,4.5,4.5]");
    gives("one", DOCUMENT, "[5]");
    gives("one.$", DOCUMENT, "5");
    gives(r#"{"a":[[1,2],[3]]}.a.$"#, DOCUMENT, "[1,2,3]");
    gives(r#"{"a":[[[1]]]}.a"#, DOCUMENT, "[[[1]]]");
    gives(r#"[{"a":[]}].a"#, DOCUMENT, "[]");
    gives(r#"[{"a":[1]},{"a":[]}].a"#, DOCUMENT, "1");
}

#[test]
fn positions_count_from_both_ends_and_are_rounded_down() {
    gives("arr[0]", DOCUMENT, "3");
    gives("arr[-1]", DOCUMENT, "2");
    gives("arr[0.9]", DOCUMENT, "3");
    gives("arr[-0.1]", DOCUMENT, "2");
    undefined("arr[9]", DOCUMENT);
    gives("arr[[0,2]]", DOCUMENT, "[3,2]");
    gives("arr[[2,0,0]]", DOCUMENT, "[3,3,2]");
    gives("arr[[0..1]]", DOCUMENT, "[3,1]");
    gives("objs.v[0]", DOCUMENT, "[1,3]");
    gives("(objs.v)[0]", DOCUMENT, "1");
    gives("nest[0][1]", DOCUMENT, "2");
    gives("(nest[0])[0]", DOCUMENT, "1");
    gives("(nest)[1][0]", DOCUMENT, "3");
    gives("str[0]", DOCUMENT, r#""Hello""#);
    undefined("str[1]", DOCUMENT);
    gives("num[-1]", DOCUMENT, "4.5");
    gives("objs[-1].n", DOCUMENT, "3");
}

#[test]
fn a_literal_position_is_one_whatever_stands_behind_it() {
    gives("arr[0[missing]]", DOCUMENT, "3");
    gives(r#"arr[0{"a":1}]"#, DOCUMENT, "3");
    gives(r#"arr[-1{"a":1}]"#, DOCUMENT, "2");
    gives("arr[(0)]", DOCUMENT, "3");
}

#[test]
fn predicates_keep_what_is_true() {
    gives("arr[$>1]", DOCUMENT, "[3,2]");
    gives("objs[n=2].k", DOCUMENT, r#""y""#);
    undefined("objs[v].k", DOCUMENT);
    gives("objs[$not($exists(v))].n", DOCUMENT, "3");
    gives(r#"objs[k="x"][1].n"#, DOCUMENT, "3");
    gives(r#"objs[k="x" and n>1].n"#, DOCUMENT, "3");
    gives(r#"arr["a"]"#, DOCUMENT, "[3,1,2]");
    undefined("arr[[]]", DOCUMENT);
    undefined("arr[{}]", DOCUMENT);
    gives(r#"arr[{"a":1}]"#, DOCUMENT, "[3,1,2]");
    gives("arr[true]", DOCUMENT, "[3,1,2]");
    undefined("arr[null]", DOCUMENT);
    gives("str[true]", DOCUMENT, r#""Hello""#);
    gives(r#"str["a"]"#, DOCUMENT, r#""Hello""#);
}

#[test]
fn what_is_undefined_is_asked_too_and_leaves_its_place() {
    gives("objs.v[true]", DOCUMENT, "[1,2,3,null]");
    gives("objs.missing[true]", DOCUMENT, "[null,null,null]");
    undefined("missing[true]", DOCUMENT);
    gives("objs.missing[$not($exists($))]", DOCUMENT, "[null,null,null]");
    undefined("objs.missing[n!=1]", DOCUMENT);
    undefined("missing[[0,1]]", DOCUMENT);
    gives(r#"objs.missing[[0,1]].{"a":1}"#, DOCUMENT, r#"[{"a":1},{"a":1},{"a":1}]"#);
    throws(r#"missing[$error("asked")]"#, DOCUMENT, Code::D3137);
    throws(r#"objs.missing[$error("asked")]"#, DOCUMENT, Code::D3137);
}

#[test]
fn wildcards_collect_members() {
    gives("obj.*", DOCUMENT, r#"[1,{"c":[2]}]"#);
    gives("objs[0].*", DOCUMENT, r#"["x",1,1,2]"#);
    gives("objs.*", DOCUMENT, r#"["x",1,1,2,"y",2,3,"x",3]"#);
    gives("obj.b.*", DOCUMENT, "[2]");
    gives(r#"{"a":[1]}.*"#, DOCUMENT, "[1]");
    gives(r#"{"a":[]}.*"#, DOCUMENT, "[]");
    gives(r#"{"a":1}.*"#, DOCUMENT, "1");
    gives(r#"[{"a":[1]},{"a":2}].*"#, DOCUMENT, "[1,2]");
    gives("nest.*", DOCUMENT, "[1,2,3,4]");
    undefined("str.*", DOCUMENT);
    undefined("**[c].c", DOCUMENT);
    gives("$count(**)", DOCUMENT, "28");
    gives("arr.**", DOCUMENT, "[3,1,2]");
    gives("obj.**.c", DOCUMENT, "[2]");
    gives("[obj.b.*]", DOCUMENT, "[2]");
    gives(r#"*[k="y"].n"#, DOCUMENT, "2");
}

#[test]
fn a_path_that_begins_with_an_array_sees_the_context_once() {
    gives("[1,2].($+1)", DOCUMENT, "[2,3]");
    gives("arr.[$]", DOCUMENT, "[[3],[1],[2]]");
    gives("arr.[$][]", DOCUMENT, "[[3],[1],[2]]");
    gives("[arr,num].$", DOCUMENT, "[3,1,2,4.5]");
    gives(r#"[{"a":1},{"a":2}].a"#, DOCUMENT, "[1,2]");
    gives("[[1,2],[3]].$", DOCUMENT, "[1,2,3]");
    gives("[1..3][$>1].$", DOCUMENT, "[2,3]");
    undefined(r#"[{"a":1},{"a":2}][a=1].a"#, DOCUMENT);
    gives(r#"([{"a":1},{"a":2}])[a=1].a"#, DOCUMENT, "1");
    undefined(r#"[{"a":1},{"a":2}][0].a"#, DOCUMENT);
    gives("[[1,2],[3]][0].$", DOCUMENT, "[1,2]");
}

#[test]
fn order_by_is_stable_and_puts_undefined_last() {
    gives("arr^($)", DOCUMENT, "[1,2,3]");
    gives("arr^(>$)", DOCUMENT, "[3,2,1]");
    gives("objs^(>n).n", DOCUMENT, "[3,2,1]");
    gives("objs^(k,>n).n", DOCUMENT, "[3,1,2]");
    throws("objs^(v).n", DOCUMENT, Code::T2008);
    gives(r#"[{"a":2},{"b":1},{"a":1}]^(a)"#, DOCUMENT, r#"[{"a":1},{"a":2},{"b":1}]"#);
    gives(r#"[{"a":2},{"b":1},{"a":1}]^(>a)"#, DOCUMENT, r#"[{"a":2},{"a":1},{"b":1}]"#);
    gives(r#"["b","a","C","é"]^($)"#, DOCUMENT, r#"["C","a","b","é"]"#);
    gives("arr^($)[0]", DOCUMENT, "1");
    gives("objs^(>n)[0].k", DOCUMENT, r#""x""#);
    undefined("objs[v]^(>n).n", DOCUMENT);
    gives("one^($)", DOCUMENT, "5");
    undefined("missing^($)", DOCUMENT);
}

#[test]
fn groups_collect_by_key() {
    gives("objs{k:n}", DOCUMENT, r#"{"x":[1,3],"y":2}"#);
    gives("objs{k:$sum(n)}", DOCUMENT, r#"{"x":4,"y":2}"#);
    gives("objs{k:[n]}", DOCUMENT, r#"{"x":[1,3],"y":[2]}"#);
    gives(r#"objs{"all":n}"#, DOCUMENT, r#"{"all":[1,2,3]}"#);
    gives("arr{$string($):$*2}", DOCUMENT, r#"{"3":6,"1":2,"2":4}"#);
    gives(r#"missing{"a":1}"#, DOCUMENT, r#"{"a":1}"#);
    gives(r#"emp{"a":1}"#, DOCUMENT, r#"{"a":1}"#);
    gives(r#"emp{"a":$}"#, DOCUMENT, "{}");
    gives("objs{missing:n}", DOCUMENT, "{}");
    gives(r#"objs.v{"k":$}"#, DOCUMENT, r#"{"k":[1,2,3]}"#);
    gives(r#"(objs.v){"k":$}"#, DOCUMENT, r#"{"k":[1,2,3]}"#);
    gives("objs^(>n){k:n}", DOCUMENT, r#"{"x":[3,1],"y":2}"#);
}

#[test]
fn names_may_be_words_quoted_or_foreign() {
    gives(r#"{"and":1,"or":2,"in":3}.(and+or+in)"#, DOCUMENT, "6");
    gives(r#"{"a b":1}.`a b`"#, DOCUMENT, "1");
    gives(r#"{"é":1}.é"#, DOCUMENT, "1");
    gives(r#"{"a":1}."a""#, DOCUMENT, "1");
    gives("{'x':1}.'x'", DOCUMENT, "1");
    gives("and=1", DOCUMENT, "false");
    gives("and and and", DOCUMENT, "false");
    gives(r#"{"1":2}.`1`"#, DOCUMENT, "2");
}

const DOCUMENT: &str = r#"{"arr":[3,1,2], "one":[5], "nest":[[1,2],[3,[4]]], "obj":{"a":1,"b":{"c":[2]}},
    "objs":[{"k":"x","n":1,"v":[1,2]},{"k":"y","n":2,"v":[3]},{"k":"x","n":3}], "str":"Hello", "num":4.5, "nul":null, "emp":[]}"#;
