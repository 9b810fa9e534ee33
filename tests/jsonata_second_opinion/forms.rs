//! What expressions are made of: forms by the kind of value that they give, with holes for others.

use expressway::base::entropy::Entropy;

use self::Kind::{
    Any, Flag, List, Number, Numbers, Object, Objects, Row, RowFlag, Text, Texts, To,
};
use crate::term::Term;

/// What a form gives, most of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Any,
    Number,
    Text,
    Flag,
    Numbers,
    Texts,
    Objects,
    Object,
    List,
    /// Anything made of an item of the document, which is the context.
    Row,
    /// A flag made of an item.
    RowFlag,
    /// A function of a number.
    To,
}

/// An expression of so many levels.
pub(crate) fn expression(entropy: &mut Entropy, depth: u64) -> Term {
    const KINDS: [Kind; 9] = [Any, Number, Text, Flag, Numbers, Texts, Objects, Object, List];
    let kind = KINDS[entropy.below(KINDS.len() as u64) as usize];
    term(entropy, kind, depth)
}

fn term(entropy: &mut Entropy, kind: Kind, depth: u64) -> Term {
    // Now and then something else than what is expected.
    let kind = match kind {
        Row | RowFlag | To | Any => kind,
        _ if entropy.below(25) == 0 => Any,
        _ => kind,
    };
    let is_leaf = |holes: &[Kind]| holes.is_empty();
    let wants_leaf = depth == 0 || entropy.below(6) == 0;
    let fits = |(gives, _, holes): &&Form| {
        (kind == Any || *gives == kind) && is_leaf(holes) == wants_leaf
            // Out of the context of an item its names mean nothing.
            && (kind != Any || !matches!(gives, Row | RowFlag | To))
    };
    let count = FORMS.iter().filter(fits).count() as u64;
    let place = entropy.below(count) as usize;
    let Some((_, form, holes)) = FORMS.iter().filter(fits).nth(place) else {
        return Term::new("1", Vec::new());
    };
    let below = depth.saturating_sub(1);
    Term::new(form, holes.iter().map(|hole| term(entropy, *hole, below)).collect())
}

type Form = (Kind, &'static str, &'static [Kind]);

