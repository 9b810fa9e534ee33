//! Transforms: `|pattern|update,delete|`.

use super::{Code, gives, throws, undefined};

#[test]
fn objects_are_updated_and_thinned() {
    gives(r#"obj~>|$|{"a":2}|"#, DOCUMENT, r#"{"a":2,"b":{"c":[2]}}"#);
    gives(r#"obj~>|b|{"d":c}|"#, DOCUMENT, r#"{"a":1,"b":{"c":[2],"d":[2]}}"#);
    gives(r#"obj~>|b|{"d":1},"c"|"#, DOCUMENT, r#"{"a":1,"b":{"d":1}}"#);
    gives(r#"obj~>|$|{},["a","x"]|"#, DOCUMENT, r#"{"b":{"c":[2]}}"#);
    gives(
        r#"$~>|objs|{"n":n*2},"v"|~>$lookup("objs")"#,
        DOCUMENT,
        r#"[{"k":"x","n":2},{"k":"y","n":4},{"k":"x","n":6}]"#,
    );
    gives(r#"($~>|objs[k="x"]|{"z":$$.num}|).objs.z"#, DOCUMENT, "[4.5,4.5]");
    gives(r#"obj~>|missing|{"n":1}|"#, DOCUMENT, r#"{"a":1,"b":{"c":[2]}}"#);
    gives("obj~>|b|missing|", DOCUMENT, r#"{"a":1,"b":{"c":[2]}}"#);
    gives("obj~>|b|{},missing|", DOCUMENT, r#"{"a":1,"b":{"c":[2]}}"#);
    undefined("missing~>|$|{}|", DOCUMENT);
    gives(
        r#"objs~>|$|{"n":0}|"#,
        DOCUMENT,
        r#"[{"k":"x","n":0,"v":[1,2]},{"k":"y","n":0,"v":[3]},{"k":"x","n":0}]"#,
    );
    gives(r#"[{"a":1},{"a":2}]~>|$|{"b":a+1}|"#, DOCUMENT, r#"[{"a":1,"b":2},{"a":2,"b":3}]"#);
    gives(r#"{"x":{"a":1},"y":{"a":2}}~>|*|{"a":a+1}|"#, DOCUMENT, r#"{"x":{"a":2},"y":{"a":3}}"#);
    gives(
        r#"{"x":{"a":{"a":1}}}~>|**[a]|{"seen":true}|"#,
        DOCUMENT,
        r#"{"x":{"a":{"a":1},"seen":true}}"#,
    );
}

#[test]
fn the_input_stays_as_it_was() {
    gives(r#"(obj~>|$|{"a":9}|;obj.a)"#, DOCUMENT, "1");
    gives(r#"($o:=obj;$p:=$o~>|$|{"a":9}|;[$o.a,$p.a])"#, DOCUMENT, "[1,9]");
    gives(
        r#"{"x":obj,"y":obj}~>|x|{"a":5}|"#,
        DOCUMENT,
        r#"{"x":{"a":5,"b":{"c":[2]}},"y":{"a":1,"b":{"c":[2]}}}"#,
    );
    gives(
        r#"($t:=|$|{"n":1}|;[obj~>$t,$t({"z":1})])"#,
        DOCUMENT,
        r#"[{"a":1,"b":{"c":[2]},"n":1},{"z":1,"n":1}]"#,
    );
    gives(
        r#"$map(objs,|$|{"m":n},["v","k"]|)"#,
        DOCUMENT,
        r#"[{"n":1,"m":1},{"n":2,"m":2},{"n":3,"m":3}]"#,
    );
    gives(
        r#"obj~>|b|{"b":$~>|$|{"q":1}|}|"#,
        DOCUMENT,
        r#"{"a":1,"b":{"c":[2],"b":{"c":[2],"q":1}}}"#,
    );
    gives(r#"($n:=3;$f:=|$|{"a":$n}|;$n:=4;obj~>$f)"#, DOCUMENT, r#"{"a":4,"b":{"c":[2]}}"#);
}

#[test]
fn what_is_wrong_is_an_error() {
    throws("obj~>|$|1|", DOCUMENT, Code::T2011);
    throws("obj~>|$|{},1|", DOCUMENT, Code::T2012);
    throws("1~>|$|{}|", DOCUMENT, Code::T0410);
    throws(r#"arr~>|$|"x"|"#, DOCUMENT, Code::T2011);
}

const DOCUMENT: &str = r#"{"arr":[3,1,2], "one":[5], "nest":[[1,2],[3,[4]]], "obj":{"a":1,"b":{"c":[2]}},
    "objs":[{"k":"x","n":1,"v":[1,2]},{"k":"y","n":2,"v":[3]},{"k":"x","n":3}], "str":"Hello", "num":4.5, "nul":null, "emp":[]}"#;
