//! Times as text and back, a line a case.

use proptest::prelude::*;

use super::*;

/// 2018-03-30T13:07:09.045Z, a Friday.
const FRIDAY: f64 = 1_522_415_229_045.0;

#[track_caller]
fn writes(picture: &str, text: &str) {
    writes_at(FRIDAY, picture, "+0000", text);
}

#[track_caller]
fn writes_at(millis: f64, picture: &str, timezone: &str, text: &str) {
    assert_eq!(from_millis(millis, Some(picture), Some(timezone)).unwrap(), text, "{picture}");
}

#[track_caller]
fn refuses(picture: &str, code: Code) {
    let error = from_millis(FRIDAY, Some(picture), None).unwrap_err();
    assert_eq!(error.code(), code, "{picture}");
}

/// Reads what should be the ISO timestamp, on the day [`FRIDAY`].
#[track_caller]
fn reads(text: &str, picture: &str, timestamp: &str) {
    let millis = to_millis(text, Some(picture), FRIDAY as i64).unwrap();
    let millis = millis.unwrap_or_else(|| panic!("{text} does not look like {picture}"));
    assert_eq!(from_millis(millis as f64, None, None).unwrap(), timestamp, "{text}");
}

#[track_caller]
fn reads_nothing(text: &str, picture: &str) {
    assert_eq!(to_millis(text, Some(picture), 0), Ok(None), "{text}");
}

#[track_caller]
fn refuses_to_read(text: &str, picture: &str, code: Code) {
    assert_eq!(to_millis(text, Some(picture), 0).unwrap_err().code(), code, "{text}");
}

#[track_caller]
fn reads_iso(text: &str, millis: i64) {
    assert_eq!(to_millis(text, None, 0), Ok(Some(millis)), "{text}");
}

#[track_caller]
fn refuses_iso(text: &str) {
    assert_eq!(to_millis(text, None, 0).unwrap_err().code(), Code::D3110, "{text}");
}

#[test]
fn timestamps_are_iso_without_a_picture() {
    assert_eq!(from_millis(FRIDAY, None, None).unwrap(), "2018-03-30T13:07:09.045Z");
    assert_eq!(from_millis(FRIDAY, None, Some("-0330")).unwrap(), "2018-03-30T09:37:09.045-03:30");
    assert_eq!(from_millis(-0.5, None, None).unwrap(), "1970-01-01T00:00:00.000Z");
    assert_eq!(
        from_millis(-62_198_755_200_001.0, None, None).unwrap(),
        "-0002-12-31T23:59:59.999Z"
    );
}

#[test]
fn the_default_is_what_its_picture_says() {
    let picture = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]";
    for millis in [FRIDAY, 0.0, -1.0, -8.64e15, 8.64e15] {
        for timezone in [None, Some("0")] {
            let [plain, pictured] =
                [None, Some(picture)].map(|it| from_millis(millis, it, timezone));
            assert_eq!(plain, pictured);
        }
    }
}

#[test]
fn components_are_written_as_their_presentation_says() {
    writes("[D#1]/[M1]/[Y0001]", "30/3/2018");
    writes("[FNn], [D1o] of [MNn] [Y]", "Friday, 30th of March 2018");
    writes("[F0] [FN,*-3] [F,2-2] [Mn,3-3]", "5 FRI fr mar");
    writes("[YI] [Yw] [Ma]", "MMXVIII two thousand and eighteen c");
    writes("[d]/[W01]/[w]/[X]/[xNn]", "89/13/5/2018/March");
    writes("[h]:[m]:[s].[f001] [PN] [P]", "1:07:09.045 PM pm");
    writes("[Y] [Y,2] [Y,2-2] [Y#0] [Y01]", "2018 18 18 18 18");
    writes("[E] [C]", "ISO ISO");
    writes("[[[Y]]] [[]]", "[2018] []");
    writes(" [ Y ] ", " 2018 ");
    writes("", "");
}

