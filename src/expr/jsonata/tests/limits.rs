//! What has no end, or nests too deep, ends in an error: on the 2 MiB of stack that a test's
//! thread has, in an unoptimised build.

use super::{Code, Dialect, evaluate, gives, thrown, throws};

/// Text that opens `count` times, holds `inner`, and closes as often.
fn nested(open: &str, inner: &str, close: &str, count: usize) -> String {
    format!("{}{inner}{}", open.repeat(count), close.repeat(count))
}

#[test]
fn text_that_nests_too_deep_is_refused() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{\"a\":", "}"),
        ("-", ""),
        ("a[", "]"),
        ("a.(", ")"),
        ("function(){", "}"),
        ("$f(", ")"),
        ("1?", ":1"),
        ("a^(", ")"),
        ("1+(", ")"),
        ("|a|{}~>", "|"),
    ] {
        for dialect in [Dialect::Full, Dialect::Aws] {
            let text = nested(open, "1", close, 20_000);
            assert!(evaluate(&text, dialect, "{}").is_err(), "{open}");
        }
    }
}

#[test]
fn long_chains_do_not_nest() {
    for (link, last) in
        [("1+", "1"), ("1&", "1"), ("a.", "a"), ("true and ", "true"), ("1~>", "$f")]
    {
        let text = link.repeat(20_000) + last;
        // Whatever it comes to, it comes to an end.
        let _ = evaluate(&text, Dialect::Full, "{}");
    }
}

#[test]
fn moderate_nesting_is_no_matter() {
    gives(&nested("(", "1", ")", 100), "{}", "1");
    gives(&nested("[", "1", "]", 100), "{}", &nested("[", "1", "]", 100));
    gives(&nested("-", "1", "", 100), "{}", "1");
    gives("($f:=function($n){$n=0?0:1+$f($n-1)};$f(300))", "{}", "300");
}

#[test]
fn recursion_without_an_end_runs_out_of_depth() {
    for text in [
        "($f:=function($n){1+$f($n)};$f(0))",
        "($f:=function($n){[$f($n)]};$f(0))",
        "($f:=function($n){$map([$n],$f)};$f(0))",
        "($f:=function($n){$sort([1,2],$f)};$f(0))",
        "($f:=function($n){$string($f($n))};$f(0))",
        "($f:=function($n){($f~>$string)($n)};$f(0))",
        "($f:=function($n){$replace(\"a\",/a/,$f)};$f(0))",
        "($f:=function($n){$~>|$|{\"a\":$f(1)}|};$f(0))",
    ] {
        throws(text, "{}", Code::U1001);
    }
}

#[test]
fn loops_without_an_end_run_out_of_fuel() {
    for text in [
        "($f:=function($n){$f($n+1)};$f(0))",
        "($f:=function(){$g()};$g:=function(){$f()};$f())",
        "$sort([1..9999],function($a,$b){$count([1..9999][$=0])>0})",
    ] {
        let code = thrown(text, Dialect::Full, "{}").code();
        assert!(matches!(code, Code::Memory | Code::U1002), "{text}: {code:?}");
    }
}

#[test]
fn what_grows_without_an_end_runs_out_of_memory() {
    for text in [
        "($f:=function($s){$f($s&$s)};$f(\"x\"))",
        "($f:=function($a){$f($append($a,$a))};$f([1]))",
        "($f:=function($a){$f([$a,$a,$a])};$f([1]))",
        "($f:=function($o){$f($merge([$o,{$string($count($keys($o))):$pad(\"\",99999)}]))};$f({}))",
        "$pad(\"\",999999999)",
        "[1..9999999].$string()",
        "$join([1..9999].(\"x\"),$pad(\"\",9999))",
        "$replace($pad(\"\",99999),/ /,$pad(\"\",99999))",
    ] {
        for dialect in [Dialect::Full, Dialect::Aws] {
            let code = thrown(text, dialect, "{}").code();
            assert!(matches!(code, Code::Memory | Code::U1002), "{text}: {code:?}");
        }
    }
    throws("[0..10000000]", "{}", Code::D2014);
    gives("$count([1..10000000])", "{}", "10000000");
}

#[test]
fn signatures_are_matched_in_a_time_that_grows_with_their_length() {
    let endless = "s-".repeat(40_000);
    throws(&format!("function($a)<{endless}:s>{{1}}()"), "{}", Code::S0402);
    let (many, numbers) = ("x+".repeat(14), vec!["1"; 36].join(","));
    throws(&format!("function($a)<{many}s:x>{{1}}({numbers})"), "{}", Code::T0410);
    gives(&format!("function($a)<{many}s:x>{{$a}}({numbers},\"s\")"), "{}", "1");
    let (many, numbers) = ("x+".repeat(63), vec!["1"; 9_999].join(","));
    throws(&format!("function($a)<{many}s:x>{{1}}({numbers})"), "{}", Code::T0410);
}

