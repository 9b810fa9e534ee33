//! Whether the body of a billing record agrees with its key and with itself.

use serde::Deserialize;

/// The fields of a billing CloudEvent that the checker looks at.
#[derive(Deserialize)]
struct Body {
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

/// Returns whether `value` is a CloudEvent 1.0 with `key` as its id, durations in whole 100 ms,
/// memory in whole 64 MB, and exactly the GB-seconds that follow from both.
pub(crate) fn is_sound(key: &[u8], value: &[u8]) -> bool {
    let Ok(Body {
        specversion,
        id,
        data,
    }) = serde_json::from_slice(value)
    else {
        return false;
    };
    specversion == "1.0"
        && id.as_bytes() == key
        && data.billed_duration_ms >= 100
        && data.billed_duration_ms.is_multiple_of(100)
        && data.billed_memory_mb >= 64
        && data.billed_memory_mb.is_multiple_of(64)
        && !data.status.is_empty()
        && scaled(&data.gb_seconds)
            == Some(
                u128::from(data.billed_duration_ms)
                    * u128::from(data.billed_memory_mb)
                    * SCALED_PER_MS_MB,
            )
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

    fn body(id: &str, ms: u64, mb: u64, gb_seconds: &str) -> Vec<u8> {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"s","type":"t","data":{{"requests":1,
            "billed_duration_ms":{ms},"billed_memory_mb":{mb},"gb_seconds":"{gb_seconds}",
            "status":"SUCCEEDED","state_machine_arn":"a"}}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn the_documented_example_is_sound() {
        assert!(is_sound(b"arn:1", &body("arn:1", 100, 64, "0.00625")));
        assert!(is_sound(b"arn:1", &body("arn:1", 1_600, 1_280, "2")));
        assert!(is_sound(b"arn:1", &body("arn:1", 1_600, 1_280, "2.000")));
    }

    #[test]
    fn every_contradiction_is_noticed() {
        assert!(!is_sound(b"arn:2", &body("arn:1", 100, 64, "0.00625")));
        assert!(!is_sound(b"arn:1", &body("arn:1", 100, 64, "0.00626")));
        assert!(!is_sound(b"arn:1", &body("arn:1", 150, 64, "0.009375")));
        assert!(!is_sound(b"arn:1", &body("arn:1", 0, 64, "0")));
        assert!(!is_sound(
            b"arn:1",
            &body("arn:1", 100, 65, "0.00634765625")
        ));
        assert!(!is_sound(b"arn:1", &body("arn:1", 100, 64, "6.25e-3")));
        assert!(!is_sound(b"arn:1", &body("arn:1", 100, 64, "")));
        assert!(!is_sound(b"arn:1", b"{}"));
        assert!(!is_sound(b"", b""));
    }
}
