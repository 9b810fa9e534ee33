//! Amazon Resource Names of state machines and Express executions.

use crate::base::ids::ExecutionSuffix;
use crate::base::name::name_is_valid;

/// The ARN of a state machine, with its parts at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateMachineArn {
    text: String,
    region: std::ops::Range<usize>,
    account: std::ops::Range<usize>,
    name: std::ops::Range<usize>,
}

impl StateMachineArn {
    /// Builds `arn:aws:states:REGION:ACCOUNT:stateMachine:NAME`.
    ///
    /// # Errors
    /// When a part could not stand in an ARN; the ARN is written into JSON unescaped, so this check
    /// is also what keeps billing records well-formed.
    pub fn new(region: &str, account: &str, name: &str) -> Result<Self, ArnError> {
        let region_is_valid = !region.is_empty()
            && region
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !region_is_valid {
            return Err(ArnError::Region(shorten(region)));
        }
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ArnError::Account(shorten(account)));
        }
        if !name_is_valid(name) {
            return Err(ArnError::Name(shorten(name)));
        }
        let mut text = String::from("arn:aws:states:");
        let mut push = |part: &str, after: &str| {
            let start = text.len();
            text.push_str(part);
            let range = start..text.len();
            text.push_str(after);
            range
        };
        let region = push(region, ":");
        let account = push(account, ":stateMachine:");
        let name = push(name, "");
        Ok(Self { text, region, account, name })
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The region part.
    pub fn region(&self) -> &str {
        &self.text[self.region.clone()]
    }

    /// The account part.
    pub fn account(&self) -> &str {
        &self.text[self.account.clone()]
    }

    /// The machine's name.
    pub fn name(&self) -> &str {
        &self.text[self.name.clone()]
    }

    /// The `source` of the machine's CloudEvents: `//states/REGION/ACCOUNT`.
    pub fn event_source(&self) -> String {
        format!("//states/{}/{}", self.region(), self.account())
    }

    /// Everything of an Express execution ARN that is the same for all executions:
    /// `arn:aws:states:REGION:ACCOUNT:express:NAME:`.
    pub fn express_prefix(&self) -> String {
        format!("arn:aws:states:{}:{}:express:{}:", self.region(), self.account(), self.name())
    }
}

impl std::fmt::Display for StateMachineArn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a state machine's ARN cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// Not a region.
    #[error("region `{0}` is not lower-case letters, digits and hyphens")]
    Region(String),
    /// Not an account number.
    #[error("account `{0}` is not 12 digits")]
    Account(String),
    /// Not a machine name.
    #[error(
        "state machine name `{0}` is empty, longer than 80 characters, or has a character that AWS forbids in names"
    )]
    Name(String),
}

/// Appends `arn:aws:states:REGION:ACCOUNT:express:MACHINE:NAME:SUFFIX`; `express_prefix` is
/// [`StateMachineArn::express_prefix`].
pub fn push_execution_arn(
    out: &mut Vec<u8>,
    express_prefix: &str,
    name: &str,
    suffix: ExecutionSuffix,
) {
    out.extend_from_slice(express_prefix.as_bytes());
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in suffix.0.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    out.extend_from_slice(&text);
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_machine_arn_has_its_parts() {
        let arn = StateMachineArn::new("eu-west-1", "111111111111", "order-flow").unwrap();
        assert_eq!(arn.as_str(), "arn:aws:states:eu-west-1:111111111111:stateMachine:order-flow");
        assert_eq!(
            (arn.region(), arn.account(), arn.name()),
            ("eu-west-1", "111111111111", "order-flow")
        );
    }

    #[test]
    fn execution_arn_ends_with_the_suffix_in_uuid_form() {
        let arn = StateMachineArn::new("us-east-1", "123456789012", "m").unwrap();
        let mut out = Vec::new();
        let suffix = ExecutionSuffix([
            0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
            0xee, 0xff,
        ]);
        push_execution_arn(&mut out, &arn.express_prefix(), "run-1", suffix);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "arn:aws:states:us-east-1:123456789012:express:m:run-1:00112233-4455-6677-8899-aabbccddeeff"
        );
        assert!(text.ends_with(&suffix.to_string()));
    }

    #[test]
    fn bad_parts_are_named() {
        assert!(matches!(
            StateMachineArn::new("EU", "111111111111", "m"),
            Err(ArnError::Region(_))
        ));
        assert!(matches!(StateMachineArn::new("eu", "1", "m"), Err(ArnError::Account(_))));
        assert!(matches!(
            StateMachineArn::new("eu", "111111111111", "m\""),
            Err(ArnError::Name(_))
        ));
    }
}
