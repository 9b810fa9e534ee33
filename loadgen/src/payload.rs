//! The value of record number n: a template with holes, padded to a size, or malformed on purpose.
//!
//! Rendering is a function of the sequence number alone, so the checker can render what it
//! expects instead of remembering what was sent.

use crate::plan::{Plan, mix};
use crate::stamp::ProducerId;

/// Renders record values of one run.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    template: Template,
    size_bytes: usize,
    plan: Plan,
    producer: ProducerId,
}

impl Payload {
    /// Values from `template`, padded to at least `size_bytes`.
    pub(crate) fn new(
        template: Template,
        size_bytes: usize,
        plan: Plan,
        producer: ProducerId,
    ) -> Self {
        Self {
            template,
            size_bytes,
            plan,
            producer,
        }
    }

    /// Replaces `out` by the value of record `sequence`.
    pub(crate) fn render(&self, sequence: u64, out: &mut Vec<u8>) {
        out.clear();
        if self.plan.is_poison(sequence) {
            self.render_poison(sequence, out);
            return;
        }
        self.render_template(&self.template, sequence, out);
        // A template without a padding hole is padded where JSON does not mind.
        if out.len() < self.size_bytes {
            out.resize(self.size_bytes, b' ');
        }
    }

    /// Appends `template` with the holes filled as for record `sequence`.
    pub(crate) fn render_template(&self, template: &Template, sequence: u64, out: &mut Vec<u8>) {
        for segment in &template.segments {
            match segment {
                Segment::Literal(text) => out.extend_from_slice(text),
                Segment::Hole(hole) => self.fill(*hole, sequence, out),
            }
        }
    }

    /// An object that is never closed: no parser takes it, and its sequence is still readable.
    fn render_poison(&self, sequence: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"poison":"#);
        push_decimal(sequence, out);
        out.push(b',');
        if out.len() < self.size_bytes {
            out.resize(self.size_bytes, b'x');
        }
    }

    fn fill(&self, hole: Hole, sequence: u64, out: &mut Vec<u8>) {
        match hole {
            Hole::Sequence => push_decimal(sequence, out),
            Hole::Key => {
                if let Some(key) = self.plan.key(sequence) {
                    out.extend_from_slice(key.as_bytes());
                }
            }
            Hole::Producer => out.extend_from_slice(self.producer.as_str().as_bytes()),
            Hole::DueMs => push_decimal(self.plan.due_ns(sequence) / 1_000_000, out),
            Hole::Padding => self.pad(sequence, out),
        }
    }

    fn pad(&self, sequence: u64, out: &mut Vec<u8>) {
        let mut state = mix(sequence);
        let end = out.len() + self.padding_bytes(sequence);
        while out.len() < end {
            state = mix(state);
            for byte in state.to_le_bytes().into_iter().take(end - out.len()) {
                out.push(PADDING_ALPHABET[usize::from(byte) % PADDING_ALPHABET.len()]);
            }
        }
    }

    /// Returns the length of each padding hole of record `sequence`.
    fn padding_bytes(&self, sequence: u64) -> usize {
        let mut rest = 0;
        let mut holes = 0;
        for segment in &self.template.segments {
            match segment {
                Segment::Literal(text) => rest += text.len(),
                Segment::Hole(Hole::Sequence) => rest += decimal_width(sequence),
                Segment::Hole(Hole::Key) => {
                    rest += self
                        .plan
                        .key(sequence)
                        .map_or(0, |key| key.as_bytes().len());
                }
                Segment::Hole(Hole::Producer) => rest += self.producer.as_str().len(),
                Segment::Hole(Hole::DueMs) => {
                    rest += decimal_width(self.plan.due_ns(sequence) / 1_000_000);
                }
                Segment::Hole(Hole::Padding) => holes += 1,
            }
        }
        self.size_bytes
            .saturating_sub(rest)
            .checked_div(holes)
            .unwrap_or(0)
    }
}

/// Text cut at its holes. A name in double braces that is not a hole stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(Vec<u8>),
    Hole(Hole),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hole {
    Sequence,
    Key,
    Producer,
    DueMs,
    Padding,
}

