//! Numbers by pictures, a line a case.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn formats(value: f64, picture: &str, text: &str) {
    assert_eq!(format_number(value, picture, &Symbols::default()).unwrap(), text, "{picture}");
}

#[track_caller]
fn formats_with(value: f64, picture: &str, options: &[(&str, &str)], text: &str) {
    let mut symbols = Symbols::default();
    for (name, value) in options {
        symbols.set(name, value);
    }
    assert_eq!(format_number(value, picture, &symbols).unwrap(), text, "{picture}");
}

#[track_caller]
fn refuses(picture: &str, code: Code) {
    let error = format_number(20.0, picture, &Symbols::default()).unwrap_err();
    assert_eq!(error.code(), code, "{picture}");
}

#[test]
fn digits_are_grouped_and_padded() {
    formats(12345.6, "#,###.00", "12,345.60");
    formats(12_345_678.9, "9,999.99", "12,345,678.90");
    formats(123.9, "9999", "0124");
    formats(0.14, "001", "000");
    formats(1e6, "#,###,##,0", "1,000,00,0");
    formats(12.0, "#,###,##,0", "1,2");
    formats(1234.0, "#,###,##,0", "1,23,4");
    formats(0.0, "#.#", ".0");
    formats(0.0, "#", "0");
    formats(-0.0, "0", "0");
    formats(0.123_456_789, "0.000,000,000", "0.123,456,789");
    formats(0.5, "0.0##,###", "0.5");
    formats(1e21, "#,##0", "1,000,000,000,000,000,000,000");
}

#[test]
fn halves_go_to_the_even_digit() {
    formats(0.5, "0", "0");
    formats(1.5, "0", "2");
    formats(2.345, "0.00", "2.34");
    formats(0.1, "0.00000000000000000000", "0.10000000000000000555");
}

#[test]
fn negative_numbers_have_a_sign_or_their_own_picture() {
    formats(-6.0, "000", "-006");
    formats(-6.0, "<0>", "-<6>");
    formats(-6.0, "0;(00)", "(06)");
    formats_with(-6.0, "0", &[("minus-sign", "minus ")], "minus 6");
}

#[test]
fn percents_are_scaled() {
    formats(0.14, "01%", "14%");
    formats(0.14, "###\u{2030}", "140\u{2030}");
    formats_with(0.14, "001pm", &[("per-mille", "pm")], "140pm");
    formats(1e308, "0%", "Infinity%");
}

#[test]
fn exponents_keep_the_mantissa_in_shape() {
    formats(1234.5678, "00.000e0", "12.346e2");
    formats(1234.5678, "#.00e0", "0.12e4");
    formats(0.000_234, "0.0e0", "2.3e-4");
    formats(0.0, "0.0e00", "0.0e00");
    formats(-1234.5, "0.0e000", "-1.2e003");
    formats(0.234, "x 0.0e0 y", "x 2.3e-1 y");
    formats(1000.0, "0.0e0", "10.0e2");
    formats(8_701.0, "#e0", "0.9e4");
}

#[test]
fn digits_come_in_the_family_of_the_zero() {
    formats_with(1234.5, "#,##٠.٠٠", &[("zero-digit", "٠")], "١,٢٣٤.٥٠");
    formats_with(
        1234.5,
        "#.##0,0",
        &[("decimal-separator", ","), ("grouping-separator", ".")],
        "1.234,5",
    );
    formats_with(2.0, "0", &[("nonsense", "x"), ("zero-digit", "")], "2");
}

#[test]
fn what_is_no_number_has_a_name() {
    formats(f64::NAN, "0", "NaN");
    formats(f64::NEG_INFINITY, "0.0 EUR", "-Infinity EUR");
}

#[test]
fn each_rule_has_its_code() {
    refuses("#;#;#", Code::D3080);
    refuses("#.0.0", Code::D3081);
    refuses("#0%%", Code::D3082);
    refuses("#0\u{2030}\u{2030}", Code::D3083);
    refuses("#0%\u{2030}", Code::D3084);
    refuses(".e0", Code::D3085);
    refuses("", Code::D3085);
    refuses("0+.e0", Code::D3086);
    refuses("0,.e0", Code::D3087);
    refuses("0,", Code::D3088);
    refuses("0,,0", Code::D3089);
    refuses("0#.e0", Code::D3090);
    refuses("#0.#0e0", Code::D3091);
    refuses("#0.0e0%", Code::D3092);
    refuses("#0.0e0,0", Code::D3093);
    refuses("0e", Code::D3093);
}

proptest! {
    #[test]
    fn any_number_in_any_picture_has_a_bounded_text(
        bits: u64,
        picture in "[#09,.e%;x]{0,12}|[#0,.]{0,600}e?0{0,3}|.*",
        zero in "[0٠\u{10ffff}]",
    ) {
        let mut symbols = Symbols::default();
        symbols.set("zero-digit", &zero);
        if let Ok(text) = format_number(f64::from_bits(bits), &picture, &symbols) {
            prop_assert!(text.chars().count() <= 2000 + 2 * picture.len());
        }
    }
}
