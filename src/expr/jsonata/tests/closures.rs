//! Variables, functions, partial application and composition.

use super::{Code, gives, throws, undefined};

#[test]
fn a_variable_lives_in_its_block() {
    gives("($a:=1;($a:=2;$a)&$a)", DOCUMENT, r#""21""#);
    gives("($a:=1;($b:=$a+1;$b)+$a)", DOCUMENT, "3");
    undefined("($x:=$x;$x)", DOCUMENT);
    undefined("(($x:=3);$x)", DOCUMENT);
    gives("(true?$y:=2;$y)", DOCUMENT, "2");
    gives("($x:=1;true?($x:=2):0;$x)", DOCUMENT, "1");
    gives("($x:=$y:=1;$x+$y)", DOCUMENT, "2");
    gives("[1,2].($x:=$;$x+1)", DOCUMENT, "[2,3]");
    undefined("([1,2].($x:=$);$x)", DOCUMENT);
    gives("($x:=arr;$x[0])", DOCUMENT, "3");
    gives("($x:=objs;$x.n)", DOCUMENT, "[1,2,3]");
    gives("($x:=one;[$x])", DOCUMENT, "[5]");
    undefined("()", DOCUMENT);
    gives("(1;)", DOCUMENT, "1");
    gives("($a:=1;$f:=function(){$a};$a:=2;$f())", DOCUMENT, "2");
}

#[test]
fn functions_outlive_their_block() {
    gives("($c:=($x:=5;function(){$x});$c())", DOCUMENT, "5");
    gives("($f:=function($x){function($y){$x+$y}};$f(1)(2))", DOCUMENT, "3");
    gives("($fs:=[1,2].($v:=$;function(){$v});$fs[1]())", DOCUMENT, "2");
    gives("$map([1,2,3],function($v){($w:=$v;function(){$w})}).($())", DOCUMENT, "[1,2,3]");
    gives(
        "($mk:=function($n){($c:=$n;function($k){$c*$k})};[$mk(2)(3),$mk(5)(3)])",
        DOCUMENT,
        "[6,15]",
    );
    gives("($fs:=$map(arr,function($v){function(){$v}});$fs[0]()+$fs[2]())", DOCUMENT, "5");
    gives(r#"{"f":function($x){$x+1}}.f(2)"#, DOCUMENT, "3");
    gives(r#"$lookup({"a":$sum},"a")(arr)"#, DOCUMENT, "6");
    gives("[$sum,$count][1](arr)", DOCUMENT, "3");
}

#[test]
fn functions_call_themselves_and_each_other() {
    gives(r#"($f:=function($n){$n=0?"done":$f($n-1)};$f(5000))"#, DOCUMENT, r#""done""#);
    gives("($f:=function($n,$a){$n=0?$a:$f($n-1,$a*$n)};$f(10,1))", DOCUMENT, "3628800");
    gives("($f:=function($n){$n<2?$n:$f($n-1)+$f($n-2)};$f(12))", DOCUMENT, "144");
    gives(
        "($even:=function($n){$n=0?true:$odd($n-1)};$odd:=function($n){$n=0?false:$even($n-1)};$even(101))",
        DOCUMENT,
        "false",
    );
    gives("(function($f){$f($f,5)})(function($s,$n){$n<2?1:$n*$s($s,$n-1)})", DOCUMENT, "120");
}

#[test]
fn arguments_may_be_missing_or_too_many() {
    undefined("function($a,$b){$b}(1)", DOCUMENT);
    gives("function($a){$a}(1,2)", DOCUMENT, "1");
    gives("function(){7}(1)", DOCUMENT, "7");
    gives("function($a,$b){[$a,$b]}(missing,2)", DOCUMENT, "[2]");
    gives("($f:=function($x){($x:=$x+1;$x)};$f(1))", DOCUMENT, "2");
    gives("num.function(){$}()", DOCUMENT, "4.5");
    gives("str.(function($x)<s-:s>{$x}())", DOCUMENT, r#""Hello""#);
    undefined("function($x)<n?:n>{$x}()", DOCUMENT);
    gives("num.(function($x,$y)<n-n:n>{$x-$y}(2))", DOCUMENT, "2.5");
    gives("function($x)<a<n>:n>{$x}(1)", DOCUMENT, "[1]");
    gives(r#"function($x,$y)<s+n:a>{[$x,$y]}("a",3)"#, DOCUMENT, r#"["a",3]"#);
    gives("λ($x){$x}(1)", DOCUMENT, "1");
}

#[test]
fn partial_application_leaves_places() {
    gives(r#"($f:=$substring(?,0,?);$f("hello",2))"#, DOCUMENT, r#""he""#);
    gives(r#"($add:=function($a,$b,$c){$a&$b&$c};$add(?,"b",?)("a","c"))"#, DOCUMENT, r#""abc""#);
    gives(r#"["a","b"]~>$join(?,"-")"#, DOCUMENT, r#""a-b""#);
    gives(r#"$map(["a","b"],$pad(?,3,"-"))"#, DOCUMENT, r#"["a--","b--"]"#);
    gives("($f:=function($a,$b){$a-$b}(?,1);$f(5))", DOCUMENT, "4");
}

#[test]
fn functions_are_chained_and_composed() {
    gives("arr~>$map(function($x){$x*2})~>$sum", DOCUMENT, "12");
    gives("arr~>$sum()~>$string()", DOCUMENT, r#""6""#);
    gives(r#""a"~>$uppercase()~>$pad(3,"-")"#, DOCUMENT, r#""A--""#);
    gives("5~>function($a,$b){$a+$b}(3)", DOCUMENT, "8");
    gives(r#"($f:=$uppercase~>$trim;$f(" a "))"#, DOCUMENT, r#""A""#);
    gives(r#"($f:=$trim~>$uppercase~>$length;" ab "~>$f)"#, DOCUMENT, "2");
    undefined(r#"($f:=$trim~>$uppercase;$f(missing," "))"#, DOCUMENT);
    gives("($f:=$string~>$length;$map([1,22],$f))", DOCUMENT, "[1,2]");
    undefined("missing~>$string", DOCUMENT);
    gives("(5~>(function($a){function($b){$a-$b}}))(3)", DOCUMENT, "2");
}

#[test]
fn a_call_behind_the_arrow_is_made_whatever_stands_behind_it() {
    gives("arr~>$sum()[5]", DOCUMENT, "6");
    gives("arr~>$sum()[0]", DOCUMENT, "6");
    gives(r#"arr~>$sum(){"a":$}"#, DOCUMENT, "6");
    gives("[[arr~>$sum()[0]]]", DOCUMENT, "[[6]]");
    gives("arr~>$filter(function($x){$x>1})[0]", DOCUMENT, "[3,2]");
    gives("(arr~>$filter(function($x){$x>1}))[0]", DOCUMENT, "3");
    throws("arr~>$sum().$string()", DOCUMENT, Code::T0410);
    gives("arr~>$map($string)[0]~>$count", DOCUMENT, "3");
}

#[test]
fn functions_are_values_but_no_json() {
    gives("$count([$sum,function(){1}])", DOCUMENT, "2");
    gives("$type(function(){1})", DOCUMENT, r#""function""#);
    gives("$string([$sum])", DOCUMENT, r#""[\"\"]""#);
    gives("$exists($now)", DOCUMENT, "true");
    gives("($f:=$sum;$f(arr))", DOCUMENT, "6");
    gives("($string:=$sum;$string(arr))", DOCUMENT, "6");
    gives(r#"($sum:=function($x){"mine"};$sum([1]))"#, DOCUMENT, r#""mine""#);
}

const DOCUMENT: &str = r#"{"arr":[3,1,2], "one":[5], "nest":[[1,2],[3,[4]]], "obj":{"a":1,"b":{"c":[2]}},
    "objs":[{"k":"x","n":1,"v":[1,2]},{"k":"y","n":2,"v":[3]},{"k":"x","n":3}], "str":"Hello", "num":4.5, "nul":null, "emp":[]}"#;

#[test]
fn a_function_keeps_the_tuple_it_was_made_in() {
    gives("($fs := [1,2,3]@$v.(function(){ $v }); $map($fs, function($f){$f()}))", "{}", "[1,2,3]");
    gives("($fs := [1,2,3]#$i.(function(){ $i }); $map($fs, function($f){$f()}))", "{}", "[0,1,2]");
}

#[test]
fn what_a_transform_binds_outlives_the_call() {
    gives(
        "($x := 0; $f := |$|{\"b\": $x := \"abc\" & \"def\"}|; $g := function($o){ $count($keys($f($o))) }; $n := $g({\"a\":1}); [$n, $x])",
        "{}",
        "[2,\"abcdef\"]",
    );
}

#[test]
fn a_function_is_called_back_with_as_much_as_it_takes() {
    gives("$map([5,6],function(){1})", DOCUMENT, "[1,1]");
    gives("$map([5,6],function($v,$i){$v+$i})", DOCUMENT, "[5,7]");
    gives("$map([5,6],function($v,$i,$a){$count($a)+$i})", DOCUMENT, "[2,3]");
    gives("$map([5,6],function($v,$i,$a,$x){$exists($x)})", DOCUMENT, "[false,false]");
    gives("$map([5,6],function($v)<n:n>{$v+1})", DOCUMENT, "[6,7]");
    gives("($n:=10;$map([1,2],function($v){($w:=$v*$n;$w+1)}))", DOCUMENT, "[11,21]");
    gives("$map([1,2],function($v){$map([3,4],function($w){$v*$w})})", DOCUMENT, "[[3,4],[6,8]]");
    gives("[1,2]@$x.$map([3,4],function($v){$v*$x})", DOCUMENT, "[3,4,6,8]");
    gives(
        "($f:=function($n){$n>3?$n:$f($n+1)};$map([1,9],function($v){$f($v)}))",
        DOCUMENT,
        "[4,9]",
    );
    gives(
        "($fs:=$map([1,2],function($v){function(){$v}});$map($fs,function($f){$f()}))",
        DOCUMENT,
        "[1,2]",
    );
}
