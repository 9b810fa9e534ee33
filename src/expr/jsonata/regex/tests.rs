//! Patterns in JavaScript's spelling, and what they match here.

use proptest::prelude::*;

use super::*;

/// The first match, and its groups.
#[track_caller]
fn finds(pattern: &str, flags: &str, text: &str, found: &[&str]) {
    let regex = compile(pattern, flags).unwrap_or_else(|error| panic!("{error}"));
    let captures = regex.captures(text).unwrap_or_else(|| panic!("{pattern} finds nothing"));
    let groups: Vec<_> = captures.iter().map(|group| group.map_or("", |it| it.as_str())).collect();
    assert_eq!(groups, found, "{pattern}");
}

#[track_caller]
fn misses(pattern: &str, flags: &str, text: &str) {
    let regex = compile(pattern, flags).unwrap_or_else(|error| panic!("{error}"));
    assert!(!regex.is_match(text), "{pattern} finds something in {text:?}");
}

#[track_caller]
fn refuses(pattern: &str, why: &str) {
    let error = compile(pattern, "").unwrap_err();
    assert_eq!(error.code(), Code::S0303);
    assert!(error.message().contains(why), "{}", error.message());
}

#[test]
fn plain_patterns_mean_the_same() {
    finds("ab+(c|d)?", "", "xabbc", &["abbc", "c"]);
    finds("(a)|(b)", "", "b", &["b", "", "b"]);
    finds("a+?", "", "aaa", &["a"]);
    finds("a{2,3}", "", "aaaa", &["aaa"]);
    finds("(?:a|ab)(c|bcd)", "", "abcd", &["abcd", "bcd"]);
}

#[test]
fn classes_are_those_of_javascript() {
    finds(r"\d+", "", "٣4", &["4"]);
    finds(r"\w+", "", "éab_1", &["ab_1"]);
    finds(r"\s+", "", "a\u{feff}\u{a0} b", &["\u{feff}\u{a0} "]);
    misses(r"\s", "", "\u{85}");
    finds(r"\S+\D\W", "", " a-é", &["a-é"]);
    finds(r"[^\s\d]+", "", "1 ab2", &["ab"]);
    finds(r"[\w-]+", "", "a-b", &["a-b"]);
    finds(r"[\w-z]+", "", "a-b", &["a-b"]);
    finds(r"[a\-z]+", "", "bz-a", &["z-a"]);
    finds(r"[\b]", "", "\u{8}", &["\u{8}"]);
    finds(r"\bfoo\b", "", "éfoo", &["foo"]);
    finds(r"o\B", "", "foo", &["o"]);
}

#[test]
fn what_is_special_only_elsewhere_is_a_literal() {
    finds(r"[a&&b]+", "", "&&ab", &["&&ab"]);
    finds(r"[a~~b]+", "", "~ab", &["~ab"]);
    finds(r"[[:alpha:]+", "", "[a:", &["[a:"]);
    finds("a{", "", "a{", &["a{"]);
    finds("a{,2}", "", "a{,2}", &["a{,2}"]);
    finds("{}", "", "{}", &["{}"]);
    finds("]}", "", "]}", &["]}"]);
    finds("a #b", "", "a #b", &["a #b"]);
}

#[test]
fn escapes_are_those_of_javascript() {
    finds(r"\/\-\_\<\@", "", "/-_<@", &["/-_<@"]);
    finds(r"\u0041\x42\cJ\0", "", "AB\n\0", &["AB\n\0"]);
    finds(r"\uD83D\uDE00", "", "😀", &["😀"]);
    finds(r"\u{2}\x\a", "", "uuxa", &["uuxa"]);
    finds(r"\101\8", "", "A8", &["A8"]);
    finds(r"\k<a>", "", "k<a>", &["k<a>"]);
    finds(r"[\u0061-\x63]+", "", "dabc", &["abc"]);
    finds(r"\p{Lu}+\pz", "", "aÄBpz", &["ÄBpz"]);
    finds(r"[\p{Lu}\P{L}]+", "", "aÄ-b", &["Ä-"]);
}

#[test]
fn a_dot_stops_at_line_terminators_and_empty_classes_do_not() {
    finds(".+", "", "ab\u{2028}c", &["ab"]);
    finds(".+", "", "ab\rc", &["ab"]);
    finds("a[^]b", "", "a\nb", &["a\nb"]);
    misses("a[]", "", "a");
}

