//! Base64 and hashes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{Failure, Outcome, exactly, printed, string};
use crate::expr::Evaluation;
use crate::expr::intrinsic::Function;
use crate::value::Value;

/// AWS: developer guide, "States.Base64Encode", "States.Hash"; counted as Java counts.
const CHARS_MAX: usize = 10_000;

/// `States.Base64Encode(data)`
pub(super) fn base64_encode(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::Base64Encode;
    let [data] = exactly(function, arguments)?;
    let data = short(function, string(function, evaluation.heap, data)?)?;
    let text = STANDARD.encode(data);
    Ok(evaluation.heap.string(evaluation.arena, &text)?)
}

/// `States.Base64Decode(data)`
pub(super) fn base64_decode(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::Base64Decode;
    let [data] = exactly(function, arguments)?;
    let bytes = decode(short(function, string(function, evaluation.heap, data)?)?);
    let text = String::from_utf8_lossy(&bytes);
    Ok(evaluation.heap.string(evaluation.arena, &text)?)
}

/// `States.Hash(data, algorithm)`: what is no string is hashed as what it prints as.
pub(super) fn hash(arguments: &[Value], evaluation: &mut Evaluation<'_>) -> Outcome {
    let function = Function::Hash;
    let [data, algorithm] = exactly(function, arguments)?;
    let algorithm = string(function, evaluation.heap, algorithm)?;
    let data = printed(evaluation.heap, data)?;
    let data = short(function, &data)?.as_bytes();
    let Some(text) = digest(data, algorithm) else {
        return Err(Failure::Arguments(function, ""));
    };
    Ok(evaluation.heap.string(evaluation.arena, &text)?)
}

/// The hash of `data` in lower-case hexadecimal, by AWS's names of the algorithms.
pub(in crate::expr) fn digest(data: &[u8], algorithm: &str) -> Option<String> {
    Some(match algorithm {
        "MD5" => hex(&Md5::digest(data)),
        "SHA-1" => hex(&Sha1::digest(data)),
        "SHA-256" => hex(&Sha256::digest(data)),
        "SHA-384" => hex(&Sha384::digest(data)),
        "SHA-512" => hex(&Sha512::digest(data)),
        _ => return None,
    })
}

fn short(function: Function, text: &str) -> Result<&str, Failure> {
    // Bytes first: no text has more characters than bytes.
    if text.len() > CHARS_MAX && text.encode_utf16().count() > CHARS_MAX {
        return Err(Failure::Arguments(function, ""));
    }
    Ok(text)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .collect()
}

/// Decodes as leniently as AWS does: both alphabets, other characters passed over, the first `=`
/// ends it, and bits that make no whole byte are dropped (recorded: `abc`, `ab==cd`,
/// `!!!invalid!!!` and blanks are all accepted).
fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let sextet = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => continue,
        };
        bits = bits << 6 | u32::from(sextet);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decoder_is_lenient() {
        for (text, expected) in [
            ("", &b""[..]),
            ("YWJjZA==", b"abcd"),
            (" YWJj\r\nZA== ", b"abcd"),
            ("abc", b"i\xb7"),
            ("ab==cd", b"i"),
            ("a", b""),
            ("====", b""),
            ("!!!invalid!!!", b"\x8a{\xda\x96'"),
            ("-_8=", b"\xfb\xff"),
            ("+/8=", b"\xfb\xff"),
            ("YéWJj", b"abc"),
        ] {
            assert_eq!(decode(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_again() {
        for len in 0..70_u8 {
            let bytes: Vec<u8> = (0..len).map(|byte| byte.wrapping_mul(37)).collect();
            assert_eq!(decode(&STANDARD.encode(&bytes)), bytes);
        }
    }
}