#[test]
fn offsets_are_written_as_their_presentation_says() {
    writes_at(FRIDAY, "[H]:[m] [Z]", "+0530", "18:37 +05:30");
    writes_at(FRIDAY, "[H]:[m] [Z]", "-0330", "9:37 -03:30");
    writes_at(FRIDAY, "[Z0] [Z00] [Z0000] [z]", "-0030", "-0:30 -00:30 -0030 GMT-00:30");
    writes_at(FRIDAY, "[Z0] [Z0]", "+0500", "+5 +5");
    writes("[Z] [Z01:01t] [z]", "+00:00 Z GMT+00:00");
}

#[test]
fn what_pictures_cannot_say_has_its_code() {
    refuses("[q]", Code::D3132);
    refuses("[]", Code::D3132);
    refuses("[q1]", Code::D3132);
    refuses("[YN]", Code::D3133);
    refuses("[fn]", Code::D3133);
    refuses("[Z00000]", Code::D3134);
    refuses("[ZN]", Code::D3134);
    refuses("[Y", Code::D3135);
    refuses("[Mα]", Code::D3130);
    refuses("[M0٠]", Code::D3131);
    refuses("[D,99999999999999999999]", Code::D1001);
    refuses("[Y,*-65]", Code::D1001);
}

#[test]
fn times_beyond_the_calendar_are_refused() {
    for millis in [1e300, -8.64e15 - 1.0, f64::NAN, f64::INFINITY] {
        let error = from_millis(millis, None, None).unwrap_err();
        assert_eq!(error.code(), Code::D1001);
    }
    assert_eq!(from_millis(8.64e15, None, Some("1")).unwrap_err().code(), Code::D1001);
    for timezone in ["", "UTC", "+05:30", "99999999"] {
        assert_eq!(from_millis(0.0, None, Some(timezone)).unwrap_err().code(), Code::D3137);
    }
}

#[test]
fn iso_timestamps_are_read() {
    reads_iso("2018-03-30T13:07:09.045Z", FRIDAY as i64);
    reads_iso("2018-03-30T13:07:09.0459+00:00", FRIDAY as i64);
    reads_iso("2018-03-30T09:37:09.045-0330", FRIDAY as i64);
    reads_iso("1970", 0);
    reads_iso("1970-01", 0);
    reads_iso("1970-01-02", 86_400_000);
    reads_iso("1970-01-01T24:00:00", 86_400_000);
    reads_iso("1970-02-31", 61 * 86_400_000);
}

#[test]
fn what_is_no_iso_timestamp_is_refused() {
    refuses_iso("");
    refuses_iso("foo");
    refuses_iso("201");
    refuses_iso("2018-13");
    refuses_iso("2018-00");
    refuses_iso("2018-01-32");
    refuses_iso("2018-01-01 00:00:00");
    refuses_iso("2018-01-01T00:00");
    refuses_iso("2018-01-01T24:00:01");
    refuses_iso("2018-01-01T00:00:00.");
    refuses_iso("2018-01-01T00:00:00x");
    refuses_iso("2018-01-01T00:00:00+1");
    refuses_iso("２018");
}

#[test]
fn pictures_are_read_in_reverse() {
    reads("30/3/2018", "[D1]/[M1]/[Y]", "2018-03-30T00:00:00.000Z");
    reads("Friday, 30th of March 2018", "[FNn], [D1o] of [MNn] [Y]", "2018-03-30T00:00:00.000Z");
    reads("20180330T1307", "[Y0001][M01][D01]T[H01][m01]", "2018-03-30T13:07:00.000Z");
    reads("MMXVIII-c-a", "[YI]-[Ma]-[Da]", "2018-03-01T00:00:00.000Z");
    reads("two thousand and eighteen", "[Yw]", "2018-01-01T00:00:00.000Z");
    reads("2018-089 1:07 pm", "[Y]-[d001] [h]:[m01] [P]", "2018-03-30T13:07:00.000Z");
    reads("12:07:08.05 am", "[h]:[m]:[s].[f] [Pn]", "2018-03-30T00:07:08.050Z");
    reads("SEP 7", "[MN,3-3] [D]", "2018-03-07T00:00:00.000Z");
    reads("Sep 7", "[MNn,3-3] [D]", "2018-09-07T00:00:00.000Z");
    reads("1/1/18", "[D]/[M]/[Y01]", "1918-01-01T00:00:00.000Z");
}

