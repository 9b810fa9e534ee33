//! Joins (`@`, `#`) and the parent (`%`).

use super::{Code, gives, throws, undefined};

#[test]
fn positions_are_bound() {
    gives("objs#$i.[$i,n]", DOCUMENT, "[0,1,1,2,2,3]");
    gives(r#"objs#$i[k="x"].$i"#, DOCUMENT, "[0,2]");
    gives(r#"objs[k="x"]#$i.$i"#, DOCUMENT, "[0,1]");
    gives("objs.v#$i.[$i,$]", DOCUMENT, "[0,1,1,2,0,3]");
    gives("objs#$i.v#$j.[$i,$j]", DOCUMENT, "[0,0,0,1,1,0]");
    gives(
        r#"arr^($)#$i.{"i":$i,"v":$}"#,
        DOCUMENT,
        r#"[{"i":0,"v":1},{"i":1,"v":2},{"i":2,"v":3}]"#,
    );
    gives("objs#$i{$string($i):n}", DOCUMENT, r#"{"0":1,"1":2,"2":3}"#);
    gives("objs#$i[$i=1].n", DOCUMENT, "2");
    gives("arr#$i[$i<2]", DOCUMENT, "[3,1]");
    gives("$#$i.$i", DOCUMENT, "0");
    gives("objs^(>n)#$i.[$i,n]", DOCUMENT, "[0,3,1,2,2,1]");
}

#[test]
fn items_are_bound_and_joined() {
    gives(r#"objs@$o.{"o":$o.n}"#, DOCUMENT, r#"[{"o":1},{"o":2},{"o":3}]"#);
    gives("objs@$o.arr@$p.[$o.n,$p]", DOCUMENT, "[1,3,1,1,1,2,2,3,2,1,2,2,3,3,3,1,3,2]");
    gives("objs@$a.objs@$b[$a.k=$b.k and $a.n<$b.n].[$a.n,$b.n]", DOCUMENT, "[1,3]");
    gives("objs@$o[$o.n=2].$o.k", DOCUMENT, r#""y""#);
    gives("objs@$o#$i[$i=1].$o.n", DOCUMENT, "2");
    gives(
        r#"objs#$i@$o.{"i":$i,"o":$o.n}"#,
        DOCUMENT,
        r#"[{"i":0,"o":1},{"i":1,"o":2},{"i":2,"o":3}]"#,
    );
    gives("objs@$o{$o.k:$o.n}", DOCUMENT, r#"{"x":[1,3],"y":2}"#);
    gives("(objs@$o).num", DOCUMENT, "[4.5,4.5,4.5]");
    undefined("objs@$o.v@$w.[$o.n,$w]", DOCUMENT);
    gives("objs@$o.$o.n^(>$)", DOCUMENT, "[3,2,1]");
}

#[test]
fn the_parent_is_found() {
    gives("objs.v.%.n", DOCUMENT, "[1,1,2]");
    gives("objs.v.[%.n]", DOCUMENT, "[1,1,2]");
    gives("objs.v[%.n=1]", DOCUMENT, "[1,2]");
    gives("objs.v{%.k:$}", DOCUMENT, "{}");
    gives("objs.v.%.%.num", DOCUMENT, "[4.5,4.5,4.5]");
    gives("obj.b.c.%.%.a", DOCUMENT, "1");
    gives("obj.b.c.(%.%.a)", DOCUMENT, "1");
    gives("objs.v.(%.n+$)", DOCUMENT, "[2,3,5]");
    gives("objs.v^(>%.n)", DOCUMENT, "[3,1,2]");
    gives("objs.(v.%.k)", DOCUMENT, r#"["x","x","y"]"#);
    gives(r#"objs.{"x":v.%.n}"#, DOCUMENT, r#"[{"x":[1,1]},{"x":2},{}]"#);
    gives(r#"obj.b.c.{"a":%.%.a,"b":%.c}"#, DOCUMENT, r#"{"a":1,"b":[2]}"#);
    gives("objs[n<3].v.%.k", DOCUMENT, r#"["x","x","y"]"#);
    gives("objs.v[0].%.k", DOCUMENT, r#""x""#);
    throws("objs.v.$.%.n", DOCUMENT, Code::S0217);
    gives("obj.b.%.a", DOCUMENT, "1");
}

const DOCUMENT: &str = r#"{"arr":[3,1,2], "one":[5], "nest":[[1,2],[3,[4]]], "obj":{"a":1,"b":{"c":[2]}},
    "objs":[{"k":"x","n":1,"v":[1,2]},{"k":"y","n":2,"v":[3]},{"k":"x","n":3}], "str":"Hello", "num":4.5, "nul":null, "emp":[]}"#;
