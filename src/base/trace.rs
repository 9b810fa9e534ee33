//! Where an execution stands in a distributed trace, as W3C's headers `traceparent` and `tracestate`
//! write it. <https://www.w3.org/TR/trace-context/>
//!
//! Both are taken from an event's headers and go out with the calls of its execution. Where its spans
//! are recorded, each call goes out under a span of its own; the ids of spans follow from the
//! execution's, so that one that runs again after a crash tells the same spans again. Who writes them
//! down, and in which form, is not known here.

use super::ids::ExecutionSuffix;

/// A `traceparent`: trace, parent and flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace: [u8; 16],
    parent: [u8; 8],
    flags: u8,
}

impl TraceParent {
    /// The first place of a trace that is recorded.
    pub fn sampled(trace: [u8; 16], span: [u8; 8]) -> Self {
        Self { trace, parent: span, flags: SAMPLED }
    }

    /// Another place of the same trace.
    #[must_use]
    pub fn at(self, span: [u8; 8]) -> Self {
        Self { parent: span, ..self }
    }

    /// The trace's id.
    pub fn trace_id(self) -> [u8; 16] {
        self.trace
    }

    /// The span's id: to whoever is called, its parent.
    pub fn span_id(self) -> [u8; 8] {
        self.parent
    }

    /// Whether whoever came before records the trace.
    pub fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The flags that version 00 and level 2 define.
    pub fn flags(self) -> u8 {
        self.flags & KNOWN_FLAGS
    }

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

/// Where one execution stands in a distributed trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// As the event's header says.
    pub parent: Option<TraceParent>,
    /// The list that goes along with it, passed on as it is; never without a parent.
    pub state: Option<Box<str>>,
    /// Whether the execution's own spans are recorded.
    pub recorded: bool,
}

/// No trace at all.
pub static NO_TRACE: Trace = Trace { parent: None, state: None, recorded: false };

impl Trace {
    /// The execution's own span, where its spans are recorded. A trace that begins here has the
    /// execution's suffix as its id: the end of its ARN.
    pub fn own(&self, suffix: ExecutionSuffix) -> Option<TraceParent> {
        let own = span_id(suffix, 0);
        let start = || TraceParent::sampled(suffix.0, own);
        self.recorded.then(|| self.parent.map_or_else(start, |parent| parent.at(own)))
    }

    /// What a call goes out under; `event` numbers the call in the execution's history, 0 where that
    /// does not tell of it.
    pub fn of_call(&self, suffix: ExecutionSuffix, event: u32) -> Option<TraceParent> {
        let own = self.own(suffix).map(|own| own.at(span_id(suffix, event)));
        own.or(self.parent)
    }
}

/// The id of a span of an execution: 0 is its own, others are by the number of the event in its
/// history that begins them. Never zero, and never the same for two events of one execution.
pub fn span_id(suffix: ExecutionSuffix, event: u32) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = suffix.0;
    // The finalizer of SplitMix64, which is one to one.
    let step = (u64::from(event) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut id = u64::from_be_bytes([a, b, c, d, e, f, g, h]).wrapping_add(step);
    id = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    id = (id ^ (id >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    id ^= id >> 31;
    // All zeros is no id; this happens to one event in 2^64.
    if id == 0 { [0xff; 8] } else { id.to_be_bytes() }
}

/// Reads the value of a `tracestate` header: printable, and no longer than everyone has to pass on;
/// what is beyond that goes, whole entries at a time. `None` when nothing is left.
pub fn tracestate(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok()?;
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return None;
    }
    let kept = match text.get(..=TRACESTATE_BYTES_MAX) {
        Some(head) => head.rsplit_once(',').map_or("", |(kept, _)| kept),
        None => text,
    };
    Some(kept.trim()).filter(|kept| !kept.is_empty())
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
const SAMPLED: u8 = 1;
/// W3C: everyone should pass on at least this much of a `tracestate`.
pub const TRACESTATE_BYTES_MAX: usize = 512;
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

    const SUFFIX: ExecutionSuffix = ExecutionSuffix([0xab; 16]);

    #[test]
    fn a_call_goes_out_under_its_own_span_where_spans_are_recorded() {
        let parent = TraceParent::parse(EXAMPLE.as_bytes());
        let passed = Trace { parent, ..Trace::default() };
        assert_eq!((passed.own(SUFFIX), passed.of_call(SUFFIX, 7)), (None, parent));
        assert_eq!(NO_TRACE.of_call(SUFFIX, 7), None);

        let recorded = Trace { recorded: true, ..passed };
        let call = recorded.of_call(SUFFIX, 7).unwrap();
        assert_eq!(call.trace_id(), parent.unwrap().trace_id());
        assert_eq!((call.span_id(), call.is_sampled()), (span_id(SUFFIX, 7), true));
        assert_eq!(recorded.of_call(SUFFIX, 0), recorded.own(SUFFIX));

        let first = Trace { parent: None, ..recorded }.own(SUFFIX).unwrap();
        let text = String::from_utf8(first.to_text().to_vec()).unwrap();
        assert_eq!(text[..36], format!("00-{}-", SUFFIX.to_string().replace('-', "")));
        assert!(text.ends_with("-01"), "{text}");
    }

    #[test]
    fn span_ids_differ_and_stay_as_they_are() {
        let ids: std::collections::BTreeSet<_> =
            (0..10_000).map(|event| span_id(SUFFIX, event)).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(!ids.contains(&[0; 8]));
        let written = u64::from_be_bytes(span_id(SUFFIX, 1));
        assert_eq!(format!("{written:016x}"), "16753b8f66b3ed0c");
        let other = ExecutionSuffix([0xac; 16]);
        assert_ne!(span_id(other, 1), span_id(SUFFIX, 1));
    }

    #[test]
    fn a_state_is_cut_between_its_entries() {
        assert_eq!(tracestate(b" vendor=1,other=x:y "), Some("vendor=1,other=x:y"));
        let entry = format!("a={}", "x".repeat(254));
        let long = [entry.as_str(); 3].join(",");
        assert_eq!(tracestate(long.as_bytes()), Some(&long[..256]), "two would be 513");
        let fits = format!("{},b={}", entry, "x".repeat(253));
        assert_eq!((fits.len(), tracestate(fits.as_bytes())), (512, Some(fits.as_str())));
        let more = format!("{fits},c=1");
        assert_eq!(tracestate(more.as_bytes()), Some(fits.as_str()));
        assert_eq!(tracestate("x".repeat(600).as_bytes()), None);
        for none in [&b""[..], b"  ", b"a=\xff", b"a=\n", "a=\u{e9}".as_bytes()] {
            assert_eq!(tracestate(none), None);
        }
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
