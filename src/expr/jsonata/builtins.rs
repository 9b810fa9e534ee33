//! Names of the built-in functions, by dialect. What they do, is not known here.

use super::Dialect;

/// Whether `name`, without its `$`, is a built-in function of the dialect.
pub(super) fn is_builtin(name: &str, dialect: Dialect) -> bool {
    let Ok(at) = BUILTINS.binary_search_by_key(&name, |&(known, _)| known) else { return false };
    match BUILTINS[at].1 {
        Home::Aws => dialect == Dialect::Aws,
        Home::Everywhere => true,
        Home::Full => dialect == Dialect::Full,
    }
}

/// Which dialects have a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// Step Functions alone.
    Aws,
    Everywhere,
    /// AWS: Step Functions takes `$eval` away; calling it is `T1006`.
    Full,
}

/// Every built-in function, sorted by name.
pub(super) const BUILTINS: &[(&str, Home)] = &[
    ("abs", Home::Everywhere),
    ("append", Home::Everywhere),
    ("assert", Home::Everywhere),
    ("average", Home::Everywhere),
    ("base64decode", Home::Everywhere),
    ("base64encode", Home::Everywhere),
    ("boolean", Home::Everywhere),
    ("ceil", Home::Everywhere),
    ("clone", Home::Everywhere),
    ("contains", Home::Everywhere),
    ("count", Home::Everywhere),
    ("decodeUrl", Home::Everywhere),
    ("decodeUrlComponent", Home::Everywhere),
    ("distinct", Home::Everywhere),
    ("each", Home::Everywhere),
    ("encodeUrl", Home::Everywhere),
    ("encodeUrlComponent", Home::Everywhere),
    ("error", Home::Everywhere),
    ("eval", Home::Full),
    ("exists", Home::Everywhere),
    ("filter", Home::Everywhere),
    ("floor", Home::Everywhere),
    ("formatBase", Home::Everywhere),
    ("formatInteger", Home::Everywhere),
    ("formatNumber", Home::Everywhere),
    ("fromMillis", Home::Everywhere),
    ("hash", Home::Aws),
    ("join", Home::Everywhere),
    ("keys", Home::Everywhere),
    ("length", Home::Everywhere),
    ("lookup", Home::Everywhere),
    ("lowercase", Home::Everywhere),
    ("map", Home::Everywhere),
    ("match", Home::Everywhere),
    ("max", Home::Everywhere),
    ("merge", Home::Everywhere),
    ("millis", Home::Everywhere),
    ("min", Home::Everywhere),
    ("not", Home::Everywhere),
    ("now", Home::Everywhere),
    ("number", Home::Everywhere),
    ("pad", Home::Everywhere),
    ("parse", Home::Aws),
    ("parseInteger", Home::Everywhere),
    ("partition", Home::Aws),
    ("power", Home::Everywhere),
    ("random", Home::Everywhere),
    ("range", Home::Aws),
    ("reduce", Home::Everywhere),
    ("replace", Home::Everywhere),
    ("reverse", Home::Everywhere),
    ("round", Home::Everywhere),
    ("shuffle", Home::Everywhere),
    ("sift", Home::Everywhere),
    ("single", Home::Everywhere),
    ("sort", Home::Everywhere),
    ("split", Home::Everywhere),
    ("spread", Home::Everywhere),
    ("sqrt", Home::Everywhere),
    ("string", Home::Everywhere),
    ("substring", Home::Everywhere),
    ("substringAfter", Home::Everywhere),
    ("substringBefore", Home::Everywhere),
    ("sum", Home::Everywhere),
    ("toMillis", Home::Everywhere),
    ("trim", Home::Everywhere),
    ("type", Home::Everywhere),
    ("uppercase", Home::Everywhere),
    ("uuid", Home::Aws),
    ("zip", Home::Everywhere),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(BUILTINS.is_sorted_by(|one, next| one.0 < next.0));
    }

    #[test]
    fn dialects_differ_in_a_few_functions() {
        assert!(is_builtin("sum", Dialect::Aws) && is_builtin("sum", Dialect::Full));
        assert!(!is_builtin("eval", Dialect::Aws) && is_builtin("eval", Dialect::Full));
        assert!(is_builtin("partition", Dialect::Aws) && !is_builtin("partition", Dialect::Full));
        assert!(!is_builtin("unheard", Dialect::Full) && !is_builtin("", Dialect::Full));
    }
}
