//! Complaints as AWS recorded them and as the reader's source has them.

use proptest::prelude::*;

use super::*;

/// Text, complaint (`VALUES` for the list of values), line, column.
const COMPLAINTS: &[(&str, &str, usize, usize)] = &[
    // Recorded on AWS.
    (
        "{bad json}",
        "Unexpected character ('b' (code 98)): was expecting double-quote to start field name",
        1,
        2,
    ),
    ("undefined", "Unrecognized token 'undefined': was expecting VALUES", 1, 10),
    // As the reader's source has them.
    (
        "{\"a\":1,}",
        "Unexpected character ('}' (code 125)): was expecting double-quote to start field name",
        1,
        8,
    ),
    (
        "{\"a\" 1}",
        "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
        1,
        6,
    ),
    ("{\"a\":}", "Unexpected character ('}' (code 125)): expected a value", 1, 6),
    (
        "{\"a\":1 \"b\":2}",
        "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries",
        1,
        8,
    ),
    (
        "[1 2]",
        "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries",
        1,
        4,
    ),
    ("[1,]", "Unexpected character (']' (code 93)): expected a valid value VALUES", 1, 4),
    ("'a'", "Unexpected character (''' (code 39)): expected a valid value VALUES", 1, 1),
    (
        "\n{\n  x}",
        "Unexpected character ('x' (code 120)): was expecting double-quote to start field name",
        3,
        3,
    ),
    ("\"abc", "Unexpected end-of-input: was expecting closing quote for a string value", 1, 5),
    ("{\"abc", "Unexpected end-of-input in field name", 1, 6),
    ("{\"a\":", "Unexpected end-of-input within/between Object entries", 1, 6),
    ("[1,", "Unexpected end-of-input within/between Array entries", 1, 4),
    ("\"\\x\"", "Unrecognized character escape 'x' (code 120)", 1, 3),
    (
        "\"\\u00g0\"",
        "Unexpected character ('g' (code 103)): expected a hex-digit for character escape sequence",
        1,
        6,
    ),
    (
        "\"a\nb\"",
        "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value",
        1,
        3,
    ),
    ("nul", "Unrecognized token 'nul': was expecting VALUES", 1, 4),
    ("truex", "Unrecognized token 'truex': was expecting VALUES", 1, 6),
    ("True", "Unrecognized token 'True': was expecting VALUES", 1, 5),
    (
        "NaN",
        "Non-standard token 'NaN': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow",
        1,
        4,
    ),
    ("01", "Invalid numeric value: Leading zeroes not allowed", 1, 2),
    (
        "1a",
        "Unexpected character ('a' (code 97)): Expected space separating root-level values",
        1,
        2,
    ),
    (
        "1.",
        "Unexpected character ('.' (code 46)) in numeric value: Decimal point not followed by a digit",
        1,
        2,
    ),
    (
        "[1.x]",
        "Unexpected character ('x' (code 120)) in numeric value: Decimal point not followed by a digit",
        1,
        3,
    ),
    (
        "[0.x]",
        "Unexpected character ('x' (code 120)) in numeric value: Decimal point not followed by a digit",
        1,
        4,
    ),
    (
        "[1ex]",
        "Unexpected character ('x' (code 120)) in numeric value: Exponent indicator not followed by a digit",
        1,
        3,
    ),
    (
        "-x",
        "Unexpected character ('x' (code 120)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value",
        1,
        2,
    ),
    ("-", "Unexpected end-of-inputNo digit following sign", 1, 2),
    (
        "// x",
        "Unexpected character ('/' (code 47)): maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)",
        1,
        1,
    ),
    (
        "\u{1}",
        "Illegal character ((CTRL-CHAR, code 1)): only regular white space (\\r, \\n, \\t) is allowed between tokens",
        1,
        1,
    ),
    (
        "\u{2014}",
        "Unexpected character ('\u{2014}' (code 8212 / 0x2014)): expected a valid value VALUES",
        1,
        1,
    ),
];

#[test]
fn complaints_are_those_of_jackson() {
    for (text, message, line, column) in COMPLAINTS {
        let message = message.replace("VALUES", VALUES);
        let expected = format!("{message}\n at {}", place(*line, *column));
        assert_eq!(read(text).map_err(|found| found.to_string()), Err(expected), "{text}");
    }
}

#[test]
fn containers_that_stay_open_say_where_they_begin() {
    let expected = format!(
        "Unexpected end-of-input: expected close marker for Object (start marker at {})\n at {}",
        place(1, 1),
        place(1, 7)
    );
    assert_eq!(read("{\"a\":1").map_err(|found| found.to_string()), Err(expected));
    let expected = format!(
        "Unexpected close marker '}}': expected ']' (for Array starting at {})\n at {}",
        place(1, 6),
        place(1, 8)
    );
    assert_eq!(read("{\"a\":[1}").map_err(|found| found.to_string()), Err(expected));
}

#[test]
fn only_the_first_value_counts() {
    for (text, end) in
        [("1 2", 1), ("{} x", 2), ("[1,{\"é\":null}]]", 15), ("\"é\"x", 4), ("null,", 4)]
    {
        assert_eq!(read(text), Ok(Read::Value(end)), "{text}");
    }
    for text in ["", " ", "\r\n\t "] {
        assert_eq!(read(text), Ok(Read::Nothing));
    }
    assert!(read(&"[".repeat(200_000)).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{}\",:0-9.eE+\\-\\\\utrfalsn é\u{1}\n\r/]{0,24}") {
        if let Ok(Read::Value(end)) = read(&text) {
            prop_assert!(text.is_char_boundary(end));
        }
    }
}
