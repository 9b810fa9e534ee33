//! JSON strings as text: which bytes need an escape, and the escapes we write.
//!
//! The canonical form: `\"` `\\` `\b` `\f` `\n` `\r` `\t`, other control characters as `\u00xx`,
//! everything else as the UTF-8 it is.

/// Bytes of `text` as a JSON string, quotes included.
pub fn escaped_len(text: &str) -> usize {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let plain = words.iter().all(|word| is_plain_word(u64::from_le_bytes(*word)))
        && rest.iter().all(|byte| EXTRA[usize::from(*byte)] == 0);
    if plain {
        return text.len() + 2;
    }
    let extra: usize = text.bytes().map(|byte| usize::from(EXTRA[usize::from(byte)])).sum();
    text.len() + extra + 2
}

/// Whether none of eight bytes needs an escape.
#[inline]
fn is_plain_word(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // The high bit of each byte that is below `bound`, and perhaps of one above such a byte.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
    let quotes = below(word ^ (ONES * u64::from(b'"')), 1);
    let backslashes = below(word ^ (ONES * u64::from(b'\\')), 1);
    (below(word, 0x20) | quotes | backslashes) & HIGH == 0
}

/// Appends `text` as a JSON string, with quotes.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

/// Appends `text` with escapes and without quotes.
pub(in crate::value) fn write_escaped(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut clean_from = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        if EXTRA[usize::from(byte)] != 0 {
            out.extend_from_slice(&bytes[clean_from..index]);
            write_escape(byte, out);
            clean_from = index + 1;
        }
    }
    out.extend_from_slice(&bytes[clean_from..]);
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let [high, low] = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Bytes that an escape adds to each byte: 0 none, 1 `\n`, 5 `\u00xx`.
const EXTRA: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = 5;
        byte += 1;
    }
    table[0x08] = 1;
    table[b'\t' as usize] = 1;
    table[b'\n' as usize] = 1;
    table[0x0c] = 1;
    table[b'\r' as usize] = 1;
    table[b'"' as usize] = 1;
    table[b'\\' as usize] = 1;
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_canonical_and_their_length_is_known() {
        for (text, json) in [
            ("", "\"\""),
            ("plain", "\"plain\""),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("\n\t\u{8}\u{c}\r", r#""\n\t\b\f\r""#),
            ("\u{1}\u{1f}\u{7f}", "\"\\u0001\\u001f\u{7f}\""),
            ("é\u{2028}", "\"é\u{2028}\""),
        ] {
            let mut out = Vec::new();
            write_string(text, &mut out);
            assert_eq!(out, json.as_bytes());
            assert_eq!(escaped_len(text), json.len());
        }
    }
}
