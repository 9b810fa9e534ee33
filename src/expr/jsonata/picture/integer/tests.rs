//! Integers as text and back, a line a case.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn formats(value: f64, picture: &str, text: &str) {
    assert_eq!(format_integer(value, picture).unwrap(), text, "{picture}");
}

/// Formats, and reads the text back.
#[track_caller]
fn round_trips(value: f64, picture: &str, text: &str) {
    formats(value, picture, text);
    reads(text, picture, value);
}

#[track_caller]
fn reads(text: &str, picture: &str, value: f64) {
    assert_eq!(parse_integer(text, picture), Ok(Some(value)), "{text}");
}

#[track_caller]
fn reads_nothing(text: &str, picture: &str) {
    assert_eq!(parse_integer(text, picture), Ok(None), "{text}");
}

#[track_caller]
fn refuses(value: f64, picture: &str, code: Code) {
    assert_eq!(format_integer(value, picture).unwrap_err().code(), code, "{picture}");
}

#[test]
fn digits_are_padded_and_grouped() {
    round_trips(123.0, "0000", "0123");
    round_trips(12_345_678.0, "#,##0", "12,345,678");
    round_trips(1_234_567.0, "#.##0", "1.234.567");
    round_trips(12_345_678.0, "#,##,##0", "123,45,678");
    formats(-1.5, "0", "-2");
    formats(-0.0, "0", "0");
    formats(5.0, "#,#:00", "05");
    formats(123_456.0, "#,#:00", "123,4:56");
    formats(5.0, "0%", "5%");
    formats(1e21, "#,##0", "1,000,000,000,000,000,000,000");
}

#[test]
fn digits_come_in_families() {
    round_trips(1234.0, "#,##٠", "١,٢٣٤");
    formats(7.0, "00;o", "07th");
    refuses(1.0, "0٠", Code::D3131);
}

#[test]
fn ordinals_have_a_suffix() {
    round_trips(1.0, "0;o", "1st");
    round_trips(11.0, "0;o", "11th");
    round_trips(112.0, "0;o", "112th");
    round_trips(122.0, "0;o", "122nd");
    round_trips(1_003.0, "#,##0;o", "1,003rd");
}

#[test]
fn integers_are_exact() {
    let text = format_integer_exact(i64::MIN, "#,##0").unwrap();
    assert_eq!(text, "-9,223,372,036,854,775,808");
    assert_eq!(format_integer_exact(i64::MAX, "A").unwrap(), "CRPXNLSKVLJFHG");
}

#[test]
fn words_are_english() {
    round_trips(0.0, "w", "zero");
    round_trips(19.0, "Ww", "Nineteen");
    round_trips(45.0, "W", "FORTY-FIVE");
    round_trips(100.0, "w", "one hundred");
    round_trips(119.0, "w", "one hundred and nineteen");
    round_trips(2018.0, "w", "two thousand and eighteen");
    round_trips(3730.0, "w", "three thousand, seven hundred and thirty");
    round_trips(1e46, "w", "ten billion trillion trillion trillion");
    formats(-21.0, "Ww", "-Twenty-One");
    formats(1e300, "w", &format!("one{}", " trillion".repeat(25)));
}

#[test]
fn ordinal_words_are_english() {
    round_trips(12.0, "w;o", "twelfth");
    round_trips(20.0, "w;o", "twentieth");
    round_trips(21.0, "w;o", "twenty-first");
    round_trips(100.0, "w;o", "one hundredth");
    round_trips(1_000_000.0, "w;o", "one millionth");
    round_trips(3_040.0, "w;o", "three thousand and fortieth");
}

#[test]
fn what_is_no_number_reads_as_nothing() {
    reads_nothing("one and a half", "w");
    reads_nothing("", "w");
    reads_nothing("MIZ", "I");
    reads_nothing("x1", "0");
    reads_nothing("", "0;o");
    reads_nothing("é", "0;o");
    reads(" 12ab", "0", 12.0);
    reads("-12", "0", -12.0);
}

#[test]
fn numerals_and_letters_are_bounded() {
    round_trips(1999.0, "I", "MCMXCIX");
    round_trips(14.0, "i", "xiv");
    formats(0.0, "i", "");
    round_trips(27.0, "a", "aa");
    round_trips(18_279.0, "A", "AAAA");
    formats(0.0, "A", "");
    refuses(1e7, "I", Code::D1001);
    refuses(1e300, "i", Code::D1001);
    assert_eq!(format_integer(1e300, "a").unwrap().len(), 213);
    reads_nothing(&"z".repeat(300), "a");
}

#[test]
fn what_cannot_be_written_is_refused() {
    refuses(f64::INFINITY, "0", Code::D1001);
    refuses(f64::NAN, "w", Code::D1001);
    let message = format_integer(1.0, "α").unwrap_err().message();
    assert!(message.contains("starting with \"α\""), "{message}");
    assert_eq!(parse_integer("1", "").unwrap_err().code(), Code::D3130);
}

proptest! {
    #[test]
    fn any_number_in_any_picture_has_a_bounded_text(
        bits: u64,
        picture in "[0#,٠]{0,9}(;o)?|A|a|I|i|Ww|w|W|w;o|.*",
    ) {
        if let Ok(text) = format_integer(f64::from_bits(bits), &picture) {
            prop_assert!(text.len() <= 8_000 + 8 * picture.len());
        }
    }

    #[test]
    fn any_text_is_read_or_not(text in "[a-zIVX0-9, -]{0,20}|.*", picture in "#,##0|0;o|a|I|w;o") {
        parse_integer(&text, &picture).unwrap();
    }

    #[test]
    fn what_was_written_is_read(value in 1_i64..1 << 53, picture in "#,##0|0;o|0|#٠|a|A") {
        let text = format_integer_exact(value, &picture).unwrap();
        prop_assert_eq!(parse_integer(&text, &picture), Ok(Some(value as f64)));
    }

    // From 1000 trillions on, `one thousand and one trillion` can be read in two ways.
    #[test]
    fn what_was_written_in_words_is_read(value in 0..10_i64.pow(15), picture in "w|w;o|W") {
        let text = format_integer_exact(value, &picture).unwrap();
        prop_assert_eq!(parse_integer(&text, &picture), Ok(Some(value as f64)));
    }
}
