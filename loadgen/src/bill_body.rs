//! Whether a billing record is that of one execution, and agrees with its key and with itself, in
//! either mode of CloudEvents.

use serde::Deserialize;

/// A billing CloudEvent in structured mode, as far as the checker looks at it.
#[derive(Deserialize)]
struct Structured {
    specversion: String,
    id: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    billed_duration_ms: u64,
    billed_memory_mb: u64,
    gb_seconds: String,
    status: String,
}

/// What is known of an event that is not the bill of one execution.
#[derive(Deserialize)]
struct Typed {
    r#type: String,
}

/// What a billing record turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BillBody {
    /// The bill of one execution, without a contradiction.
    Sound,
    /// A sum over many executions, as its type says: no result has it for its bill.
    Sums,
    /// Neither.
    Malformed,
}

/// Looks into a record: it is sound as a CloudEvent 1.0 with its `key` as id, durations in whole
/// 100 ms, memory in whole 64 MB, and exactly the GB-seconds that follow from both.
///
/// In binary mode (Kafka protocol binding for CloudEvents 1.0, §3.2) the attributes are headers
/// that begin with `ce_`, and the value is the data alone.
pub(crate) fn look<'a>(
    key: &[u8],
    value: &[u8],
    headers: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
) -> BillBody {
    let (mut specversion, mut id, mut event_type) = (None, None, None);
    for (name, content) in headers {
        match name {
            b"ce_specversion" => specversion = specversion.or(content),
            b"ce_id" => id = id.or(content),
            b"ce_type" => event_type = event_type.or(content),
            _ => {}
        }
    }
    // The binding tells the modes apart by the content type; producers that leave it out are
    // understood as well when they send the attribute that no event may be without.
    if let Some(specversion) = specversion {
        let is_sound = specversion == b"1.0"
            && id == Some(key)
            && serde_json::from_slice(value).is_ok_and(|data: Data| data.is_sound());
        return BillBody::new(is_sound, || event_type.is_some_and(is_of_sums));
    }
    let is_sound = serde_json::from_slice(value).is_ok_and(|event: Structured| {
        event.specversion == "1.0" && event.id.as_bytes() == key && event.data.is_sound()
    });
    BillBody::new(is_sound, || {
        serde_json::from_slice(value).is_ok_and(|event: Typed| is_of_sums(event.r#type.as_bytes()))
    })
}

impl BillBody {
    /// What is not sound is asked for its type.
    fn new(is_sound: bool, is_of_sums: impl FnOnce() -> bool) -> Self {
        if is_sound {
            Self::Sound
        } else if is_of_sums() {
            Self::Sums
        } else {
            Self::Malformed
        }
    }
}

/// Whatever its version.
fn is_of_sums(event_type: &[u8]) -> bool {
    event_type.starts_with(SUMS_TYPE.as_bytes())
}

/// The type of events that sum executions up, without its version.
pub(crate) const SUMS_TYPE: &str = "express.executions.billed.";

impl Data {
    fn is_sound(&self) -> bool {
        self.billed_duration_ms >= 100
            && self.billed_duration_ms.is_multiple_of(100)
            && self.billed_memory_mb >= 64
            && self.billed_memory_mb.is_multiple_of(64)
            && !self.status.is_empty()
            && scaled(&self.gb_seconds)
                == Some(
                    u128::from(self.billed_duration_ms)
                        * u128::from(self.billed_memory_mb)
                        * SCALED_PER_MS_MB,
                )
    }
}

/// Reads a plain decimal as a multiple of 10⁻¹³; the divisor 1,024,000 = 2¹³·5³ needs no more
/// digits than that.
fn scaled(text: &str) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let all_digits = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 13 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<13}").parse().ok()
}

/// 10¹³ / 1,024,000.
const SCALED_PER_MS_MB: u128 = 9_765_625;

#[cfg(test)]
mod tests {
    use super::*;

