//! Which settings the Kafka client takes, asked of the client itself: nothing is connected.

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

/// Why the client does not take a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingRefused {
    /// It has none of this name.
    #[error("librdkafka has no such property")]
    Unknown {
        /// The name it has that differs by one slip of the finger.
        near: Option<String>,
    },
    /// It does not take the value; its own words, which may repeat the value.
    #[error("{0}")]
    Value(String),
}

/// Asks the client whether it takes a setting. What settings say about each other it finds out only
/// when it is started.
///
/// # Errors
/// [`SettingRefused`].
pub fn check_setting(key: &str, value: &str) -> Result<(), SettingRefused> {
    // The client would load what is named here, and so run it, before it is started.
    let value = if key == PLUGINS { "" } else { value };
    match ClientConfig::new().set(key, value).create_native_config() {
        Ok(_) => Ok(()),
        Err(error) if is_unknown(&error) => Err(SettingRefused::Unknown { near: near(key) }),
        Err(error) => Err(SettingRefused::Value(reason_without_value(error))),
    }
}

/// What the client says of settings that it does not take. Its error repeats the value, which may be
/// a secret; its reason does so only for numbers and words of a list.
pub(super) fn reason_without_value(error: KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, reason, ..) => reason.trim_end().to_owned(),
        KafkaError::Nul(_) => "a name and a value may not contain the character NUL".to_owned(),
        other => other.to_string(),
    }
}

fn is_unknown(error: &KafkaError) -> bool {
    matches!(error, KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..))
}

/// The client gives no list of its names, but it knows each that it is asked for.
fn near(key: &str) -> Option<String> {
    if key.len() > NAME_BYTES_MAX || !key.is_ascii() {
        return None;
    }
    let is_known = |name: &String| match ClientConfig::new().set(name, "").create_native_config() {
        Ok(_) => true,
        Err(error) => !is_unknown(&error),
    };
    slips(&key.to_ascii_lowercase()).find(is_known)
}

/// Every name from which `typed`, in ASCII, may have come: the likeliest slips first.
fn slips(typed: &str) -> impl Iterator<Item = String> {
    let dotted = typed.replace(['_', '-'], ".");
    let swapped = (1..typed.len())
        .map(|at| [&typed[..at - 1], &typed[at..=at], &typed[at - 1..at], &typed[at + 1..]]);
    let doubled = (0..typed.len()).map(|at| [&typed[..at], &typed[at + 1..], "", ""]);
    let left_out = (0..=typed.len())
        .flat_map(|at| LETTERS.map(|letter| [&typed[..at], letter, &typed[at..], ""]));
    let mistaken = (0..typed.len())
        .flat_map(|at| LETTERS.map(|letter| [&typed[..at], letter, &typed[at + 1..], ""]));
    let edited = swapped.chain(doubled).chain(left_out).chain(mistaken).map(|parts| parts.concat());
    [typed.to_owned(), dotted].into_iter().chain(edited)
}

/// What names of properties are made of, but for underscores, which only hidden ones have.
const LETTERS: [&str; 27] = [
    ".", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
    "s", "t", "u", "v", "w", "x", "y", "z",
];

const PLUGINS: &str = "plugin.library.paths";

/// The longest name has 49 bytes.
const NAME_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn said(key: &str, value: &str) -> String {
        match check_setting(key, value) {
            Err(SettingRefused::Value(said)) => said,
            other => panic!("{key}: {other:?}"),
        }
    }

    #[test]
    fn names_and_values_are_the_client_s() {
        for (key, value) in [
            ("linger.ms", "5"),
            ("linger.ms", "0.5"),
            ("check.crcs", "true"),
            ("message.timeout.ms", "1000"),
            ("compression.type", "zstd"),
            ("sasl.password", "s3cret"),
        ] {
            assert_eq!(check_setting(key, value), Ok(()), "{key}");
        }
        assert!(said("compression.type", "zip").contains("\"zip\""));
        assert!(said("queued.min.messages", "soon").contains("queued.min.messages"));
        assert!(said("queued.min.messages", "0").ends_with("outside allowed range 1..10000000"));
        assert!(said("dr_cb", "x").contains("dr_cb"));
        assert!(said("linger.ms", "5\0").contains("NUL"));
    }

    #[test]
    fn a_name_that_differs_by_one_slip_is_proposed() {
        let unknown = |near: &str| {
            let near = Some(near.to_owned()).filter(|near| !near.is_empty());
            Err(SettingRefused::Unknown { near })
        };
        for (typed, near) in [
            ("linger_ms", "linger.ms"),
            ("Linger.ms", "linger.ms"),
            ("ligner.ms", "linger.ms"),
            ("lingger.ms", "linger.ms"),
            ("lingerms", "linger.ms"),
            ("fetch.wait.max.m", "fetch.wait.max.ms"),
            ("fetch.wait.mix.ms", "fetch.wait.max.ms"),
            ("no.such.thing", ""),
            ("", ""),
            ("ü", ""),
            (&"x".repeat(10_000), ""),
        ] {
            assert_eq!(check_setting(typed, "1"), unknown(near), "{typed}");
        }
    }

    #[test]
    fn a_plugin_is_not_loaded() {
        let loaded = ClientConfig::new().set(PLUGINS, "/nowhere.so").create_native_config();
        let said = loaded.err().map(reason_without_value).expect("it is loaded at once");
        assert!(said.contains("/nowhere.so"), "{said}");
        assert_eq!(check_setting(PLUGINS, "/nowhere.so"), Ok(()));
    }

    #[test]
    fn the_reason_of_the_client_does_not_repeat_a_secret() {
        let error = ClientConfig::new().set("sasl.pasword", "s3cret").create_native_config();
        let error = error.err().expect("it is refused");
        assert!(error.to_string().contains("s3cret"), "{error}");
        let reason = reason_without_value(error);
        assert!(reason.contains("sasl.pasword") && !reason.contains("s3cret"), "{reason}");
    }
}
