//! Arithmetic, rounding, and pictures of numbers and times.

use super::{Code, gives, throws, undefined};

#[test]
fn operators_compute_in_doubles() {
    gives("1+2*3-4/2", DOCUMENT, "5");
    gives("5%3", DOCUMENT, "2");
    gives("-5%3", DOCUMENT, "-2");
    gives("5.5%2", DOCUMENT, "1.5");
    gives("0.1+0.2", DOCUMENT, "0.30000000000000004");
    gives("1/3", DOCUMENT, "0.3333333333333333");
    gives("2/2", DOCUMENT, "1");
    gives("-num", DOCUMENT, "-4.5");
    gives("--1", DOCUMENT, "1");
    gives("- -1", DOCUMENT, "1");
    gives("1e308*10", DOCUMENT, "null");
    undefined("missing+1", DOCUMENT);
    undefined("1+missing", DOCUMENT);
    undefined("-missing", DOCUMENT);
    gives("9007199254740991+1", DOCUMENT, "9007199254740992");
    gives("1.10", DOCUMENT, "1.1");
    gives("1e3", DOCUMENT, "1000");
    gives("1-0.9", DOCUMENT, "0.09999999999999998");
    gives("-0", DOCUMENT, "0");
    gives("0*-1", DOCUMENT, "0");
}

