//! Text as we would write it ourselves, before it is parsed.
//!
//! Raw passthrough copies spans of the input to the output, so the input has to be in our own
//! spelling first: no blank outside strings, canonical escapes. Nearly every event already is;
//! [`is_plain`] finds that out at some ten bytes a nanosecond, and only the others are rewritten.
//! This is a lexical pass: text that is not JSON comes out as text that is not JSON.

use super::blocks::Masks;
use super::text::write_escaped;

/// Whether `text` has neither a backslash nor white space outside strings.
///
/// Only meaningful for valid JSON; anything may be answered for other text.
pub(in crate::value) fn is_plain(text: &[u8]) -> bool {
    let mut before = 0_u64;
    let (blocks, rest) = text.as_chunks::<64>();
    for block in blocks {
        if !plain_block(block, &mut before) {
            return false;
        }
    }
    if rest.is_empty() {
        return true;
    }
    let mut last = [b','; 64];
    last[..rest.len()].copy_from_slice(rest);
    plain_block(&last, &mut before)
}

/// `before` holds the quotes of all blocks before, one upon the other: an odd number of bits says
/// that a string is open across the block's border.
#[inline]
fn plain_block(block: &[u8; 64], before: &mut u64) -> bool {
    let masks = Masks::of(block);
    // Most blocks have no blank, and then nobody asks what lies within a string.
    if masks.blanks != 0 {
        let inside = (prefix_xor(*before) as i64 >> 63) as u64;
        let within = prefix_xor(masks.quotes) ^ inside;
        if masks.blanks & !within != 0 {
            return false;
        }
    }
    *before ^= masks.quotes;
    masks.backslashes == 0
}

/// Bit n of the result is the parity of the bits 0..=n of `bits`.
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// Appends `text` without blanks outside strings and with canonical escapes.
pub(in crate::value) fn write_canonical(text: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = write_string_token(text, at, out),
            b' ' | b'\t' | b'\n' | b'\r' => {
                let next = text[at..].iter().position(|byte| !byte.is_ascii_whitespace());
                let next = next.map_or(text.len(), |ahead| at + ahead);
                // A blank between two tokens that are not punctuation keeps them apart: `1 2`
                // must stay as wrong as it was.
                if out.last().is_some_and(|&last| !is_punctuation(last))
                    && text.get(next).is_some_and(|&first| !is_punctuation(first))
                {
                    out.push(b' ');
                }
                at = next;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
}

fn is_punctuation(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':')
}

/// Copies the string that opens at `at`, escapes in canonical form; returns where it ends.
fn write_string_token(text: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    out.push(b'"');
    let mut at = at + 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                out.push(b'"');
                return at + 1;
            }
            b'\\' => at += write_escape_token(&text[at..], out),
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    at
}

/// Copies the escape that `text` begins with; returns its length. What is no valid escape is
/// copied as it is, for the parser to refuse.
fn write_escape_token(text: &[u8], out: &mut Vec<u8>) -> usize {
    let short = match text.get(1) {
        Some(b'/') => '/',
        Some(b'u') => {
            let Some((decoded, len)) = decode_unicode(text) else {
                out.extend_from_slice(&text[..2]);
                return 2;
            };
            write_escaped(decoded.encode_utf8(&mut [0; 4]), out);
            return len;
        }
        Some(&other) => {
            out.extend_from_slice(&[b'\\', other]);
            return 2;
        }
        None => {
            out.push(b'\\');
            return 1;
        }
    };
    write_escaped(short.encode_utf8(&mut [0; 4]), out);
    2
}

/// The character of a `\uXXXX` escape or surrogate pair, and the escape's length.
fn decode_unicode(text: &[u8]) -> Option<(char, usize)> {
    let unit = |from: usize| {
        let hex = text.get(from..from + 6)?.strip_prefix(b"\\u")?;
        if !hex.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
    };
    let first = unit(0)?;
    if let Some(decoded) = char::from_u32(u32::from(first)) {
        return Some((decoded, 6));
    }
    let decoded = char::decode_utf16([first, unit(6)?]).next()?.ok()?;
    Some((decoded, 12))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        let mut out = Vec::new();
        write_canonical(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn plain_text_is_recognised_across_blocks() {
        let long = format!("{{\"k\":\"{}\",\"b\":[1,2,3]}}", "words and blanks ".repeat(20));
        assert!(is_plain(long.as_bytes()));
        assert!(is_plain(b"{\"a b\":\"c d\"}"));
        assert!(is_plain(b"1"));
        for other in ["{ \"a\":1}", "[1,\n2]", r#"{"a":"\n"}"#, "[1, 2]"] {
            assert!(!is_plain(other.as_bytes()), "{other}");
        }
        for at in 0..130 {
            let mut text = format!("[{}]", "1,".repeat(80));
            text.insert(2 * (at / 2) + 1, ' ');
            assert!(!is_plain(text.as_bytes()), "blank at {at}");
        }
    }

    #[test]
    fn blanks_go_and_escapes_become_canonical() {
        assert_eq!(canonical(" { \"a\" : [ 1 , 2 ] } "), r#"{"a":[1,2]}"#);
        assert_eq!(
            canonical(r#""\/\u0041\u00e9\n\u000a\u001F\ud83d\ude00""#),
            "\"/Aé\\n\\n\\u001f😀\""
        );
        assert_eq!(canonical(r#""\u0022\u005c""#), r#""\"\\""#);
    }

    #[test]
    fn what_is_no_json_stays_no_json() {
        for (text, same) in [
            ("1 2", "1 2"),
            ("\"a\" \"b\"", "\"a\" \"b\""),
            ("tr ue", "tr ue"),
            (r#""\x""#, r#""\x""#),
            (r#""\ud800""#, r#""\ud800""#),
            (r#""\u+123""#, r#""\u+123""#),
            (r#""\u12"#, r#""\u12"#),
            ("\"open", "\"open"),
            ("\\", "\\"),
        ] {
            assert_eq!(canonical(text), same);
        }
    }
}
