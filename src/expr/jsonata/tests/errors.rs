//! What is thrown, and which error when there are several.

use super::{Code, gives, throws};

#[test]
fn text_that_is_no_expression() {
    throws(r#""a"#, DOCUMENT, Code::S0101);
    throws("`a", DOCUMENT, Code::S0105);
    throws("/* a", DOCUMENT, Code::S0106);
    throws("/a", DOCUMENT, Code::S0302);
    throws("//", DOCUMENT, Code::S0301);
    throws(r#""\x""#, DOCUMENT, Code::S0103);
    throws(r#""\u12""#, DOCUMENT, Code::S0104);
    throws("1e999", DOCUMENT, Code::S0102);
    throws("(", DOCUMENT, Code::S0203);
    throws("[1,", DOCUMENT, Code::S0203);
    throws(r#"{"a""#, DOCUMENT, Code::S0203);
    throws("a.", DOCUMENT, Code::S0207);
    throws("a b", DOCUMENT, Code::S0201);
    throws("a[0", DOCUMENT, Code::S0203);
    throws("function(x){1}", DOCUMENT, Code::S0208);
    throws("1:=2", DOCUMENT, Code::S0212);
    throws("a{}{}", DOCUMENT, Code::S0210);
    gives("a{}[0]", DOCUMENT, "{}");
    throws(".a", DOCUMENT, Code::S0211);
    throws("..", DOCUMENT, Code::S0211);
    throws("a@b", DOCUMENT, Code::S0214);
    throws("a[0]@$b", DOCUMENT, Code::S0215);
    throws("a^(b)@$c", DOCUMENT, Code::S0216);
    throws("%", DOCUMENT, Code::S0217);
    throws("a.%.%", DOCUMENT, Code::S0217);
    throws("!a", DOCUMENT, Code::S0204);
    throws("function($x)<(sa<n>):n>{1}", DOCUMENT, Code::S0402);
    throws("function($x)<s<n>>{1}", DOCUMENT, Code::S0401);
    throws("?", DOCUMENT, Code::S0211);
    throws("a?", DOCUMENT, Code::S0207);
    throws("1 2", DOCUMENT, Code::S0201);
    throws(")", DOCUMENT, Code::S0211);
    throws("$sum(,)", DOCUMENT, Code::S0211);
    throws("a..b", DOCUMENT, Code::S0201);
}

#[test]
fn operands_are_of_the_wrong_type() {
    throws(r#"1+"a""#, DOCUMENT, Code::T2002);
    throws(r#""a"+1"#, DOCUMENT, Code::T2001);
    throws("nul+1", DOCUMENT, Code::T2001);
    throws("true*2", DOCUMENT, Code::T2001);
    throws(r#"-"a""#, DOCUMENT, Code::D1002);
    throws(r#"[1.."a"]"#, DOCUMENT, Code::T2004);
    throws(r#"["a"..1]"#, DOCUMENT, Code::T2003);
    throws("[1.5..3]", DOCUMENT, Code::T2003);
    throws(r#"1<"a""#, DOCUMENT, Code::T2009);
    throws("1<null", DOCUMENT, Code::T2010);
    throws("[1]<2", DOCUMENT, Code::T2010);
    throws(r#"{"a":1,"a":2}"#, DOCUMENT, Code::D1009);
    throws("{1:2}", DOCUMENT, Code::T1003);
    throws("{nul:1}", DOCUMENT, Code::T1003);
    throws("[0..20000000]", DOCUMENT, Code::D2014);
    gives("arr^(nul)", DOCUMENT, "[3,1,2]");
    throws(r#"objs^(v[0]=1?"a":n)"#, DOCUMENT, Code::T2007);
    throws("nest^($)", DOCUMENT, Code::T2008);
    throws("1~>2", DOCUMENT, Code::T2006);
    throws("missing~>3", DOCUMENT, Code::T2006);
}

#[test]
fn functions_refuse_what_they_are_given() {
    throws(r#"$sum("a")"#, DOCUMENT, Code::T0412);
    throws(r#"$sum([1,"a"])"#, DOCUMENT, Code::T0412);
    throws("$length(1)", DOCUMENT, Code::T0410);
    throws("$uppercase(nul)", DOCUMENT, Code::T0410);
    throws("$string()&$string(1,2,3)", DOCUMENT, Code::T0410);
    throws("$map(arr,1)", DOCUMENT, Code::T0410);
    throws("$map(arr)", DOCUMENT, Code::T0410);
    throws(r#"$number("a")"#, DOCUMENT, Code::D3030);
    throws(r#"$number("")"#, DOCUMENT, Code::D3030);
    throws("$number([])", DOCUMENT, Code::T0410);
    throws(r#"$number("Infinity")"#, DOCUMENT, Code::D3030);
    throws(r#"$sort([1,"a"])"#, DOCUMENT, Code::D3070);
    throws("$sort(objs)", DOCUMENT, Code::D3070);
    throws("$reduce(arr,function($a){$a})", DOCUMENT, Code::D3050);
    throws("$single(arr)", DOCUMENT, Code::D3138);
    throws("$single([])", DOCUMENT, Code::D3139);
    throws("$sqrt(-1)", DOCUMENT, Code::D3060);
    throws("$power(-2,0.5)", DOCUMENT, Code::D3061);
    throws("$power(2,10000)", DOCUMENT, Code::D3061);
    throws("$formatBase(1,1)", DOCUMENT, Code::D3100);
    throws(r#"$replace("a","","b")"#, DOCUMENT, Code::D3010);
    throws(r#"$replace("a",/a/,function(){1})"#, DOCUMENT, Code::D3012);
    throws(r#"$replace("a","a","b",-1)"#, DOCUMENT, Code::D3011);
    throws(r#"$split("a","a",-1)"#, DOCUMENT, Code::D3020);
    throws(r#"$match("a",/a/,-1)"#, DOCUMENT, Code::D3040);
    throws(r#"$match("a","a")"#, DOCUMENT, Code::T0410);
    throws(r#"$split("ab",/x*/)"#, DOCUMENT, Code::D1004);
    throws(r#"$toMillis("foo")"#, DOCUMENT, Code::D3110);
    throws(r#"$formatNumber(1,"0;0;0")"#, DOCUMENT, Code::D3080);
    throws(r#"$formatNumber(1,"0.0.0")"#, DOCUMENT, Code::D3081);
    throws(r#"$formatInteger(1,"*")"#, DOCUMENT, Code::D3130);
    throws(r#"$fromMillis(0,"[Y")"#, DOCUMENT, Code::D3135);
    throws(r#"$fromMillis(0,"[Q]")"#, DOCUMENT, Code::D3132);
    throws(r#"$fromMillis(0,"[YN]")"#, DOCUMENT, Code::D3133);
    throws(r#"$fromMillis(0,"[Z010101t]")"#, DOCUMENT, Code::D3134);
    throws(r#"$decodeUrl("%")"#, DOCUMENT, Code::D3140);
    throws("$encodeUrl(1)", DOCUMENT, Code::T0410);
    throws("$string(1/0)", DOCUMENT, Code::D3001);
    throws("1/0+1", DOCUMENT, Code::D1001);
    throws("$error()", DOCUMENT, Code::D3137);
    throws(r#"$error("x")"#, DOCUMENT, Code::D3137);
    throws("$assert(false)", DOCUMENT, Code::D3141);
    throws("$assert(1)", DOCUMENT, Code::T0410);
    throws("$join([1])", DOCUMENT, Code::T0412);
    throws("$merge([1])", DOCUMENT, Code::T0412);
    throws("$keys()&$lookup(obj,1)", DOCUMENT, Code::T0410);
}

#[test]
fn what_is_no_function_is_not_called() {
    throws("$f(1)", DOCUMENT, Code::T1006);
    throws("(1)(2)", DOCUMENT, Code::T1006);
    throws(r#""a"(1)"#, DOCUMENT, Code::T1006);
    throws("num(1)", DOCUMENT, Code::T1006);
    throws("nope(1)", DOCUMENT, Code::T1006);
    throws("sum(arr)", DOCUMENT, Code::T1005);
    throws(r#"sum(1+"a")"#, DOCUMENT, Code::T1005);
    throws("obj.sum(1)", DOCUMENT, Code::T1005);
    throws(r#"{"sum":1}.sum(1)"#, DOCUMENT, Code::T1006);
    throws("$f(?)", DOCUMENT, Code::T1008);
    throws("1(?)", DOCUMENT, Code::T1008);
    throws("$map(missing2,$f)", DOCUMENT, Code::T0410);
}

#[test]
fn a_function_called_by_another_has_no_context() {
    throws("3~>$pad", DOCUMENT, Code::T0411);
    throws("num~>$power", DOCUMENT, Code::T0411);
    throws("$map([1],$contains)", DOCUMENT, Code::T0410);
    throws(r#""a"~>$contains"#, DOCUMENT, Code::T0411);
    throws(r#"{"x":1}~>$lookup"#, DOCUMENT, Code::T0410);
}

#[test]
fn reserved_keys_are_refused() {
    throws(r#"{"_jsonata_lambda":1}"#, DOCUMENT, Code::D1013);
    throws(r#"{"_jsonata_function":1}"#, DOCUMENT, Code::D1013);
    throws(r#"arr{"_jsonata_lambda":$}"#, DOCUMENT, Code::D1013);
}

const DOCUMENT: &str = r#"{"arr":[3,1,2], "one":[5], "nest":[[1,2],[3,[4]]], "obj":{"a":1,"b":{"c":[2]}},
    "objs":[{"k":"x","n":1,"v":[1,2]},{"k":"y","n":2,"v":[3]},{"k":"x","n":3}], "str":"Hello", "num":4.5, "nul":null, "emp":[]}"#;