#[test]
fn values_that_nest_too_deep_are_refused_wherever_they_are_walked() {
    let deep = "$d:=$reduce([1..3000],function($a,$b){[[$a,1]]},0)";
    let wide = "$o:=$reduce([1..3000],function($a,$b){{\"a\":$a}},0)";
    for (made, used) in [
        (deep, "$d"),
        (deep, "$d=$d"),
        (deep, "$string($d)"),
        (deep, "$boolean($d)"),
        (deep, "$d.**"),
        (deep, "$d.*"),
        (deep, "$d.a"),
        (deep, "$keys($d)"),
        (deep, "$spread($d)"),
        (wide, "$o"),
        (wide, "$o=$o"),
        (wide, "$string($o)"),
        (wide, "$string($o,true)"),
        (wide, "$o.**"),
        (wide, "$o~>|**|{\"b\":1}|"),
    ] {
        throws(&format!("({made};{used})"), "{}", Code::U1001);
    }
}

#[test]
fn documents_nest_as_deep_as_they_may() {
    let document = nested("[", "1", "]", 900);
    gives("$", &document, &document);
    gives("$=$", &document, "true");
    gives("$string($)", &document, &format!("\"{document}\""));
    gives("**", &document, "1");
    let document = nested("{\"a\":", "1", "}", 900);
    gives("$count(**)", &document, "901");
    gives("$string($)=$string($)", &document, "true");
}

#[test]
fn patterns_take_linear_time() {
    let text = "a".repeat(5_000) + "b";
    gives(&format!("$contains(\"{text}\",/(a+)+$/)"), "{}", "false");
    throws("/(a)\\1/", "{}", Code::S0303);
    throws("/(?=a)/", "{}", Code::S0303);
    throws("$map(1,function($i){$match($i,/(?=a)/)})", "{}", Code::S0303);
}

/// A text of 250 KB, an array of 50,000 numbers, an object of 15,000 members.
fn large() -> String {
    let members: Vec<String> =
        (0..15_000).map(|number| format!("\"k{number}\":{number}")).collect();
    let items: Vec<String> = (0..50_000).map(|number| number.to_string()).collect();
    format!(
        "{{\"text\":\"{}\",\"items\":[{}],\"object\":{{{}}}}}",
        "a".repeat(250_000),
        items.join(","),
        members.join(",")
    )
}

#[test]
fn what_passes_over_much_costs_as_much() {
    let document = large();
    for call in [
        "$count($append($.items, 1))",
        "$substring($.text, -3)",
        "$count($split($.text, \"\"))",
        "$length($string($.items))",
        "$length($uppercase($.text))",
        "$lookup($.object, \"k14999\")",
        "$.object.k14999",
        "$contains($.text, \"b\")",
        "$length($.text & $i)",
        "$length($replace($.text, /a/, \"b\"))",
        "$.object ~> |$|{\"k1\":1}|",
    ] {
        let text = format!("$count($map([1..1000000], function($i){{ {call} }}))");
        let code = thrown(&text, Dialect::Full, &document).code();
        assert!(matches!(code, Code::U1002 | Code::Memory), "{call}: {code:?}");
    }
    gives("$count($distinct($.items))", &document, "50000");
    gives("$.object = $merge([$.object])", &document, "true");
    gives("$length($replace($.text, /a/, \"b\"))", &document, "250000");
}

#[test]
fn native_functions_that_call_each_other_nest_no_deeper_than_others() {
    let chain = |levels: u32| {
        format!(
            r#"($p:=$reduce([1..{levels}],function($p,$i){{{{"f":$map(?,$p.f)}}}},{{"f":$sum}});$count($p.f(1)))"#
        )
    };
    gives(&chain(500), "{}", "1");
    for dialect in [Dialect::Full, Dialect::Aws] {
        for levels in [2_000, 20_000] {
            assert!(evaluate(&chain(levels), dialect, "{}").is_err(), "{levels}");
        }
    }
}

#[test]
fn what_a_callback_made_is_dropped_when_it_returns() {
    for body in ["$f($reverse($big))", "$f($reverse($big))+0", "($a:=$reverse($big);$count($a))"] {
        let text = format!(
            "($big:=[1..2000];$f:=function($a){{$count($a)}};\
             $sum($map([1..1200],function($i){{{body}}})))"
        );
        gives(&text, "{}", "2400000");
    }
}