#[rustfmt::skip]
const FORMS: &[Form] = &[
    (Any, "$", &[]), (Any, "any", &[]), (Any, "z", &[]), (Any, "nowhere", &[]), (Any, "any.*", &[]),
    (Any, "any.**", &[]), (Any, "who.*", &[]), (Any, "any.a.b", &[]), (Any, "any[0]", &[]),
    (Any, "[]", &[]), (Any, "{}", &[]), (Any, "null", &[]), (Any, "items.sub.y", &[]),
    (Any, "items.%.n", &[]), (Any, "items.sub.%.id", &[]), (Any, "$$.items.id", &[]),
    (Any, "any.`a`", &[]), (Any, "items.sub.y[0]", &[]), (Any, "(items.sub.y)[0]", &[]),
    (Any, "(¤ ? ¤ : ¤)", &[Flag, Any, Any]), (Any, "(¤ ? ¤)", &[Flag, Any]),
    (Any, "(¤ ?: ¤)", &[List, Any]), (Any, "(¤ ?: ¤)", &[Flag, Number]), (Any, "(¤ ?? ¤)", &[Any, Any]), (Any, "¤[0]", &[List]),
    (Any, "¤[-1]", &[List]), (Any, "($v := ¤; [$v, $v])", &[Any]), (Any, "(¤; ¤)", &[Any, Any]),
    (Any, "$lookup(¤, \"a\")", &[Object]), (Any, "(¤).a", &[Any]), (Any, "(¤).*", &[Any]),
    (Any, "¤.(¤)", &[Objects, Row]), (Any, "¤.[¤]", &[Objects, Row]), (Any, "¤[¤].(¤)", &[Objects, RowFlag, Row]),
    (Any, "$reduce(¤, function($p, $c) { $p + $c }, 0)", &[Numbers]),
    (Any, "$reduce(¤, function($p, $c) { $p & $c }, \"\")", &[Texts]),
    (Any, "(function($x) { ¤ })(¤)", &[Any, Any]), (Any, "(¤)[¤]", &[Any, Number]),
    (Any, "¤.{\"k\": ¤}", &[Objects, Row]), (Any, "items@$i.{\"i\": $i.id, \"n\": n}", &[]),
    (Any, "items#$p.{\"p\": $p, \"id\": id}", &[]), (Any, "items#$p[$p > 0].id", &[]),
    (Any, "¤{name: $sum(qty)}", &[Objects]), (Any, "¤{$string(id): ¤}", &[Objects, Row]),
    (Any, "$single(¤, function($v) { $v = ¤ })", &[List, Number]), (Any, "(¤)[]", &[Any]),
    (Any, "¤.name[]", &[Objects]), (Any, "¤[[0..1]]", &[List]), (Any, "¤[[0, 2]]", &[Numbers]),
    (Any, "(¤ ~> ¤)", &[Number, To]), (Any, "$map(¤, ¤)", &[Numbers, To]), (Any, "¤(¤)", &[To, Number]),
    (Any, "items@$a.one@$b[$a.id = $b.id].{\"a\": $a.name, \"b\": $b.qty}", &[]),
    (Any, "items.tags.{\"t\": $, \"of\": %.id}", &[]),

    (Number, "n", &[]), (Number, "1", &[]), (Number, "2.5", &[]), (Number, "-3", &[]), (Number, "0", &[]),
    (Number, "who.age", &[]), (Number, "items[0].qty", &[]), (Number, "list[0]", &[]),
    (Number, "$count(items)", &[]), (Number, "$sum(items.(price * qty))", &[]), (Number, "items[-1].sub.x", &[]),
    (Number, "(¤ + ¤)", &[Number, Number]), (Number, "(¤ - ¤)", &[Number, Number]),
    (Number, "(¤ * (¤ % 10))", &[Number, Number]), (Number, "(¤ / 4)", &[Number]), (Number, "(¤ % 7)", &[Number]),
    (Number, "(¤ % -4.5)", &[Number]), (Number, "-¤", &[Number]), (Number, "$sum(¤)", &[Numbers]),
    (Number, "$max(¤)", &[Numbers]), (Number, "$min(¤)", &[Numbers]), (Number, "$average(¤)", &[Numbers]),
    (Number, "$count(¤)", &[Any]), (Number, "$length(¤)", &[Text]), (Number, "$abs(¤)", &[Number]),
    (Number, "$floor(¤)", &[Number]), (Number, "$ceil(¤)", &[Number]), (Number, "$round(¤)", &[Number]),
    (Number, "$round(¤, 1)", &[Number]), (Number, "$round(¤, -1)", &[Number]), (Number, "$power(¤ % 100, 2)", &[Number]),
    (Number, "$sqrt($abs(¤))", &[Number]), (Number, "$number($trim(¤))", &[Text]), (Number, "$number(¤)", &[Flag]),
    (Number, "$parseInteger($formatInteger($abs(¤), \"0\"), \"0\")", &[Number]), (Number, "($v := ¤; $v * 3)", &[Number]),
    (Number, "($toMillis(\"2024-02-29T12:30:00.000Z\") % 1000000 / 1000 + ¤)", &[Number]),
    (Number, "$reduce(¤, function($p, $c) { $p > $c ? $p : $c }, 0)", &[Numbers]),

    (Text, "s", &[]), (Text, "\"x\"", &[]), (Text, "'it\"s'", &[]), (Text, "\"\\u00e9\\n\"", &[]), (Text, "\"\"", &[]),
    (Text, "who.name", &[]), (Text, "items[0].name", &[]), (Text, "words[0]", &[]), (Text, "\"a1b22\"", &[]),
    (Text, "(¤ & ¤)", &[Any, Any]), (Text, "(¤ & ¤)", &[Text, Number]), (Text, "$string(¤)", &[Any]),
    (Text, "$string(¤, true)", &[Any]), (Text, "$uppercase(¤)", &[Text]), (Text, "$lowercase(¤)", &[Text]),
    (Text, "$trim(¤)", &[Text]), (Text, "$substring(¤, 1)", &[Text]), (Text, "$substring(¤, -2, 1)", &[Text]),
    (Text, "$substring(¤, ¤)", &[Text, Number]), (Text, "$substring(¤, 0, ¤)", &[Text, Number]),
    (Text, "$substringBefore(¤, ¤)", &[Text, Text]), (Text, "$substringAfter(¤, ¤)", &[Text, Text]),
    (Text, "$pad(¤, 7)", &[Text]), (Text, "$pad(¤, -7, \"ab\")", &[Text]), (Text, "$join(¤)", &[Texts]),
    (Text, "$join(¤, ¤)", &[Texts, Text]), (Text, "$replace(¤, \"a\", \"<>\")", &[Text]),
    (Text, "$replace(¤, /[a-c]+/, \"<$0>\")", &[Text]), (Text, "$replace(¤, /(\\w)(\\d?)/, \"$2$1\", 2)", &[Text]),
    (Text, "$replace(¤, /l/i, function($m) { $m.match & $m.match })", &[Text]),
    (Text, "$base64encode(\"hello\")", &[]), (Text, "$base64decode(\"aGVsbG8=\")", &[]),
    (Text, "$encodeUrlComponent(\"a b&c/d?é\")", &[]), (Text, "$encodeUrl(\"é/c?d=ü\")", &[]),
    (Text, "$decodeUrlComponent($encodeUrlComponent(¤))", &[Text]), (Text, "$decodeUrl(\"a%20b%C3%A9\")", &[]),
    (Text, "$type(¤)", &[Any]), (Text, "$formatNumber(¤, \"#,##0.00\")", &[Number]),
    (Text, "$formatNumber(¤, \"00.0#;(0)\")", &[Number]), (Text, "$formatNumber(¤, \"0%\")", &[Number]),
    (Text, "$formatNumber(¤, \"#0.0##e0\")", &[Number]), (Text, "$formatBase($floor(¤), 16)", &[Number]), (Text, "$formatBase($ceil(¤))", &[Number]),
    (Text, "$formatInteger(¤, \"w\")", &[Number]), (Text, "$formatInteger(¤, \"#,##0\")", &[Number]),
    (Text, "$formatInteger($abs(¤) % 4000, \"I\")", &[Number]), (Text, "$formatInteger($abs(¤) % 4000 + 1, \"a\")", &[Number]),
    (Text, "$formatInteger(¤, \"Ww;o\")", &[Number]), (Text, "$fromMillis($round($abs(¤)) % 400 * 86400000)", &[Number]),
    (Text, "$fromMillis($round($abs(¤)) % 400 * 7000000000, \"[Y0001]-[M01]-[D01] [F], [MNn] [D1o] [H]:[m01] [W] [d]\")", &[Number]),
    (Text, "$fromMillis($round($abs(¤)) % 400 * 1000000, \"[h]:[m01][P] [Z]\", \"-0500\")", &[Number]),

    (Flag, "true", &[]), (Flag, "false", &[]), (Flag, "t", &[]), (Flag, "$exists(any)", &[]), (Flag, "1 in list", &[]),
    (Flag, "(¤ = ¤)", &[Any, Any]), (Flag, "(¤ != ¤)", &[Any, Any]), (Flag, "(¤ < ¤)", &[Number, Number]),
    (Flag, "(¤ >= ¤)", &[Number, Number]), (Flag, "(¤ > ¤)", &[Text, Text]), (Flag, "(¤ <= ¤)", &[Text, Text]),
    (Flag, "(¤ and ¤)", &[Any, Any]), (Flag, "(¤ or ¤)", &[Flag, Any]), (Flag, "(¤ in ¤)", &[Text, List]),
    (Flag, "$not(¤)", &[Any]), (Flag, "$boolean(¤)", &[Any]), (Flag, "$exists(¤)", &[List]),
    (Flag, "$contains(¤, ¤)", &[Text, Text]), (Flag, "$contains(¤, /b+/)", &[Text]),
    (Flag, "(¤ = ¤)", &[Number, Number]), (Flag, "(¤ = ¤)", &[List, List]),

    (Numbers, "list", &[]), (Numbers, "items.qty", &[]), (Numbers, "[1..4]", &[]), (Numbers, "[3, 1, 2]", &[]),
    (Numbers, "items.price", &[]), (Numbers, "items.sub.y", &[]), (Numbers, "[-1..1, 5]", &[]),
    (Numbers, "[¤, ¤]", &[Number, Number]), (Numbers, "[¤ % 9..¤ % 30]", &[Number, Number]), (Numbers, "$sort(¤)", &[Numbers]),
    (Numbers, "$map(¤, function($v, $i) { $v + $i })", &[Numbers]), (Numbers, "$reverse(¤)", &[Numbers]),
    (Numbers, "$filter(list, function($v) { $v > ¤ })", &[Number]), (Numbers, "¤[$ > ¤]", &[Numbers, Number]),
    (Numbers, "list.($ * 2)", &[]), (Numbers, "$sort(¤, function($l, $r) { $l < $r })", &[Numbers]),
    (Numbers, "$append(¤, ¤)", &[Numbers, Numbers]), (Numbers, "(list^(>$))", &[]), (Numbers, "(list^($))", &[]),
    (Numbers, "$distinct(¤)", &[Numbers]), (Numbers, "(¤ ~> $map(function($v) { -$v }))", &[Numbers]),

    (Texts, "words", &[]), (Texts, "items.name", &[]), (Texts, "[\"b\", \"a\"]", &[]), (Texts, "items.tags", &[]),
    (Texts, "$split(¤, \",\")", &[Text]), (Texts, "$split(¤, \"\")", &[Text]), (Texts, "$split(¤, /[ ,]+/)", &[Text]),
    (Texts, "$split(¤, \" \", 2)", &[Text]), (Texts, "$keys(¤)", &[Object]), (Texts, "$keys(¤)", &[Objects]),
    (Texts, "[¤, ¤]", &[Text, Text]), (Texts, "$sort(¤)", &[Texts]), (Texts, "$match(¤, /[a-z]/)[0].match", &[Text]),
    (Texts, "$distinct(¤)", &[Texts]), (Texts, "$map(¤, $uppercase)", &[Texts]), (Texts, "(words^($))", &[]),
    (Texts, "$each(¤, function($v, $k) { $k & $type($v) })", &[Object]),

    (Objects, "items", &[]), (Objects, "one", &[]), (Objects, "items[qty > 2]", &[]), (Objects, "items[[0..1]]", &[]),
    (Objects, "¤[¤]", &[Objects, RowFlag]), (Objects, "(¤^(¤))", &[Objects, Row]), (Objects, "(¤^(>¤, id))", &[Objects, Row]),
    (Objects, "$sort(items[$exists(id)], function($l, $r) { $l.id > $r.id })", &[]), (Objects, "$reverse(¤)", &[Objects]),
    (Objects, "$append(¤, ¤)", &[Objects, Objects]), (Objects, "$match(¤, /(a)(b)?/)", &[Text]),
    (Objects, "$spread(items)", &[]), (Objects, "$spread(¤)", &[Object]), (Objects, "$append(¤, ¤)", &[Object, Object]),
    (Objects, "$distinct(¤)", &[Objects]), (Objects, "$filter(¤, function($v, $i, $a) { $i < $count($a) - 1 })", &[Objects]),

    (Object, "who", &[]), (Object, "items[0]", &[]), (Object, "{\"a\": 1, \"b\": [2]}", &[]), (Object, "items[0].sub", &[]),
    (Object, "{\"a\": ¤, \"b\": ¤}", &[Any, Any]), (Object, "{¤: ¤}", &[Text, Any]), (Object, "$merge(¤)", &[Objects]),
    (Object, "$merge([¤, ¤])", &[Object, Object]), (Object, "$sift(¤, function($v, $k) { $k != \"a\" })", &[Object]),
    (Object, "(¤ ~> |$|{\"new\": ¤}, [\"a\"]|)", &[Object, Number]), (Object, "($ ~> |items|{\"qty\": qty + 1}, \"tags\"|)", &[]),
    (Object, "¤{name: id}", &[Objects]), (Object, "¤{name: {\"n\": $count($), \"ids\": [id]}}", &[Objects]),
    (Object, "$sift(¤, $boolean)", &[Object]), (Object, "$error(¤)", &[Text]), (Object, "$assert(¤, ¤)", &[Flag, Text]),

    (List, "list", &[]), (List, "items", &[]), (List, "words", &[]), (List, "[1, \"a\", null, [true]]", &[]), (List, "any", &[]),
    (List, "[¤]", &[Any]), (List, "[¤, ¤]", &[Any, Any]), (List, "[[¤], ¤]", &[Any, Any]), (List, "$append(¤, ¤)", &[Any, Any]),
    (List, "$reverse(¤)", &[List]), (List, "$zip(¤, ¤)", &[List, List]), (List, "$distinct(¤)", &[List]),
    (List, "$map(¤, function($v, $i, $a) { [$i, $v] })", &[List]), (List, "$filter(¤, $boolean)", &[List]),
    (List, "$map(¤, $string)", &[List]), (List, "$map(¤, $type)", &[List]), (List, "¤.$type($)", &[List]),
    (List, "$each(¤, function($v, $k) { {$k: $v} })", &[Object]), (List, "$lookup(¤, \"id\")", &[Objects]),

    (Row, "id", &[]), (Row, "qty", &[]), (Row, "name", &[]), (Row, "price * qty", &[]), (Row, "tags", &[]), (Row, "sub.x", &[]),
    (Row, "$.id", &[]), (Row, "$$.n", &[]), (Row, "sub.y[0]", &[]), (Row, "$count(tags)", &[]), (Row, "tags[0]", &[]),
    (Row, "(¤ & ¤)", &[Row, Row]), (Row, "$string(¤)", &[Row]), (Row, "(¤ ? ¤ : ¤)", &[RowFlag, Row, Row]),
    (Row, "(¤ ~> $string ~> $length)", &[Row]), (Row, "$uppercase(name)", &[]),
    (RowFlag, "qty > 2", &[]), (RowFlag, "id = 1", &[]), (RowFlag, "name", &[]), (RowFlag, "tags", &[]), (RowFlag, "\"a\" in tags", &[]),
    (RowFlag, "$not(¤)", &[RowFlag]), (RowFlag, "(¤) and (¤)", &[RowFlag, RowFlag]), (RowFlag, "¤ = ¤", &[Row, Row]),

    (To, "$abs", &[]), (To, "$string", &[]), (To, "function($x) { $x * 2 }", &[]), (To, "λ($x){$x - 1}", &[]), (To, "$power(?, 2)", &[]),
    (To, "$sum", &[]), (To, "function($x)<n:n> { $x + 1 }", &[]), (To, "function($x) { ¤ }", &[Any]), (To, "(¤ ~> ¤)", &[To, To]),
];
