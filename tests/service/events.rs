//! Events of the shipped `pass-choice` definition, good and bad, and what must become of each.

use std::fs;

use crate::config::shipped;

/// Events of one run. Kind and content follow from the number.
pub(crate) const COUNT: usize = 2_000;

/// One record to send.
pub(crate) struct Event {
    pub(crate) key: String,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(&'static str, Vec<u8>)>,
    pub(crate) fate: Fate,
}

/// What must become of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// A result with this value.
    Succeeds(String),
    /// A failure with this value.
    Fails(&'static str),
    /// A dead letter of this class.
    IsDead(&'static str),
    /// Nothing at all.
    IsSkipped,
}

/// Returns all events in the order in which they are sent.
pub(crate) fn all() -> Vec<Event> {
    let input = fs::read_to_string(shipped("pass-choice.input.json")).unwrap();
    let output = fs::read_to_string(shipped("pass-choice.expect.json")).unwrap();
    (0..COUNT).map(|number| event(number, input.trim(), output.trim())).collect()
}

fn event(number: usize, input: &str, output: &str) -> Event {
    let id = format!("ord-{number}");
    let good = input.replace(SHIPPED_ID, &id);
    let succeeds = Fate::Succeeds(output.replace(SHIPPED_ID, &id));
    let mut headers = vec![("trace", id.clone().into_bytes()), ("trace", b"twice".to_vec())];
    let (value, fate) = match number % 100 {
        1 => (br#"{"order": {"id": nope}}"#.to_vec(), Fate::IsDead("not-json")),
        2 => (b"{\"order\":\"\xff\xfe\"}".to_vec(), Fate::IsDead("not-json")),
        3 => (Vec::new(), Fate::IsDead("not-json")),
        // Few of them: a partition of the mock broker keeps 5 MiB.
        4 if number < 400 => {
            (format!("\"{}\"", "x".repeat(300 << 10)).into(), Fate::IsDead("too-large"))
        }
        5 => (("[".repeat(2_000) + &"]".repeat(2_000)).into(), Fate::IsDead("too-deep")),
        6 => {
            headers.push(("execution-name", b"no spaces, please*".to_vec()));
            (good.into(), Fate::IsDead("invalid-name"))
        }
        7 => {
            headers.push(("execution-name", format!("named-{number}").into()));
            (good.into(), succeeds)
        }
        // The last value counts, so the order that would be refused is none.
        8 => (good.replacen('{', r#"{"order":"none","order":{"total":1},"#, 1).into(), succeeds),
        9 => {
            return Event { key: id, value: None, headers, fate: Fate::IsSkipped };
        }
        10..20 => (good.replace(r#""normal""#, r#""critical""#).into(), Fate::Fails(REJECTED)),
        _ => (good.into(), succeeds),
    };
    Event { key: id, value: Some(value), headers, fate }
}

const SHIPPED_ID: &str = "ord-2026-11-22-000184467";
const REJECTED: &str = r#"{"error":"Order.Rejected","cause":"order rejected by rules"}"#;
