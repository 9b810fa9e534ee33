//! The value of event number n: a template with holes, padded to a size, or malformed on purpose.
//!
//! Rendering is a function of the sequence number and the due time, both of which an event
//! carries, so the checker can render what it expects instead of remembering what was sent.

use std::sync::Arc;

use crate::fields::{Field, write_letters};
use crate::plan::{Plan, PoisonKind};
use crate::random::{Draws, Topic};
use crate::stamp::{ProducerId, Stamp};
use crate::template::{Hole, Template};

/// How large values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Fewest bytes.
    pub(crate) min: u32,
    /// Most bytes; every size in between is equally likely.
    pub(crate) max: u32,
}

/// Renders the values of one run.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    template: Arc<Template>,
    fields: Arc<[Field]>,
    size: Size,
    plan: Plan,
    producer: ProducerId,
}

impl Payload {
    /// Values from `template`, whose fields are drawn as `fields` say, padded to at least `size`.
    pub(crate) fn new(
        template: Template,
        fields: &[Field],
        size: Size,
        plan: Plan,
        producer: ProducerId,
    ) -> Self {
        Self { template: Arc::new(template), fields: fields.into(), size, plan, producer }
    }

    /// Replaces `out` by the value of the event with this stamp.
    pub(crate) fn render(&self, stamp: Stamp, out: &mut Vec<u8>) {
        out.clear();
        let size_bytes = self.size_bytes(stamp.sequence);
        match self.plan.poison(stamp.sequence) {
            Some(kind) => render_poison(kind, stamp, size_bytes, out),
            None => self.render_sound(stamp, size_bytes, out),
        }
    }

    /// Appends `template`, which may ask for the payload's own padding, with its holes filled.
    pub(crate) fn render_template(&self, template: &Template, stamp: Stamp, out: &mut Vec<u8>) {
        let padding_bytes =
            if template.padding_holes() == 0 { 0 } else { self.padding_bytes(stamp, out) };
        self.fill(template, stamp, padding_bytes, out);
    }

    fn render_sound(&self, stamp: Stamp, size_bytes: usize, out: &mut Vec<u8>) {
        self.fill(&self.template, stamp, 0, out);
        let missing = size_bytes.saturating_sub(out.len());
        match self.template.padding_holes() {
            _ if missing == 0 => {}
            // Where JSON does not mind.
            0 => out.resize(size_bytes, b' '),
            holes => {
                out.clear();
                self.fill(&self.template, stamp, missing / holes, out);
            }
        }
    }

    /// Returns the length of each padding hole of the event, whoever asks; `out` keeps its content.
    fn padding_bytes(&self, stamp: Stamp, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        self.fill(&self.template, stamp, 0, out);
        let bare = out.len() - start;
        out.truncate(start);
        let missing = self.size_bytes(stamp.sequence).saturating_sub(bare);
        missing.checked_div(self.template.padding_holes()).unwrap_or(0)
    }

    fn size_bytes(&self, sequence: u64) -> usize {
        let Size { min, max } = self.size;
        if min >= max {
            return min as usize;
        }
        let mut draws = Draws::new(self.plan.seed, Topic::Size as u64, sequence);
        draws.between(i64::from(min), i64::from(max)) as usize
    }

    fn fill(&self, template: &Template, stamp: Stamp, padding_bytes: usize, out: &mut Vec<u8>) {
        for (text, hole) in template.parts() {
            out.extend_from_slice(text);
            self.fill_hole(hole, stamp, padding_bytes, out);
        }
        out.extend_from_slice(template.tail());
    }

