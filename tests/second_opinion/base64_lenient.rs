//! Base64 as Java's MIME coder has it: what is not in the alphabet is passed over.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn encode(data: &[u8]) -> String {
    let mut text = String::new();
    for chunk in data.chunks(3) {
        let bits = (0..3)
            .fold(0_usize, |bits, at| bits << 8 | usize::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let letter = ALPHABET[bits >> (18 - 6 * at) & 63];
            text.push(if at <= chunk.len() { letter as char } else { '=' });
        }
    }
    text
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    let digits: Vec<usize> = text
        .bytes()
        .take_while(|byte| *byte != b'=')
        .filter_map(|byte| ALPHABET.iter().position(|letter| *letter == byte))
        .collect();
    let mut data = Vec::new();
    for chunk in digits.chunks(4) {
        let bits = (0..4).fold(0, |bits, at| bits << 6 | chunk.get(at).copied().unwrap_or(0));
        data.extend((0..chunk.len() - 1).map(|at| (bits >> (16 - 8 * at)) as u8));
    }
    data
}

#[test]
fn there_and_back() {
    for text in ["", "a", "ab", "abc", "Hello World"] {
        assert_eq!(decode(&encode(text.as_bytes())), text.as_bytes());
    }
    assert_eq!(encode(b"Data to encode"), "RGF0YSB0byBlbmNvZGU=");
}