#[test]
fn comparisons_are_of_numbers_or_texts() {
    gives("1<2", DOCUMENT, "true");
    gives(r#""a"<"b""#, DOCUMENT, "true");
    gives(r#""Z"<"a""#, DOCUMENT, "true");
    undefined("missing<1", DOCUMENT);
    undefined("1<missing", DOCUMENT);
    gives("2>=2", DOCUMENT, "true");
    gives("1.5<=1", DOCUMENT, "false");
    gives(r#""𝄞"<"｡""#, DOCUMENT, "true");
    gives(r#""a"<"B""#, DOCUMENT, "false");
    gives("num>4 and num<5", DOCUMENT, "true");
}

#[test]
fn functions_of_numbers() {
    gives("$sum([])", DOCUMENT, "0");
    undefined("$sum(missing)", DOCUMENT);
    gives("$sum(1)", DOCUMENT, "1");
    gives("$sum([0.1,0.2])", DOCUMENT, "0.30000000000000004");
    undefined("$max([])", DOCUMENT);
    gives("$max(-5)", DOCUMENT, "-5");
    gives("$max([1,3,2])", DOCUMENT, "3");
    gives("$min([1,-1])", DOCUMENT, "-1");
    gives("$average([1,2])", DOCUMENT, "1.5");
    undefined("$average([])", DOCUMENT);
    gives("$abs(-1.5)", DOCUMENT, "1.5");
    gives("$floor(-1.5)", DOCUMENT, "-2");
    gives("$ceil(-1.5)", DOCUMENT, "-1");
    gives("$sqrt(2)", DOCUMENT, "1.4142135623730951");
    gives("$power(2,0.5)", DOCUMENT, "1.4142135623730951");
    gives("$power(2,10)", DOCUMENT, "1024");
    gives("$power(0,0)", DOCUMENT, "1");
    gives("$power(2,-1)", DOCUMENT, "0.5");
}

#[test]
fn halves_are_rounded_to_even() {
    gives("$round(2.5)", DOCUMENT, "2");
    gives("$round(3.5)", DOCUMENT, "4");
    gives("$round(-2.5)", DOCUMENT, "-2");
    gives("$round(0.5)", DOCUMENT, "0");
    gives("$round(-0.5)", DOCUMENT, "0");
    gives("$round(1.005,2)", DOCUMENT, "1");
    gives("$round(4.525,2)", DOCUMENT, "4.52");
    gives("$round(12350,-2)", DOCUMENT, "12400");
    gives("$round(12450,-2)", DOCUMENT, "12400");
    gives("$round(2.5,0)", DOCUMENT, "2");
    gives("$round(123.456,1)", DOCUMENT, "123.5");
    gives("$round(-1,-38)", DOCUMENT, "0");
    gives("$round(n,-1)", r#"{"n":9223372036854775807}"#, "9223372036854776000");
    undefined("$round(missing)", DOCUMENT);
}

#[test]
fn numbers_have_pictures() {
    gives(r##"$formatNumber(1234.5,"#,##0.00")"##, DOCUMENT, r#""1,234.50""#);
    gives(r#"$formatNumber(-6,"000")"#, DOCUMENT, r#""-006""#);
    gives(r#"$formatNumber(0.14,"01%")"#, DOCUMENT, r#""14%""#);
    gives(r#"$formatNumber(-5,"0;(0)")"#, DOCUMENT, r#""(5)""#);
    gives(r#"$formatNumber(1234.5678,"00.000e0")"#, DOCUMENT, r#""12.346e2""#);
    gives(r#"$formatNumber(0.125,"0.00")"#, DOCUMENT, r#""0.12""#);
    gives(r#"$formatNumber(2.5,"0")"#, DOCUMENT, r#""2""#);
    throws(
        r##"$formatNumber(1234.5,"#,##0.00",{"decimal-separator":",","grouping-separator":"."})"##,
        DOCUMENT,
        Code::D3091,
    );
    gives(r#"$formatNumber(5,"፩",{"zero-digit":"፩"})"#, DOCUMENT, r#""፮""#);
    gives(r##"$formatNumber(0,"#.#")"##, DOCUMENT, r#"".0""#);
    undefined(r#"$formatNumber(missing,"0")"#, DOCUMENT);
    gives("$formatBase(255,16)", DOCUMENT, r#""ff""#);
    gives("$formatBase(-255,2)", DOCUMENT, r#""-11111111""#);
    gives("$formatBase(2.5,2)", DOCUMENT, r#""10""#);
    gives("$formatBase(10)", DOCUMENT, r#""10""#);
}

#[test]
fn integers_have_pictures() {
    gives(r##"$parseInteger("x","#0")"##, DOCUMENT, "null");
    gives(r#"$formatInteger(1999,"I")"#, DOCUMENT, r#""MCMXCIX""#);
    gives(r#"$formatInteger(21,"w;o")"#, DOCUMENT, r#""twenty-first""#);
    gives(
        r#"$formatInteger(1234567,"Ww")"#,
        DOCUMENT,
        r#""One Million, Two Hundred and Thirty-Four Thousand, Five Hundred and Sixty-Seven""#,
    );
    gives(r#"$formatInteger(123,"0000")"#, DOCUMENT, r#""0123""#);
    gives(r##"$formatInteger(1234567,"#,##0")"##, DOCUMENT, r#""1,234,567""#);
    gives(r#"$formatInteger(3,"1;o")"#, DOCUMENT, r#""3rd""#);
    gives(r#"$formatInteger(28,"A")"#, DOCUMENT, r#""AB""#);
    gives(r#"$formatInteger(12,"٠")"#, DOCUMENT, r#""١٢""#);
    gives(r#"$formatInteger(0,"w")"#, DOCUMENT, r#""zero""#);
    gives(r#"$parseInteger("MCMXCIX","I")"#, DOCUMENT, "1999");
    gives(r#"$parseInteger("twenty-first","w;o")"#, DOCUMENT, "21");
    gives(r##"$parseInteger("1,234","#,##0")"##, DOCUMENT, "1234");
    gives(r#"$parseInteger("one thousand and two","w")"#, DOCUMENT, "1002");
    undefined(r#"$parseInteger(missing,"0")"#, DOCUMENT);
}

#[test]
fn times_have_pictures() {
    gives("$fromMillis(1510067557121)", DOCUMENT, r#""2017-11-07T15:12:37.121Z""#);
    gives(
        r#"$fromMillis(0,"[Y0001]-[M01]-[D01] [H01]:[m01]:[s01].[f001] [Z]","+0530")"#,
        DOCUMENT,
        r#""1970-01-01 05:30:00.000 +05:30""#,
    );
    gives(
        r#"$fromMillis(1583020799999,"[FNn], [D1o] [MNn] [Y]")"#,
        DOCUMENT,
        r#""Saturday, 29th February 2020""#,
    );
    gives(r#"$fromMillis(1577836800000,"[X0001]-W[W01]-[F1]")"#, DOCUMENT, r#""2020-W01-3""#);
    gives(r#"$fromMillis(0,"[h]:[m01] [P]")"#, DOCUMENT, r#""12:00 am""#);
    gives(r#"$fromMillis(0,"[Dwo] [MN,3-3] [YI]")"#, DOCUMENT, r#""first JAN MCMLXX""#);
    gives(r#"$fromMillis(0,"[Z0101t]")"#, DOCUMENT, r#""Z""#);
    undefined("$fromMillis(missing)", DOCUMENT);
    gives(r#"$toMillis("1970-01-01T00:00:00.001Z")"#, DOCUMENT, "1");
    gives(r#"$toMillis("2020-01-01")"#, DOCUMENT, "1577836800000");
    gives(r#"$toMillis("2020-01-01T00:00:00+0100")"#, DOCUMENT, "1577833200000");
    gives(r#"$toMillis("12/31/2019","[M]/[D]/[Y]")"#, DOCUMENT, "1577750400000");
    gives(r#"$toMillis("31 December 2019","[D] [MNn] [Y]")"#, DOCUMENT, "1577750400000");
    undefined(r#"$toMillis("x","[Y]")"#, DOCUMENT);
    undefined("$toMillis(missing)", DOCUMENT);
    gives("$millis()", DOCUMENT, "1700000000000");
    gives("$now()", DOCUMENT, r#""2023-11-14T22:13:20.000Z""#);
    gives(r#"$now("[Y]")"#, DOCUMENT, r#""2023""#);
}

const DOCUMENT: &str = r#"{"arr":[3,1,2], "one":[5], "nest":[[1,2],[3,[4]]], "obj":{"a":1,"b":{"c":[2]}},
    "objs":[{"k":"x","n":1,"v":[1,2]},{"k":"y","n":2,"v":[3]},{"k":"x","n":3}], "str":"Hello", "num":4.5, "nul":null, "emp":[]}"#;