    fn data(ms: u64, mb: u64, gb_seconds: &str) -> String {
        format!(
            r#"{{"requests":1,"billed_duration_ms":{ms},"billed_memory_mb":{mb},
            "gb_seconds":"{gb_seconds}","status":"SUCCEEDED","state_machine_arn":"a"}}"#
        )
    }

    fn body(id: &str, ms: u64, mb: u64, gb_seconds: &str) -> Vec<u8> {
        let data = data(ms, mb, gb_seconds);
        format!(r#"{{"specversion":"1.0","id":"{id}","source":"s","type":"t","data":{data}}}"#)
            .into_bytes()
    }

    fn is_structured(key: &[u8], value: &[u8]) -> bool {
        let headers = [(&b"content-type"[..], Some(&b"application/cloudevents+json"[..]))];
        look(key, value, headers) == BillBody::Sound
    }

    fn is_binary(key: &[u8], value: &str, id: &str, specversion: &str) -> bool {
        let headers = [
            (&b"content-type"[..], Some(&b"application/json"[..])),
            (b"ce_specversion", Some(specversion.as_bytes())),
            (b"ce_id", Some(id.as_bytes())),
            (b"ce_subject", None),
        ];
        look(key, value.as_bytes(), headers) == BillBody::Sound
    }

    #[test]
    fn the_documented_example_is_sound() {
        assert!(is_structured(b"arn:1", &body("arn:1", 100, 64, "0.00625")));
        assert!(is_structured(b"arn:1", &body("arn:1", 1_600, 1_280, "2")));
        assert!(is_structured(b"arn:1", &body("arn:1", 1_600, 1_280, "2.000")));
    }

    #[test]
    fn in_binary_mode_the_attributes_are_headers_and_the_value_is_the_data() {
        let right = data(100, 64, "0.00625");
        assert!(is_binary(b"arn:1", &right, "arn:1", "1.0"));
        assert!(!is_binary(b"arn:2", &right, "arn:1", "1.0"));
        assert!(!is_binary(b"arn:1", &right, "arn:1", "0.3"));
        assert!(!is_binary(b"arn:1", &data(100, 64, "0.00626"), "arn:1", "1.0"));
        assert!(!is_binary(b"arn:1", "", "arn:1", "1.0"));
        // Without the headers it is no event of either mode.
        assert_eq!(look(b"arn:1", right.as_bytes(), []), BillBody::Malformed);
    }

    #[test]
    fn sums_are_known_by_their_type_in_either_mode() {
        let data = r#"{"from_offset":0,"to_offset":9,"requests":9,"sums":[]}"#;
        let structured = |event_type: &str| {
            format!(r#"{{"specversion":"1.0","id":"a","type":"{event_type}","data":{data}}}"#)
        };
        let look_into = |event_type: &str| look(b"a", structured(event_type).as_bytes(), []);
        assert_eq!(look_into("express.executions.billed.v1"), BillBody::Sums);
        assert_eq!(look_into("express.execution.billed.v1"), BillBody::Malformed);
        let binary = |event_type: &[u8]| {
            let headers = [
                (&b"ce_specversion"[..], Some(&b"1.0"[..])),
                (b"ce_id", Some(b"a")),
                (b"ce_type", Some(event_type)),
            ];
            look(b"a", data.as_bytes(), headers)
        };
        assert_eq!(binary(b"express.executions.billed.v1"), BillBody::Sums);
        assert_eq!(binary(b"another"), BillBody::Malformed);
    }

    #[test]
    fn every_contradiction_is_noticed() {
        assert!(!is_structured(b"arn:2", &body("arn:1", 100, 64, "0.00625")));
        assert!(!is_structured(b"arn:1", &body("arn:1", 100, 64, "0.00626")));
        assert!(!is_structured(b"arn:1", &body("arn:1", 150, 64, "0.009375")));
        assert!(!is_structured(b"arn:1", &body("arn:1", 0, 64, "0")));
        assert!(!is_structured(b"arn:1", &body("arn:1", 100, 65, "0.00634765625")));
        assert!(!is_structured(b"arn:1", &body("arn:1", 100, 64, "6.25e-3")));
        assert!(!is_structured(b"arn:1", &body("arn:1", 100, 64, "")));
        assert!(!is_structured(b"arn:1", b"{}"));
        assert!(!is_structured(b"", b""));
    }
}