#[test]
fn offsets_are_read() {
    reads("1970-01-01 00:00-03:30", "[Y]-[M]-[D] [H]:[m][Z]", "1970-01-01T03:30:00.000Z");
    reads("1970-01-01 00:00GMT+0530", "[Y]-[M]-[D] [H]:[m][z0000]", "1969-12-31T18:30:00.000Z");
    reads("1970-01-01 00:00-5", "[Y]-[M]-[D] [H]:[m][Z0]", "1970-01-01T05:00:00.000Z");
}

#[test]
fn what_is_missing_is_of_today_or_the_first() {
    reads("3", "[H]", "2018-03-30T03:00:00.000Z");
    reads("3", "[h]", "2018-03-30T03:00:00.000Z");
    reads("2-29", "[M]-[D]", "2018-03-01T00:00:00.000Z");
    reads("Monday", "[FNn]", "2018-03-30T13:07:09.045Z");
    refuses_to_read("2018 3", "[Y] [H]", Code::D3136);
    refuses_to_read("3:05", "[H]:[s]", Code::D3136);
    refuses_to_read("2018-W3-4", "[X]-W[W]-[F1]", Code::D3136);
}

#[test]
fn what_does_not_look_like_the_picture_reads_as_nothing() {
    reads_nothing("foo", "[Y]");
    reads_nothing("foo", "foo");
    reads_nothing("2018-1", "[Y]");
    reads_nothing("zero zero and", "[Yw]");
    refuses_to_read("x", "[YN]", Code::D3133);
    refuses_to_read("x", "[CN]", Code::D3133);
    refuses_to_read("99999999999999", "[Y]", Code::D3110);
    refuses_to_read("999999", "[Y]", Code::D3110);
    refuses_to_read("x", &"[Y][M]".repeat(100_000), Code::D3137);
}

proptest! {
    #[test]
    fn any_time_in_any_picture_has_a_bounded_text(
        bits: u64,
        millis in -8_640_000_000_000_000_i64..=8_640_000_000_000_000,
        picture in r"(\[[YMDdFWwXxHhPmsfZzCE][01nNaIw#;o٠]{0,3}(,[0-9*]{1,2}(-[0-9]{1,2})?)?\]|[-x\[\]]){0,6}|.*",
        timezone in proptest::option::of("[-+]?[0-9]{0,5}|.*"),
    ) {
        for millis in [millis as f64, f64::from_bits(bits)] {
            if let Ok(text) = from_millis(millis, Some(&picture), timezone.as_deref()) {
                prop_assert!(text.len() <= 64 * picture.len());
            }
            let _ = from_millis(millis, None, timezone.as_deref());
        }
    }

    #[test]
    fn any_text_is_read_by_any_picture_or_not(
        text in "[-0-9a-zA-Z:. +]{0,20}|.*",
        picture in r"(\[[YMDdFWwXxHhPmsfZzCE][01nNaIw#;o٠]{0,3}\]|[-x :]){0,6}",
        now: i64,
    ) {
        let _ = to_millis(&text, Some(&picture), now);
        let _ = to_millis(&text, None, now);
    }

    #[test]
    fn what_was_written_is_read(millis in 0_i64..4_000_000_000_000) {
        let picture = "[Yw] [MNn] [D1o], [h]:[m]:[s].[f001] [P] [Z]";
        for picture in [None, Some(picture)] {
            let text = from_millis(millis as f64, picture, Some("-0330")).unwrap();
            prop_assert_eq!(to_millis(&text, picture, 0), Ok(Some(millis)));
        }
    }
}
