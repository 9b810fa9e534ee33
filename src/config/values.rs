//! Values that are written in their own way: periods, addresses, counts, client properties.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Number of shard threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardCount {
    /// The usable cores less the I/O threads, at least one.
    Auto,
    /// As given.
    Exactly(u16),
}

/// Most shard threads that can be asked for.
pub const SHARDS_MAX: u16 = 1_024;

impl Serialize for ShardCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Exactly(count) => serializer.serialize_u16(*count),
        }
    }
}

impl<'de> Deserialize<'de> for ShardCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Count(u16),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Count(count) if (1..=SHARDS_MAX).contains(&count) => Ok(Self::Exactly(count)),
            Written::Word(word) if word == "auto" => Ok(Self::Auto),
            _ => Err(de::Error::custom("expected \"auto\" or an integer from 1 to 1024")),
        }
    }
}

impl JsonSchema for ShardCount {
    fn schema_name() -> Cow<'static, str> {
        "ShardCount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Number of shard threads, or \"auto\".",
            "anyOf": [
                {"const": "auto"},
                {"type": "integer", "minimum": 1, "maximum": SHARDS_MAX},
            ],
        })
    }
}

/// Address of a listener, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(Option<SocketAddr>);

impl Listen {
    /// A port on 127.0.0.1.
    pub fn loopback(port: u16) -> Self {
        Self(Some((Ipv4Addr::LOCALHOST, port).into()))
    }

    /// The address; `None` when it is `"off"`.
    pub fn address(self) -> Option<SocketAddr> {
        self.0
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let address = match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}").parse(),
            None => text.parse(),
        };
        address.map(|address| Self(Some(address))).map_err(|_| {
            "expected an IP address with a port, such as \"0.0.0.0:9640\", or \"off\"".to_owned()
        })
    }
}

impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(address) => serializer.collect_str(&address),
            None => serializer.serialize_str("off"),
        }
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for Listen {
    fn schema_name() -> Cow<'static, str> {
        "Listen".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "IP address and port, or \"off\".",
            "type": "string",
            "format": "listen",
        })
    }
}

/// Value of a librdkafka property: text, or a number or boolean written without quotes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Property(pub String);

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(text)),
            value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => {
                Ok(Self(value.to_string()))
            }
            _ => Err(de::Error::custom("expected text, a number or a boolean")),
        }
    }
}

impl JsonSchema for Property {
    fn schema_name() -> Cow<'static, str> {
        "Property".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Value of a librdkafka property.",
            "type": ["string", "integer", "number", "boolean"],
        })
    }
}

/// Spans of time written as `"25s"`.
pub mod period {
    use std::time::Duration;

    use super::{
        Cow, Deserialize, Deserializer, JsonSchema, Schema, SchemaGenerator, Serializer, de,
        json_schema,
    };

    /// Stands for a period in the schema.
    pub struct Text;

    impl JsonSchema for Text {
        fn schema_name() -> Cow<'static, str> {
            "Period".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "A span of time: digits and one of ms, s, m, h.",
                "type": "string",
                "format": "period",
                "pattern": "^[0-9]+(ms|s|m|h)$",
            })
        }
    }

    /// Reads digits and a unit; at most a day.
    pub fn parse(text: &str) -> Result<Duration, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(EXPECTED.to_owned()),
        };
        let number: u64 = number.parse().map_err(|_| EXPECTED.to_owned())?;
        match number.checked_mul(unit_ms) {
            Some(ms) if ms <= DAY_MS => Ok(Duration::from_millis(ms)),
            _ => Err("longer than a day".to_owned()),
        }
    }

    /// Writes the largest unit that divides the period.
    pub fn format(period: Duration) -> String {
        let ms = period.as_millis();
        match ms {
            0 => "0s".to_owned(),
            _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
            _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
            _ if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
            _ => format!("{ms}ms"),
        }
    }

    /// For `#[serde(with)]`.
    pub fn serialize<S: Serializer>(period: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format(*period))
    }

    /// For `#[serde(with)]`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }

    const EXPECTED: &str = "expected digits and a unit (ms, s, m, h), such as \"25s\"";
    const DAY_MS: u64 = 86_400_000;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn period_reads_each_unit_and_writes_the_largest() {
        for (text, ms, written) in [
            ("250ms", 250, "250ms"),
            ("25s", 25_000, "25s"),
            ("120s", 120_000, "2m"),
            ("2h", 7_200_000, "2h"),
            ("0s", 0, "0s"),
        ] {
            let period = period::parse(text).unwrap();
            assert_eq!(period, Duration::from_millis(ms));
            assert_eq!(period::format(period), written);
        }
    }

    #[test]
    fn period_refuses_what_has_no_unit_or_is_too_long() {
        for text in ["", "25", "s", "-1s", "1.5s", "25 s", "25h", "99999999999999999999s"] {
            assert!(period::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn listen_reads_addresses_and_off() {
        assert_eq!(Listen::parse("localhost:0").unwrap(), Listen::parse("127.0.0.1:0").unwrap());
        assert_eq!(Listen::parse("off").unwrap().address(), None);
        assert!(Listen::parse("[::1]:9640").unwrap().address().is_some());
        assert!(Listen::parse("9640").is_err());
        assert!(Listen::parse("example.com:80").is_err());
    }
}
