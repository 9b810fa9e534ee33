//! The place of a call in a distributed trace, as W3C's `traceparent` header writes it.
//!
//! It is taken from an event's headers and goes out with the calls of its execution; nothing here
//! makes or changes one. <https://www.w3.org/TR/trace-context/#traceparent-header>

/// A `traceparent`: trace, parent and flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace: [u8; 16],
    parent: [u8; 8],
    flags: u8,
}

impl TraceParent {
    /// Reads the value of a header; `None` when it is none, which the standard wants ignored.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let version = hex::<1>(text.get(..2)?)?[0];
        // Later versions may have more behind; ff is forbidden.
        let is_whole = match version {
            0 => text.len() == TEXT_BYTES,
            0xff => false,
            _ => text.len() == TEXT_BYTES || text.get(TEXT_BYTES) == Some(&b'-'),
        };
        let dashes = [2, 35, 52].iter().all(|at| text.get(*at) == Some(&b'-'));
        if !is_whole || !dashes {
            return None;
        }
        let trace = hex(text.get(3..35)?)?;
        let parent = hex(text.get(36..52)?)?;
        let [flags] = hex(text.get(53..55)?)?;
        let is_valid = trace != [0; 16] && parent != [0; 8];
        is_valid.then_some(Self { trace, parent, flags })
    }

    /// The value of a header, in version 00.
    pub fn to_text(self) -> [u8; TEXT_BYTES] {
        let mut text = [b'-'; TEXT_BYTES];
        text[..2].copy_from_slice(b"00");
        write_hex(&mut text[3..35], &self.trace);
        write_hex(&mut text[36..52], &self.parent);
        write_hex(&mut text[53..], &[self.flags & KNOWN_FLAGS]);
        text
    }
}

/// Lower-case digits only, as the standard has it.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

fn write_hex(text: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// Length of a value of version 00.
pub const TEXT_BYTES: usize = 55;
/// What version 00 and level 2 define: sampled, random.
const KNOWN_FLAGS: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_was_read_is_written() {
        let parsed = TraceParent::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(parsed.to_text(), EXAMPLE.as_bytes());
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = format!("cc{}", &EXAMPLE[2..53]);
        assert_eq!(TraceParent::parse(later.as_bytes()), None, "no flags");
        let later = format!("cc{}-what-else", &EXAMPLE[2..]);
        assert_eq!(TraceParent::parse(later.as_bytes()), TraceParent::parse(EXAMPLE.as_bytes()));
        let flags = EXAMPLE.replace("-01", "-ff");
        let written = TraceParent::parse(flags.as_bytes()).unwrap().to_text();
        assert!(written.ends_with(b"-03"));
    }

    #[test]
    fn what_is_none_is_ignored() {
        for text in [
            String::new(),
            "00".to_owned(),
            EXAMPLE.to_uppercase(),
            format!("{EXAMPLE}-x"),
            format!("{EXAMPLE}x"),
            EXAMPLE[..54].to_owned(),
            EXAMPLE.replace('-', "_"),
            EXAMPLE.replacen("00-", "ff-", 1),
            EXAMPLE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            EXAMPLE.replace("00f067aa0ba902b7", &"0".repeat(16)),
            "é".repeat(28),
        ] {
            assert_eq!(TraceParent::parse(text.as_bytes()), None, "{text}");
        }
    }
}