#[test]
fn anchors_are_of_the_text_or_of_lines() {
    misses("^b", "", "a\nb");
    misses("a$", "", "a\n");
    finds("^b$", "m", "a\nb\nc", &["b"]);
    finds("^a$", "m", "a\r\nb", &["a"]);
}

#[test]
fn cases_fold_but_ascii_only_to_itself() {
    finds("aé", "i", "AÉ", &["AÉ"]);
    finds("Sk", "i", "sK", &["sK"]);
    misses("k", "i", "\u{212a}");
    misses(r"\w", "i", "\u{17f}");
}

#[test]
fn names_of_groups_do_not_matter() {
    finds("(?<year>[0-9]+)-(?<$m>.)", "", "2024-x", &["2024-x", "2024", "x"]);
}

#[test]
fn what_needs_backtracking_is_refused_by_name() {
    refuses("a(?=b)", "look-ahead (?=)");
    refuses("a(?!b)", "look-ahead (?!)");
    refuses("(?<=a)b", "look-behind (?<=)");
    refuses("(?<!a)b", "look-behind (?<!)");
    refuses(r"(a)\1", "a back-reference in \"(a)\\\\1\"");
    refuses(r"\1(a)", "back-reference");
    refuses(r"(?<n>a)\k<n>", "back-reference");
}

#[test]
fn what_is_malformed_is_refused() {
    refuses("(a", "malformed");
    refuses("a)", "malformed");
    refuses("[a", "a [ without its ]");
    refuses("*a", "nothing to repeat");
    refuses("a**", "nothing to repeat");
    refuses("a++", "nothing to repeat");
    refuses("^*", "nothing to repeat");
    refuses("a{2}{3}", "nothing to repeat");
    refuses("a{3,2}", "malformed");
    refuses("[z-a]", "backwards");
    refuses(r"a\", "at the end");
    refuses(r"\uD83D", "half of a surrogate pair");
    refuses("(?i)a", "starts with (?");
    refuses("(?<>a)", "without a name");
    refuses(r"\p{Nonsense}", "malformed");
    assert_eq!(compile("", "i").unwrap_err().code(), Code::S0301);
}

#[test]
fn what_would_be_huge_is_refused() {
    refuses("(((a{100}){100}){100})", "too large");
    refuses("a{99999999999}", "malformed");
    refuses(&"(".repeat(10_000), "malformed");
}

#[track_caller]
fn expands(replacement: &str, captures: &[&str], to: &str) {
    let groups: Vec<_> =
        std::iter::once("[all]").chain(captures.iter().copied()).map(Some).collect();
    assert_eq!(expand(replacement, &groups), to);
}

#[test]
fn replacements_name_groups_by_number() {
    let ten = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    expands("<$1-$2>", &["a", "b"], "<a-b>");
    expands("$0$0", &[], "[all][all]");
    expands("$01", &["a"], "[all]1");
    expands("$10", &["a"], "a0");
    expands("$10", &ten, "j");
    expands("$12$1x$2", &ten, "a2axb");
    expands("$5", &["a"], "");
    expands("$5", &[], "");
    expands("$$1", &["a"], "$1");
    expands("$$$", &[], "$$");
    expands("cost $x €$", &["a"], "cost $x €$");
    assert_eq!(expand("<$1>", &[Some("x"), None]), "<>");
    assert_eq!(expand("<$1$0>", &[]), "<>");
}

proptest! {
    #[test]
    fn any_pattern_compiles_or_is_refused(
        pattern in r"[-a-c\[\]()\\{}0-9,*+?^$|.&~kucxpPdws<>=!:é]{0,16}|.*",
        flags in "[im]{0,2}g",
    ) {
        let _ = compile(&pattern, &flags);
    }

    #[test]
    fn any_text_finds_itself(text in ".+") {
        let escaped: String = text.chars().flat_map(|char| {
            let special = char.is_ascii_punctuation();
            special.then_some('\\').into_iter().chain([char])
        }).collect();
        let regex = compile(&escaped, "").unwrap();
        prop_assert_eq!(regex.find(&text).map(|it| it.as_str()), Some(text.as_str()));
    }

    #[test]
    fn any_replacement_expands(text in "[$0-9a€]{0,12}", captures in 0_usize..120) {
        let groups = vec![Some("g"); captures];
        expand(&text, &groups);
    }
}
