//! URLs and Base64: strings as other strings.
//!
//! Both follow JavaScript, on whose functions the reference is built; strings here hold no lone
//! surrogates, hence encoding cannot fail.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};

use super::cast::quoted;
use super::{Code, Dialect, Thrown};

/// `$encodeUrl`: all but what has a meaning in a URL.
pub(super) fn encode_url(text: &str) -> String {
    encode(text, |byte| is_unreserved(byte) || RESERVED.contains(&byte))
}

/// `$encodeUrlComponent`: also what has a meaning in a URL.
pub(super) fn encode_url_component(text: &str) -> String {
    encode(text, is_unreserved)
}

/// `$decodeUrl`: escapes of what has a meaning in a URL stay.
pub(super) fn decode_url(text: &str) -> Result<String, Thrown> {
    decode(text, RESERVED).ok_or_else(|| malformed("decodeUrl", text))
}

/// `$decodeUrlComponent`
pub(super) fn decode_url_component(text: &str) -> Result<String, Thrown> {
    decode(text, b"").ok_or_else(|| malformed("decodeUrlComponent", text))
}

/// `$base64encode`. AWS encodes the UTF-8 of the text; the reference encodes the low byte of each
/// UTF-16 unit.
pub(super) fn base64_encode(text: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Aws => general_purpose::STANDARD.encode(text),
        Dialect::Full => {
            let bytes: Vec<u8> = text.encode_utf16().map(|unit| unit as u8).collect();
            general_purpose::STANDARD.encode(bytes)
        }
    }
}

/// `$base64decode`. AWS reads the bytes as UTF-8 and fails at what is no Base64 (as Java's decoder
/// does: padding may be left out); the reference skips that and takes each byte for a character.
///
/// # Errors
/// `Internal`, AWS only.
pub(super) fn base64_decode(text: &str, dialect: Dialect) -> Result<String, Thrown> {
    match dialect {
        Dialect::Aws => {
            let bytes =
                AS_JAVA.decode(text).map_err(|_| Thrown::new(Code::Internal).saying(NO_BASE64))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        Dialect::Full => Ok(decode_as_node(text)),
    }
}

fn decode_as_node(text: &str) -> String {
    let mut digits: Vec<u8> = text.bytes().take_while(|&byte| byte != b'=').collect();
    digits.retain_mut(|byte| {
        *byte = match *byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => byte,
        };
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
    });
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    // Only digits of the alphabet are left, and not a single one in the last group.
    let bytes = LENIENT.decode(digits).unwrap_or_default();
    bytes.into_iter().map(char::from).collect()
}

fn encode(text: &str, keeps: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if keeps(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}

/// `None` for a `%` without two hexadecimal digits, or bytes that are no UTF-8.
fn decode(text: &str, kept: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (digits, behind) = rest.split_first_chunk::<2>()?;
        let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
        let byte = (high? * 16 + low?) as u8;
        if kept.contains(&byte) {
            decoded.push(b'%');
            decoded.extend_from_slice(digits);
        } else {
            decoded.push(byte);
        }
        rest = behind;
    }
    String::from_utf8(decoded).ok()
}

fn malformed(function: &str, text: &str) -> Thrown {
    Thrown::new(Code::D3140).with("functionName", function).with("value", quoted(text))
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte)
}

const RESERVED: &[u8] = b";/?:@&=+$,#";

const NO_BASE64: &str = "internal error: the text is no Base64";

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// As `java.util.Base64`.
const AS_JAVA: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls_keep_what_has_a_meaning_in_them() {
        assert_eq!(encode_url("https://x/?a=ü b#%"), "https://x/?a=%C3%BC%20b#%25");
        assert_eq!(encode_url_component("?a=ü b~"), "%3Fa%3D%C3%BC%20b~");
    }

    #[test]
    fn decoding_a_url_keeps_escapes_that_have_a_meaning() {
        assert_eq!(decode_url("%3fx=%C3%bc%20").unwrap(), "%3fx=ü ");
        assert_eq!(decode_url_component("%3fx=%C3%bc%20").unwrap(), "?x=ü ");
    }

    #[track_caller]
    fn refuses(text: &str) {
        assert_eq!(decode_url(text).unwrap_err().code(), Code::D3140, "{text}");
        assert_eq!(decode_url_component(text).unwrap_err().code(), Code::D3140, "{text}");
    }

    #[test]
    fn malformed_escapes_are_refused() {
        refuses("%");
        refuses("%4");
        refuses("%4g");
        refuses("%é");
        refuses("%c3");
        refuses("%C0%80");
        refuses("%ED%A0%80");
        let message = decode_url("%%").unwrap_err().message();
        assert_eq!(message, r#"Malformed URL passed to $decodeUrl(): "%%""#);
    }

    #[test]
    fn base64_is_of_low_bytes_or_of_utf8() {
        assert_eq!(base64_encode("é€😀", Dialect::Full), "6aw9AA==");
        assert_eq!(base64_encode("é", Dialect::Aws), "w6k=");
        assert_eq!(base64_decode("6aw9AA==", Dialect::Full).unwrap(), "\u{e9}\u{ac}=\0");
        assert_eq!(base64_decode("w6k=", Dialect::Aws).unwrap(), "é");
    }

    #[test]
    fn base64_is_decoded_as_far_as_it_goes() {
        assert_eq!(base64_decode("YWI\n Y!", Dialect::Full).unwrap(), "ab\u{18}");
        assert_eq!(base64_decode("YWJjZ", Dialect::Full).unwrap(), "abc");
        assert_eq!(base64_decode("a-_/", Dialect::Full).unwrap(), "k\u{ef}\u{ff}");
        assert_eq!(base64_decode("YQ==YQ==", Dialect::Full).unwrap(), "a");
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(text: String) {
            prop_assert_eq!(decode_url_component(&encode_url_component(&text)), Ok(text.clone()));
            prop_assert_eq!(decode_url(&encode_url(&text)), Ok(text.clone()));
            let encoded = base64_encode(&text, Dialect::Aws);
            prop_assert_eq!(base64_decode(&encoded, Dialect::Aws), Ok(text));
        }

        #[test]
        fn any_text_is_decoded_or_refused(text in "[%0-9A-Fa-f=/+é]{0,12}") {
            let _ = decode_url(&text);
            let _ = base64_decode(&text, Dialect::Full);
            let _ = base64_decode(&text, Dialect::Aws);
        }
    }
}
