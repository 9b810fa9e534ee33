//! Built-in functions at their edges: undefined, empty, too few, too many, beyond the basic plane.

use super::{gives, undefined};

#[test]
fn texts_are_cut_by_character() {
    gives(r#"$substring("a𝄞💩b",1,2)"#, DOCUMENT, r#""𝄞💩""#);
    gives(r#"$substring("hello",-3,2)"#, DOCUMENT, r#""ll""#);
    gives(r#"$substring("hello",-10,7)"#, DOCUMENT, r#""hello""#);
    gives(r#"$substring("hello",1.5)"#, DOCUMENT, r#""ello""#);
    gives(r#"$substring("hello",9)"#, DOCUMENT, r#""""#);
    gives(r#"$substring("hello",0,-1)"#, DOCUMENT, r#""""#);
    gives(r#"$substring("hello",missing)"#, DOCUMENT, r#""hello""#);
    gives(r#"$substring("hello",missing,2)"#, DOCUMENT, r#""""#);
    undefined("$substring(missing,1)", DOCUMENT);
    gives(r#"$length("𝄞")"#, DOCUMENT, "1");
    gives(r#"$length("")"#, DOCUMENT, "0");
    undefined("$length(missing)", DOCUMENT);
    gives(r#"$substringBefore("hello","l")"#, DOCUMENT, r#""he""#);
    gives(r#"$substringBefore("hello","x")"#, DOCUMENT, r#""hello""#);
    gives(r#"$substringBefore("hello","")"#, DOCUMENT, r#""""#);
    gives(r#"$substringAfter("hello","l")"#, DOCUMENT, r#""lo""#);
    gives(r#"$substringAfter("hello","")"#, DOCUMENT, r#""hello""#);
    gives(r#"$split("a,b",",",1)"#, DOCUMENT, r#"["a"]"#);
    gives(r#"$split("abc","")"#, DOCUMENT, r#"["a","b","c"]"#);
    gives(r#"$split("",",")"#, DOCUMENT, r#"[""]"#);
}

#[test]
fn texts_are_padded_trimmed_and_cased() {
    gives(r#"$pad("a",3)"#, DOCUMENT, r#""a  ""#);
    gives(r#"$pad("a",-3,"xy")"#, DOCUMENT, r#""xya""#);
    gives(r#"$pad("𝄞",3,"💩")"#, DOCUMENT, r#""𝄞💩💩""#);
    gives(r#"$pad("a",3,"")"#, DOCUMENT, r#""a  ""#);
    gives(r#"$pad("abc",2)"#, DOCUMENT, r#""abc""#);
    gives(r#"$pad("a",2.7)"#, DOCUMENT, r#""a ""#);
    gives(r#"$trim("  a \t b\n ")"#, DOCUMENT, r#""a b""#);
    gives(r#"$trim("")"#, DOCUMENT, r#""""#);
    gives(r#"$uppercase("ßé")"#, DOCUMENT, r#""SSÉ""#);
    gives(r#"$lowercase("ÀΣ")"#, DOCUMENT, r#""àς""#);
    gives(r#"$join(["a","b"])"#, DOCUMENT, r#""ab""#);
    gives(r#"$join(["a","b"],"-")"#, DOCUMENT, r#""a-b""#);
    gives(r#"$join("a","-")"#, DOCUMENT, r#""a""#);
    gives(r#"$join([],"-")"#, DOCUMENT, r#""""#);
    undefined(r#"$join(missing,"-")"#, DOCUMENT);
    gives(r#"$join(["a"],missing)"#, DOCUMENT, r#""a""#);
    gives(r#"["a","b"]~>$join("")"#, DOCUMENT, r#""ab""#);
}

#[test]
fn string_writes_json() {
    gives("$string(num)", DOCUMENT, r#""4.5""#);
    gives("$string(nul)", DOCUMENT, r#""null""#);
    undefined("$string(missing)", DOCUMENT);
    gives(r#"$string("a\"b")"#, DOCUMENT, r#""a\"b""#);
    gives(r#"$string([1,"a",null,{"b":[]}])"#, DOCUMENT, r#""[1,\"a\",null,{\"b\":[]}]""#);
    gives("$string(0.1+0.2)", DOCUMENT, r#""0.3""#);
    gives("$string(1/3)", DOCUMENT, r#""0.333333333333333""#);
    gives("$string(1e21)", DOCUMENT, r#""1e+21""#);
    gives("$string(1e-7)", DOCUMENT, r#""1e-7""#);
    gives("$string(100)", DOCUMENT, r#""100""#);
    gives("$string($sum)", DOCUMENT, r#""""#);
    gives(r#"$string({"f":$sum})"#, DOCUMENT, r#""{\"f\":\"\"}""#);
    gives("$string([missing])", DOCUMENT, r#""[]""#);
    gives(r#"$string({"a":[1,{}]},true)"#, DOCUMENT, r#""{\n  \"a\": [\n    1,\n    {}\n  ]\n}""#);
    gives("$string([],true)", DOCUMENT, r#""[]""#);
    gives(r#"str&1&true&nul&missing&[1]&{"a":1}"#, DOCUMENT, r#""Hello1truenull[1]{\"a\":1}""#);
    gives(r#"$string("\u0001é")"#, DOCUMENT, r#""\u0001é""#);
}

#[test]
fn numbers_are_read_from_text() {
    gives(r#"$number("12")"#, DOCUMENT, "12");
    gives(r#"$number("-1.5e2")"#, DOCUMENT, "-150");
    gives(r#"$number("0x1f")"#, DOCUMENT, "31");
    gives(r#"$number("0b11")"#, DOCUMENT, "3");
    gives(r#"$number("0o17")"#, DOCUMENT, "15");
    gives("$number(true)", DOCUMENT, "1");
    undefined("$number(missing)", DOCUMENT);
    gives(r#"$number("007")"#, DOCUMENT, "7");
}

#[test]
fn arrays_are_joined_turned_and_zipped() {
    gives("$append(1,2)", DOCUMENT, "[1,2]");
    gives("$append([],[])", DOCUMENT, "[]");
    gives("$append(missing,1)", DOCUMENT, "1");
    gives("$append(1,missing)", DOCUMENT, "1");
    gives("$append([1],[2,[3]])", DOCUMENT, "[1,2,[3]]");
    gives("$reverse([[1,2],[3]])", DOCUMENT, "[[3],[1,2]]");
    gives("$reverse(1)", DOCUMENT, "[1]");
    gives("$reverse([])", DOCUMENT, "[]");
    gives("$zip([1,2],[3])", DOCUMENT, "[[1,3]]");
    gives("$zip(1,2)", DOCUMENT, "[[1,2]]");
    gives("$zip([1],missing)", DOCUMENT, "[]");
    gives("$count(missing)", DOCUMENT, "0");
    gives("$count(nul)", DOCUMENT, "1");
    gives("$count([[]])", DOCUMENT, "1");
    gives(r#"$count("abc")"#, DOCUMENT, "1");
    gives("$distinct(objs.k)", DOCUMENT, r#"["x","y"]"#);
    gives("$distinct(1)", DOCUMENT, "1");
    gives("$sort(arr)", DOCUMENT, "[1,2,3]");
    gives(r#"$sort(["b","a","B"])"#, DOCUMENT, r#"["B","a","b"]"#);
    gives("$sort([])", DOCUMENT, "[]");
    undefined("$sort(missing)", DOCUMENT);
    gives("$sort(1)", DOCUMENT, "[1]");
    gives("$shuffle([])", DOCUMENT, "[]");
}

#[test]
fn sort_takes_a_comparison_and_its_truth_is_javascripts() {
    gives("$sort(arr,function($a,$b){$a<$b})", DOCUMENT, "[3,2,1]");
    gives("$sort(objs,function($a,$b){$a.k<$b.k}).n", DOCUMENT, "[2,1,3]");
    gives("$sort(arr,function($a,$b){true})", DOCUMENT, "[2,1,3]");
    gives("$sort(arr,function($a,$b){[]})", DOCUMENT, "[2,1,3]");
    gives(r#"$sort(arr,function($a,$b){""})"#, DOCUMENT, "[3,1,2]");
    gives("$sort(arr,function($a,$b){0})", DOCUMENT, "[3,1,2]");
    gives("$sort(arr,function($a,$b){{}})", DOCUMENT, "[2,1,3]");
    gives("$sort(arr,function($a,$b){null})", DOCUMENT, "[3,1,2]");
    gives("$sort([null,1],function($a,$b){false})", DOCUMENT, "[null,1]");
}

#[test]
fn objects_are_taken_apart_and_merged() {
    gives("$keys(obj)", DOCUMENT, r#"["a","b"]"#);
    gives("$keys(objs)", DOCUMENT, r#"["k","n","v"]"#);
    undefined("$keys({})", DOCUMENT);
    undefined("$keys(1)", DOCUMENT);
    gives(r#"$lookup(obj,"a")"#, DOCUMENT, "1");
    gives(r#"$lookup(objs,"v")"#, DOCUMENT, "[1,2,3]");
    undefined(r#"$lookup(obj,"x")"#, DOCUMENT);
    gives(r#"$lookup({"a":null},"a")"#, DOCUMENT, "null");
    gives("$spread(obj)", DOCUMENT, r#"[{"a":1},{"b":{"c":[2]}}]"#);
    gives("$spread(objs[0])", DOCUMENT, r#"[{"k":"x"},{"n":1},{"v":[1,2]}]"#);
    gives(r#"$spread([{"a":1}])"#, DOCUMENT, r#"[{"a":1}]"#);
    gives(r#"$spread([{"a":1},{"b":2}])"#, DOCUMENT, r#"[{"a":1},{"b":2}]"#);
    gives(r#"$spread(["a"])"#, DOCUMENT, r#"["a"]"#);
    undefined("$spread([])", DOCUMENT);
    gives("$spread([[]])", DOCUMENT, "[]");
    gives(r#"$spread("a")"#, DOCUMENT, r#""a""#);
    undefined("$spread({})", DOCUMENT);
    gives(r#"$merge([{"a":1},{"b":2},{"a":3}])"#, DOCUMENT, r#"{"a":3,"b":2}"#);
    gives(r#"$merge({"a":1})"#, DOCUMENT, r#"{"a":1}"#);
    gives("$merge([])", DOCUMENT, "{}");
    undefined("$merge(missing)", DOCUMENT);
    gives("$each(obj,function($v,$k){$k})", DOCUMENT, r#"["a","b"]"#);
    undefined("$each({},$string)", DOCUMENT);
    gives(r#"$sift(obj,function($v,$k){$k="a"})"#, DOCUMENT, r#"{"a":1}"#);
    undefined("$sift(obj,function($v){false})", DOCUMENT);
    gives("$clone(obj)", DOCUMENT, r#"{"a":1,"b":{"c":[2]}}"#);
    gives("$type(nul)", DOCUMENT, r#""null""#);
    undefined("$type(missing)", DOCUMENT);
    gives("$type($sum)", DOCUMENT, r#""function""#);
    gives("$type([])", DOCUMENT, r#""array""#);
    gives("$exists(missing)", DOCUMENT, "false");
    gives("$exists(nul)", DOCUMENT, "true");
    gives("$exists($sum)", DOCUMENT, "true");
    gives("$boolean([[]])", DOCUMENT, "false");
    gives("$boolean([[0],[1]])", DOCUMENT, "true");
    gives("$boolean($sum)", DOCUMENT, "false");
    gives(r#"$boolean("false")"#, DOCUMENT, "true");
    undefined("$not(missing)", DOCUMENT);
    gives("$not(0)", DOCUMENT, "true");
}

#[test]
fn higher_order_functions_pass_what_is_taken() {
    gives("$map(arr,function(){1})", DOCUMENT, "[1,1,1]");
    gives("$map(arr,function($v,$i,$a){$v*$i+$count($a)})", DOCUMENT, "[3,4,7]");
    gives("$map(arr,$string)", DOCUMENT, r#"["3","1","2"]"#);
    gives("$map(arr,$sum)", DOCUMENT, "[3,1,2]");
    gives(r#"$map(["1","2"],$number)"#, DOCUMENT, "[1,2]");
    undefined("$map([],$string)", DOCUMENT);
    undefined("$map(missing,$string)", DOCUMENT);
    gives("$map(1,$string)", DOCUMENT, r#""1""#);
    undefined("$map(arr,function($v){missing})", DOCUMENT);
    gives("$map([[1],[2]],function($v){$v})", DOCUMENT, "[[1],[2]]");
    gives("$filter(arr,function($v,$i){$i>0})", DOCUMENT, "[1,2]");
    gives("$filter(1,function($v){true})", DOCUMENT, "1");
    undefined("$filter(arr,function($v){$v>9})", DOCUMENT);
    gives("$reduce(arr,function($a,$b){$a+$b})", DOCUMENT, "6");
    gives("$reduce(arr,function($a,$b){$a+$b},10)", DOCUMENT, "16");
    undefined("$reduce([],function($a,$b){$a+$b})", DOCUMENT);
    gives("$reduce([],function($a,$b){$a+$b},10)", DOCUMENT, "10");
    gives("$reduce(arr,$append)", DOCUMENT, "[3,1,2]");
    gives("$reduce(arr,function($a,$b,$i,$l){$a&$b&$i&$count($l)})", DOCUMENT, r#""3113223""#);
    gives("$single(arr,function($v){$v=1})", DOCUMENT, "1");
    gives("$single(one)", DOCUMENT, "5");
    undefined("$single(missing)", DOCUMENT);
    gives(
        r#"$sift({"a":1,"b":2},function($v,$k,$o){$v<$count($keys($o))})"#,
        DOCUMENT,
        r#"{"a":1}"#,
    );
}

#[test]
fn patterns_find_split_and_replace() {
    gives(r#"$match("abcb",/b/).index"#, DOCUMENT, "[1,3]");
    gives(r#"$match("abc",/(a)(x)?/).groups"#, DOCUMENT, r#"["a",null]"#);
    undefined(r#"$match("abc",/x/)"#, DOCUMENT);
    gives(r#"$match("aXa",/x/i).match"#, DOCUMENT, r#""X""#);
    gives(r#"$match("abcb",/b/,1).index"#, DOCUMENT, "1");
    gives(r#"$match("𝄞a",/a/).index"#, DOCUMENT, "2");
    gives(r#"$contains("abc",/B/i)"#, DOCUMENT, "true");
    gives(r#"$contains("abc","")"#, DOCUMENT, "true");
    gives(r#"$split("a1b2c",/[0-9]/)"#, DOCUMENT, r#"["a","b","c"]"#);
    gives(r#"$split("a1b2c",/[0-9]/,2)"#, DOCUMENT, r#"["a","b"]"#);
    gives(r#"$replace("abc",/(b)/,"[$1]")"#, DOCUMENT, r#""a[b]c""#);
    gives(r#"$replace("abc",/b/,"$0$0")"#, DOCUMENT, r#""abbc""#);
    gives(r#"$replace("abc",/b/,"$$")"#, DOCUMENT, r#""a$c""#);
    gives(r#"$replace("abc",/(b)/,"$2$12")"#, DOCUMENT, r#""ab2c""#);
    gives(r#"$replace("aaa","a","$0",2)"#, DOCUMENT, r#""$0$0a""#);
    gives(r#"$replace("aaa",/a/,"b",0)"#, DOCUMENT, r#""aaa""#);
    gives(r#"$replace("abc","b",missing)"#, DOCUMENT, r#""aundefinedc""#);
    gives(r#"$replace("abc",/b/,function($m){$uppercase($m.match)})"#, DOCUMENT, r#""aBc""#);
    gives(
        r#"$replace("ab ab",/(a)(b)/,function($m){$m.groups[1]&$m.start&$m.end})"#,
        DOCUMENT,
        r#""b02 b35""#,
    );
    gives(r#"$filter(["ab","b"],/a/)"#, DOCUMENT, r#""ab""#);
    gives(r#"$filter(["ab","xa","a"],/a/)"#, DOCUMENT, r#"["ab","xa"]"#);
    gives(r#"/a/("xaa").start"#, DOCUMENT, "1");
    gives(r#"/a/("aa",1).start"#, DOCUMENT, "1");
    undefined(r#"/a/("aa",2)"#, DOCUMENT);
    undefined(r#"/a/("b")"#, DOCUMENT);
}

#[test]
fn urls_and_base64() {
    gives(
        r#"$encodeUrl("https://a.b/c d?e=é&f=1")"#,
        DOCUMENT,
        r#""https://a.b/c%20d?e=%C3%A9&f=1""#,
    );
    gives(
        r#"$encodeUrlComponent("a b&c=é/𝄞")"#,
        DOCUMENT,
        r#""a%20b%26c%3D%C3%A9%2F%F0%9D%84%9E""#,
    );
    gives(r#"$decodeUrl("a%20b%26")"#, DOCUMENT, r#""a b%26""#);
    gives(r#"$decodeUrlComponent("%C3%A9")"#, DOCUMENT, r#""é""#);
    gives(r#"$base64encode("hello")"#, DOCUMENT, r#""aGVsbG8=""#);
    gives(r#"$base64decode("aGVsbG8=")"#, DOCUMENT, r#""hello""#);
    gives(r#"$base64decode("aGVsbG8")"#, DOCUMENT, r#""hello""#);
}

#[test]
fn the_context_stands_in_for_an_argument() {
    gives("str.$length()", DOCUMENT, "5");
    gives("str.$uppercase()", DOCUMENT, r#""HELLO""#);
    gives("num.$string()", DOCUMENT, r#""4.5""#);
    gives("arr.$string()", DOCUMENT, r#"["3","1","2"]"#);
    gives("str.$substring(1)", DOCUMENT, r#""ello""#);
    gives(r#"str.$substringBefore("l")"#, DOCUMENT, r#""He""#);
    gives("objs.$keys()", DOCUMENT, r#"["k","n","v","k","n","v","k","n"]"#);
    gives(r#"obj.$lookup("a")"#, DOCUMENT, "1");
    gives("num.$round()", DOCUMENT, "4");
    gives("obj.$each(function($v,$k){$k})", DOCUMENT, r#"["a","b"]"#);
    gives(r#"str.$contains("e")"#, DOCUMENT, "true");
    undefined(r#""a".$pad(3,"-")"#, DOCUMENT);
}

const DOCUMENT: &str = r#"{"arr":[3,1,2], "one":[5], "nest":[[1,2],[3,[4]]], "obj":{"a":1,"b":{"c":[2]}},
    "objs":[{"k":"x","n":1,"v":[1,2]},{"k":"y","n":2,"v":[3]},{"k":"x","n":3}], "str":"Hello", "num":4.5, "nul":null, "emp":[]}"#;