impl Template {
    /// Cuts `text` at its holes.
    pub(crate) fn parse(text: &str) -> Self {
        let mut segments = Vec::new();
        let mut literal_start = 0;
        let mut search = 0;
        while let Some(open) = text[search..].find("{{").map(|at| at + search) {
            let hole = HOLES
                .iter()
                .find(|(name, _)| text[open..].starts_with(name));
            let Some((name, hole)) = hole else {
                search = open + 1;
                continue;
            };
            if literal_start < open {
                segments.push(Segment::Literal(text[literal_start..open].into()));
            }
            segments.push(Segment::Hole(*hole));
            literal_start = open + name.len();
            search = literal_start;
        }
        if literal_start < text.len() {
            segments.push(Segment::Literal(text[literal_start..].into()));
        }
        Self { segments }
    }

    /// Returns the text of a template without holes.
    pub(crate) fn constant(&self) -> Option<&[u8]> {
        match self.segments.as_slice() {
            [Segment::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

/// What is sent when no `--payload` is given.
pub(crate) const DEFAULT_TEMPLATE: &str =
    r#"{"sequence":{{sequence}},"producer":"{{producer}}","padding":"{{padding}}"}"#;

fn push_decimal(value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    crate::plan::write_decimal(value, &mut digits);
    out.extend_from_slice(&digits[20 - decimal_width(value)..]);
}

fn decimal_width(value: u64) -> usize {
    value
        .checked_ilog10()
        .map_or(1, |digits| digits as usize + 1)
}

const HOLES: [(&str, Hole); 5] = [
    ("{{sequence}}", Hole::Sequence),
    ("{{key}}", Hole::Key),
    ("{{producer}}", Hole::Producer),
    ("{{due_ms}}", Hole::DueMs),
    ("{{padding}}", Hole::Padding),
];

/// Sixteen letters, so that a byte maps evenly and text compresses about two to one.
const PADDING_ALPHABET: &[u8; 16] = b"etaoinshrdlucmfw";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::poison_threshold;

    fn payload(template: &str, size_bytes: usize, poison_share: f64) -> Payload {
        let plan = Plan {
            rate: "1000".parse().unwrap(),
            count: 1_000,
            stop_after_ns: None,
            warmup_ns: 0,
            keys: 10,
            poison_below: poison_threshold(poison_share),
            start_ns: 1_000_000_000,
        };
        let producer = ProducerId::from_number(7);
        Payload::new(Template::parse(template), size_bytes, plan, producer)
    }

    fn render(payload: &Payload, sequence: u64) -> String {
        let mut out = Vec::new();
        payload.render(sequence, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn holes_are_filled_and_other_braces_left_alone() {
        let template = r#"{"n":{{sequence}},"k":"{{key}}","p":"{{producer}}","t":{{due_ms}},"x":"{{{other}}"}"#;
        assert_eq!(
            render(&payload(template, 0, 0.0), 123),
            r#"{"n":123,"k":"key-0000000003","p":"0000000000000007","t":1123,"x":"{{{other}}"}"#
        );
    }

    #[test]
    fn the_default_value_is_json_of_the_asked_size() {
        let payload = payload(DEFAULT_TEMPLATE, 256, 0.0);
        for sequence in [0, 9, 10, 999] {
            let value = render(&payload, sequence);
            assert_eq!(value.len(), 256);
            let parsed: serde_json::Value = serde_json::from_str(&value).unwrap();
            assert_eq!(parsed["sequence"], sequence);
        }
        assert_ne!(render(&payload, 1)[60..], render(&payload, 2)[60..]);
        assert_eq!(render(&payload, 1), render(&payload, 1));
    }

    #[test]
    fn a_template_without_padding_hole_is_padded_with_spaces() {
        let value = render(&payload("[1]", 10, 0.0), 0);
        assert_eq!(value, "[1]       ");
        assert_eq!(render(&payload("[1]", 0, 0.0), 0), "[1]");
    }

    #[test]
    fn poison_is_never_json() {
        let payload = payload(DEFAULT_TEMPLATE, 64, 1.0);
        for sequence in 0..100 {
            let value = render(&payload, sequence);
            assert_eq!(value.len(), 64);
            assert!(serde_json::from_str::<serde_json::Value>(&value).is_err());
        }
    }

    #[test]
    fn only_a_template_without_holes_is_constant() {
        assert_eq!(Template::parse("[1]").constant(), Some(&b"[1]"[..]));
        assert_eq!(Template::parse("[{{sequence}}]").constant(), None);
    }
}