    fn fill_hole(&self, hole: Hole, stamp: Stamp, padding_bytes: usize, out: &mut Vec<u8>) {
        let Stamp { sequence, due_ns } = stamp;
        match hole {
            Hole::Sequence => push_decimal(sequence, out),
            Hole::Key => {
                if let Some(key) = self.plan.key(sequence) {
                    out.extend_from_slice(key.as_bytes());
                }
            }
            Hole::Producer => out.extend_from_slice(self.producer.as_str().as_bytes()),
            Hole::DueMs => push_decimal(due_ns / 1_000_000, out),
            Hole::DueTime => push_date_time(due_ns / 1_000_000, out),
            Hole::Padding => {
                let mut draws = Draws::new(self.plan.seed, Topic::Padding as u64, sequence);
                write_letters(&mut draws, padding_bytes, out);
            }
            Hole::Field(number) => {
                let topic = Topic::Field as u64 + u64::from(number);
                let mut draws = Draws::new(self.plan.seed, topic, sequence);
                if let Some(field) = self.fields.get(usize::from(number)) {
                    field.write(&mut draws, out);
                }
            }
        }
    }
}

/// Something that no parser takes, or nobody should; its sequence is still readable in it.
fn render_poison(kind: PoisonKind, stamp: Stamp, size_bytes: usize, out: &mut Vec<u8>) {
    let (start, filler, end): (&[u8], u8, &[u8]) = match kind {
        PoisonKind::Truncated => (br#"{"poison":"#, b'x', b""),
        PoisonKind::Text => (b"poison number ", b'x', b""),
        PoisonKind::Binary => (b"\xff\xfe\x00poison", b'\xfe', b""),
        PoisonKind::Oversize => (br#"{"poison":"#, b' ', b"}"),
    };
    out.extend_from_slice(start);
    push_decimal(stamp.sequence, out);
    if kind == PoisonKind::Truncated {
        out.push(b',');
    }
    let size_bytes =
        if kind == PoisonKind::Oversize { size_bytes.max(OVERSIZE) } else { size_bytes };
    if out.len() + end.len() < size_bytes {
        out.resize(size_bytes - end.len(), filler);
    }
    out.extend_from_slice(end);
}

fn push_decimal(value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    crate::keys::write_decimal(value, &mut digits);
    let width = value.checked_ilog10().map_or(1, |digits| digits as usize + 1);
    out.extend_from_slice(&digits[20 - width..]);
}

/// Returns milliseconds since the epoch as RFC 3339 in UTC.
pub(crate) fn date_time(ms: u64) -> String {
    let mut text = Vec::new();
    push_date_time(ms, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Appends milliseconds since the epoch as RFC 3339 in UTC.
fn push_date_time(ms: u64, out: &mut Vec<u8>) {
    let (seconds, millis) = (ms / 1_000, ms % 1_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days to a date in the proleptic Gregorian calendar, years beginning in March: the leap day
    // is then the last of its year (Hinnant, "chrono-compatible low-level date algorithms").
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    for (value, digits) in [
        (year, 0..4),
        (month, 5..7),
        (day, 8..10),
        (second / 3_600, 11..13),
        (second / 60 % 60, 14..16),
        (second % 60, 17..19),
        (millis, 20..23),
    ] {
        crate::keys::write_decimal(value, &mut text[digits]);
    }
    out.extend_from_slice(&text);
}

/// Just above the 256 KiB that an execution's input may have.
const OVERSIZE: usize = 256 * 1024 + 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Distribution, Keys};
    use crate::plan::Poison;

    fn payload(template: &str, size: u32) -> Payload {
        with_plan(template, size, |_| {})
    }

    fn with_plan(template: &str, size: u32, change: impl FnOnce(&mut Plan)) -> Payload {
        let mut plan = Plan { start_ns: 1_000_000_000, ..Plan::for_tests(1_000.0, 1_000) };
        plan.keys = Keys::new(Distribution::RoundRobin, 10, 1.0, 0);
        change(&mut plan);
        let template = Template::parse(template, &["amount", "word"]);
        let fields = [Field::Integer { min: 1, max: 9 }, Field::Text { min: 0, max: 90 }];
        let producer = ProducerId::from_number(7);
        Payload::new(template, &fields, Size { min: size, max: size }, plan, producer)
    }

    fn render(payload: &Payload, sequence: u64) -> String {
        let mut out = Vec::new();
        let due_ns = 1_000_000_000 + sequence * 1_000_000;
        payload.render(Stamp { sequence, due_ns }, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn holes_are_filled_and_other_braces_left_alone() {
        let template = r#"{"n":{{sequence}},"k":"{{key}}","p":"{{producer}}","t":{{due_ms}},"x":"{{{other}}"}"#;
        assert_eq!(
            render(&payload(template, 0), 123),
            r#"{"n":123,"k":"key-0000000003","p":"0000000000000007","t":1123,"x":"{{{other}}"}"#
        );
    }

    #[test]
    fn fields_are_drawn_by_sequence_and_the_same_wherever_they_stand() {
        let payload = payload(r#"[{{amount}},{{amount}},"{{word}}"]"#, 0);
        let values: Vec<String> = (0..50).map(|sequence| render(&payload, sequence)).collect();
        for value in &values {
            let parsed: serde_json::Value = serde_json::from_str(value).unwrap();
            assert_eq!(parsed[0], parsed[1]);
        }
        assert!(values.iter().any(|value| *value != values[0]));
        assert_eq!(render(&payload, 3), values[3]);
    }

    #[test]
    fn the_seed_changes_what_is_drawn() {
        let template = r#"["{{word}}","{{padding}}"]"#;
        let other = with_plan(template, 64, |plan| plan.seed = 1);
        assert_ne!(render(&payload(template, 64), 5), render(&other, 5));
    }

    #[test]
    fn the_default_value_is_json_of_the_asked_size() {
        let payload = payload(crate::template::DEFAULT, 256);
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
    fn several_padding_holes_share_what_is_missing() {
        let value = render(&payload(r#"["{{padding}}","{{padding}}"]"#, 107), 0);
        let parsed: Vec<String> = serde_json::from_str(&value).unwrap();
        assert_eq!((parsed[0].len(), parsed[1].len()), (50, 50));
    }

    #[test]
    fn sizes_are_spread_over_their_range() {
        let mut payload = payload(crate::template::DEFAULT, 0);
        payload.size = Size { min: 200, max: 1_000 };
        let sizes: Vec<usize> = (0..2_000).map(|at| render(&payload, at).len()).collect();
        assert!(sizes.iter().all(|size| (200..=1_000).contains(size)));
        assert!(sizes.iter().any(|size| *size < 220) && sizes.iter().any(|size| *size > 980));
    }

    #[test]
    fn a_template_without_padding_hole_is_padded_with_spaces() {
        let value = render(&payload("[1]", 10), 0);
        assert_eq!(value, "[1]       ");
        assert_eq!(render(&payload("[1]", 0), 0), "[1]");
    }

    #[test]
    fn an_expectation_gets_the_padding_of_its_event() {
        let payload = payload(r#"{"long name":"{{padding}}"}"#, 100);
        let stamp = Stamp { sequence: 9, due_ns: 0 };
        let mut sent = Vec::new();
        payload.render(stamp, &mut sent);
        let sent: serde_json::Value = serde_json::from_slice(&sent).unwrap();
        let mut expected = Vec::new();
        payload.render_template(&Template::parse("{{padding}}", &[]), stamp, &mut expected);
        assert_eq!(sent["long name"], String::from_utf8(expected).unwrap());
    }

    #[test]
    fn poison_is_never_an_event() {
        for (kind, size) in [
            (PoisonKind::Truncated, 64),
            (PoisonKind::Text, 64),
            (PoisonKind::Binary, 64),
            (PoisonKind::Oversize, OVERSIZE),
        ] {
            let payload = with_plan(crate::template::DEFAULT, 64, |plan| {
                plan.poison = Poison::new(1.0, &[kind]);
            });
            let mut value = Vec::new();
            payload.render(Stamp { sequence: 77, due_ns: 0 }, &mut value);
            assert_eq!(value.len(), size, "{kind:?}");
            let is_json = serde_json::from_slice::<serde_json::Value>(&value).is_ok();
            assert_eq!(is_json, kind == PoisonKind::Oversize, "{kind:?}");
            assert!(value.windows(2).any(|pair| pair == b"77"));
        }
    }

    #[test]
    fn due_times_are_written_as_dates() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_827_696_789, "2000-02-29T12:34:56.789Z"),
            (1_735_689_599_999, "2024-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(date_time(ms), text);
        }
    }
}
